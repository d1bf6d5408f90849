/*
 * What became of each benchmark over the records of a history. Advice for people who look for what
 * changed and when; it is never a gate: records are of different days, and a machine has its own.
 */
#ifndef MM_ANALYSIS_HISTORY_TREND_H
#define MM_ANALYSIS_HISTORY_TREND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#include "analysis/changes.h"
#include "analysis/plots/plots.h"
#include "common/error.h"
#include "results/history.h"

struct mm_trend_point {
    int64_t record; /* its number in the history */
    char *measured_utc;
    char *revision; /* NULL: not known */
    char *label;    /* NULL: none */
    double value;
    bool has_interval;
    double low;
    double high;
    uint64_t launches;
};

/* The figures of one metric of one benchmark on one machine, ascending by time. Figures that do not
 * compare never stand in one series: it has one machine, source, suite, data and unit. */
struct mm_trend_series {
    char *machine;
    char *source;
    char *suite;
    char *benchmark;
    char *data;
    char *metric;
    char *unit;
    enum mm_history_worse worse;
    struct mm_trend_point *points; /* the newest ones, MM_CHANGE_POINT_LIMIT at most */
    size_t count;
    size_t older; /* points before these, which are not looked at */
    struct mm_changes changes;
};

struct mm_trend {
    struct mm_change_point_options options;
    struct mm_trend_series *series;
    size_t count;
};

/* Reads and judges all series that filter lets through. -EINVAL, -ENOMEM, or errors of reading the
 * history. *trend is set only on success; release it with mm_trend_free(). */
int mm_trend_make(struct mm_history *history, const struct mm_history_filter *filter,
                  const struct mm_change_point_options *options, struct mm_trend **trend,
                  struct mm_error *error);
void mm_trend_free(struct mm_trend *trend);

/* "worse", "better", or where that cannot be said "up", "down"; "unclear" where the interval of the
 * size holds no change at all. */
const char *mm_trend_effect(const struct mm_trend_series *series, const struct mm_change *change);

/* Whether there is a step, a drift or what may become one: anything but spikes. */
bool mm_trend_is_changed(const struct mm_trend_series *series);

/* "step", "drift", "spike", "pending" */
const char *mm_trend_kind(enum mm_change_kind kind);

/* How it is written for a terminal. */
struct mm_trend_style {
    bool colour;
    bool blocks; /* characters beyond ASCII can be shown */
    bool changed_only;
};

/* A table of the series, each with its changes below it. -EIO. */
int mm_trend_write_text(const struct mm_trend *trend, const struct mm_trend_style *style,
                        FILE *stream);

/* {"schema": {"name": "mapmeter.trend", "version": 1}, "method", "series": [...]}; new reference,
 * NULL when memory is short. */
json_t *mm_trend_to_json(const struct mm_trend *trend, bool changed_only);

/* The plot "trend": a panel for each of the first series that are to be shown. A missing or failing
 * gnuplot is no error, as in mm_plots_make(). -ENOMEM. Release with mm_plot_release(), also after a
 * failure. */
#define MM_TREND_PANELS_SHOWN 24
int mm_trend_plot_make(const struct mm_trend *trend, bool changed_only, struct mm_plot *plot,
                       struct mm_error *error);

#endif
