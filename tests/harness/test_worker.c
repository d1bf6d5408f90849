/* The worker measures what it is asked to measure, proves it, and says why where it does not. */
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
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/text.h"
#include "harness/data_cache.h"
#include "harness/data_file.h"
#include "harness/memory_limit.h"
#include "harness/plan.h"
#include "harness/protocol.h"
#include "harness/worker.h"
#include "tests/harness/data_folder.h"
#include "tests/harness/refuse.h"
#include "tests/support/folder.h"

#define CACHESTAT_CALL 451
#define FILE_BYTES     ((size_t)4 << 20)

struct fixture {
    char folder[DATA_FOLDER_BYTES];
    struct mm_plan *plan;
    json_t *cases;
    json_t *files;
    pid_t worker;
    struct mm_protocol_channel *channel;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    if (fixture == NULL || !data_folder_make(fixture->folder)) {
        free(fixture);
        return -1;
    }
    *state = fixture;
    return 0;
}

/* Ends the worker and forgets plan and file. */
static void let_go(struct fixture *fixture)
{
    mm_protocol_channel_close(fixture->channel);
    fixture->channel = NULL;
    if (fixture->worker > 0) {
        waitpid(fixture->worker, NULL, 0);
    }
    fixture->worker = 0;
    for (size_t i = 0; fixture->plan != NULL && i < fixture->plan->file_count; i++) {
        unlink(fixture->plan->files[i].path);
    }
    json_decref(fixture->cases);
    json_decref(fixture->files);
    mm_plan_free(fixture->plan);
    fixture->cases = NULL;
    fixture->files = NULL;
    fixture->plan = NULL;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    let_go(fixture);
    int left = mm_test_remove_folder(fixture->folder);
    free(fixture);
    return left;
}

/* A plan of the first case that these select, over data of that size; false when it is skipped. */
static bool plan_of_size(struct fixture *fixture, const char *workload, const char *engine,
                         const char *cache, const char *parameter, const char *size)
{
    const struct mm_plan_request request = {
        .workloads = &workload,
        .workload_count = 1,
        .engines = &engine,
        .engine_count = 1,
        .caches = &cache,
        .cache_count = 1,
        .parameters = &parameter,
        .parameter_count = 1,
        .data_folder = fixture->folder,
        .size = size,
        .launches = 1,
    };
    struct mm_error error = {0};

    if (mm_plan_make(&request, &fixture->plan, &error) < 0) {
        fail_msg("%s", error.text);
    }
    if (fixture->plan->cases[0].skip_reason != NULL) {
        printf("SKIP: %s\n", fixture->plan->cases[0].skip_reason);
        return false;
    }
    fixture->cases = mm_plan_cases_to_json(fixture->plan);
    fixture->files = mm_plan_files_to_json(fixture->plan);
    int held = -1;
    if (mm_data_file_ensure(&fixture->plan->files[0], 0, &held, &error) < 0) {
        fail_msg("%s", error.text);
    }
    mm_data_cache_let_go(held, fixture->plan->files[0].path);
    return true;
}

/* A plan of one case over 4 MiB. */
static void plan(struct fixture *fixture, const char *workload, const char *engine,
                 const char *cache, const char *parameter)
{
    assert_true(plan_of_size(fixture, workload, engine, cache, parameter, "4MiB"));
    assert_int_equal(fixture->plan->case_count, 1);
}

/* The kernel no longer tells what is in the page cache: as before cachestat(2), and of files that
 * are not one's own. */
static int go_blind(void *context)
{
    (void)context;
    return refuse_call(CACHESTAT_CALL, ENOSYS) < 0 || refuse_call(SYS_mincore, EPERM) < 0 ? 77 : 0;
}

static void start_worker_in(struct fixture *fixture, bool blind)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    fixture->worker = fork();
    if (fixture->worker == 0) {
        close(ends[0]);
        _exit(blind && go_blind(NULL) != 0 ? 77 : mm_worker_serve(ends[1]));
    }
    close(ends[1]);
    assert_int_equal(mm_protocol_channel_open(ends[0], &fixture->channel), 0);
}

static void start_worker(struct fixture *fixture)
{
    start_worker_in(fixture, false);
}

/* Takes over request; the answer is the caller's. */
static json_t *ask(struct fixture *fixture, json_t *request)
{
    json_t *answer = NULL;

    assert_non_null(request);
    assert_int_equal(mm_protocol_send(fixture->channel, request, NULL), 0);
    json_decref(request);
    assert_int_equal(mm_protocol_receive(fixture->channel, 0, &answer, NULL), 0);
    return answer;
}

static json_t *prepare_request(const struct fixture *fixture, int protocol)
{
    return json_pack("{s:s, s:i, s:O, s:O, s:s}", "do", "prepare", "protocol", protocol, "case",
                     json_array_get(fixture->cases, 0), "file", json_array_get(fixture->files, 0),
                     "launch_seed", "0x0000000000000001");
}

static json_t *sample_request(int iterations)
{
    return json_pack("{s:s, s:s, s:i}", "do", "sample", "seed", "0x0000000000000007", "iterations",
                     iterations);
}

static void prepare_in(struct fixture *fixture, bool blind)
{
    start_worker_in(fixture, blind);
    json_t *answer = ask(fixture, prepare_request(fixture, MM_PROTOCOL_VERSION));
    assert_true(json_is_true(json_object_get(answer, "ok")));
    assert_int_equal(json_integer_value(json_object_get(answer, "pid")), fixture->worker);
    json_decref(answer);
}

static void prepare(struct fixture *fixture)
{
    prepare_in(fixture, false);
}

static void prepare_blind(struct fixture *fixture)
{
    if (exit_code_of_child(go_blind, NULL) != 0) {
        puts("SKIP: no system call filters to be had here");
        skip();
    }
    prepare_in(fixture, true);
}

/* The sample of an answer that has to be good; a reference of its own. */
static json_t *take_sample(struct fixture *fixture, int iterations)
{
    json_t *answer = ask(fixture, sample_request(iterations));
    const json_t *failure = json_object_get(answer, "failure");

    if (failure != NULL) {
        fail_msg("%s", json_string_value(json_object_get(failure, "reason")));
    }
    json_t *sample = json_incref(json_object_get(answer, "sample"));
    json_decref(answer);
    return sample;
}

static void expect_failure(json_t *answer, const char *kind, const char *part)
{
    const json_t *failure = json_object_get(answer, "failure");

    assert_true(json_is_false(json_object_get(answer, "ok")));
    assert_string_equal(json_string_value(json_object_get(failure, "kind")), kind);
    if (strstr(json_string_value(json_object_get(failure, "reason")), part) == NULL) {
        fail_msg("'%s' is not in: %s", part, json_string_value(json_object_get(failure, "reason")));
    }
    json_decref(answer);
}

static json_int_t integer_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static json_int_t phase_ns(const json_t *sample, const char *name)
{
    const json_t *phase = json_object_get(json_object_get(sample, "phases"), name);

    return phase == NULL ? 0 : integer_of(phase, "elapsed_ns");
}

/* Two hands keep the time: the phases' own clock, and Google Benchmark's reporter. */
static void expect_agreement(const json_t *sample)
{
    double phases_ns = (double)(phase_ns(sample, "touch") + phase_ns(sample, "compute") +
                                phase_ns(sample, "flush"));
    double elapsed_ns = (double)integer_of(sample, "elapsed_ns");
    double slack_ns = 0.01 * elapsed_ns + 1000.0 * (double)integer_of(sample, "iterations");

    assert_true(phases_ns > 0);
    assert_true(phases_ns - elapsed_ns <= slack_ns && elapsed_ns - phases_ns <= slack_ns);
}

static void phases_add_up_to_the_time_of_the_reporter(void **state)
{
    struct fixture *fixture = *state;

    plan(fixture, "sequential", "mmap", "warm", "operation=read-modify-write");
    prepare(fixture);
    for (int iterations = 1; iterations <= 5; iterations += 4) {
        json_t *sample = take_sample(fixture, iterations);
        expect_agreement(sample);
        assert_true(phase_ns(sample, "flush") > 0);
        assert_true(phase_ns(sample, "open") > 0);
        assert_true(phase_ns(sample, "close") > 0);
        assert_null(json_object_get(json_object_get(sample, "phases"), "compute"));
        assert_int_equal(integer_of(sample, "bytes"), iterations * (4 << 20));
        assert_int_equal(integer_of(sample, "items"), iterations * (4 << 17));
        json_decref(sample);
    }
}

static void a_cold_sample_starts_from_an_empty_cache(void **state)
{
    struct fixture *fixture = *state;

    plan(fixture, "sequential", "pread", "cold", "operation=read");
    prepare(fixture);
    for (int i = 0; i < 2; i++) {
        json_t *sample = take_sample(fixture, 1);
        const json_t *cache = json_object_get(sample, "cache");
        const json_t *before = json_object_get(cache, "resident_share_before");
        assert_string_equal(json_string_value(json_object_get(cache, "requested")), "cold");
        if (json_is_number(before)) {
            assert_true(json_number_value(before) <= 0.01);
        } else {
            assert_string_equal(json_string_value(json_object_get(cache, "method")),
                                "device-bytes");
        }
        json_decref(sample);
    }
}

/* Read ahead does not go beyond the end of the file, so a read to the end brings just the file. */
static void a_cold_read_to_the_end_has_the_bytes_of_the_file_in_its_phase(void **state)
{
    struct fixture *fixture = *state;

    plan(fixture, "sequential", "pread", "cold", "operation=read");
    prepare(fixture);
    json_t *sample = take_sample(fixture, 1);
    const json_t *touch = json_object_get(json_object_get(sample, "phases"), "touch");
    const json_t *bytes = json_object_get(json_object_get(touch, "counters"), "storage_read_bytes");
    const json_t *whole = json_object_get(json_object_get(sample, "machine"), "device_read_bytes");
    assert_non_null(json_object_get(json_object_get(sample, "machine"), "tlb_shootdowns"));
    if (json_is_integer(bytes)) {
        assert_true(llabs(json_integer_value(bytes) - (1LL << 22)) <= (1LL << 22) / 100);
    } else {
        assert_non_null(json_object_get(bytes, "unavailable"));
    }
    if (json_is_integer(bytes) && json_is_integer(whole)) {
        assert_true(json_integer_value(whole) >= json_integer_value(bytes));
    }
    json_decref(sample);
}

/* Also by readers, whose file then is a writer's: what earlier writers left in it is put right. */
static void a_dirty_sample_starts_from_pages_that_are_not_on_storage(void **state)
{
    static const char *const operations[] = {"operation=read", "operation=write"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < MM_COUNT_OF(operations); i++) {
        if (!plan_of_size(fixture, "sequential", "mmap", "dirty", operations[i], "4MiB")) {
            skip();
        }
        int descriptor = open(fixture->plan->files[0].path, O_WRONLY | O_CLOEXEC);
        assert_int_equal(pwrite(descriptor, "changed", 7, 4096), 7);
        close(descriptor);
        prepare(fixture);
        json_t *sample = take_sample(fixture, 1);
        const json_t *cache = json_object_get(sample, "cache");
        assert_string_equal(json_string_value(json_object_get(cache, "requested")), "dirty");
        assert_true(integer_of(cache, "dirty_bytes_before") >= (json_int_t)(FILE_BYTES / 100 * 99));
        json_decref(sample);
        let_go(fixture);
    }
}

/* The group of a worker of this test's own is not swept by a launcher. */
static void let_go_limited(struct fixture *fixture)
{
    let_go(fixture);
    mm_memory_limit_sweep(&mm_memory_limit_this_system);
}

static void pressure_reads_more_than_memory_holds(void **state)
{
    struct fixture *fixture = *state;

    if (!plan_of_size(fixture, "sequential", "pread", "pressure", "operation=read", "64MiB")) {
        skip();
    }
    assert_int_equal(fixture->plan->case_count, 2);
    prepare(fixture);
    json_t *sample = take_sample(fixture, 1);
    const json_t *cache = json_object_get(sample, "cache");
    const json_t *limit = json_object_get(cache, "limit");
    assert_int_equal(integer_of(limit, "limit_bytes"), 32 << 20);
    assert_true(integer_of(limit, "hits") > 0);
    assert_true(json_number_value(json_object_get(cache, "resident_share_before")) <= 0.01);
    assert_true(json_number_value(json_object_get(cache, "resident_share_after")) <= 0.52);
    json_decref(sample);
    let_go_limited(fixture);
}

/* A few operations that would all stay in memory if they came again. */
static void a_random_pass_in_the_steady_state_misses(void **state)
{
    struct fixture *fixture = *state;

    if (!plan_of_size(fixture, "random", "pread", "pressure", "operations=200", "64MiB")) {
        skip();
    }
    assert_int_equal(json_array_remove(fixture->cases, 0), 0);
    prepare(fixture);
    json_t *sample = take_sample(fixture, 1);
    const json_t *cache = json_object_get(sample, "cache");
    double resident = json_number_value(json_object_get(cache, "resident_share_before"));
    assert_true(resident >= 0.25 && resident <= 0.52);
    /* Of 200 blocks about 100 are in memory; a page each for the others. */
    assert_in_range(integer_of(json_object_get(sample, "device"), "read_bytes"), 50 * 4096,
                    10 << 20);
    json_decref(sample);
    let_go_limited(fixture);
}

static void events_that_were_asked_for_stand_in_every_phase_of_every_peer(void **state)
{
    struct fixture *fixture = *state;

    plan(fixture, "multiprocess", "mmap", "warm", "processes=2");
    json_object_set_new(json_array_get(fixture->cases, 0), "events",
                        json_pack("[s, s]", "CPU-MIGRATIONS", "no_such:tracepoint"));
    prepare(fixture);
    json_t *sample = take_sample(fixture, 1);
    json_t *peer = json_array_get(json_object_get(sample, "peers"), 1);
    const json_t *const phases[] = {json_object_get(sample, "phases"),
                                    json_object_get(peer, "phases")};
    for (size_t i = 0; i < MM_COUNT_OF(phases); i++) {
        const json_t *counters = json_object_get(json_object_get(phases[i], "touch"), "counters");
        assert_non_null(json_object_get(counters, "cpu_migrations"));
        assert_non_null(
            json_object_get(json_object_get(counters, "no_such_tracepoint"), "unavailable"));
    }
    json_decref(sample);
}

static void a_cold_sample_of_two_iterations_is_refused(void **state)
{
    struct fixture *fixture = *state;

    plan(fixture, "sequential", "pread", "cold", "operation=read");
    prepare(fixture);
    expect_failure(ask(fixture, sample_request(2)), "cache", "one iteration");
}

/* The file in the page cache, and held there by the map. */
static unsigned char *map_whole(const struct fixture *fixture)
{
    int descriptor = open(fixture->plan->files[0].path, O_RDONLY | O_CLOEXEC);
    void *bytes = mmap(NULL, FILE_BYTES, PROT_READ, MAP_SHARED | MAP_POPULATE, descriptor, 0);

    close(descriptor);
    assert_true(bytes != MAP_FAILED);
    return bytes;
}

static void a_file_that_somebody_has_mapped_is_not_reported_as_cold(void **state)
{
    struct fixture *fixture = *state;

    plan(fixture, "sequential", "pread", "cold", "operation=read");
    unsigned char *bytes = map_whole(fixture);
    prepare(fixture);
    json_t *answer = ask(fixture, sample_request(1));
    munmap(bytes, FILE_BYTES);
    expect_failure(answer, "cache", "");
}

static void without_a_call_that_tells_the_bytes_of_the_device_prove_the_state(void **state)
{
    static const char *const caches[] = {"cold", "warm"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < MM_COUNT_OF(caches); i++) {
        plan(fixture, "sequential", "mmap", caches[i], "operation=read");
        prepare_blind(fixture);
        json_t *sample = take_sample(fixture, 1);
        const json_t *cache = json_object_get(sample, "cache");
        const json_t *share = json_object_get(cache, "resident_share_before");
        assert_string_equal(json_string_value(json_object_get(cache, "requested")), caches[i]);
        assert_string_equal(json_string_value(json_object_get(cache, "method")), "device-bytes");
        assert_non_null(json_object_get(share, "unavailable"));
        json_decref(sample);
        let_go(fixture);
    }
}

static void without_a_call_that_tells_a_part_that_is_read_proves_nothing(void **state)
{
    struct fixture *fixture = *state;

    plan(fixture, "sequential", "pread", "cold", "operation=write");
    prepare_blind(fixture);
    expect_failure(ask(fixture, sample_request(1)), "cache", "whole array");
}

static void without_a_call_that_tells_a_file_that_stays_is_not_cold(void **state)
{
    struct fixture *fixture = *state;

    plan(fixture, "sequential", "pread", "cold", "operation=read");
    unsigned char *bytes = map_whole(fixture);
    prepare_blind(fixture);
    json_t *answer = ask(fixture, sample_request(1));
    munmap(bytes, FILE_BYTES);
    expect_failure(answer, "cache", "delivered only");
}

static void a_wrong_byte_in_the_file_is_a_failure_of_the_checksum(void **state)
{
    struct fixture *fixture = *state;
    unsigned char right = 0;

    plan(fixture, "sequential", "mmap", "warm", "operation=read");
    int descriptor = open(fixture->plan->files[0].path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(descriptor, &right, 1, 100000), 1);
    assert_int_equal(pwrite(descriptor, &(unsigned char){right ^ 1}, 1, 100000), 1);
    close(descriptor);
    prepare(fixture);
    expect_failure(ask(fixture, sample_request(1)), "checksum", "checksum");
    expect_failure(ask(fixture, sample_request(1)), "protocol", "only finish");
}

static void reads_give_the_checksum_of_the_data(void **state)
{
    struct fixture *fixture = *state;
    uint64_t expected = 0;
    char text[MM_TEXT_HEX_BYTES];

    plan(fixture, "sequential", "memory", "warm", "operation=read");
    for (uint64_t offset = 0; offset < (4u << 20); offset += 8) {
        uint64_t word = 0;
        mm_data_file_expected(&fixture->plan->files[0], offset, sizeof(word), &word);
        expected += word;
    }
    prepare(fixture);
    json_t *sample = take_sample(fixture, 1);
    assert_string_equal(json_string_value(json_object_get(sample, "checksum")),
                        mm_text_write_hex(expected, text));
    assert_string_equal(json_string_value(json_object_get(sample, "expected_checksum")), text);
    json_decref(sample);
}

static void flushes_of_all_samples_are_in_the_histogram_of_the_launch(void **state)
{
    struct fixture *fixture = *state;

    plan(fixture, "sequential", "pread", "warm", "operation=write");
    prepare(fixture);
    json_decref(take_sample(fixture, 3));
    json_decref(take_sample(fixture, 2));
    json_t *answer = ask(fixture, json_pack("{s:s}", "do", "finish"));
    const json_t *launch = json_object_get(answer, "launch");
    const json_t *histogram = json_object_get(json_object_get(launch, "histograms"), "flush_ns");
    assert_int_equal(integer_of(histogram, "count"), 5);
    assert_true(integer_of(histogram, "minimum") > 0);
    assert_non_null(json_object_get(launch, "counter_quality"));
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(launch, "effective"), "read_back")),
        "from storage");
    json_decref(answer);
    int status = -1;
    assert_int_equal(waitpid(fixture->worker, &status, 0), fixture->worker);
    fixture->worker = 0;
    assert_int_equal(status, 0);
}

static void the_end_of_the_channel_ends_the_worker(void **state)
{
    struct fixture *fixture = *state;
    int status = -1;

    start_worker(fixture);
    mm_protocol_channel_close(fixture->channel);
    fixture->channel = NULL;
    assert_int_equal(waitpid(fixture->worker, &status, 0), fixture->worker);
    fixture->worker = 0;
    assert_int_equal(status, 0);
}

static void a_sample_before_a_case_is_refused(void **state)
{
    struct fixture *fixture = *state;

    start_worker(fixture);
    expect_failure(ask(fixture, sample_request(1)), "protocol", "before a case");
}

static void an_unknown_request_is_refused(void **state)
{
    struct fixture *fixture = *state;

    start_worker(fixture);
    expect_failure(ask(fixture, json_pack("{s:s}", "do", "dance")), "protocol", "knows");
}

static void another_version_of_the_protocol_is_refused(void **state)
{
    struct fixture *fixture = *state;

    plan(fixture, "sequential", "mmap", "warm", "operation=read");
    start_worker(fixture);
    expect_failure(ask(fixture, prepare_request(fixture, MM_PROTOCOL_VERSION + 1)), "protocol",
                   "protocol 2");
}

static void a_case_that_does_not_exist_is_refused(void **state)
{
    struct fixture *fixture = *state;

    plan(fixture, "sequential", "mmap", "warm", "operation=read");
    json_object_set_new(json_array_get(fixture->cases, 0), "workload", json_string("sequentiel"));
    start_worker(fixture);
    expect_failure(ask(fixture, prepare_request(fixture, MM_PROTOCOL_VERSION)), "error",
                   "sequential");
}

static void a_file_that_has_gone_is_an_error_with_its_name(void **state)
{
    struct fixture *fixture = *state;

    plan(fixture, "sequential", "pread", "warm", "operation=read");
    assert_int_equal(unlink(fixture->plan->files[0].path), 0);
    prepare(fixture);
    expect_failure(ask(fixture, sample_request(1)), "cache", fixture->plan->files[0].path);
}

/* The minor faults that a sample has counted while it touched. */
static json_int_t touched_faults(const json_t *answer)
{
    json_t *counters = NULL;

    assert_int_equal(json_unpack((json_t *)answer, "{s:{s:{s:{s:o}}}}", "sample", "phases", "touch",
                                 "counters", &counters),
                     0);
    return json_integer_value(json_object_get(counters, "rusage_minor_faults"));
}

static void injected_faults_are_counted_in_the_phase_that_touches(void **state)
{
    static const json_int_t injected = 5000;
    struct fixture *fixture = *state;

    plan(fixture, "sequential", "pread", "warm", "operation=read");
    prepare(fixture);
    json_decref(ask(fixture, sample_request(1)));
    json_t *plain = ask(fixture, sample_request(2));
    json_t *request = sample_request(2);
    json_object_set_new(request, "inject", json_pack("{s:I}", "faults", injected));
    json_t *more = ask(fixture, request);
    json_int_t difference = touched_faults(more) - touched_faults(plain);
    /* A sanitizer adds the faults of its own memory. */
    assert_in_range(difference, 2 * injected - 100, 2 * injected + injected / 2);
    json_decref(plain);
    json_decref(more);
}

static void requests_with_members_of_no_sense_are_refused(void **state)
{
    static const char delay[] =
        "{\"do\": \"sample\", \"seed\": \"0x0000000000000007\", \"iterations\": 1, \"inject\": "
        "{\"delay_share\": -1}}";
    static const char faults[] =
        "{\"do\": \"sample\", \"seed\": \"0x0000000000000007\", \"iterations\": 1, \"inject\": "
        "{\"faults\": 99999999}}";
    static const char *const requests[] = {
        delay,
        faults,
        "{\"do\": \"sample\", \"iterations\": 1}",
        "{\"do\": \"sample\", \"seed\": 7, \"iterations\": 1}",
        "{\"do\": \"sample\", \"seed\": \"0x0000000000000007\", \"iterations\": 0}",
    };
    struct fixture *fixture = *state;

    plan(fixture, "sequential", "mmap", "warm", "operation=read");
    for (size_t i = 0; i < MM_COUNT_OF(requests); i++) {
        prepare(fixture);
        expect_failure(ask(fixture, json_loads(requests[i], 0, NULL)), "protocol", "");
        mm_protocol_channel_close(fixture->channel);
        fixture->channel = NULL;
        assert_int_equal(waitpid(fixture->worker, NULL, 0), fixture->worker);
        fixture->worker = 0;
    }
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    char folder[DATA_FOLDER_BYTES];
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(phases_add_up_to_the_time_of_the_reporter),
        WITH_FOLDER(a_cold_sample_starts_from_an_empty_cache),
        WITH_FOLDER(a_cold_read_to_the_end_has_the_bytes_of_the_file_in_its_phase),
        WITH_FOLDER(a_dirty_sample_starts_from_pages_that_are_not_on_storage),
        WITH_FOLDER(pressure_reads_more_than_memory_holds),
        WITH_FOLDER(a_random_pass_in_the_steady_state_misses),
        WITH_FOLDER(events_that_were_asked_for_stand_in_every_phase_of_every_peer),
        WITH_FOLDER(a_cold_sample_of_two_iterations_is_refused),
        WITH_FOLDER(a_file_that_somebody_has_mapped_is_not_reported_as_cold),
        WITH_FOLDER(without_a_call_that_tells_the_bytes_of_the_device_prove_the_state),
        WITH_FOLDER(without_a_call_that_tells_a_part_that_is_read_proves_nothing),
        WITH_FOLDER(without_a_call_that_tells_a_file_that_stays_is_not_cold),
        WITH_FOLDER(a_wrong_byte_in_the_file_is_a_failure_of_the_checksum),
        WITH_FOLDER(reads_give_the_checksum_of_the_data),
        WITH_FOLDER(flushes_of_all_samples_are_in_the_histogram_of_the_launch),
        WITH_FOLDER(the_end_of_the_channel_ends_the_worker),
        WITH_FOLDER(a_sample_before_a_case_is_refused),
        WITH_FOLDER(an_unknown_request_is_refused),
        WITH_FOLDER(another_version_of_the_protocol_is_refused),
        WITH_FOLDER(a_case_that_does_not_exist_is_refused),
        WITH_FOLDER(a_file_that_has_gone_is_an_error_with_its_name),
        WITH_FOLDER(injected_faults_are_counted_in_the_phase_that_touches),
        WITH_FOLDER(requests_with_members_of_no_sense_are_refused),
    };

    if (!data_folder_make(folder)) {
        puts("SKIP: no folder on a disk to be had; set TMPDIR to one");
        return 77;
    }
    rmdir(folder);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
