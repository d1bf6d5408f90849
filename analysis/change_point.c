/* E-divisive: hierarchical bisection by the energy statistic, each split by a permutation test. */
#include "analysis/change_point.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/random.h"

/* Of two orders of the same values that split alike the sums differ by rounding. */
#define ROUNDING 1e-12

/* values[first..end) */
struct part {
    size_t first;
    size_t end;
    size_t split; /* where its best split is */
    double statistic;
    double p; /* of the split at first; of the first part none */
};

struct search {
    const struct mm_change_point_options *options;
    struct mm_random random;
    size_t count;
    double *permuted;
    double *left; /* of the part at hand, as are the next two: see find_split() */
    double *diagonal;
    double *row;
    double *inverse; /* inverse[i] is 1 / i */
    struct part *parts;
    size_t part_count;
};

static double mean_distance(const double *x, size_t x_count, const double *y, size_t y_count)
{
    double sum = 0;
    for (size_t i = 0; i < x_count; i++) {
        for (size_t j = 0; j < y_count; j++) {
            sum += fabs(x[i] - y[j]);
        }
    }
    /* Of one sample the distances of values to themselves, which are 0, are no pairs. */
    return sum / ((double)x_count * (double)(x == y ? y_count - 1 : y_count));
}

static double scaled(double x_count, double y_count, double between, double within_x,
                     double within_y)
{
    return x_count * y_count / (x_count + y_count) * (2 * between - within_x - within_y);
}

double mm_energy_statistic(const double *x, size_t x_count, const double *y, size_t y_count)
{
    return scaled((double)x_count, (double)y_count, mean_distance(x, x_count, y, y_count),
                  mean_distance(x, x_count, x, x_count), mean_distance(y, y_count, y, y_count));
}

size_t mm_change_points_needed(double alpha)
{
    /* Two halves that do not overlap are 2 of the binomial(2h, h) ways to draw the first one. */
    double ways = 2;
    size_t half = 1;
    while (half < MM_CHANGE_POINT_SHORTEST || 2 / ways > alpha) {
        double n = (double)half;
        ways *= (2 * n + 1) * (2 * n + 2) / ((n + 1) * (n + 1));
        half++;
        if (half > MM_CHANGE_POINT_LIMIT) {
            break;
        }
    }
    /* One less may do: of 2h - 1 values half as many ways. */
    return half > MM_CHANGE_POINT_SHORTEST && 4 / ways <= alpha ? 2 * half - 1 : 2 * half;
}

/* left[i]: the distances of the i-th value to all before it. diagonal[i]: those of the first i
 * values to each other, each pair twice. */
static void add_up(const double *values, size_t count, double *left, double *diagonal)
{
    memset(left, 0, count * sizeof *left);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count; j++) {
            left[j] += fabs(values[j] - values[i]);
        }
    }
    diagonal[0] = 0;
    for (size_t i = 0; i < count; i++) {
        diagonal[i + 1] = diagonal[i] + 2 * left[i];
    }
}

/* The best end of a split: `end` values from the beginning, of which the first `split` are one
 * side. row[end] holds the distances between the first split and the first end values. The
 * statistic is scaled() with its fractions taken together. */
static void find_end(const struct search *search, size_t split, size_t count, struct part *part)
{
    const double *inverse = search->inverse;
    double within_x = search->diagonal[split];
    double n = (double)split;
    double share_x = within_x * inverse[split - 1];
    for (size_t end = split + MM_CHANGE_POINT_SHORTEST; end <= count; end++) {
        size_t others = end - split;
        double between = search->row[end] - within_x;
        double within_y = search->diagonal[end] - 2 * search->row[end] + within_x;
        double statistic =
            (2 * between - (double)others * share_x - n * within_y * inverse[others - 1]) *
            inverse[end];
        if (statistic > part->statistic) {
            part->statistic = statistic;
            part->split = part->first + split;
        }
    }
}

/* The best split of a part: of all that begin it against all that may follow, so that a change that
 * is taken back later in the part is not hidden by what comes then. */
static void find_split(struct search *search, const double *all, struct part *part)
{
    const double *values = all + part->first;
    size_t count = part->end - part->first;
    double *row = search->row;
    part->statistic = 0;
    part->split = part->first;
    if (count < 2 * MM_CHANGE_POINT_SHORTEST) {
        return;
    }
    add_up(values, count, search->left, search->diagonal);
    memset(row, 0, (count + 1) * sizeof *row);
    for (size_t i = 0; i + MM_CHANGE_POINT_SHORTEST < count; i++) {
        double sum = search->left[i];
        for (size_t j = i + 1; j < count; j++) {
            sum += fabs(values[i] - values[j]);
            row[j + 1] += sum;
        }
        if (i + 1 >= MM_CHANGE_POINT_SHORTEST) {
            find_end(search, i + 1, count, part);
        }
    }
}

/* The best statistic of all parts, the values of each in a new order. */
static double permuted_best(struct search *search, const double *values)
{
    double best = 0;
    memcpy(search->permuted, values, search->count * sizeof *values);
    for (size_t i = 0; i < search->part_count; i++) {
        struct part part = search->parts[i];
        mm_random_shuffle(&search->random, search->permuted + part.first, part.end - part.first,
                          sizeof *values);
        find_split(search, search->permuted, &part);
        if (part.statistic > best) {
            best = part.statistic;
        }
    }
    return best;
}

/* The p of a best split; above alpha it may be a bound, since then nothing else is of interest. */
static double test(struct search *search, const double *values, double statistic)
{
    double all = (double)search->options->permutations + 1;
    double as_good = 1; /* the order that was seen is one of them */
    for (unsigned i = 0; i < search->options->permutations; i++) {
        if (permuted_best(search, values) >= statistic * (1 - ROUNDING)) {
            as_good++;
        }
        if (as_good / all > search->options->alpha) {
            break;
        }
    }
    return as_good / all;
}

static void split_part(struct search *search, const double *values, struct part *part, double p)
{
    struct part after = {.first = part->split, .end = part->end, .p = p};
    part->end = part->split;
    find_split(search, values, part);
    find_split(search, values, &after);
    search->parts[search->part_count++] = after;
}

static void split_all(struct search *search, const double *values)
{
    search->parts[0] = (struct part){.end = search->count};
    search->part_count = 1;
    find_split(search, values, &search->parts[0]);
    for (;;) {
        struct part *best = &search->parts[0];
        for (size_t i = 1; i < search->part_count; i++) {
            if (search->parts[i].statistic > best->statistic) {
                best = &search->parts[i];
            }
        }
        if (!(best->statistic > 0)) {
            return;
        }
        double p = test(search, values, best->statistic);
        if (p > search->options->alpha) {
            return;
        }
        split_part(search, values, best, p);
    }
}

static int compare_parts(const void *left, const void *right)
{
    const struct part *a = left;
    const struct part *b = right;
    return (a->first > b->first) - (a->first < b->first);
}

static int list_points(struct search *search, struct mm_change_point **points, size_t *count)
{
    struct mm_change_point *made = NULL;
    size_t made_count = search->part_count - 1;
    if (made_count > 0) {
        qsort(search->parts, search->part_count, sizeof *search->parts, compare_parts);
        made = calloc(made_count, sizeof *made);
        if (!made) {
            return -ENOMEM;
        }
        for (size_t i = 0; i < made_count; i++) {
            made[i] = (struct mm_change_point){search->parts[i + 1].first, search->parts[i + 1].p};
        }
    }
    *points = made;
    *count = made_count;
    return 0;
}

static int make_search(struct search *search)
{
    size_t count = search->count;
    search->permuted = calloc(count + 1, sizeof *search->permuted);
    search->left = calloc(count + 1, sizeof *search->left);
    search->diagonal = calloc(count + 1, sizeof *search->diagonal);
    search->row = calloc(count + 1, sizeof *search->row);
    search->inverse = calloc(count + 1, sizeof *search->inverse);
    search->parts = calloc(count + 1, sizeof *search->parts);
    if (!search->permuted || !search->left || !search->diagonal || !search->row ||
        !search->inverse || !search->parts) {
        return -ENOMEM;
    }
    for (size_t i = 1; i <= count; i++) {
        search->inverse[i] = 1 / (double)i;
    }
    return 0;
}

static void release_search(struct search *search)
{
    free(search->permuted);
    free(search->left);
    free(search->diagonal);
    free(search->row);
    free(search->inverse);
    free(search->parts);
}

int mm_change_points_find(const double *values, size_t count,
                          const struct mm_change_point_options *options,
                          struct mm_change_point **points, size_t *point_count)
{
    if (count > MM_CHANGE_POINT_LIMIT) {
        return -E2BIG;
    }
    if (!(options->alpha > 0 && options->alpha < 1) ||
        1 / ((double)options->permutations + 1) > options->alpha) {
        return -EINVAL;
    }
    struct search search = {.options = options, .count = count};
    int result = make_search(&search);
    if (result == 0) {
        mm_random_seed(&search.random, options->seed);
        split_all(&search, values);
        result = list_points(&search, points, point_count);
    }
    release_search(&search);
    return result;
}
