/* Every operation on an open array, with every system call and allocation of it failing in turn. */
#ifndef MM_TESTS_MAPPING_FAULT_SWEEP_H
#define MM_TESTS_MAPPING_FAULT_SWEEP_H

/* Runs the tests; how many failed. */
int fault_sweep(void);

#endif
