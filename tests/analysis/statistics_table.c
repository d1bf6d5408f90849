/* Prints samples and what mm_statistics makes of them, one JSON object a line, for
 * check_statistics.py. */
#include <stdio.h>
#include <string.h>

#include "analysis/statistics.h"
#include "common/random.h"

#define LARGEST 80

static void draw(struct mm_random *random, double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = 1 + 100 * mm_random_unit(random);
    }
}

static void print_values(const char *name, const double *values, size_t count)
{
    printf("\"%s\": [", name);
    for (size_t i = 0; i < count; i++) {
        printf("%s%.17g", i ? ", " : "", values[i]);
    }
    printf("], ");
}

static void print_interval(const char *name, bool has, const struct mm_interval *interval)
{
    if (has) {
        printf("\"%s\": [%.17g, %.17g, %.17g]", name, interval->low, interval->high,
               interval->coverage);
    } else {
        printf("\"%s\": null", name);
    }
}

int main(void)
{
    struct mm_random random;
    mm_random_seed(&random, 11);
    for (size_t count = 1; count <= LARGEST; count++) {
        double base[LARGEST];
        double head[LARGEST];
        struct mm_interval interval;
        size_t head_count = 1 + (count * 7) % LARGEST;
        draw(&random, base, count);
        draw(&random, head, head_count);
        printf("{");
        print_values("base", base, count);
        print_values("head", head, head_count);
        mm_statistics_sort(base, count);
        mm_statistics_sort(head, head_count);
        printf("\"median\": %.17g, \"q10\": %.17g, \"q99\": %.17g, ",
               mm_statistics_median(base, count), mm_statistics_quantile(base, count, 0.1),
               mm_statistics_quantile(base, count, 0.99));
        print_interval(
            "interval",
            mm_statistics_median_interval(base, count, MM_STATISTICS_COVERAGE, &interval),
            &interval);
        printf(", ");
        print_interval("ratio",
                       mm_statistics_ratio_interval(base, count, head, head_count,
                                                    MM_STATISTICS_COVERAGE, &interval),
                       &interval);
        struct mm_share_bounds bounds =
            mm_statistics_share_bounds(head_count % (count + 1), count, 0.95);
        printf(", \"share\": [%.17g, %.17g]", bounds.low, bounds.high);
        printf("}\n");
    }
    return 0;
}
