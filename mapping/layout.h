/* Arithmetic on shapes and strides; touches no file. */
#ifndef MARRAY_LAYOUT_H
#define MARRAY_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "mapping/marray.h"

/* The elements and bytes of a shape; -EOVERFLOW beyond 2^63 - 1 bytes, counted as numpy does
 * without the axes of length 0. */
int marray_layout_size(const uint64_t *shape, int dimensions, uint32_t item_bytes, uint64_t *length,
                       uint64_t *size_bytes);

/* Dense strides; an axis of length 0 counts as 1, as numpy has it. */
void marray_layout_strides(const uint64_t *shape, int dimensions, uint32_t item_bytes,
                           enum marray_order order, int64_t *strides);

/* Without gaps in that order; axes of length 1 may have any stride, nothing is always dense. */
bool marray_layout_is_contiguous(const uint64_t *shape, const int64_t *strides, int dimensions,
                                 uint32_t item_bytes, enum marray_order order);

/* The loops that visit every element of a layout, outermost first, with no axis of length 1 and
 * axes that continue each other made one. Only for layouts that have elements. */
struct marray_loops {
    int count;
    uint64_t length[MARRAY_MAX_DIMENSIONS];
    int64_t stride_bytes[MARRAY_MAX_DIMENSIONS];
};

/* In the C order of the layout. */
void marray_loops_in_order(const uint64_t *shape, const int64_t *strides, int dimensions,
                           struct marray_loops *loops);
/* In ascending order of address. Returns how far the lowest element is from the first: 0 or less.
 */
int64_t marray_loops_by_address(const uint64_t *shape, const int64_t *strides, int dimensions,
                                struct marray_loops *loops);
/* From the first byte of the lowest element to the last byte of the highest. */
uint64_t marray_loops_span_bytes(const struct marray_loops *by_address, uint32_t item_bytes);

/* Moves the counters of the outermost `count` loops one step, the last of them fastest; returns how
 * far the address moves and sets *done after the last step. */
int64_t marray_loops_next(const struct marray_loops *loops, int count, uint64_t *counters,
                          bool *done);

typedef int marray_visit_range(void *context, uint64_t start, uint64_t length);

/*
 * Calls visit for every run of pages that the elements touch, ascending, adjacent runs made one.
 * start is where the lowest element stands; both it and what visit gets count bytes from a page
 * boundary. Stops at the first status that is not 0 and returns it.
 */
int marray_loops_visit_pages(const struct marray_loops *by_address, uint64_t start,
                             uint64_t item_bytes, uint64_t page_bytes, marray_visit_range *visit,
                             void *context);

#endif
