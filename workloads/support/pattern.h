/*
 * What writing workloads write: words that follow from seed, pass and position alone, do not
 * compress, and are made at the speed of memory.
 */
#ifndef MM_WORKLOADS_SUPPORT_PATTERN_H
#define MM_WORKLOADS_SUPPORT_PATTERN_H

#include <stdint.h>

#include "common/random.h"

#define MM_PATTERN_WORDS UINT64_C(512) /* 4 KiB: stays in the first-level cache */

/*
 * The word at word index w of the array's data in pass p is
 * base[w % MM_PATTERN_WORDS] ^ (p's key + (w / MM_PATTERN_WORDS) * an odd constant):
 * a random page, changed for each page by a key of its own. Plain data, owned by the caller.
 */
struct mm_pattern {
    uint64_t seed;
    uint64_t base[MM_PATTERN_WORDS];
};

void mm_pattern_seed(struct mm_pattern *pattern, uint64_t seed);

/* The key of one pass (counted from 0, warm-up passes included). */
static inline uint64_t mm_pattern_key(const struct mm_pattern *pattern, uint64_t pass)
{
    return mm_random_mix(mm_random_mix(pattern->seed) + pass);
}

static inline uint64_t mm_pattern_word(const struct mm_pattern *pattern, uint64_t key,
                                       uint64_t word_index)
{
    return pattern->base[word_index % MM_PATTERN_WORDS] ^
           (key + word_index / MM_PATTERN_WORDS * UINT64_C(0x9e3779b97f4a7c15));
}

/* The bytes [position_bytes, +length_bytes) of the array's data; any alignment of all three. */
void mm_pattern_fill(const struct mm_pattern *pattern, uint64_t key, uint64_t position_bytes,
                     void *bytes, uint64_t length_bytes);

/* bytes ^= the pattern there: its own inverse. */
void mm_pattern_mix_in(const struct mm_pattern *pattern, uint64_t key, uint64_t position_bytes,
                       void *bytes, uint64_t length_bytes);

/* count items of item_bytes: item i is at data + i * stride_bytes and at position_bytes + i *
 * position_stride_bytes of the array. */
void mm_pattern_fill_strided(const struct mm_pattern *pattern, uint64_t key,
                             uint64_t position_bytes, int64_t position_stride_bytes,
                             unsigned char *data, int64_t stride_bytes, uint64_t count,
                             uint32_t item_bytes);

/* A 64-bit value that depends on every byte and on where it stands: equal contents at equal
 * positions, and practically only those, have equal fingerprints. */
uint64_t mm_pattern_fingerprint(uint64_t position_bytes, const void *bytes, uint64_t length_bytes);

#endif
