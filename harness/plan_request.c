/* The command line as trees of the form that suites have, and as a selection from a suite. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "harness/plan_internal.h"

static int no_memory(struct mm_error *error)
{
    return mm_error_set(error, -ENOMEM, "not enough memory");
}

/* Appends text[0..length) to list and marks it. */
static int append_text(struct mm_config *config, json_t *list, const char *text, size_t length,
                       const char *where, struct mm_error *error)
{
    json_t *item = json_stringn(text, length);
    if (!item)
        return mm_error_set(error, -EINVAL, "%s: the value is not UTF-8 text", where);
    if (json_array_append_new(list, item) || mm_config_mark(config, item, NULL, where))
        return no_memory(error);
    return 0;
}

/* "a,b" becomes two items. */
static int append_list(struct mm_config *config, json_t *list, const char *text, const char *where,
                       struct mm_error *error)
{
    for (;;) {
        size_t length = strcspn(text, ",");
        int status = append_text(config, list, text, length, where, error);
        if (status || !text[length])
            return status;
        text += length + 1;
    }
}

/* The member key of object: a list of what texts name. Without texts nothing is added. */
static int add_list(struct mm_config *config, json_t *object, const char *key,
                    const char *const *texts, size_t count, const char *where,
                    struct mm_error *error)
{
    if (!count)
        return 0;
    json_t *list = json_array();
    if (json_object_set_new(object, key, list) || mm_config_mark(config, list, NULL, where))
        return no_memory(error);
    for (size_t i = 0; i < count; i++) {
        int status = append_list(config, list, texts[i], where, error);
        if (status)
            return status;
    }
    return 0;
}

static int add_case(struct mm_config *config, json_t *cases, const char *workload, size_t length,
                    const struct mm_plan_request *request, struct mm_error *error)
{
    json_t *node = json_object();
    if (json_array_append_new(cases, node) || mm_config_mark(config, node, NULL, "command line"))
        return no_memory(error);
    json_t *name = json_stringn(workload, length);
    if (!name)
        return mm_error_set(error, -EINVAL, "--workload: the value is not UTF-8 text");
    if (json_object_set_new(node, "workload", name) ||
        mm_config_mark(config, name, NULL, "--workload"))
        return no_memory(error);
    int status = add_list(config, node, "engine", request->engines, request->engine_count,
                          "--engine", error);
    if (!status)
        status = add_list(config, node, "cache", request->caches, request->cache_count, "--cache",
                          error);
    return status;
}

int mm_plan_suite_from_request(const struct mm_plan_request *request, struct mm_config **config,
                               struct mm_error *error)
{
    if (!request->workload_count)
        return mm_error_set(error, -EINVAL,
                            "name a suite (such as quick) or a workload (such as --workload "
                            "sequential); 'mapmeter list' shows all");
    struct mm_config *made = mm_config_new();
    if (!made)
        return no_memory(error);
    json_t *root = mm_config_root(made);
    json_t *cases = json_array();
    int status = 0;
    if (json_object_set_new(root, "name", json_string(MM_PLAN_COMMAND_LINE)) ||
        json_object_set_new(root, "purpose", json_string("cases named on the command line")) ||
        json_object_set_new(root, "cases", cases) ||
        mm_config_mark(made, root, NULL, "command line"))
        status = no_memory(error);
    for (size_t i = 0; i < request->workload_count && !status; i++) {
        const char *text = request->workloads[i];
        while (!status) {
            size_t length = strcspn(text, ",");
            status = add_case(made, cases, text, length, request, error);
            if (!text[length])
                break;
            text += length + 1;
        }
    }
    if (status)
        mm_config_free(made);
    else
        *config = made;
    return status;
}

static int add_override(struct mm_config *config, const char *option, struct mm_error *error)
{
    json_t *root = mm_config_root(config);
    const char *equals = strchr(option, '=');
    if (!equals || equals == option)
        return mm_error_set(error, -EINVAL, "-p %s: write name=value or name=value,value", option);
    char *name = strndup(option, (size_t)(equals - option));
    char *where = mm_text_format("-p %s", option);
    int status = 0;
    json_t *list = json_array();
    if (!name || !where || !list) {
        json_decref(list);
        status = no_memory(error);
    } else if (json_object_get(root, name)) {
        json_decref(list);
        status = mm_error_set(error, -EINVAL,
                              "%s: '%s' is given twice; several values are one list: -p %s=a,b",
                              where, name, name);
    } else if (json_object_set_new(root, name, list)) {
        status = mm_error_set(error, -EINVAL, "%s: the name is not UTF-8 text", where);
    } else if (mm_config_mark(config, list, NULL, where)) {
        status = no_memory(error);
    }
    if (!status)
        status = append_list(config, list, equals + 1, where, error);
    if (!status)
        status = mm_plan_check_texts(config, list, name, error);
    free(name);
    free(where);
    return status;
}

int mm_plan_overrides_from_request(const struct mm_plan_request *request, struct mm_config **config,
                                   struct mm_error *error)
{
    struct mm_config *made = mm_config_new();
    if (!made)
        return no_memory(error);
    for (size_t i = 0; i < request->parameter_count; i++) {
        int status = add_override(made, request->parameters[i], error);
        if (status) {
            mm_config_free(made);
            return status;
        }
    }
    *config = made;
    return 0;
}

bool mm_plan_names(const char *const *texts, size_t count, const char *name)
{
    if (!count)
        return true;
    size_t name_length = strlen(name);
    for (size_t i = 0; i < count; i++) {
        const char *text = texts[i];
        for (;;) {
            size_t length = strcspn(text, ",");
            if (length == name_length && !strncmp(text, name, length))
                return true;
            if (!text[length])
                break;
            text += length + 1;
        }
    }
    return false;
}

int mm_plan_select(const struct mm_plan_builder *builder, struct mm_plan_entry *entry, bool *left)
{
    const struct mm_plan_request *request = builder->request;
    struct mm_plan_settings *settings = &entry->settings;
    size_t engines = 0;
    for (size_t i = 0; i < settings->engine_count; i++) {
        if (mm_plan_names(request->engines, request->engine_count, settings->engines[i]->name))
            settings->engines[engines++] = settings->engines[i];
    }
    settings->engine_count = engines;
    size_t caches = 0;
    for (size_t i = 0; i < settings->cache_count; i++) {
        if (mm_plan_names(request->caches, request->cache_count,
                          mm_cache_state_name(settings->caches[i])))
            settings->caches[caches++] = settings->caches[i];
    }
    settings->cache_count = caches;
    if (request->launches > MM_PLAN_LAUNCH_LIMIT)
        return mm_error_set(builder->error, -EINVAL, "--launches %u: at most %d are possible",
                            request->launches, MM_PLAN_LAUNCH_LIMIT);
    if (request->launches)
        settings->launches = request->launches;
    if (request->size) {
        int status = mm_plan_parse_size(request->size, &settings->sizes[0], builder->error);
        if (status) {
            mm_error_prefix(builder->error, "--size");
            return status;
        }
        settings->size_count = 1;
    }
    int status = mm_plan_select_measures(request, settings, builder->error);
    if (status)
        return status;
    *left = engines && caches &&
            mm_plan_names(request->workloads, request->workload_count, entry->workload->name);
    return 0;
}

/* Calls check with every name of the lists. */
static int check_names(const char *const *texts, size_t count, const char *option,
                       int (*check)(const struct mm_plan *plan, const char *name,
                                    struct mm_error *error),
                       const struct mm_plan_builder *builder)
{
    struct mm_error *error = builder->error;
    for (size_t i = 0; i < count; i++) {
        const char *text = texts[i];
        for (;;) {
            size_t length = strcspn(text, ",");
            char *name = strndup(text, length);
            if (!name)
                return no_memory(error);
            int status = length ? check(builder->plan, name, error)
                                : mm_error_set(error, -EINVAL, "an empty name in '%s'", texts[i]);
            free(name);
            if (status) {
                mm_error_prefix(error, "%s", option);
                return status;
            }
            if (!text[length])
                break;
            text += length + 1;
        }
    }
    return 0;
}

static int check_workload(const struct mm_plan *plan, const char *name, struct mm_error *error)
{
    const struct mm_workload *workload;
    return mm_plan_find_workload(plan, name, &workload, error);
}

static int check_engine(const struct mm_plan *plan, const char *name, struct mm_error *error)
{
    (void)plan;
    const struct mm_engine *engine;
    return mm_plan_find_engine(name, &engine, error);
}

static int check_cache(const struct mm_plan *plan, const char *name, struct mm_error *error)
{
    (void)plan;
    enum mm_cache_state cache;
    return mm_cache_state_parse(name, &cache, error);
}

int mm_plan_check_selection(struct mm_plan_builder *builder)
{
    const struct mm_plan_request *request = builder->request;
    int status = check_names(request->workloads, request->workload_count, "--workload",
                             check_workload, builder);
    if (!status)
        status =
            check_names(request->engines, request->engine_count, "--engine", check_engine, builder);
    if (!status)
        status =
            check_names(request->caches, request->cache_count, "--cache", check_cache, builder);
    return status;
}

static bool case_knows(const struct mm_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->case_count; i++) {
        if (mm_plan_parameter(plan->cases[i].workload, plan->cases[i].engine, name))
            return true;
    }
    return false;
}

int mm_plan_check_overrides(const struct mm_plan_builder *builder)
{
    const struct mm_plan *plan = builder->plan;
    const char *name;
    json_t *list;
    json_object_foreach(mm_config_root(builder->overrides), name, list)
    {
        if (case_knows(plan, name))
            continue;
        const struct mm_workload *workloads[MM_PLAN_LIST_LIMIT];
        const struct mm_engine *engines[MM_PLAN_LIST_LIMIT];
        struct mm_plan_scope scope = {.workloads = workloads, .engines = engines};
        /* The same one may be there often: that harms no search for the nearest name. */
        for (size_t i = 0; i < plan->case_count; i++) {
            const struct mm_plan_case *one = &plan->cases[i];
            size_t w = scope.workload_count;
            size_t e = scope.engine_count;
            if (w < MM_PLAN_LIST_LIMIT && (!w || workloads[w - 1] != one->workload))
                workloads[scope.workload_count++] = one->workload;
            if (e < MM_PLAN_LIST_LIMIT && (!e || engines[e - 1] != one->engine))
                engines[scope.engine_count++] = one->engine;
        }
        int status = mm_plan_unknown_parameter(&scope, name, builder->error);
        mm_error_prefix(builder->error, "%s", mm_config_where(builder->overrides, list));
        return status;
    }
    return 0;
}
