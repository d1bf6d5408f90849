/* Copying blocks by their numbers, through the map or by calls. */
#include "mapping/blocks.h"

#include <string.h>

/* Constant sizes become one load and one store. */
static inline __attribute__((always_inline)) void move_runs(const struct marray_picks *picks,
                                                            size_t first, size_t count,
                                                            unsigned char *dense, size_t bytes,
                                                            bool to_dense)
{
    /* Copies: to the compiler the bytes that are moved might be those of picks. */
    unsigned char *base = picks->array->map->base + picks->start;
    const uint64_t *blocks = picks->blocks ? picks->blocks + first : NULL;
    const int64_t *indices = picks->indices ? picks->indices + first : NULL;
    int64_t axis_length = picks->axis_length;
    int64_t stride_bytes = picks->stride_bytes;
    for (size_t i = 0; i < count; i++) {
        int64_t block = (int64_t)(first + i);
        if (blocks)
            block = (int64_t)blocks[i];
        else if (indices)
            block = indices[i] < 0 ? indices[i] + axis_length : indices[i];
        unsigned char *mapped = base + block * stride_bytes;
        if (to_dense)
            memcpy(dense + i * bytes, mapped, bytes);
        else
            memcpy(mapped, dense + i * bytes, bytes);
    }
}

static inline __attribute__((always_inline)) void touch_blocks(const struct marray_picks *picks,
                                                               size_t first, size_t count,
                                                               unsigned char *dense, uint64_t bytes,
                                                               bool to_dense)
{
    switch (bytes) {
    case 1:
        move_runs(picks, first, count, dense, 1, to_dense);
        break;
    case 2:
        move_runs(picks, first, count, dense, 2, to_dense);
        break;
    case 4:
        move_runs(picks, first, count, dense, 4, to_dense);
        break;
    case 8:
        move_runs(picks, first, count, dense, 8, to_dense);
        break;
    case 16:
        move_runs(picks, first, count, dense, 16, to_dense);
        break;
    default:
        move_runs(picks, first, count, dense, (size_t)bytes, to_dense);
    }
}

/* How many of the picks from first on stand one behind the other in the file. */
static size_t count_adjacent(const struct marray_picks *picks, size_t first, size_t count,
                             uint64_t block_bytes)
{
    size_t adjacent = 1;
    while (adjacent < count &&
           marray_picks_start(picks, first + adjacent) ==
               marray_picks_start(picks, first + adjacent - 1) + (int64_t)block_bytes)
        adjacent++;
    return adjacent;
}

/* Returns how many were moved: fewer when the map is to have the rest. */
static size_t call_blocks(const struct marray_picks *picks, struct marray_way *way, size_t first,
                          size_t count, unsigned char *dense, uint64_t block_bytes)
{
    size_t done = 0;
    if (!marray_way_begin(way))
        return 0;
    while (done < count) {
        size_t adjacent = count_adjacent(picks, first + done, count - done, block_bytes);
        uint64_t start = (uint64_t)marray_picks_start(picks, first + done);
        if (!marray_way_move(way, start, dense + done * block_bytes, adjacent * block_bytes))
            break;
        done += adjacent;
    }
    return done;
}

void marray_blocks_move(const struct marray_picks *picks, struct marray_way *way, size_t first,
                        size_t count, unsigned char *dense, uint64_t block_bytes)
{
    size_t done = way->by_calls ? call_blocks(picks, way, first, count, dense, block_bytes) : 0;
    dense += done * block_bytes;
    if (way->writes)
        touch_blocks(picks, first + done, count - done, dense, block_bytes, false);
    else
        touch_blocks(picks, first + done, count - done, dense, block_bytes, true);
}
