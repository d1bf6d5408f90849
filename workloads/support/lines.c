/* Regions as lines of items, for engines that copy between the file and a dense buffer. */
#include "workloads/support/lines.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "workloads/support/region.h"

#define NEAR_STRIDE_BYTES 4096

static uint64_t magnitude(int64_t value)
{
    return value < 0 ? (uint64_t)-value : (uint64_t)value;
}

struct mm_lines mm_lines_of(const struct mm_region *region)
{
    struct mm_lines lines = {.inner = 0, .line_count = 1};
    if (region->dimensions == 2) {
        bool second_is_nearer =
            magnitude(region->stride_bytes[0]) >= magnitude(region->stride_bytes[1]);
        /* An axis with one item has no neighbours, however near. */
        if (region->count[0] == 1 || (region->count[1] > 1 && second_is_nearer))
            lines.inner = 1;
        lines.line_count = region->count[1 - lines.inner];
        lines.line_stride_bytes = region->stride_bytes[1 - lines.inner];
    }
    lines.item_count = region->count[lines.inner];
    lines.item_stride_bytes = region->stride_bytes[lines.inner];
    lines.line_bytes = lines.item_count * region->item_bytes;
    /* Lines that touch each other are one. */
    if (lines.item_stride_bytes == (int64_t)region->item_bytes &&
        lines.line_stride_bytes == (int64_t)lines.line_bytes) {
        lines.item_count *= lines.line_count;
        lines.line_bytes *= lines.line_count;
        lines.line_count = 1;
    }
    return lines;
}

static int move(const struct mm_lines_mover *mover, bool writing, uint64_t start, uint64_t length,
                unsigned char *bytes, struct mm_error *error)
{
    return mover->move(mover->context, writing, start, length, bytes, error);
}

static int settle(const struct mm_lines_mover *mover, int status, struct mm_error *error)
{
    int settled = mover->settle ? mover->settle(mover->context, status ? NULL : error) : 0;
    return status ? status : settled;
}

/* count items that one range of the staging buffer covers; item 0 stands at start. */
static int transfer_covered(const struct mm_lines_mover *mover, bool writing, uint64_t start,
                            uint64_t count, int64_t stride_bytes, uint32_t item_bytes,
                            unsigned char *dense, struct mm_error *error)
{
    uint64_t way = (count - 1) * magnitude(stride_bytes);
    uint64_t low = stride_bytes < 0 ? start - way : start;
    int status = move(mover, false, low, way + item_bytes, mover->staging, error);
    status = settle(mover, status, error);
    if (status)
        return status;
    unsigned char *item = mover->staging + (start - low);
    for (uint64_t i = 0; i < count; i++, item += stride_bytes) {
        if (writing)
            memcpy(item, dense + i * item_bytes, item_bytes);
        else
            memcpy(dense + i * item_bytes, item, item_bytes);
    }
    if (!writing)
        return 0;
    status = move(mover, true, low, way + item_bytes, mover->staging, error);
    return settle(mover, status, error);
}

static int transfer_line(const struct mm_lines_mover *mover, bool writing, uint64_t start,
                         const struct mm_lines *lines, uint32_t item_bytes, unsigned char *dense,
                         struct mm_error *error)
{
    uint64_t stride = magnitude(lines->item_stride_bytes);
    if (lines->item_stride_bytes == (int64_t)item_bytes || lines->item_count == 1)
        return move(mover, writing, start, lines->line_bytes, dense, error);
    bool near = stride < NEAR_STRIDE_BYTES && item_bytes < NEAR_STRIDE_BYTES;
    uint64_t step = near && stride ? (MM_LINES_STAGING_BYTES - item_bytes) / stride + 1 : 1;
    int status = 0;
    for (uint64_t done = 0; status == 0 && done < lines->item_count; done += step) {
        uint64_t count = lines->item_count - done < step ? lines->item_count - done : step;
        uint64_t at = start + (uint64_t)((int64_t)done * lines->item_stride_bytes);
        if (count == 1)
            status = move(mover, writing, at, item_bytes, dense + done * item_bytes, error);
        else
            status = transfer_covered(mover, writing, at, count, lines->item_stride_bytes,
                                      item_bytes, dense + done * item_bytes, error);
    }
    return status;
}

int mm_lines_transfer(const struct mm_lines_mover *mover, bool writing,
                      const struct mm_region *region, unsigned char *dense, struct mm_error *error)
{
    struct mm_lines lines = mm_lines_of(region);
    int status = 0;
    for (uint64_t i = 0; status == 0 && i < lines.line_count; i++)
        status = transfer_line(
            mover, writing, region->offset_bytes + (uint64_t)((int64_t)i * lines.line_stride_bytes),
            &lines, region->item_bytes, dense + i * lines.line_bytes, error);
    return settle(mover, status, error);
}

int mm_lines_check_loan(const struct mm_array *array, bool writable, uint64_t buffer_bytes,
                        const struct mm_region *region, enum mm_engine_access access,
                        struct mm_error *error)
{
    uint64_t dense_bytes;
    int status = mm_region_check(array, writable, region, access, error);
    if (status)
        return status;
    struct mm_lines lines = mm_lines_of(region);
    if (__builtin_mul_overflow(lines.line_count, lines.line_bytes, &dense_bytes) ||
        dense_bytes > buffer_bytes)
        return mm_error_set(error, -EINVAL,
                            "a loan of %" PRIu64 " lines of %" PRIu64
                            " bytes from a buffer of %" PRIu64
                            ": the workload announced less than it borrows",
                            lines.line_count, lines.line_bytes, buffer_bytes);
    return 0;
}

struct mm_span mm_lines_span(const struct mm_region *region, enum mm_engine_access access,
                             unsigned char *data)
{
    struct mm_lines lines = mm_lines_of(region);
    struct mm_span span = {.data = data, .region = *region, .access = access};
    span.stride_bytes[lines.inner] = region->item_bytes;
    if (region->dimensions == 2)
        span.stride_bytes[1 - lines.inner] =
            (int64_t)(region->count[lines.inner] * region->item_bytes);
    return span;
}
