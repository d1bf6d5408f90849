/* Regions as lines of items, for engines that copy between the file and a dense buffer. */
#ifndef MM_WORKLOADS_SUPPORT_LINES_H
#define MM_WORKLOADS_SUPPORT_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "workloads/engines/engine.h"

#define MM_LINES_STAGING_BYTES (UINT64_C(1) << 20)

/* A region as lines of items: the inner axis is the one with the smaller stride. Plain data. */
struct mm_lines {
    uint32_t inner; /* axis of the region */
    uint64_t line_count;
    int64_t line_stride_bytes;
    uint64_t item_count; /* in a line */
    int64_t item_stride_bytes;
    uint64_t line_bytes; /* dense */
};

struct mm_lines mm_lines_of(const struct mm_region *region);

/* How an engine moves contiguous bytes; start counts from the first byte of the array's data. */
struct mm_lines_mover {
    void *context;
    /* May return before the bytes have moved, when settle is there to wait for them. */
    int (*move)(void *context, bool writing, uint64_t start, uint64_t length, unsigned char *bytes,
                struct mm_error *error);
    int (*settle)(void *context, struct mm_error *error); /* optional; called after errors too */
    unsigned char *staging;                               /* MM_LINES_STAGING_BYTES */
};

/*
 * Moves all items of region between the file and dense, line by line: a contiguous line is one
 * move; items less than 4 KiB apart are one move of the range that covers them (in pieces of the
 * staging buffer), as the kernel would move the pages between them anyhow; items further apart are
 * one move each. A covered line that is written is read, patched and written whole, so the bytes
 * between its items must not be written by others at the same time.
 */
int mm_lines_transfer(const struct mm_lines_mover *mover, bool writing,
                      const struct mm_region *region, unsigned char *dense, struct mm_error *error);

/* May region be lent through a buffer of buffer_bytes? -EINVAL when it is too small, else as
 * mm_region_check. */
int mm_lines_check_loan(const struct mm_array *array, bool writable, uint64_t buffer_bytes,
                        const struct mm_region *region, enum mm_engine_access access,
                        struct mm_error *error);

/* The span of region when its lines lie densely at data. */
struct mm_span mm_lines_span(const struct mm_region *region, enum mm_engine_access access,
                             unsigned char *data);

#endif
