/* The sum of all words of a file, in order: cold in chunks, or warm once more. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "harness/comparison/peer.h"
#include "mapping/marray.h"

#define HUGE_PAGE_BYTES ((size_t)2 << 20)

static uint64_t sum_words(const unsigned char *bytes, uint64_t length_bytes)
{
    const uint64_t *words = (const uint64_t *)(const void *)bytes;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < length_bytes / sizeof(*words); i++)
        sum += words[i];
    return sum;
}

static int bare(struct peer_run *run)
{
    unsigned char *base;
    int descriptor;
    peer_start(run);
    int code = peer_map(run, 0, &base, &descriptor);
    if (code)
        return code;
    madvise(base, run->size_bytes, MADV_SEQUENTIAL);
    run->checksum = sum_words(base, run->size_bytes);
    peer_unmap(run, base, descriptor);
    peer_stop(run);
    return 0;
}

static int add_chunk(struct marray *chunk, void *context)
{
    struct peer_run *run = context;
    uint64_t sum = 0;
    int code = marray_sum(chunk, NULL, &sum);
    run->checksum += sum;
    return code;
}

static int library(struct peer_run *run)
{
    struct marray *array;
    struct marray_chunks_spec spec = MARRAY_CHUNKS_SPEC_INIT;
    peer_start(run);
    int code = peer_open(run, 0, 0, &array);
    if (code)
        return code;
    /* Refused where there are none. */
    (void)marray_advise(array, MARRAY_ADVICE_HUGE_PAGES);
    code = marray_chunks_each(array, &spec, add_chunk, run);
    if (code)
        peer_fail(marray_message(array), code);
    marray_close(&array);
    peer_stop(run);
    return code;
}

/* ---- Warm: passes over what was passed before ---- */

static int sum_bare(struct peer_run *run, void *context)
{
    run->checksum = sum_words(context, run->size_bytes);
    return 0;
}

static int sum_array(struct peer_run *run, void *context)
{
    return marray_sum(context, NULL, &run->checksum);
}

static int bare_again(struct peer_run *run)
{
    unsigned char *base;
    int descriptor;
    int code = peer_map(run, 0, &base, &descriptor);
    if (code)
        return code;
    code = peer_repeat(run, sum_bare, base);
    peer_unmap(run, base, descriptor);
    return code;
}

static int allocated(struct peer_run *run)
{
    unsigned char *base;
    int descriptor;
    unsigned char *copy = aligned_alloc(HUGE_PAGE_BYTES, run->size_bytes);
    if (!copy)
        return peer_fail("a copy", -ENOMEM);
    madvise(copy, run->size_bytes, MADV_HUGEPAGE);
    int code = peer_map(run, 0, &base, &descriptor);
    if (!code) {
        memcpy(copy, base, run->size_bytes);
        peer_unmap(run, base, descriptor);
        code = peer_repeat(run, sum_bare, copy);
    }
    free(copy);
    return code;
}

static int library_again(struct peer_run *run)
{
    struct marray *array;
    int code = peer_open(run, 0, 0, &array);
    if (code)
        return code;
    code = peer_repeat(run, sum_array, array);
    if (code)
        peer_fail(marray_message(array), code);
    marray_close(&array);
    return code;
}

const struct peer_work peer_stream = {"stream",
                                      {{"bare", bare},
                                       {"marray", library},
                                       {"bare-warm", bare_again},
                                       {"memory-warm", allocated},
                                       {"marray-warm", library_again},
                                       {0}}};
