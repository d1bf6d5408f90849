/*
 * A histogram of 64-bit values with a bounded relative error, after the idea of HdrHistogram
 * (G. Tene): powers of two, each split into 2^7 linear buckets, so that every value is known to
 * 1/128 (0.8 %) and values below 256 exactly. Recording neither allocates nor fails.
 */
#ifndef MM_RESULTS_HISTOGRAM_H
#define MM_RESULTS_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "common/error.h"

#define MM_HISTOGRAM_SIGNIFICANT_BITS 7
#define MM_HISTOGRAM_SUB_BUCKETS      (1u << MM_HISTOGRAM_SIGNIFICANT_BITS)
/* Values below 2 * SUB_BUCKETS have buckets of width 1; each further power of two adds one row. */
#define MM_HISTOGRAM_BUCKETS ((64u - MM_HISTOGRAM_SIGNIFICANT_BITS + 1u) * MM_HISTOGRAM_SUB_BUCKETS)

/* Plain data without pointers: it may live in memory shared between processes. Zeroed is empty
 * except for minimum, so start with mm_histogram_reset(). */
struct mm_histogram {
    uint64_t count;
    uint64_t minimum; /* exact; UINT64_MAX while empty */
    uint64_t maximum; /* exact; 0 while empty */
    uint64_t sum;     /* wraps beyond 2^64 */
    uint64_t buckets[MM_HISTOGRAM_BUCKETS];
};

void mm_histogram_reset(struct mm_histogram *histogram);
void mm_histogram_record(struct mm_histogram *histogram, uint64_t value);
void mm_histogram_merge(struct mm_histogram *into, const struct mm_histogram *from);

/*
 * The smallest recorded value v such that at least share of all values are <= v (nearest rank),
 * to the precision of a bucket: the highest value that its bucket can hold, capped at the maximum.
 * share 0 gives the minimum, 1 the maximum; 0 while empty.
 */
uint64_t mm_histogram_quantile(const struct mm_histogram *histogram, double share);

/* The form of SCHEMA.md ("buckets": pairs of lower bound and count). New reference, NULL when
 * memory is short. */
json_t *mm_histogram_to_json(const struct mm_histogram *histogram, const char *unit);

/* Reads what mm_histogram_to_json writes; -EPROTO with error for anything inconsistent. */
int mm_histogram_from_json(const json_t *json, struct mm_histogram *histogram,
                           struct mm_error *error);

/* The percentile table that HdrHistogram's tools plot (.hgrm): value, percentile, total count,
 * 1/(1-percentile), and the summary lines. Values are divided by unit_divisor. Flushes stream; -EIO
 * when it did not take everything. */
int mm_histogram_write_hgrm(const struct mm_histogram *histogram, FILE *stream,
                            double unit_divisor);

#endif
