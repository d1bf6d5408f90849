/* Multiplies the lists of one entry of a suite into cases. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "common/units.h"
#include "harness/counters.h"
#include "harness/plan_internal.h"

/* One parameter of the matrix; parameters that stay at their default have no axis. */
struct axis {
    const struct mm_parameter *parameter;
    const struct mm_config *config; /* where values come from */
    const json_t *values;           /* a text or a list of texts */
    size_t index;                   /* of the value of the present case */
};

/* All cases of one engine of one entry. */
struct matrix {
    struct mm_plan_builder *builder;
    const struct mm_plan_entry *entry;
    const struct mm_engine *engine;
    struct axis axes[MM_PLAN_LIST_LIMIT];
    size_t axis_count;
    bool *exclusion_used;
};

/* What of a case is neither engine nor parameter. */
struct point {
    uint64_t size_bytes;
    enum mm_cache_state cache;
    bool fill;
    bool latency;
    uint64_t rate;
    bool counters_off;
};

static int no_memory(struct mm_error *error)
{
    return mm_error_set(error, -ENOMEM, "not enough memory");
}

static int add_axes(struct matrix *matrix, const struct mm_parameter *parameters, size_t count)
{
    const struct mm_config *overrides = matrix->builder->overrides;
    for (size_t i = 0; i < count; i++) {
        const struct mm_config *config = overrides;
        const json_t *values = json_object_get(mm_config_root(overrides), parameters[i].name);
        if (!values) {
            config = matrix->entry->config;
            values = json_object_get(matrix->entry->parameters, parameters[i].name);
        }
        if (!values)
            continue;
        if (matrix->axis_count == MM_PLAN_LIST_LIMIT)
            return mm_error_set(matrix->builder->error, -E2BIG, "too many parameters in one case");
        matrix->axes[matrix->axis_count++] =
            (struct axis){.parameter = &parameters[i], .config = config, .values = values};
    }
    return 0;
}

/* The next combination, the last axis first; false after the last one, with all back at 0. */
static bool advance(struct matrix *matrix)
{
    for (size_t i = matrix->axis_count; i > 0; i--) {
        struct axis *axis = &matrix->axes[i - 1];
        if (++axis->index < mm_plan_text_count(axis->values))
            return true;
        axis->index = 0;
    }
    return false;
}

static bool any_text_is(const json_t *values, const char *text)
{
    for (size_t i = 0; i < mm_plan_text_count(values); i++) {
        if (!strcmp(json_string_value(mm_plan_text_node(values, i)), text))
            return true;
    }
    return false;
}

/* Whether one of the texts spells the size. */
static bool any_size_is(const json_t *values, uint64_t size_bytes)
{
    for (size_t i = 0; i < mm_plan_text_count(values); i++) {
        uint64_t bytes;
        if (!mm_units_parse_size(json_string_value(mm_plan_text_node(values, i)), &bytes) &&
            bytes == size_bytes)
            return true;
    }
    return false;
}

static bool any_rate_is(const json_t *values, const struct mm_plan_case *plan_case)
{
    for (size_t i = 0; i < mm_plan_text_count(values); i++) {
        uint64_t rate;
        if (!mm_plan_parse_rate(json_string_value(mm_plan_text_node(values, i)), &rate, NULL) &&
            rate == plan_case->rate)
            return plan_case->measures_latency;
    }
    return false;
}

/* Whether one of the texts spells the case's value of the parameter: "1024KiB" is 1MiB. *matches is
 * false for a parameter that neither workload nor engine of the case has. */
static int any_value_is(const struct matrix *matrix, const struct mm_plan_case *plan_case,
                        const char *name, const json_t *values, bool *matches)
{
    const struct mm_parameter *parameter =
        mm_plan_parameter(plan_case->workload, plan_case->engine, name);
    *matches = false;
    if (!parameter)
        return 0;
    bool of_workload = mm_plan_parameter(plan_case->workload, NULL, name) != NULL;
    size_t bytes =
        of_workload ? plan_case->workload->options_bytes : plan_case->engine->options_bytes;
    const char *present = json_string_value(json_object_get(plan_case->parameters, name));
    for (size_t i = 0; i < mm_plan_text_count(values) && !*matches; i++) {
        const json_t *value = mm_plan_text_node(values, i);
        char *canonical = NULL;
        int status = mm_plan_canonical(parameter, bytes, json_string_value(value), &canonical,
                                       matrix->builder->error);
        if (status) {
            mm_error_prefix(matrix->builder->error, "%s",
                            mm_config_where(matrix->entry->config, value));
            return status;
        }
        *matches = !strcmp(canonical, present);
        free(canonical);
    }
    return 0;
}

/* An exclusion applies when everything it names is so. */
static int exclusion_applies(const struct matrix *matrix, const json_t *exclusion,
                             const struct mm_plan_case *plan_case, uint64_t size_bytes,
                             bool *applies)
{
    const char *name;
    json_t *values;
    *applies = true;
    json_object_foreach((json_t *)exclusion, name, values)
    {
        bool matches;
        int status = 0;
        if (!strcmp(name, "engine"))
            matches = any_text_is(values, plan_case->engine->name);
        else if (!strcmp(name, "cache"))
            matches = any_text_is(values, mm_cache_state_name(plan_case->cache));
        else if (!strcmp(name, "size"))
            matches = any_size_is(values, size_bytes);
        else if (!strcmp(name, "measure"))
            matches = any_text_is(values, mm_plan_measure_text(plan_case));
        else if (!strcmp(name, "rate"))
            matches = any_rate_is(values, plan_case);
        else
            status = any_value_is(matrix, plan_case, name, values, &matches);
        if (status)
            return status;
        if (!matches)
            *applies = false;
    }
    return 0;
}

static int is_excluded(const struct matrix *matrix, const struct mm_plan_case *plan_case,
                       uint64_t size_bytes, bool *excluded)
{
    *excluded = false;
    size_t index;
    json_t *exclusion;
    json_array_foreach((json_t *)matrix->entry->exclude, index, exclusion)
    {
        bool applies;
        int status = exclusion_applies(matrix, exclusion, plan_case, size_bytes, &applies);
        if (status)
            return status;
        if (applies) {
            matrix->exclusion_used[index] = true;
            *excluded = true;
        }
    }
    return 0;
}

/* Everything but the options. Anything cold, and anything that flushes, has one sample a launch,
 * and anything cold or dirty one iteration: a second one would find the file warm, or half flushed.
 * Filling memory up to its limit is cold, and the steady state comes after it. */
static void set_counts(const struct mm_plan_settings *settings, struct mm_plan_case *plan_case)
{
    bool pressure = plan_case->cache == MM_CACHE_PRESSURE;
    bool cold = plan_case->cache == MM_CACHE_COLD || (pressure && plan_case->fill);
    bool once = cold || plan_case->cache == MM_CACHE_DIRTY;
    plan_case->launches = settings->launches;
    plan_case->iterations = once ? 1 : settings->iterations;
    plan_case->warmup_passes = once ? 0 : settings->warmup_passes;
    /* A random pass before would bring exactly the blocks that the timed one touches. */
    bool same_again = plan_case->needs.pattern == MM_PATTERN_RANDOM;
    if (pressure && !plan_case->fill && !same_again && plan_case->warmup_passes == 0)
        plan_case->warmup_passes = 1;
    plan_case->samples = settings->samples;
    /* Of latency one sample holds many operations. */
    if (!plan_case->samples)
        plan_case->samples = plan_case->measures_latency ? 1 : MM_PLAN_DEFAULT_WARM_SAMPLES;
    if (cold || plan_case->needs.flushes)
        plan_case->samples = 1;
}

/* The command line's events take the place of the suite's. */
static int set_events(const struct mm_plan_request *request,
                      const struct mm_plan_settings *settings, struct mm_plan_case *plan_case,
                      struct mm_error *error)
{
    size_t count = request->event_count;
    if (count > MM_COUNTERS_EVENTS_MAX)
        return mm_error_set(error, -EINVAL, "--event: more than %d names", MM_COUNTERS_EVENTS_MAX);
    if (plan_case->counters_off)
        return 0;
    if (!count && settings->events)
        count = mm_plan_text_count(settings->events);
    if (!count)
        return 0;
    plan_case->events = json_array();
    for (size_t i = 0; i < count; i++) {
        const char *name = request->event_count
                               ? request->events[i]
                               : json_string_value(mm_plan_text_node(settings->events, i));
        if (json_array_append_new(plan_case->events, json_string(name)))
            return mm_error_set(error, -EINVAL, "the event '%s' is no UTF-8 text", name);
    }
    return 0;
}

/* In whole pages of any size, since the kernel rounds down to its own. */
static void set_memory_limit(const struct mm_plan_settings *settings,
                             struct mm_plan_case *plan_case, uint64_t size_bytes)
{
    const uint64_t unit_bytes = UINT64_C(1) << 16;
    if (plan_case->cache != MM_CACHE_PRESSURE)
        return;
    uint64_t limit_bytes = settings->memory_bytes;
    if (!limit_bytes)
        limit_bytes = (uint64_t)((double)size_bytes * settings->memory_share);
    plan_case->memory_limit_bytes = limit_bytes / unit_bytes * unit_bytes;
}

/* Why the case cannot work on the user's file, which the suite did not know: a planned skip, but an
 * error when the case was named by hand. */
static int refuse_user_file(const struct mm_plan_builder *builder, struct mm_plan_case *plan_case,
                            const char *reason)
{
    plan_case->needs = (struct mm_workload_needs){0};
    if (!builder->request->suite)
        return mm_error_set(builder->error, -EINVAL, "--file %s: %s", builder->request->file,
                            reason);
    plan_case->skip_reason = strdup(reason);
    return plan_case->skip_reason ? 0 : no_memory(builder->error);
}

/* Fills array and needs, or makes the case a skip. */
static int set_array(const struct matrix *matrix, struct mm_plan_case *plan_case,
                     uint64_t size_bytes, struct mm_array *array)
{
    struct mm_plan_builder *builder = matrix->builder;
    const struct mm_workload *workload = plan_case->workload;
    struct mm_error why = {0};
    int status = 0;
    if (builder->user_path)
        *array = builder->user_array;
    else
        status = mm_plan_generated_array(plan_case, size_bytes, array, &why);
    if (!status)
        status = mm_plan_case_needs(plan_case, array, &why);
    if (status && builder->user_path && status == -EINVAL)
        return refuse_user_file(builder, plan_case, why.text);
    if (status) {
        mm_error_set(builder->error, status, "%s: %s", workload->name, why.text);
        mm_error_prefix(builder->error, "%s",
                        mm_config_where(matrix->entry->config, matrix->entry->node));
        return status;
    }
    if (builder->user_path && plan_case->needs.writes && !builder->request->allow_write)
        return refuse_user_file(builder, plan_case,
                                "this workload writes and would change the file; --allow-write "
                                "lets it");
    if (builder->user_path && plan_case->cache == MM_CACHE_DIRTY && !builder->request->allow_write)
        return refuse_user_file(builder, plan_case,
                                "dirty means that the file is written anew before the clock; "
                                "--allow-write lets it");
    return 0;
}

static int append_case(struct mm_plan_builder *builder, const struct mm_plan_case *plan_case,
                       const char *where)
{
    struct mm_plan *plan = builder->plan;
    if (plan->case_count == MM_PLAN_CASE_LIMIT)
        return mm_error_set(builder->error, -EINVAL,
                            "%s: the lists multiply to more than %d cases: shorten them", where,
                            MM_PLAN_CASE_LIMIT);
    if (plan->case_count == builder->case_capacity) {
        size_t capacity = builder->case_capacity ? builder->case_capacity * 2 : 64;
        struct mm_plan_case *cases = reallocarray(plan->cases, capacity, sizeof(*cases));
        if (cases)
            plan->cases = cases;
        char **wheres = reallocarray(builder->case_where, capacity, sizeof(*wheres));
        if (wheres)
            builder->case_where = wheres;
        if (!cases || !wheres)
            return no_memory(builder->error);
        builder->case_capacity = capacity;
    }
    char *kept_where = strdup(where);
    if (!kept_where)
        return no_memory(builder->error);
    builder->case_where[plan->case_count] = kept_where;
    plan->cases[plan->case_count++] = *plan_case;
    return 0;
}

static int set_values(const struct matrix *matrix, struct mm_plan_case *plan_case)
{
    for (size_t i = 0; i < matrix->axis_count; i++) {
        const struct axis *axis = &matrix->axes[i];
        const json_t *value = mm_plan_text_node(axis->values, axis->index);
        int status = mm_plan_case_set(plan_case, axis->parameter, json_string_value(value),
                                      matrix->builder->error);
        if (status) {
            mm_error_prefix(matrix->builder->error, "%s", mm_config_where(axis->config, value));
            return status;
        }
    }
    return 0;
}

/* What follows from the options and the array: needs, counts, skip, file and name. */
static int complete_case(const struct matrix *matrix, struct mm_plan_case *plan_case,
                         uint64_t size_bytes)
{
    struct mm_plan_builder *builder = matrix->builder;
    const struct mm_plan_settings *settings = &matrix->entry->settings;
    struct mm_array array = {0};
    int status = set_array(matrix, plan_case, size_bytes, &array);
    if (status)
        return status;
    set_counts(settings, plan_case);
    set_memory_limit(settings, plan_case, array.size_bytes);
    status = set_events(builder->request, settings, plan_case, builder->error);
    if (status)
        return status;
    if (!plan_case->skip_reason)
        status = mm_plan_case_skip(plan_case, array.size_bytes, builder->memory_reason,
                                   &plan_case->skip_reason, builder->error);
    if (!status && !plan_case->skip_reason)
        status = mm_plan_add_file(builder, &array,
                                  plan_case->needs.writes || plan_case->cache == MM_CACHE_DIRTY,
                                  &plan_case->file);
    if (status)
        return status;
    plan_case->interval_ns = settings->interval_ns;
    status = mm_plan_request_interval(builder->request, plan_case, builder->error);
    if (status)
        return status;
    plan_case->timeout_ns = settings->timeout_ns;
    if (!plan_case->timeout_ns) {
        uint64_t generous =
            20 * mm_plan_estimate_launch_ns(plan_case, &array, builder->plan->read_ahead_bytes);
        uint64_t least = 60 * MM_NANOSECONDS_PER_SECOND;
        plan_case->timeout_ns = generous > least ? generous : least;
    }
    plan_case->name = mm_plan_case_name(plan_case, size_bytes);
    return plan_case->name ? 0 : no_memory(builder->error);
}

/* The case of the present combination, unless it is excluded. */
static int expand_one(struct matrix *matrix, const struct point *point)
{
    struct mm_plan_builder *builder = matrix->builder;
    struct mm_plan_case plan_case;
    int status =
        mm_plan_case_begin(matrix->entry->workload, matrix->engine, &plan_case, builder->error);
    if (status)
        return status;
    struct mm_plugin *plugin = mm_plan_plugin_of(builder->plan, matrix->entry->workload);
    if (plugin)
        plan_case.plugin = mm_plugin_hold(plugin);
    plan_case.cache = point->cache;
    plan_case.fill = point->fill;
    plan_case.measures_latency = point->latency;
    plan_case.rate = point->rate;
    plan_case.counters_off = point->counters_off;
    bool excluded = false;
    status = set_values(matrix, &plan_case);
    if (!status)
        status = is_excluded(matrix, &plan_case, point->size_bytes, &excluded);
    if (!status && !excluded)
        status = complete_case(matrix, &plan_case, point->size_bytes);
    if (!status && !excluded)
        status = append_case(builder, &plan_case,
                             mm_config_where(matrix->entry->config, matrix->entry->node));
    if (status || excluded)
        mm_plan_case_release(&plan_case);
    return status;
}

/* With its twin where the cost of counting is asked for; what is skipped needs none. */
static int expand_twins(struct matrix *matrix, const struct point *point)
{
    const struct mm_plan *plan = matrix->builder->plan;
    size_t before = plan->case_count;
    struct point twin = *point;
    twin.counters_off = true;
    int status = expand_one(matrix, point);
    bool measured = plan->case_count > before && !plan->cases[before].skip_reason;
    if (!status && measured && matrix->builder->request->counter_overhead)
        status = expand_one(matrix, &twin);
    return status;
}

/* Throughput once, latency at each of the rates. */
static int expand_measures(struct matrix *matrix, struct point *point)
{
    const struct mm_plan_settings *settings = &matrix->entry->settings;
    int status = 0;
    for (size_t m = 0; m < settings->measure_count; m++) {
        point->latency = settings->measures[m];
        size_t rates = point->latency ? settings->rate_count : 1;
        for (size_t r = 0; r < rates && !status; r++) {
            point->rate = point->latency ? settings->rates[r] : 0;
            status = expand_twins(matrix, point);
        }
    }
    return status;
}

static int expand_caches(struct matrix *matrix, uint64_t size_bytes)
{
    const struct mm_plan_settings *settings = &matrix->entry->settings;
    int status = 0;
    for (size_t c = 0; c < settings->cache_count && !status; c++) {
        struct point point = {.size_bytes = size_bytes, .cache = settings->caches[c]};
        point.fill = point.cache == MM_CACHE_PRESSURE;
        status = expand_measures(matrix, &point);
        if (status || !point.fill)
            continue;
        point.fill = false;
        status = expand_measures(matrix, &point);
    }
    return status;
}

static int expand_engine(struct matrix *matrix)
{
    const struct mm_plan_settings *settings = &matrix->entry->settings;
    /* The user's file has the size it has: the suite's sizes do not multiply. */
    bool user_file = matrix->builder->user_path != NULL;
    size_t sizes = user_file ? 1 : settings->size_count;
    do {
        for (size_t s = 0; s < sizes; s++) {
            uint64_t size_bytes =
                user_file ? matrix->builder->user_array.size_bytes : settings->sizes[s];
            int status = expand_caches(matrix, size_bytes);
            if (status)
                return status;
        }
    } while (advance(matrix));
    return 0;
}

/* An exclusion that excludes nothing is a mistake somewhere in it. What the command line changed
 * may have taken away what it is for. */
static int check_exclusions_used(const struct mm_plan_builder *builder,
                                 const struct mm_plan_entry *entry, const bool *used)
{
    if (builder->filtered)
        return 0;
    for (size_t i = 0; i < json_array_size(entry->exclude); i++) {
        if (!used[i])
            return mm_error_set(builder->error, -EINVAL,
                                "%s: this exclusion fits no case of the matrix",
                                mm_config_where(entry->config, json_array_get(entry->exclude, i)));
    }
    return 0;
}

int mm_plan_expand_entry(struct mm_plan_builder *builder, const struct mm_plan_entry *entry)
{
    size_t exclusions = json_array_size(entry->exclude);
    size_t cases_before = builder->plan->case_count;
    bool *used = calloc(exclusions + 1, sizeof(*used));
    if (!used)
        return no_memory(builder->error);
    int status = 0;
    for (size_t i = 0; i < entry->settings.engine_count && !status; i++) {
        struct matrix matrix = {
            .builder = builder,
            .entry = entry,
            .engine = entry->settings.engines[i],
            .exclusion_used = used,
        };
        const struct mm_workload *workload = entry->workload;
        status = add_axes(&matrix, workload->parameters, workload->parameter_count);
        if (!status)
            status = add_axes(&matrix, matrix.engine->parameters, matrix.engine->parameter_count);
        if (!status)
            status = expand_engine(&matrix);
    }
    if (!status)
        status = check_exclusions_used(builder, entry, used);
    if (!status && !builder->filtered && builder->plan->case_count == cases_before)
        status = mm_error_set(builder->error, -EINVAL,
                              "%s: the matrix is empty: its exclusions leave no case",
                              mm_config_where(entry->config, entry->node));
    free(used);
    return status;
}
