/*
 * Where the distribution of a sequence changes: E-divisive (Matteson and James 2014, "A
 * nonparametric approach for multiple change point analysis of multivariate data"), for numbers
 * and with the exponent 1. Pure functions; values must be finite.
 */
#ifndef MM_ANALYSIS_CHANGE_POINT_H
#define MM_ANALYSIS_CHANGE_POINT_H

#include <stddef.h>
#include <stdint.h>

/* No part of a sequence is shorter: one or two values that differ are a spike, not a change. */
#define MM_CHANGE_POINT_SHORTEST 3

/* Each permutation takes count^2 steps. */
#define MM_CHANGE_POINT_LIMIT 400

struct mm_change_point_options {
    double alpha;          /* a sequence without change is split with at most this probability */
    unsigned permutations; /* of the test; 1 / (permutations + 1) must not be above alpha */
    uint64_t seed;         /* of the permutations */
};

/* values[place] is the first of a new part; p is that of the test that split there. */
struct mm_change_point {
    size_t place;
    double p;
};

/*
 * The energy statistic of two samples, scaled as E-divisive does:
 * nm / (n + m) * (2 mean |x - y| - mean |x - x'| - mean |y - y'|), the last two over the pairs of
 * different values. Each side has two values at least.
 */
double mm_energy_statistic(const double *x, size_t x_count, const double *y, size_t y_count);

/* The fewest values of which the two most unlike halves are found at all at this alpha. */
size_t mm_change_points_needed(double alpha);

/*
 * Splits the sequence as long as the best split of all parts is better than alpha of the
 * permutations within the parts. *points is newly allocated (free it), ascending by place; NULL
 * where there is none. -E2BIG above MM_CHANGE_POINT_LIMIT values, -EINVAL for options that make no
 * sense, -ENOMEM.
 */
int mm_change_points_find(const double *values, size_t count,
                          const struct mm_change_point_options *options,
                          struct mm_change_point **points, size_t *point_count);

#endif
