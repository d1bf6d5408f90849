/* The time series of a case's launches, as columns of numbers. */
#ifndef MM_ANALYSIS_SERIES_H
#define MM_ANALYSIS_SERIES_H

#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#include "analysis/distribution.h"

/* One sample that has a series: the one that stands for its launch. Borrowed from the record. */
struct mm_series_line {
    const json_t *launch;
    const json_t *json;
};

/* Owns lines alone. */
struct mm_series_lines {
    struct mm_series_line *lines;
    size_t count;
};

/* -ENOMEM; *series is empty then. */
int mm_series_lines_over(const struct mm_launch_sample *launches, size_t count,
                         struct mm_series_lines *series);
void mm_series_lines_release(struct mm_series_lines *series);

size_t mm_series_points(const json_t *series);

/* The value of a column at a point, NAN where the record has none. */
double mm_series_value(const json_t *series, const char *column, size_t point);

/* By how much a column grew in a second up to this point from the one before; NAN for point 0. */
double mm_series_rate(const json_t *series, const char *column, size_t point);

/* All columns and the throughput between points as a table, a block for each line. */
void mm_series_write_table(FILE *stream, const char *case_name,
                           const struct mm_series_lines *series);

#endif
