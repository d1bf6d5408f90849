/* Engine memory: the array in allocated memory, loaded at open: the ceiling for all others. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "workloads/engines/engine.h"
#include "workloads/support/buffer.h"
#include "workloads/support/region.h"
#include "workloads/support/target.h"

struct mm_engine_file {
    struct mm_array array;
    bool writable;
    unsigned char *data;
};

static int memory_close(struct mm_engine_file **file, struct mm_error *error)
{
    struct mm_engine_file *closing = *file;
    (void)error;
    *file = NULL;
    if (!closing)
        return 0;
    mm_buffer_free(closing->data, closing->array.size_bytes);
    free(closing);
    return 0;
}

static int memory_open(const struct mm_engine_target *target, const void *options,
                       struct mm_engine_file **file, struct mm_error *error)
{
    (void)options;
    int descriptor = -1;
    struct mm_engine_target reading = *target;
    struct mm_engine_file *opening = calloc(1, sizeof(*opening));
    if (!opening)
        return mm_error_set(error, -ENOMEM, "no memory to open '%s'", target->path);
    opening->array = target->array;
    opening->writable = target->writable;

    reading.writable = false; /* stores stay in memory: the file is only loaded */
    int status = mm_target_open(&reading, &descriptor, error);
    if (status)
        goto cleanup;
    opening->data = mm_buffer_allocate(opening->array.size_bytes);
    if (!opening->data) {
        status = mm_error_set(error, -ENOMEM,
                              "no memory for the %" PRIu64 " bytes of '%s'; use a smaller --size",
                              opening->array.size_bytes, target->path);
        goto cleanup;
    }
    status = mm_target_read(descriptor, opening->data, opening->array.size_bytes,
                            opening->array.offset_bytes, error);
    if (status)
        goto cleanup;
    *file = opening;
    opening = NULL;
cleanup:
    if (descriptor >= 0)
        close(descriptor);
    memory_close(&opening, NULL);
    return status;
}

static int memory_borrow(struct mm_engine_file *file, const struct mm_region *region,
                         enum mm_engine_access access, struct mm_span *span, struct mm_error *error)
{
    return mm_region_lend(&file->array, file->data, file->writable, region, access, span, error);
}

static int memory_give_back(struct mm_engine_file *file, struct mm_span *span,
                            struct mm_error *error)
{
    (void)file;
    (void)error;
    span->data = NULL;
    return 0;
}

static int memory_gather(struct mm_engine_file *file, const uint64_t *blocks, size_t count,
                         uint64_t block_bytes, void *buffer, struct mm_error *error)
{
    return mm_blocks_gather(&file->array, file->data, blocks, count, block_bytes, buffer, error);
}

static int memory_scatter(struct mm_engine_file *file, const uint64_t *blocks, size_t count,
                          uint64_t block_bytes, const void *buffer, struct mm_error *error)
{
    if (!file->writable)
        return mm_error_set(error, -EACCES, "stores into an array that was opened for reading");
    return mm_blocks_scatter(&file->array, file->data, blocks, count, block_bytes, buffer, error);
}

/* There is nothing behind this memory that could keep it: the flush is checked and free. */
static int memory_flush(struct mm_engine_file *file, const struct mm_region *region,
                        enum mm_flush_level level, struct mm_error *error)
{
    uint64_t start;
    uint64_t end;
    (void)level;
    return mm_region_bounds(&file->array, region, &start, &end, error);
}

static void memory_describe(struct mm_engine_file *file, const struct mm_engine_facts *facts)
{
    (void)file;
    facts->text(facts->context, "flush_call", "none: allocated memory is not durable");
}

const struct mm_engine mm_engine_memory = {
    .abi_version = MM_ENGINE_ABI_VERSION,
    .size_bytes = sizeof(struct mm_engine),
    .name = "memory",
    .summary = "an allocated array, loaded from the file at open: the ceiling",
    .capabilities = MM_ENGINE_WRITES | MM_ENGINE_IN_PLACE,
    .open = memory_open,
    .close = memory_close,
    .borrow = memory_borrow,
    .give_back = memory_give_back,
    .gather = memory_gather,
    .scatter = memory_scatter,
    .flush = memory_flush,
    .describe = memory_describe,
};
