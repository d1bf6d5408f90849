/* Moving elements between views and dense buffers. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "mapping/array.h"
#include "mapping/convert.h"
#include "mapping/guard.h"
#include "mapping/message.h"

/* Elements of a strip when the inner loop strides further than the outer one: so many pages and
 * cache lines are in use at once. */
#define STRIP_ITEMS 64

#define PATTERN_BYTES 4096

/* One transfer between a view and a buffer in C order of the view. Only one of the two ways is
 * used: reading writes dense_target, writing reads dense_source. */
struct transfer {
    const struct marray *array;
    struct marray_dtype dtype; /* of the buffer */
    const unsigned char *dense_source;
    unsigned char *dense_target;
};

static void transfer_run(const struct transfer *transfer, unsigned char *elements, int64_t stride,
                         uint64_t dense_index, uint64_t count)
{
    const struct marray_dtype *dense = &transfer->dtype;
    uint64_t dense_offset = dense_index * dense->item_bytes;
    if (transfer->dense_target)
        marray_convert(&transfer->array->dtype, elements, stride, dense,
                       transfer->dense_target + dense_offset, dense->item_bytes, count);
    else
        marray_convert(dense, transfer->dense_source + dense_offset, dense->item_bytes,
                       &transfer->array->dtype, elements, stride, count);
}

/* The innermost two loops in strips across the outer one, so that a transposed array is not walked
 * with one page fault or cache miss for every element. */
static void transfer_plane(const struct transfer *transfer, const struct marray_loops *loops,
                           unsigned char *elements, uint64_t dense_index)
{
    int row = loops->count - 2;
    int column = loops->count - 1;
    uint64_t columns = loops->length[column];
    for (uint64_t j = 0; j < columns; j += STRIP_ITEMS) {
        uint64_t strip = columns - j < STRIP_ITEMS ? columns - j : STRIP_ITEMS;
        for (uint64_t i = 0; i < loops->length[row]; i++)
            transfer_run(transfer,
                         elements + (int64_t)i * loops->stride_bytes[row] +
                             (int64_t)j * loops->stride_bytes[column],
                         loops->stride_bytes[column], dense_index + i * columns + j, strip);
    }
}

static int64_t magnitude(int64_t value)
{
    return value < 0 ? -value : value;
}

/* Guarded. */
static int transfer_all(void *context)
{
    const struct transfer *transfer = context;
    const struct marray *array = transfer->array;
    struct marray_loops loops;
    marray_loops_in_order(array->shape, array->strides, array->dimensions, &loops);
    if (loops.count == 0) {
        transfer_run(transfer, array->data, array->dtype.item_bytes, 0, 1);
        return 0;
    }
    int last = loops.count - 1;
    bool is_plane =
        last > 0 && magnitude(loops.stride_bytes[last - 1]) < magnitude(loops.stride_bytes[last]);
    int outer = is_plane ? last - 1 : last;
    uint64_t block = loops.length[last] * (is_plane ? loops.length[last - 1] : 1);
    uint64_t counters[MARRAY_MAX_DIMENSIONS] = {0};
    unsigned char *elements = array->data;
    uint64_t dense_index = 0;
    for (bool done = false; !done; dense_index += block) {
        if (is_plane)
            transfer_plane(transfer, &loops, elements, dense_index);
        else
            transfer_run(transfer, elements, loops.stride_bytes[last], dense_index, block);
        elements += marray_loops_next(&loops, outer, counters, &done);
    }
    return 0;
}

static int choose_dtype(const struct marray *array, const char *text, struct marray_dtype *dtype)
{
    /* The array's own descr is worth a look: reading text costs more than one element does. */
    if (text && strcmp(text, array->dtype.descr))
        return marray_dtype_parse(text, dtype, array->message);
    *dtype = array->dtype;
    return 0;
}

static int check_writable(const struct marray *array)
{
    if (array->map->mode != MARRAY_READ)
        return 0;
    return marray_fail(array->message, -EACCES, "'%s' is open for reading only",
                       MARRAY_PATH(array));
}

/* Sets dtype and checks that the buffer has just the bytes of the elements. */
static int prepare(const struct marray *array, const char *dtype, size_t buffer_bytes,
                   struct transfer *transfer)
{
    transfer->array = array;
    int status = choose_dtype(array, dtype, &transfer->dtype);
    if (status)
        return status;
    uint64_t needed_bytes;
    if (__builtin_mul_overflow(array->length, transfer->dtype.item_bytes, &needed_bytes) ||
        needed_bytes != buffer_bytes)
        return marray_fail(array->message, -EINVAL,
                           "'%s': a buffer of %zu bytes for %" PRIu64 " elements of %s",
                           MARRAY_PATH(array), buffer_bytes, array->length, transfer->dtype.descr);
    return 0;
}

int marray_read(const struct marray *array, const char *dtype, void *buffer, size_t buffer_bytes)
{
    struct transfer transfer = {.dense_target = buffer};
    int status = prepare(array, dtype, buffer_bytes, &transfer);
    if (!status && array->length > 0)
        status = marray_guard_bulk(array, transfer_all, &transfer);
    return status;
}

int marray_write(struct marray *array, const char *dtype, const void *buffer, size_t buffer_bytes)
{
    struct transfer transfer = {.dense_source = buffer};
    int status = check_writable(array);
    if (!status)
        status = prepare(array, dtype, buffer_bytes, &transfer);
    if (!status && array->length > 0)
        status = marray_guard_bulk(array, transfer_all, &transfer);
    return status;
}

static bool is_one_byte(const unsigned char *item, uint32_t item_bytes)
{
    for (uint32_t i = 1; i < item_bytes; i++) {
        if (item[i] != item[0])
            return false;
    }
    return true;
}

/* Repeats a pattern that stays in the cache: the speed of memcpy, whatever the item. */
static void fill_run(unsigned char *target, uint64_t size_bytes,
                     const unsigned char pattern[PATTERN_BYTES])
{
    while (size_bytes > 0) {
        size_t part = size_bytes < PATTERN_BYTES ? (size_t)size_bytes : PATTERN_BYTES;
        memcpy(target, pattern, part);
        target += part;
        size_bytes -= part;
    }
}

struct filling {
    const struct marray *array;
    const unsigned char *item;
};

/* Guarded. */
static int fill_elements(void *context)
{
    const struct filling *filling = context;
    const struct marray *array = filling->array;
    const unsigned char *item = filling->item;
    uint32_t item_bytes = array->dtype.item_bytes;
    unsigned char pattern[PATTERN_BYTES];
    marray_copy_items(item, 0, pattern, item_bytes, PATTERN_BYTES / item_bytes, item_bytes);
    bool one_byte = is_one_byte(item, item_bytes);
    struct marray_loops loops;
    uint64_t start;
    marray_array_by_address(array, &loops, &start);
    /* A view of one element has no loop, which is a run of one. */
    int outer = loops.count > 0 ? loops.count - 1 : 0;
    uint64_t run = loops.count > 0 ? loops.length[outer] : 1;
    int64_t stride = loops.count > 0 ? loops.stride_bytes[outer] : item_bytes;
    uint64_t counters[MARRAY_MAX_DIMENSIONS] = {0};
    unsigned char *elements = array->map->base + start;
    bool done = false;
    while (!done) {
        if (stride != item_bytes)
            marray_copy_items(item, 0, elements, stride, run, item_bytes);
        else if (one_byte)
            memset(elements, item[0], (size_t)(run * item_bytes));
        else
            fill_run(elements, run * item_bytes, pattern);
        elements += marray_loops_next(&loops, outer, counters, &done);
    }
    return 0;
}

int marray_fill(struct marray *array, const char *dtype, const void *value)
{
    struct marray_dtype given;
    int status = check_writable(array);
    if (!status)
        status = choose_dtype(array, dtype, &given);
    if (status)
        return status;
    unsigned char item[MARRAY_MAX_ITEM_BYTES];
    marray_convert(&given, value, given.item_bytes, &array->dtype, item, array->dtype.item_bytes,
                   1);
    struct filling filling = {array, item};
    return array->length > 0 ? marray_guard_bulk(array, fill_elements, &filling) : 0;
}

static int find_element(const struct marray *array, const int64_t *index, unsigned char **element)
{
    int64_t moved = 0;
    for (int axis = 0; axis < array->dimensions; axis++) {
        int64_t length = (int64_t)array->shape[axis];
        int64_t place = index[axis] < 0 ? index[axis] + length : index[axis];
        if (place < 0 || place >= length)
            return marray_fail(array->message, -ERANGE,
                               "'%s': index %" PRId64 " on axis %d of length %" PRId64,
                               MARRAY_PATH(array), index[axis], axis, length);
        moved += place * array->strides[axis];
    }
    *element = array->data + moved;
    return 0;
}

/* One element from here to there. */
struct move {
    const struct marray_dtype *source_dtype, *target_dtype;
    const unsigned char *source;
    unsigned char *target;
};

/* Guarded. */
static int move_element(void *context)
{
    const struct move *move = context;
    marray_convert(move->source_dtype, move->source, move->source_dtype->item_bytes,
                   move->target_dtype, move->target, move->target_dtype->item_bytes, 1);
    return 0;
}

int marray_get(const struct marray *array, const int64_t *index, const char *dtype, void *value)
{
    struct marray_dtype wanted;
    unsigned char *element;
    int status = choose_dtype(array, dtype, &wanted);
    if (!status)
        status = find_element(array, index, &element);
    if (status)
        return status;
    struct move move = {&array->dtype, &wanted, element, value};
    return marray_guard_element(array, move_element, &move);
}

int marray_set(struct marray *array, const int64_t *index, const char *dtype, const void *value)
{
    struct marray_dtype given;
    unsigned char *element;
    int status = check_writable(array);
    if (!status)
        status = choose_dtype(array, dtype, &given);
    if (!status)
        status = find_element(array, index, &element);
    if (status)
        return status;
    struct move move = {&given, &array->dtype, value, element};
    return marray_guard_element(array, move_element, &move);
}
