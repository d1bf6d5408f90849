/* Google Benchmark takes flags from the environment when a program starts; here they are void. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/gbench/gbench.h"

static void count_down(struct gbench_state *state, void *context)
{
    (void)context;
    while (gbench_keep_running(state))
        ;
}

static void count_reports(const struct gbench_result *result, void *context)
{
    int *reports = context;
    if (!result->error && result->iterations == 3)
        (*reports)++;
}

/* The child's part: a fresh process whose environment is hostile. Exit 0 when one run of three
 * iterations was delivered all the same. */
static int run_under_flags(void)
{
    struct gbench_benchmark *benchmark = gbench_register("flags", count_down, NULL);
    int reports = 0;
    size_t count = 0;
    if (gbench_set_iterations(benchmark, 3) || gbench_run(NULL, count_reports, &reports, &count))
        return 1;
    gbench_clear();
    return reports == 1 && count == 1 ? 0 : 2;
}

static int exit_code_with(const char *name, const char *value)
{
    pid_t child = fork();
    if (child == 0) {
        setenv(name, value, 1);
        execl("/proc/self/exe", "test_flags", "child", (char *)NULL);
        _exit(127);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void environment_does_not_change_a_run(void **state)
{
    (void)state;
    assert_int_equal(exit_code_with("UNRELATED", "1"), 0);
    assert_int_equal(exit_code_with("BENCHMARK_REPETITIONS", "7"), 0);
    assert_int_equal(exit_code_with("BENCHMARK_LIST_TESTS", "true"), 0);
    assert_int_equal(exit_code_with("BENCHMARK_FILTER", "nothing"), 0);
    assert_int_equal(exit_code_with("BENCHMARK_PERF_COUNTERS", "CYCLES"), 0);
    /* The library would end the process, for it cannot open this file. */
    assert_int_equal(exit_code_with("BENCHMARK_OUT", "/nowhere/at/all"), 0);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "child") == 0)
        return run_under_flags();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(environment_does_not_change_a_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
