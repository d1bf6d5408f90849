/* mapmeter report: the page, the plots and the summary of a record, written again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/report/report.h"
#include "common/file.h"
#include "common/text.h"
#include "harness/cli/cli.h"
#include "results/record.h"

struct report_options {
    const char *record;
    const char *out;
    bool quiet;
    bool also[MM_PLOT_FORMATS];
    struct mm_error error;
};

/* "svg,png,pdf"; the SVG is there in any case. */
static error_t parse_formats(struct report_options *report, const char *argument)
{
    static const char *const names[] = {[MM_PLOT_PNG] = "png", [MM_PLOT_PDF] = "pdf", "svg"};
    for (const char *at = argument; at; at = strchr(at, ',')) {
        at += *at == ',';
        size_t length = strcspn(at, ",");
        size_t format = 0;
        while (format < MM_COUNT_OF(names) &&
               (strlen(names[format]) != length || strncmp(names[format], at, length) != 0))
            format++;
        if (format == MM_COUNT_OF(names)) {
            mm_error_set(&report->error, -EINVAL,
                         "'%s' is no list of formats: svg, png and pdf, such as --format svg,png",
                         argument);
            return EINVAL;
        }
        if (format < MM_PLOT_FORMATS)
            report->also[format] = true;
    }
    return 0;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct report_options *report = state->input;
    switch (key) {
    case 'o':
        report->out = argument;
        return 0;
    case 'f':
        return parse_formats(report, argument);
    case 'q':
        report->quiet = true;
        return 0;
    case ARGP_KEY_ARG:
        if (report->record) {
            mm_error_set(&report->error, -EINVAL, "'%s': report takes one record", argument);
            return EINVAL;
        }
        report->record = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Without --out: where the record is. */
static char *folder_of(const char *record)
{
    struct stat state;
    if (!strcmp(record, "-"))
        return strdup(".");
    if (!stat(record, &state) && S_ISDIR(state.st_mode))
        return strdup(record);
    const char *slash = strrchr(record, '/');
    if (!slash)
        return strdup(".");
    return strndup(record, slash == record ? 1 : (size_t)(slash - record));
}

static void show_warning(void *context, const char *line)
{
    (void)context;
    fprintf(stderr, "mapmeter report: %s\n", line);
}

static int write_reports(const struct report_options *report, const struct mm_record *record,
                         const char *folder, struct mm_error *error)
{
    struct mm_report_options wanted = {.html = true,
                                       .markdown = true,
                                       .text = true,
                                       .samples = true,
                                       .plots = true,
                                       .warn = show_warning};
    memcpy(wanted.also, report->also, sizeof wanted.also);
    int status = mm_file_make_folders(folder, error);
    if (!status)
        status = mm_report_write(record, folder, &wanted, error);
    if (!status && !report->quiet)
        status = mm_report_text(record, stdout, mm_cli_colour(stdout), error);
    if (!status && !report->quiet)
        printf("\nreport: %s/report.html\n", folder);
    return status;
}

int mm_cmd_report(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"out", 'o', "DIR", 0, "folder to write into (the record's own)", 0},
        {"format", 'f', "LIST", 0, "of the plots: svg, and with it png, pdf (svg)", 0},
        {"quiet", 'q', NULL, 0, "print nothing but what goes wrong", 0},
        {NULL, 0, NULL, 0, NULL, 0},
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse_option,
        .args_doc = "RECORD",
        .doc = "Writes report.html, summary.md and the plots of a record again, and prints its "
               "table. Nothing is measured. RECORD is a folder of results, its results.json, or - "
               "for standard input.\v"
               "Example:\n  mapmeter report mapmeter-results/latest --out /tmp/report",
    };
    struct report_options report = {0};
    struct mm_error *error = &report.error;
    struct mm_record *record = NULL;
    char *folder = NULL;
    int exit_code = MM_CLI_OK;
    int status = mm_cli_parse(&argp, argc, argv, &report, error);
    if (!status && !report.record)
        status = mm_error_set(error, -EINVAL, "name a record: mapmeter report RECORD");
    if (!status)
        status = mm_record_load(report.record, &record, error);
    if (status) {
        exit_code = mm_cli_fail("report", error, mm_cli_exit_code(status));
        goto cleanup;
    }
    folder = report.out ? strdup(report.out) : folder_of(report.record);
    status = folder ? write_reports(&report, record, folder, error)
                    : mm_error_set(error, -ENOMEM, "not enough memory");
    if (status)
        exit_code = mm_cli_fail("report", error, mm_cli_exit_code(status));

cleanup:
    free(folder);
    mm_record_free(record);
    return mm_cli_finish_output("report", exit_code);
}
