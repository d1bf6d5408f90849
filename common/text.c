/* Nearest names, formatted text and hexadecimal text. */
#include "common/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LIMIT 64

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Optimal string alignment: insert, delete, replace, and swap of neighbours cost one each. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t a_length = strlen(a);
    size_t b_length = strlen(b);
    if (a_length > NAME_LIMIT || b_length > NAME_LIMIT)
        return SIZE_MAX;
    size_t rows[3][NAME_LIMIT + 1];
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *current = rows[i % 3];
        const size_t *previous = rows[(i + 2) % 3];
        const size_t *before = rows[(i + 1) % 3];
        current[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t replaced = previous[j - 1] + (a[i - 1] != b[j - 1]);
            current[j] = smallest(previous[j] + 1, current[j - 1] + 1, replaced);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < current[j])
                current[j] = before[j - 2] + 1;
        }
    }
    return rows[a_length % 3][b_length];
}

const char *mm_text_nearest(const char *wanted, const char *const *candidates, size_t count)
{
    const char *nearest = NULL;
    size_t limit = strlen(wanted) / 3;
    size_t best = (limit ? limit : 1) + 1;
    for (size_t i = 0; i < count; i++) {
        size_t distance = edit_distance(wanted, candidates[i]);
        if (distance < best) {
            best = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}

char *mm_text_suggestion(const char *wanted, const char *const *candidates, size_t count,
                         char *text, size_t size)
{
    const char *nearest = mm_text_nearest(wanted, candidates, count);
    if (nearest)
        snprintf(text, size, ", did you mean '%s'?", nearest);
    else if (size)
        text[0] = '\0';
    return text;
}

char *mm_text_format(const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    return length < 0 ? NULL : text;
}

char *mm_text_write_hex(uint64_t value, char text[MM_TEXT_HEX_BYTES])
{
    snprintf(text, MM_TEXT_HEX_BYTES, "0x%016" PRIx64, value);
    return text;
}

int mm_text_parse_hex(const char *text, uint64_t *value)
{
    if (strlen(text) != MM_TEXT_HEX_BYTES - 1 || text[0] != '0' || text[1] != 'x')
        return -EINVAL;
    if (strspn(text + 2, "0123456789abcdef") != MM_TEXT_HEX_BYTES - 3)
        return -EINVAL;
    *value = strtoull(text + 2, NULL, 16);
    return 0;
}
