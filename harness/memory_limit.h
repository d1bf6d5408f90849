/*
 * A limit on the memory of this process and its children, page cache included: a control group of
 * its own, version 1 or 2, below the one it is in. The group is called
 * mapmeter-<pid>-<start time of the process>, so that anybody can tell whether its owner lives.
 */
#ifndef MM_HARNESS_MEMORY_LIMIT_H
#define MM_HARNESS_MEMORY_LIMIT_H

#include <stdint.h>

#include <jansson.h>

#include "common/error.h"

#define MM_MEMORY_LIMIT_PATH_BYTES 1024

/* Below this the kernel may end the worker: it needs some itself, and pages that are being read are
 * not given back. With read-ahead of 8 MiB a limit of 16 MiB was seen to be too little now and
 * then.
 */
#define MM_MEMORY_LIMIT_LEAST_BYTES (UINT64_C(24) << 20)

/* Where groups are to be had; plain data. */
struct mm_memory_limit_system {
    const char *groups; /* "/proc/self/cgroup" */
    const char *root;   /* "/sys/fs/cgroup" */
};

extern const struct mm_memory_limit_system mm_memory_limit_this_system;

/* The folder in which this process may make groups with a memory limit. */
struct mm_memory_limit_place {
    int version; /* 1 or 2 */
    char folder[MM_MEMORY_LIMIT_PATH_BYTES];
};

/* A group that this process is in; plain data. */
struct mm_memory_limit {
    int version;
    uint64_t limit_bytes; /* as the kernel has taken it */
    char folder[MM_MEMORY_LIMIT_PATH_BYTES];
};

/* Looks without touching anything. -ENOTSUP where no hierarchy counts memory, -EACCES where this
 * user may not make groups; the error has the remedy. */
int mm_memory_limit_find(const struct mm_memory_limit_system *system,
                         struct mm_memory_limit_place *place, struct mm_error *error);

/* Removes what dead owners have left, makes the group and moves this process into it, for good:
 * whoever outlives it sweeps. Pages that are in memory already stay counted where they are. */
int mm_memory_limit_enter(const struct mm_memory_limit_system *system, uint64_t limit_bytes,
                          struct mm_memory_limit *limit, struct mm_error *error);

/* Removes the groups whose owners are dead; how many. What cannot be removed yet stays. */
unsigned mm_memory_limit_sweep(const struct mm_memory_limit_system *system);

/* {"version", "limit_bytes", "peak_bytes", "hits"}: the last two are metrics since the group was
 * made. New reference. */
json_t *mm_memory_limit_to_json(const struct mm_memory_limit *limit);

#endif
