/* A way to reach the bytes of an array: the interface that every engine offers to workloads. */
#ifndef MM_WORKLOADS_ENGINES_ENGINE_H
#define MM_WORKLOADS_ENGINES_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "workloads/array.h"
#include "workloads/parameter.h"

#define MM_ENGINE_ABI_VERSION 1

struct marray;

/* What an engine can do. A workload names what it needs; a pair that lacks something is a planned
 * skip that says what. */
enum mm_engine_capability {
    MM_ENGINE_WRITES = 1 << 0,       /* stores reach the array */
    MM_ENGINE_IN_PLACE = 1 << 1,     /* borrow() lends the bytes themselves: no copy, any size */
    MM_ENGINE_FILE_BACKED = 1 << 2,  /* the file is read through the page cache or the device, so
                                        cold means something and flush makes durable */
    MM_ENGINE_MULTIPROCESS = 1 << 3, /* processes that open the same file see one array */
    MM_ENGINE_LOCKS = 1 << 4,        /* lock() and unlock() */
    MM_ENGINE_MARRAY = 1 << 5,       /* marray() gives the array for the public accessors */
    MM_ENGINE_GATHERS = 1 << 6       /* gather() and scatter() are better than a loop over a loan */
};

enum mm_engine_access { MM_ACCESS_READ, MM_ACCESS_WRITE, MM_ACCESS_READ_WRITE };

/* How the workload will go over the array; what an engine turns into advice when it is asked to. */
enum mm_access_pattern { MM_PATTERN_NORMAL, MM_PATTERN_SEQUENTIAL, MM_PATTERN_RANDOM };

enum mm_flush_level { MM_FLUSH_ASYNC, MM_FLUSH_DATA, MM_FLUSH_FULL };

#define MM_REGION_DIMENSIONS 2

/*
 * A rectangle of items within the array's data. Item (i, j) stands at offset_bytes + i * stride[0]
 * + j * stride[1]. One-dimensional regions have dimensions 1 and use index 0. Strides are bytes
 * and may be negative; offsets count from the first byte of the array's data, not of the file.
 */
struct mm_region {
    uint64_t offset_bytes;
    uint32_t item_bytes;
    uint32_t dimensions;
    uint64_t count[MM_REGION_DIMENSIONS];
    int64_t stride_bytes[MM_REGION_DIMENSIONS];
};

/* A contiguous run of bytes as a region. */
static inline struct mm_region mm_region_of_bytes(uint64_t offset_bytes, uint64_t length_bytes)
{
    struct mm_region region = {
        .offset_bytes = offset_bytes,
        .item_bytes = 1,
        .dimensions = 1,
        .count = {length_bytes},
        .stride_bytes = {1},
    };
    return region;
}

/*
 * What borrow() lends: item (i, j) of the region stands at data + i * stride[0] + j * stride[1].
 * The strides are the region's where the bytes are lent in place and dense where they were copied,
 * so loops take them from here. Valid until give_back(); contents are undefined for WRITE access
 * until stored to.
 */
struct mm_span {
    unsigned char *data;
    int64_t stride_bytes[MM_REGION_DIMENSIONS];
    /* Below: the engine's own; a caller leaves it alone. */
    struct mm_region region;
    enum mm_engine_access access;
    uint32_t slot;
};

/* A promise: the next `steps` borrows are first, first + step_bytes, first + 2 * step_bytes, ... in
 * this order. An engine may keep them in flight ahead. */
struct mm_engine_walk {
    struct mm_region first;
    int64_t step_bytes;
    uint64_t steps;
    enum mm_engine_access access;
};

/* What to open. Owned by the caller, who keeps it until close. */
struct mm_engine_target {
    const char *path;
    struct mm_array array;
    bool writable;
    uint64_t largest_borrow_bytes; /* the largest dense size that borrow, gather and scatter are
                                      asked for: buffers are allocated at open, outside the clock */
    uint64_t largest_gather_count; /* most blocks in one gather or scatter */
    enum mm_access_pattern pattern;
};

/* Receives facts for the record: which advice was asked for and granted, which calls flush uses. */
struct mm_engine_facts {
    void *context;
    void (*text)(void *context, const char *name, const char *value);
    void (*number)(void *context, const char *name, double value);
};

struct mm_engine_file; /* each engine defines its own */

/*
 * The descriptor, one per file of this folder, called mm_engine_<file name>. Functions return 0 or
 * a negative errno and set *error; those marked optional may be NULL. Nothing but open and close
 * allocates.
 */
struct mm_engine {
    uint32_t abi_version; /* MM_ENGINE_ABI_VERSION */
    uint32_t size_bytes;  /* sizeof(struct mm_engine) */
    const char *name;
    const char *summary;
    uint32_t capabilities;
    const struct mm_parameter *parameters;
    size_t parameter_count;
    size_t options_bytes; /* of the struct that the parameters fill */

    int (*open)(const struct mm_engine_target *target, const void *options,
                struct mm_engine_file **file, struct mm_error *error);
    /* Releases everything; *file is NULL afterwards even when an error is returned. Does not make
     * anything durable. */
    int (*close)(struct mm_engine_file **file, struct mm_error *error);

    /* At most one span is out at a time for engines that are not IN_PLACE. */
    int (*borrow)(struct mm_engine_file *file, const struct mm_region *region,
                  enum mm_engine_access access, struct mm_span *span, struct mm_error *error);
    /* Ends a loan; for WRITE and READ_WRITE the bytes are in the array (not yet durable) after it.
     */
    int (*give_back)(struct mm_engine_file *file, struct mm_span *span, struct mm_error *error);
    int (*expect)(struct mm_engine_file *file, const struct mm_engine_walk *walk,
                  struct mm_error *error); /* optional */

    /* Block k of the dense buffer is bytes [blocks[k] * block_bytes, +block_bytes) of the array. */
    int (*gather)(struct mm_engine_file *file, const uint64_t *blocks, size_t count,
                  uint64_t block_bytes, void *buffer, struct mm_error *error);
    int (*scatter)(struct mm_engine_file *file, const uint64_t *blocks, size_t count,
                   uint64_t block_bytes, const void *buffer, struct mm_error *error);

    /* region NULL: the whole array. DATA and FULL return when the bytes are durable. */
    int (*flush)(struct mm_engine_file *file, const struct mm_region *region,
                 enum mm_flush_level level, struct mm_error *error);

    /* LOCKS: whole bytes of the array's data, waiting; length 0 means to the end. */
    int (*lock)(struct mm_engine_file *file, uint64_t offset_bytes, uint64_t length_bytes,
                bool exclusive, struct mm_error *error);
    int (*unlock)(struct mm_engine_file *file, uint64_t offset_bytes, uint64_t length_bytes,
                  struct mm_error *error);

    /* MARRAY: the open array; it stays the engine's. */
    struct marray *(*marray)(struct mm_engine_file *file);

    /* Requested and effective state, after the work and before close. */
    void (*describe)(struct mm_engine_file *file, const struct mm_engine_facts *facts);

    /* Optional. Do engines of these options go around the page cache? Then its state before a pass
     * changes nothing, and every state but cold is a planned skip. */
    bool (*bypasses_cache)(const void *options);

    /* Optional. The items of region into and out of a dense buffer, row by row, where that is
     * better than a loop over a loan. mm_region_copy_out() and its like do either. */
    int (*copy_out)(struct mm_engine_file *file, const struct mm_region *region, void *buffer,
                    struct mm_error *error);
    int (*copy_in)(struct mm_engine_file *file, const struct mm_region *region, const void *buffer,
                   struct mm_error *error);
};

/* All engines, by file name order; generated by CMake from the names of the files in this folder.
 */
extern const struct mm_engine *const mm_engines[];
extern const size_t mm_engine_count;

/* NULL when there is none of that name. */
const struct mm_engine *mm_engine_find(const char *name);

#endif
