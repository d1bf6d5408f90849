/* Arrays change their length in place, and are left alone where they cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "tests/mapping/scratch.h"

static struct marray *open_npy(struct scratch *scratch, enum marray_mode mode, const char *dtype,
                               int dimensions, const uint64_t *shape, enum marray_order order)
{
    struct marray_spec spec = scratch_spec(scratch, mode, dtype, dimensions, shape);
    struct marray *array;
    spec.order = order;
    assert_int_equal(marray_open_npy(scratch->path, &spec, &array), 0);
    return array;
}

static void fill_ramp(struct marray *array)
{
    int32_t values[1000];
    assert_true(marray_length(array) <= 1000);
    for (int32_t i = 0; i < 1000; i++)
        values[i] = i;
    assert_int_equal(marray_write(array, "<i4", values, (size_t)marray_length(array) * 4), 0);
}

static int32_t at(struct marray *array, int64_t index)
{
    int32_t value;
    assert_int_equal(marray_get(array, &index, "<i4", &value), 0);
    return value;
}

static void a_grown_array_keeps_its_elements_and_has_zeros_behind(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i4", 1, SHAPE(10));
    fill_ramp(array);
    assert_int_equal(marray_resize(array, 1, SHAPE(100000)), 0);
    assert_int_equal(marray_length(array), 100000);
    assert_int_equal(scratch_size(scratch->path), 400000);
    assert_int_equal(at(array, 9), 9);
    assert_int_equal(at(array, 10), 0);
    assert_int_equal(at(array, -1), 0);
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_DATA), 0);
    assert_int_equal(marray_close(&array), 0);
}

static void a_shrunk_array_cuts_the_file_and_can_be_of_other_dimensions(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i4", 1, SHAPE(1000));
    fill_ramp(array);
    assert_int_equal(marray_resize(array, 3, SHAPE(2, 3, 4)), 0);
    assert_int_equal(marray_dimensions(array), 3);
    assert_int_equal(marray_strides(array)[0], 48);
    assert_int_equal(scratch_size(scratch->path), 96);
    int32_t value;
    assert_int_equal(marray_get(array, (const int64_t[]){1, 2, 3}, NULL, &value), 0);
    assert_int_equal(value, 23);
    assert_int_equal(marray_close(&array), 0);
}

static void a_resize_to_nothing_and_back_is_a_file_of_zeros(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i4", 1, SHAPE(1000));
    fill_ramp(array);
    assert_int_equal(marray_resize(array, 1, SHAPE(0)), 0);
    assert_null(marray_data(array));
    assert_int_equal(scratch_size(scratch->path), 0);
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_DATA), 0);
    assert_int_equal(marray_resize(array, 1, SHAPE(5)), 0);
    assert_int_equal(at(array, 4), 0);
    assert_int_equal(marray_close(&array), 0);
    assert_int_equal(scratch_size(scratch->path), 20);
}

static void views_and_modes_without_a_file_of_their_own_refuse(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i4", 1, SHAPE(10));
    struct marray *view;
    int32_t value = 1;
    assert_int_equal(marray_slice(array, (struct marray_slice[]){MARRAY_ALL}, 1, &view), 0);
    assert_int_equal(marray_resize(array, 1, SHAPE(0)), -EBUSY);
    assert_int_equal(marray_append(array, 1, NULL, &value, 4), -EBUSY);
    assert_int_equal(marray_resize(view, 1, SHAPE(20)), -EINVAL);
    assert_int_equal(marray_close(&view), 0);
    assert_int_equal(marray_resize(array, 65, SHAPE(1)), -EINVAL);
    assert_int_equal(marray_resize(array, 2, SHAPE(UINT64_C(1) << 40, UINT64_C(1) << 40)),
                     -EOVERFLOW);
    assert_int_equal(marray_append(array, UINT64_MAX, NULL, &value, 4), -EOVERFLOW);
    assert_int_equal(marray_length(array), 10);
    assert_int_equal(marray_close(&array), 0);
    const enum marray_mode modes[] = {MARRAY_READ, MARRAY_COPY_ON_WRITE};
    for (int i = 0; i < 2; i++) {
        array = scratch_open(scratch, modes[i], "<i4", 1, SHAPE(10));
        assert_int_equal(marray_resize(array, 1, SHAPE(5)), -EACCES);
        assert_int_equal(marray_append(array, 1, NULL, &value, 4), -EACCES);
        assert_int_equal(marray_close(&array), 0);
    }
    assert_int_equal(scratch_size(scratch->path), 40);
}

static void a_npy_header_is_rewritten_in_its_place(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = open_npy(scratch, MARRAY_CREATE, "<i4", 2, SHAPE(3, 4), MARRAY_ORDER_C);
    fill_ramp(array);
    assert_int_equal(marray_resize(array, 2, SHAPE(50, 4)), 0);
    assert_int_equal(marray_close(&array), 0);
    size_t size;
    unsigned char *bytes = scratch_read(scratch->path, &size);
    assert_int_equal(size, 128 + 800);
    static const char text[] = "{'descr': '<i4', 'fortran_order': False, 'shape': (50, 4), } ";
    assert_memory_equal(bytes + 10, text, sizeof(text) - 1);
    assert_int_equal(bytes[127], '\n');
    free(bytes);
    array = open_npy(scratch, MARRAY_READ_WRITE, NULL, MARRAY_INFER_SHAPE, NULL, MARRAY_ORDER_C);
    assert_int_equal(marray_shape(array)[0], 50);
    int32_t value;
    assert_int_equal(marray_get(array, (const int64_t[]){2, 3}, NULL, &value), 0);
    assert_int_equal(value, 11);
    /* Sixty axes of one have no room, and nothing happens. */
    uint64_t shape[60];
    for (int i = 0; i < 60; i++)
        shape[i] = 1;
    assert_int_equal(marray_resize(array, 60, shape), -ENOSPC);
    assert_non_null(strstr(marray_message(array), "128 bytes"));
    assert_int_equal(marray_dimensions(array), 2);
    assert_int_equal(marray_close(&array), 0);
    assert_int_equal(scratch_size(scratch->path), 928);
}

static void a_fortran_row_that_gets_rows_says_so_in_its_header(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = open_npy(scratch, MARRAY_CREATE, "<i4", 2, SHAPE(4, 1), MARRAY_ORDER_F);
    fill_ramp(array);
    const int32_t more[] = {10, 20, 11, 21, 12, 22, 13, 23};
    assert_int_equal(marray_append(array, 2, NULL, more, sizeof(more)), 0);
    assert_int_equal(marray_close(&array), 0);
    array = open_npy(scratch, MARRAY_READ, NULL, MARRAY_INFER_SHAPE, NULL, MARRAY_ORDER_C);
    assert_int_equal(marray_shape(array)[1], 3);
    assert_int_equal(marray_strides(array)[0], 4);
    int32_t value;
    assert_int_equal(marray_get(array, (const int64_t[]){3, 0}, NULL, &value), 0);
    assert_int_equal(value, 3);
    assert_int_equal(marray_get(array, (const int64_t[]){1, 2}, NULL, &value), 0);
    assert_int_equal(value, 21);
    assert_int_equal(marray_close(&array), 0);
}

static void appends_keep_the_base_and_close_cuts_what_is_left(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = open_npy(scratch, MARRAY_CREATE, "<i4", 2, SHAPE(0, 3), MARRAY_ORDER_C);
    double rows[64 * 3];
    const void *base = NULL;
    int64_t row = 0;
    for (int round = 0; round < 2000; round++) {
        uint64_t count = (uint64_t)(round % 64) + 1;
        for (uint64_t i = 0; i < count * 3; i++)
            rows[i] = (double)(row * 3 + (int64_t)i);
        assert_int_equal(marray_append(array, count, "<f8", rows, count * 24), 0);
        row += (int64_t)count;
        if (round == 0)
            base = marray_data(array);
        assert_ptr_equal(marray_data(array), base);
        assert_int_equal(marray_shape(array)[0], row);
        if (round == 1000) {
            assert_true(scratch_size(scratch->path) > 128 + row * 12);
            assert_int_equal(marray_flush(array, MARRAY_FLUSH_DATA), 0);
            assert_int_equal(scratch_size(scratch->path), 128 + row * 12);
        }
    }
    assert_int_equal(marray_close(&array), 0);
    assert_int_equal(scratch_size(scratch->path), 128 + row * 12);
    array = open_npy(scratch, MARRAY_READ, NULL, MARRAY_INFER_SHAPE, NULL, MARRAY_ORDER_C);
    assert_int_equal(marray_shape(array)[0], row);
    for (int64_t i = 0; i < row; i += 97) {
        int32_t value;
        assert_int_equal(marray_get(array, (const int64_t[]){i, 2}, NULL, &value), 0);
        assert_int_equal(value, i * 3 + 2);
    }
    assert_int_equal(marray_close(&array), 0);
}

static void bytes_behind_the_array_are_not_cut(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_ramp(scratch->path, 100);
    struct marray *array = scratch_open(scratch, MARRAY_READ_WRITE, "|u1", 1, SHAPE(50));
    assert_int_equal(marray_resize(array, 1, SHAPE(10)), 0);
    assert_int_equal(marray_resize(array, 1, SHAPE(60)), 0);
    assert_int_equal(at(array, 59), 59);
    assert_int_equal(marray_close(&array), 0);
    assert_int_equal(scratch_size(scratch->path), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
        WITH_SCRATCH(a_grown_array_keeps_its_elements_and_has_zeros_behind),
        WITH_SCRATCH(a_shrunk_array_cuts_the_file_and_can_be_of_other_dimensions),
        WITH_SCRATCH(a_resize_to_nothing_and_back_is_a_file_of_zeros),
        WITH_SCRATCH(views_and_modes_without_a_file_of_their_own_refuse),
        WITH_SCRATCH(a_npy_header_is_rewritten_in_its_place),
        WITH_SCRATCH(a_fortran_row_that_gets_rows_says_so_in_its_header),
        WITH_SCRATCH(appends_keep_the_base_and_close_cuts_what_is_left),
        WITH_SCRATCH(bytes_behind_the_array_are_not_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
