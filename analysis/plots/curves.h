/* Plots of curves over a number: panels below each other, in each a curve for what is alike but for
 * that number, with interval bars. */
#ifndef MM_ANALYSIS_PLOTS_CURVES_H
#define MM_ANALYSIS_PLOTS_CURVES_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/plots/builders.h"

#define MM_CURVES_PANELS_SHOWN 12

struct mm_curve_point {
    double x;
    double y;
    double low; /* of the interval, where there is one */
    double high;
    bool has_interval;
    size_t count; /* n */
};

struct mm_curve {
    char *text; /* in the legend, without n */
    struct mm_curve_point *points;
    size_t count;
};

/* A line that stands upright at x. */
struct mm_curve_mark {
    double x;
    char *text;
};

/* The texts are owned. x and y are positive where their axes are log. */
struct mm_curve_panel {
    char *heading;
    char *x_text;
    char *y_text;
    bool x_is_size;
    bool has_ideal; /* the line y = x / ideal_base */
    double ideal_base;
    struct mm_curve *curves;
    size_t count;
    struct mm_curve_mark *marks;
    size_t mark_count;
};

struct mm_curve_panels {
    struct mm_curve_panel *items;
    size_t count;
    char *(*show_y)(double value, char *text);
};

/* Each takes over texts that are newly allocated, also when it fails; a text that is NULL is
 * -ENOMEM. The pointers that they return last until the next of its kind is added; NULL: -ENOMEM.
 */
struct mm_curve_panel *mm_curves_add_panel(struct mm_curve_panels *panels, char *heading,
                                           char *x_text, char *y_text);
struct mm_curve *mm_curves_add_curve(struct mm_curve_panel *panel, char *text);
int mm_curves_add_point(struct mm_curve *curve, const struct mm_curve_point *point);
int mm_curves_add_mark(struct mm_curve_panel *panel, double x, char *text);
void mm_curves_release(struct mm_curve_panels *panels);

/* Sorts the points and writes script and data of the first MM_CURVES_PANELS_SHOWN panels, for the
 * template curves.gp. There is at least one panel, and in each at least one curve with a point. */
void mm_curves_write(const struct mm_summary *summary, const struct mm_plot *plot,
                     struct mm_curve_panels *panels, const struct mm_plot_streams *streams);

/* " 3 more panels are not shown.", or nothing. */
void mm_curves_write_left_out(FILE *stream, const struct mm_curve_panels *panels);

/* The label without its " key:value", newly allocated; all of it where it has none. */
char *mm_curves_without(const char *label, const char *key);

#endif
