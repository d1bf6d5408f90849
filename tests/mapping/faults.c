/* The wrapped system calls. */
#include "tests/mapping/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static struct {
    const char *call;
    int skip;
    int error;
    bool happened;
} armed;

const char *const fault_calls[] = {
    "open64",   "close",           "fstat64",     "stat64",      "fchmod",
    "pread64",  "pwrite64",        "unlink",      "rename",      "mmap64",
    "munmap",   "madvise",         "mincore",     "msync",       "fsync",
    "fcntl64",  "sync_file_range", "ftruncate64", "fallocate64", "posix_fallocate64",
    "realpath", "syscall",         "fstatfs64",   "fchown",      "lseek64",
    "malloc",   "calloc",          "strdup",
};
const size_t fault_call_count = sizeof(fault_calls) / sizeof(fault_calls[0]);

unsigned long fault_count;

void fault_arm(const char *call, int skip, int error)
{
    armed.call = call;
    armed.skip = skip;
    armed.error = error;
    armed.happened = false;
}

bool fault_disarm(void)
{
    armed.call = NULL;
    return armed.happened;
}

static bool is_due(const char *call)
{
    if (!armed.call || strcmp(armed.call, call) || armed.skip-- > 0)
        return false;
    armed.call = NULL;
    armed.happened = true;
    fault_count++;
    errno = armed.error;
    return true;
}

#define WRAP(type, failure, name, parameters, arguments)            \
    type __real_##name parameters;                                  \
    type __wrap_##name parameters;                                  \
    type __wrap_##name parameters                                   \
    {                                                               \
        return is_due(#name) ? (failure) : __real_##name arguments; \
    }

WRAP(int, -1, fstat64, (int fd, struct stat *status), (fd, status))
WRAP(int, -1, stat64, (const char *path, struct stat *status), (path, status))
WRAP(int, -1, fstatfs64, (int fd, struct statfs *status), (fd, status))
WRAP(int, -1, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(ssize_t, -1, pread64, (int fd, void *bytes, size_t size, off_t at), (fd, bytes, size, at))
WRAP(ssize_t, -1, pwrite64, (int fd, const void *bytes, size_t size, off_t at),
     (fd, bytes, size, at))
WRAP(int, -1, unlink, (const char *path), (path))
WRAP(int, -1, rename, (const char *from, const char *to), (from, to))
WRAP(void *, MAP_FAILED, mmap64,
     (void *at, size_t size, int protection, int flags, int fd, off_t offset),
     (at, size, protection, flags, fd, offset))
WRAP(int, -1, madvise, (void *at, size_t size, int advice), (at, size, advice))
WRAP(int, -1, mincore, (void *at, size_t size, unsigned char *vector), (at, size, vector))
WRAP(int, -1, msync, (void *at, size_t size, int flags), (at, size, flags))
WRAP(int, -1, fsync, (int fd), (fd))
WRAP(int, -1, sync_file_range, (int fd, off_t offset, off_t size, unsigned flags),
     (fd, offset, size, flags))
WRAP(int, -1, ftruncate64, (int fd, off_t size), (fd, size))
WRAP(int, -1, fallocate64, (int fd, int mode, off_t offset, off_t size), (fd, mode, offset, size))
WRAP(char *, NULL, realpath, (const char *path, char *resolved), (path, resolved))

WRAP(int, -1, fchown, (int fd, uid_t user, gid_t group), (fd, user, group))
WRAP(off_t, -1, lseek64, (int fd, off_t offset, int whence), (fd, offset, whence))
WRAP(void *, NULL, malloc, (size_t size), (size))
WRAP(void *, NULL, calloc, (size_t count, size_t size), (count, size))
WRAP(char *, NULL, strdup, (const char *text), (text))

/* A full disk may leave part of the growth behind. */
int __real_posix_fallocate64(int fd, off_t offset, off_t size);
int __wrap_posix_fallocate64(int fd, off_t offset, off_t size);
int __wrap_posix_fallocate64(int fd, off_t offset, off_t size)
{
    if (!is_due("posix_fallocate64"))
        return __real_posix_fallocate64(fd, offset, size);
    __real_posix_fallocate64(fd, offset, size / 2);
    return armed.error;
}

/* These release what they are given even when they fail. */
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    int result = __real_close(fd);
    return is_due("close") ? -1 : result;
}

int __real_munmap(void *at, size_t size);
int __wrap_munmap(void *at, size_t size);
int __wrap_munmap(void *at, size_t size)
{
    int result = __real_munmap(at, size);
    return is_due("munmap") ? -1 : result;
}

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    return is_due("open64") ? -1 : __real_open64(path, flags, mode);
}

int __real_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return is_due("fcntl64") ? -1 : __real_fcntl64(fd, command, argument);
}

/* cachestat comes this way with four arguments, process_madvise with five, the last of them 0. */
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
    va_list arguments;
    va_start(arguments, number);
    int fd = va_arg(arguments, int);
    void *range = va_arg(arguments, void *);
    void *counts = va_arg(arguments, void *);
    int flags = va_arg(arguments, int);
    va_end(arguments);
    return is_due("syscall") ? -1 : __real_syscall(number, fd, range, counts, flags, 0);
}
