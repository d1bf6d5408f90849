/* The environment of a record: every member is there, and a file's facts are the file's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/text.h"
#include "harness/environment.h"
#include "harness/environment_file.h"
#include "harness/environment_read.h"
#include "tests/harness/data_folder.h"
#include "tests/harness/refuse.h"

#define CACHESTAT_CALL 451

static bool says_why(const json_t *value)
{
    const char *why = json_string_value(json_object_get(value, "unavailable"));
    return why && *why;
}

static void every_member_is_a_value_or_says_why(void **state)
{
    (void)state;
    static const char *const members[] = {"fingerprint",
                                          "hostname",
                                          "kernel",
                                          "architecture",
                                          "cpu_model",
                                          "cpus_online",
                                          "cpus_allowed",
                                          "caches",
                                          "virtualisation",
                                          "container",
                                          "cold_means",
                                          "memory_bytes",
                                          "memory_available_bytes",
                                          "swap_bytes",
                                          "memory_limit_bytes",
                                          "page_bytes",
                                          "huge_page_bytes",
                                          "transparent_huge_pages",
                                          "aslr",
                                          "governor",
                                          "perf_event_paranoid",
                                          "clock_source",
                                          "clock_gettime_ns",
                                          "load_average_1m",
                                          "uid_is_root"};
    json_t *environment = mm_environment_collect();
    assert_non_null(environment);
    for (size_t i = 0; i < MM_COUNT_OF(members); i++) {
        const json_t *value = json_object_get(environment, members[i]);
        assert_non_null(value);
        assert_true(!json_is_object(value) || says_why(value));
        assert_false(json_is_null(value));
    }
    assert_int_equal(json_object_size(environment), MM_COUNT_OF(members));
    json_decref(environment);
}

static void figures_agree_with_the_system(void **state)
{
    (void)state;
    struct utsname names;
    json_t *environment = mm_environment_collect();
    uname(&names);
    assert_string_equal(json_string_value(json_object_get(environment, "kernel")), names.release);
    assert_int_equal(json_integer_value(json_object_get(environment, "page_bytes")),
                     sysconf(_SC_PAGESIZE));
    long long memory = json_integer_value(json_object_get(environment, "memory_bytes"));
    assert_int_equal(memory / sysconf(_SC_PAGESIZE), sysconf(_SC_PHYS_PAGES));
    assert_true(json_integer_value(json_object_get(environment, "cpus_allowed")) >= 1);
    json_decref(environment);
}

static void the_fingerprint_stays_the_same(void **state)
{
    (void)state;
    json_t *first = mm_environment_collect();
    json_t *second = mm_environment_collect();
    const char *text = json_string_value(json_object_get(first, "fingerprint"));
    assert_int_equal(strlen(text), 16);
    assert_string_equal(text, json_string_value(json_object_get(second, "fingerprint")));
    json_decref(first);
    json_decref(second);
}

static void steal_is_a_share_of_the_time_between(void **state)
{
    (void)state;
    struct mm_environment_cpu_time before = {.total = 1000, .steal = 10, .valid = 1};
    struct mm_environment_cpu_time after = {.total = 3000, .steal = 110, .valid = 1};
    json_t *share = mm_environment_steal_share(&before, &after);
    assert_true(json_real_value(share) > 0.0499 && json_real_value(share) < 0.0501);
    json_decref(share);
    share = mm_environment_steal_share(&before, &before);
    assert_true(says_why(share));
    json_decref(share);
    before.valid = 0;
    share = mm_environment_steal_share(&before, &after);
    assert_true(says_why(share));
    json_decref(share);
    struct mm_environment_cpu_time now;
    mm_environment_read_cpu_time(&now);
    assert_true(!now.valid || now.total > now.steal);
}

static void a_mount_line_is_taken_apart(void **state)
{
    (void)state;
    struct mm_environment_mount mount;
    char line[] = "36 35 98:7 /root /mnt\\040with\\134odd\\012name rw,noatime master:1 shared:2 - "
                  "ext3 /dev/ro\\040ot rw,errors=continue,noatime\n";
    assert_true(mm_environment_parse_mount(line, &mount));
    assert_int_equal(mount.id, 36);
    assert_int_equal(mount.major, 98);
    assert_int_equal(mount.minor, 7);
    assert_string_equal(mount.mount_point, "/mnt with\\odd\nname");
    assert_string_equal(mount.options, "rw,noatime,errors=continue");
    assert_string_equal(mount.type, "ext3");
    assert_string_equal(mount.source, "/dev/ro ot");
    char without_tags[] = "1 0 0:5 / / ro - tmpfs none ro\n";
    assert_true(mm_environment_parse_mount(without_tags, &mount));
    assert_string_equal(mount.options, "ro");
}

static void a_broken_mount_line_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {"", "36 35 98:7 /", "36 35 98:7 / / rw master:1",
                                        "36 35 98:7 / / rw - ext4",
                                        "36 35 nonsense / / rw - ext4 /dev/a rw"};
    for (size_t i = 0; i < MM_COUNT_OF(lines); i++) {
        struct mm_environment_mount mount;
        char line[128];
        snprintf(line, sizeof(line), "%s", lines[i]);
        assert_false(mm_environment_parse_mount(line, &mount));
    }
}

/* Against stat(2), which goes another way. */
static void the_mount_of_a_path_has_its_device(void **state)
{
    (void)state;
    static const char *const paths[] = {"/proc/self/status", "/", "/usr", "."};
    for (size_t i = 0; i < MM_COUNT_OF(paths); i++) {
        struct mm_environment_mount mount;
        struct stat at_path;
        struct stat at_mount;
        assert_int_equal(mm_environment_find_mount(paths[i], &mount), 0);
        assert_int_equal(stat(paths[i], &at_path), 0);
        assert_int_equal(stat(mount.mount_point, &at_mount), 0);
        assert_int_equal(at_path.st_dev, at_mount.st_dev);
    }
    struct mm_environment_mount proc;
    assert_int_equal(mm_environment_find_mount("/proc/self/status", &proc), 0);
    assert_string_equal(proc.type, "proc");
    assert_string_equal(proc.mount_point, "/proc");
    assert_int_equal(mm_environment_find_mount("/nowhere/at/all", &proc), -ENOENT);
}

/* Exits with 0 when the mounts are found by their paths alone, as on kernels before 5.8. */
static int find_mounts_by_path(void *context)
{
    (void)context;
    static const char *const paths[] = {"/proc/self/status", "/sys/kernel", "/usr", "."};
    if (refuse_call(SYS_statx, ENOSYS))
        return 77;
    for (size_t i = 0; i < MM_COUNT_OF(paths); i++) {
        struct mm_environment_mount mount;
        struct stat at_path;
        struct stat at_mount;
        if (mm_environment_find_mount(paths[i], &mount) || stat(paths[i], &at_path) ||
            stat(mount.mount_point, &at_mount) || at_path.st_dev != at_mount.st_dev)
            return 1;
    }
    return 0;
}

static void mounts_are_found_on_kernels_that_do_not_number_them(void **state)
{
    (void)state;
    int code = exit_code_of_child(find_mounts_by_path, NULL);
    if (code == 77)
        skip();
    assert_int_equal(code, 0);
}

static void a_file_has_its_facts(void **state)
{
    (void)state;
    static const char *const members[] = {
        "filesystem",       "mount_options",     "mount_point",
        "device",           "rotational",        "extents",
        "read_ahead_bytes", "extents_unwritten", "storage_fingerprint"};
    char folder[DATA_FOLDER_BYTES];
    char path[DATA_FOLDER_BYTES + 16];
    if (!data_folder_make(folder))
        skip();
    snprintf(path, sizeof(path), "%s/data", folder);
    bool made = data_file_make(path, 1 << 20);
    json_t *facts = mm_environment_file_facts(path);
    unlink(path);
    rmdir(folder);
    assert_true(made);
    assert_non_null(facts);
    for (size_t i = 0; i < MM_COUNT_OF(members); i++) {
        const json_t *value = json_object_get(facts, members[i]);
        assert_non_null(value);
        assert_true(!json_is_object(value) || says_why(value));
    }
    assert_int_equal(json_object_size(facts), MM_COUNT_OF(members));
    const json_t *extents = json_object_get(facts, "extents");
    if (json_is_integer(extents)) {
        assert_true(json_integer_value(extents) >= 1);
        assert_int_equal(json_integer_value(json_object_get(facts, "extents_unwritten")), 0);
    }
    json_decref(facts);
}

static void space_that_was_never_written_is_seen(void **state)
{
    (void)state;
    char folder[DATA_FOLDER_BYTES];
    char path[DATA_FOLDER_BYTES + 16];
    if (!data_folder_make(folder))
        skip();
    snprintf(path, sizeof(path), "%s/data", folder);
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int allocated = fallocate(descriptor, 0, 0, 1 << 20);
    close(descriptor);
    json_t *facts = mm_environment_file_facts(path);
    unlink(path);
    rmdir(folder);
    const json_t *unwritten = json_object_get(facts, "extents_unwritten");
    bool told = allocated == 0 && json_is_integer(unwritten);
    long long count = json_integer_value(unwritten);
    json_decref(facts);
    if (!told)
        skip();
    assert_true(count >= 1);
}

static void storage_has_a_fingerprint_that_stays_and_tells_file_systems_apart(void **state)
{
    (void)state;
    json_t *disk = mm_environment_file_facts("/");
    json_t *again = mm_environment_file_facts("/");
    json_t *other = mm_environment_file_facts("/proc");
    const char *print = json_string_value(json_object_get(disk, "storage_fingerprint"));
    assert_non_null(print);
    assert_int_equal(strlen(print), 16);
    assert_string_equal(print, json_string_value(json_object_get(again, "storage_fingerprint")));
    assert_string_not_equal(print,
                            json_string_value(json_object_get(other, "storage_fingerprint")));
    json_decref(disk);
    json_decref(again);
    json_decref(other);
}

static void a_file_system_without_a_device_says_so(void **state)
{
    (void)state;
    json_t *facts = mm_environment_file_facts("/proc/self/status");
    assert_non_null(facts);
    assert_string_equal(json_string_value(json_object_get(facts, "filesystem")), "proc");
    assert_true(says_why(json_object_get(facts, "device")));
    assert_true(says_why(json_object_get(facts, "extents")));
    json_decref(facts);
}

static void written_bytes_are_seen(void **state)
{
    (void)state;
    struct mm_environment_io before;
    struct mm_environment_io after;
    char folder[DATA_FOLDER_BYTES];
    char path[DATA_FOLDER_BYTES + 16];
    mm_environment_read_io(&before);
    if (before.why_unavailable || !data_folder_make(folder))
        skip();
    snprintf(path, sizeof(path), "%s/data", folder);
    bool made = data_file_make(path, 1 << 20);
    mm_environment_read_io(&after);
    unlink(path);
    rmdir(folder);
    assert_true(made);
    assert_null(after.why_unavailable);
    assert_true(after.written_bytes - before.written_bytes >= 1 << 20);
}

static void lines_numbers_and_choices_are_read(void **state)
{
    (void)state;
    char folder[DATA_FOLDER_BYTES];
    char path[DATA_FOLDER_BYTES + 16];
    char text[64];
    long long number = 0;
    if (!data_folder_make(folder))
        skip();
    snprintf(path, sizeof(path), "%s/line", folder);
    FILE *file = fopen(path, "w");
    fputs("always [madvise] never\nkeyed\t : value here\n", file);
    fclose(file);
    assert_int_equal(mm_environment_read_line(path, text, sizeof(text)), 0);
    assert_string_equal(text, "always [madvise] never");
    assert_int_equal(mm_environment_read_choice(path, text, sizeof(text)), 0);
    assert_string_equal(text, "madvise");
    assert_int_equal(mm_environment_read_key(path, "keyed", text, sizeof(text)), 0);
    assert_string_equal(text, "value here");
    assert_int_equal(mm_environment_read_key(path, "key", text, sizeof(text)), -ENODATA);
    assert_int_equal(mm_environment_read_number(path, &number), -EINVAL);
    assert_int_equal(mm_environment_read_line("/nowhere", text, sizeof(text)), -ENOENT);
    file = fopen(path, "w");
    fputs("-12\n", file);
    fclose(file);
    assert_int_equal(mm_environment_read_number(path, &number), 0);
    assert_int_equal(number, -12);
    file = fopen(path, "w");
    fclose(file);
    assert_int_equal(mm_environment_read_line(path, text, sizeof(text)), -ENODATA);
    unlink(path);
    rmdir(folder);
}

static void names_that_are_not_utf8_are_kept_readable(void **state)
{
    (void)state;
    json_t *text = mm_environment_text("mount\xff point");
    assert_string_equal(json_string_value(text), "mount? point");
    json_decref(text);
    text = mm_environment_text("caf\xc3\xa9");
    assert_string_equal(json_string_value(text), "caf\xc3\xa9");
    json_decref(text);
}

static void doctor_has_a_finding_for_every_subject(void **state)
{
    (void)state;
    char folder[DATA_FOLDER_BYTES];
    struct mm_doctor_fact facts[64];
    if (!data_folder_make(folder))
        skip();
    size_t count = mm_doctor_probe(folder, facts, MM_COUNT_OF(facts));
    /* It leaves nothing behind: the folder is empty. */
    assert_int_equal(rmdir(folder), 0);
    assert_true(count >= 12 && count <= MM_COUNT_OF(facts));
    for (size_t i = 0; i < count; i++) {
        assert_true(strlen(facts[i].subject) > 0);
        assert_true(strlen(facts[i].finding) > 0);
        assert_null(strchr(facts[i].finding, '\n'));
        assert_true(facts[i].state == MM_DOCTOR_OK || facts[i].state == MM_DOCTOR_LIMITED ||
                    facts[i].state == MM_DOCTOR_MISSING);
    }
    assert_int_equal(mm_doctor_probe("/", facts, 3), 3);
}

static void doctor_tells_of_a_folder_that_is_not_there(void **state)
{
    (void)state;
    struct mm_doctor_fact facts[64];
    size_t count = mm_doctor_probe("/nowhere/at/all", facts, MM_COUNT_OF(facts));
    bool told = false;
    for (size_t i = 0; i < count; i++)
        told = told ||
               (facts[i].state == MM_DOCTOR_MISSING && strstr(facts[i].finding, "/nowhere/at/all"));
    assert_true(told);
}

static enum mm_doctor_state state_of(const struct mm_doctor_fact *facts, size_t count,
                                     const char *subject)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(facts[i].subject, subject) == 0)
            return facts[i].state;
    }
    return (enum mm_doctor_state)99;
}

/* Exits with 0 when doctor sees that the calls are blocked, as they are in many containers. */
static int examine_without_calls(void *context)
{
    struct mm_doctor_fact facts[64];
    if (refuse_call(CACHESTAT_CALL, ENOSYS) || refuse_call(SYS_io_uring_setup, EPERM) ||
        refuse_call(SYS_perf_event_open, EPERM))
        return 77;
    size_t count = mm_doctor_probe(context, facts, MM_COUNT_OF(facts));
    bool seen = state_of(facts, count, "cachestat") == MM_DOCTOR_LIMITED &&
                state_of(facts, count, "io_uring") == MM_DOCTOR_MISSING &&
                state_of(facts, count, "page faults") == MM_DOCTOR_LIMITED &&
                state_of(facts, count, "hardware counters") == MM_DOCTOR_MISSING &&
                state_of(facts, count, "cache cold") == MM_DOCTOR_OK &&
                state_of(facts, count, "cache dirty") == MM_DOCTOR_LIMITED;
    for (size_t i = 0; !seen && i < count; i++)
        fprintf(stderr, "%s: %d %s\n", facts[i].subject, (int)facts[i].state, facts[i].finding);
    for (size_t i = 0; i < count; i++) {
        bool wants_remedy = facts[i].state == MM_DOCTOR_MISSING;
        seen = seen && (!wants_remedy || facts[i].remedy[0]);
    }
    return seen ? 0 : 1;
}

static void doctor_sees_blocked_calls(void **state)
{
    (void)state;
    char folder[DATA_FOLDER_BYTES];
    if (!data_folder_make(folder))
        skip();
    int code = exit_code_of_child(examine_without_calls, folder);
    rmdir(folder);
    if (code == 77)
        skip();
    assert_int_equal(code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_is_a_value_or_says_why),
        cmocka_unit_test(figures_agree_with_the_system),
        cmocka_unit_test(the_fingerprint_stays_the_same),
        cmocka_unit_test(steal_is_a_share_of_the_time_between),
        cmocka_unit_test(a_mount_line_is_taken_apart),
        cmocka_unit_test(a_broken_mount_line_is_refused),
        cmocka_unit_test(the_mount_of_a_path_has_its_device),
        cmocka_unit_test(mounts_are_found_on_kernels_that_do_not_number_them),
        cmocka_unit_test(a_file_has_its_facts),
        cmocka_unit_test(space_that_was_never_written_is_seen),
        cmocka_unit_test(storage_has_a_fingerprint_that_stays_and_tells_file_systems_apart),
        cmocka_unit_test(a_file_system_without_a_device_says_so),
        cmocka_unit_test(written_bytes_are_seen),
        cmocka_unit_test(lines_numbers_and_choices_are_read),
        cmocka_unit_test(names_that_are_not_utf8_are_kept_readable),
        cmocka_unit_test(doctor_has_a_finding_for_every_subject),
        cmocka_unit_test(doctor_tells_of_a_folder_that_is_not_there),
        cmocka_unit_test(doctor_sees_blocked_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
