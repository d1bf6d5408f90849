/* Moving elements between views and dense buffers, and from view to view. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/array.h"
#include "mapping/blocks.h"
#include "mapping/convert.h"
#include "mapping/guard.h"
#include "mapping/message.h"
#include "mapping/picks.h"

/* Elements of a strip when the inner loop strides further than the outer one: so many pages and
 * cache lines are in use at once. */
#define STRIP_ITEMS 64
/* Elements without gaps move in pieces, so that the faster way is found on the way. */
#define PIECE_BYTES ((uint64_t)64 << 10)
/* Rows that convert and go by calls are brought together in so much. */
#define STAGE_BYTES PIECE_BYTES

/* So short that memcpy() copies it with vector instructions: those for strings, which it takes for
 * longer ones, start anew each time. */
#define PATTERN_BYTES 1024
/* What stays in the second cache. */
#define REPEATED_BYTES 65536
/* Runs from here on are stored by the processor's own loop, where it has one. */
#define WORDS_FROM_BYTES ((uint64_t)1 << 20)
/* A longer item gains nothing from being repeated. */
#define PATTERN_ITEM_BYTES 64

/* Elements on their way from one layout to another of the same shape. */
struct transfer {
    const struct marray_dtype *source_dtype, *target_dtype;
    const unsigned char *source;
    unsigned char *target;
    int count; /* of loops, outermost first */
    uint64_t length[MARRAY_MAX_DIMENSIONS];
    int64_t source_stride[MARRAY_MAX_DIMENSIONS];
    int64_t target_stride[MARRAY_MAX_DIMENSIONS];
};

/* The loops in C order of the shape, axes that continue each other on both sides made one. */
static void plan_loops(struct transfer *transfer, const uint64_t *shape, int dimensions,
                       const int64_t *source_strides, const int64_t *target_strides)
{
    int last = -1;
    for (int axis = 0; axis < dimensions; axis++) {
        if (shape[axis] == 1)
            continue;
        int64_t length = (int64_t)shape[axis];
        if (last >= 0 && transfer->source_stride[last] == length * source_strides[axis] &&
            transfer->target_stride[last] == length * target_strides[axis])
            transfer->length[last] *= shape[axis];
        else
            transfer->length[++last] = shape[axis];
        transfer->source_stride[last] = source_strides[axis];
        transfer->target_stride[last] = target_strides[axis];
    }
    transfer->count = last + 1;
}

static int run(const struct transfer *transfer, int64_t source_offset, int64_t target_offset,
               uint64_t count)
{
    int last = transfer->count - 1;
    return marray_convert(transfer->source_dtype, transfer->source + source_offset,
                          transfer->source_stride[last], transfer->target_dtype,
                          transfer->target + target_offset, transfer->target_stride[last], count);
}

/* The innermost two loops in strips across the outer one, so that a transposed array is not walked
 * with one page fault or cache miss for every element. */
static int run_plane(const struct transfer *transfer, int64_t source_offset, int64_t target_offset)
{
    int row = transfer->count - 2;
    int column = transfer->count - 1;
    uint64_t columns = transfer->length[column];
    for (uint64_t j = 0; j < columns; j += STRIP_ITEMS) {
        uint64_t strip = columns - j < STRIP_ITEMS ? columns - j : STRIP_ITEMS;
        int64_t source = source_offset + (int64_t)j * transfer->source_stride[column];
        int64_t target = target_offset + (int64_t)j * transfer->target_stride[column];
        for (uint64_t i = 0; i < transfer->length[row]; i++) {
            int status = run(transfer, source, target, strip);
            if (status)
                return status;
            source += transfer->source_stride[row];
            target += transfer->target_stride[row];
        }
    }
    return 0;
}

static bool is_steep(const int64_t *strides, int last)
{
    return strides[last - 1] != 0 && llabs(strides[last - 1]) < llabs(strides[last]);
}

/* Guarded. */
static int run_transfer(void *context)
{
    const struct transfer *transfer = context;
    if (transfer->count == 0)
        return marray_convert(transfer->source_dtype, transfer->source, 0, transfer->target_dtype,
                              transfer->target, 0, 1);
    int last = transfer->count - 1;
    bool is_plane = last > 0 && (is_steep(transfer->source_stride, last) ||
                                 is_steep(transfer->target_stride, last));
    int outer = is_plane ? last - 1 : last;
    uint64_t counters[MARRAY_MAX_DIMENSIONS] = {0};
    int64_t source = 0;
    int64_t target = 0;
    for (;;) {
        int status = is_plane ? run_plane(transfer, source, target)
                              : run(transfer, source, target, transfer->length[last]);
        if (status)
            return status;
        int axis = outer - 1;
        for (; axis >= 0; axis--) {
            source += transfer->source_stride[axis];
            target += transfer->target_stride[axis];
            if (++counters[axis] < transfer->length[axis])
                break;
            source -= (int64_t)transfer->length[axis] * transfer->source_stride[axis];
            target -= (int64_t)transfer->length[axis] * transfer->target_stride[axis];
            counters[axis] = 0;
        }
        if (axis < 0)
            return 0;
    }
}

/* A transfer between the map and a dense buffer row by row, watched and read ahead. */
struct row_transfer {
    const struct transfer *base; /* without loops */
    bool writes;
    unsigned char *dense;
    uint64_t shape[MARRAY_MAX_DIMENSIONS];
    int dimensions;
    const int64_t *mapped_strides, *dense_strides;
    uint64_t run_bytes; /* of a row that is one run in the map and may go by calls; or 0 */
    bool converts;
    unsigned char *stage; /* rows as the file has them, when they go by calls and convert */
    struct marray_picks picks;
    struct marray_ahead ahead;
};

/* Rows that stand at `mapped`, which is the map or the stage. */
static int transfer_rows(struct row_transfer *rows, uint64_t first, uint64_t count,
                         unsigned char *mapped, const int64_t *mapped_strides)
{
    struct transfer part = *rows->base;
    unsigned char *dense = rows->dense + (int64_t)first * rows->dense_strides[0];
    rows->shape[0] = count;
    part.source = rows->writes ? dense : mapped;
    part.target = rows->writes ? mapped : dense;
    plan_loops(&part, rows->shape, rows->dimensions,
               rows->writes ? rows->dense_strides : mapped_strides,
               rows->writes ? mapped_strides : rows->dense_strides);
    return run_transfer(&part);
}

static void move_stage(struct row_transfer *rows, uint64_t first, uint64_t count)
{
    marray_blocks_move(&rows->picks, &rows->ahead.way, first, count, rows->stage, rows->run_bytes);
}

static int transfer_staged(struct row_transfer *rows, uint64_t first, uint64_t count)
{
    int64_t strides[MARRAY_MAX_DIMENSIONS];
    uint64_t most = STAGE_BYTES / rows->run_bytes;
    marray_layout_strides(rows->shape, rows->dimensions, rows->picks.array->dtype.item_bytes,
                          MARRAY_ORDER_C, strides);
    for (uint64_t done = 0; done < count;) {
        uint64_t part = count - done < most ? count - done : most;
        if (!rows->writes)
            move_stage(rows, first + done, part);
        int status = transfer_rows(rows, first + done, part, rows->stage, strides);
        if (status)
            return status;
        if (rows->writes)
            move_stage(rows, first + done, part);
        done += part;
    }
    return 0;
}

static int transfer_part(struct row_transfer *rows, uint64_t first, uint64_t count)
{
    if (rows->run_bytes > 0 && !rows->converts) {
        marray_blocks_move(&rows->picks, &rows->ahead.way, first, count,
                           rows->dense + first * rows->run_bytes, rows->run_bytes);
        return 0;
    }
    if (rows->run_bytes > 0 && rows->ahead.way.by_calls)
        return transfer_staged(rows, first, count);
    int64_t start = marray_picks_start(&rows->picks, first);
    return transfer_rows(rows, first, count, rows->picks.array->map->base + start,
                         rows->mapped_strides);
}

/* Guarded. */
static int run_rows(void *context)
{
    struct row_transfer *rows = context;
    uint64_t count = rows->picks.count;
    for (uint64_t done = 0; done < count;) {
        size_t part = marray_ahead_next(&rows->ahead, done);
        int status = transfer_part(rows, done, part);
        if (status)
            return status;
        done += part;
    }
    return 0;
}

/* Whether there are pages between the rows of array that no element touches: what the kernel reads
 * ahead of its own accord would be these too. */
static bool rows_stand_apart(const struct marray *array, const struct marray_picks *picks)
{
    uint64_t distance = (uint64_t)llabs(picks->stride_bytes);
    uint64_t page_bytes = marray_os_page_bytes();
    return array->shape[0] > 1 && distance > page_bytes &&
           marray_loops_span_bytes(&picks->by_address, array->dtype.item_bytes) <=
               distance - page_bytes;
}

/* Of a row of array without gaps, 0 for others. */
static uint64_t row_run_bytes(const struct marray *array)
{
    uint32_t item_bytes = array->dtype.item_bytes;
    if (!marray_layout_is_contiguous(array->shape + 1, array->strides + 1, array->dimensions - 1,
                                     item_bytes, MARRAY_ORDER_C))
        return 0;
    return array->length / array->shape[0] * item_bytes;
}

/* Rows that convert go by calls only where there is a stage for them. */
static void choose_run(struct row_transfer *rows, uint64_t run_bytes)
{
    const struct transfer *base = rows->base;
    rows->converts = !marray_moves_unchanged(base->source_dtype, base->target_dtype);
    rows->run_bytes = run_bytes;
    if (!rows->converts || run_bytes == 0)
        return;
    bool is_staged =
        run_bytes <= STAGE_BYTES && marray_are_numbers(base->source_dtype, base->target_dtype);
    rows->stage = is_staged ? malloc(STAGE_BYTES) : NULL;
    if (!rows->stage)
        rows->run_bytes = 0;
}

static int run_watched(const struct marray *array, struct row_transfer *rows,
                       marray_guarded_call *run_all)
{
    marray_ahead_open(&rows->ahead, &rows->picks, rows->run_bytes, rows->writes);
    int status = marray_guard_bulk(array, run_all, rows);
    marray_ahead_close(&rows->ahead);
    free(rows->stage);
    return status;
}

/* Guarded. What is left behind the whole pieces goes with the last of them, by the same way. */
static int run_pieces(void *context)
{
    struct row_transfer *pieces = context;
    struct marray_picks *picks = &pieces->picks;
    int status = run_rows(pieces);
    uint64_t moved = picks->count * (uint64_t)picks->stride_bytes;
    uint64_t tail_bytes = marray_size_bytes(picks->array) - moved;
    if (status || tail_bytes == 0)
        return status;
    picks->start += (int64_t)moved;
    pieces->dense += (int64_t)picks->count * pieces->dense_strides[0];
    pieces->shape[1] = tail_bytes / picks->array->dtype.item_bytes;
    if (pieces->run_bytes > 0)
        pieces->run_bytes = tail_bytes;
    return transfer_part(pieces, 0, 1);
}

/* Elements without gaps on both sides, as rows that stand one behind the other. */
static int run_in_pieces(const struct marray *array, struct row_transfer *pieces)
{
    const struct transfer *base = pieces->base;
    uint64_t item_bytes = array->dtype.item_bytes;
    uint64_t items = PIECE_BYTES / item_bytes;
    const struct marray_dtype *dense_dtype =
        pieces->writes ? base->source_dtype : base->target_dtype;
    int64_t mapped_strides[] = {(int64_t)(items * item_bytes), (int64_t)item_bytes};
    int64_t dense_strides[] = {(int64_t)(items * dense_dtype->item_bytes), dense_dtype->item_bytes};
    pieces->dimensions = 2;
    pieces->shape[1] = items;
    pieces->mapped_strides = mapped_strides;
    pieces->dense_strides = dense_strides;
    choose_run(pieces, items * item_bytes);
    marray_picks_cut(&pieces->picks, array, items * item_bytes);
    return run_watched(array, pieces, run_pieces);
}

static int run_apart(const struct marray *array, struct row_transfer *rows)
{
    rows->picks.count = array->shape[0];
    memcpy(rows->shape, array->shape, (size_t)array->dimensions * sizeof(rows->shape[0]));
    choose_run(rows, row_run_bytes(array));
    return run_watched(array, rows, run_rows);
}

/* Whether pieces are worth it, and are no smaller than an element. */
static bool comes_in_pieces(const struct marray *array, const struct transfer *transfer)
{
    return array->dtype.item_bytes <= PIECE_BYTES && marray_size_bytes(array) >= 2 * PIECE_BYTES &&
           marray_is_contiguous(array, MARRAY_ORDER_C) &&
           (marray_moves_unchanged(transfer->source_dtype, transfer->target_dtype) ||
            marray_are_numbers(transfer->source_dtype, transfer->target_dtype));
}

/* Between array and a dense buffer; the strides of the one are array's. */
static int run_guarded(const struct marray *array, struct transfer *transfer, bool writes,
                       const int64_t *dense_strides)
{
    if (array->dimensions > 0) {
        struct row_transfer rows = {.base = transfer,
                                    .writes = writes,
                                    .dimensions = array->dimensions,
                                    .mapped_strides = array->strides,
                                    .dense_strides = dense_strides};
        /* Only read when it is the source. */
        rows.dense = writes ? (unsigned char *)transfer->source : transfer->target;
        if (comes_in_pieces(array, transfer))
            return run_in_pieces(array, &rows);
        marray_picks_lay_out(&rows.picks, array);
        if (rows_stand_apart(array, &rows.picks))
            return run_apart(array, &rows);
    }
    plan_loops(transfer, array->shape, array->dimensions, writes ? dense_strides : array->strides,
               writes ? array->strides : dense_strides);
    return marray_guard_bulk(array, run_transfer, transfer);
}

int marray_choose_dtype(const struct marray *array, const char *text, struct marray_dtype *dtype)
{
    /* The array's own descr is worth a look: reading text costs more than one element does. */
    if (text && strcmp(text, marray_dtype_descr(&array->dtype)))
        return marray_dtype_parse(text, dtype, array->message);
    *dtype = array->dtype;
    marray_dtype_keep(dtype);
    return 0;
}

int marray_check_conversion(const struct marray *array, const struct marray_dtype *source,
                            const struct marray_dtype *target)
{
    const char *why = marray_cannot_convert(source, target);
    if (!why)
        return 0;
    return marray_fail(array->message, -EINVAL, "'%.200s': elements of %.80s into %.80s: %s",
                       MARRAY_PATH(array), marray_dtype_descr(source), marray_dtype_descr(target),
                       why);
}

static int check_buffer(const struct marray *array, const struct marray_dtype *dtype,
                        size_t buffer_bytes)
{
    uint64_t needed_bytes;
    if (__builtin_mul_overflow(array->length, dtype->item_bytes, &needed_bytes) ||
        needed_bytes != buffer_bytes)
        return marray_fail(array->message, -EINVAL,
                           "'%s': a buffer of %zu bytes for %" PRIu64 " elements of %.80s",
                           MARRAY_PATH(array), buffer_bytes, array->length,
                           marray_dtype_descr(dtype));
    return 0;
}

int marray_tell_conversion(const struct marray *array, int status)
{
    if (status == -EILSEQ)
        return marray_fail(array->message, status,
                           "'%s': a character beyond ASCII between S and U: elements before it are "
                           "copied",
                           MARRAY_PATH(array));
    return status;
}

int marray_read(const struct marray *array, const char *dtype, void *buffer, size_t buffer_bytes)
{
    struct marray_dtype wanted = {0};
    int status = marray_choose_dtype(array, dtype, &wanted);
    if (!status)
        status = check_buffer(array, &wanted, buffer_bytes);
    if (!status)
        status = marray_check_conversion(array, &array->dtype, &wanted);
    if (!status && array->length > 0) {
        struct transfer transfer = {&array->dtype, &wanted, array->data, buffer, 0, {0}, {0}, {0}};
        int64_t dense[MARRAY_MAX_DIMENSIONS];
        marray_layout_strides(array->shape, array->dimensions, wanted.item_bytes, MARRAY_ORDER_C,
                              dense);
        status = marray_tell_conversion(array, run_guarded(array, &transfer, false, dense));
    }
    marray_dtype_release(&wanted);
    return status;
}

int marray_write(struct marray *array, const char *dtype, const void *buffer, size_t buffer_bytes)
{
    struct marray_dtype given = {0};
    int status = marray_check_writable(array);
    if (!status)
        status = marray_choose_dtype(array, dtype, &given);
    if (!status)
        status = check_buffer(array, &given, buffer_bytes);
    if (!status)
        status = marray_check_conversion(array, &given, &array->dtype);
    if (!status && array->length > 0) {
        struct transfer transfer = {&given, &array->dtype, buffer, array->data, 0, {0}, {0}, {0}};
        int64_t dense[MARRAY_MAX_DIMENSIONS];
        marray_layout_strides(array->shape, array->dimensions, given.item_bytes, MARRAY_ORDER_C,
                              dense);
        status = marray_tell_conversion(array, run_guarded(array, &transfer, true, dense));
    }
    marray_dtype_release(&given);
    return status;
}

/* The strides by which source is read as if it had the shape of destination: numpy's broadcasting.
 */
static int broadcast(const struct marray *destination, const struct marray *source,
                     const int64_t *source_strides, int64_t *strides)
{
    int missing = destination->dimensions - source->dimensions;
    for (int axis = 0; axis < destination->dimensions; axis++)
        strides[axis] = 0;
    for (int axis = 0; axis < source->dimensions; axis++) {
        uint64_t length = source->shape[axis];
        int place = axis + missing;
        if (length == 1)
            continue;
        if (place < 0 || length != destination->shape[place])
            return marray_fail(destination->message, -EINVAL,
                               "'%s': axis %d of the source has length %" PRIu64
                               ", which does not fit the destination",
                               MARRAY_PATH(destination), axis, length);
        strides[place] = source_strides[axis];
    }
    return 0;
}

static bool overlap(const struct marray *a, const struct marray *b)
{
    if (a->map != b->map)
        return false;
    struct marray_loops loops;
    uint64_t a_start, b_start;
    marray_array_by_address(a, &loops, &a_start);
    uint64_t a_end = a_start + marray_loops_span_bytes(&loops, a->dtype.item_bytes);
    marray_array_by_address(b, &loops, &b_start);
    uint64_t b_end = b_start + marray_loops_span_bytes(&loops, b->dtype.item_bytes);
    return a_start < b_end && b_start < a_end;
}

/* By way of a dense copy, since the stores would change what is still to be read. */
static int copy_overlapping(struct marray *destination, const struct marray *source)
{
    int64_t dense[MARRAY_MAX_DIMENSIONS];
    int64_t strides[MARRAY_MAX_DIMENSIONS];
    marray_layout_strides(source->shape, source->dimensions, source->dtype.item_bytes,
                          MARRAY_ORDER_C, dense);
    int status = broadcast(destination, source, dense, strides);
    if (status)
        return status;
    size_t size_bytes = (size_t)(source->length * source->dtype.item_bytes);
    /* Zeros between the fields of records, which nobody reads. */
    unsigned char *copy = calloc(1, size_bytes);
    if (!copy)
        return marray_fail(destination->message, -ENOMEM,
                           "'%s': no memory to copy %zu bytes of overlapping views",
                           MARRAY_PATH(destination), size_bytes);
    status = marray_read(source, NULL, copy, size_bytes);
    if (status) {
        marray_fail(destination->message, status, "%s", source->message->text);
    } else {
        struct transfer transfer = {.source_dtype = &source->dtype,
                                    .target_dtype = &destination->dtype,
                                    .source = copy,
                                    .target = destination->data};
        plan_loops(&transfer, destination->shape, destination->dimensions, strides,
                   destination->strides);
        status = marray_tell_conversion(destination,
                                        marray_guard_bulk(destination, run_transfer, &transfer));
    }
    free(copy);
    return status;
}

int marray_copy(struct marray *destination, const struct marray *source)
{
    int64_t strides[MARRAY_MAX_DIMENSIONS];
    int status = marray_check_writable(destination);
    if (!status)
        status = marray_check_conversion(destination, &source->dtype, &destination->dtype);
    if (!status)
        status = broadcast(destination, source, source->strides, strides);
    if (status || destination->length == 0)
        return status;
    if (overlap(destination, source))
        return copy_overlapping(destination, source);
    struct transfer transfer = {.source_dtype = &source->dtype,
                                .target_dtype = &destination->dtype,
                                .source = source->data,
                                .target = destination->data};
    plan_loops(&transfer, destination->shape, destination->dimensions, strides,
               destination->strides);
    return marray_tell_conversion(destination,
                                  marray_guard_both(destination, source, run_transfer, &transfer));
}

static bool is_one_byte(const unsigned char *item, uint32_t item_bytes)
{
    for (uint32_t i = 1; i < item_bytes; i++) {
        if (item[i] != item[0])
            return false;
    }
    return true;
}

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* The processor knows that whole lines are written and does not read them first ("fast string
 * operations" in volume 1 of Intel's manual, 7.3.9.3), which a loop of stores makes it do. Returns
 * the bytes that it has stored. */
static uint64_t fill_words(unsigned char *target, uint64_t size_bytes, const unsigned char *pattern)
{
    uint64_t word;
    uint64_t count = size_bytes / sizeof(word);
    void *place = target;
    memcpy(&word, pattern, sizeof(word));
    __asm__ volatile("rep stosq" : "+D"(place), "+c"(count) : "a"(word) : "memory");
    return size_bytes / sizeof(word) * sizeof(word);
}
#else
static uint64_t fill_words(unsigned char *target, uint64_t size_bytes, const unsigned char *pattern)
{
    (void)target;
    (void)size_bytes;
    (void)pattern;
    return 0;
}
#endif

/* Repeats a pattern that stays in the cache: the speed of memcpy, whatever the item. What is filled
 * is the pattern of the rest, since long copies write without reading the target first. */
static void fill_run(unsigned char *target, uint64_t size_bytes, const unsigned char *pattern,
                     size_t pattern_bytes, uint32_t item_bytes)
{
    uint64_t first_bytes = REPEATED_BYTES / pattern_bytes * pattern_bytes;
    uint64_t done = 0;
    if (size_bytes >= WORDS_FROM_BYTES && sizeof(uint64_t) % item_bytes == 0)
        done = fill_words(target, size_bytes, pattern);
    while (done < size_bytes) {
        uint64_t left = size_bytes - done;
        uint64_t part = done < first_bytes ? pattern_bytes : first_bytes;
        if (left < part)
            part = left;
        memcpy(target + done, done < first_bytes ? pattern : target, (size_t)part);
        done += part;
    }
}

struct filling {
    const struct marray *array;
    const unsigned char *item;
};

/* Guarded. Only for short items without gaps. */
static int fill_elements(void *context)
{
    const struct filling *filling = context;
    const struct marray *array = filling->array;
    const unsigned char *item = filling->item;
    uint32_t item_bytes = array->dtype.item_bytes;
    unsigned char pattern[PATTERN_BYTES];
    size_t pattern_bytes = PATTERN_BYTES / item_bytes * item_bytes;
    marray_copy_items(item, 0, pattern, item_bytes, PATTERN_BYTES / item_bytes, item_bytes);
    bool one_byte = is_one_byte(item, item_bytes);
    struct marray_loops loops;
    uint64_t start;
    marray_array_by_address(array, &loops, &start);
    /* A view of one element has no loop, which is a run of one. */
    int outer = loops.count > 0 ? loops.count - 1 : 0;
    uint64_t length = loops.count > 0 ? loops.length[outer] : 1;
    int64_t stride = loops.count > 0 ? loops.stride_bytes[outer] : item_bytes;
    uint64_t counters[MARRAY_MAX_DIMENSIONS] = {0};
    unsigned char *elements = array->map->base + start;
    bool done = false;
    while (!done) {
        if (stride != item_bytes)
            marray_copy_items(item, 0, elements, stride, length, item_bytes);
        else if (one_byte)
            memset(elements, item[0], (size_t)(length * item_bytes));
        else
            fill_run(elements, length * item_bytes, pattern, pattern_bytes, item_bytes);
        elements += marray_loops_next(&loops, outer, counters, &done);
    }
    return 0;
}

/* Every element converted from the one value. */
static int fill_by_transfer(struct marray *array, const struct marray_dtype *given,
                            const void *value)
{
    const int64_t strides[MARRAY_MAX_DIMENSIONS] = {0};
    struct transfer transfer = {.source_dtype = given,
                                .target_dtype = &array->dtype,
                                .source = value,
                                .target = array->data};
    plan_loops(&transfer, array->shape, array->dimensions, strides, array->strides);
    return marray_tell_conversion(array, marray_guard_bulk(array, run_transfer, &transfer));
}

static int fill(struct marray *array, const struct marray_dtype *given, const void *value)
{
    if (array->length == 0)
        return 0;
    uint32_t item_bytes = array->dtype.item_bytes;
    if (array->dtype.record || item_bytes > PATTERN_ITEM_BYTES)
        return fill_by_transfer(array, given, value);
    unsigned char item[PATTERN_ITEM_BYTES];
    int status =
        marray_convert(given, value, given->item_bytes, &array->dtype, item, item_bytes, 1);
    struct filling filling = {array, item};
    return status ? marray_tell_conversion(array, status)
                  : marray_guard_bulk(array, fill_elements, &filling);
}

int marray_fill(struct marray *array, const char *dtype, const void *value)
{
    struct marray_dtype given = {0};
    int status = marray_check_writable(array);
    if (!status)
        status = marray_choose_dtype(array, dtype, &given);
    if (!status)
        status = marray_check_conversion(array, &given, &array->dtype);
    if (!status)
        status = fill(array, &given, value);
    marray_dtype_release(&given);
    return status;
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

/* One element: without the loops of a transfer, whose zeros would cost more than the element. */
struct element_move {
    const struct marray_dtype *source_dtype, *target_dtype;
    const unsigned char *source;
    unsigned char *target;
};

/* Guarded. */
static int move_element(void *context)
{
    const struct element_move *move = context;
    return marray_convert(move->source_dtype, move->source, 0, move->target_dtype, move->target, 0,
                          1);
}

int marray_get(const struct marray *array, const int64_t *index, const char *dtype, void *value)
{
    struct marray_dtype wanted = {0};
    unsigned char *element;
    int status = marray_choose_dtype(array, dtype, &wanted);
    if (!status)
        status = marray_check_conversion(array, &array->dtype, &wanted);
    if (!status)
        status = find_element(array, index, &element);
    if (!status) {
        struct element_move move = {&array->dtype, &wanted, element, value};
        status = marray_tell_conversion(array, marray_guard_element(array, move_element, &move));
    }
    marray_dtype_release(&wanted);
    return status;
}

int marray_set(struct marray *array, const int64_t *index, const char *dtype, const void *value)
{
    struct marray_dtype given = {0};
    unsigned char *element;
    int status = marray_check_writable(array);
    if (!status)
        status = marray_choose_dtype(array, dtype, &given);
    if (!status)
        status = marray_check_conversion(array, &given, &array->dtype);
    if (!status)
        status = find_element(array, index, &element);
    if (!status) {
        struct element_move move = {&given, &array->dtype, value, element};
        status = marray_tell_conversion(array, marray_guard_element(array, move_element, &move));
    }
    marray_dtype_release(&given);
    return status;
}
