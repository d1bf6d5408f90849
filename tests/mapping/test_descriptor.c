/* Views written as text and opened again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <unistd.h>

#include "tests/mapping/scratch.h"

#define TEXT_BYTES 8192

static void a_view_is_described_and_opened_elsewhere(void **state)
{
    struct scratch *scratch = *state;
    snprintf(scratch->path, sizeof(scratch->path), "%.4000s/a b;\xc3\xa4%%", scratch->folder);
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, ">i4", 2, SHAPE(6, 5));
    int32_t values[30];
    for (int32_t i = 0; i < 30; i++)
        values[i] = i;
    assert_int_equal(marray_write(array, "=i4", values, sizeof(values)), 0);
    struct marray *view;
    const struct marray_slice slices[] = {MARRAY_RANGE(4, 0, -2), MARRAY_RANGE(1, 5, 3)};
    assert_int_equal(marray_slice(array, slices, 2, &view), 0);
    char text[TEXT_BYTES];
    assert_int_equal(marray_describe(view, text, sizeof(text)), 0);
    assert_ptr_equal(strstr(text, "marray:1;mode=r+;dtype=>i4;offset=84;shape=2,2;strides=-40,12;"
                                  "path=/"),
                     text);
    assert_non_null(strstr(text, "/a%20b%3B%C3%A4%25"));
    assert_null(strpbrk(text, " '\"\n"));
    marray_close(&view);
    assert_int_equal(marray_close(&array), 0);

    assert_int_equal(marray_open_description(text, &scratch->message, &array), 0);
    int32_t got[4];
    assert_int_equal(marray_read(array, "=i4", got, sizeof(got)), 0);
    const int32_t expected[] = {21, 24, 11, 14};
    assert_memory_equal(got, expected, sizeof(expected));
    assert_int_equal(marray_resize(array, 1, SHAPE(2)), -EINVAL);
    /* What is stored through it is in the file; a flush of all covers just the described bytes. */
    const int32_t seven = 7;
    assert_int_equal(marray_fill(array, "=i4", &seven), 0);
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_DATA), 0);
    char again[TEXT_BYTES];
    assert_int_equal(marray_describe(array, again, sizeof(again)), 0);
    assert_string_equal(again, text);
    assert_int_equal(marray_close(&array), 0);
    array = scratch_open(scratch, MARRAY_READ, ">i4", 1, SHAPE(30));
    assert_int_equal(marray_read(array, "=i4", values, sizeof(values)), 0);
    assert_int_equal(values[21], 7);
    assert_int_equal(values[22], 22);
    assert_int_equal(values[14], 7);
    marray_close(&array);
}

static void scalars_and_empty_views_are_described_too(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "|u1", 0, NULL);
    char text[TEXT_BYTES];
    assert_int_equal(marray_describe(array, text, sizeof(text)), 0);
    assert_non_null(strstr(text, ";shape=;strides=;"));
    marray_close(&array);
    assert_int_equal(marray_open_description(text, NULL, &array), 0);
    assert_int_equal(marray_dimensions(array), 0);
    assert_int_equal(marray_length(array), 1);
    marray_close(&array);
    array = scratch_open(scratch, MARRAY_READ, "<f8", 2, SHAPE(0, 3));
    assert_int_equal(marray_describe(array, text, sizeof(text)), 0);
    marray_close(&array);
    assert_int_equal(marray_open_description(text, NULL, &array), 0);
    assert_int_equal(marray_length(array), 0);
    assert_int_equal(marray_mode(array), MARRAY_READ);
    marray_close(&array);
}

static void a_short_buffer_is_refused_at_every_length(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "|u1", 1, SHAPE(3));
    char text[TEXT_BYTES];
    char small[TEXT_BYTES];
    assert_int_equal(marray_describe(array, text, sizeof(text)), 0);
    size_t length = strlen(text);
    for (size_t size = 0; size <= length; size++)
        assert_int_equal(marray_describe(array, small, size), -ERANGE);
    assert_int_equal(marray_describe(array, small, length + 1), 0);
    assert_string_equal(small, text);
    assert_int_equal(unlink(scratch->path), 0);
    assert_int_equal(marray_describe(array, small, sizeof(small)), -ENOENT);
    marray_close(&array);
}

static void a_description_never_makes_a_file_longer(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_ramp(scratch->path, 100);
    char text[TEXT_BYTES];
    struct marray *array = NULL;
    snprintf(text, sizeof(text), "marray:1;mode=r+;dtype=|u1;offset=90;shape=11;strides=1;path=%s",
             scratch->path);
    assert_int_equal(marray_open_description(text, &scratch->message, &array), -ENODATA);
    assert_int_equal(scratch_size(scratch->path), 100);
    assert_null(array);
}

static void what_is_not_a_description_is_refused(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_ramp(scratch->path, 100);
    static const struct {
        const char *text; /* the path follows */
        int status;
    } cases[] = {
        {"", -EINVAL},
        {"marray:2;mode=r;dtype=|u1;offset=0;shape=1;strides=1;path=", -EINVAL},
        {"marray:1;mode=w+;dtype=|u1;offset=0;shape=1;strides=1;path=", -EINVAL},
        {"marray:1;mode=r;dtype=|x1;offset=0;shape=1;strides=1;path=", -EINVAL},
        {"marray:1;mode=r;dtype=%00;offset=0;shape=1;strides=1;path=", -EINVAL},
        {"marray:1;mode=r;dtype=%7;offset=0;shape=1;strides=1;path=", -EINVAL},
        {"marray:1;mode=r;dtype=|u1;offset=;shape=1;strides=1;path=", -EINVAL},
        {"marray:1;mode=r;dtype=|u1;offset=1,2;shape=1;strides=1;path=", -EINVAL},
        {"marray:1;mode=r;dtype=|u1;offset=-1;shape=1;strides=1;path=", -EINVAL},
        {"marray:1;mode=r;dtype=|u1;offset=0;shape=1,;strides=1;path=", -EINVAL},
        {"marray:1;mode=r;dtype=|u1;offset=0;shape=1;strides=1,1;path=", -EINVAL},
        {"marray:1;mode=r;dtype=|u1;offset=0;shape=-1;strides=1;path=", -EINVAL},
        {"marray:1;mode=r;dtype=|u1;offset=0;strides=1;shape=1;path=", -EINVAL},
        {"marray:1;mode=r;dtype=|u1;offset=0;shape=1;strides=1;path=/a b", -EINVAL},
        {"marray:1;mode=r;dtype=|u1;offset=9223372036854775808;shape=1;strides=1;path=",
         -EOVERFLOW},
        {"marray:1;mode=r;dtype=|u1;offset=9223372036854775807;shape=1;strides=1;path=",
         -EOVERFLOW},
        {"marray:1;mode=r;dtype=|u1;offset=0;shape=3;strides=-1;path=", -EOVERFLOW},
        {"marray:1;mode=r;dtype=|u1;offset=0;shape=9223372036854775807,9223372036854775807;"
         "strides=0,0;path=",
         -EOVERFLOW},
        {"marray:1;mode=r;dtype=|u1;offset=0;shape=9223372036854775807;strides="
         "9223372036854775807;path=",
         -EOVERFLOW},
        {"marray:1;mode=r;dtype=|u1;offset=100;shape=1;strides=1;path=", -ENODATA},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[TEXT_BYTES];
        struct marray *array = NULL;
        snprintf(text, sizeof(text), "%s%s", cases[i].text, scratch->path);
        scratch->message.text[0] = '\0';
        int status = marray_open_description(text, &scratch->message, &array);
        if (status != cases[i].status)
            fail_msg("%d for '%s'", status, text);
        assert_null(array);
        assert_int_not_equal(scratch->message.text[0], '\0');
    }
    struct marray *array = NULL;
    assert_int_equal(marray_open_description(NULL, NULL, &array), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_view_is_described_and_opened_elsewhere, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(scalars_and_empty_views_are_described_too, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(a_short_buffer_is_refused_at_every_length, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(a_description_never_makes_a_file_longer, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(what_is_not_a_description_is_refused, scratch_setup,
                                        scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
