/* The checksum that proves reads, at the speed of memory. */
#include <string.h>

#include "workloads/workload.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the checksum is defined on little-endian words; this machine would need byte swaps"
#endif

/* How many 8-byte words the lanes below can take before one overflows. */
#define BYTE_RUN_WORDS  128   /* 128 x 2 x 255 fits 16 bits */
#define SHORT_RUN_WORDS 32768 /* 32768 x 2 x 65535 fits 32 bits */

static inline uint64_t load_word(const unsigned char *data)
{
    uint64_t word;
    memcpy(&word, data, sizeof(word));
    return word;
}

static uint64_t sum_of_8(const unsigned char *data, size_t words)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < words; i++)
        sum += load_word(data + 8 * i);
    return sum;
}

/* The narrower widths go over 8-byte words too and add up lanes within them: every compiler turns
 * that into vector code. */
static uint64_t sum_of_4(const unsigned char *data, size_t words)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < words; i++) {
        uint64_t word = load_word(data + 8 * i);
        sum += (word & UINT64_C(0xffffffff)) + (word >> 32);
    }
    return sum;
}

static uint64_t sum_of_2(const unsigned char *data, size_t words)
{
    const uint64_t mask = UINT64_C(0x0000ffff0000ffff);
    uint64_t sum = 0;
    while (words) {
        size_t run = words < SHORT_RUN_WORDS ? words : SHORT_RUN_WORDS;
        uint64_t lanes = 0;
        for (size_t i = 0; i < run; i++) {
            uint64_t word = load_word(data + 8 * i);
            lanes += (word & mask) + ((word >> 16) & mask);
        }
        sum += (lanes & UINT64_C(0xffffffff)) + (lanes >> 32);
        data += 8 * run;
        words -= run;
    }
    return sum;
}

static uint64_t sum_of_1(const unsigned char *data, size_t words)
{
    const uint64_t mask = UINT64_C(0x00ff00ff00ff00ff);
    const uint64_t pairs = UINT64_C(0x0000ffff0000ffff);
    uint64_t sum = 0;
    while (words) {
        size_t run = words < BYTE_RUN_WORDS ? words : BYTE_RUN_WORDS;
        uint64_t lanes = 0;
        for (size_t i = 0; i < run; i++) {
            uint64_t word = load_word(data + 8 * i);
            lanes += (word & mask) + ((word >> 8) & mask);
        }
        lanes = (lanes & pairs) + ((lanes >> 16) & pairs);
        sum += (lanes & UINT64_C(0xffffffff)) + (lanes >> 32);
        data += 8 * run;
        words -= run;
    }
    return sum;
}

/* The largest of 8, 4, 2 and 1 that divides item_bytes. */
static uint32_t word_width(uint32_t item_bytes)
{
    uint32_t width = 8;
    while (item_bytes % width)
        width /= 2;
    return width;
}

static uint64_t load_narrow(const unsigned char *data, uint32_t width)
{
    uint64_t value = 0;
    memcpy(&value, data, width);
    return value;
}

uint64_t mm_workload_checksum(const void *data, uint64_t length_bytes, uint32_t item_bytes)
{
    const unsigned char *bytes = data;
    uint32_t width = word_width(item_bytes);
    size_t words = length_bytes / 8;
    uint64_t sum = 0;

    switch (width) {
    case 8:
        sum = sum_of_8(bytes, words);
        break;
    case 4:
        sum = sum_of_4(bytes, words);
        break;
    case 2:
        sum = sum_of_2(bytes, words);
        break;
    default:
        sum = sum_of_1(bytes, words);
        break;
    }
    for (uint64_t done = 8 * words; done + width <= length_bytes; done += width)
        sum += load_narrow(bytes + done, width);
    return sum;
}

static inline uint64_t strided(const unsigned char *data, uint64_t count, int64_t stride_bytes,
                               uint32_t width)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++)
        sum += load_narrow(data + (int64_t)i * stride_bytes, width);
    return sum;
}

uint64_t mm_workload_checksum_strided(const unsigned char *data, uint64_t count,
                                      int64_t stride_bytes, uint32_t item_bytes)
{
    uint64_t sum = 0;
    if (stride_bytes == (int64_t)item_bytes)
        return mm_workload_checksum(data, count * item_bytes, item_bytes);
    /* The widths as constants, so that each loop has its own load. */
    switch (item_bytes) {
    case 8:
        return strided(data, count, stride_bytes, 8);
    case 4:
        return strided(data, count, stride_bytes, 4);
    case 2:
        return strided(data, count, stride_bytes, 2);
    case 1:
        return strided(data, count, stride_bytes, 1);
    default:
        for (uint64_t i = 0; i < count; i++)
            sum += mm_workload_checksum(data + (int64_t)i * stride_bytes, item_bytes, item_bytes);
        return sum;
    }
}
