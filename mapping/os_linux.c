/* Linux behind os.h: the one file with calls of the mmap family. */
#include "mapping/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

/* Newer than the headers this must build with: cachestat(2) of 6.5, MADV_POPULATE_READ of 5.14,
 * process_madvise(2) of 5.10. */
#ifndef __NR_cachestat
#define __NR_cachestat 451
#endif
#ifndef __NR_pidfd_open
#define __NR_pidfd_open 434
#endif
#ifndef __NR_process_madvise
#define __NR_process_madvise 440
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

struct cachestat_range {
    uint64_t offset;
    uint64_t length;
};

struct cachestat {
    uint64_t cached_pages;
    uint64_t dirty_pages;
    uint64_t write_back_pages;
    uint64_t evicted_pages;
    uint64_t recently_evicted_pages;
};

#define DESCRIPTOR_PATH       "/proc/self/fd/%d"
#define DESCRIPTOR_PATH_BYTES 32

/* One vector for mincore at a time: 16 MiB of 4 KiB pages. */
#define MINCORE_PAGES 4096
#define ZERO_BYTES    (64 * 1024)
/* Of the page cache: a huge page, or less. */
#define LARGEST_FOLIO_BYTES (UINT64_C(2) << 20)

static int status_of(int result)
{
    return result < 0 ? -errno : 0;
}

int marray_os_open(const char *path, bool writable, int *descriptor)
{
    int flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int opened = open(path, flags);
    if (opened < 0)
        return -errno;
    *descriptor = opened;
    return 0;
}

int marray_os_create(const char *path, uint32_t permissions, bool exclusive, int *descriptor)
{
    int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (exclusive ? O_EXCL : 0);
    int opened = open(path, flags, (mode_t)permissions);
    if (opened < 0)
        return -errno;
    *descriptor = opened;
    return 0;
}

int marray_os_close(int descriptor)
{
    /* After EINTR the descriptor is closed on Linux: a second close would hit a stranger. */
    int status = status_of(close(descriptor));
    return status == -EINTR ? 0 : status;
}

int marray_os_reopen(int descriptor, bool writable, int *reopened)
{
    /* Another open of what the link leads to, even when no name does (proc_pid_fd(5)). */
    char path[DESCRIPTOR_PATH_BYTES];
    snprintf(path, sizeof(path), DESCRIPTOR_PATH, descriptor);
    return marray_os_open(path, writable, reopened);
}

int marray_os_create_memory(const char *name, int *descriptor)
{
    int created = memfd_create(name, MFD_CLOEXEC);
    if (created < 0)
        return -errno;
    *descriptor = created;
    return 0;
}

static void describe(const struct stat *information, struct marray_os_status *status)
{
    status->size_bytes = (uint64_t)information->st_size;
    status->device = (uint64_t)information->st_dev;
    status->inode = (uint64_t)information->st_ino;
    status->permissions = (uint32_t)information->st_mode & 07777;
    status->user = (uint32_t)information->st_uid;
    status->group = (uint32_t)information->st_gid;
    status->is_regular = S_ISREG(information->st_mode);
    status->is_folder = S_ISDIR(information->st_mode);
}

int marray_os_inspect(int descriptor, struct marray_os_status *status)
{
    struct stat information;
    if (fstat(descriptor, &information))
        return -errno;
    describe(&information, status);
    return 0;
}

int marray_os_inspect_path(const char *path, struct marray_os_status *status)
{
    struct stat information;
    if (stat(path, &information))
        return -errno;
    describe(&information, status);
    return 0;
}

int marray_os_set_permissions(int descriptor, uint32_t permissions)
{
    return status_of(fchmod(descriptor, (mode_t)permissions));
}

void marray_os_set_owner(int descriptor, const struct marray_os_status *old)
{
    /* Only root gives files away; others may still pass on a group of theirs. */
    if (fchown(descriptor, (uid_t)old->user, (gid_t)old->group))
        (void)!fchown(descriptor, (uid_t)-1, (gid_t)old->group);
}

int marray_os_read_at(int descriptor, void *bytes, size_t size, uint64_t offset, size_t *count)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(descriptor, (char *)bytes + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    *count = done;
    return 0;
}

int marray_os_write_at(int descriptor, const void *bytes, size_t size, uint64_t offset)
{
    size_t done = 0;
    while (done < size) {
        ssize_t put =
            pwrite(descriptor, (const char *)bytes + done, size - done, (off_t)(offset + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -errno;
        if (put == 0)
            return -EIO;
        done += (size_t)put;
    }
    return 0;
}

int marray_os_hold_file(int descriptor)
{
    /* SIGIO, which it would be otherwise, ends a process. */
    if (fcntl(descriptor, F_SETSIG, SIGURG))
        return -errno;
    return status_of(fcntl(descriptor, F_SETLEASE, F_WRLCK));
}

bool marray_os_release_file(int descriptor)
{
    /* While somebody waits it tells what the lease is to become (fcntl(2)). */
    bool is_awaited = fcntl(descriptor, F_GETLEASE) != F_WRLCK;
    (void)fcntl(descriptor, F_SETLEASE, F_UNLCK);
    return is_awaited;
}

/* O_APPEND sends every pwrite to the end of the file (pwrite(2), bugs), O_DIRECT refuses most
 * addresses, and RLIMIT_FSIZE ends the process by SIGXFSZ. */
bool marray_os_calls_reach_maps(int descriptor, bool writes, uint64_t end)
{
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0 || (flags & O_DIRECT))
        return false;
    if (!writes)
        return true;
    struct rlimit limit;
    return !(flags & O_APPEND) && getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
           (limit.rlim_cur == RLIM_INFINITY || end <= limit.rlim_cur);
}

int marray_os_remove(const char *path)
{
    return status_of(unlink(path));
}

int marray_os_rename(const char *from, const char *to)
{
    return status_of(rename(from, to));
}

bool marray_os_replaces_open_files(void)
{
    return true;
}

int marray_os_real_path(const char *path, char **real_path)
{
    char *resolved = realpath(path, NULL);
    if (!resolved)
        return -errno;
    *real_path = resolved;
    return 0;
}

int marray_os_set_size(int descriptor, uint64_t size_bytes)
{
    int status;
    do {
        status = status_of(ftruncate(descriptor, (off_t)size_bytes));
    } while (status == -EINTR);
    return status;
}

int marray_os_allocate(int descriptor, uint64_t start, uint64_t length)
{
    if (length == 0)
        return 0;
    int status;
    do {
        status = -posix_fallocate(descriptor, (off_t)start, (off_t)length);
    } while (status == -EINTR);
    return status;
}

static int write_zeros(int descriptor, uint64_t start, uint64_t length)
{
    static const char zeros[ZERO_BYTES];
    while (length > 0) {
        size_t part = length < ZERO_BYTES ? (size_t)length : ZERO_BYTES;
        int status = marray_os_write_at(descriptor, zeros, part, start);
        if (status)
            return status;
        start += part;
        length -= part;
    }
    return 0;
}

int marray_os_zero(int descriptor, uint64_t start, uint64_t length, bool sparse)
{
    if (length == 0)
        return 0;
    int how = (sparse ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE) | FALLOC_FL_KEEP_SIZE;
    if (fallocate(descriptor, how, (off_t)start, (off_t)length) == 0)
        return 0;
    /* tmpfs has no ZERO_RANGE, other file systems neither; writing works everywhere. */
    return write_zeros(descriptor, start, length);
}

uint64_t marray_os_page_bytes(void)
{
    return (uint64_t)sysconf(_SC_PAGESIZE);
}

int marray_os_map(int descriptor, uint64_t offset, uint64_t length, enum marray_os_map_kind kind,
                  void **base)
{
    int protection = kind == MARRAY_OS_MAP_READ ? PROT_READ : PROT_READ | PROT_WRITE;
    int flags = kind == MARRAY_OS_MAP_PRIVATE ? MAP_PRIVATE : MAP_SHARED;
    void *mapped = mmap(NULL, (size_t)length, protection, flags, descriptor, (off_t)offset);
    if (mapped == MAP_FAILED)
        return -errno;
    *base = mapped;
    return 0;
}

int marray_os_unmap(void *base, uint64_t length)
{
    return status_of(munmap(base, (size_t)length));
}

int marray_os_map_memory(uint64_t length, bool shared, bool overcommits, void **base)
{
    int flags = (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS;
    void *mapped = mmap(NULL, (size_t)length, PROT_READ | PROT_WRITE,
                        flags | (overcommits ? MAP_NORESERVE : 0), -1, 0);
    if (mapped == MAP_FAILED)
        return -errno;
    *base = mapped;
    return 0;
}

int marray_os_keep_from_children(void *base, uint64_t length)
{
    return status_of(madvise(base, (size_t)length, MADV_DONTFORK));
}

bool marray_os_extends_maps(void)
{
    return true;
}

int marray_os_reserve(uint64_t length, void **base)
{
    void *reserved =
        mmap(NULL, (size_t)length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved == MAP_FAILED)
        return -errno;
    *base = reserved;
    return 0;
}

int marray_os_map_at(void *at, int descriptor, uint64_t offset, uint64_t length)
{
    void *mapped = mmap(at, (size_t)length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                        descriptor, (off_t)offset);
    return mapped == MAP_FAILED ? -errno : 0;
}

static int advice_number(enum marray_advice advice)
{
    switch (advice) {
    case MARRAY_ADVICE_NORMAL:
        return MADV_NORMAL;
    case MARRAY_ADVICE_SEQUENTIAL:
        return MADV_SEQUENTIAL;
    case MARRAY_ADVICE_RANDOM:
        return MADV_RANDOM;
    case MARRAY_ADVICE_WILLNEED:
        return MADV_WILLNEED;
    case MARRAY_ADVICE_POPULATE:
        return MADV_POPULATE_READ;
    case MARRAY_ADVICE_COLD:
        return MADV_COLD;
    case MARRAY_ADVICE_PAGEOUT:
        return MADV_PAGEOUT;
    case MARRAY_ADVICE_HUGE_PAGES:
        return MADV_HUGEPAGE;
    }
    return -1;
}

/* The kernel checks the number before an empty range makes it return (do_madvise in mm/madvise.c).
 */
static bool is_known_advice(void *base, int number)
{
    return madvise(base, 0, number) == 0 || errno != EINVAL;
}

int marray_os_advise(void *base, uint64_t length, enum marray_advice advice)
{
    int number = advice_number(advice);
    int status;
    do {
        status = status_of(madvise(base, (size_t)length, number));
    } while (status == -EINTR);
    /* EINVAL also means "not for this map". */
    return status == -EINVAL && !is_known_advice(base, number) ? -EOPNOTSUPP : status;
}

int marray_os_prefetch_open(void)
{
    /* Of the process, not remembered in it: a child after fork would advise its parent. */
    return (int)syscall(__NR_pidfd_open, getpid(), 0);
}

void marray_os_prefetch_close(int self)
{
    if (self >= 0)
        marray_os_close(self);
}

int marray_os_prefetch(int self, const struct marray_os_range *ranges, size_t count)
{
    size_t begun = 0;
    if (self >= 0 && count > 1) {
        struct iovec vector[MARRAY_OS_PREFETCH_RANGES];
        uint64_t total = 0;
        for (size_t i = 0; i < count; i++) {
            vector[i] = (struct iovec){ranges[i].base, (size_t)ranges[i].length};
            total += ranges[i].length;
        }
        long done = syscall(__NR_process_madvise, self, vector, count, MADV_WILLNEED, 0);
        if (done >= 0 && (uint64_t)done == total)
            return 0;
        /* What it did not come to is asked for one by one, which also finds out why. */
        for (uint64_t left = done > 0 ? (uint64_t)done : 0; left >= ranges[begun].length; begun++)
            left -= ranges[begun].length;
    }
    for (; begun < count; begun++) {
        int status =
            marray_os_advise(ranges[begun].base, ranges[begun].length, MARRAY_ADVICE_WILLNEED);
        if (status)
            return status;
    }
    return 0;
}

int marray_os_drop(int descriptor, uint64_t offset, void *base, uint64_t length)
{
    /* The page cache keeps what a map still holds. */
    int status = status_of(madvise(base, (size_t)length, MADV_DONTNEED));
    return status ? status
                  : -posix_fadvise(descriptor, (off_t)offset, (off_t)length, POSIX_FADV_DONTNEED);
}

/* The kernel's own rule for mincore: the owner, or who may write (can_do_mincore, mm/mincore.c). */
static bool mincore_tells_the_truth(int descriptor)
{
    struct stat information;
    if (fstat(descriptor, &information))
        return false;
    if (geteuid() == 0 || geteuid() == information.st_uid)
        return true;
    char path[DESCRIPTOR_PATH_BYTES];
    snprintf(path, sizeof(path), DESCRIPTOR_PATH, descriptor);
    return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
}

int marray_os_probe_advice(int descriptor, void *base, enum marray_advice advice)
{
    if (!is_known_advice(base, advice_number(advice)))
        return -EOPNOTSUPP;
    /* The same rule: others' pages are not paged out, and nobody is told (madvise_pageout). */
    if (advice == MARRAY_ADVICE_PAGEOUT && descriptor >= 0 && !mincore_tells_the_truth(descriptor))
        return -EPERM;
    return 0;
}

static int resident_by_mincore(int descriptor, void *base, uint64_t length,
                               uint64_t *resident_bytes)
{
    if (descriptor >= 0 && !mincore_tells_the_truth(descriptor))
        return -EPERM;
    unsigned char vector[MINCORE_PAGES];
    uint64_t page_bytes = marray_os_page_bytes();
    uint64_t resident_pages = 0;
    for (uint64_t done = 0; done < length; done += MINCORE_PAGES * page_bytes) {
        uint64_t part = length - done;
        if (part > MINCORE_PAGES * page_bytes)
            part = MINCORE_PAGES * page_bytes;
        if (mincore((char *)base + done, (size_t)part, vector))
            return -errno;
        for (uint64_t page = 0; page < part / page_bytes; page++)
            resident_pages += vector[page] & 1;
    }
    *resident_bytes = resident_pages * page_bytes;
    return 0;
}

int marray_os_dirty(int descriptor, uint64_t offset, uint64_t length, uint64_t *dirty_bytes)
{
    struct cachestat_range range = {offset, length};
    struct cachestat counts;
    if (syscall(__NR_cachestat, descriptor, &range, &counts, 0))
        return errno == ENOSYS ? -EOPNOTSUPP : -errno;
    *dirty_bytes = counts.dirty_pages * marray_os_page_bytes();
    return 0;
}

int marray_os_resident(int descriptor, uint64_t offset, void *base, uint64_t length,
                       uint64_t *resident_bytes)
{
    /* To cachestat a length of 0 means the rest of the file. */
    if (length == 0) {
        *resident_bytes = 0;
        return 0;
    }
    if (descriptor < 0)
        return resident_by_mincore(descriptor, base, length, resident_bytes);
    struct cachestat_range range = {offset, length};
    struct cachestat counts;
    if (syscall(__NR_cachestat, descriptor, &range, &counts, 0) == 0) {
        *resident_bytes = counts.cached_pages * marray_os_page_bytes();
        return 0;
    }
    /* ENOSYS from an old kernel; EPERM also from the system call filter of a container. */
    if (errno != ENOSYS && errno != EPERM && errno != EOPNOTSUPP)
        return -errno;
    return resident_by_mincore(descriptor, base, length, resident_bytes);
}

int marray_os_explain_fault(int descriptor, uint64_t offset, bool writable, uint64_t *size_bytes)
{
    uint64_t page_bytes = marray_os_page_bytes();
    uint64_t page = offset / page_bytes * page_bytes;
    struct stat information;
    if (descriptor < 0 || fstat(descriptor, &information))
        return -EFAULT;
    if (page >= (uint64_t)information.st_size) {
        *size_bytes = (uint64_t)information.st_size;
        return -ENODATA;
    }
    /* The same read and the same allocation once more, by calls that tell their errors. */
    char byte;
    if (pread(descriptor, &byte, 1, (off_t)page) < 0)
        return -errno;
    if (!writable)
        return -EFAULT;
    /* A store takes blocks for a whole large folio, and some of them may be left for us. */
    off_t hole = lseek(descriptor, (off_t)page, SEEK_HOLE);
    bool is_hole =
        hole >= 0 && (uint64_t)hole < page + LARGEST_FOLIO_BYTES && hole < information.st_size;
    if (fallocate(descriptor, FALLOC_FL_KEEP_SIZE, (off_t)page, (off_t)page_bytes) &&
        errno != EOPNOTSUPP)
        return -errno;
    return is_hole ? -ENOSPC : -EFAULT;
}

int marray_os_start_write_back(int descriptor, uint64_t offset, void *base, uint64_t length)
{
    (void)base;
    return status_of(
        sync_file_range(descriptor, (off_t)offset, (off_t)length, SYNC_FILE_RANGE_WRITE));
}

int marray_os_finish_write_back(int descriptor, uint64_t offset, void *base, uint64_t length)
{
    (void)base;
    return status_of(sync_file_range(descriptor, (off_t)offset, (off_t)length,
                                     SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                                         SYNC_FILE_RANGE_WAIT_AFTER));
}

/* ext4 and XFS commit the whole inode's transaction and then flush the device, whatever the range
 * (ext4_sync_file in fs/ext4/fsync.c, xfs_file_fsync in fs/xfs/xfs_file.c). Others, such as btrfs,
 * log only the extents of the range. */
bool marray_os_sync_covers_file(int descriptor)
{
    struct statfs information;
    if (fstatfs(descriptor, &information))
        return false;
    return information.f_type == EXT4_SUPER_MAGIC || information.f_type == XFS_SUPER_MAGIC;
}

bool marray_os_syncs_maps_alone(void)
{
    return true;
}

int marray_os_sync_map(int descriptor, void *base, uint64_t length)
{
    (void)descriptor;
    return status_of(msync(base, (size_t)length, MS_SYNC));
}

int marray_os_sync_file(int descriptor, void *base, uint64_t length)
{
    /* fsync finds the pages that were stored to through any map. */
    (void)base;
    (void)length;
    return status_of(fsync(descriptor));
}

int marray_os_sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX] = ".";
    if (slash) {
        size_t length = slash == path ? 1 : (size_t)(slash - path);
        if (length >= sizeof(folder))
            return -ENAMETOOLONG;
        memcpy(folder, path, length);
        folder[length] = '\0';
    }
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return -errno;
    int status = marray_os_sync_file(descriptor, NULL, 0);
    marray_os_close(descriptor);
    return status;
}

const char *marray_os_flush_calls(enum marray_flush_level level)
{
    switch (level) {
    case MARRAY_FLUSH_ASYNC:
        return "sync_file_range(WRITE)";
    case MARRAY_FLUSH_DATA:
        return "msync(MS_SYNC), for many ranges sync_file_range and one msync(MS_SYNC)";
    case MARRAY_FLUSH_FULL:
        return "fsync, and of the folder after a create";
    }
    return "";
}

static int set_lock(int descriptor, short type, uint64_t offset, uint64_t length, int command)
{
    struct flock lock = {
        .l_type = type,
        .l_whence = SEEK_SET,
        .l_start = (off_t)offset,
        .l_len = (off_t)length,
    };
    int status = status_of(fcntl(descriptor, command, &lock));
    /* POSIX allows either for a lock that is held. */
    return status == -EACCES ? -EAGAIN : status;
}

int marray_os_lock(int descriptor, enum marray_lock_kind kind, uint64_t offset, uint64_t length,
                   bool wait)
{
    short type = kind == MARRAY_LOCK_EXCLUSIVE ? F_WRLCK : F_RDLCK;
    return set_lock(descriptor, type, offset, length, wait ? F_OFD_SETLKW : F_OFD_SETLK);
}

int marray_os_unlock(int descriptor, uint64_t offset, uint64_t length)
{
    return set_lock(descriptor, F_UNLCK, offset, length, F_OFD_SETLK);
}

uint64_t marray_os_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

int marray_os_sleep_ns(uint64_t duration_ns)
{
    struct timespec duration = {
        .tv_sec = (time_t)(duration_ns / UINT64_C(1000000000)),
        .tv_nsec = (long)(duration_ns % UINT64_C(1000000000)),
    };
    return -clock_nanosleep(CLOCK_MONOTONIC, 0, &duration, NULL);
}

int64_t marray_os_process(void)
{
    return getpid();
}

const void *marray_os_find(const void *bytes, size_t size, const void *wanted, size_t wanted_size)
{
    return memmem(bytes, size, wanted, wanted_size);
}

const void *marray_os_find_last(const void *bytes, unsigned char byte, size_t size)
{
    return memrchr(bytes, byte, size);
}

const char *marray_os_error_text(int number)
{
    return strerrordesc_np(number);
}
