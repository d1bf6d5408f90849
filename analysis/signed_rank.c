/* Wilcoxon's signed rank, the sign test, and the estimate of Hodges and Lehmann. */
#include "analysis/signed_rank.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>

/* A score by its distance from the shift. */
struct distance {
    double size;
    bool above;
};

static int compare_distances(const void *left, const void *right)
{
    double a = ((const struct distance *)left)->size;
    double b = ((const struct distance *)right)->size;
    return (a > b) - (a < b);
}

/* Twice the rank of each of count sorted distances: tied ones share the mean of their places. */
static void rank_doubled(const struct distance *sorted, size_t count, size_t *doubled)
{
    size_t first = 0;

    while (first < count) {
        size_t end = first + 1;
        while (end < count && !(sorted[end].size > sorted[first].size)) {
            end++;
        }
        for (size_t i = first; i < end; i++) {
            doubled[i] = first + 1 + end;
        }
        first = end;
    }
}

/*
 * The probability of every sum that the ranks of randomly chosen scores can have, into
 * distribution[0..end], zeroed before: with each rank, half stays and half moves up by it.
 */
static void distribute(const size_t *ranks, size_t count, size_t end, double *distribution)
{
    size_t reached = 0;

    distribution[0] = 1;
    for (size_t i = 0; i < count; i++) {
        reached += ranks[i];
        for (size_t sum = (reached < end ? reached : end) + 1; sum-- > 0;) {
            double moved = sum >= ranks[i] ? distribution[sum - ranks[i]] : 0;
            distribution[sum] = (distribution[sum] + moved) / 2;
        }
    }
}

static double sum_of(const double *values, size_t first, size_t end)
{
    double sum = 0;

    for (size_t i = first; i < end; i++) {
        sum += values[i];
    }
    return sum > 1 ? 1 : sum;
}

/* P(sum <= limit) and P(sum >= limit) of the distribution of ranks[0..count). It is symmetric, so
 * that only its smaller tail is worked out. */
static int tails(const size_t *ranks, size_t count, size_t limit, double *below, double *above)
{
    size_t total = 0;

    for (size_t i = 0; i < count; i++) {
        total += ranks[i];
    }
    limit = limit > total ? total : limit;
    bool is_lower = limit <= total - limit;
    size_t end = is_lower ? limit : total - limit;
    double *distribution = calloc(end + 1, sizeof(*distribution));
    if (distribution == NULL) {
        return -ENOMEM;
    }
    distribute(ranks, count, end, distribution);
    double smaller = sum_of(distribution, 0, end + 1);
    double larger = 1 - sum_of(distribution, 0, end);
    *below = is_lower ? smaller : larger;
    *above = is_lower ? larger : smaller;
    free(distribution);
    return 0;
}

/* Those of scores that differ from shift, sorted by how much; returns how many. */
static size_t measure_distances(const double *scores, size_t count, double shift,
                                struct distance *distances)
{
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        double difference = scores[i] - shift;
        if (difference > 0 || difference < 0) {
            distances[used].size = fabs(difference);
            distances[used].above = difference > 0;
            used++;
        }
    }
    if (used > 1) {
        qsort(distances, used, sizeof(*distances), compare_distances);
    }
    return used;
}

/* The scores that differ from the shift, by their doubled ranks. */
struct ranked {
    struct distance *distances;
    size_t *ranks;
    size_t used;
    size_t above;
    size_t doubled_sum; /* of those above */
};

static void free_ranked(struct ranked *ranked)
{
    free(ranked->distances);
    free(ranked->ranks);
}

/* On success the caller calls free_ranked(). */
static int rank_scores(const double *scores, size_t count, double shift, struct ranked *ranked)
{
    *ranked = (struct ranked){0};
    if (count > MM_SIGNED_RANK_LIMIT) {
        return -E2BIG;
    }
    ranked->distances = calloc(count + 1, sizeof(*ranked->distances));
    ranked->ranks = calloc(count + 1, sizeof(*ranked->ranks));
    if (ranked->distances == NULL || ranked->ranks == NULL) {
        free_ranked(ranked);
        return -ENOMEM;
    }
    ranked->used = measure_distances(scores, count, shift, ranked->distances);
    rank_doubled(ranked->distances, ranked->used, ranked->ranks);
    for (size_t i = 0; i < ranked->used; i++) {
        ranked->above += ranked->distances[i].above;
        ranked->doubled_sum += ranked->distances[i].above ? ranked->ranks[i] : 0;
    }
    return 0;
}

int mm_signed_rank_test(const double *scores, size_t count, double shift,
                        struct mm_signed_rank *result)
{
    struct ranked ranked;

    int code = rank_scores(scores, count, shift, &ranked);
    if (code < 0) {
        return code;
    }
    struct mm_signed_rank found = {
        .used = ranked.used,
        .above = ranked.above,
        .rank_sum = (double)ranked.doubled_sum / 2,
        .sign_p_greater = mm_statistics_coin_tail(ranked.used, ranked.used - ranked.above),
        .sign_p_less = mm_statistics_coin_tail(ranked.used, ranked.above),
    };
    code = tails(ranked.ranks, ranked.used, ranked.doubled_sum, &found.p_less, &found.p_greater);
    if (code == 0) {
        *result = found;
    }
    free_ranked(&ranked);
    return code;
}

int mm_signed_rank_sum(const double *scores, size_t count, double shift, double *rank_sum)
{
    struct ranked ranked;

    int code = rank_scores(scores, count, shift, &ranked);
    if (code == 0) {
        *rank_sum = (double)ranked.doubled_sum / 2;
        free_ranked(&ranked);
    }
    return code;
}

/* The distribution of the sums of the ranks 1..used, newly allocated: used (used + 1) / 2 + 1. */
static int distribute_untied(size_t used, double **distribution)
{
    size_t ranks[MM_SIGNED_RANK_LIMIT];

    if (used > MM_SIGNED_RANK_LIMIT) {
        return -E2BIG;
    }
    for (size_t i = 0; i < used; i++) {
        ranks[i] = i + 1;
    }
    double *made = calloc(used * (used + 1) / 2 + 1, sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    distribute(ranks, used, used * (used + 1) / 2, made);
    *distribution = made;
    return 0;
}

int mm_signed_rank_probability(size_t used, size_t rank_sum, double *probability)
{
    double *distribution = NULL;
    size_t largest = used * (used + 1) / 2;

    int code = distribute_untied(used, &distribution);
    if (code < 0) {
        return code;
    }
    *probability = sum_of(distribution, 0, (rank_sum < largest ? rank_sum : largest) + 1);
    free(distribution);
    return 0;
}

int mm_signed_rank_critical(size_t used, double level, size_t *rank_sum)
{
    double *distribution = NULL;
    size_t rank = used * (used + 1) / 2 + 1;
    double tail = 0;

    int code = distribute_untied(used, &distribution);
    if (code < 0) {
        return code;
    }
    while (rank > 0 && tail + distribution[rank - 1] <= level) {
        rank--;
        tail += distribution[rank];
    }
    free(distribution);
    *rank_sum = rank;
    return 0;
}

/* The means of all two of the scores, in no order. */
static double *walsh_means(const double *scores, size_t count)
{
    size_t number = count * (count + 1) / 2;
    size_t filled = 0;
    double *means = calloc(number, sizeof(*means));

    if (means == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i; j < count; j++) {
            means[filled++] = scores[i] / 2 + scores[j] / 2;
        }
    }
    return means;
}

/*
 * What stands at rank when values[first..end) are sorted, brought there; none before it is greater
 * and none behind it smaller (Hoare 1961). A few of the many means are asked for, and sorting them
 * all is most of the work of a simulation. What lies outside belongs there.
 */
static double pick(double *values, size_t first, size_t end, size_t rank)
{
    ptrdiff_t low = (ptrdiff_t)first;
    ptrdiff_t high = (ptrdiff_t)end - 1;
    ptrdiff_t wanted = (ptrdiff_t)rank;

    while (low < high) {
        double pivot = values[low + (high - low) / 2];
        ptrdiff_t left = low;
        ptrdiff_t right = high;
        while (left <= right) {
            while (values[left] < pivot) {
                left++;
            }
            while (values[right] > pivot) {
                right--;
            }
            if (left <= right) {
                double swapped = values[left];
                values[left++] = values[right];
                values[right--] = swapped;
            }
        }
        if (wanted <= right) {
            high = right;
        } else if (wanted >= left) {
            low = left;
        } else {
            break;
        }
    }
    return values[wanted];
}

/* Afterwards means[number / 2] and what is on either side of it are in their places. */
static double pick_median(double *means, size_t number)
{
    size_t middle = number / 2;
    double upper = pick(means, 0, number, middle);

    return number % 2 == 1 ? upper : pick(means, 0, middle, middle - 1) / 2 + upper / 2;
}

int mm_centre_estimate(const double *scores, size_t count, double *estimate)
{
    if (count == 0 || count > MM_SIGNED_RANK_LIMIT) {
        return count == 0 ? -EINVAL : -E2BIG;
    }
    double *means = walsh_means(scores, count);
    if (means == NULL) {
        return -ENOMEM;
    }
    *estimate = pick_median(means, count * (count + 1) / 2);
    free(means);
    return 0;
}

int mm_centre_of(const double *scores, size_t count, double coverage, struct mm_centre *centre)
{
    double *distribution = NULL;
    size_t number = count * (count + 1) / 2;
    size_t rank = 0;

    if (count == 0) {
        return -EINVAL;
    }
    int code = distribute_untied(count, &distribution);
    if (code < 0) {
        return code;
    }
    double *means = walsh_means(scores, count);
    if (means == NULL) {
        free(distribution);
        return -ENOMEM;
    }
    /* [means[r], means[number - 1 - r]] covers with 1 - 2 P(W <= r). */
    double tail = distribution[0];
    while (2 * (rank + 1) < number && 1 - 2 * (tail + distribution[rank + 1]) >= coverage) {
        rank++;
        tail += distribution[rank];
    }
    centre->estimate = pick_median(means, number);
    centre->interval.low = pick(means, 0, number, rank);
    centre->interval.high = pick(means, number / 2, number, number - 1 - rank);
    centre->interval.coverage = 1 - 2 * tail;
    free(distribution);
    free(means);
    return 0;
}
