/* Saving, loading and searching records; damaged files never load. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/random.h"
#include "common/text.h"
#include "results/record.h"
#include "tests/support/folder.h"
#include "tests/support/synthetic_record.h"

#define CUT_STEP      61
#define DAMAGED_BYTES 600
#define DEEP_BRACKETS 200000

static int make_place(void **state)
{
    *state = mm_test_place_make("record", "results.json");
    return *state ? 0 : -1;
}

static int remove_place(void **state)
{
    return mm_test_place_remove(*state);
}

static void write_file(const char *path, const char *bytes, size_t size)
{
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, size, stream), size);
    assert_int_equal(fclose(stream), 0);
}

static char *read_file(const char *path, size_t *size)
{
    char *bytes = NULL;
    assert_int_equal(mm_file_read(path, (size_t)1 << 30, &bytes, size, NULL), 0);
    return bytes;
}

static struct mm_record *small_record(void)
{
    static const char *const one_workload[] = {"sequential"};
    const struct synthetic_record_spec spec = {
        .workloads = one_workload,
        .workload_count = 1,
        .launches = 2,
        .flushes = true,
        .processes = 2,
    };
    return synthetic_record(&spec);
}

/* Loading these bytes fails with code and leaves the output alone; the line is in *error. */
static void assert_refused(const struct mm_test_place *place, const char *bytes, size_t size,
                           int code, struct mm_error *error)
{
    struct mm_record *untouched = (struct mm_record *)0x1;
    struct mm_record *record = untouched;
    memset(error, 0, sizeof(*error));
    write_file(place->file, bytes, size);
    assert_int_equal(mm_record_load(place->file, &record, error), code);
    assert_ptr_equal(record, untouched);
    assert_int_equal(error->code, code);
    assert_non_null(strstr(error->text, place->file));
}

static void assert_text_refused(const struct mm_test_place *place, const char *text, int code,
                                const char *line)
{
    struct mm_error error;
    assert_refused(place, text, strlen(text), code, &error);
    assert_non_null(strstr(error.text, line));
}

static void a_saved_record_loads_as_the_same_bytes(void **state)
{
    const struct mm_test_place *place = *state;
    const struct synthetic_record_spec spec = {.noise = 0.1,
                                               .flushes = true,
                                               .failed_every = 3,
                                               .skipped_cases = 2,
                                               .no_counters = true,
                                               .samples = 2,
                                               .hostile_names = true};
    struct mm_record *record = synthetic_record(&spec);
    struct mm_record *loaded = NULL;
    struct mm_error error = {0};
    size_t first_size;
    size_t second_size;
    assert_int_equal(mm_record_save(record, place->file, &error), 0);
    char *first = read_file(place->file, &first_size);
    assert_int_equal(mm_record_load(place->file, &loaded, &error), 0);
    assert_int_equal(mm_record_save(loaded, place->file, &error), 0);
    char *second = read_file(place->file, &second_size);
    assert_int_equal(first_size, second_size);
    assert_memory_equal(first, second, first_size);
    assert_int_equal(first[first_size - 1], '\n');
    free(first);
    free(second);
    mm_record_free(record);
    mm_record_free(loaded);
}

static void a_folder_stands_for_the_record_inside(void **state)
{
    const struct mm_test_place *place = *state;
    struct mm_record *record = small_record();
    struct mm_record *loaded = NULL;
    assert_int_equal(mm_record_save(record, place->file, NULL), 0);
    assert_int_equal(mm_record_load(place->folder, &loaded, NULL), 0);
    mm_record_free(loaded);
    mm_record_free(record);
}

static void a_missing_record_is_named(void **state)
{
    const struct mm_test_place *place = *state;
    struct mm_record *record = NULL;
    struct mm_error error = {0};
    assert_int_equal(mm_record_load(place->folder, &record, &error), -ENOENT);
    assert_non_null(strstr(error.text, "results.json"));
    assert_int_equal(mm_record_load("/nonexistent/record.json", &record, &error), -ENOENT);
    assert_non_null(strstr(error.text, "/nonexistent/record.json"));
    assert_null(record);
}

static void the_record_of_an_interrupted_run_loads(void **state)
{
    const struct mm_test_place *place = *state;
    const struct synthetic_record_spec spec = {.interrupted = true};
    struct mm_record *record = synthetic_record(&spec);
    struct mm_record *loaded = NULL;
    struct mm_error error = {0};
    size_t planned = 6 * json_array_size(mm_record_cases(record));
    assert_int_equal(mm_record_save(record, place->file, &error), 0);
    assert_int_equal(mm_record_load(place->file, &loaded, &error), 0);
    assert_true(json_array_size(mm_record_launches(loaded)) < planned);
    assert_string_equal(json_string_value(json_object_get(mm_record_run(loaded), "interrupted")),
                        "SIGINT");
    mm_record_free(record);
    mm_record_free(loaded);
}

static size_t line_at(const char *bytes, size_t size)
{
    size_t line = 1;
    for (size_t i = 0; i < size; i++)
        line += bytes[i] == '\n';
    return line;
}

static void a_record_cut_anywhere_is_refused_with_line_and_column(void **state)
{
    const struct mm_test_place *place = *state;
    char where[32];
    struct mm_record *record = small_record();
    struct mm_error error;
    size_t size;
    assert_int_equal(mm_record_save(record, place->file, NULL), 0);
    char *bytes = read_file(place->file, &size);
    /* Without its last byte, the newline, the record is still whole. */
    for (size_t cut = 1; cut<size - 1; cut += size - cut> 2 * CUT_STEP ? CUT_STEP : 1) {
        assert_refused(place, bytes, cut, -EBADMSG, &error);
        snprintf(where, sizeof(where), ":%zu:", line_at(bytes, cut));
        const char *numbers = error.text + strlen(place->file);
        assert_memory_equal(numbers, where, strlen(where));
        assert_true(isdigit((unsigned char)numbers[strlen(where)]));
        assert_non_null(strstr(error.text, "cut off"));
    }
    assert_refused(place, bytes, 0, -EBADMSG, &error);
    assert_non_null(strstr(error.text, "empty"));
    free(bytes);
    mm_record_free(record);
}

/* Whatever one damaged byte makes of a record, loading ends in an error or in a record that a
 * second check accepts. */
static void a_damaged_record_never_gets_past_the_check(void **state)
{
    const struct mm_test_place *place = *state;
    struct mm_record *record = small_record();
    struct mm_random random;
    size_t size;
    int refused = 0;
    assert_int_equal(mm_record_save(record, place->file, NULL), 0);
    char *bytes = read_file(place->file, &size);
    mm_random_seed(&random, 5);
    for (int i = 0; i < DAMAGED_BYTES; i++) {
        size_t at = (size_t)mm_random_below(&random, size);
        char kept = bytes[at];
        struct mm_record *loaded = NULL;
        struct mm_error error = {0};
        bytes[at] = (char)mm_random_next(&random);
        write_file(place->file, bytes, size);
        int result = mm_record_load(place->file, &loaded, &error);
        if (result == 0)
            assert_int_equal(mm_record_validate(loaded, &error), 0);
        else
            refused++;
        assert_true(result == 0 || result == -EBADMSG || result == -EPROTO || result == -ENOTSUP);
        mm_record_free(loaded);
        bytes[at] = kept;
    }
    assert_true(refused > DAMAGED_BYTES / 2);
    free(bytes);
    mm_record_free(record);
}

static void deep_nesting_is_refused(void **state)
{
    const struct mm_test_place *place = *state;
    char *deep = malloc(DEEP_BRACKETS);
    struct mm_error error;
    assert_non_null(deep);
    memset(deep, '[', DEEP_BRACKETS);
    assert_refused(place, deep, DEEP_BRACKETS, -EBADMSG, &error);
    free(deep);
}

static void what_is_no_record_is_refused(void **state)
{
    const struct mm_test_place *place = *state;
    assert_text_refused(place, "not JSON", -EBADMSG, ":1:");
    assert_text_refused(place, "{\"a\": 1, \"a\": 2}", -EBADMSG, "duplicate");
    assert_text_refused(place, "{\"a\": \"\\u0000\"}", -EBADMSG, ":1:");
    assert_text_refused(place, "{\"a\": \"\xff\"}", -EBADMSG, ":1:");
    assert_text_refused(place, "{\"a\": 99999999999999999999}", -EBADMSG, ":1:");
    assert_text_refused(place, "{}{}", -EBADMSG, ":1:");
    assert_text_refused(place, "[]", -EPROTO, "schema.name");
    assert_text_refused(place, "{}", -EPROTO, "schema.name");
    assert_text_refused(place, "{\"context\": {}, \"benchmarks\": []}", -EPROTO,
                        "no record of mapmeter");
    assert_text_refused(place, "{\"schema\": {\"name\": \"mapmeter.record\", \"version\": \"1\"}}",
                        -EPROTO, "schema.version");
    assert_text_refused(place, "{\"schema\": {\"name\": \"mapmeter.record\", \"version\": 1}}",
                        -EPROTO, "run: missing");
}

/* The version is looked at before the form, which only the newer program knows. */
static void a_newer_schema_is_refused_as_such(void **state)
{
    const struct mm_test_place *place = *state;
    assert_text_refused(place,
                        "{\"schema\": {\"name\": \"mapmeter.record\", \"version\": 2}, \"run\": 7}",
                        -ENOTSUP, "schema.version: 2 is newer than the 1");
}

static void unknown_members_are_kept(void **state)
{
    const struct mm_test_place *place = *state;
    struct mm_record *record = small_record();
    struct mm_record *loaded = NULL;
    json_t *launch = json_array_get(mm_record_launches(record), 0);
    json_object_set_new(launch, "folio_histogram", json_pack("{s:i}", "order_9", 3));
    assert_int_equal(mm_record_save(record, place->file, NULL), 0);
    assert_int_equal(mm_record_load(place->file, &loaded, NULL), 0);
    launch = json_array_get(mm_record_launches(loaded), 0);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(launch, "folio_histogram"), "order_9")),
        3);
    mm_record_free(record);
    mm_record_free(loaded);
}

static void a_record_that_cannot_be_written_leaves_the_old_one(void **state)
{
    const struct mm_test_place *place = *state;
    struct mm_record *record = small_record();
    struct mm_error error = {0};
    assert_true(mm_record_save(record, "/nonexistent/results.json", &error) < 0);
    assert_non_null(strstr(error.text, "/nonexistent/results.json"));
    assert_int_equal(access(place->file, F_OK), -1);
    mm_record_free(record);
}

static void a_new_record_is_empty_and_whole(void **state)
{
    (void)state;
    struct mm_record *record = mm_record_new();
    assert_non_null(record);
    assert_true(json_is_object(mm_record_run(record)));
    assert_true(json_is_object(mm_record_environment(record)));
    assert_int_equal(json_array_size(mm_record_files(record)), 0);
    assert_true(json_is_array(mm_record_files(record)));
    assert_true(json_is_array(mm_record_cases(record)));
    assert_true(json_is_array(mm_record_launches(record)));
    mm_record_free(record);
    mm_record_free(NULL);
}

static void a_metric_is_a_number_or_says_why_not(void **state)
{
    (void)state;
    json_t *holder = json_pack("{s:i, s:f, s:o, s:n}", "whole", 3, "real", 0.5, "missing_counter",
                               mm_record_unavailable("no PMU"), "nothing");
    double value = -1;
    const char *why = NULL;
    assert_true(mm_record_metric(holder, "whole", &value, &why));
    assert_true(value == 3.0);
    assert_true(mm_record_metric(holder, "real", &value, NULL));
    assert_true(value == 0.5);
    assert_false(mm_record_metric(holder, "missing_counter", &value, &why));
    assert_string_equal(why, "no PMU");
    assert_false(mm_record_metric(holder, "absent", &value, &why));
    assert_string_equal(why, "not recorded");
    assert_false(mm_record_metric(holder, "nothing", &value, &why));
    assert_string_equal(why, "not recorded");
    assert_false(mm_record_metric(NULL, "absent", &value, NULL));
    assert_true(value == 0.5);
    json_decref(holder);
}

static void a_case_is_found_by_its_id(void **state)
{
    (void)state;
    struct mm_record *record = small_record();
    const json_t *found = mm_record_case(record, "c1");
    assert_non_null(found);
    assert_string_equal(json_string_value(json_object_get(found, "id")), "c1");
    assert_null(mm_record_case(record, "c99"));
    assert_null(mm_record_case(record, ""));
    mm_record_free(record);
}

static json_int_t index_of(const json_t *launch)
{
    return json_integer_value(json_object_get(launch, "index"));
}

static void assert_good_launches(const struct mm_record *record, const json_int_t *indices,
                                 size_t count)
{
    const json_t **launches = NULL;
    size_t found = 0;
    assert_int_equal(mm_record_good_launch_count(record, "c1"), count);
    assert_int_equal(mm_record_good_launches(record, "c1", &launches, &found), 0);
    assert_int_equal(found, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(index_of(mm_record_good_launch(record, "c1", i)), indices[i]);
        assert_ptr_equal(mm_record_good_launch(record, "c1", i), launches[i]);
    }
    assert_null(mm_record_good_launch(record, "c1", count));
    assert_null(mm_record_good_launch(record, "c1", SIZE_MAX));
    free(launches);
}

static void good_launches_come_in_the_order_of_their_index(void **state)
{
    (void)state;
    static const json_int_t ascending[] = {0, 1, 3, 4, 6};
    const struct synthetic_record_spec spec = {.launches = 7, .failed_every = 3};
    struct mm_record *record = synthetic_record(&spec);
    json_t *launches = mm_record_launches(record);
    struct mm_random random;
    assert_good_launches(record, ascending, MM_COUNT_OF(ascending));
    mm_random_seed(&random, 6);
    for (int round = 0; round < 20; round++) {
        size_t from = (size_t)mm_random_below(&random, json_array_size(launches));
        json_t *moved = json_incref(json_array_get(launches, from));
        json_array_remove(launches, from);
        json_array_insert_new(launches, 0, moved);
        assert_good_launches(record, ascending, MM_COUNT_OF(ascending));
    }
    mm_record_free(record);
}

static void a_case_without_good_launches_has_none(void **state)
{
    (void)state;
    const struct synthetic_record_spec spec = {.failed_every = 1};
    struct mm_record *record = synthetic_record(&spec);
    assert_good_launches(record, NULL, 0);
    assert_int_equal(mm_record_good_launch_count(record, "no such case"), 0);
    mm_record_free(record);
}

/* The records that are kept in the tree were written by real runs, some by older versions. */
static void every_sample_record_loads(void **state)
{
    (void)state;
    const char *source = getenv("MAPMETER_SOURCE_DIR");
    char *folder = mm_file_join(source ? source : ".", "results/samples");
    DIR *samples = opendir(folder);
    size_t loaded = 0;
    for (const struct dirent *entry = samples ? readdir(samples) : NULL; entry;
         entry = readdir(samples)) {
        struct mm_record *record = NULL;
        struct mm_error error = {0};
        size_t length = strlen(entry->d_name);
        if (length < 5 || strcmp(entry->d_name + length - 5, ".json") != 0)
            continue;
        char *path = mm_file_join(folder, entry->d_name);
        if (mm_record_load(path, &record, &error) != 0)
            fail_msg("%s", error.text);
        mm_record_free(record);
        free(path);
        loaded++;
    }
    if (samples)
        closedir(samples);
    free(folder);
    if (loaded == 0) {
        print_message("no record in results/samples\n");
        skip();
    }
}

#define test_with_files(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_files(a_saved_record_loads_as_the_same_bytes),
        test_with_files(a_folder_stands_for_the_record_inside),
        test_with_files(a_missing_record_is_named),
        test_with_files(the_record_of_an_interrupted_run_loads),
        test_with_files(a_record_cut_anywhere_is_refused_with_line_and_column),
        test_with_files(a_damaged_record_never_gets_past_the_check),
        test_with_files(deep_nesting_is_refused),
        test_with_files(what_is_no_record_is_refused),
        test_with_files(a_newer_schema_is_refused_as_such),
        test_with_files(unknown_members_are_kept),
        test_with_files(a_record_that_cannot_be_written_leaves_the_old_one),
        cmocka_unit_test(a_new_record_is_empty_and_whole),
        cmocka_unit_test(a_metric_is_a_number_or_says_why_not),
        cmocka_unit_test(a_case_is_found_by_its_id),
        cmocka_unit_test(good_launches_come_in_the_order_of_their_index),
        cmocka_unit_test(a_case_without_good_launches_has_none),
        cmocka_unit_test(every_sample_record_loads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
