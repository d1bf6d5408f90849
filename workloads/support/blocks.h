/* An array cut into blocks of whole elements. */
#ifndef MM_WORKLOADS_SUPPORT_BLOCKS_H
#define MM_WORKLOADS_SUPPORT_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "workloads/workload.h"

/* Bytes [start_bytes, start_bytes + size_bytes) of the array's data, cut from the front; only the
 * last block may be shorter. Plain data. */
struct mm_blocks {
    uint64_t start_bytes;
    uint64_t size_bytes;
    uint64_t block_bytes; /* a multiple of the element size */
    uint64_t count;
};

/* The whole array in blocks of wanted_bytes, rounded down to whole elements, to at least one
 * element and to at most the array. */
struct mm_blocks mm_blocks_of(const struct mm_array *array, uint64_t wanted_bytes);

/* The same for a part of the array that begins and ends with an element. */
struct mm_blocks mm_blocks_of_part(const struct mm_array *array, uint64_t start_bytes,
                                   uint64_t size_bytes, uint64_t wanted_bytes);

/* Block index as a contiguous region of bytes. */
struct mm_region mm_blocks_region(const struct mm_blocks *blocks, uint64_t index);

/*
 * Called before each loan of a walk over all blocks, from the first on or from the last; step
 * counts the loans from 0. Tells an engine that can use it, when the blocks of one size begin, that
 * they follow one after the other; the shorter last block is not announced.
 */
int mm_blocks_announce(struct mm_workload_run *run, const struct mm_blocks *blocks,
                       enum mm_engine_access access, bool forward, uint64_t step);

#endif
