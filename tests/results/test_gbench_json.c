/* The files in Google Benchmark's form: each figure as SCHEMA.md derives it from the record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "results/histogram.h"
#include "results/record.h"
#include "tests/support/synthetic_record.h"

static const char *const one_workload[] = {"sequential"};
static const char *const one_engine[] = {"marray"};
static const char *const one_cache[] = {"cold"};

typedef int save_function(const struct mm_record *, const char *, struct mm_error *);

/* One case and no noise: 40 ms of touching, 128 minor and 64 major faults, 64 MiB of 8 bytes. */
static struct synthetic_record_spec quiet(void)
{
    struct synthetic_record_spec spec = {
        .workloads = one_workload,
        .workload_count = 1,
        .engines = one_engine,
        .engine_count = 1,
        .caches = one_cache,
        .cache_count = 1,
        .launches = 3,
    };
    return spec;
}

/* What save writes of the record; the caller releases it. */
static json_t *written(const struct mm_record *record, save_function *save)
{
    const char *base = getenv("TMPDIR");
    struct mm_error error = {0};
    char path[300];
    snprintf(path, sizeof(path), "%.200s/mapmeter-gbench-XXXXXX", base ? base : "/var/tmp");
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
    if (save(record, path, &error) != 0)
        fail_msg("%s", error.text);
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    unlink(path);
    assert_non_null(json);
    return json;
}

static json_t *benchmarks_of(const json_t *json)
{
    json_t *benchmarks = json_object_get(json, "benchmarks");
    assert_true(json_is_array(benchmarks));
    return benchmarks;
}

static void assert_figure(const json_t *entry, const char *name, double value)
{
    const json_t *figure = json_object_get(entry, name);
    if (!json_is_number(figure))
        fail_msg("%s is missing", name);
    if (fabs(json_number_value(figure) - value) > 1e-12 * fabs(value))
        fail_msg("%s is %.17g, not %.17g", name, json_number_value(figure), value);
}

static void assert_text(const json_t *entry, const char *name, const char *text)
{
    assert_string_equal(json_string_value(json_object_get(entry, name)), text);
}

static json_t *sample_of(const struct mm_record *record, size_t launch, size_t sample)
{
    json_t *samples =
        json_object_get(json_array_get(mm_record_launches(record), launch), "samples");
    return json_array_get(samples, sample);
}

static json_t *counters_of(json_t *sample, const char *phase)
{
    return json_object_get(json_object_get(json_object_get(sample, "phases"), phase), "counters");
}

static void every_good_launch_is_a_repetition_of_its_case(void **state)
{
    (void)state;
    struct synthetic_record_spec spec = quiet();
    spec.launches = 4;
    spec.failed_every = 2;
    struct mm_record *record = synthetic_record(&spec);
    json_t *json = written(record, mm_record_save_gbench);
    const char *name = "sequential/engine:marray/cache:cold/operation:read/block:1MiB";
    assert_int_equal(json_array_size(benchmarks_of(json)), 2);
    for (size_t i = 0; i < 2; i++) {
        const json_t *entry = json_array_get(benchmarks_of(json), i);
        assert_text(entry, "name", name);
        assert_text(entry, "run_name", name);
        assert_text(entry, "run_type", "iteration");
        assert_text(entry, "time_unit", "ns");
        assert_figure(entry, "repetitions", 2);
        assert_figure(entry, "repetition_index", (double)i);
        assert_figure(entry, "threads", 1);
        assert_figure(entry, "iterations", 1);
        assert_null(json_object_get(entry, "label"));
    }
    json_decref(json);
    mm_record_free(record);
}

static void figures_follow_from_the_sample(void **state)
{
    (void)state;
    struct synthetic_record_spec spec = quiet();
    spec.iterations = 4;
    struct mm_record *record = synthetic_record(&spec);
    json_t *json = written(record, mm_record_save_gbench);
    const json_t *entry = json_array_get(benchmarks_of(json), 0);
    double bytes = 64.0 * 1024 * 1024;
    assert_figure(entry, "iterations", 4);
    assert_figure(entry, "real_time", 40e6);
    assert_figure(entry, "cpu_time", 20e6);
    assert_figure(entry, "bytes_per_second", 1677721600.0);
    assert_figure(entry, "items_per_second", 209715200.0);
    assert_figure(entry, "minor_faults", 128);
    assert_figure(entry, "major_faults", 64);
    assert_true(fabs(json_number_value(json_object_get(entry, "bytes_per_fault")) - bytes / 192) <
                1e-6);
    assert_figure(entry, "resident_share_before", 0);
    json_decref(json);
    mm_record_free(record);
}

static void a_launch_stands_for_its_median_sample(void **state)
{
    (void)state;
    static const double odd[] = {30, 10, 20};
    static const double even[] = {30, 10, 40, 20};
    struct synthetic_record_spec spec = quiet();
    spec.samples = 3;
    struct mm_record *record = synthetic_record(&spec);
    for (size_t i = 0; i < 3; i++)
        json_object_set_new(sample_of(record, 0, i), "elapsed_ns", json_integer((int)odd[i]));
    json_t *json = written(record, mm_record_save_gbench);
    assert_figure(json_array_get(benchmarks_of(json), 0), "real_time", 20);
    assert_figure(json_array_get(benchmarks_of(json), 1), "real_time", 40e6);
    json_decref(json);
    mm_record_free(record);
    spec.samples = 4;
    record = synthetic_record(&spec);
    for (size_t i = 0; i < 4; i++)
        json_object_set_new(sample_of(record, 0, i), "elapsed_ns", json_integer((int)even[i]));
    json = written(record, mm_record_save_gbench);
    assert_figure(json_array_get(benchmarks_of(json), 0), "real_time", 20);
    json_decref(json);
    mm_record_free(record);
}

static void flush_figures_come_from_the_histogram(void **state)
{
    (void)state;
    struct synthetic_record_spec spec = quiet();
    spec.flushes = true;
    struct mm_record *record = synthetic_record(&spec);
    json_t *json = written(record, mm_record_save_gbench);
    const json_t *entry = json_array_get(benchmarks_of(json), 0);
    struct mm_histogram histogram;
    const json_t *launch = json_array_get(mm_record_launches(record), 0);
    const json_t *stored = json_object_get(json_object_get(launch, "histograms"), "flush_ns");
    assert_int_equal(mm_histogram_from_json(stored, &histogram, NULL), 0);
    assert_figure(entry, "flush_p50_ns", (double)mm_histogram_quantile(&histogram, 0.5));
    assert_figure(entry, "flush_p99_ns", 800000);
    assert_figure(entry, "flush_p999_ns", 800000);
    assert_figure(entry, "flush_max_ns", 800000);
    assert_true(fabs(json_number_value(json_object_get(entry, "flush_p50_ns")) - 40000) < 400);
    json_decref(json);
    mm_record_free(record);
}

static void what_is_not_known_is_left_out(void **state)
{
    (void)state;
    static const char *const absent[] = {"bytes_per_fault",       "minor_faults",    "major_faults",
                                         "resident_share_before", "flush_p50_ns",    "flush_max_ns",
                                         "bytes_per_second",      "items_per_second"};
    static const char *const counters[] = {"minor_faults", "major_faults", "rusage_minor_faults",
                                           "rusage_major_faults"};
    const struct synthetic_record_spec spec = quiet();
    struct mm_record *record = synthetic_record(&spec);
    json_t *sample = sample_of(record, 0, 0);
    for (size_t i = 0; i < MM_COUNT_OF(counters); i++)
        json_object_set_new(counters_of(sample, "touch"), counters[i], mm_record_unavailable("no"));
    json_object_set_new(json_object_get(sample, "cache"), "resident_share_before",
                        mm_record_unavailable("no"));
    json_object_set_new(sample, "elapsed_ns", json_integer(0));
    json_t *json = written(record, mm_record_save_gbench);
    const json_t *entry = json_array_get(benchmarks_of(json), 0);
    for (size_t i = 0; i < MM_COUNT_OF(absent); i++) {
        if (json_object_get(entry, absent[i]))
            fail_msg("%s is there", absent[i]);
    }
    assert_figure(entry, "real_time", 0);
    assert_figure(json_array_get(benchmarks_of(json), 1), "minor_faults", 128);
    json_decref(json);
    mm_record_free(record);
}

static void faults_of_the_kernel_are_not_lost(void **state)
{
    (void)state;
    const struct synthetic_record_spec spec = quiet();
    struct mm_record *record = synthetic_record(&spec);
    json_t *launch = json_array_get(mm_record_launches(record), 0);
    json_t *quality = json_object_get(launch, "counter_quality");
    json_t *counters = counters_of(sample_of(record, 0, 0), "touch");
    json_object_set_new(json_object_get(quality, "minor_faults"), "exclude_kernel", json_true());
    json_object_set_new(counters, "minor_faults", json_integer(5));
    json_object_set_new(counters, "major_faults", mm_record_unavailable("no"));
    json_object_set_new(counters, "rusage_major_faults", json_integer(63));
    json_t *json = written(record, mm_record_save_gbench);
    const json_t *entry = json_array_get(benchmarks_of(json), 0);
    assert_figure(entry, "minor_faults", 128);
    assert_figure(entry, "major_faults", 63);
    json_decref(json);
    mm_record_free(record);
}

/* The faults of opening and closing are not those of the timed work. */
static void only_timed_phases_count(void **state)
{
    (void)state;
    struct synthetic_record_spec spec = quiet();
    spec.flushes = true;
    struct mm_record *record = synthetic_record(&spec);
    json_t *sample = sample_of(record, 0, 0);
    json_object_set_new(counters_of(sample, "flush"), "minor_faults", json_integer(7));
    json_object_set_new(counters_of(sample, "open"), "minor_faults", json_integer(1000));
    json_t *json = written(record, mm_record_save_gbench);
    assert_figure(json_array_get(benchmarks_of(json), 0), "minor_faults", 135);
    json_decref(json);
    mm_record_free(record);
}

static void cpu_time_is_from_one_source_for_a_whole_case(void **state)
{
    (void)state;
    const struct synthetic_record_spec spec = quiet();
    struct mm_record *record = synthetic_record(&spec);
    json_object_set_new(sample_of(record, 1, 0), "cpu_ns", mm_record_unavailable("no"));
    json_t *json = written(record, mm_record_save_gbench);
    for (size_t i = 0; i < 3; i++) {
        assert_figure(json_array_get(benchmarks_of(json), i), "cpu_time", 30e6);
        assert_text(json_array_get(benchmarks_of(json), i), "label", "cpu_time is task_clock_ns");
    }
    json_decref(json);
    json_object_set_new(counters_of(sample_of(record, 2, 0), "touch"), "task_clock_ns",
                        mm_record_unavailable("no"));
    json = written(record, mm_record_save_gbench);
    for (size_t i = 0; i < 3; i++) {
        assert_figure(json_array_get(benchmarks_of(json), i), "cpu_time", 40e6);
        assert_text(json_array_get(benchmarks_of(json), i), "label",
                    "cpu_time is not known and repeats real_time");
    }
    json_decref(json);
    mm_record_free(record);
}

static void an_aggregate_is_the_median_over_the_launches(void **state)
{
    (void)state;
    static const int times[] = {50, 10, 30, 20};
    struct synthetic_record_spec spec = quiet();
    spec.launches = 4;
    struct mm_record *record = synthetic_record(&spec);
    for (size_t i = 0; i < 4; i++)
        json_object_set_new(sample_of(record, i, 0), "elapsed_ns", json_integer(times[i]));
    json_object_set_new(counters_of(sample_of(record, 3, 0), "touch"), "minor_faults",
                        json_integer(0));
    json_object_set_new(counters_of(sample_of(record, 3, 0), "touch"), "major_faults",
                        json_integer(0));
    json_t *json = written(record, mm_record_save_gbench_aggregates);
    assert_int_equal(json_array_size(benchmarks_of(json)), 1);
    const json_t *entry = json_array_get(benchmarks_of(json), 0);
    assert_text(entry, "run_type", "iteration");
    assert_figure(entry, "repetitions", 1);
    assert_figure(entry, "real_time", 25);
    assert_figure(entry, "cpu_time", 20e6);
    assert_figure(entry, "minor_faults", 128);
    /* One launch had no fault, so that it has no bytes per fault, and the case no median. */
    assert_null(json_object_get(entry, "bytes_per_fault"));
    json_decref(json);
    mm_record_free(record);
}

static void cases_without_a_good_launch_have_no_entry(void **state)
{
    (void)state;
    struct synthetic_record_spec spec = {.failed_every = 1};
    struct mm_record *record = synthetic_record(&spec);
    json_t *json = written(record, mm_record_save_gbench);
    assert_int_equal(json_array_size(benchmarks_of(json)), 0);
    json_decref(json);
    json = written(record, mm_record_save_gbench_aggregates);
    assert_int_equal(json_array_size(benchmarks_of(json)), 0);
    json_decref(json);
    mm_record_free(record);
}

/* Bencher wants context.caches to be an array, whatever is known of them. */
static void the_context_always_has_caches(void **state)
{
    (void)state;
    const struct synthetic_record_spec spec = quiet();
    struct mm_record *record = synthetic_record(&spec);
    json_t *json = written(record, mm_record_save_gbench);
    const json_t *context = json_object_get(json, "context");
    assert_int_equal(json_array_size(json_object_get(context, "caches")), 1);
    assert_text(context, "date", "2026-11-22T15:00:00Z");
    assert_text(context, "host_name", "bench");
    assert_figure(context, "num_cpus", 2);
    json_decref(json);
    json_object_set_new(mm_record_environment(record), "caches", mm_record_unavailable("no sysfs"));
    json_object_set_new(mm_record_environment(record), "hostname", mm_record_unavailable("no"));
    json = written(record, mm_record_save_gbench);
    context = json_object_get(json, "context");
    assert_true(json_is_array(json_object_get(context, "caches")));
    json_decref(json);
    mm_record_free(record);
}

static void a_record_of_the_wrong_form_is_not_derived_from(void **state)
{
    (void)state;
    const struct synthetic_record_spec spec = quiet();
    struct mm_record *record = synthetic_record(&spec);
    struct mm_error error = {0};
    json_object_del(sample_of(record, 0, 0), "bytes");
    assert_int_equal(mm_record_save_gbench(record, "/nonexistent/gbench.json", &error), -EPROTO);
    assert_string_equal(error.text, "launches[0].samples[0].bytes: missing");
    mm_record_free(record);
}

static void a_file_that_cannot_be_written_is_named(void **state)
{
    (void)state;
    const struct synthetic_record_spec spec = quiet();
    struct mm_record *record = synthetic_record(&spec);
    struct mm_error error = {0};
    assert_true(mm_record_save_gbench(record, "/nonexistent/gbench.json", &error) < 0);
    assert_non_null(strstr(error.text, "/nonexistent/gbench.json"));
    mm_record_free(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_good_launch_is_a_repetition_of_its_case),
        cmocka_unit_test(figures_follow_from_the_sample),
        cmocka_unit_test(a_launch_stands_for_its_median_sample),
        cmocka_unit_test(flush_figures_come_from_the_histogram),
        cmocka_unit_test(what_is_not_known_is_left_out),
        cmocka_unit_test(faults_of_the_kernel_are_not_lost),
        cmocka_unit_test(only_timed_phases_count),
        cmocka_unit_test(cpu_time_is_from_one_source_for_a_whole_case),
        cmocka_unit_test(an_aggregate_is_the_median_over_the_launches),
        cmocka_unit_test(cases_without_a_good_launch_have_no_entry),
        cmocka_unit_test(the_context_always_has_caches),
        cmocka_unit_test(a_record_of_the_wrong_form_is_not_derived_from),
        cmocka_unit_test(a_file_that_cannot_be_written_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
