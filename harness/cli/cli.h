/* What main.c and the subcommands share. */
#ifndef MM_HARNESS_CLI_CLI_H
#define MM_HARNESS_CLI_CLI_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#include "common/error.h"
#include "harness/plan.h"
#include "results/record.h"

/* Exit codes; of several that apply the first of usage, failed, no baseline, regressed,
 * inconclusive stands. */
enum mm_cli_exit {
    MM_CLI_OK = 0,
    MM_CLI_REGRESSED = 1,    /* of a gate */
    MM_CLI_USAGE = 2,        /* usage or configuration: nothing was done */
    MM_CLI_INCONCLUSIVE = 3, /* of a gate: neither passed nor failed */
    MM_CLI_FAILED = 4, /* a case failed or gave a wrong result, or the work could not be finished */
    MM_CLI_NO_BASELINE = 5 /* nothing to compare with: missing, or of another machine */
};

/* One file cmd_<name>.c each. argv[0] is the name of the subcommand; returns the exit code. */
int mm_cmd_run(int argc, char **argv);
int mm_cmd_list(int argc, char **argv);
int mm_cmd_doctor(int argc, char **argv);
int mm_cmd_compare(int argc, char **argv);
int mm_cmd_gate(int argc, char **argv);
int mm_cmd_history(int argc, char **argv);
int mm_cmd_report(int argc, char **argv);
int mm_cmd_worker(int argc, char **argv);

/* The suites in workloads/suites, put into the program by CMake. */
extern const struct mm_plan_shipped_suite mm_cli_suites[];
extern const size_t mm_cli_suite_count;

/*
 * Parses the options of one subcommand. Options that argp does not know, and values that are
 * missing, become one line with the nearest right name, as everything that the parser function puts
 * into error does. --help ends the program. Returns 0 or -EINVAL with error set.
 */
int mm_cli_parse(const struct argp *argp, int argc, char **argv, void *input,
                 struct mm_error *error);

/* Prints "mapmeter <command>: <text>" on standard error and returns exit_code. */
int mm_cli_fail(const char *command, const struct mm_error *error, int exit_code);

/* A failure to read or to make something: usage when it is of the user's naming (missing, not a
 * record...), failed when the machine is at fault (full disk, no memory, input/output error). */
int mm_cli_exit_code(int status);

/* Flushes standard output; the exit code becomes failed, with a line, when it could not be written
 * (a full disk, but not a reader that went away). */
int mm_cli_finish_output(const char *command, int exit_code);

/* Indented JSON and a newline to standard output; -ENOMEM for NULL. Takes over json. */
int mm_cli_print_json(json_t *json);

/* Whether stream is a terminal on which a line can be written over. */
bool mm_cli_terminal(FILE *stream);

/* Whether colours may be written to stream: such a terminal, and no NO_COLOR. */
bool mm_cli_colour(FILE *stream);

/* cli_selection.c: the options that select cases and their data files, a child of the argp of run
 * and of gate. Their input for it is a struct mm_cli_selection; in their help these groups have the
 * headings "What to measure:" and "On which data:". */
enum { MM_CLI_GROUP_CASES = 2, MM_CLI_GROUP_DATA = 3 };
struct mm_cli_selection {
    struct mm_plan_request *request; /* borrowed, as error and the words */
    struct mm_error *error;
    const char **workloads; /* these lists have room for every word */
    const char **engines;
    const char **caches;
    const char **parameters;
    const char **files; /* request->file_count of them: --file is the command's own option */
    const char *data_folder;
    uint64_t data_limit_bytes;
    char *folder; /* of data files, from finish on */
};
extern const struct argp mm_cli_selection_argp;
/* Before parsing; release it in any case. -ENOMEM. */
int mm_cli_selection_begin(struct mm_cli_selection *selection, struct mm_plan_request *request,
                           int argc, struct mm_error *error);
/* After it: all that was said, and the folder and the suites there are, into the request. -ENOMEM.
 */
int mm_cli_selection_finish(struct mm_cli_selection *selection);
void mm_cli_selection_release(struct mm_cli_selection *selection);

/* cli_out.c: the folder of results. */
struct mm_cli_out {
    char *folder;
    size_t kept; /* length of the part of folder that was there before */
    bool link;   /* mapmeter-results/latest shall point here */
    int lock;    /* the folder, open and locked until release */
};
/* asked NULL: ./mapmeter-results/<UTC time>-<suite>. -EEXIST when it exists and is not empty,
 * -EBUSY when another run is at work in it. */
int mm_cli_out_make(const char *asked, const char *suite, struct mm_cli_out *out,
                    struct mm_error *error);
/* A folder that a run has left, to go on in it; what a killed run left half made is removed. */
int mm_cli_out_resume(const char *folder, struct mm_cli_out *out, struct mm_error *error);
/* The link latest, when the folder has the default place. */
int mm_cli_out_link(const struct mm_cli_out *out, struct mm_error *error);
/* Removes what mm_cli_out_make made, as far as it is empty. */
void mm_cli_out_remove_empty(const struct mm_cli_out *out);
void mm_cli_out_release(struct mm_cli_out *out);

/* cli_clean.c: temporary files of runs that were killed, in one open folder of results, and in all
 * below parent that no run is at work in. */
void mm_cli_clean_results(int folder);
void mm_cli_clean_all_results(const char *parent);

/* cli_resume.c: the record of a folder and its plan, which is the one that request asks for, if it
 * says anything of what to measure. -EINVAL with what differs. */
int mm_cli_resume_load(const char *folder, const struct mm_plan_request *request,
                       struct mm_record **record, struct mm_plan **plan, struct mm_error *error);
/* Whether there is nothing to go on with. */
bool mm_cli_resume_is_complete(const struct mm_record *record, const struct mm_plan *plan);

/* cli_plan.c: a plan for people. */
int mm_cli_print_plan(const struct mm_plan *plan, FILE *stream);
json_t *mm_cli_plan_to_json(const struct mm_plan *plan);

#endif
