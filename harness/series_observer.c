/* Readings at an interval, kept by the launcher, and made into the member series of a sample. */
#include "harness/series_observer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness/clock.h"
#include "harness/plan.h"
#include "harness/series.h"
#include "results/record.h"

/* The observer rests for this many times what a reading took of a processor: it uses 1 % of one at
 * most. */
#define REST 100
/* Then every second one goes and the interval doubles. */
#define POINTS_MAX 4096

struct mm_series_observer {
    int descriptor;
    struct mm_series_room *room;
    size_t room_bytes;
    struct mm_series_source source;
    bool placed; /* the device has been looked for */
    uint64_t asked_interval_ns;
    uint64_t interval_ns;
    uint64_t next_ns;
    uint64_t spent_ns;
    size_t count;
    const char *why_resident;
    const char *why_dirty;
    struct mm_series_point points[POINTS_MAX];
};

static int make_room(struct mm_series_observer *observer, uint32_t count)
{
    observer->room_bytes = mm_series_room_bytes(count);
    observer->descriptor = memfd_create("mapmeter-series", MFD_CLOEXEC);
    if (observer->descriptor < 0 ||
        ftruncate(observer->descriptor, (off_t)observer->room_bytes) < 0)
        return -errno;
    void *map = mmap(NULL, observer->room_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                     observer->descriptor, 0);
    if (map == MAP_FAILED)
        return -errno;
    observer->room = map;
    /* All of it is touched here, so that it counts as the launcher's memory. */
    memset(map, 0, observer->room_bytes);
    observer->room->layout_bytes = sizeof(*observer->room);
    observer->room->count = count;
    return 0;
}

static uint64_t interval_of(const json_t *case_json)
{
    const json_t *interval = json_object_get(case_json, "interval_ns");
    return interval ? (uint64_t)json_integer_value(interval) : MM_PLAN_INTERVAL_NS;
}

/* An engine without a file leaves the file of its case alone. */
static bool uses_files(const json_t *case_json)
{
    const char *name = json_string_value(json_object_get(case_json, "engine"));
    const struct mm_engine *engine = name ? mm_engine_find(name) : NULL;
    return !engine || (engine->capabilities & MM_ENGINE_FILE_BACKED);
}

int mm_series_observer_open(const json_t *case_json, const json_t *file_json,
                            struct mm_series_observer **observer)
{
    const char *workload = json_string_value(json_object_get(case_json, "workload"));
    json_int_t processes = json_integer_value(json_object_get(case_json, "processes"));
    *observer = NULL;
    if (interval_of(case_json) == 0)
        return 0;
    struct mm_series_observer *opening = calloc(1, sizeof(*opening));
    if (!opening)
        return -ENOMEM;
    opening->descriptor = -1;
    opening->asked_interval_ns = interval_of(case_json);
    int status = make_room(opening, processes > 1 ? (uint32_t)processes : 1);
    if (status) {
        mm_series_observer_close(opening);
        return status;
    }
    opening->room->whole_command = workload && !strcmp(workload, "command");
    mm_series_set_source(&opening->source, uses_files(case_json) ? file_json : NULL);
    json_incref((json_t *)opening->source.files);
    *observer = opening;
    return 0;
}

void mm_series_observer_close(struct mm_series_observer *observer)
{
    if (!observer)
        return;
    if (observer->room)
        munmap(observer->room, observer->room_bytes);
    if (observer->descriptor >= 0)
        close(observer->descriptor);
    json_decref((json_t *)observer->source.files);
    free(observer);
}

int mm_series_observer_descriptor(const struct mm_series_observer *observer)
{
    return observer ? observer->descriptor : -1;
}

void mm_series_observer_begin(struct mm_series_observer *observer)
{
    if (!observer)
        return;
    observer->count = 0;
    observer->spent_ns = 0;
    observer->interval_ns = observer->asked_interval_ns;
    observer->next_ns = mm_clock_ns() + observer->interval_ns;
    observer->room->opening.at_ns = 0;
    observer->room->closing.at_ns = 0;
}

static void thin_out(struct mm_series_observer *observer)
{
    for (size_t i = 0; i < POINTS_MAX / 2; i++)
        observer->points[i] = observer->points[2 * i + 1];
    observer->count = POINTS_MAX / 2;
    observer->interval_ns *= 2;
}

/* A reading during which the sample has ended is dropped: the worker's own last one is better. */
static void read_point(struct mm_series_observer *observer)
{
    if (!observer->placed)
        mm_series_find_places(&observer->source);
    observer->placed = true;
    if (observer->count == POINTS_MAX)
        thin_out(observer);
    mm_series_read(&observer->source, observer->room, &observer->points[observer->count],
                   &observer->why_resident, &observer->why_dirty);
    if (atomic_load(&observer->room->running))
        observer->count++;
}

uint64_t mm_series_observer_look(struct mm_series_observer *observer)
{
    if (!observer)
        return UINT64_MAX;
    uint64_t now_ns = mm_clock_ns();
    if (now_ns < observer->next_ns)
        return observer->next_ns;
    uint64_t rest_ns = 0;
    if (atomic_load(&observer->room->running)) {
        uint64_t used_ns = mm_clock_processor_ns();
        read_point(observer);
        uint64_t took_ns = mm_clock_processor_ns() - used_ns;
        observer->spent_ns += took_ns;
        rest_ns = REST * took_ns;
    }
    uint64_t pause_ns = rest_ns > observer->interval_ns ? rest_ns : observer->interval_ns;
    observer->next_ns += pause_ns;
    if (observer->next_ns <= now_ns)
        observer->next_ns = now_ns + pause_ns;
    return observer->next_ns;
}

/* The columns, each with the place of its value and of what says whether there is one. */
struct column {
    const char *name;
    size_t value;
    size_t valid; /* 0: always */
    bool counts_up;
};

#define AT(member) offsetof(struct mm_series_point, member)

static const struct column columns[] = {
    {"bytes", AT(bytes), 0, false},
    {"items", AT(items), 0, false},
    {"minor_faults", AT(minor_faults), AT(faults_valid), true},
    {"major_faults", AT(major_faults), AT(faults_valid), true},
    {"resident_bytes", AT(resident_bytes), AT(resident_valid), false},
    {"dirty_bytes", AT(dirty_bytes), AT(dirty_valid), false},
    {"writeback_bytes", AT(writeback_bytes), AT(dirty_valid), false},
    {"device_read_bytes", AT(device_read_bytes), AT(device_valid), true},
    {"device_written_bytes", AT(device_written_bytes), AT(device_valid), true},
};

static uint64_t value_at(const struct mm_series_point *point, size_t offset)
{
    uint64_t value;
    memcpy(&value, (const unsigned char *)point + offset, sizeof(value));
    return value;
}

static bool is_valid(const struct mm_series_point *point, const struct column *column)
{
    return column->valid == 0 || *((const bool *)((const unsigned char *)point + column->valid));
}

/* Point index of all: the opening, those in between, the closing. */
static const struct mm_series_point *point_at(const struct mm_series_observer *observer,
                                              size_t index)
{
    if (index == 0)
        return &observer->room->opening;
    return index <= observer->count ? &observer->points[index - 1] : &observer->room->closing;
}

static const char *why_missing(const struct mm_series_observer *observer,
                               const struct column *column)
{
    const char *why = NULL;
    if (column->valid == AT(resident_valid))
        why = observer->why_resident;
    if (column->valid == AT(dirty_valid))
        why = observer->why_dirty;
    if (column->valid == AT(device_valid))
        why = "the file system has no block device whose counters are known";
    if (observer->room->whole_command && column->valid == 0)
        why = "a command does not say what it has moved";
    return why ? why : "it could not be read at every point";
}

static json_t *column_to_json(const struct mm_series_observer *observer,
                              const struct column *column)
{
    uint64_t base = column->counts_up ? value_at(point_at(observer, 0), column->value) : 0;
    uint64_t least = 0;
    json_t *list = json_array();
    bool known = column->valid != 0 || !observer->room->whole_command;
    for (size_t i = 0; i < observer->count + 2 && list && known; i++) {
        const struct mm_series_point *point = point_at(observer, i);
        uint64_t value = value_at(point, column->value);
        known = is_valid(point, column);
        value = value > base ? value - base : 0;
        /* Between the end of a process and its parent's wait its faults are nobody's. */
        if (column->counts_up && value < least)
            value = least;
        least = value;
        json_array_append_new(list, json_integer((json_int_t)value));
    }
    if (known)
        return list;
    json_decref(list);
    return mm_record_unavailable(why_missing(observer, column));
}

static json_t *times_to_json(const struct mm_series_observer *observer)
{
    json_t *list = json_array();
    for (size_t i = 0; i < observer->count + 2 && list; i++) {
        uint64_t since_ns = point_at(observer, i)->at_ns - observer->room->opening.at_ns;
        json_array_append_new(list, json_integer((json_int_t)since_ns));
    }
    return list;
}

json_t *mm_series_observer_take(struct mm_series_observer *observer)
{
    if (!observer || observer->room->opening.at_ns == 0 ||
        observer->room->closing.at_ns < observer->room->opening.at_ns + MM_SERIES_LEAST_NS)
        return NULL;
    json_t *series = json_pack(
        "{s:I, s:I, s:o}", "interval_ns", (json_int_t)observer->asked_interval_ns, "observer_ns",
        (json_int_t)observer->spent_ns, "elapsed_ns", times_to_json(observer));
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]) && series; i++)
        json_object_set_new(series, columns[i].name, column_to_json(observer, &columns[i]));
    return series;
}
