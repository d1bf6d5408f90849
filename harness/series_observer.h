/* The launcher's side of a time series: looks at what its worker does, from outside. */
#ifndef MM_HARNESS_SERIES_OBSERVER_H
#define MM_HARNESS_SERIES_OBSERVER_H

#include <stdint.h>

#include <jansson.h>

struct mm_series_observer;

/* For the case and its file (both members of a record; of a command the array of all files). Sets
 * *observer, to NULL where the case wants no series. -ENOMEM or what the kernel says to shared
 * memory. */
int mm_series_observer_open(const json_t *case_json, const json_t *file_json,
                            struct mm_series_observer **observer);
void mm_series_observer_close(struct mm_series_observer *observer);

/* Of the shared memory, for the worker to inherit; close-on-exec here. -1 without an observer. */
int mm_series_observer_descriptor(const struct mm_series_observer *observer);

/* Forgets the sample before. */
void mm_series_observer_begin(struct mm_series_observer *observer);

/* Takes a reading if it is time for one and a sample runs. When to come again, by the monotonic
 * clock; UINT64_MAX: not at all. */
uint64_t mm_series_observer_look(struct mm_series_observer *observer);

/* When the worker has answered: the member series of a sample, NULL where there is none. */
json_t *mm_series_observer_take(struct mm_series_observer *observer);

#endif
