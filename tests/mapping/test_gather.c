/* Blocks by an index list: any view, any order, cold and warm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "tests/mapping/scratch.h"

#define COLD_BYTES (16 << 20)
#define PAGE_BYTES 4096

/* Elements 0, 1, 2 ... of i4. */
static struct marray *open_counting(struct scratch *scratch, int dimensions, const uint64_t *shape)
{
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i4", dimensions, shape);
    int32_t *values = marray_data(array);
    for (uint64_t i = 0; i < marray_length(array); i++)
        values[i] = (int32_t)i;
    return array;
}

static void elements_come_in_the_order_of_the_list(void **state)
{
    struct marray *array = open_counting(*state, 1, SHAPE(100));
    const int64_t indices[] = {99, 0, -1, 7, 7, -100};
    int32_t got[6];
    assert_int_equal(marray_gather(array, indices, 6, NULL, got, sizeof(got)), 0);
    const int32_t expected[] = {99, 0, 99, 7, 7, 0};
    assert_memory_equal(got, expected, sizeof(expected));
    marray_close(&array);
}

static void small_blocks_are_converted_in_bulk(void **state)
{
    struct marray *array = open_counting(*state, 2, SHAPE(3000, 3));
    int64_t *indices = calloc(6000, sizeof(*indices));
    double *got = calloc(18000, sizeof(*got));
    for (int64_t i = 0; i < 6000; i++)
        indices[i] = i * 7919 % 3000;
    assert_int_equal(marray_gather(array, indices, 6000, ">f8", got, 18000 * sizeof(*got)), 0);
    for (size_t i = 0; i < 18000; i++) {
        uint64_t bits;
        double value;
        memcpy(&bits, &got[i], sizeof(bits));
        bits = __builtin_bswap64(bits);
        memcpy(&value, &bits, sizeof(value));
        int64_t expected = indices[i / 3] * 3 + (int64_t)(i % 3);
        assert_true(value == (double)expected);
    }
    free(got);
    free(indices);
    marray_close(&array);
}

static void a_transposed_and_reversed_view_gathers_its_own_rows(void **state)
{
    struct marray *array = open_counting(*state, 2, SHAPE(40, 50));
    struct marray *columns;
    struct marray *view;
    assert_int_equal(marray_transpose(array, NULL, &columns), 0);
    const struct marray_slice slices[] = {MARRAY_REVERSED, MARRAY_RANGE(30, 2, -9)};
    assert_int_equal(marray_slice(columns, slices, 2, &view), 0);
    const int64_t indices[] = {0, 49, 0, -3};
    int64_t got[4][4];
    assert_int_equal(marray_shape(view)[1], 4);
    assert_int_equal(marray_gather(view, indices, 4, "<i8", got, sizeof(got)), 0);
    for (int k = 0; k < 4; k++) {
        int64_t column = 49 - (indices[k] < 0 ? indices[k] + 50 : indices[k]);
        for (int64_t j = 0; j < 4; j++)
            assert_int_equal(got[k][j], (30 - 9 * j) * 50 + column);
    }
    marray_close(&view);
    marray_close(&columns);
    marray_close(&array);
}

static void a_scatter_stores_in_order_so_the_last_one_wins(void **state)
{
    struct marray *array = open_counting(*state, 2, SHAPE(10, 2));
    struct marray *view;
    const int64_t indices[] = {3, -1, 3};
    const double rows[3][2] = {{1.9, 2}, {3, 4}, {5, 6}};
    int32_t *values = marray_data(array);
    assert_int_equal(marray_scatter(array, indices, 3, "<f8", rows, sizeof(rows)), 0);
    assert_int_equal(values[6], 5);
    assert_int_equal(values[7], 6);
    assert_int_equal(values[18], 3);
    assert_int_equal(values[8], 8);
    /* Strided blocks go one by one. */
    assert_int_equal(marray_transpose(array, NULL, &view), 0);
    const int32_t columns[2][10] = {{0}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}};
    const int64_t both[] = {0, 1};
    assert_int_equal(marray_scatter(view, both, 2, NULL, columns, sizeof(columns)), 0);
    for (int32_t i = 0; i < 10; i++) {
        assert_int_equal(values[2 * i], 0);
        assert_int_equal(values[2 * i + 1], i + 1);
    }
    marray_close(&view);
    marray_close(&array);
}

static void a_wrong_index_moves_nothing(void **state)
{
    struct marray *array = open_counting(*state, 1, SHAPE(10));
    const int64_t indices[] = {1, 10};
    const int64_t below[] = {1, -11};
    int32_t values[2] = {-5, -5};
    assert_int_equal(marray_scatter(array, indices, 2, NULL, values, sizeof(values)), -ERANGE);
    assert_non_null(strstr(marray_message(array), "index 10 at place 1"));
    assert_int_equal(((int32_t *)marray_data(array))[1], 1);
    assert_int_equal(marray_gather(array, below, 2, NULL, values, sizeof(values)), -ERANGE);
    assert_int_equal(values[0], -5);
    marray_close(&array);
}

static void buffers_dtypes_modes_and_axes_are_checked(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = open_counting(scratch, 1, SHAPE(10));
    const int64_t indices[] = {1, 2};
    const uint64_t blocks[] = {1, 2};
    int32_t values[2];
    assert_int_equal(marray_gather(array, indices, 2, NULL, values, 7), -EINVAL);
    assert_int_equal(marray_gather(array, indices, 2, "rubbish", values, 8), -EINVAL);
    assert_int_equal(marray_gather(array, indices, SIZE_MAX / 2, NULL, values, 8), -EINVAL);
    assert_int_equal(marray_gather(array, NULL, 0, NULL, NULL, 0), 0);
    struct marray *scalar;
    assert_int_equal(marray_slice(array, &MARRAY_AT(3), 1, &scalar), 0);
    assert_int_equal(marray_gather(scalar, indices, 1, NULL, values, 4), -EINVAL);
    marray_close(&scalar);
    marray_close(&array);
    array = scratch_open(scratch, MARRAY_READ, "<i4", 1, SHAPE(10));
    assert_int_equal(marray_scatter(array, indices, 2, NULL, values, 8), -EACCES);
    assert_int_equal(marray_scatter_blocks(array, 4, blocks, 2, values), -EACCES);
    marray_close(&array);
}

static void blocks_of_nothing_and_lists_on_empty_axes_work(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i4", 2, SHAPE(5, 0));
    const int64_t indices[] = {4, 0};
    assert_int_equal(marray_gather(array, indices, 2, NULL, NULL, 0), 0);
    marray_close(&array);
    array = scratch_open(scratch, MARRAY_CREATE, "<i4", 2, SHAPE(0, 5));
    assert_int_equal(marray_gather(array, indices, 0, NULL, NULL, 0), 0);
    int32_t row[5];
    assert_int_equal(marray_gather(array, indices, 1, NULL, row, sizeof(row)), -ERANGE);
    marray_close(&array);
}

static void numbered_blocks_are_plain_bytes(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_ramp(scratch->path, 1000);
    struct marray_spec spec = scratch_spec(scratch, MARRAY_READ_WRITE, "<i2", 1, SHAPE(495));
    spec.offset_bytes = 10;
    struct marray *array;
    assert_int_equal(marray_open(scratch->path, &spec, &array), 0);
    const uint64_t blocks[] = {2, 0, 2};
    unsigned char got[3][100];
    assert_int_equal(marray_gather_blocks(array, 100, blocks, 3, got), 0);
    assert_int_equal(got[0][0], 210);
    assert_int_equal(got[1][0], 10);
    assert_int_equal(got[2][99], (309) % 251);
    memset(got[2], 9, 100);
    assert_int_equal(marray_scatter_blocks(array, 100, blocks, 3, got), 0);
    assert_int_equal(((unsigned char *)marray_data(array))[299], 9);
    assert_int_equal(((unsigned char *)marray_data(array))[300], 310 % 251);
    const uint64_t outside[] = {9};
    assert_int_equal(marray_gather_blocks(array, 100, outside, 1, got), -ERANGE);
    assert_int_equal(marray_gather_blocks(array, 0, outside, 1, got), -ERANGE);
    struct marray *view;
    assert_int_equal(marray_slice(array, &MARRAY_RANGE(0, 100, 2), 1, &view), 0);
    assert_int_equal(marray_gather_blocks(view, 2, blocks, 1, got), -EINVAL);
    marray_close(&view);
    marray_close(&array);
}

/* Writes the file, and takes it out of memory. Returns false where that cannot be. */
static bool make_cold(struct scratch *scratch)
{
    scratch_write_ramp(scratch->path, COLD_BYTES);
    int descriptor = open(scratch->path, O_RDONLY);
    assert_int_equal(fsync(descriptor), 0);
    assert_int_equal(posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED), 0);
    close(descriptor);
    struct marray *array = scratch_open(scratch, MARRAY_READ, NULL, MARRAY_INFER_SHAPE, NULL);
    uint64_t resident_bytes = 1;
    uint64_t total_bytes;
    int status = marray_residency(array, &resident_bytes, &total_bytes);
    marray_close(&array);
    return status == 0 && resident_bytes == 0;
}

static void a_cold_gather_reads_only_what_it_was_asked_for(void **state)
{
    struct scratch *scratch = *state;
    if (!make_cold(scratch)) {
        print_message("skipped: files here cannot be taken out of the page cache\n");
        skip();
    }
    enum { COUNT = 1500 };
    int64_t *indices = calloc(COUNT, sizeof(*indices));
    unsigned char *got = calloc(COUNT, 8);
    /* Cold pages, the same again, then some that are cold after a long warm stretch. */
    for (int64_t k = 0; k < COUNT; k++) {
        int64_t page = k < 400    ? k * 997 % 2000
                       : k < 1100 ? indices[k % 7] * 8 / PAGE_BYTES
                                  : 2000 + (k - 1100) * 991 % 1900;
        indices[k] = (page * PAGE_BYTES + k % 500 * 8) / 8;
    }
    struct marray *array = scratch_open(scratch, MARRAY_READ, "<u8", 1, SHAPE(COLD_BYTES / 8));
    assert_int_equal(marray_advise(array, MARRAY_ADVICE_RANDOM), 0);
    assert_int_equal(marray_gather(array, indices, COUNT, NULL, got, COUNT * 8), 0);
    for (int64_t k = 0; k < COUNT * 8; k++)
        assert_int_equal(got[k], (indices[k / 8] * 8 + k % 8) % 251);
    uint64_t resident_bytes;
    uint64_t total_bytes;
    assert_int_equal(marray_residency(array, &resident_bytes, &total_bytes), 0);
    assert_in_range(resident_bytes, 800 * PAGE_BYTES, 816 * PAGE_BYTES);
    marray_close(&array);
    free(got);
    free(indices);
}

static void a_cold_column_and_large_blocks_are_right(void **state)
{
    struct scratch *scratch = *state;
    make_cold(scratch);
    struct marray *array = scratch_open(scratch, MARRAY_READ, "|u1", 2, SHAPE(512, 32768));
    struct marray *columns;
    assert_int_equal(marray_transpose(array, NULL, &columns), 0);
    unsigned char(*got)[512] = calloc(3, 512);
    const int64_t indices[] = {32767, 100, 9000};
    assert_int_equal(marray_gather(columns, indices, 3, NULL, got, 3 * 512), 0);
    for (size_t k = 0; k < 3; k++) {
        for (size_t row = 0; row < 512; row++)
            assert_int_equal(got[k][row], (row * 32768 + (size_t)indices[k]) % 251);
    }
    marray_close(&columns);
    marray_close(&array);
    free(got);
    /* Beyond what a window holds, and beyond what is asked for ahead. */
    for (uint64_t block = 1 << 20; block <= COLD_BYTES; block *= 16) {
        unsigned char *bytes = malloc((size_t)block * 2);
        array = scratch_open(scratch, MARRAY_READ, "|u1", 2, SHAPE(COLD_BYTES / block, block));
        const int64_t ends[] = {-1, 0};
        assert_int_equal(marray_gather(array, ends, 2, NULL, bytes, (size_t)block * 2), 0);
        assert_int_equal(bytes[0], (COLD_BYTES - block) % 251);
        assert_int_equal(bytes[block + 500], 500 % 251);
        marray_close(&array);
        free(bytes);
    }
}

static void behind_a_character_that_cannot_be_stored_nothing_changes(void **state)
{
    enum { COUNT = 600 };
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "|S1", 1, SHAPE(COUNT));
    uint32_t characters[COUNT];
    int64_t indices[COUNT];
    memset(marray_data(array), '-', COUNT);
    for (int i = 0; i < COUNT; i++) {
        characters[i] = 'a';
        indices[i] = i;
    }
    characters[400] = 0xe9;
    assert_int_equal(marray_scatter(array, indices, COUNT, "=U1", characters, sizeof(characters)),
                     -EILSEQ);
    const char *text = marray_data(array);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(text[i], i < 400 ? 'a' : '-');
    marray_close(&array);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(elements_come_in_the_order_of_the_list, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(small_blocks_are_converted_in_bulk, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(a_transposed_and_reversed_view_gathers_its_own_rows,
                                        scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_scatter_stores_in_order_so_the_last_one_wins,
                                        scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_wrong_index_moves_nothing, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(buffers_dtypes_modes_and_axes_are_checked, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(blocks_of_nothing_and_lists_on_empty_axes_work,
                                        scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(behind_a_character_that_cannot_be_stored_nothing_changes,
                                        scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(numbered_blocks_are_plain_bytes, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(a_cold_gather_reads_only_what_it_was_asked_for,
                                        scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_cold_column_and_large_blocks_are_right, scratch_setup,
                                        scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
