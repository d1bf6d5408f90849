/* Pairs cases with their twins whose counters are off, launch by launch. */
#include "analysis/counter_cost.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char suffix[] = "/counting:off";

static bool is_twin(const struct mm_summary_case *off, const struct mm_summary_case *counted)
{
    size_t length = strlen(counted->name);
    return strncmp(off->name, counted->name, length) == 0 &&
           strcmp(off->name + length, suffix) == 0;
}

/* The case whose counters are on; it stands before its twin. NULL without one. */
static const struct mm_summary_case *find_counted(const struct mm_summary *summary, size_t off)
{
    for (size_t i = off; i > 0; i--) {
        if (is_twin(&summary->cases[off], &summary->cases[i - 1])) {
            return &summary->cases[i - 1];
        }
    }
    return NULL;
}

/* The time of a pass of each launch of a case, by the launch's index; 0 where there is none. */
static void read_times(const struct mm_record *record, const struct mm_summary_case *one,
                       double *times, size_t count)
{
    const struct mm_measure measure = {.name = "elapsed_ns"};
    size_t position;
    const json_t *launch;
    json_array_foreach(mm_record_launches(record), position, launch)
    {
        const char *id = json_string_value(json_object_get(launch, "case"));
        const char *status = json_string_value(json_object_get(launch, "status"));
        json_int_t index = json_integer_value(json_object_get(launch, "index"));
        const char *why;
        struct mm_launch_sample at = {launch, mm_launch_median_sample(launch)};
        if (strcmp(id, one->id) == 0 && strcmp(status, "ok") == 0 && at.sample && index >= 0 &&
            (size_t)index < count) {
            mm_measure_per_pass(&measure, &at, &times[index], &why);
        }
    }
}

/* The ratios of launches with the same index, which ran in the same round; returns how many. */
static size_t gather_ratios(const double *counted, const double *off, size_t count, double *ratios)
{
    size_t pairs = 0;
    for (size_t i = 0; i < count; i++) {
        if (counted[i] > 0 && off[i] > 0) {
            ratios[pairs++] = counted[i] / off[i];
        }
    }
    return pairs;
}

static int add_cost(const struct mm_summary *summary, const struct mm_summary_case *counted,
                    const struct mm_summary_case *off, struct mm_counter_costs *costs)
{
    size_t count = counted->launches_planned;
    double *values = calloc(3 * count + 1, sizeof *values);
    if (!values) {
        return -ENOMEM;
    }
    double *ratios = values + 2 * count;
    read_times(summary->record, counted, values, count);
    read_times(summary->record, off, values + count, count);
    size_t pairs = gather_ratios(values, values + count, count, ratios);
    if (pairs > 0) {
        struct mm_counter_cost *cost = &costs->items[costs->count++];
        *cost = (struct mm_counter_cost){.counted = counted, .off = off, .pairs = pairs};
        mm_statistics_sort(ratios, pairs);
        cost->ratio = mm_statistics_median(ratios, pairs);
        cost->has_interval =
            mm_statistics_median_interval(ratios, pairs, MM_STATISTICS_COVERAGE, &cost->interval);
    }
    free(values);
    return 0;
}

int mm_counter_costs_make(const struct mm_summary *summary, struct mm_counter_costs *costs)
{
    int result = 0;
    *costs = (struct mm_counter_costs){0};
    costs->items = calloc(summary->case_count + 1, sizeof *costs->items);
    if (!costs->items) {
        return -ENOMEM;
    }
    for (size_t i = 0; result == 0 && i < summary->case_count; i++) {
        const struct mm_summary_case *off = &summary->cases[i];
        const struct mm_summary_case *counted = off->counters_off ? find_counted(summary, i) : NULL;
        if (counted) {
            result = add_cost(summary, counted, off, costs);
        }
    }
    if (result < 0) {
        mm_counter_costs_release(costs);
    }
    return result;
}

void mm_counter_costs_release(struct mm_counter_costs *costs)
{
    free(costs->items);
    *costs = (struct mm_counter_costs){0};
}
