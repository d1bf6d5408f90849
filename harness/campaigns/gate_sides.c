/* Finds the two sides and makes them alike in everything but what is compared. */
#include "harness/campaigns/gate_sides.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "harness/campaigns/run_record.h"
#include "harness/plugin.h"
#include "harness/protocol.h"

#define PADDING      "MAPMETER_GATE_PADDING"
#define LINKS_FOLDER ".sides"

const char *mm_gate_side_name(int side)
{
    return side == MM_GATE_BASE ? "base" : "head";
}

static int no_memory(struct mm_error *error)
{
    return mm_error_set(error, -ENOMEM, "not enough memory");
}

static bool is_plugin(const char *path)
{
    size_t length = strlen(path);
    return length > 3 && strcmp(path + length - 3, ".so") == 0;
}

static bool is_program(const char *path)
{
    struct stat state;
    return stat(path, &state) == 0 && S_ISREG(state.st_mode) && access(path, X_OK) == 0;
}

/* A program of that name in the folder given or in its bin; newly allocated, NULL without one. */
static char *program_in(const char *given)
{
    static const char *const names[] = {"mapmeter", "bin/mapmeter"};
    struct stat state;

    if (stat(given, &state) != 0) {
        return NULL;
    }
    if (!S_ISDIR(state.st_mode)) {
        return is_program(given) ? realpath(given, NULL) : NULL;
    }
    for (size_t i = 0; i < MM_COUNT_OF(names); i++) {
        char *path = mm_file_join(given, names[i]);
        char *found = path != NULL && is_program(path) ? realpath(path, NULL) : NULL;
        free(path);
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

/* What is wrong with the base means that there is nothing to compare with. */
static int blame(int side, const char *given, const char *what, struct mm_error *error)
{
    int code = side == MM_GATE_BASE ? -ENXIO : -EINVAL;
    return mm_error_set(error, code, "--%s %s: %s%s", mm_gate_side_name(side), given, what,
                        side == MM_GATE_BASE ? "; without it there is no usable baseline" : "");
}

static int find_plugin(int side, struct mm_gate_side *into, struct mm_error *error)
{
    struct mm_plugin *plugin = NULL;

    int code = mm_plugin_open(into->given, &plugin, error);
    if (code < 0) {
        mm_error_prefix(error, "--%s", mm_gate_side_name(side));
        return code == -EINVAL && side == MM_GATE_BASE ? -ENXIO : code;
    }
    mm_plugin_release(plugin);
    into->path = realpath(into->given, NULL);
    return into->path == NULL ? no_memory(error) : 0;
}

static int find_side(enum mm_gate_kind kind, int side, struct mm_gate_side *into,
                     struct mm_error *error)
{
    if (kind == MM_GATE_PLUGIN) {
        return find_plugin(side, into, error);
    }
    into->path = program_in(into->given);
    if (into->path == NULL) {
        return blame(side, into->given,
                     access(into->given, F_OK) == 0
                         ? "is neither a program nor a folder with a program mapmeter in it"
                         : strerror(errno),
                     error);
    }
    return 0;
}

int mm_gate_sides_find(const char *base, const char *head, struct mm_gate_sides *sides,
                       struct mm_error *error)
{
    int code = 0;

    *sides = (struct mm_gate_sides){
        .kind = is_plugin(head) ? MM_GATE_PLUGIN : MM_GATE_BUILD,
        .side = {{.given = strdup(base)}, {.given = strdup(head)}},
    };
    if (sides->side[MM_GATE_BASE].given == NULL || sides->side[MM_GATE_HEAD].given == NULL) {
        code = no_memory(error);
    } else if (is_plugin(base) != is_plugin(head)) {
        code = mm_error_set(error, -EINVAL,
                            "--base %s and --head %s: one is a plug-in (.so), the other is not",
                            base, head);
    }
    for (int side = 0; code == 0 && side < MM_GATE_SIDES; side++) {
        code = find_side(sides->kind, side, &sides->side[side], error);
    }
    if (code < 0) {
        mm_gate_sides_release(sides);
    }
    return code;
}

int mm_gate_sides_commands(const char *base, const char *head, struct mm_gate_sides *sides,
                           struct mm_error *error)
{
    *sides = (struct mm_gate_sides){
        .kind = MM_GATE_COMMAND,
        .side = {{.given = strdup(base)}, {.given = strdup(head)}},
    };
    if (sides->side[MM_GATE_BASE].given == NULL || sides->side[MM_GATE_HEAD].given == NULL) {
        mm_gate_sides_release(sides);
        return no_memory(error);
    }
    return 0;
}

static int make_link(struct mm_gate_sides *sides, int side, struct mm_error *error)
{
    struct mm_gate_side *one = &sides->side[side];
    char *name =
        mm_text_format("%s%s", mm_gate_side_name(side), sides->kind == MM_GATE_PLUGIN ? ".so" : "");

    one->link = name == NULL ? NULL : mm_file_join(sides->folder, name);
    free(name);
    if (one->link == NULL) {
        return no_memory(error);
    }
    if (symlink(one->path, one->link) != 0) {
        return mm_error_set(error, -errno, "%s: %s", one->link, strerror(errno));
    }
    return 0;
}

int mm_gate_sides_link(struct mm_gate_sides *sides, const char *out_folder, struct mm_error *error)
{
    int code = 0;

    if (sides->kind == MM_GATE_COMMAND) {
        return 0;
    }
    char *absolute = realpath(out_folder, NULL);
    sides->folder = absolute == NULL ? NULL : mm_file_join(absolute, LINKS_FOLDER);
    free(absolute);
    if (sides->folder == NULL) {
        return mm_error_set(error, -errno, "%s: %s", out_folder, strerror(errno));
    }
    if (mkdir(sides->folder, 0777) != 0) {
        return mm_error_set(error, -errno, "%s: %s", sides->folder, strerror(errno));
    }
    for (int side = 0; code == 0 && side < MM_GATE_SIDES; side++) {
        code = make_link(sides, side, error);
    }
    return code;
}

int mm_gate_sides_pad(const struct mm_gate_sides *sides, int side)
{
    if (sides->kind != MM_GATE_COMMAND) {
        return 0;
    }
    size_t own = strlen(sides->side[side].given);
    size_t other = strlen(sides->side[MM_GATE_SIDES - 1 - side].given);
    size_t missing = other > own ? other - own : 0;
    char *padding = malloc(missing + 1);
    if (padding == NULL) {
        return -ENOMEM;
    }
    memset(padding, 'x', missing);
    padding[missing] = '\0';
    int code = setenv(PADDING, padding, 1) == 0 ? 0 : -errno;
    free(padding);
    return code;
}

void mm_gate_sides_release(struct mm_gate_sides *sides)
{
    for (int side = 0; side < MM_GATE_SIDES; side++) {
        struct mm_gate_side *one = &sides->side[side];
        if (one->link != NULL) {
            unlink(one->link);
        }
        free(one->given);
        free(one->path);
        free(one->link);
    }
    if (sides->folder != NULL) {
        rmdir(sides->folder);
    }
    if (sides->kind == MM_GATE_COMMAND) {
        unsetenv(PADDING);
    }
    free(sides->folder);
    *sides = (struct mm_gate_sides){0};
}

json_t *mm_gate_side_to_json(const struct mm_gate_sides *sides, int side)
{
    static const char *const kinds[] = {"build", "plug-in", "command"};
    const struct mm_gate_side *one = &sides->side[side];

    return json_pack("{s:s, s:o, s:o*, s:o*}", "kind", kinds[sides->kind], "given",
                     mm_protocol_text(one->given), "path",
                     one->path == NULL ? NULL : mm_protocol_text(one->path), "digest",
                     one->path == NULL ? NULL : mm_run_digest(one->path));
}
