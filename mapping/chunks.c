/* Walking over an array in chunks with a bounded part of it in memory. */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/array.h"
#include "mapping/guard.h"
#include "mapping/message.h"
#include "mapping/way.h"

/* Of the budget: what is read ahead, counted from the start of the current chunk; the largest
 * chunk; what is being written back behind it; one step. Together they stay below it. */
#define WINDOW_SHARE 2
#define CHUNK_SHARE  4
#define BEHIND_SHARE 4
#define STEP_SHARE   16
/* With that much the kernel's own read-ahead may do its work, a few times 8 MiB at the most: it
 * reads large folios, which WILLNEED does not. What is asked for page by page is mapped page by
 * page too: a third of the speed of a read here, and a tenth of that of a write. */
#define KERNEL_BUDGET_BYTES ((uint64_t)32 << 20)
/* Steps of this size give pages back soon enough to be used again while they are in the caches. */
#define STEP_BYTES   ((uint64_t)4 << 20)
#define BUDGET_PAGES 64
/* Of the budget: what is written back between two syncs. */
#define SYNC_BUDGETS 2
/* Before there was `durable`. */
#define FIRST_SPEC_BYTES offsetof(struct marray_chunks_spec, durable)

/* Rows in the order of the walk. */
struct rows {
    uint64_t first;
    uint64_t count;
};

struct marray_chunks {
    struct marray *array;
    struct marray *chunk; /* lent to the caller */
    int axis;
    bool backward;
    bool writes;
    bool drops;
    bool kernel_reads_ahead;
    bool durable;
    struct marray_os_syncer *syncer; /* from when it is needed */
    uint64_t sync_bytes, unsynced_bytes;
    uint64_t page_bytes;
    uint64_t row_bytes; /* from one row to the next */
    uint64_t row_count;
    uint64_t chunk_rows, window_rows, step_rows, behind_rows;
    /* In the order of the walk: rows before `asked` are on their way into memory, those before
     * `next` were lent, those before `begun` are being written back, those before `gone` are out.
     */
    uint64_t asked, next, begun, gone;
    uint64_t keep_start, keep_end; /* bytes from the base that are still needed, for a drop */
};

/* The rows of a walk as a layout: where it begins in the map, and its loops by address. */
static uint64_t find_rows(const struct marray_chunks *chunks, struct rows rows,
                          struct marray_loops *loops)
{
    const struct marray *array = chunks->array;
    uint64_t shape[MARRAY_MAX_DIMENSIONS];
    uint64_t index = chunks->backward ? chunks->row_count - rows.first - rows.count : rows.first;
    memcpy(shape, array->shape, (size_t)array->dimensions * sizeof(shape[0]));
    int64_t start = (int64_t)(array->offset_bytes - array->map->file_offset);
    if (array->dimensions > 0) {
        shape[chunks->axis] = rows.count;
        start += (int64_t)index * array->strides[chunks->axis];
    }
    start += marray_loops_by_address(shape, array->strides, array->dimensions, loops);
    return (uint64_t)start;
}

static int visit_rows(struct marray_chunks *chunks, struct rows rows, marray_visit_range *visit)
{
    if (rows.count == 0)
        return 0;
    struct marray_loops loops;
    uint64_t start = find_rows(chunks, rows, &loops);
    return marray_loops_visit_pages(&loops, start, chunks->array->dtype.item_bytes,
                                    chunks->page_bytes, visit, chunks);
}

static int ask_pages(void *context, uint64_t start, uint64_t length)
{
    const struct marray_chunks *chunks = context;
    const struct marray_os_range range = {chunks->array->map->base + start, length};
    /* Advice that is refused leaves plain faults. */
    (void)marray_os_prefetch(-1, &range, 1);
    return 0;
}

static int start_pages(void *context, uint64_t start, uint64_t length)
{
    const struct marray_chunks *chunks = context;
    const struct marray_map *map = chunks->array->map;
    return marray_os_start_write_back(map->descriptor, map->file_offset + start, map->base + start,
                                      length);
}

static int finish_pages(void *context, uint64_t start, uint64_t length)
{
    const struct marray_chunks *chunks = context;
    const struct marray_map *map = chunks->array->map;
    return marray_os_finish_write_back(map->descriptor, map->file_offset + start, map->base + start,
                                       length);
}

/* The page on the border to what is still needed goes with the rows that need it. */
static int drop_pages(void *context, uint64_t start, uint64_t length)
{
    const struct marray_chunks *chunks = context;
    const struct marray_map *map = chunks->array->map;
    uint64_t end = start + length;
    if (start < chunks->keep_start && end > chunks->keep_start)
        end = chunks->keep_start;
    if (start < chunks->keep_end && end > chunks->keep_end)
        start = chunks->keep_end;
    if (start >= chunks->keep_start && end <= chunks->keep_end)
        return 0;
    /* A page that stays costs memory, nothing else. */
    (void)marray_os_drop(map->descriptor, map->file_offset + start, map->base + start, end - start);
    return 0;
}

/* The whole pages from the lowest byte to the highest of the rows. */
static void keep_rows(struct marray_chunks *chunks, struct rows rows)
{
    chunks->keep_start = 0;
    chunks->keep_end = 0;
    if (rows.count == 0)
        return;
    struct marray_loops loops;
    uint64_t page_bytes = chunks->page_bytes;
    uint64_t start = find_rows(chunks, rows, &loops);
    uint64_t end = start + marray_loops_span_bytes(&loops, chunks->array->dtype.item_bytes);
    chunks->keep_start = start / page_bytes * page_bytes;
    chunks->keep_end = (end + page_bytes - 1) / page_bytes * page_bytes;
}

static int fail_write_back(struct marray_chunks *chunks, int status)
{
    struct marray *array = chunks->array;
    int none = 0;
    atomic_compare_exchange_strong(&array->map->failed, &none, status);
    return marray_fail(array->message, status,
                       "cannot write back '%s': %s; what was written may be lost",
                       MARRAY_PATH(array), marray_reason(status));
}

/* What is written back is made durable a few times in the course of the walk. */
static int make_durable(struct marray_chunks *chunks, uint64_t bytes)
{
    chunks->unsynced_bytes += bytes;
    if (!chunks->durable || chunks->unsynced_bytes < chunks->sync_bytes)
        return 0;
    chunks->unsynced_bytes = 0;
    /* Without a thread the flush has it all to do. */
    if (!chunks->syncer && marray_os_syncer_start(chunks->array->map->descriptor, &chunks->syncer))
        chunks->durable = false;
    return chunks->syncer ? marray_os_syncer_ask(chunks->syncer) : 0;
}

/* The oldest rows leave, no more than limit of them: written back before their pages go. */
static int let_go(struct marray_chunks *chunks, uint64_t limit)
{
    struct rows rows = {chunks->gone, limit < chunks->step_rows ? limit : chunks->step_rows};
    if (chunks->writes) {
        int status = visit_rows(chunks, rows, finish_pages);
        if (!status)
            status = make_durable(chunks, rows.count * chunks->row_bytes);
        if (status)
            return fail_write_back(chunks, status);
    }
    chunks->gone += rows.count;
    if (!chunks->drops)
        return 0;
    /* What is still being written back is kept too: it would not go anyway. */
    keep_rows(chunks, (struct rows){chunks->gone, chunks->asked - chunks->gone});
    return visit_rows(chunks, rows, drop_pages);
}

/* Rows that were lent move on: their write-back begins, and the oldest leave, until no more than
 * `behind` rows are left between them and the walk. */
static int move_on(struct marray_chunks *chunks, uint64_t behind)
{
    if (chunks->writes) {
        struct rows done = {chunks->begun, chunks->next - chunks->begun};
        int status = visit_rows(chunks, done, start_pages);
        if (status)
            return fail_write_back(chunks, status);
        marray_way_note_write_back(chunks->array->map);
    }
    chunks->begun = chunks->next;
    while (chunks->next - chunks->gone > behind) {
        int status = let_go(chunks, chunks->next - chunks->gone);
        if (status)
            return status;
    }
    return 0;
}

static void ask_ahead(struct marray_chunks *chunks, uint64_t from)
{
    uint64_t left = chunks->row_count - from;
    if (chunks->kernel_reads_ahead) {
        chunks->asked = from + (left < chunks->chunk_rows ? left : chunks->chunk_rows);
        return;
    }
    uint64_t end = from + (left < chunks->window_rows ? left : chunks->window_rows);
    while (chunks->asked < end) {
        struct rows rows = {chunks->asked, end - chunks->asked};
        if (rows.count > chunks->step_rows)
            rows.count = chunks->step_rows;
        (void)visit_rows(chunks, rows, ask_pages);
        chunks->asked += rows.count;
    }
}

/* Row by row through the axis that moves furthest. */
static void choose_axis(struct marray_chunks *chunks)
{
    const struct marray *array = chunks->array;
    uint64_t largest = 0;
    chunks->row_count = 1;
    chunks->row_bytes = array->dtype.item_bytes;
    for (int axis = 0; axis < array->dimensions; axis++) {
        int64_t stride = array->strides[axis];
        uint64_t distance = stride < 0 ? (uint64_t)-stride : (uint64_t)stride;
        if (array->shape[axis] > 1 && distance > largest) {
            largest = distance;
            chunks->axis = axis;
            chunks->row_count = array->shape[axis];
            chunks->row_bytes = distance;
        }
    }
    if (array->length == 0)
        chunks->row_count = 0;
}

static int check_spec(const struct marray *array, const struct marray_chunks_spec *spec)
{
    if (!spec || (spec->size_bytes != sizeof(*spec) && spec->size_bytes != FIRST_SPEC_BYTES) ||
        (unsigned)spec->access > MARRAY_CHUNKS_WRITE)
        return marray_fail(array->message, -EINVAL, "'%s': not a spec of chunks",
                           MARRAY_PATH(array));
    int status = spec->access == MARRAY_CHUNKS_WRITE ? marray_check_writable(array) : 0;
    if (!status)
        status = marray_check_inherited(array);
    if (!status && !array->map->is_anonymous)
        status = marray_check_descriptor(array, "a walk in chunks");
    if (status)
        return status;
    if (spec->budget_bytes < BUDGET_PAGES * marray_os_page_bytes())
        return marray_fail(array->message, -EINVAL,
                           "'%s': a budget of %" PRIu64 " bytes, at least %" PRIu64 " are needed",
                           MARRAY_PATH(array), spec->budget_bytes,
                           BUDGET_PAGES * marray_os_page_bytes());
    return 0;
}

static uint64_t rows_in(const struct marray_chunks *chunks, uint64_t bytes)
{
    return bytes < chunks->row_bytes ? 1 : bytes / chunks->row_bytes;
}

static int divide_budget(struct marray_chunks *chunks, const struct marray_chunks_spec *spec)
{
    uint64_t budget = spec->budget_bytes;
    uint64_t most = budget / CHUNK_SHARE / chunks->row_bytes;
    if (most == 0 || spec->rows > most)
        return marray_fail(chunks->array->message, -EINVAL,
                           "'%s': chunks of %" PRIu64 " rows of %" PRIu64
                           " bytes are beyond a quarter of the budget of %" PRIu64,
                           MARRAY_PATH(chunks->array), spec->rows > 0 ? spec->rows : 1,
                           chunks->row_bytes, budget);
    chunks->chunk_rows = spec->rows > 0 ? spec->rows : rows_in(chunks, budget / CHUNK_SHARE / 2);
    chunks->window_rows = rows_in(chunks, budget / WINDOW_SHARE);
    uint64_t step_bytes = budget / STEP_SHARE < STEP_BYTES ? budget / STEP_SHARE : STEP_BYTES;
    chunks->step_rows = rows_in(chunks, step_bytes);
    if (chunks->writes)
        chunks->behind_rows = rows_in(chunks, budget / BEHIND_SHARE);
    return 0;
}

/* Elements without gaps, walked as they stand in the file. */
static bool suits_the_kernel(const struct marray_chunks *chunks, uint64_t budget_bytes)
{
    const struct marray *array = chunks->array;
    return !chunks->backward && !array->map->is_anonymous && budget_bytes >= KERNEL_BUDGET_BYTES &&
           array->length > 0 &&
           (marray_is_contiguous(array, MARRAY_ORDER_C) ||
            marray_is_contiguous(array, MARRAY_ORDER_F));
}

/* For the pages of the whole walk. Advice that is refused leaves the kernel's own guesses. */
static void advise_all(const struct marray_chunks *chunks, enum marray_advice advice)
{
    struct marray_loops loops;
    const struct marray *array = chunks->array;
    uint64_t start = find_rows(chunks, (struct rows){0, chunks->row_count}, &loops);
    uint64_t first = start / chunks->page_bytes * chunks->page_bytes;
    uint64_t end = start + marray_loops_span_bytes(&loops, array->dtype.item_bytes);
    (void)marray_os_advise(array->map->base + first, end - first, advice);
}

int marray_chunks_open(struct marray *array, const struct marray_chunks_spec *spec,
                       struct marray_chunks **chunks)
{
    int status = check_spec(array, spec);
    if (status)
        return status;
    struct marray_chunks *made = calloc(1, sizeof(*made));
    if (!made)
        return marray_fail(array->message, -ENOMEM, "'%s': no memory for a walk",
                           MARRAY_PATH(array));
    made->array = array;
    made->backward = spec->backward;
    made->drops = array->map->mode != MARRAY_COPY_ON_WRITE && !array->map->is_anonymous;
    made->writes = made->drops && spec->access == MARRAY_CHUNKS_WRITE;
    made->page_bytes = marray_os_page_bytes();
    if (made->writes) {
        marray_way_note_write_back(array->map);
        made->durable = spec->size_bytes > FIRST_SPEC_BYTES && spec->durable;
        made->sync_bytes = SYNC_BUDGETS * spec->budget_bytes;
    }
    choose_axis(made);
    status = divide_budget(made, spec);
    if (status) {
        free(made);
        return status;
    }
    made->kernel_reads_ahead = suits_the_kernel(made, spec->budget_bytes);
    if (made->kernel_reads_ahead)
        advise_all(made, MARRAY_ADVICE_SEQUENTIAL);
    *chunks = made;
    return 0;
}

static int view_rows(const struct marray_chunks *chunks, struct rows rows, struct marray **view)
{
    struct marray_slice slices[MARRAY_MAX_DIMENSIONS];
    int dimensions = chunks->array->dimensions;
    for (int axis = 0; axis < dimensions; axis++)
        slices[axis] = MARRAY_ALL;
    uint64_t index = chunks->backward ? chunks->row_count - rows.first - rows.count : rows.first;
    if (chunks->row_count > 1)
        slices[chunks->axis] = MARRAY_RANGE((int64_t)index, (int64_t)(index + rows.count), 1);
    return marray_slice(chunks->array, slices, (size_t)dimensions, view);
}

/* Takes back the chunk that the caller had; -EFAULT when its end was cut off meanwhile. */
static int take_back(struct marray_chunks *chunks)
{
    struct marray *chunk = chunks->chunk;
    int status = chunk ? marray_guard_check_end(chunk) : 0;
    if (status)
        *chunks->array->message = *chunk->message;
    marray_close(&chunks->chunk);
    return status;
}

static int populate_pages(void *context, uint64_t start, uint64_t length)
{
    const struct marray_chunks *chunks = context;
    const struct marray_map *map = chunks->array->map;
    uint64_t resident_bytes;
    /* What is missing would be waited for here, and the chunk's beginning with it. */
    if (!marray_os_resident(map->descriptor, map->file_offset + start, map->base + start, length,
                            &resident_bytes) &&
        resident_bytes >= length)
        (void)marray_os_advise(map->base + start, length, MARRAY_ADVICE_POPULATE);
    return 0;
}

/* A chunk of a read that is in memory is mapped in one call instead of by faults. For stores that
 * would make all of it dirty. */
static void map_chunk(struct marray_chunks *chunks, struct rows rows)
{
    if (chunks->kernel_reads_ahead && chunks->drops && !chunks->writes)
        (void)visit_rows(chunks, rows, populate_pages);
}

/* A chunk that can be had; the loop may still meet a bus error when the file is cut later. */
static int lend(struct marray_chunks *chunks, struct rows rows)
{
    struct marray *view;
    int status = view_rows(chunks, rows, &view);
    if (status)
        return status;
    status = marray_guard_check_end(view);
    if (status) {
        *chunks->array->message = *view->message;
        marray_close(&view);
        return status;
    }
    chunks->chunk = view;
    chunks->next += rows.count;
    return 0;
}

int marray_chunks_next(struct marray_chunks *chunks, struct marray **chunk)
{
    int status = marray_check_inherited(chunks->array);
    if (!status)
        status = take_back(chunks);
    if (!status && chunks->next - chunks->begun >= chunks->step_rows)
        status = move_on(chunks, chunks->behind_rows);
    if (status)
        return status;
    struct rows rows = {chunks->next, chunks->row_count - chunks->next};
    if (rows.count > chunks->chunk_rows)
        rows.count = chunks->chunk_rows;
    if (rows.count == 0) {
        *chunk = NULL;
        return 0;
    }
    ask_ahead(chunks, chunks->next);
    map_chunk(chunks, rows);
    status = lend(chunks, rows);
    if (!status)
        *chunk = chunks->chunk;
    return status;
}

int marray_chunks_close(struct marray_chunks **chunks)
{
    struct marray_chunks *closed = *chunks;
    *chunks = NULL;
    if (!closed)
        return 0;
    int status = take_back(closed);
    closed->asked = closed->next; /* what was read ahead in vain is not kept */
    int moved = move_on(closed, closed->behind_rows);
    int synced = closed->syncer ? marray_os_syncer_stop(closed->syncer) : 0;
    if (synced && !moved)
        moved = fail_write_back(closed, synced);
    if (closed->kernel_reads_ahead)
        advise_all(closed, (enum marray_advice)atomic_load(&closed->array->map->advice));
    free(closed);
    return status ? status : moved;
}

/* ---- The whole walk as one guarded call ---- */

struct visit {
    struct marray *chunk;
    marray_chunk_call *call;
    void *context;
};

/* Guarded. */
static int visit_chunk(void *context)
{
    const struct visit *visit = context;
    return visit->call(visit->chunk, visit->context);
}

static int visit_all(struct marray_chunks *chunks, marray_chunk_call *call, void *context)
{
    struct visit visit = {NULL, call, context};
    int status = marray_chunks_next(chunks, &visit.chunk);
    while (!status && visit.chunk) {
        status = marray_guard_bulk(visit.chunk, visit_chunk, &visit);
        if (!status)
            status = marray_chunks_next(chunks, &visit.chunk);
        else if (visit.chunk->message->text[0])
            *chunks->array->message = *visit.chunk->message;
    }
    return status;
}

int marray_chunks_each(struct marray *array, const struct marray_chunks_spec *spec,
                       marray_chunk_call *call, void *context)
{
    struct marray_chunks *chunks;
    int status = marray_chunks_open(array, spec, &chunks);
    if (status)
        return status;
    status = visit_all(chunks, call, context);
    int closed = marray_chunks_close(&chunks);
    return status ? status : closed;
}
