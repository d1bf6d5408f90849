/* The campaign behind `mapmeter gate`: pairs of launches of base and head, until each benchmark has
 * its verdict. The procedure and its reasons: docs/gate.md. */
#ifndef MM_HARNESS_CAMPAIGNS_GATE_H
#define MM_HARNESS_CAMPAIGNS_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/error.h"
#include "harness/campaigns/gate_settings.h"
#include "harness/campaigns/gate_sides.h"
#include "harness/campaigns/gate_waivers.h"
#include "harness/plan.h"

/* Told as the campaign goes; any may be NULL. */
struct mm_gate_progress {
    void *context;
    void (*phase)(void *context, const char *text); /* "making the data files" */
    /* After every pair. going: benchmarks that still get pairs; left_ns: for them, if none is
     * extended. */
    void (*pair)(void *context, size_t pairs_done, size_t going, size_t benchmarks,
                 uint64_t left_ns, const char *name);
    /* A benchmark gets no more pairs for now: its verdict as it stands, by itself. */
    void (*settled)(void *context, const char *name, size_t pairs, const char *verdict);
    void (*warn)(void *context, const char *line);
};

enum mm_gate_purpose { MM_GATE_JUDGE, MM_GATE_CALIBRATE, MM_GATE_SELFTEST };

/* What a selftest does to the head. */
struct mm_gate_injection {
    double delay_share;
    double faults_per_page; /* of the bytes of a pass */
};

struct mm_gate_request {
    enum mm_gate_purpose purpose;
    struct mm_plan *plan;            /* of head; gets the second files of cases that write */
    const struct mm_plan *base_plan; /* of two commands the base's, case for case; else NULL */
    struct mm_gate_sides *sides;     /* found; linked and padded by the campaign */
    const struct mm_gate_settings *settings;
    const struct mm_gate_waivers *waivers; /* or NULL */
    const json_t *calibration;             /* of this machine, or NULL */
    struct mm_gate_injection injection;
    const char *const *command; /* argv, for the record */
    size_t command_count;
    const char *out_folder; /* exists */
    uint64_t data_limit_bytes;
    const struct mm_gate_progress *progress;
};

/*
 * Runs everything, and writes results.json and samples.csv into out_folder: *document is the former
 * (results/SCHEMA.md, "The record of a gate"). Failed benchmarks are in it, not in the return
 * value; "interrupted" in it means that SIGINT or SIGTERM came, and that nothing has passed.
 * A negative errno: there is no usable document; -ENXIO: the base cannot be measured at all.
 */
int mm_gate(const struct mm_gate_request *request, json_t **document, struct mm_error *error);

#endif
