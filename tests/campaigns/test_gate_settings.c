/* The gate's settings and waivers: what is read, and what is refused with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "harness/campaigns/gate_settings.h"
#include "harness/campaigns/gate_waivers.h"

#define TODAY "2026-11-24"

/* A file with this text; its name is static. */
static const char *file_of(const char *text)
{
    static char path[64];

    snprintf(path, sizeof(path), "/tmp/mapmeter-gate-XXXXXX");
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, strlen(text)), strlen(text));
    close(descriptor);
    return path;
}

static int load(const char *text, struct mm_gate_settings *settings, struct mm_error *error)
{
    const char *path = file_of(text);

    mm_gate_settings_defaults(settings);
    int code = mm_gate_settings_load(path, settings, error);
    unlink(path);
    return code;
}

static void the_defaults_make_sense(void **state)
{
    (void)state;
    struct mm_gate_settings settings;
    struct mm_error error = {0};

    mm_gate_settings_defaults(&settings);
    assert_int_equal(mm_gate_settings_check(&settings, &error), 0);
    assert_true(settings.metrics[MM_GATE_TIME].on);
}

static void every_key_changes_its_number(void **state)
{
    (void)state;
    struct mm_gate_settings settings;
    struct mm_error error = {0};
    static const char text[] = "pairs: 40\n"
                               "first-look: 10\n"
                               "extended: 80\n"
                               "futility: 30%\n"
                               "level: 1%\n"
                               "first-share: 3/4\n"
                               "correction: holm\n"
                               "coverage: 99%\n"
                               "power: 90%\n"
                               "slices: 5\n"
                               "slice: 20ms\n"
                               "launch: 500ms\n"
                               "steal: 10%\n"
                               "allowed-inconclusive: 20%\n"
                               "inconclusive: pass\n"
                               "metrics:\n"
                               "  time: {margin: 2%, minimum: 3%, target: 8%, slack: 100ns}\n"
                               "  minor_faults: {slack: 64}\n"
                               "  read_bytes: {slack: 2MiB}\n"
                               "  major_faults: off\n"
                               "  flush_p99: on\n";

    if (load(text, &settings, &error) < 0) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(settings.verdict.pairs, 40);
    assert_int_equal(settings.first_look, 10);
    assert_int_equal(settings.extended, 80);
    assert_true(fabs(settings.verdict.futility - 0.3) < 1e-12);
    assert_true(fabs(settings.verdict.level - 0.01) < 1e-12);
    assert_true(fabs(settings.verdict.first_share - 0.75) < 1e-12);
    assert_true(settings.verdict.holm);
    assert_true(fabs(settings.verdict.coverage - 0.99) < 1e-12);
    assert_true(fabs(settings.verdict.power - 0.9) < 1e-12);
    assert_int_equal(settings.slices, 5);
    assert_int_equal(settings.slice_ns, 20000000);
    assert_int_equal(settings.launch_ns, 500000000);
    assert_true(fabs(settings.steal - 0.1) < 1e-12);
    assert_true(fabs(settings.allowed_inconclusive - 0.2) < 1e-12);
    assert_int_equal(settings.inconclusive, MM_GATE_INCONCLUSIVE_PASS);
    assert_true(fabs(settings.metrics[MM_GATE_TIME].rule.margin - 0.02) < 1e-12);
    assert_true(fabs(settings.metrics[MM_GATE_TIME].rule.minimum_effect - 0.03) < 1e-12);
    assert_true(fabs(settings.metrics[MM_GATE_TIME].rule.target - 0.08) < 1e-12);
    assert_true(fabs(settings.metrics[MM_GATE_TIME].slack - 100) < 1e-12);
    assert_true(fabs(settings.metrics[MM_GATE_MINOR_FAULTS].slack - 64) < 1e-12);
    assert_true(fabs(settings.metrics[MM_GATE_READ_BYTES].slack - 2097152) < 1e-6);
    assert_false(settings.metrics[MM_GATE_MAJOR_FAULTS].on);
    assert_true(settings.metrics[MM_GATE_FLUSH_P99].on);
}

static void what_is_wrong_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *said;
    } wrong[] = {
        {"pair: 30\n", ":1: unknown key 'pair' in the gate's settings, did you mean 'pairs'?"},
        {"level: 1%\npairs: 5\n", ":2: 'pairs': '5' is not a whole number from 6 to 500"},
        {"slices: 0\n", ":1: 'slices': '0' is not a whole number from 1 to 100"},
        {"steal: much\n", ":1: 'steal': 'much' is not a share"},
        {"slice: 5s\n", ":1: 'slice': '5s' is not a time from 100us to 1s"},
        {"correction: none\n", "none of benjamini-hochberg and holm"},
        {"inconclusive: maybe\n", "none of exit3, pass and fail"},
        {"pairs: [1, 2]\n", "'pairs': takes one value"},
        {"metrics: {tme: off}\n", "unknown key 'tme' in metrics, did you mean 'time'?"},
        {"metrics: {time: {slack: 5}}\n", "'5' is not a time such as 10us"},
        {"metrics: {time: {margn: 5%}}\n", "did you mean 'margin'?"},
        {"metrics: {time: 5%}\n", "must be keys with values"},
        {"metrics: {time: {margin: 9%}}\n", "must not fall"},
        {"first-look: 40\n", "must not fall"},
        {"level: 0\n", "must lie above 0"},
        {"benchmarks: a\n", ":1: 'benchmarks' takes a list"},
        {"benchmarks:\n- name: a\n", ":2: 'benchmarks': an entry needs a name"},
        {"benchmarks:\n- metrics: {time: off}\n", "an entry needs a name"},
        {"benchmarks:\n- nam: a\n  metrics: {time: off}\n", ":2: unknown key 'nam' in an entry"},
        {"benchmarks:\n- name: a\n  metrics: {tme: off}\n", ":3: unknown key 'tme' in metrics"},
        {"benchmarks:\n- name: a\n  metrics: {time: off}\n- name: a\n  metrics: {time: on}\n",
         ":4: 'a' has rules already, at "},
        {"benchmarks:\n- name: a\n  metrics:\n    time: {target: 1%}\n",
         ":2: 'a': metric 'time': margin 1 %, minimum 2 % and target 1 % must not fall"},
    };
    struct mm_gate_settings settings;

    for (size_t i = 0; i < MM_COUNT_OF(wrong); i++) {
        struct mm_error error = {0};
        assert_int_equal(load(wrong[i].text, &settings, &error), -EINVAL);
        if (strstr(error.text, wrong[i].said) == NULL) {
            fail_msg("said '%s', wanted '%s'", error.text, wrong[i].said);
        }
        mm_gate_settings_release(&settings);
    }
}

static double target_of(const struct mm_gate_settings *settings, const char *name)
{
    return mm_gate_settings_metrics(settings, name)[MM_GATE_TIME].rule.target;
}

/* What stands for all is below it, wherever in the file that is. */
static void a_benchmark_has_the_rules_of_the_first_entry_that_fits_it(void **state)
{
    (void)state;
    struct mm_gate_settings settings;
    struct mm_error error = {0};
    static const char text[] = "benchmarks:\n"
                               "  - name: random/engine:mmap\n"
                               "    metrics: {time: {target: 20%}}\n"
                               "  - name: random/*size:1MiB\n"
                               "    metrics: {time: {target: 30%}, minor_faults: off}\n"
                               "  - name: \"command [a]\"\n"
                               "    metrics: {time: {target: 40%}}\n"
                               "metrics: {time: {margin: 3%, minimum: 4%, target: 10%}}\n";

    if (load(text, &settings, &error) < 0) {
        fail_msg("%s", error.text);
    }
    assert_true(fabs(target_of(&settings, "random/engine:mmap") - 0.2) < 1e-12);
    assert_true(fabs(target_of(&settings, "random/engine:mmap/size:1MiB") - 0.3) < 1e-12);
    assert_true(fabs(target_of(&settings, "random/engine:mmap/size:2MiB") - 0.1) < 1e-12);
    /* A name is a name, also where it would be a pattern of others. */
    assert_true(fabs(target_of(&settings, "command [a]") - 0.4) < 1e-12);
    assert_true(fabs(target_of(&settings, "sequential") - 0.1) < 1e-12);
    const struct mm_gate_metric_settings *metrics =
        mm_gate_settings_metrics(&settings, "random/a/b/size:1MiB");
    assert_true(fabs(metrics[MM_GATE_TIME].rule.margin - 0.03) < 1e-12);
    assert_false(metrics[MM_GATE_MINOR_FAULTS].on);
    assert_true(settings.metrics[MM_GATE_MINOR_FAULTS].on);
    mm_gate_settings_release(&settings);
}

static int load_waivers(const char *text, struct mm_gate_waivers *waivers, struct mm_error *error)
{
    const char *path = file_of(text);

    int code = mm_gate_waivers_load(path, TODAY, waivers, error);
    unlink(path);
    return code;
}

static void waivers_are_found_by_their_exact_name_and_metric(void **state)
{
    (void)state;
    struct mm_gate_waivers waivers;
    struct mm_error error = {0};
    static const char text[] = "# accepted for the new index\n"
                               "\n"
                               "random/engine:mmap | time | 8% | 2026-11-24 | checks | and more\n"
                               "random/engine:mmap|minor_faults|1250%|2026-11-23|until yesterday";

    if (load_waivers(text, &waivers, &error) < 0) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(waivers.count, 2);
    const struct mm_gate_waiver *found =
        mm_gate_waivers_find(&waivers, "random/engine:mmap", MM_GATE_TIME);
    assert_non_null(found);
    assert_false(found->expired);
    assert_true(fabs(found->ceiling - 0.08) < 1e-12);
    assert_string_equal(found->reason, "checks | and more");
    assert_int_equal(found->line, 3);
    found = mm_gate_waivers_find(&waivers, "random/engine:mmap", MM_GATE_MINOR_FAULTS);
    assert_true(found->expired);
    assert_true(fabs(found->ceiling - 12.5) < 1e-12);
    assert_null(mm_gate_waivers_find(&waivers, "random/engine:mma", MM_GATE_TIME));
    assert_null(mm_gate_waivers_find(&waivers, "random/engine:mmap", MM_GATE_READ_BYTES));
    mm_gate_waivers_release(&waivers);
}

static void waivers_of_another_form_are_refused_with_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *said;
    } wrong[] = {
        {"a | time | 8% | 2026-12-31\n", ":1: a waiver is"},
        {"\na | time | 8% | 2026-12-31 | \n", ":2: a field of the waiver is empty"},
        {"a | tmie | 8% | 2026-12-31 | why\n", "unknown metric 'tmie', did you mean 'time'?"},
        {"a | time | lots | 2026-12-31 | why\n", "the ceiling 'lots' is not a share"},
        {"a | time | 8% | 2026-13-01 | why\n", "'2026-13-01' is not a day"},
        {"a | time | 8% | soon | why\n", "'soon' is not a day"},
        {"a | time | 8% | 2026-12-31 | why\na | time | 9% | 2026-12-31 | why\n",
         ":2: the same benchmark and metric as in line 1"},
    };

    for (size_t i = 0; i < MM_COUNT_OF(wrong); i++) {
        struct mm_error error = {0};
        struct mm_gate_waivers waivers;
        assert_int_equal(load_waivers(wrong[i].text, &waivers, &error), -EINVAL);
        if (strstr(error.text, wrong[i].said) == NULL) {
            fail_msg("said '%s', wanted '%s'", error.text, wrong[i].said);
        }
    }
}

static void a_file_of_waivers_that_is_missing_is_an_error(void **state)
{
    (void)state;
    struct mm_error error = {0};
    struct mm_gate_waivers waivers;

    assert_int_equal(mm_gate_waivers_load("/nonexistent/waivers", TODAY, &waivers, &error),
                     -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_make_sense),
        cmocka_unit_test(every_key_changes_its_number),
        cmocka_unit_test(what_is_wrong_is_refused_with_its_line),
        cmocka_unit_test(a_benchmark_has_the_rules_of_the_first_entry_that_fits_it),
        cmocka_unit_test(waivers_are_found_by_their_exact_name_and_metric),
        cmocka_unit_test(waivers_of_another_form_are_refused_with_their_line),
        cmocka_unit_test(a_file_of_waivers_that_is_missing_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
