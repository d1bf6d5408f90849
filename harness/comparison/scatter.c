/* Stores of 8 bytes to count places of a file, then all of it durable. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "harness/comparison/peer.h"
#include "mapping/marray.h"

/* One word a page, in random order of the pages. */
static int with_lists(struct peer_run *run, int (*work)(struct peer_run *run, const int64_t *list,
                                                        const uint64_t *values))
{
    uint64_t words = run->size_bytes / sizeof(uint64_t);
    int64_t *list = malloc(run->count * sizeof(*list));
    uint64_t *values = malloc(run->count * sizeof(*values));
    int code = list && values ? 0 : peer_fail("lists", -ENOMEM);
    for (uint64_t k = 0; code == 0 && k < run->count; k++) {
        list[k] = (int64_t)peer_index(run->seed, k, words);
        values[k] = run->seed + k;
        run->checksum += values[k];
    }
    if (!code)
        code = work(run, list, values);
    free(values);
    free(list);
    return code;
}

static int scatter_bare(struct peer_run *run, const int64_t *list, const uint64_t *values)
{
    unsigned char *base;
    int descriptor;
    peer_start(run);
    int code = peer_map(run, 1, &base, &descriptor);
    if (code)
        return code;
    for (uint64_t k = 0; k < run->count; k++)
        memcpy(base + (uint64_t)list[k] * sizeof(*values), &values[k], sizeof(*values));
    uint64_t flush_started_ns = peer_now_ns();
    if (msync(base, run->size_bytes, MS_SYNC))
        code = peer_fail("msync", -errno);
    run->flush_ns = peer_now_ns() - flush_started_ns;
    peer_unmap(run, base, descriptor);
    peer_stop(run);
    return code;
}

static int scatter_marray(struct peer_run *run, const int64_t *list, const uint64_t *values)
{
    struct marray *array;
    peer_start(run);
    int code = peer_open(run, 1, 0, &array);
    if (code)
        return code;
    code = marray_scatter(array, list, run->count, NULL, values, run->count * sizeof(*values));
    uint64_t flush_started_ns = peer_now_ns();
    if (!code)
        code = marray_flush(array, MARRAY_FLUSH_DATA);
    run->flush_ns = peer_now_ns() - flush_started_ns;
    if (code)
        peer_fail(marray_message(array), code);
    marray_close(&array);
    peer_stop(run);
    return code;
}

static int bare(struct peer_run *run)
{
    return with_lists(run, scatter_bare);
}

static int library(struct peer_run *run)
{
    return with_lists(run, scatter_marray);
}

const struct peer_work peer_scatter = {"scatter", {{"bare", bare}, {"marray", library}, {0}}};
