/* Every operation on an open array, with every system call and allocation of it failing in turn:
 * what is reported as done is done, and what is not leaves array and process as they were. */
#include "tests/mapping/fault_sweep.h"

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

#include "mapping/array.h"
#include "mapping/os.h"
#include "tests/mapping/faults.h"
#include "tests/mapping/scratch.h"

enum { ROWS = 24, COLUMNS = 1024, ITEMS = ROWS * COLUMNS, CALLS_MAX = 400 };

/* What an operation has to work with. */
struct bench {
    struct scratch *scratch;
    struct marray *array;  /* <i8 of (ROWS, COLUMNS): item (i, j) is i * COLUMNS + j */
    struct marray *column; /* array[:, 3] */
    struct marray *other;  /* another open of the file */
    struct marray *opened; /* by the operation; closed after it */
    char *description;
    int64_t buffer[ITEMS];
};

/* Returns what the library does; checks the outcome of a success itself. */
typedef int operation(struct bench *bench);

/* ---- Flushing ---- */

static int flush_async(struct bench *bench)
{
    return marray_flush(bench->array, MARRAY_FLUSH_ASYNC);
}

static int flush_data(struct bench *bench)
{
    return marray_flush(bench->array, MARRAY_FLUSH_DATA);
}

static int flush_full(struct bench *bench)
{
    return marray_flush(bench->array, MARRAY_FLUSH_FULL);
}

static int flush_range(struct bench *bench)
{
    return marray_flush_range(bench->array, 9, 77777, MARRAY_FLUSH_DATA);
}

/* Also what is between the elements of the column, and as if flushes of all that had taken long. */
static void soil(struct bench *bench)
{
    atomic_store(&bench->array->map->flush_page_ns[MARRAY_FLUSH_SPAN], UINT64_MAX);
    atomic_store(&bench->array->map->flush_page_ns[MARRAY_FLUSH_RUNS], 1);
    atomic_store(&bench->array->map->flushes_chosen, 0);
    assert_int_equal(marray_write(bench->array, NULL, bench->buffer, sizeof(bench->buffer)), 0);
}

static int flush_column(struct bench *bench)
{
    return marray_flush_view(bench->column, MARRAY_FLUSH_DATA);
}

static int flush_column_async(struct bench *bench)
{
    return marray_flush_view(bench->column, MARRAY_FLUSH_ASYNC);
}

/* ---- Advice, residency, locks ---- */

static int advise(struct bench *bench)
{
    for (int advice = MARRAY_ADVICE_NORMAL; advice <= MARRAY_ADVICE_HUGE_PAGES; advice++) {
        int status = marray_advise(bench->column, (enum marray_advice)advice);
        if (status != -EINVAL && status != -EOPNOTSUPP && status)
            return status;
    }
    return marray_advise_range(bench->array, 5, 50000, MARRAY_ADVICE_WILLNEED);
}

static int probe_as_a_stranger(struct bench *bench)
{
    fault_user = 65533;
    int status = marray_probe_advice(bench->array, MARRAY_ADVICE_PAGEOUT);
    fault_user = 0;
    /* A refusal to look is a refusal: -EPERM is the cautious answer. */
    return status == -EPERM ? -EIO : status;
}

static int ask_residency(struct bench *bench)
{
    uint64_t resident_bytes = UINT64_MAX;
    uint64_t total_bytes = 0;
    int status = marray_residency(bench->column, &resident_bytes, &total_bytes);
    if (!status)
        assert_true(resident_bytes <= total_bytes);
    return status;
}

static int ask_residency_of_memory(struct bench *bench)
{
    struct marray_spec spec =
        scratch_spec(bench->scratch, MARRAY_COPY_ON_WRITE, "<i8", 1, SHAPE(ITEMS));
    uint64_t resident_bytes = 1;
    uint64_t total_bytes;
    int status = marray_open_anonymous(&spec, &bench->opened);
    if (!status)
        status = marray_residency(bench->opened, &resident_bytes, &total_bytes);
    if (!status)
        assert_int_equal(resident_bytes, 0);
    return status;
}

static int lock_and_unlock(struct bench *bench)
{
    int status = marray_lock(bench->column, MARRAY_LOCK_EXCLUSIVE, UINT64_MAX);
    if (!status)
        status = marray_unlock(bench->column);
    /* What a failed unlock leaves locked is still ours to lock. */
    return status;
}

static void hold_the_lock(struct bench *bench)
{
    assert_int_equal(marray_lock(bench->other, MARRAY_LOCK_EXCLUSIVE, 0), 0);
}

static int wait_for_a_lock(struct bench *bench)
{
    int status = marray_lock(bench->array, MARRAY_LOCK_SHARED, 1000000);
    assert_int_not_equal(status, 0);
    return status == -ETIMEDOUT ? 0 : status;
}

/* ---- Moving elements ---- */

static void take_out_of_memory(struct bench *bench)
{
    assert_int_equal(marray_flush(bench->array, MARRAY_FLUSH_DATA), 0);
    assert_int_equal(posix_fadvise(marray_descriptor(bench->array), 0, 0, POSIX_FADV_DONTNEED), 0);
}

static int gather(struct bench *bench)
{
    int64_t indices[ROWS];
    for (int64_t i = 0; i < ROWS; i++)
        indices[i] = (i * 7) % ROWS;
    int status = marray_gather(bench->column, indices, ROWS, "<f4", bench->buffer, ROWS * 4);
    for (size_t i = 0; status == 0 && i < ROWS; i++) {
        float value;
        memcpy(&value, (const char *)bench->buffer + 4 * i, sizeof(value));
        assert_true(value == (float)(indices[i] * COLUMNS + 3));
    }
    return status;
}

static int scatter(struct bench *bench)
{
    int64_t indices[ROWS];
    for (int64_t i = 0; i < ROWS; i++) {
        indices[i] = (i * 7) % ROWS;
        bench->buffer[i] = indices[i] * COLUMNS + 3;
    }
    return marray_scatter(bench->column, indices, ROWS, NULL, bench->buffer, ROWS * 8);
}

static void fill_column(struct bench *bench)
{
    for (int64_t i = 0; i < ROWS; i++)
        bench->buffer[i] = i * COLUMNS + 3;
}

static int read_rows(struct bench *bench)
{
    int status = marray_read(bench->column, NULL, bench->buffer, ROWS * 8);
    for (int64_t i = 0; status == 0 && i < ROWS; i++)
        assert_int_equal(bench->buffer[i], i * COLUMNS + 3);
    return status;
}

/* Calls store where nobody else has the file open, and best after a flush. */
static void be_alone(struct bench *bench)
{
    assert_int_equal(marray_close(&bench->other), 0);
    assert_int_equal(marray_flush(bench->array, MARRAY_FLUSH_DATA), 0);
}

static int write_rows(struct bench *bench)
{
    fill_column(bench);
    return marray_write(bench->column, NULL, bench->buffer, ROWS * 8);
}

static int read_converted(struct bench *bench)
{
    int status = marray_read(bench->array, ">i8", bench->buffer, sizeof(bench->buffer));
    if (!status)
        assert_int_equal(__builtin_bswap64((uint64_t)bench->buffer[ITEMS - 1]), ITEMS - 1);
    return status;
}

static int write_records(struct bench *bench)
{
    struct marray *first;
    int status = marray_slice(bench->array, (struct marray_slice[]){MARRAY_AT(0)}, 1, &first);
    if (status)
        return status;
    /* A text of a dtype is parsed, which allocates. */
    status = marray_read(first, "[('a', '<i8')]", bench->buffer, COLUMNS * 8);
    if (status == -EINVAL)
        status = 0;
    marray_close(&first);
    return status;
}

static int copy_overlapping(struct bench *bench)
{
    struct marray *up = NULL;
    struct marray *down = NULL;
    int status = marray_slice(bench->array, (struct marray_slice[]){MARRAY_RANGE(0, 9, 1)}, 1, &up);
    if (!status)
        status =
            marray_slice(bench->array, (struct marray_slice[]){MARRAY_RANGE(0, 9, 1)}, 1, &down);
    if (!status)
        status = marray_copy(up, down);
    marray_close(&up);
    marray_close(&down);
    return status;
}

static int copy_reversed(struct bench *bench)
{
    struct marray *reversed = NULL;
    int status = marray_slice(bench->array, (struct marray_slice[]){MARRAY_REVERSED}, 1, &reversed);
    if (!status)
        status = marray_copy(bench->array, reversed);
    if (!status)
        status = marray_copy(reversed, bench->array);
    /* Twice is as before, once is not: put it right for the check after a failure. */
    if (status) {
        for (int64_t i = 0; i < ITEMS; i++)
            bench->buffer[i] = i;
        fault_disarm();
        assert_int_equal(marray_write(bench->array, NULL, bench->buffer, sizeof(bench->buffer)), 0);
    }
    marray_close(&reversed);
    return status;
}

static int find(struct bench *bench)
{
    const int64_t needle = ITEMS - 1;
    int64_t position = -1;
    int status = marray_rfind(bench->array, &needle, sizeof(needle), 0, MARRAY_NONE, &position);
    if (!status)
        assert_int_equal(position, (ITEMS - 1) * 8);
    return status;
}

/* ---- Views ---- */

static int make_views(struct bench *bench)
{
    struct marray *views[5] = {NULL};
    int status = marray_transpose(bench->array, NULL, &views[0]);
    if (!status)
        status = marray_reshape(bench->array, 1, SHAPE(MARRAY_INFER_LENGTH), &views[1]);
    if (!status)
        status = marray_view_as(bench->array, "[('a', '<i4'), ('b', '<i4')]", &views[2]);
    if (!status)
        status = marray_field(views[2], "b", &views[3]);
    if (!status)
        status = marray_view_as(bench->array, "<u4", &views[4]);
    for (int i = 4; i >= 0; i--)
        assert_int_equal(marray_close(&views[i]), 0);
    return status;
}

static int describe(struct bench *bench)
{
    char text[1000] = "";
    int status = marray_describe(bench->column, text, sizeof(text));
    if (!status)
        assert_string_equal(text, bench->description);
    return status;
}

/* ---- Opening ---- */

static int open_description(struct bench *bench)
{
    return marray_open_description(bench->description, &bench->scratch->message, &bench->opened);
}

static int open_memory(struct bench *bench)
{
    struct marray_spec spec = scratch_spec(bench->scratch, MARRAY_CREATE, "<i8", 1, SHAPE(ITEMS));
    spec.flags = MARRAY_NO_FORK;
    return marray_open_memfd("sweep", &spec, &bench->opened);
}

static int open_file_without_children(struct bench *bench)
{
    struct marray_spec spec =
        scratch_spec(bench->scratch, MARRAY_READ, "<i8", MARRAY_INFER_SHAPE, NULL);
    spec.flags = MARRAY_NO_FORK | MARRAY_CLOSE_DESCRIPTOR;
    return marray_open(bench->scratch->path, &spec, &bench->opened);
}

static int open_descriptor(struct bench *bench)
{
    struct marray_spec spec =
        scratch_spec(bench->scratch, MARRAY_READ_WRITE, "<i8", MARRAY_INFER_SHAPE, NULL);
    return marray_open_descriptor(marray_descriptor(bench->array), &spec, &bench->opened);
}

static int open_npz(struct bench *bench)
{
    char path[PATH_MAX];
    const char *source = getenv("MAPMETER_SOURCE_DIR");
    snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/npz/savez", source ? source : ".");
    struct marray_spec spec =
        scratch_spec(bench->scratch, MARRAY_READ, NULL, MARRAY_INFER_SHAPE, NULL);
    return marray_open_npz(path, "a", &spec, &bench->opened);
}

static int open_records(struct bench *bench)
{
    char path[PATH_MAX + 8];
    struct marray_spec spec = scratch_spec(
        bench->scratch, MARRAY_CREATE,
        "[('a', '<i4'), ('', '|V4'), ('b', '<f8', (2,)), (('title', 'c'), [('x', '|u1')])]", 1,
        SHAPE(5));
    snprintf(path, sizeof(path), "%s.npy", bench->scratch->path);
    int status = marray_open_npy(path, &spec, &bench->opened);
    if (!status)
        status = marray_close(&bench->opened);
    spec = scratch_spec(bench->scratch, MARRAY_READ, NULL, MARRAY_INFER_SHAPE, NULL);
    if (!status)
        status = marray_open_npy(path, &spec, &bench->opened);
    unlink(path);
    return status;
}

/* ---- Walking ---- */

static int sum_chunk(struct marray *chunk, void *context)
{
    int64_t *sum = context;
    int64_t items[ITEMS];
    int status = marray_read(chunk, NULL, items, marray_size_bytes(chunk));
    for (uint64_t i = 0; status == 0 && i < marray_length(chunk); i++)
        *sum += items[i];
    return status;
}

static int walk_to_read(struct bench *bench)
{
    struct marray_chunks_spec spec = MARRAY_CHUNKS_SPEC_INIT;
    int64_t sum = 0;
    spec.budget_bytes = 64 * marray_os_page_bytes();
    int status = marray_chunks_each(bench->array, &spec, sum_chunk, &sum);
    if (!status)
        assert_int_equal(sum, (int64_t)ITEMS * (ITEMS - 1) / 2);
    return status;
}

static int store_again(struct marray *chunk, void *context)
{
    (void)context;
    int64_t items[ITEMS];
    int status = marray_read(chunk, NULL, items, marray_size_bytes(chunk));
    return status ? status : marray_write(chunk, NULL, items, marray_size_bytes(chunk));
}

static int walk_to_write(struct bench *bench)
{
    struct marray_chunks_spec spec = MARRAY_CHUNKS_SPEC_INIT;
    spec.budget_bytes = 64 * marray_os_page_bytes();
    spec.access = MARRAY_CHUNKS_WRITE;
    return marray_chunks_each(bench->array, &spec, store_again, NULL);
}

/* ---- What a bus error was ---- */

static int explain_a_fault(struct bench *bench)
{
    uint64_t size_bytes = 0;
    int status = marray_os_explain_fault(marray_descriptor(bench->array), 4096, true, &size_bytes);
    assert_true(status < 0);
    /* Its answer where nothing fails. */
    return status == -EFAULT ? 0 : status;
}

/* ---- The sweep ---- */

static const struct {
    const char *name;
    operation *run;
    void (*prepare)(struct bench *bench); /* or NULL */
    const char *calls;                    /* that are made */
} operations[] = {
    {"flush async", flush_async, NULL, "sync_file_range"},
    {"flush data", flush_data, NULL, "msync"},
    {"flush full", flush_full, NULL, "fsync"},
    {"flush a range", flush_range, NULL, "msync"},
    {"flush a column", flush_column, soil, "sync_file_range msync fstatfs64"},
    {"flush a column async", flush_column_async, soil, "sync_file_range"},
    {"advise", advise, NULL, "madvise"},
    {"probe advice", probe_as_a_stranger, NULL, "madvise faccessat fstat64"},
    {"residency", ask_residency, NULL, "syscall"},
    {"residency of memory", ask_residency_of_memory, NULL, "mincore mmap64 calloc"},
    {"lock", lock_and_unlock, NULL, "fcntl64"},
    {"wait for a lock", wait_for_a_lock, hold_the_lock, "fcntl64 clock_nanosleep"},
    {"gather", gather, take_out_of_memory, "syscall"},
    {"scatter", scatter, take_out_of_memory, "fstat64"},
    {"read rows", read_rows, take_out_of_memory, "syscall fcntl64 pread64"},
    {"write rows", write_rows, be_alone, "fcntl64 getrlimit64 fstat64 pwrite64"},
    {"read", read_converted, take_out_of_memory, "fstat64"},
    {"read records", write_records, NULL, "malloc calloc"},
    {"copy", copy_overlapping, NULL, "calloc"},
    {"copy reversed", copy_reversed, NULL, "calloc"},
    {"find", find, NULL, "fstat64"},
    {"views", make_views, NULL, "calloc"},
    {"describe", describe, NULL, "realpath"},
    {"open a description", open_description, NULL, "open64 fstat64 mmap64 calloc strdup"},
    {"open in memory", open_memory, NULL, "memfd_create posix_fallocate64 mmap64 madvise"},
    {"open without children", open_file_without_children, NULL, "open64 mmap64 madvise close"},
    {"open a descriptor", open_descriptor, NULL, "open64 fstat64 mmap64"},
    {"open a member", open_npz, NULL, "open64 fstat64 pread64 mmap64 malloc"},
    {"open records", open_records, NULL, "open64 malloc calloc"},
    {"walk to read", walk_to_read, take_out_of_memory, "madvise posix_fadvise64 fstat64 calloc"},
    {"walk to write", walk_to_write, take_out_of_memory, "madvise posix_fadvise64 sync_file_range"},
    {"explain a fault", explain_a_fault, NULL, "fstat64 pread64 lseek64 fallocate64"},
};

static void set_up(struct scratch *scratch, struct bench *bench)
{
    char text[1000];
    memset(bench, 0, sizeof(*bench));
    bench->scratch = scratch;
    for (int64_t i = 0; i < ITEMS; i++)
        bench->buffer[i] = i;
    scratch_write(scratch->path, bench->buffer, sizeof(bench->buffer));
    bench->array = scratch_open(scratch, MARRAY_READ_WRITE, "<i8", 2, SHAPE(ROWS, COLUMNS));
    bench->other = scratch_open(scratch, MARRAY_READ_WRITE, "<i8", 2, SHAPE(ROWS, COLUMNS));
    const struct marray_slice third[] = {MARRAY_ALL, MARRAY_AT(3)};
    assert_int_equal(marray_slice(bench->array, third, 2, &bench->column), 0);
    assert_int_equal(marray_describe(bench->column, text, sizeof(text)), 0);
    bench->description = strdup(text);
}

static void check_elements(const struct bench *bench)
{
    static int64_t elements[ITEMS];
    assert_int_equal(marray_read(bench->array, NULL, elements, sizeof(elements)), 0);
    for (int64_t i = 0; i < ITEMS; i++)
        assert_int_equal(elements[i], i);
}

static void tear_down(struct bench *bench)
{
    assert_int_equal(marray_close(&bench->column), 0);
    assert_int_equal(marray_close(&bench->array), 0);
    assert_int_equal(marray_close(&bench->other), 0);
    free(bench->description);
}

static bool keeps_failing(const struct bench *bench)
{
    return marray_flush(bench->array, MARRAY_FLUSH_DATA) == -EIO;
}

static bool is_flush(operation *run)
{
    return run == flush_async || run == flush_data || run == flush_full || run == flush_range ||
           run == flush_column || run == flush_column_async;
}

/* One operation with one failure; false when the call was not made that often. */
static bool try_operation(struct bench *bench, size_t which, const char *call, int skip)
{
    operation *run = operations[which].run;
    if (operations[which].prepare)
        operations[which].prepare(bench);
    size_t descriptors = scratch_count_descriptors();
    fault_arm(call, skip, fault_error_of(call));
    int status = run(bench);
    bool happened = fault_disarm();
    if (status && !happened)
        fail_msg("%s: %d without a failure of %s: %s", operations[which].name, status, call,
                 marray_message(bench->array));
    /* -EFAULT: why a page could not be had is not told any more. */
    if (status && status != -fault_error_of(call) && status != -EFAULT)
        fail_msg("%s: %d after %s failed", operations[which].name, status, call);
    if (status == -EIO && is_flush(run) && strcmp(call, "fstatfs64") && !keeps_failing(bench))
        fail_msg("%s: %s failed, and a later flush did not", operations[which].name, call);
    assert_int_equal(marray_close(&bench->opened), 0);
    if (scratch_count_descriptors() != descriptors)
        fail_msg("%s: a descriptor is left after %s failed", operations[which].name, call);
    check_elements(bench);
    return happened;
}

static void sweep_call(struct scratch *scratch, struct bench *bench, size_t which, const char *call)
{
    int skip = 0;
    bool happened;
    do {
        set_up(scratch, bench);
        happened = try_operation(bench, which, call, skip);
        tear_down(bench);
        if (scratch_count_maps(scratch) != 0)
            fail_msg("%s: a map is left after %s failed", operations[which].name, call);
        skip += happened;
    } while (happened && skip < CALLS_MAX);
    assert_true(skip < CALLS_MAX);
    if (fault_names_call(operations[which].calls, call) && skip == 0)
        fail_msg("%s: %s was never called", operations[which].name, call);
}

static void every_call_of_every_operation_may_fail(void **state)
{
    struct bench *bench = malloc(sizeof(*bench));
    assert_non_null(bench);
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        for (size_t k = 0; k < fault_call_count; k++)
            sweep_call(*state, bench, i, fault_calls[k]);
    }
    free(bench);
}

int fault_sweep(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_call_of_every_operation_may_fail, scratch_setup,
                                        scratch_teardown),
    };
    return cmocka_run_group_tests_name("sweep", tests, NULL, NULL);
}
