/* What leads a report. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "analysis/report/emit.h"
#include "tests/support/synthetic_record.h"

struct fixture {
    struct mm_record *record;
    struct mm_summary *summary;
    struct mm_findings findings;
};

static struct fixture find(const struct synthetic_record_spec *spec)
{
    struct fixture fixture = {.record = synthetic_record(spec)};
    assert_int_equal(mm_summary_make(fixture.record, &fixture.summary, NULL), 0);
    assert_int_equal(mm_findings_make(fixture.summary, &fixture.findings), 0);
    return fixture;
}

static void release(struct fixture *fixture)
{
    mm_findings_release(&fixture->findings);
    mm_summary_free(fixture->summary);
    mm_record_free(fixture->record);
}

static const char *text(const struct fixture *fixture, size_t index)
{
    assert_true(index < fixture->findings.count);
    return fixture->findings.items[index].text;
}

static void the_surest_choice_comes_first(void **state)
{
    (void)state;
    struct fixture fixture = find(&(struct synthetic_record_spec){.launches = 6});
    assert_int_equal(fixture.findings.count, 4);
    assert_int_equal(fixture.findings.warnings, 0);
    assert_ptr_equal(strstr(text(&fixture, 0), "cold sequential: marray moves 1."),
                     text(&fixture, 0));
    assert_non_null(strstr(text(&fixture, 0), ", 1.20 times as fast as pread ("));
    release(&fixture);
    size_t mixed = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        fixture = find(&(struct synthetic_record_spec){
            .launches = 12, .noise = 0.02 * (double)seed, .seed = seed});
        size_t ranked = 0;
        size_t open = 0;
        for (size_t i = fixture.findings.warnings; i < fixture.findings.count; i++) {
            bool is_open = strstr(text(&fixture, i), "no engine is reliably faster") != NULL;
            assert_false(open > 0 && !is_open);
            open += is_open;
            ranked += !is_open;
        }
        mixed += open > 0 && ranked > 0;
        release(&fixture);
    }
    assert_true(mixed > 0);
}

static void a_rate_that_was_not_kept_leads(void **state)
{
    (void)state;
    struct fixture fixture = find(&(struct synthetic_record_spec){
        .launches = 6, .latency = true, .rate = 8000, .kept_share = 0.9});
    assert_int_equal(fixture.findings.count, 8 + 4); /* of each case, then of each work */
    for (size_t i = 0; i < 8; i++) {
        assert_true(fixture.findings.items[i].is_bad);
        assert_non_null(
            strstr(text(&fixture, i), "8000 operations a second were asked for and 7200 came"));
    }
    release(&fixture);
}

static void latencies_are_compared_by_percentile_and_not_by_throughput(void **state)
{
    (void)state;
    struct fixture fixture =
        find(&(struct synthetic_record_spec){.launches = 6, .latency = true, .rate = 8000});
    assert_int_equal(fixture.findings.count, 4);
    assert_string_equal(text(&fixture, 0),
                        "cold sequential latency at 8000/s, p50, p99 and p99.9: marray 903 ns, 903 "
                        "ns, 45.0 us; pread 903 ns, 903 ns, 45.0 us");
    release(&fixture);
    fixture = find(&(struct synthetic_record_spec){.launches = 6, .latency = true});
    assert_int_equal(fixture.findings.count, 4);
    assert_non_null(strstr(text(&fixture, 3), "warm random latency, p50, p99"));
    release(&fixture);
}

static void operations_that_were_woken_late_are_said(void **state)
{
    (void)state;
    struct mm_record *record = synthetic_record(
        &(struct synthetic_record_spec){.launches = 1, .latency = true, .rate = 8000});
    json_t *sample = json_array_get(
        json_object_get(json_array_get(mm_record_launches(record), 0), "samples"), 0);
    json_object_set_new(json_object_get(sample, "operations"), "late", json_integer(24));
    struct fixture fixture = {.record = record};
    assert_int_equal(mm_summary_make(record, &fixture.summary, NULL), 0);
    assert_int_equal(mm_findings_make(fixture.summary, &fixture.findings), 0);
    assert_true(fixture.findings.items[0].is_bad);
    assert_false(fixture.findings.items[1].is_bad);
    assert_non_null(strstr(text(&fixture, 0), "2.0 % of the operations began late although none "
                                              "was before them"));
    release(&fixture);
}

static void intervals_that_are_wide_are_a_warning(void **state)
{
    (void)state;
    struct fixture fixture =
        find(&(struct synthetic_record_spec){.launches = 6, .noise = 0.6, .seed = 1});
    assert_int_equal(fixture.findings.warnings, 1);
    assert_true(fixture.findings.items[0].is_bad);
    assert_non_null(strstr(text(&fixture, 0), " of 8 cases are noisy: their intervals are wider "
                                              "than 25 % of the median. The widest is "));
    release(&fixture);
}

static void what_the_machine_warned_of_is_a_warning(void **state)
{
    (void)state;
    struct mm_record *record = synthetic_record(&(struct synthetic_record_spec){.launches = 6});
    json_object_set_new(mm_record_environment(record), "warnings",
                        json_pack("[s]", "load: 3 on 2 processors"));
    struct fixture fixture = {.record = record};
    assert_int_equal(mm_summary_make(record, &fixture.summary, NULL), 0);
    assert_int_equal(mm_findings_make(fixture.summary, &fixture.findings), 0);
    assert_int_equal(fixture.findings.warnings, 1);
    assert_string_equal(text(&fixture, 0), "When the run began: load: 3 on 2 processors");
    release(&fixture);
}

static void few_launches_rank_nothing(void **state)
{
    (void)state;
    struct fixture fixture = find(&(struct synthetic_record_spec){.launches = 5});
    assert_non_null(strstr(text(&fixture, 0), ": too few launches to rank the engines; marray "));
    release(&fixture);
}

static void a_single_engine_is_told_alone(void **state)
{
    (void)state;
    static const char *const engines[] = {"marray"};
    struct fixture fixture =
        find(&(struct synthetic_record_spec){.engines = engines, .engine_count = 1});
    assert_int_equal(fixture.findings.count, 4);
    assert_non_null(strstr(text(&fixture, 0), ", the only engine of this work"));
    release(&fixture);
}

static void counters_that_took_turns_are_marked(void **state)
{
    (void)state;
    struct mm_record *record = synthetic_record(&(struct synthetic_record_spec){.launches = 6});
    static const double shares[] = {0.5, 0.25, 0.75};
    for (size_t i = 0; i < 3; i++) {
        json_t *quality =
            json_object_get(json_array_get(mm_record_launches(record), i), "counter_quality");
        json_object_set_new(quality, "minor_faults",
                            json_pack("{s:s, s:b, s:f}", "source", "perf", "exclude_kernel", 0,
                                      "running_share", shares[i]));
    }
    struct mm_summary *summary = NULL;
    struct mm_findings findings;
    assert_int_equal(mm_summary_make(record, &summary, NULL), 0);
    assert_int_equal(mm_findings_make(summary, &findings), 0);
    const char *last = findings.items[findings.count - 1].text;
    assert_ptr_equal(strstr(last, "minor_faults took turns with other events: it was counted in "
                                  "25.0 % of the time at least"),
                     last);
    mm_findings_release(&findings);
    mm_summary_free(summary);
    mm_record_free(record);
}

static void what_went_wrong_comes_first(void **state)
{
    (void)state;
    struct fixture fixture = find(
        &(struct synthetic_record_spec){.launches = 6, .failed_every = 3, .interrupted = true});
    assert_true(fixture.findings.items[0].is_bad);
    assert_non_null(strstr(text(&fixture, 0), "ended early by SIGINT"));
    assert_true(fixture.findings.items[1].is_bad);
    assert_non_null(strstr(text(&fixture, 1), "launches failed (killed: "));
    assert_false(fixture.findings.items[fixture.findings.count - 1].is_bad);
    release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_surest_choice_comes_first),
        cmocka_unit_test(a_rate_that_was_not_kept_leads),
        cmocka_unit_test(latencies_are_compared_by_percentile_and_not_by_throughput),
        cmocka_unit_test(operations_that_were_woken_late_are_said),
        cmocka_unit_test(intervals_that_are_wide_are_a_warning),
        cmocka_unit_test(what_the_machine_warned_of_is_a_warning),
        cmocka_unit_test(few_launches_rank_nothing),
        cmocka_unit_test(a_single_engine_is_told_alone),
        cmocka_unit_test(counters_that_took_turns_are_marked),
        cmocka_unit_test(what_went_wrong_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
