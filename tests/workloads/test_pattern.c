/* The pattern that is written: the same whatever the pieces, its own inverse, not compressible. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/text.h"
#include "workloads/support/pattern.h"

#define LENGTH 20000

static struct mm_pattern pattern;

static int seed(void **state)
{
    (void)state;
    mm_pattern_seed(&pattern, 11);
    return 0;
}

static unsigned char byte_at(uint64_t key, uint64_t position)
{
    return (unsigned char)(mm_pattern_word(&pattern, key, position / 8) >> (position % 8 * 8));
}

static void any_piece_is_a_part_of_the_whole(void **state)
{
    static unsigned char piece[LENGTH];
    uint64_t key = mm_pattern_key(&pattern, 3);
    (void)state;
    for (uint64_t start = 0; start < 20; start++) {
        for (uint64_t length = 0; length < 40; length++) {
            mm_pattern_fill(&pattern, key, 4090 + start, piece + start % 8, length);
            for (uint64_t i = 0; i < length; i++)
                assert_int_equal(piece[start % 8 + i], byte_at(key, 4090 + start + i));
        }
    }
    mm_pattern_fill(&pattern, key, 123, piece, LENGTH);
    for (uint64_t i = 0; i < LENGTH; i++)
        assert_int_equal(piece[i], byte_at(key, 123 + i));
}

static void fill_touches_nothing_else(void **state)
{
    unsigned char piece[64];
    (void)state;
    for (uint64_t start = 0; start < 16; start++) {
        for (uint64_t length = 0; length < 32; length++) {
            memset(piece, 0x5a, sizeof(piece));
            mm_pattern_fill(&pattern, 1, start, piece + 8, length);
            for (size_t i = 0; i < 8; i++)
                assert_int_equal(piece[i], 0x5a);
            for (size_t i = 8 + length; i < sizeof(piece); i++)
                assert_int_equal(piece[i], 0x5a);
        }
    }
}

static void mixing_in_twice_changes_nothing(void **state)
{
    static unsigned char bytes[LENGTH];
    static unsigned char before[LENGTH];
    uint64_t key = mm_pattern_key(&pattern, 0);
    (void)state;
    mm_pattern_fill(&pattern, 99, 0, before, LENGTH);
    memcpy(bytes, before, LENGTH);
    mm_pattern_mix_in(&pattern, key, 77, bytes, LENGTH);
    for (uint64_t i = 0; i < LENGTH; i++)
        assert_int_equal(bytes[i] ^ before[i], byte_at(key, 77 + i));
    mm_pattern_mix_in(&pattern, key, 77, bytes, LENGTH);
    assert_memory_equal(bytes, before, LENGTH);
}

static void strided_items_are_those_of_their_positions(void **state)
{
    static const struct {
        uint64_t position;
        int64_t position_stride;
        int64_t stride;
        uint32_t item;
    } cases[] = {
        {0, 8, 8, 8},      {80, 64, 8, 8}, {81, 64, 8, 8},     {64, 4096, 16, 8},
        {9000, -24, 8, 8}, {4, 12, 4, 4},  {9001, -7, 3, 3},   {0, 16, 16, 16},
        {6, 2, 2, 2},      {5, 1, 1, 1},   {16, 100, 100, 16},
    };
    static unsigned char data[LENGTH];
    (void)state;
    for (size_t k = 0; k < MM_COUNT_OF(cases); k++) {
        memset(data, 0, sizeof(data));
        mm_pattern_fill_strided(&pattern, 7, cases[k].position, cases[k].position_stride, data,
                                cases[k].stride, 100, cases[k].item);
        for (int64_t i = 0; i < 100; i++) {
            uint64_t position = cases[k].position + (uint64_t)(i * cases[k].position_stride);
            for (uint32_t b = 0; b < cases[k].item; b++)
                assert_int_equal(data[i * cases[k].stride + b], byte_at(7, position + b));
        }
    }
}

/* Every pass and every seed writes something else, so that old bytes are never taken for new. */
static void passes_and_seeds_differ_in_nearly_every_byte(void **state)
{
    static unsigned char one[LENGTH];
    static unsigned char other[LENGTH];
    static struct mm_pattern another;
    size_t equal[2] = {0};
    (void)state;
    mm_pattern_seed(&another, 12);
    mm_pattern_fill(&pattern, mm_pattern_key(&pattern, 0), 0, one, LENGTH);
    mm_pattern_fill(&pattern, mm_pattern_key(&pattern, 1), 0, other, LENGTH);
    for (size_t i = 0; i < LENGTH; i++)
        equal[0] += one[i] == other[i];
    mm_pattern_fill(&another, mm_pattern_key(&another, 0), 0, other, LENGTH);
    for (size_t i = 0; i < LENGTH; i++)
        equal[1] += one[i] == other[i];
    assert_true(equal[0] < LENGTH / 50);
    assert_true(equal[1] < LENGTH / 50);
}

static int compare_words(const void *a, const void *b)
{
    return memcmp(a, b, 8);
}

/* What a compressor lives from: a word that was there before. */
static void no_word_repeats_within_megabytes(void **state)
{
    const size_t words = 1 << 18;
    uint64_t *filled = malloc(words * sizeof(*filled));
    (void)state;
    assert_non_null(filled);
    mm_pattern_fill(&pattern, mm_pattern_key(&pattern, 0), 0, filled, words * sizeof(*filled));
    qsort(filled, words, sizeof(*filled), compare_words);
    for (size_t i = 1; i < words; i++)
        assert_true(filled[i] != filled[i - 1]);
    free(filled);
}

static void a_fingerprint_notices_changes_and_exchanges(void **state)
{
    unsigned char bytes[100];
    (void)state;
    mm_pattern_fill(&pattern, 1, 0, bytes, sizeof(bytes));
    uint64_t right = mm_pattern_fingerprint(0, bytes, sizeof(bytes));
    assert_true(mm_pattern_fingerprint(0, bytes, sizeof(bytes)) == right);
    assert_true(mm_pattern_fingerprint(8, bytes, sizeof(bytes)) != right);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] ^= 1;
        assert_true(mm_pattern_fingerprint(0, bytes, sizeof(bytes)) != right);
        bytes[i] ^= 1;
    }
    unsigned char word[8];
    memcpy(word, bytes, 8);
    memcpy(bytes, bytes + 8, 8);
    memcpy(bytes + 8, word, 8);
    assert_true(mm_pattern_fingerprint(0, bytes, sizeof(bytes)) != right);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_piece_is_a_part_of_the_whole),
        cmocka_unit_test(fill_touches_nothing_else),
        cmocka_unit_test(mixing_in_twice_changes_nothing),
        cmocka_unit_test(strided_items_are_those_of_their_positions),
        cmocka_unit_test(passes_and_seeds_differ_in_nearly_every_byte),
        cmocka_unit_test(no_word_repeats_within_megabytes),
        cmocka_unit_test(a_fingerprint_notices_changes_and_exchanges),
    };
    return cmocka_run_group_tests(tests, seed, NULL);
}
