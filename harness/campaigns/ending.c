/* How a campaign notices that it is asked to end. */
#include "harness/campaigns/ending.h"

#include <stddef.h>
#include <time.h>

/* A handler reaches nothing but globals. */
static volatile sig_atomic_t asked_by;

static void note(int signal_number)
{
    asked_by = signal_number;
}

static void ending_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
}

void mm_ending_begin(struct mm_ending *ending)
{
    struct sigaction action = {.sa_handler = note}; /* no SA_RESTART: waits have to end */
    sigset_t both;

    asked_by = 0;
    ending_signals(&both);
    sigprocmask(SIG_BLOCK, &both, &ending->mask);
    sigaction(SIGINT, &action, &ending->interrupt);
    sigaction(SIGTERM, &action, &ending->terminate);
    /* What the program was told to ignore (nohup, a shell's background job) stays ignored. */
    if (ending->interrupt.sa_handler == SIG_IGN) {
        sigaction(SIGINT, &ending->interrupt, NULL);
    }
    if (ending->terminate.sa_handler == SIG_IGN) {
        sigaction(SIGTERM, &ending->terminate, NULL);
    }
}

int mm_ending_asked(void)
{
    static const struct timespec no_time = {0};
    sigset_t both;

    ending_signals(&both);
    int pending = asked_by == 0 ? sigtimedwait(&both, NULL, &no_time) : 0;
    if (pending > 0) {
        asked_by = pending;
    }
    return asked_by;
}

void mm_ending_end(const struct mm_ending *ending)
{
    static const struct timespec no_time = {0};
    sigset_t both;

    ending_signals(&both);
    while (sigtimedwait(&both, NULL, &no_time) > 0) {
    }
    sigaction(SIGINT, &ending->interrupt, NULL);
    sigaction(SIGTERM, &ending->terminate, NULL);
    sigprocmask(SIG_SETMASK, &ending->mask, NULL);
}
