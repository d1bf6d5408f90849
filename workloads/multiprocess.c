/* Workload multiprocess: several processes on one array: disjoint parts, shared reads, counters. */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/random.h"
#include "common/text.h"
#include "workloads/support/blocks.h"
#include "workloads/support/pattern.h"
#include "workloads/support/proof.h"
#include "workloads/workload.h"

/* Shared counters stand this far apart, so that two of them share pages but no cache line. */
#define COUNTER_STRIDE_BYTES UINT64_C(64)
#define SHOW_EVERY           UINT64_C(4096) /* updates between two signs of progress */

enum pattern { PATTERN_PARTS, PATTERN_SHARED_READ, PATTERN_CONTENDED };
enum lock { LOCK_NONE, LOCK_ARRAY, LOCK_RANGE };
enum who_flushes { FLUSH_EACH, FLUSH_ONE, FLUSH_NONE };

struct options {
    uint64_t processes;
    uint32_t pattern;
    uint32_t lock;
    uint32_t flush;
    uint64_t block_bytes;
    uint64_t counters;
    uint64_t operations;
};

static const struct mm_parameter parameters[] = {
    {.name = "processes",
     .summary = "how many processes work on the array, each with its own open",
     .type = MM_PARAMETER_COUNT,
     .default_text = "2",
     .minimum = 1,
     .maximum = 256,
     .offset = offsetof(struct options, processes)},
    {.name = "pattern",
     .summary = "parts: each writes its own part; shared-read: all read all of it; contended: all "
                "count up the same counters",
     .type = MM_PARAMETER_CHOICE,
     .default_text = "parts",
     .choices = "parts|shared-read|contended",
     .offset = offsetof(struct options, pattern)},
    {.name = "lock",
     .summary = "held around every block or update: none, of the whole array, or of its bytes",
     .type = MM_PARAMETER_CHOICE,
     .default_text = "none",
     .choices = "none|array|range",
     .offset = offsetof(struct options, lock)},
    {.name = "flush",
     .summary = "each: every process what it wrote; one: the first process everything, when all "
                "have written; none",
     .type = MM_PARAMETER_CHOICE,
     .default_text = "each",
     .choices = "each|one|none",
     .offset = offsetof(struct options, flush)},
    {.name = "block",
     .summary = "bytes written or read at a time, rounded down to whole elements",
     .type = MM_PARAMETER_SIZE,
     .default_text = "64KiB",
     .minimum = 1,
     .offset = offsetof(struct options, block_bytes)},
    {.name = "counters",
     .summary = "contended: how many counters there are, 64 bytes apart from the array's start",
     .type = MM_PARAMETER_COUNT,
     .default_text = "8",
     .minimum = 1,
     .maximum = 4096,
     .offset = offsetof(struct options, counters)},
    {.name = "operations",
     .summary = "contended: updates of each process in one pass",
     .type = MM_PARAMETER_COUNT,
     .default_text = "20000",
     .minimum = 1,
     .maximum = UINT64_C(1) << 32,
     .offset = offsetof(struct options, operations)},
};

/* In run->shared: common to all processes. */
struct shared {
    _Atomic uint64_t finished; /* passes that processes have come through, summed over them */
    _Atomic uint64_t read_sum; /* contended with a lock: the sum of all values read */
    uint64_t initial[];        /* of each counter */
};

struct state {
    struct mm_pattern pattern;
    uint64_t pass; /* warm-up passes included */
};

/* The elements [first, end) of peer as a range of bytes. */
static struct mm_blocks part_of(const struct options *options, const struct mm_array *array,
                                uint64_t peer)
{
    uint64_t elements = array->size_bytes / array->item_bytes;
    uint64_t share = elements / options->processes;
    uint64_t rest = elements % options->processes;
    uint64_t first = peer * share + (peer < rest ? peer : rest);
    uint64_t count = share + (peer < rest);
    return mm_blocks_of_part(array, first * array->item_bytes, count * array->item_bytes,
                             options->block_bytes);
}

/* Blocks that all processes together ask for in one pass. */
static uint64_t count_blocks(const struct options *options, const struct mm_array *array)
{
    uint64_t count = 0;
    if (options->pattern == PATTERN_SHARED_READ)
        return options->processes * mm_blocks_of(array, options->block_bytes).count;
    for (uint64_t peer = 0; peer < options->processes; peer++)
        count += part_of(options, array, peer).count;
    return count;
}

static void plan_contended(const struct options *options, struct mm_workload_needs *needs)
{
    needs->pattern = MM_PATTERN_RANDOM;
    needs->largest_borrow_bytes = sizeof(uint64_t);
    needs->shared_bytes += options->counters * sizeof(uint64_t);
    needs->items_per_pass = options->processes * options->operations;
    needs->bytes_per_pass = needs->items_per_pass * sizeof(uint64_t);
    needs->operations_per_pass = needs->items_per_pass;
}

static int plan(const void *options, const struct mm_array *array, struct mm_workload_needs *needs,
                struct mm_error *error)
{
    const struct options *chosen = options;
    uint64_t elements = array->size_bytes / array->item_bytes;
    bool contended = chosen->pattern == PATTERN_CONTENDED;
    if (contended && chosen->counters * COUNTER_STRIDE_BYTES > array->size_bytes)
        return mm_error_set(error, -EINVAL,
                            "parameter 'counters': %" PRIu64
                            " counters 64 bytes apart do not fit into %" PRIu64 " bytes",
                            chosen->counters, array->size_bytes);
    if (elements < chosen->processes)
        return mm_error_set(error, -EINVAL,
                            "parameter 'processes': %" PRIu64 " cannot share %" PRIu64 " elements",
                            chosen->processes, elements);
    needs->processes = (uint32_t)chosen->processes;
    needs->writes = chosen->pattern != PATTERN_SHARED_READ;
    needs->flushes = needs->writes && chosen->flush != FLUSH_NONE;
    needs->shared_bytes = sizeof(struct shared);
    if (needs->writes)
        needs->capabilities |= MM_ENGINE_WRITES;
    if (chosen->processes > 1)
        needs->capabilities |= MM_ENGINE_MULTIPROCESS;
    if (chosen->lock != LOCK_NONE)
        needs->capabilities |= MM_ENGINE_LOCKS;
    if (contended) {
        plan_contended(chosen, needs);
        return 0;
    }
    uint64_t readers = chosen->pattern == PATTERN_SHARED_READ ? chosen->processes : 1;
    needs->pattern = MM_PATTERN_SEQUENTIAL;
    needs->largest_borrow_bytes = mm_blocks_of(array, chosen->block_bytes).block_bytes;
    needs->items_per_pass = readers * elements;
    needs->bytes_per_pass = readers * array->size_bytes;
    needs->operations_per_pass = count_blocks(chosen, array);
    return 0;
}

static int prepare(struct mm_workload_run *run)
{
    const struct options *chosen = run->options;
    struct shared *shared = run->shared;
    struct state *state = malloc(sizeof(*state));
    int status = 0;
    if (!state)
        return mm_error_set(run->error, -ENOMEM, "no memory for the pattern");
    mm_pattern_seed(&state->pattern, run->seed);
    state->pass = 0;
    run->state = state;
    if (chosen->pattern != PATTERN_CONTENDED || run->peer != 0)
        return 0;
    for (uint64_t i = 0; status == 0 && i < chosen->counters; i++)
        status = run->host->read_back(run, i * COUNTER_STRIDE_BYTES, sizeof(uint64_t),
                                      &shared->initial[i]);
    return status;
}

static void cleanup(struct mm_workload_run *run)
{
    free(run->state);
    run->state = NULL;
}

static int ask_for_lock(struct mm_workload_run *run, uint64_t offset_bytes, uint64_t length_bytes,
                        bool exclusive)
{
    const struct options *chosen = run->options;
    if (chosen->lock == LOCK_ARRAY)
        return run->engine->lock(run->file, 0, 0, exclusive, run->error);
    return run->engine->lock(run->file, offset_bytes, length_bytes, exclusive, run->error);
}

/* Takes the lock that the case asks for around bytes [offset, offset + length). */
static int lock(struct mm_workload_run *run, uint64_t offset_bytes, uint64_t length_bytes,
                bool exclusive)
{
    const struct options *chosen = run->options;
    if (chosen->lock == LOCK_NONE)
        return 0;
    int status = ask_for_lock(run, offset_bytes, length_bytes, exclusive);
    mm_operation_mark(run, MM_LATENCY_LOCK);
    return status;
}

static int unlock(struct mm_workload_run *run, uint64_t offset_bytes, uint64_t length_bytes)
{
    const struct options *chosen = run->options;
    if (chosen->lock == LOCK_NONE)
        return 0;
    if (chosen->lock == LOCK_ARRAY)
        return run->engine->unlock(run->file, 0, 0, run->error);
    return run->engine->unlock(run->file, offset_bytes, length_bytes, run->error);
}

/* Writes or reads one block; the caller holds the lock. */
static int work_block(struct mm_workload_run *run, const struct state *state, uint64_t key,
                      const struct mm_region *region, enum mm_engine_access access)
{
    struct mm_span span;
    int status = run->engine->borrow(run->file, region, access, &span, run->error);
    if (status)
        return status;
    if (access == MM_ACCESS_READ)
        run->checksum += mm_workload_checksum(span.data, region->count[0], run->array->item_bytes);
    else
        mm_pattern_fill(&state->pattern, key, region->offset_bytes, span.data, region->count[0]);
    mm_workload_advance(run, region->count[0], region->count[0] / run->array->item_bytes);
    return run->engine->give_back(run->file, &span, run->error);
}

static int touch_blocks(struct mm_workload_run *run, const struct state *state,
                        const struct mm_blocks *blocks, enum mm_engine_access access)
{
    uint64_t key = mm_pattern_key(&state->pattern, state->pass);
    int status = 0;
    for (uint64_t i = 0; status == 0 && i < blocks->count; i++) {
        struct mm_region region = mm_blocks_region(blocks, i);
        uint64_t start = region.offset_bytes;
        uint64_t length = region.count[0];
        mm_operation_begin(run);
        status = mm_blocks_announce(run, blocks, access, true, i);
        if (status == 0)
            status = lock(run, start, length, access != MM_ACCESS_READ);
        if (status)
            return status;
        status = work_block(run, state, key, &region, access);
        int unlocked = unlock(run, start, length);
        status = status ? status : unlocked;
        mm_operation_mark(run, MM_LATENCY_TOUCH);
    }
    return status;
}

/* One load, one addition, one store: what the source of a program without atomics says. */
static inline uint64_t count_up(unsigned char *counter)
{
    uint64_t value;
    memcpy(&value, counter, sizeof(value));
    __asm__ volatile("" ::: "memory"); /* the load stands before, the store after the addition */
    uint64_t next = value + 1;
    memcpy(counter, &next, sizeof(next));
    __asm__ volatile("" ::: "memory");
    return value;
}

static void seed_operations(const struct mm_workload_run *run, uint64_t peer, uint64_t pass,
                            struct mm_random *random)
{
    mm_random_seed(random, mm_random_mix(run->seed + mm_random_mix(peer)) + pass);
}

/* One update under the lock; counters is the lent array where it is lent in place, else NULL. */
static int update(struct mm_workload_run *run, uint64_t index, unsigned char *counters,
                  uint64_t *value)
{
    uint64_t offset = index * COUNTER_STRIDE_BYTES;
    struct mm_region region = mm_region_of_bytes(offset, sizeof(uint64_t));
    struct mm_span span;
    int status = lock(run, offset, sizeof(uint64_t), true);
    if (status)
        return status;
    if (counters) {
        *value = count_up(counters + offset);
    } else {
        status = run->engine->borrow(run->file, &region, MM_ACCESS_READ_WRITE, &span, run->error);
        if (status == 0) {
            *value = count_up(span.data);
            status = run->engine->give_back(run->file, &span, run->error);
        }
    }
    int unlocked = unlock(run, offset, sizeof(uint64_t));
    return status ? status : unlocked;
}

static int touch_counters(struct mm_workload_run *run, const struct state *state)
{
    const struct options *chosen = run->options;
    struct shared *shared = run->shared;
    bool in_place = run->engine->capabilities & MM_ENGINE_IN_PLACE;
    struct mm_region all = mm_region_of_bytes(0, chosen->counters * COUNTER_STRIDE_BYTES);
    struct mm_span span = {.data = NULL};
    struct mm_random random;
    uint64_t since = 0; /* updates that no observer has seen yet */
    uint64_t sum = 0;
    int status = 0;

    seed_operations(run, run->peer, state->pass, &random);
    if (in_place)
        status = run->engine->borrow(run->file, &all, MM_ACCESS_READ_WRITE, &span, run->error);
    for (uint64_t i = 0; status == 0 && i < chosen->operations; i++) {
        uint64_t value = 0;
        mm_operation_begin(run);
        status = update(run, mm_random_below(&random, chosen->counters), span.data, &value);
        mm_operation_mark(run, MM_LATENCY_TOUCH);
        sum += value;
        if (++since == SHOW_EVERY || i + 1 == chosen->operations) {
            mm_workload_advance(run, since * sizeof(uint64_t), since);
            since = 0;
        }
    }
    if (status)
        return status;
    atomic_fetch_add(&shared->read_sum, sum);
    /* What is read depends on who comes first; what is sure is that each update adds one. */
    run->checksum += chosen->operations;
    return in_place ? run->engine->give_back(run->file, &span, run->error) : 0;
}

/* The first process flushes for all, so all must have come through this pass. */
static void wait_for_all(const struct mm_workload_run *run, uint64_t passes)
{
    struct shared *shared = run->shared;
    while (atomic_load(&shared->finished) < passes * run->peers)
        sched_yield();
}

static int touch(struct mm_workload_run *run)
{
    const struct options *chosen = run->options;
    struct shared *shared = run->shared;
    struct state *state = run->state;
    struct mm_blocks blocks;
    int status = 0;
    switch (chosen->pattern) {
    case PATTERN_PARTS:
        blocks = part_of(chosen, run->array, run->peer);
        status = touch_blocks(run, state, &blocks, MM_ACCESS_WRITE);
        break;
    case PATTERN_SHARED_READ:
        blocks = mm_blocks_of(run->array, chosen->block_bytes);
        status = touch_blocks(run, state, &blocks, MM_ACCESS_READ);
        break;
    default:
        status = touch_counters(run, state);
        break;
    }
    state->pass++;
    atomic_fetch_add(&shared->finished, 1); /* also after an error: nobody shall wait for ever */
    if (status == 0 && run->needs->flushes && chosen->flush == FLUSH_ONE && run->peer == 0)
        wait_for_all(run, state->pass);
    return status;
}

static int flush(struct mm_workload_run *run)
{
    const struct options *chosen = run->options;
    struct mm_region region = mm_region_of_bytes(0, chosen->counters * COUNTER_STRIDE_BYTES);
    if (chosen->flush == FLUSH_ONE)
        return run->peer == 0 ? run->host->flush(run, NULL) : 0;
    if (chosen->pattern == PATTERN_PARTS) {
        struct mm_blocks part = part_of(chosen, run->array, run->peer);
        region = mm_region_of_bytes(part.start_bytes, part.size_bytes);
    }
    return run->host->flush(run, &region);
}

/* How often each counter was counted up, over all processes and passes. */
static void count_updates(const struct mm_workload_run *run, uint64_t *updates)
{
    const struct options *chosen = run->options;
    for (uint64_t peer = 0; peer < chosen->processes; peer++) {
        for (uint64_t pass = 0; pass < mm_proof_all_passes(run); pass++) {
            struct mm_random random;
            seed_operations(run, peer, pass, &random);
            for (uint64_t i = 0; i < chosen->operations; i++)
                updates[mm_random_below(&random, chosen->counters)]++;
        }
    }
}

/* initial + (initial + 1) + ... over the updates of one counter: what they read one by one. */
static uint64_t sum_of_reads(uint64_t initial, uint64_t updates)
{
    uint64_t pairs = updates % 2 ? (updates - 1) / 2 * updates : updates / 2 * (updates - 1);
    return initial * updates + pairs;
}

static int judge_counters(struct mm_workload_run *run, uint64_t lost, uint64_t all,
                          uint64_t read_sum)
{
    const struct options *chosen = run->options;
    struct shared *shared = run->shared;
    /* A store that crosses a cache line can be torn, so the count may even be too high. */
    run->host->report(run, "lost_updates", (double)(int64_t)lost);
    if (chosen->lock == LOCK_NONE && chosen->processes > 1)
        return 0;
    if (lost)
        return mm_error_set(
            run->error, -EBADMSG,
            "%" PRId64 " of %" PRIu64 " updates were lost although every one %s", (int64_t)lost,
            all, chosen->lock == LOCK_NONE ? "came from one process" : "was made under a lock");
    if (atomic_load(&shared->read_sum) != read_sum)
        return mm_error_set(run->error, -EBADMSG,
                            "the counters end right, but updates have read wrong values");
    return 0;
}

static int verify_counters(struct mm_workload_run *run)
{
    const struct options *chosen = run->options;
    struct shared *shared = run->shared;
    uint64_t lost = 0;
    uint64_t all = 0;
    uint64_t read_sum = 0;
    int status = 0;
    uint64_t *updates = calloc(chosen->counters, sizeof(*updates));
    if (!updates)
        return mm_error_set(run->error, -ENOMEM, "no memory to verify the counters");
    count_updates(run, updates);
    for (uint64_t i = 0; status == 0 && i < chosen->counters; i++) {
        uint64_t found = 0;
        status = run->host->read_back(run, i * COUNTER_STRIDE_BYTES, sizeof(found), &found);
        lost += updates[i] - (found - shared->initial[i]);
        all += updates[i];
        read_sum += sum_of_reads(shared->initial[i], updates[i]);
    }
    free(updates);
    run->expected_checksum = run->passes * chosen->processes * chosen->operations;
    return status ? status : judge_counters(run, lost, all, read_sum);
}

static int verify(struct mm_workload_run *run)
{
    const struct options *chosen = run->options;
    struct mm_proof_items all = mm_proof_items_of_range(run->array, 0, run->array->size_bytes);
    uint64_t passes = mm_proof_all_passes(run);
    uint64_t checksum = 0;
    int status = 0;
    switch (chosen->pattern) {
    case PATTERN_PARTS:
        run->expected_checksum = 0;
        return passes ? mm_proof_pattern(run, &all, run->seed, passes - 1) : 0;
    case PATTERN_SHARED_READ:
        status = mm_proof_checksum(run, MM_PROOF_REFERENCE, &all, &checksum);
        run->expected_checksum = checksum * run->passes * chosen->processes;
        return status;
    default:
        return verify_counters(run);
    }
}

const struct mm_workload mm_workload_multiprocess = {
    .abi_version = MM_WORKLOAD_ABI_VERSION,
    .size_bytes = sizeof(struct mm_workload),
    .name = "multiprocess",
    .summary = "several processes on one array: disjoint parts, shared reads, contended counters",
    .parameters = parameters,
    .parameter_count = MM_COUNT_OF(parameters),
    .options_bytes = sizeof(struct options),
    .plan = plan,
    .prepare = prepare,
    .touch = touch,
    .flush = flush,
    .cleanup = cleanup,
    .verify = verify,
};
