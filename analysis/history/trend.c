/* Gathers the series of a history and looks for changes in each. */
#include "analysis/history/trend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void release_point(struct mm_trend_point *point)
{
    free(point->measured_utc);
    free(point->revision);
    free(point->label);
}

static void release_series(struct mm_trend_series *series)
{
    for (size_t i = 0; i < series->count; i++) {
        release_point(&series->points[i]);
    }
    free(series->points);
    free(series->machine);
    free(series->source);
    free(series->suite);
    free(series->benchmark);
    free(series->data);
    free(series->metric);
    free(series->unit);
    mm_changes_release(&series->changes);
}

void mm_trend_free(struct mm_trend *trend)
{
    if (!trend) {
        return;
    }
    for (size_t i = 0; i < trend->count; i++) {
        release_series(&trend->series[i]);
    }
    free(trend->series);
    free(trend);
}

static bool is_of(const struct mm_trend_series *series, const struct mm_history_point *point)
{
    return strcmp(series->machine, point->entry.machine) == 0 &&
           strcmp(series->source, point->entry.source) == 0 &&
           strcmp(series->suite, point->entry.suite) == 0 &&
           strcmp(series->benchmark, point->metric.benchmark) == 0 &&
           strcmp(series->data, point->metric.data) == 0 &&
           strcmp(series->metric, point->metric.name) == 0 &&
           strcmp(series->unit, point->metric.unit) == 0;
}

static int append_series(struct mm_trend *trend, const struct mm_history_point *point)
{
    struct mm_trend_series *grown = realloc(trend->series, (trend->count + 1) * sizeof *grown);
    if (!grown) {
        return -ENOMEM;
    }
    trend->series = grown;
    struct mm_trend_series *series = &grown[trend->count++];
    *series = (struct mm_trend_series){
        .machine = strdup(point->entry.machine),
        .source = strdup(point->entry.source),
        .suite = strdup(point->entry.suite),
        .benchmark = strdup(point->metric.benchmark),
        .data = strdup(point->metric.data),
        .metric = strdup(point->metric.name),
        .unit = strdup(point->metric.unit),
    };
    return series->machine && series->source && series->suite && series->benchmark &&
                   series->data && series->metric && series->unit
               ? 0
               : -ENOMEM;
}

/* NULL stays NULL; false when memory is short. */
static bool copy_text(const char *text, char **copy)
{
    *copy = text ? strdup(text) : NULL;
    return *copy || !text;
}

static int append_point(struct mm_trend_series *series, const struct mm_history_point *from)
{
    struct mm_trend_point *grown =
        realloc(series->points, (series->count + 1) * sizeof *series->points);
    if (!grown) {
        return -ENOMEM;
    }
    series->points = grown;
    struct mm_trend_point *point = &grown[series->count++];
    *point = (struct mm_trend_point){
        .record = from->entry.id,
        .value = from->metric.estimate,
        .has_interval = from->metric.has_interval,
        .low = from->metric.low,
        .high = from->metric.high,
        .launches = from->metric.launches,
    };
    series->worse = from->metric.worse;
    return copy_text(from->entry.measured_utc, &point->measured_utc) &&
                   copy_text(from->entry.revision, &point->revision) &&
                   copy_text(from->entry.label, &point->label)
               ? 0
               : -ENOMEM;
}

/* Points come series by series. */
static int keep_point(void *context, const struct mm_history_point *point)
{
    struct mm_trend *trend = context;
    bool is_next = trend->count == 0 || !is_of(&trend->series[trend->count - 1], point);
    int result = is_next ? append_series(trend, point) : 0;
    return result == 0 ? append_point(&trend->series[trend->count - 1], point) : result;
}

static void drop_oldest(struct mm_trend_series *series)
{
    if (series->count <= MM_CHANGE_POINT_LIMIT) {
        return;
    }
    series->older = series->count - MM_CHANGE_POINT_LIMIT;
    for (size_t i = 0; i < series->older; i++) {
        release_point(&series->points[i]);
    }
    series->count = MM_CHANGE_POINT_LIMIT;
    memmove(series->points, series->points + series->older, series->count * sizeof *series->points);
}

static int judge(struct mm_trend_series *series, const struct mm_change_point_options *options)
{
    drop_oldest(series);
    double *values = calloc(series->count + 1, sizeof *values);
    if (!values) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < series->count; i++) {
        values[i] = series->points[i].value;
    }
    int result = mm_changes_find(values, series->count, options, &series->changes);
    free(values);
    return result;
}

int mm_trend_make(struct mm_history *history, const struct mm_history_filter *filter,
                  const struct mm_change_point_options *options, struct mm_trend **trend,
                  struct mm_error *error)
{
    struct mm_trend *made = calloc(1, sizeof *made);
    if (!made) {
        return mm_error_set(error, -ENOMEM, "out of memory");
    }
    made->options = *options;
    int result = mm_history_each_point(history, filter, keep_point, made, error);
    for (size_t i = 0; result == 0 && i < made->count; i++) {
        result = judge(&made->series[i], options);
    }
    if (result == -ENOMEM) {
        mm_error_set(error, result, "out of memory");
    } else if (result == -EINVAL) {
        mm_error_set(error, result, "the level of the test and its permutations do not fit");
    }
    if (result < 0) {
        mm_trend_free(made);
        return result;
    }
    *trend = made;
    return 0;
}

const char *mm_trend_kind(enum mm_change_kind kind)
{
    static const char *const names[] = {
        [MM_CHANGE_STEP] = "step",
        [MM_CHANGE_DRIFT] = "drift",
        [MM_CHANGE_SPIKE] = "spike",
        [MM_CHANGE_PENDING] = "pending",
    };
    return names[kind];
}

const char *mm_trend_effect(const struct mm_trend_series *series, const struct mm_change *change)
{
    double none = change->is_ratio ? 1 : 0;
    int direction = (change->size > none) - (change->size < none);
    bool unclear =
        change->has_interval && change->interval.low <= none && change->interval.high >= none;
    if (direction == 0 || unclear) {
        return "unclear";
    }
    if (series->worse == MM_HISTORY_NEITHER_IS_WORSE) {
        return direction > 0 ? "up" : "down";
    }
    return direction == (int)series->worse ? "worse" : "better";
}

bool mm_trend_is_changed(const struct mm_trend_series *series)
{
    for (size_t i = 0; i < series->changes.count; i++) {
        if (series->changes.items[i].kind != MM_CHANGE_SPIKE) {
            return true;
        }
    }
    return false;
}
