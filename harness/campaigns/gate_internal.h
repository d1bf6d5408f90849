/* What the files gate*.c of the campaign share and nobody else sees. */
#ifndef MM_HARNESS_CAMPAIGNS_GATE_INTERNAL_H
#define MM_HARNESS_CAMPAIGNS_GATE_INTERNAL_H

#include <stdio.h>

#include "harness/campaigns/gate.h"
#include "harness/campaigns/gate_pair.h"
#include "harness/environment.h"

/* One benchmark: a case of the plan that is not skipped. */
struct mm_gate_benchmark {
    size_t case_index;
    struct mm_gate_job job;
    json_t *inject; /* owned; job.inject */
    struct mm_gate_pair *pairs;
    size_t count;
    size_t first_count; /* pairs at the first look; count until there is a second one */
    bool settled;       /* gets no more pairs */
    json_t *failure;    /* or NULL */
    uint64_t elapsed_ns;
};

/* One metric of one benchmark that is judged. */
struct mm_gate_judged {
    size_t benchmark;
    enum mm_gate_metric metric;
    struct mm_verdict_rule rule;         /* with the calibrated margin */
    double *scores;                      /* owned */
    const struct mm_gate_waiver *waiver; /* not expired, or NULL */
};

struct mm_gate_verdicts {
    struct mm_gate_judged *judged;
    struct mm_verdict_series *series;
    struct mm_verdict_result *results;
    size_t count;
};

struct mm_gate_campaign {
    const struct mm_gate_request *request;
    json_t *cases[MM_GATE_SIDES]; /* members of records */
    json_t *files;
    struct mm_gate_benchmark *benchmarks;
    size_t count;
    int *cores;
    size_t core_count;
    int *held;
    FILE *samples;
    char *samples_path; /* partial */
    size_t pairs_done;
    struct mm_environment_cpu_time cpu_time;
    json_t *document;
    bool interrupted;
};

/* gate_jobs.c: benchmarks from the plan, with the second files of those that write. */
int mm_gate_make_jobs(struct mm_gate_campaign *campaign, struct mm_error *error);
/* The files are there: one sample of each benchmark says how many iterations a slice has. -ENXIO
 * when the base cannot be measured. */
int mm_gate_size_jobs(struct mm_gate_campaign *campaign, struct mm_error *error);
void mm_gate_free_jobs(struct mm_gate_campaign *campaign);

/* gate_verdicts.c: of what was measured so far; benchmark SIZE_MAX: all of them, else only that
 * one, as if it stood alone. disturbed: the machine was not fit. */
int mm_gate_judge(const struct mm_gate_campaign *campaign, size_t benchmark, bool disturbed,
                  struct mm_gate_verdicts *verdicts);
void mm_gate_free_verdicts(struct mm_gate_verdicts *verdicts);
/* Whether no metric of the benchmark would gain by more pairs. */
bool mm_gate_is_futile(const struct mm_gate_campaign *campaign, size_t benchmark);
/* The worst of a benchmark's metrics; INCONCLUSIVE without any. */
enum mm_verdict mm_gate_worst(const struct mm_gate_campaign *campaign,
                              const struct mm_gate_verdicts *verdicts, size_t benchmark);

/* gate_record.c: the document before and after the measurement. */
int mm_gate_begin_document(struct mm_gate_campaign *campaign, struct mm_error *error);
int mm_gate_finish_document(struct mm_gate_campaign *campaign,
                            const struct mm_gate_verdicts *verdicts, bool disturbed,
                            struct mm_error *error);
int mm_gate_save_document(const struct mm_gate_campaign *campaign, struct mm_error *error);
/* The share of the processors' time that was stolen since the campaign began; NAN: not known. */
double mm_gate_steal(const struct mm_gate_campaign *campaign);

#endif
