/*
 * Processes that add to counters in one file under range locks: none of the adds is lost, and a
 * process that is killed while it holds a lock holds up nobody.
 *
 *   lock_adds ADDS    in all, by 8 processes
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/mapping/scratch.h"

/* Counters far enough apart, and few enough for the adders to meet. */
enum { ADDERS = 8, COUNTERS = 16, LIMIT_SECONDS = 280 };

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                  \
        }                                                                             \
    } while (0)

static void add(struct marray *array, uint64_t counter)
{
    const int64_t index[] = {(int64_t)counter};
    uint64_t value;
    CHECK(marray_lock_range(array, counter * 8, 8, MARRAY_LOCK_EXCLUSIVE, UINT64_MAX) == 0);
    CHECK(marray_get(array, index, NULL, &value) == 0);
    value++;
    CHECK(marray_set(array, index, NULL, &value) == 0);
    CHECK(marray_unlock_range(array, counter * 8, 8) == 0);
}

static pid_t start_adder(struct scratch *scratch, uint64_t seed, long adds)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child > 0)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct marray *array = scratch_open(scratch, MARRAY_READ_WRITE, "<u8", 1, SHAPE(COUNTERS));
    uint64_t random = seed;
    for (long i = 0; i < adds; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        add(array, random >> 60);
    }
    CHECK(marray_close(&array) == 0);
    _exit(0);
}

/* Takes all counters and is killed with them. */
static void kill_a_holder(struct scratch *scratch)
{
    int ready[2];
    char byte;
    CHECK(pipe(ready) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct marray *array = scratch_open(scratch, MARRAY_READ_WRITE, "<u8", 1, SHAPE(COUNTERS));
        CHECK(marray_lock(array, MARRAY_LOCK_EXCLUSIVE, UINT64_MAX) == 0);
        CHECK(write(ready[1], "x", 1) == 1);
        for (;;)
            pause();
    }
    CHECK(read(ready[0], &byte, 1) == 1);
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
    close(ready[0]);
    close(ready[1]);
}

int main(int count_of_arguments, char **arguments)
{
    long adds = count_of_arguments > 1 ? atol(arguments[1]) : 1000000;
    void *state = NULL;
    alarm(LIMIT_SECONDS);
    CHECK(scratch_setup(&state) == 0);
    struct marray *array = scratch_open(state, MARRAY_CREATE, "<u8", 1, SHAPE(COUNTERS));
    pid_t adders[ADDERS];
    for (uint64_t i = 0; i < ADDERS; i++)
        adders[i] = start_adder(state, i, adds / ADDERS);
    for (int i = 0; i < 20; i++)
        kill_a_holder(state);
    for (int i = 0; i < ADDERS; i++) {
        int status;
        CHECK(waitpid(adders[i], &status, 0) == adders[i] && status == 0);
    }
    uint64_t values[COUNTERS];
    uint64_t total = 0;
    CHECK(marray_read(array, NULL, values, sizeof(values)) == 0);
    for (int i = 0; i < COUNTERS; i++)
        total += values[i];
    CHECK(total == (uint64_t)(adds / ADDERS) * ADDERS);
    CHECK(marray_close(&array) == 0);
    printf("%llu adds by %d processes, none lost\n", (unsigned long long)total, ADDERS);
    return scratch_teardown(&state);
}
