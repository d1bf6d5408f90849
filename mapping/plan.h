/* From a spec to an array: what the ways to open have in common. In open.c. */
#ifndef MARRAY_PLAN_H
#define MARRAY_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mapping/array.h"
#include "mapping/map.h"

/* What a spec comes to once it is checked. Owns its dtype and its header. */
struct marray_plan {
    const char *path;
    enum marray_mode mode;
    uint32_t flags;
    struct marray_dtype dtype;
    uint64_t offset_bytes;
    bool infer_shape;
    bool is_npy;
    int dimensions;
    uint64_t shape[MARRAY_MAX_DIMENSIONS];
    enum marray_order order;
    uint64_t data_bytes;
    unsigned char *header; /* owned */
    size_t header_bytes;
    uint64_t npy_header_limit;
    struct marray_message *message;
};

/* Everything about a spec that can be wrong without looking at the file. The plan is to be released
 * whatever comes. */
int marray_plan_check(const char *path, const struct marray_spec *spec, const char *default_dtype,
                      struct marray_plan *plan);
/* Data of that shape at that offset must fit into a file; sets plan->data_bytes. */
int marray_plan_check_size(struct marray_plan *plan);
void marray_plan_release(struct marray_plan *plan);

/* Makes the array of a plan whose size is checked. make_map comes last, so that nothing can fail
 * after the file was touched. */
typedef int marray_plan_map(const struct marray_map_request *request, void *context,
                            struct marray_map **map);
int marray_plan_make(const struct marray_plan *plan, marray_plan_map *make_map, void *context,
                     struct marray **array);
/* The same for an open file, whose length gives the shape where the spec did not. Takes over
 * descriptor, also when it fails. */
int marray_plan_open(struct marray_plan *plan, int descriptor, const struct marray_os_status *file,
                     struct marray **array);

#endif
