/* Writes the reports of a made-up record, for check_reports.py: make_report KIND FOLDER. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/compare.h"
#include "analysis/report/gate_report.h"
#include "analysis/report/report.h"
#include "common/file.h"
#include "common/text.h"
#include "tests/support/synthetic_record.h"

static const char *const workloads[] = {"sequential",  "strided",      "random",  "chunked",
                                        "elementwise", "multiprocess", "tile-fft"};
static const char *const engines[] = {"marray", "mmap", "pread", "memory"};

/* What a name from outside may hold. A command in it would leave a file called pwned. */
static const char *const hostile[] = {
    "<script>alert(1)</script>",
    "`touch pwned`",
    "$(touch pwned)",
    "'; system(\"touch pwned\"); '",
    "\"\nsystem \"touch pwned\"\n!touch pwned\n\"",
    "a|b||c",
    "</style></svg><img src=x onerror=alert(1)>",
    "[x](javascript:alert(1)) ![y](http://example.invalid/y.png)",
    "%s%n%d @x {/Bold z} a_b^2 \\n \\ 100% #1 ~~x~~ **y**",
    "\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x90\x8e\xe2\x80\xae right to left",
    "=cmd|' /C calc'!A0",
    "\xd7\x90\xe2\x80\x8f \xd8\x9c marks \xe2\x80\x8e",
};

static void replace(json_t *holder, const char *name, const char *text)
{
    if (json_object_set_new(holder, name, json_string(text)) < 0) {
        abort();
    }
}

/* Every text of the record that comes from outside. */
static void make_hostile(const struct mm_record *record)
{
    size_t index;
    json_t *item;
    char *longest = calloc(1, 301);
    if (!longest) {
        abort();
    }
    memset(longest, 'x', 300);
    json_array_foreach(mm_record_cases(record), index, item)
    {
        const char *text = hostile[index % MM_COUNT_OF(hostile)];
        char *name =
            mm_text_format("%s/engine:%s/cache:warm/tag:%s/n:%zu", text, text, text, index);
        replace(item, "workload", text);
        replace(item, "engine", index % 3 ? text : longest);
        replace(item, "name", name);
        replace(json_object_get(item, "parameters"), text, text);
        free(name);
    }
    json_array_foreach(mm_record_launches(record), index, item)
    {
        json_t *failure = json_object_get(item, "failure");
        if (json_is_object(failure)) {
            replace(failure, "reason", hostile[index % MM_COUNT_OF(hostile)]);
        }
        json_t *effective = json_object_get(item, "effective");
        if (json_is_object(effective)) {
            replace(effective, hostile[index % MM_COUNT_OF(hostile)],
                    hostile[index % MM_COUNT_OF(hostile)]);
        }
    }
    replace(mm_record_run(record), "suite", hostile[0]);
    replace(mm_record_run(record), "purpose", hostile[6]);
    replace(mm_record_environment(record), "hostname", hostile[3]);
    replace(mm_record_environment(record), "cpu_model", hostile[4]);
    replace(mm_record_environment(record), "kernel", hostile[1]);
    replace(json_array_get(mm_record_files(record), 0), "path", hostile[3]);
    if (json_object_set_new(mm_record_run(record), "command",
                            json_pack("[s, s, s, s]", hostile[0], hostile[1], hostile[4], "")) <
        0) {
        abort();
    }
    free(longest);
}

static struct mm_record *make_record(const char *kind)
{
    struct synthetic_record_spec spec = {
        .workloads = workloads,
        .workload_count = MM_COUNT_OF(workloads),
        .engines = engines,
        .engine_count = MM_COUNT_OF(engines),
        .noise = 0.1,
        .seed = 3,
        .flushes = true,
    };
    if (strcmp(kind, "few") == 0) {
        spec.launches = 3;
    } else if (strcmp(kind, "failed") == 0) {
        spec.failed_every = 1;
    } else if (strcmp(kind, "interrupted") == 0) {
        spec.interrupted = true;
        spec.skipped_cases = 4;
    } else if (strcmp(kind, "hostile") == 0) {
        spec.failed_every = 3;
        spec.hostile_names = true;
        spec.skipped_cases = 2;
    } else if (strcmp(kind, "latency") == 0) {
        spec.latency = true;
        spec.rate = 20000;
        spec.kept_share = 0.25;
    } else if (strcmp(kind, "faultless") == 0) {
        spec.no_faults = true;
    } else if (strcmp(kind, "reading") == 0) {
        spec.flushes = false;
    }
    if (strcmp(kind, "empty") == 0) {
        return mm_record_new();
    }
    struct mm_record *record = synthetic_record(&spec);
    if (strcmp(kind, "hostile") == 0) {
        make_hostile(record);
    }
    return record;
}

static int write_comparison(const struct mm_record *record, const char *folder,
                            struct mm_error *error)
{
    struct mm_comparison *comparison;
    char *path = mm_file_join(folder, "comparison.md");
    FILE *stream = path ? fopen(path, "w") : NULL;
    free(path);
    if (!stream) {
        return mm_error_set(error, -1, "cannot write comparison.md");
    }
    int result = mm_compare(record, record, &comparison, error);
    if (result == 0) {
        result = mm_comparison_write_markdown(comparison, stream);
        mm_comparison_free(comparison);
    }
    fclose(stream);
    return result;
}

/* A gate whose benchmarks are called by all these names. */
static int write_gate(const char *folder, struct mm_error *error)
{
    json_t *benchmarks = json_array();
    for (size_t i = 0; i < MM_COUNT_OF(hostile); i++) {
        json_array_append_new(
            benchmarks,
            json_pack("{s:s, s:n, s:{s:{s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f, "
                      "s:f, s:n, s:[f]}}}",
                      "name", hostile[i], "failure", "metrics", "time", "verdict",
                      i % 2 ? "REGRESSED" : "PASS", "unit", "ns", "target", 0.05, "base", 1000.0,
                      "head", 1100.0, "effect", 0.1, "low", 0.09, "high", 0.11, "p_adjusted",
                      0.0001, "p_sign", 0.001, "detectable", "scores", 0.1));
    }
    json_t *document = json_pack(
        "{s:{s:s, s:i}, s:{s:s, s:s, s:s, s:n, s:{s:s}, s:{s:s}, s:n, s:{s:f, s:s, s:f, s:f}}, "
        "s:{s:s}, s:o}",
        "schema", "name", "mapmeter.gate", "version", 1, "gate", "suite", hostile[0], "started_utc",
        "2026-11-24T00:00:00Z", "verdict", "regressed", "disturbed", "base", "given", hostile[4],
        "head", "given", hostile[6], "interrupted", "settings", "coverage", 0.95, "correction",
        "holm", "level", 0.001, "power", 0.95, "environment", "cpu_model", hostile[3], "benchmarks",
        benchmarks);
    char *path = mm_file_join(folder, "junit.xml");
    FILE *stream = path && document ? fopen(path, "w") : NULL;
    struct mm_gate_rows rows = {0};
    int result = stream ? mm_gate_rows_make(document, &rows, error)
                        : mm_error_set(error, -1, "cannot write junit.xml");
    if (result == 0) {
        mm_gate_junit_write(stream, document, &rows);
    }
    if (stream) {
        fclose(stream);
    }
    mm_gate_rows_release(&rows);
    json_decref(document);
    free(path);
    return result;
}

static void print_warning(void *context, const char *line)
{
    (void)context;
    printf("warning: %s\n", line);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: make_report KIND FOLDER\n");
        return 2;
    }
    const struct mm_report_options options = {.html = true,
                                              .markdown = true,
                                              .text = true,
                                              .samples = true,
                                              .plots = true,
                                              .warn = print_warning};
    struct mm_error error = {0};
    struct mm_record *record = make_record(argv[1]);
    int result = record ? 0 : -1;
    if (result == 0) {
        result = mm_report_write(record, argv[2], &options, &error);
    }
    if (result == 0) {
        result = write_comparison(record, argv[2], &error);
    }
    if (result == 0) {
        result = write_gate(argv[2], &error);
    }
    if (result == 0) {
        result = mm_report_text(record, stdout, false, &error);
    }
    mm_record_free(record);
    if (result < 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    return 0;
}
