/* Arrays of another length: resize, and append with room to spare. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/array.h"
#include "mapping/message.h"

/* Address space is free; what is reserved need not be moved later. */
#define RESERVED_FACTOR   16
#define RESERVED_AT_LEAST (UINT64_C(1) << 30)
/* Fewer bytes are not worth a system call for every append. */
#define SPARE_AT_LEAST (UINT64_C(64) << 10)

/* Of a .npy header: magic, version, length of the text. */
#define PREFIX_BYTES 12

/* A header before and after. */
struct header {
    unsigned char *old_bytes, *new_bytes;
    size_t size;
};

static int check_resizable(struct marray *array)
{
    const struct marray_map *map = array->map;
    if (array->is_view)
        return marray_fail(array->message, -EINVAL,
                           "'%s': a view cannot change its length, the opened array can",
                           MARRAY_PATH(array));
    if (map->mode == MARRAY_READ || map->mode == MARRAY_COPY_ON_WRITE)
        return marray_fail(array->message, -EACCES, "'%s': only modes r+ and w+ change a length",
                           MARRAY_PATH(array));
    if (marray_os_process() != map->process)
        return marray_fail(array->message, -EPERM,
                           "'%s' was opened before fork, its length is the parent's: open it again",
                           MARRAY_PATH(array));
    int status = marray_check_descriptor(array, "another length");
    if (status)
        return status;
    if (!marray_os_extends_maps())
        return marray_fail(array->message, -EOPNOTSUPP,
                           "'%s': this system cannot change a file under its map: close it, and "
                           "open it in mode r+ with the new shape",
                           MARRAY_PATH(array));
    if (map->is_described)
        return marray_fail(array->message, -EINVAL,
                           "'%s': an array opened from a description cannot change its length",
                           MARRAY_PATH(array));
    uint64_t views = atomic_load(&map->views);
    if (views > 0)
        return marray_fail(array->message, -EBUSY,
                           "'%s': %" PRIu64 " views are open: close them first", MARRAY_PATH(array),
                           views);
    return 0;
}

static int fail_doing(struct marray *array, int status, const char *action)
{
    return marray_fail(array->message, status, "cannot %s '%s': %s", action, MARRAY_PATH(array),
                       marray_reason(status));
}

/* ---- Headers ---- */

/* Finds the value behind 'key': in text; a field of that name has a comma there. */
static char *find_value(char *text, const char *key)
{
    size_t length = strlen(key);
    char *found = text;
    while ((found = strstr(found, key))) {
        char quote = found > text ? found[-1] : '\0';
        const char *behind = found + length;
        found += length;
        if ((quote != '\'' && quote != '"') || *behind != quote)
            continue;
        behind += 1 + strspn(behind + 1, " \t\n");
        if (*behind == ':')
            return text + (behind - text) + 1 + strspn(behind + 1, " \t\n");
    }
    return NULL;
}

/* Replaces the value that ends behind the first of the characters of ends. The text has room. */
static int replace_value(char *text, const char *key, const char *end, const char *value)
{
    char *start = find_value(text, key);
    if (!start)
        return -EBADMSG;
    size_t length = strcspn(start, end);
    if (*end == ')' && start[length] == ')')
        length++;
    size_t value_length = strlen(value);
    memmove(start + value_length, start + length, strlen(start + length) + 1);
    memcpy(start, value, value_length);
    return 0;
}

static void print_shape(char *text, size_t room, int dimensions, const uint64_t *shape)
{
    size_t used = (size_t)snprintf(text, room, "(");
    for (int axis = 0; axis < dimensions; axis++)
        used += (size_t)snprintf(text + used, room - used, "%s%" PRIu64, axis > 0 ? ", " : "",
                                 shape[axis]);
    snprintf(text + used, room - used, "%s)", dimensions == 1 ? "," : "");
}

static int fail_header(struct marray *array)
{
    return marray_fail(array->message, -EBADMSG, "'%s': its header is not a .npy file's any more",
                       MARRAY_PATH(array));
}

/* Reads the header of the file and makes the one of the new shape, of the same size. */
static int make_header(struct marray *array, int dimensions, const uint64_t *shape,
                       bool fortran_order, struct header *header)
{
    const struct marray_map *map = array->map;
    char shape_text[MARRAY_MAX_DIMENSIONS * 24 + 8];
    size_t size = (size_t)map->data_offset;
    size_t count;
    size_t room = size + sizeof(shape_text) + 8;
    header->size = size;
    header->old_bytes = malloc(size);
    header->new_bytes = calloc(1, room);
    if (!header->old_bytes || !header->new_bytes)
        return fail_doing(array, -ENOMEM, "make a header for");
    int status = marray_os_read_at(map->descriptor, header->old_bytes, size, 0, &count);
    if (status)
        return fail_doing(array, status, "read the header of");
    if (count < size || size <= PREFIX_BYTES || memcmp(header->old_bytes, "\x93NUMPY", 6))
        return fail_header(array);
    memcpy(header->new_bytes, header->old_bytes, size);
    char *text = (char *)header->new_bytes + (header->old_bytes[6] == 1 ? 10 : 12);
    bool has_newline = header->new_bytes[size - 1] == '\n';
    print_shape(shape_text, sizeof(shape_text), dimensions, shape);
    status = replace_value(text, "shape", ")", shape_text);
    if (!status)
        status = replace_value(text, "fortran_order", ",} \n", fortran_order ? "True" : "False");
    if (status)
        return fail_header(array);
    size_t used = strlen(text);
    while (used > 0 && (text[used - 1] == ' ' || text[used - 1] == '\n'))
        used--;
    size_t space = size - (size_t)(text - (char *)header->new_bytes) - has_newline;
    if (used > space)
        return marray_fail(array->message, -ENOSPC,
                           "'%s': the shape %s does not fit into the header of %zu bytes",
                           MARRAY_PATH(array), shape_text, size);
    memset(text + used, ' ', space - used);
    if (has_newline)
        text[space] = '\n';
    return 0;
}

static void free_header(struct header *header)
{
    free(header->old_bytes);
    free(header->new_bytes);
}

/* ---- Files and maps ---- */

static struct marray_map_request request_of(struct marray *array)
{
    const struct marray_map *map = array->map;
    return (struct marray_map_request){
        .path = map->path,
        .mode = map->mode,
        .flags = map->flags,
        .message = array->message,
    };
}

static uint64_t round_up(uint64_t bytes)
{
    uint64_t page_bytes = marray_os_page_bytes();
    return (bytes + page_bytes - 1) / page_bytes * page_bytes;
}

/* What a map was and what it becomes; nothing of the old one is given up before commit_room(). */
struct room {
    unsigned char *base;
    uint64_t file_offset, mapped_bytes, reserved_bytes;
};

/* Address space for reserve_bytes and the file in its first bytes; less space where it is short. */
static int map_anew(const struct marray_map *map, uint64_t bytes, uint64_t reserve_bytes,
                    struct room *room)
{
    void *base = NULL;
    int status = -ENOMEM;
    for (uint64_t length = round_up(reserve_bytes); status == -ENOMEM && length >= bytes;
         length /= 2) {
        room->reserved_bytes = round_up(length);
        status = marray_os_reserve(room->reserved_bytes, &base);
    }
    if (status)
        return status;
    status = marray_os_map_at(base, map->descriptor, room->file_offset, bytes);
    if (status) {
        marray_os_unmap(base, room->reserved_bytes);
        return status;
    }
    room->base = base;
    room->mapped_bytes = bytes;
    return 0;
}

static void drop_room(const struct marray_map *map, const struct room *room)
{
    if (room->base && room->base != map->base)
        marray_os_unmap(room->base, room->reserved_bytes);
}

/* Room for the file up to its byte `end`, where the map is if that can be. */
static int make_room(struct marray *array, uint64_t end, bool reserve, struct room *room)
{
    const struct marray_map *map = array->map;
    uint64_t page_bytes = marray_os_page_bytes();
    *room = (struct room){
        .base = map->base,
        .file_offset = map->data_offset / page_bytes * page_bytes,
        .mapped_bytes = map->mapped_bytes,
        .reserved_bytes = map->reserved_bytes,
    };
    uint64_t bytes = end - room->file_offset;
    if (end == map->data_offset || (map->base && bytes <= map->mapped_bytes))
        return 0;
    int status;
    uint64_t done = round_up(map->mapped_bytes);
    if (map->base && bytes <= round_up(map->reserved_bytes)) {
        status = bytes <= done ? 0
                               : marray_os_map_at(map->base + done, map->descriptor,
                                                  room->file_offset + done, bytes - done);
        room->mapped_bytes = bytes;
    } else {
        uint64_t wanted = bytes;
        if (reserve && __builtin_mul_overflow(bytes, RESERVED_FACTOR, &wanted))
            wanted = bytes;
        if (reserve && wanted < RESERVED_AT_LEAST)
            wanted = RESERVED_AT_LEAST;
        status = map_anew(map, bytes, wanted, room);
    }
    if (!status && (map->flags & MARRAY_NO_FORK)) {
        status = marray_os_keep_from_children(room->base, room->mapped_bytes);
        if (status)
            drop_room(map, room);
    }
    if (!status)
        return 0;
    return marray_fail(array->message, status, "cannot map %" PRIu64 " bytes of '%s': %s%s", bytes,
                       MARRAY_PATH(array), marray_reason(status),
                       status == -ENOMEM ? ": close arrays, or raise vm.max_map_count or ulimit -v"
                                         : "");
}

static void commit_room(struct marray_map *map, const struct room *room)
{
    if (map->base && map->base != room->base)
        marray_os_unmap(map->base, map->reserved_bytes);
    map->base = room->base;
    map->file_offset = room->file_offset;
    map->mapped_bytes = room->mapped_bytes;
    map->reserved_bytes = room->reserved_bytes;
}

static void set_data_bytes(struct marray_map *map, uint64_t data_bytes)
{
    map->data_bytes = data_bytes;
    map->size_bytes = map->base ? map->data_offset + data_bytes - map->file_offset : 0;
}

/* ---- Resize ---- */

struct resizing {
    struct marray *array;
    int dimensions;
    const uint64_t *shape;
    uint64_t length, data_bytes, end; /* end: of the data, in the file */
    uint64_t *layout;                 /* shape and strides to be */
    struct header header;
    struct room room;
    uint64_t file_bytes; /* of the file before */
};

static int plan_resize(struct resizing *resizing)
{
    struct marray *array = resizing->array;
    int dimensions = resizing->dimensions;
    if (dimensions < 0 || dimensions > MARRAY_MAX_DIMENSIONS ||
        (dimensions > 0 && !resizing->shape))
        return marray_fail(array->message, -EINVAL, "'%s': %d dimensions, or no shape for them",
                           MARRAY_PATH(array), dimensions);
    int status = marray_layout_size(resizing->shape, dimensions, array->dtype.item_bytes,
                                    &resizing->length, &resizing->data_bytes);
    if (status ||
        __builtin_add_overflow(array->map->data_offset, resizing->data_bytes, &resizing->end) ||
        resizing->end > INT64_MAX)
        return marray_fail(array->message, -EOVERFLOW,
                           "'%s': the shape and the offset do not fit into 2^63 - 1 bytes",
                           MARRAY_PATH(array));
    size_t axes = (size_t)dimensions;
    resizing->layout = calloc(2 * axes + 1, sizeof(uint64_t));
    if (!resizing->layout)
        return fail_doing(array, -ENOMEM, "resize");
    if (axes > 0)
        memcpy(resizing->layout, resizing->shape, axes * sizeof(uint64_t));
    marray_layout_strides(resizing->layout, dimensions, array->dtype.item_bytes, array->map->order,
                          (int64_t *)(resizing->layout + axes));
    if (!array->map->is_npy)
        return 0;
    bool fortran_order =
        array->map->order == MARRAY_ORDER_F &&
        !marray_layout_is_contiguous(resizing->layout, (int64_t *)(resizing->layout + axes),
                                     dimensions, array->dtype.item_bytes, MARRAY_ORDER_C);
    return make_header(array, dimensions, resizing->layout, fortran_order, &resizing->header);
}

/* File, map and header for the new shape; undoes what it has done when it fails. */
static int carry_out(struct resizing *resizing)
{
    struct marray *array = resizing->array;
    struct marray_map *map = array->map;
    uint64_t old_end = map->data_offset + map->data_bytes;
    bool grows = resizing->end > resizing->file_bytes;
    bool cuts = resizing->end < old_end && resizing->file_bytes == old_end;
    struct marray_map_request request = request_of(array);
    int status = 0;
    if (grows)
        status = marray_file_extend(&request, map->descriptor, resizing->file_bytes,
                                    resizing->file_bytes, resizing->end);
    if (status)
        return status;
    if (resizing->data_bytes > 0)
        status = make_room(array, resizing->end, false, &resizing->room);
    if (status)
        goto undo_size;
    const struct header *header = &resizing->header;
    if (header->size > 0)
        status = marray_os_write_at(map->descriptor, header->new_bytes, header->size, 0);
    if (status) {
        status = fail_doing(array, status, "write the header of");
        goto undo_header;
    }
    if (cuts)
        status = marray_os_set_size(map->descriptor, resizing->end);
    if (!status)
        return 0;
    status = fail_doing(array, status, "shorten");
undo_header:
    if (header->size > 0)
        marray_os_write_at(map->descriptor, header->old_bytes, header->size, 0);
    drop_room(map, &resizing->room);
undo_size:
    if (grows)
        marray_file_restore_size(map->descriptor, resizing->file_bytes, resizing->end);
    return status;
}

static void commit_resize(struct resizing *resizing)
{
    struct marray *array = resizing->array;
    struct marray_map *map = array->map;
    commit_room(map, &resizing->room);
    set_data_bytes(map, resizing->data_bytes);
    map->header_is_old = false;
    map->full_flush_is_due = map->is_npy;
    free(map->layout);
    map->layout = resizing->layout;
    array->shape = resizing->layout;
    array->strides = (int64_t *)(resizing->layout + resizing->dimensions);
    array->dimensions = resizing->dimensions;
    array->data = NULL;
    marray_array_place(array, map->data_offset);
    resizing->layout = NULL;
}

int marray_resize(struct marray *array, int dimensions, const uint64_t *shape)
{
    struct resizing resizing = {.array = array, .dimensions = dimensions, .shape = shape};
    int status = check_resizable(array);
    if (!status)
        status = plan_resize(&resizing);
    if (!status)
        status = marray_map_settle(array);
    struct marray_os_status file;
    if (!status) {
        status = marray_os_inspect(array->map->descriptor, &file);
        if (status)
            status = fail_doing(array, status, "inspect");
        else
            resizing.file_bytes = file.size_bytes;
    }
    if (!status)
        status = carry_out(&resizing);
    if (!status)
        commit_resize(&resizing);
    free_header(&resizing.header);
    free(resizing.layout);
    return status;
}

/* ---- Append ---- */

/* Where the data ends with count entries more. */
static int plan_append(struct marray *array, int axis, uint64_t count, uint64_t *end)
{
    uint64_t shape[MARRAY_MAX_DIMENSIONS];
    memcpy(shape, array->shape, (size_t)array->dimensions * sizeof(shape[0]));
    uint64_t length, data_bytes;
    int status = __builtin_add_overflow(shape[axis], count, &shape[axis])
                     ? -EOVERFLOW
                     : marray_layout_size(shape, array->dimensions, array->dtype.item_bytes,
                                          &length, &data_bytes);
    if (status || __builtin_add_overflow(array->map->data_offset, data_bytes, end) ||
        *end > INT64_MAX)
        return marray_fail(array->message, -EOVERFLOW,
                           "'%s': %" PRIu64 " more entries do not fit into 2^63 - 1 bytes",
                           MARRAY_PATH(array), count);
    return 0;
}

/* Twice the data, so that n appends move the end log n times; just enough when the disk is full. */
static int prepare_file(struct marray *array, uint64_t end, uint64_t *prepared_end)
{
    struct marray_map *map = array->map;
    struct marray_os_status file;
    int status = marray_os_inspect(map->descriptor, &file);
    if (status)
        return fail_doing(array, status, "inspect");
    *prepared_end = end;
    if (end <= file.size_bytes)
        return 0;
    struct marray_map_request request = request_of(array);
    uint64_t spare_bytes = map->data_bytes > SPARE_AT_LEAST ? map->data_bytes : SPARE_AT_LEAST;
    uint64_t generous_end = end + spare_bytes;
    if (generous_end <= INT64_MAX && !marray_file_extend(&request, map->descriptor, file.size_bytes,
                                                         file.size_bytes, generous_end)) {
        *prepared_end = generous_end;
        map->spare_end = generous_end;
        return 0;
    }
    status = marray_file_extend(&request, map->descriptor, file.size_bytes, file.size_bytes, end);
    if (!status)
        map->spare_end = end;
    return status;
}

/* The entries from the first new one on. */
static int write_entries(struct marray *array, int axis, uint64_t first, const char *dtype,
                         const void *buffer, size_t buffer_bytes)
{
    const struct marray_slice slices[] = {MARRAY_ELLIPSIS,
                                          MARRAY_RANGE((int64_t)first, MARRAY_NONE, 1)};
    struct marray *part;
    int status = axis > 0 ? marray_slice(array, slices, 2, &part)
                          : marray_slice(array, slices + 1, 1, &part);
    if (status)
        return status;
    status = marray_write(part, dtype, buffer, buffer_bytes);
    if (status)
        *array->message = *part->message;
    marray_close(&part);
    return status;
}

static void set_entries(struct marray *array, int axis, uint64_t count, uint64_t data_bytes)
{
    set_data_bytes(array->map, data_bytes);
    array->shape[axis] = count;
    marray_layout_strides(array->shape, array->dimensions, array->dtype.item_bytes,
                          array->map->order, array->strides);
    marray_array_place(array, array->map->data_offset);
}

int marray_append(struct marray *array, uint64_t count, const char *dtype, const void *buffer,
                  size_t buffer_bytes)
{
    int status = check_resizable(array);
    if (status)
        return status;
    if (array->dimensions == 0)
        return marray_fail(array->message, -EINVAL, "'%s': an array without axes cannot grow",
                           MARRAY_PATH(array));
    struct marray_map *map = array->map;
    int axis = map->order == MARRAY_ORDER_F ? array->dimensions - 1 : 0;
    uint64_t old_count = array->shape[axis];
    uint64_t old_bytes = map->data_bytes;
    uint64_t end;
    status = plan_append(array, axis, count, &end);
    if (status)
        return status;
    uint64_t prepared_end = end;
    struct room room;
    status = prepare_file(array, end, &prepared_end);
    if (!status)
        status = make_room(array, prepared_end, true, &room);
    if (status)
        return status;
    commit_room(map, &room);
    set_entries(array, axis, old_count + count, end - map->data_offset);
    status = write_entries(array, axis, old_count, dtype, buffer, buffer_bytes);
    if (status)
        set_entries(array, axis, old_count, old_bytes);
    else
        map->header_is_old = map->is_npy;
    return status;
}

int marray_map_settle(struct marray *array)
{
    struct marray_map *map = array->map;
    struct marray_os_status file;
    int status = 0;
    /* A child knows the array as it was at the fork, its parent may have gone on. */
    if (marray_os_process() != map->process)
        return 0;
    if (map->header_is_old) {
        struct header header = {NULL, NULL, 0};
        bool fortran_order =
            map->order == MARRAY_ORDER_F && !marray_is_contiguous(array, MARRAY_ORDER_C);
        status = make_header(array, array->dimensions, array->shape, fortran_order, &header);
        if (!status) {
            status = marray_os_write_at(map->descriptor, header.new_bytes, header.size, 0);
            if (status)
                fail_doing(array, status, "write the header of");
        }
        free_header(&header);
        if (status)
            return status;
        map->header_is_old = false;
        map->full_flush_is_due = true;
    }
    if (map->spare_end == 0)
        return 0;
    /* Whoever made the file longer since has a use for it. */
    status = marray_os_inspect(map->descriptor, &file);
    if (!status && file.size_bytes == map->spare_end)
        status = marray_os_set_size(map->descriptor, map->data_offset + map->data_bytes);
    if (status)
        return fail_doing(array, status, "shorten");
    map->spare_end = 0;
    return 0;
}
