/* Ramps: start, start + step, start + 2 step ... over the elements of a view in C order. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/array.h"
#include "mapping/convert.h"
#include "mapping/guard.h"
#include "mapping/half.h"
#include "mapping/message.h"
#include "mapping/number.h"
#include "mapping/processor.h"

/* Elements that are computed at a time, in a buffer that stays in the cache. */
#define BLOCK_ITEMS 512

struct ramp {
    const struct marray *array;
    enum marray_kind kind; /* what start and step are, and elements are computed in */
    struct marray_dtype wide;
    union marray_number start, step;
    /* Loops, the innermost first, and what a step of each is in elements of C order. */
    int loops;
    uint64_t length[MARRAY_MAX_DIMENSIONS];
    int64_t stride_bytes[MARRAY_MAX_DIMENSIONS];
    uint64_t stride_elements[MARRAY_MAX_DIMENSIONS];
};

/* ---- Checks ---- */

static enum marray_kind kind_of(const struct marray_dtype *dtype)
{
    if (dtype->type == MARRAY_DATETIME || dtype->type == MARRAY_TIMEDELTA)
        return MARRAY_KIND_SIGNED;
    return dtype->type == MARRAY_B1 ? MARRAY_KIND_NONE : marray_kind_of(dtype->type);
}

/* start + steps * step in integers of the kind; false: 64 bits are not enough. */
static bool find_integer(const struct ramp *ramp, uint64_t steps, union marray_number *number)
{
    uint64_t distance;
    if (ramp->kind == MARRAY_KIND_UNSIGNED)
        return !__builtin_mul_overflow(steps, ramp->step.as_unsigned, &distance) &&
               !__builtin_add_overflow(ramp->start.as_unsigned, distance, &number->as_unsigned);
    int64_t step = ramp->step.as_signed;
    uint64_t magnitude = step < 0 ? -(uint64_t)step : (uint64_t)step;
    if (__builtin_mul_overflow(steps, magnitude, &distance))
        return false;
    return step < 0 ? !__builtin_sub_overflow(ramp->start.as_signed, distance, &number->as_signed)
                    : !__builtin_add_overflow(ramp->start.as_signed, distance, &number->as_signed);
}

/* Whether the array's integers hold the number, fractions being cut off. */
static bool is_held_by_integers(const struct ramp *ramp, union marray_number number)
{
    const struct marray_dtype *dtype = &ramp->array->dtype;
    bool is_signed = kind_of(dtype) == MARRAY_KIND_SIGNED;
    unsigned bits = 8 * dtype->item_bytes - (is_signed ? 1 : 0);
    uint64_t most = UINT64_MAX >> (64 - bits);
    if (ramp->kind == MARRAY_KIND_FLOAT) {
        double limit = (double)(UINT64_C(1) << (bits - 1)) * 2;
        /* Of 64 bits, one less than the least is no double: the next one is. */
        double below = bits == 63 ? -0x1.0000000000001p63 : -limit - 1;
        return number.as_float < limit && number.as_float > (is_signed ? below : -1);
    }
    if (ramp->kind == MARRAY_KIND_SIGNED && number.as_signed < 0)
        return is_signed && number.as_signed >= -(int64_t)most - 1;
    return number.as_unsigned <= most;
}

/* Whether the array's floats hold the number, rounded, as other than infinity. */
static bool is_held_by_floats(const struct ramp *ramp, union marray_number number)
{
    double value = number.as_float;
    if (ramp->kind == MARRAY_KIND_SIGNED)
        value = (double)number.as_signed;
    else if (ramp->kind == MARRAY_KIND_UNSIGNED)
        value = (double)number.as_unsigned;
    switch (ramp->array->dtype.type) {
    case MARRAY_F2:
        return (marray_half_from_double(value) & 0x7fff) < 0x7c00;
    case MARRAY_F4:
        return __builtin_isfinite((float)value);
    default:
        return __builtin_isfinite(value);
    }
}

static int check_element(const struct ramp *ramp, uint64_t place, const char *which)
{
    const struct marray *array = ramp->array;
    union marray_number number;
    bool is_held = true;
    if (ramp->kind == MARRAY_KIND_FLOAT)
        number.as_float = ramp->start.as_float + (double)place * ramp->step.as_float;
    else
        is_held = find_integer(ramp, place, &number);
    if (is_held)
        is_held = kind_of(&array->dtype) == MARRAY_KIND_FLOAT ? is_held_by_floats(ramp, number)
                                                              : is_held_by_integers(ramp, number);
    if (is_held)
        return 0;
    return marray_fail(array->message, -ERANGE,
                       "'%s': the %s element of the ramp is beyond what %.80s holds",
                       MARRAY_PATH(array), which, marray_dtype_descr(&array->dtype));
}

/* The numbers in the widest type of their kind. */
static int read_numbers(struct ramp *ramp, const struct marray_dtype *given, const void *start,
                        const void *step)
{
    const struct marray *array = ramp->array;
    ramp->kind = kind_of(given);
    if (kind_of(&array->dtype) == MARRAY_KIND_NONE || ramp->kind == MARRAY_KIND_NONE)
        return marray_fail(array->message, -ENOTSUP,
                           "'%s': a ramp of %.80s in elements of %.80s: only integers, real floats "
                           "and times have one",
                           MARRAY_PATH(array), marray_dtype_descr(given),
                           marray_dtype_descr(&array->dtype));
    if (marray_kind_of(given->type) == MARRAY_KIND_NONE &&
        strcmp(marray_dtype_descr(given), marray_dtype_descr(&array->dtype)))
        return marray_fail(
            array->message, -EINVAL,
            "'%s': start and step of a ramp of times are %.80s or integers, not %.80s",
            MARRAY_PATH(array), marray_dtype_descr(&array->dtype), marray_dtype_descr(given));
    int status = marray_dtype_parse(marray_kind_name(ramp->kind), &ramp->wide, array->message);
    if (!status)
        status = marray_convert(given, start, given->item_bytes, &ramp->wide,
                                (unsigned char *)&ramp->start, sizeof(ramp->start), 1);
    if (!status)
        status = marray_convert(given, step, given->item_bytes, &ramp->wide,
                                (unsigned char *)&ramp->step, sizeof(ramp->step), 1);
    return status;
}

static int check_numbers(const struct ramp *ramp)
{
    const struct marray *array = ramp->array;
    if (ramp->kind == MARRAY_KIND_FLOAT &&
        !(__builtin_isfinite(ramp->start.as_float) && __builtin_isfinite(ramp->step.as_float)))
        return marray_fail(array->message, -EINVAL,
                           "'%s': start and step of a ramp are infinite or not a number",
                           MARRAY_PATH(array));
    /* All others lie between these two. */
    int status = array->length > 0 ? check_element(ramp, 0, "first") : 0;
    if (!status && array->length > 0)
        status = check_element(ramp, array->length - 1, "last");
    return status;
}

/* ---- Loops ---- */

/* Shortest strides innermost, so that memory is walked as it lies; loops that continue each other,
 * in memory and in C order, made one. */
static void plan_loops(struct ramp *ramp)
{
    const struct marray *array = ramp->array;
    uint64_t elements = 1;
    int count = 0;
    for (int axis = array->dimensions - 1; axis >= 0; axis--) {
        uint64_t length = array->shape[axis];
        int64_t stride = array->strides[axis];
        if (length == 1)
            continue;
        int place = count++;
        for (; place > 0 && llabs(ramp->stride_bytes[place - 1]) > llabs(stride); place--) {
            ramp->length[place] = ramp->length[place - 1];
            ramp->stride_bytes[place] = ramp->stride_bytes[place - 1];
            ramp->stride_elements[place] = ramp->stride_elements[place - 1];
        }
        ramp->length[place] = length;
        ramp->stride_bytes[place] = stride;
        ramp->stride_elements[place] = elements;
        elements *= length;
    }
    int kept = 0;
    for (int i = 1; i < count; i++) {
        uint64_t inner = ramp->length[kept];
        if (ramp->stride_bytes[i] == (int64_t)inner * ramp->stride_bytes[kept] &&
            ramp->stride_elements[i] == inner * ramp->stride_elements[kept]) {
            ramp->length[kept] *= ramp->length[i];
            continue;
        }
        kept++;
        ramp->length[kept] = ramp->length[i];
        ramp->stride_bytes[kept] = ramp->stride_bytes[i];
        ramp->stride_elements[kept] = ramp->stride_elements[i];
    }
    ramp->loops = count > 0 ? kept + 1 : 0;
}

MARRAY_FOR_EVERY_PROCESSOR static void count_integers(uint64_t *block, uint64_t first,
                                                      uint64_t step, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        block[i] = first + i * step;
}

/* Places are whole numbers far below 2^53: their doubles are exact, and every element is rounded as
 * one product and one sum, wherever its block begins. */
MARRAY_FOR_EVERY_PROCESSOR static void count_floats(double *block, double start, double step,
                                                    double place, double stride, int count)
{
    for (int i = 0; i < count; i++)
        block[i] = start + (place + (double)i * stride) * step;
}

/* Elements place, place + stride_elements ... of the ramp. */
static void store_run(const struct ramp *ramp, unsigned char *target, int64_t stride_bytes,
                      uint64_t place, uint64_t stride_elements, uint64_t count)
{
    union {
        uint64_t integers[BLOCK_ITEMS];
        double floats[BLOCK_ITEMS];
    } block;
    for (uint64_t done = 0; done < count; done += BLOCK_ITEMS) {
        uint64_t part = count - done < BLOCK_ITEMS ? count - done : BLOCK_ITEMS;
        if (ramp->kind == MARRAY_KIND_FLOAT)
            count_floats(block.floats, ramp->start.as_float, ramp->step.as_float, (double)place,
                         (double)stride_elements, (int)part);
        else
            count_integers(block.integers, ramp->start.as_unsigned + place * ramp->step.as_unsigned,
                           stride_elements * ramp->step.as_unsigned, part);
        /* Numbers into numbers cannot fail. */
        (void)marray_convert(&ramp->wide, (const unsigned char *)&block, sizeof(uint64_t),
                             &ramp->array->dtype, target, stride_bytes, part);
        target += (int64_t)part * stride_bytes;
        place += part * stride_elements;
    }
}

/* Guarded. */
static int store_all(void *context)
{
    const struct ramp *ramp = context;
    uint64_t counters[MARRAY_MAX_DIMENSIONS] = {0};
    unsigned char *target = ramp->array->data;
    uint64_t place = 0;
    uint64_t length = ramp->loops > 0 ? ramp->length[0] : 1;
    int64_t stride_bytes = ramp->loops > 0 ? ramp->stride_bytes[0] : 0;
    uint64_t stride_elements = ramp->loops > 0 ? ramp->stride_elements[0] : 0;
    for (;;) {
        store_run(ramp, target, stride_bytes, place, stride_elements, length);
        int loop = 1;
        for (; loop < ramp->loops; loop++) {
            target += ramp->stride_bytes[loop];
            place += ramp->stride_elements[loop];
            if (++counters[loop] < ramp->length[loop])
                break;
            target -= (int64_t)ramp->length[loop] * ramp->stride_bytes[loop];
            place -= ramp->length[loop] * ramp->stride_elements[loop];
            counters[loop] = 0;
        }
        if (loop >= ramp->loops)
            return 0;
    }
}

int marray_ramp(struct marray *array, const char *dtype, const void *start, const void *step)
{
    struct marray_dtype given = {0};
    struct ramp ramp = {.array = array};
    int status = marray_check_writable(array);
    if (!status)
        status = marray_choose_dtype(array, dtype, &given);
    if (!status)
        status = read_numbers(&ramp, &given, start, step);
    if (!status)
        status = check_numbers(&ramp);
    if (!status && array->length > 0) {
        plan_loops(&ramp);
        status = marray_guard_bulk(array, store_all, &ramp);
    }
    marray_dtype_release(&given);
    return status;
}
