/*
 * By how much one sample lies above another, of two that are independent (not pairs, for which
 * signed_rank.h is). Pure functions; values must be finite.
 */
#ifndef MM_ANALYSIS_SHIFT_H
#define MM_ANALYSIS_SHIFT_H

#include <stddef.h>

#include "analysis/statistics.h"

/* The distribution needs about count^4 steps; of more values on a side nobody waits for it. */
#define MM_SHIFT_LIMIT 60

/* The estimate is that of Hodges and Lehmann (1963): the median of all differences of a value after
 * and one before. The interval is between the order statistics of these differences that the test
 * of Mann and Whitney (1947) does not refuse; the whole range of them where that covers less than
 * asked. It holds for two distributions of one shape. */
struct mm_shift {
    double estimate;
    struct mm_interval interval;
};

/* 0 and *shift; -EINVAL when a side is empty, -E2BIG above MM_SHIFT_LIMIT values, -ENOMEM. */
int mm_shift_of(const double *before, size_t before_count, const double *after, size_t after_count,
                double coverage, struct mm_shift *shift);

/* P(U <= limit) of Mann and Whitney's U of two samples of one continuous distribution: how many of
 * the first * second pairs have the greater value in the first. Errors as above. */
int mm_shift_tail(size_t first, size_t second, size_t limit, double *probability);

#endif
