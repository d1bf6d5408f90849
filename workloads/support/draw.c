/* The operations of a random workload: which blocks, in which order, read or written. */
#include "workloads/support/draw.h"

#include "common/random.h"
#include "workloads/support/zipf.h"

uint64_t mm_draw_batch_count(const struct mm_draw *draw)
{
    return draw->operations / draw->batch + (draw->operations % draw->batch != 0);
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Steps of about count times the golden ratio leave the most even gaps (three-distance theorem). */
static uint64_t spread_step(uint64_t count)
{
    uint64_t step = (uint64_t)((double)count * 0.6180339887498949);
    if (step < 1)
        step = 1;
    while (common_divisor(step, count) != 1)
        step++;
    return step;
}

static uint64_t spread(uint64_t index, uint64_t step, uint64_t count, uint64_t seed)
{
    return (uint64_t)(((unsigned __int128)index * step + mm_random_mix(seed)) % count);
}

uint64_t mm_draw_spread(uint64_t index, uint64_t count, uint64_t seed)
{
    return spread(index, spread_step(count), count, seed);
}

void mm_draw_list(const struct mm_draw *draw, uint64_t *blocks, struct mm_draw_batch *batches)
{
    struct mm_random random;
    struct mm_zipf zipf;
    uint64_t step = spread_step(draw->block_count);

    mm_random_seed(&random, draw->seed);
    if (draw->zipf_exponent > 0)
        mm_zipf_init(&zipf, draw->block_count, draw->zipf_exponent);
    for (uint64_t first = 0; first < draw->operations; first += draw->batch) {
        uint64_t left = draw->operations - first;
        uint64_t size = left < draw->batch ? left : draw->batch;
        struct mm_draw_batch *batch = batches++;
        *batch = (struct mm_draw_batch){0};
        for (uint64_t i = 0; i < size; i++) {
            uint64_t block = draw->zipf_exponent > 0 ? spread(mm_zipf_next(&zipf, &random), step,
                                                              draw->block_count, draw->seed)
                                                     : mm_random_below(&random, draw->block_count);
            if (draw->write_share > 0 && mm_random_unit(&random) < draw->write_share)
                blocks[first + size - 1 - batch->writes++] = block;
            else
                blocks[first + batch->reads++] = block;
        }
    }
}
