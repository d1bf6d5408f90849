/* What the page is made of: its frame, and tables that sort and filter where scripts may run. */
#ifndef MM_ANALYSIS_REPORT_PAGE_H
#define MM_ANALYSIS_REPORT_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "analysis/report/emit.h"

/* From the doctype to the end of the head; the policy lets nothing run but the script below. */
void mm_page_open(FILE *stream, const char *title);

/* The script and the end of the page. */
void mm_page_close(FILE *stream);

struct mm_page_column {
    const char *name;
    bool is_number; /* stands on the right */
};

/* A table with its caption in a box that scrolls by itself, up to its first row. id: of letters
 * and hyphens. caption: plain text. sorts: with buttons and a filter. */
void mm_page_table_open(FILE *stream, const char *id, const char *caption,
                        const struct mm_page_column *columns, size_t count, bool sorts);
void mm_page_table_close(FILE *stream);

/* Cells. value is what a column is sorted by; NAN: there is none, and it comes last. */
void mm_page_text(FILE *stream, const char *text);
void mm_page_number(FILE *stream, const char *text, double value);

/* A column of works, then the cell that names a case and leads to what is said of it below. */
void mm_page_case(FILE *stream, const struct mm_summary *summary,
                  const struct mm_summary_case *one);

/* Which engine for which work, and how sure. */
void mm_page_choices(FILE *stream, const struct mm_summary *summary,
                     const struct mm_choices *choices);
/* Throughput, latencies, scaling: each with its heading, and nothing where there is none. */
void mm_page_throughput(FILE *stream, const struct mm_summary *summary);
void mm_page_latencies(FILE *stream, const struct mm_summary *summary);
void mm_page_scaling(FILE *stream, const struct mm_summary *summary);

#endif
