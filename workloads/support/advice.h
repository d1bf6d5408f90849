/* The parameter `advice`, common to the engines that go through the page cache. */
#ifndef MM_WORKLOADS_SUPPORT_ADVICE_H
#define MM_WORKLOADS_SUPPORT_ADVICE_H

#include <stddef.h>
#include <stdint.h>

#include "workloads/engines/engine.h"

/* In the order of MM_ADVICE_CHOICES. AUTO becomes what fits the workload's pattern. */
enum mm_advice {
    MM_ADVICE_NORMAL,
    MM_ADVICE_SEQUENTIAL,
    MM_ADVICE_RANDOM,
    MM_ADVICE_WILLNEED,
    MM_ADVICE_POPULATE,
    MM_ADVICE_HUGE_PAGES,
    MM_ADVICE_AUTO
};
#define MM_ADVICE_CHOICES "normal|sequential|random|willneed|populate|huge-pages|auto"

struct mm_advice_options {
    uint32_t advice;
};

/* The table of an engine whose one parameter is the advice. */
extern const struct mm_parameter mm_advice_parameter;

const char *mm_advice_name(enum mm_advice advice);

/* AUTO as the advice for pattern, everything else as it is. */
enum mm_advice mm_advice_for_pattern(enum mm_advice advice, enum mm_access_pattern pattern);

/* What was asked for and what came of it. status is 0 or the negative errno of the refusal; refused
 * advice is not an error, the record says it. */
struct mm_advice_outcome {
    enum mm_advice requested;
    enum mm_advice effective; /* requested, with AUTO resolved */
    int status;
};

/* Tells advice_requested and advice_granted. */
void mm_advice_describe(const struct mm_advice_outcome *outcome,
                        const struct mm_engine_facts *facts);

#endif
