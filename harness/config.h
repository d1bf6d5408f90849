/*
 * The one configuration tree: YAML suites, -p and --file options and worker input become the same
 * jansson tree of objects, arrays and texts (scalars are never guessed into numbers: a parameter's
 * own type reads them), and every node knows where it came from.
 */
#ifndef MM_HARNESS_CONFIG_H
#define MM_HARNESS_CONFIG_H

#include <stddef.h>

#include <jansson.h>

#include "common/error.h"

struct mm_config;

/* A suite of 4 MiB or nested deeper than this is not one that a person wrote. */
#define MM_CONFIG_LIMIT_BYTES ((size_t)4 << 20)
#define MM_CONFIG_DEPTH_LIMIT 32

/* Reads a YAML file. Errors name file, line and column. -ENOENT and other open errors, -EBADMSG for
 * broken YAML, a repeated key, an alias or tag (not supported), or more than one document. */
int mm_config_load_yaml(const char *path, struct mm_config **config, struct mm_error *error);

/* The same for size bytes of text that are in memory; name stands for the path in messages. */
int mm_config_parse_yaml(const char *name, const char *text, size_t size, struct mm_config **config,
                         struct mm_error *error);

/* An empty object as root, to be filled by hand and marked with mm_config_mark: how options of the
 * command line become a tree that the same validator reads. NULL when memory is short. */
struct mm_config *mm_config_new(void);

/* Says where node (key NULL) or the member key of node came from. -ENOMEM. */
int mm_config_mark(struct mm_config *config, const json_t *node, const char *key,
                   const char *where);

void mm_config_free(struct mm_config *config);

/* Borrowed. */
json_t *mm_config_root(const struct mm_config *config);

/* "suites/quick.yaml:12" for a node of the tree (or the root for one that is unknown), for error
 * lines. Borrowed. */
const char *mm_config_where(const struct mm_config *config, const json_t *node);

/* Where the key itself stands, which is what a misspelled key wants. */
const char *mm_config_where_key(const struct mm_config *config, const json_t *object,
                                const char *key);

/* -EINVAL with the nearest right key unless object is one with no other keys than keys; what names
 * it in the message ("a case"). */
int mm_config_check_keys(const struct mm_config *config, const json_t *object, const char *what,
                         const char *const *keys, size_t key_count, struct mm_error *error);

#endif
