/* Sizes, counts, shares and durations in both directions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>

#include "common/random.h"
#include "common/text.h"
#include "common/units.h"

static void sizes_with_every_unit_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = {
        {"0", 0},
        {"4096", 4096},
        {"8B", 8},
        {"64KiB", 65536},
        {"64 KiB", 65536},
        {"1.5GiB", UINT64_C(1610612736)},
        {"10MB", 10000000},
        {"1kB", 1000},
        {"1KB", 1000},
        {"1e3", 1000},
        {"15EiB", UINT64_C(15) << 60},
        {"18446744073709551615", UINT64_MAX},
    };
    for (size_t i = 0; i < MM_COUNT_OF(cases); i++) {
        uint64_t bytes = 0;
        assert_int_equal(mm_units_parse_size(cases[i].text, &bytes), 0);
        assert_true(bytes == cases[i].bytes);
    }
}

static void what_is_no_size_is_refused_and_nothing_is_set(void **state)
{
    (void)state;
    static const char *const bad[] = {"",      " ",    "K",    "64K", "64kib", "-1",
                                      "+1",    "1..5", "0x10", "inf", "nan",   "1KiB ",
                                      "1KiBs", "1.5B", "0.3",  "1 2", "GiB",   "64MIB"};
    for (size_t i = 0; i < MM_COUNT_OF(bad); i++) {
        uint64_t bytes = 42;
        assert_int_equal(mm_units_parse_size(bad[i], &bytes), -EINVAL);
        assert_true(bytes == 42);
    }
    uint64_t bytes = 42;
    assert_int_equal(mm_units_parse_size("16EiB", &bytes), -ERANGE);
    assert_int_equal(mm_units_parse_size("1e30", &bytes), -ERANGE);
    assert_int_equal(mm_units_parse_size("18446744073709551616", &bytes), -ERANGE);
    assert_true(bytes == 42);
}

static void counts_take_no_unit_of_bytes(void **state)
{
    (void)state;
    uint64_t count = 0;
    assert_int_equal(mm_units_parse_count("64Ki", &count), 0);
    assert_true(count == 65536);
    assert_int_equal(mm_units_parse_count("1e6", &count), 0);
    assert_true(count == 1000000);
    assert_int_equal(mm_units_parse_count("64KiB", &count), -EINVAL);
}

static void shares_are_between_zero_and_one(void **state)
{
    (void)state;
    double share = -1;
    assert_int_equal(mm_units_parse_share("0.25", &share), 0);
    assert_true(share == 0.25);
    assert_int_equal(mm_units_parse_share("25%", &share), 0);
    assert_true(share == 0.25);
    assert_int_equal(mm_units_parse_share("1/4", &share), 0);
    assert_true(share == 0.25);
    static const char *const bad[] = {"", "1.1", "-0.1", "101%", "1/0", "2/1", "a", "0.5x", "nan"};
    for (size_t i = 0; i < MM_COUNT_OF(bad); i++)
        assert_int_equal(mm_units_parse_share(bad[i], &share), -EINVAL);
    assert_true(share == 0.25);
}

static void durations_need_a_unit(void **state)
{
    (void)state;
    uint64_t nanoseconds = 0;
    assert_int_equal(mm_units_parse_duration("1.5m", &nanoseconds), 0);
    assert_true(nanoseconds == 90 * MM_NANOSECONDS_PER_SECOND);
    assert_int_equal(mm_units_parse_duration("250ms", &nanoseconds), 0);
    assert_true(nanoseconds == 250000000);
    assert_int_equal(mm_units_parse_duration("10", &nanoseconds), -EINVAL);
}

static void what_is_written_reads_back_to_the_same_size(void **state)
{
    (void)state;
    struct mm_random random;
    mm_random_seed(&random, 1);
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t bytes = mm_random_next(&random) >> mm_random_below(&random, 64);
        bytes &= UINT64_MAX << mm_random_below(&random, 64);
        char text[MM_UNITS_TEXT_BYTES];
        uint64_t read = ~bytes;
        assert_int_equal(mm_units_parse_size(mm_units_write_size(bytes, text), &read), 0);
        assert_true(read == bytes);
    }
}

static void shown_figures_have_three_digits(void **state)
{
    (void)state;
    char text[MM_UNITS_TEXT_BYTES];
    assert_string_equal(mm_units_show_rate(1.534e9, text), "1.53 GB/s");
    assert_string_equal(mm_units_show_rate(999.9e6, text), "1.00 GB/s");
    assert_string_equal(mm_units_show_duration(83240, text), "83.2 us");
    assert_string_equal(mm_units_show_duration(42, text), "42 ns");
    assert_string_equal(mm_units_show_count(12345678, text), "12.3 M");
    assert_string_equal(mm_units_show_size(64.0 * 1048576, text), "64.0 MiB");
    assert_string_equal(mm_units_show_duration(0, text), "0 ns");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_with_every_unit_are_read),
        cmocka_unit_test(what_is_no_size_is_refused_and_nothing_is_set),
        cmocka_unit_test(counts_take_no_unit_of_bytes),
        cmocka_unit_test(shares_are_between_zero_and_one),
        cmocka_unit_test(durations_need_a_unit),
        cmocka_unit_test(what_is_written_reads_back_to_the_same_size),
        cmocka_unit_test(shown_figures_have_three_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
