/* The reader of waivers. */
#include "harness/campaigns/gate_waivers.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/text.h"
#include "common/units.h"

#define LIMIT_BYTES ((size_t)1 << 20)

enum field { BENCHMARK, METRIC, CEILING, EXPIRES, REASON, FIELD_COUNT };

static char *trim(char *text)
{
    while (isspace((unsigned char)*text)) {
        text++;
    }
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1])) {
        length--;
    }
    text[length] = '\0';
    return text;
}

/* Cuts a line into its fields; a | in the reason is part of it. */
static int split(char *line, char *fields[FIELD_COUNT], struct mm_error *error)
{
    for (int i = 0; i < FIELD_COUNT; i++) {
        char *bar = i + 1 < FIELD_COUNT ? strchr(line, '|') : NULL;
        if (bar == NULL && i + 1 < FIELD_COUNT) {
            return mm_error_set(error, -EINVAL,
                                "a waiver is 'benchmark | metric | ceiling | expires | reason'");
        }
        if (bar != NULL) {
            *bar = '\0';
        }
        fields[i] = trim(line);
        if (fields[i][0] == '\0') {
            return mm_error_set(error, -EINVAL,
                                "a field of the waiver is empty; it is 'benchmark "
                                "| metric | ceiling | expires | reason'");
        }
        line = bar == NULL ? NULL : bar + 1;
    }
    return 0;
}

/* A day of the calendar, which also sorts as text. */
static bool is_date(const char *text)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year;
    int month;
    int day;
    int length = 0;

    return strlen(text) == 10 && text[4] == '-' && text[7] == '-' &&
           sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &length) == 3 && length == 10 &&
           year >= 2000 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1];
}

static int unknown_metric(const char *name, struct mm_error *error)
{
    const char *names[MM_GATE_METRIC_COUNT];
    char suggestion[96];

    for (int i = 0; i < MM_GATE_METRIC_COUNT; i++) {
        names[i] = mm_gate_metric_name((enum mm_gate_metric)i);
    }
    return mm_error_set(
        error, -EINVAL, "unknown metric '%s'%s", name,
        mm_text_suggestion(name, names, MM_GATE_METRIC_COUNT, suggestion, sizeof(suggestion)));
}

/* Faults may well become ten times as many: a ceiling above 100 % is written in percent. */
static int parse_ceiling(const char *text, double *ceiling)
{
    char *end;

    if (mm_units_parse_share(text, ceiling) == 0) {
        return 0;
    }
    double percent = strtod(text, &end);
    if (!isdigit((unsigned char)text[0]) || strcmp(end, "%") != 0 || !isfinite(percent)) {
        return -EINVAL;
    }
    *ceiling = percent / 100;
    return 0;
}

static int read_fields(char *const fields[FIELD_COUNT], const char *today,
                       struct mm_gate_waiver *waiver, struct mm_error *error)
{
    waiver->metric = mm_gate_metric_parse(fields[METRIC]);
    if (waiver->metric == MM_GATE_METRIC_COUNT) {
        return unknown_metric(fields[METRIC], error);
    }
    if (parse_ceiling(fields[CEILING], &waiver->ceiling) < 0) {
        return mm_error_set(error, -EINVAL, "the ceiling '%s' is not a share such as 8%%",
                            fields[CEILING]);
    }
    if (!is_date(fields[EXPIRES])) {
        return mm_error_set(error, -EINVAL, "'%s' is not a day such as 2026-12-31",
                            fields[EXPIRES]);
    }
    memcpy(waiver->expires, fields[EXPIRES], sizeof(waiver->expires));
    waiver->expired = strcmp(waiver->expires, today) < 0;
    return 0;
}

static int add_line(struct mm_gate_waivers *waivers, char *line, size_t number, const char *today,
                    struct mm_error *error)
{
    char *fields[FIELD_COUNT];
    struct mm_gate_waiver waiver = {.line = number};

    int code = split(line, fields, error);
    if (code == 0) {
        code = read_fields(fields, today, &waiver, error);
    }
    if (code < 0) {
        return code;
    }
    const struct mm_gate_waiver *first =
        mm_gate_waivers_find(waivers, fields[BENCHMARK], waiver.metric);
    if (first != NULL) {
        return mm_error_set(error, -EINVAL, "the same benchmark and metric as in line %zu",
                            first->line);
    }
    struct mm_gate_waiver *list =
        reallocarray(waivers->list, waivers->count + 1, sizeof(*waivers->list));
    if (list != NULL) {
        waivers->list = list;
        waiver.benchmark = strdup(fields[BENCHMARK]);
        waiver.reason = strdup(fields[REASON]);
        list[waivers->count++] = waiver;
    }
    return list == NULL || waiver.benchmark == NULL || waiver.reason == NULL
               ? mm_error_set(error, -ENOMEM, "not enough memory")
               : 0;
}

int mm_gate_waivers_load(const char *path, const char *today, struct mm_gate_waivers *waivers,
                         struct mm_error *error)
{
    struct mm_gate_waivers loaded = {.path = strdup(path)};
    char *text = NULL;
    size_t size = 0;
    size_t number = 0;
    char *next;

    int code = loaded.path == NULL ? mm_error_set(error, -ENOMEM, "not enough memory")
                                   : mm_file_read(path, LIMIT_BYTES, &text, &size, error);
    if (code == 0 && strlen(text) != size) {
        code = mm_error_set(error, -EINVAL, "%s: is not a text", path);
    }
    for (char *line = text; code == 0 && line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL) {
            *next++ = '\0';
        }
        number++;
        line = trim(line);
        if (line[0] != '\0' && line[0] != '#') {
            code = add_line(&loaded, line, number, today, error);
            if (code < 0) {
                mm_error_prefix(error, "%s:%zu", path, number);
            }
        }
    }
    free(text);
    if (code < 0) {
        mm_gate_waivers_release(&loaded);
        return code;
    }
    *waivers = loaded;
    return 0;
}

void mm_gate_waivers_release(struct mm_gate_waivers *waivers)
{
    for (size_t i = 0; i < waivers->count; i++) {
        free(waivers->list[i].benchmark);
        free(waivers->list[i].reason);
    }
    free(waivers->list);
    free(waivers->path);
    *waivers = (struct mm_gate_waivers){0};
}

const struct mm_gate_waiver *mm_gate_waivers_find(const struct mm_gate_waivers *waivers,
                                                  const char *benchmark, enum mm_gate_metric metric)
{
    for (size_t i = 0; i < waivers->count; i++) {
        if (waivers->list[i].metric == metric &&
            strcmp(waivers->list[i].benchmark, benchmark) == 0) {
            return &waivers->list[i];
        }
    }
    return NULL;
}
