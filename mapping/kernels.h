/* Loops over elements of one type that become elements of another, compiled for what the processor
 * has. No guards and no checks: see convert.h. */
#ifndef MARRAY_KERNELS_H
#define MARRAY_KERNELS_H

#include <stdint.h>

#include "mapping/dtype.h"

/* What turns one element into one of another type. */
struct marray_kernel;

/* Between real numbers (bools, integers, floats, and times as the i8 that they are) of the
 * machine's byte order, as numpy's assignment does: see marray_convert(). */
const struct marray_kernel *marray_real_kernel(enum marray_type source, enum marray_type target);
/* Whether a complex number, c8 or c16, is other than zero. */
const struct marray_kernel *marray_truth_of_complex(enum marray_type source);

/* In all that follows source and target do not overlap, strides are in bytes and of either sign,
 * and elements may be unaligned. */
void marray_run_kernel(const struct marray_kernel *kernel, const unsigned char *source,
                       int64_t source_stride, unsigned char *target, int64_t target_stride,
                       uint64_t count);

/* Copies count items. */
void marray_copy_items(const unsigned char *source, int64_t source_stride, unsigned char *target,
                       int64_t target_stride, uint64_t count, uint32_t item_bytes);

/* The same, the bytes of every unit (2, 4 or 8 of them, one or two an item) turned round. */
void marray_swap_items(const unsigned char *source, int64_t source_stride, unsigned char *target,
                       int64_t target_stride, uint64_t count, uint32_t item_bytes,
                       uint32_t unit_bytes);

#endif
