/* From a suite to the list of cases and the order of their launches; nothing is measured here. */
#ifndef MM_HARNESS_PLAN_H
#define MM_HARNESS_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/error.h"
#include "harness/cache_state.h"
#include "harness/plugin.h"
#include "workloads/workload.h"

/* A data file that cases work on: generated (made on demand in the data folder) or the user's. */
struct mm_plan_file {
    char *path; /* absolute */
    bool generated;
    uint64_t seed; /* generated: word i is mm_random_mix(seed + i) */
    bool writable; /* reserved for writing workloads; generated files for readers are never written
                    */
    struct mm_array array;
};

struct mm_plan_case {
    char *name; /* a promise of the record: workloads/suites/README.md tells its form */
    const struct mm_workload *workload;
    const struct mm_engine *engine;
    struct mm_plugin *plugin; /* where workload comes from, held; NULL: built in */
    void *workload_options;   /* workload->options_bytes, filled */
    void *engine_options;
    json_t *parameters; /* canonical text of every parameter of both */
    enum mm_cache_state cache;
    uint64_t memory_limit_bytes; /* of MM_CACHE_PRESSURE, else 0 */
    bool fill; /* of MM_CACHE_PRESSURE: the first pass from an empty cache, not the steady state */
    size_t file; /* index into the plan's files; SIZE_MAX when skipped before it had one */
    struct mm_workload_needs needs;
    json_t *events;    /* array of names of further counters, or NULL */
    bool counters_off; /* the twin of a case, which shows what its counters cost */
    uint32_t launches;
    uint32_t samples;
    uint64_t iterations;
    uint32_t warmup_passes;
    bool measures_latency; /* of single operations; else throughput, and no operation is clocked */
    uint64_t rate;         /* of latency: operations per second of an open loop; 0: a closed one */
    uint64_t timeout_ns;
    uint64_t interval_ns; /* of the time series, 0: none; MM_PLAN_INTERVAL_NS unless said */
    char *skip_reason;    /* NULL, or why this case is not run */
};

#define MM_PLAN_LEAST_LAUNCHES 3
#define MM_PLAN_INTERVAL_NS    UINT64_C(100000000)

struct mm_plan {
    char *suite;      /* name */
    char *suite_path; /* NULL without a file */
    char *purpose;
    uint64_t seed;
    struct mm_plan_case *cases;
    size_t case_count;
    struct mm_plan_file *files;
    size_t file_count;
    struct mm_plugin **plugins; /* held */
    size_t plugin_count;
    uint64_t budget_ns;    /* 0: none. Rounds of launches end where the next would not fit any more,
                              but not before MM_PLAN_LEAST_LAUNCHES of each case */
    uint64_t estimated_ns; /* of the whole run, making of files included */
    uint64_t read_ahead_bytes; /* of the file system that the data is on; 0: unknown */
};

/* A suite that is part of the program, as text. */
struct mm_plan_shipped_suite {
    const char *name; /* "quick" */
    const char *path; /* for messages and the record: "suites/quick.yaml" */
    const char *text;
};

/* What the command line says beyond the suite. Text is borrowed for the call of mm_plan_make. */
struct mm_plan_request {
    const char *suite; /* a path (with a '/' or ending in .yaml), or a name that is looked for in
                          suite_folder and then among shipped; NULL without one */
    const char *suite_folder; /* or NULL */
    const struct mm_plan_shipped_suite *shipped;
    size_t shipped_count;
    const char *const *workloads; /* with NULL suite: at least one; else a filter */
    size_t workload_count;
    const char *const *plugins; /* paths of shared objects with further workloads; with NULL suite
                                   and no workloads: these are meant */
    size_t plugin_count;
    const char *const *engines;
    size_t engine_count;
    const char *const *caches;
    size_t cache_count;
    const char *const *events; /* further counters, instead of the suite's */
    size_t event_count;
    bool counter_overhead;       /* every case comes a second time with its counters off */
    const char *const *measures; /* "throughput,latency", instead of the suite's; as rates */
    size_t measure_count;
    const char *const *rates; /* "closed,10000" */
    size_t rate_count;
    const char *const *parameters; /* "name=value,value": lists multiply */
    size_t parameter_count;
    const char *data_folder; /* where generated files live */
    const char *file;        /* the user's own file, or NULL */
    const char *command; /* a whole command in the place of suite and workloads, or NULL: text for
                            mm_command_split (harness/command.h) */
    const char *const *files; /* of the command: what is evicted or read in before it */
    size_t file_count;
    const char *dtype; /* for that file; NULL: from the .npy header, else "|u1" */
    const char *shape; /* "1000,3"; NULL: what the length gives */
    uint64_t offset_bytes;
    bool allow_write;
    const char *size;     /* of generated files, NULL: the suite's or 64MiB */
    uint32_t launches;    /* 0: the suite's or the default */
    const char *budget;   /* "5m": of the whole run, or NULL */
    const char *interval; /* "100ms" or "off": of time series, instead of the suite's, or NULL */
    bool has_seed;
    uint64_t seed;
};

/* Everything is validated before anything is touched: no file is made or opened for writing here.
 * Configuration errors are -EINVAL (exit code 2) and name the option or file and line, and the
 * nearest right name; a user's file that is missing, unreadable, a folder or too short likewise. */
int mm_plan_make(const struct mm_plan_request *request, struct mm_plan **plan,
                 struct mm_error *error);
void mm_plan_free(struct mm_plan *plan);

/* The suite that request names, read and checked for its name and purpose only, for lists. *name
 * and *purpose are newly allocated (free them). Errors as mm_plan_make. */
int mm_plan_read_suite_head(const struct mm_plan_request *request, char **name, char **purpose,
                            struct mm_error *error);

/* "cold", "warm"; "as-found" for a command without files. */
const char *mm_plan_cache_text(const struct mm_plan_case *plan_case);

/* "throughput", "latency". */
const char *mm_plan_measure_text(const struct mm_plan_case *plan_case);

/* The members cases and files of a record; file facts are added by the campaign. New references. */
json_t *mm_plan_cases_to_json(const struct mm_plan *plan);
json_t *mm_plan_files_to_json(const struct mm_plan *plan);

/* The other direction, for the worker: the case and its file from these members, validated by the
 * same code that reads suites. For a command file_json is the array of all its files, and *file the
 * first of them, if there is one. *plan_case and *file are released by the two functions below. */
int mm_plan_case_from_json(const json_t *case_json, const json_t *file_json,
                           struct mm_plan_case *plan_case, struct mm_plan_file *file,
                           struct mm_error *error);
/* The plan of a record that was loaded, so checked: its members run, files and cases. */
int mm_plan_from_record(const json_t *run, const json_t *files, const json_t *cases,
                        struct mm_plan **plan, struct mm_error *error);
/* -EINVAL with what differs ("another seed: ...") unless plan is the one of that record. */
int mm_plan_same_as_record(const struct mm_plan *plan, const json_t *run, const json_t *files,
                           const json_t *cases, struct mm_error *error);
void mm_plan_case_release(struct mm_plan_case *plan_case);
void mm_plan_file_release(struct mm_plan_file *file);

/* Appends a generated file like files[index] with other bytes and a name of its own; *twin is its
 * index. -ENOMEM. */
int mm_plan_add_twin(struct mm_plan *plan, size_t index, size_t *twin, struct mm_error *error);

/* How many launches of the plan fit into its budget by the estimates; all without one. */
uint64_t mm_plan_launches_within_budget(const struct mm_plan *plan);

/* One launch in the order of the run. */
struct mm_plan_launch {
    uint32_t case_index;
    uint32_t launch_index; /* within the case */
};

/* Round robin over the cases that are not skipped, each round shuffled by plan->seed: *launches is
 * newly allocated (free it). */
int mm_plan_order(const struct mm_plan *plan, struct mm_plan_launch **launches, size_t *count,
                  struct mm_error *error);

#endif
