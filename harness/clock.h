/* The one clock of every measurement. */
#ifndef MM_HARNESS_CLOCK_H
#define MM_HARNESS_CLOCK_H

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC in nanoseconds: not stepped, common to all processes of the machine. */
static inline uint64_t mm_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* What the calling thread has used of a processor. */
static inline uint64_t mm_clock_processor_ns(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * UINT64_C(1000000000) + (uint64_t)used.tv_nsec;
}

/* What one reading costs here: the median of many back-to-back pairs. */
uint64_t mm_clock_cost_ns(void);

#endif
