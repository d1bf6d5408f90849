/* Sums, extremes and dot products over views, without copies of them. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "mapping/convert.h"
#include "mapping/guard.h"
#include "mapping/message.h"
#include "mapping/picks.h"
#include "mapping/reduce_kernels.h"

/* Elements of a partial sum of floats; their rounding errors grow with it, and only with it. */
#define PART_ITEMS 1024
/* Elements that are converted at a time. */
#define BLOCK_ITEMS 256
/* Whether pages are to be mapped in one call is found out by what so much took: whole partial sums
 * of every type, so that the result does not depend on it. */
#define PIECE_BYTES ((uint64_t)64 << 10)
/* Mapped in one call, and used while that is fresh. */
#define POPULATE_BYTES ((uint64_t)2 << 20)

/* What elements become where they do not stand side by side in the machine's byte order. */
static const char *const block_names[] = {
    [MARRAY_B1] = "=u1", [MARRAY_I1] = "=i1", [MARRAY_I2] = "=i2", [MARRAY_I4] = "=i4",
    [MARRAY_I8] = "=i8", [MARRAY_U1] = "=u1", [MARRAY_U2] = "=u2", [MARRAY_U4] = "=u4",
    [MARRAY_U8] = "=u8", [MARRAY_F2] = "=f4", [MARRAY_F4] = "=f4", [MARRAY_F8] = "=f8",
};

/* A sum of doubles with what was lost by rounding (Neumaier 1974). */
struct exact_sum {
    double sum, lost;
};

/* The macros of mingw-w64 for these would convert to float first. */
static void add_exactly(struct exact_sum *total, double value)
{
    double sum = total->sum + value;
    /* An infinite or undefined sum has lost nothing that could be told. */
    if (__builtin_isfinite(sum))
        total->lost += fabs(total->sum) >= fabs(value) ? (total->sum - sum) + value
                                                       : (value - sum) + total->sum;
    total->sum = sum;
}

/* ---- The elements of a view, run by run ---- */

struct reduction {
    const struct marray *array;
    enum marray_kind kind;
    struct marray_dtype block;
    const struct marray_reduce_loops *loops; /* over elements of the block's dtype */
    uint64_t integers;
    struct exact_sum floats;
    struct marray_extremes extremes;
    bool takes_strides; /* else take_run() wants elements side by side */
    /* Elements of the block's dtype. */
    void (*take_run)(struct reduction *reduction, const unsigned char *elements, int64_t stride,
                     uint64_t count);
};

/* Whether the loops can take the elements where they stand. */
static bool is_native(const struct marray_dtype *dtype, const struct marray_dtype *block)
{
    return dtype->type == block->type && !dtype->swapped;
}

/* What the loops are to be given. */
static int choose_block(struct reduction *reduction, const char *dtype)
{
    int status = marray_dtype_parse(dtype, &reduction->block, reduction->array->message);
    if (!status)
        reduction->loops = marray_reduce_loops_of(reduction->block.type);
    return status;
}

static void sum_run(struct reduction *reduction, const unsigned char *elements, int64_t stride,
                    uint64_t count)
{
    if (reduction->kind != MARRAY_KIND_FLOAT) {
        reduction->integers += reduction->loops->sum_integers(elements, stride, count);
        return;
    }
    for (uint64_t done = 0; done < count; done += PART_ITEMS) {
        uint64_t part = count - done < PART_ITEMS ? count - done : PART_ITEMS;
        add_exactly(&reduction->floats,
                    reduction->loops->sum_floats(elements + (int64_t)done * stride, stride, part));
    }
}

static void extremes_of_run(struct reduction *reduction, const unsigned char *elements,
                            int64_t stride, uint64_t count)
{
    (void)stride;
    reduction->loops->extremes(&reduction->extremes, elements, count);
}

static void take_run(struct reduction *reduction, const unsigned char *elements, int64_t stride,
                     uint64_t count)
{
    const struct marray_dtype *dtype = &reduction->array->dtype;
    bool is_dense = stride == dtype->item_bytes;
    if (is_native(dtype, &reduction->block) && (is_dense || reduction->takes_strides)) {
        reduction->take_run(reduction, elements, stride, count);
        return;
    }
    union marray_number block[BLOCK_ITEMS];
    int64_t block_stride = reduction->block.item_bytes;
    for (uint64_t done = 0; done < count; done += BLOCK_ITEMS) {
        uint64_t part = count - done < BLOCK_ITEMS ? count - done : BLOCK_ITEMS;
        /* Numbers into numbers cannot fail. */
        (void)marray_convert(dtype, elements + (int64_t)done * stride, stride, &reduction->block,
                             (unsigned char *)block, block_stride, part);
        reduction->take_run(reduction, (const unsigned char *)block, block_stride, part);
    }
}

/* Guarded. In the order of the addresses, which no result here depends on but by rounding. */
static int take_all(void *context)
{
    struct reduction *reduction = context;
    struct marray_loops loops;
    uint64_t start;
    marray_array_by_address(reduction->array, &loops, &start);
    int outer = loops.count > 0 ? loops.count - 1 : 0;
    uint64_t count = loops.count > 0 ? loops.length[outer] : 1;
    int64_t stride =
        loops.count > 0 ? loops.stride_bytes[outer] : reduction->array->dtype.item_bytes;
    uint64_t counters[MARRAY_MAX_DIMENSIONS] = {0};
    const unsigned char *elements = reduction->array->map->base + start;
    for (bool done = false; !done;) {
        take_run(reduction, elements, stride, count);
        elements += marray_loops_next(&loops, outer, counters, &done);
    }
    return 0;
}

/* ---- Elements without gaps, whose pages may not be mapped yet ---- */

struct piecewise {
    struct reduction *reduction;
    struct marray_picks picks;
    struct marray_ahead ahead;
};

static void take_bytes(struct piecewise *pieces, uint64_t first, uint64_t bytes)
{
    uint32_t item_bytes = pieces->picks.array->dtype.item_bytes;
    uint64_t start = (uint64_t)marray_picks_start(&pieces->picks, first);
    for (uint64_t done = 0; done < bytes; done += POPULATE_BYTES) {
        uint64_t part = bytes - done < POPULATE_BYTES ? bytes - done : POPULATE_BYTES;
        marray_way_populate(&pieces->ahead.way, start + done, part);
        take_run(pieces->reduction, pieces->picks.array->map->base + start + done, item_bytes,
                 part / item_bytes);
    }
}

/* Guarded. */
static int take_pieces(void *context)
{
    struct piecewise *pieces = context;
    uint64_t count = pieces->picks.count;
    for (uint64_t done = 0; done < count;) {
        uint64_t part = marray_ahead_next(&pieces->ahead, done);
        take_bytes(pieces, done, part * PIECE_BYTES);
        done += part;
    }
    uint64_t tail_bytes = marray_size_bytes(pieces->picks.array) - count * PIECE_BYTES;
    if (tail_bytes > 0)
        take_bytes(pieces, count, tail_bytes);
    return 0;
}

/* Through the map, since passes come again and find the pages mapped: by calls the first one took
 * 0.8 of the time here, but every further one ten times as long. */
static int reduce_pieces(const struct marray *array, struct reduction *reduction)
{
    struct piecewise pieces = {.reduction = reduction};
    marray_picks_cut(&pieces.picks, array, PIECE_BYTES);
    marray_ahead_open(&pieces.ahead, &pieces.picks, PIECE_BYTES, false);
    marray_way_keep_to_map(&pieces.ahead.way);
    int status = marray_guard_bulk(array, take_pieces, &pieces);
    marray_ahead_close(&pieces.ahead);
    return status;
}

static int reduce(const struct marray *array, struct reduction *reduction)
{
    if (marray_size_bytes(array) >= 2 * PIECE_BYTES &&
        (marray_is_contiguous(array, MARRAY_ORDER_C) ||
         marray_is_contiguous(array, MARRAY_ORDER_F)))
        return reduce_pieces(array, reduction);
    return marray_guard_bulk(array, take_all, reduction);
}

static int begin(struct reduction *reduction, const struct marray *array)
{
    *reduction = (struct reduction){.array = array, .kind = marray_kind_of(array->dtype.type)};
    if (reduction->kind == MARRAY_KIND_NONE)
        return marray_fail(array->message, -ENOTSUP,
                           "'%s': elements of %.200s are neither integers, bools nor real numbers",
                           MARRAY_PATH(array), marray_dtype_descr(&array->dtype));
    return choose_block(reduction, block_names[array->dtype.type]);
}

/* *result of dtype (NULL: the one given) from the wide value. */
static int deliver(const struct reduction *reduction, const char *dtype, union marray_number value,
                   void *result)
{
    const struct marray *array = reduction->array;
    struct marray_dtype wanted, wide;
    int status = marray_dtype_parse(marray_kind_name(reduction->kind), &wide, array->message);
    if (!status)
        status = marray_dtype_parse(dtype, &wanted, array->message);
    if (status)
        return status;
    status = marray_check_conversion(array, &wide, &wanted);
    if (!status)
        status = marray_convert(&wide, (const unsigned char *)&value, sizeof(value), &wanted,
                                result, wanted.item_bytes, 1);
    marray_dtype_release(&wanted);
    return status;
}

static union marray_number total_of(const struct reduction *reduction)
{
    union marray_number total = {.as_unsigned = reduction->integers};
    if (reduction->kind == MARRAY_KIND_FLOAT)
        total.as_float = reduction->floats.sum + reduction->floats.lost;
    return total;
}

int marray_sum(const struct marray *array, const char *dtype, void *sum)
{
    struct reduction reduction;
    int status = begin(&reduction, array);
    if (status)
        return status;
    reduction.take_run = sum_run;
    reduction.takes_strides = true;
    if (array->length > 0)
        status = reduce(array, &reduction);
    return status ? status
                  : deliver(&reduction, dtype ? dtype : marray_kind_name(reduction.kind),
                            total_of(&reduction), sum);
}

static int find_extremes(const struct marray *array, struct reduction *reduction)
{
    int status = begin(reduction, array);
    if (status)
        return status;
    if (array->length == 0)
        return marray_fail(array->message, -EINVAL, "'%s': no element, so no least or greatest",
                           MARRAY_PATH(array));
    struct marray_extremes *extremes = &reduction->extremes;
    reduction->take_run = extremes_of_run;
    switch (reduction->kind) {
    case MARRAY_KIND_SIGNED:
        extremes->least.as_signed = INT64_MAX;
        extremes->most.as_signed = INT64_MIN;
        break;
    case MARRAY_KIND_UNSIGNED:
        extremes->least.as_unsigned = UINT64_MAX;
        break;
    default:
        extremes->least.as_float = INFINITY;
        extremes->most.as_float = -INFINITY;
    }
    status = reduce(array, reduction);
    if (!status && extremes->is_undefined) {
        extremes->least.as_float = NAN;
        extremes->most.as_float = NAN;
    }
    return status;
}

int marray_min(const struct marray *array, const char *dtype, void *least)
{
    struct reduction reduction;
    int status = find_extremes(array, &reduction);
    return status ? status
                  : deliver(&reduction, dtype ? dtype : marray_dtype_descr(&array->dtype),
                            reduction.extremes.least, least);
}

int marray_max(const struct marray *array, const char *dtype, void *greatest)
{
    struct reduction reduction;
    int status = find_extremes(array, &reduction);
    return status ? status
                  : deliver(&reduction, dtype ? dtype : marray_dtype_descr(&array->dtype),
                            reduction.extremes.most, greatest);
}

/* ---- Dot ---- */

struct product {
    struct reduction *reduction; /* of a, with the kind and block of the product */
    const struct marray *a, *b;
};

/* Elements [first, first + count) of an array of one axis as the block's dtype has them, where they
 * stand or in buffer. */
static const unsigned char *bring(const struct marray *array, uint64_t first, uint64_t count,
                                  const struct marray_dtype *block, union marray_number *buffer,
                                  int64_t *stride)
{
    *stride = array->strides[0];
    const unsigned char *elements = array->data + (int64_t)first * *stride;
    if (is_native(&array->dtype, block))
        return elements;
    (void)marray_convert(&array->dtype, elements, *stride, block, (unsigned char *)buffer,
                         block->item_bytes, count);
    *stride = block->item_bytes;
    return (const unsigned char *)buffer;
}

/* Guarded. */
static int multiply_all(void *context)
{
    const struct product *product = context;
    struct reduction *reduction = product->reduction;
    const struct marray_dtype *block = &reduction->block;
    uint64_t length = product->a->length;
    union marray_number buffers[2][BLOCK_ITEMS];
    for (uint64_t done = 0; done < length; done += BLOCK_ITEMS) {
        uint64_t part = length - done < BLOCK_ITEMS ? length - done : BLOCK_ITEMS;
        int64_t left_stride, right_stride;
        const unsigned char *left = bring(product->a, done, part, block, buffers[0], &left_stride);
        const unsigned char *right =
            bring(product->b, done, part, block, buffers[1], &right_stride);
        if (reduction->kind == MARRAY_KIND_FLOAT)
            add_exactly(&reduction->floats,
                        reduction->loops->dot_floats(left, left_stride, right, right_stride, part));
        else
            reduction->integers +=
                reduction->loops->dot_integers(left, left_stride, right, right_stride, part);
    }
    return 0;
}

/* Elements of one type are multiplied where they stand, halves and floats as floats, everything
 * else as 64 bits. */
static const char *product_block(const struct marray *a, const struct marray *b,
                                 enum marray_kind kind)
{
    bool are_short = (a->dtype.type == MARRAY_F2 || a->dtype.type == MARRAY_F4) &&
                     (b->dtype.type == MARRAY_F2 || b->dtype.type == MARRAY_F4);
    if (a->dtype.type == b->dtype.type || are_short)
        return block_names[a->dtype.type];
    return marray_kind_name(kind);
}

/* What both can be multiplied in: floats if there are any, else signed if there are any. */
static enum marray_kind common_kind(enum marray_kind a, enum marray_kind b)
{
    if (a == MARRAY_KIND_FLOAT || b == MARRAY_KIND_FLOAT)
        return MARRAY_KIND_FLOAT;
    return a == MARRAY_KIND_SIGNED || b == MARRAY_KIND_SIGNED ? MARRAY_KIND_SIGNED
                                                              : MARRAY_KIND_UNSIGNED;
}

int marray_dot(const struct marray *a, const struct marray *b, const char *dtype, void *result)
{
    struct reduction reduction, other;
    int status = begin(&reduction, a);
    if (!status)
        status = begin(&other, b);
    if (status) {
        if (!a->message->text[0] || marray_kind_of(a->dtype.type) != MARRAY_KIND_NONE)
            *a->message = *b->message;
        return status;
    }
    if (a->dimensions != 1 || b->dimensions != 1 || a->length != b->length)
        return marray_fail(a->message, -EINVAL,
                           "'%s': a dot product needs two arrays of one axis and one length",
                           MARRAY_PATH(a));
    reduction.kind = common_kind(reduction.kind, other.kind);
    status = choose_block(&reduction, product_block(a, b, reduction.kind));
    struct product product = {&reduction, a, b};
    if (!status && a->length > 0)
        status = marray_guard_both(a, b, multiply_all, &product);
    return status ? status
                  : deliver(&reduction, dtype ? dtype : marray_kind_name(reduction.kind),
                            total_of(&reduction), result);
}
