/* samples.csv: one line for every sample of every launch, for spreadsheets and data frames. */
#include <stdbool.h>

#include "analysis/distribution.h"
#include "analysis/report/emit.h"
#include "analysis/report/escape.h"

static const char *text_of(const json_t *holder, const char *name)
{
    const char *text = json_string_value(json_object_get(holder, name));
    return text ? text : "";
}

static void write_text(FILE *stream, const json_t *holder, const char *name)
{
    mm_escape_csv(stream, text_of(holder, name));
    fputc(',', stream);
}

/* What is not known stays empty: results.json says why. */
static void write_number(FILE *stream, const json_t *holder, const char *name)
{
    double value;
    const char *why;
    if (mm_record_metric(holder, name, &value, &why)) {
        fprintf(stream, "%.17g", value);
    }
    fputc(',', stream);
}

static void write_launch(FILE *stream, const json_t *one, const json_t *launch)
{
    write_text(stream, one, "name");
    write_text(stream, one, "workload");
    write_text(stream, one, "engine");
    write_text(stream, one, "cache");
    write_text(stream, one, "counting");
    write_number(stream, launch, "index");
    write_number(stream, launch, "order");
    write_text(stream, launch, "seed");
    write_text(stream, launch, "status");
    write_number(stream, launch, "started_ns");
}

static void write_sample(FILE *stream, const json_t *launch, const json_t *sample)
{
    static const char *const figures[] = {"iterations", "elapsed_ns", "cpu_ns", "bytes", "items"};
    const struct mm_launch_sample at = {.launch = launch, .sample = sample};
    const struct mm_measure measure = {.read = mm_measure_timed_faults};
    double faults;
    const char *why;
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        write_number(stream, sample, figures[i]);
    }
    if (sample && mm_measure_timed_faults(&measure, &at, &faults, &why)) {
        fprintf(stream, "%.17g", faults);
    }
    fputc(',', stream);
    write_number(stream, json_object_get(sample, "machine"), "device_busy_ns");
    write_number(stream, json_object_get(sample, "cache"), "resident_share_before");
    write_text(stream, sample, "checksum");
    mm_escape_csv(stream, text_of(json_object_get(launch, "failure"), "reason"));
    fputs("\r\n", stream);
}

void mm_samples_write(FILE *stream, const struct mm_record *record)
{
    size_t index;
    const json_t *launch;
    fputs("name,workload,engine,cache,counting,launch,order,seed,status,started_ns,sample,"
          "iterations,elapsed_ns,cpu_ns,bytes,items,faults,device_busy_ns,resident_share_before,"
          "checksum,failure\r\n",
          stream);
    json_array_foreach(mm_record_launches(record), index, launch)
    {
        const json_t *one = mm_record_case(record, text_of(launch, "case"));
        const json_t *samples = json_object_get(launch, "samples");
        size_t count = json_array_size(samples);
        for (size_t i = 0; i < count || i == 0; i++) {
            write_launch(stream, one, launch);
            if (count > 0) {
                fprintf(stream, "%zu", i);
            }
            fputc(',', stream);
            write_sample(stream, launch, json_array_get(samples, i));
        }
    }
}
