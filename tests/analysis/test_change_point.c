/* E-divisive: the statistic against all pairs, the splits against a search without sums, and how
 * often it splits what has no change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "analysis/change_point.h"
#include "common/random.h"

#define LONGEST 64

static const struct mm_change_point_options usual = {.alpha = 0.01, .permutations = 999, .seed = 1};

/* Box and Muller. */
static double normal(struct mm_random *random)
{
    double radius = sqrt(-2 * log(1 - mm_random_unit(random)));
    return radius * cos(2 * M_PI * mm_random_unit(random));
}

static void fill(double *values, size_t count, uint64_t seed)
{
    struct mm_random random;
    mm_random_seed(&random, seed);
    for (size_t i = 0; i < count; i++) {
        values[i] = normal(&random);
    }
}

/* Word for word as it is defined, pair by pair. */
static double energy_by_pairs(const double *x, size_t n, const double *y, size_t m)
{
    double between = 0;
    double within_x = 0;
    double within_y = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < m; j++) {
            between += fabs(x[i] - y[j]);
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = i + 1; k < n; k++) {
            within_x += fabs(x[i] - x[k]);
        }
    }
    for (size_t j = 0; j < m; j++) {
        for (size_t k = j + 1; k < m; k++) {
            within_y += fabs(y[j] - y[k]);
        }
    }
    double a = (double)n;
    double b = (double)m;
    double energy =
        2 * between / (a * b) - within_x / (a * (a - 1) / 2) - within_y / (b * (b - 1) / 2);
    return a * b / (a + b) * energy;
}

static size_t split_by_pairs(const double *values, size_t count)
{
    double best = 0;
    size_t place = 0;
    for (size_t split = MM_CHANGE_POINT_SHORTEST; split + MM_CHANGE_POINT_SHORTEST <= count;
         split++) {
        for (size_t end = split + MM_CHANGE_POINT_SHORTEST; end <= count; end++) {
            double energy = energy_by_pairs(values, split, values + split, end - split);
            if (energy > best) {
                best = energy;
                place = split;
            }
        }
    }
    return place;
}

static size_t find(const double *values, size_t count, size_t places[LONGEST])
{
    struct mm_change_point *points = NULL;
    size_t found = 0;
    assert_int_equal(mm_change_points_find(values, count, &usual, &points, &found), 0);
    for (size_t i = 0; i < found; i++) {
        assert_true(points[i].p > 0 && points[i].p <= usual.alpha);
        assert_true(i == 0 || points[i].place > points[i - 1].place);
        places[i] = points[i].place;
    }
    assert_true((found == 0) == (points == NULL));
    free(points);
    return found;
}

static void the_statistic_is_what_all_pairs_say(void **state)
{
    double values[LONGEST];
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        size_t n = 2 + seed % 13;
        size_t m = 2 + seed % 29;
        fill(values, n + m, seed);
        double expected = energy_by_pairs(values, n, values + n, m);
        double found = mm_energy_statistic(values, n, values + n, m);
        assert_true(fabs(found - expected) <= 1e-12 * (1 + fabs(expected)));
    }
}

static void the_first_split_is_the_best_of_all(void **state)
{
    double values[LONGEST];
    size_t places[LONGEST];
    size_t compared = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        size_t count = 20 + seed % 20;
        size_t step = 5 + seed % 10;
        fill(values, count, seed);
        for (size_t i = step; i < count; i++) {
            values[i] += 3;
        }
        size_t found = find(values, count, places);
        size_t best = split_by_pairs(values, count);
        bool is_there = false;
        for (size_t i = 0; i < found; i++) {
            is_there = is_there || places[i] == best;
        }
        assert_true(found == 0 || is_there);
        compared += found > 0;
    }
    assert_true(compared > 50);
}

/* Of 1,000 sequences the count is binomial: the limits are four deviations away. */
static void noise_is_split_as_often_as_alpha_says(void **state)
{
    static const struct {
        double alpha;
        size_t least;
        size_t most;
    } levels[] = {{0.01, 1, 22}, {0.05, 23, 77}};
    (void)state;
    for (size_t level = 0; level < 2; level++) {
        size_t alarms = 0;
        for (uint64_t seed = 1; seed <= 1000; seed++) {
            const struct mm_change_point_options options = {
                .alpha = levels[level].alpha, .permutations = 199, .seed = 1};
            struct mm_change_point *points = NULL;
            size_t found = 0;
            double values[24];
            fill(values, 24, seed * 1000 + level);
            assert_int_equal(mm_change_points_find(values, 24, &options, &points, &found), 0);
            alarms += found > 0;
            free(points);
        }
        assert_in_range(alarms, levels[level].least, levels[level].most);
    }
}

static void one_step_is_one_point(void **state)
{
    double values[40];
    size_t places[LONGEST];
    (void)state;
    fill(values, 40, 3);
    for (size_t i = 25; i < 40; i++) {
        values[i] += 8;
    }
    assert_int_equal(find(values, 40, places), 1);
    assert_int_equal(places[0], 25);
}

static void two_steps_are_two_points_also_when_the_second_takes_the_first_back(void **state)
{
    static const double levels[][2] = {{8, 16}, {8, 0}};
    double values[45];
    size_t places[LONGEST];
    (void)state;
    for (size_t way = 0; way < 2; way++) {
        fill(values, 45, 4 + way);
        for (size_t i = 15; i < 45; i++) {
            values[i] += levels[way][i >= 30];
        }
        assert_int_equal(find(values, 45, places), 2);
        assert_int_equal(places[0], 15);
        assert_int_equal(places[1], 30);
    }
}

/* Wherever it stands it could stand as well elsewhere. Telling spikes is the work of changes.c. */
static void a_single_value_apart_splits_no_more_than_noise_does(void **state)
{
    struct mm_random random;
    size_t places[LONGEST];
    size_t alarms = 0;
    (void)state;
    mm_random_seed(&random, 6);
    for (uint64_t seed = 1; seed <= 500; seed++) {
        double values[40];
        fill(values, 40, seed + 5000);
        values[mm_random_below(&random, 40)] += 50;
        alarms += find(values, 40, places) > 0;
    }
    assert_in_range(alarms, 0, 14);
}

static void equal_values_are_not_split(void **state)
{
    static const double values[30] = {0};
    size_t places[LONGEST];
    (void)state;
    assert_int_equal(find(values, 30, places), 0);
    assert_int_equal(find(values, 0, places), 0);
    assert_int_equal(find(values, 5, places), 0);
}

static void what_is_needed_is_what_can_be_found(void **state)
{
    static const struct mm_change_point_options patient = {
        .alpha = 0.01, .permutations = 19999, .seed = 2};
    (void)state;
    size_t needed = mm_change_points_needed(patient.alpha);
    assert_int_equal(needed, 10);
    for (size_t count = needed - 2; count <= needed; count++) {
        double values[LONGEST];
        struct mm_change_point *points = NULL;
        size_t found = 0;
        for (size_t i = 0; i < count; i++) {
            values[i] = (double)i * 0.001 + (i >= count / 2 ? 100 : 0);
        }
        assert_int_equal(mm_change_points_find(values, count, &patient, &points, &found), 0);
        assert_int_equal(found, count < needed ? 0 : 1);
        free(points);
    }
    assert_int_equal(mm_change_points_needed(0.2), 6);
    assert_true(mm_change_points_needed(0.001) > needed);
}

static void the_seed_decides_and_nothing_else(void **state)
{
    double values[40];
    size_t first[LONGEST];
    size_t second[LONGEST];
    (void)state;
    fill(values, 40, 9);
    for (size_t i = 20; i < 40; i++) {
        values[i] += 1;
    }
    size_t found = find(values, 40, first);
    assert_int_equal(find(values, 40, second), found);
    assert_memory_equal(first, second, found * sizeof first[0]);
}

static void what_makes_no_sense_is_refused(void **state)
{
    static const double values[MM_CHANGE_POINT_LIMIT + 1] = {0};
    static const struct mm_change_point_options few = {.alpha = 0.001, .permutations = 99};
    static const struct mm_change_point_options none = {.alpha = 0, .permutations = 99};
    struct mm_change_point *points = NULL;
    size_t found = 0;
    (void)state;
    assert_int_equal(
        mm_change_points_find(values, MM_CHANGE_POINT_LIMIT + 1, &usual, &points, &found), -E2BIG);
    assert_int_equal(mm_change_points_find(values, 10, &few, &points, &found), -EINVAL);
    assert_int_equal(mm_change_points_find(values, 10, &none, &points, &found), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_statistic_is_what_all_pairs_say),
        cmocka_unit_test(the_first_split_is_the_best_of_all),
        cmocka_unit_test(noise_is_split_as_often_as_alpha_says),
        cmocka_unit_test(one_step_is_one_point),
        cmocka_unit_test(two_steps_are_two_points_also_when_the_second_takes_the_first_back),
        cmocka_unit_test(a_single_value_apart_splits_no_more_than_noise_does),
        cmocka_unit_test(equal_values_are_not_split),
        cmocka_unit_test(what_is_needed_is_what_can_be_found),
        cmocka_unit_test(the_seed_decides_and_nothing_else),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
