/* From a request to the whole plan. */
#include "harness/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "harness/plan_internal.h"

static int no_memory(struct mm_error *error)
{
    return mm_error_set(error, -ENOMEM, "not enough memory");
}

void mm_plan_free(struct mm_plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i < plan->case_count; i++)
        mm_plan_case_release(&plan->cases[i]);
    for (size_t i = 0; i < plan->file_count; i++)
        mm_plan_file_release(&plan->files[i]);
    for (size_t i = 0; i < plan->plugin_count; i++)
        mm_plugin_release(plan->plugins[i]);
    free(plan->cases);
    free(plan->files);
    free(plan->plugins);
    free(plan->suite);
    free(plan->suite_path);
    free(plan->purpose);
    free(plan);
}

static void release_builder(struct mm_plan_builder *builder)
{
    if (builder->plan) {
        for (size_t i = 0; i < builder->plan->case_count; i++)
            free(builder->case_where[i]);
    }
    free(builder->case_where);
    free(builder->user_path);
    mm_config_free(builder->suite);
    mm_config_free(builder->overrides);
    mm_plan_free(builder->plan);
}

/* Two of one name could not be told apart in a record. */
static int check_other_plugins(const struct mm_plan *plan, const struct mm_plugin *plugin,
                               struct mm_error *error)
{
    const char *name = mm_plugin_workload(plugin)->name;
    for (size_t i = 0; i < plan->plugin_count; i++) {
        if (!strcmp(mm_plugin_workload(plan->plugins[i])->name, name))
            return mm_error_set(error, -EINVAL, "plug-in %s: the workload '%s' is also in %s",
                                mm_plugin_path(plugin), name, mm_plugin_path(plan->plugins[i]));
    }
    return 0;
}

static int load_plugins(struct mm_plan_builder *builder)
{
    const struct mm_plan_request *request = builder->request;
    struct mm_plan *plan = builder->plan;
    plan->plugins = calloc(request->plugin_count + 1, sizeof(struct mm_plugin *));
    if (!plan->plugins)
        return no_memory(builder->error);
    for (size_t i = 0; i < request->plugin_count; i++) {
        struct mm_plugin *plugin = NULL;
        int status = mm_plugin_open(request->plugins[i], &plugin, builder->error);
        if (!status)
            status = check_other_plugins(plan, plugin, builder->error);
        if (status) {
            mm_plugin_release(plugin);
            return status;
        }
        plan->plugins[plan->plugin_count++] = plugin;
    }
    return 0;
}

/* Without a suite and a name the workloads of the plug-ins are meant. *names is newly allocated. */
static int name_plugged_in(const struct mm_plan *plan, struct mm_plan_request *request,
                           const char ***names, struct mm_error *error)
{
    if (request->suite || request->workload_count || !plan->plugin_count)
        return 0;
    *names = calloc(plan->plugin_count, sizeof(const char *));
    if (!*names)
        return no_memory(error);
    for (size_t i = 0; i < plan->plugin_count; i++)
        (*names)[i] = mm_plugin_workload(plan->plugins[i])->name;
    request->workloads = *names;
    request->workload_count = plan->plugin_count;
    return 0;
}

/* The trees: the suite or what stands for it, and the -p options. */
static int load_trees(struct mm_plan_builder *builder)
{
    const struct mm_plan_request *request = builder->request;
    int status = mm_plan_check_selection(builder);
    if (!status)
        status = mm_plan_overrides_from_request(request, &builder->overrides, builder->error);
    if (!status && request->suite)
        status = mm_plan_load_suite(request, &builder->suite, &builder->plan->suite_path,
                                    builder->error);
    else if (!status)
        status = mm_plan_suite_from_request(request, &builder->suite, builder->error);
    if (!status)
        status = mm_plan_read_head(builder);
    /* A suite that cannot be opened is the user's mistake, as a misspelled one is. */
    if (status && status != -ENOMEM)
        builder->error->code = status = -EINVAL;
    return status;
}

/* Every entry is checked whole, also when the command line does not select it. */
static int expand_all(struct mm_plan_builder *builder)
{
    json_t *cases = json_object_get(mm_config_root(builder->suite), "cases");
    size_t index;
    json_t *node;
    json_array_foreach(cases, index, node)
    {
        struct mm_plan_entry entry;
        bool left = false;
        int status = mm_plan_read_entry(builder, node, &entry);
        if (!status)
            status = mm_plan_select(builder, &entry, &left);
        if (!status && left)
            status = mm_plan_expand_entry(builder, &entry);
        if (status)
            return status;
    }
    if (builder->plan->case_count)
        return 0;
    return mm_error_set(builder->error, -EINVAL,
                        "the matrix is empty: the suite '%s' has no case with the selected "
                        "workloads, engines and cache states",
                        builder->plan->suite);
}

struct named_case {
    const char *name;
    const char *where;
};

static int compare_names(const void *a, const void *b)
{
    const struct named_case *left = a;
    const struct named_case *right = b;
    return strcmp(left->name, right->name);
}

/* Names identify cases across records, so no two of a plan may be the same. */
static int check_unique(const struct mm_plan_builder *builder)
{
    const struct mm_plan *plan = builder->plan;
    struct named_case *sorted = calloc(plan->case_count, sizeof(*sorted));
    if (!sorted)
        return no_memory(builder->error);
    for (size_t i = 0; i < plan->case_count; i++)
        sorted[i] = (struct named_case){plan->cases[i].name, builder->case_where[i]};
    qsort(sorted, plan->case_count, sizeof(*sorted), compare_names);
    int status = 0;
    for (size_t i = 1; i < plan->case_count && !status; i++) {
        if (!compare_names(&sorted[i - 1], &sorted[i]))
            status = mm_error_set(builder->error, -EINVAL,
                                  "%s: this case comes twice (also from %s): %s", sorted[i].where,
                                  sorted[i - 1].where, sorted[i].name);
    }
    free(sorted);
    return status;
}

static int choose_seed(const struct mm_plan_request *request, uint64_t *seed,
                       struct mm_error *error)
{
    if (request->has_seed) {
        *seed = request->seed;
        return 0;
    }
    if (getrandom(seed, sizeof(*seed), 0) != (ssize_t)sizeof(*seed))
        return mm_error_set(error, -EIO, "no random seed from the system; give one by --seed");
    return 0;
}

/* The data folder as an absolute name, since workers and records outlive the current folder. */
static int absolute_folder(const char *folder, char **absolute, struct mm_error *error)
{
    char *here = getcwd(NULL, 0);
    if (!here)
        return mm_error_set(error, -errno, "the current folder: %s", strerror(errno));
    *absolute = mm_file_join(here, folder);
    free(here);
    return *absolute ? 0 : no_memory(error);
}

static int make_command(struct mm_plan_builder *builder, struct mm_plan **plan)
{
    int status = mm_plan_command(builder);
    if (!status)
        status = choose_seed(builder->request, &builder->plan->seed, builder->error);
    if (!status) {
        *plan = builder->plan;
        builder->plan = NULL;
    }
    return status;
}

int mm_plan_make(const struct mm_plan_request *request, struct mm_plan **plan,
                 struct mm_error *error)
{
    struct mm_error unwanted;
    struct mm_plan_request absolute = *request;
    struct mm_plan_builder builder = {
        .request = &absolute,
        .error = error ? error : &unwanted,
        .filtered = request->workload_count || request->engine_count || request->cache_count ||
                    request->parameter_count || request->size || request->file ||
                    request->measure_count || request->rate_count,
    };
    char *folder = NULL;
    const char **names = NULL;
    int status = absolute_folder(request->data_folder, &folder, builder.error);
    absolute.data_folder = folder;
    if (!status) {
        builder.plan = calloc(1, sizeof(*builder.plan));
        if (!builder.plan)
            status = no_memory(builder.error);
    }
    if (!status && request->command) {
        status = make_command(&builder, plan);
        goto cleanup;
    }
    if (!status)
        status = load_plugins(&builder);
    if (!status)
        status = name_plugged_in(builder.plan, &absolute, &names, builder.error);
    if (!status)
        status = load_trees(&builder);
    if (!status)
        status = mm_plan_open_user_file(&builder);
    if (!status)
        status = mm_plan_probe_folder(&builder);
    if (!status)
        status = expand_all(&builder);
    if (!status)
        status = mm_plan_check_overrides(&builder);
    if (!status)
        status = mm_plan_check_rates(builder.plan, request, builder.error);
    if (!status)
        status = check_unique(&builder);
    if (!status)
        status = choose_seed(request, &builder.plan->seed, builder.error);
    if (!status) {
        builder.plan->estimated_ns = mm_plan_estimate_ns(builder.plan);
        *plan = builder.plan;
        for (size_t i = 0; i < builder.plan->case_count; i++)
            free(builder.case_where[i]);
        builder.plan = NULL;
    }
cleanup:
    release_builder(&builder);
    free(folder);
    free(names);
    return status;
}
