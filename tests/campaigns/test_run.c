/* A run measures everything that was planned, once, and its record says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "harness/campaigns/run.h"
#include "harness/worker.h"
#include "tests/harness/data_folder.h"
#include "tests/support/folder.h"

#define LAUNCHES 3

struct fixture {
    char folder[DATA_FOLDER_BYTES];
    char data[DATA_FOLDER_BYTES + 8];
    char out[DATA_FOLDER_BYTES + 8];
    struct mm_plan *plan;
};

/* What the progress has told. */
struct told {
    size_t launches;
    size_t failures;
    size_t phases;
    size_t total;
    uint64_t left_ns;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    if (fixture == NULL || !data_folder_make(fixture->folder)) {
        free(fixture);
        return -1;
    }
    snprintf(fixture->data, sizeof(fixture->data), "%s/data", fixture->folder);
    snprintf(fixture->out, sizeof(fixture->out), "%s/out", fixture->folder);
    *state = fixture;
    return mm_file_make_folders(fixture->out, NULL);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    mm_plan_free(fixture->plan);
    int left = mm_test_remove_folder(fixture->folder);
    free(fixture);
    return left;
}

/* Sequential on two engines, cold and warm; memory has no cold, so one case of four is skipped. */
static void plan(struct fixture *fixture)
{
    static const char *const workloads[] = {"sequential"};
    static const char *const engines[] = {"mmap", "memory"};
    static const char *const caches[] = {"cold", "warm"};
    const struct mm_plan_request request = {
        .workloads = workloads,
        .workload_count = MM_COUNT_OF(workloads),
        .engines = engines,
        .engine_count = MM_COUNT_OF(engines),
        .caches = caches,
        .cache_count = MM_COUNT_OF(caches),
        .data_folder = fixture->data,
        .size = "1MiB",
        .launches = LAUNCHES,
        .has_seed = true,
        .seed = 42,
    };
    struct mm_error error = {0};

    if (mm_plan_make(&request, &fixture->plan, &error) < 0) {
        fail_msg("%s", error.text);
    }
}

static void told_launch(void *context, size_t done, size_t total, uint64_t left_ns,
                        const char *case_name, const char *failure_or_null)
{
    struct told *told = context;

    told->launches++;
    assert_int_equal(done, told->launches);
    assert_non_null(case_name);
    told->failures += failure_or_null != NULL;
    told->total = total;
    told->left_ns = left_ns;
}

static void told_phase(void *context, const char *text)
{
    struct told *told = context;

    assert_non_null(text);
    told->phases++;
}

static int run(const struct fixture *fixture, const char *worker, struct told *told,
               struct mm_record **record, struct mm_error *error)
{
    static const char *const command[] = {"mapmeter", "run"};
    const struct mm_run_progress progress = {
        .context = told,
        .launch = told_launch,
        .phase = told_phase,
    };
    const struct mm_run_request request = {
        .plan = fixture->plan,
        .command = command,
        .command_count = MM_COUNT_OF(command),
        .out_folder = fixture->out,
        .worker_binary = worker,
        .progress = &progress,
    };

    memset(told, 0, sizeof(*told));
    return mm_run(&request, record, error);
}

static struct mm_record *run_well(const struct fixture *fixture, struct told *told)
{
    struct mm_record *record = NULL;
    struct mm_error error = {0};

    if (run(fixture, NULL, told, &record, &error) < 0) {
        fail_msg("%s", error.text);
    }
    return record;
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void every_planned_launch_is_made_once_and_succeeds(void **state)
{
    struct fixture *fixture = *state;
    struct told told;
    bool made[4][LAUNCHES] = {{false}};

    plan(fixture);
    assert_int_equal(fixture->plan->case_count, 4);
    struct mm_record *record = run_well(fixture, &told);
    const json_t *launches = mm_record_launches(record);
    assert_int_equal(json_array_size(launches), 3 * LAUNCHES);
    for (size_t i = 0; i < json_array_size(launches); i++) {
        const json_t *launch = json_array_get(launches, i);
        size_t index = (size_t)json_integer_value(json_object_get(launch, "index"));
        size_t of_case = (size_t)(text_of(launch, "case")[1] - '0');
        assert_string_equal(text_of(launch, "status"), "ok");
        assert_int_equal(json_integer_value(json_object_get(launch, "order")), i);
        assert_in_range(of_case, 0, 3);
        assert_in_range(index, 0, LAUNCHES - 1);
        assert_false(made[of_case][index]);
        assert_null(fixture->plan->cases[of_case].skip_reason);
        made[of_case][index] = true;
    }
    mm_record_free(record);
}

static void every_launch_has_a_seed_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    struct told told;

    plan(fixture);
    struct mm_record *record = run_well(fixture, &told);
    const json_t *launches = mm_record_launches(record);
    for (size_t i = 0; i < json_array_size(launches); i++) {
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(text_of(json_array_get(launches, i), "seed"),
                                    text_of(json_array_get(launches, j), "seed"));
        }
    }
    mm_record_free(record);
}

static void a_run_with_the_same_seed_is_the_same_run(void **state)
{
    struct fixture *fixture = *state;
    struct told told;

    plan(fixture);
    struct mm_record *first = run_well(fixture, &told);
    struct mm_record *second = run_well(fixture, &told);
    for (size_t i = 0; i < 3 * LAUNCHES; i++) {
        const json_t *one = json_array_get(mm_record_launches(first), i);
        const json_t *other = json_array_get(mm_record_launches(second), i);
        assert_string_equal(text_of(one, "case"), text_of(other, "case"));
        assert_string_equal(text_of(one, "seed"), text_of(other, "seed"));
    }
    assert_string_not_equal(text_of(mm_record_run(first), "id"),
                            text_of(mm_record_run(second), "id"));
    mm_record_free(first);
    mm_record_free(second);
}

static void the_saved_record_is_the_one_that_is_returned(void **state)
{
    struct fixture *fixture = *state;
    struct told told;
    struct mm_record *loaded = NULL;
    struct mm_error error = {0};

    plan(fixture);
    struct mm_record *record = run_well(fixture, &told);
    if (mm_record_load(fixture->out, &loaded, &error) < 0) {
        fail_msg("%s", error.text);
    }
    assert_true(json_equal(mm_record_run(record), mm_record_run(loaded)));
    assert_true(json_equal(mm_record_files(record), mm_record_files(loaded)));
    assert_true(json_equal(mm_record_cases(record), mm_record_cases(loaded)));
    assert_int_equal(json_array_size(mm_record_launches(record)),
                     json_array_size(mm_record_launches(loaded)));
    assert_true(json_is_null(json_object_get(mm_record_run(loaded), "interrupted")));
    assert_true(json_is_string(json_object_get(mm_record_run(loaded), "finished_utc")));
    assert_non_null(json_object_get(json_array_get(mm_record_files(loaded), 0), "filesystem"));
    mm_record_free(loaded);
    mm_record_free(record);
}

static void cold_launches_start_from_an_empty_cache(void **state)
{
    struct fixture *fixture = *state;
    struct told told;
    size_t cold = 0;

    plan(fixture);
    struct mm_record *record = run_well(fixture, &told);
    for (size_t i = 0; i < 3 * LAUNCHES; i++) {
        const json_t *launch = json_array_get(mm_record_launches(record), i);
        const json_t *sample = json_array_get(json_object_get(launch, "samples"), 0);
        const json_t *cache = json_object_get(sample, "cache");
        if (strcmp(text_of(cache, "requested"), "cold") != 0) {
            continue;
        }
        cold++;
        if (strcmp(text_of(cache, "method"), "device-bytes") != 0) {
            const json_t *share = json_object_get(cache, "resident_share_before");
            assert_true(json_is_number(share));
            assert_true(json_number_value(share) <= 0.01);
        }
    }
    assert_int_equal(cold, LAUNCHES);
    mm_record_free(record);
}

static void progress_is_told_until_nothing_is_left(void **state)
{
    struct fixture *fixture = *state;
    struct told told;

    plan(fixture);
    mm_record_free(run_well(fixture, &told));
    assert_int_equal(told.launches, 3 * LAUNCHES);
    assert_int_equal(told.total, 3 * LAUNCHES);
    assert_int_equal(told.failures, 0);
    assert_int_equal(told.left_ns, 0);
    assert_true(told.phases > 0);
}

static void workers_that_cannot_start_are_failed_launches(void **state)
{
    struct fixture *fixture = *state;
    struct told told;
    struct mm_record *record = NULL;

    plan(fixture);
    assert_int_equal(run(fixture, "/nonexistent/mapmeter", &told, &record, NULL), 0);
    assert_int_equal(told.failures, 3 * LAUNCHES);
    const json_t *launch = json_array_get(mm_record_launches(record), 0);
    assert_string_equal(text_of(launch, "status"), "failed");
    assert_string_equal(text_of(json_object_get(launch, "failure"), "kind"), "exited");
    mm_record_free(record);
}

static void data_files_that_cannot_be_made_end_the_run(void **state)
{
    struct fixture *fixture = *state;
    struct told told;
    struct mm_record *record = NULL;
    struct mm_error error = {0};

    plan(fixture);
    FILE *stream = fopen(fixture->data, "we");
    assert_non_null(stream);
    fclose(stream);
    assert_true(run(fixture, NULL, &told, &record, &error) < 0);
    assert_null(record);
    assert_non_null(strstr(error.text, fixture->data));
    assert_int_equal(told.launches, 0);
}

static void a_folder_that_is_gone_ends_the_run(void **state)
{
    struct fixture *fixture = *state;
    struct told told;
    struct mm_record *record = NULL;
    struct mm_error error = {0};

    plan(fixture);
    assert_int_equal(rmdir(fixture->out), 0);
    assert_true(run(fixture, NULL, &told, &record, &error) < 0);
    assert_null(record);
    assert_non_null(strstr(error.text, fixture->out));
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(int argc, char **argv)
{
    char folder[DATA_FOLDER_BYTES];
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(every_planned_launch_is_made_once_and_succeeds),
        WITH_FOLDER(every_launch_has_a_seed_of_its_own),
        WITH_FOLDER(a_run_with_the_same_seed_is_the_same_run),
        WITH_FOLDER(the_saved_record_is_the_one_that_is_returned),
        WITH_FOLDER(cold_launches_start_from_an_empty_cache),
        WITH_FOLDER(progress_is_told_until_nothing_is_left),
        WITH_FOLDER(workers_that_cannot_start_are_failed_launches),
        WITH_FOLDER(data_files_that_cannot_be_made_end_the_run),
        WITH_FOLDER(a_folder_that_is_gone_ends_the_run),
    };

    if (argc == 4 && strcmp(argv[1], "worker") == 0) {
        return mm_worker_serve(atoi(argv[3]));
    }
    if (!data_folder_make(folder)) {
        puts("SKIP: no folder on a disk to be had; set TMPDIR to one");
        return 77;
    }
    rmdir(folder);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
