/* mapmeter run --resume: the record of a folder and the plan that it has. */
#include <errno.h>
#include <stdlib.h>

#include "harness/cli/cli.h"

static size_t launches_planned(const struct mm_plan *plan)
{
    size_t planned = 0;
    for (size_t i = 0; i < plan->case_count; i++) {
        if (!plan->cases[i].skip_reason)
            planned += plan->cases[i].launches;
    }
    return planned;
}

bool mm_cli_resume_is_complete(const struct mm_record *record, const struct mm_plan *plan)
{
    const json_t *run = mm_record_run(record);
    return json_is_string(json_object_get(run, "finished_utc")) &&
           json_is_null(json_object_get(run, "interrupted")) &&
           json_array_size(mm_record_launches(record)) == launches_planned(plan);
}

/* Whether the command line says anything of what to measure, beside where it was. */
static bool says_more(const struct mm_plan_request *request)
{
    return request->budget || request->interval || request->suite || request->command ||
           request->file_count || request->workload_count || request->engine_count ||
           request->cache_count || request->parameter_count || request->plugin_count ||
           request->file || request->dtype || request->shape || request->offset_bytes ||
           request->allow_write || request->size || request->launches || request->has_seed ||
           request->event_count || request->measure_count || request->rate_count;
}

static int check_same(const struct mm_plan_request *request, const struct mm_record *record,
                      const struct mm_plan *recorded, struct mm_error *error)
{
    struct mm_plan_request seeded = *request;
    struct mm_plan *asked = NULL;
    if (!seeded.has_seed) {
        seeded.has_seed = true;
        seeded.seed = recorded->seed;
    }
    int status = mm_plan_make(&seeded, &asked, error);
    if (!status)
        status = mm_plan_same_as_record(asked, mm_record_run(record), mm_record_files(record),
                                        mm_record_cases(record), error);
    mm_plan_free(asked);
    return status;
}

int mm_cli_resume_load(const char *folder, const struct mm_plan_request *request,
                       struct mm_record **record, struct mm_plan **plan, struct mm_error *error)
{
    struct mm_record *loaded = NULL;
    struct mm_plan *recorded = NULL;
    int status = mm_record_load(folder, &loaded, error);
    if (status == -ENOENT)
        mm_error_set(error, status, "there is no results.json to go on from; begin a new run");
    if (!status)
        status = mm_plan_from_record(mm_record_run(loaded), mm_record_files(loaded),
                                     mm_record_cases(loaded), &recorded, error);
    if (!status && says_more(request))
        status = check_same(request, loaded, recorded, error);
    if (status) {
        mm_error_prefix(error, "--resume %s", folder);
        mm_record_free(loaded);
        mm_plan_free(recorded);
        return status;
    }
    *record = loaded;
    *plan = recorded;
    return 0;
}
