/* The gate: rounds of pairs over all benchmarks, looks at 12, 30 and 60, and the verdicts. */
#include "harness/campaigns/gate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/random.h"
#include "common/text.h"
#include "harness/campaigns/ending.h"
#include "harness/campaigns/gate_internal.h"
#include "harness/campaigns/run_files.h"
#include "harness/campaigns/run_record.h"
#include "harness/clock.h"
#include "harness/data_cache.h"
#include "harness/memory_limit.h"

static void tell_phase(const struct mm_gate_campaign *campaign, const char *text)
{
    const struct mm_gate_progress *progress = campaign->request->progress;

    if (progress != NULL && progress->phase != NULL) {
        progress->phase(progress->context, text);
    }
}

static void tell_file(void *context, size_t index)
{
    const struct mm_gate_campaign *campaign = context;
    const struct mm_plan *plan = campaign->request->plan;
    char *text = mm_text_format("making the data files, %zu of %zu: %s", index + 1,
                                plan->file_count, plan->files[index].path);

    tell_phase(campaign, text == NULL ? "making the data files" : text);
    free(text);
}

/* How many pairs a benchmark will have had when it is not extended, as far as is known. */
static size_t expected_pairs(const struct mm_gate_campaign *campaign,
                             const struct mm_gate_benchmark *benchmark)
{
    const struct mm_gate_settings *settings = campaign->request->settings;

    if (benchmark->settled) {
        return benchmark->count;
    }
    if (benchmark->first_count > 0) {
        return settings->extended;
    }
    return benchmark->count < settings->first_look &&
                   campaign->request->purpose != MM_GATE_CALIBRATE
               ? settings->first_look
               : settings->verdict.pairs;
}

static void tell_pair(struct mm_gate_campaign *campaign, const char *name)
{
    const struct mm_gate_progress *progress = campaign->request->progress;
    uint64_t all_ns = 0;
    double left_ns = 0;
    size_t going = 0;

    if (progress == NULL || progress->pair == NULL) {
        return;
    }
    for (size_t i = 0; i < campaign->count; i++) {
        all_ns += campaign->benchmarks[i].elapsed_ns;
    }
    for (size_t i = 0; i < campaign->count; i++) {
        const struct mm_gate_benchmark *benchmark = &campaign->benchmarks[i];
        double left = (double)(expected_pairs(campaign, benchmark) - benchmark->count);
        left_ns +=
            left * (benchmark->count > 0 ? (double)benchmark->elapsed_ns / (double)benchmark->count
                                         : (double)all_ns / (double)campaign->pairs_done);
        going += !benchmark->settled;
    }
    progress->pair(progress->context, campaign->pairs_done, going, campaign->count,
                   (uint64_t)left_ns, name);
}

static void settle(struct mm_gate_campaign *campaign, size_t index)
{
    const struct mm_gate_progress *progress = campaign->request->progress;
    struct mm_gate_benchmark *benchmark = &campaign->benchmarks[index];
    struct mm_gate_verdicts verdicts;

    benchmark->settled = true;
    if (progress == NULL || progress->settled == NULL ||
        mm_gate_judge(campaign, index, false, &verdicts) < 0) {
        return;
    }
    progress->settled(progress->context, benchmark->job.name, benchmark->count,
                      mm_verdict_name(mm_gate_worst(campaign, &verdicts, index)));
    mm_gate_free_verdicts(&verdicts);
}

/* Distinct for every pair of every benchmark, and the same in every gate with the plan's seed. */
static uint64_t pair_seed(const struct mm_gate_campaign *campaign, size_t index, size_t pair)
{
    uint64_t key = ((uint64_t)index << 32) | pair;

    return mm_random_mix(mm_random_mix(campaign->request->plan->seed) ^ mm_random_mix(key));
}

/* A benchmark with a failed launch gets no more of them. */
static int run_pair(struct mm_gate_campaign *campaign, size_t index)
{
    struct mm_gate_benchmark *benchmark = &campaign->benchmarks[index];
    struct mm_gate_pair *pair = &benchmark->pairs[benchmark->count];
    uint64_t started_ns = mm_clock_ns();

    pair->index = benchmark->count;
    int code =
        mm_gate_pair_run(&benchmark->job, pair_seed(campaign, index, pair->index), campaign->cores,
                         campaign->core_count, campaign->samples, pair, &benchmark->failure);
    if (code == -EINTR) {
        return code;
    }
    benchmark->elapsed_ns += mm_clock_ns() - started_ns;
    campaign->pairs_done++;
    benchmark->count += code == 0;
    if (benchmark->failure != NULL) {
        settle(campaign, index);
    }
    return 0;
}

/* One pair of every benchmark that is not settled, in a new order, so that a bad minute of the
 * machine hits them all. */
static int run_round(struct mm_gate_campaign *campaign, struct mm_random *random)
{
    size_t *order = calloc(campaign->count, sizeof(*order));
    int code = order == NULL ? -ENOMEM : 0;

    for (size_t i = 0; code == 0 && i < campaign->count; i++) {
        order[i] = i;
    }
    if (code == 0) {
        mm_random_shuffle(random, order, campaign->count, sizeof(*order));
    }
    for (size_t i = 0; code == 0 && i < campaign->count; i++) {
        if (mm_ending_asked() != 0) {
            code = -EINTR;
        } else if (!campaign->benchmarks[order[i]].settled) {
            code = run_pair(campaign, order[i]);
            tell_pair(campaign, campaign->benchmarks[order[i]].job.name);
        }
    }
    free(order);
    return code;
}

/* Ends early only for futility, never to fail; a calibration needs all of its pairs. */
static void look(struct mm_gate_campaign *campaign, size_t limit)
{
    const struct mm_gate_settings *settings = campaign->request->settings;

    for (size_t i = 0; i < campaign->count; i++) {
        const struct mm_gate_benchmark *benchmark = &campaign->benchmarks[i];
        bool early = benchmark->count == settings->first_look &&
                     campaign->request->purpose != MM_GATE_CALIBRATE;
        if (!benchmark->settled &&
            (benchmark->count >= limit || (early && mm_gate_is_futile(campaign, i)))) {
            settle(campaign, i);
        }
    }
}

static bool is_going(const struct mm_gate_campaign *campaign)
{
    for (size_t i = 0; i < campaign->count; i++) {
        if (!campaign->benchmarks[i].settled) {
            return true;
        }
    }
    return false;
}

static int run_until(struct mm_gate_campaign *campaign, size_t limit, struct mm_random *random)
{
    int code = 0;

    while (code == 0 && is_going(campaign)) {
        code = run_round(campaign, random);
        if (code == 0) {
            look(campaign, limit);
        }
    }
    return code;
}

/* What is inconclusive after the first look goes on once, at the rest of the level. */
static int choose_extension(struct mm_gate_campaign *campaign)
{
    struct mm_gate_verdicts verdicts;
    const struct mm_gate_settings *settings = campaign->request->settings;

    if (settings->extended <= settings->verdict.pairs ||
        campaign->request->purpose == MM_GATE_CALIBRATE) {
        return 0;
    }
    int code = mm_gate_judge(campaign, SIZE_MAX, false, &verdicts);
    if (code < 0) {
        return code;
    }
    for (size_t i = 0; i < campaign->count; i++) {
        struct mm_gate_benchmark *benchmark = &campaign->benchmarks[i];
        if (mm_gate_worst(campaign, &verdicts, i) == MM_VERDICT_INCONCLUSIVE &&
            benchmark->count > 0) {
            benchmark->first_count = benchmark->count;
            benchmark->settled = false;
        }
    }
    mm_gate_free_verdicts(&verdicts);
    return 0;
}

static int measure(struct mm_gate_campaign *campaign, struct mm_error *error)
{
    const struct mm_gate_settings *settings = campaign->request->settings;
    struct mm_random random;

    mm_random_seed(&random, campaign->request->plan->seed);
    tell_phase(campaign, "trying every benchmark once");
    int code = mm_gate_size_jobs(campaign, error);
    if (code < 0) {
        return code;
    }
    code = run_until(campaign, settings->verdict.pairs, &random);
    if (code == 0) {
        code = choose_extension(campaign);
    }
    if (code == 0 && is_going(campaign)) {
        tell_phase(campaign, "measuring again what is inconclusive");
        code = run_until(campaign, settings->extended, &random);
    }
    return code == 0 || code == -EINTR
               ? 0
               : mm_error_set(error, code, "the gate cannot go on: %s", strerror(-code));
}

static int make_files(struct mm_gate_campaign *campaign, struct mm_error *error)
{
    const struct mm_gate_request *request = campaign->request;

    mm_data_cache_note_plan(request->plan);
    int code = mm_run_make_files(request->plan, request->data_limit_bytes, campaign->held,
                                 tell_file, campaign, error);
    if (code < 0) {
        return code;
    }
    for (size_t i = 0; i < request->plan->file_count; i++) {
        mm_run_add_file_facts(json_array_get(campaign->files, i), request->plan->files[i].path);
    }
    return 0;
}

/* samples.csv under another name until it is whole. */
static int open_samples(struct mm_gate_campaign *campaign, struct mm_error *error)
{
    campaign->samples_path = mm_file_join(campaign->request->out_folder, "samples.csv.partial");
    campaign->samples =
        campaign->samples_path == NULL ? NULL : fopen(campaign->samples_path, "wxe");
    if (campaign->samples == NULL) {
        return mm_error_set(error, -errno, "%s/samples.csv.partial: %s",
                            campaign->request->out_folder, strerror(errno));
    }
    mm_gate_pair_write_head(campaign->samples);
    return 0;
}

static int close_samples(struct mm_gate_campaign *campaign, struct mm_error *error)
{
    char *path = mm_file_join(campaign->request->out_folder, "samples.csv");
    FILE *stream = campaign->samples;
    int code = path == NULL ? -ENOMEM : 0;

    campaign->samples = NULL;
    errno = 0;
    if (fflush(stream) != 0 || ferror(stream) != 0 || fsync(fileno(stream)) != 0) {
        code = errno != 0 ? -errno : -EIO;
    }
    fclose(stream);
    if (code == 0 && rename(campaign->samples_path, path) != 0) {
        code = -errno;
    }
    free(path);
    return code < 0 ? mm_error_set(error, code, "%s/samples.csv: %s", campaign->request->out_folder,
                                   strerror(-code))
                    : 0;
}

static int judge(struct mm_gate_campaign *campaign, struct mm_error *error)
{
    double steal = mm_gate_steal(campaign);
    bool disturbed = steal > campaign->request->settings->steal;
    struct mm_gate_verdicts verdicts;

    int code = mm_gate_judge(campaign, SIZE_MAX, disturbed, &verdicts);
    if (code < 0) {
        return mm_error_set(error, code, "the gate cannot judge: %s", strerror(-code));
    }
    code = mm_gate_finish_document(campaign, &verdicts, disturbed, error);
    mm_gate_free_verdicts(&verdicts);
    return code;
}

/* The record stands in the folder from the beginning, without a verdict: what is killed in the
 * middle has not passed. */
static int run_campaign(struct mm_gate_campaign *campaign, struct mm_error *error)
{
    mm_memory_limit_sweep(&mm_memory_limit_this_system);
    int code = mm_gate_sides_link(campaign->request->sides, campaign->request->out_folder, error);
    if (code == 0) {
        code = mm_gate_make_jobs(campaign, error);
    }
    if (code == 0) {
        code = mm_gate_begin_document(campaign, error);
    }
    if (code == 0) {
        code = mm_gate_save_document(campaign, error);
    }
    if (code == 0) {
        campaign->held = calloc(campaign->request->plan->file_count + 1, sizeof(int));
        code = campaign->held == NULL ? mm_error_set(error, -ENOMEM, "not enough memory") : 0;
    }
    for (size_t i = 0; code == 0 && i < campaign->request->plan->file_count; i++) {
        campaign->held[i] = -1;
    }
    if (code == 0) {
        code = make_files(campaign, error);
    }
    if (code == 0) {
        code = open_samples(campaign, error);
    }
    if (code == 0) {
        code = measure(campaign, error);
    }
    if (code == 0) {
        code = close_samples(campaign, error);
    }
    if (code == 0) {
        code = judge(campaign, error);
    }
    return code == 0 ? mm_gate_save_document(campaign, error) : code;
}

static void release(struct mm_gate_campaign *campaign)
{
    if (campaign->samples != NULL) {
        fclose(campaign->samples);
    }
    if (campaign->samples_path != NULL) {
        unlink(campaign->samples_path);
    }
    for (size_t i = 0; campaign->held != NULL && i < campaign->request->plan->file_count; i++) {
        if (campaign->held[i] >= 0) {
            mm_data_cache_let_go(campaign->held[i], campaign->request->plan->files[i].path);
        }
    }
    mm_gate_free_jobs(campaign);
    free(campaign->held);
    free(campaign->samples_path);
    free(campaign->cores);
    json_decref(campaign->document);
}

int mm_gate(const struct mm_gate_request *request, json_t **document, struct mm_error *error)
{
    struct mm_gate_campaign campaign = {.request = request};
    struct mm_ending ending;

    mm_environment_read_cpu_time(&campaign.cpu_time);
    int code = mm_gate_cores(&campaign.cores, &campaign.core_count);
    if (code < 0) {
        return mm_error_set(error, code, "cannot see which processors may be used: %s",
                            strerror(-code));
    }
    mm_ending_begin(&ending);
    code = run_campaign(&campaign, error);
    mm_ending_end(&ending);
    if (code == 0) {
        *document = json_incref(campaign.document);
    }
    release(&campaign);
    return code;
}
