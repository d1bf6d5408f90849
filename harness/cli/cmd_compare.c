/* mapmeter compare: two records beside each other. */
#include <errno.h>
#include <string.h>

#include "analysis/compare.h"
#include "harness/cli/cli.h"
#include "results/record.h"

struct compare_options {
    const char *paths[2];
    int path_count;
    const char *plot; /* folder, or NULL */
    bool json;
    bool markdown;
    struct mm_error error;
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct compare_options *compare = state->input;
    switch (key) {
    case 'j':
        compare->json = true;
        return 0;
    case 'p':
        compare->plot = argument;
        return 0;
    case 'm':
        compare->markdown = true;
        return 0;
    case ARGP_KEY_ARG:
        if (compare->path_count == 2) {
            mm_error_set(&compare->error, -EINVAL, "'%s': two records are compared, not three",
                         argument);
            return EINVAL;
        }
        compare->paths[compare->path_count++] = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int print_comparison(const struct compare_options *compare,
                            const struct mm_comparison *comparison)
{
    if (compare->json)
        return mm_cli_print_json(mm_comparison_to_json(comparison));
    return compare->markdown ? mm_comparison_write_markdown(comparison, stdout)
                             : mm_comparison_write_text(comparison, stdout);
}

/* A picture that could not be drawn is a warning: its script and its data are there. */
static int write_plot(struct compare_options *compare, const struct mm_comparison *comparison)
{
    struct mm_plot plot = {0};
    int status = compare->plot ? mm_comparison_forest_make(comparison, &plot, &compare->error) : 0;
    if (!status && plot.script)
        status = mm_plot_write(&plot, compare->plot, &compare->error);
    if (!status && plot.why_missing)
        fprintf(stderr, "mapmeter compare: %s\n", plot.why_missing);
    mm_plot_release(&plot);
    return status;
}

static int check_usage(struct compare_options *compare)
{
    if (compare->path_count < 2)
        return mm_error_set(&compare->error, -EINVAL,
                            "name two records: mapmeter compare BASE HEAD");
    if (compare->json && compare->markdown)
        return mm_error_set(&compare->error, -EINVAL, "--json or --markdown, not both");
    if (!strcmp(compare->paths[0], "-") && !strcmp(compare->paths[1], "-"))
        return mm_error_set(&compare->error, -EINVAL,
                            "standard input ('-') can be one of the two only");
    return 0;
}

int mm_cmd_compare(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"markdown", 'm', NULL, 0, "print a Markdown table", 0},
        {"json", 'j', NULL, 0, "print JSON", 0},
        {"plot", 'p', "DIR", 0, "write a forest plot of the ratios into this folder", 0},
        {NULL, 0, NULL, 0, NULL, 0},
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse_option,
        .args_doc = "A B",
        .doc = "Compares two records case by case: the ratio of their throughputs with its "
               "interval, their page faults, and a verdict where there can be one. A and B are "
               "folders of results, their "
               "results.json, or - for standard input.\v"
               "Example:\n  mapmeter compare results/before results/after",
    };
    struct compare_options compare = {0};
    struct mm_error *error = &compare.error;
    struct mm_record *a = NULL;
    struct mm_record *b = NULL;
    struct mm_comparison *comparison = NULL;
    int status = mm_cli_parse(&argp, argc, argv, &compare, error);
    if (!status)
        status = check_usage(&compare);
    if (!status)
        status = mm_record_load(compare.paths[0], &a, error);
    if (!status)
        status = mm_record_load(compare.paths[1], &b, error);
    if (!status)
        status = mm_compare(a, b, &comparison, error);
    if (!status)
        status = write_plot(&compare, comparison);
    int exit_code = MM_CLI_OK;
    if (status) {
        exit_code = mm_cli_fail("compare", error, mm_cli_exit_code(status));
    } else if (print_comparison(&compare, comparison)) {
        mm_error_set(error, -EIO, "the comparison cannot be written to standard output");
        exit_code = mm_cli_fail("compare", error, MM_CLI_FAILED);
    }
    mm_comparison_free(comparison);
    mm_record_free(a);
    mm_record_free(b);
    return mm_cli_finish_output("compare", exit_code);
}
