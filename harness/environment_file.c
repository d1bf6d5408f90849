/* The facts of a file: mount, device, read-ahead, extents. */
#include "harness/environment_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/random.h"
#include "common/text.h"
#include "harness/environment.h"
#include "harness/environment_read.h"

/* mountinfo writes blanks, newlines and backslashes as \040: a backslash and three octal digits. */
static void unescape(const char *from, char *to, size_t bytes)
{
    size_t used = 0;
    while (*from && used + 1 < bytes) {
        bool escape = from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' &&
                      from[2] <= '7' && from[3] >= '0' && from[3] <= '7';
        if (escape) {
            to[used++] = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
            from += 4;
        } else {
            to[used++] = *from++;
        }
    }
    to[used] = '\0';
}

static bool has_option(const char *options, const char *wanted, size_t length)
{
    for (const char *option = options; *option;) {
        size_t here = strcspn(option, ",");
        if (here == length && strncmp(option, wanted, length) == 0)
            return true;
        option += here + (option[here] == ',');
    }
    return false;
}

/* Adds the options of the file system that the mount's own do not have. */
static void add_options(char *options, size_t bytes, const char *more)
{
    for (const char *option = more; *option;) {
        size_t length = strcspn(option, ",");
        size_t used = strlen(options);
        if (length && !has_option(options, option, length))
            snprintf(options + used, bytes - used, ",%.*s", (int)length, option);
        option += length + (option[length] == ',');
    }
}

bool mm_environment_parse_mount(char *line, struct mm_environment_mount *mount)
{
    /* id parent major:minor root mount-point options [tags...] - type source super-options */
    char *rest = line;
    char *field[6];
    for (size_t i = 0; i < MM_COUNT_OF(field); i++) {
        field[i] = strsep(&rest, " ");
        if (!field[i])
            return false;
    }
    char *tag = strsep(&rest, " ");
    while (tag && strcmp(tag, "-") != 0)
        tag = strsep(&rest, " ");
    char *type = strsep(&rest, " ");
    char *source = strsep(&rest, " ");
    char *super_options = strsep(&rest, " \n");
    if (!tag || !super_options || sscanf(field[2], "%u:%u", &mount->major, &mount->minor) != 2)
        return false;
    mount->id = strtoull(field[0], NULL, 10);
    unescape(field[4], mount->mount_point, sizeof(mount->mount_point));
    snprintf(mount->options, sizeof(mount->options), "%s", field[5]);
    add_options(mount->options, sizeof(mount->options), super_options);
    unescape(type, mount->type, sizeof(mount->type));
    unescape(source, mount->source, sizeof(mount->source));
    return true;
}

/* True when path lies at or below folder. */
static bool is_below(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    if (strcmp(folder, "/") == 0)
        return true;
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || !path[length]);
}

/* The kernel's own number of the mount (Linux 5.8); 0 where it does not tell. */
static unsigned long long mount_id(const char *path)
{
#ifdef STATX_MNT_ID
    struct statx facts;
    if (statx(AT_FDCWD, path, 0, STATX_MNT_ID, &facts) == 0 && (facts.stx_mask & STATX_MNT_ID))
        return facts.stx_mnt_id;
#endif
    (void)path;
    return 0;
}

int mm_environment_find_mount(const char *path, struct mm_environment_mount *mount)
{
    char *real = realpath(path, NULL);
    if (!real)
        return -errno;
    int status = -ENODATA;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    if (!file) {
        status = -errno;
        free(real);
        return status;
    }
    unsigned long long id = mount_id(real);
    struct mm_environment_mount candidate;
    char *line = NULL;
    size_t room = 0;
    size_t longest = 0;
    while (getline(&line, &room, file) >= 0) {
        if (!mm_environment_parse_mount(line, &candidate))
            continue;
        /* Without a number the longest mount point counts, and of equal ones the last: it lies on
         * top. */
        size_t length = strlen(candidate.mount_point);
        bool matches =
            id ? candidate.id == id : is_below(real, candidate.mount_point) && length >= longest;
        if (matches) {
            *mount = candidate;
            longest = length;
            status = 0;
        }
    }
    free(line);
    fclose(file);
    free(real);
    return status;
}

/* The block device under a mount: its own number, or that of its source where the file system has
 * an anonymous one (btrfs, overlay). */
static int find_number(const struct mm_environment_mount *mount, unsigned *major_number,
                       unsigned *minor_number)
{
    struct stat status;
    if (mount->major != 0) {
        *major_number = mount->major;
        *minor_number = mount->minor;
        return 0;
    }
    if (mount->source[0] != '/' || stat(mount->source, &status) || !S_ISBLK(status.st_mode))
        return -ENODATA;
    *major_number = major(status.st_rdev);
    *minor_number = minor(status.st_rdev);
    return 0;
}

int mm_environment_find_device(const struct mm_environment_mount *mount, char folder[PATH_MAX])
{
    unsigned major_number = 0;
    unsigned minor_number = 0;
    char link[64];
    int status = find_number(mount, &major_number, &minor_number);
    if (status)
        return status;
    snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major_number, minor_number);
    return realpath(link, folder) ? 0 : -errno;
}

/* A setting of the device's queue; partitions have the queue of their disk. */
static int read_queue(const char *folder, const char *setting, long long *value)
{
    char path[PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s/queue/%s", folder, setting);
    int status = mm_environment_read_number(path, value);
    if (status != -ENOENT)
        return status;
    snprintf(path, sizeof(path), "%s/../queue/%s", folder, setting);
    return mm_environment_read_number(path, value);
}

/* Of a file system, from its device's folder where it has one. -ENODATA. */
static int find_read_ahead(const char *path, const char *folder, long long *bytes)
{
    long long kib = 0;
    struct stat status;
    char bdi[96];
    int code = -ENODATA;
    if (stat(path, &status) == 0) {
        /* The file system's own figure decides; it is the disk's where it has none. */
        snprintf(bdi, sizeof(bdi), "/sys/class/bdi/%u:%u/read_ahead_kb", major(status.st_dev),
                 minor(status.st_dev));
        code = mm_environment_read_number(bdi, &kib);
    }
    if (code && folder)
        code = read_queue(folder, "read_ahead_kb", &kib);
    if (code)
        return -ENODATA;
    *bytes = kib * 1024;
    return 0;
}

unsigned long long mm_environment_read_ahead_bytes(const char *path)
{
    struct mm_environment_mount mount;
    char folder[PATH_MAX];
    long long bytes = 0;
    bool has_device =
        !mm_environment_find_mount(path, &mount) && !mm_environment_find_device(&mount, folder);
    return find_read_ahead(path, has_device ? folder : NULL, &bytes) ? 0
                                                                     : (unsigned long long)bytes;
}

static json_t *read_ahead(const char *path, const char *folder)
{
    long long bytes = 0;
    if (find_read_ahead(path, folder, &bytes))
        return mm_environment_unavailable("this file system tells no read-ahead in /sys");
    return json_integer((json_int_t)bytes);
}

/* Says of each member why it is missing. */
static bool add_unavailable(json_t *facts, const char *const *members, size_t count,
                            const char *why)
{
    for (size_t i = 0; i < count; i++) {
        if (!mm_environment_set(facts, members[i], mm_environment_unavailable("%s", why)))
            return false;
    }
    return true;
}

static bool add_device(json_t *facts, const char *path, const struct mm_environment_mount *mount)
{
    static const char *const members[] = {"device", "rotational"};
    char folder[PATH_MAX];
    long long rotational = 0;
    if (mm_environment_find_device(mount, folder)) {
        char why[160];
        snprintf(why, sizeof(why), "%s has no block device that is known here", mount->type);
        return mm_environment_set(facts, "read_ahead_bytes", read_ahead(path, NULL)) &&
               add_unavailable(facts, members, MM_COUNT_OF(members), why);
    }
    const char *name = strrchr(folder, '/');
    json_t *spins = read_queue(folder, "rotational", &rotational) == 0
                        ? json_boolean(rotational != 0)
                        : mm_environment_unavailable("the device does not tell");
    return mm_environment_set(facts, "device", mm_environment_text(name ? name + 1 : folder)) &&
           mm_environment_set(facts, "read_ahead_bytes", read_ahead(path, folder)) &&
           mm_environment_set(facts, "rotational", spins);
}

/* A text of the device or of the disk that it is a part of; "?" where there is none. */
static void read_device_text(const char *folder, const char *below, char *text, size_t bytes)
{
    char path[PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s/%s", folder, below);
    int status = mm_environment_read_line(path, text, bytes);
    snprintf(path, sizeof(path), "%s/../%s", folder, below);
    if (status && mm_environment_read_line(path, text, bytes))
        snprintf(text, bytes, "?");
}

/* The same kind of file system on the same kind of device: not the name or number of the device,
 * which another boot may give to another, nor what can be set while it is in use. */
static json_t *storage_fingerprint(const struct mm_environment_mount *mount)
{
    static const char *const texts[] = {"device/model", "size", "queue/rotational",
                                        "queue/logical_block_size"};
    char folder[PATH_MAX];
    char text[256];
    uint64_t hash = mm_environment_add_to_hash(MM_ENVIRONMENT_HASH_START, mount->type);
    bool has_device = !mm_environment_find_device(mount, folder);
    for (size_t i = 0; has_device && i < MM_COUNT_OF(texts); i++) {
        read_device_text(folder, texts[i], text, sizeof(text));
        hash = mm_environment_add_to_hash(hash, text);
    }
    snprintf(text, sizeof(text), "%016" PRIx64, mm_random_mix(hash));
    return mm_environment_text(text);
}

static bool add_mount(json_t *facts, const char *path)
{
    static const char *const members[] = {
        "filesystem",       "mount_options", "mount_point",        "device",
        "read_ahead_bytes", "rotational",    "storage_fingerprint"};
    struct mm_environment_mount mount;
    int status = mm_environment_find_mount(path, &mount);
    if (status) {
        char why[160];
        snprintf(why, sizeof(why), "its mount is not found: %s", strerror(-status));
        return add_unavailable(facts, members, MM_COUNT_OF(members), why);
    }
    return mm_environment_set(facts, "filesystem", mm_environment_text(mount.type)) &&
           mm_environment_set(facts, "mount_options", mm_environment_text(mount.options)) &&
           mm_environment_set(facts, "mount_point", mm_environment_text(mount.mount_point)) &&
           mm_environment_set(facts, "storage_fingerprint", storage_fingerprint(&mount)) &&
           add_device(facts, path, &mount);
}

/* Counts the extents of a file; -errno where the file system cannot tell. */
static int count_extents(const char *path, uint64_t *extents, uint64_t *unwritten)
{
    enum { batch = 128 };
    struct fiemap *map = calloc(1, sizeof(*map) + batch * sizeof(struct fiemap_extent));
    if (!map)
        return -ENOMEM;
    int status = 0;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        status = -errno;
    uint64_t found = 0;
    uint64_t found_unwritten = 0;
    bool last = false;
    while (!status && !last) {
        map->fm_length = FIEMAP_MAX_OFFSET - map->fm_start;
        map->fm_extent_count = batch;
        map->fm_mapped_extents = 0;
        if (ioctl(descriptor, FS_IOC_FIEMAP, map))
            status = -errno;
        last = status || map->fm_mapped_extents == 0;
        for (uint32_t i = 0; !status && i < map->fm_mapped_extents; i++) {
            const struct fiemap_extent *extent = &map->fm_extents[i];
            found++;
            found_unwritten += (extent->fe_flags & FIEMAP_EXTENT_UNWRITTEN) != 0;
            last = last || (extent->fe_flags & FIEMAP_EXTENT_LAST);
            map->fm_start = extent->fe_logical + extent->fe_length;
        }
    }
    if (descriptor >= 0)
        close(descriptor);
    free(map);
    if (status)
        return status;
    *extents = found;
    *unwritten = found_unwritten;
    return 0;
}

static bool add_extents(json_t *facts, const char *path)
{
    static const char *const members[] = {"extents", "extents_unwritten"};
    uint64_t extents = 0;
    uint64_t unwritten = 0;
    int status = count_extents(path, &extents, &unwritten);
    if (status) {
        char why[160];
        snprintf(why, sizeof(why), "the file system does not tell its extents: %s",
                 strerror(-status));
        return add_unavailable(facts, members, MM_COUNT_OF(members), why);
    }
    return mm_environment_set(facts, "extents", json_integer((json_int_t)extents)) &&
           mm_environment_set(facts, "extents_unwritten", json_integer((json_int_t)unwritten));
}

json_t *mm_environment_file_facts(const char *path)
{
    json_t *facts = json_object();
    if (facts && add_mount(facts, path) && add_extents(facts, path))
        return facts;
    json_decref(facts);
    return NULL;
}
