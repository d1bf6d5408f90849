/* Every system call of an open may fail: the file is then as it was, and nothing leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <unistd.h>

#include "mapping/array.h"
#include "mapping/os.h"
#include "tests/mapping/fault_sweep.h"
#include "tests/mapping/faults.h"
#include "tests/mapping/scratch.h"

enum old_file { OLD_NONE, OLD_RAMP, OLD_NPY };

/* One way to open. */
struct scenario {
    const char *name;
    enum old_file old_file;
    size_t old_bytes;
    bool npy;
    enum marray_mode mode;
    uint32_t flags;
    uint64_t length; /* of |u1; 0: from the header */
    int64_t new_bytes;
    const char *calls; /* that must have been made to fail at least once */
};

static const struct scenario scenarios[] = {
    {"create", OLD_NONE, 0, false, MARRAY_CREATE, 0, 9000, 9000,
     "open64 posix_fallocate64 mmap64 realpath"},
    {"create sparse", OLD_NONE, 0, false, MARRAY_CREATE, MARRAY_SPARSE, 9000, 9000,
     "open64 ftruncate64 mmap64"},
    {"create over a longer file", OLD_RAMP, 20000, false, MARRAY_CREATE, 0, 9000, 9000,
     "open64 fstat64 posix_fallocate64 mmap64 rename fchmod"},
    {"create over a shorter file", OLD_RAMP, 5000, false, MARRAY_CREATE, 0, 9000, 9000,
     "open64 fstat64 posix_fallocate64 mmap64 fallocate64"},
    {"create sparse over a longer file", OLD_RAMP, 20000, false, MARRAY_CREATE, MARRAY_SPARSE, 9000,
     9000, "open64 mmap64 ftruncate64 rename"},
    {"create durably", OLD_NONE, 0, false, MARRAY_CREATE, MARRAY_DURABLE_CREATE, 9000, 9000,
     "open64 posix_fallocate64 mmap64 fsync rename"},
    {"create durably over a file", OLD_RAMP, 20000, false, MARRAY_CREATE, MARRAY_DURABLE_CREATE,
     9000, 9000, "open64 fchmod posix_fallocate64 mmap64 fsync rename realpath"},
    {"grow", OLD_RAMP, 5000, false, MARRAY_READ_WRITE, 0, 9000, 9000,
     "open64 fstat64 posix_fallocate64 mmap64"},
    {"grow sparse", OLD_RAMP, 5000, false, MARRAY_READ_WRITE, MARRAY_SPARSE, 9000, 9000,
     "open64 fstat64 ftruncate64 mmap64"},
    {"create npy", OLD_NONE, 0, true, MARRAY_CREATE, 0, 9000, 9128,
     "open64 posix_fallocate64 mmap64 pwrite64"},
    {"create npy over a file", OLD_RAMP, 20000, true, MARRAY_CREATE, 0, 9000, 9128,
     "open64 posix_fallocate64 mmap64 pwrite64 rename"},
    {"create npy over a tiny file", OLD_RAMP, 3, true, MARRAY_CREATE, 0, 9000, 9128,
     "open64 posix_fallocate64 mmap64 pread64 pwrite64"},
    {"open npy", OLD_NPY, 628, true, MARRAY_READ, 0, 0, 628, "open64 fstat64 pread64 mmap64"},
    {"grow npy", OLD_NPY, 200, true, MARRAY_READ_WRITE, 0, 0, 628,
     "open64 fstat64 pread64 mmap64 posix_fallocate64"},
    {"read", OLD_RAMP, 9000, false, MARRAY_READ, 0, 9000, 9000, "open64 fstat64 mmap64"},
    {"copy on write", OLD_RAMP, 9000, false, MARRAY_COPY_ON_WRITE, 0, 9000, 9000, "open64 mmap64"},
};

static int open_scenario(struct scratch *scratch, const struct scenario *scenario,
                         struct marray **array)
{
    const uint64_t shape[] = {scenario->length};
    struct marray_spec spec = scratch_spec(scratch, scenario->mode, "|u1",
                                           scenario->length ? 1 : MARRAY_INFER_SHAPE, shape);
    spec.flags = scenario->flags;
    return scenario->npy ? marray_open_npy(scratch->path, &spec, array)
                         : marray_open(scratch->path, &spec, array);
}

static void make_old_file(struct scratch *scratch, const struct scenario *scenario)
{
    remove(scratch->path);
    if (scenario->old_file == OLD_RAMP)
        scratch_write_ramp(scratch->path, scenario->old_bytes);
    if (scenario->old_file != OLD_NPY)
        return;
    struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, "|u1", 1, SHAPE(500));
    struct marray *array;
    assert_int_equal(marray_open_npy(scratch->path, &spec, &array), 0);
    marray_close(&array);
    size_t size;
    unsigned char *bytes = scratch_read(scratch->path, &size);
    scratch_write(scratch->path, bytes, scenario->old_bytes);
    free(bytes);
}

static bool same_bytes(const char *path, const unsigned char *bytes, size_t size)
{
    size_t found_size;
    unsigned char *found = scratch_read(path, &found_size);
    bool same = found_size == size && !memcmp(found, bytes, size);
    free(found);
    return same;
}

/* Whether the new file is there as a run without failures leaves it. */
static bool is_whole_new_file(struct scratch *scratch, const struct scenario *scenario)
{
    if (scratch_size(scratch->path) != scenario->new_bytes)
        return false;
    if (scenario->mode != MARRAY_CREATE)
        return true;
    size_t size;
    unsigned char *bytes = scratch_read(scratch->path, &size);
    size_t header = scenario->npy ? 128 : 0;
    bool whole = header == 0 || !memcmp(bytes, "\x93NUMPY", 6);
    for (size_t i = header; i < size; i++)
        whole = whole && bytes[i] == 0;
    free(bytes);
    return whole;
}

static void check_failed_open(struct scratch *scratch, const struct scenario *scenario,
                              const char *call, const unsigned char *old, size_t old_bytes)
{
    assert_non_null(strstr(scratch->message.text, "data"));
    /* The one step after the new file has replaced the old one, as marray.h says. */
    if ((scenario->flags & MARRAY_DURABLE_CREATE) && old &&
        strstr(scratch->message.text, "make durable the folder")) {
        assert_true(is_whole_new_file(scratch, scenario));
        return;
    }
    /* The other exception: without a call that clears a range, zeros are written over the old. */
    if (!strcmp(call, "pwrite64") && strstr(scratch->message.text, "now partly gone"))
        return;
    if (!old) {
        if (scratch_count_files(scratch) != 0)
            fail_msg("%s: a file is left after %s failed", scenario->name, call);
        return;
    }
    if (!same_bytes(scratch->path, old, old_bytes))
        fail_msg("%s: the file changed after %s failed", scenario->name, call);
    assert_int_equal(scratch_count_files(scratch), 1);
}

/* One open with one failure; false when the call was not made that often. */
static bool try_failure(struct scratch *scratch, const struct scenario *scenario, const char *call,
                        int skip)
{
    make_old_file(scratch, scenario);
    size_t old_bytes = 0;
    unsigned char *old = NULL;
    if (scenario->old_file != OLD_NONE)
        old = scratch_read(scratch->path, &old_bytes);
    size_t descriptors = scratch_count_descriptors();
    struct marray *array = NULL;
    fault_arm(call, skip, fault_error_of(call));
    int status = open_scenario(scratch, scenario, &array);
    bool happened = fault_disarm();
    if (status) {
        assert_true(happened);
        assert_int_equal(status, -fault_error_of(call));
        assert_null(array);
        check_failed_open(scratch, scenario, call, old, old_bytes);
    } else {
        if (!is_whole_new_file(scratch, scenario))
            fail_msg("%s: not what was asked for after %s failed", scenario->name, call);
        assert_int_equal(marray_close(&array), 0);
    }
    assert_int_equal(scratch_count_descriptors(), descriptors);
    assert_int_equal(scratch_count_maps(scratch), 0);
    free(old);
    return happened;
}

static void a_failed_open_leaves_files_descriptors_and_maps_as_they_were(void **state)
{
    struct scratch *scratch = *state;
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        for (size_t k = 0; k < fault_call_count; k++) {
            int skip = 0;
            while (try_failure(scratch, &scenarios[i], fault_calls[k], skip))
                skip++;
            assert_true(skip < 20);
            if (fault_names_call(scenarios[i].calls, fault_calls[k]) && skip == 0)
                fail_msg("%s: %s was never called", scenarios[i].name, fault_calls[k]);
        }
    }
}

/* ---- Other lengths ---- */

enum change { GROW, SHRINK, EMPTY, APPEND, CHANGES };

static int change_length(struct marray *array, enum change change)
{
    static const uint64_t lengths[] = {[GROW] = 70000, [SHRINK] = 7, [EMPTY] = 0};
    const unsigned char more[3] = {1, 2, 3};
    return change == APPEND ? marray_append(array, sizeof(more), NULL, more, sizeof(more))
                            : marray_resize(array, 1, &lengths[change]);
}

static bool try_change(struct scratch *scratch, enum change change, const char *call, int skip)
{
    const struct scenario scenario = {"resize", OLD_NPY, 628, true, MARRAY_READ_WRITE,
                                      0,        0,       628, ""};
    struct marray *array;
    make_old_file(scratch, &scenario);
    assert_int_equal(open_scenario(scratch, &scenario, &array), 0);
    const unsigned char value = 7;
    assert_int_equal(marray_fill(array, NULL, &value), 0);
    size_t old_bytes;
    unsigned char *old = scratch_read(scratch->path, &old_bytes);
    size_t descriptors = scratch_count_descriptors();
    fault_arm(call, skip, fault_error_of(call));
    int status = change_length(array, change);
    bool happened = fault_disarm();
    if (status) {
        assert_true(happened);
        assert_int_equal(status, -fault_error_of(call));
        assert_non_null(strstr(marray_message(array), scratch->path));
        assert_int_equal(marray_length(array), 500);
        unsigned char read_back[500];
        assert_int_equal(marray_read(array, NULL, read_back, sizeof(read_back)), 0);
        assert_int_equal(read_back[499], 7);
    }
    assert_int_equal(scratch_count_descriptors(), descriptors);
    assert_int_equal(marray_close(&array), 0);
    assert_int_equal(scratch_count_maps(scratch), 0);
    if (status && !same_bytes(scratch->path, old, old_bytes))
        fail_msg("change %d: the file changed after %s failed", (int)change, call);
    free(old);
    return happened;
}

static void a_failed_change_of_length_leaves_array_and_file_as_they_were(void **state)
{
    static const char *const calls[CHANGES] = {
        [GROW] = "malloc calloc pread64 posix_fallocate64 mmap64 pwrite64 fstat64",
        [SHRINK] = "malloc calloc pread64 pwrite64 ftruncate64",
        [EMPTY] = "malloc calloc pread64 pwrite64 ftruncate64",
        [APPEND] = "calloc posix_fallocate64 mmap64 fstat64",
    };
    for (enum change change = GROW; change < CHANGES; change++) {
        for (size_t k = 0; k < fault_call_count; k++) {
            int skip = 0;
            while (try_change(*state, change, fault_calls[k], skip))
                skip++;
            assert_true(skip < 20);
            if (fault_names_call(calls[change], fault_calls[k]) && skip == 0)
                fail_msg("change %d: %s was never called", (int)change, fault_calls[k]);
        }
    }
}

static void a_close_that_cannot_cut_or_write_says_so(void **state)
{
    struct scratch *scratch = *state;
    const unsigned char more[3] = {1, 2, 3};
    static const char *const calls[] = {"pwrite64", "ftruncate64"};
    for (int i = 0; i < 2; i++) {
        struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, "|u1", 1, SHAPE(500));
        struct marray *array;
        assert_int_equal(marray_open_npy(scratch->path, &spec, &array), 0);
        assert_int_equal(marray_append(array, sizeof(more), NULL, more, sizeof(more)), 0);
        fault_arm(calls[i], 0, EIO);
        assert_int_equal(marray_flush(array, MARRAY_FLUSH_DATA), -EIO);
        assert_true(fault_disarm());
        fault_arm(calls[i], 0, EIO);
        assert_int_equal(marray_close(&array), -EIO);
        assert_true(fault_disarm());
        assert_null(array);
    }
}

static void a_full_disk_is_told_before_anything_is_mapped(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_ramp(scratch->path, 100);
    struct marray_spec spec = scratch_spec(scratch, MARRAY_READ_WRITE, "|u1", 1, SHAPE(200));
    struct marray *array;
    fault_arm("posix_fallocate64", 0, ENOSPC);
    assert_int_equal(marray_open(scratch->path, &spec, &array), -ENOSPC);
    assert_true(fault_disarm());
    assert_int_equal(scratch_size(scratch->path), 100);
    assert_non_null(strstr(scratch->message.text, "200 bytes"));
}

static void an_interrupted_allocation_is_taken_up_again(void **state)
{
    struct scratch *scratch = *state;
    struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, "|u1", 1, SHAPE(200));
    struct marray *array;
    fault_arm("posix_fallocate64", 0, EINTR);
    assert_int_equal(marray_open(scratch->path, &spec, &array), 0);
    assert_true(fault_disarm());
    assert_int_equal(marray_close(&array), 0);
}

static void too_many_maps_name_the_setting(void **state)
{
    struct scratch *scratch = *state;
    struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, "|u1", 1, SHAPE(200));
    struct marray *array;
    fault_arm("mmap64", 0, ENOMEM);
    assert_int_equal(marray_open(scratch->path, &spec, &array), -ENOMEM);
    assert_true(fault_disarm());
    assert_non_null(strstr(scratch->message.text, "vm.max_map_count"));
}

/* ---- Failures while something else is put right ---- */

static void what_cannot_be_removed_does_not_hide_why_it_should_go(void **state)
{
    struct scratch *scratch = *state;
    struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, "|u1", 1, SHAPE(200));
    struct marray *array = NULL;
    fault_arm("mmap64", 0, ENOMEM);
    fault_arm_next("unlink", EIO);
    assert_int_equal(marray_open(scratch->path, &spec, &array), -ENOMEM);
    assert_true(fault_disarm());
    assert_null(array);
}

static void a_file_whose_owner_cannot_be_kept_is_made_all_the_same(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_ramp(scratch->path, 20000);
    struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, "|u1", 1, SHAPE(200));
    struct marray *array = NULL;
    fault_arm("fchown", 0, EPERM);
    fault_arm_next("fchown", EPERM);
    assert_int_equal(marray_open(scratch->path, &spec, &array), 0);
    assert_true(fault_disarm());
    assert_int_equal(scratch_size(scratch->path), 200);
    assert_int_equal(marray_close(&array), 0);
}

/* ---- Flushing ---- */

static struct marray *open_writable(struct scratch *scratch)
{
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i8", 2, SHAPE(64, 4096));
    int64_t value = 1;
    assert_int_equal(marray_fill(array, NULL, &value), 0);
    return array;
}

static void check_sticky(struct scratch *scratch, const char *call, int error,
                         enum marray_flush_level level)
{
    struct marray *array = open_writable(scratch);
    struct marray *view;
    assert_int_equal(marray_slice(array, (struct marray_slice[]){MARRAY_AT(1)}, 1, &view), 0);
    fault_arm(call, 0, error);
    assert_int_equal(marray_flush(array, level), -error);
    assert_true(fault_disarm());
    assert_non_null(strstr(marray_message(array), scratch->path));
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_DATA), -error);
    assert_non_null(strstr(marray_message(array), "earlier flush"));
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_ASYNC), -error);
    assert_int_equal(marray_flush_range(array, 0, 8, MARRAY_FLUSH_FULL), -error);
    assert_int_equal(marray_flush_view(view, MARRAY_FLUSH_DATA), -error);
    marray_close(&view);
    marray_close(&array);
    /* A new open starts without the failure. */
    array = scratch_open(scratch, MARRAY_READ_WRITE, "<i8", 1, SHAPE(4));
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_DATA), 0);
    marray_close(&array);
}

static void a_failed_flush_is_never_followed_by_success(void **state)
{
    struct scratch *scratch = *state;
    check_sticky(scratch, "msync", EIO, MARRAY_FLUSH_DATA);
    check_sticky(scratch, "msync", ENOSPC, MARRAY_FLUSH_DATA);
    check_sticky(scratch, "fsync", EDQUOT, MARRAY_FLUSH_FULL);
    check_sticky(scratch, "sync_file_range", EIO, MARRAY_FLUSH_ASYNC);
}

static void a_failed_flush_of_a_view_sticks_to_the_whole_array(void **state)
{
    struct scratch *scratch = *state;
    /* Starting and finishing the runs, and the sync of them all. */
    const char *const calls[] = {"sync_file_range", "sync_file_range", "msync"};
    const int skips[] = {0, 64, 0};
    for (size_t i = 0; i < 3; i++) {
        struct marray *array = open_writable(scratch);
        struct marray *view;
        const struct marray_slice slices[] = {MARRAY_ALL, MARRAY_RANGE(0, 8, 1)};
        assert_int_equal(marray_slice(array, slices, 2, &view), 0);
        /* As if a flush of all that is dirty between them had taken long. */
        atomic_store(&array->map->flush_page_ns[MARRAY_FLUSH_SPAN], UINT64_MAX);
        atomic_store(&array->map->flush_page_ns[MARRAY_FLUSH_RUNS], 1);
        fault_arm(calls[i], skips[i], EIO);
        int status = marray_flush_view(view, MARRAY_FLUSH_DATA);
        /* Only some file systems need the second round of sync_file_range. */
        if (fault_disarm()) {
            assert_int_equal(status, -EIO);
            assert_int_equal(marray_flush(array, MARRAY_FLUSH_DATA), -EIO);
        } else {
            assert_int_equal(i, 1);
        }
        marray_close(&view);
        marray_close(&array);
    }
}

enum { WAIT_AT_CHUNK = 40, WAIT_MS = 10000 };

struct walk {
    int chunks;                  /* so far */
    unsigned long awaited_fault; /* in the middle of it; 0: none */
};

static int fill_chunk(struct marray *chunk, void *context)
{
    struct walk *walk = context;
    /* The thread that syncs may be late. */
    if (++walk->chunks == WAIT_AT_CHUNK) {
        for (int ms = 0; fault_count < walk->awaited_fault && ms < WAIT_MS; ms++)
            usleep(1000);
    }
    return marray_fill(chunk, NULL, &(const int64_t){5});
}

/* One with enough chunks for a sync in the middle of it. */
static int walk_durably(struct marray *array, unsigned long awaited_fault)
{
    struct walk walk = {0, awaited_fault};
    struct marray_chunks_spec spec = MARRAY_CHUNKS_SPEC_INIT;
    spec.access = MARRAY_CHUNKS_WRITE;
    spec.budget_bytes = 64 * marray_os_page_bytes();
    spec.durable = true;
    return marray_chunks_each(array, &spec, fill_chunk, &walk);
}

static void a_failed_sync_behind_a_walk_is_never_followed_by_success(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i8", 1, SHAPE(1 << 19));
    fault_arm("fdatasync", 0, EIO);
    assert_int_equal(walk_durably(array, fault_count + 1), -EIO);
    assert_true(fault_disarm());
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_DATA), -EIO);
    marray_close(&array);
}

static void a_walk_without_memory_for_its_thread_leaves_all_to_the_flush(void **state)
{
    struct scratch *scratch = *state;
    bool happened = true;
    for (int skip = 0; happened; skip++) {
        struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i8", 1, SHAPE(1 << 19));
        fault_arm("calloc", skip, ENOMEM);
        int status = walk_durably(array, 0);
        happened = fault_disarm();
        assert_true(status == 0 || (happened && status == -ENOMEM));
        assert_int_equal(marray_flush(array, MARRAY_FLUSH_DATA), 0);
        marray_close(&array);
    }
}

static void a_flush_that_lacked_memory_may_be_tried_again(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = open_writable(scratch);
    fault_arm("msync", 0, ENOMEM);
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_DATA), -ENOMEM);
    assert_true(fault_disarm());
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_DATA), 0);
    marray_close(&array);
}

static void a_full_flush_of_a_new_file_syncs_its_folder_once(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = open_writable(scratch);
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_FULL), 0);
    fault_arm("fsync", 1, EIO);
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_FULL), 0);
    assert_false(fault_disarm());
    marray_close(&array);
    remove(scratch->path);
    array = open_writable(scratch);
    fault_arm("fsync", 1, EIO);
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_FULL), -EIO);
    assert_true(fault_disarm());
    marray_close(&array);
}

/* ---- Advice, residency, locks ---- */

static void advice_the_kernel_lacks_is_told_from_advice_it_does_not_grant(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = open_writable(scratch);
    fault_arm("madvise", 0, EINVAL);
    assert_int_equal(marray_advise(array, MARRAY_ADVICE_RANDOM), -EINVAL);
    assert_true(fault_disarm());
    fault_arm("madvise", 0, EIO);
    assert_int_equal(marray_advise(array, MARRAY_ADVICE_POPULATE), -EIO);
    assert_true(fault_disarm());
    marray_close(&array);
}

static void without_cachestat_mincore_tells_the_residency(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = open_writable(scratch);
    uint64_t resident_bytes = 0;
    uint64_t total_bytes = 0;
    fault_arm("syscall", 0, ENOSYS);
    assert_int_equal(marray_residency(array, &resident_bytes, &total_bytes), 0);
    assert_true(fault_disarm());
    assert_int_equal(total_bytes, 64 * 4096 * 8);
    assert_int_equal(resident_bytes, total_bytes);
    fault_arm("syscall", 0, EIO);
    assert_int_equal(marray_residency(array, &resident_bytes, &total_bytes), -EIO);
    assert_true(fault_disarm());
    marray_close(&array);
}

static void a_failed_lock_says_why(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = open_writable(scratch);
    fault_arm("fcntl64", 0, ENOLCK);
    assert_int_equal(marray_lock(array, MARRAY_LOCK_EXCLUSIVE, 0), -ENOLCK);
    assert_true(fault_disarm());
    assert_non_null(strstr(marray_message(array), "No locks available"));
    fault_arm("fcntl64", 0, EINTR);
    assert_int_equal(marray_lock(array, MARRAY_LOCK_EXCLUSIVE, UINT64_MAX), -EINTR);
    assert_true(fault_disarm());
    marray_close(&array);
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(a_failed_open_leaves_files_descriptors_and_maps_as_they_were),
        SCRATCH_TEST(a_failed_change_of_length_leaves_array_and_file_as_they_were),
        SCRATCH_TEST(a_close_that_cannot_cut_or_write_says_so),
        SCRATCH_TEST(a_full_disk_is_told_before_anything_is_mapped),
        SCRATCH_TEST(an_interrupted_allocation_is_taken_up_again),
        SCRATCH_TEST(too_many_maps_name_the_setting),
        SCRATCH_TEST(what_cannot_be_removed_does_not_hide_why_it_should_go),
        SCRATCH_TEST(a_file_whose_owner_cannot_be_kept_is_made_all_the_same),
        SCRATCH_TEST(a_failed_flush_is_never_followed_by_success),
        SCRATCH_TEST(a_failed_flush_of_a_view_sticks_to_the_whole_array),
        SCRATCH_TEST(a_failed_sync_behind_a_walk_is_never_followed_by_success),
        SCRATCH_TEST(a_walk_without_memory_for_its_thread_leaves_all_to_the_flush),
        SCRATCH_TEST(a_flush_that_lacked_memory_may_be_tried_again),
        SCRATCH_TEST(a_full_flush_of_a_new_file_syncs_its_folder_once),
        SCRATCH_TEST(advice_the_kernel_lacks_is_told_from_advice_it_does_not_grant),
        SCRATCH_TEST(without_cachestat_mincore_tells_the_residency),
        SCRATCH_TEST(a_failed_lock_says_why),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    failures += fault_sweep();
    print_message("%lu faults injected\n", fault_count);
    const char *path = getenv("MARRAY_FAULT_SITES");
    if (path && fault_write_sites(path))
        fail_msg("cannot write '%s'", path);
    return failures;
}
