/* Checks a JSON tree against SCHEMA.md; inside results/ only. */
#ifndef MM_RESULTS_RECORD_CHECK_H
#define MM_RESULTS_RECORD_CHECK_H

#include <jansson.h>

#include "common/error.h"

/*
 * 0 when the tree is a complete record of this schema. -EPROTO with the path of the first member
 * that is missing or has the wrong form ("launches[3].samples[0].elapsed_ns: ..."), -ENOTSUP for a
 * newer schema, -ENOMEM.
 */
int mm_record_check(const json_t *root, struct mm_error *error);

#endif
