/* Converting elements between types and byte orders, without temporaries beyond a small buffer. */
#ifndef MARRAY_CONVERT_H
#define MARRAY_CONVERT_H

#include <stdint.h>

#include "mapping/dtype.h"

/* Copies count items of item_bytes (1, 2, 4, 8 or 16) between strides; they may be unaligned. */
void marray_copy_items(const unsigned char *source, int64_t source_stride, unsigned char *target,
                       int64_t target_stride, uint64_t count, uint32_t item_bytes);

/*
 * Converts count elements as numpy's astype() does: truncation of fractions, wrapping of integers,
 * anything but zero is true, the imaginary part goes. A float that its integer cannot hold gives
 * some number, the same one everywhere: C leaves that undefined, numpy leaves it to the machine.
 */
void marray_convert(const struct marray_dtype *source_dtype, const unsigned char *source,
                    int64_t source_stride, const struct marray_dtype *target_dtype,
                    unsigned char *target, int64_t target_stride, uint64_t count);

#endif
