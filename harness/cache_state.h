/*
 * How much of a file is in the page cache, verified, and how to get it out. Pages that any process
 * has mapped stay: evict before mapping.
 */
#ifndef MM_HARNESS_CACHE_STATE_H
#define MM_HARNESS_CACHE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

enum mm_cache_state {
    MM_CACHE_COLD,
    MM_CACHE_WARM,
    MM_CACHE_DIRTY,   /* in the cache, and not on storage yet */
    MM_CACHE_PRESSURE /* larger than the memory that is granted */
};

const char *mm_cache_state_name(enum mm_cache_state state);
/* -EINVAL with the nearest right name. */
int mm_cache_state_parse(const char *text, enum mm_cache_state *state, struct mm_error *error);

/* At most this share may be resident for a launch to count as cold, at least the other for warm. */
#define MM_CACHE_COLD_SHARE 0.01
#define MM_CACHE_WARM_SHARE 0.99
/* And at least this share dirty for dirty. */
#define MM_CACHE_DIRTY_SHARE 0.99

struct mm_cache_residency {
    const char *method; /* "cachestat", "mincore" or "none" */
    const char *why;    /* with "none": why there is no answer, static text; else "" */
    uint64_t pages;     /* of the range */
    double resident_share;
    uint64_t dirty_bytes;     /* 0 with mincore, which cannot tell */
    uint64_t writeback_bytes; /* likewise */
};

/* Asks cachestat(2), else mincore(2) where it tells the truth (the file is ours or writable, see
 * can_do_mincore in the kernel). Of the bytes [offset, offset + length) that the file has; length
 * 0: to the end. method "none" is not an error; what is no regular file is, -EINVAL. */
int mm_cache_residency(const char *path, uint64_t offset_bytes, uint64_t length_bytes,
                       struct mm_cache_residency *residency, struct mm_error *error);

/* Flushes dirty pages, drops the file from the page cache by fadvise, and verifies; tries again a
 * few times. -EBUSY when more than MM_CACHE_COLD_SHARE stays (error says how much and why it may
 * be), -ENOTSUP where the file system has no store but the page cache (tmpfs, ramfs), -ENODATA
 * when residency cannot be verified by a call (*residency says why; the caller then verifies by the
 * bytes the device delivers). *residency is the state after the attempt in all these cases. */
int mm_cache_make_cold(const char *path, struct mm_cache_residency *residency,
                       struct mm_error *error);

/* Reads the range into the page cache and verifies likewise; -EBUSY when less than
 * MM_CACHE_WARM_SHARE stays (the file is larger than what memory is free). */
int mm_cache_make_warm(const char *path, uint64_t offset_bytes, uint64_t length_bytes,
                       struct mm_cache_residency *residency, struct mm_error *error);

/* Reads the range once in order, whatever of it then stays in the page cache. */
int mm_cache_read_in(const char *path, uint64_t offset_bytes, uint64_t length_bytes,
                     struct mm_error *error);

/* Puts into buffer what shall stand at [offset, offset + length) of the file; 0 or -errno. */
typedef int mm_cache_content(const void *context, uint64_t offset_bytes, uint64_t length_bytes,
                             void *buffer);

/* Writes the range anew, which leaves it dirty in the page cache, and verifies by cachestat; with
 * content NULL the bytes that are there. -EBUSY when less than MM_CACHE_DIRTY_SHARE stays dirty
 * (write-back was faster), -ENOTSUP as mm_cache_make_cold, -ENODATA without cachestat. */
int mm_cache_make_dirty(const char *path, uint64_t offset_bytes, uint64_t length_bytes,
                        mm_cache_content *content, const void *context,
                        struct mm_cache_residency *residency, struct mm_error *error);

/* Why this kernel cannot tell dirty pages; NULL when it can. */
const char *mm_cache_why_dirty_is_unknown(void);

/* True and a reason when files of this file system live in the page cache alone. */
bool mm_cache_is_memory_file_system(const char *path, const char **why);

#endif
