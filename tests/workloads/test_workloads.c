/* Every workload on every engine: proofs hold, and fail when one byte is wrong. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/text.h"
#include "tests/workloads/host.h"

/* One way to use a workload, and the array for it. */
struct point {
    const char *workload;
    const char *parameters;
    const char *dtype;
    uint32_t item_bytes;
    uint64_t rows; /* 0: one axis */
    uint64_t columns;
    bool fortran_order;
};

#define U8(columns)          "<u8", 8, 0, columns, false
#define U8_2D(rows, columns) "<u8", 8, rows, columns, false
#define F4_2D(rows, columns) "<f4", 4, rows, columns, false

static const struct point points[] = {
    {"sequential", "operation=read", U8(200003)},
    {"sequential", "operation=read,block=12345B", U8(20003)},
    {"sequential", "operation=read,block=8B", U8(1003)},
    {"sequential", "operation=read,direction=backward,block=9000B", U8(20003)},
    {"sequential", "operation=write,block=100000B", U8(40003)},
    {"sequential", "operation=write,direction=backward,block=10000B", U8(20003)},
    {"sequential", "operation=read-modify-write,block=64KiB", U8(200003)},
    {"sequential", "operation=read-modify-write,direction=backward,block=5000B", U8(20003)},
    {"sequential", "operation=read,block=4001B", "|u1", 1, 0, 70001, false},
    {"sequential", "operation=read-modify-write,block=4001B", "|u1", 1, 0, 70001, false},
    {"sequential", "operation=write,block=4001B", "<i2", 2, 0, 30001, false},
    {"sequential", "operation=read-modify-write,block=999B", "<f4", 4, 0, 30001, false},
    {"sequential", "operation=read-modify-write", "<c16", 16, 3, 1001, false},
    {"strided", "operation=read", U8_2D(64, 300)},
    {"strided", "operation=read,axis=leading", U8_2D(64, 300)},
    {"strided", "operation=read,axis=leading,stride=3,batch=7", U8_2D(64, 300)},
    {"strided", "operation=read,axis=leading,stride=3", "<u8", 8, 64, 300, true},
    {"strided", "operation=read,axis=trailing,stride=3", "<u8", 8, 64, 300, true},
    {"strided", "operation=read,axis=leading,stride=1,lines=2", U8_2D(64, 1300)},
    {"strided", "operation=read,stride=1", U8_2D(64, 300)},
    {"strided", "operation=read,stride=5,lines=3,batch=2", U8_2D(64, 300)},
    {"strided", "operation=read,stride-bytes=4099B", U8_2D(64, 1300)},
    {"strided", "operation=read,stride-bytes=13B", U8_2D(64, 300)},
    {"strided", "operation=write,stride=5", U8_2D(64, 300)},
    {"strided", "operation=write,axis=leading,stride=5,batch=3", U8_2D(64, 300)},
    {"strided", "operation=write,axis=leading,stride=2,lines=5", U8_2D(64, 1300)},
    {"strided", "operation=write,stride-bytes=21B", U8_2D(64, 300)},
    {"strided", "operation=write,stride=7", U8(30000)},
    {"strided", "operation=write,axis=leading,stride=7", F4_2D(60, 77)},
    {"strided", "operation=read,stride=7", "|u1", 1, 0, 30000, false},
    {"random", "", U8(50000)},
    {"random", "operations=999,batch=10", U8(50000)},
    {"random", "operations=999,distribution=zipf,zipf-exponent=1.2,access=gather", U8(50000)},
    {"random", "operations=500,block=4KiB", U8(50000)},
    {"random", "operations=3000,write-share=0.3,batch=16", U8(700)},
    {"random", "operations=3000,write-share=0.3,batch=16,access=gather", U8(700)},
    {"random", "operations=3000,write-share=1,access=pointer", U8(700)},
    {"random", "operations=400,write-share=0.5,block=1000B", U8(50000)},
    {"random", "operations=3000,write-share=0.4", "<u4", 4, 0, 900, false},
    {"random", "operations=3000,write-share=0.4,distribution=zipf", "|u1", 1, 0, 900, false},
    {"random", "operations=20,write-share=0.4,block=2MiB", U8(600000)},
    {"chunked", "", "<f8", 8, 0, 300001, false},
    {"chunked", "chunk=10000B,flush-every=3", "<f8", 8, 0, 10001, false},
    {"chunked", "chunk=3MiB", "<f8", 8, 0, 400001, false},
    {"chunked", "chunk=8B", "<f8", 8, 0, 333, false},
    {"elementwise", "via=pointer,elements=5000", U8(30001)},
    {"elementwise", "via=pointer,elements=0", "<i2", 2, 0, 3001, false},
    {"elementwise", "via=pointer,operation=write", "<f4", 4, 0, 3001, false},
    {"elementwise", "via=pointer,operation=write", "<c16", 16, 0, 3001, false},
    {"elementwise", "via=call,elements=500", U8(3001)},
    {"elementwise", "via=call,operation=write,elements=500", U8(3001)},
    {"elementwise", "via=call,operation=write", F4_2D(11, 13)},
    {"elementwise", "via=call,operation=write", "<f4", 4, 11, 13, true},
    {"elementwise", "via=accessor", U8(3001)},
    {"elementwise", "via=accessor,operation=write", "<f8", 8, 0, 3001, false},
    {"elementwise", "via=accessor,operation=write,elements=77", "|i1", 1, 0, 3001, false},
    {"elementwise", "via=accessor,operation=write,elements=100", F4_2D(11, 13)},
    {"elementwise", "via=accessor,elements=100", F4_2D(11, 13)},
    {"multiprocess", "processes=1", U8(30001)},
    {"multiprocess", "processes=3,pattern=parts,flush=each", U8(50001)},
    {"multiprocess", "processes=2,pattern=parts,flush=one,lock=range", U8(50001)},
    {"multiprocess", "processes=2,pattern=parts,flush=none,lock=array", U8(50001)},
    {"multiprocess", "processes=3,pattern=shared-read", U8(50001)},
    {"multiprocess", "processes=2,pattern=shared-read,lock=range", U8(50001)},
    {"multiprocess", "processes=1,pattern=contended,operations=500", U8(1000)},
    {"multiprocess", "processes=3,pattern=contended,lock=array,operations=300", U8(1000)},
    {"multiprocess", "processes=2,pattern=contended,lock=range,operations=300,flush=one", U8(100)},
    {"tile-fft", "window=60,tiles=3", F4_2D(130, 140)},
    {"tile-fft", "window=128,tiles=1,row=2,column=7,flush=pass", F4_2D(130, 140)},
};

static const uint64_t offsets[] = {0, 128, 3};

static struct test_case case_of(const struct point *point, const struct mm_engine *engine,
                                uint64_t offset_bytes)
{
    struct test_case test = {
        .workload = point->workload,
        .engine = engine->name,
        .parameters = point->parameters,
        .array =
            test_array(point->dtype, point->item_bytes, point->rows, point->columns, offset_bytes),
        .passes = 1,
    };
    test.array.fortran_order = point->fortran_order;
    return test;
}

static void print_case(const struct test_case *test, const struct test_result *result)
{
    print_message("%s on %s, %s, offset %d, %d + %d passes: %s\n", test->workload, test->engine,
                  test->parameters, (int)test->array.offset_bytes, (int)test->warm_passes,
                  (int)test->passes, result->status ? result->error.text : "ran");
}

static void check_good(const struct test_case *test, const struct test_result *result)
{
    bool good = result->status == 0 && result->checksum == result->expected_checksum &&
                result->bytes == test->passes * result->needs.bytes_per_pass &&
                result->items == test->passes * result->needs.items_per_pass &&
                !result->surroundings_changed;
    if (!good)
        print_case(test, result);
    assert_int_equal(result->status, 0);
    assert_true(result->checksum == result->expected_checksum);
    assert_true(result->bytes == test->passes * result->needs.bytes_per_pass);
    assert_true(result->items == test->passes * result->needs.items_per_pass);
    assert_false(result->surroundings_changed);
    if (!result->needs.writes)
        assert_true(result->unchanged);
    if (result->needs.flushes)
        assert_true(result->flushes > 0);
    else
        assert_true(result->flushes == 0);
    if (!test->times_operations)
        assert_true(result->begun == 0);
}

/* Runs all points of one workload; returns how many pairs were not skipped. */
static size_t run_points(void **state, const char *workload)
{
    static const uint64_t passes[][2] = {{0, 1}, {1, 2}, {2, 1}};
    size_t ran = 0;
    for (size_t i = 0; i < MM_COUNT_OF(points); i++) {
        if (strcmp(points[i].workload, workload) != 0)
            continue;
        for (size_t e = 0; e < mm_engine_count; e++) {
            for (size_t o = 0; o < MM_COUNT_OF(offsets); o++) {
                struct test_case test = case_of(&points[i], mm_engines[e], offsets[o]);
                struct test_result result;
                test.warm_passes = passes[o][0];
                test.passes = passes[o][1];
                test_run(state, &test, &result);
                if (result.skipped)
                    continue;
                check_good(&test, &result);
                ran++;
            }
        }
    }
    return ran;
}

static void every_sequential_point_is_proved(void **state)
{
    assert_true(run_points(state, "sequential") > 0);
}

static void every_strided_point_is_proved(void **state)
{
    assert_true(run_points(state, "strided") > 0);
}

static void every_random_point_is_proved(void **state)
{
    assert_true(run_points(state, "random") > 0);
}

static void every_chunked_point_is_proved(void **state)
{
    assert_true(run_points(state, "chunked") > 0);
}

static void every_elementwise_point_is_proved(void **state)
{
    assert_true(run_points(state, "elementwise") > 0);
}

static void every_multiprocess_point_is_proved(void **state)
{
    assert_true(run_points(state, "multiprocess") > 0);
}

static void every_tile_fft_point_is_proved(void **state)
{
    assert_true(run_points(state, "tile-fft") > 0);
}

static void every_shipped_workload_has_points(void **state)
{
    (void)state;
    for (size_t w = 0; w < mm_workload_count; w++) {
        size_t found = 0;
        for (size_t i = 0; i < MM_COUNT_OF(points); i++)
            found += strcmp(points[i].workload, mm_workloads[w]->name) == 0;
        if (found == 0)
            fail_msg("no test runs the workload '%s'", mm_workloads[w]->name);
    }
}

/* Each operation is begun and touches once, in the number that the planner was told, and its parts
 * are marked where there are any; the work and its proof are the same. */
static void check_operations(const struct test_case *test, const struct test_result *result)
{
    uint64_t most = test->passes * result->needs.operations_per_pass;
    bool good = result->begun > 0 && result->begun <= most &&
                result->marked[MM_LATENCY_TOUCH] == result->begun && result->out_of_order == 0 &&
                result->marked[MM_LATENCY_FLUSH] == 0;
    if (!good)
        print_case(test, result);
    assert_in_range(result->begun, 1, most);
    assert_int_equal(result->marked[MM_LATENCY_TOUCH], result->begun);
    assert_int_equal(result->out_of_order, 0);
    assert_int_equal(result->marked[MM_LATENCY_FLUSH], 0); /* the worker's own */
    /* By gather a batch is an operation, and the planner does not know the way of the engine. */
    if (strcmp(test->workload, "random") != 0)
        assert_int_equal(result->begun, most);
}

static void every_operation_is_timed_where_latency_is_measured_and_proved_all_the_same(void **state)
{
    /* In memory, in a mapped file and by copy. */
    static const char *const engines[] = {"memory", "marray", "pread"};
    size_t untimed = 0;
    for (size_t i = 0; i < MM_COUNT_OF(points); i++) {
        for (size_t e = 0; e < MM_COUNT_OF(engines); e++) {
            const struct mm_engine *engine = mm_engine_find(engines[e]);
            struct test_case test = case_of(&points[i], engine, offsets[i % 3]);
            struct test_result result;
            test.times_operations = true;
            test_run(state, &test, &result);
            untimed += !result.skipped && result.needs.operations_per_pass == 0;
            if (result.skipped || result.needs.operations_per_pass == 0)
                continue;
            check_good(&test, &result);
            check_operations(&test, &result);
        }
    }
    assert_true(untimed > 0); /* elementwise */
}

static void the_parts_of_an_operation_are_marked(void **state)
{
    static const struct {
        struct point point;
        const char *engine;
        enum mm_latency latency;
        uint64_t marks; /* in one pass */
    } parts[] = {
        {{"random", "operations=999,batch=10", U8(50000)}, "pread", MM_LATENCY_GATHER, 100},
        {{"random", "operations=999,access=pointer", U8(50000)}, "mmap", MM_LATENCY_GATHER, 0},
        {{"random", "operations=999,access=pointer", U8(50000)}, "mmap", MM_LATENCY_TOUCH, 999},
        {{"multiprocess", "processes=3,pattern=contended,lock=array,operations=300", U8(1000)},
         "marray",
         MM_LATENCY_LOCK,
         900},
        {{"multiprocess", "processes=2,pattern=contended,operations=300", U8(1000)},
         "mmap",
         MM_LATENCY_LOCK,
         0},
        {{"multiprocess", "processes=2,pattern=parts,lock=range,block=8KiB", U8(4096)},
         "marray",
         MM_LATENCY_LOCK,
         4},
        {{"chunked", "chunk=8KiB,flush-every=3", "<f8", 8, 0, 10240, false},
         "mmap",
         MM_LATENCY_DURABLE,
         3},
        {{"tile-fft", "window=60,tiles=3", F4_2D(130, 140)}, "mmap", MM_LATENCY_DURABLE, 3},
        {{"tile-fft", "window=60,tiles=3,flush=pass", F4_2D(130, 140)},
         "mmap",
         MM_LATENCY_DURABLE,
         0},
    };
    for (size_t i = 0; i < MM_COUNT_OF(parts); i++) {
        struct test_case test = case_of(&parts[i].point, mm_engine_find(parts[i].engine), 0);
        struct test_result result;
        test.times_operations = true;
        test_run(state, &test, &result);
        assert_false(result.skipped);
        check_good(&test, &result);
        assert_int_equal(result.marked[parts[i].latency], parts[i].marks);
    }
}

/* One byte that the workload asks for or writes. */
struct damage_point {
    struct point point;
    enum test_damage damage;
    uint64_t byte;
};

static const struct damage_point damages[] = {
    {{"sequential", "operation=read", U8(20003)}, TEST_DAMAGE_BEFORE, 160023},
    {{"sequential", "operation=read,direction=backward", U8(20003)}, TEST_DAMAGE_BEFORE, 0},
    {{"sequential", "operation=write", U8(20003)}, TEST_DAMAGE_AFTER, 77777},
    {{"sequential", "operation=read-modify-write", U8(20003)}, TEST_DAMAGE_AFTER, 160000},
    {{"sequential", "operation=read-modify-write", "|u1", 1, 0, 7001, false},
     TEST_DAMAGE_AFTER,
     7000},
    {{"strided", "operation=read,stride=16", U8_2D(64, 300)}, TEST_DAMAGE_BEFORE, 128},
    {{"strided", "operation=read,axis=leading,stride=3", U8_2D(64, 300)}, TEST_DAMAGE_BEFORE, 7203},
    {{"strided", "operation=write,axis=leading,stride=3", U8_2D(64, 300)}, TEST_DAMAGE_AFTER, 7203},
    {{"strided", "operation=write,stride-bytes=13B", U8_2D(64, 300)}, TEST_DAMAGE_AFTER, 18},
    {{"random", "operations=5000,block=64B", U8(800)}, TEST_DAMAGE_BEFORE, 6399},
    {{"random", "operations=5000,block=64B,write-share=0.5", U8(800)}, TEST_DAMAGE_AFTER, 3000},
    {{"random", "operations=5000,write-share=1", U8(80)}, TEST_DAMAGE_AFTER, 600},
    {{"chunked", "chunk=10000B", "<f8", 8, 0, 10001, false}, TEST_DAMAGE_AFTER, 80000},
    {{"elementwise", "via=call,elements=100", U8(300)}, TEST_DAMAGE_BEFORE, 799},
    {{"elementwise", "via=pointer,elements=100", U8(300)}, TEST_DAMAGE_BEFORE, 799},
    {{"elementwise", "via=accessor", U8(300)}, TEST_DAMAGE_BEFORE, 2000},
    {{"elementwise", "via=accessor,operation=write", U8(300)}, TEST_DAMAGE_AFTER, 2000},
    {{"multiprocess", "processes=2,pattern=shared-read", U8(5000)}, TEST_DAMAGE_BEFORE, 39999},
    {{"multiprocess", "processes=2,pattern=parts", U8(5000)}, TEST_DAMAGE_AFTER, 20000},
    {{"multiprocess", "processes=2,pattern=contended,lock=range,operations=50", U8(100)},
     TEST_DAMAGE_AFTER,
     65},
    {{"multiprocess", "processes=1,pattern=contended,operations=50", U8(100)},
     TEST_DAMAGE_AFTER,
     0},
    {{"tile-fft", "window=60,tiles=2", F4_2D(130, 140)}, TEST_DAMAGE_AFTER, 400},
};

static void one_wrong_byte_fails_the_proof(void **state)
{
    size_t ran = 0;
    for (size_t i = 0; i < MM_COUNT_OF(damages); i++) {
        for (size_t e = 0; e < mm_engine_count; e++) {
            struct test_case test = case_of(&damages[i].point, mm_engines[e], 128);
            struct test_result result;
            test.damage = damages[i].damage;
            test.damaged_byte = damages[i].byte;
            test_run(state, &test, &result);
            if (result.skipped)
                continue;
            ran++;
            bool noticed = result.status == -EBADMSG ||
                           (result.status == 0 && result.checksum != result.expected_checksum);
            if (!noticed)
                print_case(&test, &result);
            assert_true(noticed);
            if (damages[i].damage == TEST_DAMAGE_AFTER)
                assert_true(result.error.text[0]);
        }
    }
    assert_true(ran > MM_COUNT_OF(damages));
}

/* A byte that is wrong before a workload that reads and writes is what it has to read. */
static void mixed_operations_prove_what_was_there_before(void **state)
{
    const struct point point = {"random", "operations=2000,write-share=0.2", U8(5000)};
    struct test_case test = case_of(&point, mm_engine_find("mmap"), 0);
    struct test_result sound;
    struct test_result changed;
    test_run(state, &test, &sound);
    test.damage = TEST_DAMAGE_BEFORE;
    test.damaged_byte = 0;
    for (uint64_t byte = 0; byte < 5000 * 8; byte += 8) {
        test.damaged_byte = byte;
        test_run(state, &test, &changed);
        assert_int_equal(changed.status, 0);
        assert_true(changed.checksum == changed.expected_checksum);
        if (changed.checksum != sound.checksum)
            return; /* this one was read */
    }
    fail_msg("no changed byte was ever read");
}

static void writes_reach_the_file_and_reads_leave_it(void **state)
{
    const struct point write = {"sequential", "operation=write", U8(1000)};
    const struct point read = {"sequential", "operation=read", U8(1000)};
    for (size_t e = 0; e < mm_engine_count; e++) {
        struct test_result result;
        struct test_case test = case_of(&write, mm_engines[e], 0);
        test_run(state, &test, &result);
        bool in_file = mm_engines[e]->capabilities & MM_ENGINE_FILE_BACKED;
        assert_true(result.unchanged == !in_file);
        test = case_of(&read, mm_engines[e], 0);
        test_run(state, &test, &result);
        assert_true(result.unchanged);
    }
}

static void updates_without_a_lock_are_counted_not_failed(void **state)
{
    const struct point point = {
        "multiprocess", "processes=4,pattern=contended,lock=none,operations=2000,counters=1",
        U8(1000)};
    double lost = 0;
    struct test_case test = case_of(&point, mm_engine_find("pread"), 0);
    for (int i = 0; i < 20 && lost == 0; i++) {
        struct test_result result;
        test_run(state, &test, &result);
        assert_int_equal(result.status, 0);
        assert_true(result.checksum == result.expected_checksum);
        assert_true(result.has_lost_updates);
        lost = result.lost_updates;
    }
    assert_true(lost > 0);
    assert_true(lost < 4 * 2000);
}

static void updates_under_a_lock_are_never_lost(void **state)
{
    static const char *const engines[] = {"marray", "mmap", "pread"};
    const struct point point = {
        "multiprocess", "processes=4,pattern=contended,lock=range,operations=500,counters=2",
        U8(1000)};
    for (size_t e = 0; e < MM_COUNT_OF(engines); e++) {
        struct test_case test = case_of(&point, mm_engine_find(engines[e]), 3);
        struct test_result result;
        test_run(state, &test, &result);
        if (result.status)
            print_case(&test, &result);
        assert_int_equal(result.status, 0);
        assert_true(result.has_lost_updates && result.lost_updates == 0);
    }
}

static void one_process_flushes_for_all_when_it_shall(void **state)
{
    const struct point each = {"multiprocess", "processes=3,flush=each", U8(5000)};
    const struct point one = {"multiprocess", "processes=3,flush=one", U8(5000)};
    struct test_result result;
    struct test_case test = case_of(&each, mm_engine_find("mmap"), 0);
    test.passes = 2;
    test_run(state, &test, &result);
    assert_int_equal(result.flushes, 6);
    test = case_of(&one, mm_engine_find("mmap"), 0);
    test.passes = 2;
    test_run(state, &test, &result);
    assert_int_equal(result.flushes, 2);
}

static void chunked_flushes_as_often_as_it_is_told(void **state)
{
    static const struct {
        const char *parameters;
        uint64_t flushes;
    } expected[] = {
        {"chunk=800B,flush-every=0", 1},   {"chunk=800B,flush-every=1", 10},
        {"chunk=800B,flush-every=3", 4},   {"chunk=800B,flush-every=5", 2},
        {"chunk=800B,flush-every=100", 1},
    };
    for (size_t i = 0; i < MM_COUNT_OF(expected); i++) {
        const struct point point = {"chunked", expected[i].parameters, "<f8", 8, 0, 1000, false};
        struct test_case test = case_of(&point, mm_engine_find("mmap"), 0);
        struct test_result result;
        test_run(state, &test, &result);
        assert_int_equal(result.flushes, expected[i].flushes);
    }
}

static void the_transform_is_a_phase_of_its_own(void **state)
{
    const struct point point = {"tile-fft", "window=60,tiles=3", F4_2D(130, 140)};
    struct test_case test = case_of(&point, mm_engine_find("pread"), 0);
    struct test_result result;
    test_run(state, &test, &result);
    assert_int_equal(result.entries[MM_PHASE_COMPUTE], 3);
    assert_int_equal(result.entries[MM_PHASE_TOUCH], 3);
    assert_int_equal(result.flushes, 3);
}

static void expect_refusal(const struct point *point, const char *named)
{
    const struct mm_workload *workload = mm_workload_find(point->workload);
    struct mm_workload_needs needs = {0};
    struct mm_error error = {0};
    size_t used = 0;
    struct mm_array array =
        test_array(point->dtype, point->item_bytes, point->rows, point->columns, 0);
    array.fortran_order = point->fortran_order;
    void *options = test_options(workload->parameters, workload->parameter_count,
                                 workload->options_bytes, point->parameters, &used);
    assert_int_equal(workload->plan(options, &array, &needs, &error), -EINVAL);
    if (!strstr(error.text, named))
        fail_msg("'%s' does not name '%s'", error.text, named);
    free(options);
}

static uint64_t random_operations(const char *parameters, uint64_t words)
{
    const struct mm_workload *workload = mm_workload_find("random");
    struct mm_workload_needs needs = {0};
    size_t used = 0;
    struct mm_array array = test_array("<u8", 8, 0, words, 0);
    void *options = test_options(workload->parameters, workload->parameter_count,
                                 workload->options_bytes, parameters, &used);
    assert_int_equal(workload->plan(options, &array, &needs, NULL), 0);
    free(options);
    return needs.items_per_pass;
}

static void random_operations_that_nobody_asked_for_are_few(void **state)
{
    (void)state;
    assert_int_equal(random_operations("", 1600), 100);
    assert_int_equal(random_operations("", 16 * 2000), 2000);
    assert_int_equal(random_operations("", 1 << 30), 2000);
    assert_int_equal(random_operations("share=0.5", 1 << 20), 1 << 19);
    assert_int_equal(random_operations("operations=70000", 1600), 70000);
    assert_int_equal(random_operations("operations=7,share=1", 1600), 7);
}

static void combinations_without_sense_are_refused_with_a_reason(void **state)
{
    static const struct {
        struct point point;
        const char *named;
    } refused[] = {
        {{"random", "block=1MiB", U8(100)}, "'block'"},
        {{"random", "share=0.001", U8(100)}, "'share'"},
        {{"random", "", U8(10)}, "'share'"},
        {{"random", "distribution=zipf,zipf-exponent=-1", U8(100)}, "'zipf-exponent'"},
        {{"strided", "stride-bytes=4B", U8(100)}, "'stride-bytes'"},
        {{"chunked", "", U8(100)}, "'<u8'"},
        {{"elementwise", "via=accessor", ">f8", 8, 0, 100, false}, "'>f8'"},
        {{"elementwise", "via=accessor", "<f8", 8, 10, 10, true}, "Fortran"},
        {{"multiprocess", "processes=3", U8(2)}, "'processes'"},
        {{"multiprocess", "pattern=contended,counters=100", U8(100)}, "'counters'"},
        {{"tile-fft", "window=14", F4_2D(100, 100)}, "14"},
        {{"tile-fft", "window=15", F4_2D(100, 100)}, "15"},
        {{"tile-fft", "window=64", U8_2D(100, 100)}, "'<u8'"},
        {{"tile-fft", "window=64,row=40", F4_2D(100, 100)}, "row 40"},
        {{"tile-fft", "window=50,tiles=5", F4_2D(100, 100)}, "only 4"},
    };
    (void)state;
    for (size_t i = 0; i < MM_COUNT_OF(refused); i++)
        expect_refusal(&refused[i].point, refused[i].named);
}

static void pairs_without_sense_are_skipped_with_a_reason(void **state)
{
    static const struct {
        struct point point;
        const char *engine;
    } skipped[] = {
        {{"elementwise", "via=accessor", U8(100)}, "mmap"},
        {{"elementwise", "via=pointer", U8(100)}, "pread"},
        {{"random", "access=pointer", U8(100)}, "pread"},
        {{"multiprocess", "processes=2", U8(100)}, "memory"},
    };
    for (size_t i = 0; i < MM_COUNT_OF(skipped); i++) {
        struct test_case test = case_of(&skipped[i].point, mm_engine_find(skipped[i].engine), 0);
        struct test_result result;
        test_run(state, &test, &result);
        assert_true(result.skipped);
        assert_non_null(result.why_skipped);
    }
}

static void generated_arrays_fit_their_workload(void **state)
{
    static const uint64_t sizes[] = {UINT64_C(64) << 20, UINT64_C(10) << 20, 5000000};
    (void)state;
    for (size_t w = 0; w < mm_workload_count; w++) {
        const struct mm_workload *workload = mm_workloads[w];
        size_t used = 0;
        void *options = test_options(workload->parameters, workload->parameter_count,
                                     workload->options_bytes, NULL, &used);
        for (size_t i = 0; i < MM_COUNT_OF(sizes); i++) {
            struct mm_array array = test_array("<u8", 8, 0, sizes[i] / 8, 0);
            struct mm_workload_needs needs = {0};
            struct mm_error error = {0};
            if (workload->shape)
                assert_int_equal(workload->shape(options, sizes[i], &array, &error), 0);
            uint64_t product = array.item_bytes;
            for (uint32_t k = 0; k < array.dimensions; k++)
                product *= array.shape[k];
            assert_true(product == array.size_bytes && product > 0 && product <= sizes[i]);
            assert_true(product > sizes[i] / 4 * 3);
            if (workload->plan(options, &array, &needs, &error))
                fail_msg("%s: %s", workload->name, error.text);
            assert_true(needs.bytes_per_pass > 0 && needs.items_per_pass > 0);
            assert_true(needs.processes >= 1);
        }
        free(options);
    }
}

/* The set of elements is computed here by its definition, not by the workload's own arithmetic. */
static void strided_touches_every_nth_element_of_its_axis(void **state)
{
    static const struct {
        const char *parameters;
        bool fortran_order;
        uint64_t row_step; /* of the elements (i, j) of 64 x 300 that count */
        uint64_t column_step;
        uint64_t rows;
        uint64_t columns;
    } expected[] = {
        {"axis=trailing,stride=1", false, 1, 1, 64, 300},
        {"axis=trailing,stride=7", false, 1, 7, 64, 300},
        {"axis=trailing,stride=299", false, 1, 299, 64, 300},
        {"axis=trailing,stride=300", false, 1, 300, 64, 300},
        {"axis=trailing,stride=7,lines=5", false, 1, 7, 5, 300},
        {"axis=leading,stride=1", false, 1, 1, 64, 300},
        {"axis=leading,stride=9", false, 9, 1, 64, 300},
        {"axis=leading,stride=9,lines=4,batch=3", false, 9, 1, 64, 4},
        {"axis=leading,stride=9", true, 9, 1, 64, 300},
        {"axis=trailing,stride=7,lines=5", true, 1, 7, 5, 300},
    };
    static uint64_t words[64 * 300];
    test_expected_bytes(TEST_FILE_SEED, 0, sizeof(words), words);
    for (size_t k = 0; k < MM_COUNT_OF(expected); k++) {
        const struct point point = {"strided", expected[k].parameters,   "<u8", 8, 64,
                                    300,       expected[k].fortran_order};
        struct test_case test = case_of(&point, mm_engine_find("pread"), 3);
        struct test_result result;
        uint64_t sum = 0;
        uint64_t count = 0;
        for (uint64_t i = 0; i < expected[k].rows; i += expected[k].row_step)
            for (uint64_t j = 0; j < expected[k].columns; j += expected[k].column_step, count++)
                sum += words[expected[k].fortran_order ? j * 64 + i : i * 300 + j];
        test_run(state, &test, &result);
        assert_int_equal(result.status, 0);
        assert_true(result.items == count);
        assert_true(result.checksum == sum);
    }
}

/* Notes what an engine is asked for, and passes it on. */
static struct {
    uint64_t offset[64];
    size_t count;
    struct mm_engine_walk walk;
    size_t walks;
    size_t borrowed_before;
} noted;

static int note_borrow(struct mm_engine_file *file, const struct mm_region *region,
                       enum mm_engine_access access, struct mm_span *span, struct mm_error *error)
{
    assert_true(noted.count < MM_COUNT_OF(noted.offset));
    noted.offset[noted.count++] = region->offset_bytes;
    return mm_engine_find("mmap")->borrow(file, region, access, span, error);
}

static int note_expect(struct mm_engine_file *file, const struct mm_engine_walk *walk,
                       struct mm_error *error)
{
    (void)file;
    (void)error;
    noted.walk = *walk;
    noted.borrowed_before = noted.count;
    noted.walks++;
    return 0;
}

static void sequential_goes_the_way_it_announces(void **state)
{
    static const char *const parameters[] = {"block=800B", "block=800B,direction=backward"};
    struct mm_engine spy = *mm_engine_find("mmap");
    spy.borrow = note_borrow;
    spy.expect = note_expect;
    for (size_t k = 0; k < MM_COUNT_OF(parameters); k++) {
        const struct point point = {"sequential", parameters[k], U8(1050)};
        struct test_case test = case_of(&point, &spy, 0);
        struct test_result result;
        bool forward = k == 0;
        memset(&noted, 0, sizeof(noted));
        test.stand_in = &spy;
        test_run(state, &test, &result);
        check_good(&test, &result);
        assert_int_equal(noted.count, 11);
        for (size_t i = 0; i < 11; i++)
            assert_int_equal(noted.offset[i], 800 * (forward ? i : 10 - i));
        assert_int_equal(noted.walks, 1);
        assert_int_equal(noted.borrowed_before, forward ? 0 : 1);
        assert_int_equal(noted.walk.steps, 10);
        assert_int_equal(noted.walk.step_bytes, forward ? 800 : -800);
        assert_int_equal(noted.walk.first.offset_bytes, forward ? 0 : 7200);
        assert_int_equal(noted.walk.first.count[0], 800);
        assert_int_equal(noted.walk.access, MM_ACCESS_READ);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sequential_point_is_proved),
        cmocka_unit_test(every_strided_point_is_proved),
        cmocka_unit_test(every_random_point_is_proved),
        cmocka_unit_test(every_chunked_point_is_proved),
        cmocka_unit_test(every_elementwise_point_is_proved),
        cmocka_unit_test(every_multiprocess_point_is_proved),
        cmocka_unit_test(every_tile_fft_point_is_proved),
        cmocka_unit_test(every_shipped_workload_has_points),
        cmocka_unit_test(
            every_operation_is_timed_where_latency_is_measured_and_proved_all_the_same),
        cmocka_unit_test(the_parts_of_an_operation_are_marked),
        cmocka_unit_test(one_wrong_byte_fails_the_proof),
        cmocka_unit_test(mixed_operations_prove_what_was_there_before),
        cmocka_unit_test(writes_reach_the_file_and_reads_leave_it),
        cmocka_unit_test(updates_without_a_lock_are_counted_not_failed),
        cmocka_unit_test(updates_under_a_lock_are_never_lost),
        cmocka_unit_test(one_process_flushes_for_all_when_it_shall),
        cmocka_unit_test(chunked_flushes_as_often_as_it_is_told),
        cmocka_unit_test(the_transform_is_a_phase_of_its_own),
        cmocka_unit_test(random_operations_that_nobody_asked_for_are_few),
        cmocka_unit_test(combinations_without_sense_are_refused_with_a_reason),
        cmocka_unit_test(pairs_without_sense_are_skipped_with_a_reason),
        cmocka_unit_test(generated_arrays_fit_their_workload),
        cmocka_unit_test(strided_touches_every_nth_element_of_its_axis),
        cmocka_unit_test(sequential_goes_the_way_it_announces),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
