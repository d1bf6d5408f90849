/* Facts: values that were seen, and JSON as people read it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "analysis/facts.h"

static void a_value_seen_twice_stands_once(void **state)
{
    (void)state;
    struct mm_facts facts = {0};
    assert_int_equal(mm_facts_add(&facts, "advice", "normal"), 0);
    assert_int_equal(mm_facts_add(&facts, "advice", "random"), 0);
    assert_int_equal(mm_facts_add(&facts, "advice", "normal"), 0);
    assert_int_equal(mm_facts_add(&facts, "advice", "norm"), 0);
    assert_int_equal(facts.count, 1);
    assert_string_equal(facts.items[0].value, "normal; random; norm");
    mm_facts_release(&facts);
}

static void values_that_hold_the_separator_stand_once_too(void **state)
{
    (void)state;
    struct mm_facts facts = {0};
    assert_int_equal(mm_facts_add(&facts, "a", "x; y"), 0);
    assert_int_equal(mm_facts_add(&facts, "a", "x; y"), 0);
    assert_string_equal(facts.items[0].value, "x; y");
    mm_facts_release(&facts);
}

static void assert_value_text(const char *json_text, const char *expected)
{
    json_t *value = json_loads(json_text, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    char *text = mm_facts_value_text(value);
    assert_string_equal(text, expected);
    free(text);
    json_decref(value);
}

static void values_read_as_people_write_them(void **state)
{
    (void)state;
    assert_value_text("\"a\"", "a");
    assert_value_text("42", "42");
    assert_value_text("0.25", "0.25");
    assert_value_text("true", "yes");
    assert_value_text("false", "no");
    assert_value_text("null", "none");
    assert_value_text("[1, \"b\", []]", "1, b, ");
    assert_value_text("[{\"level\": 1, \"type\": \"Data\"}]", "level 1 type Data");
    assert_value_text("{\"unavailable\": \"no PMU\"}", "unavailable: no PMU");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_seen_twice_stands_once),
        cmocka_unit_test(values_that_hold_the_separator_stand_once_too),
        cmocka_unit_test(values_read_as_people_write_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
