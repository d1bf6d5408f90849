/* Reading and writing Python literals. */
#include "mapping/literal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/message.h"

int marray_literal_bad(const struct marray_literal *literal, const char *what)
{
    return marray_fail(literal->message, literal->failure, "%s: %s", literal->subject, what);
}

static int missing(const struct marray_literal *literal, const char *what)
{
    return marray_fail(literal->message, -ENOTSUP, "%s: %s", literal->subject, what);
}

static bool is_at_end(const struct marray_literal *literal)
{
    return literal->at == literal->end;
}

char marray_literal_peek(struct marray_literal *literal)
{
    while (!is_at_end(literal) && *literal->at && strchr(" \t\r\n\f", *literal->at))
        literal->at++;
    return is_at_end(literal) ? '\0' : *literal->at;
}

bool marray_literal_take(struct marray_literal *literal, char c)
{
    if (marray_literal_peek(literal) != c || is_at_end(literal))
        return false;
    literal->at++;
    return true;
}

bool marray_literal_take_word(struct marray_literal *literal, const char *word)
{
    marray_literal_peek(literal);
    size_t length = strlen(word);
    if ((size_t)(literal->end - literal->at) < length || memcmp(literal->at, word, length))
        return false;
    literal->at += length;
    return true;
}

size_t marray_utf8_read(const char *bytes, size_t size, uint32_t *character)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (size == 0)
        return 0;
    unsigned char first = (unsigned char)bytes[0];
    size_t length = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length == 0 || first >= 0xf8 || length > size)
        return 0;
    uint32_t value = length == 1 ? first : first & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        unsigned char next = (unsigned char)bytes[i];
        if ((next & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (next & 0x3f);
    }
    if (value < lowest[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *character = value;
    return length;
}

static char *utf8_write(char *to, uint32_t character)
{
    if (character < 0x80) {
        *to++ = (char)character;
        return to;
    }
    int more = character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
    static const unsigned char marks[] = {0, 0xc0, 0xe0, 0xf0};
    *to++ = (char)(marks[more] | character >> (6 * more));
    for (int i = more - 1; i >= 0; i--)
        *to++ = (char)(0x80 | (character >> (6 * i) & 0x3f));
    return to;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* Digits behind \x, \u, \U (just count of them) or an octal escape (up to count). */
static int read_code(struct marray_literal *literal, int base, int count, uint32_t *character)
{
    int read = 0;
    *character = 0;
    while (read < count && !is_at_end(literal) && digit_of(*literal->at) < base) {
        *character = *character * (uint32_t)base + (uint32_t)digit_of(*literal->at++);
        read++;
    }
    if (base == 16 && read < count)
        return marray_literal_bad(literal, "a cut escape in a string");
    return 0;
}

enum escape { ESCAPE_CHARACTER, ESCAPE_NOTHING, ESCAPE_KEEP_BACKSLASH };

/* What follows a backslash. */
static int read_escape(struct marray_literal *literal, enum escape *kind, uint32_t *character)
{
    static const char letters[] = "\\'\"abfnrtv";
    static const char meanings[] = "\\'\"\a\b\f\n\r\t\v";
    if (is_at_end(literal))
        return marray_literal_bad(literal, "a string does not end");
    char c = *literal->at;
    *kind = ESCAPE_CHARACTER;
    const char *letter = c ? strchr(letters, c) : NULL;
    if (c >= '0' && c <= '7')
        return read_code(literal, 8, 3, character);
    if (c == 'N')
        return missing(literal, "a string with \\N{...}, which is not supported");
    literal->at++;
    if (c == 'x')
        return read_code(literal, 16, 2, character);
    if (c == 'u')
        return read_code(literal, 16, 4, character);
    if (c == 'U')
        return read_code(literal, 16, 8, character);
    if (letter) {
        *character = (uint32_t)meanings[letter - letters];
    } else if (c == '\n') {
        *kind = ESCAPE_NOTHING;
    } else {
        literal->at--;
        *kind = ESCAPE_KEEP_BACKSLASH;
        *character = '\\';
    }
    return 0;
}

static int read_character(struct marray_literal *literal, enum escape *kind, uint32_t *character)
{
    *kind = ESCAPE_CHARACTER;
    unsigned char c = (unsigned char)*literal->at;
    if (c == '\\') {
        literal->at++;
        return read_escape(literal, kind, character);
    }
    if (c == '\n' || c == '\r' || c == '\0')
        return marray_literal_bad(literal, "a string does not end on its line");
    size_t bytes = 1;
    if (literal->latin1)
        *character = c;
    else
        bytes = marray_utf8_read(literal->at, (size_t)(literal->end - literal->at), character);
    if (bytes == 0)
        return marray_literal_bad(literal, "a string is not UTF-8");
    literal->at += bytes;
    return 0;
}

static int read_characters(struct marray_literal *literal, char quote, char *to)
{
    while (!is_at_end(literal) && *literal->at != quote) {
        enum escape kind;
        uint32_t character = 0;
        int status = read_character(literal, &kind, &character);
        if (status)
            return status;
        if (kind == ESCAPE_NOTHING)
            continue;
        if (character > 0x10ffff)
            return marray_literal_bad(literal, "a string with a character beyond Unicode");
        if (character == 0 || (character >= 0xd800 && character <= 0xdfff))
            return missing(literal, "a string with a NUL or a surrogate, which is not supported");
        to = utf8_write(to, character);
    }
    if (is_at_end(literal))
        return marray_literal_bad(literal, "a string does not end");
    literal->at++;
    *to = '\0';
    return 0;
}

int marray_literal_string(struct marray_literal *literal, char **text)
{
    char quote = marray_literal_peek(literal);
    if (quote == 'u' || quote == 'U') {
        literal->at++;
        quote = is_at_end(literal) ? '\0' : *literal->at;
    }
    if (quote != '\'' && quote != '"')
        return marray_literal_bad(literal, "a string is missing");
    literal->at++;
    /* The longest case is a Latin-1 character, which becomes two bytes. */
    const char *close = literal->at;
    while (close < literal->end && *close != quote)
        close += close + 1 < literal->end && *close == '\\' ? 2 : 1;
    char *made = malloc(2 * (size_t)(close - literal->at) + 1);
    if (!made)
        return marray_fail(literal->message, -ENOMEM, "%s: no memory", literal->subject);
    int status = read_characters(literal, quote, made);
    if (status) {
        free(made);
        return status;
    }
    *text = made;
    return 0;
}

int marray_literal_number(struct marray_literal *literal, uint64_t *number)
{
    marray_literal_peek(literal);
    const char *start = literal->at;
    uint64_t value = 0;
    while (!is_at_end(literal) && *literal->at >= '0' && *literal->at <= '9') {
        unsigned digit = (unsigned)(*literal->at++ - '0');
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value) || value > INT64_MAX)
            return marray_fail(literal->message, -EOVERFLOW, "%s: an axis beyond 2^63 - 1",
                               literal->subject);
    }
    if (literal->at == start)
        return marray_literal_bad(literal, "a shape is not a tuple of numbers from 0");
    if (*start == '0' && value != 0)
        return marray_literal_bad(literal, "a number with leading zeros");
    if (literal->long_suffix && !is_at_end(literal) && *literal->at == 'L')
        literal->at++;
    *number = value;
    return 0;
}

int marray_literal_tuple(struct marray_literal *literal, int *dimensions,
                         uint64_t shape[MARRAY_MAX_DIMENSIONS])
{
    if (!marray_literal_take(literal, '('))
        return marray_literal_bad(literal, "a shape is not a tuple");
    int count = 0;
    bool has_comma = false;
    while (!marray_literal_take(literal, ')')) {
        if (count > 0 && !has_comma)
            return marray_literal_bad(literal, "a shape is not a tuple");
        if (count == MARRAY_MAX_DIMENSIONS)
            return marray_literal_bad(literal, "more than 64 dimensions");
        int status = marray_literal_number(literal, &shape[count]);
        if (status)
            return status;
        count++;
        has_comma = marray_literal_take(literal, ',');
    }
    /* To Python (5) is a number and (5,) a tuple. */
    if (count == 1 && !has_comma)
        return marray_literal_bad(literal, "a shape is a number, not a tuple");
    *dimensions = count;
    return 0;
}

static bool make_room(struct marray_text *text, size_t more)
{
    size_t needed = text->length + more + 1;
    if (text->memory_is_short || needed <= text->capacity)
        return !text->memory_is_short;
    size_t capacity = needed * 2;
    char *bytes = realloc(text->bytes, capacity);
    if (!bytes) {
        text->memory_is_short = true;
        return false;
    }
    text->bytes = bytes;
    text->capacity = capacity;
    return true;
}

void marray_text_add(struct marray_text *text, const char *format, ...)
{
    va_list arguments;
    va_list again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length >= 0 && make_room(text, (size_t)length)) {
        vsnprintf(text->bytes + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
    va_end(arguments);
}

/* What str.isprintable() calls not printable in Unicode 14: controls, formats, surrogates, private
 * use, and separators but the space. */
static bool is_printable(uint32_t character)
{
    static const struct {
        uint32_t first, last;
    } hidden[] = {
        {0x0, 0x1f},        {0x7f, 0xa0},       {0xad, 0xad},       {0x600, 0x605},
        {0x61c, 0x61c},     {0x6dd, 0x6dd},     {0x70f, 0x70f},     {0x890, 0x891},
        {0x8e2, 0x8e2},     {0x1680, 0x1680},   {0x180e, 0x180e},   {0x2000, 0x200f},
        {0x2028, 0x202f},   {0x205f, 0x2064},   {0x2066, 0x206f},   {0x3000, 0x3000},
        {0xd800, 0xf8ff},   {0xfeff, 0xfeff},   {0xfff9, 0xfffb},   {0x110bd, 0x110bd},
        {0x110cd, 0x110cd}, {0x13430, 0x13438}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
        {0xe0001, 0xe0001}, {0xe0020, 0xe007f}, {0xf0000, 0xffffd}, {0x100000, 0x10fffd},
    };
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        if (character >= hidden[i].first && character <= hidden[i].last)
            return false;
    }
    return true;
}

void marray_text_add_string(struct marray_text *text, const char *string)
{
    char quote = strchr(string, '\'') && !strchr(string, '"') ? '"' : '\'';
    marray_text_add(text, "%c", quote);
    size_t left = strlen(string);
    while (left > 0) {
        uint32_t c = 0;
        size_t bytes = marray_utf8_read(string, left, &c);
        if (bytes == 0)
            break;
        if (c == (unsigned char)quote || c == '\\')
            marray_text_add(text, "\\%c", (char)c);
        else if (c == '\n' || c == '\r' || c == '\t')
            marray_text_add(text, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
        else if (is_printable(c))
            marray_text_add(text, "%.*s", (int)bytes, string);
        else if (c < 0x100)
            marray_text_add(text, "\\x%02" PRIx32, c);
        else if (c < 0x10000)
            marray_text_add(text, "\\u%04" PRIx32, c);
        else
            marray_text_add(text, "\\U%08" PRIx32, c);
        string += bytes;
        left -= bytes;
    }
    marray_text_add(text, "%c", quote);
}

void marray_text_add_tuple(struct marray_text *text, const uint64_t *numbers, int count)
{
    marray_text_add(text, "(");
    for (int i = 0; i < count; i++)
        marray_text_add(text, "%s%" PRIu64, i > 0 ? ", " : "", numbers[i]);
    marray_text_add(text, count == 1 ? ",)" : ")");
}
