/* Element types: numpy's descr strings and what they mean. */
#ifndef MARRAY_DTYPE_H
#define MARRAY_DTYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "mapping/marray.h"

enum marray_type {
    MARRAY_B1,
    MARRAY_I1,
    MARRAY_I2,
    MARRAY_I4,
    MARRAY_I8,
    MARRAY_U1,
    MARRAY_U2,
    MARRAY_U4,
    MARRAY_U8,
    MARRAY_F2,
    MARRAY_F4,
    MARRAY_F8,
    MARRAY_C8,
    MARRAY_C16,
    MARRAY_TYPE_COUNT
};

#define MARRAY_DESCR_BYTES    8
#define MARRAY_MAX_ITEM_BYTES 16

/* Plain data. */
struct marray_dtype {
    enum marray_type type;
    uint32_t item_bytes;
    uint32_t unit_bytes; /* what byte order turns round: half an item for complex numbers */
    bool swapped;        /* not the machine's byte order */
    char descr[MARRAY_DESCR_BYTES]; /* canonical, as numpy writes it: "<f8", "|u1" */
};

/*
 * Reads what numpy.dtype() reads: "<f8", "=i4", "|b1", "f4", "d", "float64". Returns 0, -EINVAL
 * (not a dtype, or one of objects) or -ENOTSUP (a dtype that this library does not have), with
 * message.
 */
int marray_dtype_parse(const char *text, struct marray_dtype *dtype,
                       struct marray_message *message);

#endif
