/* Whole-file reading and atomic replacement. */
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"

char *mm_file_join(const char *folder, const char *name)
{
    if (name[0] == '/')
        return strdup(name);
    size_t length = strlen(folder);
    bool has_slash = length && folder[length - 1] == '/';
    return mm_text_format("%s%s%s", folder, has_slash ? "" : "/", name);
}

void mm_file_cut_to_existing(char *path)
{
    while (access(path, F_OK) && errno == ENOENT) {
        char *slash = strrchr(path, '/');
        if (!slash || slash == path) {
            strcpy(path, slash ? "/" : ".");
            return;
        }
        *slash = '\0';
    }
}

static int write_all(int descriptor, const char *bytes, size_t size)
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

/* Makes the new name itself durable; file systems that cannot sync a folder say EINVAL. */
static int sync_folder_of(const char *path)
{
    char *folder = strdup(path);
    if (!folder)
        return -ENOMEM;
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    int descriptor = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (descriptor < 0)
        return -errno;
    int status = fsync(descriptor) && errno != EINVAL ? -errno : 0;
    close(descriptor);
    return status;
}

static int write_and_sync(int descriptor, const void *bytes, size_t size)
{
    int status = write_all(descriptor, bytes, size);
    if (!status && fsync(descriptor))
        status = -errno;
    return status;
}

/* Creates a file of a new name beside path; not mkostemp, which ignores the umask. The process id
 * keeps writers apart, the number steps over what a killed one left. */
static int create_beside(const char *path, char **temporary, int *descriptor)
{
    for (unsigned attempt = 0; attempt < 1000; attempt++) {
        char *name = mm_text_format("%s.%ld-%u.tmp", path, (long)getpid(), attempt);
        if (!name)
            return -ENOMEM;
        int created = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (created >= 0) {
            *temporary = name;
            *descriptor = created;
            return 0;
        }
        int code = -errno;
        free(name);
        if (code != -EEXIST)
            return code;
    }
    return -EEXIST;
}

int mm_file_replace(const char *path, const void *bytes, size_t size, struct mm_error *error)
{
    char *temporary = NULL;
    int descriptor = -1;
    int status = create_beside(path, &temporary, &descriptor);
    if (status)
        return mm_error_set(error, status, "%s: cannot create a file beside it: %s", path,
                            strerror(-status));
    status = write_and_sync(descriptor, bytes, size);
    if (close(descriptor) && !status)
        status = -errno;
    if (!status && rename(temporary, path))
        status = -errno;
    if (status)
        unlink(temporary);
    else
        status = sync_folder_of(path);
    free(temporary);
    if (status)
        return mm_error_set(error, status, "%s: cannot write it: %s", path, strerror(-status));
    return 0;
}

static int read_stream(FILE *stream, size_t limit, char **bytes, size_t *size)
{
    size_t capacity = 65536;
    size_t used = 0;
    char *buffer = malloc(capacity + 1);
    int status = buffer ? 0 : -ENOMEM;
    while (!status) {
        size_t got = fread(buffer + used, 1, capacity - used, stream);
        used += got;
        if (ferror(stream))
            status = -errno;
        else if (used > limit)
            status = -EFBIG;
        else if (got == 0)
            break;
        if (!status && used == capacity) {
            char *larger = realloc(buffer, capacity * 2 + 1);
            if (larger) {
                buffer = larger;
                capacity *= 2;
            } else {
                status = -ENOMEM;
            }
        }
    }
    if (status) {
        free(buffer);
        return status;
    }
    buffer[used] = '\0';
    *bytes = buffer;
    *size = used;
    return 0;
}

int mm_file_read(const char *path, size_t limit, char **bytes, size_t *size, struct mm_error *error)
{
    bool is_standard_input = !strcmp(path, "-");
    FILE *stream = is_standard_input ? stdin : fopen(path, "re");
    if (!stream)
        return mm_error_set(error, -errno, "%s: cannot open it: %s", path, strerror(errno));
    int status = read_stream(stream, limit, bytes, size);
    if (!is_standard_input)
        fclose(stream);
    if (status == -EFBIG)
        return mm_error_set(error, status, "%s: larger than the limit of %zu bytes", path, limit);
    if (status)
        return mm_error_set(error, status, "%s: cannot read it: %s", path, strerror(-status));
    return 0;
}

static int make_folder(const char *path)
{
    if (!mkdir(path, 0777))
        return 0;
    int code = -errno;
    struct stat status;
    /* EEXIST, but also EROFS or EACCES for a parent that is there already. */
    if (!stat(path, &status))
        return S_ISDIR(status.st_mode) ? 0 : -ENOTDIR;
    return code;
}

int mm_file_make_folders(const char *path, struct mm_error *error)
{
    char *copy = strdup(path);
    if (!copy)
        return mm_error_set(error, -ENOMEM, "%s: no memory to create the folder", path);
    int status = 0;
    for (char *slash = strchr(copy + 1, '/'); slash && !status; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        status = make_folder(copy);
        *slash = '/';
    }
    if (!status)
        status = make_folder(copy);
    free(copy);
    if (status)
        return mm_error_set(error, status, "%s: cannot create the folder: %s", path,
                            strerror(-status));
    return 0;
}
