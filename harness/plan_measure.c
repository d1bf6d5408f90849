/* What a case measures: throughput, or the latency of its operations in a closed or open loop. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "common/units.h"
#include "harness/latency.h"
#include "harness/plan_internal.h"

#define SUGGESTION_BYTES 96
#define CLOSED           "closed"

static const char *const MEASURES[] = {"throughput", "latency"};

int mm_plan_parse_measure(const char *text, bool *latency, struct mm_error *error)
{
    for (size_t i = 0; i < MM_COUNT_OF(MEASURES); i++) {
        if (strcmp(text, MEASURES[i]))
            continue;
        *latency = i == 1;
        return 0;
    }
    char suggestion[SUGGESTION_BYTES];
    mm_text_suggestion(text, MEASURES, MM_COUNT_OF(MEASURES), suggestion, sizeof(suggestion));
    return mm_error_set(error, -EINVAL, "'%s' is not to be measured%s", text,
                        suggestion[0] ? suggestion : " (write throughput or latency)");
}

int mm_plan_parse_rate(const char *text, uint64_t *rate, struct mm_error *error)
{
    uint64_t value = 0;
    if (strcmp(text, CLOSED) &&
        (mm_units_parse_count(text, &value) || !value || value > MM_LATENCY_RATE_LIMIT))
        return mm_error_set(error, -EINVAL,
                            "'%s' is not a rate: write operations per second from 1 to %llu, or "
                            "closed",
                            text, (unsigned long long)MM_LATENCY_RATE_LIMIT);
    *rate = value;
    return 0;
}

const char *mm_plan_measure_text(const struct mm_plan_case *plan_case)
{
    return MEASURES[plan_case->measures_latency];
}

/* Calls add with every word of the comma-separated texts. */
static int for_each_word(const char *const *texts, size_t count, const char *option,
                         struct mm_plan_settings *settings,
                         int (*add)(struct mm_plan_settings *settings, const char *word,
                                    struct mm_error *error),
                         struct mm_error *error)
{
    for (size_t i = 0; i < count; i++) {
        char *words = strdup(texts[i]);
        if (!words)
            return mm_error_set(error, -ENOMEM, "not enough memory");
        char *rest = words;
        int status = 0;
        for (char *word = strsep(&rest, ","); word && !status; word = strsep(&rest, ","))
            status = add(settings, word, error);
        free(words);
        if (status) {
            mm_error_prefix(error, "%s", option);
            return status;
        }
    }
    return 0;
}

int mm_plan_add_measure(struct mm_plan_settings *settings, const char *word, struct mm_error *error)
{
    bool latency = false;
    int status = mm_plan_parse_measure(word, &latency, error);
    if (status)
        return status;
    if (settings->measure_count == MM_COUNT_OF(settings->measures))
        return mm_error_set(error, -EINVAL, "'%s' is one word too many", word);
    settings->measures[settings->measure_count++] = latency;
    return 0;
}

int mm_plan_add_rate(struct mm_plan_settings *settings, const char *word, struct mm_error *error)
{
    uint64_t rate = 0;
    int status = mm_plan_parse_rate(word, &rate, error);
    if (status)
        return status;
    if (settings->rate_count == MM_PLAN_LIST_LIMIT)
        return mm_error_set(error, -EINVAL, "more than %d rates", MM_PLAN_LIST_LIMIT);
    settings->rates[settings->rate_count++] = rate;
    return 0;
}

bool mm_plan_measures_latency(const struct mm_plan_settings *settings)
{
    for (size_t i = 0; i < settings->measure_count; i++) {
        if (settings->measures[i])
            return true;
    }
    return false;
}

int mm_plan_select_measures(const struct mm_plan_request *request,
                            struct mm_plan_settings *settings, struct mm_error *error)
{
    if (request->measure_count)
        settings->measure_count = 0;
    int status = for_each_word(request->measures, request->measure_count, "--measure", settings,
                               mm_plan_add_measure, error);
    if (status || !request->rate_count)
        return status;
    settings->rate_count = 0;
    return for_each_word(request->rates, request->rate_count, "--rate", settings, mm_plan_add_rate,
                         error);
}

int mm_plan_check_rates(const struct mm_plan *plan, const struct mm_plan_request *request,
                        struct mm_error *error)
{
    if (!request->rate_count)
        return 0;
    for (size_t i = 0; i < plan->case_count; i++) {
        if (plan->cases[i].measures_latency)
            return 0;
    }
    return mm_error_set(error, -EINVAL, "--rate %s: a rate is for latency: add --measure latency",
                        request->rates[0]);
}
