/*
 * From a record to typed summaries of its cases. Everything that a report prints of a measurement
 * is computed here, once; the emitters only choose words and places.
 *
 * The unit is the launch: a distribution is over the launches with status "ok". Where a launch has
 * several samples, the one with the median time stands for it.
 */
#ifndef MM_ANALYSIS_SUMMARY_H
#define MM_ANALYSIS_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "analysis/distribution.h"
#include "analysis/facts.h"
#include "analysis/latencies.h"
#include "analysis/peer_spread.h"
#include "analysis/series.h"
#include "common/error.h"
#include "results/histogram.h"
#include "results/record.h"

struct mm_summary_counter {
    const char *name; /* borrowed from the record */
    struct mm_distribution value;
};

/* Times and counts of one phase, of a whole sample. */
struct mm_summary_phase {
    const char *name; /* "open", "touch", "compute", "flush", "close" */
    struct mm_distribution elapsed_ns;
    struct mm_distribution minor_faults;
    struct mm_distribution major_faults;
    struct mm_summary_counter *counters; /* the others, as the record has them */
    size_t counter_count;
};

struct mm_summary_failure {
    uint64_t launch_index;
    const char *kind;   /* borrowed */
    const char *reason; /* borrowed */
};

#define MM_SUMMARY_PHASES 5

struct mm_summary_case {
    const json_t *json; /* the case in the record; borrowed, as are the texts that are const */
    const char *id;
    const char *name;
    const char *workload;
    const char *engine;
    const char *cache;
    const char *skipped; /* the reason of a planned skip, or NULL */
    bool counters_off;   /* the twin of a case, for what counting costs: mm_counter_costs_make */

    /* Where it stands in a plot. Cases of one group do the same work: it is the workload and those
     * of its parameters that vary in this record ("sequential operation:read"). The variant is what
     * is left to tell cases of one group, engine and cache apart, often "". */
    char *group;
    char *variant;

    uint64_t launches_planned;
    uint64_t iterations; /* passes in a sample */
    size_t good;
    size_t failed;
    struct mm_summary_failure *failures; /* failed of them, by launch index */

    struct mm_distribution bytes_per_second;
    struct mm_distribution items_per_second;
    struct mm_distribution elapsed_ns; /* of a pass: touch, compute and flush */
    struct mm_distribution bytes;      /* of a pass */
    struct mm_distribution faults;     /* of a pass: minor and major of touch, compute and flush */
    struct mm_distribution bytes_per_fault;
    struct mm_distribution faults_per_page; /* of the bytes moved */
    struct mm_distribution device_share; /* of the time of its passes the device was busy, 0 to 1 */
    struct mm_peer_spread peers;
    struct mm_series_lines series; /* of the launches that took long enough to have one */

    /* Share of the data in the page cache before the clock started, over all samples. */
    bool has_resident_share;
    double resident_share_lowest;
    double resident_share_highest;
    const char *resident_why; /* why there is none, when there is none */
    const char *cache_method; /* how it was read back; NULL when unknown */

    struct mm_summary_phase phases[MM_SUMMARY_PHASES];
    size_t phase_count;

    struct mm_latencies latencies;
    const struct mm_histogram *flush_ns; /* of these; NULL when nothing was flushed */

    struct mm_facts reported;    /* the workload's own figures, the median of each */
    struct mm_facts machine;     /* what all of it did meanwhile, the median of each */
    struct mm_facts effective;   /* what was granted and used */
    struct mm_facts unavailable; /* metric and why */
    const char *checksum;        /* NULL when there is none or when launches differ */
};

struct mm_summary {
    const struct mm_record *record; /* borrowed */
    struct mm_summary_case *cases;  /* in the order of the record */
    size_t case_count;
    size_t measured; /* cases with a good launch */
    size_t skipped;
    size_t with_failures;
    size_t without_launch; /* neither skipped nor launched: the run ended before */
    size_t good_launches;
    size_t failed_launches;
};

/* The record must outlive the summary. -ENOMEM; -EPROTO for a histogram that is not one. */
int mm_summary_make(const struct mm_record *record, struct mm_summary **summary,
                    struct mm_error *error);
void mm_summary_free(struct mm_summary *summary);

/* Sets group and variant of every case; see struct mm_summary_case. -ENOMEM. */
int mm_summary_label_cases(struct mm_summary_case *cases, size_t count);

#endif
