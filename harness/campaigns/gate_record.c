/* The record of a gate: results/SCHEMA.md describes it. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/statistics.h"
#include "common/file.h"
#include "common/text.h"
#include "harness/campaigns/ending.h"
#include "harness/campaigns/gate_internal.h"
#include "harness/campaigns/run_record.h"
#include "harness/protocol.h"
#include "results/record.h"

#define SCHEMA_VERSION 1

static int no_memory(struct mm_error *error)
{
    return mm_error_set(error, -ENOMEM, "no memory for the record of the gate");
}

double mm_gate_steal(const struct mm_gate_campaign *campaign)
{
    struct mm_environment_cpu_time now;

    mm_environment_read_cpu_time(&now);
    json_t *share = mm_environment_steal_share(&campaign->cpu_time, &now);
    double value = json_is_number(share) ? json_number_value(share) : NAN;
    json_decref(share);
    return value;
}

/* JSON has no infinity: null is "none". */
static json_t *real_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *rule_to_json(const struct mm_gate_metric_settings *metric)
{
    return json_pack("{s:b, s:f, s:f, s:f, s:f}", "on", metric->on, "margin", metric->rule.margin,
                     "minimum", metric->rule.minimum_effect, "target", metric->rule.target, "slack",
                     metric->slack);
}

static json_t *rules_to_json(const struct mm_gate_metric_settings *metrics)
{
    json_t *rules = json_object();

    for (int i = 0; i < MM_GATE_METRIC_COUNT; i++) {
        json_object_set_new(rules, mm_gate_metric_name((enum mm_gate_metric)i),
                            rule_to_json(&metrics[i]));
    }
    return rules;
}

/* NULL where no benchmark has rules of its own. */
static json_t *benchmark_settings_to_json(const struct mm_gate_settings *settings)
{
    json_t *list = settings->benchmark_count > 0 ? json_array() : NULL;

    for (size_t i = 0; i < settings->benchmark_count; i++) {
        const struct mm_gate_benchmark_settings *entry = &settings->benchmarks[i];
        json_array_append_new(list, json_pack("{s:o, s:o}", "name", mm_protocol_text(entry->name),
                                              "metrics", rules_to_json(entry->metrics)));
    }
    return list;
}

static json_t *settings_to_json(const struct mm_gate_settings *settings)
{
    const struct mm_verdict_settings *verdict = &settings->verdict;

    return json_pack(
        "{s:I, s:I, s:I, s:f, s:f, s:f, s:s, s:f, s:f, s:I, s:I, s:I, s:f, s:f, s:s, s:o, s:o*}",
        "pairs", (json_int_t)verdict->pairs, "first_look", (json_int_t)settings->first_look,
        "extended", (json_int_t)settings->extended, "futility", verdict->futility, "level",
        verdict->level, "first_share", verdict->first_share, "correction",
        verdict->holm ? "holm" : "benjamini-hochberg", "coverage", verdict->coverage, "power",
        verdict->power, "slices", (json_int_t)settings->slices, "slice_ns",
        (json_int_t)settings->slice_ns, "launch_ns", (json_int_t)settings->launch_ns, "steal",
        settings->steal, "allowed_inconclusive", settings->allowed_inconclusive, "inconclusive",
        mm_gate_inconclusive_name(settings->inconclusive), "metrics",
        rules_to_json(settings->metrics), "benchmarks", benchmark_settings_to_json(settings));
}

static json_t *injection_to_json(const struct mm_gate_injection *injection)
{
    if (!(injection->delay_share > 0) && !(injection->faults_per_page > 0)) {
        return NULL;
    }
    return json_pack("{s:f, s:f}", "delay_share", injection->delay_share, "faults_per_page",
                     injection->faults_per_page);
}

static json_t *gate_of(const struct mm_gate_campaign *campaign)
{
    static const char *const purposes[] = {"judge", "calibrate", "selftest"};
    const struct mm_gate_request *request = campaign->request;
    const json_t *calibration = json_object_get(request->calibration, "id");
    char started[MM_RUN_UTC_BYTES];
    char seed[MM_TEXT_HEX_BYTES];

    return json_pack(
        "{s:o, s:s, s:o, s:o, s:o, s:o, s:s, s:s, s:n, s:n, s:o, s:o, s:o, s:o*, s:o, s:n, s:n, "
        "s:n}",
        "id", mm_run_make_id(), "purpose", purposes[request->purpose], "suite",
        mm_protocol_text(request->plan->suite), "suite_path",
        request->plan->suite_path == NULL ? json_null()
                                          : mm_protocol_text(request->plan->suite_path),
        "command", mm_run_command_line(request->command, request->command_count), "mapmeter",
        mm_run_program(NULL), "seed", mm_text_write_hex(request->plan->seed, seed), "started_utc",
        mm_run_utc(started), "finished_utc", "interrupted", "base",
        mm_gate_side_to_json(request->sides, MM_GATE_BASE), "head",
        mm_gate_side_to_json(request->sides, MM_GATE_HEAD), "settings",
        settings_to_json(request->settings), "injection", injection_to_json(&request->injection),
        "calibration", calibration == NULL ? json_null() : json_deep_copy(calibration),
        "steal_share", "disturbed", "verdict");
}

int mm_gate_begin_document(struct mm_gate_campaign *campaign, struct mm_error *error)
{
    campaign->document =
        json_pack("{s:{s:s, s:i}, s:o, s:o, s:O, s:[]}", "schema", "name", "mapmeter.gate",
                  "version", SCHEMA_VERSION, "gate", gate_of(campaign), "environment",
                  mm_environment_collect(), "files", campaign->files, "benchmarks");
    return campaign->document == NULL ? no_memory(error) : 0;
}

/* The median over the pairs of what one side took. */
static double typical(const struct mm_gate_benchmark *benchmark, int side,
                      enum mm_gate_metric metric)
{
    double *values = calloc(benchmark->count + 1, sizeof(*values));
    double median = NAN;

    for (size_t i = 0; values != NULL && i < benchmark->count; i++) {
        values[i] = benchmark->pairs[i].values[side][metric];
    }
    if (values != NULL && benchmark->count > 0) {
        mm_statistics_sort(values, benchmark->count);
        median = mm_statistics_median(values, benchmark->count);
    }
    free(values);
    return median;
}

static json_t *waiver_to_json(const struct mm_gate_waiver *waiver)
{
    if (waiver == NULL) {
        return NULL;
    }
    return json_pack("{s:f, s:s, s:o, s:I}", "ceiling", waiver->ceiling, "expires", waiver->expires,
                     "reason", mm_protocol_text(waiver->reason), "line", (json_int_t)waiver->line);
}

static json_t *scores_to_json(const struct mm_gate_judged *judged, size_t count)
{
    json_t *scores = json_array();

    for (size_t i = 0; i < count; i++) {
        json_array_append_new(scores, json_real(judged->scores[i]));
    }
    return scores;
}

static json_t *metric_to_json(const struct mm_gate_campaign *campaign,
                              const struct mm_gate_verdicts *verdicts, size_t index)
{
    const struct mm_gate_judged *judged = &verdicts->judged[index];
    const struct mm_verdict_result *result = &verdicts->results[index];
    const struct mm_gate_benchmark *benchmark = &campaign->benchmarks[judged->benchmark];
    bool any = benchmark->count > 0 && benchmark->failure == NULL;

    json_t *json =
        json_pack("{s:s, s:s, s:f, s:f, s:f, s:o*}", "verdict", mm_verdict_name(result->verdict),
                  "unit", mm_gate_metric_unit(judged->metric), "margin", judged->rule.margin,
                  "minimum", judged->rule.minimum_effect, "target", judged->rule.target, "waiver",
                  waiver_to_json(judged->waiver));
    if (json == NULL || !any) {
        return json;
    }
    json_t *figures = json_pack(
        "{s:o, s:o, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:o, s:o}", "base",
        real_or_null(typical(benchmark, MM_GATE_BASE, judged->metric)), "head",
        real_or_null(typical(benchmark, MM_GATE_HEAD, judged->metric)), "effect", result->effect,
        "low", result->interval.low, "high", result->interval.high, "coverage",
        result->interval.coverage, "p", result->p_regressed, "p_adjusted",
        result->p_regressed_adjusted, "p_sign", result->p_sign, "p_improved_adjusted",
        result->p_improved_adjusted, "noise", result->noise, "detectable",
        real_or_null(result->detectable), "scores", scores_to_json(judged, result->pairs));
    if (figures != NULL) {
        json_object_update(json, figures);
        json_decref(figures);
    }
    return json;
}

/* The order and core of every pair, with the seed that all else follows from. */
static json_t *pairs_to_json(const struct mm_gate_benchmark *benchmark)
{
    json_t *pairs = json_array();

    for (size_t i = 0; i < benchmark->count; i++) {
        const struct mm_gate_pair *pair = &benchmark->pairs[i];
        json_array_append_new(pairs, json_pack("{s:i, s:s}", "core", pair->core, "first",
                                               mm_gate_side_name(pair->head_first)));
    }
    return pairs;
}

static json_t *benchmark_to_json(const struct mm_gate_campaign *campaign,
                                 const struct mm_gate_verdicts *verdicts, size_t index)
{
    const struct mm_gate_benchmark *benchmark = &campaign->benchmarks[index];
    json_t *metrics = json_object();

    for (size_t i = 0; i < verdicts->count; i++) {
        if (verdicts->judged[i].benchmark == index) {
            json_object_set_new(metrics, mm_gate_metric_name(verdicts->judged[i].metric),
                                metric_to_json(campaign, verdicts, i));
        }
    }
    return json_pack(
        "{s:s, s:O, s:s, s:O?, s:I, s:I, s:I, s:o, s:o}", "name", benchmark->job.name, "case",
        benchmark->job.case_json[MM_GATE_HEAD], "verdict",
        mm_verdict_name(mm_gate_worst(campaign, verdicts, index)), "failure", benchmark->failure,
        "slices", (json_int_t)benchmark->job.slices, "iterations",
        (json_int_t)benchmark->job.iterations, "first_look_pairs",
        (json_int_t)(benchmark->first_count > 0 ? benchmark->first_count : benchmark->count),
        "pairs", pairs_to_json(benchmark), "metrics", metrics);
}

/* "failed", "regressed", "inconclusive", "pass": the first that applies. */
static const char *whole_verdict(const struct mm_gate_campaign *campaign,
                                 const struct mm_gate_verdicts *verdicts, bool disturbed)
{
    size_t counts[MM_VERDICT_COUNT] = {0};
    size_t failed = 0;

    for (size_t i = 0; i < verdicts->count; i++) {
        counts[verdicts->results[i].verdict]++;
    }
    for (size_t i = 0; i < campaign->count; i++) {
        failed += campaign->benchmarks[i].failure != NULL;
    }
    double allowed = campaign->request->settings->allowed_inconclusive * (double)verdicts->count;
    if (failed > 0) {
        return "failed";
    }
    if (counts[MM_VERDICT_REGRESSED] > 0) {
        return "regressed";
    }
    if (disturbed || verdicts->count == 0 || (double)counts[MM_VERDICT_INCONCLUSIVE] > allowed) {
        return "inconclusive";
    }
    return "pass";
}

static json_t *why_disturbed(const struct mm_gate_campaign *campaign, double steal)
{
    struct mm_error line = {0};

    mm_error_set(&line, -EAGAIN,
                 "%.1f %% of the processors' time was stolen by others on this host, more than the "
                 "%.1f %% allowed; times are not judged",
                 100 * steal, 100 * campaign->request->settings->steal);
    return json_string(line.text);
}

int mm_gate_finish_document(struct mm_gate_campaign *campaign,
                            const struct mm_gate_verdicts *verdicts, bool disturbed,
                            struct mm_error *error)
{
    json_t *gate = json_object_get(campaign->document, "gate");
    json_t *benchmarks = json_object_get(campaign->document, "benchmarks");
    double steal = mm_gate_steal(campaign);
    int signal_number = mm_ending_asked();
    char utc[MM_RUN_UTC_BYTES];

    for (size_t i = 0; i < campaign->count; i++) {
        if (json_array_append_new(benchmarks, benchmark_to_json(campaign, verdicts, i)) != 0) {
            return no_memory(error);
        }
    }
    json_object_set_new(gate, "steal_share",
                        isnan(steal) ? mm_record_unavailable("the kernel does not say")
                                     : json_real(steal));
    if (disturbed) {
        json_object_set_new(gate, "disturbed", why_disturbed(campaign, steal));
    }
    json_object_set_new(gate, "finished_utc", json_string(mm_run_utc(utc)));
    if (signal_number != 0) {
        json_object_set_new(gate, "interrupted",
                            json_string(signal_number == SIGINT ? "SIGINT" : "SIGTERM"));
    } else {
        json_object_set_new(gate, "verdict",
                            json_string(whole_verdict(campaign, verdicts, disturbed)));
    }
    return 0;
}

int mm_gate_save_document(const struct mm_gate_campaign *campaign, struct mm_error *error)
{
    char *path = mm_file_join(campaign->request->out_folder, "results.json");
    char *text = json_dumps(campaign->document, JSON_INDENT(1));

    int code = path == NULL || text == NULL ? no_memory(error)
                                            : mm_file_replace(path, text, strlen(text), error);
    free(path);
    free(text);
    return code;
}
