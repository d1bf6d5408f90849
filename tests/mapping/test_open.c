/* Modes, offsets, shapes and closing behave as numpy.memmap does, and errors leave files alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/mapping/scratch.h"

static const uint64_t gibibyte = UINT64_C(1) << 30;

/* The open fails with that code, says something, and the file is still the ramp of that size. */
static void expect_refusal(struct scratch *scratch, const struct marray_spec *spec, int expected,
                           size_t ramp_bytes)
{
    struct marray *array = NULL;
    scratch->message.text[0] = '\0';
    int status = marray_open(scratch->path, spec, &array);
    if (status != expected)
        fail_msg("%d instead of %d: %s", status, expected, scratch->message.text);
    assert_null(array);
    assert_non_null(strstr(scratch->message.text, "'"));
    size_t size;
    unsigned char *bytes = scratch_read(scratch->path, &size);
    assert_int_equal(size, ramp_bytes);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(bytes[i], i % 251);
    free(bytes);
    assert_int_equal(scratch_count_files(scratch), 1);
}

static void mode_names_of_numpy_are_known(void **state)
{
    (void)state;
    enum marray_mode mode;
    assert_int_equal(marray_parse_mode("r", &mode), 0);
    assert_int_equal(mode, MARRAY_READ);
    assert_int_equal(marray_parse_mode("readwrite", &mode), 0);
    assert_int_equal(mode, MARRAY_READ_WRITE);
    assert_int_equal(marray_parse_mode("write", &mode), 0);
    assert_int_equal(mode, MARRAY_CREATE);
    assert_int_equal(marray_parse_mode("copyonwrite", &mode), 0);
    assert_int_equal(mode, MARRAY_COPY_ON_WRITE);
    assert_int_equal(marray_parse_mode("w", &mode), -EINVAL);
    assert_int_equal(marray_parse_mode("", &mode), -EINVAL);
}

static void create_makes_a_file_of_zeros_of_the_exact_size(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<f4", 2, SHAPE(3, 4));
    assert_int_equal(scratch_size(scratch->path), 48);
    const float *data = marray_data(array);
    for (int i = 0; i < 12; i++)
        assert_true(data[i] == 0);
    assert_int_equal(marray_length(array), 12);
    assert_int_equal(marray_size_bytes(array), 48);
    assert_string_equal(marray_dtype(array), "<f4");
    assert_int_equal(marray_mode(array), MARRAY_CREATE);
    assert_string_equal(marray_path(array), scratch->path);
    assert_int_equal(marray_close(&array), 0);
    assert_int_equal(scratch_size(scratch->path), 48);
}

static void an_unaligned_offset_works(void **state)
{
    struct scratch *scratch = *state;
    struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, "<f4", 2, SHAPE(3, 4));
    spec.offset_bytes = 1;
    struct marray *array;
    assert_int_equal(marray_open(scratch->path, &spec, &array), 0);
    assert_int_equal(scratch_size(scratch->path), 49);
    float value = 2.5F;
    assert_int_equal(marray_set(array, (const int64_t[]){2, 3}, "f4", &value), 0);
    assert_int_equal(marray_close(&array), 0);
    size_t size;
    unsigned char *bytes = scratch_read(scratch->path, &size);
    assert_memory_equal(bytes + 45, &value, 4);
    free(bytes);
}

static void an_offset_beyond_a_page_is_reported_and_used(void **state)
{
    struct scratch *scratch = *state;
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, "|u1", 1, SHAPE(5 * page_bytes));
    spec.offset_bytes = page_bytes + 1;
    struct marray *array;
    assert_int_equal(marray_open(scratch->path, &spec, &array), 0);
    assert_int_equal(scratch_size(scratch->path), 6 * page_bytes + 1);
    assert_int_equal(marray_offset_bytes(array), page_bytes + 1);
    memset(marray_data(array), 7, 5 * page_bytes);
    assert_int_equal(marray_close(&array), 0);
    size_t size;
    unsigned char *bytes = scratch_read(scratch->path, &size);
    assert_int_equal(bytes[page_bytes], 0);
    assert_int_equal(bytes[page_bytes + 1], 7);
    assert_int_equal(bytes[6 * page_bytes], 7);
    free(bytes);
}

static void without_a_shape_the_file_gives_it(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_ramp(scratch->path, 16);
    struct marray_spec spec = MARRAY_SPEC_INIT;
    spec.dtype = "<f8";
    struct marray *array;
    assert_int_equal(marray_open(scratch->path, &spec, &array), 0);
    assert_int_equal(marray_mode(array), MARRAY_READ_WRITE);
    assert_int_equal(marray_dimensions(array), 1);
    assert_int_equal(marray_shape(array)[0], 2);
    marray_close(&array);
    spec.dtype = NULL;
    assert_int_equal(marray_open(scratch->path, &spec, &array), 0);
    assert_int_equal(marray_shape(array)[0], 16);
    assert_string_equal(marray_dtype(array), "|u1");
    marray_close(&array);
}

static void a_file_of_no_whole_number_of_items_needs_a_shape(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_ramp(scratch->path, 17);
    struct marray_spec spec =
        scratch_spec(scratch, MARRAY_READ_WRITE, "<f8", MARRAY_INFER_SHAPE, NULL);
    expect_refusal(scratch, &spec, -EINVAL, 17);
    struct marray *array = scratch_open(scratch, MARRAY_READ_WRITE, "<f8", 1, SHAPE(2));
    marray_close(&array);
    assert_int_equal(scratch_size(scratch->path), 17);
}

static void arrays_without_elements_work_on_an_empty_file_in_every_mode(void **state)
{
    struct scratch *scratch = *state;
    const enum marray_mode modes[] = {MARRAY_READ, MARRAY_READ_WRITE, MARRAY_COPY_ON_WRITE,
                                      MARRAY_CREATE};
    scratch_write(scratch->path, "", 0);
    for (size_t i = 0; i < 4; i++) {
        struct marray *array = scratch_open(scratch, modes[i], "<f8", 2, SHAPE(0, 4));
        assert_int_equal(marray_length(array), 0);
        assert_null(marray_data(array));
        assert_int_equal(marray_read(array, NULL, NULL, 0), 0);
        assert_int_equal(marray_flush(array, MARRAY_FLUSH_FULL), 0);
        assert_int_equal(marray_flush(array, MARRAY_FLUSH_DATA), 0);
        assert_int_equal(marray_flush_view(array, MARRAY_FLUSH_DATA), 0);
        assert_int_equal(marray_advise(array, MARRAY_ADVICE_RANDOM), 0);
        struct marray *view;
        assert_int_equal(marray_transpose(array, NULL, &view), 0);
        assert_int_equal(marray_shape(view)[0], 4);
        assert_int_equal(marray_close(&view), 0);
        assert_int_equal(marray_close(&array), 0);
        assert_int_equal(scratch_size(scratch->path), 0);
    }
}

static void a_shape_beyond_the_end_is_refused_where_the_file_cannot_grow(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_ramp(scratch->path, 48);
    struct marray_spec spec = scratch_spec(scratch, MARRAY_READ, "<i4", 1, SHAPE(13));
    expect_refusal(scratch, &spec, -ENODATA, 48);
    spec.mode = MARRAY_COPY_ON_WRITE;
    expect_refusal(scratch, &spec, -ENODATA, 48);
}

static void read_write_extends_the_file_with_zeros(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_ramp(scratch->path, 48);
    struct marray_spec spec = scratch_spec(scratch, MARRAY_READ_WRITE, "<i4", 1, SHAPE(2));
    for (uint32_t flags = 0; flags <= MARRAY_SPARSE; flags += MARRAY_SPARSE) {
        spec.offset_bytes += 64;
        spec.flags = flags;
        struct marray *array;
        assert_int_equal(marray_open(scratch->path, &spec, &array), 0);
        assert_int_equal(scratch_size(scratch->path), spec.offset_bytes + 8);
        assert_int_equal(((int32_t *)marray_data(array))[1], 0);
        marray_close(&array);
    }
    size_t size;
    unsigned char *bytes = scratch_read(scratch->path, &size);
    assert_int_equal(bytes[47], 47);
    for (size_t i = 48; i < size; i++)
        assert_int_equal(bytes[i], 0);
    free(bytes);
}

static void growth_allocates_blocks_unless_sparse_is_asked_for(void **state)
{
    struct scratch *scratch = *state;
    struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, "|u1", 1, SHAPE(1 << 20));
    struct marray *array;
    struct stat information;
    spec.flags = MARRAY_SPARSE;
    assert_int_equal(marray_open(scratch->path, &spec, &array), 0);
    marray_close(&array);
    assert_int_equal(stat(scratch->path, &information), 0);
    assert_int_equal(information.st_blocks, 0);
    spec.flags = 0;
    assert_int_equal(marray_open(scratch->path, &spec, &array), 0);
    marray_close(&array);
    assert_int_equal(stat(scratch->path, &information), 0);
    assert_true(information.st_blocks * 512 >= 1 << 20);
}

static void an_offset_at_the_end_leaves_nothing_and_beyond_it_is_an_error(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_ramp(scratch->path, 16);
    struct marray_spec spec = scratch_spec(scratch, MARRAY_READ, "<i4", MARRAY_INFER_SHAPE, NULL);
    spec.offset_bytes = 16;
    struct marray *array;
    assert_int_equal(marray_open(scratch->path, &spec, &array), 0);
    assert_int_equal(marray_shape(array)[0], 0);
    marray_close(&array);
    spec.offset_bytes = 17;
    expect_refusal(scratch, &spec, -ENODATA, 16);
    spec.mode = MARRAY_READ_WRITE;
    expect_refusal(scratch, &spec, -ENODATA, 16);
    spec.offset_bytes = (uint64_t)-4;
    expect_refusal(scratch, &spec, -ENODATA, 16);
    spec.dimensions = 1;
    spec.shape = SHAPE(1);
    expect_refusal(scratch, &spec, -EOVERFLOW, 16);
}

static void create_over_a_larger_file_gives_zeros_of_the_exact_size(void **state)
{
    struct scratch *scratch = *state;
    for (uint32_t flags = 0; flags <= MARRAY_SPARSE; flags += MARRAY_SPARSE) {
        scratch_write_ramp(scratch->path, 100000);
        struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, "|u1", 1, SHAPE(5000));
        spec.offset_bytes = 3;
        spec.flags = flags;
        struct marray *array;
        assert_int_equal(marray_open(scratch->path, &spec, &array), 0);
        marray_close(&array);
        size_t size;
        unsigned char *bytes = scratch_read(scratch->path, &size);
        assert_int_equal(size, 5003);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(bytes[i], 0);
        free(bytes);
    }
}

static void create_over_a_smaller_file_gives_zeros_too(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_ramp(scratch->path, 100);
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "|u1", 1, SHAPE(9000));
    const unsigned char *data = marray_data(array);
    for (size_t i = 0; i < 9000; i++)
        assert_int_equal(data[i], 0);
    marray_close(&array);
    assert_int_equal(scratch_size(scratch->path), 9000);
}

static void a_bad_argument_in_create_leaves_the_old_file_whole(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_ramp(scratch->path, 100);
    struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, "<f8", MARRAY_INFER_SHAPE, NULL);
    expect_refusal(scratch, &spec, -EINVAL, 100);
    spec.dimensions = 1;
    spec.shape = SHAPE(2);
    spec.dtype = "nonsense";
    expect_refusal(scratch, &spec, -EINVAL, 100);
    spec.dtype = "<f16";
    expect_refusal(scratch, &spec, -ENOTSUP, 100);
    spec.dtype = "<f8";
    spec.flags = 1U << 31;
    expect_refusal(scratch, &spec, -EINVAL, 100);
    spec.flags = 0;
    spec.dimensions = 65;
    expect_refusal(scratch, &spec, -EINVAL, 100);
    spec.dimensions = -2;
    expect_refusal(scratch, &spec, -EINVAL, 100);
    spec.dimensions = 1;
    spec.shape = NULL;
    expect_refusal(scratch, &spec, -EINVAL, 100);
    spec.shape = SHAPE(2);
    spec.mode = (enum marray_mode)7;
    expect_refusal(scratch, &spec, -EINVAL, 100);
    spec.mode = MARRAY_CREATE;
    spec.order = (enum marray_order)2;
    expect_refusal(scratch, &spec, -EINVAL, 100);
}

static void a_shape_that_overflows_is_refused(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_ramp(scratch->path, 100);
    struct marray_spec spec =
        scratch_spec(scratch, MARRAY_CREATE, "|u1", 2, SHAPE(1024 * gibibyte, 1024 * gibibyte));
    expect_refusal(scratch, &spec, -EOVERFLOW, 100);
    spec.dimensions = 3;
    spec.shape = SHAPE(1024 * gibibyte, 1024 * gibibyte, 0);
    expect_refusal(scratch, &spec, -EOVERFLOW, 100);
    spec.dimensions = 1;
    spec.shape = SHAPE(INT64_MAX);
    spec.offset_bytes = 1;
    expect_refusal(scratch, &spec, -EOVERFLOW, 100);
}

static void a_missing_file_is_reported_and_not_created(void **state)
{
    struct scratch *scratch = *state;
    const enum marray_mode modes[] = {MARRAY_READ, MARRAY_READ_WRITE, MARRAY_COPY_ON_WRITE};
    for (size_t i = 0; i < 3; i++) {
        struct marray_spec spec = scratch_spec(scratch, modes[i], "|u1", 1, SHAPE(4));
        struct marray *array;
        assert_int_equal(marray_open(scratch->path, &spec, &array), -ENOENT);
        assert_non_null(strstr(scratch->message.text, scratch->path));
        assert_int_equal(scratch_size(scratch->path), -1);
    }
}

static void what_is_not_a_regular_file_is_refused(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array;
    struct marray_spec spec = scratch_spec(scratch, MARRAY_READ, "|u1", MARRAY_INFER_SHAPE, NULL);
    assert_int_equal(marray_open(scratch->folder, &spec, &array), -EISDIR);
    assert_int_equal(marray_open("/dev/null", &spec, &array), -ENODEV);
    assert_int_equal(mkfifo(scratch->path, 0600), 0);
    assert_int_equal(marray_open(scratch->path, &spec, &array), -ENODEV);
    spec.mode = MARRAY_CREATE;
    spec.dimensions = 1;
    spec.shape = SHAPE(4);
    assert_int_equal(marray_open(scratch->folder, &spec, &array), -EISDIR);
    assert_int_equal(marray_open(scratch->path, &spec, &array), -ENODEV);
}

static void a_newline_in_a_name_does_not_break_the_message(void **state)
{
    struct scratch *scratch = *state;
    struct marray_spec spec = scratch_spec(scratch, MARRAY_READ, "|u1", 1, SHAPE(4));
    struct marray *array;
    assert_int_equal(marray_open("no\nsuch\033file", &spec, &array), -ENOENT);
    assert_non_null(strstr(scratch->message.text, "no?such?file"));
}

static void stores_into_a_read_only_array_are_errors(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_ramp(scratch->path, 8);
    struct marray *array = scratch_open(scratch, MARRAY_READ, "|u1", 1, SHAPE(8));
    unsigned char value = 1;
    unsigned char bytes[8] = {0};
    struct marray_u1_vector vector;
    assert_int_equal(marray_set(array, (const int64_t[]){0}, NULL, &value), -EACCES);
    assert_int_equal(marray_fill(array, NULL, &value), -EACCES);
    assert_int_equal(marray_write(array, NULL, bytes, 8), -EACCES);
    assert_int_equal(marray_u1_vector(array, true, &vector), -EACCES);
    assert_non_null(strstr(marray_message(array), scratch->path));
    assert_int_equal(marray_u1_vector(array, false, &vector), 0);
    marray_close(&array);
}

static void copy_on_write_keeps_stores_to_itself(void **state)
{
    struct scratch *scratch = *state;
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    scratch_write_ramp(scratch->path, 2 * page_bytes);
    struct marray *mine =
        scratch_open(scratch, MARRAY_COPY_ON_WRITE, "|u1", 1, SHAPE(2 * page_bytes));
    struct marray *shared =
        scratch_open(scratch, MARRAY_READ_WRITE, "|u1", 1, SHAPE(2 * page_bytes));
    unsigned char *private_bytes = marray_data(mine);
    unsigned char *shared_bytes = marray_data(shared);
    private_bytes[0] = 200;
    assert_int_equal(marray_flush(mine, MARRAY_FLUSH_FULL), 0);
    assert_int_equal(shared_bytes[0], 0);
    shared_bytes[1] = 201;
    shared_bytes[page_bytes] = 202;
    assert_int_equal(private_bytes[1], 1);
    assert_int_equal(private_bytes[page_bytes], 202);
    marray_close(&mine);
    marray_close(&shared);
}

static void copy_on_write_needs_no_right_to_write(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_ramp(scratch->path, 8);
    assert_int_equal(chmod(scratch->path, 0400), 0);
    struct marray *array = scratch_open(scratch, MARRAY_COPY_ON_WRITE, "|u1", 1, SHAPE(8));
    unsigned char value = 99;
    assert_int_equal(marray_fill(array, NULL, &value), 0);
    marray_close(&array);
    size_t size;
    unsigned char *bytes = scratch_read(scratch->path, &size);
    assert_int_equal(bytes[3], 3);
    free(bytes);
}

static void an_array_of_no_dimensions_has_one_element(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i8", 0, NULL);
    assert_int_equal(scratch_size(scratch->path), 8);
    assert_int_equal(marray_length(array), 1);
    int64_t value = 42;
    int64_t back = 0;
    assert_int_equal(marray_write(array, NULL, &value, 8), 0);
    assert_int_equal(marray_read(array, NULL, &back, 8), 0);
    assert_int_equal(back, 42);
    back = 0;
    assert_int_equal(marray_get(array, NULL, NULL, &back), 0);
    assert_int_equal(back, 42);
    value = 43;
    assert_int_equal(marray_fill(array, NULL, &value), 0);
    assert_int_equal(marray_flush_view(array, MARRAY_FLUSH_DATA), 0);
    assert_int_equal(*(int64_t *)marray_data(array), 43);
    marray_close(&array);
}

static void order_f_has_numpy_strides_and_rows(void **state)
{
    struct scratch *scratch = *state;
    int32_t ramp[12];
    for (int i = 0; i < 12; i++)
        ramp[i] = i;
    scratch_write(scratch->path, ramp, sizeof(ramp));
    struct marray_spec spec = scratch_spec(scratch, MARRAY_READ, "<i4", 2, SHAPE(3, 4));
    spec.order = MARRAY_ORDER_F;
    struct marray *array;
    assert_int_equal(marray_open(scratch->path, &spec, &array), 0);
    assert_int_equal(marray_strides(array)[0], 4);
    assert_int_equal(marray_strides(array)[1], 12);
    assert_true(marray_is_contiguous(array, MARRAY_ORDER_F));
    assert_false(marray_is_contiguous(array, MARRAY_ORDER_C));
    int32_t elements[12];
    assert_int_equal(marray_read(array, NULL, elements, sizeof(elements)), 0);
    const int32_t expected[12] = {0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11};
    assert_memory_equal(elements, expected, sizeof(expected));
    marray_close(&array);
}

static void two_maps_and_pread_and_pwrite_agree_at_once(void **state)
{
    struct scratch *scratch = *state;
    struct marray *one = scratch_open(scratch, MARRAY_CREATE, "<i4", 1, SHAPE(4));
    struct marray *other = scratch_open(scratch, MARRAY_READ, "<i4", 1, SHAPE(4));
    int32_t value = 5;
    assert_int_equal(marray_set(one, (const int64_t[]){2}, NULL, &value), 0);
    assert_int_equal(((const int32_t *)marray_data(other))[2], 5);
    int32_t read_back = 0;
    assert_int_equal(pread(marray_descriptor(other), &read_back, 4, 8), 4);
    assert_int_equal(read_back, 5);
    value = 6;
    assert_int_equal(pwrite(marray_descriptor(one), &value, 4, 12), 4);
    assert_int_equal(((const int32_t *)marray_data(other))[3], 6);
    marray_close(&one);
    marray_close(&other);
}

static void closing_with_live_views_is_refused_and_twice_is_fine(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i4", 1, SHAPE(4));
    struct marray *view;
    struct marray *view_of_view;
    assert_int_equal(marray_slice(array, (struct marray_slice[]){MARRAY_REVERSED}, 1, &view), 0);
    assert_int_equal(marray_transpose(view, NULL, &view_of_view), 0);
    assert_int_equal(marray_close(&array), -EBUSY);
    assert_non_null(array);
    assert_non_null(strstr(marray_message(array), "2 views"));
    assert_int_equal(marray_close(&view), 0);
    assert_null(view);
    assert_int_equal(marray_close(&array), -EBUSY);
    ((int32_t *)marray_data(view_of_view))[0] = 4;
    assert_int_equal(marray_close(&view_of_view), 0);
    assert_int_equal(marray_close(&array), 0);
    assert_null(array);
    assert_int_equal(marray_close(&array), 0);
    assert_int_equal(marray_close(NULL), 0);
}

static void durable_create_replaces_the_file_by_a_whole_new_one(void **state)
{
    struct scratch *scratch = *state;
    struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, "<i4", 1, SHAPE(4));
    spec.flags = MARRAY_DURABLE_CREATE;
    struct marray *array;
    struct stat information;
    assert_int_equal(marray_open(scratch->path, &spec, &array), 0);
    assert_int_equal(scratch_size(scratch->path), 16);
    assert_int_equal(scratch_count_files(scratch), 1);
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_FULL), 0);
    marray_close(&array);

    scratch_write_ramp(scratch->path, 999);
    assert_int_equal(chmod(scratch->path, 0640), 0);
    struct marray *old = scratch_open(scratch, MARRAY_READ, "|u1", 1, SHAPE(999));
    assert_int_equal(marray_open(scratch->path, &spec, &array), 0);
    assert_int_equal(((const unsigned char *)marray_data(old))[200], 200);
    assert_int_equal(((const int32_t *)marray_data(array))[3], 0);
    assert_int_equal(stat(scratch->path, &information), 0);
    assert_int_equal(information.st_size, 16);
    assert_int_equal(information.st_mode & 07777, 0640);
    assert_int_equal(scratch_count_files(scratch), 1);
    marray_close(&array);
    marray_close(&old);
    spec.mode = MARRAY_READ_WRITE;
    assert_int_equal(marray_open(scratch->path, &spec, &array), -EINVAL);
}

static void create_follows_a_symbolic_link_to_nothing(void **state)
{
    struct scratch *scratch = *state;
    char target[PATH_MAX];
    snprintf(target, sizeof(target), "%.4000s/target", scratch->folder);
    assert_int_equal(symlink(target, scratch->path), 0);
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i4", 1, SHAPE(4));
    marray_close(&array);
    assert_int_equal(scratch_size(target), 16);
}

static void a_spec_of_another_size_is_refused(void **state)
{
    struct scratch *scratch = *state;
    struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, "<i4", 1, SHAPE(4));
    struct marray *array;
    spec.size_bytes = 8;
    assert_int_equal(marray_open(scratch->path, &spec, &array), -EINVAL);
    assert_int_equal(marray_open(scratch->path, NULL, &array), -EINVAL);
    assert_int_equal(marray_open(NULL, &spec, &array), -EINVAL);
    assert_int_equal(scratch_count_files(scratch), 0);
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mode_names_of_numpy_are_known),
        SCRATCH_TEST(create_makes_a_file_of_zeros_of_the_exact_size),
        SCRATCH_TEST(an_unaligned_offset_works),
        SCRATCH_TEST(an_offset_beyond_a_page_is_reported_and_used),
        SCRATCH_TEST(without_a_shape_the_file_gives_it),
        SCRATCH_TEST(a_file_of_no_whole_number_of_items_needs_a_shape),
        SCRATCH_TEST(arrays_without_elements_work_on_an_empty_file_in_every_mode),
        SCRATCH_TEST(a_shape_beyond_the_end_is_refused_where_the_file_cannot_grow),
        SCRATCH_TEST(read_write_extends_the_file_with_zeros),
        SCRATCH_TEST(growth_allocates_blocks_unless_sparse_is_asked_for),
        SCRATCH_TEST(an_offset_at_the_end_leaves_nothing_and_beyond_it_is_an_error),
        SCRATCH_TEST(create_over_a_larger_file_gives_zeros_of_the_exact_size),
        SCRATCH_TEST(create_over_a_smaller_file_gives_zeros_too),
        SCRATCH_TEST(a_bad_argument_in_create_leaves_the_old_file_whole),
        SCRATCH_TEST(a_shape_that_overflows_is_refused),
        SCRATCH_TEST(a_missing_file_is_reported_and_not_created),
        SCRATCH_TEST(what_is_not_a_regular_file_is_refused),
        SCRATCH_TEST(a_newline_in_a_name_does_not_break_the_message),
        SCRATCH_TEST(stores_into_a_read_only_array_are_errors),
        SCRATCH_TEST(copy_on_write_keeps_stores_to_itself),
        SCRATCH_TEST(copy_on_write_needs_no_right_to_write),
        SCRATCH_TEST(an_array_of_no_dimensions_has_one_element),
        SCRATCH_TEST(order_f_has_numpy_strides_and_rows),
        SCRATCH_TEST(two_maps_and_pread_and_pwrite_agree_at_once),
        SCRATCH_TEST(closing_with_live_views_is_refused_and_twice_is_fine),
        SCRATCH_TEST(durable_create_replaces_the_file_by_a_whole_new_one),
        SCRATCH_TEST(create_follows_a_symbolic_link_to_nothing),
        SCRATCH_TEST(a_spec_of_another_size_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
