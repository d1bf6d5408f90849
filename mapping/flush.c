/* Making changes durable, and remembering for ever when that failed. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "mapping/array.h"
#include "mapping/message.h"
#include "mapping/way.h"

/* So much else, a share of the view, may be written back with it without a second thought. */
#define FOREIGN_SHARE 4
/* And so much at the most before it is known what that costs. */
#define UNTRIED_BYTES ((uint64_t)256 << 20)
/* One flush in so many goes the way that cost more, which may have changed. */
#define TRIAL_INTERVAL 32

/* These say nothing about what storage has: the same flush may succeed later. */
static bool is_passing(int status)
{
    return status == -EINTR || status == -EINVAL || status == -ENOMEM || status == -EACCES ||
           status == -EMFILE || status == -ENFILE || status == -EOPNOTSUPP;
}

static int fail_flush(struct marray *array, int status)
{
    if (is_passing(status))
        return marray_fail(array->message, status, "cannot flush '%s': %s", MARRAY_PATH(array),
                           marray_reason(status));
    int none = 0;
    atomic_compare_exchange_strong(&array->map->failed, &none, status);
    return marray_fail(array->message, status,
                       "cannot flush '%s': %s; what was written may be lost, and this array will "
                       "not report success again",
                       MARRAY_PATH(array), marray_reason(status));
}

/* Only arrays whose stores reach the file have anything to flush. */
static bool reaches_file(const struct marray *array)
{
    return !array->map->is_anonymous &&
           (array->map->mode == MARRAY_READ_WRITE || array->map->mode == MARRAY_CREATE);
}

static int check_flush(const struct marray *array, enum marray_flush_level level)
{
    if ((unsigned)level > MARRAY_FLUSH_FULL)
        return marray_fail(array->message, -EINVAL, "'%s': flush level %d is none of the three",
                           MARRAY_PATH(array), (int)level);
    int status = marray_check_inherited(array);
    if (!status && reaches_file(array) &&
        (level != MARRAY_FLUSH_DATA || !marray_os_syncs_maps_alone()))
        status = marray_check_descriptor(array, "a flush of this level");
    return status;
}

/* Checks, and brings file and header to the array's length; *level rises when metadata counts. */
static int begin_flush(struct marray *array, enum marray_flush_level *asked)
{
    enum marray_flush_level level = *asked;
    int status = check_flush(array, level);
    if (status)
        return status;
    marray_way_note_write_back(array->map);
    int failed = atomic_load(&array->map->failed);
    if (failed)
        return marray_fail(array->message, failed, "'%s': an earlier flush failed: %s",
                           MARRAY_PATH(array), marray_reason(failed));
    struct marray_map *map = array->map;
    bool is_due = map->spare_end > 0 || map->header_is_old || map->full_flush_is_due;
    if (level == MARRAY_FLUSH_ASYNC || !is_due || !reaches_file(array))
        return 0;
    *asked = MARRAY_FLUSH_FULL;
    status = marray_map_settle(array);
    if (!status)
        map->full_flush_is_due = false;
    return status;
}

/* Calls of marray_visit_range; start counts from the base of the map. */
static int start_pages(void *context, uint64_t start, uint64_t length)
{
    struct marray *array = context;
    struct marray_map *map = array->map;
    return marray_os_start_write_back(map->descriptor, map->file_offset + start, map->base + start,
                                      length);
}

static int finish_pages(void *context, uint64_t start, uint64_t length)
{
    struct marray *array = context;
    struct marray_map *map = array->map;
    return marray_os_finish_write_back(map->descriptor, map->file_offset + start, map->base + start,
                                       length);
}

static int sync_pages(void *context, uint64_t start, uint64_t length)
{
    struct marray *array = context;
    return marray_os_sync_map(array->map->descriptor, array->map->base + start, length);
}

/* The whole file and, once, the name of a new one. */
static int sync_everything(struct marray_map *map)
{
    int status = marray_os_sync_file(map->descriptor, map->base, map->size_bytes);
    if (status || !map->name_is_new)
        return status;
    status = marray_os_sync_folder_of(map->real_path);
    if (!status)
        map->name_is_new = false;
    return status;
}

/* A run of whole pages, or what is left of the map. */
static int flush_pages(struct marray *array, uint64_t start, uint64_t length,
                       enum marray_flush_level level)
{
    int status;
    if (level == MARRAY_FLUSH_FULL)
        status = sync_everything(array->map);
    else if (level == MARRAY_FLUSH_ASYNC)
        status = length > 0 ? start_pages(array, start, length) : 0;
    else
        status = length > 0 ? sync_pages(array, start, length) : 0;
    return status ? fail_flush(array, status) : 0;
}

int marray_flush(struct marray *array, enum marray_flush_level level)
{
    int status = begin_flush(array, &level);
    if (status || !reaches_file(array))
        return status;
    /* Without elements there is no map, but there may be a new file with a header. */
    if (!array->map->base && level == MARRAY_FLUSH_DATA) {
        status = marray_check_descriptor(array, "a flush without elements");
        if (status)
            return status;
        level = MARRAY_FLUSH_FULL;
    }
    return flush_pages(array, 0, array->map->size_bytes, level);
}

int marray_flush_range(struct marray *array, uint64_t start, uint64_t length,
                       enum marray_flush_level level)
{
    const struct marray_map *map = array->map;
    int status = begin_flush(array, &level);
    if (status)
        return status;
    if (start > map->data_bytes || length > map->data_bytes - start)
        return marray_fail(array->message, -ERANGE,
                           "'%s': a flush of %" PRIu64 " bytes from %" PRIu64
                           " in an array of %" PRIu64,
                           MARRAY_PATH(array), length, start, map->data_bytes);
    if (!reaches_file(array) || length == 0)
        return 0;
    uint64_t page_bytes = marray_os_page_bytes();
    uint64_t from_base = map->data_offset - map->file_offset + start;
    uint64_t first = from_base / page_bytes * page_bytes;
    return flush_pages(array, first, from_base + length - first, level);
}

static int count_bytes(void *context, uint64_t start, uint64_t length)
{
    (void)start;
    *(uint64_t *)context += length;
    return 0;
}

/* The pages between the lowest and the highest of a view; view_bytes is what they come to without
 * those between its runs. */
struct span {
    uint64_t start; /* from the base of the map */
    uint64_t length;
    uint64_t view_bytes;
};

static struct span span_of(const struct marray *array, const struct marray_loops *loops,
                           uint64_t start)
{
    uint64_t page_bytes = marray_os_page_bytes();
    uint32_t item_bytes = array->dtype.item_bytes;
    struct span span = {.start = start / page_bytes * page_bytes};
    span.length = start + marray_loops_span_bytes(loops, item_bytes) - span.start;
    marray_loops_visit_pages(loops, start, item_bytes, page_bytes, count_bytes, &span.view_bytes);
    return span;
}

/*
 * One call for the span of a view takes along what else is dirty there; two calls for each of its
 * runs do not, but cost more. What is dirty tells which is better only where folios are pages: of a
 * folio of 2 MiB with one dirty block cachestat() counts every page (folio_nr_pages() in
 * filemap_cachestat() of mm/filemap.c), and one call writes that block alone. So if much seems
 * dirty the time decides.
 */
static enum marray_flush_way choose_way(struct marray_map *map, struct span span)
{
    uint64_t dirty_bytes;
    if (marray_os_dirty(map->descriptor, map->file_offset + span.start, span.length, &dirty_bytes))
        return MARRAY_FLUSH_RUNS;
    if (dirty_bytes <= span.view_bytes + span.view_bytes / FOREIGN_SHARE)
        return MARRAY_FLUSH_SPAN;
    uint64_t span_ns = atomic_load(&map->flush_page_ns[MARRAY_FLUSH_SPAN]);
    uint64_t runs_ns = atomic_load(&map->flush_page_ns[MARRAY_FLUSH_RUNS]);
    enum marray_flush_way way = MARRAY_FLUSH_SPAN;
    if (span_ns == 0 ? dirty_bytes > UNTRIED_BYTES : runs_ns > 0 && runs_ns < span_ns)
        way = MARRAY_FLUSH_RUNS;
    if (atomic_fetch_add(&map->flushes_chosen, 1) % TRIAL_INTERVAL == TRIAL_INTERVAL - 1)
        way = way == MARRAY_FLUSH_SPAN ? MARRAY_FLUSH_RUNS : MARRAY_FLUSH_SPAN;
    return way;
}

/* All runs are on their way to the device before the first one is waited for; then, where the file
 * system allows, one sync makes all of them durable. */
static int flush_each_run(struct marray *array, const struct marray_loops *loops, uint64_t start,
                          enum marray_flush_level level)
{
    uint64_t page_bytes = marray_os_page_bytes();
    uint32_t item_bytes = array->dtype.item_bytes;
    bool alone = array->map->descriptor < 0; /* each run by itself then */
    int status =
        alone ? 0
              : marray_loops_visit_pages(loops, start, item_bytes, page_bytes, start_pages, array);
    if (status || level == MARRAY_FLUSH_ASYNC)
        return status;
    bool once = !alone && loops->count > 0 && marray_os_sync_covers_file(array->map->descriptor);
    status = marray_loops_visit_pages(loops, start, item_bytes, page_bytes,
                                      once ? finish_pages : sync_pages, array);
    if (!status && once)
        status = sync_pages(array, start / page_bytes * page_bytes, item_bytes);
    return status;
}

static int flush_span(struct marray *array, struct span span, enum marray_flush_level level)
{
    if (level == MARRAY_FLUSH_ASYNC)
        return start_pages(array, span.start, span.length);
    return sync_pages(array, span.start, span.length);
}

static int flush_runs(struct marray *array, enum marray_flush_level level)
{
    struct marray_map *map = array->map;
    struct marray_loops loops;
    uint64_t start;
    marray_array_by_address(array, &loops, &start);
    if (map->descriptor < 0)
        return flush_each_run(array, &loops, start, level);
    struct span span = span_of(array, &loops, start);
    enum marray_flush_way way = choose_way(map, span);
    uint64_t began_ns = marray_os_now_ns();
    int status = way == MARRAY_FLUSH_SPAN ? flush_span(array, span, level)
                                          : flush_each_run(array, &loops, start, level);
    if (!status && level == MARRAY_FLUSH_DATA) {
        uint64_t pages = span.view_bytes / marray_os_page_bytes() + 1;
        atomic_store(&map->flush_page_ns[way], (marray_os_now_ns() - began_ns) / pages + 1);
    }
    return status;
}

int marray_flush_view(struct marray *array, enum marray_flush_level level)
{
    int status = begin_flush(array, &level);
    if (status || !reaches_file(array) || array->length == 0)
        return status;
    if (level == MARRAY_FLUSH_FULL)
        return flush_pages(array, 0, 0, level);
    if (marray_is_contiguous(array, MARRAY_ORDER_C) || marray_is_contiguous(array, MARRAY_ORDER_F))
        return marray_flush_range(array, array->offset_bytes - array->map->data_offset,
                                  marray_size_bytes(array), level);
    status = flush_runs(array, level);
    return status ? fail_flush(array, status) : 0;
}

const char *marray_flush_calls(const struct marray *array, enum marray_flush_level level)
{
    return reaches_file(array) ? marray_os_flush_calls(level) : "none";
}
