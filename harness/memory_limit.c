/* Control groups of versions 1 and 2, as far as a limit on memory needs them. */
#include "harness/memory_limit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "harness/environment_read.h"

#define NAME_PREFIX "mapmeter-"

const struct mm_memory_limit_system mm_memory_limit_this_system = {"/proc/self/cgroup",
                                                                   "/sys/fs/cgroup"};

static bool is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Whether the words of a line have "memory" among them, separated by separator. */
static bool names_memory(const char *words, char separator)
{
    const char *found = words;
    while ((found = strstr(found, "memory")) != NULL) {
        char after = found[strlen("memory")];
        bool starts = found == words || found[-1] == separator;
        if (starts && (after == '\0' || after == separator))
            return true;
        found++;
    }
    return false;
}

static bool hands_memory_down(const char *folder)
{
    char path[MM_MEMORY_LIMIT_PATH_BYTES + 32];
    char words[512];
    snprintf(path, sizeof(path), "%s/cgroup.subtree_control", folder);
    return mm_environment_read_line(path, words, sizeof(words)) == 0 && names_memory(words, ' ');
}

/* A container may see its group's path from outside, but the group itself as the root. */
static int folder_of(const char *root, const char *below, const char *group, char *folder)
{
    int length = snprintf(folder, MM_MEMORY_LIMIT_PATH_BYTES, "%s%s%s", root, below,
                          strcmp(group, "/") == 0 ? "" : group);
    if (length >= MM_MEMORY_LIMIT_PATH_BYTES)
        return -ENAMETOOLONG;
    if (!is_folder(folder))
        snprintf(folder, MM_MEMORY_LIMIT_PATH_BYTES, "%s%s", root, below);
    return is_folder(folder) ? 0 : -ENOENT;
}

/*
 * A group of version 2 that holds processes cannot hand its controllers down, unless it is the root
 * ("no internal processes"). So the new group stands beside ours, where our parent hands memory
 * down, as the slices of systemd do.
 */
static int find_version_2(const char *root, const char *group, struct mm_memory_limit_place *place)
{
    static const char *const mounts[] = {"", "/unified"};
    for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
        if (folder_of(root, mounts[i], group, place->folder))
            continue;
        place->version = 2;
        if (hands_memory_down(place->folder))
            return 0;
        char *slash = strrchr(place->folder, '/');
        if (slash == NULL || (size_t)(slash - place->folder) < strlen(root) + strlen(mounts[i]))
            continue;
        *slash = '\0';
        if (hands_memory_down(place->folder))
            return 0;
    }
    return -ENOTSUP;
}

/* Goes through the lines "hierarchy:controllers:/group"; version 2 is "0::/group". */
static int find_group(const struct mm_memory_limit_system *system,
                      struct mm_memory_limit_place *place)
{
    FILE *stream = fopen(system->groups, "re");
    char *line = NULL;
    size_t room = 0;
    int code = -ENOTSUP;
    if (!stream)
        return -ENOTSUP;
    while (code && getline(&line, &room, stream) > 0) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        *group++ = '\0';
        controllers++;
        if (names_memory(controllers, ',')) {
            place->version = 1;
            code = folder_of(system->root, "/memory", group, place->folder);
        } else if (controllers[0] == '\0') {
            code = find_version_2(system->root, group, place);
        }
    }
    free(line);
    fclose(stream);
    return code;
}

int mm_memory_limit_find(const struct mm_memory_limit_system *system,
                         struct mm_memory_limit_place *place, struct mm_error *error)
{
    struct mm_memory_limit_place found = {.version = 0};
    if (find_group(system, &found))
        return mm_error_set(error, -ENOTSUP,
                            "no control group here counts memory for others below it; remedy: run "
                            "under systemd-run --user --scope, or boot with cgroup_enable=memory");
    if (access(found.folder, W_OK | X_OK))
        return mm_error_set(error, -EACCES,
                            "this user may not make a control group in %s; remedy: run as root, or "
                            "under systemd-run --user --scope",
                            found.folder);
    *place = found;
    return 0;
}

/* Clock ticks after boot; with the pid it names a process for good. 0 when there is none. */
static unsigned long long start_time(long pid)
{
    char path[64];
    char line[1024];
    snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    if (mm_environment_read_line(path, line, sizeof(line)))
        return 0;
    /* The second field is a name in brackets and may hold anything; the start is the 22nd. */
    char *rest = strrchr(line, ')');
    char *field = NULL;
    char *saved = NULL;
    int number = 2;
    for (field = rest ? strtok_r(rest + 1, " ", &saved) : NULL; field && ++number < 22;
         field = strtok_r(NULL, " ", &saved))
        ;
    return field ? strtoull(field, NULL, 10) : 0;
}

static bool owner_is_dead(const char *name)
{
    long pid = 0;
    unsigned long long started = 0;
    char rest;
    if (sscanf(name, NAME_PREFIX "%ld-%llu%c", &pid, &started, &rest) != 2 || pid <= 0)
        return false;
    return start_time(pid) != started;
}

/* The last process of a group leaves it a moment after it is reaped. */
static bool remove_group(const char *folder)
{
    static const struct timespec moment = {.tv_nsec = 5000000};
    for (int i = 0; i < 20; i++) {
        if (rmdir(folder) == 0)
            return true;
        if (errno != EBUSY)
            return false;
        nanosleep(&moment, NULL);
    }
    return false;
}

static unsigned sweep_folder(const char *folder)
{
    char path[MM_MEMORY_LIMIT_PATH_BYTES + 256];
    unsigned removed = 0;
    DIR *entries = opendir(folder);
    if (!entries)
        return 0;
    for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
        if (!owner_is_dead(entry->d_name))
            continue;
        snprintf(path, sizeof(path), "%s/%.255s", folder, entry->d_name);
        removed += remove_group(path);
    }
    closedir(entries);
    return removed;
}

/* The folder above, if this process has already entered a group of its own. */
static void leave_own_group(char *folder)
{
    char *slash = strrchr(folder, '/');
    if (slash && strncmp(slash + 1, NAME_PREFIX, strlen(NAME_PREFIX)) == 0)
        *slash = '\0';
}

unsigned mm_memory_limit_sweep(const struct mm_memory_limit_system *system)
{
    struct mm_memory_limit_place place;
    if (mm_memory_limit_find(system, &place, NULL))
        return 0;
    leave_own_group(place.folder);
    return sweep_folder(place.folder);
}

static int write_member(const char *folder, const char *name, const char *text)
{
    char path[MM_MEMORY_LIMIT_PATH_BYTES + 64];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    if (descriptor < 0)
        return -errno;
    int code = write(descriptor, text, strlen(text)) < 0 ? -errno : 0;
    close(descriptor);
    return code;
}

static int read_member(const char *folder, const char *name, long long *number)
{
    char path[MM_MEMORY_LIMIT_PATH_BYTES + 64];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return mm_environment_read_number(path, number);
}

static const char *limit_member(int version)
{
    return version == 1 ? "memory.limit_in_bytes" : "memory.max";
}

int mm_memory_limit_enter(const struct mm_memory_limit_system *system, uint64_t limit_bytes,
                          struct mm_memory_limit *limit, struct mm_error *error)
{
    struct mm_memory_limit_place place;
    struct mm_memory_limit made;
    char text[32];
    long long taken = 0;
    int code = mm_memory_limit_find(system, &place, error);
    if (code)
        return code;
    sweep_folder(place.folder);
    made.version = place.version;
    int length = snprintf(made.folder, sizeof(made.folder), "%.960s/" NAME_PREFIX "%ld-%llu",
                          place.folder, (long)getpid(), start_time(getpid()));
    if (length >= (int)sizeof(made.folder))
        return mm_error_set(error, -ENAMETOOLONG, "the name of a control group is too long");
    if (mkdir(made.folder, 0755))
        return mm_error_set(error, -errno, "no control group can be made in %s: %s", place.folder,
                            strerror(errno));
    snprintf(text, sizeof(text), "%" PRIu64, limit_bytes);
    code = write_member(made.folder, limit_member(made.version), text);
    if (!code)
        code = read_member(made.folder, limit_member(made.version), &taken);
    snprintf(text, sizeof(text), "%ld", (long)getpid());
    if (!code)
        code = write_member(made.folder, "cgroup.procs", text);
    if (code) {
        rmdir(made.folder);
        return mm_error_set(error, code,
                            "the control group %s takes no limit or no process: %s; remedy: run as "
                            "root, or under systemd-run --user --scope",
                            made.folder, strerror(-code));
    }
    made.limit_bytes = (uint64_t)taken;
    *limit = made;
    return 0;
}

static json_t *metric_of(int code, long long number)
{
    if (code)
        return mm_environment_unavailable("this kernel's control groups do not tell: %s",
                                          strerror(-code));
    return json_integer((json_int_t)number);
}

/* From lines such as "max 12". */
static int read_event(const char *folder, const char *event, long long *number)
{
    char path[MM_MEMORY_LIMIT_PATH_BYTES + 64];
    char name[32];
    snprintf(path, sizeof(path), "%s/memory.events", folder);
    FILE *stream = fopen(path, "re");
    if (!stream)
        return -errno;
    int code = -ENODATA;
    while (code && fscanf(stream, "%31s %lld", name, number) == 2)
        code = strcmp(name, event) == 0 ? 0 : -ENODATA;
    fclose(stream);
    return code;
}

json_t *mm_memory_limit_to_json(const struct mm_memory_limit *limit)
{
    long long peak = 0;
    long long hits = 0;
    int peak_code;
    int hits_code;
    if (limit->version == 1) {
        peak_code = read_member(limit->folder, "memory.max_usage_in_bytes", &peak);
        hits_code = read_member(limit->folder, "memory.failcnt", &hits);
    } else {
        /* memory.peak came with Linux 5.19. */
        peak_code = read_member(limit->folder, "memory.peak", &peak);
        hits_code = read_event(limit->folder, "max", &hits);
    }
    return json_pack("{s:i, s:I, s:o, s:o}", "version", limit->version, "limit_bytes",
                     (json_int_t)limit->limit_bytes, "peak_bytes", metric_of(peak_code, peak),
                     "hits", metric_of(hits_code, hits));
}
