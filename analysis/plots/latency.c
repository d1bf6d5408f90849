/* The plots of latency, of flushes and of operations, by percentile and as cumulative shares: a
 * panel for each workload or group, a line for each histogram. */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/plots/builders.h"
#include "analysis/plots/rows.h"
#include "analysis/report/escape.h"
#include "common/text.h"
#include "common/units.h"

#define TITLE_HEIGHT       52u
#define PANEL_FRAME_HEIGHT 100u
#define PANEL_LEAST_HEIGHT 240u
#define LINE_HEIGHT        18u /* gnuplot moves keys that do not fit out of sight */
#define LINE_TEXT_LIMIT    48
#define PANEL_TEXT_LIMIT   60
#define GRID_RATIO         1.15
#define SHARES             512 /* steps of a cumulative share */

/* One histogram of one case. */
struct line {
    const struct mm_summary_case *one;
    const struct mm_latency_metric *metric;
};

/* Lines of one workload, of operations of one group, stand together; panel p has lines first[p] to
 * first[p + 1] - 1, from 0. */
struct panels {
    struct line *lines;
    size_t line_count;
    size_t *first;
    size_t count;
    bool of_flushes; /* a plot of flushes, of whatever case; else of the operations */
    bool cumulative; /* latency and share below it; else percentile and latency */
};

static void release_panels(struct panels *panels)
{
    free(panels->lines);
    free(panels->first);
}

static bool is_wanted(const struct panels *panels, const struct mm_latency_metric *metric)
{
    return (strcmp(metric->name, "flush") == 0) == panels->of_flushes;
}

static void append_lines(struct panels *panels, const struct mm_summary_case *one)
{
    for (size_t i = 0; i < one->latencies.count; i++) {
        const struct mm_latency_metric *metric = &one->latencies.metrics[i];
        if (is_wanted(panels, metric)) {
            panels->lines[panels->line_count++] = (struct line){one, metric};
        }
    }
}

/* A panel's heading: those of operations have many lines for each case. */
static const char *heading(const struct panels *panels, const struct mm_summary_case *one)
{
    return panels->of_flushes ? one->workload : one->group;
}

static bool is_same_panel(const struct panels *panels, const struct mm_summary_case *a,
                          const struct mm_summary_case *b)
{
    return strcmp(heading(panels, a), heading(panels, b)) == 0;
}

static bool is_first_of_panel(const struct panels *panels, const struct mm_summary *summary,
                              size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (is_same_panel(panels, &summary->cases[i], &summary->cases[index])) {
            return false;
        }
    }
    return true;
}

static int allocate(const struct mm_summary *summary, struct panels *panels)
{
    size_t most = 1;
    for (size_t i = 0; i < summary->case_count; i++) {
        most += summary->cases[i].latencies.count;
    }
    panels->lines = calloc(most, sizeof *panels->lines);
    panels->first = calloc(summary->case_count + 1, sizeof *panels->first);
    return panels->lines && panels->first ? 0 : -ENOMEM;
}

/* of_flushes and cumulative are set. */
static int make_panels(const struct mm_summary *summary, struct panels *panels)
{
    if (allocate(summary, panels) < 0) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < summary->case_count; i++) {
        size_t lines_before = panels->line_count;
        bool is_first = is_first_of_panel(panels, summary, i);
        for (size_t j = i; is_first && j < summary->case_count; j++) {
            if (is_same_panel(panels, &summary->cases[j], &summary->cases[i])) {
                append_lines(panels, &summary->cases[j]);
            }
        }
        if (panels->line_count > lines_before) {
            panels->first[panels->count++] = lines_before;
        }
    }
    panels->first[panels->count] = panels->line_count;
    return panels->count > 0 ? 0 : -ENODATA;
}

static unsigned panel_height(const struct panels *panels, size_t panel)
{
    unsigned lines = (unsigned)(panels->first[panel + 1] - panels->first[panel]);
    unsigned wanted = PANEL_FRAME_HEIGHT + LINE_HEIGHT * lines;
    return wanted > PANEL_LEAST_HEIGHT ? wanted : PANEL_LEAST_HEIGHT;
}

static unsigned plot_height(const struct panels *panels)
{
    unsigned height = TITLE_HEIGHT;
    for (size_t panel = 0; panel < panels->count; panel++) {
        height += panel_height(panels, panel);
    }
    return height;
}

static void write_text(FILE *script, const char *text, size_t limit)
{
    char *shortened = text ? mm_escape_shorten(text, limit) : NULL;
    mm_escape_gnuplot(script, shortened ? shortened : "");
    free(shortened);
}

static void write_panels(FILE *script, const struct panels *panels)
{
    fprintf(script, "panel_count = %zu\narray panel_text[%zu]\narray panel_top[%zu]\n",
            panels->count, panels->count, panels->count);
    fprintf(script, "array panel_bottom[%zu]\narray panel_first[%zu]\narray panel_last[%zu]\n",
            panels->count, panels->count, panels->count);
    unsigned top = TITLE_HEIGHT;
    for (size_t panel = 0; panel < panels->count; panel++) {
        unsigned bottom = top + panel_height(panels, panel);
        size_t n = panel + 1;
        fprintf(script,
                "panel_top[%zu] = %u.0; panel_bottom[%zu] = %u.0; panel_first[%zu] = %zu; "
                "panel_last[%zu] = %zu; panel_text[%zu] = ",
                n, top, n, bottom, n, panels->first[panel] + 1, n, panels->first[panel + 1], n);
        write_text(script, heading(panels, panels->lines[panels->first[panel]].one),
                   PANEL_TEXT_LIMIT);
        fputc('\n', script);
        top = bottom;
    }
}

/* "cold marray operation:write, n 384": what of the group is not in the panel's heading; of
 * operations "warm mmap at 500/s touch, n 20000". */
static char *line_text(const struct panels *panels, const struct line *line)
{
    const struct mm_summary_case *one = line->one;
    char *row = mm_plot_row_text(one);
    const char *more = panels->of_flushes ? one->group + strlen(one->workload) : line->metric->name;
    char *text = row ? mm_text_format("%s%s%s", row, panels->of_flushes ? "" : " ", more) : NULL;
    char *shortened = text ? mm_escape_shorten(text, LINE_TEXT_LIMIT) : NULL;
    char *whole = shortened ? mm_text_format("%s, n %llu", shortened,
                                             (unsigned long long)line->metric->histogram->count)
                            : NULL;
    free(row);
    free(text);
    free(shortened);
    return whole;
}

static void write_lines(FILE *script, const struct panels *panels)
{
    fprintf(script, "array line_text[%zu]\n", panels->line_count);
    for (size_t i = 0; i < panels->line_count; i++) {
        char *text = line_text(panels, &panels->lines[i]);
        fprintf(script, "line_text[%zu] = ", i + 1);
        mm_escape_gnuplot(script, text);
        fputc('\n', script);
        free(text);
    }
}

/* Percentiles up to the half rank above the last: nearest rank gives the maximum there. */
static void write_percentiles(FILE *data, const struct mm_histogram *histogram)
{
    double last = 2 * (double)histogram->count;
    for (double x = 1; x < last; x *= GRID_RATIO) {
        uint64_t value = mm_histogram_quantile(histogram, 1 - 1 / x);
        fprintf(data, "%.9g %.9g\n", x, (double)value * 1e-9);
    }
    fprintf(data, "%.9g %.9g\n", last, (double)histogram->maximum * 1e-9);
}

/* Of equal latencies the greatest share alone: so many values are not above them. */
static void write_shares(FILE *data, const struct mm_histogram *histogram)
{
    uint64_t value = mm_histogram_quantile(histogram, 1.0 / SHARES);
    fprintf(data, "%.9g 0\n", (double)histogram->minimum * 1e-9);
    for (int i = 1; i <= SHARES; i++) {
        uint64_t next =
            i < SHARES ? mm_histogram_quantile(histogram, (double)(i + 1) / SHARES) : UINT64_MAX;
        if (next != value) {
            fprintf(data, "%.9g %.9g\n", (double)value * 1e-9, 100.0 * i / SHARES);
        }
        value = next;
    }
}

static void write_data(FILE *data, const struct panels *panels)
{
    fprintf(data, "# %s; one block a line, in the order of line_text\n",
            panels->cumulative ? "latency in seconds, per cent that take no longer"
                               : "1/(1-p) latency in seconds");
    for (size_t i = 0; i < panels->line_count; i++) {
        const struct line *line = &panels->lines[i];
        fputs(i ? "\n\n# " : "# ", data);
        mm_escape_gnuplot_field(data, line->one->name);
        fprintf(data, " %s\n", line->metric->name);
        if (panels->cumulative) {
            write_shares(data, line->metric->histogram);
        } else {
            write_percentiles(data, line->metric->histogram);
        }
    }
}

static void write_axes(FILE *script, const struct mm_plot *plot, const struct panels *panels)
{
    double most = 10;
    double low = INFINITY;
    double high = 0;
    for (size_t i = 0; i < panels->line_count; i++) {
        const struct mm_histogram *histogram = panels->lines[i].metric->histogram;
        most = fmax(most, 2 * (double)histogram->count);
        low = fmin(low, fmax(1, (double)histogram->minimum));
        high = fmax(high, fmax(1, (double)histogram->maximum));
    }
    fprintf(script, "axis_high = %.9g\nlatency_low = %.9g\nlatency_high = %.9g\n", most * 1.1,
            pow(10, floor(log10(low * 1e-9))), pow(10, ceil(log10(high * 1.05e-9))));
    fprintf(script, "is_cumulative = %d\n", panels->cumulative);
    fprintf(script, "plot_name = \"%s\"\nlatency_text = \"%s, log axis\"\n", plot->name,
            panels->of_flushes ? "flush latency" : "latency of operations");
}

static void write_end(FILE *stream, const struct line *line, uint64_t value)
{
    char text[MM_UNITS_TEXT_BYTES];
    fprintf(stream, "%s (%s, %s %s", mm_units_show_duration((double)value, text), line->one->group,
            line->one->cache, line->one->engine);
    if (line->one->latencies.measured) {
        fprintf(stream, " %s %s", line->one->variant, line->metric->name);
    }
    fputs(")", stream);
}

static void write_alternative(FILE *stream, const struct panels *panels)
{
    const struct line *worst = &panels->lines[0];
    const struct line *best = &panels->lines[0];
    double share = panels->cumulative ? 0.5 : 0.99; /* what is said of each line */
    uint64_t worst_value = mm_histogram_quantile(worst->metric->histogram, share);
    uint64_t best_value = worst_value;
    uint64_t values = 0;
    for (size_t i = 0; i < panels->line_count; i++) {
        const struct line *line = &panels->lines[i];
        uint64_t value = mm_histogram_quantile(line->metric->histogram, share);
        values += line->metric->histogram->count;
        if (value > worst_value) {
            worst_value = value;
            worst = line;
        }
        if (value < best_value) {
            best_value = value;
            best = line;
        }
    }
    fprintf(stream, "%s %s of %zu %s and %llu %s, %s. The %s goes from ",
            panels->of_flushes ? "Flush latency" : "Latency of operations",
            panels->cumulative ? "as cumulative share" : "by percentile", panels->line_count,
            panels->of_flushes ? "cases" : "lines", (unsigned long long)values,
            panels->of_flushes ? "flushes" : "values",
            panels->cumulative ? "latency on a log axis" : "both axes log",
            panels->cumulative ? "median" : "99th percentile");
    write_end(stream, best, best_value);
    fputs(" to ", stream);
    write_end(stream, worst, worst_value);
    fputs(".", stream);
}

/* panels has of_flushes and cumulative alone. */
static int build(const struct mm_summary *summary, struct panels panels, const struct mm_plot *plot,
                 const struct mm_plot_streams *streams)
{
    int result = make_panels(summary, &panels);
    if (result == 0) {
        mm_plot_write_opening(streams->script, summary, plot, plot_height(&panels));
        write_axes(streams->script, plot, &panels);
        write_panels(streams->script, &panels);
        write_lines(streams->script, &panels);
        write_data(streams->data, &panels);
        write_alternative(streams->alternative, &panels);
    }
    release_panels(&panels);
    return result;
}

int mm_plot_build_flush(const struct mm_summary *summary, const struct mm_plot *plot,
                        const struct mm_plot_streams *streams)
{
    return build(summary, (struct panels){.of_flushes = true}, plot, streams);
}

int mm_plot_build_flush_ecdf(const struct mm_summary *summary, const struct mm_plot *plot,
                             const struct mm_plot_streams *streams)
{
    return build(summary, (struct panels){.of_flushes = true, .cumulative = true}, plot, streams);
}

int mm_plot_build_latency(const struct mm_summary *summary, const struct mm_plot *plot,
                          const struct mm_plot_streams *streams)
{
    return build(summary, (struct panels){0}, plot, streams);
}

int mm_plot_build_latency_ecdf(const struct mm_summary *summary, const struct mm_plot *plot,
                               const struct mm_plot_streams *streams)
{
    return build(summary, (struct panels){.cumulative = true}, plot, streams);
}
