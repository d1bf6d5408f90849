/*
 * Regressions that somebody has accepted, up to where and until when: a file of lines
 * "benchmark | metric | ceiling | expires | reason", reviewed with the change that needs it.
 */
#ifndef MM_HARNESS_CAMPAIGNS_GATE_WAIVERS_H
#define MM_HARNESS_CAMPAIGNS_GATE_WAIVERS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "harness/campaigns/gate_settings.h"

struct mm_gate_waiver {
    char *benchmark; /* the name, letter by letter */
    enum mm_gate_metric metric;
    double ceiling;   /* the effect up to which it holds, a share */
    char expires[11]; /* "2026-12-31": the last day of UTC on which it holds */
    char *reason;
    size_t line;
    bool expired;
};

struct mm_gate_waivers {
    char *path;
    struct mm_gate_waiver *list;
    size_t count;
};

/* Empty lines and those that begin with # are nothing. today is "2026-11-24". -EINVAL with file and
 * line for a line of another form, an unknown metric, a date that is none, no reason, or a
 * benchmark and metric that are waived twice; errors of mm_file_read. */
int mm_gate_waivers_load(const char *path, const char *today, struct mm_gate_waivers *waivers,
                         struct mm_error *error);
void mm_gate_waivers_release(struct mm_gate_waivers *waivers);

/* The waiver of a benchmark's metric, expired or not, or NULL. Borrowed. */
const struct mm_gate_waiver *mm_gate_waivers_find(const struct mm_gate_waivers *waivers,
                                                  const char *benchmark,
                                                  enum mm_gate_metric metric);

#endif
