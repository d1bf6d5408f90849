/* Writing the one-line messages. */
#include "mapping/message.h"

#include <stdarg.h>
#include <stdio.h>

#include "mapping/os.h"

int marray_fail(struct marray_message *message, int code, const char *format, ...)
{
    if (!message)
        return code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message->text, sizeof(message->text), format, arguments);
    va_end(arguments);
    /* A file name may hold a newline or an escape sequence. */
    for (unsigned char *c = (unsigned char *)message->text; *c; c++) {
        if (*c < 0x20 || *c == 0x7f)
            *c = '?';
    }
    return code;
}

const char *marray_reason(int code)
{
    const char *text = marray_os_error_text(-code);
    return text ? text : "unknown error";
}
