/* Single operations: when they are to start, what they count from, and that only launches that
 * measure latency read the clock for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"
#include "harness/clock.h"
#include "harness/counters.h"
#include "harness/data_cache.h"
#include "harness/data_file.h"
#include "harness/latency.h"
#include "harness/plan.h"
#include "harness/worker_process.h"
#include "tests/harness/data_folder.h"
#include "tests/support/folder.h"

#define SECOND_NS  UINT64_C(1000000000)
#define MSECOND_NS UINT64_C(1000000)

static uint64_t clock_readings;

/* In the place of libc's: every reading of the program goes through here and is counted. Its header
 * has reserved names for the parameters. */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    clock_readings++;
    return (int)syscall(SYS_clock_gettime, clock, now);
}

static void sleep_ns(uint64_t duration_ns)
{
    const struct timespec duration = {.tv_sec = (time_t)(duration_ns / SECOND_NS),
                                      .tv_nsec = (long)(duration_ns % SECOND_NS)};
    assert_int_equal(clock_nanosleep(CLOCK_MONOTONIC, 0, &duration, NULL), 0);
}

static void moments_never_drift(void **state)
{
    (void)state;
    assert_int_equal(mm_latency_moment_ns(1, 0), 0);
    assert_int_equal(mm_latency_moment_ns(3, 1), 333333333);
    assert_int_equal(mm_latency_moment_ns(3, 2), 666666666);
    assert_int_equal(mm_latency_moment_ns(3, 3000000), 1000000 * SECOND_NS);
    assert_int_equal(mm_latency_moment_ns(7, 7 * UINT64_C(1000000000) + 1),
                     UINT64_C(1000000000) * SECOND_NS + 142857142);
    assert_int_equal(mm_latency_moment_ns(MM_LATENCY_RATE_LIMIT, UINT64_C(1) << 32),
                     (UINT64_C(1) << 32) * 10);
}

static struct mm_latency_result *new_result(void)
{
    struct mm_latency_result *result = malloc(sizeof(*result));
    assert_non_null(result);
    mm_latency_reset(result);
    return result;
}

/* Operations that do nothing but the first, which stalls; count is how many begin. */
static void run_stalled(uint64_t rate, uint64_t count, uint64_t stall_ns,
                        struct mm_latency_result *result)
{
    struct mm_latency_clock clock = {.rate = rate, .peers = 1, .result = result};
    mm_latency_start_pass(&clock, mm_clock_ns());
    for (uint64_t i = 0; i < count; i++) {
        mm_latency_begin(&clock);
        if (i == 0)
            sleep_ns(stall_ns);
        mm_latency_mark(&clock, MM_LATENCY_TOUCH);
    }
    mm_latency_end_pass(&clock);
}

/* How many values are above limit_ns for certain: their bucket begins there or higher. */
static uint64_t count_from(const struct mm_histogram *histogram, uint64_t limit_ns)
{
    json_t *json = mm_histogram_to_json(histogram, "ns");
    uint64_t count = 0;
    size_t index;
    const json_t *bucket;
    json_array_foreach(json_object_get(json, "buckets"), index, bucket)
    {
        if ((uint64_t)json_integer_value(json_array_get(bucket, 0)) >= limit_ns)
            count += (uint64_t)json_integer_value(json_array_get(bucket, 1));
    }
    json_decref(json);
    return count;
}

/* The moments of 100 ms at 1,000 a second have passed when the stall ends: whatever the machine
 * does meanwhile, they have waited for what is left of it. */
static void an_open_loop_counts_from_the_moment_and_skips_none(void **state)
{
    (void)state;
    struct mm_latency_result *result = new_result();
    const struct mm_histogram *touch = &result->histograms[MM_LATENCY_TOUCH];
    run_stalled(1000, 300, 100 * MSECOND_NS, result);
    assert_int_equal(result->operations, 300);
    assert_int_equal(touch->count, 300);
    assert_true(touch->maximum >= 100 * MSECOND_NS);
    assert_true(count_from(touch, 50 * MSECOND_NS) >= 49);
    /* Operation i of the first hundred counts at least 100 - i ms. */
    assert_true(touch->sum >= 100 * 101 / 2 * MSECOND_NS);
    assert_true(result->late >= 99);
    assert_true(result->queued >= 99);
    assert_true(result->queued <= result->late);
    assert_true(result->most_late_ns >= 99 * MSECOND_NS);
    assert_true(result->elapsed_ns >= 300 * MSECOND_NS);
    free(result);
}

static void a_closed_loop_shows_the_stall_once(void **state)
{
    (void)state;
    struct mm_latency_result *result = new_result();
    const struct mm_histogram *touch = &result->histograms[MM_LATENCY_TOUCH];
    run_stalled(0, 300, 100 * MSECOND_NS, result);
    assert_int_equal(touch->count, 300);
    assert_true(touch->maximum >= 100 * MSECOND_NS);
    uint64_t slow = count_from(touch, 50 * MSECOND_NS);
    assert_in_range(slow, 1, 10); /* the others would need a machine that stands still */
    assert_int_equal(result->late, 0);
    free(result);
}

/* The rate is that of all processes: each takes every third moment from its own on. */
static void peers_take_turns(void **state)
{
    (void)state;
    struct mm_latency_result *result = new_result();
    struct mm_latency_clock clock = {.rate = 300, .peer = 2, .peers = 3, .result = result};
    uint64_t started_ns = mm_clock_ns();
    mm_latency_start_pass(&clock, started_ns);
    for (uint64_t i = 0; i < 5; i++) {
        mm_latency_begin(&clock);
        uint64_t moment_ns = started_ns + mm_latency_moment_ns(300, 3 * i + 2);
        assert_true(mm_clock_ns() >= moment_ns);
        assert_int_equal(clock.started_ns, moment_ns);
        mm_latency_mark(&clock, MM_LATENCY_TOUCH);
    }
    mm_latency_end_pass(&clock);
    assert_true(result->elapsed_ns >= 5 * 3 * SECOND_NS / 300);
    free(result);
}

/* A case of the plan, with what a worker needs to run it. */
struct fixture {
    char folder[DATA_FOLDER_BYTES];
    struct mm_plan *plan;
    struct mm_counters *counters;
    struct mm_worker_result *result;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    if (fixture == NULL || !data_folder_make(fixture->folder))
        return -1;
    *state = fixture;
    return 0;
}

static void let_go(struct fixture *fixture)
{
    mm_counters_close(fixture->counters);
    free(fixture->result);
    mm_plan_free(fixture->plan);
    fixture->plan = NULL;
    fixture->counters = NULL;
    fixture->result = NULL;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    let_go(fixture);
    int left = mm_test_remove_folder(fixture->folder);
    free(fixture);
    return left;
}

/* One warm case on bare maps over 1 MiB. */
static struct mm_plan_case *plan_case(struct fixture *fixture, const char *workload,
                                      const char *parameter, const char *measure, const char *rate)
{
    const char *engine = "mmap";
    const char *cache = "warm";
    const struct mm_plan_request request = {
        .workloads = &workload,
        .workload_count = 1,
        .engines = &engine,
        .engine_count = 1,
        .caches = &cache,
        .cache_count = 1,
        .parameters = &parameter,
        .parameter_count = 1,
        .measures = &measure,
        .measure_count = 1,
        .rates = &rate,
        .rate_count = rate != NULL,
        .data_folder = fixture->folder,
        .size = "1MiB",
        .launches = 1,
    };
    struct mm_error error = {0};
    int held = -1;
    if (mm_plan_make(&request, &fixture->plan, &error) < 0 ||
        mm_data_file_ensure(&fixture->plan->files[0], 0, &held, &error) < 0 ||
        mm_counters_open(NULL, 0, &fixture->counters, &error) < 0)
        fail_msg("%s", error.text);
    mm_data_cache_let_go(held, fixture->plan->files[0].path);
    fixture->result = malloc(sizeof(*fixture->result));
    assert_non_null(fixture->result);
    assert_null(fixture->plan->cases[0].skip_reason);
    return &fixture->plan->cases[0];
}

/* Runs passes of the case without peers; readings of the clock in the passes alone. */
static uint64_t run_passes(struct fixture *fixture, const struct mm_plan_case *one, uint32_t passes)
{
    struct mm_worker_process process;
    void *shared = calloc(1, one->needs.shared_bytes + 1);
    assert_non_null(shared);
    assert_int_equal(mm_worker_process_init(&process, one, &fixture->plan->files[0],
                                            fixture->counters, 1, 0, shared, fixture->result),
                     0);
    assert_int_equal(mm_worker_process_do(&process, MM_WORKER_PREPARE), 0);
    assert_int_equal(mm_worker_process_do(&process, MM_WORKER_OPEN), 0);
    assert_int_equal(mm_worker_process_do(&process, MM_WORKER_WARM_UP), 0);
    assert_int_equal(mm_worker_process_do(&process, MM_WORKER_BEGIN), 0);
    uint64_t before = clock_readings;
    for (uint32_t i = 0; i < passes; i++)
        assert_int_equal(mm_worker_process_do(&process, MM_WORKER_PASS), 0);
    uint64_t readings = clock_readings - before;
    assert_int_equal(mm_worker_process_do(&process, MM_WORKER_CLOSE), 0);
    mm_worker_process_release(&process);
    free(shared);
    return readings;
}

static uint64_t readings_of(struct fixture *fixture, const char *workload, const char *parameter,
                            const char *measure)
{
    const struct mm_plan_case *one = plan_case(fixture, workload, parameter, measure, NULL);
    uint64_t readings = run_passes(fixture, one, 1);
    if (!one->measures_latency) {
        assert_int_equal(fixture->result->latency.operations, 0);
        assert_int_equal(fixture->result->latency.histograms[MM_LATENCY_TOUCH].count, 0);
    }
    let_go(fixture);
    return readings;
}

/* Few operations and many: the second of each pair has a hundred times as many as the first. */
static const struct {
    const char *workload;
    const char *few;
    const char *many;
    uint64_t few_operations;
    uint64_t many_operations;
} pairs[] = {
    {"random", "operations=10", "operations=1000", 10, 1000},
    {"sequential", "block=128KiB", "block=1KiB", 8, 1024},
    {"chunked", "chunk=128KiB", "chunk=1KiB", 8, 1024},
    {"strided", "batch=64", "batch=1", 2, 128},
};

static void throughput_reads_the_clock_no_oftener_for_more_operations(void **state)
{
    for (size_t i = 0; i < MM_COUNT_OF(pairs); i++) {
        uint64_t few = readings_of(*state, pairs[i].workload, pairs[i].few, "throughput");
        uint64_t many = readings_of(*state, pairs[i].workload, pairs[i].many, "throughput");
        assert_true(few > 0);
        assert_int_equal(many, few);
    }
}

static void latency_reads_the_clock_twice_an_operation(void **state)
{
    for (size_t i = 0; i < MM_COUNT_OF(pairs); i++) {
        uint64_t none = readings_of(*state, pairs[i].workload, pairs[i].few, "throughput");
        uint64_t few = readings_of(*state, pairs[i].workload, pairs[i].few, "latency");
        uint64_t many = readings_of(*state, pairs[i].workload, pairs[i].many, "latency");
        assert_int_equal(few, none + 2 * pairs[i].few_operations);
        assert_int_equal(many, none + 2 * pairs[i].many_operations);
    }
}

static void passes_add_up_and_the_warm_up_is_forgotten(void **state)
{
    struct fixture *fixture = *state;
    const struct mm_plan_case *one =
        plan_case(fixture, "random", "operations=40", "latency", "20000");
    run_passes(fixture, one, 3);
    const struct mm_latency_result *latency = &fixture->result->latency;
    assert_int_equal(latency->operations, 3 * 40);
    assert_int_equal(latency->histograms[MM_LATENCY_TOUCH].count, 3 * 40);
    assert_true(latency->elapsed_ns >= 3 * 40 * (SECOND_NS / 20000));
}

#define FLUSH_NS UINT64_C(100000000)

static int flush_slowly(struct mm_engine_file *file, const struct mm_region *region,
                        enum mm_flush_level level, struct mm_error *error)
{
    (void)file;
    (void)region;
    (void)level;
    (void)error;
    sleep_ns(FLUSH_NS);
    return 0;
}

/*
 * The sleep is the truth: no flush can be shorter, and the quickest of ten is longer by no more
 * than a wake-up. A bucket is 1/128 wide and its quantile the highest value in it.
 */
static void a_known_sleep_in_the_flush_path_is_read_back_within_one_percent(void **state)
{
    struct fixture *fixture = *state;
    struct mm_plan_case *one = plan_case(fixture, "chunked", "flush-every=0", "throughput", NULL);
    struct mm_engine slow = *one->engine;
    slow.flush = flush_slowly;
    one->engine = &slow;
    run_passes(fixture, one, 10);
    const struct mm_histogram *flush = &fixture->result->latency.histograms[MM_LATENCY_FLUSH];
    assert_int_equal(flush->count, 10);
    assert_in_range(flush->minimum, FLUSH_NS, FLUSH_NS + FLUSH_NS / 100);
    assert_true(mm_histogram_quantile(flush, 0.5) >= FLUSH_NS);
    assert_true(mm_histogram_quantile(flush, 0.01) <= (FLUSH_NS + FLUSH_NS / 50));
    /* The phase holds them all, and what a busy machine puts between. */
    uint64_t phase_ns = fixture->result->phases[MM_PHASE_FLUSH].elapsed_ns;
    assert_in_range(phase_ns, flush->sum, 2 * flush->sum);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_never_drift),
        cmocka_unit_test(an_open_loop_counts_from_the_moment_and_skips_none),
        cmocka_unit_test(a_closed_loop_shows_the_stall_once),
        cmocka_unit_test(peers_take_turns),
        WITH_FOLDER(throughput_reads_the_clock_no_oftener_for_more_operations),
        WITH_FOLDER(latency_reads_the_clock_twice_an_operation),
        WITH_FOLDER(passes_add_up_and_the_warm_up_is_forgotten),
        WITH_FOLDER(a_known_sleep_in_the_flush_path_is_read_back_within_one_percent),
    };
    char folder[DATA_FOLDER_BYTES];

    if (!data_folder_make(folder)) {
        puts("SKIP: no folder on a disk to be had; set TMPDIR to one");
        return 77;
    }
    rmdir(folder);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
