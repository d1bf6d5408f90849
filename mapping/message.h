/* The one line that an array keeps of its last failure. */
#ifndef MARRAY_MESSAGE_H
#define MARRAY_MESSAGE_H

#include <stdio.h>

#include "mapping/marray.h"

/* mingw-w64 has two families of printf, and tells which one is in use. */
#ifdef __MINGW_PRINTF_FORMAT
#define MARRAY_PRINTF __MINGW_PRINTF_FORMAT
#else
#define MARRAY_PRINTF printf
#endif

/* Writes the line, control characters replaced by '?', and returns code. message may be NULL. */
int marray_fail(struct marray_message *message, int code, const char *format, ...)
    __attribute__((format(MARRAY_PRINTF, 3, 4)));

/* The system's words for a negative errno: "No space left on device". */
const char *marray_reason(int code);

#endif
