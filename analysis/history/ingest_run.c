/* The record of a run: for each case throughput or time, page faults, and latencies. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/history/ingest_internal.h"
#include "analysis/summary.h"
#include "common/text.h"

/* Which quantiles of latencies are kept. */
static const struct {
    const char *name;
    double share;
} quantiles[] = {{"p50", 0.5}, {"p99", 0.99}, {"p999", 0.999}};

static int check_finished(const json_t *run, struct mm_error *error)
{
    const char *interrupted = mm_ingest_text(run, "interrupted");
    if (!interrupted && mm_ingest_text(run, "finished_utc")) {
        return 0;
    }
    return mm_error_set(error, -EINVAL,
                        "the run was not finished%s%s; 'mapmeter run --resume' makes what lacks",
                        interrupted ? ": " : "", interrupted ? interrupted : "");
}

/* Of plug-ins and commands the revision of mapmeter says nothing. */
static bool is_of_mapmeter(const json_t *cases)
{
    size_t index;
    const json_t *one;
    json_array_foreach(cases, index, one)
    {
        const char *workload = mm_ingest_text(one, "workload");
        if (json_object_get(one, "plugin") || (workload && strcmp(workload, "command") == 0)) {
            return false;
        }
    }
    return true;
}

static int set_texts(const struct mm_record *from, struct mm_ingest *ingest)
{
    struct mm_history_record *record = &ingest->record;
    const json_t *run = mm_record_run(from);
    const char *revision = mm_ingest_text(json_object_get(run, "mapmeter"), "revision");
    bool known = revision && strcmp(revision, "unknown") != 0;
    record->identity = mm_text_format("mapmeter run %s", mm_ingest_text(run, "id"));
    if (!record->identity || mm_ingest_set(&record->source, "mapmeter") < 0 ||
        mm_ingest_set(&record->measured_utc, mm_ingest_text(run, "started_utc")) < 0 ||
        mm_ingest_set(&record->machine,
                      mm_ingest_text(mm_record_environment(from), "fingerprint")) < 0 ||
        mm_ingest_set(&record->suite, mm_ingest_text(run, "suite")) < 0) {
        return -ENOMEM;
    }
    return known && is_of_mapmeter(mm_record_cases(from))
               ? mm_ingest_set(&record->revision, revision)
               : 0;
}

/* The quantile of a histogram of each launch; without interval where a launch has none. */
static int append_quantile(struct mm_ingest *ingest, const struct mm_record *from,
                           const struct mm_summary_case *one, struct mm_history_metric *names,
                           const char *latency, size_t quantile)
{
    const json_t **launches = NULL;
    size_t count = 0;
    size_t used = 0;
    struct mm_distribution distribution = {0};
    struct mm_histogram histogram;
    int result = mm_record_good_launches(from, one->id, &launches, &count);
    double *values = result == 0 ? calloc(count + 1, sizeof *values) : NULL;
    char *member = mm_text_format("%s_ns", latency);
    names->name = mm_text_format("%s_%s", latency, quantiles[quantile].name);
    if (!values || !member || !names->name) {
        result = -ENOMEM;
    }
    for (size_t i = 0; result == 0 && i < count; i++) {
        const json_t *json = json_object_get(json_object_get(launches[i], "histograms"), member);
        if (json && mm_histogram_from_json(json, &histogram, NULL) == 0 && histogram.count > 0) {
            values[used++] = (double)mm_histogram_quantile(&histogram, quantiles[quantile].share);
        }
    }
    if (result == 0) {
        result = mm_distribution_make(values, used, NULL, &distribution);
        values = NULL;
    }
    if (result == 0) {
        result = mm_ingest_append(ingest, names, &distribution);
        mm_distribution_release(&distribution);
    }
    free(values);
    free(member);
    free(names->name);
    free(launches);
    return result;
}

static int append_latencies(struct mm_ingest *ingest, const struct mm_record *from,
                            const struct mm_summary_case *one,
                            const struct mm_history_metric *common)
{
    struct mm_history_metric names = *common;
    int result = 0;
    names.unit = (char *)"ns";
    names.worse = MM_HISTORY_MORE_IS_WORSE;
    for (size_t i = 0; i < one->latencies.count; i++) {
        for (size_t quantile = 0; result == 0 && quantile < MM_COUNT_OF(quantiles); quantile++) {
            result = append_quantile(ingest, from, one, &names, one->latencies.metrics[i].name,
                                     quantile);
        }
    }
    return result;
}

/* Time and throughput follow from each other: one of them is kept. */
static int append_speed(struct mm_ingest *ingest, const struct mm_summary_case *one,
                        const struct mm_history_metric *common)
{
    bool has_bytes = one->bytes_per_second.count > 0;
    struct mm_history_metric names = *common;
    names.name = (char *)(has_bytes ? "throughput" : "time");
    names.unit = (char *)(has_bytes ? "B/s" : "ns");
    names.worse = has_bytes ? MM_HISTORY_LESS_IS_WORSE : MM_HISTORY_MORE_IS_WORSE;
    return mm_ingest_append(ingest, &names, has_bytes ? &one->bytes_per_second : &one->elapsed_ns);
}

static int append_case(struct mm_ingest *ingest, const struct mm_record *from,
                       const struct mm_summary_case *one)
{
    struct mm_history_metric names = {.benchmark = (char *)one->name};
    int result = 0;
    if (one->failed > 0) {
        ingest->left_out++;
        return 0;
    }
    if (one->good == 0) {
        return 0;
    }
    names.data = mm_ingest_data_text(mm_record_files(from), one->json);
    if (!names.data) {
        return -ENOMEM;
    }
    /* The time of a case that measures latency at a rate is that of its schedule. */
    if (!one->latencies.measured) {
        result = append_speed(ingest, one, &names);
    }
    if (result == 0 && !one->counters_off) {
        struct mm_history_metric faults = names;
        faults.name = (char *)"faults";
        faults.unit = (char *)"";
        faults.worse = MM_HISTORY_MORE_IS_WORSE;
        result = mm_ingest_append(ingest, &faults, &one->faults);
    }
    if (result == 0) {
        result = append_latencies(ingest, from, one, &names);
    }
    free(names.data);
    return result;
}

int mm_ingest_run(json_t *root, struct mm_ingest *ingest, struct mm_error *error)
{
    struct mm_record *from = NULL;
    struct mm_summary *summary = NULL;
    int result = mm_record_from_json(json_incref(root), &from, error);
    if (result < 0) {
        json_decref(root);
        return result;
    }
    result = check_finished(mm_record_run(from), error);
    if (result == 0) {
        result = mm_summary_make(from, &summary, error);
    }
    if (result == 0 && set_texts(from, ingest) < 0) {
        result = mm_ingest_no_memory(error);
    }
    for (size_t i = 0; result == 0 && i < summary->case_count; i++) {
        if (append_case(ingest, from, &summary->cases[i]) < 0) {
            result = mm_ingest_no_memory(error);
        }
    }
    mm_summary_free(summary);
    mm_record_free(from);
    return result;
}
