/* What a flush reaches, and what it refuses; advice and residency of views. */
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
#include <sys/syscall.h>
#include <unistd.h>

#include "mapping/os.h"
#include "tests/mapping/scratch.h"

#ifndef __NR_cachestat
#define __NR_cachestat 451
#endif

/* Dirty or written-back pages of the file; -1 where the kernel cannot tell. */
static int64_t count_unclean_pages(const struct marray *array)
{
    uint64_t range[2] = {0, 0};
    uint64_t counts[5];
    if (syscall(__NR_cachestat, marray_descriptor(array), range, counts, 0))
        return -1;
    return (int64_t)(counts[1] + counts[2]);
}

/* 64 rows of two pages each. */
static struct marray *open_rows(struct scratch *scratch)
{
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    return scratch_open(scratch, MARRAY_CREATE, "|u1", 2, SHAPE(64, 2 * page_bytes));
}

static void a_store_through_a_view_is_on_disk_after_a_flush_of_view_or_parent(void **state)
{
    struct scratch *scratch = *state;
    for (int by_view = 0; by_view < 2; by_view++) {
        struct marray *array = open_rows(scratch);
        struct marray *view;
        assert_int_equal(
            marray_slice(array, (struct marray_slice[]){MARRAY_ALL, MARRAY_AT(-1)}, 2, &view), 0);
        unsigned char value = 9;
        assert_int_equal(marray_fill(view, NULL, &value), 0);
        if (by_view)
            assert_int_equal(marray_flush_view(view, MARRAY_FLUSH_DATA), 0);
        else
            assert_int_equal(marray_flush(array, MARRAY_FLUSH_DATA), 0);
        assert_true(count_unclean_pages(array) <= 0);
        marray_close(&view);
        marray_close(&array);
    }
}

static void a_flush_of_a_view_leaves_other_rows_dirty(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = open_rows(scratch);
    struct marray *view;
    unsigned char value = 9;
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_FULL), 0);
    assert_int_equal(marray_fill(array, NULL, &value), 0);
    int64_t before = count_unclean_pages(array);
    if (before <= 0) {
        marray_close(&array);
        print_message(
            "no dirty pages are counted here: no cachestat, or a file system in memory\n");
        skip();
    }
    const struct marray_slice last_row[] = {MARRAY_AT(63)};
    assert_int_equal(marray_slice(array, last_row, 1, &view), 0);
    assert_int_equal(marray_flush_view(view, MARRAY_FLUSH_DATA), 0);
    int64_t after = count_unclean_pages(array);
    assert_true(after < before);
    assert_true(after > 0);
    assert_int_equal(marray_flush_range(array, 0, marray_size_bytes(array), MARRAY_FLUSH_DATA), 0);
    assert_int_equal(count_unclean_pages(array), 0);
    marray_close(&view);
    marray_close(&array);
}

/* Which way it goes is found out by the time, and tried anew now and then. */
static void a_view_among_much_that_is_dirty_is_clean_after_each_flush(void **state)
{
    enum { FLUSHES = 40 };
    struct marray *array = open_rows(*state);
    struct marray *view;
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    const struct marray_slice first_column[] = {MARRAY_ALL, MARRAY_AT(0)};
    assert_int_equal(marray_slice(array, first_column, 2, &view), 0);
    for (int flush = 1; flush <= FLUSHES; flush++) {
        unsigned char value = (unsigned char)flush;
        assert_int_equal(marray_fill(array, NULL, &value), 0);
        assert_int_equal(marray_flush_view(view, MARRAY_FLUSH_DATA), 0);
        for (uint64_t row = 0; row < 64; row++) {
            uint64_t dirty_bytes = 0;
            int status = marray_os_dirty(marray_descriptor(array), row * 2 * page_bytes, page_bytes,
                                         &dirty_bytes);
            assert_true(status == 0 || status == -EOPNOTSUPP || status == -EPERM);
            assert_int_equal(dirty_bytes, 0);
        }
    }
    marray_close(&view);
    marray_close(&array);
}

static void a_range_of_any_alignment_is_flushed_and_outside_is_an_error(void **state)
{
    struct scratch *scratch = *state;
    struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, "|u1", 1, SHAPE(100000));
    spec.offset_bytes = 4097;
    struct marray *array;
    assert_int_equal(marray_open(scratch->path, &spec, &array), 0);
    assert_int_equal(marray_flush_range(array, 1, 1, MARRAY_FLUSH_DATA), 0);
    assert_int_equal(marray_flush_range(array, 77777, 22223, MARRAY_FLUSH_DATA), 0);
    assert_int_equal(marray_flush_range(array, 77777, 22223, MARRAY_FLUSH_ASYNC), 0);
    assert_int_equal(marray_flush_range(array, 100000, 0, MARRAY_FLUSH_DATA), 0);
    assert_int_equal(marray_flush_range(array, 77777, 22224, MARRAY_FLUSH_DATA), -ERANGE);
    assert_int_equal(marray_flush_range(array, 100001, 0, MARRAY_FLUSH_DATA), -ERANGE);
    assert_int_equal(marray_flush_range(array, 2, UINT64_MAX, MARRAY_FLUSH_DATA), -ERANGE);
    assert_int_equal(marray_flush(array, (enum marray_flush_level)3), -EINVAL);
    marray_close(&array);
}

static void a_flush_of_read_and_copy_on_write_arrays_does_nothing(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_ramp(scratch->path, 10000);
    const enum marray_mode modes[] = {MARRAY_READ, MARRAY_COPY_ON_WRITE};
    for (size_t i = 0; i < 2; i++) {
        struct marray *array = scratch_open(scratch, modes[i], "|u1", 1, SHAPE(10000));
        for (int level = MARRAY_FLUSH_ASYNC; level <= MARRAY_FLUSH_FULL; level++) {
            assert_int_equal(marray_flush(array, (enum marray_flush_level)level), 0);
            assert_int_equal(marray_flush_view(array, (enum marray_flush_level)level), 0);
            assert_int_equal(marray_flush_range(array, 5, 5, (enum marray_flush_level)level), 0);
            assert_string_equal(marray_flush_calls(array, (enum marray_flush_level)level), "none");
        }
        assert_int_equal(marray_flush_range(array, 9999, 2, MARRAY_FLUSH_DATA), -ERANGE);
        marray_close(&array);
    }
}

static void a_full_flush_survives_a_change_of_folder(void **state)
{
    struct scratch *scratch = *state;
    char here[PATH_MAX];
    assert_non_null(getcwd(here, sizeof(here)));
    assert_int_equal(chdir(scratch->folder), 0);
    struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, "|u1", 1, SHAPE(8));
    struct marray *array;
    assert_int_equal(marray_open("data", &spec, &array), 0);
    assert_int_equal(chdir("/proc"), 0);
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_FULL), 0);
    assert_int_equal(chdir(here), 0);
    marray_close(&array);
}

static void advice_names_are_read_back(void **state)
{
    (void)state;
    for (int i = MARRAY_ADVICE_NORMAL; i <= MARRAY_ADVICE_HUGE_PAGES; i++) {
        enum marray_advice advice;
        assert_int_equal(marray_parse_advice(marray_advice_name((enum marray_advice)i), &advice),
                         0);
        assert_int_equal(advice, i);
    }
    enum marray_advice advice;
    assert_int_equal(marray_parse_advice("WILLNEED", &advice), -EINVAL);
    assert_string_equal(marray_advice_name((enum marray_advice)99), "unknown");
}

static void advice_is_granted_or_refused_with_a_reason(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = open_rows(scratch);
    struct marray *view;
    assert_int_equal(
        marray_slice(array, (struct marray_slice[]){MARRAY_ALL, MARRAY_AT(5)}, 2, &view), 0);
    assert_int_equal(marray_advise(array, MARRAY_ADVICE_RANDOM), 0);
    assert_int_equal(marray_advise(view, MARRAY_ADVICE_SEQUENTIAL), 0);
    assert_int_equal(marray_advise(view, MARRAY_ADVICE_NORMAL), 0);
    assert_int_equal(marray_advise(view, MARRAY_ADVICE_WILLNEED), 0);
    for (int i = MARRAY_ADVICE_POPULATE; i <= MARRAY_ADVICE_HUGE_PAGES; i++) {
        int status = marray_advise(view, (enum marray_advice)i);
        assert_true(status == 0 || status == -EOPNOTSUPP || status == -EINVAL);
        if (status)
            assert_non_null(
                strstr(marray_message(view), marray_advice_name((enum marray_advice)i)));
    }
    assert_int_equal(marray_advise(view, (enum marray_advice)8), -EINVAL);
    marray_close(&view);
    marray_close(&array);
}

/* The first map of a file in this process, and how many there are. */
static size_t count_maps(const char *path, uint64_t *first_bytes)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[2 * PATH_MAX];
    size_t count = 0;
    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps)) {
        if (!strstr(line, path))
            continue;
        char *end;
        uint64_t low = strtoull(line, &end, 16);
        uint64_t high = strtoull(end + 1, NULL, 16);
        if (count++ == 0)
            *first_bytes = high - low;
    }
    fclose(maps);
    return count;
}

static void advice_over_rows_splits_the_map_once_not_row_by_row(void **state)
{
    struct scratch *scratch = *state;
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    struct marray *array = open_rows(scratch);
    struct marray *view;
    uint64_t first_bytes = 0;
    const struct marray_slice slices[] = {MARRAY_RANGE(0, 32, 1),
                                          MARRAY_RANGE(0, (int64_t)page_bytes, 1)};
    assert_int_equal(marray_slice(array, slices, 2, &view), 0);
    assert_int_equal(marray_advise(view, MARRAY_ADVICE_RANDOM), 0);
    /* From the first page of row 0 to the first of row 31. */
    assert_int_equal(count_maps(scratch->path, &first_bytes), 2);
    assert_int_equal(first_bytes, 63 * page_bytes);
    marray_close(&view);
    marray_close(&array);
}

static void residency_counts_the_pages_of_the_view(void **state)
{
    struct scratch *scratch = *state;
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    struct marray *array = open_rows(scratch);
    struct marray *view;
    unsigned char value = 1;
    uint64_t resident_bytes = 0;
    uint64_t total_bytes = 0;
    assert_int_equal(marray_fill(array, NULL, &value), 0);
    assert_int_equal(marray_residency(array, &resident_bytes, &total_bytes), 0);
    assert_int_equal(total_bytes, 128 * page_bytes);
    assert_int_equal(resident_bytes, total_bytes);
    assert_int_equal(
        marray_slice(array, (struct marray_slice[]){MARRAY_ALL, MARRAY_AT(5)}, 2, &view), 0);
    assert_int_equal(marray_residency(view, &resident_bytes, &total_bytes), 0);
    assert_int_equal(total_bytes, 64 * page_bytes);
    assert_int_equal(resident_bytes, total_bytes);
    marray_close(&view);
    marray_close(&array);
}

static void residency_of_an_evicted_file_is_nothing(void **state)
{
    struct scratch *scratch = *state;
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    scratch_write_ramp(scratch->path, 100 * page_bytes);
    struct marray *array = scratch_open(scratch, MARRAY_READ, "|u1", MARRAY_INFER_SHAPE, NULL);
    uint64_t resident_bytes = 1;
    uint64_t total_bytes = 0;
    int descriptor = marray_descriptor(array);
    assert_int_equal(fsync(descriptor), 0);
    assert_int_equal(posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED), 0);
    assert_int_equal(marray_residency(array, &resident_bytes, &total_bytes), 0);
    if (resident_bytes == total_bytes) {
        marray_close(&array);
        print_message("this file system keeps its files in memory\n");
        skip();
    }
    assert_int_equal(resident_bytes, 0);
    const volatile unsigned char *data = marray_data(array);
    (void)data[50 * page_bytes];
    assert_int_equal(marray_residency(array, &resident_bytes, &total_bytes), 0);
    assert_true(resident_bytes >= page_bytes);
    assert_int_equal(total_bytes, 100 * page_bytes);
    marray_close(&array);
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(a_store_through_a_view_is_on_disk_after_a_flush_of_view_or_parent),
        SCRATCH_TEST(a_flush_of_a_view_leaves_other_rows_dirty),
        SCRATCH_TEST(a_view_among_much_that_is_dirty_is_clean_after_each_flush),
        SCRATCH_TEST(a_range_of_any_alignment_is_flushed_and_outside_is_an_error),
        SCRATCH_TEST(a_flush_of_read_and_copy_on_write_arrays_does_nothing),
        SCRATCH_TEST(a_full_flush_survives_a_change_of_folder),
        cmocka_unit_test(advice_names_are_read_back),
        SCRATCH_TEST(advice_is_granted_or_refused_with_a_reason),
        SCRATCH_TEST(advice_over_rows_splits_the_map_once_not_row_by_row),
        SCRATCH_TEST(residency_counts_the_pages_of_the_view),
        SCRATCH_TEST(residency_of_an_evicted_file_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
