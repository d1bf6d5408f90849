/* The operations of a random workload: which blocks, in which order, read or written. */
#ifndef MM_WORKLOADS_SUPPORT_DRAW_H
#define MM_WORKLOADS_SUPPORT_DRAW_H

#include <stdint.h>

/* What to draw. Plain data. */
struct mm_draw {
    uint64_t seed;
    uint64_t block_count;
    uint64_t operations;
    uint64_t batch;       /* operations that are in flight together */
    double zipf_exponent; /* 0: every block is as likely as any other */
    double write_share;
};

/* One batch of a drawn list: reads first, then writes. */
struct mm_draw_batch {
    uint32_t reads;
    uint32_t writes;
};

/* How many batches mm_draw_list makes. */
uint64_t mm_draw_batch_count(const struct mm_draw *draw);

/*
 * Fills blocks[operations] and batches[mm_draw_batch_count()]: the same draw gives the same lists.
 * Popular blocks of a Zipf draw are spread over the array. Within a batch all reads stand before
 * all writes, so that one after the other and batch by batch come to the same.
 */
void mm_draw_list(const struct mm_draw *draw, uint64_t *blocks, struct mm_draw_batch *batches);

/* A bijection of [0, count): neighbours end up far apart. */
uint64_t mm_draw_spread(uint64_t index, uint64_t count, uint64_t seed);

#endif
