/* Loading and checking of workloads that are not built in. */
#include "harness/plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/command.h"

#define PLUGIN_SYMBOL   "mm_workload_plugin"
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-"

struct mm_plugin {
    unsigned holders;
    char *path;
    void *handle;
    const struct mm_workload *workload;
};

static bool is_name(const char *name)
{
    return name && *name && !name[strspn(name, NAME_CHARACTERS)];
}

/* How many bytes of the options a parameter of this type fills; 0 for a type that is none. */
static size_t field_bytes(enum mm_parameter_type type)
{
    switch (type) {
    case MM_PARAMETER_SIZE:
    case MM_PARAMETER_COUNT:
        return sizeof(uint64_t);
    case MM_PARAMETER_SHARE:
    case MM_PARAMETER_REAL:
        return sizeof(double);
    case MM_PARAMETER_CHOICE:
        return sizeof(uint32_t);
    case MM_PARAMETER_FLAG:
        return sizeof(bool);
    case MM_PARAMETER_TEXT:
        return sizeof(const char *);
    }
    return 0;
}

/* Defaults of the program's own workloads are right; here they come from outside. */
static int check_parameter(const struct mm_workload *workload, size_t index, void *scratch,
                           struct mm_error *error)
{
    const struct mm_parameter *parameter = &workload->parameters[index];
    size_t bytes = field_bytes(parameter->type);
    if (!is_name(parameter->name) || !parameter->summary || !parameter->default_text)
        return mm_error_set(error, -EINVAL,
                            "parameter %zu has not all of name (of a-z, 0-9 and '-'), summary and "
                            "default_text",
                            index);
    if (!bytes || parameter->offset > workload->options_bytes ||
        workload->options_bytes - parameter->offset < bytes)
        return mm_error_set(error, -EINVAL,
                            "the parameter '%s' has an unknown type or lies outside of "
                            "options_bytes",
                            parameter->name);
    if (parameter->type == MM_PARAMETER_CHOICE && (!parameter->choices || !*parameter->choices))
        return mm_error_set(error, -EINVAL, "the parameter '%s' has no choices", parameter->name);
    for (size_t i = 0; i < index; i++) {
        if (!strcmp(workload->parameters[i].name, parameter->name))
            return mm_error_set(error, -EINVAL, "the parameter '%s' is there twice",
                                parameter->name);
    }
    int status = mm_parameter_set(parameter, scratch, parameter->default_text, error);
    if (status)
        mm_error_prefix(error, "a default that does not parse");
    return status;
}

static int check_parameters(const struct mm_workload *workload, struct mm_error *error)
{
    if (workload->parameter_count && !workload->parameters)
        return mm_error_set(error, -EINVAL, "its parameter_count is not 0, but it has none");
    void *scratch = calloc(1, workload->options_bytes ? workload->options_bytes : 1);
    if (!scratch)
        return mm_error_set(error, -ENOMEM, "not enough memory");
    int status = 0;
    for (size_t i = 0; i < workload->parameter_count && !status; i++)
        status = check_parameter(workload, i, scratch, error);
    free(scratch);
    return status;
}

static int check_workload(const struct mm_workload *workload, struct mm_error *error)
{
    /* Nothing behind these two members may be read before they are right. */
    if (workload->abi_version != MM_WORKLOAD_ABI_VERSION)
        return mm_error_set(error, -EINVAL,
                            "built for version %u of workload.h, this mapmeter has %d; build it "
                            "anew against the header of this mapmeter",
                            workload->abi_version, MM_WORKLOAD_ABI_VERSION);
    if (workload->size_bytes != sizeof(struct mm_workload))
        return mm_error_set(error, -EINVAL,
                            "its descriptor has %u bytes, that of this mapmeter %zu; build it anew "
                            "against the header of this mapmeter, with "
                            ".size_bytes = sizeof(struct mm_workload)",
                            workload->size_bytes, sizeof(struct mm_workload));
    if (!is_name(workload->name))
        return mm_error_set(error, -EINVAL,
                            "its workload has no name, or one of other characters than a-z, 0-9 "
                            "and '-'");
    if (!workload->summary || !workload->plan || !workload->touch || !workload->verify)
        return mm_error_set(error, -EINVAL,
                            "its workload '%s' lacks one of summary, plan, touch and verify",
                            workload->name);
    if (mm_workload_find(workload->name) || !strcmp(workload->name, mm_command_workload.name))
        return mm_error_set(error, -EINVAL,
                            "its workload is called '%s' as one of mapmeter's own; give it "
                            "another name",
                            workload->name);
    return check_parameters(workload, error);
}

static int load(struct mm_plugin *plugin, struct mm_error *error)
{
    plugin->handle = dlopen(plugin->path, RTLD_NOW | RTLD_LOCAL);
    if (!plugin->handle)
        return mm_error_set(error, -EINVAL, "cannot be loaded: %s", dlerror());
    const struct mm_workload *const *symbol = dlsym(plugin->handle, PLUGIN_SYMBOL);
    if (!symbol || !*symbol)
        return mm_error_set(error, -EINVAL,
                            "it has no symbol " PLUGIN_SYMBOL "; end its source with "
                            "MM_WORKLOAD_PLUGIN(<descriptor>) and build it as docs/plugins.md "
                            "says");
    plugin->workload = *symbol;
    return check_workload(plugin->workload, error);
}

int mm_plugin_open(const char *path, struct mm_plugin **plugin, struct mm_error *error)
{
    struct mm_plugin *opened = calloc(1, sizeof(*opened));
    if (!opened)
        return mm_error_set(error, -ENOMEM, "not enough memory");
    opened->holders = 1;
    opened->path = realpath(path, NULL);
    int status = opened->path
                     ? load(opened, error)
                     : mm_error_set(error, -EINVAL, "cannot be opened: %s", strerror(errno));
    if (status) {
        mm_error_prefix(error, "plug-in %s", path);
        mm_plugin_release(opened);
        return status;
    }
    *plugin = opened;
    return 0;
}

struct mm_plugin *mm_plugin_hold(struct mm_plugin *plugin)
{
    plugin->holders++;
    return plugin;
}

void mm_plugin_release(struct mm_plugin *plugin)
{
    if (!plugin || --plugin->holders)
        return;
    if (plugin->handle)
        dlclose(plugin->handle);
    free(plugin->path);
    free(plugin);
}

const struct mm_workload *mm_plugin_workload(const struct mm_plugin *plugin)
{
    return plugin->workload;
}

const char *mm_plugin_path(const struct mm_plugin *plugin)
{
    return plugin->path;
}
