/* The processes of a multi-process workload: forked by the worker, led step by step. */
#ifndef MM_HARNESS_PEERS_H
#define MM_HARNESS_PEERS_H

#include <stdint.h>

#include "common/error.h"
#include "harness/worker_process.h"

/* Why a sample failed; kind and signal as in the member failure of a launch. */
struct mm_worker_failure {
    const char *kind; /* static; "killed", "exited", "error", "checksum" or "cache" */
    int signal;       /* of "killed" */
    struct mm_error error;
};

struct mm_peers;

/*
 * Forks needs.processes peers. Each has counters of its own, alike those of this process, and will
 * open its own engine file and show its progress in series (may be NULL). They die with this
 * process. A negative errno sets *failure; no peer is left then.
 */
int mm_peers_start(const struct mm_plan_case *plan_case, const struct mm_plan_file *file,
                   const struct mm_counters *counters, uint64_t seed,
                   const struct mm_worker_injection *injection, void *shared,
                   struct mm_series_room *series, struct mm_peers **peers,
                   struct mm_worker_failure *failure);

/*
 * Lets all peers do one step, PASS by a barrier that releases them together, and waits until every
 * one has finished it. *released_ns (may be NULL) is the moment of the last release. When a peer
 * fails or dies, the others, which may wait for it, are killed: -ECANCELED with *failure of that
 * peer.
 */
int mm_peers_do(struct mm_peers *peers, enum mm_worker_action action, uint64_t *released_ns,
                struct mm_worker_failure *failure);

uint32_t mm_peers_count(const struct mm_peers *peers);

/* Borrowed; to be read between steps only. */
const struct mm_worker_result *mm_peers_result(const struct mm_peers *peers, uint32_t peer);

/* Ends all peers, waits for them and frees peers. */
void mm_peers_stop(struct mm_peers *peers);

#endif
