/* As many arrays as the kernel takes and a clear error beyond, huge sparse files, many axes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/mapping/scratch.h"

enum { MANY = 60000, MORE = 70000 };

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                  \
        }                                                                             \
    } while (0)

static void huge_sparse_arrays_reach_to_their_last_element(struct scratch *scratch)
{
    struct marray_spec spec =
        scratch_spec(scratch, MARRAY_CREATE, "<f8", 1, SHAPE(UINT64_C(1) << 40));
    spec.flags = MARRAY_SPARSE;
    struct marray *array;
    int status = marray_open(scratch->path, &spec, &array);
    if (status == -EFBIG) {
        puts("no files of 8 TiB on this file system");
        return;
    }
    CHECK(status == 0);
    const int64_t last[] = {-1};
    const double value = 2.5;
    double read_back = 0;
    CHECK(marray_set(array, last, NULL, &value) == 0);
    CHECK(marray_get(array, last, NULL, &read_back) == 0 && read_back == 2.5);
    CHECK(scratch_size(scratch->path) == INT64_C(1) << 43);
    CHECK(marray_close(&array) == 0);
    remove(scratch->path);
}

static void sixty_four_axes_index_and_one_more_is_refused(struct scratch *scratch)
{
    uint64_t shape[MARRAY_MAX_DIMENSIONS + 1];
    int64_t index[MARRAY_MAX_DIMENSIONS];
    for (int axis = 0; axis <= MARRAY_MAX_DIMENSIONS; axis++)
        shape[axis] = axis % 8 ? 1 : 2;
    for (int axis = 0; axis < MARRAY_MAX_DIMENSIONS; axis++)
        index[axis] = -1;
    struct marray *array =
        scratch_open(scratch, MARRAY_CREATE, "|u1", MARRAY_MAX_DIMENSIONS, shape);
    const unsigned char value = 9;
    CHECK(marray_length(array) == 256);
    CHECK(marray_set(array, index, NULL, &value) == 0);
    CHECK(((const unsigned char *)marray_data(array))[255] == 9);
    CHECK(marray_close(&array) == 0);
    struct marray_spec spec =
        scratch_spec(scratch, MARRAY_READ, "|u1", MARRAY_MAX_DIMENSIONS + 1, shape);
    CHECK(marray_open(scratch->path, &spec, &array) == -EINVAL);
}

/* Whether this process may hold that many descriptors. */
static bool raise_descriptors(void)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = MORE + 100;
    if (limit.rlim_max < MORE + 100)
        limit.rlim_max = MORE + 100;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

/* 0, or 77 where so many files cannot be open. */
static int the_error_beyond_many_arrays_names_the_setting(struct scratch *scratch)
{
    if (!raise_descriptors()) {
        puts("skip: this process may not have 70,000 descriptors");
        return 77;
    }
    struct marray **arrays = calloc(MORE, sizeof(*arrays));
    CHECK(arrays);
    struct marray_spec spec = scratch_spec(scratch, MARRAY_READ, "|u1", 1, SHAPE(100));
    size_t count = 0;
    int status = 0;
    while (count < MORE && !status) {
        status = marray_open(scratch->path, &spec, &arrays[count]);
        count += !status;
    }
    printf("%zu arrays at once, then %s\n", count,
           status ? scratch->message.text : "no more tried");
    CHECK(count >= MANY);
    CHECK(!status || (status == -ENOMEM && strstr(scratch->message.text, "vm.max_map_count")));
    for (size_t i = 0; i < count; i++)
        CHECK(marray_close(&arrays[i]) == 0);
    free(arrays);
    return 0;
}

/* With the word "many" the arrays of which there are many, else all other limits. */
int main(int argc, char **argv)
{
    void *state = NULL;
    CHECK(scratch_setup(&state) == 0);
    if (argc == 2 && !strcmp(argv[1], "many")) {
        int status = the_error_beyond_many_arrays_names_the_setting(state);
        return scratch_teardown(&state) ? 1 : status;
    }
    huge_sparse_arrays_reach_to_their_last_element(state);
    sixty_four_axes_index_and_one_more_is_refused(state);
    return scratch_teardown(&state);
}
