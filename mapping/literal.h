/*
 * The part of Python's literals that describes arrays: strings, numbers, True and False, brackets.
 * Reading is safe on hostile input; writing is what repr() writes.
 */
#ifndef MARRAY_LITERAL_H
#define MARRAY_LITERAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mapping/marray.h"

/* A place in a text. Everything is borrowed. */
struct marray_literal {
    const char *at;
    const char *end;
    bool latin1;      /* one byte a character; else UTF-8 */
    bool long_suffix; /* numbers may come from Python 2: 3L */
    int failure;      /* the code of what cannot be read */
    const char *subject;
    struct marray_message *message;
};

/* Fails with the code of the literal and "<subject>: <what>". */
int marray_literal_bad(const struct marray_literal *literal, const char *what);

/* Skips white space, and says what stands there; '\0' at the end. */
char marray_literal_peek(struct marray_literal *literal);
/* Takes c if it is next, with white space before it. */
bool marray_literal_take(struct marray_literal *literal, char c);
bool marray_literal_take_word(struct marray_literal *literal, const char *word);

/* Reads a string, escapes and all, as UTF-8; the caller frees *text. Besides the literal's own
 * failure -ENOMEM, and -ENOTSUP for what C strings or UTF-8 cannot hold (NUL, half a surrogate
 * pair) and for \N{...}. */
int marray_literal_string(struct marray_literal *literal, char **text);
/* Decimal, from 0 to 2^63 - 1; -EOVERFLOW beyond. */
int marray_literal_number(struct marray_literal *literal, uint64_t *number);
/* A tuple of numbers of at most MARRAY_MAX_DIMENSIONS; (5) is no tuple. */
int marray_literal_tuple(struct marray_literal *literal, int *dimensions,
                         uint64_t shape[MARRAY_MAX_DIMENSIONS]);

/* Text that grows; start from {0} and free bytes. Once memory was short it stays so. */
struct marray_text {
    char *bytes; /* with a NUL behind it; NULL while empty */
    size_t length;
    size_t capacity;
    bool memory_is_short;
};

void marray_text_add(struct marray_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* repr() of a string that is UTF-8. Characters that no Unicode version has assigned are written as
 * they are: which these are depends on the Python that is asked. */
void marray_text_add_string(struct marray_text *text, const char *string);
/* "(3, 4)", "(3,)" or "()". */
void marray_text_add_tuple(struct marray_text *text, const uint64_t *numbers, int count);

/* Reads one character; 0 bytes for what is not UTF-8 (surrogates and overlong forms are not). */
size_t marray_utf8_read(const char *bytes, size_t size, uint32_t *character);

#endif
