/* Bus errors as error codes: what the fault was, and files whose end was cut within a page. */
#include "mapping/guard.h"

#include <errno.h>
#include <inttypes.h>

#include "mapping/message.h"

static int fail_truncated(const struct marray *array, uint64_t size_bytes)
{
    return marray_fail(array->message, -EFAULT,
                       "'%s' was cut to %" PRIu64 " bytes under its map: open it again",
                       MARRAY_PATH(array), size_bytes);
}

/* offset: of the byte in the file that could not be had. */
static int fail_fault(const struct marray *array, uint64_t offset)
{
    const struct marray_map *map = array->map;
    bool writable = map->mode == MARRAY_READ_WRITE || map->mode == MARRAY_CREATE;
    uint64_t size_bytes;
    int status = marray_os_explain_fault(map->descriptor, offset, writable, &size_bytes);
    switch (status) {
    case -ENODATA:
        return fail_truncated(array, size_bytes);
    case -EFAULT:
        return marray_fail(array->message, -EFAULT,
                           "'%s': the page at byte %" PRIu64 " of the file could not be had, for a "
                           "reason that has passed or is not told",
                           MARRAY_PATH(array), offset);
    case -ENOSPC:
    case -EDQUOT:
        return marray_fail(array->message, status,
                           "'%s': no block for the page at byte %" PRIu64
                           " of the file: %s; make room, or create files without sparse",
                           MARRAY_PATH(array), offset, marray_reason(status));
    default:
        return marray_fail(array->message, status,
                           "'%s': the page at byte %" PRIu64 " of the file could not be had: %s",
                           MARRAY_PATH(array), offset, marray_reason(status));
    }
}

/* Where the array's last element ends in the file. */
static uint64_t end_of(const struct marray *array)
{
    struct marray_loops loops;
    uint64_t start;
    marray_array_by_address(array, &loops, &start);
    return array->map->file_offset + start +
           marray_loops_span_bytes(&loops, array->dtype.item_bytes);
}

int marray_guard_check_end(const struct marray *array)
{
    const struct marray_map *map = array->map;
    struct marray_os_status file;
    if (array->length == 0 || map->descriptor < 0 || marray_os_inspect(map->descriptor, &file))
        return 0;
    if (file.size_bytes >= map->file_offset + map->size_bytes || file.size_bytes >= end_of(array))
        return 0;
    return fail_truncated(array, file.size_bytes);
}

int marray_guard_element(const struct marray *array, marray_guarded_call *call, void *context)
{
    const struct marray_map *map = array->map;
    uint64_t fault = 0;
    bool faulted = false;
    int status = marray_check_inherited(array);
    if (status)
        return status;
    status = marray_os_guard(map->base, map->size_bytes, call, context, &faulted, &fault);
    return faulted ? fail_fault(array, map->file_offset + fault) : status;
}

int marray_guard_bulk(const struct marray *array, marray_guarded_call *call, void *context)
{
    int status = marray_guard_element(array, call, context);
    /* Asked after the touches: whoever cuts the file later did not spoil them. */
    return status ? status : marray_guard_check_end(array);
}

/* The inner of two guards. */
struct both {
    const struct marray *array;
    marray_guarded_call *call;
    void *context;
};

static int call_inner(void *context)
{
    const struct both *both = context;
    return marray_guard_bulk(both->array, both->call, both->context);
}

int marray_guard_both(const struct marray *array, const struct marray *other,
                      marray_guarded_call *call, void *context)
{
    struct both both = {other, call, context};
    array->message->text[0] = '\0';
    other->message->text[0] = '\0';
    int status = marray_guard_bulk(array, call_inner, &both);
    if (status && array->message->text[0] && !other->message->text[0])
        *other->message = *array->message;
    else if (status && other->message->text[0] && !array->message->text[0])
        *array->message = *other->message;
    return status;
}

int marray_guarded(const struct marray *array, marray_guarded_call *call, void *context)
{
    return marray_guard_bulk(array, call, context);
}
