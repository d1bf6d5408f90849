/* Workload tile-fft: copies windows of an image out, transforms them, and writes them back. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "workloads/support/buffer.h"
#include "workloads/support/fft.h"
#include "workloads/support/proof.h"
#include "workloads/support/region.h"
#include "workloads/workload.h"

enum flush_when { FLUSH_TILE, FLUSH_PASS };

struct options {
    uint64_t window;
    uint64_t row;
    uint64_t column;
    uint64_t tiles;
    uint32_t flush_when;
};

static const struct mm_parameter parameters[] = {
    {.name = "window",
     .summary = "rows and columns of a tile; even, and a product of 2, 3 and 5",
     .type = MM_PARAMETER_COUNT,
     .default_text = "512",
     .minimum = 2,
     .maximum = 16384,
     .offset = offsetof(struct options, window)},
    {.name = "row",
     .summary = "first row of the first tile",
     .type = MM_PARAMETER_COUNT,
     .default_text = "0",
     .offset = offsetof(struct options, row)},
    {.name = "column",
     .summary = "first column of the first tile",
     .type = MM_PARAMETER_COUNT,
     .default_text = "0",
     .offset = offsetof(struct options, column)},
    {.name = "tiles",
     .summary = "tiles of one pass, side by side from the first on, row of tiles by row of tiles",
     .type = MM_PARAMETER_COUNT,
     .default_text = "4",
     .minimum = 1,
     .maximum = 65536,
     .offset = offsetof(struct options, tiles)},
    {.name = "flush",
     .summary = "tile: each tile's rows once it is written; pass: the whole array after the last",
     .type = MM_PARAMETER_CHOICE,
     .default_text = "tile",
     .choices = "tile|pass",
     .offset = offsetof(struct options, flush_when)},
};

struct state {
    struct mm_fft *fft;
    float *tile; /* window x window, dense */
};

static uint64_t tile_bytes(const struct options *options)
{
    return options->window * options->window * sizeof(float);
}

/* Tile index within the array: 0 <= index < options->tiles. */
static struct mm_region region_of_tile(const struct options *options, const struct mm_array *array,
                                       uint64_t index)
{
    uint64_t tiles_in_row = (array->shape[1] - options->column) / options->window;
    uint64_t row = options->row + index / tiles_in_row * options->window;
    uint64_t column = options->column + index % tiles_in_row * options->window;
    struct mm_region region = {
        .offset_bytes = (row * array->shape[1] + column) * sizeof(float),
        .item_bytes = sizeof(float),
        .dimensions = 2,
        .count = {options->window, options->window},
        .stride_bytes = {(int64_t)(array->shape[1] * sizeof(float)), sizeof(float)},
    };
    return region;
}

/* A square as nearly as whole powers of two allow. */
static int shape(const void *options, uint64_t wanted_bytes, struct mm_array *array,
                 struct mm_error *error)
{
    uint64_t columns = 1;
    (void)options;
    (void)error;
    while (4 * columns * columns * sizeof(float) <= wanted_bytes)
        columns *= 2;
    uint64_t rows = wanted_bytes / sizeof(float) / columns;
    if (rows == 0)
        rows = 1;
    *array = (struct mm_array){
        .dtype = "<f4",
        .item_bytes = sizeof(float),
        .dimensions = 2,
        .shape = {rows, columns},
        .size_bytes = rows * columns * sizeof(float),
    };
    return 0;
}

static int check_place(const struct options *options, const struct mm_array *array,
                       struct mm_error *error)
{
    uint64_t rows = array->shape[0];
    uint64_t columns = array->shape[1];
    if (options->row > rows || rows - options->row < options->window || options->column > columns ||
        columns - options->column < options->window)
        return mm_error_set(
            error, -EINVAL,
            "parameter 'window': a tile of %" PRIu64 " x %" PRIu64 " at row %" PRIu64
            ", column %" PRIu64 " does not fit into an array of %" PRIu64 " x %" PRIu64
            "; ask for a smaller one, or a larger file",
            options->window, options->window, options->row, options->column, rows, columns);
    uint64_t room =
        (rows - options->row) / options->window * ((columns - options->column) / options->window);
    if (options->tiles > room)
        return mm_error_set(error, -EINVAL,
                            "parameter 'tiles': %" PRIu64 " are asked for, but only %" PRIu64
                            " fit into the array side by side",
                            options->tiles, room);
    return 0;
}

static int plan(const void *options, const struct mm_array *array, struct mm_workload_needs *needs,
                struct mm_error *error)
{
    const struct options *chosen = options;
    if (strcmp(array->dtype, "<f4") != 0 || array->dimensions != 2 || array->fortran_order)
        return mm_error_set(error, -EINVAL,
                            "workload 'tile-fft' needs a two-dimensional array of dtype '<f4' in C "
                            "order, not %" PRIu32 " axes of '%s'%s",
                            array->dimensions, array->dtype,
                            array->fortran_order ? " in Fortran order" : "");
    if (!mm_fft_window_is_possible(chosen->window))
        return mm_error_set(error, -EINVAL,
                            "parameter 'window': %" PRIu64
                            " must be even and a product of 2, 3 and 5, such as 480 or 512",
                            chosen->window);
    int status = check_place(chosen, array, error);
    if (status)
        return status;
    needs->capabilities = MM_ENGINE_WRITES;
    needs->writes = true;
    needs->flushes = true;
    needs->pattern = MM_PATTERN_NORMAL;
    needs->largest_borrow_bytes = tile_bytes(chosen);
    needs->processes = 1;
    needs->shared_bytes = chosen->tiles * tile_bytes(chosen);
    needs->bytes_per_pass = chosen->tiles * tile_bytes(chosen);
    needs->items_per_pass = chosen->tiles;
    needs->operations_per_pass = chosen->tiles;
    return 0;
}

/* The tile as storage has it, row by row, into dense memory. */
static int read_tile_back(struct mm_workload_run *run, uint64_t index, float *tile)
{
    const struct options *chosen = run->options;
    struct mm_region region = region_of_tile(chosen, run->array, index);
    int status = 0;
    for (uint64_t row = 0; status == 0 && row < chosen->window; row++)
        status =
            run->host->read_back(run, region.offset_bytes + row * (uint64_t)region.stride_bytes[0],
                                 chosen->window * sizeof(float), tile + row * chosen->window);
    return status;
}

static int prepare(struct mm_workload_run *run)
{
    const struct options *chosen = run->options;
    struct state *state = calloc(1, sizeof(*state));
    int status = 0;
    if (state) {
        run->state = state;
        state->fft = mm_fft_open((uint32_t)chosen->window);
        state->tile = mm_buffer_allocate(tile_bytes(chosen));
    }
    if (!state || !state->fft || !state->tile)
        return mm_error_set(run->error, -ENOMEM,
                            "no memory for a window of %" PRIu64 "; use a smaller one",
                            chosen->window);
    /* What the tiles hold now: verify() transforms it again, as often as the passes did. */
    float *originals = run->shared;
    for (uint64_t i = 0; status == 0 && i < chosen->tiles; i++)
        status = read_tile_back(run, i, originals + i * chosen->window * chosen->window);
    return status;
}

static void cleanup(struct mm_workload_run *run)
{
    struct state *state = run->state;
    if (state) {
        mm_fft_close(state->fft);
        mm_buffer_free(state->tile, tile_bytes(run->options));
    }
    free(state);
    run->state = NULL;
}

static int copy_out(struct mm_workload_run *run, const struct mm_region *region, float *tile)
{
    int status = mm_region_copy_out(run->engine, run->file, region, tile, run->error);
    if (status == 0)
        run->checksum += mm_workload_checksum(tile, tile_bytes(run->options), sizeof(float));
    return status;
}

static int touch(struct mm_workload_run *run)
{
    const struct options *chosen = run->options;
    struct state *state = run->state;
    int status = 0;
    for (uint64_t i = 0; status == 0 && i < chosen->tiles; i++) {
        struct mm_region region = region_of_tile(chosen, run->array, i);
        mm_operation_begin(run);
        status = copy_out(run, &region, state->tile);
        if (status)
            return status;
        run->host->enter_phase(run, MM_PHASE_COMPUTE);
        mm_fft_real_part(state->fft, state->tile);
        run->host->enter_phase(run, MM_PHASE_TOUCH);
        status = mm_region_copy_in(run->engine, run->file, &region, state->tile, run->error);
        mm_operation_mark(run, MM_LATENCY_TOUCH);
        mm_workload_advance(run, tile_bytes(chosen), 1);
        if (status == 0 && chosen->flush_when == FLUSH_TILE) {
            status = run->host->flush(run, &region);
            mm_operation_mark(run, MM_LATENCY_DURABLE);
        }
    }
    return status;
}

static int flush(struct mm_workload_run *run)
{
    const struct options *chosen = run->options;
    return chosen->flush_when == FLUSH_PASS ? run->host->flush(run, NULL) : 0;
}

/* The energy that the real part must have: that of the even part of what was transformed. */
static double expected_energy(const float *tile, size_t window)
{
    double energy = 0;
    for (size_t row = 0; row < window; row++) {
        for (size_t column = 0; column < window; column++) {
            float one = tile[row * window + column];
            float other = tile[(window - row) % window * window + (window - column) % window];
            bool fits = fabsf(one) <= MM_FFT_LIMIT;
            bool other_fits = fabsf(other) <= MM_FFT_LIMIT;
            double even = ((fits ? (double)one : 0) + (other_fits ? (double)other : 0)) / 2;
            energy += even * even;
        }
    }
    return energy;
}

static double energy_of(const float *tile, size_t count)
{
    double energy = 0;
    for (size_t i = 0; i < count; i++)
        energy += (double)tile[i] * (double)tile[i];
    return energy;
}

/* Parseval's theorem: a transform that is wrong does not keep the energy. */
static int check_energy(struct mm_workload_run *run, uint64_t index, double expected, double found)
{
    if (fabs(found - expected) <= 1e-4 * expected)
        return 0;
    return mm_error_set(run->error, -EBADMSG,
                        "the transform of tile %" PRIu64
                        " has the energy %g instead of %g: it is wrong",
                        index, found, expected);
}

static int verify_tile(struct mm_workload_run *run, const struct state *state, uint64_t index)
{
    const struct options *chosen = run->options;
    size_t elements = chosen->window * chosen->window;
    float *tile = (float *)run->shared + index * elements;
    uint64_t passes = mm_proof_all_passes(run);
    int status = 0;
    for (uint64_t pass = 0; status == 0 && pass < passes; pass++) {
        double energy = expected_energy(tile, chosen->window);
        if (pass >= run->warm_passes)
            run->expected_checksum += mm_workload_checksum(tile, tile_bytes(chosen), sizeof(float));
        mm_fft_real_part(state->fft, tile);
        status = check_energy(run, index, energy, energy_of(tile, elements));
    }
    if (status == 0)
        status = read_tile_back(run, index, state->tile);
    if (status == 0 && memcmp(state->tile, tile, tile_bytes(chosen)) != 0)
        status = mm_error_set(
            run->error, -EBADMSG,
            "tile %" PRIu64 " is not in storage as it was transformed and written", index);
    return status;
}

static int verify(struct mm_workload_run *run)
{
    const struct options *chosen = run->options;
    struct state state = {
        .fft = mm_fft_open((uint32_t)chosen->window),
        .tile = malloc(tile_bytes(chosen)),
    };
    int status = 0;
    run->expected_checksum = 0;
    if (!state.fft || !state.tile)
        status = mm_error_set(run->error, -ENOMEM, "no memory to verify the tiles");
    for (uint64_t i = 0; status == 0 && i < chosen->tiles; i++)
        status = verify_tile(run, &state, i);
    mm_fft_close(state.fft);
    free(state.tile);
    return status;
}

const struct mm_workload mm_workload_tile_fft = {
    .abi_version = MM_WORKLOAD_ABI_VERSION,
    .size_bytes = sizeof(struct mm_workload),
    .name = "tile-fft",
    .summary = "copies float32 tiles out, transforms them in two dimensions, writes them back",
    .parameters = parameters,
    .parameter_count = MM_COUNT_OF(parameters),
    .options_bytes = sizeof(struct options),
    .shape = shape,
    .plan = plan,
    .prepare = prepare,
    .touch = touch,
    .flush = flush,
    .cleanup = cleanup,
    .verify = verify,
};
