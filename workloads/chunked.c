/* Workload chunked: slice assignment of a ramp, a[i:i+n] = linspace(...), flushed now and then. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/random.h"
#include "common/text.h"
#include "workloads/support/blocks.h"
#include "workloads/support/proof.h"
#include "workloads/workload.h"

struct options {
    uint64_t chunk_bytes;
    uint64_t flush_every;
};

static const struct mm_parameter parameters[] = {
    {.name = "chunk",
     .summary = "bytes assigned at a time, rounded down to whole elements",
     .type = MM_PARAMETER_SIZE,
     .default_text = "1MiB",
     .minimum = 1,
     .offset = offsetof(struct options, chunk_bytes)},
    {.name = "flush-every",
     .summary = "chunks from one flush to the next, each of what was assigned since; 0: one flush "
                "at the end",
     .type = MM_PARAMETER_COUNT,
     .default_text = "0",
     .offset = offsetof(struct options, flush_every)},
};

struct state {
    uint64_t pass; /* warm-up passes included */
};

/* linspace(start, start + 1, count) as numpy computes it, for one chunk of one pass. */
struct ramp {
    double start;
    double step;
    uint64_t count;
};

static struct ramp ramp_of(uint64_t seed, uint64_t pass, uint64_t chunk, uint64_t count)
{
    struct ramp ramp = {.count = count};
    uint64_t mixed = mm_random_mix(mm_random_mix(mm_random_mix(seed) + pass) + chunk);
    ramp.start = (double)(mixed >> 11) * 0x1.0p-33; /* below 2^20, fine enough to tell chunks */
    ramp.step = count > 1 ? 1.0 / (double)(count - 1) : 0;
    return ramp;
}

/* The count values of the ramp from index first on. */
static void assign(const struct ramp *ramp, uint64_t first, uint64_t count, unsigned char *data)
{
    double value;
    for (uint64_t i = 0; i < count; i++) {
        value = (double)(first + i) * ramp->step + ramp->start;
        memcpy(data + i * sizeof(value), &value, sizeof(value));
    }
    if (ramp->count > 1 && first + count == ramp->count) {
        value = ramp->start + 1; /* the end exactly, whatever the steps round to */
        memcpy(data + (count - 1) * sizeof(value), &value, sizeof(value));
    }
}

static int shape(const void *options, uint64_t wanted_bytes, struct mm_array *array,
                 struct mm_error *error)
{
    (void)options;
    (void)error;
    uint64_t length = wanted_bytes / sizeof(double) ? wanted_bytes / sizeof(double) : 1;
    *array = (struct mm_array){
        .dtype = "<f8",
        .item_bytes = sizeof(double),
        .dimensions = 1,
        .shape = {length},
        .size_bytes = length * sizeof(double),
    };
    return 0;
}

static int plan(const void *options, const struct mm_array *array, struct mm_workload_needs *needs,
                struct mm_error *error)
{
    const struct options *chosen = options;
    if (strcmp(array->dtype, "<f8") != 0)
        return mm_error_set(error, -EINVAL,
                            "workload 'chunked' assigns float64 ramps and needs dtype '<f8', not "
                            "'%s'",
                            array->dtype);
    needs->capabilities = MM_ENGINE_WRITES;
    needs->writes = true;
    needs->flushes = true;
    needs->pattern = MM_PATTERN_SEQUENTIAL;
    needs->largest_borrow_bytes = mm_blocks_of(array, chosen->chunk_bytes).block_bytes;
    needs->processes = 1;
    needs->bytes_per_pass = array->size_bytes;
    needs->items_per_pass = array->size_bytes / array->item_bytes;
    needs->operations_per_pass = mm_blocks_of(array, chosen->chunk_bytes).count;
    return 0;
}

static int prepare(struct mm_workload_run *run)
{
    run->state = calloc(1, sizeof(struct state));
    return run->state ? 0 : mm_error_set(run->error, -ENOMEM, "no memory for the pass counter");
}

static void cleanup(struct mm_workload_run *run)
{
    free(run->state);
    run->state = NULL;
}

/* The region of the chunks [first, end). */
static struct mm_region region_of_chunks(const struct mm_blocks *chunks, uint64_t first,
                                         uint64_t end)
{
    struct mm_region last = mm_blocks_region(chunks, end - 1);
    uint64_t start = first * chunks->block_bytes;
    return mm_region_of_bytes(start, last.offset_bytes + last.count[0] - start);
}

static int touch(struct mm_workload_run *run)
{
    const struct options *chosen = run->options;
    struct state *state = run->state;
    struct mm_blocks chunks = mm_blocks_of(run->array, chosen->chunk_bytes);
    int status = 0;

    for (uint64_t i = 0; status == 0 && i < chunks.count; i++) {
        struct mm_region region = mm_blocks_region(&chunks, i);
        struct ramp ramp = ramp_of(run->seed, state->pass, i, region.count[0] / sizeof(double));
        struct mm_span span;
        mm_operation_begin(run);
        status = mm_blocks_announce(run, &chunks, MM_ACCESS_WRITE, true, i);
        if (status == 0)
            status = run->engine->borrow(run->file, &region, MM_ACCESS_WRITE, &span, run->error);
        if (status)
            return status;
        assign(&ramp, 0, ramp.count, span.data);
        status = run->engine->give_back(run->file, &span, run->error);
        mm_operation_mark(run, MM_LATENCY_TOUCH);
        mm_workload_advance(run, region.count[0], region.count[0] / run->array->item_bytes);
        if (status == 0 && chosen->flush_every && (i + 1) % chosen->flush_every == 0) {
            region = region_of_chunks(&chunks, i + 1 - chosen->flush_every, i + 1);
            status = run->host->flush(run, &region);
            mm_operation_mark(run, MM_LATENCY_DURABLE);
        }
    }
    state->pass++;
    return status;
}

/* The chunks since the last flush. */
static int flush(struct mm_workload_run *run)
{
    const struct options *chosen = run->options;
    struct mm_blocks chunks = mm_blocks_of(run->array, chosen->chunk_bytes);
    if (chosen->flush_every == 0)
        return run->host->flush(run, NULL);
    uint64_t left = chunks.count % chosen->flush_every;
    if (left == 0)
        return 0;
    struct mm_region region = region_of_chunks(&chunks, chunks.count - left, chunks.count);
    return run->host->flush(run, &region);
}

/* Compares one chunk with its ramp; found and expected have MM_PROOF_CHUNK_BYTES each. */
static int verify_chunk(struct mm_workload_run *run, const struct mm_region *region,
                        const struct ramp *ramp, unsigned char *found, unsigned char *expected)
{
    uint64_t length = region->count[0];
    int status = 0;
    for (uint64_t done = 0; status == 0 && done < length; done += MM_PROOF_CHUNK_BYTES) {
        uint64_t part = length - done;
        if (part > MM_PROOF_CHUNK_BYTES)
            part = MM_PROOF_CHUNK_BYTES;
        assign(ramp, done / sizeof(double), part / sizeof(double), expected);
        status = run->host->read_back(run, region->offset_bytes + done, part, found);
        if (status == 0)
            status = mm_proof_compare(run, region->offset_bytes + done, found, expected, part);
    }
    return status;
}

static int verify(struct mm_workload_run *run)
{
    const struct options *chosen = run->options;
    struct mm_blocks chunks = mm_blocks_of(run->array, chosen->chunk_bytes);
    uint64_t passes = mm_proof_all_passes(run);
    int status = 0;
    unsigned char *found = malloc(MM_PROOF_CHUNK_BYTES);
    unsigned char *expected = malloc(MM_PROOF_CHUNK_BYTES);
    if (!found || !expected) {
        status = mm_error_set(run->error, -ENOMEM, "no memory to verify the array");
        goto cleanup;
    }
    run->expected_checksum = 0;
    for (uint64_t i = 0; status == 0 && passes && i < chunks.count; i++) {
        struct mm_region region = mm_blocks_region(&chunks, i);
        struct ramp ramp = ramp_of(run->seed, passes - 1, i, region.count[0] / sizeof(double));
        status = verify_chunk(run, &region, &ramp, found, expected);
    }
cleanup:
    free(expected);
    free(found);
    return status;
}

const struct mm_workload mm_workload_chunked = {
    .abi_version = MM_WORKLOAD_ABI_VERSION,
    .size_bytes = sizeof(struct mm_workload),
    .name = "chunked",
    .summary = "assigns a float64 ramp chunk by chunk: a[i:i+n] = linspace(...)",
    .parameters = parameters,
    .parameter_count = MM_COUNT_OF(parameters),
    .options_bytes = sizeof(struct options),
    .shape = shape,
    .plan = plan,
    .prepare = prepare,
    .touch = touch,
    .flush = flush,
    .cleanup = cleanup,
    .verify = verify,
};
