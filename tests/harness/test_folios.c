/* Folios are seen where they are known: pages that were read one by one are folios of one page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/text.h"
#include "harness/cache_state.h"
#include "harness/folios.h"
#include "tests/harness/data_folder.h"

#define FILE_BYTES (UINT64_C(4) << 20)

static int set_up(void **state)
{
    char folder[DATA_FOLDER_BYTES];
    if (!data_folder_make(folder))
        return -1;
    char *path = mm_text_format("%s/data", folder);
    *state = path;
    return path && data_file_make(path, FILE_BYTES) ? 0 : -1;
}

static int tear_down(void **state)
{
    char *path = *state;
    unlink(path);
    *strrchr(path, '/') = '\0';
    int status = rmdir(path);
    free(path);
    return status;
}

static uint64_t sum(const struct mm_folios *folios)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < MM_FOLIO_ORDERS; i++)
        bytes += folios->bytes[i];
    return bytes;
}

static void look(const char *path, uint64_t offset, uint64_t length, struct mm_folios *folios)
{
    mm_folios_look(path, offset, length, folios);
    assert_true(folios->looked);
    if (folios->why_unavailable) {
        printf("skip: %s\n", folios->why_unavailable);
        skip();
    }
}

static void all_of_a_warm_file_is_in_folios(void **state)
{
    struct mm_cache_residency residency;
    struct mm_folios folios;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    assert_int_equal(mm_cache_make_warm(*state, 0, 0, &residency, NULL), 0);
    look(*state, 0, FILE_BYTES, &folios);
    assert_int_equal(sum(&folios), FILE_BYTES);
    look(*state, page + 1, 3 * page, &folios);
    assert_int_equal(sum(&folios), 4 * page);
}

static void pages_that_were_read_one_by_one_are_folios_of_their_own(void **state)
{
    struct mm_cache_residency residency;
    struct mm_folios folios;
    char byte;
    off_t page = (off_t)sysconf(_SC_PAGESIZE);
    if (mm_cache_make_cold(*state, &residency, NULL))
        skip(); /* the file system or another user keeps it in the cache */
    int descriptor = open(*state, O_RDONLY | O_CLOEXEC);
    assert_int_equal(posix_fadvise(descriptor, 0, 0, POSIX_FADV_RANDOM), 0);
    for (off_t place = 0; place < (off_t)FILE_BYTES; place += page)
        assert_int_equal(pread(descriptor, &byte, 1, place), 1);
    close(descriptor);
    look(*state, 0, FILE_BYTES, &folios);
    assert_int_equal(folios.bytes[0], FILE_BYTES);
    assert_int_equal(sum(&folios), FILE_BYTES);
}

static void an_ordinary_user_is_told_that_it_takes_root(void **state)
{
    if (geteuid() != 0)
        skip(); /* all the other tests show it */
    char *path = *state;
    *strrchr(path, '/') = '\0';
    assert_int_equal(chmod(path, 0755), 0);
    path[strlen(path)] = '/';
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        struct mm_folios folios;
        /* A process that has changed its user may not read of itself, a fresh one may. */
        if (setgid(65534) || setuid(65534) || prctl(PR_SET_DUMPABLE, 1))
            _exit(2);
        mm_folios_look(path, 0, FILE_BYTES, &folios);
        _exit(folios.why_unavailable && strstr(folios.why_unavailable, "root") ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void what_was_not_looked_at_has_no_member(void **state)
{
    const struct mm_folios none = {.looked = 0};
    const struct mm_folios some = {.looked = 1, .bytes = {[0] = 8192, [2] = 16384}};
    const struct mm_folios unknown = {.looked = 1, .why_unavailable = "no"};
    (void)state;
    assert_null(mm_folios_to_json(&none));
    json_t *sizes = mm_folios_to_json(&some);
    char name[32];
    snprintf(name, sizeof(name), "%ld", 4 * sysconf(_SC_PAGESIZE));
    assert_int_equal(json_object_size(sizes), 2);
    assert_int_equal(json_integer_value(json_object_get(sizes, name)), 16384);
    json_decref(sizes);
    json_t *why = mm_folios_to_json(&unknown);
    assert_string_equal(json_string_value(json_object_get(why, "unavailable")), "no");
    json_decref(why);
}

int main(void)
{
#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    char folder[DATA_FOLDER_BYTES];
    const struct CMUnitTest tests[] = {
        FILE_TEST(all_of_a_warm_file_is_in_folios),
        FILE_TEST(pages_that_were_read_one_by_one_are_folios_of_their_own),
        FILE_TEST(an_ordinary_user_is_told_that_it_takes_root),
        cmocka_unit_test(what_was_not_looked_at_has_no_member),
    };
    if (!data_folder_make(folder)) {
        puts("SKIP: no folder on a disk to be had; set TMPDIR to one");
        return 77;
    }
    rmdir(folder);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
