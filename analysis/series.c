/* Reads series and writes them as tables. */
#include "analysis/series.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/report/escape.h"
#include "common/text.h"

int mm_series_lines_over(const struct mm_launch_sample *launches, size_t count,
                         struct mm_series_lines *series)
{
    *series = (struct mm_series_lines){.lines = calloc(count + 1, sizeof *series->lines)};
    if (!series->lines) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *json = json_object_get(launches[i].sample, "series");
        if (json) {
            series->lines[series->count++] = (struct mm_series_line){launches[i].launch, json};
        }
    }
    return 0;
}

void mm_series_lines_release(struct mm_series_lines *series)
{
    free(series->lines);
    *series = (struct mm_series_lines){0};
}

size_t mm_series_points(const json_t *series)
{
    return json_array_size(json_object_get(series, "elapsed_ns"));
}

double mm_series_value(const json_t *series, const char *column, size_t point)
{
    const json_t *value = json_array_get(json_object_get(series, column), point);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

double mm_series_rate(const json_t *series, const char *column, size_t point)
{
    if (point == 0) {
        return NAN;
    }
    double took_ns = mm_series_value(series, "elapsed_ns", point) -
                     mm_series_value(series, "elapsed_ns", point - 1);
    double grew =
        mm_series_value(series, column, point) - mm_series_value(series, column, point - 1);
    return grew / took_ns * 1e9;
}

/* As gnuplot and numpy read what is missing. */
static void write_number(FILE *stream, const char *separator, int digits, double value)
{
    fputs(separator, stream);
    if (isnan(value)) {
        fputs("NaN", stream);
    } else {
        fprintf(stream, "%.*g", digits, value);
    }
}

void mm_series_write_table(FILE *stream, const char *case_name,
                           const struct mm_series_lines *series)
{
    static const char *const columns[] = {
        "bytes",
        "items",
        "minor_faults",
        "major_faults",
        "resident_bytes",
        "dirty_bytes",
        "writeback_bytes",
        "device_read_bytes",
        "device_written_bytes",
    };
    fputs("# ", stream);
    mm_escape_gnuplot_field(stream, case_name);
    fputs("\n# seconds bytes_per_second", stream);
    for (size_t i = 0; i < MM_COUNT_OF(columns); i++) {
        fprintf(stream, " %s", columns[i]);
    }
    fputc('\n', stream);
    for (size_t n = 0; n < series->count; n++) {
        const json_t *json = series->lines[n].json;
        fprintf(stream, "%s# launch %lld\n", n ? "\n\n" : "",
                (long long)json_integer_value(json_object_get(series->lines[n].launch, "index")));
        for (size_t point = 0; point < mm_series_points(json); point++) {
            write_number(stream, "", 12, mm_series_value(json, "elapsed_ns", point) * 1e-9);
            write_number(stream, " ", 9, mm_series_rate(json, "bytes", point));
            for (size_t i = 0; i < MM_COUNT_OF(columns); i++) {
                write_number(stream, " ", 17, mm_series_value(json, columns[i], point));
            }
            fputc('\n', stream);
        }
    }
}
