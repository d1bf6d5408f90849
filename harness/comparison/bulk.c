/* Copies out of a warm map into one buffer, chunk by chunk: guarded by libmarray, or by memcpy. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/comparison/peer.h"
#include "mapping/marray.h"

static uint64_t last_word(const unsigned char *buffer, uint64_t chunk_bytes)
{
    uint64_t word;
    memcpy(&word, buffer + chunk_bytes - sizeof(word), sizeof(word));
    return word;
}

/* What a pass goes over and copies into. */
struct bench {
    unsigned char *base;
    struct marray *array;
    unsigned char *buffer;
};

static int copy_bare(struct peer_run *run, void *context)
{
    const struct bench *bench = context;
    for (uint64_t at = 0; at < run->size_bytes; at += run->chunk_bytes) {
        memcpy(bench->buffer, bench->base + at, run->chunk_bytes);
        run->checksum += last_word(bench->buffer, run->chunk_bytes);
    }
    return 0;
}

static int copy_guarded(struct peer_run *run, void *context)
{
    const struct bench *bench = context;
    int code = 0;
    size_t count;
    for (uint64_t at = 0; at < run->size_bytes && !code; at += run->chunk_bytes) {
        code = marray_read_at(bench->array, at, bench->buffer, run->chunk_bytes, &count);
        run->checksum += last_word(bench->buffer, run->chunk_bytes);
    }
    return code;
}

static int bare(struct peer_run *run)
{
    int descriptor;
    struct bench bench = {.buffer = malloc(run->chunk_bytes)};
    int code =
        bench.buffer ? peer_map(run, 0, &bench.base, &descriptor) : peer_fail("a buffer", -ENOMEM);
    if (!code) {
        code = peer_repeat(run, copy_bare, &bench);
        peer_unmap(run, bench.base, descriptor);
    }
    free(bench.buffer);
    return code;
}

static int library(struct peer_run *run)
{
    struct bench bench = {.buffer = calloc(1, run->chunk_bytes)};
    int code = bench.buffer ? peer_open(run, 0, 0, &bench.array) : peer_fail("a buffer", -ENOMEM);
    if (!code) {
        code = peer_repeat(run, copy_guarded, &bench);
        if (code)
            peer_fail(marray_message(bench.array), code);
        marray_close(&bench.array);
    }
    free(bench.buffer);
    return code;
}

const struct peer_work peer_bulk = {"bulk", {{"bare", bare}, {"marray", library}, {0}}};
