/*
 * Statistics over launches: medians, quantiles and exact order-statistic intervals. Pure functions.
 * Values must be finite; they are the caller's figures and are never deleted as outliers.
 */
#ifndef MM_ANALYSIS_STATISTICS_H
#define MM_ANALYSIS_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>

/* The smallest number of launches whose median has a 95 % order-statistic interval: the interval
 * from the least to the greatest of n values covers with 1 - 2^(1-n), 0.969 for n = 6. */
#define MM_STATISTICS_INTERVAL_LAUNCHES 6

#define MM_STATISTICS_COVERAGE 0.95

/* low <= high; coverage is what the interval achieves, not what was asked for. */
struct mm_interval {
    double low;
    double high;
    double coverage;
};

/* Sorts in place, ascending. */
void mm_statistics_sort(double *values, size_t count);

/* Of sorted values: the middle one, or the mean of the two middle ones. count > 0. */
double mm_statistics_median(const double *sorted, size_t count);

/* Of sorted values, linear between the order statistics (type 7 of Hyndman and Fan 1996, which is
 * numpy's default). share is clamped to 0..1. count > 0. */
double mm_statistics_quantile(const double *sorted, size_t count, double share);

/* P(B <= successes) of B ~ Binomial(trials, 1/2), exact but for rounding. */
double mm_statistics_coin_tail(size_t trials, size_t successes);

/*
 * What a share of `successes` in `trials` says of the true one, exactly (Clopper and Pearson 1934):
 * each bound by itself holds with probability `confidence`, so both together are an interval of
 * 2 confidence - 1. 0 successes have the lower bound 0, and an upper bound of about 3 / trials at
 * 0.95. trials > 0, successes <= trials, confidence in (0, 1).
 */
struct mm_share_bounds {
    double low;
    double high;
};

struct mm_share_bounds mm_statistics_share_bounds(size_t successes, size_t trials,
                                                  double confidence);

/*
 * The narrowest symmetric interval of order statistics that covers the median of a continuous
 * distribution with at least `coverage`: [sorted[r], sorted[count - 1 - r]] covers with
 * 1 - 2 P(B <= r), B ~ Binomial(count, 1/2) (Conover 1999, 3.2). Exact: no normal approximation.
 * False, and *interval untouched, when even the whole range covers less.
 */
bool mm_statistics_median_interval(const double *sorted, size_t count, double coverage,
                                   struct mm_interval *interval);

/*
 * An interval for median(head) / median(base) of two independent samples of positive values: the
 * box [low(head) / high(base), high(head) / low(base)] of two order-statistic intervals whose
 * coverages multiply to at least `coverage` (when both samples are too small for that, of the two
 * whole ranges). The ranks follow from the counts alone. The achieved coverage is a lower bound:
 * the box is wider than it had to be. False, and *interval untouched, with fewer than
 * MM_STATISTICS_INTERVAL_LAUNCHES on a side or a value that is not positive.
 */
bool mm_statistics_ratio_interval(const double *sorted_base, size_t base_count,
                                  const double *sorted_head, size_t head_count, double coverage,
                                  struct mm_interval *interval);

#endif
