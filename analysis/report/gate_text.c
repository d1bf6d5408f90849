/* The table of verdicts for a terminal. */
#include <stdlib.h>
#include <string.h>

#include "analysis/report/escape.h"
#include "analysis/report/gate_report.h"

static const char *colour_of(const struct mm_gate_row *row)
{
    static const char *const colours[] = {"",         "\033[32m", "\033[33m", "\033[33m",
                                          "\033[33m", "\033[31m", "\033[31m"};
    return colours[row->rank];
}

/* Counts that passed say nothing new beside the time of the same benchmark. */
static bool is_shown(const struct mm_gate_row *row)
{
    return row->rank > 0 || strcmp(row->metric, "time") == 0 ||
           strcmp(row->metric, "cold_time") == 0;
}

static void write_row(FILE *stream, const struct mm_gate_row *row, bool colour)
{
    char effect[MM_GATE_PHRASE_BYTES];
    char detectable[MM_GATE_PHRASE_BYTES];
    char noise[MM_GATE_PHRASE_BYTES];

    fprintf(stream, "%s%-12s%s  %-33s  %6s  %6s  %5zu  %-13s  ", colour ? colour_of(row) : "",
            row->verdict, colour && colour_of(row)[0] != '\0' ? "\033[0m" : "",
            mm_gate_phrase_effect(row, effect), mm_gate_phrase_noise(row, noise),
            mm_gate_phrase_detectable(row, detectable), row->pairs, row->metric);
    mm_escape_terminal(stream, row->benchmark);
    fputc('\n', stream);
    if (row->failure != NULL) {
        fputs("              ", stream);
        mm_escape_terminal(stream, mm_gate_phrase_row(row, effect));
        fputc('\n', stream);
    }
}

void mm_gate_text_write(FILE *stream, const json_t *document, const struct mm_gate_rows *rows,
                        bool colour)
{
    char text[MM_GATE_PHRASE_BYTES];
    size_t hidden = 0;
    const char *disturbed =
        json_string_value(json_object_get(json_object_get(document, "gate"), "disturbed"));

    fprintf(stream, "%-12s  %-33s  %6s  %6s  %5s  %-13s  %s\n", "verdict",
            "head over base (interval)", "noise", "finds", "pairs", "metric", "benchmark");
    for (size_t i = 0; i < rows->count; i++) {
        if (is_shown(&rows->items[i])) {
            write_row(stream, &rows->items[i], colour);
        } else {
            hidden++;
        }
    }
    if (hidden > 0) {
        fprintf(stream, "%zu more metrics passed.\n", hidden);
    }
    if (disturbed != NULL) {
        mm_escape_terminal(stream, disturbed);
        fputc('\n', stream);
    }
    fprintf(stream, "\n%s\n", mm_gate_phrase_whole(document, rows, text));
}
