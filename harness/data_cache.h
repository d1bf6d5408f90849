/*
 * The folder of generated data files as a cache of limited size: which files are ours, how much
 * they take, and which go when another one is made. Runs hold the files that they use by locks of
 * the folder's own.
 */
#ifndef MM_HARNESS_DATA_CACHE_H
#define MM_HARNESS_DATA_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "harness/plan.h"

/* What a folder holds; plain data. */
struct mm_data_cache_usage {
    size_t file_count; /* data files of ours */
    uint64_t used_bytes;
    uint64_t free_bytes; /* of the file system, for this user */
};

/* Whether a name is one that mapmeter gives to generated data files. */
bool mm_data_cache_is_ours(const char *name);

/* Of a folder that need not be there yet: then the nearest one above it tells what is free. 0 or a
 * negative errno. */
int mm_data_cache_look(const char *folder, struct mm_data_cache_usage *usage);

/* How much the folder may hold: asked_bytes, or, with 0, half of what its data files take and what
 * is free beside them. */
uint64_t mm_data_cache_limit(const struct mm_data_cache_usage *usage, uint64_t asked_bytes);

/* Whether the generated files of a plan fit into its folder together; asks before anything is made.
 * -EINVAL beyond the limit, -ENOSPC beyond what the file system has; the error has the remedy. */
int mm_data_cache_check(const struct mm_plan *plan, uint64_t asked_bytes, struct mm_error *error);

/* Removes data files of ours from the folder until needed_bytes more fit, those used longest ago
 * first. Never one that a run holds, that belongs to another user or that has not one of our names.
 * The caller has locked the folder. -ENOSPC when that is not enough. */
int mm_data_cache_make_room(int folder, const char *path, uint64_t needed_bytes,
                            uint64_t asked_bytes, struct mm_error *error);

/* Holds an open data file of the folder, until *held is closed, against removal, and as a writer
 * against all others; notes that it was used. The file itself may be closed. The caller has locked
 * the folder. -EBUSY. */
int mm_data_cache_hold(int folder, int descriptor, bool writes, int *held);

/* Notes that the generated files of a plan that are there are about to be used: so they are the
 * last to go while room is made for the others. */
void mm_data_cache_note_plan(const struct mm_plan *plan);

/* Lets go what mm_data_cache_hold held: the file at path was in use until now. */
void mm_data_cache_let_go(int held, const char *path);

#endif
