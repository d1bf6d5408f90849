/* The rules by which scores become verdicts. */
#include "analysis/verdict.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/multiple_tests.h"
#include "analysis/signed_rank.h"

const char *mm_verdict_name(enum mm_verdict verdict)
{
    static const char *const names[MM_VERDICT_COUNT] = {
        [MM_VERDICT_PASS] = "PASS",           [MM_VERDICT_IMPROVED] = "IMPROVED",
        [MM_VERDICT_REGRESSED] = "REGRESSED", [MM_VERDICT_INCONCLUSIVE] = "INCONCLUSIVE",
        [MM_VERDICT_FAILED] = "FAILED",       [MM_VERDICT_QUARANTINED] = "QUARANTINED",
        [MM_VERDICT_WAIVED] = "WAIVED",
    };
    return names[verdict];
}

enum mm_verdict mm_verdict_worse(enum mm_verdict one, enum mm_verdict other)
{
    static const int ranks[MM_VERDICT_COUNT] = {
        [MM_VERDICT_PASS] = 0,        [MM_VERDICT_IMPROVED] = 1,     [MM_VERDICT_WAIVED] = 2,
        [MM_VERDICT_QUARANTINED] = 3, [MM_VERDICT_INCONCLUSIVE] = 4, [MM_VERDICT_REGRESSED] = 5,
        [MM_VERDICT_FAILED] = 6,
    };
    return ranks[other] > ranks[one] ? other : one;
}

/* An early look that sees an improvement so clear goes on, so that it can be said at the level. */
#define CLEAR_IMPROVEMENT 0.01

static bool is_judged(const struct mm_verdict_series *series)
{
    return !series->failed && series->count > 0;
}

/* Both questions of the first `count` scores: worse than the margin, better than it. */
static int ask(const struct mm_verdict_series *series, size_t count, double *p_regressed,
               double *p_improved, double *p_sign)
{
    struct mm_signed_rank worse;
    struct mm_signed_rank better;
    double margin = log1p(series->rule->margin);

    int code = mm_signed_rank_test(series->scores, count, margin, &worse);
    if (code == 0) {
        code = mm_signed_rank_test(series->scores, count, -margin, &better);
    }
    if (code == 0) {
        *p_regressed = worse.p_greater;
        *p_improved = better.p_less;
        *p_sign = worse.sign_p_greater;
    }
    return code;
}

/* The second look, where there is one, is at all scores. */
static int test_series(const struct mm_verdict_series *series,
                       const struct mm_verdict_settings *settings, struct mm_verdict_result *result)
{
    double first_regressed = 1;
    double first_improved = 1;
    double p_regressed = 1;
    double p_improved = 1;
    bool extended = series->first_count < series->count;

    int code = ask(series, series->first_count, &first_regressed, &first_improved, &result->p_sign);
    if (code == 0 && extended) {
        code = ask(series, series->count, &p_regressed, &p_improved, &result->p_sign);
    }
    result->p_regressed = mm_combine_looks(first_regressed, p_regressed, settings->first_share);
    result->p_improved = mm_combine_looks(first_improved, p_improved, settings->first_share);
    return code;
}

static double deviation(const double *scores, size_t count)
{
    double sum = 0;
    double squares = 0;

    for (size_t i = 0; i < count; i++) {
        sum += scores[i];
    }
    for (size_t i = 0; i < count; i++) {
        double distance = scores[i] - sum / (double)count;
        squares += distance * distance;
    }
    return count > 1 ? sqrt(squares / (double)(count - 1)) : 0;
}

static int estimate(const struct mm_verdict_series *series,
                    const struct mm_verdict_settings *settings, double level,
                    struct mm_verdict_result *result)
{
    struct mm_centre centre;
    size_t pairs = series->count > settings->pairs ? series->count : settings->pairs;

    int code = mm_centre_of(series->scores, series->count, settings->coverage, &centre);
    if (code < 0) {
        return code;
    }
    result->pairs = series->count;
    result->effect = expm1(centre.estimate);
    result->interval = (struct mm_interval){.low = expm1(centre.interval.low),
                                            .high = expm1(centre.interval.high),
                                            .coverage = centre.interval.coverage};
    result->noise = deviation(series->scores, series->count);
    if (!(settings->power > 0)) {
        return 0;
    }
    return mm_verdict_detectable(series->scores, series->count, pairs, series->rule, level,
                                 settings->power, &result->detectable);
}

/* An interval of too few scores, which covers less than was asked for, lets nothing pass. */
static bool is_below_target(const struct mm_verdict_series *series,
                            const struct mm_verdict_settings *settings,
                            const struct mm_interval *interval)
{
    return interval->coverage >= settings->coverage && interval->high < series->rule->target;
}

static enum mm_verdict judge(const struct mm_verdict_series *series,
                             const struct mm_verdict_settings *settings,
                             const struct mm_verdict_result *result)
{
    const struct mm_verdict_rule *rule = series->rule;

    if (series->failed) {
        return MM_VERDICT_FAILED;
    }
    if (series->disturbed || series->count == 0) {
        return MM_VERDICT_INCONCLUSIVE;
    }
    if (series->quarantined) {
        return MM_VERDICT_QUARANTINED;
    }
    if (result->p_regressed_adjusted <= settings->level && result->effect >= rule->minimum_effect) {
        return series->waived && result->effect <= series->ceiling ? MM_VERDICT_WAIVED
                                                                   : MM_VERDICT_REGRESSED;
    }
    if (result->p_improved_adjusted <= settings->level &&
        log1p(result->effect) <= -log1p(rule->minimum_effect)) {
        return MM_VERDICT_IMPROVED;
    }
    return is_below_target(series, settings, &result->interval) ? MM_VERDICT_PASS
                                                                : MM_VERDICT_INCONCLUSIVE;
}

/* Corrects the two questions of all series that are judged, each question by itself. */
static int adjust(struct mm_verdict_result *const *judged, size_t count,
                  const struct mm_verdict_settings *settings)
{
    double *values = calloc(2 * count + 1, sizeof(*values));
    double *adjusted = values == NULL ? NULL : values + count;
    int code = values == NULL ? -ENOMEM : 0;

    for (int question = 0; code == 0 && question < 2; question++) {
        for (size_t i = 0; i < count; i++) {
            values[i] = question == 0 ? judged[i]->p_regressed : judged[i]->p_improved;
        }
        code = settings->holm ? mm_adjust_holm(values, count, adjusted)
                              : mm_adjust_benjamini_hochberg(values, count, adjusted);
        for (size_t i = 0; code == 0 && i < count; i++) {
            if (question == 0) {
                judged[i]->p_regressed_adjusted = adjusted[i];
            } else {
                judged[i]->p_improved_adjusted = adjusted[i];
            }
        }
    }
    free(values);
    return code;
}

int mm_verdict_suite(const struct mm_verdict_series *series, size_t count,
                     const struct mm_verdict_settings *settings, struct mm_verdict_result *results)
{
    struct mm_verdict_result **judged = calloc(count + 1, sizeof(struct mm_verdict_result *));
    size_t judged_count = 0;
    int code = judged == NULL ? -ENOMEM : 0;

    for (size_t i = 0; code == 0 && i < count; i++) {
        results[i] = (struct mm_verdict_result){
            .p_regressed = 1,
            .p_regressed_adjusted = 1,
            .p_improved = 1,
            .p_improved_adjusted = 1,
            .p_sign = 1,
            .detectable = INFINITY,
        };
        if (is_judged(&series[i])) {
            judged[judged_count++] = &results[i];
            code = test_series(&series[i], settings, &results[i]);
        }
    }
    /* The level at which a regression that stands alone in the suite is found. */
    double level =
        settings->level * settings->first_share / (double)(judged_count > 0 ? judged_count : 1);
    for (size_t i = 0; code == 0 && i < count; i++) {
        code = is_judged(&series[i]) ? estimate(&series[i], settings, level, &results[i]) : 0;
    }
    if (code == 0) {
        code = adjust(judged, judged_count, settings);
    }
    for (size_t i = 0; code == 0 && i < count; i++) {
        results[i].verdict = judge(&series[i], settings, &results[i]);
    }
    free(judged);
    return code;
}

bool mm_verdict_is_futile(const struct mm_verdict_series *series,
                          const struct mm_verdict_settings *settings)
{
    struct mm_centre centre;
    double p_regressed = 0;
    double p_improved = 0;
    double p_sign = 1;

    if (!is_judged(series) || ask(series, series->count, &p_regressed, &p_improved, &p_sign) < 0 ||
        mm_centre_of(series->scores, series->count, settings->coverage, &centre) < 0) {
        return false;
    }
    struct mm_interval interval = centre.interval;
    interval.high = expm1(interval.high);
    return p_regressed > settings->futility && p_improved > CLEAR_IMPROVEMENT &&
           is_below_target(series, settings, &interval);
}
