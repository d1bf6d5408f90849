/* Defaults of the gate, and the reader of its settings file. */
#include "harness/campaigns/gate_settings.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "common/units.h"
#include "harness/config.h"

#define PAIRS_LIMIT  500
#define SLICES_LIMIT 100

/* Fewer pairs have no interval of 95 %. */
#define LEAST_PAIRS 6

static const struct {
    const char *name;
    const char *unit;
    struct mm_gate_metric_settings defaults;
} metrics[MM_GATE_METRIC_COUNT] = {
    [MM_GATE_TIME] = {"time", "ns", {true, {0.01, 0.02, 0.05}, 0}},
    [MM_GATE_COLD_TIME] = {"cold_time", "ns", {true, {0.03, 0.05, 0.15}, 0}},
    [MM_GATE_MINOR_FAULTS] = {"minor_faults", "faults", {true, {0.01, 0.02, 0.05}, 16}},
    [MM_GATE_MAJOR_FAULTS] = {"major_faults", "faults", {true, {0.05, 0.10, 0.25}, 16}},
    [MM_GATE_READ_BYTES] = {"read_bytes", "B", {true, {0.05, 0.10, 0.25}, 1 << 20}},
    [MM_GATE_WRITTEN_BYTES] = {"written_bytes", "B", {true, {0.05, 0.10, 0.25}, 1 << 20}},
    [MM_GATE_FLUSH_MEDIAN] = {"flush_median", "ns", {true, {0.05, 0.10, 0.30}, 0}},
    [MM_GATE_FLUSH_P99] = {"flush_p99", "ns", {false, {0.10, 0.25, 0.50}, 0}},
};

static const char *const inconclusive_names[MM_GATE_INCONCLUSIVE_COUNT] = {
    [MM_GATE_INCONCLUSIVE_EXIT3] = "exit3",
    [MM_GATE_INCONCLUSIVE_PASS] = "pass",
    [MM_GATE_INCONCLUSIVE_FAIL] = "fail",
};

const char *mm_gate_metric_name(enum mm_gate_metric metric)
{
    return metrics[metric].name;
}

const char *mm_gate_metric_unit(enum mm_gate_metric metric)
{
    return metrics[metric].unit;
}

enum mm_gate_metric mm_gate_metric_parse(const char *name)
{
    for (int i = 0; i < MM_GATE_METRIC_COUNT; i++) {
        if (strcmp(metrics[i].name, name) == 0) {
            return (enum mm_gate_metric)i;
        }
    }
    return MM_GATE_METRIC_COUNT;
}

const char *mm_gate_inconclusive_name(enum mm_gate_inconclusive inconclusive)
{
    return inconclusive_names[inconclusive];
}

int mm_gate_inconclusive_parse(const char *text, enum mm_gate_inconclusive *inconclusive,
                               struct mm_error *error)
{
    for (int i = 0; i < MM_GATE_INCONCLUSIVE_COUNT; i++) {
        if (strcmp(inconclusive_names[i], text) == 0) {
            *inconclusive = (enum mm_gate_inconclusive)i;
            return 0;
        }
    }
    return mm_error_set(error, -EINVAL, "'%s' is none of exit3, pass and fail", text);
}

int mm_gate_correction_parse(const char *text, bool *holm, struct mm_error *error)
{
    bool is_holm = strcmp(text, "holm") == 0;

    if (!is_holm && strcmp(text, "benjamini-hochberg") != 0) {
        return mm_error_set(error, -EINVAL, "'%s' is none of benjamini-hochberg and holm", text);
    }
    *holm = is_holm;
    return 0;
}

void mm_gate_settings_defaults(struct mm_gate_settings *settings)
{
    *settings = (struct mm_gate_settings){
        .verdict = {.level = 0.001,
                    .first_share = 0.5,
                    .futility = 0.25,
                    .coverage = 0.95,
                    .power = 0.95,
                    .pairs = 30},
        .first_look = 12,
        .extended = 60,
        .slices = 10,
        .slice_ns = UINT64_C(10000000),
        .launch_ns = UINT64_C(250000000),
        .steal = 0.05,
        .allowed_inconclusive = 0.05,
        .inconclusive = MM_GATE_INCONCLUSIVE_EXIT3,
    };
    for (int i = 0; i < MM_GATE_METRIC_COUNT; i++) {
        settings->metrics[i] = metrics[i].defaults;
    }
}

void mm_gate_settings_release(struct mm_gate_settings *settings)
{
    for (size_t i = 0; i < settings->benchmark_count; i++) {
        free(settings->benchmarks[i].name);
        free(settings->benchmarks[i].where);
    }
    free(settings->benchmarks);
    settings->benchmarks = NULL;
    settings->benchmark_count = 0;
}

bool mm_gate_benchmark_settings_fit(const struct mm_gate_benchmark_settings *entry,
                                    const char *name)
{
    return strcmp(entry->name, name) == 0 || fnmatch(entry->name, name, FNM_NOESCAPE) == 0;
}

const struct mm_gate_metric_settings *mm_gate_settings_metrics(
    const struct mm_gate_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->benchmark_count; i++) {
        if (mm_gate_benchmark_settings_fit(&settings->benchmarks[i], name)) {
            return settings->benchmarks[i].metrics;
        }
    }
    return settings->metrics;
}

/* How one value is read into one member. */
struct key {
    const char *name;
    int (*read)(const char *text, void *into, struct mm_error *error);
    void *into;
};

static int read_pairs(const char *text, void *into, struct mm_error *error)
{
    uint64_t count;

    if (mm_units_parse_count(text, &count) < 0 || count < LEAST_PAIRS || count > PAIRS_LIMIT) {
        return mm_error_set(error, -EINVAL, "'%s' is not a whole number from %d to %d", text,
                            LEAST_PAIRS, PAIRS_LIMIT);
    }
    *(size_t *)into = (size_t)count;
    return 0;
}

static int read_slices(const char *text, void *into, struct mm_error *error)
{
    uint64_t count;

    if (mm_units_parse_count(text, &count) < 0 || count < 1 || count > SLICES_LIMIT) {
        return mm_error_set(error, -EINVAL, "'%s' is not a whole number from 1 to %d", text,
                            SLICES_LIMIT);
    }
    *(uint32_t *)into = (uint32_t)count;
    return 0;
}

static int read_share(const char *text, void *into, struct mm_error *error)
{
    if (mm_units_parse_share(text, into) < 0) {
        return mm_error_set(error, -EINVAL, "'%s' is not a share such as 5%% or 0.05", text);
    }
    return 0;
}

static int read_duration(const char *text, void *into, struct mm_error *error)
{
    uint64_t nanoseconds;

    if (mm_units_parse_duration(text, &nanoseconds) < 0 || nanoseconds < 100000 ||
        nanoseconds > MM_NANOSECONDS_PER_SECOND) {
        return mm_error_set(error, -EINVAL, "'%s' is not a time from 100us to 1s", text);
    }
    *(uint64_t *)into = nanoseconds;
    return 0;
}

static int read_correction(const char *text, void *into, struct mm_error *error)
{
    return mm_gate_correction_parse(text, into, error);
}

static int read_inconclusive(const char *text, void *into, struct mm_error *error)
{
    return mm_gate_inconclusive_parse(text, into, error);
}

static int read_faults(const char *text, void *into, struct mm_error *error)
{
    uint64_t count;

    if (mm_units_parse_count(text, &count) < 0) {
        return mm_error_set(error, -EINVAL, "'%s' is not a whole number", text);
    }
    *(double *)into = (double)count;
    return 0;
}

static int read_bytes(const char *text, void *into, struct mm_error *error)
{
    uint64_t bytes;

    if (mm_units_parse_size(text, &bytes) < 0) {
        return mm_error_set(error, -EINVAL, "'%s' is not a size such as 1MiB", text);
    }
    *(double *)into = (double)bytes;
    return 0;
}

static int read_time(const char *text, void *into, struct mm_error *error)
{
    uint64_t nanoseconds;

    if (mm_units_parse_duration(text, &nanoseconds) < 0) {
        return mm_error_set(error, -EINVAL, "'%s' is not a time such as 10us", text);
    }
    *(double *)into = (double)nanoseconds;
    return 0;
}

/* Reads those of keys that object has; all others were refused before. */
static int read_keys(const struct mm_config *config, const json_t *object, const struct key *keys,
                     size_t count, struct mm_error *error)
{
    for (size_t i = 0; i < count; i++) {
        const json_t *node = json_object_get(object, keys[i].name);
        if (node == NULL) {
            continue;
        }
        int code = json_is_string(node) ? keys[i].read(json_string_value(node), keys[i].into, error)
                                        : mm_error_set(error, -EINVAL, "takes one value");
        if (code < 0) {
            mm_error_prefix(error, "%s: '%s'", mm_config_where(config, node), keys[i].name);
            return code;
        }
    }
    return 0;
}

static int read_metric(const struct mm_config *config, const json_t *node,
                       enum mm_gate_metric metric, struct mm_gate_metric_settings *settings,
                       struct mm_error *error)
{
    static const char *const names[] = {"margin", "minimum", "target", "slack"};
    int (*read_slack)(const char *text, void *into, struct mm_error *error) = read_time;

    if (json_is_string(node) && strcmp(json_string_value(node), "off") == 0) {
        settings->on = false;
        return 0;
    }
    settings->on = true;
    if (json_is_string(node) && strcmp(json_string_value(node), "on") == 0) {
        return 0;
    }
    if (strcmp(mm_gate_metric_unit(metric), "faults") == 0) {
        read_slack = read_faults;
    } else if (strcmp(mm_gate_metric_unit(metric), "B") == 0) {
        read_slack = read_bytes;
    }
    const struct key keys[] = {
        {"margin", read_share, &settings->rule.margin},
        {"minimum", read_share, &settings->rule.minimum_effect},
        {"target", read_share, &settings->rule.target},
        {"slack", read_slack, &settings->slack},
    };
    int code = mm_config_check_keys(config, node, "a metric (or on, or off)", names,
                                    MM_COUNT_OF(names), error);
    return code < 0 ? code : read_keys(config, node, keys, MM_COUNT_OF(keys), error);
}

static int read_metrics(const struct mm_config *config, const json_t *node,
                        struct mm_gate_metric_settings *into, struct mm_error *error)
{
    const char *names[MM_GATE_METRIC_COUNT];

    for (int i = 0; i < MM_GATE_METRIC_COUNT; i++) {
        names[i] = metrics[i].name;
    }
    int code = mm_config_check_keys(config, node, "metrics", names, MM_GATE_METRIC_COUNT, error);
    for (int i = 0; code == 0 && i < MM_GATE_METRIC_COUNT; i++) {
        const json_t *metric = json_object_get(node, names[i]);
        if (metric != NULL) {
            code = read_metric(config, metric, (enum mm_gate_metric)i, &into[i], error);
        }
    }
    return code;
}

/* The rules of all are laid below what the entry says. */
static int read_benchmark(const struct mm_config *config, const json_t *node,
                          struct mm_gate_settings *settings, struct mm_error *error)
{
    static const char *const names[] = {"name", "metrics"};
    struct mm_gate_benchmark_settings *entry = &settings->benchmarks[settings->benchmark_count];
    const char *name = json_string_value(json_object_get(node, "name"));
    const json_t *metrics_node = json_object_get(node, "metrics");
    const char *where = mm_config_where(config, node);

    int code = mm_config_check_keys(config, node, "an entry of 'benchmarks'", names,
                                    MM_COUNT_OF(names), error);
    if (code < 0) {
        return code;
    }
    if (name == NULL || *name == '\0' || metrics_node == NULL) {
        return mm_error_set(error, -EINVAL,
                            "%s: 'benchmarks': an entry needs a name (or a pattern) and metrics",
                            where);
    }
    for (size_t i = 0; i < settings->benchmark_count; i++) {
        if (strcmp(settings->benchmarks[i].name, name) == 0) {
            return mm_error_set(error, -EINVAL, "%s: '%s' has rules already, at %s", where, name,
                                settings->benchmarks[i].where);
        }
    }
    memcpy(entry->metrics, settings->metrics, sizeof(entry->metrics));
    entry->name = strdup(name);
    entry->where = strdup(where);
    settings->benchmark_count++;
    if (entry->name == NULL || entry->where == NULL) {
        return mm_error_set(error, -ENOMEM, "not enough memory");
    }
    return read_metrics(config, metrics_node, entry->metrics, error);
}

static int read_benchmarks(const struct mm_config *config, const json_t *node,
                           struct mm_gate_settings *settings, struct mm_error *error)
{
    size_t index;
    const json_t *entry;
    int code = 0;

    if (!json_is_array(node)) {
        return mm_error_set(error, -EINVAL, "%s: 'benchmarks' takes a list of names and metrics",
                            mm_config_where(config, node));
    }
    settings->benchmarks = calloc(json_array_size(node) + 1, sizeof(*settings->benchmarks));
    if (settings->benchmarks == NULL) {
        return mm_error_set(error, -ENOMEM, "not enough memory");
    }
    json_array_foreach(node, index, entry)
    {
        code = code < 0 ? code : read_benchmark(config, entry, settings, error);
    }
    return code;
}

static int read_tree(const struct mm_config *config, struct mm_gate_settings *settings,
                     struct mm_error *error)
{
    const struct key keys[] = {
        {"pairs", read_pairs, &settings->verdict.pairs},
        {"first-look", read_pairs, &settings->first_look},
        {"extended", read_pairs, &settings->extended},
        {"futility", read_share, &settings->verdict.futility},
        {"level", read_share, &settings->verdict.level},
        {"first-share", read_share, &settings->verdict.first_share},
        {"correction", read_correction, &settings->verdict.holm},
        {"coverage", read_share, &settings->verdict.coverage},
        {"power", read_share, &settings->verdict.power},
        {"slices", read_slices, &settings->slices},
        {"slice", read_duration, &settings->slice_ns},
        {"launch", read_duration, &settings->launch_ns},
        {"steal", read_share, &settings->steal},
        {"allowed-inconclusive", read_share, &settings->allowed_inconclusive},
        {"inconclusive", read_inconclusive, &settings->inconclusive},
    };
    /* What mm_gate_build_load reads is none of its business here. */
    static const char *const others[] = {"metrics", "benchmarks", "build", "program", "command"};
    const char *names[MM_COUNT_OF(keys) + MM_COUNT_OF(others)];
    const json_t *root = mm_config_root(config);

    for (size_t i = 0; i < MM_COUNT_OF(keys); i++) {
        names[i] = keys[i].name;
    }
    memcpy(names + MM_COUNT_OF(keys), others, sizeof(others));
    int code =
        mm_config_check_keys(config, root, "the gate's settings", names, MM_COUNT_OF(names), error);
    if (code == 0) {
        code = read_keys(config, root, keys, MM_COUNT_OF(keys), error);
    }
    const json_t *node = json_object_get(root, "metrics");
    if (code == 0 && node != NULL) {
        code = read_metrics(config, node, settings->metrics, error);
    }
    node = json_object_get(root, "benchmarks");
    if (code == 0 && node != NULL) {
        code = read_benchmarks(config, node, settings, error);
    }
    return code;
}

/* Outside of it, a rule would pass what it rejects or reject what nobody minds. */
static int check_rule(const char *name, const struct mm_verdict_rule *rule, struct mm_error *error)
{
    if (rule->margin <= rule->minimum_effect && rule->minimum_effect <= rule->target &&
        rule->target > 0) {
        return 0;
    }
    return mm_error_set(error, -EINVAL,
                        "metric '%s': margin %g %%, minimum %g %% and target %g %% must not fall, "
                        "and the target must be above 0",
                        name, 100 * rule->margin, 100 * rule->minimum_effect, 100 * rule->target);
}

static int check_rules(const struct mm_gate_metric_settings *of, struct mm_error *error)
{
    for (int i = 0; i < MM_GATE_METRIC_COUNT; i++) {
        int code = check_rule(metrics[i].name, &of[i].rule, error);
        if (code < 0) {
            return code;
        }
    }
    return 0;
}

static int check_numbers(const struct mm_gate_settings *settings, struct mm_error *error)
{
    const struct mm_verdict_settings *verdict = &settings->verdict;

    if (settings->first_look > verdict->pairs || verdict->pairs > settings->extended) {
        return mm_error_set(error, -EINVAL,
                            "first-look %zu, pairs %zu and extended %zu must not fall",
                            settings->first_look, verdict->pairs, settings->extended);
    }
    if (!(verdict->level > 0 && verdict->level < 1) || !(verdict->first_share > 0) ||
        !(verdict->coverage > 0 && verdict->coverage < 1) ||
        !(verdict->power > 0 && verdict->power < 1)) {
        return mm_error_set(error, -EINVAL,
                            "level, first-share, coverage and power must lie above 0, and all but "
                            "first-share below 1");
    }
    return check_rules(settings->metrics, error);
}

/* Each says its own line. */
static int check_benchmarks(const struct mm_gate_settings *settings, struct mm_error *error)
{
    for (size_t i = 0; i < settings->benchmark_count; i++) {
        const struct mm_gate_benchmark_settings *entry = &settings->benchmarks[i];
        int code = check_rules(entry->metrics, error);
        if (code < 0) {
            mm_error_prefix(error, "%s: '%s'", entry->where, entry->name);
            return code;
        }
    }
    return 0;
}

int mm_gate_settings_check(const struct mm_gate_settings *settings, struct mm_error *error)
{
    int code = check_numbers(settings, error);

    return code < 0 ? code : check_benchmarks(settings, error);
}

int mm_gate_settings_load(const char *path, struct mm_gate_settings *settings,
                          struct mm_error *error)
{
    struct mm_config *config = NULL;

    int code = mm_config_load_yaml(path, &config, error);
    if (code < 0) {
        return code;
    }
    mm_gate_settings_release(settings);
    code = read_tree(config, settings, error);
    if (code == 0) {
        code = check_numbers(settings, error);
        if (code < 0) {
            mm_error_prefix(error, "%s", path);
        }
    }
    if (code == 0) {
        code = check_benchmarks(settings, error);
    }
    mm_config_free(config);
    return code;
}
