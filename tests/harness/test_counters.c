/* Counters: what they count, what they say when they cannot, and what they fall back to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/clock.h"
#include "harness/counters.h"
#include "tests/harness/refuse.h"

#define PAGES 512

static size_t index_of(const struct mm_counters *counters, const char *name)
{
    for (size_t i = 0; i < mm_counters_count(counters); i++) {
        if (strcmp(mm_counters_name(counters, i), name) == 0)
            return i;
    }
    return SIZE_MAX;
}

/* Writes to pages that were never touched: at least one minor fault each. */
static void touch_new_pages(void)
{
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    size_t length = PAGES * page_bytes;
    unsigned char *memory =
        mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        abort();
    madvise(memory, length, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < PAGES; i++)
        memory[i * page_bytes] = 1;
    munmap(memory, length);
}

/* What a piece of work costs by all counters. */
static void measure(struct mm_counters *counters, void (*work)(void),
                    struct mm_counters_total *total)
{
    struct mm_counters_reading before;
    struct mm_counters_reading after;
    memset(total, 0, sizeof(*total));
    mm_counters_read(counters, &before);
    work();
    mm_counters_read(counters, &after);
    mm_counters_add_difference(&before, &after, mm_counters_count(counters), total);
}

static void burn(void)
{
    uint64_t end_ns = mm_clock_ns() + 2000000;
    while (mm_clock_ns() < end_ns)
        ;
}

static void the_standard_set_is_always_there(void **state)
{
    (void)state;
    static const char *const names[] = {"minor_faults",
                                        "major_faults",
                                        "context_switches",
                                        "task_clock_ns",
                                        "rusage_minor_faults",
                                        "rusage_major_faults",
                                        "rusage_voluntary_switches",
                                        "rusage_involuntary_switches",
                                        "storage_read_bytes",
                                        "storage_written_bytes",
                                        "dtlb_load_misses"};
    struct mm_counters *counters = NULL;
    assert_int_equal(mm_counters_open(NULL, 0, &counters, NULL), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_not_equal(index_of(counters, names[i]), SIZE_MAX);
    mm_counters_close(counters);
}

static void a_counter_works_or_says_why(void **state)
{
    (void)state;
    struct mm_counters *counters = NULL;
    struct mm_counters_total total;
    assert_int_equal(mm_counters_open(NULL, 0, &counters, NULL), 0);
    measure(counters, burn, &total);
    json_t *json = mm_counters_total_to_json(counters, &total);
    json_t *quality = mm_counters_quality_to_json(counters);
    assert_non_null(json);
    assert_non_null(quality);
    assert_int_equal(json_object_size(json), mm_counters_count(counters));
    for (size_t i = 0; i < mm_counters_count(counters); i++) {
        const char *why = mm_counters_why_unavailable(counters, i);
        json_t *metric = json_object_get(json, mm_counters_name(counters, i));
        json_t *source = json_object_get(quality, mm_counters_name(counters, i));
        if (why) {
            assert_true(strlen(why) > 0);
            assert_string_equal(json_string_value(json_object_get(metric, "unavailable")), why);
            assert_null(source);
        } else {
            assert_true(json_is_integer(metric));
            assert_non_null(json_object_get(source, "source"));
        }
    }
    json_decref(json);
    json_decref(quality);
    mm_counters_close(counters);
}

static void touched_pages_are_counted(void **state)
{
    (void)state;
    struct mm_counters *counters = NULL;
    struct mm_counters_total total;
    assert_int_equal(mm_counters_open(NULL, 0, &counters, NULL), 0);
    measure(counters, touch_new_pages, &total);
    assert_true(total.value[index_of(counters, "minor_faults")] >= PAGES);
    assert_true(total.value[index_of(counters, "rusage_minor_faults")] >= PAGES);
    mm_counters_close(counters);
}

static void processor_time_is_counted_in_nanoseconds(void **state)
{
    (void)state;
    struct mm_counters *counters = NULL;
    struct mm_counters_total total;
    assert_int_equal(mm_counters_open(NULL, 0, &counters, NULL), 0);
    measure(counters, burn, &total);
    /* Another process may take the CPU for a part of the loop, never for less than nothing. */
    double task_clock_ns = total.value[index_of(counters, "task_clock_ns")];
    assert_true(task_clock_ns > 1000 && task_clock_ns < 1e12);
    mm_counters_close(counters);
}

static void touch_in_a_child(void)
{
    pid_t child = fork();
    if (child == 0) {
        touch_new_pages();
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

static void children_are_counted_by_perf(void **state)
{
    (void)state;
    struct mm_counters *counters = NULL;
    struct mm_counters_total total;
    assert_int_equal(mm_counters_open(NULL, 0, &counters, NULL), 0);
    size_t perf = index_of(counters, "minor_faults");
    json_t *quality = mm_counters_quality_to_json(counters);
    const char *source =
        json_string_value(json_object_get(json_object_get(quality, "minor_faults"), "source"));
    bool have_perf = strcmp(source, "perf") == 0;
    json_decref(quality);
    if (!have_perf) {
        mm_counters_close(counters);
        skip();
    }
    measure(counters, touch_in_a_child, &total);
    assert_true(total.value[perf] >= PAGES);
    mm_counters_close(counters);
}

static void further_events_are_called_by_their_names(void **state)
{
    (void)state;
    const char *const events[] = {"PAGE-FAULTS", "CYCLES", "NO-SUCH-EVENT", "MINOR-FAULTS"};
    struct mm_counters *counters = NULL;
    assert_int_equal(mm_counters_open(events, 4, &counters, NULL), 0);
    assert_int_not_equal(index_of(counters, "page_faults"), SIZE_MAX);
    assert_int_not_equal(index_of(counters, "cycles"), SIZE_MAX);
    size_t unknown = index_of(counters, "no_such_event");
    assert_int_not_equal(unknown, SIZE_MAX);
    assert_non_null(strstr(mm_counters_why_unavailable(counters, unknown), "NO-SUCH-EVENT"));
    /* MINOR-FAULTS is in the standard set: eleven and three. */
    assert_int_equal(mm_counters_count(counters), 14);
    mm_counters_close(counters);
}

static void a_tracepoint_or_a_raw_event_counts_or_says_why(void **state)
{
    (void)state;
    static const char *const events[] = {"exceptions:page_fault_user", "r1a8",
                                         "no_such:tracepoint"};
    struct mm_counters *counters = NULL;
    struct mm_counters *alike = NULL;
    struct mm_counters_total total;
    assert_int_equal(mm_counters_open(events, 3, &counters, NULL), 0);
    size_t tracepoint = index_of(counters, "exceptions_page_fault_user");
    size_t raw = index_of(counters, "r1a8");
    size_t missing = index_of(counters, "no_such_tracepoint");
    assert_true(tracepoint != SIZE_MAX && raw != SIZE_MAX && missing != SIZE_MAX);
    measure(counters, touch_new_pages, &total);
    const char *why = mm_counters_why_unavailable(counters, tracepoint);
    if (why)
        assert_non_null(strstr(why, "remedy: "));
    else
        assert_true(total.value[tracepoint] >= PAGES);
    why = mm_counters_why_unavailable(counters, raw);
    assert_true(!why || why[0]);
    assert_non_null(strstr(mm_counters_why_unavailable(counters, missing), "no_such:tracepoint"));
    /* What a forked process opens has the same names in the same order. */
    assert_int_equal(mm_counters_open_alike(counters, &alike, NULL), 0);
    assert_int_equal(mm_counters_count(alike), mm_counters_count(counters));
    for (size_t i = 0; i < mm_counters_count(alike); i++)
        assert_string_equal(mm_counters_name(alike, i), mm_counters_name(counters, i));
    mm_counters_close(alike);
    mm_counters_close(counters);
}

static void counters_that_are_off_say_so_and_count_nothing(void **state)
{
    (void)state;
    struct mm_counters *standard = NULL;
    struct mm_counters *off = NULL;
    struct mm_counters *alike = NULL;
    struct mm_counters_total total;
    assert_int_equal(mm_counters_open(NULL, 0, &standard, NULL), 0);
    assert_int_equal(mm_counters_open_off(&off, NULL), 0);
    assert_int_equal(mm_counters_open_alike(off, &alike, NULL), 0);
    assert_int_equal(mm_counters_count(off), mm_counters_count(standard));
    assert_int_equal(mm_counters_count(alike), mm_counters_count(standard));
    measure(alike, touch_new_pages, &total);
    for (size_t i = 0; i < mm_counters_count(alike); i++) {
        assert_string_equal(mm_counters_name(alike, i), mm_counters_name(standard, i));
        assert_non_null(strstr(mm_counters_why_unavailable(alike, i), "off"));
        assert_false(total.valid[i]);
    }
    json_t *quality = mm_counters_quality_to_json(alike);
    assert_int_equal(json_object_size(quality), 0);
    json_decref(quality);
    mm_counters_close(alike);
    mm_counters_close(off);
    mm_counters_close(standard);
}

static void too_many_events_are_refused(void **state)
{
    (void)state;
    const char *events[MM_COUNTERS_MAX];
    for (size_t i = 0; i < MM_COUNTERS_MAX; i++)
        events[i] = "PAGE-FAULTS";
    struct mm_counters *counters = NULL;
    struct mm_error error = {0};
    assert_int_equal(mm_counters_open(events, MM_COUNTERS_MAX, &counters, &error), -E2BIG);
    assert_null(counters);
    assert_int_equal(error.code, -E2BIG);
}

static void a_difference_is_scaled_by_the_time_the_event_ran(void **state)
{
    (void)state;
    struct mm_counters_reading before = {0};
    struct mm_counters_reading after = {0};
    struct mm_counters_total total = {0};
    before.valid[0] = after.valid[0] = true;
    before.value[0] = 100;
    after.value[0] = 150;
    before.enabled_ns[0] = 1000;
    after.enabled_ns[0] = 5000;
    before.running_ns[0] = 500;
    after.running_ns[0] = 1500;
    mm_counters_add_difference(&before, &after, 1, &total);
    assert_true(total.valid[0]);
    assert_true(fabs(total.value[0] - 200) < 1e-9);
    mm_counters_add_difference(&before, &after, 1, &total);
    assert_true(fabs(total.value[0] - 400) < 1e-9);
}

static void an_event_that_never_ran_is_not_zero(void **state)
{
    (void)state;
    struct mm_counters_reading before = {0};
    struct mm_counters_reading after = {0};
    struct mm_counters_total total = {0};
    before.valid[0] = after.valid[0] = true;
    after.enabled_ns[0] = 5000;
    mm_counters_add_difference(&before, &after, 1, &total);
    assert_false(total.valid[0]);
    after.running_ns[0] = 5000;
    mm_counters_add_difference(&before, &after, 1, &total);
    assert_false(total.valid[0]);
}

struct refusal {
    unsigned errno_value;
    const char *reason;
};

#define CHECK(condition)                                                    \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            return 1;                                                       \
        }                                                                   \
    } while (0)

/* Where perf_event_open is refused the faults come from getrusage, and everything says so. */
static int count_without_perf(void *context)
{
    const struct refusal *refusal = context;
    if (refuse_call(SYS_perf_event_open, refusal->errno_value))
        return 77;
    struct mm_counters *counters = NULL;
    struct mm_counters_total total;
    CHECK(mm_counters_open(NULL, 0, &counters, NULL) == 0);
    measure(counters, touch_new_pages, &total);
    size_t minor = index_of(counters, "minor_faults");
    CHECK(mm_counters_why_unavailable(counters, minor) == NULL);
    CHECK(total.valid[minor] && total.value[minor] >= PAGES);
    CHECK(total.valid[index_of(counters, "task_clock_ns")]);
    CHECK(total.value[index_of(counters, "task_clock_ns")] > 0);
    size_t dtlb = index_of(counters, "dtlb_load_misses");
    CHECK(mm_counters_why_unavailable(counters, dtlb) != NULL);
    CHECK(strstr(mm_counters_why_unavailable(counters, dtlb), refusal->reason) != NULL);
    json_t *quality = mm_counters_quality_to_json(counters);
    json_t *faults = json_object_get(quality, "minor_faults");
    CHECK(strcmp(json_string_value(json_object_get(faults, "source")), "getrusage") == 0);
    const char *why = json_string_value(json_object_get(faults, "why_not_perf"));
    CHECK(why && strstr(why, refusal->reason));
    char line[256];
    CHECK(!mm_counters_probe(line, sizeof(line)));
    CHECK(strstr(line, "getrusage") && strstr(line, refusal->reason));
    json_decref(quality);
    mm_counters_close(counters);
    return 0;
}

static void run_refused(unsigned errno_value, const char *reason)
{
    struct refusal refusal = {errno_value, reason};
    int code = exit_code_of_child(count_without_perf, &refusal);
    if (code == 77)
        skip();
    assert_int_equal(code, 0);
}

static void a_missing_call_falls_back_to_getrusage(void **state)
{
    (void)state;
    run_refused(ENOSYS, "not in this kernel or blocked");
}

static void a_refused_call_falls_back_to_getrusage(void **state)
{
    (void)state;
    run_refused(EPERM, "CAP_PERFMON");
    run_refused(EACCES, "CAP_PERFMON");
}

/* As a virtual machine without a PMU answers. */
static int open_missing_hardware(void *context)
{
    (void)context;
    if (refuse_call(SYS_perf_event_open, ENOENT))
        return 77;
    struct mm_counters *counters = NULL;
    CHECK(mm_counters_open(NULL, 0, &counters, NULL) == 0);
    const char *why = mm_counters_why_unavailable(counters, index_of(counters, "dtlb_load_misses"));
    CHECK(why && strstr(why, "PMU"));
    mm_counters_close(counters);
    return 0;
}

static void hardware_that_is_missing_is_named(void **state)
{
    (void)state;
    int code = exit_code_of_child(open_missing_hardware, NULL);
    if (code == 77)
        skip();
    assert_int_equal(code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_standard_set_is_always_there),
        cmocka_unit_test(a_counter_works_or_says_why),
        cmocka_unit_test(touched_pages_are_counted),
        cmocka_unit_test(processor_time_is_counted_in_nanoseconds),
        cmocka_unit_test(children_are_counted_by_perf),
        cmocka_unit_test(further_events_are_called_by_their_names),
        cmocka_unit_test(a_tracepoint_or_a_raw_event_counts_or_says_why),
        cmocka_unit_test(counters_that_are_off_say_so_and_count_nothing),
        cmocka_unit_test(too_many_events_are_refused),
        cmocka_unit_test(a_difference_is_scaled_by_the_time_the_event_ran),
        cmocka_unit_test(an_event_that_never_ran_is_not_zero),
        cmocka_unit_test(a_missing_call_falls_back_to_getrusage),
        cmocka_unit_test(a_refused_call_falls_back_to_getrusage),
        cmocka_unit_test(hardware_that_is_missing_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
