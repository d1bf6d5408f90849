/* Summaries of records: what counts, what stands for a launch, what is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/summary.h"
#include "tests/support/synthetic_record.h"

static struct mm_summary *summarise(const struct mm_record *record)
{
    struct mm_summary *summary;
    struct mm_error error;
    if (mm_summary_make(record, &summary, &error) < 0) {
        fail_msg("%s", error.text);
    }
    return summary;
}

static json_t *launch_of(const struct mm_record *record, size_t index)
{
    return json_array_get(mm_record_launches(record), index);
}

/* The n-th launch of the first case, in the order of the record. */
static json_t *launch_of_first_case(const struct mm_record *record, size_t n)
{
    size_t index;
    json_t *launch;
    json_array_foreach(mm_record_launches(record), index, launch)
    {
        if (strcmp(json_string_value(json_object_get(launch, "case")), "c0") == 0 && n-- == 0) {
            return launch;
        }
    }
    fail_msg("no such launch");
    return NULL;
}

static json_t *sample_of(json_t *launch, size_t n)
{
    return json_array_get(json_object_get(launch, "samples"), n);
}

static json_t *counters_of(json_t *sample, const char *phase)
{
    return json_object_get(json_object_get(json_object_get(sample, "phases"), phase), "counters");
}

static void assert_near(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-9 * fabs(expected))) {
        fail_msg("found %.17g, expected %.17g", found, expected);
    }
}

static void the_throughput_is_the_median_over_launches(void **state)
{
    (void)state;
    struct mm_record *record = synthetic_record(&(struct synthetic_record_spec){.launches = 3});
    static const json_int_t times[] = {3000, 1000, 2000};
    for (size_t n = 0; n < 3; n++) {
        json_t *sample = sample_of(launch_of_first_case(record, n), 0);
        json_object_set_new(sample, "elapsed_ns", json_integer(times[n]));
        json_object_set_new(sample, "bytes", json_integer(6000));
    }
    struct mm_summary *summary = summarise(record);
    const struct mm_distribution *rate = &summary->cases[0].bytes_per_second;
    assert_int_equal(rate->count, 3);
    assert_near(rate->values[0], 2e9);
    assert_near(rate->median, 3e9);
    assert_near(rate->values[2], 6e9);
    assert_false(rate->has_interval);
    mm_summary_free(summary);
    mm_record_free(record);
}

static void six_launches_have_an_interval_from_least_to_greatest(void **state)
{
    (void)state;
    struct mm_record *record =
        synthetic_record(&(struct synthetic_record_spec){.launches = 6, .noise = 0.1, .seed = 4});
    struct mm_summary *summary = summarise(record);
    const struct mm_distribution *rate = &summary->cases[0].bytes_per_second;
    assert_true(rate->has_interval);
    assert_near(rate->interval.low, rate->values[0]);
    assert_near(rate->interval.high, rate->values[5]);
    assert_near(rate->interval.coverage, 0.96875);
    mm_summary_free(summary);
    mm_record_free(record);
}

static void the_sample_with_the_median_time_stands_for_its_launch(void **state)
{
    (void)state;
    struct mm_record *record =
        synthetic_record(&(struct synthetic_record_spec){.launches = 1, .samples = 3});
    static const json_int_t times[] = {900, 100, 500};
    json_t *launch = launch_of_first_case(record, 0);
    for (size_t n = 0; n < 3; n++) {
        json_t *sample = sample_of(launch, n);
        json_object_set_new(sample, "elapsed_ns", json_integer(times[n]));
        json_object_set_new(counters_of(sample, "touch"), "minor_faults",
                            json_integer((json_int_t)n + 10));
        json_object_set_new(counters_of(sample, "touch"), "major_faults", json_integer(0));
    }
    struct mm_summary *summary = summarise(record);
    assert_near(summary->cases[0].elapsed_ns.median, 500);
    assert_near(summary->cases[0].faults.median, 12);
    mm_summary_free(summary);
    mm_record_free(record);
}

static void figures_are_of_one_pass_where_a_sample_has_several(void **state)
{
    (void)state;
    struct mm_record *once = synthetic_record(&(struct synthetic_record_spec){.launches = 1});
    struct mm_record *often =
        synthetic_record(&(struct synthetic_record_spec){.launches = 1, .iterations = 8});
    struct mm_summary *of_once = summarise(once);
    struct mm_summary *of_often = summarise(often);
    assert_near(of_often->cases[0].faults.median, of_once->cases[0].faults.median);
    assert_near(of_often->cases[0].bytes.median, of_once->cases[0].bytes.median);
    assert_near(of_often->cases[0].bytes_per_fault.median,
                of_once->cases[0].bytes_per_fault.median);
    mm_summary_free(of_once);
    mm_summary_free(of_often);
    mm_record_free(once);
    mm_record_free(often);
}

static void failed_launches_give_reasons_and_no_figures(void **state)
{
    (void)state;
    struct mm_record *record = synthetic_record(
        &(struct synthetic_record_spec){.launches = 6, .failed_every = 3, .noise = 0.1});
    struct mm_summary *summary = summarise(record);
    const struct mm_summary_case *one = &summary->cases[0];
    assert_int_equal(one->good, 4);
    assert_int_equal(one->failed, 2);
    assert_int_equal(one->bytes_per_second.count, 4);
    assert_true(one->failures[0].launch_index < one->failures[1].launch_index);
    assert_string_equal(one->failures[0].kind, "killed");
    assert_true(strlen(one->failures[0].reason) > 0);
    assert_int_equal(summary->with_failures, summary->case_count);
    assert_int_equal(summary->failed_launches, 2 * summary->case_count);
    mm_summary_free(summary);
    mm_record_free(record);
}

static void a_case_whose_launches_all_failed_says_so_in_every_figure(void **state)
{
    (void)state;
    struct mm_record *record =
        synthetic_record(&(struct synthetic_record_spec){.launches = 2, .failed_every = 1});
    struct mm_summary *summary = summarise(record);
    assert_int_equal(summary->measured, 0);
    assert_int_equal(summary->cases[0].bytes_per_second.count, 0);
    assert_string_equal(summary->cases[0].bytes_per_second.why, "no launch succeeded");
    assert_int_equal(summary->cases[0].phase_count, 0);
    assert_false(summary->cases[0].has_resident_share);
    mm_summary_free(summary);
    mm_record_free(record);
}

static void skipped_and_missing_cases_are_counted_apart(void **state)
{
    (void)state;
    struct mm_record *record = synthetic_record(
        &(struct synthetic_record_spec){.launches = 3, .interrupted = true, .skipped_cases = 2});
    json_array_clear(mm_record_launches(record));
    struct mm_summary *summary = summarise(record);
    assert_int_equal(summary->skipped, 2);
    assert_int_equal(summary->without_launch, summary->case_count - 2);
    assert_non_null(summary->cases[summary->case_count - 1].skipped);
    mm_summary_free(summary);
    mm_record_free(record);
}

static void faults_come_from_getrusage_where_perf_is_not_allowed(void **state)
{
    (void)state;
    struct mm_record *with = synthetic_record(&(struct synthetic_record_spec){.launches = 1});
    struct mm_record *without =
        synthetic_record(&(struct synthetic_record_spec){.launches = 1, .no_counters = true});
    struct mm_summary *of_with = summarise(with);
    struct mm_summary *of_without = summarise(without);
    assert_true(of_without->cases[0].faults.count > 0);
    assert_near(of_without->cases[0].faults.median, of_with->cases[0].faults.median);
    mm_summary_free(of_with);
    mm_summary_free(of_without);
    mm_record_free(with);
    mm_record_free(without);
}

static void faults_come_from_getrusage_where_perf_left_out_the_kernel(void **state)
{
    (void)state;
    struct mm_record *record = synthetic_record(&(struct synthetic_record_spec){.launches = 1});
    json_t *launch = launch_of_first_case(record, 0);
    json_t *counters = counters_of(sample_of(launch, 0), "touch");
    json_object_set_new(counters, "minor_faults", json_integer(1));
    json_object_set_new(counters, "rusage_minor_faults", json_integer(1000));
    json_object_set_new(counters, "major_faults", json_integer(0));
    json_object_set_new(counters, "rusage_major_faults", json_integer(0));
    json_object_set_new(launch, "counter_quality",
                        json_pack("{s:{s:b}}", "minor_faults", "exclude_kernel", 1));
    struct mm_summary *summary = summarise(record);
    assert_near(summary->cases[0].faults.median, 1000);
    mm_summary_free(summary);
    mm_record_free(record);
}

static void no_faults_are_no_bytes_per_fault(void **state)
{
    (void)state;
    struct mm_record *record = synthetic_record(&(struct synthetic_record_spec){.launches = 1});
    json_t *counters = counters_of(sample_of(launch_of_first_case(record, 0), 0), "touch");
    json_object_set_new(counters, "minor_faults", json_integer(0));
    json_object_set_new(counters, "major_faults", json_integer(0));
    struct mm_summary *summary = summarise(record);
    assert_near(summary->cases[0].faults.median, 0);
    assert_int_equal(summary->cases[0].bytes_per_fault.count, 0);
    assert_string_equal(summary->cases[0].bytes_per_fault.why, "no faults");
    mm_summary_free(summary);
    mm_record_free(record);
}

static void a_launch_without_faults_leaves_no_median_of_bytes_per_fault(void **state)
{
    (void)state;
    struct mm_record *record = synthetic_record(&(struct synthetic_record_spec){.launches = 3});
    json_t *counters = counters_of(sample_of(launch_of_first_case(record, 1), 0), "touch");
    json_object_set_new(counters, "minor_faults", json_integer(0));
    json_object_set_new(counters, "major_faults", json_integer(0));
    struct mm_summary *summary = summarise(record);
    assert_int_equal(summary->cases[0].faults.count, 3);
    assert_int_equal(summary->cases[0].bytes_per_fault.count, 0);
    assert_string_equal(summary->cases[0].bytes_per_fault.why, "not every launch took faults");
    mm_summary_free(summary);
    mm_record_free(record);
}

static void the_resident_share_is_the_worst_over_launches(void **state)
{
    (void)state;
    struct mm_record *record = synthetic_record(&(struct synthetic_record_spec){.launches = 3});
    static const double shares[] = {0.002, 0.25, 0.001};
    for (size_t n = 0; n < 3; n++) {
        json_t *cache = json_object_get(sample_of(launch_of_first_case(record, n), 0), "cache");
        json_object_set_new(cache, "resident_share_before", json_real(shares[n]));
    }
    struct mm_summary *summary = summarise(record);
    assert_near(summary->cases[0].resident_share_lowest, 0.001);
    assert_near(summary->cases[0].resident_share_highest, 0.25);
    mm_summary_free(summary);
    mm_record_free(record);
}

static void flush_latencies_are_merged_over_launches(void **state)
{
    (void)state;
    struct mm_record *record =
        synthetic_record(&(struct synthetic_record_spec){.launches = 5, .flushes = true});
    struct mm_summary *summary = summarise(record);
    assert_non_null(summary->cases[0].flush_ns);
    assert_int_equal(summary->cases[0].flush_ns->count, 5 * 64);
    mm_summary_free(summary);
    mm_record_free(record);
}

static void a_broken_histogram_is_an_error_that_names_the_case(void **state)
{
    (void)state;
    struct mm_record *record =
        synthetic_record(&(struct synthetic_record_spec){.launches = 1, .flushes = true});
    json_t *flush =
        json_object_get(json_object_get(launch_of(record, 0), "histograms"), "flush_ns");
    json_object_set_new(flush, "count", json_integer(1));
    struct mm_summary *summary = NULL;
    struct mm_error error;
    assert_int_equal(mm_summary_make(record, &summary, &error), -EPROTO);
    assert_non_null(strstr(error.text, "/engine:"));
    assert_null(summary);
    mm_record_free(record);
}

static void what_is_unavailable_says_why_once(void **state)
{
    (void)state;
    struct mm_record *record = synthetic_record(&(struct synthetic_record_spec){.launches = 4});
    struct mm_summary *summary = summarise(record);
    size_t seen = 0;
    for (size_t i = 0; i < summary->cases[0].unavailable.count; i++) {
        const struct mm_fact *fact = &summary->cases[0].unavailable.items[i];
        if (strcmp(fact->name, "dtlb_load_misses") == 0) {
            assert_string_equal(fact->value, "no CPU PMU in this virtual machine");
            seen++;
        }
    }
    assert_int_equal(seen, 1);
    mm_summary_free(summary);
    mm_record_free(record);
}

static void launches_that_differ_in_effect_show_all_values(void **state)
{
    (void)state;
    struct mm_record *record = synthetic_record(&(struct synthetic_record_spec){.launches = 3});
    json_object_set_new(json_object_get(launch_of_first_case(record, 1), "effective"),
                        "advice_granted", json_string("random"));
    struct mm_summary *summary = summarise(record);
    bool found = false;
    for (size_t i = 0; i < summary->cases[0].effective.count; i++) {
        const struct mm_fact *fact = &summary->cases[0].effective.items[i];
        if (strcmp(fact->name, "advice_granted") == 0) {
            assert_string_equal(fact->value, "normal; random");
            found = true;
        }
    }
    assert_true(found);
    mm_summary_free(summary);
    mm_record_free(record);
}

static void checksums_that_differ_are_not_shown_as_one(void **state)
{
    (void)state;
    struct mm_record *record = synthetic_record(&(struct synthetic_record_spec){.launches = 2});
    struct mm_summary *summary = summarise(record);
    assert_non_null(summary->cases[0].checksum);
    mm_summary_free(summary);
    json_object_set_new(sample_of(launch_of_first_case(record, 1), 0), "checksum",
                        json_string("0x0000000000000001"));
    summary = summarise(record);
    assert_null(summary->cases[0].checksum);
    mm_summary_free(summary);
    mm_record_free(record);
}

static void an_empty_record_has_an_empty_summary(void **state)
{
    (void)state;
    struct mm_record *record = mm_record_new();
    struct mm_summary *summary = summarise(record);
    assert_int_equal(summary->case_count, 0);
    mm_summary_free(summary);
    mm_record_free(record);
}

struct named {
    const char *workload;
    const char *engine;
    const char *name;
    const char *group;
    const char *variant;
};

static void assert_labels(const struct named *named, size_t count)
{
    struct mm_summary_case cases[8] = {{0}};
    assert_true(count <= 8);
    for (size_t i = 0; i < count; i++) {
        cases[i].id = "c";
        cases[i].workload = named[i].workload;
        cases[i].engine = named[i].engine;
        cases[i].cache = "warm";
        cases[i].name = named[i].name;
    }
    assert_int_equal(mm_summary_label_cases(cases, count), 0);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(cases[i].group, named[i].group);
        assert_string_equal(cases[i].variant, named[i].variant);
        free(cases[i].group);
        free(cases[i].variant);
    }
}

static void groups_name_the_parameters_that_vary_within_a_workload(void **state)
{
    (void)state;
    const struct named named[] = {
        {"s", "a", "s/engine:a/cache:warm/block:1MiB/op:read", "s op:read", ""},
        {"s", "b", "s/engine:b/cache:warm/block:1MiB/op:read", "s op:read", ""},
        {"s", "a", "s/engine:a/cache:warm/block:1MiB/op:write", "s op:write", ""},
        {"r", "a", "r/engine:a/cache:warm/block:4KiB/op:read", "r", ""},
    };
    assert_labels(named, 4);
}

static void variants_name_what_only_one_engine_has(void **state)
{
    (void)state;
    const struct named named[] = {
        {"s", "a", "s/engine:a/cache:warm/op:read/advice:normal", "s", "advice:normal"},
        {"s", "a", "s/engine:a/cache:warm/op:read/advice:random", "s", "advice:random"},
        {"s", "b", "s/engine:b/cache:warm/op:read", "s", ""},
    };
    assert_labels(named, 3);
}

static void cases_that_look_alike_get_their_id(void **state)
{
    (void)state;
    const struct named named[] = {
        {"s", "a", "s/engine:a/cache:warm/op:read", "s", ""},
        {"s", "a", "s/engine:a/cache:warm/op:read", "s", "c"},
    };
    assert_labels(named, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_throughput_is_the_median_over_launches),
        cmocka_unit_test(six_launches_have_an_interval_from_least_to_greatest),
        cmocka_unit_test(the_sample_with_the_median_time_stands_for_its_launch),
        cmocka_unit_test(figures_are_of_one_pass_where_a_sample_has_several),
        cmocka_unit_test(failed_launches_give_reasons_and_no_figures),
        cmocka_unit_test(a_case_whose_launches_all_failed_says_so_in_every_figure),
        cmocka_unit_test(skipped_and_missing_cases_are_counted_apart),
        cmocka_unit_test(faults_come_from_getrusage_where_perf_is_not_allowed),
        cmocka_unit_test(faults_come_from_getrusage_where_perf_left_out_the_kernel),
        cmocka_unit_test(no_faults_are_no_bytes_per_fault),
        cmocka_unit_test(a_launch_without_faults_leaves_no_median_of_bytes_per_fault),
        cmocka_unit_test(the_resident_share_is_the_worst_over_launches),
        cmocka_unit_test(flush_latencies_are_merged_over_launches),
        cmocka_unit_test(a_broken_histogram_is_an_error_that_names_the_case),
        cmocka_unit_test(what_is_unavailable_says_why_once),
        cmocka_unit_test(launches_that_differ_in_effect_show_all_values),
        cmocka_unit_test(checksums_that_differ_are_not_shown_as_one),
        cmocka_unit_test(an_empty_record_has_an_empty_summary),
        cmocka_unit_test(groups_name_the_parameters_that_vary_within_a_workload),
        cmocka_unit_test(variants_name_what_only_one_engine_has),
        cmocka_unit_test(cases_that_look_alike_get_their_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
