/* Parameters: what is read, what is refused and how, and that what is written is read back. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/text.h"
#include "workloads/parameter.h"

struct options {
    uint64_t size;
    uint64_t count;
    double share;
    double real;
    uint32_t choice;
    bool flag;
    const char *text;
};

static const struct mm_parameter parameters[] = {
    {"size", "", MM_PARAMETER_SIZE, "1MiB", NULL, 8, 1 << 30, offsetof(struct options, size)},
    {"count", "", MM_PARAMETER_COUNT, "100", NULL, 1, 0, offsetof(struct options, count)},
    {"share", "", MM_PARAMETER_SHARE, "25%", NULL, 0, 0, offsetof(struct options, share)},
    {"real", "", MM_PARAMETER_REAL, "-0.5", NULL, 0, 0, offsetof(struct options, real)},
    {"choice", "", MM_PARAMETER_CHOICE, "write", "read|write|read-modify-write", 0, 0,
     offsetof(struct options, choice)},
    {"flag", "", MM_PARAMETER_FLAG, "true", NULL, 0, 0, offsetof(struct options, flag)},
    {"text", "", MM_PARAMETER_TEXT, "a word", NULL, 0, 0, offsetof(struct options, text)},
};

static const struct mm_parameter *find(const char *name)
{
    return mm_parameter_find(parameters, MM_COUNT_OF(parameters), name);
}

static struct options defaults(void)
{
    struct options options;
    memset(&options, 0, sizeof(options));
    mm_parameters_set_defaults(parameters, MM_COUNT_OF(parameters), &options);
    return options;
}

static void defaults_fill_every_field(void **state)
{
    struct options options = defaults();
    (void)state;
    assert_int_equal(options.size, 1 << 20);
    assert_int_equal(options.count, 100);
    assert_true(options.share == 0.25);
    assert_true(options.real == -0.5);
    assert_int_equal(options.choice, 1);
    assert_true(options.flag);
    assert_string_equal(options.text, "a word");
}

static void values_are_read_as_their_type(void **state)
{
    struct options options = defaults();
    (void)state;
    assert_int_equal(mm_parameter_set(find("size"), &options, "64KiB", NULL), 0);
    assert_int_equal(options.size, 65536);
    assert_int_equal(mm_parameter_set(find("count"), &options, "1e6", NULL), 0);
    assert_int_equal(options.count, 1000000);
    assert_int_equal(mm_parameter_set(find("share"), &options, "1/4", NULL), 0);
    assert_true(options.share == 0.25);
    assert_int_equal(mm_parameter_set(find("real"), &options, "1e-3", NULL), 0);
    assert_true(options.real == 1e-3);
    assert_int_equal(mm_parameter_set(find("choice"), &options, "read-modify-write", NULL), 0);
    assert_int_equal(options.choice, 2);
    assert_int_equal(mm_parameter_set(find("flag"), &options, "false", NULL), 0);
    assert_false(options.flag);
}

static void refused_values_are_named_and_change_nothing(void **state)
{
    static const struct {
        const char *name;
        const char *value;
        int status;
        const char *said; /* besides name and value */
    } refused[] = {
        {"size", "64K", -EINVAL, "64KiB"},
        {"size", "big", -EINVAL, "size"},
        {"size", "", -EINVAL, "size"},
        {"size", "7B", -ERANGE, "between 8B and 1GiB"},
        {"size", "2GiB", -ERANGE, "between 8B and 1GiB"},
        {"size", "99999999EiB", -ERANGE, "between"},
        {"count", "0", -ERANGE, "at least 1"},
        {"count", "-1", -EINVAL, "whole number"},
        {"count", "1.5", -EINVAL, "whole number"},
        {"share", "1.5", -EINVAL, "25%"},
        {"share", "half", -EINVAL, "share"},
        {"real", "nan", -EINVAL, "number"},
        {"real", "inf", -EINVAL, "number"},
        {"real", "1e999", -ERANGE, "large"},
        {"real", "1 ", -EINVAL, "number"},
        {"real", "", -EINVAL, "number"},
        {"real", "0x10", -EINVAL, "number"},
        {"choice", "reed", -EINVAL, "did you mean 'read'?"},
        {"choice", "Write", -EINVAL, "read|write|read-modify-write"},
        {"choice", "", -EINVAL, "read|write"},
        {"flag", "yes", -EINVAL, "true"},
    };
    (void)state;
    for (size_t i = 0; i < MM_COUNT_OF(refused); i++) {
        struct options options = defaults();
        struct options before = options;
        struct mm_error error = {0};
        int status = mm_parameter_set(find(refused[i].name), &options, refused[i].value, &error);
        if (status != refused[i].status)
            fail_msg("%s=%s gave %d: %s", refused[i].name, refused[i].value, status, error.text);
        assert_int_equal(error.code, status);
        assert_memory_equal(&options, &before, sizeof(options));
        assert_non_null(strstr(error.text, refused[i].name));
        assert_non_null(strstr(error.text, refused[i].value));
        if (!strstr(error.text, refused[i].said))
            fail_msg("'%s' does not say '%s'", error.text, refused[i].said);
    }
}

static void an_error_is_optional(void **state)
{
    struct options options = defaults();
    (void)state;
    assert_int_equal(mm_parameter_set(find("choice"), &options, "reed", NULL), -EINVAL);
}

static void what_is_written_is_read_back_unchanged(void **state)
{
    static const struct {
        const char *name;
        const char *value;
        const char *written;
    } values[] = {
        {"size", "1048576", "1MiB"},
        {"size", "65537", "65537B"},
        {"count", "1e6", "1000000"},
        {"count", "64Ki", "65536"},
        {"share", "25%", "0.25"},
        {"share", "1", "1"},
        {"share", "0", "0"},
        {"share", "0.1", "0.1"},
        {"share", "1/3", NULL},
        {"share", "0.0000001", NULL},
        {"real", "0.99", "0.99"},
        {"real", "-1e300", "-1e+300"},
        {"real", "0.1234567890123456", NULL},
        {"choice", "write", "write"},
        {"flag", "true", "true"},
        {"flag", "false", "false"},
        {"text", "any thing", "any thing"},
    };
    (void)state;
    for (size_t i = 0; i < MM_COUNT_OF(values); i++) {
        const struct mm_parameter *parameter = find(values[i].name);
        struct options options = defaults();
        assert_int_equal(mm_parameter_set(parameter, &options, values[i].value, NULL), 0);
        char *written = mm_parameter_write(parameter, &options);
        assert_non_null(written);
        if (values[i].written)
            assert_string_equal(written, values[i].written);
        struct options again = options;
        assert_int_equal(mm_parameter_set(parameter, &again, written, NULL), 0);
        if (parameter->type != MM_PARAMETER_TEXT)
            assert_memory_equal(&again, &options, sizeof(options));
        char *twice = mm_parameter_write(parameter, &again);
        assert_string_equal(twice, written);
        free(twice);
        free(written);
    }
}

static void an_unknown_name_is_not_found(void **state)
{
    (void)state;
    assert_null(find("sizes"));
    assert_null(mm_parameter_find(NULL, 0, "size"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_fill_every_field),
        cmocka_unit_test(values_are_read_as_their_type),
        cmocka_unit_test(refused_values_are_named_and_change_nothing),
        cmocka_unit_test(an_error_is_optional),
        cmocka_unit_test(what_is_written_is_read_back_unchanged),
        cmocka_unit_test(an_unknown_name_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
