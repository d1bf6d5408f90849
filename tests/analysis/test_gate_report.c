/* Reports of a gate, with names that mean something in every language that is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report/gate_report.h"

#define EVIL "a<b>&\"'|`x`\n::error::%0A,\x1b[31m"

static json_t *metric(const char *verdict, double effect, double detectable)
{
    return json_pack("{s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:o, s:[f,f]}", "verdict",
                     verdict, "unit", "ns", "target", 0.05, "base", 1000.0, "head",
                     1000.0 * (1 + effect), "effect", effect, "low", effect - 0.01, "high",
                     effect + 0.01, "p_adjusted", 0.0001, "p_sign", 0.001, "detectable",
                     detectable > 0 ? json_real(detectable) : json_null(), "scores", 0.1, 0.2);
}

static void add(json_t *document, const char *name, const char *verdict, double effect)
{
    json_array_append_new(json_object_get(document, "benchmarks"),
                          json_pack("{s:s, s:n, s:{s:o}}", "name", name, "failure", "metrics",
                                    "time", metric(verdict, effect, 0.03)));
}

static json_t *document_of(const char *verdict)
{
    return json_pack("{s:{s:s, s:i}, s:{s:s, s:s, s:s?, s:n, s:{s:s}, s:{s:s}, s:n, "
                     "s:{s:f, s:s, s:f, s:f}}, s:{s:s}, s:[]}",
                     "schema", "name", "mapmeter.gate", "version", 1, "gate", "suite", "ci",
                     "started_utc", "2026-11-24T00:00:00Z", "verdict", verdict, "disturbed", "base",
                     "given", EVIL, "head", "given", "new", "interrupted", "settings", "coverage",
                     0.95, "correction", "holm", "level", 0.001, "power", 0.95, "environment",
                     "cpu_model", "a CPU", "benchmarks");
}

typedef void write_report(FILE *stream, const json_t *document, const struct mm_gate_rows *rows);

/* Newly allocated. */
static char *written(write_report *write, const json_t *document)
{
    struct mm_gate_rows rows;
    char *text = NULL;
    size_t size;
    struct mm_error error = {0};

    if (mm_gate_rows_make(document, &rows, &error) < 0) {
        fail_msg("%s", error.text);
    }
    FILE *stream = open_memstream(&text, &size);
    write(stream, document, &rows);
    fclose(stream);
    mm_gate_rows_release(&rows);
    return text;
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;

    for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part)) {
        count++;
    }
    return count;
}

static void the_worst_comes_first(void **state)
{
    (void)state;
    struct mm_gate_rows rows;
    json_t *document = document_of("regressed");

    add(document, "fine", "PASS", 0);
    add(document, "bad", "REGRESSED", 0.06);
    add(document, "unsure", "INCONCLUSIVE", 0.01);
    add(document, "worse", "REGRESSED", 0.5);
    assert_int_equal(mm_gate_rows_make(document, &rows, NULL), 0);
    assert_int_equal(rows.count, 4);
    assert_string_equal(rows.items[0].benchmark, "worse");
    assert_string_equal(rows.items[1].benchmark, "bad");
    assert_string_equal(rows.items[2].benchmark, "unsure");
    assert_string_equal(rows.items[3].benchmark, "fine");
    mm_gate_rows_release(&rows);
    json_decref(document);
}

static void annotations_are_few_and_a_name_cannot_add_one(void **state)
{
    (void)state;
    json_t *document = document_of("regressed");
    char name[32];

    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof(name), "case %d", i);
        add(document, name, "REGRESSED", 0.1 + i * 0.01);
    }
    add(document, EVIL, "REGRESSED", 9);
    char *text = written(mm_gate_annotations_write, document);
    assert_int_equal(count_of(text, "\n"), MM_GATE_ANNOTATIONS);
    assert_int_equal(count_of(text, "::error title=REGRESSED "), MM_GATE_ANNOTATIONS);
    assert_non_null(strstr(text, "%0A%3A%3Aerror%3A%3A%250A%2C%1B[31m"));
    free(text);
    json_decref(document);
}

static void junit_tells_regressions_crashes_and_doubts_apart(void **state)
{
    (void)state;
    json_t *document = document_of("failed");

    add(document, EVIL, "REGRESSED", 0.1);
    add(document, "unsure", "INCONCLUSIVE", 0);
    add(document, "accepted", "WAIVED", 0.1);
    add(document, "noisy", "QUARANTINED", 0.1);
    add(document, "fine", "PASS", 0);
    add(document, "faster", "IMPROVED", -0.1);
    json_array_append_new(json_object_get(document, "benchmarks"),
                          json_pack("{s:s, s:{s:s, s:s}, s:{s:{s:s, s:s}}}", "name", "broken",
                                    "failure", "side", "head", "reason", "killed <by> \"9\"",
                                    "metrics", "time", "verdict", "FAILED", "unit", "ns"));
    char *text = written(mm_gate_junit_write, document);
    assert_non_null(strstr(text, "tests=\"7\" failures=\"1\" errors=\"1\" skipped=\"3\""));
    assert_int_equal(count_of(text, "<testcase "), 7);
    assert_int_equal(count_of(text, "<failure "), 1);
    assert_int_equal(count_of(text, "<skipped "), 3);
    assert_non_null(strstr(text, "<error message=\"FAILED: head failed: killed &lt;by&gt;"));
    assert_null(strstr(text, "<b>"));
    assert_null(strchr(text, '\x1b'));
    free(text);
    json_decref(document);
}

static void markdown_and_terminal_show_names_and_do_not_obey_them(void **state)
{
    (void)state;
    json_t *document = document_of("regressed");

    add(document, EVIL, "REGRESSED", 0.1);
    char *text = written(mm_gate_markdown_write, document);
    assert_null(strstr(text, "<b>"));
    assert_null(strstr(text, "`x`"));
    assert_null(strchr(text, '\x1b'));
    assert_non_null(strstr(text, "regressed: 1 REGRESSED"));
    free(text);
    json_decref(document);
}

static void write_terminal(FILE *stream, const json_t *document, const struct mm_gate_rows *rows)
{
    mm_gate_text_write(stream, document, rows, false);
}

static void the_terminal_shows_what_did_not_pass_and_how_much_did(void **state)
{
    (void)state;
    json_t *document = document_of("regressed");

    add(document, EVIL, "REGRESSED", 0.1);
    add(document, "fine", "PASS", 0);
    json_object_set_new(
        json_object_get(json_array_get(json_object_get(document, "benchmarks"), 1), "metrics"),
        "minor_faults", metric("PASS", 0, 0));
    char *text = written(write_terminal, document);
    assert_null(strchr(text, '\x1b'));
    assert_non_null(strstr(text, "REGRESSED     +10.00 % (+9.00 % to +11.00 %)"));
    assert_non_null(strstr(text, "1 more metrics passed."));
    assert_non_null(strstr(text, "regressed: 1 REGRESSED, 2 PASS"));
    free(text);
    json_decref(document);
}

static void what_was_interrupted_says_so_and_nothing_of_passing(void **state)
{
    (void)state;
    json_t *document = document_of(NULL);
    json_object_set_new(json_object_get(document, "gate"), "interrupted", json_string("SIGINT"));
    char *text = written(mm_gate_markdown_write, document);
    assert_non_null(strstr(text, "interrupted: nothing was judged"));
    assert_null(strstr(text, "pass"));
    free(text);
    json_decref(document);
}

static void another_document_is_refused(void **state)
{
    (void)state;
    struct mm_gate_rows rows;
    struct mm_error error = {0};
    json_t *other = json_pack("{s:{s:s}}", "schema", "name", "mapmeter.record");

    assert_int_equal(mm_gate_rows_make(other, &rows, &error), -EPROTO);
    json_decref(other);
    json_t *document = document_of("pass");
    add(document, "x", "SPLENDID", 0);
    assert_int_equal(mm_gate_rows_make(document, &rows, &error), -EPROTO);
    json_decref(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worst_comes_first),
        cmocka_unit_test(annotations_are_few_and_a_name_cannot_add_one),
        cmocka_unit_test(junit_tells_regressions_crashes_and_doubts_apart),
        cmocka_unit_test(markdown_and_terminal_show_names_and_do_not_obey_them),
        cmocka_unit_test(the_terminal_shows_what_did_not_pass_and_how_much_did),
        cmocka_unit_test(what_was_interrupted_says_so_and_nothing_of_passing),
        cmocka_unit_test(another_document_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
