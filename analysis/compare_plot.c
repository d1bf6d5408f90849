/* A comparison as a forest plot: the ratio of each case. */
#include <errno.h>
#include <stdlib.h>

#include "analysis/compare.h"
#include "analysis/compare_internal.h"
#include "common/text.h"

int mm_comparison_forest_make(const struct mm_comparison *comparison, struct mm_plot *plot,
                              struct mm_error *error)
{
    struct mm_forest_row *rows = calloc(comparison->case_count + 1, sizeof *rows);
    char *caption =
        mm_text_format("A is run %s, B is run %s", comparison->run_a, comparison->run_b);
    size_t count = 0;
    *plot = (struct mm_plot){0};
    if (!rows || !caption) {
        free(rows);
        free(caption);
        return mm_error_set(error, -ENOMEM, "not enough memory");
    }
    for (size_t i = 0; i < comparison->case_count; i++) {
        const struct mm_comparison_case *one = &comparison->cases[i];
        if (one->has_ratio && one->ratio > 0) {
            rows[count++] = (struct mm_forest_row){
                .label = one->label,
                .verdict = one->verdict,
                .ratio = one->ratio,
                .has_interval = one->has_interval,
                .low = one->interval.low,
                .high = one->interval.high,
                .count = one->launches_a < one->launches_b ? one->launches_a : one->launches_b,
            };
        }
    }
    const struct mm_forest forest = {
        .title = "Throughput of two records",
        .caption = caption,
        .axis = "throughput of B / A, above 1 is faster",
        .unit = "launches of the side that has fewer",
        .rows = rows,
        .count = count,
    };
    int result = mm_forest_make(&forest, plot, error);
    free(rows);
    free(caption);
    return result;
}
