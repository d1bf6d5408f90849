/* Pictures beside the SVG: PNG with two pixels for each of its units, PDF with a point for 4/3. */
#include "analysis/plots/formats.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/plots/gnuplot.h"
#include "common/text.h"

/* A template has one line of this, with the width and the height after it. */
static const char svg_terminal[] = "\nset terminal svg dynamic size ";

/* Cairo's terminals count fonts in points of 96 and 72 to the inch, the SVG in its own units. */
#define PNG_TERMINAL                                                                               \
    "\nset terminal pngcairo size 2 * %.*s, 2 * plot_height fontscale 1.5 linewidth 2 pointscale " \
    "2 "                                                                                           \
    "font \"sans-serif,12\" background \"#ffffff\"\nset encoding utf8\nset output "                \
    "output_file[1:strlen(output_file) - 3].\"png\"\n"
#define PDF_TERMINAL                                                                      \
    "\nset terminal pdfcairo size %.*s / 96.0, plot_height / 96.0 fontscale 0.5625 font " \
    "\"sans-serif,12\" background \"#ffffff\"\nset encoding utf8\nset output "            \
    "output_file[1:strlen(output_file) - 3].\"pdf\"\n"

const char *mm_plot_format_name(enum mm_plot_format format)
{
    static const char *const names[MM_PLOT_FORMATS] = {
        [MM_PLOT_PNG] = "png", [MM_PLOT_PDF] = "pdf"};
    return names[format];
}

/* Every template sets its terminal before its output. */
char *mm_plot_format_script(const struct mm_plot *plot, enum mm_plot_format format)
{
    static const char svg_output[] = "\nset output output_file\n";
    const char *terminal = strstr(plot->script, svg_terminal);
    const char *output = terminal ? strstr(terminal, svg_output) : NULL;
    if (!output) {
        return NULL;
    }
    const char *width = terminal + strlen(svg_terminal);
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (!stream) {
        return NULL;
    }
    fwrite(plot->script, 1, (size_t)(terminal - plot->script), stream);
    if (format == MM_PLOT_PNG) {
        fprintf(stream, PNG_TERMINAL, (int)strcspn(width, ","), width);
    } else {
        fprintf(stream, PDF_TERMINAL, (int)strcspn(width, ","), width);
    }
    fputs(output + strlen(svg_output), stream);
    if (fclose(stream) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static int draw(struct mm_plot *plot, enum mm_plot_format format)
{
    char *script = mm_plot_format_script(plot, format);
    if (!script) {
        return -ENOMEM;
    }
    struct mm_gnuplot_job job = {
        .name = plot->name,
        .ending = mm_plot_format_name(format),
        .script = script,
        .script_size = strlen(script),
        .data = plot->data,
        .data_size = plot->data_size,
    };
    char *why = NULL;
    struct mm_picture *picture = &plot->others[format];
    int result = mm_gnuplot_draw(&job, &picture->bytes, &picture->size, &why);
    free(script);
    if (result < 0 && !why) {
        return -ENOMEM;
    }
    if (result < 0) {
        free(plot->why_others_missing);
        plot->why_others_missing = why;
    }
    return 0;
}

int mm_plots_draw_others(struct mm_plots *plots, const bool wanted[MM_PLOT_FORMATS],
                         struct mm_error *error)
{
    int result = 0;
    for (int kind = 0; kind < MM_PLOT_COUNT; kind++) {
        struct mm_plot *plot = &plots->plots[kind];
        for (int format = 0; result == 0 && format < MM_PLOT_FORMATS; format++) {
            if (plot->svg && wanted[format]) {
                result = draw(plot, (enum mm_plot_format)format);
            }
        }
    }
    return result < 0 ? mm_error_set(error, result, "making the plots: %s", strerror(-result)) : 0;
}
