/* The record of a gate: the medians of its head side. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/history/ingest_internal.h"
#include "common/text.h"

#define GATE_SCHEMA_VERSION 1

static int check_form(const json_t *root, struct mm_error *error)
{
    const json_t *gate = json_object_get(root, "gate");
    json_int_t version =
        json_integer_value(json_object_get(json_object_get(root, "schema"), "version"));
    if (version > GATE_SCHEMA_VERSION) {
        return mm_error_set(error, -ENOTSUP,
                            "the record of a gate has schema version %lld, and this mapmeter knows "
                            "up to %d; use the newer mapmeter that wrote it",
                            (long long)version, GATE_SCHEMA_VERSION);
    }
    if (version != GATE_SCHEMA_VERSION || !mm_ingest_text(gate, "id") ||
        !mm_ingest_text(gate, "purpose") || !mm_ingest_text(gate, "suite") ||
        !mm_ingest_text(gate, "started_utc") ||
        !json_is_array(json_object_get(root, "benchmarks"))) {
        return mm_error_set(error, -EPROTO, "not of the form that the record of a gate has");
    }
    return 0;
}

static int check_use(const json_t *gate, struct mm_error *error)
{
    const char *interrupted = mm_ingest_text(gate, "interrupted");
    if (strcmp(mm_ingest_text(gate, "purpose"), "selftest") == 0) {
        return mm_error_set(error, -EINVAL,
                            "the selftest of a gate, whose head was slowed down on purpose");
    }
    if (interrupted || !mm_ingest_text(gate, "finished_utc") || !mm_ingest_text(gate, "verdict")) {
        return mm_error_set(error, -EINVAL, "the gate was not finished%s%s; run it again",
                            interrupted ? ": " : "", interrupted ? interrupted : "");
    }
    return 0;
}

/* That of the head is known when the head is the program that judged. */
static const char *revision_of(const json_t *gate)
{
    const json_t *program = json_object_get(gate, "mapmeter");
    const char *revision = mm_ingest_text(program, "revision");
    const char *digest = mm_ingest_text(program, "digest");
    const char *head = mm_ingest_text(json_object_get(gate, "head"), "digest");
    bool same = digest && head && strcmp(digest, head) == 0;
    return same && revision && strcmp(revision, "unknown") != 0 ? revision : NULL;
}

static int set_texts(const json_t *root, struct mm_ingest *ingest)
{
    struct mm_history_record *record = &ingest->record;
    const json_t *gate = json_object_get(root, "gate");
    const json_t *environment = json_object_get(root, "environment");
    record->identity = mm_text_format("mapmeter gate %s", mm_ingest_text(gate, "id"));
    return !record->identity || mm_ingest_set(&record->source, "mapmeter gate") < 0 ||
                   mm_ingest_set(&record->measured_utc, mm_ingest_text(gate, "started_utc")) < 0 ||
                   mm_ingest_set(&record->machine, mm_ingest_text(environment, "fingerprint")) <
                       0 ||
                   mm_ingest_set(&record->suite, mm_ingest_text(gate, "suite")) < 0 ||
                   mm_ingest_set(&record->revision, revision_of(gate)) < 0
               ? -ENOMEM
               : 0;
}

static int append_metric(struct mm_ingest *ingest, struct mm_history_metric *names,
                         const char *name, const json_t *metric, size_t pairs,
                         struct mm_error *error)
{
    const json_t *head = json_object_get(metric, "head");
    const char *unit = mm_ingest_text(metric, "unit");
    if (!head) {
        return 0;
    }
    if (!json_is_number(head)) {
        return mm_error_set(error, -EPROTO, "%s of %s: head is no number", name, names->benchmark);
    }
    names->name = (char *)name;
    names->unit = (char *)(unit ? unit : "");
    names->worse = MM_HISTORY_MORE_IS_WORSE; /* so are all metrics of a gate */
    names->estimate = json_number_value(head);
    names->launches = pairs;
    return mm_history_record_append(&ingest->record, names) < 0 ? mm_ingest_no_memory(error) : 0;
}

static int append_benchmark(struct mm_ingest *ingest, const json_t *files, const json_t *benchmark,
                            struct mm_error *error)
{
    size_t pairs = json_array_size(json_object_get(benchmark, "pairs"));
    const char *name = mm_ingest_text(benchmark, "name");
    const char *key;
    json_t *metric;
    int result = 0;
    if (!name) {
        return mm_error_set(error, -EPROTO, "a benchmark without a name");
    }
    if (json_is_object(json_object_get(benchmark, "failure"))) {
        ingest->left_out++;
        return 0;
    }
    struct mm_history_metric names = {
        .benchmark = (char *)name,
        .data = mm_ingest_data_text(files, json_object_get(benchmark, "case")),
    };
    if (!names.data) {
        return mm_ingest_no_memory(error);
    }
    json_object_foreach(json_object_get(benchmark, "metrics"), key, metric)
    {
        if (result == 0 && pairs > 0) {
            result = append_metric(ingest, &names, key, metric, pairs, error);
        }
    }
    free(names.data);
    return result;
}

int mm_ingest_gate(json_t *root, struct mm_ingest *ingest, struct mm_error *error)
{
    int result = check_form(root, error);
    if (result == 0) {
        result = check_use(json_object_get(root, "gate"), error);
    }
    if (result == 0 && set_texts(root, ingest) < 0) {
        result = mm_ingest_no_memory(error);
    }
    size_t index;
    const json_t *benchmark;
    json_array_foreach(json_object_get(root, "benchmarks"), index, benchmark)
    {
        if (result == 0) {
            result = append_benchmark(ingest, json_object_get(root, "files"), benchmark, error);
        }
    }
    return result;
}
