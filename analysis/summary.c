/* Builds the typed summaries of a record's cases. */
#include "analysis/summary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "common/units.h"

static const char *const phase_names[MM_SUMMARY_PHASES] = {"open", "touch", "compute", "flush",
                                                           "close"};

/* The launches of one case, in the order of their index. Borrowed. */
struct case_launches {
    struct mm_launch_sample *good;
    size_t good_count;
    struct mm_launch_sample *failed; /* their samples do not count */
    size_t failed_count;
};

static const char *text_or(const json_t *holder, const char *name, const char *fallback)
{
    const char *text = json_string_value(json_object_get(holder, name));
    return text ? text : fallback;
}

static json_int_t launch_index(const json_t *launch)
{
    return json_integer_value(json_object_get(launch, "index"));
}

static int compare_launches(const void *left, const void *right)
{
    json_int_t a = launch_index(((const struct mm_launch_sample *)left)->launch);
    json_int_t b = launch_index(((const struct mm_launch_sample *)right)->launch);
    return (a > b) - (a < b);
}

static int keep_launch(const json_t *launch, struct mm_launch_sample **list, size_t *count)
{
    struct mm_launch_sample *grown = realloc(*list, (*count + 1) * sizeof *grown);
    if (!grown) {
        return -ENOMEM;
    }
    *list = grown;
    grown[*count] = (struct mm_launch_sample){launch, mm_launch_median_sample(launch)};
    (*count)++;
    return 0;
}

static int sort_launches_by_case(const struct mm_record *record, struct case_launches *by_case)
{
    json_t *places = json_object();
    int result = places ? 0 : -ENOMEM;
    size_t index;
    const json_t *item;
    json_array_foreach(mm_record_cases(record), index, item)
    {
        if (json_object_set_new(places, text_or(item, "id", ""), json_integer((json_int_t)index)) <
            0) {
            result = -ENOMEM;
        }
    }
    json_array_foreach(mm_record_launches(record), index, item)
    {
        const json_t *place = json_object_get(places, text_or(item, "case", ""));
        if (result < 0 || !place) {
            continue;
        }
        struct case_launches *launches = &by_case[json_integer_value(place)];
        if (strcmp(text_or(item, "status", ""), "ok") == 0) {
            result = keep_launch(item, &launches->good, &launches->good_count);
        } else {
            result = keep_launch(item, &launches->failed, &launches->failed_count);
        }
    }
    json_decref(places);
    for (size_t i = 0; result == 0 && i < json_array_size(mm_record_cases(record)); i++) {
        struct case_launches *launches = &by_case[i];
        if (launches->good_count > 1) {
            qsort(launches->good, launches->good_count, sizeof *launches->good, compare_launches);
        }
        if (launches->failed_count > 1) {
            qsort(launches->failed, launches->failed_count, sizeof *launches->failed,
                  compare_launches);
        }
    }
    return result;
}

static int fill_failures(struct mm_summary_case *summary, const struct case_launches *launches)
{
    summary->failures = calloc(launches->failed_count + 1, sizeof *summary->failures);
    if (!summary->failures) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < launches->failed_count; i++) {
        const json_t *failure = json_object_get(launches->failed[i].launch, "failure");
        summary->failures[i] = (struct mm_summary_failure){
            .launch_index = (uint64_t)launch_index(launches->failed[i].launch),
            .kind = text_or(failure, "kind", "error"),
            .reason = text_or(failure, "reason", "no reason was recorded"),
        };
    }
    summary->failed = launches->failed_count;
    return 0;
}

static int fill_distributions(struct mm_summary_case *summary, const struct mm_launch_sample *good,
                              size_t count, double page_bytes)
{
    const struct {
        struct mm_measure measure;
        struct mm_distribution *into;
    } figures[] = {
        {{.read = mm_measure_rate, .name = "bytes"}, &summary->bytes_per_second},
        {{.read = mm_measure_rate, .name = "items"}, &summary->items_per_second},
        {{.read = mm_measure_per_pass, .name = "elapsed_ns"}, &summary->elapsed_ns},
        {{.read = mm_measure_per_pass, .name = "bytes"}, &summary->bytes},
        {{.read = mm_measure_faults}, &summary->faults},
        {{.read = mm_measure_bytes_per_fault}, &summary->bytes_per_fault},
        {{.read = mm_measure_faults_per_page, .page_bytes = page_bytes}, &summary->faults_per_page},
        {{.read = mm_measure_device_share}, &summary->device_share},
    };
    int result = 0;
    for (size_t i = 0; result == 0 && i < MM_COUNT_OF(figures); i++) {
        result = mm_distribution_over(good, count, &figures[i].measure, figures[i].into);
    }
    /* A median over the launches that took faults would hide those that took none. */
    struct mm_distribution *per_fault = &summary->bytes_per_fault;
    if (result == 0 && per_fault->count > 0 && per_fault->count < summary->faults.count) {
        mm_distribution_release(per_fault);
        result = mm_distribution_make(NULL, 0, "not every launch took faults", per_fault);
    }
    return result;
}

static bool is_own_figure(const char *counter)
{
    return strcmp(counter, "minor_faults") == 0 || strcmp(counter, "major_faults") == 0;
}

/* The counters that the first sample of the first launch has in this phase; all launches of a case
 * ask for the same ones. */
static int fill_counters(struct mm_summary_phase *phase, const json_t *counters,
                         const struct mm_launch_sample *good, size_t count)
{
    phase->counters = calloc(json_object_size(counters) + 1, sizeof *phase->counters);
    if (!phase->counters) {
        return -ENOMEM;
    }
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)counters, name, value)
    {
        if (is_own_figure(name)) {
            continue;
        }
        struct mm_measure measure = {
            .read = mm_measure_counter, .phase = phase->name, .name = name};
        struct mm_summary_counter *counter = &phase->counters[phase->counter_count];
        int result = mm_distribution_over(good, count, &measure, &counter->value);
        if (result < 0) {
            return result;
        }
        counter->name = name;
        phase->counter_count++;
    }
    return 0;
}

static int fill_phase(struct mm_summary_phase *phase, const json_t *counters,
                      const struct mm_launch_sample *good, size_t count)
{
    struct mm_measure elapsed = {.read = mm_measure_phase_time, .phase = phase->name};
    struct mm_measure minor = {
        .read = mm_measure_phase_faults, .phase = phase->name, .name = "minor_faults"};
    struct mm_measure major = {
        .read = mm_measure_phase_faults, .phase = phase->name, .name = "major_faults"};
    int result = mm_distribution_over(good, count, &elapsed, &phase->elapsed_ns);
    if (result == 0) {
        result = mm_distribution_over(good, count, &minor, &phase->minor_faults);
    }
    if (result == 0) {
        result = mm_distribution_over(good, count, &major, &phase->major_faults);
    }
    if (result == 0) {
        result = fill_counters(phase, counters, good, count);
    }
    return result;
}

static int fill_phases(struct mm_summary_case *summary, const struct mm_launch_sample *good,
                       size_t count)
{
    if (count == 0) {
        return 0;
    }
    const json_t *phases = json_object_get(good[0].sample, "phases");
    for (size_t i = 0; i < MM_SUMMARY_PHASES; i++) {
        const json_t *recorded = json_object_get(phases, phase_names[i]);
        if (!recorded) {
            continue;
        }
        struct mm_summary_phase *phase = &summary->phases[summary->phase_count++];
        phase->name = phase_names[i];
        int result = fill_phase(phase, json_object_get(recorded, "counters"), good, count);
        if (result < 0) {
            return result;
        }
    }
    return 0;
}

static void fill_cache_state(struct mm_summary_case *summary, const struct mm_launch_sample *good,
                             size_t count)
{
    summary->resident_why = count == 0 ? "no launch succeeded" : "not recorded";
    for (size_t i = 0; i < count; i++) {
        size_t index;
        const json_t *sample;
        json_array_foreach(json_object_get(good[i].launch, "samples"), index, sample)
        {
            const json_t *cache = json_object_get(sample, "cache");
            double share;
            summary->cache_method = text_or(cache, "method", summary->cache_method);
            if (!mm_record_metric(cache, "resident_share_before", &share, &summary->resident_why)) {
                continue;
            }
            if (!summary->has_resident_share || share < summary->resident_share_lowest) {
                summary->resident_share_lowest = share;
            }
            if (!summary->has_resident_share || share > summary->resident_share_highest) {
                summary->resident_share_highest = share;
            }
            summary->has_resident_share = true;
        }
    }
}

static int fill_latencies(struct mm_summary_case *summary, const struct mm_launch_sample *good,
                          size_t count, struct mm_error *error)
{
    int result = mm_latencies_make(summary->json, good, count, &summary->latencies, error);
    if (result < 0) {
        mm_error_prefix(error, "case %s", summary->name);
        return result;
    }
    summary->flush_ns = mm_latencies_find(&summary->latencies, "flush");
    return 0;
}

static int fill_reported(struct mm_summary_case *summary, const struct mm_launch_sample *good,
                         size_t count)
{
    if (count == 0) {
        return 0;
    }
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(good[0].sample, "reported"), name, value)
    {
        struct mm_measure measure = {.read = mm_measure_reported, .name = name};
        struct mm_distribution distribution;
        int result = mm_distribution_over(good, count, &measure, &distribution);
        if (result < 0) {
            return result;
        }
        char *text = distribution.count ? mm_text_format("%.6g", distribution.median)
                                        : mm_text_format("unavailable: %s", distribution.why);
        mm_distribution_release(&distribution);
        result = text ? mm_facts_add(&summary->reported, name, text) : -ENOMEM;
        free(text);
        if (result < 0) {
            return result;
        }
    }
    return 0;
}

/* "4.00 MiB", or why it is not known. Newly allocated. */
static char *median_text(const struct mm_distribution *distribution,
                         char *(*show)(double value, char *text))
{
    char text[MM_UNITS_TEXT_BYTES];
    return distribution->count ? strdup(show(distribution->median, text))
                               : mm_text_format("unavailable: %s", distribution->why);
}

static int fill_machine(struct mm_summary_case *summary, const struct mm_launch_sample *good,
                        size_t count)
{
    static const struct {
        struct mm_measure measure;
        const char *name;
        char *(*show)(double value, char *text);
    } figures[] = {
        {{.read = mm_measure_machine, .name = "device_read_bytes"},
         "read from the device",
         mm_units_show_size},
        {{.read = mm_measure_read_by_others}, "of these by others", mm_units_show_size},
        {{.read = mm_measure_machine, .name = "device_written_bytes"},
         "written to the device",
         mm_units_show_size},
        {{.read = mm_measure_machine, .name = "device_flushes"},
         "flushes of the device",
         mm_units_show_count},
        {{.read = mm_measure_machine, .name = "device_busy_ns"},
         "device busy",
         mm_units_show_duration},
        {{.read = mm_measure_machine, .name = "tlb_shootdowns"},
         "TLB shootdowns",
         mm_units_show_count},
    };
    int result = 0;
    if (count == 0 || !json_object_get(good[0].sample, "machine")) {
        return 0;
    }
    for (size_t i = 0; result == 0 && i < MM_COUNT_OF(figures); i++) {
        struct mm_distribution distribution;
        result = mm_distribution_over(good, count, &figures[i].measure, &distribution);
        if (result < 0) {
            return result;
        }
        char *text = median_text(&distribution, figures[i].show);
        mm_distribution_release(&distribution);
        result = text ? mm_facts_add(&summary->machine, figures[i].name, text) : -ENOMEM;
        free(text);
    }
    return result;
}

/* Members of holder that say why they are missing. */
static int add_unavailable(struct mm_facts *facts, const json_t *holder)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)holder, name, value)
    {
        const char *why = json_string_value(json_object_get(value, "unavailable"));
        int result = why ? mm_facts_add(facts, name, why) : 0;
        if (result < 0) {
            return result;
        }
    }
    return 0;
}

static int fill_unavailable(struct mm_summary_case *summary, const json_t *sample)
{
    int result = add_unavailable(&summary->unavailable, sample);
    if (result == 0) {
        result = add_unavailable(&summary->unavailable, json_object_get(sample, "cache"));
    }
    if (result == 0) {
        result = add_unavailable(&summary->unavailable, json_object_get(sample, "device"));
    }
    const char *name;
    json_t *phase;
    json_object_foreach(json_object_get(sample, "phases"), name, phase)
    {
        if (result == 0) {
            result = add_unavailable(&summary->unavailable, json_object_get(phase, "counters"));
        }
    }
    return result;
}

/* What the launches and samples say in words. */
static int fill_facts(struct mm_summary_case *summary, const struct mm_launch_sample *good,
                      size_t count)
{
    bool same_checksum = true;
    int result = 0;
    for (size_t i = 0; result == 0 && i < count; i++) {
        result =
            mm_facts_add_members(&summary->effective, json_object_get(good[i].launch, "effective"));
        size_t index;
        const json_t *sample;
        json_array_foreach(json_object_get(good[i].launch, "samples"), index, sample)
        {
            const char *checksum = text_or(sample, "checksum", "");
            same_checksum = same_checksum && *checksum &&
                            (!summary->checksum || strcmp(checksum, summary->checksum) == 0);
            summary->checksum = checksum;
            if (result == 0) {
                result = fill_unavailable(summary, sample);
            }
        }
    }
    if (!same_checksum) {
        summary->checksum = NULL;
    }
    return result;
}

static int summarise_case(struct mm_summary_case *summary, const json_t *json,
                          const struct case_launches *launches, double page_bytes,
                          struct mm_error *error)
{
    const struct mm_launch_sample *good = launches->good;
    size_t count = launches->good_count;
    summary->json = json;
    summary->id = text_or(json, "id", "");
    summary->name = text_or(json, "name", "");
    summary->workload = text_or(json, "workload", "");
    summary->engine = text_or(json, "engine", "");
    summary->cache = text_or(json, "cache", "");
    summary->counters_off = strcmp(text_or(json, "counting", ""), "off") == 0;
    summary->skipped = text_or(json, "skipped", NULL);
    summary->launches_planned =
        (uint64_t)json_integer_value(json_object_get(json, "launches_planned"));
    summary->iterations = (uint64_t)json_integer_value(json_object_get(json, "iterations"));
    summary->good = count;
    fill_cache_state(summary, good, count);
    mm_peer_spread_over(good, count, &summary->peers);
    int result = fill_failures(summary, launches);
    if (result == 0) {
        result = mm_series_lines_over(good, count, &summary->series);
    }
    if (result == 0) {
        result = fill_distributions(summary, good, count, page_bytes);
    }
    if (result == 0) {
        result = fill_phases(summary, good, count);
    }
    if (result == 0) {
        result = fill_reported(summary, good, count);
    }
    if (result == 0) {
        result = fill_machine(summary, good, count);
    }
    if (result == 0) {
        result = fill_facts(summary, good, count);
    }
    if (result < 0) {
        return mm_error_set(error, result, "out of memory");
    }
    return fill_latencies(summary, good, count, error);
}

static void count_case(struct mm_summary *summary, const struct mm_summary_case *one)
{
    summary->measured += one->good > 0;
    summary->skipped += one->skipped != NULL;
    summary->with_failures += one->failed > 0;
    summary->without_launch += !one->skipped && one->good == 0 && one->failed == 0;
    summary->good_launches += one->good;
    summary->failed_launches += one->failed;
}

int mm_summary_make(const struct mm_record *record, struct mm_summary **summary,
                    struct mm_error *error)
{
    size_t count = json_array_size(mm_record_cases(record));
    struct mm_summary *made = calloc(1, sizeof *made);
    struct case_launches *launches = calloc(count + 1, sizeof *launches);
    int result = -ENOMEM;
    if (made) {
        made->cases = calloc(count + 1, sizeof *made->cases);
    }
    if (!made || !made->cases || !launches || sort_launches_by_case(record, launches) < 0) {
        mm_error_set(error, result, "out of memory");
        goto cleanup;
    }
    const char *why;
    double page_bytes = 0; /* where it is not known */
    mm_record_metric(mm_record_environment(record), "page_bytes", &page_bytes, &why);
    made->record = record;
    made->case_count = count;
    for (size_t i = 0; i < count; i++) {
        result = summarise_case(&made->cases[i], json_array_get(mm_record_cases(record), i),
                                &launches[i], page_bytes, error);
        if (result < 0) {
            goto cleanup;
        }
        count_case(made, &made->cases[i]);
    }
    result = mm_summary_label_cases(made->cases, count);
    if (result < 0) {
        mm_error_set(error, result, "out of memory");
        goto cleanup;
    }
    *summary = made;
    made = NULL;

cleanup:
    for (size_t i = 0; launches && i < count; i++) {
        free(launches[i].good);
        free(launches[i].failed);
    }
    free(launches);
    mm_summary_free(made);
    return result;
}

static void release_phase(struct mm_summary_phase *phase)
{
    mm_distribution_release(&phase->elapsed_ns);
    mm_distribution_release(&phase->minor_faults);
    mm_distribution_release(&phase->major_faults);
    for (size_t i = 0; i < phase->counter_count; i++) {
        mm_distribution_release(&phase->counters[i].value);
    }
    free(phase->counters);
}

static void release_case(struct mm_summary_case *one)
{
    free(one->group);
    free(one->variant);
    free(one->failures);
    mm_series_lines_release(&one->series);
    mm_distribution_release(&one->bytes_per_second);
    mm_distribution_release(&one->items_per_second);
    mm_distribution_release(&one->elapsed_ns);
    mm_distribution_release(&one->bytes);
    mm_distribution_release(&one->faults);
    mm_distribution_release(&one->bytes_per_fault);
    mm_distribution_release(&one->faults_per_page);
    mm_distribution_release(&one->device_share);
    for (size_t i = 0; i < one->phase_count; i++) {
        release_phase(&one->phases[i]);
    }
    mm_latencies_release(&one->latencies);
    mm_facts_release(&one->reported);
    mm_facts_release(&one->machine);
    mm_facts_release(&one->effective);
    mm_facts_release(&one->unavailable);
}

void mm_summary_free(struct mm_summary *summary)
{
    if (!summary) {
        return;
    }
    for (size_t i = 0; summary->cases && i < summary->case_count; i++) {
        release_case(&summary->cases[i]);
    }
    free(summary->cases);
    free(summary);
}
