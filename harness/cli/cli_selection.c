/* The options that select cases and say where their data files are, the same for run and gate. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/units.h"
#include "harness/cli/cli.h"
#include "harness/data_file.h"

/* Keys of options without a letter; those of the commands lie below. */
enum { KEY_SEED = 2000, KEY_SIZE, KEY_DATA_DIR, KEY_DATA_LIMIT };

static const struct argp_option options[] = {
    {"workload", 'w', "NAME,...", 0, "workloads, without a suite; with one: only these",
     MM_CLI_GROUP_CASES},
    {"engine", 'e', "NAME,...", 0, "engines (all of them without this option)", MM_CLI_GROUP_CASES},
    {"cache", 'c', "STATE,...", 0, "cache states: cold, warm, dirty, pressure (the first two)",
     MM_CLI_GROUP_CASES},
    {"parameter", 'p', "NAME=VALUE,...", 0,
     "a parameter of a workload or an engine; several values multiply", MM_CLI_GROUP_CASES},
    {"seed", KEY_SEED, "N", 0, "of the order and of all random choices (a new one every time)",
     MM_CLI_GROUP_CASES},
    {"size", KEY_SIZE, "SIZE", 0, "of the generated data files, such as 64MiB", MM_CLI_GROUP_DATA},
    {"data-dir", KEY_DATA_DIR, "DIR", 0,
     "where generated data files live and are found again ($MAPMETER_DATA_DIR, else "
     "~/.cache/mapmeter)",
     MM_CLI_GROUP_DATA},
    {"dir", 0, NULL, OPTION_ALIAS, NULL, MM_CLI_GROUP_DATA},
    {"data-limit", KEY_DATA_LIMIT, "SIZE", 0,
     "what that folder may hold: those used longest ago go first, never one in use (half of what "
     "its file system has for them)",
     MM_CLI_GROUP_DATA},
    {NULL, 0, NULL, 0, NULL, 0},
};

/* Decimal, or hexadecimal as records have it. */
static error_t parse_seed(struct mm_cli_selection *selection, const char *text)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 0);
    if (text[0] < '0' || text[0] > '9' || *end || errno) {
        mm_error_set(selection->error, -EINVAL, "--seed %s: write a whole number below 2^64", text);
        return EINVAL;
    }
    selection->request->has_seed = true;
    selection->request->seed = value;
    return 0;
}

static error_t parse_limit(struct mm_cli_selection *selection, const char *text)
{
    if (mm_units_parse_size(text, &selection->data_limit_bytes) || !selection->data_limit_bytes) {
        mm_error_set(selection->error, -EINVAL,
                     "--data-limit %s: write a size above 0, such as 20GiB", text);
        return EINVAL;
    }
    return 0;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct mm_cli_selection *selection = state->input;
    struct mm_plan_request *request = selection->request;
    switch (key) {
    case 'w':
        selection->workloads[request->workload_count++] = argument;
        return 0;
    case 'e':
        selection->engines[request->engine_count++] = argument;
        return 0;
    case 'c':
        selection->caches[request->cache_count++] = argument;
        return 0;
    case 'p':
        selection->parameters[request->parameter_count++] = argument;
        return 0;
    case KEY_SEED:
        return parse_seed(selection, argument);
    case KEY_SIZE:
        request->size = argument;
        return 0;
    case KEY_DATA_DIR:
        selection->data_folder = argument;
        return 0;
    case KEY_DATA_LIMIT:
        return parse_limit(selection, argument);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp mm_cli_selection_argp = {.options = options, .parser = parse_option};

int mm_cli_selection_begin(struct mm_cli_selection *selection, struct mm_plan_request *request,
                           int argc, struct mm_error *error)
{
    size_t words = (size_t)argc + 1;
    *selection = (struct mm_cli_selection){
        .request = request,
        .error = error,
        .workloads = calloc(words, sizeof(char *)),
        .engines = calloc(words, sizeof(char *)),
        .caches = calloc(words, sizeof(char *)),
        .parameters = calloc(words, sizeof(char *)),
        .files = calloc(words, sizeof(char *)),
    };
    if (!selection->workloads || !selection->engines || !selection->caches ||
        !selection->parameters || !selection->files)
        return mm_error_set(error, -ENOMEM, "not enough memory");
    return 0;
}

int mm_cli_selection_finish(struct mm_cli_selection *selection)
{
    struct mm_plan_request *request = selection->request;
    const char *asked = selection->data_folder;
    selection->folder = asked ? strdup(asked) : mm_data_file_default_folder();
    if (!selection->folder)
        return mm_error_set(selection->error, -ENOMEM, "not enough memory");
    request->workloads = selection->workloads;
    request->engines = selection->engines;
    request->caches = selection->caches;
    request->parameters = selection->parameters;
    request->files = selection->files;
    request->data_folder = selection->folder;
    request->suite_folder = getenv("MAPMETER_SUITES");
    request->shipped = mm_cli_suites;
    request->shipped_count = mm_cli_suite_count;
    return 0;
}

void mm_cli_selection_release(struct mm_cli_selection *selection)
{
    free(selection->workloads);
    free(selection->engines);
    free(selection->caches);
    free(selection->parameters);
    free(selection->files);
    free(selection->folder);
}
