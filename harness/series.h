/*
 * The time series of a sample: progress, faults, pages and device at one moment after the other.
 * The processes that measure leave their progress in memory that they share with the launcher; the
 * launcher looks at it from outside at an interval (series_observer.h), and the worker itself takes
 * the first and the last reading, before and after every clock. A descriptor of the memory is
 * inherited by the worker and named in prepare.
 */
#ifndef MM_HARNESS_SERIES_H
#define MM_HARNESS_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "harness/machine_activity.h"
#include "workloads/workload.h"

/* Shorter samples keep no series. */
#define MM_SERIES_LEAST_NS UINT64_C(2000000000)

/* Of one process that measures: a cache line that nobody else writes. */
struct mm_series_cell {
    _Alignas(64) struct mm_workload_progress progress;
    _Atomic int32_t pid; /* 0 until it is known */
};

/* One moment. Faults, bytes and items count up; what is not valid could not be read. Plain data. */
struct mm_series_point {
    uint64_t at_ns; /* of the monotonic clock */
    uint64_t bytes;
    uint64_t items;
    bool faults_valid;
    uint64_t minor_faults;
    uint64_t major_faults;
    bool resident_valid;
    uint64_t resident_bytes; /* of the files, in the page cache */
    bool dirty_valid;
    uint64_t dirty_bytes;
    uint64_t writeback_bytes;
    bool device_valid;
    uint64_t device_read_bytes;
    uint64_t device_written_bytes;
};

/* What launcher and worker share. */
struct mm_series_room {
    uint32_t layout_bytes; /* sizeof this struct: a worker of another build leaves it alone */
    uint32_t count;        /* of cells */
    _Atomic bool running;  /* from the first to the last reading */
    bool whole_command;    /* the processes are those that the one of cell 0 has started */
    struct mm_series_point opening;
    struct mm_series_point closing;
    struct mm_series_cell cells[];
};

/* Where to look for what is not in the room. Plain data. */
struct mm_series_source {
    const json_t *files; /* member `files` of a record: one, or an array; borrowed. NULL: no file */
    struct mm_machine_places places; /* of the device */
};

/* How many bytes a room for this many processes has. */
size_t mm_series_room_bytes(uint32_t count);

/* In the worker: maps the room behind descriptor and closes it. NULL when it is none. */
struct mm_series_room *mm_series_attach(int descriptor);
void mm_series_detach(struct mm_series_room *room);

/* The room's cell of a process, which shows its progress there from now on; NULL without a room.
 * The page is touched, so that no fault is left for the clock. */
struct mm_series_cell *mm_series_enter(struct mm_series_room *room, uint32_t peer);

/* files as below, borrowed; NULL or an empty array: there is no file. */
void mm_series_set_source(struct mm_series_source *source, const json_t *files);

/* The device under the first file. */
void mm_series_find_places(struct mm_series_source *source);

/* 0.2 to 0.5 ms of a processor that has done something else meanwhile, some 10 us of it for each
 * further process, and what cachestat takes for a large file; holds no lock of the memory map of
 * any process. *why_resident and *why_dirty (may be NULL) are set to static text where there is no
 * answer. */
void mm_series_read(const struct mm_series_source *source, const struct mm_series_room *room,
                    struct mm_series_point *point, const char **why_resident,
                    const char **why_dirty);

/* In the worker, outside of the clock: the first and the last reading. room may be NULL. */
void mm_series_begin(const struct mm_series_source *source, struct mm_series_room *room);
void mm_series_end(const struct mm_series_source *source, struct mm_series_room *room);

#endif
