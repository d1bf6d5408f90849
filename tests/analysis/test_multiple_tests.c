/* Corrections for many tests against worked examples and simulation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "analysis/multiple_tests.h"
#include "common/random.h"
#include "common/text.h"

static void assert_close(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-14)) {
        fail_msg("found %.17g, expected %.17g", found, expected);
    }
}

static void benjamini_hochberg_scales_by_rank_and_never_falls(void **state)
{
    (void)state;
    static const double given[] = {0.04, 0.001, 0.9, 0.03, 0.02};
    static const double expected[] = {0.05, 0.005, 0.9, 0.05, 0.05};
    double found[5];

    assert_int_equal(mm_adjust_benjamini_hochberg(given, 5, found), 0);
    for (size_t i = 0; i < 5; i++) {
        assert_close(found[i], expected[i]);
    }
}

static void holm_scales_by_those_left_and_never_falls(void **state)
{
    (void)state;
    static const double given[] = {0.04, 0.001, 0.9, 0.03, 0.02};
    static const double expected[] = {0.09, 0.005, 0.9, 0.09, 0.08};
    double found[5];

    assert_int_equal(mm_adjust_holm(given, 5, found), 0);
    for (size_t i = 0; i < 5; i++) {
        assert_close(found[i], expected[i]);
    }
}

static void one_test_stays_as_it_is_and_none_is_fine(void **state)
{
    (void)state;
    double found = 0;
    double given = 0.3;

    assert_int_equal(mm_adjust_benjamini_hochberg(&given, 1, &found), 0);
    assert_close(found, 0.3);
    assert_int_equal(mm_adjust_holm(&given, 1, &found), 0);
    assert_close(found, 0.3);
    assert_int_equal(mm_adjust_holm(NULL, 0, NULL), 0);
    assert_int_equal(mm_adjust_benjamini_hochberg(NULL, 0, NULL), 0);
}

static void two_looks_share_one_level(void **state)
{
    (void)state;
    assert_close(mm_combine_looks(0.01, 1, 0.5), 0.02);
    assert_close(mm_combine_looks(0.4, 0.0005, 0.5), 0.001);
    assert_close(mm_combine_looks(0.9, 0.8, 0.5), 1);
    assert_close(mm_combine_looks(0.01, 1, 1), 0.01);
    assert_close(mm_combine_looks(0.01, 0.02, 0), 0.02);
}

/* Without any effect, with a second look at every test that was not rejected at the first: the
 * share of suites with a false alarm stays below the level. */
static void two_looks_at_many_tests_do_not_raise_false_alarms(void **state)
{
    (void)state;
    enum { SUITES = 20000, TESTS = 10 };
    static const double level = 0.05;
    struct mm_random random;
    int alarms[2] = {0, 0};

    mm_random_seed(&random, 1);
    for (int suite = 0; suite < SUITES; suite++) {
        double combined[TESTS];
        double adjusted[TESTS];
        for (size_t i = 0; i < TESTS; i++) {
            double first = mm_random_unit(&random);
            double second = first > level / 2 ? mm_random_unit(&random) : 1;
            combined[i] = mm_combine_looks(first, second, 0.5);
        }
        for (int which = 0; which < 2; which++) {
            int code = which == 0 ? mm_adjust_benjamini_hochberg(combined, TESTS, adjusted)
                                  : mm_adjust_holm(combined, TESTS, adjusted);
            assert_int_equal(code, 0);
            bool alarm = false;
            for (size_t i = 0; i < TESTS; i++) {
                alarm = alarm || adjusted[i] <= level;
            }
            alarms[which] += alarm;
        }
    }
    double allowed = SUITES * level + 4 * sqrt(SUITES * level * (1 - level));
    assert_true(alarms[0] <= allowed && alarms[1] <= allowed);
    assert_true(alarms[0] > 0 && alarms[1] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(benjamini_hochberg_scales_by_rank_and_never_falls),
        cmocka_unit_test(holm_scales_by_those_left_and_never_falls),
        cmocka_unit_test(one_test_stays_as_it_is_and_none_is_fine),
        cmocka_unit_test(two_looks_share_one_level),
        cmocka_unit_test(two_looks_at_many_tests_do_not_raise_false_alarms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
