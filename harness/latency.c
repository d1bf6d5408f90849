/* Clocks single operations, in a closed loop or by a schedule. */
#include "harness/latency.h"

#include <sched.h>
#include <string.h>
#include <time.h>

#include "common/units.h"
#include "harness/clock.h"

/* A sleeper is woken up to 50 us late by the kernel's timer slack, and then has to get a processor:
 * so much before the moment it has to be awake. */
#define AWAKE_NS UINT64_C(200000)

const char *mm_latency_name(enum mm_latency latency)
{
    static const char *const names[MM_LATENCY_COUNT] = {
        [MM_LATENCY_TOUCH] = "touch_ns",     [MM_LATENCY_GATHER] = "gather_ns",
        [MM_LATENCY_LOCK] = "lock_ns",       [MM_LATENCY_FLUSH] = "flush_ns",
        [MM_LATENCY_DURABLE] = "durable_ns",
    };
    return names[latency];
}

void mm_latency_reset(struct mm_latency_result *result)
{
    memset(result, 0, sizeof(*result));
    for (int i = 0; i < MM_LATENCY_COUNT; i++) {
        mm_histogram_reset(&result->histograms[i]);
    }
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

void mm_latency_merge(struct mm_latency_result *into, const struct mm_latency_result *from)
{
    for (int i = 0; i < MM_LATENCY_COUNT; i++) {
        mm_histogram_merge(&into->histograms[i], &from->histograms[i]);
    }
    into->operations += from->operations;
    into->elapsed_ns = larger(into->elapsed_ns, from->elapsed_ns);
    into->late += from->late;
    into->queued += from->queued;
    into->most_late_ns = larger(into->most_late_ns, from->most_late_ns);
}

uint64_t mm_latency_moment_ns(uint64_t rate, uint64_t index)
{
    return index / rate * MM_NANOSECONDS_PER_SECOND +
           index % rate * MM_NANOSECONDS_PER_SECOND / rate;
}

void mm_latency_start_pass(struct mm_latency_clock *clock, uint64_t now_ns)
{
    clock->pass_started_ns = now_ns;
    clock->started_ns = now_ns;
    clock->done_ns = now_ns;
    clock->begun = 0;
}

static void sleep_until(uint64_t moment_ns)
{
    const struct timespec until = {
        .tv_sec = (time_t)(moment_ns / MM_NANOSECONDS_PER_SECOND),
        .tv_nsec = (long)(moment_ns % MM_NANOSECONDS_PER_SECOND),
    };
    /* Ended early by a signal, it leaves more to the spinning. */
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

/* Returns the time, which is not before the moment; now_ns is what it was before. */
static uint64_t wait_until(const struct mm_latency_clock *clock, uint64_t moment_ns,
                           uint64_t now_ns)
{
    if (now_ns + AWAKE_NS < moment_ns) {
        sleep_until(moment_ns - AWAKE_NS);
        now_ns = mm_clock_ns();
    }
    while (now_ns < moment_ns) {
        /* Others may be due on this processor. */
        if (clock->peers > 1) {
            sched_yield();
        }
        now_ns = mm_clock_ns();
    }
    return now_ns;
}

void mm_latency_begin(struct mm_latency_clock *clock)
{
    struct mm_latency_result *result = clock->result;
    uint64_t index = clock->begun++ * clock->peers + clock->peer;

    result->operations++;
    if (clock->rate == 0) {
        clock->started_ns = mm_clock_ns();
        return;
    }
    clock->started_ns = clock->pass_started_ns + mm_latency_moment_ns(clock->rate, index);
    uint64_t asked_ns = mm_clock_ns();
    uint64_t late_ns = wait_until(clock, clock->started_ns, asked_ns) - clock->started_ns;
    bool late = late_ns >= MM_LATENCY_LATE_NS;
    result->late += late;
    result->queued += late && asked_ns > clock->started_ns;
    result->most_late_ns = larger(result->most_late_ns, late_ns);
}

void mm_latency_mark(struct mm_latency_clock *clock, enum mm_latency latency)
{
    clock->done_ns = mm_clock_ns();
    mm_histogram_record(&clock->result->histograms[latency], clock->done_ns - clock->started_ns);
}

void mm_latency_end_pass(struct mm_latency_clock *clock)
{
    uint64_t ended_ns = clock->done_ns;

    if (clock->rate > 0) {
        uint64_t next = mm_latency_moment_ns(clock->rate, clock->begun * clock->peers);
        ended_ns = larger(ended_ns, clock->pass_started_ns + next);
    }
    clock->result->elapsed_ns += ended_ns - clock->pass_started_ns;
}
