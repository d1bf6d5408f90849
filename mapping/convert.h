/* Converting elements between types and byte orders, without temporaries beyond a small buffer. */
#ifndef MARRAY_CONVERT_H
#define MARRAY_CONVERT_H

#include <stdbool.h>
#include <stdint.h>

#include "mapping/dtype.h"
#include "mapping/kernels.h"

/* NULL when elements of source can become elements of target, else why they cannot. Static text. */
const char *marray_cannot_convert(const struct marray_dtype *source,
                                  const struct marray_dtype *target);

/* Whether elements of a become elements of b byte by byte, what lies between them left out. */
bool marray_moves_unchanged(const struct marray_dtype *a, const struct marray_dtype *b);
/* Whether both are plain numbers: converting them cannot fail, and leaves no gap in the target. */
bool marray_are_numbers(const struct marray_dtype *a, const struct marray_dtype *b);
/*
 * Converts count elements of types that can be converted, as numpy's assignment does: truncation of
 * fractions, wrapping of integers, anything but zero is true, the imaginary part goes; text is cut
 * or padded with zeros; times round down to a coarser unit; records go field by field in their
 * order, and what lies between the fields of the target stays. A float that its integer cannot hold
 * gives some number, the same one everywhere: C leaves that undefined, numpy leaves it to the
 * machine. 0, or -EILSEQ at a character beyond ASCII between S and U: elements before it are done.
 */
int marray_convert(const struct marray_dtype *source_dtype, const unsigned char *source,
                   int64_t source_stride, const struct marray_dtype *target_dtype,
                   unsigned char *target, int64_t target_stride, uint64_t count);

#endif
