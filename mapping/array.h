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
    /* Below: in the same allocation, so that a const array can still say what failed, and count. */
    struct marray_message *message;
    _Atomic uint64_t *rented_bytes; /* see marray_way_rent() */
    uint64_t *shape;
    int64_t *strides;
};

/* An array with a reference of its own on what dtype refers to, and everything but length, offset,
 * data, shape and strides, which the caller fills in. NULL when memory is short. */
struct marray *marray_array_allocate(struct marray_map *map, const struct marray_dtype *dtype,
                                     int dimensions);

/* Undoes it; the map stays. */
void marray_array_free(struct marray *array);

/* A view of array's map, counted there. The caller fills in shape and strides, and places it.
 * -ENOMEM with message. */
int marray_view_new(const struct marray *array, const struct marray_dtype *dtype, int dimensions,
                    struct marray **view);

/* Sets length, offset and data from shape, dtype and where the first element stands. */
void marray_array_place(struct marray *array, uint64_t offset_bytes);

/* The loops over the elements of an array that has some, ascending; *start is where the lowest one
 * stands, in bytes from the base of the map. */
void marray_array_by_address(const struct marray *array, struct marray_loops *loops,
                             uint64_t *start);

/* Whether spec is of a size that some version had. */
bool marray_spec_is_known(const struct marray_spec *spec);
/* Its npy_header_limit, if it has one. */
uint64_t marray_spec_header_limit(const struct marray_spec *spec);

/* The dtype of a text, NULL being the array's own; to be released. */
int marray_choose_dtype(const struct marray *array, const char *text, struct marray_dtype *dtype);
/* In check.c, all with message: -EACCES for an array that is open for reading only; -EPERM in a
 * child that did not inherit the map; -EBADF when the descriptor that `what` needs ("a lock") was
 * given up or is none. */
int marray_check_writable(const struct marray *array);
int marray_check_inherited(const struct marray *array);
int marray_check_descriptor(const struct marray *array, const char *what);
/* -EINVAL with message when elements of source cannot become elements of target. */
int marray_check_conversion(const struct marray *array, const struct marray_dtype *source,
                            const struct marray_dtype *target);
/* Returns what marray_convert() came to, with its message. */
int marray_tell_conversion(const struct marray *array, int status);

/* The file's path for messages. */
#define MARRAY_PATH(array) ((array)->map->path)

#endif
