/* Where a file lives: its mount and the block device under it. */
#ifndef MM_HARNESS_ENVIRONMENT_FILE_H
#define MM_HARNESS_ENVIRONMENT_FILE_H

#include <limits.h>
#include <stdbool.h>

/* One line of /proc/self/mountinfo, its escapes undone. */
struct mm_environment_mount {
    unsigned long long id;
    unsigned major; /* of the file system's device; 0 where it has no block device of its own */
    unsigned minor;
    char mount_point[PATH_MAX];
    char options[512]; /* of the mount, then those of the file system beyond them */
    char type[64];
    char source[PATH_MAX];
};

/* Reads one line; false when it is none of mountinfo. line is changed. */
bool mm_environment_parse_mount(char *line, struct mm_environment_mount *mount);

/* The mount that path, an existing file or folder, lies on. 0 or a negative errno. */
int mm_environment_find_mount(const char *path, struct mm_environment_mount *mount);

/* The folder in /sys of the block device under a mount, such as ".../block/vda/vda1". 0 or a
 * negative errno, -ENODATA where there is none. */
int mm_environment_find_device(const struct mm_environment_mount *mount, char folder[PATH_MAX]);

/* What the kernel reads ahead in files at path, an existing file or folder; 0 where that is not to
 * be known. */
unsigned long long mm_environment_read_ahead_bytes(const char *path);

#endif
