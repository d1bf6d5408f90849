/* .npy headers are written byte for byte as numpy does, and read as leniently and as strictly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "mapping/npy.h"
#include "tests/mapping/scratch.h"

/* Room for the headers here but the longest. */
#define HEADER_BYTES 2048

static size_t header_of(const char *descr, bool fortran_order, int dimensions,
                        const uint64_t *shape, unsigned char bytes[HEADER_BYTES])
{
    struct marray_dtype dtype;
    unsigned char *made;
    size_t size;
    assert_int_equal(marray_dtype_parse(descr, &dtype, NULL), 0);
    assert_int_equal(marray_npy_write(&dtype, fortran_order, shape, dimensions, &made, &size), 0);
    assert_in_range(size, 1, HEADER_BYTES);
    memcpy(bytes, made, size);
    free(made);
    marray_dtype_release(&dtype);
    return size;
}

static void header_of_a_small_matrix_is_the_one_numpy_writes(void **state)
{
    (void)state;
    unsigned char bytes[HEADER_BYTES];
    assert_int_equal(header_of("<f4", false, 2, SHAPE(3, 4), bytes), 128);
    assert_memory_equal(bytes, "\x93NUMPY\x01\x00\x76\x00", 10);
    const char text[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }";
    assert_memory_equal(bytes + 10, text, sizeof(text) - 1);
    for (size_t i = 10 + sizeof(text) - 1; i < 127; i++)
        assert_int_equal(bytes[i], ' ');
    assert_int_equal(bytes[127], '\n');
}

static void the_growing_axis_keeps_the_header_of_one_length(void **state)
{
    (void)state;
    unsigned char bytes[HEADER_BYTES];
    size_t expected = header_of("<f8", false, 2, SHAPE(1, 7), bytes);
    for (uint64_t rows = 1; rows < UINT64_C(10000000000000000000); rows *= 10) {
        assert_int_equal(header_of("<f8", false, 2, SHAPE(rows, 7), bytes), expected);
        assert_int_equal(header_of("<f8", true, 2, SHAPE(7, rows), bytes), expected);
    }
}

static void every_header_is_a_multiple_of_64(void **state)
{
    (void)state;
    unsigned char bytes[HEADER_BYTES];
    uint64_t shape[MARRAY_MAX_DIMENSIONS];
    for (int dimensions = 0; dimensions <= MARRAY_MAX_DIMENSIONS; dimensions++) {
        for (int i = 0; i < dimensions; i++)
            shape[i] = INT64_MAX;
        size_t size = header_of(">c16", true, dimensions, shape, bytes);
        assert_int_equal(size % 64, 0);
        assert_int_equal(bytes[size - 1], '\n');
        struct marray_npy npy;
        assert_int_equal(marray_npy_parse(bytes, size, 0, &npy, NULL), 0);
        assert_int_equal(npy.dimensions, dimensions);
        assert_int_equal(npy.data_offset, size);
    }
}

/* One to 64 spaces of padding: a header that would be aligned without any gets 64. */
static void an_aligned_header_still_gets_64_more_spaces(void **state)
{
    (void)state;
    unsigned char bytes[HEADER_BYTES];
    uint64_t shape[MARRAY_MAX_DIMENSIONS];
    int aligned = 0;
    for (int dimensions = 1; dimensions <= MARRAY_MAX_DIMENSIONS; dimensions++) {
        shape[dimensions - 1] = 2;
        size_t size = header_of("|u1", false, dimensions, shape, bytes);
        const unsigned char *brace = memchr(bytes, '}', size);
        assert_non_null(brace);
        /* 20 more digits for the growing axis, and the newline. */
        size_t without_padding = (size_t)(brace - bytes) + 1 + 20 + 1;
        assert_in_range(size - without_padding, 1, 64);
        aligned += without_padding % 64 == 0;
    }
    assert_true(aligned > 0);
}

/* A header of that text and version. */
static size_t wrap(const char *text, int version, unsigned char *bytes)
{
    size_t length = strlen(text);
    size_t prefix = version == 1 ? 10 : 12;
    memcpy(bytes, "\x93NUMPY", 6);
    bytes[6] = (unsigned char)version;
    bytes[7] = 0;
    bytes[8] = (unsigned char)(length & 0xff);
    bytes[9] = (unsigned char)(length >> 8 & 0xff);
    if (version > 1)
        bytes[10] = bytes[11] = 0;
    memcpy(bytes + prefix, text, length);
    return prefix + length;
}

static int parse_within(const char *text, int version, size_t limit, struct marray_npy *npy)
{
    unsigned char *bytes = malloc(strlen(text) + 12);
    assert_non_null(bytes);
    size_t size = wrap(text, version, bytes);
    struct marray_message message;
    int status = marray_npy_parse(bytes, size, limit, npy, &message);
    free(bytes);
    return status;
}

static int parse(const char *text, int version, struct marray_npy *npy)
{
    return parse_within(text, version, 0, npy);
}

static void readers_accept_what_numpy_accepts(void **state)
{
    (void)state;
    const char *const texts[] = {
        "{'descr': '<i2', 'fortran_order': False, 'shape': (3, 4), }",
        "{'shape': (3, 4), 'fortran_order': False, 'descr': '<i2'}",
        "{\"descr\": \"<i2\", \"fortran_order\": False, \"shape\": (3, 4)}\n",
        "  {'descr':'<i2','fortran_order':False,'shape':(3,4,)}   \n",
        "{'descr': '<i2', 'fortran_order': False, 'shape': (3L, 4L), }",
        "{'descr': 'int16', 'fortran_order':\n\tFalse, 'shape': ( 3 , 4 ) , }",
        "{'descr': '>f8', 'descr': '<i2', 'fortran_order': False, 'shape': (3, 4)}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct marray_npy npy;
        if (parse(texts[i], 1, &npy))
            fail_msg("refused: %s", texts[i]);
        assert_string_equal(npy.dtype.descr, "<i2");
        assert_false(npy.fortran_order);
        assert_int_equal(npy.dimensions, 2);
        assert_int_equal(npy.shape[0], 3);
        assert_int_equal(npy.shape[1], 4);
        assert_int_equal(npy.data_offset, 10 + strlen(texts[i]));
    }
}

static void versions_two_and_three_have_a_longer_length_and_no_long_numbers_in_three(void **state)
{
    (void)state;
    struct marray_npy npy;
    const char *const plain = "{'descr': '<i2', 'fortran_order': True, 'shape': ()}";
    const char *const with_long = "{'descr': '<i2', 'fortran_order': True, 'shape': (2L,)}";
    for (int version = 2; version <= 3; version++) {
        assert_int_equal(parse(plain, version, &npy), 0);
        assert_int_equal(npy.data_offset, 12 + strlen(plain));
        assert_int_equal(npy.dimensions, 0);
        assert_true(npy.fortran_order);
    }
    assert_int_equal(parse(with_long, 2, &npy), 0);
    assert_int_equal(parse(with_long, 3, &npy), -EBADMSG);
    assert_int_equal(parse(plain, 4, &npy), -EBADMSG);
}

static void readers_refuse_what_numpy_refuses(void **state)
{
    (void)state;
    const char *const texts[] = {
        "",
        "{}",
        "[]",
        "{'descr': '<i2', 'fortran_order': False, 'shape': [3, 4]}",
        "{'descr': '<i2', 'fortran_order': False, 'shape': 3}",
        "{'descr': '<i2', 'fortran_order': False, 'shape': (3)}",
        "{'descr': '<i2', 'fortran_order': False, 'shape': (3 4)}",
        "{'descr': '<i2', 'fortran_order': False, 'shape': (,)}",
        "{'descr': '<i2', 'fortran_order': False, 'shape': (3,,)}",
        "{'descr': '<i2', 'fortran_order': False, 'shape': (-3,)}",
        "{'descr': '<i2', 'fortran_order': False, 'shape': (3.0,)}",
        "{'descr': '<i2', 'fortran_order': False, 'shape': (03,)}",
        "{'descr': '<i2', 'fortran_order': False, 'shape': (3,)",
        "{'descr': '<i2', 'fortran_order': False, 'shape': (3,)} x",
        "{'descr': '<i2', 'fortran_order': False, 'shape': (3,)},",
        "{'descr': '<i2', 'fortran_order': 0, 'shape': (3,)}",
        "{'descr': '<i2', 'fortran_order': false, 'shape': (3,)}",
        "{'descr': '<i2', 'fortran_order': False}",
        "{'descr': '<i2', 'fortran_order': False, 'shape': (3,), 'extra': 1}",
        "{'descr': '<i2' 'fortran_order': False, 'shape': (3,)}",
        "{'descr' '<i2', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': 'nonsense', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '<i2, 'fortran_order': False, 'shape': (3,)}",
        "{'descr': <i2, 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '<i2', , 'fortran_order': False, 'shape': (3,)}",
        "{, 'descr': '<i2', 'fortran_order': False, 'shape': (3,)}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct marray_npy npy = {.dimensions = 77};
        if (parse(texts[i], 1, &npy) != -EBADMSG)
            fail_msg("not refused: %s", texts[i]);
        assert_int_equal(npy.dimensions, 77);
    }
}

static void arrays_numpy_can_read_but_this_library_cannot_are_not_called_broken(void **state)
{
    (void)state;
    struct marray_npy npy;
    const char *const missing[] = {
        "{'descr': '<f16', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': [('a', '<f16')], 'fortran_order': False, 'shape': (3,)}",
        "{'descr': ('<f8', (2,)), 'fortran_order': False, 'shape': (3,)}",
        "{'descr': [('a', ('<f8', (2,)), (3,))], 'fortran_order': False, 'shape': (3,)}",
        "{'descr': [('\\N{DIGIT ONE}', '<f8')], 'fortran_order': False, 'shape': (3,)}",
        "{'descr': [('a\\0', '<f8')], 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '|S0', 'fortran_order': False, 'shape': (3,)}",
    };
    for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++) {
        if (parse(missing[i], 1, &npy) != -ENOTSUP)
            fail_msg("not called missing: %s", missing[i]);
    }
    assert_int_equal(
        parse("{'descr': '<i2', 'fortran_order': False, 'shape': (99999999999999999999,)}", 1,
              &npy),
        -EOVERFLOW);
}

static void expect_read(const char *header, int version, const char *descr)
{
    struct marray_npy npy;
    int status = parse(header, version, &npy);
    if (status)
        fail_msg("%d for %s", status, header);
    assert_string_equal(marray_dtype_descr(&npy.dtype), descr);
    marray_dtype_release(&npy.dtype);
}

static void names_of_fields_may_be_escaped_and_have_the_encoding_of_the_version(void **state)
{
    (void)state;
    const char rest[] = "', '<i4')], 'fortran_order': False, 'shape': (3,)}";
    char header[200];
    static const struct {
        const char *name;
        int version;
        const char *repr;
    } names[] = {
        {"a\\'b", 1, "\"a'b\""},
        {"\\x41\\u00e9\\U0001f600", 1, "'A\u00e9\U0001f600'"},
        {"\\n\\t\\\\\\q\\101", 1, "'\\n\\t\\\\\\\\qA'"},
        {"\xe9", 1, "'\u00e9'"},
        {"\xe9", 2, "'\u00e9'"},
        {"\u00e9\u4e2d", 3, "'\u00e9\u4e2d'"},
        {"\\x07\\u200b\\U000e0001", 1, "'\\x07\\u200b\\U000e0001'"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char descr[100];
        snprintf(header, sizeof(header), "{'descr': [('%s%s", names[i].name, rest);
        snprintf(descr, sizeof(descr), "[(%s, '<i4')]", names[i].repr);
        expect_read(header, names[i].version, descr);
    }
    struct marray_npy npy;
    snprintf(header, sizeof(header), "{'descr': [('\xe9%s", rest);
    assert_int_equal(parse(header, 3, &npy), -EBADMSG);
    assert_int_equal(parse("{'descr': [('\\x4", 1, &npy), -EBADMSG);
}

static void the_version_is_the_first_that_will_do(void **state)
{
    (void)state;
    unsigned char bytes[HEADER_BYTES];
    header_of("[('\u00e9', '<i4')]", false, 1, SHAPE(3), bytes);
    assert_int_equal(bytes[6], 1);
    assert_non_null(memchr(bytes + 10, 0xe9, 40));
    header_of("[('\u4e2d', '<i4')]", false, 1, SHAPE(3), bytes);
    assert_int_equal(bytes[6], 3);
    /* Over 65,535 bytes. */
    static char descr[80000] = "[";
    size_t length = 1;
    for (int i = 0; i < 4000; i++)
        length += (size_t)snprintf(descr + length, sizeof(descr) - length, "('f%d', '<i4'), ", i);
    snprintf(descr + length, sizeof(descr) - length, "]");
    struct marray_dtype dtype;
    assert_int_equal(marray_dtype_parse(descr, &dtype, NULL), 0);
    unsigned char *made;
    size_t size;
    assert_int_equal(marray_npy_write(&dtype, false, SHAPE(3), 1, &made, &size), 0);
    assert_int_equal(made[6], 2);
    assert_int_equal(size % 64, 0);
    struct marray_npy npy;
    assert_int_equal(marray_npy_parse(made, size, 0, &npy, NULL), -EBADMSG);
    assert_int_equal(marray_npy_parse(made, size, 100000, &npy, NULL), 0);
    assert_string_equal(marray_dtype_descr(&npy.dtype), marray_dtype_descr(&dtype));
    marray_dtype_release(&npy.dtype);
    marray_dtype_release(&dtype);
    free(made);
}

static void a_header_over_ten_thousand_characters_is_refused(void **state)
{
    (void)state;
    char text[10002];
    struct marray_npy npy;
    const char start[] = "{'descr': '<i2', 'fortran_order': False, 'shape': (3,)}";
    memset(text, ' ', sizeof(text));
    memcpy(text, start, sizeof(start) - 1);
    text[10000] = '\0';
    assert_int_equal(parse(text, 1, &npy), 0);
    text[10000] = ' ';
    text[10001] = '\0';
    assert_int_equal(parse(text, 1, &npy), -EBADMSG);
    assert_int_equal(parse(text, 2, &npy), -EBADMSG);
    assert_int_equal(parse_within(text, 1, 10001, &npy), 0);
}

static void a_cut_or_changed_header_is_never_read_past_its_end(void **state)
{
    (void)state;
    unsigned char whole[HEADER_BYTES];
    size_t size = header_of("[('a', '<f8', (2,)), (('t', 'b'), [('c', '|S3')])]", false, 3,
                            SHAPE(2, 3, 4), whole);
    struct marray_npy npy;
    for (size_t length = 0; length < size; length++) {
        /* On the heap and of just this size, so that a sanitizer sees a read too far. */
        unsigned char *cut = malloc(length + (length == 0));
        assert_non_null(cut);
        memcpy(cut, whole, length);
        assert_int_equal(marray_npy_parse(cut, length, 0, &npy, NULL), -EBADMSG);
        free(cut);
    }
    for (size_t i = 0; i < size; i++) {
        for (unsigned value = 0; value < 256; value++) {
            unsigned char *changed = malloc(size);
            assert_non_null(changed);
            memcpy(changed, whole, size);
            changed[i] = (unsigned char)value;
            int status = marray_npy_parse(changed, size, 0, &npy, NULL);
            assert_true(status == 0 || status == -EBADMSG || status == -ENOTSUP ||
                        status == -EOVERFLOW);
            if (status == 0)
                marray_dtype_release(&npy.dtype);
            free(changed);
        }
    }
}

static struct marray *open_npy(struct scratch *scratch, const struct marray_spec *spec)
{
    struct marray *array;
    if (marray_open_npy(scratch->path, spec, &array))
        fail_msg("%s", scratch->message.text);
    return array;
}

static void a_created_file_opens_again_with_what_it_was_made_of(void **state)
{
    struct scratch *scratch = *state;
    struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, "<f4", 2, SHAPE(3, 4));
    spec.order = MARRAY_ORDER_F;
    struct marray *array = open_npy(scratch, &spec);
    assert_int_equal(marray_offset_bytes(array), 128);
    assert_int_equal(scratch_size(scratch->path), 176);
    float value = 5;
    assert_int_equal(marray_set(array, (const int64_t[]){1, 2}, NULL, &value), 0);
    assert_int_equal(marray_flush(array, MARRAY_FLUSH_FULL), 0);
    marray_close(&array);

    spec = scratch_spec(scratch, MARRAY_READ, NULL, MARRAY_INFER_SHAPE, NULL);
    array = open_npy(scratch, &spec);
    assert_string_equal(marray_dtype(array), "<f4");
    assert_int_equal(marray_shape(array)[0], 3);
    assert_int_equal(marray_shape(array)[1], 4);
    assert_int_equal(marray_strides(array)[0], 4);
    float back = 0;
    assert_int_equal(marray_get(array, (const int64_t[]){1, 2}, NULL, &back), 0);
    assert_true(back == 5);
    marray_close(&array);
}

static void small_shapes_have_the_sizes_of_numpy_and_open_again(void **state)
{
    struct scratch *scratch = *state;
    struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, "<f4", 0, NULL);
    struct marray *array = open_npy(scratch, &spec);
    marray_close(&array);
    assert_int_equal(scratch_size(scratch->path), 132);
    spec.dimensions = 1;
    spec.shape = SHAPE(0);
    spec.dtype = NULL;
    array = open_npy(scratch, &spec);
    assert_string_equal(marray_dtype(array), "<f8");
    marray_close(&array);
    assert_int_equal(scratch_size(scratch->path), 128);
    spec = scratch_spec(scratch, MARRAY_READ_WRITE, NULL, MARRAY_INFER_SHAPE, NULL);
    array = open_npy(scratch, &spec);
    assert_int_equal(marray_shape(array)[0], 0);
    marray_close(&array);
    assert_int_equal(scratch_size(scratch->path), 128);
}

static void data_that_is_too_short_is_an_error_for_readers_and_extended_for_writers(void **state)
{
    struct scratch *scratch = *state;
    unsigned char bytes[HEADER_BYTES];
    size_t size = header_of("<f8", false, 1, SHAPE(10), bytes);
    scratch_write(scratch->path, bytes, size + 8);
    struct marray_spec spec = scratch_spec(scratch, MARRAY_READ, NULL, MARRAY_INFER_SHAPE, NULL);
    struct marray *array;
    assert_int_equal(marray_open_npy(scratch->path, &spec, &array), -ENODATA);
    assert_int_equal(scratch_size(scratch->path), size + 8);
    spec.mode = MARRAY_READ_WRITE;
    array = open_npy(scratch, &spec);
    marray_close(&array);
    assert_int_equal(scratch_size(scratch->path), size + 80);
}

static void a_file_that_is_no_npy_is_refused_with_its_name(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array;
    struct marray_spec spec =
        scratch_spec(scratch, MARRAY_READ_WRITE, NULL, MARRAY_INFER_SHAPE, NULL);
    for (size_t size = 0; size < 300; size += 299) {
        scratch_write_ramp(scratch->path, size);
        assert_int_equal(marray_open_npy(scratch->path, &spec, &array), -EBADMSG);
        assert_non_null(strstr(scratch->message.text, scratch->path));
        assert_int_equal(scratch_size(scratch->path), size);
    }
    spec.offset_bytes = 4;
    assert_int_equal(marray_open_npy(scratch->path, &spec, &array), -EINVAL);
}

static void create_over_an_old_file_leaves_only_header_and_zeros(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_ramp(scratch->path, 10000);
    struct marray_spec spec = scratch_spec(scratch, MARRAY_CREATE, "|u1", 1, SHAPE(500));
    struct marray *array = open_npy(scratch, &spec);
    marray_close(&array);
    size_t size;
    unsigned char *bytes = scratch_read(scratch->path, &size);
    assert_int_equal(size, 628);
    unsigned char header[HEADER_BYTES];
    assert_int_equal(header_of("|u1", false, 1, SHAPE(500), header), 128);
    assert_memory_equal(bytes, header, 128);
    for (size_t i = 128; i < size; i++)
        assert_int_equal(bytes[i], 0);
    free(bytes);
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_of_a_small_matrix_is_the_one_numpy_writes),
        cmocka_unit_test(the_growing_axis_keeps_the_header_of_one_length),
        cmocka_unit_test(every_header_is_a_multiple_of_64),
        cmocka_unit_test(an_aligned_header_still_gets_64_more_spaces),
        cmocka_unit_test(readers_accept_what_numpy_accepts),
        cmocka_unit_test(versions_two_and_three_have_a_longer_length_and_no_long_numbers_in_three),
        cmocka_unit_test(readers_refuse_what_numpy_refuses),
        cmocka_unit_test(arrays_numpy_can_read_but_this_library_cannot_are_not_called_broken),
        cmocka_unit_test(names_of_fields_may_be_escaped_and_have_the_encoding_of_the_version),
        cmocka_unit_test(the_version_is_the_first_that_will_do),
        cmocka_unit_test(a_header_over_ten_thousand_characters_is_refused),
        cmocka_unit_test(a_cut_or_changed_header_is_never_read_past_its_end),
        SCRATCH_TEST(a_created_file_opens_again_with_what_it_was_made_of),
        SCRATCH_TEST(small_shapes_have_the_sizes_of_numpy_and_open_again),
        SCRATCH_TEST(data_that_is_too_short_is_an_error_for_readers_and_extended_for_writers),
        SCRATCH_TEST(a_file_that_is_no_npy_is_refused_with_its_name),
        SCRATCH_TEST(create_over_an_old_file_leaves_only_header_and_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
