/* The configuration tree: what YAML becomes, where nodes come from, and what is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "harness/config.h"

static struct mm_config *parsed(const char *text)
{
    struct mm_config *config = NULL;
    struct mm_error error = {0};
    int status = mm_config_parse_yaml("x.yaml", text, strlen(text), &config, &error);
    if (status)
        fail_msg("%s", error.text);
    return config;
}

static void assert_refused(const char *text, const char *message)
{
    struct mm_config *config = NULL;
    struct mm_error error = {0};
    assert_int_equal(mm_config_parse_yaml("x.yaml", text, strlen(text), &config, &error), -EBADMSG);
    assert_null(config);
    if (!strstr(error.text, message))
        fail_msg("'%s' is not in '%s'", message, error.text);
    assert_null(strchr(error.text, '\n'));
}

static void scalars_stay_text(void **state)
{
    (void)state;
    struct mm_config *config = parsed("size: 64KiB\ncount: 010\nflag: yes\nnothing:\nreal: 1e3\n");
    const json_t *root = mm_config_root(config);
    assert_string_equal(json_string_value(json_object_get(root, "size")), "64KiB");
    assert_string_equal(json_string_value(json_object_get(root, "count")), "010");
    assert_string_equal(json_string_value(json_object_get(root, "flag")), "yes");
    assert_string_equal(json_string_value(json_object_get(root, "nothing")), "");
    assert_string_equal(json_string_value(json_object_get(root, "real")), "1e3");
    mm_config_free(config);
}

static void lists_and_objects_nest(void **state)
{
    (void)state;
    struct mm_config *config = parsed("a:\n  - {b: [1, 2], c: x}\n  - y\n");
    const json_t *list = json_object_get(mm_config_root(config), "a");
    assert_int_equal(json_array_size(list), 2);
    const json_t *inner = json_object_get(json_array_get(list, 0), "b");
    assert_string_equal(json_string_value(json_array_get(inner, 1)), "2");
    mm_config_free(config);
}

static void nodes_and_keys_know_their_lines(void **state)
{
    (void)state;
    struct mm_config *config = parsed("# comment\na:\n  b:\n    - x\n    - y\n");
    const json_t *root = mm_config_root(config);
    const json_t *a = json_object_get(root, "a");
    const json_t *list = json_object_get(a, "b");
    assert_string_equal(mm_config_where(config, json_array_get(list, 1)), "x.yaml:5");
    assert_string_equal(mm_config_where_key(config, root, "a"), "x.yaml:2");
    assert_string_equal(mm_config_where_key(config, a, "b"), "x.yaml:3");
    assert_string_equal(mm_config_where(config, NULL), "x.yaml:2");
    mm_config_free(config);
}

static void a_tree_made_by_hand_keeps_its_marks(void **state)
{
    (void)state;
    struct mm_config *config = mm_config_new();
    json_t *root = mm_config_root(config);
    json_t *value = json_string("4KiB");
    json_object_set_new(root, "block", value);
    assert_int_equal(mm_config_mark(config, value, NULL, "-p block=4KiB"), 0);
    assert_string_equal(mm_config_where(config, value), "-p block=4KiB");
    assert_string_equal(mm_config_where(config, root), "configuration");
    mm_config_free(config);
}

static void broken_yaml_names_line_and_column(void **state)
{
    (void)state;
    assert_refused("a: [1, 2\nb: 3\n", "x.yaml:2:");
    assert_refused("a: 'never closed\n", "x.yaml:");
    assert_refused("\ta: 1\n", "x.yaml:1:1:");
}

static void a_repeated_key_names_both_lines(void **state)
{
    (void)state;
    assert_refused("a: 1\nb: 2\na: 3\n",
                   "x.yaml:3:1: the key 'a' is there twice, first at x.yaml:1");
}

static void anchors_aliases_and_tags_are_refused(void **state)
{
    (void)state;
    assert_refused("a: &x 1\n", "x.yaml:1:4: anchors");
    assert_refused("a: *x\n", "x.yaml:1:4: aliases");
    assert_refused("a: !int 1\n", "x.yaml:1:4: tags");
    assert_refused("a: &x [1]\n", "anchors");
    assert_refused("&x a: 1\n", "anchors");
}

static void a_second_document_is_refused(void **state)
{
    (void)state;
    assert_refused("a: 1\n---\nb: 2\n", "x.yaml:2:1: a second document");
}

static void an_empty_file_is_refused(void **state)
{
    (void)state;
    assert_refused("", "x.yaml: the file is empty");
    assert_refused("# only a comment\n", "x.yaml: the file is empty");
}

static void bytes_that_are_not_text_are_refused(void **state)
{
    (void)state;
    assert_refused("a: \xff\xfe\n", "x.yaml: not YAML");
    assert_refused("a: \"x\\0y\"\n", "x.yaml:1:4: a zero byte");
    assert_refused("? [a, b]\n: 1\n", "x.yaml:1:3: a key must be a plain name");
}

static void nesting_has_a_limit(void **state)
{
    (void)state;
    char text[2 * MM_CONFIG_DEPTH_LIMIT + 8];
    memset(text, '[', MM_CONFIG_DEPTH_LIMIT + 1);
    memset(text + MM_CONFIG_DEPTH_LIMIT + 1, ']', MM_CONFIG_DEPTH_LIMIT + 1);
    text[2 * MM_CONFIG_DEPTH_LIMIT + 2] = '\0';
    assert_refused(text, "nested too deeply");
    text[MM_CONFIG_DEPTH_LIMIT + 1 + MM_CONFIG_DEPTH_LIMIT] = '\0';
    struct mm_config *config = parsed(text + 1);
    mm_config_free(config);
}

static void a_missing_file_is_named(void **state)
{
    (void)state;
    struct mm_config *config = NULL;
    struct mm_error error = {0};
    assert_int_equal(mm_config_load_yaml("/nonexistent/suite.yaml", &config, &error), -ENOENT);
    assert_non_null(strstr(error.text, "/nonexistent/suite.yaml"));
    assert_null(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_stay_text),
        cmocka_unit_test(lists_and_objects_nest),
        cmocka_unit_test(nodes_and_keys_know_their_lines),
        cmocka_unit_test(a_tree_made_by_hand_keeps_its_marks),
        cmocka_unit_test(broken_yaml_names_line_and_column),
        cmocka_unit_test(a_repeated_key_names_both_lines),
        cmocka_unit_test(anchors_aliases_and_tags_are_refused),
        cmocka_unit_test(a_second_document_is_refused),
        cmocka_unit_test(an_empty_file_is_refused),
        cmocka_unit_test(bytes_that_are_not_text_are_refused),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(a_missing_file_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
