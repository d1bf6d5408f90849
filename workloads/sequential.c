/* Workload sequential: the whole array, block by block, read, written, or read and changed. */
#include <errno.h>
#include <stdlib.h>

#include "common/text.h"
#include "workloads/support/blocks.h"
#include "workloads/support/pattern.h"
#include "workloads/support/proof.h"
#include "workloads/workload.h"

/* A block is worked through in steps: forward of a page, which is still in the first-level cache
 * when it is changed after it was read; backward of two cache lines, so that the walk goes backward
 * for the processor's prefetcher as well. */
#define FORWARD_STEP_BYTES  UINT64_C(4096)
#define BACKWARD_STEP_BYTES UINT64_C(128)

enum operation { OPERATION_READ, OPERATION_WRITE, OPERATION_CHANGE };
enum direction { DIRECTION_FORWARD, DIRECTION_BACKWARD };

struct options {
    uint32_t operation;
    uint32_t direction;
    uint64_t block_bytes;
};

static const struct mm_parameter parameters[] = {
    {.name = "operation",
     .summary = "read; write; or read-modify-write, which changes each word that it has read",
     .type = MM_PARAMETER_CHOICE,
     .default_text = "read",
     .choices = "read|write|read-modify-write",
     .offset = offsetof(struct options, operation)},
    {.name = "direction",
     .summary = "from the first block to the last, or backward",
     .type = MM_PARAMETER_CHOICE,
     .default_text = "forward",
     .choices = "forward|backward",
     .offset = offsetof(struct options, direction)},
    {.name = "block",
     .summary = "bytes asked for at a time, rounded down to whole elements",
     .type = MM_PARAMETER_SIZE,
     .default_text = "1MiB",
     .minimum = 1,
     .offset = offsetof(struct options, block_bytes)},
};

struct state {
    struct mm_pattern pattern;
    uint64_t pass; /* warm-up passes included */
};

static int plan(const void *options, const struct mm_array *array, struct mm_workload_needs *needs,
                struct mm_error *error)
{
    const struct options *chosen = options;
    (void)error;
    needs->writes = chosen->operation != OPERATION_READ;
    needs->flushes = needs->writes;
    needs->capabilities = needs->writes ? MM_ENGINE_WRITES : 0;
    needs->pattern = MM_PATTERN_SEQUENTIAL;
    needs->largest_borrow_bytes = mm_blocks_of(array, chosen->block_bytes).block_bytes;
    needs->processes = 1;
    needs->bytes_per_pass = array->size_bytes;
    needs->items_per_pass = array->size_bytes / array->item_bytes;
    needs->operations_per_pass = mm_blocks_of(array, chosen->block_bytes).count;
    if (chosen->operation == OPERATION_CHANGE)
        needs->shared_bytes = mm_proof_fingerprints_bytes(array);
    return 0;
}

static int prepare(struct mm_workload_run *run)
{
    const struct options *chosen = run->options;
    struct state *state = malloc(sizeof(*state));
    if (!state)
        return mm_error_set(run->error, -ENOMEM, "no memory for the pattern");
    mm_pattern_seed(&state->pattern, run->seed);
    state->pass = 0;
    run->state = state;
    return chosen->operation == OPERATION_CHANGE ? mm_proof_fingerprints_take(run, run->shared) : 0;
}

static void cleanup(struct mm_workload_run *run)
{
    free(run->state);
    run->state = NULL;
}

/* One step of a block. */
static inline uint64_t step(const struct state *state, uint64_t key, enum operation operation,
                            uint64_t position, unsigned char *data, uint64_t length,
                            uint32_t item_bytes)
{
    uint64_t sum = 0;
    if (operation != OPERATION_WRITE)
        sum = mm_workload_checksum(data, length, item_bytes);
    if (operation == OPERATION_WRITE)
        mm_pattern_fill(&state->pattern, key, position, data, length);
    if (operation == OPERATION_CHANGE)
        mm_pattern_mix_in(&state->pattern, key, position, data, length);
    return sum;
}

static uint64_t work_block(const struct mm_workload_run *run, uint64_t key, uint64_t position,
                           unsigned char *data, uint64_t length)
{
    const struct options *chosen = run->options;
    uint32_t item_bytes = run->array->item_bytes;
    bool forward = chosen->direction == DIRECTION_FORWARD;
    uint64_t step_bytes = forward ? FORWARD_STEP_BYTES : BACKWARD_STEP_BYTES;
    uint64_t sum = 0;

    if (chosen->operation == OPERATION_READ && forward)
        return mm_workload_checksum(data, length, item_bytes);
    step_bytes = step_bytes > item_bytes ? step_bytes - step_bytes % item_bytes : item_bytes;
    for (uint64_t done = 0; done < length; done += step_bytes) {
        uint64_t part = length - done < step_bytes ? length - done : step_bytes;
        uint64_t at = forward ? done : length - done - part;
        sum += step(run->state, key, (enum operation)chosen->operation, position + at, data + at,
                    part, item_bytes);
    }
    return sum;
}

static int touch(struct mm_workload_run *run)
{
    static const enum mm_engine_access access_of[] = {MM_ACCESS_READ, MM_ACCESS_WRITE,
                                                      MM_ACCESS_READ_WRITE};
    const struct options *chosen = run->options;
    struct state *state = run->state;
    struct mm_blocks blocks = mm_blocks_of(run->array, chosen->block_bytes);
    uint64_t key = mm_pattern_key(&state->pattern, state->pass);
    enum mm_engine_access access = access_of[chosen->operation];
    bool forward = chosen->direction == DIRECTION_FORWARD;

    int status = 0;

    for (uint64_t i = 0; status == 0 && i < blocks.count; i++) {
        struct mm_region region = mm_blocks_region(&blocks, forward ? i : blocks.count - 1 - i);
        struct mm_span span;
        mm_operation_begin(run);
        status = mm_blocks_announce(run, &blocks, access, forward, i);
        if (status == 0)
            status = run->engine->borrow(run->file, &region, access, &span, run->error);
        if (status)
            return status;
        run->checksum += work_block(run, key, region.offset_bytes, span.data, region.count[0]);
        status = run->engine->give_back(run->file, &span, run->error);
        mm_operation_mark(run, MM_LATENCY_TOUCH);
        mm_workload_advance(run, region.count[0], region.count[0] / run->array->item_bytes);
    }
    state->pass++;
    return status;
}

static int verify(struct mm_workload_run *run)
{
    const struct options *chosen = run->options;
    struct mm_proof_items all = mm_proof_items_of_range(run->array, 0, run->array->size_bytes);
    uint64_t passes = mm_proof_all_passes(run);
    uint64_t checksum = 0;
    int status = 0;

    switch (chosen->operation) {
    case OPERATION_READ:
        status = mm_proof_checksum(run, MM_PROOF_REFERENCE, &all, &checksum);
        run->expected_checksum = checksum * run->passes;
        return status;
    case OPERATION_WRITE:
        run->expected_checksum = 0;
        return passes ? mm_proof_pattern(run, &all, run->seed, passes - 1) : 0;
    default:
        return mm_proof_mixed_in(run, run->shared);
    }
}

const struct mm_workload mm_workload_sequential = {
    .abi_version = MM_WORKLOAD_ABI_VERSION,
    .size_bytes = sizeof(struct mm_workload),
    .name = "sequential",
    .summary = "the whole array, block by block: read, written, or read and changed",
    .parameters = parameters,
    .parameter_count = MM_COUNT_OF(parameters),
    .options_bytes = sizeof(struct options),
    .plan = plan,
    .prepare = prepare,
    .touch = touch,
    .cleanup = cleanup,
    .verify = verify,
};
