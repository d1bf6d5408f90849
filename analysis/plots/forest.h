/* A forest plot: the ratio of two sides for each case, with its interval and what it is judged by.
 */
#ifndef MM_ANALYSIS_PLOTS_FOREST_H
#define MM_ANALYSIS_PLOTS_FOREST_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/plots/plots.h"

struct mm_forest_row {
    const char *label;
    const char *verdict; /* beside the figures; NULL: none */
    double ratio;        /* positive */
    bool has_interval;
    double low;
    double high;
    double margin; /* ratios at which a line stands in this row, as 1.02; 0: none */
    double target;
    size_t count; /* n */
};

/* Everything is borrowed. */
struct mm_forest {
    const char *title;
    const char *caption;
    const char *axis; /* what the ratio is of: "time of head / time of base" */
    const char *unit; /* what n counts: "pairs" */
    const struct mm_forest_row *rows;
    size_t count;
};

/*
 * Makes the plot "forest" in memory; rows beyond the first MM_FOREST_ROWS_SHOWN are counted in the
 * alternative alone. Without rows it has no script and says why. A missing or failing gnuplot is no
 * error, as in mm_plots_make(). -ENOMEM. Release with mm_plot_release(), also after a failure.
 */
#define MM_FOREST_ROWS_SHOWN 150
int mm_forest_make(const struct mm_forest *forest, struct mm_plot *plot, struct mm_error *error);

#endif
