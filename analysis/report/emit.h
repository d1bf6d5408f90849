/* The emitters behind report.h, and the wording that they share. */
#ifndef MM_ANALYSIS_REPORT_EMIT_H
#define MM_ANALYSIS_REPORT_EMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "analysis/choices.h"
#include "analysis/counter_cost.h"
#include "analysis/plots/plots.h"
#include "analysis/summary.h"
#include "common/error.h"

/* Files beside the report to link to, by name. */
struct mm_report_links {
    const char *names[8];
    size_t count;
};

/* One sentence that leads the report. is_bad: something failed or is missing. */
struct mm_finding {
    char *text;
    bool is_bad;
};

struct mm_findings {
    struct mm_finding *items;
    size_t count;
    size_t warnings; /* so many of the first items are bad */
    struct mm_choices choices;
};

/* What failed or never ran first, then rates that could not be kept and what was noisy; then for
 * each work and cache state which engine to take, the surest and largest leads first; then
 * latencies. The choices stand there as figures too. -ENOMEM. */
int mm_findings_make(const struct mm_summary *summary, struct mm_findings *findings);
void mm_findings_release(struct mm_findings *findings);

/* plots may have pictures that are missing; why they are is said in their place. */
void mm_html_write(FILE *stream, const struct mm_summary *summary,
                   const struct mm_findings *findings, const struct mm_plots *plots,
                   const struct mm_report_links *links);

/* plots NULL: no pictures are linked. */
void mm_markdown_write(FILE *stream, const struct mm_summary *summary,
                       const struct mm_findings *findings, const struct mm_plots *plots,
                       const struct mm_report_links *links);

void mm_text_write(FILE *stream, const struct mm_summary *summary,
                   const struct mm_findings *findings, bool colour);

/* samples.csv. */
void mm_samples_write(FILE *stream, const struct mm_record *record);

/* Writes an SVG of gnuplot as part of a page: without prologue and white ground, black as
 * currentColor so that it follows the theme, ids and references to them prefixed by name, with
 * alternative (plain text) for those who do not see it. */
void mm_svg_inline(FILE *stream, const char *svg, const char *name, const char *alternative);

/* Closes a stream of open_memstream() and makes its bytes the file `name` in folder, whole or not
 * at all. -ENOMEM, or errors of mm_file_replace. The caller frees *bytes. */
int mm_report_save(const char *folder, const char *name, FILE *stream, char **bytes,
                   const size_t *size, struct mm_error *error);

enum { MM_PHRASE_BYTES = 160 };

/* How a value is shown: mm_units_show_rate and its like. */
typedef char *mm_show(double value, char *text);

/* "1.21 GB/s", or "-" when there is no value. */
char *mm_phrase_median(const struct mm_distribution *distribution, mm_show *show,
                       char text[MM_PHRASE_BYTES]);

/* "1.18 GB/s to 1.25 GB/s"; "points alone, n 3" below the launches an interval needs; "-". */
char *mm_phrase_interval(const struct mm_distribution *distribution, mm_show *show,
                         char text[MM_PHRASE_BYTES]);

/* Which table a case stands in: the one of throughput, or that of latency. */
bool mm_row_is_throughput(const struct mm_summary_case *one);
bool mm_row_is_latency(const struct mm_summary_case *one);

/* A percentile of latencies, or "-" where histogram is NULL. */
char *mm_phrase_latency(const struct mm_histogram *histogram, double share,
                        char text[MM_PHRASE_BYTES]);

/* What a latency counts by: "closed", "1000/s" as it was asked for, "730 of 1000/s" where that rate
 * was not kept; "-" for flushes, which count from their call. metric may be NULL. */
char *mm_phrase_loop(const struct mm_summary_case *one, const struct mm_latency_metric *metric,
                     char text[MM_PHRASE_BYTES]);

/* The percentile of the flush latencies, or "-". */
char *mm_phrase_flush(const struct mm_summary_case *one, double share, char text[MM_PHRASE_BYTES]);

/* "ok", "skipped", "3 of 6 launches failed", "2 of 6 launches", "not run". */
char *mm_phrase_state(const struct mm_summary_case *one, char text[MM_PHRASE_BYTES]);

/* "0 % to 0.4 %" or why it is not known. */
char *mm_phrase_resident(const struct mm_summary_case *one, char text[MM_PHRASE_BYTES]);

/* "marray advice:random": newly allocated. */
char *mm_phrase_engine(const struct mm_summary_case *one);

/* "1.20 times", "more than 1,000 times"... of an engine over another; "-" without a next one. */
char *mm_phrase_lead(const struct mm_choice *choice, char text[MM_PHRASE_BYTES]);

/* "1.18 to 1.22", with the coverage where it is below what was asked for; "-". */
char *mm_phrase_ratio_interval(const struct mm_choice_ratio *ratio, char text[MM_PHRASE_BYTES]);

/* "sure", "likely", "no engine is reliably faster", "too few launches: 3 of the 6 needed", "the
 * only engine measured". */
char *mm_phrase_certainty(const struct mm_choice *choice, char text[MM_PHRASE_BYTES]);

/* Where the time of a case goes, as far as the record knows: "device busy 94 % of the time, 0.25
 * faults a page"; "" when it knows nothing. */
char *mm_phrase_time(const struct mm_summary_case *one, char text[MM_PHRASE_BYTES]);

/* The whole sentence on one choice; newly allocated. */
char *mm_phrase_choice(const struct mm_choice *choice);

/* "Counting costs warm mmap, sequential: +0.30 % of its time (95 % interval ...)"; newly allocated.
 */
char *mm_phrase_counter_cost(const struct mm_counter_cost *cost);

/* Sentences on the unit of the statistics, the interval and the coverage it achieves here. */
void mm_phrase_method(const struct mm_summary *summary, void (*say)(FILE *stream, const char *line),
                      FILE *stream);

/* The command of the run with its words quoted for a shell where they need it; newly allocated. */
char *mm_phrase_command(const struct mm_summary *summary);

/* "56 cases: 50 measured, 4 skipped, 2 with failures": newly allocated. */
char *mm_phrase_totals(const struct mm_summary *summary);

#endif
