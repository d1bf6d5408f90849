/* From pairs to verdicts: which metrics a benchmark has, their rules, waivers and quarantine. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "harness/campaigns/gate_internal.h"

/* A metric is judged where every pair has it and it is not 0 throughout. */
static bool has_metric(const struct mm_gate_benchmark *benchmark, enum mm_gate_metric metric)
{
    bool any = false;

    for (size_t i = 0; i < benchmark->count; i++) {
        const struct mm_gate_pair *pair = &benchmark->pairs[i];
        if (isnan(pair->scores[metric])) {
            return false;
        }
        any =
            any || pair->values[MM_GATE_BASE][metric] > 0 || pair->values[MM_GATE_HEAD][metric] > 0;
    }
    return any;
}

/* What the machine does while others use it changes these, and not how often something happens. */
static bool is_timed(enum mm_gate_metric metric)
{
    return metric == MM_GATE_TIME || metric == MM_GATE_COLD_TIME ||
           metric == MM_GATE_FLUSH_MEDIAN || metric == MM_GATE_FLUSH_P99;
}

/* What the calibration of this machine says of a benchmark's metric, or NULL. */
static const json_t *calibrated(const struct mm_gate_campaign *campaign, const char *name,
                                enum mm_gate_metric metric)
{
    const json_t *benchmarks = json_object_get(campaign->request->calibration, "benchmarks");

    return json_object_get(json_object_get(benchmarks, name), mm_gate_metric_name(metric));
}

/* The margin grows to what identical sides have differed by here; what cannot reach the target here
 * is quarantined. */
static void apply_calibration(const struct mm_gate_campaign *campaign,
                              struct mm_gate_judged *judged, struct mm_verdict_series *series)
{
    const char *name = campaign->benchmarks[judged->benchmark].job.name;
    const json_t *known = calibrated(campaign, name, judged->metric);
    double margin = json_number_value(json_object_get(known, "margin"));

    if (margin > judged->rule.margin) {
        judged->rule.margin = margin;
    }
    if (judged->rule.minimum_effect < judged->rule.margin) {
        judged->rule.minimum_effect = judged->rule.margin;
    }
    series->quarantined = json_is_true(json_object_get(known, "quarantined"));
}

static void apply_waiver(const struct mm_gate_campaign *campaign, struct mm_gate_judged *judged,
                         struct mm_verdict_series *series)
{
    const struct mm_gate_waivers *waivers = campaign->request->waivers;
    const char *name = campaign->benchmarks[judged->benchmark].job.name;
    const struct mm_gate_waiver *waiver =
        waivers == NULL ? NULL : mm_gate_waivers_find(waivers, name, judged->metric);

    if (waiver != NULL && !waiver->expired) {
        judged->waiver = waiver;
        series->waived = true;
        series->ceiling = waiver->ceiling;
    }
}

static int add_metric(const struct mm_gate_campaign *campaign, size_t index,
                      enum mm_gate_metric metric, bool disturbed, struct mm_gate_verdicts *verdicts)
{
    const struct mm_gate_benchmark *benchmark = &campaign->benchmarks[index];
    struct mm_gate_judged *judged = &verdicts->judged[verdicts->count];
    struct mm_verdict_series *series = &verdicts->series[verdicts->count];

    *judged = (struct mm_gate_judged){
        .benchmark = index,
        .metric = metric,
        .rule = benchmark->job.metrics[metric].rule,
        .scores = calloc(benchmark->count + 1, sizeof(*judged->scores)),
    };
    if (judged->scores == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < benchmark->count; i++) {
        judged->scores[i] = benchmark->pairs[i].scores[metric];
    }
    *series = (struct mm_verdict_series){
        .scores = judged->scores,
        .count = benchmark->count,
        .first_count = benchmark->first_count > 0 ? benchmark->first_count : benchmark->count,
        .rule = &judged->rule,
        .failed = benchmark->failure != NULL,
        .disturbed = disturbed && is_timed(metric),
    };
    apply_calibration(campaign, judged, series);
    apply_waiver(campaign, judged, series);
    verdicts->count++;
    return 0;
}

static int allocate(const struct mm_gate_campaign *campaign, struct mm_gate_verdicts *verdicts)
{
    size_t most = campaign->count * MM_GATE_METRIC_COUNT + 1;

    *verdicts = (struct mm_gate_verdicts){
        .judged = calloc(most, sizeof(*verdicts->judged)),
        .series = calloc(most, sizeof(*verdicts->series)),
        .results = calloc(most, sizeof(*verdicts->results)),
    };
    return verdicts->judged == NULL || verdicts->series == NULL || verdicts->results == NULL
               ? -ENOMEM
               : 0;
}

/* Of a benchmark that failed its time stands for everything, so that its failure is shown. */
static int add_benchmark(const struct mm_gate_campaign *campaign, size_t index, bool disturbed,
                         struct mm_gate_verdicts *verdicts)
{
    const struct mm_gate_benchmark *benchmark = &campaign->benchmarks[index];

    for (int metric = 0; metric < MM_GATE_METRIC_COUNT; metric++) {
        bool shown =
            benchmark->job.metrics[metric].on && has_metric(benchmark, (enum mm_gate_metric)metric);
        if (benchmark->failure != NULL || benchmark->count == 0) {
            shown = metric == MM_GATE_TIME;
        }
        int code =
            shown ? add_metric(campaign, index, (enum mm_gate_metric)metric, disturbed, verdicts)
                  : 0;
        if (code < 0) {
            return code;
        }
    }
    return 0;
}

int mm_gate_judge(const struct mm_gate_campaign *campaign, size_t benchmark, bool disturbed,
                  struct mm_gate_verdicts *verdicts)
{
    int code = allocate(campaign, verdicts);

    for (size_t i = 0; code == 0 && i < campaign->count; i++) {
        if (benchmark == SIZE_MAX || benchmark == i) {
            code = add_benchmark(campaign, i, disturbed, verdicts);
        }
    }
    if (code == 0) {
        code = mm_verdict_suite(verdicts->series, verdicts->count,
                                &campaign->request->settings->verdict, verdicts->results);
    }
    if (code < 0) {
        mm_gate_free_verdicts(verdicts);
    }
    return code;
}

void mm_gate_free_verdicts(struct mm_gate_verdicts *verdicts)
{
    for (size_t i = 0; verdicts->judged != NULL && i < verdicts->count; i++) {
        free(verdicts->judged[i].scores);
    }
    free(verdicts->judged);
    free(verdicts->series);
    free(verdicts->results);
    *verdicts = (struct mm_gate_verdicts){0};
}

bool mm_gate_is_futile(const struct mm_gate_campaign *campaign, size_t benchmark)
{
    struct mm_gate_verdicts verdicts;
    bool futile = true;

    if (allocate(campaign, &verdicts) < 0 ||
        add_benchmark(campaign, benchmark, false, &verdicts) < 0) {
        futile = false;
    }
    for (size_t i = 0; futile && i < verdicts.count; i++) {
        futile = verdicts.series[i].quarantined ||
                 mm_verdict_is_futile(&verdicts.series[i], &campaign->request->settings->verdict);
    }
    mm_gate_free_verdicts(&verdicts);
    return futile;
}

enum mm_verdict mm_gate_worst(const struct mm_gate_campaign *campaign,
                              const struct mm_gate_verdicts *verdicts, size_t benchmark)
{
    enum mm_verdict worst = MM_VERDICT_PASS;
    bool any = false;

    if (campaign->benchmarks[benchmark].failure != NULL) {
        return MM_VERDICT_FAILED;
    }
    for (size_t i = 0; i < verdicts->count; i++) {
        if (verdicts->judged[i].benchmark == benchmark) {
            any = true;
            worst = mm_verdict_worse(worst, verdicts->results[i].verdict);
        }
    }
    return any ? worst : MM_VERDICT_INCONCLUSIVE;
}
