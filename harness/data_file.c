/* Making and checking generated data files. */
#include "harness/data_file.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/random.h"
#include "common/text.h"
#include "harness/data_cache.h"

#define WORD_BYTES  sizeof(uint64_t)
#define BLOCK_BYTES ((size_t)1 << 20)
#define PROBE_BYTES ((size_t)4096)

/*
 * Random bits are NaN or infinite in one of 2048 (f8) or 256 (f4), and most others are so far apart
 * that sums mean nothing. So the exponent of every float is replaced by one of the eight that end
 * at the value's 1.xxx: magnitudes from 2^-7 to 2, with random sign, mantissa and three random bits
 * of the exponent, which leaves 56 of 64 (27 of 32) bits random.
 */
#define F8_EXPONENT_MASK  UINT64_C(0x7ff0000000000000)
#define F8_EXPONENT_KEPT  UINT64_C(0x0070000000000000)
#define F8_EXPONENT_FIRST (UINT64_C(1016) << 52)
#define F4_EXPONENT_MASK  UINT64_C(0x7f8000007f800000)
#define F4_EXPONENT_KEPT  UINT64_C(0x0380000003800000)
#define F4_EXPONENT_FIRST ((UINT64_C(120) << 23) | (UINT64_C(120) << 55))

enum word_kind { WORD_INTEGER, WORD_F4, WORD_F8 };

static enum word_kind word_kind_of(const char *dtype)
{
    if (!strcmp(dtype, "<f4") || !strcmp(dtype, "<c8"))
        return WORD_F4;
    if (!strcmp(dtype, "<f8") || !strcmp(dtype, "<c16"))
        return WORD_F8;
    return WORD_INTEGER;
}

static uint64_t word_at(uint64_t seed, uint64_t index, enum word_kind kind)
{
    uint64_t word = mm_random_mix(seed + index);
    switch (kind) {
    case WORD_F8:
        /* 1016 ends in three zero bits, so the sum never carries. */
        return (word & ~F8_EXPONENT_MASK) | (F8_EXPONENT_FIRST + (word & F8_EXPONENT_KEPT));
    case WORD_F4:
        return (word & ~F4_EXPONENT_MASK) | (F4_EXPONENT_FIRST + (word & F4_EXPONENT_KEPT));
    case WORD_INTEGER:
        break;
    }
    return word;
}

void mm_data_file_expected(const struct mm_plan_file *file, uint64_t offset_bytes,
                           uint64_t length_bytes, void *buffer)
{
    unsigned char *out = buffer;
    enum word_kind kind = word_kind_of(file->array.dtype);
    uint64_t index = offset_bytes / WORD_BYTES;
    size_t skip = offset_bytes % WORD_BYTES;
    while (length_bytes) {
        uint64_t word = htole64(word_at(file->seed, index, kind));
        size_t count = WORD_BYTES - skip;
        if (count > length_bytes)
            count = (size_t)length_bytes;
        memcpy(out, (const unsigned char *)&word + skip, count);
        out += count;
        length_bytes -= count;
        index++;
        skip = 0;
    }
}

char *mm_data_file_default_folder(void)
{
    const char *folder = getenv("MAPMETER_DATA_DIR");
    if (folder && *folder)
        return strdup(folder);
    folder = getenv("XDG_CACHE_HOME");
    /* The specification says that a relative name there is to be ignored. */
    if (folder && folder[0] == '/')
        return mm_text_format("%s/mapmeter", folder);
    folder = getenv("HOME");
    if (folder && *folder)
        return mm_text_format("%s/.cache/mapmeter", folder);
    return strdup("/var/tmp/mapmeter");
}

static int write_block(int descriptor, const unsigned char *bytes, size_t size)
{
    while (size) {
        ssize_t written = write(descriptor, bytes, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

/* All bytes, written and durable. Blocks are allocated first: a full disk shows before the work,
 * and the file has few extents. */
static int write_data(const struct mm_plan_file *file, int descriptor)
{
    uint64_t size = file->array.size_bytes;
    if (size > INT64_MAX)
        return -EFBIG;
    if (fallocate(descriptor, 0, 0, (off_t)size) && errno != EOPNOTSUPP && errno != ENOSYS)
        return -errno;
    unsigned char *block = malloc(BLOCK_BYTES);
    if (!block)
        return -ENOMEM;
    int status = 0;
    for (uint64_t done = 0; done < size && !status;) {
        size_t count = size - done < BLOCK_BYTES ? (size_t)(size - done) : BLOCK_BYTES;
        mm_data_file_expected(file, done, count, block);
        status = write_block(descriptor, block, count);
        done += count;
    }
    free(block);
    if (!status && fsync(descriptor))
        status = -errno;
    return status;
}

/* A file without a name where the file system has that, so that nothing is left of a run that is
 * killed; else one of the name partial, and *named. Only the holder of the folder's lock comes
 * here, so what a killed run left of this name may be written over. */
static int open_new(const char *partial, int folder, int *descriptor, bool *named)
{
    int opened = openat(folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
    *named = opened < 0;
    if (opened < 0)
        opened = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (opened < 0)
        return -errno;
    *descriptor = opened;
    return 0;
}

/* Gives the file without a name the name partial: a link cannot take the place of another file, as
 * a rename does. */
static int give_name(int descriptor, const char *partial)
{
    char own[48];
    snprintf(own, sizeof(own), "/proc/self/fd/%d", descriptor);
    if (unlink(partial) && errno != ENOENT)
        return -errno;
    return linkat(AT_FDCWD, own, AT_FDCWD, partial, AT_SYMLINK_FOLLOW) ? -errno : 0;
}

static int cannot_make(const struct mm_plan_file *file, int status, struct mm_error *error)
{
    if (status == -ENOSPC || status == -EDQUOT)
        return mm_error_set(error, status,
                            "data file %s: no room for %" PRIu64 " MiB (%s); free some, or name "
                            "another folder by --data-dir or a smaller --size",
                            file->path, file->array.size_bytes >> 20, strerror(-status));
    return mm_error_set(error, status, "data file %s: %s", file->path, strerror(-status));
}

static int make_file(const struct mm_plan_file *file, const char *partial, int folder,
                     struct mm_error *error)
{
    int descriptor = -1;
    bool named = false;
    int status = open_new(partial, folder, &descriptor, &named);
    if (status)
        return cannot_make(file, status, error);
    status = write_data(file, descriptor);
    if (!status && !named) {
        status = give_name(descriptor, partial);
        named = !status;
    }
    close(descriptor);
    if (!status && rename(partial, file->path))
        status = -errno;
    if (status && named)
        unlink(partial);
    /* Some file systems cannot sync a folder and say EINVAL. */
    if (!status && fsync(folder) && errno != EINVAL)
        status = -errno;
    return status ? cannot_make(file, status, error) : 0;
}

static bool part_is_right(const struct mm_plan_file *file, int descriptor, uint64_t offset)
{
    unsigned char expected[PROBE_BYTES];
    unsigned char present[PROBE_BYTES];
    uint64_t left = file->array.size_bytes - offset;
    size_t count = left < PROBE_BYTES ? (size_t)left : PROBE_BYTES;
    mm_data_file_expected(file, offset, count, expected);
    return pread(descriptor, present, count, (off_t)offset) == (ssize_t)count &&
           !memcmp(expected, present, count);
}

/* Right in size and, for a file that only readers have, at both ends. What writing workloads left
 * in theirs is as good as anything, as long as it has its size. */
static bool is_whole(const struct mm_plan_file *file, int descriptor, const struct stat *state)
{
    uint64_t size = file->array.size_bytes;
    if ((uint64_t)state->st_size != size)
        return false;
    return file->writable ||
           (part_is_right(file, descriptor, 0) &&
            part_is_right(file, descriptor, size > PROBE_BYTES ? size - PROBE_BYTES : 0));
}

/* Holds the file that is there, unless another run does what forbids it. */
static int hold(const struct mm_plan_file *file, int folder, int descriptor, bool alone, int *held,
                struct mm_error *error)
{
    int status = mm_data_cache_hold(folder, descriptor, alone, held);
    if (status == -EBUSY)
        return mm_error_set(error, status,
                            "data file %s: another run is using it; wait until it has ended, or "
                            "name another folder by --data-dir",
                            file->path);
    return status ? mm_error_set(error, status, "data file %s: cannot be locked: %s", file->path,
                                 strerror(-status))
                  : 0;
}

/* The whole file that is there, held. -ENOENT: make it. */
static int take_existing(const struct mm_plan_file *file, int folder, int *held,
                         struct mm_error *error)
{
    int descriptor = open(file->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0 && errno == ENOENT)
        return -ENOENT;
    if (descriptor < 0)
        return mm_error_set(error, -errno, "data file %s: %s", file->path, strerror(errno));
    struct stat state;
    int status = 0;
    if (fstat(descriptor, &state)) {
        status = mm_error_set(error, -errno, "data file %s: %s", file->path, strerror(errno));
    } else if (!S_ISREG(state.st_mode)) {
        status = mm_error_set(error, -EINVAL,
                              "data file %s: something else has this name; remove it, or name "
                              "another folder by --data-dir",
                              file->path);
    } else {
        bool whole = is_whole(file, descriptor, &state);
        /* What is about to be replaced must be in nobody's hands. */
        status = hold(file, folder, descriptor, file->writable || !whole, held, error);
        if (!status && !whole) {
            close(*held);
            *held = -1;
            status = -ENOENT;
        }
    }
    close(descriptor);
    return status;
}

/* Opens and locks the folder of path; the lock goes with the descriptor. */
static int lock_folder(const char *path, int *descriptor, struct mm_error *error)
{
    char *folder = strdup(path);
    if (!folder)
        return mm_error_set(error, -ENOMEM, "not enough memory");
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    int status = mm_file_make_folders(folder, error);
    int opened = -1;
    if (!status) {
        opened = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (opened < 0)
            status = mm_error_set(error, -errno, "data folder %s: %s", folder, strerror(errno));
    }
    while (!status && flock(opened, LOCK_EX)) {
        if (errno != EINTR)
            status = mm_error_set(error, -errno, "data folder %s: cannot be locked: %s", folder,
                                  strerror(errno));
    }
    free(folder);
    if (status && opened >= 0)
        close(opened);
    if (!status)
        *descriptor = opened;
    return status;
}

static bool is_partial(const char *name)
{
    static const char start[] = "mapmeter-";
    static const char end[] = ".dat.partial";
    size_t length = strlen(name);
    return length > sizeof(start) + sizeof(end) && !strncmp(name, start, sizeof(start) - 1) &&
           !strcmp(name + length - (sizeof(end) - 1), end);
}

/* Only the holder of the lock makes files, so what has such a name is of a run that was killed. */
static void remove_partials(int folder)
{
    int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = again < 0 ? NULL : fdopendir(again);
    if (!stream) {
        if (again >= 0)
            close(again);
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(stream))) {
        if (is_partial(entry->d_name))
            unlinkat(dirfd(stream), entry->d_name, 0);
    }
    closedir(stream);
}

static int make_and_take(const struct mm_plan_file *file, uint64_t asked_bytes, int folder,
                         int *held, struct mm_error *error)
{
    int status =
        mm_data_cache_make_room(folder, file->path, file->array.size_bytes, asked_bytes, error);
    if (status)
        return status;
    char *partial = mm_text_format("%s.partial", file->path);
    status = partial ? make_file(file, partial, folder, error)
                     : mm_error_set(error, -ENOMEM, "not enough memory");
    free(partial);
    if (!status && take_existing(file, folder, held, error) == -ENOENT)
        status = mm_error_set(error, -EIO, "data file %s: what was written is not what is read",
                              file->path);
    return status;
}

int mm_data_file_ensure(const struct mm_plan_file *file, uint64_t asked_bytes, int *held,
                        struct mm_error *error)
{
    int folder = -1;
    int status = lock_folder(file->path, &folder, error);
    if (status)
        return status;
    remove_partials(folder);
    status = take_existing(file, folder, held, error);
    if (status == -ENOENT)
        status = make_and_take(file, asked_bytes, folder, held, error);
    close(folder);
    return status;
}
