/* Reading and writing the header of .npy files. */
#include "mapping/npy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mapping/message.h"

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

#define HEADER_ALIGNMENT 64
/* Digits that the growing axis may come to have: len(str(8 * 2**64 - 1)). */
#define GROWTH_DIGITS 21
/* A descr that is a string fits; a longer one is none of ours. */
#define TEXT_BYTES 32

/* A place in the text of the header. */
struct reader {
    const char *at;
    const char *end;
    bool long_suffix; /* versions 1 and 2 may come from Python 2: 3L */
    struct marray_message *message;
};

static int bad(const struct reader *reader, const char *what)
{
    return marray_fail(reader->message, -EBADMSG, "not a valid .npy header: %s", what);
}

static void skip_space(struct reader *reader)
{
    while (reader->at < reader->end && strchr(" \t\r\n\f", *reader->at) && *reader->at)
        reader->at++;
}

/* Takes c, with white space before it, if it is next. */
static bool take(struct reader *reader, char c)
{
    skip_space(reader);
    if (reader->at == reader->end || *reader->at != c)
        return false;
    reader->at++;
    return true;
}

static bool take_word(struct reader *reader, const char *word)
{
    skip_space(reader);
    size_t length = strlen(word);
    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length))
        return false;
    reader->at += length;
    return true;
}

static int read_string(struct reader *reader, char text[TEXT_BYTES])
{
    skip_space(reader);
    if (reader->at < reader->end && *reader->at == 'u')
        reader->at++;
    if (reader->at == reader->end || (*reader->at != '\'' && *reader->at != '"'))
        return bad(reader, "a string is missing");
    char quote = *reader->at++;
    size_t length = 0;
    while (reader->at < reader->end && *reader->at != quote) {
        char c = *reader->at++;
        if ((unsigned char)c < 0x20 || c == '\\')
            return bad(reader, "a string with control characters or escapes");
        if (length == TEXT_BYTES - 1)
            return bad(reader, "a string is too long");
        text[length++] = c;
    }
    if (reader->at == reader->end)
        return bad(reader, "a string does not end");
    reader->at++;
    text[length] = '\0';
    return 0;
}

static int read_number(struct reader *reader, uint64_t *number)
{
    skip_space(reader);
    const char *start = reader->at;
    uint64_t value = 0;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') {
        unsigned digit = (unsigned)(*reader->at++ - '0');
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value) || value > INT64_MAX)
            return marray_fail(reader->message, -EOVERFLOW,
                               "the .npy header has an axis beyond 2^63 - 1");
    }
    if (reader->at == start)
        return bad(reader, "the shape is not a tuple of numbers from 0");
    if (*start == '0' && value != 0)
        return bad(reader, "a number with leading zeros");
    if (reader->long_suffix && reader->at < reader->end && *reader->at == 'L')
        reader->at++;
    *number = value;
    return 0;
}

static int read_shape(struct reader *reader, struct marray_npy *npy)
{
    if (!take(reader, '('))
        return bad(reader, "the shape is not a tuple");
    npy->dimensions = 0;
    bool has_comma = false;
    while (!take(reader, ')')) {
        if (npy->dimensions > 0 && !has_comma)
            return bad(reader, "the shape is not a tuple");
        if (npy->dimensions == MARRAY_MAX_DIMENSIONS)
            return bad(reader, "more than 64 dimensions");
        int status = read_number(reader, &npy->shape[npy->dimensions]);
        if (status)
            return status;
        npy->dimensions++;
        has_comma = take(reader, ',');
    }
    /* To Python (5) is a number and (5,) a tuple. */
    if (npy->dimensions == 1 && !has_comma)
        return bad(reader, "the shape is a number, not a tuple");
    return 0;
}

static int read_order(struct reader *reader, struct marray_npy *npy)
{
    npy->fortran_order = take_word(reader, "True");
    if (!npy->fortran_order && !take_word(reader, "False"))
        return bad(reader, "fortran_order is neither True nor False");
    return 0;
}

static int read_descr(struct reader *reader, struct marray_npy *npy)
{
    skip_space(reader);
    if (reader->at < reader->end && (*reader->at == '[' || *reader->at == '('))
        return marray_fail(reader->message, -ENOTSUP, "structured .npy arrays are not supported");
    char text[TEXT_BYTES];
    int status = read_string(reader, text);
    if (status)
        return status;
    status = marray_dtype_parse(text, &npy->dtype, reader->message);
    return status == -EINVAL ? bad(reader, "descr is not a dtype that can be mapped") : status;
}

enum { HAS_DESCR = 1, HAS_ORDER = 2, HAS_SHAPE = 4, HAS_ALL = 7 };

static int read_item(struct reader *reader, struct marray_npy *npy, unsigned *keys)
{
    char key[TEXT_BYTES];
    int status = read_string(reader, key);
    if (status)
        return status;
    if (!take(reader, ':'))
        return bad(reader, "a ':' is missing");
    if (!strcmp(key, "descr")) {
        *keys |= HAS_DESCR;
        return read_descr(reader, npy);
    }
    if (!strcmp(key, "fortran_order")) {
        *keys |= HAS_ORDER;
        return read_order(reader, npy);
    }
    if (!strcmp(key, "shape")) {
        *keys |= HAS_SHAPE;
        return read_shape(reader, npy);
    }
    return bad(reader, "a key other than descr, fortran_order and shape");
}

static int read_dictionary(struct reader *reader, struct marray_npy *npy)
{
    if (!take(reader, '{'))
        return bad(reader, "it is not a dictionary");
    unsigned keys = 0;
    bool has_comma = true;
    while (!take(reader, '}')) {
        if (!has_comma)
            return bad(reader, "a ',' is missing");
        int status = read_item(reader, npy, &keys);
        if (status)
            return status;
        has_comma = take(reader, ',');
    }
    skip_space(reader);
    if (reader->at != reader->end)
        return bad(reader, "text after the dictionary");
    if (keys != HAS_ALL)
        return bad(reader, "descr, fortran_order or shape is missing");
    return 0;
}

/* Bytes before the text: magic, version, length. */
static size_t prefix_bytes(const unsigned char *bytes)
{
    return bytes[6] == 1 ? 10 : 12;
}

int marray_npy_header_size(const unsigned char *bytes, size_t size, size_t *header_bytes,
                           struct marray_message *message)
{
    if (size < sizeof(magic) || memcmp(bytes, magic, sizeof(magic)))
        return marray_fail(message, -EBADMSG, "not a .npy file: it does not begin with \\x93NUMPY");
    if (size < 8 || size < prefix_bytes(bytes))
        return marray_fail(message, -EBADMSG, "not a valid .npy file: it ends in its header");
    if (bytes[6] < 1 || bytes[6] > 3 || bytes[7] != 0)
        return marray_fail(message, -EBADMSG,
                           "a .npy file of version %u.%u: 1.0, 2.0 and 3.0 are known", bytes[6],
                           bytes[7]);
    size_t text_bytes = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    if (bytes[6] > 1)
        text_bytes |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (text_bytes > MARRAY_NPY_TEXT_LIMIT)
        return marray_fail(message, -EBADMSG,
                           "the .npy header has %zu characters, more than %d are not safe to read",
                           text_bytes, MARRAY_NPY_TEXT_LIMIT);
    *header_bytes = prefix_bytes(bytes) + text_bytes;
    return 0;
}

int marray_npy_parse(const unsigned char *bytes, size_t size, struct marray_npy *npy,
                     struct marray_message *message)
{
    size_t header_bytes;
    int status = marray_npy_header_size(bytes, size, &header_bytes, message);
    if (status)
        return status;
    if (size < header_bytes)
        return marray_fail(message, -EBADMSG, "not a valid .npy file: it ends in its header");
    struct reader reader = {
        .at = (const char *)bytes + prefix_bytes(bytes),
        .end = (const char *)bytes + header_bytes,
        .long_suffix = bytes[6] < 3,
        .message = message,
    };
    struct marray_npy read = {.data_offset = header_bytes};
    status = read_dictionary(&reader, &read);
    if (status)
        return status;
    *npy = read;
    return 0;
}

/* Such arrays have both orders at once; numpy calls them C. */
static bool is_contiguous_both_ways(const uint64_t *shape, int dimensions)
{
    int long_axes = 0;
    for (int axis = 0; axis < dimensions; axis++) {
        if (shape[axis] == 0)
            return true;
        long_axes += shape[axis] > 1;
    }
    return long_axes <= 1;
}

size_t marray_npy_write(const struct marray_dtype *dtype, bool fortran_order, const uint64_t *shape,
                        int dimensions, unsigned char bytes[MARRAY_NPY_HEADER_BYTES])
{
    if (is_contiguous_both_ways(shape, dimensions))
        fortran_order = false;
    char *text = (char *)bytes + 10;
    size_t room = MARRAY_NPY_HEADER_BYTES - 10;
    size_t used = (size_t)snprintf(text, room, "{'descr': '%s', 'fortran_order': %s, 'shape': (",
                                   dtype->descr, fortran_order ? "True" : "False");
    for (int axis = 0; axis < dimensions; axis++)
        used += (size_t)snprintf(text + used, room - used, "%s%" PRIu64, axis > 0 ? ", " : "",
                                 shape[axis]);
    used += (size_t)snprintf(text + used, room - used, "%s), }", dimensions == 1 ? "," : "");
    size_t spaces = 0;
    if (dimensions > 0) {
        uint64_t growing = shape[fortran_order ? dimensions - 1 : 0];
        spaces = GROWTH_DIGITS - (size_t)snprintf(NULL, 0, "%" PRIu64, growing);
    }
    /* One to 64 more and a newline: a header that is aligned already still gets 64. */
    size_t length = 10 + used + spaces + 1;
    spaces += HEADER_ALIGNMENT - length % HEADER_ALIGNMENT;
    memset(text + used, ' ', spaces);
    text[used + spaces] = '\n';
    size_t text_bytes = used + spaces + 1;
    memcpy(bytes, magic, sizeof(magic));
    bytes[6] = 1;
    bytes[7] = 0;
    bytes[8] = (unsigned char)(text_bytes & 0xff);
    bytes[9] = (unsigned char)(text_bytes >> 8);
    return 10 + text_bytes;
}
