/* The rows that all reports of a gate are made of, and their wording. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report/gate_report.h"
#include "common/text.h"
#include "common/units.h"

/* From the best to the worst. */
static const char *const ranked[] = {"PASS",         "IMPROVED",  "WAIVED", "QUARANTINED",
                                     "INCONCLUSIVE", "REGRESSED", "FAILED"};

static int rank_of(const char *verdict)
{
    for (size_t i = 0; verdict != NULL && i < MM_COUNT_OF(ranked); i++) {
        if (strcmp(ranked[i], verdict) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static int compare_rows(const void *left, const void *right)
{
    const struct mm_gate_row *a = left;
    const struct mm_gate_row *b = right;

    if (a->rank != b->rank) {
        return b->rank - a->rank;
    }
    if (a->effect < b->effect || a->effect > b->effect) {
        return a->effect < b->effect ? 1 : -1;
    }
    int names = strcmp(a->benchmark, b->benchmark);
    return names != 0 ? names : strcmp(a->metric, b->metric);
}

static double number_or(const json_t *object, const char *name, double otherwise)
{
    const json_t *value = json_object_get(object, name);
    return json_is_number(value) ? json_number_value(value) : otherwise;
}

static int read_row(const json_t *benchmark, const char *name, const json_t *metric,
                    struct mm_gate_row *row)
{
    const json_t *failure = json_object_get(benchmark, "failure");

    *row = (struct mm_gate_row){
        .benchmark = json_string_value(json_object_get(benchmark, "name")),
        .metric = name,
        .unit = json_string_value(json_object_get(metric, "unit")),
        .verdict = json_string_value(json_object_get(metric, "verdict")),
        .failure = json_string_value(json_object_get(failure, "reason")),
        .side = json_string_value(json_object_get(failure, "side")),
        .pairs = json_array_size(json_object_get(metric, "scores")),
        .base = number_or(metric, "base", NAN),
        .head = number_or(metric, "head", NAN),
        .effect = number_or(metric, "effect", 0),
        .low = number_or(metric, "low", 0),
        .high = number_or(metric, "high", 0),
        .p_adjusted = number_or(metric, "p_adjusted", 1),
        .p_sign = number_or(metric, "p_sign", 1),
        .noise = number_or(metric, "noise", 0),
        .detectable = number_or(metric, "detectable", INFINITY),
        .margin = number_or(metric, "margin", 0),
        .target = number_or(metric, "target", 0),
        .waiver = json_object_get(metric, "waiver"),
    };
    row->rank = rank_of(row->verdict);
    return row->benchmark == NULL || row->unit == NULL || row->rank < 0 ? -EPROTO : 0;
}

static size_t count_metrics(const json_t *benchmarks)
{
    size_t count = 0;
    size_t index;
    const json_t *benchmark;

    json_array_foreach((json_t *)benchmarks, index, benchmark)
    {
        count += json_object_size(json_object_get(benchmark, "metrics"));
    }
    return count;
}

int mm_gate_rows_make(const json_t *document, struct mm_gate_rows *rows, struct mm_error *error)
{
    const json_t *schema = json_object_get(document, "schema");
    const char *schema_name = json_string_value(json_object_get(schema, "name"));
    const json_t *benchmarks = json_object_get(document, "benchmarks");
    struct mm_gate_rows made = {0};
    size_t index;
    const json_t *benchmark;

    if (schema_name == NULL || strcmp(schema_name, "mapmeter.gate") != 0) {
        return mm_error_set(error, -EPROTO, "is not the record of a gate");
    }
    made.items = calloc(count_metrics(benchmarks) + 1, sizeof(*made.items));
    if (made.items == NULL) {
        return mm_error_set(error, -ENOMEM, "not enough memory");
    }
    json_array_foreach((json_t *)benchmarks, index, benchmark)
    {
        const char *name;
        json_t *metric;
        json_object_foreach(json_object_get(benchmark, "metrics"), name, metric)
        {
            if (read_row(benchmark, name, metric, &made.items[made.count]) < 0) {
                mm_gate_rows_release(&made);
                return mm_error_set(error, -EPROTO,
                                    "benchmark %zu: metric '%s' has not the form "
                                    "of a gate's record",
                                    index, name);
            }
            made.verdicts[made.items[made.count++].rank]++;
        }
    }
    if (made.count > 1) {
        qsort(made.items, made.count, sizeof(*made.items), compare_rows);
    }
    *rows = made;
    return 0;
}

void mm_gate_rows_release(struct mm_gate_rows *rows)
{
    free(rows->items);
    *rows = (struct mm_gate_rows){0};
}

char *mm_gate_phrase_effect(const struct mm_gate_row *row, char text[MM_GATE_PHRASE_BYTES])
{
    if (row->pairs == 0) {
        return strcpy(text, "-");
    }
    snprintf(text, MM_GATE_PHRASE_BYTES, "%+.2f %% (%+.2f %% to %+.2f %%)", 100 * row->effect,
             100 * row->low, 100 * row->high);
    return text;
}

char *mm_gate_phrase_noise(const struct mm_gate_row *row, char text[MM_GATE_PHRASE_BYTES])
{
    if (row->pairs == 0) {
        return strcpy(text, "-");
    }
    snprintf(text, MM_GATE_PHRASE_BYTES, "%.1f %%", 100 * row->noise);
    return text;
}

char *mm_gate_phrase_detectable(const struct mm_gate_row *row, char text[MM_GATE_PHRASE_BYTES])
{
    if (!isfinite(row->detectable)) {
        return strcpy(text, row->pairs == 0 ? "-" : "none");
    }
    snprintf(text, MM_GATE_PHRASE_BYTES, "%.1f %%", 100 * row->detectable);
    return text;
}

char *mm_gate_phrase_value(const struct mm_gate_row *row, double value,
                           char text[MM_GATE_PHRASE_BYTES])
{
    if (isnan(value)) {
        return strcpy(text, "-");
    }
    if (strcmp(row->unit, "ns") == 0) {
        return mm_units_show_duration(value, text);
    }
    if (strcmp(row->unit, "B") == 0) {
        return mm_units_show_size(value, text);
    }
    return mm_units_show_count(value, text);
}

static void explain(const struct mm_gate_row *row, char text[MM_GATE_PHRASE_BYTES])
{
    char effect[MM_GATE_PHRASE_BYTES];
    char detectable[MM_GATE_PHRASE_BYTES];
    const char *expires = json_string_value(json_object_get(row->waiver, "expires"));

    mm_gate_phrase_effect(row, effect);
    mm_gate_phrase_detectable(row, detectable);
    if (strcmp(row->verdict, "INCONCLUSIVE") == 0) {
        snprintf(text, MM_GATE_PHRASE_BYTES,
                 "%.64s: below %.0f %% cannot be shown after %zu pairs; from %.16s on a regression "
                 "would be found",
                 effect, 100 * row->target, row->pairs, detectable);
    } else if (strcmp(row->verdict, "QUARANTINED") == 0) {
        snprintf(text, MM_GATE_PHRASE_BYTES,
                 "%.64s: not judged, its noise on this machine hides %.0f %%", effect,
                 100 * row->target);
    } else if (strcmp(row->verdict, "WAIVED") == 0) {
        snprintf(text, MM_GATE_PHRASE_BYTES, "%.64s, accepted until %.16s", effect,
                 expires == NULL ? "-" : expires);
    } else {
        snprintf(text, MM_GATE_PHRASE_BYTES, "%.64s, p = %.2g, %zu pairs", effect, row->p_adjusted,
                 row->pairs);
    }
}

char *mm_gate_phrase_row(const struct mm_gate_row *row, char text[MM_GATE_PHRASE_BYTES])
{
    char base[MM_GATE_PHRASE_BYTES];
    char head[MM_GATE_PHRASE_BYTES];
    char why[MM_GATE_PHRASE_BYTES];

    if (row->failure != NULL) {
        snprintf(text, MM_GATE_PHRASE_BYTES, "%s failed: %.200s",
                 row->side == NULL ? "a launch" : row->side, row->failure);
        return text;
    }
    if (row->pairs == 0) {
        return strcpy(text, "not measured");
    }
    explain(row, why);
    snprintf(text, MM_GATE_PHRASE_BYTES, "%.24s %.24s -> %.24s: %.160s", row->metric,
             mm_gate_phrase_value(row, row->base, base), mm_gate_phrase_value(row, row->head, head),
             why);
    return text;
}

char *mm_gate_phrase_whole(const json_t *document, const struct mm_gate_rows *rows,
                           char text[MM_GATE_PHRASE_BYTES])
{
    const json_t *gate = json_object_get(document, "gate");
    const char *verdict = json_string_value(json_object_get(gate, "verdict"));
    size_t used;

    if (verdict == NULL) {
        verdict =
            json_is_string(json_object_get(gate, "interrupted")) ? "interrupted" : "not finished";
    }
    used = (size_t)snprintf(text, MM_GATE_PHRASE_BYTES, "%.32s:", verdict);
    for (size_t i = MM_COUNT_OF(ranked); i-- > 0;) {
        if (rows->verdicts[i] > 0) {
            used +=
                (size_t)snprintf(text + used, MM_GATE_PHRASE_BYTES - used, "%s %zu %s",
                                 text[used - 1] == ':' ? "" : ",", rows->verdicts[i], ranked[i]);
        }
    }
    if (rows->count == 0) {
        snprintf(text + used, MM_GATE_PHRASE_BYTES - used, " nothing was judged");
    }
    return text;
}
