/* The order of the launches. */
#include <errno.h>
#include <stdlib.h>

#include "common/random.h"
#include "harness/plan_internal.h"

static uint32_t most_launches(const struct mm_plan *plan, size_t *total)
{
    uint32_t most = 0;
    *total = 0;
    for (size_t i = 0; i < plan->case_count; i++) {
        if (plan->cases[i].skip_reason)
            continue;
        *total += plan->cases[i].launches;
        if (plan->cases[i].launches > most)
            most = plan->cases[i].launches;
    }
    return most;
}

int mm_plan_order(const struct mm_plan *plan, struct mm_plan_launch **launches, size_t *count,
                  struct mm_error *error)
{
    size_t total;
    uint32_t rounds = most_launches(plan, &total);
    struct mm_plan_launch *order = calloc(total + 1, sizeof(*order));
    if (!order)
        return mm_error_set(error, -ENOMEM, "not enough memory for %zu launches", total);
    struct mm_random random;
    mm_random_seed(&random, plan->seed);
    size_t used = 0;
    /* Each round has every case once that still wants a launch, so that a slow drift of the machine
     * meets all cases alike. */
    for (uint32_t round = 0; round < rounds; round++) {
        size_t start = used;
        for (size_t i = 0; i < plan->case_count; i++) {
            if (!plan->cases[i].skip_reason && round < plan->cases[i].launches)
                order[used++] =
                    (struct mm_plan_launch){.case_index = (uint32_t)i, .launch_index = round};
        }
        mm_random_shuffle(&random, order + start, used - start, sizeof(*order));
    }
    *launches = order;
    *count = total;
    return 0;
}
