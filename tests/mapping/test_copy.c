/* Dense copies, conversions and fills, over every kind of stride. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "tests/mapping/scratch.h"

static void bytes_are_read_in_either_order(void **state)
{
    struct scratch *scratch = *state;
    const unsigned char bytes[] = {1, 2, 3, 4};
    int32_t values[2];
    scratch_write(scratch->path, bytes, 4);
    struct marray *array = scratch_open(scratch, MARRAY_READ, ">i2", 1, SHAPE(2));
    assert_int_equal(marray_read(array, "<i4", values, sizeof(values)), 0);
    assert_int_equal(values[0], 258);
    assert_int_equal(values[1], 772);
    marray_close(&array);
    array = scratch_open(scratch, MARRAY_READ, "<i2", 1, SHAPE(2));
    assert_int_equal(marray_read(array, "<i4", values, sizeof(values)), 0);
    assert_int_equal(values[0], 513);
    assert_int_equal(values[1], 1027);
    marray_close(&array);
}

static void a_fraction_is_cut_off_by_an_integer(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, ">i4", 1, SHAPE(2));
    const double values[] = {3.9, -3.9};
    assert_int_equal(marray_write(array, "<f8", values, sizeof(values)), 0);
    int32_t back[2];
    assert_int_equal(marray_read(array, "=i4", back, sizeof(back)), 0);
    assert_int_equal(back[0], 3);
    assert_int_equal(back[1], -3);
    const unsigned char *bytes = marray_data(array);
    assert_int_equal(bytes[3], 3);
    marray_close(&array);
}

static void integers_wrap_and_anything_but_zero_is_true(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "|u1", 1, SHAPE(4));
    const int64_t values[] = {-1, 256, 257, 0};
    assert_int_equal(marray_write(array, "<i8", values, sizeof(values)), 0);
    const unsigned char *bytes = marray_data(array);
    assert_int_equal(bytes[0], 255);
    assert_int_equal(bytes[1], 0);
    assert_int_equal(bytes[2], 1);
    marray_close(&array);
    array = scratch_open(scratch, MARRAY_CREATE, "|b1", 1, SHAPE(4));
    assert_int_equal(marray_write(array, "<i8", values, sizeof(values)), 0);
    bytes = marray_data(array);
    assert_memory_equal(bytes, ((unsigned char[]){1, 1, 1, 0}), 4);
    marray_close(&array);
}

static void floats_out_of_range_are_defined(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<f8", 1, SHAPE(4));
    double *data = marray_data(array);
    data[0] = 1e300;
    data[1] = -1e300;
    data[2] = __builtin_nan("");
    data[3] = 18446744073709549568.0;
    uint64_t wide[4];
    int32_t narrow[4];
    assert_int_equal(marray_read(array, "=u8", wide, sizeof(wide)), 0);
    assert_true(wide[3] == UINT64_C(18446744073709549568));
    assert_int_equal(marray_read(array, "=i4", narrow, sizeof(narrow)), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(narrow[i], INT32_MIN);
    marray_close(&array);
}

static void complex_numbers_swap_each_half_and_lose_the_imaginary_part(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, ">c8", 1, SHAPE(1));
    const double value[] = {1.5, -2.5};
    assert_int_equal(marray_set(array, (const int64_t[]){0}, "<c16", value), 0);
    const unsigned char expected[] = {0x3f, 0xc0, 0, 0, 0xc0, 0x20, 0, 0};
    assert_memory_equal(marray_data(array), expected, 8);
    float back = 0;
    assert_int_equal(marray_get(array, (const int64_t[]){0}, "<f4", &back), 0);
    assert_true(back == 1.5F);
    marray_close(&array);
}

static void a_buffer_of_the_wrong_size_is_refused(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i4", 1, SHAPE(4));
    int32_t two[2] = {1, 2};
    assert_int_equal(marray_write(array, NULL, two, sizeof(two)), -EINVAL);
    assert_int_equal(marray_read(array, "<i2", two, sizeof(two) + 1), -EINVAL);
    assert_int_equal(marray_read(array, "<i2", two, sizeof(two)), 0);
    assert_int_equal(marray_read(array, "bad", two, sizeof(two)), -EINVAL);
    assert_non_null(strstr(marray_message(array), "bad"));
    marray_close(&array);
}

static void elements_are_found_by_index_and_refused_outside(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i4", 2, SHAPE(3, 4));
    int32_t value = 7;
    assert_int_equal(marray_set(array, (const int64_t[]){-1, -4}, NULL, &value), 0);
    assert_int_equal(((int32_t *)marray_data(array))[8], 7);
    value = 0;
    assert_int_equal(marray_get(array, (const int64_t[]){2, 0}, NULL, &value), 0);
    assert_int_equal(value, 7);
    assert_int_equal(marray_get(array, (const int64_t[]){3, 0}, NULL, &value), -ERANGE);
    assert_int_equal(marray_get(array, (const int64_t[]){0, -5}, NULL, &value), -ERANGE);
    assert_int_equal(marray_set(array, (const int64_t[]){0, 4}, NULL, &value), -ERANGE);
    marray_close(&array);
}

/* A view made of steps and reversals of a 3-d array, and the plain loop that says what it holds. */
struct grid {
    struct marray *array;
    struct marray *view;
};

enum { PLANES = 7, ROWS = 150, COLUMNS = 131 };

static struct grid open_grid(struct scratch *scratch, enum marray_order order, bool transposed)
{
    struct grid grid;
    struct marray_spec spec =
        scratch_spec(scratch, MARRAY_CREATE, ">i4", 3, SHAPE(PLANES, ROWS, COLUMNS));
    spec.order = order;
    assert_int_equal(marray_open(scratch->path, &spec, &grid.array), 0);
    const struct marray_slice slices[] = {MARRAY_RANGE(1, 6, 2), MARRAY_REVERSED,
                                          MARRAY_RANGE(130, MARRAY_NONE, -3)};
    struct marray *sliced;
    assert_int_equal(marray_slice(grid.array, slices, 3, &sliced), 0);
    if (transposed) {
        assert_int_equal(marray_transpose(sliced, (const int[]){2, 0, 1}, &grid.view), 0);
        marray_close(&sliced);
    } else {
        grid.view = sliced;
    }
    return grid;
}

static int32_t get(const struct marray *array, int64_t i, int64_t j, int64_t k)
{
    int32_t value;
    assert_int_equal(marray_get(array, (const int64_t[]){i, j, k}, "=i4", &value), 0);
    return value;
}

static void check_round_trip(struct scratch *scratch, enum marray_order order, bool transposed)
{
    struct grid grid = open_grid(scratch, order, transposed);
    const uint64_t *shape = marray_shape(grid.view);
    size_t count = marray_length(grid.view);
    int32_t *values = malloc(count * sizeof(*values));
    double *back = malloc(count * sizeof(*back));
    assert_non_null(values);
    assert_non_null(back);
    for (size_t i = 0; i < count; i++)
        values[i] = (int32_t)(i * 7 + 1);
    assert_int_equal(marray_write(grid.view, "=i4", values, count * sizeof(*values)), 0);
    size_t at = 0;
    for (uint64_t i = 0; i < shape[0]; i++) {
        for (uint64_t j = 0; j < shape[1]; j++) {
            for (uint64_t k = 0; k < shape[2]; k++)
                assert_int_equal(get(grid.view, (int64_t)i, (int64_t)j, (int64_t)k), values[at++]);
        }
    }
    assert_int_equal(marray_read(grid.view, "=f8", back, count * sizeof(*back)), 0);
    for (size_t i = 0; i < count; i++)
        assert_true((int32_t)back[i] == values[i]);
    /* Nothing but the elements of the view was written. */
    uint64_t written = 0;
    for (int64_t i = 0; i < PLANES; i++) {
        for (int64_t j = 0; j < ROWS; j++) {
            for (int64_t k = 0; k < COLUMNS; k++)
                written += get(grid.array, i, j, k) != 0;
        }
    }
    assert_int_equal(written, count);
    free(values);
    free(back);
    marray_close(&grid.view);
    marray_close(&grid.array);
}

static void strided_reversed_and_transposed_views_copy_in_and_out(void **state)
{
    struct scratch *scratch = *state;
    check_round_trip(scratch, MARRAY_ORDER_C, false);
    check_round_trip(scratch, MARRAY_ORDER_C, true);
    check_round_trip(scratch, MARRAY_ORDER_F, false);
    check_round_trip(scratch, MARRAY_ORDER_F, true);
}

static void fill_sets_the_elements_of_the_view_and_no_others(void **state)
{
    struct scratch *scratch = *state;
    for (int transposed = 0; transposed < 2; transposed++) {
        struct grid grid = open_grid(scratch, MARRAY_ORDER_C, transposed);
        const double value = 77.7;
        assert_int_equal(marray_fill(grid.view, "<f8", &value), 0);
        uint64_t filled = 0;
        for (int64_t i = 0; i < PLANES; i++) {
            for (int64_t j = 0; j < ROWS; j++) {
                for (int64_t k = 0; k < COLUMNS; k++) {
                    int32_t element = get(grid.array, i, j, k);
                    assert_true(element == 77 || element == 0);
                    if (element == 77)
                        assert_true(i % 2 == 1 && (130 - k) % 3 == 0);
                    filled += element == 77;
                }
            }
        }
        assert_int_equal(filled, marray_length(grid.view));
        marray_close(&grid.view);
        marray_close(&grid.array);
    }
}

static void fill_repeats_items_of_every_size(void **state)
{
    struct scratch *scratch = *state;
    const char *const dtypes[] = {"|u1", "<u2", ">u4", "<f8", ">c16", "<f2"};
    for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++) {
        struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, dtypes[i], 1, SHAPE(5003));
        spec.offset_bytes = 3;
        struct marray *array;
        assert_int_equal(marray_open(scratch->path, &spec, &array), 0);
        const double value = 113;
        assert_int_equal(marray_fill(array, "<f8", &value), 0);
        for (int64_t k = 0; k < 5003; k++) {
            double element = 0;
            assert_int_equal(marray_get(array, &k, "<f8", &element), 0);
            assert_true(element == 113);
        }
        marray_close(&array);
    }
}

/* Runs longer than what is repeated, that end within an item of the pattern's repetitions. */
static void long_fills_repeat_items_without_a_seam(void **state)
{
    static const struct {
        const char *dtype;
        uint64_t length;
    } cases[] = {{"<f8", 40001}, {"<i2", 100003}, {"|V3", 70001}, {"|V24", 9001}, {">c16", 9001}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct marray *array =
            scratch_open(*state, MARRAY_CREATE, cases[i].dtype, 1, SHAPE(cases[i].length));
        unsigned char item[24];
        for (size_t k = 0; k < sizeof(item); k++)
            item[k] = (unsigned char)(k * 37 + 1);
        assert_int_equal(marray_fill(array, NULL, item), 0);
        const unsigned char *bytes = marray_data(array);
        size_t item_bytes = marray_item_bytes(array);
        for (size_t k = 0; k < marray_size_bytes(array); k++)
            assert_int_equal(bytes[k], item[k % item_bytes]);
        marray_close(&array);
    }
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(bytes_are_read_in_either_order),
        SCRATCH_TEST(a_fraction_is_cut_off_by_an_integer),
        SCRATCH_TEST(integers_wrap_and_anything_but_zero_is_true),
        SCRATCH_TEST(floats_out_of_range_are_defined),
        SCRATCH_TEST(complex_numbers_swap_each_half_and_lose_the_imaginary_part),
        SCRATCH_TEST(a_buffer_of_the_wrong_size_is_refused),
        SCRATCH_TEST(elements_are_found_by_index_and_refused_outside),
        SCRATCH_TEST(strided_reversed_and_transposed_views_copy_in_and_out),
        SCRATCH_TEST(fill_sets_the_elements_of_the_view_and_no_others),
        SCRATCH_TEST(fill_repeats_items_of_every_size),
        SCRATCH_TEST(long_fills_repeat_items_without_a_seam),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
