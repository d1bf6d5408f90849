/* The transform of a window against the definition, in double precision. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/random.h"
#include "common/text.h"
#include "workloads/support/fft.h"

/* Re F[k1][k2] / window by the definition. */
static double direct(const float *tile, uint32_t window, uint32_t k1, uint32_t k2)
{
    const double turn = 8 * atan(1);
    double sum = 0;
    for (uint32_t i = 0; i < window; i++)
        for (uint32_t j = 0; j < window; j++)
            sum += (double)tile[i * window + j] *
                   cos(turn * ((double)(i * k1 % window) + (double)(j * k2 % window)) / window);
    return sum / window;
}

static float *random_tile(uint32_t window)
{
    struct mm_random random;
    float *tile = malloc((size_t)window * window * sizeof(*tile));
    assert_non_null(tile);
    mm_random_seed(&random, window);
    for (uint32_t i = 0; i < window * window; i++)
        tile[i] = (float)(mm_random_unit(&random) - 0.25);
    return tile;
}

static void the_real_part_is_that_of_the_definition(void **state)
{
    static const uint32_t windows[] = {2, 4, 6, 10, 12, 30, 64};
    (void)state;
    for (size_t w = 0; w < MM_COUNT_OF(windows); w++) {
        uint32_t window = windows[w];
        uint32_t step = window > 30 ? 7 : 1;
        size_t bytes = (size_t)window * window * sizeof(float);
        float *tile = random_tile(window);
        float *transformed = malloc(bytes);
        struct mm_fft *fft = mm_fft_open(window);
        assert_true(transformed && fft);
        memcpy(transformed, tile, bytes);
        mm_fft_real_part(fft, transformed);
        for (uint32_t i = 0; i < window; i += step)
            for (uint32_t j = 0; j < window; j += step)
                assert_true(fabs((double)transformed[i * window + j] - direct(tile, window, i, j)) <
                            1e-4);
        mm_fft_close(fft);
        free(transformed);
        free(tile);
    }
}

static void large_windows_keep_sum_and_energy(void **state)
{
    const uint32_t window = 512;
    const size_t elements = (size_t)window * window;
    float *tile = random_tile(window);
    double sum = 0;
    double even = 0;
    double energy = 0;
    (void)state;
    for (uint32_t i = 0; i < window; i++) {
        for (uint32_t j = 0; j < window; j++) {
            size_t mirrored = (size_t)((window - i) % window) * window + (window - j) % window;
            double part = ((double)tile[i * window + j] + (double)tile[mirrored]) / 2;
            sum += (double)tile[i * window + j];
            even += part * part;
        }
    }
    struct mm_fft *fft = mm_fft_open(window);
    assert_non_null(fft);
    mm_fft_real_part(fft, tile);
    for (size_t i = 0; i < elements; i++)
        energy += (double)tile[i] * (double)tile[i];
    assert_true(fabs((double)tile[0] - sum / window) < 1e-3);
    assert_true(fabs(energy - even) < 1e-4 * even);
    mm_fft_close(fft);
    free(tile);
}

static void values_that_are_no_numbers_count_as_zero(void **state)
{
    float tile[16] = {1, NAN, 2, INFINITY, -INFINITY, 3e38f, -3e38f, 5};
    float clean[16] = {1, 0, 2, 0, 0, 0, 0, 5};
    struct mm_fft *fft = mm_fft_open(4);
    (void)state;
    assert_non_null(fft);
    mm_fft_real_part(fft, tile);
    mm_fft_real_part(fft, clean);
    assert_memory_equal(tile, clean, sizeof(tile));
    mm_fft_close(fft);
}

static void only_even_products_of_small_primes_are_possible(void **state)
{
    static const uint64_t good[] = {2, 4, 6, 8, 10, 60, 480, 512, 1000, 16384};
    static const uint64_t bad[] = {0, 1, 3, 5, 7, 14, 15, 22, 511, 513};
    (void)state;
    for (size_t i = 0; i < MM_COUNT_OF(good); i++)
        assert_true(mm_fft_window_is_possible(good[i]));
    for (size_t i = 0; i < MM_COUNT_OF(bad); i++)
        assert_false(mm_fft_window_is_possible(bad[i]));
    mm_fft_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_real_part_is_that_of_the_definition),
        cmocka_unit_test(large_windows_keep_sum_and_energy),
        cmocka_unit_test(values_that_are_no_numbers_count_as_zero),
        cmocka_unit_test(only_even_products_of_small_primes_are_possible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
