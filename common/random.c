/* Seeding, bounded numbers and shuffling. */
#include "common/random.h"

#include <string.h>

void mm_random_seed(struct mm_random *random, uint64_t seed)
{
    /* Consecutive outputs of splitmix64, as the authors of xoshiro recommend. */
    for (unsigned i = 0; i < 4; i++)
        random->state[i] = mm_random_mix(seed + i * UINT64_C(0x9e3779b97f4a7c15));
}

uint64_t mm_random_below(struct mm_random *random, uint64_t limit)
{
    __extension__ typedef unsigned __int128 uint128;
    uint128 product = (uint128)mm_random_next(random) * limit;
    if ((uint64_t)product < limit) {
        uint64_t threshold = (0 - limit) % limit;
        while ((uint64_t)product < threshold)
            product = (uint128)mm_random_next(random) * limit;
    }
    return (uint64_t)(product >> 64);
}

static void swap_bytes(unsigned char *a, unsigned char *b, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        unsigned char kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

void mm_random_shuffle(struct mm_random *random, void *items, uint64_t count, uint64_t item_bytes)
{
    unsigned char *bytes = items;
    for (uint64_t i = count; i > 1; i--) {
        uint64_t j = mm_random_below(random, i);
        if (j != i - 1)
            swap_bytes(bytes + j * item_bytes, bytes + (i - 1) * item_bytes, item_bytes);
    }
}
