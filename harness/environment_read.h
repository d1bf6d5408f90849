/* Reading the small text files by which the kernel tells about itself. */
#ifndef MM_HARNESS_ENVIRONMENT_READ_H
#define MM_HARNESS_ENVIRONMENT_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

/* The first line of a file without its newline, cut at bytes - 1. 0 or a negative errno; text is
 * then untouched. */
int mm_environment_read_line(const char *path, char *text, size_t bytes);

/* The first line as a decimal number; -EINVAL when it is none. */
int mm_environment_read_number(const char *path, long long *number);

/* The choice in brackets of a line such as "always [madvise] never", else the whole line. */
int mm_environment_read_choice(const char *path, char *text, size_t bytes);

/* The text after "key<blanks>:" in a file of such lines (/proc/cpuinfo, /proc/meminfo,
 * /proc/self/io); -ENODATA when no line has that key. */
int mm_environment_read_key(const char *path, const char *key, char *text, size_t bytes);

#define MM_ENVIRONMENT_HASH_START UINT64_C(0xcbf29ce484222325)

/* Goes on with a fingerprint by one more text; neighbours cannot run into each other. */
uint64_t mm_environment_add_to_hash(uint64_t hash, const char *text);

/* A JSON text; bytes that are not UTF-8 (names of mounts and hosts may hold any) become '?'. New
 * reference. */
json_t *mm_environment_text(const char *text);

/* {"unavailable": "<formatted text>"}: how a record says why a value is missing. New reference. */
json_t *mm_environment_unavailable(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Sets key of object to value, stealing the reference; false when memory is short. */
bool mm_environment_set(json_t *object, const char *key, json_t *value);

/* The hypervisor under this kernel ("kvm", "xen", "vmware", "hyper-v", ...), "none" on bare metal.
 * -ENODATA where it cannot be known. */
int mm_environment_virtualisation(char *name, size_t bytes);
bool mm_environment_is_virtual(void);

/* The container this process runs in ("docker", "podman", ...), or "none". */
void mm_environment_container(char *name, size_t bytes);

/* The least memory limit of this process's control groups, version 1 or 2; -ENODATA without one. */
int mm_environment_memory_limit(unsigned long long *bytes);

/* kernel.perf_event_paranoid; -errno when this kernel has none. */
int mm_environment_perf_event_paranoid(long long *level);

#endif
