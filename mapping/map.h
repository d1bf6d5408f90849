/* A mapped file: what all views of one opened array share. */
#ifndef MARRAY_MAP_H
#define MARRAY_MAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mapping/marray.h"
#include "mapping/os.h"

/* Owned by the opened array; views only count themselves, so it outlives them. */
struct marray;

/* How the runs of a view are flushed: with what is between them, or each by itself. */
enum marray_flush_way { MARRAY_FLUSH_SPAN, MARRAY_FLUSH_RUNS };

struct marray_map {
    _Atomic uint64_t views;   /* alive, without the opened array itself */
    _Atomic int failed;       /* 0, or the first error of a flush: it stays */
    _Atomic bool name_is_new; /* created, and its folder not yet made durable */
    _Atomic int advice;       /* normal, sequential or random, as was last given to any part */
    /* For way.h: transfers that are left since a write-back, and since somebody waited for the
     * file; those that hold it now, or -1 while one of them takes or releases it. */
    _Atomic unsigned transfers_by_calls;
    _Atomic unsigned transfers_by_map;
    _Atomic int holders;
    /* For flush.c: what a page of a view took either way when last measured, 0: not yet. */
    _Atomic uint64_t flush_page_ns[2];
    _Atomic unsigned flushes_chosen;
    enum marray_mode mode;
    int descriptor;          /* -1: given up, or memory without a file */
    int64_t process;         /* that opened it: a child after fork must not lock */
    unsigned char *base;     /* NULL when there is nothing to map */
    uint64_t file_offset;    /* of base, whole pages */
    uint64_t size_bytes;     /* from base to the end of the data */
    uint64_t mapped_bytes;   /* from base: size_bytes, or more in an array that grows */
    uint64_t reserved_bytes; /* of address space at base; at least mapped_bytes */
    uint64_t data_offset;    /* of the opened array's first byte in the file */
    uint64_t data_bytes;
    void *layout;            /* the opened array's shape and strides since a resize, or NULL */
    uint32_t flags;          /* of the spec */
    enum marray_order order; /* of the opened array */
    bool is_npy;             /* its header has the shape */
    bool is_described;       /* opened from a description: a view that others have too */
    bool is_anonymous;       /* memory without a file */
    bool has_no_path;        /* path is a name for messages only */
    bool full_flush_is_due;  /* a header was written, which may be outside the map */
    bool header_is_old;      /* the shape has grown since the header was written */
    uint64_t spare_end; /* the file is this long, for appends to come; 0: no longer than needed */
    char *path;         /* as it was given */
    char *real_path;    /* of a created file: absolute, survives chdir; else NULL */
};

/* What a map is made for. */
struct marray_map_request {
    const char *path;
    enum marray_mode mode;
    uint32_t flags; /* marray_flag bits */
    uint64_t data_offset;
    uint64_t data_bytes; /* data_offset + data_bytes fits into 63 bits */
    const void *header;  /* CREATE: the first bytes of the file, or NULL */
    size_t header_bytes;
    struct marray_message *message;
};

/* Opens an existing regular file as a mode other than CREATE needs it; -EISDIR, -ENODEV (not a file
 * with bytes of its own), or what the system says, with message. */
int marray_file_open(const char *path, enum marray_mode mode, int *descriptor,
                     struct marray_os_status *status, struct marray_message *message);

/*
 * Maps the request from an open descriptor, which belongs to the map after success and stays the
 * caller's after failure. READ_WRITE grows the file from what status says when the request is
 * longer, and restores its length on failure; the other modes fail with -ENODATA.
 */
int marray_map_existing(const struct marray_map_request *request, int descriptor,
                        const struct marray_os_status *status, struct marray_map **map);

/* Creates or replaces the file: zeros behind the header. On failure a new file is gone again and an
 * old one is as it was. */
int marray_map_create(const struct marray_map_request *request, struct marray_map **map);

/* Zeros in memory: without a file, for the modes CREATE (shared with children) and COPY_ON_WRITE;
 * or in a file that has no path, in mode CREATE. */
int marray_map_anonymous(const struct marray_map_request *request, struct marray_map **map);
int marray_map_memory_file(const struct marray_map_request *request, struct marray_map **map);

/* Gives what appends have prepared and not used back to the file system, and writes the header that
 * is due. Does nothing to other maps. In resize.c. */
int marray_map_settle(struct marray *array);

/* Whether this process has the map, or is a child that did not inherit it. */
bool marray_map_is_here(const struct marray_map *map);

/* Unmaps, closes, frees. */
void marray_map_release(struct marray_map *map);

/* For marray_map_create: maps without looking at the file's size; descriptor as above. */
int marray_map_new(const struct marray_map_request *request, int descriptor,
                   struct marray_map **map);
/* Gives a file of old_bytes its first total_bytes, with blocks for [start, total_bytes) unless
 * sparse; the length is restored on failure. */
int marray_file_extend(const struct marray_map_request *request, int descriptor, uint64_t start,
                       uint64_t old_bytes, uint64_t total_bytes);
/* Undoes marray_file_extend(), unless somebody else made the file longer since. */
void marray_file_restore_size(int descriptor, uint64_t old_bytes, uint64_t total_bytes);

#endif
