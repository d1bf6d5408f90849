/* Steps, drifts and spikes are told apart, in sequences of which it is known what they have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>

#include "analysis/changes.h"
#include "common/random.h"

#define COUNT 40

static const struct mm_change_point_options usual = {.alpha = 0.01, .permutations = 999, .seed = 1};

/* 1,000 with noise of about 1 %. */
static void fill(double *values, size_t count, uint64_t seed)
{
    struct mm_random random;
    mm_random_seed(&random, seed);
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        for (size_t term = 0; term < 12; term++) {
            sum += mm_random_unit(&random) - 0.5;
        }
        values[i] = 1000 * exp(0.01 * sum);
    }
}

static void scale(double *values, size_t first, size_t end, double factor)
{
    for (size_t i = first; i < end; i++) {
        values[i] *= factor;
    }
}

static struct mm_changes find(const double *values, size_t count)
{
    struct mm_changes changes;
    assert_int_equal(mm_changes_find(values, count, &usual, &changes), 0);
    return changes;
}

static size_t count_of(const struct mm_changes *changes, enum mm_change_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < changes->count; i++) {
        count += changes->items[i].kind == kind;
    }
    return count;
}

static void a_step_has_its_place_and_its_size(void **state)
{
    double values[COUNT];
    (void)state;
    fill(values, COUNT, 1);
    scale(values, 22, COUNT, 0.9);
    struct mm_changes changes = find(values, COUNT);
    assert_int_equal(changes.count, 1);
    const struct mm_change *step = &changes.items[0];
    assert_int_equal(step->kind, MM_CHANGE_STEP);
    assert_int_equal(step->first, 22);
    assert_int_equal(step->before_count, 22);
    assert_int_equal(step->after_count, 18);
    assert_true(step->is_ratio && step->has_interval);
    assert_true(fabs(step->size - 0.9) < 0.01);
    assert_true(step->interval.low < 0.9 && step->interval.high > 0.9);
    assert_true(step->interval.high < 0.92 && step->interval.low > 0.88);
    assert_true(step->interval.coverage >= 0.95);
    assert_true(fabs(step->before - 1000) < 10 && fabs(step->after - 900) < 10);
    mm_changes_release(&changes);
}

static void one_or_two_values_that_go_back_are_a_spike_wherever_they_stand(void **state)
{
    (void)state;
    for (size_t length = 1; length <= 2; length++) {
        for (size_t place = 2; place + length + 2 <= COUNT; place++) {
            double values[COUNT];
            fill(values, COUNT, place);
            scale(values, place, place + length, place % 2 ? 1.6 : 0.6);
            struct mm_changes changes = find(values, COUNT);
            assert_int_equal(count_of(&changes, MM_CHANGE_STEP), 0);
            assert_int_equal(count_of(&changes, MM_CHANGE_DRIFT), 0);
            assert_int_equal(count_of(&changes, MM_CHANGE_SPIKE), 1);
            assert_int_equal(changes.items[0].first, place);
            assert_int_equal(changes.items[0].last, place + length - 1);
            assert_true(fabs(changes.items[0].size - (place % 2 ? 1.6 : 0.6)) < 0.05);
            assert_false(changes.items[0].has_interval);
            mm_changes_release(&changes);
        }
    }
}

static void what_is_apart_at_the_end_is_pending(void **state)
{
    (void)state;
    for (size_t length = 1; length <= 2; length++) {
        double values[COUNT];
        fill(values, COUNT, 5);
        scale(values, COUNT - length, COUNT, 1.4);
        struct mm_changes changes = find(values, COUNT);
        assert_int_equal(changes.count, 1);
        assert_int_equal(changes.items[0].kind, MM_CHANGE_PENDING);
        assert_int_equal(changes.items[0].first, COUNT - length);
        assert_int_equal(changes.used, COUNT - length);
        mm_changes_release(&changes);
    }
}

static void three_values_at_the_end_are_a_step(void **state)
{
    double values[COUNT];
    (void)state;
    fill(values, COUNT, 6);
    scale(values, COUNT - 3, COUNT, 1.4);
    struct mm_changes changes = find(values, COUNT);
    assert_int_equal(changes.count, 1);
    assert_int_equal(changes.items[0].kind, MM_CHANGE_STEP);
    assert_int_equal(changes.items[0].first, COUNT - 3);
    mm_changes_release(&changes);
}

static void a_spike_does_not_hide_a_step_beside_it(void **state)
{
    double values[COUNT];
    (void)state;
    fill(values, COUNT, 7);
    scale(values, 20, COUNT, 1.2);
    scale(values, 24, 25, 3);
    struct mm_changes changes = find(values, COUNT);
    assert_int_equal(changes.count, 2);
    assert_int_equal(changes.items[0].kind, MM_CHANGE_STEP);
    assert_int_equal(changes.items[0].first, 20);
    assert_true(fabs(changes.items[0].size - 1.2) < 0.02);
    assert_int_equal(changes.items[1].kind, MM_CHANGE_SPIKE);
    assert_int_equal(changes.items[1].first, 24);
    mm_changes_release(&changes);
}

static void steps_in_one_direction_stay_steps(void **state)
{
    double values[45];
    (void)state;
    fill(values, 45, 8);
    scale(values, 15, 45, 1.2);
    scale(values, 30, 45, 1.2);
    struct mm_changes changes = find(values, 45);
    assert_int_equal(changes.count, 2);
    assert_int_equal(count_of(&changes, MM_CHANGE_STEP), 2);
    assert_int_equal(changes.items[0].first, 15);
    assert_int_equal(changes.items[1].first, 30);
    mm_changes_release(&changes);
}

static void a_drift_is_no_stairs(void **state)
{
    double values[COUNT];
    (void)state;
    fill(values, COUNT, 9);
    for (size_t i = 0; i < COUNT; i++) {
        values[i] *= exp(0.01 * (double)i);
    }
    struct mm_changes changes = find(values, COUNT);
    assert_int_equal(changes.count, 1);
    assert_int_equal(changes.items[0].kind, MM_CHANGE_DRIFT);
    assert_int_equal(changes.items[0].first, 0);
    assert_int_equal(changes.items[0].last, COUNT - 1);
    assert_true(changes.items[0].size > 1.1);
    mm_changes_release(&changes);
}

static void noise_has_no_spikes_and_steps_at_the_rate_of_the_test(void **state)
{
    size_t steps = 0;
    size_t apart = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        double values[COUNT];
        fill(values, COUNT, seed + 100);
        struct mm_changes changes = find(values, COUNT);
        size_t spikes = count_of(&changes, MM_CHANGE_SPIKE) + count_of(&changes, MM_CHANGE_PENDING);
        apart += spikes;
        steps += changes.count > spikes;
        mm_changes_release(&changes);
    }
    assert_in_range(steps, 0, 14);
    assert_in_range(apart, 0, 10);
}

/* What docs/history.md says of the power: steps of so many deviations after 24 values, found by so
 * many after it. */
static void steps_are_found_as_often_as_the_page_says(void **state)
{
    static const struct {
        double deviations;
        size_t after;
        size_t least; /* of 200 */
    } cases[] = {{3, 3, 90}, {3, 6, 180}, {2, 12, 160}, {4, 6, 196}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t found = 0;
        for (uint64_t seed = 1; seed <= 200; seed++) {
            double values[COUNT];
            size_t count = 24 + cases[i].after;
            fill(values, count, seed + 7000 * i);
            scale(values, 24, count, exp(0.01 * cases[i].deviations));
            struct mm_changes changes = find(values, count);
            found += count_of(&changes, MM_CHANGE_STEP) > 0;
            mm_changes_release(&changes);
        }
        assert_in_range(found, cases[i].least, 200);
    }
}

static void counts_that_may_be_zero_have_a_difference(void **state)
{
    double values[30] = {0};
    (void)state;
    for (size_t i = 12; i < 30; i++) {
        values[i] = 16;
    }
    struct mm_changes changes = find(values, 30);
    assert_int_equal(changes.count, 1);
    assert_int_equal(changes.items[0].kind, MM_CHANGE_STEP);
    assert_int_equal(changes.items[0].first, 12);
    assert_false(changes.items[0].is_ratio);
    assert_true(fabs(changes.items[0].size - 16) < 1e-9);
    mm_changes_release(&changes);
}

static void equal_values_have_no_change(void **state)
{
    double values[30];
    (void)state;
    for (size_t i = 0; i < 30; i++) {
        values[i] = 440;
    }
    values[7] = 441; /* 0.2 % is nothing to speak of */
    struct mm_changes changes = find(values, 30);
    assert_int_equal(changes.count, 0);
    assert_true(changes.enough);
    mm_changes_release(&changes);
}

static void too_few_values_say_so_and_have_no_steps(void **state)
{
    double values[COUNT];
    (void)state;
    fill(values, COUNT, 11);
    scale(values, 4, COUNT, 2);
    for (size_t count = 0; count < 10; count++) {
        struct mm_changes changes = find(values, count);
        assert_false(changes.enough);
        assert_int_equal(changes.needed, 10);
        assert_int_equal(count_of(&changes, MM_CHANGE_STEP), 0);
        mm_changes_release(&changes);
    }
}

static void too_many_values_are_refused(void **state)
{
    static const double values[MM_CHANGE_POINT_LIMIT + 1] = {0};
    struct mm_changes changes;
    (void)state;
    assert_int_equal(mm_changes_find(values, MM_CHANGE_POINT_LIMIT + 1, &usual, &changes), -E2BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_has_its_place_and_its_size),
        cmocka_unit_test(one_or_two_values_that_go_back_are_a_spike_wherever_they_stand),
        cmocka_unit_test(what_is_apart_at_the_end_is_pending),
        cmocka_unit_test(three_values_at_the_end_are_a_step),
        cmocka_unit_test(a_spike_does_not_hide_a_step_beside_it),
        cmocka_unit_test(steps_in_one_direction_stay_steps),
        cmocka_unit_test(a_drift_is_no_stairs),
        cmocka_unit_test(noise_has_no_spikes_and_steps_at_the_rate_of_the_test),
        cmocka_unit_test(steps_are_found_as_often_as_the_page_says),
        cmocka_unit_test(counts_that_may_be_zero_have_a_difference),
        cmocka_unit_test(equal_values_have_no_change),
        cmocka_unit_test(too_few_values_say_so_and_have_no_steps),
        cmocka_unit_test(too_many_values_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
