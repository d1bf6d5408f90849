/* The plan of a whole command: one case for each cache state of its files. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"
#include "common/units.h"
#include "harness/command.h"
#include "harness/plan_internal.h"

/* Nobody knows how long a command takes; one that hangs shall not hold up the run for ever. */
#define COMMAND_TIMEOUT_NS (UINT64_C(3600) * MM_NANOSECONDS_PER_SECOND)

static int no_memory(struct mm_error *error)
{
    return mm_error_set(error, -ENOMEM, "not enough memory");
}

const char *mm_plan_cache_text(const struct mm_plan_case *plan_case)
{
    return plan_case->workload == &mm_command_workload && plan_case->file == SIZE_MAX
               ? MM_PLAN_AS_FOUND
               : mm_cache_state_name(plan_case->cache);
}

static int add_file(struct mm_plan *plan, const char *name, struct mm_error *error)
{
    struct stat state;
    struct mm_plan_file *file = &plan->files[plan->file_count];
    if (stat(name, &state) || access(name, R_OK))
        return mm_error_set(error, -EINVAL, "--file %s: %s", name, strerror(errno));
    if (!S_ISREG(state.st_mode) || !state.st_size)
        return mm_error_set(error, -EINVAL, "--file %s: %s", name,
                            S_ISREG(state.st_mode) ? "the file is empty" : "not a regular file");
    *file = (struct mm_plan_file){
        .path = realpath(name, NULL),
        .array = {.dtype = "|u1",
                  .item_bytes = 1,
                  .dimensions = 1,
                  .shape = {(uint64_t)state.st_size},
                  .size_bytes = (uint64_t)state.st_size},
    };
    if (!file->path)
        return no_memory(error);
    plan->file_count++;
    for (size_t i = 0; i + 1 < plan->file_count; i++) {
        if (!strcmp(plan->files[i].path, file->path))
            return mm_error_set(error, -EINVAL, "--file %s: is given twice", name);
    }
    return 0;
}

static int set_skip(const struct mm_plan *plan, struct mm_plan_case *plan_case,
                    struct mm_error *error)
{
    const char *why = NULL;
    for (size_t i = 0; i < plan->file_count && plan_case->cache == MM_CACHE_COLD; i++) {
        if (!mm_cache_is_memory_file_system(plan->files[i].path, &why))
            continue;
        plan_case->skip_reason = mm_text_format("cold is not to be had here: %s", why);
        return plan_case->skip_reason ? 0 : no_memory(error);
    }
    return 0;
}

static int add_case(struct mm_plan_builder *builder, enum mm_cache_state cache, bool counters_off)
{
    const struct mm_plan_request *request = builder->request;
    struct mm_plan *plan = builder->plan;
    struct mm_plan_case *plan_case = &plan->cases[plan->case_count];
    uint64_t size_bytes = 0;
    int status =
        mm_plan_case_begin(&mm_command_workload, &mm_command_engine, plan_case, builder->error);
    if (status)
        return status;
    plan->case_count++;
    plan_case->cache = cache;
    plan_case->counters_off = counters_off;
    plan_case->file = plan->file_count ? 0 : SIZE_MAX;
    plan_case->launches = request->launches ? request->launches : MM_PLAN_DEFAULT_LAUNCHES;
    plan_case->samples = 1;
    plan_case->iterations = 1;
    plan_case->timeout_ns = COMMAND_TIMEOUT_NS;
    status = mm_plan_request_interval(request, plan_case, builder->error);
    if (status)
        return status;
    status = mm_plan_case_set(plan_case, &mm_command_workload.parameters[0], request->command,
                              builder->error);
    if (!status)
        status = mm_plan_case_needs(plan_case, &plan->files[0].array, builder->error);
    if (status) {
        mm_error_prefix(builder->error, "--command");
        return status;
    }
    for (size_t i = 0; i < plan->file_count; i++)
        size_bytes += plan->files[i].array.size_bytes;
    plan_case->name = mm_plan_case_name(plan_case, size_bytes);
    if (!plan_case->name)
        return no_memory(builder->error);
    return set_skip(plan, plan_case, builder->error);
}

/* With its twin where the cost of counting is asked for; what is skipped needs none. */
static int add_twins(struct mm_plan_builder *builder, enum mm_cache_state cache)
{
    const struct mm_plan *plan = builder->plan;
    int status = add_case(builder, cache, false);
    if (!status && builder->request->counter_overhead &&
        !plan->cases[plan->case_count - 1].skip_reason)
        status = add_case(builder, cache, true);
    return status;
}

/* What only makes sense for arrays. */
static int check_request(const struct mm_plan_request *request, struct mm_error *error)
{
    const struct {
        bool given;
        const char *option;
    } others[] = {
        {request->suite != NULL, "a suite"},        {request->workload_count != 0, "--workload"},
        {request->plugin_count != 0, "--plugin"},   {request->engine_count != 0, "--engine"},
        {request->parameter_count != 0, "-p"},      {request->dtype != NULL, "--dtype"},
        {request->shape != NULL, "--shape"},        {request->offset_bytes != 0, "--offset"},
        {request->allow_write, "--allow-write"},    {request->size != NULL, "--size"},
        {request->measure_count != 0, "--measure"}, {request->rate_count != 0, "--rate"},
    };
    for (size_t i = 0; i < MM_COUNT_OF(others); i++) {
        if (others[i].given)
            return mm_error_set(error, -EINVAL, "--command and %s exclude each other",
                                others[i].option);
    }
    if (request->cache_count && !request->file_count)
        return mm_error_set(error, -EINVAL,
                            "--cache: name by --file the files whose state in the page cache is "
                            "meant");
    return 0;
}

/* Cold and warm unless the command line selects. */
static int choose_caches(const struct mm_plan_request *request, enum mm_cache_state *caches,
                         size_t *count, struct mm_error *error)
{
    static const enum mm_cache_state known[] = {MM_CACHE_COLD, MM_CACHE_WARM};
    *count = 0;
    for (size_t i = 0; i < MM_COUNT_OF(known); i++) {
        if (mm_plan_names(request->caches, request->cache_count, mm_cache_state_name(known[i])))
            caches[(*count)++] = known[i];
    }
    return *count ? 0
                  : mm_error_set(error, -EINVAL, "--cache: a command can have cold and warm files");
}

int mm_plan_command(struct mm_plan_builder *builder)
{
    const struct mm_plan_request *request = builder->request;
    struct mm_plan *plan = builder->plan;
    enum mm_cache_state caches[2] = {MM_CACHE_WARM};
    size_t cache_count = 1;
    int status = check_request(request, builder->error);
    if (!status)
        status = mm_plan_check_selection(builder);
    plan->suite = strdup(MM_PLAN_COMMAND_LINE);
    plan->purpose = strdup("a whole command");
    plan->files = calloc(request->file_count + 1, sizeof(*plan->files));
    plan->cases = calloc(2 * MM_COUNT_OF(caches), sizeof(*plan->cases));
    builder->case_where = calloc(2 * MM_COUNT_OF(caches), sizeof(char *));
    if (!status &&
        (!plan->suite || !plan->purpose || !plan->files || !plan->cases || !builder->case_where))
        status = no_memory(builder->error);
    for (size_t i = 0; i < request->file_count && !status; i++)
        status = add_file(plan, request->files[i], builder->error);
    if (!status && request->file_count)
        status = choose_caches(request, caches, &cache_count, builder->error);
    for (size_t i = 0; i < cache_count && !status; i++)
        status = add_twins(builder, caches[i]);
    if (!status)
        status = mm_plan_read_budget(request, NULL, &plan->budget_ns, builder->error);
    plan->estimated_ns = mm_plan_estimate_ns(plan);
    return status;
}
