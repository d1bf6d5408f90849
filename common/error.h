/* The message that travels up with a negative errno: what was wrong, where, and the remedy. */
#ifndef MM_COMMON_ERROR_H
#define MM_COMMON_ERROR_H

#include <stdarg.h>

#include "common/public.h"

#define MM_ERROR_TEXT_BYTES 1024

/*
 * Plain data, owned by the caller. Functions that take one write it only when they fail; NULL is
 * accepted everywhere and means that the caller wants the code alone. Printed once, where the
 * failure becomes final.
 */
struct mm_error {
    int code;                       /* negative errno, 0 while nothing has failed */
    char text[MM_ERROR_TEXT_BYTES]; /* one line without a newline; cut, never overrun */
};

/* Stores code (negative errno) and the formatted line in error; returns code. Newlines and other
 * control characters that came in with names from outside are replaced by '?'. */
MM_PUBLIC int mm_error_set(struct mm_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "<formatted text>: " before the text that is already there, where a caller knows more. */
MM_PUBLIC void mm_error_prefix(struct mm_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
