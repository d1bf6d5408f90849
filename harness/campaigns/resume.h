/* What has to be so that a run can be gone on with. */
#ifndef MM_HARNESS_CAMPAIGNS_RESUME_H
#define MM_HARNESS_CAMPAIGNS_RESUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "harness/plan.h"
#include "results/record.h"

/* -EINVAL when record was measured by another mapmeter than program says (the member run.mapmeter
 * of a new record), or on another machine: its launches could not stand beside new ones. */
int mm_resume_check(const struct mm_record *record, const json_t *program,
                    const json_t *environment, struct mm_error *error);

/* Marks in done[0..count) the launches of order that record has already. -EPROTO for a record with
 * launches that are not in the plan. */
int mm_resume_mark_done(const struct mm_record *record, const struct mm_plan *plan,
                        const struct mm_plan_launch *order, size_t count, bool *done,
                        struct mm_error *error);

/* When the last launch ended, in the time of the run. */
uint64_t mm_resume_time_ns(const struct mm_record *record);

#endif
