/*
 * A workload: what is done to an array. Public: a workload of your own is one file that includes
 * this header and defines one descriptor. docs/adding-a-workload.md walks through it.
 */
#ifndef MM_WORKLOADS_WORKLOAD_H
#define MM_WORKLOADS_WORKLOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/public.h"
#include "workloads/array.h"
#include "workloads/engines/engine.h"
#include "workloads/parameter.h"

/* Raised whenever the layout of anything that a workload sees changes, here or in the headers that
 * this one includes: plug-ins that were built before are refused. */
#define MM_WORKLOAD_ABI_VERSION 3

/* Each phase has its own time and its own faults. OPEN and CLOSE are the worker's; a workload
 * starts in TOUCH and moves between TOUCH, COMPUTE and FLUSH. */
enum mm_phase {
    MM_PHASE_OPEN,
    MM_PHASE_TOUCH,
    MM_PHASE_COMPUTE,
    MM_PHASE_FLUSH,
    MM_PHASE_CLOSE,
    MM_PHASE_COUNT
};

/* "open", "touch", ... as they stand in the record. */
MM_PUBLIC const char *mm_phase_name(enum mm_phase phase);

/*
 * What a launch that measures latency records of an operation, each a histogram of its own. All but
 * FLUSH count from the start of the operation, in an open loop from the moment at which it was to
 * start.
 */
enum mm_latency {
    MM_LATENCY_TOUCH,   /* until its bytes were read or written */
    MM_LATENCY_GATHER,  /* until its gather was done */
    MM_LATENCY_LOCK,    /* until it had its lock */
    MM_LATENCY_DURABLE, /* until the flush that belongs to it was done */
    MM_LATENCY_FLUSH,   /* host->flush alone, from call to return; the worker's, in every launch */
    MM_LATENCY_COUNT
};

/* What plan() says of a case: the planner needs it before anything runs. */
struct mm_workload_needs {
    uint32_t capabilities; /* mm_engine_capability bits that the engine must have */
    bool writes;           /* opens the array writable and changes it */
    bool flushes;          /* makes durable; the planner takes it back for engines without a file */
    enum mm_access_pattern pattern;
    uint64_t largest_borrow_bytes; /* see struct mm_engine_target */
    uint64_t largest_gather_count;
    uint32_t processes;      /* 1, or how many peers to fork */
    uint64_t shared_bytes;   /* zeroed memory that all peers share, 0 for none */
    uint64_t bytes_per_pass; /* payload of one pass over all peers: the basis of throughput */
    uint64_t items_per_pass; /* operations or elements, as the workload counts them */
    /* For launches that measure latency: at most so many operations are begun in one pass over all
     * peers. 0: the workload times none, and untimed may say why (static text, or NULL). */
    uint64_t operations_per_pass;
    const char *untimed;
};

struct mm_workload_run;

/* What the worker does for a running workload. */
struct mm_workload_host {
    /* Ends the current phase and starts another; the clock stands still in between while counters
     * are read. Cheap enough for every flush, not for every element. */
    void (*enter_phase)(struct mm_workload_run *run, enum mm_phase phase);
    /* Nothing unless needs->flushes. One timed flush in the FLUSH phase (at level data), into the
     * latency histogram, and back to the phase it was called from. region NULL: the whole array. */
    int (*flush)(struct mm_workload_run *run, const struct mm_region *region);
    /* In verify only. The bytes the array had before this sample's first pass: computed for
     * generated files, read by pread for a user's own. Not for arrays the workload writes. */
    int (*reference)(struct mm_workload_run *run, uint64_t offset_bytes, uint64_t length_bytes,
                     void *buffer);
    /* The bytes that the array has now, by a way independent of the engine (pread). In prepare, and
     * in verify, there after the file was evicted: what it gives comes from storage. For an engine
     * without a file it reads the engine's memory. */
    int (*read_back)(struct mm_workload_run *run, uint64_t offset_bytes, uint64_t length_bytes,
                     void *buffer);
    /* A figure of the workload's own for the record, such as "lost_updates". The name must be
     * static. Only in verify. */
    void (*report)(struct mm_workload_run *run, const char *name, double value);
    /* Behind mm_operation_begin() and mm_operation_mark(), which see. */
    void (*operation_begin)(struct mm_workload_run *run);
    void (*operation_mark)(struct mm_workload_run *run, enum mm_latency latency);
};

/* How far a process has come, for an observer in another one; see mm_workload_advance(). */
struct mm_workload_progress {
    _Atomic uint64_t bytes;
    _Atomic uint64_t items;
};

/* One running sample of one process. */
struct mm_workload_run {
    const struct mm_workload_host *host;
    void *host_private;
    const void *options; /* the struct that the parameters fill */
    const struct mm_array *array;
    const struct mm_workload_needs *needs;
    const struct mm_engine *engine;
    struct mm_engine_file *file; /* open during touch and flush, else NULL */
    uint64_t seed;               /* of this sample, the same for all peers */
    uint32_t peer;               /* 0 to peers - 1 */
    uint32_t peers;
    void *shared;          /* needs->shared_bytes of zeroed memory common to all peers, or NULL */
    uint64_t passes;       /* timed passes done so far */
    uint64_t warm_passes;  /* untimed passes that went before them */
    bool times_operations; /* of a timed pass in a launch that measures latency */
    struct mm_error *error;
    struct mm_workload_progress *progress; /* in memory shared with an observer, or NULL */

    /* The workload's: */
    void *state;       /* from prepare to cleanup, in the same process */
    uint64_t checksum; /* sum over all timed passes so far; the worker zeroes it after warm-up and
                          adds up the peers' before verify */
    uint64_t bytes;    /* payload moved in timed passes, zeroed and summed likewise */
    uint64_t items;
    uint64_t expected_checksum; /* set by verify */
};

/*
 * One operation starts here; in an open loop when its turn has come, which this waits for. Only in
 * touch. In launches that measure throughput the clock is not read: this is one branch that always
 * goes the same way. Where even that is too much for an inner loop, touch has another loop for
 * run->times_operations.
 */
static inline void mm_operation_begin(struct mm_workload_run *run)
{
    if (run->times_operations)
        run->host->operation_begin(run);
}

/* The operation that began last has come so far; each latency once an operation, in any order. */
static inline void mm_operation_mark(struct mm_workload_run *run, enum mm_latency latency)
{
    if (run->times_operations)
        run->host->operation_mark(run, latency);
}

/*
 * Adds to the run's bytes and items and shows how far they are to who watches: two stores into a
 * cache line of this process's own. To be called at borders of blocks and batches, not for every
 * element; what a workload adds by itself is seen at the end of the pass.
 */
static inline void mm_workload_advance(struct mm_workload_run *run, uint64_t bytes, uint64_t items)
{
    run->bytes += bytes;
    run->items += items;
    if (run->progress) {
        atomic_store_explicit(&run->progress->bytes, run->bytes, memory_order_relaxed);
        atomic_store_explicit(&run->progress->items, run->items, memory_order_relaxed);
    }
}

/*
 * The descriptor, one per file of this folder, called mm_workload_<file name>, with '-' in the name
 * written '_' (tile_fft.c: mm_workload_tile_fft, name "tile-fft"). Functions return 0 or a negative
 * errno and set *run->error. Order of the calls in one sample:
 *
 *   in each process:  prepare  [open] touch ... touch flush [close]  cleanup
 *   then in one:      verify
 *
 * prepare, verify and cleanup are outside every clock; touch and flush must not allocate, log or
 * fail for lack of preparation.
 */
struct mm_workload {
    uint32_t abi_version; /* MM_WORKLOAD_ABI_VERSION */
    uint32_t size_bytes;  /* sizeof(struct mm_workload) */
    const char *name;
    const char *summary;
    const struct mm_parameter *parameters;
    size_t parameter_count;
    size_t options_bytes;

    /* Optional. Chooses dtype and shape for a generated array of about wanted_bytes; without it the
     * array is one-dimensional "<u8". Sizes round down to whole rows, never to zero. */
    int (*shape)(const void *options, uint64_t wanted_bytes, struct mm_array *array,
                 struct mm_error *error);
    /* Checks options against the array and fills needs (zeroed before). -EINVAL: this combination
     * makes no sense, *error says why; it becomes a configuration error. */
    int (*plan)(const void *options, const struct mm_array *array, struct mm_workload_needs *needs,
                struct mm_error *error);
    /* Optional. Beyond capabilities: why this workload makes no sense on this engine, or NULL; it
     * becomes a planned skip. Static text. */
    const char *(*skip)(const void *options, const struct mm_engine *engine);

    int (*prepare)(struct mm_workload_run *run); /* optional */
    /* One pass over the array. Every byte asked for enters run->checksum, see below. */
    int (*touch)(struct mm_workload_run *run);
    /* Optional. What is left to flush after a pass: called in the FLUSH phase if needs->flushes;
     * without it the worker flushes the whole array. */
    int (*flush)(struct mm_workload_run *run);
    void (*cleanup)(struct mm_workload_run *run); /* optional; after prepare, even a failed one */
    /* Proves the work: sets run->expected_checksum for reads, reads writes back. Must not use
     * state: it derives all from options, array, seed, passes and peers. -EBADMSG with *error when
     * the bytes are wrong; the worker itself compares checksum with expected_checksum. */
    int (*verify)(struct mm_workload_run *run);
};

/*
 * Stands once, at the end of the file of a workload that shall be a plug-in (mapmeter run --plugin;
 * docs/plugins.md), with the name of its descriptor. The flags of `pkg-config mapmeter` make it the
 * symbol that mapmeter looks for; in a workload that is built in it does nothing.
 */
#ifdef MM_WORKLOAD_AS_PLUGIN
#define MM_WORKLOAD_PLUGIN(descriptor)                                   \
    MM_PUBLIC extern const struct mm_workload *const mm_workload_plugin; \
    const struct mm_workload *const mm_workload_plugin = &(descriptor)
#else
#define MM_WORKLOAD_PLUGIN(descriptor) extern const struct mm_workload descriptor
#endif

/*
 * The checksum of bytes: the wrapping 64-bit sum of its little-endian unsigned words, whose width
 * is the largest of 8, 4, 2 and 1 that divides item_bytes. numpy gives the same for contiguous data
 * by a.view('<u8').sum(dtype='u8'). length_bytes is a multiple of the width; data may be unaligned.
 */
MM_PUBLIC uint64_t mm_workload_checksum(const void *data, uint64_t length_bytes,
                                        uint32_t item_bytes);

/* The same over count items of item_bytes, stride_bytes apart. */
MM_PUBLIC uint64_t mm_workload_checksum_strided(const unsigned char *data, uint64_t count,
                                                int64_t stride_bytes, uint32_t item_bytes);

/* All workloads, by file name order; generated by CMake from the names of the files in this folder
 * that define a descriptor. */
extern const struct mm_workload *const mm_workloads[];
extern const size_t mm_workload_count;

/* NULL when there is none of that name. */
const struct mm_workload *mm_workload_find(const char *name);

#endif
