/*
 * Tests and estimates of paired scores (one score a pair of launches), exact for every number of
 * pairs, with ties and zeros. Pure functions; scores must be finite.
 */
#ifndef MM_ANALYSIS_SIGNED_RANK_H
#define MM_ANALYSIS_SIGNED_RANK_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/statistics.h"

/* The distribution needs count^3 steps; more pairs than this nobody waits for. */
#define MM_SIGNED_RANK_LIMIT 512

/* What speaks for scores that lie above (greater) or below (less) a shift. */
struct mm_signed_rank {
    size_t used;      /* scores that differ from the shift; zeros are left out, as Wilcoxon did */
    size_t above;     /* of them, above it */
    double rank_sum;  /* of those above, with the mean of their places for tied ones */
    double p_greater; /* signed rank, one-sided; 1 without used scores */
    double p_less;    /* the same of the other side */
    double sign_p_greater; /* sign test: needs no symmetry of the scores */
    double sign_p_less;
};

/*
 * Wilcoxon's signed rank test (Wilcoxon 1945) and the sign test of scores[0..count) - shift. The
 * probabilities are those of the permutation distribution given the ranks that occur, by dynamic
 * programming over the sums of doubled ranks, which are whole numbers also with ties.
 * Returns 0, -E2BIG above MM_SIGNED_RANK_LIMIT scores, or -ENOMEM.
 */
int mm_signed_rank_test(const double *scores, size_t count, double shift,
                        struct mm_signed_rank *result);

/* P(W <= rank_sum) of `used` scores without ties, W the sum of the ranks of those above. 0 and
 * *probability, or errors as above. */
int mm_signed_rank_probability(size_t used, size_t rank_sum, double *probability);

/* The rank sum of the scores above shift, alone: what a simulation asks for again and again. 0 and
 * *rank_sum, or errors as above. */
int mm_signed_rank_sum(const double *scores, size_t count, double shift, double *rank_sum);

/* The smallest rank sum of `used` scores without ties that a one-sided test at level rejects; above
 * all that there are when the level cannot be reached. 0 and *rank_sum, or errors as above. */
int mm_signed_rank_critical(size_t used, double level, size_t *rank_sum);

/* The centre of the scores (Hodges and Lehmann 1963): the median of all means of two of them, each
 * with itself included. Its interval is between the order statistics of these means that the signed
 * rank test does not refuse; it covers the centre of a symmetric distribution. */
struct mm_centre {
    double estimate;
    struct mm_interval
        interval; /* the whole range of the means where that covers less than asked */
};

/* 0, -EINVAL without scores, -E2BIG and -ENOMEM as above. The second is the estimate alone. */
int mm_centre_estimate(const double *scores, size_t count, double *estimate);
int mm_centre_of(const double *scores, size_t count, double coverage, struct mm_centre *centre);

#endif
