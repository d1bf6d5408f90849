/*
 * Creating files: validated before, whole afterwards or undone.
 *
 * A file that exists is never made shorter, since a page behind its end kills every process that
 * has it mapped. When the new array needs less, a new file takes the name of the old one, which
 * lives on until the last map of it goes. Creators of one path take turns, by a lock of one byte
 * that no array reaches, so that none judges by a length that another is about to change.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/map.h"
#include "mapping/message.h"

#define NEW_FILE_PERMISSIONS 0666 /* less the umask */
#define TEMPORARY_NAMES      100
/* A file that loses its name this often while it is being opened is somebody's busy exchange. */
#define OPEN_ATTEMPTS 100
/* The last byte that a lock can name; the last byte of a file can only stand before it. */
#define TURN_OFFSET ((uint64_t)INT64_MAX - 1)

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
        if (marray_os_inspect_path(request->path, &target) != -ENOENT) {
            status = marray_file_open(request->path, MARRAY_CREATE, &creation->descriptor,
                                      &creation->identity, request->message);
            return status == -ENOENT ? -EAGAIN : status;
        }
        /* A symbolic link to nothing: its target is what is created. */
        status =
            marray_os_create(request->path, NEW_FILE_PERMISSIONS, false, &creation->descriptor);
    }
    if (status)
        return fail_at(creation, status, "create");
    creation->is_new = true;
    return 0;
}

/* File systems without locks have no turns: then only creators at the same instant differ. */
static void take_turn(int descriptor)
{
    int status;
    do {
        status = marray_os_lock(descriptor, MARRAY_LOCK_EXCLUSIVE, TURN_OFFSET, 1, true);
    } while (status == -EINTR);
}

static void end_turn(int descriptor)
{
    marray_os_unlock(descriptor, TURN_OFFSET, 1);
}

/* Whether the path still leads to the open file, and how long that is now. */
static int look_again(struct creation *creation, bool *same)
{
    struct marray_os_status named;
    int status = marray_os_inspect(creation->descriptor, &creation->identity);
    if (status)
        return fail_at(creation, status, "inspect");
    status = marray_os_inspect_path(creation->request->path, &named);
    if (status && status != -ENOENT)
        return fail_at(creation, status, "inspect");
    *same = !status && named.device == creation->identity.device &&
            named.inode == creation->identity.inode;
    return 0;
}

/* Opens or creates, and has the turn. */
static int open_in_turn(struct creation *creation)
{
    for (int i = 0; i < OPEN_ATTEMPTS; i++) {
        int status = open_or_create(creation);
        if (status == -EAGAIN) /* removed between two looks */
            continue;
        if (status)
            return status;
        take_turn(creation->descriptor);
        bool same = false;
        status = look_again(creation, &same);
        if (status)
            return status;
        if (same) {
            creation->old_bytes = creation->identity.size_bytes;
            /* Another creator found it before this one had its turn. */
            if (creation->old_bytes > 0)
                creation->is_new = false;
            return 0;
        }
        creation->is_new = false;
        marray_os_close(creation->descriptor);
        creation->descriptor = -1;
    }
    return fail_at(creation, -EBUSY, "keep hold of");
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
    if (creation->old_bytes <= request->header_bytes)
        return 0;
    int status =
        marray_os_zero(creation->descriptor, request->header_bytes,
                       creation->old_bytes - request->header_bytes, request->flags & MARRAY_SPARSE);
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

static void release(struct creation *creation)
{
    if (creation->descriptor >= 0)
        marray_os_close(creation->descriptor);
    free(creation->old_header);
    free(creation->name);
}

/* In the file that creation has the turn of. */
static int build_in_place(struct creation *creation, struct marray_map **map)
{
    struct marray_map *made = NULL;
    int status = 0;
    if (creation->is_new)
        status = marray_os_real_path(creation->request->path, &creation->name);
    if (status)
        status = fail_at(creation, status, "find the new");
    else
        status = build(creation, &made);
    if (!status && !creation->is_new)
        status = clear_old_contents(creation);
    if (status) {
        undo(creation);
        if (made) {
            end_turn(creation->descriptor);
            marray_map_release(made);
            creation->descriptor = -1;
        }
        return status;
    }
    end_turn(creation->descriptor);
    creation->descriptor = -1;
    made->name_is_new = creation->is_new;
    made->real_path = creation->name;
    creation->name = NULL;
    *map = made;
    return 0;
}

/* A name of its own beside the target, so that the rename stays within one file system. */
static int create_temporary(struct creation *creation, const char *target,
                            const struct marray_os_status *old)
{
    uint32_t permissions = old ? old->permissions : NEW_FILE_PERMISSIONS;
    size_t size = strlen(target) + 48;
    creation->name = malloc(size);
    if (!creation->name)
        return fail_at(creation, -ENOMEM, "name a temporary file for");
    int status = -EEXIST;
    for (int i = 0; i < TEMPORARY_NAMES && status == -EEXIST; i++) {
        snprintf(creation->name, size, "%s.%" PRId64 "-%d.tmp", target, marray_os_process(), i);
        status = marray_os_create(creation->name, permissions, true, &creation->descriptor);
    }
    if (status == -EACCES || status == -EPERM || status == -EROFS)
        return marray_fail(creation->request->message, status,
                           "cannot put a new file in the place of '%s': %s in its folder; to make "
                           "the old one shorter open it with mode r+ and use marray_resize()",
                           creation->request->path, marray_reason(status));
    if (status)
        return fail_at(creation, status, "create a temporary file for");
    creation->is_new = true;
    if (old)
        marray_os_set_owner(creation->descriptor, old);
    /* Creation took the umask off, and a new owner the set-user bits. */
    status = old ? marray_os_set_permissions(creation->descriptor, permissions) : 0;
    return status ? fail_at(creation, status, "set the permissions of the new") : 0;
}

/* The moment of change is the rename; after it the only thing left to fail is the folder. */
static int publish(struct creation *creation, const char *target, bool existed)
{
    bool durably = creation->request->flags & MARRAY_DURABLE_CREATE;
    int status = durably ? marray_os_sync_file(creation->descriptor, NULL, 0) : 0;
    if (status)
        return fail_at(creation, status, "make durable the new");
    status = marray_os_rename(creation->name, target);
    if (status)
        return fail_at(creation, status, "rename a temporary file to");
    if (!durably)
        return 0;
    status = marray_os_sync_folder_of(target);
    if (status && !existed)
        marray_os_remove(target);
    return status ? fail_at(creation, status, "make durable the folder of") : 0;
}

/* What the new file replaces: its real name and permissions, or path itself and -ENOENT. */
static int find_target(const struct creation *creation, char **target, struct marray_os_status *old)
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
    status = marray_file_open(request->path, MARRAY_CREATE, &descriptor, old, request->message);
    if (status)
        return status;
    marray_os_close(descriptor);
    return 0;
}

/* A new file under a temporary name, and the rename that puts it in the place of an old one. */
static int create_by_rename(const struct marray_map_request *request, struct marray_map **map)
{
    struct creation creation = {
        .request = request,
        .total_bytes = request->data_offset + request->data_bytes,
        .descriptor = -1,
    };
    struct marray_map *made = NULL;
    char *target = NULL;
    struct marray_os_status old = {.permissions = NEW_FILE_PERMISSIONS};
    int status = find_target(&creation, &target, &old);
    bool existed = status == 0;
    if (status && status != -ENOENT)
        goto cleanup;
    status = create_temporary(&creation, target, existed ? &old : NULL);
    if (!status)
        status = build(&creation, &made);
    if (!status)
        status = publish(&creation, target, existed);
cleanup:
    if (status && creation.descriptor >= 0)
        undo(&creation);
    if (made)
        creation.descriptor = -1;
    if (status && made)
        marray_map_release(made);
    if (!status) {
        made->name_is_new = !(request->flags & MARRAY_DURABLE_CREATE);
        made->real_path = target;
        target = NULL;
        *map = made;
    }
    free(target);
    release(&creation);
    return status;
}

int marray_map_create(const struct marray_map_request *request, struct marray_map **map)
{
    if (request->flags & MARRAY_DURABLE_CREATE)
        return create_by_rename(request, map);
    struct creation creation = {
        .request = request,
        .total_bytes = request->data_offset + request->data_bytes,
        .descriptor = -1,
    };
    int status = open_in_turn(&creation);
    if (status && creation.is_new) {
        undo(&creation);
    } else if (!status && creation.old_bytes > creation.total_bytes) {
        /* The turn ends early then: of two creators the last one wins, with a whole file. */
        if (!marray_os_replaces_open_files()) {
            marray_os_close(creation.descriptor);
            creation.descriptor = -1;
        }
        status = create_by_rename(request, map);
    } else if (!status) {
        status = build_in_place(&creation, map);
    }
    release(&creation);
    return status;
}
