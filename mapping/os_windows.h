/* What the files behind os.h share on Windows. */
#ifndef MARRAY_OS_WINDOWS_H
#define MARRAY_OS_WINDOWS_H

#include <stdint.h>
#include <windows.h>

/* Handles of the kernel have 32 significant bits, sign-extended ("Interprocess Communication
 * Between 32-bit and 64-bit Applications"): they fit os.h's descriptors, INVALID_HANDLE_VALUE as
 * -1, without the C run-time's table and its limit of a few thousand files. */
static inline HANDLE marray_windows_handle(int descriptor)
{
    return (HANDLE)(intptr_t)descriptor;
}

/* A negative errno for what GetLastError() gave. */
int marray_windows_status(DWORD error);

/* What is told of the locks of a descriptor that is about to be closed; they end with it. */
void marray_windows_forget_locks(int descriptor);

#endif
