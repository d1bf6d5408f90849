/* What the files plan*.c share and nobody else sees. */
#ifndef MM_HARNESS_PLAN_INTERNAL_H
#define MM_HARNESS_PLAN_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/error.h"
#include "harness/cache_state.h"
#include "harness/config.h"
#include "harness/plan.h"

#define MM_PLAN_DEFAULT_SIZE_BYTES   (UINT64_C(64) << 20)
#define MM_PLAN_DEFAULT_LAUNCHES     6
#define MM_PLAN_DEFAULT_WARM_SAMPLES 3
#define MM_PLAN_DEFAULT_ITERATIONS   1
#define MM_PLAN_DEFAULT_MEMORY_SHARE 0.5

/* Nobody knows how long a command takes. */
#define MM_PLAN_COMMAND_ESTIMATE_NS UINT64_C(1000000000)

#define MM_PLAN_LEAST_INTERVAL_NS UINT64_C(1000000)

#define MM_PLAN_LAUNCH_LIMIT    10000
#define MM_PLAN_SAMPLE_LIMIT    10000
#define MM_PLAN_ITERATION_LIMIT UINT64_C(1000000000)
#define MM_PLAN_WARMUP_LIMIT    1000
#define MM_PLAN_CASE_LIMIT      20000
#define MM_PLAN_LIST_LIMIT      64

/* The seed of all generated files: fixed, so that runs find the files of earlier ones again. */
#define MM_PLAN_FILE_SEED UINT64_C(1)

#define MM_PLAN_AS_FOUND "as-found" /* the cache state of a command whose files nobody named */

#define MM_PLAN_COMMAND_LINE "command line" /* the suite's name when there is no suite */

/* The settings of a case that are not parameters, first the built-in ones, then those of the
 * suite's defaults over them, then those of the case over these. */
struct mm_plan_settings {
    const struct mm_engine *engines[MM_PLAN_LIST_LIMIT];
    size_t engine_count;
    enum mm_cache_state caches[MM_PLAN_LIST_LIMIT];
    size_t cache_count;
    uint64_t sizes[MM_PLAN_LIST_LIMIT]; /* bytes of generated data */
    size_t size_count;
    uint32_t launches;
    uint32_t samples; /* 0: by the kind of case */
    uint64_t iterations;
    uint32_t warmup_passes;
    uint64_t timeout_ns;  /* 0: by the estimate */
    const json_t *events; /* text or list of texts of the suite, or NULL */
    bool measures[2];     /* throughput false, latency true */
    size_t measure_count;
    uint64_t rates[MM_PLAN_LIST_LIMIT]; /* of latency; 0: closed loop */
    size_t rate_count;
    uint64_t interval_ns;  /* of time series; 0: none */
    double memory_share;   /* of the data, for MM_CACHE_PRESSURE */
    uint64_t memory_bytes; /* the same as a size; 0: by the share */
};

/* One element of the suite's list `cases`, checked. Nodes are borrowed from the tree. */
struct mm_plan_entry {
    const struct mm_config *config;
    const json_t *node;
    const struct mm_workload *workload;
    struct mm_plan_settings settings;
    const json_t *parameters; /* object of texts and lists of texts, or NULL */
    const json_t *exclude;    /* array of objects, or NULL */
};

/* Everything that mm_plan_make carries along. */
struct mm_plan_builder {
    const struct mm_plan_request *request;
    struct mm_config *suite;
    struct mm_config *overrides; /* of -p: name -> list of texts */
    struct mm_plan_settings defaults;
    struct mm_plan *plan;
    size_t case_capacity;
    char **case_where; /* one per case, for messages */
    struct mm_array user_array;
    char *user_path;           /* NULL without --file */
    const char *memory_reason; /* why files of the folder live in memory alone, or NULL */
    bool filtered;             /* the request leaves out or changes cases of the suite */
    struct mm_error *error;
};

/* Whose parameters are meant. */
struct mm_plan_scope {
    const struct mm_workload *const *workloads;
    size_t workload_count;
    const struct mm_engine *const *engines;
    size_t engine_count;
};

/* plan_names.c: finding by name, workloads also among the plug-ins of the plan; errors name the
 * nearest. */
int mm_plan_find_workload(const struct mm_plan *plan, const char *name,
                          const struct mm_workload **workload, struct mm_error *error);
/* The plug-in of the plan that workload comes from, or NULL. Borrowed. */
struct mm_plugin *mm_plan_plugin_of(const struct mm_plan *plan, const struct mm_workload *workload);
int mm_plan_find_engine(const char *name, const struct mm_engine **engine, struct mm_error *error);
/* The parameter of that name of workload, else of engine (either may be NULL), else NULL. */
const struct mm_parameter *mm_plan_parameter(const struct mm_workload *workload,
                                             const struct mm_engine *engine, const char *name);
/* -EINVAL with "unknown parameter ..." and the nearest name of the scope. */
int mm_plan_unknown_parameter(const struct mm_plan_scope *scope, const char *name,
                              struct mm_error *error);
int mm_plan_parse_size(const char *text, uint64_t *bytes, struct mm_error *error);
/* The budget of the command line, else of the suite, if any; 0 is refused. */
int mm_plan_read_budget(const struct mm_plan_request *request, const struct mm_config *suite,
                        uint64_t *budget_ns, struct mm_error *error);
/* "25%" into *share with *bytes 0, or a size into *bytes. */
int mm_plan_parse_memory(const char *text, double *share, uint64_t *bytes, struct mm_error *error);
int mm_plan_parse_duration(const char *text, uint64_t *nanoseconds, struct mm_error *error);
/* A duration of 1 ms or more, or "off": 0. */
int mm_plan_parse_interval(const char *text, uint64_t *nanoseconds, struct mm_error *error);
/* What --interval says, if it stands there, in the place of what the case has. */
int mm_plan_request_interval(const struct mm_plan_request *request, struct mm_plan_case *plan_case,
                             struct mm_error *error);

/* plan_measure.c: throughput or latency. Errors do not say where: the caller does. */
int mm_plan_parse_measure(const char *text, bool *latency, struct mm_error *error);
/* "closed" is 0. */
int mm_plan_parse_rate(const char *text, uint64_t *rate, struct mm_error *error);
int mm_plan_add_measure(struct mm_plan_settings *settings, const char *word,
                        struct mm_error *error);
int mm_plan_add_rate(struct mm_plan_settings *settings, const char *word, struct mm_error *error);
bool mm_plan_measures_latency(const struct mm_plan_settings *settings);
/* Puts those of the command line in the place of the suite's. */
int mm_plan_select_measures(const struct mm_plan_request *request,
                            struct mm_plan_settings *settings, struct mm_error *error);
/* --rate changed something. */
int mm_plan_check_rates(const struct mm_plan *plan, const struct mm_plan_request *request,
                        struct mm_error *error);

/* plan_load.c: the text of a suite. *path is newly allocated. */
int mm_plan_load_suite(const struct mm_plan_request *request, struct mm_config **config,
                       char **path, struct mm_error *error);

/* plan_suite.c: the configuration tree, checked. */
int mm_plan_read_head(struct mm_plan_builder *builder);
int mm_plan_read_entry(struct mm_plan_builder *builder, const json_t *node,
                       struct mm_plan_entry *entry);
/* A text or a list of texts that is not empty; name is for the message. */
int mm_plan_check_texts(const struct mm_config *config, const json_t *node, const char *name,
                        struct mm_error *error);
size_t mm_plan_text_count(const json_t *node);
const json_t *mm_plan_text_node(const json_t *node, size_t index);

/* plan_request.c: the command line as trees of the same form. */
int mm_plan_suite_from_request(const struct mm_plan_request *request, struct mm_config **config,
                               struct mm_error *error);
/* An object of name -> list of texts from the -p options. */
int mm_plan_overrides_from_request(const struct mm_plan_request *request, struct mm_config **config,
                                   struct mm_error *error);
/* Leaves in entry what the command line selects and puts its settings over it; *left false: nothing
 * is left. */
int mm_plan_select(const struct mm_plan_builder *builder, struct mm_plan_entry *entry, bool *left);
/* Whether a comma-separated list among texts names name; no texts name everything. */
bool mm_plan_names(const char *const *texts, size_t count, const char *name);
/* Names of the selection are right, whether the suite has them or not. */
int mm_plan_check_selection(struct mm_plan_builder *builder);
/* Every -p was known to a case of the plan. */
int mm_plan_check_overrides(const struct mm_plan_builder *builder);

/* plan_expand.c: the matrix of one entry. */
int mm_plan_expand_entry(struct mm_plan_builder *builder, const struct mm_plan_entry *entry);

/* plan_case.c: one case. */
int mm_plan_case_begin(const struct mm_workload *workload, const struct mm_engine *engine,
                       struct mm_plan_case *plan_case, struct mm_error *error);
/* parameter is one of the case's workload or engine. */
int mm_plan_case_set(struct mm_plan_case *plan_case, const struct mm_parameter *parameter,
                     const char *text, struct mm_error *error);
/* The canonical spelling of text as a value of parameter; newly allocated. */
int mm_plan_canonical(const struct mm_parameter *parameter, size_t options_bytes, const char *text,
                      char **canonical, struct mm_error *error);
/* The promised name; newly allocated, NULL when memory is short. */
char *mm_plan_case_name(const struct mm_plan_case *plan_case, uint64_t size_bytes);
/* The reason of a planned skip, newly allocated in *reason, or NULL there. */
int mm_plan_case_skip(const struct mm_plan_case *plan_case, uint64_t size_bytes,
                      const char *memory_reason, char **reason, struct mm_error *error);

/* plan_file.c: the files. */
int mm_plan_open_user_file(struct mm_plan_builder *builder);
int mm_plan_generated_array(const struct mm_plan_case *plan_case, uint64_t size_bytes,
                            struct mm_array *array, struct mm_error *error);

/* Asks the workload what the case needs of this array. Where the engine has no file there is
 * nothing to make durable: no flush phase, and no flush latency that only measures an empty call.
 */
int mm_plan_case_needs(struct mm_plan_case *plan_case, const struct mm_array *array,
                       struct mm_error *error);
/* The file of that array and role, an existing one of the plan or a new one. */
int mm_plan_add_file(struct mm_plan_builder *builder, const struct mm_array *array, bool writes,
                     size_t *index);
/* Sets builder->memory_reason and the plan's read-ahead. */
int mm_plan_probe_folder(struct mm_plan_builder *builder);

/* plan_json.c: parts of mm_plan_case_from_json. */
int mm_plan_file_from_json(const json_t *object, struct mm_plan_file *file, struct mm_error *error);
/* A skipped case: who and why, without counts and needs. */
int mm_plan_skipped_from_json(const json_t *object, struct mm_plan_case *plan_case,
                              struct mm_error *error);

/* plan_command.c: the whole plan of request->command. */
int mm_plan_command(struct mm_plan_builder *builder);

/* plan_estimate.c. */
uint64_t mm_plan_estimate_launch_ns(const struct mm_plan_case *plan_case,
                                    const struct mm_array *array, uint64_t read_ahead_bytes);
/* Of what fits into the budget. */
uint64_t mm_plan_estimate_ns(const struct mm_plan *plan);

#endif
