/* How long a run will take, roughly: for the line that people read before they start it. */
#include <stdlib.h>
#include <string.h>
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
#define DEVICE_READ_NS        100000.0 /* of one page */
#define WARM_RANDOM_ITEM_NS   100.0
#define PAGE_BYTES            4096.0
/* Beyond it the device takes no more at once. */
#define DEVICE_READS_AT_ONCE 16.0
#define NS_PER_MS            UINT64_C(1000000)

static uint64_t bytes_ns(uint64_t bytes, uint64_t bytes_per_ms)
{
    return (uint64_t)((double)bytes / (double)bytes_per_ms * (double)NS_PER_MS);
}

static const char *parameter_text(const struct mm_plan_case *plan_case, const char *name)
{
    const char *text = json_string_value(json_object_get(plan_case->parameters, name));
    return text ? text : "";
}

/* How much one miss brings: a page, or with a map that was not advised otherwise what the kernel
 * reads around it. */
static double miss_bytes(const struct mm_plan_case *plan_case, uint64_t read_ahead_bytes)
{
    bool mapped = plan_case->engine->capabilities & MM_ENGINE_IN_PLACE;
    bool around = mapped && strcmp(parameter_text(plan_case, "advice"), "random") != 0;
    return around && (double)read_ahead_bytes > PAGE_BYTES ? (double)read_ahead_bytes : PAGE_BYTES;
}

static double miss_ns(const struct mm_plan_case *plan_case, uint64_t read_ahead_bytes)
{
    double transfer_ns =
        miss_bytes(plan_case, read_ahead_bytes) / (double)DISK_BYTES_PER_MS * (double)NS_PER_MS;
    double depth = strtod(parameter_text(plan_case, "queue-depth"), NULL);
    if (depth > DEVICE_READS_AT_ONCE)
        depth = DEVICE_READS_AT_ONCE;
    double read_ns = depth > 1 ? DEVICE_READ_NS / depth : DEVICE_READ_NS;
    return transfer_ns > read_ns ? transfer_ns : read_ns;
}

/* How many of the items the device has to deliver: past the page cache all of them, under pressure
 * the share that is not in memory, of a cold file no more than there is of it. */
static double misses(const struct mm_plan_case *plan_case, const struct mm_array *array,
                     uint64_t read_ahead_bytes)
{
    double items = (double)plan_case->needs.items_per_pass;
    double size_bytes = (double)array->size_bytes;
    const struct mm_engine *engine = plan_case->engine;
    if (engine->bypasses_cache && engine->bypasses_cache(plan_case->engine_options))
        return items;
    if (plan_case->cache == MM_CACHE_PRESSURE)
        return items * (1 - (double)plan_case->memory_limit_bytes / size_bytes);
    if (plan_case->cache != MM_CACHE_COLD)
        return 0;
    double all = 2 * size_bytes / miss_bytes(plan_case, read_ahead_bytes);
    return items < all ? items : all;
}

/* One pass: the bytes at the speed of the disk or of memory, or the items one by one. */
static uint64_t pass_ns(const struct mm_plan_case *plan_case, const struct mm_array *array,
                        uint64_t read_ahead_bytes)
{
    const struct mm_workload_needs *needs = &plan_case->needs;
    /* Pressure throws out what is read: it comes from storage again and again. */
    bool cold = plan_case->cache == MM_CACHE_COLD || plan_case->cache == MM_CACHE_PRESSURE;
    uint64_t whole = bytes_ns(needs->bytes_per_pass, MEMORY_BYTES_PER_MS);
    if (cold || needs->writes)
        whole += bytes_ns(needs->bytes_per_pass, DISK_BYTES_PER_MS);
    if (needs->pattern != MM_PATTERN_RANDOM)
        return whole;
    return (uint64_t)((double)needs->items_per_pass * WARM_RANDOM_ITEM_NS +
                      misses(plan_case, array, read_ahead_bytes) *
                          miss_ns(plan_case, read_ahead_bytes));
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
                                    const struct mm_array *array, uint64_t read_ahead_bytes)
{
    uint64_t once_ns = pass_ns(plan_case, array, read_ahead_bytes);
    uint64_t total =
        START_NS + plan_case->samples * (plan_case->warmup_passes * once_ns +
                                         plan_case->iterations * paced_ns(plan_case, once_ns));
    if (plan_case->cache == MM_CACHE_PRESSURE && !plan_case->fill)
        total += bytes_ns(array->size_bytes, DISK_BYTES_PER_MS);
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
    return mm_plan_estimate_launch_ns(plan_case, &plan->files[plan_case->file].array,
                                      plan->read_ahead_bytes);
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
