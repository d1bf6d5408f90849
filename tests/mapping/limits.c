/* As many arrays as the kernel takes and a clear error beyond, huge sparse files, many axes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/mapping/scratch.h"

enum { MANY = 60000, MORE = 70000, MAPS_OF_THE_PROGRAM = 1000 };

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

/* How many maps a process may have, or 0 where that is not told. */
static unsigned long map_limit(void)
{
    FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
    char line[32] = "";
    if (file) {
        if (!fgets(line, sizeof(line), file))
            line[0] = '\0';
        fclose(file);
    }
    return strtoul(line, NULL, 10);
}

static int open_without_descriptors(struct scratch *scratch, struct marray **arrays, size_t *count)
{
    struct marray_spec spec = scratch_spec(scratch, MARRAY_READ, "|u1", 1, SHAPE(100));
    spec.flags = MARRAY_CLOSE_DESCRIPTOR;
    int status = 0;
    for (*count = 0; *count < MORE && !status; *count += !status)
        status = marray_open(scratch->path, &spec, &arrays[*count]);
    return status;
}

/* 0, or 77 where so many maps cannot be. */
static int sixty_thousand_arrays_are_open_at_once_and_the_error_beyond_names_the_setting(
    struct scratch *scratch)
{
    unsigned long limit = map_limit();
    if (limit > 0 && limit < MANY + MAPS_OF_THE_PROGRAM) {
        printf("skip: vm.max_map_count is %lu, too few for 60,000 arrays\n", limit);
        return 77;
    }
    struct marray **arrays = calloc(MORE, sizeof(*arrays));
    CHECK(arrays);
    scratch_write_ramp(scratch->path, 100);
    size_t count;
    int status = open_without_descriptors(scratch, arrays, &count);
    printf("%zu arrays at once, then: %s\n", count,
           status ? scratch->message.text : "no more tried");
    CHECK(count >= MANY);
    CHECK(!status || (status == -ENOMEM && strstr(scratch->message.text, "vm.max_map_count")));
    /* Room for what the checks themselves map. */
    CHECK(marray_close(&arrays[--count]) == 0);
    for (size_t i = 0; i < count; i++) {
        CHECK(marray_descriptor(arrays[i]) == -1);
        CHECK(((const unsigned char *)marray_data(arrays[i]))[99] == 99);
        CHECK(marray_close(&arrays[i]) == 0);
    }
    free(arrays);
    return 0;
}

static void the_error_beyond_the_descriptors_names_the_setting(struct scratch *scratch)
{
    struct rlimit limit, few;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    few = limit;
    few.rlim_cur = 20;
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    struct marray *arrays[20];
    struct marray_spec spec = scratch_spec(scratch, MARRAY_READ, "|u1", 1, SHAPE(100));
    size_t count = 0;
    int status = 0;
    scratch_write_ramp(scratch->path, 100);
    while (count < 20 && !status) {
        status = marray_open(scratch->path, &spec, &arrays[count]);
        count += !status;
    }
    CHECK(status == -EMFILE && strstr(scratch->message.text, "ulimit -n"));
    CHECK(count > 0);
    while (count > 0)
        CHECK(marray_close(&arrays[--count]) == 0);
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

/* With the word "many" the arrays of which there are many, else all other limits. */
int main(int argc, char **argv)
{
    void *state = NULL;
    CHECK(scratch_setup(&state) == 0);
    if (argc == 2 && !strcmp(argv[1], "many")) {
        int status =
            sixty_thousand_arrays_are_open_at_once_and_the_error_beyond_names_the_setting(state);
        return scratch_teardown(&state) ? 1 : status;
    }
    huge_sparse_arrays_reach_to_their_last_element(state);
    sixty_four_axes_index_and_one_more_is_refused(state);
    the_error_beyond_the_descriptors_names_the_setting(state);
    return scratch_teardown(&state);
}
