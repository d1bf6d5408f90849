/* What the record of a run says beside its launches. */
#ifndef MM_HARNESS_CAMPAIGNS_RUN_RECORD_H
#define MM_HARNESS_CAMPAIGNS_RUN_RECORD_H

#include <stdint.h>

#include <jansson.h>

#include "common/error.h"
#include "harness/campaigns/run.h"
#include "harness/environment.h"
#include "results/record.h"

#define MM_RUN_UTC_BYTES 32

/* "2026-11-22T15:00:00Z", now. */
char *mm_run_utc(char text[MM_RUN_UTC_BYTES]);

/* "20261122T150000Z-1f3a": two runs of one second are told apart by chance. */
json_t *mm_run_make_id(void);

/* A digest of the bytes of a program, or NULL: two builds of one revision need not be the same. */
json_t *mm_run_digest(const char *path);

/* The member mapmeter of a record: this build, and the digest of the worker (NULL: this program).
 */
json_t *mm_run_program(const char *worker_binary);

/* The words of a command line as an array. */
json_t *mm_run_command_line(const char *const *words, size_t count);

/* A record with run, environment, files and cases as the request says, no launch yet, and the facts
 * of files still missing. -ENOMEM. */
int mm_run_new_record(const struct mm_run_request *request, struct mm_record **record,
                      struct mm_error *error);

/* The record of request->resumed once more, as it is after one resumption more: neither finished
 * nor interrupted. -EINVAL when it is of another program or machine; -ENOMEM. */
int mm_run_resumed_record(const struct mm_run_request *request, struct mm_record **record,
                          struct mm_error *error);

/* Adds the facts of the file system to a file of the record. The file exists. */
void mm_run_add_file_facts(json_t *file_json, const char *path);

#endif
