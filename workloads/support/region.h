/* Arithmetic on regions: where they lie in the array, and as spans of bytes lent in place. */
#ifndef MM_WORKLOADS_SUPPORT_REGION_H
#define MM_WORKLOADS_SUPPORT_REGION_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "workloads/engines/engine.h"

/*
 * The bytes [*start, *end) of the array's data that hold all items of region; NULL region: all of
 * the array. -ERANGE when an item lies outside of the array, -EINVAL for a region without items or
 * with a number of dimensions other than 1 and 2.
 */
int mm_region_bounds(const struct mm_array *array, const struct mm_region *region, uint64_t *start,
                     uint64_t *end, struct mm_error *error);

/* May a loan of region with that access be given? -EACCES for stores into an array that is not
 * writable, otherwise as mm_region_bounds. */
int mm_region_check(const struct mm_array *array, bool writable, const struct mm_region *region,
                    enum mm_engine_access access, struct mm_error *error);

/* Lends the items of region from data, which holds the whole array; fails as the check. */
int mm_region_lend(const struct mm_array *array, unsigned char *data, bool writable,
                   const struct mm_region *region, enum mm_engine_access access,
                   struct mm_span *span, struct mm_error *error);

/* The items of region into and out of a dense buffer, row by row, the way engine does it best: by
 * copy_out and copy_in, or over a loan. For regions whose rows have no gaps; -EINVAL for others. */
int mm_region_copy_out(const struct mm_engine *engine, struct mm_engine_file *file,
                       const struct mm_region *region, void *buffer, struct mm_error *error);
int mm_region_copy_in(const struct mm_engine *engine, struct mm_engine_file *file,
                      const struct mm_region *region, const void *buffer, struct mm_error *error);

/* Block copies between data, which holds the whole array, and a dense buffer. -ERANGE when a block
 * lies outside of the array; blocks before it are copied then. */
int mm_blocks_gather(const struct mm_array *array, const unsigned char *data,
                     const uint64_t *blocks, size_t count, uint64_t block_bytes, void *buffer,
                     struct mm_error *error);
int mm_blocks_scatter(const struct mm_array *array, unsigned char *data, const uint64_t *blocks,
                      size_t count, uint64_t block_bytes, const void *buffer,
                      struct mm_error *error);

/* -ERANGE unless block lies in the array; used by engines that copy by themselves. */
int mm_block_check(const struct mm_array *array, uint64_t block, uint64_t block_bytes,
                   struct mm_error *error);

#endif
