/* What writing workloads write: words that follow from seed, pass and position alone. */
#include "workloads/support/pattern.h"

#include <stdbool.h>
#include <string.h>

#define WORD_BYTES UINT64_C(8)

void mm_pattern_seed(struct mm_pattern *pattern, uint64_t seed)
{
    pattern->seed = seed;
    for (uint64_t i = 0; i < MM_PATTERN_WORDS; i++)
        pattern->base[i] = mm_random_mix(mm_random_mix(seed) ^ mm_random_mix(i));
}

static inline void put_word(unsigned char *bytes, uint64_t word, bool mix_in)
{
    uint64_t present = 0;
    if (mix_in)
        memcpy(&present, bytes, sizeof(present));
    present ^= word;
    memcpy(bytes, &present, sizeof(present));
}

/* length bytes of the word at position / 8, from position on; they end within that word. */
static void put_part(const struct mm_pattern *pattern, uint64_t key, uint64_t position,
                     unsigned char *bytes, uint64_t length, bool mix_in)
{
    uint64_t word = mm_pattern_word(pattern, key, position / WORD_BYTES);
    unsigned char part[WORD_BYTES];
    memcpy(part, &word, sizeof(part));
    for (uint64_t i = 0; i < length; i++)
        bytes[i] = (unsigned char)((mix_in ? bytes[i] : 0) ^ part[position % WORD_BYTES + i]);
}

/* Whole words from word index on, page of the pattern by page: one key for each inner loop. */
static inline void put_words(const struct mm_pattern *pattern, uint64_t key, uint64_t word_index,
                             unsigned char *bytes, uint64_t words, bool mix_in)
{
    while (words) {
        uint64_t first = word_index % MM_PATTERN_WORDS;
        uint64_t count = MM_PATTERN_WORDS - first < words ? MM_PATTERN_WORDS - first : words;
        uint64_t page_key = mm_pattern_word(pattern, key, word_index) ^ pattern->base[first];
        for (uint64_t i = 0; i < count; i++)
            put_word(bytes + WORD_BYTES * i, pattern->base[first + i] ^ page_key, mix_in);
        bytes += WORD_BYTES * count;
        word_index += count;
        words -= count;
    }
}

static inline void put(const struct mm_pattern *pattern, uint64_t key, uint64_t position,
                       unsigned char *bytes, uint64_t length, bool mix_in)
{
    uint64_t head = (WORD_BYTES - position % WORD_BYTES) % WORD_BYTES;
    if (head > length)
        head = length;
    if (head)
        put_part(pattern, key, position, bytes, head, mix_in);
    position += head;
    bytes += head;
    length -= head;
    put_words(pattern, key, position / WORD_BYTES, bytes, length / WORD_BYTES, mix_in);
    uint64_t tail = length % WORD_BYTES;
    if (tail)
        put_part(pattern, key, position + length - tail, bytes + length - tail, tail, mix_in);
}

void mm_pattern_fill(const struct mm_pattern *pattern, uint64_t key, uint64_t position_bytes,
                     void *bytes, uint64_t length_bytes)
{
    put(pattern, key, position_bytes, bytes, length_bytes, false);
}

void mm_pattern_mix_in(const struct mm_pattern *pattern, uint64_t key, uint64_t position_bytes,
                       void *bytes, uint64_t length_bytes)
{
    put(pattern, key, position_bytes, bytes, length_bytes, true);
}

void mm_pattern_fill_strided(const struct mm_pattern *pattern, uint64_t key,
                             uint64_t position_bytes, int64_t position_stride_bytes,
                             unsigned char *data, int64_t stride_bytes, uint64_t count,
                             uint32_t item_bytes)
{
    bool words = item_bytes == WORD_BYTES && position_bytes % WORD_BYTES == 0 &&
                 position_stride_bytes % (int64_t)WORD_BYTES == 0;
    if (stride_bytes == (int64_t)item_bytes && position_stride_bytes == stride_bytes) {
        mm_pattern_fill(pattern, key, position_bytes, data, count * item_bytes);
        return;
    }
    for (uint64_t i = 0; i < count; i++) {
        uint64_t position = position_bytes + (uint64_t)((int64_t)i * position_stride_bytes);
        unsigned char *item = data + (int64_t)i * stride_bytes;
        if (words)
            put_word(item, mm_pattern_word(pattern, key, position / WORD_BYTES), false);
        else
            mm_pattern_fill(pattern, key, position, item, item_bytes);
    }
}

uint64_t mm_pattern_fingerprint(uint64_t position_bytes, const void *bytes, uint64_t length_bytes)
{
    const unsigned char *from = bytes;
    uint64_t sum = 0;
    for (uint64_t done = 0; done < length_bytes; done += WORD_BYTES) {
        uint64_t left = length_bytes - done;
        uint64_t word = 0;
        if (left >= WORD_BYTES)
            memcpy(&word, from + done, WORD_BYTES);
        else
            memcpy(&word, from + done, left);
        /* Mixed twice, so that no difference of two words cancels that of their positions. */
        sum += mm_random_mix(word ^ mm_random_mix(position_bytes + done));
    }
    return sum;
}
