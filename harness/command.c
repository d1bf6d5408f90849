/* Command lines without a shell. */
#include "harness/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char BLANKS[] = " \t\n";
static const char HARMLESS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "%+,-./:=@_";

struct options {
    const char *command;
};

static const struct mm_parameter parameters[] = {
    {.name = "command",
     .summary = "the command line, taken apart without a shell",
     .type = MM_PARAMETER_TEXT,
     .default_text = "true",
     .offset = offsetof(struct options, command)},
};

static int plan(const void *options, const struct mm_array *array, struct mm_workload_needs *needs,
                struct mm_error *error)
{
    const struct options *chosen = options;
    char **words = NULL;
    (void)array;
    needs->processes = 1;
    needs->items_per_pass = 1;
    int status = mm_command_split(chosen->command, &words, error);
    free(words);
    return status;
}

const struct mm_workload mm_command_workload = {
    .abi_version = MM_WORKLOAD_ABI_VERSION,
    .size_bytes = sizeof(struct mm_workload),
    .name = "command",
    .summary = "a whole command: time, faults and storage traffic of any program",
    .parameters = parameters,
    .parameter_count = 1,
    .options_bytes = sizeof(struct options),
    .plan = plan,
};

const struct mm_engine mm_command_engine = {
    .abi_version = MM_ENGINE_ABI_VERSION,
    .size_bytes = sizeof(struct mm_engine),
    .name = "process",
    .summary = "a process of its own, which does as it likes",
    .capabilities = MM_ENGINE_FILE_BACKED,
};

/* Copies one word to *to and leaves *text behind it. */
static int take_word(const char **text, char **to, struct mm_error *error)
{
    const char *from = *text;
    char quote = '\0';
    for (; *from && (quote || !strchr(BLANKS, *from)); from++) {
        bool escapes =
            *from == '\\' && quote != '\'' && (!quote || from[1] == '"' || from[1] == '\\');
        if (escapes && !from[1])
            return mm_error_set(error, -EINVAL, "the command ends with a \\");
        if (escapes)
            *(*to)++ = *++from;
        else if (quote ? *from == quote : *from == '\'' || *from == '"')
            quote = quote ? '\0' : *from;
        else
            *(*to)++ = *from;
    }
    if (quote)
        return mm_error_set(error, -EINVAL, "the command has a %c that is not closed", quote);
    *(*to)++ = '\0';
    *text = from;
    return 0;
}

int mm_command_split(const char *text, char ***words, struct mm_error *error)
{
    /* No more words than every second character, and no word longer than its text. */
    size_t most = strlen(text) / 2 + 2;
    char **list = malloc(most * sizeof(*list) + strlen(text) + 2);
    if (!list)
        return mm_error_set(error, -ENOMEM, "not enough memory");
    char *to = (char *)(list + most);
    size_t count = 0;
    int status = 0;
    for (text += strspn(text, BLANKS); *text && !status; text += strspn(text, BLANKS)) {
        list[count++] = to;
        status = take_word(&text, &to, error);
    }
    if (!status && (!count || !list[0][0]))
        status = mm_error_set(error, -EINVAL, "the command is empty");
    list[count] = NULL;
    if (status)
        free(list);
    else
        *words = list;
    return status;
}

static void write_word(FILE *stream, const char *word)
{
    if (*word && !word[strspn(word, HARMLESS)]) {
        fputs(word, stream);
        return;
    }
    fputc('\'', stream);
    for (; *word; word++) {
        if (*word == '\'')
            fputs("'\\''", stream);
        else
            fputc(*word, stream);
    }
    fputc('\'', stream);
}

char *mm_command_join(const char *const *words, size_t count)
{
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    if (!stream)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (i)
            fputc(' ', stream);
        write_word(stream, words[i]);
    }
    bool failed = ferror(stream);
    if (fclose(stream) || failed) {
        free(text);
        return NULL;
    }
    return text;
}
