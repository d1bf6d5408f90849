/* The plot of scaling: processes against the speed-up over the fewest of them, with the ideal. */
#include "analysis/scaling.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/plots/curves.h"
#include "analysis/plots/rows.h"
#include "common/text.h"
#include "common/units.h"

static char *show_speed_up(double value, char *text)
{
    snprintf(text, MM_UNITS_TEXT_BYTES, "%.3gx", value);
    return text;
}

/* The group without processes and lock: locks are curves of one panel. */
static char *heading(const struct mm_scaling_family *family)
{
    const struct mm_scaling_point *base = &family->points[0];
    char *without = mm_curves_without(base->one->group, "processes");
    char *group = without ? mm_curves_without(without, "lock") : NULL;
    char *text = group ? mm_text_format("%s, speed-up over %llu process%s", group,
                                        (unsigned long long)base->processes,
                                        base->processes == 1 ? "" : "es")
                       : NULL;
    free(without);
    free(group);
    return text;
}

/* "warm marray lock:range" */
static char *curve_text(const struct mm_summary_case *one)
{
    const char *lock =
        json_string_value(json_object_get(json_object_get(one->json, "parameters"), "lock"));
    char *row = mm_plot_row_text(one);
    char *alike = row ? mm_curves_without(row, "processes") : NULL;
    char *text =
        alike ? mm_text_format("%s%s%s", alike, lock ? " lock:" : "", lock ? lock : "") : NULL;
    free(row);
    free(alike);
    return text;
}

static struct mm_curve_panel *find_or_add(struct mm_curve_panels *panels,
                                          const struct mm_scaling_family *family)
{
    char *text = heading(family);
    for (size_t i = 0; text && i < panels->count; i++) {
        if (strcmp(panels->items[i].heading, text) == 0) {
            free(text);
            return &panels->items[i];
        }
    }
    struct mm_curve_panel *panel =
        mm_curves_add_panel(panels, text, strdup("processes"), strdup("speed-up, log axis"));
    if (panel) {
        panel->has_ideal = true;
        panel->ideal_base = (double)family->points[0].processes;
    }
    return panel;
}

/* The interval is that of the point's own median: what is known of the base is not in it. */
static int add_family(struct mm_curve_panels *panels, const struct mm_scaling_family *family)
{
    struct mm_curve_panel *panel = find_or_add(panels, family);
    struct mm_curve *curve =
        panel ? mm_curves_add_curve(panel, curve_text(family->points[0].one)) : NULL;
    double base = family->points[0].one->bytes_per_second.median;
    int result = curve ? 0 : -ENOMEM;
    for (size_t i = 0; result == 0 && i < family->count; i++) {
        const struct mm_distribution *rate = &family->points[i].one->bytes_per_second;
        result = mm_curves_add_point(
            curve, &(struct mm_curve_point){.x = (double)family->points[i].processes,
                                            .y = family->points[i].speed_up,
                                            .low = rate->interval.low / base,
                                            .high = rate->interval.high / base,
                                            .has_interval = rate->has_interval,
                                            .count = rate->count});
    }
    return result;
}

static void write_point(FILE *stream, const struct mm_scaling_family *family)
{
    const struct mm_scaling_point *last = &family->points[family->count - 1];
    fprintf(stream, "%.3g times with %llu processes (%s, %s %s)", last->speed_up,
            (unsigned long long)last->processes, last->one->group, last->one->cache,
            last->one->engine);
}

static void write_alternative(FILE *stream, const struct mm_scaling *scaling,
                              const struct mm_curve_panels *panels)
{
    const struct mm_scaling_family *best = &scaling->families[0];
    const struct mm_scaling_family *worst = &scaling->families[0];
    for (size_t i = 1; i < scaling->count; i++) {
        const struct mm_scaling_family *family = &scaling->families[i];
        double efficiency = family->points[family->count - 1].efficiency;
        best = efficiency > best->points[best->count - 1].efficiency ? family : best;
        worst = efficiency < worst->points[worst->count - 1].efficiency ? family : worst;
    }
    fprintf(stream,
            "Speed-up by number of processes over the fewest, both axes log, %zu curves in %zu "
            "panels with the ideal line; intervals are those of each median alone. Nearest to the "
            "ideal, or beyond it, the most processes have ",
            scaling->count, panels->count);
    write_point(stream, best);
    fputs(", farthest below it ", stream);
    write_point(stream, worst);
    fputs(".", stream);
    mm_curves_write_left_out(stream, panels);
}

int mm_plot_build_scaling(const struct mm_summary *summary, const struct mm_plot *plot,
                          const struct mm_plot_streams *streams)
{
    struct mm_scaling scaling;
    struct mm_curve_panels panels = {.show_y = show_speed_up};
    int result = mm_scaling_make(summary, &scaling);
    for (size_t i = 0; result == 0 && i < scaling.count; i++) {
        result = add_family(&panels, &scaling.families[i]);
    }
    if (result == 0 && panels.count == 0) {
        result = -ENODATA;
    }
    if (result == 0) {
        mm_curves_write(summary, plot, &panels, streams);
        write_alternative(streams->alternative, &scaling, &panels);
    }
    mm_curves_release(&panels);
    mm_scaling_release(&scaling);
    return result;
}
