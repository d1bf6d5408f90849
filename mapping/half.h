/* Half-precision numbers (IEEE 754 binary16, numpy's f2) to and from double, correctly rounded. */
#ifndef MARRAY_HALF_H
#define MARRAY_HALF_H

#include <stdint.h>
#include <string.h>

static inline double marray_half_to_double(uint16_t half)
{
    uint64_t sign = (uint64_t)(half & 0x8000) << 48;
    uint64_t exponent = half >> 10 & 0x1f;
    uint64_t fraction = half & 0x3ff;
    uint64_t bits;
    if (exponent == 0) {
        double magnitude = (double)fraction * 0x1p-24;
        memcpy(&bits, &magnitude, sizeof(bits));
    } else {
        uint64_t widened = exponent == 0x1f ? 0x7ff : exponent + 1023 - 15;
        bits = widened << 52 | fraction << 42;
    }
    bits |= sign;
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* To nearest, ties to even; what is too large becomes infinite; a NaN keeps the top of its payload.
 */
static inline uint16_t marray_half_from_double(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    unsigned sign = (unsigned)(bits >> 48) & 0x8000;
    int exponent = (int)(bits >> 52 & 0x7ff) - 1023;
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    if (exponent == 1024 && fraction != 0) {
        unsigned payload = (unsigned)(fraction >> 42);
        return (uint16_t)(sign | 0x7c00 | (payload ? payload : 1));
    }
    if (exponent > 15)
        return (uint16_t)(sign | 0x7c00);
    if (exponent < -25)
        return (uint16_t)sign;
    /* Of 53 bits a normal half keeps 11, a subnormal one fewer. */
    uint64_t significand = fraction | UINT64_C(1) << 52;
    int shift = exponent < -14 ? 42 - 14 - exponent : 42;
    uint64_t kept = significand >> shift;
    uint64_t rest = significand & ((UINT64_C(1) << shift) - 1);
    uint64_t tie = UINT64_C(1) << (shift - 1);
    kept += rest > tie || (rest == tie && (kept & 1));
    /* A carry out of the fraction is one more in the exponent, up to infinity. */
    if (exponent >= -14)
        kept += (uint64_t)(exponent + 14) << 10;
    return (uint16_t)(sign | (unsigned)kept);
}

#endif
