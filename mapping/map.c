/* Opening files and mapping them. */
#include "mapping/map.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/message.h"

static const char *remedy_of_open(int status)
{
    switch (status) {
    case -EMFILE:
        return ": raise the limit with ulimit -n";
    case -EACCES:
    case -EPERM:
        return ": check the permissions of the file and its folder, or open it with mode r";
    case -EROFS:
        return ": open it with mode r or c";
    default:
        return "";
    }
}

int marray_file_open(const char *path, enum marray_mode mode, int *descriptor,
                     struct marray_os_status *status, struct marray_message *message)
{
    bool writable = mode == MARRAY_READ_WRITE || mode == MARRAY_CREATE;
    int opened;
    int result = marray_os_open(path, writable, &opened);
    if (result)
        return marray_fail(message, result, "cannot open '%s': %s%s", path, marray_reason(result),
                           remedy_of_open(result));
    struct marray_os_status found;
    result = marray_os_inspect(opened, &found);
    if (result)
        marray_fail(message, result, "cannot inspect '%s': %s", path, marray_reason(result));
    else if (found.is_folder)
        result = marray_fail(message, -EISDIR, "cannot map '%s': it is a folder", path);
    else if (!found.is_regular)
        result = marray_fail(message, -ENODEV, "cannot map '%s': it is not a regular file", path);
    if (result) {
        marray_os_close(opened);
        return result;
    }
    *descriptor = opened;
    *status = found;
    return 0;
}

void marray_file_restore_size(int descriptor, uint64_t old_bytes, uint64_t total_bytes)
{
    struct marray_os_status now;
    if (marray_os_inspect(descriptor, &now) == 0 && now.size_bytes > old_bytes &&
        now.size_bytes <= total_bytes)
        marray_os_set_size(descriptor, old_bytes);
}

int marray_file_extend(const struct marray_map_request *request, int descriptor, uint64_t start,
                       uint64_t old_bytes, uint64_t total_bytes)
{
    int status = 0;
    if (!(request->flags & MARRAY_SPARSE))
        status = marray_os_allocate(descriptor, start, total_bytes - start);
    else if (total_bytes > old_bytes)
        status = marray_os_set_size(descriptor, total_bytes);
    if (!status)
        return 0;
    marray_file_restore_size(descriptor, old_bytes, total_bytes);
    return marray_fail(request->message, status, "cannot give '%s' %" PRIu64 " bytes: %s%s",
                       request->path, total_bytes, marray_reason(status),
                       status == -EOPNOTSUPP ? ": this file system cannot allocate, ask for sparse"
                                             : "");
}

static int fail_mapping(const struct marray_map_request *request, int status, uint64_t bytes)
{
    return marray_fail(request->message, status, "cannot map %" PRIu64 " bytes of '%s': %s%s",
                       bytes, request->path, marray_reason(status),
                       status == -ENOMEM ? ": close arrays, or raise vm.max_map_count or ulimit -v"
                                         : "");
}

static int map_file(const struct marray_map_request *request, const struct marray_map *map,
                    void **base)
{
    enum marray_os_map_kind kind = MARRAY_OS_MAP_SHARED;
    if (request->mode == MARRAY_READ)
        kind = MARRAY_OS_MAP_READ;
    if (request->mode == MARRAY_COPY_ON_WRITE)
        kind = MARRAY_OS_MAP_PRIVATE;
    return marray_os_map(map->descriptor, map->file_offset, map->size_bytes, kind, base);
}

static int map_data(const struct marray_map_request *request, struct marray_map *map)
{
    if (request->data_bytes == 0)
        return 0;
    uint64_t page_bytes = marray_os_page_bytes();
    map->file_offset = request->data_offset / page_bytes * page_bytes;
    map->size_bytes = request->data_offset + request->data_bytes - map->file_offset;
    void *base;
    int status = map->is_anonymous
                     ? marray_os_map_memory(map->size_bytes, request->mode == MARRAY_CREATE,
                                            request->flags & MARRAY_SPARSE, &base)
                     : map_file(request, map, &base);
    if (!status && (request->flags & MARRAY_NO_FORK)) {
        status = marray_os_keep_from_children(base, map->size_bytes);
        if (status)
            marray_os_unmap(base, map->size_bytes);
    }
    if (status)
        return fail_mapping(request, status, map->size_bytes);
    map->base = base;
    map->mapped_bytes = map->size_bytes;
    map->reserved_bytes = map->size_bytes;
    return 0;
}

static int make_map(const struct marray_map_request *request, int descriptor, bool is_anonymous,
                    struct marray_map **map)
{
    struct marray_map *made = calloc(1, sizeof(*made));
    int status = 0;
    if (made)
        made->path = strdup(request->path);
    if (!made || !made->path) {
        status = marray_fail(request->message, -ENOMEM, "no memory to open '%s'", request->path);
        goto cleanup;
    }
    made->mode = request->mode;
    made->flags = request->flags;
    made->descriptor = descriptor;
    made->is_anonymous = is_anonymous;
    made->has_no_path = is_anonymous;
    made->process = marray_os_process();
    made->data_offset = request->data_offset;
    made->data_bytes = request->data_bytes;
    status = map_data(request, made);
cleanup:
    if (status) {
        if (made)
            free(made->path);
        free(made);
        return status;
    }
    *map = made;
    return 0;
}

int marray_map_new(const struct marray_map_request *request, int descriptor,
                   struct marray_map **map)
{
    return make_map(request, descriptor, false, map);
}

int marray_map_anonymous(const struct marray_map_request *request, struct marray_map **map)
{
    return make_map(request, -1, true, map);
}

int marray_map_memory_file(const struct marray_map_request *request, struct marray_map **map)
{
    int descriptor;
    int status = marray_os_create_memory(request->path, &descriptor);
    if (status)
        return marray_fail(request->message, status, "cannot create '%s' in memory: %s",
                           request->path, marray_reason(status));
    status =
        marray_file_extend(request, descriptor, 0, 0, request->data_offset + request->data_bytes);
    if (!status)
        status = marray_map_new(request, descriptor, map);
    if (status) {
        marray_os_close(descriptor);
        return status;
    }
    (*map)->has_no_path = true;
    return 0;
}

int marray_map_existing(const struct marray_map_request *request, int descriptor,
                        const struct marray_os_status *status, struct marray_map **map)
{
    uint64_t total_bytes = request->data_offset + request->data_bytes;
    bool is_short = total_bytes > status->size_bytes;
    if (is_short && request->mode != MARRAY_READ_WRITE)
        return marray_fail(request->message, -ENODATA,
                           "'%s' has %" PRIu64 " bytes, the array needs %" PRIu64
                           ": only mode r+ makes a file longer",
                           request->path, status->size_bytes, total_bytes);
    int result = 0;
    if (is_short)
        result = marray_file_extend(request, descriptor, status->size_bytes, status->size_bytes,
                                    total_bytes);
    if (result)
        return result;
    result = marray_map_new(request, descriptor, map);
    if (result && is_short)
        marray_file_restore_size(descriptor, status->size_bytes, total_bytes);
    return result;
}

bool marray_map_is_here(const struct marray_map *map)
{
    return !(map->flags & MARRAY_NO_FORK) || marray_os_process() == map->process;
}

void marray_map_release(struct marray_map *map)
{
    /* In a child that did not inherit it, something else may stand there. */
    if (map->base && marray_map_is_here(map))
        marray_os_unmap(map->base, map->reserved_bytes);
    if (map->descriptor >= 0)
        marray_os_close(map->descriptor);
    free(map->layout);
    free(map->real_path);
    free(map->path);
    free(map);
}
