/* The nearest name and hexadecimal text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "common/text.h"

static const char *const NAMES[] = {"sequential", "strided", "random", "chunked", "block"};

static void a_misspelled_name_finds_the_right_one(void **state)
{
    (void)state;
    size_t count = MM_COUNT_OF(NAMES);
    assert_string_equal(mm_text_nearest("sequental", NAMES, count), "sequential");
    assert_string_equal(mm_text_nearest("ranodm", NAMES, count), "random");
    assert_string_equal(mm_text_nearest("blcok", NAMES, count), "block");
    assert_string_equal(mm_text_nearest("random", NAMES, count), "random");
}

static void a_strange_name_finds_nothing(void **state)
{
    (void)state;
    size_t count = MM_COUNT_OF(NAMES);
    char hostile[1000];
    memset(hostile, 'a', sizeof(hostile));
    hostile[sizeof(hostile) - 1] = '\0';
    assert_null(mm_text_nearest("zipf", NAMES, count));
    assert_null(mm_text_nearest("", NAMES, count));
    assert_null(mm_text_nearest(hostile, NAMES, count));
    assert_null(mm_text_nearest("random", NAMES, 0));
}

static void a_suggestion_is_a_phrase_or_nothing(void **state)
{
    (void)state;
    char text[64];
    assert_string_equal(mm_text_suggestion("strded", NAMES, MM_COUNT_OF(NAMES), text, sizeof(text)),
                        ", did you mean 'strided'?");
    assert_string_equal(mm_text_suggestion("zipf", NAMES, MM_COUNT_OF(NAMES), text, sizeof(text)),
                        "");
}

static void hex_text_goes_both_ways(void **state)
{
    (void)state;
    char text[MM_TEXT_HEX_BYTES];
    uint64_t value = 0;
    assert_string_equal(mm_text_write_hex(UINT64_C(0xdeadbeef), text), "0x00000000deadbeef");
    assert_int_equal(mm_text_parse_hex(text, &value), 0);
    assert_true(value == UINT64_C(0xdeadbeef));
    assert_int_equal(mm_text_parse_hex("0xffffffffffffffff", &value), 0);
    assert_true(value == UINT64_MAX);
}

static void other_spellings_of_hex_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "0x0",
                                      "00000000deadbeef",
                                      "0x00000000DEADBEEF",
                                      "0x00000000deadbeef0",
                                      "0x-0000000deadbeef",
                                      "0x 0000000deadbeef"};
    for (size_t i = 0; i < MM_COUNT_OF(bad); i++) {
        uint64_t value = 42;
        assert_int_equal(mm_text_parse_hex(bad[i], &value), -EINVAL);
        assert_true(value == 42);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_misspelled_name_finds_the_right_one),
        cmocka_unit_test(a_strange_name_finds_nothing),
        cmocka_unit_test(a_suggestion_is_a_phrase_or_nothing),
        cmocka_unit_test(hex_text_goes_both_ways),
        cmocka_unit_test(other_spellings_of_hex_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
