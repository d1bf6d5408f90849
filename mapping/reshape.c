/* Views with another shape, another dtype, or of one field. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/array.h"
#include "mapping/message.h"

int marray_view_new(const struct marray *array, const struct marray_dtype *dtype, int dimensions,
                    struct marray **view)
{
    struct marray *made = marray_array_allocate(array->map, dtype, dimensions);
    if (!made)
        return marray_fail(array->message, -ENOMEM, "'%s': no memory for a view",
                           MARRAY_PATH(array));
    made->is_view = true;
    atomic_fetch_add(&array->map->views, 1);
    *view = made;
    return 0;
}

/* Puts the missing length in, and compares the numbers of elements. */
static int complete_shape(const struct marray *array, int dimensions, uint64_t *shape)
{
    uint64_t length = 1;
    int inferred = -1;
    bool is_empty = false;
    for (int axis = 0; axis < dimensions; axis++) {
        if (shape[axis] == MARRAY_INFER_LENGTH) {
            if (inferred >= 0)
                return marray_fail(array->message, -EINVAL, "'%s': two lengths to be inferred",
                                   MARRAY_PATH(array));
            inferred = axis;
        } else if (shape[axis] == 0) {
            is_empty = true;
        } else if (__builtin_mul_overflow(length, shape[axis], &length) || length > INT64_MAX) {
            return marray_fail(array->message, -EINVAL, "'%s': more than 2^63 - 1 elements",
                               MARRAY_PATH(array));
        }
    }
    if (is_empty)
        length = 0;
    if (inferred >= 0 && length > 0 && array->length % length == 0) {
        shape[inferred] = array->length / length;
        length = array->length;
    } else if (inferred >= 0) {
        length = array->length + 1;
    }
    if (length == array->length)
        return 0;
    return marray_fail(array->message, -EINVAL,
                       "'%s': %" PRIu64 " elements do not fill the new shape", MARRAY_PATH(array),
                       array->length);
}

/* Axes of the array without those of length 1. */
struct axes {
    int count;
    uint64_t length[MARRAY_MAX_DIMENSIONS];
    int64_t stride[MARRAY_MAX_DIMENSIONS];
};

/* Whether axes [first, end) are one run in C order. */
static bool is_one_run(const struct axes *axes, int first, int end)
{
    for (int i = first; i + 1 < end; i++) {
        if (axes->stride[i] != (int64_t)axes->length[i + 1] * axes->stride[i + 1])
            return false;
    }
    return true;
}

/*
 * numpy's _attempt_nocopy_reshape(): groups of old and new axes with as many elements, from the
 * first on; the old ones of a group must be one run, the new ones then part it. False: needs a
 * copy. Only for arrays that have elements.
 */
static bool find_strides(const struct marray *array, int dimensions, const uint64_t *shape,
                         int64_t *strides)
{
    struct axes old = {0};
    for (int axis = 0; axis < array->dimensions; axis++) {
        if (array->shape[axis] == 1)
            continue;
        old.length[old.count] = array->shape[axis];
        old.stride[old.count++] = array->strides[axis];
    }
    int old_first = 0;
    int new_first = 0;
    while (new_first < dimensions && old_first < old.count) {
        int old_end = old_first + 1;
        int new_end = new_first + 1;
        uint64_t old_elements = old.length[old_first];
        uint64_t new_elements = shape[new_first];
        while (old_elements != new_elements) {
            if (new_elements < old_elements)
                new_elements *= shape[new_end++];
            else
                old_elements *= old.length[old_end++];
        }
        if (!is_one_run(&old, old_first, old_end))
            return false;
        strides[new_end - 1] = old.stride[old_end - 1];
        for (int axis = new_end - 1; axis > new_first; axis--)
            strides[axis - 1] = strides[axis] * (int64_t)shape[axis];
        old_first = old_end;
        new_first = new_end;
    }
    /* What is left are axes of length 1. */
    int64_t stride = array->dtype.item_bytes;
    if (new_first > 0)
        stride = strides[new_first - 1];
    for (int axis = new_first; axis < dimensions; axis++)
        strides[axis] = stride;
    return true;
}

int marray_reshape(const struct marray *array, int dimensions, const uint64_t *shape,
                   struct marray **view)
{
    const char *path = MARRAY_PATH(array);
    uint64_t wanted[MARRAY_MAX_DIMENSIONS];
    int64_t strides[MARRAY_MAX_DIMENSIONS];
    if (dimensions < 0 || dimensions > MARRAY_MAX_DIMENSIONS || (dimensions > 0 && !shape))
        return marray_fail(array->message, -EINVAL, "'%s': %d axes, at most %d are possible", path,
                           dimensions, MARRAY_MAX_DIMENSIONS);
    size_t axes = (size_t)dimensions;
    if (dimensions > 0)
        memcpy(wanted, shape, axes * sizeof(wanted[0]));
    int status = complete_shape(array, dimensions, wanted);
    if (status)
        return status;
    if (dimensions == array->dimensions && !memcmp(wanted, array->shape, axes * sizeof(wanted[0])))
        memcpy(strides, array->strides, axes * sizeof(strides[0]));
    else if (marray_is_contiguous(array, MARRAY_ORDER_C))
        marray_layout_strides(wanted, dimensions, array->dtype.item_bytes, MARRAY_ORDER_C, strides);
    else if (!find_strides(array, dimensions, wanted, strides))
        return marray_fail(array->message, -EINVAL,
                           "'%s': this shape needs a copy of the elements: marray_read() makes one",
                           path);
    struct marray *made = NULL;
    status = marray_view_new(array, &array->dtype, dimensions, &made);
    if (status)
        return status;
    memcpy(made->shape, wanted, axes * sizeof(wanted[0]));
    memcpy(made->strides, strides, axes * sizeof(strides[0]));
    marray_array_place(made, array->offset_bytes);
    *view = made;
    return 0;
}

int marray_field(const struct marray *array, const char *name, struct marray **view)
{
    const char *path = MARRAY_PATH(array);
    const struct marray_record_field *field = marray_dtype_field(&array->dtype, name);
    if (!field)
        return marray_fail(array->message, -EINVAL, "'%.200s': no field '%.100s' in %.100s", path,
                           name, marray_dtype_descr(&array->dtype));
    if (field->dtype.item_bytes == 0)
        return marray_fail(array->message, -EINVAL, "'%s': field '%.100s' has no bytes", path,
                           name);
    int dimensions = array->dimensions + field->dimensions;
    if (dimensions > MARRAY_MAX_DIMENSIONS)
        return marray_fail(array->message, -EINVAL, "'%s': field '%.100s' would have %d axes", path,
                           name, dimensions);
    struct marray *made = NULL;
    int status = marray_view_new(array, &field->dtype, dimensions, &made);
    if (status)
        return status;
    size_t axes = (size_t)array->dimensions;
    memcpy(made->shape, array->shape, axes * sizeof(made->shape[0]));
    memcpy(made->strides, array->strides, axes * sizeof(made->strides[0]));
    for (int axis = 0; axis < field->dimensions; axis++)
        made->shape[axes + (size_t)axis] = field->shape[axis];
    marray_layout_strides(made->shape + axes, field->dimensions, field->dtype.item_bytes,
                          MARRAY_ORDER_C, made->strides + axes);
    marray_array_place(made, array->offset_bytes + field->offset_bytes);
    *view = made;
    return 0;
}

/* The length and stride of the last axis for items of another size. */
static int part_anew(const struct marray *array, const struct marray_dtype *dtype, uint64_t *length,
                     int64_t *stride)
{
    const char *path = MARRAY_PATH(array);
    uint64_t old_bytes = array->dtype.item_bytes;
    uint64_t new_bytes = dtype->item_bytes;
    if (array->dimensions == 0)
        return marray_fail(array->message, -EINVAL,
                           "'%s': an array without axes has no room for another item size", path);
    int last = array->dimensions - 1;
    if (array->shape[last] != 1 && array->length > 0 && array->strides[last] != (int64_t)old_bytes)
        return marray_fail(array->message, -EINVAL,
                           "'%s': another item size needs a last axis without gaps", path);
    uint64_t parted_bytes = new_bytes < old_bytes ? old_bytes : array->shape[last] * old_bytes;
    if (parted_bytes % new_bytes)
        return marray_fail(array->message, -EINVAL,
                           "'%s': items of %" PRIu64 " bytes do not part %" PRIu64 " bytes", path,
                           new_bytes, parted_bytes);
    *length = array->shape[last] * old_bytes / new_bytes;
    *stride = (int64_t)new_bytes;
    return 0;
}

int marray_view_as(const struct marray *array, const char *dtype, struct marray **view)
{
    struct marray_dtype parsed;
    uint64_t last_length = 0;
    int64_t last_stride = 0;
    struct marray *made = NULL;
    int status = marray_dtype_parse(dtype, &parsed, array->message);
    if (status)
        return status;
    bool is_resized = parsed.item_bytes != array->dtype.item_bytes;
    if (is_resized)
        status = part_anew(array, &parsed, &last_length, &last_stride);
    if (!status)
        status = marray_view_new(array, &parsed, array->dimensions, &made);
    marray_dtype_release(&parsed);
    if (status)
        return status;
    size_t axes = (size_t)array->dimensions;
    memcpy(made->shape, array->shape, axes * sizeof(made->shape[0]));
    memcpy(made->strides, array->strides, axes * sizeof(made->strides[0]));
    if (is_resized) {
        made->shape[axes - 1] = last_length;
        made->strides[axes - 1] = last_stride;
    }
    marray_array_place(made, array->offset_bytes);
    *view = made;
    return 0;
}
