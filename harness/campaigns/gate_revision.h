/* A revision of the project that the gate stands in, checked out and built beside the work tree. */
#ifndef MM_HARNESS_CAMPAIGNS_GATE_REVISION_H
#define MM_HARNESS_CAMPAIGNS_GATE_REVISION_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

/* How a project is built, from the gate's settings file. */
struct mm_gate_build {
    char **steps; /* commands for mm_command_split, run in the top folder of a tree */
    size_t step_count;
    char *program; /* what they make: a program, a folder or a plug-in, below that folder */
    char *command; /* NULL, or what is measured: {program} stands for the program */
};

/* The keys build, program and command of the settings file. -EINVAL with file and line, also when
 * there is no build or program; errors of mm_config_load_yaml. */
int mm_gate_build_load(const char *path, struct mm_gate_build *build, struct mm_error *error);
void mm_gate_build_release(struct mm_gate_build *build);

/* Both trees, built. */
struct mm_gate_revision {
    char *folder; /* of the base: a git worktree of ours, or NULL */
    char *root;   /* of the work tree */
    char *base;   /* the program of either, or its command */
    char *head;
};

/*
 * Checks out revision into a new folder (below $TMPDIR, else /var/tmp), and builds it and the work
 * tree that the current folder lies in. What the steps print goes to standard error unless quiet.
 * -ENXIO: the base cannot be had or does not build; -EINVAL: this is no git work tree; -ECHILD: the
 * work tree does not build; -EINTR: a signal asked for the end. On failure nothing is left behind.
 */
int mm_gate_revision_build(const char *revision, const struct mm_gate_build *build, bool quiet,
                           struct mm_gate_revision *made, struct mm_error *error);

/* Removes the worktree. */
void mm_gate_revision_release(struct mm_gate_revision *revision);

#endif
