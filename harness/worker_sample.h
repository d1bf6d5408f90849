/* One sample: cache state, the measuring loop, and the proof of the work. */
#ifndef MM_HARNESS_WORKER_SAMPLE_H
#define MM_HARNESS_WORKER_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "harness/counters.h"
#include "harness/latency.h"
#include "harness/memory_limit.h"
#include "harness/peers.h"
#include "harness/plan.h"
#include "harness/series.h"

struct mm_worker_sample_request {
    const struct mm_plan_case *plan_case;
    const struct mm_plan_file *file;
    struct mm_counters *counters; /* of this process */
    uint64_t seed;
    uint64_t iterations;
    const struct mm_memory_limit *limit; /* that this process is in, or NULL */
    bool first;                          /* of the launch: the page cache is built anew for it */
    struct mm_worker_injection injection;
    struct mm_series_room *series; /* where progress is shown, or NULL */
    const json_t *file_json;       /* the file as a member of the record */
};

/*
 * Takes one sample. 0 and *sample, the member of that form in the record (new reference); the
 * latencies of its flushes and operations are added to latency and what the engine says of itself
 * to effective.
 * Otherwise a negative errno and *failure.
 */
int mm_worker_sample(const struct mm_worker_sample_request *request,
                     struct mm_latency_result *latency, json_t *effective, json_t **sample,
                     struct mm_worker_failure *failure);

#endif
