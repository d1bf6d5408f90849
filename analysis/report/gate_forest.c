/* The forest plot of a gate: the ratio of each benchmark and metric, in the order of its reports.
 */
#include <errno.h>
#include <stdlib.h>

#include "analysis/plots/forest.h"
#include "analysis/report/gate_report.h"
#include "common/file.h"
#include "common/text.h"

struct labelled {
    struct mm_forest_row *rows;
    char **labels;
    size_t count;
};

static void release(struct labelled *made)
{
    for (size_t i = 0; i < made->count; i++) {
        free(made->labels[i]);
    }
    free(made->labels);
    free(made->rows);
}

/* Effects are shares: 0.05 is a ratio of 1.05. */
static int make_rows(const struct mm_gate_rows *rows, struct labelled *made)
{
    *made = (struct labelled){
        .rows = calloc(rows->count + 1, sizeof *made->rows),
        .labels = calloc(rows->count + 1, sizeof *made->labels),
    };
    if (!made->rows || !made->labels) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < rows->count; i++) {
        const struct mm_gate_row *row = &rows->items[i];
        if (row->pairs == 0) {
            continue;
        }
        char *label = mm_text_format("%s: %s", row->metric, row->benchmark);
        if (!label) {
            return -ENOMEM;
        }
        made->labels[made->count] = label;
        made->rows[made->count++] = (struct mm_forest_row){
            .label = label,
            .verdict = row->verdict,
            .ratio = 1 + row->effect,
            .has_interval = true,
            .low = 1 + row->low,
            .high = 1 + row->high,
            .margin = row->margin > 0 ? 1 + row->margin : 0,
            .target = row->target > 0 ? 1 + row->target : 0,
            .count = row->pairs,
        };
    }
    return 0;
}

static const char *text_of(const json_t *holder, const char *name)
{
    const char *text = json_string_value(json_object_get(holder, name));
    return text ? text : "unknown";
}

int mm_gate_forest_make(const json_t *document, const struct mm_gate_rows *rows,
                        struct mm_plot *plot, struct mm_error *error)
{
    const json_t *gate = json_object_get(document, "gate");
    const json_t *environment = json_object_get(document, "environment");
    struct labelled made;
    int result = make_rows(rows, &made);
    char *title = mm_text_format("Gate of suite %s: %s beside %s", text_of(gate, "suite"),
                                 text_of(json_object_get(gate, "head"), "given"),
                                 text_of(json_object_get(gate, "base"), "given"));
    char *caption = mm_text_format("%s, %s, Linux %s, begun %s", text_of(environment, "hostname"),
                                   text_of(environment, "cpu_model"),
                                   text_of(environment, "kernel"), text_of(gate, "started_utc"));
    *plot = (struct mm_plot){0};
    if (result < 0 || !title || !caption) {
        result = mm_error_set(error, -ENOMEM, "not enough memory");
    } else {
        const struct mm_forest forest = {
            .title = title,
            .caption = caption,
            .axis = "head / base, above 1 is worse",
            .unit = "pairs of launches",
            .rows = made.rows,
            .count = made.count,
        };
        result = mm_forest_make(&forest, plot, error);
    }
    free(title);
    free(caption);
    release(&made);
    return result;
}

int mm_gate_forest_write(const json_t *document, const struct mm_gate_rows *rows,
                         const char *folder, struct mm_error *error)
{
    struct mm_plot plot;
    char *path = mm_file_join(folder, "plots");
    int result = path ? mm_gate_forest_make(document, rows, &plot, error)
                      : mm_error_set(error, -ENOMEM, "not enough memory");
    if (path) {
        if (result == 0 && plot.script) {
            result = mm_plot_write(&plot, path, error);
        }
        mm_plot_release(&plot);
    }
    free(path);
    return result;
}
