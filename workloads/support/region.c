/* Arithmetic on regions: where they lie in the array, and as spans of bytes lent in place. */
#include "workloads/support/region.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Widens [low, high] by the way that dimension goes; false when it does not fit 64 bits. */
static bool widen(const struct mm_region *region, uint32_t dimension, int64_t *low, int64_t *high)
{
    uint64_t count = region->count[dimension];
    int64_t way;
    if (count > (uint64_t)INT64_MAX ||
        __builtin_mul_overflow((int64_t)count - 1, region->stride_bytes[dimension], &way))
        return false;
    int64_t *bound = way < 0 ? low : high;
    return !__builtin_add_overflow(*bound, way, bound);
}

int mm_region_bounds(const struct mm_array *array, const struct mm_region *region, uint64_t *start,
                     uint64_t *end, struct mm_error *error)
{
    if (!region) {
        *start = 0;
        *end = array->size_bytes;
        return 0;
    }
    if (region->dimensions < 1 || region->dimensions > MM_REGION_DIMENSIONS ||
        region->item_bytes == 0)
        return mm_error_set(error, -EINVAL,
                            "a region with %" PRIu32 " axes of %" PRIu32
                            " byte items; 1 or 2 axes and at least 1 byte are possible",
                            region->dimensions, region->item_bytes);
    for (uint32_t i = 0; i < region->dimensions; i++)
        if (region->count[i] == 0)
            return mm_error_set(error, -EINVAL, "a region without items");

    int64_t low = (int64_t)region->offset_bytes;
    int64_t high = low;
    bool fits = region->offset_bytes < array->size_bytes;
    for (uint32_t i = 0; fits && i < region->dimensions; i++)
        fits = widen(region, i, &low, &high);
    if (!fits || low < 0 || (uint64_t)high + region->item_bytes > array->size_bytes)
        return mm_error_set(error, -ERANGE,
                            "a region that starts at byte %" PRIu64
                            " reaches out of an array of %" PRIu64 " bytes",
                            region->offset_bytes, array->size_bytes);
    *start = (uint64_t)low;
    *end = (uint64_t)high + region->item_bytes;
    return 0;
}

int mm_region_check(const struct mm_array *array, bool writable, const struct mm_region *region,
                    enum mm_engine_access access, struct mm_error *error)
{
    uint64_t start;
    uint64_t end;
    if (access != MM_ACCESS_READ && !writable)
        return mm_error_set(error, -EACCES, "stores into an array that was opened for reading");
    return mm_region_bounds(array, region, &start, &end, error);
}

int mm_region_lend(const struct mm_array *array, unsigned char *data, bool writable,
                   const struct mm_region *region, enum mm_engine_access access,
                   struct mm_span *span, struct mm_error *error)
{
    int status = mm_region_check(array, writable, region, access, error);
    if (status)
        return status;
    span->data = data + region->offset_bytes;
    span->stride_bytes[0] = region->stride_bytes[0];
    span->stride_bytes[1] = region->stride_bytes[1];
    span->region = *region;
    span->access = access;
    span->slot = 0;
    return 0;
}

/* Rows of a region: how many, and how long each is. One dimension is one row. */
struct rows {
    uint64_t count;
    size_t bytes;
};

static int find_rows(const struct mm_region *region, struct rows *rows, struct mm_error *error)
{
    uint32_t last = region->dimensions - 1;
    if (region->stride_bytes[last] != (int64_t)region->item_bytes)
        return mm_error_set(error, -EINVAL, "a region whose rows have gaps has no dense copy");
    rows->count = last > 0 ? region->count[0] : 1;
    rows->bytes = (size_t)(region->count[last] * region->item_bytes);
    return 0;
}

/* Exactly one of out and in is given. */
static int copy_loan(const struct mm_engine *engine, struct mm_engine_file *file,
                     const struct mm_region *region, unsigned char *out, const unsigned char *in,
                     struct mm_error *error)
{
    struct mm_span span;
    struct rows rows = {0};
    int status = find_rows(region, &rows, error);
    if (status == 0)
        status = engine->borrow(file, region, out ? MM_ACCESS_READ : MM_ACCESS_WRITE, &span, error);
    if (status)
        return status;
    for (uint64_t row = 0; row < rows.count; row++) {
        unsigned char *lent = span.data + (int64_t)row * span.stride_bytes[0];
        if (out)
            memcpy(out + row * rows.bytes, lent, rows.bytes);
        else
            memcpy(lent, in + row * rows.bytes, rows.bytes);
    }
    return engine->give_back(file, &span, error);
}

int mm_region_copy_out(const struct mm_engine *engine, struct mm_engine_file *file,
                       const struct mm_region *region, void *buffer, struct mm_error *error)
{
    return engine->copy_out ? engine->copy_out(file, region, buffer, error)
                            : copy_loan(engine, file, region, buffer, NULL, error);
}

int mm_region_copy_in(const struct mm_engine *engine, struct mm_engine_file *file,
                      const struct mm_region *region, const void *buffer, struct mm_error *error)
{
    return engine->copy_in ? engine->copy_in(file, region, buffer, error)
                           : copy_loan(engine, file, region, NULL, buffer, error);
}

int mm_block_check(const struct mm_array *array, uint64_t block, uint64_t block_bytes,
                   struct mm_error *error)
{
    uint64_t end;
    if (__builtin_mul_overflow(block, block_bytes, &end) ||
        __builtin_add_overflow(end, block_bytes, &end) || end > array->size_bytes)
        return mm_error_set(error, -ERANGE,
                            "block %" PRIu64 " of %" PRIu64
                            " bytes lies outside of an array of %" PRIu64 " bytes",
                            block, block_bytes, array->size_bytes);
    return 0;
}

int mm_blocks_gather(const struct mm_array *array, const unsigned char *data,
                     const uint64_t *blocks, size_t count, uint64_t block_bytes, void *buffer,
                     struct mm_error *error)
{
    unsigned char *dense = buffer;
    for (size_t i = 0; i < count; i++) {
        int status = mm_block_check(array, blocks[i], block_bytes, error);
        if (status)
            return status;
        if (block_bytes == 8) /* a constant length is one load and one store */
            memcpy(dense + i * 8, data + blocks[i] * 8, 8);
        else
            memcpy(dense + i * block_bytes, data + blocks[i] * block_bytes, block_bytes);
    }
    return 0;
}

int mm_blocks_scatter(const struct mm_array *array, unsigned char *data, const uint64_t *blocks,
                      size_t count, uint64_t block_bytes, const void *buffer,
                      struct mm_error *error)
{
    const unsigned char *dense = buffer;
    for (size_t i = 0; i < count; i++) {
        int status = mm_block_check(array, blocks[i], block_bytes, error);
        if (status)
            return status;
        if (block_bytes == 8)
            memcpy(data + blocks[i] * 8, dense + i * 8, 8);
        else
            memcpy(data + blocks[i] * block_bytes, dense + i * block_bytes, block_bytes);
    }
    return 0;
}
