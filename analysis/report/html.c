/* The page: one file, no script, no network. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/plots/rows.h"
#include "analysis/report/emit.h"
#include "analysis/report/escape.h"
#include "analysis/scaling.h"
#include "common/text.h"
#include "common/units.h"

/* Nothing may be loaded or run, whatever a name in the record says. */
static const char head[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'; img-src data:\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n";

static const char style[] =
    "<style>\n"
    ":root{color-scheme:light dark;--text:#1d2329;--dim:#59636e;--ground:#ffffff;--panel:#f4f6f8;"
    "--line:#c9d1d9;--link:#0a5cad;--bad:#a3320b}\n"
    "@media(prefers-color-scheme:dark){:root{--text:#dfe5ea;--dim:#9ba7b3;--ground:#14181d;"
    "--panel:#1d232a;--line:#3b444e;--link:#7db8f2;--bad:#ff9a70}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;max-width:66rem;padding:1rem;color:var(--text);background:var(--ground);"
    "font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}\n"
    "h1{font-size:1.6rem;line-height:1.2;margin:.5rem 0}h2{font-size:1.25rem;margin:2rem 0 .5rem;"
    "border-bottom:1px solid var(--line)}h3{font-size:1.05rem;margin:1.5rem 0 .25rem}\n"
    "a{color:var(--link)}.dim{color:var(--dim)}.bad{color:var(--bad);font-weight:600}\n"
    "code,pre{font:.875em/1.4 ui-monospace,monospace}pre{background:var(--panel);padding:.5rem;"
    "white-space:pre-wrap}\n"
    ".scroll{overflow-x:auto}\n"
    "table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:.15rem .6rem .15rem 0;text-align:left;vertical-align:top;"
    "border-bottom:1px solid var(--line);overflow-wrap:normal}\n"
    "td.n,th.n{text-align:right;white-space:nowrap}tr.group th{padding-top:.9rem}\n"
    "th.group{overflow-wrap:anywhere;max-width:60ch}\n"
    "td:first-child{min-width:9rem;max-width:22rem;overflow-wrap:anywhere}\n"
    "figure{margin:1rem 0}figure svg{display:block;min-width:43rem;width:100%;height:auto}\n"
    "figcaption{color:var(--dim);font-size:.875rem}\n"
    "dl{display:grid;grid-template-columns:minmax(8rem,max-content) 1fr;gap:.1rem "
    "1rem;margin:.5rem 0;"
    "font-size:.875rem}dt{color:var(--dim)}dd{margin:0;min-width:0}\n"
    "@media(max-width:30rem){body{padding:.6rem;font-size:15px}dl{grid-template-columns:1fr;gap:0}"
    "dd{margin-bottom:.4rem}}\n"
    "@media print{:root{--text:#000;--dim:#444;--ground:#fff;--panel:#fff;--line:#999;--link:#000;"
    "--bad:#000;color-scheme:light}body{max-width:none;font-size:10pt}.scroll{overflow:visible}"
    "figure svg{min-width:0}tr,h2,h3,dl{break-inside:avoid}h2,h3{break-after:avoid}"
    "table{font-size:8pt}}\n"
    "</style>\n";

static void write_cell(FILE *stream, const char *text)
{
    fputs("<td class=\"n\">", stream);
    mm_escape_markup(stream, text);
    fputs("</td>", stream);
}

static void write_term(FILE *stream, const char *name, const char *value)
{
    fputs("<dt>", stream);
    mm_escape_markup(stream, name);
    fputs("</dt><dd>", stream);
    mm_escape_markup(stream, value);
    fputs("</dd>\n", stream);
}

static const char *run_text(const struct mm_summary *summary, const char *name)
{
    const char *text = json_string_value(json_object_get(mm_record_run(summary->record), name));
    return text ? text : "";
}

static void write_heading(FILE *stream, const struct mm_summary *summary)
{
    const json_t *environment = mm_record_environment(summary->record);
    const char *host = json_string_value(json_object_get(environment, "hostname"));
    char *totals = mm_phrase_totals(summary);
    fputs(head, stream);
    fputs("<title>", stream);
    mm_escape_markup(stream, run_text(summary, "suite"));
    fputs(" - mapmeter</title>\n", stream);
    fputs(style, stream);
    fputs("</head>\n<body>\n<h1>mapmeter: ", stream);
    mm_escape_markup(stream, run_text(summary, "suite"));
    fputs("</h1>\n<p>", stream);
    mm_escape_markup(stream, run_text(summary, "purpose"));
    fputs("</p>\n<p class=\"dim\">", stream);
    mm_escape_markup(stream, totals ? totals : "");
    fputs(". On ", stream);
    mm_escape_markup(stream, host ? host : "an unknown host");
    fputs(", ", stream);
    mm_escape_markup(stream, run_text(summary, "started_utc"));
    fputs(", run ", stream);
    mm_escape_markup(stream, run_text(summary, "id"));
    fputs(".</p>\n", stream);
    free(totals);
}

static void write_findings(FILE *stream, const struct mm_findings *findings)
{
    fputs("<h2 id=\"findings\">Findings</h2>\n<ul>\n", stream);
    for (size_t i = 0; i < findings->count; i++) {
        fputs(findings->items[i].is_bad ? "<li class=\"bad\">Attention: " : "<li>", stream);
        mm_escape_markup(stream, findings->items[i].text);
        fputs("</li>\n", stream);
    }
    if (findings->count == 0) {
        fputs("<li>Nothing was measured.</li>\n", stream);
    }
    fputs("</ul>\n", stream);
}

/* The cell that names a case and leads to what is said of it below. */
static void write_name(FILE *stream, const struct mm_summary *summary,
                       const struct mm_summary_case *one)
{
    fprintf(stream, "<tr><td><a href=\"#case-%zu\">", (size_t)(one - summary->cases));
    mm_escape_markup(stream, one->cache);
    fputc(' ', stream);
    mm_escape_markup(stream, one->engine);
    fputs("</a> ", stream);
    mm_escape_markup(stream, one->variant);
    fputs("</td>", stream);
}

static void write_case_state(FILE *stream, const struct mm_summary_case *one)
{
    char text[MM_PHRASE_BYTES];
    fputs(one->failed ? "<td class=\"bad\">" : "<td>", stream);
    mm_escape_markup(stream, mm_phrase_state(one, text));
    fputs("</td></tr>\n", stream);
}

static void write_group(FILE *stream, const char *group, unsigned columns)
{
    fprintf(stream, "<tr class=\"group\"><th class=\"group\" colspan=\"%u\">", columns);
    mm_escape_markup(stream, group);
    fputs("</th></tr>\n", stream);
}

static void write_row(FILE *stream, const struct mm_summary *summary,
                      const struct mm_summary_case *one)
{
    /* A command moves what nobody knows, but takes its time. */
    bool timed = one->bytes_per_second.count == 0 && one->elapsed_ns.count > 0;
    const struct mm_distribution *shown = timed ? &one->elapsed_ns : &one->bytes_per_second;
    mm_show *show = timed ? mm_units_show_duration : mm_units_show_rate;
    char text[MM_PHRASE_BYTES];
    write_name(stream, summary, one);
    write_cell(stream, mm_phrase_median(shown, show, text));
    write_cell(stream, mm_phrase_interval(shown, show, text));
    fprintf(stream, "<td class=\"n\">%zu</td>", one->good);
    write_cell(stream, mm_phrase_median(&one->faults, mm_units_show_count, text));
    write_cell(stream, mm_phrase_median(&one->bytes_per_fault, mm_units_show_size, text));
    write_cell(stream, mm_phrase_flush(one, 0.5, text));
    write_cell(stream, mm_phrase_flush(one, 0.99, text));
    write_case_state(stream, one);
}

static void write_table(FILE *stream, const struct mm_summary *summary)
{
    struct mm_plot_rows rows;
    if (mm_plot_rows_make(summary, mm_row_is_throughput, &rows) < 0) {
        return;
    }
    fputs("<h2 id=\"table\">Cases</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>case</th>"
          "<th class=\"n\">throughput, median</th><th class=\"n\">95&nbsp;% interval</th>"
          "<th class=\"n\">n</th><th class=\"n\">faults per pass</th>"
          "<th class=\"n\">bytes per fault</th><th class=\"n\">flush p50</th>"
          "<th class=\"n\">flush p99</th><th>state</th></tr></thead>\n<tbody>\n",
          stream);
    for (size_t i = 0; i < rows.count; i++) {
        if (rows.items[i].one) {
            write_row(stream, summary, rows.items[i].one);
        } else {
            write_group(stream, rows.items[i].group, 9);
        }
    }
    fputs("</tbody></table></div>\n", stream);
    mm_plot_rows_release(&rows);
}

/* metric NULL: there is none. */
static void write_metric(FILE *stream, const struct mm_summary *summary,
                         const struct mm_summary_case *one, const struct mm_latency_metric *metric)
{
    const struct mm_histogram *histogram = metric ? metric->histogram : NULL;
    char text[MM_PHRASE_BYTES];
    write_name(stream, summary, one);
    write_cell(stream, mm_phrase_loop(one, metric, text));
    fprintf(stream, "<td>%s</td>", metric ? metric->name : "-");
    fprintf(stream, "<td class=\"n\">%llu</td>",
            histogram ? (unsigned long long)histogram->count : 0);
    for (size_t i = 0; i < MM_LATENCIES_PERCENTILES; i++) {
        write_cell(stream, mm_phrase_latency(histogram, mm_latency_percentiles[i].share, text));
    }
    write_case_state(stream, one);
}

static void write_latency_table(FILE *stream, const struct mm_summary *summary)
{
    struct mm_plot_rows rows;
    if (mm_plot_rows_make(summary, mm_row_is_latency, &rows) < 0) {
        return;
    }
    if (rows.count > 0) {
        fputs("<h2 id=\"latency\">Latency of operations</h2>\n<div class=\"scroll\"><table>\n"
              "<thead><tr><th>case</th><th class=\"n\">loop</th><th>latency</th>"
              "<th class=\"n\">count</th>",
              stream);
        for (size_t i = 0; i < MM_LATENCIES_PERCENTILES; i++) {
            fprintf(stream, "<th class=\"n\">%s</th>", mm_latency_percentiles[i].name);
        }
        fputs("<th>state</th></tr></thead>\n<tbody>\n", stream);
    }
    for (size_t i = 0; i < rows.count; i++) {
        const struct mm_summary_case *one = rows.items[i].one;
        if (!one) {
            write_group(stream, rows.items[i].group, 5 + MM_LATENCIES_PERCENTILES);
            continue;
        }
        if (one->latencies.count == 0) {
            write_metric(stream, summary, one, NULL);
        }
        for (size_t m = 0; m < one->latencies.count; m++) {
            write_metric(stream, summary, one, &one->latencies.metrics[m]);
        }
    }
    fputs(rows.count > 0 ? "</tbody></table></div>\n" : "", stream);
    mm_plot_rows_release(&rows);
}

static void write_scaling_point(FILE *stream, const struct mm_summary *summary,
                                const struct mm_scaling_point *point)
{
    char text[MM_PHRASE_BYTES];
    const struct mm_summary_case *one = point->one;
    const struct mm_peer_spread *peers = &one->peers;
    fprintf(stream, "<tr><td><a href=\"#case-%zu\">%llu</a></td>", (size_t)(one - summary->cases),
            (unsigned long long)point->processes);
    write_cell(stream, mm_phrase_median(&one->bytes_per_second, mm_units_show_rate, text));
    write_cell(stream, mm_phrase_interval(&one->bytes_per_second, mm_units_show_rate, text));
    fprintf(stream, "<td class=\"n\">%zu</td><td class=\"n\">%.2f</td><td class=\"n\">%.0f %%</td>",
            one->good, point->speed_up, 100 * point->efficiency);
    write_cell(stream, peers->start_skew_ns.known
                           ? mm_units_show_duration(peers->start_skew_ns.most, text)
                           : "-");
    fputs("</tr>\n", stream);
}

static void write_scaling(FILE *stream, const struct mm_summary *summary)
{
    struct mm_scaling scaling;
    if (mm_scaling_make(summary, &scaling) < 0) {
        return;
    }
    for (size_t i = 0; i < scaling.count; i++) {
        const struct mm_scaling_family *family = &scaling.families[i];
        fputs(i > 0 ? ""
                    : "<h2 id=\"scaling\">Scaling</h2>\n<div class=\"scroll\"><table>\n<thead><tr>"
                      "<th>processes</th><th class=\"n\">throughput, median</th>"
                      "<th class=\"n\">95&nbsp;% interval</th><th class=\"n\">n</th>"
                      "<th class=\"n\">speed-up</th><th class=\"n\">efficiency</th>"
                      "<th class=\"n\">last start</th></tr></thead>\n<tbody>\n",
              stream);
        write_group(stream, family->name, 7);
        for (size_t p = 0; p < family->count; p++) {
            write_scaling_point(stream, summary, &family->points[p]);
        }
    }
    fputs(scaling.count > 0 ? "</tbody></table></div>\n" : "", stream);
    mm_scaling_release(&scaling);
}

static void write_plots(FILE *stream, const struct mm_plots *plots)
{
    fputs("<h2 id=\"plots\">Plots</h2>\n", stream);
    for (int kind = 0; kind < MM_PLOT_COUNT; kind++) {
        const struct mm_plot *plot = &plots->plots[kind];
        fprintf(stream, "<figure id=\"plot-%s\">\n", plot->name);
        if (plot->svg) {
            fputs("<div class=\"scroll\">", stream);
            mm_svg_inline(stream, plot->svg, plot->name, plot->alternative);
            fputs("</div>\n", stream);
        } else {
            fprintf(stream, "<p class=\"%s\">%s: no picture. ", plot->script ? "bad" : "dim",
                    plot->title);
            mm_escape_markup(stream, plot->why_missing);
            fputs("</p>\n", stream);
        }
        fputs("<figcaption>", stream);
        mm_escape_markup(stream, plot->alternative);
        if (plot->script) {
            fprintf(stream, " Drawn from <code>plots/%s.dat</code> by <code>plots/%s.gp</code>.",
                    plot->name, plot->name);
        }
        fputs("</figcaption>\n</figure>\n", stream);
    }
}

static void write_figure(FILE *stream, const char *name, const struct mm_distribution *figure,
                         mm_show *show)
{
    char median[MM_PHRASE_BYTES];
    char interval[MM_PHRASE_BYTES];
    char *text;
    if (figure->count == 0) {
        text = mm_text_format("not known: %s", figure->why);
    } else if (figure->has_interval) {
        text = mm_text_format("%s (%s, covers with %.1f %%, n %zu)",
                              mm_phrase_median(figure, show, median),
                              mm_phrase_interval(figure, show, interval),
                              100 * figure->interval.coverage, figure->count);
    } else {
        text = mm_text_format("%s (%s)", mm_phrase_median(figure, show, median),
                              mm_phrase_interval(figure, show, interval));
    }
    write_term(stream, name, text ? text : "");
    free(text);
}

static void write_launches(FILE *stream, const struct mm_distribution *rate)
{
    char text[MM_UNITS_TEXT_BYTES];
    if (rate->count == 0) {
        return;
    }
    fputs("<dt>each launch, sorted</dt><dd>", stream);
    for (size_t i = 0; i < rate->count; i++) {
        fprintf(stream, "%s%s", i ? ", " : "", mm_units_show_rate(rate->values[i], text));
    }
    fputs("</dd>\n", stream);
}

static void write_latencies(FILE *stream, const struct mm_latencies *latencies)
{
    char text[MM_PHRASE_BYTES];
    for (size_t m = 0; m < latencies->count; m++) {
        const struct mm_latency_metric *metric = &latencies->metrics[m];
        fprintf(stream, "<dt>%s latency</dt><dd>", metric->name);
        for (size_t i = 0; i < MM_LATENCIES_PERCENTILES; i++) {
            fprintf(stream, "%s%s %s", i ? ", " : "", mm_latency_percentiles[i].name,
                    mm_phrase_latency(metric->histogram, mm_latency_percentiles[i].share, text));
        }
        fprintf(stream, " (n %llu)</dd>\n", (unsigned long long)metric->histogram->count);
    }
    if (latencies->rate > 0 && latencies->operations > 0) {
        fprintf(stream,
                "<dt>open loop</dt><dd>%llu operations, %.6g of %llu a second; %llu began late, "
                "the latest by %s; of them %llu had to wait for others</dd>\n",
                (unsigned long long)latencies->operations, latencies->achieved_rate,
                (unsigned long long)latencies->rate, (unsigned long long)latencies->late,
                mm_units_show_duration((double)latencies->most_late_ns, text),
                (unsigned long long)latencies->queued);
    }
}

static void write_facts(FILE *stream, const char *name, const struct mm_facts *facts)
{
    if (facts->count == 0) {
        return;
    }
    fputs("<dt>", stream);
    mm_escape_markup(stream, name);
    fputs("</dt><dd>", stream);
    for (size_t i = 0; i < facts->count; i++) {
        fputs(i ? "<br>" : "", stream);
        mm_escape_markup(stream, facts->items[i].name);
        fputs(": ", stream);
        mm_escape_markup(stream, facts->items[i].value);
    }
    fputs("</dd>\n", stream);
}

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text);
    size_t ending_length = strlen(ending);
    return length >= ending_length && strcmp(text + length - ending_length, ending) == 0;
}

static void write_count_cell(FILE *stream, const struct mm_distribution *value, const char *name)
{
    char text[MM_PHRASE_BYTES];
    if (value->count == 0) {
        fputs("<td class=\"n\" title=\"", stream);
        mm_escape_markup(stream, value->why);
        fputs("\">-</td>", stream);
        return;
    }
    if (ends_with(name, "_ns")) {
        write_cell(stream, mm_units_show_duration(value->median, text));
        return;
    }
    snprintf(text, sizeof text, "%.10g", value->median);
    write_cell(stream, text);
}

static void write_phase_row(FILE *stream, const struct mm_summary_case *one, const char *name,
                            const struct mm_distribution *(*pick)(const struct mm_summary_phase *,
                                                                  const char *name))
{
    fputs("<tr><td>", stream);
    mm_escape_markup(stream, name);
    fputs("</td>", stream);
    for (size_t i = 0; i < one->phase_count; i++) {
        const struct mm_distribution *value = pick(&one->phases[i], name);
        if (value) {
            write_count_cell(stream, value, name);
        } else {
            fputs("<td class=\"n\">-</td>", stream);
        }
    }
    fputs("</tr>\n", stream);
}

static const struct mm_distribution *pick_own(const struct mm_summary_phase *phase,
                                              const char *name)
{
    if (strcmp(name, "elapsed_ns") == 0) {
        return &phase->elapsed_ns;
    }
    return strcmp(name, "minor_faults") == 0 ? &phase->minor_faults : &phase->major_faults;
}

static const struct mm_distribution *pick_counter(const struct mm_summary_phase *phase,
                                                  const char *name)
{
    for (size_t i = 0; i < phase->counter_count; i++) {
        if (strcmp(phase->counters[i].name, name) == 0) {
            return &phase->counters[i].value;
        }
    }
    return NULL;
}

static void write_phases(FILE *stream, const struct mm_summary_case *one)
{
    if (one->phase_count == 0) {
        return;
    }
    fprintf(stream,
            "<div class=\"scroll\"><table><thead><tr><th>of a sample (%llu pass%s), median</th>",
            (unsigned long long)one->iterations, one->iterations == 1 ? "" : "es");
    for (size_t i = 0; i < one->phase_count; i++) {
        fprintf(stream, "<th class=\"n\">%s</th>", one->phases[i].name);
    }
    fputs("</tr></thead>\n<tbody>\n", stream);
    write_phase_row(stream, one, "elapsed_ns", pick_own);
    write_phase_row(stream, one, "minor_faults", pick_own);
    write_phase_row(stream, one, "major_faults", pick_own);
    for (size_t i = 0; i < one->phases[0].counter_count; i++) {
        write_phase_row(stream, one, one->phases[0].counters[i].name, pick_counter);
    }
    fputs("</tbody></table></div>\n", stream);
}

static void write_failures(FILE *stream, const struct mm_summary_case *one)
{
    for (size_t i = 0; i < one->failed; i++) {
        fprintf(stream, "<p class=\"bad\">Launch %llu failed, ",
                (unsigned long long)one->failures[i].launch_index);
        mm_escape_markup(stream, one->failures[i].kind);
        fputs(": ", stream);
        mm_escape_markup(stream, one->failures[i].reason);
        fputs("</p>\n", stream);
    }
}

static void write_parameters(FILE *stream, const struct mm_summary_case *one)
{
    struct mm_facts parameters = {0};
    if (mm_facts_add_members(&parameters, json_object_get(one->json, "parameters")) == 0) {
        write_facts(stream, "parameters", &parameters);
    }
    mm_facts_release(&parameters);
}

static char *show_ratio(double value, char *text)
{
    snprintf(text, MM_UNITS_TEXT_BYTES, "%.4g", value);
    return text;
}

static void write_range(FILE *stream, const char *what, const struct mm_peer_range *range,
                        mm_show *show)
{
    char least[MM_UNITS_TEXT_BYTES];
    char most[MM_UNITS_TEXT_BYTES];
    if (range->known) {
        fprintf(stream, "<br>%s: %s to %s", what, show(range->least, least),
                show(range->most, most));
    }
}

static void write_peers(FILE *stream, const struct mm_summary_case *one)
{
    const struct mm_peer_spread *peers = &one->peers;
    if (peers->processes == 0) {
        return;
    }
    fprintf(stream, "<dt>each of its processes</dt><dd>%zu, the least to the most of all launches",
            peers->processes);
    write_range(stream, "time", &peers->elapsed_ns, mm_units_show_duration);
    write_range(stream, "bytes", &peers->bytes, mm_units_show_size);
    write_range(stream, "items", &peers->items, mm_units_show_count);
    write_range(stream, "faults", &peers->faults, mm_units_show_count);
    write_range(stream, "start after the release", &peers->start_skew_ns, mm_units_show_duration);
    fputs("</dd>\n", stream);
}

static void write_figures(FILE *stream, const struct mm_summary_case *one)
{
    char text[MM_PHRASE_BYTES];
    fputs("<dl>\n", stream);
    if (one->good > 0) {
        write_figure(stream, "throughput", &one->bytes_per_second, mm_units_show_rate);
        write_launches(stream, &one->bytes_per_second);
        write_figure(stream, "items per second", &one->items_per_second, mm_units_show_count);
        write_figure(stream, "time of a pass", &one->elapsed_ns, mm_units_show_duration);
        write_figure(stream, "bytes of a pass", &one->bytes, mm_units_show_size);
        write_figure(stream, "faults per pass", &one->faults, mm_units_show_count);
        write_figure(stream, "bytes per fault", &one->bytes_per_fault, mm_units_show_size);
        write_figure(stream, "faults per page of the bytes moved", &one->faults_per_page,
                     show_ratio);
        write_peers(stream, one);
        write_latencies(stream, &one->latencies);
        write_term(stream, "in the page cache before", mm_phrase_resident(one, text));
        if (one->checksum) {
            write_term(stream, "checksum", one->checksum);
        }
        write_facts(stream, "reported by the workload", &one->reported);
        write_facts(stream, "the whole machine meanwhile, median of a sample", &one->machine);
    }
    write_parameters(stream, one);
    write_facts(stream, "effective state", &one->effective);
    write_facts(stream, "not measured", &one->unavailable);
    fputs("</dl>\n", stream);
}

static void write_cases(FILE *stream, const struct mm_summary *summary)
{
    char text[MM_PHRASE_BYTES];
    fputs("<h2 id=\"cases\">Each case</h2>\n", stream);
    for (size_t i = 0; i < summary->case_count; i++) {
        const struct mm_summary_case *one = &summary->cases[i];
        fprintf(stream, "<section id=\"case-%zu\">\n<h3>", i);
        mm_escape_markup(stream, one->group);
        fputs(", ", stream);
        mm_escape_markup(stream, one->cache);
        fputc(' ', stream);
        mm_escape_markup(stream, one->engine);
        fputc(' ', stream);
        mm_escape_markup(stream, one->variant);
        fputs("</h3>\n<p class=\"dim\"><code>", stream);
        mm_escape_markup(stream, one->name);
        fputs("</code><br>", stream);
        mm_escape_markup(stream, mm_phrase_state(one, text));
        if (one->skipped) {
            fputs(": ", stream);
            mm_escape_markup(stream, one->skipped);
        }
        fputs("</p>\n", stream);
        write_failures(stream, one);
        write_figures(stream, one);
        write_phases(stream, one);
        fputs("</section>\n", stream);
    }
}

/* "memory_bytes" 25769803776 as "24.0 GiB"; other members as they are. */
static char *environment_text(const char *name, const json_t *value)
{
    char text[MM_UNITS_TEXT_BYTES];
    if (json_is_number(value) && ends_with(name, "_bytes")) {
        return strdup(mm_units_show_size(json_number_value(value), text));
    }
    if (json_is_number(value) && ends_with(name, "_ns")) {
        return strdup(mm_units_show_duration(json_number_value(value), text));
    }
    return mm_facts_value_text(value);
}

static void write_members(FILE *stream, const json_t *object)
{
    const char *name;
    json_t *value;
    fputs("<dl>\n", stream);
    json_object_foreach((json_t *)object, name, value)
    {
        char *text = environment_text(name, value);
        write_term(stream, name, text ? text : "");
        free(text);
    }
    fputs("</dl>\n", stream);
}

static void write_environment(FILE *stream, const struct mm_summary *summary)
{
    fputs("<h2 id=\"environment\">Environment</h2>\n", stream);
    write_members(stream, mm_record_environment(summary->record));
    fputs("<h3>mapmeter</h3>\n", stream);
    write_members(stream, json_object_get(mm_record_run(summary->record), "mapmeter"));
    size_t index;
    const json_t *file;
    json_array_foreach(mm_record_files(summary->record), index, file)
    {
        fputs("<h3>File ", stream);
        mm_escape_markup(stream, json_string_value(json_object_get(file, "id")));
        fputs("</h3>\n", stream);
        write_members(stream, file);
    }
}

static void write_paragraph(FILE *stream, const char *line)
{
    fputs("<p>", stream);
    mm_escape_markup(stream, line);
    fputs("</p>\n", stream);
}

static void write_method(FILE *stream, const struct mm_summary *summary,
                         const struct mm_report_links *links)
{
    char *command = mm_phrase_command(summary);
    fputs("<h2 id=\"method\">Method</h2>\n", stream);
    mm_phrase_method(summary, write_paragraph, stream);
    fputs("<p>The command of this run, seed ", stream);
    mm_escape_markup(stream, run_text(summary, "seed"));
    fputs(":</p>\n<pre>", stream);
    mm_escape_markup(stream, command ? command : "");
    fputs("</pre>\n", stream);
    free(command);
    if (links->count > 0) {
        fputs("<h2 id=\"data\">Raw data</h2>\n<ul>\n", stream);
        for (size_t i = 0; i < links->count; i++) {
            fprintf(stream, "<li><a href=\"%s\">%s</a></li>\n", links->names[i], links->names[i]);
        }
        fputs("</ul>\n", stream);
    }
}

void mm_html_write(FILE *stream, const struct mm_summary *summary,
                   const struct mm_findings *findings, const struct mm_plots *plots,
                   const struct mm_report_links *links)
{
    write_heading(stream, summary);
    write_findings(stream, findings);
    write_table(stream, summary);
    write_latency_table(stream, summary);
    write_scaling(stream, summary);
    write_plots(stream, plots);
    write_cases(stream, summary);
    write_environment(stream, summary);
    write_method(stream, summary, links);
    fputs("</body>\n</html>\n", stream);
}
