/* Makes the plots in memory and writes them. */
#include "analysis/plots/plots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/plots/builders.h"
#include "analysis/plots/gnuplot.h"
#include "analysis/plots/templates.h"
#include "common/file.h"
#include "common/text.h"

static const struct {
    struct mm_plot_recipe recipe;
    int (*build)(const struct mm_summary *summary, const struct mm_plot *plot,
                 const struct mm_plot_streams *streams);
} kinds[MM_PLOT_COUNT] = {
    [MM_PLOT_THROUGHPUT] = {{"throughput", "throughput", "Throughput by workload and engine",
                             "no case has a throughput: no launch succeeded"},
                            mm_plot_build_throughput},
    [MM_PLOT_LAUNCHES] = {{"launches", "launches", "Launches beside the medians of their cases",
                           "no case has two launches with a throughput"},
                          mm_plot_build_launches},
    [MM_PLOT_SWEEP] = {{"sweep", "curves", "Throughput by parameter",
                        "no number varies among cases that are alike otherwise"},
                       mm_plot_build_sweep},
    [MM_PLOT_SCALING] = {{"scaling", "curves", "Speed-up by number of processes",
                          "no cases differ in their number of processes alone"},
                         mm_plot_build_scaling},
    [MM_PLOT_FAULTS] = {{"faults", "faults", "Page faults by workload and phase",
                         "no case has fault counts: no launch succeeded, or nothing counts faults"},
                        mm_plot_build_faults},
    [MM_PLOT_FLUSH] = {{"flush", "latency", "Flush latency by percentile",
                        "no case flushed anything"},
                       mm_plot_build_flush},
    [MM_PLOT_FLUSH_ECDF] = {{"flush_ecdf", "latency", "Flush latency, cumulative shares",
                             "no case flushed anything"},
                            mm_plot_build_flush_ecdf},
    [MM_PLOT_LATENCY] = {{"latency", "latency", "Latency of operations by percentile",
                          "no case measured the latency of operations"},
                         mm_plot_build_latency},
    [MM_PLOT_LATENCY_ECDF] = {{"latency_ecdf", "latency",
                               "Latency of operations, cumulative shares",
                               "no case measured the latency of operations"},
                              mm_plot_build_latency_ecdf},
    [MM_PLOT_SERIES] = {{"series", "series", "Throughput over time", "no sample took 2 s or more"},
                        mm_plot_build_series},
};

static const char *template_text(const char *name)
{
    const struct mm_plot_template *template = mm_plot_templates;
    while (strcmp(template->name, name) != 0) {
        template ++;
    }
    return template->text;
}

/* Fills script, data and alternative; -ENODATA leaves them NULL. */
static int write_plot(struct mm_plot *plot, const char *template, mm_plot_build *build,
                      const void *context)
{
    char *alternative = NULL;
    size_t alternative_size;
    char *script = NULL;
    char *data = NULL;
    size_t script_size;
    size_t data_size;
    int result = -ENOMEM;
    struct mm_plot_streams streams = {
        .script = open_memstream(&script, &script_size),
        .data = open_memstream(&data, &data_size),
        .alternative = open_memstream(&alternative, &alternative_size),
    };
    if (streams.script && streams.data && streams.alternative) {
        result = build(context, plot, &streams);
    }
    if (result == 0) {
        fputc('\n', streams.script);
        fputs(template_text(template), streams.script);
    }
    FILE *const opened[] = {streams.script, streams.data, streams.alternative};
    for (size_t i = 0; i < MM_COUNT_OF(opened); i++) {
        if (opened[i] && fclose(opened[i]) != 0 && result == 0) {
            result = -ENOMEM;
        }
    }
    if (result < 0) {
        free(script);
        free(data);
        free(alternative);
        return result;
    }
    plot->script = script;
    plot->script_size = script_size;
    plot->data = data;
    plot->data_size = data_size;
    plot->alternative = alternative;
    return 0;
}

int mm_plot_make(const struct mm_plot_recipe *recipe, mm_plot_build *build, const void *context,
                 struct mm_plot *plot)
{
    *plot = (struct mm_plot){.name = recipe->name, .title = recipe->title};
    int result = write_plot(plot, recipe->template, build, context);
    if (result == -ENODATA) {
        plot->why_missing = strdup(recipe->nothing);
        plot->alternative = strdup("");
        return plot->why_missing && plot->alternative ? 0 : -ENOMEM;
    }
    if (result < 0) {
        return result;
    }
    struct mm_gnuplot_job job = {
        .name = plot->name,
        .script = plot->script,
        .script_size = plot->script_size,
        .data = plot->data,
        .data_size = plot->data_size,
    };
    if (mm_gnuplot_draw(&job, &plot->svg, &plot->svg_size, &plot->why_missing) < 0 &&
        !plot->why_missing) {
        return -ENOMEM;
    }
    return 0;
}

/* One of kinds, for one summary. */
struct of_summary {
    const struct mm_summary *summary;
    enum mm_plot_kind kind;
};

static int build_kind(const void *context, const struct mm_plot *plot,
                      const struct mm_plot_streams *streams)
{
    const struct of_summary *of = context;
    return kinds[of->kind].build(of->summary, plot, streams);
}

int mm_plots_make(const struct mm_summary *summary, struct mm_plots *plots, struct mm_error *error)
{
    *plots = (struct mm_plots){0};
    for (int kind = 0; kind < MM_PLOT_COUNT; kind++) {
        struct of_summary of = {summary, (enum mm_plot_kind)kind};
        int result = mm_plot_make(&kinds[kind].recipe, build_kind, &of, &plots->plots[kind]);
        if (result < 0) {
            return mm_error_set(error, result, "making the plots: %s", strerror(-result));
        }
    }
    return 0;
}

void mm_plot_release(struct mm_plot *plot)
{
    free(plot->alternative);
    free(plot->script);
    free(plot->data);
    free(plot->svg);
    free(plot->why_missing);
    free(plot->why_others_missing);
    for (int format = 0; format < MM_PLOT_FORMATS; format++) {
        free(plot->others[format].bytes);
    }
    *plot = (struct mm_plot){0};
}

void mm_plots_release(struct mm_plots *plots)
{
    for (int kind = 0; kind < MM_PLOT_COUNT; kind++) {
        mm_plot_release(&plots->plots[kind]);
    }
}

/* Writes folder/<name><ending>, or removes what an earlier plot left there. */
static int write_file(const char *folder, const char *name, const char *ending, const char *bytes,
                      size_t size, struct mm_error *error)
{
    char *path = mm_text_format("%s/%s%s", folder, name, ending);
    if (!path) {
        return mm_error_set(error, -ENOMEM, "out of memory");
    }
    int result = 0;
    if (bytes) {
        result = mm_file_replace(path, bytes, size, error);
    } else if (unlink(path) < 0 && errno != ENOENT) {
        int code = -errno;
        result = mm_error_set(error, code, "cannot remove the old %s: %s", path, strerror(-code));
    }
    free(path);
    return result;
}

int mm_plot_write(const struct mm_plot *plot, const char *folder, struct mm_error *error)
{
    int result = mm_file_make_folders(folder, error);
    if (result == 0) {
        result = write_file(folder, plot->name, ".dat", plot->data, plot->data_size, error);
    }
    if (result == 0) {
        result = write_file(folder, plot->name, ".gp", plot->script, plot->script_size, error);
    }
    if (result == 0) {
        result = write_file(folder, plot->name, ".svg", plot->svg, plot->svg_size, error);
    }
    static const char *const endings[MM_PLOT_FORMATS] = {".png", ".pdf"};
    for (int format = 0; result == 0 && format < MM_PLOT_FORMATS; format++) {
        const struct mm_picture *picture = &plot->others[format];
        result =
            write_file(folder, plot->name, endings[format], picture->bytes, picture->size, error);
    }
    return result;
}

int mm_plots_write(const struct mm_plots *plots, const char *folder, struct mm_error *error)
{
    int result = 0;
    for (int kind = 0; result == 0 && kind < MM_PLOT_COUNT; kind++) {
        result = mm_plot_write(&plots->plots[kind], folder, error);
    }
    return result;
}
