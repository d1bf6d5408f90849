/* From a file of results, of mapmeter or of another tool, to a record of the history. */
#ifndef MM_ANALYSIS_HISTORY_INGEST_H
#define MM_ANALYSIS_HISTORY_INGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "results/history.h"

/* What the user says of the file; NULL: what the file says of itself. */
struct mm_ingest_request {
    const char *path; /* a file, a folder with results.json, or "-" */
    const char *revision;
    const char *label;
    const char *machine;
    const char *this_machine; /* of files that do not say where they were made */
};

struct mm_ingest {
    struct mm_history_record record;
    size_t left_out;      /* benchmarks that failed and are not in the record */
    bool machine_assumed; /* the file does not say: this_machine was taken */
};

/*
 * Reads the file, tells by its content what it is (results.json of a run or of a gate, Google
 * Benchmark's JSON, fio's) and takes its figures. The record has been checked. Errors name the
 * file: those of reading it; -EBADMSG no JSON; -EPROTO of no kind that is known, or not of its
 * form; -EINVAL not finished, or of no use here; -ENOTSUP a newer schema; -ENOMEM. Release with
 * mm_ingest_release(), not after an error.
 */
int mm_ingest_file(const struct mm_ingest_request *request, struct mm_ingest *ingest,
                   struct mm_error *error);
void mm_ingest_release(struct mm_ingest *ingest);

#endif
