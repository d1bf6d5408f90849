/* Panels of curves: their memory, their axes, their script and their data. */
#include "analysis/plots/curves.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/plots/rows.h"
#include "analysis/report/escape.h"
#include "common/text.h"
#include "common/units.h"

#define TITLE_HEIGHT       52u
#define PANEL_FRAME_HEIGHT 120u
#define PANEL_LEAST_HEIGHT 280u
#define LINE_HEIGHT        18u
#define HEADING_LIMIT      100
#define TEXT_LIMIT         44
#define TICS_LIMIT         12
#define TIC_SHARE          (1.0 / 13) /* of the axis, between two tics that do not overlap */
#define DENSE_TICS_RATIO   1000       /* 1, 2 and 5 of each decade have room up to here */
#define LOG_RATIO          8
#define PADDING            0.05 /* of an axis, on each side */

struct mm_curve_panel *mm_curves_add_panel(struct mm_curve_panels *panels, char *heading,
                                           char *x_text, char *y_text)
{
    struct mm_curve_panel *grown = realloc(panels->items, (panels->count + 1) * sizeof *grown);
    panels->items = grown ? grown : panels->items;
    if (!grown || !heading || !x_text || !y_text) {
        free(heading);
        free(x_text);
        free(y_text);
        return NULL;
    }
    grown[panels->count] =
        (struct mm_curve_panel){.heading = heading, .x_text = x_text, .y_text = y_text};
    return &grown[panels->count++];
}

struct mm_curve *mm_curves_add_curve(struct mm_curve_panel *panel, char *text)
{
    struct mm_curve *grown = realloc(panel->curves, (panel->count + 1) * sizeof *grown);
    panel->curves = grown ? grown : panel->curves;
    if (!grown || !text) {
        free(text);
        return NULL;
    }
    grown[panel->count] = (struct mm_curve){.text = text};
    return &grown[panel->count++];
}

int mm_curves_add_point(struct mm_curve *curve, const struct mm_curve_point *point)
{
    struct mm_curve_point *grown = realloc(curve->points, (curve->count + 1) * sizeof *grown);
    if (!grown) {
        return -ENOMEM;
    }
    curve->points = grown;
    grown[curve->count++] = *point;
    return 0;
}

int mm_curves_add_mark(struct mm_curve_panel *panel, double x, char *text)
{
    struct mm_curve_mark *grown = realloc(panel->marks, (panel->mark_count + 1) * sizeof *grown);
    panel->marks = grown ? grown : panel->marks;
    if (!grown || !text) {
        free(text);
        return -ENOMEM;
    }
    grown[panel->mark_count++] = (struct mm_curve_mark){x, text};
    return 0;
}

static void release_panel(struct mm_curve_panel *panel)
{
    for (size_t i = 0; i < panel->count; i++) {
        free(panel->curves[i].text);
        free(panel->curves[i].points);
    }
    for (size_t i = 0; i < panel->mark_count; i++) {
        free(panel->marks[i].text);
    }
    free(panel->curves);
    free(panel->marks);
    free(panel->heading);
    free(panel->x_text);
    free(panel->y_text);
}

void mm_curves_release(struct mm_curve_panels *panels)
{
    for (size_t i = 0; i < panels->count; i++) {
        release_panel(&panels->items[i]);
    }
    free(panels->items);
    *panels = (struct mm_curve_panels){0};
}

static int compare_points(const void *left, const void *right)
{
    double a = ((const struct mm_curve_point *)left)->x;
    double b = ((const struct mm_curve_point *)right)->x;
    return (a > b) - (a < b);
}

static unsigned panel_height(const struct mm_curve_panel *panel)
{
    unsigned wanted = PANEL_FRAME_HEIGHT + LINE_HEIGHT * (unsigned)(panel->count + 1);
    return wanted > PANEL_LEAST_HEIGHT ? wanted : PANEL_LEAST_HEIGHT;
}

/* What one axis shows. */
struct axis {
    double low;
    double high;
    bool is_log;
};

static double position(const struct axis *axis, double value)
{
    return axis->is_log ? log(value / axis->low) / log(axis->high / axis->low)
                        : (value - axis->low) / (axis->high - axis->low);
}

static double at_position(const struct axis *axis, double share)
{
    return axis->is_log ? axis->low * pow(axis->high / axis->low, share)
                        : axis->low + share * (axis->high - axis->low);
}

static struct axis padded(struct axis axis)
{
    if (axis.low == axis.high) {
        axis.low = axis.is_log ? axis.low / 2 : axis.low - 1;
        axis.high = axis.is_log ? axis.high * 2 : axis.high + 1;
    }
    return (struct axis){at_position(&axis, -PADDING), at_position(&axis, 1 + PADDING),
                         axis.is_log};
}

static bool is_power_of_two(double value)
{
    int exponent;
    return value > 0 && frexp(value, &exponent) == 0.5;
}

static struct axis x_axis(const struct mm_curve_panel *panel)
{
    struct axis axis = {.low = INFINITY, .high = -INFINITY};
    bool are_powers = true;
    for (size_t i = 0; i < panel->count; i++) {
        for (size_t p = 0; p < panel->curves[i].count; p++) {
            double x = panel->curves[i].points[p].x;
            axis.low = fmin(axis.low, x);
            axis.high = fmax(axis.high, x);
            are_powers = are_powers && is_power_of_two(x);
        }
    }
    axis.is_log = axis.low > 0 && (are_powers || axis.high > LOG_RATIO * axis.low);
    return padded(axis);
}

static struct axis y_axis(const struct mm_curve_panel *panel)
{
    struct axis axis = {.low = INFINITY, .high = -INFINITY, .is_log = true};
    for (size_t i = 0; i < panel->count; i++) {
        for (size_t p = 0; p < panel->curves[i].count; p++) {
            const struct mm_curve_point *point = &panel->curves[i].points[p];
            axis.low = fmin(axis.low, point->has_interval ? point->low : point->y);
            axis.high = fmax(axis.high, point->has_interval ? point->high : point->y);
            if (panel->has_ideal) {
                axis.high = fmax(axis.high, point->x / panel->ideal_base);
            }
        }
    }
    return padded(axis);
}

/* Tics at the values that were measured, where they do not overlap; the ends have precedence. */
static size_t x_tics(const struct mm_curve_panel *panel, const struct axis *axis,
                     double tics[TICS_LIMIT])
{
    size_t count = 0;
    for (size_t i = 0; i < panel->count; i++) {
        for (size_t p = 0; p < panel->curves[i].count && count < TICS_LIMIT; p++) {
            double x = panel->curves[i].points[p].x;
            bool is_free = true;
            for (size_t t = 0; t < count; t++) {
                is_free = is_free && fabs(position(axis, x) - position(axis, tics[t])) >= TIC_SHARE;
            }
            if (is_free) {
                tics[count++] = x;
            }
        }
    }
    return count;
}

static void write_text(FILE *script, const char *text, size_t limit)
{
    char *shortened = mm_escape_shorten(text, limit);
    mm_escape_gnuplot(script, shortened ? shortened : "");
    free(shortened);
}

/* Where the next entry of each flat array of the script stands. */
struct cursor {
    unsigned top;
    size_t curve;
    size_t x_tic;
    size_t y_tic;
    size_t mark;
};

static void write_x_tics(FILE *script, const struct mm_curve_panel *panel, const struct axis *axis,
                         struct cursor *cursor)
{
    double tics[TICS_LIMIT];
    char text[MM_UNITS_TEXT_BYTES];
    size_t count = x_tics(panel, axis, tics);
    for (size_t i = 0; i < count; i++) {
        if (panel->x_is_size) {
            mm_plot_tic_text(mm_units_show_size, tics[i], text);
        } else {
            snprintf(text, sizeof text, "%.6g", tics[i]);
        }
        cursor->x_tic++;
        fprintf(script, "x_tic_at[%zu] = %.9g; x_tic_text[%zu] = \"%s\"\n", cursor->x_tic, tics[i],
                cursor->x_tic, text);
    }
}

static void write_y_tics(FILE *script, const struct axis *axis,
                         char *(*show_y)(double value, char *text), struct cursor *cursor)
{
    double tics[MM_PLOT_LOG_TICS_LIMIT];
    char text[MM_UNITS_TEXT_BYTES];
    double span = axis->high / axis->low;
    size_t count =
        mm_plot_log_tics(axis->low, axis->high, span > DENSE_TICS_RATIO ? span : 1, tics);
    for (size_t i = 0; i < count; i++) {
        cursor->y_tic++;
        fprintf(script, "y_tic_at[%zu] = %.9g; y_tic_text[%zu] = \"%s\"\n", cursor->y_tic, tics[i],
                cursor->y_tic, mm_plot_tic_text(show_y, tics[i], text));
    }
}

static void write_marks(FILE *script, const struct mm_curve_panel *panel, const struct axis *axis,
                        struct cursor *cursor)
{
    for (size_t i = 0; i < panel->mark_count; i++) {
        const struct mm_curve_mark *mark = &panel->marks[i];
        if (mark->x > axis->low && mark->x < axis->high) {
            cursor->mark++;
            fprintf(script, "mark_at[%zu] = %.9g; mark_text[%zu] = ", cursor->mark, mark->x,
                    cursor->mark);
            write_text(script, mark->text, TEXT_LIMIT);
            fputc('\n', script);
        }
    }
}

/* " n 6", " n 4 to 6" */
static void write_counts(FILE *script, const struct mm_curve *curve)
{
    size_t least = curve->points[0].count;
    size_t most = least;
    for (size_t p = 0; p < curve->count; p++) {
        least = curve->points[p].count < least ? curve->points[p].count : least;
        most = curve->points[p].count > most ? curve->points[p].count : most;
    }
    if (least == most) {
        fprintf(script, ".\", n %zu\"", least);
    } else {
        fprintf(script, ".\", n %zu to %zu\"", least, most);
    }
}

static void write_curve_texts(FILE *script, const struct mm_curve_panel *panel,
                              struct cursor *cursor)
{
    for (size_t i = 0; i < panel->count; i++) {
        cursor->curve++;
        fprintf(script, "curve_text[%zu] = ", cursor->curve);
        write_text(script, panel->curves[i].text, TEXT_LIMIT);
        write_counts(script, &panel->curves[i]);
        fputc('\n', script);
    }
}

static void write_panel_text(FILE *script, const char *array, size_t n, const char *text)
{
    fprintf(script, "%s[%zu] = ", array, n);
    write_text(script, text, HEADING_LIMIT);
    fputc('\n', script);
}

/* Panel n, from 1. */
static void write_panel(FILE *script, const struct mm_curve_panels *panels, size_t n,
                        struct cursor *cursor)
{
    const struct mm_curve_panel *panel = &panels->items[n - 1];
    struct axis x = x_axis(panel);
    struct axis y = y_axis(panel);
    unsigned bottom = cursor->top + panel_height(panel);
    fprintf(script,
            "panel_top[%zu] = %u.0; panel_bottom[%zu] = %u.0; x_is_log[%zu] = %d; ideal_base[%zu] "
            "= %.9g\n",
            n, cursor->top, n, bottom, n, x.is_log, n, panel->has_ideal ? panel->ideal_base : 0.0);
    fprintf(script,
            "x_low[%zu] = %.9g; x_high[%zu] = %.9g; y_low[%zu] = %.9g; y_high[%zu] = %.9g\n", n,
            x.low, n, x.high, n, y.low, n, y.high);
    write_panel_text(script, "panel_text", n, panel->heading);
    write_panel_text(script, "x_text", n, panel->x_text);
    write_panel_text(script, "y_text", n, panel->y_text);
    write_curve_texts(script, panel, cursor);
    write_x_tics(script, panel, &x, cursor);
    write_y_tics(script, &y, panels->show_y, cursor);
    write_marks(script, panel, &x, cursor);
    fprintf(script,
            "last_curve[%zu] = %zu; last_x_tic[%zu] = %zu; last_y_tic[%zu] = %zu; last_mark[%zu] = "
            "%zu\n",
            n + 1, cursor->curve, n + 1, cursor->x_tic, n + 1, cursor->y_tic, n + 1, cursor->mark);
    cursor->top = bottom;
}

/* Arrays of a value for each panel, those of the last entries with a 0 before them, then those of
 * all panels' entries together. */
static void write_arrays(FILE *script, const struct mm_curve_panels *panels, size_t shown)
{
    static const char *const of_panels[] = {"panel_top",  "panel_bottom", "panel_text", "x_is_log",
                                            "ideal_base", "x_low",        "x_high",     "y_low",
                                            "y_high",     "x_text",       "y_text"};
    static const char *const last_ones[] = {"last_curve", "last_x_tic", "last_y_tic", "last_mark"};
    size_t curves = 0;
    size_t marks = 1;
    for (size_t i = 0; i < shown; i++) {
        curves += panels->items[i].count;
        marks += panels->items[i].mark_count;
    }
    fprintf(script, "panel_count = %zu\n", shown);
    for (size_t i = 0; i < MM_COUNT_OF(of_panels); i++) {
        fprintf(script, "array %s[%zu]\n", of_panels[i], shown);
    }
    for (size_t i = 0; i < MM_COUNT_OF(last_ones); i++) {
        fprintf(script, "array %s[%zu]; %s[1] = 0\n", last_ones[i], shown + 1, last_ones[i]);
    }
    fprintf(script, "array curve_text[%zu]\narray mark_at[%zu]\narray mark_text[%zu]\n", curves,
            marks, marks);
    fprintf(script, "array x_tic_at[%zu]\narray x_tic_text[%zu]\n", shown * TICS_LIMIT,
            shown * TICS_LIMIT);
    fprintf(script, "array y_tic_at[%zu]\narray y_tic_text[%zu]\n", shown * MM_PLOT_LOG_TICS_LIMIT,
            shown * MM_PLOT_LOG_TICS_LIMIT);
}

static void write_data(FILE *data, const struct mm_curve_panel *panel, size_t *block)
{
    for (size_t i = 0; i < panel->count; i++) {
        const struct mm_curve *curve = &panel->curves[i];
        fputs((*block)++ ? "\n\n# " : "# ", data);
        mm_escape_gnuplot_field(data, panel->heading);
        fputc(' ', data);
        mm_escape_gnuplot_field(data, curve->text);
        fputc('\n', data);
        for (size_t p = 0; p < curve->count; p++) {
            const struct mm_curve_point *point = &curve->points[p];
            fprintf(data, "%.9g %.9g %.9g %.9g %zu %d\n", point->x, point->y,
                    point->has_interval ? point->low : point->y,
                    point->has_interval ? point->high : point->y, point->count,
                    point->has_interval);
        }
    }
}

void mm_curves_write(const struct mm_summary *summary, const struct mm_plot *plot,
                     struct mm_curve_panels *panels, const struct mm_plot_streams *streams)
{
    size_t shown = panels->count < MM_CURVES_PANELS_SHOWN ? panels->count : MM_CURVES_PANELS_SHOWN;
    unsigned height = TITLE_HEIGHT;
    for (size_t i = 0; i < shown; i++) {
        struct mm_curve_panel *panel = &panels->items[i];
        height += panel_height(panel);
        for (size_t c = 0; c < panel->count; c++) {
            qsort(panel->curves[c].points, panel->curves[c].count, sizeof(struct mm_curve_point),
                  compare_points);
        }
    }
    mm_plot_write_opening(streams->script, summary, plot, height);
    fprintf(streams->script, "plot_name = \"%s\"\n", plot->name);
    write_arrays(streams->script, panels, shown);
    fputs("# x y low high n has_interval; one block a curve\n", streams->data);
    struct cursor cursor = {.top = TITLE_HEIGHT};
    size_t block = 0;
    for (size_t n = 1; n <= shown; n++) {
        write_panel(streams->script, panels, n, &cursor);
        write_data(streams->data, &panels->items[n - 1], &block);
    }
}

void mm_curves_write_left_out(FILE *stream, const struct mm_curve_panels *panels)
{
    if (panels->count > MM_CURVES_PANELS_SHOWN) {
        fprintf(stream, " %zu more panels are not shown.", panels->count - MM_CURVES_PANELS_SHOWN);
    }
}

char *mm_curves_without(const char *label, const char *key)
{
    char *copy = strdup(label);
    char *pattern = mm_text_format(" %s:", key);
    char *start = copy && pattern && *key ? strstr(copy, pattern) : NULL;
    if (start) {
        const char *rest = start + 1 + strcspn(start + 1, " ");
        memmove(start, rest, strlen(rest) + 1);
    }
    free(pattern);
    return copy;
}
