/*
 * The header of .npy files, versions 1.0, 2.0 and 3.0, as a pure function over bytes: safe on
 * hostile input. The format is NEP 1 and numpy/lib/format.py of numpy 1.24.
 *
 * Where numpy evaluates the header as a Python literal, this reads the part of Python that
 * describes an array (literal.h): strings, decimal numbers, True and False, any white space.
 */
#ifndef MARRAY_NPY_H
#define MARRAY_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mapping/dtype.h"

/* Enough to know how long the header is. */
#define MARRAY_NPY_PREFIX_BYTES 12
/* numpy's limit for the text of a header; beyond it reading is refused as unsafe. */
#define MARRAY_NPY_TEXT_LIMIT 10000

struct marray_npy {
    struct marray_dtype dtype;
    bool fortran_order;
    int dimensions;
    uint64_t shape[MARRAY_MAX_DIMENSIONS];
    uint64_t data_offset; /* the bytes of the whole header */
};

/* From the first bytes of a file, how many the whole header has. -EBADMSG with message when they
 * are not those of a .npy file, or of one whose text has more than text_limit characters (0: the
 * limit above). */
int marray_npy_header_size(const unsigned char *bytes, size_t size, size_t text_limit,
                           size_t *header_bytes, struct marray_message *message);

/* Reads a whole header. -EBADMSG: numpy would refuse it too, or cannot have written it; -ENOTSUP: a
 * dtype that this library does not have; -EOVERFLOW: a shape beyond 63 bits; -ENOMEM. With message.
 * The dtype is the caller's: marray_dtype_release(). */
int marray_npy_parse(const unsigned char *bytes, size_t size, size_t text_limit,
                     struct marray_npy *npy, struct marray_message *message);

/* Writes a header, byte for byte as numpy.save() does: arrays contiguous both ways are C ordered,
 * spaces are left for the growing axis, and the version is the first of 1.0, 2.0 (over 65,535
 * bytes) and 3.0 (names outside Latin-1) that will do. The caller frees *bytes. -ENOMEM, or
 * -EOVERFLOW for one of more than 4 GiB. */
int marray_npy_write(const struct marray_dtype *dtype, bool fortran_order, const uint64_t *shape,
                     int dimensions, unsigned char **bytes, size_t *size);

#endif
