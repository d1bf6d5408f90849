/* Tells steps, drifts and spikes apart. */
#include "analysis/changes.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/shift.h"

/* A spike has so many values at most; more of them are a part of their own. */
#define SPIKE_LONGEST 2

/* The values on a side that a spike is held against, and how many there must be. */
#define AROUND       5
#define AROUND_LEAST 2

#define APART_DEVIATIONS 5
#define APART_SHARE      0.02

/* The median of |x - x'| of two normal values, in standard deviations: sqrt(2) * 0.6745. */
#define MEDIAN_DISTANCE 0.9539

struct sequence {
    const double *values; /* as they were given */
    double *scaled;       /* their logarithms where all are positive */
    size_t count;
    bool is_ratio;
    double apart;   /* the distance from which on values lie apart */
    bool *aside;    /* spikes and what is pending */
    size_t *places; /* of the others, in scaled and values */
    double *kept;   /* these, scaled */
    size_t kept_count;
};

static double median_of(double *values, size_t count)
{
    mm_statistics_sort(values, count);
    return mm_statistics_median(values, count);
}

/* The standard deviation of the noise, by the distances of neighbours: a step is one of them. */
static int measure_noise(struct sequence *sequence)
{
    size_t pairs = sequence->count > 1 ? sequence->count - 1 : 0;
    double *distances = calloc(pairs + 1, sizeof *distances);
    if (!distances) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < pairs; i++) {
        distances[i] = fabs(sequence->scaled[i + 1] - sequence->scaled[i]);
    }
    double noise = pairs ? median_of(distances, pairs) / MEDIAN_DISTANCE : 0;
    double least = sequence->is_ratio ? log1p(APART_SHARE) : 0;
    sequence->apart = fmax(APART_DEVIATIONS * noise, least);
    free(distances);
    return 0;
}

static void release_sequence(struct sequence *sequence)
{
    free(sequence->scaled);
    free(sequence->aside);
    free(sequence->places);
    free(sequence->kept);
}

static int make_sequence(const double *values, size_t count, struct sequence *sequence)
{
    *sequence = (struct sequence){
        .values = values,
        .count = count,
        .is_ratio = true,
        .scaled = calloc(count + 1, sizeof *sequence->scaled),
        .aside = calloc(count + 1, sizeof *sequence->aside),
        .places = calloc(count + 1, sizeof *sequence->places),
        .kept = calloc(count + 1, sizeof *sequence->kept),
    };
    if (!sequence->scaled || !sequence->aside || !sequence->places || !sequence->kept) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        sequence->is_ratio = sequence->is_ratio && values[i] > 0;
    }
    for (size_t i = 0; i < count; i++) {
        sequence->scaled[i] = sequence->is_ratio ? log(values[i]) : values[i];
    }
    return measure_noise(sequence);
}

/* The median of up to AROUND scaled values before first; false when there are too few. */
static bool level_before(const struct sequence *sequence, size_t first, double *level)
{
    double near[AROUND];
    size_t count = first < AROUND ? first : AROUND;
    memcpy(near, sequence->scaled + first - count, count * sizeof *near);
    if (count < AROUND_LEAST) {
        return false;
    }
    *level = median_of(near, count);
    return true;
}

static bool level_after(const struct sequence *sequence, size_t end, double *level)
{
    double near[AROUND];
    size_t left = sequence->count - end;
    size_t count = left < AROUND ? left : AROUND;
    memcpy(near, sequence->scaled + end, count * sizeof *near);
    if (count < AROUND_LEAST) {
        return false;
    }
    *level = median_of(near, count);
    return true;
}

/* Above (1) or below (-1) both levels by more than the noise, or 0. */
static int side_of(const struct sequence *sequence, double value, double low, double high)
{
    if (value > high + sequence->apart) {
        return 1;
    }
    return value < low - sequence->apart ? -1 : 0;
}

/* Whether scaled[first..end) lie apart on one side and the values next to them do not. */
static bool lies_apart(const struct sequence *sequence, size_t first, size_t end, double low,
                       double high)
{
    int side = side_of(sequence, sequence->scaled[first], low, high);
    for (size_t i = first; i < end; i++) {
        if (side == 0 || side_of(sequence, sequence->scaled[i], low, high) != side) {
            return false;
        }
    }
    return (first == 0 || side_of(sequence, sequence->scaled[first - 1], low, high) != side) &&
           (end == sequence->count || side_of(sequence, sequence->scaled[end], low, high) != side);
}

/* The kind of what begins at first and is length long; false when it is nothing. */
static bool find_apart(const struct sequence *sequence, size_t first, size_t length,
                       enum mm_change_kind *kind)
{
    size_t end = first + length;
    double before;
    double after;
    if (end > sequence->count || !level_before(sequence, first, &before)) {
        return false;
    }
    if (end == sequence->count) {
        *kind = MM_CHANGE_PENDING;
        return lies_apart(sequence, first, end, before, before);
    }
    *kind = MM_CHANGE_SPIKE;
    return level_after(sequence, end, &after) &&
           lies_apart(sequence, first, end, fmin(before, after), fmax(before, after));
}

static int append(struct mm_changes *changes, const struct mm_change *change)
{
    struct mm_change *grown =
        realloc(changes->items, (changes->count + 1) * sizeof *changes->items);
    if (!grown) {
        return -ENOMEM;
    }
    changes->items = grown;
    grown[changes->count++] = *change;
    return 0;
}

/* The size of a change between two levels, without an interval. */
static void set_size(const struct sequence *sequence, struct mm_change *change)
{
    change->is_ratio = sequence->is_ratio;
    change->size =
        sequence->is_ratio ? change->after / change->before : change->after - change->before;
}

static void describe_apart(const struct sequence *sequence, struct mm_change *change)
{
    double near[2 * AROUND];
    double apart[SPIKE_LONGEST];
    size_t near_count = 0;
    size_t end = change->last + 1;
    size_t first_near = change->first < AROUND ? 0 : change->first - AROUND;
    size_t end_near = end + AROUND < sequence->count ? end + AROUND : sequence->count;
    for (size_t i = first_near; i < end_near; i++) {
        if (i < change->first || i >= end) {
            near[near_count++] = sequence->values[i];
        }
    }
    change->after_count = end - change->first;
    memcpy(apart, sequence->values + change->first, change->after_count * sizeof *apart);
    change->before_count = near_count;
    change->before = median_of(near, near_count);
    change->after = median_of(apart, change->after_count);
    set_size(sequence, change);
}

static int put_aside(struct sequence *sequence, struct mm_changes *changes)
{
    for (size_t first = 0; first < sequence->count;) {
        struct mm_change change = {.first = first, .p = 1};
        size_t length = 0;
        for (size_t tried = 1; tried <= SPIKE_LONGEST && length == 0; tried++) {
            if (find_apart(sequence, first, tried, &change.kind)) {
                length = tried;
            }
        }
        if (length > 0) {
            change.last = first + length - 1;
            describe_apart(sequence, &change);
            for (size_t i = first; i <= change.last; i++) {
                sequence->aside[i] = true;
            }
            if (append(changes, &change) < 0) {
                return -ENOMEM;
            }
        }
        first += length > 0 ? length : 1;
    }
    for (size_t i = 0; i < sequence->count; i++) {
        if (!sequence->aside[i]) {
            sequence->places[sequence->kept_count] = i;
            sequence->kept[sequence->kept_count++] = sequence->scaled[i];
        }
    }
    return 0;
}

/* The parts between change points, by places in kept. */
struct parts {
    size_t *bounds; /* part i is kept[bounds[i]..bounds[i + 1]) */
    double *p;      /* p[i] of the point at bounds[i]; of the first none */
    double *medians;
    size_t count;
};

static void release_parts(struct parts *parts)
{
    free(parts->bounds);
    free(parts->p);
    free(parts->medians);
}

static int make_parts(const struct sequence *sequence, const struct mm_change_point *points,
                      size_t point_count, struct parts *parts)
{
    double *scratch = calloc(sequence->kept_count + 1, sizeof *scratch);
    *parts = (struct parts){
        .count = point_count + 1,
        .bounds = calloc(point_count + 2, sizeof *parts->bounds),
        .p = calloc(point_count + 1, sizeof *parts->p),
        .medians = calloc(point_count + 1, sizeof *parts->medians),
    };
    if (!scratch || !parts->bounds || !parts->p || !parts->medians) {
        free(scratch);
        return -ENOMEM;
    }
    for (size_t i = 0; i < point_count; i++) {
        parts->bounds[i + 1] = points[i].place;
        parts->p[i + 1] = points[i].p;
    }
    parts->bounds[parts->count] = sequence->kept_count;
    for (size_t i = 0; i < parts->count; i++) {
        size_t length = parts->bounds[i + 1] - parts->bounds[i];
        memcpy(scratch, sequence->kept + parts->bounds[i], length * sizeof *scratch);
        parts->medians[i] = median_of(scratch, length);
    }
    free(scratch);
    return 0;
}

/* The median of a part, as the values were given. */
static double given(const struct sequence *sequence, double scaled)
{
    return sequence->is_ratio ? exp(scaled) : scaled;
}

/* What is left of the squares around the mean of kept[first..end). */
static double left_by_level(const struct sequence *sequence, size_t first, size_t end)
{
    double sum = 0;
    double squares = 0;
    for (size_t i = first; i < end; i++) {
        sum += sequence->kept[i];
    }
    double mean = sum / (double)(end - first);
    for (size_t i = first; i < end; i++) {
        squares += (sequence->kept[i] - mean) * (sequence->kept[i] - mean);
    }
    return squares;
}

/* What is left of them around the straight line of least squares. */
static double left_by_line(const struct sequence *sequence, size_t first, size_t end)
{
    double n = (double)(end - first);
    double mean_x = 0;
    double mean_y = 0;
    double xx = 0;
    double xy = 0;
    for (size_t i = first; i < end; i++) {
        mean_x += (double)sequence->places[i] / n;
        mean_y += sequence->kept[i] / n;
    }
    for (size_t i = first; i < end; i++) {
        double x = (double)sequence->places[i] - mean_x;
        xx += x * x;
        xy += x * (sequence->kept[i] - mean_y);
    }
    return left_by_level(sequence, first, end) - xy * xy / xx;
}

static bool is_drift(const struct sequence *sequence, const struct parts *parts, size_t first_part,
                     size_t last_part)
{
    double steps = 0;
    for (size_t i = first_part; i <= last_part; i++) {
        steps += left_by_level(sequence, parts->bounds[i], parts->bounds[i + 1]);
    }
    return left_by_line(sequence, parts->bounds[first_part], parts->bounds[last_part + 1]) < steps;
}

static int append_drift(const struct sequence *sequence, const struct parts *parts,
                        size_t first_part, size_t last_part, struct mm_changes *changes)
{
    struct mm_change change = {
        .kind = MM_CHANGE_DRIFT,
        .first = sequence->places[parts->bounds[first_part]],
        .last = sequence->places[parts->bounds[last_part + 1] - 1],
        .before = given(sequence, parts->medians[first_part]),
        .after = given(sequence, parts->medians[last_part]),
        .before_count = parts->bounds[first_part + 1] - parts->bounds[first_part],
        .after_count = parts->bounds[last_part + 1] - parts->bounds[last_part],
        .p = 1,
    };
    for (size_t i = first_part + 1; i <= last_part; i++) {
        change.p = fmin(change.p, parts->p[i]);
    }
    set_size(sequence, &change);
    return append(changes, &change);
}

static int append_step(const struct sequence *sequence, const struct parts *parts, size_t part,
                       struct mm_changes *changes)
{
    const double *middle = sequence->kept + parts->bounds[part];
    size_t before_count = parts->bounds[part] - parts->bounds[part - 1];
    size_t after_count = parts->bounds[part + 1] - parts->bounds[part];
    /* The nearest ones, where there are more than the distribution is computed for. */
    size_t before_used = before_count < MM_SHIFT_LIMIT ? before_count : MM_SHIFT_LIMIT;
    size_t after_used = after_count < MM_SHIFT_LIMIT ? after_count : MM_SHIFT_LIMIT;
    struct mm_shift shift;
    int result = mm_shift_of(middle - before_used, before_used, middle, after_used,
                             MM_STATISTICS_COVERAGE, &shift);
    if (result < 0) {
        return result;
    }
    struct mm_change change = {
        .kind = MM_CHANGE_STEP,
        .first = sequence->places[parts->bounds[part]],
        .last = sequence->places[parts->bounds[part]],
        .before = given(sequence, parts->medians[part - 1]),
        .after = given(sequence, parts->medians[part]),
        .before_count = before_count,
        .after_count = after_count,
        .is_ratio = sequence->is_ratio,
        .size = given(sequence, shift.estimate),
        .has_interval = true,
        .interval = {given(sequence, shift.interval.low), given(sequence, shift.interval.high),
                     shift.interval.coverage},
        .p = parts->p[part],
    };
    return append(changes, &change);
}

static int direction(const struct parts *parts, size_t part)
{
    double change = parts->medians[part] - parts->medians[part - 1];
    return (change > 0) - (change < 0);
}

static int append_steps(const struct sequence *sequence, const struct parts *parts,
                        struct mm_changes *changes)
{
    int result = 0;
    for (size_t part = 1; result == 0 && part < parts->count;) {
        size_t last = part;
        while (last + 1 < parts->count && direction(parts, last + 1) == direction(parts, part)) {
            last++;
        }
        if (is_drift(sequence, parts, part - 1, last)) {
            result = append_drift(sequence, parts, part - 1, last, changes);
        } else {
            for (size_t i = part; result == 0 && i <= last; i++) {
                result = append_step(sequence, parts, i, changes);
            }
        }
        part = last + 1;
    }
    return result;
}

static int find_steps(const struct sequence *sequence,
                      const struct mm_change_point_options *options, struct mm_changes *changes)
{
    struct mm_change_point *points = NULL;
    struct parts parts = {0};
    size_t count = 0;
    int result =
        mm_change_points_find(sequence->kept, sequence->kept_count, options, &points, &count);
    if (result < 0) {
        return result;
    }
    result = make_parts(sequence, points, count, &parts);
    free(points);
    if (result == 0) {
        result = append_steps(sequence, &parts, changes);
    }
    release_parts(&parts);
    return result;
}

static int compare_changes(const void *left, const void *right)
{
    const struct mm_change *a = left;
    const struct mm_change *b = right;
    if (a->first != b->first) {
        return a->first < b->first ? -1 : 1;
    }
    return (a->kind > b->kind) - (a->kind < b->kind);
}

int mm_changes_find(const double *values, size_t count,
                    const struct mm_change_point_options *options, struct mm_changes *changes)
{
    struct sequence sequence = {0};
    struct mm_changes found = {.needed = mm_change_points_needed(options->alpha)};
    int result = count > MM_CHANGE_POINT_LIMIT ? -E2BIG : make_sequence(values, count, &sequence);
    if (result == 0) {
        result = put_aside(&sequence, &found);
    }
    if (result == 0) {
        found.used = sequence.kept_count;
        found.enough = found.used >= found.needed;
    }
    if (result == 0 && found.enough) {
        result = find_steps(&sequence, options, &found);
    }
    release_sequence(&sequence);
    if (result < 0) {
        mm_changes_release(&found);
        return result;
    }
    if (found.count > 1) {
        qsort(found.items, found.count, sizeof *found.items, compare_changes);
    }
    *changes = found;
    return 0;
}

void mm_changes_release(struct mm_changes *changes)
{
    free(changes->items);
    *changes = (struct mm_changes){0};
}
