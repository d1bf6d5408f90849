/* What the gate compares: two builds of mapmeter, two plug-ins, or two commands. */
#ifndef MM_HARNESS_CAMPAIGNS_GATE_SIDES_H
#define MM_HARNESS_CAMPAIGNS_GATE_SIDES_H

#include <stdint.h>

#include <jansson.h>

#include "common/error.h"

enum mm_gate_kind { MM_GATE_BUILD, MM_GATE_PLUGIN, MM_GATE_COMMAND };

enum mm_gate_side_index { MM_GATE_BASE, MM_GATE_HEAD, MM_GATE_SIDES };

struct mm_gate_side {
    char *given; /* the path or the command as it was written */
    char *path;  /* absolute, of the program or plug-in; NULL of a command */
    char *link;  /* by which launches call it: both sides have names of one length; NULL until
                    mm_gate_sides_link, and of a command */
};

struct mm_gate_sides {
    enum mm_gate_kind kind;
    struct mm_gate_side side[MM_GATE_SIDES];
    char *folder; /* of the links, or NULL */
};

/* "base", "head". */
const char *mm_gate_side_name(int side);

/*
 * Builds (a program, or a folder with a program mapmeter in it or in its bin) or plug-ins (names
 * that end in .so). -EINVAL with the option at fault; -ENXIO when it is the base, which makes it no
 * usable baseline; -ENOMEM.
 */
int mm_gate_sides_find(const char *base, const char *head, struct mm_gate_sides *sides,
                       struct mm_error *error);

/* Two commands; -ENOMEM. */
int mm_gate_sides_commands(const char *base, const char *head, struct mm_gate_sides *sides,
                           struct mm_error *error);

/* Makes a folder of symbolic links in out_folder, so that neither side has the longer path. */
int mm_gate_sides_link(struct mm_gate_sides *sides, const char *out_folder, struct mm_error *error);

/* Sets a variable in the environment, which workers inherit, so that the arguments and environment
 * of both sides are equally large: where the stack begins changes how fast code runs. Commands
 * only; the others are equal by their links. */
int mm_gate_sides_pad(const struct mm_gate_sides *sides, int side);

/* Removes the links and their folder, and the variable; frees everything. */
void mm_gate_sides_release(struct mm_gate_sides *sides);

/* {"kind", "given", "path"?, "digest"?} for the record. */
json_t *mm_gate_side_to_json(const struct mm_gate_sides *sides, int side);

#endif
