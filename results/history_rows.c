/* Adding records to the history and reading them; every value goes in by a bound parameter. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/text.h"
#include "results/history_internal.h"

static int prepare(struct mm_history *history, const char *query, sqlite3_stmt **statement,
                   struct mm_error *error)
{
    int code = sqlite3_prepare_v2(history->database, query, -1, statement, NULL);
    return code == SQLITE_OK ? 0 : mm_history_failure(history, code, "cannot be read", error);
}

/* NULL is bound as NULL. The text must outlive the statement. */
static void bind_text(sqlite3_stmt *statement, const char *parameter, const char *text)
{
    int index = sqlite3_bind_parameter_index(statement, parameter);
    if (text)
        sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
    else
        sqlite3_bind_null(statement, index);
}

static void bind_number(sqlite3_stmt *statement, const char *parameter, bool there, double number)
{
    int index = sqlite3_bind_parameter_index(statement, parameter);
    if (there)
        sqlite3_bind_double(statement, index, number);
    else
        sqlite3_bind_null(statement, index);
}

static void bind_integer(sqlite3_stmt *statement, const char *parameter, int64_t number)
{
    sqlite3_bind_int64(statement, sqlite3_bind_parameter_index(statement, parameter), number);
}

static void now(char text[32])
{
    time_t seconds = time(NULL);
    struct tm parts;
    if (!gmtime_r(&seconds, &parts) || !strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts))
        text[0] = '\0';
}

static int insert_record(struct mm_history *history, const struct mm_history_record *record,
                         bool *added, struct mm_error *error)
{
    sqlite3_stmt *insert = NULL;
    char added_utc[32];
    int status = prepare(history,
                         "INSERT INTO record (identity, measured_utc, added_utc, machine, suite,"
                         " source, revision, label)"
                         " VALUES (:identity, :measured, :added, :machine, :suite, :source,"
                         " :revision, :label) ON CONFLICT (identity) DO NOTHING",
                         &insert, error);
    if (status)
        return status;
    now(added_utc);
    bind_text(insert, ":identity", record->identity);
    bind_text(insert, ":measured", record->measured_utc);
    bind_text(insert, ":added", added_utc);
    bind_text(insert, ":machine", record->machine);
    bind_text(insert, ":suite", record->suite);
    bind_text(insert, ":source", record->source);
    bind_text(insert, ":revision", record->revision);
    bind_text(insert, ":label", record->label);
    int code = sqlite3_step(insert);
    if (code != SQLITE_DONE)
        status = mm_history_failure(history, code, "cannot add to it", error);
    else
        *added = sqlite3_changes(history->database) > 0;
    sqlite3_finalize(insert);
    return status;
}

static int insert_metrics(struct mm_history *history, const struct mm_history_record *record,
                          struct mm_error *error)
{
    sqlite3_stmt *insert = NULL;
    int64_t id = sqlite3_last_insert_rowid(history->database);
    int status = prepare(history,
                         "INSERT INTO metric (record, benchmark, data, name, unit, estimate, low,"
                         " high, launches, worse)"
                         " VALUES (:record, :benchmark, :data, :name, :unit, :estimate, :low,"
                         " :high, :launches, :worse)",
                         &insert, error);
    for (size_t i = 0; i < record->metric_count && !status; i++) {
        const struct mm_history_metric *metric = &record->metrics[i];
        bind_integer(insert, ":record", id);
        bind_text(insert, ":benchmark", metric->benchmark);
        bind_text(insert, ":data", metric->data);
        bind_text(insert, ":name", metric->name);
        bind_text(insert, ":unit", metric->unit);
        bind_number(insert, ":estimate", true, metric->estimate);
        bind_number(insert, ":low", metric->has_interval, metric->low);
        bind_number(insert, ":high", metric->has_interval, metric->high);
        bind_integer(insert, ":launches", (int64_t)metric->launches);
        bind_integer(insert, ":worse", metric->worse);
        int code = sqlite3_step(insert);
        if (code != SQLITE_DONE)
            status = mm_history_failure(history, code, "cannot add to it", error);
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
    return status;
}

int mm_history_add(struct mm_history *history, const struct mm_history_record *record, bool *added,
                   struct mm_error *error)
{
    bool is_new = false;
    int status = mm_history_record_check(record, error);
    if (!status)
        status = mm_history_begin(history, error);
    if (status)
        return status;
    status = insert_record(history, record, &is_new, error);
    if (!status && is_new)
        status = insert_metrics(history, record, error);
    if (status) {
        mm_history_roll_back(history);
        return status;
    }
    status = mm_history_commit(history, error);
    if (!status)
        *added = is_new;
    return status;
}

static const char *text_at(sqlite3_stmt *statement, int column)
{
    return (const char *)sqlite3_column_text(statement, column);
}

/* The first columns of both queries. */
#define ENTRY_COLUMNS                                                                    \
    "record.id, record.identity, record.measured_utc, record.added_utc, record.machine," \
    " record.suite, record.source, record.revision, record.label"
#define ENTRY_COLUMN_COUNT 9

#define ENTRY_FILTER                                                               \
    "(:machine IS NULL OR substr(record.machine, 1, length(:machine)) = :machine)" \
    " AND (:suite IS NULL OR record.suite = :suite)"

static struct mm_history_entry entry_at(sqlite3_stmt *statement)
{
    return (struct mm_history_entry){
        .id = sqlite3_column_int64(statement, 0),
        .identity = text_at(statement, 1),
        .measured_utc = text_at(statement, 2),
        .added_utc = text_at(statement, 3),
        .machine = text_at(statement, 4),
        .suite = text_at(statement, 5),
        .source = text_at(statement, 6),
        .revision = text_at(statement, 7),
        .label = text_at(statement, 8),
    };
}

/* SQLite gives no text where it has no memory for it; NULL is in two columns alone. */
static bool has_texts(const struct mm_history_entry *entry)
{
    return entry->identity && entry->measured_utc && entry->added_utc && entry->machine &&
           entry->suite && entry->source;
}

static int no_memory(const struct mm_history *history, struct mm_error *error)
{
    return mm_error_set(error, -ENOMEM, "%s: out of memory", history->path);
}

/* The end of a statement that was stepped through: its error, or that of the visitor. */
static int finish(struct mm_history *history, sqlite3_stmt *statement, int code, int status,
                  struct mm_error *error)
{
    if (!status && code != SQLITE_DONE)
        status = mm_history_failure(history, code, "cannot be read", error);
    sqlite3_finalize(statement);
    return status;
}

int mm_history_each_record(struct mm_history *history, const struct mm_history_filter *filter,
                           int (*visit)(void *context, const struct mm_history_entry *entry),
                           void *context, struct mm_error *error)
{
    sqlite3_stmt *select = NULL;
    int status = prepare(history,
                         "SELECT " ENTRY_COLUMNS
                         ", (SELECT count(*) FROM metric WHERE metric.record = record.id)"
                         " FROM record WHERE " ENTRY_FILTER " ORDER BY measured_utc, id",
                         &select, error);
    if (status)
        return status;
    bind_text(select, ":machine", filter->machine);
    bind_text(select, ":suite", filter->suite);
    int code = SQLITE_DONE;
    while (!status && (code = sqlite3_step(select)) == SQLITE_ROW) {
        struct mm_history_entry entry = entry_at(select);
        entry.metric_count = (uint64_t)sqlite3_column_int64(select, ENTRY_COLUMN_COUNT);
        status = has_texts(&entry) ? visit(context, &entry) : no_memory(history, error);
    }
    return finish(history, select, code, status, error);
}

static struct mm_history_metric metric_at(sqlite3_stmt *statement, int column)
{
    return (struct mm_history_metric){
        .benchmark = (char *)text_at(statement, column),
        .data = (char *)text_at(statement, column + 1),
        .name = (char *)text_at(statement, column + 2),
        .unit = (char *)text_at(statement, column + 3),
        .estimate = sqlite3_column_double(statement, column + 4),
        .has_interval = sqlite3_column_type(statement, column + 5) != SQLITE_NULL,
        .low = sqlite3_column_double(statement, column + 5),
        .high = sqlite3_column_double(statement, column + 6),
        .launches = (uint64_t)sqlite3_column_int64(statement, column + 7),
        .worse = (enum mm_history_worse)sqlite3_column_int(statement, column + 8),
    };
}

int mm_history_each_point(struct mm_history *history, const struct mm_history_filter *filter,
                          int (*visit)(void *context, const struct mm_history_point *point),
                          void *context, struct mm_error *error)
{
    bool is_pattern = filter->benchmark && strpbrk(filter->benchmark, "*?[");
    sqlite3_stmt *select = NULL;
    int status = prepare(
        history,
        "SELECT " ENTRY_COLUMNS ", metric.benchmark, metric.data, metric.name, metric.unit,"
        " metric.estimate, metric.low, metric.high, metric.launches, metric.worse"
        " FROM metric JOIN record ON record.id = metric.record"
        " WHERE " ENTRY_FILTER " AND (:metric IS NULL OR metric.name = :metric)"
        " AND (:pattern IS NULL OR metric.benchmark GLOB :pattern)"
        " AND (:part IS NULL OR instr(metric.benchmark, :part) > 0)"
        " ORDER BY record.machine, record.source, record.suite, metric.benchmark, metric.data,"
        " metric.name, metric.unit, record.measured_utc, record.id",
        &select, error);
    if (status)
        return status;
    bind_text(select, ":machine", filter->machine);
    bind_text(select, ":suite", filter->suite);
    bind_text(select, ":metric", filter->metric);
    bind_text(select, ":pattern", is_pattern ? filter->benchmark : NULL);
    bind_text(select, ":part", is_pattern ? NULL : filter->benchmark);
    int code = SQLITE_DONE;
    while (!status && (code = sqlite3_step(select)) == SQLITE_ROW) {
        struct mm_history_point point = {
            .entry = entry_at(select),
            .metric = metric_at(select, ENTRY_COLUMN_COUNT),
        };
        const struct mm_history_metric *metric = &point.metric;
        bool whole = has_texts(&point.entry) && metric->benchmark && metric->data && metric->name &&
                     metric->unit;
        status = whole ? visit(context, &point) : no_memory(history, error);
    }
    return finish(history, select, code, status, error);
}
