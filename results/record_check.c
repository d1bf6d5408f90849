/* The form of a record, as tables of members; every error names the place in the tree. */
#include "results/record_check.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "results/histogram.h"
#include "results/record.h"

#define PATH_BYTES  256
#define FOUND_BYTES 96

/* Where a value stands: a list from the value up to the root, on the stack of the check. */
struct place {
    const struct place *parent;
    const char *name; /* NULL: an element of an array */
    size_t index;
};

/* What is known of the record so far, to check references. Objects that map a name to its place. */
struct checker {
    struct mm_error *error;
    json_t *file_ids;
    json_t *case_ids;
    json_t *case_names;
    json_t *launch_keys;
};

typedef int check_function(struct checker *checker, const struct place *place, const json_t *value);

struct member {
    const char *name;
    check_function *check;
    bool optional;
};

static void write_path(const struct place *place, char *path, size_t size)
{
    if (!place) {
        path[0] = '\0';
        return;
    }
    write_path(place->parent, path, size);
    size_t used = strlen(path);
    if (!place->name)
        snprintf(path + used, size - used, "[%zu]", place->index);
    else
        snprintf(path + used, size - used, "%s%s", used ? "." : "", place->name);
}

static const char *describe(const json_t *value, char text[FOUND_BYTES])
{
    if (!value)
        return "nothing";
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        snprintf(text, FOUND_BYTES, "text '%.60s'", json_string_value(value));
        return text;
    case JSON_INTEGER:
        snprintf(text, FOUND_BYTES, "%lld", (long long)json_integer_value(value));
        return text;
    case JSON_REAL:
        snprintf(text, FOUND_BYTES, "%g", json_real_value(value));
        return text;
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    case JSON_NULL:
        break;
    }
    return "null";
}

static int expected(const struct checker *checker, const struct place *place, const char *form,
                    const json_t *value)
{
    char path[PATH_BYTES];
    char found[FOUND_BYTES];
    write_path(place, path, sizeof(path));
    return mm_error_set(checker->error, -EPROTO, "%s: expected %s, found %s", path, form,
                        describe(value, found));
}

static int wrong(const struct checker *checker, const struct place *place, const char *what)
{
    char path[PATH_BYTES];
    write_path(place, path, sizeof(path));
    return mm_error_set(checker->error, -EPROTO, "%s: %s", path, what);
}

static bool is_natural(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

static bool is_unavailable(const json_t *value)
{
    const char *why = json_string_value(json_object_get(value, "unavailable"));
    return why && why[0] != '\0';
}

static bool is_hex(const json_t *value)
{
    uint64_t number;
    return json_is_string(value) && mm_text_parse_hex(json_string_value(value), &number) == 0;
}

/* "2026-11-22T15:00:00Z" */
static bool is_utc(const json_t *value)
{
    static const char form[] = "0000-00-00T00:00:00Z";
    const char *text = json_string_value(value);
    if (!text || strlen(text) != sizeof(form) - 1)
        return false;
    for (size_t i = 0; form[i]; i++) {
        bool fits = form[i] == '0' ? isdigit((unsigned char)text[i]) != 0 : text[i] == form[i];
        if (!fits)
            return false;
    }
    return true;
}

static int check_text(struct checker *checker, const struct place *place, const json_t *value)
{
    return json_is_string(value) ? 0 : expected(checker, place, "text", value);
}

static int check_name(struct checker *checker, const struct place *place, const json_t *value)
{
    if (json_is_string(value) && json_string_length(value) > 0)
        return 0;
    return expected(checker, place, "text that is not empty", value);
}

static int check_text_or_null(struct checker *checker, const struct place *place,
                              const json_t *value)
{
    if (json_is_null(value) || json_is_string(value))
        return 0;
    return expected(checker, place, "text or null", value);
}

static int check_boolean(struct checker *checker, const struct place *place, const json_t *value)
{
    return json_is_boolean(value) ? 0 : expected(checker, place, "true or false", value);
}

static int check_natural(struct checker *checker, const struct place *place, const json_t *value)
{
    return is_natural(value) ? 0 : expected(checker, place, "a non-negative integer", value);
}

static int check_natural_or_null(struct checker *checker, const struct place *place,
                                 const json_t *value)
{
    if (json_is_null(value) || is_natural(value))
        return 0;
    return expected(checker, place, "a non-negative integer or null", value);
}

static int check_positive(struct checker *checker, const struct place *place, const json_t *value)
{
    if (is_natural(value) && json_integer_value(value) > 0)
        return 0;
    return expected(checker, place, "a positive integer", value);
}

static int check_hex(struct checker *checker, const struct place *place, const json_t *value)
{
    return is_hex(value) ? 0 : expected(checker, place, "hex text of 16 digits", value);
}

static int check_hex_or_null(struct checker *checker, const struct place *place,
                             const json_t *value)
{
    if (json_is_null(value) || is_hex(value))
        return 0;
    return expected(checker, place, "hex text of 16 digits or null", value);
}

static int check_utc(struct checker *checker, const struct place *place, const json_t *value)
{
    return is_utc(value) ? 0 : expected(checker, place, "a UTC time", value);
}

static int check_utc_or_null(struct checker *checker, const struct place *place,
                             const json_t *value)
{
    if (json_is_null(value) || is_utc(value))
        return 0;
    return expected(checker, place, "a UTC time or null", value);
}

static int check_metric(struct checker *checker, const struct place *place, const json_t *value)
{
    if (json_is_number(value) || is_unavailable(value))
        return 0;
    return expected(checker, place, "a number or {\"unavailable\": why}", value);
}

static int check_count_metric(struct checker *checker, const struct place *place,
                              const json_t *value)
{
    if ((json_is_number(value) && json_number_value(value) >= 0) || is_unavailable(value))
        return 0;
    return expected(checker, place, "a non-negative number or {\"unavailable\": why}", value);
}

static int check_natural_metric(struct checker *checker, const struct place *place,
                                const json_t *value)
{
    if (is_natural(value) || is_unavailable(value))
        return 0;
    return expected(checker, place, "a non-negative integer or {\"unavailable\": why}", value);
}

static int check_share_metric(struct checker *checker, const struct place *place,
                              const json_t *value)
{
    bool is_share =
        json_is_number(value) && json_number_value(value) >= 0 && json_number_value(value) <= 1;
    if (is_share || is_unavailable(value))
        return 0;
    return expected(checker, place, "a share from 0 to 1 or {\"unavailable\": why}", value);
}

static int check_text_fact(struct checker *checker, const struct place *place, const json_t *value)
{
    if (json_is_string(value) || is_unavailable(value))
        return 0;
    return expected(checker, place, "text or {\"unavailable\": why}", value);
}

static int check_boolean_fact(struct checker *checker, const struct place *place,
                              const json_t *value)
{
    if (json_is_boolean(value) || is_unavailable(value))
        return 0;
    return expected(checker, place, "true, false or {\"unavailable\": why}", value);
}

static int check_members(struct checker *checker, const struct place *place, const json_t *object,
                         const struct member *members, size_t count)
{
    if (!json_is_object(object))
        return expected(checker, place, "an object", object);
    for (size_t i = 0; i < count; i++) {
        const struct place inner = {place, members[i].name, 0};
        const json_t *value = json_object_get(object, members[i].name);
        if (!value && members[i].optional)
            continue;
        int result =
            value ? members[i].check(checker, &inner, value) : wrong(checker, &inner, "missing");
        if (result < 0)
            return result;
    }
    return 0;
}

/* An open map: any names, each value of the same form. */
static int check_map(struct checker *checker, const struct place *place, const json_t *object,
                     check_function *check)
{
    const char *name;
    json_t *value;
    if (!json_is_object(object))
        return expected(checker, place, "an object", object);
    json_object_foreach((json_t *)object, name, value)
    {
        const struct place inner = {place, name, 0};
        int result = check(checker, &inner, value);
        if (result < 0)
            return result;
    }
    return 0;
}

static int check_elements(struct checker *checker, const struct place *place, const json_t *array,
                          check_function *check)
{
    size_t index;
    const json_t *value;
    if (!json_is_array(array))
        return expected(checker, place, "an array", array);
    json_array_foreach(array, index, value)
    {
        const struct place inner = {place, NULL, index};
        int result = check(checker, &inner, value);
        if (result < 0)
            return result;
    }
    return 0;
}

/* Remembers name in seen; -EPROTO when it is there already. */
static int check_unique(struct checker *checker, const struct place *place, json_t *seen,
                        const char *name, const json_t *value)
{
    char line[PATH_BYTES];
    if (json_object_get(seen, name)) {
        snprintf(line, sizeof(line), "'%.200s' stands twice", name);
        return wrong(checker, place, line);
    }
    if (json_object_set(seen, name, (json_t *)value) != 0)
        return mm_error_set(checker->error, -ENOMEM, "out of memory while checking a record");
    return 0;
}

static int check_texts(struct checker *checker, const struct place *place, const json_t *value)
{
    return check_elements(checker, place, value, check_text);
}

static int check_naturals(struct checker *checker, const struct place *place, const json_t *value)
{
    return check_elements(checker, place, value, check_natural);
}

static int check_program(struct checker *checker, const struct place *place, const json_t *value)
{
    static const struct member members[] = {
        {"version", check_text, false},    {"revision", check_text, false},
        {"compiler", check_text, false},   {"flags", check_text, false},
        {"build_type", check_text, false}, {"digest", check_hex, true},
    };
    return check_members(checker, place, value, members, MM_COUNT_OF(members));
}

static int check_budget(struct checker *checker, const struct place *place, const json_t *value)
{
    static const struct member members[] = {
        {"budget_ns", check_positive, false},
        {"least_launches", check_natural, false},
        {"launches_dropped", check_natural, false},
    };
    return check_members(checker, place, value, members, MM_COUNT_OF(members));
}

static int check_run(struct checker *checker, const struct place *place, const json_t *value)
{
    static const struct member members[] = {
        {"id", check_name, false},
        {"suite", check_text, false},
        {"suite_path", check_text_or_null, false},
        {"purpose", check_text, false},
        {"command", check_texts, false},
        {"mapmeter", check_program, false},
        {"seed", check_hex, false},
        {"started_utc", check_utc, false},
        {"finished_utc", check_utc_or_null, false},
        {"interrupted", check_text_or_null, false},
        {"resumed", check_natural, false},
        {"budget", check_budget, true},
    };
    return check_members(checker, place, value, members, MM_COUNT_OF(members));
}

static int check_cpu_cache(struct checker *checker, const struct place *place, const json_t *value)
{
    static const struct member members[] = {
        {"level", check_natural, false},
        {"type", check_text, false},
        {"size_bytes", check_natural_metric, false},
    };
    return check_members(checker, place, value, members, MM_COUNT_OF(members));
}

static int check_cpu_caches(struct checker *checker, const struct place *place, const json_t *value)
{
    return is_unavailable(value) ? 0 : check_elements(checker, place, value, check_cpu_cache);
}

static int check_environment(struct checker *checker, const struct place *place,
                             const json_t *value)
{
    static const struct member members[] = {
        {"fingerprint", check_text_fact, false},
        {"hostname", check_text_fact, false},
        {"kernel", check_text_fact, false},
        {"architecture", check_text_fact, false},
        {"cpu_model", check_text_fact, false},
        {"cpus_online", check_natural_metric, false},
        {"cpus_allowed", check_natural_metric, false},
        {"caches", check_cpu_caches, false},
        {"virtualisation", check_text_fact, false},
        {"cold_means", check_text_fact, false},
        {"memory_bytes", check_natural_metric, false},
        {"memory_available_bytes", check_natural_metric, false},
        {"swap_bytes", check_natural_metric, false},
        {"memory_limit_bytes", check_natural_metric, false},
        {"page_bytes", check_natural_metric, false},
        {"huge_page_bytes", check_natural_metric, false},
        {"transparent_huge_pages", check_text_fact, false},
        {"aslr", check_natural_metric, false},
        {"governor", check_text_fact, false},
        {"perf_event_paranoid", check_metric, false}, /* -1 allows everything */
        {"clock_source", check_text_fact, false},
        {"clock_gettime_ns", check_count_metric, false},
        {"load_average_1m", check_count_metric, false},
        {"steal_share", check_share_metric, true}, /* known when the run ends */
        {"warnings", check_texts, true},           /* since noise is looked for */
        {"uid_is_root", check_boolean_fact, false},
    };
    return check_members(checker, place, value, members, MM_COUNT_OF(members));
}

static int check_file(struct checker *checker, const struct place *place, const json_t *value)
{
    static const struct member members[] = {
        {"id", check_name, false},
        {"path", check_text, false},
        {"generated", check_boolean, false},
        {"seed", check_hex_or_null, false},
        {"dtype", check_text, false},
        {"shape", check_naturals, false},
        {"fortran_order", check_boolean, false},
        {"offset_bytes", check_natural, false},
        {"size_bytes", check_natural, false},
    };
    static const struct member facts[] = {
        {"filesystem", check_text_fact, false},
        {"mount_options", check_text_fact, false},
        {"mount_point", check_text_fact, false},
        {"device", check_text_fact, false},
        {"read_ahead_bytes", check_natural_metric, false},
        {"rotational", check_boolean_fact, false},
        {"storage_fingerprint", check_text_fact, true}, /* younger than the others */
        {"extents", check_natural_metric, false},
        {"extents_unwritten", check_natural_metric, false},
    };
    int result = check_members(checker, place, value, members, MM_COUNT_OF(members));
    if (result < 0)
        return result;
    const struct place seed = {place, "seed", 0};
    if (json_is_true(json_object_get(value, "generated")) &&
        json_is_null(json_object_get(value, "seed")))
        return wrong(checker, &seed, "a generated file has one, found null");
    /* The file system is asked when the file has been made, which a run may not have come to. */
    if (json_object_get(value, "filesystem"))
        result = check_members(checker, place, value, facts, MM_COUNT_OF(facts));
    if (result < 0)
        return result;
    const struct place id = {place, "id", 0};
    return check_unique(checker, &id, checker->file_ids,
                        json_string_value(json_object_get(value, "id")), value);
}

/* One of the words, with the nearest of them for what was misspelled. */
static int check_word(const struct checker *checker, const struct place *place, const json_t *value,
                      const char *const *words, size_t count)
{
    const char *text = json_string_value(value);
    char suggestion[FOUND_BYTES];
    char line[3 * FOUND_BYTES];
    if (!text)
        return expected(checker, place, "text", value);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, words[i]) == 0)
            return 0;
    }
    snprintf(line, sizeof(line), "unknown word '%.60s'%s", text,
             mm_text_suggestion(text, words, count, suggestion, sizeof(suggestion)));
    return wrong(checker, place, line);
}

static int check_cache_word(struct checker *checker, const struct place *place, const json_t *value)
{
    static const char *const words[] = {"cold", "warm", "dirty", "pressure", "as-found"};
    return check_word(checker, place, value, words, MM_COUNT_OF(words));
}

static int check_parameters(struct checker *checker, const struct place *place, const json_t *value)
{
    return check_map(checker, place, value, check_text);
}

/* A whole command may work without a file, and has no checksum of its own. */
static bool is_command(const json_t *plan_case)
{
    const char *workload = json_string_value(json_object_get(plan_case, "workload"));
    return workload && strcmp(workload, "command") == 0;
}

static int check_case_file(struct checker *checker, const struct place *place, const json_t *value)
{
    const struct place file = {place, "file", 0};
    const json_t *id = json_object_get(value, "file");
    if (json_is_null(id)) {
        if (json_is_string(json_object_get(value, "skipped")) || is_command(value))
            return 0;
        return wrong(checker, &file, "null, but the case is not skipped");
    }
    if (json_object_get(checker->file_ids, json_string_value(id)))
        return 0;
    return expected(checker, &file, "the id of a file of this record", id);
}

static int check_stage(struct checker *checker, const struct place *place, const json_t *value)
{
    static const char *const words[] = {"fill", "steady"};
    return check_word(checker, place, value, words, MM_COUNT_OF(words));
}

static int check_pressure(struct checker *checker, const struct place *place, const json_t *value)
{
    static const struct member members[] = {
        {"memory_limit_bytes", check_natural, false},
        {"stage", check_stage, false},
    };
    return check_members(checker, place, value, members, MM_COUNT_OF(members));
}

static int check_counting_word(struct checker *checker, const struct place *place,
                               const json_t *value)
{
    static const char *const words[] = {"off"};
    return check_word(checker, place, value, words, MM_COUNT_OF(words));
}

static int check_measure(struct checker *checker, const struct place *place, const json_t *value)
{
    static const char *const words[] = {"throughput", "latency"};
    return check_word(checker, place, value, words, MM_COUNT_OF(words));
}

static int check_case(struct checker *checker, const struct place *place, const json_t *value)
{
    static const struct member members[] = {
        {"id", check_name, false},
        {"name", check_name, false},
        {"workload", check_name, false},
        {"engine", check_name, false},
        {"cache", check_cache_word, false},
        {"parameters", check_parameters, false},
        {"file", check_text_or_null, false},
        {"launches_planned", check_natural, false},
        {"samples_per_launch", check_natural, false},
        {"iterations", check_natural, false},
        {"warmup_passes", check_natural, false},
        {"processes", check_natural, false},
        {"writes", check_boolean, false},
        {"flushes", check_boolean, false},
        {"bytes_per_pass", check_natural, false},
        {"items_per_pass", check_natural, false},
        {"timeout_ns", check_natural, false},
        {"skipped", check_text_or_null, false},
        {"plugin", check_name, true},
        {"pressure", check_pressure, true},
        {"events", check_texts, true},
        {"counting", check_counting_word, true},
        {"measure", check_measure, true},
        {"rate", check_natural, true},
        {"interval_ns", check_natural, true},
    };
    const struct place id = {place, "id", 0};
    const struct place name = {place, "name", 0};
    int result = check_members(checker, place, value, members, MM_COUNT_OF(members));
    if (result == 0)
        result = check_case_file(checker, place, value);
    if (result == 0)
        result = check_unique(checker, &id, checker->case_ids,
                              json_string_value(json_object_get(value, "id")), value);
    if (result == 0)
        result = check_unique(checker, &name, checker->case_names,
                              json_string_value(json_object_get(value, "name")), value);
    return result;
}

static int check_limit(struct checker *checker, const struct place *place, const json_t *value)
{
    static const struct member members[] = {
        {"version", check_positive, false},
        {"limit_bytes", check_positive, false},
        {"peak_bytes", check_natural_metric, false},
        {"hits", check_natural_metric, false},
    };
    return check_members(checker, place, value, members, MM_COUNT_OF(members));
}

static int check_folios(struct checker *checker, const struct place *place, const json_t *value)
{
    return is_unavailable(value) ? 0 : check_map(checker, place, value, check_positive);
}

static int check_sample_cache(struct checker *checker, const struct place *place,
                              const json_t *value)
{
    static const struct member members[] = {
        {"requested", check_cache_word, false},
        {"method", check_text, false},
        {"rebuilt", check_boolean, true},
        {"resident_share_before", check_share_metric, false},
        {"dirty_bytes_before", check_natural_metric, false},
        {"writeback_bytes_before", check_natural_metric, false},
        {"resident_share_after", check_share_metric, false},
        {"limit", check_limit, true},   /* with pressure */
        {"folios", check_folios, true}, /* where the file was rebuilt */
    };
    return check_members(checker, place, value, members, MM_COUNT_OF(members));
}

static int check_counters(struct checker *checker, const struct place *place, const json_t *value)
{
    return check_map(checker, place, value, check_count_metric);
}

static int check_phase(struct checker *checker, const struct place *place, const json_t *value)
{
    static const struct member members[] = {
        {"elapsed_ns", check_natural, false},
        {"entries", check_natural, false},
        {"counters", check_counters, false},
    };
    return check_members(checker, place, value, members, MM_COUNT_OF(members));
}

static int check_phases(struct checker *checker, const struct place *place, const json_t *value)
{
    return check_map(checker, place, value, check_phase);
}

static int check_device(struct checker *checker, const struct place *place, const json_t *value)
{
    static const struct member members[] = {
        {"read_bytes", check_natural_metric, false},
        {"written_bytes", check_natural_metric, false},
    };
    return check_members(checker, place, value, members, MM_COUNT_OF(members));
}

static int check_machine(struct checker *checker, const struct place *place, const json_t *value)
{
    static const struct member members[] = {
        {"device_read_bytes", check_natural_metric, false},
        {"device_written_bytes", check_natural_metric, false},
        {"device_flushes", check_natural_metric, false},
        {"device_busy_ns", check_natural_metric, false},
        {"tlb_shootdowns", check_natural_metric, false},
    };
    return check_members(checker, place, value, members, MM_COUNT_OF(members));
}

static int check_peer(struct checker *checker, const struct place *place, const json_t *value)
{
    static const struct member members[] = {
        {"peer", check_natural, false}, {"start_skew_ns", check_metric, false},
        {"bytes", check_natural, true}, /* these two are not in records of 0.1 */
        {"items", check_natural, true}, {"phases", check_phases, false},
    };
    return check_members(checker, place, value, members, MM_COUNT_OF(members));
}

/* What the peers have moved is what the sample has moved. */
static int check_sum_of_peers(struct checker *checker, const struct place *place,
                              const json_t *sample, const char *name)
{
    const struct place peers = {place, "peers", 0};
    json_int_t sum = 0;
    size_t index;
    const json_t *peer;
    json_array_foreach(json_object_get(sample, "peers"), index, peer)
    {
        if (!json_object_get(peer, name))
            return 0;
        sum += json_integer_value(json_object_get(peer, name));
    }
    if (index > 0 && sum != json_integer_value(json_object_get(sample, name)))
        return wrong(checker, &peers, "their bytes or items are not those of the sample");
    return 0;
}

static int check_peers(struct checker *checker, const struct place *place, const json_t *value)
{
    return check_elements(checker, place, value, check_peer);
}

/* Natural numbers, as many as there are times. */
static int check_column_values(struct checker *checker, const struct place *place,
                               const json_t *value, size_t count)
{
    int result = check_naturals(checker, place, value);
    if (result == 0 && json_array_size(value) != count)
        result = wrong(checker, place, "has not as many values as 'elapsed_ns'");
    return result;
}

/* From one value to the next at least by least_step. */
static int check_ascent(struct checker *checker, const struct place *place, const json_t *values,
                        json_int_t least_step)
{
    for (size_t i = 1; i < json_array_size(values); i++) {
        const struct place inner = {place, NULL, i};
        json_int_t before = json_integer_value(json_array_get(values, i - 1));
        if (json_integer_value(json_array_get(values, i)) - before < least_step)
            return wrong(checker, &inner,
                         least_step ? "is not later than the point before" : "counts down");
    }
    return 0;
}

static int check_columns(struct checker *checker, const struct place *place, const json_t *value)
{
    static const struct {
        const char *name;
        bool counts_up;
    } columns[] = {
        {"bytes", true},
        {"items", true},
        {"minor_faults", true},
        {"major_faults", true},
        {"resident_bytes", false},
        {"dirty_bytes", false},
        {"writeback_bytes", false},
        {"device_read_bytes", true},
        {"device_written_bytes", true},
    };
    size_t count = json_array_size(json_object_get(value, "elapsed_ns"));
    int result = 0;
    for (size_t i = 0; i < MM_COUNT_OF(columns) && result == 0; i++) {
        const struct place inner = {place, columns[i].name, 0};
        const json_t *column = json_object_get(value, columns[i].name);
        if (is_unavailable(column))
            continue;
        result = check_column_values(checker, &inner, column, count);
        if (result == 0 && columns[i].counts_up)
            result = check_ascent(checker, &inner, column, 0);
    }
    return result;
}

static int check_series(struct checker *checker, const struct place *place, const json_t *value)
{
    static const struct member members[] = {
        {"interval_ns", check_positive, false},
        {"observer_ns", check_natural, false},
        {"elapsed_ns", check_naturals, false},
    };
    const struct place times = {place, "elapsed_ns", 0};
    int result = check_members(checker, place, value, members, MM_COUNT_OF(members));
    if (result == 0)
        result = check_ascent(checker, &times, json_object_get(value, "elapsed_ns"), 1);
    return result == 0 ? check_columns(checker, place, value) : result;
}

/* The series ends where the sample ends. */
static int check_end_of_series(struct checker *checker, const struct place *place,
                               const json_t *sample)
{
    const struct place series = {place, "series", 0};
    const struct place bytes = {&series, "bytes", 0};
    const json_t *column = json_object_get(json_object_get(sample, "series"), "bytes");
    size_t count = json_array_size(column);
    if (count > 0 &&
        !json_equal(json_array_get(column, count - 1), json_object_get(sample, "bytes")))
        return wrong(checker, &bytes, "does not end at the bytes of the sample");
    return 0;
}

static int check_reported(struct checker *checker, const struct place *place, const json_t *value)
{
    return check_map(checker, place, value, check_metric);
}

/* Unavailable for whole commands alone, which check_launch_case sees to. */
static int check_moved_bytes(struct checker *checker, const struct place *place,
                             const json_t *value)
{
    return is_unavailable(value) ? 0 : check_natural(checker, place, value);
}

/* The last three are of an open loop. */
static int check_operations(struct checker *checker, const struct place *place, const json_t *value)
{
    static const struct member members[] = {
        {"count", check_positive, false},      {"elapsed_ns", check_natural, false},
        {"late", check_natural, true},         {"queued", check_natural, true},
        {"most_late_ns", check_natural, true},
    };
    const struct place late = {place, "late", 0};
    int result = check_members(checker, place, value, members, MM_COUNT_OF(members));
    if (result == 0 && json_integer_value(json_object_get(value, "late")) >
                           json_integer_value(json_object_get(value, "count")))
        return wrong(checker, &late, "more operations than there were");
    return result;
}

static int check_sample(struct checker *checker, const struct place *place, const json_t *value)
{
    static const struct member members[] = {
        {"iterations", check_positive, false},
        {"elapsed_ns", check_natural, false},
        {"cpu_ns", check_natural_metric, false},
        {"bytes", check_moved_bytes, false},
        {"items", check_natural, false},
        {"cache", check_sample_cache, false},
        {"phases", check_phases, false},
        {"device", check_device, false},
        {"machine", check_machine, true}, /* records of 0.1 have none */
        {"peers", check_peers, true},
        {"operations", check_operations, true}, /* of cases that measure latency */
        {"series", check_series, true},
        {"checksum", check_hex, true},
        {"expected_checksum", check_hex, true},
        {"reported", check_reported, false},
    };
    /* Only a whole command moves what nobody knows, and proves nothing. */
    static const struct member proof[] = {
        {"checksum", check_hex, false},
        {"expected_checksum", check_hex, false},
    };
    int result = check_members(checker, place, value, members, MM_COUNT_OF(members));
    if (result == 0)
        result = check_end_of_series(checker, place, value);
    if (result == 0)
        result = check_sum_of_peers(checker, place, value, "bytes");
    if (result == 0)
        result = check_sum_of_peers(checker, place, value, "items");
    if (result < 0 || is_unavailable(json_object_get(value, "bytes")))
        return result;
    return check_members(checker, place, value, proof, MM_COUNT_OF(proof));
}

static int check_samples(struct checker *checker, const struct place *place, const json_t *value)
{
    return check_elements(checker, place, value, check_sample);
}

static int check_histogram(struct checker *checker, const struct place *place, const json_t *value)
{
    struct mm_histogram histogram;
    struct mm_error inner = {0};
    if (mm_histogram_from_json(value, &histogram, &inner) == 0)
        return 0;
    return wrong(checker, place, inner.text);
}

static int check_histograms(struct checker *checker, const struct place *place, const json_t *value)
{
    return check_map(checker, place, value, check_histogram);
}

static int check_quality(struct checker *checker, const struct place *place, const json_t *value)
{
    static const struct member members[] = {
        {"source", check_text, false},
        {"exclude_kernel", check_boolean, true},
        {"running_share", check_share_metric, true},
    };
    if (is_unavailable(value))
        return 0;
    return check_members(checker, place, value, members, MM_COUNT_OF(members));
}

static int check_counter_quality(struct checker *checker, const struct place *place,
                                 const json_t *value)
{
    return check_map(checker, place, value, check_quality);
}

static int check_open_object(struct checker *checker, const struct place *place,
                             const json_t *value)
{
    return json_is_object(value) ? 0 : expected(checker, place, "an object", value);
}

static int check_failure_kind(struct checker *checker, const struct place *place,
                              const json_t *value)
{
    static const char *const words[] = {"killed", "timeout",  "exited", "protocol",
                                        "error",  "checksum", "cache"};
    return check_word(checker, place, value, words, MM_COUNT_OF(words));
}

static int check_failure(struct checker *checker, const struct place *place, const json_t *value)
{
    static const struct member members[] = {
        {"kind", check_failure_kind, false},
        {"reason", check_name, false},
        {"signal", check_natural_or_null, true},
    };
    if (json_is_null(value))
        return 0;
    return check_members(checker, place, value, members, MM_COUNT_OF(members));
}

static int check_status(struct checker *checker, const struct place *place, const json_t *value)
{
    static const char *const words[] = {"ok", "failed"};
    return check_word(checker, place, value, words, MM_COUNT_OF(words));
}

/* What only a launch that went through has, and what only a failed one has. */
static int check_outcome(struct checker *checker, const struct place *place, const json_t *value)
{
    static const struct member closing[] = {
        {"counter_quality", check_counter_quality, false},
        {"effective", check_open_object, false},
    };
    const struct place failure = {place, "failure", 0};
    const struct place samples = {place, "samples", 0};
    bool is_ok = strcmp(json_string_value(json_object_get(value, "status")), "ok") == 0;
    bool has_failure = !json_is_null(json_object_get(value, "failure"));
    if (is_ok && has_failure)
        return wrong(checker, &failure, "must be null, because the status is 'ok'");
    if (!is_ok && !has_failure)
        return wrong(checker, &failure, "null, but the status is 'failed'");
    if (!is_ok)
        return 0;
    if (json_array_size(json_object_get(value, "samples")) == 0)
        return wrong(checker, &samples, "empty, but the status is 'ok'");
    return check_members(checker, place, value, closing, MM_COUNT_OF(closing));
}

static bool moves_unknown_bytes(const json_t *launch)
{
    size_t index;
    const json_t *sample;
    json_array_foreach(json_object_get(launch, "samples"), index, sample)
    {
        if (is_unavailable(json_object_get(sample, "bytes")))
            return true;
    }
    return false;
}

static int check_launch_case(struct checker *checker, const struct place *place,
                             const json_t *value)
{
    const struct place of_case = {place, "case", 0};
    const struct place of_index = {place, "index", 0};
    const json_t *id = json_object_get(value, "case");
    const json_t *planned = json_object_get(checker->case_ids, json_string_value(id));
    if (!planned)
        return expected(checker, &of_case, "the id of a case of this record", id);
    if (!json_is_null(json_object_get(planned, "skipped")))
        return wrong(checker, &of_case, "a case that was skipped has no launch");
    if (!is_command(planned) && moves_unknown_bytes(value))
        return wrong(checker, place, "only a command may leave open what a sample has moved");
    char *key = mm_text_format("%lld of case %s",
                               (long long)json_integer_value(json_object_get(value, "index")),
                               json_string_value(id));
    if (!key)
        return mm_error_set(checker->error, -ENOMEM, "out of memory while checking a record");
    int result = check_unique(checker, &of_index, checker->launch_keys, key, value);
    free(key);
    return result;
}

static int check_launch(struct checker *checker, const struct place *place, const json_t *value)
{
    static const struct member members[] = {
        {"case", check_name, false},
        {"index", check_natural, false},
        {"order", check_natural, false},
        {"seed", check_hex, false},
        {"started_ns", check_natural, false},
        {"elapsed_ns", check_natural, false},
        {"pid", check_natural_or_null, false},
        {"cpus_allowed", check_naturals, false},
        {"status", check_status, false},
        {"failure", check_failure, false},
        {"samples", check_samples, false},
        {"histograms", check_histograms, true},
        {"counter_quality", check_counter_quality, true},
        {"effective", check_open_object, true},
    };
    int result = check_members(checker, place, value, members, MM_COUNT_OF(members));
    if (result == 0)
        result = check_outcome(checker, place, value);
    if (result == 0)
        result = check_launch_case(checker, place, value);
    return result;
}

static int check_files(struct checker *checker, const struct place *place, const json_t *value)
{
    return check_elements(checker, place, value, check_file);
}

static int check_cases(struct checker *checker, const struct place *place, const json_t *value)
{
    return check_elements(checker, place, value, check_case);
}

static int check_launches(struct checker *checker, const struct place *place, const json_t *value)
{
    return check_elements(checker, place, value, check_launch);
}

static int check_schema(const json_t *root, struct mm_error *error)
{
    const json_t *schema = json_object_get(root, "schema");
    const char *name = json_string_value(json_object_get(schema, "name"));
    const json_t *version = json_object_get(schema, "version");
    if (!name || strcmp(name, MM_RECORD_SCHEMA_NAME) != 0)
        return mm_error_set(error, -EPROTO,
                            "schema.name: is not '%s', so this is no record of "
                            "mapmeter (give its results.json)",
                            MM_RECORD_SCHEMA_NAME);
    if (!json_is_integer(version) || json_integer_value(version) < 1)
        return mm_error_set(error, -EPROTO, "schema.version: expected a positive integer");
    if (json_integer_value(version) > MM_RECORD_SCHEMA_VERSION)
        return mm_error_set(error, -ENOTSUP,
                            "schema.version: %lld is newer than the %d that this mapmeter reads; "
                            "use a newer mapmeter",
                            (long long)json_integer_value(version), MM_RECORD_SCHEMA_VERSION);
    return 0;
}

int mm_record_check(const json_t *root, struct mm_error *error)
{
    /* Files before cases before launches: each refers to the one before it. */
    static const struct member members[] = {
        {"run", check_run, false},           {"environment", check_environment, false},
        {"files", check_files, false},       {"cases", check_cases, false},
        {"launches", check_launches, false},
    };
    int result = check_schema(root, error);
    if (result < 0)
        return result;
    struct checker checker = {
        .error = error,
        .file_ids = json_object(),
        .case_ids = json_object(),
        .case_names = json_object(),
        .launch_keys = json_object(),
    };
    if (checker.file_ids && checker.case_ids && checker.case_names && checker.launch_keys)
        result = check_members(&checker, NULL, root, members, MM_COUNT_OF(members));
    else
        result = mm_error_set(error, -ENOMEM, "out of memory while checking a record");
    json_decref(checker.file_ids);
    json_decref(checker.case_ids);
    json_decref(checker.case_names);
    json_decref(checker.launch_keys);
    return result;
}
