/* What one reading of the clock costs. */
#include "harness/clock.h"

#include <stdlib.h>

static int compare_ns(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

uint64_t mm_clock_cost_ns(void)
{
    /* The difference of two readings is quantised by the clock itself, so each figure is the mean
     * of many readings, and the median leaves out those that an interrupt hit. */
    enum { figures = 101, readings = 64 };
    uint64_t cost[figures];
    for (int i = 0; i < figures; i++) {
        uint64_t start = mm_clock_ns();
        uint64_t end = start;
        for (int j = 0; j < readings; j++)
            end = mm_clock_ns();
        cost[i] = (end - start + readings / 2) / readings;
    }
    qsort(cost, figures, sizeof(cost[0]), compare_ns);
    return cost[figures / 2];
}
