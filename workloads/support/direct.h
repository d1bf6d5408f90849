/* O_DIRECT on files whose arrays begin anywhere: windows of whole units around the bytes asked for.
 */
#ifndef MM_WORKLOADS_SUPPORT_DIRECT_H
#define MM_WORKLOADS_SUPPORT_DIRECT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "workloads/engines/engine.h"

/*
 * A file that is read and written in whole units past the page cache. A unit that is written in
 * part is read, patched and written whole under a record lock that lies far behind the end of the
 * file, so that processes that write neighbouring bytes lose nothing. The last unit of the file, if
 * it is not a whole one, is written through the page cache: a whole unit would make the file
 * longer. Plain data, owned by the caller; members are read-only for others.
 */
struct mm_direct {
    int descriptor;       /* O_DIRECT; -1 while closed */
    int plain;            /* through the page cache: locks, flushes, and the end of the file */
    uint64_t unit_bytes;  /* positions, lengths and addresses are multiples of it */
    bool unit_is_told;    /* by statx; else the unit is a guess */
    uint64_t whole_bytes; /* of the file, in whole units */
    uint64_t file_bytes;
    unsigned char *edge; /* one unit */
};

/*
 * Opens the file of target twice. -EOPNOTSUPP with the reason and the remedy where the file system
 * has no direct I/O, else as mm_target_open. On failure nothing is open.
 */
int mm_direct_open(const struct mm_engine_target *target, struct mm_direct *direct,
                   struct mm_error *error);

/* Takes a closed one too. */
int mm_direct_close(struct mm_direct *direct, struct mm_error *error);

uint64_t mm_direct_round_down(const struct mm_direct *direct, uint64_t bytes);
uint64_t mm_direct_round_up(const struct mm_direct *direct, uint64_t bytes);

/* How many bytes of a window of whole units the file has: what a read of it must deliver. */
uint64_t mm_direct_window_has(const struct mm_direct *direct, uint64_t start_bytes,
                              uint64_t length_bytes);

/* Reads a window of whole units into memory aligned to a unit. */
int mm_direct_read_window(const struct mm_direct *direct, void *buffer, uint64_t length_bytes,
                          uint64_t start_bytes, struct mm_error *error);

/* Writes bytes that lie within one unit and do not fill it, or lie behind whole_bytes. */
int mm_direct_write_edge(const struct mm_direct *direct, const void *bytes, uint64_t length_bytes,
                         uint64_t start_bytes, struct mm_error *error);

/* The whole units of [start, start + length) that may be written directly, as [*middle, *end);
 * what is before and behind them goes through mm_direct_write_edge, unit by unit. */
void mm_direct_middle(const struct mm_direct *direct, uint64_t start_bytes, uint64_t length_bytes,
                      uint64_t *middle, uint64_t *end);

/* Writes what mm_direct_middle leaves of these bytes. */
int mm_direct_write_edges(const struct mm_direct *direct, const unsigned char *bytes,
                          uint64_t length_bytes, uint64_t start_bytes, struct mm_error *error);

/* Makes the file durable: fdatasync, fsync for FULL, and the start of write-back for ASYNC. */
int mm_direct_flush(const struct mm_direct *direct, enum mm_flush_level level,
                    struct mm_error *error);

/* Tells direct_unit_bytes, where they come from, and how many bytes at the end of the file are
 * written through the page cache. */
void mm_direct_describe(const struct mm_direct *direct, const struct mm_engine_facts *facts);

#endif
