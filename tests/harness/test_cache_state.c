/* Cold is verified cold, warm is verified warm, and what cannot be known is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/cache_state.h"
#include "tests/harness/data_folder.h"
#include "tests/harness/refuse.h"

#define CACHESTAT_CALL 451
#define FILE_BYTES     (UINT64_C(8) << 20)

struct fixture {
    char folder[DATA_FOLDER_BYTES];
    char path[DATA_FOLDER_BYTES + 16];
};

static int make_file(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    if (!fixture || !data_folder_make(fixture->folder))
        return -1;
    snprintf(fixture->path, sizeof(fixture->path), "%s/data", fixture->folder);
    *state = fixture;
    return data_file_make(fixture->path, FILE_BYTES) ? 0 : -1;
}

static int remove_file(void **state)
{
    struct fixture *fixture = *state;
    unlink(fixture->path);
    rmdir(fixture->folder);
    free(fixture);
    return 0;
}

/* Some test machines refuse both calls; those tests then have nothing to verify with. */
static bool residency_is_known(const char *path)
{
    struct mm_cache_residency residency;
    return mm_cache_residency(path, 0, 0, &residency, NULL) == 0 &&
           strcmp(residency.method, "none") != 0;
}

static void names_are_read_and_written(void **state)
{
    (void)state;
    enum mm_cache_state cache = MM_CACHE_WARM;
    struct mm_error error = {0};
    assert_int_equal(mm_cache_state_parse("cold", &cache, &error), 0);
    assert_int_equal(cache, MM_CACHE_COLD);
    assert_string_equal(mm_cache_state_name(MM_CACHE_WARM), "warm");
    assert_int_equal(mm_cache_state_parse("worm", &cache, &error), -EINVAL);
    assert_int_equal(cache, MM_CACHE_COLD);
    assert_non_null(strstr(error.text, "worm"));
    assert_non_null(strstr(error.text, "did you mean 'warm'"));
}

static void cold_and_warm_are_verified(void **state)
{
    const struct fixture *fixture = *state;
    struct mm_cache_residency residency;
    struct mm_error error = {0};
    if (!residency_is_known(fixture->path))
        skip();
    assert_int_equal(mm_cache_make_warm(fixture->path, 0, 0, &residency, &error), 0);
    assert_true(residency.resident_share >= MM_CACHE_WARM_SHARE);
    assert_int_equal(mm_cache_make_cold(fixture->path, &residency, &error), 0);
    assert_true(residency.resident_share <= MM_CACHE_COLD_SHARE);
    assert_int_equal(residency.pages, FILE_BYTES / (uint64_t)sysconf(_SC_PAGESIZE));
    assert_string_equal(residency.why, "");
    assert_int_equal(mm_cache_residency(fixture->path, 0, 0, &residency, &error), 0);
    assert_true(residency.resident_share <= MM_CACHE_COLD_SHARE);
}

static void dirty_pages_leave_as_well(void **state)
{
    const struct fixture *fixture = *state;
    struct mm_cache_residency residency;
    if (!residency_is_known(fixture->path))
        skip();
    char block[4096] = "new";
    int descriptor = open(fixture->path, O_WRONLY | O_CLOEXEC);
    for (off_t place = 0; place < (off_t)FILE_BYTES; place += (off_t)sizeof(block))
        assert_int_equal(pwrite(descriptor, block, sizeof(block), place), sizeof(block));
    close(descriptor);
    assert_int_equal(mm_cache_residency(fixture->path, 0, 0, &residency, NULL), 0);
    if (strcmp(residency.method, "cachestat") == 0)
        assert_true(residency.dirty_bytes + residency.writeback_bytes > 0);
    assert_int_equal(mm_cache_make_cold(fixture->path, &residency, NULL), 0);
    assert_true(residency.resident_share <= MM_CACHE_COLD_SHARE);
    assert_int_equal(residency.dirty_bytes, 0);
}

static void a_range_is_asked_alone(void **state)
{
    const struct fixture *fixture = *state;
    struct mm_cache_residency residency;
    if (!residency_is_known(fixture->path))
        skip();
    assert_int_equal(mm_cache_make_cold(fixture->path, &residency, NULL), 0);
    uint64_t quarter = FILE_BYTES / 4;
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    assert_int_equal(mm_cache_make_warm(fixture->path, 0, quarter, &residency, NULL), 0);
    assert_int_equal(residency.pages, quarter / page_bytes);
    /* One byte more is one page more, and what lies beyond the end does not count. */
    assert_int_equal(mm_cache_residency(fixture->path, 0, quarter + 1, &residency, NULL), 0);
    assert_int_equal(residency.pages, quarter / page_bytes + 1);
    assert_int_equal(
        mm_cache_residency(fixture->path, FILE_BYTES - 1, UINT64_MAX, &residency, NULL), 0);
    assert_int_equal(residency.pages, 1);
    assert_int_equal(mm_cache_residency(fixture->path, FILE_BYTES, 1, &residency, NULL), 0);
    assert_int_equal(residency.pages, 0);
    assert_string_equal(residency.method, "none");
}

static void mapped_pages_are_not_called_cold(void **state)
{
    const struct fixture *fixture = *state;
    struct mm_cache_residency residency;
    struct mm_error error = {0};
    if (!residency_is_known(fixture->path))
        skip();
    int descriptor = open(fixture->path, O_RDONLY | O_CLOEXEC);
    volatile unsigned char *map = mmap(NULL, FILE_BYTES, PROT_READ, MAP_SHARED, descriptor, 0);
    assert_ptr_not_equal((void *)(uintptr_t)map, MAP_FAILED);
    unsigned sum = 0;
    for (uint64_t i = 0; i < FILE_BYTES; i += 4096)
        sum += map[i];
    assert_true(sum > 0);
    int code = mm_cache_make_cold(fixture->path, &residency, &error);
    munmap((void *)(uintptr_t)map, FILE_BYTES);
    close(descriptor);
    assert_int_equal(code, -EBUSY);
    assert_true(residency.resident_share > 0.5);
    assert_non_null(strstr(error.text, "mapped"));
    assert_int_equal(mm_cache_make_cold(fixture->path, &residency, &error), 0);
}

static void a_file_that_may_only_be_read_can_be_made_cold(void **state)
{
    const struct fixture *fixture = *state;
    struct mm_cache_residency residency;
    if (!residency_is_known(fixture->path))
        skip();
    assert_int_equal(chmod(fixture->path, 0444), 0);
    assert_int_equal(mm_cache_make_warm(fixture->path, 0, 0, &residency, NULL), 0);
    assert_int_equal(mm_cache_make_cold(fixture->path, &residency, NULL), 0);
    assert_true(residency.resident_share <= MM_CACHE_COLD_SHARE);
}

static void what_is_no_file_is_an_error(void **state)
{
    const struct fixture *fixture = *state;
    struct mm_cache_residency residency;
    struct mm_error error = {0};
    assert_int_equal(mm_cache_residency("/nowhere/at/all", 0, 0, &residency, &error), -ENOENT);
    assert_non_null(strstr(error.text, "/nowhere/at/all"));
    assert_int_equal(mm_cache_make_cold(fixture->folder, &residency, &error), -EINVAL);
    assert_int_equal(mm_cache_make_warm("/dev/zero", 0, 0, &residency, &error), -EINVAL);
    /* A pipe without a writer must not block. */
    char pipe_path[DATA_FOLDER_BYTES + 16];
    snprintf(pipe_path, sizeof(pipe_path), "%s/pipe", fixture->folder);
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    int code = mm_cache_residency(pipe_path, 0, 0, &residency, &error);
    unlink(pipe_path);
    assert_int_equal(code, -EINVAL);
}

static void memory_file_systems_are_never_cold(void **state)
{
    (void)state;
    const char *why = NULL;
    if (access("/dev/shm", W_OK) || !mm_cache_is_memory_file_system("/dev/shm", &why))
        skip();
    assert_non_null(strstr(why, "page cache alone"));
    char path[] = "/dev/shm/mapmeter-test-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(ftruncate(descriptor, 65536), 0);
    close(descriptor);
    struct mm_cache_residency residency;
    struct mm_error error = {0};
    int code = mm_cache_make_cold(path, &residency, &error);
    unlink(path);
    assert_int_equal(code, -ENOTSUP);
    assert_non_null(residency.method);
    assert_non_null(strstr(error.text, "never cold"));
}

#define CHECK(condition)                                                    \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            return 1;                                                       \
        }                                                                   \
    } while (0)

static int without_cachestat(void *context)
{
    const struct fixture *fixture = context;
    struct mm_cache_residency residency;
    if (refuse_call(CACHESTAT_CALL, ENOSYS))
        return 77;
    CHECK(mm_cache_make_warm(fixture->path, 0, 0, &residency, NULL) == 0);
    CHECK(strcmp(residency.method, "mincore") == 0);
    CHECK(mm_cache_make_cold(fixture->path, &residency, NULL) == 0);
    CHECK(strcmp(residency.method, "mincore") == 0);
    CHECK(residency.resident_share <= MM_CACHE_COLD_SHARE);
    CHECK(residency.pages == FILE_BYTES / (uint64_t)sysconf(_SC_PAGESIZE));
    return 0;
}

static void an_owner_without_cachestat_has_mincore(void **state)
{
    int code = exit_code_of_child(without_cachestat, *state);
    if (code == 77)
        skip();
    assert_int_equal(code, 0);
}

/* A file of root's that everybody may read, as an ordinary user sees it. */
static const char *file_of_another(void)
{
    static const char *const candidates[] = {"/etc/passwd", "/usr/bin/env", "/bin/sh"};
    for (size_t i = 0; i < 3; i++) {
        if (access(candidates[i], R_OK) == 0)
            return candidates[i];
    }
    return NULL;
}

static int as_a_stranger(void *context)
{
    struct mm_cache_residency residency;
    struct mm_error error = {0};
    const char *path = context;
    if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
        return 77;
    if (refuse_call(CACHESTAT_CALL, ENOSYS))
        return 77;
    CHECK(mm_cache_residency(path, 0, 0, &residency, &error) == 0);
    CHECK(strcmp(residency.method, "none") == 0);
    CHECK(strstr(residency.why, "6.5") != NULL);
    CHECK(mm_cache_make_warm(path, 0, 0, &residency, &error) == -ENODATA);
    CHECK(strcmp(residency.method, "none") == 0);
    CHECK(strstr(error.text, path) != NULL);
    return 0;
}

static void a_stranger_without_cachestat_is_told_why(void **state)
{
    (void)state;
    const char *path = file_of_another();
    if (!path)
        skip();
    int code = exit_code_of_child(as_a_stranger, (void *)(uintptr_t)path);
    if (code == 77)
        skip();
    assert_int_equal(code, 0);
}

int main(void)
{
    char folder[DATA_FOLDER_BYTES];
    if (!data_folder_make(folder)) {
        printf("skipped: no folder on a disk: neither $TMPDIR, /var/tmp nor the working folder\n");
        return 77;
    }
    rmdir(folder);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read_and_written),
        cmocka_unit_test_setup_teardown(cold_and_warm_are_verified, make_file, remove_file),
        cmocka_unit_test_setup_teardown(dirty_pages_leave_as_well, make_file, remove_file),
        cmocka_unit_test_setup_teardown(a_range_is_asked_alone, make_file, remove_file),
        cmocka_unit_test_setup_teardown(mapped_pages_are_not_called_cold, make_file, remove_file),
        cmocka_unit_test_setup_teardown(a_file_that_may_only_be_read_can_be_made_cold, make_file,
                                        remove_file),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_an_error, make_file, remove_file),
        cmocka_unit_test(memory_file_systems_are_never_cold),
        cmocka_unit_test_setup_teardown(an_owner_without_cachestat_has_mincore, make_file,
                                        remove_file),
        cmocka_unit_test(a_stranger_without_cachestat_is_told_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
