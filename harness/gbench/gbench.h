/*
 * Google Benchmark for C: registration, the measuring loop, counters and a reporter of one's own,
 * for version 1.7 and later. No C++ type and no exception crosses this header. It stands alone:
 * nothing here knows what is measured.
 *
 * Google Benchmark keeps its registrations and its reporter in globals, so this interface is for
 * one thread of one process; benchmark functions may run in threads of the library's.
 */
#ifndef GBENCH_H
#define GBENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gbench_state;     /* borrowed, valid inside a benchmark function */
struct gbench_benchmark; /* owned by the registry until gbench_clear() */

/* The body: set up, loop while gbench_keep_running(state), tear down. */
typedef void (*gbench_function)(struct gbench_state *state, void *context);

enum gbench_unit { GBENCH_NANOSECOND, GBENCH_MICROSECOND, GBENCH_MILLISECOND, GBENCH_SECOND };

/* Bits, as in benchmark::Counter. */
enum gbench_counter_flag {
    GBENCH_COUNTER_PLAIN = 0,
    GBENCH_COUNTER_RATE = 1 << 0,                /* divided by the time */
    GBENCH_COUNTER_AVERAGE_THREADS = 1 << 1,     /* divided by the threads */
    GBENCH_COUNTER_ITERATION_INVARIANT = 1 << 2, /* multiplied by the iterations */
    GBENCH_COUNTER_AVERAGE_ITERATIONS = 1 << 3,  /* divided by the iterations */
    GBENCH_COUNTER_INVERT = 1 << 4,              /* 1/x, after all others */
    GBENCH_COUNTER_BINARY_UNIT = 1 << 5          /* shown in powers of 1024 */
};

/* One run as the reporter delivers it. Strings are borrowed for the call of the reporter. */
struct gbench_counter {
    const char *name;
    double value; /* finished: after the flags were applied */
};

struct gbench_result {
    const char *name;
    const char *label;
    const char *error; /* NULL, or what gbench_skip_with_error said */
    bool aggregate;    /* mean, median, stddev, cv over repetitions */
    const char *aggregate_name;
    int64_t iterations;
    int64_t repetition;
    double real_time_ns; /* total over all iterations, not per iteration; manual time where used */
    double cpu_time_ns;  /* total */
    const struct gbench_counter *counters;
    size_t counter_count;
};

typedef void (*gbench_reporter)(const struct gbench_result *result, void *context);

/* Registers a benchmark. name is copied. NULL with a message in gbench_last_failure() never
 * happens for lack of anything but memory. */
struct gbench_benchmark *gbench_register(const char *name, gbench_function function, void *context);

/* Settings of a registered benchmark; call them before gbench_run(). 0, or -EINVAL for a value the
 * library would abort on, -ENOMEM. */
int gbench_add_arguments(struct gbench_benchmark *benchmark, const int64_t *arguments,
                         size_t count);
int gbench_set_iterations(struct gbench_benchmark *benchmark, int64_t iterations);
int gbench_set_repetitions(struct gbench_benchmark *benchmark, int repetitions);
int gbench_set_min_time(struct gbench_benchmark *benchmark, double seconds);
int gbench_set_threads(struct gbench_benchmark *benchmark, int threads);
int gbench_set_unit(struct gbench_benchmark *benchmark, enum gbench_unit unit);
int gbench_use_real_time(struct gbench_benchmark *benchmark);
int gbench_use_manual_time(struct gbench_benchmark *benchmark);
int gbench_measure_process_cpu_time(struct gbench_benchmark *benchmark);

/* Inside a benchmark function. */
bool gbench_keep_running(struct gbench_state *state);
void gbench_set_iteration_time(struct gbench_state *state, double seconds);
/* Ends the benchmark with an error that the reporter delivers; leave the function after it. */
void gbench_skip_with_error(struct gbench_state *state, const char *message);
int64_t gbench_argument(const struct gbench_state *state, size_t index);
size_t gbench_argument_count(const struct gbench_state *state);
int64_t gbench_iterations(const struct gbench_state *state);
int gbench_thread_index(const struct gbench_state *state);
int gbench_thread_count(const struct gbench_state *state);
void gbench_set_bytes_processed(struct gbench_state *state, int64_t bytes);
void gbench_set_items_processed(struct gbench_state *state, int64_t items);
void gbench_set_label(struct gbench_state *state, const char *label);
void gbench_set_counter(struct gbench_state *state, const char *name, double value, unsigned flags);

/*
 * Runs every registered benchmark whose name matches the regular expression filter (NULL: all) and
 * gives each run to reporter; nothing is printed. *count (may be NULL) is how many benchmarks
 * matched. 0, -EINVAL for a bad filter, -ENOMEM, -ECANCELED when the library threw something else.
 */
int gbench_run(const char *filter, gbench_reporter reporter, void *context, size_t *count);

/* Forgets all registered benchmarks. */
void gbench_clear(void);

/* "1.7.1": the library this was built against; "1.7.1 (debug)" when that library is a debug build
 * of its own is not knowable here and not said. */
const char *gbench_library_version(void);

/* Makes the compiler believe that value is read, and that all memory is read and written. */
static inline void gbench_do_not_optimize(const void *value)
{
    __asm__ volatile("" : : "g"(value) : "memory");
}
static inline void gbench_clobber_memory(void)
{
    __asm__ volatile("" : : : "memory");
}

#ifdef __cplusplus
}
#endif

#endif
