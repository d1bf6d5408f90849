/* The minimum detectable effect, by resampling. */
#include "analysis/verdict.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/signed_rank.h"
#include "common/random.h"

/* A power of 95 % is known to 1.1 % from so many draws. */
#define DRAWS 400

/* Halvings of the range 0 to log 2 of effects: to 0.002 %. */
#define HALVINGS 15

#define SEED UINT64_C(20)

/* Samples of pairs without any effect, drawn from scores; each with its own centre. */
struct draws {
    double *scores; /* DRAWS times pairs */
    double centres[DRAWS];
    size_t pairs;
};

/* Draws with replacement around the centre, and as wide as the scores' sample variance says. */
static int fill(struct draws *draws, const double *scores, size_t count)
{
    struct mm_random random;
    double centre = 0;
    double stretch = count > 1 ? sqrt((double)count / (double)(count - 1)) : 1;

    mm_random_seed(&random, SEED);
    int code = mm_centre_estimate(scores, count, &centre);
    for (size_t draw = 0; code == 0 && draw < DRAWS; draw++) {
        double *sample = draws->scores + draw * draws->pairs;
        for (size_t i = 0; i < draws->pairs; i++) {
            sample[i] = stretch * (scores[mm_random_below(&random, count)] - centre);
        }
        code = mm_centre_estimate(sample, draws->pairs, &draws->centres[draw]);
    }
    return code;
}

/* The share of draws that, moved by effect (of a logarithm), are found to have regressed. */
static int power_at(const struct draws *draws, const struct mm_verdict_rule *rule, double critical,
                    double effect, double *power)
{
    size_t found = 0;

    for (size_t draw = 0; draw < DRAWS; draw++) {
        double sum;
        int code = mm_signed_rank_sum(draws->scores + draw * draws->pairs, draws->pairs,
                                      log1p(rule->margin) - effect, &sum);
        if (code < 0) {
            return code;
        }
        found += sum >= critical && draws->centres[draw] + effect >= log1p(rule->minimum_effect);
    }
    *power = (double)found / DRAWS;
    return 0;
}

static int search(const struct draws *draws, const struct mm_verdict_rule *rule, double level,
                  double wanted, double *effect)
{
    size_t critical;
    double power = 0;
    double low = 0;
    double high = M_LN2;

    int code = mm_signed_rank_critical(draws->pairs, level, &critical);
    if (code == 0) {
        code = power_at(draws, rule, (double)critical, high, &power);
    }
    if (code < 0) {
        return code;
    }
    if (power < wanted) {
        *effect = INFINITY;
        return 0;
    }
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;
        code = power_at(draws, rule, (double)critical, middle, &power);
        if (code < 0) {
            return code;
        }
        if (power < wanted) {
            low = middle;
        } else {
            high = middle;
        }
    }
    *effect = expm1(high);
    return 0;
}

int mm_verdict_detectable(const double *scores, size_t count, size_t pairs,
                          const struct mm_verdict_rule *rule, double level, double power,
                          double *effect)
{
    if (count == 0 || pairs == 0) {
        *effect = INFINITY;
        return 0;
    }
    if (pairs > MM_SIGNED_RANK_LIMIT) {
        return -E2BIG;
    }
    struct draws *draws = calloc(1, sizeof(*draws));
    int code = draws == NULL ? -ENOMEM : 0;
    if (code == 0) {
        draws->pairs = pairs;
        draws->scores = calloc(DRAWS * pairs, sizeof(*draws->scores));
        code = draws->scores == NULL ? -ENOMEM : fill(draws, scores, count);
    }
    if (code == 0) {
        code = search(draws, rule, level, power, effect);
    }
    if (draws != NULL) {
        free(draws->scores);
    }
    free(draws);
    return code;
}
