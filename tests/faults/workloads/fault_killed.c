/* A workload that is killed in the middle of its work. */
#include <signal.h>

#include "workloads/workload.h"

static int plan(const void *options, const struct mm_array *array, struct mm_workload_needs *needs,
                struct mm_error *error)
{
    (void)options;
    (void)error;
    needs->processes = 1;
    needs->capabilities = 0;
    needs->largest_borrow_bytes = array->item_bytes;
    needs->bytes_per_pass = array->size_bytes;
    needs->items_per_pass = 1;
    return 0;
}

static int touch(struct mm_workload_run *run)
{
    (void)run;
    return raise(SIGKILL);
}

static int verify(struct mm_workload_run *run)
{
    run->expected_checksum = 0;
    return 0;
}

const struct mm_workload mm_workload_fault_killed = {
    .abi_version = MM_WORKLOAD_ABI_VERSION,
    .size_bytes = sizeof(struct mm_workload),
    .name = "fault-killed",
    .summary = "dies of SIGKILL while it touches",
    .plan = plan,
    .touch = touch,
    .verify = verify,
};
