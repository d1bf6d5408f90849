/* What engines share about the file behind the array: opening, whole transfers, record locks. */
#include "workloads/support/target.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int check_size(const struct mm_engine_target *target, const struct stat *status,
                      struct mm_error *error)
{
    const struct mm_array *array = &target->array;
    uint64_t end;
    if (array->size_bytes == 0)
        return mm_error_set(error, -EINVAL, "'%s': an array without bytes", target->path);
    if (__builtin_add_overflow(array->offset_bytes, array->size_bytes, &end) ||
        (S_ISREG(status->st_mode) && (uint64_t)status->st_size < end))
        return mm_error_set(
            error, -ENODATA, "'%s' has %jd bytes, the array needs %" PRIu64 " from byte %" PRIu64,
            target->path, (intmax_t)status->st_size, array->size_bytes, array->offset_bytes);
    return 0;
}

int mm_target_check(const struct mm_engine_target *target, struct mm_error *error)
{
    struct stat status;
    if (stat(target->path, &status))
        return mm_error_set(error, -errno, "cannot open '%s': %s", target->path, strerror(errno));
    return check_size(target, &status, error);
}

int mm_target_open(const struct mm_engine_target *target, int *descriptor, struct mm_error *error)
{
    struct stat status;
    int opened = open(target->path, (target->writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (opened < 0)
        return mm_error_set(error, -errno, "cannot open '%s' for %s: %s", target->path,
                            target->writable ? "writing" : "reading", strerror(errno));
    int result = fstat(opened, &status) ? mm_error_set(error, -errno, "cannot stat '%s': %s",
                                                       target->path, strerror(errno))
                                        : check_size(target, &status, error);
    if (result) {
        close(opened);
        return result;
    }
    *descriptor = opened;
    return 0;
}

int mm_target_read(int descriptor, void *buffer, uint64_t length_bytes, uint64_t offset_bytes,
                   struct mm_error *error)
{
    unsigned char *bytes = buffer;
    while (length_bytes) {
        ssize_t got = pread(descriptor, bytes, length_bytes, (off_t)offset_bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return mm_error_set(error, -errno,
                                "cannot read %" PRIu64 " bytes at byte %" PRIu64 " of the file: %s",
                                length_bytes, offset_bytes, strerror(errno));
        if (got == 0)
            return mm_error_set(error, -ENODATA,
                                "the file ends at byte %" PRIu64 ", within the array",
                                offset_bytes);
        bytes += got;
        offset_bytes += (uint64_t)got;
        length_bytes -= (uint64_t)got;
    }
    return 0;
}

int mm_target_write(int descriptor, const void *buffer, uint64_t length_bytes,
                    uint64_t offset_bytes, struct mm_error *error)
{
    const unsigned char *bytes = buffer;
    while (length_bytes) {
        ssize_t put = pwrite(descriptor, bytes, length_bytes, (off_t)offset_bytes);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return mm_error_set(
                error, -errno, "cannot write %" PRIu64 " bytes at byte %" PRIu64 " of the file: %s",
                length_bytes, offset_bytes, strerror(errno));
        bytes += put;
        offset_bytes += (uint64_t)put;
        length_bytes -= (uint64_t)put;
    }
    return 0;
}

static int set_lock(int descriptor, const struct mm_array *array, uint64_t offset_bytes,
                    uint64_t length_bytes, short kind, struct mm_error *error)
{
    if (offset_bytes >= array->size_bytes || length_bytes > array->size_bytes - offset_bytes)
        return mm_error_set(error, -ERANGE,
                            "a lock of %" PRIu64 " bytes at byte %" PRIu64
                            " of an array of %" PRIu64 " bytes",
                            length_bytes, offset_bytes, array->size_bytes);
    /* Length 0 would mean the end of the file, whatever lies behind the array. */
    struct flock lock = {
        .l_type = kind,
        .l_whence = SEEK_SET,
        .l_start = (off_t)(array->offset_bytes + offset_bytes),
        .l_len = (off_t)(length_bytes ? length_bytes : array->size_bytes - offset_bytes),
    };
    if (fcntl(descriptor, F_OFD_SETLKW, &lock))
        return mm_error_set(error, -errno, "cannot %s bytes of the file: %s",
                            kind == F_UNLCK ? "unlock" : "lock", strerror(errno));
    return 0;
}

int mm_target_lock(int descriptor, const struct mm_array *array, uint64_t offset_bytes,
                   uint64_t length_bytes, bool exclusive, struct mm_error *error)
{
    return set_lock(descriptor, array, offset_bytes, length_bytes, exclusive ? F_WRLCK : F_RDLCK,
                    error);
}

int mm_target_unlock(int descriptor, const struct mm_array *array, uint64_t offset_bytes,
                     uint64_t length_bytes, struct mm_error *error)
{
    return set_lock(descriptor, array, offset_bytes, length_bytes, F_UNLCK, error);
}
