/* Generated data: what is in it, that it is made once and whole, and nothing is left of failures.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/random.h"
#include "common/text.h"
#include "harness/data_cache.h"
#include "harness/data_file.h"
#include "tests/support/folder.h"

#define SEED       UINT64_C(11)
#define WORDS      UINT64_C(300000) /* no whole number of blocks */
#define FILE_BYTES (WORDS * 8)

static struct mm_plan_file described(const char *folder, const char *dtype, bool writable)
{
    struct mm_plan_file file = {
        .path = mm_text_format("%s/sub/folder/data-%s", folder, writable ? "write" : "read"),
        .generated = true,
        .seed = SEED,
        .writable = writable,
        .array = {.item_bytes = 8, .dimensions = 1, .shape = {WORDS}, .size_bytes = FILE_BYTES},
    };
    strcpy(file.array.dtype, dtype);
    return file;
}

static int make_folder(void **state)
{
    const char *base = getenv("TMPDIR");
    char *folder = mm_text_format("%s/mapmeter-data-XXXXXX", base ? base : "/var/tmp");
    if (!folder || !mkdtemp(folder))
        return -1;
    *state = folder;
    return 0;
}

static int remove_folder(void **state)
{
    char *folder = *state;
    int status = mm_test_remove_folder(folder);
    free(folder);
    return status;
}

/* Without the one of the locks. */
static size_t entries_in(const char *folder, const char *part)
{
    char *path = mm_text_format("%s/%s", folder, part);
    DIR *stream = opendir(path);
    free(path);
    assert_non_null(stream);
    size_t count = 0;
    const struct dirent *entry;
    while ((entry = readdir(stream)))
        count += strcmp(entry->d_name, ".mapmeter-locks") != 0;
    closedir(stream);
    return count - 2; /* "." and ".." */
}

static unsigned char *content(const char *path)
{
    unsigned char *bytes = malloc(FILE_BYTES);
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    assert_int_equal(fread(bytes, 1, FILE_BYTES, stream), FILE_BYTES);
    assert_int_equal(fgetc(stream), EOF);
    fclose(stream);
    return bytes;
}

static void ensure(const struct mm_plan_file *file)
{
    struct mm_error error = {0};
    int held = -1;
    if (mm_data_file_ensure(file, 0, &held, &error))
        fail_msg("%s", error.text);
    mm_data_cache_let_go(held, file->path);
}

static void words_are_the_mixed_index(void **state)
{
    struct mm_plan_file file = described(*state, "<u8", false);
    ensure(&file);
    unsigned char *bytes = content(file.path);
    for (uint64_t i = 0; i < WORDS; i++) {
        uint64_t word;
        memcpy(&word, bytes + i * 8, 8);
        if (le64toh(word) != mm_random_mix(SEED + i))
            fail_msg("word %llu is wrong", (unsigned long long)i);
    }
    free(bytes);
    free(file.path);
}

static void any_part_can_be_expected(void **state)
{
    struct mm_plan_file file = described(*state, "<u8", false);
    ensure(&file);
    unsigned char *bytes = content(file.path);
    unsigned char part[64];
    for (uint64_t offset = 0; offset < 20; offset++) {
        for (uint64_t length = 0; length < 40; length++) {
            memset(part, 0xaa, sizeof(part));
            mm_data_file_expected(&file, offset, length, part);
            assert_memory_equal(part, bytes + offset, length);
            assert_int_equal(part[length], 0xaa);
        }
    }
    free(bytes);
    free(file.path);
}

static void doubles_are_finite_and_near_one(void **state)
{
    struct mm_plan_file file = described(*state, "<f8", false);
    double values[1000];
    unsigned negative = 0;
    unsigned small = 0;
    mm_data_file_expected(&file, 0, sizeof(values), values);
    for (size_t i = 0; i < MM_COUNT_OF(values); i++) {
        assert_true(isfinite(values[i]));
        assert_true(fabs(values[i]) >= 0x1p-7 && fabs(values[i]) < 2);
        negative += values[i] < 0;
        small += fabs(values[i]) < 0x1p-3;
    }
    assert_in_range(negative, 400, 600);
    assert_in_range(small, 400, 600);
    free(file.path);
}

static void floats_are_finite_and_near_one(void **state)
{
    struct mm_plan_file file = described(*state, "<f4", false);
    float values[1000];
    unsigned negative = 0;
    mm_data_file_expected(&file, 0, sizeof(values), values);
    for (size_t i = 0; i < MM_COUNT_OF(values); i++) {
        assert_true(isfinite(values[i]));
        assert_true(fabsf(values[i]) >= 0x1p-7f && fabsf(values[i]) < 2);
        negative += values[i] < 0;
    }
    assert_in_range(negative, 400, 600);
    free(file.path);
}

static void a_good_file_is_not_made_again(void **state)
{
    struct mm_plan_file file = described(*state, "<u8", false);
    struct stat before;
    struct stat after;
    ensure(&file);
    assert_int_equal(stat(file.path, &before), 0);
    assert_true((uint64_t)before.st_blocks * 512 >= FILE_BYTES);
    ensure(&file);
    assert_int_equal(stat(file.path, &after), 0);
    assert_int_equal(after.st_ino, before.st_ino);
    assert_int_equal(entries_in(*state, "sub/folder"), 1);
    free(file.path);
}

static void a_short_or_damaged_file_is_made_again(void **state)
{
    struct mm_plan_file file = described(*state, "<u8", false);
    ensure(&file);
    unsigned char *good = content(file.path);
    assert_int_equal(truncate(file.path, 4096), 0);
    ensure(&file);
    unsigned char *bytes = content(file.path);
    assert_memory_equal(bytes, good, FILE_BYTES);
    free(bytes);

    int descriptor = open(file.path, O_WRONLY);
    assert_int_equal(pwrite(descriptor, "x", 1, FILE_BYTES - 1), 1);
    close(descriptor);
    ensure(&file);
    bytes = content(file.path);
    assert_memory_equal(bytes, good, FILE_BYTES);
    free(bytes);
    free(good);
    free(file.path);
}

static void what_a_writer_left_is_kept(void **state)
{
    struct mm_plan_file file = described(*state, "<u8", true);
    ensure(&file);
    int descriptor = open(file.path, O_WRONLY);
    assert_int_equal(pwrite(descriptor, "changed", 7, 0), 7);
    close(descriptor);
    ensure(&file);
    unsigned char *bytes = content(file.path);
    assert_memory_equal(bytes, "changed", 7);
    free(bytes);
    free(file.path);
}

static void what_another_run_uses_is_not_replaced(void **state)
{
    struct mm_plan_file file = described(*state, "<u8", false);
    struct mm_error error = {0};
    int reader = -1;
    int held = -1;
    assert_int_equal(mm_data_file_ensure(&file, 0, &reader, NULL), 0);
    assert_int_equal(truncate(file.path, 4096), 0);
    assert_int_equal(mm_data_file_ensure(&file, 0, &held, &error), -EBUSY);
    assert_non_null(strstr(error.text, file.path));
    struct stat state_after;
    assert_int_equal(stat(file.path, &state_after), 0);
    assert_int_equal(state_after.st_size, 4096);
    mm_data_cache_let_go(reader, file.path);
    ensure(&file);
    free(file.path);
}

static void readers_share_a_file_and_writers_do_not(void **state)
{
    struct mm_plan_file read = described(*state, "<u8", false);
    struct mm_plan_file written = described(*state, "<u8", true);
    struct mm_error error = {0};
    int held[4] = {-1, -1, -1, -1};
    assert_int_equal(mm_data_file_ensure(&read, 0, &held[0], NULL), 0);
    assert_int_equal(mm_data_file_ensure(&read, 0, &held[1], NULL), 0);
    assert_int_equal(mm_data_file_ensure(&written, 0, &held[2], NULL), 0);
    assert_int_equal(mm_data_file_ensure(&written, 0, &held[3], &error), -EBUSY);
    assert_non_null(strstr(error.text, "another run"));
    for (size_t i = 0; i < 3; i++)
        mm_data_cache_let_go(held[i], i < 2 ? read.path : written.path);
    ensure(&written);
    free(read.path);
    free(written.path);
}

static void something_else_of_that_name_is_left_alone(void **state)
{
    struct mm_plan_file file = described(*state, "<u8", false);
    ensure(&file);
    assert_int_equal(unlink(file.path), 0);
    assert_int_equal(mkdir(file.path, 0700), 0);
    struct mm_error error = {0};
    int held = -1;
    assert_int_equal(mm_data_file_ensure(&file, 0, &held, &error), -EINVAL);
    assert_int_equal(held, -1);
    assert_non_null(strstr(error.text, file.path));
    assert_int_equal(rmdir(file.path), 0);
    free(file.path);
}

/* A limit of the size of files stands for the full disk: the write fails half way through. */
static void a_failure_leaves_nothing_behind(void **state)
{
    struct mm_plan_file file = described(*state, "<u8", false);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit small = {.rlim_cur = FILE_BYTES / 2, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct mm_error error = {0};
    int held = -1;
    int status = mm_data_file_ensure(&file, 0, &held, &error);
    assert_int_equal(held, -1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(status, -EFBIG);
    assert_non_null(strstr(error.text, file.path));
    assert_int_equal(entries_in(*state, "sub/folder"), 0);
    free(file.path);
}

static void a_killed_maker_leaves_nothing_that_stays(void **state)
{
    struct mm_plan_file file = described(*state, "<u8", false);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        /* The signal of the limit kills it in the middle. */
        struct rlimit small = {.rlim_cur = FILE_BYTES / 2, .rlim_max = FILE_BYTES / 2};
        struct rlimit no_core = {0};
        setrlimit(RLIMIT_CORE, &no_core);
        setrlimit(RLIMIT_FSIZE, &small);
        int held = -1;
        _exit(mm_data_file_ensure(&file, 0, &held, NULL) ? 1 : 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_not_equal(access(file.path, F_OK), 0);
    /* Where files cannot be without a name, the next maker takes over what is there. */
    ensure(&file);
    assert_int_equal(entries_in(*state, "sub/folder"), 1);
    free(file.path);
}

static void two_makers_make_one_whole_file(void **state)
{
    struct mm_plan_file file = described(*state, "<u8", false);
    pid_t children[4];
    for (size_t i = 0; i < MM_COUNT_OF(children); i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (!children[i]) {
            int held = -1;
            _exit(mm_data_file_ensure(&file, 0, &held, NULL) ? 1 : 0);
        }
    }
    for (size_t i = 0; i < MM_COUNT_OF(children); i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    unsigned char *bytes = content(file.path);
    uint64_t last;
    memcpy(&last, bytes + FILE_BYTES - 8, 8);
    assert_int_equal(le64toh(last), mm_random_mix(SEED + WORDS - 1));
    assert_int_equal(entries_in(*state, "sub/folder"), 1);
    free(bytes);
    free(file.path);
}

static void the_default_folder_follows_the_environment(void **state)
{
    (void)state;
    setenv("HOME", "/home/somebody", 1);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("MAPMETER_DATA_DIR");
    char *folder = mm_data_file_default_folder();
    assert_string_equal(folder, "/home/somebody/.cache/mapmeter");
    free(folder);
    setenv("XDG_CACHE_HOME", "relative", 1);
    folder = mm_data_file_default_folder();
    assert_string_equal(folder, "/home/somebody/.cache/mapmeter");
    free(folder);
    setenv("XDG_CACHE_HOME", "/cache", 1);
    folder = mm_data_file_default_folder();
    assert_string_equal(folder, "/cache/mapmeter");
    free(folder);
    setenv("MAPMETER_DATA_DIR", "data", 1);
    folder = mm_data_file_default_folder();
    assert_string_equal(folder, "data");
    free(folder);
}

int main(void)
{
#define DATA_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        DATA_TEST(words_are_the_mixed_index),
        DATA_TEST(any_part_can_be_expected),
        DATA_TEST(doubles_are_finite_and_near_one),
        DATA_TEST(floats_are_finite_and_near_one),
        DATA_TEST(a_good_file_is_not_made_again),
        DATA_TEST(a_short_or_damaged_file_is_made_again),
        DATA_TEST(what_a_writer_left_is_kept),
        DATA_TEST(what_another_run_uses_is_not_replaced),
        DATA_TEST(readers_share_a_file_and_writers_do_not),
        DATA_TEST(something_else_of_that_name_is_left_alone),
        DATA_TEST(a_failure_leaves_nothing_behind),
        DATA_TEST(a_killed_maker_leaves_nothing_that_stays),
        DATA_TEST(two_makers_make_one_whole_file),
        cmocka_unit_test(the_default_folder_follows_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
