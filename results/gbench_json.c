/* Google Benchmark's JSON, derived from a record; SCHEMA.md tells how each figure follows. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/text.h"
#include "results/histogram.h"
#include "results/record.h"

enum figure {
    REAL_TIME,
    CPU_TIME,
    BYTES_PER_SECOND,
    ITEMS_PER_SECOND,
    MINOR_FAULTS,
    MAJOR_FAULTS,
    BYTES_PER_FAULT,
    RESIDENT_SHARE_BEFORE,
    FLUSH_P50,
    FLUSH_P99,
    FLUSH_P999,
    FLUSH_MAX,
    FIGURE_COUNT
};

/* The names are a promise to those who keep these files. */
static const char *const figure_names[FIGURE_COUNT] = {
    [REAL_TIME] = "real_time",
    [CPU_TIME] = "cpu_time",
    [BYTES_PER_SECOND] = "bytes_per_second",
    [ITEMS_PER_SECOND] = "items_per_second",
    [MINOR_FAULTS] = "minor_faults",
    [MAJOR_FAULTS] = "major_faults",
    [BYTES_PER_FAULT] = "bytes_per_fault",
    [RESIDENT_SHARE_BEFORE] = "resident_share_before",
    [FLUSH_P50] = "flush_p50_ns",
    [FLUSH_P99] = "flush_p99_ns",
    [FLUSH_P999] = "flush_p999_ns",
    [FLUSH_MAX] = "flush_max_ns",
};

/* Where cpu_time comes from: the first that every launch of the case has. */
enum cpu_source { CPU_FROM_REPORTER, CPU_FROM_TASK_CLOCK, CPU_REPEATS_REAL_TIME };

static const char *const cpu_labels[] = {
    [CPU_FROM_REPORTER] = NULL,
    [CPU_FROM_TASK_CLOCK] = "cpu_time is task_clock_ns",
    [CPU_REPEATS_REAL_TIME] = "cpu_time is not known and repeats real_time",
};

/* What one entry of the file says, of one launch or of the median of several. */
struct entry {
    uint64_t iterations;
    bool known[FIGURE_COUNT];
    double value[FIGURE_COUNT];
};

static void set(struct entry *entry, enum figure figure, double value)
{
    entry->known[figure] = true;
    entry->value[figure] = value;
}

static int compare_numbers(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Sorts values. */
static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare_numbers);
    if (count % 2 == 1)
        return values[count / 2];
    return values[count / 2 - 1] + (values[count / 2] - values[count / 2 - 1]) / 2;
}

static double whole(const json_t *holder, const char *name)
{
    return (double)json_integer_value(json_object_get(holder, name));
}

static double time_per_iteration(const json_t *sample)
{
    return whole(sample, "elapsed_ns") / whole(sample, "iterations");
}

/* The sample that has as many faster ones before it as slower ones after it; of an even number the
 * faster of the two in the middle. Equal ones stand in the order of the record. */
static const json_t *median_sample(const json_t *samples)
{
    size_t count = json_array_size(samples);
    size_t index;
    const json_t *sample;
    json_array_foreach(samples, index, sample)
    {
        double time = time_per_iteration(sample);
        size_t before = 0;
        size_t other_index;
        const json_t *other;
        json_array_foreach(samples, other_index, other)
        {
            double other_time = time_per_iteration(other);
            if (other_time < time || (other_time == time && other_index < index))
                before++;
        }
        if (before == (count - 1) / 2)
            return sample;
    }
    return NULL;
}

/* A counter summed over the timed phases; false when one of them does not have it. */
static bool timed_counter(const json_t *sample, const char *name, double *sum)
{
    static const char *const timed[] = {"touch", "compute", "flush"};
    const json_t *phases = json_object_get(sample, "phases");
    double total = 0;
    bool found = false;
    for (size_t i = 0; i < MM_COUNT_OF(timed); i++) {
        const json_t *phase = json_object_get(phases, timed[i]);
        double value;
        if (!phase)
            continue;
        if (!mm_record_metric(json_object_get(phase, "counters"), name, &value, NULL))
            return false;
        total += value;
        found = true;
    }
    if (found)
        *sum = total;
    return found;
}

/* Perf counts of faults that leave out the kernel's are too low: then getrusage's are taken. */
static bool timed_faults(const json_t *launch, const json_t *sample, const char *perf_name,
                         const char *rusage_name, double *sum)
{
    const json_t *quality = json_object_get(json_object_get(launch, "counter_quality"), perf_name);
    if (!json_is_true(json_object_get(quality, "exclude_kernel")) &&
        timed_counter(sample, perf_name, sum))
        return true;
    return timed_counter(sample, rusage_name, sum);
}

static void read_faults(const json_t *launch, const json_t *sample, struct entry *entry)
{
    double minor;
    double major;
    double iterations = whole(sample, "iterations");
    bool has_minor = timed_faults(launch, sample, "minor_faults", "rusage_minor_faults", &minor);
    bool has_major = timed_faults(launch, sample, "major_faults", "rusage_major_faults", &major);
    if (has_minor)
        set(entry, MINOR_FAULTS, minor / iterations);
    if (has_major)
        set(entry, MAJOR_FAULTS, major / iterations);
    if (has_minor && has_major && minor + major > 0)
        set(entry, BYTES_PER_FAULT, whole(sample, "bytes") / (minor + major));
}

static void read_flushes(const json_t *launch, struct entry *entry)
{
    struct mm_histogram histogram;
    const json_t *json = json_object_get(json_object_get(launch, "histograms"), "flush_ns");
    if (!json || mm_histogram_from_json(json, &histogram, NULL) < 0 || histogram.count == 0)
        return;
    set(entry, FLUSH_P50, (double)mm_histogram_quantile(&histogram, 0.5));
    set(entry, FLUSH_P99, (double)mm_histogram_quantile(&histogram, 0.99));
    set(entry, FLUSH_P999, (double)mm_histogram_quantile(&histogram, 0.999));
    set(entry, FLUSH_MAX, (double)histogram.maximum);
}

static void read_launch(const json_t *launch, enum cpu_source source, struct entry *entry)
{
    const json_t *sample = median_sample(json_object_get(launch, "samples"));
    double elapsed_ns = whole(sample, "elapsed_ns");
    double iterations = whole(sample, "iterations");
    double value;
    memset(entry, 0, sizeof(*entry));
    entry->iterations = (uint64_t)json_integer_value(json_object_get(sample, "iterations"));
    set(entry, REAL_TIME, elapsed_ns / iterations);
    if (source == CPU_FROM_REPORTER && mm_record_metric(sample, "cpu_ns", &value, NULL))
        set(entry, CPU_TIME, value / iterations);
    else if (source == CPU_FROM_TASK_CLOCK && timed_counter(sample, "task_clock_ns", &value))
        set(entry, CPU_TIME, value / iterations);
    else
        set(entry, CPU_TIME, elapsed_ns / iterations);
    if (elapsed_ns > 0) {
        set(entry, BYTES_PER_SECOND, whole(sample, "bytes") * 1e9 / elapsed_ns);
        set(entry, ITEMS_PER_SECOND, whole(sample, "items") * 1e9 / elapsed_ns);
    }
    if (mm_record_metric(json_object_get(sample, "cache"), "resident_share_before", &value, NULL))
        set(entry, RESIDENT_SHARE_BEFORE, value);
    read_faults(launch, sample, entry);
    read_flushes(launch, entry);
}

static enum cpu_source common_cpu_source(const json_t *const *launches, size_t count)
{
    bool by_reporter = true;
    bool by_task_clock = true;
    for (size_t i = 0; i < count; i++) {
        const json_t *sample = median_sample(json_object_get(launches[i], "samples"));
        double value;
        by_reporter = by_reporter && mm_record_metric(sample, "cpu_ns", &value, NULL);
        by_task_clock = by_task_clock && timed_counter(sample, "task_clock_ns", &value);
    }
    if (by_reporter)
        return CPU_FROM_REPORTER;
    return by_task_clock ? CPU_FROM_TASK_CLOCK : CPU_REPEATS_REAL_TIME;
}

/* Place of an entry among its like. */
struct repetition {
    size_t family;
    size_t index;
    size_t count;
};

static int append_entry(json_t *benchmarks, const char *name, struct repetition repetition,
                        enum cpu_source source, const struct entry *entry)
{
    json_t *json =
        json_pack("{s:s, s:I, s:i, s:s, s:s, s:I, s:I, s:i, s:I, s:s}", "name", name,
                  "family_index", (json_int_t)repetition.family, "per_family_instance_index", 0,
                  "run_name", name, "run_type", "iteration", "repetitions",
                  (json_int_t)repetition.count, "repetition_index", (json_int_t)repetition.index,
                  "threads", 1, "iterations", (json_int_t)entry->iterations, "time_unit", "ns");
    for (size_t i = 0; json && i < FIGURE_COUNT; i++) {
        if (entry->known[i] &&
            json_object_set_new(json, figure_names[i], json_real(entry->value[i])) != 0)
            goto fail;
    }
    if (json && cpu_labels[source] &&
        json_object_set_new(json, "label", json_string(cpu_labels[source])) != 0)
        goto fail;
    return json_array_append_new(benchmarks, json) == 0 ? 0 : -ENOMEM;
fail:
    json_decref(json);
    return -ENOMEM;
}

/* The median of each figure that every entry has. */
static int aggregate(const struct entry *entries, size_t count, struct entry *medians)
{
    double *values = calloc(count, sizeof(*values));
    if (!values)
        return -ENOMEM;
    memset(medians, 0, sizeof(*medians));
    medians->iterations = entries[0].iterations;
    for (size_t figure = 0; figure < FIGURE_COUNT; figure++) {
        size_t known = 0;
        for (size_t i = 0; i < count; i++) {
            if (entries[i].known[figure])
                values[known++] = entries[i].value[figure];
        }
        if (known == count)
            set(medians, (enum figure)figure, median(values, count));
    }
    free(values);
    return 0;
}

static int append_case(json_t *benchmarks, const struct mm_record *record, size_t family,
                       const json_t *one_case, bool aggregates)
{
    const char *name = json_string_value(json_object_get(one_case, "name"));
    const char *id = json_string_value(json_object_get(one_case, "id"));
    const json_t **launches = NULL;
    struct entry *entries = NULL;
    size_t count = 0;
    int result = mm_record_good_launches(record, id, &launches, &count);
    if (result < 0 || count == 0)
        return result;
    enum cpu_source source = common_cpu_source(launches, count);
    entries = calloc(count, sizeof(*entries));
    result = entries ? 0 : -ENOMEM;
    for (size_t i = 0; result == 0 && i < count; i++) {
        struct repetition repetition = {family, i, count};
        read_launch(launches[i], source, &entries[i]);
        if (!aggregates)
            result = append_entry(benchmarks, name, repetition, source, &entries[i]);
    }
    if (result == 0 && aggregates) {
        struct repetition only = {family, 0, 1};
        struct entry medians;
        result = aggregate(entries, count, &medians);
        if (result == 0)
            result = append_entry(benchmarks, name, only, source, &medians);
    }
    free(entries);
    free(launches);
    return result;
}

static json_t *make_caches(const json_t *environment)
{
    size_t index;
    const json_t *cache;
    json_t *caches = json_array();
    json_array_foreach(json_object_get(environment, "caches"), index, cache)
    {
        json_t *size = json_object_get(cache, "size_bytes");
        json_t *copy = json_pack("{s:O, s:O, s:O}", "type", json_object_get(cache, "type"), "level",
                                 json_object_get(cache, "level"), "size", size);
        if (json_array_append_new(caches, copy) != 0) {
            json_decref(caches);
            return NULL;
        }
    }
    return caches;
}

/* What of Google Benchmark's context the record knows; caches must be there for some readers. */
static json_t *make_context(const struct mm_record *record)
{
    const json_t *environment = mm_record_environment(record);
    const json_t *run = mm_record_run(record);
    const char *host = json_string_value(json_object_get(environment, "hostname"));
    double number;
    json_t *context =
        json_pack("{s:O, s:s, s:s, s:o, s:O}", "date", json_object_get(run, "started_utc"),
                  "host_name", host ? host : "", "executable", "mapmeter", "caches",
                  make_caches(environment), "mapmeter_run", json_object_get(run, "id"));
    if (context && mm_record_metric(environment, "cpus_online", &number, NULL))
        json_object_set_new(context, "num_cpus", json_integer((json_int_t)number));
    if (context && mm_record_metric(environment, "load_average_1m", &number, NULL))
        json_object_set_new(context, "load_avg", json_pack("[f]", number));
    return context;
}

static int save(const struct mm_record *record, const char *path, bool aggregates,
                struct mm_error *error)
{
    size_t family;
    const json_t *one_case;
    char *text = NULL;
    int result = mm_record_validate(record, error);
    if (result < 0)
        return result;
    json_t *benchmarks = json_array();
    json_array_foreach(mm_record_cases(record), family, one_case)
    {
        result = append_case(benchmarks, record, family, one_case, aggregates);
        if (result < 0)
            break;
    }
    json_t *root =
        json_pack("{s:o, s:o}", "context", make_context(record), "benchmarks", benchmarks);
    /* Names in any script stay readable to programs that open text files in the C locale. */
    if (root && result == 0)
        text = json_dumps(root, JSON_INDENT(1) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15));
    if (text)
        result = mm_file_replace(path, text, strlen(text), error);
    else
        result = mm_error_set(error, -ENOMEM, "%s: out of memory while writing it", path);
    free(text);
    json_decref(root);
    return result;
}

int mm_record_save_gbench(const struct mm_record *record, const char *path, struct mm_error *error)
{
    return save(record, path, false, error);
}

int mm_record_save_gbench_aggregates(const struct mm_record *record, const char *path,
                                     struct mm_error *error)
{
    return save(record, path, true, error);
}
