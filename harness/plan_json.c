/* Cases and files as members of a record, and back. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "harness/command.h"
#include "harness/counters.h"
#include "harness/latency.h"
#include "harness/plan_internal.h"

#define ID_BYTES 24

static int no_memory(struct mm_error *error)
{
    return mm_error_set(error, -ENOMEM, "not enough memory");
}

static char *write_id(char kind, size_t index, char id[ID_BYTES])
{
    snprintf(id, ID_BYTES, "%c%zu", kind, index);
    return id;
}

static json_t *pressure_to_json(const struct mm_plan_case *plan_case)
{
    if (plan_case->cache != MM_CACHE_PRESSURE)
        return NULL;
    return json_pack("{s:I, s:s}", "memory_limit_bytes", (json_int_t)plan_case->memory_limit_bytes,
                     "stage", plan_case->fill ? "fill" : "steady");
}

static json_t *rate_to_json(const struct mm_plan_case *plan_case)
{
    return plan_case->rate ? json_integer((json_int_t)plan_case->rate) : NULL;
}

/* Absent where it is as ever. */
static json_t *interval_to_json(const struct mm_plan_case *plan_case)
{
    return plan_case->interval_ns == MM_PLAN_INTERVAL_NS
               ? NULL
               : json_integer((json_int_t)plan_case->interval_ns);
}

static json_t *case_to_json(const struct mm_plan_case *plan_case, size_t index)
{
    char id[ID_BYTES];
    char file[ID_BYTES];
    const struct mm_workload_needs *needs = &plan_case->needs;
    bool has_file = plan_case->file != SIZE_MAX;
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:O, s:s?, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:I, s:I, s:I, "
        "s:s?, s:s*, s:o*, s:O*, s:s*, s:s*, s:o*, s:o*}",
        "id", write_id('c', index, id), "name", plan_case->name, "workload",
        plan_case->workload->name, "engine", plan_case->engine->name, "cache",
        mm_plan_cache_text(plan_case), "parameters", plan_case->parameters, "file",
        has_file ? write_id('f', plan_case->file, file) : NULL, "launches_planned",
        (json_int_t)plan_case->launches, "samples_per_launch", (json_int_t)plan_case->samples,
        "iterations", (json_int_t)plan_case->iterations, "warmup_passes",
        (json_int_t)plan_case->warmup_passes, "processes",
        (json_int_t)(needs->processes ? needs->processes : 1), "writes", needs->writes, "flushes",
        needs->flushes, "bytes_per_pass", (json_int_t)needs->bytes_per_pass, "items_per_pass",
        (json_int_t)needs->items_per_pass, "timeout_ns", (json_int_t)plan_case->timeout_ns,
        "skipped", plan_case->skip_reason, "plugin",
        plan_case->plugin ? mm_plugin_path(plan_case->plugin) : NULL, "pressure",
        pressure_to_json(plan_case), "events", plan_case->events, "counting",
        plan_case->counters_off ? "off" : NULL, "measure",
        plan_case->measures_latency ? mm_plan_measure_text(plan_case) : NULL, "rate",
        rate_to_json(plan_case), "interval_ns", interval_to_json(plan_case));
}

json_t *mm_plan_cases_to_json(const struct mm_plan *plan)
{
    json_t *list = json_array();
    for (size_t i = 0; i < plan->case_count && list; i++) {
        if (json_array_append_new(list, case_to_json(&plan->cases[i], i))) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static json_t *shape_to_json(const struct mm_array *array)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < array->dimensions && list; i++) {
        if (json_array_append_new(list, json_integer((json_int_t)array->shape[i]))) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static json_t *file_to_json(const struct mm_plan_file *file, size_t index)
{
    char id[ID_BYTES];
    char seed[MM_TEXT_HEX_BYTES];
    const struct mm_array *array = &file->array;
    return json_pack("{s:s, s:s, s:b, s:s?, s:s, s:o, s:b, s:I, s:I}", "id",
                     write_id('f', index, id), "path", file->path, "generated", file->generated,
                     "seed", file->generated ? mm_text_write_hex(file->seed, seed) : NULL, "dtype",
                     array->dtype, "shape", shape_to_json(array), "fortran_order",
                     array->fortran_order, "offset_bytes", (json_int_t)array->offset_bytes,
                     "size_bytes", (json_int_t)array->size_bytes);
}

json_t *mm_plan_files_to_json(const struct mm_plan *plan)
{
    json_t *list = json_array();
    for (size_t i = 0; i < plan->file_count && list; i++) {
        if (json_array_append_new(list, file_to_json(&plan->files[i], i))) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

/* A whole number from minimum up. */
static int read_number(const json_t *object, const char *key, uint64_t minimum, uint64_t maximum,
                       uint64_t *number, struct mm_error *error)
{
    const json_t *node = json_object_get(object, key);
    json_int_t value = json_integer_value(node);
    if (!json_is_integer(node) || value < 0 || (uint64_t)value < minimum ||
        (uint64_t)value > maximum)
        return mm_error_set(error, -EINVAL,
                            "the member '%s' is not a whole number from %" PRIu64 " to %" PRIu64,
                            key, minimum, maximum);
    *number = (uint64_t)value;
    return 0;
}

static int read_text(const json_t *object, const char *key, const char **text,
                     struct mm_error *error)
{
    const json_t *node = json_object_get(object, key);
    if (!json_is_string(node))
        return mm_error_set(error, -EINVAL, "the member '%s' is not a text", key);
    *text = json_string_value(node);
    return 0;
}

static int read_flag(const json_t *object, const char *key, bool *flag, struct mm_error *error)
{
    const json_t *node = json_object_get(object, key);
    if (!json_is_boolean(node))
        return mm_error_set(error, -EINVAL, "the member '%s' is not true or false", key);
    *flag = json_is_true(node);
    return 0;
}

static int read_shape(const json_t *object, struct mm_array *array, struct mm_error *error)
{
    const json_t *list = json_object_get(object, "shape");
    size_t dimensions = json_array_size(list);
    if (!dimensions || dimensions > MM_ARRAY_DIMENSIONS)
        return mm_error_set(error, -EINVAL, "the member 'shape' is not a list of 1 to %d numbers",
                            MM_ARRAY_DIMENSIONS);
    uint64_t bytes = array->item_bytes;
    for (size_t i = 0; i < dimensions; i++) {
        json_int_t length = json_integer_value(json_array_get(list, i));
        if (length <= 0 || __builtin_mul_overflow(bytes, (uint64_t)length, &bytes))
            return mm_error_set(error, -EINVAL, "the member 'shape' has a length that is no count");
        array->shape[i] = (uint64_t)length;
    }
    if (bytes != array->size_bytes)
        return mm_error_set(error, -EINVAL,
                            "the member 'size_bytes' is %" PRIu64 ", but shape and dtype give "
                            "%" PRIu64,
                            array->size_bytes, bytes);
    array->dimensions = (uint32_t)dimensions;
    return 0;
}

/* The bytes of one item of a numpy descr: the number at its end, "<f8"; 0 for anything else. */
static uint32_t item_bytes_of(const char *dtype)
{
    const char *digits = dtype + strcspn(dtype, "0123456789");
    if (!*digits || strlen(digits) > 4 || digits[strspn(digits, "0123456789")])
        return 0;
    return (uint32_t)strtoul(digits, NULL, 10);
}

static int read_array(const json_t *object, struct mm_array *array, struct mm_error *error)
{
    const char *dtype = NULL;
    int status = read_text(object, "dtype", &dtype, error);
    if (status)
        return status;
    *array = (struct mm_array){.item_bytes = item_bytes_of(dtype)};
    if (!array->item_bytes || strlen(dtype) >= MM_ARRAY_DTYPE_BYTES)
        return mm_error_set(error, -EINVAL, "the dtype '%s' is not one of numpy", dtype);
    strcpy(array->dtype, dtype);
    status = read_flag(object, "fortran_order", &array->fortran_order, error);
    if (!status)
        status = read_number(object, "offset_bytes", 0, INT64_MAX, &array->offset_bytes, error);
    if (!status)
        status = read_number(object, "size_bytes", 1, INT64_MAX, &array->size_bytes, error);
    if (!status)
        status = read_shape(object, array, error);
    return status;
}

int mm_plan_file_from_json(const json_t *object, struct mm_plan_file *file, struct mm_error *error)
{
    const char *path = NULL;
    const char *seed = NULL;
    int status = read_text(object, "path", &path, error);
    if (!status)
        status = read_flag(object, "generated", &file->generated, error);
    if (!status && file->generated) {
        status = read_text(object, "seed", &seed, error);
        if (!status && mm_text_parse_hex(seed, &file->seed))
            status = mm_error_set(error, -EINVAL, "the member 'seed' is not 16 hex digits");
    }
    if (!status)
        status = read_array(object, &file->array, error);
    if (status)
        return status;
    file->path = strdup(path);
    return file->path ? 0 : no_memory(error);
}

static int read_parameters(const json_t *object, struct mm_plan_case *plan_case,
                           struct mm_error *error)
{
    const char *name;
    json_t *value;
    json_t *parameters = json_object_get(object, "parameters");
    if (!json_is_object(parameters))
        return mm_error_set(error, -EINVAL, "the member 'parameters' is not an object");
    json_object_foreach(parameters, name, value)
    {
        const struct mm_parameter *parameter =
            mm_plan_parameter(plan_case->workload, plan_case->engine, name);
        if (!parameter) {
            struct mm_plan_scope scope = {.workloads = &plan_case->workload,
                                          .workload_count = 1,
                                          .engines = &plan_case->engine,
                                          .engine_count = 1};
            return mm_plan_unknown_parameter(&scope, name, error);
        }
        if (!json_is_string(value))
            return mm_error_set(error, -EINVAL, "the parameter '%s' is not a text", name);
        int status = mm_plan_case_set(plan_case, parameter, json_string_value(value), error);
        if (status)
            return status;
    }
    return 0;
}

static int read_counts(const json_t *object, struct mm_plan_case *plan_case, struct mm_error *error)
{
    uint64_t launches = 0;
    uint64_t samples = 0;
    uint64_t warmup = 0;
    int status = read_number(object, "launches_planned", 1, MM_PLAN_LAUNCH_LIMIT, &launches, error);
    if (!status)
        status =
            read_number(object, "samples_per_launch", 1, MM_PLAN_SAMPLE_LIMIT, &samples, error);
    if (!status)
        status = read_number(object, "iterations", 1, MM_PLAN_ITERATION_LIMIT,
                             &plan_case->iterations, error);
    if (!status)
        status = read_number(object, "warmup_passes", 0, MM_PLAN_WARMUP_LIMIT, &warmup, error);
    if (!status)
        status = read_number(object, "timeout_ns", 1, INT64_MAX, &plan_case->timeout_ns, error);
    if (!status && json_object_get(object, "interval_ns"))
        status = read_number(object, "interval_ns", 0, INT64_MAX, &plan_case->interval_ns, error);
    plan_case->launches = (uint32_t)launches;
    plan_case->samples = (uint32_t)samples;
    plan_case->warmup_passes = (uint32_t)warmup;
    return status;
}

/* The workload of that name, built in or of the plug-in that the case names; *plugin is held. */
static int read_workload(const json_t *object, const struct mm_workload **workload,
                         struct mm_plugin **plugin, struct mm_error *error)
{
    const struct mm_plan nothing_plugged_in = {0};
    const char *name = NULL;
    const char *path = NULL;
    int status = read_text(object, "workload", &name, error);
    if (status)
        return status;
    if (!strcmp(name, mm_command_workload.name)) {
        *workload = &mm_command_workload;
        return 0;
    }
    if (!json_object_get(object, "plugin"))
        return mm_plan_find_workload(&nothing_plugged_in, name, workload, error);
    status = read_text(object, "plugin", &path, error);
    if (!status)
        status = mm_plugin_open(path, plugin, error);
    if (status)
        return status;
    *workload = mm_plugin_workload(*plugin);
    if (strcmp((*workload)->name, name))
        return mm_error_set(error, -EINVAL, "plug-in %s: its workload is '%s', but was '%s'", path,
                            (*workload)->name, name);
    return 0;
}

static int read_events(const json_t *object, struct mm_plan_case *plan_case, struct mm_error *error)
{
    json_t *events = json_object_get(object, "events");
    size_t index;
    const json_t *event;
    if (json_array_size(events) > MM_COUNTERS_EVENTS_MAX)
        return mm_error_set(error, -EINVAL, "the member 'events' has too many names");
    json_array_foreach(events, index, event)
    {
        if (!json_is_string(event))
            return mm_error_set(error, -EINVAL, "the member 'events' is not a list of texts");
    }
    plan_case->events = json_incref(events);
    return 0;
}

static int read_pressure(const json_t *object, struct mm_plan_case *plan_case,
                         struct mm_error *error)
{
    const json_t *pressure = json_object_get(object, "pressure");
    const char *stage = NULL;
    if (plan_case->cache != MM_CACHE_PRESSURE)
        return 0;
    int status = read_number(pressure, "memory_limit_bytes", 0, INT64_MAX,
                             &plan_case->memory_limit_bytes, error);
    if (!status)
        status = read_text(pressure, "stage", &stage, error);
    if (status)
        return status;
    plan_case->fill = !strcmp(stage, "fill");
    if (!plan_case->fill && strcmp(stage, "steady"))
        return mm_error_set(error, -EINVAL, "the stage '%s' is not fill or steady", stage);
    return 0;
}

static int read_counting(const json_t *object, struct mm_plan_case *plan_case,
                         struct mm_error *error)
{
    const char *counting = NULL;
    if (!json_object_get(object, "counting"))
        return 0;
    int status = read_text(object, "counting", &counting, error);
    if (!status && strcmp(counting, "off"))
        status = mm_error_set(error, -EINVAL, "the member 'counting' is '%s', not off", counting);
    plan_case->counters_off = !status;
    return status;
}

static int read_measure(const json_t *object, struct mm_plan_case *plan_case,
                        struct mm_error *error)
{
    const char *measure = NULL;
    int status = 0;
    if (json_object_get(object, "measure")) {
        status = read_text(object, "measure", &measure, error);
        if (!status)
            status = mm_plan_parse_measure(measure, &plan_case->measures_latency, error);
    }
    if (!status && json_object_get(object, "rate"))
        status = read_number(object, "rate", 1, MM_LATENCY_RATE_LIMIT, &plan_case->rate, error);
    return status;
}

/* Who is measured and how: workload, engine, cache state, name, and the defaults of all options. */
static int begin_case(const json_t *object, struct mm_plan_case *plan_case, struct mm_error *error)
{
    const char *name = NULL;
    const char *engine_name = NULL;
    const char *cache_name = NULL;
    const struct mm_workload *workload = NULL;
    const struct mm_engine *engine = NULL;
    struct mm_plugin *plugin = NULL;
    int status = read_text(object, "name", &name, error);
    if (!status)
        status = read_text(object, "engine", &engine_name, error);
    if (!status)
        status = read_text(object, "cache", &cache_name, error);
    if (!status)
        status = read_workload(object, &workload, &plugin, error);
    bool command = !status && workload == &mm_command_workload;
    if (command)
        engine = &mm_command_engine;
    else if (!status)
        status = mm_plan_find_engine(engine_name, &engine, error);
    if (!status)
        status = mm_plan_case_begin(workload, engine, plan_case, error);
    /* Released with the case, which is empty where it could not be begun. */
    plan_case->plugin = plugin;
    if (!status && command && !strcmp(cache_name, MM_PLAN_AS_FOUND))
        plan_case->cache = MM_CACHE_WARM;
    else if (!status)
        status = mm_cache_state_parse(cache_name, &plan_case->cache, error);
    if (!status)
        status = read_pressure(object, plan_case, error);
    if (!status)
        status = read_events(object, plan_case, error);
    if (!status)
        status = read_counting(object, plan_case, error);
    if (!status)
        status = read_measure(object, plan_case, error);
    if (status)
        return status;
    plan_case->name = strdup(name);
    return plan_case->name ? 0 : no_memory(error);
}

int mm_plan_skipped_from_json(const json_t *object, struct mm_plan_case *plan_case,
                              struct mm_error *error)
{
    struct mm_plan_case case_read = {.file = SIZE_MAX};
    const char *reason = NULL;
    int status = read_text(object, "skipped", &reason, error);
    if (!status)
        status = begin_case(object, &case_read, error);
    if (!status) {
        case_read.skip_reason = strdup(reason);
        status = case_read.skip_reason ? 0 : no_memory(error);
    }
    if (status)
        mm_plan_case_release(&case_read);
    else
        *plan_case = case_read;
    return status;
}

static int read_case(const json_t *object, const struct mm_array *array,
                     struct mm_plan_case *plan_case, struct mm_error *error)
{
    int status = begin_case(object, plan_case, error);
    if (!status)
        status = read_parameters(object, plan_case, error);
    if (!status)
        status = read_counts(object, plan_case, error);
    if (!status)
        status = mm_plan_case_needs(plan_case, array, error);
    return status;
}

int mm_plan_case_from_json(const json_t *case_json, const json_t *file_json,
                           struct mm_plan_case *plan_case, struct mm_plan_file *file,
                           struct mm_error *error)
{
    struct mm_plan_file file_read = {0};
    struct mm_plan_case case_read = {.file = SIZE_MAX};
    bool has_file = !json_is_array(file_json) || json_array_size(file_json);
    const json_t *first = json_is_array(file_json) ? json_array_get(file_json, 0) : file_json;
    int status = has_file ? mm_plan_file_from_json(first, &file_read, error) : 0;
    if (status)
        mm_error_prefix(error, "file");
    if (!status) {
        status = read_case(case_json, &file_read.array, &case_read, error);
        if (status)
            mm_error_prefix(error, "case");
    }
    if (status) {
        mm_plan_case_release(&case_read);
        mm_plan_file_release(&file_read);
        return status;
    }
    /* Plans give only writing cases, and those that start from dirty pages, a file for writing. */
    case_read.file = has_file ? 0 : SIZE_MAX;
    file_read.writable = case_read.needs.writes || case_read.cache == MM_CACHE_DIRTY;
    *plan_case = case_read;
    *file = file_read;
    return 0;
}
