/* The reports that are written from one record: a page, a summary, plots, and a table for a
 * terminal. */
#ifndef MM_ANALYSIS_REPORT_REPORT_H
#define MM_ANALYSIS_REPORT_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "analysis/plots/plots.h"
#include "common/error.h"
#include "results/record.h"

/* Which reports to write. All fields may be zero except those that are wanted. */
struct mm_report_options {
    bool html;     /* report.html, the plots embedded in it */
    bool markdown; /* summary.md */
    bool text;     /* report.txt: the table for a terminal, without colours */
    bool samples;  /* samples.csv: every sample of every launch, with its seed */
    bool plots;    /* plots/<name>.svg, .gp and .dat, and plots/<latency>_ns-<case id>.hgrm of the
                      cases that flush: percentiles in nanoseconds for HdrHistogram's plotters; the
                      series of a case as plots/series-<case id>.dat */
    bool also[MM_PLOT_FORMATS]; /* with plots: as PNG, as PDF beside each SVG */
    /* Told of what is missing although the report is written ("gnuplot was not found: ..."); one
     * line without a newline. May be NULL. */
    void (*warn)(void *context, const char *line);
    void *warn_context;
};

/*
 * Writes the reports that options asks for (NULL: all of them) into folder, which is made when it
 * is missing. Each file appears whole or not at all. The page and the summary link to those of
 * results.json, gbench.json and gbench-aggregates.json that stand in folder already, so write them
 * first, and to report.txt and samples.csv. A missing or failing gnuplot is a warning and a
 * sentence in the page: the .gp and .dat are written all the same. Returns 0 or a negative errno
 * with error set.
 */
int mm_report_write(const struct mm_record *record, const char *folder,
                    const struct mm_report_options *options, struct mm_error *error);

/* The table of cases for a terminal, with the failures below it. colour: ANSI sequences may be
 * used; what they say also stands in the text. -ENOMEM, -EIO. */
int mm_report_text(const struct mm_record *record, FILE *stream, bool colour,
                   struct mm_error *error);

#endif
