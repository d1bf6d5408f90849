/* Noise is seen in a tree that looks like /proc and /sys, and quiet is seen as quiet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "common/text.h"
#include "harness/environment_file.h"
#include "harness/noise.h"
#include "tests/harness/data_folder.h"
#include "tests/support/folder.h"

#define GOVERNOR    "sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor"
#define HUGE_PAGES  "sys/kernel/mm/transparent_hugepage/enabled"
#define STALL       "proc/pressure/io"
#define STALL_TAIL  " avg60=0.00 avg300=0.00 total=1\n"
#define PROCESSORS  "sys/devices/system/cpu/online"
#define INTEL_TURBO "sys/devices/system/cpu/intel_pstate/no_turbo"
#define BOOST       "sys/devices/system/cpu/cpufreq/boost"

struct tree {
    char folder[DATA_FOLDER_BYTES];
    struct mm_doctor_fact facts[MM_NOISE_FACTS_MAX];
    size_t count;
};

static void add_text(const struct tree *tree, const char *name, const char *text)
{
    char *path = mm_text_format("%s/%s", tree->folder, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(mm_file_make_folders(path, NULL), 0);
    *slash = '/';
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    fputs(text, stream);
    assert_int_equal(fclose(stream), 0);
    free(path);
}

static int set_up(void **state)
{
    struct tree *tree = calloc(1, sizeof(*tree));
    if (!tree || !data_folder_make(tree->folder))
        return -1;
    add_text(tree, "proc/loadavg", "0.10 1.00 2.00 1/200 1234\n");
    add_text(tree, "proc/stat", "cpu  900 0 50 9000 10 0 40 0 0 0\n");
    add_text(tree, PROCESSORS, "0-2,5\n");
    add_text(tree, HUGE_PAGES, "always [madvise] never\n");
    add_text(tree, STALL, "some avg10=0.00" STALL_TAIL);
    *state = tree;
    return 0;
}

static int tear_down(void **state)
{
    struct tree *tree = *state;
    int status = mm_test_remove_folder(tree->folder);
    free(tree);
    return status;
}

static const struct mm_doctor_fact *find(struct tree *tree, const char *subject)
{
    tree->count = mm_noise_examine(tree->folder, tree->folder, tree->facts, MM_NOISE_FACTS_MAX);
    for (size_t i = 0; i < tree->count; i++) {
        if (!strcmp(tree->facts[i].subject, subject))
            return &tree->facts[i];
    }
    fail_msg("nothing is said of %s", subject);
    return NULL;
}

static void expect_quiet(struct tree *tree, const char *subject)
{
    const struct mm_doctor_fact *fact = find(tree, subject);
    if (fact->state != MM_DOCTOR_OK || fact->remedy[0])
        fail_msg("%s: %s", subject, fact->finding);
}

static void expect_noise(struct tree *tree, const char *subject, const char *finding,
                         const char *remedy)
{
    const struct mm_doctor_fact *fact = find(tree, subject);
    assert_int_equal(fact->state, MM_DOCTOR_LIMITED);
    if (!strstr(fact->finding, finding))
        fail_msg("%s: '%s' does not say '%s'", subject, fact->finding, finding);
    if (!strstr(fact->remedy, remedy))
        fail_msg("%s: the remedy '%s' does not say '%s'", subject, fact->remedy, remedy);
}

static void a_quiet_machine_is_quiet(void **state)
{
    static const char *const subjects[] = {"load",  "steal",      "frequency",
                                           "turbo", "huge pages", "device"};
    for (size_t i = 0; i < MM_COUNT_OF(subjects); i++)
        expect_quiet(*state, subjects[i]);
}

static void load_is_seen_by_the_processor(void **state)
{
    add_text(*state, "proc/loadavg", "1.99 0 0 1/2 3\n");
    expect_quiet(*state, "load");
    add_text(*state, "proc/loadavg", "2.01 0 0 1/2 3\n");
    expect_noise(*state, "load", "2.01 on 4 processors", "top");
    add_text(*state, PROCESSORS, "0-15\n");
    expect_quiet(*state, "load");
}

static void stolen_time_is_seen(void **state)
{
    add_text(*state, "proc/stat", "cpu  900 0 50 8800 10 0 40 200 0 0\n");
    expect_noise(*state, "steal", "2.0 %", "fewer guests");
}

static void any_governor_but_performance_is_seen(void **state)
{
    char name[128];
    for (int cpu = 0; cpu < 3; cpu++) {
        snprintf(name, sizeof(name), GOVERNOR, cpu);
        add_text(*state, name, "performance\n");
    }
    expect_quiet(*state, "frequency");
    add_text(*state, name, "powersave\n");
    expect_noise(*state, "frequency", "powersave", "cpupower");
}

static void turbo_is_seen_by_either_switch(void **state)
{
    add_text(*state, BOOST, "0\n");
    expect_quiet(*state, "turbo");
    add_text(*state, BOOST, "1\n");
    expect_noise(*state, "turbo", "on", "cpufreq/boost");
    add_text(*state, INTEL_TURBO, "1\n");
    expect_quiet(*state, "turbo");
    add_text(*state, INTEL_TURBO, "0\n");
    expect_noise(*state, "turbo", "on", "no_turbo");
}

static void huge_pages_that_come_unasked_are_seen(void **state)
{
    add_text(*state, HUGE_PAGES, "always madvise [never]\n");
    expect_quiet(*state, "huge pages");
    add_text(*state, HUGE_PAGES, "[always] madvise never\n");
    expect_noise(*state, "huge pages", "always", "echo madvise");
}

static void waiting_for_storage_is_seen(void **state)
{
    add_text(*state, STALL, "some avg10=4.00" STALL_TAIL);
    expect_quiet(*state, "device");
    add_text(*state, STALL, "some avg10=37.12" STALL_TAIL);
    expect_noise(*state, "device", "37 %", "--data-dir");
}

static void requests_of_others_on_the_device_are_seen(void **state)
{
    struct tree *tree = *state;
    char name[128];
    json_t *facts = mm_environment_file_facts(tree->folder);
    const char *device = json_string_value(json_object_get(facts, "device"));
    if (!device) {
        json_decref(facts);
        skip(); /* the folder has no block device here */
    }
    snprintf(name, sizeof(name), "sys/class/block/%.64s/stat", device);
    json_decref(facts);
    add_text(tree, name, "    1 0 8 0 2 0 16 0        0 4 4\n");
    expect_quiet(tree, "device");
    add_text(tree, name, "    1 0 8 0 2 0 16 0        3 4 4\n");
    expect_noise(tree, "device", "3 requests", "--data-dir");
}

static void an_empty_tree_is_no_noise(void **state)
{
    struct tree *tree = *state;
    char *empty = mm_text_format("%s/empty", tree->folder);
    assert_int_equal(mkdir(empty, 0755), 0);
    size_t count = mm_noise_examine(empty, tree->folder, tree->facts, MM_NOISE_FACTS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(tree->facts[i].subject, "virtualisation") != 0)
            assert_int_equal(tree->facts[i].state, MM_DOCTOR_OK);
    }
    assert_int_equal(mm_noise_examine(empty, tree->folder, tree->facts, 2), 2);
    free(empty);
}

static void warnings_are_the_noisy_ones_with_their_remedies(void **state)
{
    (void)state;
    static const struct mm_doctor_fact facts[] = {
        {"load", MM_DOCTOR_OK, "low", ""},
        {"turbo", MM_DOCTOR_LIMITED, "on", "switch it off"},
    };
    json_t *warnings = mm_noise_warnings(facts, MM_COUNT_OF(facts));
    assert_int_equal(json_array_size(warnings), 1);
    assert_string_equal(json_string_value(json_array_get(warnings, 0)),
                        "turbo: on; remedy: switch it off");
    json_decref(warnings);
}

int main(void)
{
#define TREE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    char folder[DATA_FOLDER_BYTES];
    const struct CMUnitTest tests[] = {
        TREE_TEST(a_quiet_machine_is_quiet),
        TREE_TEST(load_is_seen_by_the_processor),
        TREE_TEST(stolen_time_is_seen),
        TREE_TEST(any_governor_but_performance_is_seen),
        TREE_TEST(turbo_is_seen_by_either_switch),
        TREE_TEST(huge_pages_that_come_unasked_are_seen),
        TREE_TEST(waiting_for_storage_is_seen),
        TREE_TEST(requests_of_others_on_the_device_are_seen),
        TREE_TEST(an_empty_tree_is_no_noise),
        cmocka_unit_test(warnings_are_the_noisy_ones_with_their_remedies),
    };
    if (!data_folder_make(folder)) {
        puts("SKIP: no folder on a disk to be had; set TMPDIR to one");
        return 77;
    }
    rmdir(folder);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
