/* One pair of launches, the unit of the gate: base and head, fresh, in random order, on one core.
 */
#ifndef MM_HARNESS_CAMPAIGNS_GATE_PAIR_H
#define MM_HARNESS_CAMPAIGNS_GATE_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "harness/campaigns/gate_settings.h"
#include "harness/campaigns/gate_sides.h"

/* What is to be launched, for one benchmark. Everything is borrowed. */
struct mm_gate_job {
    const char *name;
    const struct mm_gate_sides *sides;
    const struct mm_gate_metric_settings *metrics; /* MM_GATE_METRIC_COUNT of them */
    const json_t *case_json[MM_GATE_SIDES];
    /* Of readers both are the same file; writers swap two. Of a command the array of its files. */
    const json_t *file_json[2];
    json_t *inject;  /* into every sample of head, or NULL */
    bool cold;       /* its time is MM_GATE_COLD_TIME */
    bool one_core;   /* else the launches have all processors */
    uint32_t slices; /* k; with more than 1 both workers live side by side and are asked in turns */
    uint64_t iterations;
    uint64_t warmup_iterations; /* untimed, before each slice; 0: none */
    uint64_t timeout_ns;
};

struct mm_gate_pair {
    size_t index;
    int core; /* -1: all */
    bool head_first;
    double scores[MM_GATE_METRIC_COUNT];                /* log(head / base); NAN: not to be had */
    double values[MM_GATE_SIDES][MM_GATE_METRIC_COUNT]; /* an iteration's; of flushes a quantile */
};

/* The processors that this process may use; newly allocated. 0, -ENOMEM, or why it is not known. */
int mm_gate_cores(int **cores, size_t *count);

/*
 * Runs pair->index; everything random follows from seed. One line for each slice goes to samples
 * (CSV, may be NULL). 0 and *pair; -EINTR: a signal asked for the end; or a negative errno and
 * *failure: {"side", "kind", "reason"}.
 */
int mm_gate_pair_run(const struct mm_gate_job *job, uint64_t seed, const int *cores,
                     size_t core_count, FILE *samples, struct mm_gate_pair *pair, json_t **failure);

/* A launch of the base alone, to learn how long an iteration takes, and how long a sample with all
 * that is not timed in it. Errors as above. */
int mm_gate_pair_try(const struct mm_gate_job *job, uint64_t seed, double *iteration_ns,
                     uint64_t *sample_ns, json_t **failure);

/* The first line of samples.csv. */
void mm_gate_pair_write_head(FILE *samples);

/*
 * The score of two counts: 0 where they differ by no more than slack, else the logarithm of their
 * ratio after the slack is taken off the difference; never infinite. Without slack, of two values
 * above 0, just log(head / base).
 */
double mm_gate_score(double base, double head, double slack);

#endif
