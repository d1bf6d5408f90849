/* Readings of a time series: /proc, cachestat, the device's counters, and the shared progress. */
#include "harness/series.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/cache_state.h"
#include "harness/clock.h"
#include "harness/environment_read.h"

#define STAT_BYTES     1024
#define CHILDREN_BYTES 4096
#define DEPTH_LIMIT    16 /* of the processes of a command */
#define PATH_BYTES     96

struct faults {
    uint64_t minor;
    uint64_t major;
};

size_t mm_series_room_bytes(uint32_t count)
{
    return sizeof(struct mm_series_room) + count * sizeof(struct mm_series_cell);
}

struct mm_series_room *mm_series_attach(int descriptor)
{
    struct stat status;
    struct mm_series_room *room = NULL;
    if (fstat(descriptor, &status) || status.st_size < (off_t)sizeof(*room)) {
        close(descriptor);
        return NULL;
    }
    size_t bytes = (size_t)status.st_size;
    void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (map == MAP_FAILED)
        return NULL;
    room = map;
    if (room->layout_bytes == sizeof(*room) && mm_series_room_bytes(room->count) <= bytes)
        return room;
    munmap(map, bytes);
    return NULL;
}

void mm_series_detach(struct mm_series_room *room)
{
    if (room)
        munmap(room, mm_series_room_bytes(room->count));
}

struct mm_series_cell *mm_series_enter(struct mm_series_room *room, uint32_t peer)
{
    if (!room || peer >= room->count)
        return NULL;
    struct mm_series_cell *cell = &room->cells[peer];
    atomic_store(&cell->progress.bytes, 0);
    atomic_store(&cell->progress.items, 0);
    atomic_store(&cell->pid, (int32_t)getpid());
    return cell;
}

/* The file at an index: of an array, or the one that there is. */
static const json_t *file_at(const json_t *files, size_t index)
{
    if (json_is_array(files))
        return json_array_get(files, index);
    return index == 0 ? files : NULL;
}

void mm_series_set_source(struct mm_series_source *source, const json_t *files)
{
    bool none = json_is_array(files) && json_array_size(files) == 0;
    memset(source, 0, sizeof(*source));
    source->files = none ? NULL : files;
}

void mm_series_find_places(struct mm_series_source *source)
{
    const char *path = json_string_value(json_object_get(file_at(source->files, 0), "path"));
    memset(&source->places, 0, sizeof(source->places));
    if (path)
        mm_machine_places(path, &source->places);
}

/*
 * Fields 10 to 13 of /proc/PID/stat, after the name in brackets, which may hold anything: minor
 * faults, those of the children that were waited for, major faults, those of the children.
 */
static bool read_faults(pid_t pid, struct faults *own, struct faults *waited_for)
{
    enum { BEFORE = 7 }; /* fields between the name and the faults */
    char path[PATH_BYTES];
    char line[STAT_BYTES];
    unsigned long long fields[4];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (mm_environment_read_line(path, line, sizeof(line)))
        return false;
    const char *rest = strrchr(line, ')');
    for (int i = 0; rest && i <= BEFORE; i++)
        rest = strchr(rest + 1, ' ');
    for (int i = 0; rest && i < 4; i++) {
        char *end;
        fields[i] = strtoull(rest, &end, 10);
        if (end == rest)
            return false;
        rest = end;
    }
    if (!rest)
        return false;
    *own = (struct faults){fields[0], fields[2]};
    *waited_for = (struct faults){fields[1], fields[3]};
    return true;
}

static void add_descendants(pid_t pid, int depth, struct faults *total);

/* A process of a command and those that it has started. One that has gone meanwhile is with its
 * parent's children already, or will be. */
static void add_process(pid_t pid, int depth, struct faults *total)
{
    struct faults own;
    struct faults waited_for;
    if (!read_faults(pid, &own, &waited_for))
        return;
    total->minor += own.minor + waited_for.minor;
    total->major += own.major + waited_for.major;
    add_descendants(pid, depth + 1, total);
}

static void add_children_of_thread(pid_t pid, const char *thread, int depth, struct faults *total)
{
    char path[PATH_BYTES];
    char list[CHILDREN_BYTES];
    snprintf(path, sizeof(path), "/proc/%d/task/%.20s/children", (int)pid, thread);
    if (mm_environment_read_line(path, list, sizeof(list)))
        return;
    for (const char *rest = list;;) {
        char *end;
        long child = strtol(rest, &end, 10);
        if (end == rest)
            return;
        add_process((pid_t)child, depth, total);
        rest = end;
    }
}

static void add_descendants(pid_t pid, int depth, struct faults *total)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *threads = depth < DEPTH_LIMIT ? opendir(path) : NULL;
    const struct dirent *thread;
    while (threads && (thread = readdir(threads))) {
        if (isdigit((unsigned char)thread->d_name[0]))
            add_children_of_thread(pid, thread->d_name, depth, total);
    }
    if (threads)
        closedir(threads);
}

/* What the worker waits for moves from the list of its children to its own account of them. */
static bool faults_of_command(pid_t worker, struct faults *total)
{
    struct faults own;
    if (!read_faults(worker, &own, total))
        return false;
    add_descendants(worker, 0, total);
    return true;
}

static bool faults_of_all(const struct mm_series_room *room, struct faults *total)
{
    *total = (struct faults){0};
    if (room->whole_command)
        return faults_of_command(atomic_load(&room->cells[0].pid), total);
    for (uint32_t i = 0; i < room->count; i++) {
        struct faults own;
        struct faults waited_for;
        int32_t pid = atomic_load(&room->cells[i].pid);
        if (pid == 0 || !read_faults(pid, &own, &waited_for))
            return false;
        total->minor += own.minor;
        total->major += own.major;
    }
    return true;
}

static uint64_t share_to_bytes(const struct mm_cache_residency *residency)
{
    double pages = residency->resident_share * (double)residency->pages;
    return (uint64_t)(pages + 0.5) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Adds up over all files; one that cannot be told makes all unknown. */
static void read_pages(const struct mm_series_source *source, struct mm_series_point *point,
                       const char **why_resident, const char **why_dirty)
{
    const json_t *file;
    static const char no_file[] = "there is no file whose pages could be looked at";
    const char *no_dirty = mm_cache_why_dirty_is_unknown();
    point->resident_valid = source->files != NULL;
    point->dirty_valid = source->files != NULL && !no_dirty;
    *why_resident = source->files ? NULL : no_file;
    *why_dirty = source->files ? no_dirty : no_file;
    for (size_t i = 0; (file = file_at(source->files, i)) && point->resident_valid; i++) {
        struct mm_cache_residency residency;
        uint64_t offset = (uint64_t)json_integer_value(json_object_get(file, "offset_bytes"));
        uint64_t size = (uint64_t)json_integer_value(json_object_get(file, "size_bytes"));
        const char *path = json_string_value(json_object_get(file, "path"));
        if (mm_cache_residency(path, offset, size, &residency, NULL) ||
            !strcmp(residency.method, "none")) {
            point->resident_valid = point->dirty_valid = false;
            *why_resident = *why_dirty = "the kernel does not tell the pages of the file";
            return;
        }
        if (strcmp(residency.method, "cachestat") != 0) {
            point->dirty_valid = false;
            *why_dirty = "mincore does not tell dirty pages";
        }
        point->resident_bytes += share_to_bytes(&residency);
        point->dirty_bytes += residency.dirty_bytes;
        point->writeback_bytes += residency.writeback_bytes;
    }
}

static void read_progress(const struct mm_series_room *room, struct mm_series_point *point)
{
    for (uint32_t i = 0; i < room->count; i++) {
        const struct mm_workload_progress *progress = &room->cells[i].progress;
        point->bytes += atomic_load_explicit(&progress->bytes, memory_order_relaxed);
        point->items += atomic_load_explicit(&progress->items, memory_order_relaxed);
    }
}

void mm_series_read(const struct mm_series_source *source, const struct mm_series_room *room,
                    struct mm_series_point *point, const char **why_resident,
                    const char **why_dirty)
{
    struct faults faults;
    struct mm_machine_reading device;
    const char *unwanted[2];
    *point = (struct mm_series_point){.at_ns = mm_clock_ns()};
    read_progress(room, point);
    point->faults_valid = faults_of_all(room, &faults);
    point->minor_faults = faults.minor;
    point->major_faults = faults.major;
    mm_machine_read_device(&source->places, &device);
    point->device_valid = device.device_valid;
    point->device_read_bytes = device.device_read_bytes;
    point->device_written_bytes = device.device_written_bytes;
    read_pages(source, point, why_resident ? why_resident : &unwanted[0],
               why_dirty ? why_dirty : &unwanted[1]);
}

void mm_series_begin(const struct mm_series_source *source, struct mm_series_room *room)
{
    if (!room)
        return;
    mm_series_read(source, room, &room->opening, NULL, NULL);
    room->opening.at_ns = mm_clock_ns();
    atomic_store(&room->running, true);
}

void mm_series_end(const struct mm_series_source *source, struct mm_series_room *room)
{
    if (!room)
        return;
    atomic_store(&room->running, false);
    mm_series_read(source, room, &room->closing, NULL, NULL);
}
