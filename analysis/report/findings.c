/* What a reader should know first: failures, then how the engines compare at the same work. */
#include <errno.h>
#include <stdarg.h>
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

/* Of latency the throughput means nothing: a clock is in it, or a schedule. */
static bool has_rate(const struct mm_summary_case *one)
{
    return !one->counters_off && !one->latencies.measured && one->bytes_per_second.count > 0;
}

static bool is_same_work(const struct mm_summary_case *a, const struct mm_summary_case *b)
{
    return strcmp(a->group, b->group) == 0 && strcmp(a->cache, b->cache) == 0;
}

static bool is_first_of_work(const struct mm_summary *summary, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (has_rate(&summary->cases[i]) &&
            is_same_work(&summary->cases[i], &summary->cases[index])) {
            return false;
        }
    }
    return true;
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

/* The allocated array is no way to reach a file: it shows how fast the loop itself can be. */
static bool is_ceiling(const struct mm_summary_case *one)
{
    return strcmp(one->engine, "memory") == 0;
}

static void write_contender(FILE *stream, const struct mm_summary_case *one)
{
    char median[MM_PHRASE_BYTES];
    char interval[MM_PHRASE_BYTES];
    fprintf(stream, "%s%s%s%s %s (%s)", is_ceiling(one) ? "the ceiling " : "", one->engine,
            *one->variant ? " " : "", one->variant,
            mm_phrase_median(&one->bytes_per_second, mm_units_show_rate, median),
            mm_phrase_interval(&one->bytes_per_second, mm_units_show_rate, interval));
}

/* Faster engines first, the ceiling last. */
static int compare_rates(const void *left, const void *right)
{
    const struct mm_summary_case *a = *(const struct mm_summary_case *const *)left;
    const struct mm_summary_case *b = *(const struct mm_summary_case *const *)right;
    if (is_ceiling(a) != is_ceiling(b)) {
        return is_ceiling(a) - is_ceiling(b);
    }
    double rate_a = a->bytes_per_second.median;
    double rate_b = b->bytes_per_second.median;
    return (rate_a < rate_b) - (rate_a > rate_b);
}

static void write_conclusion(FILE *stream, const struct mm_summary_case *fastest,
                             const struct mm_summary_case *second)
{
    const struct mm_distribution *first_rate = &fastest->bytes_per_second;
    const struct mm_distribution *second_rate = &second->bytes_per_second;
    if (!first_rate->has_interval || !second_rate->has_interval) {
        fputs("; too few launches to rank them", stream);
    } else if (first_rate->interval.low > second_rate->interval.high) {
        fprintf(stream, "; %s is ahead of %s by %.0f %%, the intervals do not overlap",
                fastest->engine, second->engine,
                100 * (first_rate->median / second_rate->median - 1));
    } else {
        fprintf(stream, "; the intervals of %s and %s overlap", fastest->engine, second->engine);
    }
}

/* The cases that do the same work as the index-th, from the fastest on; returns how many. */
static size_t gather_contenders(const struct mm_summary *summary, size_t index,
                                const struct mm_summary_case **contenders)
{
    size_t count = 0;
    for (size_t i = index; i < summary->case_count; i++) {
        if (has_rate(&summary->cases[i]) &&
            is_same_work(&summary->cases[i], &summary->cases[index])) {
            contenders[count++] = &summary->cases[i];
        }
    }
    qsort(contenders, count, sizeof *contenders, compare_rates);
    return count;
}

static int add_work(const struct mm_summary_case *const *contenders, size_t count,
                    struct mm_findings *findings)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (!stream) {
        return -ENOMEM;
    }
    fprintf(stream, "%s %s: ", contenders[0]->cache, contenders[0]->group);
    for (size_t i = 0; i < count; i++) {
        fputs(i ? ", " : "", stream);
        write_contender(stream, contenders[i]);
    }
    if (count > 1 && !is_ceiling(contenders[1])) {
        write_conclusion(stream, contenders[0], contenders[1]);
    }
    if (fclose(stream) != 0) {
        free(text);
        return -ENOMEM;
    }
    return add_finding(findings, text, false);
}

/* Work that only one engine did is no finding where there are comparisons. */
static int add_works(const struct mm_summary *summary, struct mm_findings *findings)
{
    const struct mm_summary_case **contenders = calloc(summary->case_count + 1, sizeof *contenders);
    int result = contenders ? 0 : -ENOMEM;
    size_t wanted = 2;
    size_t found = 0;
    while (result == 0 && wanted > 0 && found == 0) {
        for (size_t i = 0; result == 0 && i < summary->case_count; i++) {
            if (!has_rate(&summary->cases[i]) || !is_first_of_work(summary, i)) {
                continue;
            }
            size_t count = gather_contenders(summary, i, contenders);
            if (count >= wanted) {
                result = add_work(contenders, count, findings);
                found++;
            }
        }
        wanted--;
    }
    free(contenders);
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
    return is_same_work(a, b) && strcmp(a->variant, b->variant) == 0;
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
    *findings = (struct mm_findings){0};
    int result = add_gaps(summary, findings);
    if (result == 0) {
        result = add_failures(summary, findings);
    }
    if (result == 0) {
        result = add_schedules(summary, findings);
    }
    if (result == 0) {
        result = add_works(summary, findings);
    }
    if (result == 0) {
        result = add_loops(summary, findings);
    }
    if (result == 0) {
        result = add_multiplexed(summary, findings);
    }
    if (result == 0) {
        result = add_counter_costs(summary, findings);
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
    *findings = (struct mm_findings){0};
}
