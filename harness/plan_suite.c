/* Reads and checks the form of a suite; workloads/suites/README.md describes it for people. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "common/units.h"
#include "harness/counters.h"
#include "harness/plan_internal.h"

static const char *const SUITE_KEYS[] = {"name", "purpose", "budget", "defaults", "cases"};
#define SETTING_KEYS                                                                               \
    "launches", "samples", "iterations", "warmup", "timeout", "engine", "cache", "size", "memory", \
        "events", "measure", "rate", "interval"
static const char *const DEFAULT_KEYS[] = {SETTING_KEYS};
static const char *const CASE_KEYS[] = {"workload", "parameters", "exclude", SETTING_KEYS};

size_t mm_plan_text_count(const json_t *node)
{
    return json_is_array(node) ? json_array_size(node) : 1;
}

const json_t *mm_plan_text_node(const json_t *node, size_t index)
{
    return json_is_array(node) ? json_array_get(node, index) : node;
}

int mm_plan_check_texts(const struct mm_config *config, const json_t *node, const char *name,
                        struct mm_error *error)
{
    const char *where = mm_config_where(config, node);
    if (json_is_object(node))
        return mm_error_set(error, -EINVAL, "%s: '%s' takes a value or a list of values", where,
                            name);
    size_t count = mm_plan_text_count(node);
    if (!count)
        return mm_error_set(error, -EINVAL,
                            "%s: '%s' is an empty list, which leaves no case: name a value", where,
                            name);
    if (count > MM_PLAN_LIST_LIMIT)
        return mm_error_set(error, -EINVAL, "%s: '%s' has %zu values, at most %d are possible",
                            where, name, count, MM_PLAN_LIST_LIMIT);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = mm_plan_text_node(node, i);
        if (!json_is_string(item))
            return mm_error_set(error, -EINVAL, "%s: a list inside of the list of '%s'",
                                mm_config_where(config, item), name);
        if (!json_string_length(item))
            return mm_error_set(error, -EINVAL, "%s: '%s' has no value",
                                mm_config_where(config, item), name);
    }
    return 0;
}

static int check_one_text(const struct mm_config *config, const json_t *node, const char *name,
                          struct mm_error *error)
{
    if (!json_is_string(node))
        return mm_error_set(error, -EINVAL, "%s: '%s' takes one value",
                            mm_config_where(config, node), name);
    return mm_plan_check_texts(config, node, name, error);
}

/* The member key of object as a whole number in [minimum, maximum]; *count stays without it. */
static int read_count(const struct mm_config *config, const json_t *object, const char *key,
                      uint64_t minimum, uint64_t maximum, uint64_t *count, struct mm_error *error)
{
    const json_t *node = json_object_get(object, key);
    if (!node)
        return 0;
    int status = check_one_text(config, node, key, error);
    if (status)
        return status;
    uint64_t value;
    if (mm_units_parse_count(json_string_value(node), &value) || value < minimum || value > maximum)
        return mm_error_set(error, -EINVAL, "%s: '%s: %s' is not a whole number from %llu to %llu",
                            mm_config_where(config, node), key, json_string_value(node),
                            (unsigned long long)minimum, (unsigned long long)maximum);
    *count = value;
    return 0;
}

static int read_counts(const struct mm_config *config, const json_t *object,
                       struct mm_plan_settings *settings, struct mm_error *error)
{
    uint64_t launches = settings->launches;
    uint64_t samples = settings->samples;
    uint64_t warmup = settings->warmup_passes;
    int status = read_count(config, object, "launches", 1, MM_PLAN_LAUNCH_LIMIT, &launches, error);
    if (!status)
        status = read_count(config, object, "samples", 1, MM_PLAN_SAMPLE_LIMIT, &samples, error);
    if (!status)
        status = read_count(config, object, "iterations", 1, MM_PLAN_ITERATION_LIMIT,
                            &settings->iterations, error);
    if (!status)
        status = read_count(config, object, "warmup", 0, MM_PLAN_WARMUP_LIMIT, &warmup, error);
    if (status)
        return status;
    settings->launches = (uint32_t)launches;
    settings->samples = (uint32_t)samples;
    settings->warmup_passes = (uint32_t)warmup;
    return 0;
}

static int read_engines(const struct mm_config *config, const json_t *node,
                        struct mm_plan_settings *settings, struct mm_error *error)
{
    int status = mm_plan_check_texts(config, node, "engine", error);
    if (status)
        return status;
    settings->engine_count = mm_plan_text_count(node);
    for (size_t i = 0; i < settings->engine_count; i++) {
        const json_t *item = mm_plan_text_node(node, i);
        status = mm_plan_find_engine(json_string_value(item), &settings->engines[i], error);
        if (status) {
            mm_error_prefix(error, "%s", mm_config_where(config, item));
            return status;
        }
    }
    return 0;
}

static int read_caches(const struct mm_config *config, const json_t *node,
                       struct mm_plan_settings *settings, struct mm_error *error)
{
    int status = mm_plan_check_texts(config, node, "cache", error);
    if (status)
        return status;
    settings->cache_count = mm_plan_text_count(node);
    for (size_t i = 0; i < settings->cache_count; i++) {
        const json_t *item = mm_plan_text_node(node, i);
        status = mm_cache_state_parse(json_string_value(item), &settings->caches[i], error);
        if (status) {
            mm_error_prefix(error, "%s", mm_config_where(config, item));
            return status;
        }
    }
    return 0;
}

static int read_sizes(const struct mm_config *config, const json_t *node,
                      struct mm_plan_settings *settings, struct mm_error *error)
{
    int status = mm_plan_check_texts(config, node, "size", error);
    if (status)
        return status;
    settings->size_count = mm_plan_text_count(node);
    for (size_t i = 0; i < settings->size_count; i++) {
        const json_t *item = mm_plan_text_node(node, i);
        status = mm_plan_parse_size(json_string_value(item), &settings->sizes[i], error);
        if (status) {
            mm_error_prefix(error, "%s", mm_config_where(config, item));
            return status;
        }
    }
    return 0;
}

static int read_timeout(const struct mm_config *config, const json_t *node,
                        struct mm_plan_settings *settings, struct mm_error *error)
{
    int status = check_one_text(config, node, "timeout", error);
    if (status)
        return status;
    status = mm_plan_parse_duration(json_string_value(node), &settings->timeout_ns, error);
    if (status)
        mm_error_prefix(error, "%s", mm_config_where(config, node));
    return status;
}

static int read_interval(const struct mm_config *config, const json_t *node,
                         struct mm_plan_settings *settings, struct mm_error *error)
{
    int status = check_one_text(config, node, "interval", error);
    if (status)
        return status;
    status = mm_plan_parse_interval(json_string_value(node), &settings->interval_ns, error);
    if (status)
        mm_error_prefix(error, "%s", mm_config_where(config, node));
    return status;
}

static int read_memory(const struct mm_config *config, const json_t *node,
                       struct mm_plan_settings *settings, struct mm_error *error)
{
    int status = check_one_text(config, node, "memory", error);
    if (status)
        return status;
    status = mm_plan_parse_memory(json_string_value(node), &settings->memory_share,
                                  &settings->memory_bytes, error);
    if (status)
        mm_error_prefix(error, "%s", mm_config_where(config, node));
    return status;
}

static int read_events(const struct mm_config *config, const json_t *node,
                       struct mm_plan_settings *settings, struct mm_error *error)
{
    int status = mm_plan_check_texts(config, node, "events", error);
    if (status)
        return status;
    if (mm_plan_text_count(node) > MM_COUNTERS_EVENTS_MAX)
        return mm_error_set(error, -EINVAL, "%s: 'events' has more than %d names",
                            mm_config_where(config, node), MM_COUNTERS_EVENTS_MAX);
    settings->events = node;
    return 0;
}

/* The words of node onto a list that was emptied. */
static int read_words(const struct mm_config *config, const json_t *node, const char *key,
                      struct mm_plan_settings *settings,
                      int (*add)(struct mm_plan_settings *settings, const char *word,
                                 struct mm_error *error),
                      struct mm_error *error)
{
    int status = mm_plan_check_texts(config, node, key, error);
    for (size_t i = 0; !status && i < mm_plan_text_count(node); i++) {
        const json_t *item = mm_plan_text_node(node, i);
        status = add(settings, json_string_value(item), error);
        if (status)
            mm_error_prefix(error, "%s", mm_config_where(config, item));
    }
    return status;
}

static int read_measures(const struct mm_config *config, const json_t *node,
                         struct mm_plan_settings *settings, struct mm_error *error)
{
    settings->measure_count = 0;
    return read_words(config, node, "measure", settings, mm_plan_add_measure, error);
}

static int read_rates(const struct mm_config *config, const json_t *node,
                      struct mm_plan_settings *settings, struct mm_error *error)
{
    settings->rate_count = 0;
    return read_words(config, node, "rate", settings, mm_plan_add_rate, error);
}

/* A case that says a rate wants latency; that of the defaults waits for cases that do. */
static int check_rate(const struct mm_plan_entry *entry, struct mm_error *error)
{
    const json_t *rate = json_object_get(entry->node, "rate");
    if (!rate || mm_plan_measures_latency(&entry->settings))
        return 0;
    return mm_error_set(error, -EINVAL, "%s: a rate is for latency: add 'measure: latency'",
                        mm_config_where(entry->config, rate));
}

/* Lays the settings that object has over those that are there. */
static int read_settings(const struct mm_config *config, const json_t *object,
                         struct mm_plan_settings *settings, struct mm_error *error)
{
    static const struct {
        const char *key;
        int (*read)(const struct mm_config *config, const json_t *node,
                    struct mm_plan_settings *settings, struct mm_error *error);
    } readers[] = {
        {"engine", read_engines},   {"cache", read_caches},  {"size", read_sizes},
        {"timeout", read_timeout},  {"memory", read_memory}, {"events", read_events},
        {"measure", read_measures}, {"rate", read_rates},    {"interval", read_interval},
    };
    for (size_t i = 0; i < MM_COUNT_OF(readers); i++) {
        const json_t *node = json_object_get(object, readers[i].key);
        int status = node ? readers[i].read(config, node, settings, error) : 0;
        if (status)
            return status;
    }
    return read_counts(config, object, settings, error);
}

static int built_in_settings(struct mm_plan_settings *settings, struct mm_error *error)
{
    *settings = (struct mm_plan_settings){
        .caches = {MM_CACHE_COLD, MM_CACHE_WARM},
        .cache_count = 2,
        .sizes = {MM_PLAN_DEFAULT_SIZE_BYTES},
        .size_count = 1,
        .launches = MM_PLAN_DEFAULT_LAUNCHES,
        .iterations = MM_PLAN_DEFAULT_ITERATIONS,
        .memory_share = MM_PLAN_DEFAULT_MEMORY_SHARE,
        .measure_count = 1, /* throughput */
        .rate_count = 1,    /* closed */
        .interval_ns = MM_PLAN_INTERVAL_NS,
    };
    if (mm_engine_count > MM_PLAN_LIST_LIMIT)
        return mm_error_set(error, -E2BIG, "more than %d engines are built in", MM_PLAN_LIST_LIMIT);
    for (size_t i = 0; i < mm_engine_count; i++)
        settings->engines[settings->engine_count++] = mm_engines[i];
    return 0;
}

/* The name becomes part of the name of the folder of results. */
static int check_suite_name(const struct mm_config *config, const json_t *root,
                            struct mm_error *error)
{
    const json_t *node = json_object_get(root, "name");
    if (!node)
        return mm_error_set(error, -EINVAL, "%s: the suite has no 'name'",
                            mm_config_where(config, root));
    int status = check_one_text(config, node, "name", error);
    if (status)
        return status;
    const char *name = json_string_value(node);
    if (name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")])
        return mm_error_set(error, -EINVAL,
                            "%s: the name '%s' may have letters, digits, '-' and '_' only",
                            mm_config_where(config, node), name);
    return 0;
}

static int check_suite(const struct mm_config *config, struct mm_error *error)
{
    const json_t *root = mm_config_root(config);
    int status =
        mm_config_check_keys(config, root, "the suite", SUITE_KEYS, MM_COUNT_OF(SUITE_KEYS), error);
    if (status)
        return status;
    const json_t *purpose = json_object_get(root, "purpose");
    if (purpose && !json_is_string(purpose))
        return mm_error_set(error, -EINVAL, "%s: 'purpose' takes one text",
                            mm_config_where(config, purpose));
    const json_t *defaults = json_object_get(root, "defaults");
    if (defaults) {
        status = mm_config_check_keys(config, defaults, "defaults", DEFAULT_KEYS,
                                      MM_COUNT_OF(DEFAULT_KEYS), error);
        if (status)
            return status;
    }
    const json_t *cases = json_object_get(root, "cases");
    if (!cases)
        return mm_error_set(error, -EINVAL, "%s: the suite has no 'cases': its matrix is empty",
                            mm_config_where(config, root));
    if (!json_is_array(cases))
        return mm_error_set(error, -EINVAL, "%s: 'cases' takes a list",
                            mm_config_where(config, cases));
    if (!json_array_size(cases))
        return mm_error_set(error, -EINVAL, "%s: 'cases' is empty: the matrix has no case",
                            mm_config_where(config, cases));
    return 0;
}

int mm_plan_read_budget(const struct mm_plan_request *request, const struct mm_config *suite,
                        uint64_t *budget_ns, struct mm_error *error)
{
    const json_t *node = suite ? json_object_get(mm_config_root(suite), "budget") : NULL;
    const char *where = node ? mm_config_where(suite, node) : "--budget";
    int status = node ? check_one_text(suite, node, "budget", error) : 0;
    const char *text = request->budget ? request->budget : json_string_value(node);
    if (request->budget)
        where = "--budget";
    if (status || !text)
        return status;
    status = mm_plan_parse_duration(text, budget_ns, error);
    if (!status && !*budget_ns)
        status = mm_error_set(error, -EINVAL, "a budget of 0 leaves no time for anything");
    if (status)
        mm_error_prefix(error, "%s", where);
    return status;
}

int mm_plan_read_head(struct mm_plan_builder *builder)
{
    const struct mm_config *config = builder->suite;
    const json_t *root = mm_config_root(config);
    int status = check_suite(config, builder->error);
    /* The name that stands for the command line is no suite's: it has a space in it. */
    if (!status && builder->request->suite)
        status = check_suite_name(config, root, builder->error);
    if (!status)
        status = built_in_settings(&builder->defaults, builder->error);
    const json_t *defaults = json_object_get(root, "defaults");
    if (!status && defaults)
        status = read_settings(config, defaults, &builder->defaults, builder->error);
    if (status)
        return status;
    status =
        mm_plan_read_budget(builder->request, config, &builder->plan->budget_ns, builder->error);
    if (status)
        return status;
    const char *purpose = json_string_value(json_object_get(root, "purpose"));
    builder->plan->suite = strdup(json_string_value(json_object_get(root, "name")));
    builder->plan->purpose = strdup(purpose ? purpose : "");
    if (!builder->plan->suite || !builder->plan->purpose)
        return mm_error_set(builder->error, -ENOMEM, "not enough memory");
    return 0;
}

static bool entry_knows(const struct mm_plan_entry *entry, const char *name)
{
    if (mm_plan_parameter(entry->workload, NULL, name))
        return true;
    for (size_t i = 0; i < entry->settings.engine_count; i++) {
        if (mm_plan_parameter(NULL, entry->settings.engines[i], name))
            return true;
    }
    return false;
}

static int check_entry_parameter_name(const struct mm_plan_entry *entry, const json_t *object,
                                      const char *name, struct mm_error *error)
{
    if (entry_knows(entry, name))
        return 0;
    struct mm_plan_scope scope = {
        .workloads = &entry->workload,
        .workload_count = 1,
        .engines = entry->settings.engines,
        .engine_count = entry->settings.engine_count,
    };
    int status = mm_plan_unknown_parameter(&scope, name, error);
    mm_error_prefix(error, "%s", mm_config_where_key(entry->config, object, name));
    return status;
}

static int check_parameters(const struct mm_plan_entry *entry, struct mm_error *error)
{
    if (!json_is_object(entry->parameters))
        return mm_error_set(error, -EINVAL, "%s: 'parameters' must be names with values",
                            mm_config_where(entry->config, entry->parameters));
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)entry->parameters, name, value)
    {
        int status = check_entry_parameter_name(entry, entry->parameters, name, error);
        if (!status)
            status = mm_plan_check_texts(entry->config, value, name, error);
        if (status)
            return status;
    }
    return 0;
}

static int check_exclusion(const struct mm_plan_entry *entry, const json_t *exclusion,
                           struct mm_error *error)
{
    if (!json_is_object(exclusion) || !json_object_size(exclusion))
        return mm_error_set(error, -EINVAL,
                            "%s: an exclusion is names with values: {engine: memory, cache: cold}",
                            mm_config_where(entry->config, exclusion));
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)exclusion, name, value)
    {
        int status = mm_plan_check_texts(entry->config, value, name, error);
        /* The same readers as for settings, so that a misspelled name is found. */
        struct mm_plan_settings scratch;
        if (!status && !strcmp(name, "engine"))
            status = read_engines(entry->config, value, &scratch, error);
        else if (!status && !strcmp(name, "cache"))
            status = read_caches(entry->config, value, &scratch, error);
        else if (!status && !strcmp(name, "size"))
            status = read_sizes(entry->config, value, &scratch, error);
        else if (!status && !strcmp(name, "measure"))
            status = read_measures(entry->config, value, &scratch, error);
        else if (!status && !strcmp(name, "rate"))
            status = read_rates(entry->config, value, &scratch, error);
        else if (!status)
            status = check_entry_parameter_name(entry, exclusion, name, error);
        if (status)
            return status;
    }
    return 0;
}

static int check_exclusions(const struct mm_plan_entry *entry, struct mm_error *error)
{
    if (!json_is_array(entry->exclude))
        return mm_error_set(error, -EINVAL, "%s: 'exclude' takes a list",
                            mm_config_where(entry->config, entry->exclude));
    size_t index;
    json_t *exclusion;
    json_array_foreach((json_t *)entry->exclude, index, exclusion)
    {
        int status = check_exclusion(entry, exclusion, error);
        if (status)
            return status;
    }
    return 0;
}

int mm_plan_read_entry(struct mm_plan_builder *builder, const json_t *node,
                       struct mm_plan_entry *entry)
{
    const struct mm_config *config = builder->suite;
    struct mm_error *error = builder->error;
    int status =
        mm_config_check_keys(config, node, "a case", CASE_KEYS, MM_COUNT_OF(CASE_KEYS), error);
    if (status)
        return status;
    const json_t *workload = json_object_get(node, "workload");
    if (!workload)
        return mm_error_set(error, -EINVAL, "%s: a case without 'workload'",
                            mm_config_where(config, node));
    status = check_one_text(config, workload, "workload", error);
    if (status)
        return status;
    *entry = (struct mm_plan_entry){
        .config = config,
        .node = node,
        .settings = builder->defaults,
        .parameters = json_object_get(node, "parameters"),
        .exclude = json_object_get(node, "exclude"),
    };
    status =
        mm_plan_find_workload(builder->plan, json_string_value(workload), &entry->workload, error);
    if (status) {
        mm_error_prefix(error, "%s", mm_config_where(config, workload));
        return status;
    }
    status = read_settings(config, node, &entry->settings, error);
    if (!status)
        status = check_rate(entry, error);
    if (!status && entry->parameters)
        status = check_parameters(entry, error);
    if (!status && entry->exclude)
        status = check_exclusions(entry, error);
    return status;
}

int mm_plan_read_suite_head(const struct mm_plan_request *request, char **name, char **purpose,
                            struct mm_error *error)
{
    struct mm_config *config = NULL;
    char *path = NULL;
    int status = mm_plan_load_suite(request, &config, &path, error);
    if (status)
        return status;
    status = check_suite(config, error);
    if (!status)
        status = check_suite_name(config, mm_config_root(config), error);
    if (!status) {
        const json_t *root = mm_config_root(config);
        const char *text = json_string_value(json_object_get(root, "purpose"));
        char *name_copy = strdup(json_string_value(json_object_get(root, "name")));
        char *purpose_copy = strdup(text ? text : "");
        if (name_copy && purpose_copy) {
            *name = name_copy;
            *purpose = purpose_copy;
        } else {
            free(name_copy);
            free(purpose_copy);
            status = mm_error_set(error, -ENOMEM, "not enough memory");
        }
    }
    mm_config_free(config);
    free(path);
    return status;
}
