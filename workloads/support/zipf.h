/* Zipf-distributed numbers: rank k is drawn with a probability proportional to 1 / k^exponent. */
#ifndef MM_WORKLOADS_SUPPORT_ZIPF_H
#define MM_WORKLOADS_SUPPORT_ZIPF_H

#include <stdint.h>

#include "common/random.h"

/*
 * Rejection-inversion (W. Hoermann, G. Derflinger, "Rejection-inversion to generate variates from
 * monotone discrete distributions", ACM TOMACS 6(3), 1996): constant time and memory for any count
 * and any exponent > 0, 1 included. Plain data.
 */
struct mm_zipf {
    double exponent;
    double count;
    double integral_first; /* the integral of the density's hull up to 1.5, less its first bar */
    double integral_last;
    double accept; /* ranks whose distance from the drawn point is below it need no test */
};

/* count > 0, exponent > 0 and finite. */
void mm_zipf_init(struct mm_zipf *zipf, uint64_t count, double exponent);

/* A rank in [0, count); 0 is the most frequent. */
uint64_t mm_zipf_next(const struct mm_zipf *zipf, struct mm_random *random);

#endif
