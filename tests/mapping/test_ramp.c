/* Ramps: the numbers, in C order of any view, and what is refused before a byte is stored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>

#include "tests/mapping/scratch.h"

enum { ITEMS = 1300 }; /* blocks and a part of one */

static double element_at(const struct marray *array, int64_t i)
{
    double value = NAN;
    assert_int_equal(marray_get(array, &i, "=f8", &value), 0);
    return value;
}

static void every_type_and_order_gets_the_same_numbers(void **state)
{
    static const char *const dtypes[] = {"<i2", ">i2", "<i4", ">i4", "<i8", ">i8", "<u2",
                                         ">u2", "<u4", ">u4", "<u8", ">u8", "<f2", ">f2",
                                         "<f4", ">f4", "<f8", ">f8", "<m8"};
    const int64_t start = 3, step = 1;
    const double real_start = 3.75, real_step = 1;
    for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++) {
        struct marray_spec spec = scratch_spec(*state, MARRAY_CREATE, dtypes[i], 1, SHAPE(ITEMS));
        struct marray *array;
        spec.offset_bytes = 5;
        assert_int_equal(marray_open_memfd("ramp", &spec, &array), 0);
        assert_int_equal(marray_ramp(array, "=i8", &start, &step), 0);
        for (int64_t k = 0; k < ITEMS; k++)
            assert_true(element_at(array, k) == (double)(3 + k));
        assert_int_equal(marray_ramp(array, "=f8", &real_start, &real_step), 0);
        double fraction = dtypes[i][1] == 'f' ? 0.75 : 0;
        /* Halves have quarters up to 512. */
        for (int64_t k = 0; k < 500; k++)
            assert_true(element_at(array, k) == (double)(3 + k) + fraction);
        marray_close(&array);
    }
}

static void numbers_of_the_arrays_own_type_are_taken_without_a_name(void **state)
{
    struct marray *array = scratch_open(*state, MARRAY_CREATE, ">i2", 1, SHAPE(4));
    const unsigned char start[] = {1, 0}, step[] = {0xff, 0xff};
    assert_int_equal(marray_ramp(array, NULL, start, step), 0);
    for (int64_t k = 0; k < 4; k++)
        assert_true(element_at(array, k) == (double)(256 - k));
    marray_close(&array);
}

/* Of a view that is reversed, strided and transposed, in C order, and nothing but its elements. */
static void views_are_counted_in_their_own_order(void **state)
{
    enum { PLANES = 5, ROWS = 70, COLUMNS = 40 };
    struct scratch *scratch = *state;
    for (int order = 0; order < 2; order++) {
        struct marray_spec spec =
            scratch_spec(scratch, MARRAY_CREATE, ">i4", 3, SHAPE(PLANES, ROWS, COLUMNS));
        spec.order = order ? MARRAY_ORDER_F : MARRAY_ORDER_C;
        struct marray *array, *sliced, *view;
        assert_int_equal(marray_open(scratch->path, &spec, &array), 0);
        const struct marray_slice slices[] = {MARRAY_RANGE(1, 5, 2), MARRAY_REVERSED,
                                              MARRAY_RANGE(39, MARRAY_NONE, -3)};
        const int32_t start = 7, step = -2;
        assert_int_equal(marray_slice(array, slices, 3, &sliced), 0);
        assert_int_equal(marray_transpose(sliced, (const int[]){2, 0, 1}, &view), 0);
        assert_int_equal(marray_ramp(view, "=i4", &start, &step), 0);
        const uint64_t *shape = marray_shape(view);
        static int32_t values[PLANES * ROWS * COLUMNS];
        size_t size = marray_length(view) * sizeof(values[0]);
        assert_int_equal(shape[0] * shape[1] * shape[2], 14 * 2 * ROWS);
        assert_int_equal(marray_read(view, "=i4", values, size), 0);
        for (int32_t k = 0; k < (int32_t)marray_length(view); k++)
            assert_int_equal(values[k], 7 - 2 * k);
        int64_t inside = 0, total = 0;
        assert_int_equal(marray_sum(view, "=i8", &inside), 0);
        assert_int_equal(marray_sum(array, "=i8", &total), 0);
        assert_int_equal(inside, total);
        marray_close(&view);
        marray_close(&sliced);
        marray_close(&array);
    }
}

static void one_element_and_none_are_ramps_too(void **state)
{
    struct scratch *scratch = *state;
    const int64_t start = -9, step = INT64_MAX;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<f4", 0, SHAPE(1));
    assert_int_equal(marray_ramp(array, "=i8", &start, &step), 0);
    float value = 0;
    assert_int_equal(marray_get(array, NULL, NULL, &value), 0);
    assert_true(value == -9);
    marray_close(&array);
    array = scratch_open(scratch, MARRAY_CREATE, "|u1", 2, SHAPE(0, 4));
    assert_int_equal(marray_ramp(array, "=i8", &start, &step), 0);
    marray_close(&array);
}

static void integers_of_64_bits_are_exact_to_their_ends(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i8", 1, SHAPE(4));
    const int64_t least = INT64_MIN, third = INT64_C(1) << 62;
    assert_int_equal(marray_ramp(array, NULL, &least, &third), 0);
    int64_t values[4];
    assert_int_equal(marray_read(array, NULL, values, sizeof(values)), 0);
    assert_true(values[0] == INT64_MIN && values[1] == -third && values[2] == 0 &&
                values[3] == third);
    marray_close(&array);
    array = scratch_open(scratch, MARRAY_CREATE, "<u8", 1, SHAPE(3));
    const uint64_t start = UINT64_MAX - 2, one = 1;
    assert_int_equal(marray_ramp(array, NULL, &start, &one), 0);
    uint64_t last = 0;
    assert_int_equal(marray_get(array, (const int64_t[]){-1}, NULL, &last), 0);
    assert_true(last == UINT64_MAX);
    marray_close(&array);
}

static void check_refusal(struct scratch *scratch, const char *array_dtype, const char *dtype,
                          const void *start, const void *step, int expected)
{
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, array_dtype, 1, SHAPE(100));
    size_t size = marray_size_bytes(array);
    memset(marray_data(array), 0x11, size);
    assert_int_equal(marray_ramp(array, dtype, start, step), expected);
    assert_non_null(strstr(marray_message(array), scratch->path));
    const unsigned char *bytes = marray_data(array);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(bytes[i], 0x11);
    marray_close(&array);
}

static void what_the_type_does_not_hold_is_refused_before_the_first_store(void **state)
{
    static const struct {
        const char *dtype;
        int64_t start, step;
    } integers[] = {{"|i1", 29, 1},        {"|i1", -30, -1},       {"|u1", 157, 1},
                    {"|u1", 98, -1},       {"<i2", 32767, 1},      {">u2", -1, 1},
                    {"<i8", 0, INT64_MAX}, {"<i8", INT64_MIN, -1}, {"<u8", 98, -1},
                    {"<f2", 0, 662},       {"<f4", INT64_MAX, 1},  {"<u4", UINT32_MAX - 98, 1}};
    for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++)
        check_refusal(*state, integers[i].dtype, "=i8", &integers[i].start, &integers[i].step,
                      -ERANGE);
    static const struct {
        const char *dtype;
        double start, step;
        int status;
    } reals[] = {{"|i1", 128, 0, -ERANGE},
                 {"|i1", -129, 0, -ERANGE},
                 {"|u1", -1, 0.1, -ERANGE},
                 {"<i8", 0x1p63, 0, -ERANGE},
                 {"<u8", 0x1p64, 0, -ERANGE},
                 {"<f2", 65520, 0, -ERANGE},
                 {"<f4", 0, 1e37, -ERANGE},
                 {"<f8", 0, 1e307, -ERANGE},
                 {"<f8", NAN, 0, -EINVAL},
                 {"<f8", 0, INFINITY, -EINVAL},
                 {"<i8", -0x1.0000000000001p63, 0, -ERANGE}};
    for (size_t i = 0; i < sizeof(reals) / sizeof(reals[0]); i++)
        check_refusal(*state, reals[i].dtype, "=f8", &reals[i].start, &reals[i].step,
                      reals[i].status);
}

static void the_last_number_that_fits_is_taken(void **state)
{
    static const struct {
        const char *dtype;
        double start, step;
    } cases[] = {{"|i1", 127.5, 0},   {"|i1", -128.5, 0}, {"|u1", -0.5, 0}, {"|u1", 255.9, 0},
                 {"<i8", -0x1p63, 0}, {"<f2", 65519, 0},  {"|u1", 156, 1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct marray *array = scratch_open(*state, MARRAY_CREATE, cases[i].dtype, 1, SHAPE(100));
        assert_int_equal(marray_ramp(array, "=f8", &cases[i].start, &cases[i].step), 0);
        marray_close(&array);
    }
}

static void types_without_ramps_and_read_only_arrays_are_refused(void **state)
{
    struct scratch *scratch = *state;
    const int64_t number = 1;
    static const char *const dtypes[] = {"|b1", "<c8", "|S8", "<U2", "|V8", "[('a', '<i8')]"};
    for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++)
        check_refusal(scratch, dtypes[i], "=i8", &number, &number, -ENOTSUP);
    check_refusal(scratch, "<i8", "|b1", &number, &number, -ENOTSUP);
    check_refusal(scratch, "<M8[s]", "<M8[ms]", &number, &number, -EINVAL);
    check_refusal(scratch, "<i8", "<M8[s]", &number, &number, -EINVAL);
    struct marray *array = scratch_open(scratch, MARRAY_READ, "<i8", 1, SHAPE(4));
    assert_int_equal(marray_ramp(array, NULL, &number, &number), -EACCES);
    marray_close(&array);
    array = scratch_open(scratch, MARRAY_READ_WRITE, "<i8", 1, SHAPE(4));
    assert_int_equal(marray_ramp(array, "nonsense", &number, &number), -EINVAL);
    marray_close(&array);
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(every_type_and_order_gets_the_same_numbers),
        SCRATCH_TEST(numbers_of_the_arrays_own_type_are_taken_without_a_name),
        SCRATCH_TEST(views_are_counted_in_their_own_order),
        SCRATCH_TEST(one_element_and_none_are_ramps_too),
        SCRATCH_TEST(integers_of_64_bits_are_exact_to_their_ends),
        SCRATCH_TEST(what_the_type_does_not_hold_is_refused_before_the_first_store),
        SCRATCH_TEST(the_last_number_that_fits_is_taken),
        SCRATCH_TEST(types_without_ramps_and_read_only_arrays_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
