/* Writes the reports of a record into a folder. */
#include "analysis/report/report.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/plots/plots.h"
#include "analysis/report/emit.h"
#include "analysis/summary.h"
#include "common/file.h"
#include "common/text.h"

static const char *const raw_files[] = {"results.json", "gbench.json", "gbench-aggregates.json",
                                        "samples.csv", "report.txt"};

static int find_links(const char *folder, struct mm_report_links *links)
{
    *links = (struct mm_report_links){0};
    for (size_t i = 0; i < MM_COUNT_OF(raw_files); i++) {
        char *path = mm_file_join(folder, raw_files[i]);
        if (!path) {
            return -ENOMEM;
        }
        if (access(path, F_OK) == 0) {
            links->names[links->count++] = raw_files[i];
        }
        free(path);
    }
    return 0;
}

int mm_report_save(const char *folder, const char *name, FILE *stream, char **bytes,
                   const size_t *size, struct mm_error *error)
{
    if (fclose(stream) != 0) {
        return mm_error_set(error, -ENOMEM, "out of memory");
    }
    char *path = mm_file_join(folder, name);
    if (!path) {
        return mm_error_set(error, -ENOMEM, "out of memory");
    }
    int result = mm_file_replace(path, *bytes, *size, error);
    free(path);
    return result;
}

static int write_page(const char *folder, const struct mm_summary *summary,
                      const struct mm_findings *findings, const struct mm_plots *plots,
                      const struct mm_report_links *links, struct mm_error *error)
{
    char *bytes = NULL;
    size_t size;
    FILE *stream = open_memstream(&bytes, &size);
    if (!stream) {
        return mm_error_set(error, -ENOMEM, "out of memory");
    }
    mm_html_write(stream, summary, findings, plots, links);
    int result = mm_report_save(folder, "report.html", stream, &bytes, &size, error);
    free(bytes);
    return result;
}

static int write_summary(const char *folder, const struct mm_summary *summary,
                         const struct mm_findings *findings, const struct mm_plots *plots,
                         const struct mm_report_links *links, struct mm_error *error)
{
    char *bytes = NULL;
    size_t size;
    FILE *stream = open_memstream(&bytes, &size);
    if (!stream) {
        return mm_error_set(error, -ENOMEM, "out of memory");
    }
    mm_markdown_write(stream, summary, findings, plots, links);
    int result = mm_report_save(folder, "summary.md", stream, &bytes, &size, error);
    free(bytes);
    return result;
}

static int write_text(const char *folder, const struct mm_summary *summary,
                      const struct mm_findings *findings, struct mm_error *error)
{
    char *bytes = NULL;
    size_t size;
    FILE *stream = open_memstream(&bytes, &size);
    if (!stream) {
        return mm_error_set(error, -ENOMEM, "out of memory");
    }
    mm_text_write(stream, summary, findings, false);
    int result = mm_report_save(folder, "report.txt", stream, &bytes, &size, error);
    free(bytes);
    return result;
}

static int write_samples(const char *folder, const struct mm_record *record, struct mm_error *error)
{
    char *bytes = NULL;
    size_t size;
    FILE *stream = open_memstream(&bytes, &size);
    if (!stream) {
        return mm_error_set(error, -ENOMEM, "out of memory");
    }
    mm_samples_write(stream, record);
    int result = mm_report_save(folder, "samples.csv", stream, &bytes, &size, error);
    free(bytes);
    return result;
}

static int write_plots(const char *folder, const struct mm_plots *plots, struct mm_error *error)
{
    char *path = mm_file_join(folder, "plots");
    if (!path) {
        return mm_error_set(error, -ENOMEM, "out of memory");
    }
    int result = mm_plots_write(plots, path, error);
    free(path);
    return result;
}

/* One histogram as plots/<metric>_ns-<case>.hgrm, in nanoseconds. */
static int write_hgrm(const char *folder, const struct mm_summary_case *one,
                      const struct mm_latency_metric *metric, struct mm_error *error)
{
    char *bytes = NULL;
    size_t size;
    FILE *stream = open_memstream(&bytes, &size);
    char *name = mm_text_format("plots/%s_ns-%s.hgrm", metric->name, one->id);
    int result = 0;
    if (!stream || !name) {
        result = mm_error_set(error, -ENOMEM, "out of memory");
        if (stream) {
            fclose(stream);
        }
    } else {
        mm_histogram_write_hgrm(metric->histogram, stream, 1);
        result = mm_report_save(folder, name, stream, &bytes, &size, error);
    }
    free(name);
    free(bytes);
    return result;
}

/* The series of a case as plots/series-<case>.dat. */
static int write_series(const char *folder, const struct mm_summary_case *one,
                        struct mm_error *error)
{
    char *bytes = NULL;
    size_t size;
    FILE *stream = open_memstream(&bytes, &size);
    char *name = mm_text_format("plots/series-%s.dat", one->id);
    int result = 0;
    if (!stream || !name) {
        result = mm_error_set(error, -ENOMEM, "out of memory");
        if (stream) {
            fclose(stream);
        }
    } else {
        mm_series_write_table(stream, one->name, &one->series);
        result = mm_report_save(folder, name, stream, &bytes, &size, error);
    }
    free(name);
    free(bytes);
    return result;
}

/* The tables of a record that was reported here before. */
static int remove_old_tables(const char *folder, struct mm_error *error)
{
    char *path = mm_text_format("%s/plots", folder);
    DIR *entries = path ? opendir(path) : NULL;
    int result = 0;
    for (struct dirent *entry = entries ? readdir(entries) : NULL; entry && result == 0;
         entry = readdir(entries)) {
        if ((fnmatch("*_ns-*.hgrm", entry->d_name, 0) == 0 ||
             fnmatch("series-*.dat", entry->d_name, 0) == 0) &&
            unlinkat(dirfd(entries), entry->d_name, 0) < 0) {
            int code = -errno;
            result = mm_error_set(error, code, "cannot remove the old %s/%s: %s", path,
                                  entry->d_name, strerror(-code));
        }
    }
    if (entries) {
        closedir(entries);
    }
    free(path);
    return result;
}

static int write_tables(const char *folder, const struct mm_summary *summary,
                        struct mm_error *error)
{
    int result = remove_old_tables(folder, error);
    for (size_t i = 0; result == 0 && i < summary->case_count; i++) {
        if (summary->cases[i].series.count > 0) {
            result = write_series(folder, &summary->cases[i], error);
        }
        const struct mm_latencies *latencies = &summary->cases[i].latencies;
        for (size_t m = 0; result == 0 && m < latencies->count; m++) {
            result = write_hgrm(folder, &summary->cases[i], &latencies->metrics[m], error);
        }
    }
    return result;
}

/* Of the plots that have data and no picture: one warning for each reason. */
static void warn_of_missing(const struct mm_report_options *options, const struct mm_plots *plots)
{
    const char *last = NULL;
    for (int kind = 0; options->warn && kind < MM_PLOT_COUNT; kind++) {
        const struct mm_plot *plot = &plots->plots[kind];
        const char *why = plot->script && !plot->svg ? plot->why_missing : plot->why_others_missing;
        if (why && (!last || strcmp(last, why) != 0)) {
            options->warn(options->warn_context, why);
            last = why;
        }
    }
}

int mm_report_write(const struct mm_record *record, const char *folder,
                    const struct mm_report_options *options, struct mm_error *error)
{
    static const struct mm_report_options everything = {
        .html = true, .markdown = true, .text = true, .samples = true, .plots = true};
    struct mm_summary *summary = NULL;
    struct mm_findings findings = {0};
    struct mm_plots plots = {0};
    struct mm_report_links links;
    options = options ? options : &everything;
    int result = mm_summary_make(record, &summary, error);
    if (result < 0) {
        return result;
    }
    if (mm_findings_make(summary, &findings) < 0) {
        result = mm_error_set(error, -ENOMEM, "out of memory");
        goto cleanup;
    }
    result = mm_file_make_folders(folder, error);
    if (result == 0 && options->text) {
        result = write_text(folder, summary, &findings, error);
    }
    if (result == 0 && options->samples) {
        result = write_samples(folder, record, error);
    }
    if (result == 0 && find_links(folder, &links) < 0) {
        result = mm_error_set(error, -ENOMEM, "out of memory");
    }
    if (result == 0 && (options->plots || options->html)) {
        result = mm_plots_make(summary, &plots, error);
    }
    if (result == 0 && options->plots) {
        result = mm_plots_draw_others(&plots, options->also, error);
    }
    if (result == 0 && options->plots) {
        result = write_plots(folder, &plots, error);
    }
    if (result == 0 && options->plots) {
        result = write_tables(folder, summary, error);
    }
    if (result == 0 && options->html) {
        result = write_page(folder, summary, &findings, &plots, &links, error);
    }
    if (result == 0 && options->markdown) {
        result = write_summary(folder, summary, &findings, options->plots ? &plots : NULL, &links,
                               error);
    }
    if (result == 0) {
        warn_of_missing(options, &plots);
    }

cleanup:
    mm_plots_release(&plots);
    mm_findings_release(&findings);
    mm_summary_free(summary);
    return result;
}

int mm_report_text(const struct mm_record *record, FILE *stream, bool colour,
                   struct mm_error *error)
{
    struct mm_summary *summary;
    int result = mm_summary_make(record, &summary, error);
    if (result < 0) {
        return result;
    }
    struct mm_findings findings;
    if (mm_findings_make(summary, &findings) < 0) {
        mm_summary_free(summary);
        return mm_error_set(error, -ENOMEM, "out of memory");
    }
    mm_text_write(stream, summary, &findings, colour);
    mm_findings_release(&findings);
    mm_summary_free(summary);
    if (fflush(stream) != 0 || ferror(stream)) {
        return mm_error_set(error, -EIO, "the table could not be written");
    }
    return 0;
}
