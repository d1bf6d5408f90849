/* Which engine to take for each work, by how much it leads, and how sure that is. */
#ifndef MM_ANALYSIS_CHOICES_H
#define MM_ANALYSIS_CHOICES_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/statistics.h"
#include "analysis/summary.h"

enum mm_certainty {
    MM_CERTAINTY_SURE,   /* ahead of every other, by intervals that hold for all choices at once */
    MM_CERTAINTY_LIKELY, /* ahead of every other, each interval by itself */
    MM_CERTAINTY_OPEN,   /* an interval reaches 1: no engine is reliably faster */
    MM_CERTAINTY_FEW,    /* too few launches for an interval */
    MM_CERTAINTY_ALONE   /* no other engine did the same work */
};

/* Of the median throughputs, best over another. */
struct mm_choice_ratio {
    double ratio;
    bool has_interval; /* from MM_STATISTICS_INTERVAL_LAUNCHES good launches on both sides */
    struct mm_interval interval;
};

/* All cases of one group and cache state. The cases are borrowed from the summary. */
struct mm_choice {
    const struct mm_summary_case *best; /* its fastest case */
    const struct mm_summary_case *next; /* the fastest of any other engine; NULL: alone */
    const struct mm_summary_case *map;  /* the bare map where it is neither; else NULL */
    struct mm_choice_ratio over_next;   /* where there is a next */
    struct mm_choice_ratio over_map;    /* where there is a map */
    enum mm_certainty certainty;
};

struct mm_choices {
    struct mm_choice *items; /* in the order of the record */
    size_t count;
};

/* The allocated array is no way to reach a file: it shows how fast the loop itself can be. */
bool mm_choices_is_ceiling(const struct mm_summary_case *one);

/* Whether a case has a throughput that means something: of latency a clock or a schedule is in it.
 */
bool mm_choices_has_rate(const struct mm_summary_case *one);

/* The same group and cache state. */
bool mm_choices_same_work(const struct mm_summary_case *a, const struct mm_summary_case *b);

/* Works that only the ceiling did have no choice. -ENOMEM. */
int mm_choices_make(const struct mm_summary *summary, struct mm_choices *choices);
void mm_choices_release(struct mm_choices *choices);

#endif
