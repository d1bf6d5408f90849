/* Parameters of workloads and engines as data: one table serves suites, -p, help and the record. */
#ifndef MM_WORKLOADS_PARAMETER_H
#define MM_WORKLOADS_PARAMETER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum mm_parameter_type {
    MM_PARAMETER_SIZE,   /* bytes, "64KiB"; a uint64_t in the options */
    MM_PARAMETER_COUNT,  /* whole number; uint64_t */
    MM_PARAMETER_SHARE,  /* 0 to 1, or "25%"; double */
    MM_PARAMETER_REAL,   /* any finite number; double */
    MM_PARAMETER_CHOICE, /* one of choices; uint32_t, the index into choices */
    MM_PARAMETER_FLAG,   /* "true" or "false"; bool */
    MM_PARAMETER_TEXT    /* const char *, owned by the binder for the life of the options */
};

/* One parameter. Names are unique over a workload and the engine it is paired with. */
struct mm_parameter {
    const char *name; /* lower case, words joined by '-', as in suites, -p and the record */
    const char *summary;
    enum mm_parameter_type type;
    const char *default_text; /* in the syntax of the type; never NULL */
    const char *choices;      /* CHOICE only: "read|write|read-modify-write" */
    uint64_t minimum;         /* SIZE and COUNT */
    uint64_t maximum;         /* SIZE and COUNT; 0 means no limit */
    size_t offset;            /* offsetof the field in the options struct */
};

/*
 * Reads text as parameter's type into its field of options. -EINVAL or -ERANGE with an error that
 * names the parameter, the value and what is allowed (nearest choice included); options unchanged.
 * A TEXT field is set to text itself, which must outlive options.
 */
int mm_parameter_set(const struct mm_parameter *parameter, void *options, const char *text,
                     struct mm_error *error);

/* Sets every field to its default; a default that does not parse is a programming mistake. */
void mm_parameters_set_defaults(const struct mm_parameter *parameters, size_t count, void *options);

/* The canonical spelling of the present value ("1MiB", "read", "0.25"), newly allocated (free it).
 * It is what stands in case names and records, and mm_parameter_set reads it back unchanged. */
char *mm_parameter_write(const struct mm_parameter *parameter, const void *options);

/* NULL when there is none of that name. */
const struct mm_parameter *mm_parameter_find(const struct mm_parameter *parameters, size_t count,
                                             const char *name);

#endif
