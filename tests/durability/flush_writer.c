/*
 * Stores and flushes for ever, and reports every generation that a flush has made durable; it is
 * killed in the middle of that. test_power_cut.py knows what each generation stores.
 *
 *   flush_writer PATH DEVICE_STAT durable|durable-create|submitted
 *
 * A line a generation: its number, and the flush requests that the device had served before and
 * after its flush. durable-create: the name is durable before the first flush, which is of the data
 * alone. submitted: only hands the pages to the device, which a test must notice.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mapping/marray.h"

enum { ROWS = 64, COLUMNS = 512, FLUSH_FIELD = 16, KINDS = 5 };

struct writer {
    struct marray *array;
    int device_stat;
    bool is_durable, is_durably_created;
};

static void end(const char *what, int status)
{
    fprintf(stderr, "flush_writer: %s: %s\n", what, strerror(-status));
    exit(1);
}

/* Field 16 of /sys/block/DEVICE/stat (Documentation/block/stat.rst). */
static unsigned long count_flushes(int device_stat)
{
    char text[512] = "";
    if (pread(device_stat, text, sizeof(text) - 1, 0) <= 0)
        end("cannot read the counts of the device", -errno);
    char *next = text;
    unsigned long value = 0;
    for (int field = 1; field <= FLUSH_FIELD; field++)
        value = strtoul(next, &next, 10);
    return value;
}

/* What generation g stores to, and its flush. */
static struct marray *view_of(const struct writer *writer, unsigned long generation)
{
    unsigned long random = generation * 2654435761UL & 0xffffffffUL;
    long first = (long)(random >> 8) % ROWS;
    struct marray_slice slices[2] = {MARRAY_ALL, MARRAY_ALL};
    switch (generation % KINDS) {
    case 1:
        slices[0] = MARRAY_RANGE(first, first + 1 + (long)(random >> 16) % (ROWS - first), 1);
        break;
    case 2:
        slices[0] = MARRAY_RANGE(first % 3, MARRAY_NONE, 3);
        break;
    case 3:
        slices[1] = MARRAY_AT((long)(random >> 8) % COLUMNS);
        break;
    case 4:
        slices[0] = MARRAY_AT(first);
        break;
    default:
        break;
    }
    struct marray *view;
    int status = marray_slice(writer->array, slices, 2, &view);
    if (status)
        end("cannot slice", status);
    return view;
}

static int submit(const struct writer *writer)
{
    unsigned int flags =
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    return sync_file_range(marray_descriptor(writer->array), 0, 0, flags) ? -errno : 0;
}

static int flush(const struct writer *writer, struct marray *view, unsigned long generation)
{
    if (generation == 0 && !writer->is_durably_created)
        return marray_flush(writer->array, MARRAY_FLUSH_FULL);
    if (!writer->is_durable)
        return submit(writer);
    switch (generation % KINDS) {
    case 0:
        return marray_flush(writer->array, MARRAY_FLUSH_DATA);
    case 1:
        return marray_flush_range(writer->array, marray_offset_bytes(view), marray_size_bytes(view),
                                  MARRAY_FLUSH_DATA);
    case 4:
        return marray_flush_view(view, MARRAY_FLUSH_FULL);
    default:
        return marray_flush_view(view, MARRAY_FLUSH_DATA);
    }
}

static void write_generation(const struct writer *writer, unsigned long generation)
{
    struct marray *view = view_of(writer, generation);
    const uint64_t value = generation;
    int status = marray_fill(view, "<u8", &value);
    if (status)
        end("cannot store", status);
    unsigned long before = count_flushes(writer->device_stat);
    status = flush(writer, view, generation);
    if (status)
        end("cannot flush", status);
    char line[96];
    int length = snprintf(line, sizeof(line), "%lu %lu %lu\n", generation, before,
                          count_flushes(writer->device_stat));
    if (write(STDOUT_FILENO, line, (size_t)length) != length)
        end("cannot report", -EIO);
    marray_close(&view);
}

int main(int count, char **arguments)
{
    static const uint64_t shape[] = {ROWS, COLUMNS};
    if (count != 4) {
        fprintf(stderr, "usage: flush_writer PATH DEVICE_STAT durable|durable-create|submitted\n");
        return 2;
    }
    struct writer writer = {
        .device_stat = open(arguments[2], O_RDONLY | O_CLOEXEC),
        .is_durable = strcmp(arguments[3], "submitted") != 0,
        .is_durably_created = strcmp(arguments[3], "durable-create") == 0,
    };
    struct marray_spec spec = MARRAY_SPEC_INIT;
    spec.mode = MARRAY_CREATE;
    spec.dtype = "<u8";
    spec.dimensions = 2;
    spec.shape = shape;
    spec.flags = writer.is_durably_created ? MARRAY_DURABLE_CREATE : 0;
    int status = writer.device_stat < 0 ? -errno : marray_open(arguments[1], &spec, &writer.array);
    if (status)
        end("cannot open", status);
    for (unsigned long generation = 0;; generation++)
        write_generation(&writer, generation);
}
