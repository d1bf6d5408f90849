/* The fault plot: how many faults a pass takes, and in which phases. */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "analysis/plots/builders.h"
#include "analysis/plots/rows.h"
#include "analysis/report/escape.h"
#include "common/text.h"
#include "common/units.h"

/* A segment is a phase and a kind: 2 * phase + (1 for major). In the order of faults.gp. */
static const char *const segment_phases[] = {"touch", "flush", "compute", "open", "close"};

#define SEGMENT_COUNT (2 * MM_COUNT_OF(segment_phases))

static bool has_faults(const struct mm_summary_case *one)
{
    for (size_t i = 0; i < one->phase_count; i++) {
        if (one->phases[i].minor_faults.count > 0 && one->phases[i].major_faults.count > 0) {
            return true;
        }
    }
    return false;
}

/* Medians over launches of faults per pass. */
static void read_segments(const struct mm_summary_case *one, double segments[SEGMENT_COUNT])
{
    double iterations = one->iterations > 0 ? (double)one->iterations : 1;
    for (size_t s = 0; s < MM_COUNT_OF(segment_phases); s++) {
        segments[2 * s] = 0;
        segments[2 * s + 1] = 0;
        for (size_t i = 0; i < one->phase_count; i++) {
            const struct mm_summary_phase *phase = &one->phases[i];
            if (strcmp(phase->name, segment_phases[s]) == 0 && phase->minor_faults.count > 0 &&
                phase->major_faults.count > 0) {
                segments[2 * s] = phase->minor_faults.median / iterations;
                segments[2 * s + 1] = phase->major_faults.median / iterations;
            }
        }
    }
}

static double sum_of_kind(const double segments[SEGMENT_COUNT], size_t kind)
{
    double sum = 0;
    for (size_t s = kind; s < SEGMENT_COUNT; s += 2) {
        sum += segments[s];
    }
    return sum;
}

static void write_note(FILE *script, const struct mm_summary_case *one)
{
    char text[MM_UNITS_TEXT_BYTES];
    if (one->bytes_per_fault.count > 0) {
        fprintf(script, "\"%s a fault, n %zu\"",
                mm_units_show_size(one->bytes_per_fault.median, text), one->faults.count);
    } else if (one->faults.count > 0) {
        fprintf(script, "\"no timed faults, n %zu\"", one->faults.count);
    } else {
        fputs("\"not all were counted\"", script);
    }
}

static void write_data(FILE *data, const struct mm_plot_rows *rows, bool is_used[SEGMENT_COUNT])
{
    double segments[SEGMENT_COUNT];
    fputs("# row minor major case; medians of faults per pass, all phases\n", data);
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->items[i].one) {
            read_segments(rows->items[i].one, segments);
            fprintf(data, "%zu %.9g %.9g ", i + 1, sum_of_kind(segments, 0),
                    sum_of_kind(segments, 1));
            mm_escape_gnuplot_field(data, rows->items[i].one->name);
            fputc('\n', data);
        }
    }
    fputs("\n\n# row from to segment; per cent of the faults of the row, 2 * phase + major, "
          "phases: touch flush compute open close\n",
          data);
    for (size_t i = 0; i < rows->count; i++) {
        if (!rows->items[i].one) {
            continue;
        }
        read_segments(rows->items[i].one, segments);
        double all = sum_of_kind(segments, 0) + sum_of_kind(segments, 1);
        double from = 0;
        for (size_t s = 0; s < SEGMENT_COUNT; s++) {
            if (segments[s] > 0) {
                is_used[s] = true;
                double to = from + 100 * segments[s] / all;
                fprintf(data, "%zu %.9g %.9g %zu\n", i + 1, from, to, s);
                from = to;
            }
        }
    }
}

static void write_segments(FILE *script, const bool is_used[SEGMENT_COUNT])
{
    size_t count = 0;
    fprintf(script, "array segment_code[%zu]\narray segment_text[%zu]\n", SEGMENT_COUNT,
            SEGMENT_COUNT);
    for (size_t s = 0; s < SEGMENT_COUNT; s++) {
        if (is_used[s]) {
            count++;
            fprintf(script, "segment_code[%zu] = %zu; segment_text[%zu] = \"%s %s\"\n", count, s,
                    count, segment_phases[s / 2], s % 2 ? "major" : "minor");
        }
    }
    fprintf(script, "segment_count = %zu\n", count);
}

static void write_axis(FILE *script, const struct mm_plot_rows *rows)
{
    double low = INFINITY;
    double high = 0;
    double segments[SEGMENT_COUNT];
    for (size_t i = 0; i < rows->count; i++) {
        if (!rows->items[i].one) {
            continue;
        }
        read_segments(rows->items[i].one, segments);
        for (size_t kind = 0; kind < 2; kind++) {
            double sum = sum_of_kind(segments, kind);
            low = sum > 0 ? fmin(low, sum) : low;
            high = fmax(high, sum);
        }
    }
    if (high == 0) {
        low = 1;
        high = 10;
    }
    mm_plot_write_log_axis(script, low, high, "0", mm_units_show_count);
}

static void write_alternative(FILE *stream, const struct mm_plot_rows *rows)
{
    const struct mm_summary_case *most = NULL;
    double most_faults = -1;
    double segments[SEGMENT_COUNT];
    size_t with_major = 0;
    for (size_t i = 0; i < rows->count; i++) {
        const struct mm_summary_case *one = rows->items[i].one;
        if (!one) {
            continue;
        }
        read_segments(one, segments);
        double major = sum_of_kind(segments, 1);
        double all = sum_of_kind(segments, 0) + major;
        with_major += major > 0;
        if (all > most_faults) {
            most_faults = all;
            most = one;
        }
    }
    char faults[MM_UNITS_TEXT_BYTES];
    fprintf(stream,
            "Page faults of %zu cases: minor and major faults per pass on a log axis, beside it "
            "the share of each phase. The most are %s in a pass (%s, %s %s); %zu cases took major "
            "faults.",
            rows->case_count, mm_units_show_count(most_faults, faults), most->group, most->cache,
            most->engine, with_major);
}

int mm_plot_build_faults(const struct mm_summary *summary, const struct mm_plot *plot,
                         const struct mm_plot_streams *streams)
{
    struct mm_plot_rows rows;
    bool is_used[SEGMENT_COUNT] = {false};
    int result = mm_plot_rows_make(summary, has_faults, &rows);
    if (result == 0 && rows.count == 0) {
        result = -ENODATA;
    }
    if (result == 0) {
        mm_plot_write_opening(streams->script, summary, plot, mm_plot_height(&rows));
        write_axis(streams->script, &rows);
        result = mm_plot_write_rows(streams->script, &rows, write_note);
        write_data(streams->data, &rows, is_used);
        write_segments(streams->script, is_used);
        write_alternative(streams->alternative, &rows);
    }
    mm_plot_rows_release(&rows);
    return result;
}
