/* A memory limit of one's own: found in both versions of control groups, set, and never left over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/memory_limit.h"
#include "tests/harness/data_folder.h"

#define LIMIT_BYTES (UINT64_C(16) << 20)

/* A tree that looks like /sys/fs/cgroup, for looking only. */
struct tree {
    char folder[DATA_FOLDER_BYTES];
    char groups[DATA_FOLDER_BYTES + 8];
    struct mm_memory_limit_system system;
};

static void add_text(const struct tree *tree, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", tree->folder, name);
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    fputs(text, stream);
    assert_int_equal(fclose(stream), 0);
}

static void add_folder(const struct tree *tree, const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", tree->folder, name);
    assert_int_equal(mkdir(path, 0755), 0);
}

static int set_up(void **state)
{
    struct tree *tree = calloc(1, sizeof(*tree));
    if (!tree || !data_folder_make(tree->folder)) {
        free(tree);
        return -1;
    }
    snprintf(tree->groups, sizeof(tree->groups), "%s/self", tree->folder);
    tree->system = (struct mm_memory_limit_system){tree->groups, tree->folder};
    *state = tree;
    return 0;
}

static int tear_down(void **state)
{
    static const char *const files[] = {"self", "app.slice/cgroup.subtree_control",
                                        "cgroup.subtree_control"};
    static const char *const folders[] = {"memory/box", "memory", "app.slice/own.scope",
                                          "app.slice"};
    struct tree *tree = *state;
    char path[512];
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", tree->folder, files[i]);
        unlink(path);
    }
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", tree->folder, folders[i]);
        rmdir(path);
    }
    int left = rmdir(tree->folder);
    free(tree);
    return left;
}

static void expect_place(const struct tree *tree, int version, const char *folder)
{
    struct mm_memory_limit_place place;
    struct mm_error error = {0};
    char path[512];
    if (mm_memory_limit_find(&tree->system, &place, &error))
        fail_msg("%s", error.text);
    snprintf(path, sizeof(path), "%s/%s", tree->folder, folder);
    assert_int_equal(place.version, version);
    assert_string_equal(place.folder, path);
}

static void version_1_takes_groups_below_the_own_one(void **state)
{
    struct tree *tree = *state;
    add_text(tree, "self", "5:cpu,cpuacct:/\n4:memory:/box\n0::/\n");
    add_folder(tree, "memory");
    add_folder(tree, "memory/box");
    expect_place(tree, 1, "memory/box");
}

static void a_container_that_sees_its_group_as_the_root_takes_the_root(void **state)
{
    struct tree *tree = *state;
    add_text(tree, "self", "4:memory:/docker/0123\n");
    add_folder(tree, "memory");
    expect_place(tree, 1, "memory");
}

static void version_2_takes_groups_beside_the_own_one(void **state)
{
    struct tree *tree = *state;
    add_text(tree, "self", "0::/app.slice/own.scope\n");
    add_folder(tree, "app.slice");
    add_folder(tree, "app.slice/own.scope");
    add_text(tree, "app.slice/cgroup.subtree_control", "cpu memory pids\n");
    expect_place(tree, 2, "app.slice");
}

static void without_the_memory_controller_the_remedy_is_named(void **state)
{
    struct tree *tree = *state;
    struct mm_memory_limit_place place;
    struct mm_error error = {0};
    add_text(tree, "self", "0::/\n");
    add_text(tree, "cgroup.subtree_control", "cpu memory_recursiveprot pids\n");
    assert_int_equal(mm_memory_limit_find(&tree->system, &place, &error), -ENOTSUP);
    assert_non_null(strstr(error.text, "remedy: "));
    unlink(tree->groups);
    assert_int_equal(mm_memory_limit_find(&tree->system, &place, &error), -ENOTSUP);
}

static void a_folder_that_is_not_ours_is_refused_with_the_remedy(void **state)
{
    struct tree *tree = *state;
    struct mm_memory_limit_place place;
    struct mm_error error = {0};
    char path[512];
    bool is_root = geteuid() == 0;
    add_text(tree, "self", "4:memory:/\n");
    add_folder(tree, "memory");
    snprintf(path, sizeof(path), "%s/memory", tree->folder);
    chmod(path, 0555);
    /* Nothing is refused to root: look with the eyes of somebody else. */
    chmod(tree->folder, 0755);
    if (is_root)
        assert_int_equal(setresuid(65534, 65534, 0), 0);
    int status = mm_memory_limit_find(&tree->system, &place, &error);
    if (is_root)
        assert_int_equal(setresuid(0, 0, 0), 0);
    assert_int_equal(status, -EACCES);
    assert_non_null(strstr(error.text, "remedy: "));
}

/* What the child of a test has to say; in memory shared with it. */
struct report {
    int code;
    struct mm_error error;
    struct mm_memory_limit limit;
};

static struct report *new_report(void)
{
    struct report *report =
        mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(report != MAP_FAILED);
    return report;
}

/* A child that enters a limit and waits to be killed, as a worker may be. */
static pid_t enter_in_child(struct report *report)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        report->code = mm_memory_limit_enter(&mm_memory_limit_this_system, LIMIT_BYTES,
                                             &report->limit, &report->error);
        close(ready[1]);
        pause();
        _exit(0);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 0);
    close(ready[0]);
    return child;
}

static void a_group_lives_as_long_as_its_process_and_is_swept_after_it(void **state)
{
    (void)state;
    struct report *report = new_report();
    pid_t child = enter_in_child(report);
    bool entered = report->code == 0;
    if (entered) {
        mm_memory_limit_sweep(&mm_memory_limit_this_system);
        assert_int_equal(access(report->limit.folder, F_OK), 0);
        assert_int_equal(report->limit.limit_bytes, LIMIT_BYTES);
        json_t *json = mm_memory_limit_to_json(&report->limit);
        assert_int_equal(json_integer_value(json_object_get(json, "limit_bytes")), LIMIT_BYTES);
        assert_non_null(json_object_get(json, "hits"));
        json_decref(json);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    if (!entered) {
        /* A user without the right gets a reason, and nothing is left behind. */
        assert_true(strlen(report->error.text) > 0);
        munmap(report, sizeof(*report));
        skip();
    }
    mm_memory_limit_sweep(&mm_memory_limit_this_system);
    assert_int_equal(access(report->limit.folder, F_OK), -1);
    munmap(report, sizeof(*report));
}

#define WITH_TREE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TREE(version_1_takes_groups_below_the_own_one),
        WITH_TREE(a_container_that_sees_its_group_as_the_root_takes_the_root),
        WITH_TREE(version_2_takes_groups_beside_the_own_one),
        WITH_TREE(without_the_memory_controller_the_remedy_is_named),
        WITH_TREE(a_folder_that_is_not_ours_is_refused_with_the_remedy),
        cmocka_unit_test(a_group_lives_as_long_as_its_process_and_is_swept_after_it),
    };
    char folder[DATA_FOLDER_BYTES];
    if (!data_folder_make(folder)) {
        puts("SKIP: no folder on a disk to be had; set TMPDIR to one");
        return 77;
    }
    rmdir(folder);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
