/* Which engine a record recommends, and how sure it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "analysis/choices.h"
#include "analysis/report/emit.h"
#include "common/text.h"
#include "tests/support/synthetic_record.h"

struct fixture {
    struct mm_record *record;
    struct mm_summary *summary;
    struct mm_choices choices;
};

static struct fixture choose(struct mm_record *record)
{
    struct fixture fixture = {.record = record};
    assert_int_equal(mm_summary_make(record, &fixture.summary, NULL), 0);
    assert_int_equal(mm_choices_make(fixture.summary, &fixture.choices), 0);
    return fixture;
}

static void release(struct fixture *fixture)
{
    mm_choices_release(&fixture->choices);
    mm_summary_free(fixture->summary);
    mm_record_free(fixture->record);
}

static void assert_phrase(const struct mm_choice *choice, const char *part)
{
    char *text = mm_phrase_choice(choice);
    assert_non_null(text);
    if (!strstr(text, part)) {
        fail_msg("'%s' is not in: %s", part, text);
    }
    free(text);
}

static void every_work_and_cache_state_has_a_choice(void **state)
{
    (void)state;
    struct fixture fixture =
        choose(synthetic_record(&(struct synthetic_record_spec){.launches = 12}));
    assert_int_equal(fixture.choices.count, 4);
    for (size_t i = 0; i < fixture.choices.count; i++) {
        const struct mm_choice *choice = &fixture.choices.items[i];
        assert_string_equal(choice->best->engine, "marray");
        assert_string_equal(choice->next->engine, "pread");
        assert_null(choice->map);
        assert_true(choice->over_next.ratio > 1.199 && choice->over_next.ratio < 1.201);
        assert_true(choice->over_next.has_interval);
        assert_int_equal(choice->certainty, MM_CERTAINTY_SURE);
        assert_phrase(choice, "1.20 times as fast as pread (95 % interval 1.20 to 1.20, 12 and 12 "
                              "launches); sure");
    }
    assert_string_equal(fixture.choices.items[0].best->cache, "cold");
    assert_string_equal(fixture.choices.items[1].best->cache, "warm");
    release(&fixture);
}

static void six_launches_a_side_are_enough_for_likely_alone(void **state)
{
    (void)state;
    struct fixture fixture =
        choose(synthetic_record(&(struct synthetic_record_spec){.launches = 6}));
    assert_int_equal(fixture.choices.items[0].certainty, MM_CERTAINTY_LIKELY);
    assert_phrase(&fixture.choices.items[0], "(interval 1.20 to 1.20 (93.8 %), 6 and 6 launches)");
    release(&fixture);
}

static void an_interval_that_reaches_one_leaves_the_choice_open(void **state)
{
    (void)state;
    struct fixture fixture = choose(
        synthetic_record(&(struct synthetic_record_spec){.launches = 12, .noise = 0.6, .seed = 1}));
    const struct mm_choice *choice = &fixture.choices.items[0];
    assert_true(choice->over_next.interval.low < 1);
    assert_int_equal(choice->certainty, MM_CERTAINTY_OPEN);
    assert_phrase(choice, "cold sequential: no engine is reliably faster; ");
    release(&fixture);
}

static void fewer_launches_than_an_interval_needs_rank_nothing(void **state)
{
    (void)state;
    struct fixture fixture =
        choose(synthetic_record(&(struct synthetic_record_spec){.launches = 5}));
    char text[MM_PHRASE_BYTES];
    assert_int_equal(fixture.choices.items[0].certainty, MM_CERTAINTY_FEW);
    assert_false(fixture.choices.items[0].over_next.has_interval);
    assert_string_equal(mm_phrase_certainty(&fixture.choices.items[0], text),
                        "too few launches: 5 of the 6 needed");
    release(&fixture);
}

/* The third engine has too few good launches: nothing is known of it, so nothing is sure. */
static void an_engine_with_few_launches_keeps_the_choice_from_being_sure(void **state)
{
    (void)state;
    static const char *const engines[] = {"marray", "pread", "direct"};
    struct mm_record *record = synthetic_record(
        &(struct synthetic_record_spec){.launches = 12, .engines = engines, .engine_count = 3});
    size_t kept = 0;
    size_t index;
    json_t *launch;
    json_array_foreach(mm_record_launches(record), index, launch)
    {
        const char *id = json_string_value(json_object_get(launch, "case"));
        if (strcmp(id, "c4") == 0 && kept++ >= 3) {
            json_object_set_new(launch, "status", json_string("failed"));
        }
    }
    struct fixture fixture = choose(record);
    assert_string_equal(fixture.choices.items[0].next->engine, "pread");
    assert_int_equal(fixture.choices.items[0].certainty, MM_CERTAINTY_FEW);
    assert_int_equal(fixture.choices.items[1].certainty, MM_CERTAINTY_SURE);
    release(&fixture);
}

static void the_bare_map_is_named_beside_the_next_engine(void **state)
{
    (void)state;
    static const char *const engines[] = {"marray", "pread", "mmap"};
    struct fixture fixture = choose(synthetic_record(
        &(struct synthetic_record_spec){.launches = 12, .engines = engines, .engine_count = 3}));
    const struct mm_choice *choice = &fixture.choices.items[0];
    assert_string_equal(choice->map->engine, "mmap");
    assert_true(choice->over_map.ratio > 1.399 && choice->over_map.ratio < 1.401);
    assert_phrase(choice, " and 1.40 times as fast as the bare map (mmap) (95 % interval ");
    release(&fixture);
}

static void the_allocated_array_is_a_ceiling_and_never_chosen(void **state)
{
    (void)state;
    static const char *const engines[] = {"memory", "pread"};
    struct fixture fixture = choose(
        synthetic_record(&(struct synthetic_record_spec){.engines = engines, .engine_count = 2}));
    assert_int_equal(fixture.choices.count, 4);
    assert_string_equal(fixture.choices.items[0].best->engine, "pread");
    assert_null(fixture.choices.items[0].next);
    assert_int_equal(fixture.choices.items[0].certainty, MM_CERTAINTY_ALONE);
    release(&fixture);
    fixture = choose(
        synthetic_record(&(struct synthetic_record_spec){.engines = engines, .engine_count = 1}));
    assert_int_equal(fixture.choices.count, 0);
    release(&fixture);
}

static void latency_and_failures_choose_nothing(void **state)
{
    (void)state;
    struct fixture fixture =
        choose(synthetic_record(&(struct synthetic_record_spec){.latency = true}));
    assert_int_equal(fixture.choices.count, 0);
    release(&fixture);
    fixture = choose(synthetic_record(&(struct synthetic_record_spec){.failed_every = 1}));
    assert_int_equal(fixture.choices.count, 0);
    release(&fixture);
}

static void the_time_of_the_device_and_of_flushes_is_told_where_it_is_known(void **state)
{
    (void)state;
    struct mm_record *record =
        synthetic_record(&(struct synthetic_record_spec){.launches = 6, .flushes = true});
    size_t index;
    json_t *launch;
    json_array_foreach(mm_record_launches(record), index, launch)
    {
        json_t *sample = json_array_get(json_object_get(launch, "samples"), 0);
        double elapsed = json_number_value(json_object_get(sample, "elapsed_ns"));
        json_object_set_new(sample, "machine",
                            json_pack("{s:I}", "device_busy_ns", (json_int_t)(elapsed / 4)));
    }
    struct fixture fixture = choose(record);
    const struct mm_summary_case *best = fixture.choices.items[0].best;
    char text[MM_PHRASE_BYTES];
    assert_true(best->device_share.median > 0.249 && best->device_share.median < 0.251);
    mm_phrase_time(best, text);
    assert_non_null(strstr(text, "device busy 25 % of the time, "));
    assert_non_null(strstr(text, " % in flushes, "));
    assert_non_null(strstr(text, " faults a page"));
    assert_phrase(&fixture.choices.items[0], "; device busy 25 % of the time");
    release(&fixture);
}

static void a_device_that_was_busier_than_the_passes_took_counts_as_busy_all_the_time(void **state)
{
    (void)state;
    struct mm_record *record = synthetic_record(&(struct synthetic_record_spec){.launches = 1});
    json_t *launch = json_array_get(mm_record_launches(record), 0);
    json_object_set_new(json_array_get(json_object_get(launch, "samples"), 0), "machine",
                        json_pack("{s:I}", "device_busy_ns", (json_int_t)1000000000000));
    struct fixture fixture = choose(record);
    assert_true(fixture.summary->cases[0].device_share.median == 1);
    assert_int_equal(fixture.summary->cases[1].device_share.count, 0);
    release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_work_and_cache_state_has_a_choice),
        cmocka_unit_test(six_launches_a_side_are_enough_for_likely_alone),
        cmocka_unit_test(an_interval_that_reaches_one_leaves_the_choice_open),
        cmocka_unit_test(fewer_launches_than_an_interval_needs_rank_nothing),
        cmocka_unit_test(an_engine_with_few_launches_keeps_the_choice_from_being_sure),
        cmocka_unit_test(the_bare_map_is_named_beside_the_next_engine),
        cmocka_unit_test(the_allocated_array_is_a_ceiling_and_never_chosen),
        cmocka_unit_test(latency_and_failures_choose_nothing),
        cmocka_unit_test(the_time_of_the_device_and_of_flushes_is_told_where_it_is_known),
        cmocka_unit_test(a_device_that_was_busier_than_the_passes_took_counts_as_busy_all_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
