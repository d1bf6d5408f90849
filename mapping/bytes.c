/* An array without gaps as a run of bytes: what Python's mmap objects can do. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "mapping/array.h"
#include "mapping/guard.h"
#include "mapping/message.h"

static int check_bytes(const struct marray *array)
{
    if (marray_is_contiguous(array, MARRAY_ORDER_C) || marray_is_contiguous(array, MARRAY_ORDER_F))
        return 0;
    return marray_fail(array->message, -EINVAL, "'%s': byte operations need a view without gaps",
                       MARRAY_PATH(array));
}

static int check_stores(const struct marray *array)
{
    if (array->map->mode != MARRAY_READ)
        return check_bytes(array);
    return marray_fail(array->message, -EACCES, "'%s' is open for reading only",
                       MARRAY_PATH(array));
}

static int check_range(const struct marray *array, uint64_t start, uint64_t count)
{
    uint64_t size_bytes = marray_size_bytes(array);
    if (start <= size_bytes && count <= size_bytes - start)
        return 0;
    return marray_fail(array->message, -ERANGE,
                       "'%s': %" PRIu64 " bytes from %" PRIu64 " in an array of %" PRIu64,
                       MARRAY_PATH(array), count, start, size_bytes);
}

/* ---- Finding ---- */

struct search {
    const unsigned char *start, *end; /* of the bytes to look at */
    const unsigned char *needle;
    size_t needle_bytes;
    bool last;
    const unsigned char *found;
};

static const unsigned char *find_last(const struct search *search)
{
    /* Where the first byte of the needle may stand. */
    size_t room = (size_t)(search->end - search->start) - search->needle_bytes + 1;
    while (room > 0) {
        const unsigned char *candidate =
            marray_os_find_last(search->start, search->needle[0], room);
        if (!candidate || !memcmp(candidate, search->needle, search->needle_bytes))
            return candidate;
        room = (size_t)(candidate - search->start);
    }
    return NULL;
}

/* Guarded. */
static int run_search(void *context)
{
    struct search *search = context;
    if (search->last)
        search->found = find_last(search);
    else
        search->found = marray_os_find(search->start, (size_t)(search->end - search->start),
                                       search->needle, search->needle_bytes);
    return 0;
}

/* A bound of Python's slices; beyond the end it stays there, to be told from the end. */
static int64_t bound_of(int64_t bound, int64_t omitted, int64_t size)
{
    if (bound == MARRAY_NONE)
        return omitted;
    if (bound >= 0)
        return bound;
    return bound + size < 0 ? 0 : bound + size;
}

static int find(const struct marray *array, const void *needle, size_t needle_bytes, int64_t start,
                int64_t stop, bool last, int64_t *position)
{
    int status = check_bytes(array);
    if (status)
        return status;
    int64_t size = (int64_t)marray_size_bytes(array);
    start = bound_of(start, 0, size);
    stop = bound_of(stop, size, size);
    if (stop > size)
        stop = size;
    if (start > stop || needle_bytes > (uint64_t)(stop - start)) {
        *position = -1;
        return 0;
    }
    if (needle_bytes == 0) {
        *position = last ? stop : start;
        return 0;
    }
    const unsigned char *bytes = array->data;
    struct search search = {bytes + start, bytes + stop, needle, needle_bytes, last, NULL};
    status = marray_guard_bulk(array, run_search, &search);
    if (!status)
        *position = search.found ? search.found - bytes : -1;
    return status;
}

int marray_find(const struct marray *array, const void *needle, size_t needle_bytes, int64_t start,
                int64_t stop, int64_t *position)
{
    return find(array, needle, needle_bytes, start, stop, false, position);
}

int marray_rfind(const struct marray *array, const void *needle, size_t needle_bytes, int64_t start,
                 int64_t stop, int64_t *position)
{
    return find(array, needle, needle_bytes, start, stop, true, position);
}

/* ---- Moving ---- */

struct moving {
    unsigned char *target;
    const unsigned char *source;
    uint64_t count;
};

/* Guarded. */
static int run_moving(void *context)
{
    const struct moving *moving = context;
    memmove(moving->target, moving->source, (size_t)moving->count);
    return 0;
}

static int move(const struct marray *array, unsigned char *target, const unsigned char *source,
                uint64_t count)
{
    struct moving moving = {target, source, count};
    return marray_guard_bulk(array, run_moving, &moving);
}

int marray_move(struct marray *array, uint64_t target, uint64_t source, uint64_t count)
{
    int status = check_stores(array);
    if (!status)
        status = check_range(array, source, count);
    if (!status)
        status = check_range(array, target, count);
    if (status || count == 0)
        return status;
    return move(array, array->data + target, array->data + source, count);
}

int marray_read_at(const struct marray *array, uint64_t start, void *buffer, size_t size,
                   size_t *count)
{
    int status = check_bytes(array);
    if (!status)
        status = check_range(array, start, 0);
    if (status)
        return status;
    uint64_t left = marray_size_bytes(array) - start;
    size_t part = size < left ? size : (size_t)left;
    status = part > 0 ? move(array, buffer, array->data + start, part) : 0;
    if (!status)
        *count = part;
    return status;
}

int marray_write_at(struct marray *array, uint64_t start, const void *buffer, size_t size)
{
    int status = check_stores(array);
    if (!status)
        status = check_range(array, start, size);
    if (status || size == 0)
        return status;
    return move(array, array->data + start, buffer, size);
}
