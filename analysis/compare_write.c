/* A comparison as text, Markdown and JSON. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/compare.h"
#include "analysis/compare_internal.h"
#include "analysis/report/escape.h"
#include "common/units.h"

#define LABEL_LIMIT  44
#define FIGURE_BYTES 96

typedef char *show_function(double value, char *text);

static const char *show_or_dash(bool has, double value, show_function *show, char *text)
{
    return has ? show(value, text) : "-";
}

static void write_ratio(const struct mm_comparison_case *one, char text[FIGURE_BYTES])
{
    if (one->has_ratio) {
        snprintf(text, FIGURE_BYTES, "%.3f", one->ratio);
    } else {
        strcpy(text, "-");
    }
}

static void write_interval(const struct mm_comparison_case *one, char text[FIGURE_BYTES])
{
    if (one->has_interval) {
        snprintf(text, FIGURE_BYTES, "%.3f to %.3f", one->interval.low, one->interval.high);
    } else {
        strcpy(text, "-");
    }
}

/* The least coverage of all intervals, 0 when there is none. */
static double least_coverage(const struct mm_comparison *comparison)
{
    double least = 0;
    for (size_t i = 0; i < comparison->case_count; i++) {
        const struct mm_comparison_case *one = &comparison->cases[i];
        if (one->has_interval && (least == 0 || one->interval.coverage < least)) {
            least = one->interval.coverage;
        }
    }
    return least;
}

static void write_label(FILE *stream, const char *label)
{
    char *shortened = mm_escape_shorten(label, LABEL_LIMIT);
    mm_escape_terminal(stream, shortened);
    for (size_t i = shortened ? mm_escape_length(shortened) : 0; i < LABEL_LIMIT; i++) {
        fputc(' ', stream);
    }
    free(shortened);
}

static void write_text_row(FILE *stream, const struct mm_comparison_case *one)
{
    char rate_a[FIGURE_BYTES];
    char rate_b[FIGURE_BYTES];
    char ratio[FIGURE_BYTES];
    char interval[FIGURE_BYTES];
    char faults_a[FIGURE_BYTES];
    char faults_b[FIGURE_BYTES];
    write_ratio(one, ratio);
    write_interval(one, interval);
    write_label(stream, one->label);
    fprintf(stream, " %11s %11s %7s %16s %5zu/%-4zu %8s %8s  %s\n",
            show_or_dash(one->bytes_per_second.has_a, one->bytes_per_second.a, mm_units_show_rate,
                         rate_a),
            show_or_dash(one->bytes_per_second.has_b, one->bytes_per_second.b, mm_units_show_rate,
                         rate_b),
            ratio, interval, one->launches_a, one->launches_b,
            show_or_dash(one->faults.has_a, one->faults.a, mm_units_show_count, faults_a),
            show_or_dash(one->faults.has_b, one->faults.b, mm_units_show_count, faults_b),
            one->verdict ? one->verdict : "-");
    if (one->missing || one->unjudged) {
        fputs("    ", stream);
        mm_escape_terminal(stream, one->missing ? one->missing : one->unjudged);
        fputc('\n', stream);
    }
}

static void write_text_names(FILE *stream, const char *title, const struct mm_names *names)
{
    if (names->count == 0) {
        return;
    }
    fprintf(stream, "\n%s:\n", title);
    for (size_t i = 0; i < names->count; i++) {
        fputs("  ", stream);
        mm_escape_terminal(stream, names->items[i]);
        fputc('\n', stream);
    }
}

static int finish(FILE *stream)
{
    return fflush(stream) != 0 || ferror(stream) ? -EIO : 0;
}

int mm_comparison_write_text(const struct mm_comparison *comparison, FILE *stream)
{
    fputs("A: ", stream);
    mm_escape_terminal(stream, comparison->run_a);
    fputs("\nB: ", stream);
    mm_escape_terminal(stream, comparison->run_b);
    fputc('\n', stream);
    for (size_t i = 0; i < comparison->warnings.count; i++) {
        fputs("WARNING: ", stream);
        mm_escape_terminal(stream, comparison->warnings.items[i]);
        fputc('\n', stream);
    }
    fprintf(stream, "\n%-*s %11s %11s %7s %16s %10s %8s %8s  %s\n", LABEL_LIMIT, "", "A", "B",
            "ratio", "interval", "n A/B", "faults A", "faults B", "verdict");
    for (size_t i = 0; i < comparison->case_count; i++) {
        write_text_row(stream, &comparison->cases[i]);
    }
    if (comparison->case_count == 0) {
        fputs("The two records have no case in common.\n", stream);
    }
    write_text_names(stream, "Only in A", &comparison->only_in_a);
    write_text_names(stream, "Only in B", &comparison->only_in_b);
    fprintf(stream, "\n%s\n", mm_comparison_method);
    if (least_coverage(comparison) > 0) {
        fprintf(stream, "The intervals here cover with at least %.1f %%.\n",
                100 * least_coverage(comparison));
    }
    return finish(stream);
}

static void write_markdown_cell(FILE *stream, const char *text)
{
    fputc(' ', stream);
    mm_escape_markdown(stream, text);
    fputs(" |", stream);
}

static void write_markdown_row(FILE *stream, const struct mm_comparison_case *one)
{
    char text[FIGURE_BYTES];
    fputc('|', stream);
    write_markdown_cell(stream, one->label);
    write_markdown_cell(stream, show_or_dash(one->bytes_per_second.has_a, one->bytes_per_second.a,
                                             mm_units_show_rate, text));
    write_markdown_cell(stream, show_or_dash(one->bytes_per_second.has_b, one->bytes_per_second.b,
                                             mm_units_show_rate, text));
    write_ratio(one, text);
    write_markdown_cell(stream, text);
    write_interval(one, text);
    write_markdown_cell(stream, text);
    fprintf(stream, " %zu, %zu |", one->launches_a, one->launches_b);
    write_markdown_cell(stream,
                        show_or_dash(one->faults.has_a, one->faults.a, mm_units_show_count, text));
    write_markdown_cell(stream,
                        show_or_dash(one->faults.has_b, one->faults.b, mm_units_show_count, text));
    write_markdown_cell(stream, one->verdict ? one->verdict : "-");
    write_markdown_cell(stream, one->missing ? one->missing : one->unjudged ? one->unjudged : "");
    fputc('\n', stream);
}

static void write_markdown_names(FILE *stream, const char *title, const struct mm_names *names)
{
    if (names->count == 0) {
        return;
    }
    fprintf(stream, "\n%s:\n\n", title);
    for (size_t i = 0; i < names->count; i++) {
        fputs("- ", stream);
        mm_escape_markdown(stream, names->items[i]);
        fputc('\n', stream);
    }
}

int mm_comparison_write_markdown(const struct mm_comparison *comparison, FILE *stream)
{
    fputs("## mapmeter: comparison\n\n- A: ", stream);
    mm_escape_markdown(stream, comparison->run_a);
    fputs("\n- B: ", stream);
    mm_escape_markdown(stream, comparison->run_b);
    fputc('\n', stream);
    for (size_t i = 0; i < comparison->warnings.count; i++) {
        fputs("- **Warning:** ", stream);
        mm_escape_markdown(stream, comparison->warnings.items[i]);
        fputc('\n', stream);
    }
    fputs(
        "\n| case | A, median | B, median | ratio B/A | interval | n | faults per pass A | faults "
        "per pass B | verdict | missing |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- |\n",
        stream);
    for (size_t i = 0; i < comparison->case_count; i++) {
        write_markdown_row(stream, &comparison->cases[i]);
    }
    write_markdown_names(stream, "Only in A", &comparison->only_in_a);
    write_markdown_names(stream, "Only in B", &comparison->only_in_b);
    fprintf(stream, "\n%s", mm_comparison_method);
    if (least_coverage(comparison) > 0) {
        fprintf(stream, " The intervals here cover with at least %.1f %%.",
                100 * least_coverage(comparison));
    }
    fputc('\n', stream);
    return finish(stream);
}

static json_t *number_or_null(bool has, double value)
{
    return has ? json_real(value) : json_null();
}

static json_t *compared_json(const struct mm_compared *figure)
{
    return json_pack("{s:o, s:o}", "a", number_or_null(figure->has_a, figure->a), "b",
                     number_or_null(figure->has_b, figure->b));
}

static json_t *case_json(const struct mm_comparison_case *one)
{
    json_t *interval = one->has_interval
                           ? json_pack("{s:f, s:f, s:f}", "low", one->interval.low, "high",
                                       one->interval.high, "coverage", one->interval.coverage)
                           : json_null();
    return json_pack(
        "{s:s, s:{s:I, s:I}, s:o, s:o, s:o, s:o, s:o, s:s?, s:s?, s:s?}", "name", one->name,
        "launches", "a", (json_int_t)one->launches_a, "b", (json_int_t)one->launches_b,
        "bytes_per_second", compared_json(&one->bytes_per_second), "faults_per_pass",
        compared_json(&one->faults), "bytes_per_fault", compared_json(&one->bytes_per_fault),
        "ratio", number_or_null(one->has_ratio, one->ratio), "interval", interval, "missing",
        one->missing, "verdict", one->verdict, "unjudged", one->unjudged);
}

static json_t *names_json(const struct mm_names *names)
{
    json_t *array = json_array();
    for (size_t i = 0; i < names->count; i++) {
        if (json_array_append_new(array, json_string(names->items[i])) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

json_t *mm_comparison_to_json(const struct mm_comparison *comparison)
{
    json_t *cases = json_array();
    for (size_t i = 0; i < comparison->case_count; i++) {
        if (json_array_append_new(cases, case_json(&comparison->cases[i])) < 0) {
            json_decref(cases);
            return NULL;
        }
    }
    return json_pack("{s:{s:s, s:i}, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "schema", "name",
                     "mapmeter.comparison", "version", 1, "a", comparison->run_a, "b",
                     comparison->run_b, "method", mm_comparison_method, "warnings",
                     names_json(&comparison->warnings), "cases", cases, "only_in_a",
                     names_json(&comparison->only_in_a), "only_in_b",
                     names_json(&comparison->only_in_b));
}
