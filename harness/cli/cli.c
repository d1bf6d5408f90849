/* Options, errors and output, the same for every subcommand. */
#include "harness/cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"

#define OPTIONS_LIMIT 64

int mm_cli_fail(const char *command, const struct mm_error *error, int exit_code)
{
    fprintf(stderr, "mapmeter%s%s: %s\n", command[0] ? " " : "", command, error->text);
    return exit_code;
}

int mm_cli_exit_code(int status)
{
    switch (status) {
    case -ENOMEM:
    case -ENOSPC:
    case -EDQUOT:
    case -EIO:
    case -EFBIG:
    case -EMFILE:
    case -ENFILE:
        return MM_CLI_FAILED;
    default:
        return MM_CLI_USAGE;
    }
}

int mm_cli_finish_output(const char *command, int exit_code)
{
    errno = 0;
    bool failed = fflush(stdout) || ferror(stdout);
    if (!failed || errno == EPIPE || exit_code != MM_CLI_OK)
        return exit_code;
    struct mm_error error;
    mm_error_set(&error, -EIO, "standard output: %s", errno ? strerror(errno) : "write error");
    return mm_cli_fail(command, &error, MM_CLI_FAILED);
}

int mm_cli_print_json(json_t *json)
{
    if (!json)
        return -ENOMEM;
    json_dumpf(json, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(json);
    return 0;
}

bool mm_cli_terminal(FILE *stream)
{
    const char *terminal = getenv("TERM");
    return terminal && *terminal && strcmp(terminal, "dumb") != 0 && isatty(fileno(stream));
}

bool mm_cli_colour(FILE *stream)
{
    const char *no_colour = getenv("NO_COLOR");
    return !(no_colour && *no_colour) && mm_cli_terminal(stream);
}

/* The option that text[0..length) names, whole or by a beginning that fits only one. */
static const struct argp_option *find_long(const struct argp_option *options, const char *text,
                                           size_t length, bool *ambiguous)
{
    const struct argp_option *found = NULL;
    *ambiguous = false;
    for (const struct argp_option *option = options; option->name || option->doc; option++) {
        if (!option->name || strncmp(option->name, text, length))
            continue;
        if (!option->name[length])
            return option;
        if (found && found->key != option->key)
            *ambiguous = true;
        found = option;
    }
    return *ambiguous ? NULL : found;
}

static bool is_built_in(const char *text, size_t length)
{
    static const char *const names[] = {"help", "usage"};
    for (size_t i = 0; i < MM_COUNT_OF(names); i++) {
        if (strlen(names[i]) == length && !strncmp(names[i], text, length))
            return true;
    }
    return false;
}

/* An alias has the argument of the option before it. */
static const char *argument_of(const struct argp_option *options, const struct argp_option *option)
{
    while (option > options && (option->flags & OPTION_ALIAS))
        option--;
    return option->arg;
}

static int unknown_option(const struct argp_option *options, const char *text, size_t length,
                          bool ambiguous, struct mm_error *error)
{
    if (ambiguous)
        return mm_error_set(error, -EINVAL, "option '--%.*s' could be several; write it out",
                            (int)length, text);
    const char *names[OPTIONS_LIMIT] = {"help"};
    size_t count = 1;
    for (const struct argp_option *option = options; option->name || option->doc; option++) {
        if (option->name && count < OPTIONS_LIMIT)
            names[count++] = option->name;
    }
    char *name = strndup(text, length);
    const char *nearest = name ? mm_text_nearest(name, names, count) : NULL;
    int status = mm_error_set(error, -EINVAL, "unknown option '--%.*s'%s%s%s", (int)length, text,
                              nearest ? ", did you mean '--" : "", nearest ? nearest : "",
                              nearest ? "'?" : "; --help shows all");
    free(name);
    return status;
}

static int check_long(const struct argp_option *options, char **argv, int argc, int *index,
                      struct mm_error *error)
{
    const char *text = argv[*index] + 2;
    size_t length = strcspn(text, "=");
    bool ambiguous;
    const struct argp_option *option = find_long(options, text, length, &ambiguous);
    if (!option && is_built_in(text, length))
        return 0;
    if (!option)
        return unknown_option(options, text, length, ambiguous, error);
    const char *argument = argument_of(options, option);
    if (!argument && text[length])
        return mm_error_set(error, -EINVAL, "option '--%s' takes no value", option->name);
    if (!argument || text[length])
        return 0;
    if (*index + 1 >= argc)
        return mm_error_set(error, -EINVAL, "option '--%s' needs a value: --%s %s", option->name,
                            option->name, argument);
    (*index)++;
    return 0;
}

static const struct argp_option *find_short(const struct argp_option *options, char letter)
{
    for (const struct argp_option *option = options; option->name || option->doc; option++) {
        if (option->key == letter)
            return option;
    }
    return NULL;
}

static int check_short(const struct argp_option *options, char **argv, int argc, int *index,
                       struct mm_error *error)
{
    for (const char *letter = argv[*index] + 1; *letter; letter++) {
        if (*letter == '?')
            continue;
        const struct argp_option *option = find_short(options, *letter);
        if (!option)
            return mm_error_set(error, -EINVAL, "unknown option '-%c'; --help shows all", *letter);
        if (!option->arg)
            continue;
        if (letter[1])
            return 0;
        if (*index + 1 >= argc)
            return mm_error_set(error, -EINVAL, "option '-%c' needs a value: -%c %s", *letter,
                                *letter, option->arg);
        (*index)++;
        return 0;
    }
    return 0;
}

/* argp would print two lines of its own and does not know what is near. */
static int check_options(const struct argp_option *options, int argc, char **argv,
                         struct mm_error *error)
{
    for (int i = 1; i < argc; i++) {
        int status = 0;
        if (!strcmp(argv[i], "--"))
            return 0;
        if (!strncmp(argv[i], "--", 2))
            status = check_long(options, argv, argc, &i, error);
        else if (argv[i][0] == '-' && argv[i][1])
            status = check_short(options, argv, argc, &i, error);
        if (status)
            return status;
    }
    return 0;
}

static size_t count_options(const struct argp_option *options)
{
    size_t count = 0;
    while (options[count].name || options[count].doc)
        count++;
    return count;
}

/* Those of argp and of its children in one list; newly allocated. */
static struct argp_option *all_options(const struct argp *argp)
{
    size_t count = count_options(argp->options);
    for (const struct argp_child *child = argp->children; child && child->argp; child++)
        count += count_options(child->argp->options);
    struct argp_option *all = calloc(count + 1, sizeof(*all));
    if (!all)
        return NULL;
    count = count_options(argp->options);
    memcpy(all, argp->options, count * sizeof(*all));
    for (const struct argp_child *child = argp->children; child && child->argp; child++) {
        size_t more = count_options(child->argp->options);
        memcpy(all + count, child->argp->options, more * sizeof(*all));
        count += more;
    }
    return all;
}

int mm_cli_parse(const struct argp *argp, int argc, char **argv, void *input,
                 struct mm_error *error)
{
    char **words = calloc((size_t)argc + 1, sizeof(*words));
    char *name = mm_text_format("mapmeter %s", argv[0]);
    char help[] = "--help";
    struct argp_option *options = all_options(argp);
    int status = 0;
    if (!words || !name || !options) {
        status = mm_error_set(error, -ENOMEM, "not enough memory");
        goto cleanup;
    }
    words[0] = name; /* what the help calls the program */
    for (int i = 1; i < argc; i++)
        words[i] = strcmp(argv[i], "-h") ? argv[i] : help;
    status = check_options(options, argc, words, error);
    if (status)
        goto cleanup;
    error->code = 0;
    /* With ARGP_NO_ERRS it would not print its help either. */
    argp_err_exit_status = MM_CLI_USAGE;
    if (argp_parse(argp, argc, words, 0, NULL, input)) {
        /* Everything that argp itself refuses was found above. */
        status =
            error->code ? error->code : mm_error_set(error, -EINVAL, "wrong usage; see --help");
    }

cleanup:
    free(options);
    free(words);
    free(name);
    return status;
}
