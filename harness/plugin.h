/* Workloads of the user's own, loaded from shared objects: docs/plugins.md. */
#ifndef MM_HARNESS_PLUGIN_H
#define MM_HARNESS_PLUGIN_H

#include "common/error.h"
#include "workloads/workload.h"

/* A loaded shared object with one workload. Counted: each holder releases it once. */
struct mm_plugin;

/*
 * Loads path, looks for the symbol mm_workload_plugin and checks the descriptor behind it: first
 * its ABI version and size, then that nothing in it is missing or would not parse. -EINVAL for a
 * file that is missing, no shared object, or of another ABI, with what to do about it; -ENOMEM.
 */
int mm_plugin_open(const char *path, struct mm_plugin **plugin, struct mm_error *error);

struct mm_plugin *mm_plugin_hold(struct mm_plugin *plugin);
void mm_plugin_release(struct mm_plugin *plugin); /* NULL is fine */

/* Both live as long as somebody holds the plug-in. */
const struct mm_workload *mm_plugin_workload(const struct mm_plugin *plugin);
const char *mm_plugin_path(const struct mm_plugin *plugin); /* absolute */

#endif
