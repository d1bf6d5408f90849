/* Reading and writing the header of .npy files. */
#include "mapping/npy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/literal.h"
#include "mapping/message.h"

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

#define HEADER_ALIGNMENT 64
/* Digits that the growing axis may come to have: len(str(8 * 2**64 - 1)). */
#define GROWTH_DIGITS 21

static int read_order(struct marray_literal *literal, struct marray_npy *npy)
{
    npy->fortran_order = marray_literal_take_word(literal, "True");
    if (!npy->fortran_order && !marray_literal_take_word(literal, "False"))
        return marray_literal_bad(literal, "fortran_order is neither True nor False");
    return 0;
}

/* Of a key that is given twice the last one counts, as in Python. */
static int read_descr(struct marray_literal *literal, struct marray_npy *npy)
{
    struct marray_dtype dtype;
    int status = marray_dtype_read(literal, &dtype);
    if (status)
        return status;
    marray_dtype_release(&npy->dtype);
    npy->dtype = dtype;
    return 0;
}

enum { HAS_DESCR = 1, HAS_ORDER = 2, HAS_SHAPE = 4, HAS_ALL = 7 };

static int read_value(struct marray_literal *literal, const char *key, struct marray_npy *npy,
                      unsigned *keys)
{
    if (!strcmp(key, "descr")) {
        *keys |= HAS_DESCR;
        return read_descr(literal, npy);
    }
    if (!strcmp(key, "fortran_order")) {
        *keys |= HAS_ORDER;
        return read_order(literal, npy);
    }
    if (!strcmp(key, "shape")) {
        *keys |= HAS_SHAPE;
        return marray_literal_tuple(literal, &npy->dimensions, npy->shape);
    }
    return marray_literal_bad(literal, "a key other than descr, fortran_order and shape");
}

static int read_item(struct marray_literal *literal, struct marray_npy *npy, unsigned *keys)
{
    char *key;
    int status = marray_literal_string(literal, &key);
    if (status)
        return status;
    if (marray_literal_take(literal, ':'))
        status = read_value(literal, key, npy, keys);
    else
        status = marray_literal_bad(literal, "a ':' is missing");
    free(key);
    return status;
}

static int read_dictionary(struct marray_literal *literal, struct marray_npy *npy)
{
    if (!marray_literal_take(literal, '{'))
        return marray_literal_bad(literal, "it is not a dictionary");
    unsigned keys = 0;
    bool has_comma = true;
    while (!marray_literal_take(literal, '}')) {
        if (!has_comma)
            return marray_literal_bad(literal, "a ',' is missing");
        int status = read_item(literal, npy, &keys);
        if (status)
            return status;
        has_comma = marray_literal_take(literal, ',');
    }
    if (marray_literal_peek(literal) || literal->at != literal->end)
        return marray_literal_bad(literal, "text after the dictionary");
    if (keys != HAS_ALL)
        return marray_literal_bad(literal, "descr, fortran_order or shape is missing");
    if (npy->dtype.item_bytes == 0)
        return marray_fail(literal->message, -ENOTSUP, "%s: elements of no bytes",
                           literal->subject);
    return 0;
}

/* Bytes before the text: magic, version, length. */
static size_t prefix_bytes(const unsigned char *bytes)
{
    return bytes[6] == 1 ? 10 : 12;
}

static int too_long(size_t characters, size_t limit, struct marray_message *message)
{
    return marray_fail(message, -EBADMSG,
                       "the .npy header has %zu characters, more than %zu are not safe to read: "
                       "raise npy_header_limit for a file that you trust",
                       characters, limit ? limit : (size_t)MARRAY_NPY_TEXT_LIMIT);
}

int marray_npy_header_size(const unsigned char *bytes, size_t size, size_t text_limit,
                           size_t *header_bytes, struct marray_message *message)
{
    if (text_limit == 0)
        text_limit = MARRAY_NPY_TEXT_LIMIT;
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
    /* A character of UTF-8 has up to 4 bytes; they are counted once they are here. */
    if (text_bytes / (bytes[6] == 3 ? 4 : 1) > text_limit)
        return too_long(text_bytes, text_limit, message);
    *header_bytes = prefix_bytes(bytes) + text_bytes;
    return 0;
}

static size_t count_characters(const struct marray_literal *literal)
{
    size_t count = 0;
    for (const char *at = literal->at; at < literal->end; at++)
        count += literal->latin1 || (*at & 0xc0) != 0x80;
    return count;
}

int marray_npy_parse(const unsigned char *bytes, size_t size, size_t text_limit,
                     struct marray_npy *npy, struct marray_message *message)
{
    size_t header_bytes;
    int status = marray_npy_header_size(bytes, size, text_limit, &header_bytes, message);
    if (status)
        return status;
    if (size < header_bytes)
        return marray_fail(message, -EBADMSG, "not a valid .npy file: it ends in its header");
    struct marray_literal literal = {
        .at = (const char *)bytes + prefix_bytes(bytes),
        .end = (const char *)bytes + header_bytes,
        .latin1 = bytes[6] < 3,
        .long_suffix = bytes[6] < 3,
        .failure = -EBADMSG,
        .subject = "not a valid .npy header",
        .message = message,
    };
    size_t characters = count_characters(&literal);
    if (characters > (text_limit ? text_limit : MARRAY_NPY_TEXT_LIMIT))
        return too_long(characters, text_limit, message);
    struct marray_npy read = {.data_offset = header_bytes};
    status = read_dictionary(&literal, &read);
    if (status) {
        marray_dtype_release(&read.dtype);
        return status;
    }
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

/* As Latin-1, in place; false, with the text as it was: it has other characters. */
static bool to_latin1(struct marray_text *text)
{
    size_t bytes;
    uint32_t character = 0;
    for (size_t at = 0; at < text->length; at += bytes) {
        bytes = marray_utf8_read(text->bytes + at, text->length - at, &character);
        if (bytes == 0 || character > 0xff)
            return false;
    }
    char *to = text->bytes;
    for (size_t at = 0; at < text->length; at += bytes) {
        bytes = marray_utf8_read(text->bytes + at, text->length - at, &character);
        *to++ = (char)character;
    }
    text->length = (size_t)(to - text->bytes);
    return true;
}

static void write_dictionary(const struct marray_dtype *dtype, bool fortran_order,
                             const uint64_t *shape, int dimensions, struct marray_text *text)
{
    const char *quote = dtype->record ? "" : "'";
    marray_text_add(text, "{'descr': %s%s%s, 'fortran_order': %s, 'shape': ", quote,
                    marray_dtype_descr(dtype), quote, fortran_order ? "True" : "False");
    marray_text_add_tuple(text, shape, dimensions);
    marray_text_add(text, ", }");
    if (dimensions == 0)
        return;
    uint64_t growing = shape[fortran_order ? dimensions - 1 : 0];
    int spaces = GROWTH_DIGITS - snprintf(NULL, 0, "%" PRIu64, growing);
    marray_text_add(text, "%*s", spaces, "");
}

/* Spaces up to the alignment and a newline: a header that is aligned already still gets 64. */
static size_t padded_bytes(size_t text_bytes, size_t prefix)
{
    size_t length = prefix + text_bytes + 1;
    return text_bytes + 1 + HEADER_ALIGNMENT - length % HEADER_ALIGNMENT;
}

static int make_header(const struct marray_text *text, unsigned version, unsigned char **bytes,
                       size_t *size)
{
    size_t prefix = version == 1 ? 10 : 12;
    size_t text_bytes = padded_bytes(text->length, prefix);
    unsigned char *made = malloc(prefix + text_bytes);
    if (!made)
        return -ENOMEM;
    memcpy(made, magic, sizeof(magic));
    made[6] = (unsigned char)version;
    made[7] = 0;
    for (size_t i = 8; i < prefix; i++)
        made[i] = (unsigned char)(text_bytes >> (8 * (i - 8)) & 0xff);
    memcpy(made + prefix, text->bytes, text->length);
    memset(made + prefix + text->length, ' ', text_bytes - text->length - 1);
    made[prefix + text_bytes - 1] = '\n';
    *bytes = made;
    *size = prefix + text_bytes;
    return 0;
}

int marray_npy_write(const struct marray_dtype *dtype, bool fortran_order, const uint64_t *shape,
                     int dimensions, unsigned char **bytes, size_t *size)
{
    if (is_contiguous_both_ways(shape, dimensions))
        fortran_order = false;
    struct marray_text text = {0};
    write_dictionary(dtype, fortran_order, shape, dimensions, &text);
    int status = text.memory_is_short ? -ENOMEM : 0;
    if (!status) {
        unsigned version = 3;
        if (to_latin1(&text))
            version = padded_bytes(text.length, 10) <= UINT16_MAX ? 1 : 2;
        status = text.length > UINT32_MAX - 2 * HEADER_ALIGNMENT
                     ? -EOVERFLOW
                     : make_header(&text, version, bytes, size);
    }
    free(text.bytes);
    return status;
}
