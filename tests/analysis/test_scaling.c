/* Cases that differ in their processes alone are one family; peers are told apart by their range.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report/emit.h"
#include "analysis/scaling.h"
#include "tests/support/synthetic_record.h"

static bool is_about(double value, double expected)
{
    return fabs(value - expected) < 1e-9 * (fabs(expected) + 1);
}

static void set_processes(json_t *plan_case, const char *lock, const char *processes)
{
    char name[256];
    snprintf(name, sizeof(name),
             "multiprocess/engine:mmap/cache:warm/lock:%s/processes:%s/size:1MiB", lock, processes);
    json_object_set_new(plan_case, "name", json_string(name));
    json_object_set_new(json_object_get(plan_case, "parameters"), "processes",
                        json_string(processes));
}

/* Four processes, which take a third of the time of one, and one more case with another lock. */
static struct mm_record *scaling_record(void)
{
    static const char *const workload[] = {"multiprocess"};
    static const char *const engines[] = {"mmap", "pread", "marray"};
    static const char *const cache[] = {"warm"};
    const struct synthetic_record_spec spec = {.workloads = workload,
                                               .workload_count = 1,
                                               .engines = engines,
                                               .engine_count = 3,
                                               .caches = cache,
                                               .cache_count = 1,
                                               .processes = 2};
    struct mm_record *record = synthetic_record(&spec);
    json_t *cases = mm_record_cases(record);
    set_processes(json_array_get(cases, 0), "none", "4");
    set_processes(json_array_get(cases, 1), "none", "1");
    set_processes(json_array_get(cases, 2), "range", "1");
    size_t position;
    json_t *launch;
    json_array_foreach(mm_record_launches(record), position, launch)
    {
        json_t *sample = json_array_get(json_object_get(launch, "samples"), 0);
        bool many = strcmp(json_string_value(json_object_get(launch, "case")), "c0") == 0;
        json_object_set_new(sample, "elapsed_ns", json_integer(many ? 1000000 : 3000000));
    }
    return record;
}

static struct mm_summary *summarise(const struct mm_record *record)
{
    struct mm_summary *summary = NULL;
    assert_int_equal(mm_summary_make(record, &summary, NULL), 0);
    return summary;
}

static void cases_that_differ_in_processes_alone_are_one_family(void **state)
{
    (void)state;
    struct mm_record *record = scaling_record();
    struct mm_summary *summary = summarise(record);
    struct mm_scaling scaling;
    assert_int_equal(mm_scaling_make(summary, &scaling), 0);
    assert_int_equal(scaling.count, 1);
    const struct mm_scaling_family *family = &scaling.families[0];
    assert_string_equal(family->name, "multiprocess/engine:mmap/cache:warm/lock:none/size:1MiB");
    assert_int_equal(family->count, 2);
    assert_int_equal(family->points[0].processes, 1);
    assert_true(is_about(family->points[0].speed_up, 1));
    assert_int_equal(family->points[1].processes, 4);
    assert_true(is_about(family->points[1].speed_up, 3));
    assert_true(is_about(family->points[1].efficiency, 0.75));
    mm_scaling_release(&scaling);
    mm_summary_free(summary);
    mm_record_free(record);
}

static void a_case_without_a_good_launch_is_in_no_family(void **state)
{
    (void)state;
    struct mm_record *record = scaling_record();
    size_t position;
    json_t *launch;
    json_array_foreach(mm_record_launches(record), position, launch)
    {
        if (strcmp(json_string_value(json_object_get(launch, "case")), "c0") == 0) {
            json_object_set_new(launch, "status", json_string("failed"));
        }
    }
    struct mm_summary *summary = summarise(record);
    struct mm_scaling scaling;
    assert_int_equal(mm_scaling_make(summary, &scaling), 0);
    assert_int_equal(scaling.count, 0);
    mm_scaling_release(&scaling);
    mm_summary_free(summary);
    mm_record_free(record);
}

static void the_table_of_a_terminal_shows_the_speed_up(void **state)
{
    (void)state;
    struct mm_record *record = scaling_record();
    struct mm_summary *summary = summarise(record);
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    struct mm_findings findings;
    assert_int_equal(mm_findings_make(summary, &findings), 0);
    mm_text_write(stream, summary, &findings, false);
    mm_findings_release(&findings);
    fclose(stream);
    assert_non_null(strstr(text, "lock:none/size:1MiB: 4: 3.00 (1: 1)\n"));
    assert_null(strstr(text, "lock:range/size:1MiB:"));
    free(text);
    mm_summary_free(summary);
    mm_record_free(record);
}

static void peers_are_told_by_the_least_and_the_most_of_them(void **state)
{
    (void)state;
    struct mm_record *record = scaling_record();
    json_t *sample = json_array_get(
        json_object_get(json_array_get(mm_record_launches(record), 0), "samples"), 0);
    json_t *peer = json_array_get(json_object_get(sample, "peers"), 1);
    json_t *touch = json_object_get(json_object_get(peer, "phases"), "touch");
    json_object_set_new(touch, "elapsed_ns", json_integer(7));
    json_object_set_new(json_object_get(touch, "counters"), "minor_faults", json_integer(100000));
    json_object_set_new(peer, "start_skew_ns", json_integer(123456789));
    const char *id =
        json_string_value(json_object_get(json_array_get(mm_record_launches(record), 0), "case"));
    struct mm_summary *summary = summarise(record);
    const struct mm_peer_spread *peers = &summary->cases[strtoul(id + 1, NULL, 10)].peers;
    assert_int_equal(peers->processes, 2);
    assert_true(peers->elapsed_ns.known);
    assert_true(is_about(peers->elapsed_ns.least, 7));
    assert_true(peers->faults.most >= 100000 && peers->faults.least < 100000);
    assert_true(is_about(peers->start_skew_ns.least, 0));
    assert_true(is_about(peers->start_skew_ns.most, 123456789));
    json_object_del(peer, "bytes");
    mm_summary_free(summary);
    summary = summarise(record);
    assert_false(summary->cases[strtoul(id + 1, NULL, 10)].peers.bytes.known);
    mm_summary_free(summary);
    mm_record_free(record);
}

static void faults_per_page_and_the_readers_beside_follow_from_the_record(void **state)
{
    (void)state;
    struct mm_record *record = scaling_record();
    size_t position;
    json_t *launch;
    json_object_set_new(mm_record_environment(record), "page_bytes", json_integer(4096));
    json_array_foreach(mm_record_launches(record), position, launch)
    {
        json_t *sample = json_array_get(json_object_get(launch, "samples"), 0);
        json_t *touch = json_object_get(json_object_get(sample, "phases"), "touch");
        json_t *counters = json_object_get(touch, "counters");
        json_object_set_new(sample, "bytes", json_integer(40960));
        json_object_set_new(counters, "minor_faults", json_integer(4));
        json_object_set_new(counters, "major_faults", json_integer(1));
        json_object_set_new(sample, "device",
                            json_pack("{s:i, s:i}", "read_bytes", 1024, "written_bytes", 0));
        json_object_set_new(sample, "machine",
                            json_pack("{s:i, s:i, s:i, s:i, s:{s:s}}", "device_read_bytes", 3072,
                                      "device_written_bytes", 0, "device_flushes", 0,
                                      "device_busy_ns", 1000, "tlb_shootdowns", "unavailable",
                                      "no such line"));
    }
    struct mm_summary *summary = summarise(record);
    const struct mm_summary_case *one = &summary->cases[0];
    assert_true(is_about(one->faults_per_page.median, 0.5));
    assert_true(is_about(one->bytes_per_fault.median, 8192));
    assert_string_equal(one->machine.items[0].value, "3.00 KiB");
    assert_string_equal(one->machine.items[1].name, "of these by others");
    assert_string_equal(one->machine.items[1].value, "2.00 KiB");
    assert_string_equal(one->machine.items[5].value, "unavailable: no such line");
    mm_summary_free(summary);
    mm_record_free(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_that_differ_in_processes_alone_are_one_family),
        cmocka_unit_test(a_case_without_a_good_launch_is_in_no_family),
        cmocka_unit_test(the_table_of_a_terminal_shows_the_speed_up),
        cmocka_unit_test(peers_are_told_by_the_least_and_the_most_of_them),
        cmocka_unit_test(faults_per_page_and_the_readers_beside_follow_from_the_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
