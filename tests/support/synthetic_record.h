/* Records for tests, made from a seed: complete by results/SCHEMA.md, without measuring anything.
 */
#ifndef MM_TESTS_SUPPORT_SYNTHETIC_RECORD_H
#define MM_TESTS_SUPPORT_SYNTHETIC_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "results/record.h"

/*
 * What the record shall hold; zeroed is a small quiet one. The cases are every workload on every
 * engine in every cache state, in this order; ids "c0", "c1"...; one file "f0".
 */
struct synthetic_record_spec {
    const char *const *workloads; /* NULL: sequential, random */
    size_t workload_count;
    const char *const *engines; /* NULL: marray, pread */
    size_t engine_count;
    const char *const *caches; /* NULL: cold, warm */
    size_t cache_count;
    uint32_t launches;   /* a case; 0: 6 */
    uint32_t samples;    /* a launch; 0: 1 */
    uint64_t iterations; /* a sample; 0: 1 */
    uint32_t processes;  /* a launch; 0: 1; peers are recorded from 2 up */
    uint64_t seed;
    double noise;           /* relative: times vary evenly by up to this share up and down */
    double slowdown;        /* added share on every time: 0.05 is 5 % slower than 0 */
    bool flushes;           /* cases write and flush: a flush phase, 64 flush latencies a launch */
    bool latency;           /* cases measure latency: 1,000 operations a launch, under a lock */
    uint64_t rate;          /* of latency: operations per second of an open loop; 0: closed */
    double kept_share;      /* of the rate; 0: 1 */
    uint32_t failed_every;  /* of the launches of a case every n-th failed; 0: none */
    uint32_t skipped_cases; /* so many of the last cases are planned skips */
    bool no_faults;         /* everything was mapped before */
    bool no_counters;       /* perf events are unavailable, getrusage is there */
    bool no_cpu_time;       /* cpu_ns is unavailable, and task_clock_ns too */
    bool hostile_names;     /* markup, quotes and commands in case names, paths and reasons */
    bool interrupted;       /* by SIGINT: the last third of the launches is missing */
};

/* Never NULL: a lack of memory ends the test program. mm_record_free() releases it. */
struct mm_record *synthetic_record(const struct synthetic_record_spec *wanted);

#endif
