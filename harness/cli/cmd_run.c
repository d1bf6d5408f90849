/* mapmeter run: plans, measures, writes the record and its reports. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/report/report.h"
#include "common/file.h"
#include "common/text.h"
#include "common/units.h"
#include "harness/campaigns/run.h"
#include "harness/cli/cli.h"
#include "harness/command.h"
#include "harness/data_cache.h"
#include "results/record.h"

#define RECORD_LIMIT_BYTES ((size_t)4 << 30)

/* Keys of options without a letter. */
enum {
    KEY_PLUGIN = 256,
    KEY_COMMAND,
    KEY_DTYPE,
    KEY_SHAPE,
    KEY_OFFSET,
    KEY_ALLOW_WRITE,
    KEY_LAUNCHES,
    KEY_RESUME,
    KEY_BUDGET,
    KEY_DRY_RUN,
    KEY_EVENT,
    KEY_COUNTER_OVERHEAD,
    KEY_RATE,
    KEY_INTERVAL,
    KEY_JSON
};

/* What the command line says. The lists have room for every word of it. */
struct run_options {
    struct mm_plan_request request;
    struct mm_cli_selection selection;
    const char **plugins;
    const char **events;
    const char **measures;
    const char **rates;
    const char *out;
    const char *resume;
    bool dry_run;
    bool json;
    bool quiet;
    struct mm_error error;
};

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "What to measure:", MM_CLI_GROUP_CASES},
    {"plugin", KEY_PLUGIN, "FILE", 0,
     "a shared object with a workload of your own (docs/plugins.md)", MM_CLI_GROUP_CASES},
    {"command", KEY_COMMAND, "COMMAND", 0,
     "a whole command instead, taken apart without a shell; or its words at the end, after --",
     MM_CLI_GROUP_CASES},
    {"measure", 'm', "WHAT,...", 0,
     "throughput, or latency: of single operations, in launches of its own (throughput)",
     MM_CLI_GROUP_CASES},
    {"rate", KEY_RATE, "N,...", 0,
     "of latency: start N operations a second whether or not those before are done (closed: each "
     "when the one before is done)",
     MM_CLI_GROUP_CASES},
    {"event", KEY_EVENT, "NAME", 0,
     "count this too: a name of libpfm4, r1a8, or a tracepoint as exceptions:page_fault_user",
     MM_CLI_GROUP_CASES},
    {"counter-overhead", KEY_COUNTER_OVERHEAD, NULL, 0,
     "measure every case a second time with its counters off, in turns: what counting costs",
     MM_CLI_GROUP_CASES},
    {"interval", KEY_INTERVAL, "TIME", 0,
     "of the time series of samples that take 2 s or more (100ms), or off", MM_CLI_GROUP_CASES},
    {"launches", KEY_LAUNCHES, "N", 0, "fresh processes per case; intervals need 6",
     MM_CLI_GROUP_CASES},
    {"budget", KEY_BUDGET, "TIME", 0,
     "at most this long, such as 5m: fewer launches, but 3 per case at least", MM_CLI_GROUP_CASES},
    {NULL, 0, NULL, 0, "On which data:", MM_CLI_GROUP_DATA},
    {"file", 'f', "FILE", 0,
     "your own file instead; it is never changed without --allow-write. With --command: one that "
     "it "
     "reads, to be cold or warm (may stand several times)",
     MM_CLI_GROUP_DATA},
    {"dtype", KEY_DTYPE, "DESCR", 0, "its elements as numpy writes them, such as <f8 (bytes)",
     MM_CLI_GROUP_DATA},
    {"shape", KEY_SHAPE, "N,...", 0, "its axes (one, as long as the file)", MM_CLI_GROUP_DATA},
    {"offset", KEY_OFFSET, "SIZE", 0, "where its data starts (at 0)", MM_CLI_GROUP_DATA},
    {"allow-write", KEY_ALLOW_WRITE, NULL, 0, "workloads that write may change it",
     MM_CLI_GROUP_DATA},
    {NULL, 0, NULL, 0, "What comes out:", 4},
    {"out", 'o', "DIR", 0,
     "folder of the results, new or empty (./mapmeter-results/<UTC time>-<suite>)", 4},
    {"resume", KEY_RESUME, "DIR", 0,
     "make the launches that the run in this folder lacks; nothing else need be said", 4},
    {"dry-run", KEY_DRY_RUN, NULL, 0, "print the plan and how long it will take; do nothing", 4},
    {"json", KEY_JSON, NULL, 0, "print the record, or the plan, as JSON on standard output", 4},
    {"quiet", 'q', NULL, 0, "print nothing but what goes wrong", 4},
    {NULL, 0, NULL, 0, NULL, 0},
};

static const char doc[] =
    "Measures every case of a suite, or the cases that the options name: each in fresh processes, "
    "one after the other in shuffled rounds. Writes results.json, report.html and more into a new "
    "folder and prints a table.\v"
    "Examples:\n"
    "  mapmeter run quick\n"
    "  mapmeter run quick --dry-run\n"
    "  mapmeter run my-suite.yaml --out results/today\n"
    "  mapmeter run --resume results/today\n"
    "  mapmeter run --file data.npy --launches 10 -- python3 analyse.py data.npy\n"
    "  mapmeter run -w random -e mmap,pread -c cold -p block=4KiB,64KiB\n"
    "  mapmeter run -w sequential --file data.npy --json\n"
    "  mapmeter run -w chunked -e marray --size 1GiB --launches 12\n"
    "  mapmeter run -w random -e mmap -m latency --rate closed,10000 -p operations=20000\n"
    "\n"
    "'mapmeter list' shows the suites, the workloads, the engines and their parameters.\n"
    "\n"
    "What makes a run noisy is said before it, unless --quiet or $MAPMETER_NO_WARNINGS is there.\n"
    "\n"
    "Exit codes: 0 done; 2 wrong usage or configuration, nothing was done; 4 a case failed or gave "
    "a wrong result, or the work could not be finished.";

static int parse_count(const char *option, const char *text, uint64_t maximum, uint64_t *count,
                       struct mm_error *error)
{
    if (mm_units_parse_count(text, count) || !*count || *count > maximum)
        return mm_error_set(error, -EINVAL, "%s %s: write a whole number from 1 to %llu", option,
                            text, (unsigned long long)maximum);
    return 0;
}

static int parse_offset(const char *text, uint64_t *offset, struct mm_error *error)
{
    if (mm_units_parse_size(text, offset))
        return mm_error_set(error, -EINVAL, "--offset %s: write a size, such as 128 or 4KiB", text);
    return 0;
}

/* The options that are not just stored. */
static error_t parse_value(int key, char *argument, struct run_options *run)
{
    struct mm_plan_request *request = &run->request;
    uint64_t count;
    int status;
    switch (key) {
    case KEY_OFFSET:
        return parse_offset(argument, &request->offset_bytes, &run->error) ? EINVAL : 0;
    case KEY_LAUNCHES:
        status = parse_count("--launches", argument, 10000, &count, &run->error);
        if (!status)
            request->launches = (uint32_t)count;
        return status ? EINVAL : 0;
    case ARGP_KEY_ARG:
        if (request->suite) {
            mm_error_set(&run->error, -EINVAL, "'%s' and '%s': run takes one suite", request->suite,
                         argument);
            return EINVAL;
        }
        request->suite = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The options that may be given again and again. */
static error_t parse_one_of_many(int key, char *argument, struct run_options *run)
{
    struct mm_plan_request *request = &run->request;
    switch (key) {
    case KEY_PLUGIN:
        run->plugins[request->plugin_count++] = argument;
        return 0;
    case KEY_EVENT:
        run->events[request->event_count++] = argument;
        return 0;
    case 'm':
        run->measures[request->measure_count++] = argument;
        return 0;
    case KEY_RATE:
        run->rates[request->rate_count++] = argument;
        return 0;
    case 'f':
        run->selection.files[request->file_count++] = argument;
        return 0;
    default:
        return parse_value(key, argument, run);
    }
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct run_options *run = state->input;
    struct mm_plan_request *request = &run->request;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &run->selection;
        return 0;
    case KEY_COUNTER_OVERHEAD:
        request->counter_overhead = true;
        return 0;
    case KEY_COMMAND:
        request->command = argument;
        return 0;
    case 'o':
        run->out = argument;
        return 0;
    case 'q':
        run->quiet = true;
        return 0;
    case KEY_DTYPE:
        request->dtype = argument;
        return 0;
    case KEY_SHAPE:
        request->shape = argument;
        return 0;
    case KEY_ALLOW_WRITE:
        request->allow_write = true;
        return 0;
    case KEY_INTERVAL:
        request->interval = argument;
        return 0;
    case KEY_BUDGET:
        request->budget = argument;
        return 0;
    case KEY_RESUME:
        run->resume = argument;
        return 0;
    case KEY_DRY_RUN:
        run->dry_run = true;
        return 0;
    case KEY_JSON:
        run->json = true;
        return 0;
    default:
        return parse_one_of_many(key, argument, run);
    }
}

/* The progress of a run on standard error. */
struct progress {
    bool terminal; /* one line that is written over; else only failures are worth a line */
    bool quiet;
};

static void clear_line(const struct progress *progress)
{
    if (progress->terminal)
        fputs("\r\033[K", stderr);
}

static void show_launch(void *context, size_t done, size_t total, uint64_t left_ns,
                        const char *case_name, const char *failure_or_null)
{
    const struct progress *progress = context;
    clear_line(progress);
    if (failure_or_null)
        fprintf(stderr, "mapmeter run: %s: %s\n", case_name, failure_or_null);
    if (!progress->terminal)
        return;
    char left[MM_UNITS_TEXT_BYTES];
    if (done < total)
        fprintf(stderr, "%zu of %zu launches, %s left  %.40s", done, total,
                mm_units_show_duration((double)left_ns, left), case_name);
    fflush(stderr);
}

static void show_phase(void *context, const char *text)
{
    const struct progress *progress = context;
    if (!progress->terminal)
        return;
    clear_line(progress);
    fputs(text, stderr);
    fflush(stderr);
}

static void show_warning(void *context, const char *line)
{
    const struct progress *progress = context;
    clear_line(progress);
    if (!progress->quiet)
        fprintf(stderr, "mapmeter run: %s\n", line);
}

/* What disturbs every run on a machine is told once too often to those who know it. */
static void show_noise(void *context, const char *line)
{
    const struct progress *progress = context;
    const char *silent = getenv("MAPMETER_NO_WARNINGS");
    if (progress->quiet || (silent && *silent))
        return;
    clear_line(progress);
    fprintf(stderr, "mapmeter run: noise: %s\n", line);
}

/* The signal that ended the run early, or NULL. */
static const char *interrupted_by(const struct mm_record *record)
{
    return json_string_value(json_object_get(mm_record_run(record), "interrupted"));
}

/* Everything that follows from the record, beside it in the folder. Who has interrupted the run
 * waits for its end and not for pictures: these 'mapmeter report' makes. */
static int write_reports(const struct mm_record *record, const char *folder,
                         struct progress *progress, struct mm_error *error)
{
    bool whole = !interrupted_by(record);
    struct mm_report_options reports = {
        .html = whole,
        .markdown = true,
        .text = true,
        .samples = true,
        .plots = whole,
        .warn = show_warning,
        .warn_context = progress,
    };
    char *repetitions = mm_file_join(folder, "gbench.json");
    char *aggregates = mm_file_join(folder, "gbench-aggregates.json");
    int status = -ENOMEM;
    if (repetitions && aggregates)
        status = mm_record_save_gbench(record, repetitions, error);
    else
        mm_error_set(error, status, "not enough memory");
    if (!status)
        status = mm_record_save_gbench_aggregates(record, aggregates, error);
    free(repetitions);
    free(aggregates);
    if (!status)
        show_phase(progress, "writing the report");
    if (!status)
        status = mm_report_write(record, folder, &reports, error);
    clear_line(progress);
    return status;
}

/* The very bytes of results.json. */
static int print_record(const char *folder, struct mm_error *error)
{
    char *path = mm_file_join(folder, "results.json");
    char *bytes = NULL;
    size_t size = 0;
    int status = path ? mm_file_read(path, RECORD_LIMIT_BYTES, &bytes, &size, error)
                      : mm_error_set(error, -ENOMEM, "not enough memory");
    if (!status)
        fwrite(bytes, 1, size, stdout);
    free(bytes);
    free(path);
    return status;
}

static size_t count_failed(const struct mm_record *record)
{
    size_t failed = 0;
    size_t index;
    json_t *launch;
    json_array_foreach(mm_record_launches(record), index, launch)
    {
        const char *status = json_string_value(json_object_get(launch, "status"));
        if (!status || strcmp(status, "ok"))
            failed++;
    }
    return failed;
}

/* The last lines, and the exit code that the launches deserve. */
static int conclude(const struct run_options *run, const struct mm_plan *plan,
                    const struct mm_record *record, const char *folder)
{
    struct mm_error error;
    int exit_code = MM_CLI_OK;
    size_t launches = json_array_size(mm_record_launches(record));
    size_t failed = count_failed(record);
    const char *interrupted = interrupted_by(record);
    if (!run->json && !run->quiet && !interrupted)
        printf("\nreport: %s/report.html\n", folder);
    if (!launches && !interrupted) {
        mm_error_set(&error, 0, "nothing was measured, every case is skipped: %s",
                     plan->cases[0].skip_reason ? plan->cases[0].skip_reason : "no launch");
        mm_cli_fail("run", &error, 0);
    }
    if (failed) {
        mm_error_set(&error, 0, "%zu of %zu launches failed; the reasons are in %s/results.json",
                     failed, launches, folder);
        exit_code = mm_cli_fail("run", &error, MM_CLI_FAILED);
    }
    if (interrupted) {
        mm_error_set(&error, 0,
                     "ended early by %s; %s/results.json has the %zu launches that were "
                     "finished: 'mapmeter report %s' shows them, 'mapmeter run --resume %s' makes "
                     "the rest",
                     interrupted, folder, launches, folder, folder);
        exit_code = mm_cli_fail("run", &error, MM_CLI_FAILED);
    }
    return exit_code;
}

/* The reports of a record that is saved, and the exit code of its run. */
static int finish(const struct run_options *run, const struct mm_plan *plan,
                  const struct mm_record *record, const struct mm_cli_out *out,
                  struct progress *progress)
{
    struct mm_error error = {0};
    int status = write_reports(record, out->folder, progress, &error);
    if (!status && mm_cli_out_link(out, &error))
        show_warning(progress, error.text);
    if (!status && run->json)
        status = print_record(out->folder, &error);
    else if (!status && !run->quiet)
        status = mm_report_text(record, stdout, mm_cli_colour(stdout), &error);
    int exit_code = conclude(run, plan, record, out->folder);
    return status ? mm_cli_fail("run", &error, MM_CLI_FAILED) : exit_code;
}

static int measure(const struct run_options *run, const struct mm_plan *plan,
                   const struct mm_record *resumed, const struct mm_cli_out *out,
                   const char *const *command, size_t command_count)
{
    struct progress progress = {
        .terminal = !run->quiet && mm_cli_terminal(stderr),
        .quiet = run->quiet,
    };
    struct mm_run_progress callbacks = {
        .context = &progress, .launch = show_launch, .phase = show_phase, .noise = show_noise};
    struct mm_run_request request = {
        .plan = plan,
        .resumed = resumed,
        .command = command,
        .command_count = command_count,
        .out_folder = out->folder,
        .progress = &callbacks,
        .data_limit_bytes = run->selection.data_limit_bytes,
    };
    struct mm_error error = {0};
    struct mm_record *record = NULL;
    int status = mm_run(&request, &record, &error);
    clear_line(&progress);
    if (status) {
        mm_cli_out_remove_empty(out);
        if (resumed)
            mm_error_prefix(&error, "--resume %s", out->folder);
        /* Refused before anything was measured, or failed. */
        return mm_cli_fail("run", &error,
                           resumed && status == -EINVAL ? MM_CLI_USAGE : MM_CLI_FAILED);
    }
    int exit_code = finish(run, plan, record, out, &progress);
    mm_record_free(record);
    return exit_code;
}

static int show_plan(const struct run_options *run, const struct mm_plan *plan)
{
    int status =
        run->json ? mm_cli_print_json(mm_cli_plan_to_json(plan)) : mm_cli_print_plan(plan, stdout);
    struct mm_error error;
    if (!status)
        return MM_CLI_OK;
    mm_error_set(&error, status, "the plan cannot be printed: %s", strerror(-status));
    return mm_cli_fail("run", &error, MM_CLI_FAILED);
}

static int complete_run(struct run_options *run)
{
    struct mm_cli_out out = {.lock = -1};
    struct mm_record *record = NULL;
    struct mm_plan *plan = NULL;
    struct progress progress = {.quiet = run->quiet};
    int exit_code;
    int status = 0;
    if (run->out || run->dry_run)
        status = mm_error_set(&run->error, -EINVAL, "--resume and %s exclude each other",
                              run->out ? "--out" : "--dry-run");
    if (!status)
        status = mm_cli_out_resume(run->resume, &out, &run->error);
    if (!status)
        status = mm_cli_resume_load(out.folder, &run->request, &record, &plan, &run->error);
    if (!status)
        status = mm_data_cache_check(plan, run->selection.data_limit_bytes, &run->error);
    if (status) {
        /* Whatever is wrong with the record, its folder was the user's choice. */
        exit_code =
            mm_cli_fail("run", &run->error, status == -ENOMEM ? MM_CLI_FAILED : MM_CLI_USAGE);
    } else if (mm_cli_resume_is_complete(record, plan)) {
        show_warning(&progress, "the run has all of its launches; nothing was measured");
        exit_code = finish(run, plan, record, &out, &progress);
    } else {
        exit_code = measure(run, plan, record, &out, NULL, 0);
    }
    mm_plan_free(plan);
    mm_record_free(record);
    mm_cli_out_release(&out);
    return exit_code;
}

static int plan_and_run(struct run_options *run, int argc, char **argv)
{
    struct mm_plan *plan = NULL;
    struct mm_error *error = &run->error;
    int status = mm_plan_make(&run->request, &plan, error);
    if (status)
        return mm_cli_fail("run", error, mm_cli_exit_code(status));
    int exit_code = MM_CLI_OK;
    if (run->dry_run) {
        exit_code = show_plan(run, plan);
        goto cleanup;
    }
    struct mm_cli_out out = {.lock = -1};
    status = mm_data_cache_check(plan, run->selection.data_limit_bytes, error);
    if (!status)
        status = mm_cli_out_make(run->out, plan->suite, &out, error);
    if (status) {
        exit_code = mm_cli_fail("run", error, mm_cli_exit_code(status));
        goto cleanup;
    }
    const char **command = calloc((size_t)argc + 1, sizeof(*command));
    if (command) {
        command[0] = "mapmeter";
        for (int i = 0; i < argc; i++)
            command[i + 1] = argv[i];
        exit_code = measure(run, plan, NULL, &out, command, (size_t)argc + 1);
    } else {
        mm_cli_out_remove_empty(&out);
        mm_error_set(error, -ENOMEM, "not enough memory");
        exit_code = mm_cli_fail("run", error, MM_CLI_FAILED);
    }
    free(command);
    mm_cli_out_release(&out);

cleanup:
    mm_plan_free(plan);
    return exit_code;
}

/* How many words stand before "--", which begins a command. */
static int words_before_command(int argc, char **argv)
{
    int count = 0;
    while (count < argc && strcmp(argv[count], "--") != 0)
        count++;
    return count;
}

/* The words after "--" as one text, newly allocated in *command; and what --file is for. */
static int take_command(struct run_options *run, int argc, char **argv, char **command)
{
    struct mm_plan_request *request = &run->request;
    if (argc && request->command)
        return mm_error_set(&run->error, -EINVAL, "a command by --command and one after --");
    if (argc == 1)
        return mm_error_set(&run->error, -EINVAL, "no command after --");
    if (argc) {
        *command = mm_command_join((const char *const *)argv + 1, (size_t)argc - 1);
        if (!*command)
            return mm_error_set(&run->error, -ENOMEM, "not enough memory");
        request->command = *command;
    }
    if (request->command || !request->file_count)
        return 0;
    if (request->file_count > 1)
        return mm_error_set(&run->error, -EINVAL,
                            "--file is given twice; without --command it "
                            "names one file");
    request->file = run->selection.files[0];
    return 0;
}

static void release(struct run_options *run)
{
    mm_cli_selection_release(&run->selection);
    free(run->plugins);
    free(run->events);
    free(run->measures);
    free(run->rates);
}

int mm_cmd_run(int argc, char **argv)
{
    static const struct argp_child children[] = {{.argp = &mm_cli_selection_argp}, {0}};
    static const struct argp argp = {.options = options,
                                     .parser = parse_option,
                                     .args_doc = "[SUITE]",
                                     .doc = doc,
                                     .children = children};
    size_t words = (size_t)argc + 1;
    struct run_options run = {
        .plugins = calloc(words, sizeof(char *)),
        .events = calloc(words, sizeof(char *)),
        .measures = calloc(words, sizeof(char *)),
        .rates = calloc(words, sizeof(char *)),
    };
    char *command = NULL;
    int own = words_before_command(argc, argv);
    int status = mm_cli_selection_begin(&run.selection, &run.request, argc, &run.error);
    if (!status && (!run.plugins || !run.events || !run.measures || !run.rates))
        status = mm_error_set(&run.error, -ENOMEM, "not enough memory");
    if (!status)
        status = mm_cli_parse(&argp, own, argv, &run, &run.error);
    if (!status)
        status = take_command(&run, argc - own, argv + own, &command);
    if (!status)
        status = mm_cli_selection_finish(&run.selection);
    int exit_code = mm_cli_exit_code(status);
    if (status) {
        mm_cli_fail("run", &run.error, exit_code);
    } else {
        run.request.plugins = run.plugins;
        run.request.events = run.events;
        run.request.measures = run.measures;
        run.request.rates = run.rates;
        exit_code = mm_cli_finish_output("run", run.resume ? complete_run(&run)
                                                           : plan_and_run(&run, argc, argv));
    }
    free(command);
    release(&run);
    return exit_code;
}
