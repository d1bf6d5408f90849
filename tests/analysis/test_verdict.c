/* Verdicts on scores whose answer is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "analysis/verdict.h"
#include "common/random.h"

#define PAIRS 30

static const struct mm_verdict_rule time_rule = {
    .margin = 0.01, .minimum_effect = 0.02, .target = 0.05};

static const struct mm_verdict_settings settings = {
    .level = 0.001,
    .first_share = 0.5,
    .futility = 0.25,
    .coverage = 0.95,
    .power = 0.95,
    .pairs = PAIRS,
};

static double normal(struct mm_random *random)
{
    double radius = sqrt(-2 * log(1 - mm_random_unit(random)));
    return radius * cos(2 * M_PI * mm_random_unit(random));
}

/* Scores around an effect with a noise that is a standard deviation. */
static void draw(double *scores, size_t count, double effect, double noise, uint64_t seed)
{
    struct mm_random random;

    mm_random_seed(&random, seed);
    for (size_t i = 0; i < count; i++) {
        scores[i] = log1p(effect) + noise * normal(&random);
    }
}

static struct mm_verdict_series series_of(const double *scores, size_t count)
{
    return (struct mm_verdict_series){
        .scores = scores, .count = count, .first_count = count, .rule = &time_rule};
}

static struct mm_verdict_result judge_one(const struct mm_verdict_series *series)
{
    struct mm_verdict_result result;

    assert_int_equal(mm_verdict_suite(series, 1, &settings, &result), 0);
    return result;
}

static enum mm_verdict verdict_at(double effect, double noise)
{
    double scores[PAIRS];

    draw(scores, PAIRS, effect, noise, 1);
    struct mm_verdict_series series = series_of(scores, PAIRS);
    return judge_one(&series).verdict;
}

static void the_same_on_both_sides_passes(void **state)
{
    (void)state;
    assert_int_equal(verdict_at(0, 0.015), MM_VERDICT_PASS);
    double scores[PAIRS] = {0};
    struct mm_verdict_series series = series_of(scores, PAIRS);
    assert_int_equal(judge_one(&series).verdict, MM_VERDICT_PASS);
}

static void five_percent_more_is_a_regression(void **state)
{
    (void)state;
    double scores[PAIRS];

    draw(scores, PAIRS, 0.05, 0.015, 2);
    struct mm_verdict_series series = series_of(scores, PAIRS);
    struct mm_verdict_result result = judge_one(&series);
    assert_int_equal(result.verdict, MM_VERDICT_REGRESSED);
    assert_true(fabs(result.effect - 0.05) < 0.01);
    assert_true(result.interval.low < result.effect && result.effect < result.interval.high);
    assert_true(result.p_regressed_adjusted < 0.001);
}

static void five_percent_less_is_an_improvement(void **state)
{
    (void)state;
    assert_int_equal(verdict_at(-0.05, 0.015), MM_VERDICT_IMPROVED);
}

static void a_certain_effect_below_the_minimum_passes(void **state)
{
    (void)state;
    assert_int_equal(verdict_at(0.015, 0.0005), MM_VERDICT_PASS);
}

static void noise_that_hides_the_target_is_inconclusive(void **state)
{
    (void)state;
    double scores[PAIRS];

    draw(scores, PAIRS, 0.02, 0.2, 3);
    struct mm_verdict_series series = series_of(scores, PAIRS);
    struct mm_verdict_result result = judge_one(&series);
    assert_int_equal(result.verdict, MM_VERDICT_INCONCLUSIVE);
    assert_true(result.detectable > time_rule.target);
}

static void too_few_pairs_for_the_interval_never_pass(void **state)
{
    (void)state;
    static const double scores[] = {0, 0, 0, 0};
    struct mm_verdict_series series = series_of(scores, 4);
    assert_int_equal(judge_one(&series).verdict, MM_VERDICT_INCONCLUSIVE);
    series = series_of(NULL, 0);
    assert_int_equal(judge_one(&series).verdict, MM_VERDICT_INCONCLUSIVE);
}

static void a_failed_launch_is_failed_whatever_the_figures_say(void **state)
{
    (void)state;
    double scores[PAIRS] = {0};
    struct mm_verdict_series series = series_of(scores, PAIRS);
    series.failed = true;
    series.quarantined = true;
    assert_int_equal(judge_one(&series).verdict, MM_VERDICT_FAILED);
}

static void on_a_disturbed_machine_nothing_passes_and_nothing_regresses(void **state)
{
    (void)state;
    static const double effects[] = {0, 0.5, -0.5};
    double scores[PAIRS];

    for (size_t i = 0; i < 3; i++) {
        draw(scores, PAIRS, effects[i], 0.01, 4);
        struct mm_verdict_series series = series_of(scores, PAIRS);
        series.disturbed = true;
        assert_int_equal(judge_one(&series).verdict, MM_VERDICT_INCONCLUSIVE);
    }
}

static void what_is_quarantined_is_shown_and_never_passed(void **state)
{
    (void)state;
    double scores[PAIRS] = {0};
    struct mm_verdict_series series = series_of(scores, PAIRS);
    series.quarantined = true;
    assert_int_equal(judge_one(&series).verdict, MM_VERDICT_QUARANTINED);
}

static void a_waiver_holds_up_to_its_ceiling(void **state)
{
    (void)state;
    double scores[PAIRS];

    draw(scores, PAIRS, 0.10, 0.01, 5);
    struct mm_verdict_series series = series_of(scores, PAIRS);
    series.waived = true;
    series.ceiling = 0.15;
    assert_int_equal(judge_one(&series).verdict, MM_VERDICT_WAIVED);
    series.ceiling = 0.05;
    assert_int_equal(judge_one(&series).verdict, MM_VERDICT_REGRESSED);
}

static void one_more_fault_a_page_is_found_although_counts_have_no_noise(void **state)
{
    (void)state;
    static const struct mm_verdict_rule faults = {
        .margin = 0.005, .minimum_effect = 0.01, .target = 0.02};
    double scores[PAIRS];

    for (size_t i = 0; i < PAIRS; i++) {
        scores[i] = log(2);
    }
    struct mm_verdict_series series = series_of(scores, PAIRS);
    series.rule = &faults;
    assert_int_equal(judge_one(&series).verdict, MM_VERDICT_REGRESSED);
}

static void one_regression_among_many_is_found_and_named(void **state)
{
    (void)state;
    enum { SERIES = 40 };
    static double scores[SERIES][PAIRS];
    struct mm_verdict_series series[SERIES];
    struct mm_verdict_result results[SERIES];

    for (size_t i = 0; i < SERIES; i++) {
        draw(scores[i], PAIRS, i == 17 ? 0.06 : 0, 0.015, 100 + i);
        series[i] = series_of(scores[i], PAIRS);
    }
    assert_int_equal(mm_verdict_suite(series, SERIES, &settings, results), 0);
    for (size_t i = 0; i < SERIES; i++) {
        assert_int_equal(results[i].verdict, i == 17 ? MM_VERDICT_REGRESSED : MM_VERDICT_PASS);
    }
}

static void the_more_is_judged_the_more_certain_one_has_to_be(void **state)
{
    (void)state;
    enum { SERIES = 20 };
    static double scores[SERIES][PAIRS];
    struct mm_verdict_series series[SERIES];
    struct mm_verdict_result results[SERIES];

    for (size_t i = 0; i < SERIES; i++) {
        draw(scores[i], PAIRS, i == 0 ? 0.03 : 0, 0.02, 200 + i);
        series[i] = series_of(scores[i], PAIRS);
    }
    struct mm_verdict_result alone = judge_one(&series[0]);
    assert_int_equal(mm_verdict_suite(series, SERIES, &settings, results), 0);
    assert_true(results[0].p_regressed_adjusted > alone.p_regressed_adjusted);
    assert_true(results[0].detectable > alone.detectable);
}

static void an_extension_counts_at_the_rest_of_the_level(void **state)
{
    (void)state;
    double scores[60];

    draw(scores, 30, 0.02, 0.03, 6);
    draw(scores + 30, 30, 0.06, 0.01, 7);
    struct mm_verdict_series series = series_of(scores, 60);
    series.first_count = 30;
    struct mm_verdict_result extended = judge_one(&series);
    series.first_count = 60;
    struct mm_verdict_result at_once = judge_one(&series);
    assert_int_equal(extended.pairs, 60);
    /* The halves are equal, so both looks at all 60 pairs are worth the same. */
    assert_true(fabs(extended.p_regressed - at_once.p_regressed) < 1e-15);
    series.count = 30;
    series.first_count = 30;
    assert_true(extended.p_regressed < judge_one(&series).p_regressed);
}

static void an_early_look_stops_only_what_would_pass(void **state)
{
    (void)state;
    double scores[12];

    draw(scores, 12, 0, 0.01, 8);
    struct mm_verdict_series series = series_of(scores, 12);
    assert_true(mm_verdict_is_futile(&series, &settings));
    draw(scores, 12, 0.05, 0.01, 8); /* a regression goes on */
    assert_false(mm_verdict_is_futile(&series, &settings));
    draw(scores, 12, -0.08, 0.01, 8); /* an improvement too */
    assert_false(mm_verdict_is_futile(&series, &settings));
    draw(scores, 12, -0.01, 0.3, 8); /* and what is too noisy to pass */
    assert_false(mm_verdict_is_futile(&series, &settings));
    series.failed = true;
    assert_false(mm_verdict_is_futile(&series, &settings));
}

/* The share of fresh series at the detectable effect that regress. */
static void the_detectable_effect_is_detected_as_often_as_promised(void **state)
{
    (void)state;
    enum { ROUNDS = 400 };
    struct mm_verdict_settings plain = settings;
    struct mm_verdict_result result;
    static double sample[400];
    double scores[PAIRS];
    double effect;
    int found = 0;

    plain.power = 0;
    draw(sample, 400, 0, 0.02, 9);
    assert_int_equal(mm_verdict_detectable(sample, 400, PAIRS, &time_rule, 0.0005, 0.95, &effect),
                     0);
    assert_true(effect > 0.02 && effect < 0.05);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        draw(scores, PAIRS, effect, 0.02, 1000 + round);
        struct mm_verdict_series series = series_of(scores, PAIRS);
        assert_int_equal(mm_verdict_suite(&series, 1, &plain, &result), 0);
        found += result.verdict == MM_VERDICT_REGRESSED;
    }
    assert_true(found >= ROUNDS * 0.91 && found <= ROUNDS * 0.99);
}

static void too_few_pairs_for_the_level_detect_nothing(void **state)
{
    (void)state;
    double scores[PAIRS];
    double effect;

    draw(scores, PAIRS, 0, 0.01, 10);
    assert_int_equal(mm_verdict_detectable(scores, PAIRS, 8, &time_rule, 0.0005, 0.95, &effect), 0);
    assert_true(isinf(effect));
    assert_int_equal(mm_verdict_detectable(NULL, 0, PAIRS, &time_rule, 0.0005, 0.95, &effect), 0);
    assert_true(isinf(effect));
}

/* Without an effect beyond the margin, at a level that a test can afford to check. */
static void false_alarms_stay_below_the_level(void **state)
{
    (void)state;
    enum { SUITES = 300, SERIES = 5 };
    struct mm_verdict_settings lenient = settings;
    static double scores[SERIES][PAIRS];
    struct mm_verdict_series series[SERIES];
    struct mm_verdict_result results[SERIES];
    static const struct mm_verdict_rule exact = {.margin = 0, .minimum_effect = 0, .target = 0.05};
    int alarms = 0;

    lenient.level = 0.1;
    lenient.power = 0;
    lenient.first_share = 1;
    for (uint64_t suite = 0; suite < SUITES; suite++) {
        bool alarm = false;
        for (size_t i = 0; i < SERIES; i++) {
            draw(scores[i], PAIRS, 0, 0.02, 5000 + suite * SERIES + i);
            series[i] = series_of(scores[i], PAIRS);
            series[i].rule = &exact;
        }
        assert_int_equal(mm_verdict_suite(series, SERIES, &lenient, results), 0);
        for (size_t i = 0; i < SERIES; i++) {
            alarm = alarm || results[i].verdict == MM_VERDICT_REGRESSED;
        }
        alarms += alarm;
    }
    assert_true(alarms <= SUITES * 0.1 + 3 * sqrt(SUITES * 0.1 * 0.9));
    assert_true(alarms >= SUITES * 0.1 - 3 * sqrt(SUITES * 0.1 * 0.9));
}

static void every_verdict_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < MM_VERDICT_COUNT; i++) {
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(mm_verdict_name((enum mm_verdict)i),
                                    mm_verdict_name((enum mm_verdict)j));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_on_both_sides_passes),
        cmocka_unit_test(five_percent_more_is_a_regression),
        cmocka_unit_test(five_percent_less_is_an_improvement),
        cmocka_unit_test(a_certain_effect_below_the_minimum_passes),
        cmocka_unit_test(noise_that_hides_the_target_is_inconclusive),
        cmocka_unit_test(too_few_pairs_for_the_interval_never_pass),
        cmocka_unit_test(a_failed_launch_is_failed_whatever_the_figures_say),
        cmocka_unit_test(on_a_disturbed_machine_nothing_passes_and_nothing_regresses),
        cmocka_unit_test(what_is_quarantined_is_shown_and_never_passed),
        cmocka_unit_test(a_waiver_holds_up_to_its_ceiling),
        cmocka_unit_test(one_more_fault_a_page_is_found_although_counts_have_no_noise),
        cmocka_unit_test(one_regression_among_many_is_found_and_named),
        cmocka_unit_test(the_more_is_judged_the_more_certain_one_has_to_be),
        cmocka_unit_test(an_extension_counts_at_the_rest_of_the_level),
        cmocka_unit_test(an_early_look_stops_only_what_would_pass),
        cmocka_unit_test(the_detectable_effect_is_detected_as_often_as_promised),
        cmocka_unit_test(too_few_pairs_for_the_level_detect_nothing),
        cmocka_unit_test(false_alarms_stay_below_the_level),
        cmocka_unit_test(every_verdict_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
