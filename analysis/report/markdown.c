/* summary.md: what a pull request or a job's page shows. */
#include <stdlib.h>

#include "analysis/plots/rows.h"
#include "analysis/report/emit.h"
#include "analysis/report/escape.h"
#include "analysis/scaling.h"
#include "common/units.h"

static void write_cell(FILE *stream, const char *text)
{
    fputs(" ", stream);
    mm_escape_markdown(stream, text);
    fputs(" |", stream);
}

static void write_row(FILE *stream, const struct mm_summary_case *one)
{
    /* A command moves what nobody knows, but takes its time. */
    bool timed = one->bytes_per_second.count == 0 && one->elapsed_ns.count > 0;
    const struct mm_distribution *shown = timed ? &one->elapsed_ns : &one->bytes_per_second;
    mm_show *show = timed ? mm_units_show_duration : mm_units_show_rate;
    char text[MM_PHRASE_BYTES];
    char *row = mm_plot_row_text(one);
    fputs("|", stream);
    write_cell(stream, one->group);
    write_cell(stream, row);
    write_cell(stream, mm_phrase_median(shown, show, text));
    write_cell(stream, mm_phrase_interval(shown, show, text));
    fprintf(stream, " %zu |", one->good);
    write_cell(stream, mm_phrase_median(&one->faults, mm_units_show_count, text));
    write_cell(stream, mm_phrase_median(&one->bytes_per_fault, mm_units_show_size, text));
    write_cell(stream, mm_phrase_flush(one, 0.5, text));
    write_cell(stream, mm_phrase_flush(one, 0.99, text));
    write_cell(stream, mm_phrase_state(one, text));
    fputc('\n', stream);
    free(row);
}

static void write_table(FILE *stream, const struct mm_summary *summary)
{
    struct mm_plot_rows rows;
    if (mm_plot_rows_make(summary, mm_row_is_throughput, &rows) < 0) {
        return;
    }
    if (rows.count == 0) {
        mm_plot_rows_release(&rows);
        return;
    }
    fputs("\n| work | case | throughput, median | 95 % interval | n | faults per pass | bytes per "
          "fault | flush p50 | flush p99 | state |\n"
          "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n",
          stream);
    for (size_t i = 0; i < rows.count; i++) {
        if (rows.items[i].one) {
            write_row(stream, rows.items[i].one);
        }
    }
    mm_plot_rows_release(&rows);
}

static void write_choice(FILE *stream, const struct mm_choice *choice)
{
    char text[MM_PHRASE_BYTES];
    char *best = mm_phrase_engine(choice->best);
    char *next = choice->next ? mm_phrase_engine(choice->next) : NULL;
    fputs("|", stream);
    write_cell(stream, choice->best->group);
    write_cell(stream, choice->best->cache);
    write_cell(stream, best);
    write_cell(stream, mm_phrase_lead(choice, text));
    write_cell(stream, mm_phrase_ratio_interval(&choice->over_next, text));
    write_cell(stream, next ? next : "-");
    write_cell(stream, mm_phrase_certainty(choice, text));
    fputc('\n', stream);
    free(best);
    free(next);
}

static void write_choices(FILE *stream, const struct mm_choices *choices)
{
    if (choices->count > 0) {
        fputs("\n| work | cache | fastest engine | over the next | 95 % interval | next engine | "
              "how sure |\n| --- | --- | --- | ---: | ---: | --- | --- |\n",
              stream);
    }
    for (size_t i = 0; i < choices->count; i++) {
        write_choice(stream, &choices->items[i]);
    }
}

static void write_metric(FILE *stream, const struct mm_summary_case *one,
                         const struct mm_latency_metric *metric)
{
    char text[MM_PHRASE_BYTES];
    char *row = mm_plot_row_text(one);
    fputs("|", stream);
    write_cell(stream, one->group);
    write_cell(stream, row);
    write_cell(stream, mm_phrase_loop(one, metric, text));
    write_cell(stream, metric ? metric->name : "-");
    fprintf(stream, " %llu |", metric ? (unsigned long long)metric->histogram->count : 0);
    for (size_t i = 0; i < MM_LATENCIES_PERCENTILES; i++) {
        write_cell(stream, mm_phrase_latency(metric ? metric->histogram : NULL,
                                             mm_latency_percentiles[i].share, text));
    }
    write_cell(stream, mm_phrase_state(one, text));
    fputc('\n', stream);
    free(row);
}

static bool has_latencies(const struct mm_summary_case *one)
{
    return mm_row_is_latency(one) || one->latencies.count > 0;
}

static void write_latencies(FILE *stream, const struct mm_summary *summary)
{
    struct mm_plot_rows rows;
    if (mm_plot_rows_make(summary, has_latencies, &rows) < 0) {
        return;
    }
    if (rows.count > 0) {
        fputs("\n| work | case | loop | latency | count | p50 | p90 | p99 | p99.9 | max | state |\n"
              "| --- | --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n",
              stream);
    }
    for (size_t i = 0; i < rows.count; i++) {
        const struct mm_summary_case *one = rows.items[i].one;
        if (one && one->latencies.count == 0) {
            write_metric(stream, one, NULL);
        }
        for (size_t m = 0; one && m < one->latencies.count; m++) {
            write_metric(stream, one, &one->latencies.metrics[m]);
        }
    }
    mm_plot_rows_release(&rows);
}

static void write_scaling(FILE *stream, const struct mm_summary *summary)
{
    struct mm_scaling scaling;
    char text[MM_PHRASE_BYTES];
    if (mm_scaling_make(summary, &scaling) < 0) {
        return;
    }
    fputs(scaling.count == 0
              ? ""
              : "\n| scaling of | processes | throughput, median | 95 % interval | n | speed-up | "
                "efficiency |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
          stream);
    for (size_t i = 0; i < scaling.count; i++) {
        for (size_t p = 0; p < scaling.families[i].count; p++) {
            const struct mm_scaling_point *point = &scaling.families[i].points[p];
            const struct mm_distribution *rate = &point->one->bytes_per_second;
            fputs("|", stream);
            write_cell(stream, scaling.families[i].name);
            fprintf(stream, " %llu |", (unsigned long long)point->processes);
            write_cell(stream, mm_phrase_median(rate, mm_units_show_rate, text));
            write_cell(stream, mm_phrase_interval(rate, mm_units_show_rate, text));
            fprintf(stream, " %zu | %.2f | %.0f %% |\n", point->one->good, point->speed_up,
                    100 * point->efficiency);
        }
    }
    mm_scaling_release(&scaling);
}

static void write_item(FILE *stream, const char *line)
{
    fputs("- ", stream);
    mm_escape_markdown(stream, line);
    fputc('\n', stream);
}

static void write_plots(FILE *stream, const struct mm_plots *plots)
{
    fputs("\n### Plots\n\n", stream);
    for (int kind = 0; kind < MM_PLOT_COUNT; kind++) {
        const struct mm_plot *plot = &plots->plots[kind];
        if (plot->svg) {
            fprintf(stream, "- [%s](plots/%s.svg): ", plot->title, plot->name);
            mm_escape_markdown(stream, plot->alternative);
        } else {
            fprintf(stream, "- %s: no picture. ", plot->title);
            mm_escape_markdown(stream, plot->why_missing);
        }
        fputc('\n', stream);
    }
}

/* A command may hold backticks: the fence is longer than any run of them. */
static void write_command(FILE *stream, const char *command)
{
    size_t longest = 2;
    size_t run = 0;
    for (const char *at = command; *at; at++) {
        run = *at == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    fputs("\nThe command:\n\n", stream);
    for (size_t i = 0; i <= longest; i++) {
        fputc('`', stream);
    }
    fputc('\n', stream);
    mm_escape_terminal(stream, command);
    fputc('\n', stream);
    for (size_t i = 0; i <= longest; i++) {
        fputc('`', stream);
    }
    fputc('\n', stream);
}

void mm_markdown_write(FILE *stream, const struct mm_summary *summary,
                       const struct mm_findings *findings, const struct mm_plots *plots,
                       const struct mm_report_links *links)
{
    const json_t *run = mm_record_run(summary->record);
    char *totals = mm_phrase_totals(summary);
    char *command = mm_phrase_command(summary);
    fputs("## mapmeter: ", stream);
    mm_escape_markdown(stream, json_string_value(json_object_get(run, "suite")));
    fputs("\n\n", stream);
    mm_escape_markdown(stream, totals);
    fputs(".\n\n", stream);
    for (size_t i = 0; i < findings->count; i++) {
        fputs(findings->items[i].is_bad ? "- **Attention:** " : "- ", stream);
        mm_escape_markdown(stream, findings->items[i].text);
        fputc('\n', stream);
    }
    write_choices(stream, &findings->choices);
    write_table(stream, summary);
    write_latencies(stream, summary);
    write_scaling(stream, summary);
    if (plots) {
        write_plots(stream, plots);
    }
    fputs("\n### Method\n\n", stream);
    mm_phrase_method(summary, write_item, stream);
    write_command(stream, command ? command : "");
    if (links->count > 0) {
        fputs("\nRaw data:", stream);
        for (size_t i = 0; i < links->count; i++) {
            fprintf(stream, "%s [%s](%s)", i ? "," : "", links->names[i], links->names[i]);
        }
        fputc('\n', stream);
    }
    free(command);
    free(totals);
}
