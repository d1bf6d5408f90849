/* The text that describes a view, as a pure function over characters: safe on hostile input. */
#ifndef MARRAY_DESCRIPTOR_H
#define MARRAY_DESCRIPTOR_H

#include <stdint.h>

#include "mapping/marray.h"

#define MARRAY_DESCRIPTOR_PATH_BYTES  4096
#define MARRAY_DESCRIPTOR_DTYPE_BYTES 4096

/* What a description says; whether it makes sense for the file is another matter. */
struct marray_descriptor {
    enum marray_mode mode;
    uint64_t offset_bytes; /* of the first element */
    int dimensions;
    uint64_t shape[MARRAY_MAX_DIMENSIONS];
    int64_t strides[MARRAY_MAX_DIMENSIONS];
    char dtype[MARRAY_DESCRIPTOR_DTYPE_BYTES];
    char path[MARRAY_DESCRIPTOR_PATH_BYTES];
};

/* -EINVAL with message: not a description of this version; -EOVERFLOW a number beyond 63 bits. */
int marray_descriptor_parse(const char *text, struct marray_descriptor *descriptor,
                            struct marray_message *message);

/* Where the elements lie in the file: *lowest is the first byte of the lowest one, *span_bytes goes
 * to the end of the highest, 0 without elements. -EOVERFLOW when that is not within 63 bits. */
int marray_descriptor_span(const struct marray_descriptor *descriptor, uint32_t item_bytes,
                           uint64_t *lowest, uint64_t *span_bytes);

#endif
