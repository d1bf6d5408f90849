/* Text from outside, made harmless for each language that we write. */
#include "analysis/report/escape.h"

#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT_CHARACTER "\xef\xbf\xbd"
#define ELLIPSIS              "\xe2\x80\xa6"

/* How many bytes at `at` are a character that acts instead of showing: the control characters of
 * C0 and C1, and those that turn the direction of text around (U+061C, U+200E, U+200F, U+202A to
 * U+202E, U+2066 to U+2069).
 * 0 for all others. */
static size_t control_length(const char *at)
{
    const unsigned char *byte = (const unsigned char *)at;
    if (byte[0] < 0x20 || byte[0] == 0x7f) {
        return 1;
    }
    if (byte[0] == 0xc2 && byte[1] >= 0x80 && byte[1] < 0xa0) {
        return 2;
    }
    if (byte[0] == 0xd8 && byte[1] == 0x9c) {
        return 2;
    }
    bool turns_around =
        byte[0] == 0xe2 && ((byte[1] == 0x80 && byte[2] >= 0xaa && byte[2] <= 0xae) ||
                            (byte[1] == 0x80 && (byte[2] == 0x8e || byte[2] == 0x8f)) ||
                            (byte[1] == 0x81 && byte[2] >= 0xa6 && byte[2] <= 0xa9));
    return turns_around ? 3 : 0;
}

/* U+FFFE and U+FFFF, which XML 1.0 cannot hold. */
static bool is_noncharacter(const char *at)
{
    return at[0] == '\xef' && at[1] == '\xbf' && (at[2] == '\xbe' || at[2] == '\xbf');
}

/* What HTML and XML have to be told otherwise; NULL for all other characters. */
static const char *entity(char character)
{
    switch (character) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\n':
    case '\t':
        return " ";
    default:
        return NULL;
    }
}

void mm_escape_markup(FILE *stream, const char *text)
{
    for (const char *at = text ? text : ""; *at; at++) {
        size_t control = is_noncharacter(at) ? 3 : control_length(at);
        if (entity(*at)) {
            fputs(entity(*at), stream);
        } else if (control > 0) {
            fputs(REPLACEMENT_CHARACTER, stream);
            at += control - 1;
        } else {
            fputc(*at, stream);
        }
    }
}

void mm_escape_markdown(FILE *stream, const char *text)
{
    for (const char *at = text ? text : ""; *at; at++) {
        size_t control = control_length(at);
        if (control > 0) {
            fputc(' ', stream);
            at += control - 1;
        } else if (*at == '<' || *at == '>' || *at == '&') {
            fputs(entity(*at), stream);
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
        size_t control = control_length(at);
        unsigned char byte = control > 0 ? ' ' : (unsigned char)*at;
        bool is_plain = byte >= 0x80 || isalpha(byte) || strchr(" _./:,=+-", byte);
        /* gnuplot reads octal digits on beyond the third. */
        if (is_plain || (isdigit(byte) && !after_octal)) {
            fputc(byte, stream);
            after_octal = false;
        } else {
            fprintf(stream, "\\%03o", byte);
            after_octal = true;
        }
        at += control > 0 ? control - 1 : 0;
    }
    fputc('"', stream);
}

void mm_escape_gnuplot_field(FILE *stream, const char *text)
{
    fputc('"', stream);
    for (const char *at = text ? text : ""; *at; at++) {
        size_t control = control_length(at);
        if (control > 0) {
            fputc(' ', stream);
            at += control - 1;
        } else {
            fputc(*at == '"' ? '\'' : *at, stream);
        }
    }
    fputc('"', stream);
}

void mm_escape_csv(FILE *stream, const char *text)
{
    fputc('"', stream);
    if (text && *text && strchr("=+-@", *text)) {
        fputc('\'', stream);
    }
    for (const char *at = text ? text : ""; *at; at++) {
        size_t control = control_length(at);
        if (*at == '"') {
            fputc('"', stream);
        }
        fputc(control > 0 ? ' ' : *at, stream);
        at += control > 0 ? control - 1 : 0;
    }
    fputc('"', stream);
}

void mm_escape_terminal(FILE *stream, const char *text)
{
    for (const char *at = text ? text : ""; *at; at++) {
        size_t control = control_length(at);
        fputc(control > 0 ? '?' : *at, stream);
        at += control > 0 ? control - 1 : 0;
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
