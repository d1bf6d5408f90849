/* Scores of pairs, and the processors that launches may be pinned to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <sched.h>
#include <stdlib.h>

#include "harness/campaigns/gate_pair.h"

static void assert_close(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-12)) {
        fail_msg("found %.17g, expected %.17g", found, expected);
    }
}

static void without_slack_a_score_is_the_logarithm_of_the_ratio(void **state)
{
    (void)state;
    assert_close(mm_gate_score(100, 105, 0), log(1.05));
    assert_close(mm_gate_score(105, 100, 0), -log(1.05));
    assert_close(mm_gate_score(7, 7, 0), 0);
}

static void differences_within_the_slack_count_for_nothing(void **state)
{
    (void)state;
    assert_close(mm_gate_score(0, 16, 16), 0);
    assert_close(mm_gate_score(1000, 984, 16), 0);
    assert_close(mm_gate_score(0, 17, 16), log(2));
    assert_true(mm_gate_score(1000, 1200, 16) < log(1.2));
    assert_close(mm_gate_score(1200, 1000, 16), log((1000.0 + 16 + 1) / 1201));
}

static void scores_of_nothing_are_finite(void **state)
{
    (void)state;
    assert_close(mm_gate_score(0, 0, 0), 0);
    assert_true(isfinite(mm_gate_score(0, 5, 0)) && mm_gate_score(0, 5, 0) > 0);
    assert_true(isfinite(mm_gate_score(5, 0, 0)) && mm_gate_score(5, 0, 0) < 0);
}

static void the_cores_are_those_that_this_process_may_use(void **state)
{
    (void)state;
    cpu_set_t set;
    int *cores = NULL;
    size_t count = 0;

    assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
    assert_int_equal(mm_gate_cores(&cores, &count), 0);
    assert_int_equal(count, CPU_COUNT(&set));
    for (size_t i = 0; i < count; i++) {
        assert_true(CPU_ISSET((size_t)cores[i], &set));
    }
    free(cores);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_slack_a_score_is_the_logarithm_of_the_ratio),
        cmocka_unit_test(differences_within_the_slack_count_for_nothing),
        cmocka_unit_test(scores_of_nothing_are_finite),
        cmocka_unit_test(the_cores_are_those_that_this_process_may_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
