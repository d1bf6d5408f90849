/*
 * One process of a sample: it opens the engine, runs the passes and accounts for every phase. The
 * worker itself is one when the case has one process; else each of its peers is.
 */
#ifndef MM_HARNESS_WORKER_PROCESS_H
#define MM_HARNESS_WORKER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "common/error.h"
#include "harness/counters.h"
#include "harness/environment.h"
#include "harness/latency.h"
#include "harness/plan.h"
#include "harness/series.h"
#include "workloads/workload.h"

/* The steps of a sample, in this order; WARM_UP and PASS any number of times. */
enum mm_worker_action {
    MM_WORKER_PREPARE,
    MM_WORKER_OPEN,
    MM_WORKER_WARM_UP, /* one untimed pass */
    MM_WORKER_BEGIN,   /* forgets what the warm-up has counted */
    MM_WORKER_PASS,
    MM_WORKER_END, /* takes stock: device bytes and what the engine says of itself */
    MM_WORKER_CLOSE,
    MM_WORKER_CLEAN_UP,
    MM_WORKER_ACTION_COUNT
};

/* What a selftest of the regression gate adds to every pass; all 0: nothing. */
struct mm_worker_injection {
    double delay_share; /* this share of the measured time is spun away within the clock */
    uint64_t faults;    /* so many minor faults are counted, and cost no measured time */
};

struct mm_worker_phase {
    uint64_t elapsed_ns;
    uint64_t entries;
    struct mm_counters_total counters;
};

#define MM_WORKER_EFFECTIVE_BYTES 16384

/* What one process has measured; plain data without pointers, so that it can lie in memory shared
 * between processes. */
struct mm_worker_result {
    struct mm_worker_phase phases[MM_PHASE_COUNT];
    struct mm_latency_result latency;
    uint64_t checksum;
    uint64_t bytes;
    uint64_t items;
    /* The last pass alone. */
    uint64_t pass_started_ns;
    uint64_t pass_ended_ns;
    uint64_t pass_phase_ns[MM_PHASE_COUNT];
    /* Storage traffic: from before the open to END, and from BEGIN to END. */
    struct mm_worker_io {
        bool valid;
        uint64_t read_bytes_with_open;
        uint64_t read_bytes;
        uint64_t written_bytes;
        char why_unavailable[160];
    } io;
    char effective[MM_WORKER_EFFECTIVE_BYTES]; /* JSON text of an object, or empty */
};

/* Plain data, owned by the caller; initialised by mm_worker_process_init(). */
struct mm_worker_process {
    struct mm_workload_run run;
    const struct mm_plan_case *plan_case;
    const struct mm_plan_file *file;
    struct mm_counters *counters;
    struct mm_worker_result *result;
    struct mm_worker_injection injection;
    json_t *reported;              /* the workload's own figures; an object */
    struct mm_series_room *series; /* where progress is shown, or NULL */
    struct mm_error error;

    /* Below: the implementation's own. */
    struct mm_engine_target target;
    size_t counter_count;
    struct mm_counters_reading before;
    struct mm_counters_reading after;
    struct mm_environment_io io_before_open;
    struct mm_environment_io io_before_passes;
    enum mm_phase phase;
    uint64_t phase_started_ns;
    struct mm_latency_clock latency_clock;
    bool prepared;
};

/* All pointers are borrowed until mm_worker_process_release(). shared is needs.shared_bytes of
 * zeroed memory, or NULL. result is emptied. -ENOMEM. */
int mm_worker_process_init(struct mm_worker_process *process, const struct mm_plan_case *plan_case,
                           const struct mm_plan_file *file, struct mm_counters *counters,
                           uint64_t seed, uint32_t peer, void *shared,
                           struct mm_worker_result *result);

/* One step. A negative errno leaves a line in process->error; only release is allowed then. */
int mm_worker_process_do(struct mm_worker_process *process, enum mm_worker_action action);

/* Closes the engine and cleans up after the workload, as far as that is still to be done. */
void mm_worker_process_release(struct mm_worker_process *process);

/* Hands run->error the line of a failure whose author left none. Returns code. */
int mm_worker_process_explain(struct mm_worker_process *process, int code, const char *what);

#endif
