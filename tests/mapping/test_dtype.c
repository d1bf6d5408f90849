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
    assert_string_equal(dtype.descr, descr);
    assert_int_equal(dtype.item_bytes, item_bytes);
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
    const char *const wrong[] = {"",     "f3", "b2", "<",   "<<f8", ">float64", " <f8",
                                 "<f8 ", "|O", "O8", "i16", "x8",   "<f88",     "f8;"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        expect_status(wrong[i], -EINVAL);
}

static void dtypes_of_numpy_that_are_missing_say_so(void **state)
{
    (void)state;
    const char *const missing[] = {"|S3", "<U2", "|V5", "<M8[ns]", "<m8", "<f16", "g"};
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
        cmocka_unit_test(dtypes_of_numpy_that_are_missing_say_so),
        cmocka_unit_test(every_half_survives_the_way_through_double),
        cmocka_unit_test(halves_are_rounded_to_nearest_even),
        cmocka_unit_test(halves_overflow_to_infinity_and_underflow_to_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
