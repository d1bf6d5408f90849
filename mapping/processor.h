/* Loops that are compiled once more for wider registers. */
#ifndef MARRAY_PROCESSOR_H
#define MARRAY_PROCESSOR_H

/* Before a function: the loader takes the version that the processor can run. Levels instead of
 * single features, since AVX-512 turns 64-bit integers into floats only with its DQ part.
 * Sanitizers and Windows have no such loader. */
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define MARRAY_FOR_EVERY_PROCESSOR \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MARRAY_FOR_EVERY_PROCESSOR
#endif

/* For what such functions call, which would otherwise be a call of the version for all. */
#define MARRAY_INLINE static inline __attribute__((always_inline))

#endif
