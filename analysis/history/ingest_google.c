/* Google Benchmark's JSON: the repetitions of each benchmark, or its median where they are not. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analysis/history/ingest_internal.h"
#include "common/text.h"

/* Numbers of an entry that are no figures. */
static const char *const not_figures[] = {
    "family_index", "per_family_instance_index", "repetitions", "repetition_index", "threads",
    "iterations",
};

/* What is worse of the figures that are known by name; of the others, counters of the benchmark's
 * own, nobody can say. */
static const struct {
    const char *name;
    const char *unit;
    enum mm_history_worse worse;
    bool in_time_unit;
} known_figures[] = {
    {"real_time", "ns", MM_HISTORY_MORE_IS_WORSE, true},
    {"cpu_time", "ns", MM_HISTORY_MORE_IS_WORSE, true},
    {"bytes_per_second", "B/s", MM_HISTORY_LESS_IS_WORSE, false},
    {"items_per_second", "1/s", MM_HISTORY_LESS_IS_WORSE, false},
    {"minor_faults", "", MM_HISTORY_MORE_IS_WORSE, false},
    {"major_faults", "", MM_HISTORY_MORE_IS_WORSE, false},
    {"flush_p50_ns", "ns", MM_HISTORY_MORE_IS_WORSE, false},
    {"flush_p99_ns", "ns", MM_HISTORY_MORE_IS_WORSE, false},
    {"flush_p999_ns", "ns", MM_HISTORY_MORE_IS_WORSE, false},
    {"flush_max_ns", "ns", MM_HISTORY_MORE_IS_WORSE, false},
};

static const struct {
    const char *name;
    double nanoseconds;
} time_units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};

/* The entries of one benchmark. */
struct group {
    const char *name;
    json_t *entries; /* repetitions that were measured */
    json_t *medians; /* the aggregate of that name, or the mean, in one entry at most */
    bool has_failed;
};

static bool is_figure(const char *name, const json_t *value)
{
    for (size_t i = 0; i < MM_COUNT_OF(not_figures); i++) {
        if (strcmp(name, not_figures[i]) == 0) {
            return false;
        }
    }
    return json_is_number(value);
}

/* Entries with an error have no time; 1.8 calls it skipped. */
static bool has_failed(const json_t *entry)
{
    return json_is_true(json_object_get(entry, "error_occurred")) ||
           json_object_get(entry, "skipped") || json_object_get(entry, "error_message");
}

static double time_factor(const json_t *entry)
{
    const char *unit = mm_ingest_text(entry, "time_unit");
    for (size_t i = 0; i < MM_COUNT_OF(time_units); i++) {
        if (unit && strcmp(unit, time_units[i].name) == 0) {
            return time_units[i].nanoseconds;
        }
    }
    return 0;
}

static int check_entry(const json_t *entry, struct mm_error *error)
{
    const char *name = mm_ingest_text(entry, "name");
    if (!name) {
        return mm_error_set(error, -EPROTO, "a benchmark without a name");
    }
    if (has_failed(entry) || json_object_get(entry, "big_o") || json_object_get(entry, "rms")) {
        return 0;
    }
    if (!json_is_number(json_object_get(entry, "real_time"))) {
        return mm_error_set(error, -EPROTO, "%s: real_time is missing, or no number", name);
    }
    if (!(time_factor(entry) > 0)) {
        return mm_error_set(error, -EPROTO, "%s: time_unit is not ns, us, ms or s", name);
    }
    return 0;
}

static struct group *find_group(struct group *groups, size_t *count, const char *name)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(groups[i].name, name) == 0) {
            return &groups[i];
        }
    }
    groups[*count] = (struct group){name, json_array(), json_array(), false};
    return &groups[(*count)++];
}

static int add_to_group(struct group *group, json_t *entry)
{
    const char *type = mm_ingest_text(entry, "run_type");
    const char *aggregate = mm_ingest_text(entry, "aggregate_name");
    if (has_failed(entry)) {
        group->has_failed = true;
        return 0;
    }
    if (!type || strcmp(type, "aggregate") != 0) {
        return json_array_append(group->entries, entry);
    }
    /* Of both the median is taken, whichever comes first. */
    bool is_median = aggregate && strcmp(aggregate, "median") == 0;
    bool is_mean = aggregate && strcmp(aggregate, "mean") == 0;
    if (!is_median && (!is_mean || json_array_size(group->medians) > 0)) {
        return 0;
    }
    return json_array_clear(group->medians) ? -1 : json_array_append(group->medians, entry);
}

/* groups has room for one an entry. */
static int make_groups(const json_t *benchmarks, struct group *groups, size_t *count,
                       struct mm_error *error)
{
    size_t index;
    json_t *entry;
    int result = 0;
    json_array_foreach(benchmarks, index, entry)
    {
        const char *name = mm_ingest_text(entry, "run_name");
        result = check_entry(entry, error);
        if (result < 0) {
            return result;
        }
        name = name ? name : mm_ingest_text(entry, "name");
        struct group *group = find_group(groups, count, name);
        if (!group->entries || !group->medians || add_to_group(group, entry) != 0) {
            return mm_ingest_no_memory(error);
        }
    }
    return 0;
}

static void describe(const char *name, struct mm_history_metric *names, bool *in_time_unit)
{
    names->name = (char *)name;
    names->unit = (char *)"";
    names->worse = MM_HISTORY_NEITHER_IS_WORSE;
    *in_time_unit = false;
    for (size_t i = 0; i < MM_COUNT_OF(known_figures); i++) {
        if (strcmp(name, known_figures[i].name) == 0) {
            names->unit = (char *)known_figures[i].unit;
            names->worse = known_figures[i].worse;
            *in_time_unit = known_figures[i].in_time_unit;
        }
    }
}

/* A figure that not every entry has is left out. Repetitions of one process are one launch: what
 * they share does not show in how they differ. */
static int append_figure(struct mm_ingest *ingest, const json_t *entries, const char *benchmark,
                         const char *name, bool are_launches)
{
    struct mm_history_metric names = {.benchmark = (char *)benchmark, .data = (char *)""};
    struct mm_distribution distribution;
    size_t count = json_array_size(entries);
    double *values = calloc(count + 1, sizeof *values);
    bool in_time_unit;
    if (!values) {
        return -ENOMEM;
    }
    describe(name, &names, &in_time_unit);
    for (size_t i = 0; i < count; i++) {
        const json_t *entry = json_array_get(entries, i);
        const json_t *value = json_object_get(entry, name);
        if (!json_is_number(value)) {
            free(values);
            return 0;
        }
        values[i] = json_number_value(value) * (in_time_unit ? time_factor(entry) : 1);
    }
    int result = mm_distribution_make(values, count, NULL, &distribution);
    if (result == 0) {
        result = are_launches ? mm_ingest_append(ingest, &names, &distribution)
                              : mm_ingest_append_single(ingest, &names, distribution.median);
        mm_distribution_release(&distribution);
    }
    return result;
}

static int append_group(struct mm_ingest *ingest, const struct group *group, bool are_launches)
{
    const json_t *entries = json_array_size(group->entries) > 0 ? group->entries : group->medians;
    const char *name;
    json_t *value;
    int result = 0;
    if (group->has_failed) {
        ingest->left_out++;
        return 0;
    }
    json_object_foreach(json_array_get(entries, 0), name, value)
    {
        if (result == 0 && is_figure(name, value)) {
            result = append_figure(ingest, entries, group->name, name, are_launches);
        }
    }
    return result;
}

/* "2026-11-24T21:24:22+01:00", or of old "2018-02-05 12:00:00", which is taken for UTC. */
static char *utc_of(const char *date)
{
    char text[32];
    struct tm parts = {0};
    const char *rest = date ? strptime(date, "%Y-%m-%dT%H:%M:%S", &parts) : NULL;
    long offset = 0;
    if (rest && *rest) {
        rest = strcmp(rest, "Z") == 0 ? rest + 1 : strptime(rest, "%z", &parts);
        offset = parts.tm_gmtoff;
    } else if (date && !rest) {
        parts = (struct tm){0};
        rest = strptime(date, "%Y-%m-%d %H:%M:%S", &parts);
    }
    if (!rest || *rest) {
        return NULL;
    }
    time_t seconds = timegm(&parts) - offset;
    if (!gmtime_r(&seconds, &parts) ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        return NULL;
    }
    return strdup(text);
}

/* Google Benchmark knows of the machine its name, processors and caches. NULL without a name. */
static char *machine_of(const json_t *context)
{
    const char *host = mm_ingest_text(context, "host_name");
    json_t *facts = json_pack(
        "{s:O*, s:O*, s:O*}", "host_name", json_object_get(context, "host_name"), "num_cpus",
        json_object_get(context, "num_cpus"), "caches", json_object_get(context, "caches"));
    char *digest = host && facts ? mm_ingest_digest(facts) : NULL;
    char *machine = digest ? mm_text_format("%s-%s", host, digest + 2) : NULL;
    json_decref(facts);
    free(digest);
    return machine;
}

static int set_texts(const json_t *root, struct mm_ingest *ingest, struct mm_error *error)
{
    struct mm_history_record *record = &ingest->record;
    const json_t *context = json_object_get(root, "context");
    const char *executable = mm_ingest_text(context, "executable");
    const char *slash = executable ? strrchr(executable, '/') : NULL;
    char *digest = mm_ingest_digest(root);
    record->measured_utc = utc_of(mm_ingest_text(context, "date"));
    if (!record->measured_utc) {
        free(digest);
        return mm_error_set(error, -EPROTO, "context.date is missing, or not a time");
    }
    record->machine = machine_of(context);
    record->identity =
        digest ? mm_text_format("Google Benchmark %s %s", record->measured_utc, digest) : NULL;
    free(digest);
    const char *suite = slash ? slash + 1 : executable;
    if (!record->identity || mm_ingest_set(&record->source, "Google Benchmark") < 0 ||
        mm_ingest_set(&record->suite, suite && *suite ? suite : "benchmark") < 0) {
        return mm_ingest_no_memory(error);
    }
    return 0;
}

int mm_ingest_google(json_t *root, struct mm_ingest *ingest, struct mm_error *error)
{
    const json_t *benchmarks = json_object_get(root, "benchmarks");
    /* In what is derived from a record of mapmeter every repetition is a process of its own. */
    bool are_launches = mm_ingest_text(json_object_get(root, "context"), "mapmeter_run") != NULL;
    size_t count = 0;
    struct group *groups = calloc(json_array_size(benchmarks) + 1, sizeof *groups);
    int result = groups ? set_texts(root, ingest, error) : mm_ingest_no_memory(error);
    if (result == 0) {
        result = make_groups(benchmarks, groups, &count, error);
    }
    for (size_t i = 0; result == 0 && i < count; i++) {
        if (append_group(ingest, &groups[i], are_launches) < 0) {
            result = mm_ingest_no_memory(error);
        }
    }
    for (size_t i = 0; i < count; i++) {
        json_decref(groups[i].entries);
        json_decref(groups[i].medians);
    }
    free(groups);
    return result;
}
