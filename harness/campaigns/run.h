/* The campaign behind `mapmeter run`: every launch of a plan, into a record. */
#ifndef MM_HARNESS_CAMPAIGNS_RUN_H
#define MM_HARNESS_CAMPAIGNS_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "harness/plan.h"
#include "results/record.h"

/* Told after every launch; elapsed and left in nanoseconds. */
struct mm_run_progress {
    void *context;
    void (*launch)(void *context, size_t done, size_t total, uint64_t left_ns,
                   const char *case_name, const char *failure_or_null);
    void (*phase)(void *context, const char *text); /* "making the data files" */
    void (*noise)(void *context, const char *line); /* before the first launch: what makes this run
                                                       noisy, and the remedy */
};

struct mm_run_request {
    const struct mm_plan *plan;
    const char *const *command; /* argv of this program, for the record */
    size_t command_count;
    const struct mm_record *resumed; /* NULL, or the record whose missing launches are made: plan
                                        is the one of that record */
    const char
        *out_folder; /* exists, empty unless resumed; results.json is kept up to date in it */
    const char *worker_binary; /* NULL: this program */
    uint64_t data_limit_bytes; /* of the folder of data files; 0: mm_data_cache_limit says */
    const struct mm_run_progress *progress;
};

/*
 * Runs everything and returns the record, which is also saved in out_folder after the making of
 * files, now and then in between, and at the end. Failed launches are in the record, not in the
 * return value. SIGINT and SIGTERM end it early: what finished is in the record, run.interrupted is
 * set. A negative errno means that there is no usable record (the folder cannot be written...);
 * what was saved before is still there. -EINVAL: resumed is of another program or machine.
 */
int mm_run(const struct mm_run_request *request, struct mm_record **record, struct mm_error *error);

#endif
