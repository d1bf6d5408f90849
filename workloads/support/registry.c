/* Finds workloads and engines by name in the generated tables. */
#include <string.h>

#include "workloads/workload.h"

const struct mm_workload *mm_workload_find(const char *name)
{
    for (size_t i = 0; i < mm_workload_count; i++)
        if (strcmp(mm_workloads[i]->name, name) == 0)
            return mm_workloads[i];
    return NULL;
}

const struct mm_engine *mm_engine_find(const char *name)
{
    for (size_t i = 0; i < mm_engine_count; i++)
        if (strcmp(mm_engines[i]->name, name) == 0)
            return mm_engines[i];
    return NULL;
}
