/* The limit of the data folder: least recently used files go first, those in use never. */
#include "harness/data_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/file.h"
#include "common/units.h"

/* As plan_file.c makes them. */
#define NAME_FORM \
    "^mapmeter-(big-)?[A-Za-z0-9]+-[0-9]+(x[0-9]+)*(-fortran)?-seed[0-9]+-(read|write)\\.dat$"

/* A data file of ours; plain data. */
struct entry {
    char name[256];
    uint64_t size_bytes;
    struct timespec used;
};

struct entries {
    struct entry *items;
    size_t count;
    uint64_t used_bytes;
};

static bool has_form(const regex_t *form, const char *name)
{
    return regexec(form, name, 0, NULL, 0) == 0;
}

bool mm_data_cache_is_ours(const char *name)
{
    regex_t form;
    if (regcomp(&form, NAME_FORM, REG_EXTENDED | REG_NOSUB))
        return false;
    bool ours = has_form(&form, name);
    regfree(&form);
    return ours;
}

static bool is_earlier(const struct timespec *one, const struct timespec *other)
{
    return one->tv_sec != other->tv_sec ? one->tv_sec < other->tv_sec
                                        : one->tv_nsec < other->tv_nsec;
}

static int add_entry(struct entries *entries, const char *name, const struct stat *state)
{
    struct entry *items = reallocarray(entries->items, entries->count + 1, sizeof(*items));
    if (!items)
        return -ENOMEM;
    entries->items = items;
    struct entry *entry = &items[entries->count++];
    *entry = (struct entry){.size_bytes = (uint64_t)state->st_size, .used = state->st_atim};
    /* Mounts may leave the time of access alone, but hold and let_go do not. */
    if (is_earlier(&entry->used, &state->st_mtim))
        entry->used = state->st_mtim;
    memcpy(entry->name, name, strlen(name) + 1);
    entries->used_bytes += entry->size_bytes;
    return 0;
}

/* All regular files of our names in the folder; free entries->items. */
static int list_entries(int folder, struct entries *entries)
{
    regex_t form;
    *entries = (struct entries){NULL};
    int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = again < 0 ? NULL : fdopendir(again);
    if (!stream || regcomp(&form, NAME_FORM, REG_EXTENDED | REG_NOSUB)) {
        int status = stream ? -ENOMEM : -errno;
        if (stream)
            closedir(stream);
        else if (again >= 0)
            close(again);
        return status;
    }
    int status = 0;
    const struct dirent *found;
    while (!status && (found = readdir(stream))) {
        struct stat state;
        if (!has_form(&form, found->d_name) ||
            fstatat(folder, found->d_name, &state, AT_SYMLINK_NOFOLLOW) || !S_ISREG(state.st_mode))
            continue;
        status = add_entry(entries, found->d_name, &state);
    }
    regfree(&form);
    closedir(stream);
    return status;
}

static int free_bytes_of(const char *path, uint64_t *bytes)
{
    struct statvfs state;
    if (statvfs(path, &state))
        return -errno;
    *bytes = (uint64_t)state.f_bavail * state.f_frsize;
    return 0;
}

int mm_data_cache_look(const char *folder, struct mm_data_cache_usage *usage)
{
    struct mm_data_cache_usage seen = {0};
    struct entries entries = {NULL};
    char *nearest = strdup(folder);
    if (!nearest)
        return -ENOMEM;
    mm_file_cut_to_existing(nearest);
    int status = free_bytes_of(nearest, &seen.free_bytes);
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(nearest);
    if (!status && descriptor >= 0)
        status = list_entries(descriptor, &entries);
    seen.file_count = entries.count;
    seen.used_bytes = entries.used_bytes;
    free(entries.items);
    if (descriptor >= 0)
        close(descriptor);
    if (!status)
        *usage = seen;
    return status;
}

uint64_t mm_data_cache_limit(const struct mm_data_cache_usage *usage, uint64_t asked_bytes)
{
    return asked_bytes ? asked_bytes : (usage->used_bytes + usage->free_bytes) / 2;
}

/* The generated files of a plan, and the folder of the first; NULL without one. */
static char *folder_of(const struct mm_plan *plan, uint64_t *needed_bytes)
{
    char *folder = NULL;
    *needed_bytes = 0;
    for (size_t i = 0; i < plan->file_count; i++) {
        const struct mm_plan_file *file = &plan->files[i];
        if (!file->generated)
            continue;
        *needed_bytes += file->array.size_bytes;
        const char *slash = strrchr(file->path, '/');
        if (!folder && slash)
            folder = strndup(file->path, slash == file->path ? 1 : (size_t)(slash - file->path));
    }
    return folder;
}

int mm_data_cache_check(const struct mm_plan *plan, uint64_t asked_bytes, struct mm_error *error)
{
    struct mm_data_cache_usage usage;
    char needed[MM_UNITS_TEXT_BYTES];
    char most[MM_UNITS_TEXT_BYTES];
    uint64_t needed_bytes = 0;
    int status = 0;
    char *folder = folder_of(plan, &needed_bytes);
    if (!folder || mm_data_cache_look(folder, &usage)) {
        /* Where nothing can be seen beforehand, making the files will tell. */
        free(folder);
        return 0;
    }
    uint64_t room_bytes = usage.used_bytes + usage.free_bytes;
    uint64_t limit_bytes = mm_data_cache_limit(&usage, asked_bytes);
    mm_units_show_size((double)needed_bytes, needed);
    if (needed_bytes > room_bytes)
        status = mm_error_set(error, -ENOSPC,
                              "the data files of this run need %s, and the file system of %s has "
                              "room for %s; free some, or name another folder by --data-dir or a "
                              "smaller --size",
                              needed, folder, mm_units_show_size((double)room_bytes, most));
    else if (needed_bytes > limit_bytes)
        status = mm_error_set(error, -EINVAL,
                              "the data files of this run need %s, and %s may hold %s (%s); name a "
                              "greater --data-limit, another folder by --data-dir or a smaller "
                              "--size",
                              needed, folder, mm_units_show_size((double)limit_bytes, most),
                              asked_bytes ? "--data-limit"
                                          : "half of what its file system has for them");
    free(folder);
    return status;
}

/* On NFS flock(2) is a lock of the bytes themselves, which workloads lock too. */
static bool locks_apart(int descriptor)
{
    struct statfs state;
    return fstatfs(descriptor, &state) || state.f_type != NFS_SUPER_MAGIC;
}

/* A byte of this file for every data file of the folder, by its inode number. A run that kept its
 * data files open instead would forbid to lease them (F_SETLEASE in fcntl(2)), as libmarray does to
 * store by calls. */
#define LOCKS_NAME ".mapmeter-locks"

/* For reading where it may not be written to. */
static int open_locks(int folder)
{
    int descriptor = openat(folder, LOCKS_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    return descriptor < 0 ? openat(folder, LOCKS_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
                          : descriptor;
}

static struct flock byte_of(const struct stat *state, bool writes)
{
    return (struct flock){.l_type = writes ? F_WRLCK : F_RDLCK,
                          .l_whence = SEEK_SET,
                          .l_start = (off_t)(state->st_ino & INT64_MAX),
                          .l_len = 1};
}

/* Whether somebody's lock forbids one of that kind. */
static bool is_locked(int locks, const struct stat *state, bool writes)
{
    struct flock lock = byte_of(state, writes);
    return locks >= 0 && !fcntl(locks, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;
}

/* Takes away one that nobody holds; whether it is gone. */
static bool remove_unheld(int folder, int locks, const char *name)
{
    struct stat state;
    int descriptor = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    bool gone = !fstat(descriptor, &state) && S_ISREG(state.st_mode) && state.st_uid == geteuid() &&
                state.st_nlink == 1 && locks_apart(descriptor) &&
                !flock(descriptor, LOCK_EX | LOCK_NB) && !is_locked(locks, &state, true) &&
                !unlinkat(folder, name, 0);
    close(descriptor);
    return gone;
}

static int compare_use(const void *left, const void *right)
{
    const struct entry *one = left;
    const struct entry *other = right;
    if (is_earlier(&one->used, &other->used))
        return -1;
    return is_earlier(&other->used, &one->used);
}

/* What the files may take together, the new one included. */
static int most_bytes(int folder, const struct entries *entries, uint64_t asked_bytes,
                      uint64_t *bytes)
{
    struct statvfs state;
    if (fstatvfs(folder, &state))
        return -errno;
    struct mm_data_cache_usage usage = {
        .used_bytes = entries->used_bytes,
        .free_bytes = (uint64_t)state.f_bavail * state.f_frsize,
    };
    uint64_t room_bytes = usage.used_bytes + usage.free_bytes;
    uint64_t limit_bytes = mm_data_cache_limit(&usage, asked_bytes);
    *bytes = limit_bytes < room_bytes ? limit_bytes : room_bytes;
    return 0;
}

int mm_data_cache_make_room(int folder, const char *path, uint64_t needed_bytes,
                            uint64_t asked_bytes, struct mm_error *error)
{
    struct entries entries;
    uint64_t most = 0;
    char needed[MM_UNITS_TEXT_BYTES];
    char limit[MM_UNITS_TEXT_BYTES];
    char used[MM_UNITS_TEXT_BYTES];
    int status = list_entries(folder, &entries);
    if (!status)
        status = most_bytes(folder, &entries, asked_bytes, &most);
    if (status) {
        free(entries.items);
        return mm_error_set(error, status, "data file %s: its folder cannot be read: %s", path,
                            strerror(-status));
    }
    if (entries.count)
        qsort(entries.items, entries.count, sizeof(*entries.items), compare_use);
    uint64_t left_bytes = entries.used_bytes;
    int locks = open_locks(folder);
    for (size_t i = 0; i < entries.count && left_bytes + needed_bytes > most; i++) {
        if (remove_unheld(folder, locks, entries.items[i].name))
            left_bytes -= entries.items[i].size_bytes;
    }
    if (locks >= 0)
        close(locks);
    free(entries.items);
    if (left_bytes + needed_bytes <= most)
        return 0;
    return mm_error_set(error, -ENOSPC,
                        "data file %s: no room for %s: the folder may hold %s, and %s of it are in "
                        "use by other runs or belong to other users; wait for them, or name a "
                        "greater --data-limit or another folder by --data-dir",
                        path, mm_units_show_size((double)needed_bytes, needed),
                        mm_units_show_size((double)most, limit),
                        mm_units_show_size((double)left_bytes, used));
}

static const struct timespec used_now[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_OMIT}};

void mm_data_cache_note_plan(const struct mm_plan *plan)
{
    for (size_t i = 0; i < plan->file_count; i++) {
        if (plan->files[i].generated)
            (void)!utimensat(AT_FDCWD, plan->files[i].path, used_now, AT_SYMLINK_NOFOLLOW);
    }
}

/* By its byte of the folder's locks; -EBADF, -EACCES ... where those cannot be had. */
static int lock_byte(int folder, const struct stat *state, bool writes, int *held)
{
    struct flock lock = byte_of(state, writes);
    int locks = open_locks(folder);
    if (locks < 0)
        return -errno;
    int status = fcntl(locks, F_OFD_SETLK, &lock) ? -errno : 0;
    if (status == -EACCES || status == -EAGAIN || is_locked(locks, state, writes))
        status = -EBUSY;
    if (status)
        close(locks);
    else
        *held = locks;
    return status;
}

/* Everybody has locked the folder meanwhile, so that this one and those who remove cannot miss each
 * other between the two kinds of locks. */
int mm_data_cache_hold(int folder, int descriptor, bool writes, int *held)
{
    struct stat state;
    if (fstat(descriptor, &state))
        return -errno;
    int status = -ENOLCK;
    if (locks_apart(descriptor)) {
        if (flock(descriptor, (writes ? LOCK_EX : LOCK_SH) | LOCK_NB))
            return errno == EWOULDBLOCK ? -EBUSY : -errno;
        status = lock_byte(folder, &state, writes, held);
        if (status == -EBUSY) {
            flock(descriptor, LOCK_UN);
            return status;
        }
    }
    /* Fails where the file belongs to somebody else: then that user sees to it. */
    (void)!futimens(descriptor, used_now);
    if (!status)
        return 0;
    /* Its own lock then, which goes with the last duplicate. */
    *held = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    return *held < 0 ? -errno : 0;
}

void mm_data_cache_let_go(int held, const char *path)
{
    (void)!utimensat(AT_FDCWD, path, used_now, AT_SYMLINK_NOFOLLOW);
    close(held);
}
