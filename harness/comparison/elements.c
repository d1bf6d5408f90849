/* Element after element of a warm array: a raw pointer, the accessor, and the calls get and set. */
#include <errno.h>
#include <string.h>

#include "harness/comparison/peer.h"
#include "mapping/marray.h"

static uint64_t count_of(const struct peer_run *run)
{
    uint64_t words = run->size_bytes / sizeof(uint64_t);
    return run->count > 0 && run->count < words ? run->count : words;
}

static int with_array(struct peer_run *run, int writable,
                      int (*pass)(struct peer_run *run, void *context))
{
    struct marray *array;
    int code = peer_open(run, writable, 0, &array);
    if (code)
        return code;
    code = peer_repeat(run, pass, array);
    if (code)
        peer_fail(marray_message(array), code);
    marray_close(&array);
    return code;
}

static int read_by_pointer(struct peer_run *run, void *context)
{
    struct marray *array = context;
    const uint64_t *words = marray_data(array);
    uint64_t count = count_of(run);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++)
        sum += words[i];
    run->checksum = sum;
    return 0;
}

static int read_by_accessor(struct peer_run *run, void *context)
{
    struct marray *array = context;
    struct marray_u8_vector words;
    uint64_t count = count_of(run);
    uint64_t sum = 0;
    int code = marray_u8_vector(array, false, &words);
    for (uint64_t i = 0; code == 0 && i < count; i++)
        sum += marray_u8_get(words, i);
    run->checksum = sum;
    return code;
}

static int read_by_call(struct peer_run *run, void *context)
{
    struct marray *array = context;
    int64_t count = (int64_t)count_of(run);
    uint64_t sum = 0;
    int code = 0;
    for (int64_t i = 0; i < count && !code; i++) {
        uint64_t value;
        code = marray_get(array, &i, NULL, &value);
        sum += value;
    }
    run->checksum = sum;
    return code;
}

static int write_by_pointer(struct peer_run *run, void *context)
{
    struct marray *array = context;
    uint64_t *words = marray_data(array);
    uint64_t count = count_of(run);
    for (uint64_t i = 0; i < count; i++)
        words[i] = run->seed + i;
    return 0;
}

static int write_by_accessor(struct peer_run *run, void *context)
{
    struct marray *array = context;
    struct marray_u8_vector words;
    uint64_t count = count_of(run);
    int code = marray_u8_vector(array, true, &words);
    for (uint64_t i = 0; code == 0 && i < count; i++)
        marray_u8_set(words, i, run->seed + i);
    return code;
}

static int write_by_call(struct peer_run *run, void *context)
{
    struct marray *array = context;
    int64_t count = (int64_t)count_of(run);
    int code = 0;
    for (int64_t i = 0; i < count && !code; i++) {
        const uint64_t value = run->seed + (uint64_t)i;
        code = marray_set(array, &i, NULL, &value);
    }
    return code;
}

#define WAY(name, writable)                     \
    static int way_##name(struct peer_run *run) \
    {                                           \
        return with_array(run, writable, name); \
    }
WAY(read_by_pointer, 0)
WAY(read_by_accessor, 0)
WAY(read_by_call, 0)
WAY(write_by_pointer, 1)
WAY(write_by_accessor, 1)
WAY(write_by_call, 1)

const struct peer_work peer_elements = {"elements",
                                        {{"read-pointer", way_read_by_pointer},
                                         {"read-accessor", way_read_by_accessor},
                                         {"read-call", way_read_by_call},
                                         {"write-pointer", way_write_by_pointer},
                                         {"write-accessor", way_write_by_accessor},
                                         {"write-call", way_write_by_call},
                                         {0}}};
