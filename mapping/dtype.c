/* Parsing element types. */
#include "mapping/dtype.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/message.h"
#include "mapping/record.h"

static const struct known_type {
    const char *sized; /* without the byte order */
    const char *code;  /* numpy's one-letter code */
    const char *name;  /* takes no byte order */
    uint32_t item_bytes;
    uint32_t unit_bytes;
} known_types[MARRAY_NUMBER_COUNT] = {
    [MARRAY_B1] = {"b1", "?", "bool", 1, 1},
    [MARRAY_I1] = {"i1", "b", "int8", 1, 1},
    [MARRAY_I2] = {"i2", "h", "int16", 2, 2},
    [MARRAY_I4] = {"i4", "i", "int32", 4, 4},
    [MARRAY_I8] = {"i8", "q", "int64", 8, 8},
    [MARRAY_U1] = {"u1", "B", "uint8", 1, 1},
    [MARRAY_U2] = {"u2", "H", "uint16", 2, 2},
    [MARRAY_U4] = {"u4", "I", "uint32", 4, 4},
    [MARRAY_U8] = {"u8", "Q", "uint64", 8, 8},
    [MARRAY_F2] = {"f2", "e", "float16", 2, 2},
    [MARRAY_F4] = {"f4", "f", "float32", 4, 4},
    [MARRAY_F8] = {"f8", "d", "float64", 8, 8},
    [MARRAY_C8] = {"c8", "F", "complex64", 8, 4},
    [MARRAY_C16] = {"c16", "D", "complex128", 16, 8},
    [MARRAY_DATETIME] = {"M8", "M", "datetime64", 8, 8},
    [MARRAY_TIMEDELTA] = {"m8", "m", "timedelta64", 8, 8},
};

static const char *const time_units[] = {
    [MARRAY_TIME_YEARS] = "Y",         [MARRAY_TIME_MONTHS] = "M",
    [MARRAY_TIME_WEEKS] = "W",         [MARRAY_TIME_DAYS] = "D",
    [MARRAY_TIME_HOURS] = "h",         [MARRAY_TIME_MINUTES] = "m",
    [MARRAY_TIME_SECONDS] = "s",       [MARRAY_TIME_MILLISECONDS] = "ms",
    [MARRAY_TIME_MICROSECONDS] = "us", [MARRAY_TIME_NANOSECONDS] = "ns",
    [MARRAY_TIME_PICOSECONDS] = "ps",  [MARRAY_TIME_FEMTOSECONDS] = "fs",
    [MARRAY_TIME_ATTOSECONDS] = "as",  [MARRAY_TIME_GENERIC] = "generic",
};

static const char machine_order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '<' : '>';

static bool is_order(char c)
{
    return c == '<' || c == '>' || c == '=' || c == '|';
}

static int refuse(const char *text, const char *body, struct marray_message *message)
{
    if (body[0] == 'O')
        return marray_fail(message, -EINVAL, "dtype '%.400s': objects cannot be mapped", text);
    if (!strcmp(body, "g") || !strcmp(body, "G") || !strcmp(body, "f16") || !strcmp(body, "c32"))
        return marray_fail(message, -ENOTSUP,
                           "dtype '%.400s' is not supported: the long double of one machine is not "
                           "that of another, use f8 or c16",
                           text);
    return marray_fail(message, -EINVAL,
                       "'%.400s' is not a dtype: write one as numpy does, such as '<f8' or '|u1'",
                       text);
}

static int refuse_size(const char *text, struct marray_message *message)
{
    return marray_fail(message, -EOVERFLOW, "dtype '%.400s': an item of 2^31 bytes or more", text);
}

/* Decimal digits, up to 2^31 - 1; false: there are none, or too large. */
static bool read_digits(const char **text, uint32_t *number)
{
    const char *start = *text;
    uint64_t value = 0;
    while (**text >= '0' && **text <= '9' && value <= INT32_MAX)
        value = value * 10 + (unsigned)(*(*text)++ - '0');
    *number = (uint32_t)value;
    return *text > start && value <= INT32_MAX;
}

/* The part in brackets, or nothing. */
static bool read_time_unit(const char *text, struct marray_dtype *dtype)
{
    dtype->time_unit = MARRAY_TIME_GENERIC;
    dtype->time_multiple = 1;
    if (!*text)
        return true;
    if (*text++ != '[')
        return false;
    while (*text == ' ')
        text++;
    bool has_digits = *text >= '0' && *text <= '9';
    if (has_digits && (!read_digits(&text, &dtype->time_multiple) || dtype->time_multiple == 0))
        return false;
    size_t length = strcspn(text, "]");
    if (strcmp(text + length, "]"))
        return false;
    for (int unit = 0; unit <= MARRAY_TIME_GENERIC; unit++) {
        if (strlen(time_units[unit]) == length && !memcmp(text, time_units[unit], length)) {
            dtype->time_unit = (enum marray_time_unit)unit;
            return unit != MARRAY_TIME_GENERIC || dtype->time_multiple == 1;
        }
    }
    return false;
}

/* Numbers and times: all but the byte order and the descr. */
static bool parse_number(const char *body, bool may_be_name, struct marray_dtype *dtype)
{
    for (int i = 0; i < MARRAY_NUMBER_COUNT; i++) {
        const struct known_type *known = &known_types[i];
        bool is_time = i == MARRAY_DATETIME || i == MARRAY_TIMEDELTA;
        size_t length = strcspn(body, "[");
        const char *rest = body + length;
        bool is_sized = strlen(known->sized) == length && !memcmp(body, known->sized, length);
        bool is_name =
            may_be_name && strlen(known->name) == length && !memcmp(body, known->name, length);
        if (!strcmp(body, known->code)) {
            rest = "";
        } else if ((!is_sized && !is_name) || (*rest && !is_time)) {
            continue;
        }
        dtype->type = (enum marray_type)i;
        dtype->item_bytes = known->item_bytes;
        dtype->unit_bytes = known->unit_bytes;
        return !is_time || read_time_unit(rest, dtype);
    }
    return false;
}

/* "S3", "a3", "U2", "V5". */
static int parse_flexible(const char *text, const char *body, struct marray_dtype *dtype,
                          struct marray_message *message)
{
    uint32_t characters = 0;
    const char *rest = body + 1;
    bool has_digits = *rest >= '0' && *rest <= '9';
    if (has_digits && !read_digits(&rest, &characters))
        return refuse_size(text, message);
    if (*rest)
        return refuse(text, body, message);
    dtype->type = body[0] == 'U' ? MARRAY_UNICODE : body[0] == 'V' ? MARRAY_VOID : MARRAY_BYTES;
    dtype->unit_bytes = dtype->type == MARRAY_UNICODE ? 4 : 1;
    if (characters > MARRAY_MAX_ITEM_BYTES / dtype->unit_bytes)
        return refuse_size(text, message);
    dtype->item_bytes = characters * dtype->unit_bytes;
    return 0;
}

static void write_descr(char order, struct marray_dtype *dtype)
{
    char *descr = dtype->descr;
    size_t size = sizeof(dtype->descr);
    if (dtype->type < MARRAY_NUMBER_COUNT) {
        int length = snprintf(descr, size, "%c%s", order, known_types[dtype->type].sized);
        if (dtype->type < MARRAY_DATETIME || dtype->time_unit == MARRAY_TIME_GENERIC)
            return;
        char multiple[16] = "";
        if (dtype->time_multiple > 1)
            snprintf(multiple, sizeof(multiple), "%" PRIu32, dtype->time_multiple);
        snprintf(descr + length, size - (size_t)length, "[%s%s]", multiple,
                 time_units[dtype->time_unit]);
        return;
    }
    char letter = dtype->type == MARRAY_UNICODE ? 'U' : dtype->type == MARRAY_VOID ? 'V' : 'S';
    snprintf(descr, size, "%c%c%" PRIu32, order, letter, dtype->item_bytes / dtype->unit_bytes);
}

/* Everything but records. */
static int parse_simple(const char *text, struct marray_dtype *dtype,
                        struct marray_message *message)
{
    bool has_order = is_order(text[0]);
    const char *body = text + has_order;
    struct marray_dtype parsed = {.time_unit = MARRAY_TIME_GENERIC, .time_multiple = 1};
    if (!parse_number(body, !has_order, &parsed)) {
        if (!body[0] || !strchr("SaUV", body[0]))
            return refuse(text, body, message);
        int status = parse_flexible(text, body, &parsed, message);
        if (status)
            return status;
    }
    /* numpy takes '|' before a longer type for the machine's order. */
    char order = has_order && (text[0] == '<' || text[0] == '>') ? text[0] : machine_order;
    if (parsed.unit_bytes == 1)
        order = '|';
    parsed.swapped = order != '|' && order != machine_order;
    write_descr(order, &parsed);
    *dtype = parsed;
    return 0;
}

int marray_dtype_read(struct marray_literal *literal, struct marray_dtype *dtype)
{
    char next = marray_literal_peek(literal);
    if (next == '[')
        return marray_record_read(literal, 0, dtype);
    if (next == '(')
        return marray_fail(literal->message, -ENOTSUP,
                           "%s: elements that are sub-arrays: write their axes into the shape",
                           literal->subject);
    return marray_dtype_read_simple(literal, dtype);
}

int marray_dtype_read_simple(struct marray_literal *literal, struct marray_dtype *dtype)
{
    char *text;
    struct marray_message reason = {""};
    int status = marray_literal_string(literal, &text);
    if (status)
        return status;
    status = parse_simple(text, dtype, &reason);
    if (status == -EINVAL)
        status = literal->failure;
    if (status)
        marray_fail(literal->message, status, "%s: %.400s", literal->subject, reason.text);
    free(text);
    return status;
}

int marray_dtype_parse(const char *text, struct marray_dtype *dtype, struct marray_message *message)
{
    struct marray_dtype parsed;
    int status;
    if (text[0] == '[') {
        struct marray_message reason = {""};
        struct marray_literal literal = {.at = text,
                                         .end = text + strlen(text),
                                         .failure = -EINVAL,
                                         .subject = "not a descr of fields",
                                         .message = &reason};
        status = marray_dtype_read(&literal, &parsed);
        if (!status && marray_literal_peek(&literal)) {
            marray_dtype_release(&parsed);
            status = marray_literal_bad(&literal, "text behind it");
        }
        if (status)
            return marray_fail(message, status, "dtype '%.240s': %.240s", text, reason.text);
    } else {
        status = parse_simple(text, &parsed, message);
        if (status)
            return status;
    }
    if (parsed.item_bytes == 0) {
        marray_dtype_release(&parsed);
        return marray_fail(message, -EINVAL, "dtype '%.400s' has no bytes: give it a length", text);
    }
    *dtype = parsed;
    return 0;
}

void marray_dtype_keep(const struct marray_dtype *dtype)
{
    if (dtype->record)
        marray_record_keep(dtype->record);
}

void marray_dtype_release(struct marray_dtype *dtype)
{
    if (dtype->record)
        marray_record_release(dtype->record);
    dtype->record = NULL;
}

const char *marray_dtype_descr(const struct marray_dtype *dtype)
{
    return dtype->record ? dtype->record->descr : dtype->descr;
}

const struct marray_record_field *marray_dtype_field(const struct marray_dtype *dtype,
                                                     const char *name)
{
    const struct marray_record *record = dtype->record;
    for (uint32_t i = 0; record && i < record->count; i++) {
        const struct marray_record_field *field = &record->fields[i];
        if (!strcmp(field->name, name) || (field->title && !strcmp(field->title, name)))
            return field;
    }
    return NULL;
}
