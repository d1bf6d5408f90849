/* One figure over the launches of a case: the values, their median and its interval. */
#ifndef MM_ANALYSIS_DISTRIBUTION_H
#define MM_ANALYSIS_DISTRIBUTION_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "analysis/statistics.h"

/* Plain data; release with mm_distribution_release(). */
struct mm_distribution {
    double *values; /* ascending, finite; NULL while count is 0 */
    size_t count;
    double median;     /* valid when count > 0 */
    bool has_interval; /* from MM_STATISTICS_INTERVAL_LAUNCHES values up */
    struct mm_interval interval;
    char *why; /* why there is no value at all, when count is 0; else NULL */
};

/* One launch and the sample that stands for it. Borrowed from the record. */
struct mm_launch_sample {
    const json_t *launch;
    const json_t *sample;
};

/* The sample of a launch whose time per iteration is the median; of an even number the faster of
 * the two in the middle. NULL when the launch has none. Figures of one launch come from one sample,
 * the same that gbench.json shows. */
const json_t *mm_launch_median_sample(const json_t *launch);

/* One figure of one launch: *value and true, or false and *why (borrowed or static). */
struct mm_measure {
    bool (*read)(const struct mm_measure *measure, const struct mm_launch_sample *at, double *value,
                 const char **why);
    const char *phase; /* for those that need a phase */
    const char *name;  /* for those that need a member's name */
    double page_bytes; /* for faults per page; 0: not known */
};

/* A member of the sample per iteration, which is one pass over the array: needs name. */
bool mm_measure_per_pass(const struct mm_measure *measure, const struct mm_launch_sample *at,
                         double *value, const char **why);
/* A member of the sample per second: needs name. */
bool mm_measure_rate(const struct mm_measure *measure, const struct mm_launch_sample *at,
                     double *value, const char **why);
/* A figure of the workload's own: needs name. */
bool mm_measure_reported(const struct mm_measure *measure, const struct mm_launch_sample *at,
                         double *value, const char **why);
/* The time of a phase of the whole sample: needs phase. */
bool mm_measure_phase_time(const struct mm_measure *measure, const struct mm_launch_sample *at,
                           double *value, const char **why);
/* A counter of a phase of the whole sample: needs phase and name. */
bool mm_measure_counter(const struct mm_measure *measure, const struct mm_launch_sample *at,
                        double *value, const char **why);
/* The same for minor_faults and major_faults: getrusage's count stands in where perf has none or
 * had to leave out the kernel's share. */
bool mm_measure_phase_faults(const struct mm_measure *measure, const struct mm_launch_sample *at,
                             double *value, const char **why);
/* Minor and major faults of touch, compute and flush together, per pass. */
bool mm_measure_faults(const struct mm_measure *measure, const struct mm_launch_sample *at,
                       double *value, const char **why);
/* The same of the whole sample, or of a peer in its place. */
bool mm_measure_timed_faults(const struct mm_measure *measure, const struct mm_launch_sample *at,
                             double *value, const char **why);
/* For each page of the bytes that were moved: needs page_bytes. */
bool mm_measure_faults_per_page(const struct mm_measure *measure, const struct mm_launch_sample *at,
                                double *value, const char **why);
/* A figure of the whole machine during the passes: needs name. */
bool mm_measure_machine(const struct mm_measure *measure, const struct mm_launch_sample *at,
                        double *value, const char **why);
/* What others than the measuring processes have read from the device meanwhile. */
bool mm_measure_read_by_others(const struct mm_measure *measure, const struct mm_launch_sample *at,
                               double *value, const char **why);
/* How much of the time of the passes the device was busy, for whomever: 0 to 1. */
bool mm_measure_device_share(const struct mm_measure *measure, const struct mm_launch_sample *at,
                             double *value, const char **why);
bool mm_measure_bytes_per_fault(const struct mm_measure *measure, const struct mm_launch_sample *at,
                                double *value, const char **why);

/* Sorts values and fills the rest; takes over values, also when it fails. With count 0 values may
 * be NULL, and why (NULL: "not recorded") is copied. -ENOMEM. */
int mm_distribution_make(double *values, size_t count, const char *why,
                         struct mm_distribution *distribution);

/* The measure over launches; those without a finite value are left out. -ENOMEM. */
int mm_distribution_over(const struct mm_launch_sample *launches, size_t count,
                         const struct mm_measure *measure, struct mm_distribution *distribution);

void mm_distribution_release(struct mm_distribution *distribution);

#endif
