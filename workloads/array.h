/* The shape of the data a case works on. */
#ifndef MM_WORKLOADS_ARRAY_H
#define MM_WORKLOADS_ARRAY_H

#include <stdbool.h>
#include <stdint.h>

#define MM_ARRAY_DIMENSIONS  8
#define MM_ARRAY_DTYPE_BYTES 16

/* Plain data. Element (i, j, ...) of a C-ordered array stands at offset_bytes + ((i * n1) + j) *
 * item_bytes of the file. */
struct mm_array {
    char dtype[MM_ARRAY_DTYPE_BYTES]; /* numpy descr: "<f8", "<u8", "|u1" */
    uint32_t item_bytes;
    uint32_t dimensions; /* 1 to MM_ARRAY_DIMENSIONS */
    uint64_t shape[MM_ARRAY_DIMENSIONS];
    bool fortran_order;
    uint64_t offset_bytes; /* where the data starts in the file; any alignment */
    uint64_t size_bytes;   /* of the data: item_bytes times the product of shape */
};

#endif
