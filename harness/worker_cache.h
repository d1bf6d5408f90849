/* The cache state of a sample: made before it, verified before or after it, and recorded. */
#ifndef MM_HARNESS_WORKER_CACHE_H
#define MM_HARNESS_WORKER_CACHE_H

#include <stdbool.h>

#include <jansson.h>

#include "harness/cache_state.h"
#include "harness/folios.h"
#include "harness/memory_limit.h"
#include "harness/peers.h"
#include "harness/plan.h"
#include "harness/worker_process.h"

/* Plain data. */
struct mm_worker_cache {
    struct mm_cache_residency before;
    struct mm_cache_residency after;
    bool by_device_bytes;    /* no call told the state: the bytes the device delivers have to */
    bool rebuilt;            /* evicted and read in again for this sample */
    struct mm_folios folios; /* of the file where it was rebuilt */
    struct mm_memory_limit limit; /* of MM_CACHE_PRESSURE */
    bool no_file;                 /* the engine does not read through the page cache */
};

/*
 * Nothing may have the file mapped; for pressure the process must have entered its memory limit,
 * which cache->limit holds already. Sets *failure, kind "cache", when the state is not reached.
 * Warm and rebuild: the file is evicted and read in again in order, since what was there before it
 * decides the size of the folios, and these decide how many faults a warm pass takes.
 */
int mm_worker_cache_prepare(const struct mm_plan_case *plan_case, const struct mm_plan_file *file,
                            bool rebuild, struct mm_worker_cache *cache,
                            struct mm_worker_failure *failure);

/* After the warm-up: what the clock finds, where the warm-up belongs to the state (pressure). */
int mm_worker_cache_warmed_up(const struct mm_plan_case *plan_case, const struct mm_plan_file *file,
                              struct mm_worker_cache *cache, struct mm_worker_failure *failure);

/* After the passes, before close. io is the traffic of all processes of the sample. */
int mm_worker_cache_confirm(const struct mm_plan_case *plan_case, const struct mm_plan_file *file,
                            const struct mm_worker_io *io, struct mm_worker_cache *cache,
                            struct mm_worker_failure *failure);

/* The member cache of a sample. New reference. */
json_t *mm_worker_cache_to_json(const struct mm_plan_case *plan_case,
                                const struct mm_worker_cache *cache);

#endif
