/* mapmeter doctor: what this machine can measure, what it cannot, and the remedy. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "harness/cli/cli.h"
#include "harness/data_file.h"
#include "harness/environment.h"

#define FACT_LIMIT 64

struct doctor_options {
    const char *folder;
    bool json;
    struct mm_error error;
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct doctor_options *doctor = state->input;
    switch (key) {
    case 'd':
        doctor->folder = argument;
        return 0;
    case 'j':
        doctor->json = true;
        return 0;
    case ARGP_KEY_ARG:
        mm_error_set(&doctor->error, -EINVAL, "'%s': doctor takes options only", argument);
        return EINVAL;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const char *state_name(enum mm_doctor_state state)
{
    switch (state) {
    case MM_DOCTOR_OK:
        return "ok";
    case MM_DOCTOR_LIMITED:
        return "limited";
    case MM_DOCTOR_MISSING:
        return "missing";
    }
    return "unknown";
}

static void print_fact(const struct mm_doctor_fact *fact, bool colour)
{
    static const char *const colours[] = {"\033[32m", "\033[33m", "\033[31m"};
    const char *begin = colour ? colours[fact->state] : "";
    printf("%s%-8s%s %s: %s\n", begin, state_name(fact->state), colour ? "\033[0m" : "",
           fact->subject, fact->finding);
    if (fact->remedy[0])
        printf("         remedy: %s\n", fact->remedy);
}

static json_t *facts_to_json(const struct mm_doctor_fact *facts, size_t count, const char *folder)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count && list; i++) {
        json_t *fact = json_pack("{s:s, s:s, s:s, s:s?}", "subject", facts[i].subject, "state",
                                 state_name(facts[i].state), "finding", facts[i].finding, "remedy",
                                 facts[i].remedy[0] ? facts[i].remedy : NULL);
        if (json_array_append_new(list, fact)) {
            json_decref(list);
            list = NULL;
        }
    }
    return json_pack("{s:s, s:o}", "folder", folder, "facts", list);
}

int mm_cmd_doctor(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"data-dir", 'd', "DIR", 0, "probe for data files in this folder", 0},
        {"dir", 0, NULL, OPTION_ALIAS, NULL, 0},
        {"json", 'j', NULL, 0, "print JSON", 0},
        {NULL, 0, NULL, 0, NULL, 0},
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse_option,
        .doc = "Probes what can be measured here, as this user: counters, cache states, file "
               "system, clock. Says why what is missing is missing, and the remedy.\v"
               "Examples:\n  mapmeter doctor\n  mapmeter doctor --data-dir /mnt/fast --json",
    };
    struct doctor_options doctor = {0};
    int status = mm_cli_parse(&argp, argc, argv, &doctor, &doctor.error);
    if (status)
        return mm_cli_fail("doctor", &doctor.error, MM_CLI_USAGE);
    char *folder = doctor.folder ? strdup(doctor.folder) : mm_data_file_default_folder();
    struct mm_doctor_fact *facts = calloc(FACT_LIMIT, sizeof(*facts));
    if (folder && facts) {
        /* One that is not there yet will be made in the nearest that is: the same file system, and
         * doctor makes nothing. */
        mm_file_cut_to_existing(folder);
        size_t count = mm_doctor_probe(folder, facts, FACT_LIMIT);
        if (doctor.json)
            status = mm_cli_print_json(facts_to_json(facts, count, folder));
        bool colour = mm_cli_colour(stdout);
        for (size_t i = 0; i < count && !doctor.json; i++)
            print_fact(&facts[i], colour);
    } else {
        status = -ENOMEM;
    }
    free(folder);
    free(facts);
    if (status) {
        mm_error_set(&doctor.error, status, "not enough memory");
        return mm_cli_fail("doctor", &doctor.error, MM_CLI_FAILED);
    }
    return mm_cli_finish_output("doctor", MM_CLI_OK);
}
