/* Creating files: validated before, whole afterwards or undone. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/map.h"
#include "mapping/message.h"

#define NEW_FILE_PERMISSIONS 0666 /* less the umask */
#define TEMPORARY_NAMES      100

/* A file on its way to what the request wants. */
struct creation {
    const struct marray_map_request *request;
    uint64_t total_bytes;
    int descriptor; /* -1 when closed or handed over */
    bool is_new;
    uint64_t old_bytes; /* of a file that existed */
    struct marray_os_status identity;
    char *name;       /* absolute, of what is removed if a new file fails; the map takes it */
    void *old_header; /* what stood where the header went, once it is overwritten */
    size_t old_header_bytes;
};

static int fail_at(const struct creation *creation, int status, const char *action)
{
    return marray_fail(creation->request->message, status, "cannot %s '%s': %s", action,
                       creation->request->path, marray_reason(status));
}

/* Opens what is there, or creates it where it is missing. */
static int open_or_create(struct creation *creation)
{
    const struct marray_map_request *request = creation->request;
    int status = marray_os_create(request->path, NEW_FILE_PERMISSIONS, true, &creation->descriptor);
    if (status == -EEXIST) {
        struct marray_os_status target;
        if (marray_os_inspect_path(request->path, &target) != -ENOENT)
            return marray_file_open(request->path, MARRAY_CREATE, &creation->descriptor,
                                    &creation->identity, request->message);
        /* A symbolic link to nothing: its target is what is created. */
        status =
            marray_os_create(request->path, NEW_FILE_PERMISSIONS, false, &creation->descriptor);
    }
    if (status)
        return fail_at(creation, status, "create");
    creation->is_new = true;
    status = marray_os_real_path(request->path, &creation->name);
    return status ? fail_at(creation, status, "find the new") : 0;
}

static int write_header(struct creation *creation)
{
    const struct marray_map_request *request = creation->request;
    if (request->header_bytes == 0)
        return 0;
    int status = 0;
    if (!creation->is_new) {
        void *old_header = malloc(request->header_bytes);
        if (!old_header)
            return fail_at(creation, -ENOMEM, "keep the old header of");
        status = marray_os_read_at(creation->descriptor, old_header, request->header_bytes, 0,
                                   &creation->old_header_bytes);
        creation->old_header = old_header;
    }
    if (!status)
        status =
            marray_os_write_at(creation->descriptor, request->header, request->header_bytes, 0);
    return status ? fail_at(creation, status, "write the header of") : 0;
}

/* The last step, since it alone cannot be undone: the old contents go. */
static int clear_old_contents(const struct creation *creation)
{
    const struct marray_map_request *request = creation->request;
    uint64_t kept_bytes = creation->old_bytes;
    if (kept_bytes > creation->total_bytes)
        kept_bytes = creation->total_bytes;
    if (creation->old_bytes > creation->total_bytes) {
        int status = marray_os_set_size(creation->descriptor, creation->total_bytes);
        if (status)
            return fail_at(creation, status, "shorten");
    }
    if (kept_bytes <= request->header_bytes)
        return 0;
    int status = marray_os_zero(creation->descriptor, request->header_bytes,
                                kept_bytes - request->header_bytes, request->flags & MARRAY_SPARSE);
    return status ? fail_at(creation, status, "clear the old contents, now partly gone, of") : 0;
}

static void undo(struct creation *creation)
{
    if (creation->is_new) {
        marray_os_remove(creation->name ? creation->name : creation->request->path);
        return;
    }
    if (creation->old_header)
        marray_os_write_at(creation->descriptor, creation->old_header, creation->old_header_bytes,
                           0);
    marray_file_restore_size(creation->descriptor, creation->old_bytes, creation->total_bytes);
}

/* Room, map and header for an open descriptor; nothing of an old file is lost yet. */
static int build(struct creation *creation, struct marray_map **map)
{
    int status = marray_file_extend(creation->request, creation->descriptor, 0, creation->old_bytes,
                                    creation->total_bytes);
    if (!status)
        status = marray_map_new(creation->request, creation->descriptor, map);
    if (!status)
        status = write_header(creation);
    return status;
}

static int create_in_place(struct creation *creation, struct marray_map **map)
{
    struct marray_map *made = NULL;
    int status = open_or_create(creation);
    if (status)
        goto cleanup;
    creation->old_bytes = creation->identity.size_bytes;
    status = build(creation, &made);
    if (status)
        goto cleanup;
    if (!creation->is_new)
        status = clear_old_contents(creation);
cleanup:
    if (status) {
        if (creation->descriptor >= 0)
            undo(creation);
        if (made) {
            marray_map_release(made);
            creation->descriptor = -1;
        }
        return status;
    }
    creation->descriptor = -1;
    made->name_is_new = creation->is_new;
    made->real_path = creation->name;
    creation->name = NULL;
    *map = made;
    return 0;
}

/* A name of its own beside the target, so that the rename stays within one file system. */
static int create_temporary(struct creation *creation, const char *target, uint32_t permissions,
                            bool existed)
{
    size_t size = strlen(target) + 48;
    creation->name = malloc(size);
    if (!creation->name)
        return fail_at(creation, -ENOMEM, "name a temporary file for");
    int status = -EEXIST;
    for (int i = 0; i < TEMPORARY_NAMES && status == -EEXIST; i++) {
        snprintf(creation->name, size, "%s.%" PRId64 "-%d.tmp", target, marray_os_process(), i);
        status = marray_os_create(creation->name, permissions, true, &creation->descriptor);
    }
    if (status)
        return fail_at(creation, status, "create a temporary file for");
    creation->is_new = true;
    /* Creation took the umask off. */
    status = existed ? marray_os_set_permissions(creation->descriptor, permissions) : 0;
    return status ? fail_at(creation, status, "set the permissions of the new") : 0;
}

/* The moment of change is the rename; after it the only thing left to fail is the folder. */
static int publish(struct creation *creation, const char *target, bool existed)
{
    int status = marray_os_sync_file(creation->descriptor);
    if (status)
        return fail_at(creation, status, "make durable the new");
    status = marray_os_rename(creation->name, target);
    if (status)
        return fail_at(creation, status, "rename a temporary file to");
    status = marray_os_sync_folder_of(target);
    if (status && !existed)
        marray_os_remove(target);
    return status ? fail_at(creation, status, "make durable the folder of") : 0;
}

/* What the new file replaces: its real name and permissions, or path itself and -ENOENT. */
static int find_target(const struct creation *creation, char **target, uint32_t *permissions)
{
    const struct marray_map_request *request = creation->request;
    int status = marray_os_real_path(request->path, target);
    if (status == -ENOENT) {
        *target = strdup(request->path);
        return *target ? -ENOENT : fail_at(creation, -ENOMEM, "create");
    }
    if (status)
        return fail_at(creation, status, "find");
    int descriptor;
    struct marray_os_status old;
    status = marray_file_open(request->path, MARRAY_CREATE, &descriptor, &old, request->message);
    if (status)
        return status;
    marray_os_close(descriptor);
    *permissions = old.permissions;
    return 0;
}

static int create_durably(struct creation *creation, struct marray_map **map)
{
    struct marray_map *made = NULL;
    char *target = NULL;
    uint32_t permissions = NEW_FILE_PERMISSIONS;
    int status = find_target(creation, &target, &permissions);
    bool existed = status == 0;
    if (status && status != -ENOENT)
        goto cleanup;
    status = create_temporary(creation, target, permissions, existed);
    if (!status)
        status = build(creation, &made);
    if (!status)
        status = publish(creation, target, existed);
cleanup:
    if (status && creation->descriptor >= 0)
        undo(creation);
    if (made)
        creation->descriptor = -1;
    if (status && made)
        marray_map_release(made);
    if (!status)
        *map = made;
    free(target);
    return status;
}

int marray_map_create(const struct marray_map_request *request, struct marray_map **map)
{
    struct creation creation = {
        .request = request,
        .total_bytes = request->data_offset + request->data_bytes,
        .descriptor = -1,
    };
    int status = request->flags & MARRAY_DURABLE_CREATE ? create_durably(&creation, map)
                                                        : create_in_place(&creation, map);
    if (creation.descriptor >= 0)
        marray_os_close(creation.descriptor);
    free(creation.old_header);
    free(creation.name);
    return status;
}
