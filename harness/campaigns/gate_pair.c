/* Starts the two launches of a pair, asks them in turns, and makes one score of what they say. */
#include "harness/campaigns/gate_pair.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/statistics.h"
#include "common/random.h"
#include "common/text.h"
#include "harness/campaigns/ending.h"
#include "harness/clock.h"
#include "harness/latency.h"
#include "harness/launcher.h"
#include "results/histogram.h"

/* Of a slice or, added up, of a launch. */
struct counts {
    double value[MM_GATE_METRIC_COUNT]; /* NAN: not known */
};

struct side {
    struct mm_launcher_worker *worker; /* NULL: not running */
    uint64_t seed;
    uint64_t asked; /* samples, so that each has a seed of its own */
    struct counts total;
    double *slice_ns; /* of an iteration, one a slice */
};

/* One pair that is being run. */
struct turn {
    const struct mm_gate_job *job;
    struct mm_gate_pair *pair;
    struct mm_random random;
    FILE *samples;
    struct side side[MM_GATE_SIDES];
    json_t **failure;
};

int mm_gate_cores(int **cores, size_t *count)
{
    cpu_set_t set;
    size_t found = 0;

    if (sched_getaffinity(0, sizeof(set), &set) != 0) {
        return -errno;
    }
    int *list = calloc(CPU_SETSIZE, sizeof(*list));
    if (list == NULL) {
        return -ENOMEM;
    }
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &set)) {
            list[found++] = (int)cpu;
        }
    }
    *cores = list;
    *count = found;
    return 0;
}

double mm_gate_score(double base, double head, double slack)
{
    double difference = head - base;

    if (fabs(difference) <= slack) {
        return 0;
    }
    if (slack > 0 || !(base > 0) || !(head > 0)) {
        double left = difference > 0 ? difference - slack : difference + slack;
        return log((base + left + 1) / (base + 1));
    }
    return log(head / base);
}

static double counter_of(const json_t *counters, const char *name, const char *otherwise)
{
    const json_t *counter = json_object_get(counters, name);

    if (!json_is_number(counter)) {
        counter = json_object_get(counters, otherwise);
    }
    return json_is_number(counter) ? json_number_value(counter) : NAN;
}

/* The faults of the measured phases together. */
static double faults_of(const json_t *sample, const char *name, const char *otherwise)
{
    static const enum mm_phase measured[] = {MM_PHASE_TOUCH, MM_PHASE_COMPUTE, MM_PHASE_FLUSH};
    const json_t *phases = json_object_get(sample, "phases");
    double sum = NAN;

    for (size_t i = 0; i < MM_COUNT_OF(measured); i++) {
        const json_t *phase = json_object_get(phases, mm_phase_name(measured[i]));
        if (phase != NULL) {
            double count = counter_of(json_object_get(phase, "counters"), name, otherwise);
            sum = isnan(sum) ? count : sum + count;
        }
    }
    return sum;
}

static double metric_of(const json_t *object, const char *name)
{
    const json_t *metric = json_object_get(object, name);
    return json_is_number(metric) ? json_number_value(metric) : NAN;
}

static void read_counts(const json_t *sample, struct counts *counts)
{
    const json_t *device = json_object_get(sample, "device");

    counts->value[MM_GATE_TIME] = metric_of(sample, "elapsed_ns");
    counts->value[MM_GATE_MINOR_FAULTS] = faults_of(sample, "minor_faults", "rusage_minor_faults");
    counts->value[MM_GATE_MAJOR_FAULTS] = faults_of(sample, "major_faults", "rusage_major_faults");
    counts->value[MM_GATE_READ_BYTES] = metric_of(device, "read_bytes");
    counts->value[MM_GATE_WRITTEN_BYTES] = metric_of(device, "written_bytes");
    counts->value[MM_GATE_COLD_TIME] = NAN;
    counts->value[MM_GATE_FLUSH_MEDIAN] = NAN;
    counts->value[MM_GATE_FLUSH_P99] = NAN;
}

static void write_field(FILE *samples, double value, bool last)
{
    if (!isnan(value)) {
        fprintf(samples, "%.0f", value);
    }
    fputc(last ? '\n' : ',', samples);
}

static const enum mm_gate_metric written[] = {MM_GATE_TIME, MM_GATE_MINOR_FAULTS,
                                              MM_GATE_MAJOR_FAULTS, MM_GATE_READ_BYTES,
                                              MM_GATE_WRITTEN_BYTES};

void mm_gate_pair_write_head(FILE *samples)
{
    fputs("benchmark,pair,side,first,core,seed,slice,iterations,elapsed_ns", samples);
    for (size_t i = 1; i < MM_COUNT_OF(written); i++) {
        fprintf(samples, ",%s", mm_gate_metric_name(written[i]));
    }
    fputc('\n', samples);
}

/* A name in quotes: it may hold commas, and quotes are doubled. */
static void write_name(FILE *samples, const char *name)
{
    fputc('"', samples);
    for (; *name != '\0'; name++) {
        if (*name == '"') {
            fputc('"', samples);
        }
        fputc(*name == '\n' ? ' ' : *name, samples);
    }
    fputc('"', samples);
}

static void write_slice(const struct turn *turn, int which, uint64_t seed, uint32_t slice,
                        const struct counts *counts)
{
    char text[MM_TEXT_HEX_BYTES];
    const struct mm_gate_pair *pair = turn->pair;

    if (turn->samples == NULL) {
        return;
    }
    write_name(turn->samples, turn->job->name);
    fprintf(turn->samples, ",%zu,%s,%s,%d,%s,%" PRIu32 ",%" PRIu64 ",", pair->index,
            mm_gate_side_name(which), mm_gate_side_name(pair->head_first), pair->core,
            mm_text_write_hex(seed, text), slice, turn->job->iterations);
    for (size_t i = 0; i < MM_COUNT_OF(written); i++) {
        write_field(turn->samples, counts->value[written[i]], i + 1 == MM_COUNT_OF(written));
    }
}

/* Whose failure it was, in front of what the launcher knows. Takes over said. */
static int fail(const struct turn *turn, int which, int code, json_t *said)
{
    if (code == -EINTR) {
        json_decref(said);
        return code;
    }
    json_t *failure = json_pack("{s:s}", "side", mm_gate_side_name(which));
    if (failure != NULL && said != NULL) {
        json_object_update(failure, said);
    }
    json_decref(said);
    *turn->failure = failure;
    return code;
}

static int fail_with_error(const struct turn *turn, int which, const struct mm_error *error)
{
    return fail(turn, which, error->code,
                json_pack("{s:s, s:s}", "kind", "error", "reason", error->text));
}

/* Children inherit where this process may run at the moment of fork. */
static void confine(int core, cpu_set_t *before)
{
    cpu_set_t one;

    CPU_ZERO(before);
    if (core >= 0 && sched_getaffinity(0, sizeof(*before), before) == 0) {
        CPU_ZERO(&one);
        CPU_SET((size_t)core, &one);
        sched_setaffinity(0, sizeof(one), &one);
    }
}

static void release(int core, const cpu_set_t *before)
{
    if (core >= 0 && CPU_COUNT(before) > 0) {
        sched_setaffinity(0, sizeof(*before), before);
    }
}

static int start(struct turn *turn, int which)
{
    const struct mm_gate_job *job = turn->job;
    struct side *side = &turn->side[which];
    struct mm_error error = {0};
    cpu_set_t before;

    /* The files are swapped from pair to pair. */
    const json_t *file = job->file_json[(turn->pair->index + (size_t)which) % 2];
    const char *program = job->sides->kind == MM_GATE_BUILD ? job->sides->side[which].link : NULL;
    side->seed = mm_random_next(&turn->random);
    int code = mm_gate_sides_pad(job->sides, which);
    if (code < 0) {
        mm_error_set(&error, code, "no memory for the environment of a launch");
        return fail_with_error(turn, which, &error);
    }
    confine(turn->pair->core, &before);
    code = mm_launcher_start(program, job->case_json[which], file, side->seed, job->timeout_ns,
                             &side->worker, &error);
    release(turn->pair->core, &before);
    if (code < 0) {
        return fail_with_error(turn, which, &error);
    }
    mm_launcher_inject(side->worker, which == MM_GATE_HEAD ? job->inject : NULL);
    return 0;
}

/* Every sample has a seed of its own: with the same one, the second side would find what the first
 * has brought into the caches. */
static int ask(struct turn *turn, int which, uint64_t iterations, uint64_t *seed, json_t **sample)
{
    struct side *side = &turn->side[which];
    json_t *failure = NULL;

    *seed = mm_random_mix(side->seed + ++side->asked);
    int code = mm_launcher_sample(side->worker, *seed, iterations, sample, &failure);
    return code < 0 ? fail(turn, which, code, failure) : 0;
}

static int warm_up(struct turn *turn, int which, uint64_t iterations)
{
    json_t *sample = NULL;
    uint64_t seed = 0;

    int code = iterations > 0 ? ask(turn, which, iterations, &seed, &sample) : 0;
    json_decref(sample);
    return code;
}

static int take_slice(struct turn *turn, int which, uint32_t slice)
{
    const struct mm_gate_job *job = turn->job;
    struct side *side = &turn->side[which];
    struct counts counts;
    json_t *sample = NULL;
    uint64_t seed = 0;

    int code = warm_up(turn, which, job->warmup_iterations);
    if (code == 0) {
        code = ask(turn, which, job->iterations, &seed, &sample);
    }
    if (code < 0) {
        return code;
    }
    read_counts(sample, &counts);
    json_decref(sample);
    write_slice(turn, which, seed, slice, &counts);
    side->slice_ns[slice] = counts.value[MM_GATE_TIME] / (double)job->iterations;
    for (int i = 0; i < MM_GATE_METRIC_COUNT; i++) {
        side->total.value[i] =
            slice == 0 ? counts.value[i] : side->total.value[i] + counts.value[i];
    }
    return 0;
}

static void read_flushes(struct side *side, const json_t *closing)
{
    const json_t *json =
        json_object_get(json_object_get(closing, "histograms"), mm_latency_name(MM_LATENCY_FLUSH));
    struct mm_histogram *histogram = json == NULL ? NULL : malloc(sizeof(*histogram));

    if (histogram != NULL && mm_histogram_from_json(json, histogram, NULL) == 0 &&
        histogram->count > 0) {
        side->total.value[MM_GATE_FLUSH_MEDIAN] = (double)mm_histogram_quantile(histogram, 0.5);
        side->total.value[MM_GATE_FLUSH_P99] = (double)mm_histogram_quantile(histogram, 0.99);
    }
    free(histogram);
}

static int finish(struct turn *turn, int which)
{
    struct side *side = &turn->side[which];
    json_t *closing = NULL;

    mm_launcher_finish(side->worker, &closing);
    side->worker = NULL;
    if (closing == NULL) {
        return fail(turn, which, mm_ending_asked() != 0 ? -EINTR : -EPROTO,
                    json_pack("{s:s, s:s}", "kind", "protocol", "reason",
                              "the worker gave its samples, but ended before it had finished"));
    }
    read_flushes(side, closing);
    json_decref(closing);
    return 0;
}

/* Cold cases, flushes and commands: the other side has no process and no map of the file. */
static int run_one_after_the_other(struct turn *turn)
{
    int code = 0;

    for (int place = 0; code == 0 && place < MM_GATE_SIDES; place++) {
        int which = (place + turn->pair->head_first) % MM_GATE_SIDES;
        code = start(turn, which);
        if (code == 0) {
            code = take_slice(turn, which, 0);
        }
        if (code == 0) {
            code = finish(turn, which);
        }
    }
    return code;
}

/* Both live, one of them runs. The first sample of a launch brings the page cache into its state:
 * it is never counted. */
static int run_in_turns(struct turn *turn)
{
    int code = 0;

    for (int place = 0; code == 0 && place < MM_GATE_SIDES; place++) {
        int which = (place + turn->pair->head_first) % MM_GATE_SIDES;
        code = start(turn, which);
        if (code == 0) {
            code = warm_up(turn, which, 1);
        }
    }
    for (uint32_t slice = 0; code == 0 && slice < turn->job->slices; slice++) {
        int first = (int)mm_random_below(&turn->random, MM_GATE_SIDES);
        for (int place = 0; code == 0 && place < MM_GATE_SIDES; place++) {
            code = take_slice(turn, (place + first) % MM_GATE_SIDES, slice);
        }
    }
    for (int which = 0; code == 0 && which < MM_GATE_SIDES; which++) {
        code = finish(turn, which);
    }
    return code;
}

static double median_of(double *values, size_t count)
{
    mm_statistics_sort(values, count);
    return mm_statistics_median(values, count);
}

/* The scores; slice_ns of both sides are in disorder afterwards. */
static void make_scores(struct turn *turn)
{
    const struct mm_gate_job *job = turn->job;
    struct mm_gate_pair *pair = turn->pair;
    struct side *base = &turn->side[MM_GATE_BASE];
    struct side *head = &turn->side[MM_GATE_HEAD];

    for (int i = 0; i < MM_GATE_METRIC_COUNT; i++) {
        double base_value = base->total.value[i];
        double head_value = head->total.value[i];
        bool per_iteration = i != MM_GATE_FLUSH_MEDIAN && i != MM_GATE_FLUSH_P99;
        double divisor = per_iteration ? (double)job->iterations * job->slices : 1;
        pair->scores[i] = isnan(base_value) || isnan(head_value)
                              ? NAN
                              : mm_gate_score(base_value, head_value, job->metrics[i].slack);
        pair->values[MM_GATE_BASE][i] = base_value / divisor;
        pair->values[MM_GATE_HEAD][i] = head_value / divisor;
    }
    double *ratios = calloc(job->slices, sizeof(*ratios));
    if (ratios != NULL) {
        for (uint32_t i = 0; i < job->slices; i++) {
            ratios[i] = mm_gate_score(base->slice_ns[i], head->slice_ns[i],
                                      job->metrics[MM_GATE_TIME].slack);
        }
        pair->scores[MM_GATE_TIME] = median_of(ratios, job->slices);
        free(ratios);
    }
    pair->values[MM_GATE_BASE][MM_GATE_TIME] = median_of(base->slice_ns, job->slices);
    pair->values[MM_GATE_HEAD][MM_GATE_TIME] = median_of(head->slice_ns, job->slices);
}

static void move_to_cold_time(struct mm_gate_pair *pair)
{
    pair->scores[MM_GATE_COLD_TIME] = pair->scores[MM_GATE_TIME];
    pair->scores[MM_GATE_TIME] = NAN;
    for (int side = 0; side < MM_GATE_SIDES; side++) {
        pair->values[side][MM_GATE_COLD_TIME] = pair->values[side][MM_GATE_TIME];
        pair->values[side][MM_GATE_TIME] = NAN;
    }
}

static void end_both(struct turn *turn)
{
    for (int which = 0; which < MM_GATE_SIDES; which++) {
        if (turn->side[which].worker != NULL) {
            mm_launcher_finish(turn->side[which].worker, NULL);
        }
        free(turn->side[which].slice_ns);
    }
}

static int begin(struct turn *turn, uint64_t seed)
{
    mm_random_seed(&turn->random, seed);
    for (int which = 0; which < MM_GATE_SIDES; which++) {
        turn->side[which].slice_ns = calloc(turn->job->slices, sizeof(*turn->side[which].slice_ns));
        if (turn->side[which].slice_ns == NULL) {
            struct mm_error error = {0};
            mm_error_set(&error, -ENOMEM, "no memory for a launch");
            return fail_with_error(turn, which, &error);
        }
    }
    return 0;
}

int mm_gate_pair_run(const struct mm_gate_job *job, uint64_t seed, const int *cores,
                     size_t core_count, FILE *samples, struct mm_gate_pair *pair, json_t **failure)
{
    struct turn turn = {.job = job, .pair = pair, .samples = samples, .failure = failure};

    int code = begin(&turn, seed);
    pair->core = -1;
    if (job->one_core && core_count > 0) {
        pair->core = cores[mm_random_below(&turn.random, core_count)];
    }
    pair->head_first = mm_random_below(&turn.random, 2) == 1;
    if (code == 0) {
        code = job->slices > 1 ? run_in_turns(&turn) : run_one_after_the_other(&turn);
    }
    if (code == 0) {
        make_scores(&turn);
        if (job->cold) {
            move_to_cold_time(pair);
        }
    }
    end_both(&turn);
    return code;
}

int mm_gate_pair_try(const struct mm_gate_job *job, uint64_t seed, double *iteration_ns,
                     uint64_t *sample_ns, json_t **failure)
{
    struct mm_gate_pair pair = {.core = -1};
    struct mm_gate_job once = *job;
    struct turn turn = {.job = &once, .pair = &pair, .failure = failure};

    /* The first sample of a launch takes longer, but a cold one has no second. */
    uint64_t first = job->slices > 1 ? 1 : 0;
    uint64_t started_ns = 0;
    once.warmup_iterations = 0;
    once.slices = 1;
    int code = begin(&turn, seed);
    if (code == 0) {
        code = start(&turn, MM_GATE_BASE);
    }
    if (code == 0) {
        code = warm_up(&turn, MM_GATE_BASE, first);
    }
    if (code == 0) {
        started_ns = mm_clock_ns();
        code = take_slice(&turn, MM_GATE_BASE, 0);
    }
    if (code == 0) {
        *sample_ns = mm_clock_ns() - started_ns;
        code = finish(&turn, MM_GATE_BASE);
    }
    if (code == 0) {
        *iteration_ns = turn.side[MM_GATE_BASE].slice_ns[0];
    }
    end_both(&turn);
    return code;
}
