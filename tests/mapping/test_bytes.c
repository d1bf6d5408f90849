/* Bytes: found, moved, read and written as by Python's mmap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "tests/mapping/scratch.h"

static const char text[] = "abracadabra abra";
#define TEXT_BYTES ((int64_t)sizeof(text) - 1)

static struct marray *open_text(struct scratch *scratch, enum marray_mode mode)
{
    scratch_write(scratch->path, text, (size_t)TEXT_BYTES);
    return scratch_open(scratch, mode, NULL, MARRAY_INFER_SHAPE, NULL);
}

/* bytes.find() and bytes.rfind() by their definition: text[i:i+n] == needle, within the bounds. */
static int64_t find_slowly(const char *needle, int64_t start, int64_t stop, bool last)
{
    int64_t count = (int64_t)strlen(needle);
    start = start < 0 ? (start + TEXT_BYTES < 0 ? 0 : start + TEXT_BYTES) : start;
    stop = stop < 0 ? (stop + TEXT_BYTES < 0 ? 0 : stop + TEXT_BYTES) : stop;
    stop = stop > TEXT_BYTES ? TEXT_BYTES : stop;
    int64_t found = -1;
    for (int64_t i = start; i + count <= stop && (last || found < 0); i++) {
        if (!memcmp(text + i, needle, (size_t)count))
            found = i;
    }
    return found;
}

static void finding_agrees_with_python_for_all_bounds(void **state)
{
    struct marray *array = open_text(*state, MARRAY_READ);
    const char *const needles[] = {"abra",   "a", "ra a", "", "x", "abracadabra abra",
                                   text + 1, "ac"};
    for (size_t n = 0; n < sizeof(needles) / sizeof(needles[0]); n++) {
        for (int64_t start = -20; start <= 20; start++) {
            for (int64_t stop = -20; stop <= 20; stop++) {
                size_t size = strlen(needles[n]);
                int64_t first;
                int64_t last;
                assert_int_equal(marray_find(array, needles[n], size, start, stop, &first), 0);
                assert_int_equal(marray_rfind(array, needles[n], size, start, stop, &last), 0);
                assert_int_equal(first, find_slowly(needles[n], start, stop, false));
                assert_int_equal(last, find_slowly(needles[n], start, stop, true));
            }
        }
    }
    int64_t position;
    assert_int_equal(marray_find(array, "", 0, MARRAY_NONE, MARRAY_NONE, &position), 0);
    assert_int_equal(position, 0);
    assert_int_equal(marray_rfind(array, "", 0, MARRAY_NONE, MARRAY_NONE, &position), 0);
    assert_int_equal(position, TEXT_BYTES);
    assert_int_equal(marray_find(array, "a", 1, INT64_MAX, INT64_MAX, &position), 0);
    assert_int_equal(position, -1);
    marray_close(&array);
}

static void moves_may_overlap_but_not_leave_the_array(void **state)
{
    struct marray *array = open_text(*state, MARRAY_READ_WRITE);
    assert_int_equal(marray_move(array, 2, 0, 6), 0);
    assert_memory_equal(marray_data(array), "ababracabra abra", 16);
    assert_int_equal(marray_move(array, 0, 2, 14), 0);
    assert_memory_equal(marray_data(array), "abracabra abrara", 16);
    assert_int_equal(marray_move(array, 16, 16, 0), 0);
    assert_int_equal(marray_move(array, 17, 0, 0), -ERANGE);
    assert_int_equal(marray_move(array, 0, 10, 7), -ERANGE);
    assert_int_equal(marray_move(array, 10, 0, 7), -ERANGE);
    assert_int_equal(marray_move(array, 0, 1, UINT64_MAX), -ERANGE);
    assert_memory_equal(marray_data(array), "abracabra abrara", 16);
    marray_close(&array);
}

static void reading_stops_at_the_end_and_writing_is_whole(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = open_text(scratch, MARRAY_READ_WRITE);
    char got[32] = "";
    size_t count = 99;
    assert_int_equal(marray_read_at(array, 12, got, sizeof(got), &count), 0);
    assert_int_equal(count, 4);
    assert_string_equal(got, "abra");
    assert_int_equal(marray_read_at(array, 16, got, sizeof(got), &count), 0);
    assert_int_equal(count, 0);
    assert_int_equal(marray_read_at(array, 17, got, 0, &count), -ERANGE);
    assert_int_equal(marray_write_at(array, 14, "xyz", 3), -ERANGE);
    assert_int_equal(marray_write_at(array, 13, "xyz", 3), 0);
    assert_int_equal(marray_write_at(array, 16, NULL, 0), 0);
    marray_close(&array);
    size_t size;
    unsigned char *bytes = scratch_read(scratch->path, &size);
    assert_string_equal((char *)bytes, "abracadabra axyz");
    free(bytes);
}

static void read_only_arrays_and_views_with_gaps_are_refused(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = open_text(scratch, MARRAY_READ);
    struct marray *view;
    int64_t position;
    size_t count;
    char byte;
    assert_int_equal(marray_move(array, 0, 1, 1), -EACCES);
    assert_int_equal(marray_write_at(array, 0, "x", 1), -EACCES);
    assert_int_equal(marray_slice(array, &MARRAY_RANGE(0, 16, 2), 1, &view), 0);
    assert_int_equal(marray_find(view, "a", 1, 0, 1, &position), -EINVAL);
    assert_int_equal(marray_read_at(view, 0, &byte, 1, &count), -EINVAL);
    marray_close(&view);
    assert_int_equal(marray_slice(array, &MARRAY_RANGE(5, 5, 1), 1, &view), 0);
    assert_int_equal(marray_find(view, "", 0, 0, 1, &position), 0);
    assert_int_equal(position, 0);
    assert_int_equal(marray_find(view, "a", 1, 0, 1, &position), 0);
    assert_int_equal(position, -1);
    assert_int_equal(marray_read_at(view, 0, &byte, 1, &count), 0);
    assert_int_equal(count, 0);
    marray_close(&view);
    marray_close(&array);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finding_agrees_with_python_for_all_bounds, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(moves_may_overlap_but_not_leave_the_array, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(reading_stops_at_the_end_and_writing_is_whole,
                                        scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(read_only_arrays_and_views_with_gaps_are_refused,
                                        scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
