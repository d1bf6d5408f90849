/* The plots of a record: SVG drawn by gnuplot, with the script and the data that draw it again. */
#ifndef MM_ANALYSIS_PLOTS_PLOTS_H
#define MM_ANALYSIS_PLOTS_PLOTS_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/summary.h"
#include "common/error.h"

enum mm_plot_kind {
    MM_PLOT_THROUGHPUT,
    MM_PLOT_LAUNCHES,
    MM_PLOT_SWEEP,
    MM_PLOT_SCALING,
    MM_PLOT_FAULTS,
    MM_PLOT_FLUSH,
    MM_PLOT_FLUSH_ECDF,
    MM_PLOT_LATENCY,
    MM_PLOT_LATENCY_ECDF,
    MM_PLOT_SERIES,
    MM_PLOT_COUNT
};

/* What there may be beside the SVG. */
enum mm_plot_format { MM_PLOT_PNG, MM_PLOT_PDF, MM_PLOT_FORMATS };

struct mm_picture {
    char *bytes; /* owned; NULL: none */
    size_t size;
};

/* All texts are owned. `gnuplot <name>.gp` in a folder with the data makes the same SVG again, byte
 * for byte. */
struct mm_plot {
    const char *name; /* "throughput": also of the files */
    const char *title;
    char *alternative; /* what it shows, in words and figures */
    char *script;      /* NULL when there is nothing to plot */
    size_t script_size;
    char *data;
    size_t data_size;
    char *svg; /* NULL when it could not be drawn */
    size_t svg_size;
    char *why_missing; /* one line, when svg is NULL */
    struct mm_picture others[MM_PLOT_FORMATS];
    char *why_others_missing; /* one line, when one that was wanted could not be drawn */
};

struct mm_plots {
    struct mm_plot plots[MM_PLOT_COUNT];
};

/* Makes all plots in memory. A missing or failing gnuplot is no error: svg is NULL then and
 * why_missing says why. -ENOMEM. Release with mm_plots_release(), also after a failure. */
int mm_plots_make(const struct mm_summary *summary, struct mm_plots *plots, struct mm_error *error);
void mm_plots_release(struct mm_plots *plots);

/* Draws those that have an SVG in other formats too. A gnuplot without the terminal for it is no
 * error: why_others_missing says so. -ENOMEM. */
int mm_plots_draw_others(struct mm_plots *plots, const bool wanted[MM_PLOT_FORMATS],
                         struct mm_error *error);

void mm_plot_release(struct mm_plot *plot);

/* Writes what there is of each plot into folder: <name>.svg, .gp and .dat, .png and .pdf; folder is
 * made when it is missing. A picture of an earlier plot that there is none of now is removed. */
int mm_plots_write(const struct mm_plots *plots, const char *folder, struct mm_error *error);
int mm_plot_write(const struct mm_plot *plot, const char *folder, struct mm_error *error);

#endif
