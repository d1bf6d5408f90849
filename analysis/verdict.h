/*
 * From the scores of pairs of launches to a verdict for each benchmark and metric. Pure functions.
 * A score is log(head / base) of one pair; effects are shares: 0.05 is 5 % more than base.
 */
#ifndef MM_ANALYSIS_VERDICT_H
#define MM_ANALYSIS_VERDICT_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/statistics.h"

enum mm_verdict {
    MM_VERDICT_PASS,
    MM_VERDICT_IMPROVED,
    MM_VERDICT_REGRESSED,
    MM_VERDICT_INCONCLUSIVE,
    MM_VERDICT_FAILED,      /* a launch went wrong: no verdict on its figures */
    MM_VERDICT_QUARANTINED, /* its noise on this machine hides the target; shown, never passed */
    MM_VERDICT_WAIVED,      /* regressed, and somebody has said up to where and until when */
    MM_VERDICT_COUNT
};

/* "PASS", "REGRESSED"... */
const char *mm_verdict_name(enum mm_verdict verdict);

/* The worse of two, as a benchmark with several metrics or a whole suite is called by its worst. */
enum mm_verdict mm_verdict_worse(enum mm_verdict one, enum mm_verdict other);

/* What counts as a regression of one metric. */
struct mm_verdict_rule {
    double margin;         /* the test's "not worse than this"; identical sides may differ so far */
    double minimum_effect; /* estimates below it are no regression, however certain */
    double target;         /* passed is what is certainly below it */
};

struct mm_verdict_settings {
    double level;       /* of a whole suite */
    bool holm;          /* instead of Benjamini and Hochberg */
    double first_share; /* of the level, spent at the first look; the rest is for an extension */
    double futility;    /* an early look stops where the test's probability is above this */
    double coverage;    /* of the intervals */
    double power;       /* that the minimum detectable effect is for; 0: it is not wanted */
    size_t pairs;       /* that a benchmark has when it is not stopped early */
};

/* One benchmark and one metric. */
struct mm_verdict_series {
    const double *scores;
    size_t count;
    size_t first_count; /* of them, those of the first look; count without an extension */
    const struct mm_verdict_rule *rule;
    bool failed;
    bool quarantined;
    bool disturbed; /* the machine was not fit to measure: never anything but inconclusive */
    bool waived;    /* and then up to an effect of ceiling */
    double ceiling;
};

struct mm_verdict_result {
    enum mm_verdict verdict;
    size_t pairs;
    double effect;               /* Hodges-Lehmann */
    struct mm_interval interval; /* of the effect */
    double p_regressed;          /* "effect <= margin", both looks combined; adjusted below */
    double p_regressed_adjusted;
    double p_improved;
    double p_improved_adjusted;
    double p_sign;     /* sign test of the same question as p_regressed; not adjusted */
    double noise;      /* standard deviation of the scores */
    double detectable; /* the minimum detectable effect with these scores' noise and settings.pairs,
                          or the pairs there are if more; INFINITY: none below 100 % */
};

/*
 * Verdicts on all series of a suite, corrected for their number (those that failed or have no
 * scores do not count: failed, or inconclusive). 0, -E2BIG for more than MM_SIGNED_RANK_LIMIT
 * scores, or -ENOMEM.
 */
int mm_verdict_suite(const struct mm_verdict_series *series, size_t count,
                     const struct mm_verdict_settings *settings, struct mm_verdict_result *results);

/* Whether more pairs would not change that this series passes: the test's probability is above
 * settings->futility, the interval lies below the target, and no clear improvement is to be said.
 * Errors as false. */
bool mm_verdict_is_futile(const struct mm_verdict_series *series,
                          const struct mm_verdict_settings *settings);

/*
 * The effect that `pairs` scores with the noise of these would show as a regression with a
 * probability of power, in a test at level; by resampling scores[0..count) around their centre,
 * with a fixed seed. 0 and *effect (INFINITY: none below 100 %), or errors as above.
 */
int mm_verdict_detectable(const double *scores, size_t count, size_t pairs,
                          const struct mm_verdict_rule *rule, double level, double power,
                          double *effect);

#endif
