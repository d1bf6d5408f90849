/*
 * The one configuration tree: YAML suites, -p and --file options and worker input become the same
 * jansson tree of objects, arrays and texts (scalars are never guessed into numbers: a parameter's
 * own type reads them), and every node knows where it came from.
 */
#ifndef MM_HARNESS_CONFIG_H
#define MM_HARNESS_CONFIG_H

#include <jansson.h>

#include "common/error.h"

struct mm_config;

/* Reads a YAML file. Errors name file, line and column. -ENOENT and other open errors, -EBADMSG for
 * broken YAML, a repeated key, an alias or tag (not supported), or more than one document. */
int mm_config_load_yaml(const char *path, struct mm_config **config, struct mm_error *error);
void mm_config_free(struct mm_config *config);

/* Borrowed. */
json_t *mm_config_root(const struct mm_config *config);

/* "suites/quick.yaml:12" for a node of the tree (or the nearest known one), for error lines.
 * Borrowed. */
const char *mm_config_where(const struct mm_config *config, const json_t *node);

/* Where the key itself stands, which is what a misspelled key wants. */
const char *mm_config_where_key(const struct mm_config *config, const json_t *object,
                                const char *key);

#endif
