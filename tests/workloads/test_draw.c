/* Random operations: what is drawn, how often, and that it can be drawn again. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/random.h"
#include "common/text.h"
#include "workloads/support/draw.h"
#include "workloads/support/zipf.h"

#define DRAWS 400000

/* Each rank's frequency against its probability k^-s / sum: a difference of five standard
 * deviations does not happen by chance with fixed seeds. */
static void check_frequencies(uint64_t count, double exponent)
{
    struct mm_zipf zipf;
    struct mm_random random;
    uint64_t *seen = calloc(count, sizeof(*seen));
    double total = 0;
    assert_non_null(seen);
    mm_zipf_init(&zipf, count, exponent);
    mm_random_seed(&random, 5);
    for (int i = 0; i < DRAWS; i++) {
        uint64_t rank = mm_zipf_next(&zipf, &random);
        assert_true(rank < count);
        seen[rank]++;
    }
    for (uint64_t k = 1; k <= count; k++)
        total += pow((double)k, -exponent);
    for (uint64_t k = 1; k <= count && k <= 50; k++) {
        double expected = DRAWS * pow((double)k, -exponent) / total;
        if (fabs((double)seen[k - 1] - expected) > 5 * sqrt(expected) + 1)
            fail_msg("exponent %g: rank %d was drawn %d times instead of %g", exponent, (int)k,
                     (int)seen[k - 1], expected);
    }
    free(seen);
}

static void ranks_follow_the_law_for_every_exponent(void **state)
{
    static const double exponents[] = {0.1, 0.5, 0.99, 1.0, 1.0000000001, 1.2, 2.0, 5.0};
    (void)state;
    for (size_t i = 0; i < MM_COUNT_OF(exponents); i++)
        check_frequencies(1000, exponents[i]);
    check_frequencies(1, 1.0);
    check_frequencies(2, 0.99);
}

static void huge_ranges_are_drawn_in_bounds(void **state)
{
    struct mm_zipf zipf;
    struct mm_random random;
    uint64_t beyond = 0;
    (void)state;
    mm_zipf_init(&zipf, UINT64_C(1) << 40, 0.99);
    mm_random_seed(&random, 6);
    for (int i = 0; i < 10000; i++) {
        uint64_t rank = mm_zipf_next(&zipf, &random);
        assert_true(rank < UINT64_C(1) << 40);
        beyond += rank > UINT64_C(1) << 20;
    }
    assert_true(beyond > 1000);
}

static void spreading_is_a_bijection_without_neighbours(void **state)
{
    static const uint64_t counts[] = {1, 2, 3, 7, 64, 1000, 1009, 8192};
    (void)state;
    for (size_t i = 0; i < MM_COUNT_OF(counts); i++) {
        uint64_t count = counts[i];
        unsigned char *seen = calloc(count, 1);
        assert_non_null(seen);
        for (uint64_t k = 0; k < count; k++) {
            uint64_t block = mm_draw_spread(k, count, 77);
            assert_true(block < count);
            assert_int_equal(seen[block]++, 0);
            if (count >= 64 && k > 0) {
                uint64_t before = mm_draw_spread(k - 1, count, 77);
                uint64_t gap = block > before ? block - before : before - block;
                assert_true(gap > count / 8);
            }
        }
        free(seen);
    }
}

static void the_same_draw_gives_the_same_lists(void **state)
{
    struct mm_draw draw = {
        .seed = 3, .block_count = 1000, .operations = 995, .batch = 10, .write_share = 0.3};
    uint64_t blocks[2][995];
    struct mm_draw_batch batches[2][100];
    uint64_t writes = 0;
    (void)state;
    assert_int_equal(mm_draw_batch_count(&draw), 100);
    mm_draw_list(&draw, blocks[0], batches[0]);
    mm_draw_list(&draw, blocks[1], batches[1]);
    assert_memory_equal(blocks[0], blocks[1], sizeof(blocks[0]));
    assert_memory_equal(batches[0], batches[1], sizeof(batches[0]));
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(batches[0][i].reads + batches[0][i].writes, i < 99 ? 10 : 5);
        writes += batches[0][i].writes;
    }
    assert_true(writes > 200 && writes < 400);
    for (size_t i = 0; i < 995; i++)
        assert_true(blocks[0][i] < 1000);
    draw.seed = 4;
    mm_draw_list(&draw, blocks[1], batches[1]);
    assert_true(memcmp(blocks[0], blocks[1], sizeof(blocks[0])) != 0);
}

static void uniform_draws_cover_everything_evenly(void **state)
{
    struct mm_draw draw = {.seed = 3, .block_count = 100, .operations = 100000, .batch = 256};
    uint64_t *blocks = malloc(draw.operations * sizeof(*blocks));
    struct mm_draw_batch *batches = malloc(mm_draw_batch_count(&draw) * sizeof(*batches));
    uint64_t seen[100] = {0};
    (void)state;
    assert_true(blocks && batches);
    mm_draw_list(&draw, blocks, batches);
    for (uint64_t i = 0; i < draw.operations; i++)
        seen[blocks[i]]++;
    for (size_t i = 0; i < 100; i++)
        assert_true(seen[i] > 840 && seen[i] < 1160);
    free(batches);
    free(blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_follow_the_law_for_every_exponent),
        cmocka_unit_test(huge_ranges_are_drawn_in_bounds),
        cmocka_unit_test(spreading_is_a_bijection_without_neighbours),
        cmocka_unit_test(the_same_draw_gives_the_same_lists),
        cmocka_unit_test(uniform_draws_cover_everything_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
