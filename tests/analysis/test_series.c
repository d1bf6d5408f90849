/* Time series: rates between points, tables for other programs, and the plot of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/plots/plots.h"
#include "analysis/series.h"
#include "tests/support/synthetic_record.h"

/* 10 bytes in the first second, 30 in the two after it. */
static json_t *make_series(void)
{
    json_t *series =
        json_pack("{s:i, s:i, s:[I,I,I], s:[i,i,i], s:[i,i,i], s:[i,i,i], s:{s:s}}", "interval_ns",
                  1000000, "observer_ns", 1, "elapsed_ns", (json_int_t)0, (json_int_t)1000000000,
                  (json_int_t)3000000000, "bytes", 0, 10, 40, "items", 0, 1, 4, "dirty_bytes", 0,
                  8192, 0, "resident_bytes", "unavailable", "nobody tells");
    assert_non_null(series);
    return series;
}

/* Two cases of a launch each, with a series where that is wanted. */
static struct mm_record *series_record(bool with_series)
{
    static const char *const workload[] = {"sequential"};
    static const char *const engine[] = {"mmap"};
    const struct synthetic_record_spec spec = {.workloads = workload,
                                               .workload_count = 1,
                                               .engines = engine,
                                               .engine_count = 1,
                                               .launches = 1};
    struct mm_record *record = synthetic_record(&spec);
    size_t position;
    json_t *launch;
    json_array_foreach(mm_record_launches(record), position, launch)
    {
        json_t *sample = json_array_get(json_object_get(launch, "samples"), 0);
        if (with_series)
            json_object_set_new(sample, "series", make_series());
    }
    return record;
}

static struct mm_summary *summarise(const struct mm_record *record)
{
    struct mm_summary *summary = NULL;
    assert_int_equal(mm_summary_make(record, &summary, NULL), 0);
    return summary;
}

static void rates_are_those_between_two_points(void **state)
{
    (void)state;
    json_t *series = make_series();
    assert_int_equal(mm_series_points(series), 3);
    assert_true(isnan(mm_series_rate(series, "bytes", 0)));
    assert_true(fabs(mm_series_rate(series, "bytes", 1) - 10) < 1e-9);
    assert_true(fabs(mm_series_rate(series, "bytes", 2) - 15) < 1e-9);
    assert_true(isnan(mm_series_value(series, "resident_bytes", 1)));
    assert_true(isnan(mm_series_value(series, "no_such_column", 1)));
    json_decref(series);
}

static void a_table_has_a_block_a_launch_and_says_what_is_missing(void **state)
{
    (void)state;
    struct mm_record *record = series_record(true);
    struct mm_summary *summary = summarise(record);
    assert_int_equal(summary->cases[0].series.count, 1);
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    mm_series_write_table(stream, "a case", &summary->cases[0].series);
    fclose(stream);
    assert_non_null(strstr(text, "# seconds bytes_per_second bytes items minor_faults"));
    assert_non_null(strstr(text, "# launch 0\n0 NaN 0 0 NaN NaN NaN 0 NaN NaN NaN\n"
                                 "1 10 10 1 NaN NaN NaN 8192 NaN NaN NaN\n3 15 40 4 "));
    free(text);
    mm_summary_free(summary);
    mm_record_free(record);
}

static void set_stage(const struct mm_record *record, size_t index, const char *stage)
{
    json_t *plan_case = json_array_get(mm_record_cases(record), index);
    char name[128];
    snprintf(name, sizeof(name), "sequential/engine:mmap/cache:pressure/size:1MiB/stage:%s", stage);
    json_object_set_new(plan_case, "name", json_string(name));
    json_object_set_new(plan_case, "cache", json_string("pressure"));
    json_object_set_new(plan_case, "pressure",
                        json_pack("{s:i, s:s}", "memory_limit_bytes", 4096, "stage", stage));
}

static void fill_and_steady_state_are_two_lines_of_one_panel(void **state)
{
    (void)state;
    struct mm_record *record = series_record(true);
    set_stage(record, 0, "steady");
    set_stage(record, 1, "fill");
    struct mm_summary *summary = summarise(record);
    struct mm_plots plots;
    assert_int_equal(mm_plots_make(summary, &plots, NULL), 0);
    const struct mm_plot *plot = &plots.plots[MM_PLOT_SERIES];
    assert_non_null(plot->script);
    assert_non_null(strstr(plot->script, "panel_count = 1\n"));
    assert_non_null(strstr(plot->script, "line_kind[1] = 1; line_text[1] = \"fill\""));
    assert_non_null(strstr(plot->script, "line_kind[2] = 2; line_text[2] = \"steady state\""));
    assert_non_null(strstr(plot->script, "panel_has_dirty[1] = 1"));
    assert_non_null(strstr(plot->data, "3 15 0\n"));
    assert_string_equal(plot->alternative,
                        "Throughput over time of 2 samples, panels: 1. Between two points it goes "
                        "from 10 B/s to 15.0 B/s; the longest sample took 3.00 s.");
    mm_plots_release(&plots);
    mm_summary_free(summary);
    mm_record_free(record);
}

static void without_a_long_sample_there_is_nothing_to_plot(void **state)
{
    (void)state;
    struct mm_record *record = series_record(false);
    struct mm_summary *summary = summarise(record);
    struct mm_plots plots;
    assert_int_equal(mm_plots_make(summary, &plots, NULL), 0);
    assert_null(plots.plots[MM_PLOT_SERIES].script);
    assert_string_equal(plots.plots[MM_PLOT_SERIES].why_missing, "no sample took 2 s or more");
    mm_plots_release(&plots);
    mm_summary_free(summary);
    mm_record_free(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_those_between_two_points),
        cmocka_unit_test(a_table_has_a_block_a_launch_and_says_what_is_missing),
        cmocka_unit_test(fill_and_steady_state_are_two_lines_of_one_panel),
        cmocka_unit_test(without_a_long_sample_there_is_nothing_to_plot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
