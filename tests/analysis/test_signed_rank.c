/* The signed rank test against all signs, against R's own function, and its intervals in
 * simulation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>

#define MATHLIB_STANDALONE
#include <Rmath.h>

#include "analysis/signed_rank.h"
#include "common/random.h"

#define LARGEST_BY_FORCE 20
#define LARGEST_OF_R     60

static void assert_close(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance)) {
        fail_msg("found %.17g, expected %.17g", found, expected);
    }
}

/* The rank of |scores[index]| among those that are not 0, by counting. */
static double rank_by_counting(const double *scores, size_t count, size_t index)
{
    double smaller = 0;
    double tied = 0;

    for (size_t i = 0; i < count; i++) {
        double size = fabs(scores[i]);
        smaller += size > 0 && size < fabs(scores[index]);
        tied += size > 0 && !(size < fabs(scores[index])) && !(size > fabs(scores[index]));
    }
    return smaller + (tied + 1) / 2;
}

/* The share of all assignments of signs whose rank sum is at least, and at most, the observed. */
static void by_force(const double *scores, size_t count, double *p_greater, double *p_less)
{
    double ranks[LARGEST_BY_FORCE];
    size_t used = 0;
    double observed = 0;
    uint32_t at_least = 0;
    uint32_t at_most = 0;

    for (size_t i = 0; i < count; i++) {
        if (scores[i] < 0 || scores[i] > 0) {
            ranks[used] = rank_by_counting(scores, count, i);
            observed += scores[i] > 0 ? ranks[used] : 0;
            used++;
        }
    }
    for (uint32_t signs = 0; signs < UINT32_C(1) << used; signs++) {
        double sum = 0;
        for (size_t i = 0; i < used; i++) {
            sum += (signs >> i) & 1 ? ranks[i] : 0;
        }
        at_least += sum >= observed;
        at_most += sum <= observed;
    }
    *p_greater = (double)at_least / (double)(UINT32_C(1) << used);
    *p_less = (double)at_most / (double)(UINT32_C(1) << used);
}

static void check_by_force(const double *scores, size_t count)
{
    struct mm_signed_rank found;
    double p_greater;
    double p_less;

    assert_int_equal(mm_signed_rank_test(scores, count, 0, &found), 0);
    by_force(scores, count, &p_greater, &p_less);
    assert_close(found.p_greater, p_greater, 1e-13);
    assert_close(found.p_less, p_less, 1e-13);
}

/* Few distinct whole values: many ties and zeros. */
static void draw_tied(struct mm_random *random, double *scores, size_t count, uint64_t distinct)
{
    for (size_t i = 0; i < count; i++) {
        scores[i] = (double)mm_random_below(random, 2 * distinct + 1) - (double)distinct;
    }
}

static void with_ties_and_zeros_the_probabilities_are_those_of_all_signs(void **state)
{
    (void)state;
    struct mm_random random;
    double scores[LARGEST_BY_FORCE];

    mm_random_seed(&random, 1);
    for (size_t count = 1; count <= 12; count++) {
        for (uint64_t distinct = 1; distinct <= 8; distinct++) {
            draw_tied(&random, scores, count, distinct);
            check_by_force(scores, count);
        }
    }
    for (size_t count = 13; count <= LARGEST_BY_FORCE; count++) {
        draw_tied(&random, scores, count, 3);
        check_by_force(scores, count);
    }
}

static void without_ties_the_probabilities_are_those_of_all_signs(void **state)
{
    (void)state;
    struct mm_random random;
    double scores[LARGEST_BY_FORCE];

    mm_random_seed(&random, 2);
    for (size_t count = 1; count <= 16; count++) {
        for (size_t i = 0; i < count; i++) {
            scores[i] = mm_random_unit(&random) - 0.4;
        }
        check_by_force(scores, count);
    }
}

static void the_distribution_is_that_of_r_up_to_sixty_pairs(void **state)
{
    (void)state;
    for (size_t used = 1; used <= LARGEST_OF_R; used++) {
        for (size_t sum = 0; sum <= used * (used + 1) / 2; sum++) {
            double found;
            assert_int_equal(mm_signed_rank_probability(used, sum, &found), 0);
            double expected = psignrank((double)sum, (double)used, 1, 0);
            assert_close(found, expected, 1e-12);
        }
    }
}

static void a_test_of_sixty_pairs_has_the_tail_of_r(void **state)
{
    (void)state;
    struct mm_random random;
    double scores[LARGEST_OF_R];
    struct mm_signed_rank found;

    mm_random_seed(&random, 3);
    for (size_t count = 21; count <= LARGEST_OF_R; count++) {
        for (size_t i = 0; i < count; i++) {
            scores[i] = mm_random_unit(&random) - 0.45;
        }
        assert_int_equal(mm_signed_rank_test(scores, count, 0, &found), 0);
        assert_int_equal(found.used, count);
        double expected = psignrank(found.rank_sum - 1, (double)count, 0, 0);
        assert_close(found.p_greater, expected, 1e-12);
    }
}

static void thirty_pairs_that_all_lie_above_have_the_smallest_probability_there_is(void **state)
{
    (void)state;
    double scores[30];
    struct mm_signed_rank found;

    for (size_t i = 0; i < 30; i++) {
        scores[i] = 1 + (double)i;
    }
    assert_int_equal(mm_signed_rank_test(scores, 30, 0, &found), 0);
    assert_close(found.p_greater * 0x1.0p30, 1, 1e-12);
    assert_close(found.sign_p_greater * 0x1.0p30, 1, 1e-10);
    assert_close(found.p_less, 1, 1e-12);
    assert_int_equal(found.above, 30);
}

static void scores_at_the_shift_speak_for_nothing(void **state)
{
    (void)state;
    static const double scores[] = {0.01, 0.01, 0.01, 0.01};
    struct mm_signed_rank found;

    assert_int_equal(mm_signed_rank_test(scores, 4, 0.01, &found), 0);
    assert_int_equal(found.used, 0);
    assert_close(found.p_greater, 1, 0);
    assert_close(found.p_less, 1, 0);
    assert_close(found.sign_p_greater, 1, 0);
}

static void the_sign_test_counts_only_sides(void **state)
{
    (void)state;
    static const double scores[] = {100, 1, 2, -3, 4};
    struct mm_signed_rank found;

    assert_int_equal(mm_signed_rank_test(scores, 5, 0, &found), 0);
    assert_close(found.sign_p_greater, 6.0 / 32, 1e-14); /* 4 or 5 heads of 5 */
    assert_close(found.sign_p_less, 31.0 / 32, 1e-14);
}

static void too_many_pairs_are_refused(void **state)
{
    (void)state;
    static double scores[MM_SIGNED_RANK_LIMIT + 1];
    struct mm_signed_rank found = {.used = 77};
    struct mm_centre centre;
    double probability;

    assert_int_equal(mm_signed_rank_test(scores, MM_SIGNED_RANK_LIMIT + 1, 0, &found), -E2BIG);
    assert_int_equal(found.used, 77);
    assert_int_equal(mm_centre_of(scores, MM_SIGNED_RANK_LIMIT + 1, 0.95, &centre), -E2BIG);
    assert_int_equal(mm_centre_of(scores, 0, 0.95, &centre), -EINVAL);
    assert_int_equal(mm_signed_rank_probability(MM_SIGNED_RANK_LIMIT + 1, 0, &probability), -E2BIG);
}

static void the_centre_is_the_median_of_the_means_of_two(void **state)
{
    (void)state;
    static const double scores[] = {1, 5, 12};
    struct mm_centre centre;

    /* The means: 1, 3, 5, 6.5, 8.5, 12. */
    assert_int_equal(mm_centre_of(scores, 3, 0.5, &centre), 0);
    assert_close(centre.estimate, 5.75, 1e-14);
    /* P(W <= 1) = 2/8, so the next means inside cover one half. */
    assert_close(centre.interval.low, 3, 0);
    assert_close(centre.interval.high, 8.5, 0);
    assert_close(centre.interval.coverage, 0.5, 1e-14);
}

static void too_few_scores_give_the_whole_range_and_say_what_it_covers(void **state)
{
    (void)state;
    static const double scores[] = {1, 5, 12};
    struct mm_centre centre;

    assert_int_equal(mm_centre_of(scores, 3, 0.95, &centre), 0);
    assert_close(centre.interval.low, 1, 0);
    assert_close(centre.interval.high, 12, 0);
    assert_close(centre.interval.coverage, 0.75, 1e-14);
}

static void the_interval_holds_exactly_the_shifts_that_are_not_refused(void **state)
{
    (void)state;
    struct mm_random random;
    double scores[25];
    struct mm_centre centre;
    struct mm_signed_rank test;

    mm_random_seed(&random, 4);
    for (size_t i = 0; i < 25; i++) {
        scores[i] = mm_random_unit(&random);
    }
    assert_int_equal(mm_centre_of(scores, 25, 0.95, &centre), 0);
    double level = (1 - centre.interval.coverage) / 2;
    mm_signed_rank_test(scores, 25, centre.interval.low - 1e-9, &test);
    assert_true(test.p_greater <= level * (1 + 1e-9));
    mm_signed_rank_test(scores, 25, centre.interval.low + 1e-9, &test);
    assert_true(test.p_greater > level * (1 + 1e-9));
    mm_signed_rank_test(scores, 25, centre.interval.high + 1e-9, &test);
    assert_true(test.p_less <= level * (1 + 1e-9));
}

static double normal(struct mm_random *random)
{
    double radius = sqrt(-2 * log(1 - mm_random_unit(random)));
    return radius * cos(2 * M_PI * mm_random_unit(random));
}

static double heavy(struct mm_random *random)
{
    return normal(random) / (0.2 + mm_random_unit(random));
}

/* The share of samples around 3 whose interval holds 3; it may not stray from what was promised by
 * more than four standard errors. */
static void check_coverage(double (*draw)(struct mm_random *random), size_t count, uint64_t seed)
{
    enum { ROUNDS = 4000 };
    struct mm_random random;
    struct mm_centre centre = {0};
    double scores[60];
    int held = 0;

    mm_random_seed(&random, seed);
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < count; i++) {
            scores[i] = 3 + draw(&random);
        }
        assert_int_equal(mm_centre_of(scores, count, 0.95, &centre), 0);
        held += centre.interval.low <= 3 && 3 <= centre.interval.high;
    }
    double promised = centre.interval.coverage;
    assert_true(promised >= 0.95);
    assert_close((double)held / ROUNDS, promised, 4 * sqrt(promised * (1 - promised) / ROUNDS));
}

static void intervals_cover_the_centre_as_often_as_they_say(void **state)
{
    (void)state;
    check_coverage(normal, 12, 5);
    check_coverage(normal, 30, 6);
    check_coverage(normal, 60, 9);
    check_coverage(heavy, 12, 7);
    check_coverage(heavy, 30, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_ties_and_zeros_the_probabilities_are_those_of_all_signs),
        cmocka_unit_test(without_ties_the_probabilities_are_those_of_all_signs),
        cmocka_unit_test(the_distribution_is_that_of_r_up_to_sixty_pairs),
        cmocka_unit_test(a_test_of_sixty_pairs_has_the_tail_of_r),
        cmocka_unit_test(thirty_pairs_that_all_lie_above_have_the_smallest_probability_there_is),
        cmocka_unit_test(scores_at_the_shift_speak_for_nothing),
        cmocka_unit_test(the_sign_test_counts_only_sides),
        cmocka_unit_test(too_many_pairs_are_refused),
        cmocka_unit_test(the_centre_is_the_median_of_the_means_of_two),
        cmocka_unit_test(too_few_scores_give_the_whole_range_and_say_what_it_covers),
        cmocka_unit_test(the_interval_holds_exactly_the_shifts_that_are_not_refused),
        cmocka_unit_test(intervals_cover_the_centre_as_often_as_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
