/* Two records beside each other: cases matched by name, ratios with intervals, careful verdicts. */
#ifndef MM_ANALYSIS_COMPARE_H
#define MM_ANALYSIS_COMPARE_H

#include <stdio.h>

#include <jansson.h>

#include "analysis/plots/forest.h"
#include "common/error.h"
#include "results/record.h"

/* Opaque: the finished comparison. It keeps nothing of the two records. */
struct mm_comparison;

/*
 * Compares record b with record a. Cases are matched by name. A case with at least
 * MM_STATISTICS_INTERVAL_LAUNCHES good launches on both sides has the ratio of the medians B / A of
 * its throughput with an interval; others have the ratio alone and say what is missing. Cases that
 * stand on one side only are listed, and so is every difference of the environments that makes the
 * ratios doubtful.
 * A case with an interval has a verdict as well, unless the machines or storages differ, or the
 * launches are too few for intervals that hold for all cases at once: then it says so. -ENOMEM.
 * *comparison is set only on success; release it with mm_comparison_free().
 */
int mm_compare(const struct mm_record *a, const struct mm_record *b,
               struct mm_comparison **comparison, struct mm_error *error);
void mm_comparison_free(struct mm_comparison *comparison);

/* -EIO when the stream cannot take it. */
int mm_comparison_write_text(const struct mm_comparison *comparison, FILE *stream);
int mm_comparison_write_markdown(const struct mm_comparison *comparison, FILE *stream);

/* {"schema": {"name": "mapmeter.comparison", "version": 1}, "a", "b", "warnings", "method",
 * "cases": [...], "only_in_a", "only_in_b"}; new reference, NULL when memory is short. */
json_t *mm_comparison_to_json(const struct mm_comparison *comparison);

/* The ratios as the plot "forest"; errors as of mm_forest_make(). */
int mm_comparison_forest_make(const struct mm_comparison *comparison, struct mm_plot *plot,
                              struct mm_error *error);

#endif
