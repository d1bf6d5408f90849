/* Two records beside each other. */
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

#include "analysis/compare.h"
#include "tests/support/synthetic_record.h"

static json_t *compare(const struct synthetic_record_spec *a, const struct synthetic_record_spec *b)
{
    struct mm_record *of_a = synthetic_record(a);
    struct mm_record *of_b = synthetic_record(b);
    struct mm_comparison *comparison;
    struct mm_error error;
    if (mm_compare(of_a, of_b, &comparison, &error) < 0) {
        fail_msg("%s", error.text);
    }
    json_t *json = mm_comparison_to_json(comparison);
    assert_non_null(json);
    mm_comparison_free(comparison);
    mm_record_free(of_a);
    mm_record_free(of_b);
    return json;
}

static const json_t *first_case(const json_t *json)
{
    return json_array_get(json_object_get(json, "cases"), 0);
}

static double number(const json_t *holder, const char *name)
{
    const json_t *value = json_object_get(holder, name);
    if (!json_is_number(value)) {
        fail_msg("%s is not a number", name);
    }
    return json_number_value(value);
}

static void a_record_beside_itself_has_ratios_of_one(void **state)
{
    (void)state;
    const struct synthetic_record_spec spec = {.noise = 0.1, .seed = 2};
    json_t *json = compare(&spec, &spec);
    assert_int_equal(json_array_size(json_object_get(json, "cases")), 8);
    assert_int_equal(json_array_size(json_object_get(json, "warnings")), 0);
    size_t index;
    const json_t *one;
    json_array_foreach(json_object_get(json, "cases"), index, one)
    {
        const json_t *interval = json_object_get(one, "interval");
        assert_true(number(one, "ratio") == 1);
        assert_true(number(interval, "low") <= 1 && number(interval, "high") >= 1);
        assert_true(fabs(number(interval, "coverage") - 0.96875 * 0.96875) < 1e-12);
        assert_true(json_is_null(json_object_get(one, "missing")));
    }
    json_decref(json);
}

static void a_slower_head_has_a_ratio_below_one(void **state)
{
    (void)state;
    const struct synthetic_record_spec base = {.launches = 12};
    const struct synthetic_record_spec head = {.launches = 12, .slowdown = 0.25};
    json_t *json = compare(&base, &head);
    const json_t *one = first_case(json);
    assert_true(fabs(number(one, "ratio") - 0.8) < 1e-6);
    assert_true(number(json_object_get(one, "interval"), "high") < 1);
    assert_string_equal(json_string_value(json_object_get(one, "verdict")), "slower");
    assert_true(number(json_object_get(one, "interval"), "coverage") >= 0.95);
    json_decref(json);
}

static void equal_records_of_enough_launches_are_not_slower(void **state)
{
    (void)state;
    const struct synthetic_record_spec spec = {.launches = 12, .noise = 0.001, .seed = 3};
    const struct synthetic_record_spec faster = {.launches = 12, .slowdown = -0.2};
    const struct synthetic_record_spec noisy = {.launches = 12, .noise = 0.5, .seed = 4};
    json_t *json = compare(&spec, &spec);
    assert_string_equal(json_string_value(json_object_get(first_case(json), "verdict")),
                        "not slower");
    json_decref(json);
    json = compare(&spec, &faster);
    assert_string_equal(json_string_value(json_object_get(first_case(json), "verdict")), "faster");
    json_decref(json);
    json = compare(&noisy, &noisy);
    assert_string_equal(json_string_value(json_object_get(first_case(json), "verdict")), "unclear");
    json_decref(json);
}

static void intervals_of_too_few_launches_for_all_cases_have_no_verdict(void **state)
{
    (void)state;
    const struct synthetic_record_spec spec = {.launches = 6};
    json_t *json = compare(&spec, &spec);
    assert_true(json_is_null(json_object_get(first_case(json), "verdict")));
    assert_string_equal(json_string_value(json_object_get(first_case(json), "unjudged")),
                        "no verdict: for all cases at once 6 and 6 launches are too few");
    json_decref(json);
}

static void too_few_launches_have_a_ratio_and_say_what_is_missing(void **state)
{
    (void)state;
    const struct synthetic_record_spec base = {.launches = 6};
    const struct synthetic_record_spec head = {.launches = 5};
    json_t *json = compare(&base, &head);
    const json_t *one = first_case(json);
    assert_true(number(one, "ratio") == 1);
    assert_true(json_is_null(json_object_get(one, "interval")));
    assert_string_equal(json_string_value(json_object_get(one, "missing")),
                        "an interval needs 6 good launches on each side; A has 6, B 5");
    json_decref(json);
}

static void failed_and_skipped_cases_have_no_ratio_and_say_why(void **state)
{
    (void)state;
    const struct synthetic_record_spec base = {.skipped_cases = 1};
    const struct synthetic_record_spec head = {.failed_every = 1};
    json_t *json = compare(&base, &head);
    const json_t *cases = json_object_get(json, "cases");
    const json_t *last = json_array_get(cases, json_array_size(cases) - 1);
    assert_true(json_is_null(json_object_get(first_case(json), "ratio")));
    assert_string_equal(json_string_value(json_object_get(first_case(json), "missing")),
                        "the case failed in every launch in B");
    assert_string_equal(json_string_value(json_object_get(last, "missing")),
                        "the case is a planned skip in A");
    json_decref(json);
}

/* Two schedules of one rate are equally fast, whatever became of the latencies. */
static void latency_is_not_compared_by_throughput(void **state)
{
    (void)state;
    const struct synthetic_record_spec base = {.latency = true, .rate = 1000};
    const struct synthetic_record_spec head = {.latency = true, .rate = 1000, .slowdown = 4};
    json_t *json = compare(&base, &head);
    assert_true(json_is_null(json_object_get(first_case(json), "ratio")));
    assert_non_null(strstr(json_string_value(json_object_get(first_case(json), "missing")),
                           "a case of latency has no throughput to compare"));
    json_decref(json);
}

static void cases_of_one_side_are_listed(void **state)
{
    (void)state;
    static const char *const some[] = {"sequential", "random"};
    static const char *const others[] = {"random", "chunked"};
    const struct synthetic_record_spec base = {.workloads = some, .workload_count = 2};
    const struct synthetic_record_spec head = {.workloads = others, .workload_count = 2};
    json_t *json = compare(&base, &head);
    assert_int_equal(json_array_size(json_object_get(json, "cases")), 4);
    const json_t *only_in_a = json_object_get(json, "only_in_a");
    const json_t *only_in_b = json_object_get(json, "only_in_b");
    assert_int_equal(json_array_size(only_in_a), 4);
    assert_int_equal(json_array_size(only_in_b), 4);
    assert_ptr_equal(strstr(json_string_value(json_array_get(only_in_a, 0)), "sequential"),
                     json_string_value(json_array_get(only_in_a, 0)));
    json_decref(json);
}

static char *text_of(const struct mm_comparison *comparison,
                     int (*write)(const struct mm_comparison *comparison, FILE *stream))
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    assert_int_equal(write(comparison, stream), 0);
    assert_int_equal(fclose(stream), 0);
    return text;
}

static void another_machine_is_warned_of_with_what_differs(void **state)
{
    (void)state;
    struct mm_record *a = synthetic_record(&(struct synthetic_record_spec){0});
    struct mm_record *b = synthetic_record(&(struct synthetic_record_spec){0});
    struct mm_comparison *comparison;
    json_object_set_new(mm_record_environment(b), "fingerprint", json_string("0x00000000000000bb"));
    json_object_set_new(mm_record_environment(b), "kernel", json_string("6.18.0"));
    json_object_set_new(json_object_get(mm_record_run(b), "mapmeter"), "build_type",
                        json_string("Debug"));
    assert_int_equal(mm_compare(a, b, &comparison, NULL), 0);
    char *text = text_of(comparison, mm_comparison_write_text);
    assert_non_null(strstr(text, "WARNING: the environments differ"));
    assert_non_null(strstr(text, "WARNING: kernel: 6.1.0 in A, 6.18.0 in B"));
    assert_non_null(strstr(text, "no verdict: the machines or their storage differ"));
    assert_null(strstr(text, "not slower\n"));
    assert_non_null(strstr(text, "WARNING: build_type: Release in A, Debug in B"));
    assert_null(strstr(text, "WARNING: cpu_model"));
    free(text);
    char *markdown = text_of(comparison, mm_comparison_write_markdown);
    assert_non_null(strstr(markdown, "**Warning:** kernel: 6.1.0 in A"));
    free(markdown);
    mm_comparison_free(comparison);
    mm_record_free(a);
    mm_record_free(b);
}

static void records_without_a_common_case_say_so(void **state)
{
    (void)state;
    struct mm_record *a = synthetic_record(&(struct synthetic_record_spec){0});
    struct mm_record *b = mm_record_new();
    struct mm_comparison *comparison;
    assert_int_equal(mm_compare(a, b, &comparison, NULL), 0);
    char *text = text_of(comparison, mm_comparison_write_text);
    assert_non_null(strstr(text, "no case in common"));
    assert_non_null(strstr(text, "Only in A:"));
    free(text);
    mm_comparison_free(comparison);
    mm_record_free(a);
    mm_record_free(b);
}

static void a_full_device_is_an_error(void **state)
{
    (void)state;
    struct mm_record *record = synthetic_record(&(struct synthetic_record_spec){0});
    struct mm_comparison *comparison;
    assert_int_equal(mm_compare(record, record, &comparison, NULL), 0);
    FILE *stream = fopen("/dev/full", "w");
    assert_non_null(stream);
    assert_int_equal(mm_comparison_write_text(comparison, stream), -EIO);
    fclose(stream);
    mm_comparison_free(comparison);
    mm_record_free(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_beside_itself_has_ratios_of_one),
        cmocka_unit_test(a_slower_head_has_a_ratio_below_one),
        cmocka_unit_test(equal_records_of_enough_launches_are_not_slower),
        cmocka_unit_test(intervals_of_too_few_launches_for_all_cases_have_no_verdict),
        cmocka_unit_test(too_few_launches_have_a_ratio_and_say_what_is_missing),
        cmocka_unit_test(failed_and_skipped_cases_have_no_ratio_and_say_why),
        cmocka_unit_test(latency_is_not_compared_by_throughput),
        cmocka_unit_test(cases_of_one_side_are_listed),
        cmocka_unit_test(another_machine_is_warned_of_with_what_differs),
        cmocka_unit_test(records_without_a_common_case_say_so),
        cmocka_unit_test(a_full_device_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
