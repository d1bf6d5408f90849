/* mapmeter list: workloads, engines, suites and metrics, each with its parameters. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "harness/cli/cli.h"
#include "harness/plugin.h"
#include "workloads/workload.h"

struct metric {
    const char *name;
    const char *summary;
};

/* What a record, its derived files and its reports have of cases. */
static const struct metric metrics[] = {
    {"bytes_per_second", "payload moved per second of a sample"},
    {"items_per_second", "operations or elements per second, as the workload counts them"},
    {"minor_faults", "page faults served from memory, per phase"},
    {"major_faults", "page faults that waited for storage, per phase"},
    {"bytes_per_fault", "payload that one page fault brought"},
    {"context_switches", "times the process left its processor, per phase"},
    {"task_clock_ns", "time on a processor, per phase"},
    {"dtlb_load_misses", "misses of the translation cache, where the processor counts them"},
    {"resident_share_before", "share of the data in the page cache before the clock started"},
    {"flush_p50_ns", "median latency of a flush"},
    {"flush_p99_ns", "99th percentile of the latency of a flush"},
    {"flush_p999_ns", "99.9th percentile of the latency of a flush"},
    {"flush_max_ns", "slowest flush"},
    {"touch_ns", "latency of an operation, with --measure latency: the whole distribution"},
    {"gather_ns", "the same until its gather was done"},
    {"lock_ns", "the same until it had its lock"},
    {"durable_ns", "the same until the flush that belongs to it was done"},
};

static const char *const kinds[] = {"workloads", "engines", "suites", "metrics"};
enum { KIND_WORKLOADS, KIND_ENGINES, KIND_SUITES, KIND_METRICS, KIND_COUNT };

struct list_options {
    const char **plugins; /* as many as there are words at most */
    struct mm_plugin **opened;
    size_t plugin_count;
    bool wanted[KIND_COUNT];
    bool any;
    bool json;
    struct mm_error error;
};

/* The suites that can be named: those of the folder, then those in the program. */
struct suite_names {
    char **names;
    size_t count;
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct list_options *list = state->input;
    if (key == 'j') {
        list->json = true;
        return 0;
    }
    if (key == 'P') {
        list->plugins[list->plugin_count++] = argument;
        return 0;
    }
    if (key != ARGP_KEY_ARG)
        return ARGP_ERR_UNKNOWN;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (!strcmp(kinds[i], argument)) {
            list->wanted[i] = list->any = true;
            return 0;
        }
    }
    char suggestion[96];
    mm_text_suggestion(argument, kinds, KIND_COUNT, suggestion, sizeof(suggestion));
    mm_error_set(&list->error, -EINVAL, "unknown kind '%s'%s", argument,
                 suggestion[0] ? suggestion : "; there are workloads, engines, suites and metrics");
    return EINVAL;
}

static const char *type_name(const struct mm_parameter *parameter)
{
    switch (parameter->type) {
    case MM_PARAMETER_SIZE:
        return "size";
    case MM_PARAMETER_COUNT:
        return "count";
    case MM_PARAMETER_SHARE:
        return "share";
    case MM_PARAMETER_REAL:
        return "real";
    case MM_PARAMETER_CHOICE:
        return "choice";
    case MM_PARAMETER_FLAG:
        return "flag";
    case MM_PARAMETER_TEXT:
        return "text";
    }
    return "text";
}

static void print_parameters(const struct mm_parameter *parameters, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct mm_parameter *parameter = &parameters[i];
        printf("      %s=%s  %s", parameter->name, parameter->default_text, parameter->summary);
        if (parameter->type == MM_PARAMETER_CHOICE)
            printf(" (%s)", parameter->choices);
        else
            printf(" (%s)", type_name(parameter));
        putchar('\n');
    }
}

static json_t *limit_to_json(const struct mm_parameter *parameter, uint64_t limit)
{
    bool has_limits = parameter->type == MM_PARAMETER_SIZE || parameter->type == MM_PARAMETER_COUNT;
    return has_limits && limit && limit <= INT64_MAX ? json_integer((json_int_t)limit)
                                                     : json_null();
}

static json_t *choices_to_json(const struct mm_parameter *parameter)
{
    if (parameter->type != MM_PARAMETER_CHOICE)
        return json_null();
    json_t *list = json_array();
    const char *text = parameter->choices;
    for (;;) {
        size_t length = strcspn(text, "|");
        json_array_append_new(list, json_stringn(text, length));
        if (!text[length])
            return list;
        text += length + 1;
    }
}

static json_t *parameters_to_json(const struct mm_parameter *parameters, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct mm_parameter *one = &parameters[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "name", one->name,
                                        "summary", one->summary, "type", type_name(one), "default",
                                        one->default_text, "choices", choices_to_json(one),
                                        "minimum", limit_to_json(one, one->minimum), "maximum",
                                        limit_to_json(one, one->maximum)));
    }
    return list;
}

/* The workloads of the program, then those of the plug-ins. */
static const struct mm_workload *workload_at(const struct list_options *list, size_t index)
{
    return index < mm_workload_count ? mm_workloads[index]
                                     : mm_plugin_workload(list->opened[index - mm_workload_count]);
}

static json_t *workloads_to_json(const struct list_options *options)
{
    json_t *list = json_array();
    for (size_t i = 0; i < mm_workload_count + options->plugin_count; i++) {
        const struct mm_workload *one = workload_at(options, i);
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:o}", "name", one->name, "summary",
                                        one->summary, "parameters",
                                        parameters_to_json(one->parameters, one->parameter_count)));
    }
    return list;
}

static json_t *engines_to_json(void)
{
    json_t *list = json_array();
    for (size_t i = 0; i < mm_engine_count; i++) {
        const struct mm_engine *one = mm_engines[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:o}", "name", one->name, "summary",
                                        one->summary, "parameters",
                                        parameters_to_json(one->parameters, one->parameter_count)));
    }
    return list;
}

static json_t *metrics_to_json(void)
{
    json_t *list = json_array();
    for (size_t i = 0; i < MM_COUNT_OF(metrics); i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "name", metrics[i].name, "summary", metrics[i].summary));
    return list;
}

static int add_name(struct suite_names *suites, const char *name, size_t length)
{
    for (size_t i = 0; i < suites->count; i++) {
        if (strlen(suites->names[i]) == length && !strncmp(suites->names[i], name, length))
            return 0;
    }
    char **names = reallocarray(suites->names, suites->count + 1, sizeof(*names));
    if (!names)
        return -ENOMEM;
    suites->names = names;
    names[suites->count] = strndup(name, length);
    if (!names[suites->count])
        return -ENOMEM;
    suites->count++;
    return 0;
}

static void release_names(struct suite_names *suites)
{
    for (size_t i = 0; i < suites->count; i++)
        free(suites->names[i]);
    free(suites->names);
}

static int is_suite_file(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 5 && !strcmp(entry->d_name + length - 5, ".yaml");
}

static int collect_names(const char *folder, struct suite_names *suites)
{
    int status = 0;
    struct dirent **entries = NULL;
    int count = folder ? scandir(folder, &entries, is_suite_file, alphasort) : 0;
    for (int i = 0; i < count; i++) {
        if (!status)
            status = add_name(suites, entries[i]->d_name, strlen(entries[i]->d_name) - 5);
        free(entries[i]);
    }
    free(entries);
    for (size_t i = 0; i < mm_cli_suite_count && !status; i++)
        status = add_name(suites, mm_cli_suites[i].name, strlen(mm_cli_suites[i].name));
    return status;
}

/* The purpose of the suite of that name, or what is wrong with it; newly allocated. */
static char *purpose_of(const char *name, const char *folder)
{
    struct mm_plan_request request = {
        .suite = name,
        .suite_folder = folder,
        .shipped = mm_cli_suites,
        .shipped_count = mm_cli_suite_count,
    };
    struct mm_error error;
    char *suite = NULL;
    char *purpose = NULL;
    if (mm_plan_read_suite_head(&request, &suite, &purpose, &error))
        return mm_text_format("cannot be used: %s", error.text);
    free(suite);
    return purpose;
}

static json_t *suites_to_json(const struct suite_names *suites, const char *folder)
{
    json_t *list = json_array();
    for (size_t i = 0; i < suites->count; i++) {
        char *purpose = purpose_of(suites->names[i], folder);
        json_array_append_new(
            list, json_pack("{s:s, s:s?}", "name", suites->names[i], "purpose", purpose));
        free(purpose);
    }
    return list;
}

static json_t *list_to_json(const struct list_options *list, const struct suite_names *suites,
                            const char *folder)
{
    json_t *root = json_object();
    if (list->wanted[KIND_WORKLOADS])
        json_object_set_new(root, "workloads", workloads_to_json(list));
    if (list->wanted[KIND_ENGINES])
        json_object_set_new(root, "engines", engines_to_json());
    if (list->wanted[KIND_SUITES])
        json_object_set_new(root, "suites", suites_to_json(suites, folder));
    if (list->wanted[KIND_METRICS])
        json_object_set_new(root, "metrics", metrics_to_json());
    return root;
}

static void print_list(const struct list_options *list, const struct suite_names *suites,
                       const char *folder)
{
    if (list->wanted[KIND_WORKLOADS])
        puts("workloads, what is done to the array (-w NAME; parameters: -p NAME=VALUE):");
    size_t workload_count = mm_workload_count + list->plugin_count;
    for (size_t i = 0; i < workload_count && list->wanted[KIND_WORKLOADS]; i++) {
        const struct mm_workload *one = workload_at(list, i);
        printf("  %s: %s\n", one->name, one->summary);
        print_parameters(one->parameters, one->parameter_count);
    }
    if (list->wanted[KIND_ENGINES])
        puts("engines, how its bytes are reached (-e NAME; parameters: -p NAME=VALUE):");
    for (size_t i = 0; i < mm_engine_count && list->wanted[KIND_ENGINES]; i++) {
        printf("  %s: %s\n", mm_engines[i]->name, mm_engines[i]->summary);
        print_parameters(mm_engines[i]->parameters, mm_engines[i]->parameter_count);
    }
    if (list->wanted[KIND_SUITES])
        puts("suites, lists of cases (mapmeter run NAME):");
    for (size_t i = 0; i < suites->count && list->wanted[KIND_SUITES]; i++) {
        char *purpose = purpose_of(suites->names[i], folder);
        printf("  %s: %s\n", suites->names[i], purpose ? purpose : "");
        free(purpose);
    }
    if (list->wanted[KIND_METRICS])
        puts("metrics of every case:");
    for (size_t i = 0; i < MM_COUNT_OF(metrics) && list->wanted[KIND_METRICS]; i++)
        printf("  %s: %s\n", metrics[i].name, metrics[i].summary);
}

static int list_all(struct list_options *list)
{
    const char *folder = getenv("MAPMETER_SUITES");
    struct suite_names suites = {0};
    int status = collect_names(folder, &suites);
    if (!status && list->json)
        status = mm_cli_print_json(list_to_json(list, &suites, folder));
    else if (!status)
        print_list(list, &suites, folder);
    release_names(&suites);
    if (status) {
        mm_error_set(&list->error, status, "not enough memory");
        return mm_cli_fail("list", &list->error, MM_CLI_FAILED);
    }
    return mm_cli_finish_output("list", MM_CLI_OK);
}

static int open_plugins(struct list_options *list)
{
    int status = 0;
    for (size_t i = 0; i < list->plugin_count && !status; i++)
        status = mm_plugin_open(list->plugins[i], &list->opened[i], &list->error);
    return status;
}

int mm_cmd_list(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"json", 'j', NULL, 0, "print JSON", 0},
        {"plugin", 'P', "FILE", 0, "list the workload of this shared object too", 0},
        {NULL, 0, NULL, 0, NULL, 0},
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse_option,
        .args_doc = "[workloads|engines|suites|metrics]...",
        .doc = "Lists what there is, each with its parameters and their defaults.\v"
               "Examples:\n  mapmeter list\n  mapmeter list workloads\n  mapmeter list --json",
    };
    struct list_options list = {
        .plugins = calloc((size_t)argc + 1, sizeof(char *)),
        .opened = calloc((size_t)argc + 1, sizeof(struct mm_plugin *)),
    };
    int status = 0;
    if (!list.plugins || !list.opened)
        status = mm_error_set(&list.error, -ENOMEM, "not enough memory");
    if (!status)
        status = mm_cli_parse(&argp, argc, argv, &list, &list.error);
    if (!status)
        status = open_plugins(&list);
    for (size_t i = 0; i < KIND_COUNT && !list.any; i++)
        list.wanted[i] = true;
    int exit_code =
        status ? mm_cli_fail("list", &list.error, mm_cli_exit_code(status)) : list_all(&list);
    for (size_t i = 0; list.opened && i < list.plugin_count; i++)
        mm_plugin_release(list.opened[i]);
    free(list.plugins);
    free(list.opened);
    return exit_code;
}
