/* The checksum against a definition that goes byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/random.h"
#include "common/text.h"
#include "workloads/workload.h"

static const uint32_t items[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 5, 40};

static uint32_t width_of(uint32_t item_bytes)
{
    return item_bytes % 8 == 0 ? 8 : item_bytes % 4 == 0 ? 4 : item_bytes % 2 == 0 ? 2 : 1;
}

/* Byte i of a word of w bytes counts 256^(i % w). */
static uint64_t naive(const unsigned char *bytes, uint64_t length, uint32_t item_bytes)
{
    uint32_t width = width_of(item_bytes);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < length; i++)
        sum += (uint64_t)bytes[i] << (i % width * 8);
    return sum;
}

static unsigned char *random_bytes(size_t length)
{
    unsigned char *bytes = malloc(length);
    assert_non_null(bytes);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (unsigned char)mm_random_mix(i);
    return bytes;
}

static void it_is_the_sum_of_words_at_every_length_and_alignment(void **state)
{
    unsigned char *bytes = random_bytes(4096);
    (void)state;
    for (size_t k = 0; k < MM_COUNT_OF(items); k++)
        for (size_t start = 0; start < 9; start++)
            for (uint64_t length = 0; length < 700; length += width_of(items[k]))
                assert_true(mm_workload_checksum(bytes + start, length, items[k]) ==
                            naive(bytes + start, length, items[k]));
    free(bytes);
}

/* All bits set is what overflows lanes first. */
static void lanes_do_not_overflow(void **state)
{
    const size_t length = 3 << 20;
    unsigned char *bytes = malloc(length);
    (void)state;
    assert_non_null(bytes);
    memset(bytes, 0xff, length);
    for (size_t k = 0; k < MM_COUNT_OF(items); k++) {
        uint64_t whole = length - length % width_of(items[k]);
        assert_true(mm_workload_checksum(bytes, whole, items[k]) == naive(bytes, whole, items[k]));
    }
    free(bytes);
}

static void strided_items_are_those_and_no_others(void **state)
{
    static const int64_t strides[] = {40, 41, 64, 120, -40, -57};
    unsigned char *bytes = random_bytes(1 << 16);
    (void)state;
    for (size_t k = 0; k < MM_COUNT_OF(items); k++) {
        for (size_t s = 0; s < MM_COUNT_OF(strides); s++) {
            const unsigned char *first = bytes + (strides[s] < 0 ? 60000 : 3);
            uint64_t sum = 0;
            for (int64_t i = 0; i < 300; i++)
                sum += naive(first + i * strides[s], items[k], items[k]);
            assert_true(mm_workload_checksum_strided(first, 300, strides[s], items[k]) == sum);
        }
        assert_true(mm_workload_checksum_strided(bytes, 300, (int64_t)items[k], items[k]) ==
                    naive(bytes, 300 * (uint64_t)items[k], items[k]));
    }
    free(bytes);
}

static void every_single_byte_counts(void **state)
{
    unsigned char bytes[240] = {0};
    (void)state;
    for (size_t k = 0; k < MM_COUNT_OF(items); k++) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            bytes[i] = 1;
            assert_true(mm_workload_checksum(bytes, sizeof(bytes), items[k]) != 0);
            bytes[i] = 0;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_sum_of_words_at_every_length_and_alignment),
        cmocka_unit_test(lanes_do_not_overflow),
        cmocka_unit_test(strided_items_are_those_and_no_others),
        cmocka_unit_test(every_single_byte_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
