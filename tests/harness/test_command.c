/* A command line is taken apart as its rules say, and put together so that it comes apart again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "harness/command.h"

#define WORDS_MAX 6

struct example {
    const char *text;
    const char *words[WORDS_MAX];
};

static const struct example examples[] = {
    {"true", {"true"}},
    {"  python3\tscript.py \n", {"python3", "script.py"}},
    {"echo 'a b' \"c d\"", {"echo", "a b", "c d"}},
    {"echo a' 'b\" \"c", {"echo", "a b c"}},
    {"echo '' \"\"", {"echo", "", ""}},
    {"echo a\\ b \\' \\\\", {"echo", "a b", "'", "\\"}},
    {"echo 'a\\b' \"a\\b\" \"a\\\"b\\\\\"", {"echo", "a\\b", "a\\b", "a\"b\\"}},
    {"echo $HOME *.c | cat", {"echo", "$HOME", "*.c", "|", "cat"}},
    {"echo \"it's\"", {"echo", "it's"}},
};

static size_t count_of(const char *const *words)
{
    size_t count = 0;
    while (count < WORDS_MAX && words[count])
        count++;
    return count;
}

static void assert_words(char **words, const char *const *wanted)
{
    size_t count = count_of(wanted);
    for (size_t i = 0; i < count; i++) {
        assert_non_null(words[i]);
        assert_string_equal(words[i], wanted[i]);
    }
    assert_null(words[count]);
}

static void quotes_mean_what_the_rules_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < MM_COUNT_OF(examples); i++) {
        char **words = NULL;
        struct mm_error error = {0};
        if (mm_command_split(examples[i].text, &words, &error))
            fail_msg("%s: %s", examples[i].text, error.text);
        assert_words(words, examples[i].words);
        free(words);
    }
}

static void joined_words_come_apart_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < MM_COUNT_OF(examples); i++) {
        char **words = NULL;
        char *text = mm_command_join(examples[i].words, count_of(examples[i].words));
        assert_non_null(text);
        assert_int_equal(mm_command_split(text, &words, NULL), 0);
        assert_words(words, examples[i].words);
        free(words);
        free(text);
    }
}

static void what_is_no_command_is_refused(void **state)
{
    static const char *const wrong[] = {"", "  ", "echo 'a", "echo \"a", "echo a\\", "''"};
    (void)state;
    for (size_t i = 0; i < MM_COUNT_OF(wrong); i++) {
        char **words = NULL;
        struct mm_error error = {0};
        assert_int_equal(mm_command_split(wrong[i], &words, &error), -EINVAL);
        assert_null(words);
        assert_non_null(strstr(error.text, "the command"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_mean_what_the_rules_say),
        cmocka_unit_test(joined_words_come_apart_again),
        cmocka_unit_test(what_is_no_command_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
