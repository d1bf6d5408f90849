/* A trend as a plot: a panel for each series, its figures in their order, levels and changes. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/history/trend.h"
#include "analysis/plots/builders.h"
#include "analysis/plots/rows.h"
#include "analysis/report/escape.h"
#include "common/text.h"

#define TITLE_HEIGHT  52u
#define PANEL_HEIGHT  240u
#define HEADING_LIMIT 110
#define TICS          7
#define TIC_LIMIT     10 /* characters */

/* What is drawn: the first series that are to be shown. */
struct shown {
    const struct mm_trend *trend;
    bool changed_only;
    const struct mm_trend_series *series[MM_TREND_PANELS_SHOWN];
    size_t count;
    size_t left_out;
};

static struct shown choose(const struct mm_trend *trend, bool changed_only)
{
    struct shown shown = {.trend = trend, .changed_only = changed_only};
    for (size_t i = 0; i < trend->count; i++) {
        if (changed_only && !mm_trend_is_changed(&trend->series[i])) {
            continue;
        }
        if (shown.count < MM_TREND_PANELS_SHOWN) {
            shown.series[shown.count++] = &trend->series[i];
        } else {
            shown.left_out++;
        }
    }
    return shown;
}

/* Of the value in the data: seconds, bytes per second... */
static double scale_of(const struct mm_trend_series *series)
{
    return strcmp(series->unit, "ns") == 0 ? 1e-9 : 1;
}

static const char *axis_format(const struct mm_trend_series *series)
{
    static const char *const formats[][2] = {
        {"ns", "%.1s %cs"}, {"B/s", "%.1s %cB/s"}, {"1/s", "%.1s %c/s"}, {"bytes", "%.1s %cB"}};
    for (size_t i = 0; i < MM_COUNT_OF(formats); i++) {
        if (strcmp(series->unit, formats[i][0]) == 0) {
            return formats[i][1];
        }
    }
    return "%.1s %c";
}

static void write_text(FILE *script, const char *text, size_t limit)
{
    char *shortened = text ? mm_escape_shorten(text, limit) : NULL;
    mm_escape_gnuplot(script, shortened ? shortened : "");
    free(shortened);
}

/* The revision of a record, else its day. */
static void write_tics(FILE *script, const struct mm_trend_series *series, size_t *tic)
{
    size_t count = series->count < TICS ? series->count : TICS;
    for (size_t i = 0; i < count; i++) {
        size_t at = count > 1 ? i * (series->count - 1) / (count - 1) : 0;
        const struct mm_trend_point *point = &series->points[at];
        char *text = point->revision ? mm_text_format("%.*s", TIC_LIMIT, point->revision)
                                     : mm_text_format("%.10s", point->measured_utc);
        (*tic)++;
        fprintf(script, "tic_at[%zu] = %zu; tic_text[%zu] = ", *tic, at + 1, *tic);
        mm_escape_gnuplot(script, text);
        fputc('\n', script);
        free(text);
    }
}

/* "step: 5.1 % worse" */
static char *change_text(const struct mm_trend_series *series, const struct mm_change *change)
{
    const char *kind = mm_trend_kind(change->kind);
    const char *effect = mm_trend_effect(series, change);
    return change->is_ratio
               ? mm_text_format("%s %+.3g %%, %s", kind, 100 * (change->size - 1), effect)
               : mm_text_format("%s %+.3g, %s", kind, change->size, effect);
}

static void write_changes(FILE *script, const struct mm_trend_series *series, size_t *mark)
{
    for (size_t i = 0; i < series->changes.count; i++) {
        const struct mm_change *change = &series->changes.items[i];
        char *text = change_text(series, change);
        (*mark)++;
        fprintf(script, "mark_at[%zu] = %.1f; mark_text[%zu] = ", *mark,
                (double)change->first + (change->kind == MM_CHANGE_STEP ? 0.5 : 1), *mark);
        mm_escape_gnuplot(script, text);
        fputc('\n', script);
        free(text);
    }
}

static void write_script(FILE *script, const struct shown *shown)
{
    size_t marks = 1;
    for (size_t i = 0; i < shown->count; i++) {
        marks += shown->series[i]->changes.count;
    }
    fprintf(script, "panel_count = %zu\ntitle_height = %u.0\npanel_height = %u.0\n", shown->count,
            TITLE_HEIGHT, PANEL_HEIGHT);
    fprintf(script,
            "array panel_text[%zu]\narray panel_format[%zu]\narray point_count[%zu]\narray "
            "metric_text[%zu]\n",
            shown->count, shown->count, shown->count, shown->count);
    fprintf(script,
            "array last_tic[%zu]; last_tic[1] = 0\narray last_mark[%zu]; last_mark[1] = 0\n",
            shown->count + 1, shown->count + 1);
    fprintf(script,
            "array tic_at[%zu]\narray tic_text[%zu]\narray mark_at[%zu]\narray "
            "mark_text[%zu]\n",
            TICS * shown->count, TICS * shown->count, marks, marks);
    size_t tic = 0;
    size_t mark = 0;
    for (size_t n = 1; n <= shown->count; n++) {
        const struct mm_trend_series *series = shown->series[n - 1];
        char *heading = mm_text_format("%s (%s, suite %s, %s)", series->benchmark, series->source,
                                       series->suite, series->machine);
        fprintf(script, "panel_text[%zu] = ", n);
        write_text(script, heading, HEADING_LIMIT);
        fprintf(script, "\nmetric_text[%zu] = ", n);
        write_text(script, series->metric, TIC_LIMIT * 2);
        fprintf(script, "\npoint_count[%zu] = %zu; panel_format[%zu] = \"%s\"\n", n, series->count,
                n, axis_format(series));
        free(heading);
        write_tics(script, series, &tic);
        write_changes(script, series, &mark);
        fprintf(script, "last_tic[%zu] = %zu; last_mark[%zu] = %zu\n", n + 1, tic, n + 1, mark);
    }
}

static bool stands_apart(const struct mm_trend_series *series, size_t point)
{
    for (size_t i = 0; i < series->changes.count; i++) {
        const struct mm_change *change = &series->changes.items[i];
        bool apart = change->kind == MM_CHANGE_SPIKE || change->kind == MM_CHANGE_PENDING;
        if (apart && point >= change->first && point <= change->last) {
            return true;
        }
    }
    return false;
}

/* Between steps the median of the part; a drift from its first median to its last. */
static void write_levels(FILE *data, const struct mm_trend_series *series)
{
    double scale = scale_of(series);
    const struct mm_change *last = NULL;
    fputs("\n\n# from, to, value at each: levels around steps, and drifts\nNaN NaN NaN NaN\n",
          data);
    for (size_t i = 0; i < series->changes.count; i++) {
        const struct mm_change *change = &series->changes.items[i];
        if (change->kind == MM_CHANGE_DRIFT) {
            fprintf(data, "%zu %zu %.9g %.9g\n", change->first + 1, change->last + 1,
                    change->before * scale, change->after * scale);
        } else if (change->kind == MM_CHANGE_STEP) {
            fprintf(data, "%.1f %.1f %.9g %.9g\n", last ? (double)last->first + 0.5 : 0.5,
                    (double)change->first + 0.5, change->before * scale, change->before * scale);
            last = change;
        }
    }
    if (last) {
        fprintf(data, "%.1f %.1f %.9g %.9g\n", (double)last->first + 0.5,
                (double)series->count + 0.5, last->after * scale, last->after * scale);
    }
}

static void write_data(FILE *data, const struct shown *shown)
{
    for (size_t i = 0; i < shown->count; i++) {
        const struct mm_trend_series *series = shown->series[i];
        double scale = scale_of(series);
        fputs(i ? "\n\n# " : "# ", data);
        mm_escape_gnuplot_field(data, series->benchmark);
        fputs("\n# place value low high has_interval apart launches record\n", data);
        for (size_t p = 0; p < series->count; p++) {
            const struct mm_trend_point *point = &series->points[p];
            fprintf(data, "%zu %.9g %.9g %.9g %d %d %llu %lld\n", p + 1, point->value * scale,
                    (point->has_interval ? point->low : point->value) * scale,
                    (point->has_interval ? point->high : point->value) * scale, point->has_interval,
                    stands_apart(series, p), (unsigned long long)point->launches,
                    (long long)point->record);
        }
        write_levels(data, series);
    }
}

static void write_alternative(FILE *stream, const struct shown *shown)
{
    size_t kinds[4] = {0};
    size_t points = 0;
    for (size_t i = 0; i < shown->count; i++) {
        points += shown->series[i]->count;
        for (size_t c = 0; c < shown->series[i]->changes.count; c++) {
            kinds[shown->series[i]->changes.items[c].kind]++;
        }
    }
    fprintf(stream,
            "%zu figures of %zu series in the order of their records, with their intervals: %zu "
            "steps, %zu drifts, %zu spikes, and %zu that may become either.",
            points, shown->count, kinds[MM_CHANGE_STEP], kinds[MM_CHANGE_DRIFT],
            kinds[MM_CHANGE_SPIKE], kinds[MM_CHANGE_PENDING]);
    if (shown->left_out > 0) {
        fprintf(stream, " %zu more series are not drawn.", shown->left_out);
    }
}

static int build(const void *context, const struct mm_plot *plot,
                 const struct mm_plot_streams *streams)
{
    const struct shown *shown = context;
    if (shown->count == 0) {
        return -ENODATA;
    }
    mm_plot_write_frame(streams->script, plot, "History of figures, with what changed",
                        "records in their order, the newest on the right; advice, not a gate",
                        TITLE_HEIGHT + PANEL_HEIGHT * (unsigned)shown->count);
    write_script(streams->script, shown);
    write_data(streams->data, shown);
    write_alternative(streams->alternative, shown);
    return 0;
}

int mm_trend_plot_make(const struct mm_trend *trend, bool changed_only, struct mm_plot *plot,
                       struct mm_error *error)
{
    static const struct mm_plot_recipe recipe = {
        .name = "trend",
        .template = "trend",
        .title = "History of figures",
        .nothing = "no series is to be shown",
    };
    struct shown shown = choose(trend, changed_only);
    int result = mm_plot_make(&recipe, build, &shown, plot);
    return result < 0
               ? mm_error_set(error, result, "making the plot of the trend: %s", strerror(-result))
               : 0;
}
