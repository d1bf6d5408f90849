/* Writing one-line error messages. */
#include "common/error.h"

#include <stdio.h>
#include <string.h>

/* Keeps the promise of one line even when a file name holds a newline or an escape sequence. */
static void replace_control_characters(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++) {
        if (*c < 0x20 || *c == 0x7f)
            *c = '?';
    }
}

int mm_error_set(struct mm_error *error, int code, const char *format, ...)
{
    if (!error)
        return code;
    va_list arguments;
    va_start(arguments, format);
    error->code = code;
    vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
    replace_control_characters(error->text);
    return code;
}

void mm_error_prefix(struct mm_error *error, const char *format, ...)
{
    if (!error)
        return;
    char text[MM_ERROR_TEXT_BYTES];
    char prefix[MM_ERROR_TEXT_BYTES / 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(prefix, sizeof(prefix), format, arguments);
    va_end(arguments);
    memcpy(text, error->text, sizeof(text));
    /* The prefix is at most half of the text, so what is cut is the end of the older part. */
    int written = snprintf(error->text, sizeof(error->text), "%s: ", prefix);
    size_t used = written > 0 ? (size_t)written : 0;
    size_t room = sizeof(error->text) - used - 1;
    size_t kept = strnlen(text, sizeof(text) - 1);
    if (kept > room)
        kept = room;
    memcpy(error->text + used, text, kept);
    error->text[used + kept] = '\0';
    replace_control_characters(error->text);
}
