/* Medians, quantiles and exact order-statistic intervals. */
#include "analysis/statistics.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

void mm_statistics_sort(double *values, size_t count)
{
    if (count > 1) {
        qsort(values, count, sizeof *values, compare_doubles);
    }
}

double mm_statistics_median(const double *sorted, size_t count)
{
    assert(count > 0);
    size_t middle = count / 2;
    if (count % 2 == 1) {
        return sorted[middle];
    }
    /* Halved before they are added: the sum of two large values would overflow. */
    return sorted[middle - 1] / 2 + sorted[middle] / 2;
}

double mm_statistics_quantile(const double *sorted, size_t count, double share)
{
    assert(count > 0);
    if (!(share > 0)) {
        return sorted[0];
    }
    if (share >= 1) {
        return sorted[count - 1];
    }
    double position = share * (double)(count - 1);
    size_t below = (size_t)position;
    if (below + 1 >= count) {
        return sorted[count - 1];
    }
    double fraction = position - (double)below;
    return sorted[below] + fraction * (sorted[below + 1] - sorted[below]);
}

/* P(B <= successes) of B ~ Binomial(trials, share), 0 < share < 1. In logarithms, because 2^-trials
 * is 0 in a double from 1075 on. */
static double binomial_tail(size_t trials, size_t successes, double share)
{
    double tail = 0;
    double n = (double)trials;
    for (size_t k = 0; k <= successes; k++) {
        double heads = (double)k;
        tail += exp(lgamma(n + 1) - lgamma(heads + 1) - lgamma(n - heads + 1) + heads * log(share) +
                    (n - heads) * log1p(-share));
    }
    return tail < 1 ? tail : 1;
}

double mm_statistics_coin_tail(size_t trials, size_t successes)
{
    return binomial_tail(trials, successes, 0.5);
}

/* Halvings of 0 to 1: to the last bit of what is not tiny. */
#define SHARE_HALVINGS 60

/* The share at which so few successes have just the probability 1 - confidence. */
static double highest_share(size_t successes, size_t trials, double confidence)
{
    double low = 0;
    double high = 1;
    if (successes == trials) {
        return 1;
    }
    for (int i = 0; i < SHARE_HALVINGS; i++) {
        double middle = (low + high) / 2;
        if (binomial_tail(trials, successes, middle) > 1 - confidence) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return high;
}

struct mm_share_bounds mm_statistics_share_bounds(size_t successes, size_t trials,
                                                  double confidence)
{
    assert(trials > 0 && successes <= trials);
    return (struct mm_share_bounds){
        .low = 1 - highest_share(trials - successes, trials, confidence),
        .high = highest_share(successes, trials, confidence),
    };
}

/* The coverage of [sorted[rank], sorted[count - 1 - rank]]. */
static double coverage_of_rank(size_t count, size_t rank)
{
    return 1 - 2 * mm_statistics_coin_tail(count, rank);
}

/* The greatest rank whose interval covers at least coverage; false when not even rank 0 does. */
static bool narrowest_rank(size_t count, double coverage, size_t *rank)
{
    if (count == 0 || coverage_of_rank(count, 0) < coverage) {
        return false;
    }
    size_t found = 0;
    while (2 * (found + 1) < count && coverage_of_rank(count, found + 1) >= coverage) {
        found++;
    }
    *rank = found;
    return true;
}

bool mm_statistics_median_interval(const double *sorted, size_t count, double coverage,
                                   struct mm_interval *interval)
{
    size_t rank;
    if (!narrowest_rank(count, coverage, &rank)) {
        return false;
    }
    interval->low = sorted[rank];
    interval->high = sorted[count - 1 - rank];
    interval->coverage = coverage_of_rank(count, rank);
    return true;
}

/* The share of the ranks that an interval spans: how wide it will be, before the data is seen. */
static double width_of_rank(size_t count, size_t rank)
{
    return (double)(count - 2 * rank) / (double)count;
}

/* Ranks for both sides from the counts alone: chosen by looking at the values they would lose
 * their coverage. */
static void ranks_of_box(size_t base_count, size_t head_count, double coverage, size_t *base_rank,
                         size_t *head_rank)
{
    double best_width = INFINITY;
    *base_rank = 0;
    *head_rank = 0;
    for (size_t rank = 0; 2 * rank < base_count; rank++) {
        double base_coverage = coverage_of_rank(base_count, rank);
        size_t other;
        if (base_coverage < coverage ||
            !narrowest_rank(head_count, coverage / base_coverage, &other)) {
            break;
        }
        double width = width_of_rank(base_count, rank) + width_of_rank(head_count, other);
        if (width < best_width) {
            best_width = width;
            *base_rank = rank;
            *head_rank = other;
        }
    }
}

bool mm_statistics_ratio_interval(const double *sorted_base, size_t base_count,
                                  const double *sorted_head, size_t head_count, double coverage,
                                  struct mm_interval *interval)
{
    if (base_count < MM_STATISTICS_INTERVAL_LAUNCHES ||
        head_count < MM_STATISTICS_INTERVAL_LAUNCHES || !(sorted_base[0] > 0) ||
        !(sorted_head[0] > 0)) {
        return false;
    }
    size_t base_rank;
    size_t head_rank;
    ranks_of_box(base_count, head_count, coverage, &base_rank, &head_rank);
    interval->low = sorted_head[head_rank] / sorted_base[base_count - 1 - base_rank];
    interval->high = sorted_head[head_count - 1 - head_rank] / sorted_base[base_rank];
    interval->coverage =
        coverage_of_rank(base_count, base_rank) * coverage_of_rank(head_count, head_rank);
    return true;
}
