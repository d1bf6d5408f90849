/* The files of a plan: names for those that will be generated, a look at the user's own. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "harness/environment_file.h"
#include "harness/plan_internal.h"
#include "mapping/marray.h"

static const char NPY_MAGIC[] = "\x93NUMPY";

static int no_memory(struct mm_error *error)
{
    return mm_error_set(error, -ENOMEM, "not enough memory");
}

void mm_plan_file_release(struct mm_plan_file *file)
{
    free(file->path);
    *file = (struct mm_plan_file){0};
}

int mm_plan_generated_array(const struct mm_plan_case *plan_case, uint64_t size_bytes,
                            struct mm_array *array, struct mm_error *error)
{
    *array = (struct mm_array){0};
    if (plan_case->workload->shape)
        return plan_case->workload->shape(plan_case->workload_options, size_bytes, array, error);
    uint64_t count = size_bytes / sizeof(uint64_t);
    if (!count)
        return mm_error_set(error, -EINVAL, "a size of %" PRIu64 " bytes holds no element of 8",
                            size_bytes);
    *array = (struct mm_array){
        .dtype = "<u8",
        .item_bytes = sizeof(uint64_t),
        .dimensions = 1,
        .shape = {count},
        .size_bytes = count * sizeof(uint64_t),
    };
    return 0;
}

/* "mapmeter-u8-8388608-seed1-read.dat": what is in it can be told from its name. */
static char *generated_path(const char *folder, const struct mm_array *array, uint64_t seed,
                            bool writes)
{
    char shape[MM_ARRAY_DIMENSIONS * 24] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < array->dimensions; i++)
        used += (size_t)snprintf(shape + used, sizeof(shape) - used, "%s%" PRIu64, i ? "x" : "",
                                 array->shape[i]);
    const char *dtype = array->dtype;
    char *name =
        mm_text_format("mapmeter-%s%s-%s%s-seed%" PRIu64 "-%s.dat", dtype[0] == '>' ? "big-" : "",
                       dtype + (strchr("<>|=", dtype[0]) != NULL), shape,
                       array->fortran_order ? "-fortran" : "", seed, writes ? "write" : "read");
    char *path = name ? mm_file_join(folder, name) : NULL;
    free(name);
    return path;
}

static int append_file(struct mm_plan *plan, const struct mm_plan_file *file,
                       struct mm_error *error)
{
    struct mm_plan_file *files =
        reallocarray(plan->files, plan->file_count + 1, sizeof(*plan->files));
    if (!files)
        return no_memory(error);
    plan->files = files;
    plan->files[plan->file_count++] = *file;
    return 0;
}

int mm_plan_add_file(struct mm_plan_builder *builder, const struct mm_array *array, bool writes,
                     size_t *index)
{
    struct mm_plan *plan = builder->plan;
    bool generated = !builder->user_path;
    struct mm_plan_file file = {
        .generated = generated,
        .seed = generated ? MM_PLAN_FILE_SEED : 0,
        .writable = writes,
        .array = *array,
    };
    file.path =
        generated ? generated_path(builder->request->data_folder, array, MM_PLAN_FILE_SEED, writes)
                  : strdup(builder->user_path);
    if (!file.path)
        return no_memory(builder->error);
    for (size_t i = 0; i < plan->file_count; i++) {
        if (strcmp(plan->files[i].path, file.path))
            continue;
        plan->files[i].writable |= writes;
        mm_plan_file_release(&file);
        *index = i;
        return 0;
    }
    int status = append_file(plan, &file, builder->error);
    if (status)
        mm_plan_file_release(&file);
    else
        *index = plan->file_count - 1;
    return status;
}

int mm_plan_add_twin(struct mm_plan *plan, size_t index, size_t *twin, struct mm_error *error)
{
    struct mm_plan_file file = plan->files[index];
    char *folder = strdup(file.path);
    if (!folder)
        return no_memory(error);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    file.seed++;
    file.path = generated_path(folder, &file.array, file.seed, file.writable);
    free(folder);
    if (!file.path)
        return no_memory(error);
    int status = append_file(plan, &file, error);
    if (status)
        mm_plan_file_release(&file);
    else
        *twin = plan->file_count - 1;
    return status;
}

/* The file system that the data will be on: of the nearest folder that is there already. */
int mm_plan_probe_folder(struct mm_plan_builder *builder)
{
    const char *folder = builder->request->data_folder;
    char *path = strdup(builder->user_path ? builder->user_path : folder);
    if (!path)
        return no_memory(builder->error);
    mm_file_cut_to_existing(path);
    struct stat state;
    int status = 0;
    const char *why = NULL;
    if (stat(path, &state))
        status =
            mm_error_set(builder->error, -EINVAL, "data folder %s: %s", folder, strerror(errno));
    else if (!builder->user_path && !S_ISDIR(state.st_mode))
        status = mm_error_set(builder->error, -EINVAL,
                              "data folder %s: %s is not a folder; name one by --data-dir", folder,
                              path);
    else if (mm_cache_is_memory_file_system(path, &why))
        builder->memory_reason = why;
    if (!status)
        builder->plan->read_ahead_bytes = mm_environment_read_ahead_bytes(path);
    free(path);
    return status;
}

/* Reads what the kernel says of the file without opening it in a way that could wait or change
 * anything, and whether it starts like a .npy file. */
static int inspect(const char *path, bool writes, bool *npy, struct mm_error *error)
{
    struct stat status;
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0)
        return mm_error_set(error, -EINVAL, "--file %s: %s", path, strerror(errno));
    int result = 0;
    char magic[sizeof(NPY_MAGIC) - 1];
    if (fstat(descriptor, &status))
        result = mm_error_set(error, -EINVAL, "--file %s: %s", path, strerror(errno));
    else if (S_ISDIR(status.st_mode))
        result = mm_error_set(error, -EINVAL, "--file %s: is a folder; name a file", path);
    else if (!S_ISREG(status.st_mode))
        result = mm_error_set(error, -EINVAL, "--file %s: not a regular file", path);
    else if (!status.st_size)
        result = mm_error_set(error, -EINVAL, "--file %s: the file is empty", path);
    else if (writes && access(path, W_OK))
        result = mm_error_set(error, -EINVAL,
                              "--file %s: --allow-write, but it cannot be written: "
                              "%s",
                              path, strerror(errno));
    if (!result)
        *npy = pread(descriptor, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) &&
               !memcmp(magic, NPY_MAGIC, sizeof(magic));
    close(descriptor);
    return result;
}

/* "1000,3" */
static int parse_shape(const char *text, uint64_t *shape, int *dimensions, struct mm_error *error)
{
    *dimensions = 0;
    const char *rest = text;
    for (;;) {
        char *end;
        errno = 0;
        unsigned long long length = strtoull(rest, &end, 10);
        if (rest[0] < '0' || rest[0] > '9' || errno || !length || (*end && *end != ','))
            return mm_error_set(error, -EINVAL,
                                "--shape %s: write whole numbers above 0 with commas: 1000,3",
                                text);
        if (*dimensions == MM_ARRAY_DIMENSIONS)
            return mm_error_set(error, -EINVAL, "--shape %s: more than %d axes", text,
                                MM_ARRAY_DIMENSIONS);
        shape[(*dimensions)++] = length;
        if (!*end)
            return 0;
        rest = end + 1;
        /* numpy writes a tuple of one with a comma behind it. */
        if (!*rest)
            return 0;
    }
}

/* Takes dtype, shape, order and place from the open array. */
static int describe_array(const struct marray *opened, const char *path, struct mm_array *array,
                          struct mm_error *error)
{
    int dimensions = marray_dimensions(opened);
    const char *dtype = marray_dtype(opened);
    if (dimensions > MM_ARRAY_DIMENSIONS)
        return mm_error_set(error, -EINVAL, "--file %s: %d axes, at most %d are possible", path,
                            dimensions, MM_ARRAY_DIMENSIONS);
    if (strlen(dtype) >= MM_ARRAY_DTYPE_BYTES)
        return mm_error_set(error, -EINVAL, "--file %s: the dtype '%s' is not supported", path,
                            dtype);
    if (!marray_length(opened))
        return mm_error_set(error, -EINVAL, "--file %s: the array has no elements", path);
    *array = (struct mm_array){
        .item_bytes = (uint32_t)marray_item_bytes(opened),
        .dimensions = dimensions ? (uint32_t)dimensions : 1,
        .shape = {1},
        .fortran_order = dimensions > 1 && !marray_is_contiguous(opened, MARRAY_ORDER_C),
        .offset_bytes = marray_offset_bytes(opened),
        .size_bytes = marray_size_bytes(opened),
    };
    strcpy(array->dtype, dtype);
    for (int i = 0; i < dimensions; i++)
        array->shape[i] = marray_shape(opened)[i];
    return 0;
}

static int open_user_array(const struct mm_plan_request *request, const char *path, bool npy,
                           struct mm_array *array, struct mm_error *error)
{
    struct marray_message message = {""};
    uint64_t shape[MM_ARRAY_DIMENSIONS];
    struct marray_spec spec = MARRAY_SPEC_INIT;
    spec.mode = MARRAY_READ;
    spec.message = &message;
    int status = 0;
    if (request->shape) {
        spec.shape = shape;
        status = parse_shape(request->shape, shape, &spec.dimensions, error);
        if (status)
            return status;
    }
    struct marray *opened = NULL;
    if (npy) {
        status = marray_open_npy(path, &spec, &opened);
    } else {
        spec.dtype = request->dtype;
        spec.offset_bytes = request->offset_bytes;
        status = marray_open(path, &spec, &opened);
    }
    if (status)
        return mm_error_set(error, status == -ENOMEM ? -ENOMEM : -EINVAL, "--file %s: %s",
                            request->file, message.text[0] ? message.text : strerror(-status));
    status = describe_array(opened, request->file, array, error);
    marray_close(&opened);
    return status;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    size_t end_length = strlen(end);
    return length >= end_length && !strcmp(text + length - end_length, end);
}

/* Options that make no sense together are refused before the file is looked at. */
static int check_file_options(const struct mm_plan_request *request, struct mm_error *error)
{
    const char *needless = request->dtype          ? "--dtype"
                           : request->shape        ? "--shape"
                           : request->offset_bytes ? "--offset"
                           : request->allow_write  ? "--allow-write"
                                                   : NULL;
    if (!request->file && needless)
        return mm_error_set(error, -EINVAL, "%s says how to read your own file: add --file FILE",
                            needless);
    if (request->file && request->size)
        return mm_error_set(error, -EINVAL,
                            "--size is for generated files; with --file use --shape");
    return 0;
}

int mm_plan_open_user_file(struct mm_plan_builder *builder)
{
    const struct mm_plan_request *request = builder->request;
    struct mm_error *error = builder->error;
    int status = check_file_options(request, error);
    if (status || !request->file)
        return status;
    bool npy = false;
    status = inspect(request->file, request->allow_write, &npy, error);
    if (status)
        return status;
    bool described = request->dtype || request->shape || request->offset_bytes;
    if (npy && described)
        return mm_error_set(error, -EINVAL,
                            "--file %s: a .npy file describes itself; leave out --dtype, --shape "
                            "and --offset",
                            request->file);
    if (!npy && !described && ends_with(request->file, ".npy"))
        return mm_error_set(error, -EINVAL,
                            "--file %s: has not the header of a .npy file; say what it holds by "
                            "--dtype",
                            request->file);
    char *path = realpath(request->file, NULL);
    if (!path)
        return mm_error_set(error, -EINVAL, "--file %s: %s", request->file, strerror(errno));
    status = open_user_array(request, path, npy, &builder->user_array, error);
    if (status)
        free(path);
    else
        builder->user_path = path;
    return status;
}
