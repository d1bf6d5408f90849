/*
 * Short labels for cases: of the parameters in their names, those that tell them apart. A name is
 * "<workload>/engine:<e>/cache:<c>/<parameter>:<value>/..."
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/summary.h"
#include "common/text.h"

/* What is known of one parameter over some cases: {"count": n, "value": first, "varies": bool}. */
static int note_value(json_t *notes, const char *key, const char *value)
{
    json_t *note = json_object_get(notes, key);
    if (!note) {
        note = json_pack("{s:i, s:s, s:b}", "count", 1, "value", value, "varies", 0);
        return note && json_object_set_new(notes, key, note) == 0 ? 0 : -ENOMEM;
    }
    json_t *count = json_object_get(note, "count");
    json_integer_set(count, json_integer_value(count) + 1);
    if (strcmp(json_string_value(json_object_get(note, "value")), value) != 0) {
        return json_object_set_new(note, "varies", json_true()) == 0 ? 0 : -ENOMEM;
    }
    return 0;
}

static json_t *member_object(json_t *holder, const char *key)
{
    json_t *member = json_object_get(holder, key);
    if (!member) {
        member = json_object();
        if (json_object_set_new(holder, key, member) < 0) {
            return NULL;
        }
    }
    return member;
}

/* Calls visit for every parameter of a case name; workload, engine and cache are none. */
static int each_parameter(const char *name,
                          int (*visit)(void *context, const char *key, const char *value),
                          void *context)
{
    char *copy = strdup(name);
    if (!copy) {
        return -ENOMEM;
    }
    int result = 0;
    char *rest = NULL;
    char *part = strtok_r(copy, "/", &rest);
    while (result == 0 && part && (part = strtok_r(NULL, "/", &rest)) != NULL) {
        char *colon = strchr(part, ':');
        if (colon) {
            *colon = '\0';
        }
        if (strcmp(part, "engine") != 0 && strcmp(part, "cache") != 0) {
            result = visit(context, part, colon ? colon + 1 : "");
        }
    }
    free(copy);
    return result;
}

/* Which parameters vary, over a workload and over one engine of it. */
struct notes {
    json_t *of_workloads; /* workload -> parameter -> note */
    json_t *of_engines;   /* workload -> engine -> parameter -> note */
    json_t *case_counts;  /* workload -> how many cases */
};

struct note_visit {
    json_t *of_workload;
    json_t *of_engine;
};

static int note_parameter(void *context, const char *key, const char *value)
{
    struct note_visit *visit = context;
    int result = note_value(visit->of_workload, key, value);
    return result < 0 ? result : note_value(visit->of_engine, key, value);
}

static int note_case(struct notes *notes, const struct mm_summary_case *one)
{
    json_t *engines = member_object(notes->of_engines, one->workload);
    struct note_visit visit = {
        .of_workload = member_object(notes->of_workloads, one->workload),
        .of_engine = engines ? member_object(engines, one->engine) : NULL,
    };
    json_int_t count = json_integer_value(json_object_get(notes->case_counts, one->workload));
    if (!visit.of_workload || !visit.of_engine ||
        json_object_set_new(notes->case_counts, one->workload, json_integer(count + 1)) < 0) {
        return -ENOMEM;
    }
    return each_parameter(one->name, note_parameter, &visit);
}

struct label_visit {
    const json_t *of_workload;
    const json_t *of_engine;
    json_int_t case_count;
    char **group;
    char **variant;
};

static int append_parameter(char **text, const char *key, const char *value)
{
    char *joined =
        mm_text_format("%s%s%s%s%s", *text, **text ? " " : "", key, *value ? ":" : "", value);
    if (!joined) {
        return -ENOMEM;
    }
    free(*text);
    *text = joined;
    return 0;
}

static int label_parameter(void *context, const char *key, const char *value)
{
    struct label_visit *visit = context;
    /* Latency stands beside throughput, and one rate beside another. */
    if (strcmp(key, "measure") == 0) {
        return append_parameter(visit->variant, value, "");
    }
    if (strcmp(key, "rate") == 0) {
        char *rate = mm_text_format("at %s/s", value);
        int result = rate ? append_parameter(visit->variant, rate, "") : -ENOMEM;
        free(rate);
        return result;
    }
    const json_t *over_workload = json_object_get(visit->of_workload, key);
    const json_t *over_engine = json_object_get(visit->of_engine, key);
    bool everywhere =
        json_integer_value(json_object_get(over_workload, "count")) >= visit->case_count;
    if (everywhere && json_is_true(json_object_get(over_workload, "varies"))) {
        return append_parameter(visit->group, key, value);
    }
    /* Its twin is alike but for this. */
    if (strcmp(key, "counting") == 0) {
        return append_parameter(visit->variant, key, value);
    }
    if (!everywhere && json_is_true(json_object_get(over_engine, "varies"))) {
        return append_parameter(visit->variant, key, value);
    }
    return 0;
}

static int label_case(const struct notes *notes, struct mm_summary_case *one)
{
    one->group = strdup(one->workload);
    one->variant = strdup("");
    if (!one->group || !one->variant) {
        return -ENOMEM;
    }
    struct label_visit visit = {
        .of_workload = json_object_get(notes->of_workloads, one->workload),
        .of_engine =
            json_object_get(json_object_get(notes->of_engines, one->workload), one->engine),
        .case_count = json_integer_value(json_object_get(notes->case_counts, one->workload)),
        .group = &one->group,
        .variant = &one->variant,
    };
    return each_parameter(one->name, label_parameter, &visit);
}

/* Cases that still look alike get their id. */
static int tell_apart(struct mm_summary_case *cases, size_t count)
{
    json_t *seen = json_object();
    int result = seen ? 0 : -ENOMEM;
    for (size_t i = 0; result == 0 && i < count; i++) {
        char *label = mm_text_format("%s\n%s\n%s\n%s", cases[i].group, cases[i].variant,
                                     cases[i].engine, cases[i].cache);
        if (!label) {
            result = -ENOMEM;
        } else if (json_object_get(seen, label)) {
            result = append_parameter(&cases[i].variant, cases[i].id, "");
        } else if (json_object_set_new(seen, label, json_true()) < 0) {
            result = -ENOMEM;
        }
        free(label);
    }
    json_decref(seen);
    return result;
}

int mm_summary_label_cases(struct mm_summary_case *cases, size_t count)
{
    struct notes notes = {
        .of_workloads = json_object(),
        .of_engines = json_object(),
        .case_counts = json_object(),
    };
    int result = notes.of_workloads && notes.of_engines && notes.case_counts ? 0 : -ENOMEM;
    for (size_t i = 0; result == 0 && i < count; i++) {
        result = note_case(&notes, &cases[i]);
    }
    for (size_t i = 0; result == 0 && i < count; i++) {
        result = label_case(&notes, &cases[i]);
    }
    if (result == 0) {
        result = tell_apart(cases, count);
    }
    json_decref(notes.of_workloads);
    json_decref(notes.of_engines);
    json_decref(notes.case_counts);
    return result;
}
