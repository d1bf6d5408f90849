/* Arrays without a path, arrays that gave their descriptor up, and what a child has of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/mapping/scratch.h"

enum { ITEMS = 5000 };

static struct marray *open_anonymous(struct scratch *scratch, enum marray_mode mode, uint32_t flags)
{
    struct marray_spec spec = scratch_spec(scratch, mode, "<i8", 1, SHAPE(ITEMS));
    struct marray *array = NULL;
    spec.flags = flags;
    assert_int_equal(marray_open_anonymous(&spec, &array), 0);
    return array;
}

static struct marray *open_memfd(struct scratch *scratch, uint32_t flags)
{
    struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, "<i8", 1, SHAPE(ITEMS));
    struct marray *array = NULL;
    spec.flags = flags;
    assert_int_equal(marray_open_memfd("test", &spec, &array), 0);
    return array;
}

static int64_t first_of(const struct marray *array)
{
    const int64_t first[] = {0};
    int64_t value = -1;
    assert_int_equal(marray_get(array, first, NULL, &value), 0);
    return value;
}

static void set_first(struct marray *array, int64_t value)
{
    const int64_t first[] = {0};
    assert_int_equal(marray_set(array, first, NULL, &value), 0);
}

/* Runs check in a child; it returns 0 when all is well. */
static void in_child(int (*check)(struct marray *array), struct marray *array)
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(check(array));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* ---- Anonymous ---- */

static void an_anonymous_array_begins_with_zeros_and_takes_stores(void **state)
{
    struct marray *array = open_anonymous(*state, MARRAY_CREATE, 0);
    assert_int_equal(first_of(array), 0);
    int64_t ramp[ITEMS];
    for (int64_t i = 0; i < ITEMS; i++)
        ramp[i] = i;
    assert_int_equal(marray_write(array, NULL, ramp, sizeof(ramp)), 0);
    struct marray *view;
    assert_int_equal(marray_slice(array, (struct marray_slice[]){MARRAY_REVERSED}, 1, &view), 0);
    assert_int_equal(first_of(view), ITEMS - 1);
    const int64_t indices[] = {7, -1, 7};
    int64_t gathered[3];
    assert_int_equal(marray_gather(array, indices, 3, NULL, gathered, sizeof(gathered)), 0);
    assert_int_equal(gathered[1], ITEMS - 1);
    assert_int_equal(gathered[2], 7);
    marray_close(&view);
    assert_int_equal(marray_close(&array), 0);
}

static void a_walk_over_memory_keeps_what_was_stored(void **state)
{
    struct marray_chunks_spec walk = MARRAY_CHUNKS_SPEC_INIT;
    walk.access = MARRAY_CHUNKS_WRITE;
    walk.budget_bytes = 64 * 4096 * 4;
    for (int mode = 0; mode < 2; mode++) {
        struct marray *array =
            open_anonymous(*state, mode ? MARRAY_CREATE : MARRAY_COPY_ON_WRITE, 0);
        struct marray_chunks *chunks;
        struct marray *chunk;
        assert_int_equal(marray_chunks_open(array, &walk, &chunks), 0);
        const int64_t value = 3;
        while (marray_chunks_next(chunks, &chunk) == 0 && chunk)
            assert_int_equal(marray_fill(chunk, NULL, &value), 0);
        assert_int_equal(marray_chunks_close(&chunks), 0);
        assert_int_equal(first_of(array), 3);
        marray_close(&array);
    }
}

static void what_needs_a_file_says_so(void **state)
{
    struct marray *array = open_anonymous(*state, MARRAY_CREATE, 0);
    char text[1000];
    assert_int_equal(marray_descriptor(array), -1);
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_FULL), 0);
    assert_string_equal(marray_flush_calls(array, MARRAY_FLUSH_DATA), "none");
    assert_int_equal(marray_lock(array, MARRAY_LOCK_SHARED, 0), -EBADF);
    assert_non_null(strstr(marray_message(array), "marray_open_memfd()"));
    assert_int_equal(marray_resize(array, 1, SHAPE(7)), -EBADF);
    assert_int_equal(marray_append(array, 1, NULL, &array, sizeof(int64_t)), -EBADF);
    assert_int_equal(marray_describe(array, text, sizeof(text)), -ENOTSUP);
    assert_int_equal(marray_length(array), ITEMS);
    marray_close(&array);
}

static void the_residency_of_memory_grows_with_its_stores(void **state)
{
    struct scratch *scratch = *state;
    struct marray_spec spec = scratch_spec(scratch, MARRAY_COPY_ON_WRITE, "|u1", 1, SHAPE(1 << 22));
    struct marray *array;
    uint64_t before = 1, after = 0, total = 0;
    assert_int_equal(marray_open_anonymous(&spec, &array), 0);
    assert_int_equal(marray_residency(array, &before, &total), 0);
    assert_int_equal(before, 0);
    assert_int_equal(total, 1 << 22);
    const unsigned char value = 1;
    assert_int_equal(marray_fill(array, NULL, &value), 0);
    assert_int_equal(marray_residency(array, &after, &total), 0);
    assert_int_equal(after, total);
    marray_close(&array);
}

static void what_cannot_be_anonymous_is_refused(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = NULL;
    struct marray_spec spec = scratch_spec(scratch, MARRAY_READ, "<i8", 1, SHAPE(1));
    assert_int_equal(marray_open_anonymous(&spec, &array), -EINVAL);
    spec = scratch_spec(scratch, MARRAY_CREATE, "<i8", MARRAY_INFER_SHAPE, NULL);
    assert_int_equal(marray_open_anonymous(&spec, &array), -EINVAL);
    spec = scratch_spec(scratch, MARRAY_COPY_ON_WRITE, "<i8", MARRAY_INFER_SHAPE, NULL);
    assert_int_equal(marray_open_anonymous(&spec, &array), -EINVAL);
    spec = scratch_spec(scratch, MARRAY_CREATE, "<i8", 1, SHAPE(1));
    spec.offset_bytes = 8;
    assert_int_equal(marray_open_anonymous(&spec, &array), -EINVAL);
    spec.offset_bytes = 0;
    spec.flags = MARRAY_DURABLE_CREATE;
    assert_int_equal(marray_open_anonymous(&spec, &array), -EINVAL);
    assert_int_equal(marray_open_memfd("x", &spec, &array), -EINVAL);
    spec.flags = 0;
    spec.mode = MARRAY_COPY_ON_WRITE;
    assert_int_equal(marray_open_memfd("x", &spec, &array), -EINVAL);
    assert_int_equal(marray_open_memfd(NULL, &spec, &array), -EINVAL);
    assert_null(array);
}

static void more_memory_than_there_is_is_refused(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = NULL;
    struct marray_spec spec =
        scratch_spec(scratch, MARRAY_COPY_ON_WRITE, "|u1", 1, SHAPE(UINT64_C(1) << 60));
    assert_int_equal(marray_open_anonymous(&spec, &array), -ENOMEM);
    assert_non_null(strstr(scratch->message.text, "anonymous"));
    assert_null(array);
}

static int child_stores(struct marray *array)
{
    const int64_t first[] = {0};
    const int64_t value = 42;
    return marray_set(array, first, NULL, &value);
}

static void children_share_mode_create_and_have_copies_of_mode_copy_on_write(void **state)
{
    struct marray *array = open_anonymous(*state, MARRAY_CREATE, 0);
    in_child(child_stores, array);
    assert_int_equal(first_of(array), 42);
    marray_close(&array);
    array = open_anonymous(*state, MARRAY_COPY_ON_WRITE, 0);
    in_child(child_stores, array);
    assert_int_equal(first_of(array), 0);
    marray_close(&array);
}

/* ---- Files in memory ---- */

static void a_file_in_memory_grows_locks_and_is_opened_by_its_descriptor(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = open_memfd(scratch, 0);
    struct marray *other = NULL;
    set_first(array, 11);
    struct marray_spec spec =
        scratch_spec(scratch, MARRAY_READ_WRITE, "<i8", MARRAY_INFER_SHAPE, NULL);
    assert_int_equal(marray_open_descriptor(marray_descriptor(array), &spec, &other), 0);
    assert_int_equal(marray_length(other), ITEMS);
    assert_int_equal(first_of(other), 11);
    set_first(other, 12);
    assert_int_equal(first_of(array), 12);
    assert_int_equal(marray_lock(array, MARRAY_LOCK_EXCLUSIVE, 0), 0);
    assert_int_equal(marray_lock(other, MARRAY_LOCK_EXCLUSIVE, 0), -EAGAIN);
    assert_int_equal(marray_unlock(array), 0);
    assert_int_equal(marray_lock(other, MARRAY_LOCK_EXCLUSIVE, 0), 0);
    marray_close(&other);
    const int64_t more[] = {1, 2};
    assert_int_equal(marray_append(array, 2, NULL, more, sizeof(more)), 0);
    assert_int_equal(marray_length(array), ITEMS + 2);
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_FULL), 0);
    assert_int_equal(marray_resize(array, 1, SHAPE(3)), 0);
    assert_int_equal(first_of(array), 12);
    assert_int_equal(marray_close(&array), 0);
}

static void a_descriptor_stays_the_callers(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_ramp(scratch->path, 100);
    int file = open(scratch->path, O_RDONLY);
    struct marray_spec spec = scratch_spec(scratch, MARRAY_READ, "|u1", MARRAY_INFER_SHAPE, NULL);
    struct marray *array = NULL;
    char text[1000];
    assert_int_equal(marray_open_descriptor(file, &spec, &array), 0);
    assert_int_not_equal(marray_descriptor(array), file);
    assert_int_equal(marray_describe(array, text, sizeof(text)), -ENOTSUP);
    assert_int_equal(marray_close(&array), 0);
    assert_int_equal(close(file), 0);
    spec.mode = MARRAY_CREATE;
    spec.dimensions = 1;
    spec.shape = SHAPE(1);
    assert_int_equal(marray_open_descriptor(file, &spec, &array), -EINVAL);
    spec.mode = MARRAY_READ;
    assert_true(marray_open_descriptor(file, &spec, &array) < 0);
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(marray_open_descriptor(pipes[0], &spec, &array), -ENODEV);
    close(pipes[0]);
    close(pipes[1]);
    assert_null(array);
}

/* ---- Without a descriptor ---- */

static void a_given_up_descriptor_is_closed_and_missed_by_name(void **state)
{
    struct scratch *scratch = *state;
    struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, "<i8", 2, SHAPE(64, 1024));
    spec.flags = MARRAY_CLOSE_DESCRIPTOR;
    struct marray *array;
    assert_int_equal(marray_open(scratch->path, &spec, &array), 0);
    assert_int_equal(marray_descriptor(array), -1);
    uint64_t resident, total;
    struct marray_chunks *chunks = NULL;
    struct marray_chunks_spec walk = MARRAY_CHUNKS_SPEC_INIT;
    assert_int_equal(marray_lock(array, MARRAY_LOCK_SHARED, 0), -EBADF);
    assert_int_equal(marray_resize(array, 1, SHAPE(7)), -EBADF);
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_FULL), -EBADF);
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_ASYNC), -EBADF);
    assert_int_equal(marray_residency(array, &resident, &total), -EBADF);
    assert_int_equal(marray_chunks_open(array, &walk, &chunks), -EBADF);
    assert_non_null(strstr(marray_message(array), "MARRAY_CLOSE_DESCRIPTOR"));
    assert_int_equal(marray_close(&array), 0);
}

static void data_is_flushed_without_a_descriptor(void **state)
{
    struct scratch *scratch = *state;
    struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, "<i8", 2, SHAPE(64, 1024));
    spec.flags = MARRAY_CLOSE_DESCRIPTOR;
    struct marray *array, *column;
    assert_int_equal(marray_open(scratch->path, &spec, &array), 0);
    const struct marray_slice first[] = {MARRAY_ALL, MARRAY_AT(0)};
    assert_int_equal(marray_slice(array, first, 2, &column), 0);
    const int64_t value = 5;
    assert_int_equal(marray_fill(column, NULL, &value), 0);
    assert_int_equal(marray_flush_view(column, MARRAY_FLUSH_DATA), 0);
    assert_int_equal(marray_flush_range(array, 3, 9, MARRAY_FLUSH_DATA), 0);
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_DATA), 0);
    const int64_t indices[] = {63, 0};
    int64_t rows[2][1024];
    assert_int_equal(marray_gather(array, indices, 2, NULL, rows, sizeof(rows)), 0);
    assert_int_equal(rows[0][0], 5);
    marray_close(&column);
    assert_int_equal(marray_close(&array), 0);
}

/* ---- Children ---- */

#define EXPECT(number, condition) \
    do {                          \
        if (!(condition))         \
            return number;        \
    } while (0)

static int child_is_refused(struct marray *array)
{
    const int64_t first[] = {0};
    const int64_t indices[] = {0, 1};
    const int64_t needle = 42;
    int64_t buffer[ITEMS];
    int64_t position;
    uint64_t resident, total;
    size_t count;
    struct marray_i8_vector vector;
    struct marray_chunks *chunks;
    struct marray_chunks_spec walk = MARRAY_CHUNKS_SPEC_INIT;
    EXPECT(1, marray_get(array, first, NULL, buffer) == -EPERM);
    EXPECT(2, marray_set(array, first, NULL, buffer) == -EPERM);
    EXPECT(3, marray_read(array, NULL, buffer, sizeof(buffer)) == -EPERM);
    EXPECT(4, marray_write(array, NULL, buffer, sizeof(buffer)) == -EPERM);
    EXPECT(5, marray_fill(array, NULL, buffer) == -EPERM);
    EXPECT(6, marray_copy(array, array) == -EPERM);
    EXPECT(7, marray_gather(array, indices, 2, NULL, buffer, 16) == -EPERM);
    EXPECT(8, marray_scatter(array, indices, 2, NULL, buffer, 16) == -EPERM);
    EXPECT(9, marray_find(array, &needle, sizeof(needle), 0, MARRAY_NONE, &position) == -EPERM);
    EXPECT(10, marray_move(array, 0, 8, 8) == -EPERM);
    EXPECT(11, marray_read_at(array, 0, buffer, 8, &count) == -EPERM);
    EXPECT(12, marray_flush(array, MARRAY_FLUSH_DATA) == -EPERM);
    EXPECT(13, marray_flush_range(array, 0, 8, MARRAY_FLUSH_DATA) == -EPERM);
    EXPECT(14, marray_flush_view(array, MARRAY_FLUSH_ASYNC) == -EPERM);
    EXPECT(15, marray_advise(array, MARRAY_ADVICE_WILLNEED) == -EPERM);
    EXPECT(16, marray_advise_range(array, 0, 8, MARRAY_ADVICE_WILLNEED) == -EPERM);
    EXPECT(17, marray_residency(array, &resident, &total) == -EPERM);
    EXPECT(18, marray_chunks_open(array, &walk, &chunks) == -EPERM);
    EXPECT(19, marray_lock(array, MARRAY_LOCK_SHARED, 0) == -EPERM);
    EXPECT(20, marray_resize(array, 1, SHAPE(3)) == -EPERM);
    EXPECT(21, marray_i8_vector(array, false, &vector) == -EPERM);
    EXPECT(22, marray_data(array) == NULL);
    EXPECT(23, strstr(marray_message(array), "fork") || strstr(marray_message(array), "NO_FORK"));
    EXPECT(24, marray_close(&array) == 0);
    return 0;
}

static void a_map_that_is_not_inherited_is_an_error_in_a_child_and_no_crash(void **state)
{
    struct scratch *scratch = *state;
    struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, "<i8", 1, SHAPE(ITEMS));
    spec.flags = MARRAY_NO_FORK;
    struct marray *array;
    assert_int_equal(marray_open(scratch->path, &spec, &array), 0);
    in_child(child_is_refused, array);
    /* Also after it has moved. */
    const int64_t more[] = {1, 2};
    assert_int_equal(marray_append(array, 2, NULL, more, sizeof(more)), 0);
    assert_int_equal(marray_resize(array, 1, SHAPE(ITEMS)), 0);
    in_child(child_is_refused, array);
    set_first(array, 9);
    assert_int_equal(first_of(array), 9);
    assert_int_equal(marray_close(&array), 0);
}

static void a_walk_does_not_go_on_in_a_child(void **state)
{
    struct scratch *scratch = *state;
    struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, "<i8", 1, SHAPE(1 << 20));
    struct marray_chunks_spec walk = MARRAY_CHUNKS_SPEC_INIT;
    struct marray_chunks *chunks;
    struct marray *array, *chunk;
    spec.flags = MARRAY_NO_FORK;
    assert_int_equal(marray_open(scratch->path, &spec, &array), 0);
    assert_int_equal(marray_chunks_open(array, &walk, &chunks), 0);
    assert_int_equal(marray_chunks_next(chunks, &chunk), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(marray_chunks_next(chunks, &chunk) == -EPERM ? 0 : 1);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(marray_chunks_close(&chunks), 0);
    assert_int_equal(marray_close(&array), 0);
}

static int child_closes(struct marray *array)
{
    int status = marray_resize(array, 1, SHAPE(3));
    return status != -EPERM || marray_close(&array);
}

static void a_child_neither_cuts_nor_resizes_the_file_of_its_parent(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i8", 1, SHAPE(ITEMS));
    const int64_t more[] = {1, 2};
    assert_int_equal(marray_append(array, 2, NULL, more, sizeof(more)), 0);
    int64_t grown = scratch_size(scratch->path);
    assert_true(grown > (ITEMS + 2) * 8);
    in_child(child_closes, array);
    assert_int_equal(scratch_size(scratch->path), grown);
    assert_int_equal(marray_close(&array), 0);
    assert_int_equal(scratch_size(scratch->path), (ITEMS + 2) * 8);
}

/* ---- Advice by range ---- */

static void advice_for_a_range_clamps_its_length_and_refuses_a_start_beyond_the_end(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i8", 1, SHAPE(ITEMS));
    const enum marray_advice advice = MARRAY_ADVICE_WILLNEED;
    assert_int_equal(marray_advise_range(array, 4097, 1, advice), 0);
    assert_int_equal(marray_advise_range(array, 8, UINT64_MAX, advice), 0);
    assert_int_equal(marray_advise_range(array, UINT64_MAX, UINT64_MAX, advice), -ERANGE);
    assert_int_equal(marray_advise_range(array, ITEMS * 8, 5, advice), 0);
    assert_int_equal(marray_advise_range(array, ITEMS * 8 + 1, 0, advice), -ERANGE);
    assert_int_equal(marray_advise_range(array, 0, 1, (enum marray_advice)99), -EINVAL);
    marray_close(&array);
}

static void a_probe_tells_of_advice_without_giving_it(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i8", 1, SHAPE(ITEMS));
    const int64_t value = 1;
    uint64_t before, after, total;
    assert_int_equal(marray_fill(array, NULL, &value), 0);
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_DATA), 0);
    int told = marray_residency(array, &before, &total);
    assert_int_equal(marray_probe_advice(array, MARRAY_ADVICE_PAGEOUT), 0);
    assert_int_equal(marray_probe_advice(array, MARRAY_ADVICE_NORMAL), 0);
    assert_int_equal(marray_probe_advice(array, (enum marray_advice)99), -EINVAL);
    if (told == 0) {
        assert_int_equal(marray_residency(array, &after, &total), 0);
        assert_int_equal(before, after);
    }
    marray_close(&array);
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(an_anonymous_array_begins_with_zeros_and_takes_stores),
        SCRATCH_TEST(a_walk_over_memory_keeps_what_was_stored),
        SCRATCH_TEST(what_needs_a_file_says_so),
        SCRATCH_TEST(the_residency_of_memory_grows_with_its_stores),
        SCRATCH_TEST(what_cannot_be_anonymous_is_refused),
        SCRATCH_TEST(more_memory_than_there_is_is_refused),
        SCRATCH_TEST(children_share_mode_create_and_have_copies_of_mode_copy_on_write),
        SCRATCH_TEST(a_file_in_memory_grows_locks_and_is_opened_by_its_descriptor),
        SCRATCH_TEST(a_descriptor_stays_the_callers),
        SCRATCH_TEST(a_given_up_descriptor_is_closed_and_missed_by_name),
        SCRATCH_TEST(data_is_flushed_without_a_descriptor),
        SCRATCH_TEST(a_map_that_is_not_inherited_is_an_error_in_a_child_and_no_crash),
        SCRATCH_TEST(a_walk_does_not_go_on_in_a_child),
        SCRATCH_TEST(a_child_neither_cuts_nor_resizes_the_file_of_its_parent),
        SCRATCH_TEST(advice_for_a_range_clamps_its_length_and_refuses_a_start_beyond_the_end),
        SCRATCH_TEST(a_probe_tells_of_advice_without_giving_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
