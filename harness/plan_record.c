/* The plan that a record holds, for completing its run. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "harness/command.h"
#include "harness/plan_internal.h"

static int no_memory(struct mm_error *error)
{
    return mm_error_set(error, -ENOMEM, "not enough memory");
}

static int read_head(const json_t *run, struct mm_plan *plan, struct mm_error *error)
{
    const char *path = json_string_value(json_object_get(run, "suite_path"));
    const json_t *budget = json_object_get(run, "budget");
    plan->budget_ns = (uint64_t)json_integer_value(json_object_get(budget, "budget_ns"));
    if (mm_text_parse_hex(json_string_value(json_object_get(run, "seed")), &plan->seed))
        return mm_error_set(error, -EINVAL, "run.seed: not hex text");
    plan->suite = strdup(json_string_value(json_object_get(run, "suite")));
    plan->suite_path = path ? strdup(path) : NULL;
    plan->purpose = strdup(json_string_value(json_object_get(run, "purpose")));
    return plan->suite && plan->purpose && (plan->suite_path || !path) ? 0 : no_memory(error);
}

static int read_files(const json_t *files, struct mm_plan *plan, struct mm_error *error)
{
    size_t index;
    const json_t *node;
    json_array_foreach(files, index, node)
    {
        int status = mm_plan_file_from_json(node, &plan->files[index], error);
        if (status) {
            mm_error_prefix(error, "files[%zu]", index);
            return status;
        }
        plan->file_count++;
    }
    return 0;
}

/* The place of the file with this id; the record was checked, so there is one. */
static size_t find_file(const json_t *files, const char *id)
{
    size_t index;
    const json_t *node;
    json_array_foreach(files, index, node)
    {
        if (!strcmp(json_string_value(json_object_get(node, "id")), id))
            return index;
    }
    return SIZE_MAX;
}

static int read_case(const json_t *node, const json_t *files, struct mm_plan *plan,
                     struct mm_error *error)
{
    struct mm_plan_case *plan_case = &plan->cases[plan->case_count];
    struct mm_plan_file unwanted = {0};
    if (!json_is_null(json_object_get(node, "skipped")))
        return mm_plan_skipped_from_json(node, plan_case, error);
    if (!strcmp(json_string_value(json_object_get(node, "workload")), mm_command_workload.name)) {
        int status = mm_plan_case_from_json(node, files, plan_case, &unwanted, error);
        mm_plan_file_release(&unwanted);
        return status;
    }
    size_t file = find_file(files, json_string_value(json_object_get(node, "file")));
    if (file >= plan->file_count)
        return mm_error_set(error, -EINVAL, "its file is not in the record");
    int status =
        mm_plan_case_from_json(node, json_array_get(files, file), plan_case, &unwanted, error);
    if (status)
        return status;
    mm_plan_file_release(&unwanted);
    plan_case->file = file;
    plan->files[file].writable |= plan_case->needs.writes;
    return 0;
}

static int read_cases(const json_t *cases, const json_t *files, struct mm_plan *plan,
                      struct mm_error *error)
{
    size_t index;
    const json_t *node;
    json_array_foreach(cases, index, node)
    {
        int status = read_case(node, files, plan, error);
        if (status) {
            mm_error_prefix(error, "cases[%zu]", index);
            return status;
        }
        plan->case_count++;
    }
    return 0;
}

int mm_plan_from_record(const json_t *run, const json_t *files, const json_t *cases,
                        struct mm_plan **plan, struct mm_error *error)
{
    struct mm_plan *made = calloc(1, sizeof(*made));
    if (!made)
        return no_memory(error);
    made->files = calloc(json_array_size(files) + 1, sizeof(*made->files));
    made->cases = calloc(json_array_size(cases) + 1, sizeof(*made->cases));
    int status = made->files && made->cases ? 0 : no_memory(error);
    if (!status)
        status = read_head(run, made, error);
    if (!status)
        status = read_files(files, made, error);
    if (!status)
        status = read_cases(cases, files, made, error);
    if (status) {
        mm_plan_free(made);
        return status;
    }
    made->estimated_ns = mm_plan_estimate_ns(made);
    *plan = made;
    return 0;
}

/* What a plan says of a file; the facts of the file system came later. */
static bool same_file(const json_t *planned, const json_t *recorded)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)planned, name, value)
    {
        if (!json_equal(value, json_object_get(recorded, name)))
            return false;
    }
    return true;
}

static int compare_files(const json_t *planned, const json_t *recorded, struct mm_error *error)
{
    for (size_t i = 0; i < json_array_size(planned); i++) {
        const json_t *file = json_array_get(planned, i);
        if (!same_file(file, json_array_get(recorded, i)))
            return mm_error_set(error, -EINVAL, "another plan: it works on other data than %s",
                                json_string_value(json_object_get(file, "path")));
    }
    return 0;
}

/* What a budget has left of the launches is no difference. */
static int compare_cases(const json_t *planned, const json_t *recorded, bool budget,
                         struct mm_error *error)
{
    if (json_array_size(planned) != json_array_size(recorded))
        return mm_error_set(error, -EINVAL, "another plan: it has %zu cases, not %zu",
                            json_array_size(recorded), json_array_size(planned));
    for (size_t i = 0; i < json_array_size(planned); i++) {
        const json_t *wanted = json_array_get(planned, i);
        const json_t *found = json_array_get(recorded, i);
        const char *name;
        json_t *value;
        json_object_foreach((json_t *)wanted, name, value)
        {
            if (budget && !strcmp(name, "launches_planned"))
                continue;
            if (!json_equal(value, json_object_get(found, name)))
                return mm_error_set(error, -EINVAL, "another plan: case %s has another '%s'",
                                    json_string_value(json_object_get(found, "name")), name);
        }
    }
    return 0;
}

int mm_plan_same_as_record(const struct mm_plan *plan, const json_t *run, const json_t *files,
                           const json_t *cases, struct mm_error *error)
{
    const char *suite = json_string_value(json_object_get(run, "suite"));
    uint64_t seed = 0;
    if (strcmp(plan->suite, suite))
        return mm_error_set(error, -EINVAL, "another suite: it is of '%s', not of '%s'", suite,
                            plan->suite);
    if (mm_text_parse_hex(json_string_value(json_object_get(run, "seed")), &seed) ||
        seed != plan->seed)
        return mm_error_set(error, -EINVAL, "another seed: it has %s",
                            json_string_value(json_object_get(run, "seed")));
    const json_t *budget = json_object_get(json_object_get(run, "budget"), "budget_ns");
    if ((uint64_t)json_integer_value(budget) != plan->budget_ns)
        return mm_error_set(error, -EINVAL, "another plan: its budget is not the same");
    json_t *planned_files = mm_plan_files_to_json(plan);
    json_t *planned_cases = mm_plan_cases_to_json(plan);
    int status = planned_files && planned_cases ? 0 : no_memory(error);
    if (!status)
        status = compare_cases(planned_cases, cases, plan->budget_ns != 0, error);
    if (!status)
        status = compare_files(planned_files, files, error);
    json_decref(planned_files);
    json_decref(planned_cases);
    return status;
}
