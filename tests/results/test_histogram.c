/* The histogram: its error over the whole range, merging, and its two written forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/random.h"
#include "results/histogram.h"

#define RANDOM_VALUES 4000

static struct mm_histogram *new_histogram(void)
{
    struct mm_histogram *histogram = malloc(sizeof(*histogram));
    assert_non_null(histogram);
    mm_histogram_reset(histogram);
    return histogram;
}

/* A value with any number of significant bits, each equally often. */
static uint64_t random_value(struct mm_random *random)
{
    uint64_t bits = 1 + mm_random_below(random, 64);
    return mm_random_next(random) >> (64 - bits);
}

/* What the histogram makes of one value when the maximum does not cap it. */
static uint64_t as_recorded(struct mm_histogram *histogram, uint64_t value)
{
    mm_histogram_reset(histogram);
    mm_histogram_record(histogram, value);
    mm_histogram_record(histogram, UINT64_MAX);
    return mm_histogram_quantile(histogram, 0.5);
}

static void assert_known_to_one_percent(struct mm_histogram *histogram, uint64_t value)
{
    uint64_t found = as_recorded(histogram, value);
    assert_true(found >= value);
    assert_true(found - value <= value / 100);
}

static void every_value_is_known_to_one_percent(void **state)
{
    (void)state;
    struct mm_histogram *histogram = new_histogram();
    struct mm_random random;
    mm_random_seed(&random, 1);
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t power = UINT64_C(1) << bit;
        assert_known_to_one_percent(histogram, power - 1);
        assert_known_to_one_percent(histogram, power);
        assert_known_to_one_percent(histogram, power + 1);
        assert_known_to_one_percent(histogram, power + (power - 1));
    }
    for (int i = 0; i < RANDOM_VALUES; i++)
        assert_known_to_one_percent(histogram, random_value(&random));
    assert_known_to_one_percent(histogram, UINT64_MAX);
    free(histogram);
}

static void values_below_256_are_exact(void **state)
{
    (void)state;
    struct mm_histogram *histogram = new_histogram();
    for (uint64_t value = 0; value < 256; value++)
        assert_int_equal(as_recorded(histogram, value), value);
    free(histogram);
}

/* Walks from bucket to bucket: the value after the highest of one begins the next. */
static void the_buckets_cover_64_bits_without_a_gap(void **state)
{
    (void)state;
    struct mm_histogram *histogram = new_histogram();
    uint64_t lowest = 0;
    size_t used = 0;
    for (;;) {
        uint64_t highest = as_recorded(histogram, lowest);
        assert_int_equal(as_recorded(histogram, highest), highest);
        used++;
        if (highest == UINT64_MAX)
            break;
        assert_true(used < MM_HISTOGRAM_BUCKETS);
        lowest = highest + 1;
    }
    assert_int_equal(used, MM_HISTOGRAM_BUCKETS);
    free(histogram);
}

static void a_quantile_of_an_empty_histogram_is_zero(void **state)
{
    (void)state;
    struct mm_histogram *histogram = new_histogram();
    assert_int_equal(mm_histogram_quantile(histogram, 0), 0);
    assert_int_equal(mm_histogram_quantile(histogram, 0.5), 0);
    assert_int_equal(mm_histogram_quantile(histogram, 1), 0);
    free(histogram);
}

static void the_ends_are_exact(void **state)
{
    (void)state;
    struct mm_histogram *histogram = new_histogram();
    mm_histogram_record(histogram, 1000001);
    mm_histogram_record(histogram, 2000003);
    mm_histogram_record(histogram, 3000007);
    assert_int_equal(mm_histogram_quantile(histogram, 0), 1000001);
    assert_int_equal(mm_histogram_quantile(histogram, -1), 1000001);
    assert_int_equal(mm_histogram_quantile(histogram, NAN), 1000001);
    assert_int_equal(mm_histogram_quantile(histogram, 1), 3000007);
    assert_int_equal(mm_histogram_quantile(histogram, 7), 3000007);
    assert_int_equal(mm_histogram_quantile(histogram, 0.99), 3000007);
    free(histogram);
}

static void a_quantile_is_the_nearest_rank(void **state)
{
    (void)state;
    struct mm_histogram *histogram = new_histogram();
    for (uint64_t value = 1; value <= 100; value++)
        mm_histogram_record(histogram, value);
    for (int percent = 1; percent <= 100; percent++)
        assert_int_equal(mm_histogram_quantile(histogram, (double)percent / 100), percent);
    assert_int_equal(mm_histogram_quantile(histogram, 0.501), 51);
    assert_int_equal(mm_histogram_quantile(histogram, 0.999), 100);
    free(histogram);
}

static int compare_values(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void quantiles_of_many_values_are_within_one_percent_of_the_sorted_ones(void **state)
{
    (void)state;
    static const double shares[] = {0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999};
    static uint64_t values[RANDOM_VALUES];
    struct mm_histogram *histogram = new_histogram();
    struct mm_random random;
    mm_random_seed(&random, 2);
    for (size_t i = 0; i < RANDOM_VALUES; i++) {
        values[i] = random_value(&random);
        mm_histogram_record(histogram, values[i]);
    }
    qsort(values, RANDOM_VALUES, sizeof(values[0]), compare_values);
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        uint64_t exact = values[(size_t)(shares[i] * RANDOM_VALUES + 0.5) - 1];
        uint64_t found = mm_histogram_quantile(histogram, shares[i]);
        assert_true(found >= exact && found - exact <= exact / 100);
    }
    free(histogram);
}

static void merging_is_recording_everything_in_one(void **state)
{
    (void)state;
    struct mm_histogram *parts[2] = {new_histogram(), new_histogram()};
    struct mm_histogram *whole = new_histogram();
    struct mm_histogram *merged = new_histogram();
    struct mm_random random;
    mm_random_seed(&random, 3);
    for (int i = 0; i < RANDOM_VALUES; i++) {
        uint64_t value = random_value(&random);
        mm_histogram_record(parts[i % 3 == 0], value);
        mm_histogram_record(whole, value);
    }
    mm_histogram_merge(merged, parts[0]);
    mm_histogram_merge(merged, parts[1]);
    assert_memory_equal(merged, whole, sizeof(*whole));
    mm_histogram_reset(parts[0]);
    mm_histogram_merge(merged, parts[0]);
    assert_memory_equal(merged, whole, sizeof(*whole));
    free(parts[0]);
    free(parts[1]);
    free(whole);
    free(merged);
}

static void assert_survives_json(const struct mm_histogram *histogram)
{
    struct mm_histogram *read = new_histogram();
    struct mm_error error = {0};
    json_t *json = mm_histogram_to_json(histogram, "ns");
    assert_non_null(json);
    char *text = json_dumps(json, 0);
    json_t *parsed = json_loads(text, 0, NULL);
    assert_non_null(parsed);
    assert_int_equal(mm_histogram_from_json(parsed, read, &error), 0);
    assert_memory_equal(read, histogram, sizeof(*read));
    free(text);
    json_decref(parsed);
    json_decref(json);
    free(read);
}

static void json_gives_back_what_was_recorded(void **state)
{
    (void)state;
    struct mm_histogram *histogram = new_histogram();
    struct mm_random random;
    mm_random_seed(&random, 4);
    assert_survives_json(histogram);
    mm_histogram_record(histogram, 0);
    assert_survives_json(histogram);
    for (int i = 0; i < RANDOM_VALUES; i++)
        mm_histogram_record(histogram, random_value(&random));
    assert_survives_json(histogram);
    mm_histogram_record(histogram, UINT64_MAX);
    assert_survives_json(histogram);
    free(histogram);
}

static void inconsistent_json_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *line;
    } cases[] = {
        {"[]", "expected a histogram (an object)"},
        {"{\"significant_bits\":7}", "unit: expected text"},
        {"{\"unit\":\"ns\",\"significant_bits\":8}", "significant_bits: expected 7"},
        {"{\"unit\":\"ns\",\"significant_bits\":7,\"count\":-1}",
         "count: expected a non-negative integer (beyond 2^53 as hex text)"},
        {"{\"unit\":\"ns\",\"significant_bits\":7,\"count\":1,\"minimum\":5,\"maximum\":5,"
         "\"sum\":5}",
         "buckets: expected an array"},
        {"{\"unit\":\"ns\",\"significant_bits\":7,\"count\":1,\"minimum\":5,\"maximum\":5,"
         "\"sum\":5,\"buckets\":[[5,2]]}",
         "count: is 1, but the buckets hold 2"},
        {"{\"unit\":\"ns\",\"significant_bits\":7,\"count\":1,\"minimum\":301,\"maximum\":301,"
         "\"sum\":301,\"buckets\":[[301,1]]}",
         "buckets[0]: no bucket begins at 301"},
        {"{\"unit\":\"ns\",\"significant_bits\":7,\"count\":2,\"minimum\":4,\"maximum\":5,"
         "\"sum\":9,\"buckets\":[[5,1],[4,1]]}",
         "buckets[1]: buckets must ascend"},
        {"{\"unit\":\"ns\",\"significant_bits\":7,\"count\":0,\"minimum\":0,\"maximum\":0,"
         "\"sum\":0,\"buckets\":[[5,0]]}",
         "buckets[0]: a bucket without a value"},
        {"{\"unit\":\"ns\",\"significant_bits\":7,\"count\":1,\"minimum\":4,\"maximum\":5,"
         "\"sum\":5,\"buckets\":[[5,1]]}",
         "minimum: is not in the first bucket"},
        {"{\"unit\":\"ns\",\"significant_bits\":7,\"count\":1,\"minimum\":5,\"maximum\":6,"
         "\"sum\":5,\"buckets\":[[5,1]]}",
         "maximum: is not in the last bucket"},
        {"{\"unit\":\"ns\",\"significant_bits\":7,\"count\":1,\"minimum\":5,\"maximum\":5,"
         "\"sum\":6,\"buckets\":[[5,1]]}",
         "sum: no 1 values between minimum and maximum add up to it"},
        {"{\"unit\":\"ns\",\"significant_bits\":7,\"count\":0,\"minimum\":1,\"maximum\":0,"
         "\"sum\":0,\"buckets\":[]}",
         "count: is 0, but minimum, maximum or sum is not"},
        {"{\"unit\":\"ns\",\"significant_bits\":7,\"count\":1,\"minimum\":5,\"maximum\":5,"
         "\"sum\":5,\"buckets\":[[5,\"0xffffffffffffffff\"],[6,2]]}",
         "buckets[1]: more values than 64 bits count"},
    };
    struct mm_histogram *histogram = new_histogram();
    struct mm_histogram *untouched = new_histogram();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mm_error error = {0};
        json_t *json = json_loads(cases[i].text, 0, NULL);
        assert_non_null(json);
        assert_int_equal(mm_histogram_from_json(json, histogram, &error), -EPROTO);
        assert_string_equal(error.text, cases[i].line);
        assert_memory_equal(histogram, untouched, sizeof(*histogram));
        json_decref(json);
    }
    assert_int_equal(mm_histogram_from_json(NULL, histogram, NULL), -EPROTO);
    free(histogram);
    free(untouched);
}

static char *hgrm_of(const struct mm_histogram *histogram, double divisor)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    assert_int_equal(mm_histogram_write_hgrm(histogram, stream, divisor), 0);
    fclose(stream);
    return text;
}

static void the_percentile_table_climbs_to_the_maximum_and_all_values(void **state)
{
    (void)state;
    struct mm_histogram *histogram = new_histogram();
    double last_value = 0;
    double last_share = -1;
    unsigned long long last_count = 0;
    int rows = 0;
    for (uint64_t value = 1; value <= 10000; value++)
        mm_histogram_record(histogram, value * 1000);
    char *text = hgrm_of(histogram, 1000.0);
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        char *end = line;
        double value = strtod(line, &end);
        double share = strtod(end, &end);
        unsigned long long count = strtoull(end, &end, 10);
        if (end == line || line[0] == '#' || value == 0)
            continue;
        assert_true(value >= last_value && share > last_share && count >= last_count);
        /* At least the share of the values lies at or below the value, and it is 1 % right. */
        assert_true((double)count + 1e-6 >= share * 10000);
        assert_true(fabs(value - (double)count) <= 0.01 * value + 1);
        last_value = value;
        last_share = share;
        last_count = count;
        rows++;
    }
    assert_true(rows > 30);
    assert_true(last_value == 10000.0 && last_share == 1.0 && last_count == 10000);
    free(text);
    free(histogram);
}

static void the_percentile_table_ends_with_the_summary(void **state)
{
    (void)state;
    struct mm_histogram *histogram = new_histogram();
    mm_histogram_record(histogram, 10);
    mm_histogram_record(histogram, 20);
    char *text = hgrm_of(histogram, 1.0);
    assert_non_null(strstr(text, "Value"));
    assert_non_null(strstr(text, "#[Mean    =       15.000, StdDeviation   =        5.000]\n"));
    assert_non_null(strstr(text, "#[Max     =       20.000, Total count    =            2]\n"));
    assert_non_null(strstr(text, "#[Buckets =           57, SubBuckets     =          128]\n"));
    free(text);
    mm_histogram_reset(histogram);
    text = hgrm_of(histogram, 1.0);
    assert_non_null(strstr(text, "#[Max     =        0.000, Total count    =            0]\n"));
    free(text);
    free(histogram);
}

static void a_table_with_huge_counts_ends(void **state)
{
    (void)state;
    struct mm_histogram *histogram = new_histogram();
    json_t *json = json_loads("{\"unit\":\"ns\",\"significant_bits\":7,"
                              "\"count\":\"0x8000000000000001\",\"minimum\":1,\"maximum\":9,"
                              "\"sum\":\"0x8000000000000009\","
                              "\"buckets\":[[1,\"0x8000000000000000\"],[9,1]]}",
                              0, NULL);
    assert_int_equal(mm_histogram_from_json(json, histogram, NULL), 0);
    char *text = hgrm_of(histogram, 1.0);
    assert_non_null(strstr(text, "1.000000000000 9223372036854775809\n"));
    free(text);
    json_decref(json);
    free(histogram);
}

static void a_full_device_is_an_error(void **state)
{
    (void)state;
    struct mm_histogram *histogram = new_histogram();
    FILE *full = fopen("/dev/full", "w");
    if (!full)
        skip();
    mm_histogram_record(histogram, 1);
    assert_int_equal(mm_histogram_write_hgrm(histogram, full, 1.0), -EIO);
    fclose(full);
    free(histogram);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_is_known_to_one_percent),
        cmocka_unit_test(values_below_256_are_exact),
        cmocka_unit_test(the_buckets_cover_64_bits_without_a_gap),
        cmocka_unit_test(a_quantile_of_an_empty_histogram_is_zero),
        cmocka_unit_test(the_ends_are_exact),
        cmocka_unit_test(a_quantile_is_the_nearest_rank),
        cmocka_unit_test(quantiles_of_many_values_are_within_one_percent_of_the_sorted_ones),
        cmocka_unit_test(merging_is_recording_everything_in_one),
        cmocka_unit_test(json_gives_back_what_was_recorded),
        cmocka_unit_test(inconsistent_json_is_refused),
        cmocka_unit_test(the_percentile_table_climbs_to_the_maximum_and_all_values),
        cmocka_unit_test(the_percentile_table_ends_with_the_summary),
        cmocka_unit_test(a_table_with_huge_counts_ends),
        cmocka_unit_test(a_full_device_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
