/* Text helpers that more than one folder needs: the nearest right name, growing text, hex. */
#ifndef MM_COMMON_TEXT_H
#define MM_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/public.h"

#define MM_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* "0x" and 16 digits and the end. 64-bit values stand in JSON in this form: JSON numbers are
 * doubles for most readers and lose everything beyond 2^53. */
#define MM_TEXT_HEX_BYTES 19

/* The name among candidates[0..count) with the smallest Damerau-Levenshtein distance to wanted, if
 * that is at most a third of wanted's length (at least 1); otherwise NULL. Points into candidates.
 */
MM_PUBLIC const char *mm_text_nearest(const char *wanted, const char *const *candidates,
                                      size_t count);

/* ", did you mean 'x'?" or "" when nothing is near, for the end of an error line. Writes at most
 * size bytes; returns text. */
MM_PUBLIC char *mm_text_suggestion(const char *wanted, const char *const *candidates, size_t count,
                                   char *text, size_t size);

/* Newly allocated formatted text (free it), NULL when memory is short. */
MM_PUBLIC char *mm_text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

MM_PUBLIC char *mm_text_write_hex(uint64_t value, char text[MM_TEXT_HEX_BYTES]);

/* Exactly what mm_text_write_hex writes, or -EINVAL. */
MM_PUBLIC int mm_text_parse_hex(const char *text, uint64_t *value);

#endif
