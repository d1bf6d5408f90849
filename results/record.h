/*
 * The record of one run, results.json: SCHEMA.md beside this file is its form. The record is a JSON
 * tree; this header is how the harness builds it and how the analysis reads it.
 */
#ifndef MM_RESULTS_RECORD_H
#define MM_RESULTS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/error.h"

#define MM_RECORD_SCHEMA_NAME    "mapmeter.record"
#define MM_RECORD_SCHEMA_VERSION 1

struct mm_record;

/* An empty record of this schema version: the members run, environment, files, cases and launches
 * exist and are empty. NULL when memory is short. */
struct mm_record *mm_record_new(void);
void mm_record_free(struct mm_record *record);

/* Borrowed: the members to fill or to read. Never NULL. */
json_t *mm_record_run(const struct mm_record *record);
json_t *mm_record_environment(const struct mm_record *record);
json_t *mm_record_files(const struct mm_record *record);
json_t *mm_record_cases(const struct mm_record *record);
json_t *mm_record_launches(const struct mm_record *record);

/* Writes the record whole or not at all (mm_file_replace). */
int mm_record_save(const struct mm_record *record, const char *path, struct mm_error *error);

/*
 * Reads and checks a record. path is the file, or a folder that holds results.json, or "-".
 * -ENOENT and other open errors; -EBADMSG not JSON or not complete (with line and column);
 * -EPROTO not a mapmeter record, or a member that has the wrong form (its path is named);
 * -ENOTSUP a newer schema; -EFBIG more than 512 MiB. *record is set only on success.
 */
int mm_record_load(const char *path, struct mm_record **record, struct mm_error *error);

/* Checks a tree that was read and takes it over, on success alone. Errors as above. */
int mm_record_from_json(json_t *root, struct mm_record **record, struct mm_error *error);

/* What mm_record_load checks, for a record that is being built: 0, -EPROTO or -ENOMEM. */
int mm_record_validate(const struct mm_record *record, struct mm_error *error);

/* A metric: *value is set and true returned for a number; else *why (borrowed) says why there is
 * none ("not recorded" when the member is absent). why may be NULL. */
bool mm_record_metric(const json_t *holder, const char *name, double *value, const char **why);

/* {"unavailable": why}; a new reference. */
json_t *mm_record_unavailable(const char *why);

/* The case with this id, or NULL. Borrowed. */
const json_t *mm_record_case(const struct mm_record *record, const char *id);

/* The n-th launch of a case whose status is "ok", or NULL past the last one. Borrowed. In the order
 * of the launch index. */
const json_t *mm_record_good_launch(const struct mm_record *record, const char *case_id, size_t n);
size_t mm_record_good_launch_count(const struct mm_record *record, const char *case_id);

/* All of them at once, in one pass over the record: *launches is a newly allocated array (free it)
 * of *count borrowed launches, NULL when there are none. -ENOMEM. */
int mm_record_good_launches(const struct mm_record *record, const char *case_id,
                            const json_t ***launches, size_t *count);

/* What Google Benchmark would have written, for its tools; SCHEMA.md tells which entries. Both
 * files follow from the record, which is validated first, and are written whole or not at all. */
int mm_record_save_gbench(const struct mm_record *record, const char *path, struct mm_error *error);
int mm_record_save_gbench_aggregates(const struct mm_record *record, const char *path,
                                     struct mm_error *error);

#endif
