/* The forest plot: its rows, of a gate and of a comparison, hostile names, nothing to draw. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/compare.h"
#include "analysis/plots/forest.h"
#include "analysis/report/gate_report.h"
#include "common/file.h"
#include "tests/support/folder.h"
#include "tests/support/synthetic_record.h"

#define HOSTILE "'; system(\"touch pwned\"); '`touch pwned`<b>"

static struct mm_forest forest_of(const struct mm_forest_row *rows, size_t count)
{
    return (struct mm_forest){.title = "title",
                              .caption = HOSTILE,
                              .axis = "head / base",
                              .unit = "pairs",
                              .rows = rows,
                              .count = count};
}

static void rows_stand_in_their_order_with_interval_margin_and_target(void **state)
{
    (void)state;
    static const struct mm_forest_row rows[] = {
        {"worse", "REGRESSED", 1.1, true, 1.05, 1.15, 1.01, 1.05, 30},
        {"same", "PASS", 1.0, true, 0.99, 1.01, 1.01, 1.05, 30},
        {"better", "IMPROVED", 0.8, true, 0.75, 0.85, 1.01, 1.05, 40},
        {"few", NULL, 1.3, false, 0, 0, 0, 0, 2},
    };
    const struct mm_forest forest = forest_of(rows, 4);
    struct mm_plot plot;
    assert_int_equal(mm_forest_make(&forest, &plot, NULL), 0);
    assert_non_null(strstr(plot.data, "\n1 1.1 1.05 1.15 30 2 1.01 1.05 \"worse\"\n"
                                      "2 1 0.99 1.01 30 1 1.01 1.05 \"same\"\n"
                                      "3 0.8 0.75 0.85 40 0 1.01 1.05 \"better\"\n"
                                      "4 1.3 1.3 1.3 2 3 0 0 \"few\"\n"));
    assert_non_null(strstr(plot.script, "row_count = 4\n"));
    assert_non_null(strstr(plot.script, "has_margin = 1\nhas_target = 1\n"));
    assert_non_null(strstr(plot.alternative, "1 intervals lie above 1, 1 below, 1 hold it, and 1 "
                                             "cases have none. The greatest is 1.300 for few. The "
                                             "least is 0.800 (0.750 to 0.850) for better."));
    assert_null(strstr(plot.script, "`touch"));
    mm_plot_release(&plot);
}

static void without_rows_there_is_no_file_to_write(void **state)
{
    (void)state;
    const struct mm_forest forest = forest_of(NULL, 0);
    struct mm_plot plot;
    assert_int_equal(mm_forest_make(&forest, &plot, NULL), 0);
    assert_null(plot.script);
    assert_null(plot.svg);
    assert_string_equal(plot.why_missing, "no case has a ratio");
    mm_plot_release(&plot);
}

static void more_rows_than_are_drawn_are_counted(void **state)
{
    (void)state;
    struct mm_forest_row rows[MM_FOREST_ROWS_SHOWN + 7];
    for (size_t i = 0; i < MM_FOREST_ROWS_SHOWN + 7; i++) {
        rows[i] = (struct mm_forest_row){.label = "x", .ratio = 1, .count = 1};
    }
    const struct mm_forest forest = forest_of(rows, MM_FOREST_ROWS_SHOWN + 7);
    struct mm_plot plot;
    assert_int_equal(mm_forest_make(&forest, &plot, NULL), 0);
    assert_non_null(strstr(plot.alternative, "The last 7 are not drawn."));
    mm_plot_release(&plot);
}

static json_t *gate_document(void)
{
    return json_pack(
        "{s:{s:s, s:i}, s:{s:s, s:s, s:{s:s}, s:{s:s}}, s:{s:s}, s:[{s:s, s:n, s:{s:{s:s, s:s, "
        "s:f, s:f, s:f, s:f, s:f, s:[f,f]}}}, {s:s, s:{s:s, s:s}, s:{s:{s:s, s:s}}}]}",
        "schema", "name", "mapmeter.gate", "version", 1, "gate", "suite", HOSTILE, "started_utc",
        "2026-11-24T00:00:00Z", "base", "given", HOSTILE, "head", "given", "new", "environment",
        "cpu_model", "a CPU", "benchmarks", "name", HOSTILE, "failure", "metrics", "time",
        "verdict", "REGRESSED", "unit", "ns", "margin", 0.01, "target", 0.05, "effect", 0.25, "low",
        0.2, "high", 0.3, "scores", 0.1, 0.2, "name", "broken", "failure", "side", "head", "reason",
        "killed", "metrics", "time", "verdict", "FAILED", "unit", "ns");
}

static void a_gate_shows_what_has_figures_and_writes_it_below_its_folder(void **state)
{
    (void)state;
    json_t *document = gate_document();
    char folder[] = "/var/tmp/mapmeter-forest-XXXXXX";
    assert_non_null(mkdtemp(folder));
    struct mm_gate_rows rows;
    assert_int_equal(mm_gate_rows_make(document, &rows, NULL), 0);
    assert_int_equal(mm_gate_forest_write(document, &rows, folder, NULL), 0);
    mm_gate_rows_release(&rows);
    char *path = mm_file_join(folder, "plots/forest.dat");
    char *data = NULL;
    size_t size;
    assert_int_equal(mm_file_read(path, 1 << 20, &data, &size, NULL), 0);
    assert_non_null(strstr(data, "\n1 1.25 1.2 1.3 2 2 1.01 1.05 \"time: "));
    assert_null(strstr(data, "broken"));
    free(data);
    free(path);
    assert_int_equal(mm_test_remove_folder(folder), 0);
    json_decref(document);
}

static void a_comparison_shows_the_ratio_of_each_case(void **state)
{
    (void)state;
    const struct synthetic_record_spec spec = {.noise = 0.1, .seed = 2, .hostile_names = true};
    struct mm_record *record = synthetic_record(&spec);
    struct mm_comparison *comparison;
    struct mm_plot plot;
    assert_int_equal(mm_compare(record, record, &comparison, NULL), 0);
    assert_int_equal(mm_comparison_forest_make(comparison, &plot, NULL), 0);
    assert_non_null(strstr(plot.script, "row_count = 8\n"));
    assert_non_null(strstr(plot.data, "\n1 1 0."));
    assert_non_null(strstr(plot.alternative, "8 hold it"));
    if (plot.svg) {
        assert_null(strstr(plot.svg, "<script"));
        assert_int_equal(plot.svg_size, strlen(plot.svg));
    }
    mm_plot_release(&plot);
    mm_comparison_free(comparison);
    mm_record_free(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_stand_in_their_order_with_interval_margin_and_target),
        cmocka_unit_test(without_rows_there_is_no_file_to_write),
        cmocka_unit_test(more_rows_than_are_drawn_are_counted),
        cmocka_unit_test(a_gate_shows_what_has_figures_and_writes_it_below_its_folder),
        cmocka_unit_test(a_comparison_shows_the_ratio_of_each_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
