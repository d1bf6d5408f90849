/* A record of the history before it is stored: put together and checked. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "common/text.h"
#include "results/history.h"

static void release_metric(struct mm_history_metric *metric)
{
    free(metric->benchmark);
    free(metric->data);
    free(metric->name);
    free(metric->unit);
}

void mm_history_record_release(struct mm_history_record *record)
{
    for (size_t i = 0; i < record->metric_count; i++)
        release_metric(&record->metrics[i]);
    free(record->metrics);
    free(record->identity);
    free(record->measured_utc);
    free(record->machine);
    free(record->suite);
    free(record->source);
    free(record->revision);
    free(record->label);
    *record = (struct mm_history_record){0};
}

int mm_history_record_append(struct mm_history_record *record,
                             const struct mm_history_metric *metric)
{
    struct mm_history_metric copy = *metric;
    copy.benchmark = strdup(metric->benchmark);
    copy.data = strdup(metric->data);
    copy.name = strdup(metric->name);
    copy.unit = strdup(metric->unit);
    struct mm_history_metric *grown =
        realloc(record->metrics, (record->metric_count + 1) * sizeof(*grown));
    if (grown)
        record->metrics = grown;
    if (!grown || !copy.benchmark || !copy.data || !copy.name || !copy.unit) {
        release_metric(&copy);
        return -ENOMEM;
    }
    grown[record->metric_count++] = copy;
    return 0;
}

/* jansson refuses what is no UTF-8, as SQLite's readers would. */
static bool is_text(const char *text)
{
    json_t *json = text ? json_string(text) : NULL;
    json_decref(json);
    return json != NULL;
}

static int check_text(const char *what, const char *text, bool may_be_empty, struct mm_error *error)
{
    if (!is_text(text))
        return mm_error_set(error, -EINVAL, "%s: %s", what, text ? "not UTF-8" : "missing");
    if (!text[0] && !may_be_empty)
        return mm_error_set(error, -EINVAL, "%s: empty", what);
    return 0;
}

/* Exactly the form that sorts as text, and a time that there is. */
static bool is_time(const char *text)
{
    struct tm parts = {0};
    char again[32];
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    if (!end || *end)
        return false;
    time_t seconds = timegm(&parts);
    return gmtime_r(&seconds, &parts) &&
           strftime(again, sizeof(again), "%Y-%m-%dT%H:%M:%SZ", &parts) > 0 && !strcmp(again, text);
}

static int check_figures(const struct mm_history_metric *metric, struct mm_error *error)
{
    if (!isfinite(metric->estimate))
        return mm_error_set(error, -EINVAL, "not a finite number");
    if (metric->launches == 0 || metric->launches > INT64_MAX)
        return mm_error_set(error, -EINVAL, "a figure without launches");
    if (!metric->has_interval)
        return 0;
    if (metric->launches < MM_HISTORY_INTERVAL_LAUNCHES)
        return mm_error_set(error, -EINVAL, "an interval needs %d launches",
                            MM_HISTORY_INTERVAL_LAUNCHES);
    if (!isfinite(metric->low) || !isfinite(metric->high) || metric->low > metric->estimate ||
        metric->high < metric->estimate)
        return mm_error_set(error, -EINVAL, "an interval that is not around its estimate");
    return 0;
}

static int check_metric(const struct mm_history_metric *metric, struct mm_error *error)
{
    int status = check_text("benchmark", metric->benchmark, false, error);
    if (!status)
        status = check_text("metric", metric->name, false, error);
    if (!status)
        status = check_text("data", metric->data, true, error);
    if (!status)
        status = check_text("unit", metric->unit, true, error);
    if (status)
        return status;
    status = check_figures(metric, error);
    if (status)
        mm_error_prefix(error, "%s of %s", metric->name, metric->benchmark);
    return status;
}

/* By all that makes a figure unique. */
static int compare_metrics(const void *left, const void *right)
{
    const struct mm_history_metric *a = *(const struct mm_history_metric *const *)left;
    const struct mm_history_metric *b = *(const struct mm_history_metric *const *)right;
    int order = strcmp(a->benchmark, b->benchmark);
    if (!order)
        order = strcmp(a->data, b->data);
    return order ? order : strcmp(a->name, b->name);
}

static int check_unique(const struct mm_history_record *record, struct mm_error *error)
{
    const struct mm_history_metric **sorted = calloc(record->metric_count, sizeof(*sorted));
    if (!sorted)
        return mm_error_set(error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < record->metric_count; i++)
        sorted[i] = &record->metrics[i];
    qsort(sorted, record->metric_count, sizeof(*sorted), compare_metrics);
    int status = 0;
    for (size_t i = 1; i < record->metric_count && !status; i++) {
        if (!compare_metrics(&sorted[i - 1], &sorted[i]))
            status = mm_error_set(error, -EINVAL, "%s of %s stands twice", sorted[i]->name,
                                  sorted[i]->benchmark);
    }
    free(sorted);
    return status;
}

int mm_history_record_check(const struct mm_history_record *record, struct mm_error *error)
{
    const struct {
        const char *what;
        const char *text;
        bool optional;
    } texts[] = {
        {"identity", record->identity, false}, {"time", record->measured_utc, false},
        {"machine", record->machine, false},   {"suite", record->suite, false},
        {"source", record->source, false},     {"revision", record->revision, true},
        {"label", record->label, true},
    };
    int status = 0;
    for (size_t i = 0; i < MM_COUNT_OF(texts) && !status; i++) {
        if (texts[i].text || !texts[i].optional)
            status = check_text(texts[i].what, texts[i].text, false, error);
    }
    if (!status && !is_time(record->measured_utc))
        status = mm_error_set(error, -EINVAL, "'%s' is no time of the form 2026-11-22T15:00:00Z",
                              record->measured_utc);
    if (!status && record->metric_count == 0)
        status = mm_error_set(error, -EINVAL, "it holds no figure");
    for (size_t i = 0; i < record->metric_count && !status; i++)
        status = check_metric(&record->metrics[i], error);
    return status ? status : check_unique(record, error);
}
