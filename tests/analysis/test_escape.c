/* Text from outside in each language that the reports are written in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report/escape.h"

static void assert_escaped(void (*escape)(FILE *stream, const char *text), const char *text,
                           const char *expected)
{
    char *found = NULL;
    size_t size;
    FILE *stream = open_memstream(&found, &size);
    assert_non_null(stream);
    escape(stream, text);
    assert_int_equal(fclose(stream), 0);
    assert_string_equal(found, expected);
    free(found);
}

static void a_field_of_csv_is_one_field_and_no_formula(void **state)
{
    (void)state;
    assert_escaped(mm_escape_csv, "a \"b\", c", "\"a \"\"b\"\", c\"");
    assert_escaped(mm_escape_csv, "a\nb\rc\x1b", "\"a b c \"");
    assert_escaped(mm_escape_csv, "=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\"");
    assert_escaped(mm_escape_csv, "@a", "\"'@a\"");
    assert_escaped(mm_escape_csv, "a=b", "\"a=b\"");
    assert_escaped(mm_escape_csv, NULL, "\"\"");
}

static void markup_is_text_in_markup(void **state)
{
    (void)state;
    assert_escaped(mm_escape_markup, "<script a=\"b\" c='d'>&</script>",
                   "&lt;script a=&quot;b&quot; c=&#39;d&#39;&gt;&amp;&lt;/script&gt;");
    assert_escaped(mm_escape_markup, "\xc3\xa9\xf0\x9f\x90\x8e", "\xc3\xa9\xf0\x9f\x90\x8e");
    assert_escaped(mm_escape_markup, NULL, "");
}

static void what_xml_cannot_hold_is_replaced_in_markup(void **state)
{
    (void)state;
    assert_escaped(mm_escape_markup, "a\x01\x1b\x7f\n\tb",
                   "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd  b");
    assert_escaped(mm_escape_markup, "\xef\xbf\xbf|\xef\xbf\xbe|\xef\xbb\xbf",
                   "\xef\xbf\xbd|\xef\xbf\xbd|\xef\xbb\xbf");
}

static void characters_that_turn_text_around_are_replaced(void **state)
{
    (void)state;
    assert_escaped(mm_escape_markup,
                   "a\xe2\x80\xae"
                   "b\xe2\x81\xa6",
                   "a\xef\xbf\xbd"
                   "b\xef\xbf\xbd");
    assert_escaped(mm_escape_terminal,
                   "a\xe2\x80\xae"
                   "b",
                   "a?b");
    assert_escaped(mm_escape_terminal,
                   "a\xe2\x80\x8f"
                   "b\xd8\x9c"
                   "c\xe2\x80\x8e",
                   "a?b?c?");
    assert_escaped(mm_escape_terminal, "\xe2\x80\xa6\xe2\x82\xac", "\xe2\x80\xa6\xe2\x82\xac");
}

static void markdown_signs_are_text_in_markdown(void **state)
{
    (void)state;
    assert_escaped(mm_escape_markdown, "a|b\nc", "a\\|b c");
    assert_escaped(mm_escape_markdown, "![x](y) `z` **w** <i>",
                   "\\!\\[x\\]\\(y\\) \\`z\\` \\*\\*w\\*\\* &lt;i&gt;");
    assert_escaped(mm_escape_markdown, "\\|", "\\\\\\|");
}

static void gnuplot_strings_hold_no_sign_that_gnuplot_reads(void **state)
{
    (void)state;
    assert_escaped(mm_escape_gnuplot, "sequential/engine:marray", "\"sequential/engine:marray\"");
    assert_escaped(mm_escape_gnuplot, "\"`x`'\\$@%{\n",
                   "\"\\042\\140x\\140\\047\\134\\044\\100\\045\\173 \"");
}

static void digits_after_an_octal_are_octal_too(void **state)
{
    (void)state;
    assert_escaped(mm_escape_gnuplot, "(12)3 4", "\"\\050\\061\\062\\051\\063 4\"");
}

static void gnuplot_fields_hold_no_quote_and_no_newline(void **state)
{
    (void)state;
    assert_escaped(mm_escape_gnuplot_field, "a\"b\n#c", "\"a'b #c\"");
}

static void terminals_get_no_sequences(void **state)
{
    (void)state;
    assert_escaped(mm_escape_terminal,
                   "a\033[31mb\r\n\xc2\x9b"
                   "c",
                   "a?[31mb???c");
    assert_escaped(mm_escape_terminal, "\xc2\xa7", "\xc2\xa7");
}

static void length_counts_characters(void **state)
{
    (void)state;
    assert_int_equal(mm_escape_length(""), 0);
    assert_int_equal(mm_escape_length("a\xc3\xa9\xf0\x9f\x90\x8e"), 3);
}

static void assert_shortened(const char *text, size_t limit, const char *expected)
{
    char *found = mm_escape_shorten(text, limit);
    assert_non_null(found);
    assert_string_equal(found, expected);
    assert_true(mm_escape_length(found) <= limit);
    free(found);
}

static void short_text_stays_and_long_text_loses_its_middle(void **state)
{
    (void)state;
    assert_shortened("abc", 3, "abc");
    assert_shortened("abcd", 3, "ab\xe2\x80\xa6");
    assert_shortened("abcdefghij", 7, "abcd\xe2\x80\xa6ij");
    assert_shortened("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 4,
                     "\xc3\xa9\xc3\xa9\xe2\x80\xa6\xc3\xa9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_of_csv_is_one_field_and_no_formula),
        cmocka_unit_test(markup_is_text_in_markup),
        cmocka_unit_test(what_xml_cannot_hold_is_replaced_in_markup),
        cmocka_unit_test(characters_that_turn_text_around_are_replaced),
        cmocka_unit_test(markdown_signs_are_text_in_markdown),
        cmocka_unit_test(gnuplot_strings_hold_no_sign_that_gnuplot_reads),
        cmocka_unit_test(digits_after_an_octal_are_octal_too),
        cmocka_unit_test(gnuplot_fields_hold_no_quote_and_no_newline),
        cmocka_unit_test(terminals_get_no_sequences),
        cmocka_unit_test(length_counts_characters),
        cmocka_unit_test(short_text_stays_and_long_text_loses_its_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
