/* Finds a suite by path or name: in the user's folder, else among those built into the program. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "harness/plan_internal.h"

#define SUGGESTION_BYTES 96
#define NAMES_LIMIT      256

static bool is_path(const char *suite)
{
    size_t length = strlen(suite);
    return strchr(suite, '/') || (length > 5 && !strcmp(suite + length - 5, ".yaml")) ||
           (length > 4 && !strcmp(suite + length - 4, ".yml"));
}

static int unknown_suite(const struct mm_plan_request *request, struct mm_error *error)
{
    const char *names[NAMES_LIMIT];
    size_t count = 0;
    while (count < request->shipped_count && count < NAMES_LIMIT) {
        names[count] = request->shipped[count].name;
        count++;
    }
    char suggestion[SUGGESTION_BYTES];
    mm_text_suggestion(request->suite, names, count, suggestion, sizeof(suggestion));
    return mm_error_set(error, -EINVAL, "unknown suite '%s'%s", request->suite,
                        suggestion[0] ? suggestion
                                      : "; 'mapmeter list' shows those that are shipped, and a "
                                        "file of your own ends in .yaml");
}

/* The suite of that name in the folder, if there is one: -ENOENT otherwise. */
static int load_from_folder(const struct mm_plan_request *request, struct mm_config **config,
                            char **path, struct mm_error *error)
{
    if (!request->suite_folder)
        return -ENOENT;
    char *file = mm_text_format("%s/%s.yaml", request->suite_folder, request->suite);
    if (!file)
        return mm_error_set(error, -ENOMEM, "not enough memory");
    int status = mm_config_load_yaml(file, config, error);
    if (status)
        free(file);
    else
        *path = file;
    return status;
}

int mm_plan_load_suite(const struct mm_plan_request *request, struct mm_config **config,
                       char **path, struct mm_error *error)
{
    char *name = NULL;
    if (is_path(request->suite)) {
        name = strdup(request->suite);
        int status = name ? mm_config_load_yaml(name, config, error)
                          : mm_error_set(error, -ENOMEM, "not enough memory");
        if (status)
            free(name);
        else
            *path = name;
        return status;
    }
    int status = load_from_folder(request, config, path, error);
    if (status != -ENOENT)
        return status;
    for (size_t i = 0; i < request->shipped_count; i++) {
        const struct mm_plan_shipped_suite *shipped = &request->shipped[i];
        if (strcmp(shipped->name, request->suite))
            continue;
        name = strdup(shipped->path);
        if (!name)
            return mm_error_set(error, -ENOMEM, "not enough memory");
        status = mm_config_parse_yaml(name, shipped->text, strlen(shipped->text), config, error);
        if (status)
            free(name);
        else
            *path = name;
        return status;
    }
    return unknown_suite(request, error);
}
