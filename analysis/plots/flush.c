/* The flush plot: latency by percentile, a panel for each workload, a line for each case. */
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
#define LINE_HEIGHT        13u
#define LINE_TEXT_LIMIT    48
#define PANEL_TEXT_LIMIT   60
#define GRID_RATIO         1.15

/* Lines of one workload stand together; panel p has lines first[p] to first[p + 1] - 1, from 0. */
struct panels {
    const struct mm_summary_case **lines;
    size_t line_count;
    size_t *first;
    size_t count;
};

static void release_panels(struct panels *panels)
{
    free(panels->lines);
    free(panels->first);
}

static bool is_first_of_workload(const struct mm_summary *summary, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (summary->cases[i].flush_ns &&
            strcmp(summary->cases[i].workload, summary->cases[index].workload) == 0) {
            return false;
        }
    }
    return true;
}

static int make_panels(const struct mm_summary *summary, struct panels *panels)
{
    *panels = (struct panels){0};
    panels->lines = calloc(summary->case_count + 1, sizeof *panels->lines);
    panels->first = calloc(summary->case_count + 1, sizeof *panels->first);
    if (!panels->lines || !panels->first) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < summary->case_count; i++) {
        if (!summary->cases[i].flush_ns || !is_first_of_workload(summary, i)) {
            continue;
        }
        panels->first[panels->count++] = panels->line_count;
        for (size_t j = i; j < summary->case_count; j++) {
            const struct mm_summary_case *one = &summary->cases[j];
            if (one->flush_ns && strcmp(one->workload, summary->cases[i].workload) == 0) {
                panels->lines[panels->line_count++] = one;
            }
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
        write_text(script, panels->lines[panels->first[panel]]->workload, PANEL_TEXT_LIMIT);
        fputc('\n', script);
        top = bottom;
    }
}

/* "cold marray operation:write, n 384": what of the group is not in the panel's heading. */
static void write_lines(FILE *script, const struct panels *panels)
{
    fprintf(script, "array line_text[%zu]\n", panels->line_count);
    for (size_t i = 0; i < panels->line_count; i++) {
        const struct mm_summary_case *one = panels->lines[i];
        char *row = mm_plot_row_text(one);
        char *text = row ? mm_text_format("%s%s", row, one->group + strlen(one->workload)) : NULL;
        char *shortened = text ? mm_escape_shorten(text, LINE_TEXT_LIMIT) : NULL;
        char *line = shortened ? mm_text_format("%s, n %llu", shortened,
                                                (unsigned long long)one->flush_ns->count)
                               : NULL;
        fprintf(script, "line_text[%zu] = ", i + 1);
        mm_escape_gnuplot(script, line);
        fputc('\n', script);
        free(row);
        free(text);
        free(shortened);
        free(line);
    }
}

/* Percentiles up to the half rank above the last: nearest rank gives the maximum there. */
static void write_data(FILE *data, const struct panels *panels)
{
    fputs("# 1/(1-p) latency in seconds; one block a case, in the order of line_text\n", data);
    for (size_t i = 0; i < panels->line_count; i++) {
        const struct mm_summary_case *one = panels->lines[i];
        double last = 2 * (double)one->flush_ns->count;
        fputs(i ? "\n\n# " : "# ", data);
        mm_escape_gnuplot_field(data, one->name);
        fputc('\n', data);
        for (double x = 1; x < last; x *= GRID_RATIO) {
            uint64_t value = mm_histogram_quantile(one->flush_ns, 1 - 1 / x);
            fprintf(data, "%.9g %.9g\n", x, (double)value * 1e-9);
        }
        fprintf(data, "%.9g %.9g\n", last, (double)one->flush_ns->maximum * 1e-9);
    }
}

static void write_axes(FILE *script, const struct panels *panels)
{
    double most = 10;
    double low = INFINITY;
    double high = 0;
    for (size_t i = 0; i < panels->line_count; i++) {
        const struct mm_histogram *flush = panels->lines[i]->flush_ns;
        most = fmax(most, 2 * (double)flush->count);
        low = fmin(low, fmax(1, (double)flush->minimum));
        high = fmax(high, fmax(1, (double)flush->maximum));
    }
    fprintf(script, "axis_high = %.9g\nlatency_low = %.9g\nlatency_high = %.9g\n", most * 1.1,
            pow(10, floor(log10(low * 1e-9))), pow(10, ceil(log10(high * 1.05e-9))));
}

static void write_alternative(FILE *stream, const struct panels *panels)
{
    const struct mm_summary_case *worst = panels->lines[0];
    const struct mm_summary_case *best = panels->lines[0];
    uint64_t worst_p99 = mm_histogram_quantile(worst->flush_ns, 0.99);
    uint64_t best_p99 = worst_p99;
    uint64_t flushes = 0;
    for (size_t i = 0; i < panels->line_count; i++) {
        const struct mm_summary_case *one = panels->lines[i];
        uint64_t p99 = mm_histogram_quantile(one->flush_ns, 0.99);
        flushes += one->flush_ns->count;
        if (p99 > worst_p99) {
            worst_p99 = p99;
            worst = one;
        }
        if (p99 < best_p99) {
            best_p99 = p99;
            best = one;
        }
    }
    char low[MM_UNITS_TEXT_BYTES];
    char high[MM_UNITS_TEXT_BYTES];
    fprintf(stream,
            "Flush latency by percentile of %zu cases and %llu flushes, both axes log. The 99th "
            "percentile goes from %s (%s, %s %s) to %s (%s, %s %s).",
            panels->line_count, (unsigned long long)flushes,
            mm_units_show_duration((double)best_p99, low), best->group, best->cache, best->engine,
            mm_units_show_duration((double)worst_p99, high), worst->group, worst->cache,
            worst->engine);
}

int mm_plot_build_flush(const struct mm_summary *summary, const struct mm_plot *plot,
                        const struct mm_plot_streams *streams)
{
    struct panels panels;
    int result = make_panels(summary, &panels);
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
