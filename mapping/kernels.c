/* Conversion kernels: one loop for every pair of types, dense or strided, without temporaries. */
#include "mapping/kernels.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "mapping/half.h"
#include "mapping/processor.h"

/* Elements that go through a buffer at a time, which stays in the cache. */
#define BLOCK_ITEMS 512
#define WIDEST_ITEM 16

typedef void dense_loop(const unsigned char *restrict source, unsigned char *restrict target,
                        uint64_t count);
typedef void strided_loop(const unsigned char *restrict source, int64_t source_stride,
                          unsigned char *restrict target, int64_t target_stride, uint64_t count);

struct marray_kernel {
    dense_loop *dense;
    dense_loop *reversed;  /* of a source that descends; NULL: likewise */
    strided_loop *strided; /* NULL: it costs less to bring elements together for the dense loop */
    uint32_t source_bytes, target_bytes;
};

/* `value` is the element in the expression; memcpy of a constant size is one load or store. */
#define DEFINE_DENSE(name, source_type, target_type, expression)                              \
    MARRAY_FOR_EVERY_PROCESSOR static void name##_dense(                                      \
        const unsigned char *restrict source, unsigned char *restrict target, uint64_t count) \
    {                                                                                         \
        for (uint64_t i = 0; i < count; i++) {                                                \
            source_type value;                                                                \
            memcpy(&value, source + i * sizeof(value), sizeof(value));                        \
            target_type result = (expression);                                                \
            memcpy(target + i * sizeof(result), &result, sizeof(result));                     \
        }                                                                                     \
    }

#define DEFINE_STRIDED(name, source_type, target_type, expression)                          \
    static void name##_strided(const unsigned char *restrict source, int64_t source_stride, \
                               unsigned char *restrict target, int64_t target_stride,       \
                               uint64_t count)                                              \
    {                                                                                       \
        for (; count > 0; count--) {                                                        \
            source_type value;                                                              \
            memcpy(&value, source, sizeof(value));                                          \
            target_type result = (expression);                                              \
            memcpy(target, &result, sizeof(result));                                        \
            source += source_stride;                                                        \
            target += target_stride;                                                        \
        }                                                                                   \
    }

#define DEFINE_KERNEL(name, source_type, target_type, expression)                 \
    DEFINE_DENSE(name, source_type, target_type, expression)                      \
    DEFINE_STRIDED(name, source_type, target_type, expression)                    \
    static const struct marray_kernel name = {name##_dense, NULL, name##_strided, \
                                              sizeof(source_type), sizeof(target_type)};

/* Of many instructions an element, few of which a vector of elements takes longer for. */
#define DEFINE_COSTLY(name, source_type, target_type, expression)                            \
    DEFINE_DENSE(name, source_type, target_type, expression)                                 \
    static const struct marray_kernel name = {name##_dense, NULL, NULL, sizeof(source_type), \
                                              sizeof(target_type)};

/* A source that descends: what is read next is below, as the processor's prefetchers have it. */
#define DEFINE_REVERSED(name, type)                                                           \
    MARRAY_FOR_EVERY_PROCESSOR static void name##_reversed(                                   \
        const unsigned char *restrict source, unsigned char *restrict target, uint64_t count) \
    {                                                                                         \
        const int64_t size = sizeof(type);                                                    \
        for (int64_t i = 0; i < (int64_t)count; i++) {                                        \
            type value;                                                                       \
            memcpy(&value, source - i * size, sizeof(value));                                 \
            memcpy(target + i * size, &value, sizeof(value));                                 \
        }                                                                                     \
    }
#define DEFINE_MOVE(name, type)                                                              \
    DEFINE_DENSE(name, type, type, value)                                                    \
    DEFINE_REVERSED(name, type)                                                              \
    DEFINE_STRIDED(name, type, type, value)                                                  \
    static const struct marray_kernel name = {name##_dense, name##_reversed, name##_strided, \
                                              sizeof(type), sizeof(type)};

/* Defined for every value, where a cast alone is not: out of range as x86-64 does it. */
MARRAY_INLINE int32_t float_to_i32(float value)
{
    float fitting = value >= -0x1p31F && value < 0x1p31F ? value : -0x1p31F;
    return (int32_t)fitting;
}

MARRAY_INLINE int32_t double_to_i32(double value)
{
    double fitting = value > -2147483649.0 && value < 2147483648.0 ? value : -0x1p31;
    return (int32_t)fitting;
}

MARRAY_INLINE int64_t double_to_i64(double value)
{
    double fitting = value >= -0x1p63 && value < 0x1p63 ? value : -0x1p63;
    return (int64_t)fitting;
}

MARRAY_INLINE uint64_t double_to_u64(double value)
{
    double lowered = value >= 0x1p63 ? value - 0x1p63 : value;
    uint64_t top = value >= 0x1p63 ? UINT64_C(1) << 63 : 0;
    return (uint64_t)double_to_i64(lowered) ^ top;
}

struct float_pair {
    float real, imaginary;
};

struct double_pair {
    double real, imaginary;
};

/* Integers of one width differ only in what they become when they grow: of equal or smaller ones
 * only the width counts. */
DEFINE_MOVE(move_1, uint8_t)
DEFINE_MOVE(move_2, uint16_t)
DEFINE_MOVE(move_4, uint32_t)
DEFINE_MOVE(move_8, uint64_t)
DEFINE_KERNEL(narrow_2_to_1, uint16_t, uint8_t, (uint8_t)value)
DEFINE_KERNEL(narrow_4_to_1, uint32_t, uint8_t, (uint8_t)value)
DEFINE_KERNEL(narrow_8_to_1, uint64_t, uint8_t, (uint8_t)value)
DEFINE_KERNEL(narrow_4_to_2, uint32_t, uint16_t, (uint16_t)value)
DEFINE_KERNEL(narrow_8_to_2, uint64_t, uint16_t, (uint16_t)value)
DEFINE_KERNEL(narrow_8_to_4, uint64_t, uint32_t, (uint32_t)value)
DEFINE_KERNEL(i1_to_2, int8_t, int16_t, value)
DEFINE_KERNEL(i1_to_4, int8_t, int32_t, value)
DEFINE_KERNEL(i1_to_8, int8_t, int64_t, value)
DEFINE_KERNEL(i2_to_4, int16_t, int32_t, value)
DEFINE_KERNEL(i2_to_8, int16_t, int64_t, value)
DEFINE_KERNEL(i4_to_8, int32_t, int64_t, value)
DEFINE_KERNEL(u1_to_2, uint8_t, uint16_t, value)
DEFINE_KERNEL(u1_to_4, uint8_t, uint32_t, value)
DEFINE_KERNEL(u1_to_8, uint8_t, uint64_t, value)
DEFINE_KERNEL(u2_to_4, uint16_t, uint32_t, value)
DEFINE_KERNEL(u2_to_8, uint16_t, uint64_t, value)
DEFINE_KERNEL(u4_to_8, uint32_t, uint64_t, value)

DEFINE_KERNEL(b1_to_1, uint8_t, uint8_t, value != 0)
DEFINE_KERNEL(b1_to_2, uint8_t, uint16_t, value != 0)
DEFINE_KERNEL(b1_to_4, uint8_t, uint32_t, value != 0)
DEFINE_KERNEL(b1_to_8, uint8_t, uint64_t, value != 0)
DEFINE_KERNEL(b1_to_f2, uint8_t, uint16_t, value != 0 ? 0x3c00 : 0)
DEFINE_KERNEL(b1_to_f4, uint8_t, float, value != 0 ? 1.0F : 0.0F)
DEFINE_KERNEL(b1_to_f8, uint8_t, double, value != 0 ? 1.0 : 0.0)
DEFINE_KERNEL(truth_2, uint16_t, uint8_t, value != 0)
DEFINE_KERNEL(truth_4, uint32_t, uint8_t, value != 0)
DEFINE_KERNEL(truth_8, uint64_t, uint8_t, value != 0)
DEFINE_KERNEL(truth_f2, uint16_t, uint8_t, (value & 0x7fff) != 0)
DEFINE_KERNEL(truth_f4, float, uint8_t, value != 0)
DEFINE_KERNEL(truth_f8, double, uint8_t, value != 0)
DEFINE_KERNEL(truth_c8, struct float_pair, uint8_t, value.real != 0 || value.imaginary != 0)
DEFINE_KERNEL(truth_c16, struct double_pair, uint8_t, value.real != 0 || value.imaginary != 0)

/* An integer that float rounds is infinite as a half, so that it is never rounded twice. */
#define DEFINE_INTEGER_TO_FLOATS(name, type)                                          \
    DEFINE_COSTLY(name##_to_f2, type, uint16_t, marray_half_from_float((float)value)) \
    DEFINE_KERNEL(name##_to_f4, type, float, (float)value)                            \
    DEFINE_KERNEL(name##_to_f8, type, double, (double)value)
DEFINE_INTEGER_TO_FLOATS(i1, int8_t)
DEFINE_INTEGER_TO_FLOATS(i2, int16_t)
DEFINE_INTEGER_TO_FLOATS(i4, int32_t)
DEFINE_INTEGER_TO_FLOATS(i8, int64_t)
DEFINE_INTEGER_TO_FLOATS(u1, uint8_t)
DEFINE_INTEGER_TO_FLOATS(u2, uint16_t)
DEFINE_INTEGER_TO_FLOATS(u4, uint32_t)
DEFINE_INTEGER_TO_FLOATS(u8, uint64_t)

/* Signed or not is the same where 32 bits hold both. */
#define DEFINE_FLOAT_TO_INTEGERS(name, type, to_i32, to_double)                     \
    DEFINE_COSTLY(name##_to_1, type, uint8_t, (uint8_t)(to_i32))                    \
    DEFINE_COSTLY(name##_to_2, type, uint16_t, (uint16_t)(to_i32))                  \
    DEFINE_COSTLY(name##_to_i4, type, int32_t, to_i32)                              \
    DEFINE_COSTLY(name##_to_u4, type, uint32_t, (uint32_t)double_to_i64(to_double)) \
    DEFINE_COSTLY(name##_to_i8, type, int64_t, double_to_i64(to_double))            \
    DEFINE_COSTLY(name##_to_u8, type, uint64_t, double_to_u64(to_double))
DEFINE_FLOAT_TO_INTEGERS(f2, uint16_t, float_to_i32(marray_half_to_float(value)),
                         marray_half_to_double(value))
DEFINE_FLOAT_TO_INTEGERS(f4, float, float_to_i32(value), (double)value)
DEFINE_FLOAT_TO_INTEGERS(f8, double, double_to_i32(value), value)

DEFINE_COSTLY(f2_to_f4, uint16_t, float, marray_half_to_float(value))
DEFINE_COSTLY(f2_to_f8, uint16_t, double, marray_half_to_double(value))
DEFINE_COSTLY(f4_to_f2, float, uint16_t, marray_half_from_float(value))
DEFINE_KERNEL(f4_to_f8, float, double, (double)value)
DEFINE_COSTLY(f8_to_f2, double, uint16_t, marray_half_from_double(value))
DEFINE_KERNEL(f8_to_f4, double, float, (float)value)

/* The rows of the table, in the order of enum marray_type: b1, i1 to i8, u1 to u8, f2, f4, f8. */
#define ROW(truth, w1, w2, w4, w8, f2, f4, f8)                                                \
    {                                                                                         \
        &(truth), &(w1), &(w2), &(w4), &(w8), &(w1), &(w2), &(w4), &(w8), &(f2), &(f4), &(f8) \
    }
#define ROW_OF_INTEGER(name, truth, w1, w2, w4, w8) \
    ROW(truth, w1, w2, w4, w8, name##_to_f2, name##_to_f4, name##_to_f8)
#define ROW_OF_FLOAT(name, f2, f4, f8)                                                         \
    {                                                                                          \
        &truth_##name, &name##_to_1, &name##_to_2, &name##_to_i4, &name##_to_i8, &name##_to_1, \
            &name##_to_2, &name##_to_u4, &name##_to_u8, &(f2), &(f4), &(f8)                    \
    }
#define REAL_TYPES (MARRAY_F8 + 1)

static const struct marray_kernel *const kernels[REAL_TYPES][REAL_TYPES] = {
    [MARRAY_B1] = ROW(b1_to_1, b1_to_1, b1_to_2, b1_to_4, b1_to_8, b1_to_f2, b1_to_f4, b1_to_f8),
    [MARRAY_I1] = ROW_OF_INTEGER(i1, b1_to_1, move_1, i1_to_2, i1_to_4, i1_to_8),
    [MARRAY_I2] = ROW_OF_INTEGER(i2, truth_2, narrow_2_to_1, move_2, i2_to_4, i2_to_8),
    [MARRAY_I4] = ROW_OF_INTEGER(i4, truth_4, narrow_4_to_1, narrow_4_to_2, move_4, i4_to_8),
    [MARRAY_I8] = ROW_OF_INTEGER(i8, truth_8, narrow_8_to_1, narrow_8_to_2, narrow_8_to_4, move_8),
    [MARRAY_U1] = ROW_OF_INTEGER(u1, b1_to_1, move_1, u1_to_2, u1_to_4, u1_to_8),
    [MARRAY_U2] = ROW_OF_INTEGER(u2, truth_2, narrow_2_to_1, move_2, u2_to_4, u2_to_8),
    [MARRAY_U4] = ROW_OF_INTEGER(u4, truth_4, narrow_4_to_1, narrow_4_to_2, move_4, u4_to_8),
    [MARRAY_U8] = ROW_OF_INTEGER(u8, truth_8, narrow_8_to_1, narrow_8_to_2, narrow_8_to_4, move_8),
    [MARRAY_F2] = ROW_OF_FLOAT(f2, move_2, f2_to_f4, f2_to_f8),
    [MARRAY_F4] = ROW_OF_FLOAT(f4, f4_to_f2, move_4, f4_to_f8),
    [MARRAY_F8] = ROW_OF_FLOAT(f8, f8_to_f2, f8_to_f4, move_8),
};

static enum marray_type as_real(enum marray_type type)
{
    return type == MARRAY_DATETIME || type == MARRAY_TIMEDELTA ? MARRAY_I8 : type;
}

const struct marray_kernel *marray_real_kernel(enum marray_type source, enum marray_type target)
{
    return kernels[as_real(source)][as_real(target)];
}

const struct marray_kernel *marray_truth_of_complex(enum marray_type source)
{
    return source == MARRAY_C8 ? &truth_c8 : &truth_c16;
}

/* ---- Running them ---- */

/* Together in a buffer, so that the dense loop can take them. */
static void run_in_blocks(const struct marray_kernel *kernel, const unsigned char *source,
                          int64_t source_stride, unsigned char *target, int64_t target_stride,
                          uint64_t count)
{
    unsigned char sources[BLOCK_ITEMS * WIDEST_ITEM];
    unsigned char targets[BLOCK_ITEMS * WIDEST_ITEM];
    uint32_t source_bytes = kernel->source_bytes;
    uint32_t target_bytes = kernel->target_bytes;
    bool is_direct = target_stride == target_bytes;
    while (count > 0) {
        uint64_t part = count < BLOCK_ITEMS ? count : BLOCK_ITEMS;
        const unsigned char *from = source;
        if (source_stride != source_bytes) {
            marray_copy_items(source, source_stride, sources, source_bytes, part, source_bytes);
            from = sources;
        }
        kernel->dense(from, is_direct ? target : targets, part);
        if (!is_direct)
            marray_copy_items(targets, target_bytes, target, target_stride, part, target_bytes);
        source += (int64_t)part * source_stride;
        target += (int64_t)part * target_stride;
        count -= part;
    }
}

void marray_run_kernel(const struct marray_kernel *kernel, const unsigned char *source,
                       int64_t source_stride, unsigned char *target, int64_t target_stride,
                       uint64_t count)
{
    /* A target that descends is walked from its other end. */
    if (target_stride < 0 && count > 0) {
        source += (int64_t)(count - 1) * source_stride;
        target += (int64_t)(count - 1) * target_stride;
        source_stride = -source_stride;
        target_stride = -target_stride;
    }
    bool is_dense = target_stride == kernel->target_bytes;
    bool is_reversed = is_dense && source_stride == -(int64_t)kernel->source_bytes;
    if (count == 1 || (is_dense && source_stride == kernel->source_bytes))
        kernel->dense(source, target, count);
    else if (is_reversed && kernel->reversed)
        kernel->reversed(source, target, count);
    else if (kernel->strided && !is_reversed)
        kernel->strided(source, source_stride, target, target_stride, count);
    else
        run_in_blocks(kernel, source, source_stride, target, target_stride, count);
}

/* ---- Copies ---- */

struct sixteen_bytes {
    uint64_t half[2];
};
DEFINE_STRIDED(move_16, struct sixteen_bytes, struct sixteen_bytes, value)

static void move_any(const unsigned char *source, int64_t source_stride, unsigned char *target,
                     int64_t target_stride, uint64_t count, uint32_t item_bytes)
{
    for (; count > 0; count--) {
        memcpy(target, source, item_bytes);
        source += source_stride;
        target += target_stride;
    }
}

void marray_copy_items(const unsigned char *source, int64_t source_stride, unsigned char *target,
                       int64_t target_stride, uint64_t count, uint32_t item_bytes)
{
    static const struct marray_kernel *const moves[] = {
        [1] = &move_1, [2] = &move_2, [4] = &move_4, [8] = &move_8};
    if (source_stride == item_bytes && target_stride == item_bytes)
        memcpy(target, source, (size_t)(count * item_bytes));
    else if (item_bytes <= 8 && moves[item_bytes])
        marray_run_kernel(moves[item_bytes], source, source_stride, target, target_stride, count);
    else if (item_bytes == 16)
        move_16_strided(source, source_stride, target, target_stride, count);
    else
        move_any(source, source_stride, target, target_stride, count, item_bytes);
}

/* ---- Byte order ---- */

DEFINE_KERNEL(swap_2, uint16_t, uint16_t, __builtin_bswap16(value))
DEFINE_KERNEL(swap_4, uint32_t, uint32_t, __builtin_bswap32(value))
DEFINE_KERNEL(swap_8, uint64_t, uint64_t, __builtin_bswap64(value))

void marray_swap_items(const unsigned char *source, int64_t source_stride, unsigned char *target,
                       int64_t target_stride, uint64_t count, uint32_t item_bytes,
                       uint32_t unit_bytes)
{
    const struct marray_kernel *swap = &swap_8;
    if (unit_bytes == 2)
        swap = &swap_2;
    else if (unit_bytes == 4)
        swap = &swap_4;
    if (source_stride == item_bytes && target_stride == item_bytes) {
        swap->dense(source, target, count * (item_bytes / unit_bytes));
        return;
    }
    for (uint32_t unit = 0; unit < item_bytes; unit += unit_bytes)
        marray_run_kernel(swap, source + unit, source_stride, target + unit, target_stride, count);
}
