/* The wording of choices. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report/emit.h"
#include "common/text.h"
#include "common/units.h"

char *mm_phrase_engine(const struct mm_summary_case *one)
{
    return mm_text_format("%s%s%s", one->engine, *one->variant ? " " : "", one->variant);
}

/* Two digits behind the point while they tell something. */
static const char *show_times(double ratio, char text[MM_UNITS_TEXT_BYTES])
{
    snprintf(text, MM_UNITS_TEXT_BYTES, ratio < 10 ? "%.2f" : ratio < 100 ? "%.1f" : "%.0f", ratio);
    return text;
}

char *mm_phrase_lead(const struct mm_choice *choice, char text[MM_PHRASE_BYTES])
{
    char times[MM_UNITS_TEXT_BYTES];
    if (!choice->next) {
        return strcpy(text, "-");
    }
    snprintf(text, MM_PHRASE_BYTES, "%s times", show_times(choice->over_next.ratio, times));
    return text;
}

char *mm_phrase_ratio_interval(const struct mm_choice_ratio *ratio, char text[MM_PHRASE_BYTES])
{
    char low[MM_UNITS_TEXT_BYTES];
    char high[MM_UNITS_TEXT_BYTES];
    if (!ratio->has_interval) {
        return strcpy(text, "-");
    }
    int length = snprintf(text, MM_PHRASE_BYTES, "%s to %s", show_times(ratio->interval.low, low),
                          show_times(ratio->interval.high, high));
    if (ratio->interval.coverage < MM_STATISTICS_COVERAGE) {
        snprintf(text + length, MM_PHRASE_BYTES - (size_t)length, " (%.1f %%)",
                 100 * ratio->interval.coverage);
    }
    return text;
}

static size_t fewest_launches(const struct mm_choice *choice)
{
    size_t best = choice->best->bytes_per_second.count;
    size_t next = choice->next ? choice->next->bytes_per_second.count : best;
    return best < next ? best : next;
}

char *mm_phrase_certainty(const struct mm_choice *choice, char text[MM_PHRASE_BYTES])
{
    switch (choice->certainty) {
    case MM_CERTAINTY_SURE:
        return strcpy(text, "sure");
    case MM_CERTAINTY_LIKELY:
        return strcpy(text, "likely");
    case MM_CERTAINTY_OPEN:
        return strcpy(text, "no engine is reliably faster");
    case MM_CERTAINTY_FEW:
        snprintf(text, MM_PHRASE_BYTES, "too few launches: %zu of the %d needed",
                 fewest_launches(choice), MM_STATISTICS_INTERVAL_LAUNCHES);
        return text;
    case MM_CERTAINTY_ALONE:
    default:
        return strcpy(text, "the only engine measured");
    }
}

/* The flush phase's share of touch, compute and flush; negative when nothing was flushed. */
static double flush_share(const struct mm_summary_case *one)
{
    double total = 0;
    double flush = -1;
    for (size_t i = 0; i < one->phase_count; i++) {
        const struct mm_summary_phase *phase = &one->phases[i];
        bool is_flush = strcmp(phase->name, "flush") == 0;
        if (phase->elapsed_ns.count > 0 && (is_flush || strcmp(phase->name, "touch") == 0 ||
                                            strcmp(phase->name, "compute") == 0)) {
            total += phase->elapsed_ns.median;
            flush = is_flush ? phase->elapsed_ns.median : flush;
        }
    }
    return total > 0 && flush >= 0 ? flush / total : -1;
}

char *mm_phrase_time(const struct mm_summary_case *one, char text[MM_PHRASE_BYTES])
{
    int length = 0;
    double flush = flush_share(one);
    *text = '\0';
    if (one->device_share.count > 0) {
        length = snprintf(text, MM_PHRASE_BYTES, "device busy %.0f %% of the time",
                          100 * one->device_share.median);
    }
    if (flush >= 0) {
        length += snprintf(text + length, MM_PHRASE_BYTES - (size_t)length, "%s%.0f %% in flushes",
                           length > 0 ? ", " : "", 100 * flush);
    }
    if (one->faults_per_page.count > 0) {
        snprintf(text + length, MM_PHRASE_BYTES - (size_t)length, "%s%.2g faults a page",
                 length > 0 ? ", " : "", one->faults_per_page.median);
    }
    return text;
}

/* "1.20 times as fast as pread (95 % interval 1.18 to 1.22, 6 and 6 launches)". */
static void write_ratio(FILE *stream, const struct mm_summary_case *best,
                        const struct mm_summary_case *other, const struct mm_choice_ratio *ratio)
{
    char text[MM_PHRASE_BYTES];
    char *name = mm_phrase_engine(other);
    bool is_map = strcmp(other->engine, "mmap") == 0;
    fprintf(stream, "%s times as fast as %s%s%s (", show_times(ratio->ratio, text),
            is_map ? "the bare map (" : "", name ? name : "", is_map ? ")" : "");
    if (ratio->has_interval) {
        fprintf(stream, "%s %s, ",
                ratio->interval.coverage < MM_STATISTICS_COVERAGE ? "interval" : "95 % interval",
                mm_phrase_ratio_interval(ratio, text));
    }
    fprintf(stream, "%zu and %zu launches)", best->bytes_per_second.count,
            other->bytes_per_second.count);
    free(name);
}

static void write_choice(FILE *stream, const struct mm_choice *choice, const char *name)
{
    char text[MM_PHRASE_BYTES];
    const struct mm_distribution *rate = &choice->best->bytes_per_second;
    if (choice->certainty == MM_CERTAINTY_OPEN) {
        fputs("no engine is reliably faster; ", stream);
    } else if (choice->certainty == MM_CERTAINTY_FEW) {
        fputs("too few launches to rank the engines; ", stream);
    }
    fprintf(stream, "%s moves %s", name, mm_phrase_median(rate, mm_units_show_rate, text));
    if (!choice->next) {
        fprintf(stream, " (%s), the only engine of this work",
                mm_phrase_interval(rate, mm_units_show_rate, text));
    } else {
        fputs(", ", stream);
        write_ratio(stream, choice->best, choice->next, &choice->over_next);
    }
    if (choice->map) {
        fputs(" and ", stream);
        write_ratio(stream, choice->best, choice->map, &choice->over_map);
    }
    if (choice->certainty == MM_CERTAINTY_SURE) {
        fputs("; sure, also for all of these works at once", stream);
    } else if (choice->certainty == MM_CERTAINTY_LIKELY) {
        fputs("; likely, for this work by itself", stream);
    }
    if (*mm_phrase_time(choice->best, text)) {
        fprintf(stream, "; %s", text);
    }
}

char *mm_phrase_choice(const struct mm_choice *choice)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    char *name = mm_phrase_engine(choice->best);
    if (!stream || !name) {
        if (stream) {
            fclose(stream);
        }
        free(text);
        free(name);
        return NULL;
    }
    fprintf(stream, "%s %s: ", choice->best->cache, choice->best->group);
    write_choice(stream, choice, name);
    free(name);
    if (fclose(stream) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
