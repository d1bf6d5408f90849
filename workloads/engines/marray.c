/* Engine marray: the mapped array of libmarray. */
#include "mapping/marray.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "workloads/engines/engine.h"
#include "workloads/support/advice.h"
#include "workloads/support/region.h"
#include "workloads/support/target.h"

struct mm_engine_file {
    struct mm_array array;
    bool writable;
    struct marray *mapped;
    unsigned char *data; /* the first byte of the array's data */
    struct mm_advice_outcome advice;
};

static int explain(struct mm_engine_file *file, int status, const char *what,
                   struct mm_error *error)
{
    if (status)
        return mm_error_set(error, status, "%s: %s", what, marray_message(file->mapped));
    return 0;
}

static int advise(struct mm_engine_file *file, enum mm_advice advice)
{
    enum marray_advice wanted = MARRAY_ADVICE_NORMAL;
    switch (advice) {
    case MM_ADVICE_NORMAL:
    case MM_ADVICE_AUTO:
        return 0;
    case MM_ADVICE_SEQUENTIAL:
        wanted = MARRAY_ADVICE_SEQUENTIAL;
        break;
    case MM_ADVICE_RANDOM:
        wanted = MARRAY_ADVICE_RANDOM;
        break;
    case MM_ADVICE_WILLNEED:
        wanted = MARRAY_ADVICE_WILLNEED;
        break;
    case MM_ADVICE_POPULATE:
        wanted = MARRAY_ADVICE_POPULATE;
        break;
    case MM_ADVICE_HUGE_PAGES:
        wanted = MARRAY_ADVICE_HUGE_PAGES;
        break;
    }
    return marray_advise(file->mapped, wanted);
}

static int array_close(struct mm_engine_file **file, struct mm_error *error)
{
    struct mm_engine_file *closing = *file;
    *file = NULL;
    if (!closing)
        return 0;
    int status = explain(closing, marray_close(&closing->mapped), "cannot close the array", error);
    free(closing);
    return status;
}

static int array_open(const struct mm_engine_target *target, const void *options,
                      struct mm_engine_file **file, struct mm_error *error)
{
    const struct mm_advice_options *chosen = options;
    const struct mm_array *array = &target->array;
    struct marray_message message = {.text = ""};
    struct marray_spec spec = MARRAY_SPEC_INIT;
    struct mm_engine_file *opening = NULL;

    /* "r+" would let a file grow that is too short. */
    int status = mm_target_check(target, error);
    if (status)
        return status;
    opening = calloc(1, sizeof(*opening));
    if (!opening)
        return mm_error_set(error, -ENOMEM, "no memory to open '%s'", target->path);
    opening->array = *array;
    opening->writable = target->writable;
    spec.mode = target->writable ? MARRAY_READ_WRITE : MARRAY_READ;
    spec.dtype = array->dtype;
    spec.offset_bytes = array->offset_bytes;
    spec.dimensions = (int)array->dimensions;
    spec.shape = array->shape;
    spec.order = array->fortran_order ? MARRAY_ORDER_F : MARRAY_ORDER_C;
    spec.message = &message;
    status = marray_open(target->path, &spec, &opening->mapped);
    if (status) {
        mm_error_set(error, status, "%s", message.text);
        goto cleanup;
    }
    opening->data = marray_data(opening->mapped);
    opening->advice.requested = (enum mm_advice)chosen->advice;
    opening->advice.effective = mm_advice_for_pattern(opening->advice.requested, target->pattern);
    opening->advice.status = advise(opening, opening->advice.effective);
    *file = opening;
    opening = NULL;
cleanup:
    free(opening);
    return status;
}

static int array_borrow(struct mm_engine_file *file, const struct mm_region *region,
                        enum mm_engine_access access, struct mm_span *span, struct mm_error *error)
{
    return mm_region_lend(&file->array, file->data, file->writable, region, access, span, error);
}

static int array_give_back(struct mm_engine_file *file, struct mm_span *span,
                           struct mm_error *error)
{
    (void)file;
    (void)error;
    span->data = NULL;
    return 0;
}

static int array_gather(struct mm_engine_file *file, const uint64_t *blocks, size_t count,
                        uint64_t block_bytes, void *buffer, struct mm_error *error)
{
    return explain(file, marray_gather_blocks(file->mapped, block_bytes, blocks, count, buffer),
                   "cannot gather", error);
}

static int array_scatter(struct mm_engine_file *file, const uint64_t *blocks, size_t count,
                         uint64_t block_bytes, const void *buffer, struct mm_error *error)
{
    if (!file->writable)
        return mm_error_set(error, -EACCES, "stores into an array that was opened for reading");
    return explain(file, marray_scatter_blocks(file->mapped, block_bytes, blocks, count, buffer),
                   "cannot scatter", error);
}

/* A rectangle of whole elements of a matrix in C order, as a view. */
static bool is_rectangle(const struct mm_array *array, const struct mm_region *region)
{
    return array->dimensions == 2 && !array->fortran_order && region->dimensions == 2 &&
           region->item_bytes == array->item_bytes &&
           region->stride_bytes[0] == (int64_t)(array->shape[1] * array->item_bytes) &&
           region->stride_bytes[1] == (int64_t)array->item_bytes &&
           region->offset_bytes % array->item_bytes == 0;
}

static int view_region(struct mm_engine_file *file, const struct mm_region *region,
                       struct marray **view)
{
    uint64_t first = region->offset_bytes / file->array.item_bytes;
    int64_t row = (int64_t)(first / file->array.shape[1]);
    int64_t column = (int64_t)(first % file->array.shape[1]);
    const struct marray_slice slices[] = {
        MARRAY_RANGE(row, row + (int64_t)region->count[0], 1),
        MARRAY_RANGE(column, column + (int64_t)region->count[1], 1),
    };
    return marray_slice(file->mapped, slices, 2, view);
}

/* Exactly one of out and in is given. */
static int copy_region(struct mm_engine_file *file, const struct mm_region *region, void *out,
                       const void *in, struct mm_error *error)
{
    struct marray *view;
    int status = mm_region_check(&file->array, file->writable, region,
                                 out ? MM_ACCESS_READ : MM_ACCESS_WRITE, error);
    if (status)
        return status;
    if (!is_rectangle(&file->array, region))
        return mm_error_set(error, -EINVAL, "only rectangles of a matrix in C order are copied");
    status = view_region(file, region, &view);
    if (status)
        return explain(file, status, "cannot view a region", error);
    size_t bytes = (size_t)marray_size_bytes(view);
    status = out ? marray_read(view, NULL, out, bytes) : marray_write(view, NULL, in, bytes);
    if (status)
        mm_error_set(error, status, "cannot copy a region: %s", marray_message(view));
    marray_close(&view);
    return status;
}

static int array_copy_out(struct mm_engine_file *file, const struct mm_region *region, void *buffer,
                          struct mm_error *error)
{
    return copy_region(file, region, buffer, NULL, error);
}

static int array_copy_in(struct mm_engine_file *file, const struct mm_region *region,
                         const void *buffer, struct mm_error *error)
{
    return copy_region(file, region, NULL, buffer, error);
}

static enum marray_flush_level level_of(enum mm_flush_level level)
{
    switch (level) {
    case MM_FLUSH_ASYNC:
        return MARRAY_FLUSH_ASYNC;
    case MM_FLUSH_DATA:
        return MARRAY_FLUSH_DATA;
    case MM_FLUSH_FULL:
        break;
    }
    return MARRAY_FLUSH_FULL;
}

static int array_flush(struct mm_engine_file *file, const struct mm_region *region,
                       enum mm_flush_level level, struct mm_error *error)
{
    uint64_t start;
    uint64_t end;
    int status = mm_region_bounds(&file->array, region, &start, &end, error);
    if (status)
        return status;
    if (region)
        status = marray_flush_range(file->mapped, start, end - start, level_of(level));
    else
        status = marray_flush(file->mapped, level_of(level));
    return explain(file, status, "cannot flush the array", error);
}

static int array_lock(struct mm_engine_file *file, uint64_t offset_bytes, uint64_t length_bytes,
                      bool exclusive, struct mm_error *error)
{
    enum marray_lock_kind kind = exclusive ? MARRAY_LOCK_EXCLUSIVE : MARRAY_LOCK_SHARED;
    return explain(file,
                   marray_lock_range(file->mapped, offset_bytes, length_bytes, kind, UINT64_MAX),
                   "cannot lock the array", error);
}

static int array_unlock(struct mm_engine_file *file, uint64_t offset_bytes, uint64_t length_bytes,
                        struct mm_error *error)
{
    return explain(file, marray_unlock_range(file->mapped, offset_bytes, length_bytes),
                   "cannot unlock the array", error);
}

static struct marray *array_marray(struct mm_engine_file *file)
{
    return file->mapped;
}

static void array_describe(struct mm_engine_file *file, const struct mm_engine_facts *facts)
{
    mm_advice_describe(&file->advice, facts);
    facts->text(facts->context, "flush_call", marray_flush_calls(file->mapped, MARRAY_FLUSH_DATA));
    facts->text(facts->context, "lock_call", "marray_lock_range");
}

const struct mm_engine mm_engine_marray = {
    .abi_version = MM_ENGINE_ABI_VERSION,
    .size_bytes = sizeof(struct mm_engine),
    .name = "marray",
    .summary = "the mapped array of libmarray",
    .capabilities = MM_ENGINE_WRITES | MM_ENGINE_IN_PLACE | MM_ENGINE_FILE_BACKED |
                    MM_ENGINE_MULTIPROCESS | MM_ENGINE_LOCKS | MM_ENGINE_MARRAY | MM_ENGINE_GATHERS,
    .parameters = &mm_advice_parameter,
    .parameter_count = 1,
    .options_bytes = sizeof(struct mm_advice_options),
    .open = array_open,
    .close = array_close,
    .borrow = array_borrow,
    .give_back = array_give_back,
    .gather = array_gather,
    .scatter = array_scatter,
    .flush = array_flush,
    .lock = array_lock,
    .unlock = array_unlock,
    .marray = array_marray,
    .describe = array_describe,
    .copy_out = array_copy_out,
    .copy_in = array_copy_in,
};
