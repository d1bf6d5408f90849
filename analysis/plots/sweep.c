/* The plot of throughput against parameters: for each number that varies among cases which are
 * alike otherwise a panel, in it a curve for each engine and cache state. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/plots/curves.h"
#include "analysis/plots/rows.h"
#include "common/text.h"
#include "common/units.h"

/* One case seen as a point of one of its parameters. The texts are owned. */
struct entry {
    const struct mm_summary_case *one;
    char *key;
    char *panel; /* group and variant without the parameter tell panels and curves apart */
    char *curve;
    double x;
    bool is_size;
};

struct entries {
    struct entry *items;
    size_t count;
};

static void release_entries(struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++) {
        free(entries->items[i].key);
        free(entries->items[i].panel);
        free(entries->items[i].curve);
    }
    free(entries->items);
}

/* "64KiB" is a size, "0.99" a number; what has a plot of its own is neither. */
static bool read_number(const char *key, const char *text, double *x, bool *is_size)
{
    uint64_t bytes;
    char *end;
    if (strcmp(key, "processes") == 0) {
        return false;
    }
    *is_size = text[strcspn(text, "B")] == 'B' && mm_units_parse_size(text, &bytes) == 0;
    if (*is_size) {
        *x = (double)bytes;
        return true;
    }
    *x = strtod(text, &end);
    return end > text && *end == '\0' && isfinite(*x);
}

static int add_entry(struct entries *entries, struct entry entry)
{
    struct entry *grown = realloc(entries->items, (entries->count + 1) * sizeof *grown);
    entries->items = grown ? grown : entries->items;
    if (!grown || !entry.key || !entry.panel || !entry.curve) {
        free(entry.key);
        free(entry.panel);
        free(entry.curve);
        return -ENOMEM;
    }
    grown[entries->count++] = entry;
    return 0;
}

/* Each "key:number" between spaces in text, which is the group of the case or its variant. */
static int add_from(struct entries *entries, const struct mm_summary_case *one, const char *text)
{
    bool is_group = text == one->group;
    char *copy = strdup(is_group ? text + strlen(one->workload) : text);
    char *row = mm_plot_row_text(one);
    int result = copy && row ? 0 : -ENOMEM;
    char *rest = NULL;
    for (char *part = result == 0 ? strtok_r(copy, " ", &rest) : NULL; part && result == 0;
         part = strtok_r(NULL, " ", &rest)) {
        struct entry entry = {.one = one};
        char *colon = strchr(part, ':');
        if (!colon) {
            continue;
        }
        *colon = '\0';
        if (read_number(part, colon + 1, &entry.x, &entry.is_size)) {
            entry.key = strdup(part);
            entry.panel = mm_curves_without(one->group, is_group ? part : "");
            entry.curve = mm_curves_without(row, is_group ? "" : part);
            result = add_entry(entries, entry);
        }
    }
    free(copy);
    free(row);
    return result;
}

static int make_entries(const struct mm_summary *summary, struct entries *entries)
{
    int result = 0;
    *entries = (struct entries){0};
    for (size_t i = 0; result == 0 && i < summary->case_count; i++) {
        const struct mm_summary_case *one = &summary->cases[i];
        if (!mm_plot_has_throughput(one)) {
            continue;
        }
        result = add_from(entries, one, one->group);
        if (result == 0) {
            result = add_from(entries, one, one->variant);
        }
    }
    return result;
}

static bool is_same_panel(const struct entry *a, const struct entry *b)
{
    return strcmp(a->key, b->key) == 0 && strcmp(a->panel, b->panel) == 0;
}

static bool is_same_curve(const struct entry *a, const struct entry *b)
{
    return is_same_panel(a, b) && strcmp(a->curve, b->curve) == 0;
}

static bool is_first(const struct entries *entries, size_t index,
                     bool (*is_same)(const struct entry *a, const struct entry *b))
{
    for (size_t i = 0; i < index; i++) {
        if (is_same(&entries->items[i], &entries->items[index])) {
            return false;
        }
    }
    return true;
}

/* A number that does not vary along a curve is none to plot against. */
static bool varies(const struct entries *entries, size_t index)
{
    const struct entry *first = &entries->items[index];
    for (size_t i = 0; i < entries->count; i++) {
        if (is_same_curve(&entries->items[i], first) && entries->items[i].x != first->x) {
            return true;
        }
    }
    return false;
}

static int fill_curve(const struct entries *entries, size_t index, struct mm_curve *curve)
{
    int result = 0;
    for (size_t i = index; result == 0 && i < entries->count; i++) {
        const struct entry *entry = &entries->items[i];
        const struct mm_distribution *rate = &entry->one->bytes_per_second;
        if (is_same_curve(entry, &entries->items[index])) {
            result = mm_curves_add_point(
                curve, &(struct mm_curve_point){.x = entry->x,
                                                .y = rate->median,
                                                .low = rate->interval.low,
                                                .high = rate->interval.high,
                                                .has_interval = rate->has_interval,
                                                .count = rate->count});
        }
    }
    return result;
}

static int add_marks(const struct mm_summary *summary, struct mm_curve_panel *panel)
{
    const json_t *caches = json_object_get(mm_record_environment(summary->record), "caches");
    size_t index;
    const json_t *cache;
    int result = 0;
    json_array_foreach(caches, index, cache)
    {
        const char *type = json_string_value(json_object_get(cache, "type"));
        double bytes = json_number_value(json_object_get(cache, "size_bytes"));
        char size[MM_UNITS_TEXT_BYTES];
        if (result == 0 && bytes > 0 && type && strcmp(type, "Instruction") != 0) {
            int level = (int)json_integer_value(json_object_get(cache, "level"));
            result = mm_curves_add_mark(
                panel, bytes,
                mm_text_format("L%d %s", level, mm_plot_tic_text(mm_units_show_size, bytes, size)));
        }
    }
    return result;
}

/* The panel whose first entry is at index, where a curve of it varies. */
static int make_panel(const struct mm_summary *summary, const struct entries *entries, size_t index,
                      struct mm_curve_panels *panels)
{
    const struct entry *first = &entries->items[index];
    struct mm_curve_panel *panel = NULL;
    int result = 0;
    for (size_t i = index; result == 0 && i < entries->count; i++) {
        if (!is_same_panel(&entries->items[i], first) || !is_first(entries, i, is_same_curve) ||
            !varies(entries, i)) {
            continue;
        }
        if (!panel) {
            panel = mm_curves_add_panel(
                panels, mm_text_format("%s, by %s", first->panel, first->key),
                mm_text_format("%s%s", first->key, first->is_size ? " in bytes" : ""),
                strdup("bytes per second, log axis"));
            result = !panel ? -ENOMEM : first->is_size ? add_marks(summary, panel) : 0;
        }
        struct mm_curve *curve =
            result == 0 ? mm_curves_add_curve(panel, strdup(entries->items[i].curve)) : NULL;
        result = curve ? fill_curve(entries, i, curve) : -ENOMEM;
    }
    if (panel) {
        panel->x_is_size = first->is_size;
    }
    return result;
}

/* The curve that changes the most from its slowest point to its fastest. */
static void write_alternative(FILE *stream, const struct mm_curve_panels *panels)
{
    const struct mm_curve_panel *most_panel = NULL;
    const struct mm_curve *most = NULL;
    struct mm_curve_point low = {0};
    struct mm_curve_point high = {0};
    size_t curves = 0;
    for (size_t i = 0; i < panels->count; i++) {
        for (size_t c = 0; c < panels->items[i].count; c++) {
            const struct mm_curve *curve = &panels->items[i].curves[c];
            struct mm_curve_point least = curve->points[0];
            struct mm_curve_point greatest = curve->points[0];
            for (size_t p = 1; p < curve->count; p++) {
                least = curve->points[p].y < least.y ? curve->points[p] : least;
                greatest = curve->points[p].y > greatest.y ? curve->points[p] : greatest;
            }
            curves++;
            if (!most || greatest.y / least.y > high.y / low.y) {
                most_panel = &panels->items[i];
                most = curve;
                low = least;
                high = greatest;
            }
        }
    }
    char low_text[MM_UNITS_TEXT_BYTES];
    char high_text[MM_UNITS_TEXT_BYTES];
    fprintf(stream,
            "Throughput against the parameters that vary, medians with their intervals: %zu curves "
            "in %zu panels. It depends most on its parameter in %s (%s): %s at %.10g and %s at "
            "%.10g.",
            curves, panels->count, most_panel->heading, most->text,
            mm_units_show_rate(low.y, low_text), low.x, mm_units_show_rate(high.y, high_text),
            high.x);
    mm_curves_write_left_out(stream, panels);
}

int mm_plot_build_sweep(const struct mm_summary *summary, const struct mm_plot *plot,
                        const struct mm_plot_streams *streams)
{
    struct entries entries;
    struct mm_curve_panels panels = {.show_y = mm_units_show_rate};
    int result = make_entries(summary, &entries);
    for (size_t i = 0; result == 0 && i < entries.count; i++) {
        if (is_first(&entries, i, is_same_panel)) {
            result = make_panel(summary, &entries, i, &panels);
        }
    }
    if (result == 0 && panels.count == 0) {
        result = -ENODATA;
    }
    if (result == 0) {
        mm_curves_write(summary, plot, &panels, streams);
        write_alternative(streams->alternative, &panels);
    }
    mm_curves_release(&panels);
    release_entries(&entries);
    return result;
}
