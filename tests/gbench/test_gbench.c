/* The C interface of Google Benchmark: what it runs, what it delivers, what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>

#include "harness/gbench/gbench.h"

#define REPORTS_MAX 64

/* What the reporter was given, copied: nothing is asserted inside callbacks, because a failed
 * assertion leaves by longjmp. */
struct report {
    char name[128];
    char label[64];
    char error[128];
    bool failed;
    bool aggregate;
    char aggregate_name[32];
    int64_t iterations;
    int64_t repetition;
    int64_t threads;
    double real_time_ns;
    double cpu_time_ns;
    char counter_names[8][64];
    double counter_values[8];
    size_t counter_count;
};

struct reports {
    struct report report[REPORTS_MAX];
    size_t count;
};

static void collect(const struct gbench_result *result, void *context)
{
    struct reports *reports = context;
    if (reports->count == REPORTS_MAX)
        return;
    struct report *report = &reports->report[reports->count++];
    memset(report, 0, sizeof(*report));
    snprintf(report->name, sizeof(report->name), "%s", result->name);
    snprintf(report->label, sizeof(report->label), "%s", result->label);
    report->failed = result->error != NULL;
    snprintf(report->error, sizeof(report->error), "%s", result->error ? result->error : "");
    report->aggregate = result->aggregate;
    if (result->aggregate)
        snprintf(report->aggregate_name, sizeof(report->aggregate_name), "%s",
                 result->aggregate_name);
    report->iterations = result->iterations;
    report->repetition = result->repetition;
    report->threads = result->threads;
    report->real_time_ns = result->real_time_ns;
    report->cpu_time_ns = result->cpu_time_ns;
    for (size_t i = 0; i < result->counter_count && i < 8; i++) {
        snprintf(report->counter_names[i], sizeof(report->counter_names[i]), "%s",
                 result->counters[i].name);
        report->counter_values[i] = result->counters[i].value;
        report->counter_count++;
    }
}

static double counter_of(const struct report *report, const char *name)
{
    for (size_t i = 0; i < report->counter_count; i++) {
        if (strcmp(report->counter_names[i], name) == 0)
            return report->counter_values[i];
    }
    return NAN;
}

/* What a body saw and what it is to do. */
struct body {
    int calls;
    int rounds;
    int64_t iterations;
    int64_t arguments[8];
    size_t argument_count;
    double seconds[4]; /* manual times by round, repeating */
    int statuses[4];
    int fail_in_call; /* 1-based; 0: never */
    unsigned flags;
};

static void clear_registry(void)
{
    gbench_clear();
}

static int tear_down(void **state)
{
    (void)state;
    clear_registry();
    return 0;
}

static void loop(struct gbench_state *state, void *context)
{
    struct body *body = context;
    body->calls++;
    body->iterations = gbench_iterations(state);
    while (gbench_keep_running(state))
        body->rounds++;
}

static void manual_loop(struct gbench_state *state, void *context)
{
    struct body *body = context;
    body->calls++;
    int round = 0;
    while (gbench_keep_running(state)) {
        gbench_set_iteration_time(state, body->seconds[round % 4]);
        round++;
        body->rounds++;
    }
    body->statuses[0] = gbench_set_bytes_processed(state, 1000 * (int64_t)round);
    body->statuses[1] = gbench_set_items_processed(state, 10 * (int64_t)round);
    body->statuses[2] = gbench_set_counter(state, "faults", 12, GBENCH_COUNTER_PLAIN);
    body->statuses[3] = gbench_set_label(state, "labelled");
}

static void fixed_iterations_run_the_body_once(void **state)
{
    (void)state;
    struct body body = {0};
    struct reports reports = {0};
    size_t count = 0;
    struct gbench_benchmark *benchmark = gbench_register("fixed", loop, &body);
    assert_non_null(benchmark);
    assert_int_equal(gbench_set_iterations(benchmark, 5), 0);
    assert_int_equal(gbench_use_real_time(benchmark), 0);
    assert_int_equal(gbench_run(NULL, collect, &reports, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(body.calls, 1);
    assert_int_equal(body.rounds, 5);
    assert_int_equal(body.iterations, 5);
    assert_int_equal(reports.count, 1);
    assert_string_equal(reports.report[0].name, "fixed/iterations:5/real_time");
    assert_int_equal(reports.report[0].iterations, 5);
    assert_int_equal(reports.report[0].repetition, 0);
    assert_false(reports.report[0].failed);
    assert_false(reports.report[0].aggregate);
    assert_true(reports.report[0].real_time_ns > 0);
}

static void manual_time_is_delivered_as_the_total(void **state)
{
    (void)state;
    struct body body = {.seconds = {0.25, 0.5, 1.0, 0.25}};
    struct reports reports = {0};
    struct gbench_benchmark *benchmark = gbench_register("manual", manual_loop, &body);
    assert_int_equal(gbench_set_iterations(benchmark, 4), 0);
    assert_int_equal(gbench_use_manual_time(benchmark), 0);
    assert_int_equal(gbench_run("^manual", collect, &reports, NULL), 0);
    assert_int_equal(reports.count, 1);
    const struct report *report = &reports.report[0];
    assert_true(fabs(report->real_time_ns - 2e9) < 1);
    assert_string_equal(report->label, "labelled");
    for (int i = 0; i < 4; i++)
        assert_int_equal(body.statuses[i], 0);
    /* Rates go by the manual time. */
    assert_true(fabs(counter_of(report, "bytes_per_second") - 2000) < 1e-6);
    assert_true(fabs(counter_of(report, "items_per_second") - 20) < 1e-6);
    assert_true(fabs(counter_of(report, "faults") - 12) < 1e-9);
}

static void a_manual_time_of_one_nanosecond_keeps_its_digits(void **state)
{
    (void)state;
    struct body body = {.seconds = {1e-9, 1e-9, 1e-9, 1e-9}};
    struct reports reports = {0};
    struct gbench_benchmark *benchmark = gbench_register("nano", manual_loop, &body);
    assert_int_equal(gbench_set_iterations(benchmark, 1), 0);
    assert_int_equal(gbench_use_manual_time(benchmark), 0);
    assert_int_equal(gbench_run(NULL, collect, &reports, NULL), 0);
    assert_true(fabs(reports.report[0].real_time_ns - 1) < 1e-6);
}

static void counters_by_flags(struct gbench_state *state, void *context)
{
    (void)context;
    while (gbench_keep_running(state))
        gbench_set_iteration_time(state, 0.5);
    gbench_set_counter(state, "average", 8, GBENCH_COUNTER_AVERAGE_ITERATIONS);
    gbench_set_counter(state, "inverted", 4, GBENCH_COUNTER_INVERT);
    gbench_set_counter(state, "invariant", 8, GBENCH_COUNTER_ITERATION_INVARIANT);
    gbench_set_counter(state, "plain", 8, GBENCH_COUNTER_PLAIN);
    gbench_set_counter(state, "rate", 8, GBENCH_COUNTER_RATE);
}

static void counter_flags_are_applied(void **state)
{
    (void)state;
    struct reports reports = {0};
    struct gbench_benchmark *benchmark = gbench_register("flags", counters_by_flags, NULL);
    assert_int_equal(gbench_set_iterations(benchmark, 4), 0);
    assert_int_equal(gbench_use_manual_time(benchmark), 0);
    assert_int_equal(gbench_run(NULL, collect, &reports, NULL), 0);
    const struct report *report = &reports.report[0];
    assert_int_equal(report->counter_count, 5);
    assert_string_equal(report->counter_names[0], "average");
    assert_true(fabs(counter_of(report, "average") - 2) < 1e-9);
    assert_true(fabs(counter_of(report, "inverted") - 0.25) < 1e-9);
    assert_true(fabs(counter_of(report, "invariant") - 32) < 1e-9);
    assert_true(fabs(counter_of(report, "plain") - 8) < 1e-9);
    assert_true(fabs(counter_of(report, "rate") - 4) < 1e-9);
}

static void see_arguments(struct gbench_state *state, void *context)
{
    struct body *body = context;
    body->calls++;
    body->argument_count = gbench_argument_count(state);
    body->arguments[0] += gbench_argument(state, 0);
    body->arguments[1] += gbench_argument(state, 1);
    body->arguments[2] += gbench_argument(state, 99);
    while (gbench_keep_running(state))
        ;
}

static void each_set_of_arguments_is_one_benchmark(void **state)
{
    (void)state;
    struct body body = {0};
    struct reports reports = {0};
    size_t count = 0;
    struct gbench_benchmark *benchmark = gbench_register("arguments", see_arguments, &body);
    assert_int_equal(gbench_add_arguments(benchmark, (int64_t[]){1, 10}, 2), 0);
    assert_int_equal(gbench_add_arguments(benchmark, (int64_t[]){2, 20}, 2), 0);
    assert_int_equal(gbench_add_arguments(benchmark, (int64_t[]){3}, 1), -EINVAL);
    assert_int_equal(gbench_set_iterations(benchmark, 1), 0);
    assert_int_equal(gbench_run(NULL, collect, &reports, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(body.calls, 2);
    assert_int_equal(body.argument_count, 2);
    assert_int_equal(body.arguments[0], 3);
    assert_int_equal(body.arguments[1], 30);
    assert_int_equal(body.arguments[2], 0);
    assert_string_equal(reports.report[1].name, "arguments/2/20/iterations:1");
}

static void repetitions_bring_their_aggregates(void **state)
{
    (void)state;
    struct body body = {.seconds = {0.5, 0.5, 0.5, 0.5}};
    struct reports reports = {0};
    struct gbench_benchmark *benchmark = gbench_register("repeated", manual_loop, &body);
    assert_int_equal(gbench_set_iterations(benchmark, 2), 0);
    assert_int_equal(gbench_set_repetitions(benchmark, 3), 0);
    assert_int_equal(gbench_use_manual_time(benchmark), 0);
    assert_int_equal(gbench_run(NULL, collect, &reports, NULL), 0);
    assert_int_equal(body.calls, 3);
    assert_int_equal(reports.count, 3 + 4);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(reports.report[i].repetition, i);
        assert_true(fabs(reports.report[i].real_time_ns - 1e9) < 1);
    }
    const struct report *mean = &reports.report[3];
    assert_true(mean->aggregate);
    assert_string_equal(mean->aggregate_name, "mean");
    assert_int_equal(mean->repetition, -1);
    assert_int_equal(mean->iterations, 3);
    assert_true(fabs(mean->real_time_ns - 0.5e9) < 1);
    assert_string_equal(reports.report[6].aggregate_name, "cv");
    assert_true(fabs(reports.report[6].real_time_ns) < 1e-6);
}

static void skip_before_the_loop(struct gbench_state *state, void *context)
{
    struct body *body = context;
    body->calls++;
    if (body->calls == body->fail_in_call) {
        gbench_skip_with_error(state, "no such file");
        return;
    }
    while (gbench_keep_running(state))
        body->rounds++;
}

static void an_error_is_delivered_with_its_message(void **state)
{
    (void)state;
    struct body body = {.fail_in_call = 1};
    struct reports reports = {0};
    struct gbench_benchmark *benchmark = gbench_register("failing", skip_before_the_loop, &body);
    assert_int_equal(gbench_set_iterations(benchmark, 2), 0);
    assert_int_equal(gbench_run(NULL, collect, &reports, NULL), 0);
    assert_int_equal(reports.count, 1);
    assert_true(reports.report[0].failed);
    assert_string_equal(reports.report[0].error, "no such file");
}

/* The library's aggregates abort when repetitions differ in their iterations. */
static void one_failed_repetition_leaves_the_others(void **state)
{
    (void)state;
    struct body body = {.fail_in_call = 2};
    struct reports reports = {0};
    struct gbench_benchmark *benchmark = gbench_register("mixed", skip_before_the_loop, &body);
    assert_int_equal(gbench_set_iterations(benchmark, 6), 0);
    assert_int_equal(gbench_set_repetitions(benchmark, 3), 0);
    assert_int_equal(gbench_run(NULL, collect, &reports, NULL), 0);
    assert_int_equal(body.rounds, 12);
    assert_true(reports.count >= 3);
    assert_false(reports.report[0].failed);
    assert_true(reports.report[1].failed);
    assert_false(reports.report[2].failed);
}

static void skip_inside_the_loop(struct gbench_state *state, void *context)
{
    struct body *body = context;
    while (gbench_keep_running(state)) {
        body->rounds++;
        gbench_skip_with_error(state, NULL);
    }
}

static void an_error_ends_the_loop(void **state)
{
    (void)state;
    struct body body = {0};
    struct reports reports = {0};
    struct gbench_benchmark *benchmark = gbench_register("inside", skip_inside_the_loop, &body);
    assert_int_equal(gbench_set_iterations(benchmark, 100), 0);
    assert_int_equal(gbench_run(NULL, collect, &reports, NULL), 0);
    assert_int_equal(body.rounds, 1);
    assert_true(reports.report[0].failed);
    assert_string_equal(reports.report[0].error, "no reason given");
}

static void leave_early(struct gbench_state *state, void *context)
{
    const struct body *body = context;
    int rounds = 0;
    while (gbench_keep_running(state)) {
        if (++rounds == body->rounds)
            return;
    }
}

static void never_loop(struct gbench_state *state, void *context)
{
    (void)state;
    (void)context;
}

/* Each of these would abort the library: out of the loop in the middle, in the last iteration with
 * the timer running, and before it. */
static void a_body_that_returns_early_is_an_error(void **state)
{
    (void)state;
    struct body middle = {.rounds = 2};
    struct body last = {.rounds = 4};
    struct reports reports = {0};
    assert_int_equal(gbench_set_iterations(gbench_register("middle", leave_early, &middle), 4), 0);
    assert_int_equal(gbench_set_iterations(gbench_register("last", leave_early, &last), 4), 0);
    assert_int_equal(gbench_set_iterations(gbench_register("never", never_loop, NULL), 4), 0);
    assert_int_equal(gbench_run(NULL, collect, &reports, NULL), 0);
    assert_int_equal(reports.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(reports.report[i].failed);
        assert_non_null(strstr(reports.report[i].error, "returned before"));
    }
}

static void ask_again(struct gbench_state *state, void *context)
{
    struct body *body = context;
    while (gbench_keep_running(state))
        body->rounds++;
    body->statuses[0] = gbench_keep_running(state);
    body->statuses[1] = gbench_keep_running(state);
}

static void asking_after_the_end_is_false(void **state)
{
    (void)state;
    struct body body = {.statuses = {9, 9}};
    struct reports reports = {0};
    assert_int_equal(gbench_set_iterations(gbench_register("again", ask_again, &body), 3), 0);
    assert_int_equal(gbench_run(NULL, collect, &reports, NULL), 0);
    assert_int_equal(body.rounds, 3);
    assert_int_equal(body.statuses[0], 0);
    assert_int_equal(body.statuses[1], 0);
    assert_false(reports.report[0].failed);
}

static void values_that_would_abort_are_refused(void **state)
{
    (void)state;
    struct gbench_benchmark *fixed = gbench_register("fixed", loop, NULL);
    struct gbench_benchmark *timed = gbench_register("timed", loop, NULL);
    assert_null(gbench_register(NULL, loop, NULL));
    assert_null(gbench_register("", loop, NULL));
    assert_null(gbench_register("no function", NULL, NULL));
    assert_int_equal(gbench_set_iterations(fixed, 0), -EINVAL);
    assert_int_equal(gbench_set_iterations(fixed, -1), -EINVAL);
    assert_int_equal(gbench_set_iterations(fixed, 1), 0);
    assert_int_equal(gbench_set_min_time(fixed, 1), -EINVAL);
    assert_int_equal(gbench_set_min_time(timed, 0), -EINVAL);
    assert_int_equal(gbench_set_min_time(timed, -1), -EINVAL);
    assert_int_equal(gbench_set_min_time(timed, NAN), -EINVAL);
    assert_int_equal(gbench_set_min_time(timed, INFINITY), -EINVAL);
    assert_int_equal(gbench_set_min_time(timed, 0.01), 0);
    assert_int_equal(gbench_set_iterations(timed, 1), -EINVAL);
    assert_int_equal(gbench_use_manual_time(fixed), 0);
    assert_int_equal(gbench_use_real_time(fixed), -EINVAL);
    assert_int_equal(gbench_use_real_time(timed), 0);
    assert_int_equal(gbench_use_manual_time(timed), -EINVAL);
    assert_int_equal(gbench_set_repetitions(fixed, 0), -EINVAL);
    assert_int_equal(gbench_set_threads(fixed, 0), -EINVAL);
    assert_int_equal(gbench_set_threads(fixed, GBENCH_THREADS_MAX + 1), -EINVAL);
    assert_int_equal(gbench_set_unit(fixed, (enum gbench_unit)17), -EINVAL);
    assert_int_equal(gbench_set_unit(fixed, GBENCH_SECOND), 0);
    assert_int_equal(gbench_add_arguments(fixed, NULL, 1), -EINVAL);
    assert_int_equal(gbench_add_arguments(fixed, (int64_t[]){1}, 0), -EINVAL);
    assert_int_equal(gbench_set_iterations(NULL, 1), -EINVAL);
    assert_int_equal(gbench_run(NULL, NULL, NULL, NULL), -EINVAL);
}

static void change_flags(struct gbench_state *state, void *context)
{
    struct body *body = context;
    while (gbench_keep_running(state))
        ;
    unsigned flags = body->calls == 0 ? GBENCH_COUNTER_PLAIN : GBENCH_COUNTER_RATE;
    body->statuses[body->calls] = gbench_set_counter(state, "changing", 1, flags);
    body->statuses[2] = gbench_set_counter(state, "", 1, 0);
    body->statuses[3] = gbench_set_counter(state, "unknown flag", 1, 1u << 20);
    body->calls++;
}

static void counters_that_would_abort_are_refused(void **state)
{
    (void)state;
    struct body body = {0};
    struct reports reports = {0};
    struct gbench_benchmark *benchmark = gbench_register("changing", change_flags, &body);
    assert_int_equal(gbench_set_iterations(benchmark, 1), 0);
    assert_int_equal(gbench_set_repetitions(benchmark, 2), 0);
    assert_int_equal(gbench_run(NULL, collect, &reports, NULL), 0);
    assert_int_equal(body.calls, 2);
    assert_int_equal(body.statuses[0], 0);
    assert_int_equal(body.statuses[1], -EINVAL);
    assert_int_equal(body.statuses[2], -EINVAL);
    assert_int_equal(body.statuses[3], -EINVAL);
}

static void the_filter_selects(void **state)
{
    (void)state;
    struct body body = {0};
    struct reports reports = {0};
    size_t count = 77;
    assert_int_equal(gbench_set_iterations(gbench_register("one", loop, &body), 1), 0);
    assert_int_equal(gbench_set_iterations(gbench_register("two", loop, &body), 1), 0);
    assert_int_equal(gbench_run("^two", collect, &reports, &count), 0);
    assert_int_equal(count, 1);
    assert_string_equal(reports.report[0].name, "two/iterations:1");
    assert_int_equal(gbench_run("neither", collect, &reports, &count), 0);
    assert_int_equal(count, 0);
    count = 77;
    assert_int_equal(gbench_run("(", collect, &reports, &count), -EINVAL);
    assert_int_equal(count, 77);
    assert_int_equal(reports.count, 1);
}

static void see_threads(struct gbench_state *state, void *context)
{
    int *seen = context;
    int index = gbench_thread_index(state);
    if (index >= 0 && index < 2 && gbench_thread_count(state) == 2)
        seen[index] = 1;
    while (gbench_keep_running(state))
        ;
    if (index == 1)
        gbench_set_counter(state, "from_one_thread", 5, GBENCH_COUNTER_PLAIN);
}

static void threads_run_the_body_each(void **state)
{
    (void)state;
    int seen[2] = {0};
    struct reports reports = {0};
    struct gbench_benchmark *benchmark = gbench_register("threads", see_threads, seen);
    assert_int_equal(gbench_set_threads(benchmark, 2), 0);
    assert_int_equal(gbench_set_iterations(benchmark, 10), 0);
    assert_int_equal(gbench_run(NULL, collect, &reports, NULL), 0);
    assert_int_equal(seen[0], 1);
    assert_int_equal(seen[1], 1);
    assert_int_equal(reports.report[0].threads, 2);
    assert_int_equal(reports.report[0].iterations, 20);
    assert_true(fabs(counter_of(&reports.report[0], "from_one_thread") - 5) < 1e-9);
}

/* A worker registers, runs and clears once for every sample. */
static void register_run_clear_works_again_and_again(void **state)
{
    (void)state;
    for (int sample = 1; sample <= 200; sample++) {
        struct body body = {.seconds = {0.001, 0.001, 0.001, 0.001}};
        struct reports reports = {0};
        struct gbench_benchmark *benchmark = gbench_register("sample", manual_loop, &body);
        assert_non_null(benchmark);
        assert_int_equal(gbench_set_iterations(benchmark, sample), 0);
        assert_int_equal(gbench_use_manual_time(benchmark), 0);
        assert_int_equal(gbench_run(NULL, collect, &reports, NULL), 0);
        gbench_clear();
        assert_int_equal(reports.count, 1);
        assert_int_equal(body.rounds, sample);
        assert_true(fabs(reports.report[0].real_time_ns - sample * 1e6) < 1);
    }
    size_t count = 77;
    struct reports reports = {0};
    assert_int_equal(gbench_run(NULL, collect, &reports, &count), 0);
    assert_int_equal(count, 0);
}

/* The library says on its streams that it is a debug build; a worker's streams are not its own. */
static void nothing_is_printed(void **state)
{
    (void)state;
    char path[] = "/var/tmp/gbench-output-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    unlink(path);
    struct body body = {0};
    struct reports reports = {0};
    assert_int_equal(gbench_set_iterations(gbench_register("quiet", loop, &body), 1), 0);
    fflush(NULL);
    int kept_output = dup(STDOUT_FILENO);
    int kept_errors = dup(STDERR_FILENO);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    int status = gbench_run(NULL, collect, &reports, NULL);
    int bad_status = gbench_run("(", collect, &reports, NULL);
    int none_status = gbench_run("nothing", collect, &reports, NULL);
    fflush(NULL);
    dup2(kept_output, STDOUT_FILENO);
    dup2(kept_errors, STDERR_FILENO);
    close(kept_output);
    close(kept_errors);
    off_t printed = lseek(file, 0, SEEK_END);
    close(file);
    assert_int_equal(status, 0);
    assert_int_equal(bad_status, -EINVAL);
    assert_int_equal(none_status, 0);
    assert_int_equal(printed, 0);
}

static void a_minimum_time_grows_the_iterations(void **state)
{
    (void)state;
    struct body body = {.seconds = {0.001, 0.001, 0.001, 0.001}};
    struct reports reports = {0};
    struct gbench_benchmark *benchmark = gbench_register("growing", manual_loop, &body);
    assert_int_equal(gbench_set_min_time(benchmark, 0.05), 0);
    assert_int_equal(gbench_use_manual_time(benchmark), 0);
    assert_int_equal(gbench_run(NULL, collect, &reports, NULL), 0);
    assert_int_equal(reports.count, 1);
    assert_true(body.calls > 1);
    assert_true(reports.report[0].iterations >= 50);
}

static void the_version_is_told(void **state)
{
    (void)state;
    int major = 0;
    int minor = 0;
    assert_int_equal(sscanf(gbench_library_version(), "%d.%d", &major, &minor), 2);
    assert_true(major > 1 || minor >= 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(fixed_iterations_run_the_body_once, tear_down),
        cmocka_unit_test_teardown(manual_time_is_delivered_as_the_total, tear_down),
        cmocka_unit_test_teardown(a_manual_time_of_one_nanosecond_keeps_its_digits, tear_down),
        cmocka_unit_test_teardown(counter_flags_are_applied, tear_down),
        cmocka_unit_test_teardown(each_set_of_arguments_is_one_benchmark, tear_down),
        cmocka_unit_test_teardown(repetitions_bring_their_aggregates, tear_down),
        cmocka_unit_test_teardown(an_error_is_delivered_with_its_message, tear_down),
        cmocka_unit_test_teardown(one_failed_repetition_leaves_the_others, tear_down),
        cmocka_unit_test_teardown(an_error_ends_the_loop, tear_down),
        cmocka_unit_test_teardown(a_body_that_returns_early_is_an_error, tear_down),
        cmocka_unit_test_teardown(asking_after_the_end_is_false, tear_down),
        cmocka_unit_test_teardown(values_that_would_abort_are_refused, tear_down),
        cmocka_unit_test_teardown(counters_that_would_abort_are_refused, tear_down),
        cmocka_unit_test_teardown(the_filter_selects, tear_down),
        cmocka_unit_test_teardown(threads_run_the_body_each, tear_down),
        cmocka_unit_test_teardown(register_run_clear_works_again_and_again, tear_down),
        cmocka_unit_test_teardown(nothing_is_printed, tear_down),
        cmocka_unit_test_teardown(a_minimum_time_grows_the_iterations, tear_down),
        cmocka_unit_test_teardown(the_version_is_told, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
