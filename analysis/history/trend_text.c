/* A trend for a terminal: a line and a small curve for each series, its changes below it. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/history/trend.h"
#include "analysis/report/escape.h"
#include "common/text.h"
#include "common/units.h"

#define CURVE_WIDTH     32
#define METRIC_WIDTH    16
#define REVISION_LENGTH 18
#define VALUE_BYTES     48

static const char red[] = "\033[31m";
static const char green[] = "\033[32m";
static const char bold[] = "\033[1m";
static const char plain[] = "\033[0m";

struct pen {
    FILE *stream;
    const struct mm_trend_style *style;
};

static void paint(const struct pen *pen, const char *sequence)
{
    if (pen->style->colour) {
        fputs(sequence, pen->stream);
    }
}

static char *show_value(const char *unit, double value, char text[VALUE_BYTES])
{
    if (strcmp(unit, "B/s") == 0) {
        return mm_units_show_rate(value, text);
    }
    if (strcmp(unit, "ns") == 0) {
        return mm_units_show_duration(value, text);
    }
    if (strcmp(unit, "1/s") == 0) {
        return strcat(mm_units_show_count(value, text), "/s");
    }
    if (strcmp(unit, "bytes") == 0) {
        return mm_units_show_size(value, text);
    }
    return mm_units_show_count(value, text);
}

/* The newest points, between the least and the greatest of them. */
static void write_curve(const struct pen *pen, const struct mm_trend_series *series)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const plain_marks[] = {"_", "_", ".", "-", "-", "=", "=", "#"};
    size_t first = series->count > CURVE_WIDTH ? series->count - CURVE_WIDTH : 0;
    const size_t highest = MM_COUNT_OF(blocks) - 1;
    double least = INFINITY;
    double greatest = -INFINITY;
    for (size_t i = first; i < series->count; i++) {
        least = fmin(least, series->points[i].value);
        greatest = fmax(greatest, series->points[i].value);
    }
    for (size_t i = first; i < series->count; i++) {
        double range = greatest - least;
        double share =
            range > 0 && isfinite(range) ? (series->points[i].value - least) / range : 0.5;
        size_t level = (size_t)lround(share * (double)highest);
        fputs(pen->style->blocks ? blocks[level] : plain_marks[level], pen->stream);
    }
    for (size_t i = series->count - first; i < CURVE_WIDTH; i++) {
        fputc(' ', pen->stream);
    }
}

static const char *colour_of(const char *effect)
{
    if (strcmp(effect, "worse") == 0) {
        return red;
    }
    return strcmp(effect, "better") == 0 ? green : "";
}

static void write_revision(FILE *stream, const struct mm_trend_point *point)
{
    fprintf(stream, "record %lld", (long long)point->record);
    if (point->revision) {
        char *shortened = mm_escape_shorten(point->revision, REVISION_LENGTH);
        fputc(' ', stream);
        mm_escape_terminal(stream, shortened);
        free(shortened);
    }
    if (point->label) {
        fputs(" (", stream);
        mm_escape_terminal(stream, point->label);
        fputc(')', stream);
    }
}

/* "+12.1 % (+10.0 % to +14.2 %)", or of what has no ratio the difference. */
static void write_size(FILE *stream, const struct mm_change *change)
{
    if (!change->is_ratio) {
        fprintf(stream, "by %+.4g", change->size);
        if (change->has_interval) {
            fprintf(stream, " (%+.4g to %+.4g, %.0f %%)", change->interval.low,
                    change->interval.high, 100 * change->interval.coverage);
        }
        return;
    }
    fprintf(stream, "%+.1f %%", 100 * (change->size - 1));
    if (change->has_interval) {
        fprintf(stream, " (%+.1f %% to %+.1f %%, %.0f %%)", 100 * (change->interval.low - 1),
                100 * (change->interval.high - 1), 100 * change->interval.coverage);
    }
}

static void write_place(FILE *stream, const struct mm_trend_series *series,
                        const struct mm_change *change)
{
    const struct mm_trend_point *first = &series->points[change->first];
    const struct mm_trend_point *last = &series->points[change->last];
    if (change->kind == MM_CHANGE_STEP) {
        fputs("between ", stream);
        write_revision(stream, first - 1);
        fputs(" and ", stream);
        write_revision(stream, first);
    } else if (change->first == change->last) {
        fputs("at ", stream);
        write_revision(stream, first);
    } else {
        fputs("from ", stream);
        write_revision(stream, first);
        fputs(" to ", stream);
        write_revision(stream, last);
    }
    fprintf(stream, ", %s", first->measured_utc);
}

static void write_change(const struct pen *pen, const struct mm_trend_series *series,
                         const struct mm_change *change)
{
    const char *effect = mm_trend_effect(series, change);
    bool is_step = change->kind == MM_CHANGE_STEP || change->kind == MM_CHANGE_DRIFT;
    char before[VALUE_BYTES];
    char after[VALUE_BYTES];
    fputs("      ", pen->stream);
    paint(pen, is_step ? colour_of(effect) : "");
    fprintf(pen->stream, "%s, %s: ", mm_trend_kind(change->kind), effect);
    write_size(pen->stream, change);
    paint(pen, plain);
    fprintf(pen->stream, ", %s to %s, ", show_value(series->unit, change->before, before),
            show_value(series->unit, change->after, after));
    write_place(pen->stream, series, change);
    if (is_step) {
        fprintf(pen->stream, ", p %.2g", change->p);
    } else if (change->kind == MM_CHANGE_PENDING) {
        fputs("; the next records will tell a spike from a step", pen->stream);
    }
    fputc('\n', pen->stream);
}

/* What there is to say when there is no step. */
static void write_state(FILE *stream, const struct mm_changes *changes)
{
    size_t steps = 0;
    for (size_t i = 0; i < changes->count; i++) {
        enum mm_change_kind kind = changes->items[i].kind;
        steps += kind == MM_CHANGE_STEP || kind == MM_CHANGE_DRIFT;
    }
    if (!changes->enough) {
        fprintf(stream, "too few for steps: %zu of %zu records", changes->used, changes->needed);
    } else if (steps == 0) {
        fputs("no step", stream);
    } else {
        fprintf(stream, "%zu change%s", steps, steps == 1 ? "" : "s");
    }
}

static void write_series(const struct pen *pen, const struct mm_trend_series *series)
{
    char newest[VALUE_BYTES];
    char *metric = mm_escape_shorten(series->metric, METRIC_WIDTH);
    size_t length = mm_escape_length(metric ? metric : "");
    fputs("    ", pen->stream);
    paint(pen, bold);
    mm_escape_terminal(pen->stream, metric);
    paint(pen, plain);
    fprintf(pen->stream, "%*s  ", (int)(METRIC_WIDTH - length), "");
    write_curve(pen, series);
    fprintf(pen->stream, "  n %-4zu  %-11s  ", series->count + series->older,
            show_value(series->unit, series->points[series->count - 1].value, newest));
    write_state(pen->stream, &series->changes);
    fputc('\n', pen->stream);
    for (size_t i = 0; i < series->changes.count; i++) {
        write_change(pen, series, &series->changes.items[i]);
    }
    free(metric);
}

static void write_benchmark(const struct pen *pen, const struct mm_trend_series *series)
{
    fputs("  ", pen->stream);
    mm_escape_terminal(pen->stream, series->benchmark);
    if (series->data[0]) {
        fputs("  (", pen->stream);
        mm_escape_terminal(pen->stream, series->data);
        fputc(')', pen->stream);
    }
    fputc('\n', pen->stream);
}

static void write_head(const struct pen *pen, const struct mm_trend_series *series)
{
    fputs("\nmachine ", pen->stream);
    mm_escape_terminal(pen->stream, series->machine);
    fputs(", suite ", pen->stream);
    mm_escape_terminal(pen->stream, series->suite);
    fputs(", by ", pen->stream);
    mm_escape_terminal(pen->stream, series->source);
    fputc('\n', pen->stream);
}

static bool same_head(const struct mm_trend_series *a, const struct mm_trend_series *b)
{
    return strcmp(a->machine, b->machine) == 0 && strcmp(a->suite, b->suite) == 0 &&
           strcmp(a->source, b->source) == 0;
}

static bool same_benchmark(const struct mm_trend_series *a, const struct mm_trend_series *b)
{
    return same_head(a, b) && strcmp(a->benchmark, b->benchmark) == 0 &&
           strcmp(a->data, b->data) == 0;
}

static void write_sum(const struct pen *pen, const struct mm_trend *trend)
{
    size_t changed = 0;
    size_t kinds[MM_CHANGE_PENDING + 1] = {0};
    for (size_t i = 0; i < trend->count; i++) {
        const struct mm_changes *changes = &trend->series[i].changes;
        changed += mm_trend_is_changed(&trend->series[i]);
        for (size_t n = 0; n < changes->count; n++) {
            kinds[changes->items[n].kind]++;
        }
    }
    fprintf(pen->stream,
            "\nChanged: %zu of %zu series; steps: %zu, drifts: %zu, spikes: %zu, pending: %zu.",
            changed, trend->count, kinds[MM_CHANGE_STEP], kinds[MM_CHANGE_DRIFT],
            kinds[MM_CHANGE_SPIKE], kinds[MM_CHANGE_PENDING]);
}

static void write_method(const struct pen *pen, const struct mm_trend *trend)
{
    double alpha = trend->options.alpha;
    fprintf(
        pen->stream,
        "\nSteps by E-divisive (%u permutations, seed %llu): a series without any change shows "
        "one with probability %g, so about %.2g of these %zu do.\n"
        "Advice, not a gate: records are of different days, and so is the machine. What 'mapmeter "
        "gate' measures in turns is.\n",
        trend->options.permutations, (unsigned long long)trend->options.seed, alpha,
        alpha * (double)trend->count, trend->count);
}

int mm_trend_write_text(const struct mm_trend *trend, const struct mm_trend_style *style,
                        FILE *stream)
{
    const struct pen pen = {stream, style};
    if (trend->count == 0) {
        fputs("no series: nothing in the history is of that machine, suite, benchmark and metric\n",
              stream);
        return ferror(stream) ? -EIO : 0;
    }
    const struct mm_trend_series *last = NULL;
    for (size_t i = 0; i < trend->count; i++) {
        const struct mm_trend_series *series = &trend->series[i];
        if (style->changed_only && !mm_trend_is_changed(series)) {
            continue;
        }
        if (!last || !same_head(last, series)) {
            write_head(&pen, series);
        }
        if (!last || !same_benchmark(last, series)) {
            write_benchmark(&pen, series);
        }
        write_series(&pen, series);
        last = series;
    }
    write_sum(&pen, trend);
    write_method(&pen, trend);
    return ferror(stream) ? -EIO : 0;
}
