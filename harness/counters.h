/*
 * Counters of one process and the children it forks later: perf events by their libpfm4 names, with
 * getrusage beside them. Every event has a descriptor of its own (tracepoints and software events
 * lose counts in groups), is inherited, counts from open to close, and is read at phase borders.
 */
#ifndef MM_HARNESS_COUNTERS_H
#define MM_HARNESS_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/error.h"

#define MM_COUNTERS_MAX        32
#define MM_COUNTERS_EVENTS_MAX 16 /* of those that are asked for */

struct mm_counters;

/* Raw readings of all counters at one moment; plain data, so it can lie in shared memory. */
struct mm_counters_reading {
    uint64_t value[MM_COUNTERS_MAX];
    uint64_t enabled_ns[MM_COUNTERS_MAX];
    uint64_t running_ns[MM_COUNTERS_MAX];
    bool valid[MM_COUNTERS_MAX];
};

/* The sum of differences between readings: what one phase had. All zero before the first. */
struct mm_counters_total {
    double value[MM_COUNTERS_MAX];    /* scaled by enabled / running */
    bool valid[MM_COUNTERS_MAX];      /* at least one difference was added, and none was missing */
    bool incomplete[MM_COUNTERS_MAX]; /* a difference was missing: the sum is too small */
};

/*
 * Opens the standard set (minor_faults, major_faults, context_switches, task_clock_ns, the four
 * rusage_ figures, storage_read_bytes and storage_written_bytes, dtlb_load_misses) and the count
 * further events named in libpfm4's syntax, which are called by their names in lower case with '_'
 * for all but letters and digits; one that is in the set already is not opened twice. Where perf is
 * refused with the kernel it is tried without; where it is refused altogether the first four come
 * from getrusage and the process clock, without children that are forked later.
 * An event may also be a raw one of the PMU ("r1a8") or a tracepoint ("exceptions:page_fault_user",
 * looked up in tracefs).
 * mm_counters_quality_to_json says which. A counter that cannot be had is kept with its reason;
 * only lack of memory fails (-ENOMEM), and more events than fit (-E2BIG).
 */
int mm_counters_open(const char *const *events, size_t count, struct mm_counters **counters,
                     struct mm_error *error);
/* The same names, but nothing is opened, and reading them costs nothing: each is unavailable
 * because counters are off. For launches that show what counting costs. -ENOMEM. */
int mm_counters_open_off(struct mm_counters **counters, struct mm_error *error);
/* The same events as of model, for this process, or off as they are: what a forked process opens.
 */
int mm_counters_open_alike(const struct mm_counters *model, struct mm_counters **counters,
                           struct mm_error *error);
void mm_counters_close(struct mm_counters *counters);

size_t mm_counters_count(const struct mm_counters *counters);
const char *mm_counters_name(const struct mm_counters *counters, size_t index);
/* NULL when the counter works. */
const char *mm_counters_why_unavailable(const struct mm_counters *counters, size_t index);

/* Under a microsecond per event; allocates nothing. */
void mm_counters_read(struct mm_counters *counters, struct mm_counters_reading *reading);

void mm_counters_add_difference(const struct mm_counters_reading *before,
                                const struct mm_counters_reading *after, size_t count,
                                struct mm_counters_total *total);

/* {"minor_faults": 12, "dtlb_load_misses": {"unavailable": why}, ...}; new reference. */
json_t *mm_counters_total_to_json(const struct mm_counters *counters,
                                  const struct mm_counters_total *total);

/* The member counter_quality of a launch: for each counter that works its source ("perf",
 * "getrusage", "process clock"); with perf exclude_kernel and running_share, else, where perf would
 * have been better, why_not_perf. New reference. */
json_t *mm_counters_quality_to_json(const struct mm_counters *counters);

/* For doctor: can perf_event_open be used, by this user, with the kernel counted? Writes one line
 * that says what is to be had and the remedy; true when page faults can be counted fully. */
bool mm_counters_probe(char *line, size_t line_bytes);

#endif
