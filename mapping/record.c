/* Reading, writing and sharing structured types. */
#include "mapping/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/message.h"

/* A record in the making. */
struct building {
    struct marray_literal *literal;
    int depth;
    struct marray_record *record;
    uint32_t capacity;
    uint64_t offset_bytes; /* where the next field goes */
};

static void release_field(struct marray_record_field *field)
{
    free(field->name);
    free(field->title);
    free(field->shape);
    marray_dtype_release(&field->dtype);
}

void marray_record_keep(struct marray_record *record)
{
    atomic_fetch_add(&record->references, 1);
}

void marray_record_release(struct marray_record *record)
{
    if (atomic_fetch_sub(&record->references, 1) > 1)
        return;
    for (uint32_t i = 0; i < record->count; i++)
        release_field(&record->fields[i]);
    free(record->fields);
    free(record->descr);
    free(record);
}

static int no_memory(const struct marray_literal *literal)
{
    return marray_fail(literal->message, -ENOMEM, "%s: no memory", literal->subject);
}

/* Tuples and lists may stand for each other in numpy's own reader. */
static bool open_bracket(struct marray_literal *literal, char *closing)
{
    *closing = ')';
    if (marray_literal_take(literal, '('))
        return true;
    *closing = ']';
    return marray_literal_take(literal, '[');
}

/* 'name', or ('title', 'name'). */
static int read_name(struct marray_literal *literal, struct marray_record_field *field)
{
    if (!marray_literal_take(literal, '('))
        return marray_literal_string(literal, &field->name);
    int status = marray_literal_string(literal, &field->title);
    if (!status && !marray_literal_take(literal, ','))
        status = marray_literal_bad(literal, "a title without a name");
    if (!status)
        status = marray_literal_string(literal, &field->name);
    if (!status)
        marray_literal_take(literal, ',');
    if (!status && !marray_literal_take(literal, ')'))
        status = marray_literal_bad(literal, "a ')' is missing after a title and a name");
    return status;
}

/* (2, 3), or 2 for (2,). Alone among shapes 1 is none at all: numpy keeps that for old files. */
static int read_subarray(struct marray_literal *literal, int *dimensions,
                         uint64_t shape[MARRAY_MAX_DIMENSIONS])
{
    if (marray_literal_peek(literal) == '(')
        return marray_literal_tuple(literal, dimensions, shape);
    int status = marray_literal_number(literal, &shape[0]);
    *dimensions = !status && shape[0] != 1;
    return status;
}

static int check_subarray(struct marray_literal *literal, int dimensions, const uint64_t *shape,
                          struct marray_record_field *field)
{
    uint64_t bytes = field->dtype.item_bytes;
    for (int i = 0; i < dimensions; i++) {
        if (shape[i] > INT32_MAX || __builtin_mul_overflow(bytes, shape[i], &bytes) ||
            bytes > MARRAY_MAX_ITEM_BYTES)
            return marray_fail(literal->message, -EOVERFLOW, "%s: a field of 2^31 bytes or more",
                               literal->subject);
    }
    field->size_bytes = (uint32_t)bytes;
    field->dimensions = dimensions;
    if (dimensions == 0)
        return 0;
    field->shape = malloc((size_t)dimensions * sizeof(field->shape[0]));
    if (!field->shape)
        return no_memory(literal);
    memcpy(field->shape, shape, (size_t)dimensions * sizeof(field->shape[0]));
    return 0;
}

/* The type and, after a comma, the shape of a sub-array. */
static int read_type(const struct building *building, struct marray_record_field *field)
{
    struct marray_literal *literal = building->literal;
    int dimensions = 0;
    uint64_t shape[MARRAY_MAX_DIMENSIONS];
    char next = marray_literal_peek(literal);
    int status;
    if (next == '[')
        status = marray_record_read(literal, building->depth + 1, &field->dtype);
    else if (next == '(')
        status = marray_fail(literal->message, -ENOTSUP,
                             "%s: a sub-array of sub-arrays: write one shape", literal->subject);
    else
        status = marray_dtype_read_simple(literal, &field->dtype);
    if (status)
        return status;
    bool has_comma = marray_literal_take(literal, ',');
    next = marray_literal_peek(literal);
    if (has_comma && next != ')' && next != ']') {
        status = read_subarray(literal, &dimensions, shape);
        marray_literal_take(literal, ',');
    }
    return status ? status : check_subarray(literal, dimensions, shape, field);
}

static int read_field(const struct building *building, struct marray_record_field *field)
{
    struct marray_literal *literal = building->literal;
    char closing;
    if (!open_bracket(literal, &closing))
        return marray_literal_bad(literal, "a field is not a tuple");
    int status = read_name(literal, field);
    if (!status && !marray_literal_take(literal, ','))
        status = marray_literal_bad(literal, "a field without a dtype");
    if (!status)
        status = read_type(building, field);
    if (!status && !marray_literal_take(literal, closing))
        status =
            marray_literal_bad(literal, "a field does not end after its name, dtype and shape");
    return status;
}

/* numpy's rule: a void or a sub-array without a name is space between fields. */
static bool is_blank(const struct marray_record_field *field)
{
    return !field->title && !field->name[0] &&
           (field->dtype.type == MARRAY_VOID || field->dimensions > 0);
}

/* Takes the field over, whatever comes. */
static int add_field(struct building *building, struct marray_record_field *field)
{
    struct marray_record *record = building->record;
    int status = 0;
    uint64_t end = building->offset_bytes + field->size_bytes;
    if (end > MARRAY_MAX_ITEM_BYTES) {
        status = marray_fail(building->literal->message, -EOVERFLOW,
                             "%s: an item of 2^31 bytes or more", building->literal->subject);
        goto cleanup;
    }
    field->offset_bytes = (uint32_t)building->offset_bytes;
    building->offset_bytes = end;
    if (is_blank(field))
        goto cleanup;
    if (record->count == building->capacity) {
        uint32_t capacity = building->capacity * 2 + 4;
        void *fields = realloc(record->fields, capacity * sizeof(record->fields[0]));
        if (!fields) {
            status = no_memory(building->literal);
            goto cleanup;
        }
        record->fields = fields;
        building->capacity = capacity;
    }
    record->fields[record->count++] = *field;
    return 0;
cleanup:
    release_field(field);
    return status;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_names(const struct building *building)
{
    const struct marray_record *record = building->record;
    const char **names = malloc(2 * (size_t)record->count * sizeof(names[0]) + 1);
    if (!names)
        return no_memory(building->literal);
    size_t count = 0;
    for (uint32_t i = 0; i < record->count; i++) {
        names[count++] = record->fields[i].name;
        if (record->fields[i].title)
            names[count++] = record->fields[i].title;
    }
    qsort(names, count, sizeof(names[0]), compare_names);
    int status = 0;
    for (size_t i = 1; i < count && !status; i++) {
        if (!strcmp(names[i - 1], names[i]))
            status = marray_literal_bad(building->literal, "two fields of one name or title");
    }
    free(names);
    return status;
}

static void write_blank(struct marray_text *text, uint64_t bytes, const char *separator)
{
    if (bytes > 0)
        marray_text_add(text, "%s('', '|V%" PRIu64 "')", separator, bytes);
}

static void write_field(struct marray_text *text, const struct marray_record_field *field)
{
    marray_text_add(text, "(");
    if (field->title) {
        marray_text_add(text, "(");
        marray_text_add_string(text, field->title);
        marray_text_add(text, ", ");
    }
    marray_text_add_string(text, field->name);
    const char *quote = field->dtype.record ? "" : "'";
    marray_text_add(text, "%s, %s%s%s", field->title ? ")" : "", quote,
                    marray_dtype_descr(&field->dtype), quote);
    if (field->dimensions > 0) {
        marray_text_add(text, ", ");
        marray_text_add_tuple(text, field->shape, field->dimensions);
    }
    marray_text_add(text, ")");
}

/* numpy/core/_internal.py: _array_descr(). */
static int write_descr(const struct building *building)
{
    struct marray_record *record = building->record;
    struct marray_text text = {0};
    uint64_t offset = 0;
    marray_text_add(&text, "[");
    for (uint32_t i = 0; i < record->count; i++) {
        const struct marray_record_field *field = &record->fields[i];
        write_blank(&text, field->offset_bytes - offset, text.length > 1 ? ", " : "");
        marray_text_add(&text, "%s", text.length > 1 ? ", " : "");
        write_field(&text, field);
        offset = (uint64_t)field->offset_bytes + field->size_bytes;
    }
    write_blank(&text, building->offset_bytes - offset, text.length > 1 ? ", " : "");
    marray_text_add(&text, "]");
    if (text.memory_is_short) {
        free(text.bytes);
        return no_memory(building->literal);
    }
    record->descr = text.bytes;
    return 0;
}

static bool is_packed(const struct marray_record *record, uint64_t item_bytes)
{
    uint64_t used_bytes = 0;
    for (uint32_t i = 0; i < record->count; i++) {
        const struct marray_record *inner = record->fields[i].dtype.record;
        if (inner && !inner->is_packed)
            return false;
        used_bytes += record->fields[i].size_bytes;
    }
    return used_bytes == item_bytes;
}

static int read_fields(struct building *building)
{
    struct marray_literal *literal = building->literal;
    bool has_comma = true;
    if (!marray_literal_take(literal, '['))
        return marray_literal_bad(literal, "a '[' is missing");
    while (!marray_literal_take(literal, ']')) {
        if (!has_comma)
            return marray_literal_bad(literal, "a ',' is missing between fields");
        struct marray_record_field field = {0};
        int status = read_field(building, &field);
        if (status) {
            release_field(&field);
            return status;
        }
        status = add_field(building, &field);
        if (status)
            return status;
        has_comma = marray_literal_take(literal, ',');
    }
    return 0;
}

int marray_record_read(struct marray_literal *literal, int depth, struct marray_dtype *dtype)
{
    if (depth == MARRAY_MAX_NESTING)
        return marray_fail(literal->message, -ENOTSUP, "%s: fields nested more than %d deep",
                           literal->subject, MARRAY_MAX_NESTING);
    struct building building = {
        .literal = literal, .depth = depth, .record = calloc(1, sizeof(*building.record))};
    if (!building.record)
        return no_memory(literal);
    atomic_init(&building.record->references, 1);
    int status = read_fields(&building);
    if (!status)
        status = check_names(&building);
    if (!status)
        status = write_descr(&building);
    if (status) {
        marray_record_release(building.record);
        return status;
    }
    building.record->is_packed = is_packed(building.record, building.offset_bytes);
    *dtype = (struct marray_dtype){
        .type = MARRAY_RECORD,
        .item_bytes = (uint32_t)building.offset_bytes,
        .unit_bytes = 1,
        .time_unit = MARRAY_TIME_GENERIC,
        .time_multiple = 1,
        .record = building.record,
    };
    return 0;
}
