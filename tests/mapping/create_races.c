/*
 * Processes that create one path at the same time and store by bare pointers into what they got:
 * none crashes, and the file that stays is whole. A program of its own, since a crash is a SIGBUS.
 *
 *   create_races ROUNDS
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/mapping/scratch.h"

/* A creator that crashed keeps the others waiting: then everything ends after a while. */
enum { CREATORS = 3, LIMIT_SECONDS = 100 };

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                  \
        }                                                                             \
    } while (0)

/* Shared by all. */
struct meeting {
    pthread_barrier_t barrier;
    uint64_t lengths[CREATORS];
    bool npy;
    uint32_t flags;
};

static struct marray_spec spec_of(struct scratch *scratch, const struct meeting *meeting,
                                  enum marray_mode mode, const uint64_t *length)
{
    struct marray_spec spec =
        scratch_spec(scratch, mode, "<u4", length ? 1 : MARRAY_INFER_SHAPE, length);
    spec.flags = mode == MARRAY_CREATE ? meeting->flags : 0;
    return spec;
}

static int open_as(struct scratch *scratch, const struct meeting *meeting,
                   const struct marray_spec *spec, struct marray **array)
{
    return meeting->npy ? marray_open_npy(scratch->path, spec, array)
                        : marray_open(scratch->path, spec, array);
}

static void create(struct scratch *scratch, struct meeting *meeting, int rounds, uint32_t index)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int round = 0; round < rounds; round++) {
        pthread_barrier_wait(&meeting->barrier);
        struct marray_spec spec =
            spec_of(scratch, meeting, MARRAY_CREATE, &meeting->lengths[index]);
        struct marray *array;
        if (open_as(scratch, meeting, &spec, &array)) {
            fprintf(stderr, "%s\n", scratch->message.text);
            _exit(1);
        }
        unsigned char *data = marray_data(array);
        for (int pass = 0; pass < 4; pass++) {
            for (uint64_t i = 0; i < meeting->lengths[index]; i++) {
                uint32_t value = index + 1;
                memcpy(data + i * sizeof(value), &value, sizeof(value));
            }
        }
        CHECK(marray_close(&array) == 0);
        pthread_barrier_wait(&meeting->barrier);
        pthread_barrier_wait(&meeting->barrier);
    }
    _exit(0);
}

/* As long as one of them asked for, and holding what they stored, or zeros. */
static void check_file(struct scratch *scratch, const struct meeting *meeting)
{
    struct marray_spec spec = spec_of(scratch, meeting, MARRAY_READ, NULL);
    struct marray *array;
    int status = open_as(scratch, meeting, &spec, &array);
    if (status)
        fprintf(stderr, "%s\n", scratch->message.text);
    CHECK(status == 0);
    bool known = false;
    for (int i = 0; i < CREATORS; i++)
        known = known || marray_length(array) == meeting->lengths[i];
    CHECK(known);
    CHECK(scratch_size(scratch->path) ==
          (int64_t)(marray_offset_bytes(array) + marray_size_bytes(array)));
    const unsigned char *data = marray_data(array);
    for (uint64_t i = 0; i < marray_length(array); i++) {
        uint32_t value;
        memcpy(&value, data + i * sizeof(value), sizeof(value));
        CHECK(value <= CREATORS);
    }
    CHECK(marray_close(&array) == 0);
    CHECK(scratch_count_files(scratch) == 1);
}

static void race(struct scratch *scratch, struct meeting *meeting, int rounds)
{
    pid_t children[CREATORS];
    for (uint32_t i = 0; i < CREATORS; i++) {
        children[i] = fork();
        CHECK(children[i] >= 0);
        if (children[i] == 0)
            create(scratch, meeting, rounds, i);
    }
    uint64_t random = 20261122;
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < CREATORS; i++) {
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            meeting->lengths[i] = (random >> 33) % 40000 + 1;
        }
        meeting->npy = round % 2;
        meeting->flags = round % 3 ? 0 : MARRAY_SPARSE;
        if (round % 16 == 15)
            meeting->flags |= MARRAY_DURABLE_CREATE;
        /* On nothing, or on what the last round left. */
        if (round % 8 == 0)
            unlink(scratch->path);
        pthread_barrier_wait(&meeting->barrier);
        pthread_barrier_wait(&meeting->barrier);
        check_file(scratch, meeting);
        pthread_barrier_wait(&meeting->barrier);
    }
    for (int i = 0; i < CREATORS; i++) {
        int status;
        CHECK(waitpid(children[i], &status, 0) == children[i] && status == 0);
    }
}

int main(int count_of_arguments, char **arguments)
{
    int rounds = count_of_arguments > 1 ? atoi(arguments[1]) : 1000;
    alarm(LIMIT_SECONDS);
    void *state = NULL;
    CHECK(scratch_setup(&state) == 0);
    struct meeting *meeting =
        mmap(NULL, sizeof(*meeting), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(meeting != MAP_FAILED);
    pthread_barrierattr_t attributes;
    pthread_barrierattr_init(&attributes);
    CHECK(pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_barrier_init(&meeting->barrier, &attributes, CREATORS + 1) == 0);
    race(state, meeting, rounds);
    munmap(meeting, sizeof(*meeting));
    printf("%d rounds of %d creators: no crash, a whole file after each\n", rounds, CREATORS);
    return scratch_teardown(&state);
}
