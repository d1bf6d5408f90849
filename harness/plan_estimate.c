/* How long a run will take, roughly: for the line that people read before they start it. */
#include <sys/stat.h>

#include "common/units.h"
#include "harness/command.h"
#include "harness/plan_internal.h"

/* Figures of a small virtual machine with a fast disk; they only have to be right within a factor
 * of two or three. */
#define START_NS              UINT64_C(50000000)
#define DISK_BYTES_PER_MS     UINT64_C(1200000)
#define MEMORY_BYTES_PER_MS   UINT64_C(5000000)
#define MAKING_BYTES_PER_MS   UINT64_C(600000)
#define CHECKING_BYTES_PER_MS UINT64_C(2500000)
#define COLD_RANDOM_ITEM_NS   UINT64_C(100000)
#define WARM_RANDOM_ITEM_NS   UINT64_C(100)
#define NS_PER_MS             UINT64_C(1000000)

static uint64_t bytes_ns(uint64_t bytes, uint64_t bytes_per_ms)
{
    return (uint64_t)((double)bytes / (double)bytes_per_ms * (double)NS_PER_MS);
}

/* One pass: the bytes at the speed of the disk or of memory, or the items one by one. */
static uint64_t pass_ns(const struct mm_plan_case *plan_case, const struct mm_array *array)
{
    const struct mm_workload_needs *needs = &plan_case->needs;
    /* Pressure throws out what is read: it comes from storage again and again. */
    bool cold = plan_case->cache == MM_CACHE_COLD || plan_case->cache == MM_CACHE_PRESSURE;
    uint64_t whole = bytes_ns(needs->bytes_per_pass, MEMORY_BYTES_PER_MS);
    if (cold || needs->writes)
        whole += bytes_ns(needs->bytes_per_pass, DISK_BYTES_PER_MS);
    if (needs->pattern != MM_PATTERN_RANDOM)
        return whole;
    uint64_t items = needs->items_per_pass * (cold ? COLD_RANDOM_ITEM_NS : WARM_RANDOM_ITEM_NS);
    /* Once the file is in memory, further items cost no more than warm ones. */
    uint64_t limit = bytes_ns(array->size_bytes, DISK_BYTES_PER_MS) * 10 +
                     needs->items_per_pass * WARM_RANDOM_ITEM_NS;
    return items < limit ? items : limit;
}

/* What the schedule of an open loop makes of it. */
static uint64_t paced_ns(const struct mm_plan_case *plan_case, uint64_t unpaced_ns)
{
    if (!plan_case->rate)
        return unpaced_ns;
    uint64_t schedule_ns = (uint64_t)((double)plan_case->needs.operations_per_pass /
                                      (double)plan_case->rate * MM_NANOSECONDS_PER_SECOND);
    return schedule_ns > unpaced_ns ? schedule_ns : unpaced_ns;
}

uint64_t mm_plan_estimate_launch_ns(const struct mm_plan_case *plan_case,
                                    const struct mm_array *array)
{
    uint64_t once_ns = pass_ns(plan_case, array);
    uint64_t total =
        START_NS + plan_case->samples * (plan_case->warmup_passes * once_ns +
                                         plan_case->iterations * paced_ns(plan_case, once_ns));
    /* Getting the file cold or warm, an engine in memory filled, and the proof of the work. */
    total += plan_case->samples * bytes_ns(array->size_bytes, CHECKING_BYTES_PER_MS);
    if (plan_case->needs.writes)
        total += plan_case->samples * bytes_ns(array->size_bytes, DISK_BYTES_PER_MS);
    return total;
}

static uint64_t making_ns(const struct mm_plan_file *file)
{
    struct stat status;
    if (!file->generated)
        return 0;
    if (!stat(file->path, &status) && (uint64_t)status.st_size == file->array.size_bytes)
        return 0;
    return bytes_ns(file->array.size_bytes, MAKING_BYTES_PER_MS);
}

static uint64_t launch_ns(const struct mm_plan *plan, const struct mm_plan_case *plan_case)
{
    if (plan_case->file == SIZE_MAX || plan_case->workload == &mm_command_workload)
        return MM_PLAN_COMMAND_ESTIMATE_NS;
    return mm_plan_estimate_launch_ns(plan_case, &plan->files[plan_case->file].array);
}

/* One launch of every case that has so many. */
static uint64_t round_ns(const struct mm_plan *plan, uint32_t round, uint64_t *launches)
{
    uint64_t total = 0;
    *launches = 0;
    for (size_t i = 0; i < plan->case_count; i++) {
        if (plan->cases[i].skip_reason || plan->cases[i].launches <= round)
            continue;
        total += launch_ns(plan, &plan->cases[i]);
        ++*launches;
    }
    return total;
}

/* Round after round, as the campaign does it. */
static uint64_t fit(const struct mm_plan *plan, uint64_t *launches)
{
    uint64_t total = 0;
    uint64_t of_round = 0;
    *launches = 0;
    for (size_t i = 0; i < plan->file_count; i++)
        total += making_ns(&plan->files[i]);
    for (uint32_t round = 0;; round++) {
        uint64_t more = round_ns(plan, round, &of_round);
        bool too_much =
            plan->budget_ns && round >= MM_PLAN_LEAST_LAUNCHES && total + more > plan->budget_ns;
        if (!of_round || too_much)
            return total;
        total += more;
        *launches += of_round;
    }
}

uint64_t mm_plan_estimate_ns(const struct mm_plan *plan)
{
    uint64_t launches;
    return fit(plan, &launches);
}

uint64_t mm_plan_launches_within_budget(const struct mm_plan *plan)
{
    uint64_t launches;
    fit(plan, &launches);
    return launches;
}
