/* The wording that the emitters share. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report/emit.h"
#include "common/text.h"
#include "common/units.h"

static const char harmless_in_shell[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789_./:,=+-@%";

char *mm_phrase_median(const struct mm_distribution *distribution, mm_show *show,
                       char text[MM_PHRASE_BYTES])
{
    if (distribution->count == 0) {
        return strcpy(text, "-");
    }
    return show(distribution->median, text);
}

char *mm_phrase_interval(const struct mm_distribution *distribution, mm_show *show,
                         char text[MM_PHRASE_BYTES])
{
    char low[MM_UNITS_TEXT_BYTES];
    char high[MM_UNITS_TEXT_BYTES];
    if (distribution->count == 0) {
        return strcpy(text, "-");
    }
    if (!distribution->has_interval) {
        snprintf(text, MM_PHRASE_BYTES, "points alone, n %zu", distribution->count);
        return text;
    }
    snprintf(text, MM_PHRASE_BYTES, "%s to %s", show(distribution->interval.low, low),
             show(distribution->interval.high, high));
    return text;
}

bool mm_row_is_throughput(const struct mm_summary_case *one)
{
    return !one->latencies.measured;
}

bool mm_row_is_latency(const struct mm_summary_case *one)
{
    return one->latencies.measured;
}

char *mm_phrase_latency(const struct mm_histogram *histogram, double share,
                        char text[MM_PHRASE_BYTES])
{
    if (!histogram) {
        return strcpy(text, "-");
    }
    return mm_units_show_duration((double)mm_histogram_quantile(histogram, share), text);
}

char *mm_phrase_loop(const struct mm_summary_case *one, const struct mm_latency_metric *metric,
                     char text[MM_PHRASE_BYTES])
{
    const struct mm_latencies *latencies = &one->latencies;
    unsigned long long rate = latencies->rate;
    if (!latencies->measured || (metric && strcmp(metric->name, "flush") == 0)) {
        return strcpy(text, "-");
    }
    if (rate == 0) {
        return strcpy(text, "closed");
    }
    if (mm_latencies_fell_behind(latencies)) {
        snprintf(text, MM_PHRASE_BYTES, "%.0f of %llu/s", latencies->achieved_rate, rate);
    } else {
        snprintf(text, MM_PHRASE_BYTES, "%llu/s", rate);
    }
    return text;
}

char *mm_phrase_flush(const struct mm_summary_case *one, double share, char text[MM_PHRASE_BYTES])
{
    return mm_phrase_latency(one->flush_ns, share, text);
}

char *mm_phrase_state(const struct mm_summary_case *one, char text[MM_PHRASE_BYTES])
{
    size_t done = one->good + one->failed;
    if (one->skipped) {
        return strcpy(text, "skipped");
    }
    if (one->failed > 0) {
        snprintf(text, MM_PHRASE_BYTES, "%zu of %zu launches failed", one->failed, done);
        return text;
    }
    if (done == 0) {
        return strcpy(text, "not run");
    }
    if (done < one->launches_planned) {
        snprintf(text, MM_PHRASE_BYTES, "%zu of %llu launches", done,
                 (unsigned long long)one->launches_planned);
        return text;
    }
    return strcpy(text, "ok");
}

char *mm_phrase_resident(const struct mm_summary_case *one, char text[MM_PHRASE_BYTES])
{
    if (!one->has_resident_share) {
        snprintf(text, MM_PHRASE_BYTES, "not known: %s", one->resident_why);
    } else {
        snprintf(text, MM_PHRASE_BYTES, "%.3g %% to %.3g %% (%s)", 100 * one->resident_share_lowest,
                 100 * one->resident_share_highest,
                 one->cache_method ? one->cache_method : "no method recorded");
    }
    return text;
}

static void say_coverage(const struct mm_summary *summary,
                         void (*say)(FILE *stream, const char *line), FILE *stream)
{
    double least = 1;
    double most = 0;
    size_t with = 0;
    for (size_t i = 0; i < summary->case_count; i++) {
        const struct mm_distribution *rate = &summary->cases[i].bytes_per_second;
        if (rate->has_interval) {
            least = fmin(least, rate->interval.coverage);
            most = fmax(most, rate->interval.coverage);
            with++;
        }
    }
    char line[MM_PHRASE_BYTES * 2];
    if (with == 0) {
        snprintf(line, sizeof line,
                 "No case has the %d good launches that an interval needs: the medians here stand "
                 "alone, and differences between them may be noise.",
                 MM_STATISTICS_INTERVAL_LAUNCHES);
    } else {
        snprintf(line, sizeof line,
                 "At least 95 %% is asked of an interval; those here cover the median with %.1f %% "
                 "to %.1f %%. They need %d good launches: %zu of %zu measured cases have one.",
                 100 * least, 100 * most, MM_STATISTICS_INTERVAL_LAUNCHES, with, summary->measured);
    }
    say(stream, line);
}

static void say_latency(const struct mm_summary *summary,
                        void (*say)(FILE *stream, const char *line), FILE *stream)
{
    bool any = false;
    for (size_t i = 0; i < summary->case_count; i++) {
        any = any || summary->cases[i].latencies.measured;
    }
    if (any) {
        say(stream,
            "Latency has launches of its own, in which each operation is clocked; two readings of "
            "the clock are in it. In a closed loop an operation starts when the one before it is "
            "done. In an open loop operations are to start at a fixed rate, and their latency "
            "counts from that moment, whatever became of those before. Percentiles are of all "
            "operations of all good launches together.");
    }
}

void mm_phrase_method(const struct mm_summary *summary, void (*say)(FILE *stream, const char *line),
                      FILE *stream)
{
    say(stream, "The unit is the launch: one fresh process that runs one case. Every figure is the "
                "median over the good launches of its case; where a launch has several samples, "
                "the one with the median time stands for it.");
    say(stream, "The interval is that of the median from exact order statistics (binomial, no "
                "normal approximation); nothing is left out as an outlier.");
    say_coverage(summary, say, stream);
    say_latency(summary, say, stream);
    say(stream, "Throughput is bytes moved per second of the touch, compute and flush phases. "
                "Faults are minor and major faults of these phases per pass; bytes per fault is "
                "the bytes moved divided by them.");
    say(stream, "Flush percentiles are of the latencies of all launches together, nearest rank, "
                "within 0.8 % of the true value.");
    const char *cold =
        json_string_value(json_object_get(mm_record_environment(summary->record), "cold_means"));
    if (cold) {
        char *line = mm_text_format("Cold means %s.", cold);
        say(stream, line ? line : cold);
        free(line);
    }
}

static void write_shell_word(FILE *stream, const char *word)
{
    if (*word && word[strspn(word, harmless_in_shell)] == '\0') {
        fputs(word, stream);
        return;
    }
    fputc('\'', stream);
    for (const char *at = word; *at; at++) {
        if (*at == '\'') {
            fputs("'\\''", stream);
        } else {
            fputc(*at, stream);
        }
    }
    fputc('\'', stream);
}

char *mm_phrase_command(const struct mm_summary *summary)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (!stream) {
        return NULL;
    }
    const json_t *command = json_object_get(mm_record_run(summary->record), "command");
    size_t index;
    const json_t *word;
    json_array_foreach(command, index, word)
    {
        if (index > 0) {
            fputc(' ', stream);
        }
        write_shell_word(stream, json_is_string(word) ? json_string_value(word) : "");
    }
    if (fclose(stream) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static void add_count(FILE *stream, size_t count, const char *what)
{
    if (count > 0) {
        fprintf(stream, ", %zu %s", count, what);
    }
}

char *mm_phrase_totals(const struct mm_summary *summary)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (!stream) {
        return NULL;
    }
    fprintf(stream, "%zu case%s: %zu measured", summary->case_count,
            summary->case_count == 1 ? "" : "s", summary->measured);
    add_count(stream, summary->skipped, "skipped");
    add_count(stream, summary->with_failures, "with failed launches");
    add_count(stream, summary->without_launch, "not run");
    fprintf(stream, "; %zu good launch%s", summary->good_launches,
            summary->good_launches == 1 ? "" : "es");
    add_count(stream, summary->failed_launches, "failed");
    if (fclose(stream) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

char *mm_phrase_counter_cost(const struct mm_counter_cost *cost)
{
    const struct mm_summary_case *counted = cost->counted;
    char interval[MM_PHRASE_BYTES];
    if (cost->has_interval) {
        snprintf(interval, sizeof interval, "95 %% interval %+.2f %% to %+.2f %%",
                 100 * (cost->interval.low - 1), 100 * (cost->interval.high - 1));
    } else {
        snprintf(interval, sizeof interval, "too few pairs for an interval");
    }
    return mm_text_format("Counting costs %s %s, %s%s%s: %+.2f %% of its time (%s; %zu pairs of "
                          "launches with and without counters)",
                          counted->cache, counted->engine, counted->group,
                          *counted->variant ? " " : "", counted->variant, 100 * (cost->ratio - 1),
                          interval, cost->pairs);
}
