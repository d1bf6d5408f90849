/* A new file of size bytes, word i is seed + i, written in chunks and durable at the end. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness/comparison/peer.h"
#include "mapping/marray.h"

static void fill_words(unsigned char *bytes, uint64_t length_bytes, uint64_t first)
{
    uint64_t *words = (uint64_t *)(void *)bytes;
    for (uint64_t i = 0; i < length_bytes / sizeof(*words); i++)
        words[i] = first + i;
}

static int bare(struct peer_run *run)
{
    unsigned char *base;
    int descriptor;
    unlink(run->path);
    peer_start(run);
    int file = open(run->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, (off_t)run->size_bytes))
        return peer_fail(run->path, -errno);
    int code = peer_map(run, 1, &base, &descriptor);
    if (!code) {
        for (uint64_t done = 0; done < run->size_bytes; done += run->chunk_bytes)
            fill_words(base + done, run->chunk_bytes, run->seed + done / sizeof(uint64_t));
        uint64_t flush_started_ns = peer_now_ns();
        if (msync(base, run->size_bytes, MS_SYNC))
            code = peer_fail("msync", -errno);
        run->flush_ns = peer_now_ns() - flush_started_ns;
        peer_unmap(run, base, descriptor);
    }
    close(file);
    peer_stop(run);
    return code;
}

struct filling {
    uint64_t next;
    uint64_t *words; /* of one chunk */
};

/* The words are made in memory that stays in the caches, as a program's results are. */
static int fill_chunk(struct marray *chunk, void *context)
{
    struct filling *filling = context;
    size_t bytes = (size_t)marray_size_bytes(chunk);
    fill_words((unsigned char *)filling->words, bytes, filling->next);
    filling->next += bytes / sizeof(uint64_t);
    return marray_write(chunk, NULL, filling->words, bytes);
}

static int write_array(struct peer_run *run, struct marray *array)
{
    struct marray_chunks_spec spec = MARRAY_CHUNKS_SPEC_INIT;
    struct filling filling = {run->seed, aligned_alloc(4096, run->chunk_bytes)};
    if (!filling.words)
        return peer_fail("a chunk", -ENOMEM);
    spec.access = MARRAY_CHUNKS_WRITE;
    spec.rows = run->chunk_bytes / sizeof(uint64_t);
    spec.durable = true;
    (void)marray_advise(array, MARRAY_ADVICE_HUGE_PAGES);
    int code = marray_chunks_each(array, &spec, fill_chunk, &filling);
    free(filling.words);
    uint64_t flush_started_ns = peer_now_ns();
    if (!code)
        code = marray_flush(array, MARRAY_FLUSH_DATA);
    run->flush_ns = peer_now_ns() - flush_started_ns;
    return code;
}

static int library(struct peer_run *run)
{
    struct marray_message message = {""};
    struct marray_spec spec = MARRAY_SPEC_INIT;
    const uint64_t shape[] = {run->size_bytes / sizeof(uint64_t)};
    struct marray *array;
    spec.mode = MARRAY_CREATE;
    spec.dtype = "<u8";
    spec.dimensions = 1;
    spec.shape = shape;
    spec.message = &message;
    unlink(run->path);
    peer_start(run);
    int code = marray_open(run->path, &spec, &array);
    if (code)
        return peer_fail(message.text, code);
    code = write_array(run, array);
    if (code)
        peer_fail(marray_message(array), code);
    marray_close(&array);
    peer_stop(run);
    return code;
}

const struct peer_work peer_durable_write = {"durable-write",
                                             {{"bare", bare}, {"marray", library}, {0}}};
