/* What identical sides differ by on one machine, kept from `gate calibrate` for later gates. */
#ifndef MM_HARNESS_CAMPAIGNS_GATE_CALIBRATION_H
#define MM_HARNESS_CAMPAIGNS_GATE_CALIBRATION_H

#include <jansson.h>

#include "common/error.h"

/*
 * The calibration of this machine: path, or with NULL that of the suite in the folder of data
 * files, named by the machine's fingerprint; *calibration NULL when there is none there, or for the
 * path "none". -ENXIO when the one at path is missing or of another machine, for which it says
 * nothing; -EINVAL when it is no calibration.
 */
int mm_gate_calibration_load(const char *path, const char *folder, const char *suite,
                             json_t **calibration, struct mm_error *error);

/* Makes the calibration of a finished gate of two equal sides and writes it: to path, or with NULL
 * to its place in folder. */
int mm_gate_calibration_save(const json_t *document, const char *path, const char *folder,
                             struct mm_error *error);

/* The calibration of a document: {"schema", "id", "suite", "fingerprint", "benchmarks": {NAME:
 * {METRIC: {"margin", "noise", "detectable", "pairs", "quarantined"}}}}. New reference; NULL when
 * memory is short. */
json_t *mm_gate_calibration_of(const json_t *document);

#endif
