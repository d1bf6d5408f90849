/* Keeping the reads of an index list in flight. */
#include "mapping/picks.h"

/* A block beyond this is a bulk read of its own, which the kernel reads ahead better. */
#define BLOCK_PAGES 4096
#define BATCH       32
/* How much the loop may do between two looks at the clock while everything seems resident. */
#define FIRST_PART 16
#define LAST_PART  128
/* Of blocks of a page or more, and of stores: a few that may fault. */
#define FIRST_SHORT_PART 4
/* Beyond the time that a block from memory may take, minor fault included, it came from a device:
 * the fastest answer in some 10 us. Copies run at 1 byte a nanosecond at the very least. */
#define RESIDENT_NS   4000
#define LOOK_PICKS    2
#define LOOK_INTERVAL 256
#define WARM_LOOKS    2

void marray_picks_lay_out(struct marray_picks *picks, const struct marray *array)
{
    picks->array = array;
    picks->axis_length = (int64_t)array->shape[0];
    picks->stride_bytes = array->strides[0];
    picks->start = (int64_t)(array->offset_bytes - array->map->file_offset);
    picks->run_bytes = array->dtype.item_bytes;
    picks->lowest = marray_loops_by_address(array->shape + 1, array->strides + 1,
                                            array->dimensions - 1, &picks->by_address);
}

void marray_picks_cut(struct marray_picks *picks, const struct marray *array, uint64_t piece_bytes)
{
    *picks = (struct marray_picks){.array = array,
                                   .count = marray_size_bytes(array) / piece_bytes,
                                   .stride_bytes = (int64_t)piece_bytes,
                                   .run_bytes = piece_bytes,
                                   .is_in_order = true};
    picks->axis_length = (int64_t)picks->count;
    picks->start = (int64_t)(array->offset_bytes - array->map->file_offset);
}

static uint64_t lowest_of(const struct marray_ahead *ahead, size_t pick)
{
    return (uint64_t)(marray_picks_start(ahead->picks, pick) + ahead->picks->lowest);
}

/* Is a page missing among the next picks? What the system does not tell is as assumed. */
static bool is_missing(const struct marray_ahead *ahead, size_t pick, bool assumed)
{
    const struct marray_map *map = ahead->picks->array->map;
    size_t end = pick + LOOK_PICKS < ahead->picks->count ? pick + LOOK_PICKS : ahead->picks->count;
    for (; pick < end; pick++) {
        uint64_t start = lowest_of(ahead, pick) / ahead->page_bytes * ahead->page_bytes;
        uint64_t resident_bytes;
        int status = marray_os_resident(map->descriptor, map->file_offset + start,
                                        map->base + start, ahead->page_bytes, &resident_bytes);
        if (status)
            return assumed;
        if (resident_bytes == 0)
            return true;
    }
    return false;
}

static int count_pages(void *context, uint64_t start, uint64_t length)
{
    (void)start;
    *(uint64_t *)context += length;
    return 0;
}

/* Whether blocks cover all pages that they touch, which then need not be read before a pwrite. */
static bool covers_pages(const struct marray_picks *picks, uint64_t block_bytes,
                         uint64_t page_bytes)
{
    return block_bytes % page_bytes == 0 && (uint64_t)picks->start % page_bytes == 0 &&
           (uint64_t)picks->stride_bytes % page_bytes == 0;
}

/* At least two blocks, so that one is read while the other is used. */
static void set_window(struct marray_ahead *ahead)
{
    uint64_t pages = ahead->depth.window_pages;
    ahead->window = ahead->block_pages < pages / 2 ? (size_t)(pages / ahead->block_pages) : 2;
    ahead->batch = ahead->window / 4 < BATCH ? ahead->window / 4 : BATCH;
    if (ahead->batch == 0)
        ahead->batch = 1;
}

static void plan_window(struct marray_ahead *ahead, uint64_t touch_bytes)
{
    uint64_t pages = touch_bytes / ahead->page_bytes;
    if (pages > BLOCK_PAGES || ahead->picks->is_in_order)
        return;
    ahead->block_pages = pages;
    marray_depth_open(&ahead->depth);
    set_window(ahead);
    ahead->warm_looks = WARM_LOOKS - 1; /* at first, one look decides */
    ahead->is_active = true;
}

static void rent(struct marray_ahead *ahead, uint64_t touch_bytes)
{
    const struct marray_picks *picks = ahead->picks;
    uint64_t view_bytes;
    if (__builtin_mul_overflow((uint64_t)picks->axis_length, touch_bytes, &view_bytes))
        view_bytes = UINT64_MAX;
    marray_way_rent(&ahead->way, picks->array->rented_bytes, touch_bytes, view_bytes);
}

void marray_ahead_open(struct marray_ahead *ahead, const struct marray_picks *picks,
                       uint64_t block_bytes, bool writes)
{
    const struct marray_map *map = picks->array->map;
    ahead->picks = picks;
    ahead->block_pages = 0;
    ahead->batch_began_ns = 0;
    ahead->is_active = false;
    ahead->self = -1;
    ahead->next = 0;
    ahead->looked_at = 0;
    ahead->part = 0;
    ahead->grown_part = 0;
    marray_way_open(&ahead->way, picks->array->map, writes, block_bytes);
    ahead->is_watched = picks->count >= 2 && !map->is_anonymous;
    if (!ahead->is_watched)
        return;
    ahead->page_bytes = marray_os_page_bytes();
    uint64_t touch_bytes = 0;
    marray_loops_visit_pages(&picks->by_address, lowest_of(ahead, 0), picks->run_bytes,
                             ahead->page_bytes, count_pages, &touch_bytes);
    ahead->resident_ns = RESIDENT_NS + touch_bytes;
    if (!writes)
        rent(ahead, touch_bytes);
    bool needs_no_read = writes && ahead->way.calls != MARRAY_WAY_CLOSED &&
                         covers_pages(picks, block_bytes, ahead->page_bytes);
    if (!needs_no_read)
        plan_window(ahead, touch_bytes);
    else if (!ahead->way.prefers_calls)
        ahead->way.prefers_calls = is_missing(ahead, 0, false);
}

static void ask(struct marray_ahead *ahead)
{
    if (ahead->range_count == 0)
        return;
    if (ahead->self < 0 && ahead->range_count > 1)
        ahead->self = marray_os_prefetch_open();
    /* Refused advice leaves plain faults, which are slow but right. */
    if (marray_os_prefetch(ahead->self, ahead->ranges, ahead->range_count)) {
        ahead->block_pages = 0;
        ahead->is_active = false;
    }
    ahead->range_count = 0;
}

static int add_range(void *context, uint64_t start, uint64_t length)
{
    struct marray_ahead *ahead = context;
    unsigned char *base = ahead->picks->array->map->base + start;
    /* Picks of one page after the other, as in a sorted list. */
    const struct marray_os_range *last =
        ahead->range_count > 0 ? &ahead->ranges[ahead->range_count - 1] : NULL;
    if (last && last->base == base && last->length == length)
        return 0;
    if (ahead->range_count == MARRAY_OS_PREFETCH_RANGES)
        ask(ahead);
    ahead->ranges[ahead->range_count++] = (struct marray_os_range){base, length};
    return 0;
}

/* Asks for the picks up to a window after done, a batch at a time. */
static void ask_ahead(struct marray_ahead *ahead, size_t done)
{
    size_t end = ahead->picks->count;
    if (end - done > ahead->window)
        end = done + ahead->window;
    if (ahead->next < done)
        ahead->next = done;
    ahead->range_count = 0;
    for (; ahead->next < end; ahead->next++)
        marray_loops_visit_pages(&ahead->picks->by_address, lowest_of(ahead, ahead->next),
                                 ahead->picks->run_bytes, ahead->page_bytes, add_range, ahead);
    ask(ahead);
}

/* Two looks in a row that find everything in memory end the reading ahead. */
static void look(struct marray_ahead *ahead, size_t done)
{
    size_t pick = ahead->next > done ? ahead->next : done;
    if (pick >= ahead->picks->count)
        return;
    uint64_t now_ns = marray_os_now_ns();
    bool was_slow =
        done == 0 || now_ns - ahead->looked_ns > (done - ahead->looked_at) * ahead->resident_ns;
    ahead->looked_ns = now_ns;
    ahead->looked_at = done;
    ahead->warm_looks = is_missing(ahead, pick, was_slow) ? 0 : ahead->warm_looks + 1;
    ahead->is_active = ahead->warm_looks < WARM_LOOKS;
    ahead->batch_began_ns = 0;
    ahead->part = 0; /* which is not what a part costs when nothing is missing */
}

/* What the last part cost, while nothing seemed to be missing. */
static void watch(struct marray_ahead *ahead, size_t done)
{
    uint64_t now_ns = marray_os_now_ns();
    uint64_t elapsed_ns = now_ns - ahead->started_ns;
    ahead->started_ns = now_ns;
    if (ahead->part == 0)
        return;
    marray_way_learn(&ahead->way, ahead->part, elapsed_ns);
    if (ahead->block_pages == 0 || elapsed_ns <= ahead->part * ahead->resident_ns)
        return;
    ahead->is_active = is_missing(ahead, done, true);
    ahead->batch_began_ns = 0;
    ahead->warm_looks = 0;
    ahead->looked_ns = now_ns;
    ahead->looked_at = done;
}

/* Whether the window suits the device shows in what the last batch took. */
static void tune(struct marray_ahead *ahead)
{
    uint64_t now_ns = marray_os_now_ns();
    if (ahead->batch_began_ns > 0) {
        marray_depth_learn(&ahead->depth, ahead->part * ahead->block_pages,
                           now_ns - ahead->batch_began_ns);
        set_window(ahead);
    }
    ahead->batch_began_ns = now_ns;
}

/* Short parts to try something, longer ones where it is known. */
static size_t choose_part(struct marray_ahead *ahead)
{
    size_t first = ahead->picks->run_bytes >= ahead->page_bytes ? FIRST_SHORT_PART : FIRST_PART;
    marray_way_choose(&ahead->way);
    if (ahead->way.is_trial || ahead->grown_part == 0) {
        if (ahead->grown_part == 0)
            ahead->grown_part = first;
        return first;
    }
    ahead->grown_part *= 2;
    if (ahead->grown_part > LAST_PART)
        ahead->grown_part = LAST_PART;
    return ahead->grown_part;
}

size_t marray_ahead_next(struct marray_ahead *ahead, size_t done)
{
    size_t left = ahead->picks->count - done;
    if (!ahead->is_watched)
        return left;
    if (ahead->is_active && (done == 0 || done - ahead->looked_at >= LOOK_INTERVAL))
        look(ahead, done);
    if (!ahead->is_active)
        watch(ahead, done);
    if (ahead->is_active) {
        tune(ahead);
        ask_ahead(ahead, done);
        marray_way_call(&ahead->way);
        ahead->part = ahead->batch;
    } else {
        ahead->part = choose_part(ahead);
    }
    if (ahead->part > left)
        ahead->part = left;
    return ahead->part;
}

void marray_ahead_close(struct marray_ahead *ahead)
{
    marray_way_close(&ahead->way);
    marray_os_prefetch_close(ahead->self);
}
