/* What counting costs: twins are paired launch by launch, and stay out of what is compared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/counter_cost.h"
#include "analysis/report/emit.h"
#include "analysis/summary.h"
#include "tests/support/synthetic_record.h"

#define LAUNCHES 7

/* The second of two cases becomes the twin of the first. Launch i takes off_ns[i] without counters
 * and 1 % more with them, but for the last, which takes twice as long. */
static struct mm_record *twin_record(void)
{
    static const char *const one[] = {"sequential"};
    static const char *const engine[] = {"mmap"};
    static const json_int_t off_ns[LAUNCHES] = {1000, 9000, 2000, 8000, 3000, 7000, 4000};
    const struct synthetic_record_spec spec = {.workloads = one,
                                               .workload_count = 1,
                                               .engines = engine,
                                               .engine_count = 1,
                                               .launches = LAUNCHES};
    struct mm_record *record = synthetic_record(&spec);
    json_t *counted = json_array_get(mm_record_cases(record), 0);
    json_t *off = json_array_get(mm_record_cases(record), 1);
    char name[256];
    snprintf(name, sizeof(name), "%s/counting:off",
             json_string_value(json_object_get(counted, "name")));
    json_object_set_new(off, "name", json_string(name));
    json_object_set(off, "cache", json_object_get(counted, "cache"));
    json_object_set_new(off, "counting", json_string("off"));
    size_t position;
    json_t *launch;
    json_array_foreach(mm_record_launches(record), position, launch)
    {
        json_t *sample = json_array_get(json_object_get(launch, "samples"), 0);
        json_int_t index = json_integer_value(json_object_get(launch, "index"));
        json_int_t took_ns = off_ns[index];
        if (strcmp(json_string_value(json_object_get(launch, "case")), "c0") == 0) {
            took_ns = index + 1 < LAUNCHES ? took_ns + took_ns / 100 : 2 * took_ns;
        }
        json_object_set_new(sample, "elapsed_ns", json_integer(took_ns));
    }
    return record;
}

static struct mm_summary *summarise(const struct mm_record *record)
{
    struct mm_summary *summary = NULL;
    assert_int_equal(mm_summary_make(record, &summary, NULL), 0);
    return summary;
}

static void launches_of_one_round_are_pairs(void **state)
{
    (void)state;
    struct mm_record *record = twin_record();
    struct mm_summary *summary = summarise(record);
    struct mm_counter_costs costs;
    assert_int_equal(mm_counter_costs_make(summary, &costs), 0);
    assert_int_equal(costs.count, 1);
    const struct mm_counter_cost *cost = &costs.items[0];
    assert_ptr_equal(cost->counted, &summary->cases[0]);
    assert_ptr_equal(cost->off, &summary->cases[1]);
    assert_int_equal(cost->pairs, LAUNCHES);
    /* The times differ ninefold from round to round, the ratios do not. */
    assert_true(fabs(cost->ratio - 1.01) < 1e-9);
    assert_true(cost->has_interval);
    assert_true(fabs(cost->interval.low - 1.01) < 1e-9);
    assert_true(fabs(cost->interval.high - 2) < 1e-9);
    mm_counter_costs_release(&costs);
    mm_summary_free(summary);
    mm_record_free(record);
}

static void a_launch_whose_twin_failed_is_no_pair(void **state)
{
    (void)state;
    struct mm_record *record = twin_record();
    size_t position;
    json_t *launch;
    json_array_foreach(mm_record_launches(record), position, launch)
    {
        bool of_twin = strcmp(json_string_value(json_object_get(launch, "case")), "c1") == 0;
        if (of_twin && json_integer_value(json_object_get(launch, "index")) < 2) {
            json_object_set_new(launch, "status", json_string("failed"));
            json_object_set_new(launch, "failure",
                                json_pack("{s:s, s:s}", "kind", "error", "reason", "no"));
        }
    }
    struct mm_summary *summary = summarise(record);
    struct mm_counter_costs costs;
    assert_int_equal(mm_counter_costs_make(summary, &costs), 0);
    assert_int_equal(costs.count, 1);
    assert_int_equal(costs.items[0].pairs, LAUNCHES - 2);
    assert_false(costs.items[0].has_interval);
    mm_counter_costs_release(&costs);
    mm_summary_free(summary);
    mm_record_free(record);
}

static void the_twin_is_no_contender(void **state)
{
    (void)state;
    struct mm_record *record = twin_record();
    struct mm_summary *summary = summarise(record);
    struct mm_findings findings;
    assert_string_equal(summary->cases[0].group, summary->cases[1].group);
    assert_string_equal(summary->cases[0].variant, "");
    assert_string_equal(summary->cases[1].variant, "counting:off");
    assert_int_equal(mm_findings_make(summary, &findings), 0);
    assert_int_equal(findings.warnings, 1); /* times like these are noisy */
    assert_int_equal(findings.count, 3);
    assert_null(strstr(findings.items[1].text, "counting:off"));
    assert_non_null(
        strstr(findings.items[2].text, "Counting costs cold mmap, sequential: +1.00 %"));
    mm_findings_release(&findings);
    mm_summary_free(summary);
    mm_record_free(record);
}

static void without_twins_there_is_no_cost(void **state)
{
    (void)state;
    struct mm_record *record = synthetic_record(&(struct synthetic_record_spec){.launches = 6});
    struct mm_summary *summary = summarise(record);
    struct mm_counter_costs costs;
    assert_int_equal(mm_counter_costs_make(summary, &costs), 0);
    assert_int_equal(costs.count, 0);
    mm_counter_costs_release(&costs);
    mm_summary_free(summary);
    mm_record_free(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(launches_of_one_round_are_pairs),
        cmocka_unit_test(a_launch_whose_twin_failed_is_no_pair),
        cmocka_unit_test(the_twin_is_no_contender),
        cmocka_unit_test(without_twins_there_is_no_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
