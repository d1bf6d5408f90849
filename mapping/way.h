/*
 * The two ways between a mapped file and a buffer: touching the map, or pread and pwrite on the
 * file behind it. Both see the same page cache, so they may take turns. A touch of a mapped page
 * costs next to nothing; the first touch costs a fault, and a page that was stored to through a map
 * costs its write-back a walk to that map besides. A call costs the same every time.
 */
#ifndef MARRAY_WAY_H
#define MARRAY_WAY_H

#include <stdbool.h>
#include <stdint.h>

#include "mapping/map.h"

enum marray_way_state { MARRAY_WAY_UNKNOWN, MARRAY_WAY_OPEN, MARRAY_WAY_CLOSED };

/* Plain data; borrows the map. */
struct marray_way {
    struct marray_map *map;
    bool writes;
    enum marray_way_state calls; /* whether they may be used: found out when they are wanted */
    bool prefers_calls;          /* as long as they are not dear */
    bool by_calls;               /* the part that comes now */
    bool is_trial;               /* of it: to learn what that way costs */
    bool holds;                  /* the file */
    uint64_t held_bytes;         /* that were stored since, short calls counting for more */
    uint64_t cheap_ns;           /* a block through the map that costs no more had no fault */
    uint64_t map_ns, calls_ns;   /* a block, when last measured; 0: not yet */
    unsigned parts;              /* since the way that costs more was tried */
    /* See marray_way_rent(). */
    _Atomic uint64_t *rented_bytes;
    uint64_t touch_bytes;
    bool buys;
};

/* For a transfer of blocks of block_bytes; 0: of blocks that are no single run, without calls. */
void marray_way_open(struct marray_way *way, struct marray_map *map, bool writes,
                     uint64_t block_bytes);
/* The last part, of so many blocks, took so long. */
void marray_way_learn(struct marray_way *way, uint64_t blocks, uint64_t elapsed_ns);
/* Decides on the next part by what was learned; marray_way_call() by calls if they may be used. */
void marray_way_choose(struct marray_way *way);
void marray_way_call(struct marray_way *way);
/* Before a part by calls: false, for this part and those after, when it must go by the map. */
bool marray_way_begin(struct marray_way *way);
/* Moves bytes at from_base by a call. After false calls are closed and the bytes are to go through
 * the map, which finds out what is wrong. */
bool marray_way_move(struct marray_way *way, uint64_t from_base, unsigned char *dense,
                     uint64_t bytes);

/*
 * For reads of a view that may come again, whose blocks touch so many bytes of pages and all of it
 * view_bytes. Who reads by calls rents the pages: the next read of them pays as much again. Faults
 * buy them: the next read finds them mapped. Who rents until the rent has come to the price, and
 * buys then, never pays more than twice what would have been best (the problem of ski rental).
 * rented_bytes is kept by the view.
 */
void marray_way_rent(struct marray_way *way, _Atomic uint64_t *rented_bytes, uint64_t touch_bytes,
                     uint64_t view_bytes);
/* For a loop that touches the map whatever it costs. */
void marray_way_keep_to_map(struct marray_way *way);
/* Before a part through the map, when the last one had faults: maps its pages in one call. */
void marray_way_populate(const struct marray_way *way, uint64_t from_base, uint64_t bytes);

void marray_way_close(struct marray_way *way);

/* Dirty pages of the map were or will be written back: stores through it fault again. */
void marray_way_note_write_back(struct marray_map *map);

#endif
