/* One function for each plot: its variables, its data and what it shows in words. */
#ifndef MM_ANALYSIS_PLOTS_BUILDERS_H
#define MM_ANALYSIS_PLOTS_BUILDERS_H

#include <stdio.h>

#include "analysis/plots/plots.h"
#include "analysis/summary.h"

/* Streams that plots.c opened and closes. */
struct mm_plot_streams {
    FILE *script; /* the variables; plots.c appends the template */
    FILE *data;
    FILE *alternative;
};

struct mm_plot_recipe {
    const char *name;
    const char *template; /* the .gp file without its ending */
    const char *title;
    const char *nothing; /* why there is nothing to plot */
};

/* 0, -ENODATA when there is nothing to plot, -ENOMEM. plot has name and title. */
typedef int mm_plot_build(const void *context, const struct mm_plot *plot,
                          const struct mm_plot_streams *streams);

/* Makes one plot in memory, as mm_plots_make() does. -ENOMEM. Release it, also after a failure. */
int mm_plot_make(const struct mm_plot_recipe *recipe, mm_plot_build *build, const void *context,
                 struct mm_plot *plot);

/* 0, -ENODATA when there is nothing to plot, -ENOMEM. plot has name and title. */
int mm_plot_build_throughput(const struct mm_summary *summary, const struct mm_plot *plot,
                             const struct mm_plot_streams *streams);
int mm_plot_build_launches(const struct mm_summary *summary, const struct mm_plot *plot,
                           const struct mm_plot_streams *streams);
int mm_plot_build_sweep(const struct mm_summary *summary, const struct mm_plot *plot,
                        const struct mm_plot_streams *streams);
int mm_plot_build_scaling(const struct mm_summary *summary, const struct mm_plot *plot,
                          const struct mm_plot_streams *streams);
int mm_plot_build_faults(const struct mm_summary *summary, const struct mm_plot *plot,
                         const struct mm_plot_streams *streams);
int mm_plot_build_flush(const struct mm_summary *summary, const struct mm_plot *plot,
                        const struct mm_plot_streams *streams);
int mm_plot_build_flush_ecdf(const struct mm_summary *summary, const struct mm_plot *plot,
                             const struct mm_plot_streams *streams);
int mm_plot_build_latency(const struct mm_summary *summary, const struct mm_plot *plot,
                          const struct mm_plot_streams *streams);
int mm_plot_build_latency_ecdf(const struct mm_summary *summary, const struct mm_plot *plot,
                               const struct mm_plot_streams *streams);
int mm_plot_build_series(const struct mm_summary *summary, const struct mm_plot *plot,
                         const struct mm_plot_streams *streams);

#endif
