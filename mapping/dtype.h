/* Element types: numpy's descr texts and what they mean. */
#ifndef MARRAY_DTYPE_H
#define MARRAY_DTYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "mapping/literal.h"
#include "mapping/marray.h"

enum marray_type {
    MARRAY_B1,
    MARRAY_I1,
    MARRAY_I2,
    MARRAY_I4,
    MARRAY_I8,
    MARRAY_U1,
    MARRAY_U2,
    MARRAY_U4,
    MARRAY_U8,
    MARRAY_F2,
    MARRAY_F4,
    MARRAY_F8,
    MARRAY_C8,
    MARRAY_C16,
    MARRAY_DATETIME,  /* "<M8[ns]" */
    MARRAY_TIMEDELTA, /* "<m8[ns]" */
    MARRAY_NUMBER_COUNT,
    MARRAY_BYTES = MARRAY_NUMBER_COUNT, /* "|S3": padded with zeros */
    MARRAY_UNICODE,                     /* "<U2": UCS-4, padded with zeros */
    MARRAY_VOID,                        /* "|V5": bytes without a meaning */
    MARRAY_RECORD                       /* "[('a', '<i4'), ('b', '<f8', (2,))]" */
};

/* The units of datetimes, coarse to fine; GENERIC is a number of no unit. */
enum marray_time_unit {
    MARRAY_TIME_YEARS,
    MARRAY_TIME_MONTHS,
    MARRAY_TIME_WEEKS,
    MARRAY_TIME_DAYS,
    MARRAY_TIME_HOURS,
    MARRAY_TIME_MINUTES,
    MARRAY_TIME_SECONDS,
    MARRAY_TIME_MILLISECONDS,
    MARRAY_TIME_MICROSECONDS,
    MARRAY_TIME_NANOSECONDS,
    MARRAY_TIME_PICOSECONDS,
    MARRAY_TIME_FEMTOSECONDS,
    MARRAY_TIME_ATTOSECONDS,
    MARRAY_TIME_GENERIC
};

#define MARRAY_DESCR_BYTES      32
#define MARRAY_MAX_NUMBER_BYTES 16
/* numpy keeps the size of an item in a C int. */
#define MARRAY_MAX_ITEM_BYTES INT32_MAX
/* How deep records may be nested in each other; numpy's limit is Python's stack. */
#define MARRAY_MAX_NESTING 32

struct marray_record;

/* Copies share the record: see marray_dtype_keep(). */
struct marray_dtype {
    enum marray_type type;
    uint32_t item_bytes;
    uint32_t unit_bytes; /* what byte order turns round: half an item for complex numbers */
    bool swapped;        /* not the machine's byte order */
    enum marray_time_unit time_unit;
    uint32_t time_multiple;         /* 25 of "<M8[25us]" */
    struct marray_record *record;   /* of RECORD only; counted */
    char descr[MARRAY_DESCR_BYTES]; /* of all others: ask marray_dtype_descr() */
};

struct marray_record_field {
    char *name;
    char *title; /* another name, or NULL */
    uint32_t offset_bytes;
    uint32_t size_bytes;
    struct marray_dtype dtype; /* of one element */
    int dimensions;            /* of a sub-array, dense in C order; 0: there is none */
    uint64_t *shape;
};

/* Immutable once made. */
struct marray_record {
    _Atomic uint32_t references;
    uint32_t count;
    struct marray_record_field *fields;
    bool is_packed; /* no bytes between fields, nor in their fields */
    char *descr;
};

/*
 * Reads the descr texts that numpy writes, and the short names of numpy.dtype(): "<f8", "=i4",
 * "f4", "d", "float64", "|S3", "<M8[25us]", "[('a', '<i4'), ('', '|V4'), ('b', '<f8', (2,))]";
 * blanks of records are voids of no name, as in .npy headers. Returns 0, -EINVAL (not a dtype, one
 * of objects, or of no bytes), -EOVERFLOW (an item of 2^31 bytes or more), -ENOTSUP (a dtype that
 * this library does not have) or -ENOMEM, with message. The dtype is the caller's:
 * marray_dtype_release().
 */
int marray_dtype_parse(const char *text, struct marray_dtype *dtype,
                       struct marray_message *message);

/* The same for a place in a longer text: a string, or the list of a record. Fails as the literal
 * does instead of with -EINVAL. */
int marray_dtype_read(struct marray_literal *literal, struct marray_dtype *dtype);

/* One more owner of what the dtype refers to. */
void marray_dtype_keep(const struct marray_dtype *dtype);
/* One less. The dtype may be all zero. */
void marray_dtype_release(struct marray_dtype *dtype);

/* Canonical, as numpy writes it: "<f8", "|u1", "[('a', '<i4')]". Lives as long as the dtype. */
const char *marray_dtype_descr(const struct marray_dtype *dtype);

/* The field of that name or title; NULL: there is none. */
const struct marray_record_field *marray_dtype_field(const struct marray_dtype *dtype,
                                                     const char *name);

#endif
