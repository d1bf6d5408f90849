/* The numbers of the regression gate: their defaults, and the file that changes them
 * (docs/gate.md). */
#ifndef MM_HARNESS_CAMPAIGNS_GATE_SETTINGS_H
#define MM_HARNESS_CAMPAIGNS_GATE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/verdict.h"
#include "common/error.h"

/* What is judged of every benchmark, each by its own rule. */
enum mm_gate_metric {
    MM_GATE_TIME,         /* per iteration */
    MM_GATE_COLD_TIME,    /* the same of cases that are not warm: the device decides */
    MM_GATE_MINOR_FAULTS, /* of the measured phases */
    MM_GATE_MAJOR_FAULTS,
    MM_GATE_READ_BYTES, /* from and to storage, of the process */
    MM_GATE_WRITTEN_BYTES,
    MM_GATE_FLUSH_MEDIAN,
    MM_GATE_FLUSH_P99,
    MM_GATE_METRIC_COUNT
};

/* "time", "minor_faults"... */
const char *mm_gate_metric_name(enum mm_gate_metric metric);
/* "ns", "faults", "B". */
const char *mm_gate_metric_unit(enum mm_gate_metric metric);
/* MM_GATE_METRIC_COUNT for a name that is none. */
enum mm_gate_metric mm_gate_metric_parse(const char *name);

struct mm_gate_metric_settings {
    bool on;
    struct mm_verdict_rule rule;
    double
        slack; /* in the metric's unit: added to both sides, so that few more of few are not many */
};

enum mm_gate_inconclusive {
    MM_GATE_INCONCLUSIVE_EXIT3,
    MM_GATE_INCONCLUSIVE_PASS,
    MM_GATE_INCONCLUSIVE_FAIL,
    MM_GATE_INCONCLUSIVE_COUNT
};

const char *mm_gate_inconclusive_name(enum mm_gate_inconclusive inconclusive);
/* -EINVAL with the right names. */
int mm_gate_inconclusive_parse(const char *text, enum mm_gate_inconclusive *inconclusive,
                               struct mm_error *error);
/* "holm", "benjamini-hochberg" into *holm; -EINVAL with the right names. */
int mm_gate_correction_parse(const char *text, bool *holm, struct mm_error *error);

/* Rules for some benchmarks alone: of the first entry that fits a name, they stand instead of those
 * of all. */
struct mm_gate_benchmark_settings {
    char *name;  /* letter by letter, or a pattern with *, ? and [ as in a shell, * also for '/' */
    char *where; /* file and line */
    struct mm_gate_metric_settings metrics[MM_GATE_METRIC_COUNT];
};

struct mm_gate_settings {
    struct mm_verdict_settings verdict; /* verdict.pairs: of every benchmark */
    size_t first_look;                  /* pairs at which futility is asked for */
    size_t extended;                    /* pairs of what was inconclusive; verdict.pairs: none */
    uint32_t slices;                    /* pairs of slices in a pair of launches, where possible */
    uint64_t slice_ns;
    uint64_t launch_ns; /* of a side in a pair: fewer slices where they would take longer */
    double steal;       /* share of the processors' time beyond which nothing counts */
    double allowed_inconclusive; /* share of the verdicts; more make the whole suite inconclusive */
    enum mm_gate_inconclusive inconclusive;
    struct mm_gate_metric_settings metrics[MM_GATE_METRIC_COUNT];
    struct mm_gate_benchmark_settings *benchmarks; /* owned */
    size_t benchmark_count;
};

/* The caller calls mm_gate_settings_release() after anything that fills settings. */
void mm_gate_settings_defaults(struct mm_gate_settings *settings);
void mm_gate_settings_release(struct mm_gate_settings *settings);

bool mm_gate_benchmark_settings_fit(const struct mm_gate_benchmark_settings *entry,
                                    const char *name);

/* The rules of one benchmark, MM_GATE_METRIC_COUNT of them. Borrowed. */
const struct mm_gate_metric_settings *mm_gate_settings_metrics(
    const struct mm_gate_settings *settings, const char *name);

/* Lays what the YAML file says over settings. Every key is checked: -EINVAL with file and line, or
 * errors of mm_config_load_yaml. Settings can only be released after an error. */
int mm_gate_settings_load(const char *path, struct mm_gate_settings *settings,
                          struct mm_error *error);

/* Whether the numbers make sense together; -EINVAL. */
int mm_gate_settings_check(const struct mm_gate_settings *settings, struct mm_error *error);

#endif
