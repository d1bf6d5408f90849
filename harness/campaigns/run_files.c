/* The data files, made by a child that is ended when the run is. */
#include "harness/campaigns/run_files.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/campaigns/ending.h"
#include "harness/data_file.h"

/* Room for one descriptor beside a message, aligned as the kernel wants it. */
union passed {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

/* One message with how it went and, unless it failed, the descriptor that holds the file: a lock
 * goes with it, so there is no moment at which nobody holds the file. */
static int send_answer(int channel, struct mm_error *said, int held)
{
    union passed passed = {.bytes = {0}};
    struct iovec text = {.iov_base = said, .iov_len = sizeof(*said)};
    struct msghdr message = {.msg_iov = &text, .msg_iovlen = 1};

    if (held >= 0) {
        message.msg_control = &passed;
        message.msg_controllen = sizeof(passed);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &held, sizeof(int));
    }
    return sendmsg(channel, &message, MSG_NOSIGNAL) == (ssize_t)sizeof(*said) ? 0 : -errno;
}

static int receive_answer(int channel, struct mm_error *said, int *held)
{
    union passed passed = {.bytes = {0}};
    struct iovec text = {.iov_base = said, .iov_len = sizeof(*said)};
    struct msghdr message = {.msg_iov = &text,
                             .msg_iovlen = 1,
                             .msg_control = &passed,
                             .msg_controllen = sizeof(passed)};

    if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(*said)) {
        return -ECHILD;
    }
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_type == SCM_RIGHTS) {
        memcpy(held, CMSG_DATA(header), sizeof(int));
    }
    return 0;
}

/* File after file, until one fails. */
static _Noreturn void make_in_child(const struct mm_plan *plan, uint64_t asked_bytes, pid_t parent,
                                    int channel)
{
    struct mm_error error = {0};
    int status = 0;

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) {
        _exit(1);
    }
    for (size_t i = 0; status == 0 && i < plan->file_count; i++) {
        int held = -1;
        if (plan->files[i].generated) {
            error.code = mm_data_file_ensure(&plan->files[i], asked_bytes, &held, &error);
            status = send_answer(channel, &error, held);
        }
        if (error.code < 0) {
            break;
        }
    }
    _exit(status < 0);
}

/* Waits for the answer with the two ending signals let in, as the launcher does. */
static int wait_for_answer(int channel, struct mm_error *said, int *held)
{
    struct pollfd event = {.fd = channel, .events = POLLIN};
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
    return receive_answer(channel, said, held);
}

/* The answers of the child, one for each file that is generated. */
static int collect(const struct mm_plan *plan, int channel, int *held,
                   void (*tell)(void *context, size_t index), void *context, struct mm_error *error)
{
    for (size_t i = 0; i < plan->file_count; i++) {
        struct mm_error said = {0};
        if (!plan->files[i].generated) {
            continue;
        }
        tell(context, i);
        int code = wait_for_answer(channel, &said, &held[i]);
        if (code < 0) {
            return mm_error_set(error, code, "data file %s: it could not be made: %s",
                                plan->files[i].path,
                                code == -ECHILD ? "its process was killed" : strerror(-code));
        }
        if (said.code < 0) {
            return mm_error_set(error, said.code, "%s", said.text);
        }
    }
    return 0;
}

static bool makes_any(const struct mm_plan *plan)
{
    for (size_t i = 0; i < plan->file_count; i++) {
        if (plan->files[i].generated) {
            return true;
        }
    }
    return false;
}

int mm_run_make_files(const struct mm_plan *plan, uint64_t asked_bytes, int *held,
                      void (*tell)(void *context, size_t index), void *context,
                      struct mm_error *error)
{
    int channel[2];

    if (!makes_any(plan)) {
        return 0;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) < 0) {
        return mm_error_set(error, -errno, "cannot make the data files: %s", strerror(errno));
    }
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        make_in_child(plan, asked_bytes, parent, channel[1]);
    }
    int code = child < 0
                   ? mm_error_set(error, -errno, "cannot make the data files: %s", strerror(errno))
                   : 0;
    close(channel[1]);
    if (code == 0) {
        code = collect(plan, channel[0], held, tell, context, error);
        kill(child, SIGKILL); /* of no effect on one that has answered and is going */
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    close(channel[0]);
    return code;
}
