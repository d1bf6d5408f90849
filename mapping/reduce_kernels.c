/* Sums, extremes and products of runs: a vector loop for elements side by side, one with
 * independent partial results for all others. */
#include "mapping/reduce_kernels.h"

#include <string.h>

#include "mapping/processor.h"

/* Independent partial results, so that one addition need not wait for the last. Strided elements
 * come one by one: more results than registers would be slower. */
#define LANES         16
#define STRIDED_LANES 8

/* The element as `type` at that place; memcpy of a constant size is one load. */
#define LOAD(type, value, address) \
    type value;                    \
    memcpy(&(value), (address), sizeof(value))

/* Runs step(value, lane) for all elements, as many lanes as the constant says. */
#define EACH_STRIDED(type, elements, stride, count, step)      \
    uint64_t i = 0;                                            \
    for (; i + STRIDED_LANES <= (count); i += STRIDED_LANES) { \
        for (int lane = 0; lane < STRIDED_LANES; lane++) {     \
            LOAD(type, value, (elements) + lane * (stride));   \
            step(value, lane);                                 \
        }                                                      \
        (elements) += STRIDED_LANES * (stride);                \
    }                                                          \
    for (; i < (count); i++, (elements) += (stride)) {         \
        LOAD(type, value, elements);                           \
        step(value, 0);                                        \
    }

/* ---- Sums ---- */

#define DEFINE_SUM_OF_INTEGERS(name, type)                                                     \
    MARRAY_FOR_EVERY_PROCESSOR static uint64_t sum_dense_##name(const unsigned char *elements, \
                                                                uint64_t count)                \
    {                                                                                          \
        uint64_t sum = 0;                                                                      \
        for (uint64_t i = 0; i < count; i++) {                                                 \
            LOAD(type, value, elements + i * sizeof(type));                                    \
            sum += (uint64_t)value;                                                            \
        }                                                                                      \
        return sum;                                                                            \
    }                                                                                          \
    static uint64_t sum_##name(const unsigned char *elements, int64_t stride, uint64_t count)  \
    {                                                                                          \
        if (stride == sizeof(type))                                                            \
            return sum_dense_##name(elements, count);                                          \
        uint64_t lanes[STRIDED_LANES] = {0};                                                   \
        EACH_STRIDED(type, elements, stride, count, ADD_INTEGER)                               \
        uint64_t sum = 0;                                                                      \
        for (int lane = 0; lane < STRIDED_LANES; lane++)                                       \
            sum += lanes[lane];                                                                \
        return sum;                                                                            \
    }
#define ADD_INTEGER(value, lane) lanes[lane] += (uint64_t)(value)

#define DEFINE_SUM_OF_FLOATS(name, type)                                                     \
    MARRAY_FOR_EVERY_PROCESSOR static double sum_dense_##name(const unsigned char *elements, \
                                                              uint64_t count)                \
    {                                                                                        \
        double lanes[LANES] = {0};                                                           \
        uint64_t i = 0;                                                                      \
        for (; i + LANES <= count; i += LANES) {                                             \
            for (int lane = 0; lane < LANES; lane++) {                                       \
                LOAD(type, value, elements + (i + (uint64_t)lane) * sizeof(type));           \
                lanes[lane] += (double)value;                                                \
            }                                                                                \
        }                                                                                    \
        double sum = 0;                                                                      \
        for (; i < count; i++) {                                                             \
            LOAD(type, value, elements + i * sizeof(type));                                  \
            sum += (double)value;                                                            \
        }                                                                                    \
        for (int lane = 0; lane < LANES; lane++)                                             \
            sum += lanes[lane];                                                              \
        return sum;                                                                          \
    }                                                                                        \
    static double sum_##name(const unsigned char *elements, int64_t stride, uint64_t count)  \
    {                                                                                        \
        if (stride == sizeof(type))                                                          \
            return sum_dense_##name(elements, count);                                        \
        double lanes[STRIDED_LANES] = {0};                                                   \
        EACH_STRIDED(type, elements, stride, count, ADD_FLOAT)                               \
        double sum = 0;                                                                      \
        for (int lane = 0; lane < STRIDED_LANES; lane++)                                     \
            sum += lanes[lane];                                                              \
        return sum;                                                                          \
    }
#define ADD_FLOAT(value, lane) lanes[lane] += (double)(value)

/* ---- Extremes ---- */

/* step(value) sets `key`, by which elements are compared; merge() takes the extremes of a run over.
 */
#define DEFINE_EXTREMES(name, type, begin, step, merge)                                  \
    MARRAY_FOR_EVERY_PROCESSOR static void extremes_##name(                              \
        struct marray_extremes *extremes, const unsigned char *elements, uint64_t count) \
    {                                                                                    \
        begin(type);                                                                     \
        for (uint64_t i = 0; i < count; i++) {                                           \
            LOAD(type, value, elements + i * sizeof(type));                              \
            step(value);                                                                 \
        }                                                                                \
        merge(type);                                                                     \
    }

#define BEGIN_INTEGERS(type)     \
    LOAD(type, least, elements); \
    type most = least
#define STEP_INTEGERS(value)                   \
    least = (value) < least ? (value) : least; \
    most = (value) > most ? (value) : most
#define MERGE_INTEGERS(member)          \
    if (least < extremes->least.member) \
        extremes->least.member = least; \
    if (most > extremes->most.member)   \
    extremes->most.member = most
#define MERGE_SIGNED(type)   MERGE_INTEGERS(as_signed)
#define MERGE_UNSIGNED(type) MERGE_INTEGERS(as_unsigned)

/*
 * Floats are compared as integers: their bits are in the order of the numbers but for those of
 * negative ones, which are turned round. Vectors of integers may be compared in any order, which
 * the rules of NaNs forbid for floats; a NaN is what has a magnitude above that of infinity.
 */
#define BEGIN_FLOATS(type)        \
    LOAD(type, least, elements);  \
    least = ORDERED(type, least); \
    type most = least;            \
    type magnitude = 0
#define MAXIMUM(type)       (sizeof(type) == 4 ? (type)INT32_MAX : (type)INT64_MAX)
#define ORDERED(type, bits) (type)((bits) ^ ((bits) < 0 ? MAXIMUM(type) : 0))
#define STEP_BITS(type, value)             \
    type key = ORDERED(type, value);       \
    type absolute = (value)&MAXIMUM(type); \
    least = key < least ? key : least;     \
    most = key > most ? key : most;        \
    magnitude = absolute > magnitude ? absolute : magnitude
#define STEP_F4(value) STEP_BITS(int32_t, value)
#define STEP_F8(value) STEP_BITS(int64_t, value)

static void merge_floats(struct marray_extremes *extremes, double least, double most,
                         bool is_undefined)
{
    if (least < extremes->least.as_float)
        extremes->least.as_float = least;
    if (most > extremes->most.as_float)
        extremes->most.as_float = most;
    extremes->is_undefined |= is_undefined;
}

static double float_of(int32_t key)
{
    float value;
    key = ORDERED(int32_t, key);
    memcpy(&value, &key, sizeof(value));
    return (double)value;
}

static double double_of(int64_t key)
{
    double value;
    key = ORDERED(int64_t, key);
    memcpy(&value, &key, sizeof(value));
    return value;
}

#define MERGE_F4(type) \
    merge_floats(extremes, float_of(least), float_of(most), magnitude > INT32_C(255) << 23)
#define MERGE_F8(type) \
    merge_floats(extremes, double_of(least), double_of(most), magnitude > INT64_C(2047) << 52)

/* ---- Dot products ---- */

#define DEFINE_DOT_OF_INTEGERS(name, type)                                                       \
    MARRAY_FOR_EVERY_PROCESSOR static uint64_t dot_dense_##name(                                 \
        const unsigned char *a, const unsigned char *b, uint64_t count)                          \
    {                                                                                            \
        uint64_t sum = 0;                                                                        \
        for (uint64_t i = 0; i < count; i++) {                                                   \
            LOAD(type, left, a + i * sizeof(type));                                              \
            LOAD(type, right, b + i * sizeof(type));                                             \
            sum += (uint64_t)left * (uint64_t)right;                                             \
        }                                                                                        \
        return sum;                                                                              \
    }                                                                                            \
    static uint64_t dot_##name(const unsigned char *a, int64_t a_stride, const unsigned char *b, \
                               int64_t b_stride, uint64_t count)                                 \
    {                                                                                            \
        if (a_stride == sizeof(type) && b_stride == sizeof(type))                                \
            return dot_dense_##name(a, b, count);                                                \
        uint64_t sum = 0;                                                                        \
        for (; count > 0; count--, a += a_stride, b += b_stride) {                               \
            LOAD(type, left, a);                                                                 \
            LOAD(type, right, b);                                                                \
            sum += (uint64_t)left * (uint64_t)right;                                             \
        }                                                                                        \
        return sum;                                                                              \
    }

#define DEFINE_DOT_OF_FLOATS(name, type)                                                       \
    MARRAY_FOR_EVERY_PROCESSOR static double dot_dense_##name(                                 \
        const unsigned char *a, const unsigned char *b, uint64_t count)                        \
    {                                                                                          \
        double lanes[LANES] = {0};                                                             \
        double sum = 0;                                                                        \
        uint64_t i = 0;                                                                        \
        for (; i + LANES <= count; i += LANES) {                                               \
            for (int lane = 0; lane < LANES; lane++) {                                         \
                LOAD(type, left, a + (i + (uint64_t)lane) * sizeof(type));                     \
                LOAD(type, right, b + (i + (uint64_t)lane) * sizeof(type));                    \
                lanes[lane] += (double)left * (double)right;                                   \
            }                                                                                  \
        }                                                                                      \
        for (; i < count; i++) {                                                               \
            LOAD(type, left, a + i * sizeof(type));                                            \
            LOAD(type, right, b + i * sizeof(type));                                           \
            sum += (double)left * (double)right;                                               \
        }                                                                                      \
        for (int lane = 0; lane < LANES; lane++)                                               \
            sum += lanes[lane];                                                                \
        return sum;                                                                            \
    }                                                                                          \
    static double dot_##name(const unsigned char *a, int64_t a_stride, const unsigned char *b, \
                             int64_t b_stride, uint64_t count)                                 \
    {                                                                                          \
        if (a_stride == sizeof(type) && b_stride == sizeof(type))                              \
            return dot_dense_##name(a, b, count);                                              \
        double lanes[STRIDED_LANES] = {0};                                                     \
        double sum = 0;                                                                        \
        for (uint64_t i = 0; i < count; i++, a += a_stride, b += b_stride) {                   \
            LOAD(type, left, a);                                                               \
            LOAD(type, right, b);                                                              \
            lanes[i % STRIDED_LANES] += (double)left * (double)right;                          \
        }                                                                                      \
        for (int lane = 0; lane < STRIDED_LANES; lane++)                                       \
            sum += lanes[lane];                                                                \
        return sum;                                                                            \
    }

/* ---- What there is ---- */

#define DEFINE_INTEGERS(name, type, merge)                            \
    DEFINE_SUM_OF_INTEGERS(name, type)                                \
    DEFINE_EXTREMES(name, type, BEGIN_INTEGERS, STEP_INTEGERS, merge) \
    DEFINE_DOT_OF_INTEGERS(name, type)
DEFINE_INTEGERS(i1, int8_t, MERGE_SIGNED)
DEFINE_INTEGERS(i2, int16_t, MERGE_SIGNED)
DEFINE_INTEGERS(i4, int32_t, MERGE_SIGNED)
DEFINE_INTEGERS(i8, int64_t, MERGE_SIGNED)
DEFINE_INTEGERS(u1, uint8_t, MERGE_UNSIGNED)
DEFINE_INTEGERS(u2, uint16_t, MERGE_UNSIGNED)
DEFINE_INTEGERS(u4, uint32_t, MERGE_UNSIGNED)
DEFINE_INTEGERS(u8, uint64_t, MERGE_UNSIGNED)
DEFINE_SUM_OF_FLOATS(f4, float)
DEFINE_SUM_OF_FLOATS(f8, double)
DEFINE_EXTREMES(f4, int32_t, BEGIN_FLOATS, STEP_F4, MERGE_F4)
DEFINE_EXTREMES(f8, int64_t, BEGIN_FLOATS, STEP_F8, MERGE_F8)
DEFINE_DOT_OF_FLOATS(f4, float)
DEFINE_DOT_OF_FLOATS(f8, double)

const struct marray_reduce_loops *marray_reduce_loops_of(enum marray_type type)
{
#define INTEGERS(name)                                                                      \
    {                                                                                       \
        .sum_integers = sum_##name, .extremes = extremes_##name, .dot_integers = dot_##name \
    }
#define FLOATS(name)                                                                    \
    {                                                                                   \
        .sum_floats = sum_##name, .extremes = extremes_##name, .dot_floats = dot_##name \
    }
    static const struct marray_reduce_loops loops[] = {
        [MARRAY_I1] = INTEGERS(i1), [MARRAY_I2] = INTEGERS(i2), [MARRAY_I4] = INTEGERS(i4),
        [MARRAY_I8] = INTEGERS(i8), [MARRAY_U1] = INTEGERS(u1), [MARRAY_U2] = INTEGERS(u2),
        [MARRAY_U4] = INTEGERS(u4), [MARRAY_U8] = INTEGERS(u8), [MARRAY_F4] = FLOATS(f4),
        [MARRAY_F8] = FLOATS(f8),
    };
#undef INTEGERS
#undef FLOATS
    return &loops[type];
}
