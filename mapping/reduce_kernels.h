/* Loops that make one number of many, over elements of the machine's byte order at any stride,
 * compiled for what the processor has. */
#ifndef MARRAY_REDUCE_KERNELS_H
#define MARRAY_REDUCE_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

#include "mapping/number.h"

struct marray_extremes {
    union marray_number least, most; /* in what the elements are added up in */
    bool is_undefined;               /* a NaN was met */
};

/* Strides in bytes. Integers wrap at 64 bits, signed ones too. Sums of floats are made of doubles,
 * their errors grow with count; extremes need an element. Only what the type has is set: sums and
 * products of either integers or floats. */
struct marray_reduce_loops {
    uint64_t (*sum_integers)(const unsigned char *elements, int64_t stride, uint64_t count);
    double (*sum_floats)(const unsigned char *elements, int64_t stride, uint64_t count);
    /* Of elements side by side: comparing others one by one costs more than bringing them together.
     */
    void (*extremes)(struct marray_extremes *extremes, const unsigned char *elements,
                     uint64_t count);
    uint64_t (*dot_integers)(const unsigned char *a, int64_t a_stride, const unsigned char *b,
                             int64_t b_stride, uint64_t count);
    double (*dot_floats)(const unsigned char *a, int64_t a_stride, const unsigned char *b,
                         int64_t b_stride, uint64_t count);
};

/* For i1 to i8, u1 to u8, f4 and f8. */
const struct marray_reduce_loops *marray_reduce_loops_of(enum marray_type type);

#endif
