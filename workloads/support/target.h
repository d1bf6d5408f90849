/* What engines share about the file behind the array: opening, whole transfers, record locks. */
#ifndef MM_WORKLOADS_SUPPORT_TARGET_H
#define MM_WORKLOADS_SUPPORT_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "workloads/engines/engine.h"

/* Opens the file of target for reading, or for both when it is writable, and checks that it holds
 * the array: -ENODATA when it is too short, -EINVAL for an array without bytes, else what open(2)
 * says. *descriptor is the caller's. */
int mm_target_open(const struct mm_engine_target *target, int *descriptor, struct mm_error *error);

/* The check alone, on a file that is not opened by it. */
int mm_target_check(const struct mm_engine_target *target, struct mm_error *error);

/* All of length_bytes at offset_bytes of the file, over short transfers and signals. -ENODATA when
 * the file ends before. */
int mm_target_read(int descriptor, void *buffer, uint64_t length_bytes, uint64_t offset_bytes,
                   struct mm_error *error);
int mm_target_write(int descriptor, const void *buffer, uint64_t length_bytes,
                    uint64_t offset_bytes, struct mm_error *error);

/* OFD record locks on bytes of the array's data, as struct mm_engine's lock and unlock. */
int mm_target_lock(int descriptor, const struct mm_array *array, uint64_t offset_bytes,
                   uint64_t length_bytes, bool exclusive, struct mm_error *error);
int mm_target_unlock(int descriptor, const struct mm_array *array, uint64_t offset_bytes,
                     uint64_t length_bytes, struct mm_error *error);

#endif
