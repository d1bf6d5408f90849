/* Text from outside, made harmless for each language that we write. */
#include "analysis/report/escape.h"

#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT_CHARACTER "\xef\xbf\xbd"
#define ELLIPSIS              "\xe2\x80\xa6"

static bool is_control(unsigned char byte)
{
    return byte < 0x20 || byte == 0x7f;
}

/* U+FFFE and U+FFFF, which XML 1.0 cannot hold. */
static bool is_noncharacter(const char *at)
{
    return at[0] == '\xef' && at[1] == '\xbf' && (at[2] == '\xbe' || at[2] == '\xbf');
}

void mm_escape_markup(FILE *stream, const char *text)
{
    for (const char *at = text ? text : ""; *at; at++) {
        switch (*at) {
        case '&':
            fputs("&amp;", stream);
            break;
        case '<':
            fputs("&lt;", stream);
            break;
        case '>':
            fputs("&gt;", stream);
            break;
        case '"':
            fputs("&quot;", stream);
            break;
        case '\'':
            fputs("&#39;", stream);
            break;
        case '\n':
        case '\t':
            fputc(' ', stream);
            break;
        default:
            if (is_control((unsigned char)*at)) {
                fputs(REPLACEMENT_CHARACTER, stream);
            } else if (is_noncharacter(at)) {
                fputs(REPLACEMENT_CHARACTER, stream);
                at += 2;
            } else {
                fputc(*at, stream);
            }
        }
    }
}

void mm_escape_markdown(FILE *stream, const char *text)
{
    for (const char *at = text ? text : ""; *at; at++) {
        if (*at == '<') {
            fputs("&lt;", stream);
        } else if (*at == '>') {
            fputs("&gt;", stream);
        } else if (*at == '&') {
            fputs("&amp;", stream);
        } else if (is_control((unsigned char)*at)) {
            fputc(' ', stream);
        } else {
            if (strchr("\\`*_{}[]()#+!|~$", *at)) {
                fputc('\\', stream);
            }
            fputc(*at, stream);
        }
    }
}

void mm_escape_gnuplot(FILE *stream, const char *text)
{
    bool after_octal = false;
    fputc('"', stream);
    for (const char *at = text ? text : ""; *at; at++) {
        unsigned char byte = is_control((unsigned char)*at) ? ' ' : (unsigned char)*at;
        bool is_plain = byte >= 0x80 || isalpha(byte) || strchr(" _./:,=+-", byte);
        /* gnuplot reads octal digits on beyond the third. */
        if (is_plain || (isdigit(byte) && !after_octal)) {
            fputc(byte, stream);
            after_octal = false;
        } else {
            fprintf(stream, "\\%03o", byte);
            after_octal = true;
        }
    }
    fputc('"', stream);
}

void mm_escape_gnuplot_field(FILE *stream, const char *text)
{
    fputc('"', stream);
    for (const char *at = text ? text : ""; *at; at++) {
        if (is_control((unsigned char)*at)) {
            fputc(' ', stream);
        } else {
            fputc(*at == '"' ? '\'' : *at, stream);
        }
    }
    fputc('"', stream);
}

void mm_escape_terminal(FILE *stream, const char *text)
{
    for (const char *at = text ? text : ""; *at; at++) {
        /* U+0080 to U+009F are C2 80 to C2 9F in UTF-8. */
        bool is_c1 = at[0] == '\xc2' && (unsigned char)at[1] >= 0x80 && (unsigned char)at[1] < 0xa0;
        if (is_c1) {
            at++;
        }
        fputc(is_c1 || is_control((unsigned char)*at) ? '?' : *at, stream);
    }
}

static bool starts_character(char byte)
{
    return ((unsigned char)byte & 0xc0) != 0x80;
}

size_t mm_escape_length(const char *text)
{
    size_t length = 0;
    for (const char *at = text; *at; at++) {
        length += starts_character(*at);
    }
    return length;
}

/* Where the n-th character of text starts. */
static const char *character_at(const char *text, size_t n)
{
    const char *at = text;
    while (*at) {
        if (starts_character(*at)) {
            if (n == 0) {
                break;
            }
            n--;
        }
        at++;
    }
    return at;
}

char *mm_escape_shorten(const char *text, size_t limit)
{
    assert(limit >= 3);
    size_t length = mm_escape_length(text);
    if (length <= limit) {
        return strdup(text);
    }
    size_t tail = (limit - 1) / 3;
    size_t head = limit - 1 - tail;
    const char *head_end = character_at(text, head);
    const char *tail_start = character_at(text, length - tail);
    size_t head_bytes = (size_t)(head_end - text);
    size_t tail_bytes = strlen(tail_start);
    char *shortened = malloc(head_bytes + strlen(ELLIPSIS) + tail_bytes + 1);
    if (!shortened) {
        return NULL;
    }
    memcpy(shortened, text, head_bytes);
    memcpy(shortened + head_bytes, ELLIPSIS, strlen(ELLIPSIS));
    memcpy(shortened + head_bytes + strlen(ELLIPSIS), tail_start, tail_bytes + 1);
    return shortened;
}
