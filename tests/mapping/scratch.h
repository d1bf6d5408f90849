/* A folder of its own for every test, and short ways to open arrays and look at files in it. */
#ifndef MM_TESTS_MAPPING_SCRATCH_H
#define MM_TESTS_MAPPING_SCRATCH_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "mapping/marray.h"

struct scratch {
    char folder[PATH_MAX];
    char path[PATH_MAX]; /* a name in it; nothing there yet */
    struct marray_message message;
};

/* cmocka's set-up and tear-down: *state is a struct scratch; tear-down removes all files. */
int scratch_setup(void **state);
int scratch_teardown(void **state);

#define SHAPE(...) ((const uint64_t[]){__VA_ARGS__})

/* dimensions and shape as in the spec; the message goes to the scratch. */
struct marray_spec scratch_spec(struct scratch *scratch, enum marray_mode mode, const char *dtype,
                                int dimensions, const uint64_t *shape);

/* Open scratch->path; the program ends with the message when that fails. */
struct marray *scratch_open(struct scratch *scratch, enum marray_mode mode, const char *dtype,
                            int dimensions, const uint64_t *shape);

void scratch_write(const char *path, const void *bytes, size_t size);
/* A file of size bytes: 0, 1, 2 ... 250, 0, 1 ... */
void scratch_write_ramp(const char *path, size_t size);
/* The whole file, newly allocated with a zero after it; free it. */
unsigned char *scratch_read(const char *path, size_t *size);
/* -1: there is no such file. */
int64_t scratch_size(const char *path);
/* Files in the folder. */
size_t scratch_count_files(const struct scratch *scratch);
/* Of this process, and how many of its maps are of files in the folder. */
size_t scratch_count_descriptors(void);
size_t scratch_count_maps(const struct scratch *scratch);

#endif
