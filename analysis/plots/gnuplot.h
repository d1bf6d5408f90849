/* Runs gnuplot without a shell, in a folder of its own. */
#ifndef MM_ANALYSIS_PLOTS_GNUPLOT_H
#define MM_ANALYSIS_PLOTS_GNUPLOT_H

#include <stddef.h>

struct mm_gnuplot_job {
    const char *name;   /* <name>.gp reads <name>.dat and writes <name>.svg */
    const char *ending; /* NULL, or of the picture in the place of "svg" */
    const char *script;
    size_t script_size;
    const char *data;
    size_t data_size;
};

/*
 * 0 and the newly allocated picture (*svg, or what ending says, zero-terminated), or a negative
 * errno and *why, newly allocated: one line that says what is wrong and the remedy (NULL when
 * memory is short). -ENOENT: no gnuplot on the path. -ETIMEDOUT: it was stopped after a minute.
 * -EIO: it failed. The folder it works in is made below $TMPDIR or /tmp and removed.
 */
int mm_gnuplot_draw(const struct mm_gnuplot_job *job, char **svg, size_t *svg_size, char **why);

#endif
