/* Copying the blocks of a list, each one run of bytes, to or from a dense buffer. */
#ifndef MARRAY_BLOCKS_H
#define MARRAY_BLOCKS_H

#include "mapping/picks.h"
#include "mapping/way.h"

/* Picks [first, first + count) of block_bytes each; dense: where the first of them is in the
 * buffer, which is only read when the way writes. Guarded by the caller. */
void marray_blocks_move(const struct marray_picks *picks, struct marray_way *way, size_t first,
                        size_t count, unsigned char *dense, uint64_t block_bytes);

#endif
