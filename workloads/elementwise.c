/* Workload elementwise: one element at a time, to see the price of each way to reach it. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "mapping/marray.h"
#include "workloads/support/pattern.h"
#include "workloads/support/proof.h"
#include "workloads/workload.h"

enum via { VIA_ACCESSOR, VIA_CALL, VIA_POINTER };
enum operation { OPERATION_READ, OPERATION_WRITE };

/* The largest element that marray_get and marray_set are tried with. */
#define ELEMENT_BYTES_MAX 64

struct options {
    uint32_t via;
    uint32_t operation;
    uint64_t elements;
};

static const struct mm_parameter parameters[] = {
    {.name = "via",
     .summary = "pointer: a raw pointer over the lent bytes; accessor: libmarray's inline get and "
                "set; call: a function call for each element (marray_get, marray_set; on other "
                "engines a loan for each)",
     .type = MM_PARAMETER_CHOICE,
     .default_text = "pointer",
     .choices = "accessor|call|pointer",
     .offset = offsetof(struct options, via)},
    {.name = "operation",
     .summary = "read or write the elements",
     .type = MM_PARAMETER_CHOICE,
     .default_text = "read",
     .choices = "read|write",
     .offset = offsetof(struct options, operation)},
    {.name = "elements",
     .summary = "elements of one pass, from the start of the array; 0: all",
     .type = MM_PARAMETER_COUNT,
     .default_text = "1Mi",
     .offset = offsetof(struct options, elements)},
};

struct state {
    struct mm_pattern pattern;
    uint64_t pass; /* warm-up passes included */
};

/* One pass: count elements in the order in which they stand in memory. */
struct walk {
    const struct mm_pattern *pattern;
    uint64_t key;
    uint64_t count;
};

/* Element index, of item_bytes that divide 8, as the pattern has it. */
static inline uint64_t pattern_element(const struct walk *walk, uint64_t index, size_t item_bytes)
{
    uint64_t position = index * item_bytes;
    return mm_pattern_word(walk->pattern, walk->key, position / 8) >> (position % 8 * 8);
}

static uint64_t element_count(const struct options *options, const struct mm_array *array)
{
    uint64_t all = array->size_bytes / array->item_bytes;
    return options->elements && options->elements < all ? options->elements : all;
}

/*
 * For each accessor type two passes over the array: through a vector for one axis and through a
 * matrix for two, the axis whose elements are neighbours in the inner loop.
 */
#define DEFINE_ACCESSOR_PASSES(name, type)                                                     \
    static int read_##name(struct marray *array, const struct walk *walk, uint64_t *checksum)  \
    {                                                                                          \
        struct marray_##name##_vector vector;                                                  \
        uint64_t sum = 0;                                                                      \
        int status = marray_##name##_vector(array, false, &vector);                            \
        if (status)                                                                            \
            return status;                                                                     \
        for (uint64_t i = 0; i < walk->count; i++) {                                           \
            type value = marray_##name##_get(vector, i);                                       \
            uint64_t bits = 0;                                                                 \
            memcpy(&bits, &value, sizeof(value));                                              \
            sum += bits;                                                                       \
        }                                                                                      \
        *checksum += sum;                                                                      \
        return 0;                                                                              \
    }                                                                                          \
    static int write_##name(struct marray *array, const struct walk *walk)                     \
    {                                                                                          \
        struct marray_##name##_vector vector;                                                  \
        int status = marray_##name##_vector(array, true, &vector);                             \
        if (status)                                                                            \
            return status;                                                                     \
        for (uint64_t i = 0; i < walk->count; i++) {                                           \
            uint64_t bits = pattern_element(walk, i, sizeof(type));                            \
            type value;                                                                        \
            memcpy(&value, &bits, sizeof(value));                                              \
            marray_##name##_set(vector, i, value);                                             \
        }                                                                                      \
        return 0;                                                                              \
    }                                                                                          \
    static int read2_##name(struct marray *array, const struct walk *walk, uint64_t *checksum) \
    {                                                                                          \
        struct marray_##name##_matrix matrix;                                                  \
        uint64_t sum = 0;                                                                      \
        int status = marray_##name##_matrix(array, false, &matrix);                            \
        if (status)                                                                            \
            return status;                                                                     \
        for (uint64_t i = 0, done = 0; done < walk->count; i++) {                              \
            for (uint64_t j = 0; j < matrix.columns && done < walk->count; j++, done++) {      \
                type value = marray_##name##_get2(matrix, i, j);                               \
                uint64_t bits = 0;                                                             \
                memcpy(&bits, &value, sizeof(value));                                          \
                sum += bits;                                                                   \
            }                                                                                  \
        }                                                                                      \
        *checksum += sum;                                                                      \
        return 0;                                                                              \
    }                                                                                          \
    static int write2_##name(struct marray *array, const struct walk *walk)                    \
    {                                                                                          \
        struct marray_##name##_matrix matrix;                                                  \
        int status = marray_##name##_matrix(array, true, &matrix);                             \
        if (status)                                                                            \
            return status;                                                                     \
        for (uint64_t i = 0, done = 0; done < walk->count; i++) {                              \
            for (uint64_t j = 0; j < matrix.columns && done < walk->count; j++, done++) {      \
                uint64_t bits = pattern_element(walk, done, sizeof(type));                     \
                type value;                                                                    \
                memcpy(&value, &bits, sizeof(value));                                          \
                marray_##name##_set2(matrix, i, j, value);                                     \
            }                                                                                  \
        }                                                                                      \
        return 0;                                                                              \
    }

MARRAY_ACCESSOR_TYPES(DEFINE_ACCESSOR_PASSES)

struct accessor_passes {
    const char *name; /* the dtype without its byte order */
    int (*read[2])(struct marray *array, const struct walk *walk, uint64_t *checksum);
    int (*write[2])(struct marray *array, const struct walk *walk);
};

#define ACCESSOR_ROW(name, type) \
    {#name, {read_##name, read2_##name}, {write_##name, write2_##name}},

/* NULL when there is no accessor for arrays of this kind. */
static const struct accessor_passes *accessor_for(const struct mm_array *array)
{
    static const struct accessor_passes table[] = {MARRAY_ACCESSOR_TYPES(ACCESSOR_ROW)};
    bool native = array->dtype[0] == '<' || array->dtype[0] == '|';
    for (size_t i = 0; native && i < MM_COUNT_OF(table); i++)
        if (strcmp(array->dtype + 1, table[i].name) == 0)
            return &table[i];
    return NULL;
}

static int check_accessor(const struct mm_array *array, struct mm_error *error)
{
    if (!accessor_for(array))
        return mm_error_set(error, -EINVAL,
                            "parameter 'via': there is no accessor for dtype '%s'; use call or "
                            "pointer",
                            array->dtype);
    if (array->dimensions > 2 || (array->dimensions == 2 && array->fortran_order))
        return mm_error_set(error, -EINVAL,
                            "parameter 'via': accessors go over one axis, or two in C order, not "
                            "%" PRIu32 "%s; use call or pointer",
                            array->dimensions, array->fortran_order ? " in Fortran order" : "");
    return 0;
}

static int plan(const void *options, const struct mm_array *array, struct mm_workload_needs *needs,
                struct mm_error *error)
{
    const struct options *chosen = options;
    int status = chosen->via == VIA_ACCESSOR ? check_accessor(array, error) : 0;
    if (status)
        return status;
    if (chosen->via == VIA_CALL && array->item_bytes > ELEMENT_BYTES_MAX)
        return mm_error_set(error, -EINVAL,
                            "parameter 'via': elements of %" PRIu32
                            " bytes are too large for call; use pointer",
                            array->item_bytes);
    needs->writes = chosen->operation == OPERATION_WRITE;
    needs->flushes = needs->writes;
    if (needs->writes)
        needs->capabilities |= MM_ENGINE_WRITES;
    if (chosen->via == VIA_ACCESSOR)
        needs->capabilities |= MM_ENGINE_MARRAY;
    if (chosen->via == VIA_POINTER)
        needs->capabilities |= MM_ENGINE_IN_PLACE;
    needs->pattern = MM_PATTERN_SEQUENTIAL;
    needs->largest_borrow_bytes = array->item_bytes;
    needs->processes = 1;
    needs->items_per_pass = element_count(chosen, array);
    needs->bytes_per_pass = needs->items_per_pass * array->item_bytes;
    needs->untimed =
        "an element takes less time than the reading of the clock; the workload random "
        "times single elements";
    return 0;
}

static const char *skip(const void *options, const struct mm_engine *engine)
{
    const struct options *chosen = options;
    if (chosen->via == VIA_ACCESSOR && !(engine->capabilities & MM_ENGINE_MARRAY))
        return "via=accessor needs libmarray: only the engine marray has it";
    if (chosen->via == VIA_POINTER && !(engine->capabilities & MM_ENGINE_IN_PLACE))
        return "via=pointer needs an engine that lends the bytes in place";
    return NULL;
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

static int touch_by_accessor(struct mm_workload_run *run, const struct walk *walk)
{
    const struct options *chosen = run->options;
    const struct accessor_passes *passes = accessor_for(run->array);
    struct marray *array = run->engine->marray(run->file);
    int status = 0;
    if (chosen->operation == OPERATION_READ)
        status = passes->read[run->array->dimensions - 1](array, walk, &run->checksum);
    else
        status = passes->write[run->array->dimensions - 1](array, walk);
    if (status)
        return mm_error_set(run->error, status, "no accessor: %s", marray_message(array));
    return 0;
}

static inline uint64_t read_at_pointer(const unsigned char *data, uint64_t count, size_t item_bytes)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t bits = 0;
        memcpy(&bits, data + i * item_bytes, item_bytes);
        sum += bits;
    }
    return sum;
}

static inline void write_at_pointer(const struct walk *walk, unsigned char *data, size_t item_bytes)
{
    for (uint64_t i = 0; i < walk->count; i++) {
        uint64_t bits = pattern_element(walk, i, item_bytes);
        memcpy(data + i * item_bytes, &bits, item_bytes);
    }
}

static uint64_t read_all_at_pointer(const unsigned char *data, uint64_t count, uint32_t item_bytes)
{
    switch (item_bytes) {
    case 8:
        return read_at_pointer(data, count, 8);
    case 4:
        return read_at_pointer(data, count, 4);
    case 2:
        return read_at_pointer(data, count, 2);
    case 1:
        return read_at_pointer(data, count, 1);
    default:
        return mm_workload_checksum(data, count * item_bytes, item_bytes);
    }
}

static void write_all_at_pointer(const struct walk *walk, unsigned char *data, uint32_t item_bytes)
{
    switch (item_bytes) {
    case 8:
        write_at_pointer(walk, data, 8);
        break;
    case 4:
        write_at_pointer(walk, data, 4);
        break;
    case 2:
        write_at_pointer(walk, data, 2);
        break;
    case 1:
        write_at_pointer(walk, data, 1);
        break;
    default:
        mm_pattern_fill(walk->pattern, walk->key, 0, data, walk->count * item_bytes);
        break;
    }
}

static int touch_by_pointer(struct mm_workload_run *run, const struct walk *walk)
{
    const struct options *chosen = run->options;
    uint32_t item_bytes = run->array->item_bytes;
    bool reads = chosen->operation == OPERATION_READ;
    struct mm_region region = mm_region_of_bytes(0, walk->count * item_bytes);
    struct mm_span span;
    int status = run->engine->borrow(run->file, &region, reads ? MM_ACCESS_READ : MM_ACCESS_WRITE,
                                     &span, run->error);
    if (status)
        return status;
    if (reads)
        run->checksum += read_all_at_pointer(span.data, walk->count, item_bytes);
    else
        write_all_at_pointer(walk, span.data, item_bytes);
    return run->engine->give_back(run->file, &span, run->error);
}

/* Steps index to the next element in memory. */
static inline void step(const struct mm_array *array, int64_t *index)
{
    for (uint32_t k = 0; k < array->dimensions; k++) {
        uint32_t axis = array->fortran_order ? k : array->dimensions - 1 - k;
        if (++index[axis] < (int64_t)array->shape[axis])
            return;
        index[axis] = 0;
    }
}

static int touch_by_marray_call(struct mm_workload_run *run, const struct walk *walk)
{
    const struct options *chosen = run->options;
    uint32_t item_bytes = run->array->item_bytes;
    struct marray *array = run->engine->marray(run->file);
    int64_t index[MM_ARRAY_DIMENSIONS] = {0};
    unsigned char element[ELEMENT_BYTES_MAX];
    for (uint64_t i = 0; i < walk->count; i++, step(run->array, index)) {
        int status = 0;
        if (chosen->operation == OPERATION_READ) {
            status = marray_get(array, index, NULL, element);
            run->checksum += mm_workload_checksum(element, item_bytes, item_bytes);
        } else {
            mm_pattern_fill(walk->pattern, walk->key, i * item_bytes, element, item_bytes);
            status = marray_set(array, index, NULL, element);
        }
        if (status)
            return mm_error_set(run->error, status, "element %" PRIu64 ": %s", i,
                                marray_message(array));
    }
    return 0;
}

static int touch_by_loan(struct mm_workload_run *run, const struct walk *walk)
{
    const struct options *chosen = run->options;
    uint32_t item_bytes = run->array->item_bytes;
    bool reads = chosen->operation == OPERATION_READ;
    int status = 0;
    for (uint64_t i = 0; status == 0 && i < walk->count; i++) {
        struct mm_region region = mm_region_of_bytes(i * item_bytes, item_bytes);
        struct mm_span span;
        status = run->engine->borrow(run->file, &region, reads ? MM_ACCESS_READ : MM_ACCESS_WRITE,
                                     &span, run->error);
        if (status)
            return status;
        if (reads)
            run->checksum += mm_workload_checksum(span.data, item_bytes, item_bytes);
        else
            mm_pattern_fill(walk->pattern, walk->key, i * item_bytes, span.data, item_bytes);
        status = run->engine->give_back(run->file, &span, run->error);
    }
    return status;
}

static int touch(struct mm_workload_run *run)
{
    const struct options *chosen = run->options;
    struct state *state = run->state;
    struct walk walk = {
        .pattern = &state->pattern,
        .key = mm_pattern_key(&state->pattern, state->pass),
        .count = element_count(chosen, run->array),
    };
    state->pass++;
    run->bytes += run->needs->bytes_per_pass;
    run->items += run->needs->items_per_pass;
    switch (chosen->via) {
    case VIA_ACCESSOR:
        return touch_by_accessor(run, &walk);
    case VIA_POINTER:
        return touch_by_pointer(run, &walk);
    default:
        if (run->engine->capabilities & MM_ENGINE_MARRAY)
            return touch_by_marray_call(run, &walk);
        return touch_by_loan(run, &walk);
    }
}

static int verify(struct mm_workload_run *run)
{
    const struct options *chosen = run->options;
    struct mm_proof_items items = mm_proof_items_of_range(
        run->array, 0, element_count(chosen, run->array) * run->array->item_bytes);
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

const struct mm_workload mm_workload_elementwise = {
    .abi_version = MM_WORKLOAD_ABI_VERSION,
    .size_bytes = sizeof(struct mm_workload),
    .name = "elementwise",
    .summary = "one element at a time, by pointer, by accessor or by call",
    .parameters = parameters,
    .parameter_count = MM_COUNT_OF(parameters),
    .options_bytes = sizeof(struct options),
    .plan = plan,
    .skip = skip,
    .prepare = prepare,
    .touch = touch,
    .cleanup = cleanup,
    .verify = verify,
};
