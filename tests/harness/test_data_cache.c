/* The data folder as a cache: what is ours, what goes first, and what never goes. */
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
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"
#include "harness/data_cache.h"
#include "tests/harness/data_folder.h"
#include "tests/support/folder.h"

#define FILE_BYTES UINT64_C(4096)

/* Three data files; the first was used last. */
static const char *const names[] = {
    "mapmeter-u8-512-seed1-read.dat",
    "mapmeter-u8-512-seed1-write.dat",
    "mapmeter-f8-16x32-seed1-read.dat",
};

struct fixture {
    char path[DATA_FOLDER_BYTES];
    int folder;
};

static void make_entry(int folder, const char *name, long used_s)
{
    const struct timespec times[2] = {{.tv_sec = used_s}, {.tv_sec = 1000}};
    int descriptor = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(descriptor >= 0);
    assert_int_equal(ftruncate(descriptor, (off_t)FILE_BYTES), 0);
    assert_int_equal(futimens(descriptor, times), 0);
    close(descriptor);
}

static bool is_there(const struct fixture *fixture, const char *name)
{
    return faccessat(fixture->folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    if (!fixture || !data_folder_make(fixture->path))
        return -1;
    fixture->folder = open(fixture->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < MM_COUNT_OF(names); i++)
        make_entry(fixture->folder, names[i], 9000 - (long)i * 1000);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    int status = mm_test_remove_folder(fixture->path);
    close(fixture->folder);
    free(fixture);
    return status;
}

/* Makes room for one more file where all files together may take so many times FILE_BYTES. */
static int make_room(const struct fixture *fixture, uint64_t files_limit, struct mm_error *error)
{
    return mm_data_cache_make_room(fixture->folder, "new.dat", FILE_BYTES, files_limit * FILE_BYTES,
                                   error);
}

static void names_that_plans_give_are_ours(void **state)
{
    (void)state;
    static const char *const ours[] = {
        "mapmeter-u8-8388608-seed1-read.dat",
        "mapmeter-f8-2048x2048-seed1-write.dat",
        "mapmeter-big-f4-3x4x5-fortran-seed12-read.dat",
    };
    static const char *const others[] = {
        "mapmeter.dat",
        "mapmeter-notes.dat",
        "mapmeter-u8-512-seed1-read.dat.partial",
        "my-mapmeter-u8-512-seed1-read.dat",
        "mapmeter-u8-512-seed1-read.dat.bak",
        "mapmeter-u8-512x-seed1-read.dat",
        "mapmeter-u8-512-seed1-append.dat",
        "results.json",
        "",
    };
    for (size_t i = 0; i < MM_COUNT_OF(ours); i++)
        assert_true(mm_data_cache_is_ours(ours[i]));
    for (size_t i = 0; i < MM_COUNT_OF(others); i++)
        assert_false(mm_data_cache_is_ours(others[i]));
}

static void without_a_wish_half_of_the_room_is_the_limit(void **state)
{
    (void)state;
    const struct mm_data_cache_usage usage = {.used_bytes = 300, .free_bytes = 700};
    assert_int_equal(mm_data_cache_limit(&usage, 0), 500);
    assert_int_equal(mm_data_cache_limit(&usage, 42), 42);
}

static void a_look_counts_our_files_alone(void **state)
{
    struct fixture *fixture = *state;
    struct mm_data_cache_usage usage;
    make_entry(fixture->folder, "notes.txt", 1);
    assert_int_equal(mm_data_cache_look(fixture->path, &usage), 0);
    assert_int_equal(usage.file_count, 3);
    assert_int_equal(usage.used_bytes, 3 * FILE_BYTES);
    assert_true(usage.free_bytes > 0);
}

static void a_folder_that_is_not_there_yet_is_empty(void **state)
{
    struct fixture *fixture = *state;
    struct mm_data_cache_usage usage;
    char *path = mm_text_format("%s/not/yet", fixture->path);
    assert_int_equal(mm_data_cache_look(path, &usage), 0);
    assert_int_equal(usage.file_count, 0);
    assert_true(usage.free_bytes > 0);
    assert_false(is_there(fixture, "not"));
    free(path);
}

static void nothing_goes_while_there_is_room(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(make_room(fixture, 4, NULL), 0);
    for (size_t i = 0; i < MM_COUNT_OF(names); i++)
        assert_true(is_there(fixture, names[i]));
}

static void the_file_used_longest_ago_goes_first(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(make_room(fixture, 3, NULL), 0);
    assert_false(is_there(fixture, names[2]));
    assert_true(is_there(fixture, names[1]) && is_there(fixture, names[0]));
    /* Now there are two and one more fits: nothing is left to be done. */
    assert_int_equal(make_room(fixture, 3, NULL), 0);
    assert_true(is_there(fixture, names[1]));
    assert_int_equal(make_room(fixture, 2, NULL), 0);
    assert_false(is_there(fixture, names[1]));
    assert_true(is_there(fixture, names[0]));
}

/* What holds it, or -EBUSY; the file itself is closed. */
static int hold(const struct fixture *fixture, const char *name, bool writes)
{
    int held = -1;
    int descriptor = openat(fixture->folder, name, O_RDONLY | O_CLOEXEC);
    assert_true(descriptor >= 0);
    int status = mm_data_cache_hold(fixture->folder, descriptor, writes, &held);
    close(descriptor);
    return status ? status : held;
}

static void a_file_that_was_held_was_used(void **state)
{
    struct fixture *fixture = *state;
    char *path = mm_text_format("%s/%s", fixture->path, names[2]);
    mm_data_cache_let_go(hold(fixture, names[2], false), path);
    free(path);
    assert_int_equal(make_room(fixture, 3, NULL), 0);
    assert_true(is_there(fixture, names[2]));
    assert_false(is_there(fixture, names[1]));
}

static void a_file_of_the_plan_is_not_the_first_to_go(void **state)
{
    struct fixture *fixture = *state;
    struct mm_plan_file file = {.path = mm_text_format("%s/%s", fixture->path, names[2]),
                                .generated = true};
    struct mm_plan plan = {.files = &file, .file_count = 1};
    mm_data_cache_note_plan(&plan);
    assert_int_equal(make_room(fixture, 3, NULL), 0);
    assert_true(is_there(fixture, names[2]));
    free(file.path);
}

static void a_file_in_use_stays(void **state)
{
    struct fixture *fixture = *state;
    struct mm_error error = {0};
    int reader = hold(fixture, names[2], false);
    int writer = hold(fixture, names[1], true);
    assert_int_equal(make_room(fixture, 2, &error), -ENOSPC);
    assert_non_null(strstr(error.text, "new.dat"));
    assert_non_null(strstr(error.text, "--data-limit"));
    assert_true(is_there(fixture, names[1]) && is_there(fixture, names[2]));
    close(reader);
    close(writer);
    assert_int_equal(make_room(fixture, 1, NULL), 0);
    assert_false(is_there(fixture, names[1]) || is_there(fixture, names[2]));
}

static void what_is_not_ours_stays(void **state)
{
    struct fixture *fixture = *state;
    static const char linked[] = "mapmeter-u8-1-seed1-read.dat";
    static const char pointer[] = "mapmeter-u8-2-seed1-read.dat";
    static const char folder[] = "mapmeter-u8-3-seed1-read.dat";
    make_entry(fixture->folder, "notes.txt", 1);
    make_entry(fixture->folder, "mapmeter-notes.dat", 1);
    /* Under a second name somebody keeps it. */
    make_entry(fixture->folder, "kept", 1);
    assert_int_equal(linkat(fixture->folder, "kept", fixture->folder, linked, 0), 0);
    assert_int_equal(symlinkat("notes.txt", fixture->folder, pointer), 0);
    assert_int_equal(mkdirat(fixture->folder, folder, 0755), 0);
    assert_int_equal(make_room(fixture, 1, NULL), -ENOSPC);
    assert_true(is_there(fixture, "notes.txt") && is_there(fixture, "mapmeter-notes.dat"));
    assert_true(is_there(fixture, linked) && is_there(fixture, pointer));
    assert_true(is_there(fixture, folder));
    assert_false(is_there(fixture, names[0]));
}

static void files_of_another_user_stay(void **state)
{
    struct fixture *fixture = *state;
    if (geteuid() != 0)
        skip(); /* only root can make files of others */
    assert_int_equal(fchownat(fixture->folder, names[2], 65534, 65534, 0), 0);
    assert_int_equal(make_room(fixture, 1, NULL), -ENOSPC);
    assert_true(is_there(fixture, names[2]));
    assert_false(is_there(fixture, names[0]) || is_there(fixture, names[1]));
}

static void readers_share_and_writers_do_not(void **state)
{
    struct fixture *fixture = *state;
    int one = hold(fixture, names[0], false);
    int other = hold(fixture, names[0], false);
    assert_int_equal(hold(fixture, names[0], true), -EBUSY);
    close(one);
    assert_int_equal(hold(fixture, names[0], true), -EBUSY);
    close(other);
    one = hold(fixture, names[0], true);
    assert_true(one >= 0);
    assert_int_equal(hold(fixture, names[0], false), -EBUSY);
    close(one);
}

static void a_file_that_is_held_can_be_leased(void **state)
{
    struct fixture *fixture = *state;
    int held = hold(fixture, names[0], true);
    int data = openat(fixture->folder, names[0], O_RDWR | O_CLOEXEC);
    assert_int_equal(fcntl(data, F_SETLEASE, F_WRLCK), 0);
    close(data);
    close(held);
}

/* As in the folder of a user who lets others read: there is no file of locks, and none can be made.
 */
static void where_the_folder_has_no_locks_the_files_own_one_holds_it(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(mkdirat(fixture->folder, ".mapmeter-locks", 0755), 0);
    int reader = hold(fixture, names[2], false);
    int writer = hold(fixture, names[1], true);
    assert_true(reader >= 0 && writer >= 0);
    assert_int_equal(hold(fixture, names[2], true), -EBUSY);
    assert_int_equal(hold(fixture, names[1], false), -EBUSY);
    assert_int_equal(make_room(fixture, 2, NULL), -ENOSPC);
    assert_true(is_there(fixture, names[1]) && is_there(fixture, names[2]));
    close(reader);
    close(writer);
    assert_int_equal(make_room(fixture, 1, NULL), 0);
    assert_int_equal(unlinkat(fixture->folder, ".mapmeter-locks", AT_REMOVEDIR), 0);
}

/* A plan of two generated files of 4 KiB and a file of the user's, which counts for nothing. */
static int check_plan(const struct fixture *fixture, uint64_t size_bytes, uint64_t asked_bytes,
                      struct mm_error *error)
{
    struct mm_plan_file files[] = {
        {.generated = true, .array = {.size_bytes = size_bytes}},
        {.generated = false, .array = {.size_bytes = UINT64_C(1) << 60}},
        {.generated = true, .array = {.size_bytes = size_bytes}},
    };
    struct mm_plan plan = {.files = files, .file_count = MM_COUNT_OF(files)};
    for (size_t i = 0; i < MM_COUNT_OF(files); i++)
        files[i].path = mm_text_format("%s/not-yet/%zu.dat", fixture->path, i);
    int status = mm_data_cache_check(&plan, asked_bytes, error);
    for (size_t i = 0; i < MM_COUNT_OF(files); i++)
        free(files[i].path);
    return status;
}

static void a_plan_that_cannot_fit_is_refused_beforehand(void **state)
{
    struct fixture *fixture = *state;
    struct mm_error error = {0};
    struct mm_data_cache_usage usage;
    assert_int_equal(mm_data_cache_look(fixture->path, &usage), 0);
    assert_int_equal(check_plan(fixture, FILE_BYTES, 2 * FILE_BYTES, &error), 0);
    assert_int_equal(check_plan(fixture, FILE_BYTES, 2 * FILE_BYTES - 1, &error), -EINVAL);
    assert_non_null(strstr(error.text, "--data-limit"));
    assert_non_null(strstr(error.text, "8.00 KiB"));
    assert_int_equal(check_plan(fixture, usage.free_bytes / 3, 0, &error), -EINVAL);
    assert_non_null(strstr(error.text, "half"));
    assert_int_equal(check_plan(fixture, usage.free_bytes, UINT64_C(1) << 62, &error), -ENOSPC);
    assert_non_null(strstr(error.text, "--data-dir"));
    assert_false(is_there(fixture, "not-yet"));
}

int main(void)
{
#define CACHE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    char folder[DATA_FOLDER_BYTES];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_plans_give_are_ours),
        cmocka_unit_test(without_a_wish_half_of_the_room_is_the_limit),
        CACHE_TEST(a_look_counts_our_files_alone),
        CACHE_TEST(a_folder_that_is_not_there_yet_is_empty),
        CACHE_TEST(nothing_goes_while_there_is_room),
        CACHE_TEST(the_file_used_longest_ago_goes_first),
        CACHE_TEST(a_file_that_was_held_was_used),
        CACHE_TEST(a_file_of_the_plan_is_not_the_first_to_go),
        CACHE_TEST(a_file_in_use_stays),
        CACHE_TEST(what_is_not_ours_stays),
        CACHE_TEST(files_of_another_user_stay),
        CACHE_TEST(readers_share_and_writers_do_not),
        CACHE_TEST(a_file_that_is_held_can_be_leased),
        CACHE_TEST(where_the_folder_has_no_locks_the_files_own_one_holds_it),
        CACHE_TEST(a_plan_that_cannot_fit_is_refused_beforehand),
    };
    if (!data_folder_make(folder)) {
        puts("SKIP: no folder on a disk to be had; set TMPDIR to one");
        return 77;
    }
    rmdir(folder);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
