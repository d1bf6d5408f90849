/* Whole-file writing: the old content or the new one, and nothing beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"

struct fixture {
    char folder[64];
    char path[128];
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    strcpy(fixture->folder, "/var/tmp/mapmeter-file-XXXXXX");
    if (!fixture || !mkdtemp(fixture->folder))
        return -1;
    snprintf(fixture->path, sizeof(fixture->path), "%s/file", fixture->folder);
    *state = fixture;
    return 0;
}

static unsigned entries(const char *folder)
{
    DIR *stream = opendir(folder);
    assert_non_null(stream);
    unsigned count = 0;
    for (struct dirent *entry = readdir(stream); entry; entry = readdir(stream))
        count += entry->d_name[0] != '.';
    closedir(stream);
    return count;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    unlink(fixture->path);
    int status = rmdir(fixture->folder);
    free(fixture);
    return status;
}

static void assert_content(const char *path, const char *expected)
{
    char *bytes;
    size_t size;
    assert_int_equal(mm_file_read(path, 1 << 20, &bytes, &size, NULL), 0);
    assert_int_equal(size, strlen(expected));
    assert_string_equal(bytes, expected);
    free(bytes);
}

static void replace_writes_and_leaves_nothing_beside(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(mm_file_replace(fixture->path, "one", 3, NULL), 0);
    assert_content(fixture->path, "one");
    assert_int_equal(mm_file_replace(fixture->path, "second", 6, NULL), 0);
    assert_content(fixture->path, "second");
    assert_int_equal(entries(fixture->folder), 1);
}

static void the_new_file_has_the_mode_of_the_umask(void **state)
{
    struct fixture *fixture = *state;
    mode_t before = umask(027);
    assert_int_equal(mm_file_replace(fixture->path, "", 0, NULL), 0);
    umask(before);
    struct stat status;
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
}

static void a_write_that_fails_leaves_the_old_file_whole(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(mm_file_replace(fixture->path, "old", 3, NULL), 0);
    struct rlimit unlimited;
    getrlimit(RLIMIT_FSIZE, &unlimited);
    struct rlimit limited = {.rlim_cur = 4, .rlim_max = unlimited.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limited), 0);
    struct mm_error error = {0};
    int status = mm_file_replace(fixture->path, "longer than the limit", 21, &error);
    setrlimit(RLIMIT_FSIZE, &unlimited);
    signal(SIGXFSZ, handler);
    assert_int_equal(status, -EFBIG);
    assert_non_null(strstr(error.text, fixture->path));
    assert_content(fixture->path, "old");
    assert_int_equal(entries(fixture->folder), 1);
}

static void a_missing_folder_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct mm_error error = {0};
    char path[160];
    snprintf(path, sizeof(path), "%s/none/file", fixture->folder);
    assert_int_equal(mm_file_replace(path, "x", 1, &error), -ENOENT);
    assert_non_null(strstr(error.text, path));
}

static void a_file_over_the_limit_is_not_read(void **state)
{
    struct fixture *fixture = *state;
    char *bytes = NULL;
    size_t size = 0;
    assert_int_equal(mm_file_replace(fixture->path, "12345678", 8, NULL), 0);
    assert_int_equal(mm_file_read(fixture->path, 7, &bytes, &size, NULL), -EFBIG);
    assert_null(bytes);
    assert_int_equal(mm_file_read(fixture->path, 8, &bytes, &size, NULL), 0);
    assert_int_equal(size, 8);
    free(bytes);
}

static void a_long_file_is_read_whole(void **state)
{
    struct fixture *fixture = *state;
    enum { LENGTH = 300001 };
    char *written = malloc(LENGTH);
    for (size_t i = 0; i < LENGTH; i++)
        written[i] = (char)(i % 251);
    assert_int_equal(mm_file_replace(fixture->path, written, LENGTH, NULL), 0);
    char *bytes;
    size_t size;
    assert_int_equal(mm_file_read(fixture->path, LENGTH, &bytes, &size, NULL), 0);
    assert_int_equal(size, LENGTH);
    assert_memory_equal(bytes, written, LENGTH);
    free(bytes);
    free(written);
}

static void folders_are_made_with_their_parents(void **state)
{
    struct fixture *fixture = *state;
    char path[160];
    snprintf(path, sizeof(path), "%s/a/b", fixture->folder);
    assert_int_equal(mm_file_make_folders(path, NULL), 0);
    assert_int_equal(mm_file_make_folders(path, NULL), 0);
    assert_int_equal(rmdir(path), 0);
    snprintf(path, sizeof(path), "%s/a", fixture->folder);
    assert_int_equal(rmdir(path), 0);
}

static void a_file_in_the_way_of_a_folder_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(mm_file_replace(fixture->path, "", 0, NULL), 0);
    char path[160];
    snprintf(path, sizeof(path), "%s/below", fixture->path);
    struct mm_error error = {0};
    assert_int_equal(mm_file_make_folders(path, &error), -ENOTDIR);
}

static void join_keeps_absolute_names(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"a", "/b", "/b"}, {"/", "b", "/b"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *joined = mm_file_join(cases[i][0], cases[i][1]);
        assert_string_equal(joined, cases[i][2]);
        free(joined);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(replace_writes_and_leaves_nothing_beside, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_new_file_has_the_mode_of_the_umask, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_write_that_fails_leaves_the_old_file_whole, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_missing_folder_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_over_the_limit_is_not_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_file_is_read_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(folders_are_made_with_their_parents, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_in_the_way_of_a_folder_is_an_error, set_up,
                                        tear_down),
        cmocka_unit_test(join_keeps_absolute_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
