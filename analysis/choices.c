/* Ranks the engines that did the same work. */
#include "analysis/choices.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool mm_choices_is_ceiling(const struct mm_summary_case *one)
{
    return strcmp(one->engine, "memory") == 0;
}

bool mm_choices_has_rate(const struct mm_summary_case *one)
{
    return !one->counters_off && !one->latencies.measured && one->bytes_per_second.count > 0 &&
           one->bytes_per_second.median > 0;
}

bool mm_choices_same_work(const struct mm_summary_case *a, const struct mm_summary_case *b)
{
    return strcmp(a->group, b->group) == 0 && strcmp(a->cache, b->cache) == 0;
}

static bool is_contender(const struct mm_summary_case *one)
{
    return mm_choices_has_rate(one) && !mm_choices_is_ceiling(one);
}

static bool is_first_of_work(const struct mm_summary *summary, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (is_contender(&summary->cases[i]) &&
            mm_choices_same_work(&summary->cases[i], &summary->cases[index])) {
            return false;
        }
    }
    return true;
}

static bool is_faster(const struct mm_summary_case *one, const struct mm_summary_case *other)
{
    return !other || one->bytes_per_second.median > other->bytes_per_second.median;
}

static struct mm_choice_ratio ratio_of(const struct mm_summary_case *best,
                                       const struct mm_summary_case *other, double coverage)
{
    const struct mm_distribution *head = &best->bytes_per_second;
    const struct mm_distribution *base = &other->bytes_per_second;
    struct mm_choice_ratio ratio = {.ratio = head->median / base->median};
    ratio.has_interval = mm_statistics_ratio_interval(base->values, base->count, head->values,
                                                      head->count, coverage, &ratio.interval);
    return ratio;
}

/* The fastest of all, of the other engines, and of the bare map. */
static struct mm_choice find_fastest(const struct mm_summary *summary, size_t index)
{
    struct mm_choice choice = {.best = &summary->cases[index]};
    for (size_t i = index; i < summary->case_count; i++) {
        const struct mm_summary_case *one = &summary->cases[i];
        if (is_contender(one) && mm_choices_same_work(one, choice.best) &&
            is_faster(one, choice.best)) {
            choice.best = one;
        }
    }
    for (size_t i = index; i < summary->case_count; i++) {
        const struct mm_summary_case *one = &summary->cases[i];
        if (!is_contender(one) || !mm_choices_same_work(one, choice.best) ||
            strcmp(one->engine, choice.best->engine) == 0) {
            continue;
        }
        if (is_faster(one, choice.next)) {
            choice.next = one;
        }
        if (strcmp(one->engine, "mmap") == 0 && is_faster(one, choice.map)) {
            choice.map = one;
        }
    }
    if (choice.map == choice.next) {
        choice.map = NULL;
    }
    return choice;
}

/* Whether every other engine is behind by an interval of this coverage; false in *all_known when
 * one has none. */
static bool leads_all(const struct mm_summary *summary, const struct mm_choice *choice,
                      double coverage, bool *all_known)
{
    bool leads = true;
    for (size_t i = 0; i < summary->case_count; i++) {
        const struct mm_summary_case *one = &summary->cases[i];
        if (!is_contender(one) || !mm_choices_same_work(one, choice->best) ||
            strcmp(one->engine, choice->best->engine) == 0) {
            continue;
        }
        struct mm_choice_ratio ratio = ratio_of(choice->best, one, coverage);
        *all_known = *all_known && ratio.has_interval;
        leads = leads && ratio.has_interval && ratio.interval.low > 1 &&
                (coverage <= MM_STATISTICS_COVERAGE || ratio.interval.coverage >= coverage);
    }
    return leads;
}

/* The errors of all comparisons together are at most that of one (Bonferroni). */
static enum mm_certainty judge(const struct mm_summary *summary, const struct mm_choice *choice,
                               size_t comparisons)
{
    bool all_known = true;
    if (!choice->next) {
        return MM_CERTAINTY_ALONE;
    }
    double at_once = 1 - (1 - MM_STATISTICS_COVERAGE) / (double)comparisons;
    bool leads = leads_all(summary, choice, MM_STATISTICS_COVERAGE, &all_known);
    if (!all_known) {
        return MM_CERTAINTY_FEW;
    }
    if (!leads) {
        return MM_CERTAINTY_OPEN;
    }
    return choice->over_next.interval.coverage >= MM_STATISTICS_COVERAGE &&
                   leads_all(summary, choice, at_once, &all_known)
               ? MM_CERTAINTY_SURE
               : MM_CERTAINTY_LIKELY;
}

/* Every engine that is no best one is compared with one. */
static size_t count_comparisons(const struct mm_summary *summary, const struct mm_choices *choices)
{
    size_t count = 0;
    for (size_t c = 0; c < choices->count; c++) {
        const struct mm_summary_case *best = choices->items[c].best;
        for (size_t i = 0; i < summary->case_count; i++) {
            const struct mm_summary_case *one = &summary->cases[i];
            count += is_contender(one) && mm_choices_same_work(one, best) &&
                     strcmp(one->engine, best->engine) != 0;
        }
    }
    return count;
}

int mm_choices_make(const struct mm_summary *summary, struct mm_choices *choices)
{
    struct mm_choices made = {.items = calloc(summary->case_count + 1, sizeof *made.items)};
    if (!made.items) {
        *choices = (struct mm_choices){0};
        return -ENOMEM;
    }
    for (size_t i = 0; i < summary->case_count; i++) {
        if (!is_contender(&summary->cases[i]) || !is_first_of_work(summary, i)) {
            continue;
        }
        struct mm_choice choice = find_fastest(summary, i);
        if (choice.next) {
            choice.over_next = ratio_of(choice.best, choice.next, MM_STATISTICS_COVERAGE);
        }
        if (choice.map) {
            choice.over_map = ratio_of(choice.best, choice.map, MM_STATISTICS_COVERAGE);
        }
        made.items[made.count++] = choice;
    }
    size_t comparisons = count_comparisons(summary, &made);
    for (size_t i = 0; i < made.count; i++) {
        made.items[i].certainty = judge(summary, &made.items[i], comparisons);
    }
    *choices = made;
    return 0;
}

void mm_choices_release(struct mm_choices *choices)
{
    free(choices->items);
    *choices = (struct mm_choices){0};
}
