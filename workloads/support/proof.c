/* How workloads prove their work, in blocks of bounded memory; outside every clock. */
#include "workloads/support/proof.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Items closer than this are fetched with what lies between them. */
#define NEAR_STRIDE_BYTES UINT64_C(4096)

/* Told of count items, stride_bytes apart, that stand at bytes; item 0 is at position_bytes. */
typedef int piece_function(struct mm_workload_run *run, void *context, uint64_t position_bytes,
                           const unsigned char *bytes, uint64_t count, uint64_t stride_bytes,
                           uint32_t item_bytes);

struct mm_proof_items mm_proof_items_of_range(const struct mm_array *array, uint64_t offset_bytes,
                                              uint64_t length_bytes)
{
    struct mm_proof_items items = {
        .offset_bytes = offset_bytes,
        .item_bytes = array->item_bytes,
        .lines = 1,
        .count = length_bytes / array->item_bytes,
        .stride_bytes = array->item_bytes,
    };
    return items;
}

static int fetch(struct mm_workload_run *run, enum mm_proof_source source, uint64_t offset_bytes,
                 uint64_t length_bytes, void *buffer)
{
    if (source == MM_PROOF_REFERENCE)
        return run->host->reference(run, offset_bytes, length_bytes, buffer);
    return run->host->read_back(run, offset_bytes, length_bytes, buffer);
}

static int each_piece_of_line(struct mm_workload_run *run, enum mm_proof_source source,
                              uint64_t start, const struct mm_proof_items *items, void *buffer,
                              piece_function *piece, void *context)
{
    uint64_t stride = items->stride_bytes;
    uint64_t step = 1;
    int status = 0;
    if (stride < NEAR_STRIDE_BYTES && items->item_bytes <= MM_PROOF_CHUNK_BYTES)
        step = (MM_PROOF_CHUNK_BYTES - items->item_bytes) / stride + 1;
    for (uint64_t done = 0; status == 0 && done < items->count; done += step) {
        uint64_t count = items->count - done < step ? items->count - done : step;
        uint64_t position = start + done * stride;
        status = fetch(run, source, position, (count - 1) * stride + items->item_bytes, buffer);
        if (status == 0)
            status = piece(run, context, position, buffer, count, stride, items->item_bytes);
    }
    return status;
}

static int each_piece(struct mm_workload_run *run, enum mm_proof_source source,
                      const struct mm_proof_items *items, piece_function *piece, void *context)
{
    struct mm_proof_items by_line = *items;
    uint64_t buffer_bytes = MM_PROOF_CHUNK_BYTES;
    int status = 0;
    /* Along the axis on which neighbours are near, whichever way the workload went. */
    if (items->lines > 1 && items->line_stride_bytes < items->stride_bytes) {
        by_line.lines = items->count;
        by_line.line_stride_bytes = items->stride_bytes;
        by_line.count = items->lines;
        by_line.stride_bytes = items->line_stride_bytes;
    }
    if (buffer_bytes < items->item_bytes)
        buffer_bytes = items->item_bytes;
    void *buffer = malloc(buffer_bytes);
    if (!buffer)
        return mm_error_set(run->error, -ENOMEM, "no memory to verify the array");
    for (uint64_t i = 0; status == 0 && i < by_line.lines; i++)
        status =
            each_piece_of_line(run, source, by_line.offset_bytes + i * by_line.line_stride_bytes,
                               &by_line, buffer, piece, context);
    free(buffer);
    return status;
}

static int add_checksum(struct mm_workload_run *run, void *context, uint64_t position_bytes,
                        const unsigned char *bytes, uint64_t count, uint64_t stride_bytes,
                        uint32_t item_bytes)
{
    uint64_t *sum = context;
    (void)run;
    (void)position_bytes;
    *sum += mm_workload_checksum_strided(bytes, count, (int64_t)stride_bytes, item_bytes);
    return 0;
}

int mm_proof_checksum(struct mm_workload_run *run, enum mm_proof_source source,
                      const struct mm_proof_items *items, uint64_t *checksum)
{
    uint64_t sum = 0;
    int status = each_piece(run, source, items, add_checksum, &sum);
    if (status == 0)
        *checksum = sum;
    return status;
}

int mm_proof_compare(struct mm_workload_run *run, uint64_t position_bytes, const void *found,
                     const void *expected, uint64_t length_bytes)
{
    const unsigned char *have = found;
    const unsigned char *want = expected;
    if (memcmp(have, want, length_bytes) == 0)
        return 0;
    uint64_t i = 0;
    while (have[i] == want[i])
        i++;
    return mm_error_set(run->error, -EBADMSG,
                        "byte %" PRIu64
                        " of the array is 0x%02x in storage, but 0x%02x was written there",
                        position_bytes + i, have[i], want[i]);
}

/* What storage should hold, and a place to build it. */
struct pattern_context {
    struct mm_pattern pattern;
    uint64_t key;
    unsigned char expected[NEAR_STRIDE_BYTES];
};

static int compare_item(struct mm_workload_run *run, struct pattern_context *context,
                        uint64_t position_bytes, const unsigned char *bytes, uint64_t length_bytes)
{
    int status = 0;
    for (uint64_t done = 0; status == 0 && done < length_bytes; done += NEAR_STRIDE_BYTES) {
        uint64_t length = length_bytes - done;
        if (length > NEAR_STRIDE_BYTES)
            length = NEAR_STRIDE_BYTES;
        mm_pattern_fill(&context->pattern, context->key, position_bytes + done, context->expected,
                        length);
        status =
            mm_proof_compare(run, position_bytes + done, bytes + done, context->expected, length);
    }
    return status;
}

static int compare_pattern(struct mm_workload_run *run, void *context, uint64_t position_bytes,
                           const unsigned char *bytes, uint64_t count, uint64_t stride_bytes,
                           uint32_t item_bytes)
{
    int status = 0;
    if (stride_bytes == item_bytes)
        return compare_item(run, context, position_bytes, bytes, count * item_bytes);
    for (uint64_t i = 0; status == 0 && i < count; i++)
        status = compare_item(run, context, position_bytes + i * stride_bytes,
                              bytes + i * stride_bytes, item_bytes);
    return status;
}

int mm_proof_pattern(struct mm_workload_run *run, const struct mm_proof_items *items, uint64_t seed,
                     uint64_t pass)
{
    struct pattern_context *context = malloc(sizeof(*context));
    if (!context)
        return mm_error_set(run->error, -ENOMEM, "no memory to verify the array");
    mm_pattern_seed(&context->pattern, seed);
    context->key = mm_pattern_key(&context->pattern, pass);
    int status = each_piece(run, MM_PROOF_READ_BACK, items, compare_pattern, context);
    free(context);
    return status;
}

static int compare_blocks(const void *left, const void *right)
{
    uint64_t a;
    uint64_t b;
    memcpy(&a, left, sizeof(a));
    memcpy(&b, right, sizeof(b));
    return (a > b) - (a < b);
}

int mm_proof_blocks(struct mm_workload_run *run, enum mm_proof_source source, uint64_t *blocks,
                    uint64_t count, uint64_t block_bytes, mm_proof_block_function *function,
                    void *context)
{
    uint64_t window = block_bytes < MM_PROOF_CHUNK_BYTES ? MM_PROOF_CHUNK_BYTES / block_bytes : 1;
    int status = 0;
    unsigned char *buffer = malloc(window * block_bytes);
    if (!buffer)
        return mm_error_set(run->error, -ENOMEM, "no memory to verify the array");
    qsort(blocks, count, sizeof(*blocks), compare_blocks);
    for (uint64_t i = 0; status == 0 && i < count;) {
        uint64_t first = blocks[i];
        uint64_t end = i;
        while (end < count && blocks[end] - first < window)
            end++;
        status = fetch(run, source, first * block_bytes,
                       (blocks[end - 1] - first + 1) * block_bytes, buffer);
        for (; status == 0 && i < end; i++)
            status = function(run, context, blocks[i], buffer + (blocks[i] - first) * block_bytes);
    }
    free(buffer);
    return status;
}

static uint64_t chunk_count(const struct mm_array *array)
{
    return array->size_bytes / MM_PROOF_CHUNK_BYTES +
           (array->size_bytes % MM_PROOF_CHUNK_BYTES != 0);
}

/* The length of chunk index, which starts at index * MM_PROOF_CHUNK_BYTES. */
static uint64_t chunk_bytes(const struct mm_array *array, uint64_t index)
{
    uint64_t left = array->size_bytes - index * MM_PROOF_CHUNK_BYTES;
    return left < MM_PROOF_CHUNK_BYTES ? left : MM_PROOF_CHUNK_BYTES;
}

uint64_t mm_proof_fingerprints_bytes(const struct mm_array *array)
{
    return chunk_count(array) * sizeof(uint64_t);
}

int mm_proof_fingerprints_take(struct mm_workload_run *run, uint64_t *fingerprints)
{
    int status = 0;
    void *buffer = malloc(MM_PROOF_CHUNK_BYTES);
    if (!buffer)
        return mm_error_set(run->error, -ENOMEM, "no memory to take fingerprints of the array");
    for (uint64_t i = 0; status == 0 && i < chunk_count(run->array); i++) {
        uint64_t position = i * MM_PROOF_CHUNK_BYTES;
        uint64_t length = chunk_bytes(run->array, i);
        status = run->host->read_back(run, position, length, buffer);
        if (status == 0)
            fingerprints[i] = mm_pattern_fingerprint(position, buffer, length);
    }
    free(buffer);
    return status;
}

/* Takes all passes back from the bytes of one chunk; returns what the timed ones had read. Chunks
 * start and end between words of every width, so their checksums add up. */
static uint64_t take_passes_back(const struct mm_workload_run *run,
                                 const struct mm_pattern *pattern, uint64_t position, void *bytes,
                                 uint64_t length)
{
    uint64_t sum = 0;
    for (uint64_t pass = mm_proof_all_passes(run); pass-- > 0;) {
        mm_pattern_mix_in(pattern, mm_pattern_key(pattern, pass), position, bytes, length);
        if (pass >= run->warm_passes)
            sum += mm_workload_checksum(bytes, length, run->array->item_bytes);
    }
    return sum;
}

int mm_proof_mixed_in(struct mm_workload_run *run, const uint64_t *fingerprints)
{
    uint64_t expected = 0;
    int status = 0;
    struct mm_pattern *pattern = malloc(sizeof(*pattern));
    void *buffer = malloc(MM_PROOF_CHUNK_BYTES);
    if (!pattern || !buffer) {
        status = mm_error_set(run->error, -ENOMEM, "no memory to verify the array");
        goto cleanup;
    }
    mm_pattern_seed(pattern, run->seed);
    for (uint64_t i = 0; i < chunk_count(run->array); i++) {
        uint64_t position = i * MM_PROOF_CHUNK_BYTES;
        uint64_t length = chunk_bytes(run->array, i);
        status = run->host->read_back(run, position, length, buffer);
        if (status)
            goto cleanup;
        expected += take_passes_back(run, pattern, position, buffer, length);
        if (mm_pattern_fingerprint(position, buffer, length) != fingerprints[i]) {
            status = mm_error_set(run->error, -EBADMSG,
                                  "the bytes from %" PRIu64 " to %" PRIu64
                                  " of the array are not in storage as they were changed",
                                  position, position + length - 1);
            goto cleanup;
        }
    }
    run->expected_checksum = expected;
cleanup:
    free(buffer);
    free(pattern);
    return status;
}
