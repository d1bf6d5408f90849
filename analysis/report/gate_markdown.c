/* summary.md of a gate: the page of a job, or a comment on a pull request. */
#include <string.h>

#include "analysis/report/escape.h"
#include "analysis/report/gate_report.h"

static void write_cell(FILE *stream, const char *text)
{
    fputc(' ', stream);
    mm_escape_markdown(stream, text);
    fputs(" |", stream);
}

static void write_row(FILE *stream, const struct mm_gate_row *row)
{
    char text[MM_GATE_PHRASE_BYTES];

    fputs("|", stream);
    write_cell(stream, row->verdict);
    write_cell(stream, row->benchmark);
    write_cell(stream, row->metric);
    write_cell(stream, mm_gate_phrase_value(row, row->base, text));
    write_cell(stream, mm_gate_phrase_value(row, row->head, text));
    write_cell(stream, row->failure != NULL ? row->failure : mm_gate_phrase_effect(row, text));
    fprintf(stream, " %.2g | %.2g |", row->p_adjusted, row->p_sign);
    write_cell(stream, mm_gate_phrase_noise(row, text));
    write_cell(stream, mm_gate_phrase_detectable(row, text));
    fprintf(stream, " %zu |\n", row->pairs);
}

static const char table_head[] =
    "\n| verdict | benchmark | metric | base | head | head over base (interval) | p | sign test | "
    "noise | finds | pairs |\n"
    "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";

/* The rows that passed, or all others. */
static void write_table(FILE *stream, const struct mm_gate_rows *rows, bool passed)
{
    bool any = false;

    for (size_t i = 0; i < rows->count; i++) {
        if ((rows->items[i].rank == 0) == passed) {
            fputs(any ? "" : table_head, stream);
            any = true;
            write_row(stream, &rows->items[i]);
        }
    }
}

static void write_side(FILE *stream, const json_t *gate, const char *name)
{
    const json_t *side = json_object_get(gate, name);

    fprintf(stream, "%s: ", name);
    mm_escape_markdown(stream, json_string_value(json_object_get(side, "given")));
}

void mm_gate_markdown_write(FILE *stream, const json_t *document, const struct mm_gate_rows *rows)
{
    const json_t *gate = json_object_get(document, "gate");
    const json_t *settings = json_object_get(gate, "settings");
    const json_t *environment = json_object_get(document, "environment");
    const char *disturbed = json_string_value(json_object_get(gate, "disturbed"));
    char text[MM_GATE_PHRASE_BYTES];

    fputs("## mapmeter gate\n\n**", stream);
    mm_escape_markdown(stream, mm_gate_phrase_whole(document, rows, text));
    fputs("**\n\n", stream);
    if (disturbed != NULL) {
        mm_escape_markdown(stream, disturbed);
        fputs("\n\n", stream);
    }
    fputs("Suite ", stream);
    mm_escape_markdown(stream, json_string_value(json_object_get(gate, "suite")));
    fputs("; ", stream);
    write_side(stream, gate, "base");
    fputs("; ", stream);
    write_side(stream, gate, "head");
    fputs("; on ", stream);
    mm_escape_markdown(stream, json_string_value(json_object_get(environment, "cpu_model")));
    fputs(".\n", stream);
    write_table(stream, rows, false);
    if (rows->verdicts[0] > 0) {
        fprintf(stream, "\n<details><summary>%zu passed</summary>\n", rows->verdicts[0]);
        write_table(stream, rows, true);
        fputs("\n</details>\n", stream);
    }
    fprintf(stream,
            "\nEach pair is a fresh launch of base and of head on one core, in random order. The "
            "estimate is that of Hodges and Lehmann with its %.0f %% interval; p is the one-sided "
            "signed rank probability of no regression beyond the margin, corrected for the number "
            "of verdicts (",
            100 * json_number_value(json_object_get(settings, "coverage")));
    mm_escape_markdown(stream, json_string_value(json_object_get(settings, "correction")));
    fprintf(stream,
            ", level %g). \"noise\" is the standard deviation of the "
            "scores, \"finds\" the smallest effect that would be found with a "
            "probability of %.0f %%.\n",
            json_number_value(json_object_get(settings, "level")),
            100 * json_number_value(json_object_get(settings, "power")));
}
