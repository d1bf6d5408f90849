/* What ci/gate-rates asks of the gate's own statistics: JSON on standard input and output. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "analysis/resample.h"
#include "analysis/statistics.h"
#include "common/units.h"

static const char usage[] =
    "usage: mapmeter_gate_rates resample signs|centred SUITES SEED <scores.json\n"
    "       mapmeter_gate_rates bounds CONFIDENCE <counts.json\n"
    "scores.json: {\"settings\": those of a gate's record, \"benchmarks\": [{\"rules\": "
    "[{\"margin\", "
    "\"minimum\",\n"
    "\"target\"}], \"sets\": [[[one score a rule]]], \"effect\"?}]}; counts.json: [[k, n]], "
    "answered "
    "by the\n"
    "exact bounds [[low, high]] of these shares.\n";

static double number_of(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

static size_t count_of(const json_t *object, const char *name)
{
    json_int_t count = json_integer_value(json_object_get(object, name));
    return count > 0 ? (size_t)count : 0;
}

static int read_rules(const json_t *json, struct mm_resample_benchmark *benchmark)
{
    size_t count = json_array_size(json);
    struct mm_verdict_rule *rules = calloc(count + 1, sizeof(*rules));
    size_t index;
    const json_t *rule;

    if (rules == NULL) {
        return -ENOMEM;
    }
    json_array_foreach(json, index, rule)
    {
        rules[index] = (struct mm_verdict_rule){.margin = number_of(rule, "margin"),
                                                .minimum_effect = number_of(rule, "minimum"),
                                                .target = number_of(rule, "target")};
    }
    benchmark->rules = rules;
    benchmark->metric_count = count;
    return 0;
}

/* Rows of one score a metric, behind each other. */
static int read_set(const json_t *json, size_t metrics, struct mm_resample_set *set)
{
    size_t count = json_array_size(json);
    double *scores = calloc(count * metrics + 1, sizeof(*scores));
    size_t index;
    const json_t *row;

    set->scores = scores;
    set->count = count;
    if (scores == NULL) {
        return -ENOMEM;
    }
    json_array_foreach(json, index, row)
    {
        for (size_t metric = 0; metric < metrics; metric++) {
            const json_t *score = json_array_get(row, metric);
            if (!json_is_number(score)) {
                return -EINVAL;
            }
            scores[index * metrics + metric] = json_number_value(score);
        }
    }
    return 0;
}

static int read_benchmark(const json_t *json, struct mm_resample_benchmark *benchmark)
{
    const json_t *sets = json_object_get(json, "sets");
    struct mm_resample_set *made = calloc(json_array_size(sets) + 1, sizeof(*made));

    benchmark->sets = made;
    benchmark->effect = number_of(json, "effect");
    int code = made == NULL ? -ENOMEM : read_rules(json_object_get(json, "rules"), benchmark);
    for (size_t i = 0; code == 0 && i < json_array_size(sets); i++) {
        benchmark->set_count++;
        code = read_set(json_array_get(sets, i), benchmark->metric_count, &made[i]);
    }
    return code;
}

static void read_settings(const json_t *json, struct mm_resample_plan *plan)
{
    const char *correction = json_string_value(json_object_get(json, "correction"));

    plan->settings = (struct mm_verdict_settings){
        .level = number_of(json, "level"),
        .holm = correction != NULL && strcmp(correction, "holm") == 0,
        .first_share = number_of(json, "first_share"),
        .futility = number_of(json, "futility"),
        .coverage = number_of(json, "coverage"),
        .pairs = count_of(json, "pairs"),
    };
    plan->first_look = count_of(json, "first_look");
    plan->extended = count_of(json, "extended");
    plan->allowed_inconclusive = number_of(json, "allowed_inconclusive");
}

static int read_plan(const json_t *json, struct mm_resample_plan *plan)
{
    const json_t *benchmarks = json_object_get(json, "benchmarks");
    struct mm_resample_benchmark *made = calloc(json_array_size(benchmarks) + 1, sizeof(*made));
    int code = made == NULL ? -ENOMEM : 0;

    read_settings(json_object_get(json, "settings"), plan);
    plan->benchmarks = made;
    for (size_t i = 0; code == 0 && i < json_array_size(benchmarks); i++) {
        plan->count++;
        code = read_benchmark(json_array_get(benchmarks, i), &made[i]);
    }
    return code;
}

static void free_plan(struct mm_resample_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct mm_resample_benchmark *benchmark = &plan->benchmarks[i];
        for (size_t set = 0; set < benchmark->set_count; set++) {
            free((void *)benchmark->sets[set].scores);
        }
        free((void *)benchmark->sets);
        free((void *)benchmark->rules);
    }
    free((void *)plan->benchmarks);
}

static int resample(const json_t *input, const char *way, const char *suites, const char *seed)
{
    struct mm_resample_plan plan = {0};
    struct mm_resample_totals totals = {0};
    uint64_t count = 0;
    uint64_t start = 0;

    plan.way = strcmp(way, "centred") == 0 ? MM_RESAMPLE_CENTRED : MM_RESAMPLE_SIGNS;
    if ((plan.way == MM_RESAMPLE_SIGNS && strcmp(way, "signs") != 0) ||
        mm_units_parse_count(suites, &count) < 0 || mm_units_parse_count(seed, &start) < 0) {
        return -EDOM;
    }
    int code = read_plan(input, &plan);
    if (code == 0) {
        code = mm_resample_suites(&plan, start, count, &totals);
    }
    free_plan(&plan);
    if (code < 0) {
        return code;
    }
    printf("{\"suites\": %" PRIu64 ", \"alarms\": %" PRIu64 ", \"inconclusive_suites\": %" PRIu64
           ", \"verdicts\": %" PRIu64 ", \"regressed\": %" PRIu64 ", \"improved\": %" PRIu64
           ", \"inconclusive\": %" PRIu64 ", \"pairs\": %" PRIu64 ", \"extended\": %" PRIu64 "}\n",
           totals.suites, totals.alarms, totals.inconclusive_suites, totals.verdicts,
           totals.regressed, totals.improved, totals.inconclusive, totals.pairs, totals.extended);
    return 0;
}

static int bounds(const json_t *input, const char *text)
{
    double confidence = 0;
    size_t index;
    const json_t *pair;

    if (mm_units_parse_share(text, &confidence) < 0 || !(confidence > 0) || !(confidence < 1)) {
        return -EDOM;
    }
    putchar('[');
    json_array_foreach(input, index, pair)
    {
        json_int_t successes = json_integer_value(json_array_get(pair, 0));
        json_int_t trials = json_integer_value(json_array_get(pair, 1));
        if (trials <= 0 || successes < 0 || successes > trials) {
            return -EINVAL;
        }
        struct mm_share_bounds found =
            mm_statistics_share_bounds((size_t)successes, (size_t)trials, confidence);
        printf("%s[%.17g, %.17g]", index > 0 ? ", " : "", found.low, found.high);
    }
    puts("]");
    return 0;
}

int main(int argc, char **argv)
{
    json_error_t where;
    int code = -EDOM;
    bool draws = argc == 5 && strcmp(argv[1], "resample") == 0;

    if (!draws && (argc != 3 || strcmp(argv[1], "bounds") != 0)) {
        fputs(usage, stderr);
        return 2;
    }
    json_t *input = json_loadf(stdin, 0, &where);
    if (input == NULL) {
        fprintf(stderr, "mapmeter_gate_rates: standard input, line %d: %s\n", where.line,
                where.text);
        return 2;
    }
    code = draws ? resample(input, argv[2], argv[3], argv[4]) : bounds(input, argv[2]);
    json_decref(input);
    if (code == -EDOM) {
        fputs(usage, stderr);
        return 2;
    }
    if (code < 0) {
        fprintf(stderr, "mapmeter_gate_rates: standard input: %s\n", strerror(-code));
        return 2;
    }
    return fflush(stdout) == 0 ? 0 : 4;
}
