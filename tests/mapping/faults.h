/* Makes one system call of the library fail. Linked with --wrap for every call of os_linux.c. */
#ifndef MM_TESTS_MAPPING_FAULTS_H
#define MM_TESTS_MAPPING_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

/* The names that can be armed. */
extern const char *const fault_calls[];
extern const size_t fault_call_count;
/* Failures that have happened so far. */
extern unsigned long fault_count;

/* The call of that name, after `skip` that succeed, fails once with that errno. */
void fault_arm(const char *call, int skip, int error);
/* Disarms, and tells whether the failure happened. */
bool fault_disarm(void);

#endif
