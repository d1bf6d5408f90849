/* Zipf-distributed numbers by rejection-inversion; see zipf.h for the source. */
#include "workloads/support/zipf.h"

#include <math.h>

/* log(1 + x) / x and (exp(x) - 1) / x, exact near 0 too, where the exponent is near 1. */
static double log_ratio(double x)
{
    return fabs(x) > 1e-8 ? log1p(x) / x : 1 - x / 2;
}

static double exp_ratio(double x)
{
    return fabs(x) > 1e-8 ? expm1(x) / x : 1 + x / 2;
}

static double density(const struct mm_zipf *zipf, double x)
{
    return exp(-zipf->exponent * log(x));
}

/* The integral of the density from 1 to x, and the x at which it has a given value. */
static double integral(const struct mm_zipf *zipf, double x)
{
    double log_x = log(x);
    return exp_ratio((1 - zipf->exponent) * log_x) * log_x;
}

static double integral_inverse(const struct mm_zipf *zipf, double value)
{
    double t = value * (1 - zipf->exponent);
    if (t < -1) /* rounding only */
        t = -1;
    return exp(log_ratio(t) * value);
}

void mm_zipf_init(struct mm_zipf *zipf, uint64_t count, double exponent)
{
    zipf->exponent = exponent;
    zipf->count = (double)count;
    zipf->integral_first = integral(zipf, 1.5) - 1;
    zipf->integral_last = integral(zipf, zipf->count + 0.5);
    zipf->accept = 2 - integral_inverse(zipf, integral(zipf, 2.5) - density(zipf, 2));
}

uint64_t mm_zipf_next(const struct mm_zipf *zipf, struct mm_random *random)
{
    for (;;) {
        double u = zipf->integral_last +
                   mm_random_unit(random) * (zipf->integral_first - zipf->integral_last);
        double x = integral_inverse(zipf, u);
        double rank = floor(x + 0.5);
        if (rank < 1)
            rank = 1;
        if (rank > zipf->count)
            rank = zipf->count;
        if (rank - x <= zipf->accept || u >= integral(zipf, rank + 0.5) - density(zipf, rank))
            return (uint64_t)rank - 1;
    }
}
