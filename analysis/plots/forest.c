/* The forest plot: ratios on a log axis around 1, a row for each case. */
#include "analysis/plots/forest.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/plots/builders.h"
#include "analysis/plots/rows.h"
#include "analysis/report/escape.h"
#include "common/text.h"

#define ROW_HEIGHT   19u
#define FRAME_HEIGHT 188u
#define LABEL_LIMIT  58
#define LEAST_RATIO  1.01 /* what the axis shows on both sides at least */

/* How a row is drawn: by what its interval says of 1. */
enum side { SIDE_BELOW, SIDE_ACROSS, SIDE_ABOVE, SIDE_POINT };

static enum side side_of(const struct mm_forest_row *row)
{
    if (!row->has_interval) {
        return SIDE_POINT;
    }
    if (row->high < 1) {
        return SIDE_BELOW;
    }
    return row->low > 1 ? SIDE_ABOVE : SIDE_ACROSS;
}

static size_t shown(const struct mm_forest *forest)
{
    return forest->count < MM_FOREST_ROWS_SHOWN ? forest->count : MM_FOREST_ROWS_SHOWN;
}

static void write_rows(FILE *script, const struct mm_forest *forest)
{
    size_t count = shown(forest);
    fprintf(script, "row_count = %zu\narray row_text[%zu]\narray row_note[%zu]\n", count, count,
            count);
    for (size_t i = 0; i < count; i++) {
        const struct mm_forest_row *row = &forest->rows[i];
        char *label = mm_escape_shorten(row->label, LABEL_LIMIT);
        char *figures =
            row->has_interval
                ? mm_text_format("%.3f (%.3f to %.3f), n %zu %s", row->ratio, row->low, row->high,
                                 row->count, row->verdict ? row->verdict : "")
                : mm_text_format("%.3f, n %zu: no interval", row->ratio, row->count);
        fprintf(script, "row_text[%zu] = ", i + 1);
        mm_escape_gnuplot(script, label);
        fprintf(script, "; row_note[%zu] = ", i + 1);
        mm_escape_gnuplot(script, figures);
        fputc('\n', script);
        free(label);
        free(figures);
    }
}

static void write_axis(FILE *script, const struct mm_forest *forest)
{
    double low = 1 / LEAST_RATIO;
    double high = LEAST_RATIO;
    for (size_t i = 0; i < shown(forest); i++) {
        const struct mm_forest_row *row = &forest->rows[i];
        low = fmin(low, row->has_interval ? row->low : row->ratio);
        high = fmax(high, row->has_interval ? row->high : row->ratio);
        high = fmax(high, fmax(row->margin, row->target));
        low = row->margin > 0 ? fmin(low, row->margin) : low;
        low = row->target > 0 ? fmin(low, row->target) : low;
    }
    mm_plot_write_percent_axis(script, low, high, "equal");
}

static void write_data(FILE *data, const struct mm_forest *forest)
{
    fputs("# row ratio low high n side margin target label; side: 0 below 1, 1 across it, 2 above, "
          "3 no interval; margin and target 0: none\n",
          data);
    for (size_t i = 0; i < shown(forest); i++) {
        const struct mm_forest_row *row = &forest->rows[i];
        fprintf(data, "%zu %.9g %.9g %.9g %zu %d %.9g %.9g ", i + 1, row->ratio,
                row->has_interval ? row->low : row->ratio,
                row->has_interval ? row->high : row->ratio, row->count, side_of(row), row->margin,
                row->target);
        mm_escape_gnuplot_field(data, row->label);
        fputc('\n', data);
    }
}

static void write_used(FILE *script, const struct mm_forest *forest)
{
    bool sides[4] = {false};
    bool has_margin = false;
    bool has_target = false;
    for (size_t i = 0; i < shown(forest); i++) {
        sides[side_of(&forest->rows[i])] = true;
        has_margin = has_margin || forest->rows[i].margin > 0;
        has_target = has_target || forest->rows[i].target > 0;
    }
    fputs("array has_side[4]\n", script);
    for (size_t i = 0; i < MM_COUNT_OF(sides); i++) {
        fprintf(script, "has_side[%zu] = %d\n", i + 1, sides[i]);
    }
    fprintf(script, "has_margin = %d\nhas_target = %d\naxis_text = ", has_margin, has_target);
    mm_escape_gnuplot(script, forest->axis);
    fputc('\n', script);
}

static void write_end(FILE *stream, const char *name, const struct mm_forest_row *row)
{
    fprintf(stream, " The %s is %.3f", name, row->ratio);
    if (row->has_interval) {
        fprintf(stream, " (%.3f to %.3f)", row->low, row->high);
    }
    fprintf(stream, " for %s.", row->label);
}

static void write_alternative(FILE *stream, const struct mm_forest *forest)
{
    size_t sides[4] = {0};
    const struct mm_forest_row *least = &forest->rows[0];
    const struct mm_forest_row *greatest = least;
    for (size_t i = 0; i < forest->count; i++) {
        const struct mm_forest_row *row = &forest->rows[i];
        sides[side_of(row)]++;
        least = row->ratio < least->ratio ? row : least;
        greatest = row->ratio > greatest->ratio ? row : greatest;
    }
    fprintf(stream,
            "Ratios of %zu cases, %s, on a log axis with their intervals; n counts %s. %zu "
            "intervals lie above 1, %zu below, %zu hold it, and %zu cases have none.",
            forest->count, forest->axis, forest->unit, sides[SIDE_ABOVE], sides[SIDE_BELOW],
            sides[SIDE_ACROSS], sides[SIDE_POINT]);
    write_end(stream, "greatest", greatest);
    write_end(stream, "least", least);
    if (forest->count > MM_FOREST_ROWS_SHOWN) {
        fprintf(stream, " The last %zu are not drawn.", forest->count - MM_FOREST_ROWS_SHOWN);
    }
}

static int build(const void *context, const struct mm_plot *plot,
                 const struct mm_plot_streams *streams)
{
    const struct mm_forest *forest = context;
    if (forest->count == 0) {
        return -ENODATA;
    }
    mm_plot_write_frame(streams->script, plot, forest->title, forest->caption,
                        FRAME_HEIGHT + ROW_HEIGHT * (unsigned)shown(forest));
    write_axis(streams->script, forest);
    write_used(streams->script, forest);
    write_rows(streams->script, forest);
    write_data(streams->data, forest);
    write_alternative(streams->alternative, forest);
    return 0;
}

int mm_forest_make(const struct mm_forest *forest, struct mm_plot *plot, struct mm_error *error)
{
    static const struct mm_plot_recipe recipe = {
        .name = "forest",
        .template = "forest",
        .title = "Ratios with their intervals",
        .nothing = "no case has a ratio",
    };
    int result = mm_plot_make(&recipe, build, forest, plot);
    return result < 0 ? mm_error_set(error, result, "making the forest plot: %s", strerror(-result))
                      : 0;
}
