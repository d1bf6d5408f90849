/*
 * The history: many records in one SQLite database, of each what a trend needs. A record here is
 * the outcome of one measurement of whatever tool, its metrics one figure a benchmark each. Several
 * processes may read and add at the same time.
 */
#ifndef MM_RESULTS_HISTORY_H
#define MM_RESULTS_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/* Fewer launches than this have no interval. */
#define MM_HISTORY_INTERVAL_LAUNCHES 6

/* What is worse; of some figures nobody can say. */
enum mm_history_worse {
    MM_HISTORY_LESS_IS_WORSE = -1,
    MM_HISTORY_NEITHER_IS_WORSE = 0,
    MM_HISTORY_MORE_IS_WORSE = 1
};

/* One figure of one benchmark. All texts are UTF-8 and owned. */
struct mm_history_metric {
    char *benchmark;
    char *data; /* what it ran on, as far as figures of other data do not compare; may be "" */
    char *name;
    char *unit; /* "ns", "B/s", "1/s", "" */
    double estimate;
    bool has_interval;
    double low;
    double high;
    uint64_t launches;
    enum mm_history_worse worse;
};

struct mm_history_record {
    char *identity;     /* tells the same measurement from others, whatever the file is called */
    char *measured_utc; /* "2026-11-22T15:00:00Z" */
    char *machine;      /* fingerprint or name */
    char *suite;
    char *source;   /* "mapmeter", "mapmeter gate", "Google Benchmark", "fio" */
    char *revision; /* NULL: not known */
    char *label;    /* NULL: none */
    struct mm_history_metric *metrics;
    size_t metric_count;
};

void mm_history_record_release(struct mm_history_record *record);

/* Appends a metric, its texts copied. -ENOMEM, the record unchanged. */
int mm_history_record_append(struct mm_history_record *record,
                             const struct mm_history_metric *metric);

/* 0 when the record can be added: all texts there and UTF-8, the time a time, the figures finite,
 * intervals around their estimate and of enough launches, no figure twice. Else -EINVAL. */
int mm_history_record_check(const struct mm_history_record *record, struct mm_error *error);

struct mm_history;

/*
 * Opens the database at path. To add, one that is missing is made, and one of an older schema
 * brought up to date in one transaction. What is no history is refused as it is:
 * -ENOENT missing, -EBADMSG no SQLite file or a damaged one, -EPROTO the database of somebody else,
 * -ENOTSUP a newer schema, or an older one that is opened to read alone; -EBUSY, -EACCES, -ENOSPC,
 * -EIO, -ENOMEM. Close with mm_history_close().
 */
int mm_history_open_to_read(const char *path, struct mm_history **history, struct mm_error *error);
int mm_history_open_to_add(const char *path, struct mm_history **history, struct mm_error *error);
void mm_history_close(struct mm_history *history);

/* Checks the record and adds it whole or not at all; *added is false when one of this identity is
 * there already, and nothing was changed. -EINVAL, or errors as above. */
int mm_history_add(struct mm_history *history, const struct mm_history_record *record, bool *added,
                   struct mm_error *error);

/* What to read; NULL: all. The machine may be the beginning of one. A benchmark with '*', '?' or
 * '[' is a pattern of the whole name as shells have it, else a part of the name. */
struct mm_history_filter {
    const char *machine;
    const char *suite;
    const char *benchmark;
    const char *metric;
};

/* A record as it is stored, without its metrics. Borrowed from the call. */
struct mm_history_entry {
    int64_t id;
    const char *identity;
    const char *measured_utc;
    const char *added_utc;
    const char *machine;
    const char *suite;
    const char *source;
    const char *revision; /* NULL: not known */
    const char *label;    /* NULL: none */
    uint64_t metric_count;
};

/* Calls visit for every record that machine and suite let through, in the order of their
 * measurement. What visit returns other than 0 ends it and is returned. */
int mm_history_each_record(struct mm_history *history, const struct mm_history_filter *filter,
                           int (*visit)(void *context, const struct mm_history_entry *entry),
                           void *context, struct mm_error *error);

/* A figure with the record that it is of. Borrowed from the call. */
struct mm_history_point {
    struct mm_history_entry entry; /* metric_count is not filled in */
    struct mm_history_metric metric;
};

/* Calls visit for every figure that filter lets through: those of one series (machine, source,
 * suite, benchmark, data and metric) one after the other, in the order of their measurement. */
int mm_history_each_point(struct mm_history *history, const struct mm_history_filter *filter,
                          int (*visit)(void *context, const struct mm_history_point *point),
                          void *context, struct mm_error *error);

#endif
