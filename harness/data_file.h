/* Generated data files: seeded, incompressible, fully allocated, made once and found again. */
#ifndef MM_HARNESS_DATA_FILE_H
#define MM_HARNESS_DATA_FILE_H

#include "common/error.h"
#include "harness/plan.h"

/*
 * Makes the file when it is not there or not whole: written under a temporary name, fsynced,
 * renamed, so that a file with the right name is right. Under a lock, so that two runs do not make
 * it twice; what a killed run left unfinished in the folder is removed, and files used longest ago
 * where the limit of the folder (mm_data_cache_limit of asked_bytes) asks for it. Dirty pages are
 * written back when it returns. *held is a descriptor that holds the file as mm_data_cache_hold
 * does; the caller gives it to mm_data_cache_let_go. Errors name path and cause (-ENOSPC,
 * -EBUSY...).
 */
int mm_data_file_ensure(const struct mm_plan_file *file, uint64_t asked_bytes, int *held,
                        struct mm_error *error);

/* The bytes [offset_bytes, +length_bytes) of the array's data as they were generated. */
void mm_data_file_expected(const struct mm_plan_file *file, uint64_t offset_bytes,
                           uint64_t length_bytes, void *buffer);

/* $MAPMETER_DATA_DIR, else $XDG_CACHE_HOME/mapmeter, else $HOME/.cache/mapmeter; newly allocated.
 */
char *mm_data_file_default_folder(void);

#endif
