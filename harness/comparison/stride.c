/* One element of 8 bytes every step bytes, from the first to the last: a column, or fewer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/comparison/peer.h"
#include "mapping/marray.h"

static int bare(struct peer_run *run)
{
    unsigned char *base;
    int descriptor;
    peer_start(run);
    int code = peer_map(run, 0, &base, &descriptor);
    if (code)
        return code;
    for (uint64_t at = 0; at < run->size_bytes; at += run->step_bytes) {
        uint64_t value;
        memcpy(&value, base + at, sizeof(value));
        run->checksum += value;
    }
    peer_unmap(run, base, descriptor);
    peer_stop(run);
    return 0;
}

static int read_column(struct peer_run *run, uint64_t *values)
{
    struct marray *array, *column = NULL;
    int code = peer_open(run, 0, run->size_bytes / run->step_bytes, &array);
    if (code)
        return code;
    const struct marray_slice first[] = {MARRAY_ALL, MARRAY_AT(0)};
    code = marray_slice(array, first, 2, &column);
    if (!code)
        code = marray_read(column, NULL, values, marray_size_bytes(column));
    if (code)
        peer_fail(marray_message(column ? column : array), code);
    marray_close(&column);
    marray_close(&array);
    return code;
}

static int library(struct peer_run *run)
{
    uint64_t count = run->size_bytes / run->step_bytes;
    uint64_t *values = calloc(count, sizeof(*values));
    if (!values)
        return peer_fail("a column", -ENOMEM);
    peer_start(run);
    int code = read_column(run, values);
    for (uint64_t k = 0; k < count; k++)
        run->checksum += values[k];
    peer_stop(run);
    free(values);
    return code;
}

const struct peer_work peer_stride = {"stride", {{"bare", bare}, {"marray", library}, {0}}};
