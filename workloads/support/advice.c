/* The parameter `advice`, common to the engines that go through the page cache. */
#include "workloads/support/advice.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"

const struct mm_parameter mm_advice_parameter = {
    .name = "advice",
    .summary = "what the kernel is told about the access at open; auto: what fits the workload",
    .type = MM_PARAMETER_CHOICE,
    .default_text = "normal",
    .choices = MM_ADVICE_CHOICES,
    .offset = offsetof(struct mm_advice_options, advice),
};

const char *mm_advice_name(enum mm_advice advice)
{
    static const char *const names[] = {"normal",   "sequential", "random", "willneed",
                                        "populate", "huge-pages", "auto"};
    _Static_assert(MM_COUNT_OF(names) == MM_ADVICE_AUTO + 1, "an advice without a name");
    assert((unsigned int)advice < MM_COUNT_OF(names));
    return names[advice];
}

enum mm_advice mm_advice_for_pattern(enum mm_advice advice, enum mm_access_pattern pattern)
{
    if (advice != MM_ADVICE_AUTO)
        return advice;
    switch (pattern) {
    case MM_PATTERN_SEQUENTIAL:
        return MM_ADVICE_SEQUENTIAL;
    case MM_PATTERN_RANDOM:
        return MM_ADVICE_RANDOM;
    case MM_PATTERN_NORMAL:
        break;
    }
    return MM_ADVICE_NORMAL;
}

void mm_advice_describe(const struct mm_advice_outcome *outcome,
                        const struct mm_engine_facts *facts)
{
    char granted[128];
    if (outcome->status)
        snprintf(granted, sizeof(granted), "normal (%s refused: %s)",
                 mm_advice_name(outcome->effective), strerror(-outcome->status));
    else
        snprintf(granted, sizeof(granted), "%s", mm_advice_name(outcome->effective));
    facts->text(facts->context, "advice_requested", mm_advice_name(outcome->requested));
    facts->text(facts->context, "advice_granted", granted);
}
