/* The inside of struct marray. */
#ifndef MARRAY_ARRAY_H
#define MARRAY_ARRAY_H

#include <stdbool.h>
#include <stdint.h>

#include "mapping/dtype.h"
#include "mapping/layout.h"
#include "mapping/map.h"
#include "mapping/marray.h"

struct marray {
    struct marray_map *map;
    bool is_view; /* not the array that was opened */
    struct marray_dtype dtype;
    int dimensions;
    uint64_t length;
    uint64_t offset_bytes; /* of the first element in the file */
    unsigned char *data;   /* the first element; NULL without elements */
    /* Below: in the same allocation, so that a const array can still say what failed. */
    struct marray_message *message;
    uint64_t *shape;
    int64_t *strides;
};

/* An array with everything but length, offset, data, shape and strides, which the caller fills in.
 * NULL when memory is short. */
struct marray *marray_array_allocate(struct marray_map *map, const struct marray_dtype *dtype,
                                     int dimensions);

/* Sets length, offset and data from shape, dtype and where the first element stands. */
void marray_array_place(struct marray *array, uint64_t offset_bytes);

/* The loops over the elements of an array that has some, ascending; *start is where the lowest one
 * stands, in bytes from the base of the map. */
void marray_array_by_address(const struct marray *array, struct marray_loops *loops,
                             uint64_t *start);

/* The file's path for messages. */
#define MARRAY_PATH(array) ((array)->map->path)

#endif
