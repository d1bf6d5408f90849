/* Conversion kernels: vector loops come to what one element at a time does, whatever the length,
 * stride and alignment; halves are rounded as arithmetic says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>
#include <stdbool.h>

#include "common/random.h"
#include "mapping/convert.h"
#include "mapping/half.h"

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

enum {
    LONGEST = 150, /* more than two vectors of the smallest elements */
    WIDEST = 16,
    REACH = 3, /* elements between two that are taken, at most */
    SPACE = LONGEST * WIDEST * REACH + 64,
    HALVES = 65536
};

static const char *const dtypes[] = {"|b1", "|i1", "<i2", ">i2", "<i4", ">i4", "<i8",  ">i8",
                                     "|u1", "<u2", ">u2", "<u4", ">u4", "<u8", ">u8",  "<f2",
                                     ">f2", "<f4", ">f4", "<f8", ">f8", "<c8", ">c16", "<m8[s]"};

/* The sign apart; of numbers only. */
static double value_of_half(unsigned half)
{
    int exponent = (int)(half >> 10 & 0x1f);
    int fraction = (int)(half & 0x3ff);
    if (exponent == 0)
        return ldexp(fraction, -24);
    if (exponent == 31)
        return fraction ? NAN : INFINITY;
    return ldexp(1024 + fraction, exponent - 25);
}

static void every_half_is_the_number_that_its_bits_say(void **state)
{
    (void)state;
    for (unsigned half = 0; half < HALVES; half++) {
        double magnitude = value_of_half(half);
        double expected = half & 0x8000 ? -magnitude : magnitude;
        float narrow = marray_half_to_float((uint16_t)half);
        double wide = marray_half_to_double((uint16_t)half);
        if (isnan(expected)) {
            assert_true(isnan(narrow) && isnan(wide));
            continue;
        }
        assert_true(wide == expected && (double)narrow == expected);
        assert_true(!signbit(wide) == !(half & 0x8000) && !signbit(narrow) == !(half & 0x8000));
    }
}

/* Of every half, NaNs with their payloads too: the conversions are each other's inverse. */
static void every_half_comes_back(void **state)
{
    (void)state;
    for (unsigned half = 0; half < HALVES; half++) {
        assert_int_equal(marray_half_from_float(marray_half_to_float((uint16_t)half)), half);
        assert_int_equal(marray_half_from_double(marray_half_to_double((uint16_t)half)), half);
    }
}

static void check_rounding(double value, unsigned expected)
{
    assert_int_equal(marray_half_from_double(value), expected);
    assert_int_equal(marray_half_from_double(-value), expected | 0x8000);
}

/* Between two neighbours: exactly in the middle, and as little above and below as there is. */
static void numbers_between_halves_go_to_the_nearest_and_ties_to_even(void **state)
{
    (void)state;
    for (unsigned half = 0; half < 0x7c00; half++) {
        /* Beyond the greatest, infinity stands where the next one would. */
        double next = half == 0x7bff ? 65536.0 : value_of_half(half + 1);
        double middle = (value_of_half(half) + next) / 2;
        unsigned even = half % 2 == 0 ? half : half + 1;
        check_rounding(middle, even);
        check_rounding(nextafter(middle, 0), half);
        check_rounding(nextafter(middle, INFINITY), half + 1);
        /* Every middle is a float, and the least step from it another one. */
        float narrow = (float)middle;
        assert_true((double)narrow == middle);
        assert_int_equal(marray_half_from_float(narrow), even);
        assert_int_equal(marray_half_from_float(nextafterf(narrow, 0)), half);
        assert_int_equal(marray_half_from_float(nextafterf(narrow, INFINITY)), half + 1);
    }
    check_rounding(INFINITY, 0x7c00);
    check_rounding(1e300, 0x7c00);
    check_rounding(5e-324, 0);
    assert_int_equal(marray_half_from_float(0x1p-149F), 0);
    assert_int_equal(marray_half_from_float(3e38F), 0x7c00);
}

/* A NaN whose payload is below what a half keeps is one still. */
static void no_nan_becomes_infinite(void **state)
{
    (void)state;
    const uint32_t narrow_bits = 0xff800001;
    const uint64_t wide_bits = UINT64_C(0x7ff0000000000001);
    float narrow;
    double wide;
    memcpy(&narrow, &narrow_bits, sizeof(narrow));
    memcpy(&wide, &wide_bits, sizeof(wide));
    assert_int_equal(marray_half_from_double(wide), 0x7c01);
    assert_int_equal(marray_half_from_float(narrow), 0xfc01);
}

struct pair {
    struct marray_dtype source, target;
    unsigned char source_bytes[SPACE], target_bytes[SPACE], expected[SPACE];
};

/* Random bits, which are NaNs, infinities and numbers beyond every integer; and between them floats
 * that integers and halves can hold. */
static void fill_with_noise(unsigned char *bytes, bool swapped, uint64_t seed)
{
    for (size_t i = 0; i < SPACE / sizeof(uint64_t); i++) {
        uint64_t word = mm_random_mix(seed + i);
        if (i % 2)
            word = (word & UINT64_C(0x800fffffffffffff)) + ((0x3d0 + word % 0x70) << 52);
        if (swapped)
            word = __builtin_bswap64(word);
        memcpy(bytes + i * sizeof(word), &word, sizeof(word));
    }
}

/* The first element such that all of them are in the space, at an address of that alignment. */
static unsigned char *first_of(unsigned char *space, int64_t stride, uint64_t count, size_t shift)
{
    int64_t back = stride < 0 ? -stride * (int64_t)(count > 0 ? count - 1 : 0) : 0;
    return space + back + shift;
}

static void check_pair(struct pair *pair, int64_t source_step, int64_t target_step, uint64_t count,
                       size_t shift)
{
    int64_t source_stride = source_step * pair->source.item_bytes;
    int64_t target_stride = target_step * pair->target.item_bytes;
    const unsigned char *source = first_of(pair->source_bytes, source_stride, count, shift);
    memset(pair->target_bytes, 0xa5, SPACE);
    memset(pair->expected, 0xa5, SPACE);
    assert_int_equal(marray_convert(&pair->source, source, source_stride, &pair->target,
                                    first_of(pair->target_bytes, target_stride, count, 31 - shift),
                                    target_stride, count),
                     0);
    unsigned char *expected = first_of(pair->expected, target_stride, count, 31 - shift);
    for (uint64_t i = 0; i < count; i++) {
        assert_int_equal(marray_convert(&pair->source, source + (int64_t)i * source_stride, 0,
                                        &pair->target, expected + (int64_t)i * target_stride, 0, 1),
                         0);
    }
    if (memcmp(pair->target_bytes, pair->expected, SPACE))
        fail_msg("%s to %s, %d elements of steps %d and %d, shifted %zu", pair->source.descr,
                 pair->target.descr, (int)count, (int)source_step, (int)target_step, shift);
}

static void check_layouts(struct pair *pair)
{
    static const int steps[][2] = {{1, 1},  {-1, 1}, {1, -1}, {-1, -1}, {2, 1},
                                   {1, -3}, {3, -2}, {-2, 2}, {0, 1},   {0, 3}};
    static const uint64_t lengths[] = {0,  1,  2,  3,  4,  5,  7,  8,  9,   15,     16,
                                       17, 31, 32, 33, 63, 64, 65, 67, 129, LONGEST};
    for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
        for (size_t j = 0; j < ARRAY_LENGTH(lengths); j++)
            check_pair(pair, steps[i][0], steps[i][1], lengths[j], (i * 7 + j * 5) % 32);
    }
}

static void loops_come_to_what_single_elements_do(void **state)
{
    (void)state;
    static struct pair pair;
    struct marray_message message;
    for (size_t i = 0; i < ARRAY_LENGTH(dtypes); i++) {
        assert_int_equal(marray_dtype_parse(dtypes[i], &pair.source, &message), 0);
        fill_with_noise(pair.source_bytes, pair.source.swapped, 20261124 + i * SPACE);
        for (size_t j = 0; j < ARRAY_LENGTH(dtypes); j++) {
            assert_int_equal(marray_dtype_parse(dtypes[j], &pair.target, &message), 0);
            check_layouts(&pair);
        }
    }
}

/* Longer than a block, with which byte order, strides and halves go through buffers. */
static void blocks_join(void **state)
{
    (void)state;
    enum { COUNT = 2500 };
    static double source[COUNT], back[COUNT];
    static uint16_t halves[2 * COUNT];
    struct marray_dtype wide, narrow;
    struct marray_message message;
    assert_int_equal(marray_dtype_parse(">f8", &wide, &message), 0);
    assert_int_equal(marray_dtype_parse(">f2", &narrow, &message), 0);
    for (unsigned i = 0; i < COUNT; i++) {
        uint64_t bits;
        const double value = value_of_half(i);
        memcpy(&bits, &value, sizeof(bits));
        bits = __builtin_bswap64(bits);
        memcpy(&source[i], &bits, sizeof(bits));
    }
    unsigned char *last = (unsigned char *)&halves[2 * COUNT - 2];
    assert_int_equal(marray_convert(&wide, (unsigned char *)source, 8, &narrow, last, -4, COUNT),
                     0);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(__builtin_bswap16(halves[2 * (COUNT - 1 - i)]), i);
        assert_int_equal(halves[2 * i + 1], 0);
    }
    assert_int_equal(marray_convert(&narrow, last, -4, &wide, (unsigned char *)back, 8, COUNT), 0);
    assert_memory_equal(source, back, sizeof(source));
}

static void floats_that_no_integer_holds_give_the_number_of_x86(void **state)
{
    (void)state;
    static const struct {
        double value;
        int32_t narrow;
        int64_t wide;
        uint64_t wide_unsigned;
    } cases[] = {
        {NAN, INT32_MIN, INT64_MIN, UINT64_C(1) << 63},
        {INFINITY, INT32_MIN, INT64_MIN, 0},
        {-INFINITY, INT32_MIN, INT64_MIN, UINT64_C(1) << 63},
        {2147483647.5, INT32_MAX, 2147483647, 2147483647},
        {2147483648.0, INT32_MIN, 2147483648, 2147483648},
        {-2147483648.5, INT32_MIN, -2147483648, (uint64_t)-2147483648},
        {-1.5, -1, -1, UINT64_MAX},
        {0x1p63, INT32_MIN, INT64_MIN, UINT64_C(1) << 63},
        {0x1.8p63, INT32_MIN, INT64_MIN, UINT64_C(3) << 62},
        {0x1p64, INT32_MIN, INT64_MIN, 0},
    };
    struct marray_dtype real, narrow, wide, wide_unsigned;
    struct marray_message message;
    assert_int_equal(marray_dtype_parse("=f8", &real, &message), 0);
    assert_int_equal(marray_dtype_parse("=i4", &narrow, &message), 0);
    assert_int_equal(marray_dtype_parse("=i8", &wide, &message), 0);
    assert_int_equal(marray_dtype_parse("=u8", &wide_unsigned, &message), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const unsigned char *value = (const unsigned char *)&cases[i].value;
        /* So many that vector instructions take them. */
        int32_t narrows[64];
        int64_t wides[64];
        uint64_t unsigneds[64];
        assert_int_equal(marray_convert(&real, value, 0, &narrow, (unsigned char *)narrows, 4, 64),
                         0);
        assert_int_equal(marray_convert(&real, value, 0, &wide, (unsigned char *)wides, 8, 64), 0);
        assert_int_equal(
            marray_convert(&real, value, 0, &wide_unsigned, (unsigned char *)unsigneds, 8, 64), 0);
        for (int k = 0; k < 64; k++) {
            assert_int_equal(narrows[k], cases[i].narrow);
            assert_true(wides[k] == cases[i].wide);
            assert_true(unsigneds[k] == cases[i].wide_unsigned);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_is_the_number_that_its_bits_say),
        cmocka_unit_test(every_half_comes_back),
        cmocka_unit_test(numbers_between_halves_go_to_the_nearest_and_ties_to_even),
        cmocka_unit_test(no_nan_becomes_infinite),
        cmocka_unit_test(loops_come_to_what_single_elements_do),
        cmocka_unit_test(blocks_join),
        cmocka_unit_test(floats_that_no_integer_holds_give_the_number_of_x86),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
