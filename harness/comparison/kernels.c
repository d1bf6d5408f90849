/* Loops over the elements of a warm array: fill, ramp, copy, conversions into a buffer, and the sum
 * of every eighth word; bare ways move as many bytes by memset or memcpy. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "harness/comparison/peer.h"
#include "mapping/marray.h"

#define STEP 8

/* What a pass works on. */
struct bench {
    unsigned char *base; /* bare */
    struct marray *array, *target;
    const char *dtype;
    unsigned char *buffer;
    size_t buffer_bytes;
};

/* ---- In place ---- */

static int fill_bare(struct peer_run *run, void *context)
{
    const struct bench *bench = context;
    memset(bench->base, (int)run->seed, run->size_bytes);
    return 0;
}

static int fill_array(struct peer_run *run, void *context)
{
    const struct bench *bench = context;
    return marray_fill(bench->array, NULL, &run->seed);
}

static int ramp_bare(struct peer_run *run, void *context)
{
    const struct bench *bench = context;
    uint64_t *words = (uint64_t *)bench->base;
    for (uint64_t i = 0; i < run->size_bytes / sizeof(*words); i++)
        words[i] = run->seed + i;
    return 0;
}

static int ramp_array(struct peer_run *run, void *context)
{
    const struct bench *bench = context;
    const uint64_t step = 1;
    return marray_ramp(bench->array, NULL, &run->seed, &step);
}

static int copy_bare(struct peer_run *run, void *context)
{
    const struct bench *bench = context;
    memcpy(bench->base + run->size_bytes / 2, bench->base, run->size_bytes / 2);
    return 0;
}

static int copy_array(struct peer_run *run, void *context)
{
    (void)run;
    const struct bench *bench = context;
    return marray_copy(bench->target, bench->array);
}

static int sum_strided_bare(struct peer_run *run, void *context)
{
    const struct bench *bench = context;
    const uint64_t *words = (const uint64_t *)bench->base;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < run->size_bytes / sizeof(*words); i += STEP)
        sum += words[i];
    run->checksum = sum;
    return 0;
}

static int sum_strided(struct peer_run *run, void *context)
{
    const struct bench *bench = context;
    return marray_sum(bench->array, NULL, &run->checksum);
}

static int with_map(struct peer_run *run, int writable,
                    int (*pass)(struct peer_run *run, void *context))
{
    struct bench bench = {NULL};
    int descriptor;
    int code = peer_map(run, writable, &bench.base, &descriptor);
    if (code)
        return code;
    code = peer_repeat(run, pass, &bench);
    peer_unmap(run, bench.base, descriptor);
    return code;
}

/* array becomes the part of the whole that the slice says, and target the rest of it. */
static int with_array(struct peer_run *run, int writable, struct marray_slice part,
                      struct marray_slice rest, int (*pass)(struct peer_run *run, void *context))
{
    struct bench bench = {NULL};
    struct marray *whole;
    int code = peer_open(run, writable, 0, &whole);
    if (code)
        return code;
    code = marray_slice(whole, &part, 1, &bench.array);
    if (!code)
        code = marray_slice(whole, &rest, 1, &bench.target);
    if (!code)
        code = peer_repeat(run, pass, &bench);
    if (code)
        peer_fail(marray_message(bench.target ? bench.target : whole), code);
    if (bench.target)
        marray_close(&bench.target);
    if (bench.array)
        marray_close(&bench.array);
    marray_close(&whole);
    return code;
}

static int way_fill_bare(struct peer_run *run)
{
    return with_map(run, 1, fill_bare);
}

static int way_fill(struct peer_run *run)
{
    return with_array(run, 1, MARRAY_ALL, MARRAY_ALL, fill_array);
}

static int way_ramp_bare(struct peer_run *run)
{
    return with_map(run, 1, ramp_bare);
}

static int way_ramp(struct peer_run *run)
{
    return with_array(run, 1, MARRAY_ALL, MARRAY_ALL, ramp_array);
}

static int way_copy_bare(struct peer_run *run)
{
    return with_map(run, 1, copy_bare);
}

static int way_copy(struct peer_run *run)
{
    int64_t half = (int64_t)(run->size_bytes / sizeof(uint64_t) / 2);
    return with_array(run, 1, MARRAY_RANGE(0, half, 1), MARRAY_RANGE(half, 2 * half, 1),
                      copy_array);
}

static int way_strided_bare(struct peer_run *run)
{
    return with_map(run, 0, sum_strided_bare);
}

static int way_strided(struct peer_run *run)
{
    return with_array(run, 0, MARRAY_RANGE(0, MARRAY_NONE, STEP), MARRAY_ALL, sum_strided);
}

/* ---- Into a buffer ---- */

/* In huge pages where there are some, as numpy asks for them; touched. */
static unsigned char *make_buffer(size_t size)
{
    const size_t huge_page_bytes = (size_t)2 << 20;
    size_t whole = (size + huge_page_bytes - 1) / huge_page_bytes * huge_page_bytes;
    unsigned char *buffer = aligned_alloc(huge_page_bytes, whole);
    if (buffer) {
        (void)madvise(buffer, whole, MADV_HUGEPAGE);
        memset(buffer, 0, whole);
    }
    return buffer;
}

static uint64_t sum_of_buffer(const struct bench *bench)
{
    uint64_t sum = 0;
    for (size_t at = 0; at + sizeof(sum) <= bench->buffer_bytes; at += sizeof(sum)) {
        uint64_t word;
        memcpy(&word, bench->buffer + at, sizeof(word));
        sum += word;
    }
    return sum;
}

static int convert_array(struct peer_run *run, void *context)
{
    (void)run;
    const struct bench *bench = context;
    return marray_read(bench->target, bench->dtype, bench->buffer, bench->buffer_bytes);
}

static int copy_half_the_bytes(struct peer_run *run, void *context)
{
    const struct bench *bench = context;
    size_t left = (run->size_bytes + bench->buffer_bytes) / 2;
    /* What is read may be less than what is written, or more: the same bytes again then. */
    for (size_t at = 0; left > 0;) {
        size_t part = left < run->size_bytes ? left : run->size_bytes;
        part = part < bench->buffer_bytes - at ? part : bench->buffer_bytes - at;
        memcpy(bench->buffer + at, bench->base, part);
        left -= part;
        at = (at + part) % bench->buffer_bytes;
    }
    return 0;
}

static int convert(struct peer_run *run, const char *from, const char *to, size_t from_bytes,
                   size_t to_bytes)
{
    struct bench bench = {.dtype = to, .buffer_bytes = run->size_bytes / from_bytes * to_bytes};
    bench.buffer = make_buffer(bench.buffer_bytes);
    int code = bench.buffer ? peer_open(run, 0, 0, &bench.array) : peer_fail("a buffer", -ENOMEM);
    if (!code) {
        code = marray_view_as(bench.array, from, &bench.target);
        if (!code)
            code = peer_repeat(run, convert_array, &bench);
        if (code)
            peer_fail(marray_message(bench.target ? bench.target : bench.array), code);
        run->checksum = sum_of_buffer(&bench);
        if (bench.target)
            marray_close(&bench.target);
        marray_close(&bench.array);
    }
    free(bench.buffer);
    return code;
}

/* Bytes in and out as many as by a conversion from items of from_bytes to such of to_bytes. */
static int copy_bytes(struct peer_run *run, size_t from_bytes, size_t to_bytes)
{
    struct bench bench = {.buffer_bytes = run->size_bytes / from_bytes * to_bytes};
    int descriptor;
    bench.buffer = make_buffer(bench.buffer_bytes);
    int code =
        bench.buffer ? peer_map(run, 0, &bench.base, &descriptor) : peer_fail("a buffer", -ENOMEM);
    if (!code) {
        code = peer_repeat(run, copy_half_the_bytes, &bench);
        peer_unmap(run, bench.base, descriptor);
    }
    free(bench.buffer);
    return code;
}

#define CONVERSION(name, from, to, from_bytes, to_bytes)     \
    static int way_##name(struct peer_run *run)              \
    {                                                        \
        return convert(run, from, to, from_bytes, to_bytes); \
    }                                                        \
    static int way_##name##_bare(struct peer_run *run)       \
    {                                                        \
        return copy_bytes(run, from_bytes, to_bytes);        \
    }
CONVERSION(widen, ">f4", "<f8", 4, 8)
CONVERSION(half, "<f2", "<f4", 2, 4)
CONVERSION(swap, ">f8", "<f8", 8, 8)

const struct peer_work peer_fill = {"fill", {{"bare", way_fill_bare}, {"marray", way_fill}, {0}}};
const struct peer_work peer_ramp = {"ramp", {{"bare", way_ramp_bare}, {"marray", way_ramp}, {0}}};
const struct peer_work peer_copy = {"copy", {{"bare", way_copy_bare}, {"marray", way_copy}, {0}}};
const struct peer_work peer_convert = {"convert",
                                       {{"widen-bare", way_widen_bare},
                                        {"widen", way_widen},
                                        {"half-bare", way_half_bare},
                                        {"half", way_half},
                                        {"swap-bare", way_swap_bare},
                                        {"swap", way_swap},
                                        {0}}};
const struct peer_work peer_strided_sum = {
    "strided-sum", {{"bare", way_strided_bare}, {"marray", way_strided}, {0}}};
