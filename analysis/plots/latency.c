/* The plots of latency by percentile, of flushes and of operations: a panel for each workload or
 * group, a line for each histogram. */
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

static int make_panels(const struct mm_summary *summary, bool of_flushes, struct panels *panels)
{
    *panels = (struct panels){.of_flushes = of_flushes};
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
static void write_data(FILE *data, const struct panels *panels)
{
    fputs("# 1/(1-p) latency in seconds; one block a line, in the order of line_text\n", data);
    for (size_t i = 0; i < panels->line_count; i++) {
        const struct line *line = &panels->lines[i];
        const struct mm_histogram *histogram = line->metric->histogram;
        double last = 2 * (double)histogram->count;
        fputs(i ? "\n\n# " : "# ", data);
        mm_escape_gnuplot_field(data, line->one->name);
        fprintf(data, " %s\n", line->metric->name);
        for (double x = 1; x < last; x *= GRID_RATIO) {
            uint64_t value = mm_histogram_quantile(histogram, 1 - 1 / x);
            fprintf(data, "%.9g %.9g\n", x, (double)value * 1e-9);
        }
        fprintf(data, "%.9g %.9g\n", last, (double)histogram->maximum * 1e-9);
    }
}

static void write_axes(FILE *script, const struct panels *panels)
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
    fprintf(script, "plot_name = \"%s\"\nlatency_text = \"%s, log axis\"\n",
            panels->of_flushes ? "flush" : "latency",
            panels->of_flushes ? "flush latency" : "latency of operations");
}

static void write_end(FILE *stream, const struct line *line, uint64_t p99)
{
    char text[MM_UNITS_TEXT_BYTES];
    fprintf(stream, "%s (%s, %s %s", mm_units_show_duration((double)p99, text), line->one->group,
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
    uint64_t worst_p99 = mm_histogram_quantile(worst->metric->histogram, 0.99);
    uint64_t best_p99 = worst_p99;
    uint64_t values = 0;
    for (size_t i = 0; i < panels->line_count; i++) {
        const struct line *line = &panels->lines[i];
        uint64_t p99 = mm_histogram_quantile(line->metric->histogram, 0.99);
        values += line->metric->histogram->count;
        if (p99 > worst_p99) {
            worst_p99 = p99;
            worst = line;
        }
        if (p99 < best_p99) {
            best_p99 = p99;
            best = line;
        }
    }
    fprintf(stream,
            "%s by percentile of %zu %s and %llu %s, both axes log. The 99th percentile goes from ",
            panels->of_flushes ? "Flush latency" : "Latency of operations", panels->line_count,
            panels->of_flushes ? "cases" : "lines", (unsigned long long)values,
            panels->of_flushes ? "flushes" : "values");
    write_end(stream, best, best_p99);
    fputs(" to ", stream);
    write_end(stream, worst, worst_p99);
    fputs(".", stream);
}

static int build(const struct mm_summary *summary, bool of_flushes, const struct mm_plot *plot,
                 const struct mm_plot_streams *streams)
{
    struct panels panels;
    int result = make_panels(summary, of_flushes, &panels);
    if (result == 0) {
        mm_plot_write_opening(streams->script, summary, plot, plot_height(&panels));
        write_axes(streams->script, &panels);
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
    return build(summary, true, plot, streams);
}

int mm_plot_build_latency(const struct mm_summary *summary, const struct mm_plot *plot,
                          const struct mm_plot_streams *streams)
{
    return build(summary, false, plot, streams);
}
