/* Runs a command in the place of a workload and takes what the kernel counted for it. */
#include "harness/worker_command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/cache_state.h"
#include "harness/clock.h"
#include "harness/command.h"
#include "harness/environment.h"
#include "results/record.h"

#define WORDS_BYTES     256
#define NS_PER_US       1000L
#define CANNOT_START    127
#define BYTES_PER_KIB   1024L
#define EARLY_END_BYTES 4096

/* What is read before and after. */
struct reading {
    uint64_t clock_ns;
    struct mm_counters_reading counters;
    struct mm_environment_io io;
};

struct outcome {
    struct reading before;
    struct reading after;
    int status;          /* as wait4 gives it */
    struct rusage usage; /* of the command and of those it has waited for */
    int complaints;      /* its standard error, in memory */
    struct mm_cache_residency cache_before;
    struct mm_cache_residency cache_after;
    struct mm_series_source series_source;
    struct mm_series_room *series; /* NULL when nobody watches */
};

/* Adds up residency over files; a file that cannot be told makes all unknown. */
static void add_residency(struct mm_cache_residency *into, const struct mm_cache_residency *one,
                          bool first)
{
    if (first) {
        *into = *one;
        return;
    }
    if (!strcmp(into->method, "none"))
        return;
    if (!strcmp(one->method, "none")) {
        *into = *one;
        return;
    }
    double pages = (double)into->pages + (double)one->pages;
    into->resident_share =
        (into->resident_share * (double)into->pages + one->resident_share * (double)one->pages) /
        (pages > 0 ? pages : 1);
    into->pages += one->pages;
    into->dirty_bytes += one->dirty_bytes;
    into->writeback_bytes += one->writeback_bytes;
    if (!strcmp(one->method, "mincore"))
        into->method = one->method;
}

static const char *path_of(const json_t *file)
{
    return json_string_value(json_object_get(file, "path"));
}

static int prepare_files(const struct mm_plan_case *plan_case, const json_t *files,
                         struct outcome *outcome, struct mm_worker_failure *failure)
{
    size_t index;
    const json_t *file;
    int status = 0;
    failure->kind = "cache";
    json_array_foreach(files, index, file)
    {
        struct mm_cache_residency one;
        status = plan_case->cache == MM_CACHE_COLD
                     ? mm_cache_make_cold(path_of(file), &one, &failure->error)
                     : mm_cache_make_warm(path_of(file), 0, 0, &one, &failure->error);
        if (status)
            return status;
    }
    /* Once more, when all are as they shall be: reading one in may have driven another out. */
    json_array_foreach(files, index, file)
    {
        struct mm_cache_residency one;
        status = mm_cache_residency(path_of(file), 0, 0, &one, &failure->error);
        if (status)
            return status;
        add_residency(&outcome->cache_before, &one, index == 0);
    }
    return 0;
}

static void look_at_files(const json_t *files, struct mm_cache_residency *residency)
{
    static const struct mm_cache_residency gone = {.method = "none",
                                                   .why = "the command has taken a file away"};
    size_t index;
    const json_t *file;
    json_array_foreach(files, index, file)
    {
        struct mm_cache_residency one;
        if (mm_cache_residency(path_of(file), 0, 0, &one, NULL))
            one = gone;
        add_residency(residency, &one, index == 0);
    }
}

static void read_all(struct mm_counters *counters, struct reading *reading)
{
    mm_environment_read_io(&reading->io);
    mm_counters_read(counters, &reading->counters);
    reading->clock_ns = mm_clock_ns();
}

/* The child's side of fork. */
static _Noreturn void become_command(char **words, pid_t worker, int complaints)
{
    sigset_t none;
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != worker)
        _exit(CANNOT_START);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(nothing, STDIN_FILENO);
    dup2(nothing, STDOUT_FILENO);
    dup2(complaints, STDERR_FILENO);
    execvp(words[0], words);
    dprintf(STDERR_FILENO, "%s: %s\n", words[0], strerror(errno));
    _exit(CANNOT_START);
}

static int run(char **words, struct mm_counters *counters, struct outcome *outcome,
               struct mm_worker_failure *failure)
{
    pid_t worker = getpid();
    failure->kind = "error";
    mm_series_begin(&outcome->series_source, outcome->series);
    read_all(counters, &outcome->before);
    pid_t child = fork();
    if (child == 0)
        become_command(words, worker, outcome->complaints);
    if (child < 0)
        return mm_error_set(&failure->error, -errno, "the command cannot be started: %s",
                            strerror(errno));
    while (wait4(child, &outcome->status, 0, &outcome->usage) < 0) {
        if (errno != EINTR)
            return mm_error_set(&failure->error, -errno, "the command is lost: %s",
                                strerror(errno));
    }
    outcome->after.clock_ns = mm_clock_ns();
    uint64_t ended_ns = outcome->after.clock_ns;
    read_all(counters, &outcome->after);
    outcome->after.clock_ns = ended_ns;
    mm_series_end(&outcome->series_source, outcome->series);
    return 0;
}

/* The last line that the command wrote on its standard error, or "". */
static void last_words(int complaints, char words[WORDS_BYTES])
{
    char end[EARLY_END_BYTES + 1];
    off_t length = lseek(complaints, 0, SEEK_END);
    off_t start = length > EARLY_END_BYTES ? length - EARLY_END_BYTES : 0;
    ssize_t got = length > 0 ? pread(complaints, end, EARLY_END_BYTES, start) : 0;
    words[0] = '\0';
    while (got > 0 && strchr(" \t\r\n", end[got - 1]))
        got--;
    if (got <= 0)
        return;
    end[got] = '\0';
    const char *newline = strrchr(end, '\n');
    snprintf(words, WORDS_BYTES, "; its last words: %.200s", newline ? newline + 1 : end);
}

static int check_end(const struct outcome *outcome, struct mm_worker_failure *failure)
{
    char words[WORDS_BYTES];
    int status = outcome->status;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    last_words(outcome->complaints, words);
    if (WIFSIGNALED(status)) {
        failure->kind = "killed";
        failure->signal = WTERMSIG(status);
        return mm_error_set(&failure->error, -ECHILD, "the command was killed by signal %d (%s)%s",
                            WTERMSIG(status), strsignal(WTERMSIG(status)), words);
    }
    failure->kind = "exited";
    return mm_error_set(&failure->error, -ECHILD, "the command ended with code %d%s",
                        WEXITSTATUS(status), words);
}

static json_t *share_or_why(const struct mm_cache_residency *residency)
{
    bool known = strcmp(residency->method, "none") != 0;
    return known ? json_real(residency->resident_share) : mm_record_unavailable(residency->why);
}

static json_t *bytes_or_why(const struct mm_cache_residency *residency, uint64_t bytes)
{
    if (!strcmp(residency->method, "none"))
        return mm_record_unavailable(residency->why);
    if (!strcmp(residency->method, "mincore"))
        return mm_record_unavailable("mincore does not tell dirty pages");
    return json_integer((json_int_t)bytes);
}

static json_t *cache_to_json(const struct mm_plan_case *plan_case, const struct outcome *outcome)
{
    const struct mm_cache_residency *before = &outcome->cache_before;
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "requested", mm_plan_cache_text(plan_case),
                     "method", before->method, "resident_share_before", share_or_why(before),
                     "dirty_bytes_before", bytes_or_why(before, before->dirty_bytes),
                     "writeback_bytes_before", bytes_or_why(before, before->writeback_bytes),
                     "resident_share_after", share_or_why(&outcome->cache_after));
}

static uint64_t processor_ns(const struct rusage *usage)
{
    const struct timeval *user = &usage->ru_utime;
    const struct timeval *system = &usage->ru_stime;
    return (uint64_t)(user->tv_sec + system->tv_sec) * 1000000000U +
           (uint64_t)((user->tv_usec + system->tv_usec) * NS_PER_US);
}

/* Perf counts the command and all below it. What comes from getrusage of this process does not, and
 * is taken from what wait4 has given instead. */
static json_t *counters_to_json(const struct mm_plan_case *plan_case, struct mm_counters *counters,
                                const struct outcome *outcome)
{
    const struct rusage *usage = &outcome->usage;
    const struct {
        const char *name;
        long value;
    } waited[] = {
        {"rusage_minor_faults", usage->ru_minflt},
        {"rusage_major_faults", usage->ru_majflt},
        {"rusage_voluntary_switches", usage->ru_nvcsw},
        {"rusage_involuntary_switches", usage->ru_nivcsw},
        {"minor_faults", usage->ru_minflt},
        {"major_faults", usage->ru_majflt},
        {"context_switches", usage->ru_nvcsw + usage->ru_nivcsw},
        {"task_clock_ns", (long)processor_ns(usage)},
    };
    struct mm_counters_total total = {0};
    mm_counters_add_difference(&outcome->before.counters, &outcome->after.counters,
                               mm_counters_count(counters), &total);
    json_t *json = mm_counters_total_to_json(counters, &total);
    json_t *quality = mm_counters_quality_to_json(counters);
    size_t count = plan_case->counters_off ? 0 : sizeof(waited) / sizeof(waited[0]);
    for (size_t i = 0; i < count; i++) {
        const char *source =
            json_string_value(json_object_get(json_object_get(quality, waited[i].name), "source"));
        if (!source || strcmp(source, "perf") != 0)
            json_object_set_new(json, waited[i].name, json_integer(waited[i].value));
    }
    json_decref(quality);
    return json;
}

static json_t *device_to_json(const struct outcome *outcome)
{
    const struct mm_environment_io *before = &outcome->before.io;
    const struct mm_environment_io *after = &outcome->after.io;
    const char *why = before->why_unavailable ? before->why_unavailable : after->why_unavailable;
    if (why)
        return json_pack("{s:o, s:o}", "read_bytes", mm_record_unavailable(why), "written_bytes",
                         mm_record_unavailable(why));
    return json_pack("{s:I, s:I}", "read_bytes",
                     (json_int_t)(after->read_bytes - before->read_bytes), "written_bytes",
                     (json_int_t)(after->written_bytes - before->written_bytes));
}

static json_t *sample_to_json(const struct mm_plan_case *plan_case, struct mm_counters *counters,
                              const struct outcome *outcome)
{
    uint64_t elapsed_ns = outcome->after.clock_ns - outcome->before.clock_ns;
    return json_pack(
        "{s:i, s:I, s:I, s:o, s:i, s:o, s:{s:{s:I, s:i, s:o}}, s:o, s:{s:I}}", "iterations", 1,
        "elapsed_ns", (json_int_t)elapsed_ns, "cpu_ns", (json_int_t)processor_ns(&outcome->usage),
        "bytes", mm_record_unavailable("a command does not say what it has moved"), "items", 1,
        "cache", cache_to_json(plan_case, outcome), "phases", "touch", "elapsed_ns",
        (json_int_t)elapsed_ns, "entries", 1, "counters",
        counters_to_json(plan_case, counters, outcome), "device", device_to_json(outcome),
        "reported", "max_resident_bytes", (json_int_t)(outcome->usage.ru_maxrss * BYTES_PER_KIB));
}

int mm_worker_command_sample(const struct mm_plan_case *plan_case, const json_t *files,
                             struct mm_counters *counters, struct mm_series_room *series,
                             json_t **sample, struct mm_worker_failure *failure)
{
    static const struct mm_cache_residency nothing_named = {
        .method = "none", .why = "no file of the command was named by --file"};
    struct outcome outcome = {
        .complaints = -1,
        .cache_before = nothing_named,
        .cache_after = nothing_named,
        .series = series,
    };
    const char *text = json_string_value(json_object_get(plan_case->parameters, "command"));
    char **words = NULL;
    memset(failure, 0, sizeof(*failure));
    failure->kind = "error";
    mm_series_enter(series, 0);
    mm_series_set_source(&outcome.series_source, files);
    mm_series_find_places(&outcome.series_source);
    int status = mm_command_split(text, &words, &failure->error);
    if (!status) {
        outcome.complaints = memfd_create("mapmeter-command", MFD_CLOEXEC);
        if (outcome.complaints < 0)
            status = mm_error_set(&failure->error, -errno, "no place for what the command says: %s",
                                  strerror(errno));
    }
    if (!status)
        status = prepare_files(plan_case, files, &outcome, failure);
    if (!status)
        status = run(words, counters, &outcome, failure);
    if (!status)
        status = check_end(&outcome, failure);
    if (!status) {
        look_at_files(files, &outcome.cache_after);
        *sample = sample_to_json(plan_case, counters, &outcome);
        if (!*sample)
            status = mm_error_set(&failure->error, -ENOMEM, "no memory for the result of a sample");
    }
    if (outcome.complaints >= 0)
        close(outcome.complaints);
    free(words);
    return status;
}
