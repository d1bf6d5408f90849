/* Which pages a strided view touches, and sizes that do not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "mapping/layout.h"

#define PAGE       UINT64_C(4096)
#define MAX_RANGES 64

struct ranges {
    size_t count;
    uint64_t start[MAX_RANGES];
    uint64_t length[MAX_RANGES];
};

static int collect(void *context, uint64_t start, uint64_t length)
{
    struct ranges *ranges = context;
    assert_true(ranges->count < MAX_RANGES);
    ranges->start[ranges->count] = start;
    ranges->length[ranges->count++] = length;
    return 0;
}

static struct ranges pages_of(const uint64_t *shape, const int64_t *strides, int dimensions,
                              uint64_t first, uint32_t item_bytes)
{
    struct marray_loops loops;
    struct ranges ranges = {0};
    int64_t lowest = marray_loops_by_address(shape, strides, dimensions, &loops);
    assert_int_equal(marray_loops_visit_pages(&loops, first + (uint64_t)lowest, item_bytes, PAGE,
                                              collect, &ranges),
                     0);
    return ranges;
}

static void a_dense_view_is_one_run_of_pages(void **state)
{
    (void)state;
    const uint64_t shape[] = {10, 100};
    const int64_t strides[] = {800, 8};
    struct ranges ranges = pages_of(shape, strides, 2, 4000, 8);
    assert_int_equal(ranges.count, 1);
    assert_int_equal(ranges.start[0], 0);
    assert_int_equal(ranges.length[0], 3 * PAGE);
}

static void far_rows_are_runs_of_their_own(void **state)
{
    (void)state;
    const uint64_t shape[] = {3, 16};
    const int64_t strides[] = {10 * (int64_t)PAGE, 8};
    struct ranges ranges = pages_of(shape, strides, 2, 100, 8);
    assert_int_equal(ranges.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ranges.start[i], i * 10 * PAGE);
        assert_int_equal(ranges.length[i], PAGE);
    }
}

static void a_row_across_a_page_boundary_takes_both_pages(void **state)
{
    (void)state;
    const uint64_t shape[] = {2, 16};
    const int64_t strides[] = {10 * (int64_t)PAGE, 8};
    struct ranges ranges = pages_of(shape, strides, 2, PAGE - 8, 8);
    assert_int_equal(ranges.count, 2);
    assert_int_equal(ranges.start[0], 0);
    assert_int_equal(ranges.length[0], 2 * PAGE);
}

static void rows_on_adjacent_pages_become_one_run(void **state)
{
    (void)state;
    const uint64_t shape[] = {5, 2};
    const int64_t strides[] = {(int64_t)PAGE + 3000, 8};
    struct ranges ranges = pages_of(shape, strides, 2, 0, 8);
    uint64_t pages = 0;
    for (size_t i = 0; i < ranges.count; i++) {
        pages += ranges.length[i] / PAGE;
        if (i > 0)
            assert_true(ranges.start[i] > ranges.start[i - 1] + ranges.length[i - 1]);
    }
    /* Rows begin at 0, 7096, 14192, 21288, 28384: pages 0, 1, 3, 5 and 6. */
    assert_int_equal(ranges.count, 3);
    assert_int_equal(pages, 5);
}

static void a_reversed_view_touches_the_pages_of_the_forward_one(void **state)
{
    (void)state;
    const uint64_t shape[] = {3, 16};
    const int64_t forward[] = {10 * (int64_t)PAGE, 8};
    const int64_t backward[] = {-10 * (int64_t)PAGE, -8};
    struct ranges one = pages_of(shape, forward, 2, 100, 8);
    struct ranges other = pages_of(shape, backward, 2, 100 + 20 * PAGE + 120, 8);
    assert_memory_equal(&one, &other, sizeof(one));
}

static void a_transposed_view_touches_the_pages_of_the_original(void **state)
{
    (void)state;
    const uint64_t shape[] = {16, 3};
    const int64_t strides[] = {8, 10 * (int64_t)PAGE};
    struct ranges ranges = pages_of(shape, strides, 2, 0, 8);
    assert_int_equal(ranges.count, 3);
}

/* Against marking every byte of every element. */
static void every_touched_page_and_no_other_is_visited(void **state)
{
    (void)state;
    for (int64_t row = 8; row < 6 * (int64_t)PAGE; row += 1000) {
        for (int64_t column = 8; column < 3 * (int64_t)PAGE; column += 1016) {
            const uint64_t shape[] = {4, 3};
            const int64_t strides[] = {row, column};
            unsigned char touched[64] = {0};
            unsigned char visited[64] = {0};
            for (int64_t i = 0; i < 4; i++) {
                for (int64_t j = 0; j < 3; j++) {
                    uint64_t place = 77 + (uint64_t)(i * row + j * column);
                    touched[place / PAGE] = 1;
                    touched[(place + 7) / PAGE] = 1;
                }
            }
            struct ranges ranges = pages_of(shape, strides, 2, 77, 8);
            for (size_t i = 0; i < ranges.count; i++)
                memset(visited + ranges.start[i] / PAGE, 1, ranges.length[i] / PAGE);
            /* Interleaved rows may visit a page twice; never one too many. */
            assert_memory_equal(touched, visited, sizeof(touched));
        }
    }
}

static void dense_axes_are_one_loop_in_either_order(void **state)
{
    (void)state;
    struct marray_loops loops;
    const uint64_t shape[] = {3, 1, 4, 5};
    const int64_t strides[] = {160, 7, 40, 8};
    marray_loops_in_order(shape, strides, 4, &loops);
    assert_int_equal(loops.count, 1);
    assert_int_equal(loops.length[0], 60);
    assert_int_equal(loops.stride_bytes[0], 8);
    const uint64_t fortran_shape[] = {5, 4, 3};
    const int64_t fortran_strides[] = {-8, 40, 160};
    assert_int_equal(marray_loops_by_address(fortran_shape, fortran_strides, 3, &loops), -32);
    assert_int_equal(loops.count, 1);
    assert_int_equal(loops.length[0], 60);
}

static void a_size_that_does_not_fit_is_an_overflow(void **state)
{
    (void)state;
    uint64_t length;
    uint64_t size_bytes;
    const uint64_t huge[] = {UINT64_C(1) << 40, UINT64_C(1) << 40};
    assert_int_equal(marray_layout_size(huge, 2, 1, &length, &size_bytes), -EOVERFLOW);
    const uint64_t empty[] = {0, 5};
    assert_int_equal(marray_layout_size(empty, 2, 8, &length, &size_bytes), 0);
    assert_int_equal(size_bytes, 0);
    const uint64_t largest[] = {INT64_MAX};
    assert_int_equal(marray_layout_size(largest, 1, 1, &length, &size_bytes), 0);
    assert_int_equal(length, INT64_MAX);
    assert_int_equal(marray_layout_size(largest, 1, 2, &length, &size_bytes), -EOVERFLOW);
}

static void axes_of_length_one_do_not_break_contiguity(void **state)
{
    (void)state;
    const uint64_t shape[] = {3, 1, 4};
    const int64_t strides[] = {32, 999, 8};
    assert_true(marray_layout_is_contiguous(shape, strides, 3, 8, MARRAY_ORDER_C));
    assert_false(marray_layout_is_contiguous(shape, strides, 3, 8, MARRAY_ORDER_F));
    const uint64_t empty[] = {3, 0};
    assert_true(marray_layout_is_contiguous(empty, strides, 2, 8, MARRAY_ORDER_F));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dense_view_is_one_run_of_pages),
        cmocka_unit_test(far_rows_are_runs_of_their_own),
        cmocka_unit_test(a_row_across_a_page_boundary_takes_both_pages),
        cmocka_unit_test(rows_on_adjacent_pages_become_one_run),
        cmocka_unit_test(a_reversed_view_touches_the_pages_of_the_forward_one),
        cmocka_unit_test(a_transposed_view_touches_the_pages_of_the_original),
        cmocka_unit_test(every_touched_page_and_no_other_is_visited),
        cmocka_unit_test(dense_axes_are_one_loop_in_either_order),
        cmocka_unit_test(a_size_that_does_not_fit_is_an_overflow),
        cmocka_unit_test(axes_of_length_one_do_not_break_contiguity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
