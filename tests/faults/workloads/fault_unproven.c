/* A workload whose proof finds wrong bytes. */
#include <errno.h>

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
    return 0;
}

static int verify(struct mm_workload_run *run)
{
    return mm_error_set(run->error, -EBADMSG, "byte 17 is not what was written");
}

const struct mm_workload mm_workload_fault_unproven = {
    .abi_version = MM_WORKLOAD_ABI_VERSION,
    .size_bytes = sizeof(struct mm_workload),
    .name = "fault-unproven",
    .summary = "touches nothing and cannot prove it",
    .plan = plan,
    .touch = touch,
    .verify = verify,
};
