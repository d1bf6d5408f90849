/* Opening and closing arrays. */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/array.h"
#include "mapping/map.h"
#include "mapping/message.h"
#include "mapping/npy.h"
#include "mapping/plan.h"

#define ALL_FLAGS \
    ((uint32_t)(MARRAY_SPARSE | MARRAY_DURABLE_CREATE | MARRAY_CLOSE_DESCRIPTOR | MARRAY_NO_FORK))
/* The spec as it was in version 0.1. */
#define FIRST_SPEC_BYTES offsetof(struct marray_spec, npy_header_limit)

bool marray_spec_is_known(const struct marray_spec *spec)
{
    return spec->size_bytes == sizeof(*spec) || spec->size_bytes == FIRST_SPEC_BYTES;
}

uint64_t marray_spec_header_limit(const struct marray_spec *spec)
{
    return spec->size_bytes > FIRST_SPEC_BYTES ? spec->npy_header_limit : 0;
}

void marray_plan_release(struct marray_plan *plan)
{
    free(plan->header);
    marray_dtype_release(&plan->dtype);
}

int marray_parse_mode(const char *text, enum marray_mode *mode)
{
    static const struct {
        const char *name;
        enum marray_mode mode;
    } modes[] = {
        {"r", MARRAY_READ},          {"readonly", MARRAY_READ},
        {"r+", MARRAY_READ_WRITE},   {"readwrite", MARRAY_READ_WRITE},
        {"w+", MARRAY_CREATE},       {"write", MARRAY_CREATE},
        {"c", MARRAY_COPY_ON_WRITE}, {"copyonwrite", MARRAY_COPY_ON_WRITE},
    };
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (!strcmp(text, modes[i].name)) {
            *mode = modes[i].mode;
            return 0;
        }
    }
    return -EINVAL;
}

struct marray *marray_array_allocate(struct marray_map *map, const struct marray_dtype *dtype,
                                     int dimensions)
{
    size_t axes = (size_t)dimensions;
    struct marray *array =
        calloc(1, sizeof(*array) + axes * (sizeof(uint64_t) + sizeof(int64_t)) +
                      sizeof(*array->rented_bytes) + sizeof(struct marray_message));
    if (!array)
        return NULL;
    array->map = map;
    array->dtype = *dtype;
    marray_dtype_keep(dtype);
    array->dimensions = dimensions;
    array->shape = (uint64_t *)(array + 1);
    array->strides = (int64_t *)(array->shape + axes);
    array->rented_bytes = (_Atomic uint64_t *)(array->strides + axes);
    array->message = (struct marray_message *)(array->rented_bytes + 1);
    return array;
}

void marray_array_free(struct marray *array)
{
    marray_dtype_release(&array->dtype);
    free(array);
}

void marray_array_place(struct marray *array, uint64_t offset_bytes)
{
    array->length = 1;
    for (int axis = 0; axis < array->dimensions; axis++)
        array->length *= array->shape[axis];
    array->offset_bytes = offset_bytes;
    /* Where nothing is, there is no address either: the map may end before it. */
    if (array->length > 0)
        array->data = array->map->base + (offset_bytes - array->map->file_offset);
}

void marray_array_by_address(const struct marray *array, struct marray_loops *loops,
                             uint64_t *start)
{
    int64_t lowest =
        marray_loops_by_address(array->shape, array->strides, array->dimensions, loops);
    *start = (uint64_t)((int64_t)(array->offset_bytes - array->map->file_offset) + lowest);
}

static int check_mode(const char *path, const struct marray_spec *spec)
{
    struct marray_message *message = spec->message;
    if ((unsigned)spec->mode > MARRAY_COPY_ON_WRITE)
        return marray_fail(message, -EINVAL, "'%s': mode %d is none of the four", path,
                           (int)spec->mode);
    if ((unsigned)spec->order > MARRAY_ORDER_F)
        return marray_fail(message, -EINVAL, "'%s': order %d is neither C nor F", path,
                           (int)spec->order);
    if (spec->flags & ~ALL_FLAGS)
        return marray_fail(message, -EINVAL, "'%s': unknown flags 0x%" PRIx32, path, spec->flags);
    if ((spec->flags & MARRAY_DURABLE_CREATE) && spec->mode != MARRAY_CREATE)
        return marray_fail(message, -EINVAL, "'%s': a durable create needs mode w+", path);
    return 0;
}

static int check_shape(const char *path, const struct marray_spec *spec, struct marray_plan *plan)
{
    struct marray_message *message = spec->message;
    if (spec->dimensions == MARRAY_INFER_SHAPE) {
        if (spec->mode == MARRAY_CREATE)
            return marray_fail(message, -EINVAL, "'%s': mode w+ needs a shape", path);
        plan->infer_shape = true;
        plan->dimensions = 1;
        return 0;
    }
    if (spec->dimensions < 0 || spec->dimensions > MARRAY_MAX_DIMENSIONS)
        return marray_fail(message, -EINVAL, "'%s': %d dimensions, at most %d are possible", path,
                           spec->dimensions, MARRAY_MAX_DIMENSIONS);
    if (spec->dimensions > 0 && !spec->shape)
        return marray_fail(message, -EINVAL, "'%s': %d dimensions without a shape", path,
                           spec->dimensions);
    plan->dimensions = spec->dimensions;
    if (spec->dimensions > 0)
        memcpy(plan->shape, spec->shape, (size_t)spec->dimensions * sizeof(plan->shape[0]));
    return 0;
}

int marray_plan_check(const char *path, const struct marray_spec *spec, const char *default_dtype,
                      struct marray_plan *plan)
{
    if (!path || !spec || !marray_spec_is_known(spec))
        return -EINVAL;
    *plan = (struct marray_plan){
        .path = path,
        .mode = spec->mode,
        .flags = spec->flags,
        .offset_bytes = spec->offset_bytes,
        .order = spec->order,
        .npy_header_limit = marray_spec_header_limit(spec),
        .message = spec->message,
    };
    int status = check_mode(path, spec);
    if (!status)
        status = marray_dtype_parse(spec->dtype ? spec->dtype : default_dtype, &plan->dtype,
                                    spec->message);
    if (!status)
        status = check_shape(path, spec, plan);
    return status;
}

int marray_plan_check_size(struct marray_plan *plan)
{
    uint64_t length;
    int status = marray_layout_size(plan->shape, plan->dimensions, plan->dtype.item_bytes, &length,
                                    &plan->data_bytes);
    uint64_t total_bytes;
    if (!status && (__builtin_add_overflow(plan->offset_bytes, plan->data_bytes, &total_bytes) ||
                    total_bytes > INT64_MAX))
        status = -EOVERFLOW;
    if (status)
        return marray_fail(plan->message, status,
                           "'%s': the shape and the offset do not fit into 2^63 - 1 bytes",
                           plan->path);
    return 0;
}

/* One axis, as long as the file allows. */
static int infer_shape(struct marray_plan *plan, const struct marray_os_status *status)
{
    if (plan->offset_bytes > status->size_bytes)
        return marray_fail(plan->message, -ENODATA,
                           "'%s' has %" PRIu64 " bytes, the offset is %" PRIu64, plan->path,
                           status->size_bytes, plan->offset_bytes);
    uint64_t bytes = status->size_bytes - plan->offset_bytes;
    if (bytes % plan->dtype.item_bytes)
        return marray_fail(plan->message, -EINVAL,
                           "'%s': %" PRIu64 " bytes are not a multiple of the %" PRIu32
                           " of dtype %s: give a shape",
                           plan->path, bytes, plan->dtype.item_bytes,
                           marray_dtype_descr(&plan->dtype));
    plan->shape[0] = bytes / plan->dtype.item_bytes;
    return 0;
}

static struct marray_map_request request_of(const struct marray_plan *plan)
{
    return (struct marray_map_request){
        .path = plan->path,
        .mode = plan->mode,
        .flags = plan->flags,
        .data_offset = plan->offset_bytes,
        .data_bytes = plan->data_bytes,
        .header = plan->header,
        .header_bytes = plan->header_bytes,
        .message = plan->message,
    };
}

int marray_plan_make(const struct marray_plan *plan, marray_plan_map *make_map, void *context,
                     struct marray **array)
{
    struct marray *made = marray_array_allocate(NULL, &plan->dtype, plan->dimensions);
    if (!made)
        return marray_fail(plan->message, -ENOMEM, "no memory to open '%s'", plan->path);
    memcpy(made->shape, plan->shape, (size_t)plan->dimensions * sizeof(made->shape[0]));
    marray_layout_strides(made->shape, made->dimensions, made->dtype.item_bytes, plan->order,
                          made->strides);
    struct marray_map_request request = request_of(plan);
    int status = make_map(&request, context, &made->map);
    if (status) {
        marray_array_free(made);
        return status;
    }
    struct marray_map *map = made->map;
    map->order = plan->order;
    map->is_npy = plan->is_npy || plan->header_bytes > 0;
    if ((plan->flags & MARRAY_CLOSE_DESCRIPTOR) && map->descriptor >= 0) {
        marray_os_close(map->descriptor);
        map->descriptor = -1;
    }
    marray_array_place(made, plan->offset_bytes);
    *array = made;
    return 0;
}

static int map_new_file(const struct marray_map_request *request, void *context,
                        struct marray_map **map)
{
    (void)context;
    return marray_map_create(request, map);
}

/* A descriptor and what was found behind it. */
struct existing {
    int descriptor;
    struct marray_os_status file;
};

static int map_existing(const struct marray_map_request *request, void *context,
                        struct marray_map **map)
{
    const struct existing *existing = context;
    return marray_map_existing(request, existing->descriptor, &existing->file, map);
}

int marray_plan_open(struct marray_plan *plan, int descriptor, const struct marray_os_status *file,
                     struct marray **array)
{
    struct existing existing = {descriptor, *file};
    int status = plan->infer_shape ? infer_shape(plan, file) : 0;
    if (!status)
        status = marray_plan_check_size(plan);
    if (!status)
        status = marray_plan_make(plan, map_existing, &existing, array);
    if (status)
        marray_os_close(descriptor);
    return status;
}

static int open_raw(struct marray_plan *plan, struct marray **array)
{
    int status = plan->infer_shape ? 0 : marray_plan_check_size(plan);
    if (status)
        return status;
    if (plan->mode == MARRAY_CREATE)
        return marray_plan_make(plan, map_new_file, NULL, array);

    int descriptor;
    struct marray_os_status file;
    status = marray_file_open(plan->path, plan->mode, &descriptor, &file, plan->message);
    return status ? status : marray_plan_open(plan, descriptor, &file, array);
}

int marray_open(const char *path, const struct marray_spec *spec, struct marray **array)
{
    struct marray_plan plan = {0};
    int status = marray_plan_check(path, spec, "|u1", &plan);
    if (!status)
        status = open_raw(&plan, array);
    marray_plan_release(&plan);
    return status;
}

/* The bytes of the header, or as many as there are; the caller frees them. */
static int read_npy_bytes(const struct marray_plan *plan, int descriptor, unsigned char **bytes,
                          size_t *size, struct marray_message *reason)
{
    unsigned char prefix[MARRAY_NPY_PREFIX_BYTES];
    size_t header_bytes;
    int status = marray_os_read_at(descriptor, prefix, sizeof(prefix), 0, size);
    if (status)
        return marray_fail(reason, status, "cannot read: %s", marray_reason(status));
    status = marray_npy_header_size(prefix, *size, plan->npy_header_limit, &header_bytes, reason);
    if (status)
        return status;
    unsigned char *made = malloc(header_bytes);
    if (!made)
        return marray_fail(reason, -ENOMEM, "no memory for its header");
    status = marray_os_read_at(descriptor, made, header_bytes, 0, size);
    if (status) {
        free(made);
        return marray_fail(reason, status, "cannot read: %s", marray_reason(status));
    }
    *bytes = made;
    return 0;
}

/* Reads the header behind descriptor into plan. */
static int read_npy_header(struct marray_plan *plan, int descriptor)
{
    unsigned char *bytes = NULL;
    size_t size;
    struct marray_npy npy;
    struct marray_message reason = {""};
    int status = read_npy_bytes(plan, descriptor, &bytes, &size, &reason);
    if (!status)
        status = marray_npy_parse(bytes, size, plan->npy_header_limit, &npy, &reason);
    free(bytes);
    if (status)
        return marray_fail(plan->message, status, "'%.255s': %.240s", plan->path, reason.text);
    marray_dtype_release(&plan->dtype);
    plan->dtype = npy.dtype;
    plan->order = npy.fortran_order ? MARRAY_ORDER_F : MARRAY_ORDER_C;
    plan->offset_bytes = npy.data_offset;
    plan->infer_shape = false;
    plan->dimensions = npy.dimensions;
    memcpy(plan->shape, npy.shape, sizeof(plan->shape));
    plan->is_npy = true;
    return 0;
}

static int create_npy(struct marray_plan *plan, struct marray **array)
{
    int status = marray_npy_write(&plan->dtype, plan->order == MARRAY_ORDER_F, plan->shape,
                                  plan->dimensions, &plan->header, &plan->header_bytes);
    if (status)
        return marray_fail(plan->message, status, "'%s': cannot make its header: %s", plan->path,
                           marray_reason(status));
    plan->offset_bytes = plan->header_bytes;
    status = marray_plan_check_size(plan);
    return status ? status : marray_plan_make(plan, map_new_file, NULL, array);
}

static int open_npy(struct marray_plan *plan, struct marray **array)
{
    if (plan->offset_bytes)
        return marray_fail(plan->message, -EINVAL,
                           "'%s': the header of a .npy file gives the offset, leave it 0",
                           plan->path);
    if (plan->mode == MARRAY_CREATE)
        return create_npy(plan, array);

    int descriptor;
    struct marray_os_status file;
    int status = marray_file_open(plan->path, plan->mode, &descriptor, &file, plan->message);
    if (status)
        return status;
    status = read_npy_header(plan, descriptor);
    if (status) {
        marray_os_close(descriptor);
        return status;
    }
    return marray_plan_open(plan, descriptor, &file, array);
}

int marray_open_npy(const char *path, const struct marray_spec *spec, struct marray **array)
{
    struct marray_plan plan = {0};
    int status = marray_plan_check(path, spec, "<f8", &plan);
    if (!status)
        status = open_npy(&plan, array);
    marray_plan_release(&plan);
    return status;
}

int marray_close(struct marray **array)
{
    if (!array || !*array)
        return 0;
    struct marray *closed = *array;
    int status = 0;
    if (closed->is_view) {
        atomic_fetch_sub(&closed->map->views, 1);
    } else {
        uint64_t views = atomic_load(&closed->map->views);
        if (views > 0)
            return marray_fail(closed->message, -EBUSY,
                               "'%s': %" PRIu64 " views are open: close them first",
                               MARRAY_PATH(closed), views);
        status = marray_map_settle(closed);
        marray_map_release(closed->map);
    }
    marray_array_free(closed);
    *array = NULL;
    return status;
}
