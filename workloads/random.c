/* Workload random: elements or blocks in random order, uniform or by a Zipf law, read or written.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "workloads/support/buffer.h"
#include "workloads/support/draw.h"
#include "workloads/support/pattern.h"
#include "workloads/support/proof.h"
#include "workloads/workload.h"

/* The most bytes of one gather or scatter: beyond it a batch has fewer operations. */
#define BATCH_BYTES_MAX (UINT64_C(16) << 20)

/* Operations that nobody has asked for: this share of the blocks, but no more than a device that
 * delivers every single one of them takes seconds for. */
#define UNASKED_SHARE      (1.0 / 16)
#define UNASKED_OPERATIONS UINT64_C(2000)

enum distribution { DISTRIBUTION_UNIFORM, DISTRIBUTION_ZIPF };
enum way { WAY_AUTO, WAY_POINTER, WAY_GATHER };

struct options {
    uint32_t distribution;
    uint32_t access;
    double zipf_exponent;
    uint64_t block_bytes;
    uint64_t operations;
    double share;
    double write_share;
    uint64_t batch;
};

static const struct mm_parameter parameters[] = {
    {.name = "distribution",
     .summary = "uniform, or zipf: few blocks are popular, spread over the array",
     .type = MM_PARAMETER_CHOICE,
     .default_text = "uniform",
     .choices = "uniform|zipf",
     .offset = offsetof(struct options, distribution)},
    {.name = "zipf-exponent",
     .summary = "how uneven zipf is: rank k is drawn with probability proportional to k^-exponent",
     .type = MM_PARAMETER_REAL,
     .default_text = "0.99",
     .offset = offsetof(struct options, zipf_exponent)},
    {.name = "block",
     .summary = "bytes of one operation, rounded down to whole elements; 0B: one element",
     .type = MM_PARAMETER_SIZE,
     .default_text = "0B",
     .offset = offsetof(struct options, block_bytes)},
    {.name = "operations",
     .summary = "operations of one pass; 0: as many as `share` says",
     .type = MM_PARAMETER_COUNT,
     .default_text = "0",
     .maximum = UINT64_C(1) << 32,
     .offset = offsetof(struct options, operations)},
    {.name = "share",
     .summary = "operations of one pass as a share of the array's blocks; 0: 1/16 of them, but at "
                "most 2000",
     .type = MM_PARAMETER_SHARE,
     .default_text = "0",
     .offset = offsetof(struct options, share)},
    {.name = "write-share",
     .summary = "share of the operations that write; the others read",
     .type = MM_PARAMETER_SHARE,
     .default_text = "0",
     .offset = offsetof(struct options, write_share)},
    {.name = "access",
     .summary = "pointer: borrow the array once and index it; gather: batches of blocks through a "
                "buffer; auto: pointer where the engine lends in place and does not gather better",
     .type = MM_PARAMETER_CHOICE,
     .default_text = "auto",
     .choices = "auto|pointer|gather",
     .offset = offsetof(struct options, access)},
    {.name = "batch",
     .summary =
         "operations in one gather or scatter, fewer where they would take more than 16 MiB; "
         "within a batch reads come before writes",
     .type = MM_PARAMETER_COUNT,
     .default_text = "256",
     .minimum = 1,
     .maximum = 65536,
     .offset = offsetof(struct options, batch)},
};

/* What mixed passes must read; in run->shared. The first pass still finds old bytes, later ones
 * find in every written block what the first has left. */
struct expectation {
    uint64_t first_pass;
    uint64_t later_pass;
};

struct state {
    struct mm_pattern pattern;
    uint64_t key;
    uint64_t *blocks;
    struct mm_draw_batch *batches;
    uint64_t batch_count;
    unsigned char *buffer; /* of one gather or scatter */
    uint64_t buffer_bytes;
};

static uint64_t block_bytes(const struct options *options, const struct mm_array *array)
{
    uint64_t whole = options->block_bytes - options->block_bytes % array->item_bytes;
    return whole ? whole : array->item_bytes;
}

static uint64_t batch_of(const struct options *options, const struct mm_array *array)
{
    uint64_t fitting = BATCH_BYTES_MAX / block_bytes(options, array);
    if (fitting == 0)
        fitting = 1;
    return options->batch < fitting ? options->batch : fitting;
}

static struct mm_draw draw_of(const struct options *options, const struct mm_array *array,
                              uint64_t seed)
{
    struct mm_draw draw = {
        .seed = seed,
        .block_count = array->size_bytes / block_bytes(options, array),
        .operations = options->operations,
        .batch = batch_of(options, array),
        .zipf_exponent = options->distribution == DISTRIBUTION_ZIPF ? options->zipf_exponent : 0,
        .write_share = options->write_share,
    };
    if (draw.operations > 0)
        return draw;
    double share = options->share > 0 ? options->share : UNASKED_SHARE;
    draw.operations = (uint64_t)((double)draw.block_count * share);
    if (!(options->share > 0) && draw.operations > UNASKED_OPERATIONS)
        draw.operations = UNASKED_OPERATIONS;
    return draw;
}

static int plan(const void *options, const struct mm_array *array, struct mm_workload_needs *needs,
                struct mm_error *error)
{
    const struct options *chosen = options;
    uint64_t block = block_bytes(chosen, array);
    struct mm_draw draw = draw_of(chosen, array, 0);

    if (chosen->distribution == DISTRIBUTION_ZIPF && !(chosen->zipf_exponent > 0))
        return mm_error_set(error, -EINVAL, "parameter 'zipf-exponent': it must be greater than 0");
    if (draw.block_count == 0)
        return mm_error_set(error, -EINVAL,
                            "parameter 'block': a block of %" PRIu64
                            " bytes is larger than the array of %" PRIu64,
                            block, array->size_bytes);
    if (draw.operations == 0)
        return mm_error_set(error, -EINVAL,
                            "parameter 'share': it leaves no operation for %" PRIu64
                            " blocks; ask for more, or for `operations`",
                            draw.block_count);
    needs->writes = chosen->write_share > 0;
    needs->flushes = needs->writes;
    if (needs->writes)
        needs->capabilities |= MM_ENGINE_WRITES;
    if (chosen->access == WAY_POINTER)
        needs->capabilities |= MM_ENGINE_IN_PLACE;
    needs->pattern = MM_PATTERN_RANDOM;
    needs->largest_borrow_bytes = block * draw.batch;
    needs->largest_gather_count = draw.batch;
    needs->processes = 1;
    needs->shared_bytes = needs->writes ? sizeof(struct expectation) : 0;
    needs->bytes_per_pass = draw.operations * block;
    needs->items_per_pass = draw.operations;
    /* By pointer each is one of its own; which way `auto` goes is the engine's. */
    needs->operations_per_pass =
        chosen->access == WAY_GATHER ? mm_draw_batch_count(&draw) : draw.operations;
    return 0;
}

static const char *skip(const void *options, const struct mm_engine *engine)
{
    const struct options *chosen = options;
    if (chosen->access == WAY_POINTER && !(engine->capabilities & MM_ENGINE_IN_PLACE))
        return "access=pointer needs an engine that lends the bytes in place";
    return NULL;
}

static void free_lists(struct state *state)
{
    free(state->blocks);
    free(state->batches);
    mm_buffer_free(state->buffer, state->buffer_bytes);
    free(state);
}

static int make_lists(const struct mm_workload_run *run, struct state **made)
{
    const struct options *chosen = run->options;
    struct mm_draw draw = draw_of(chosen, run->array, run->seed);
    struct state *state = calloc(1, sizeof(*state));
    if (!state)
        goto no_memory;
    mm_pattern_seed(&state->pattern, run->seed);
    state->key = mm_pattern_key(&state->pattern, 0);
    state->batch_count = mm_draw_batch_count(&draw);
    state->blocks = malloc(draw.operations * sizeof(*state->blocks));
    state->batches = malloc(state->batch_count * sizeof(*state->batches));
    state->buffer_bytes = run->needs->largest_borrow_bytes;
    state->buffer = mm_buffer_allocate(state->buffer_bytes);
    if (!state->blocks || !state->batches || !state->buffer)
        goto no_memory;
    mm_draw_list(&draw, state->blocks, state->batches);
    *made = state;
    return 0;
no_memory:
    if (state)
        free_lists(state);
    return mm_error_set(run->error, -ENOMEM,
                        "no memory for a list of %" PRIu64 " operations; ask for fewer",
                        draw.operations);
}

/* A set of blocks. */
static bool contains(const unsigned char *set, uint64_t block)
{
    return set[block / 8] >> (block % 8) & 1;
}

static void insert(unsigned char *set, uint64_t block)
{
    set[block / 8] = (unsigned char)(set[block / 8] | 1u << (block % 8));
}

/* The sum of what blocks hold. */
struct block_sum {
    uint64_t length;
    uint64_t sum;
};

static int add_block(struct mm_workload_run *run, void *context, uint64_t block,
                     const unsigned char *bytes)
{
    struct block_sum *sum = context;
    (void)block;
    sum->sum += mm_workload_checksum(bytes, sum->length, run->array->item_bytes);
    return 0;
}

/* What one pass reads, and in *written the blocks that are written before and in it. old_reads has
 * space for all operations. */
static int simulate_pass(struct mm_workload_run *run, const struct state *state,
                         unsigned char *written, uint64_t *old_reads, uint64_t *checksum)
{
    struct block_sum total = {.length = block_bytes(run->options, run->array)};
    const uint64_t *block = state->blocks;
    uint64_t old_count = 0;
    for (uint64_t i = 0; i < state->batch_count; i++) {
        for (uint32_t k = 0; k < state->batches[i].reads; k++, block++) {
            if (!contains(written, *block)) {
                old_reads[old_count++] = *block;
                continue;
            }
            mm_pattern_fill(&state->pattern, state->key, *block * total.length, state->buffer,
                            total.length);
            add_block(run, &total, *block, state->buffer);
        }
        for (uint32_t k = 0; k < state->batches[i].writes; k++, block++)
            insert(written, *block);
    }
    int status = mm_proof_blocks(run, MM_PROOF_READ_BACK, old_reads, old_count, total.length,
                                 add_block, &total);
    if (status == 0)
        *checksum = total.sum;
    return status;
}

static int expect_mixed(struct mm_workload_run *run, const struct state *state)
{
    struct mm_draw draw = draw_of(run->options, run->array, run->seed);
    struct expectation *expectation = run->shared;
    unsigned char *written = calloc(draw.block_count / 8 + 1, 1);
    uint64_t *old_reads = malloc(draw.operations * sizeof(*old_reads));
    int status = 0;
    if (!written || !old_reads) {
        status = mm_error_set(run->error, -ENOMEM, "no memory to follow the writes");
        goto cleanup;
    }
    status = simulate_pass(run, state, written, old_reads, &expectation->first_pass);
    if (status == 0)
        status = simulate_pass(run, state, written, old_reads, &expectation->later_pass);
cleanup:
    free(old_reads);
    free(written);
    return status;
}

static int prepare(struct mm_workload_run *run)
{
    struct state *state;
    int status = make_lists(run, &state);
    if (status)
        return status;
    run->state = state;
    return run->needs->writes ? expect_mixed(run, state) : 0;
}

static void cleanup(struct mm_workload_run *run)
{
    if (run->state)
        free_lists(run->state);
    run->state = NULL;
}

/* Reads of count blocks at data; the length is a constant where it is one element. */
static inline uint64_t read_words(const unsigned char *data, const uint64_t *blocks, uint32_t count,
                                  size_t length)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t value = 0;
        memcpy(&value, data + blocks[i] * length, length);
        sum += value;
    }
    return sum;
}

static uint64_t read_blocks(const unsigned char *data, const uint64_t *blocks, uint32_t count,
                            uint64_t length, uint32_t item_bytes)
{
    uint64_t sum = 0;
    if (length == item_bytes) {
        switch (item_bytes) {
        case 8:
            return read_words(data, blocks, count, 8);
        case 4:
            return read_words(data, blocks, count, 4);
        case 2:
            return read_words(data, blocks, count, 2);
        case 1:
            return read_words(data, blocks, count, 1);
        default:
            break;
        }
    }
    for (uint32_t i = 0; i < count; i++)
        sum += mm_workload_checksum(data + blocks[i] * length, length, item_bytes);
    return sum;
}

static void write_blocks(const struct state *state, unsigned char *data, const uint64_t *blocks,
                         uint32_t count, uint64_t length)
{
    if (length == sizeof(uint64_t)) {
        for (uint32_t i = 0; i < count; i++) {
            uint64_t word = mm_pattern_word(&state->pattern, state->key, blocks[i]);
            memcpy(data + blocks[i] * sizeof(word), &word, sizeof(word));
        }
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        mm_pattern_fill(&state->pattern, state->key, blocks[i] * length, data + blocks[i] * length,
                        length);
}

static void advance_batch(struct mm_workload_run *run, const struct mm_draw_batch *batch,
                          uint64_t length)
{
    uint64_t operations = (uint64_t)batch->reads + batch->writes;
    mm_workload_advance(run, operations * length, operations);
}

/* The same work as that of the loop without a clock, block by block. */
static void time_blocks(struct mm_workload_run *run, const struct state *state, unsigned char *data,
                        uint64_t length)
{
    const uint64_t *block = state->blocks;
    for (uint64_t i = 0; i < state->batch_count; i++) {
        const struct mm_draw_batch *batch = &state->batches[i];
        for (uint32_t k = 0; k < batch->reads; k++, block++) {
            mm_operation_begin(run);
            run->checksum += read_blocks(data, block, 1, length, run->array->item_bytes);
            mm_operation_mark(run, MM_LATENCY_TOUCH);
        }
        for (uint32_t k = 0; k < batch->writes; k++, block++) {
            mm_operation_begin(run);
            write_blocks(state, data, block, 1, length);
            mm_operation_mark(run, MM_LATENCY_TOUCH);
        }
        advance_batch(run, batch, length);
    }
}

static int touch_by_pointer(struct mm_workload_run *run, const struct state *state)
{
    uint64_t length = block_bytes(run->options, run->array);
    struct mm_region whole = mm_region_of_bytes(0, run->array->size_bytes);
    const uint64_t *blocks = state->blocks;
    struct mm_span span;
    int status = run->engine->borrow(run->file, &whole,
                                     run->needs->writes ? MM_ACCESS_READ_WRITE : MM_ACCESS_READ,
                                     &span, run->error);
    if (status)
        return status;
    if (run->times_operations)
        time_blocks(run, state, span.data, length);
    for (uint64_t i = 0; i < state->batch_count && !run->times_operations; i++) {
        const struct mm_draw_batch *batch = &state->batches[i];
        run->checksum +=
            read_blocks(span.data, blocks, batch->reads, length, run->array->item_bytes);
        write_blocks(state, span.data, blocks + batch->reads, batch->writes, length);
        blocks += batch->reads + batch->writes;
        advance_batch(run, batch, length);
    }
    return run->engine->give_back(run->file, &span, run->error);
}

static int touch_by_batch(struct mm_workload_run *run, const struct state *state)
{
    uint64_t length = block_bytes(run->options, run->array);
    const uint64_t *blocks = state->blocks;
    int status = 0;
    for (uint64_t i = 0; status == 0 && i < state->batch_count; i++) {
        const struct mm_draw_batch *batch = &state->batches[i];
        mm_operation_begin(run);
        if (batch->reads) {
            status = run->engine->gather(run->file, blocks, batch->reads, length, state->buffer,
                                         run->error);
            if (status)
                return status;
            mm_operation_mark(run, MM_LATENCY_GATHER);
            run->checksum +=
                mm_workload_checksum(state->buffer, batch->reads * length, run->array->item_bytes);
        }
        blocks += batch->reads;
        for (uint32_t k = 0; k < batch->writes; k++)
            mm_pattern_fill(&state->pattern, state->key, blocks[k] * length,
                            state->buffer + k * length, length);
        if (batch->writes)
            status = run->engine->scatter(run->file, blocks, batch->writes, length, state->buffer,
                                          run->error);
        mm_operation_mark(run, MM_LATENCY_TOUCH);
        blocks += batch->writes;
        advance_batch(run, batch, length);
    }
    return status;
}

static int touch(struct mm_workload_run *run)
{
    const struct options *chosen = run->options;
    uint32_t can = run->engine->capabilities;
    bool is_best = (can & MM_ENGINE_IN_PLACE) && !(can & MM_ENGINE_GATHERS);
    bool by_pointer = chosen->access == WAY_POINTER || (chosen->access == WAY_AUTO && is_best);
    return by_pointer ? touch_by_pointer(run, run->state) : touch_by_batch(run, run->state);
}

static int verify_reads(struct mm_workload_run *run, const struct state *state)
{
    struct mm_draw draw = draw_of(run->options, run->array, run->seed);
    struct block_sum total = {.length = block_bytes(run->options, run->array)};
    int status = mm_proof_blocks(run, MM_PROOF_REFERENCE, state->blocks, draw.operations,
                                 total.length, add_block, &total);
    run->expected_checksum = total.sum * run->passes;
    return status;
}

static int compare_block(struct mm_workload_run *run, void *context, uint64_t block,
                         const unsigned char *bytes)
{
    const struct state *state = context;
    uint64_t length = block_bytes(run->options, run->array);
    mm_pattern_fill(&state->pattern, state->key, block * length, state->buffer, length);
    return mm_proof_compare(run, block * length, bytes, state->buffer, length);
}

/* Moves the blocks that are written to the front of the list; returns how many there are. */
static uint64_t keep_writes(struct state *state)
{
    const uint64_t *block = state->blocks;
    uint64_t kept = 0;
    for (uint64_t i = 0; i < state->batch_count; i++) {
        block += state->batches[i].reads;
        for (uint32_t k = 0; k < state->batches[i].writes; k++)
            state->blocks[kept++] = *block++;
    }
    return kept;
}

static int verify_mixed(struct mm_workload_run *run, struct state *state)
{
    const struct expectation *expectation = run->shared;
    uint64_t later = run->passes;
    uint64_t sum = 0;
    if (run->warm_passes == 0 && later > 0) {
        sum = expectation->first_pass;
        later--;
    }
    run->expected_checksum = sum + later * expectation->later_pass;
    if (mm_proof_all_passes(run) == 0)
        return 0;
    return mm_proof_blocks(run, MM_PROOF_READ_BACK, state->blocks, keep_writes(state),
                           block_bytes(run->options, run->array), compare_block, state);
}

static int verify(struct mm_workload_run *run)
{
    struct state *state;
    int status = make_lists(run, &state);
    if (status)
        return status;
    status = run->needs->writes ? verify_mixed(run, state) : verify_reads(run, state);
    free_lists(state);
    return status;
}

const struct mm_workload mm_workload_random = {
    .abi_version = MM_WORKLOAD_ABI_VERSION,
    .size_bytes = sizeof(struct mm_workload),
    .name = "random",
    .summary = "elements or blocks in random order, read or written, uniform or by a Zipf law",
    .parameters = parameters,
    .parameter_count = MM_COUNT_OF(parameters),
    .options_bytes = sizeof(struct options),
    .plan = plan,
    .skip = skip,
    .prepare = prepare,
    .touch = touch,
    .cleanup = cleanup,
    .verify = verify,
};
