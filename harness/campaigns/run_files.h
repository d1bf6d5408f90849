/* The data files of a run, made in a process of their own so that a signal can end it at once. */
#ifndef MM_HARNESS_CAMPAIGNS_RUN_FILES_H
#define MM_HARNESS_CAMPAIGNS_RUN_FILES_H

#include <stdint.h>

#include "common/error.h"
#include "harness/plan.h"

/*
 * mm_data_file_ensure() in a child process: making gigabytes, or waiting for another run that makes
 * them, takes its time. Its errors, and -EINTR when a signal asks for the end: the child is gone
 * then, and what it had written has not become the file.
 */
int mm_run_make_file(const struct mm_plan_file *file, uint64_t asked_bytes, int *held,
                     struct mm_error *error);

#endif
