/* Converting elements: which kernels take them, byte order, times, text and records. */
#include "mapping/convert.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* Elements that go through a buffer at a time, which stays in the cache. */
#define BLOCK_ITEMS 512

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

static bool is_complex(const struct marray_dtype *dtype)
{
    return dtype->type == MARRAY_C8 || dtype->type == MARRAY_C16;
}

/* The type of real numbers, and of either half of complex ones. */
static enum marray_type part_of(const struct marray_dtype *dtype)
{
    if (!is_complex(dtype))
        return dtype->type;
    return dtype->type == MARRAY_C8 ? MARRAY_F4 : MARRAY_F8;
}

/* Numbers of the machine's byte order. */
static void convert_native(const struct marray_dtype *source_dtype, const unsigned char *source,
                           int64_t source_stride, const struct marray_dtype *target_dtype,
                           unsigned char *target, int64_t target_stride, uint64_t count)
{
    static const unsigned char zero[sizeof(double)] = {0};
    uint32_t source_part = source_dtype->unit_bytes;
    uint32_t target_part = target_dtype->unit_bytes;
    const struct marray_kernel *kernel =
        marray_real_kernel(part_of(source_dtype), part_of(target_dtype));
    if (!is_complex(target_dtype)) {
        if (is_complex(source_dtype) && target_dtype->type == MARRAY_B1)
            kernel = marray_truth_of_complex(source_dtype->type);
        marray_run_kernel(kernel, source, source_stride, target, target_stride, count);
    } else if (!is_complex(source_dtype)) {
        marray_run_kernel(kernel, source, source_stride, target, target_stride, count);
        marray_copy_items(zero, 0, target + target_part, target_stride, count, target_part);
    } else if (source_stride == source_dtype->item_bytes &&
               target_stride == target_dtype->item_bytes) {
        marray_run_kernel(kernel, source, source_part, target, target_part, 2 * count);
    } else {
        marray_run_kernel(kernel, source, source_stride, target, target_stride, count);
        marray_run_kernel(kernel, source + source_part, source_stride, target + target_part,
                          target_stride, count);
    }
}

/* At most BLOCK_ITEMS elements, what is not of the machine's byte order by way of the buffers. */
static void convert_block(const struct marray_dtype *source_dtype, const unsigned char *source,
                          int64_t source_stride, const struct marray_dtype *target_dtype,
                          unsigned char *target, int64_t target_stride, size_t count)
{
    unsigned char native_source[BLOCK_ITEMS * MARRAY_MAX_NUMBER_BYTES];
    unsigned char native_target[BLOCK_ITEMS * MARRAY_MAX_NUMBER_BYTES];
    uint32_t source_bytes = source_dtype->item_bytes;
    uint32_t target_bytes = target_dtype->item_bytes;
    if (source_dtype->swapped) {
        marray_swap_items(source, source_stride, native_source, source_bytes, count, source_bytes,
                          source_dtype->unit_bytes);
        source = native_source;
        source_stride = source_bytes;
    }
    if (!target_dtype->swapped) {
        convert_native(source_dtype, source, source_stride, target_dtype, target, target_stride,
                       count);
        return;
    }
    convert_native(source_dtype, source, source_stride, target_dtype, native_target, target_bytes,
                   count);
    marray_swap_items(native_target, target_bytes, target, target_stride, count, target_bytes,
                      target_dtype->unit_bytes);
}

/* Between units, at most BLOCK_ITEMS elements. */
static void convert_times(const struct marray_dtype *source_dtype, const unsigned char *source,
                          int64_t source_stride, const struct marray_dtype *target_dtype,
                          unsigned char *target, int64_t target_stride, size_t count,
                          const struct time_scale *scale)
{
    int64_t times[BLOCK_ITEMS];
    unsigned char *bytes = (unsigned char *)times;
    const uint32_t item_bytes = sizeof(times[0]);
    if (source_dtype->swapped)
        marray_swap_items(source, source_stride, bytes, item_bytes, count, item_bytes, item_bytes);
    else
        marray_copy_items(source, source_stride, bytes, item_bytes, count, item_bytes);
    scale_times(times, count, scale);
    if (target_dtype->swapped)
        marray_swap_items(bytes, item_bytes, target, target_stride, count, item_bytes, item_bytes);
    else
        marray_copy_items(bytes, item_bytes, target, target_stride, count, item_bytes);
}

static void convert_numbers(const struct marray_dtype *source_dtype, const unsigned char *source,
                            int64_t source_stride, const struct marray_dtype *target_dtype,
                            unsigned char *target, int64_t target_stride, uint64_t count)
{
    struct time_scale scale;
    bool is_scaled = is_time(source_dtype) && is_time(target_dtype) &&
                     !is_same_unit(source_dtype, target_dtype) &&
                     source_dtype->time_unit != MARRAY_TIME_GENERIC &&
                     find_scale(source_dtype, target_dtype, &scale);
    if (source_dtype->type == target_dtype->type && !is_scaled) {
        marray_swap_items(source, source_stride, target, target_stride, count,
                          source_dtype->item_bytes, source_dtype->unit_bytes);
        return;
    }
    bool is_native = !source_dtype->swapped && !target_dtype->swapped;
    bool is_real = !is_complex(source_dtype) && !is_complex(target_dtype);
    uint64_t block_items = is_native && is_real && !is_scaled ? count : BLOCK_ITEMS;
    while (count > 0) {
        size_t part = (size_t)(count < block_items ? count : block_items);
        if (is_scaled)
            convert_times(source_dtype, source, source_stride, target_dtype, target, target_stride,
                          part, &scale);
        else if (is_native)
            convert_native(source_dtype, source, source_stride, target_dtype, target, target_stride,
                           part);
        else
            convert_block(source_dtype, source, source_stride, target_dtype, target, target_stride,
                          part);
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

bool marray_moves_unchanged(const struct marray_dtype *a, const struct marray_dtype *b)
{
    if (a->record)
        return a->record->is_packed && b->record && !strcmp(a->record->descr, b->record->descr);
    return a->type == b->type && a->swapped == b->swapped && a->item_bytes == b->item_bytes &&
           (!is_time(a) || is_same_unit(a, b) || a->time_unit == MARRAY_TIME_GENERIC);
}

bool marray_are_numbers(const struct marray_dtype *a, const struct marray_dtype *b)
{
    return !a->record && !b->record && a->type < MARRAY_NUMBER_COUNT &&
           b->type < MARRAY_NUMBER_COUNT;
}

int marray_convert(const struct marray_dtype *source_dtype, const unsigned char *source,
                   int64_t source_stride, const struct marray_dtype *target_dtype,
                   unsigned char *target, int64_t target_stride, uint64_t count)
{
    if (marray_moves_unchanged(source_dtype, target_dtype)) {
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
