/* The plot of throughput over time: a panel for each case, where fill and steady state share one, a
 * line for each launch. */
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

#define TITLE_HEIGHT     52u
#define PANEL_HEIGHT     260u
#define PANELS_SHOWN     12
#define PANEL_TEXT_LIMIT 100

/* How a line is drawn and called. */
enum kind { KIND_WHOLE, KIND_FILL, KIND_STEADY, KIND_COUNT };

struct line {
    const struct mm_summary_case *one;
    const json_t *series;
    size_t panel;
    size_t order; /* as they came: by case, then by launch */
};

struct panels {
    char *names[PANELS_SHOWN]; /* of their cases, without the stage */
    size_t count;
    size_t left_out; /* cases beyond PANELS_SHOWN */
    struct line *lines;
    size_t line_count;
};

static void release_panels(struct panels *panels)
{
    for (size_t i = 0; i < panels->count; i++) {
        free(panels->names[i]);
    }
    free(panels->lines);
}

static const char *stage_of(const struct mm_summary_case *one)
{
    const json_t *pressure = json_object_get(one->json, "pressure");
    return json_string_value(json_object_get(pressure, "stage"));
}

static enum kind kind_of(const struct mm_summary_case *one)
{
    const char *stage = stage_of(one);
    if (!stage) {
        return KIND_WHOLE;
    }
    return strcmp(stage, "fill") == 0 ? KIND_FILL : KIND_STEADY;
}

/* "warm mmap, sequential operation:read". Newly allocated. */
static char *panel_name(const struct mm_summary_case *one)
{
    char *row = mm_plot_row_text(one);
    char *name = row ? mm_text_format("%s, %s", row, one->group) : NULL;
    const char *stage = stage_of(one);
    char *word = stage && name ? mm_text_format(" stage:%s", stage) : NULL;
    char *start = word ? strstr(name, word) : NULL;
    if (start) {
        memmove(start, start + strlen(word), strlen(start + strlen(word)) + 1);
    }
    free(row);
    free(word);
    return name;
}

/* The panel of that name (taken over), a new one, or PANELS_SHOWN when there are too many. */
static size_t find_panel(struct panels *panels, char *name)
{
    for (size_t i = 0; i < panels->count; i++) {
        if (strcmp(panels->names[i], name) == 0) {
            free(name);
            return i;
        }
    }
    if (panels->count == PANELS_SHOWN) {
        free(name);
        return PANELS_SHOWN;
    }
    panels->names[panels->count] = name;
    return panels->count++;
}

static int add_case(struct panels *panels, const struct mm_summary_case *one)
{
    char *name = one->series.count > 0 ? panel_name(one) : NULL;
    if (one->series.count == 0) {
        return 0;
    }
    if (!name) {
        return -ENOMEM;
    }
    size_t panel = find_panel(panels, name);
    panels->left_out += panel == PANELS_SHOWN;
    for (size_t i = 0; i < one->series.count && panel < PANELS_SHOWN; i++) {
        panels->lines[panels->line_count] =
            (struct line){one, one->series.lines[i].json, panel, panels->line_count};
        panels->line_count++;
    }
    return 0;
}

/* Fill before steady, as they follow one another. */
static int compare_lines(const void *left, const void *right)
{
    const struct line *a = left;
    const struct line *b = right;
    if (a->panel != b->panel) {
        return a->panel < b->panel ? -1 : 1;
    }
    if (kind_of(a->one) != kind_of(b->one)) {
        return kind_of(a->one) < kind_of(b->one) ? -1 : 1;
    }
    return a->order < b->order ? -1 : 1;
}

static int make_panels(const struct mm_summary *summary, struct panels *panels)
{
    size_t most = 1;
    int result = 0;
    *panels = (struct panels){0};
    for (size_t i = 0; i < summary->case_count; i++) {
        most += summary->cases[i].series.count;
    }
    panels->lines = calloc(most, sizeof *panels->lines);
    if (!panels->lines) {
        return -ENOMEM;
    }
    for (size_t i = 0; result == 0 && i < summary->case_count; i++) {
        result = add_case(panels, &summary->cases[i]);
    }
    if (result < 0) {
        return result;
    }
    qsort(panels->lines, panels->line_count, sizeof *panels->lines, compare_lines);
    return panels->count > 0 ? 0 : -ENODATA;
}

/* A command does not say what it has moved; what comes from the device stands for it. */
static const char *rate_column(const json_t *series)
{
    return json_is_array(json_object_get(series, "bytes")) ? "bytes" : "device_read_bytes";
}

static double most_in(const json_t *series, const char *column)
{
    double most = 0;
    for (size_t i = 0; i < mm_series_points(series); i++) {
        most = fmax(most, mm_series_value(series, column, i));
    }
    return most;
}

static void write_panel(FILE *script, const struct panels *panels, size_t panel)
{
    size_t first = 0;
    while (panels->lines[first].panel != panel) {
        first++;
    }
    size_t last = first;
    bool has_dirty = false;
    for (size_t i = first; i < panels->line_count && panels->lines[i].panel == panel; i++) {
        last = i;
        has_dirty = has_dirty || most_in(panels->lines[i].series, "dirty_bytes") > 0;
    }
    bool moves = strcmp(rate_column(panels->lines[first].series), "bytes") == 0;
    char *shortened = mm_escape_shorten(panels->names[panel], PANEL_TEXT_LIMIT);
    fprintf(script,
            "panel_first[%zu] = %zu; panel_last[%zu] = %zu; panel_has_dirty[%zu] = %d; "
            "panel_rate[%zu] = \"%s\"; panel_text[%zu] = ",
            panel + 1, first + 1, panel + 1, last + 1, panel + 1, has_dirty, panel + 1,
            moves ? "throughput" : "read from the device", panel + 1);
    mm_escape_gnuplot(script, shortened ? shortened : "");
    fputc('\n', script);
    free(shortened);
}

/* Only the first line of a kind in a panel has a title. */
static void write_line(FILE *script, const struct panels *panels, size_t index)
{
    static const char *const titles[KIND_COUNT] = {"each launch", "fill", "steady state"};
    const struct line *line = &panels->lines[index];
    enum kind kind = kind_of(line->one);
    bool first = index == 0 || panels->lines[index - 1].panel != line->panel ||
                 kind_of(panels->lines[index - 1].one) != kind;
    fprintf(script, "line_kind[%zu] = %d; line_text[%zu] = \"%s\"\n", index + 1, (int)kind,
            index + 1, first ? titles[kind] : "");
}

static void write_script(FILE *script, const struct panels *panels)
{
    size_t count = panels->count;
    fprintf(script,
            "title_height = %u.0\npanel_height = %u.0\npanel_count = %zu\narray panel_first[%zu]\n"
            "array panel_last[%zu]\narray panel_has_dirty[%zu]\narray panel_rate[%zu]\n"
            "array panel_text[%zu]\narray line_kind[%zu]\narray line_text[%zu]\n",
            TITLE_HEIGHT, PANEL_HEIGHT, count, count, count, count, count, count,
            panels->line_count, panels->line_count);
    for (size_t panel = 0; panel < count; panel++) {
        write_panel(script, panels, panel);
    }
    for (size_t i = 0; i < panels->line_count; i++) {
        write_line(script, panels, i);
    }
}

static void write_number(FILE *data, double value)
{
    if (isnan(value)) {
        fputs(" NaN", data);
    } else {
        fprintf(data, " %.9g", value);
    }
}

static void write_data(FILE *data, const struct panels *panels)
{
    fputs("# seconds, bytes per second since the point before, dirty bytes; one block a line\n",
          data);
    for (size_t i = 0; i < panels->line_count; i++) {
        const json_t *series = panels->lines[i].series;
        fputs(i ? "\n\n# " : "# ", data);
        mm_escape_gnuplot_field(data, panels->lines[i].one->name);
        fputc('\n', data);
        for (size_t point = 0; point < mm_series_points(series); point++) {
            fprintf(data, "%.9g", mm_series_value(series, "elapsed_ns", point) * 1e-9);
            write_number(data, mm_series_rate(series, rate_column(series), point));
            write_number(data, mm_series_value(series, "dirty_bytes", point));
            fputc('\n', data);
        }
    }
}

static void write_alternative(FILE *stream, const struct panels *panels)
{
    char low_text[MM_UNITS_TEXT_BYTES];
    char high_text[MM_UNITS_TEXT_BYTES];
    char longest_text[MM_UNITS_TEXT_BYTES];
    double low = INFINITY;
    double high = 0;
    double longest_ns = 0;
    for (size_t i = 0; i < panels->line_count; i++) {
        const json_t *series = panels->lines[i].series;
        longest_ns = fmax(longest_ns, most_in(series, "elapsed_ns"));
        for (size_t point = 1; point < mm_series_points(series); point++) {
            double rate = mm_series_rate(series, rate_column(series), point);
            low = fmin(low, rate);
            high = fmax(high, rate);
        }
    }
    fprintf(stream,
            "Throughput over time of %zu samples, panels: %zu. Between two points it goes from %s "
            "to %s; the longest sample took %s.",
            panels->line_count, panels->count, mm_units_show_rate(isinf(low) ? 0 : low, low_text),
            mm_units_show_rate(high, high_text), mm_units_show_duration(longest_ns, longest_text));
    if (panels->left_out > 0) {
        fprintf(stream, " %zu more cases are not shown; every series is in plots/series-*.dat.",
                panels->left_out);
    }
}

int mm_plot_build_series(const struct mm_summary *summary, const struct mm_plot *plot,
                         const struct mm_plot_streams *streams)
{
    struct panels panels;
    int result = make_panels(summary, &panels);
    if (result == 0) {
        mm_plot_write_opening(streams->script, summary, plot,
                              TITLE_HEIGHT + PANEL_HEIGHT * (unsigned)panels.count);
        write_script(streams->script, &panels);
        write_data(streams->data, &panels);
        write_alternative(streams->alternative, &panels);
    }
    release_panels(&panels);
    return result;
}
