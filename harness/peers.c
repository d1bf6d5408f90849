/* Peers: forked processes and a barrier in shared memory that notices when one of them dies. */
#include "harness/peers.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/clock.h"

/* How often the leader looks whether a peer has died while it waits for them; rare enough to leave
 * the processor to the peers. */
#define LOOK_NS 50000000L

/* A failed peer adds this to the count of those that have arrived. */
#define FAILED (1u << 16)

struct peer_slot {
    struct mm_worker_result result;
    struct mm_error error; /* code is 0 while the peer is well */
};

/* Shared by all peers and the leader. */
struct peers_room {
    _Atomic uint32_t round;   /* futex: a new round releases the peers */
    uint32_t action;          /* of this round; written before round */
    _Atomic uint32_t awake;   /* peers that have noticed the round */
    _Atomic uint32_t begun;   /* the last round that all peers were awake for */
    uint64_t released_ns;     /* when that was; written before begun */
    _Atomic uint32_t arrived; /* futex: peers that have finished the round */
    struct peer_slot slots[];
};

struct mm_peers {
    uint32_t count;
    size_t room_bytes;
    struct peers_room *room;
    pid_t *pids; /* 0: reaped */
};

/* What a peer needs to know; copied by fork. */
struct peer_task {
    const struct mm_plan_case *plan_case;
    const struct mm_plan_file *file;
    const struct mm_counters *counters; /* of the leader */
    uint64_t seed;
    struct mm_worker_injection injection;
    void *shared;
    struct mm_series_room *series;
    uint32_t peer;
    uint32_t peers;
    cpu_set_t allowed; /* empty where the kernel does not tell */
};

static void futex_wait(_Atomic uint32_t *word, uint32_t expected, const struct timespec *timeout)
{
    syscall(SYS_futex, word, FUTEX_WAIT, expected, timeout, NULL, 0);
}

static void futex_wake_all(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static _Noreturn void fail_peer(struct peers_room *room, struct peer_slot *slot, int code,
                                const char *text)
{
    if (text != NULL && text[0] != '\0') {
        mm_error_set(&slot->error, code, "%s", text);
    } else {
        mm_error_set(&slot->error, code, "a peer failed: %s", strerror(-code));
    }
    atomic_fetch_add(&room->arrived, FAILED);
    futex_wake_all(&room->arrived);
    for (;;) {
        pause(); /* the leader kills it */
    }
}

/* Goes to a processor of its own, as far as there are enough, without staying bound to it. */
static void spread(const struct peer_task *task)
{
    uint32_t count = (uint32_t)CPU_COUNT(&task->allowed);
    uint32_t skip = count > 1 ? task->peer % count : 0;
    cpu_set_t one;

    for (size_t cpu = 0; count > 1 && cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &task->allowed) && skip-- == 0) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            sched_setaffinity(0, sizeof(one), &one);
            sched_setaffinity(0, sizeof(task->allowed), &task->allowed);
            return;
        }
    }
}

/*
 * Waking takes the kernel up to a slice of milliseconds per process, and it likes to wake all on
 * one processor: the first could finish its work alone. So the barrier opens when all are awake on
 * processors of their own; the last one opens it, and those that wait for it keep running.
 */
static void meet(struct peers_room *room, uint32_t round, const struct peer_task *task)
{
    spread(task);
    if (atomic_fetch_add(&room->awake, 1) + 1 == task->peers) {
        room->released_ns = mm_clock_ns();
        atomic_store(&room->begun, round);
    }
    while (atomic_load(&room->begun) != round) {
        sched_yield();
    }
}

/* One peer's life. It is ended by the leader's signal, so no buffered output of the parent is
 * written twice and no handler of the parent runs. */
static _Noreturn void live(struct peers_room *room, const struct peer_task *task)
{
    struct peer_slot *slot = &room->slots[task->peer];
    struct mm_worker_process process;
    struct mm_counters *counters = NULL;
    struct mm_error error = {0};
    uint32_t seen = 0;

    int code = mm_counters_open_alike(task->counters, &counters, &error);
    if (code == 0) {
        code = mm_worker_process_init(&process, task->plan_case, task->file, counters, task->seed,
                                      task->peer, task->shared, &slot->result);
    }
    if (code < 0) {
        fail_peer(room, slot, code, error.text);
    }
    process.injection = task->injection;
    process.series = task->series;
    for (;;) {
        while (atomic_load(&room->round) == seen) {
            futex_wait(&room->round, seen, NULL);
        }
        seen++;
        /* Only a timed pass has to begin everywhere at once. */
        if (room->action == MM_WORKER_PASS) {
            meet(room, seen, task);
        }
        code = mm_worker_process_do(&process, (enum mm_worker_action)room->action);
        if (code < 0) {
            fail_peer(room, slot, code, process.error.text);
        }
        if (atomic_fetch_add(&room->arrived, 1) + 1 == task->peers) {
            futex_wake_all(&room->arrived);
        }
    }
}

static int fork_peer(struct mm_peers *peers, const struct peer_task *task)
{
    pid_t leader = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        return -errno;
    }
    if (pid == 0) {
        /* The leader may have died between fork and prctl. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != leader) {
            _exit(1);
        }
        live(peers->room, task);
    }
    peers->pids[task->peer] = pid;
    return 0;
}

static int allocate(uint32_t count, struct mm_peers **peers)
{
    struct mm_peers *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    made->count = count;
    made->room_bytes = sizeof(*made->room) + count * sizeof(made->room->slots[0]);
    made->pids = calloc(count, sizeof(made->pids[0]));
    made->room =
        mmap(NULL, made->room_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (made->room == MAP_FAILED) {
        made->room = NULL;
    }
    if (made->pids == NULL || made->room == NULL) {
        mm_peers_stop(made);
        return -ENOMEM;
    }
    *peers = made;
    return 0;
}

int mm_peers_start(const struct mm_plan_case *plan_case, const struct mm_plan_file *file,
                   const struct mm_counters *counters, uint64_t seed,
                   const struct mm_worker_injection *injection, void *shared,
                   struct mm_series_room *series, struct mm_peers **peers,
                   struct mm_worker_failure *failure)
{
    struct mm_peers *started = NULL;
    uint32_t count = plan_case->needs.processes;
    int code = allocate(count, &started);

    fflush(NULL);
    for (uint32_t peer = 0; code == 0 && peer < count; peer++) {
        struct peer_task task = {
            .plan_case = plan_case,
            .file = file,
            .counters = counters,
            .seed = seed,
            .injection = *injection,
            .shared = shared,
            .series = series,
            .peer = peer,
            .peers = count,
        };
        if (sched_getaffinity(0, sizeof(task.allowed), &task.allowed) < 0) {
            CPU_ZERO(&task.allowed);
        }
        code = fork_peer(started, &task);
    }
    if (code < 0) {
        failure->kind = "error";
        mm_error_set(&failure->error, code, "cannot start %u peers: %s", count, strerror(-code));
        mm_peers_stop(started);
        return code;
    }
    *peers = started;
    return 0;
}

static void kill_all(struct mm_peers *peers)
{
    for (uint32_t peer = 0; peer < peers->count; peer++) {
        if (peers->pids[peer] > 0) {
            kill(peers->pids[peer], SIGKILL);
        }
    }
    for (uint32_t peer = 0; peer < peers->count; peer++) {
        if (peers->pids[peer] > 0) {
            while (waitpid(peers->pids[peer], NULL, 0) < 0 && errno == EINTR) {
            }
            peers->pids[peer] = 0;
        }
    }
}

static bool peer_has_died(struct mm_peers *peers, uint32_t peer, struct mm_worker_failure *failure)
{
    int status = 0;

    if (peers->pids[peer] <= 0 || waitpid(peers->pids[peer], &status, WNOHANG) <= 0) {
        return false;
    }
    peers->pids[peer] = 0;
    if (WIFSIGNALED(status)) {
        failure->kind = "killed";
        failure->signal = WTERMSIG(status);
        mm_error_set(&failure->error, -ECANCELED, "peer %u of %u was killed by signal %d (%s)",
                     peer, peers->count, failure->signal, strsignal(failure->signal));
    } else {
        failure->kind = "exited";
        mm_error_set(&failure->error, -ECANCELED, "peer %u of %u exited with code %d in the middle",
                     peer, peers->count, WEXITSTATUS(status));
    }
    return true;
}

static bool peer_has_failed(struct mm_peers *peers, uint32_t peer,
                            struct mm_worker_failure *failure)
{
    const struct mm_error *error = &peers->room->slots[peer].error;

    if (error->code == 0) {
        return false;
    }
    failure->kind = "error";
    mm_error_set(&failure->error, -ECANCELED, "peer %u of %u: %s", peer, peers->count, error->text);
    return true;
}

static int wait_for_all(struct mm_peers *peers, struct mm_worker_failure *failure)
{
    static const struct timespec look = {.tv_nsec = LOOK_NS};

    for (;;) {
        uint32_t arrived = atomic_load(&peers->room->arrived);
        if (arrived == peers->count) {
            return 0;
        }
        for (uint32_t peer = 0; peer < peers->count; peer++) {
            if ((arrived >= FAILED && peer_has_failed(peers, peer, failure)) ||
                peer_has_died(peers, peer, failure)) {
                kill_all(peers);
                return -ECANCELED;
            }
        }
        futex_wait(&peers->room->arrived, arrived, &look);
    }
}

int mm_peers_do(struct mm_peers *peers, enum mm_worker_action action, uint64_t *released_ns,
                struct mm_worker_failure *failure)
{
    struct peers_room *room = peers->room;

    room->action = action;
    atomic_store(&room->arrived, 0);
    atomic_store(&room->awake, 0);
    atomic_fetch_add(&room->round, 1);
    futex_wake_all(&room->round);
    int code = wait_for_all(peers, failure);
    if (code == 0 && released_ns != NULL) {
        *released_ns = room->released_ns;
    }
    return code;
}

uint32_t mm_peers_count(const struct mm_peers *peers)
{
    return peers->count;
}

const struct mm_worker_result *mm_peers_result(const struct mm_peers *peers, uint32_t peer)
{
    return &peers->room->slots[peer].result;
}

void mm_peers_stop(struct mm_peers *peers)
{
    if (peers == NULL) {
        return;
    }
    if (peers->pids != NULL) {
        kill_all(peers);
    }
    if (peers->room != NULL) {
        munmap(peers->room, peers->room_bytes);
    }
    free(peers->pids);
    free(peers);
}
