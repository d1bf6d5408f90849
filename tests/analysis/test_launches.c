/* The plot of launches: each beside the median of its case, densities where there are many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "tests/analysis/drawn.h"
#include "tests/support/synthetic_record.h"

static const char *const workload[] = {"sequential"};
static const char *const engine[] = {"mmap"};
static const char *const cache[] = {"warm"};

static struct synthetic_record_spec one_case(uint32_t launches)
{
    return (struct synthetic_record_spec){.workloads = workload,
                                          .workload_count = 1,
                                          .engines = engine,
                                          .engine_count = 1,
                                          .caches = cache,
                                          .cache_count = 1,
                                          .launches = launches,
                                          .noise = 0.1,
                                          .seed = 5};
}

/* The lines of block `index` that hold numbers. */
static size_t lines_of(const char *data, int index)
{
    size_t count = 0;
    int block = 0;
    for (const char *at = data; *at; at += strcspn(at, "\n"), at += *at != '\0') {
        if (at[0] == '\n' && at[1] == '\n' && at[2] == '#') {
            block++;
        } else if (block == index && strchr("0123456789", *at)) {
            count++;
        }
    }
    return count;
}

static void every_launch_is_a_point_at_its_ratio_to_the_median(void **state)
{
    (void)state;
    struct synthetic_record_spec spec = one_case(7);
    struct drawn drawn = draw(synthetic_record(&spec));
    const struct mm_plot *plot = &drawn.plots.plots[MM_PLOT_LAUNCHES];
    assert_non_null(plot->script);
    const struct mm_distribution *rate = &drawn.summary->cases[0].bytes_per_second;
    assert_int_equal(rate->count, 7);
    /* Row 2: the first is the heading. */
    for (size_t i = 0; i < rate->count; i++) {
        char *ratio = mm_text_format(" %.9g 1\n", rate->values[i] / rate->median);
        assert_non_null(strstr(plot->data, ratio));
        free(ratio);
    }
    char *middle = mm_text_format("2 1 %.9g %.9g 7 1 1 ", rate->interval.low / rate->median,
                                  rate->interval.high / rate->median);
    assert_non_null(strstr(plot->data, middle));
    free(middle);
    assert_non_null(strstr(plot->script, "violin_count = 0\n"));
    assert_non_null(strstr(plot->script, "), n 7\""));
    assert_non_null(strstr(plot->alternative, "Every launch of 1 cases, 7 in all"));
    release(&drawn);
}

static void many_launches_get_a_density_that_is_as_wide_on_both_sides(void **state)
{
    (void)state;
    struct synthetic_record_spec spec = one_case(20);
    struct drawn drawn = draw(synthetic_record(&spec));
    const struct mm_plot *plot = &drawn.plots.plots[MM_PLOT_LAUNCHES];
    assert_non_null(strstr(plot->script, "violin_count = 1\n"));
    const char *outline = strstr(plot->data, "# row ratio; outlines");
    assert_non_null(outline);
    double least = 2;
    double most = 2;
    double row;
    double ratio;
    size_t points = 0;
    const struct mm_distribution *rate = &drawn.summary->cases[0].bytes_per_second;
    for (const char *at = strchr(outline, '\n') + 1; sscanf(at, "%lf %lf", &row, &ratio) == 2;
         at = strchr(at, '\n') + 1) {
        least = row < least ? row : least;
        most = row > most ? row : most;
        assert_true(ratio >= rate->values[0] / rate->median - 1e-6);
        assert_true(ratio <= rate->values[19] / rate->median + 1e-6);
        points++;
    }
    assert_int_equal(points % 2, 0);
    assert_true(points > 20);
    assert_true(most - 2 > 0.4 && most < 2.5);
    assert_true(2 - least > most - 2 - 1e-6 && 2 - least < most - 2 + 1e-6);
    release(&drawn);
}

static void one_launch_alone_has_nothing_to_stand_beside(void **state)
{
    (void)state;
    struct synthetic_record_spec spec = one_case(1);
    struct drawn drawn = draw(synthetic_record(&spec));
    const struct mm_plot *plot = &drawn.plots.plots[MM_PLOT_LAUNCHES];
    assert_null(plot->script);
    assert_null(plot->svg);
    assert_string_equal(plot->why_missing, "no case has two launches with a throughput");
    release(&drawn);
}

static void equal_launches_have_no_density(void **state)
{
    (void)state;
    struct synthetic_record_spec spec = one_case(20);
    spec.noise = 0;
    struct drawn drawn = draw(synthetic_record(&spec));
    const struct mm_plot *plot = &drawn.plots.plots[MM_PLOT_LAUNCHES];
    assert_non_null(strstr(plot->script, "violin_count = 0\n"));
    assert_int_equal(lines_of(plot->data, 0), 1);
    assert_int_equal(lines_of(plot->data, 1), 20);
    assert_int_equal(lines_of(plot->data, 2), 0);
    release(&drawn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_launch_is_a_point_at_its_ratio_to_the_median),
        cmocka_unit_test(many_launches_get_a_density_that_is_as_wide_on_both_sides),
        cmocka_unit_test(one_launch_alone_has_nothing_to_stand_beside),
        cmocka_unit_test(equal_launches_have_no_density),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
