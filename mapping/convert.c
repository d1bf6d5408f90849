/*
 * Conversion kernels. Elements go through one of four wide types that hold every value of a family
 * exactly (or round it once, to the target), a block at a time in a buffer that stays in the cache.
 */
#include "mapping/convert.h"

#include <errno.h>
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
    case 16:
        COPY_LOOP(16)
        break;
    default:
        COPY_LOOP(item_bytes)
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
} kernels[MARRAY_NUMBER_COUNT] = {
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
    [MARRAY_DATETIME] = {WIDE_SIGNED, widen_i8, NARROW_OF(i8)},
    [MARRAY_TIMEDELTA] = {WIDE_SIGNED, widen_i8, NARROW_OF(i8)},
};

/* One time unit in another: multiplied, then divided. */
struct time_scale {
    uint64_t multiplier;
    uint64_t divisor;
};

static bool is_time(const struct marray_dtype *dtype)
{
    return dtype->type == MARRAY_DATETIME || dtype->type == MARRAY_TIMEDELTA;
}

static bool is_same_unit(const struct marray_dtype *a, const struct marray_dtype *b)
{
    return a->time_unit == b->time_unit && a->time_multiple == b->time_multiple;
}

/* How many of the finer unit are one of the coarser; 0: more than 64 bits can say, or it depends on
 * the calendar. */
static uint64_t count_units(enum marray_time_unit coarse, enum marray_time_unit fine)
{
    static const uint64_t next[] = {12, 0, 7, 24, 60, 60, 1000, 1000, 1000, 1000, 1000, 1000};
    uint64_t count = 1;
    for (unsigned unit = coarse; unit < (unsigned)fine; unit++) {
        if (__builtin_mul_overflow(count, next[unit], &count))
            return 0;
    }
    return count;
}

/* False: the calendar or 64 bits are in the way. */
static bool find_scale(const struct marray_dtype *source, const struct marray_dtype *target,
                       struct time_scale *scale)
{
    bool is_finer = target->time_unit > source->time_unit;
    uint64_t units = is_finer ? count_units(source->time_unit, target->time_unit)
                              : count_units(target->time_unit, source->time_unit);
    uint64_t multiplier = source->time_multiple;
    uint64_t divisor = target->time_multiple;
    if (units == 0 || __builtin_mul_overflow(is_finer ? multiplier : divisor, units,
                                             is_finer ? &multiplier : &divisor))
        return false;
    uint64_t a = multiplier;
    uint64_t common = divisor;
    while (a > 0) {
        uint64_t rest = common % a;
        common = a;
        a = rest;
    }
    scale->multiplier = multiplier / common;
    scale->divisor = divisor / common;
    return scale->multiplier <= INT64_MAX && scale->divisor <= INT64_MAX;
}

/* Rounds down, as numpy does; products wrap; the least number is not a time and stays it. */
static void scale_times(int64_t *times, size_t count, const struct time_scale *scale)
{
    int64_t divisor = (int64_t)scale->divisor;
    for (size_t i = 0; i < count; i++) {
        if (times[i] == INT64_MIN)
            continue;
        int64_t product = (int64_t)((uint64_t)times[i] * scale->multiplier);
        times[i] = product / divisor - (product % divisor < 0);
    }
}

/* At most BLOCK_ITEMS elements, through the buffers. */
static void convert_block(const struct marray_dtype *source_dtype, const unsigned char *source,
                          int64_t source_stride, const struct marray_dtype *target_dtype,
                          unsigned char *target, int64_t target_stride, size_t count,
                          const struct time_scale *scale)
{
    unsigned char dense_source[BLOCK_ITEMS * MARRAY_MAX_NUMBER_BYTES];
    unsigned char dense_target[BLOCK_ITEMS * MARRAY_MAX_NUMBER_BYTES];
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
    if (scale)
        scale_times(block.as_signed, count, scale);
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
    unsigned char dense[BLOCK_ITEMS * MARRAY_MAX_NUMBER_BYTES];
    marray_copy_items(source, source_stride, dense, dtype->item_bytes, count, dtype->item_bytes);
    swap_units(dense, count * dtype->item_bytes, dtype->unit_bytes);
    marray_copy_items(dense, dtype->item_bytes, target, target_stride, count, dtype->item_bytes);
}

static void convert_numbers(const struct marray_dtype *source_dtype, const unsigned char *source,
                            int64_t source_stride, const struct marray_dtype *target_dtype,
                            unsigned char *target, int64_t target_stride, uint64_t count)
{
    struct time_scale scale;
    const struct time_scale *scaled = NULL;
    if (is_time(source_dtype) && is_time(target_dtype) &&
        !is_same_unit(source_dtype, target_dtype) &&
        source_dtype->time_unit != MARRAY_TIME_GENERIC &&
        find_scale(source_dtype, target_dtype, &scale))
        scaled = &scale;
    bool swap_only = source_dtype->type == target_dtype->type && !scaled;
    while (count > 0) {
        size_t part = count < BLOCK_ITEMS ? (size_t)count : BLOCK_ITEMS;
        if (swap_only)
            swap_block(source_dtype, source, source_stride, target, target_stride, part);
        else
            convert_block(source_dtype, source, source_stride, target_dtype, target, target_stride,
                          part, scaled);
        source += (int64_t)part * source_stride;
        target += (int64_t)part * target_stride;
        count -= part;
    }
}

static void copy_padded(const unsigned char *source, size_t source_bytes, unsigned char *target,
                        size_t target_bytes)
{
    size_t common = source_bytes < target_bytes ? source_bytes : target_bytes;
    memcpy(target, source, common);
    memset(target + common, 0, target_bytes - common);
}

static uint32_t read_unit(const struct marray_dtype *dtype, const unsigned char *unit)
{
    if (dtype->unit_bytes == 1)
        return *unit;
    uint32_t character;
    memcpy(&character, unit, sizeof(character));
    return dtype->swapped ? __builtin_bswap32(character) : character;
}

static void write_unit(const struct marray_dtype *dtype, unsigned char *unit, uint32_t character)
{
    if (dtype->unit_bytes == 1) {
        *unit = (unsigned char)character;
        return;
    }
    if (dtype->swapped)
        character = __builtin_bswap32(character);
    memcpy(unit, &character, sizeof(character));
}

/* One element between bytes and UCS-4, or UCS-4 of two byte orders. */
static int convert_text(const struct marray_dtype *source_dtype, const unsigned char *source,
                        const struct marray_dtype *target_dtype, unsigned char *target)
{
    bool only_ascii = source_dtype->type != target_dtype->type;
    uint32_t source_units = source_dtype->item_bytes / source_dtype->unit_bytes;
    uint32_t target_units = target_dtype->item_bytes / target_dtype->unit_bytes;
    for (uint32_t i = 0; only_ascii && i < source_units; i++) {
        if (read_unit(source_dtype, source + i * source_dtype->unit_bytes) > 0x7f)
            return -EILSEQ;
    }
    for (uint32_t i = 0; i < target_units; i++) {
        uint32_t character = 0;
        if (i < source_units)
            character = read_unit(source_dtype, source + i * source_dtype->unit_bytes);
        write_unit(target_dtype, target + i * target_dtype->unit_bytes, character);
    }
    return 0;
}

static int convert_flexible(const struct marray_dtype *source_dtype, const unsigned char *source,
                            int64_t source_stride, const struct marray_dtype *target_dtype,
                            unsigned char *target, int64_t target_stride, uint64_t count)
{
    bool is_plain = source_dtype->unit_bytes == target_dtype->unit_bytes &&
                    source_dtype->swapped == target_dtype->swapped;
    int status = 0;
    for (; count > 0 && !status; count--) {
        if (is_plain)
            copy_padded(source, source_dtype->item_bytes, target, target_dtype->item_bytes);
        else
            status = convert_text(source_dtype, source, target_dtype, target);
        source += source_stride;
        target += target_stride;
    }
    return status;
}

static uint64_t count_elements(const struct marray_record_field *field)
{
    return field->dtype.item_bytes ? field->size_bytes / field->dtype.item_bytes : 0;
}

/* Field by field in their order, whatever their names: what lies between stays as it is. */
static int convert_records(const struct marray_dtype *source_dtype, const unsigned char *source,
                           int64_t source_stride, const struct marray_dtype *target_dtype,
                           unsigned char *target, int64_t target_stride, uint64_t count)
{
    int status = 0;
    for (uint32_t i = 0; i < source_dtype->record->count && !status; i++) {
        const struct marray_record_field *from = &source_dtype->record->fields[i];
        const struct marray_record_field *to = &target_dtype->record->fields[i];
        const unsigned char *from_bytes = source + from->offset_bytes;
        unsigned char *to_bytes = target + to->offset_bytes;
        if (to->dimensions == 0) {
            status = marray_convert(&from->dtype, from_bytes, source_stride, &to->dtype, to_bytes,
                                    target_stride, count);
            continue;
        }
        uint64_t elements = count_elements(to);
        for (uint64_t item = 0; item < count && !status; item++) {
            status = marray_convert(&from->dtype, from_bytes, from->dtype.item_bytes, &to->dtype,
                                    to_bytes, to->dtype.item_bytes, elements);
            from_bytes += source_stride;
            to_bytes += target_stride;
        }
    }
    return status;
}

static bool is_same_format(const struct marray_dtype *a, const struct marray_dtype *b)
{
    if (a->record)
        return a->record->is_packed && b->record && !strcmp(a->record->descr, b->record->descr);
    return a->type == b->type && a->swapped == b->swapped && a->item_bytes == b->item_bytes &&
           (!is_time(a) || is_same_unit(a, b) || a->time_unit == MARRAY_TIME_GENERIC);
}

int marray_convert(const struct marray_dtype *source_dtype, const unsigned char *source,
                   int64_t source_stride, const struct marray_dtype *target_dtype,
                   unsigned char *target, int64_t target_stride, uint64_t count)
{
    if (is_same_format(source_dtype, target_dtype)) {
        marray_copy_items(source, source_stride, target, target_stride, count,
                          source_dtype->item_bytes);
        return 0;
    }
    if (source_dtype->record)
        return convert_records(source_dtype, source, source_stride, target_dtype, target,
                               target_stride, count);
    if (source_dtype->type >= MARRAY_NUMBER_COUNT)
        return convert_flexible(source_dtype, source, source_stride, target_dtype, target,
                                target_stride, count);
    convert_numbers(source_dtype, source, source_stride, target_dtype, target, target_stride,
                    count);
    return 0;
}

static const char *why_not_times(const struct marray_dtype *source,
                                 const struct marray_dtype *target)
{
    struct time_scale scale;
    if (is_same_unit(source, target) || source->time_unit == MARRAY_TIME_GENERIC)
        return NULL;
    if (target->time_unit == MARRAY_TIME_GENERIC)
        return "a time with a unit does not become one without";
    if (source->type != target->type)
        return "times and time differences must have one unit";
    if (!find_scale(source, target, &scale))
        return "these units are not a whole number of each other, or too far apart";
    return NULL;
}

static const char *why_not_records(const struct marray_dtype *source,
                                   const struct marray_dtype *target)
{
    if (!source->record || !target->record)
        return "only one of them has fields";
    if (source->record->count != target->record->count)
        return "they have different numbers of fields";
    for (uint32_t i = 0; i < source->record->count; i++) {
        const struct marray_record_field *from = &source->record->fields[i];
        const struct marray_record_field *to = &target->record->fields[i];
        if (from->dimensions != to->dimensions ||
            (to->dimensions > 0 &&
             memcmp(from->shape, to->shape, (size_t)to->dimensions * sizeof(to->shape[0])) != 0))
            return "a field is a sub-array of another shape";
        const char *why = marray_cannot_convert(&from->dtype, &to->dtype);
        if (why)
            return why;
    }
    return NULL;
}

const char *marray_cannot_convert(const struct marray_dtype *source,
                                  const struct marray_dtype *target)
{
    if (source->record || target->record)
        return why_not_records(source, target);
    if (is_time(source) && is_time(target))
        return why_not_times(source, target);
    bool source_is_number = source->type < MARRAY_NUMBER_COUNT;
    bool target_is_number = target->type < MARRAY_NUMBER_COUNT;
    if (source_is_number && target_is_number)
        return NULL;
    if (source_is_number || target_is_number)
        return "numbers and text or bytes are not the same thing: see marray_view_as()";
    if (source->type == target->type || target->type == MARRAY_VOID)
        return source->type == MARRAY_UNICODE && target->type == MARRAY_VOID
                   ? "text of UCS-4 is not bytes: see marray_view_as()"
                   : NULL;
    return source->type == MARRAY_VOID ? "bytes without a meaning are not text" : NULL;
}
