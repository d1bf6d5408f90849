/* Operations that do nothing, but every so many-th sleeps: a stall whose length is known. */
#include <time.h>

#include "common/text.h"
#include "workloads/workload.h"

struct options {
    uint64_t operations;
    uint64_t every;
    uint64_t stall_us;
};

static const struct mm_parameter parameters[] = {
    {.name = "operations",
     .summary = "of one pass",
     .type = MM_PARAMETER_COUNT,
     .default_text = "20000",
     .minimum = 1,
     .offset = offsetof(struct options, operations)},
    {.name = "every",
     .summary = "this many-th operation stalls, from the first on",
     .type = MM_PARAMETER_COUNT,
     .default_text = "2000",
     .minimum = 1,
     .offset = offsetof(struct options, every)},
    {.name = "stall-us",
     .summary = "microseconds that it sleeps",
     .type = MM_PARAMETER_COUNT,
     .default_text = "20000",
     .maximum = 999999,
     .offset = offsetof(struct options, stall_us)},
};

static int plan(const void *options, const struct mm_array *array, struct mm_workload_needs *needs,
                struct mm_error *error)
{
    const struct options *chosen = options;
    (void)error;
    needs->processes = 1;
    needs->largest_borrow_bytes = array->item_bytes;
    needs->items_per_pass = chosen->operations;
    needs->bytes_per_pass = chosen->operations;
    needs->operations_per_pass = chosen->operations;
    return 0;
}

static int touch(struct mm_workload_run *run)
{
    const struct options *options = run->options;
    const struct timespec stall = {.tv_nsec = (long)options->stall_us * 1000};

    for (uint64_t i = 0; i < options->operations; i++) {
        mm_operation_begin(run);
        if (i % options->every == 0) {
            nanosleep(&stall, NULL);
        }
        mm_operation_mark(run, MM_LATENCY_TOUCH);
    }
    run->checksum += options->operations;
    run->items += options->operations;
    run->bytes += options->operations;
    return 0;
}

static int verify(struct mm_workload_run *run)
{
    const struct options *options = run->options;
    run->expected_checksum = options->operations * run->passes;
    return 0;
}

const struct mm_workload mm_workload_fault_stalling = {
    .abi_version = MM_WORKLOAD_ABI_VERSION,
    .size_bytes = sizeof(struct mm_workload),
    .name = "fault-stalling",
    .summary = "operations that do nothing, and now and then one that sleeps",
    .parameters = parameters,
    .parameter_count = MM_COUNT_OF(parameters),
    .options_bytes = sizeof(struct options),
    .plan = plan,
    .touch = touch,
    .verify = verify,
};
