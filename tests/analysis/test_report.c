/* The table for a terminal, to the letter, and folders that cannot be written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/report/report.h"
#include "analysis/summary.h"
#include "common/file.h"
#include "common/text.h"
#include "tests/support/folder.h"
#include "tests/support/synthetic_record.h"

static char *table_of(const struct synthetic_record_spec *spec, bool colour)
{
    struct mm_record *record = synthetic_record(spec);
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    assert_int_equal(mm_report_text(record, stream, colour, NULL), 0);
    assert_int_equal(fclose(stream), 0);
    mm_record_free(record);
    return text;
}

/* MAPMETER_BLESS=1 writes what is found as what is expected, to be looked at in the diff. */
static void assert_golden(const char *found, const char *name)
{
    const char *source = getenv("MAPMETER_SOURCE_DIR");
    if (!source) {
        print_message("MAPMETER_SOURCE_DIR is not set: run this through ctest\n");
        skip();
    }
    char *path = mm_text_format("%s/tests/analysis/golden/%s", source, name);
    char *expected;
    size_t size;
    if (getenv("MAPMETER_BLESS")) {
        assert_int_equal(mm_file_replace(path, found, strlen(found), NULL), 0);
    }
    assert_int_equal(mm_file_read(path, 1 << 20, &expected, &size, NULL), 0);
    assert_string_equal(found, expected);
    free(expected);
    free(path);
}

static void the_table_of_a_whole_run_is_as_it_was(void **state)
{
    (void)state;
    char *table = table_of(&(struct synthetic_record_spec){.noise = 0.05, .flushes = true}, false);
    assert_golden(table, "whole.txt");
    free(table);
}

static void the_table_of_a_troubled_run_is_as_it_was(void **state)
{
    (void)state;
    char *table = table_of(&(struct synthetic_record_spec){.noise = 0.05,
                                                           .launches = 9,
                                                           .failed_every = 4,
                                                           .skipped_cases = 1,
                                                           .interrupted = true,
                                                           .no_counters = true},
                           false);
    assert_golden(table, "troubled.txt");
    free(table);
}

static void the_table_of_latencies_is_as_it_was(void **state)
{
    (void)state;
    char *table = table_of(
        &(struct synthetic_record_spec){
            .noise = 0.05, .latency = true, .rate = 5000, .skipped_cases = 1, .flushes = true},
        false);
    assert_golden(table, "latency.txt");
    free(table);
}

static void a_rate_that_was_not_kept_is_said_below_the_table(void **state)
{
    (void)state;
    char *table = table_of(
        &(struct synthetic_record_spec){.latency = true, .rate = 5000, .kept_share = 0.5}, false);
    assert_non_null(strstr(table, " 2500 of 5000/s "));
    assert_non_null(strstr(table, "RATE NOT KEPT, 2500 of 5000/s: sequential/engine:marray/"));
    free(table);
    table = table_of(&(struct synthetic_record_spec){.latency = true, .rate = 5000}, false);
    assert_null(strstr(table, "RATE NOT KEPT"));
    free(table);
    table = table_of(&(struct synthetic_record_spec){.latency = true}, false);
    assert_non_null(strstr(table, " closed "));
    assert_null(strstr(table, "throughput"));
    free(table);
}

static void colour_adds_sequences_and_no_words(void **state)
{
    (void)state;
    const struct synthetic_record_spec spec = {.failed_every = 2, .skipped_cases = 1};
    char *plain = table_of(&spec, false);
    char *coloured = table_of(&spec, true);
    assert_null(strchr(plain, '\033'));
    assert_non_null(strchr(coloured, '\033'));
    char *to = coloured;
    for (const char *from = coloured; *from; from++) {
        if (*from == '\033') {
            from = strchr(from, 'm');
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    assert_string_equal(coloured, plain);
    free(plain);
    free(coloured);
}

static void a_table_for_a_full_device_is_an_error(void **state)
{
    (void)state;
    struct mm_record *record = synthetic_record(&(struct synthetic_record_spec){0});
    struct mm_error error;
    FILE *stream = fopen("/dev/full", "w");
    assert_non_null(stream);
    assert_int_equal(mm_report_text(record, stream, false, &error), -EIO);
    fclose(stream);
    mm_record_free(record);
}

static void a_folder_that_is_a_file_is_an_error_that_names_it(void **state)
{
    (void)state;
    struct mm_record *record = synthetic_record(&(struct synthetic_record_spec){0});
    char path[] = "/var/tmp/mapmeter-report-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
    struct mm_error error;
    assert_true(mm_report_write(record, path, NULL, &error) < 0);
    assert_non_null(strstr(error.text, path));
    unlink(path);
    mm_record_free(record);
}

static void only_what_is_asked_for_is_written(void **state)
{
    (void)state;
    struct mm_record *record = synthetic_record(&(struct synthetic_record_spec){0});
    char folder[] = "/var/tmp/mapmeter-report-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *raw = mm_file_join(folder, "results.json");
    char *summary = mm_file_join(folder, "summary.md");
    char *text;
    size_t size;
    assert_int_equal(mm_record_save(record, raw, NULL), 0);
    const struct mm_report_options options = {.markdown = true};
    assert_int_equal(mm_report_write(record, folder, &options, NULL), 0);
    assert_int_equal(mm_file_read(summary, 1 << 20, &text, &size, NULL), 0);
    assert_non_null(strstr(text, "[results.json](results.json)"));
    assert_null(strstr(text, "plots/"));
    free(text);
    assert_int_equal(unlink(raw), 0);
    assert_int_equal(unlink(summary), 0);
    assert_int_equal(rmdir(folder), 0);
    free(raw);
    free(summary);
    mm_record_free(record);
}

/* Each latency of each case, with all its values. */
static void latencies_are_written_for_percentile_plotters(void **state)
{
    (void)state;
    const struct synthetic_record_spec spec = {.noise = 0.05, .flushes = true, .latency = true};
    static const char *const names[] = {"touch", "lock", "flush"};
    struct mm_record *record = synthetic_record(&spec);
    char folder[] = "/var/tmp/mapmeter-report-XXXXXX";
    assert_non_null(mkdtemp(folder));
    const struct mm_report_options options = {.plots = true};
    assert_int_equal(mm_report_write(record, folder, &options, NULL), 0);
    struct mm_summary *summary;
    assert_int_equal(mm_summary_make(record, &summary, NULL), 0);
    assert_true(summary->case_count > 0);
    for (size_t i = 0; i < summary->case_count * MM_COUNT_OF(names); i++) {
        const struct mm_summary_case *one = &summary->cases[i / MM_COUNT_OF(names)];
        const char *name = names[i % MM_COUNT_OF(names)];
        char *path = mm_text_format("%s/plots/%s_ns-%s.hgrm", folder, name, one->id);
        char *text = NULL;
        size_t size;
        assert_int_equal(mm_file_read(path, 1 << 20, &text, &size, NULL), 0);
        const struct mm_histogram *histogram = mm_latencies_find(&one->latencies, name);
        assert_non_null(histogram);
        char *total =
            mm_text_format("Total count    = %12llu]", (unsigned long long)histogram->count);
        assert_non_null(strstr(text, "1/(1-Percentile)"));
        assert_non_null(strstr(text, total));
        free(total);
        free(text);
        free(path);
    }
    mm_summary_free(summary);
    assert_int_equal(mm_test_remove_folder(folder), 0);
    mm_record_free(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_of_a_whole_run_is_as_it_was),
        cmocka_unit_test(the_table_of_a_troubled_run_is_as_it_was),
        cmocka_unit_test(the_table_of_latencies_is_as_it_was),
        cmocka_unit_test(a_rate_that_was_not_kept_is_said_below_the_table),
        cmocka_unit_test(colour_adds_sequences_and_no_words),
        cmocka_unit_test(a_table_for_a_full_device_is_an_error),
        cmocka_unit_test(a_folder_that_is_a_file_is_an_error_that_names_it),
        cmocka_unit_test(only_what_is_asked_for_is_written),
        cmocka_unit_test(latencies_are_written_for_percentile_plotters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
