/* Copies from view to view, reshapes, fields and other dtypes of the same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "tests/mapping/scratch.h"

/* 0, 1, 2 ... in that shape. */
static struct marray *open_counting(struct scratch *scratch, int dimensions, const uint64_t *shape)
{
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i4", dimensions, shape);
    int32_t *data = marray_data(array);
    for (uint64_t i = 0; i < marray_length(array); i++)
        data[i] = (int32_t)i;
    return array;
}

static void expect_values(const struct marray *view, size_t count, const int32_t *expected)
{
    int32_t got[64];
    assert_int_equal(marray_read(view, "=i4", got, count * sizeof(got[0])), 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(got[i], expected[i]);
}

#define VALUES(...) ((const int32_t[]){__VA_ARGS__})

static void a_row_and_a_column_are_repeated_over_a_matrix(void **state)
{
    struct marray *array = open_counting(*state, 2, SHAPE(3, 4));
    struct marray *row, *column, *target;
    assert_int_equal(marray_slice(array, &MARRAY_AT(2), 1, &row), 0);
    const struct marray_slice rest[] = {MARRAY_RANGE(0, 2, 1), MARRAY_ALL};
    assert_int_equal(marray_slice(array, rest, 2, &target), 0);
    assert_int_equal(marray_copy(target, row), 0);
    expect_values(array, 12, VALUES(8, 9, 10, 11, 8, 9, 10, 11, 8, 9, 10, 11));
    const struct marray_slice first[] = {MARRAY_ELLIPSIS, MARRAY_RANGE(1, 2, 1)};
    assert_int_equal(marray_slice(array, first, 2, &column), 0);
    assert_int_equal(marray_copy(array, column), 0);
    expect_values(array, 12, VALUES(9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9));
    marray_close(&column);
    marray_close(&target);
    marray_close(&row);
    marray_close(&array);
}

static void overlapping_views_are_read_as_they_were_before(void **state)
{
    struct marray *array = open_counting(*state, 1, SHAPE(6));
    struct marray *low, *high, *back;
    assert_int_equal(marray_slice(array, &MARRAY_RANGE(0, 5, 1), 1, &low), 0);
    assert_int_equal(marray_slice(array, &MARRAY_RANGE(1, 6, 1), 1, &high), 0);
    assert_int_equal(marray_slice(array, &MARRAY_REVERSED, 1, &back), 0);
    assert_int_equal(marray_copy(high, low), 0);
    expect_values(array, 6, VALUES(0, 0, 1, 2, 3, 4));
    assert_int_equal(marray_copy(low, high), 0);
    expect_values(array, 6, VALUES(0, 1, 2, 3, 4, 4));
    assert_int_equal(marray_copy(array, back), 0);
    expect_values(array, 6, VALUES(4, 4, 3, 2, 1, 0));
    marray_close(&back);
    marray_close(&high);
    marray_close(&low);
    marray_close(&array);
}

static void shapes_and_dtypes_that_do_not_fit_are_refused(void **state)
{
    struct marray *array = open_counting(*state, 2, SHAPE(2, 4));
    struct marray *two, *text, *matrix;
    const struct marray_slice slices[] = {MARRAY_AT(0), MARRAY_RANGE(0, 2, 1)};
    assert_int_equal(marray_slice(array, slices, 2, &two), 0);
    assert_int_equal(marray_copy(array, two), -EINVAL);
    assert_non_null(strstr(marray_message(array), "length 2"));
    assert_int_equal(marray_copy(two, array), -EINVAL);
    assert_int_equal(marray_view_as(array, "|S4", &text), 0);
    assert_int_equal(marray_copy(array, text), -EINVAL);
    assert_int_equal(marray_copy(text, array), -EINVAL);
    assert_int_equal(marray_fill(array, "|S1", "1"), -EINVAL);
    /* More axes of length 1 in front are no obstacle. */
    const struct marray_slice axes[] = {MARRAY_NEW_AXIS, MARRAY_NEW_AXIS, MARRAY_AT(1)};
    assert_int_equal(marray_slice(array, axes, 3, &matrix), 0);
    assert_int_equal(marray_copy(array, matrix), 0);
    expect_values(array, 8, VALUES(4, 5, 6, 7, 4, 5, 6, 7));
    marray_close(&matrix);
    marray_close(&text);
    marray_close(&two);
    marray_close(&array);
    struct scratch *scratch = *state;
    array = scratch_open(scratch, MARRAY_READ, "<i4", 1, SHAPE(8));
    assert_int_equal(marray_copy(array, array), -EACCES);
    marray_close(&array);
}

static void text_is_cut_and_padded_and_only_ascii_changes_its_kind(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, ">U2", 1, SHAPE(3));
    assert_int_equal(marray_write(array, "|S3", "abcd\0\0\0\0\0", 9), 0);
    char narrow[12];
    assert_int_equal(marray_read(array, "|S4", narrow, 12), 0);
    assert_memory_equal(narrow, "ab\0\0d\0\0\0\0\0\0\0", 12);
    assert_memory_equal(marray_data(array), "\0\0\0a\0\0\0b", 8);
    assert_int_equal(marray_write(array, "|S3", "x\0\0y\xe9\0z\0\0", 9), -EILSEQ);
    assert_non_null(strstr(marray_message(array), "ASCII"));
    const uint32_t wide = 0x1f600;
    assert_int_equal(marray_fill(array, "=U1", &wide), 0);
    assert_int_equal(marray_read(array, "|S4", narrow, 12), -EILSEQ);
    marray_close(&array);
}

/* Beyond a mebibyte, from any byte on, and to the last one and no further. */
static void long_fills_store_every_element_and_no_more(void **state)
{
    enum { ITEMS = (1 << 20) + 7, LEAD = 3 };
    static const char *const dtypes[] = {"<u2", ">u4", "<u8", "|V3"};
    static const uint32_t sizes[] = {2, 4, 8, 3};
    const unsigned char item[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct scratch *scratch = *state;
    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        size_t bytes = (size_t)ITEMS * sizes[k];
        scratch_write_ramp(scratch->path, LEAD + bytes + sizes[k]);
        struct marray_spec spec =
            scratch_spec(scratch, MARRAY_READ_WRITE, dtypes[k], 1, SHAPE(ITEMS));
        spec.offset_bytes = LEAD;
        struct marray *array;
        assert_int_equal(marray_open(scratch->path, &spec, &array), 0);
        assert_int_equal(marray_fill(array, dtypes[k], item), 0);
        marray_close(&array);
        size_t size;
        unsigned char *all = scratch_read(scratch->path, &size);
        assert_int_equal(size, LEAD + bytes + sizes[k]);
        for (size_t i = 0; i < size; i++) {
            bool is_filled = i >= LEAD && i < LEAD + bytes;
            if (all[i] != (is_filled ? item[(i - LEAD) % sizes[k]] : i % 251))
                fail_msg("%s: byte %zu is %d", dtypes[k], i, all[i]);
        }
        free(all);
    }
}

static void times_change_their_unit_rounded_down(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, ">M8[s]", 1, SHAPE(4));
    const int64_t milliseconds[] = {1999, -1, INT64_MIN, -86400001};
    assert_int_equal(marray_write(array, "<M8[ms]", milliseconds, sizeof(milliseconds)), 0);
    int64_t got[4];
    assert_int_equal(marray_read(array, "<i8", got, sizeof(got)), 0);
    assert_true(got[0] == 1 && got[1] == -1 && got[2] == INT64_MIN && got[3] == -86401);
    assert_int_equal(marray_read(array, "<M8[12h]", got, sizeof(got)), 0);
    assert_true(got[0] == 0 && got[1] == -1 && got[2] == INT64_MIN && got[3] == -3);
    assert_int_equal(marray_read(array, "<M8[M]", got, sizeof(got)), -EINVAL);
    assert_int_equal(marray_read(array, "<M8", got, sizeof(got)), -EINVAL);
    assert_int_equal(marray_read(array, "<M8[as]", got, sizeof(got)), 0);
    marray_close(&array);
}

static void records_are_copied_field_by_field_and_blanks_stay(void **state)
{
    struct scratch *scratch = *state;
    const char dtype[] = "[('a', '|u1'), ('', '|V1'), ('b', '>u2', (2,))]";
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, dtype, 1, SHAPE(2));
    memset(marray_data(array), 0xee, 12);
    const unsigned char given[] = {1, 2, 0, 3, 0};
    assert_int_equal(marray_fill(array, "[('x', '|u1'), ('y', '<u2', (2,))]", given), 0);
    assert_memory_equal(marray_data(array), "\1\xee\0\2\0\3\1\xee\0\2\0\3", 12);
    assert_int_equal(marray_fill(array, "[('x', '|u1')]", given), -EINVAL);
    assert_int_equal(marray_fill(array, "[('x', '|u1'), ('y', '<u2', (1,))]", given), -EINVAL);
    unsigned char same[] = {9, 9, 9, 9, 9, 9};
    assert_int_equal(marray_set(array, (const int64_t[]){1}, dtype, same), 0);
    assert_memory_equal((unsigned char *)marray_data(array) + 6, "\11\xee\11\11\11\11", 6);
    marray_close(&array);
}

static void a_field_is_a_view_of_its_own_dtype_and_axes(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array =
        scratch_open(scratch, MARRAY_CREATE,
                     "[('a', '|S3'), (('t', 'b'), '<i4', (2, 3)), ('z', '|S0')]", 2, SHAPE(2, 5));
    struct marray *field, *by_title;
    assert_int_equal(marray_field(array, "b", &field), 0);
    assert_int_equal(marray_field(array, "t", &by_title), 0);
    assert_string_equal(marray_dtype(field), "<i4");
    assert_int_equal(marray_dimensions(field), 4);
    const int64_t strides[] = {135, 27, 12, 4};
    assert_memory_equal(marray_strides(field), strides, sizeof(strides));
    assert_int_equal(marray_offset_bytes(field), 3);
    int32_t value = 7;
    assert_int_equal(marray_set(field, (const int64_t[]){1, 4, 1, 2}, NULL, &value), 0);
    value = 0;
    memcpy(&value, (unsigned char *)marray_data(array) + 266, sizeof(value));
    assert_int_equal(value, 7);
    marray_close(&by_title);
    assert_int_equal(marray_field(array, "c", &by_title), -EINVAL);
    assert_int_equal(marray_field(array, "z", &by_title), -EINVAL);
    assert_int_equal(marray_field(field, "b", &by_title), -EINVAL);
    marray_close(&field);
    marray_close(&array);
}

static void another_dtype_parts_the_last_axis_anew(void **state)
{
    struct marray *array = open_counting(*state, 2, SHAPE(3, 4));
    struct marray *view, *turned;
    assert_int_equal(marray_view_as(array, ">u2", &view), 0);
    assert_int_equal(marray_shape(view)[1], 8);
    assert_int_equal(marray_strides(view)[1], 2);
    marray_close(&view);
    assert_int_equal(marray_view_as(array, "<f8", &view), 0);
    assert_int_equal(marray_shape(view)[1], 2);
    assert_int_equal(marray_strides(view)[0], 16);
    marray_close(&view);
    assert_int_equal(marray_view_as(array, "|V3", &view), -EINVAL);
    assert_int_equal(marray_view_as(array, "|V12", &view), -EINVAL);
    assert_int_equal(marray_view_as(array, "nonsense", &view), -EINVAL);
    assert_int_equal(marray_transpose(array, NULL, &turned), 0);
    assert_int_equal(marray_view_as(turned, "<f4", &view), 0);
    assert_int_equal(marray_strides(view)[0], 4);
    marray_close(&view);
    assert_int_equal(marray_view_as(turned, "<i2", &view), -EINVAL);
    marray_close(&turned);
    const struct marray_slice one[] = {MARRAY_AT(1), MARRAY_AT(1)};
    assert_int_equal(marray_slice(array, one, 2, &turned), 0);
    assert_int_equal(marray_view_as(turned, "<i2", &view), -EINVAL);
    marray_close(&turned);
    marray_close(&array);
}

static void reshapes_without_a_copy_work_and_others_say_why_not(void **state)
{
    struct marray *array = open_counting(*state, 3, SHAPE(2, 3, 4));
    struct marray *view, *part, *turned;
    assert_int_equal(marray_reshape(array, 2, SHAPE(4, MARRAY_INFER_LENGTH), &view), 0);
    assert_int_equal(marray_shape(view)[1], 6);
    assert_int_equal(marray_strides(view)[0], 24);
    marray_close(&view);
    const struct marray_slice slices[] = {MARRAY_ALL, MARRAY_ALL, MARRAY_RANGE(0, MARRAY_NONE, 2)};
    assert_int_equal(marray_slice(array, slices, 3, &part), 0);
    assert_int_equal(marray_reshape(part, 1, SHAPE(12), &view), 0);
    assert_int_equal(marray_strides(view)[0], 8);
    marray_close(&view);
    assert_int_equal(marray_transpose(array, NULL, &turned), 0);
    assert_int_equal(marray_reshape(turned, 1, SHAPE(24), &view), -EINVAL);
    assert_non_null(strstr(marray_message(turned), "copy"));
    assert_int_equal(marray_reshape(turned, 4, SHAPE(2, 2, 3, 2), &view), 0);
    const int64_t strides[] = {8, 4, 16, 48};
    assert_memory_equal(marray_strides(view), strides, sizeof(strides));
    marray_close(&view);
    assert_int_equal(marray_reshape(array, 2, SHAPE(5, 5), &view), -EINVAL);
    assert_int_equal(marray_reshape(array, 2, SHAPE(5, MARRAY_INFER_LENGTH), &view), -EINVAL);
    assert_int_equal(marray_reshape(array, 2, SHAPE(0, MARRAY_INFER_LENGTH), &view), -EINVAL);
    assert_int_equal(marray_reshape(array, 2, SHAPE(UINT64_C(1) << 62, 8), &view), -EINVAL);
    assert_int_equal(marray_reshape(array, 65, SHAPE(1), &view), -EINVAL);
    marray_close(&turned);
    marray_close(&part);
    marray_close(&array);
}

static void sixty_four_axes_are_sliced_read_and_reshaped(void **state)
{
    struct scratch *scratch = *state;
    uint64_t shape[MARRAY_MAX_DIMENSIONS];
    for (int axis = 0; axis < MARRAY_MAX_DIMENSIONS; axis++)
        shape[axis] = axis % 16 ? 1 : 2;
    struct marray *array = open_counting(scratch, MARRAY_MAX_DIMENSIONS, shape);
    struct marray *turned, *flat;
    int32_t got[16];
    assert_int_equal(marray_transpose(array, NULL, &turned), 0);
    assert_int_equal(marray_read(turned, NULL, got, sizeof(got)), 0);
    assert_int_equal(got[1], 8);
    assert_int_equal(got[15], 15);
    assert_int_equal(marray_reshape(array, 1, SHAPE(16), &flat), 0);
    expect_values(flat, 16, VALUES(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    struct marray *wider;
    assert_int_equal(marray_slice(array, &MARRAY_NEW_AXIS, 1, &wider), -EINVAL);
    marray_close(&flat);
    marray_close(&turned);
    marray_close(&array);
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(a_row_and_a_column_are_repeated_over_a_matrix),
        SCRATCH_TEST(overlapping_views_are_read_as_they_were_before),
        SCRATCH_TEST(shapes_and_dtypes_that_do_not_fit_are_refused),
        SCRATCH_TEST(text_is_cut_and_padded_and_only_ascii_changes_its_kind),
        SCRATCH_TEST(long_fills_store_every_element_and_no_more),
        SCRATCH_TEST(times_change_their_unit_rounded_down),
        SCRATCH_TEST(records_are_copied_field_by_field_and_blanks_stay),
        SCRATCH_TEST(a_field_is_a_view_of_its_own_dtype_and_axes),
        SCRATCH_TEST(another_dtype_parts_the_last_axis_anew),
        SCRATCH_TEST(reshapes_without_a_copy_work_and_others_say_why_not),
        SCRATCH_TEST(sixty_four_axes_are_sliced_read_and_reshaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
