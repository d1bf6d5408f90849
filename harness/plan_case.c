/* One case: its options, its name, and why it may not be run. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "common/units.h"
#include "harness/memory_limit.h"
#include "harness/plan_internal.h"

static int no_memory(struct mm_error *error)
{
    return mm_error_set(error, -ENOMEM, "not enough memory");
}

/* Writes the present value of every parameter into object. */
static int write_all(const struct mm_parameter *parameters, size_t count, const void *options,
                     json_t *object)
{
    for (size_t i = 0; i < count; i++) {
        char *text = mm_parameter_write(&parameters[i], options);
        json_t *value = text ? json_string(text) : NULL;
        free(text);
        if (json_object_set_new(object, parameters[i].name, value))
            return -ENOMEM;
    }
    return 0;
}

/* A zero-sized struct of options is allowed; NULL from calloc would mean no memory. */
static void *new_options(size_t options_bytes)
{
    return calloc(1, options_bytes ? options_bytes : 1);
}

int mm_plan_case_begin(const struct mm_workload *workload, const struct mm_engine *engine,
                       struct mm_plan_case *plan_case, struct mm_error *error)
{
    struct mm_plan_case made = {
        .workload = workload,
        .engine = engine,
        .workload_options = new_options(workload->options_bytes),
        .engine_options = new_options(engine->options_bytes),
        .parameters = json_object(),
        .file = SIZE_MAX,
        .interval_ns = MM_PLAN_INTERVAL_NS,
    };
    int status = 0;
    if (!made.workload_options || !made.engine_options || !made.parameters) {
        status = -ENOMEM;
    } else {
        mm_parameters_set_defaults(workload->parameters, workload->parameter_count,
                                   made.workload_options);
        mm_parameters_set_defaults(engine->parameters, engine->parameter_count,
                                   made.engine_options);
        status = write_all(workload->parameters, workload->parameter_count, made.workload_options,
                           made.parameters);
        if (!status)
            status = write_all(engine->parameters, engine->parameter_count, made.engine_options,
                               made.parameters);
    }
    if (status) {
        mm_plan_case_release(&made);
        return no_memory(error);
    }
    *plan_case = made;
    return 0;
}

void mm_plan_case_release(struct mm_plan_case *plan_case)
{
    free(plan_case->name);
    free(plan_case->workload_options);
    free(plan_case->engine_options);
    json_decref(plan_case->parameters);
    json_decref(plan_case->events);
    free(plan_case->skip_reason);
    mm_plugin_release(plan_case->plugin);
    *plan_case = (struct mm_plan_case){.file = SIZE_MAX};
}

int mm_plan_canonical(const struct mm_parameter *parameter, size_t options_bytes, const char *text,
                      char **canonical, struct mm_error *error)
{
    void *scratch = new_options(options_bytes);
    if (!scratch)
        return no_memory(error);
    int status = mm_parameter_set(parameter, scratch, text, error);
    if (!status) {
        char *written = mm_parameter_write(parameter, scratch);
        if (written)
            *canonical = written;
        else
            status = no_memory(error);
    }
    free(scratch);
    return status;
}

int mm_plan_case_set(struct mm_plan_case *plan_case, const struct mm_parameter *parameter,
                     const char *text, struct mm_error *error)
{
    const struct mm_workload *workload = plan_case->workload;
    bool of_workload = mm_parameter_find(workload->parameters, workload->parameter_count,
                                         parameter->name) == parameter;
    void *options = of_workload ? plan_case->workload_options : plan_case->engine_options;
    size_t bytes = of_workload ? workload->options_bytes : plan_case->engine->options_bytes;

    char *canonical = NULL;
    int status = mm_plan_canonical(parameter, bytes, text, &canonical, error);
    if (status)
        return status;
    json_t *value = json_string(canonical);
    free(canonical);
    if (!value)
        return mm_error_set(error, -EINVAL, "%s: the value is not UTF-8 text", parameter->name);
    if (json_object_set_new(plan_case->parameters, parameter->name, value))
        return no_memory(error);
    /* Set from the text that lives as long as the options: a TEXT parameter points to it. */
    return mm_parameter_set(parameter, options, json_string_value(value), error);
}

/* A text's '/' and ':' would break the form of the name, and '%' the way back. */
static void write_escaped(FILE *stream, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c <= ' ' || *c == 0x7f || strchr("%/:", *c))
            fprintf(stream, "%%%02X", *c);
        else
            fputc(*c, stream);
    }
}

static void write_parameters(FILE *stream, const struct mm_parameter *parameters, size_t count,
                             const json_t *values)
{
    for (size_t i = 0; i < count; i++) {
        fprintf(stream, "/%s:", parameters[i].name);
        write_escaped(stream, json_string_value(json_object_get(values, parameters[i].name)));
    }
}

char *mm_plan_case_name(const struct mm_plan_case *plan_case, uint64_t size_bytes)
{
    char *name = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&name, &length);
    if (!stream)
        return NULL;
    const struct mm_workload *workload = plan_case->workload;
    const struct mm_engine *engine = plan_case->engine;
    fprintf(stream, "%s/engine:%s/cache:%s", workload->name, engine->name,
            mm_plan_cache_text(plan_case));
    write_parameters(stream, workload->parameters, workload->parameter_count,
                     plan_case->parameters);
    write_parameters(stream, engine->parameters, engine->parameter_count, plan_case->parameters);
    char size[MM_UNITS_TEXT_BYTES];
    if (size_bytes)
        fprintf(stream, "/size:%s", mm_units_write_size(size_bytes, size));
    if (plan_case->cache == MM_CACHE_PRESSURE)
        fprintf(stream, "/memory:%s/stage:%s",
                mm_units_write_size(plan_case->memory_limit_bytes, size),
                plan_case->fill ? "fill" : "steady");
    if (plan_case->warmup_passes)
        fprintf(stream, "/warmup:%u", plan_case->warmup_passes);
    if (plan_case->iterations != MM_PLAN_DEFAULT_ITERATIONS)
        fprintf(stream, "/iterations:%" PRIu64, plan_case->iterations);
    if (plan_case->measures_latency)
        fputs("/measure:latency", stream);
    if (plan_case->rate)
        fprintf(stream, "/rate:%" PRIu64, plan_case->rate);
    if (plan_case->counters_off)
        fputs("/counting:off", stream);
    bool failed = ferror(stream);
    if (fclose(stream) || failed) {
        free(name);
        return NULL;
    }
    return name;
}

/* "no locks, no marray" for the bits that engine lacks. */
static char *missing_capabilities(uint32_t missing)
{
    static const struct {
        uint32_t bit;
        const char *what;
    } capabilities[] = {
        {MM_ENGINE_WRITES, "writing"},
        {MM_ENGINE_IN_PLACE, "lending the bytes in place"},
        {MM_ENGINE_FILE_BACKED, "a file behind it"},
        {MM_ENGINE_MULTIPROCESS, "sharing between processes"},
        {MM_ENGINE_LOCKS, "locks"},
        {MM_ENGINE_MARRAY, "the accessors of marray"},
    };
    char *list = strdup("");
    for (size_t i = 0; i < MM_COUNT_OF(capabilities) && list; i++) {
        if (!(missing & capabilities[i].bit))
            continue;
        char *longer = mm_text_format("%s%s%s", list, list[0] ? ", " : "", capabilities[i].what);
        free(list);
        list = longer;
    }
    return list;
}

static int lacks_capabilities(const struct mm_plan_case *plan_case, char **reason,
                              struct mm_error *error)
{
    uint32_t needed = plan_case->needs.capabilities;
    if (plan_case->needs.writes)
        needed |= MM_ENGINE_WRITES;
    if (plan_case->needs.processes > 1)
        needed |= MM_ENGINE_MULTIPROCESS;
    uint32_t missing = needed & ~plan_case->engine->capabilities;
    if (!missing)
        return 0;
    char *list = missing_capabilities(missing);
    if (list)
        *reason = mm_text_format("the engine %s has not what %s needs: %s", plan_case->engine->name,
                                 plan_case->workload->name, list);
    free(list);
    return *reason ? 0 : no_memory(error);
}

/* Why this kernel, this user or this case cannot have the memory limit; *reason stays NULL when
 * all is well. */
static int lacks_memory_limit(const struct mm_plan_case *plan_case, uint64_t size_bytes,
                              char **reason)
{
    struct mm_memory_limit_place place;
    struct mm_error why = {0};
    char limit[MM_UNITS_TEXT_BYTES];
    char least[MM_UNITS_TEXT_BYTES];
    mm_units_write_size(plan_case->memory_limit_bytes, limit);
    if (plan_case->memory_limit_bytes < MM_MEMORY_LIMIT_LEAST_BYTES)
        *reason = mm_text_format("a memory limit of %s is too small for the worker itself, which "
                                 "needs %s: choose a larger size or share",
                                 limit, mm_units_write_size(MM_MEMORY_LIMIT_LEAST_BYTES, least));
    else if (plan_case->memory_limit_bytes >= size_bytes)
        *reason = mm_text_format("there is no pressure: the memory limit of %s holds all of the "
                                 "data",
                                 limit);
    else if (mm_memory_limit_find(&mm_memory_limit_this_system, &place, &why))
        *reason = mm_text_format("pressure is not to be had here: %s", why.text);
    else
        return 0;
    return *reason ? 0 : -ENOMEM;
}

/* Why the cache state of the case is not to be had; *reason stays NULL when it is. */
static int lacks_cache_state(const struct mm_plan_case *plan_case, uint64_t size_bytes,
                             const char *memory_reason, char **reason)
{
    const struct mm_engine *engine = plan_case->engine;
    const char *state = mm_cache_state_name(plan_case->cache);
    if (plan_case->cache != MM_CACHE_WARM && !(engine->capabilities & MM_ENGINE_FILE_BACKED))
        *reason = mm_text_format("%s means nothing for the engine %s, which is not backed by the "
                                 "file",
                                 state, engine->name);
    else if (plan_case->cache != MM_CACHE_COLD && engine->bypasses_cache &&
             engine->bypasses_cache(plan_case->engine_options))
        *reason = mm_text_format("%s means nothing for the engine %s here: it goes around the "
                                 "page cache, every pass reads the device",
                                 state, engine->name);
    else if (plan_case->cache != MM_CACHE_WARM && memory_reason)
        *reason = mm_text_format("%s is not to be had here: %s", state, memory_reason);
    else if (plan_case->cache == MM_CACHE_DIRTY && mm_cache_why_dirty_is_unknown())
        *reason =
            mm_text_format("dirty is not to be had here: %s", mm_cache_why_dirty_is_unknown());
    else if (plan_case->cache == MM_CACHE_PRESSURE)
        return lacks_memory_limit(plan_case, size_bytes, reason);
    else
        return 0;
    return *reason ? 0 : -ENOMEM;
}

/* Why there are no latencies of single operations; *reason stays NULL when there are. */
static int lacks_operations(const struct mm_plan_case *plan_case, char **reason)
{
    const struct mm_workload_needs *needs = &plan_case->needs;
    if (!plan_case->measures_latency || needs->operations_per_pass)
        return 0;
    *reason = mm_text_format("no latency of %s: %s", plan_case->workload->name,
                             needs->untimed ? needs->untimed
                                            : "the workload does not time its operations");
    return *reason ? 0 : -ENOMEM;
}

int mm_plan_case_skip(const struct mm_plan_case *plan_case, uint64_t size_bytes,
                      const char *memory_reason, char **reason, struct mm_error *error)
{
    const struct mm_workload *workload = plan_case->workload;
    *reason = NULL;
    /* The workload's own words say more than a list of capabilities. */
    const char *why =
        workload->skip ? workload->skip(plan_case->workload_options, plan_case->engine) : NULL;
    if (why) {
        *reason = strdup(why);
        return *reason ? 0 : no_memory(error);
    }
    int status = lacks_capabilities(plan_case, reason, error);
    if (status || *reason)
        return status;
    if (lacks_operations(plan_case, reason))
        return no_memory(error);
    if (*reason)
        return 0;
    status = lacks_cache_state(plan_case, size_bytes, memory_reason, reason);
    return status ? no_memory(error) : 0;
}

int mm_plan_case_needs(struct mm_plan_case *plan_case, const struct mm_array *array,
                       struct mm_error *error)
{
    int status =
        plan_case->workload->plan(plan_case->workload_options, array, &plan_case->needs, error);
    if (!(plan_case->engine->capabilities & MM_ENGINE_FILE_BACKED))
        plan_case->needs.flushes = false;
    return status;
}
