/* The history: what is added is what is read, and what is no history stays as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "common/file.h"
#include "common/text.h"
#include "results/history.h"
#include "tests/support/folder.h"

#define WRITERS 4
#define EACH    12
#define ROUNDS  20

/* A killed writer would go on for longer than the last one is let. */
#define KILLED_AFTER 100000
#define KILL_STEP_US 2000

static const char *const hostile = "'; DROP TABLE record; --\" % _ * [ü] \xe2\x80\xae $(x) `y`";

static int make_place(void **state)
{
    *state = mm_test_place_make("history", "history.sqlite");
    return *state ? 0 : -1;
}

static int remove_place(void **state)
{
    return mm_test_place_remove(*state);
}

/* Two figures, the second with an interval. */
static struct mm_history_record record_of(const char *identity, const char *benchmark)
{
    struct mm_history_record record = {
        .identity = strdup(identity),
        .measured_utc = strdup("2026-11-22T15:00:00Z"),
        .machine = strdup("machine-1"),
        .suite = strdup("quick"),
        .source = strdup("mapmeter"),
        .revision = strdup("abc"),
    };
    struct mm_history_metric metric = {
        .benchmark = (char *)benchmark,
        .data = (char *)"64MiB",
        .name = (char *)"faults",
        .unit = (char *)"",
        .estimate = 17,
        .launches = 2,
        .worse = MM_HISTORY_MORE_IS_WORSE,
    };
    assert_int_equal(mm_history_record_append(&record, &metric), 0);
    metric.name = (char *)"throughput";
    metric.unit = (char *)"B/s";
    metric.estimate = 1.25e9;
    metric.has_interval = true;
    metric.low = 1.2e9;
    metric.high = 1.3e9;
    metric.launches = 6;
    metric.worse = MM_HISTORY_LESS_IS_WORSE;
    assert_int_equal(mm_history_record_append(&record, &metric), 0);
    return record;
}

static struct mm_history *open_to_add(const struct mm_test_place *place)
{
    struct mm_history *history = NULL;
    struct mm_error error = {0};
    if (mm_history_open_to_add(place->file, &history, &error))
        fail_msg("%s", error.text);
    return history;
}

static bool add(struct mm_history *history, const char *identity, const char *benchmark)
{
    struct mm_history_record record = record_of(identity, benchmark);
    struct mm_error error = {0};
    bool added = false;
    if (mm_history_add(history, &record, &added, &error))
        fail_msg("%s", error.text);
    mm_history_record_release(&record);
    return added;
}

static int count_entry(void *context, const struct mm_history_entry *entry)
{
    (void)entry;
    (*(size_t *)context)++;
    return 0;
}

static size_t count_records(struct mm_history *history, const struct mm_history_filter *filter)
{
    static const struct mm_history_filter all = {0};
    size_t count = 0;
    assert_int_equal(
        mm_history_each_record(history, filter ? filter : &all, count_entry, &count, NULL), 0);
    return count;
}

static int count_point(void *context, const struct mm_history_point *point)
{
    (void)point;
    (*(size_t *)context)++;
    return 0;
}

static size_t count_points(struct mm_history *history, const struct mm_history_filter *filter)
{
    size_t count = 0;
    assert_int_equal(mm_history_each_point(history, filter, count_point, &count, NULL), 0);
    return count;
}

/* What another program does to the file. */
static void run_sql(const struct mm_test_place *place, const char *statements)
{
    sqlite3 *database = NULL;
    assert_int_equal(sqlite3_open(place->file, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, statements, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

static char *bytes_of(const struct mm_test_place *place, size_t *size)
{
    char *bytes = NULL;
    assert_int_equal(mm_file_read(place->file, (size_t)1 << 26, &bytes, size, NULL), 0);
    return bytes;
}

/* Both ways of opening fail with code and a line that has `part`, and the file keeps its bytes. */
static void assert_refused(const struct mm_test_place *place, int code, const char *part)
{
    size_t size_before;
    size_t size_after;
    char *before = bytes_of(place, &size_before);
    for (int adding = 0; adding < 2; adding++) {
        struct mm_history *untouched = (struct mm_history *)0x1;
        struct mm_history *history = untouched;
        struct mm_error error = {0};
        int status = adding ? mm_history_open_to_add(place->file, &history, &error)
                            : mm_history_open_to_read(place->file, &history, &error);
        assert_int_equal(status, code);
        assert_ptr_equal(history, untouched);
        assert_non_null(strstr(error.text, place->file));
        if (!strstr(error.text, part))
            fail_msg("'%s' is not in: %s", part, error.text);
    }
    char *after = bytes_of(place, &size_after);
    assert_int_equal(size_before, size_after);
    assert_memory_equal(before, after, size_before);
    free(before);
    free(after);
}

static int check_point(void *context, const struct mm_history_point *point)
{
    size_t *seen = context;
    assert_string_equal(point->metric.benchmark, hostile);
    assert_string_equal(point->entry.identity, hostile);
    assert_string_equal(point->entry.measured_utc, "2026-11-22T15:00:00Z");
    assert_string_equal(point->entry.revision, "abc");
    assert_null(point->entry.label);
    if ((*seen)++ == 0) {
        assert_string_equal(point->metric.name, "faults");
        assert_false(point->metric.has_interval);
        assert_true(point->metric.worse == MM_HISTORY_MORE_IS_WORSE);
        return 0;
    }
    assert_string_equal(point->metric.name, "throughput");
    assert_string_equal(point->metric.unit, "B/s");
    assert_true(point->metric.has_interval);
    assert_true(fabs(point->metric.estimate - 1.25e9) < 1e-3);
    assert_true(fabs(point->metric.low - 1.2e9) < 1e-3);
    assert_true(fabs(point->metric.high - 1.3e9) < 1e-3);
    assert_int_equal(point->metric.launches, 6);
    assert_true(point->metric.worse == MM_HISTORY_LESS_IS_WORSE);
    return 0;
}

static void names_of_any_kind_come_back_as_they_were(void **state)
{
    const struct mm_test_place *place = *state;
    struct mm_history *history = open_to_add(place);
    assert_true(add(history, hostile, hostile));
    mm_history_close(history);
    assert_int_equal(mm_history_open_to_read(place->file, &history, NULL), 0);
    static const struct mm_history_filter all = {0};
    size_t seen = 0;
    assert_int_equal(mm_history_each_point(history, &all, check_point, &seen, NULL), 0);
    assert_int_equal(seen, 2);
    const struct mm_history_filter exact = {.benchmark = "DROP TABLE"};
    assert_int_equal(count_points(history, &exact), 2);
    const struct mm_history_filter injected = {.machine = "' OR '1'='1", .suite = hostile};
    assert_int_equal(count_records(history, &injected), 0);
    mm_history_close(history);
}

static void the_same_record_is_added_once(void **state)
{
    struct mm_history *history = open_to_add(*state);
    static const struct mm_history_filter all = {0};
    assert_true(add(history, "one", "a"));
    assert_false(add(history, "one", "b"));
    assert_true(add(history, "two", "a"));
    assert_int_equal(count_records(history, NULL), 2);
    assert_int_equal(count_points(history, &all), 4);
    mm_history_close(history);
}

static void filters_let_through_what_they_name(void **state)
{
    struct mm_history *history = open_to_add(*state);
    assert_true(add(history, "one", "random/engine:mmap"));
    assert_true(add(history, "two", "sequential/engine:mmap"));
    static const struct {
        struct mm_history_filter filter;
        size_t points;
    } cases[] = {
        {{.benchmark = "random/*"}, 2},    {{.benchmark = "engine:mmap"}, 4},
        {{.benchmark = "engine:*"}, 0},    {{.metric = "faults"}, 2},
        {{.machine = "mach"}, 4},          {{.machine = "achine"}, 0},
        {{.suite = "quick"}, 4},           {{.suite = "quic"}, 0},
        {{.benchmark = "?andom*mmap"}, 2}, {{.metric = "faults", .benchmark = "random"}, 1},
    };
    for (size_t i = 0; i < MM_COUNT_OF(cases); i++)
        assert_int_equal(count_points(history, &cases[i].filter), cases[i].points);
    mm_history_close(history);
}

struct order {
    char seen[8];
    size_t count;
};

static int note_order(void *context, const struct mm_history_entry *entry)
{
    struct order *order = context;
    order->seen[order->count++] = entry->identity[0];
    return 0;
}

static void records_come_in_the_order_of_their_measurement(void **state)
{
    static const struct mm_history_filter all = {0};
    static const char *const days[] = {"2026-11-22", "2026-11-20", "2026-11-21", "2026-11-20"};
    struct mm_history *history = open_to_add(*state);
    for (size_t i = 0; i < 4; i++) {
        char identity[2] = {(char)('a' + i), '\0'};
        struct mm_history_record record = record_of(identity, "x");
        bool added;
        memcpy(record.measured_utc, days[i], strlen(days[i]));
        assert_int_equal(mm_history_add(history, &record, &added, NULL), 0);
        mm_history_record_release(&record);
    }
    struct order order = {0};
    assert_int_equal(mm_history_each_record(history, &all, note_order, &order, NULL), 0);
    assert_string_equal(order.seen, "bdca");
    mm_history_close(history);
}

static int refuse(void *context, const struct mm_history_entry *entry)
{
    (void)context;
    (void)entry;
    return -ECANCELED;
}

static void what_a_visitor_returns_ends_the_visit(void **state)
{
    static const struct mm_history_filter all = {0};
    struct mm_history *history = open_to_add(*state);
    assert_true(add(history, "one", "a"));
    assert_int_equal(mm_history_each_record(history, &all, refuse, NULL, NULL), -ECANCELED);
    mm_history_close(history);
}

/* Each makes one record wrong. */
static void no_time(struct mm_history_record *r)
{
    memcpy(r->measured_utc, "2026-13-22", 10);
}
static void no_day(struct mm_history_record *r)
{
    memcpy(r->measured_utc, "2026-02-30", 10);
}
static void no_number(struct mm_history_record *r)
{
    r->metrics[1].estimate = NAN;
}
static void no_launches(struct mm_history_record *r)
{
    r->metrics[0].launches = 0;
}
static void too_few_launches(struct mm_history_record *r)
{
    r->metrics[1].launches = 5;
}
static void interval_elsewhere(struct mm_history_record *r)
{
    r->metrics[1].low = 2e9;
}
static void twice(struct mm_history_record *r)
{
    free(r->metrics[1].name);
    r->metrics[1].name = strdup("faults");
}
static void no_utf8(struct mm_history_record *r)
{
    r->label = strdup("\xff");
}
static void no_suite(struct mm_history_record *r)
{
    r->suite[0] = '\0';
}

static void a_record_with_one_wrong_figure_leaves_nothing(void **state)
{
    static void (*const spoil[])(struct mm_history_record * record) = {
        no_time, no_day,  no_number, no_launches, too_few_launches, interval_elsewhere,
        twice,   no_utf8, no_suite,
    };
    struct mm_history *history = open_to_add(*state);
    for (size_t i = 0; i < MM_COUNT_OF(spoil); i++) {
        struct mm_history_record record = record_of("x", "a");
        struct mm_error error = {0};
        bool added = false;
        spoil[i](&record);
        assert_int_equal(mm_history_add(history, &record, &added, &error), -EINVAL);
        assert_true(error.text[0] != '\0');
        mm_history_record_release(&record);
    }
    assert_int_equal(count_records(history, NULL), 0);
    mm_history_close(history);
}

static void a_missing_history_is_made_only_to_add(void **state)
{
    const struct mm_test_place *place = *state;
    struct mm_history *history = NULL;
    struct mm_error error = {0};
    assert_int_equal(mm_history_open_to_read(place->file, &history, &error), -ENOENT);
    assert_non_null(strstr(error.text, "history add"));
    assert_int_equal(access(place->file, F_OK), -1);
    mm_history_close(open_to_add(place));
    assert_int_equal(mm_history_open_to_read(place->file, &history, &error), 0);
    assert_int_equal(count_records(history, NULL), 0);
    mm_history_close(history);
}

static void a_file_of_another_kind_stays_as_it_is(void **state)
{
    static const char *const texts[] = {"not a database at all", "SQLite format 4 and more of it",
                                        "S"};
    const struct mm_test_place *place = *state;
    for (size_t i = 0; i < MM_COUNT_OF(texts); i++) {
        assert_int_equal(mm_file_replace(place->file, texts[i], strlen(texts[i]), NULL), 0);
        assert_refused(place, -EBADMSG, "not a SQLite database");
    }
}

static void a_database_of_another_program_stays_as_it_is(void **state)
{
    run_sql(*state, "CREATE TABLE record (id INTEGER)");
    assert_refused(*state, -EPROTO, "another program");
}

static void a_newer_schema_is_refused_with_the_remedy(void **state)
{
    struct mm_history *history = open_to_add(*state);
    assert_true(add(history, "one", "a"));
    mm_history_close(history);
    run_sql(*state, "PRAGMA user_version = 99");
    assert_refused(*state, -ENOTSUP, "newer mapmeter");
}

/* Page by page: none of it may end in a crash, and adding leaves a damaged file alone. */
static void a_damaged_history_is_refused(void **state)
{
    const struct mm_test_place *place = *state;
    struct mm_history *history = open_to_add(place);
    for (size_t i = 0; i < 60; i++) {
        char identity[32];
        snprintf(identity, sizeof(identity), "number %zu", i);
        assert_true(add(history, identity, "a benchmark of some length, so that pages fill up"));
    }
    mm_history_close(history);
    size_t size;
    char *whole = bytes_of(place, &size);
    assert_true(size >= 3 * 4096);
    size_t refused = 0;
    for (size_t page = 1; page * 4096 + 4096 <= size; page++) {
        struct mm_error error = {0};
        char *damaged = malloc(size);
        assert_non_null(damaged);
        memcpy(damaged, whole, size);
        memset(damaged + page * 4096, 0xa5, 4096);
        assert_int_equal(mm_file_replace(place->file, damaged, size, NULL), 0);
        if (mm_history_open_to_add(place->file, &history, &error)) {
            assert_int_equal(error.code, -EBADMSG);
            assert_non_null(strstr(error.text, ".recover"));
            refused++;
        } else {
            mm_history_close(history);
        }
        free(damaged);
    }
    assert_int_equal(refused, size / 4096 - 1);
    /* Cut in the middle. */
    assert_int_equal(mm_file_replace(place->file, whole, size / 2 + 100, NULL), 0);
    assert_int_equal(mm_history_open_to_add(place->file, &history, NULL), -EBADMSG);
    free(whole);
}

/* As separate commands do: the history is opened anew for each record. */
static int write_some(const struct mm_test_place *place, int writer, int records)
{
    int failed = 0;
    for (int i = 0; i < records && !failed; i++) {
        char identity[32];
        struct mm_history *history = NULL;
        struct mm_error error = {0};
        bool added = false;
        snprintf(identity, sizeof(identity), "%d of %d", i, writer);
        struct mm_history_record record = record_of(identity, "a");
        failed = mm_history_open_to_add(place->file, &history, &error);
        if (!failed)
            failed = mm_history_add(history, &record, &added, &error);
        if (failed)
            fprintf(stderr, "writer %d: %s\n", writer, error.text);
        failed = failed || !added;
        mm_history_close(history);
        mm_history_record_release(&record);
    }
    return failed ? 1 : 0;
}

static pid_t start_writer(const struct mm_test_place *place, int writer, int records)
{
    pid_t process = fork();
    assert_true(process >= 0);
    if (process == 0)
        _exit(write_some(place, writer, records));
    return process;
}

static int ending_of(pid_t process)
{
    int status = -1;
    assert_int_equal(waitpid(process, &status, 0), process);
    return status;
}

/* In the first rounds they meet while the database is made. */
static void processes_that_add_at_the_same_time_all_succeed(void **state)
{
    const struct mm_test_place *place = *state;
    static const struct mm_history_filter all = {0};
    for (int round = 0; round < ROUNDS; round++) {
        int records = round + 1 < ROUNDS ? 1 : EACH;
        pid_t writers[WRITERS];
        int failed = 0;
        unlink(place->file);
        for (int i = 0; i < WRITERS; i++)
            writers[i] = start_writer(place, i, records);
        for (int i = 0; i < WRITERS; i++)
            failed += ending_of(writers[i]) != 0;
        assert_int_equal(failed, 0);
        struct mm_history *history = NULL;
        assert_int_equal(mm_history_open_to_read(place->file, &history, NULL), 0);
        assert_int_equal(count_records(history, NULL), WRITERS * records);
        assert_int_equal(count_points(history, &all), 2 * WRITERS * records);
        mm_history_close(history);
    }
}

/* At another moment each time; whoever comes next finds whole records alone, and can go on. */
static void a_writer_that_is_killed_leaves_whole_records(void **state)
{
    static const struct mm_history_filter all = {0};
    const struct mm_test_place *place = *state;
    size_t before = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct mm_history *history = NULL;
        pid_t writer = start_writer(place, round, KILLED_AFTER);
        usleep((useconds_t)(round * KILL_STEP_US));
        assert_int_equal(kill(writer, SIGKILL), 0);
        ending_of(writer);
        assert_int_equal(mm_history_open_to_add(place->file, &history, NULL), 0);
        char identity[32];
        snprintf(identity, sizeof(identity), "after round %d", round);
        assert_true(add(history, identity, "a"));
        size_t records = count_records(history, NULL);
        assert_true(records > before);
        assert_int_equal(count_points(history, &all), 2 * records);
        before = records;
        mm_history_close(history);
    }
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(names_of_any_kind_come_back_as_they_were),
        IN_PLACE(the_same_record_is_added_once),
        IN_PLACE(filters_let_through_what_they_name),
        IN_PLACE(records_come_in_the_order_of_their_measurement),
        IN_PLACE(what_a_visitor_returns_ends_the_visit),
        IN_PLACE(a_record_with_one_wrong_figure_leaves_nothing),
        IN_PLACE(a_missing_history_is_made_only_to_add),
        IN_PLACE(a_file_of_another_kind_stays_as_it_is),
        IN_PLACE(a_database_of_another_program_stays_as_it_is),
        IN_PLACE(a_newer_schema_is_refused_with_the_remedy),
        IN_PLACE(a_damaged_history_is_refused),
        IN_PLACE(processes_that_add_at_the_same_time_all_succeed),
        IN_PLACE(a_writer_that_is_killed_leaves_whole_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
