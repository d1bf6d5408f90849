/* Element types are read as numpy reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "mapping/dtype.h"
#include "mapping/half.h"

static void expect_descr(const char *text, const char *descr, uint32_t item_bytes)
{
    struct marray_dtype dtype;
    struct marray_message message = {""};
    int status = marray_dtype_parse(text, &dtype, &message);
    if (status)
        fail_msg("%s: %s", text, message.text);
    assert_string_equal(marray_dtype_descr(&dtype), descr);
    assert_int_equal(dtype.item_bytes, item_bytes);
    marray_dtype_release(&dtype);
}

static void canonical_descr_is_the_one_numpy_writes(void **state)
{
    (void)state;
    expect_descr("<f8", "<f8", 8);
    expect_descr(">f8", ">f8", 8);
    expect_descr("=f8", "<f8", 8);
    expect_descr("|i4", "<i4", 4);
    expect_descr("f4", "<f4", 4);
    expect_descr("f2", "<f2", 2);
    expect_descr("|b1", "|b1", 1);
    expect_descr(">u1", "|u1", 1);
    expect_descr("<i1", "|i1", 1);
    expect_descr("<c8", "<c8", 8);
    expect_descr(">c16", ">c16", 16);
    expect_descr("d", "<f8", 8);
    expect_descr("<e", "<f2", 2);
    expect_descr("?", "|b1", 1);
    expect_descr("float64", "<f8", 8);
    expect_descr("complex64", "<c8", 8);
    expect_descr("|S3", "|S3", 3);
    expect_descr("a03", "|S3", 3);
    expect_descr(">S2147483647", "|S2147483647", 2147483647);
    expect_descr("|U2", "<U2", 8);
    expect_descr(">U536870911", ">U536870911", 2147483644);
    expect_descr("V5", "|V5", 5);
    expect_descr("<M8[ns]", "<M8[ns]", 8);
    expect_descr(">m8[1s]", ">m8[s]", 8);
    expect_descr("M8[ 25us]", "<M8[25us]", 8);
    expect_descr("M8[2147483647as]", "<M8[2147483647as]", 8);
    expect_descr("M8", "<M8", 8);
    expect_descr("m8[generic]", "<m8", 8);
    expect_descr("datetime64[D]", "<M8[D]", 8);
}

static void fields_stand_one_behind_the_other_with_blanks_between(void **state)
{
    (void)state;
    expect_descr("[('a', '<i4'), ('b', '<f8', (2,))]", "[('a', '<i4'), ('b', '<f8', (2,))]", 20);
    expect_descr("[('a','|i1'),('','|V3'),('b','i4'),('','V1'),('','|V2',(2,))]",
                 "[('a', '|i1'), ('', '|V3'), ('b', '<i4'), ('', '|V5')]", 13);
    expect_descr("[(('t','a'),'<i4'),['b',[('x','>u2'),('y','U1',(2,3))],(1,)],]",
                 "[(('t', 'a'), '<i4'), ('b', [('x', '>u2'), ('y', '<U1', (2, 3))], (1,))]", 30);
    expect_descr("[('a', 'f4', 3), ('b', 'f4', 1), ('c', 'f4', ()), ('d', 'f4', (0,))]",
                 "[('a', '<f4', (3,)), ('b', '<f4'), ('c', '<f4'), ('d', '<f4', (0,))]", 20);
    expect_descr("[('', '<i4'), ('z', '|S0')]", "[('', '<i4'), ('z', '|S0')]", 4);
    expect_descr("[(\"it's\", 'i1'), ('a\\n', 'i1')]", "[(\"it's\", '|i1'), ('a\\n', '|i1')]", 2);
}

static void fields_are_found_by_name_and_title(void **state)
{
    (void)state;
    struct marray_dtype dtype;
    assert_int_equal(
        marray_dtype_parse("[('', 'V3'), (('t', 'a'), '>i4', (2,)), ('b', 'S3')]", &dtype, NULL),
        0);
    const struct marray_record_field *field = marray_dtype_field(&dtype, "t");
    assert_non_null(field);
    assert_ptr_equal(field, marray_dtype_field(&dtype, "a"));
    assert_int_equal(field->offset_bytes, 3);
    assert_int_equal(field->size_bytes, 8);
    assert_true(field->dtype.swapped);
    assert_int_equal(field->shape[0], 2);
    assert_null(marray_dtype_field(&dtype, "c"));
    assert_false(dtype.record->is_packed);
    marray_dtype_release(&dtype);
}

static void only_the_other_byte_order_is_swapped(void **state)
{
    (void)state;
    struct marray_dtype dtype;
    assert_int_equal(marray_dtype_parse("<i2", &dtype, NULL), 0);
    assert_false(dtype.swapped);
    assert_int_equal(marray_dtype_parse(">i2", &dtype, NULL), 0);
    assert_true(dtype.swapped);
    assert_int_equal(marray_dtype_parse(">u1", &dtype, NULL), 0);
    assert_false(dtype.swapped);
    assert_int_equal(marray_dtype_parse(">c16", &dtype, NULL), 0);
    assert_int_equal(dtype.unit_bytes, 8);
}

static void expect_status(const char *text, int expected)
{
    struct marray_dtype dtype = {.item_bytes = 99};
    struct marray_message message = {""};
    int status = marray_dtype_parse(text, &dtype, &message);
    if (status != expected)
        fail_msg("%s: %d instead of %d", text, status, expected);
    assert_non_null(strstr(message.text, text));
    assert_int_equal(dtype.item_bytes, 99);
}

static void what_is_no_dtype_is_refused_by_name(void **state)
{
    (void)state;
    const char *const wrong[] = {"",
                                 "f3",
                                 "b2",
                                 "<",
                                 "<<f8",
                                 ">float64",
                                 " <f8",
                                 "<f8 ",
                                 "|O",
                                 "O8",
                                 "i16",
                                 "x8",
                                 "<f88",
                                 "f8;",
                                 "S",
                                 "|V0",
                                 "U",
                                 "S-1",
                                 "S3 ",
                                 "M[s]",
                                 "M8[]",
                                 "M8[D ]",
                                 "M8[0s]",
                                 "M8[B]",
                                 "M8[s",
                                 "M8[s]x",
                                 "f8[s]",
                                 "M8[2147483648s]",
                                 "datetime64[x]",
                                 "M8[-1s]"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        expect_status(wrong[i], -EINVAL);
}

static void records_that_numpy_refuses_are_refused(void **state)
{
    (void)state;
    const char *const wrong[] = {
        "[",
        "[]",
        "['a']",
        "[('a')]",
        "[('a',)]",
        "[('a', 'f3')]",
        "[('a', 'O')]",
        "[('a', 'i4', (2,), 3)]",
        "[('a', 'i4', (-1,))]",
        "[('a', 'i4') ('b', 'i4')]",
        "[('a', 'i4'), ('a', 'f4')]",
        "[(('a', 'a'), 'i4')]",
        "[(('t', 'a'), 'i4'), ('t', 'f4')]",
        "[('a', 'i4')] x",
        "[('a', 'i4']",
        "[(a, 'i4')]",
        "[('', 'V0')]",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        expect_status(wrong[i], -EINVAL);
}

static void items_of_two_gigabytes_or_more_are_refused(void **state)
{
    (void)state;
    const char *const wrong[] = {"S2147483648",
                                 "V99999999999999999999",
                                 "<U536870912",
                                 "[('a', 'S2147483647'), ('b', 'i1')]",
                                 "[('a', 'f8', (2147483647,))]",
                                 "[('a', 'f8', (9223372036854775807, 9223372036854775807))]",
                                 "[('a', 'f8', (9223372036854775808,))]"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        expect_status(wrong[i], -EOVERFLOW);
}

static void records_nest_to_a_limit(void **state)
{
    (void)state;
    for (int depth = 31; depth <= 33; depth++) {
        char text[1000] = "";
        for (int i = 0; i < depth; i++)
            strcat(text, "[('a', ");
        strcat(text, "'i1'");
        for (int i = 0; i < depth; i++)
            strcat(text, ")]");
        if (depth <= MARRAY_MAX_NESTING) {
            struct marray_dtype dtype;
            assert_int_equal(marray_dtype_parse(text, &dtype, NULL), 0);
            marray_dtype_release(&dtype);
        } else {
            struct marray_dtype dtype;
            assert_int_equal(marray_dtype_parse(text, &dtype, NULL), -ENOTSUP);
        }
    }
}

static void dtypes_of_numpy_that_are_missing_say_so(void **state)
{
    (void)state;
    const char *const missing[] = {"<f16", "g", "[('a', 'g')]", "[('a', ('f8', (2,)), (3,))]"};
    for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++)
        expect_status(missing[i], -ENOTSUP);
}

static void every_half_survives_the_way_through_double(void **state)
{
    (void)state;
    for (uint32_t half = 0; half <= UINT16_MAX; half++)
        assert_int_equal(marray_half_from_double(marray_half_to_double((uint16_t)half)), half);
}

/* Between two neighbours the nearer one is chosen, and of two equally near the even one. */
static void halves_are_rounded_to_nearest_even(void **state)
{
    (void)state;
    for (uint16_t half = 0; half < 0x7bff; half++) {
        double low = marray_half_to_double(half);
        double high = marray_half_to_double((uint16_t)(half + 1));
        double middle = (low + high) / 2;
        double step = (high - low) / 1024;
        uint16_t even = (uint16_t)(half + (half & 1));
        assert_int_equal(marray_half_from_double(middle), even);
        assert_int_equal(marray_half_from_double(middle - step), half);
        assert_int_equal(marray_half_from_double(middle + step), half + 1);
        assert_int_equal(marray_half_from_double(-middle), even | 0x8000);
    }
}

static void halves_overflow_to_infinity_and_underflow_to_zero(void **state)
{
    (void)state;
    assert_int_equal(marray_half_from_double(65504.0), 0x7bff);
    assert_int_equal(marray_half_from_double(65519.99), 0x7bff);
    assert_int_equal(marray_half_from_double(65520.0), 0x7c00);
    assert_int_equal(marray_half_from_double(-1e300), 0xfc00);
    assert_int_equal(marray_half_from_double(0x1p-25), 0);
    assert_int_equal(marray_half_from_double(0x1.00001p-25), 1);
    assert_int_equal(marray_half_from_double(-0x1p-1074), 0x8000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_descr_is_the_one_numpy_writes),
        cmocka_unit_test(only_the_other_byte_order_is_swapped),
        cmocka_unit_test(what_is_no_dtype_is_refused_by_name),
        cmocka_unit_test(fields_stand_one_behind_the_other_with_blanks_between),
        cmocka_unit_test(fields_are_found_by_name_and_title),
        cmocka_unit_test(records_that_numpy_refuses_are_refused),
        cmocka_unit_test(items_of_two_gigabytes_or_more_are_refused),
        cmocka_unit_test(records_nest_to_a_limit),
        cmocka_unit_test(dtypes_of_numpy_that_are_missing_say_so),
        cmocka_unit_test(every_half_survives_the_way_through_double),
        cmocka_unit_test(halves_are_rounded_to_nearest_even),
        cmocka_unit_test(halves_overflow_to_infinity_and_underflow_to_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
