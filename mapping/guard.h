/* Touching mapped memory so that a bus error becomes an error code. */
#ifndef MARRAY_GUARD_H
#define MARRAY_GUARD_H

#include "mapping/array.h"

/*
 * Runs call(context), which touches elements of array, and returns what it returns. A page that
 * cannot be had ends the call where it stands and gives -EFAULT (the file was cut), -ENOSPC,
 * -EDQUOT, -EIO ..., with the array's message; -EPERM in a child that did not inherit the map.
 *
 * A jump leaves the call: it takes no lock, allocates nothing that it must free, and whatever it
 * has to tell stands behind context. One sigsetjmp a call and nothing an element. Calls may be
 * nested, for two maps marray_guard_both() does it.
 *
 * marray_guard_bulk() also asks the file for its length afterwards (one system call), since the
 * last page of a file that was cut still gives zeros and swallows stores behind the new end.
 * marray_guard_element() does not: it is for calls that a system call would make many times slower.
 */
int marray_guard_bulk(const struct marray *array, marray_guarded_call *call, void *context);
int marray_guard_element(const struct marray *array, marray_guarded_call *call, void *context);

/* -EFAULT with message when the file does not reach to array's last element any more. */
int marray_guard_check_end(const struct marray *array);

/* As marray_guard_bulk(), for a call that touches elements of two arrays; failures of either are
 * told in both messages. */
int marray_guard_both(const struct marray *array, const struct marray *other,
                      marray_guarded_call *call, void *context);

#endif
