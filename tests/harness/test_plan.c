/* Plans: what suites and options multiply to, what is refused and how, names, files and order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"
#include "harness/memory_limit.h"
#include "harness/plan_internal.h"
#include "tests/harness/refuse.h"

#define MIB (UINT64_C(1) << 20)

/* A folder for the data and the files of one test, which is empty at its end. */
static int make_folder(void **state)
{
    const char *base = getenv("TMPDIR");
    char *folder = mm_text_format("%s/mapmeter-plan-XXXXXX", base ? base : "/var/tmp");
    if (!folder || !mkdtemp(folder))
        return -1;
    *state = folder;
    return 0;
}

static int remove_folder(void **state)
{
    /* Fails when a plan has left anything there. */
    int status = rmdir(*state);
    free(*state);
    return status;
}

/* Text of a suite, and the request that names it. */
struct fixture {
    struct mm_plan_shipped_suite suite;
    struct mm_plan_request request;
};

static struct mm_plan_request *suite_request(struct fixture *fixture, const char *text,
                                             const char *folder)
{
    *fixture = (struct fixture){
        .suite = {.name = "test", .path = "suites/test.yaml", .text = text},
        .request = {.suite = "test",
                    .shipped_count = 1,
                    .data_folder = folder,
                    .has_seed = true,
                    .seed = 7},
    };
    fixture->request.shipped = &fixture->suite;
    return &fixture->request;
}

static struct mm_plan *made(const struct mm_plan_request *request)
{
    struct mm_plan *plan = NULL;
    struct mm_error error = {0};
    if (mm_plan_make(request, &plan, &error))
        fail_msg("%s", error.text);
    return plan;
}

static void assert_refused(const struct mm_plan_request *request, const char *message)
{
    struct mm_plan *plan = NULL;
    struct mm_error error = {0};
    assert_int_equal(mm_plan_make(request, &plan, &error), -EINVAL);
    assert_null(plan);
    if (!strstr(error.text, message))
        fail_msg("'%s' is not in '%s'", message, error.text);
}

static void assert_suite_refused(const char *text, const char *folder, const char *message)
{
    struct fixture fixture;
    assert_refused(suite_request(&fixture, text, folder), message);
}

static const struct mm_plan_case *case_named(const struct mm_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->case_count; i++) {
        if (!strcmp(plan->cases[i].name, name))
            return &plan->cases[i];
    }
    fail_msg("no case '%s'; the first is '%s'", name, plan->cases[0].name);
    return NULL;
}

static void lists_multiply(void **state)
{
    struct fixture fixture;
    struct mm_plan *plan =
        made(suite_request(&fixture,
                           "name: test\n"
                           "cases:\n"
                           "  - workload: sequential\n"
                           "    engine: [mmap, pread]\n"
                           "    cache: [cold, warm]\n"
                           "    size: [1MiB, 2MiB]\n"
                           "    parameters: {block: [4KiB, 64KiB, 1MiB], direction: backward}\n",
                           *state));
    assert_int_equal(plan->case_count, 2 * 2 * 2 * 3);
    assert_string_equal(plan->suite, "test");
    assert_string_equal(plan->suite_path, "suites/test.yaml");
    mm_plan_free(plan);
}

static void names_have_every_parameter_in_table_order(void **state)
{
    struct fixture fixture;
    struct mm_plan *plan = made(suite_request(&fixture,
                                              "name: test\n"
                                              "cases:\n"
                                              "  - workload: sequential\n"
                                              "    engine: mmap\n"
                                              "    cache: warm\n"
                                              "    size: 1024KiB\n"
                                              "    warmup: 2\n"
                                              "    iterations: 3\n"
                                              "    parameters: {block: 1024KiB}\n",
                                              *state));
    assert_string_equal(plan->cases[0].name,
                        "sequential/engine:mmap/cache:warm/operation:read/direction:forward/"
                        "block:1MiB/advice:normal/size:1MiB/warmup:2/iterations:3");
    assert_int_equal(plan->cases[0].warmup_passes, 2);
    assert_int_equal(plan->cases[0].iterations, 3);
    mm_plan_free(plan);
}

/* No workload of ours has a parameter that is free text; those of others may. */
static void free_text_cannot_break_a_name(void **state)
{
    (void)state;
    struct options {
        const char *label;
    };
    static const struct mm_parameter parameter = {
        .name = "label",
        .summary = "any text",
        .type = MM_PARAMETER_TEXT,
        .default_text = "",
        .offset = offsetof(struct options, label),
    };
    static const struct mm_workload workload = {
        .name = "labelled",
        .parameters = &parameter,
        .parameter_count = 1,
        .options_bytes = sizeof(struct options),
    };
    static const struct mm_engine engine = {.name = "none"};
    struct mm_plan_case one;
    assert_int_equal(mm_plan_case_begin(&workload, &engine, &one, NULL), 0);
    one.cache = MM_CACHE_WARM;
    one.iterations = 1;
    assert_int_equal(mm_plan_case_set(&one, &parameter, "a/b:c %\n", NULL), 0);
    const struct options *options = one.workload_options;
    assert_string_equal(options->label, "a/b:c %\n");
    char *name = mm_plan_case_name(&one, 4096);
    assert_string_equal(name, "labelled/engine:none/cache:warm/label:a%2Fb%3Ac%20%25%0A/size:4KiB");
    free(name);
    mm_plan_case_release(&one);
}

static void a_cold_case_has_one_sample_and_one_pass(void **state)
{
    struct fixture fixture;
    struct mm_plan *plan = made(suite_request(&fixture,
                                              "name: test\n"
                                              "defaults: {samples: 5, iterations: 4, warmup: 1}\n"
                                              "cases:\n"
                                              "  - {workload: sequential, engine: mmap}\n"
                                              "  - workload: sequential\n"
                                              "    engine: mmap\n"
                                              "    cache: warm\n"
                                              "    parameters: {operation: write}\n",
                                              *state));
    const struct mm_plan_case *cold = &plan->cases[0];
    const struct mm_plan_case *warm = &plan->cases[1];
    const struct mm_plan_case *flushing = &plan->cases[2];
    assert_int_equal(cold->cache, MM_CACHE_COLD);
    assert_int_equal(cold->samples, 1);
    assert_int_equal(cold->iterations, 1);
    assert_int_equal(cold->warmup_passes, 0);
    assert_int_equal(warm->samples, 5);
    assert_int_equal(warm->iterations, 4);
    assert_int_equal(flushing->samples, 1);
    assert_int_equal(flushing->iterations, 4);
    mm_plan_free(plan);
}

static void case_settings_win_over_defaults(void **state)
{
    struct fixture fixture;
    struct mm_plan *plan =
        made(suite_request(&fixture,
                           "name: test\n"
                           "defaults: {launches: 2, timeout: 5s, engine: mmap, cache: warm}\n"
                           "cases:\n"
                           "  - workload: sequential\n"
                           "  - {workload: random, launches: 9, timeout: 250ms, engine: memory}\n",
                           *state));
    assert_int_equal(plan->case_count, 2);
    assert_int_equal(plan->cases[0].launches, 2);
    assert_int_equal(plan->cases[0].timeout_ns, UINT64_C(5000000000));
    assert_int_equal(plan->cases[1].launches, 9);
    assert_int_equal(plan->cases[1].timeout_ns, UINT64_C(250000000));
    assert_string_equal(plan->cases[1].engine->name, "memory");
    mm_plan_free(plan);
}

static void exclusions_compare_values_and_not_spellings(void **state)
{
    struct fixture fixture;
    struct mm_plan *plan = made(suite_request(&fixture,
                                              "name: test\n"
                                              "cases:\n"
                                              "  - workload: sequential\n"
                                              "    engine: [mmap, pread]\n"
                                              "    cache: [cold, warm]\n"
                                              "    parameters: {block: [4KiB, 1MiB]}\n"
                                              "    exclude:\n"
                                              "      - {engine: pread, block: 1024KiB}\n"
                                              "      - {cache: cold, block: [4096, 8KiB]}\n",
                                              *state));
    assert_int_equal(plan->case_count, 8 - 2 - 2);
    for (size_t i = 0; i < plan->case_count; i++) {
        assert_null(strstr(plan->cases[i].name, "cache:cold/operation:read/direction:forward/"
                                                "block:4KiB"));
    }
    mm_plan_free(plan);
}

static void an_engine_parameter_applies_to_the_engines_that_have_it(void **state)
{
    struct fixture fixture;
    struct mm_plan *plan = made(suite_request(&fixture,
                                              "name: test\n"
                                              "cases:\n"
                                              "  - workload: sequential\n"
                                              "    engine: [mmap, memory]\n"
                                              "    cache: warm\n"
                                              "    parameters: {advice: [normal, random]}\n",
                                              *state));
    /* mmap twice, memory once. */
    assert_int_equal(plan->case_count, 3);
    assert_non_null(strstr(plan->cases[1].name, "advice:random"));
    assert_null(strstr(plan->cases[2].name, "advice"));
    mm_plan_free(plan);
}

static void misspellings_name_the_line_and_what_is_near(void **state)
{
    static const struct {
        const char *text;
        const char *message;
    } wrong[] = {
        {"name: t\ncases:\n  - workload: sequentail\n",
         "suites/test.yaml:3: unknown workload 'sequentail', did you mean 'sequential'?"},
        {"name: t\ncases:\n  - workload: sequential\n    engine: [mmap,\n     pred]\n",
         "suites/test.yaml:5: unknown engine 'pred', did you mean 'pread'?"},
        {"name: t\ncases:\n  - workload: sequential\n    engin: mmap\n",
         "suites/test.yaml:4: unknown key 'engin' in a case, did you mean 'engine'?"},
        {"name: t\ndefault:\n  launches: 3\ncases: []\n",
         "suites/test.yaml:2: unknown key 'default' in the suite, did you mean 'defaults'?"},
        {"name: t\ndefaults: {\n  lanches: 3}\ncases: []\n",
         "suites/test.yaml:3: unknown key 'lanches' in defaults, did you mean 'launches'?"},
        {"name: t\ncases:\n  - workload: sequential\n    parameters:\n      blok: 4KiB\n",
         "suites/test.yaml:5: unknown parameter 'blok' of sequential, did you mean 'block'?"},
        {"name: t\ncases:\n  - workload: sequential\n    parameters:\n      operation: raed\n",
         "suites/test.yaml:5: parameter 'operation': "},
        {"name: t\ncases:\n  - workload: sequential\n    parameters:\n      operation: raed\n",
         "did you mean 'read'?"},
        {"name: t\ncases:\n  - workload: sequential\n    parameters:\n      block: 64Kib\n",
         "suites/test.yaml:5: parameter 'block': '64Kib' is not a size"},
        {"name: t\ncases:\n  - workload: sequential\n    size: 64Mib\n",
         "suites/test.yaml:4: '64Mib' is not a size, did you mean 'MiB'?"},
        {"name: t\ncases:\n  - workload: sequential\n    timeout: 5sec\n",
         "suites/test.yaml:4: '5sec' is not a duration"},
        {"name: t\ncases:\n  - workload: sequential\n    cache: colt\n", "suites/test.yaml:4: "},
        {"name: t\ncases:\n  - workload: sequential\n    launches: 0\n",
         "suites/test.yaml:4: 'launches: 0' is not a whole number from 1 to"},
        {"name: t\ncases:\n  - workload: sequential\n    launches: many\n",
         "suites/test.yaml:4: 'launches: many' is not a whole number"},
        {"name: t\ncases:\n  - workload: sequential\n    exclude: [{engine: memry}]\n",
         "suites/test.yaml:4: unknown engine 'memry', did you mean 'memory'?"},
        {"name: t\ncases:\n  - workload: sequential\n    exclude: [{blok: 4KiB}]\n",
         "suites/test.yaml:4: unknown parameter 'blok' of sequential, did you mean 'block'?"},
    };
    for (size_t i = 0; i < MM_COUNT_OF(wrong); i++)
        assert_suite_refused(wrong[i].text, *state, wrong[i].message);
}

static void a_matrix_without_cases_says_so(void **state)
{
    assert_suite_refused("name: t\ncases: []\n", *state,
                         "suites/test.yaml:2: 'cases' is empty: the matrix has no case");
    assert_suite_refused("name: t\n", *state, "has no 'cases': its matrix is empty");
    assert_suite_refused("name: t\ncases:\n  - workload: sequential\n    engine: []\n", *state,
                         "suites/test.yaml:4: 'engine' is an empty list, which leaves no case");
    assert_suite_refused("name: t\ncases:\n  - workload: sequential\n"
                         "    parameters: {block: []}\n",
                         *state, "suites/test.yaml:4: 'block' is an empty list");
    assert_suite_refused("name: t\ncases:\n  - workload: sequential\n    engine: mmap\n"
                         "    exclude: [{engine: mmap}]\n",
                         *state,
                         "suites/test.yaml:3: the matrix is empty: its exclusions leave no case");
}

static void wrong_forms_are_refused(void **state)
{
    assert_suite_refused("cases: [{workload: sequential}]\n", *state, "has no 'name'");
    assert_suite_refused("- a\n", *state, "the suite must be keys with values");
    assert_suite_refused("name: a/b\ncases: [{workload: sequential}]\n", *state,
                         "suites/test.yaml:1: the name 'a/b'");
    assert_suite_refused("name: t\ncases: {workload: sequential}\n", *state, "takes a list");
    assert_suite_refused("name: t\ncases: [sequential]\n", *state, "must be keys with values");
    assert_suite_refused("name: t\ncases: [{engine: mmap}]\n", *state, "a case without 'workload'");
    assert_suite_refused("name: t\ncases: [{workload: [random, strided]}]\n", *state,
                         "'workload' takes one value");
    assert_suite_refused("name: t\ncases: [{workload: random, engine: {a: b}}]\n", *state,
                         "'engine' takes a value or a list of values");
    assert_suite_refused("name: t\ncases: [{workload: random, engine: [[mmap]]}]\n", *state,
                         "a list inside of the list of 'engine'");
    assert_suite_refused("name: t\ncases: [{workload: random, parameters: [a]}]\n", *state,
                         "'parameters' must be names with values");
    assert_suite_refused("name: t\ncases: [{workload: random, exclude: [x]}]\n", *state,
                         "an exclusion is names with values");
}

static void an_exclusion_that_fits_nothing_is_refused(void **state)
{
    static const char text[] = "name: t\ncases:\n  - workload: sequential\n    engine: mmap\n"
                               "    exclude:\n      - {engine: memory}\n";
    assert_suite_refused(text, *state,
                         "suites/test.yaml:6: this exclusion fits no case of the matrix");
}

static void the_same_case_twice_is_refused(void **state)
{
    assert_suite_refused("name: t\ncases:\n  - workload: sequential\n    engine: mmap\n"
                         "  - workload: sequential\n    engine: [mmap, pread]\n",
                         *state, "this case comes twice");
    assert_suite_refused("name: t\ncases:\n  - workload: sequential\n"
                         "    parameters: {block: [1MiB, 1024KiB]}\n",
                         *state, "suites/test.yaml:3: this case comes twice");
}

static void lists_that_multiply_without_end_are_refused(void **state)
{
    char text[4096];
    size_t used = (size_t)snprintf(text, sizeof(text),
                                   "name: t\ncases:\n  - workload: strided\n    engine: mmap\n"
                                   "    cache: warm\n    size: 1MiB\n    parameters:\n");
    const char *names[] = {"stride", "lines", "batch"};
    for (size_t i = 0; i < MM_COUNT_OF(names); i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "      %s: [1", names[i]);
        for (unsigned n = 2; n <= 30; n++)
            used += (size_t)snprintf(text + used, sizeof(text) - used, ",%u", n);
        used += (size_t)snprintf(text + used, sizeof(text) - used, "]\n");
    }
    assert_suite_refused(text, *state, "the lists multiply to more than");
}

static void the_command_line_selects_from_a_suite(void **state)
{
    static const char text[] = "name: t\ncases:\n"
                               "  - workload: sequential\n"
                               "    exclude: [{engine: memory, cache: cold}]\n"
                               "  - workload: random\n";
    struct fixture fixture;
    struct mm_plan_request *request = suite_request(&fixture, text, *state);
    const char *workloads[] = {"sequential"};
    const char *engines[] = {"mmap,pread"};
    const char *caches[] = {"warm"};
    const char *parameters[] = {"block=4KiB,8KiB", "advice=random"};
    request->workloads = workloads;
    request->workload_count = 1;
    request->engines = engines;
    request->engine_count = 1;
    request->caches = caches;
    request->cache_count = 1;
    request->parameters = parameters;
    request->parameter_count = 2;
    request->launches = 11;
    request->size = "2MiB";
    struct mm_plan *plan = made(request);
    assert_int_equal(plan->case_count, 4);
    const struct mm_plan_case *one =
        case_named(plan, "sequential/engine:pread/cache:warm/operation:read/direction:forward/"
                         "block:8KiB/advice:random/size:2MiB");
    assert_int_equal(one->launches, 11);
    assert_int_equal(plan->files[one->file].array.size_bytes, 2 * MIB);
    mm_plan_free(plan);

    const char *others[] = {"strided"};
    request->workloads = others;
    assert_refused(request, "the matrix is empty: the suite 't' has no case with the selected");
}

/* A request without a suite. */
static struct mm_plan_request options_request(const char *const *workloads, size_t workload_count,
                                              const char *folder)
{
    return (struct mm_plan_request){
        .workloads = workloads,
        .workload_count = workload_count,
        .data_folder = folder,
        .has_seed = true,
        .seed = 1,
    };
}

static void the_command_line_alone_makes_a_plan(void **state)
{
    const char *workloads[] = {"sequential,random"};
    struct mm_plan_request request = options_request(workloads, 1, *state);
    struct mm_plan *plan = made(&request);
    assert_string_equal(plan->suite, "command line");
    assert_null(plan->suite_path);
    assert_int_equal(plan->case_count, 2 * mm_engine_count * 2);
    assert_int_equal(plan->seed, 1);
    assert_true(plan->estimated_ns > 0);
    mm_plan_free(plan);
}

/* How long one launch of a random case takes by estimate, in seconds; the file is there. */
static double estimated_s(const char *folder, const char *engine, const char *cache,
                          const char *parameter)
{
    const char *workloads[] = {"random"};
    const char *parameters[] = {"operations=100000", parameter};
    struct mm_plan_request request = options_request(workloads, 1, folder);
    request.engines = &engine;
    request.engine_count = 1;
    request.caches = &cache;
    request.cache_count = 1;
    request.parameters = parameters;
    request.parameter_count = parameter ? 2 : 1;
    request.launches = 1;
    request.size = "64MiB";
    struct mm_plan *plan = made(&request);
    double estimated = (double)plan->estimated_ns / 1e9;
    mm_plan_free(plan);
    return estimated;
}

static void random_operations_are_estimated_by_what_the_device_delivers(void **state)
{
    /* Past the page cache each of 100,000 comes from the device, many at once with a queue. */
    assert_true(estimated_s(*state, "direct", "cold", NULL) > 5);
    assert_true(estimated_s(*state, "uring", "cold", "direct=true") <
                estimated_s(*state, "direct", "cold", NULL) / 4);
    /* Through it none comes twice, unless memory is short. */
    assert_true(estimated_s(*state, "pread", "cold", NULL) < 5);
    assert_true(estimated_s(*state, "pread", "warm", NULL) < 1);
    struct mm_memory_limit_place place;
    if (mm_memory_limit_find(&mm_memory_limit_this_system, &place, NULL) == 0)
        assert_true(estimated_s(*state, "pread", "pressure", NULL) > 5);
}

static void wrong_options_are_named(void **state)
{
    const char *workloads[] = {"sequential"};
    struct mm_plan_request request = options_request(workloads, 1, *state);
    const char *parameters[] = {"blok=1MiB", "block=1MiB"};
    request.parameters = parameters;
    request.parameter_count = 1;
    assert_refused(&request, "-p blok=1MiB: unknown parameter 'blok' of sequential, did you mean "
                             "'block'?");
    parameters[0] = "block";
    assert_refused(&request, "-p block: write name=value");
    parameters[0] = "block=";
    assert_refused(&request, "-p block=: 'block' has no value");
    parameters[0] = "block=2MiB";
    request.parameter_count = 2;
    assert_refused(&request, "-p block=1MiB: 'block' is given twice");
    parameters[0] = "operation=wriet";
    request.parameter_count = 1;
    assert_refused(&request, "did you mean 'write'?");
    request.parameter_count = 0;
    const char *engines[] = {"mmap,"};
    request.engines = engines;
    request.engine_count = 1;
    assert_refused(&request, "--engine: an empty name in 'mmap,'");
    request.engine_count = 0;
    request.size = "64Kib";
    assert_refused(&request, "--size: '64Kib' is not a size, did you mean 'KiB'?");
    request.size = "1";
    assert_refused(&request, "a size of 1 bytes holds no element");
    request.size = NULL;
    request.workload_count = 0;
    assert_refused(&request, "name a suite (such as quick) or a workload");
    request.suite = "quik";
    assert_refused(&request, "unknown suite 'quik'");
    request.suite = "/nonexistent/x.yaml";
    assert_refused(&request, "/nonexistent/x.yaml");
}

static void what_makes_no_sense_is_skipped_with_a_reason(void **state)
{
    const char *workloads[] = {"sequential", "multiprocess"};
    const char *engines[] = {"memory"};
    struct mm_plan_request request = options_request(workloads, 2, *state);
    request.engines = engines;
    request.engine_count = 1;
    struct mm_plan *plan = made(&request);
    const struct mm_plan_case *cold = &plan->cases[0];
    assert_non_null(strstr(cold->skip_reason, "cold means nothing for the engine memory"));
    assert_true(cold->file == SIZE_MAX);
    assert_null(plan->cases[1].skip_reason);
    assert_non_null(strstr(plan->cases[2].skip_reason, "sharing between processes"));
    struct mm_plan_launch *order = NULL;
    size_t count = 0;
    assert_int_equal(mm_plan_order(plan, &order, &count, NULL), 0);
    assert_int_equal(count, plan->cases[1].launches);
    free(order);
    mm_plan_free(plan);
}

static void warm_means_nothing_past_the_page_cache(void **state)
{
    const char *workloads[] = {"sequential"};
    const char *engines[] = {"direct", "uring"};
    const char *parameters[] = {"operation=read", "direct=false,true"};
    struct mm_plan_request request = options_request(workloads, 1, *state);
    request.engines = engines;
    request.engine_count = 2;
    request.parameters = parameters;
    request.parameter_count = 2;
    struct mm_plan *plan = made(&request);
    size_t skipped = 0;
    for (size_t i = 0; i < plan->case_count; i++) {
        const struct mm_plan_case *plan_case = &plan->cases[i];
        bool through_cache = strstr(plan_case->name, "/direct:false") != NULL;
        assert_int_equal(plan_case->skip_reason != NULL,
                         plan_case->cache == MM_CACHE_WARM && !through_cache);
        if (plan_case->skip_reason) {
            assert_non_null(strstr(plan_case->skip_reason, "warm means nothing for the engine"));
            skipped++;
        }
    }
    assert_int_equal(plan->case_count, 6);
    assert_int_equal(skipped, 2);
    mm_plan_free(plan);
}

static void the_cost_of_counting_is_measured_by_a_twin_of_each_case(void **state)
{
    struct fixture fixture;
    struct mm_plan_request *request = suite_request(&fixture,
                                                    "name: test\n"
                                                    "cases:\n"
                                                    "  - workload: sequential\n"
                                                    "    engine: [mmap, memory]\n"
                                                    "    cache: cold\n"
                                                    "    events: CYCLES\n",
                                                    *state);
    request->counter_overhead = true;
    struct mm_plan *plan = made(request);
    /* Cold memory is skipped, and needs no twin. */
    assert_int_equal(plan->case_count, 3);
    const struct mm_plan_case *counted = &plan->cases[0];
    const struct mm_plan_case *off = &plan->cases[1];
    char *name = mm_text_format("%s/counting:off", counted->name);
    assert_string_equal(off->name, name);
    free(name);
    assert_false(counted->counters_off);
    assert_true(off->counters_off);
    assert_null(off->events);
    assert_int_equal(off->launches, counted->launches);
    assert_non_null(plan->cases[2].skip_reason);
    /* The worker reads the same from the record. */
    json_t *cases = mm_plan_cases_to_json(plan);
    json_t *files = mm_plan_files_to_json(plan);
    struct mm_plan_case found;
    struct mm_plan_file file;
    assert_int_equal(mm_plan_case_from_json(json_array_get(cases, 1), json_array_get(files, 0),
                                            &found, &file, NULL),
                     0);
    assert_true(found.counters_off);
    mm_plan_case_release(&found);
    mm_plan_file_release(&file);
    json_object_set_new(json_array_get(cases, 1), "counting", json_string("on"));
    assert_int_equal(mm_plan_case_from_json(json_array_get(cases, 1), json_array_get(files, 0),
                                            &found, &file, NULL),
                     -EINVAL);
    json_decref(cases);
    json_decref(files);
    mm_plan_free(plan);
}

static void pressure_comes_twice_to_fill_and_in_the_steady_state(void **state)
{
    struct fixture fixture;
    struct mm_plan *plan = made(suite_request(&fixture,
                                              "name: a\n"
                                              "cases:\n"
                                              "  - workload: sequential\n"
                                              "    engine: mmap\n"
                                              "    cache: pressure\n"
                                              "    memory: 50%\n"
                                              "    size: 64MiB\n",
                                              *state));
    assert_int_equal(plan->case_count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct mm_plan_case *one = &plan->cases[i];
        assert_int_equal(one->cache, MM_CACHE_PRESSURE);
        assert_int_equal(one->memory_limit_bytes, UINT64_C(32) << 20);
        assert_int_equal(one->fill, i == 0);
        assert_int_equal(one->warmup_passes, i);
        assert_non_null(strstr(one->name, i == 0 ? "/size:64MiB/memory:32MiB/stage:fill"
                                                 : "/size:64MiB/memory:32MiB/stage:steady"));
    }
    mm_plan_free(plan);
}

static void a_memory_limit_that_makes_no_sense_is_refused_or_skipped(void **state)
{
    struct fixture fixture;
    assert_suite_refused("name: a\n"
                         "cases:\n"
                         "  - workload: sequential\n"
                         "    memory: 120%\n",
                         *state, "'120%' is not a share");
    struct mm_plan *plan = made(suite_request(&fixture,
                                              "name: a\n"
                                              "cases:\n"
                                              "  - workload: sequential\n"
                                              "    engine: mmap\n"
                                              "    cache: pressure\n"
                                              "    size: 8MiB\n"
                                              "  - workload: random\n"
                                              "    engine: mmap\n"
                                              "    cache: pressure\n"
                                              "    memory: 64MiB\n"
                                              "    size: 32MiB\n",
                                              *state));
    assert_non_null(strstr(plan->cases[0].skip_reason, "too small for the worker itself"));
    assert_non_null(strstr(plan->cases[2].skip_reason, "there is no pressure"));
    mm_plan_free(plan);
}

/* In a child, since a filter of system calls stays. */
#define SMALL_RANDOM                        \
    "name: t\n"                             \
    "defaults: {size: 1MiB, cache: warm}\n" \
    "cases:\n"                              \
    "  - {workload: random, engine: mmap, "

static void latency_has_cases_of_its_own_at_each_rate(void **state)
{
    static const char throughput[] =
        "random/engine:mmap/cache:warm/distribution:uniform/zipf-exponent:0.99/block:0B/"
        "operations:0/share:0/write-share:0/access:auto/batch:256/advice:normal/size:1MiB";
    struct fixture fixture;
    struct mm_plan *plan = made(suite_request(
        &fixture, SMALL_RANDOM "measure: [throughput, latency], rate: [closed, 1e3, 64Ki]}\n",
        *state));
    assert_int_equal(plan->case_count, 4);
    const struct mm_plan_case *plain = case_named(plan, throughput);
    assert_false(plain->measures_latency);
    assert_int_equal(plain->samples, 3);
    static const struct {
        const char *tail;
        uint64_t rate;
    } expected[] = {
        {"/measure:latency", 0},
        {"/measure:latency/rate:1000", 1000},
        {"/measure:latency/rate:65536", 65536},
    };
    for (size_t i = 0; i < MM_COUNT_OF(expected); i++) {
        char *name = mm_text_format("%s%s", throughput, expected[i].tail);
        const struct mm_plan_case *one = case_named(plan, name);
        assert_true(one->measures_latency);
        assert_int_equal(one->rate, expected[i].rate);
        assert_int_equal(one->samples, 1);
        free(name);
    }
    mm_plan_free(plan);
}

static void an_open_loop_is_planned_as_long_as_its_schedule(void **state)
{
    struct fixture fixture;
    struct mm_plan *plan =
        made(suite_request(&fixture,
                           SMALL_RANDOM "measure: latency, rate: [closed, 100], launches: 2, "
                                        "parameters: {operations: 5000}}\n",
                           *state));
    const uint64_t schedule_ns = UINT64_C(50000000000);
    assert_true(plan->estimated_ns > 2 * schedule_ns);
    assert_true(plan->estimated_ns < 3 * schedule_ns);
    assert_true(plan->cases[1].timeout_ns > 10 * schedule_ns);
    mm_plan_free(plan);
}

static void exclusions_know_measures_and_rates(void **state)
{
    struct fixture fixture;
    struct mm_plan *plan = made(suite_request(&fixture,
                                              "name: t\n"
                                              "defaults:\n"
                                              "  {size: 1MiB, cache: warm, engine: mmap,\n"
                                              "   measure: [throughput, latency], rate: [closed, "
                                              "1000, 2000]}\n"
                                              "cases:\n"
                                              "  - workload: random\n"
                                              "    exclude:\n"
                                              "      - {measure: throughput}\n"
                                              "      - {rate: [closed, 2e3]}\n",
                                              *state));
    assert_int_equal(plan->case_count, 1);
    assert_int_equal(plan->cases[0].rate, 1000);
    mm_plan_free(plan);
}

static void the_command_line_changes_what_a_suite_measures(void **state)
{
    static const char *const measures[] = {"latency"};
    static const char *const rates[] = {"closed,50", "70"};
    struct fixture fixture;
    struct mm_plan_request *request =
        suite_request(&fixture, SMALL_RANDOM "measure: throughput}\n", *state);
    request->measures = measures;
    request->measure_count = 1;
    request->rates = rates;
    request->rate_count = 2;
    struct mm_plan *plan = made(request);
    assert_int_equal(plan->case_count, 3);
    assert_int_equal(plan->cases[1].rate, 50);
    assert_int_equal(plan->cases[2].rate, 70);
    mm_plan_free(plan);
}

static void a_workload_without_timed_operations_is_skipped_for_latency(void **state)
{
    struct fixture fixture;
    struct mm_plan *plan =
        made(suite_request(&fixture,
                           "name: t\n"
                           "defaults: {size: 1MiB, cache: warm, measure: [throughput, latency]}\n"
                           "cases:\n"
                           "  - {workload: elementwise, engine: mmap}\n",
                           *state));
    assert_null(plan->cases[0].skip_reason);
    assert_non_null(strstr(plan->cases[1].skip_reason, "no latency of elementwise: "));
    mm_plan_free(plan);
}

static void wrong_measures_and_rates_are_named(void **state)
{
    static const char *const rates[] = {"100"};
    static const char *const measures[] = {"latency,speed"};
    struct fixture fixture;
    assert_suite_refused(SMALL_RANDOM "measure: latensy}\n", *state,
                         "suites/test.yaml:4: 'latensy' is not to be measured, did you mean "
                         "'latency'?");
    assert_suite_refused(SMALL_RANDOM "measure: latency, rate: 0}\n", *state,
                         "'0' is not a rate: write operations per second from 1 to 100000000");
    assert_suite_refused(SMALL_RANDOM "measure: latency, rate: fast}\n", *state,
                         "'fast' is not a rate");
    assert_suite_refused(SMALL_RANDOM "rate: 100}\n", *state,
                         "a rate is for latency: add 'measure: latency'");
    assert_suite_refused(SMALL_RANDOM "measure: [latency, latency]}\n", *state, "comes twice");
    assert_suite_refused(SMALL_RANDOM "exclude: [{measure: latensy}]}\n", *state, "did you mean");
    struct mm_plan_request *request = suite_request(&fixture, SMALL_RANDOM "}\n", *state);
    request->rates = rates;
    request->rate_count = 1;
    assert_refused(request, "--rate 100: a rate is for latency: add --measure latency");
    request->measures = measures;
    request->measure_count = 1;
    assert_refused(request, "--measure: 'speed' is not to be measured");
}

static int plan_dirty_without_cachestat(void *context)
{
    const char *workloads[] = {"sequential"};
    const char *engines[] = {"mmap"};
    const char *caches[] = {"dirty"};
    struct mm_plan_request request = options_request(workloads, 1, context);
    struct mm_plan *plan = NULL;
    request.engines = engines;
    request.engine_count = 1;
    request.caches = caches;
    request.cache_count = 1;
    if (refuse_call(451, ENOSYS))
        return 77;
    if (mm_plan_make(&request, &plan, NULL))
        return 1;
    const char *reason = plan->cases[0].skip_reason;
    int code = reason && strstr(reason, "only cachestat tells dirty pages") ? 0 : 2;
    mm_plan_free(plan);
    return code;
}

static void dirty_without_cachestat_is_skipped(void **state)
{
    int code = exit_code_of_child(plan_dirty_without_cachestat, *state);
    if (code == 77)
        skip();
    assert_int_equal(code, 0);
}

static void cold_on_a_memory_file_system_is_skipped(void **state)
{
    (void)state;
    const char *why;
    if (!mm_cache_is_memory_file_system("/dev/shm", &why)) {
        print_message("skipped: /dev/shm is no tmpfs here\n");
        skip();
    }
    const char *workloads[] = {"sequential"};
    const char *engines[] = {"mmap"};
    struct mm_plan_request request = options_request(workloads, 1, "/dev/shm/mapmeter/none");
    request.engines = engines;
    request.engine_count = 1;
    struct mm_plan *plan = made(&request);
    assert_non_null(strstr(plan->cases[0].skip_reason, "cold is not to be had here"));
    assert_null(plan->cases[1].skip_reason);
    mm_plan_free(plan);
}

static void readers_share_a_file_that_writers_leave_alone(void **state)
{
    struct fixture fixture;
    struct mm_plan *plan =
        made(suite_request(&fixture,
                           "name: test\n"
                           "defaults: {engine: [mmap, pread], cache: warm, size: 1MiB}\n"
                           "cases:\n"
                           "  - workload: sequential\n"
                           "    parameters: {operation: [read, write]}\n"
                           "  - workload: random\n",
                           *state));
    assert_int_equal(plan->file_count, 2);
    for (size_t i = 0; i < plan->case_count; i++) {
        const struct mm_plan_case *one = &plan->cases[i];
        const struct mm_plan_file *file = &plan->files[one->file];
        assert_int_equal(file->writable, one->needs.writes);
        assert_non_null(strstr(file->path, one->needs.writes ? "-write.dat" : "-read.dat"));
        assert_int_equal(strncmp(file->path, *state, strlen(*state)), 0);
    }
    mm_plan_free(plan);
}

static char *write_file(const char *folder, const char *name, const void *bytes, size_t size)
{
    char *path = mm_text_format("%s/%s", folder, name);
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, size, stream), size);
    assert_int_equal(fclose(stream), 0);
    return path;
}

static void a_file_of_the_users_is_read_as_the_options_say(void **state)
{
    char bytes[4096] = {1};
    char *path = write_file(*state, "own.bin", bytes, sizeof(bytes));
    const char *workloads[] = {"sequential"};
    const char *engines[] = {"mmap"};
    struct mm_plan_request request = options_request(workloads, 1, *state);
    request.engines = engines;
    request.engine_count = 1;
    request.file = path;
    struct mm_plan *plan = made(&request);
    assert_int_equal(plan->file_count, 1);
    assert_false(plan->files[0].generated);
    assert_false(plan->files[0].writable);
    assert_string_equal(plan->files[0].array.dtype, "|u1");
    assert_int_equal(plan->files[0].array.shape[0], 4096);
    assert_non_null(strstr(plan->cases[0].name, "/size:4KiB"));
    mm_plan_free(plan);

    request.dtype = "<f4";
    request.shape = "10,5";
    request.offset_bytes = 3;
    plan = made(&request);
    assert_int_equal(plan->files[0].array.dimensions, 2);
    assert_int_equal(plan->files[0].array.size_bytes, 200);
    assert_int_equal(plan->files[0].array.offset_bytes, 3);
    mm_plan_free(plan);

    request.shape = "1000,5";
    assert_refused(&request, path);
    request.shape = "10,x";
    assert_refused(&request, "--shape 10,x: write whole numbers");
    request.shape = NULL;
    request.dtype = "<q9";
    assert_refused(&request, path);
    unlink(path);
    free(path);
}

static void a_npy_file_describes_itself(void **state)
{
    static const char header[] = "{'descr': '<f8', 'fortran_order': True, 'shape': (3, 4), }";
    char bytes[128 + 96] = {0};
    memcpy(bytes, "\x93NUMPY\x01\x00\x76\x00", 10);
    memset(bytes + 10, ' ', 118);
    memcpy(bytes + 10, header, sizeof(header) - 1);
    bytes[127] = '\n';
    char *path = write_file(*state, "own.npy", bytes, sizeof(bytes));
    const char *workloads[] = {"sequential"};
    struct mm_plan_request request = options_request(workloads, 1, *state);
    request.file = path;
    struct mm_plan *plan = made(&request);
    const struct mm_array *array = &plan->files[0].array;
    assert_string_equal(array->dtype, "<f8");
    assert_true(array->fortran_order);
    assert_int_equal(array->dimensions, 2);
    assert_int_equal(array->shape[1], 4);
    assert_int_equal(array->offset_bytes, 128);
    mm_plan_free(plan);

    request.dtype = "<f8";
    assert_refused(&request, "a .npy file describes itself");
    request.dtype = NULL;
    unlink(path);
    free(path);
    path = write_file(*state, "own.npy", "no header", 9);
    request.file = path;
    assert_refused(&request, "has not the header of a .npy file");
    unlink(path);
    free(path);
}

static void files_that_cannot_be_used_are_named(void **state)
{
    const char *workloads[] = {"sequential"};
    struct mm_plan_request request = options_request(workloads, 1, *state);
    request.file = "/nonexistent/data";
    assert_refused(&request, "--file /nonexistent/data: No such file");
    request.file = *state;
    assert_refused(&request, "is a folder");
    request.file = "/dev/null";
    assert_refused(&request, "--file /dev/null: not a regular file");
    char *path = write_file(*state, "empty", "", 0);
    request.file = path;
    assert_refused(&request, "the file is empty");
    request.size = "1MiB";
    assert_refused(&request, "--size is for generated files");
    request.size = NULL;
    request.file = NULL;
    request.dtype = "<f8";
    assert_refused(&request, "add --file FILE");
    request.dtype = NULL;
    request.data_folder = path;
    assert_refused(&request, "is not a folder");
    unlink(path);
    free(path);
}

static void writing_to_a_users_file_needs_leave(void **state)
{
    char bytes[64] = {1};
    char *path = write_file(*state, "own.bin", bytes, sizeof(bytes));
    const char *workloads[] = {"sequential"};
    const char *engines[] = {"mmap"};
    const char *parameters[] = {"operation=write"};
    struct mm_plan_request request = options_request(workloads, 1, *state);
    request.engines = engines;
    request.engine_count = 1;
    request.parameters = parameters;
    request.parameter_count = 1;
    request.file = path;
    assert_refused(&request, "--allow-write");
    request.allow_write = true;
    struct mm_plan *plan = made(&request);
    assert_true(plan->files[0].writable);
    mm_plan_free(plan);

    /* A suite was not written for this file: what does not fit is skipped. */
    struct fixture fixture;
    struct mm_plan_request *suite = suite_request(&fixture,
                                                  "name: test\n"
                                                  "defaults: {engine: mmap, cache: warm}\n"
                                                  "cases:\n"
                                                  "  - workload: sequential\n"
                                                  "    parameters: {operation: [read, write]}\n"
                                                  "  - workload: tile-fft\n",
                                                  *state);
    suite->file = path;
    plan = made(suite);
    assert_null(plan->cases[0].skip_reason);
    assert_non_null(strstr(plan->cases[1].skip_reason, "--allow-write"));
    assert_non_null(strstr(plan->cases[2].skip_reason, "<f4"));
    mm_plan_free(plan);
    unlink(path);
    free(path);
}

static void rounds_are_shuffled_and_whole(void **state)
{
    struct fixture fixture;
    static const char text[] = "name: test\n"
                               "defaults: {cache: warm, size: 1MiB, launches: 4}\n"
                               "cases:\n"
                               "  - {workload: sequential, engine: mmap, parameters: {block: "
                               "[4KiB, 8KiB, 16KiB, 32KiB]}}\n"
                               "  - {workload: random, engine: mmap, launches: 2}\n";
    struct mm_plan_request *request = suite_request(&fixture, text, *state);
    struct mm_plan *plan = made(request);
    struct mm_plan_launch *order = NULL;
    size_t count = 0;
    assert_int_equal(mm_plan_order(plan, &order, &count, NULL), 0);
    assert_int_equal(count, 4 * 4 + 2);
    unsigned seen[5] = {0};
    bool as_listed = true;
    for (size_t i = 0; i < count; i++) {
        /* Each case comes with its launches in order, and never two rounds ahead. */
        assert_int_equal(order[i].launch_index, seen[order[i].case_index]++);
        if (i > 0)
            assert_true(order[i].launch_index >= order[i - 1].launch_index);
        if (i < 5 && order[i].case_index != i)
            as_listed = false;
    }
    assert_false(as_listed);

    struct mm_plan_launch *again = NULL;
    assert_int_equal(mm_plan_order(plan, &again, &count, NULL), 0);
    assert_memory_equal(order, again, count * sizeof(*order));
    free(again);
    plan->seed++;
    assert_int_equal(mm_plan_order(plan, &again, &count, NULL), 0);
    assert_memory_not_equal(order, again, count * sizeof(*order));
    free(again);
    free(order);
    mm_plan_free(plan);
}

static void json_brings_a_case_back_whole(void **state)
{
    struct fixture fixture;
    struct mm_plan *plan = made(suite_request(&fixture,
                                              "name: test\n"
                                              "cases:\n"
                                              "  - workload: chunked\n"
                                              "    engine: mmap\n"
                                              "    cache: warm\n"
                                              "    size: 1MiB\n"
                                              "    launches: 3\n"
                                              "    measure: latency\n"
                                              "    rate: 77\n"
                                              "    parameters: {flush-every: 4}\n",
                                              *state));
    json_t *cases = mm_plan_cases_to_json(plan);
    json_t *files = mm_plan_files_to_json(plan);
    const struct mm_plan_case *before = &plan->cases[0];
    struct mm_plan_case after;
    struct mm_plan_file file;
    struct mm_error error = {0};
    if (mm_plan_case_from_json(json_array_get(cases, 0), json_array_get(files, 0), &after, &file,
                               &error))
        fail_msg("%s", error.text);
    assert_string_equal(after.name, before->name);
    assert_ptr_equal(after.workload, before->workload);
    assert_ptr_equal(after.engine, before->engine);
    assert_true(json_equal(after.parameters, before->parameters));
    assert_memory_equal(after.workload_options, before->workload_options,
                        before->workload->options_bytes);
    assert_memory_equal(&after.needs, &before->needs, sizeof(after.needs));
    assert_int_equal(after.launches, 3);
    assert_true(after.measures_latency);
    assert_int_equal(after.rate, 77);
    assert_int_equal(after.timeout_ns, before->timeout_ns);
    assert_string_equal(file.path, plan->files[0].path);
    assert_memory_equal(&file.array, &plan->files[0].array, sizeof(file.array));
    assert_int_equal(file.seed, plan->files[0].seed);
    assert_true(file.writable);
    mm_plan_case_release(&after);
    mm_plan_file_release(&file);
    json_decref(cases);
    json_decref(files);
    mm_plan_free(plan);
}

static void damaged_json_is_refused(void **state)
{
    const char *workloads[] = {"sequential"};
    struct mm_plan_request request = options_request(workloads, 1, *state);
    struct mm_plan *plan = made(&request);
    static const struct {
        bool of_file;
        const char *key;
        const char *value;
        const char *message;
    } damages[] = {
        {false, "workload", "\"sequentail\"", "case: unknown workload 'sequentail'"},
        {false, "engine", "7", "case: the member 'engine' is not a text"},
        {false, "parameters", "{\"blok\": \"1MiB\"}", "case: unknown parameter 'blok'"},
        {false, "parameters", "{\"block\": \"1Mib\"}", "case: parameter 'block'"},
        {false, "parameters", "{\"block\": 5}", "case: the parameter 'block' is not a text"},
        {false, "iterations", "0", "case: the member 'iterations'"},
        {false, "timeout_ns", "-1", "case: the member 'timeout_ns'"},
        {true, "dtype", "\"<x\"", "file: the dtype '<x'"},
        {true, "shape", "[]", "file: the member 'shape'"},
        {true, "shape", "[5]", "file: the member 'size_bytes'"},
        {true, "shape", "[4611686018427387904, 8]", "file: the member 'shape'"},
        {true, "seed", "\"12\"", "file: the member 'seed'"},
        {true, "path", "null", "file: the member 'path'"},
    };
    for (size_t i = 0; i < MM_COUNT_OF(damages); i++) {
        json_t *cases = mm_plan_cases_to_json(plan);
        json_t *files = mm_plan_files_to_json(plan);
        json_t *damaged = json_array_get(damages[i].of_file ? files : cases, 0);
        json_object_set_new(damaged, damages[i].key,
                            json_loads(damages[i].value, JSON_DECODE_ANY, NULL));
        struct mm_plan_case one;
        struct mm_plan_file file;
        struct mm_error error = {0};
        assert_int_equal(mm_plan_case_from_json(json_array_get(cases, 0), json_array_get(files, 0),
                                                &one, &file, &error),
                         -EINVAL);
        if (!strstr(error.text, damages[i].message))
            fail_msg("'%s' is not in '%s'", damages[i].message, error.text);
        json_decref(cases);
        json_decref(files);
    }
    mm_plan_free(plan);
}

int main(void)
{
#define PLAN_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        PLAN_TEST(lists_multiply),
        PLAN_TEST(names_have_every_parameter_in_table_order),
        PLAN_TEST(free_text_cannot_break_a_name),
        PLAN_TEST(a_cold_case_has_one_sample_and_one_pass),
        PLAN_TEST(case_settings_win_over_defaults),
        PLAN_TEST(exclusions_compare_values_and_not_spellings),
        PLAN_TEST(an_engine_parameter_applies_to_the_engines_that_have_it),
        PLAN_TEST(misspellings_name_the_line_and_what_is_near),
        PLAN_TEST(a_matrix_without_cases_says_so),
        PLAN_TEST(wrong_forms_are_refused),
        PLAN_TEST(an_exclusion_that_fits_nothing_is_refused),
        PLAN_TEST(the_same_case_twice_is_refused),
        PLAN_TEST(lists_that_multiply_without_end_are_refused),
        PLAN_TEST(the_command_line_selects_from_a_suite),
        PLAN_TEST(the_command_line_alone_makes_a_plan),
        PLAN_TEST(random_operations_are_estimated_by_what_the_device_delivers),
        PLAN_TEST(wrong_options_are_named),
        PLAN_TEST(what_makes_no_sense_is_skipped_with_a_reason),
        PLAN_TEST(warm_means_nothing_past_the_page_cache),
        PLAN_TEST(the_cost_of_counting_is_measured_by_a_twin_of_each_case),
        PLAN_TEST(pressure_comes_twice_to_fill_and_in_the_steady_state),
        PLAN_TEST(a_memory_limit_that_makes_no_sense_is_refused_or_skipped),
        PLAN_TEST(latency_has_cases_of_its_own_at_each_rate),
        PLAN_TEST(an_open_loop_is_planned_as_long_as_its_schedule),
        PLAN_TEST(exclusions_know_measures_and_rates),
        PLAN_TEST(the_command_line_changes_what_a_suite_measures),
        PLAN_TEST(a_workload_without_timed_operations_is_skipped_for_latency),
        PLAN_TEST(wrong_measures_and_rates_are_named),
        PLAN_TEST(dirty_without_cachestat_is_skipped),
        PLAN_TEST(cold_on_a_memory_file_system_is_skipped),
        PLAN_TEST(readers_share_a_file_that_writers_leave_alone),
        PLAN_TEST(a_file_of_the_users_is_read_as_the_options_say),
        PLAN_TEST(a_npy_file_describes_itself),
        PLAN_TEST(files_that_cannot_be_used_are_named),
        PLAN_TEST(writing_to_a_users_file_needs_leave),
        PLAN_TEST(rounds_are_shuffled_and_whole),
        PLAN_TEST(json_brings_a_case_back_whole),
        PLAN_TEST(damaged_json_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
