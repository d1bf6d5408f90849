/* Figures of samples, gathered over launches. */
#include "analysis/distribution.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "results/record.h"

static double time_per_iteration(const json_t *sample)
{
    double elapsed = json_number_value(json_object_get(sample, "elapsed_ns"));
    double iterations = json_number_value(json_object_get(sample, "iterations"));
    return iterations > 0 ? elapsed / iterations : elapsed;
}

const json_t *mm_launch_median_sample(const json_t *launch)
{
    const json_t *samples = json_object_get(launch, "samples");
    size_t count = json_array_size(samples);
    for (size_t i = 0; i < count; i++) {
        const json_t *sample = json_array_get(samples, i);
        double time = time_per_iteration(sample);
        size_t before = 0;
        for (size_t other = 0; other < count; other++) {
            double other_time = time_per_iteration(json_array_get(samples, other));
            before += other_time < time || (other_time == time && other < i);
        }
        if (before == (count - 1) / 2) {
            return sample;
        }
    }
    return NULL;
}

bool mm_measure_per_pass(const struct mm_measure *measure, const struct mm_launch_sample *at,
                         double *value, const char **why)
{
    double amount;
    double iterations;
    if (!mm_record_metric(at->sample, measure->name, &amount, why) ||
        !mm_record_metric(at->sample, "iterations", &iterations, why)) {
        return false;
    }
    *value = amount / iterations;
    return true;
}

bool mm_measure_rate(const struct mm_measure *measure, const struct mm_launch_sample *at,
                     double *value, const char **why)
{
    double amount;
    double elapsed_ns;
    if (!mm_record_metric(at->sample, measure->name, &amount, why) ||
        !mm_record_metric(at->sample, "elapsed_ns", &elapsed_ns, why)) {
        return false;
    }
    if (!(elapsed_ns > 0)) {
        *why = "no time passed on the clock";
        return false;
    }
    *value = amount * 1e9 / elapsed_ns;
    return true;
}

bool mm_measure_reported(const struct mm_measure *measure, const struct mm_launch_sample *at,
                         double *value, const char **why)
{
    return mm_record_metric(json_object_get(at->sample, "reported"), measure->name, value, why);
}

static const json_t *phase_of(const json_t *sample, const char *phase)
{
    return json_object_get(json_object_get(sample, "phases"), phase);
}

bool mm_measure_phase_time(const struct mm_measure *measure, const struct mm_launch_sample *at,
                           double *value, const char **why)
{
    return mm_record_metric(phase_of(at->sample, measure->phase), "elapsed_ns", value, why);
}

bool mm_measure_counter(const struct mm_measure *measure, const struct mm_launch_sample *at,
                        double *value, const char **why)
{
    const json_t *counters = json_object_get(phase_of(at->sample, measure->phase), "counters");
    return mm_record_metric(counters, measure->name, value, why);
}

bool mm_measure_phase_faults(const struct mm_measure *measure, const struct mm_launch_sample *at,
                             double *value, const char **why)
{
    const json_t *quality =
        json_object_get(json_object_get(at->launch, "counter_quality"), measure->name);
    if (!json_is_true(json_object_get(quality, "exclude_kernel")) &&
        mm_measure_counter(measure, at, value, why)) {
        return true;
    }
    struct mm_measure of_rusage = {
        .phase = measure->phase,
        .name = strcmp(measure->name, "minor_faults") == 0 ? "rusage_minor_faults"
                                                           : "rusage_major_faults",
    };
    return mm_measure_counter(&of_rusage, at, value, why);
}

bool mm_measure_timed_faults(const struct mm_measure *measure, const struct mm_launch_sample *at,
                             double *value, const char **why)
{
    (void)measure;
    static const char *const timed[] = {"touch", "compute", "flush"};
    double sum = 0;
    bool any = false;
    for (size_t i = 0; i < MM_COUNT_OF(timed); i++) {
        if (!phase_of(at->sample, timed[i])) {
            continue;
        }
        struct mm_measure minor = {.phase = timed[i], .name = "minor_faults"};
        struct mm_measure major = {.phase = timed[i], .name = "major_faults"};
        double minor_count;
        double major_count;
        if (!mm_measure_phase_faults(&minor, at, &minor_count, why) ||
            !mm_measure_phase_faults(&major, at, &major_count, why)) {
            return false;
        }
        sum += minor_count + major_count;
        any = true;
    }
    if (!any) {
        *why = "no phase was recorded";
        return false;
    }
    *value = sum;
    return true;
}

bool mm_measure_faults(const struct mm_measure *measure, const struct mm_launch_sample *at,
                       double *value, const char **why)
{
    double faults;
    double iterations;
    if (!mm_measure_timed_faults(measure, at, &faults, why) ||
        !mm_record_metric(at->sample, "iterations", &iterations, why)) {
        return false;
    }
    *value = faults / iterations;
    return true;
}

bool mm_measure_bytes_per_fault(const struct mm_measure *measure, const struct mm_launch_sample *at,
                                double *value, const char **why)
{
    double faults;
    double bytes;
    if (!mm_measure_timed_faults(measure, at, &faults, why) ||
        !mm_record_metric(at->sample, "bytes", &bytes, why)) {
        return false;
    }
    if (!(faults > 0)) {
        *why = "no faults";
        return false;
    }
    *value = bytes / faults;
    return true;
}

bool mm_measure_faults_per_page(const struct mm_measure *measure, const struct mm_launch_sample *at,
                                double *value, const char **why)
{
    double faults;
    double bytes;
    if (!mm_measure_timed_faults(measure, at, &faults, why) ||
        !mm_record_metric(at->sample, "bytes", &bytes, why)) {
        return false;
    }
    if (!(bytes > 0) || !(measure->page_bytes > 0)) {
        *why = bytes > 0 ? "the size of a page is not known" : "no bytes were moved";
        return false;
    }
    *value = faults * measure->page_bytes / bytes;
    return true;
}

bool mm_measure_machine(const struct mm_measure *measure, const struct mm_launch_sample *at,
                        double *value, const char **why)
{
    return mm_record_metric(json_object_get(at->sample, "machine"), measure->name, value, why);
}

bool mm_measure_read_by_others(const struct mm_measure *measure, const struct mm_launch_sample *at,
                               double *value, const char **why)
{
    const struct mm_measure all = {.name = "device_read_bytes"};
    double by_all;
    double by_us;
    (void)measure;
    if (!mm_measure_machine(&all, at, &by_all, why) ||
        !mm_record_metric(json_object_get(at->sample, "device"), "read_bytes", &by_us, why)) {
        return false;
    }
    /* What one has asked for may come from another device or stay in flight at the end. */
    *value = by_all > by_us ? by_all - by_us : 0;
    return true;
}

bool mm_measure_device_share(const struct mm_measure *measure, const struct mm_launch_sample *at,
                             double *value, const char **why)
{
    const struct mm_measure busy = {.name = "device_busy_ns"};
    double busy_ns;
    double elapsed_ns;
    (void)measure;
    if (!mm_measure_machine(&busy, at, &busy_ns, why) ||
        !mm_record_metric(at->sample, "elapsed_ns", &elapsed_ns, why) || !(elapsed_ns > 0)) {
        return false;
    }
    /* The kernel counts in milliseconds, and between the passes of a sample too. */
    *value = busy_ns < elapsed_ns ? busy_ns / elapsed_ns : 1;
    return true;
}

int mm_distribution_make(double *values, size_t count, const char *why,
                         struct mm_distribution *distribution)
{
    struct mm_distribution made = {0};
    if (count == 0) {
        free(values);
        made.why = strdup(why ? why : "not recorded");
        if (!made.why) {
            return -ENOMEM;
        }
        *distribution = made;
        return 0;
    }
    mm_statistics_sort(values, count);
    made.values = values;
    made.count = count;
    made.median = mm_statistics_median(values, count);
    made.has_interval =
        mm_statistics_median_interval(values, count, MM_STATISTICS_COVERAGE, &made.interval);
    *distribution = made;
    return 0;
}

void mm_distribution_release(struct mm_distribution *distribution)
{
    free(distribution->values);
    free(distribution->why);
    *distribution = (struct mm_distribution){0};
}

int mm_distribution_over(const struct mm_launch_sample *launches, size_t count,
                         const struct mm_measure *measure, struct mm_distribution *distribution)
{
    const char *why = count == 0 ? "no launch succeeded" : "not recorded";
    double *values = calloc(count + 1, sizeof *values);
    if (!values) {
        return -ENOMEM;
    }
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (launches[i].sample && measure->read(measure, &launches[i], &values[found], &why) &&
            isfinite(values[found])) {
            found++;
        }
    }
    return mm_distribution_make(values, found, why, distribution);
}
