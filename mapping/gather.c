/* Gathering and scattering blocks by an index list. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "mapping/blocks.h"
#include "mapping/convert.h"
#include "mapping/guard.h"
#include "mapping/message.h"
#include "mapping/picks.h"

/* Small blocks are converted by the stage, not one by one. */
#define STAGE_BYTES 4096

/* One gather or scatter: between the picked blocks and a dense buffer. */
struct gathering {
    struct marray_picks picks;
    bool to_dense;
    unsigned char *dense;
    bool converts;
    int failure;               /* of a conversion */
    struct marray_dtype dtype; /* of the buffer, when it converts */
    uint64_t block_items;
    uint64_t block_bytes; /* in the array */
    uint64_t dense_bytes; /* in the buffer */
    bool is_dense;        /* a block is one run */
    struct marray_loops in_order;
    struct marray_ahead ahead;
};

static void convert(struct gathering *gathering, unsigned char *mapped, int64_t stride,
                    unsigned char *dense, uint64_t items)
{
    const struct marray_dtype *own = &gathering->picks.array->dtype;
    const struct marray_dtype *other = gathering->converts ? &gathering->dtype : own;
    int status;
    if (gathering->to_dense)
        status = marray_convert(own, mapped, stride, other, dense, other->item_bytes, items);
    else
        status = marray_convert(other, dense, other->item_bytes, own, mapped, stride, items);
    if (status)
        gathering->failure = status;
}

static void move_staged(struct gathering *gathering, size_t first, size_t count)
{
    unsigned char stage[STAGE_BYTES];
    const struct marray_picks *picks = &gathering->picks;
    struct marray_way *way = &gathering->ahead.way;
    size_t most = (size_t)(STAGE_BYTES / gathering->block_bytes);
    for (size_t done = 0; done < count;) {
        size_t part = count - done < most ? count - done : most;
        unsigned char *dense = gathering->dense + (first + done) * gathering->dense_bytes;
        if (gathering->to_dense)
            marray_blocks_move(picks, way, first + done, part, stage, gathering->block_bytes);
        convert(gathering, stage, picks->array->dtype.item_bytes, dense,
                part * gathering->block_items);
        if (!gathering->to_dense)
            marray_blocks_move(picks, way, first + done, part, stage, gathering->block_bytes);
        done += part;
    }
}

static void move_strided(struct gathering *gathering, size_t pick)
{
    const struct marray_loops *loops = &gathering->in_order;
    const struct marray *array = gathering->picks.array;
    uint64_t dense_item = gathering->dense_bytes / gathering->block_items;
    unsigned char *mapped = array->map->base + marray_picks_start(&gathering->picks, pick);
    unsigned char *dense = gathering->dense + pick * gathering->dense_bytes;
    int outer = loops->count > 0 ? loops->count - 1 : 0;
    uint64_t run = loops->count > 0 ? loops->length[outer] : 1;
    int64_t stride = loops->count > 0 ? loops->stride_bytes[outer] : array->dtype.item_bytes;
    uint64_t counters[MARRAY_MAX_DIMENSIONS] = {0};
    for (bool done = false; !done && !gathering->failure; dense += run * dense_item) {
        convert(gathering, mapped, stride, dense, run);
        mapped += marray_loops_next(loops, outer, counters, &done);
    }
}

/* What lies between the fields of records stays as it is, which a stage would not know, nor what is
 * behind a character that cannot be converted. */
static bool is_staged(const struct gathering *gathering)
{
    return gathering->is_dense && gathering->converts &&
           gathering->block_bytes <= STAGE_BYTES / 2 &&
           marray_are_numbers(&gathering->picks.array->dtype, &gathering->dtype);
}

static void move_part(struct gathering *gathering, size_t first, size_t count)
{
    if (gathering->is_dense && !gathering->converts)
        marray_blocks_move(&gathering->picks, &gathering->ahead.way, first, count,
                           gathering->dense + first * gathering->dense_bytes,
                           gathering->block_bytes);
    else if (is_staged(gathering))
        move_staged(gathering, first, count);
    else
        for (size_t i = 0; i < count && !gathering->failure; i++)
            move_strided(gathering, first + i);
}

/* Guarded. */
static int move_all(void *context)
{
    struct gathering *gathering = context;
    for (size_t done = 0; done < gathering->picks.count && !gathering->failure;) {
        size_t part = marray_ahead_next(&gathering->ahead, done);
        move_part(gathering, done, part);
        done += part;
    }
    return gathering->failure;
}

static int start_moving(struct gathering *gathering)
{
    if (gathering->picks.count == 0 || gathering->block_items == 0)
        return 0;
    bool moves_runs = is_staged(gathering) || (gathering->is_dense && !gathering->converts);
    marray_ahead_open(&gathering->ahead, &gathering->picks, moves_runs ? gathering->block_bytes : 0,
                      !gathering->to_dense);
    int status = marray_guard_bulk(gathering->picks.array, move_all, gathering);
    marray_ahead_close(&gathering->ahead);
    return marray_tell_conversion(gathering->picks.array, status);
}

/* Every index before anything moves: a scatter is whole or not at all. */
static int check_indices(const struct marray *array, const int64_t *indices, size_t count)
{
    int64_t length = (int64_t)array->shape[0];
    for (size_t i = 0; i < count; i++) {
        if (indices[i] < -length || indices[i] >= length)
            return marray_fail(array->message, -ERANGE,
                               "'%s': index %" PRId64 " at place %zu of the list, for an axis of "
                               "length %" PRId64,
                               MARRAY_PATH(array), indices[i], i, length);
    }
    return 0;
}

static int choose_dtype(struct gathering *gathering, const char *dtype)
{
    const struct marray *array = gathering->picks.array;
    const struct marray_dtype *other = &gathering->dtype;
    int status = marray_choose_dtype(array, dtype, &gathering->dtype);
    if (!status && gathering->to_dense)
        status = marray_check_conversion(array, &array->dtype, other);
    else if (!status)
        status = marray_check_conversion(array, other, &array->dtype);
    if (status)
        return status;
    uint64_t item_bytes = other->item_bytes;
    gathering->converts = !marray_moves_unchanged(&array->dtype, other);
    if (__builtin_mul_overflow(gathering->block_items, item_bytes, &gathering->dense_bytes))
        return marray_fail(array->message, -EOVERFLOW,
                           "'%s': a block of %" PRIu64 " elements does not fit into memory",
                           MARRAY_PATH(array), gathering->block_items);
    return 0;
}

/* The blocks are array[index]: what the axes after the first span. */
static void lay_out(struct gathering *gathering)
{
    struct marray_picks *picks = &gathering->picks;
    const struct marray *array = picks->array;
    const uint64_t *shape = array->shape + 1;
    const int64_t *strides = array->strides + 1;
    int axes = array->dimensions - 1;
    gathering->block_items = 1;
    for (int axis = 0; axis < axes; axis++)
        gathering->block_items *= shape[axis];
    gathering->block_bytes = gathering->block_items * array->dtype.item_bytes;
    if (gathering->block_items == 0)
        return;
    marray_picks_lay_out(picks, array);
    marray_loops_in_order(shape, strides, axes, &gathering->in_order);
    gathering->is_dense =
        marray_layout_is_contiguous(shape, strides, axes, array->dtype.item_bytes, MARRAY_ORDER_C);
}

static int move_indices(struct gathering *gathering, const char *dtype, size_t buffer_bytes)
{
    const struct marray *array = gathering->picks.array;
    size_t count = gathering->picks.count;
    if (array->dimensions == 0)
        return marray_fail(array->message, -EINVAL, "'%s': an index list needs an axis",
                           MARRAY_PATH(array));
    lay_out(gathering);
    int status = choose_dtype(gathering, dtype);
    if (status)
        return status;
    uint64_t needed_bytes;
    if (__builtin_mul_overflow(gathering->dense_bytes, count, &needed_bytes) ||
        needed_bytes != buffer_bytes)
        return marray_fail(array->message, -EINVAL,
                           "'%s': a buffer of %zu bytes for %zu blocks of %" PRIu64 " bytes",
                           MARRAY_PATH(array), buffer_bytes, count, gathering->dense_bytes);
    status = check_indices(array, gathering->picks.indices, count);
    return status ? status : start_moving(gathering);
}

int marray_gather(const struct marray *array, const int64_t *indices, size_t count,
                  const char *dtype, void *buffer, size_t buffer_bytes)
{
    struct gathering gathering = {
        .picks = {.array = array, .indices = indices, .count = count},
        .to_dense = true,
        .dense = buffer,
    };
    int status = move_indices(&gathering, dtype, buffer_bytes);
    marray_dtype_release(&gathering.dtype);
    return status;
}

int marray_scatter(struct marray *array, const int64_t *indices, size_t count, const char *dtype,
                   const void *buffer, size_t buffer_bytes)
{
    struct gathering gathering = {
        .picks = {.array = array, .indices = indices, .count = count},
        .dense = (unsigned char *)buffer, /* only read */
    };
    int status = marray_check_writable(array);
    if (!status)
        status = move_indices(&gathering, dtype, buffer_bytes);
    marray_dtype_release(&gathering.dtype);
    return status;
}

static int move_numbered(struct gathering *gathering)
{
    struct marray_picks *picks = &gathering->picks;
    const struct marray *array = picks->array;
    uint64_t block_bytes = gathering->block_bytes;
    if (!marray_is_contiguous(array, MARRAY_ORDER_C) &&
        !marray_is_contiguous(array, MARRAY_ORDER_F))
        return marray_fail(array->message, -EINVAL,
                           "'%s': blocks of bytes need a view without gaps", MARRAY_PATH(array));
    uint64_t whole_blocks = block_bytes > 0 ? marray_size_bytes(array) / block_bytes : 0;
    for (size_t i = 0; i < picks->count; i++) {
        if (picks->blocks[i] >= whole_blocks)
            return marray_fail(array->message, -ERANGE,
                               "'%s': block %" PRIu64
                               " at place %zu of the list, there are %" PRIu64 " of %" PRIu64
                               " bytes",
                               MARRAY_PATH(array), picks->blocks[i], i, whole_blocks, block_bytes);
    }
    picks->axis_length = (int64_t)whole_blocks;
    picks->stride_bytes = (int64_t)block_bytes;
    picks->run_bytes = block_bytes;
    picks->start = (int64_t)(array->offset_bytes - array->map->file_offset);
    gathering->block_items = 1;
    gathering->dense_bytes = block_bytes;
    gathering->is_dense = true;
    return start_moving(gathering);
}

int marray_gather_blocks(const struct marray *array, uint64_t block_bytes, const uint64_t *blocks,
                         size_t count, void *buffer)
{
    struct gathering gathering = {
        .picks = {.array = array, .blocks = blocks, .count = count},
        .to_dense = true,
        .dense = buffer,
        .block_bytes = block_bytes,
    };
    return move_numbered(&gathering);
}

int marray_scatter_blocks(struct marray *array, uint64_t block_bytes, const uint64_t *blocks,
                          size_t count, const void *buffer)
{
    struct gathering gathering = {
        .picks = {.array = array, .blocks = blocks, .count = count},
        .dense = (unsigned char *)buffer, /* only read */
        .block_bytes = block_bytes,
    };
    int status = marray_check_writable(array);
    return status ? status : move_numbered(&gathering);
}
