/* Starts fresh worker processes and brings home what they measured, or why they did not. */
#ifndef MM_HARNESS_LAUNCHER_H
#define MM_HARNESS_LAUNCHER_H

#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "common/error.h"

struct mm_launcher_worker;

/*
 * Starts `binary worker --channel N` in a process group of its own (binary NULL: this program,
 * /proc/self/exe) and sends prepare. case_json and file_json are members of the record (of a
 * command the whole array of files). Whatever goes wrong later ends in *failure (see below) and
 * never in a hung launcher.
 */
int mm_launcher_start(const char *binary, const json_t *case_json, const json_t *file_json,
                      uint64_t launch_seed, uint64_t timeout_ns, struct mm_launcher_worker **worker,
                      struct mm_error *error);

/*
 * Asks for one sample. 0 and *sample (new reference), or a negative errno and *failure, the member
 * failure of a launch: kind "killed" (with signal), "timeout", "exited", "protocol", or what the
 * worker itself said. -EINTR: a signal asked this program to end; the worker was ended.
 */
int mm_launcher_sample(struct mm_launcher_worker *worker, uint64_t seed, uint64_t iterations,
                       json_t **sample, json_t **failure);

/* Every sample from here on carries inject, the member of that name of the protocol; NULL: none. */
void mm_launcher_inject(struct mm_launcher_worker *worker, json_t *inject);

/* Ends the worker, its peers too, and waits for them; frees worker. *closing is the member "launch"
 * of its answer or NULL; a worker that does not end in time is killed. */
void mm_launcher_finish(struct mm_launcher_worker *worker, json_t **closing);

pid_t mm_launcher_pid(const struct mm_launcher_worker *worker);

#endif
