/* How unlike the processes of a case were: the least and the most of any of them. */
#ifndef MM_ANALYSIS_PEER_SPREAD_H
#define MM_ANALYSIS_PEER_SPREAD_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/distribution.h"

struct mm_peer_range {
    bool known; /* of every peer */
    double least;
    double most;
};

/* Over all peers of the samples that stand for their launches. Plain data. */
struct mm_peer_spread {
    size_t processes;                /* 0: the case has one process */
    struct mm_peer_range elapsed_ns; /* touch, compute and flush */
    struct mm_peer_range bytes;
    struct mm_peer_range items;
    struct mm_peer_range faults; /* minor and major, of the same phases */
    struct mm_peer_range start_skew_ns;
};

void mm_peer_spread_over(const struct mm_launch_sample *launches, size_t count,
                         struct mm_peer_spread *spread);

#endif
