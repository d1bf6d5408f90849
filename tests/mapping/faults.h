/* Makes one system call of the library fail. Linked with --wrap for every call of os_linux.c. */
#ifndef MM_TESTS_MAPPING_FAULTS_H
#define MM_TESTS_MAPPING_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The names that can be armed. */
extern const char *const fault_calls[];
extern const size_t fault_call_count;
/* Failures that have happened so far. */
extern unsigned long fault_count;
/* Whom geteuid() names; 0: who it is. */
extern uid_t fault_user;

/* The call of that name, after `skip` that succeed, fails once with that errno. */
void fault_arm(const char *call, int skip, int error);
/* Whether call is one of the words of calls. */
bool fault_names_call(const char *calls, const char *call);
/* What such a call fails with in a sweep: ENOMEM, or EIO where it is no allocation. */
int fault_error_of(const char *call);
/* After fault_arm(): once that has failed, the next call of this name fails too. */
void fault_arm_next(const char *call, int error);
/* Disarms, and tells whether the failure happened, and the next one if there was one. */
bool fault_disarm(void);

/* Writes a line for every place that a call was made from: its name, where it returns to, from the
 * start of the program in hexadecimal, and 1 if it was made to fail there. -1: cannot write. */
int fault_write_sites(const char *path);

#endif
