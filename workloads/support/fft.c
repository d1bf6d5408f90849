/*
 * The two-dimensional Fourier transform of a square window of float32: rows by kiss_fftr, columns
 * by kiss_fft, as kissfft's own n-dimensional functions refuse 64 x 64 and more in release 131.
 */
#include "workloads/support/fft.h"

#include <stdlib.h>

#include <kissfft/kiss_fft.h>
#include <kissfft/kiss_fftr.h>

#include "workloads/support/buffer.h"

struct mm_fft {
    uint32_t window;
    uint32_t half; /* columns of a spectrum of real rows: window / 2 + 1 */
    kiss_fftr_cfg row_plan;
    kiss_fft_cfg column_plan;
    kiss_fft_cpx *spectrum; /* [window][half], after the rows are done */
    kiss_fft_cpx *column;   /* [window], one transformed column */
};

static uint64_t spectrum_bytes(uint64_t window)
{
    return window * (window / 2 + 1) * sizeof(kiss_fft_cpx);
}

static uint64_t column_bytes(uint64_t window)
{
    return window * sizeof(kiss_fft_cpx);
}

bool mm_fft_window_is_possible(uint64_t window)
{
    static const uint64_t factors[] = {2, 3, 5};
    if (window < 2 || window % 2)
        return false;
    for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]); i++)
        while (window % factors[i] == 0)
            window /= factors[i];
    return window == 1;
}

void mm_fft_close(struct mm_fft *fft)
{
    if (!fft)
        return;
    kiss_fftr_free(fft->row_plan);
    kiss_fft_free(fft->column_plan);
    mm_buffer_free(fft->spectrum, spectrum_bytes(fft->window));
    mm_buffer_free(fft->column, column_bytes(fft->window));
    free(fft);
}

struct mm_fft *mm_fft_open(uint32_t window)
{
    struct mm_fft *fft = calloc(1, sizeof(*fft));
    if (!fft)
        return NULL;
    fft->window = window;
    fft->half = window / 2 + 1;
    fft->row_plan = kiss_fftr_alloc((int)window, 0, NULL, NULL);
    fft->column_plan = kiss_fft_alloc((int)window, 0, NULL, NULL);
    fft->spectrum = mm_buffer_allocate(spectrum_bytes(window));
    fft->column = mm_buffer_allocate(column_bytes(window));
    if (!fft->row_plan || !fft->column_plan || !fft->spectrum || !fft->column) {
        mm_fft_close(fft);
        return NULL;
    }
    return fft;
}

static void transform_rows(struct mm_fft *fft, float *tile)
{
    size_t window = fft->window;
    /* NaN compares false too. */
    for (size_t i = 0; i < window * window; i++)
        tile[i] = tile[i] >= -MM_FFT_LIMIT && tile[i] <= MM_FFT_LIMIT ? tile[i] : 0;
    for (size_t row = 0; row < window; row++)
        kiss_fftr(fft->row_plan, tile + row * window, fft->spectrum + row * fft->half);
}

void mm_fft_real_part(struct mm_fft *fft, float *tile)
{
    size_t window = fft->window;
    float scale = 1.0f / (float)window;

    transform_rows(fft, tile);
    for (size_t k = 0; k < fft->half; k++) {
        size_t mirrored = k ? window - k : 0;
        kiss_fft_stride(fft->column_plan, fft->spectrum + k, fft->column, (int)fft->half);
        for (size_t row = 0; row < window; row++) {
            float real = fft->column[row].r * scale;
            tile[row * window + k] = real;
            /* The spectrum of real data is conjugate symmetric: the other half's real parts. */
            tile[(row ? window - row : 0) * window + mirrored] = real;
        }
    }
}
