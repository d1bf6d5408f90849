/*
 * What happened in a sequence of figures of one benchmark: steps, drifts and spikes. Pure
 * functions; values must be finite, and stand in the order in which they were measured.
 */
#ifndef MM_ANALYSIS_CHANGES_H
#define MM_ANALYSIS_CHANGES_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/change_point.h"
#include "analysis/statistics.h"

enum mm_change_kind {
    MM_CHANGE_STEP,   /* to another level, at first; it has not come back since */
    MM_CHANGE_DRIFT,  /* from first to last a straight line says more than steps */
    MM_CHANGE_SPIKE,  /* one or two values that lie apart from those on both sides */
    MM_CHANGE_PENDING /* the same at the end: more values will tell a spike from a step */
};

struct mm_change {
    enum mm_change_kind kind;
    size_t first; /* the values it is about; of a step both are the first one after it */
    size_t last;
    /* Medians: of a step of the part before it and of that after it; of a drift of the first and
     * the last of its parts; of the others of the nearest values around and of the ones apart. */
    double before;
    double after;
    size_t before_count; /* how many values these are of */
    size_t after_count;
    /* By how much it changed: after / before by the estimate of Hodges and Lehmann, with an
     * interval where the change is a step. Only where all values of the sequence are positive;
     * without it there is the difference, likewise. */
    bool is_ratio;
    double size;
    bool has_interval;
    struct mm_interval interval;
    double p; /* of a step: of the test that found it, of a drift: the least of its steps' */
};

struct mm_changes {
    struct mm_change *items; /* ascending by first */
    size_t count;
    size_t used; /* values that were searched for steps: those that are no spikes and not pending */
    size_t needed; /* with fewer of them no step is looked for */
    bool enough;
};

/*
 * Steps are the points of mm_change_points_find in the logarithms of the values, or in the values
 * where not all are positive, after spikes have been put aside. A value lies apart from those
 * around when the distance is more than five standard deviations of the noise from one value to the
 * next, and more than 2 %. One or more steps in the same direction are a drift when a straight line
 * leaves less of the variance. Without enough values all but steps and drifts is still found.
 * -E2BIG, -EINVAL, -ENOMEM; release with mm_changes_release().
 */
int mm_changes_find(const double *values, size_t count,
                    const struct mm_change_point_options *options, struct mm_changes *changes);
void mm_changes_release(struct mm_changes *changes);

#endif
