/* What a reader should know first: failures, then how the engines compare at the same work. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/counter_cost.h"
#include "analysis/report/emit.h"
#include "common/text.h"
#include "common/units.h"

#define FAILURES_SHOWN 8
#define FULL_SHARE     0.9995 /* a counter that ran as long as it was on, but for rounding */

/* More than this share of operations woken late is worth a line. */
#define WOKEN_LATE_SHARE 0.01

/* Takes over text, which may be NULL for want of memory. */
static int add_finding(struct mm_findings *findings, char *text, bool is_bad)
{
    struct mm_finding *grown = NULL;
    if (text) {
        grown = realloc(findings->items, (findings->count + 1) * sizeof *grown);
    }
    if (!grown) {
        free(text);
        return -ENOMEM;
    }
    findings->items = grown;
    grown[findings->count++] = (struct mm_finding){.text = text, .is_bad = is_bad};
    return 0;
}

static char *failure_text(const struct mm_summary_case *one)
{
    const struct mm_summary_failure *failure = &one->failures[0];
    return mm_text_format("%s, %s %s: %zu of %zu launches failed (%s: %s)", one->group, one->cache,
                          one->engine, one->failed, one->failed + one->good, failure->kind,
                          failure->reason);
}

static int add_failures(const struct mm_summary *summary, struct mm_findings *findings)
{
    size_t shown = 0;
    int result = 0;
    for (size_t i = 0; result == 0 && i < summary->case_count && shown < FAILURES_SHOWN; i++) {
        if (summary->cases[i].failed > 0) {
            result = add_finding(findings, failure_text(&summary->cases[i]), true);
            shown++;
        }
    }
    if (result == 0 && summary->with_failures > shown) {
        result = add_finding(findings,
                             mm_text_format("%zu more cases have failed launches: see the table",
                                            summary->with_failures - shown),
                             true);
    }
    return result;
}

static int add_gaps(const struct mm_summary *summary, struct mm_findings *findings)
{
    const json_t *run = mm_record_run(summary->record);
    const char *signal = json_string_value(json_object_get(run, "interrupted"));
    int result = 0;
    if (signal) {
        result = add_finding(findings,
                             mm_text_format("The run was ended early by %s: cases may have fewer "
                                            "launches than planned, %zu have none",
                                            signal, summary->without_launch),
                             true);
    } else if (summary->without_launch > 0) {
        result = add_finding(
            findings, mm_text_format("%zu cases have not run", summary->without_launch), true);
    }
    if (result == 0 && summary->case_count == 0) {
        result = add_finding(findings, strdup("The record has no cases"), true);
    }
    return result;
}

static char *behind_text(const struct mm_summary_case *one)
{
    return mm_text_format(
        "%s, %s %s %s: %.0f operations a second were asked for and %.0f came "
        "about; some were still waiting when the schedule ended, so the latencies "
        "tell of the length of the pass too. Ask for a lower rate",
        one->group, one->cache, one->engine, one->variant, (double)one->latencies.rate,
        one->latencies.achieved_rate);
}

static char *woken_late_text(const struct mm_summary_case *one, uint64_t woken_late)
{
    char most[MM_UNITS_TEXT_BYTES];
    return mm_text_format("%s, %s %s %s: %.1f %% of the operations began late although none was "
                          "before them (the latest of all by %s): the machine was busy, and its "
                          "latencies are partly those of being woken",
                          one->group, one->cache, one->engine, one->variant,
                          100 * (double)woken_late / (double)one->latencies.operations,
                          mm_units_show_duration((double)one->latencies.most_late_ns, most));
}

/* What was wrong with the schedules of open loops. */
static int add_schedules(const struct mm_summary *summary, struct mm_findings *findings)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < summary->case_count; i++) {
        const struct mm_summary_case *one = &summary->cases[i];
        const struct mm_latencies *latencies = &one->latencies;
        uint64_t woken_late =
            latencies->late > latencies->queued ? latencies->late - latencies->queued : 0;
        if (mm_latencies_fell_behind(latencies)) {
            result = add_finding(findings, behind_text(one), true);
        } else if ((double)woken_late > WOKEN_LATE_SHARE * (double)latencies->operations) {
            result = add_finding(findings, woken_late_text(one, woken_late), true);
        }
    }
    return result;
}

/* The middle half of good measurements does not spread like this. */
#define NOISY_SPREAD 0.25

/* The width of the interval over the median; 0 without one. */
static double spread_of(const struct mm_summary_case *one)
{
    const struct mm_distribution *rate = &one->bytes_per_second;
    return mm_choices_has_rate(one) && rate->has_interval
               ? (rate->interval.high - rate->interval.low) / rate->median
               : 0;
}

/* One line for all cases whose figures spread widely. */
static int add_noise(const struct mm_summary *summary, struct mm_findings *findings)
{
    char interval[MM_PHRASE_BYTES];
    const struct mm_summary_case *worst = NULL;
    size_t noisy = 0;
    size_t known = 0;
    for (size_t i = 0; i < summary->case_count; i++) {
        const struct mm_summary_case *one = &summary->cases[i];
        double spread = spread_of(one);
        known += spread > 0;
        noisy += spread > NOISY_SPREAD;
        if (spread > (worst ? spread_of(worst) : NOISY_SPREAD)) {
            worst = one;
        }
    }
    if (!worst) {
        return 0;
    }
    return add_finding(
        findings,
        mm_text_format("%zu of %zu cases are noisy: their intervals are wider than "
                       "%.0f %% of the median. The widest is %s, %s %s: %s. More "
                       "launches or a quieter machine help",
                       noisy, known, 100 * NOISY_SPREAD, worst->group, worst->cache, worst->engine,
                       mm_phrase_interval(&worst->bytes_per_second, mm_units_show_rate, interval)),
        true);
}

/* What the machine itself had to warn of when the run began. */
static int add_environment(const struct mm_summary *summary, struct mm_findings *findings)
{
    size_t index;
    const json_t *line;
    int result = 0;
    json_array_foreach(json_object_get(mm_record_environment(summary->record), "warnings"), index,
                       line)
    {
        if (result == 0 && json_is_string(line)) {
            result = add_finding(
                findings, mm_text_format("When the run began: %s", json_string_value(line)), true);
        }
    }
    return result;
}

/* The surest first, then the largest leads, then as in the record. */
static int compare_choices(const void *left, const void *right)
{
    const struct mm_choice *a = *(const struct mm_choice *const *)left;
    const struct mm_choice *b = *(const struct mm_choice *const *)right;
    if (a->certainty != b->certainty) {
        return a->certainty < b->certainty ? -1 : 1;
    }
    if (a->next && b->next && a->over_next.ratio != b->over_next.ratio) {
        return a->over_next.ratio > b->over_next.ratio ? -1 : 1;
    }
    return a < b ? -1 : a > b;
}

/* Work that only one engine did is no finding where there are comparisons. */
static int add_choices(struct mm_findings *findings)
{
    const struct mm_choices *choices = &findings->choices;
    const struct mm_choice **sorted = calloc(choices->count + 1, sizeof *sorted);
    int result = sorted ? 0 : -ENOMEM;
    for (size_t i = 0; result == 0 && i < choices->count; i++) {
        sorted[i] = &choices->items[i];
    }
    if (result == 0) {
        qsort(sorted, choices->count, sizeof *sorted, compare_choices);
    }
    for (size_t i = 0; result == 0 && i < choices->count; i++) {
        if (sorted[i]->next || !sorted[0]->next) {
            result = add_finding(findings, mm_phrase_choice(sorted[i]), false);
        }
    }
    free(sorted);
    return result;
}

/* Counter -> the least share of its time that it ran, of those that did not run all the time. */
static json_t *find_multiplexed(const struct mm_record *record)
{
    json_t *shares = json_object();
    size_t index;
    const json_t *launch;
    json_array_foreach(mm_record_launches(record), index, launch)
    {
        const char *name;
        json_t *quality;
        json_object_foreach(json_object_get(launch, "counter_quality"), name, quality)
        {
            const json_t *share = json_object_get(quality, "running_share");
            const json_t *least = json_object_get(shares, name);
            if (json_is_number(share) && json_number_value(share) < FULL_SHARE &&
                (!least || json_number_value(share) < json_number_value(least))) {
                json_object_set(shares, name, json_object_get(quality, "running_share"));
            }
        }
    }
    return shares;
}

/* More events than the processor has counters for take turns. */
static int add_multiplexed(const struct mm_summary *summary, struct mm_findings *findings)
{
    json_t *shares = find_multiplexed(summary->record);
    const char *name;
    json_t *share;
    int result = 0;
    json_object_foreach(shares, name, share)
    {
        if (result == 0) {
            result = add_finding(
                findings,
                mm_text_format("%s took turns with other events: it was counted in %.1f %% of the "
                               "time at least, and its figures are scaled up from that",
                               name, 100 * json_number_value(share)),
                false);
        }
    }
    json_decref(shares);
    return result;
}

static int add_counter_costs(const struct mm_summary *summary, struct mm_findings *findings)
{
    struct mm_counter_costs costs;
    int result = mm_counter_costs_make(summary, &costs);
    for (size_t i = 0; result == 0 && i < costs.count; i++) {
        result = add_finding(findings, mm_phrase_counter_cost(&costs.items[i]), false);
    }
    mm_counter_costs_release(&costs);
    return result;
}

static const struct mm_histogram *touch_of(const struct mm_summary_case *one)
{
    return one->latencies.measured && !one->counters_off
               ? mm_latencies_find(&one->latencies, "touch")
               : NULL;
}

/* The same operations at the same rate, whatever the engine. */
static bool is_same_loop(const struct mm_summary_case *a, const struct mm_summary_case *b)
{
    return mm_choices_same_work(a, b) && strcmp(a->variant, b->variant) == 0;
}

static bool is_first_of_loop(const struct mm_summary *summary, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (touch_of(&summary->cases[i]) &&
            is_same_loop(&summary->cases[i], &summary->cases[index])) {
            return false;
        }
    }
    return true;
}

/* "warm random latency at 5000/s, p50, p99 and p99.9: mmap 1 us, 3 us, 20 us; pread ..." */
static int add_loop(const struct mm_summary *summary, size_t index, struct mm_findings *findings)
{
    const struct mm_summary_case *first = &summary->cases[index];
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (!stream) {
        return -ENOMEM;
    }
    fprintf(stream, "%s %s %s, p50, p99 and p99.9: ", first->cache, first->group, first->variant);
    for (size_t i = index; i < summary->case_count; i++) {
        const struct mm_summary_case *one = &summary->cases[i];
        const struct mm_histogram *touch = touch_of(one);
        char p50[MM_PHRASE_BYTES];
        char p99[MM_PHRASE_BYTES];
        char p999[MM_PHRASE_BYTES];
        if (touch && is_same_loop(first, one)) {
            fprintf(stream, "%s%s %s, %s, %s", i > index ? "; " : "", one->engine,
                    mm_phrase_latency(touch, 0.5, p50), mm_phrase_latency(touch, 0.99, p99),
                    mm_phrase_latency(touch, 0.999, p999));
        }
    }
    if (fclose(stream) != 0) {
        free(text);
        return -ENOMEM;
    }
    return add_finding(findings, text, false);
}

static int add_loops(const struct mm_summary *summary, struct mm_findings *findings)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < summary->case_count; i++) {
        if (touch_of(&summary->cases[i]) && is_first_of_loop(summary, i)) {
            result = add_loop(summary, i, findings);
        }
    }
    return result;
}

int mm_findings_make(const struct mm_summary *summary, struct mm_findings *findings)
{
    static int (*const warn[])(const struct mm_summary *summary, struct mm_findings *findings) = {
        add_gaps, add_failures, add_schedules, add_noise, add_environment};
    static int (*const tell[])(const struct mm_summary *summary, struct mm_findings *findings) = {
        add_loops, add_multiplexed, add_counter_costs};
    *findings = (struct mm_findings){0};
    int result = mm_choices_make(summary, &findings->choices);
    for (size_t i = 0; result == 0 && i < MM_COUNT_OF(warn); i++) {
        result = warn[i](summary, findings);
    }
    findings->warnings = findings->count;
    if (result == 0) {
        result = add_choices(findings);
    }
    for (size_t i = 0; result == 0 && i < MM_COUNT_OF(tell); i++) {
        result = tell[i](summary, findings);
    }
    if (result < 0) {
        mm_findings_release(findings);
    }
    return result;
}

void mm_findings_release(struct mm_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        free(findings->items[i].text);
    }
    free(findings->items);
    mm_choices_release(&findings->choices);
    *findings = (struct mm_findings){0};
}
