/* A plug-in that reads the whole array, and what its variants do besides: read it more often, take
 * their time outside of every clock, or die in the middle of a launch. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "workloads/workload.h"

#ifndef GATE_PROBE_WALKS
#define GATE_PROBE_WALKS 1
#endif
#ifndef GATE_PROBE_PAUSE_NS
#define GATE_PROBE_PAUSE_NS 0
#endif
#ifndef GATE_PROBE_PASSES
#define GATE_PROBE_PASSES 1000000
#endif

static int plan(const void *options, const struct mm_array *array, struct mm_workload_needs *needs,
                struct mm_error *error)
{
    (void)options;
    (void)error;
    needs->pattern = MM_PATTERN_SEQUENTIAL;
    needs->processes = 1;
    needs->largest_borrow_bytes = array->size_bytes;
    needs->bytes_per_pass = array->size_bytes;
    needs->items_per_pass = 1;
    return 0;
}

static void pause_untimed(void)
{
    const struct timespec pause = {.tv_nsec = GATE_PROBE_PAUSE_NS};

    if (GATE_PROBE_PAUSE_NS > 0)
        nanosleep(&pause, NULL);
}

static int prepare(struct mm_workload_run *run)
{
    (void)run;
    pause_untimed();
    return 0;
}

static int touch(struct mm_workload_run *run)
{
    struct mm_region region = mm_region_of_bytes(0, run->array->size_bytes);
    static int passes;
    int status = 0;

    if (++passes > GATE_PROBE_PASSES)
        raise(SIGKILL);
    for (int walk = 0; status == 0 && walk < GATE_PROBE_WALKS; walk++) {
        struct mm_span span;
        status = run->engine->borrow(run->file, &region, MM_ACCESS_READ, &span, run->error);
        if (status)
            return status;
        run->checksum += mm_workload_checksum(span.data, run->array->size_bytes, 8);
        status = run->engine->give_back(run->file, &span, run->error);
    }
    mm_workload_advance(run, run->array->size_bytes, 1);
    return status;
}

static int verify(struct mm_workload_run *run)
{
    uint64_t size_bytes = run->array->size_bytes;
    void *bytes = malloc(size_bytes);

    if (!bytes)
        return mm_error_set(run->error, -ENOMEM, "not enough memory");
    pause_untimed();
    int status = run->host->reference(run, 0, size_bytes, bytes);
    if (!status)
        run->expected_checksum =
            mm_workload_checksum(bytes, size_bytes, 8) * run->passes * GATE_PROBE_WALKS;
    free(bytes);
    return status;
}

static const struct mm_workload gate_probe = {
    .abi_version = MM_WORKLOAD_ABI_VERSION,
    .size_bytes = sizeof(struct mm_workload),
    .name = "gate-probe",
    .summary = "reads the whole array",
    .plan = plan,
    .prepare = prepare,
    .touch = touch,
    .verify = verify,
};

MM_WORKLOAD_PLUGIN(gate_probe);
