/* mapmeter gate: two builds, plug-ins or commands against each other. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/report/gate_report.h"
#include "common/file.h"
#include "common/text.h"
#include "common/units.h"
#include "harness/campaigns/gate.h"
#include "harness/campaigns/gate_calibration.h"
#include "harness/campaigns/gate_revision.h"
#include "harness/campaigns/run_record.h"
#include "harness/cli/cli.h"
#include "harness/data_cache.h"

#define SETTINGS_FILE "mapmeter-gate.yaml"
#define WAIVERS_FILE  "mapmeter-waivers.txt"
#define DEFAULT_SUITE "ci"

enum key {
    KEY_BASE = 1000,
    KEY_HEAD,
    KEY_BASE_REV,
    KEY_BASE_COMMAND,
    KEY_HEAD_COMMAND,
    KEY_SUITE,
    KEY_SETTINGS,
    KEY_WAIVERS,
    KEY_CALIBRATION,
    KEY_CORRECTION,
    KEY_INCONCLUSIVE,
    KEY_PAIRS,
    KEY_ANNOTATIONS,
    KEY_JSON
};

struct gate_options {
    struct mm_plan_request request;
    struct mm_cli_selection selection;
    enum mm_gate_purpose purpose;
    const char *plugin; /* of head */
    const char *base;
    const char *head;
    const char *base_rev;
    const char *base_command;
    const char *head_command;
    const char *settings_path;
    const char *waivers_path;
    const char *calibration_path;
    const char *correction;
    const char *inconclusive;
    const char *out;
    const char *share; /* of a selftest */
    uint64_t pairs;    /* 0: the settings' */
    struct mm_gate_injection injection;
    struct mm_gate_settings settings;
    struct mm_gate_waivers waivers;
    struct mm_gate_revision revision;
    struct mm_gate_sides sides;
    struct mm_plan *plan;
    struct mm_plan *base_plan;
    json_t *calibration;
    bool annotations;
    bool quiet;
    bool json;
    struct mm_error error;
};

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "What is compared:", 1},
    {"base", KEY_BASE, "X", 0,
     "a build of mapmeter (program or folder), or a workload plug-in (.so)", 1},
    {"head", KEY_HEAD, "Y", 0, "the same of the change (this program)", 1},
    {"base-rev", KEY_BASE_REV, "REV", 0,
     "instead: this revision of the project around this folder against its work tree, both built "
     "as "
     "the settings file says",
     1},
    {"base-command", KEY_BASE_COMMAND, "COMMAND", 0,
     "instead: whole commands, written as for run --command", 1},
    {"head-command", KEY_HEAD_COMMAND, "COMMAND", 0, NULL, 1},
    {NULL, 0, NULL, 0, "What to measure:", MM_CLI_GROUP_CASES},
    {"suite", KEY_SUITE, "SUITE", 0, "name or file, also without the option (ci)",
     MM_CLI_GROUP_CASES},
    {NULL, 0, NULL, 0, "On which data:", MM_CLI_GROUP_DATA},
    {"file", 'f', "FILE", 0, "of commands: a file that they read (may stand several times)",
     MM_CLI_GROUP_DATA},
    {NULL, 0, NULL, 0, "How it judges:", 4},
    {"settings", KEY_SETTINGS, "FILE", 0,
     "numbers of the gate (./" SETTINGS_FILE " if it is there)", 4},
    {"waivers", KEY_WAIVERS, "FILE", 0, "accepted regressions (./" WAIVERS_FILE " if it is there)",
     4},
    {"calibration", KEY_CALIBRATION, "FILE", 0,
     "what identical sides differ by (that of this machine in the data folder; none: without)", 4},
    {"correction", KEY_CORRECTION, "NAME", 0, "benjamini-hochberg or holm", 4},
    {"inconclusive", KEY_INCONCLUSIVE, "WHAT", 0, "exit3, pass or fail", 4},
    {"pairs", KEY_PAIRS, "N", 0,
     "of launches of every benchmark; what is inconclusive gets twice as "
     "many",
     4},
    {NULL, 0, NULL, 0, "What comes out:", 5},
    {"out", 'o', "DIR", 0, "folder of the results, new or empty", 5},
    {"annotations", KEY_ANNOTATIONS, NULL, 0, "print workflow commands of GitHub as well", 5},
    {"json", KEY_JSON, NULL, 0, "print results.json on standard output", 5},
    {"quiet", 'q', NULL, 0, "print nothing but what goes wrong", 5},
    {NULL, 0, NULL, 0, NULL, 0},
};

static const char doc[] =
    "Measures base and head in pairs of fresh launches, in random order on the same processor, and "
    "says of every benchmark whether it got worse.\v"
    "'gate calibrate' compares this program with itself (or with --base, such as a build with "
    "another link order), prints the noise of this machine and keeps it for later gates. 'gate "
    "selftest 5%' slows the head down by that share of its time, 'gate selftest faults' gives it "
    "one "
    "more page fault a page: both must be found, with exit code 1.\n"
    "\n"
    "Examples:\n"
    "  mapmeter gate --base build/main/mapmeter --head build/release/mapmeter\n"
    "  mapmeter gate --base old.so --head new.so\n"
    "  mapmeter gate --base-rev origin/main\n"
    "  mapmeter gate --base-command './old data.bin' --head-command './new data.bin' --file "
    "data.bin\n"
    "  mapmeter gate calibrate\n"
    "  mapmeter gate selftest 5%\n"
    "\n"
    "Exit codes, the first that applies: 2 wrong usage or configuration; 4 a launch failed, or the "
    "work could not be finished; 5 no usable baseline; 1 a regression; 3 inconclusive; 0 nothing "
    "got "
    "worse.";

/* The program itself, where nobody names another. */
static const char own_program[] = "/proc/self/exe";

static error_t refuse(struct gate_options *gate, const char *option, const char *argument,
                      const char *remedy)
{
    mm_error_set(&gate->error, -EINVAL, "%s %s: %s", option, argument, remedy);
    return EINVAL;
}

static error_t parse_value(int key, char *argument, struct gate_options *gate)
{
    struct mm_plan_request *request = &gate->request;
    switch (key) {
    case KEY_PAIRS:
        if (mm_units_parse_count(argument, &gate->pairs) || gate->pairs < 6 || gate->pairs > 250)
            return refuse(gate, "--pairs", argument, "write a whole number from 6 to 250");
        return 0;
    case 'f':
        gate->selection.files[request->file_count++] = argument;
        return 0;
    case KEY_SUITE:
    case ARGP_KEY_ARG:
        if (gate->purpose == MM_GATE_SELFTEST && !gate->share && key == ARGP_KEY_ARG) {
            gate->share = argument;
            return 0;
        }
        if (request->suite)
            return refuse(gate, "suite", argument, "gate takes one suite");
        request->suite = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct gate_options *gate = state->input;
    const struct {
        int key;
        const char **into;
    } texts[] = {
        {KEY_BASE, &gate->base},
        {KEY_HEAD, &gate->head},
        {KEY_BASE_REV, &gate->base_rev},
        {KEY_BASE_COMMAND, &gate->base_command},
        {KEY_HEAD_COMMAND, &gate->head_command},
        {KEY_SETTINGS, &gate->settings_path},
        {KEY_WAIVERS, &gate->waivers_path},
        {KEY_CALIBRATION, &gate->calibration_path},
        {KEY_CORRECTION, &gate->correction},
        {KEY_INCONCLUSIVE, &gate->inconclusive},
        {'o', &gate->out},
    };
    for (size_t i = 0; i < MM_COUNT_OF(texts); i++) {
        if (texts[i].key == key) {
            *texts[i].into = argument;
            return 0;
        }
    }
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &gate->selection;
        return 0;
    case KEY_ANNOTATIONS:
        gate->annotations = true;
        return 0;
    case KEY_JSON:
        gate->json = true;
        return 0;
    case 'q':
        gate->quiet = true;
        return 0;
    default:
        return parse_value(key, argument, gate);
    }
}

/* "5%" or "faults". */
static int read_share(struct gate_options *gate)
{
    if (gate->purpose != MM_GATE_SELFTEST)
        return 0;
    if (gate->base_command)
        return mm_error_set(&gate->error, -EINVAL,
                            "selftest slows down workloads; a command measures itself");
    if (gate->share && !strcmp(gate->share, "faults")) {
        gate->injection.faults_per_page = 1;
        return 0;
    }
    if (!gate->share || mm_units_parse_share(gate->share, &gate->injection.delay_share))
        return mm_error_set(&gate->error, -EINVAL,
                            "selftest%s%s: say what to inject: a share of the time such as 5%%, or "
                            "faults",
                            gate->share ? " " : "", gate->share ? gate->share : "");
    return 0;
}

static int read_settings(struct gate_options *gate)
{
    struct mm_gate_settings *settings = &gate->settings;
    const char *path = gate->settings_path;
    int status = 0;
    mm_gate_settings_defaults(settings);
    if (!path && !access(SETTINGS_FILE, F_OK))
        path = SETTINGS_FILE;
    if (path)
        status = mm_gate_settings_load(path, settings, &gate->error);
    if (!status && gate->correction) {
        status = mm_gate_correction_parse(gate->correction, &settings->verdict.holm, &gate->error);
        if (status)
            mm_error_prefix(&gate->error, "--correction");
    }
    if (!status && gate->inconclusive) {
        status =
            mm_gate_inconclusive_parse(gate->inconclusive, &settings->inconclusive, &gate->error);
        if (status)
            mm_error_prefix(&gate->error, "--inconclusive");
    }
    if (!status && gate->pairs) {
        settings->verdict.pairs = gate->pairs;
        settings->extended = 2 * gate->pairs;
        if (settings->first_look > gate->pairs)
            settings->first_look = gate->pairs;
    }
    return status;
}

static int read_waivers(struct gate_options *gate)
{
    char now[MM_RUN_UTC_BYTES];
    const char *path = gate->waivers_path;
    if (!path && !access(WAIVERS_FILE, F_OK))
        path = WAIVERS_FILE;
    mm_run_utc(now);
    now[strlen("2026-11-24")] = '\0';
    return path ? mm_gate_waivers_load(path, now, &gate->waivers, &gate->error) : 0;
}

/* Builds both trees; what they have made becomes --base and --head, or the two commands. */
static int build_revision(struct gate_options *gate)
{
    struct mm_gate_build build = {0};
    const char *path = gate->settings_path ? gate->settings_path : SETTINGS_FILE;
    if (gate->base || gate->head || gate->base_command || gate->head_command)
        return mm_error_set(&gate->error, -EINVAL,
                            "--base-rev names both sides: leave out --base, --head and commands");
    int status = mm_gate_build_load(path, &build, &gate->error);
    if (status) {
        mm_error_prefix(&gate->error, "--base-rev");
        return status;
    }
    status =
        mm_gate_revision_build(gate->base_rev, &build, gate->quiet, &gate->revision, &gate->error);
    bool command = build.command != NULL;
    mm_gate_build_release(&build);
    *(command ? &gate->base_command : &gate->base) = gate->revision.base;
    *(command ? &gate->head_command : &gate->head) = gate->revision.head;
    return status;
}

static int find_sides(struct gate_options *gate)
{
    int status = gate->base_rev ? build_revision(gate) : 0;
    if (status)
        return status;
    bool commands = gate->base_command || gate->head_command;
    if (commands && (gate->base || gate->head))
        return mm_error_set(&gate->error, -EINVAL,
                            "commands stand for both sides: leave out --base and --head");
    if (commands && (!gate->base_command || !gate->head_command))
        return mm_error_set(&gate->error, -EINVAL, "--%s-command is missing",
                            gate->base_command ? "head" : "base");
    if (commands)
        return mm_gate_sides_commands(gate->base_command, gate->head_command, &gate->sides,
                                      &gate->error);
    if (!gate->base && gate->purpose == MM_GATE_JUDGE)
        return mm_error_set(&gate->error, -EINVAL,
                            "--base is missing: a build of mapmeter, a plug-in, or with "
                            "--base-command and --head-command two commands");
    const char *head = gate->head ? gate->head : own_program;
    return mm_gate_sides_find(gate->base ? gate->base : head, head, &gate->sides, &gate->error);
}

static int make_plan(struct gate_options *gate)
{
    struct mm_plan_request *request = &gate->request;
    gate->plugin = gate->sides.side[MM_GATE_HEAD].path;
    /* A sample takes milliseconds: no series. */
    request->interval = "off";
    if (gate->sides.kind == MM_GATE_PLUGIN) {
        request->plugins = &gate->plugin;
        request->plugin_count = 1;
    } else if (gate->sides.kind == MM_GATE_COMMAND) {
        request->command = gate->base_command;
        int status = mm_plan_make(request, &gate->base_plan, &gate->error);
        if (status)
            return status;
        request->command = gate->head_command;
    } else if (!request->suite && !request->workload_count) {
        request->suite = DEFAULT_SUITE;
    }
    if (gate->sides.kind != MM_GATE_COMMAND && request->file_count)
        return mm_error_set(&gate->error, -EINVAL, "--file is for commands");
    int status = mm_plan_make(request, &gate->plan, &gate->error);
    return status ? status
                  : mm_data_cache_check(gate->plan, gate->selection.data_limit_bytes, &gate->error);
}

static int prepare(struct gate_options *gate)
{
    int status = mm_cli_selection_finish(&gate->selection);
    if (!status)
        status = read_share(gate);
    if (!status)
        status = read_settings(gate);
    if (!status)
        status = read_waivers(gate);
    if (!status)
        status = find_sides(gate);
    if (!status)
        status = make_plan(gate);
    if (!status && gate->purpose != MM_GATE_CALIBRATE)
        status = mm_gate_calibration_load(gate->calibration_path, gate->selection.folder,
                                          gate->plan->suite, &gate->calibration, &gate->error);
    return status;
}

/* The progress of a gate on standard error. */
struct progress {
    bool terminal;
    bool quiet;
};

static void clear_line(const struct progress *progress)
{
    if (progress->terminal)
        fputs("\r\033[K", stderr);
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

static void show_pair(void *context, size_t pairs_done, size_t going, size_t benchmarks,
                      uint64_t left_ns, const char *name)
{
    const struct progress *progress = context;
    char left[MM_UNITS_TEXT_BYTES];
    if (!progress->terminal)
        return;
    clear_line(progress);
    fprintf(stderr, "%zu pairs, %zu of %zu benchmarks go on, %s left  %.40s", pairs_done, going,
            benchmarks, mm_units_show_duration((double)left_ns, left), name);
    fflush(stderr);
}

static void show_settled(void *context, const char *name, size_t pairs, const char *verdict)
{
    const struct progress *progress = context;
    if (progress->quiet)
        return;
    clear_line(progress);
    fprintf(stderr, "%-12s after %zu pairs  %s\n", verdict, pairs, name);
}

static void show_warning(void *context, const char *line)
{
    const struct progress *progress = context;
    if (progress->quiet)
        return;
    clear_line(progress);
    fprintf(stderr, "mapmeter gate: %s\n", line);
}

/* Whose names fit nothing in this suite. */
static void warn_of_rules(const struct gate_options *gate, struct progress *progress)
{
    for (size_t i = 0; i < gate->settings.benchmark_count; i++) {
        const struct mm_gate_benchmark_settings *entry = &gate->settings.benchmarks[i];
        bool known = false;
        for (size_t j = 0; j < gate->plan->case_count; j++)
            known = known || mm_gate_benchmark_settings_fit(entry, gate->plan->cases[j].name);
        if (known)
            continue;
        struct mm_error line;
        mm_error_set(&line, 0, "%s: '%s' fits no case of the suite", entry->where, entry->name);
        show_warning(progress, line.text);
    }
}

/* Those that do not hold any more, and those that name nothing in this suite. */
static void warn_of_waivers(const struct gate_options *gate, struct progress *progress)
{
    for (size_t i = 0; i < gate->waivers.count; i++) {
        const struct mm_gate_waiver *waiver = &gate->waivers.list[i];
        bool known = false;
        for (size_t j = 0; j < gate->plan->case_count; j++)
            known = known || !strcmp(gate->plan->cases[j].name, waiver->benchmark);
        if (known && !waiver->expired)
            continue;
        struct mm_error line;
        mm_error_set(&line, 0, "%s:%zu: the waiver of %s %s", gate->waivers.path, waiver->line,
                     waiver->benchmark,
                     waiver->expired ? "has expired and does not hold"
                                     : "names no case of the suite");
        show_warning(progress, line.text);
    }
}

static int exit_code_of(const struct gate_options *gate, const json_t *document)
{
    static const struct {
        const char *verdict;
        int exit_code;
    } codes[] = {{"pass", MM_CLI_OK}, {"failed", MM_CLI_FAILED}, {"regressed", MM_CLI_REGRESSED}};
    const char *verdict =
        json_string_value(json_object_get(json_object_get(document, "gate"), "verdict"));
    if (!verdict)
        return MM_CLI_FAILED; /* interrupted */
    for (size_t i = 0; i < MM_COUNT_OF(codes); i++) {
        if (!strcmp(codes[i].verdict, verdict))
            return codes[i].exit_code;
    }
    switch (gate->settings.inconclusive) {
    case MM_GATE_INCONCLUSIVE_PASS:
        return MM_CLI_OK;
    case MM_GATE_INCONCLUSIVE_FAIL:
        return MM_CLI_REGRESSED;
    default:
        return MM_CLI_INCONCLUSIVE;
    }
}

static int print(const struct gate_options *gate, const json_t *document, const char *folder)
{
    struct mm_gate_rows rows;
    struct mm_error error = {0};
    int status = mm_gate_rows_make(document, &rows, &error);
    if (status)
        return status;
    if (gate->json) {
        json_dumpf(document, stdout, JSON_INDENT(1));
        putchar('\n');
    } else if (!gate->quiet) {
        mm_gate_text_write(stdout, document, &rows, mm_cli_colour(stdout));
        printf("%s/summary.md\n", folder);
    }
    if (gate->annotations)
        mm_gate_annotations_write(stdout, document, &rows);
    mm_gate_rows_release(&rows);
    return 0;
}

/* Everything stands in the folder before the exit code is given. */
static int finish(struct gate_options *gate, const json_t *document, const struct mm_cli_out *out)
{
    struct mm_error *error = &gate->error;
    int status = mm_gate_report_write(document, out->folder, error);
    if (!status && gate->purpose == MM_GATE_CALIBRATE)
        status = mm_gate_calibration_save(document, gate->calibration_path, gate->selection.folder,
                                          error);
    if (!status)
        status = mm_cli_out_link(out, error);
    if (!status)
        status = print(gate, document, out->folder);
    if (status)
        return mm_cli_fail("gate", error, MM_CLI_FAILED);
    int exit_code = exit_code_of(gate, document);
    /* Its verdicts are what it is about: a noisy machine is a result, not a failure. */
    return gate->purpose == MM_GATE_CALIBRATE && exit_code != MM_CLI_FAILED ? MM_CLI_OK : exit_code;
}

static int measure(struct gate_options *gate, const struct mm_cli_out *out,
                   const char *const *command, size_t command_count)
{
    struct progress progress = {
        .terminal = !gate->quiet && mm_cli_terminal(stderr),
        .quiet = gate->quiet,
    };
    struct mm_gate_progress callbacks = {.context = &progress,
                                         .phase = show_phase,
                                         .pair = show_pair,
                                         .settled = show_settled,
                                         .warn = show_warning};
    struct mm_gate_request request = {
        .purpose = gate->purpose,
        .plan = gate->plan,
        .base_plan = gate->base_plan,
        .sides = &gate->sides,
        .settings = &gate->settings,
        .waivers = gate->waivers.count ? &gate->waivers : NULL,
        .calibration = gate->calibration,
        .injection = gate->injection,
        .command = command,
        .command_count = command_count,
        .out_folder = out->folder,
        .data_limit_bytes = gate->selection.data_limit_bytes,
        .progress = &callbacks,
    };
    json_t *document = NULL;
    warn_of_rules(gate, &progress);
    warn_of_waivers(gate, &progress);
    int status = mm_gate(&request, &document, &gate->error);
    clear_line(&progress);
    if (status) {
        mm_gate_sides_release(&gate->sides);
        mm_cli_out_remove_empty(out);
        return mm_cli_fail("gate", &gate->error,
                           status == -ENXIO ? MM_CLI_NO_BASELINE : MM_CLI_FAILED);
    }
    int exit_code = finish(gate, document, out);
    json_decref(document);
    return exit_code;
}

static int judge(struct gate_options *gate, int argc, char **argv)
{
    struct mm_cli_out out = {.lock = -1};
    int status = prepare(gate);
    if (status == -ENXIO)
        return mm_cli_fail("gate", &gate->error, MM_CLI_NO_BASELINE);
    /* The work tree does not build, or a signal came. */
    if (status == -ECHILD || status == -EINTR)
        return mm_cli_fail("gate", &gate->error, MM_CLI_FAILED);
    if (!status)
        status = mm_cli_out_make(gate->out, "gate", &out, &gate->error);
    if (status)
        return mm_cli_fail("gate", &gate->error, mm_cli_exit_code(status));
    const char **command = calloc((size_t)argc + 1, sizeof(*command));
    int exit_code = MM_CLI_FAILED;
    if (command) {
        command[0] = "mapmeter";
        for (int i = 0; i < argc; i++)
            command[i + 1] = argv[i];
        exit_code = measure(gate, &out, command, (size_t)argc + 1);
    } else {
        mm_error_set(&gate->error, -ENOMEM, "not enough memory");
        mm_cli_fail("gate", &gate->error, exit_code);
    }
    free(command);
    mm_cli_out_release(&out);
    return exit_code;
}

static void release(struct gate_options *gate)
{
    mm_gate_sides_release(&gate->sides);
    mm_gate_revision_release(&gate->revision);
    mm_gate_waivers_release(&gate->waivers);
    mm_gate_settings_release(&gate->settings);
    mm_plan_free(gate->plan);
    mm_plan_free(gate->base_plan);
    json_decref(gate->calibration);
    mm_cli_selection_release(&gate->selection);
}

/* "calibrate" and "selftest" stand right after the name of the command. */
static enum mm_gate_purpose purpose_of(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "calibrate"))
        return MM_GATE_CALIBRATE;
    return argc > 1 && !strcmp(argv[1], "selftest") ? MM_GATE_SELFTEST : MM_GATE_JUDGE;
}

int mm_cmd_gate(int argc, char **argv)
{
    static const struct argp_child children[] = {{.argp = &mm_cli_selection_argp}, {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse_option,
        .args_doc = "[SUITE]\ncalibrate [SUITE]\nselftest PERCENT|faults [SUITE]",
        .doc = doc,
        .children = children};
    struct gate_options gate = {.purpose = purpose_of(argc, argv)};
    int skipped = gate.purpose == MM_GATE_JUDGE ? 0 : 1;
    int status = mm_cli_selection_begin(&gate.selection, &gate.request, argc, &gate.error);
    if (!status)
        status = mm_cli_parse(&argp, argc - skipped, argv + skipped, &gate, &gate.error);
    int exit_code = status ? mm_cli_fail("gate", &gate.error, mm_cli_exit_code(status))
                           : mm_cli_finish_output("gate", judge(&gate, argc, argv));
    release(&gate);
    return exit_code;
}
