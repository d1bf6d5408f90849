/* Seeded pseudo-random numbers, the same on every machine: splitmix64 and xoshiro256**. */
#ifndef MM_COMMON_RANDOM_H
#define MM_COMMON_RANDOM_H

#include <stdint.h>

#include "common/public.h"

/*
 * The finaliser of splitmix64 (Steele, Lea, Flood 2014): a bijection on 64 bits. The word at index
 * i of every data file is mm_random_mix(seed + i): incompressible, and any part of the file can be
 * computed without the rest.
 */
static inline uint64_t mm_random_mix(uint64_t value)
{
    value += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

/* xoshiro256** 1.0 (Blackman, Vigna 2018). Plain data, owned by the caller. */
struct mm_random {
    uint64_t state[4];
};

MM_PUBLIC void mm_random_seed(struct mm_random *random, uint64_t seed);

static inline uint64_t mm_random_next(struct mm_random *random)
{
    uint64_t *s = random->state;
    uint64_t scrambled = s[1] * 5;
    uint64_t result = ((scrambled << 7) | (scrambled >> 57)) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return result;
}

/* Uniform in [0, limit) without bias (Lemire 2019); limit > 0. */
MM_PUBLIC uint64_t mm_random_below(struct mm_random *random, uint64_t limit);

/* Uniform in [0, 1) with 53 bits. */
static inline double mm_random_unit(struct mm_random *random)
{
    return (double)(mm_random_next(random) >> 11) * 0x1.0p-53;
}

/* Fisher-Yates shuffle of count elements of item_bytes each. */
MM_PUBLIC void mm_random_shuffle(struct mm_random *random, void *items, uint64_t count,
                                 uint64_t item_bytes);

#endif
