/* Finding the members of .npz files, and mapping stored ones. */
#include "mapping/npz.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/array.h"
#include "mapping/message.h"
#include "mapping/npy.h"

#define END_BYTES       22
#define END64_BYTES     56
#define LOCATOR_BYTES   20
#define ENTRY_BYTES     46
#define LOCAL_BYTES     30
#define LONGEST_COMMENT 65535
#define NAME_BYTES      256
#define EXTRA_ZIP64     1
#define METHOD_STORED   0
#define FLAG_ENCRYPTED  1
#define IN_ZIP64        UINT32_MAX
#define SEARCH_BYTES    4096

static const unsigned char end_magic[4] = {'P', 'K', 5, 6};
static const unsigned char end64_magic[4] = {'P', 'K', 6, 6};
static const unsigned char locator_magic[4] = {'P', 'K', 6, 7};
static const unsigned char entry_magic[4] = {'P', 'K', 1, 2};
static const unsigned char local_magic[4] = {'P', 'K', 3, 4};

/* Offsets count from `base`, where the archive begins in the file. */
struct directory {
    const struct marray_npz_source *source;
    struct marray_message *message;
    uint64_t base;
    uint64_t start, end; /* in the file */
};

struct entry {
    unsigned flags, method;
    uint64_t stored_bytes, size_bytes;
    uint64_t local_offset;
};

static uint64_t number(const unsigned char *bytes, int size)
{
    uint64_t value = 0;
    for (int i = size - 1; i >= 0; i--)
        value = value << 8 | bytes[i];
    return value;
}

static int bad(const struct directory *directory, const char *what)
{
    return marray_fail(directory->message, -EBADMSG, "not a valid .npz file: %s", what);
}

/* Reads what must be within [offset, limit). */
static int read_within(const struct directory *directory, void *bytes, size_t size, uint64_t offset,
                       uint64_t limit)
{
    if (offset > limit || size > limit - offset)
        return bad(directory, "it ends in the middle of a header");
    int status = directory->source->read(directory->source->context, bytes, size, offset);
    if (status)
        return marray_fail(directory->message, status, "cannot read it: %s", marray_reason(status));
    return 0;
}

/* The end record stands before a comment of any length: the last one in the file whose comment fits
 * exactly. */
static int find_end(const struct directory *directory, uint64_t *end_offset)
{
    unsigned char bytes[SEARCH_BYTES];
    uint64_t size = directory->source->size_bytes;
    if (size < END_BYTES)
        return bad(directory, "it is too short");
    uint64_t last = size - END_BYTES;
    uint64_t first = last > LONGEST_COMMENT ? last - LONGEST_COMMENT : 0;
    for (uint64_t after = last + 1; after > first;) {
        /* Places [from, after), and the record that begins at the last of them. */
        uint64_t from =
            after - first > SEARCH_BYTES - END_BYTES ? after - (SEARCH_BYTES - END_BYTES) : first;
        int status =
            read_within(directory, bytes, (size_t)(after - from) + END_BYTES - 1, from, size);
        if (status)
            return status;
        for (uint64_t place = after; place > from; place--) {
            const unsigned char *record = bytes + (place - 1 - from);
            if (memcmp(record, end_magic, 4) || number(record + 20, 2) != last - (place - 1))
                continue;
            *end_offset = place - 1;
            return 0;
        }
        after = from;
    }
    return bad(directory, "it has no directory");
}

static int place_directory(struct directory *directory, uint64_t end_offset, uint64_t offset,
                           uint64_t size)
{
    if (size > end_offset || offset > end_offset - size)
        return bad(directory, "its directory is outside of it");
    directory->start = end_offset - size;
    directory->end = end_offset;
    directory->base = directory->start - offset;
    return 0;
}

/* Right before the end record, if anywhere; the ZIP64 record right before its locator, where
 * writers put it: with something in front of the archive the offset in the locator is off. */
static int read_end64(struct directory *directory, uint64_t end_offset, bool *found)
{
    unsigned char bytes[END64_BYTES + LOCATOR_BYTES];
    *found = false;
    if (end_offset < sizeof(bytes))
        return 0;
    uint64_t offset = end_offset - sizeof(bytes);
    int status = read_within(directory, bytes, sizeof(bytes), offset, end_offset);
    if (status || memcmp(bytes + END64_BYTES, locator_magic, 4))
        return status;
    if (memcmp(bytes, end64_magic, 4))
        return bad(directory, "its ZIP64 end record is missing");
    *found = true;
    return place_directory(directory, offset, number(bytes + 48, 8), number(bytes + 40, 8));
}

static int open_directory(struct directory *directory)
{
    uint64_t end_offset;
    bool is_zip64 = false;
    unsigned char record[END_BYTES];
    int status = find_end(directory, &end_offset);
    if (!status)
        status = read_end64(directory, end_offset, &is_zip64);
    if (status || is_zip64)
        return status;
    status =
        read_within(directory, record, sizeof(record), end_offset, directory->source->size_bytes);
    if (status)
        return status;
    return place_directory(directory, end_offset, number(record + 16, 4), number(record + 12, 4));
}

/* Takes the sizes and the offset that did not fit into 32 bits from the extra fields. */
static int read_extra(const struct directory *directory, uint64_t offset, uint64_t length,
                      struct entry *entry)
{
    uint64_t *const wanted[] = {&entry->size_bytes, &entry->stored_bytes, &entry->local_offset};
    uint64_t end = offset + length;
    while (end - offset >= 4) {
        unsigned char header[4];
        int status = read_within(directory, header, sizeof(header), offset, end);
        if (status)
            return status;
        offset += sizeof(header);
        uint64_t size = number(header + 2, 2);
        if (size > end - offset)
            break;
        uint64_t field_end = offset + size;
        for (int i = 0; i < 3 && number(header, 2) == EXTRA_ZIP64; i++) {
            unsigned char value[8];
            if (*wanted[i] != IN_ZIP64)
                continue;
            status = read_within(directory, value, sizeof(value), offset, field_end);
            if (status)
                return status;
            *wanted[i] = number(value, 8);
            offset += sizeof(value);
        }
        offset = field_end;
    }
    return 0;
}

/* "x" and "x.npy" are both the array x; an exact name goes first. */
enum match { MATCH_NONE, MATCH_BASE, MATCH_EXACT };

static int match_name(const struct directory *directory, uint64_t offset, uint64_t length,
                      const char *member, enum match *match)
{
    char name[NAME_BYTES + sizeof(".npy")];
    size_t wanted = strlen(member);
    *match = MATCH_NONE;
    if (length != wanted && length != wanted + 4)
        return 0;
    int status = read_within(directory, name, (size_t)length, offset, directory->end);
    if (status || memcmp(name, member, wanted))
        return status;
    if (length == wanted)
        *match = MATCH_EXACT;
    else if (!memcmp(name + wanted, ".npy", 4))
        *match = MATCH_BASE;
    return 0;
}

static int find_entry(const struct directory *directory, const char *member, struct entry *entry)
{
    enum match best = MATCH_NONE;
    unsigned char bytes[ENTRY_BYTES];
    for (uint64_t at = directory->start; at < directory->end;) {
        int status = read_within(directory, bytes, sizeof(bytes), at, directory->end);
        if (status)
            return status;
        if (memcmp(bytes, entry_magic, 4))
            return bad(directory, "its directory is damaged");
        at += ENTRY_BYTES;
        uint64_t name_bytes = number(bytes + 28, 2);
        uint64_t extra_bytes = number(bytes + 30, 2);
        uint64_t comment_bytes = number(bytes + 32, 2);
        if (name_bytes + extra_bytes + comment_bytes > directory->end - at)
            return bad(directory, "it ends in the middle of a header");
        enum match match;
        status = match_name(directory, at, name_bytes, member, &match);
        if (!status && match != MATCH_NONE && match >= best) {
            best = match;
            *entry = (struct entry){
                .flags = (unsigned)number(bytes + 8, 2),
                .method = (unsigned)number(bytes + 10, 2),
                .stored_bytes = number(bytes + 20, 4),
                .size_bytes = number(bytes + 24, 4),
                .local_offset = number(bytes + 42, 4),
            };
            status = read_extra(directory, at + name_bytes, extra_bytes, entry);
        }
        if (status)
            return status;
        at += name_bytes + extra_bytes + comment_bytes;
    }
    if (best == MATCH_NONE)
        return marray_fail(directory->message, -ENOENT, "it has no member '%s'", member);
    return 0;
}

static int find_data(const struct directory *directory, const struct entry *entry, uint64_t *offset)
{
    unsigned char local[LOCAL_BYTES];
    uint64_t limit = directory->start;
    if (entry->local_offset > limit - directory->base)
        return bad(directory, "a member is outside of it");
    uint64_t at = directory->base + entry->local_offset;
    int status = read_within(directory, local, sizeof(local), at, limit);
    if (status)
        return status;
    if (memcmp(local, local_magic, 4))
        return bad(directory, "a member is not where the directory says");
    uint64_t header_bytes = LOCAL_BYTES + number(local + 26, 2) + number(local + 28, 2);
    if (header_bytes > limit - at || entry->stored_bytes > limit - at - header_bytes)
        return bad(directory, "a member ends outside of it");
    *offset = at + header_bytes;
    return 0;
}

int marray_npz_find(const struct marray_npz_source *source, const char *member, uint64_t *offset,
                    uint64_t *size_bytes, struct marray_message *message)
{
    struct directory directory = {.source = source, .message = message};
    struct entry entry = {0};
    if (strlen(member) > NAME_BYTES)
        return marray_fail(message, -ENOENT, "a member of a longer name than %d bytes", NAME_BYTES);
    int status = open_directory(&directory);
    if (!status)
        status = find_entry(&directory, member, &entry);
    if (status)
        return status;
    if (entry.flags & FLAG_ENCRYPTED)
        return marray_fail(message, -ENOTSUP, "member '%s' is encrypted", member);
    if (entry.method != METHOD_STORED)
        return marray_fail(message, -ENOTSUP,
                           "member '%s' is compressed and cannot be mapped: save the file with "
                           "numpy.savez instead of savez_compressed",
                           member);
    if (entry.stored_bytes != entry.size_bytes)
        return bad(&directory, "the two sizes of a stored member differ");
    status = find_data(&directory, &entry, offset);
    if (!status)
        *size_bytes = entry.size_bytes;
    return status;
}

static int read_file(void *context, void *bytes, size_t size, uint64_t offset)
{
    const int *descriptor = context;
    size_t count;
    int status = marray_os_read_at(*descriptor, bytes, size, offset, &count);
    /* Cut since its size was asked for. */
    return !status && count < size ? -ENODATA : status;
}

/* The .npy header at offset, with at most limit characters of text. */
static int read_header(int descriptor, uint64_t offset, uint64_t size_bytes, uint64_t limit,
                       struct marray_npy *npy, struct marray_message *reason)
{
    unsigned char prefix[MARRAY_NPY_PREFIX_BYTES];
    size_t size = size_bytes < sizeof(prefix) ? (size_t)size_bytes : sizeof(prefix);
    size_t header_bytes;
    int status = read_file(&descriptor, prefix, size, offset);
    if (status)
        return marray_fail(reason, status, "cannot read it: %s", marray_reason(status));
    status = marray_npy_header_size(prefix, size, limit, &header_bytes, reason);
    if (status)
        return status;
    if (size_bytes < header_bytes || header_bytes < sizeof(prefix))
        return marray_fail(reason, -EBADMSG, "not a valid .npy file: it ends in its header");
    size = header_bytes;
    unsigned char *bytes = malloc(size);
    if (!bytes)
        return marray_fail(reason, -ENOMEM, "no memory for its header");
    status = read_file(&descriptor, bytes, size, offset);
    if (status)
        marray_fail(reason, status, "cannot read it: %s", marray_reason(status));
    else
        status = marray_npy_parse(bytes, size, limit, npy, reason);
    free(bytes);
    return status;
}

/* What a member holds and where: outputs for marray_open(). The dtype is to be released. */
static int read_member(int descriptor, uint64_t file_bytes, const char *member, uint64_t limit,
                       struct marray_npy *npy, struct marray_message *reason)
{
    struct marray_npz_source source = {&descriptor, file_bytes, read_file};
    uint64_t offset = 0;
    uint64_t size_bytes = 0;
    int status = marray_npz_find(&source, member, &offset, &size_bytes, reason);
    if (status)
        return status;
    status = read_header(descriptor, offset, size_bytes, limit, npy, reason);
    if (status)
        return status;
    uint64_t length;
    uint64_t data_bytes;
    status = marray_layout_size(npy->shape, npy->dimensions, npy->dtype.item_bytes, &length,
                                &data_bytes);
    if (status)
        return marray_fail(reason, status, "the shape of member '%s' does not fit into 2^63 - 1",
                           member);
    if (data_bytes > size_bytes - npy->data_offset)
        return marray_fail(reason, -EBADMSG,
                           "member '%s' has %" PRIu64 " bytes of data, its shape needs %" PRIu64,
                           member, size_bytes - npy->data_offset, data_bytes);
    npy->data_offset += offset;
    return 0;
}

static int check_arguments(const char *path, const char *member, const struct marray_spec *spec)
{
    if (!path || !member || !spec || !marray_spec_is_known(spec))
        return -EINVAL;
    if (spec->mode != MARRAY_READ && spec->mode != MARRAY_COPY_ON_WRITE)
        return marray_fail(spec->message, -ENOTSUP,
                           "'%s': members of .npz files are opened with mode r or c: a store would "
                           "make the checksum in the file wrong",
                           path);
    if (spec->offset_bytes)
        return marray_fail(spec->message, -EINVAL,
                           "'%s': the .npz file gives the offset, leave it 0", path);
    return 0;
}

int marray_open_npz(const char *path, const char *member, const struct marray_spec *spec,
                    struct marray **array)
{
    int descriptor;
    struct marray_os_status file;
    struct marray_npy npy = {0};
    struct marray_message reason = {""};
    int status = check_arguments(path, member, spec);
    if (!status)
        status = marray_file_open(path, spec->mode, &descriptor, &file, spec->message);
    if (status)
        return status;
    status = read_member(descriptor, file.size_bytes, member, marray_spec_header_limit(spec), &npy,
                         &reason);
    marray_os_close(descriptor);
    if (status) {
        marray_dtype_release(&npy.dtype);
        return marray_fail(spec->message, status, "'%.255s': %.240s", path, reason.text);
    }
    struct marray_spec found = MARRAY_SPEC_INIT;
    found.mode = spec->mode;
    found.flags = spec->flags;
    found.message = spec->message;
    found.dtype = marray_dtype_descr(&npy.dtype);
    found.offset_bytes = npy.data_offset;
    found.dimensions = npy.dimensions;
    found.shape = npy.shape;
    found.order = npy.fortran_order ? MARRAY_ORDER_F : MARRAY_ORDER_C;
    status = marray_open(path, &found, array);
    marray_dtype_release(&npy.dtype);
    return status;
}
