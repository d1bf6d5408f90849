/* The search for a depth on devices that are known: it comes near their best, and stays there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mapping/depth.h"

enum { BATCH_PAGES = 32, LATENCY_NS = 100000 };

/* What a page takes with so many in flight. */
typedef double page_time(uint64_t window_pages);

/* So many requests at a time; more of them wait. */
static double serves_32(uint64_t window_pages)
{
    return (double)LATENCY_NS / (double)(window_pages < 32 ? window_pages : 32);
}

static double serves_2048(uint64_t window_pages)
{
    return (double)LATENCY_NS / (double)(window_pages < 2048 ? window_pages : 2048);
}

/* Pages beyond 128 are evicted again before they are used. */
static double keeps_128(uint64_t window_pages)
{
    return window_pages <= 128 ? 1000 : 1000 * ((double)window_pages / 128);
}

/* A fixed sequence of factors between 0.9 and 1.1, the same in every run. */
static double noise(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return 0.9 + 0.2 * (double)(*state >> 8) / (double)(1U << 24);
}

/* The mean time of a page over the second half of so many. */
static double run(struct marray_depth *depth, page_time *device, uint64_t pages, uint32_t seed)
{
    double total_ns = 0;
    uint64_t counted = 0;
    for (uint64_t done = 0; done < pages; done += BATCH_PAGES) {
        double batch_ns = device(depth->window_pages) * BATCH_PAGES * noise(&seed);
        marray_depth_learn(depth, BATCH_PAGES, (uint64_t)batch_ns);
        assert_in_range(depth->window_pages, MARRAY_DEPTH_LEAST_PAGES, MARRAY_DEPTH_MOST_PAGES);
        if (done >= pages / 2) {
            total_ns += batch_ns;
            counted += BATCH_PAGES;
        }
    }
    return total_ns / (double)counted;
}

static void a_deep_device_gets_what_keeps_it_busy(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 20; seed++) {
        struct marray_depth depth;
        marray_depth_open(&depth);
        assert_true(run(&depth, serves_2048, 400000, seed) < 1.15 * serves_2048(4096));
        assert_true(depth.kept_pages >= 2048);
    }
}

static void where_more_is_worse_less_is_asked_for(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 20; seed++) {
        struct marray_depth depth;
        marray_depth_open(&depth);
        assert_true(run(&depth, keeps_128, 400000, seed) < 1.25 * keeps_128(128));
        assert_true(depth.kept_pages <= 256);
    }
}

static void where_the_depth_does_not_matter_trials_cost_little(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 20; seed++) {
        struct marray_depth depth;
        marray_depth_open(&depth);
        assert_true(run(&depth, serves_32, 400000, seed) < 1.05 * serves_32(512));
    }
}

static void a_device_that_changes_is_followed(void **state)
{
    (void)state;
    struct marray_depth depth;
    marray_depth_open(&depth);
    run(&depth, keeps_128, 400000, 3);
    assert_true(run(&depth, serves_2048, 2000000, 4) < 1.25 * serves_2048(4096));
}

static void the_first_window_is_not_judged_by_what_came_before_it(void **state)
{
    (void)state;
    struct marray_depth depth;
    marray_depth_open(&depth);
    marray_depth_learn(&depth, depth.window_pages, UINT64_MAX / 2);
    assert_int_equal(depth.epoch_ns, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deep_device_gets_what_keeps_it_busy),
        cmocka_unit_test(where_more_is_worse_less_is_asked_for),
        cmocka_unit_test(where_the_depth_does_not_matter_trials_cost_little),
        cmocka_unit_test(a_device_that_changes_is_followed),
        cmocka_unit_test(the_first_window_is_not_judged_by_what_came_before_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
