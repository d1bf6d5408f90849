/* Subscripts follow Python's rules; accessors check what they stand on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "tests/mapping/scratch.h"

/* A 4 x 5 x 6 array of int32 whose element (i, j, k) is 100 i + 10 j + k. */
static struct marray *open_digits(struct scratch *scratch)
{
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i4", 3, SHAPE(4, 5, 6));
    int32_t *data = marray_data(array);
    for (int i = 0; i < 4 * 5 * 6; i++)
        data[i] = i / 30 * 100 + i / 6 % 5 * 10 + i % 6;
    return array;
}

static struct marray *slice(const struct marray *array, const struct marray_slice *slices,
                            size_t count)
{
    struct marray *view;
    if (marray_slice(array, slices, count, &view))
        fail_msg("%s", marray_message(array));
    return view;
}

#define SLICE(array, ...)                                    \
    slice(array, (const struct marray_slice[]){__VA_ARGS__}, \
          sizeof((const struct marray_slice[]){__VA_ARGS__}) / sizeof(struct marray_slice))

static void expect_elements(struct marray *view, const int32_t *expected, size_t count)
{
    int32_t elements[256];
    assert_int_equal(marray_length(view), count);
    assert_int_equal(marray_read(view, NULL, elements, count * 4), 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(elements[i], expected[i]);
    assert_int_equal(marray_close(&view), 0);
}

#define EXPECT(view, ...)                                 \
    expect_elements(view, (const int32_t[]){__VA_ARGS__}, \
                    sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

static void a_reversed_view_begins_at_the_last_element(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i4", 1, SHAPE(5));
    struct marray *view = SLICE(array, MARRAY_REVERSED);
    assert_int_equal(marray_strides(view)[0], -4);
    assert_ptr_equal(marray_data(view), (int32_t *)marray_data(array) + 4);
    assert_int_equal(marray_offset_bytes(view), 16);
    marray_close(&view);
    marray_close(&array);
}

static void ranges_clamp_and_negative_ends_count_from_the_end(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i4", 1, SHAPE(5));
    for (int32_t i = 0; i < 5; i++)
        ((int32_t *)marray_data(array))[i] = i;
    EXPECT(SLICE(array, MARRAY_ALL), 0, 1, 2, 3, 4);
    EXPECT(SLICE(array, MARRAY_RANGE(1, 99, 1)), 1, 2, 3, 4);
    EXPECT(SLICE(array, MARRAY_RANGE(-99, 2, 1)), 0, 1);
    EXPECT(SLICE(array, MARRAY_RANGE(-2, MARRAY_NONE, 1)), 3, 4);
    EXPECT(SLICE(array, MARRAY_RANGE(MARRAY_NONE, -3, 1)), 0, 1);
    EXPECT(SLICE(array, MARRAY_RANGE(MARRAY_NONE, MARRAY_NONE, 2)), 0, 2, 4);
    EXPECT(SLICE(array, MARRAY_RANGE(99, 0, -2)), 4, 2);
    EXPECT(SLICE(array, MARRAY_RANGE(3, MARRAY_NONE, -1)), 3, 2, 1, 0);
    EXPECT(SLICE(array, MARRAY_RANGE(-1, -4, -1)), 4, 3, 2);
    EXPECT(SLICE(array, MARRAY_RANGE(2, MARRAY_NONE, INT64_MAX)), 2);
    EXPECT(SLICE(array, MARRAY_RANGE(2, MARRAY_NONE, INT64_MIN)), 2);
    const struct marray_slice empty[] = {MARRAY_RANGE(3, 3, 1), MARRAY_RANGE(4, 1, 1),
                                         MARRAY_RANGE(1, 4, -1), MARRAY_RANGE(99, 100, 1),
                                         MARRAY_RANGE(-99, -98, 1)};
    for (size_t i = 0; i < 5; i++) {
        struct marray *view = slice(array, &empty[i], 1);
        assert_int_equal(marray_shape(view)[0], 0);
        assert_null(marray_data(view));
        marray_close(&view);
    }
    marray_close(&array);
}

static void indices_ranges_new_axes_and_ellipsis_combine(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = open_digits(scratch);
    EXPECT(SLICE(array, MARRAY_AT(1), MARRAY_AT(-1), MARRAY_AT(2)), 142);
    EXPECT(SLICE(array, MARRAY_AT(3), MARRAY_RANGE(1, 3, 1), MARRAY_RANGE(5, 2, -2)), 315, 313, 325,
           323);
    EXPECT(SLICE(array, MARRAY_ELLIPSIS, MARRAY_AT(0), MARRAY_AT(5)), 5, 105, 205, 305);
    EXPECT(SLICE(array, MARRAY_AT(2), MARRAY_ELLIPSIS, MARRAY_AT(0)), 200, 210, 220, 230, 240);
    struct marray *view =
        SLICE(array, MARRAY_NEW_AXIS, MARRAY_AT(0), MARRAY_ELLIPSIS, MARRAY_NEW_AXIS);
    assert_int_equal(marray_dimensions(view), 4);
    assert_int_equal(marray_shape(view)[0], 1);
    assert_int_equal(marray_shape(view)[1], 5);
    assert_int_equal(marray_shape(view)[2], 6);
    assert_int_equal(marray_shape(view)[3], 1);
    struct marray *part = SLICE(view, MARRAY_AT(0), MARRAY_AT(4));
    EXPECT(part, 40, 41, 42, 43, 44, 45);
    marray_close(&view);
    struct marray *whole = slice(array, NULL, 0);
    assert_int_equal(marray_length(whole), 120);
    marray_close(&whole);
    marray_close(&array);
}

static void wrong_subscripts_are_refused(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = open_digits(scratch);
    struct marray *view = NULL;
    const struct marray_slice beyond[] = {MARRAY_AT(4)};
    assert_int_equal(marray_slice(array, beyond, 1, &view), -ERANGE);
    assert_non_null(strstr(marray_message(array), "index 4 on axis 0 of length 4"));
    const struct marray_slice before[] = {MARRAY_ALL, MARRAY_AT(-6)};
    assert_int_equal(marray_slice(array, before, 2, &view), -ERANGE);
    const struct marray_slice extremes[] = {MARRAY_AT(INT64_MIN)};
    assert_int_equal(marray_slice(array, extremes, 1, &view), -ERANGE);
    const struct marray_slice too_many[] = {MARRAY_ALL, MARRAY_ALL, MARRAY_ALL, MARRAY_ALL};
    assert_int_equal(marray_slice(array, too_many, 4, &view), -EINVAL);
    const struct marray_slice no_step[] = {MARRAY_RANGE(0, 2, 0)};
    assert_int_equal(marray_slice(array, no_step, 1, &view), -EINVAL);
    const struct marray_slice two[] = {MARRAY_ELLIPSIS, MARRAY_ELLIPSIS};
    assert_int_equal(marray_slice(array, two, 2, &view), -EINVAL);
    struct marray_slice axes[62];
    for (size_t i = 0; i < 62; i++)
        axes[i] = MARRAY_NEW_AXIS;
    assert_int_equal(marray_slice(array, axes, 62, &view), -EINVAL);
    assert_null(view);
    assert_int_equal(marray_close(&array), 0);
}

static void transposing_permutes_shape_and_strides(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = open_digits(scratch);
    struct marray *view;
    assert_int_equal(marray_transpose(array, NULL, &view), 0);
    assert_int_equal(marray_shape(view)[0], 6);
    assert_int_equal(marray_strides(view)[0], 4);
    assert_int_equal(marray_strides(view)[2], 120);
    assert_true(marray_is_contiguous(view, MARRAY_ORDER_F));
    int32_t value;
    assert_int_equal(marray_get(view, (const int64_t[]){5, 4, 3}, NULL, &value), 0);
    assert_int_equal(value, 345);
    marray_close(&view);
    assert_int_equal(marray_transpose(array, (const int[]){1, 2, 0}, &view), 0);
    assert_int_equal(marray_get(view, (const int64_t[]){4, 5, 3}, NULL, &value), 0);
    assert_int_equal(value, 345);
    marray_close(&view);
    assert_int_equal(marray_transpose(array, (const int[]){0, 1, 1}, &view), -EINVAL);
    assert_int_equal(marray_transpose(array, (const int[]){0, 1, 3}, &view), -EINVAL);
    assert_int_equal(marray_transpose(array, (const int[]){0, 1, -1}, &view), -EINVAL);
    marray_close(&array);
}

static void accessors_read_and_write_what_get_and_set_do(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = open_digits(scratch);
    struct marray *row = SLICE(array, MARRAY_AT(2), MARRAY_AT(3));
    struct marray *column = SLICE(array, MARRAY_AT(2), MARRAY_REVERSED, MARRAY_AT(3));
    struct marray *plane = SLICE(array, MARRAY_ALL, MARRAY_AT(1));
    struct marray_i4_vector vector = {0};
    struct marray_i4_strided strided = {0};
    struct marray_i4_matrix matrix = {0};
    assert_int_equal(marray_i4_vector(row, true, &vector), 0);
    assert_int_equal(vector.length, 6);
    assert_int_equal(marray_i4_get(vector, 4), 234);
    marray_i4_set(vector, 4, 7);
    assert_int_equal(marray_i4_get(vector, 4), 7);
    assert_int_equal(marray_i4_vector(column, false, &vector), -EINVAL);
    assert_non_null(strstr(marray_message(column), "strided"));
    assert_int_equal(marray_i4_strided(column, true, &strided), 0);
    assert_int_equal(marray_i4_strided_get(strided, 0), 243);
    marray_i4_strided_set(strided, 4, 8);
    assert_int_equal(marray_i4_matrix(plane, true, &matrix), 0);
    assert_int_equal(matrix.rows, 4);
    assert_int_equal(matrix.columns, 6);
    assert_int_equal(marray_i4_get2(matrix, 3, 5), 315);
    marray_i4_set2(matrix, 3, 5, 9);
    const int32_t *data = marray_data(array);
    assert_int_equal(data[2 * 30 + 3 * 6 + 4], 7);
    assert_int_equal(data[2 * 30 + 0 * 6 + 3], 8);
    assert_int_equal(data[3 * 30 + 1 * 6 + 5], 9);
    marray_close(&row);
    marray_close(&column);
    marray_close(&plane);
    marray_close(&array);
}

static void accessors_refuse_other_types_orders_and_axes(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = open_digits(scratch);
    struct marray_i4_vector vector = {0};
    struct marray_u4_matrix wrong_type;
    struct marray_i4_matrix matrix = {0};
    assert_int_equal(marray_i4_vector(array, false, &vector), -EINVAL);
    assert_int_equal(marray_i4_matrix(array, false, &matrix), -EINVAL);
    struct marray *plane = SLICE(array, MARRAY_AT(0));
    assert_int_equal(marray_u4_matrix(plane, false, &wrong_type), -EINVAL);
    marray_close(&plane);
    marray_close(&array);
    array = scratch_open(scratch, MARRAY_READ, ">i4", 1, SHAPE(120));
    assert_int_equal(marray_i4_vector(array, false, &vector), -EINVAL);
    assert_int_equal(marray_i4_vector(array, true, &vector), -EINVAL);
    marray_close(&array);
}

static void a_view_of_a_view_of_nothing_stays_within_bounds(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i4", 2, SHAPE(0, 1 << 20));
    struct marray *view = SLICE(array, MARRAY_ALL, MARRAY_RANGE(MARRAY_NONE, MARRAY_NONE, -7));
    assert_int_equal(marray_length(view), 0);
    assert_null(marray_data(view));
    int32_t value = 1;
    assert_int_equal(marray_fill(view, NULL, &value), 0);
    assert_int_equal(marray_get(view, (const int64_t[]){0, 0}, NULL, &value), -ERANGE);
    assert_int_equal(marray_lock(view, MARRAY_LOCK_EXCLUSIVE, 0), 0);
    assert_int_equal(marray_unlock(view), 0);
    marray_close(&view);
    marray_close(&array);
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(a_reversed_view_begins_at_the_last_element),
        SCRATCH_TEST(ranges_clamp_and_negative_ends_count_from_the_end),
        SCRATCH_TEST(indices_ranges_new_axes_and_ellipsis_combine),
        SCRATCH_TEST(wrong_subscripts_are_refused),
        SCRATCH_TEST(transposing_permutes_shape_and_strides),
        SCRATCH_TEST(accessors_read_and_write_what_get_and_set_do),
        SCRATCH_TEST(accessors_refuse_other_types_orders_and_axes),
        SCRATCH_TEST(a_view_of_a_view_of_nothing_stays_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
