/*
 * Engine direct: reads and writes with O_DIRECT, past the page cache, one request at a time.
 *
 * Requests are whole units of the file system's (STATX_DIOALIGN) around the bytes asked for. A
 * contiguous loan is transferred into the lent buffer itself, which is placed so that the units of
 * the file are aligned in it; everything else goes through a bounce buffer. Every pass reads the
 * device, so a warm cache means nothing here.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "workloads/engines/engine.h"
#include "workloads/support/buffer.h"
#include "workloads/support/direct.h"
#include "workloads/support/lines.h"
#include "workloads/support/region.h"
#include "workloads/support/target.h"

struct options {
    uint64_t request_bytes;
};

static const struct mm_parameter parameters[] = {
    {.name = "request-size",
     .summary =
         "most bytes of one read or write; larger transfers are several, one after the other",
     .type = MM_PARAMETER_SIZE,
     .default_text = "1MiB",
     .minimum = 4096,
     .maximum = UINT64_C(1) << 30,
     .offset = offsetof(struct options, request_bytes)},
};

struct mm_engine_file {
    struct mm_array array;
    bool writable;
    struct mm_direct direct;
    uint64_t request_bytes; /* in whole units */
    uint64_t borrow_bytes;  /* the largest loan */
    unsigned char *buffer;  /* for it, with a unit before and one behind; NULL without loans */
    uint64_t buffer_bytes;
    unsigned char *bounce; /* bounce_bytes */
    uint64_t bounce_bytes;
    unsigned char *staging; /* for ranges that cover several items */
    bool lent;
};

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* All units from start to stop of the file into memory, request by request. */
static int read_units(struct mm_engine_file *file, uint64_t start, uint64_t stop,
                      unsigned char *memory, struct mm_error *error)
{
    int status = 0;
    for (uint64_t at = start; status == 0 && at < stop; at += file->request_bytes)
        status = mm_direct_read_window(&file->direct, memory + (at - start),
                                       smaller(file->request_bytes, stop - at), at, error);
    return status;
}

static int read_bounced(struct mm_engine_file *file, uint64_t offset, uint64_t length,
                        unsigned char *bytes, struct mm_error *error)
{
    uint64_t stop = offset + length;
    uint64_t window_stop = mm_direct_round_up(&file->direct, stop);
    for (uint64_t at = mm_direct_round_down(&file->direct, offset); at < window_stop;) {
        uint64_t next = smaller(at + file->bounce_bytes, window_stop);
        int status = mm_direct_read_window(&file->direct, file->bounce, next - at, at, error);
        if (status)
            return status;
        uint64_t first = at < offset ? offset : at;
        memcpy(bytes + (first - offset), file->bounce + (first - at), smaller(next, stop) - first);
        at = next;
    }
    return 0;
}

/* Memory that is not aligned as the file is goes through the bounce buffer. */
static int write_bytes(struct mm_engine_file *file, uint64_t offset, uint64_t length,
                       const unsigned char *bytes, struct mm_error *error)
{
    uint64_t middle;
    uint64_t end;
    int status = 0;
    mm_direct_middle(&file->direct, offset, length, &middle, &end);
    bool aligned = ((uintptr_t)bytes + (middle - offset)) % file->direct.unit_bytes == 0;
    for (uint64_t at = middle; status == 0 && at < end;) {
        uint64_t part = smaller(file->request_bytes, end - at);
        const unsigned char *source = bytes + (at - offset);
        if (!aligned) {
            memcpy(file->bounce, source, part);
            source = file->bounce;
        }
        status = mm_target_write(file->direct.descriptor, source, part, at, error);
        at += part;
    }
    return status ? status : mm_direct_write_edges(&file->direct, bytes, length, offset, error);
}

static int move(void *context, bool writing, uint64_t start, uint64_t length, unsigned char *bytes,
                struct mm_error *error)
{
    struct mm_engine_file *file = context;
    uint64_t offset = file->array.offset_bytes + start;
    if (writing)
        return write_bytes(file, offset, length, bytes, error);
    return read_bounced(file, offset, length, bytes, error);
}

static bool is_contiguous(const struct mm_region *region)
{
    struct mm_lines lines = mm_lines_of(region);
    return lines.line_count == 1 && lines.item_stride_bytes == (int64_t)region->item_bytes;
}

/* Where a loan of region lies in the buffer: contiguous bytes as their units lie in the file. */
static unsigned char *place_of(const struct mm_engine_file *file, const struct mm_region *region)
{
    uint64_t offset = file->array.offset_bytes + region->offset_bytes;
    if (!is_contiguous(region))
        return file->buffer;
    return file->buffer + offset % file->direct.unit_bytes;
}

static int read_region(struct mm_engine_file *file, const struct mm_region *region,
                       struct mm_error *error)
{
    const struct mm_lines_mover mover = {.context = file, .move = move, .staging = file->staging};
    if (!is_contiguous(region))
        return mm_lines_transfer(&mover, false, region, file->buffer, error);
    uint64_t offset = file->array.offset_bytes + region->offset_bytes;
    uint64_t stop = offset + mm_lines_of(region).line_bytes;
    return read_units(file, mm_direct_round_down(&file->direct, offset),
                      mm_direct_round_up(&file->direct, stop), file->buffer, error);
}

static int direct_close(struct mm_engine_file **file, struct mm_error *error)
{
    struct mm_engine_file *closing = *file;
    *file = NULL;
    if (!closing)
        return 0;
    int status = mm_direct_close(&closing->direct, error);
    mm_buffer_free(closing->buffer, closing->buffer_bytes);
    mm_buffer_free(closing->bounce, closing->bounce_bytes);
    mm_buffer_free(closing->staging, MM_LINES_STAGING_BYTES);
    free(closing);
    return status;
}

static int direct_open(const struct mm_engine_target *target, const void *options,
                       struct mm_engine_file **file, struct mm_error *error)
{
    const struct options *chosen = options;
    struct mm_engine_file *opening = calloc(1, sizeof(*opening));
    if (!opening)
        return mm_error_set(error, -ENOMEM, "no memory to open '%s'", target->path);
    opening->array = target->array;
    opening->writable = target->writable;
    opening->direct = (struct mm_direct){.descriptor = -1, .plain = -1};

    int status = mm_direct_open(target, &opening->direct, error);
    if (status)
        goto cleanup;
    opening->request_bytes = mm_direct_round_up(&opening->direct, chosen->request_bytes);
    opening->borrow_bytes = target->largest_borrow_bytes;
    opening->bounce_bytes = opening->request_bytes;
    opening->bounce = mm_buffer_allocate(opening->bounce_bytes);
    opening->staging = mm_buffer_allocate(MM_LINES_STAGING_BYTES);
    if (opening->borrow_bytes) {
        opening->buffer_bytes = mm_direct_round_up(&opening->direct, opening->borrow_bytes) +
                                2 * opening->direct.unit_bytes;
        opening->buffer = mm_buffer_allocate(opening->buffer_bytes);
    }
    if (!opening->bounce || !opening->staging || (opening->buffer_bytes && !opening->buffer)) {
        status = mm_error_set(error, -ENOMEM,
                              "no memory for buffers of %" PRIu64 " and %" PRIu64
                              " bytes; use a smaller block or request-size",
                              opening->buffer_bytes, opening->bounce_bytes);
        goto cleanup;
    }
    *file = opening;
    opening = NULL;
cleanup:
    direct_close(&opening, NULL);
    return status;
}

static int direct_borrow(struct mm_engine_file *file, const struct mm_region *region,
                         enum mm_engine_access access, struct mm_span *span, struct mm_error *error)
{
    int status = mm_lines_check_loan(&file->array, file->writable, file->borrow_bytes, region,
                                     access, error);
    if (status)
        return status;
    if (file->lent)
        return mm_error_set(error, -EBUSY, "a second loan while the buffer is lent");
    if (access != MM_ACCESS_WRITE) {
        status = read_region(file, region, error);
        if (status)
            return status;
    }
    *span = mm_lines_span(region, access, place_of(file, region));
    file->lent = true;
    return 0;
}

static int direct_give_back(struct mm_engine_file *file, struct mm_span *span,
                            struct mm_error *error)
{
    const struct mm_lines_mover mover = {.context = file, .move = move, .staging = file->staging};
    file->lent = false;
    span->data = NULL;
    if (span->access == MM_ACCESS_READ)
        return 0;
    return mm_lines_transfer(&mover, true, &span->region, place_of(file, &span->region), error);
}

static int direct_gather(struct mm_engine_file *file, const uint64_t *blocks, size_t count,
                         uint64_t block_bytes, void *buffer, struct mm_error *error)
{
    unsigned char *dense = buffer;
    for (size_t i = 0; i < count; i++) {
        int status = mm_block_check(&file->array, blocks[i], block_bytes, error);
        if (status == 0)
            status = move(file, false, blocks[i] * block_bytes, block_bytes,
                          dense + i * block_bytes, error);
        if (status)
            return status;
    }
    return 0;
}

static int direct_scatter(struct mm_engine_file *file, const uint64_t *blocks, size_t count,
                          uint64_t block_bytes, const void *buffer, struct mm_error *error)
{
    const unsigned char *dense = buffer;
    if (!file->writable)
        return mm_error_set(error, -EACCES, "stores into an array that was opened for reading");
    for (size_t i = 0; i < count; i++) {
        int status = mm_block_check(&file->array, blocks[i], block_bytes, error);
        if (status == 0)
            status = write_bytes(file, file->array.offset_bytes + blocks[i] * block_bytes,
                                 block_bytes, dense + i * block_bytes, error);
        if (status)
            return status;
    }
    return 0;
}

static int direct_flush(struct mm_engine_file *file, const struct mm_region *region,
                        enum mm_flush_level level, struct mm_error *error)
{
    uint64_t start;
    uint64_t end;
    int status = mm_region_bounds(&file->array, region, &start, &end, error);
    if (status || !file->writable)
        return status;
    return mm_direct_flush(&file->direct, level, error);
}

static int direct_lock(struct mm_engine_file *file, uint64_t offset_bytes, uint64_t length_bytes,
                       bool exclusive, struct mm_error *error)
{
    return mm_target_lock(file->direct.plain, &file->array, offset_bytes, length_bytes, exclusive,
                          error);
}

static int direct_unlock(struct mm_engine_file *file, uint64_t offset_bytes, uint64_t length_bytes,
                         struct mm_error *error)
{
    return mm_target_unlock(file->direct.plain, &file->array, offset_bytes, length_bytes, error);
}

static bool direct_bypasses_cache(const void *options)
{
    (void)options;
    return true;
}

static void direct_describe(struct mm_engine_file *file, const struct mm_engine_facts *facts)
{
    mm_direct_describe(&file->direct, facts);
    facts->text(facts->context, "flush_call", "fdatasync of the whole file");
    facts->text(facts->context, "lock_call", "fcntl(F_OFD_SETLKW)");
    facts->number(facts->context, "request_bytes", (double)file->request_bytes);
    facts->number(facts->context, "buffer_bytes", (double)file->buffer_bytes);
}

const struct mm_engine mm_engine_direct = {
    .abi_version = MM_ENGINE_ABI_VERSION,
    .size_bytes = sizeof(struct mm_engine),
    .name = "direct",
    .summary = "O_DIRECT reads and writes past the page cache, one at a time",
    .capabilities =
        MM_ENGINE_WRITES | MM_ENGINE_FILE_BACKED | MM_ENGINE_MULTIPROCESS | MM_ENGINE_LOCKS,
    .parameters = parameters,
    .parameter_count = MM_COUNT_OF(parameters),
    .options_bytes = sizeof(struct options),
    .open = direct_open,
    .close = direct_close,
    .borrow = direct_borrow,
    .give_back = direct_give_back,
    .gather = direct_gather,
    .scatter = direct_scatter,
    .flush = direct_flush,
    .lock = direct_lock,
    .unlock = direct_unlock,
    .describe = direct_describe,
    .bypasses_cache = direct_bypasses_cache,
};
