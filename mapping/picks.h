/* Blocks of an array by an index list, and keeping their reads in flight ahead of the loop that
 * touches them. */
#ifndef MARRAY_PICKS_H
#define MARRAY_PICKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mapping/array.h"
#include "mapping/depth.h"
#include "mapping/layout.h"
#include "mapping/os.h"
#include "mapping/way.h"

/* Which blocks, in which order. Plain data; borrows array and list. */
struct marray_picks {
    const struct marray *array;
    const int64_t *indices; /* along the first axis, negative ones from its end; or NULL and */
    const uint64_t *blocks; /* the number of each block; without either, all in their order */
    size_t count;
    int64_t axis_length;  /* blocks that there are */
    int64_t stride_bytes; /* from one block to the next */
    int64_t start;        /* of the first element of block 0, from the base of the map */
    /* Within a block: runs of run_bytes, and the loops over them by address. */
    struct marray_loops by_address;
    int64_t lowest; /* from the first element to the lowest one */
    uint64_t run_bytes;
    bool is_in_order; /* one block behind the other: the kernel reads ahead by itself */
};

/* Where pick i has its first element, from the base of the map. */
static inline int64_t marray_picks_start(const struct marray_picks *picks, size_t i)
{
    int64_t block;
    if (picks->blocks)
        block = (int64_t)picks->blocks[i];
    else if (!picks->indices)
        block = (int64_t)i;
    else
        block = picks->indices[i] + (picks->indices[i] < 0 ? picks->axis_length : 0);
    return picks->start + block * picks->stride_bytes;
}

/* The blocks array[i], or all of them in order: which ones is the caller's to fill in. Only for
 * arrays with an axis and elements. */
void marray_picks_lay_out(struct marray_picks *picks, const struct marray *array);
/* The whole pieces of an array without gaps, in the order of the file. */
void marray_picks_cut(struct marray_picks *picks, const struct marray *array, uint64_t piece_bytes);

/*
 * Accompanies a loop over picks and makes it fast where that pays: reads ahead, and tells the loop
 * to move its blocks by calls. Whether pages are missing and which way is faster is found out by a
 * look at a few pages and by how long the loop takes, so that an array in memory costs next to
 * nothing.
 */
struct marray_ahead {
    const struct marray_picks *picks;
    struct marray_way way; /* of the part that comes now, for blocks that are single runs */
    uint64_t page_bytes;
    uint64_t resident_ns; /* that a block from memory may take */
    bool is_watched;      /* enough to be worth it */
    uint64_t block_pages; /* that a block touches; 0: do not read ahead */
    size_t window;        /* blocks that may be in flight, by depth */
    size_t batch;
    struct marray_depth depth;
    uint64_t batch_began_ns;
    bool is_active; /* pages are missing */
    int self;
    size_t next;      /* the first that is not asked for */
    size_t looked_at; /* the pick at the last look at what is resident */
    int warm_looks;   /* in a row */
    uint64_t looked_ns;
    size_t part; /* that the loop works on */
    size_t grown_part;
    uint64_t started_ns;
    struct marray_os_range ranges[MARRAY_OS_PREFETCH_RANGES];
    size_t range_count;
};

/* block_bytes: of a block that is one run, which may go by calls; 0: the loop touches the map. */
void marray_ahead_open(struct marray_ahead *ahead, const struct marray_picks *picks,
                       uint64_t block_bytes, bool writes);
/* The loop has done picks [0, done), done < count: how many to take now. */
size_t marray_ahead_next(struct marray_ahead *ahead, size_t done);
void marray_ahead_close(struct marray_ahead *ahead);

#endif
