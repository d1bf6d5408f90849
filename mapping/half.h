/*
 * Half-precision numbers (IEEE 754 binary16, numpy's f2) to and from float and double, to nearest
 * and ties to even; what is too large becomes infinite; a NaN keeps the top of its payload, quiet
 * or not, as numpy has it (the instructions of F16C make all of them quiet). Values are chosen
 * instead of branches, so that loops over them become vector instructions.
 */
#ifndef MARRAY_HALF_H
#define MARRAY_HALF_H

#include <stdint.h>
#include <string.h>

#include "mapping/processor.h"

MARRAY_INLINE uint32_t marray_half_float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

MARRAY_INLINE int64_t marray_half_double_bits(double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

MARRAY_INLINE float marray_half_to_float(uint16_t half)
{
    int32_t magnitude = half & 0x7fff;
    /* Exponents count from 127 instead of 15, and all ones stay all ones. Without an exponent the
     * fraction counts parts of 2^-24. */
    uint32_t bits = ((uint32_t)magnitude << 13) + (UINT32_C(112) << 23);
    bits = magnitude >= 0x7c00 ? bits + (UINT32_C(112) << 23) : bits;
    bits = magnitude < 0x400 ? marray_half_float_bits((float)magnitude * 0x1p-24F) : bits;
    bits |= (uint32_t)(half & 0x8000) << 16;
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

MARRAY_INLINE double marray_half_to_double(uint16_t half)
{
    int32_t magnitude = half & 0x7fff;
    int64_t bits = ((int64_t)magnitude << 42) + (INT64_C(1008) << 52);
    bits = magnitude >= 0x7c00 ? bits + (INT64_C(1008) << 52) : bits;
    bits = magnitude < 0x400 ? marray_half_double_bits((double)magnitude * 0x1p-24) : bits;
    uint64_t with_sign = (uint64_t)bits | (uint64_t)(half & 0x8000) << 48;
    double value;
    memcpy(&value, &with_sign, sizeof(value));
    return value;
}

MARRAY_INLINE uint16_t marray_half_from_float(float value)
{
    const uint32_t infinity = UINT32_C(255) << 23;
    uint32_t bits = marray_half_float_bits(value);
    int32_t magnitude = (int32_t)(bits & 0x7fffffff);
    float absolute;
    memcpy(&absolute, &magnitude, sizeof(absolute));
    /* A carry out of the fraction is one more in the exponent, up to infinity. */
    uint32_t odd = (uint32_t)magnitude >> 13 & 1;
    uint32_t half = ((uint32_t)magnitude - (UINT32_C(112) << 23) + 0xfff + odd) >> 13;
    /* Below the least exponent: the last bit of a sum with 1/2 is 2^-24, as that of the half. */
    uint32_t small = marray_half_float_bits(absolute + 0.5F) - marray_half_float_bits(0.5F);
    half = magnitude < (113 << 23) ? small : half;
    half = magnitude >= (143 << 23) ? 0x7c00 : half;
    uint32_t payload = (uint32_t)magnitude >> 13 & 0x3ff;
    payload = payload == 0 ? 1 : payload;
    half = magnitude > (int32_t)infinity ? 0x7c00 | payload : half;
    return (uint16_t)(half | (bits >> 16 & 0x8000));
}

MARRAY_INLINE uint16_t marray_half_from_double(double value)
{
    const double unit = 0x1p28; /* the last bit of a sum with it is 2^-24 */
    int64_t bits = marray_half_double_bits(value);
    int64_t magnitude = bits & INT64_MAX;
    double absolute;
    memcpy(&absolute, &magnitude, sizeof(absolute));
    int64_t odd = magnitude >> 42 & 1;
    int64_t half = (magnitude - (INT64_C(1008) << 52) + ((INT64_C(1) << 41) - 1) + odd) >> 42;
    int64_t small = marray_half_double_bits(absolute + unit) - marray_half_double_bits(unit);
    half = magnitude < INT64_C(1009) << 52 ? small : half;
    half = magnitude >= INT64_C(1039) << 52 ? 0x7c00 : half;
    int64_t payload = magnitude >> 42 & 0x3ff;
    payload = payload == 0 ? 1 : payload;
    half = magnitude > INT64_C(2047) << 52 ? 0x7c00 | payload : half;
    return (uint16_t)(half | (bits >> 48 & 0x8000));
}

#endif
