/* mapmeter history: records of many days in one database, and what became of each benchmark. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/history/ingest.h"
#include "analysis/history/trend.h"
#include "analysis/report/escape.h"
#include "common/text.h"
#include "harness/cli/cli.h"
#include "harness/environment.h"
#include "results/history.h"

#define DEFAULT_DATABASE "mapmeter-history.sqlite"

/* Of 100 series without a change one is said to have one. */
#define DEFAULT_ALPHA 0.01
#define LEAST_ALPHA   0.0001
#define MOST_ALPHA    0.2
#define DEFAULT_SEED  1

/* So many permutations that alpha is at least ten of them, and not fewer than this. */
#define LEAST_PERMUTATIONS 999

struct history_options {
    const char *database;
    const char **files; /* room for all arguments; of trend the pattern */
    size_t file_count;
    const char *revision;
    const char *label;
    const char *seed_text;
    const char *alpha_text;
    struct mm_history_filter filter;
    struct mm_change_point_options test;
    const char *plot; /* folder, or NULL */
    bool changed_only;
    bool json;
    bool quiet;
    struct mm_error error;
};

enum { KEY_ALPHA = 256, KEY_SEED };

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct history_options *history = state->input;
    switch (key) {
    case 'd':
        history->database = argument;
        return 0;
    case 'r':
        history->revision = argument;
        return 0;
    case 'l':
        history->label = argument;
        return 0;
    case 'm':
        history->filter.machine = argument;
        return 0;
    case 's':
        history->filter.suite = argument;
        return 0;
    case 'M':
        history->filter.metric = argument;
        return 0;
    case KEY_ALPHA:
        history->alpha_text = argument;
        return 0;
    case KEY_SEED:
        history->seed_text = argument;
        return 0;
    case 'c':
        history->changed_only = true;
        return 0;
    case 'p':
        history->plot = argument;
        return 0;
    case 'j':
        history->json = true;
        return 0;
    case 'q':
        history->quiet = true;
        return 0;
    case ARGP_KEY_ARG:
        history->files[history->file_count++] = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Busy is no wrong usage: the work could not be finished. */
static int exit_code_of(int status)
{
    return status == -EBUSY ? MM_CLI_FAILED : mm_cli_exit_code(status);
}

static int fail(struct history_options *history, int status)
{
    return mm_cli_fail("history", &history->error, exit_code_of(status));
}

/* The fingerprint of this machine, for files that do not say where they were made. NULL when it
 * cannot be had: then these files are refused. */
static char *this_machine(void)
{
    json_t *environment = mm_environment_collect();
    const char *fingerprint = json_string_value(json_object_get(environment, "fingerprint"));
    char *copy = fingerprint ? strdup(fingerprint) : NULL;
    json_decref(environment);
    return copy;
}

/* All of them, before the first is added. */
static int read_files(struct history_options *history, struct mm_ingest *ingested)
{
    char *machine = this_machine();
    int status = 0;
    for (size_t i = 0; i < history->file_count && !status; i++) {
        const struct mm_ingest_request request = {
            .path = history->files[i],
            .revision = history->revision,
            .label = history->label,
            .machine = history->filter.machine,
            .this_machine = machine,
        };
        status = mm_ingest_file(&request, &ingested[i], &history->error);
    }
    free(machine);
    return status;
}

static void say_added(const struct history_options *history, const char *file,
                      const struct mm_ingest *ingest, bool added)
{
    const struct mm_history_record *record = &ingest->record;
    if (history->quiet)
        return;
    mm_escape_terminal(stdout, file);
    if (!added) {
        fputs(": this measurement is in the history already; nothing was changed\n", stdout);
        return;
    }
    printf(": added, %zu figures by ", record->metric_count);
    mm_escape_terminal(stdout, record->source);
    printf(" of %s, suite ", record->measured_utc);
    mm_escape_terminal(stdout, record->suite);
    fputs(ingest->machine_assumed ? ", taken to be of this machine (--machine names another)" : "",
          stdout);
    if (ingest->left_out > 0)
        printf("; %zu that failed left out", ingest->left_out);
    putchar('\n');
}

static int add_all(struct history_options *history, const struct mm_ingest *ingested)
{
    struct mm_history *opened = NULL;
    int status = mm_history_open_to_add(history->database, &opened, &history->error);
    for (size_t i = 0; i < history->file_count && !status; i++) {
        bool added = false;
        status = mm_history_add(opened, &ingested[i].record, &added, &history->error);
        if (!status)
            say_added(history, history->files[i], &ingested[i], added);
    }
    mm_history_close(opened);
    return status;
}

static int check_files(struct history_options *history)
{
    size_t streams = 0;
    for (size_t i = 0; i < history->file_count; i++)
        streams += !strcmp(history->files[i], "-");
    if (history->file_count == 0)
        return mm_error_set(&history->error, -EINVAL, "name results: mapmeter history add FILE...");
    if (streams > 1)
        return mm_error_set(&history->error, -EINVAL,
                            "standard input ('-') can be one of the files only");
    return 0;
}

static int run_add(struct history_options *history)
{
    struct mm_ingest *ingested = calloc(history->file_count + 1, sizeof(*ingested));
    int status = ingested ? check_files(history)
                          : mm_error_set(&history->error, -ENOMEM, "not enough memory");
    if (!status)
        status = read_files(history, ingested);
    if (!status)
        status = add_all(history, ingested);
    for (size_t i = 0; ingested && i < history->file_count; i++)
        mm_ingest_release(&ingested[i]);
    free(ingested);
    return status;
}

static int append_entry(void *context, const struct mm_history_entry *entry)
{
    json_t *json =
        json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:s?, s:I}", "record",
                  (json_int_t)entry->id, "identity", entry->identity, "measured_utc",
                  entry->measured_utc, "added_utc", entry->added_utc, "machine", entry->machine,
                  "suite", entry->suite, "source", entry->source, "revision", entry->revision,
                  "label", entry->label, "figures", (json_int_t)entry->metric_count);
    return json_array_append_new(context, json) ? -ENOMEM : 0;
}

/* A cell of a table, padded by characters. */
static void print_cell(const char *text, size_t width)
{
    char *shown = mm_escape_shorten(text ? text : "-", width);
    mm_escape_terminal(stdout, shown);
    for (size_t i = mm_escape_length(shown ? shown : ""); i < width + 2; i++)
        putchar(' ');
    free(shown);
}

static void print_records(const json_t *records)
{
    static const struct {
        const char *member;
        const char *title;
        size_t width;
    } columns[] = {
        {"measured_utc", "measured", 20}, {"source", "by", 16},         {"suite", "suite", 16},
        {"machine", "machine", 18},       {"revision", "revision", 12}, {"label", "label", 20},
    };
    size_t index;
    const json_t *record;
    if (json_array_size(records) == 0) {
        puts("no records");
        return;
    }
    printf("%6s  %7s  ", "record", "figures");
    for (size_t i = 0; i < MM_COUNT_OF(columns); i++)
        print_cell(columns[i].title, columns[i].width);
    putchar('\n');
    json_array_foreach(records, index, record)
    {
        printf("%6lld  %7lld  ", (long long)json_integer_value(json_object_get(record, "record")),
               (long long)json_integer_value(json_object_get(record, "figures")));
        for (size_t i = 0; i < MM_COUNT_OF(columns); i++)
            print_cell(json_string_value(json_object_get(record, columns[i].member)),
                       columns[i].width);
        putchar('\n');
    }
}

static int open_to_read(struct history_options *history, struct mm_history **opened)
{
    return mm_history_open_to_read(history->database, opened, &history->error);
}

static int run_list(struct history_options *history)
{
    struct mm_history *opened = NULL;
    json_t *records = json_array();
    if (history->file_count > 0) {
        json_decref(records);
        return mm_error_set(&history->error, -EINVAL,
                            "'%s': list takes no arguments; name a database by --database",
                            history->files[0]);
    }
    int status = records ? open_to_read(history, &opened) : -ENOMEM;
    if (!status)
        status = mm_history_each_record(opened, &history->filter, append_entry, records,
                                        &history->error);
    mm_history_close(opened);
    if (!status && history->json)
        status = mm_cli_print_json(json_pack("{s:{s:s, s:i}, s:O}", "schema", "name",
                                             "mapmeter.history", "version", 1, "records", records));
    else if (!status)
        print_records(records);
    json_decref(records);
    return status == -ENOMEM ? mm_error_set(&history->error, status, "not enough memory") : status;
}

static int parse_test(struct history_options *history)
{
    char *end;
    history->test = (struct mm_change_point_options){.alpha = DEFAULT_ALPHA, .seed = DEFAULT_SEED};
    if (history->alpha_text) {
        history->test.alpha = strtod(history->alpha_text, &end);
        if (!*history->alpha_text || *end || !(history->test.alpha >= LEAST_ALPHA) ||
            history->test.alpha > MOST_ALPHA)
            return mm_error_set(&history->error, -EINVAL,
                                "--alpha '%s': a probability from %g to %g is wanted",
                                history->alpha_text, LEAST_ALPHA, MOST_ALPHA);
    }
    if (history->seed_text) {
        errno = 0;
        history->test.seed = strtoull(history->seed_text, &end, 0);
        if (history->seed_text[0] < '0' || history->seed_text[0] > '9' || *end || errno ||
            history->test.seed > INT64_MAX)
            return mm_error_set(&history->error, -EINVAL, "--seed '%s': not a whole number",
                                history->seed_text);
    }
    double wanted = ceil(10 / history->test.alpha) - 1;
    history->test.permutations =
        wanted > LEAST_PERMUTATIONS ? (unsigned)wanted : LEAST_PERMUTATIONS;
    return 0;
}

/* Whether the terminal, or whoever reads, was told that text is UTF-8. */
static bool shows_utf8(void)
{
    static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < MM_COUNT_OF(variables); i++) {
        const char *value = getenv(variables[i]);
        if (value && *value)
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

static int print_trend(const struct history_options *history, const struct mm_trend *trend)
{
    const struct mm_trend_style style = {.colour = mm_cli_colour(stdout),
                                         .blocks = shows_utf8(),
                                         .changed_only = history->changed_only};
    return history->json ? mm_cli_print_json(mm_trend_to_json(trend, history->changed_only))
                         : mm_trend_write_text(trend, &style, stdout);
}

/* A picture that could not be drawn is a warning: its script and its data are there. */
static int write_plot(struct history_options *history, const struct mm_trend *trend)
{
    struct mm_plot plot = {0};
    int status = history->plot
                     ? mm_trend_plot_make(trend, history->changed_only, &plot, &history->error)
                     : 0;
    if (!status && plot.script)
        status = mm_plot_write(&plot, history->plot, &history->error);
    if (!status && plot.script && plot.why_missing)
        fprintf(stderr, "mapmeter history: %s\n", plot.why_missing);
    mm_plot_release(&plot);
    return status;
}

static int run_trend(struct history_options *history)
{
    struct mm_history *opened = NULL;
    struct mm_trend *trend = NULL;
    if (history->file_count > 1)
        return mm_error_set(&history->error, -EINVAL, "'%s': trend takes one pattern of benchmarks",
                            history->files[1]);
    history->filter.benchmark = history->file_count ? history->files[0] : NULL;
    int status = parse_test(history);
    if (!status)
        status = open_to_read(history, &opened);
    if (!status)
        status = mm_trend_make(opened, &history->filter, &history->test, &trend, &history->error);
    if (!status)
        status = write_plot(history, trend);
    if (!status && print_trend(history, trend))
        status =
            mm_error_set(&history->error, -EIO, "the trend cannot be written to standard output");
    mm_history_close(opened);
    mm_trend_free(trend);
    return status;
}

static const struct argp_option add_options[] = {
    {"database", 'd', "FILE", 0, "the history (./" DEFAULT_DATABASE ")", 0},
    {"revision", 'r', "REV", 0, "the revision that was measured", 0},
    {"label", 'l', "TEXT", 0, "a name for these records", 0},
    {"machine", 'm', "NAME", 0, "the machine that they were made on, whatever they say", 0},
    {"quiet", 'q', NULL, 0, "print nothing but what goes wrong", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static const struct argp_option list_options[] = {
    {"database", 'd', "FILE", 0, "the history (./" DEFAULT_DATABASE ")", 0},
    {"machine", 'm', "NAME", 0, "of this machine; the beginning of its name is enough", 0},
    {"suite", 's', "SUITE", 0, "of this suite", 0},
    {"json", 'j', NULL, 0, "print JSON", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static const struct argp_option trend_options[] = {
    {"database", 'd', "FILE", 0, "the history (./" DEFAULT_DATABASE ")", 0},
    {"metric", 'M', "NAME", 0, "only this metric, such as throughput or faults", 0},
    {"machine", 'm', "NAME", 0, "of this machine; the beginning of its name is enough", 0},
    {"suite", 's', "SUITE", 0, "of this suite", 0},
    {"changed", 'c', NULL, 0, "only what has changed, spikes aside", 0},
    {"alpha", KEY_ALPHA, "P", 0,
     "probability of a step in a series without any change (0.01, of each series)", 0},
    {"seed", KEY_SEED, "N", 0, "of the permutations of the test (1)", 0},
    {"plot", 'p', "DIR", 0, "draw the series and what changed into this folder", 0},
    {"json", 'j', NULL, 0, "print JSON", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static const struct command {
    const char *name;
    int (*run)(struct history_options *history);
    struct argp argp;
} commands[] = {
    {"add",
     run_add,
     {.options = add_options,
      .parser = parse_option,
      .args_doc = "FILE...",
      .doc =
          "Adds the figures of results to the history: results.json of 'mapmeter run' and "
          "'mapmeter "
          "gate' (or their folders), Google Benchmark's JSON, fio's, or - for standard input. All "
          "are read and checked before the first is added; what is there already is left as it "
          "is.\vExample:\n  mapmeter history add mapmeter-results/latest --label nightly"}},
    {"list",
     run_list,
     {.options = list_options,
      .parser = parse_option,
      .args_doc = "",
      .doc = "Lists the records of the history, the newest last.\v"
             "Example:\n  mapmeter history list --suite quick"}},
    {"trend",
     run_trend,
     {.options = trend_options,
      .parser = parse_option,
      .args_doc = "[BENCHMARK]",
      .doc = "Says of each benchmark and metric on each machine when it changed and by how much: "
             "steps, drifts and spikes. BENCHMARK is a part of a name, or a pattern with '*'. "
             "Advice alone: the exit code is 0 whatever it finds.\v"
             "Examples:\n  mapmeter history trend\n"
             "  mapmeter history trend 'random/*' --metric throughput"}},
};

static void print_help(void)
{
    puts("Usage: mapmeter history COMMAND [OPTION...]\n"
         "Keeps figures of many records in one database, and looks for what changed and when.\n\n"
         "  add    put results of mapmeter, Google Benchmark or fio into it\n"
         "  list   the records that it has\n"
         "  trend  steps, drifts and spikes of each benchmark; advice, not a gate\n\n"
         "'mapmeter history COMMAND --help' tells the options.");
}

static int unknown_command(const char *name)
{
    const char *names[MM_COUNT_OF(commands)];
    char suggestion[96];
    struct mm_error error;
    for (size_t i = 0; i < MM_COUNT_OF(commands); i++)
        names[i] = commands[i].name;
    mm_error_set(
        &error, -EINVAL, "'%s' is not add, list or trend%s", name,
        mm_text_suggestion(name, names, MM_COUNT_OF(commands), suggestion, sizeof(suggestion)));
    return mm_cli_fail("history", &error, MM_CLI_USAGE);
}

static int run_command(const struct command *command, int argc, char **argv)
{
    struct history_options history = {
        .database = DEFAULT_DATABASE,
        .files = calloc((size_t)argc + 1, sizeof(char *)),
    };
    char *name = mm_text_format("history %s", command->name);
    char *first = argv[0];
    int status = 0;
    if (!history.files || !name) {
        status = mm_error_set(&history.error, -ENOMEM, "not enough memory");
    } else {
        argv[0] = name; /* what the help calls it */
        status = mm_cli_parse(&command->argp, argc, argv, &history, &history.error);
        argv[0] = first;
    }
    if (!status)
        status = command->run(&history);
    int exit_code = status ? fail(&history, status) : MM_CLI_OK;
    free(history.files);
    free(name);
    return mm_cli_finish_output("history", exit_code);
}

int mm_cmd_history(int argc, char **argv)
{
    if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
        !strcmp(argv[1], "-?")) {
        print_help();
        return mm_cli_finish_output("history", MM_CLI_OK);
    }
    for (size_t i = 0; i < MM_COUNT_OF(commands); i++) {
        if (!strcmp(commands[i].name, argv[1]))
            return run_command(&commands[i], argc - 1, argv + 1);
    }
    return unknown_command(argv[1]);
}
