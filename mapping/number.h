/* Real numbers in the widest type of their kind. */
#ifndef MARRAY_NUMBER_H
#define MARRAY_NUMBER_H

#include <stdint.h>

#include "mapping/dtype.h"

/* What elements are computed in; NONE: bools count as unsigned, all but real numbers as this. */
enum marray_kind { MARRAY_KIND_SIGNED, MARRAY_KIND_UNSIGNED, MARRAY_KIND_FLOAT, MARRAY_KIND_NONE };

union marray_number {
    int64_t as_signed;
    uint64_t as_unsigned;
    double as_float;
};

static inline enum marray_kind marray_kind_of(enum marray_type type)
{
    switch (type) {
    case MARRAY_B1:
    case MARRAY_U1:
    case MARRAY_U2:
    case MARRAY_U4:
    case MARRAY_U8:
        return MARRAY_KIND_UNSIGNED;
    case MARRAY_I1:
    case MARRAY_I2:
    case MARRAY_I4:
    case MARRAY_I8:
        return MARRAY_KIND_SIGNED;
    case MARRAY_F2:
    case MARRAY_F4:
    case MARRAY_F8:
        return MARRAY_KIND_FLOAT;
    default:
        return MARRAY_KIND_NONE;
    }
}

/* The dtype that holds a number of the kind. */
static inline const char *marray_kind_name(enum marray_kind kind)
{
    static const char *const names[] = {"=i8", "=u8", "=f8"};
    return names[kind];
}

#endif
