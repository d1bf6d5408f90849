/* Corrections for many tests at once. Pure functions. */
#ifndef MM_ANALYSIS_MULTIPLE_TESTS_H
#define MM_ANALYSIS_MULTIPLE_TESTS_H

#include <stddef.h>

/*
 * From probabilities to adjusted ones in the same order: a test is rejected at level q when its
 * adjusted probability is at most q. Benjamini and Hochberg 1995 bound the expected share of wrong
 * rejections, Holm 1979 the probability of any. 0 or -ENOMEM (adjusted is then untouched).
 */
int mm_adjust_benjamini_hochberg(const double *probabilities, size_t count, double *adjusted);
int mm_adjust_holm(const double *probabilities, size_t count, double *adjusted);

/*
 * One probability of a test that looks twice, at all data so far, and spends `first_share` of its
 * level on the first look and the rest on the second (Bonferroni): min(p1 / s, p2 / (1 - s)), at
 * most 1. It is valid whatever decides on the second look; without one, pass second 1 or more.
 */
double mm_combine_looks(double first, double second, double first_share);

#endif
