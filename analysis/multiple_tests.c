/* Benjamini and Hochberg, Holm, and the level that two looks share. */
#include "analysis/multiple_tests.h"

#include <errno.h>
#include <stdlib.h>

struct place {
    double probability;
    size_t index;
};

static int compare_places(const void *left, const void *right)
{
    double a = ((const struct place *)left)->probability;
    double b = ((const struct place *)right)->probability;
    return (a > b) - (a < b);
}

/* The probabilities in ascending order with the places they came from; newly allocated. */
static struct place *in_order(const double *probabilities, size_t count)
{
    struct place *places = calloc(count + 1, sizeof(*places));

    if (places == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        places[i] = (struct place){.probability = probabilities[i], .index = i};
    }
    if (count > 1) {
        qsort(places, count, sizeof(*places), compare_places);
    }
    return places;
}

int mm_adjust_benjamini_hochberg(const double *probabilities, size_t count, double *adjusted)
{
    struct place *places = in_order(probabilities, count);
    double least = 1;

    if (places == NULL) {
        return -ENOMEM;
    }
    for (size_t i = count; i-- > 0;) {
        double scaled = places[i].probability * (double)count / (double)(i + 1);
        least = scaled < least ? scaled : least;
        adjusted[places[i].index] = least;
    }
    free(places);
    return 0;
}

int mm_adjust_holm(const double *probabilities, size_t count, double *adjusted)
{
    struct place *places = in_order(probabilities, count);
    double greatest = 0;

    if (places == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        double scaled = places[i].probability * (double)(count - i);
        greatest = scaled > greatest ? scaled : greatest;
        adjusted[places[i].index] = greatest < 1 ? greatest : 1;
    }
    free(places);
    return 0;
}

double mm_combine_looks(double first, double second, double first_share)
{
    double combined = 1;

    if (first_share > 0 && first / first_share < combined) {
        combined = first / first_share;
    }
    if (first_share < 1 && second / (1 - first_share) < combined) {
        combined = second / (1 - first_share);
    }
    return combined;
}
