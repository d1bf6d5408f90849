/* Hill climbing by factors of two on what a page takes. */
#include "mapping/depth.h"

/* Where the devices of the day are busy. */
#define FIRST_PAGES 512
/* What is measured at a time: so many windows, and at least so many pages. */
#define EPOCH_WINDOWS 2
#define EPOCH_PAGES   1024
/* A trial wins by this part of the time at least, since no two epochs take the same. */
#define GAIN 0.07
/* The time of the kept window follows the device, which others use too. */
#define MEMORY 0.5
/* Trials that are lost cost something: each time twice as many epochs without one. */
#define MOST_TRIALS_LOST 5

void marray_depth_open(struct marray_depth *depth)
{
    *depth = (struct marray_depth){
        .window_pages = FIRST_PAGES,
        .kept_pages = FIRST_PAGES,
        .tries_more = true,
        .settling_pages = FIRST_PAGES,
    };
}

static void set_window(struct marray_depth *depth, uint64_t pages)
{
    uint64_t before = depth->window_pages;
    depth->window_pages = pages;
    depth->settling_pages = before > pages ? before : pages;
}

static void begin_trial(struct marray_depth *depth)
{
    if (depth->kept_pages >= MARRAY_DEPTH_MOST_PAGES)
        depth->tries_more = false;
    else if (depth->kept_pages <= MARRAY_DEPTH_LEAST_PAGES)
        depth->tries_more = true;
    depth->is_trial = true;
    set_window(depth, depth->tries_more ? depth->kept_pages * 2 : depth->kept_pages / 2);
}

static void end_trial(struct marray_depth *depth, double page_ns)
{
    depth->is_trial = false;
    if (page_ns < depth->kept_ns * (1 - GAIN)) {
        depth->kept_pages = depth->window_pages;
        depth->kept_ns = page_ns;
        depth->trials_lost = 0;
        return;
    }
    set_window(depth, depth->kept_pages);
    depth->tries_more = !depth->tries_more;
    if (depth->trials_lost < MOST_TRIALS_LOST)
        depth->trials_lost++;
    depth->epochs_to_rest = 1U << depth->trials_lost;
}

static void end_epoch(struct marray_depth *depth)
{
    double page_ns = (double)depth->epoch_ns / (double)depth->epoch_pages;
    depth->epoch_pages = 0;
    depth->epoch_ns = 0;
    if (depth->is_trial) {
        end_trial(depth, page_ns);
        return;
    }
    depth->kept_ns =
        depth->kept_ns > 0 ? MEMORY * depth->kept_ns + (1 - MEMORY) * page_ns : page_ns;
    if (depth->epochs_to_rest > 0)
        depth->epochs_to_rest--;
    else
        begin_trial(depth);
}

void marray_depth_learn(struct marray_depth *depth, uint64_t pages, uint64_t elapsed_ns)
{
    if (depth->settling_pages > 0) {
        depth->settling_pages -= pages < depth->settling_pages ? pages : depth->settling_pages;
        return;
    }
    depth->epoch_pages += pages;
    depth->epoch_ns += elapsed_ns;
    uint64_t epoch_pages = EPOCH_WINDOWS * depth->window_pages;
    if (depth->epoch_pages >= (epoch_pages > EPOCH_PAGES ? epoch_pages : EPOCH_PAGES))
        end_epoch(depth);
}
