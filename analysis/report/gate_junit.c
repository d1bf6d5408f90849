/* junit.xml and the annotations of GitHub. */
#include <string.h>

#include "analysis/report/escape.h"
#include "analysis/report/gate_report.h"

/* The worst row of each benchmark comes first; the others of it follow somewhere later. */
static bool is_first_of_benchmark(const struct mm_gate_rows *rows, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(rows->items[i].benchmark, rows->items[index].benchmark) == 0) {
            return false;
        }
    }
    return true;
}

static const char *element_of(const struct mm_gate_row *row)
{
    if (strcmp(row->verdict, "FAILED") == 0) {
        return "error";
    }
    if (strcmp(row->verdict, "REGRESSED") == 0) {
        return "failure";
    }
    return row->rank >= 2 ? "skipped" : NULL;
}

static void write_case(FILE *stream, const struct mm_gate_rows *rows, size_t index)
{
    const struct mm_gate_row *worst = &rows->items[index];
    const char *element = element_of(worst);
    char text[MM_GATE_PHRASE_BYTES];

    fputs("    <testcase classname=\"mapmeter.gate\" name=\"", stream);
    mm_escape_markup(stream, worst->benchmark);
    fputs("\">\n", stream);
    if (element != NULL) {
        fprintf(stream, "      <%s message=\"%s: ", element, worst->verdict);
        mm_escape_markup(stream, mm_gate_phrase_row(worst, text));
        fputs("\"/>\n", stream);
    }
    fputs("      <system-out>", stream);
    for (size_t i = index; i < rows->count; i++) {
        if (strcmp(rows->items[i].benchmark, worst->benchmark) == 0) {
            fprintf(stream, "%s ", rows->items[i].verdict);
            mm_escape_markup(stream, mm_gate_phrase_row(&rows->items[i], text));
            fputc('\n', stream);
        }
    }
    fputs("</system-out>\n    </testcase>\n", stream);
}

void mm_gate_junit_write(FILE *stream, const json_t *document, const struct mm_gate_rows *rows)
{
    const json_t *gate = json_object_get(document, "gate");
    size_t tests = 0;
    size_t failures = 0;
    size_t errors = 0;
    size_t skipped = 0;

    for (size_t i = 0; i < rows->count; i++) {
        const char *element = element_of(&rows->items[i]);
        if (!is_first_of_benchmark(rows, i)) {
            continue;
        }
        tests++;
        failures += element != NULL && strcmp(element, "failure") == 0;
        errors += element != NULL && strcmp(element, "error") == 0;
        skipped += element != NULL && strcmp(element, "skipped") == 0;
    }
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"", stream);
    mm_escape_markup(stream, json_string_value(json_object_get(gate, "suite")));
    fputs("\" timestamp=\"", stream);
    mm_escape_markup(stream, json_string_value(json_object_get(gate, "started_utc")));
    fprintf(stream, "\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\">\n", tests,
            failures, errors, skipped);
    for (size_t i = 0; i < rows->count; i++) {
        if (is_first_of_benchmark(rows, i)) {
            write_case(stream, rows, i);
        }
    }
    fputs("  </testsuite>\n</testsuites>\n", stream);
}

/* What ends a workflow command, or one of its properties, is written by its code. */
static void write_command_text(FILE *stream, const char *text, bool property)
{
    for (; *text != '\0'; text++) {
        bool ends = *text == '%' || (unsigned char)*text < 0x20 ||
                    (property && (*text == ',' || *text == ':'));
        if (ends) {
            fprintf(stream, "%%%02X", (unsigned)(unsigned char)*text);
        } else {
            fputc(*text, stream);
        }
    }
}

static const char *level_of(const struct mm_gate_row *row)
{
    if (row->rank >= 5) {
        return "error";
    }
    return row->rank >= 2 ? "warning" : NULL;
}

void mm_gate_annotations_write(FILE *stream, const json_t *document,
                               const struct mm_gate_rows *rows)
{
    const char *disturbed =
        json_string_value(json_object_get(json_object_get(document, "gate"), "disturbed"));
    char text[MM_GATE_PHRASE_BYTES];
    size_t left = MM_GATE_ANNOTATIONS;

    if (disturbed != NULL) {
        fputs("::warning title=mapmeter gate::", stream);
        write_command_text(stream, disturbed, false);
        fputc('\n', stream);
        left--;
    }
    for (size_t i = 0; i < rows->count && left > 0; i++) {
        const struct mm_gate_row *row = &rows->items[i];
        if (level_of(row) == NULL) {
            continue;
        }
        fprintf(stream, "::%s title=", level_of(row));
        write_command_text(stream, row->verdict, true);
        fputc(' ', stream);
        write_command_text(stream, row->benchmark, true);
        fputs("::", stream);
        write_command_text(stream, mm_gate_phrase_row(row, text), false);
        fputc('\n', stream);
        left--;
    }
}
