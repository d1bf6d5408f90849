/* One data file, made by a child that is ended when the run is. */
#include "harness/campaigns/run_files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/campaigns/ending.h"
#include "harness/data_file.h"

/* Tells how it went by a whole struct mm_error; it fits into a pipe at once. */
static _Noreturn void make_in_child(const struct mm_plan_file *file, pid_t parent, int answer)
{
    struct mm_error error = {0};

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) {
        _exit(1);
    }
    int code = mm_data_file_ensure(file, &error);
    error.code = code;
    ssize_t written = write(answer, &error, sizeof(error));
    _exit(written == (ssize_t)sizeof(error) ? 0 : 1);
}

/* Waits for the answer with the two ending signals let in, as the launcher does. */
static int wait_for_answer(int answer, struct mm_error *said)
{
    struct pollfd event = {.fd = answer, .events = POLLIN};
    sigset_t mask;

    if (mm_ending_asked() != 0) {
        return -EINTR;
    }
    sigprocmask(SIG_BLOCK, NULL, &mask);
    sigdelset(&mask, SIGINT);
    sigdelset(&mask, SIGTERM);
    while (ppoll(&event, 1, NULL, &mask) < 0) {
        if (errno != EINTR || mm_ending_asked() != 0) {
            return -errno;
        }
    }
    return read(answer, said, sizeof(*said)) == (ssize_t)sizeof(*said) ? 0 : -ECHILD;
}

int mm_run_make_file(const struct mm_plan_file *file, struct mm_error *error)
{
    struct mm_error said = {0};
    int answer[2];

    if (pipe2(answer, O_CLOEXEC) < 0) {
        return mm_error_set(error, -errno, "cannot make the data files: %s", strerror(errno));
    }
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        make_in_child(file, parent, answer[1]);
    }
    int code = child < 0 ? -errno : 0;
    close(answer[1]);
    if (code == 0) {
        code = wait_for_answer(answer[0], &said);
        kill(child, SIGKILL); /* of no effect on one that has answered and is going */
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    close(answer[0]);
    if (code < 0) {
        return mm_error_set(error, code, "data file %s: it could not be made: %s", file->path,
                            code == -ECHILD ? "its process was killed" : strerror(-code));
    }
    return said.code < 0 ? mm_error_set(error, said.code, "%s", said.text) : 0;
}
