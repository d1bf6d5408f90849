/* fio's JSON: bandwidth, operations per second and latencies of each job and direction. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analysis/history/ingest_internal.h"
#include "common/text.h"

/* The options by which two runs of one job are the same work; "data" of its figures. */
static const char *const work_options[] = {"rw",     "bs",      "size",  "ioengine",
                                           "direct", "iodepth", "fsync", "fdatasync"};

static const struct {
    const char *key;
    const char *name;
} percentiles[] = {
    {"50.000000", "p50"}, {"95.000000", "p95"}, {"99.000000", "p99"}, {"99.900000", "p999"}};

static char *append_option(char *text, const char *name, const char *value)
{
    char *joined = mm_text_format("%s%s%s=%s", text ? text : "", text ? " " : "", name, value);
    free(text);
    return joined;
}

/* "rw=randread bs=4k ioengine=psync": of the job, else of all jobs. NULL when memory is short. */
static char *data_of(const json_t *root, const json_t *job)
{
    char *text = NULL;
    for (size_t i = 0; i < MM_COUNT_OF(work_options); i++) {
        const char *value = mm_ingest_text(json_object_get(job, "job options"), work_options[i]);
        if (!value) {
            value = mm_ingest_text(json_object_get(root, "global options"), work_options[i]);
        }
        if (value) {
            text = append_option(text, work_options[i], value);
            if (!text) {
                return NULL;
            }
        }
    }
    return text ? text : strdup("");
}

/* Without a group report every process of a job is an entry of the same name. */
static size_t place_among_equals(const json_t *jobs, size_t index, const char *name)
{
    size_t place = 1;
    for (size_t i = 0; i < index; i++) {
        const char *other = mm_ingest_text(json_array_get(jobs, i), "jobname");
        place += other && strcmp(other, name) == 0;
    }
    return place;
}

static char *benchmark_name(const json_t *jobs, size_t index, const char *direction)
{
    const char *job = mm_ingest_text(json_array_get(jobs, index), "jobname");
    size_t place = place_among_equals(jobs, index, job);
    return place > 1 ? mm_text_format("%s#%zu/%s", job, place, direction)
                     : mm_text_format("%s/%s", job, direction);
}

static int append_number(struct mm_ingest *ingest, struct mm_history_metric *names,
                         const char *name, const char *unit, enum mm_history_worse worse,
                         const json_t *value)
{
    if (!json_is_number(value)) {
        return 0;
    }
    names->name = (char *)name;
    names->unit = (char *)unit;
    names->worse = worse;
    return mm_ingest_append_single(ingest, names, json_number_value(value));
}

/* clat_ns or lat_ns; fio leaves the percentiles out where it was told to. */
static int append_percentiles(struct mm_ingest *ingest, struct mm_history_metric *names,
                              const char *prefix, const json_t *latency)
{
    const json_t *values = json_object_get(latency, "percentile");
    int result = 0;
    for (size_t i = 0; result == 0 && i < MM_COUNT_OF(percentiles); i++) {
        char *name = mm_text_format("%s_%s", prefix, percentiles[i].name);
        result = name ? append_number(ingest, names, name, "ns", MM_HISTORY_MORE_IS_WORSE,
                                      json_object_get(values, percentiles[i].key))
                      : -ENOMEM;
        free(name);
    }
    return result;
}

static int append_direction(struct mm_ingest *ingest, struct mm_history_metric *names,
                            const json_t *direction)
{
    int result = append_number(ingest, names, "bandwidth", "B/s", MM_HISTORY_LESS_IS_WORSE,
                               json_object_get(direction, "bw_bytes"));
    if (result == 0) {
        result = append_number(ingest, names, "iops", "1/s", MM_HISTORY_LESS_IS_WORSE,
                               json_object_get(direction, "iops"));
    }
    return result == 0
               ? append_percentiles(ingest, names, "clat", json_object_get(direction, "clat_ns"))
               : result;
}

static int append_job(struct mm_ingest *ingest, const json_t *root, size_t index)
{
    static const char *const directions[] = {"read", "write", "trim", "sync"};
    const json_t *jobs = json_object_get(root, "jobs");
    const json_t *job = json_array_get(jobs, index);
    struct mm_history_metric names = {.data = data_of(root, job)};
    int result = names.data ? 0 : -ENOMEM;
    for (size_t i = 0; result == 0 && i < MM_COUNT_OF(directions); i++) {
        const json_t *direction = json_object_get(job, directions[i]);
        if (json_integer_value(json_object_get(direction, "total_ios")) <= 0) {
            continue;
        }
        names.benchmark = benchmark_name(jobs, index, directions[i]);
        if (!names.benchmark) {
            result = -ENOMEM;
        } else if (strcmp(directions[i], "sync") == 0) {
            result =
                append_percentiles(ingest, &names, "lat", json_object_get(direction, "lat_ns"));
        } else {
            result = append_direction(ingest, &names, direction);
        }
        free(names.benchmark);
    }
    free(names.data);
    return result;
}

static char *utc_of(const json_t *timestamp)
{
    char text[32];
    struct tm parts;
    time_t seconds = (time_t)json_integer_value(timestamp);
    if (!json_is_integer(timestamp) || !gmtime_r(&seconds, &parts) ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        return NULL;
    }
    return strdup(text);
}

static int set_texts(const json_t *root, struct mm_ingest *ingest, struct mm_error *error)
{
    struct mm_history_record *record = &ingest->record;
    char *digest = mm_ingest_digest(root);
    record->measured_utc = utc_of(json_object_get(root, "timestamp"));
    if (!record->measured_utc) {
        free(digest);
        return mm_error_set(error, -EPROTO, "timestamp is missing, or not a time");
    }
    record->identity = digest ? mm_text_format("fio %s %s", record->measured_utc, digest) : NULL;
    free(digest);
    return !record->identity || mm_ingest_set(&record->source, "fio") < 0 ||
                   mm_ingest_set(&record->suite, "fio") < 0
               ? mm_ingest_no_memory(error)
               : 0;
}

int mm_ingest_fio(json_t *root, struct mm_ingest *ingest, struct mm_error *error)
{
    size_t index;
    const json_t *job;
    int result = set_texts(root, ingest, error);
    json_array_foreach(json_object_get(root, "jobs"), index, job)
    {
        if (result < 0) {
            return result;
        }
        if (!mm_ingest_text(job, "jobname")) {
            return mm_error_set(error, -EPROTO, "jobs[%zu]: jobname is missing", index);
        }
        if (json_integer_value(json_object_get(job, "error")) != 0) {
            ingest->left_out++;
        } else if (append_job(ingest, root, index) < 0) {
            result = mm_ingest_no_memory(error);
        }
    }
    return result;
}
