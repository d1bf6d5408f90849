/* The shift between two samples: its distribution against R's, its interval in simulation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>

#define MATHLIB_STANDALONE
#include <Rmath.h>

#include "analysis/shift.h"
#include "common/random.h"

static void assert_close(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance)) {
        fail_msg("found %.17g, expected %.17g", found, expected);
    }
}

static void the_distribution_is_that_of_r(void **state)
{
    static const size_t sizes[][2] = {{1, 1}, {1, 7}, {3, 3}, {3, 30}, {30, 3}, {12, 9}, {40, 40}};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t u = 0; u <= sizes[i][0] * sizes[i][1] + 1; u++) {
            double found = -1;
            assert_int_equal(mm_shift_tail(sizes[i][0], sizes[i][1], u, &found), 0);
            assert_close(found, pwilcox((double)u, (double)sizes[i][0], (double)sizes[i][1], 1, 0),
                         1e-12);
        }
    }
    wilcox_free();
}

static void the_estimate_is_the_median_of_all_differences(void **state)
{
    static const double before[] = {10, 12, 11};
    static const double after[] = {20, 25, 23, 21};
    struct mm_shift shift;
    (void)state;
    /* 8 9 9 10 10 11, 11 12 13 13 14 15 */
    assert_int_equal(mm_shift_of(before, 3, after, 4, 0.95, &shift), 0);
    assert_close(shift.estimate, 11, 0);
    /* No interval of 3 and 4 values covers 95 %: the whole range does what it can. */
    assert_close(shift.interval.low, 8, 0);
    assert_close(shift.interval.high, 15, 0);
    assert_close(shift.interval.coverage, 1 - 2.0 / 35, 1e-12);
}

static void the_interval_covers_as_often_as_it_says(void **state)
{
    enum { ROUNDS = 3000, BEFORE = 9, AFTER = 14 };
    struct mm_random random;
    size_t covered = 0;
    double coverage = 0;
    (void)state;
    mm_random_seed(&random, 7);
    for (size_t round = 0; round < ROUNDS; round++) {
        double before[BEFORE];
        double after[AFTER];
        struct mm_shift shift;
        for (size_t i = 0; i < BEFORE; i++) {
            before[i] = -log(1 - mm_random_unit(&random)); /* skewed */
        }
        for (size_t i = 0; i < AFTER; i++) {
            after[i] = 3 - log(1 - mm_random_unit(&random));
        }
        assert_int_equal(mm_shift_of(before, BEFORE, after, AFTER, 0.95, &shift), 0);
        assert_true(shift.interval.low <= shift.estimate);
        assert_true(shift.interval.high >= shift.estimate);
        covered += shift.interval.low <= 3 && shift.interval.high >= 3;
        coverage = shift.interval.coverage;
    }
    assert_true(coverage >= 0.95 && coverage < 0.97);
    assert_close((double)covered / ROUNDS, coverage, 0.015);
}

static void what_cannot_be_computed_is_refused(void **state)
{
    static const double values[MM_SHIFT_LIMIT + 1] = {0};
    struct mm_shift shift;
    double probability;
    (void)state;
    assert_int_equal(mm_shift_of(values, 0, values, 3, 0.95, &shift), -EINVAL);
    assert_int_equal(mm_shift_of(values, MM_SHIFT_LIMIT + 1, values, 3, 0.95, &shift), -E2BIG);
    assert_int_equal(mm_shift_tail(3, 0, 0, &probability), -EINVAL);
    assert_int_equal(mm_shift_of(values, MM_SHIFT_LIMIT, values, MM_SHIFT_LIMIT, 0.95, &shift), 0);
    assert_close(shift.estimate, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_distribution_is_that_of_r),
        cmocka_unit_test(the_estimate_is_the_median_of_all_differences),
        cmocka_unit_test(the_interval_covers_as_often_as_it_says),
        cmocka_unit_test(what_cannot_be_computed_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
