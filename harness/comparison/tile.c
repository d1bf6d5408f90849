/* Tiles of 512 x 512 float64 of a square matrix: copied out, changed, written back, made durable.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "harness/comparison/peer.h"
#include "mapping/marray.h"

enum { SIDE = 512, TILE_WORDS = SIDE * SIDE, ROW_BYTES = SIDE * sizeof(uint64_t) };

struct place {
    uint64_t row, column, matrix_side;
};

static struct place place_of(const struct peer_run *run, uint64_t k)
{
    uint64_t side = (uint64_t)sqrt((double)run->size_bytes / sizeof(uint64_t));
    uint64_t tiles = side / SIDE;
    uint64_t tile = peer_index(run->seed, k, tiles * tiles);
    return (struct place){tile / tiles * SIDE, tile % tiles * SIDE, side};
}

static uint64_t offset_of(struct place place, uint64_t row)
{
    return ((place.row + row) * place.matrix_side + place.column) * sizeof(uint64_t);
}

/* Stands for the computation, which is not compared. */
static void change(struct peer_run *run, uint64_t *tile)
{
    for (int i = 0; i < TILE_WORDS; i++) {
        run->checksum += tile[i];
        tile[i] ^= 1;
    }
}

/* A way: opens, works on all tiles, closes. */
static int with_buffer(struct peer_run *run, int (*work)(struct peer_run *run, uint64_t *tile))
{
    uint64_t *tile = aligned_alloc(4096, TILE_WORDS * sizeof(*tile));
    if (!tile)
        return peer_fail("a tile", -ENOMEM);
    memset(tile, 0, TILE_WORDS * sizeof(*tile));
    peer_start(run);
    int code = work(run, tile);
    peer_stop(run);
    free(tile);
    return code;
}

static int work_bare(struct peer_run *run, uint64_t *tile)
{
    unsigned char *base;
    int descriptor;
    int code = peer_map(run, 1, &base, &descriptor);
    if (code)
        return code;
    for (uint64_t k = 0; k < run->count && !code; k++) {
        struct place place = place_of(run, k);
        for (uint64_t row = 0; row < SIDE; row++)
            memcpy(tile + row * SIDE, base + offset_of(place, row), ROW_BYTES);
        change(run, tile);
        for (uint64_t row = 0; row < SIDE; row++)
            memcpy(base + offset_of(place, row), tile + row * SIDE, ROW_BYTES);
        if (msync(base, run->size_bytes, MS_SYNC))
            code = peer_fail("msync", -errno);
    }
    peer_unmap(run, base, descriptor);
    return code;
}

static int do_tile(struct peer_run *run, struct marray *array, uint64_t k, uint64_t *tile)
{
    struct place place = place_of(run, k);
    struct marray *view;
    const struct marray_slice rows[] = {
        MARRAY_RANGE((int64_t)place.row, (int64_t)place.row + SIDE, 1),
        MARRAY_RANGE((int64_t)place.column, (int64_t)place.column + SIDE, 1),
    };
    int code = marray_slice(array, rows, 2, &view);
    if (code)
        return peer_fail(marray_message(array), code);
    code = marray_read(view, NULL, tile, TILE_WORDS * sizeof(*tile));
    change(run, tile);
    if (!code)
        code = marray_write(view, NULL, tile, TILE_WORDS * sizeof(*tile));
    if (!code)
        code = marray_flush_view(view, MARRAY_FLUSH_DATA);
    if (code)
        peer_fail(marray_message(view), code);
    marray_close(&view);
    return code;
}

static int work_marray(struct peer_run *run, uint64_t *tile)
{
    struct marray *array;
    int code = peer_open(run, 1, place_of(run, 0).matrix_side, &array);
    if (code)
        return code;
    for (uint64_t k = 0; k < run->count && !code; k++)
        code = do_tile(run, array, k, tile);
    marray_close(&array);
    return code;
}

static int work_pread(struct peer_run *run, uint64_t *tile)
{
    int file = open(run->path, O_RDWR | O_CLOEXEC);
    if (file < 0)
        return peer_fail(run->path, -errno);
    int code = 0;
    for (uint64_t k = 0; k < run->count && !code; k++) {
        struct place place = place_of(run, k);
        for (uint64_t row = 0; row < SIDE && !code; row++) {
            if (pread(file, tile + row * SIDE, ROW_BYTES, (off_t)offset_of(place, row)) !=
                ROW_BYTES)
                code = peer_fail("pread", -errno);
        }
        change(run, tile);
        for (uint64_t row = 0; row < SIDE && !code; row++) {
            if (pwrite(file, tile + row * SIDE, ROW_BYTES, (off_t)offset_of(place, row)) !=
                ROW_BYTES)
                code = peer_fail("pwrite", -errno);
        }
        if (!code && fdatasync(file))
            code = peer_fail("fdatasync", -errno);
    }
    close(file);
    return code;
}

/* All rows of a tile by io_uring, up to depth at a time. */
static int transfer(struct io_uring *ring, int file, const struct peer_run *run, struct place place,
                    uint64_t *tile, int writes)
{
    uint64_t sent = 0;
    for (uint64_t done = 0; done < SIDE;) {
        struct io_uring_sqe *entry;
        while (sent < SIDE && sent - done < run->depth && (entry = io_uring_get_sqe(ring))) {
            uint64_t offset = offset_of(place, sent);
            if (writes)
                io_uring_prep_write(entry, file, tile + sent * SIDE, ROW_BYTES, offset);
            else
                io_uring_prep_read(entry, file, tile + sent * SIDE, ROW_BYTES, offset);
            sent++;
        }
        int code = io_uring_submit_and_wait(ring, 1);
        struct io_uring_cqe *answer;
        unsigned head;
        unsigned answers = 0;
        io_uring_for_each_cqe(ring, head, answer)
        {
            answers++;
            if (answer->res != ROW_BYTES)
                code = answer->res < 0 ? answer->res : -EIO;
        }
        io_uring_cq_advance(ring, answers);
        done += answers;
        if (code < 0)
            return peer_fail("io_uring", code);
    }
    return 0;
}

static int work_uring(struct peer_run *run, uint64_t *tile)
{
    struct io_uring ring;
    int file = open(run->path, O_RDWR | O_DIRECT | O_CLOEXEC);
    if (file < 0)
        return peer_fail(run->path, -errno);
    int code = io_uring_queue_init((unsigned)run->depth, &ring, 0);
    if (code) {
        close(file);
        return peer_fail("io_uring", code);
    }
    for (uint64_t k = 0; k < run->count && !code; k++) {
        struct place place = place_of(run, k);
        code = transfer(&ring, file, run, place, tile, 0);
        change(run, tile);
        if (!code)
            code = transfer(&ring, file, run, place, tile, 1);
        if (!code && fdatasync(file))
            code = peer_fail("fdatasync", -errno);
    }
    io_uring_queue_exit(&ring);
    close(file);
    return code;
}

static int bare(struct peer_run *run)
{
    return with_buffer(run, work_bare);
}

static int library(struct peer_run *run)
{
    return with_buffer(run, work_marray);
}

static int calls(struct peer_run *run)
{
    return with_buffer(run, work_pread);
}

static int uring(struct peer_run *run)
{
    return with_buffer(run, work_uring);
}

const struct peer_work peer_tile = {
    "tile", {{"bare", bare}, {"marray", library}, {"pread", calls}, {"uring", uring}, {0}}};
