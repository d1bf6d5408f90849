/* Matches the cases of two records and computes their ratios. */
#include "analysis/compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/compare_internal.h"
#include "analysis/summary.h"
#include "common/text.h"

const char mm_comparison_method[] =
    "The ratio is the median throughput of B divided by that of A, over launches; above 1 B is "
    "faster. Its interval is [low B / high A, high B / low A] of two exact order-statistic "
    "intervals of the medians: it covers with at least the figure given, usually more. Verdicts "
    "are by wider intervals, which together cover all cases with 95 %: slower or faster by 2 % or "
    "more, not slower by 5 %, or unclear. Two runs at different times: if the machine has changed "
    "between them it looks like a change of the program; 'mapmeter gate' measures both in turns.";

/* As in the gate: smaller changes are none, and what certainly lies below the target is fine. */
#define LEAST_CHANGE 0.02
#define TARGET       0.05

static int add_name(struct mm_names *names, char *name)
{
    char **grown = name ? realloc(names->items, (names->count + 1) * sizeof *grown) : NULL;
    if (!grown) {
        free(name);
        return -ENOMEM;
    }
    names->items = grown;
    grown[names->count++] = name;
    return 0;
}

static void release_names(struct mm_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->items[i]);
    }
    free(names->items);
}

static const struct mm_summary_case *find_case(const struct mm_summary *summary, const char *name)
{
    for (size_t i = 0; i < summary->case_count; i++) {
        if (strcmp(summary->cases[i].name, name) == 0) {
            return &summary->cases[i];
        }
    }
    return NULL;
}

static struct mm_compared beside(const struct mm_distribution *a, const struct mm_distribution *b)
{
    return (struct mm_compared){
        .has_a = a->count > 0,
        .has_b = b->count > 0,
        .a = a->count > 0 ? a->median : 0,
        .b = b->count > 0 ? b->median : 0,
    };
}

static const char *why_no_launch(const struct mm_summary_case *one)
{
    if (one->skipped) {
        return "is a planned skip";
    }
    return one->failed > 0 ? "failed in every launch" : "was not run";
}

/* What a case lacks for a ratio with an interval, newly allocated; NULL with *is_complete when it
 * lacks nothing. */
static char *what_is_missing(const struct mm_summary_case *a, const struct mm_summary_case *b,
                             bool *is_complete)
{
    if (a->latencies.measured) {
        *is_complete = false;
        return strdup("a case of latency has no throughput to compare: its percentiles are in the "
                      "report of each record");
    }
    size_t launches_a = a->bytes_per_second.count;
    size_t launches_b = b->bytes_per_second.count;
    *is_complete = false;
    if (launches_a == 0 || launches_b == 0) {
        const struct mm_summary_case *empty = launches_a == 0 ? a : b;
        const char *side = launches_a == 0 ? "A" : "B";
        if (empty->good > 0) {
            return mm_text_format("%s has no throughput: %s", side, empty->bytes_per_second.why);
        }
        return mm_text_format("the case %s in %s", why_no_launch(empty), side);
    }
    if (launches_a < MM_STATISTICS_INTERVAL_LAUNCHES ||
        launches_b < MM_STATISTICS_INTERVAL_LAUNCHES) {
        return mm_text_format("an interval needs %d good launches on each side; A has %zu, B %zu",
                              MM_STATISTICS_INTERVAL_LAUNCHES, launches_a, launches_b);
    }
    *is_complete = true;
    return NULL;
}

static int compare_case(const struct mm_summary_case *a, const struct mm_summary_case *b,
                        struct mm_comparison_case *compared)
{
    /* A schedule, or a clock for every operation, is no throughput: equal ones say nothing. */
    static const struct mm_distribution none = {.count = 0};
    const struct mm_distribution *rate_a = a->latencies.measured ? &none : &a->bytes_per_second;
    const struct mm_distribution *rate_b = b->latencies.measured ? &none : &b->bytes_per_second;
    bool is_complete;
    compared->name = strdup(a->name);
    compared->label = mm_text_format("%s, %s %s%s%s", a->group, a->cache, a->engine,
                                     *a->variant ? " " : "", a->variant);
    compared->missing = what_is_missing(a, b, &is_complete);
    if (!compared->name || !compared->label || (!is_complete && !compared->missing)) {
        return -ENOMEM;
    }
    compared->launches_a = a->good;
    compared->launches_b = b->good;
    compared->bytes_per_second = beside(rate_a, rate_b);
    compared->faults = beside(&a->faults, &b->faults);
    compared->bytes_per_fault = beside(&a->bytes_per_fault, &b->bytes_per_fault);
    compared->has_ratio = rate_a->count > 0 && rate_b->count > 0 && rate_a->median > 0;
    if (compared->has_ratio) {
        compared->ratio = rate_b->median / rate_a->median;
        compared->has_interval = mm_statistics_ratio_interval(
            rate_a->values, rate_a->count, rate_b->values, rate_b->count, MM_STATISTICS_COVERAGE,
            &compared->interval);
    }
    return 0;
}

static int compare_cases(const struct mm_summary *a, const struct mm_summary *b,
                         struct mm_comparison *comparison)
{
    comparison->cases = calloc(a->case_count + 1, sizeof *comparison->cases);
    int result = comparison->cases ? 0 : -ENOMEM;
    for (size_t i = 0; result == 0 && i < a->case_count; i++) {
        const struct mm_summary_case *other = find_case(b, a->cases[i].name);
        if (other) {
            result =
                compare_case(&a->cases[i], other, &comparison->cases[comparison->case_count++]);
        } else {
            result = add_name(&comparison->only_in_a, strdup(a->cases[i].name));
        }
    }
    for (size_t i = 0; result == 0 && i < b->case_count; i++) {
        if (!find_case(a, b->cases[i].name)) {
            result = add_name(&comparison->only_in_b, strdup(b->cases[i].name));
        }
    }
    return result;
}

/* By how sure it is that the throughput has changed by so much. */
static const char *verdict_of(const struct mm_interval *interval)
{
    if (interval->high * (1 + LEAST_CHANGE) < 1) {
        return "slower";
    }
    if (interval->low > 1 + LEAST_CHANGE) {
        return "faster";
    }
    return interval->low * (1 + TARGET) > 1 ? "not slower" : "unclear";
}

static int judge_case(const struct mm_summary_case *a, const struct mm_summary_case *b,
                      double coverage, bool one_machine, struct mm_comparison_case *compared)
{
    const struct mm_distribution *rate_a = &a->bytes_per_second;
    const struct mm_distribution *rate_b = &b->bytes_per_second;
    struct mm_interval interval;
    if (!one_machine) {
        compared->unjudged = strdup("no verdict: the machines or their storage differ");
    } else if (mm_statistics_ratio_interval(rate_a->values, rate_a->count, rate_b->values,
                                            rate_b->count, coverage, &interval) &&
               interval.coverage >= coverage) {
        compared->verdict = verdict_of(&interval);
    } else {
        compared->unjudged =
            mm_text_format("no verdict: for all cases at once %zu and %zu launches are too few",
                           rate_a->count, rate_b->count);
    }
    return compared->verdict || compared->unjudged ? 0 : -ENOMEM;
}

/* The error of all intervals together is that of one (Bonferroni). */
static int judge_cases(const struct mm_summary *a, const struct mm_summary *b,
                       struct mm_comparison *comparison)
{
    size_t count = 0;
    for (size_t i = 0; i < comparison->case_count; i++) {
        count += comparison->cases[i].has_interval;
    }
    int result = 0;
    for (size_t i = 0; result == 0 && i < comparison->case_count; i++) {
        struct mm_comparison_case *one = &comparison->cases[i];
        if (one->has_interval) {
            result = judge_case(find_case(a, one->name), find_case(b, one->name),
                                1 - (1 - MM_STATISTICS_COVERAGE) / (double)count,
                                comparison->one_machine, one);
        }
    }
    return result;
}

/* A sentence for a member that differs between the two, or nothing. */
static int warn_of_difference(struct mm_comparison *comparison, const json_t *a, const json_t *b,
                              const char *name)
{
    const json_t *value_a = json_object_get(a, name);
    const json_t *value_b = json_object_get(b, name);
    if (json_equal((json_t *)value_a, (json_t *)value_b) || (!value_a && !value_b)) {
        return 0;
    }
    char *text_a = value_a ? mm_facts_value_text(value_a) : strdup("not recorded");
    char *text_b = value_b ? mm_facts_value_text(value_b) : strdup("not recorded");
    int result = -ENOMEM;
    if (text_a && text_b) {
        result = add_name(&comparison->warnings,
                          mm_text_format("%s: %s in A, %s in B", name, text_a, text_b));
    }
    free(text_a);
    free(text_b);
    return result;
}

static int warn_of_differences(struct mm_comparison *comparison, const json_t *a, const json_t *b,
                               const char *const *names, size_t count)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < count; i++) {
        result = warn_of_difference(comparison, a, b, names[i]);
    }
    return result;
}

/* The fingerprint decides; what commonly makes it differ is named after it. */
static int compare_machines(const struct mm_record *a, const struct mm_record *b,
                            struct mm_comparison *comparison)
{
    static const char *const causes[] = {
        "hostname",     "kernel",         "architecture", "cpu_model",  "cpus_online",
        "cpus_allowed", "virtualisation", "memory_bytes", "page_bytes", "transparent_huge_pages",
        "clock_source", "governor"};
    const json_t *of_a = mm_record_environment(a);
    const json_t *of_b = mm_record_environment(b);
    const json_t *print_a = json_object_get(of_a, "fingerprint");
    const json_t *print_b = json_object_get(of_b, "fingerprint");
    comparison->one_machine = print_a && json_equal((json_t *)print_a, (json_t *)print_b);
    if (comparison->one_machine) {
        return 0;
    }
    int result = add_name(&comparison->warnings,
                          strdup("the environments differ: the ratios compare two machines or two "
                                 "set-ups, not two versions"));
    if (result < 0) {
        return result;
    }
    return warn_of_differences(comparison, of_a, of_b, causes, MM_COUNT_OF(causes));
}

/* How the programs were built, and where the first files lie: beyond the fingerprint of the
 * machine. */
static int compare_environments(const struct mm_record *a, const struct mm_record *b,
                                struct mm_comparison *comparison)
{
    static const char *const of_build[] = {"build_type", "flags", "compiler"};
    static const char *const of_file[] = {"filesystem", "device", "mount_options"};
    static const char *const of_storage[] = {"storage_fingerprint"};
    const json_t *build_a = json_object_get(mm_record_run(a), "mapmeter");
    const json_t *build_b = json_object_get(mm_record_run(b), "mapmeter");
    const json_t *file_a = json_array_get(mm_record_files(a), 0);
    const json_t *file_b = json_array_get(mm_record_files(b), 0);
    int result = compare_machines(a, b, comparison);
    if (result == 0) {
        result = warn_of_differences(comparison, build_a, build_b, of_build, MM_COUNT_OF(of_build));
    }
    if (result == 0 && file_a && file_b) {
        result = warn_of_differences(comparison, file_a, file_b, of_file, MM_COUNT_OF(of_file));
    }
    /* Older records have none. */
    if (result == 0 && json_object_get(file_a, of_storage[0]) &&
        json_object_get(file_b, of_storage[0])) {
        comparison->one_machine =
            comparison->one_machine && json_equal(json_object_get(file_a, of_storage[0]),
                                                  json_object_get(file_b, of_storage[0]));
        result = warn_of_differences(comparison, file_a, file_b, of_storage, 1);
    }
    return result;
}

static char *describe_run(const struct mm_record *record)
{
    const json_t *run = mm_record_run(record);
    const char *id = json_string_value(json_object_get(run, "id"));
    const char *suite = json_string_value(json_object_get(run, "suite"));
    const char *revision =
        json_string_value(json_object_get(json_object_get(run, "mapmeter"), "revision"));
    return mm_text_format("%s (suite %s, revision %s)", id ? id : "unknown",
                          suite ? suite : "unknown", revision ? revision : "unknown");
}

int mm_compare(const struct mm_record *a, const struct mm_record *b,
               struct mm_comparison **comparison, struct mm_error *error)
{
    struct mm_summary *of_a = NULL;
    struct mm_summary *of_b = NULL;
    struct mm_comparison *made = NULL;
    int result = mm_summary_make(a, &of_a, error);
    if (result == 0) {
        result = mm_summary_make(b, &of_b, error);
    }
    if (result < 0) {
        goto cleanup;
    }
    made = calloc(1, sizeof *made);
    if (made) {
        made->run_a = describe_run(a);
        made->run_b = describe_run(b);
    }
    if (!made || !made->run_a || !made->run_b || compare_environments(a, b, made) < 0 ||
        compare_cases(of_a, of_b, made) < 0 || judge_cases(of_a, of_b, made) < 0) {
        result = mm_error_set(error, -ENOMEM, "out of memory");
        goto cleanup;
    }
    *comparison = made;
    made = NULL;

cleanup:
    mm_comparison_free(made);
    mm_summary_free(of_a);
    mm_summary_free(of_b);
    return result;
}

void mm_comparison_free(struct mm_comparison *comparison)
{
    if (!comparison) {
        return;
    }
    for (size_t i = 0; i < comparison->case_count; i++) {
        free(comparison->cases[i].name);
        free(comparison->cases[i].label);
        free(comparison->cases[i].missing);
        free(comparison->cases[i].unjudged);
    }
    free(comparison->cases);
    release_names(&comparison->only_in_a);
    release_names(&comparison->only_in_b);
    release_names(&comparison->warnings);
    free(comparison->run_a);
    free(comparison->run_b);
    free(comparison);
}
