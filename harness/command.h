/* Whole commands as workloads: how they are written, and the descriptors that stand for them. */
#ifndef MM_HARNESS_COMMAND_H
#define MM_HARNESS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "workloads/workload.h"

/* The workload "command" and the engine "process": in no table, since nothing but a command runs on
 * them. The parameter `command` is the text that mm_command_split takes apart. */
extern const struct mm_workload mm_command_workload;
extern const struct mm_engine mm_command_engine;

/*
 * Takes a command line apart into words, without a shell: words are separated by blanks; within '
 * everything is as it stands; within " a \ takes the meaning of a following " or \; outside a \
 * takes the meaning of whatever follows. Nothing else means anything: no variables, patterns or
 * pipes. *words is one block that ends with NULL (free it). -EINVAL for no word or an open quote.
 */
int mm_command_split(const char *text, char ***words, struct mm_error *error);

/* A text that mm_command_split takes apart into these words; newly allocated, NULL when memory is
 * short. */
char *mm_command_join(const char *const *words, size_t count);

#endif
