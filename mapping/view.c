/* Asking arrays what they are, and making views of them. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/array.h"
#include "mapping/message.h"

const char *marray_message(const struct marray *array)
{
    return array->message->text;
}

const char *marray_path(const struct marray *array)
{
    return array->map->path;
}

enum marray_mode marray_mode(const struct marray *array)
{
    return array->map->mode;
}

const char *marray_dtype(const struct marray *array)
{
    return marray_dtype_descr(&array->dtype);
}

size_t marray_item_bytes(const struct marray *array)
{
    return array->dtype.item_bytes;
}

int marray_dimensions(const struct marray *array)
{
    return array->dimensions;
}

const uint64_t *marray_shape(const struct marray *array)
{
    return array->shape;
}

const int64_t *marray_strides(const struct marray *array)
{
    return array->strides;
}

uint64_t marray_length(const struct marray *array)
{
    return array->length;
}

uint64_t marray_size_bytes(const struct marray *array)
{
    return array->length * array->dtype.item_bytes;
}

uint64_t marray_offset_bytes(const struct marray *array)
{
    return array->offset_bytes;
}

bool marray_is_contiguous(const struct marray *array, enum marray_order order)
{
    return marray_layout_is_contiguous(array->shape, array->strides, array->dimensions,
                                       array->dtype.item_bytes, order);
}

void *marray_data(const struct marray *array)
{
    return marray_map_is_here(array->map) ? array->data : NULL;
}

int marray_descriptor(const struct marray *array)
{
    return array->map->descriptor;
}

int marray_accessor_check(const struct marray *array, const char *native_dtype, int dimensions,
                          bool writable)
{
    const char *path = MARRAY_PATH(array);
    /* Past the byte order: the names of the accessors are the rest of the descr. */
    const char *descr = marray_dtype_descr(&array->dtype);
    if (strcmp(native_dtype, descr + 1) || array->dtype.swapped)
        return marray_fail(array->message, -EINVAL,
                           "'%s': an accessor of %s in the machine's byte order for elements of "
                           "%.200s: use marray_read()",
                           path, native_dtype, descr);
    if (dimensions != array->dimensions)
        return marray_fail(array->message, -EINVAL,
                           "'%s': an accessor of %d axes for a view of %d: slice it first", path,
                           dimensions, array->dimensions);
    int status = writable ? marray_check_writable(array) : 0;
    return status ? status : marray_check_inherited(array);
}

int marray_vector_check(const struct marray *array, const char *native_dtype, bool writable)
{
    int status = marray_accessor_check(array, native_dtype, 1, writable);
    if (!status && !marray_is_contiguous(array, MARRAY_ORDER_C))
        status = marray_fail(array->message, -EINVAL,
                             "'%s': a vector accessor for a stride of %" PRId64
                             " bytes: use the strided one",
                             MARRAY_PATH(array), array->strides[0]);
    return status;
}

/* A view in the making: what the parts of a subscript have come to so far. */
struct subscript {
    const struct marray *array;
    int axis;       /* the next of the array */
    int dimensions; /* of the view so far */
    uint64_t shape[MARRAY_MAX_DIMENSIONS];
    int64_t strides[MARRAY_MAX_DIMENSIONS];
    int64_t moved_bytes; /* of the first element */
};

static int add_axis(struct subscript *subscript, uint64_t length, int64_t stride)
{
    if (subscript->dimensions == MARRAY_MAX_DIMENSIONS)
        return marray_fail(subscript->array->message, -EINVAL,
                           "'%s': a view of more than %d dimensions", MARRAY_PATH(subscript->array),
                           MARRAY_MAX_DIMENSIONS);
    subscript->shape[subscript->dimensions] = length;
    subscript->strides[subscript->dimensions++] = stride;
    return 0;
}

/* Python's rule for one end of a range: negative counts from the end, then clamp. */
static int64_t clamp_end(int64_t end, int64_t length, int64_t lowest, int64_t highest)
{
    if (end < 0)
        end += length;
    if (end < lowest)
        return lowest;
    return end > highest ? highest : end;
}

static int take_range(struct subscript *subscript, const struct marray_slice *slice)
{
    const struct marray *array = subscript->array;
    int64_t length = (int64_t)array->shape[subscript->axis];
    int64_t stride = array->strides[subscript->axis];
    if (slice->step == 0)
        return marray_fail(array->message, -EINVAL, "'%s': axis %d: a step of 0",
                           MARRAY_PATH(array), subscript->axis);
    subscript->axis++;
    /* INT64_MIN has no opposite; one less is as far beyond any axis. */
    int64_t step = slice->step == INT64_MIN ? -INT64_MAX : slice->step;
    int64_t lowest = step > 0 ? 0 : -1;
    int64_t highest = step > 0 ? length : length - 1;
    int64_t start = step > 0 ? lowest : highest;
    int64_t stop = step > 0 ? highest : lowest;
    if (slice->start != MARRAY_NONE)
        start = clamp_end(slice->start, length, lowest, highest);
    if (slice->stop != MARRAY_NONE)
        stop = clamp_end(slice->stop, length, lowest, highest);
    uint64_t count = 0;
    if (step > 0 && start < stop)
        count = (uint64_t)(stop - start - 1) / (uint64_t)step + 1;
    if (step < 0 && start > stop)
        count = (uint64_t)(start - stop - 1) / (uint64_t)-step + 1;
    if (count > 0)
        subscript->moved_bytes += start * stride;
    /* Only an axis of at most one element can have a step that does not fit; its stride is moot. */
    int64_t new_stride;
    if (__builtin_mul_overflow(stride, step, &new_stride))
        new_stride = stride;
    return add_axis(subscript, count, new_stride);
}

static int take_index(struct subscript *subscript, const struct marray_slice *slice)
{
    const struct marray *array = subscript->array;
    int64_t length = (int64_t)array->shape[subscript->axis];
    int64_t index = slice->start;
    if (index < -length || index >= length)
        return marray_fail(array->message, -ERANGE,
                           "'%s': index %" PRId64 " on axis %d of length %" PRId64,
                           MARRAY_PATH(array), index, subscript->axis, length);
    if (index < 0)
        index += length;
    subscript->moved_bytes += index * array->strides[subscript->axis++];
    return 0;
}

/* Axes that no part names, taken whole. */
static int take_all(struct subscript *subscript, int count)
{
    int status = 0;
    for (; count > 0 && !status; count--) {
        status = add_axis(subscript, subscript->array->shape[subscript->axis],
                          subscript->array->strides[subscript->axis]);
        subscript->axis++;
    }
    return status;
}

/* How many axes the parts name; at most one ellipsis, and no more than there are. */
static int count_axes(const struct marray *array, const struct marray_slice *slices, size_t count,
                      int *named_axes)
{
    size_t ellipses = 0;
    size_t named = 0;
    for (size_t i = 0; i < count; i++) {
        if ((unsigned)slices[i].kind > MARRAY_SLICE_ELLIPSIS)
            return marray_fail(array->message, -EINVAL, "'%s': part %zu of the slice is of no kind",
                               MARRAY_PATH(array), i);
        ellipses += slices[i].kind == MARRAY_SLICE_ELLIPSIS;
        named += slices[i].kind == MARRAY_SLICE_RANGE || slices[i].kind == MARRAY_SLICE_INDEX;
    }
    if (ellipses > 1)
        return marray_fail(array->message, -EINVAL, "'%s': more than one ellipsis in a slice",
                           MARRAY_PATH(array));
    if (named > (size_t)array->dimensions)
        return marray_fail(array->message, -EINVAL, "'%s': a slice of %zu axes for %d dimensions",
                           MARRAY_PATH(array), named, array->dimensions);
    *named_axes = (int)named;
    return 0;
}

static int take_part(struct subscript *subscript, const struct marray_slice *slice, int unnamed)
{
    switch (slice->kind) {
    case MARRAY_SLICE_RANGE:
        return take_range(subscript, slice);
    case MARRAY_SLICE_INDEX:
        return take_index(subscript, slice);
    case MARRAY_SLICE_NEW_AXIS:
        return add_axis(subscript, 1, 0);
    case MARRAY_SLICE_ELLIPSIS:
        return take_all(subscript, unnamed);
    }
    return -EINVAL;
}

int marray_slice(const struct marray *array, const struct marray_slice *slices, size_t count,
                 struct marray **view)
{
    struct subscript subscript = {.array = array};
    int named = 0;
    int status = count_axes(array, slices, count, &named);
    for (size_t i = 0; i < count && !status; i++)
        status = take_part(&subscript, &slices[i], array->dimensions - named);
    if (!status)
        status = take_all(&subscript, array->dimensions - subscript.axis);
    struct marray *made = NULL;
    if (!status)
        status = marray_view_new(array, &array->dtype, subscript.dimensions, &made);
    if (status)
        return status;
    size_t axes = (size_t)subscript.dimensions;
    memcpy(made->shape, subscript.shape, axes * sizeof(made->shape[0]));
    memcpy(made->strides, subscript.strides, axes * sizeof(made->strides[0]));
    marray_array_place(made, array->offset_bytes + (uint64_t)subscript.moved_bytes);
    *view = made;
    return 0;
}

int marray_transpose(const struct marray *array, const int *axes, struct marray **view)
{
    int dimensions = array->dimensions;
    int order[MARRAY_MAX_DIMENSIONS];
    bool seen[MARRAY_MAX_DIMENSIONS] = {false};
    for (int i = 0; i < dimensions; i++) {
        order[i] = axes ? axes[i] : dimensions - 1 - i;
        if (order[i] < 0 || order[i] >= dimensions || seen[order[i]])
            return marray_fail(array->message, -EINVAL,
                               "'%s': the axes are not a permutation of 0 to %d",
                               MARRAY_PATH(array), dimensions - 1);
        seen[order[i]] = true;
    }
    struct marray *made = NULL;
    int status = marray_view_new(array, &array->dtype, dimensions, &made);
    if (status)
        return status;
    for (int i = 0; i < dimensions; i++) {
        made->shape[i] = array->shape[order[i]];
        made->strides[i] = array->strides[order[i]];
    }
    marray_array_place(made, array->offset_bytes);
    *view = made;
    return 0;
}
