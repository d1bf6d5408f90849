/* The throughput plot: a row for each case, its median, interval and launches on a log axis. */
#include <errno.h>
#include <math.h>
#include <stdbool.h>

#include "analysis/plots/builders.h"
#include "analysis/plots/rows.h"
#include "analysis/report/escape.h"
#include "common/units.h"

static void write_note(FILE *script, const struct mm_summary_case *one)
{
    const struct mm_distribution *rate = &one->bytes_per_second;
    char low[MM_UNITS_TEXT_BYTES];
    char high[MM_UNITS_TEXT_BYTES];
    mm_plot_write_note(script, rate, mm_units_show_rate(rate->interval.low, low),
                       mm_units_show_rate(rate->interval.high, high));
}

static void write_data(FILE *data, const struct mm_plot_rows *rows)
{
    fputs("# row median low high launches has_interval state case; rates in bytes per second\n",
          data);
    for (size_t i = 0; i < rows->count; i++) {
        const struct mm_summary_case *one = rows->items[i].one;
        if (!one) {
            continue;
        }
        const struct mm_distribution *rate = &one->bytes_per_second;
        double low = rate->has_interval ? rate->interval.low : rate->median;
        double high = rate->has_interval ? rate->interval.high : rate->median;
        fprintf(data, "%zu %.9g %.9g %.9g %zu %d %d ", i + 1, rate->median, low, high, rate->count,
                rate->has_interval, mm_plot_state(one));
        mm_escape_gnuplot_field(data, one->name);
        fputc('\n', data);
    }
    fputs("\n\n# row launch state; rates in bytes per second\n", data);
    for (size_t i = 0; i < rows->count; i++) {
        const struct mm_summary_case *one = rows->items[i].one;
        for (size_t n = 0; one && n < one->bytes_per_second.count; n++) {
            fprintf(data, "%zu %.9g %d\n", i + 1, one->bytes_per_second.values[n],
                    mm_plot_state(one));
        }
    }
}

static void write_axis(FILE *script, const struct mm_plot_rows *rows)
{
    double low = INFINITY;
    double high = 0;
    for (size_t i = 0; i < rows->count; i++) {
        const struct mm_summary_case *one = rows->items[i].one;
        if (one) {
            const struct mm_distribution *rate = &one->bytes_per_second;
            low = fmin(low, rate->values[0]);
            high = fmax(high, rate->values[rate->count - 1]);
        }
    }
    mm_plot_write_log_axis(script, low, high, NULL, mm_units_show_rate);
}

static void write_alternative(FILE *stream, const struct mm_plot_rows *rows)
{
    const struct mm_summary_case *slowest = NULL;
    const struct mm_summary_case *fastest = NULL;
    size_t with_interval = 0;
    for (size_t i = 0; i < rows->count; i++) {
        const struct mm_summary_case *one = rows->items[i].one;
        if (!one) {
            continue;
        }
        with_interval += one->bytes_per_second.has_interval;
        if (!slowest || one->bytes_per_second.median < slowest->bytes_per_second.median) {
            slowest = one;
        }
        if (!fastest || one->bytes_per_second.median > fastest->bytes_per_second.median) {
            fastest = one;
        }
    }
    char low[MM_UNITS_TEXT_BYTES];
    char high[MM_UNITS_TEXT_BYTES];
    fprintf(stream,
            "Throughput of %zu cases on a log axis, a row for each engine and cache state below "
            "its workload: from %s (%s, %s %s) to %s (%s, %s %s). %zu of them have an interval; "
            "the others show their launches alone.",
            rows->case_count, mm_units_show_rate(slowest->bytes_per_second.median, low),
            slowest->group, slowest->cache, slowest->engine,
            mm_units_show_rate(fastest->bytes_per_second.median, high), fastest->group,
            fastest->cache, fastest->engine, with_interval);
}

int mm_plot_build_throughput(const struct mm_summary *summary, const struct mm_plot *plot,
                             const struct mm_plot_streams *streams)
{
    struct mm_plot_rows rows;
    int result = mm_plot_rows_make(summary, mm_plot_has_throughput, &rows);
    if (result == 0 && rows.count == 0) {
        result = -ENODATA;
    }
    if (result == 0) {
        mm_plot_write_opening(streams->script, summary, plot, mm_plot_height(&rows));
        mm_plot_write_states(streams->script, &rows);
        write_axis(streams->script, &rows);
        result = mm_plot_write_rows(streams->script, &rows, write_note);
        write_data(streams->data, &rows);
        write_alternative(streams->alternative, &rows);
    }
    mm_plot_rows_release(&rows);
    return result;
}
