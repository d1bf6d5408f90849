/* Suites drawn from scores whose answer is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <string.h>

#include "analysis/resample.h"
#include "common/random.h"

#define SETS       4
#define PAIRS      30
#define BENCHMARKS 6
#define METRICS    2

/* The second metric is of a kind that does not vary. */
static const struct mm_verdict_rule rules[METRICS] = {
    {.margin = 0.01, .minimum_effect = 0.02, .target = 0.05},
    {.margin = 0.01, .minimum_effect = 0.02, .target = 0.05},
};

struct kept {
    double scores[SETS][PAIRS][METRICS];
    struct mm_resample_set sets[SETS];
    struct mm_resample_benchmark benchmarks[BENCHMARKS];
    struct mm_resample_plan plan;
};

static double normal(struct mm_random *random)
{
    double radius = sqrt(-2 * log(1 - mm_random_unit(random)));
    return radius * cos(2 * M_PI * mm_random_unit(random));
}

/* Kept suites whose scores have this noise, and of which each differs by an offset of its own. */
static void keep(struct kept *kept, double noise, double offset)
{
    struct mm_random random;

    *kept = (struct kept){.plan = {.benchmarks = kept->benchmarks,
                                   .count = BENCHMARKS,
                                   .settings = {.level = 0.001,
                                                .first_share = 0.5,
                                                .futility = 0.25,
                                                .coverage = 0.95,
                                                .pairs = PAIRS},
                                   .first_look = 12,
                                   .extended = 2 * PAIRS,
                                   .allowed_inconclusive = 0.05}};
    mm_random_seed(&random, 9);
    for (size_t set = 0; set < SETS; set++) {
        for (size_t pair = 0; pair < PAIRS; pair++) {
            kept->scores[set][pair][0] = offset + noise * normal(&random);
        }
        kept->sets[set] = (struct mm_resample_set){.scores = kept->scores[set][0], .count = PAIRS};
    }
    for (size_t i = 0; i < BENCHMARKS; i++) {
        kept->benchmarks[i] = (struct mm_resample_benchmark){
            .sets = kept->sets, .set_count = SETS, .rules = rules, .metric_count = METRICS};
    }
}

static struct mm_resample_totals draw(const struct kept *kept, uint64_t suites)
{
    struct mm_resample_totals totals;

    assert_int_equal(mm_resample_suites(&kept->plan, 1, suites, &totals), 0);
    assert_int_equal(totals.suites, suites);
    assert_int_equal(totals.verdicts, suites * BENCHMARKS * METRICS);
    return totals;
}

/* The level is 1 of 1000 suites, without the margin and the minimum that a regression must have as
 * well. */
static void equal_sides_raise_fewer_alarms_than_the_level(void **state)
{
    (void)state;
    struct kept kept;

    for (enum mm_resample_way way = MM_RESAMPLE_SIGNS; way <= MM_RESAMPLE_CENTRED; way++) {
        keep(&kept, 0.015, 0);
        kept.plan.way = way;
        struct mm_resample_totals totals = draw(&kept, 1000);
        assert_true(totals.alarms <= 1);
        assert_true(totals.inconclusive <= totals.verdicts / 100);
    }
}

/* Without margin and minimum, and at a level that can be counted, the rate is that of the test: of
 * Benjamini and Hochberg's over the suite, at half of the level that is spent at the first look and
 * half that is kept. */
static void a_test_without_margin_has_the_rate_of_its_level(void **state)
{
    (void)state;
    static const struct mm_verdict_rule bare[METRICS] = {{.target = 0.05}, {.target = 0.05}};
    struct kept kept;

    keep(&kept, 0.015, 0);
    for (size_t i = 0; i < BENCHMARKS; i++) {
        kept.benchmarks[i].rules = bare;
        kept.benchmarks[i].metric_count = 1;
        kept.plan.settings.level = 0.2;
    }
    for (size_t set = 0; set < SETS; set++) {
        double *rows = kept.scores[set][0];
        for (size_t pair = 0; pair < PAIRS; pair++) {
            rows[pair] = rows[pair * METRICS];
        }
    }
    struct mm_resample_totals totals;
    assert_int_equal(mm_resample_suites(&kept.plan, 1, 1000, &totals), 0);
    assert_true(totals.alarms > 20);
    assert_true(totals.alarms < 200);
}

/* What all pairs of a suite share is noise from suite to suite, not an effect, unless all kept
 * suites happen to have the same sign: once in 16 with four of them, each way. */
static void an_offset_of_kept_suites_counts_unless_it_is_taken_off(void **state)
{
    (void)state;
    struct kept kept;

    keep(&kept, 0.001, 0.1);
    struct mm_resample_totals totals = draw(&kept, 200);
    assert_true(totals.regressed > 200 * BENCHMARKS / 32);
    assert_true(totals.regressed < 200 * BENCHMARKS / 8);
    assert_true(totals.inconclusive > 0);
    kept.plan.way = MM_RESAMPLE_CENTRED;
    totals = draw(&kept, 50);
    assert_int_equal(totals.alarms, 0);
    assert_int_equal(totals.inconclusive, 0);
    /* One kept suite alone, its sign turned or not: half of the benchmarks are worse. */
    for (size_t i = 0; i < BENCHMARKS; i++) {
        kept.benchmarks[i].set_count = 1;
    }
    kept.plan.way = MM_RESAMPLE_SIGNS;
    totals = draw(&kept, 200);
    assert_int_equal(totals.regressed + totals.improved, 200 * BENCHMARKS);
    assert_true(totals.regressed > 500);
    assert_true(totals.improved > 500);
}

static void a_shift_of_five_percent_is_found_in_every_suite(void **state)
{
    (void)state;
    struct kept kept;

    keep(&kept, 0.015, 0);
    kept.benchmarks[2].effect = 0.05;
    struct mm_resample_totals totals = draw(&kept, 200);
    assert_int_equal(totals.alarms, 200);
    assert_int_equal(totals.regressed, 200);
}

static void what_varies_not_at_all_stops_at_the_first_look(void **state)
{
    (void)state;
    struct kept kept;

    keep(&kept, 0, 0);
    struct mm_resample_totals totals = draw(&kept, 10);
    assert_int_equal(totals.pairs, 10 * BENCHMARKS * 12);
    assert_int_equal(totals.extended, 0);
}

static void what_varies_too_much_is_extended_and_inconclusive(void **state)
{
    (void)state;
    struct kept kept;

    keep(&kept, 0.5, 0);
    struct mm_resample_totals totals = draw(&kept, 20);
    assert_true(totals.extended > 0);
    assert_true(totals.pairs > 20 * BENCHMARKS * PAIRS);
    assert_true(totals.inconclusive_suites > 0);
    assert_true(totals.alarms + totals.inconclusive_suites <= 20);
}

static void the_same_seed_draws_the_same_suites(void **state)
{
    (void)state;
    struct kept kept;

    keep(&kept, 0.1, 0);
    struct mm_resample_totals first = draw(&kept, 20);
    struct mm_resample_totals second = draw(&kept, 20);
    assert_memory_equal(&first, &second, sizeof(first));
}

static void a_plan_that_has_nothing_to_draw_from_is_refused(void **state)
{
    (void)state;
    struct kept kept;
    struct mm_resample_totals totals = {.suites = 77};

    keep(&kept, 0.01, 0);
    kept.sets[1].count = 0;
    assert_int_equal(mm_resample_suites(&kept.plan, 1, 1, &totals), -EINVAL);
    keep(&kept, 0.01, 0);
    kept.plan.count = 0;
    assert_int_equal(mm_resample_suites(&kept.plan, 1, 1, &totals), -EINVAL);
    keep(&kept, 0.01, 0);
    kept.plan.first_look = PAIRS + 1;
    assert_int_equal(mm_resample_suites(&kept.plan, 1, 1, &totals), -EINVAL);
    keep(&kept, 0.01, 0);
    kept.plan.extended = 10000;
    assert_int_equal(mm_resample_suites(&kept.plan, 1, 1, &totals), -E2BIG);
    assert_int_equal(totals.suites, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_sides_raise_fewer_alarms_than_the_level),
        cmocka_unit_test(a_test_without_margin_has_the_rate_of_its_level),
        cmocka_unit_test(an_offset_of_kept_suites_counts_unless_it_is_taken_off),
        cmocka_unit_test(a_shift_of_five_percent_is_found_in_every_suite),
        cmocka_unit_test(what_varies_not_at_all_stops_at_the_first_look),
        cmocka_unit_test(what_varies_too_much_is_extended_and_inconclusive),
        cmocka_unit_test(the_same_seed_draws_the_same_suites),
        cmocka_unit_test(a_plan_that_has_nothing_to_draw_from_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
