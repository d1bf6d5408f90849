/* The one line that an array keeps of its last failure. */
#ifndef MARRAY_MESSAGE_H
#define MARRAY_MESSAGE_H

#include "mapping/marray.h"

/* Writes the line, control characters replaced by '?', and returns code. message may be NULL. */
int marray_fail(struct marray_message *message, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The system's words for a negative errno: "No space left on device". */
const char *marray_reason(int code);

#endif
