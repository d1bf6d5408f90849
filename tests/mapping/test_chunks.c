/* Walks in chunks: every element once, in order, and never more in memory than the budget. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "tests/mapping/scratch.h"

#define FILE_BYTES   (24 << 20)
#define BUDGET_BYTES (1 << 20)

static struct marray_chunks_spec spec_of(enum marray_chunks_access access, uint64_t rows,
                                         uint64_t budget_bytes)
{
    struct marray_chunks_spec spec = MARRAY_CHUNKS_SPEC_INIT;
    spec.access = access;
    spec.rows = rows;
    spec.budget_bytes = budget_bytes;
    return spec;
}

/* A ramp that is in no page cache; false where it cannot leave it, or where nobody tells. */
static bool make_cold(struct scratch *scratch)
{
    scratch_write_ramp(scratch->path, FILE_BYTES);
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

static void within_budget(struct marray *array, bool is_told)
{
    uint64_t resident_bytes;
    uint64_t total_bytes;
    if (!is_told)
        return;
    assert_int_equal(marray_residency(array, &resident_bytes, &total_bytes), 0);
    assert_in_range(resident_bytes, 0, BUDGET_BYTES);
}

static void skip_if(bool condition)
{
    if (!condition)
        return;
    print_message("skipped: files here cannot be taken out of the page cache\n");
    skip();
}

static void check_reading(struct scratch *scratch, bool backward, uint64_t rows)
{
    bool is_told = make_cold(scratch);
    const uint64_t length = FILE_BYTES - 100;
    struct marray_spec open_spec = scratch_spec(scratch, MARRAY_READ, "|u1", 1, &length);
    open_spec.offset_bytes = 100;
    struct marray *array;
    assert_int_equal(marray_open(scratch->path, &open_spec, &array), 0);
    struct marray_chunks_spec spec = spec_of(MARRAY_CHUNKS_READ, rows, BUDGET_BYTES);
    spec.backward = backward;
    struct marray_chunks *chunks;
    struct marray *chunk;
    assert_int_equal(marray_chunks_open(array, &spec, &chunks), 0);
    uint64_t seen = 0;
    while (marray_chunks_next(chunks, &chunk) == 0 && chunk) {
        uint64_t count = marray_length(chunk);
        uint64_t first = backward ? length - seen - count : seen;
        assert_int_equal(marray_offset_bytes(chunk), 100 + first);
        const unsigned char *bytes = marray_data(chunk);
        for (uint64_t i = 0; i < count; i++) {
            if (bytes[i] != (100 + first + i) % 251)
                fail_msg("a wrong byte at %llu", (unsigned long long)(first + i));
        }
        seen += count;
        within_budget(array, is_told);
    }
    assert_int_equal(seen, length);
    assert_int_equal(marray_chunks_close(&chunks), 0);
    assert_null(chunks);
    within_budget(array, is_told);
    marray_close(&array);
    skip_if(!is_told);
}

static void a_walk_reads_everything_in_order_within_its_budget(void **state)
{
    check_reading(*state, false, 0);
}

static void a_walk_backward_begins_at_the_end(void **state)
{
    check_reading(*state, true, 100001);
}

static void what_a_walk_stores_is_in_the_file_and_out_of_memory(void **state)
{
    struct scratch *scratch = *state;
    bool is_told = make_cold(scratch);
    struct marray *array = scratch_open(scratch, MARRAY_READ_WRITE, "<u4", 2, SHAPE(6144, 1024));
    struct marray_chunks_spec spec = spec_of(MARRAY_CHUNKS_WRITE, 37, BUDGET_BYTES);
    struct marray_chunks *chunks;
    struct marray *chunk;
    uint32_t next = 0;
    assert_int_equal(marray_chunks_open(array, &spec, &chunks), 0);
    while (marray_chunks_next(chunks, &chunk) == 0 && chunk) {
        uint32_t *values = marray_data(chunk);
        assert_in_range(marray_shape(chunk)[0], 1, 37);
        for (uint64_t i = 0; i < marray_length(chunk); i++)
            values[i] = next++;
        within_budget(array, is_told);
    }
    assert_int_equal(marray_chunks_close(&chunks), 0);
    assert_int_equal(next, 6144 * 1024);
    assert_int_equal(marray_close(&array), 0);
    size_t size;
    unsigned char *bytes = scratch_read(scratch->path, &size);
    assert_int_equal(size, FILE_BYTES);
    for (uint32_t i = 0; i < next; i++) {
        if (memcmp(bytes + 4 * (size_t)i, &i, 4))
            fail_msg("element %u is not what was stored", i);
    }
    free(bytes);
    skip_if(!is_told);
}

static void the_outermost_axis_is_walked_whatever_the_order(void **state)
{
    struct scratch *scratch = *state;
    make_cold(scratch);
    struct marray_spec open_spec = scratch_spec(scratch, MARRAY_READ, "|u1", 2, SHAPE(8192, 3072));
    open_spec.order = MARRAY_ORDER_F;
    struct marray *array;
    struct marray *reversed;
    assert_int_equal(marray_open(scratch->path, &open_spec, &array), 0);
    const struct marray_slice slices[] = {MARRAY_RANGE(MARRAY_NONE, MARRAY_NONE, 2),
                                          MARRAY_REVERSED};
    assert_int_equal(marray_slice(array, slices, 2, &reversed), 0);
    struct marray_chunks_spec spec = spec_of(MARRAY_CHUNKS_READ, 0, BUDGET_BYTES);
    struct marray_chunks *chunks;
    struct marray *chunk;
    uint64_t columns = 0;
    assert_int_equal(marray_chunks_open(reversed, &spec, &chunks), 0);
    while (marray_chunks_next(chunks, &chunk) == 0 && chunk) {
        assert_int_equal(marray_shape(chunk)[0], 4096);
        const unsigned char *bytes = marray_data(chunk);
        assert_int_equal(*bytes, (3071 - columns) * 8192 % 251);
        columns += marray_shape(chunk)[1];
    }
    assert_int_equal(columns, 3072);
    assert_int_equal(marray_chunks_close(&chunks), 0);
    marray_close(&reversed);
    marray_close(&array);
}

static void a_column_brings_only_its_own_pages(void **state)
{
    struct scratch *scratch = *state;
    skip_if(!make_cold(scratch));
    struct marray *array = scratch_open(scratch, MARRAY_READ, "|u1", 2, SHAPE(384, 65536));
    struct marray *column;
    const struct marray_slice slices[] = {MARRAY_ALL, MARRAY_AT(5000)};
    assert_int_equal(marray_slice(array, slices, 2, &column), 0);
    struct marray_chunks_spec spec = spec_of(MARRAY_CHUNKS_READ, 2, BUDGET_BYTES);
    struct marray_chunks *chunks;
    struct marray *chunk;
    assert_int_equal(marray_chunks_open(column, &spec, &chunks), 0);
    assert_int_equal(marray_chunks_next(chunks, &chunk), 0);
    uint64_t resident_bytes;
    uint64_t total_bytes;
    marray_residency(array, &resident_bytes, &total_bytes);
    assert_in_range(resident_bytes, 4096, 8 * 4096);
    assert_int_equal(marray_chunks_close(&chunks), 0);
    marray_close(&column);
    marray_close(&array);
}

static void stores_into_a_private_map_outlive_the_walk(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_ramp(scratch->path, 3 << 20);
    struct marray *array = scratch_open(scratch, MARRAY_COPY_ON_WRITE, "|u1", 1, SHAPE(3 << 20));
    struct marray_chunks_spec spec = spec_of(MARRAY_CHUNKS_WRITE, 0, BUDGET_BYTES);
    struct marray_chunks *chunks;
    struct marray *chunk;
    assert_int_equal(marray_chunks_open(array, &spec, &chunks), 0);
    while (marray_chunks_next(chunks, &chunk) == 0 && chunk)
        assert_int_equal(marray_fill(chunk, NULL, "x"), 0);
    assert_int_equal(marray_chunks_close(&chunks), 0);
    const unsigned char *bytes = marray_data(array);
    assert_int_equal(bytes[0], 'x');
    assert_int_equal(bytes[(3 << 20) - 1], 'x');
    marray_close(&array);
}

static size_t count_threads(void)
{
    size_t threads = 0;
    DIR *folder = opendir("/proc/self/task");
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        threads += entry->d_name[0] != '.';
    closedir(folder);
    return threads;
}

static void a_durable_walk_ends_its_thread_and_has_stored_all(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_ramp(scratch->path, 8 << 20);
    struct marray *array = scratch_open(scratch, MARRAY_READ_WRITE, "|u1", 1, SHAPE(8 << 20));
    struct marray_chunks_spec spec = spec_of(MARRAY_CHUNKS_WRITE, 0, BUDGET_BYTES);
    size_t threads = count_threads();
    size_t most_threads = 0;
    struct marray_chunks *chunks;
    struct marray *chunk;
    spec.durable = true;
    assert_int_equal(marray_chunks_open(array, &spec, &chunks), 0);
    while (marray_chunks_next(chunks, &chunk) == 0 && chunk) {
        assert_int_equal(marray_fill(chunk, NULL, "y"), 0);
        size_t now = count_threads();
        most_threads = now > most_threads ? now : most_threads;
    }
    assert_int_equal(marray_chunks_close(&chunks), 0);
    assert_true(most_threads > threads);
    /* A thread that was joined is listed a moment longer. */
    for (int ms = 0; count_threads() > threads && ms < 10000; ms++)
        usleep(1000);
    assert_int_equal(count_threads(), threads);
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_DATA), 0);
    const unsigned char *bytes = marray_data(array);
    for (size_t i = 0; i < 8 << 20; i++)
        assert_int_equal(bytes[i], 'y');
    marray_close(&array);
}

static void a_spec_from_before_durable_is_still_known(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_ramp(scratch->path, 1 << 20);
    struct marray *array = scratch_open(scratch, MARRAY_READ_WRITE, "|u1", 1, SHAPE(1 << 20));
    struct marray_chunks_spec spec = spec_of(MARRAY_CHUNKS_WRITE, 0, BUDGET_BYTES);
    struct marray_chunks *chunks;
    spec.size_bytes = offsetof(struct marray_chunks_spec, durable);
    assert_int_equal(marray_chunks_open(array, &spec, &chunks), 0);
    assert_int_equal(marray_chunks_close(&chunks), 0);
    marray_close(&array);
}

static void small_and_empty_arrays_are_walked_too(void **state)
{
    struct scratch *scratch = *state;
    struct marray_chunks_spec spec = MARRAY_CHUNKS_SPEC_INIT;
    const struct {
        int dimensions;
        const uint64_t *shape;
        uint64_t chunks;
    } cases[] = {{0, NULL, 1}, {2, SHAPE(1, 1), 1}, {1, SHAPE(0), 0}, {2, SHAPE(4, 0), 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct marray *array =
            scratch_open(scratch, MARRAY_CREATE, "<i4", cases[i].dimensions, cases[i].shape);
        for (int access = MARRAY_CHUNKS_READ; access <= MARRAY_CHUNKS_WRITE; access++) {
            struct marray_chunks *chunks;
            struct marray *chunk;
            uint64_t count = 0;
            spec.access = (enum marray_chunks_access)access;
            spec.backward = access == MARRAY_CHUNKS_WRITE;
            assert_int_equal(marray_chunks_open(array, &spec, &chunks), 0);
            while (marray_chunks_next(chunks, &chunk) == 0 && chunk)
                count += marray_length(chunk);
            assert_int_equal(count, cases[i].chunks);
            assert_int_equal(marray_chunks_close(&chunks), 0);
        }
        marray_close(&array);
    }
}

static void a_wrong_spec_is_refused(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_ramp(scratch->path, 1 << 20);
    struct marray *array = scratch_open(scratch, MARRAY_READ, "|u1", 2, SHAPE(2, 1 << 19));
    struct marray_chunks *chunks = NULL;
    struct marray_chunks_spec spec = spec_of(MARRAY_CHUNKS_WRITE, 0, 4 << 20);
    assert_int_equal(marray_chunks_open(array, &spec, &chunks), -EACCES);
    spec = spec_of(MARRAY_CHUNKS_READ, 0, 4096);
    assert_int_equal(marray_chunks_open(array, &spec, &chunks), -EINVAL);
    spec = spec_of(MARRAY_CHUNKS_READ, 0, 1 << 20);
    assert_int_equal(marray_chunks_open(array, &spec, &chunks), -EINVAL);
    assert_non_null(strstr(marray_message(array), "beyond a quarter of the budget"));
    spec = spec_of(MARRAY_CHUNKS_READ, 3, 4 << 20);
    assert_int_equal(marray_chunks_open(array, &spec, &chunks), -EINVAL);
    spec = spec_of(MARRAY_CHUNKS_READ, 0, 4 << 20);
    spec.size_bytes--;
    assert_int_equal(marray_chunks_open(array, &spec, &chunks), -EINVAL);
    assert_null(chunks);
    assert_int_equal(marray_chunks_close(&chunks), 0);
    marray_close(&array);
}

/* Whether the map at address has a flag of /proc/self/smaps: "sr" sequential, "rr" random. */
static bool map_has_flag(const void *address, const char *flag)
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    char line[PATH_MAX + 128];
    bool inside = false;
    bool found = false;
    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps)) {
        unsigned long start, end;
        if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
            inside = (uintptr_t)address >= start && (uintptr_t)address < end;
        else if (inside && !strncmp(line, "VmFlags:", 8))
            found = strstr(line, flag) != NULL;
    }
    fclose(maps);
    return found;
}

static void a_large_budget_leaves_reading_ahead_to_the_kernel_and_puts_advice_back(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array =
        scratch_open(scratch, MARRAY_CREATE, "<u4", 1, SHAPE(FILE_BYTES / sizeof(uint32_t)));
    struct marray_chunks_spec spec = spec_of(MARRAY_CHUNKS_WRITE, 100000, UINT64_C(64) << 20);
    struct marray_chunks *chunks;
    struct marray *chunk;
    uint32_t next = 0;
    assert_int_equal(marray_advise(array, MARRAY_ADVICE_RANDOM), 0);
    assert_true(map_has_flag(marray_data(array), " rr"));
    assert_int_equal(marray_chunks_open(array, &spec, &chunks), 0);
    assert_true(map_has_flag(marray_data(array), " sr"));
    while (marray_chunks_next(chunks, &chunk) == 0 && chunk) {
        struct marray_u4_vector items = {NULL, 0};
        assert_int_equal(marray_u4_vector(chunk, true, &items), 0);
        for (uint64_t i = 0; i < items.length; i++)
            marray_u4_set(items, i, next++);
    }
    assert_int_equal(marray_chunks_close(&chunks), 0);
    assert_true(map_has_flag(marray_data(array), " rr"));
    assert_int_equal(next, FILE_BYTES / sizeof(uint32_t));
    uint64_t sum = 0;
    assert_int_equal(marray_sum(array, NULL, &sum), 0);
    assert_true(sum == (uint64_t)next * (next - 1) / 2);
    marray_close(&array);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_walk_reads_everything_in_order_within_its_budget,
                                        scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_walk_backward_begins_at_the_end, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(what_a_walk_stores_is_in_the_file_and_out_of_memory,
                                        scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(the_outermost_axis_is_walked_whatever_the_order,
                                        scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_column_brings_only_its_own_pages, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(stores_into_a_private_map_outlive_the_walk, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(a_durable_walk_ends_its_thread_and_has_stored_all,
                                        scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_spec_from_before_durable_is_still_known, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(small_and_empty_arrays_are_walked_too, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(a_wrong_spec_is_refused, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(
            a_large_budget_leaves_reading_ahead_to_the_kernel_and_puts_advice_back, scratch_setup,
            scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
