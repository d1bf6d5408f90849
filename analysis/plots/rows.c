/* Rows of cases, and the variables that every script begins with. */
#include "analysis/plots/rows.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/choices.h"
#include "analysis/report/escape.h"
#include "common/text.h"
#include "common/units.h"

#define ROW_HEIGHT        17
#define FRAME_HEIGHT      160
#define LABEL_LIMIT       27
#define HEADING_LIMIT     90
#define CAPTION_LIMIT     110
#define PERCENT_TIC_SHARE (1.0 / 11) /* of the axis, between two tics */
#define AXIS_PADDING      1.25

int mm_plot_state(const struct mm_summary_case *one)
{
    if (strcmp(one->cache, "cold") == 0) {
        return 0;
    }
    return strcmp(one->cache, "warm") == 0 ? 1 : 2;
}

void mm_plot_write_note(FILE *script, const struct mm_distribution *rate, const char *low,
                        const char *high)
{
    char median[MM_UNITS_TEXT_BYTES];
    mm_units_show_rate(rate->median, median);
    if (rate->has_interval)
        fprintf(script, "\"%s (%s to %s), n %zu\"", median, low, high, rate->count);
    else
        fprintf(script, "\"%s, n %zu: no interval\"", median, rate->count);
}

bool mm_plot_has_throughput(const struct mm_summary_case *one)
{
    return mm_choices_has_rate(one) && one->bytes_per_second.values[0] > 0;
}

static void add_row(struct mm_plot_rows *rows, const char *group, const struct mm_summary_case *one)
{
    rows->items[rows->count++] = (struct mm_plot_row){.group = group, .one = one};
    rows->case_count += one != NULL;
}

static bool is_first_of_group(const struct mm_summary *summary, size_t index,
                              bool (*keep)(const struct mm_summary_case *one))
{
    for (size_t i = 0; i < index; i++) {
        if (keep(&summary->cases[i]) &&
            strcmp(summary->cases[i].group, summary->cases[index].group) == 0) {
            return false;
        }
    }
    return true;
}

int mm_plot_rows_make(const struct mm_summary *summary,
                      bool (*keep)(const struct mm_summary_case *one), struct mm_plot_rows *rows)
{
    *rows = (struct mm_plot_rows){0};
    rows->items = calloc(2 * summary->case_count + 1, sizeof *rows->items);
    if (!rows->items) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < summary->case_count; i++) {
        const struct mm_summary_case *first = &summary->cases[i];
        if (!keep(first) || !is_first_of_group(summary, i, keep)) {
            continue;
        }
        add_row(rows, first->group, NULL);
        for (int state = 0; state <= 2; state++) {
            for (size_t j = i; j < summary->case_count; j++) {
                const struct mm_summary_case *one = &summary->cases[j];
                if (keep(one) && mm_plot_state(one) == state &&
                    strcmp(one->group, first->group) == 0) {
                    add_row(rows, first->group, one);
                }
            }
        }
    }
    return 0;
}

void mm_plot_rows_release(struct mm_plot_rows *rows)
{
    free(rows->items);
    *rows = (struct mm_plot_rows){0};
}

char *mm_plot_row_text(const struct mm_summary_case *one)
{
    return mm_text_format("%s %s%s%s", one->cache, one->engine, *one->variant ? " " : "",
                          one->variant);
}

unsigned mm_plot_height(const struct mm_plot_rows *rows)
{
    return FRAME_HEIGHT + ROW_HEIGHT * (unsigned)rows->count;
}

static const char *text_of(const json_t *holder, const char *name)
{
    const char *text = json_string_value(json_object_get(holder, name));
    return text ? text : "unknown";
}

static void write_shortened(FILE *script, const char *text, size_t limit)
{
    char *shortened = mm_escape_shorten(text, limit);
    mm_escape_gnuplot(script, shortened ? shortened : "");
    free(shortened);
}

void mm_plot_write_frame(FILE *script, const struct mm_plot *plot, const char *title,
                         const char *caption, unsigned height)
{
    fprintf(script, "# %s: `gnuplot %s.gp` in this folder draws %s.svg again from %s.dat.\n",
            plot->title, plot->name, plot->name, plot->name);
    fprintf(script, "data_file = \"%s.dat\"\noutput_file = \"%s.svg\"\nplot_height = %u.0\n",
            plot->name, plot->name, height);
    fputs("plot_title = ", script);
    write_shortened(script, title, HEADING_LIMIT);
    fputs("\nplot_caption = ", script);
    write_shortened(script, caption, CAPTION_LIMIT);
    fputc('\n', script);
}

void mm_plot_write_opening(FILE *script, const struct mm_summary *summary,
                           const struct mm_plot *plot, unsigned height)
{
    const json_t *run = mm_record_run(summary->record);
    const json_t *environment = mm_record_environment(summary->record);
    char *title = mm_text_format("%s, suite %s", plot->title, text_of(run, "suite"));
    char *caption =
        mm_text_format("%s, %s, Linux %s, %s, run %s", text_of(environment, "hostname"),
                       text_of(environment, "cpu_model"), text_of(environment, "kernel"),
                       text_of(environment, "virtualisation"), text_of(run, "id"));
    mm_plot_write_frame(script, plot, title ? title : "", caption ? caption : "", height);
    free(title);
    free(caption);
}

int mm_plot_write_rows(FILE *script, const struct mm_plot_rows *rows,
                       void (*note)(FILE *script, const struct mm_summary_case *one))
{
    fprintf(script, "row_count = %zu\n", rows->count);
    fprintf(script, "array row_text[%zu]\narray row_note[%zu]\narray row_is_heading[%zu]\n",
            rows->count, rows->count, rows->count);
    for (size_t i = 0; i < rows->count; i++) {
        const struct mm_plot_row *row = &rows->items[i];
        fprintf(script, "row_is_heading[%zu] = %d; row_text[%zu] = ", i + 1, row->one == NULL,
                i + 1);
        if (!row->one) {
            write_shortened(script, row->group, HEADING_LIMIT);
            fputc('\n', script);
            continue;
        }
        char *text = mm_plot_row_text(row->one);
        if (!text) {
            return -ENOMEM;
        }
        write_shortened(script, text, LABEL_LIMIT);
        free(text);
        fprintf(script, "; row_note[%zu] = ", i + 1);
        note(script, row->one);
        fputc('\n', script);
    }
    return 0;
}

void mm_plot_write_states(FILE *script, const struct mm_plot_rows *rows)
{
    bool has_state[3] = {false};
    bool has_points[3] = {false};
    for (size_t i = 0; i < rows->count; i++) {
        const struct mm_summary_case *one = rows->items[i].one;
        if (one) {
            bool *flags = one->bytes_per_second.has_interval ? has_state : has_points;
            flags[mm_plot_state(one)] = true;
        }
    }
    fputs("array has_state[3]\narray has_points[3]\n", script);
    for (int state = 0; state < 3; state++) {
        fprintf(script, "has_state[%d] = %d; has_points[%d] = %d\n", state + 1, has_state[state],
                state + 1, has_points[state]);
    }
}

/* "1.00 GB/s" to "1 GB/s": tics are exact. */
static char *without_zeros(char *text)
{
    char *unit = strchr(text, ' ');
    char *point = memchr(text, '.', unit ? (size_t)(unit - text) : strlen(text));
    char *end = unit ? unit : text + strlen(text);
    char *cut = end;
    while (point && cut > point && (cut[-1] == '0' || cut[-1] == '.')) {
        cut--;
    }
    memmove(cut, end, strlen(end) + 1);
    return text;
}

/* 1, 2 and 5 of each decade, or the decades alone, or every third of them. */
static bool is_tic(double decades, int decade, int step)
{
    if (decades > 7) {
        return step == 1 && decade % 3 == 0;
    }
    return decades <= 2 || step == 1;
}

size_t mm_plot_log_tics(double low, double high, double span, double tics[MM_PLOT_LOG_TICS_LIMIT])
{
    static const int steps[] = {1, 2, 5};
    size_t count = 0;
    for (int decade = (int)floor(log10(low)); decade <= (int)ceil(log10(high)); decade++) {
        for (size_t i = 0; i < MM_COUNT_OF(steps); i++) {
            double at = steps[i] * pow(10, decade);
            if (at >= low && at <= high && is_tic(log10(span), decade, steps[i]) &&
                count < MM_PLOT_LOG_TICS_LIMIT) {
                tics[count++] = at;
            }
        }
    }
    return count;
}

char *mm_plot_tic_text(char *(*show)(double value, char *text), double value, char *text)
{
    return without_zeros(show(value, text));
}

void mm_plot_write_log_axis(FILE *script, double low, double high, const char *zero_text,
                            char *(*show)(double value, char *text))
{
    char text[MM_UNITS_TEXT_BYTES];
    double tics[MM_PLOT_LOG_TICS_LIMIT];
    double axis_low = zero_text ? low / 4 : low / AXIS_PADDING;
    double axis_high = high * AXIS_PADDING;
    size_t first = zero_text ? 1 : 0;
    fprintf(script, "axis_low = %.9g\naxis_high = %.9g\n", axis_low, axis_high);
    fprintf(script, "array tic_at[%d]\narray tic_text[%d]\n", MM_PLOT_LOG_TICS_LIMIT + 1,
            MM_PLOT_LOG_TICS_LIMIT + 1);
    if (zero_text) {
        fprintf(script, "tic_at[1] = axis_low; tic_text[1] = \"%s\"\n", zero_text);
    }
    size_t count =
        mm_plot_log_tics(zero_text ? low * 0.999 : axis_low, axis_high, axis_high / axis_low, tics);
    for (size_t i = 0; i < count; i++) {
        fprintf(script, "tic_at[%zu] = %.9g; tic_text[%zu] = \"%s\"\n", first + i + 1, tics[i],
                first + i + 1, mm_plot_tic_text(show, tics[i], text));
    }
    fprintf(script, "tic_count = %zu\n", first + count);
}

void mm_plot_write_percent_axis(FILE *script, double low, double high, const char *middle)
{
    static const int percents[2][16] = {
        {1, 2, 5, 10, 20, 30, 50, 75, 90, 99},
        {1, 2, 5, 10, 20, 30, 50, 100, 200, 400, 1000, 3000, 10000, 100000}};
    double span = log(high / low) * 1.04;
    double axis_low = low / exp(0.02 * span);
    double axis_high = high * exp(0.02 * span);
    int count = 1;
    fprintf(script, "axis_low = %.9g\naxis_high = %.9g\narray tic_at[32]\narray tic_text[32]\n",
            axis_low, axis_high);
    fprintf(script, "tic_at[1] = 1; tic_text[1] = \"%s\"\n", middle);
    for (int side = 0; side < 2; side++) {
        double last = 1;
        for (int i = 0; i < 16 && percents[side][i] > 0; i++) {
            double at = 1 + (side ? 0.01 : -0.01) * percents[side][i];
            if (at >= axis_low && at <= axis_high &&
                fabs(log(at / last)) >= span * PERCENT_TIC_SHARE) {
                count++;
                fprintf(script, "tic_at[%d] = %.9g; tic_text[%d] = \"%s%d %%%%\"\n", count, at,
                        count, side ? "+" : "-", percents[side][i]);
                last = at;
            }
        }
    }
    fprintf(script, "tic_count = %d\n", count);
}
