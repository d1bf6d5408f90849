/*
 * Engine pread: explicit reads and writes with pread(2) and pwrite(2) through one buffer that is
 * allocated at open. support/lines.h says which calls a region becomes.
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
#include "workloads/support/lines.h"
#include "workloads/support/region.h"
#include "workloads/support/target.h"

struct mm_engine_file {
    struct mm_array array;
    bool writable;
    int descriptor;
    unsigned char *buffer; /* what is lent; NULL when nothing is ever borrowed */
    uint64_t buffer_bytes;
    unsigned char *staging; /* for ranges that cover several items */
    bool lent;
    struct mm_advice_outcome advice;
};

static int transfer(struct mm_engine_file *file, bool writing, uint64_t start, uint64_t length,
                    unsigned char *buffer, struct mm_error *error)
{
    uint64_t offset_bytes = file->array.offset_bytes + start;
    if (writing)
        return mm_target_write(file->descriptor, buffer, length, offset_bytes, error);
    return mm_target_read(file->descriptor, buffer, length, offset_bytes, error);
}

static int move(void *context, bool writing, uint64_t start, uint64_t length, unsigned char *bytes,
                struct mm_error *error)
{
    return transfer(context, writing, start, length, bytes, error);
}

static int transfer_region(struct mm_engine_file *file, bool writing,
                           const struct mm_region *region, struct mm_error *error)
{
    const struct mm_lines_mover mover = {.context = file, .move = move, .staging = file->staging};
    return mm_lines_transfer(&mover, writing, region, file->buffer, error);
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
    mm_buffer_free(closing->staging, MM_LINES_STAGING_BYTES);
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
    opening->staging = mm_buffer_allocate(MM_LINES_STAGING_BYTES);
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
    int status = mm_lines_check_loan(&file->array, file->writable, file->buffer_bytes, region,
                                     access, error);
    if (status)
        return status;
    if (file->lent)
        return mm_error_set(error, -EBUSY, "a second loan while the buffer is lent");
    if (access != MM_ACCESS_WRITE) {
        status = transfer_region(file, false, region, error);
        if (status)
            return status;
    }
    *span = mm_lines_span(region, access, file->buffer);
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
