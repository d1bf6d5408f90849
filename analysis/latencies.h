/* Latencies of a case, merged over its good launches: of its operations and of its flushes. */
#ifndef MM_ANALYSIS_LATENCIES_H
#define MM_ANALYSIS_LATENCIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "analysis/distribution.h"
#include "common/error.h"
#include "results/histogram.h"

/* One histogram of the record. */
struct mm_latency_metric {
    char *name;                     /* "touch", "flush"...: as in the record, without "_ns" */
    struct mm_histogram *histogram; /* nanoseconds, never empty */
};

struct mm_latencies {
    struct mm_latency_metric *metrics; /* in the order of the record */
    size_t count;

    /* Of a case that measures latency; the counts are sums over all samples. */
    bool measured;
    uint64_t rate; /* that operations were to start at, per second; 0: closed loop */
    uint64_t operations;
    double achieved_rate; /* per second; 0 when unknown */
    uint64_t late;        /* of an open loop, as are the next two; SCHEMA.md says what they are */
    uint64_t queued;
    uint64_t most_late_ns;
};

#define MM_LATENCIES_PERCENTILES 5

/* p50, p90, p99, p99.9 and max: what is shown of every latency. */
struct mm_latency_percentile {
    const char *name;
    double share;
};
extern const struct mm_latency_percentile mm_latency_percentiles[MM_LATENCIES_PERCENTILES];

/* -ENOMEM; -EPROTO for a histogram that is none. Release also after an error. */
int mm_latencies_make(const json_t *plan_case, const struct mm_launch_sample *good, size_t count,
                      struct mm_latencies *latencies, struct mm_error *error);
void mm_latencies_release(struct mm_latencies *latencies);

/* The histogram of that name ("flush"), or NULL. Borrowed. */
const struct mm_histogram *mm_latencies_find(const struct mm_latencies *latencies,
                                             const char *name);

/* Whether operations of an open loop were still waiting when the schedule ended. */
bool mm_latencies_fell_behind(const struct mm_latencies *latencies);

#endif
