/* From the cases of a plan to what is launched for each: files, slices, iterations. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/random.h"
#include "common/text.h"
#include "harness/campaigns/ending.h"
#include "harness/campaigns/gate_internal.h"
#include "harness/command.h"

#define ITERATIONS_LIMIT 1e6

/* Of the slice, run before it and not timed; one of fewer passes than this takes long enough to
 * leave behind what the other side has left in the caches. */
#define WARM_UP_PARTS 5

/* What the median over the slices of a launch wants. */
#define LEAST_SLICES 3.0

/* Pages of the page cache that an injected fault stands for. */
#define PAGE_BYTES 4096.0

static int no_memory(struct mm_error *error)
{
    return mm_error_set(error, -ENOMEM, "not enough memory for the gate");
}

static void warn(const struct mm_gate_campaign *campaign, const char *line)
{
    const struct mm_gate_progress *progress = campaign->request->progress;

    if (progress != NULL && progress->warn != NULL) {
        progress->warn(progress->context, line);
    }
}

/* The second file of cases that write, for each file that has one; SIZE_MAX for the others. */
static int add_twins(struct mm_plan *plan, size_t **twins, struct mm_error *error)
{
    size_t count = plan->file_count;
    size_t *made = calloc(count + 1, sizeof(*made));
    int code = made == NULL ? no_memory(error) : 0;

    for (size_t i = 0; code == 0 && i < count; i++) {
        made[i] = SIZE_MAX;
        if (plan->files[i].writable && plan->files[i].generated) {
            code = mm_plan_add_twin(plan, i, &made[i], error);
        }
    }
    if (code < 0) {
        free(made);
        return code;
    }
    *twins = made;
    return 0;
}

/* Each side's cases: those of head, with the path of the side's own plug-in; of commands its own.
 */
static int make_cases(struct mm_gate_campaign *campaign, struct mm_error *error)
{
    const struct mm_gate_request *request = campaign->request;

    for (int side = 0; side < MM_GATE_SIDES; side++) {
        bool own = side == MM_GATE_BASE && request->base_plan != NULL;
        campaign->cases[side] = mm_plan_cases_to_json(own ? request->base_plan : request->plan);
        if (campaign->cases[side] == NULL) {
            return no_memory(error);
        }
        size_t index;
        json_t *one;
        json_array_foreach(campaign->cases[side], index, one)
        {
            if (json_object_get(one, "plugin") != NULL && request->sides->kind == MM_GATE_PLUGIN) {
                json_object_set_new(one, "plugin", json_string(request->sides->side[side].link));
            }
        }
    }
    return 0;
}

/* Only what reads or writes warm pages can be asked again and again within a launch. */
static bool takes_turns(const struct mm_plan_case *plan_case)
{
    return plan_case->workload != &mm_command_workload && plan_case->cache == MM_CACHE_WARM &&
           !plan_case->needs.flushes && !plan_case->measures_latency;
}

static void set_files(struct mm_gate_campaign *campaign, const struct mm_plan_case *plan_case,
                      const size_t *twins, struct mm_gate_job *job)
{
    if (plan_case->workload == &mm_command_workload) {
        job->file_json[0] = campaign->files;
        job->file_json[1] = campaign->files;
        return;
    }
    size_t other = plan_case->needs.writes && twins[plan_case->file] != SIZE_MAX
                       ? twins[plan_case->file]
                       : plan_case->file;
    job->file_json[0] = json_array_get(campaign->files, plan_case->file);
    job->file_json[1] = json_array_get(campaign->files, other);
}

static int set_injection(const struct mm_gate_campaign *campaign,
                         const struct mm_plan_case *plan_case, struct mm_gate_benchmark *benchmark)
{
    const struct mm_gate_injection *injection = &campaign->request->injection;
    double pages = (double)plan_case->needs.bytes_per_pass / PAGE_BYTES;

    if (!(injection->delay_share > 0) && !(injection->faults_per_page > 0)) {
        return 0;
    }
    benchmark->inject = json_pack("{s:f, s:I}", "delay_share", injection->delay_share, "faults",
                                  (json_int_t)ceil(injection->faults_per_page * pages));
    benchmark->job.inject = benchmark->inject;
    return benchmark->inject == NULL ? -ENOMEM : 0;
}

static int make_job(struct mm_gate_campaign *campaign, size_t case_index, const size_t *twins,
                    struct mm_gate_benchmark *benchmark)
{
    const struct mm_gate_request *request = campaign->request;
    const struct mm_plan_case *plan_case = &request->plan->cases[case_index];
    bool turns = takes_turns(plan_case);

    benchmark->case_index = case_index;
    benchmark->job = (struct mm_gate_job){
        .name = plan_case->name,
        .sides = request->sides,
        .metrics = mm_gate_settings_metrics(request->settings, plan_case->name),
        .case_json = {json_array_get(campaign->cases[MM_GATE_BASE], case_index),
                      json_array_get(campaign->cases[MM_GATE_HEAD], case_index)},
        .cold = plan_case->cache != MM_CACHE_WARM,
        .one_core = plan_case->workload != &mm_command_workload && plan_case->needs.processes <= 1,
        .slices = turns ? request->settings->slices : 1,
        .iterations = plan_case->iterations,
        .timeout_ns = plan_case->timeout_ns,
    };
    set_files(campaign, plan_case, twins, &benchmark->job);
    benchmark->pairs = calloc(request->settings->extended, sizeof(*benchmark->pairs));
    return benchmark->pairs == NULL ? -ENOMEM : set_injection(campaign, plan_case, benchmark);
}

/* The base is no worker of ours: no gate. Any other failure is the benchmark's. */
static int judge_failed_try(struct mm_gate_benchmark *benchmark, struct mm_error *error)
{
    const char *kind = json_string_value(json_object_get(benchmark->failure, "kind"));
    const char *reason = json_string_value(json_object_get(benchmark->failure, "reason"));

    benchmark->settled = true;
    if (kind == NULL || strcmp(kind, "protocol") != 0) {
        return 0;
    }
    return mm_error_set(error, -ENXIO, "--base %s: cannot be measured: %s",
                        benchmark->job.sides->side[MM_GATE_BASE].given,
                        reason == NULL ? "it does not answer" : reason);
}

/* As many iterations as a slice takes, as many slices as a launch takes. The only slice of a case
 * that flushes is as long as a launch: storage is noisier than memory. */
static void size_slices(const struct mm_gate_campaign *campaign, double iteration_ns,
                        uint64_t sample_ns, struct mm_gate_job *job)
{
    const struct mm_gate_settings *settings = campaign->request->settings;
    uint64_t length_ns = job->slices > 1 ? settings->slice_ns : settings->launch_ns;
    double wanted = round((double)length_ns / fmax(iteration_ns, 1));

    job->iterations = (uint64_t)fmin(fmax(wanted, 1), ITERATIONS_LIMIT);
    if (job->slices <= 1) {
        return;
    }
    job->warmup_iterations = job->iterations / WARM_UP_PARTS;
    /* What is not timed grows about as the rest does. */
    double slice_ns = (double)sample_ns * (double)(job->iterations + job->warmup_iterations);
    double slices = fmax((double)settings->launch_ns / fmax(slice_ns, 1), LEAST_SLICES);
    job->slices = (uint32_t)fmin(slices, job->slices);
}

static int try_one(struct mm_gate_campaign *campaign, struct mm_gate_benchmark *benchmark,
                   struct mm_error *error)
{
    struct mm_gate_job *job = &benchmark->job;
    const struct mm_plan_case *plan_case = &campaign->request->plan->cases[benchmark->case_index];
    uint64_t seed = mm_random_mix(campaign->request->plan->seed ^ benchmark->case_index);
    double iteration_ns = 0;
    uint64_t sample_ns = 0;

    int code = mm_gate_pair_try(job, seed, &iteration_ns, &sample_ns, &benchmark->failure);
    if (code == -EINTR) {
        return code;
    }
    if (code < 0) {
        return judge_failed_try(benchmark, error);
    }
    if (plan_case->cache == MM_CACHE_WARM && plan_case->workload != &mm_command_workload &&
        !plan_case->measures_latency) {
        size_slices(campaign, iteration_ns, sample_ns, job);
    }
    return 0;
}

int mm_gate_size_jobs(struct mm_gate_campaign *campaign, struct mm_error *error)
{
    int code = 0;

    for (size_t i = 0; code == 0 && i < campaign->count && mm_ending_asked() == 0; i++) {
        code = try_one(campaign, &campaign->benchmarks[i], error);
    }
    return code == -EINTR ? 0 : code;
}

int mm_gate_make_jobs(struct mm_gate_campaign *campaign, struct mm_error *error)
{
    struct mm_plan *plan = campaign->request->plan;
    size_t *twins = NULL;

    int code = make_cases(campaign, error);
    if (code == 0) {
        code = add_twins(plan, &twins, error);
    }
    if (code == 0) {
        campaign->files = mm_plan_files_to_json(plan);
        campaign->benchmarks = calloc(plan->case_count + 1, sizeof(*campaign->benchmarks));
        code = campaign->files == NULL || campaign->benchmarks == NULL ? no_memory(error) : 0;
    }
    for (size_t i = 0; code == 0 && i < plan->case_count; i++) {
        if (plan->cases[i].skip_reason != NULL) {
            char *line = mm_text_format("%s is left out: %s", plan->cases[i].name,
                                        plan->cases[i].skip_reason);
            warn(campaign, line == NULL ? plan->cases[i].name : line);
            free(line);
        } else if (make_job(campaign, i, twins, &campaign->benchmarks[campaign->count++]) < 0) {
            code = no_memory(error);
        }
    }
    if (code == 0 && campaign->count == 0) {
        code = mm_error_set(error, -EINVAL,
                            "every case of the suite is skipped on this machine: "
                            "there is nothing to judge");
    }
    free(twins);
    return code;
}

void mm_gate_free_jobs(struct mm_gate_campaign *campaign)
{
    for (size_t i = 0; i < campaign->count; i++) {
        free(campaign->benchmarks[i].pairs);
        json_decref(campaign->benchmarks[i].inject);
        json_decref(campaign->benchmarks[i].failure);
    }
    free(campaign->benchmarks);
    json_decref(campaign->files);
    json_decref(campaign->cases[MM_GATE_BASE]);
    json_decref(campaign->cases[MM_GATE_HEAD]);
}
