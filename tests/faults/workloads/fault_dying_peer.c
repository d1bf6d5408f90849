/* A multi-process workload, one peer of which dies while the others wait for it. */
#include <signal.h>
#include <unistd.h>

#include "workloads/workload.h"

struct options {
    uint64_t peers;
};

static const struct mm_parameter parameters[] = {
    {.name = "peers",
     .summary = "how many processes",
     .type = MM_PARAMETER_COUNT,
     .default_text = "3",
     .minimum = 3,
     .maximum = 256,
     .offset = offsetof(struct options, peers)},
};

static int plan(const void *options, const struct mm_array *array, struct mm_workload_needs *needs,
                struct mm_error *error)
{
    const struct options *chosen = options;

    (void)error;
    needs->processes = (uint32_t)chosen->peers;
    needs->capabilities = MM_ENGINE_MULTIPROCESS | MM_ENGINE_FILE_BACKED;
    needs->largest_borrow_bytes = array->item_bytes;
    needs->bytes_per_pass = array->size_bytes;
    needs->items_per_pass = 1;
    return 0;
}

static int touch(struct mm_workload_run *run)
{
    if (run->peer == 1) {
        return raise(SIGKILL);
    }
    while (pause() < 0) {
    }
    return 0;
}

static int verify(struct mm_workload_run *run)
{
    run->expected_checksum = 0;
    return 0;
}

const struct mm_workload mm_workload_fault_dying_peer = {
    .abi_version = MM_WORKLOAD_ABI_VERSION,
    .size_bytes = sizeof(struct mm_workload),
    .name = "fault-dying-peer",
    .summary = "one of several peers dies of SIGKILL, the others wait for it",
    .parameters = parameters,
    .parameter_count = 1,
    .options_bytes = sizeof(struct options),
    .plan = plan,
    .touch = touch,
    .verify = verify,
};
