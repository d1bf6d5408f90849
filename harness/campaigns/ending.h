/* SIGINT and SIGTERM as a question that a campaign asks, instead of the end of the program. */
#ifndef MM_HARNESS_CAMPAIGNS_ENDING_H
#define MM_HARNESS_CAMPAIGNS_ENDING_H

#include <signal.h>

/* Plain data; what has to be put back. */
struct mm_ending {
    sigset_t mask;
    struct sigaction interrupt;
    struct sigaction terminate;
};

/* From here on the two signals are held back; they get through only where the launcher waits for a
 * worker, which they end. One campaign at a time. */
void mm_ending_begin(struct mm_ending *ending);

/* The signal that has asked for the end, or 0. */
int mm_ending_asked(void);

/* Forgets what has come in and puts back how the signals were dealt with before. */
void mm_ending_end(const struct mm_ending *ending);

#endif
