/* Sums, extremes and dot products: every dtype, any layout, and what they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>

#include "tests/mapping/scratch.h"

enum { ITEMS = 4099 }; /* no multiple of any lane or block */

/* -50, -49 ... 50, -50 ...: fits every dtype but the unsigned, which get 0 to 100. */
static struct marray *open_numbers(struct scratch *scratch, const char *dtype, bool is_signed)
{
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, dtype, 1, SHAPE(ITEMS));
    int64_t values[ITEMS];
    for (int64_t i = 0; i < ITEMS; i++)
        values[i] = i % 101 - (is_signed ? 50 : 0);
    assert_int_equal(marray_write(array, "=i8", values, sizeof(values)), 0);
    return array;
}

static int64_t expected_sum(int64_t start, int64_t step, bool is_signed)
{
    int64_t sum = 0;
    for (int64_t i = start; i >= 0 && i < ITEMS; i += step)
        sum += i % 101 - (is_signed ? 50 : 0);
    return sum;
}

static int64_t sum_of(const struct marray *array)
{
    int64_t sum = INT64_MIN;
    assert_int_equal(marray_sum(array, "=i8", &sum), 0);
    return sum;
}

static void sums_are_those_of_any_dtype_order_and_stride(void **state)
{
    static const struct {
        const char *dtype;
        bool is_signed;
    } dtypes[] = {
        {"|i1", true},  {"<i2", true},  {">i2", true},  {"<i4", true},  {">i4", true},
        {"<i8", true},  {">i8", true},  {"|u1", false}, {"<u2", false}, {">u2", false},
        {"<u4", false}, {"<u8", false}, {">u8", false}, {"<f2", true},  {">f2", true},
        {"<f4", true},  {">f4", true},  {"<f8", true},  {">f8", true},
    };
    for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++) {
        bool is_signed = dtypes[i].is_signed;
        struct marray *array = open_numbers(*state, dtypes[i].dtype, is_signed);
        struct marray *third, *reversed;
        assert_int_equal(sum_of(array), expected_sum(0, 1, is_signed));
        const struct marray_slice every_third = MARRAY_RANGE(1, MARRAY_NONE, 3);
        const struct marray_slice backward = MARRAY_REVERSED;
        assert_int_equal(marray_slice(array, &every_third, 1, &third), 0);
        assert_int_equal(marray_slice(array, &backward, 1, &reversed), 0);
        assert_int_equal(sum_of(third), expected_sum(1, 3, is_signed));
        assert_int_equal(sum_of(reversed), expected_sum(0, 1, is_signed));
        marray_close(&reversed);
        marray_close(&third);
        marray_close(&array);
    }
}

static void sums_come_in_the_kind_that_the_elements_have(void **state)
{
    struct marray *array = open_numbers(*state, "|i1", true);
    int64_t sum = 0;
    assert_int_equal(marray_sum(array, NULL, &sum), 0);
    assert_int_equal(sum, expected_sum(0, 1, true));
    marray_close(&array);
    array = open_numbers(*state, "<f4", true);
    double real_sum = 0;
    assert_int_equal(marray_sum(array, NULL, &real_sum), 0);
    assert_true(real_sum == (double)expected_sum(0, 1, true));
    marray_close(&array);
}

static void a_sum_of_bools_counts_them(void **state)
{
    struct marray *array = scratch_open(*state, MARRAY_CREATE, "|b1", 1, SHAPE(ITEMS));
    const bool yes = true;
    struct marray *even;
    const struct marray_slice every_second = MARRAY_RANGE(0, MARRAY_NONE, 2);
    assert_int_equal(marray_slice(array, &every_second, 1, &even), 0);
    assert_int_equal(marray_fill(even, NULL, &yes), 0);
    assert_int_equal(sum_of(array), (ITEMS + 1) / 2);
    marray_close(&even);
    marray_close(&array);
}

static void integers_wrap_as_those_of_numpy(void **state)
{
    struct marray *array = scratch_open(*state, MARRAY_CREATE, "<i8", 1, SHAPE(3));
    const int64_t large = INT64_MAX;
    assert_int_equal(marray_fill(array, NULL, &large), 0);
    assert_int_equal(sum_of(array), (int64_t)((uint64_t)INT64_MAX * 3));
    marray_close(&array);
}

static void sums_of_floats_keep_what_rounding_would_lose(void **state)
{
    struct marray *array = scratch_open(*state, MARRAY_CREATE, "<f8", 1, SHAPE(5000));
    double values[5000] = {0};
    values[0] = 1e17;
    values[2048] = 1;
    values[4500] = -1e17;
    double sum = 0;
    assert_int_equal(marray_write(array, NULL, values, sizeof(values)), 0);
    assert_int_equal(marray_sum(array, NULL, &sum), 0);
    assert_true(sum == 1);
    values[1] = INFINITY;
    assert_int_equal(marray_write(array, NULL, values, sizeof(values)), 0);
    assert_int_equal(marray_sum(array, NULL, &sum), 0);
    assert_true(isinf(sum));
    marray_close(&array);
}

static void extremes_are_found_in_every_kind(void **state)
{
    const struct {
        const char *dtype;
        bool is_signed;
    } dtypes[] = {{">i2", true}, {"<u4", false}, {"<f8", true}, {"<f2", true}};
    for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++) {
        struct marray *array = open_numbers(*state, dtypes[i].dtype, dtypes[i].is_signed);
        int32_t least = 77, most = 77;
        assert_int_equal(marray_min(array, "=i4", &least), 0);
        assert_int_equal(marray_max(array, "=i4", &most), 0);
        assert_int_equal(least, dtypes[i].is_signed ? -50 : 0);
        assert_int_equal(most, dtypes[i].is_signed ? 50 : 100);
        marray_close(&array);
    }
    struct marray *array = scratch_open(*state, MARRAY_CREATE, "<i8", 1, SHAPE(2));
    const int64_t ends[] = {INT64_MIN, INT64_MAX};
    int64_t found = 0;
    assert_int_equal(marray_write(array, NULL, ends, sizeof(ends)), 0);
    assert_int_equal(marray_min(array, NULL, &found), 0);
    assert_true(found == INT64_MIN);
    assert_int_equal(marray_max(array, NULL, &found), 0);
    assert_true(found == INT64_MAX);
    marray_close(&array);
}

/* Of noise, in runs of any length, at any alignment and stride: what one comparison after the other
 * finds. */
static void extremes_of_strided_noise_are_those_of_a_plain_loop(void **state)
{
    static const int steps[] = {1, 2, 3, -1, -2, 7};
    for (int type = 0; type < 2; type++) {
        struct marray_spec spec =
            scratch_spec(*state, MARRAY_CREATE, type ? "<f4" : "<f8", 1, SHAPE(ITEMS));
        struct marray *array;
        spec.offset_bytes = 3;
        assert_int_equal(marray_open_memfd("noise", &spec, &array), 0);
        double values[ITEMS];
        for (uint64_t i = 0; i < ITEMS; i++)
            values[i] = (double)(int64_t)(i * UINT64_C(0x9e3779b97f4a7c15)) * 0x1p-60;
        values[17] = INFINITY;
        assert_int_equal(marray_write(array, "=f8", values, sizeof(values)), 0);
        for (int64_t start = 0; start < 100; start++) {
            int64_t step = steps[start % 6];
            int64_t stop = step > 0 ? start + 1 + start * 31 : MARRAY_NONE;
            const struct marray_slice part = MARRAY_RANGE(start, stop, step);
            struct marray *view;
            assert_int_equal(marray_slice(array, &part, 1, &view), 0);
            double expected_least = INFINITY, expected_most = -INFINITY, least = 0, most = 0;
            for (int64_t i = 0; i < (int64_t)marray_length(view); i++) {
                double value = 0;
                assert_int_equal(marray_get(view, &i, "=f8", &value), 0);
                expected_least = value < expected_least ? value : expected_least;
                expected_most = value > expected_most ? value : expected_most;
            }
            assert_int_equal(marray_min(view, "=f8", &least), 0);
            assert_int_equal(marray_max(view, "=f8", &most), 0);
            assert_true(least == expected_least && most == expected_most);
            marray_close(&view);
        }
        marray_close(&array);
    }
}

/* Of either sign, wherever it stands and in every float. */
static void a_nan_makes_the_extremes_nan(void **state)
{
    static const char *const dtypes[] = {"<f2", "<f4", ">f4", "<f8", ">f8"};
    for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++) {
        struct marray *array = open_numbers(*state, dtypes[i], true);
        for (int64_t place = 0; place < ITEMS; place += 409) {
            const double undefined = place % 2 ? NAN : -NAN;
            double least = 0, most = 0, before = 0;
            assert_int_equal(marray_get(array, &place, "=f8", &before), 0);
            assert_int_equal(marray_set(array, &place, "=f8", &undefined), 0);
            assert_int_equal(marray_min(array, "=f8", &least), 0);
            assert_int_equal(marray_max(array, "=f8", &most), 0);
            assert_true(isnan(least) && isnan(most));
            assert_int_equal(marray_set(array, &place, "=f8", &before), 0);
        }
        marray_close(&array);
    }
}

static void dot_products_of_one_type_are_those_of_its_numbers(void **state)
{
    static const char *const dtypes[] = {"|i1", "<i2", ">i2", "<i4", "<i8", "|u1",
                                         "<u2", "<u4", "<u8", "<f2", "<f4", "<f8"};
    for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++) {
        bool is_signed = dtypes[i][1] != 'u';
        struct marray *array = open_numbers(*state, dtypes[i], is_signed);
        struct marray *even, *odd;
        const struct marray_slice from_0 = MARRAY_RANGE(0, ITEMS - 1, 2);
        const struct marray_slice from_1 = MARRAY_RANGE(1, ITEMS, 2);
        assert_int_equal(marray_slice(array, &from_0, 1, &even), 0);
        assert_int_equal(marray_slice(array, &from_1, 1, &odd), 0);
        int64_t squares = 0, neighbours = 0, expected_squares = 0, expected_neighbours = 0;
        for (int64_t k = 0; k < ITEMS; k++) {
            int64_t value = k % 101 - (is_signed ? 50 : 0);
            int64_t next = (k + 1) % 101 - (is_signed ? 50 : 0);
            expected_squares += value * value;
            if (k % 2 == 0 && k + 1 < ITEMS)
                expected_neighbours += value * next;
        }
        assert_int_equal(marray_dot(array, array, "=i8", &squares), 0);
        assert_int_equal(marray_dot(even, odd, "=i8", &neighbours), 0);
        assert_int_equal(squares, expected_squares);
        assert_int_equal(neighbours, expected_neighbours);
        marray_close(&odd);
        marray_close(&even);
        marray_close(&array);
    }
}

static void dot_products_mix_dtypes_and_strides(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = open_numbers(scratch, ">i4", true);
    struct marray *reversed;
    const struct marray_slice backward = MARRAY_REVERSED;
    assert_int_equal(marray_slice(array, &backward, 1, &reversed), 0);
    int64_t expected = 0;
    for (int64_t i = 0; i < ITEMS; i++)
        expected += (i % 101 - 50) * ((ITEMS - 1 - i) % 101 - 50);
    int64_t product = 0;
    double real_product = 0;
    assert_int_equal(marray_dot(array, reversed, NULL, &product), 0);
    assert_int_equal(product, expected);
    struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, "<f4", 1, SHAPE(ITEMS));
    struct marray *ones = NULL;
    const double one = 1;
    assert_int_equal(marray_open_memfd("ones", &spec, &ones), 0);
    assert_int_equal(marray_fill(ones, "=f8", &one), 0);
    assert_int_equal(marray_dot(array, ones, NULL, &real_product), 0);
    assert_true(real_product == (double)expected_sum(0, 1, true));
    marray_close(&ones);
    marray_close(&reversed);
    marray_close(&array);
}

static void what_cannot_be_reduced_is_refused(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<c8", 1, SHAPE(4));
    double value = 7;
    assert_int_equal(marray_sum(array, NULL, &value), -ENOTSUP);
    assert_non_null(strstr(marray_message(array), "<c8"));
    marray_close(&array);
    array = scratch_open(scratch, MARRAY_CREATE, "<f8", 2, SHAPE(0, 4));
    assert_int_equal(marray_sum(array, NULL, &value), 0);
    assert_true(value == 0);
    assert_int_equal(marray_min(array, NULL, &value), -EINVAL);
    assert_int_equal(marray_dot(array, array, NULL, &value), -EINVAL);
    assert_int_equal(marray_sum(array, "nonsense", &value), -EINVAL);
    marray_close(&array);
}

/* Rows of a matrix that stand pages apart are read ahead; what is read is the same. */
static void rows_that_stand_apart_are_copied_whole(void **state)
{
    struct scratch *scratch = *state;
    enum { ROWS = 700, COLUMNS = 4096, FIRST = 1000, LAST = 1600 };
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i4", 2, SHAPE(ROWS, COLUMNS));
    struct marray *tile;
    const struct marray_slice part[] = {MARRAY_REVERSED, MARRAY_RANGE(FIRST, LAST, 1)};
    assert_int_equal(marray_slice(array, part, 2, &tile), 0);
    int32_t(*values)[LAST - FIRST] = calloc(ROWS, sizeof(*values));
    int32_t(*back)[LAST - FIRST] = calloc(ROWS, sizeof(*back));
    assert_true(values && back);
    for (int32_t i = 0; i < ROWS; i++) {
        for (int32_t j = 0; j < LAST - FIRST; j++)
            values[i][j] = i * 10000 + j;
    }
    assert_int_equal(marray_write(tile, NULL, values, ROWS * sizeof(*values)), 0);
    assert_int_equal(marray_flush_view(tile, MARRAY_FLUSH_DATA), 0);
    (void)marray_advise(array, MARRAY_ADVICE_PAGEOUT);
    assert_int_equal(marray_read(tile, NULL, back, ROWS * sizeof(*back)), 0);
    assert_memory_equal(values, back, ROWS * sizeof(*values));
    int32_t corner;
    const int64_t last_row[] = {ROWS - 1, FIRST};
    assert_int_equal(marray_get(array, last_row, NULL, &corner), 0);
    assert_int_equal(corner, 0);
    free(back);
    free(values);
    marray_close(&tile);
    marray_close(&array);
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(sums_are_those_of_any_dtype_order_and_stride),
        SCRATCH_TEST(sums_come_in_the_kind_that_the_elements_have),
        SCRATCH_TEST(a_sum_of_bools_counts_them),
        SCRATCH_TEST(integers_wrap_as_those_of_numpy),
        SCRATCH_TEST(sums_of_floats_keep_what_rounding_would_lose),
        SCRATCH_TEST(extremes_are_found_in_every_kind),
        SCRATCH_TEST(extremes_of_strided_noise_are_those_of_a_plain_loop),
        SCRATCH_TEST(a_nan_makes_the_extremes_nan),
        SCRATCH_TEST(dot_products_of_one_type_are_those_of_its_numbers),
        SCRATCH_TEST(dot_products_mix_dtypes_and_strides),
        SCRATCH_TEST(what_cannot_be_reduced_is_refused),
        SCRATCH_TEST(rows_that_stand_apart_are_copied_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
