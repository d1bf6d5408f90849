/* The table for a terminal. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/plots/rows.h"
#include "analysis/report/emit.h"
#include "analysis/report/escape.h"
#include "analysis/scaling.h"
#include "common/text.h"
#include "common/units.h"

#define FAILURES_SHOWN 3
#define LABEL_LEAST    14
#define LABEL_MOST     40

#define BAR_WIDTH 10

struct painter {
    FILE *stream;
    bool colour;
    double most; /* the highest rate of the group: its bar is the longest */
};

static void paint(const struct painter *painter, const char *sequence)
{
    if (painter->colour) {
        fputs(sequence, painter->stream);
    }
}

static const char bold[] = "\033[1m";
static const char red[] = "\033[31m";
static const char dim[] = "\033[2m";
static const char plain[] = "\033[0m";

/* Padded by characters, not by bytes. */
static void write_label(FILE *stream, const char *label, size_t width)
{
    char *shortened = mm_escape_shorten(label, width);
    mm_escape_terminal(stream, shortened);
    for (size_t i = shortened ? mm_escape_length(shortened) : 0; i < width; i++) {
        fputc(' ', stream);
    }
    free(shortened);
}

/* "-2.1 % +3.3 %", the ends of the interval relative to the median. */
static char *interval_text(const struct mm_distribution *rate, char text[MM_PHRASE_BYTES])
{
    if (rate->count == 0) {
        return strcpy(text, "-");
    }
    if (!rate->has_interval || !(rate->median > 0)) {
        return strcpy(text, "none");
    }
    snprintf(text, MM_PHRASE_BYTES, "%+.1f %% %+.1f %%",
             100 * (rate->interval.low / rate->median - 1),
             100 * (rate->interval.high / rate->median - 1));
    return text;
}

/* What is not as it should be, and the end of the line. */
static void write_state(const struct painter *painter, const struct mm_summary_case *one,
                        const char *state)
{
    FILE *stream = painter->stream;
    if (strcmp(state, "ok") != 0) {
        fputs("  ", stream);
        paint(painter, one->failed ? red : dim);
        fputs(state, stream);
        if (one->skipped) {
            fputs(": ", stream);
            mm_escape_terminal(stream, one->skipped);
        }
        paint(painter, plain);
    }
    fputc('\n', stream);
}

/* " #######   ", as long as the rate is high; blank where there is none. */
static void write_bar(const struct painter *painter, const struct mm_summary_case *one)
{
    const struct mm_distribution *rate = &one->bytes_per_second;
    double share = rate->count > 0 && painter->most > 0 ? rate->median / painter->most : 0;
    int length = (int)lround(share * BAR_WIDTH);
    length = share > 0 && length < 1 ? 1 : length;
    fputc(' ', painter->stream);
    for (int i = 0; i < BAR_WIDTH; i++) {
        fputc(i < length ? '#' : ' ', painter->stream);
    }
}

static void write_case(const struct painter *painter, const struct mm_summary_case *one,
                       size_t width)
{
    FILE *stream = painter->stream;
    char rate[MM_PHRASE_BYTES];
    char interval[MM_PHRASE_BYTES];
    char faults[MM_PHRASE_BYTES];
    char size[MM_PHRASE_BYTES];
    char p50[MM_PHRASE_BYTES];
    char p99[MM_PHRASE_BYTES];
    char state[MM_PHRASE_BYTES];
    /* A command moves what nobody knows, but takes its time. */
    bool timed = one->bytes_per_second.count == 0 && one->elapsed_ns.count > 0;
    const struct mm_distribution *shown = timed ? &one->elapsed_ns : &one->bytes_per_second;
    char *label = mm_plot_row_text(one);
    mm_phrase_state(one, state);
    fputs("  ", stream);
    write_label(stream, label ? label : "", width);
    free(label);
    if (one->good > 0) {
        write_bar(painter, one);
        fprintf(stream, " %11s %17s %4zu %11s %10s %8s %8s",
                mm_phrase_median(shown, timed ? mm_units_show_duration : mm_units_show_rate, rate),
                interval_text(shown, interval), one->good,
                mm_phrase_median(&one->faults, mm_units_show_count, faults),
                mm_phrase_median(&one->bytes_per_fault, mm_units_show_size, size),
                mm_phrase_flush(one, 0.5, p50), mm_phrase_flush(one, 0.99, p99));
    }
    write_state(painter, one, state);
}

static void write_failures(const struct painter *painter, const struct mm_summary *summary)
{
    for (size_t i = 0; i < summary->case_count; i++) {
        const struct mm_summary_case *one = &summary->cases[i];
        if (one->failed == 0) {
            continue;
        }
        fputc('\n', painter->stream);
        paint(painter, red);
        fprintf(painter->stream, "FAILED %zu of %zu: ", one->failed, one->failed + one->good);
        paint(painter, plain);
        mm_escape_terminal(painter->stream, one->name);
        for (size_t n = 0; n < one->failed && n < FAILURES_SHOWN; n++) {
            fprintf(painter->stream, "\n  launch %llu, ",
                    (unsigned long long)one->failures[n].launch_index);
            mm_escape_terminal(painter->stream, one->failures[n].kind);
            fputs(": ", painter->stream);
            mm_escape_terminal(painter->stream, one->failures[n].reason);
        }
        if (one->failed > FAILURES_SHOWN) {
            fprintf(painter->stream, "\n  and %zu more", one->failed - FAILURES_SHOWN);
        }
        fputc('\n', painter->stream);
    }
}

static void write_counter_costs(FILE *stream, const struct mm_summary *summary)
{
    struct mm_counter_costs costs;
    if (mm_counter_costs_make(summary, &costs) < 0) {
        return;
    }
    for (size_t i = 0; i < costs.count; i++) {
        char *line = mm_phrase_counter_cost(&costs.items[i]);
        fputs(i == 0 ? "\n" : "", stream);
        mm_escape_terminal(stream, line ? line : "");
        fputc('\n', stream);
        free(line);
    }
    mm_counter_costs_release(&costs);
}

/* Rates that were not kept: the percentiles above tell of the length of the pass then. */
static void write_schedules(const struct painter *painter, const struct mm_summary *summary)
{
    char text[MM_PHRASE_BYTES];
    for (size_t i = 0; i < summary->case_count; i++) {
        const struct mm_summary_case *one = &summary->cases[i];
        if (!mm_latencies_fell_behind(&one->latencies)) {
            continue;
        }
        fputc('\n', painter->stream);
        paint(painter, red);
        fputs("RATE NOT KEPT, ", painter->stream);
        paint(painter, plain);
        fprintf(painter->stream, "%s: ", mm_phrase_loop(one, NULL, text));
        mm_escape_terminal(painter->stream, one->name);
        fputs("\n  operations were still waiting when the schedule ended; ask for a lower rate\n",
              painter->stream);
    }
}

/* A line for each family: "2 processes 1.94 times, 4 processes 2.10 times". */
static void write_scaling(FILE *stream, const struct mm_summary *summary)
{
    struct mm_scaling scaling;
    if (mm_scaling_make(summary, &scaling) < 0) {
        return;
    }
    for (size_t i = 0; i < scaling.count; i++) {
        const struct mm_scaling_family *family = &scaling.families[i];
        fputs(i == 0 ? "\nSpeed-up of medians with more processes:\n  " : "  ", stream);
        mm_escape_terminal(stream, family->name);
        for (size_t p = 1; p < family->count; p++) {
            fprintf(stream, "%s %llu: %.2f", p > 1 ? "," : ":",
                    (unsigned long long)family->points[p].processes, family->points[p].speed_up);
        }
        fprintf(stream, " (%llu: 1)\n", (unsigned long long)family->points[0].processes);
    }
    mm_scaling_release(&scaling);
}

/* "cold sequential: marray, 1.17 times pread (1.14 to 1.20), sure: ..." */
static void write_choices(const struct painter *painter, const struct mm_choices *choices)
{
    FILE *stream = painter->stream;
    char text[MM_PHRASE_BYTES];
    for (size_t i = 0; i < choices->count; i++) {
        const struct mm_choice *choice = &choices->items[i];
        char *best = mm_phrase_engine(choice->best);
        char *next = choice->next ? mm_phrase_engine(choice->next) : NULL;
        fputs(i == 0 ? "\nWhich engine, over the next one (95 % interval):\n  " : "  ", stream);
        mm_escape_terminal(stream, choice->best->cache);
        fputc(' ', stream);
        mm_escape_terminal(stream, choice->best->group);
        fputs(": ", stream);
        paint(painter, bold);
        mm_escape_terminal(stream, best ? best : "");
        paint(painter, plain);
        if (next) {
            fprintf(stream, ", %s ", mm_phrase_lead(choice, text));
            mm_escape_terminal(stream, next);
        }
        if (choice->over_next.has_interval) {
            fprintf(stream, " (%s)", mm_phrase_ratio_interval(&choice->over_next, text));
        }
        fprintf(stream, ", %s\n", mm_phrase_certainty(choice, text));
        free(best);
        free(next);
    }
}

static size_t label_width(const struct mm_plot_rows *rows)
{
    size_t width = LABEL_LEAST;
    for (size_t i = 0; i < rows->count; i++) {
        char *label = rows->items[i].one ? mm_plot_row_text(rows->items[i].one) : NULL;
        size_t length = label ? mm_escape_length(label) : 0;
        width = length > width ? length : width;
        free(label);
    }
    return width < LABEL_MOST ? width : LABEL_MOST;
}

static void write_metric(FILE *stream, const struct mm_summary_case *one,
                         const struct mm_latency_metric *metric)
{
    char text[MM_PHRASE_BYTES];
    fprintf(stream, " %16s %8s", mm_phrase_loop(one, metric, text), metric->name);
    fprintf(stream, " %9llu", (unsigned long long)metric->histogram->count);
    for (size_t i = 0; i < MM_LATENCIES_PERCENTILES; i++) {
        fprintf(stream, " %8s",
                mm_phrase_latency(metric->histogram, mm_latency_percentiles[i].share, text));
    }
}

/* A line for each of its metrics, the first with the name of the case. */
static void write_latencies(const struct painter *painter, const struct mm_summary_case *one,
                            size_t width)
{
    FILE *stream = painter->stream;
    const struct mm_latencies *latencies = &one->latencies;
    char state[MM_PHRASE_BYTES];
    char *label = mm_plot_row_text(one);
    mm_phrase_state(one, state);
    fputs("  ", stream);
    write_label(stream, label ? label : "", width);
    free(label);
    for (size_t i = 0; i < latencies->count; i++) {
        if (i > 0) {
            fprintf(stream, "\n  %-*s", (int)width, "");
        }
        write_metric(stream, one, &latencies->metrics[i]);
    }
    write_state(painter, one, state);
}

static void write_throughput_head(FILE *stream, size_t width)
{
    fprintf(stream, "  %-*s %11s %17s %4s %11s %10s %8s %8s\n", (int)width + BAR_WIDTH + 1, "",
            "throughput", "95 % interval", "n", "faults/pass", "bytes/flt", "flush50", "flush99");
}

static void write_latency_head(FILE *stream, size_t width)
{
    fprintf(stream, "  %-*s %16s %8s %9s", (int)width, "", "loop", "latency", "count");
    for (size_t i = 0; i < MM_LATENCIES_PERCENTILES; i++) {
        fprintf(stream, " %8s", mm_latency_percentiles[i].name);
    }
    fputc('\n', stream);
}

struct table {
    bool (*keep)(const struct mm_summary_case *one);
    void (*write_head)(FILE *stream, size_t width);
    void (*write_case)(const struct painter *painter, const struct mm_summary_case *one,
                       size_t width);
};

/* Of the cases below the heading that is the index-th row. */
static double most_of_group(const struct mm_plot_rows *rows, size_t index)
{
    double most = 0;
    for (size_t i = index + 1; i < rows->count && rows->items[i].one; i++) {
        const struct mm_distribution *rate = &rows->items[i].one->bytes_per_second;
        most = rate->count > 0 ? fmax(most, rate->median) : most;
    }
    return most;
}

static void write_rows(struct painter *painter, const struct mm_plot_rows *rows,
                       const struct table *table)
{
    size_t width = label_width(rows);
    table->write_head(painter->stream, width);
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->items[i].one) {
            table->write_case(painter, rows->items[i].one, width);
        } else {
            painter->most = most_of_group(rows, i);
            paint(painter, bold);
            mm_escape_terminal(painter->stream, rows->items[i].group);
            paint(painter, plain);
            fputc('\n', painter->stream);
        }
    }
}

void mm_text_write(FILE *stream, const struct mm_summary *summary,
                   const struct mm_findings *findings, bool colour)
{
    static const struct table tables[] = {
        {mm_row_is_throughput, write_throughput_head, write_case},
        {mm_row_is_latency, write_latency_head, write_latencies},
    };
    struct painter painter = {.stream = stream, .colour = colour};
    char *totals = mm_phrase_totals(summary);
    bool any = false;
    for (size_t i = 0; i < MM_COUNT_OF(tables); i++) {
        struct mm_plot_rows rows;
        if (mm_plot_rows_make(summary, tables[i].keep, &rows) < 0) {
            continue;
        }
        if (rows.count > 0) {
            fputs(any ? "\n" : "", stream);
            write_rows(&painter, &rows, &tables[i]);
            any = true;
        }
        mm_plot_rows_release(&rows);
    }
    write_choices(&painter, &findings->choices);
    write_schedules(&painter, summary);
    write_counter_costs(stream, summary);
    write_scaling(stream, summary);
    write_failures(&painter, summary);
    const json_t *run = mm_record_run(summary->record);
    const char *signal = json_string_value(json_object_get(run, "interrupted"));
    fprintf(stream, "\n%s", totals ? totals : "");
    if (signal) {
        fputs("; ended early by ", stream);
        mm_escape_terminal(stream, signal);
    }
    fputc('\n', stream);
    free(totals);
}
