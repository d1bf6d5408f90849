/* What makes a measurement noisy on this machine right now, with the remedy for each. */
#ifndef MM_HARNESS_NOISE_H
#define MM_HARNESS_NOISE_H

#include <stddef.h>

#include <jansson.h>

#include "harness/environment.h"

#define MM_NOISE_FACTS_MAX 16

/*
 * Looks, without waiting, at load, stolen time, frequency scaling, transparent huge pages, and at
 * who else uses the device under folder, and says whether the machine is virtual. Everything has a
 * fact; what is noisy is MM_DOCTOR_LIMITED and has a remedy. root stands before /proc and /sys: ""
 * for this system. Writes at most limit facts and returns how many.
 */
size_t mm_noise_examine(const char *root, const char *folder, struct mm_doctor_fact *facts,
                        size_t limit);

/* The noisy ones as an array of lines "subject: finding; remedy: ...". New reference; NULL when
 * memory is short. */
json_t *mm_noise_warnings(const struct mm_doctor_fact *facts, size_t count);

#endif
