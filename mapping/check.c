/* What the way an array was opened allows. */
#include <errno.h>

#include "mapping/array.h"
#include "mapping/message.h"

int marray_check_writable(const struct marray *array)
{
    if (array->map->mode != MARRAY_READ)
        return 0;
    return marray_fail(array->message, -EACCES, "'%s' is open for reading only",
                       MARRAY_PATH(array));
}

int marray_check_inherited(const struct marray *array)
{
    if (marray_map_is_here(array->map))
        return 0;
    return marray_fail(array->message, -EPERM,
                       "'%s' was opened with MARRAY_NO_FORK, a child has no map of it: open it "
                       "again",
                       MARRAY_PATH(array));
}

int marray_check_descriptor(const struct marray *array, const char *what)
{
    if (array->map->descriptor >= 0)
        return 0;
    if (array->map->is_anonymous)
        return marray_fail(array->message, -EBADF, "'%s': %s needs a file: use marray_open_memfd()",
                           MARRAY_PATH(array), what);
    return marray_fail(array->message, -EBADF,
                       "'%s': %s needs the descriptor: open it without MARRAY_CLOSE_DESCRIPTOR",
                       MARRAY_PATH(array), what);
}
