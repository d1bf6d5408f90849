/* Error lines: one line, cut at the end, never overrun. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "common/error.h"

static void set_returns_the_code_and_keeps_the_text(void **state)
{
    (void)state;
    struct mm_error error = {0};
    assert_int_equal(mm_error_set(&error, -ENOENT, "%s: missing", "a"), -ENOENT);
    assert_int_equal(error.code, -ENOENT);
    assert_string_equal(error.text, "a: missing");
}

static void set_without_an_error_returns_the_code(void **state)
{
    (void)state;
    assert_int_equal(mm_error_set(NULL, -EIO, "lost"), -EIO);
    mm_error_prefix(NULL, "nobody");
}

static void a_name_with_newline_and_escape_stays_on_one_line(void **state)
{
    (void)state;
    struct mm_error error;
    mm_error_set(&error, -EINVAL, "%s", "a\nb\x1b[31m\tc\x7f");
    assert_string_equal(error.text, "a?b?[31m?c?");
}

static void prefix_goes_before_the_text(void **state)
{
    (void)state;
    struct mm_error error;
    mm_error_set(&error, -EINVAL, "not a size");
    mm_error_prefix(&error, "suite.yaml:%d", 3);
    assert_string_equal(error.text, "suite.yaml:3: not a size");
    assert_int_equal(error.code, -EINVAL);
}

static void long_texts_are_cut_at_the_end(void **state)
{
    (void)state;
    char longer[3 * MM_ERROR_TEXT_BYTES];
    memset(longer, 'x', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    struct mm_error error;
    mm_error_set(&error, -EINVAL, "%s", longer);
    assert_int_equal(strlen(error.text), MM_ERROR_TEXT_BYTES - 1);
    mm_error_prefix(&error, "%s", longer);
    assert_int_equal(strlen(error.text), MM_ERROR_TEXT_BYTES - 1);
    assert_non_null(strstr(error.text, ": x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_returns_the_code_and_keeps_the_text),
        cmocka_unit_test(set_without_an_error_returns_the_code),
        cmocka_unit_test(a_name_with_newline_and_escape_stays_on_one_line),
        cmocka_unit_test(prefix_goes_before_the_text),
        cmocka_unit_test(long_texts_are_cut_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
