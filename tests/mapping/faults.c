/* The wrapped system calls. */
#include "tests/mapping/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

static struct {
    const char *call;
    int skip;
    int error;
    bool happened;
    const char *next_call; /* armed by the failure, or NULL */
    int next_error;
} armed;

const char *const fault_calls[] = {
    "open64",          "close",           "fstat64",     "stat64",      "fchmod",
    "pread64",         "pwrite64",        "unlink",      "rename",      "mmap64",
    "munmap",          "madvise",         "mincore",     "msync",       "fsync",
    "fcntl64",         "sync_file_range", "ftruncate64", "fallocate64", "posix_fallocate64",
    "realpath",        "syscall",         "fstatfs64",   "fchown",      "lseek64",
    "malloc",          "calloc",          "strdup",      "realloc",     "memfd_create",
    "posix_fadvise64", "clock_nanosleep", "faccessat",   "getrlimit64", "fdatasync",
};
const size_t fault_call_count = sizeof(fault_calls) / sizeof(fault_calls[0]);

unsigned long fault_count;
uid_t fault_user;

/* Where the library calls from, and whether such a call was made to fail. */
enum { SITES_MAX = 1024 };
static struct {
    const char *call;
    const void *site;
    bool failed;
} sites[SITES_MAX];
static size_t site_count;

static size_t find_site(const char *call, const void *site)
{
    size_t i = 0;
    while (i < site_count && sites[i].site != site)
        i++;
    if (i == site_count && i < SITES_MAX) {
        sites[i].call = call;
        sites[i].site = site;
        site_count++;
    }
    return i;
}

extern const char __executable_start[];

int fault_write_sites(const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return -1;
    for (size_t i = 0; i < site_count; i++)
        fprintf(file, "%s %tx %d\n", sites[i].call,
                (const char *)sites[i].site - __executable_start, sites[i].failed);
    return fclose(file);
}

void fault_arm(const char *call, int skip, int error)
{
    armed.call = call;
    armed.skip = skip;
    armed.error = error;
    armed.happened = false;
    armed.next_call = NULL;
}

void fault_arm_next(const char *call, int error)
{
    armed.next_call = call;
    armed.next_error = error;
}

bool fault_disarm(void)
{
    armed.call = NULL;
    armed.next_call = NULL;
    return armed.happened;
}

static bool is_due_at(const char *call, const void *site)
{
    size_t index = find_site(call, site);
    if (!armed.call || strcmp(armed.call, call) || armed.skip-- > 0)
        return false;
    if (index < SITES_MAX)
        sites[index].failed = true;
    errno = armed.error;
    armed.happened = armed.next_call == NULL;
    armed.call = armed.next_call;
    armed.error = armed.next_call ? armed.next_error : armed.error;
    armed.next_call = NULL;
    armed.skip = 0;
    fault_count++;
    return true;
}

#define is_due(call) is_due_at(call, __builtin_return_address(0))

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
WRAP(int, -1, fdatasync, (int fd), (fd))
WRAP(int, -1, getrlimit64, (__rlimit_resource_t resource, struct rlimit64 *limit),
     (resource, limit))
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
WRAP(void *, NULL, realloc, (void *old, size_t size), (old, size))
WRAP(int, -1, memfd_create, (const char *name, unsigned flags), (name, flags))
WRAP(int, errno, posix_fadvise64, (int fd, off_t offset, off_t size, int advice),
     (fd, offset, size, advice))
WRAP(int, errno, clock_nanosleep,
     (clockid_t clock, int flags, const struct timespec *duration, struct timespec *left),
     (clock, flags, duration, left))
WRAP(int, -1, faccessat, (int folder, const char *path, int mode, int flags),
     (folder, path, mode, flags))

uid_t __real_geteuid(void);
uid_t __wrap_geteuid(void);
uid_t __wrap_geteuid(void)
{
    return fault_user ? fault_user : __real_geteuid();
}

/* A full disk may leave part of the growth behind. */
int __real_posix_fallocate64(int fd, off_t offset, off_t size);
int __wrap_posix_fallocate64(int fd, off_t offset, off_t size);
int __wrap_posix_fallocate64(int fd, off_t offset, off_t size)
{
    if (!is_due("posix_fallocate64"))
        return __real_posix_fallocate64(fd, offset, size);
    int error = errno;
    __real_posix_fallocate64(fd, offset, size / 2);
    return error;
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

int fault_error_of(const char *call)
{
    static const char *const memory[] = {"malloc", "calloc", "strdup", "realloc"};
    for (size_t i = 0; i < sizeof(memory) / sizeof(memory[0]); i++) {
        if (!strcmp(call, memory[i]))
            return ENOMEM;
    }
    return EIO;
}

bool fault_names_call(const char *calls, const char *call)
{
    size_t length = strlen(call);
    const char *found = calls;
    while ((found = strstr(found, call))) {
        if ((found == calls || found[-1] == ' ') && (found[length] == ' ' || !found[length]))
            return true;
        found += length;
    }
    return false;
}
