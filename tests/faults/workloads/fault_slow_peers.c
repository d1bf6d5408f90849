/* A multi-process workload that takes a while; its work is good. */
#include <time.h>

#include "workloads/workload.h"

static int plan(const void *options, const struct mm_array *array, struct mm_workload_needs *needs,
                struct mm_error *error)
{
    (void)options;
    (void)error;
    needs->processes = 2;
    needs->capabilities = MM_ENGINE_MULTIPROCESS | MM_ENGINE_FILE_BACKED;
    needs->largest_borrow_bytes = array->item_bytes;
    needs->bytes_per_pass = array->size_bytes;
    needs->items_per_pass = 1;
    return 0;
}

static int touch(struct mm_workload_run *run)
{
    static const struct timespec while_long = {.tv_nsec = 300000000};

    nanosleep(&while_long, NULL);
    run->bytes += run->needs->bytes_per_pass / run->peers;
    run->items += 1;
    run->checksum += run->peer + 1;
    return 0;
}

static int verify(struct mm_workload_run *run)
{
    run->expected_checksum = (1 + 2) * run->passes;
    return 0;
}

const struct mm_workload mm_workload_fault_slow_peers = {
    .abi_version = MM_WORKLOAD_ABI_VERSION,
    .size_bytes = sizeof(struct mm_workload),
    .name = "fault-slow-peers",
    .summary = "two peers that sleep for 300 ms",
    .plan = plan,
    .touch = touch,
    .verify = verify,
};
