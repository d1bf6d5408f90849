/* A trend as JSON. */
#include "analysis/history/trend.h"

static json_t *number_or_null(bool there, double value)
{
    return there ? json_real(value) : json_null();
}

static json_t *point_to_json(const struct mm_trend_point *point)
{
    return json_pack(
        "{s:I, s:s, s:s?, s:s?, s:f, s:o, s:o, s:I}", "record", (json_int_t)point->record,
        "measured_utc", point->measured_utc, "revision", point->revision, "label", point->label,
        "value", point->value, "low", number_or_null(point->has_interval, point->low), "high",
        number_or_null(point->has_interval, point->high), "launches", (json_int_t)point->launches);
}

/* The records of a change by their place in points; before_revision is of the last one before it.
 */
static json_t *change_to_json(const struct mm_trend_series *series, const struct mm_change *change)
{
    const struct mm_trend_point *at = &series->points[change->first];
    const struct mm_trend_point *before = change->first > 0 ? at - 1 : NULL;
    bool tested = change->kind == MM_CHANGE_STEP || change->kind == MM_CHANGE_DRIFT;
    return json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:s, s:s?, s:s?, s:f, s:f, s:I, s:I, s:b, s:f, s:o, s:o, s:o,"
        " s:o}",
        "kind", mm_trend_kind(change->kind), "effect", mm_trend_effect(series, change), "first",
        (json_int_t)change->first, "last", (json_int_t)change->last, "record",
        (json_int_t)at->record, "measured_utc", at->measured_utc, "revision", at->revision,
        "revision_before", before ? before->revision : NULL, "before", change->before, "after",
        change->after, "points_before", (json_int_t)change->before_count, "points_after",
        (json_int_t)change->after_count, "is_ratio", change->is_ratio, "size", change->size, "low",
        number_or_null(change->has_interval, change->interval.low), "high",
        number_or_null(change->has_interval, change->interval.high), "coverage",
        number_or_null(change->has_interval, change->interval.coverage), "p",
        number_or_null(tested, change->p));
}

static json_t *series_to_json(const struct mm_trend_series *series)
{
    static const char *const worse[] = {"less", "neither", "more"};
    json_t *points = json_array();
    json_t *changes = json_array();
    int failed = 0;
    for (size_t i = 0; i < series->count; i++) {
        failed |= json_array_append_new(points, point_to_json(&series->points[i]));
    }
    for (size_t i = 0; i < series->changes.count; i++) {
        failed |= json_array_append_new(changes, change_to_json(series, &series->changes.items[i]));
    }
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:b, s:I, s:I, s:o, s:o}", "machine",
        series->machine, "source", series->source, "suite", series->suite, "benchmark",
        series->benchmark, "data", series->data, "metric", series->metric, "unit", series->unit,
        "worse", worse[series->worse + 1], "older_points", (json_int_t)series->older,
        "enough_points", series->changes.enough, "points_used", (json_int_t)series->changes.used,
        "points_needed", (json_int_t)series->changes.needed, "changes", changes, "points", points);
    if (failed) {
        json_decref(json);
        return NULL;
    }
    return json;
}

json_t *mm_trend_to_json(const struct mm_trend *trend, bool changed_only)
{
    json_t *list = json_array();
    for (size_t i = 0; i < trend->count; i++) {
        if (changed_only && !mm_trend_is_changed(&trend->series[i])) {
            continue;
        }
        if (json_array_append_new(list, series_to_json(&trend->series[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return json_pack("{s:{s:s, s:i}, s:{s:s, s:f, s:I, s:I, s:b}, s:o}", "schema", "name",
                     "mapmeter.trend", "version", 1, "method", "name", "E-divisive", "alpha",
                     trend->options.alpha, "permutations", (json_int_t)trend->options.permutations,
                     "seed", (json_int_t)trend->options.seed, "gates", 0, "series", list);
}
