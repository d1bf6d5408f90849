/* How many pages to keep in flight: found by trying, since it is the device that knows. Pure: the
 * caller brings the time. */
#ifndef MARRAY_DEPTH_H
#define MARRAY_DEPTH_H

#include <stdbool.h>
#include <stdint.h>

#define MARRAY_DEPTH_LEAST_PAGES 32
#define MARRAY_DEPTH_MOST_PAGES  4096

struct marray_depth {
    uint64_t window_pages; /* to keep in flight now */
    uint64_t kept_pages;   /* the best one so far, */
    double kept_ns;        /* and what a page takes with it; 0: not yet known */
    bool is_trial;         /* of another one: */
    bool tries_more;
    unsigned trials_lost;    /* in a row */
    unsigned epochs_to_rest; /* before the next trial */
    uint64_t settling_pages; /* asked for by the window before: they tell nothing */
    uint64_t epoch_pages, epoch_ns;
};

void marray_depth_open(struct marray_depth *depth);
/* The caller has used so many pages and it took so long; *depth says how to go on. */
void marray_depth_learn(struct marray_depth *depth, uint64_t pages, uint64_t elapsed_ns);

#endif
