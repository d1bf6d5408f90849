/* Sums, extremes and dot products over views, without copies of them. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "mapping/convert.h"
#include "mapping/guard.h"
#include "mapping/message.h"

/* The loops are compiled once more for wider registers, and the loader takes what the processor
 * has. Sanitizers and Windows have no such loader. */
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define FOR_EVERY_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EVERY_PROCESSOR
#endif

/* Independent partial results, so that one addition need not wait for the last. */
#define LANES 16
/* Elements of a partial sum of floats; their rounding errors grow with it, and only with it. */
#define PART_ITEMS 1024
/* Elements that are converted at a time. */
#define BLOCK_ITEMS 256

/* What elements are added up in. */
enum kind { KIND_SIGNED, KIND_UNSIGNED, KIND_FLOAT, KIND_NONE };

static const char *const kind_names[] = {"=i8", "=u8", "=f8"};

union number {
    int64_t as_signed;
    uint64_t as_unsigned;
    double as_float;
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

static enum kind kind_of(const struct marray_dtype *dtype)
{
    switch (dtype->type) {
    case MARRAY_B1:
    case MARRAY_U1:
    case MARRAY_U2:
    case MARRAY_U4:
    case MARRAY_U8:
        return KIND_UNSIGNED;
    case MARRAY_I1:
    case MARRAY_I2:
    case MARRAY_I4:
    case MARRAY_I8:
        return KIND_SIGNED;
    case MARRAY_F2:
    case MARRAY_F4:
    case MARRAY_F8:
        return KIND_FLOAT;
    default:
        return KIND_NONE;
    }
}

/* ---- Elements side by side ---- */

#define DEFINE_INTEGER_SUM(name, type)                                                         \
    FOR_EVERY_PROCESSOR static uint64_t sum_##name(const unsigned char *bytes, uint64_t count) \
    {                                                                                          \
        uint64_t sum = 0;                                                                      \
        for (uint64_t i = 0; i < count; i++) {                                                 \
            type value;                                                                        \
            memcpy(&value, bytes + i * sizeof(value), sizeof(value));                          \
            sum += (uint64_t)value;                                                            \
        }                                                                                      \
        return sum;                                                                            \
    }
DEFINE_INTEGER_SUM(i1, int8_t)
DEFINE_INTEGER_SUM(i2, int16_t)
DEFINE_INTEGER_SUM(i4, int32_t)
DEFINE_INTEGER_SUM(u1, uint8_t)
DEFINE_INTEGER_SUM(u2, uint16_t)
DEFINE_INTEGER_SUM(u4, uint32_t)
DEFINE_INTEGER_SUM(u8, uint64_t)

#define DEFINE_FLOAT_SUM(name, type)                                                         \
    FOR_EVERY_PROCESSOR static double sum_##name(const unsigned char *bytes, uint64_t count) \
    {                                                                                        \
        double lanes[LANES] = {0};                                                           \
        uint64_t i = 0;                                                                      \
        for (; i + LANES <= count; i += LANES) {                                             \
            for (int lane = 0; lane < LANES; lane++) {                                       \
                type value;                                                                  \
                memcpy(&value, bytes + (i + (uint64_t)lane) * sizeof(value), sizeof(value)); \
                lanes[lane] += (double)value;                                                \
            }                                                                                \
        }                                                                                    \
        double sum = 0;                                                                      \
        for (; i < count; i++) {                                                             \
            type value;                                                                      \
            memcpy(&value, bytes + i * sizeof(value), sizeof(value));                        \
            sum += (double)value;                                                            \
        }                                                                                    \
        for (int lane = 0; lane < LANES; lane++)                                             \
            sum += lanes[lane];                                                              \
        return sum;                                                                          \
    }
DEFINE_FLOAT_SUM(f4, float)
DEFINE_FLOAT_SUM(f8, double)

FOR_EVERY_PROCESSOR static double dot_f8(const double *a, const double *b, uint64_t count)
{
    double lanes[LANES] = {0};
    uint64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        for (int lane = 0; lane < LANES; lane++)
            lanes[lane] += a[i + (uint64_t)lane] * b[i + (uint64_t)lane];
    }
    double sum = 0;
    for (; i < count; i++)
        sum += a[i] * b[i];
    for (int lane = 0; lane < LANES; lane++)
        sum += lanes[lane];
    return sum;
}

static uint64_t sum_integers(enum marray_type type, const unsigned char *bytes, uint64_t count)
{
    switch (type) {
    case MARRAY_I1:
        return sum_i1(bytes, count);
    case MARRAY_I2:
        return sum_i2(bytes, count);
    case MARRAY_I4:
        return sum_i4(bytes, count);
    case MARRAY_U1:
        return sum_u1(bytes, count);
    case MARRAY_U2:
        return sum_u2(bytes, count);
    case MARRAY_U4:
        return sum_u4(bytes, count);
    default: /* signed ones wrap alike */
        return sum_u8(bytes, count);
    }
}

/* ---- The elements of a view, run by run ---- */

struct reduction {
    const struct marray *array;
    enum kind kind;
    bool direct; /* runs are added up where they stand */
    struct marray_dtype wide;
    uint64_t integers;
    struct exact_sum floats;
    union number least, most;
    bool is_undefined; /* a NaN was met */
    void (*take_block)(struct reduction *reduction, const union number *block, uint64_t count);
};

static void sum_run(struct reduction *reduction, const unsigned char *bytes, uint64_t count)
{
    enum marray_type type = reduction->array->dtype.type;
    if (reduction->kind != KIND_FLOAT) {
        reduction->integers += sum_integers(type, bytes, count);
        return;
    }
    for (uint64_t done = 0; done < count; done += PART_ITEMS) {
        uint64_t part = count - done < PART_ITEMS ? count - done : PART_ITEMS;
        const unsigned char *first = bytes + done * reduction->array->dtype.item_bytes;
        add_exactly(&reduction->floats,
                    type == MARRAY_F4 ? sum_f4(first, part) : sum_f8(first, part));
    }
}

static void sum_block(struct reduction *reduction, const union number *block, uint64_t count)
{
    if (reduction->kind == KIND_FLOAT)
        add_exactly(&reduction->floats, sum_f8((const unsigned char *)block, count));
    else
        reduction->integers += sum_u8((const unsigned char *)block, count);
}

static void extremes_of_block(struct reduction *reduction, const union number *block,
                              uint64_t count)
{
    union number *least = &reduction->least;
    union number *most = &reduction->most;
#define EXTREMES(member)                     \
    for (uint64_t i = 0; i < count; i++) {   \
        if (block[i].member < least->member) \
            least->member = block[i].member; \
        if (block[i].member > most->member)  \
            most->member = block[i].member;  \
    }
    if (reduction->kind == KIND_SIGNED) {
        EXTREMES(as_signed)
    } else if (reduction->kind == KIND_UNSIGNED) {
        EXTREMES(as_unsigned)
    } else {
        for (uint64_t i = 0; i < count; i++)
            reduction->is_undefined |= __builtin_isnan(block[i].as_float) != 0;
        EXTREMES(as_float)
    }
#undef EXTREMES
}

static void take_run(struct reduction *reduction, const unsigned char *elements, int64_t stride,
                     uint64_t count)
{
    const struct marray_dtype *dtype = &reduction->array->dtype;
    if (reduction->direct && stride == dtype->item_bytes) {
        sum_run(reduction, elements, count);
        return;
    }
    union number block[BLOCK_ITEMS];
    for (uint64_t done = 0; done < count; done += BLOCK_ITEMS) {
        uint64_t part = count - done < BLOCK_ITEMS ? count - done : BLOCK_ITEMS;
        /* Numbers into wider ones cannot fail. */
        (void)marray_convert(dtype, elements + (int64_t)done * stride, stride, &reduction->wide,
                             (unsigned char *)block, sizeof(block[0]), part);
        reduction->take_block(reduction, block, part);
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

static int begin(struct reduction *reduction, const struct marray *array)
{
    *reduction = (struct reduction){.array = array, .kind = kind_of(&array->dtype)};
    if (reduction->kind == KIND_NONE)
        return marray_fail(array->message, -ENOTSUP,
                           "'%s': elements of %.200s are neither integers, bools nor real numbers",
                           MARRAY_PATH(array), marray_dtype_descr(&array->dtype));
    return marray_dtype_parse(kind_names[reduction->kind], &reduction->wide, array->message);
}

/* *result of dtype (NULL: the one given) from the wide value. */
static int deliver(const struct reduction *reduction, const char *dtype, union number value,
                   void *result)
{
    const struct marray *array = reduction->array;
    struct marray_dtype wanted;
    int status = marray_dtype_parse(dtype, &wanted, array->message);
    if (status)
        return status;
    status = marray_check_conversion(array, &reduction->wide, &wanted);
    if (!status)
        status = marray_convert(&reduction->wide, (const unsigned char *)&value, sizeof(value),
                                &wanted, result, wanted.item_bytes, 1);
    marray_dtype_release(&wanted);
    return status;
}

static union number total_of(const struct reduction *reduction)
{
    union number total = {.as_unsigned = reduction->integers};
    if (reduction->kind == KIND_FLOAT)
        total.as_float = reduction->floats.sum + reduction->floats.lost;
    return total;
}

int marray_sum(const struct marray *array, const char *dtype, void *sum)
{
    struct reduction reduction;
    int status = begin(&reduction, array);
    if (status)
        return status;
    enum marray_type type = array->dtype.type;
    reduction.direct = !array->dtype.swapped && type != MARRAY_F2 && type != MARRAY_B1;
    reduction.take_block = sum_block;
    if (array->length > 0)
        status = marray_guard_bulk(array, take_all, &reduction);
    return status ? status
                  : deliver(&reduction, dtype ? dtype : kind_names[reduction.kind],
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
    reduction->take_block = extremes_of_block;
    switch (reduction->kind) {
    case KIND_SIGNED:
        reduction->least.as_signed = INT64_MAX;
        reduction->most.as_signed = INT64_MIN;
        break;
    case KIND_UNSIGNED:
        reduction->least.as_unsigned = UINT64_MAX;
        break;
    default:
        reduction->least.as_float = INFINITY;
        reduction->most.as_float = -INFINITY;
    }
    status = marray_guard_bulk(array, take_all, reduction);
    if (!status && reduction->is_undefined) {
        reduction->least.as_float = NAN;
        reduction->most.as_float = NAN;
    }
    return status;
}

int marray_min(const struct marray *array, const char *dtype, void *least)
{
    struct reduction reduction;
    int status = find_extremes(array, &reduction);
    return status ? status
                  : deliver(&reduction, dtype ? dtype : marray_dtype_descr(&array->dtype),
                            reduction.least, least);
}

int marray_max(const struct marray *array, const char *dtype, void *greatest)
{
    struct reduction reduction;
    int status = find_extremes(array, &reduction);
    return status ? status
                  : deliver(&reduction, dtype ? dtype : marray_dtype_descr(&array->dtype),
                            reduction.most, greatest);
}

/* ---- Dot ---- */

struct product {
    struct reduction *reduction; /* of a: its kind and wide dtype are those of the product */
    const struct marray *a, *b;
};

/* Guarded. */
static int multiply_all(void *context)
{
    const struct product *product = context;
    struct reduction *reduction = product->reduction;
    const struct marray *a = product->a;
    const struct marray *b = product->b;
    union number left[BLOCK_ITEMS];
    union number right[BLOCK_ITEMS];
    for (uint64_t done = 0; done < a->length; done += BLOCK_ITEMS) {
        uint64_t part = a->length - done < BLOCK_ITEMS ? a->length - done : BLOCK_ITEMS;
        (void)marray_convert(&a->dtype, a->data + (int64_t)done * a->strides[0], a->strides[0],
                             &reduction->wide, (unsigned char *)left, sizeof(left[0]), part);
        (void)marray_convert(&b->dtype, b->data + (int64_t)done * b->strides[0], b->strides[0],
                             &reduction->wide, (unsigned char *)right, sizeof(right[0]), part);
        if (reduction->kind == KIND_FLOAT) {
            add_exactly(&reduction->floats, dot_f8(&left->as_float, &right->as_float, part));
            continue;
        }
        for (uint64_t i = 0; i < part; i++)
            reduction->integers += left[i].as_unsigned * right[i].as_unsigned;
    }
    return 0;
}

/* What both can be multiplied in: floats if there are any, else signed if there are any. */
static enum kind common_kind(enum kind a, enum kind b)
{
    if (a == KIND_FLOAT || b == KIND_FLOAT)
        return KIND_FLOAT;
    return a == KIND_SIGNED || b == KIND_SIGNED ? KIND_SIGNED : KIND_UNSIGNED;
}

int marray_dot(const struct marray *a, const struct marray *b, const char *dtype, void *result)
{
    struct reduction reduction, other;
    int status = begin(&reduction, a);
    if (!status)
        status = begin(&other, b);
    if (status) {
        if (!a->message->text[0] || kind_of(&a->dtype) != KIND_NONE)
            *a->message = *b->message;
        return status;
    }
    if (a->dimensions != 1 || b->dimensions != 1 || a->length != b->length)
        return marray_fail(a->message, -EINVAL,
                           "'%s': a dot product needs two arrays of one axis and one length",
                           MARRAY_PATH(a));
    reduction.kind = common_kind(reduction.kind, other.kind);
    status = marray_dtype_parse(kind_names[reduction.kind], &reduction.wide, a->message);
    struct product product = {&reduction, a, b};
    if (!status && a->length > 0)
        status = marray_guard_both(a, b, multiply_all, &product);
    return status ? status
                  : deliver(&reduction, dtype ? dtype : kind_names[reduction.kind],
                            total_of(&reduction), result);
}
