/*
 * Linux behind marray_os_guard(): SIGBUS ends a guarded call instead of the process.
 *
 * One handler for the process, installed by the first guarded call, since a process has one
 * disposition of a signal: this file holds the only mutable globals of the library. Everything the
 * handler calls is on the list of signal-safety(7).
 *
 * - SA_NODEFER and an empty mask: the handler runs with the thread's own mask, so that jumping out
 *   of it leaves nothing blocked, sigsetjmp() need not save a mask (a system call), and the next
 *   fault comes here again. A fault while SIGBUS is blocked kills the process (force_sig_info).
 * - SA_ONSTACK: threads that have an alternate stack may have it because theirs is small.
 * - The thread-local pointer is of the initial-exec model: the handler must not be the first use
 *   of a dynamic one, which allocates.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

#include "mapping/os.h"

struct guard {
    struct guard *outer;
    uintptr_t start, end; /* addresses whose faults are this guard's */
    volatile uintptr_t fault;
    sigjmp_buf environment;
};

static _Thread_local struct guard *innermost __attribute__((tls_model("initial-exec")));
static pthread_once_t installed = PTHREAD_ONCE_INIT;
static struct sigaction previous;
static atomic_flag previous_was_called = ATOMIC_FLAG_INIT;

/* As if no handler were there: a fault happens again when the handler returns, and then kills. */
static void act_by_default(int number, bool is_fault)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigaction(number, &action, NULL);
    if (!is_fault)
        raise(number);
}

/* What the kernel would have done had it found the previous disposition. */
static void chain(int number, siginfo_t *information, void *context, bool is_fault)
{
    bool has_information = previous.sa_flags & SA_SIGINFO;
    bool is_default = !has_information && previous.sa_handler == SIG_DFL;
    bool is_ignored = !has_information && previous.sa_handler == SIG_IGN;
    if (is_ignored && !is_fault)
        return;
    bool is_spent =
        (previous.sa_flags & (int)SA_RESETHAND) && atomic_flag_test_and_set(&previous_was_called);
    /* A fault cannot be ignored. */
    if (is_default || is_ignored || is_spent) {
        act_by_default(number, is_fault);
        return;
    }
    sigset_t mask = previous.sa_mask;
    sigset_t old_mask;
    if (!(previous.sa_flags & SA_NODEFER))
        sigaddset(&mask, number);
    pthread_sigmask(SIG_BLOCK, &mask, &old_mask);
    if (has_information)
        previous.sa_sigaction(number, information, context);
    else
        previous.sa_handler(number);
    pthread_sigmask(SIG_SETMASK, &old_mask, NULL);
}

static void on_bus_error(int number, siginfo_t *information, void *context)
{
    /* Others than the kernel send 0 and less: kill(2), sigqueue(3). */
    bool is_fault = information->si_code > 0;
    int old_errno = errno;
    uintptr_t address = (uintptr_t)information->si_addr;
    for (struct guard *guard = is_fault ? innermost : NULL; guard; guard = guard->outer) {
        if (address >= guard->start && address < guard->end) {
            guard->fault = address;
            siglongjmp(guard->environment, 1);
        }
    }
    chain(number, information, context, is_fault);
    errno = old_errno;
}

static void install(void)
{
    struct sigaction action = {
        .sa_sigaction = on_bus_error,
        .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER,
    };
    sigemptyset(&action.sa_mask);
    /* Known before the handler can run in another thread. */
    sigaction(SIGBUS, NULL, &previous);
    sigaction(SIGBUS, &action, NULL);
}

int marray_os_guard(const void *base, uint64_t length, marray_guarded_call *call, void *context,
                    bool *faulted, uint64_t *fault_offset)
{
    pthread_once(&installed, install);
    uintptr_t page_mask = (uintptr_t)marray_os_page_bytes() - 1;
    struct guard guard = {
        .outer = innermost,
        .start = (uintptr_t)base,
        .end = ((uintptr_t)base + (uintptr_t)length + page_mask) & ~page_mask,
    };
    if (sigsetjmp(guard.environment, 0)) {
        innermost = guard.outer;
        *faulted = true;
        *fault_offset = guard.fault - guard.start;
        return -EFAULT;
    }
    innermost = &guard;
    /* The compiler moves no touch of the map to where nobody watches. */
    atomic_signal_fence(memory_order_seq_cst);
    int status = call(context);
    atomic_signal_fence(memory_order_seq_cst);
    innermost = guard.outer;
    return status;
}
