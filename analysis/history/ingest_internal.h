/* The kinds of files behind ingest.h. */
#ifndef MM_ANALYSIS_HISTORY_INGEST_INTERNAL_H
#define MM_ANALYSIS_HISTORY_INGEST_INTERNAL_H

#include <jansson.h>

#include "analysis/distribution.h"
#include "analysis/history/ingest.h"

/* One reader a kind: root to ingest->record, whose texts are then set or NULL. Errors are without
 * the name of the file. */
int mm_ingest_run(json_t *root, struct mm_ingest *ingest, struct mm_error *error);
int mm_ingest_gate(json_t *root, struct mm_ingest *ingest, struct mm_error *error);
int mm_ingest_google(json_t *root, struct mm_ingest *ingest, struct mm_error *error);
int mm_ingest_fio(json_t *root, struct mm_ingest *ingest, struct mm_error *error);

/* Appends the median of a distribution, with its interval where there is one; nothing when it is
 * empty. names holds benchmark, data, name, unit and worse. -ENOMEM. */
int mm_ingest_append(struct mm_ingest *ingest, const struct mm_history_metric *names,
                     const struct mm_distribution *distribution);

/* Appends a figure of one process alone. -ENOMEM. */
int mm_ingest_append_single(struct mm_ingest *ingest, const struct mm_history_metric *names,
                            double estimate);

/* What a case ran on: "64MiB storage 1f2e..."; "" without a file. Newly allocated. */
char *mm_ingest_data_text(const json_t *files, const json_t *plan_case);

/* The text of a member, or NULL. Borrowed. */
const char *mm_ingest_text(const json_t *object, const char *name);

/* Sets *text to a copy of value; NULL stays NULL. -ENOMEM. */
int mm_ingest_set(char **text, const char *value);

/* Of the content, whatever its spaces and the order of its members are; "0x" and 16 digits, newly
 * allocated; NULL when memory is short. */
char *mm_ingest_digest(const json_t *content);

int mm_ingest_no_memory(struct mm_error *error);

#endif
