/* An array cut into blocks of whole elements. */
#include "workloads/support/blocks.h"

struct mm_blocks mm_blocks_of_part(const struct mm_array *array, uint64_t start_bytes,
                                   uint64_t size_bytes, uint64_t wanted_bytes)
{
    struct mm_blocks blocks = {.start_bytes = start_bytes, .size_bytes = size_bytes};
    blocks.block_bytes = wanted_bytes < size_bytes ? wanted_bytes : size_bytes;
    blocks.block_bytes -= blocks.block_bytes % array->item_bytes;
    if (blocks.block_bytes == 0)
        blocks.block_bytes = array->item_bytes;
    blocks.count = size_bytes / blocks.block_bytes + (size_bytes % blocks.block_bytes != 0);
    return blocks;
}

struct mm_blocks mm_blocks_of(const struct mm_array *array, uint64_t wanted_bytes)
{
    return mm_blocks_of_part(array, 0, array->size_bytes, wanted_bytes);
}

struct mm_region mm_blocks_region(const struct mm_blocks *blocks, uint64_t index)
{
    uint64_t offset = index * blocks->block_bytes;
    uint64_t length = blocks->size_bytes - offset;
    return mm_region_of_bytes(blocks->start_bytes + offset,
                              length < blocks->block_bytes ? length : blocks->block_bytes);
}

int mm_blocks_announce(struct mm_workload_run *run, const struct mm_blocks *blocks,
                       enum mm_engine_access access, bool forward, uint64_t step)
{
    uint64_t whole = blocks->size_bytes / blocks->block_bytes;
    /* Going backward the shorter block comes first. */
    uint64_t announced_at = forward ? 0 : blocks->count - whole;
    if (!run->engine->expect || whole == 0 || step != announced_at)
        return 0;
    struct mm_engine_walk walk = {
        .first = mm_blocks_region(blocks, forward ? 0 : whole - 1),
        .step_bytes = forward ? (int64_t)blocks->block_bytes : -(int64_t)blocks->block_bytes,
        .steps = whole,
        .access = access,
    };
    return run->engine->expect(run->file, &walk, run->error);
}
