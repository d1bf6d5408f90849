/* What counting costs: the time of a case beside that of its twin whose counters are off. */
#ifndef MM_ANALYSIS_COUNTER_COST_H
#define MM_ANALYSIS_COUNTER_COST_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/statistics.h"
#include "analysis/summary.h"

struct mm_counter_cost {
    const struct mm_summary_case *counted; /* borrowed from the summary, as is its twin */
    const struct mm_summary_case *off;
    size_t pairs; /* launches of the same round that both went well */
    double ratio; /* the median over the pairs of their times of a pass, counted / off; 1 is free */
    bool has_interval; /* from MM_STATISTICS_INTERVAL_LAUNCHES pairs up */
    struct mm_interval interval;
};

struct mm_counter_costs {
    struct mm_counter_cost *items;
    size_t count;
};

/* One for each case with a pair of launches, in the order of the record. The twins ran in turns, so
 * a slow minute of the machine met both and leaves their ratio alone. *costs is empty on failure,
 * -ENOMEM. */
int mm_counter_costs_make(const struct mm_summary *summary, struct mm_counter_costs *costs);
void mm_counter_costs_release(struct mm_counter_costs *costs);

#endif
