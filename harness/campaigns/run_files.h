/* The data files of a run, made in a process of their own so that a signal can end it at once. */
#ifndef MM_HARNESS_CAMPAIGNS_RUN_FILES_H
#define MM_HARNESS_CAMPAIGNS_RUN_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "harness/plan.h"

/*
 * mm_data_file_ensure() for every generated file of the plan, in one child process: making
 * gigabytes, or waiting for another run that makes them, takes its time. tell() is called before
 * each with its index; held has one place for each file of the plan. Its errors, and -EINTR when a
 * signal asks for the end: the child is gone then, and what it had written has not become the file.
 */
int mm_run_make_files(const struct mm_plan *plan, uint64_t asked_bytes, int *held,
                      void (*tell)(void *context, size_t index), void *context,
                      struct mm_error *error);

#endif
