/* Sizes, counts, durations and shares as people write them, and back. */
#ifndef MM_COMMON_UNITS_H
#define MM_COMMON_UNITS_H

#include <stddef.h>
#include <stdint.h>

#define MM_UNITS_TEXT_BYTES 32

#define MM_NANOSECONDS_PER_SECOND UINT64_C(1000000000)

/*
 * "4096", "64KiB", "1.5GiB", "10MB", "8B": bytes. Binary units KiB to EiB, decimal kB (KB) to EB;
 * a bare "64K" is refused as ambiguous. Returns 0, -EINVAL (not a size, or not a whole number of
 * bytes) or -ERANGE (does not fit). *bytes is set only on success.
 */
int mm_units_parse_size(const char *text, uint64_t *bytes);

/* "100", "1000000", "1e6", "64Ki": a whole number without a unit of bytes; errors as above. */
int mm_units_parse_count(const char *text, uint64_t *count);

/* "0.25", "25%", "1/4": a share between 0 and 1; -EINVAL otherwise. */
int mm_units_parse_share(const char *text, double *share);

/* "250ms", "2s", "1.5m", "1h", "30us", "10ns"; a unit is required. Nanoseconds. */
int mm_units_parse_duration(const char *text, uint64_t *nanoseconds);

/* The shortest exact spelling in binary units: 65536 is "64KiB", 65537 is "65537B". What it writes
 * mm_units_parse_size reads back to the same number. Returns text. */
char *mm_units_write_size(uint64_t bytes, char text[MM_UNITS_TEXT_BYTES]);

/* For reading, three significant digits: "1.53 GB/s", "83.2 us", "12.3 M", "64 MiB". Return text.
 */
char *mm_units_show_rate(double bytes_per_second, char text[MM_UNITS_TEXT_BYTES]);
char *mm_units_show_duration(double nanoseconds, char text[MM_UNITS_TEXT_BYTES]);
char *mm_units_show_count(double count, char text[MM_UNITS_TEXT_BYTES]);
char *mm_units_show_size(double bytes, char text[MM_UNITS_TEXT_BYTES]);

#endif
