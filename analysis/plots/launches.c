/* The plot of launches: a row for each case, every launch as its distance from the case's median,
 * so that the spread of fast and slow cases stands on one axis. */
#include <errno.h>
#include <math.h>
#include <stdbool.h>

#include "analysis/plots/builders.h"
#include "analysis/plots/rows.h"
#include "analysis/report/escape.h"
#include "common/text.h"
#include "common/units.h"

/* A shape from fewer values says more of the kernel than of them. */
#define VIOLIN_LAUNCHES 12
#define VIOLIN_POINTS   48
#define VIOLIN_HEIGHT   0.42
#define LEAST_RATIO     1.02 /* an axis that shows less than this shows noise of rounding */

static bool has_launches(const struct mm_summary_case *one)
{
    return mm_plot_has_throughput(one) && one->bytes_per_second.count > 1;
}

static const char *signed_percent(double ratio, char text[MM_UNITS_TEXT_BYTES])
{
    snprintf(text, MM_UNITS_TEXT_BYTES, "%+.1f %%", 100 * (ratio - 1));
    return text;
}

static void write_note(FILE *script, const struct mm_summary_case *one)
{
    const struct mm_distribution *rate = &one->bytes_per_second;
    char low[MM_UNITS_TEXT_BYTES];
    char high[MM_UNITS_TEXT_BYTES];
    mm_plot_write_note(script, rate, signed_percent(rate->interval.low / rate->median, low),
                       signed_percent(rate->interval.high / rate->median, high));
}

/* Launches stand above and below the line of the interval, which would hide them. */
static double offset_of(size_t launch)
{
    static const double offsets[] = {-0.3, 0.3, -0.18, 0.18};
    return offsets[launch % MM_COUNT_OF(offsets)];
}

static void write_points(FILE *data, const struct mm_plot_rows *rows)
{
    fputs("# row median low high launches has_interval state case; ratios to the median\n", data);
    for (size_t i = 0; i < rows->count; i++) {
        const struct mm_summary_case *one = rows->items[i].one;
        if (!one) {
            continue;
        }
        const struct mm_distribution *rate = &one->bytes_per_second;
        fprintf(data, "%zu 1 %.9g %.9g %zu %d %d ", i + 1,
                rate->has_interval ? rate->interval.low / rate->median : 1,
                rate->has_interval ? rate->interval.high / rate->median : 1, rate->count,
                rate->has_interval, mm_plot_state(one));
        mm_escape_gnuplot_field(data, one->name);
        fputc('\n', data);
    }
    fputs("\n\n# row ratio state, one launch a line\n", data);
    for (size_t i = 0; i < rows->count; i++) {
        const struct mm_summary_case *one = rows->items[i].one;
        for (size_t n = 0; one && n < one->bytes_per_second.count; n++) {
            fprintf(data, "%.9g %.9g %d\n", (double)(i + 1) + offset_of(n),
                    one->bytes_per_second.values[n] / one->bytes_per_second.median,
                    mm_plot_state(one));
        }
    }
}

/* Silverman's rule of thumb over logarithms (Density Estimation, 1986, 3.31); 0: all are equal. */
static double bandwidth(const struct mm_distribution *rate)
{
    double mean = 0;
    double squares = 0;
    double count = (double)rate->count;
    for (size_t i = 0; i < rate->count; i++) {
        mean += log(rate->values[i]) / count;
    }
    for (size_t i = 0; i < rate->count; i++) {
        squares += pow(log(rate->values[i]) - mean, 2);
    }
    double deviation = sqrt(squares / (count - 1));
    double quartiles = log(mm_statistics_quantile(rate->values, rate->count, 0.75) /
                           mm_statistics_quantile(rate->values, rate->count, 0.25)) /
                       1.34;
    double spread = quartiles > 0 ? fmin(deviation, quartiles) : deviation;
    return 0.9 * spread * pow(count, -0.2);
}

static double density(const struct mm_distribution *rate, double at, double width)
{
    double sum = 0;
    for (size_t i = 0; i < rate->count; i++) {
        double distance = (at - log(rate->values[i])) / width;
        sum += exp(-0.5 * distance * distance);
    }
    return sum;
}

static bool has_violin(const struct mm_summary_case *one)
{
    return one && one->bytes_per_second.count >= VIOLIN_LAUNCHES &&
           bandwidth(&one->bytes_per_second) > 0;
}

/* The outline, there and back, from the least launch to the greatest: no tail beyond the data. */
static void write_violin(FILE *data, size_t row, const struct mm_distribution *rate)
{
    double heights[VIOLIN_POINTS];
    double width = bandwidth(rate);
    double low = log(rate->values[0]);
    double high = log(rate->values[rate->count - 1]);
    double most = 0;
    for (size_t i = 0; i < VIOLIN_POINTS; i++) {
        heights[i] =
            density(rate, low + (high - low) * (double)i / (double)(VIOLIN_POINTS - 1), width);
        most = fmax(most, heights[i]);
    }
    for (size_t i = 0; i < 2 * VIOLIN_POINTS; i++) {
        bool is_back = i >= VIOLIN_POINTS;
        size_t point = is_back ? 2 * VIOLIN_POINTS - 1 - i : i;
        double at = low + (high - low) * (double)point / (double)(VIOLIN_POINTS - 1);
        double height = VIOLIN_HEIGHT * heights[point] / most;
        fprintf(data, "%.9g %.9g\n", (double)row + (is_back ? height : -height),
                exp(at) / rate->median);
    }
    fputc('\n', data);
}

static size_t write_violins(FILE *data, const struct mm_plot_rows *rows)
{
    size_t count = 0;
    fputs("\n\n# row ratio; outlines of densities, a blank line after each\n", data);
    for (size_t i = 0; i < rows->count; i++) {
        const struct mm_summary_case *one = rows->items[i].one;
        if (has_violin(one)) {
            write_violin(data, i + 1, &one->bytes_per_second);
            count++;
        }
    }
    return count;
}

static void find_range(const struct mm_plot_rows *rows, double *low, double *high)
{
    *low = 1 / LEAST_RATIO;
    *high = LEAST_RATIO;
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->items[i].one) {
            const struct mm_distribution *rate = &rows->items[i].one->bytes_per_second;
            *low = fmin(*low, rate->values[0] / rate->median);
            *high = fmax(*high, rate->values[rate->count - 1] / rate->median);
        }
    }
}

static double range_of(const struct mm_summary_case *one)
{
    const struct mm_distribution *rate = &one->bytes_per_second;
    return rate->values[rate->count - 1] / rate->values[0];
}

static void write_alternative(FILE *stream, const struct mm_plot_rows *rows)
{
    const struct mm_summary_case *widest = NULL;
    const struct mm_summary_case *narrowest = NULL;
    size_t launches = 0;
    size_t violins = 0;
    for (size_t i = 0; i < rows->count; i++) {
        const struct mm_summary_case *one = rows->items[i].one;
        if (!one) {
            continue;
        }
        launches += one->bytes_per_second.count;
        violins += has_violin(one);
        widest = !widest || range_of(one) > range_of(widest) ? one : widest;
        narrowest = !narrowest || range_of(one) < range_of(narrowest) ? one : narrowest;
    }
    fprintf(stream,
            "Every launch of %zu cases, %zu in all, as the ratio of its throughput to the median "
            "of its case, on a log axis. The fastest launch of a case has %.3g times the "
            "throughput of its slowest in the widest (%s, %s %s) and %.3g times in the narrowest "
            "(%s, %s %s). Shapes of densities stand behind %zu cases, those with %d launches or "
            "more.",
            rows->case_count, launches, range_of(widest), widest->group, widest->cache,
            widest->engine, range_of(narrowest), narrowest->group, narrowest->cache,
            narrowest->engine, violins, VIOLIN_LAUNCHES);
}

int mm_plot_build_launches(const struct mm_summary *summary, const struct mm_plot *plot,
                           const struct mm_plot_streams *streams)
{
    struct mm_plot_rows rows;
    double low;
    double high;
    int result = mm_plot_rows_make(summary, has_launches, &rows);
    if (result == 0 && rows.count == 0) {
        result = -ENODATA;
    }
    if (result == 0) {
        mm_plot_write_opening(streams->script, summary, plot, mm_plot_height(&rows));
        find_range(&rows, &low, &high);
        mm_plot_write_percent_axis(streams->script, low, high, "median");
        result = mm_plot_write_rows(streams->script, &rows, write_note);
        write_points(streams->data, &rows);
        fprintf(streams->script, "violin_count = %zu\n", write_violins(streams->data, &rows));
        mm_plot_write_states(streams->script, &rows);
        write_alternative(streams->alternative, &rows);
    }
    mm_plot_rows_release(&rows);
    return result;
}
