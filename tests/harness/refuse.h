/* Makes system calls fail in a forked child, so that the ways around them can be tested. */
#ifndef MM_TESTS_HARNESS_REFUSE_H
#define MM_TESTS_HARNESS_REFUSE_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* From now on the system call fails with errno_value in this process. 0, or -1 where seccomp is not
 * to be had. The call's number alone is looked at: tests call in the native way only. */
static inline int refuse_call(unsigned number, unsigned errno_value)
{
    struct sock_filter instructions[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (errno_value & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = 4, .filter = instructions};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* In a child that exits with what body returns; 77 stands for a capability that is missing. The
 * exit code, or 128 and the signal. */
static inline int exit_code_of_child(int (*body)(void *context), void *context)
{
    pid_t child = fork();
    if (child == 0)
        exit(body(context));
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
