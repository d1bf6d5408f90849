/* O_DIRECT on files whose arrays begin anywhere: windows of whole units around the bytes asked for.
 */
#include "workloads/support/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "workloads/support/buffer.h"
#include "workloads/support/target.h"

#define GUESSED_UNIT_BYTES 4096
/* The lock of unit k is byte EDGE_LOCKS + k of the file, where no file has bytes. */
#define EDGE_LOCKS (INT64_C(1) << 62)

#define REMEDY "choose a folder on a disk with --dir, or another engine"

/* A page cache without a device below it: newer kernels accept O_DIRECT there and ignore it. */
static const char *memory_file_system(int descriptor)
{
    struct statfs status;
    if (fstatfs(descriptor, &status))
        return NULL;
    switch (status.f_type) {
    case TMPFS_MAGIC:
        return "tmpfs";
    case RAMFS_MAGIC:
        return "ramfs";
    case HUGETLBFS_MAGIC:
        return "hugetlbfs";
    default:
        return NULL;
    }
}

/* STATX_DIOALIGN is there since Linux 6.1, and file systems follow one by one. */
static int ask_unit(struct mm_direct *direct, const char *path, struct mm_error *error)
{
    struct statx status = {0};
    direct->unit_bytes = GUESSED_UNIT_BYTES;
    direct->unit_is_told = false;
    if (syscall(SYS_statx, direct->plain, "", AT_EMPTY_PATH, STATX_DIOALIGN, &status) ||
        !(status.stx_mask & STATX_DIOALIGN))
        return 0;
    uint64_t unit = status.stx_dio_offset_align;
    if (unit == 0)
        return mm_error_set(error, -EOPNOTSUPP,
                            "'%s': the file system has no direct I/O for this file; " REMEDY, path);
    if (unit < status.stx_dio_mem_align)
        unit = status.stx_dio_mem_align;
    /* Buffers are aligned to pages. */
    if (status.stx_dio_mem_align > (uint64_t)sysconf(_SC_PAGESIZE) || (unit & (unit - 1)))
        return mm_error_set(error, -EOPNOTSUPP,
                            "'%s': direct I/O asks for memory aligned to %" PRIu32
                            " bytes, more than a page; " REMEDY,
                            path, status.stx_dio_mem_align);
    direct->unit_bytes = unit;
    direct->unit_is_told = true;
    return 0;
}

static int open_direct(struct mm_direct *direct, const struct mm_engine_target *target,
                       struct mm_error *error)
{
    const char *memory = memory_file_system(direct->plain);
    if (memory)
        return mm_error_set(error, -EOPNOTSUPP,
                            "'%s' is on %s, which keeps it in memory: there is no device to reach "
                            "directly; " REMEDY,
                            target->path, memory);
    int status = ask_unit(direct, target->path, error);
    if (status)
        return status;
    direct->descriptor =
        open(target->path, (target->writable ? O_RDWR : O_RDONLY) | O_DIRECT | O_CLOEXEC);
    if (direct->descriptor >= 0)
        return 0;
    if (errno == EINVAL)
        return mm_error_set(error, -EOPNOTSUPP, "'%s': the file system refuses O_DIRECT; " REMEDY,
                            target->path);
    return mm_error_set(error, -errno, "cannot open '%s' with O_DIRECT: %s", target->path,
                        strerror(errno));
}

int mm_direct_open(const struct mm_engine_target *target, struct mm_direct *direct,
                   struct mm_error *error)
{
    struct mm_direct opening = {.descriptor = -1, .plain = -1};
    int status = mm_target_open(target, &opening.plain, error);
    if (status == 0)
        status = open_direct(&opening, target, error);
    if (status)
        goto cleanup;
    off_t end = lseek(opening.plain, 0, SEEK_END);
    if (end < 0) {
        status = mm_error_set(error, -errno, "cannot tell the length of '%s': %s", target->path,
                              strerror(errno));
        goto cleanup;
    }
    opening.file_bytes = (uint64_t)end;
    opening.whole_bytes = mm_direct_round_down(&opening, opening.file_bytes);
    opening.edge = mm_buffer_allocate(opening.unit_bytes);
    if (!opening.edge) {
        status = mm_error_set(error, -ENOMEM, "no memory to open '%s'", target->path);
        goto cleanup;
    }
    *direct = opening;
    return 0;
cleanup:
    mm_direct_close(&opening, NULL);
    return status;
}

static int close_one(int *descriptor, struct mm_error *error)
{
    int closing = *descriptor;
    *descriptor = -1;
    if (closing >= 0 && close(closing))
        return mm_error_set(error, -errno, "cannot close the file: %s", strerror(errno));
    return 0;
}

int mm_direct_close(struct mm_direct *direct, struct mm_error *error)
{
    int status = close_one(&direct->descriptor, error);
    int second = close_one(&direct->plain, status ? NULL : error);
    mm_buffer_free(direct->edge, direct->unit_bytes);
    direct->edge = NULL;
    return status ? status : second;
}

uint64_t mm_direct_round_down(const struct mm_direct *direct, uint64_t bytes)
{
    return bytes & ~(direct->unit_bytes - 1);
}

uint64_t mm_direct_round_up(const struct mm_direct *direct, uint64_t bytes)
{
    return mm_direct_round_down(direct, bytes + direct->unit_bytes - 1);
}

uint64_t mm_direct_window_has(const struct mm_direct *direct, uint64_t start_bytes,
                              uint64_t length_bytes)
{
    uint64_t left = direct->file_bytes > start_bytes ? direct->file_bytes - start_bytes : 0;
    return left < length_bytes ? left : length_bytes;
}

int mm_direct_read_window(const struct mm_direct *direct, void *buffer, uint64_t length_bytes,
                          uint64_t start_bytes, struct mm_error *error)
{
    uint64_t needed = mm_direct_window_has(direct, start_bytes, length_bytes);
    uint64_t done = 0;
    while (done < needed) {
        ssize_t got = pread(direct->descriptor, (unsigned char *)buffer + done, length_bytes - done,
                            (off_t)(start_bytes + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return mm_error_set(error, -errno,
                                "cannot read %" PRIu64 " bytes at byte %" PRIu64
                                " of the file directly: %s",
                                length_bytes - done, start_bytes + done, strerror(errno));
        done += (uint64_t)got;
        /* What ends within a unit is the end of the file. */
        if (done < needed && (got == 0 || done % direct->unit_bytes))
            return mm_error_set(error, -ENODATA,
                                "the file ends at byte %" PRIu64 ", within the array",
                                start_bytes + done);
    }
    return 0;
}

/* Locks that share no byte with those of workloads, though both are of one open description. */
static int lock_unit(const struct mm_direct *direct, uint64_t start_bytes, short kind,
                     struct mm_error *error)
{
    struct flock lock = {
        .l_type = kind,
        .l_whence = SEEK_SET,
        .l_start = (off_t)(EDGE_LOCKS + (int64_t)(start_bytes / direct->unit_bytes)),
        .l_len = 1,
    };
    while (fcntl(direct->plain, F_OFD_SETLKW, &lock)) {
        if (errno != EINTR)
            return mm_error_set(error, -errno, "cannot %s a unit that is written in part: %s",
                                kind == F_UNLCK ? "unlock" : "lock", strerror(errno));
    }
    return 0;
}

int mm_direct_write_edge(const struct mm_direct *direct, const void *bytes, uint64_t length_bytes,
                         uint64_t start_bytes, struct mm_error *error)
{
    uint64_t unit_start = mm_direct_round_down(direct, start_bytes);
    if (unit_start >= direct->whole_bytes)
        return mm_target_write(direct->plain, bytes, length_bytes, start_bytes, error);
    int status = lock_unit(direct, unit_start, F_WRLCK, error);
    if (status)
        return status;
    status = mm_direct_read_window(direct, direct->edge, direct->unit_bytes, unit_start, error);
    if (status == 0) {
        memcpy(direct->edge + (start_bytes - unit_start), bytes, length_bytes);
        status = mm_target_write(direct->descriptor, direct->edge, direct->unit_bytes, unit_start,
                                 error);
    }
    int unlocked = lock_unit(direct, unit_start, F_UNLCK, status ? NULL : error);
    return status ? status : unlocked;
}

void mm_direct_middle(const struct mm_direct *direct, uint64_t start_bytes, uint64_t length_bytes,
                      uint64_t *middle, uint64_t *end)
{
    *middle = mm_direct_round_up(direct, start_bytes);
    *end = mm_direct_round_down(direct, start_bytes + length_bytes);
    if (*end > direct->whole_bytes)
        *end = direct->whole_bytes;
    if (*end < *middle)
        *end = *middle;
}

int mm_direct_write_edges(const struct mm_direct *direct, const unsigned char *bytes,
                          uint64_t length_bytes, uint64_t start_bytes, struct mm_error *error)
{
    uint64_t stop = start_bytes + length_bytes;
    uint64_t middle;
    uint64_t end;
    int status = 0;
    mm_direct_middle(direct, start_bytes, length_bytes, &middle, &end);
    for (uint64_t at = start_bytes; status == 0 && at < stop;) {
        if (at == middle && end > middle) {
            at = end;
            continue;
        }
        uint64_t next = mm_direct_round_down(direct, at) + direct->unit_bytes;
        if (next > stop)
            next = stop;
        status = mm_direct_write_edge(direct, bytes + (at - start_bytes), next - at, at, error);
        at = next;
    }
    return status;
}

int mm_direct_flush(const struct mm_direct *direct, enum mm_flush_level level,
                    struct mm_error *error)
{
    int status = 0;
    if (level == MM_FLUSH_ASYNC)
        status = sync_file_range(direct->plain, 0, 0, SYNC_FILE_RANGE_WRITE);
    else if (level == MM_FLUSH_DATA)
        status = fdatasync(direct->plain);
    else
        status = fsync(direct->plain);
    if (status)
        return mm_error_set(error, -errno, "cannot flush the file: %s", strerror(errno));
    return 0;
}

void mm_direct_describe(const struct mm_direct *direct, const struct mm_engine_facts *facts)
{
    facts->text(facts->context, "direct_unit_source",
                direct->unit_is_told ? "statx(STATX_DIOALIGN)" : "assumed");
    facts->number(facts->context, "direct_unit_bytes", (double)direct->unit_bytes);
    facts->number(facts->context, "tail_bytes_through_page_cache",
                  (double)(direct->file_bytes - direct->whole_bytes));
}
