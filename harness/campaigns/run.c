/* The campaign of `mapmeter run`: makes the files, runs the launches in their order, keeps the
 * record up to date. */
#include "harness/campaigns/run.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "common/file.h"
#include "common/random.h"
#include "common/text.h"
#include "harness/campaigns/ending.h"
#include "harness/campaigns/resume.h"
#include "harness/campaigns/run_files.h"
#include "harness/campaigns/run_record.h"
#include "harness/clock.h"
#include "harness/command.h"
#include "harness/data_cache.h"
#include "harness/environment.h"
#include "harness/launcher.h"
#include "harness/memory_limit.h"
#include "harness/noise.h"

/* No more than this of a run is lost when the machine fails. */
#define SAVE_EVERY_NS UINT64_C(2000000000)

/* How long the launches of one case have taken so far, for the time left. */
struct case_time {
    uint64_t elapsed_ns;
    uint32_t done;
    uint32_t left;
};

struct campaign {
    const struct mm_run_request *request;
    const struct mm_plan *plan;
    struct mm_record *record;
    char *path; /* of results.json */
    struct mm_plan_launch *order;
    size_t order_count;
    size_t done_count;       /* of the order, those of a resumed run included */
    bool *done;              /* one per launch of the order */
    int *held;               /* one per file of the plan: -1, or what holds it until the end */
    struct case_time *times; /* one per case */
    struct mm_environment_cpu_time cpu_time;
    uint64_t started_ns; /* such that the launches of a resumed run go on in its time */
    uint64_t saved_ns;
    size_t saved_count; /* launches of the record that was saved last */
    bool saved;
};

static int save(struct campaign *campaign, struct mm_error *error)
{
    struct mm_environment_cpu_time now;

    mm_environment_read_cpu_time(&now);
    json_object_set_new(mm_record_environment(campaign->record), "steal_share",
                        mm_environment_steal_share(&campaign->cpu_time, &now));
    int code = mm_record_save(campaign->record, campaign->path, error);
    campaign->saved_ns = mm_clock_ns();
    if (code == 0) {
        campaign->saved = true;
        campaign->saved_count = json_array_size(mm_record_launches(campaign->record));
    } else if (campaign->saved) {
        struct mm_error why = *error;
        mm_error_set(error, code,
                     "%s; as it was saved before, with %zu launches, it is whole, and --resume "
                     "goes on from there",
                     why.text, campaign->saved_count);
    }
    return code;
}

static void tell_phase(const struct campaign *campaign, const char *text)
{
    const struct mm_run_progress *progress = campaign->request->progress;

    if (progress != NULL && progress->phase != NULL) {
        progress->phase(progress->context, text);
    }
}

/* The mean launch of a case that has had some, else of all so far, times those left. */
static uint64_t estimate_left_ns(const struct campaign *campaign)
{
    uint64_t all_ns = 0;
    uint64_t all_done = 0;
    double left_ns = 0;

    for (size_t i = 0; i < campaign->plan->case_count; i++) {
        all_ns += campaign->times[i].elapsed_ns;
        all_done += campaign->times[i].done;
    }
    for (size_t i = 0; i < campaign->plan->case_count; i++) {
        const struct case_time *time = &campaign->times[i];
        double mean_ns = 0;
        if (time->done > 0) {
            mean_ns = (double)time->elapsed_ns / time->done;
        } else if (all_done > 0) {
            mean_ns = (double)all_ns / (double)all_done;
        }
        left_ns += mean_ns * time->left;
    }
    return (uint64_t)left_ns;
}

static void tell_launch(struct campaign *campaign, size_t done, uint32_t case_index,
                        const json_t *launch)
{
    const struct mm_run_progress *progress = campaign->request->progress;
    const json_t *failure = json_object_get(launch, "failure");

    if (progress != NULL && progress->launch != NULL) {
        progress->launch(progress->context, done, campaign->order_count, estimate_left_ns(campaign),
                         campaign->plan->cases[case_index].name,
                         json_string_value(json_object_get(failure, "reason")));
    }
}

static void tell_file(void *context, size_t index)
{
    const struct campaign *campaign = context;
    const struct mm_plan *plan = campaign->plan;

    char *text = mm_text_format("making the data files, %zu of %zu: %s", index + 1,
                                plan->file_count, plan->files[index].path);
    tell_phase(campaign, text == NULL ? "making the data files" : text);
    free(text);
}

static int make_files(struct campaign *campaign, struct mm_error *error)
{
    const struct mm_plan *plan = campaign->plan;

    mm_data_cache_note_plan(plan);
    int code = mm_run_make_files(plan, campaign->request->data_limit_bytes, campaign->held,
                                 tell_file, campaign, error);
    if (code < 0) {
        return code == -EINTR ? 0 : code;
    }
    for (size_t i = 0; i < plan->file_count; i++) {
        mm_run_add_file_facts(json_array_get(mm_record_files(campaign->record), i),
                              plan->files[i].path);
    }
    return 0;
}

/* The processors a process may use; empty when the kernel does not say or has more than fit. */
static json_t *cpus_allowed(pid_t pid)
{
    cpu_set_t set;
    json_t *cpus = json_array();

    if (sched_getaffinity(pid, sizeof(set), &set) == 0) {
        for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
            if (CPU_ISSET(cpu, &set)) {
                json_array_append_new(cpus, json_integer((json_int_t)cpu));
            }
        }
    }
    return cpus;
}

/* Distinct for every launch of every case, and the same in every run with the plan's seed. */
static uint64_t launch_seed(const struct mm_plan *plan, const struct mm_plan_launch *place)
{
    uint64_t key = ((uint64_t)place->case_index << 32) | place->launch_index;

    return mm_random_mix(mm_random_mix(plan->seed) ^ mm_random_mix(key));
}

/* A worker that has given every sample but says nothing at the end has not gone through. */
static json_t *no_closing(void)
{
    return json_pack("{s:s, s:s}", "kind", "protocol", "reason",
                     "the worker gave its samples, but ended before it had finished");
}

/* Fills launch with what the worker measures. 0, also for a failed launch, or -EINTR. */
static int ask_worker(struct mm_launcher_worker *worker, const struct mm_plan_case *plan_case,
                      uint64_t seed, json_t *launch)
{
    json_t *samples = json_object_get(launch, "samples");
    json_t *failure = NULL;
    json_t *closing = NULL;
    int code = 0;

    for (uint32_t i = 0; code == 0 && i < plan_case->samples; i++) {
        json_t *sample = NULL;
        code = mm_launcher_sample(worker, mm_random_mix(seed + i), plan_case->iterations, &sample,
                                  &failure);
        if (code == 0) {
            json_array_append_new(samples, sample);
        }
    }
    mm_launcher_finish(worker, &closing);
    if (code == 0 && closing == NULL) {
        /* A signal may also come between the last sample and the end. */
        code = mm_ending_asked() != 0 ? -EINTR : 0;
        failure = no_closing();
    }
    if (closing != NULL) {
        json_object_update(launch, closing);
        json_decref(closing);
    }
    if (failure != NULL) {
        json_object_set_new(launch, "failure", failure);
    }
    return code == -EINTR ? code : 0;
}

static void set_failure(json_t *launch, const struct mm_error *error)
{
    json_object_set_new(launch, "failure",
                        json_pack("{s:s, s:s}", "kind", "error", "reason", error->text));
}

/* A new launch of the record's form; NULL when memory is short. */
static json_t *begin_launch(const struct campaign *campaign, const struct mm_plan_launch *place,
                            size_t order, uint64_t seed)
{
    char text[MM_TEXT_HEX_BYTES];
    const json_t *case_json = json_array_get(mm_record_cases(campaign->record), place->case_index);

    return json_pack("{s:O, s:I, s:I, s:s, s:I, s:i, s:n, s:[], s:s, s:n, s:[]}", "case",
                     json_object_get(case_json, "id"), "index", (json_int_t)place->launch_index,
                     "order", (json_int_t)order, "seed", mm_text_write_hex(seed, text),
                     "started_ns", (json_int_t)(mm_clock_ns() - campaign->started_ns), "elapsed_ns",
                     0, "pid", "cpus_allowed", "status", "failed", "failure", "samples");
}

/* *launch is the finished launch, failed or not. -EINTR when it was interrupted, -ENOMEM. */
static int run_launch(struct campaign *campaign, const struct mm_plan_launch *place, size_t order,
                      json_t **launch)
{
    const struct mm_plan_case *plan_case = &campaign->plan->cases[place->case_index];
    uint64_t seed = launch_seed(campaign->plan, place);
    uint64_t started_ns = mm_clock_ns();
    struct mm_launcher_worker *worker = NULL;
    struct mm_error error = {0};

    json_t *begun = begin_launch(campaign, place, order, seed);
    if (begun == NULL) {
        return -ENOMEM;
    }
    /* All files of the record are a command's. */
    const json_t *files = mm_record_files(campaign->record);
    bool command = plan_case->workload == &mm_command_workload;
    int code =
        mm_launcher_start(campaign->request->worker_binary,
                          json_array_get(mm_record_cases(campaign->record), place->case_index),
                          command ? files : json_array_get(files, plan_case->file), seed,
                          plan_case->timeout_ns, &worker, &error);
    if (code < 0) {
        set_failure(begun, &error);
        code = 0;
    } else {
        pid_t pid = mm_launcher_pid(worker);
        json_object_set_new(begun, "pid", json_integer(pid));
        json_object_set_new(begun, "cpus_allowed", cpus_allowed(pid));
        code = ask_worker(worker, plan_case, seed, begun);
    }
    if (code < 0) {
        json_decref(begun);
        return code;
    }
    bool good = json_is_null(json_object_get(begun, "failure"));
    json_object_set_new(begun, "status", json_string(good ? "ok" : "failed"));
    json_object_set_new(begun, "elapsed_ns",
                        json_integer((json_int_t)(mm_clock_ns() - started_ns)));
    *launch = begun;
    return 0;
}

static void count_time(struct campaign *campaign, uint32_t case_index, const json_t *launch)
{
    struct case_time *time = &campaign->times[case_index];

    time->elapsed_ns += (uint64_t)json_integer_value(json_object_get(launch, "elapsed_ns"));
    time->done++;
    time->left--;
}

/* Whether the launches from order[first] on begin another round, which the budget has no time for
 * by what the launches of each case have taken so far. */
static bool exceeds_budget(const struct campaign *campaign, size_t first)
{
    const struct mm_plan_launch *order = campaign->order;
    uint32_t round = order[first].launch_index;
    double needed_ns = (double)(mm_clock_ns() - campaign->started_ns);

    if (campaign->plan->budget_ns == 0 || round < MM_PLAN_LEAST_LAUNCHES ||
        (first > 0 && order[first - 1].launch_index == round)) {
        return false;
    }
    for (size_t i = first; i < campaign->order_count && order[i].launch_index == round; i++) {
        const struct case_time *time = &campaign->times[order[i].case_index];
        if (!campaign->done[i] && time->done > 0) {
            needed_ns += (double)time->elapsed_ns / time->done;
        }
    }
    return needed_ns > (double)campaign->plan->budget_ns;
}

/* Takes the launches from order[first] on out of the run, and says so in the record. */
static void drop_launches(struct campaign *campaign, size_t first)
{
    json_t *budget = json_object_get(mm_record_run(campaign->record), "budget");
    json_int_t dropped = json_integer_value(json_object_get(budget, "launches_dropped"));

    for (size_t i = first; i < campaign->order_count; i++) {
        if (campaign->done[i]) {
            continue;
        }
        json_t *planned = json_object_get(
            json_array_get(mm_record_cases(campaign->record), campaign->order[i].case_index),
            "launches_planned");
        json_integer_set(planned, json_integer_value(planned) - 1);
        dropped++;
    }
    json_object_set_new(budget, "launches_dropped", json_integer(dropped));
}

static int run_launches(struct campaign *campaign, struct mm_error *error)
{
    json_t *launches = mm_record_launches(campaign->record);

    for (size_t i = 0; i < campaign->order_count && mm_ending_asked() == 0; i++) {
        const struct mm_plan_launch *place = &campaign->order[i];
        if (exceeds_budget(campaign, i)) {
            drop_launches(campaign, i);
            return 0;
        }
        if (campaign->done[i]) {
            continue;
        }
        json_t *launch = NULL;
        int code = run_launch(campaign, place, i, &launch);
        if (code == -EINTR) {
            return 0;
        }
        if (code < 0 || json_array_append_new(launches, launch) != 0) {
            return mm_error_set(error, -ENOMEM, "no memory for the record of the run");
        }
        count_time(campaign, place->case_index, launch);
        campaign->done_count++;
        tell_launch(campaign, campaign->done_count, place->case_index, launch);
        if (mm_clock_ns() - campaign->saved_ns > SAVE_EVERY_NS) {
            code = save(campaign, error);
            if (code < 0) {
                return code;
            }
        }
    }
    return 0;
}

/* What the launches of a resumed run took is known. */
static void count_earlier_times(struct campaign *campaign, const struct mm_record *record)
{
    for (size_t i = 0; i < campaign->plan->case_count; i++) {
        const json_t *node = json_array_get(mm_record_cases(record), i);
        size_t index;
        const json_t *launch;
        json_array_foreach(mm_record_launches(record), index, launch)
        {
            if (json_equal(json_object_get(launch, "case"), json_object_get(node, "id"))) {
                campaign->times[i].elapsed_ns +=
                    (uint64_t)json_integer_value(json_object_get(launch, "elapsed_ns"));
                campaign->times[i].done++;
            }
        }
    }
}

static int plan_launches(struct campaign *campaign, struct mm_error *error)
{
    int code = mm_plan_order(campaign->plan, &campaign->order, &campaign->order_count, error);
    if (code < 0) {
        return code;
    }
    campaign->times = calloc(campaign->plan->case_count + 1, sizeof(campaign->times[0]));
    campaign->done = calloc(campaign->order_count + 1, sizeof(campaign->done[0]));
    campaign->held = calloc(campaign->plan->file_count + 1, sizeof(campaign->held[0]));
    if (campaign->times == NULL || campaign->done == NULL || campaign->held == NULL) {
        return mm_error_set(error, -ENOMEM, "no memory to plan the launches");
    }
    for (size_t i = 0; i < campaign->plan->file_count; i++) {
        campaign->held[i] = -1;
    }
    if (campaign->request->resumed != NULL) {
        code = mm_resume_mark_done(campaign->request->resumed, campaign->plan, campaign->order,
                                   campaign->order_count, campaign->done, error);
        count_earlier_times(campaign, campaign->request->resumed);
    }
    for (size_t i = 0; i < campaign->order_count; i++) {
        campaign->times[campaign->order[i].case_index].left += !campaign->done[i];
        campaign->done_count += campaign->done[i];
    }
    return code;
}

/* The last word of the record. */
static int conclude(struct campaign *campaign, struct mm_error *error)
{
    json_t *run = mm_record_run(campaign->record);
    char utc[MM_RUN_UTC_BYTES];
    int signal_number = mm_ending_asked();

    if (signal_number != 0) {
        json_object_set_new(run, "interrupted",
                            json_string(signal_number == SIGINT ? "SIGINT" : "SIGTERM"));
    }
    json_object_set_new(run, "finished_utc", json_string(mm_run_utc(utc)));
    return save(campaign, error);
}

/* What is noisy before anything of this run is: told, and kept in the record. */
static void look_for_noise(struct campaign *campaign)
{
    const struct mm_run_progress *progress = campaign->request->progress;
    struct mm_doctor_fact facts[MM_NOISE_FACTS_MAX];
    size_t index;
    const json_t *line;

    char *folder = strdup(campaign->plan->file_count > 0 ? campaign->plan->files[0].path : ".");
    if (folder == NULL) {
        return;
    }
    mm_file_cut_to_existing(folder);
    size_t count = mm_noise_examine("", folder, facts, MM_NOISE_FACTS_MAX);
    free(folder);
    json_t *warnings = mm_noise_warnings(facts, count);
    json_array_foreach(warnings, index, line)
    {
        if (progress != NULL && progress->noise != NULL) {
            progress->noise(progress->context, json_string_value(line));
        }
    }
    if (warnings != NULL) {
        json_object_set_new(mm_record_environment(campaign->record), "warnings", warnings);
    }
}

static int run_campaign(struct campaign *campaign, struct mm_error *error)
{
    look_for_noise(campaign);
    /* What a run that was killed has left. */
    mm_memory_limit_sweep(&mm_memory_limit_this_system);
    int code = make_files(campaign, error);
    if (code == 0) {
        code = save(campaign, error);
    }
    if (code == 0) {
        code = run_launches(campaign, error);
    }
    return code == 0 ? conclude(campaign, error) : code;
}

static int begin_record(struct campaign *campaign, struct mm_error *error)
{
    const struct mm_run_request *request = campaign->request;

    if (request->resumed == NULL) {
        return mm_run_new_record(request, &campaign->record, error);
    }
    /* Also where the time of the run would be before the machine was started: it wraps alike. */
    campaign->started_ns -= mm_resume_time_ns(request->resumed);
    return mm_run_resumed_record(request, &campaign->record, error);
}

static void let_files_go(struct campaign *campaign)
{
    for (size_t i = 0; campaign->held != NULL && i < campaign->plan->file_count; i++) {
        if (campaign->held[i] >= 0) {
            mm_data_cache_let_go(campaign->held[i], campaign->plan->files[i].path);
        }
    }
    free(campaign->held);
}

int mm_run(const struct mm_run_request *request, struct mm_record **record, struct mm_error *error)
{
    struct campaign campaign = {.request = request, .plan = request->plan};
    struct mm_ending ending;

    campaign.started_ns = mm_clock_ns();
    mm_environment_read_cpu_time(&campaign.cpu_time);
    campaign.path = mm_file_join(request->out_folder, "results.json");
    int code = campaign.path == NULL
                   ? mm_error_set(error, -ENOMEM, "no memory for the name of the record")
                   : plan_launches(&campaign, error);
    if (code == 0) {
        code = begin_record(&campaign, error);
    }
    if (code == 0) {
        mm_ending_begin(&ending);
        code = run_campaign(&campaign, error);
        mm_ending_end(&ending);
    }
    if (code == 0) {
        *record = campaign.record;
    } else {
        mm_record_free(campaign.record);
    }
    let_files_go(&campaign);
    free(campaign.path);
    free(campaign.order);
    free(campaign.times);
    free(campaign.done);
    return code;
}
