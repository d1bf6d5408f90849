/* How workloads prove their work, in blocks of bounded memory; outside every clock. */
#ifndef MM_WORKLOADS_SUPPORT_PROOF_H
#define MM_WORKLOADS_SUPPORT_PROOF_H

#include <stdint.h>

#include "workloads/support/pattern.h"
#include "workloads/workload.h"

/* The memory that a proof takes at a time. */
#define MM_PROOF_CHUNK_BYTES (UINT64_C(1) << 20)

/* Where the bytes of a proof come from: what the array had, or what it has now. */
enum mm_proof_source { MM_PROOF_REFERENCE, MM_PROOF_READ_BACK };

/*
 * count items of item_bytes, stride_bytes apart (>= item_bytes), on each of `lines` lines that
 * start line_stride_bytes apart: item (i, j) at offset_bytes + i * line_stride + j * stride. The
 * order does not matter for a proof; the set of bytes does.
 */
struct mm_proof_items {
    uint64_t offset_bytes;
    uint32_t item_bytes;
    uint64_t lines;
    uint64_t line_stride_bytes;
    uint64_t count;
    uint64_t stride_bytes;
};

/* All items of bytes [offset_bytes, +length_bytes) of the array, one after the other. */
struct mm_proof_items mm_proof_items_of_range(const struct mm_array *array, uint64_t offset_bytes,
                                              uint64_t length_bytes);

/* The checksum of the items. Fails as the host does, or with -ENOMEM. */
int mm_proof_checksum(struct mm_workload_run *run, enum mm_proof_source source,
                      const struct mm_proof_items *items, uint64_t *checksum);

/* Are the items what mm_pattern_fill gives with this seed and pass? -EBADMSG with an error that
 * names the first byte that is not. */
int mm_proof_pattern(struct mm_workload_run *run, const struct mm_proof_items *items, uint64_t seed,
                     uint64_t pass);

/* Told of one block and its bytes; a negative errno ends the walk. */
typedef int mm_proof_block_function(struct mm_workload_run *run, void *context, uint64_t block,
                                    const unsigned char *bytes);

/*
 * Gives each of blocks[count] (block k is bytes [k * block_bytes, +block_bytes) of the array; it
 * may stand there many times) to function, in the order of the array, fetched in pieces that cover
 * neighbours. Sorts blocks.
 */
int mm_proof_blocks(struct mm_workload_run *run, enum mm_proof_source source, uint64_t *blocks,
                    uint64_t count, uint64_t block_bytes, mm_proof_block_function *function,
                    void *context);

/* -EBADMSG and the error line for the first byte in which found and expected differ, or 0. Byte 0
 * of both is byte position_bytes of the array. */
int mm_proof_compare(struct mm_workload_run *run, uint64_t position_bytes, const void *found,
                     const void *expected, uint64_t length_bytes);

/*
 * For workloads that change what they read by mm_pattern_mix_in, pass for pass, over the whole
 * array: fingerprints of its contents before the first pass, one for MM_PROOF_CHUNK_BYTES each.
 * take() fills them in prepare; mixed_in() takes the passes back from what storage holds, compares
 * with them, and sets run->expected_checksum to what the timed passes must have read. -EBADMSG
 * names the chunk that is wrong.
 */
uint64_t mm_proof_fingerprints_bytes(const struct mm_array *array);
int mm_proof_fingerprints_take(struct mm_workload_run *run, uint64_t *fingerprints);
int mm_proof_mixed_in(struct mm_workload_run *run, const uint64_t *fingerprints);

/* Both sorts of passes together: what a writing workload has done to the file. */
static inline uint64_t mm_proof_all_passes(const struct mm_workload_run *run)
{
    return run->warm_passes + run->passes;
}

#endif
