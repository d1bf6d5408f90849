/* Files that appear whole or not at all. */
#ifndef MM_COMMON_FILE_H
#define MM_COMMON_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/*
 * Replaces path by bytes[0..size): written to a temporary name in the same folder, fsynced,
 * renamed, and the folder fsynced. On failure path is as it was and the temporary file is gone.
 * Returns 0 or a negative errno with error set.
 */
int mm_file_replace(const char *path, const void *bytes, size_t size, struct mm_error *error);

/*
 * Reads a whole file of at most limit bytes into newly allocated memory that ends with a zero byte
 * which *size does not count; "-" is standard input. The caller frees *bytes. -EFBIG beyond limit.
 */
int mm_file_read(const char *path, size_t limit, char **bytes, size_t *size,
                 struct mm_error *error);

/* Creates a folder and its missing parents; an existing folder is fine. */
int mm_file_make_folders(const char *path, struct mm_error *error);

/* "a" and "b" to newly allocated "a/b" (free it); an absolute name is returned as it is. */
char *mm_file_join(const char *folder, const char *name);

/* Cuts a path back to the nearest folder above it that is there; nothing is made. */
void mm_file_cut_to_existing(char *path);

#endif
