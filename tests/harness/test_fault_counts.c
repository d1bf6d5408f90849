/*
 * Where one touch is one fault, the counters must say exactly that: the first write to each page of
 * anonymous memory without huge pages, the first write to each page of a private map of a file, and
 * cold reads of an ext4 file under MADV_RANDOM. What the measuring itself costs is measured by the
 * same code over no pages, and perf is compared with getrusage, which counts in another place.
 */
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
#include <sys/syscall.h>
#include <unistd.h>

#include "harness/cache_state.h"
#include "harness/counters.h"
#include "harness/environment_file.h"
#include "tests/harness/data_folder.h"

#define PAGES 4096

struct faults {
    long perf_minor;
    long perf_major;
    long usage_minor;
    long usage_major;
};

struct fixture {
    char folder[DATA_FOLDER_BYTES];
    char path[DATA_FOLDER_BYTES + 16];
    struct mm_counters *counters;
    bool whole_perf; /* perf counts, with the kernel's part */
    /* The first use of any code or data page is a fault of its own: these are used before. */
    struct mm_counters_reading before;
    struct mm_counters_reading after;
    struct mm_counters_total total;
};

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t index_of(const struct mm_counters *counters, const char *name)
{
    for (size_t i = 0; i < mm_counters_count(counters); i++) {
        if (strcmp(mm_counters_name(counters, i), name) == 0)
            return i;
    }
    abort();
}

static bool counts_with_kernel(struct mm_counters *counters)
{
    json_t *quality = mm_counters_quality_to_json(counters);
    const json_t *faults = json_object_get(quality, "minor_faults");
    const char *source = json_string_value(json_object_get(faults, "source"));
    bool whole = source && strcmp(source, "perf") == 0 &&
                 json_is_false(json_object_get(faults, "exclude_kernel"));
    json_decref(quality);
    return whole;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    if (!fixture || !data_folder_make(fixture->folder) ||
        mm_counters_open(NULL, 0, &fixture->counters, NULL))
        return -1;
    snprintf(fixture->path, sizeof(fixture->path), "%s/data", fixture->folder);
    fixture->whole_perf = counts_with_kernel(fixture->counters);
    *state = fixture;
    return data_file_make(fixture->path, PAGES * page_bytes()) ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    mm_counters_close(fixture->counters);
    unlink(fixture->path);
    rmdir(fixture->folder);
    free(fixture);
    return 0;
}

/* A sanitizer's shadow memory would add faults of its own. */
#define UNSANITIZED __attribute__((no_sanitize("address", "thread", "undefined")))

UNSANITIZED static void write_pages(volatile unsigned char *memory, size_t pages)
{
    size_t step = page_bytes();
    for (size_t i = 0; i < pages; i++)
        memory[i * step] = (unsigned char)(i + 1);
}

UNSANITIZED static void read_pages(volatile unsigned char *memory, size_t pages)
{
    size_t step = page_bytes();
    unsigned sum = 0;
    for (size_t i = 0; i < pages; i++)
        sum += memory[i * step];
    (void)sum;
}

typedef void (*touch_function)(volatile unsigned char *memory, size_t pages);

static struct faults count_faults(struct fixture *fixture, touch_function touch, void *memory,
                                  size_t pages)
{
    struct mm_counters *counters = fixture->counters;
    memset(&fixture->total, 0, sizeof(fixture->total));
    mm_counters_read(counters, &fixture->before);
    touch(memory, pages);
    mm_counters_read(counters, &fixture->after);
    mm_counters_add_difference(&fixture->before, &fixture->after, mm_counters_count(counters),
                               &fixture->total);
    const double *value = fixture->total.value;
    return (struct faults){
        .perf_minor = (long)value[index_of(counters, "minor_faults")],
        .perf_major = (long)value[index_of(counters, "major_faults")],
        .usage_minor = (long)value[index_of(counters, "rusage_minor_faults")],
        .usage_major = (long)value[index_of(counters, "rusage_major_faults")],
    };
}

/* What count_faults itself has, once everything it uses is there. */
static void measure_nothing(struct fixture *fixture, touch_function touch)
{
    unsigned char page = 0;
    count_faults(fixture, touch, &page, 1);
    for (int i = 0; i < 3; i++) {
        struct faults faults = count_faults(fixture, touch, &page, 1);
        assert_int_equal(faults.usage_minor, 0);
        assert_int_equal(faults.usage_major, 0);
    }
}

static void *map_anonymous(size_t pages)
{
    void *memory = mmap(NULL, pages * page_bytes(), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    assert_int_equal(madvise(memory, pages * page_bytes(), MADV_NOHUGEPAGE), 0);
    return memory;
}

static void *map_file(const struct fixture *fixture, int protection, int flags)
{
    int descriptor = open(fixture->path, O_RDONLY | O_CLOEXEC);
    assert_true(descriptor >= 0);
    void *memory = mmap(NULL, PAGES * page_bytes(), protection, flags, descriptor, 0);
    close(descriptor);
    assert_ptr_not_equal(memory, MAP_FAILED);
    return memory;
}

static void print_faults(const char *what, const struct faults *faults)
{
    printf("%s: perf %ld minor %ld major, getrusage %ld minor %ld major, of %d touches\n", what,
           faults->perf_minor, faults->perf_major, faults->usage_minor, faults->usage_major, PAGES);
}

/* Both ways of counting see the same, each kind for itself; perf without the kernel's part still
 * has what user code touched. */
static void assert_counts(const struct faults *faults, long minor, long major)
{
    assert_int_equal(faults->usage_minor, minor);
    assert_int_equal(faults->usage_major, major);
    assert_int_equal(faults->perf_minor, minor);
    assert_int_equal(faults->perf_major, major);
}

static void first_writes_to_anonymous_memory_are_one_minor_fault_each(void **state)
{
    struct fixture *fixture = *state;
    measure_nothing(fixture, write_pages);
    void *memory = map_anonymous(PAGES);
    struct faults faults = count_faults(fixture, write_pages, memory, PAGES);
    print_faults("anonymous", &faults);
    assert_counts(&faults, PAGES, 0);
    /* The second time there is nothing left to fault. */
    faults = count_faults(fixture, write_pages, memory, PAGES);
    munmap(memory, PAGES * page_bytes());
    assert_counts(&faults, 0, 0);
}

static void first_writes_to_a_private_map_are_one_minor_fault_each(void **state)
{
    struct fixture *fixture = *state;
    struct mm_cache_residency residency;
    int warm = mm_cache_make_warm(fixture->path, 0, 0, &residency, NULL);
    assert_true(warm == 0 || warm == -ENODATA);
    measure_nothing(fixture, write_pages);
    void *memory = map_file(fixture, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    struct faults faults = count_faults(fixture, write_pages, memory, PAGES);
    munmap(memory, PAGES * page_bytes());
    print_faults("private map", &faults);
    assert_counts(&faults, PAGES, 0);
}

static void skip_because(const char *why)
{
    printf("skipped: %s\n", why);
    skip();
}

static void cold_reads_under_random_advice_are_one_major_fault_each(void **state)
{
    struct fixture *fixture = *state;
    struct mm_cache_residency residency;
    if (mm_cache_make_cold(fixture->path, &residency, NULL) || residency.resident_share > 0)
        skip_because("some pages of the file stayed in the page cache");
    measure_nothing(fixture, read_pages);
    void *memory = map_file(fixture, PROT_READ, MAP_SHARED);
    assert_int_equal(madvise(memory, PAGES * page_bytes(), MADV_RANDOM), 0);
    struct faults faults = count_faults(fixture, read_pages, memory, PAGES);
    munmap(memory, PAGES * page_bytes());
    print_faults("cold, random", &faults);
    assert_int_equal(faults.usage_major, PAGES);
    assert_int_equal(faults.perf_major, PAGES);
    assert_int_equal(faults.perf_minor, faults.usage_minor);
}

static void warm_reads_are_fewer_faults_than_touches(void **state)
{
    struct fixture *fixture = *state;
    struct mm_cache_residency residency;
    int warm = mm_cache_make_warm(fixture->path, 0, 0, &residency, NULL);
    assert_true(warm == 0 || warm == -ENODATA);
    measure_nothing(fixture, read_pages);
    void *memory = map_file(fixture, PROT_READ, MAP_SHARED);
    struct faults faults = count_faults(fixture, read_pages, memory, PAGES);
    munmap(memory, PAGES * page_bytes());
    print_faults("warm", &faults);
    assert_true(faults.usage_minor > 0);
    assert_true(faults.usage_minor <= PAGES);
    assert_int_equal(faults.usage_major, 0);
}

/* A read() into memory that was never touched: the kernel takes the faults. */
static void read_into_pages(volatile unsigned char *memory, size_t pages)
{
    /* By bare calls: a sanitizer's versions of them touch memory of their own. */
    int descriptor = (int)syscall(SYS_openat, AT_FDCWD, "/dev/zero", O_RDONLY | O_CLOEXEC);
    long got = syscall(SYS_read, descriptor, memory, pages * page_bytes());
    syscall(SYS_close, descriptor);
    if (got != (long)(pages * page_bytes()))
        abort();
}

static void faults_that_the_kernel_takes_are_counted_alike(void **state)
{
    struct fixture *fixture = *state;
    if (!fixture->whole_perf)
        skip_because("perf does not count the kernel's part here");
    void *little = map_anonymous(1);
    count_faults(fixture, read_into_pages, little, 1);
    munmap(little, page_bytes());
    void *memory = map_anonymous(PAGES);
    struct faults faults = count_faults(fixture, read_into_pages, memory, PAGES);
    munmap(memory, PAGES * page_bytes());
    print_faults("taken by the kernel", &faults);
    assert_int_equal(faults.usage_minor, PAGES);
    assert_int_equal(faults.perf_minor, PAGES);
}

/* Why the case of cold reads cannot be had here, or NULL. */
static const char *why_not_cold(const char *folder)
{
    struct mm_environment_mount mount;
    struct mm_cache_residency residency;
    char path[DATA_FOLDER_BYTES + 16];
    if (mm_environment_find_mount(folder, &mount) || strcmp(mount.type, "ext4") != 0)
        return "cold reads are one fault a page on ext4, and the data folder is not on it";
    snprintf(path, sizeof(path), "%s/data", folder);
    bool made = data_file_make(path, 16 * page_bytes());
    int status = made ? mm_cache_make_cold(path, &residency, NULL) : -ENOSPC;
    unlink(path);
    return status ? "files cannot be made cold here and verified to be" : NULL;
}

int main(void)
{
    char folder[DATA_FOLDER_BYTES];
    if (!data_folder_make(folder)) {
        printf("skipped: no folder on a disk: neither $TMPDIR, /var/tmp nor the working folder\n");
        return 77;
    }
    const char *why = why_not_cold(folder);
    rmdir(folder);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(first_writes_to_anonymous_memory_are_one_minor_fault_each,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(first_writes_to_a_private_map_are_one_minor_fault_each,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(warm_reads_are_fewer_faults_than_touches, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(faults_that_the_kernel_takes_are_counted_alike, set_up,
                                        tear_down),
    };
    const struct CMUnitTest cold_tests[] = {
        cmocka_unit_test_setup_teardown(cold_reads_under_random_advice_are_one_major_fault_each,
                                        set_up, tear_down),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed)
        return failed;
    if (why) {
        printf("skipped: %s\n", why);
        return 77;
    }
    return cmocka_run_group_tests(cold_tests, NULL, NULL);
}
