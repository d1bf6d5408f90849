/* How cases that differ in nothing but their number of processes compare: speed-up and spread. */
#ifndef MM_ANALYSIS_SCALING_H
#define MM_ANALYSIS_SCALING_H

#include <stddef.h>
#include <stdint.h>

#include "analysis/summary.h"

struct mm_scaling_point {
    const struct mm_summary_case *one; /* borrowed from the summary */
    uint64_t processes;
    double speed_up;   /* median throughput over that of the family's fewest processes */
    double efficiency; /* speed-up over how many times the processes: 1 scales perfectly */
};

/* At least two points, ascending by processes. */
struct mm_scaling_family {
    char *name; /* that of its cases, without the processes */
    struct mm_scaling_point *points;
    size_t count;
};

struct mm_scaling {
    struct mm_scaling_family *families; /* in the order of the record */
    size_t count;
};

/* *scaling is empty on failure, -ENOMEM. */
int mm_scaling_make(const struct mm_summary *summary, struct mm_scaling *scaling);
void mm_scaling_release(struct mm_scaling *scaling);

#endif
