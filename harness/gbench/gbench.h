/*
 * Google Benchmark for C: registration, the measuring loop, counters and a reporter of one's own,
 * for version 1.7 and later. No C++ type and no exception crosses this header, and nothing that the
 * library would abort on reaches it. It stands alone: nothing here knows what is measured.
 *
 * Google Benchmark keeps its registrations in globals, so register, set, run and clear are for one
 * thread of one process; they may follow each other any number of times. Benchmark functions may
 * run in threads of the library's. The library's flags and its BENCHMARK_* environment variables
 * are without effect here.
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

/*
 * The body: set up, loop while gbench_keep_running(state), tear down. A body that returns before
 * the loop has ended by itself is delivered as an error. It must not leave by longjmp.
 */
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
    const char *name;  /* with the suffixes of the library, such as "/iterations:1/manual_time" */
    const char *label; /* "" when none was set */
    const char *error; /* NULL, or what gbench_skip_with_error said; times are then 0 */
    bool aggregate;    /* mean, median, stddev, cv over repetitions */
    const char *aggregate_name; /* NULL when not an aggregate */
    int64_t iterations;         /* over all threads; of an aggregate: the repetitions in it */
    int64_t repetition;         /* from 0; -1 for an aggregate */
    int64_t threads;
    /*
     * Total over all iterations, not per iteration; manual time where it is used. With threads it
     * is the mean of the threads' times before library version 1.9. Of an aggregate: the statistic
     * of the time per iteration, and for "cv" the ratio itself.
     */
    double real_time_ns;
    double cpu_time_ns;                    /* likewise; the sum of the threads */
    const struct gbench_counter *counters; /* in the order of their names */
    size_t counter_count;
};

/* Must not call back into this interface and must not leave by longjmp. */
typedef void (*gbench_reporter)(const struct gbench_result *result, void *context);

/* Registers a benchmark. name is copied; one that begins with "DISABLED_" is never run. NULL for
 * an empty name or no function, or when memory is short. */
struct gbench_benchmark *gbench_register(const char *name, gbench_function function, void *context);

/* More threads than this are refused: the library ends the process when it cannot start one. */
#define GBENCH_THREADS_MAX 256

/* Settings of a registered benchmark; call them before gbench_run(). 0, or -EINVAL for a value the
 * library would abort on, -ENOMEM. */
/* One more set of arguments: the benchmark runs once with each. All sets have the same count. */
int gbench_add_arguments(struct gbench_benchmark *benchmark, const int64_t *arguments,
                         size_t count);
/* Fixed iterations exclude a minimum time, and the other way round. Without either the body is run
 * several times, with growing counts, before the run that is delivered. */
int gbench_set_iterations(struct gbench_benchmark *benchmark, int64_t iterations);
int gbench_set_min_time(struct gbench_benchmark *benchmark, double seconds);
/* Each repetition is delivered, and with two and more their aggregates. */
int gbench_set_repetitions(struct gbench_benchmark *benchmark, int repetitions);
/* One more number of threads: the benchmark runs once with each. */
int gbench_set_threads(struct gbench_benchmark *benchmark, int threads);
int gbench_set_unit(struct gbench_benchmark *benchmark, enum gbench_unit unit);
/* Rates and growth by the wall clock or by what gbench_set_iteration_time() says; without either
 * they go by CPU time. The two exclude each other. */
int gbench_use_real_time(struct gbench_benchmark *benchmark);
int gbench_use_manual_time(struct gbench_benchmark *benchmark);
int gbench_measure_process_cpu_time(struct gbench_benchmark *benchmark);

/* Inside a benchmark function. */
bool gbench_keep_running(struct gbench_state *state);
/* The time of this iteration, once in each, with manual time. */
void gbench_set_iteration_time(struct gbench_state *state, double seconds);
/* Ends the benchmark with an error that the reporter delivers; leave the function after it. */
void gbench_skip_with_error(struct gbench_state *state, const char *message);
/* 0 beyond the arguments that there are. */
int64_t gbench_argument(const struct gbench_state *state, size_t index);
size_t gbench_argument_count(const struct gbench_state *state);
/* How many times the loop goes round in this run, known before it starts. */
int64_t gbench_iterations(const struct gbench_state *state);
int gbench_thread_index(const struct gbench_state *state);
int gbench_thread_count(const struct gbench_state *state);
/* The counters bytes_per_second and items_per_second. These three and the label return 0, -EINVAL
 * (no name, or flags other than the same counter had in an earlier repetition) or -ENOMEM. */
int gbench_set_bytes_processed(struct gbench_state *state, int64_t bytes);
int gbench_set_items_processed(struct gbench_state *state, int64_t items);
int gbench_set_counter(struct gbench_state *state, const char *name, double value, unsigned flags);
int gbench_set_label(struct gbench_state *state, const char *label);

/*
 * Runs every registered benchmark whose name matches the regular expression filter (NULL: all; one
 * that begins with '-' selects what does not match) and gives each run to reporter; nothing is
 * printed. *count (may be NULL) is how many benchmarks matched. 0, -EINVAL for a bad filter or no
 * reporter, -ENOMEM, -ECANCELED when the library threw something else.
 */
int gbench_run(const char *filter, gbench_reporter reporter, void *context, size_t *count);

/* Forgets all registered benchmarks. */
void gbench_clear(void);

/* The library this was built against: "1.7.1". */
const char *gbench_library_version(void);

/* Makes the compiler believe that what value points to is read, and all memory read and written. */
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
