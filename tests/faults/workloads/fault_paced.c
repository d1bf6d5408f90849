/* Writes the array at a known pace: a block of 1 MiB, then a pause. Its work is good. */
#include <string.h>
#include <time.h>

#include "workloads/support/blocks.h"
#include "workloads/support/proof.h"
#include "workloads/workload.h"

#define BLOCK_BYTES UINT64_C(1048576)
#define PAUSE_NS    30000000L
#define WRITTEN     0x5a

static int plan(const void *options, const struct mm_array *array, struct mm_workload_needs *needs,
                struct mm_error *error)
{
    (void)options;
    (void)error;
    needs->writes = true;
    needs->flushes = true;
    needs->capabilities = MM_ENGINE_WRITES;
    needs->processes = 1;
    needs->largest_borrow_bytes = mm_blocks_of(array, BLOCK_BYTES).block_bytes;
    needs->bytes_per_pass = array->size_bytes;
    needs->items_per_pass = mm_blocks_of(array, BLOCK_BYTES).count;
    return 0;
}

static int touch(struct mm_workload_run *run)
{
    static const struct timespec pause = {.tv_nsec = PAUSE_NS};
    struct mm_blocks blocks = mm_blocks_of(run->array, BLOCK_BYTES);
    int status = 0;

    for (uint64_t i = 0; status == 0 && i < blocks.count; i++) {
        struct mm_region region = mm_blocks_region(&blocks, i);
        struct mm_span span;
        status = run->engine->borrow(run->file, &region, MM_ACCESS_WRITE, &span, run->error);
        if (status)
            return status;
        memset(span.data, WRITTEN, region.count[0]);
        status = run->engine->give_back(run->file, &span, run->error);
        mm_workload_advance(run, region.count[0], 1);
        nanosleep(&pause, NULL);
    }
    return status;
}

static int verify(struct mm_workload_run *run)
{
    unsigned char found[4096];
    unsigned char expected[4096];
    int status = 0;

    memset(expected, WRITTEN, sizeof(expected));
    for (uint64_t at = 0; status == 0 && at < run->array->size_bytes; at += sizeof(found)) {
        status = run->host->read_back(run, at, sizeof(found), found);
        if (status == 0)
            status = mm_proof_compare(run, at, found, expected, sizeof(found));
    }
    return status;
}

const struct mm_workload mm_workload_fault_paced = {
    .abi_version = MM_WORKLOAD_ABI_VERSION,
    .size_bytes = sizeof(struct mm_workload),
    .name = "fault-paced",
    .summary = "writes 1 MiB, pauses for 30 ms, and so on",
    .plan = plan,
    .touch = touch,
    .verify = verify,
};
