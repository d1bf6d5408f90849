/* The shift of Hodges and Lehmann between two samples, its interval by Mann and Whitney's test. */
#include "analysis/shift.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * The distribution of U by the recursion of Mann and Whitney: the greatest of all values is of the
 * first sample with the probability first / (first + second), and then it lies above all of the
 * second. rows[j] is the distribution for the i values of the first sample so far and j of the
 * second.
 */
static int distribute(size_t first, size_t second, double **distribution)
{
    size_t width = first * second + 1;
    double *rows = calloc((second + 1) * width, sizeof *rows);
    double *last = malloc(width * sizeof *last);
    if (!rows || !last) {
        free(rows);
        free(last);
        return -ENOMEM;
    }
    for (size_t j = 0; j <= second; j++) {
        rows[j * width] = 1; /* with none in the first sample U is 0 */
    }
    for (size_t i = 1; i <= first; i++) {
        for (size_t j = 1; j <= second; j++) {
            double *row = rows + j * width;
            const double *shorter = row - width; /* of i and j - 1, done in this round */
            double share = (double)i / (double)(i + j);
            memcpy(last, row, width * sizeof *last);
            for (size_t u = 0; u <= i * j; u++) {
                row[u] = (u >= j ? share * last[u - j] : 0) + (1 - share) * shorter[u];
            }
        }
    }
    memcpy(last, rows + second * width, width * sizeof *last);
    free(rows);
    *distribution = last;
    return 0;
}

static int check_counts(size_t first, size_t second)
{
    if (first == 0 || second == 0) {
        return -EINVAL;
    }
    return first > MM_SHIFT_LIMIT || second > MM_SHIFT_LIMIT ? -E2BIG : 0;
}

int mm_shift_tail(size_t first, size_t second, size_t limit, double *probability)
{
    double *distribution = NULL;
    int result = check_counts(first, second);
    if (result == 0) {
        result = distribute(first, second, &distribution);
    }
    if (result < 0) {
        return result;
    }
    double sum = 0;
    for (size_t u = 0; u <= limit && u <= first * second; u++) {
        sum += distribution[u];
    }
    free(distribution);
    *probability = sum < 1 ? sum : 1;
    return 0;
}

/* Between sorted differences: what lies outside has at most the probability 1 - coverage. */
static int interval_of(const double *sorted, size_t before_count, size_t after_count,
                       double coverage, struct mm_interval *interval)
{
    double *distribution = NULL;
    size_t count = before_count * after_count;
    int result = distribute(after_count, before_count, &distribution);
    if (result < 0) {
        return result;
    }
    size_t rank = 0;
    double outside = 2 * distribution[0];
    while (2 * (rank + 1) < count && outside + 2 * distribution[rank + 1] <= 1 - coverage) {
        rank++;
        outside += 2 * distribution[rank];
    }
    free(distribution);
    *interval = (struct mm_interval){
        .low = sorted[rank],
        .high = sorted[count - 1 - rank],
        .coverage = outside < 1 ? 1 - outside : 0,
    };
    return 0;
}

int mm_shift_of(const double *before, size_t before_count, const double *after, size_t after_count,
                double coverage, struct mm_shift *shift)
{
    int result = check_counts(before_count, after_count);
    if (result < 0) {
        return result;
    }
    size_t count = before_count * after_count;
    double *differences = malloc(count * sizeof *differences);
    if (!differences) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < before_count; i++) {
        for (size_t j = 0; j < after_count; j++) {
            differences[i * after_count + j] = after[j] - before[i];
        }
    }
    mm_statistics_sort(differences, count);
    struct mm_shift made = {.estimate = mm_statistics_median(differences, count)};
    result = interval_of(differences, before_count, after_count, coverage, &made.interval);
    free(differences);
    if (result == 0) {
        *shift = made;
    }
    return result;
}
