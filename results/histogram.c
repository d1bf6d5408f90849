/* The histogram: recording, merging, quantiles, and its JSON and .hgrm forms. */
#include "results/histogram.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "common/text.h"

/* JSON numbers are doubles for most readers: exact up to here. */
#define EXACT_JSON_LIMIT (UINT64_C(1) << 53)

/* Rows of HdrHistogram's percentile table between 1 - p and (1 - p) / 2. */
#define HGRM_TICKS_PER_HALF_DISTANCE 5
/* The table's last digit; also where doubles still tell the next share from this one. */
#define HGRM_SMALLEST_DISTANCE 1e-12

static size_t bucket_of(uint64_t value)
{
    if (value < 2 * MM_HISTOGRAM_SUB_BUCKETS)
        return (size_t)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - MM_HISTOGRAM_SIGNIFICANT_BITS;
    return (size_t)shift * MM_HISTOGRAM_SUB_BUCKETS + (size_t)(value >> shift);
}

static unsigned bucket_shift(size_t bucket)
{
    if (bucket < 2 * MM_HISTOGRAM_SUB_BUCKETS)
        return 0;
    return (unsigned)(bucket / MM_HISTOGRAM_SUB_BUCKETS) - 1;
}

static uint64_t bucket_lowest(size_t bucket)
{
    unsigned shift = bucket_shift(bucket);
    return (uint64_t)(bucket - (size_t)shift * MM_HISTOGRAM_SUB_BUCKETS) << shift;
}

static uint64_t bucket_highest(size_t bucket)
{
    return bucket_lowest(bucket) + ((UINT64_C(1) << bucket_shift(bucket)) - 1);
}

void mm_histogram_reset(struct mm_histogram *histogram)
{
    memset(histogram, 0, sizeof(*histogram));
    histogram->minimum = UINT64_MAX;
}

void mm_histogram_record(struct mm_histogram *histogram, uint64_t value)
{
    histogram->buckets[bucket_of(value)]++;
    histogram->count++;
    histogram->sum += value;
    if (value < histogram->minimum)
        histogram->minimum = value;
    if (value > histogram->maximum)
        histogram->maximum = value;
}

void mm_histogram_merge(struct mm_histogram *into, const struct mm_histogram *from)
{
    for (size_t i = 0; i < MM_HISTOGRAM_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
    into->count += from->count;
    into->sum += from->sum;
    if (from->minimum < into->minimum)
        into->minimum = from->minimum;
    if (from->maximum > into->maximum)
        into->maximum = from->maximum;
}

/* The nearest rank, 1 to count. The product of a decimal share and a count can land one rounding
 * error above a whole number (0.07 * 100 is 7.000000000000001), which must not cost a rank. */
static uint64_t nearest_rank(double share, uint64_t count)
{
    double rank = ceil(share * (double)count * (1.0 - DBL_EPSILON));
    if (!(rank > 1.0))
        return 1;
    if (rank >= (double)count)
        return count;
    return (uint64_t)rank;
}

uint64_t mm_histogram_quantile(const struct mm_histogram *histogram, double share)
{
    if (histogram->count == 0)
        return 0;
    if (!(share > 0.0))
        return histogram->minimum;
    if (share >= 1.0)
        return histogram->maximum;
    uint64_t rank = nearest_rank(share, histogram->count);
    uint64_t seen = 0;
    for (size_t i = 0; i < MM_HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen >= rank) {
            uint64_t highest = bucket_highest(i);
            return highest < histogram->maximum ? highest : histogram->maximum;
        }
    }
    return histogram->maximum;
}

/* A whole number as a JSON number while every reader keeps it exact, as hex text beyond. */
static json_t *whole_to_json(uint64_t value)
{
    char text[MM_TEXT_HEX_BYTES];
    if (value <= EXACT_JSON_LIMIT)
        return json_integer((json_int_t)value);
    return json_string(mm_text_write_hex(value, text));
}

static int whole_from_json(const json_t *json, uint64_t *value)
{
    if (json_is_integer(json) && json_integer_value(json) >= 0) {
        *value = (uint64_t)json_integer_value(json);
        return 0;
    }
    return json_is_string(json) ? mm_text_parse_hex(json_string_value(json), value) : -EINVAL;
}

json_t *mm_histogram_to_json(const struct mm_histogram *histogram, const char *unit)
{
    json_t *buckets = json_array();
    for (size_t i = 0; buckets && i < MM_HISTOGRAM_BUCKETS; i++) {
        if (histogram->buckets[i] == 0)
            continue;
        json_t *pair = json_pack("[o, o]", whole_to_json(bucket_lowest(i)),
                                 whole_to_json(histogram->buckets[i]));
        if (json_array_append_new(buckets, pair) != 0) {
            json_decref(buckets);
            return NULL;
        }
    }
    uint64_t minimum = histogram->count > 0 ? histogram->minimum : 0;
    return json_pack("{s:s, s:i, s:o, s:o, s:o, s:o, s:o}", "unit", unit, "significant_bits",
                     MM_HISTOGRAM_SIGNIFICANT_BITS, "count", whole_to_json(histogram->count),
                     "minimum", whole_to_json(minimum), "maximum",
                     whole_to_json(histogram->maximum), "sum", whole_to_json(histogram->sum),
                     "buckets", buckets);
}

static int read_whole(const json_t *json, const char *name, uint64_t *value, struct mm_error *error)
{
    if (whole_from_json(json_object_get(json, name), value) == 0)
        return 0;
    return mm_error_set(error, -EPROTO,
                        "%s: expected a non-negative integer (beyond 2^53 as hex text)", name);
}

static int read_bucket(const json_t *pair, size_t place, size_t first_free, size_t *bucket,
                       uint64_t *count, struct mm_error *error)
{
    uint64_t lowest = 0;
    if (json_array_size(pair) != 2 || whole_from_json(json_array_get(pair, 0), &lowest) != 0 ||
        whole_from_json(json_array_get(pair, 1), count) != 0)
        return mm_error_set(error, -EPROTO, "buckets[%zu]: expected [lower bound, count]", place);
    *bucket = bucket_of(lowest);
    if (bucket_lowest(*bucket) != lowest)
        return mm_error_set(error, -EPROTO, "buckets[%zu]: no bucket begins at %llu", place,
                            (unsigned long long)lowest);
    if (*bucket < first_free)
        return mm_error_set(error, -EPROTO, "buckets[%zu]: buckets must ascend", place);
    if (*count == 0)
        return mm_error_set(error, -EPROTO, "buckets[%zu]: a bucket without a value", place);
    return 0;
}

static int read_buckets(const json_t *buckets, struct mm_histogram *histogram,
                        struct mm_error *error)
{
    size_t place;
    const json_t *pair;
    size_t first_free = 0;
    uint64_t total = 0;
    if (!json_is_array(buckets))
        return mm_error_set(error, -EPROTO, "buckets: expected an array");
    json_array_foreach(buckets, place, pair)
    {
        size_t bucket = 0;
        uint64_t count = 0;
        int result = read_bucket(pair, place, first_free, &bucket, &count, error);
        if (result < 0)
            return result;
        if (__builtin_add_overflow(total, count, &total))
            return mm_error_set(error, -EPROTO, "buckets[%zu]: more values than 64 bits count",
                                place);
        histogram->buckets[bucket] = count;
        first_free = bucket + 1;
    }
    if (total != histogram->count)
        return mm_error_set(error, -EPROTO, "count: is %llu, but the buckets hold %llu",
                            (unsigned long long)histogram->count, (unsigned long long)total);
    return 0;
}

/* The sum of count values between lowest and highest, unless it may have wrapped. */
static bool sum_is_possible(const struct mm_histogram *histogram)
{
    uint64_t most = 0;
    if (__builtin_mul_overflow(histogram->maximum, histogram->count, &most))
        return true;
    return histogram->sum <= most && histogram->sum >= histogram->minimum * histogram->count;
}

static int check_extremes(struct mm_histogram *histogram, struct mm_error *error)
{
    if (histogram->count == 0) {
        if (histogram->minimum != 0 || histogram->maximum != 0 || histogram->sum != 0)
            return mm_error_set(error, -EPROTO, "count: is 0, but minimum, maximum or sum is not");
        histogram->minimum = UINT64_MAX;
        return 0;
    }
    size_t first = 0;
    size_t last = MM_HISTOGRAM_BUCKETS - 1;
    while (histogram->buckets[first] == 0)
        first++;
    while (histogram->buckets[last] == 0)
        last--;
    if (histogram->minimum > histogram->maximum || bucket_of(histogram->minimum) != first)
        return mm_error_set(error, -EPROTO, "minimum: is not in the first bucket");
    if (bucket_of(histogram->maximum) != last)
        return mm_error_set(error, -EPROTO, "maximum: is not in the last bucket");
    if (!sum_is_possible(histogram))
        return mm_error_set(error, -EPROTO,
                            "sum: no %llu values between minimum and maximum add "
                            "up to it",
                            (unsigned long long)histogram->count);
    return 0;
}

int mm_histogram_from_json(const json_t *json, struct mm_histogram *histogram,
                           struct mm_error *error)
{
    const json_t *bits = json_object_get(json, "significant_bits");
    if (!json_is_object(json))
        return mm_error_set(error, -EPROTO, "expected a histogram (an object)");
    if (!json_is_string(json_object_get(json, "unit")))
        return mm_error_set(error, -EPROTO, "unit: expected text");
    if (!json_is_integer(bits) || json_integer_value(bits) != MM_HISTOGRAM_SIGNIFICANT_BITS)
        return mm_error_set(error, -EPROTO, "significant_bits: expected %d",
                            MM_HISTOGRAM_SIGNIFICANT_BITS);
    struct mm_histogram read;
    mm_histogram_reset(&read);
    int result = read_whole(json, "count", &read.count, error);
    if (result == 0)
        result = read_whole(json, "minimum", &read.minimum, error);
    if (result == 0)
        result = read_whole(json, "maximum", &read.maximum, error);
    if (result == 0)
        result = read_whole(json, "sum", &read.sum, error);
    if (result == 0)
        result = read_buckets(json_object_get(json, "buckets"), &read, error);
    if (result == 0)
        result = check_extremes(&read, error);
    if (result == 0)
        *histogram = read;
    return result;
}

/* Middle of a bucket, which no recorded value is further from than half the bucket's width. */
static double bucket_middle(const struct mm_histogram *histogram, size_t bucket)
{
    double lowest = (double)bucket_lowest(bucket);
    double highest = (double)bucket_highest(bucket);
    if (lowest < (double)histogram->minimum)
        lowest = (double)histogram->minimum;
    if (highest > (double)histogram->maximum)
        highest = (double)histogram->maximum;
    return lowest + (highest - lowest) / 2;
}

static void mean_and_deviation(const struct mm_histogram *histogram, double *mean,
                               double *deviation)
{
    *mean = 0;
    *deviation = 0;
    if (histogram->count == 0)
        return;
    double total = 0;
    for (size_t i = 0; i < MM_HISTOGRAM_BUCKETS; i++)
        total += bucket_middle(histogram, i) * (double)histogram->buckets[i];
    /* The exact sum serves while it cannot have wrapped. */
    if (total < 0x1p63)
        total = (double)histogram->sum;
    *mean = total / (double)histogram->count;
    double squares = 0;
    for (size_t i = 0; i < MM_HISTOGRAM_BUCKETS; i++) {
        double distance = bucket_middle(histogram, i) - *mean;
        squares += distance * distance * (double)histogram->buckets[i];
    }
    *deviation = sqrt(squares / (double)histogram->count);
}

/* HdrHistogram's iteration over percentiles: the step halves with every halving of 1 - share. */
static double next_share(double share)
{
    double halvings = floor(log2(1.0 / (1.0 - share))) + 1;
    return share + 1.0 / (HGRM_TICKS_PER_HALF_DISTANCE * exp2(halvings));
}

static uint64_t count_up_to(const struct mm_histogram *histogram, uint64_t value)
{
    uint64_t count = 0;
    for (size_t i = 0; i <= bucket_of(value); i++)
        count += histogram->buckets[i];
    return count;
}

static void write_percentiles(const struct mm_histogram *histogram, FILE *stream,
                              double unit_divisor)
{
    uint64_t seen = 0;
    double share = 0;
    while (seen < histogram->count && 1.0 - share >= HGRM_SMALLEST_DISTANCE) {
        uint64_t value = mm_histogram_quantile(histogram, share);
        seen = count_up_to(histogram, value);
        if (seen < histogram->count)
            fprintf(stream, "%12.3f %2.12f %10llu %14.2f\n", (double)value / unit_divisor, share,
                    (unsigned long long)seen, 1.0 / (1.0 - share));
        share = next_share(share);
    }
    fprintf(stream, "%12.3f %2.12f %10llu\n", (double)histogram->maximum / unit_divisor, 1.0,
            (unsigned long long)histogram->count);
}

int mm_histogram_write_hgrm(const struct mm_histogram *histogram, FILE *stream, double unit_divisor)
{
    double mean;
    double deviation;
    mean_and_deviation(histogram, &mean, &deviation);
    fprintf(stream, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
            "1/(1-Percentile)");
    if (histogram->count > 0)
        write_percentiles(histogram, stream, unit_divisor);
    fprintf(stream, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", mean / unit_divisor,
            deviation / unit_divisor);
    fprintf(stream, "#[Max     = %12.3f, Total count    = %12llu]\n",
            (double)histogram->maximum / unit_divisor, (unsigned long long)histogram->count);
    fprintf(stream, "#[Buckets = %12u, SubBuckets     = %12u]\n",
            64u - MM_HISTOGRAM_SIGNIFICANT_BITS, MM_HISTOGRAM_SUB_BUCKETS);
    return fflush(stream) != 0 || ferror(stream) ? -EIO : 0;
}
