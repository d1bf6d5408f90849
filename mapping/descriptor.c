/* Views as text that another process opens. */
#include "mapping/descriptor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/array.h"
#include "mapping/message.h"

#define HEAD "marray:1"

/* ---- Writing ---- */

/* Counts what does not fit, as snprintf does. */
struct writer {
    char *text;
    size_t room;
    size_t used;
};

static void put(struct writer *writer, char c)
{
    if (writer->used + 1 < writer->room)
        writer->text[writer->used] = c;
    writer->used++;
}

static void put_text(struct writer *writer, const char *text)
{
    for (; *text; text++)
        put(writer, *text);
}

static bool is_plain(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && strchr("/._-+<>=|,:~", c));
}

/* Everything else as %XX, so that a description is one word without quotes. */
static void put_escaped(struct writer *writer, const char *text)
{
    for (; *text; text++) {
        char escaped[4];
        unsigned char c = (unsigned char)*text;
        if (is_plain(c))
            snprintf(escaped, sizeof(escaped), "%c", c);
        else
            snprintf(escaped, sizeof(escaped), "%%%02X", c);
        put_text(writer, escaped);
    }
}

static void put_number(struct writer *writer, int axis, bool negative, uint64_t magnitude)
{
    char number[32];
    snprintf(number, sizeof(number), "%s%s%" PRIu64, axis > 0 ? "," : "", negative ? "-" : "",
             magnitude);
    put_text(writer, number);
}

static const char *mode_text(enum marray_mode mode)
{
    switch (mode) {
    case MARRAY_READ:
        return "r";
    case MARRAY_COPY_ON_WRITE:
        return "c";
    case MARRAY_READ_WRITE:
    case MARRAY_CREATE:
        break;
    }
    return "r+";
}

static void write_description(const struct marray *array, const char *path, struct writer *writer)
{
    put_text(writer, HEAD ";mode=");
    put_text(writer, mode_text(array->map->mode));
    put_text(writer, ";dtype=");
    put_escaped(writer, marray_dtype(array));
    put_text(writer, ";offset=");
    put_number(writer, 0, false, array->offset_bytes);
    put_text(writer, ";shape=");
    for (int axis = 0; axis < array->dimensions; axis++)
        put_number(writer, axis, false, array->shape[axis]);
    put_text(writer, ";strides=");
    for (int axis = 0; axis < array->dimensions; axis++) {
        int64_t stride = array->strides[axis];
        put_number(writer, axis, stride < 0, stride < 0 ? -(uint64_t)stride : (uint64_t)stride);
    }
    put_text(writer, ";path=");
    put_escaped(writer, path);
}

int marray_describe(const struct marray *array, char *text, size_t size)
{
    char *path;
    if (array->map->has_no_path)
        return marray_fail(array->message, -ENOTSUP,
                           "'%s': an array without a path has no description", MARRAY_PATH(array));
    int status = marray_os_real_path(MARRAY_PATH(array), &path);
    if (status)
        return marray_fail(array->message, status, "cannot describe '%s': %s", MARRAY_PATH(array),
                           marray_reason(status));
    struct writer writer = {text, size, 0};
    write_description(array, path, &writer);
    if (writer.used >= size)
        status = marray_fail(array->message, -ERANGE,
                             "'%s': its description has %zu characters, the buffer %zu",
                             MARRAY_PATH(array), writer.used + 1, size);
    else
        text[writer.used] = '\0';
    free(path);
    return status;
}

/* ---- Reading ---- */

static int bad(struct marray_message *message, const char *what)
{
    return marray_fail(message, -EINVAL, "not a description of an array: %s", what);
}

/* Takes ";name=" and moves on. */
static bool take_name(const char **at, const char *name)
{
    size_t length = strlen(name);
    if (**at != ';' || strncmp(*at + 1, name, length) || (*at)[1 + length] != '=')
        return false;
    *at += length + 2;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static int take_text(const char **at, const char *name, char *text, size_t room,
                     struct marray_message *message)
{
    if (!take_name(at, name))
        return marray_fail(message, -EINVAL, "not a description of an array: no %s in its place",
                           name);
    size_t used = 0;
    while (**at && **at != ';') {
        char c = *(*at)++;
        if (c == '%') {
            int high = hex_digit((*at)[0]);
            int low = high < 0 ? -1 : hex_digit((*at)[1]);
            if (low < 0 || high + low == 0)
                return bad(message, "a % that is not an escape");
            c = (char)(high << 4 | low);
            *at += 2;
        } else if (!is_plain((unsigned char)c)) {
            return bad(message, "a character that must be escaped");
        }
        if (used + 1 >= room)
            return bad(message, "a value is too long");
        text[used++] = c;
    }
    if (used == 0)
        return bad(message, "a value is missing");
    text[used] = '\0';
    return 0;
}

/* Up to `most` numbers with commas between; sets *count. Only strides may be negative. */
static int take_numbers(const char **at, const char *name, bool may_be_negative, int most,
                        uint64_t *magnitudes, bool *negative, int *count,
                        struct marray_message *message)
{
    if (!take_name(at, name))
        return marray_fail(message, -EINVAL, "not a description of an array: no %s in its place",
                           name);
    *count = 0;
    while (**at && **at != ';') {
        if (*count == most)
            return bad(message, "too many numbers");
        negative[*count] = may_be_negative && **at == '-';
        *at += negative[*count];
        uint64_t value = 0;
        const char *first = *at;
        for (; **at >= '0' && **at <= '9'; (*at)++) {
            if (__builtin_mul_overflow(value, 10, &value) ||
                __builtin_add_overflow(value, (uint64_t)(**at - '0'), &value) || value > INT64_MAX)
                return marray_fail(message, -EOVERFLOW, "a description with a %s beyond 2^63 - 1",
                                   name);
        }
        if (*at == first)
            return bad(message, "a number is missing");
        magnitudes[(*count)++] = value;
        if (**at != ',')
            break;
        (*at)++;
        if (!**at || **at == ';')
            return bad(message, "a number is missing");
    }
    return **at && **at != ';' ? bad(message, "something that is not a number") : 0;
}

static int take_layout(const char **at, struct marray_descriptor *descriptor,
                       struct marray_message *message)
{
    uint64_t magnitudes[MARRAY_MAX_DIMENSIONS];
    bool negative[MARRAY_MAX_DIMENSIONS];
    int count;
    int status =
        take_numbers(at, "offset", false, 1, &descriptor->offset_bytes, negative, &count, message);
    if (!status && count != 1)
        status = bad(message, "no offset");
    if (!status)
        status = take_numbers(at, "shape", false, MARRAY_MAX_DIMENSIONS, descriptor->shape,
                              negative, &descriptor->dimensions, message);
    if (!status)
        status = take_numbers(at, "strides", true, MARRAY_MAX_DIMENSIONS, magnitudes, negative,
                              &count, message);
    if (status)
        return status;
    if (count != descriptor->dimensions)
        return bad(message, "not as many strides as axes");
    for (int axis = 0; axis < count; axis++)
        descriptor->strides[axis] =
            negative[axis] ? -(int64_t)magnitudes[axis] : (int64_t)magnitudes[axis];
    return 0;
}

int marray_descriptor_parse(const char *text, struct marray_descriptor *descriptor,
                            struct marray_message *message)
{
    char mode[16];
    const char *at = text + strlen(HEAD);
    if (strncmp(text, HEAD, strlen(HEAD)))
        return bad(message, "it does not begin with " HEAD);
    int status = take_text(&at, "mode", mode, sizeof(mode), message);
    if (!status &&
        (marray_parse_mode(mode, &descriptor->mode) || descriptor->mode == MARRAY_CREATE))
        status = bad(message, "the mode is none of r, r+ and c");
    if (!status)
        status = take_text(&at, "dtype", descriptor->dtype, sizeof(descriptor->dtype), message);
    if (!status)
        status = take_layout(&at, descriptor, message);
    if (!status)
        status = take_text(&at, "path", descriptor->path, sizeof(descriptor->path), message);
    if (!status && *at)
        status = bad(message, "something after the path");
    return status;
}

int marray_descriptor_span(const struct marray_descriptor *descriptor, uint32_t item_bytes,
                           uint64_t *lowest, uint64_t *span_bytes)
{
    uint64_t below = 0;
    uint64_t above = item_bytes;
    uint64_t length = 1;
    for (int axis = 0; axis < descriptor->dimensions; axis++) {
        if (descriptor->shape[axis] == 0) {
            *lowest = descriptor->offset_bytes;
            *span_bytes = 0;
            return 0;
        }
    }
    for (int axis = 0; axis < descriptor->dimensions; axis++) {
        int64_t stride = descriptor->strides[axis];
        uint64_t distance = stride < 0 ? -(uint64_t)stride : (uint64_t)stride;
        uint64_t *side = stride < 0 ? &below : &above;
        if (__builtin_mul_overflow(distance, descriptor->shape[axis] - 1, &distance) ||
            __builtin_add_overflow(*side, distance, side) ||
            __builtin_mul_overflow(length, descriptor->shape[axis], &length))
            return -EOVERFLOW;
    }
    uint64_t end;
    if (below > descriptor->offset_bytes ||
        __builtin_add_overflow(descriptor->offset_bytes, above, &end) || end > INT64_MAX ||
        __builtin_mul_overflow(length, item_bytes, &length) || length > INT64_MAX)
        return -EOVERFLOW;
    *lowest = descriptor->offset_bytes - below;
    *span_bytes = below + above;
    return 0;
}

/* ---- Opening ---- */

static int map_span(const struct marray_descriptor *descriptor, uint32_t item_bytes,
                    struct marray_message *message, struct marray_map **map)
{
    struct marray_map_request request = {
        .path = descriptor->path,
        .mode = descriptor->mode,
        .message = message,
    };
    int status =
        marray_descriptor_span(descriptor, item_bytes, &request.data_offset, &request.data_bytes);
    if (status)
        return marray_fail(message, status, "'%s': the described elements are not within a file",
                           descriptor->path);
    int opened;
    struct marray_os_status file;
    status = marray_file_open(descriptor->path, descriptor->mode, &opened, &file, message);
    if (status)
        return status;
    /* A description never makes a file longer. */
    uint64_t end = request.data_offset + request.data_bytes;
    if (end > file.size_bytes)
        status = marray_fail(message, -ENODATA,
                             "'%s' has %" PRIu64 " bytes, the described elements need %" PRIu64,
                             descriptor->path, file.size_bytes, end);
    else
        status = marray_map_existing(&request, opened, &file, map);
    if (status)
        marray_os_close(opened);
    return status;
}

static int open_described(const struct marray_descriptor *descriptor,
                          struct marray_message *message, struct marray **array)
{
    struct marray_dtype dtype;
    int status = marray_dtype_parse(descriptor->dtype, &dtype, message);
    if (status)
        return status;
    struct marray *made = marray_array_allocate(NULL, &dtype, descriptor->dimensions);
    uint32_t item_bytes = dtype.item_bytes;
    marray_dtype_release(&dtype);
    if (!made)
        return marray_fail(message, -ENOMEM, "no memory to open '%s'", descriptor->path);
    size_t axes = (size_t)descriptor->dimensions;
    memcpy(made->shape, descriptor->shape, axes * sizeof(made->shape[0]));
    memcpy(made->strides, descriptor->strides, axes * sizeof(made->strides[0]));
    status = map_span(descriptor, item_bytes, message, &made->map);
    if (status) {
        marray_array_free(made);
        return status;
    }
    made->map->is_described = true;
    marray_array_place(made, descriptor->offset_bytes);
    *array = made;
    return 0;
}

int marray_open_description(const char *text, struct marray_message *message, struct marray **array)
{
    if (!text)
        return -EINVAL;
    struct marray_descriptor *descriptor = calloc(1, sizeof(*descriptor));
    if (!descriptor)
        return marray_fail(message, -ENOMEM, "no memory for a description");
    int status = marray_descriptor_parse(text, descriptor, message);
    if (!status)
        status = open_described(descriptor, message, array);
    free(descriptor);
    return status;
}
