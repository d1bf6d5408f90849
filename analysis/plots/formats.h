/* The same plot as PNG and as PDF: the script of the SVG with another terminal. */
#ifndef MM_ANALYSIS_PLOTS_FORMATS_H
#define MM_ANALYSIS_PLOTS_FORMATS_H

#include "analysis/plots/plots.h"

/* "png", "pdf"; also the ending of the file */
const char *mm_plot_format_name(enum mm_plot_format format);

/* The script of a plot for another format, newly allocated; NULL when memory is short. */
char *mm_plot_format_script(const struct mm_plot *plot, enum mm_plot_format format);

#endif
