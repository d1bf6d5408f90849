/* Scratch folders, files and arrays for the tests of the mapping. */
#include "tests/mapping/scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void end_program(const char *what, const char *path)
{
    fprintf(stderr, "cannot %s '%s'\n", what, path);
    abort();
}

int scratch_setup(void **state)
{
    struct scratch *scratch = calloc(1, sizeof(*scratch));
    const char *base = getenv("TMPDIR");
    if (!scratch)
        return -1;
    snprintf(scratch->folder, sizeof(scratch->folder), "%s/mapping-XXXXXX",
             base ? base : "/var/tmp");
    if (!mkdtemp(scratch->folder)) {
        free(scratch);
        return -1;
    }
    snprintf(scratch->path, sizeof(scratch->path), "%.4000s/data", scratch->folder);
    *state = scratch;
    return 0;
}

int scratch_teardown(void **state)
{
    struct scratch *scratch = *state;
    DIR *folder = opendir(scratch->folder);
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            unlinkat(dirfd(folder), entry->d_name, entry->d_type == DT_DIR ? AT_REMOVEDIR : 0);
    }
    if (folder)
        closedir(folder);
    int status = rmdir(scratch->folder);
    free(scratch);
    return status;
}

struct marray_spec scratch_spec(struct scratch *scratch, enum marray_mode mode, const char *dtype,
                                int dimensions, const uint64_t *shape)
{
    struct marray_spec spec = MARRAY_SPEC_INIT;
    spec.mode = mode;
    spec.dtype = dtype;
    spec.dimensions = dimensions;
    spec.shape = shape;
    spec.message = &scratch->message;
    return spec;
}

struct marray *scratch_open(struct scratch *scratch, enum marray_mode mode, const char *dtype,
                            int dimensions, const uint64_t *shape)
{
    struct marray_spec spec = scratch_spec(scratch, mode, dtype, dimensions, shape);
    struct marray *array;
    if (marray_open(scratch->path, &spec, &array))
        end_program(scratch->message.text, scratch->path);
    return array;
}

void scratch_write(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file))
        end_program("write", path);
}

void scratch_write_ramp(const char *path, size_t size)
{
    unsigned char *bytes = malloc(size + 1);
    if (!bytes)
        end_program("allocate for", path);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(i % 251);
    scratch_write(path, bytes, size);
    free(bytes);
}

unsigned char *scratch_read(const char *path, size_t *size)
{
    int64_t length = scratch_size(path);
    FILE *file = length < 0 ? NULL : fopen(path, "rb");
    unsigned char *bytes = file ? calloc(1, (size_t)length + 1) : NULL;
    if (!bytes || fread(bytes, 1, (size_t)length, file) != (size_t)length) {
        end_program("read", path);
        abort();
    }
    fclose(file);
    *size = (size_t)length;
    return bytes;
}

int64_t scratch_size(const char *path)
{
    struct stat information;
    return stat(path, &information) ? -1 : (int64_t)information.st_size;
}

size_t scratch_count_files(const struct scratch *scratch)
{
    DIR *folder = opendir(scratch->folder);
    if (!folder)
        end_program("list", scratch->folder);
    size_t count = 0;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count - 2; /* "." and ".." */
}

size_t scratch_count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        end_program("list", "/proc/self/fd");
    size_t count = 0;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

size_t scratch_count_maps(const struct scratch *scratch)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[2 * PATH_MAX];
    size_t count = 0;
    if (!maps)
        end_program("read", "/proc/self/maps");
    while (fgets(line, sizeof(line), maps))
        count += strstr(line, scratch->folder) != NULL;
    fclose(maps);
    return count;
}
