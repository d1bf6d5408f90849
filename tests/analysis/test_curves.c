/* Plots of curves: throughput by a parameter, speed-up by processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/plots/curves.h"
#include "common/text.h"
#include "tests/analysis/drawn.h"
#include "tests/support/synthetic_record.h"

#define HOSTILE "'`touch_pwned`$(x)\"%s<b>"

static const char *const workload[] = {"strided"};
static const char *const engines[] = {"mmap", "pread", "marray", "memory"};
static const char *const cache[] = {"warm"};

/* Four cases, named as the test needs them. */
static struct mm_record *named_record(const char *const names[4])
{
    const struct synthetic_record_spec spec = {.workloads = workload,
                                               .workload_count = 1,
                                               .engines = engines,
                                               .engine_count = 4,
                                               .caches = cache,
                                               .cache_count = 1,
                                               .noise = 0.1,
                                               .seed = 9};
    struct mm_record *record = synthetic_record(&spec);
    for (size_t i = 0; i < 4; i++) {
        json_t *plan_case = json_array_get(mm_record_cases(record), i);
        json_object_set_new(plan_case, "name", json_string(names[i]));
        json_object_set_new(plan_case, "engine", json_string("mmap"));
    }
    return record;
}

static void set_processes(json_t *plan_case, const char *processes)
{
    json_object_set_new(json_object_get(plan_case, "parameters"), "processes",
                        json_string(processes));
}

static void a_size_that_varies_alone_has_a_curve_with_its_intervals(void **state)
{
    (void)state;
    static const char *const names[4] = {"strided/engine:mmap/cache:warm/block:1MiB/size:64MiB",
                                         "strided/engine:mmap/cache:warm/block:16KiB/size:64MiB",
                                         "strided/engine:mmap/cache:warm/block:4KiB/size:64MiB",
                                         "strided/engine:mmap/cache:warm/block:64KiB/size:64MiB"};
    struct drawn drawn = draw(named_record(names));
    const struct mm_plot *plot = &drawn.plots.plots[MM_PLOT_SWEEP];
    assert_non_null(plot->script);
    assert_non_null(strstr(plot->script, "panel_count = 1\n"));
    assert_non_null(strstr(plot->script, "x_is_log[1] = 1;"));
    assert_non_null(strstr(plot->script, "panel_text[1] = \"strided, by block\"\n"));
    assert_non_null(strstr(plot->script, "x_text[1] = \"block in bytes\"\n"));
    assert_non_null(strstr(plot->script, "curve_text[1] = \"warm mmap\".\", n 6\"\n"));
    assert_non_null(strstr(plot->script, "= 4096; x_tic_text[1] = \"4 KiB\"\n"));
    /* The synthetic machine has a first cache of 32 KiB. */
    assert_non_null(strstr(plot->script, "mark_at[1] = 32768; mark_text[1] = \"L1 32 KiB\""));
    static const double sizes[4] = {4096, 16384, 65536, 1048576};
    static const size_t cases[4] = {2, 1, 3, 0};
    const char *last = plot->data;
    for (size_t i = 0; i < 4; i++) {
        const struct mm_distribution *rate = &drawn.summary->cases[cases[i]].bytes_per_second;
        char *line = mm_text_format("\n%.9g %.9g %.9g %.9g 6 1\n", sizes[i], rate->median,
                                    rate->interval.low, rate->interval.high);
        const char *at = strstr(last, line);
        assert_non_null(at); /* ascending */
        last = at + strlen(line) - 1;
        free(line);
    }
    assert_non_null(strstr(plot->alternative, "1 curves in 1 panels"));
    release(&drawn);
}

static void numbers_that_vary_together_are_none_to_plot_against(void **state)
{
    (void)state;
    static const char *const names[4] = {"strided/engine:mmap/cache:warm/stride:1/block:1MiB",
                                         "strided/engine:mmap/cache:warm/stride:2/block:2MiB",
                                         "strided/engine:mmap/cache:warm/stride:3/block:4MiB",
                                         "strided/engine:mmap/cache:warm/stride:4/block:8MiB"};
    struct drawn drawn = draw(named_record(names));
    const struct mm_plot *plot = &drawn.plots.plots[MM_PLOT_SWEEP];
    assert_null(plot->script);
    assert_null(plot->svg);
    assert_string_equal(plot->why_missing, "no number varies among cases that are alike otherwise");
    release(&drawn);
}

static void a_zero_and_a_narrow_range_have_a_plain_axis(void **state)
{
    (void)state;
    static const char *const names[4] = {"strided/engine:mmap/cache:warm/flush-every:0/kind:a",
                                         "strided/engine:mmap/cache:warm/flush-every:100/kind:a",
                                         "strided/engine:mmap/cache:warm/flush-every:3/kind:b",
                                         "strided/engine:mmap/cache:warm/flush-every:5/kind:b"};
    struct drawn drawn = draw(named_record(names));
    const struct mm_plot *plot = &drawn.plots.plots[MM_PLOT_SWEEP];
    assert_non_null(strstr(plot->script, "panel_count = 2\n"));
    assert_non_null(strstr(plot->script, "x_is_log[1] = 0;"));
    assert_non_null(strstr(plot->script, "x_is_log[2] = 0;"));
    assert_non_null(strstr(plot->script, "panel_text[1] = \"strided kind:a, by flush-every\"\n"));
    assert_null(strstr(plot->script, "mark_at[1] ="));
    release(&drawn);
}

static void a_hostile_parameter_is_text_in_script_and_data(void **state)
{
    (void)state;
    static const char *const names[4] = {"strided/engine:mmap/cache:warm/stride:1/" HOSTILE ":a",
                                         "strided/engine:mmap/cache:warm/stride:2/" HOSTILE ":a",
                                         "strided/engine:mmap/cache:warm/stride:1/" HOSTILE ":b",
                                         "strided/engine:mmap/cache:warm/stride:2/" HOSTILE ":b"};
    struct drawn drawn = draw(named_record(names));
    const struct mm_plot *plot = &drawn.plots.plots[MM_PLOT_SWEEP];
    assert_non_null(strstr(plot->script, "panel_count = 2\n"));
    assert_null(strstr(plot->script, "`touch"));
    assert_null(strstr(plot->script, "$(x)"));
    if (plot->svg) {
        assert_null(strstr(plot->svg, "<b>"));
        assert_non_null(strstr(plot->svg, "&lt;b"));
    }
    release(&drawn);
}

static void processes_have_a_speed_up_and_the_ideal_beside_it(void **state)
{
    (void)state;
    static const char *const names[4] = {"strided/engine:mmap/cache:warm/processes:1/lock:none",
                                         "strided/engine:mmap/cache:warm/processes:4/lock:none",
                                         "strided/engine:mmap/cache:warm/processes:1/lock:range",
                                         "strided/engine:mmap/cache:warm/processes:4/lock:range"};
    struct mm_record *record = named_record(names);
    for (size_t i = 0; i < 4; i++) {
        json_t *plan_case = json_array_get(mm_record_cases(record), i);
        set_processes(plan_case, i % 2 ? "4" : "1");
        json_object_set_new(json_object_get(plan_case, "parameters"), "lock",
                            json_string(i < 2 ? "none" : "range"));
    }
    struct drawn drawn = draw(record);
    const struct mm_plot *plot = &drawn.plots.plots[MM_PLOT_SCALING];
    const struct mm_distribution *one = &drawn.summary->cases[0].bytes_per_second;
    const struct mm_distribution *four = &drawn.summary->cases[1].bytes_per_second;
    assert_non_null(plot->script);
    assert_non_null(strstr(plot->script, "panel_count = 1\n"));
    assert_non_null(strstr(plot->script, "ideal_base[1] = 1\n"));
    assert_non_null(strstr(plot->script, "curve_text[1] = \"warm mmap lock:none\".\", n 6\"\n"));
    assert_non_null(strstr(plot->script, "curve_text[2] = \"warm mmap lock:range\".\", n 6\"\n"));
    char *line =
        mm_text_format("\n4 %.9g %.9g %.9g 6 1\n", four->median / one->median,
                       four->interval.low / one->median, four->interval.high / one->median);
    assert_non_null(strstr(plot->data, line));
    free(line);
    assert_null(drawn.plots.plots[MM_PLOT_SWEEP].script); /* it is no other parameter */
    release(&drawn);
}

static void a_label_loses_one_parameter_and_nothing_else(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"random block:4KiB size:1MiB", "block", "random size:1MiB"},
        {"random block:4KiB", "block", "random"},
        {"random block:4KiB", "lock", "random block:4KiB"},
        {"random block:4KiB", "", "random block:4KiB"},
    };
    for (size_t i = 0; i < MM_COUNT_OF(cases); i++) {
        char *text = mm_curves_without(cases[i][0], cases[i][1]);
        assert_string_equal(text, cases[i][2]);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_size_that_varies_alone_has_a_curve_with_its_intervals),
        cmocka_unit_test(numbers_that_vary_together_are_none_to_plot_against),
        cmocka_unit_test(a_zero_and_a_narrow_range_have_a_plain_axis),
        cmocka_unit_test(a_hostile_parameter_is_text_in_script_and_data),
        cmocka_unit_test(processes_have_a_speed_up_and_the_ideal_beside_it),
        cmocka_unit_test(a_label_loses_one_parameter_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
