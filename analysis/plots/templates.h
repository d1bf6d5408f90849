/* The gnuplot templates, compiled in by embed.cmake. */
#ifndef MM_ANALYSIS_PLOTS_TEMPLATES_H
#define MM_ANALYSIS_PLOTS_TEMPLATES_H

struct mm_plot_template {
    const char *name; /* of the .gp file without its ending; NULL ends the table */
    const char *text;
};

extern const struct mm_plot_template mm_plot_templates[];

#endif
