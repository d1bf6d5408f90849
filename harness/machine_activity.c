/* Reads /sys/dev/block/<number>/stat and /proc/interrupts. */
#include "harness/machine_activity.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/environment_file.h"
#include "harness/environment_read.h"

#define SECTOR_BYTES UINT64_C(512) /* of this file, whatever the device's own are */

void mm_machine_places(const char *path, struct mm_machine_places *places)
{
    struct mm_environment_mount mount;
    char folder[PATH_MAX];
    *places = (struct mm_machine_places){.interrupts = "/proc/interrupts"};
    if (mm_environment_find_mount(path, &mount) || mm_environment_find_device(&mount, folder))
        return;
    if (strlen(folder) + sizeof("/stat") <= sizeof(places->device_stat)) {
        strcpy(places->device_stat, folder);
        strcat(places->device_stat, "/stat");
    }
}

/* Fields as in the kernel's Documentation/block/stat.rst: 2 and 6 are sectors, 9 is milliseconds,
 * 15 (since 5.5) flush requests. */
static void read_device(const char *path, struct mm_machine_reading *reading)
{
    enum { READ_SECTORS = 2, WRITTEN_SECTORS = 6, BUSY_MS = 9, FLUSHES = 15, FIELDS = 17 };
    unsigned long long fields[FIELDS] = {0};
    char line[512];
    if (path[0] == '\0' || mm_environment_read_line(path, line, sizeof(line)))
        return;
    int count = 0;
    for (char *rest = line; count < FIELDS; count++) {
        char *end;
        fields[count] = strtoull(rest, &end, 10);
        if (end == rest)
            break;
        rest = end;
    }
    if (count <= BUSY_MS)
        return;
    reading->device_valid = true;
    reading->device_read_bytes = fields[READ_SECTORS] * SECTOR_BYTES;
    reading->device_written_bytes = fields[WRITTEN_SECTORS] * SECTOR_BYTES;
    reading->device_busy_ns = fields[BUSY_MS] * UINT64_C(1000000);
    reading->device_flushes = fields[FLUSHES];
}

/* "TLB:  38522  34353   TLB shootdowns" */
static bool add_up_line(const char *line, uint64_t *sum)
{
    const char *text = line + strspn(line, " ");
    if (strncmp(text, "TLB:", 4) != 0)
        return false;
    *sum = 0;
    for (const char *rest = text + 4;;) {
        char *end;
        unsigned long long value = strtoull(rest, &end, 10);
        if (end == rest)
            return true;
        *sum += value;
        rest = end;
    }
}

static void read_shootdowns(const char *path, struct mm_machine_reading *reading)
{
    FILE *stream = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    if (!stream)
        return;
    while (!reading->tlb_valid && getline(&line, &room, stream) > 0)
        reading->tlb_valid = add_up_line(line, &reading->tlb_shootdowns);
    free(line);
    fclose(stream);
}

void mm_machine_read_device(const struct mm_machine_places *places,
                            struct mm_machine_reading *reading)
{
    *reading = (struct mm_machine_reading){.device_valid = false};
    read_device(places->device_stat, reading);
}

void mm_machine_read(const struct mm_machine_places *places, struct mm_machine_reading *reading)
{
    mm_machine_read_device(places, reading);
    read_shootdowns(places->interrupts, reading);
}

static json_t *metric(bool valid, uint64_t before, uint64_t after, const char *why)
{
    if (!valid)
        return mm_environment_unavailable("%s", why);
    return json_integer((json_int_t)(after - before));
}

json_t *mm_machine_difference(const struct mm_machine_reading *before,
                              const struct mm_machine_reading *after)
{
    static const char no_device[] = "the file system has no block device whose counters are known";
    bool device = before->device_valid && after->device_valid;
    bool tlb = before->tlb_valid && after->tlb_valid;
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o}", "device_read_bytes",
        metric(device, before->device_read_bytes, after->device_read_bytes, no_device),
        "device_written_bytes",
        metric(device, before->device_written_bytes, after->device_written_bytes, no_device),
        "device_flushes", metric(device, before->device_flushes, after->device_flushes, no_device),
        "device_busy_ns", metric(device, before->device_busy_ns, after->device_busy_ns, no_device),
        "tlb_shootdowns",
        metric(tlb, before->tlb_shootdowns, after->tlb_shootdowns,
               "this kernel's /proc/interrupts has no line TLB (it is there on x86)"));
}
