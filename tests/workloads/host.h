/* A host for workloads in tests: what the worker does, without clocks, over a small file. */
#ifndef MM_TESTS_WORKLOADS_HOST_H
#define MM_TESTS_WORKLOADS_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "workloads/workload.h"

#define TEST_FILE_SEED  UINT64_C(99) /* of the file that test_run makes */
#define TEST_TAIL_BYTES 57           /* behind the array's data; nobody may touch them */

/* When one byte of the array goes wrong. */
enum test_damage {
    TEST_DAMAGE_NONE,
    TEST_DAMAGE_BEFORE, /* in the file, before anything is prepared; the reference stays right */
    TEST_DAMAGE_AFTER   /* in what the passes left, before verify looks */
};

struct test_case {
    const char *workload;
    const char *engine;
    const struct mm_engine *stand_in; /* taken in the place of the engine, or NULL */
    const char *parameters;           /* "name=value,name=value" of either; NULL for none */
    struct mm_array array;            /* offset_bytes included */
    uint64_t warm_passes;
    uint64_t passes;
    bool times_operations; /* the timed passes are those of a launch that measures latency */
    enum test_damage damage;
    uint64_t damaged_byte; /* of the array's data */
};

struct test_result {
    bool skipped; /* the engine lacks something, or the workload's skip() said so */
    const char *why_skipped;
    int status; /* of the first call that failed, or of verify */
    struct mm_error error;
    uint64_t checksum;
    uint64_t expected_checksum;
    uint64_t bytes;
    uint64_t items;
    uint64_t flushes;
    uint64_t entries[MM_PHASE_COUNT]; /* how often enter_phase was called with each */
    /* What would read the clock, calls that are out of order included. */
    uint64_t begun;
    uint64_t marked[MM_LATENCY_COUNT];
    uint64_t out_of_order; /* marks of no operation, or twice of the same */
    bool has_lost_updates;
    double lost_updates;
    struct mm_workload_needs needs;
    bool surroundings_changed; /* bytes of the file before or behind the array's data */
    bool unchanged;            /* the array's data is what it was */
};

/* A folder below $TMPDIR or /var/tmp, and the end of it with all its files. */
int test_folder_make(void **state);
int test_folder_remove(void **state);

/* "<folder>/<name>", valid until the next call. */
const char *test_path(void *const *state, const char *name);

/* A file of offset_bytes other bytes, the array's data (word i is mm_random_mix(seed + i)), and
 * TEST_TAIL_BYTES more. Fails the test when it cannot be made. */
void test_file_make(const char *path, const struct mm_array *array, uint64_t seed);

/* The data as it was made. */
void test_expected_bytes(uint64_t seed, uint64_t offset_bytes, uint64_t length_bytes, void *buffer);

/* A one-dimensional array; a two-dimensional one when rows > 0. */
struct mm_array test_array(const char *dtype, uint32_t item_bytes, uint64_t rows, uint64_t columns,
                           uint64_t offset_bytes);

/* Fills options (allocated, free them) from the defaults and the pairs that are parameters of this
 * table; returns how many pairs were used. */
void *test_options(const struct mm_parameter *parameters, size_t count, size_t options_bytes,
                   const char *pairs, size_t *used);

/* One whole sample, its peers in processes of their own; a fresh file each time. */
void test_run(void *const *state, const struct test_case *test, struct test_result *result);

#endif
