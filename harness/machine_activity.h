/* What the whole machine did meanwhile: traffic of a block device and TLB shootdowns, by whomever.
 */
#ifndef MM_HARNESS_MACHINE_ACTIVITY_H
#define MM_HARNESS_MACHINE_ACTIVITY_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#define MM_MACHINE_PATH_BYTES 512

/* Where to look; plain data. */
struct mm_machine_places {
    char device_stat[MM_MACHINE_PATH_BYTES]; /* "" where no block device is known */
    char interrupts[MM_MACHINE_PATH_BYTES];
};

/* One moment; plain data. */
struct mm_machine_reading {
    bool device_valid;
    uint64_t device_read_bytes;
    uint64_t device_written_bytes;
    uint64_t device_flushes; /* requests that empty the device's own write cache */
    uint64_t device_busy_ns;
    bool tlb_valid;
    uint64_t tlb_shootdowns;
};

/* The device under path, an existing file, and the kernel's list of interrupts. */
void mm_machine_places(const char *path, struct mm_machine_places *places);

/* Reads files and takes some 50 us: outside of every clock. */
void mm_machine_read(const struct mm_machine_places *places, struct mm_machine_reading *reading);

/* The device alone, some 10 us. */
void mm_machine_read_device(const struct mm_machine_places *places,
                            struct mm_machine_reading *reading);

/* The member machine of a sample: differences, or why there are none. New reference. */
json_t *mm_machine_difference(const struct mm_machine_reading *before,
                              const struct mm_machine_reading *after);

#endif
