/* Latencies as cumulative shares: every step is a share of the values of the histogram. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/analysis/drawn.h"
#include "tests/support/synthetic_record.h"

static struct synthetic_record_spec one_case(bool flushes, bool latency)
{
    static const char *const workload[] = {"random"};
    static const char *const engine[] = {"mmap"};
    static const char *const cache[] = {"warm"};
    return (struct synthetic_record_spec){.workloads = workload,
                                          .workload_count = 1,
                                          .engines = engine,
                                          .engine_count = 1,
                                          .caches = cache,
                                          .cache_count = 1,
                                          .noise = 0.3,
                                          .seed = 2,
                                          .flushes = flushes,
                                          .latency = latency};
}

static void shares_grow_to_all_and_are_those_of_the_histogram(void **state)
{
    (void)state;
    const struct synthetic_record_spec spec = one_case(true, false);
    struct drawn drawn = draw(synthetic_record(&spec));
    const struct mm_plot *plot = &drawn.plots.plots[MM_PLOT_FLUSH_ECDF];
    const struct mm_histogram *histogram = drawn.summary->cases[0].flush_ns;
    assert_non_null(plot->script);
    assert_non_null(strstr(plot->script, "is_cumulative = 1\n"));
    assert_non_null(strstr(plot->script, "plot_name = \"flush_ecdf\"\n"));
    const char *at = strchr(strchr(plot->data, '\n') + 1, '\n') + 1;
    double seconds;
    double share;
    double last_seconds = 0;
    double last_share = -1;
    size_t points = 0;
    for (; sscanf(at, "%lf %lf", &seconds, &share) == 2; at = strchr(at, '\n') + 1) {
        assert_true(share > last_share);
        assert_true(seconds > last_seconds || points == 1); /* the first stands at 0 and above */
        if (share > 0) {
            double quantile = (double)mm_histogram_quantile(histogram, (share - 1e-6) / 100) * 1e-9;
            assert_true(quantile > seconds * 0.999999 && quantile < seconds * 1.000001);
        }
        last_seconds = seconds;
        last_share = share;
        points++;
    }
    assert_true(points > 10);
    assert_true(last_share > 99.999 && last_share < 100.001);
    assert_true(last_seconds > (double)histogram->maximum * 0.999999e-9);
    assert_non_null(strstr(plot->alternative, "Flush latency as cumulative share of 1 cases"));
    assert_non_null(strstr(plot->alternative, "The median goes from "));
    assert_null(drawn.plots.plots[MM_PLOT_LATENCY_ECDF].script);
    release(&drawn);
}

static void operations_have_a_line_each_and_percentiles_stay_percentiles(void **state)
{
    (void)state;
    const struct synthetic_record_spec spec = one_case(false, true);
    struct drawn drawn = draw(synthetic_record(&spec));
    const struct mm_plot *plot = &drawn.plots.plots[MM_PLOT_LATENCY_ECDF];
    assert_non_null(strstr(plot->script, "array line_text[2]\n"));
    assert_non_null(strstr(plot->script, "warm mmap latency touch, n 6000\""));
    assert_null(drawn.plots.plots[MM_PLOT_FLUSH_ECDF].script);
    assert_string_equal(drawn.plots.plots[MM_PLOT_FLUSH_ECDF].why_missing,
                        "no case flushed anything");
    const struct mm_plot *percentiles = &drawn.plots.plots[MM_PLOT_LATENCY];
    assert_non_null(strstr(percentiles->script, "is_cumulative = 0\n"));
    assert_non_null(strstr(percentiles->alternative, "The 99th percentile goes from "));
    release(&drawn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_grow_to_all_and_are_those_of_the_histogram),
        cmocka_unit_test(operations_have_a_line_each_and_percentiles_stay_percentiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
