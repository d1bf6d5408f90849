/*
 * A FUSE file system for tests: it shows the files of a folder, fails on command, and may forget
 * what nobody synced.
 *
 *   faulty_fs FOLDER CONTROL MOUNT_POINT [writeback] [volatile]
 *
 * The file CONTROL holds one command, read before every operation: "write EIO", "fsync ENOSPC",
 * "read EIO", "fsyncdir EIO", or none. CONTROL.failed grows by a byte for every operation that was
 * made to fail. writeback: with the kernel's write-back cache.
 *
 * volatile: a disk with a write cache. The one file there, "image", is written to a cache
 * (image.cache) and reaches FOLDER/image by fsync only. Opening the file "durable" gives what a
 * power cut at that moment would leave. All requests are served one after the other, so it is
 * never half of a sync.
 */
#define FUSE_USE_VERSION 35
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK_BYTES = 4096, MAXIMUM_BLOCKS = 1 << 16, COMMAND_BYTES = 64 };

struct faulty_fs {
    const char *folder;
    const char *control;
    bool writeback, is_volatile;
    unsigned char unsynced[MAXIMUM_BLOCKS]; /* of the image; 1: only the cache has it */
};

static struct faulty_fs *this_fs(void)
{
    return fuse_get_context()->private_data;
}

static int status_of(int result)
{
    return result < 0 ? -errno : 0;
}

static void count_failure(const struct faulty_fs *fs)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%.4000s.failed", fs->control);
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0 || write(file, "x", 1) != 1)
        fprintf(stderr, "faulty_fs: cannot count in '%s'\n", path);
    if (file >= 0)
        close(file);
}

/* 0, or the error that this operation is commanded to end with. */
static int commanded_error(const char *operation)
{
    static const struct {
        const char *name;
        int number;
    } errors[] = {{"EIO", EIO}, {"ENOSPC", ENOSPC}};
    char command[COMMAND_BYTES + 1] = "";
    char which[COMMAND_BYTES + 1], error[COMMAND_BYTES + 1];
    int file = open(this_fs()->control, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? 0 : read(file, command, COMMAND_BYTES);
    if (file >= 0)
        close(file);
    if (length <= 0 || sscanf(command, "%64s %64s", which, error) != 2 || strcmp(which, operation))
        return 0;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        if (!strcmp(error, errors[i].name)) {
            count_failure(this_fs());
            return -errors[i].number;
        }
    }
    return 0;
}

static void locate(const char *name, char path[PATH_MAX])
{
    const struct faulty_fs *fs = this_fs();
    const char *ending = fs->is_volatile && !strcmp(name, "/image") ? ".cache" : "";
    if (fs->is_volatile && !strcmp(name, "/durable"))
        name = "/image";
    snprintf(path, PATH_MAX, "%.2000s%.2000s%s", fs->folder, name, ending);
}

static void *start(struct fuse_conn_info *connection, struct fuse_config *config)
{
    struct faulty_fs *fs = this_fs();
    if (fs->writeback)
        connection->want |= FUSE_CAP_WRITEBACK_CACHE;
    config->attr_timeout = 0;
    config->entry_timeout = 0;
    return fs;
}

static int get_attributes(const char *name, struct stat *attributes, struct fuse_file_info *file)
{
    char path[PATH_MAX];
    locate(name, path);
    return status_of(file ? fstat((int)file->fh, attributes) : lstat(path, attributes));
}

/* Copies length bytes at offset from one file to the other. */
static int copy_bytes(int from, int to, off_t offset, size_t length)
{
    char block[BLOCK_BYTES];
    while (length > 0) {
        size_t part = length < sizeof(block) ? length : sizeof(block);
        ssize_t got = pread(from, block, part, offset);
        if (got <= 0)
            return got < 0 ? -errno : 0;
        if (pwrite(to, block, (size_t)got, offset) != got)
            return -EIO;
        offset += got;
        length -= (size_t)got;
    }
    return 0;
}

/* A copy of the image as it is on the disk now, that nobody changes any more. */
static int open_durable(const char *path, struct fuse_file_info *file)
{
    int disk = open(path, O_RDONLY | O_CLOEXEC);
    if (disk < 0)
        return -errno;
    int copy = open(this_fs()->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    int status = copy < 0 ? -errno : copy_bytes(disk, copy, 0, SIZE_MAX);
    close(disk);
    if (status && copy >= 0)
        close(copy);
    if (status)
        return status;
    file->fh = (uint64_t)copy;
    file->direct_io = 1;
    return 0;
}

static int open_file(const char *name, struct fuse_file_info *file)
{
    char path[PATH_MAX];
    locate(name, path);
    if (this_fs()->is_volatile && !strcmp(name, "/durable"))
        return open_durable(path, file);
    /* The write-back cache reads what surrounds a store, whatever the program asked for. */
    bool writable = (file->flags & O_ACCMODE) != O_RDONLY;
    int opened = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (opened < 0)
        return -errno;
    file->fh = (uint64_t)opened;
    return 0;
}

static int create_file(const char *name, mode_t mode, struct fuse_file_info *file)
{
    char path[PATH_MAX];
    locate(name, path);
    int opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC | (file->flags & O_EXCL), mode);
    if (opened < 0)
        return -errno;
    file->fh = (uint64_t)opened;
    return 0;
}

static int release_file(const char *name, struct fuse_file_info *file)
{
    (void)name;
    return status_of(close((int)file->fh));
}

static int read_file(const char *name, char *bytes, size_t size, off_t offset,
                     struct fuse_file_info *file)
{
    (void)name;
    int status = commanded_error("read");
    if (status)
        return status;
    ssize_t count = pread((int)file->fh, bytes, size, offset);
    return count < 0 ? -errno : (int)count;
}

static int write_file(const char *name, const char *bytes, size_t size, off_t offset,
                      struct fuse_file_info *file)
{
    (void)name;
    struct faulty_fs *fs = this_fs();
    int status = commanded_error("write");
    if (status)
        return status;
    ssize_t count = pwrite((int)file->fh, bytes, size, offset);
    if (count < 0)
        return -errno;
    off_t end = offset + count;
    for (off_t block = offset / BLOCK_BYTES; fs->is_volatile && block * BLOCK_BYTES < end; block++)
        fs->unsynced[block % MAXIMUM_BLOCKS] = 1;
    return (int)count;
}

/* What a disk does when it is told to flush its cache. */
static int flush_cache(struct faulty_fs *fs, int cache)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%.4000s/image", fs->folder);
    int disk = open(path, O_WRONLY | O_CLOEXEC);
    if (disk < 0)
        return -errno;
    int status = 0;
    for (int block = 0; !status && block < MAXIMUM_BLOCKS; block++) {
        if (!fs->unsynced[block])
            continue;
        status = copy_bytes(cache, disk, (off_t)block * BLOCK_BYTES, BLOCK_BYTES);
        fs->unsynced[block] = 0;
    }
    close(disk);
    return status;
}

static int sync_file(const char *name, int only_data, struct fuse_file_info *file)
{
    (void)name;
    (void)only_data;
    int status = commanded_error("fsync");
    if (status || !this_fs()->is_volatile)
        return status;
    return flush_cache(this_fs(), (int)file->fh);
}

static int sync_folder(const char *name, int only_data, struct fuse_file_info *file)
{
    (void)name;
    (void)only_data;
    (void)file;
    return commanded_error("fsyncdir");
}

static int set_size(const char *name, off_t size, struct fuse_file_info *file)
{
    char path[PATH_MAX];
    locate(name, path);
    return status_of(file ? ftruncate((int)file->fh, size) : truncate(path, size));
}

static int set_mode(const char *name, mode_t mode, struct fuse_file_info *file)
{
    char path[PATH_MAX];
    locate(name, path);
    return status_of(file ? fchmod((int)file->fh, mode) : chmod(path, mode));
}

/* With a write-back cache the times of a file are the kernel's, and a sync hands them over. */
static int set_times(const char *name, const struct timespec times[2], struct fuse_file_info *file)
{
    char path[PATH_MAX];
    locate(name, path);
    return status_of(file ? futimens((int)file->fh, times)
                          : utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW));
}

static int allocate(const char *name, int mode, off_t offset, off_t length,
                    struct fuse_file_info *file)
{
    (void)name;
    if (this_fs()->is_volatile)
        return -EOPNOTSUPP;
    return status_of(fallocate((int)file->fh, mode, offset, length));
}

static int remove_file(const char *name)
{
    char path[PATH_MAX];
    locate(name, path);
    return status_of(unlink(path));
}

static int rename_file(const char *from, const char *to, unsigned int flags)
{
    char old_path[PATH_MAX], new_path[PATH_MAX];
    if (flags)
        return -EINVAL;
    locate(from, old_path);
    locate(to, new_path);
    return status_of(rename(old_path, new_path));
}

int main(int count, char **arguments)
{
    static struct faulty_fs fs;
    const struct fuse_operations operations = {
        .init = start,
        .getattr = get_attributes,
        .open = open_file,
        .create = create_file,
        .release = release_file,
        .read = read_file,
        .write = write_file,
        .fsync = sync_file,
        .fsyncdir = sync_folder,
        .truncate = set_size,
        .chmod = set_mode,
        .utimens = set_times,
        .fallocate = allocate,
        .unlink = remove_file,
        .rename = rename_file,
    };
    if (count < 4) {
        fprintf(stderr, "usage: faulty_fs FOLDER CONTROL MOUNT_POINT [writeback] [volatile]\n");
        return 2;
    }
    fs.folder = arguments[1];
    fs.control = arguments[2];
    for (int i = 4; i < count; i++) {
        fs.writeback |= !strcmp(arguments[i], "writeback");
        fs.is_volatile |= !strcmp(arguments[i], "volatile");
    }
    char foreground[] = "-f", one_thread[] = "-s";
    char *options[] = {arguments[0], foreground, one_thread, arguments[3], NULL};
    return fuse_main(4, options, &operations, &fs);
}
