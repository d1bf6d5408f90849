/* One sample of a whole command. */
#ifndef MM_HARNESS_WORKER_COMMAND_H
#define MM_HARNESS_WORKER_COMMAND_H

#include <jansson.h>

#include "harness/counters.h"
#include "harness/peers.h"
#include "harness/plan.h"
#include "harness/series.h"
#include "harness/worker_process.h"

/*
 * Brings the files (members files of a record, for a cold case evicted, for a warm one read in,
 * verified both) into the state of the case, runs the command as a child and waits for it. 0 and
 * *sample, or a negative errno and *failure: kind "cache", "exited" with its code and last words,
 * "killed" with its signal. What is observed meanwhile begins and ends in series (may be NULL).
 */
int mm_worker_command_sample(const struct mm_plan_case *plan_case, const json_t *files,
                             struct mm_counters *counters, struct mm_series_room *series,
                             json_t **sample, struct mm_worker_failure *failure);

#endif
