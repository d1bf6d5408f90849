/* The tables of the page that stand above its plots. */
#include <math.h>
#include <stdlib.h>

#include "analysis/plots/rows.h"
#include "analysis/report/escape.h"
#include "analysis/report/page.h"
#include "analysis/scaling.h"
#include "common/text.h"
#include "common/units.h"

static double median_of(const struct mm_distribution *distribution)
{
    return distribution->count > 0 ? distribution->median : NAN;
}

static double quantile_of(const struct mm_histogram *histogram, double share)
{
    return histogram ? (double)mm_histogram_quantile(histogram, share) : NAN;
}

static void write_median(FILE *stream, const struct mm_distribution *distribution, mm_show *show)
{
    char text[MM_PHRASE_BYTES];
    mm_page_number(stream, mm_phrase_median(distribution, show, text), median_of(distribution));
}

/* Sorted by its lower end. */
static void write_interval(FILE *stream, const struct mm_distribution *distribution, mm_show *show)
{
    char text[MM_PHRASE_BYTES];
    mm_page_number(stream, mm_phrase_interval(distribution, show, text),
                   distribution->has_interval ? distribution->interval.low : NAN);
}

static void write_count(FILE *stream, size_t count)
{
    char text[MM_UNITS_TEXT_BYTES];
    snprintf(text, sizeof text, "%zu", count);
    mm_page_number(stream, text, (double)count);
}

static void write_choice(FILE *stream, const struct mm_summary *summary,
                         const struct mm_choice *choice)
{
    char text[MM_PHRASE_BYTES];
    const struct mm_choice_ratio *lead = &choice->over_next;
    char *best = mm_phrase_engine(choice->best);
    char *next = choice->next ? mm_phrase_engine(choice->next) : NULL;
    fputs("<tr><td class=\"w\">", stream);
    mm_escape_markup(stream, choice->best->group);
    fputs("</td>", stream);
    mm_page_text(stream, choice->best->cache);
    fprintf(stream, "<th scope=\"row\"><a href=\"#case-%zu\">",
            (size_t)(choice->best - summary->cases));
    mm_escape_markup(stream, best ? best : "");
    fputs("</a></th>", stream);
    mm_page_number(stream, mm_phrase_lead(choice, text), choice->next ? lead->ratio : NAN);
    mm_page_number(stream, mm_phrase_ratio_interval(lead, text),
                   lead->has_interval ? lead->interval.low : NAN);
    fputs("<td class=\"w\">", stream);
    mm_escape_markup(stream, next ? next : "-");
    fputs("</td>", stream);
    mm_page_text(stream, mm_phrase_certainty(choice, text));
    mm_page_text(stream, mm_phrase_time(choice->best, text));
    fputs("</tr>\n", stream);
    free(best);
    free(next);
}

void mm_page_choices(FILE *stream, const struct mm_summary *summary,
                     const struct mm_choices *choices)
{
    static const struct mm_page_column columns[] = {
        {"work", false},           {"cache", false},
        {"fastest engine", false}, {"over the next", true},
        {"95 % interval", true},   {"next engine", false},
        {"how sure", false},       {"where its time goes", false},
    };
    if (choices->count == 0) {
        return;
    }
    fputs("<h2 id=\"engines\">Which engine for which work</h2>\n", stream);
    mm_page_table_open(
        stream, "engines",
        "The fastest engine of each work and cache state, and how many times as fast "
        "as the next engine it is. Sure: ahead of every other engine by intervals "
        "that hold for all rows at once. Likely: by intervals that hold for the row "
        "by itself.",
        columns, MM_COUNT_OF(columns), true);
    for (size_t i = 0; i < choices->count; i++) {
        write_choice(stream, summary, &choices->items[i]);
    }
    mm_page_table_close(stream);
}

static void write_state(FILE *stream, const struct mm_summary_case *one)
{
    char text[MM_PHRASE_BYTES];
    fputs(one->failed ? "<td class=\"bad\">" : "<td>", stream);
    mm_escape_markup(stream, mm_phrase_state(one, text));
    fputs("</td></tr>\n", stream);
}

static void write_row(FILE *stream, const struct mm_summary *summary,
                      const struct mm_summary_case *one)
{
    /* A command moves what nobody knows, but takes its time. */
    bool timed = one->bytes_per_second.count == 0 && one->elapsed_ns.count > 0;
    const struct mm_distribution *shown = timed ? &one->elapsed_ns : &one->bytes_per_second;
    mm_show *show = timed ? mm_units_show_duration : mm_units_show_rate;
    char text[MM_PHRASE_BYTES];
    fputs("<tr>", stream);
    mm_page_case(stream, summary, one);
    write_median(stream, shown, show);
    write_interval(stream, shown, show);
    write_count(stream, one->good);
    write_median(stream, &one->faults, mm_units_show_count);
    write_median(stream, &one->bytes_per_fault, mm_units_show_size);
    mm_page_number(stream, mm_phrase_flush(one, 0.5, text), quantile_of(one->flush_ns, 0.5));
    mm_page_number(stream, mm_phrase_flush(one, 0.99, text), quantile_of(one->flush_ns, 0.99));
    write_state(stream, one);
}

void mm_page_throughput(FILE *stream, const struct mm_summary *summary)
{
    static const struct mm_page_column columns[] = {
        {"work", false},           {"case", false},     {"throughput, median", true},
        {"95 % interval", true},   {"n", true},         {"faults per pass", true},
        {"bytes per fault", true}, {"flush p50", true}, {"flush p99", true},
        {"state", false},
    };
    struct mm_plot_rows rows;
    if (mm_plot_rows_make(summary, mm_row_is_throughput, &rows) < 0) {
        return;
    }
    fputs("<h2 id=\"table\">Cases</h2>\n", stream);
    mm_page_table_open(stream, "cases", "Every case; n is its good launches.", columns,
                       MM_COUNT_OF(columns), true);
    for (size_t i = 0; i < rows.count; i++) {
        if (rows.items[i].one) {
            write_row(stream, summary, rows.items[i].one);
        }
    }
    mm_page_table_close(stream);
    mm_plot_rows_release(&rows);
}

/* metric NULL: there is none. */
static void write_metric(FILE *stream, const struct mm_summary *summary,
                         const struct mm_summary_case *one, const struct mm_latency_metric *metric)
{
    const struct mm_histogram *histogram = metric ? metric->histogram : NULL;
    char text[MM_PHRASE_BYTES];
    fputs("<tr>", stream);
    mm_page_case(stream, summary, one);
    mm_page_text(stream, mm_phrase_loop(one, metric, text));
    mm_page_text(stream, metric ? metric->name : "-");
    write_count(stream, histogram ? histogram->count : 0);
    for (size_t i = 0; i < MM_LATENCIES_PERCENTILES; i++) {
        double share = mm_latency_percentiles[i].share;
        mm_page_number(stream, mm_phrase_latency(histogram, share, text),
                       quantile_of(histogram, share));
    }
    write_state(stream, one);
}

enum { LATENCY_COLUMNS = 5 };

static void open_latencies(FILE *stream)
{
    struct mm_page_column columns[LATENCY_COLUMNS + MM_LATENCIES_PERCENTILES + 1] = {
        {"work", false}, {"case", false}, {"loop", false}, {"latency", false}, {"count", true},
    };
    for (size_t i = 0; i < MM_LATENCIES_PERCENTILES; i++) {
        columns[LATENCY_COLUMNS + i] =
            (struct mm_page_column){mm_latency_percentiles[i].name, true};
    }
    columns[MM_COUNT_OF(columns) - 1] = (struct mm_page_column){"state", false};
    fputs("<h2 id=\"latency\">Latency of operations</h2>\n", stream);
    mm_page_table_open(stream, "latencies",
                       "Percentiles over all operations of the good launches of each case.",
                       columns, MM_COUNT_OF(columns), true);
}

void mm_page_latencies(FILE *stream, const struct mm_summary *summary)
{
    struct mm_plot_rows rows;
    if (mm_plot_rows_make(summary, mm_row_is_latency, &rows) < 0) {
        return;
    }
    if (rows.count > 0) {
        open_latencies(stream);
    }
    for (size_t i = 0; i < rows.count; i++) {
        const struct mm_summary_case *one = rows.items[i].one;
        if (one && one->latencies.count == 0) {
            write_metric(stream, summary, one, NULL);
        }
        for (size_t m = 0; one && m < one->latencies.count; m++) {
            write_metric(stream, summary, one, &one->latencies.metrics[m]);
        }
    }
    if (rows.count > 0) {
        mm_page_table_close(stream);
    }
    mm_plot_rows_release(&rows);
}

static void write_point(FILE *stream, const struct mm_summary *summary,
                        const struct mm_scaling_family *family, size_t index)
{
    const struct mm_scaling_point *point = &family->points[index];
    const struct mm_summary_case *one = point->one;
    const struct mm_peer_range *skew = &one->peers.start_skew_ns;
    char text[MM_PHRASE_BYTES];
    fputs("<tr><td class=\"w\">", stream);
    mm_escape_markup(stream, family->name);
    fprintf(stream, "</td><td class=\"n\" data-v=\"%llu\"><a href=\"#case-%zu\">%llu</a></td>",
            (unsigned long long)point->processes, (size_t)(one - summary->cases),
            (unsigned long long)point->processes);
    write_median(stream, &one->bytes_per_second, mm_units_show_rate);
    write_interval(stream, &one->bytes_per_second, mm_units_show_rate);
    write_count(stream, one->good);
    snprintf(text, sizeof text, "%.2f", point->speed_up);
    mm_page_number(stream, text, point->speed_up);
    snprintf(text, sizeof text, "%.0f %%", 100 * point->efficiency);
    mm_page_number(stream, text, point->efficiency);
    mm_page_number(stream, skew->known ? mm_units_show_duration(skew->most, text) : "-",
                   skew->known ? skew->most : NAN);
    fputs("</tr>\n", stream);
}

void mm_page_scaling(FILE *stream, const struct mm_summary *summary)
{
    static const struct mm_page_column columns[] = {
        {"scaling of", false},   {"processes", true},  {"throughput, median", true},
        {"95 % interval", true}, {"n", true},          {"speed-up", true},
        {"efficiency", true},    {"last start", true},
    };
    struct mm_scaling scaling;
    if (mm_scaling_make(summary, &scaling) < 0) {
        return;
    }
    if (scaling.count > 0) {
        fputs("<h2 id=\"scaling\">Scaling</h2>\n", stream);
        mm_page_table_open(stream, "scaling",
                           "Speed-up of the medians over the fewest processes of the same case.",
                           columns, MM_COUNT_OF(columns), true);
    }
    for (size_t i = 0; i < scaling.count; i++) {
        for (size_t p = 0; p < scaling.families[i].count; p++) {
            write_point(stream, summary, &scaling.families[i], p);
        }
    }
    if (scaling.count > 0) {
        mm_page_table_close(stream);
    }
    mm_scaling_release(&scaling);
}
