/* What this machine is: the environment and the files of a record. */
#ifndef MM_HARNESS_ENVIRONMENT_H
#define MM_HARNESS_ENVIRONMENT_H

#include <stdio.h>

#include <jansson.h>

#include "common/error.h"

/* The member environment of SCHEMA.md, everything but steal_share. New reference; NULL when memory
 * is short. */
json_t *mm_environment_collect(void);

/* /proc/stat's first line at one moment, to get steal_share over a run. */
struct mm_environment_cpu_time {
    unsigned long long total;
    unsigned long long steal;
    int valid;
};
void mm_environment_read_cpu_time(struct mm_environment_cpu_time *time);
json_t *mm_environment_steal_share(const struct mm_environment_cpu_time *before,
                                   const struct mm_environment_cpu_time *after);

/* The facts of the file system under path: filesystem, mount_options, mount_point, device,
 * read_ahead_bytes, rotational, storage_fingerprint, extents, extents_unwritten, as in SCHEMA.md.
 * New reference; what cannot be had says why. path must exist. */
json_t *mm_environment_file_facts(const char *path);

/* Bytes this process has caused to be read from and written to storage (/proc/self/io), as the
 * metrics read_bytes and written_bytes. Allocates nothing. */
struct mm_environment_io {
    unsigned long long read_bytes;
    unsigned long long written_bytes;
    const char *why_unavailable; /* NULL when valid */
};
void mm_environment_read_io(struct mm_environment_io *io);

/* One fact of `mapmeter doctor`: what can be measured here, or why not and the remedy. */
enum mm_doctor_state { MM_DOCTOR_OK, MM_DOCTOR_LIMITED, MM_DOCTOR_MISSING };
struct mm_doctor_fact {
    const char *subject;
    enum mm_doctor_state state;
    char finding[256];
    char remedy[256]; /* empty when nothing is to be done */
};
/* Probes everything for files in folder; writes at most limit facts and returns how many. */
size_t mm_doctor_probe(const char *folder, struct mm_doctor_fact *facts, size_t limit);

#endif
