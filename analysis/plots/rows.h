/* What the plots have in common: rows of cases below headings, and the variables of a script. */
#ifndef MM_ANALYSIS_PLOTS_ROWS_H
#define MM_ANALYSIS_PLOTS_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "analysis/plots/plots.h"
#include "analysis/summary.h"

/* A heading (the group, one is NULL) or a case. Row i of a plot is rows[i - 1]. */
struct mm_plot_row {
    const char *group;
    const struct mm_summary_case *one;
};

struct mm_plot_rows {
    struct mm_plot_row *items;
    size_t count;
    size_t case_count;
};

/* The cases that keep() accepts, group by group in the order of the record; in a group cold comes
 * before warm before others, engines in the order of the record. -ENOMEM. */
int mm_plot_rows_make(const struct mm_summary *summary,
                      bool (*keep)(const struct mm_summary_case *one), struct mm_plot_rows *rows);
void mm_plot_rows_release(struct mm_plot_rows *rows);

/* 0 cold, 1 warm, 2 another: how the plots tell cache states apart. */
int mm_plot_state(const struct mm_summary_case *one);

/* Whether the case has a throughput that stands beside others, also on a log axis. */
bool mm_plot_has_throughput(const struct mm_summary_case *one);

/* What stands beside a row: the median, the ends of its interval in the words of the plot (not
 * looked at where there is none), and of how many launches. */
void mm_plot_write_note(FILE *script, const struct mm_distribution *rate, const char *low,
                        const char *high);

/* "cold marray advice:random", newly allocated; NULL when memory is short. */
char *mm_plot_row_text(const struct mm_summary_case *one);

/* The script's own part: where files are, title, the caption that names the machine, height. */
void mm_plot_write_opening(FILE *script, const struct mm_summary *summary,
                           const struct mm_plot *plot, unsigned height);

/* The same of what has no summary. */
void mm_plot_write_frame(FILE *script, const struct mm_plot *plot, const char *title,
                         const char *caption, unsigned height);

/* row_count, row_text, row_is_heading and row_note; note writes the gnuplot string of one case.
 * -ENOMEM. */
int mm_plot_write_rows(FILE *script, const struct mm_plot_rows *rows,
                       void (*note)(FILE *script, const struct mm_summary_case *one));

/* has_state and has_points, by state: whether a case of it has an interval of its throughput, or
 * launches alone. */
void mm_plot_write_states(FILE *script, const struct mm_plot_rows *rows);

unsigned mm_plot_height(const struct mm_plot_rows *rows);

/* tic_count, tic_at, tic_text, axis_low and axis_high of a log axis of ratios around 1, whose tic
 * is called middle: tics are round per cents, outward on both sides where there is room. */
void mm_plot_write_percent_axis(FILE *script, double low, double high, const char *middle);

#define MM_PLOT_LOG_TICS_LIMIT 64

/* Round values between low and high for a log axis that spans this ratio; how many. */
size_t mm_plot_log_tics(double low, double high, double span, double tics[MM_PLOT_LOG_TICS_LIMIT]);

/* As show() writes it, "1 GB/s" instead of "1.00 GB/s": tics are exact. Returns text. */
char *mm_plot_tic_text(char *(*show)(double value, char *text), double value, char *text);

/* tic_count, tic_at, tic_text, axis_low and axis_high of a log axis that shows low to high (both
 * positive). With zero_text a tic of that name stands at the left end, below all values. */
void mm_plot_write_log_axis(FILE *script, double low, double high, const char *zero_text,
                            char *(*show)(double value, char *text));

#endif
