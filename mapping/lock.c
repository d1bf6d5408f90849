/* Locks of views and ranges between opens of one file. */
#include <errno.h>
#include <inttypes.h>

#include "mapping/array.h"
#include "mapping/message.h"

/* The kernel has no wait with a time-out: ask again, ever more rarely. */
#define FIRST_PAUSE_NS   UINT64_C(50000)
#define LONGEST_PAUSE_NS UINT64_C(5000000)

/* Bytes of the file. */
struct extent {
    uint64_t offset;
    uint64_t length;
};

static int check_lock(struct marray *array, enum marray_lock_kind kind)
{
    const struct marray_map *map = array->map;
    if (marray_os_process() != map->process)
        return marray_fail(array->message, -EPERM,
                           "'%s' was opened before fork, its locks are the parent's: open it again",
                           MARRAY_PATH(array));
    int status = marray_check_descriptor(array, "a lock");
    if (status)
        return status;
    if ((unsigned)kind > MARRAY_LOCK_EXCLUSIVE)
        return marray_fail(array->message, -EINVAL, "'%s': lock kind %d is none of the two",
                           MARRAY_PATH(array), (int)kind);
    if (kind == MARRAY_LOCK_EXCLUSIVE && map->mode != MARRAY_READ_WRITE &&
        map->mode != MARRAY_CREATE)
        return marray_fail(array->message, -EBADF, "'%s': an exclusive lock needs mode r+ or w+",
                           MARRAY_PATH(array));
    return 0;
}

static struct extent extent_of_view(const struct marray *array)
{
    struct extent extent = {array->offset_bytes, 0};
    if (array->length > 0) {
        struct marray_loops loops;
        uint64_t start;
        marray_array_by_address(array, &loops, &start);
        extent.offset = array->map->file_offset + start;
        extent.length = marray_loops_span_bytes(&loops, array->dtype.item_bytes);
    }
    return extent;
}

static int extent_of_range(struct marray *array, uint64_t start, uint64_t length,
                           struct extent *extent)
{
    const struct marray_map *map = array->map;
    if (start > map->data_bytes || length > map->data_bytes - start)
        return marray_fail(array->message, -ERANGE,
                           "'%s': a lock of %" PRIu64 " bytes from %" PRIu64
                           " in an array of %" PRIu64,
                           MARRAY_PATH(array), length, start, map->data_bytes);
    extent->offset = map->data_offset + start;
    extent->length = length > 0 ? length : map->data_bytes - start;
    return 0;
}

static int poll_lock(const struct marray_map *map, enum marray_lock_kind kind, struct extent extent,
                     uint64_t timeout_ns)
{
    uint64_t begin_ns = marray_os_now_ns();
    uint64_t pause_ns = FIRST_PAUSE_NS;
    for (;;) {
        int status = marray_os_lock(map->descriptor, kind, extent.offset, extent.length, false);
        if (status != -EAGAIN || timeout_ns == 0)
            return status;
        uint64_t elapsed_ns = marray_os_now_ns() - begin_ns;
        if (elapsed_ns >= timeout_ns)
            return -ETIMEDOUT;
        if (pause_ns > timeout_ns - elapsed_ns)
            pause_ns = timeout_ns - elapsed_ns;
        status = marray_os_sleep_ns(pause_ns);
        if (status)
            return status;
        if (pause_ns < LONGEST_PAUSE_NS)
            pause_ns *= 2;
    }
}

static int lock_extent(struct marray *array, enum marray_lock_kind kind, struct extent extent,
                       uint64_t timeout_ns)
{
    /* To the kernel a length of 0 is everything to come; here it is nothing. */
    if (extent.length == 0)
        return 0;
    int status;
    if (timeout_ns == UINT64_MAX)
        status = marray_os_lock(array->map->descriptor, kind, extent.offset, extent.length, true);
    else
        status = poll_lock(array->map, kind, extent, timeout_ns);
    if (status)
        return marray_fail(array->message, status,
                           "cannot lock %" PRIu64 " bytes of '%s' from %" PRIu64 ": %s",
                           extent.length, MARRAY_PATH(array), extent.offset,
                           status == -EAGAIN ? "another holds them" : marray_reason(status));
    return 0;
}

static int unlock_extent(struct marray *array, struct extent extent)
{
    if (extent.length == 0)
        return 0;
    int status = marray_os_unlock(array->map->descriptor, extent.offset, extent.length);
    if (status)
        return marray_fail(array->message, status, "cannot unlock '%s': %s", MARRAY_PATH(array),
                           marray_reason(status));
    return 0;
}

int marray_lock(struct marray *array, enum marray_lock_kind kind, uint64_t timeout_ns)
{
    int status = check_lock(array, kind);
    return status ? status : lock_extent(array, kind, extent_of_view(array), timeout_ns);
}

int marray_unlock(struct marray *array)
{
    int status = check_lock(array, MARRAY_LOCK_SHARED);
    return status ? status : unlock_extent(array, extent_of_view(array));
}

int marray_lock_range(struct marray *array, uint64_t start, uint64_t length,
                      enum marray_lock_kind kind, uint64_t timeout_ns)
{
    struct extent extent = {0, 0};
    int status = check_lock(array, kind);
    if (!status)
        status = extent_of_range(array, start, length, &extent);
    return status ? status : lock_extent(array, kind, extent, timeout_ns);
}

int marray_unlock_range(struct marray *array, uint64_t start, uint64_t length)
{
    struct extent extent = {0, 0};
    int status = check_lock(array, MARRAY_LOCK_SHARED);
    if (!status)
        status = extent_of_range(array, start, length, &extent);
    return status ? status : unlock_extent(array, extent);
}
