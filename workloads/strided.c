/* Workload strided: every n-th element, along the rows or down the columns of an array. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/text.h"
#include "common/units.h"
#include "workloads/support/pattern.h"
#include "workloads/support/proof.h"
#include "workloads/workload.h"

enum operation { OPERATION_READ, OPERATION_WRITE };
enum axis { AXIS_TRAILING, AXIS_LEADING };

struct options {
    uint32_t operation;
    uint32_t axis;
    uint64_t stride;
    uint64_t stride_bytes;
    uint64_t lines;
    uint64_t batch;
    uint64_t columns;
};

static const struct mm_parameter parameters[] = {
    {.name = "operation",
     .summary = "read or write the elements",
     .type = MM_PARAMETER_CHOICE,
     .default_text = "read",
     .choices = "read|write",
     .offset = offsetof(struct options, operation)},
    {.name = "axis",
     .summary = "trailing: along the last axis, row by row; leading: along the first, column by "
                "column",
     .type = MM_PARAMETER_CHOICE,
     .default_text = "trailing",
     .choices = "trailing|leading",
     .offset = offsetof(struct options, axis)},
    {.name = "stride",
     .summary = "elements from one that is touched to the next along the axis",
     .type = MM_PARAMETER_COUNT,
     .default_text = "16",
     .minimum = 1,
     .offset = offsetof(struct options, stride)},
    {.name = "stride-bytes",
     .summary = "not 0B: an element every so many bytes of the whole array, whatever its axes",
     .type = MM_PARAMETER_SIZE,
     .default_text = "0B",
     .offset = offsetof(struct options, stride_bytes)},
    {.name = "lines",
     .summary = "rows or columns of one pass, from the first; 0: all",
     .type = MM_PARAMETER_COUNT,
     .default_text = "0",
     .offset = offsetof(struct options, lines)},
    {.name = "batch",
     .summary = "neighbouring rows or columns borrowed together",
     .type = MM_PARAMETER_COUNT,
     .default_text = "1",
     .minimum = 1,
     .offset = offsetof(struct options, batch)},
    {.name = "columns",
     .summary = "row length, in elements, of an array that is generated for this",
     .type = MM_PARAMETER_COUNT,
     .default_text = "1024",
     .minimum = 1,
     .offset = offsetof(struct options, columns)},
};

struct state {
    struct mm_pattern pattern;
    uint64_t pass; /* warm-up passes included */
};

static int shape(const void *options, uint64_t wanted_bytes, struct mm_array *array,
                 struct mm_error *error)
{
    const struct options *chosen = options;
    uint64_t row_bytes;
    char wanted[MM_UNITS_TEXT_BYTES];
    if (__builtin_mul_overflow(chosen->columns, sizeof(uint64_t), &row_bytes) ||
        row_bytes > wanted_bytes)
        return mm_error_set(error, -EINVAL,
                            "parameter 'columns': a row of %" PRIu64
                            " elements of 8 bytes does not fit into %s; ask for a larger file",
                            chosen->columns, mm_units_write_size(wanted_bytes, wanted));
    *array = (struct mm_array){
        .dtype = "<u8",
        .item_bytes = sizeof(uint64_t),
        .dimensions = 2,
        .shape = {wanted_bytes / row_bytes, chosen->columns},
    };
    array->size_bytes = array->shape[0] * row_bytes;
    return 0;
}

/* The elements of one pass as lines of items; independent of how they are borrowed. */
static struct mm_proof_items items_of(const struct options *options, const struct mm_array *array)
{
    struct mm_proof_items items = {.item_bytes = array->item_bytes, .lines = 1};
    uint64_t length = array->size_bytes / array->item_bytes;
    uint64_t axis_length = array->shape[0];
    bool trailing = options->axis == AXIS_TRAILING;

    if (options->stride_bytes) {
        items.stride_bytes = options->stride_bytes;
        items.count = (array->size_bytes - array->item_bytes) / options->stride_bytes + 1;
        return items;
    }
    if (trailing)
        axis_length = array->shape[array->dimensions - 1];
    items.lines = length / axis_length;
    items.count = (axis_length - 1) / options->stride + 1;
    /* In C order the elements of the trailing axis are neighbours, in Fortran's those of the
     * leading one; along the other end's axis the neighbours are the lines. */
    if (trailing != array->fortran_order) {
        items.stride_bytes = options->stride * array->item_bytes;
        items.line_stride_bytes = axis_length * array->item_bytes;
    } else {
        items.stride_bytes = options->stride * items.lines * array->item_bytes;
        items.line_stride_bytes = array->item_bytes;
    }
    if (options->lines && options->lines < items.lines)
        items.lines = options->lines;
    return items;
}

static uint64_t batch_of(const struct options *options, const struct mm_proof_items *items)
{
    uint64_t lines = options->batch < items->lines ? options->batch : items->lines;
    return lines > 0 ? lines : 1;
}

static int plan(const void *options, const struct mm_array *array, struct mm_workload_needs *needs,
                struct mm_error *error)
{
    const struct options *chosen = options;
    char bytes[MM_UNITS_TEXT_BYTES];
    if (chosen->stride_bytes && chosen->stride_bytes < array->item_bytes)
        return mm_error_set(error, -EINVAL,
                            "parameter 'stride-bytes': %s is less than one element of %" PRIu32
                            " bytes",
                            mm_units_write_size(chosen->stride_bytes, bytes), array->item_bytes);
    struct mm_proof_items items = items_of(chosen, array);
    needs->writes = chosen->operation == OPERATION_WRITE;
    needs->flushes = needs->writes;
    needs->capabilities = needs->writes ? MM_ENGINE_WRITES : 0;
    needs->pattern = MM_PATTERN_NORMAL;
    needs->largest_borrow_bytes = batch_of(chosen, &items) * items.count * array->item_bytes;
    needs->processes = 1;
    needs->items_per_pass = items.lines * items.count;
    needs->bytes_per_pass = needs->items_per_pass * array->item_bytes;
    needs->operations_per_pass = (items.lines - 1) / batch_of(chosen, &items) + 1;
    return 0;
}

static int prepare(struct mm_workload_run *run)
{
    struct state *state = malloc(sizeof(*state));
    if (!state)
        return mm_error_set(run->error, -ENOMEM, "no memory for the pattern");
    mm_pattern_seed(&state->pattern, run->seed);
    state->pass = 0;
    run->state = state;
    return 0;
}

static void cleanup(struct mm_workload_run *run)
{
    free(run->state);
    run->state = NULL;
}

static void work_line(struct mm_workload_run *run, const struct state *state, uint64_t key,
                      const struct mm_region *region, const struct mm_span *span, uint64_t line)
{
    unsigned char *data = span->data + (int64_t)line * span->stride_bytes[0];
    if (span->access == MM_ACCESS_READ)
        run->checksum += mm_workload_checksum_strided(data, region->count[1], span->stride_bytes[1],
                                                      region->item_bytes);
    else
        mm_pattern_fill_strided(&state->pattern, key,
                                region->offset_bytes +
                                    (uint64_t)((int64_t)line * region->stride_bytes[0]),
                                region->stride_bytes[1], data, span->stride_bytes[1],
                                region->count[1], region->item_bytes);
}

static int touch(struct mm_workload_run *run)
{
    const struct options *chosen = run->options;
    struct state *state = run->state;
    struct mm_proof_items items = items_of(chosen, run->array);
    uint64_t batch = batch_of(chosen, &items);
    uint64_t key = mm_pattern_key(&state->pattern, state->pass);
    enum mm_engine_access access =
        chosen->operation == OPERATION_READ ? MM_ACCESS_READ : MM_ACCESS_WRITE;

    for (uint64_t first = 0; first < items.lines; first += batch) {
        uint64_t lines = items.lines - first < batch ? items.lines - first : batch;
        struct mm_region region = {
            .offset_bytes = first * items.line_stride_bytes,
            .item_bytes = items.item_bytes,
            .dimensions = 2,
            .count = {lines, items.count},
            .stride_bytes = {(int64_t)items.line_stride_bytes, (int64_t)items.stride_bytes},
        };
        struct mm_span span;
        mm_operation_begin(run);
        int status = run->engine->borrow(run->file, &region, access, &span, run->error);
        if (status)
            return status;
        for (uint64_t line = 0; line < lines; line++)
            work_line(run, state, key, &region, &span, line);
        status = run->engine->give_back(run->file, &span, run->error);
        if (status)
            return status;
        mm_operation_mark(run, MM_LATENCY_TOUCH);
        mm_workload_advance(run, lines * items.count * items.item_bytes, lines * items.count);
    }
    state->pass++;
    return 0;
}

static int verify(struct mm_workload_run *run)
{
    const struct options *chosen = run->options;
    struct mm_proof_items items = items_of(chosen, run->array);
    uint64_t passes = mm_proof_all_passes(run);
    uint64_t checksum = 0;
    if (chosen->operation == OPERATION_WRITE) {
        run->expected_checksum = 0;
        return passes ? mm_proof_pattern(run, &items, run->seed, passes - 1) : 0;
    }
    int status = mm_proof_checksum(run, MM_PROOF_REFERENCE, &items, &checksum);
    run->expected_checksum = checksum * run->passes;
    return status;
}

const struct mm_workload mm_workload_strided = {
    .abi_version = MM_WORKLOAD_ABI_VERSION,
    .size_bytes = sizeof(struct mm_workload),
    .name = "strided",
    .summary = "every n-th element, along the rows or down the columns",
    .parameters = parameters,
    .parameter_count = MM_COUNT_OF(parameters),
    .options_bytes = sizeof(struct options),
    .shape = shape,
    .plan = plan,
    .prepare = prepare,
    .touch = touch,
    .cleanup = cleanup,
    .verify = verify,
};
