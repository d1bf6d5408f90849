/* Draws suites from kept scores and judges them as the gate does: looks, extension, correction. */
#include "analysis/resample.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/signed_rank.h"
#include "common/random.h"

/* One benchmark while a suite is drawn. */
struct drawn {
    const struct mm_resample_benchmark *benchmark;
    double *centres;                  /* of each set and metric; zeros where they stay */
    double *signs;                    /* of each set */
    double *scores;                   /* metric_count rows of plan->extended */
    struct mm_verdict_series *series; /* one a metric, in those of the suite */
    struct mm_verdict_result *results;
    size_t count;
};

struct suite {
    const struct mm_resample_plan *plan;
    struct mm_random random;
    struct drawn *drawn;
    struct mm_verdict_series *series;
    struct mm_verdict_result *results;
    size_t verdicts;
};

static int check_plan(const struct mm_resample_plan *plan)
{
    bool fits = plan->count > 0;

    for (size_t i = 0; i < plan->count; i++) {
        const struct mm_resample_benchmark *benchmark = &plan->benchmarks[i];
        fits = fits && benchmark->set_count > 0 && benchmark->metric_count > 0;
        for (size_t set = 0; fits && set < benchmark->set_count; set++) {
            fits = benchmark->sets[set].count > 0;
        }
    }
    if (!fits || plan->first_look == 0 || plan->first_look > plan->settings.pairs ||
        plan->settings.pairs > plan->extended) {
        return -EINVAL;
    }
    return plan->extended > MM_SIGNED_RANK_LIMIT ? -E2BIG : 0;
}

/* The centre of every metric of a set, by the estimate that the gate itself makes. */
static int find_centres(const struct mm_resample_benchmark *benchmark, size_t set, double *centres)
{
    const struct mm_resample_set *of = &benchmark->sets[set];
    double *column = calloc(of->count, sizeof(*column));
    int code = column == NULL ? -ENOMEM : 0;

    for (size_t metric = 0; code == 0 && metric < benchmark->metric_count; metric++) {
        for (size_t i = 0; i < of->count; i++) {
            column[i] = of->scores[i * benchmark->metric_count + metric];
        }
        code =
            mm_centre_estimate(column, of->count, &centres[set * benchmark->metric_count + metric]);
    }
    free(column);
    return code;
}

static int prepare_benchmark(struct suite *suite, size_t index)
{
    const struct mm_resample_plan *plan = suite->plan;
    const struct mm_resample_benchmark *benchmark = &plan->benchmarks[index];
    struct drawn *drawn = &suite->drawn[index];
    size_t metrics = benchmark->metric_count;

    *drawn = (struct drawn){
        .benchmark = benchmark,
        .centres = calloc(benchmark->set_count * metrics, sizeof(double)),
        .signs = calloc(benchmark->set_count, sizeof(double)),
        .scores = calloc(metrics * plan->extended, sizeof(double)),
        .series = &suite->series[suite->verdicts],
        .results = &suite->results[suite->verdicts],
    };
    if (drawn->centres == NULL || drawn->signs == NULL || drawn->scores == NULL) {
        return -ENOMEM;
    }
    for (size_t metric = 0; metric < metrics; metric++) {
        drawn->series[metric] = (struct mm_verdict_series){
            .scores = drawn->scores + metric * plan->extended, .rule = &benchmark->rules[metric]};
    }
    suite->verdicts += metrics;
    int code = 0;
    for (size_t set = 0; code == 0 && set < benchmark->set_count; set++) {
        code = plan->way == MM_RESAMPLE_CENTRED ? find_centres(benchmark, set, drawn->centres) : 0;
    }
    return code;
}

static void begin_benchmark(struct suite *suite, struct drawn *drawn)
{
    drawn->count = 0;
    for (size_t set = 0; set < drawn->benchmark->set_count; set++) {
        bool turned =
            suite->plan->way == MM_RESAMPLE_SIGNS && mm_random_below(&suite->random, 2) == 1;
        drawn->signs[set] = turned ? -1 : 1;
    }
}

/* On to `count` pairs; first_count: those of the first look. */
static void draw_pairs(struct suite *suite, struct drawn *drawn, size_t count, size_t first_count)
{
    const struct mm_resample_benchmark *benchmark = drawn->benchmark;
    size_t metrics = benchmark->metric_count;

    for (; drawn->count < count; drawn->count++) {
        size_t set = mm_random_below(&suite->random, benchmark->set_count);
        size_t pair = mm_random_below(&suite->random, benchmark->sets[set].count);
        for (size_t metric = 0; metric < metrics; metric++) {
            double score = benchmark->sets[set].scores[pair * metrics + metric];
            double moved = metric == 0 ? log1p(benchmark->effect) : 0;
            drawn->scores[metric * suite->plan->extended + drawn->count] =
                drawn->signs[set] * (score - drawn->centres[set * metrics + metric]) + moved;
        }
    }
    for (size_t metric = 0; metric < metrics; metric++) {
        drawn->series[metric].count = count;
        drawn->series[metric].first_count = first_count;
    }
}

static bool is_futile(const struct suite *suite, const struct drawn *drawn)
{
    for (size_t metric = 0; metric < drawn->benchmark->metric_count; metric++) {
        if (!mm_verdict_is_futile(&drawn->series[metric], &suite->plan->settings)) {
            return false;
        }
    }
    return true;
}

static enum mm_verdict worst_of(const struct drawn *drawn)
{
    enum mm_verdict worst = MM_VERDICT_PASS;

    for (size_t metric = 0; metric < drawn->benchmark->metric_count; metric++) {
        worst = mm_verdict_worse(worst, drawn->results[metric].verdict);
    }
    return worst;
}

static int judge(struct suite *suite)
{
    return mm_verdict_suite(suite->series, suite->verdicts, &suite->plan->settings, suite->results);
}

/* To the early look, on where that does not stop, and once more where that was inconclusive. */
static int draw_suite(struct suite *suite, struct mm_resample_totals *totals)
{
    const struct mm_resample_plan *plan = suite->plan;
    uint64_t extended = 0;

    for (size_t i = 0; i < plan->count; i++) {
        struct drawn *drawn = &suite->drawn[i];
        begin_benchmark(suite, drawn);
        draw_pairs(suite, drawn, plan->first_look, plan->first_look);
        if (!is_futile(suite, drawn)) {
            draw_pairs(suite, drawn, plan->settings.pairs, plan->settings.pairs);
        }
    }
    int code = judge(suite);
    for (size_t i = 0; code == 0 && plan->extended > plan->settings.pairs && i < plan->count; i++) {
        struct drawn *drawn = &suite->drawn[i];
        if (worst_of(drawn) == MM_VERDICT_INCONCLUSIVE) {
            draw_pairs(suite, drawn, plan->extended, drawn->count);
            extended++;
        }
    }
    totals->extended += extended;
    return code == 0 && extended > 0 ? judge(suite) : code;
}

static void count_suite(const struct suite *suite, struct mm_resample_totals *totals)
{
    uint64_t counts[MM_VERDICT_COUNT] = {0};
    double allowed = suite->plan->allowed_inconclusive * (double)suite->verdicts;

    for (size_t i = 0; i < suite->verdicts; i++) {
        counts[suite->results[i].verdict]++;
    }
    for (size_t i = 0; i < suite->plan->count; i++) {
        totals->pairs += suite->drawn[i].count;
    }
    totals->suites++;
    totals->verdicts += suite->verdicts;
    totals->regressed += counts[MM_VERDICT_REGRESSED];
    totals->improved += counts[MM_VERDICT_IMPROVED];
    totals->inconclusive += counts[MM_VERDICT_INCONCLUSIVE];
    if (counts[MM_VERDICT_REGRESSED] > 0) {
        totals->alarms++;
    } else if ((double)counts[MM_VERDICT_INCONCLUSIVE] > allowed) {
        totals->inconclusive_suites++;
    }
}

static int prepare(struct suite *suite)
{
    const struct mm_resample_plan *plan = suite->plan;
    size_t verdicts = 0;
    int code = 0;

    for (size_t i = 0; i < plan->count; i++) {
        verdicts += plan->benchmarks[i].metric_count;
    }
    suite->drawn = calloc(plan->count + 1, sizeof(*suite->drawn));
    suite->series = calloc(verdicts + 1, sizeof(*suite->series));
    suite->results = calloc(verdicts + 1, sizeof(*suite->results));
    if (suite->drawn == NULL || suite->series == NULL || suite->results == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; code == 0 && i < plan->count; i++) {
        code = prepare_benchmark(suite, i);
    }
    return code;
}

static void release(struct suite *suite)
{
    for (size_t i = 0; suite->drawn != NULL && i < suite->plan->count; i++) {
        free(suite->drawn[i].centres);
        free(suite->drawn[i].signs);
        free(suite->drawn[i].scores);
    }
    free(suite->drawn);
    free(suite->series);
    free(suite->results);
}

int mm_resample_suites(const struct mm_resample_plan *plan, uint64_t seed, uint64_t suites,
                       struct mm_resample_totals *totals)
{
    struct mm_resample_plan quick = *plan;
    struct suite suite = {.plan = &quick};
    struct mm_resample_totals found = {0};

    int code = check_plan(plan);
    if (code < 0) {
        return code;
    }
    quick.settings.power = 0; /* the smallest detectable effect would take nearly all of the time */
    mm_random_seed(&suite.random, seed);
    code = prepare(&suite);
    for (uint64_t i = 0; code == 0 && i < suites; i++) {
        code = draw_suite(&suite, &found);
        if (code == 0) {
            count_suite(&suite, &found);
        }
    }
    release(&suite);
    if (code == 0) {
        *totals = found;
    }
    return code;
}
