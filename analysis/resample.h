/*
 * Whole suites of equal sides drawn from kept scores, and judged by the gate's own procedure: how
 * often does it raise a false alarm? Pure functions.
 */
#ifndef MM_ANALYSIS_RESAMPLE_H
#define MM_ANALYSIS_RESAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/verdict.h"

/* How a pair is drawn. Either way a kept suite is chosen evenly, then one of its pairs, whose
 * metrics stay together; pairs are independent of each other. */
enum mm_resample_way {
    /* With the signs of all scores of that benchmark in that kept suite turned or not, at random
     * for each drawn suite: of equal sides either could have been called base. Assumes no more. */
    MM_RESAMPLE_SIGNS,
    /* With the centre of that benchmark in that kept suite taken off: assumes that sides that are
     * equal differ by nothing but noise from pair to pair. */
    MM_RESAMPLE_CENTRED
};

/* The pairs of one benchmark in one kept suite: count rows of one score for each metric, borrowed.
 */
struct mm_resample_set {
    const double *scores;
    size_t count;
};

struct mm_resample_benchmark {
    const struct mm_resample_set *sets; /* each with a pair at least */
    size_t set_count;
    const struct mm_verdict_rule *rules; /* one a metric */
    size_t metric_count;
    double effect; /* given to the head of every drawn pair, in its first metric; 0: equal sides */
};

struct mm_resample_plan {
    const struct mm_resample_benchmark *benchmarks;
    size_t count;
    struct mm_verdict_settings settings; /* power is not used */
    size_t first_look;                   /* <= settings.pairs <= extended */
    size_t extended;
    double allowed_inconclusive; /* share of the verdicts, above which a suite is inconclusive */
    enum mm_resample_way way;
};

struct mm_resample_totals {
    uint64_t suites;
    uint64_t alarms;              /* suites with a verdict REGRESSED */
    uint64_t inconclusive_suites; /* suites without, and with too many INCONCLUSIVE */
    uint64_t verdicts;            /* one a benchmark and metric */
    uint64_t regressed;
    uint64_t improved;
    uint64_t inconclusive;
    uint64_t pairs;
    uint64_t extended; /* benchmarks that were */
};

/* Draws and judges `suites` suites; everything random follows from seed. 0 and *totals, -EINVAL for
 * a plan without benchmarks, sets or metrics, -E2BIG above MM_SIGNED_RANK_LIMIT pairs, -ENOMEM. */
int mm_resample_suites(const struct mm_resample_plan *plan, uint64_t seed, uint64_t suites,
                       struct mm_resample_totals *totals);

#endif
