/* Sizes, strides, and the loops over strided elements. */
#include "mapping/layout.h"

#include <errno.h>
#include <string.h>

int marray_layout_size(const uint64_t *shape, int dimensions, uint32_t item_bytes, uint64_t *length,
                       uint64_t *size_bytes)
{
    uint64_t bytes = item_bytes;
    bool is_empty = false;
    for (int axis = 0; axis < dimensions; axis++) {
        if (shape[axis] == 0) {
            is_empty = true;
            continue;
        }
        if (__builtin_mul_overflow(bytes, shape[axis], &bytes) || bytes > INT64_MAX)
            return -EOVERFLOW;
    }
    *size_bytes = is_empty ? 0 : bytes;
    *length = *size_bytes / item_bytes;
    return 0;
}

void marray_layout_strides(const uint64_t *shape, int dimensions, uint32_t item_bytes,
                           enum marray_order order, int64_t *strides)
{
    int64_t stride = item_bytes;
    for (int i = 0; i < dimensions; i++) {
        int axis = order == MARRAY_ORDER_F ? i : dimensions - 1 - i;
        strides[axis] = stride;
        if (shape[axis] > 0)
            stride *= (int64_t)shape[axis];
    }
}

bool marray_layout_is_contiguous(const uint64_t *shape, const int64_t *strides, int dimensions,
                                 uint32_t item_bytes, enum marray_order order)
{
    for (int axis = 0; axis < dimensions; axis++) {
        if (shape[axis] == 0)
            return true;
    }
    int64_t expected = item_bytes;
    for (int i = 0; i < dimensions; i++) {
        int axis = order == MARRAY_ORDER_F ? i : dimensions - 1 - i;
        if (shape[axis] == 1)
            continue;
        if (strides[axis] != expected)
            return false;
        expected *= (int64_t)shape[axis];
    }
    return true;
}

/* Makes loops whose outer one goes on where the inner one ends into one. */
static void coalesce(struct marray_loops *loops)
{
    int kept = 0;
    for (int i = 1; i < loops->count; i++) {
        int64_t inner = (int64_t)loops->length[i] * loops->stride_bytes[i];
        if (loops->stride_bytes[kept] == inner)
            loops->length[kept] *= loops->length[i];
        else
            loops->length[++kept] = loops->length[i];
        loops->stride_bytes[kept] = loops->stride_bytes[i];
    }
    if (loops->count > 0)
        loops->count = kept + 1;
}

void marray_loops_in_order(const uint64_t *shape, const int64_t *strides, int dimensions,
                           struct marray_loops *loops)
{
    loops->count = 0;
    for (int axis = 0; axis < dimensions; axis++) {
        if (shape[axis] == 1)
            continue;
        loops->length[loops->count] = shape[axis];
        loops->stride_bytes[loops->count++] = strides[axis];
    }
    coalesce(loops);
}

int64_t marray_loops_by_address(const uint64_t *shape, const int64_t *strides, int dimensions,
                                struct marray_loops *loops)
{
    int64_t lowest = 0;
    loops->count = 0;
    for (int axis = 0; axis < dimensions; axis++) {
        if (shape[axis] == 1)
            continue;
        int64_t stride = strides[axis];
        if (stride < 0) {
            lowest += (int64_t)(shape[axis] - 1) * stride;
            stride = -stride;
        }
        int place = loops->count++;
        for (; place > 0 && loops->stride_bytes[place - 1] < stride; place--) {
            loops->length[place] = loops->length[place - 1];
            loops->stride_bytes[place] = loops->stride_bytes[place - 1];
        }
        loops->length[place] = shape[axis];
        loops->stride_bytes[place] = stride;
    }
    coalesce(loops);
    return lowest;
}

uint64_t marray_loops_span_bytes(const struct marray_loops *by_address, uint32_t item_bytes)
{
    uint64_t span_bytes = item_bytes;
    for (int i = 0; i < by_address->count; i++)
        span_bytes += (by_address->length[i] - 1) * (uint64_t)by_address->stride_bytes[i];
    return span_bytes;
}

int64_t marray_loops_next(const struct marray_loops *loops, int count, uint64_t *counters,
                          bool *done)
{
    int64_t moved = 0;
    for (int i = count - 1; i >= 0; i--) {
        if (++counters[i] < loops->length[i])
            return moved + loops->stride_bytes[i];
        counters[i] = 0;
        moved -= (int64_t)(loops->length[i] - 1) * loops->stride_bytes[i];
    }
    *done = true;
    return moved;
}

int marray_loops_visit_pages(const struct marray_loops *by_address, uint64_t start,
                             uint64_t item_bytes, uint64_t page_bytes, marray_visit_range *visit,
                             void *context)
{
    /* Inner loops whose gaps are shorter than a page leave no page out: together they are a run. */
    uint64_t run_bytes = item_bytes;
    int outer = by_address->count;
    while (outer > 0) {
        uint64_t stride = (uint64_t)by_address->stride_bytes[outer - 1];
        if (stride >= run_bytes && stride - run_bytes >= page_bytes)
            break;
        run_bytes += (by_address->length[outer - 1] - 1) * stride;
        outer--;
    }
    uint64_t counters[MARRAY_MAX_DIMENSIONS];
    memset(counters, 0, (size_t)outer * sizeof(counters[0]));
    uint64_t pending_start = start / page_bytes * page_bytes;
    uint64_t pending_end = pending_start;
    bool done = false;
    while (!done) {
        uint64_t first = start / page_bytes * page_bytes;
        uint64_t end = (start + run_bytes + page_bytes - 1) / page_bytes * page_bytes;
        /* Backwards only where rows interleave, which slices of dense arrays never do. */
        if (first > pending_end || first < pending_start) {
            int status = visit(context, pending_start, pending_end - pending_start);
            if (status)
                return status;
            pending_start = first;
            pending_end = end;
        }
        if (end > pending_end)
            pending_end = end;
        start += (uint64_t)marray_loops_next(by_address, outer, counters, &done);
    }
    return visit(context, pending_start, pending_end - pending_start);
}
