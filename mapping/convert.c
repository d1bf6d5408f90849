/*
 * Conversion kernels. Elements go through one of four wide types that hold every value of a family
 * exactly (or round it once, to the target), a block at a time in a buffer that stays in the cache.
 */
#include "mapping/convert.h"

#include <stdbool.h>
#include <string.h>

#include "mapping/half.h"

#define BLOCK_ITEMS 256

enum wide_kind { WIDE_SIGNED, WIDE_UNSIGNED, WIDE_FLOAT, WIDE_COMPLEX, WIDE_KINDS };

struct complex_pair {
    double real, imaginary;
};

union wide_block {
    int64_t as_signed[BLOCK_ITEMS];
    uint64_t as_unsigned[BLOCK_ITEMS];
    double as_float[BLOCK_ITEMS];
    struct complex_pair as_complex[BLOCK_ITEMS];
};

void marray_copy_items(const unsigned char *source, int64_t source_stride, unsigned char *target,
                       int64_t target_stride, uint64_t count, uint32_t item_bytes)
{
    if (source_stride == item_bytes && target_stride == item_bytes) {
        memcpy(target, source, (size_t)(count * item_bytes));
        return;
    }
/* memcpy of a constant size is one load and one store. */
#define COPY_LOOP(bytes)                 \
    for (; count > 0; count--) {         \
        memcpy(target, source, (bytes)); \
        source += source_stride;         \
        target += target_stride;         \
    }
    switch (item_bytes) {
    case 1:
        COPY_LOOP(1)
        break;
    case 2:
        COPY_LOOP(2)
        break;
    case 4:
        COPY_LOOP(4)
        break;
    case 8:
        COPY_LOOP(8)
        break;
    default:
        COPY_LOOP(16)
        break;
    }
#undef COPY_LOOP
}

static void swap_units(unsigned char *bytes, uint64_t size_bytes, uint32_t unit_bytes)
{
#define SWAP_LOOP(type, swap)                                 \
    for (uint64_t i = 0; i < size_bytes; i += sizeof(type)) { \
        type unit;                                            \
        memcpy(&unit, bytes + i, sizeof(unit));               \
        unit = swap(unit);                                    \
        memcpy(bytes + i, &unit, sizeof(unit));               \
    }
    switch (unit_bytes) {
    case 2:
        SWAP_LOOP(uint16_t, __builtin_bswap16)
        break;
    case 4:
        SWAP_LOOP(uint32_t, __builtin_bswap32)
        break;
    default:
        SWAP_LOOP(uint64_t, __builtin_bswap64)
        break;
    }
#undef SWAP_LOOP
}

/* Defined for every value, where a cast alone is not: out of range as x86-64 does it. */
static int32_t float_to_i32(double value)
{
    return value > -2147483649.0 && value < 2147483648.0 ? (int32_t)value : INT32_MIN;
}

static int64_t float_to_i64(double value)
{
    return value >= -0x1p63 && value < 0x1p63 ? (int64_t)value : INT64_MIN;
}

static uint64_t float_to_u64(double value)
{
    if (!(value >= 0x1p63))
        return (uint64_t)float_to_i64(value);
    return (uint64_t)float_to_i64(value - 0x1p63) ^ UINT64_C(1) << 63;
}

/* Reading dense native elements into a wide block. */
#define DEFINE_WIDEN(name, type, member, expression)                                             \
    static void widen_##name(const unsigned char *source, union wide_block *block, size_t count) \
    {                                                                                            \
        for (size_t i = 0; i < count; i++) {                                                     \
            type value;                                                                          \
            memcpy(&value, source + i * sizeof(value), sizeof(value));                           \
            block->member[i] = (expression);                                                     \
        }                                                                                        \
    }

struct float_pair {
    float real, imaginary;
};

DEFINE_WIDEN(b1, uint8_t, as_unsigned, value != 0)
DEFINE_WIDEN(i1, int8_t, as_signed, value)
DEFINE_WIDEN(i2, int16_t, as_signed, value)
DEFINE_WIDEN(i4, int32_t, as_signed, value)
DEFINE_WIDEN(i8, int64_t, as_signed, value)
DEFINE_WIDEN(u1, uint8_t, as_unsigned, value)
DEFINE_WIDEN(u2, uint16_t, as_unsigned, value)
DEFINE_WIDEN(u4, uint32_t, as_unsigned, value)
DEFINE_WIDEN(u8, uint64_t, as_unsigned, value)
DEFINE_WIDEN(f2, uint16_t, as_float, marray_half_to_double(value))
DEFINE_WIDEN(f4, float, as_float, (double)value)
DEFINE_WIDEN(f8, double, as_float, value)
DEFINE_WIDEN(c8, struct float_pair, as_complex,
             ((struct complex_pair){(double)value.real, (double)value.imaginary}))
DEFINE_WIDEN(c16, struct complex_pair, as_complex, value)

/* Writing a wide block as dense native elements. */
#define DEFINE_NARROW(name, kind, type, member, expression)                                     \
    static void narrow_##kind##_to_##name(const union wide_block *block, unsigned char *target, \
                                          size_t count)                                         \
    {                                                                                           \
        for (size_t i = 0; i < count; i++) {                                                    \
            type value = (expression);                                                          \
            memcpy(target + i * sizeof(value), &value, sizeof(value));                          \
        }                                                                                       \
    }

#define DEFINE_NARROW_INTEGERS(kind, member)                                                     \
    DEFINE_NARROW(b1, kind, uint8_t, member, block->member[i] != 0)                              \
    DEFINE_NARROW(i1, kind, int8_t, member, (int8_t)block->member[i])                            \
    DEFINE_NARROW(i2, kind, int16_t, member, (int16_t)block->member[i])                          \
    DEFINE_NARROW(i4, kind, int32_t, member, (int32_t)block->member[i])                          \
    DEFINE_NARROW(i8, kind, int64_t, member, (int64_t)block->member[i])                          \
    DEFINE_NARROW(u1, kind, uint8_t, member, (uint8_t)block->member[i])                          \
    DEFINE_NARROW(u2, kind, uint16_t, member, (uint16_t)block->member[i])                        \
    DEFINE_NARROW(u4, kind, uint32_t, member, (uint32_t)block->member[i])                        \
    DEFINE_NARROW(u8, kind, uint64_t, member, (uint64_t)block->member[i])                        \
    DEFINE_NARROW(f2, kind, uint16_t, member, marray_half_from_double((double)block->member[i])) \
    DEFINE_NARROW(f4, kind, float, member, (float)block->member[i])                              \
    DEFINE_NARROW(f8, kind, double, member, (double)block->member[i])                            \
    DEFINE_NARROW(c8, kind, struct float_pair, member,                                           \
                  ((struct float_pair){(float)block->member[i], 0}))                             \
    DEFINE_NARROW(c16, kind, struct complex_pair, member,                                        \
                  ((struct complex_pair){(double)block->member[i], 0}))

/* truth: when it is true; real: the value for all other targets; imaginary: for complex ones. */
#define DEFINE_NARROW_FLOATS(kind, member, truth, real_part, imaginary_part)          \
    DEFINE_NARROW(b1, kind, uint8_t, member, (truth))                                 \
    DEFINE_NARROW(i1, kind, int8_t, member, (int8_t)float_to_i32(real_part))          \
    DEFINE_NARROW(i2, kind, int16_t, member, (int16_t)float_to_i32(real_part))        \
    DEFINE_NARROW(i4, kind, int32_t, member, float_to_i32(real_part))                 \
    DEFINE_NARROW(i8, kind, int64_t, member, float_to_i64(real_part))                 \
    DEFINE_NARROW(u1, kind, uint8_t, member, (uint8_t)float_to_i32(real_part))        \
    DEFINE_NARROW(u2, kind, uint16_t, member, (uint16_t)float_to_i32(real_part))      \
    DEFINE_NARROW(u4, kind, uint32_t, member, (uint32_t)float_to_i64(real_part))      \
    DEFINE_NARROW(u8, kind, uint64_t, member, float_to_u64(real_part))                \
    DEFINE_NARROW(f2, kind, uint16_t, member, marray_half_from_double(real_part))     \
    DEFINE_NARROW(f4, kind, float, member, (float)(real_part))                        \
    DEFINE_NARROW(f8, kind, double, member, (real_part))                              \
    DEFINE_NARROW(c8, kind, struct float_pair, member,                                \
                  ((struct float_pair){(float)(real_part), (float)(imaginary_part)})) \
    DEFINE_NARROW(c16, kind, struct complex_pair, member,                             \
                  ((struct complex_pair){(real_part), (imaginary_part)}))

DEFINE_NARROW_INTEGERS(signed, as_signed)
DEFINE_NARROW_INTEGERS(unsigned, as_unsigned)
DEFINE_NARROW_FLOATS(float, as_float, block->as_float[i] != 0, block->as_float[i], 0)
DEFINE_NARROW_FLOATS(complex, as_complex,
                     block->as_complex[i].real != 0 || block->as_complex[i].imaginary != 0,
                     block->as_complex[i].real, block->as_complex[i].imaginary)

#define NARROW_OF(name)                                                             \
    {                                                                               \
        narrow_signed_to_##name, narrow_unsigned_to_##name, narrow_float_to_##name, \
            narrow_complex_to_##name                                                \
    }

static const struct type_kernels {
    enum wide_kind kind;
    void (*widen)(const unsigned char *source, union wide_block *block, size_t count);
    void (*narrow[WIDE_KINDS])(const union wide_block *block, unsigned char *target, size_t count);
} kernels[MARRAY_TYPE_COUNT] = {
    [MARRAY_B1] = {WIDE_UNSIGNED, widen_b1, NARROW_OF(b1)},
    [MARRAY_I1] = {WIDE_SIGNED, widen_i1, NARROW_OF(i1)},
    [MARRAY_I2] = {WIDE_SIGNED, widen_i2, NARROW_OF(i2)},
    [MARRAY_I4] = {WIDE_SIGNED, widen_i4, NARROW_OF(i4)},
    [MARRAY_I8] = {WIDE_SIGNED, widen_i8, NARROW_OF(i8)},
    [MARRAY_U1] = {WIDE_UNSIGNED, widen_u1, NARROW_OF(u1)},
    [MARRAY_U2] = {WIDE_UNSIGNED, widen_u2, NARROW_OF(u2)},
    [MARRAY_U4] = {WIDE_UNSIGNED, widen_u4, NARROW_OF(u4)},
    [MARRAY_U8] = {WIDE_UNSIGNED, widen_u8, NARROW_OF(u8)},
    [MARRAY_F2] = {WIDE_FLOAT, widen_f2, NARROW_OF(f2)},
    [MARRAY_F4] = {WIDE_FLOAT, widen_f4, NARROW_OF(f4)},
    [MARRAY_F8] = {WIDE_FLOAT, widen_f8, NARROW_OF(f8)},
    [MARRAY_C8] = {WIDE_COMPLEX, widen_c8, NARROW_OF(c8)},
    [MARRAY_C16] = {WIDE_COMPLEX, widen_c16, NARROW_OF(c16)},
};

/* At most BLOCK_ITEMS elements, through the buffers. */
static void convert_block(const struct marray_dtype *source_dtype, const unsigned char *source,
                          int64_t source_stride, const struct marray_dtype *target_dtype,
                          unsigned char *target, int64_t target_stride, size_t count)
{
    unsigned char dense_source[BLOCK_ITEMS * MARRAY_MAX_ITEM_BYTES];
    unsigned char dense_target[BLOCK_ITEMS * MARRAY_MAX_ITEM_BYTES];
    union wide_block block;
    if (source_dtype->swapped || source_stride != source_dtype->item_bytes) {
        marray_copy_items(source, source_stride, dense_source, source_dtype->item_bytes, count,
                          source_dtype->item_bytes);
        if (source_dtype->swapped)
            swap_units(dense_source, count * source_dtype->item_bytes, source_dtype->unit_bytes);
        source = dense_source;
    }
    bool direct = !target_dtype->swapped && target_stride == target_dtype->item_bytes;
    unsigned char *narrowed = direct ? target : dense_target;
    const struct type_kernels *from = &kernels[source_dtype->type];
    from->widen(source, &block, count);
    kernels[target_dtype->type].narrow[from->kind](&block, narrowed, count);
    if (target_dtype->swapped)
        swap_units(narrowed, count * target_dtype->item_bytes, target_dtype->unit_bytes);
    if (!direct)
        marray_copy_items(narrowed, target_dtype->item_bytes, target, target_stride, count,
                          target_dtype->item_bytes);
}

/* The same type in the other byte order. */
static void swap_block(const struct marray_dtype *dtype, const unsigned char *source,
                       int64_t source_stride, unsigned char *target, int64_t target_stride,
                       size_t count)
{
    unsigned char dense[BLOCK_ITEMS * MARRAY_MAX_ITEM_BYTES];
    marray_copy_items(source, source_stride, dense, dtype->item_bytes, count, dtype->item_bytes);
    swap_units(dense, count * dtype->item_bytes, dtype->unit_bytes);
    marray_copy_items(dense, dtype->item_bytes, target, target_stride, count, dtype->item_bytes);
}

void marray_convert(const struct marray_dtype *source_dtype, const unsigned char *source,
                    int64_t source_stride, const struct marray_dtype *target_dtype,
                    unsigned char *target, int64_t target_stride, uint64_t count)
{
    bool same_type = source_dtype->type == target_dtype->type;
    if (same_type && source_dtype->swapped == target_dtype->swapped) {
        marray_copy_items(source, source_stride, target, target_stride, count,
                          source_dtype->item_bytes);
        return;
    }
    while (count > 0) {
        size_t part = count < BLOCK_ITEMS ? (size_t)count : BLOCK_ITEMS;
        if (same_type)
            swap_block(source_dtype, source, source_stride, target, target_stride, part);
        else
            convert_block(source_dtype, source, source_stride, target_dtype, target, target_stride,
                          part);
        source += (int64_t)part * source_stride;
        target += (int64_t)part * target_stride;
        count -= part;
    }
}
