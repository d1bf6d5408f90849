/* Statistics against brute force and values known from tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "analysis/statistics.h"
#include "common/random.h"
#include "common/text.h"

#define LARGEST 60

static void assert_close(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance)) {
        fail_msg("found %.17g, expected %.17g", found, expected);
    }
}

static void the_median_of_an_odd_number_is_the_middle_value(void **state)
{
    (void)state;
    double values[] = {9, 1, 5};
    mm_statistics_sort(values, 3);
    assert_close(mm_statistics_median(values, 3), 5, 0);
}

static void the_median_of_an_even_number_is_the_mean_of_the_middle_two(void **state)
{
    (void)state;
    double values[] = {4, 1, 3, 100};
    mm_statistics_sort(values, 4);
    assert_close(mm_statistics_median(values, 4), 3.5, 0);
}

static void the_median_of_one_value_is_that_value(void **state)
{
    (void)state;
    double value = 7;
    assert_close(mm_statistics_median(&value, 1), 7, 0);
}

static void the_median_of_the_largest_doubles_does_not_overflow(void **state)
{
    (void)state;
    double values[] = {1.7e308, 1.7e308};
    assert_close(mm_statistics_median(values, 2), 1.7e308, 0);
}

static void quantiles_lie_linearly_between_values(void **state)
{
    (void)state;
    const double values[] = {10, 20, 30, 40};
    assert_close(mm_statistics_quantile(values, 4, 0), 10, 0);
    assert_close(mm_statistics_quantile(values, 4, 1), 40, 0);
    assert_close(mm_statistics_quantile(values, 4, 0.5), 25, 1e-12);
    assert_close(mm_statistics_quantile(values, 4, 0.1), 13, 1e-12);
    assert_close(mm_statistics_quantile(values, 1, 0.9), 10, 0);
}

static void quantiles_clamp_shares_outside_of_zero_and_one(void **state)
{
    (void)state;
    const double values[] = {10, 20};
    assert_close(mm_statistics_quantile(values, 2, -1), 10, 0);
    assert_close(mm_statistics_quantile(values, 2, 2), 20, 0);
    assert_close(mm_statistics_quantile(values, 2, NAN), 10, 0);
}

static void five_launches_have_no_interval(void **state)
{
    (void)state;
    const double values[] = {1, 2, 3, 4, 5};
    struct mm_interval interval = {.low = -1};
    for (size_t count = 0; count <= 5; count++) {
        assert_false(mm_statistics_median_interval(values, count, 0.95, &interval));
    }
    assert_close(interval.low, -1, 0);
}

/* From tables of the sign test: n, rank from 0, coverage. */
static void intervals_have_the_ranks_of_the_tables(void **state)
{
    (void)state;
    static const struct {
        size_t count;
        size_t rank;
        double coverage;
    } known[] = {{6, 0, 0.96875},   {7, 0, 0.984375},  {8, 0, 0.9921875},
                 {9, 1, 0.9609375}, {10, 1, 0.978516}, {12, 2, 0.961426},
                 {20, 5, 0.958611}, {30, 9, 0.957226}, {50, 17, 0.967161}};
    double values[LARGEST];
    for (size_t i = 0; i < LARGEST; i++) {
        values[i] = (double)i;
    }
    for (size_t i = 0; i < MM_COUNT_OF(known); i++) {
        struct mm_interval interval;
        assert_true(mm_statistics_median_interval(values, known[i].count, 0.95, &interval));
        assert_close(interval.low, (double)known[i].rank, 0);
        assert_close(interval.high, (double)(known[i].count - 1 - known[i].rank), 0);
        assert_close(interval.coverage, known[i].coverage, 1e-6);
    }
}

/* Sums whole binomial coefficients: they fit in 64 bits up to n = 60. */
static double coverage_by_counting(size_t count, size_t rank)
{
    uint64_t coefficient = 1;
    uint64_t tail = 0;
    for (size_t k = 0; k <= rank; k++) {
        tail += coefficient;
        coefficient =
            (uint64_t)((__extension__(unsigned __int128) coefficient * (count - k)) / (k + 1));
    }
    return 1 - 2 * (double)tail / ldexp(1, (int)count);
}

static void intervals_are_the_narrowest_that_cover_enough(void **state)
{
    (void)state;
    double values[LARGEST];
    for (size_t i = 0; i < LARGEST; i++) {
        values[i] = (double)i;
    }
    for (size_t count = 6; count <= LARGEST; count++) {
        struct mm_interval interval;
        assert_true(mm_statistics_median_interval(values, count, 0.95, &interval));
        size_t rank = (size_t)interval.low;
        assert_close(interval.coverage, coverage_by_counting(count, rank), 1e-9);
        assert_true(interval.coverage >= 0.95);
        assert_true(coverage_by_counting(count, rank + 1) < 0.95);
    }
}

static void thousands_of_launches_have_an_interval(void **state)
{
    (void)state;
    static double values[3000];
    for (size_t i = 0; i < 3000; i++) {
        values[i] = (double)i;
    }
    struct mm_interval interval;
    assert_true(mm_statistics_median_interval(values, 3000, 0.95, &interval));
    /* 1500 -+ 1.96 sqrt(3000) / 2 */
    assert_close(interval.low, 1500 - 53.7, 2);
    assert_true(interval.coverage >= 0.95 && interval.coverage < 0.955);
}

static void the_median_lies_in_its_interval_as_often_as_it_says(void **state)
{
    (void)state;
    struct mm_random random;
    mm_random_seed(&random, 5);
    int covered = 0;
    const int rounds = 20000;
    for (int round = 0; round < rounds; round++) {
        double values[6];
        struct mm_interval interval;
        for (size_t i = 0; i < 6; i++) {
            values[i] = mm_random_unit(&random);
        }
        mm_statistics_sort(values, 6);
        assert_true(mm_statistics_median_interval(values, 6, 0.95, &interval));
        covered += interval.low <= 0.5 && 0.5 <= interval.high;
    }
    assert_close((double)covered / rounds, 0.96875, 0.005);
}

static void a_ratio_of_six_launches_spans_both_ranges(void **state)
{
    (void)state;
    const double base[] = {10, 11, 12, 13, 14, 20};
    const double head[] = {20, 21, 22, 23, 24, 25};
    struct mm_interval interval;
    assert_true(mm_statistics_ratio_interval(base, 6, head, 6, 0.95, &interval));
    assert_close(interval.low, 1.0, 1e-12);
    assert_close(interval.high, 2.5, 1e-12);
    assert_close(interval.coverage, 0.96875 * 0.96875, 1e-12);
}

static void a_ratio_of_many_launches_covers_what_was_asked(void **state)
{
    (void)state;
    double base[LARGEST];
    double head[LARGEST];
    for (size_t i = 0; i < LARGEST; i++) {
        base[i] = 100 + (double)i;
        head[i] = 200 + (double)i;
    }
    for (size_t count = 7; count <= LARGEST; count++) {
        struct mm_interval interval;
        assert_true(mm_statistics_ratio_interval(base, count, head, LARGEST, 0.95, &interval));
        assert_true(interval.coverage >= 0.95);
        double ratio = mm_statistics_median(head, LARGEST) / mm_statistics_median(base, count);
        assert_true(interval.low < ratio && ratio < interval.high);
    }
}

static void a_ratio_needs_six_positive_launches_on_both_sides(void **state)
{
    (void)state;
    const double few[] = {1, 2, 3, 4, 5};
    const double enough[] = {1, 2, 3, 4, 5, 6};
    const double with_zero[] = {0, 2, 3, 4, 5, 6};
    struct mm_interval interval = {.low = -1};
    assert_false(mm_statistics_ratio_interval(few, 5, enough, 6, 0.95, &interval));
    assert_false(mm_statistics_ratio_interval(enough, 6, few, 5, 0.95, &interval));
    assert_false(mm_statistics_ratio_interval(with_zero, 6, enough, 6, 0.95, &interval));
    assert_false(mm_statistics_ratio_interval(enough, 6, with_zero, 6, 0.95, &interval));
    assert_close(interval.low, -1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_median_of_an_odd_number_is_the_middle_value),
        cmocka_unit_test(the_median_of_an_even_number_is_the_mean_of_the_middle_two),
        cmocka_unit_test(the_median_of_one_value_is_that_value),
        cmocka_unit_test(the_median_of_the_largest_doubles_does_not_overflow),
        cmocka_unit_test(quantiles_lie_linearly_between_values),
        cmocka_unit_test(quantiles_clamp_shares_outside_of_zero_and_one),
        cmocka_unit_test(five_launches_have_no_interval),
        cmocka_unit_test(intervals_have_the_ranks_of_the_tables),
        cmocka_unit_test(intervals_are_the_narrowest_that_cover_enough),
        cmocka_unit_test(thousands_of_launches_have_an_interval),
        cmocka_unit_test(the_median_lies_in_its_interval_as_often_as_it_says),
        cmocka_unit_test(a_ratio_of_six_launches_spans_both_ranges),
        cmocka_unit_test(a_ratio_of_many_launches_covers_what_was_asked),
        cmocka_unit_test(a_ratio_needs_six_positive_launches_on_both_sides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
