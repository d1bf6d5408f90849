/* Finds by name what a suite or a command line names, and says what is nearest when there is none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "common/units.h"
#include "harness/plan_internal.h"

#define SUGGESTION_BYTES 96
#define NAMES_LIMIT      256

static const struct mm_workload *find_plugged_in(const struct mm_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->plugin_count; i++) {
        const struct mm_workload *workload = mm_plugin_workload(plan->plugins[i]);
        if (!strcmp(workload->name, name))
            return workload;
    }
    return NULL;
}

struct mm_plugin *mm_plan_plugin_of(const struct mm_plan *plan, const struct mm_workload *workload)
{
    for (size_t i = 0; i < plan->plugin_count; i++) {
        if (mm_plugin_workload(plan->plugins[i]) == workload)
            return plan->plugins[i];
    }
    return NULL;
}

int mm_plan_find_workload(const struct mm_plan *plan, const char *name,
                          const struct mm_workload **workload, struct mm_error *error)
{
    const struct mm_workload *found = mm_workload_find(name);
    if (!found)
        found = find_plugged_in(plan, name);
    if (found) {
        *workload = found;
        return 0;
    }
    const char *names[NAMES_LIMIT];
    size_t count = 0;
    while (count < mm_workload_count && count < NAMES_LIMIT) {
        names[count] = mm_workloads[count]->name;
        count++;
    }
    for (size_t i = 0; i < plan->plugin_count && count < NAMES_LIMIT; i++)
        names[count++] = mm_plugin_workload(plan->plugins[i])->name;
    char suggestion[SUGGESTION_BYTES];
    mm_text_suggestion(name, names, count, suggestion, sizeof(suggestion));
    return mm_error_set(error, -EINVAL, "unknown workload '%s'%s", name,
                        suggestion[0] ? suggestion : "; 'mapmeter list' shows all");
}

int mm_plan_find_engine(const char *name, const struct mm_engine **engine, struct mm_error *error)
{
    const struct mm_engine *found = mm_engine_find(name);
    if (found) {
        *engine = found;
        return 0;
    }
    const char *names[NAMES_LIMIT];
    size_t count = 0;
    while (count < mm_engine_count && count < NAMES_LIMIT) {
        names[count] = mm_engines[count]->name;
        count++;
    }
    char suggestion[SUGGESTION_BYTES];
    mm_text_suggestion(name, names, count, suggestion, sizeof(suggestion));
    return mm_error_set(error, -EINVAL, "unknown engine '%s'%s", name,
                        suggestion[0] ? suggestion : "; 'mapmeter list' shows all");
}

const struct mm_parameter *mm_plan_parameter(const struct mm_workload *workload,
                                             const struct mm_engine *engine, const char *name)
{
    const struct mm_parameter *parameter = NULL;
    if (workload)
        parameter = mm_parameter_find(workload->parameters, workload->parameter_count, name);
    if (!parameter && engine)
        parameter = mm_parameter_find(engine->parameters, engine->parameter_count, name);
    return parameter;
}

static void add_names(const struct mm_parameter *parameters, size_t parameter_count,
                      const char **names, size_t *count)
{
    for (size_t i = 0; i < parameter_count && *count < NAMES_LIMIT; i++)
        names[(*count)++] = parameters[i].name;
}

int mm_plan_unknown_parameter(const struct mm_plan_scope *scope, const char *name,
                              struct mm_error *error)
{
    const char *names[NAMES_LIMIT];
    size_t count = 0;
    for (size_t i = 0; i < scope->workload_count; i++)
        add_names(scope->workloads[i]->parameters, scope->workloads[i]->parameter_count, names,
                  &count);
    for (size_t i = 0; i < scope->engine_count; i++)
        add_names(scope->engines[i]->parameters, scope->engines[i]->parameter_count, names, &count);
    char suggestion[SUGGESTION_BYTES];
    mm_text_suggestion(name, names, count, suggestion, sizeof(suggestion));
    bool one = scope->workload_count == 1;
    return mm_error_set(error, -EINVAL, "unknown parameter '%s'%s%s%s", name, one ? " of " : "",
                        one ? scope->workloads[0]->name : "",
                        suggestion[0] ? suggestion : "; 'mapmeter list' shows all");
}

/* ", did you mean 'KiB'?" for what follows the digits of text; "" when nothing does. */
static const char *unit_suggestion(const char *text, const char *const *units, size_t unit_count,
                                   char suggestion[SUGGESTION_BYTES])
{
    const char *unit = text + strspn(text, "0123456789. ");
    suggestion[0] = '\0';
    if (!*unit)
        return suggestion;
    return mm_text_suggestion(unit, units, unit_count, suggestion, SUGGESTION_BYTES);
}

int mm_plan_parse_size(const char *text, uint64_t *bytes, struct mm_error *error)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "kB", "MB", "GB", "TB"};
    int status = mm_units_parse_size(text, bytes);
    if (status == -ERANGE)
        return mm_error_set(error, -EINVAL, "size '%s' does not fit in 64 bits", text);
    if (status) {
        char suggestion[SUGGESTION_BYTES];
        unit_suggestion(text, units, MM_COUNT_OF(units), suggestion);
        return mm_error_set(error, -EINVAL, "'%s' is not a size%s", text,
                            suggestion[0] ? suggestion : " (write 64KiB, 16MiB or 4GiB)");
    }
    if (!*bytes)
        return mm_error_set(error, -EINVAL, "size '%s' must be more than nothing", text);
    return 0;
}

int mm_plan_parse_memory(const char *text, double *share, uint64_t *bytes, struct mm_error *error)
{
    size_t length = strlen(text);
    if (!length || text[length - 1] != '%') {
        return mm_plan_parse_size(text, bytes, error);
    }
    char *end;
    double percent = strtod(text, &end);
    if (end != text + length - 1 || !(percent > 0 && percent < 100))
        return mm_error_set(error, -EINVAL, "'%s' is not a share from 0%% to 100%%", text);
    *share = percent / 100;
    *bytes = 0;
    return 0;
}

int mm_plan_parse_duration(const char *text, uint64_t *nanoseconds, struct mm_error *error)
{
    static const char *const units[] = {"ns", "us", "ms", "s", "m", "h"};
    if (mm_units_parse_duration(text, nanoseconds)) {
        char suggestion[SUGGESTION_BYTES];
        unit_suggestion(text, units, MM_COUNT_OF(units), suggestion);
        return mm_error_set(error, -EINVAL, "'%s' is not a duration%s", text,
                            suggestion[0] ? suggestion : " (write 250ms, 60s or 5m)");
    }
    if (!*nanoseconds)
        return mm_error_set(error, -EINVAL, "duration '%s' must be more than nothing", text);
    return 0;
}

int mm_plan_parse_interval(const char *text, uint64_t *nanoseconds, struct mm_error *error)
{
    if (!strcmp(text, "off")) {
        *nanoseconds = 0;
        return 0;
    }
    int status = mm_plan_parse_duration(text, nanoseconds, error);
    if (!status && *nanoseconds < MM_PLAN_LEAST_INTERVAL_NS)
        status = mm_error_set(error, -EINVAL,
                              "interval '%s' is too short: write 1ms or more, or off", text);
    return status;
}

int mm_plan_request_interval(const struct mm_plan_request *request, struct mm_plan_case *plan_case,
                             struct mm_error *error)
{
    int status = request->interval
                     ? mm_plan_parse_interval(request->interval, &plan_case->interval_ns, error)
                     : 0;
    if (status)
        mm_error_prefix(error, "--interval");
    return status;
}
