/*
 * libmarray on Windows: what the tests of the mapping ask on Linux, and what is different here.
 * A program of its own, since cmocka is not built for Windows. usage: test_windows FOLDER
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include "mapping/marray.h"

#define PATH_BYTES 1024

struct bench {
    char folder[PATH_BYTES];
    char path[PATH_BYTES]; /* a name in it; each test begins without the file */
    struct marray_message message;
    int checks, failures;
};

/* Counts, and says what is not as expected; goes on. */
#define CHECK(bench, condition) check((bench), (condition), #condition, __LINE__)
#define SHAPE(...)              ((const uint64_t[]){__VA_ARGS__})

static void check(struct bench *bench, bool holds, const char *condition, int line)
{
    bench->checks++;
    if (holds)
        return;
    bench->failures++;
    printf("line %d: not so: %s; last message: %s\n", line, condition, bench->message.text);
}

static struct marray_spec spec_of(struct bench *bench, enum marray_mode mode, const char *dtype,
                                  int dimensions, const uint64_t *shape)
{
    struct marray_spec spec = MARRAY_SPEC_INIT;
    spec.mode = mode;
    spec.dtype = dtype;
    spec.dimensions = dimensions;
    spec.shape = shape;
    spec.message = &bench->message;
    return spec;
}

/* Ends the program when it fails: nothing can be tested without an array. */
static struct marray *open_array(struct bench *bench, enum marray_mode mode, const char *dtype,
                                 int dimensions, const uint64_t *shape)
{
    struct marray_spec spec = spec_of(bench, mode, dtype, dimensions, shape);
    struct marray *array = NULL;
    int status = marray_open(bench->path, &spec, &array);
    if (status) {
        printf("cannot open: %d: %s\n", status, bench->message.text);
        exit(1);
    }
    return array;
}

/* 0, 1, 2 ... 250, 0, 1 ... */
static void write_ramp(struct bench *bench, size_t size)
{
    FILE *file = fopen(bench->path, "wb");
    for (size_t i = 0; file && i < size; i++)
        fputc((int)(i % 251), file);
    CHECK(bench, file && !fclose(file));
}

static long long size_of_file(const struct bench *bench)
{
    WIN32_FILE_ATTRIBUTE_DATA found;
    if (!GetFileAttributesExA(bench->path, GetFileExInfoStandard, &found))
        return -1;
    return (long long)((uint64_t)found.nFileSizeHigh << 32 | found.nFileSizeLow);
}

static void created_files_keep_what_is_written(struct bench *bench)
{
    double values[12], back[12];
    for (int i = 0; i < 12; i++)
        values[i] = i * 1.5;
    struct marray *array = open_array(bench, MARRAY_CREATE, "<f8", 2, SHAPE(3, 4));
    CHECK(bench, size_of_file(bench) == 96);
    CHECK(bench, !marray_write(array, "<f8", values, sizeof(values)));
    CHECK(bench, !marray_close(&array));
    array = open_array(bench, MARRAY_READ, "<f8", 2, SHAPE(3, 4));
    CHECK(bench, !marray_read(array, NULL, back, sizeof(back)));
    CHECK(bench, !memcmp(values, back, sizeof(back)));
    CHECK(bench, marray_fill(array, "<f8", values) == -EACCES);
    marray_close(&array);
}

static void any_offset_is_mapped(struct bench *bench)
{
    static const uint64_t offsets[] = {0, 1, 4095, 4096, 65535, 65536, 65537, 200003};
    write_ramp(bench, 300000);
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        struct marray_spec spec = spec_of(bench, MARRAY_READ, "|u1", 1, SHAPE(70000));
        spec.offset_bytes = offsets[i];
        struct marray *array = NULL;
        CHECK(bench, !marray_open(bench->path, &spec, &array));
        const unsigned char *bytes = array ? marray_data(array) : NULL;
        CHECK(bench,
              bytes && bytes[0] == offsets[i] % 251 && bytes[69999] == (offsets[i] + 69999) % 251);
        CHECK(bench, !marray_close(&array));
    }
}

static void copy_on_write_leaves_the_file_alone(struct bench *bench)
{
    write_ramp(bench, 5000);
    struct marray *array = open_array(bench, MARRAY_COPY_ON_WRITE, "|u1", MARRAY_INFER_SHAPE, NULL);
    struct marray *other = open_array(bench, MARRAY_READ, "|u1", MARRAY_INFER_SHAPE, NULL);
    unsigned char value = 99;
    CHECK(bench, !marray_fill(array, "|u1", &value));
    CHECK(bench, !marray_get(array, (const int64_t[]){4321}, "|u1", &value) && value == 99);
    const int32_t start = -1, step = 1;
    CHECK(bench, marray_ramp(array, "<i4", &start, &step) == -ERANGE);
    const double real_start = 0.5, real_step = 0.03125;
    CHECK(bench, !marray_ramp(array, "<f8", &real_start, &real_step));
    CHECK(bench, !marray_get(array, (const int64_t[]){4999}, "|u1", &value) && value == 156);
    value = 99;
    CHECK(bench, !marray_fill(array, "|u1", &value));
    CHECK(bench, !marray_get(other, (const int64_t[]){4321}, "|u1", &value) && value == 4321 % 251);
    CHECK(bench, !marray_flush(array, MARRAY_FLUSH_FULL));
    marray_close(&array);
    marray_close(&other);
}

static void shared_stores_are_seen_at_once(struct bench *bench)
{
    struct marray *array = open_array(bench, MARRAY_CREATE, "<i4", 1, SHAPE(40000));
    struct marray *other = open_array(bench, MARRAY_READ_WRITE, "<i4", 1, SHAPE(40000));
    int32_t value = -7;
    CHECK(bench, !marray_set(array, (const int64_t[]){-1}, "<i4", &value));
    value = 0;
    CHECK(bench, !marray_get(other, (const int64_t[]){39999}, "<i4", &value) && value == -7);
    CHECK(bench, marray_close(&array) == 0 && marray_close(&other) == 0);
}

static void readwrite_makes_files_longer(struct bench *bench)
{
    write_ramp(bench, 100);
    struct marray *array = open_array(bench, MARRAY_READ_WRITE, "|u1", 1, SHAPE(100000));
    CHECK(bench, size_of_file(bench) == 100000);
    unsigned char value = 1;
    CHECK(bench, !marray_get(array, (const int64_t[]){99}, "|u1", &value) && value == 99);
    CHECK(bench, !marray_get(array, (const int64_t[]){99999}, "|u1", &value) && value == 0);
    marray_close(&array);
    struct marray_spec spec = spec_of(bench, MARRAY_READ, "|u1", 1, SHAPE(100001));
    CHECK(bench, marray_open(bench->path, &spec, &array) == -ENODATA);
}

static void sparse_files_are_made(struct bench *bench)
{
    struct marray_spec spec = spec_of(bench, MARRAY_CREATE, "<u8", 1, SHAPE(1 << 20));
    spec.flags = MARRAY_SPARSE;
    struct marray *array = NULL;
    CHECK(bench, !marray_open(bench->path, &spec, &array));
    uint64_t value = 5;
    CHECK(bench, array && !marray_set(array, (const int64_t[]){-1}, "<u8", &value));
    CHECK(bench, array && !marray_get(array, (const int64_t[]){0}, "<u8", &value) && value == 0);
    marray_close(&array);
    CHECK(bench, size_of_file(bench) == 8 << 20);
}

static void creation_replaces_what_is_longer(struct bench *bench)
{
    for (uint32_t flags = 0; flags <= MARRAY_DURABLE_CREATE; flags += MARRAY_DURABLE_CREATE) {
        write_ramp(bench, 300000);
        struct marray_spec spec = spec_of(bench, MARRAY_CREATE, "<i2", 1, SHAPE(1000));
        spec.flags = flags;
        struct marray *array = NULL;
        CHECK(bench, !marray_open(bench->path, &spec, &array));
        CHECK(bench, size_of_file(bench) == 2000);
        int16_t value = 1;
        CHECK(bench, array && !marray_get(array, (const int64_t[]){999}, "<i2", &value) && !value);
        CHECK(bench, array && !marray_flush(array, MARRAY_FLUSH_FULL));
        marray_close(&array);
    }
}

static void slices_and_transposes_are_views(struct bench *bench)
{
    struct marray *array = open_array(bench, MARRAY_CREATE, ">u2", 2, SHAPE(6, 5));
    struct marray *view = NULL;
    struct marray *turned = NULL;
    uint16_t values[30], back[9];
    for (int i = 0; i < 30; i++)
        values[i] = (uint16_t)i;
    CHECK(bench, !marray_write(array, "<u2", values, sizeof(values)));
    const struct marray_slice parts[] = {MARRAY_RANGE(1, MARRAY_NONE, 2),
                                         MARRAY_RANGE(MARRAY_NONE, MARRAY_NONE, -2)};
    CHECK(bench, !marray_slice(array, parts, 2, &view));
    CHECK(bench, view && !marray_transpose(view, NULL, &turned));
    CHECK(bench, turned && !marray_read(turned, "<u2", back, sizeof(back)));
    static const uint16_t expected[9] = {9, 19, 29, 7, 17, 27, 5, 15, 25};
    CHECK(bench, !memcmp(back, expected, sizeof(back)));
    CHECK(bench, marray_close(&array) == -EBUSY);
    marray_close(&turned);
    marray_close(&view);
    CHECK(bench, !marray_close(&array));
}

static void all_levels_of_flush_succeed(struct bench *bench)
{
    struct marray_spec spec = spec_of(bench, MARRAY_CREATE, "|u1", 2, SHAPE(50, 4096));
    spec.offset_bytes = 4097;
    struct marray *array = NULL;
    struct marray *view = NULL;
    unsigned char value = 3;
    CHECK(bench, !marray_open(bench->path, &spec, &array));
    const struct marray_slice parts[] = {MARRAY_RANGE(1, 40, 7), MARRAY_RANGE(5, 9, 1)};
    CHECK(bench, array && !marray_slice(array, parts, 2, &view));
    for (int level = MARRAY_FLUSH_ASYNC; array && view && level <= MARRAY_FLUSH_FULL; level++) {
        CHECK(bench, !marray_fill(array, "|u1", &value));
        CHECK(bench, !marray_flush(array, (enum marray_flush_level)level));
        CHECK(bench, !marray_flush_view(view, (enum marray_flush_level)level));
        CHECK(bench, !marray_flush_range(array, 100, 70000, (enum marray_flush_level)level));
    }
    CHECK(bench, array && !strcmp(marray_flush_calls(array, MARRAY_FLUSH_DATA),
                                  "FlushViewOfFile and FlushFileBuffers"));
    marray_close(&view);
    marray_close(&array);
}

static void npy_files_come_back(struct bench *bench)
{
    float values[6] = {1, 2, 3, 4, 5, 6};
    float back[6] = {0};
    struct marray_spec spec = spec_of(bench, MARRAY_CREATE, "<f4", 2, SHAPE(2, 3));
    spec.order = MARRAY_ORDER_F;
    struct marray *array = NULL;
    CHECK(bench, !marray_open_npy(bench->path, &spec, &array));
    CHECK(bench, array && !marray_write(array, "<f4", values, sizeof(values)));
    marray_close(&array);
    CHECK(bench, size_of_file(bench) == 128 + 24);
    spec = spec_of(bench, MARRAY_READ_WRITE, NULL, MARRAY_INFER_SHAPE, NULL);
    CHECK(bench, !marray_open_npy(bench->path, &spec, &array));
    CHECK(bench, array && marray_is_contiguous(array, MARRAY_ORDER_F));
    CHECK(bench, array && marray_shape(array)[1] == 3 && !strcmp(marray_dtype(array), "<f4"));
    CHECK(bench, array && !marray_read(array, NULL, back, sizeof(back)));
    CHECK(bench, !memcmp(values, back, sizeof(back)));
    marray_close(&array);
}

struct waiter {
    struct marray *array;
    int status;
};

static DWORD WINAPI wait_for_lock(void *context)
{
    struct waiter *waiter = context;
    waiter->status = marray_lock(waiter->array, MARRAY_LOCK_EXCLUSIVE, UINT64_MAX);
    return 0;
}

static void locks_keep_other_opens_out(struct bench *bench)
{
    struct marray *array = open_array(bench, MARRAY_CREATE, "|u1", 1, SHAPE(1000));
    struct marray *other = open_array(bench, MARRAY_READ_WRITE, "|u1", 1, SHAPE(1000));
    CHECK(bench, !marray_lock_range(array, 0, 100, MARRAY_LOCK_EXCLUSIVE, 0));
    CHECK(bench, marray_lock_range(other, 99, 1, MARRAY_LOCK_SHARED, 0) == -EAGAIN);
    CHECK(bench, marray_lock(other, MARRAY_LOCK_EXCLUSIVE, 3000000) == -ETIMEDOUT);
    CHECK(bench, !marray_lock_range(other, 100, 100, MARRAY_LOCK_EXCLUSIVE, 0));
    /* Mandatory locks of the bytes would stop those who do not lock. */
    FILE *file = fopen(bench->path, "rb");
    CHECK(bench, file && fgetc(file) == 0);
    if (file)
        fclose(file);
    CHECK(bench, !marray_unlock_range(other, 0, 0));
    struct waiter waiter = {other, 1};
    HANDLE thread = CreateThread(NULL, 0, wait_for_lock, &waiter, 0, NULL);
    Sleep(20);
    CHECK(bench, !marray_unlock_range(array, 0, 0));
    CHECK(bench, thread && WaitForSingleObject(thread, 10000) == WAIT_OBJECT_0);
    CHECK(bench, waiter.status == 0);
    CHECK(bench, marray_lock(array, MARRAY_LOCK_SHARED, 0) == -EAGAIN);
    CloseHandle(thread);
    /* The locks go with the open. */
    marray_close(&other);
    CHECK(bench, !marray_lock(array, MARRAY_LOCK_SHARED, 0));
    marray_close(&array);
}

static void locks_of_one_open_do_not_wait_for_each_other(struct bench *bench)
{
    struct marray *array = open_array(bench, MARRAY_CREATE, "|u1", 1, SHAPE(1000));
    CHECK(bench, !marray_lock_range(array, 0, 100, MARRAY_LOCK_EXCLUSIVE, UINT64_MAX));
    CHECK(bench, !marray_lock_range(array, 10, 10, MARRAY_LOCK_EXCLUSIVE, UINT64_MAX));
    CHECK(bench,
          marray_lock_range(array, 50, 100, MARRAY_LOCK_EXCLUSIVE, UINT64_MAX) == -EOPNOTSUPP);
    CHECK(bench, strstr(marray_message(array), "Windows") != NULL);
    CHECK(bench, marray_lock_range(array, 0, 100, MARRAY_LOCK_SHARED, 0) == -EOPNOTSUPP);
    CHECK(bench, marray_unlock_range(array, 10, 10) == -EOPNOTSUPP);
    CHECK(bench, !marray_unlock_range(array, 0, 100));
    CHECK(bench, !marray_lock_range(array, 50, 100, MARRAY_LOCK_SHARED, 0));
    marray_close(&array);
}

static int raise_in_page_error(void *context)
{
    const ULONG_PTR *parameters = context;
    RaiseException((DWORD)EXCEPTION_IN_PAGE_ERROR, 0, 3, parameters);
    return 1;
}

static int outer_call(void *context)
{
    const struct marray *array = context;
    ULONG_PTR parameters[3] = {0, (ULONG_PTR)marray_data(array) + 8, 0xC000007F};
    int status = marray_guarded(array, raise_in_page_error, parameters);
    return status == -ENOSPC ? 42 : status;
}

static void in_page_errors_end_guarded_calls(struct bench *bench)
{
    struct marray *array = open_array(bench, MARRAY_CREATE, "|u1", 1, SHAPE(100000));
    for (int round = 0; round < 1000; round++) {
        ULONG_PTR parameters[3] = {1, (ULONG_PTR)marray_data(array) + 70000, 0xC0000185};
        CHECK(bench, marray_guarded(array, raise_in_page_error, parameters) == -EIO);
    }
    CHECK(bench, strstr(marray_message(array), "byte 70000 of the file") != NULL);
    /* A guard inside another: only the inner one ends. */
    CHECK(bench, marray_guarded(array, outer_call, array) == 42);
    CHECK(bench, strstr(marray_message(array), "No space") != NULL);
    marray_close(&array);
}

static LONG CALLBACK skip_exception(EXCEPTION_POINTERS *exception)
{
    return exception->ExceptionRecord->ExceptionCode == EXCEPTION_IN_PAGE_ERROR
               ? EXCEPTION_CONTINUE_EXECUTION
               : EXCEPTION_CONTINUE_SEARCH;
}

static void other_in_page_errors_go_where_they_went_before(struct bench *bench)
{
    struct marray *array = open_array(bench, MARRAY_CREATE, "|u1", 1, SHAPE(4096));
    void *handler = AddVectoredExceptionHandler(0, skip_exception);
    ULONG_PTR parameters[3] = {0, (ULONG_PTR)bench, 0xC0000185};
    CHECK(bench, marray_guarded(array, raise_in_page_error, parameters) == 1);
    parameters[1] = (ULONG_PTR)marray_data(array);
    CHECK(bench, raise_in_page_error(parameters) == 1);
    RemoveVectoredExceptionHandler(handler);
    marray_close(&array);
}

static void names_are_utf8(struct bench *bench)
{
    char name[PATH_BYTES + 256];
    struct marray_spec spec = spec_of(bench, MARRAY_CREATE, "|u1", 1, SHAPE(10));
    struct marray *array = NULL;
    snprintf(name, sizeof(name), "%s/\xC3\xA4\xE6\x97\xA5", bench->folder);
    CHECK(bench, !marray_open(name, &spec, &array));
    marray_close(&array);
    wchar_t wide[PATH_BYTES];
    MultiByteToWideChar(CP_UTF8, 0, name, -1, wide, PATH_BYTES);
    CHECK(bench, DeleteFileW(wide));
    snprintf(name, sizeof(name), "%s/\xFF\xFE", bench->folder);
    CHECK(bench, marray_open(name, &spec, &array) == -EILSEQ);
    /* Longer than 260 characters: two folders deep. */
    char folder[PATH_BYTES + 256];
    snprintf(folder, sizeof(folder), "%s/%0200d", bench->folder, 1);
    CHECK(bench, CreateDirectoryA(folder, NULL));
    snprintf(name, sizeof(name), "%s/%080d", folder, 2);
    wchar_t prefixed[PATH_BYTES];
    MultiByteToWideChar(CP_UTF8, 0, name, -1, wide, PATH_BYTES);
    wcscpy(prefixed, L"\\\\?\\");
    GetFullPathNameW(wide, PATH_BYTES - 8, prefixed + wcslen(prefixed), NULL);
    HANDLE file = CreateFileW(prefixed, GENERIC_WRITE, 0, NULL, CREATE_NEW, 0, NULL);
    DWORD written = 0;
    CHECK(bench, WriteFile(file, "0123456789", 10, &written, NULL) && written == 10);
    CloseHandle(file);
    spec.mode = MARRAY_READ;
    CHECK(bench, !marray_open(name, &spec, &array));
    marray_close(&array);
    CHECK(bench, marray_open(folder, &spec, &array) == -EISDIR);
}

static void what_windows_lacks_is_refused(struct bench *bench)
{
    struct marray *array = open_array(bench, MARRAY_CREATE, "|u1", 1, SHAPE(100000));
    uint64_t resident_bytes, total_bytes;
    CHECK(bench, marray_residency(array, &resident_bytes, &total_bytes) == -EOPNOTSUPP);
    CHECK(bench, strstr(marray_message(array), "Windows") != NULL);
    CHECK(bench, marray_advise(array, MARRAY_ADVICE_SEQUENTIAL) == -EOPNOTSUPP);
    CHECK(bench, marray_advise(array, MARRAY_ADVICE_HUGE_PAGES) == -EOPNOTSUPP);
    CHECK(bench, marray_advise(array, MARRAY_ADVICE_PAGEOUT) == -EOPNOTSUPP);
    CHECK(bench, marray_resize(array, 1, SHAPE(200000)) == -EOPNOTSUPP);
    CHECK(bench, size_of_file(bench) == 100000);
    CHECK(bench, !marray_advise(array, MARRAY_ADVICE_NORMAL));
    CHECK(bench, !marray_advise(array, MARRAY_ADVICE_WILLNEED));
    CHECK(bench, !marray_advise(array, MARRAY_ADVICE_POPULATE));
    CHECK(bench, !marray_advise(array, MARRAY_ADVICE_COLD));
    marray_close(&array);
}

static void chunks_walk_over_all_rows(struct bench *bench)
{
    struct marray *array = open_array(bench, MARRAY_CREATE, "<i4", 2, SHAPE(1000, 256));
    struct marray_chunks_spec spec = MARRAY_CHUNKS_SPEC_INIT;
    struct marray_chunks *chunks = NULL;
    struct marray *chunk = NULL;
    uint64_t rows = 0;
    int32_t value = 1;
    spec.access = MARRAY_CHUNKS_WRITE;
    spec.budget_bytes = 512 * 1024;
    CHECK(bench, !marray_chunks_open(array, &spec, &chunks));
    while (chunks && !marray_chunks_next(chunks, &chunk) && chunk) {
        rows += marray_shape(chunk)[0];
        CHECK(bench, !marray_fill(chunk, "<i4", &value));
    }
    CHECK(bench, rows == 1000);
    CHECK(bench, !marray_chunks_close(&chunks));
    const int64_t picks[] = {999, -1000, 500};
    int32_t gathered[3 * 256];
    CHECK(bench, !marray_gather(array, picks, 3, NULL, gathered, sizeof(gathered)));
    CHECK(bench, gathered[0] == 1 && gathered[767] == 1);
    marray_close(&array);
}

static void memory_has_no_file(struct bench *bench)
{
    struct marray_spec spec = spec_of(bench, MARRAY_CREATE, "<i8", 1, SHAPE(5000));
    struct marray *array = NULL;
    int64_t value = 7;
    CHECK(bench, !marray_open_anonymous(&spec, &array));
    CHECK(bench, array && !marray_set(array, (const int64_t[]){-1}, NULL, &value));
    value = 0;
    CHECK(bench, array && !marray_get(array, (const int64_t[]){4999}, NULL, &value) && value == 7);
    CHECK(bench, array && !marray_flush(array, MARRAY_FLUSH_FULL));
    CHECK(bench, array && marray_lock(array, MARRAY_LOCK_SHARED, 0) == -EBADF);
    CHECK(bench, !marray_close(&array));
    CHECK(bench, marray_open_memfd("name", &spec, &array) == -EOPNOTSUPP && !array);
}

static void a_descriptor_is_given_up_or_opened_again(struct bench *bench)
{
    struct marray_spec spec = spec_of(bench, MARRAY_CREATE, "<i8", 1, SHAPE(5000));
    struct marray *array = NULL;
    struct marray *other = NULL;
    int64_t value = 7;
    spec.flags = MARRAY_CLOSE_DESCRIPTOR | MARRAY_NO_FORK;
    CHECK(bench, !marray_open(bench->path, &spec, &array));
    CHECK(bench, array && marray_descriptor(array) == -1);
    CHECK(bench, array && !marray_fill(array, NULL, &value));
    CHECK(bench, array && marray_flush(array, MARRAY_FLUSH_DATA) == -EBADF);
    CHECK(bench, !marray_close(&array));
    array = open_array(bench, MARRAY_READ_WRITE, "<i8", MARRAY_INFER_SHAPE, NULL);
    spec = spec_of(bench, MARRAY_READ_WRITE, "<i8", MARRAY_INFER_SHAPE, NULL);
    CHECK(bench, !marray_open_descriptor(marray_descriptor(array), &spec, &other));
    value = 0;
    CHECK(bench, other && !marray_get(other, (const int64_t[]){0}, NULL, &value) && value == 7);
    CHECK(bench, !marray_lock(array, MARRAY_LOCK_EXCLUSIVE, 0));
    CHECK(bench, other && marray_lock(other, MARRAY_LOCK_EXCLUSIVE, 0) == -EAGAIN);
    CHECK(bench, marray_probe_advice(array, MARRAY_ADVICE_RANDOM) == -EOPNOTSUPP);
    CHECK(bench, !marray_advise_range(array, 9, UINT64_MAX, MARRAY_ADVICE_WILLNEED));
    CHECK(bench, !marray_close(&other));
    CHECK(bench, !marray_close(&array));
}

int main(int count, char **arguments)
{
    static void (*const tests[])(struct bench *) = {
        created_files_keep_what_is_written,
        any_offset_is_mapped,
        copy_on_write_leaves_the_file_alone,
        shared_stores_are_seen_at_once,
        readwrite_makes_files_longer,
        sparse_files_are_made,
        creation_replaces_what_is_longer,
        slices_and_transposes_are_views,
        all_levels_of_flush_succeed,
        npy_files_come_back,
        locks_keep_other_opens_out,
        locks_of_one_open_do_not_wait_for_each_other,
        in_page_errors_end_guarded_calls,
        other_in_page_errors_go_where_they_went_before,
        names_are_utf8,
        what_windows_lacks_is_refused,
        chunks_walk_over_all_rows,
        memory_has_no_file,
        a_descriptor_is_given_up_or_opened_again,
    };
    struct bench bench = {.checks = 0};
    if (count != 2) {
        printf("usage: test_windows FOLDER\n");
        return 2;
    }
    /* Of this process: the folder may be shared. */
    snprintf(bench.folder, sizeof(bench.folder), "%.900s/%lu", arguments[1], GetCurrentProcessId());
    if (!CreateDirectoryA(bench.folder, NULL)) {
        printf("cannot create '%s'\n", bench.folder);
        return 2;
    }
    snprintf(bench.path, sizeof(bench.path), "%.1000s/data", bench.folder);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        tests[i](&bench);
        bench.message.text[0] = '\0';
        CHECK(&bench, DeleteFileA(bench.path) || GetLastError() == ERROR_FILE_NOT_FOUND);
    }
    printf("%d checks, %d failed\n", bench.checks, bench.failures);
    return bench.failures > 0;
}
