/*
 * The works of ci/peers in C: one file a work, each in several ways. A way is timed from before the
 * first access to after the last; opening and mapping count, making lists and buffers does not.
 */
#ifndef MM_HARNESS_COMPARISON_PEER_H
#define MM_HARNESS_COMPARISON_PEER_H

#include <stddef.h>
#include <stdint.h>

/* What is asked for, from the command line, and what came of it. */
struct peer_run {
    const char *path;
    uint64_t size_bytes; /* of the file */
    uint64_t count;      /* of accesses */
    uint64_t before;     /* untimed ones ahead of them */
    uint64_t step_bytes;
    uint64_t chunk_bytes;
    uint64_t depth;    /* requests in flight */
    uint64_t parallel; /* arrays, threads or processes */
    uint64_t seed;

    uint64_t started_ns;
    uint64_t elapsed_ns;
    uint64_t flush_ns; /* of it, the last flush */
    uint64_t checksum;
};

struct peer_way {
    const char *name;
    /* 0 or a negative errno after a line on standard error. */
    int (*run)(struct peer_run *run);
};

struct peer_work {
    const char *name;
    struct peer_way ways[8]; /* ended by one without a name */
};

extern const struct peer_work peer_gather, peer_stride, peer_stream, peer_durable_write, peer_tile,
    peer_scatter, peer_elements, peer_bulk, peer_fill, peer_ramp, peer_copy, peer_convert,
    peer_strided_sum, peer_scale;

/* ---- What the works share ---- */

struct marray;

uint64_t peer_now_ns(void);
void peer_start(struct peer_run *run);
void peer_stop(struct peer_run *run);
/* For what is over in milliseconds: runs pass several times, the first untimed, and sets elapsed_ns
 * to the median of the others. Stops at the first code that is not 0. */
int peer_repeat(struct peer_run *run, int (*pass)(struct peer_run *run, void *context),
                void *context);
/* Prints "what: reason" and returns code. */
int peer_fail(const char *what, int code);
/* Index k of the list of a seed, below limit. The same in every language. */
uint64_t peer_index(uint64_t seed, uint64_t k, uint64_t limit);
/* A whole file mapped bare. 0 or a negative errno, said. */
int peer_map(const struct peer_run *run, int writable, unsigned char **base, int *descriptor);
void peer_unmap(const struct peer_run *run, unsigned char *base, int descriptor);
/* The file as an array of <u8 (rows 0) or of rows of row_bytes. Failures are said. */
int peer_open(const struct peer_run *run, int writable, uint64_t rows, struct marray **array);

#endif
