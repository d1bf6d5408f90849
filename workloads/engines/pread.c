/*
 * Engine pread: explicit reads and writes with pread(2) and pwrite(2) through one buffer that is
 * allocated at open.
 *
 * A region is transferred line by line, along the axis with the smaller stride: a contiguous line
 * is one call; items less than NEAR_STRIDE_BYTES apart are one call for the range that covers them
 * (in pieces of the staging buffer), as the kernel would move the pages between them anyhow; items
 * further apart are one call each. A covered line that is written is read, patched and written
 * whole, so the bytes between its items must not be written by others at the same time.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "workloads/engines/engine.h"
#include "workloads/support/advice.h"
#include "workloads/support/buffer.h"
#include "workloads/support/region.h"
#include "workloads/support/target.h"

#define NEAR_STRIDE_BYTES 4096
#define STAGING_BYTES     (UINT64_C(1) << 20)

struct mm_engine_file {
    struct mm_array array;
    bool writable;
    int descriptor;
    unsigned char *buffer; /* what is lent; NULL when nothing is ever borrowed */
    uint64_t buffer_bytes;
    unsigned char *staging; /* STAGING_BYTES for covering ranges */
    bool lent;
    struct mm_advice_outcome advice;
};

/* A region as lines of items: the inner axis is the one with the smaller stride. */
struct lines {
    uint32_t inner; /* axis of the region */
    uint64_t line_count;
    int64_t line_stride_bytes;
    uint64_t item_count; /* in a line */
    int64_t item_stride_bytes;
    uint64_t line_bytes; /* dense */
};

static uint64_t magnitude(int64_t value)
{
    return value < 0 ? (uint64_t)-value : (uint64_t)value;
}

static struct lines region_lines(const struct mm_region *region)
{
    struct lines lines = {.inner = 0, .line_count = 1};
    if (region->dimensions == 2) {
        bool second_is_nearer =
            magnitude(region->stride_bytes[0]) >= magnitude(region->stride_bytes[1]);
        /* An axis with one item has no neighbours, however near. */
        if (region->count[0] == 1 || (region->count[1] > 1 && second_is_nearer))
            lines.inner = 1;
        lines.line_count = region->count[1 - lines.inner];
        lines.line_stride_bytes = region->stride_bytes[1 - lines.inner];
    }
    lines.item_count = region->count[lines.inner];
    lines.item_stride_bytes = region->stride_bytes[lines.inner];
    lines.line_bytes = lines.item_count * region->item_bytes;
    /* Lines that touch each other are one. */
    if (lines.item_stride_bytes == (int64_t)region->item_bytes &&
        lines.line_stride_bytes == (int64_t)lines.line_bytes) {
        lines.item_count *= lines.line_count;
        lines.line_bytes *= lines.line_count;
        lines.line_count = 1;
    }
    return lines;
}

static int transfer(struct mm_engine_file *file, bool writing, uint64_t start, uint64_t length,
                    unsigned char *buffer, struct mm_error *error)
{
    uint64_t offset_bytes = file->array.offset_bytes + start;
    if (writing)
        return mm_target_write(file->descriptor, buffer, length, offset_bytes, error);
    return mm_target_read(file->descriptor, buffer, length, offset_bytes, error);
}

/* count items that one range of the staging buffer covers; item 0 stands at start. */
static int transfer_covered(struct mm_engine_file *file, bool writing, uint64_t start,
                            uint64_t count, int64_t stride_bytes, uint32_t item_bytes,
                            unsigned char *dense, struct mm_error *error)
{
    uint64_t way = (count - 1) * magnitude(stride_bytes);
    uint64_t low = stride_bytes < 0 ? start - way : start;
    int status = transfer(file, false, low, way + item_bytes, file->staging, error);
    if (status)
        return status;
    unsigned char *item = file->staging + (start - low);
    for (uint64_t i = 0; i < count; i++, item += stride_bytes) {
        if (writing)
            memcpy(item, dense + i * item_bytes, item_bytes);
        else
            memcpy(dense + i * item_bytes, item, item_bytes);
    }
    return writing ? transfer(file, true, low, way + item_bytes, file->staging, error) : 0;
}

static int transfer_line(struct mm_engine_file *file, bool writing, uint64_t start,
                         const struct lines *lines, uint32_t item_bytes, unsigned char *dense,
                         struct mm_error *error)
{
    uint64_t stride = magnitude(lines->item_stride_bytes);
    if (lines->item_stride_bytes == (int64_t)item_bytes || lines->item_count == 1)
        return transfer(file, writing, start, lines->line_bytes, dense, error);
    bool near = stride < NEAR_STRIDE_BYTES && item_bytes < NEAR_STRIDE_BYTES;
    uint64_t step = near && stride ? (STAGING_BYTES - item_bytes) / stride + 1 : 1;
    int status = 0;
    for (uint64_t done = 0; status == 0 && done < lines->item_count; done += step) {
        uint64_t count = lines->item_count - done < step ? lines->item_count - done : step;
        uint64_t at = start + (uint64_t)((int64_t)done * lines->item_stride_bytes);
        if (count == 1)
            status = transfer(file, writing, at, item_bytes, dense + done * item_bytes, error);
        else
            status = transfer_covered(file, writing, at, count, lines->item_stride_bytes,
                                      item_bytes, dense + done * item_bytes, error);
    }
    return status;
}

static int transfer_region(struct mm_engine_file *file, bool writing,
                           const struct mm_region *region, struct mm_error *error)
{
    struct lines lines = region_lines(region);
    int status = 0;
    for (uint64_t i = 0; status == 0 && i < lines.line_count; i++)
        status = transfer_line(
            file, writing, region->offset_bytes + (uint64_t)((int64_t)i * lines.line_stride_bytes),
            &lines, region->item_bytes, file->buffer + i * lines.line_bytes, error);
    return status;
}

static int pread_close(struct mm_engine_file **file, struct mm_error *error)
{
    struct mm_engine_file *closing = *file;
    int status = 0;
    *file = NULL;
    if (!closing)
        return 0;
    if (closing->descriptor >= 0 && close(closing->descriptor))
        status = mm_error_set(error, -errno, "cannot close the file: %s", strerror(errno));
    mm_buffer_free(closing->buffer, closing->buffer_bytes);
    mm_buffer_free(closing->staging, STAGING_BYTES);
    free(closing);
    return status;
}

static int advise(const struct mm_engine_file *file, enum mm_advice advice)
{
    int kernel_advice = POSIX_FADV_NORMAL;
    switch (advice) {
    case MM_ADVICE_NORMAL:
    case MM_ADVICE_AUTO:
        return 0;
    case MM_ADVICE_SEQUENTIAL:
        kernel_advice = POSIX_FADV_SEQUENTIAL;
        break;
    case MM_ADVICE_RANDOM:
        kernel_advice = POSIX_FADV_RANDOM;
        break;
    case MM_ADVICE_WILLNEED:
        kernel_advice = POSIX_FADV_WILLNEED;
        break;
    case MM_ADVICE_POPULATE:
    case MM_ADVICE_HUGE_PAGES:
        return -EOPNOTSUPP; /* advice about maps, and there is none */
    }
    return -posix_fadvise(file->descriptor, (off_t)file->array.offset_bytes,
                          (off_t)file->array.size_bytes, kernel_advice);
}

static int pread_open(const struct mm_engine_target *target, const void *options,
                      struct mm_engine_file **file, struct mm_error *error)
{
    const struct mm_advice_options *chosen = options;
    struct mm_engine_file *opening = calloc(1, sizeof(*opening));
    if (!opening)
        return mm_error_set(error, -ENOMEM, "no memory to open '%s'", target->path);
    opening->array = target->array;
    opening->writable = target->writable;
    opening->descriptor = -1;

    int status = mm_target_open(target, &opening->descriptor, error);
    if (status)
        goto cleanup;
    opening->buffer_bytes = target->largest_borrow_bytes;
    if (opening->buffer_bytes)
        opening->buffer = mm_buffer_allocate(opening->buffer_bytes);
    opening->staging = mm_buffer_allocate(STAGING_BYTES);
    if ((opening->buffer_bytes && !opening->buffer) || !opening->staging) {
        status = mm_error_set(error, -ENOMEM,
                              "no memory for a buffer of %" PRIu64 " bytes; use a smaller block",
                              opening->buffer_bytes);
        goto cleanup;
    }
    opening->advice.requested = (enum mm_advice)chosen->advice;
    opening->advice.effective = mm_advice_for_pattern(opening->advice.requested, target->pattern);
    opening->advice.status = advise(opening, opening->advice.effective);
    *file = opening;
    opening = NULL;
cleanup:
    pread_close(&opening, NULL);
    return status;
}

static int pread_borrow(struct mm_engine_file *file, const struct mm_region *region,
                        enum mm_engine_access access, struct mm_span *span, struct mm_error *error)
{
    uint64_t dense_bytes;
    int status = mm_region_check(&file->array, file->writable, region, access, error);
    if (status)
        return status;
    if (file->lent)
        return mm_error_set(error, -EBUSY, "a second loan while the buffer is lent");
    struct lines lines = region_lines(region);
    if (__builtin_mul_overflow(lines.line_count, lines.line_bytes, &dense_bytes) ||
        dense_bytes > file->buffer_bytes)
        return mm_error_set(error, -EINVAL,
                            "a loan of %" PRIu64 " lines of %" PRIu64
                            " bytes from a buffer of %" PRIu64
                            ": the workload announced less than it borrows",
                            lines.line_count, lines.line_bytes, file->buffer_bytes);
    if (access != MM_ACCESS_WRITE) {
        status = transfer_region(file, false, region, error);
        if (status)
            return status;
    }
    *span = (struct mm_span){.data = file->buffer, .region = *region, .access = access};
    span->stride_bytes[lines.inner] = region->item_bytes;
    if (region->dimensions == 2)
        span->stride_bytes[1 - lines.inner] =
            (int64_t)(region->count[lines.inner] * region->item_bytes);
    file->lent = true;
    return 0;
}

static int pread_give_back(struct mm_engine_file *file, struct mm_span *span,
                           struct mm_error *error)
{
    file->lent = false;
    span->data = NULL;
    if (span->access == MM_ACCESS_READ)
        return 0;
    return transfer_region(file, true, &span->region, error);
}

static int pread_gather(struct mm_engine_file *file, const uint64_t *blocks, size_t count,
                        uint64_t block_bytes, void *buffer, struct mm_error *error)
{
    unsigned char *dense = buffer;
    for (size_t i = 0; i < count; i++) {
        int status = mm_block_check(&file->array, blocks[i], block_bytes, error);
        if (status == 0)
            status = transfer(file, false, blocks[i] * block_bytes, block_bytes,
                              dense + i * block_bytes, error);
        if (status)
            return status;
    }
    return 0;
}

static int pread_scatter(struct mm_engine_file *file, const uint64_t *blocks, size_t count,
                         uint64_t block_bytes, const void *buffer, struct mm_error *error)
{
    const unsigned char *dense = buffer;
    if (!file->writable)
        return mm_error_set(error, -EACCES, "stores into an array that was opened for reading");
    for (size_t i = 0; i < count; i++) {
        int status = mm_block_check(&file->array, blocks[i], block_bytes, error);
        if (status == 0)
            status = mm_target_write(file->descriptor, dense + i * block_bytes, block_bytes,
                                     file->array.offset_bytes + blocks[i] * block_bytes, error);
        if (status)
            return status;
    }
    return 0;
}

static int pread_flush(struct mm_engine_file *file, const struct mm_region *region,
                       enum mm_flush_level level, struct mm_error *error)
{
    uint64_t start;
    uint64_t end;
    int status = mm_region_bounds(&file->array, region, &start, &end, error);
    if (status || !file->writable)
        return status;
    if (level == MM_FLUSH_ASYNC)
        status = sync_file_range(file->descriptor, (off_t)(file->array.offset_bytes + start),
                                 (off_t)(end - start), SYNC_FILE_RANGE_WRITE);
    else if (level == MM_FLUSH_DATA)
        status = fdatasync(file->descriptor);
    else
        status = fsync(file->descriptor);
    if (status)
        return mm_error_set(error, -errno, "cannot flush the file: %s", strerror(errno));
    return 0;
}

static int pread_lock(struct mm_engine_file *file, uint64_t offset_bytes, uint64_t length_bytes,
                      bool exclusive, struct mm_error *error)
{
    return mm_target_lock(file->descriptor, &file->array, offset_bytes, length_bytes, exclusive,
                          error);
}

static int pread_unlock(struct mm_engine_file *file, uint64_t offset_bytes, uint64_t length_bytes,
                        struct mm_error *error)
{
    return mm_target_unlock(file->descriptor, &file->array, offset_bytes, length_bytes, error);
}

static void pread_describe(struct mm_engine_file *file, const struct mm_engine_facts *facts)
{
    mm_advice_describe(&file->advice, facts);
    facts->text(facts->context, "flush_call", "fdatasync of the whole file");
    facts->text(facts->context, "lock_call", "fcntl(F_OFD_SETLKW)");
    facts->number(facts->context, "buffer_bytes", (double)file->buffer_bytes);
}

const struct mm_engine mm_engine_pread = {
    .abi_version = MM_ENGINE_ABI_VERSION,
    .size_bytes = sizeof(struct mm_engine),
    .name = "pread",
    .summary = "pread and pwrite through a buffer of the workload's block size",
    .capabilities =
        MM_ENGINE_WRITES | MM_ENGINE_FILE_BACKED | MM_ENGINE_MULTIPROCESS | MM_ENGINE_LOCKS,
    .parameters = &mm_advice_parameter,
    .parameter_count = 1,
    .options_bytes = sizeof(struct mm_advice_options),
    .open = pread_open,
    .close = pread_close,
    .borrow = pread_borrow,
    .give_back = pread_give_back,
    .gather = pread_gather,
    .scatter = pread_scatter,
    .flush = pread_flush,
    .lock = pread_lock,
    .unlock = pread_unlock,
    .describe = pread_describe,
};
