/* The program mapmeter: a table of subcommands. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "harness/cli/cli.h"

struct command {
    const char *name;
    const char *summary; /* NULL: not shown */
    int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
    {"run", "measure a suite, or the cases that the options name", mm_cmd_run},
    {"list", "workloads, engines, suites and metrics, each with its parameters", mm_cmd_list},
    {"doctor", "what this machine can measure, what it cannot, and the remedy", mm_cmd_doctor},
    {"report", "write the page, the plots and the summary of a record again", mm_cmd_report},
    {"compare", "two records beside each other", mm_cmd_compare},
    {"gate", "two builds, plug-ins or commands: did it get worse?", mm_cmd_gate},
    {"history", "records of many days: what changed, and when", mm_cmd_history},
    {"worker", NULL, mm_cmd_worker},
};

static void print_help(void)
{
    puts("Usage: mapmeter COMMAND [OPTION...]\n"
         "How should this program reach the bytes of this file on this machine?\n");
    puts("Commands:");
    for (size_t i = 0; i < MM_COUNT_OF(commands); i++) {
        if (commands[i].summary)
            printf("  %-9s %s\n", commands[i].name, commands[i].summary);
    }
    puts(
        "\nTo begin with:\n"
        "  mapmeter doctor              what can be measured here\n"
        "  mapmeter run quick           all workloads and engines, about two minutes\n"
        "  mapmeter run --file data.npy --workload sequential\n"
        "                               read your own file in every way; it is not changed\n"
        "\n'mapmeter COMMAND --help' tells the options of a command, 'mapmeter list' the parameters"
        "\nof workloads and engines, 'mapmeter --version' the version.\n"
        "\nExit codes: 0 done; 2 wrong usage or configuration, nothing was done; 4 a case failed"
        "\nor gave a wrong result, or the work could not be finished; of gate also 1 a regression,"
        "\n3 inconclusive, 5 no usable baseline.");
}

static int unknown_command(const char *name)
{
    const char *names[MM_COUNT_OF(commands)];
    size_t count = 0;
    for (size_t i = 0; i < MM_COUNT_OF(commands); i++) {
        if (commands[i].summary)
            names[count++] = commands[i].name;
    }
    char suggestion[96];
    mm_text_suggestion(name, names, count, suggestion, sizeof(suggestion));
    struct mm_error error;
    mm_error_set(&error, -EINVAL, "unknown %s '%s'%s", name[0] == '-' ? "option" : "command", name,
                 suggestion[0] ? suggestion : "; 'mapmeter --help' shows what there is");
    fprintf(stderr, "mapmeter: %s\n", error.text);
    return MM_CLI_USAGE;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help();
        return mm_cli_finish_output("", MM_CLI_OK);
    }
    const char *name = argv[1];
    if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "-?") ||
        !strcmp(name, "help")) {
        print_help();
        return mm_cli_finish_output("", MM_CLI_OK);
    }
    if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
        puts("mapmeter " MAPMETER_VERSION);
        return mm_cli_finish_output("", MM_CLI_OK);
    }
    for (size_t i = 0; i < MM_COUNT_OF(commands); i++) {
        if (!strcmp(commands[i].name, name))
            return commands[i].run(argc - 1, argv + 1);
    }
    return unknown_command(name);
}
