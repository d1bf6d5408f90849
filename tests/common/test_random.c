/* Pseudo-random numbers: the published sequence, bounds and permutations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/random.h"

static void mix_is_splitmix64(void **state)
{
    (void)state;
    /* The first two outputs of splitmix64 for seed 0. */
    assert_true(mm_random_mix(0) == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(mm_random_mix(UINT64_C(0x9e3779b97f4a7c15)) == UINT64_C(0x6e789e6aa1b965f4));
}

static void next_is_xoshiro256starstar(void **state)
{
    (void)state;
    /* By hand from the recurrence: state 1, 2, 3, 4 gives 11520, then 0, then 1509978240. */
    struct mm_random random = {{1, 2, 3, 4}};
    assert_true(mm_random_next(&random) == 11520);
    assert_true(mm_random_next(&random) == 0);
    assert_true(mm_random_next(&random) == 1509978240);
}

static void numbers_below_a_limit_cover_it_evenly(void **state)
{
    (void)state;
    struct mm_random random;
    mm_random_seed(&random, 7);
    unsigned counts[10] = {0};
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t value = mm_random_below(&random, 10);
        assert_true(value < 10);
        counts[value]++;
    }
    /* 10000 +- 6 standard deviations of a binomial. */
    for (unsigned i = 0; i < 10; i++)
        assert_in_range(counts[i], 9430, 10570);
    assert_true(mm_random_below(&random, 1) == 0);
}

static void unit_numbers_stay_below_one(void **state)
{
    (void)state;
    struct mm_random random;
    mm_random_seed(&random, 8);
    double sum = 0;
    for (unsigned i = 0; i < 100000; i++) {
        double value = mm_random_unit(&random);
        assert_true(value >= 0 && value < 1);
        sum += value;
    }
    assert_true(sum > 49400 && sum < 50600);
}

static void a_shuffle_is_a_permutation_that_the_seed_repeats(void **state)
{
    (void)state;
    uint32_t first[1000];
    uint32_t second[1000];
    for (uint32_t i = 0; i < 1000; i++)
        first[i] = second[i] = i;
    struct mm_random random;
    mm_random_seed(&random, 9);
    mm_random_shuffle(&random, first, 1000, sizeof(first[0]));
    mm_random_seed(&random, 9);
    mm_random_shuffle(&random, second, 1000, sizeof(second[0]));
    assert_memory_equal(first, second, sizeof(first));
    unsigned char seen[1000] = {0};
    unsigned moved = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(seen[first[i]]++, 0);
        moved += first[i] != i;
    }
    assert_true(moved > 900);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mix_is_splitmix64),
        cmocka_unit_test(next_is_xoshiro256starstar),
        cmocka_unit_test(numbers_below_a_limit_cover_it_evenly),
        cmocka_unit_test(unit_numbers_stay_below_one),
        cmocka_unit_test(a_shuffle_is_a_permutation_that_the_seed_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
