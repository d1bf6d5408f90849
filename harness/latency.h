/*
 * The latencies of single operations: when each is to start, and when it is done.
 *
 * In a closed loop an operation starts when the one before it is done. In an open loop operation i
 * of a pass is to start i / rate after the pass did, whatever became of those before it, and its
 * latency counts from that moment: operations that had to wait for a slow one show it, and none is
 * left out.
 */
#ifndef MM_HARNESS_LATENCY_H
#define MM_HARNESS_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "results/histogram.h"
#include "workloads/workload.h"

#define MM_LATENCY_RATE_LIMIT UINT64_C(100000000) /* operations per second */

/* An operation that begins later than this after its moment counts as late. The spinning that
 * waits for the moment sees it within a reading of the clock or two. */
#define MM_LATENCY_LATE_NS UINT64_C(1000)

/* "touch_ns", ...: as histograms are called in the record. */
const char *mm_latency_name(enum mm_latency latency);

/* What one process has measured of its operations; plain data that can lie in shared memory. */
struct mm_latency_result {
    struct mm_histogram histograms[MM_LATENCY_COUNT]; /* nanoseconds */
    uint64_t operations;
    /* From the start of each pass to the end of its last operation, in an open loop to the moment
     * of the operation that would come next, if that is later: operations / elapsed_ns is the rate
     * that was achieved, and never above the one that was asked for. */
    uint64_t elapsed_ns;
    /* Open loop only. Late are those that began after their moment, by MM_LATENCY_LATE_NS or more;
     * queued are those of them whose moment had passed before the operation before was done. The
     * others were woken late. */
    uint64_t late;
    uint64_t queued;
    uint64_t most_late_ns;
};

void mm_latency_reset(struct mm_latency_result *result);
/* The sum, and of the times the longest. */
void mm_latency_merge(struct mm_latency_result *into, const struct mm_latency_result *from);

/* The state of one process. Plain data. */
struct mm_latency_clock {
    uint64_t rate; /* operations per second of all processes together; 0: closed loop */
    uint32_t peer; /* takes every peers-th moment of the schedule, from its own number on */
    uint32_t peers;
    struct mm_latency_result *result;

    /* Below: the implementation's own, of the present pass. */
    uint64_t pass_started_ns;
    uint64_t begun;
    uint64_t started_ns; /* what the present operation counts from */
    uint64_t done_ns;
};

/* When operation `index` of a schedule is to start, since its pass did. rate > 0. */
uint64_t mm_latency_moment_ns(uint64_t rate, uint64_t index);

void mm_latency_start_pass(struct mm_latency_clock *clock, uint64_t now_ns);
/* Waits for the moment in an open loop: asleep until shortly before it, then awake. */
void mm_latency_begin(struct mm_latency_clock *clock);
void mm_latency_mark(struct mm_latency_clock *clock, enum mm_latency latency);
void mm_latency_end_pass(struct mm_latency_clock *clock);

#endif
