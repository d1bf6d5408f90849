/* The clock goes forward, by nanoseconds, and its cost is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "harness/clock.h"

static void the_clock_never_goes_back(void **state)
{
    (void)state;
    uint64_t last = mm_clock_ns();
    int steps_back = 0;
    for (int i = 0; i < 100000; i++) {
        uint64_t now = mm_clock_ns();
        steps_back += now < last;
        last = now;
    }
    assert_int_equal(steps_back, 0);
}

static void the_clock_counts_nanoseconds_of_the_monotonic_clock(void **state)
{
    (void)state;
    struct timespec before;
    struct timespec after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    uint64_t now = mm_clock_ns();
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true(now / 1000000000 >= (uint64_t)before.tv_sec);
    assert_true(now / 1000000000 <= (uint64_t)after.tv_sec);
    struct timespec pause = {.tv_nsec = 2000000};
    nanosleep(&pause, NULL);
    assert_true(mm_clock_ns() - now >= 2000000);
}

static void a_reading_costs_something(void **state)
{
    (void)state;
    uint64_t cost_ns = mm_clock_cost_ns();
    assert_true(cost_ns >= 1);
    /* A reading of a hundred microseconds would be a defect of the figure, not of any clock. */
    assert_true(cost_ns < 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_clock_never_goes_back),
        cmocka_unit_test(the_clock_counts_nanoseconds_of_the_monotonic_clock),
        cmocka_unit_test(a_reading_costs_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
