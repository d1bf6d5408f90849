/* Random elements, cold, divided among arrays, threads or processes: `parallel` of them, each with
 * its share of count elements. Threads share one array, processes have one each, and so many arrays
 * are open at once in one thread. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/comparison/peer.h"
#include "mapping/marray.h"

/* What one thread, process or array does: elements of [0, words) of its part of the file. */
struct share {
    const struct peer_run *run;
    struct marray *array; /* or, for the bare map, */
    unsigned char *base;
    uint64_t seed;
    uint64_t words, count;
    uint64_t checksum;
    int code;
};

/* Of share `index`: the list depends on nothing else. */
static uint64_t seed_of(const struct peer_run *run, uint64_t index)
{
    return run->seed + index * run->count;
}

static void gather_bare(struct share *share)
{
    for (uint64_t k = 0; k < share->count; k++) {
        uint64_t value;
        uint64_t place = peer_index(share->seed, k, share->words);
        memcpy(&value, share->base + place * sizeof(value), sizeof(value));
        share->checksum += value;
    }
}

static void gather_marray(struct share *share)
{
    int64_t *list = malloc(share->count * sizeof(*list));
    uint64_t *values = malloc(share->count * sizeof(*values));
    share->code = list && values ? 0 : -ENOMEM;
    for (uint64_t k = 0; !share->code && k < share->count; k++)
        list[k] = (int64_t)peer_index(share->seed, k, share->words);
    if (!share->code)
        share->code = marray_gather(share->array, list, share->count, NULL, values,
                                    share->count * sizeof(*values));
    for (uint64_t k = 0; !share->code && k < share->count; k++)
        share->checksum += values[k];
    free(values);
    free(list);
}

static void gather(struct share *share)
{
    if (share->array)
        gather_marray(share);
    else
        gather_bare(share);
}

/* Maps the file as an array, or bare. */
static int open_share(const struct peer_run *run, bool is_array, struct share *share)
{
    int descriptor;
    if (is_array) {
        int code = peer_open(run, 0, 0, &share->array);
        return code ? code : marray_advise(share->array, MARRAY_ADVICE_RANDOM);
    }
    int code = peer_map(run, 0, &share->base, &descriptor);
    if (code)
        return code;
    close(descriptor);
    return madvise(share->base, run->size_bytes, MADV_RANDOM) ? -errno : 0;
}

static void close_share(const struct peer_run *run, struct share *share)
{
    if (share->base)
        munmap(share->base, run->size_bytes);
    marray_close(&share->array);
}

static struct share *make_shares(const struct peer_run *run)
{
    struct share *shares = calloc(run->parallel, sizeof(*shares));
    for (uint64_t i = 0; shares && i < run->parallel; i++) {
        shares[i].run = run;
        shares[i].seed = seed_of(run, i);
        shares[i].count = run->count / run->parallel;
        shares[i].words = run->size_bytes / sizeof(uint64_t);
    }
    return shares;
}

static int add_up(struct peer_run *run, const struct share *shares, int code)
{
    for (uint64_t i = 0; i < run->parallel; i++) {
        run->checksum += shares[i].checksum;
        if (!code && shares[i].code)
            code = peer_fail("a share", shares[i].code);
    }
    return code;
}

/* ---- Threads ---- */

static void *run_thread(void *context)
{
    gather(context);
    return NULL;
}

static int gather_in_threads(struct peer_run *run, struct share *shares, pthread_t *threads)
{
    uint64_t started = 0;
    int code = 0;
    while (started < run->parallel && !code) {
        code = -pthread_create(&threads[started], NULL, run_thread, &shares[started]);
        started += code == 0;
    }
    for (uint64_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    return code ? peer_fail("a thread", code) : 0;
}

static int with_threads(struct peer_run *run, bool is_array)
{
    struct share *shares = make_shares(run);
    pthread_t *threads = calloc(run->parallel, sizeof(*threads));
    struct share common = {0};
    peer_start(run);
    int code = shares && threads ? open_share(run, is_array, &common) : -ENOMEM;
    for (uint64_t i = 0; !code && i < run->parallel; i++) {
        shares[i].array = common.array;
        shares[i].base = common.base;
    }
    if (!code)
        code = add_up(run, shares, gather_in_threads(run, shares, threads));
    close_share(run, &common);
    peer_stop(run);
    free(threads);
    free(shares);
    return code;
}

/* ---- Processes ---- */

static int run_process(const struct peer_run *run, struct share *share, bool is_array)
{
    share->code = open_share(run, is_array, share);
    if (!share->code)
        gather(share);
    close_share(run, share);
    return share->code;
}

/* shares: memory that the children share, for their sums. */
static int gather_in_processes(struct peer_run *run, struct share *shares, bool is_array)
{
    uint64_t started = 0;
    int code = 0;
    for (; started < run->parallel && !code; started++) {
        pid_t child = fork();
        if (child == 0)
            _exit(run_process(run, &shares[started], is_array) ? 1 : 0);
        if (child < 0) {
            code = peer_fail("fork", -errno);
            break;
        }
    }
    for (uint64_t i = 0; i < started; i++) {
        int status;
        if (wait(&status) < 0 || status)
            code = code ? code : -ECHILD;
    }
    return code;
}

static int with_processes(struct peer_run *run, bool is_array)
{
    size_t bytes = run->parallel * sizeof(struct share);
    struct share *made = make_shares(run);
    void *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int code = -ENOMEM;
    if (made && shared != MAP_FAILED) {
        memcpy(shared, made, bytes);
        peer_start(run);
        code = add_up(run, shared, gather_in_processes(run, shared, is_array));
        peer_stop(run);
    }
    if (shared != MAP_FAILED)
        munmap(shared, bytes);
    free(made);
    return code;
}

/* ---- Arrays ---- */

/* One after the other, as a program with many files would. */
static int with_arrays(struct peer_run *run, bool is_array)
{
    struct share *shares = make_shares(run);
    int code = shares ? 0 : -ENOMEM;
    peer_start(run);
    for (uint64_t i = 0; !code && i < run->parallel; i++)
        code = open_share(run, is_array, &shares[i]);
    for (uint64_t i = 0; !code && i < run->parallel; i++)
        gather(&shares[i]);
    if (shares)
        code = add_up(run, shares, code);
    for (uint64_t i = 0; shares && i < run->parallel; i++)
        close_share(run, &shares[i]);
    peer_stop(run);
    free(shares);
    return code;
}

static int array_threads(struct peer_run *run)
{
    return with_threads(run, true);
}

static int bare_threads(struct peer_run *run)
{
    return with_threads(run, false);
}

static int array_processes(struct peer_run *run)
{
    return with_processes(run, true);
}

static int bare_processes(struct peer_run *run)
{
    return with_processes(run, false);
}

static int array_arrays(struct peer_run *run)
{
    return with_arrays(run, true);
}

static int bare_arrays(struct peer_run *run)
{
    return with_arrays(run, false);
}

const struct peer_work peer_scale = {"scale",
                                     {{"marray-threads", array_threads},
                                      {"bare-threads", bare_threads},
                                      {"marray-processes", array_processes},
                                      {"bare-processes", bare_processes},
                                      {"marray-arrays", array_arrays},
                                      {"bare-arrays", bare_arrays},
                                      {0}}};
