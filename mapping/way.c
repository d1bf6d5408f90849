/* Choosing between faults and calls by what they cost. */
#include "mapping/way.h"

/* Without a fault: a few misses of the caches, and copying at 4 bytes a nanosecond. */
#define CHEAP_NS           300
#define CHEAP_BYTES_PER_NS 4
/* A call that takes so much longer than a copy has something else to do. The first pwrite to a
 * folio of 2 MiB that is clean takes 65 to 80 us here, and those after it 2 to 7. */
#define DEAR_NS 100000
/* Of what a faulting store costs, its share of the write-back included. */
#define STORE_WEIGHT 2
/* One part in so many goes the way that cost more, which may have changed. */
#define TRIAL_INTERVAL 32
/* What a page costs to map, in reads of it by calls: 11 to 20 us against 2 to 4 here. */
#define PRICE_READS 5
/* Whoever waits for the file waits for no more than this; a call counts as so many bytes at least,
 * since the time of a short one is not in its bytes. */
#define HOLD_BYTES      ((uint64_t)16 << 20)
#define HOLD_CALL_BYTES ((uint64_t)32 << 10)
/* So many transfers after a write-back go by calls, before the map is tried again. */
#define TRANSFERS_BY_CALLS 16
/* And so many leave the file to whoever waited for it. */
#define TRANSFERS_BY_MAP 64

/* What a private map shows may not be what the file has. */
static bool shows_the_file(const struct marray_map *map)
{
    return !map->is_anonymous && map->descriptor >= 0 && map->mode != MARRAY_COPY_ON_WRITE;
}

void marray_way_note_write_back(struct marray_map *map)
{
    atomic_store_explicit(&map->transfers_by_calls, TRANSFERS_BY_CALLS, memory_order_relaxed);
}

/* Counts one transfer; threads may lose a count. */
static bool was_written_back(struct marray_map *map)
{
    unsigned left = atomic_load_explicit(&map->transfers_by_calls, memory_order_relaxed);
    if (left == 0)
        return false;
    atomic_store_explicit(&map->transfers_by_calls, left - 1, memory_order_relaxed);
    return true;
}

void marray_way_keep_to_map(struct marray_way *way)
{
    way->calls = MARRAY_WAY_CLOSED;
}

void marray_way_open(struct marray_way *way, struct marray_map *map, bool writes,
                     uint64_t block_bytes)
{
    *way = (struct marray_way){.map = map, .writes = writes};
    bool may_call = block_bytes > 0 && shows_the_file(map) && !(writes && map->has_no_path);
    way->calls = may_call ? MARRAY_WAY_UNKNOWN : MARRAY_WAY_CLOSED;
    way->cheap_ns = CHEAP_NS + block_bytes / CHEAP_BYTES_PER_NS;
    way->prefers_calls = writes && way->calls == MARRAY_WAY_UNKNOWN && was_written_back(map);
}

void marray_way_rent(struct marray_way *way, _Atomic uint64_t *rented_bytes, uint64_t touch_bytes,
                     uint64_t view_bytes)
{
    if (view_bytes > way->map->size_bytes)
        view_bytes = way->map->size_bytes;
    way->rented_bytes = rented_bytes;
    way->touch_bytes = touch_bytes;
    way->buys =
        atomic_load_explicit(rented_bytes, memory_order_relaxed) >= PRICE_READS * view_bytes;
}

/* Threads may lose a count. */
static void count_rent(struct marray_way *way, uint64_t blocks, uint64_t block_ns)
{
    uint64_t bytes = blocks * way->touch_bytes;
    uint64_t rented = atomic_load_explicit(way->rented_bytes, memory_order_relaxed);
    if (way->by_calls)
        rented += bytes;
    else if (way->buys && block_ns > way->cheap_ns)
        rented -= rented < PRICE_READS * bytes ? rented : PRICE_READS * bytes;
    else
        return;
    atomic_store_explicit(way->rented_bytes, rented, memory_order_relaxed);
    if (rented == 0)
        way->buys = false;
}

void marray_way_learn(struct marray_way *way, uint64_t blocks, uint64_t elapsed_ns)
{
    uint64_t block_ns = elapsed_ns / blocks;
    if (way->rented_bytes)
        count_rent(way, blocks, block_ns);
    *(way->by_calls ? &way->calls_ns : &way->map_ns) = block_ns > 0 ? block_ns : 1;
}

void marray_way_call(struct marray_way *way)
{
    if (way->calls == MARRAY_WAY_UNKNOWN) {
        const struct marray_map *map = way->map;
        bool is_open = marray_os_calls_reach_maps(map->descriptor, way->writes,
                                                  map->file_offset + map->size_bytes);
        way->calls = is_open ? MARRAY_WAY_OPEN : MARRAY_WAY_CLOSED;
    }
    way->by_calls = way->calls == MARRAY_WAY_OPEN;
    way->is_trial = false;
}

static bool is_dear(const struct marray_way *way)
{
    return way->calls_ns > 2 * way->cheap_ns + DEAR_NS;
}

void marray_way_populate(const struct marray_way *way, uint64_t from_base, uint64_t bytes)
{
    /* Under MADV_RANDOM what is missing would be read page by page. */
    if (way->map_ns <= way->cheap_ns || atomic_load(&way->map->advice) == MARRAY_ADVICE_RANDOM)
        return;
    uint64_t first = from_base / marray_os_page_bytes() * marray_os_page_bytes();
    /* Refused, or cut meanwhile: faults will do, and tell. */
    (void)marray_os_advise(way->map->base + first, from_base + bytes - first,
                           MARRAY_ADVICE_POPULATE);
}

/* By what was measured. A store that faults costs its write-back something too: the walk to the
 * map, and a whole dirty folio of up to 2 MiB where a pwrite makes a block dirty. A pwrite on the
 * other hand looks at every block of such a folio (ext4_page_mkwrite and ext4_write_begin in
 * fs/ext4/inode.c). */
static void choose_cheaper(struct marray_way *way)
{
    if (way->buys)
        return;
    marray_way_call(way);
    if (!way->by_calls)
        return;
    if (way->calls_ns == 0) {
        way->is_trial = true;
        return;
    }
    /* Dear calls stay dear; faults are paid once. */
    way->by_calls = !is_dear(way) && way->calls_ns < way->map_ns * (way->writes ? STORE_WEIGHT : 1);
    bool may_try = !way->writes || !way->by_calls;
    if (may_try && ++way->parts % TRIAL_INTERVAL == 0) {
        way->by_calls = !way->by_calls;
        way->is_trial = true;
    }
}

void marray_way_choose(struct marray_way *way)
{
    way->by_calls = false;
    way->is_trial = false;
    if (way->calls == MARRAY_WAY_CLOSED)
        return;
    if (way->prefers_calls && !is_dear(way)) {
        marray_way_call(way);
        way->is_trial = way->calls_ns == 0;
        return;
    }
    if (way->map_ns <= way->cheap_ns)
        way->is_trial = way->map_ns == 0;
    else
        choose_cheaper(way);
}

/* The first transfer takes the file, the last one releases it. */
static bool hold(struct marray_map *map)
{
    /* A child after fork has the same open file, but holders of its own. */
    if (map->process != marray_os_process())
        return false;
    unsigned left = atomic_load(&map->transfers_by_map);
    if (left > 0) {
        atomic_store(&map->transfers_by_map, left - 1);
        return false;
    }
    for (;;) {
        int holders = atomic_load(&map->holders);
        if (holders < 0)
            return false;
        if (!atomic_compare_exchange_weak(&map->holders, &holders, holders > 0 ? holders + 1 : -1))
            continue;
        if (holders > 0)
            return true;
        bool is_held = marray_os_hold_file(map->descriptor) == 0;
        atomic_store(&map->holders, is_held ? 1 : 0);
        return is_held;
    }
}

static void release(struct marray_map *map)
{
    for (;;) {
        int holders = atomic_load(&map->holders);
        if (!atomic_compare_exchange_weak(&map->holders, &holders, holders > 1 ? holders - 1 : -1))
            continue;
        if (holders == 1) {
            if (marray_os_release_file(map->descriptor))
                atomic_store(&map->transfers_by_map, TRANSFERS_BY_MAP);
            atomic_store(&map->holders, 0);
        }
        return;
    }
}

static bool is_whole(const struct marray_map *map)
{
    struct marray_os_status file;
    return marray_os_inspect(map->descriptor, &file) == 0 &&
           file.size_bytes >= map->file_offset + map->size_bytes;
}

void marray_way_close(struct marray_way *way)
{
    if (way->holds)
        release(way->map);
    way->holds = false;
    way->held_bytes = 0;
}

static void close_calls(struct marray_way *way)
{
    marray_way_close(way);
    way->calls = MARRAY_WAY_CLOSED;
    way->by_calls = false;
}

bool marray_way_begin(struct marray_way *way)
{
    if (!way->writes)
        return true;
    if (way->held_bytes >= HOLD_BYTES)
        marray_way_close(way);
    if (way->holds)
        return true;
    way->holds = hold(way->map);
    if (way->holds && is_whole(way->map))
        return true;
    close_calls(way);
    return false;
}

bool marray_way_move(struct marray_way *way, uint64_t from_base, unsigned char *dense,
                     uint64_t bytes)
{
    const struct marray_map *map = way->map;
    uint64_t offset = map->file_offset + from_base;
    size_t moved = 0;
    int status;
    if (way->writes) {
        status = marray_os_write_at(map->descriptor, dense, (size_t)bytes, offset);
        moved = (size_t)bytes;
    } else {
        status = marray_os_read_at(map->descriptor, dense, (size_t)bytes, offset, &moved);
    }
    way->held_bytes += bytes > HOLD_CALL_BYTES ? bytes : HOLD_CALL_BYTES;
    if (!status && moved == bytes)
        return true;
    close_calls(way);
    return false;
}
