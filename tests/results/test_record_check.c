/* The check of a record: every member that SCHEMA.md requires is missed when it is not there, and
 * refused in a wrong form; the error names its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/text.h"
#include "results/record.h"
#include "tests/support/synthetic_record.h"

#define PATH_BYTES 256

static struct mm_record *full_record(void)
{
    static const char *const one_workload[] = {"sequential"};
    static const char *const two_engines[] = {"marray", "pread"};
    static const char *const one_cache[] = {"cold"};
    const struct synthetic_record_spec spec = {
        .workloads = one_workload,
        .workload_count = 1,
        .engines = two_engines,
        .engine_count = 2,
        .caches = one_cache,
        .cache_count = 1,
        .launches = 3,
        .failed_every = 3,
        .flushes = true,
        .processes = 2,
        .skipped_cases = 1,
    };
    return synthetic_record(&spec);
}

static json_t *record_member(const struct mm_record *record, const char *name)
{
    if (strcmp(name, "run") == 0)
        return mm_record_run(record);
    if (strcmp(name, "environment") == 0)
        return mm_record_environment(record);
    if (strcmp(name, "files") == 0)
        return mm_record_files(record);
    if (strcmp(name, "cases") == 0)
        return mm_record_cases(record);
    assert_string_equal(name, "launches");
    return mm_record_launches(record);
}

/* The holder of the last word of a path like "launches[3].samples[0].elapsed_ns". */
static json_t *holder_of(const struct mm_record *record, const char *path, char *last)
{
    char words[PATH_BYTES];
    json_t *holder = NULL;
    char *rest = words;
    snprintf(words, sizeof(words), "%s", path);
    for (char *word = strsep(&rest, ".["); word; word = strsep(&rest, ".[")) {
        snprintf(last, PATH_BYTES, "%s", word);
        if (!rest)
            break;
        if (!holder)
            holder = record_member(record, word);
        else if (word[strlen(word) - 1] == ']')
            holder = json_array_get(holder, (size_t)strtoul(word, NULL, 10));
        else
            holder = json_object_get(holder, word);
        assert_non_null(holder);
    }
    return holder;
}

/* Puts value (stolen) at path, or removes what is there when value is NULL. */
static void change(const struct mm_record *record, const char *path, json_t *value)
{
    char last[PATH_BYTES];
    json_t *holder = holder_of(record, path, last);
    assert_non_null(holder);
    if (value)
        assert_int_equal(json_object_set_new(holder, last, value), 0);
    else
        assert_int_equal(json_object_del(holder, last), 0);
}

static void assert_refused_with(const char *path, const char *json, const char *line)
{
    struct mm_record *record = full_record();
    struct mm_error error = {0};
    json_t *value = json ? json_loads(json, JSON_DECODE_ANY, NULL) : NULL;
    assert_true(value || !json);
    change(record, path, value);
    assert_int_equal(mm_record_validate(record, &error), -EPROTO);
    assert_string_equal(error.text, line);
    mm_record_free(record);
}

static void assert_accepted_with(const char *path, const char *json)
{
    struct mm_record *record = full_record();
    struct mm_error error = {0};
    change(record, path, json ? json_loads(json, JSON_DECODE_ANY, NULL) : NULL);
    if (mm_record_validate(record, &error) != 0)
        fail_msg("%s", error.text);
    mm_record_free(record);
}

static void a_synthetic_record_is_complete(void **state)
{
    (void)state;
    struct mm_record *record = full_record();
    struct mm_error error = {0};
    if (mm_record_validate(record, &error) != 0)
        fail_msg("%s", error.text);
    mm_record_free(record);
}

static void the_error_names_place_form_and_what_was_found(void **state)
{
    (void)state;
    assert_refused_with("launches[1].samples[0].elapsed_ns", "\"12\"",
                        "launches[1].samples[0].elapsed_ns: expected a non-negative integer, "
                        "found text '12'");
    assert_refused_with("launches[1].samples[0].elapsed_ns", "-12",
                        "launches[1].samples[0].elapsed_ns: expected a non-negative integer, "
                        "found -12");
    assert_refused_with("launches[1].samples[0].bytes", "1.5",
                        "launches[1].samples[0].bytes: expected a non-negative integer, found 1.5");
    assert_refused_with("launches[1].samples[0].iterations", "0",
                        "launches[1].samples[0].iterations: expected a positive integer, found 0");
    assert_refused_with("launches[1].samples[0].phases.touch.counters.minor_faults", "{}",
                        "launches[1].samples[0].phases.touch.counters.minor_faults: expected a "
                        "non-negative number or {\"unavailable\": why}, found an object");
    assert_refused_with("launches[1].samples[0].peers[1].phases.flush.elapsed_ns", "null",
                        "launches[1].samples[0].peers[1].phases.flush.elapsed_ns: expected a "
                        "non-negative integer, found null");
    assert_refused_with("launches[1].samples[0].cache.resident_share_before", "1.01",
                        "launches[1].samples[0].cache.resident_share_before: expected a share from "
                        "0 to 1 or {\"unavailable\": why}, found 1.01");
    assert_refused_with("launches[0].seed", "\"0x12\"",
                        "launches[0].seed: expected hex text of 16 digits, found text '0x12'");
    assert_refused_with("run.started_utc", "\"yesterday\"",
                        "run.started_utc: expected a UTC time, found text 'yesterday'");
    assert_refused_with("environment.kernel", "{\"unavailable\": \"\"}",
                        "environment.kernel: expected text or {\"unavailable\": why}, found an "
                        "object");
    assert_refused_with("environment.page_bytes", NULL, "environment.page_bytes: missing");
    assert_refused_with("launches[0].status", "\"okay\"",
                        "launches[0].status: unknown word 'okay'");
    assert_refused_with("cases[0].cache", "\"clod\"",
                        "cases[0].cache: unknown word 'clod', did you mean 'cold'?");
}

static void references_must_lead_somewhere(void **state)
{
    (void)state;
    assert_refused_with("launches[1].case", "\"c9\"",
                        "launches[1].case: expected the id of a case of this record, found text "
                        "'c9'");
    assert_refused_with("cases[0].file", "\"f9\"",
                        "cases[0].file: expected the id of a file of this record, found text 'f9'");
    assert_refused_with("cases[0].file", "null",
                        "cases[0].file: null, but the case is not skipped");
    assert_refused_with("launches[1].case", "\"c1\"",
                        "launches[1].case: a case that was skipped has no launch");
}

static void what_must_be_unique_is(void **state)
{
    (void)state;
    struct mm_record *record = full_record();
    struct mm_error error = {0};
    json_array_append(mm_record_files(record), json_array_get(mm_record_files(record), 0));
    assert_int_equal(mm_record_validate(record, &error), -EPROTO);
    assert_string_equal(error.text, "files[1].id: 'f0' stands twice");
    mm_record_free(record);
    assert_refused_with("cases[1].id", "\"c0\"", "cases[1].id: 'c0' stands twice");
    assert_refused_with("cases[1].name",
                        "\"sequential/engine:marray/cache:cold/operation:write/block:1MiB\"",
                        "cases[1].name: 'sequential/engine:marray/cache:cold/operation:write/"
                        "block:1MiB' stands twice");
    assert_refused_with("launches[1].index", "0", "launches[1].index: '0 of case c0' stands twice");
}

static void status_failure_and_samples_must_agree(void **state)
{
    (void)state;
    assert_refused_with("launches[0].failure", "{\"kind\": \"error\", \"reason\": \"x\"}",
                        "launches[0].failure: must be null, because the status is 'ok'");
    assert_refused_with("launches[2].failure", "null",
                        "launches[2].failure: null, but the status is 'failed'");
    assert_refused_with("launches[2].failure", "{\"kind\": \"kiled\", \"reason\": \"x\"}",
                        "launches[2].failure.kind: unknown word 'kiled', did you mean 'killed'?");
    assert_refused_with("launches[2].failure", "{\"kind\": \"error\", \"reason\": \"\"}",
                        "launches[2].failure.reason: expected text that is not empty, found text "
                        "''");
    assert_refused_with("launches[0].samples", "[]",
                        "launches[0].samples: empty, but the status is 'ok'");
    assert_refused_with("launches[0].effective", NULL, "launches[0].effective: missing");
    assert_accepted_with("launches[2].failure", "{\"kind\": \"error\", \"reason\": \"x\"}");
    assert_accepted_with("launches[2].pid", "null");
}

static void a_broken_histogram_is_refused_in_its_place(void **state)
{
    (void)state;
    assert_refused_with("launches[0].histograms.flush_ns.count", "1",
                        "launches[0].histograms.flush_ns: count: is 1, but the buckets hold 64");
}

static void operations_of_a_latency_case_are_checked(void **state)
{
    (void)state;
    static const char at[] = "launches[0].samples[0].operations";
    assert_accepted_with("cases[0].measure", "\"latency\"");
    assert_accepted_with("cases[0].rate", "10000");
    assert_refused_with("cases[0].measure", "\"latensy\"",
                        "cases[0].measure: unknown word 'latensy', did you mean 'latency'?");
    assert_accepted_with(at, "{\"count\": 3, \"elapsed_ns\": 9}");
    assert_accepted_with(at, "{\"count\": 3, \"elapsed_ns\": 9, \"late\": 3, \"queued\": 0, "
                             "\"most_late_ns\": 1}");
    assert_refused_with(at, "{\"count\": 3}",
                        "launches[0].samples[0].operations.elapsed_ns: missing");
    assert_refused_with(at, "{\"count\": 3, \"elapsed_ns\": 9, \"late\": 4}",
                        "launches[0].samples[0].operations.late: more operations than there were");
}

static void facts_of_a_file_come_all_or_none(void **state)
{
    (void)state;
    static const char *const facts[] = {"mount_options",     "mount_point", "device",
                                        "read_ahead_bytes",  "rotational",  "extents",
                                        "extents_unwritten", "filesystem"};
    struct mm_record *record = full_record();
    json_t *file = json_array_get(mm_record_files(record), 0);
    for (size_t i = 0; i < MM_COUNT_OF(facts); i++) {
        assert_int_equal(json_object_del(file, facts[i]), 0);
        bool is_last = i + 1 == MM_COUNT_OF(facts);
        assert_int_equal(mm_record_validate(record, NULL), is_last ? 0 : -EPROTO);
    }
    mm_record_free(record);
    assert_refused_with("files[0].seed", "null",
                        "files[0].seed: a generated file has one, found null");
}

static void open_maps_take_any_name(void **state)
{
    (void)state;
    assert_accepted_with("launches[0].samples[0].phases.prefetch",
                         "{\"elapsed_ns\": 1, \"entries\": 1, \"counters\": {\"tlb\": 2}}");
    assert_accepted_with("launches[0].samples[0].phases.touch.counters.l3_misses", "12.5");
    assert_accepted_with("launches[0].samples[0].reported.tiles", "-3");
    assert_accepted_with("launches[0].effective.huge_pages", "{\"granted\": true}");
    assert_accepted_with("launches[0].counter_quality.l3_misses", "{\"unavailable\": \"no PMU\"}");
    assert_accepted_with("environment.colour", "\"green\"");
    assert_accepted_with("environment.steal_share", NULL);
    assert_accepted_with("environment.perf_event_paranoid", "-1");
    assert_accepted_with("launches[0].histograms", NULL);
    assert_accepted_with("launches[0].samples[0].peers", NULL);
}

/* A series of the first sample, whose bytes it ends at, with one member in the place of another. */
static void assert_series(const char *name, const char *json, const char *line)
{
    static const char path[] = "launches[0].samples[0].series";
    struct mm_record *record = full_record();
    struct mm_error error = {0};
    json_t *sample = json_array_get(
        json_object_get(json_array_get(mm_record_launches(record), 0), "samples"), 0);
    json_t *series = json_pack(
        "{s:i, s:i, s:[i,i], s:[i,O], s:[i,i], s:[i,i], s:[i,i], s:[i,i], s:[i,i], s:[i,i], "
        "s:[i,i], s:{s:s}}",
        "interval_ns", 100, "observer_ns", 5, "elapsed_ns", 0, 100, "bytes", 0,
        json_object_get(sample, "bytes"), "items", 0, 8, "minor_faults", 0, 3, "major_faults", 0, 0,
        "resident_bytes", 4096, 0, "dirty_bytes", 4096, 0, "writeback_bytes", 0, 0,
        "device_read_bytes", 0, 1, "device_written_bytes", "unavailable", "no device");
    assert_non_null(series);
    if (json)
        json_object_set_new(series, name, json_loads(json, JSON_DECODE_ANY, NULL));
    else if (name)
        json_object_del(series, name);
    change(record, path, series);
    int result = mm_record_validate(record, &error);
    assert_int_equal(result, line ? -EPROTO : 0);
    if (line)
        assert_string_equal(error.text, line);
    mm_record_free(record);
}

static void what_peers_have_moved_adds_up(void **state)
{
    (void)state;
    assert_accepted_with("launches[0].samples[0].peers[1].items", NULL);
    assert_refused_with("launches[1].samples[0].peers[0].bytes", "1",
                        "launches[1].samples[0].peers: their bytes or items are not those of the "
                        "sample");
}

static void a_series_has_a_value_for_each_of_its_ascending_times(void **state)
{
    (void)state;
    assert_series(NULL, NULL, NULL);
    assert_series("minor_faults", "{\"unavailable\": \"nobody counts\"}", NULL);
    assert_series("items", NULL,
                  "launches[0].samples[0].series.items: expected an array, found nothing");
    assert_series(
        "elapsed_ns", "[0, 0]",
        "launches[0].samples[0].series.elapsed_ns[1]: is not later than the point before");
    assert_series("elapsed_ns", "[0, 1, 2]",
                  "launches[0].samples[0].series.bytes: has not as many values as 'elapsed_ns'");
    assert_series("minor_faults", "[3, 2]",
                  "launches[0].samples[0].series.minor_faults[1]: counts down");
    assert_series("dirty_bytes", "[1, -1]",
                  "launches[0].samples[0].series.dirty_bytes[1]: expected a non-negative integer, "
                  "found -1");
    assert_series("bytes", "[0, 1]",
                  "launches[0].samples[0].series.bytes: does not end at the bytes of the sample");
}

/* Members that a record may lack: of open maps, and the few that SCHEMA.md says may be absent. */
static bool may_be_absent(const char *path)
{
    static const char *const optional[] = {
        "environment.steal_share",
        "files[0].filesystem",
        ".counters.",
        ".phases.touch",
        ".phases.open",
        ".phases.close",
        ".phases.flush",
        ".parameters.",
        ".reported.",
        ".effective.",
        ".failure.signal",
        ".histograms",
        ".peers",
        ".peers[0].bytes",
        ".peers[1].bytes",
        ".peers[0].items",
        ".peers[1].items",
        ".exclude_kernel",
        ".running_share",
        ".unavailable",
        ".counter_quality.minor_faults",
        ".histograms.flush_ns",
    };
    size_t length = strlen(path);
    for (size_t i = 0; i < MM_COUNT_OF(optional); i++) {
        const char *found = strstr(path, optional[i]);
        size_t tail = strlen(optional[i]);
        bool is_map = optional[i][tail - 1] == '.';
        if (found && (is_map || (size_t)(found - path) + tail == length))
            return true;
    }
    return false;
}

static void assert_form_matters(const struct mm_record *record, json_t *holder, const char *name,
                                const char *path)
{
    json_t *kept = json_incref(json_object_get(holder, name));
    struct mm_error error = {0};
    char missing[PATH_BYTES + 16];
    snprintf(missing, sizeof(missing), "%s: missing", path);
    /* An array of an array is the wrong form of every member but the free ones. */
    json_object_set_new(holder, name, json_pack("[[]]"));
    if (!strstr(path, ".effective.") && mm_record_validate(record, &error) != -EPROTO)
        fail_msg("%s is accepted in a wrong form", path);
    json_object_del(holder, name);
    int result = mm_record_validate(record, &error);
    if (!may_be_absent(path) && result != -EPROTO)
        fail_msg("%s is not missed", path);
    if (may_be_absent(path) && result != 0 && !strstr(path, ".unavailable"))
        fail_msg("%s: but it may be absent", error.text);
    if (!may_be_absent(path) && !strstr(path, ".histograms.") && !strstr(path, ".case") &&
        strcmp(error.text, missing) != 0)
        fail_msg("the error for %s is: %s", path, error.text);
    json_object_set_new(holder, name, kept);
}

/* Removes and spoils each member below value, one at a time. */
static size_t walk(const struct mm_record *record, json_t *value, const char *path)
{
    char inner[PATH_BYTES];
    size_t visited = 0;
    size_t index;
    json_t *element;
    json_array_foreach(value, index, element)
    {
        snprintf(inner, sizeof(inner), "%.200s[%zu]", path, index);
        visited += walk(record, element, inner);
    }
    if (!json_is_object(value))
        return visited;
    json_t *names = json_copy(value);
    const char *name;
    json_object_foreach(names, name, element)
    {
        snprintf(inner, sizeof(inner), "%.200s.%.50s", path, name);
        assert_form_matters(record, value, name, inner);
        visited += walk(record, element, inner) + 1;
    }
    json_decref(names);
    return visited;
}

static void every_member_is_missed_and_its_form_matters(void **state)
{
    (void)state;
    static const char *const members[] = {"run", "environment", "files", "cases", "launches"};
    struct mm_record *record = full_record();
    size_t visited = 0;
    for (size_t i = 0; i < MM_COUNT_OF(members); i++)
        visited += walk(record, record_member(record, members[i]), members[i]);
    assert_true(visited > 300);
    assert_int_equal(mm_record_validate(record, NULL), 0);
    mm_record_free(record);
}

/* Open maps aside, no member exists that the page does not describe. */
static void assert_described(const char *page, json_t *value)
{
    static const char *const open_maps[] = {"parameters", "effective"};
    char quoted[PATH_BYTES];
    size_t index;
    json_t *element;
    const char *name;
    json_array_foreach(value, index, element)
    {
        assert_described(page, element);
    }
    json_object_foreach(value, name, element)
    {
        snprintf(quoted, sizeof(quoted), "\"%.200s\"", name);
        if (!strstr(page, quoted))
            fail_msg("SCHEMA.md does not describe %s", quoted);
        if (strcmp(name, open_maps[0]) != 0 && strcmp(name, open_maps[1]) != 0)
            assert_described(page, element);
    }
}

static void every_member_is_described_in_the_schema(void **state)
{
    (void)state;
    static const char *const members[] = {"run", "environment", "files", "cases", "launches"};
    const char *source = getenv("MAPMETER_SOURCE_DIR");
    struct mm_record *record = full_record();
    char *path = mm_file_join(source ? source : ".", "results/SCHEMA.md");
    char *page = NULL;
    size_t size = 0;
    assert_int_equal(mm_file_read(path, (size_t)1 << 20, &page, &size, NULL), 0);
    for (size_t i = 0; i < MM_COUNT_OF(members); i++)
        assert_described(page, record_member(record, members[i]));
    free(page);
    free(path);
    mm_record_free(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_synthetic_record_is_complete),
        cmocka_unit_test(the_error_names_place_form_and_what_was_found),
        cmocka_unit_test(references_must_lead_somewhere),
        cmocka_unit_test(what_must_be_unique_is),
        cmocka_unit_test(status_failure_and_samples_must_agree),
        cmocka_unit_test(a_broken_histogram_is_refused_in_its_place),
        cmocka_unit_test(operations_of_a_latency_case_are_checked),
        cmocka_unit_test(facts_of_a_file_come_all_or_none),
        cmocka_unit_test(open_maps_take_any_name),
        cmocka_unit_test(what_peers_have_moved_adds_up),
        cmocka_unit_test(a_series_has_a_value_for_each_of_its_ascending_times),
        cmocka_unit_test(every_member_is_missed_and_its_form_matters),
        cmocka_unit_test(every_member_is_described_in_the_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
