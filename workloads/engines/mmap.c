/* Engine mmap: a bare shared map of the file and a pointer, as programs do it by hand. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "workloads/engines/engine.h"
#include "workloads/support/advice.h"
#include "workloads/support/region.h"
#include "workloads/support/target.h"

struct mm_engine_file {
    struct mm_array array;
    bool writable;
    int descriptor;
    unsigned char *map; /* from the page that holds the first byte */
    uint64_t map_bytes;
    unsigned char *data; /* first byte of the array */
    struct mm_advice_outcome advice;
};

static int advise(const struct mm_engine_file *file, enum mm_advice advice)
{
    int kernel_advice = MADV_NORMAL;
    switch (advice) {
    case MM_ADVICE_NORMAL:
    case MM_ADVICE_AUTO:
        return 0;
    case MM_ADVICE_SEQUENTIAL:
        kernel_advice = MADV_SEQUENTIAL;
        break;
    case MM_ADVICE_RANDOM:
        kernel_advice = MADV_RANDOM;
        break;
    case MM_ADVICE_WILLNEED:
        kernel_advice = MADV_WILLNEED;
        break;
    case MM_ADVICE_POPULATE:
        kernel_advice = MADV_POPULATE_READ; /* since Linux 5.14 */
        break;
    case MM_ADVICE_HUGE_PAGES:
        kernel_advice = MADV_HUGEPAGE;
        break;
    }
    return madvise(file->map, file->map_bytes, kernel_advice) ? -errno : 0;
}

static int map_close(struct mm_engine_file **file, struct mm_error *error)
{
    struct mm_engine_file *closing = *file;
    int status = 0;
    *file = NULL;
    if (!closing)
        return 0;
    if (closing->map && munmap(closing->map, closing->map_bytes))
        status = mm_error_set(error, -errno, "cannot unmap the array: %s", strerror(errno));
    if (closing->descriptor >= 0 && close(closing->descriptor))
        status = mm_error_set(error, -errno, "cannot close the file: %s", strerror(errno));
    free(closing);
    return status;
}

static int map_open(const struct mm_engine_target *target, const void *options,
                    struct mm_engine_file **file, struct mm_error *error)
{
    const struct mm_advice_options *chosen = options;
    const struct mm_array *array = &target->array;
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t lead_bytes = array->offset_bytes % page_bytes;
    struct mm_engine_file *opening = calloc(1, sizeof(*opening));
    if (!opening)
        return mm_error_set(error, -ENOMEM, "no memory to open '%s'", target->path);
    opening->array = *array;
    opening->writable = target->writable;
    opening->descriptor = -1;

    int status = mm_target_open(target, &opening->descriptor, error);
    if (status)
        goto cleanup;
    opening->map_bytes = lead_bytes + array->size_bytes;
    void *map = mmap(NULL, opening->map_bytes, PROT_READ | (target->writable ? PROT_WRITE : 0),
                     MAP_SHARED, opening->descriptor, (off_t)(array->offset_bytes - lead_bytes));
    if (map == MAP_FAILED) {
        status = mm_error_set(error, -errno, "cannot map '%s': %s", target->path, strerror(errno));
        goto cleanup;
    }
    opening->map = map;
    opening->data = opening->map + lead_bytes;
    opening->advice.requested = (enum mm_advice)chosen->advice;
    opening->advice.effective = mm_advice_for_pattern(opening->advice.requested, target->pattern);
    opening->advice.status = advise(opening, opening->advice.effective);
    *file = opening;
    opening = NULL;
cleanup:
    map_close(&opening, NULL);
    return status;
}

static int map_borrow(struct mm_engine_file *file, const struct mm_region *region,
                      enum mm_engine_access access, struct mm_span *span, struct mm_error *error)
{
    return mm_region_lend(&file->array, file->data, file->writable, region, access, span, error);
}

static int map_give_back(struct mm_engine_file *file, struct mm_span *span, struct mm_error *error)
{
    (void)file;
    (void)error;
    span->data = NULL;
    return 0;
}

static int map_gather(struct mm_engine_file *file, const uint64_t *blocks, size_t count,
                      uint64_t block_bytes, void *buffer, struct mm_error *error)
{
    return mm_blocks_gather(&file->array, file->data, blocks, count, block_bytes, buffer, error);
}

static int map_scatter(struct mm_engine_file *file, const uint64_t *blocks, size_t count,
                       uint64_t block_bytes, const void *buffer, struct mm_error *error)
{
    if (!file->writable)
        return mm_error_set(error, -EACCES, "stores into an array that was opened for reading");
    return mm_blocks_scatter(&file->array, file->data, blocks, count, block_bytes, buffer, error);
}

/* One call over the pages from the first to the last byte of the region: clean pages between its
 * rows cost a look at the page cache, a call for each row would cost a device flush. */
static int map_flush(struct mm_engine_file *file, const struct mm_region *region,
                     enum mm_flush_level level, struct mm_error *error)
{
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t start;
    uint64_t end;
    int status = mm_region_bounds(&file->array, region, &start, &end, error);
    if (status || !file->writable)
        return status;
    uint64_t lead_bytes = (uint64_t)(file->data - file->map);
    uint64_t first = (lead_bytes + start) / page_bytes * page_bytes;
    uint64_t length = lead_bytes + end - first;
    if (level == MM_FLUSH_ASYNC)
        /* msync(MS_ASYNC) does nothing on Linux. */
        status = sync_file_range(file->descriptor,
                                 (off_t)(file->array.offset_bytes - lead_bytes + first),
                                 (off_t)length, SYNC_FILE_RANGE_WRITE);
    else if (level == MM_FLUSH_DATA)
        status = msync(file->map + first, length, MS_SYNC);
    else
        status = msync(file->map + first, length, MS_SYNC) || fsync(file->descriptor) ? -1 : 0;
    if (status)
        return mm_error_set(error, -errno, "cannot flush the map: %s", strerror(errno));
    return 0;
}

static int map_lock(struct mm_engine_file *file, uint64_t offset_bytes, uint64_t length_bytes,
                    bool exclusive, struct mm_error *error)
{
    return mm_target_lock(file->descriptor, &file->array, offset_bytes, length_bytes, exclusive,
                          error);
}

static int map_unlock(struct mm_engine_file *file, uint64_t offset_bytes, uint64_t length_bytes,
                      struct mm_error *error)
{
    return mm_target_unlock(file->descriptor, &file->array, offset_bytes, length_bytes, error);
}

static void map_describe(struct mm_engine_file *file, const struct mm_engine_facts *facts)
{
    mm_advice_describe(&file->advice, facts);
    facts->text(facts->context, "flush_call", "msync(MS_SYNC) of the pages written");
    facts->text(facts->context, "lock_call", "fcntl(F_OFD_SETLKW)");
}

const struct mm_engine mm_engine_mmap = {
    .abi_version = MM_ENGINE_ABI_VERSION,
    .size_bytes = sizeof(struct mm_engine),
    .name = "mmap",
    .summary = "a bare shared map and a pointer",
    .capabilities = MM_ENGINE_WRITES | MM_ENGINE_IN_PLACE | MM_ENGINE_FILE_BACKED |
                    MM_ENGINE_MULTIPROCESS | MM_ENGINE_LOCKS,
    .parameters = &mm_advice_parameter,
    .parameter_count = 1,
    .options_bytes = sizeof(struct mm_advice_options),
    .open = map_open,
    .close = map_close,
    .borrow = map_borrow,
    .give_back = map_give_back,
    .gather = map_gather,
    .scatter = map_scatter,
    .flush = map_flush,
    .lock = map_lock,
    .unlock = map_unlock,
    .describe = map_describe,
};
