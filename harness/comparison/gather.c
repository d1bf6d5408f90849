/* Random elements of 8 bytes by an index list. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "harness/comparison/peer.h"
#include "mapping/marray.h"

/* Elements on the list: untimed ones, then those that count. */
static uint64_t total(const struct peer_run *run)
{
    return run->before + run->count;
}

static int64_t *make_list(const struct peer_run *run)
{
    uint64_t words = run->size_bytes / sizeof(uint64_t);
    int64_t *list = malloc(total(run) * sizeof(*list));
    for (uint64_t k = 0; list && k < total(run); k++)
        list[k] = (int64_t)peer_index(run->seed, k, words);
    return list;
}

static int with_lists(struct peer_run *run,
                      int (*work)(struct peer_run *run, const int64_t *list, uint64_t *values))
{
    int64_t *list = make_list(run);
    uint64_t *values = calloc(total(run), sizeof(*values));
    int code = list && values ? work(run, list, values) : peer_fail("lists", -ENOMEM);
    for (uint64_t k = run->before; code == 0 && k < total(run); k++)
        run->checksum += values[k];
    free(values);
    free(list);
    return code;
}

static int gather_bare(struct peer_run *run, const int64_t *list, uint64_t *values)
{
    unsigned char *base;
    int descriptor;
    peer_start(run);
    int code = peer_map(run, 0, &base, &descriptor);
    if (code)
        return code;
    madvise(base, run->size_bytes, MADV_RANDOM);
    for (uint64_t k = 0; k < total(run); k++) {
        if (k == run->before && k > 0)
            peer_start(run);
        memcpy(&values[k], base + (uint64_t)list[k] * sizeof(*values), sizeof(*values));
    }
    peer_unmap(run, base, descriptor);
    peer_stop(run);
    return 0;
}

static int gather_part(struct marray *array, const int64_t *list, uint64_t *values, uint64_t count)
{
    int code = marray_gather(array, list, count, NULL, values, count * sizeof(*values));
    return code ? peer_fail(marray_message(array), code) : 0;
}

static int gather_marray(struct peer_run *run, const int64_t *list, uint64_t *values)
{
    struct marray *array;
    peer_start(run);
    int code = peer_open(run, 0, 0, &array);
    if (code)
        return code;
    code = marray_advise(array, MARRAY_ADVICE_RANDOM);
    if (!code && run->before > 0) {
        code = gather_part(array, list, values, run->before);
        peer_start(run);
    }
    if (!code)
        code = gather_part(array, list + run->before, values + run->before, run->count);
    marray_close(&array);
    peer_stop(run);
    return code;
}

static int bare(struct peer_run *run)
{
    return with_lists(run, gather_bare);
}

static int library(struct peer_run *run)
{
    return with_lists(run, gather_marray);
}

const struct peer_work peer_gather = {"gather", {{"bare", bare}, {"marray", library}, {0}}};
