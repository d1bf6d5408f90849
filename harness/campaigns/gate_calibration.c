/* Margins from a gate of two equal sides, kept by the machine's fingerprint. */
#include "harness/campaigns/gate_calibration.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/text.h"
#include "harness/environment.h"

#define LIMIT_BYTES ((size_t)64 << 20)
#define SCHEMA_NAME "mapmeter.calibration"

/* "…/calibration-ci-<fingerprint>.json"; newly allocated. */
static char *place(const char *folder, const char *suite, const char *fingerprint)
{
    char *name = mm_text_format("calibration-%s-%s.json", suite, fingerprint);
    char *path = name == NULL ? NULL : mm_file_join(folder, name);

    free(name);
    return path;
}

static int read_tree(const char *path, json_t **tree, struct mm_error *error)
{
    json_error_t where;
    char *text = NULL;
    size_t size = 0;

    int code = mm_file_read(path, LIMIT_BYTES, &text, &size, error);
    if (code < 0) {
        return code;
    }
    json_t *read = json_loadb(text, size, 0, &where);
    const char *name = json_string_value(json_object_get(json_object_get(read, "schema"), "name"));
    free(text);
    if (name == NULL || strcmp(name, SCHEMA_NAME) != 0) {
        json_decref(read);
        return mm_error_set(error, -EINVAL,
                            "%s: is no calibration; 'mapmeter gate calibrate' makes "
                            "one",
                            path);
    }
    *tree = read;
    return 0;
}

static int check_machine(const char *path, const json_t *tree, const char *fingerprint,
                         struct mm_error *error)
{
    const char *of = json_string_value(json_object_get(tree, "fingerprint"));

    if (of != NULL && strcmp(of, fingerprint) == 0) {
        return 0;
    }
    return mm_error_set(error, -ENXIO,
                        "%s: was measured on another machine (%s, this is %s); run 'mapmeter gate "
                        "calibrate' here",
                        path, of == NULL ? "unknown" : of, fingerprint);
}

static int load_from(const char *path, bool asked, const char *fingerprint, json_t **calibration,
                     struct mm_error *error)
{
    json_t *tree = NULL;

    int code = read_tree(path, &tree, error);
    if (code == -ENOENT) {
        return asked ? -ENXIO : 0;
    }
    if (code == 0) {
        code = check_machine(path, tree, fingerprint, error);
    }
    if (code < 0) {
        json_decref(tree);
        return code;
    }
    *calibration = tree;
    return 0;
}

int mm_gate_calibration_load(const char *path, const char *folder, const char *suite,
                             json_t **calibration, struct mm_error *error)
{
    if (path != NULL && strcmp(path, "none") == 0) {
        return 0;
    }
    json_t *environment = mm_environment_collect();
    const char *fingerprint = json_string_value(json_object_get(environment, "fingerprint"));
    char *own = fingerprint == NULL ? NULL : place(folder, suite, fingerprint);
    int code = own == NULL ? mm_error_set(error, -ENOMEM, "not enough memory")
                           : load_from(path == NULL ? own : path, path != NULL, fingerprint,
                                       calibration, error);
    free(own);
    json_decref(environment);
    return code;
}

/* The margin is the far end of the interval of a difference that is none; a benchmark whose
 * smallest detectable effect lies above its target cannot be judged on this machine. */
static json_t *metric_of(const json_t *metric)
{
    const json_t *detectable = json_object_get(metric, "detectable");
    double low = json_number_value(json_object_get(metric, "low"));
    double high = json_number_value(json_object_get(metric, "high"));
    double target = json_number_value(json_object_get(metric, "target"));
    bool hidden = !json_is_number(detectable) || json_number_value(detectable) > target;

    return json_pack("{s:f, s:f, s:O, s:I, s:b}", "margin", fmax(fabs(low), fabs(high)), "noise",
                     json_number_value(json_object_get(metric, "noise")), "detectable", detectable,
                     "pairs", (json_int_t)json_array_size(json_object_get(metric, "scores")),
                     "quarantined", hidden);
}

json_t *mm_gate_calibration_of(const json_t *document)
{
    const json_t *gate = json_object_get(document, "gate");
    json_t *benchmarks = json_object();
    size_t index;
    const json_t *benchmark;

    json_array_foreach(json_object_get(document, "benchmarks"), index, benchmark)
    {
        json_t *metrics = json_object();
        const char *name;
        json_t *metric;
        json_object_foreach(json_object_get(benchmark, "metrics"), name, metric)
        {
            if (json_array_size(json_object_get(metric, "scores")) > 0) {
                json_object_set_new(metrics, name, metric_of(metric));
            }
        }
        json_object_set_new(benchmarks, json_string_value(json_object_get(benchmark, "name")),
                            metrics);
    }
    return json_pack("{s:{s:s, s:i}, s:O, s:O, s:O, s:o}", "schema", "name", SCHEMA_NAME, "version",
                     1, "id", json_object_get(gate, "id"), "suite", json_object_get(gate, "suite"),
                     "fingerprint",
                     json_object_get(json_object_get(document, "environment"), "fingerprint"),
                     "benchmarks", benchmarks);
}

int mm_gate_calibration_save(const json_t *document, const char *path, const char *folder,
                             struct mm_error *error)
{
    json_t *calibration = mm_gate_calibration_of(document);
    char *own = NULL;
    int code = 0;

    char *text = calibration == NULL ? NULL : json_dumps(calibration, JSON_INDENT(1));
    if (text != NULL && path == NULL) {
        own = place(folder, json_string_value(json_object_get(calibration, "suite")),
                    json_string_value(json_object_get(calibration, "fingerprint")));
        path = own;
    }
    if (text == NULL || path == NULL) {
        code = mm_error_set(error, -ENOMEM, "not enough memory");
    } else {
        code = mm_file_replace(path, text, strlen(text), error);
    }
    free(own);
    free(text);
    json_decref(calibration);
    return code;
}
