/* Going on with a run: the same program on the same machine, and which launches are there. */
#include "harness/campaigns/resume.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The revision of a working tree says little, but the bytes of the program say all. */
static int check_program(const json_t *recorded, const json_t *program, struct mm_error *error)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)program, name, value)
    {
        const json_t *was = json_object_get(recorded, name);
        if (!json_equal(was, value)) {
            return mm_error_set(error, -EINVAL,
                                "it was measured by another mapmeter: %s is %s now and was %s; its "
                                "launches cannot stand beside those of this one",
                                name, json_string_value(value),
                                was == NULL ? "not recorded" : json_string_value(was));
        }
    }
    return 0;
}

int mm_resume_check(const struct mm_record *record, const json_t *program,
                    const json_t *environment, struct mm_error *error)
{
    int code = check_program(json_object_get(mm_record_run(record), "mapmeter"), program, error);

    if (code < 0) {
        return code;
    }
    if (!json_equal(json_object_get(mm_record_environment(record), "fingerprint"),
                    json_object_get(environment, "fingerprint"))) {
        return mm_error_set(error, -EINVAL,
                            "it was measured on another machine, or under another kernel: the "
                            "fingerprints differ");
    }
    return 0;
}

/* The place of the case with this id in the plan, which has the order of the record. */
static size_t find_case(const struct mm_record *record, const char *id)
{
    size_t index;
    const json_t *node;

    json_array_foreach(mm_record_cases(record), index, node)
    {
        if (strcmp(json_string_value(json_object_get(node, "id")), id) == 0) {
            return index;
        }
    }
    return SIZE_MAX;
}

static size_t find_launch(const struct mm_plan_launch *order, size_t count, size_t case_index,
                          uint64_t launch_index)
{
    for (size_t i = 0; i < count; i++) {
        if (order[i].case_index == case_index && order[i].launch_index == launch_index) {
            return i;
        }
    }
    return SIZE_MAX;
}

int mm_resume_mark_done(const struct mm_record *record, const struct mm_plan *plan,
                        const struct mm_plan_launch *order, size_t count, bool *done,
                        struct mm_error *error)
{
    size_t index;
    const json_t *launch;

    json_array_foreach(mm_record_launches(record), index, launch)
    {
        size_t of_case = find_case(record, json_string_value(json_object_get(launch, "case")));
        size_t order_place = (size_t)json_integer_value(json_object_get(launch, "order"));
        uint64_t number = (uint64_t)json_integer_value(json_object_get(launch, "index"));
        /* The same seed has given the same order. */
        bool in_place = order_place < count && order[order_place].case_index == of_case &&
                        order[order_place].launch_index == number;
        size_t place = in_place ? order_place : find_launch(order, count, of_case, number);
        if (place == SIZE_MAX || of_case >= plan->case_count) {
            return mm_error_set(error, -EPROTO, "launches[%zu]: not one of the plan", index);
        }
        done[place] = true;
    }
    return 0;
}

uint64_t mm_resume_time_ns(const struct mm_record *record)
{
    size_t index;
    const json_t *launch;
    uint64_t latest_ns = 0;

    json_array_foreach(mm_record_launches(record), index, launch)
    {
        uint64_t ended_ns = (uint64_t)json_integer_value(json_object_get(launch, "started_ns")) +
                            (uint64_t)json_integer_value(json_object_get(launch, "elapsed_ns"));
        latest_ns = ended_ns > latest_ns ? ended_ns : latest_ns;
    }
    return latest_ns;
}
