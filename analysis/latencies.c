/* Merges the histograms of launches, and adds up what is known of their operations. */
#include "analysis/latencies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

#define UNIT_ENDING "_ns"

/* A rate counts as kept up to this share of it. */
#define KEPT_SHARE 0.99

const struct mm_latency_percentile mm_latency_percentiles[MM_LATENCIES_PERCENTILES] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1},
};

/* "touch" of "touch_ns". Names become names of files: of others than small letters and '_' nothing
 * is made. */
static char *metric_name(const char *recorded)
{
    size_t length = strlen(recorded);
    size_t ending = strlen(UNIT_ENDING);
    if (length <= ending || strcmp(recorded + length - ending, UNIT_ENDING) != 0 ||
        strspn(recorded, "abcdefghijklmnopqrstuvwxyz_") != length) {
        return NULL;
    }
    return strndup(recorded, length - ending);
}

static struct mm_histogram *find(const struct mm_latencies *latencies, const char *name)
{
    for (size_t i = 0; i < latencies->count; i++) {
        if (strcmp(latencies->metrics[i].name, name) == 0) {
            return latencies->metrics[i].histogram;
        }
    }
    return NULL;
}

const struct mm_histogram *mm_latencies_find(const struct mm_latencies *latencies, const char *name)
{
    return find(latencies, name);
}

/* Takes over name. The new histogram is empty. */
static struct mm_histogram *append(struct mm_latencies *latencies, char *name)
{
    struct mm_histogram *histogram = malloc(sizeof *histogram);
    struct mm_latency_metric *grown =
        realloc(latencies->metrics, (latencies->count + 1) * sizeof *grown);
    if (grown) {
        latencies->metrics = grown;
    }
    if (!histogram || !grown) {
        free(histogram);
        free(name);
        return NULL;
    }
    mm_histogram_reset(histogram);
    grown[latencies->count++] = (struct mm_latency_metric){name, histogram};
    return histogram;
}

static int merge(struct mm_latencies *latencies, const char *recorded, const json_t *json,
                 struct mm_histogram *scratch, struct mm_error *error)
{
    char *name = metric_name(recorded);
    if (!name) {
        return 0;
    }
    int result = mm_histogram_from_json(json, scratch, error);
    if (result < 0 || scratch->count == 0) {
        mm_error_prefix(error, "the latencies of %s", name);
        free(name);
        return result;
    }
    struct mm_histogram *into = find(latencies, name);
    if (into) {
        free(name);
    } else {
        into = append(latencies, name);
    }
    if (!into) {
        return mm_error_set(error, -ENOMEM, "out of memory");
    }
    mm_histogram_merge(into, scratch);
    return 0;
}

static uint64_t member(const json_t *object, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(object, name));
}

static void add_operations(struct mm_latencies *latencies, const json_t *launch,
                           uint64_t *elapsed_ns)
{
    size_t index;
    const json_t *sample;
    json_array_foreach(json_object_get(launch, "samples"), index, sample)
    {
        const json_t *operations = json_object_get(sample, "operations");
        uint64_t most_late_ns = member(operations, "most_late_ns");
        latencies->operations += member(operations, "count");
        *elapsed_ns += member(operations, "elapsed_ns");
        latencies->late += member(operations, "late");
        latencies->queued += member(operations, "queued");
        if (most_late_ns > latencies->most_late_ns) {
            latencies->most_late_ns = most_late_ns;
        }
    }
}

int mm_latencies_make(const json_t *plan_case, const struct mm_launch_sample *good, size_t count,
                      struct mm_latencies *latencies, struct mm_error *error)
{
    const char *measure = json_string_value(json_object_get(plan_case, "measure"));
    struct mm_histogram *scratch = malloc(sizeof *scratch);
    uint64_t elapsed_ns = 0;
    int result = scratch ? 0 : mm_error_set(error, -ENOMEM, "out of memory");

    *latencies = (struct mm_latencies){
        .measured = measure && strcmp(measure, "latency") == 0,
        .rate = member(plan_case, "rate"),
    };
    for (size_t i = 0; result == 0 && i < count; i++) {
        const char *name;
        json_t *histogram;
        json_object_foreach(json_object_get(good[i].launch, "histograms"), name, histogram)
        {
            result = result < 0 ? result : merge(latencies, name, histogram, scratch, error);
        }
        add_operations(latencies, good[i].launch, &elapsed_ns);
    }
    if (elapsed_ns > 0) {
        latencies->achieved_rate = (double)latencies->operations * 1e9 / (double)elapsed_ns;
    }
    free(scratch);
    return result;
}

void mm_latencies_release(struct mm_latencies *latencies)
{
    for (size_t i = 0; i < latencies->count; i++) {
        free(latencies->metrics[i].name);
        free(latencies->metrics[i].histogram);
    }
    free(latencies->metrics);
    *latencies = (struct mm_latencies){0};
}

bool mm_latencies_fell_behind(const struct mm_latencies *latencies)
{
    return latencies->rate > 0 && latencies->operations > 0 &&
           latencies->achieved_rate < KEPT_SHARE * (double)latencies->rate;
}
