/* The two-dimensional Fourier transform of a square window of float32. */
#ifndef MM_WORKLOADS_SUPPORT_FFT_H
#define MM_WORKLOADS_SUPPORT_FFT_H

#include <stdbool.h>
#include <stdint.h>

/* Plans and space for one window size. Owned by the caller; release with mm_fft_close(). */
struct mm_fft;

/* Even, and a product of 2, 3 and 5 alone: other factors make kissfft allocate in the transform. */
bool mm_fft_window_is_possible(uint64_t window);

/* NULL when memory is short; window must be possible. All memory is touched here. */
struct mm_fft *mm_fft_open(uint32_t window);
void mm_fft_close(struct mm_fft *fft);

/*
 * Replaces the window x window elements of tile (dense rows) by the real part of their transform,
 * Re(sum over x of tile[x] * exp(-2 pi i k x / window)) / window: unitary, so that magnitudes stay
 * as they are however often it is done. Elements that are not finite, or beyond MM_FFT_LIMIT in
 * magnitude, count as 0: data files hold arbitrary bits. Allocates nothing.
 */
#define MM_FFT_LIMIT 0x1p32f
void mm_fft_real_part(struct mm_fft *fft, float *tile);

#endif
