/* Records the whole numbers on standard input, and prints for each share among the arguments the
 * quantile; for histogram_numpy.py. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "results/histogram.h"

int main(int argc, char **argv)
{
    struct mm_histogram *histogram = malloc(sizeof(*histogram));
    uint64_t value;
    if (!histogram)
        return 1;
    mm_histogram_reset(histogram);
    while (scanf("%" SCNu64, &value) == 1)
        mm_histogram_record(histogram, value);
    printf("%" PRIu64 "\n", histogram->count);
    for (int i = 1; i < argc; i++)
        printf("%" PRIu64 "\n", mm_histogram_quantile(histogram, strtod(argv[i], NULL)));
    free(histogram);
    return 0;
}
