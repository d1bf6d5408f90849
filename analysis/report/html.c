/* The page: one file that loads nothing. */
#include <stdlib.h>
#include <string.h>

#include "analysis/report/emit.h"
#include "analysis/report/escape.h"
#include "analysis/report/page.h"
#include "common/text.h"
#include "common/units.h"

#define WARNINGS_SHOWN 3

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
    mm_page_open(stream, run_text(summary, "suite"));
    fputs("<a class=\"skip\" href=\"#main\">Skip to the results</a>\n<header>\n<h1>mapmeter: ",
          stream);
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
    fputs(".</p>\n</header>\n", stream);
    free(totals);
}

/* Of sections that are there whatever the record holds. */
static void write_navigation(FILE *stream, const struct mm_findings *findings)
{
    fputs("<nav aria-label=\"Sections\">", stream);
    fputs(findings->choices.count > 0 ? "<a href=\"#engines\">Engines</a> " : "", stream);
    fputs("<a href=\"#findings\">Findings</a> <a href=\"#table\">Cases</a> "
          "<a href=\"#plots\">Plots</a> <a href=\"#cases\">Each case</a> "
          "<a href=\"#environment\">Environment</a> <a href=\"#method\">Method</a></nav>\n",
          stream);
}

/* The first screen has room for some; all stand with the findings. */
static void write_warnings(FILE *stream, const struct mm_findings *findings)
{
    size_t shown = findings->warnings < WARNINGS_SHOWN ? findings->warnings : WARNINGS_SHOWN;
    if (shown == 0) {
        return;
    }
    fputs("<div class=\"warnings\" role=\"note\" aria-label=\"Warnings\"><ul>\n", stream);
    for (size_t i = 0; i < shown; i++) {
        fputs("<li><span class=\"bad\">Attention:</span> ", stream);
        mm_escape_markup(stream, findings->items[i].text);
        fputs("</li>\n", stream);
    }
    if (findings->warnings > shown) {
        fprintf(stream, "<li><a href=\"#findings\">%zu more</a></li>\n",
                findings->warnings - shown);
    }
    fputs("</ul></div>\n", stream);
}

static void write_findings(FILE *stream, const struct mm_findings *findings)
{
    fputs("<h2 id=\"findings\">Findings</h2>\n<ul>\n", stream);
    for (size_t i = 0; i < findings->count; i++) {
        fputs(findings->items[i].is_bad ? "<li><span class=\"bad\">Attention:</span> " : "<li>",
              stream);
        mm_escape_markup(stream, findings->items[i].text);
        fputs("</li>\n", stream);
    }
    if (findings->count == 0) {
        fputs("<li>Nothing was measured.</li>\n", stream);
    }
    fputs("</ul>\n", stream);
}

static void write_plots(FILE *stream, const struct mm_plots *plots)
{
    fputs("<h2 id=\"plots\">Plots</h2>\n", stream);
    for (int kind = 0; kind < MM_PLOT_COUNT; kind++) {
        const struct mm_plot *plot = &plots->plots[kind];
        fprintf(stream, "<figure id=\"plot-%s\">\n", plot->name);
        if (plot->svg) {
            fprintf(stream,
                    "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
                    "aria-label=\"Plot: %s\">",
                    plot->name);
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
    fputs("<tr><th scope=\"row\">", stream);
    mm_escape_markup(stream, name);
    fputs("</th>", stream);
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

static void write_phases(FILE *stream, const struct mm_summary_case *one, size_t index)
{
    if (one->phase_count == 0) {
        return;
    }
    struct mm_page_column columns[MM_SUMMARY_PHASES + 1] = {{"figure", false}};
    for (size_t i = 0; i < one->phase_count; i++) {
        columns[i + 1] = (struct mm_page_column){one->phases[i].name, true};
    }
    char id[MM_UNITS_TEXT_BYTES];
    char caption[MM_PHRASE_BYTES];
    snprintf(id, sizeof id, "phases-%zu", index);
    snprintf(caption, sizeof caption, "Of a sample (%llu pass%s), the medians by phase.",
             (unsigned long long)one->iterations, one->iterations == 1 ? "" : "es");
    mm_page_table_open(stream, id, caption, columns, one->phase_count + 1, false);
    write_phase_row(stream, one, "elapsed_ns", pick_own);
    write_phase_row(stream, one, "minor_faults", pick_own);
    write_phase_row(stream, one, "major_faults", pick_own);
    for (size_t i = 0; i < one->phases[0].counter_count; i++) {
        write_phase_row(stream, one, one->phases[0].counters[i].name, pick_counter);
    }
    mm_page_table_close(stream);
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
        write_phases(stream, one, i);
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
    write_navigation(stream, findings);
    fputs("<main id=\"main\" tabindex=\"-1\">\n", stream);
    write_warnings(stream, findings);
    mm_page_choices(stream, summary, &findings->choices);
    write_findings(stream, findings);
    mm_page_throughput(stream, summary);
    mm_page_latencies(stream, summary);
    mm_page_scaling(stream, summary);
    write_plots(stream, plots);
    write_cases(stream, summary);
    write_environment(stream, summary);
    write_method(stream, summary, links);
    fputs("</main>\n", stream);
    mm_page_close(stream);
}
