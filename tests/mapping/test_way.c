/* Elements go by calls where those cost less than faults, and nobody can tell but by the time. */
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
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mapping/array.h"
#include "mapping/os.h"
#include "mapping/way.h"
#include "tests/mapping/scratch.h"

enum {
    ROWS = 256,
    COLUMNS = 8192, /* of <u4: eight pages a row */
    TILE = 1024,    /* of them: one page */
    PAGE_BYTES = 4 * TILE,
    ITEMS = ROWS * COLUMNS,
    THREADS = 4
};

/* rchar or wchar of /proc/self/io: what read and write calls moved. */
static uint64_t count_call_bytes(const char *name)
{
    char line[100];
    uint64_t bytes = 0;
    FILE *file = fopen("/proc/self/io", "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        if (!strncmp(line, name, strlen(name)))
            bytes = strtoull(line + strlen(name) + 1, NULL, 10);
    }
    fclose(file);
    return bytes;
}

static struct marray *open_numbered(struct scratch *scratch)
{
    uint32_t *items = malloc(ITEMS * sizeof(*items));
    assert_non_null(items);
    for (uint32_t i = 0; i < ITEMS; i++)
        items[i] = i;
    scratch_write(scratch->path, items, ITEMS * sizeof(*items));
    free(items);
    return scratch_open(scratch, MARRAY_READ_WRITE, "<u4", 2, SHAPE(ROWS, COLUMNS));
}

/* Rows [first, ...) by one page of columns. */
static struct marray *slice_tile(struct marray *array, int64_t first, int64_t last)
{
    struct marray *view;
    const struct marray_slice slices[] = {MARRAY_RANGE(first, last, 1),
                                          MARRAY_RANGE(TILE, 2 * (int64_t)TILE, 1)};
    assert_int_equal(marray_slice(array, slices, 2, &view), 0);
    return view;
}

static void evict(struct marray *array)
{
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_DATA), 0);
    assert_int_equal(posix_fadvise(marray_descriptor(array), 0, 0, POSIX_FADV_DONTNEED), 0);
}

static void check_tile(const uint32_t *tile, uint32_t rows, uint32_t add)
{
    for (uint32_t i = 0; i < rows; i++) {
        for (uint32_t j = 0; j < TILE; j++)
            assert_int_equal(tile[i * TILE + j], i * COLUMNS + TILE + j + add);
    }
}

static void fill_tile(uint32_t *tile, uint32_t first, uint32_t rows, uint32_t add)
{
    for (uint32_t i = 0; i < rows; i++) {
        for (uint32_t j = 0; j < TILE; j++)
            tile[i * TILE + j] = (first + i) * COLUMNS + TILE + j + add;
    }
}

static uint32_t *new_tile(void)
{
    uint32_t *tile = calloc((size_t)ROWS * TILE, sizeof(*tile));
    assert_non_null(tile);
    return tile;
}

enum { TILE_BYTES = ROWS * TILE * 4 };

static void rows_that_are_not_in_memory_are_read_by_calls(void **state)
{
    struct marray *array = open_numbered(*state);
    struct marray *view = slice_tile(array, 0, ROWS);
    uint32_t *tile = new_tile();
    evict(array);
    uint64_t resident_bytes, total_bytes;
    assert_int_equal(marray_residency(array, &resident_bytes, &total_bytes), 0);
    uint64_t before = count_call_bytes("rchar");
    assert_int_equal(marray_read(view, NULL, tile, TILE_BYTES), 0);
    /* A file system in memory has nothing to read and may take the map. */
    if (resident_bytes == 0)
        assert_true(count_call_bytes("rchar") - before >= TILE_BYTES);
    check_tile(tile, ROWS, 0);
    free(tile);
    marray_close(&view);
    marray_close(&array);
}

static void rows_stored_by_calls_after_a_flush_show_in_the_map(void **state)
{
    struct marray *array = open_numbered(*state);
    struct marray *view = slice_tile(array, 0, ROWS);
    uint32_t *tile = new_tile();
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_DATA), 0);
    fill_tile(tile, 0, ROWS, 7);
    uint64_t before = count_call_bytes("wchar");
    assert_int_equal(marray_write(view, NULL, tile, TILE_BYTES), 0);
    /* At first; calls that take long leave the rest to the map. */
    assert_true(count_call_bytes("wchar") - before >= PAGE_BYTES);
    const uint32_t *items = marray_data(array);
    for (uint32_t i = 0; i < ROWS; i++) {
        assert_int_equal(items[i * COLUMNS + TILE - 1], i * COLUMNS + TILE - 1);
        assert_int_equal(items[i * COLUMNS + TILE], i * COLUMNS + TILE + 7);
        assert_int_equal(items[i * COLUMNS + 2 * TILE], i * COLUMNS + 2 * TILE);
    }
    assert_int_equal(marray_flush_view(view, MARRAY_FLUSH_DATA), 0);
    /* Stores through the map are seen by calls. */
    uint32_t *stored = marray_data(view);
    stored[0] = 99;
    evict(array);
    assert_int_equal(marray_read(view, NULL, tile, TILE_BYTES), 0);
    assert_int_equal(tile[0], 99);
    tile[0] = TILE + 7;
    check_tile(tile, ROWS, 7);
    free(tile);
    marray_close(&view);
    marray_close(&array);
}

static void a_file_that_others_have_open_is_stored_to_by_the_map(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = open_numbered(scratch);
    struct marray *view = slice_tile(array, 0, ROWS);
    uint32_t *tile = new_tile();
    int other = open(scratch->path, O_RDONLY | O_CLOEXEC);
    assert_true(other >= 0);
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_DATA), 0);
    fill_tile(tile, 0, ROWS, 1);
    uint64_t before = count_call_bytes("wchar");
    assert_int_equal(marray_write(view, NULL, tile, TILE_BYTES), 0);
    assert_true(count_call_bytes("wchar") - before < PAGE_BYTES);
    memset(tile, 0, TILE_BYTES);
    assert_int_equal(marray_read(view, NULL, tile, TILE_BYTES), 0);
    check_tile(tile, ROWS, 1);
    close(other);
    free(tile);
    marray_close(&view);
    marray_close(&array);
}

/* In the other byte order, between. */
static void swap_tile(uint32_t *tile)
{
    for (uint32_t i = 0; i < ROWS * TILE; i++)
        tile[i] = __builtin_bswap32(tile[i]);
}

static void rows_that_convert_go_by_calls_too(void **state)
{
    struct marray *array = open_numbered(*state);
    struct marray *view = slice_tile(array, 0, ROWS);
    uint32_t *tile = new_tile();
    evict(array);
    uint64_t resident_bytes, total_bytes;
    assert_int_equal(marray_residency(array, &resident_bytes, &total_bytes), 0);
    uint64_t before = count_call_bytes("rchar");
    assert_int_equal(marray_read(view, ">u4", tile, TILE_BYTES), 0);
    if (resident_bytes == 0)
        assert_true(count_call_bytes("rchar") - before >= TILE_BYTES);
    swap_tile(tile);
    check_tile(tile, ROWS, 0);
    fill_tile(tile, 0, ROWS, 7);
    swap_tile(tile);
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_DATA), 0);
    before = count_call_bytes("wchar");
    assert_int_equal(marray_write(view, ">u4", tile, TILE_BYTES), 0);
    assert_true(count_call_bytes("wchar") - before >= PAGE_BYTES);
    assert_int_equal(marray_read(view, NULL, tile, TILE_BYTES), 0);
    check_tile(tile, ROWS, 7);
    const uint32_t *items = marray_data(array);
    assert_int_equal(items[TILE - 1], TILE - 1);
    assert_int_equal(items[2 * TILE], 2 * TILE);
    free(tile);
    marray_close(&view);
    marray_close(&array);
}

static void what_is_read_again_and_again_is_mapped_in_the_end(void **state)
{
    enum { READS_MAX = 300 };
    struct marray *array = open_numbered(*state);
    struct marray *view = slice_tile(array, 0, ROWS);
    uint32_t *tile = new_tile();
    evict(array);
    uint64_t by_calls = TILE_BYTES;
    for (int i = 0; i < READS_MAX && by_calls >= PAGE_BYTES; i++) {
        uint64_t before = count_call_bytes("rchar");
        assert_int_equal(marray_read(view, NULL, tile, TILE_BYTES), 0);
        by_calls = count_call_bytes("rchar") - before;
        check_tile(tile, ROWS, 0);
    }
    assert_true(by_calls < PAGE_BYTES);
    free(tile);
    marray_close(&view);
    marray_close(&array);
}

static void private_edits_are_what_is_read(void **state)
{
    struct marray *array = open_numbered(*state);
    marray_close(&array);
    array = scratch_open(*state, MARRAY_COPY_ON_WRITE, "<u4", 2, SHAPE(ROWS, COLUMNS));
    struct marray *view = slice_tile(array, 0, ROWS);
    uint32_t *tile = new_tile();
    fill_tile(tile, 0, ROWS, 3);
    assert_int_equal(marray_write(view, NULL, tile, TILE_BYTES), 0);
    memset(tile, 0, TILE_BYTES);
    assert_int_equal(marray_read(view, NULL, tile, TILE_BYTES), 0);
    check_tile(tile, ROWS, 3);
    uint32_t *items = calloc(ITEMS, sizeof(*items));
    assert_int_equal(marray_read(array, NULL, items, ITEMS * sizeof(*items)), 0);
    assert_int_equal(items[5 * COLUMNS + TILE], 5 * COLUMNS + TILE + 3);
    free(items);
    free(tile);
    marray_close(&view);
    marray_close(&array);
}

/* [start, start + count) of a ramp of bytes, written and read back in one go as dtype. */
static void check_length(struct scratch *scratch, const char *dtype, uint64_t start, uint64_t count)
{
    enum { TOTAL = 400000 };
    scratch_write_ramp(scratch->path, TOTAL);
    struct marray *array = scratch_open(scratch, MARRAY_READ_WRITE, "|u1", 1, SHAPE(TOTAL));
    struct marray *view;
    const struct marray_slice slice = MARRAY_RANGE((int64_t)start, (int64_t)(start + count), 1);
    unsigned char *bytes = malloc(count);
    assert_int_equal(marray_slice(array, &slice, 1, &view), 0);
    evict(array);
    assert_int_equal(marray_read(view, dtype, bytes, count), 0);
    for (uint64_t i = 0; i < count; i++) {
        assert_int_equal(bytes[i], (start + i) % 251);
        bytes[i] ^= 0x80;
    }
    assert_int_equal(marray_write(view, dtype, bytes, count), 0);
    marray_close(&view);
    marray_close(&array);
    size_t size;
    unsigned char *all = scratch_read(scratch->path, &size);
    assert_int_equal(size, TOTAL);
    for (uint64_t i = 0; i < TOTAL; i++) {
        bool is_changed = i >= start && i - start < count;
        assert_int_equal(all[i], i % 251 ^ (is_changed ? 0x80 : 0));
    }
    free(all);
    free(bytes);
}

static void any_length_at_any_place_is_moved_to_its_last_byte(void **state)
{
    static const uint64_t lengths[] = {131071, 131072, 131073, 196608, 262143, 399000};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        check_length(*state, NULL, 0, lengths[i]);
        check_length(*state, NULL, 777, lengths[i]);
        /* A conversion, if one that changes nothing. */
        check_length(*state, "|i1", 777, lengths[i]);
    }
}

static void whoever_opens_a_held_file_waits_for_its_release(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = open_numbered(scratch);
    int descriptor = marray_descriptor(array);
    assert_int_equal(marray_os_hold_file(descriptor), 0);
    assert_int_equal(open(scratch->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    marray_os_release_file(descriptor);
    int other = open(scratch->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(other >= 0);
    assert_int_equal(marray_os_hold_file(descriptor), -EAGAIN);
    close(other);
    marray_close(&array);
}

static void *open_and_close(void *context)
{
    int descriptor = open(context, O_RDONLY | O_CLOEXEC);
    return (void *)(intptr_t)(descriptor < 0 || close(descriptor));
}

static void many_short_stores_release_the_file_in_between(void **state)
{
    /* Far below the bytes that a transfer may store before it releases the file. */
    enum { STORES_MAX = 1000000 };
    struct scratch *scratch = *state;
    struct marray *array = open_numbered(scratch);
    struct marray_way way;
    unsigned char item[8] = {0};
    pthread_t thread;
    void *failed;
    uint64_t stores = 0;
    marray_way_open(&way, array->map, true, sizeof(item));
    marray_way_call(&way);
    assert_true(marray_way_begin(&way));
    assert_int_equal(pthread_create(&thread, NULL, open_and_close, scratch->path), 0);
    /* It ends when the file is released and somebody else comes first. */
    while (stores < STORES_MAX && marray_way_begin(&way)) {
        assert_true(marray_way_move(&way, 0, item, sizeof(item)));
        stores++;
    }
    assert_true(stores < STORES_MAX);
    marray_way_close(&way);
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
    marray_close(&array);
}

static void a_limit_of_file_sizes_leaves_stores_to_the_map(void **state)
{
    struct marray *array = open_numbered(*state);
    struct marray *view = slice_tile(array, 0, ROWS);
    uint32_t *tile = new_tile();
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    const struct rlimit low = {4096, old.rlim_max};
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_DATA), 0);
    fill_tile(tile, 0, ROWS, 5);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    int status = marray_write(view, NULL, tile, TILE_BYTES);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(status, 0);
    memset(tile, 0, TILE_BYTES);
    assert_int_equal(marray_read(view, NULL, tile, TILE_BYTES), 0);
    check_tile(tile, ROWS, 5);
    free(tile);
    marray_close(&view);
    marray_close(&array);
}

struct writer {
    struct marray *array;
    uint32_t first;
    int status;
};

static void *write_part(void *context)
{
    struct writer *writer = context;
    uint32_t *tile = new_tile();
    struct marray *view = slice_tile(writer->array, writer->first, writer->first + ROWS / THREADS);
    for (uint32_t turn = 1; turn <= 50 && !writer->status; turn++) {
        fill_tile(tile, writer->first, ROWS / THREADS, turn);
        writer->status = marray_write(view, NULL, tile, TILE_BYTES / THREADS);
        if (!writer->status && turn % 8 == 0)
            writer->status = marray_flush_view(view, MARRAY_FLUSH_ASYNC);
    }
    marray_close(&view);
    free(tile);
    return NULL;
}

static void threads_hold_the_file_together_and_release_it(void **state)
{
    struct marray *array = open_numbered(*state);
    struct marray *view = slice_tile(array, 0, ROWS);
    pthread_t threads[THREADS];
    struct writer writers[THREADS];
    uint32_t *tile = new_tile();
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_DATA), 0);
    for (uint32_t i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){array, i * ROWS / THREADS, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, write_part, &writers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(writers[i].status, 0);
    }
    assert_int_equal(fcntl(marray_descriptor(array), F_GETLEASE), F_UNLCK);
    assert_int_equal(marray_read(view, NULL, tile, TILE_BYTES), 0);
    check_tile(tile, ROWS, 50);
    free(tile);
    marray_close(&view);
    marray_close(&array);
}

static void a_child_after_fork_does_not_hold_its_parents_file(void **state)
{
    struct marray *array = open_numbered(*state);
    struct marray *view = slice_tile(array, 0, ROWS);
    uint32_t *tile = new_tile();
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_DATA), 0);
    fill_tile(tile, 0, ROWS, 9);
    pid_t child = fork();
    if (child == 0) {
        uint64_t before = count_call_bytes("wchar");
        bool is_done = marray_write(view, NULL, tile, TILE_BYTES) == 0;
        _exit(is_done && count_call_bytes("wchar") - before < PAGE_BYTES ? 0 : 1);
    }
    int ended;
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(ended, 0);
    memset(tile, 0, TILE_BYTES);
    assert_int_equal(marray_read(view, NULL, tile, TILE_BYTES), 0);
    check_tile(tile, ROWS, 9);
    free(tile);
    marray_close(&view);
    marray_close(&array);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_that_are_not_in_memory_are_read_by_calls),
        TEST(rows_stored_by_calls_after_a_flush_show_in_the_map),
        TEST(a_file_that_others_have_open_is_stored_to_by_the_map),
        TEST(rows_that_convert_go_by_calls_too),
        TEST(what_is_read_again_and_again_is_mapped_in_the_end),
        TEST(private_edits_are_what_is_read),
        TEST(any_length_at_any_place_is_moved_to_its_last_byte),
        TEST(whoever_opens_a_held_file_waits_for_its_release),
        TEST(many_short_stores_release_the_file_in_between),
        TEST(a_limit_of_file_sizes_leaves_stores_to_the_map),
        TEST(threads_hold_the_file_together_and_release_it),
        TEST(a_child_after_fork_does_not_hold_its_parents_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
