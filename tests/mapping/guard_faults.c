/*
 * Files that are cut under the map and disks that fill under it, by other processes while threads
 * read and write. A program of its own: cmocka keeps SIGBUS for itself.
 *
 *   guard_faults cut ROUNDS      another process cuts the file under four threads
 *   guard_faults full FOLDER     fills the file system of FOLDER, sparse arrays on it
 *   guard_faults handler         the program's own handler still gets the faults that are not ours
 *   guard_faults later           a later handler passes on the faults that it does not know
 *   guard_faults longer          stores to a file that was cut do not make it longer again
 *   guard_faults kill            a fault outside a guarded call kills as ever
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/mapping/scratch.h"

enum { THREADS = 4, ITEMS = 16384, PICKS = 2000, WAYS = 13, PAGE_LIMIT = 65536 };

#define PATTERN UINT64_C(0x5a5a5a5a5a5a5a5a)

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                  \
        }                                                                             \
    } while (0)

/* ---- Cut by another process ---- */

/* What the threads share; rounds begin and end at the barrier. */
struct arena {
    struct scratch *scratch;
    pthread_barrier_t barrier;
    int rounds;
};

struct tally {
    struct arena *arena;
    int index;
    unsigned long successes, faults;
};

static void count(struct tally *tally, int status, const struct marray *array)
{
    if (status == 0) {
        tally->successes++;
        return;
    }
    CHECK(status == -EFAULT);
    CHECK(strstr(marray_message(array), "data"));
    tally->faults++;
}

static int sum_items(void *context)
{
    uint64_t *sum = context;
    const unsigned char *data;
    memcpy(&data, sum, sizeof(data));
    uint64_t total = 0;
    for (size_t i = 0; i < ITEMS; i++) {
        uint64_t item;
        memcpy(&item, data + i * sizeof(item), sizeof(item));
        total += item;
    }
    *sum = total;
    return 0;
}

static void read_all(struct tally *tally, struct marray *array, uint64_t *buffer)
{
    int status = marray_read(array, NULL, buffer, ITEMS * sizeof(*buffer));
    count(tally, status, array);
    for (size_t i = 0; status == 0 && i < ITEMS; i++)
        CHECK(buffer[i] == PATTERN);
}

static void sum_all(struct tally *tally, struct marray *array)
{
    const unsigned char *data = marray_data(array);
    uint64_t sum;
    memcpy(&sum, &data, sizeof(data));
    int status = marray_guarded(array, sum_items, &sum);
    count(tally, status, array);
    CHECK(status || sum == ITEMS * PATTERN);
}

/* Where the rows of a gather or scatter are, and what they hold. */
static void fill_lists(int64_t *indices, uint64_t *buffer, int salt)
{
    for (size_t i = 0; i < PICKS; i++) {
        indices[i] = (int64_t)((i * 7919 + (size_t)salt) % ITEMS);
        buffer[i] = PATTERN;
    }
}

static void gather(struct tally *tally, struct marray *array, uint64_t *buffer, int turn)
{
    int64_t indices[PICKS];
    fill_lists(indices, buffer, turn);
    memset(buffer, 0, PICKS * sizeof(*buffer));
    int status = marray_gather(array, indices, PICKS, NULL, buffer, PICKS * sizeof(*buffer));
    count(tally, status, array);
    for (size_t i = 0; status == 0 && i < PICKS; i++)
        CHECK(buffer[i] == PATTERN);
}

static void scatter(struct tally *tally, struct marray *array, uint64_t *buffer, int turn)
{
    int64_t indices[PICKS];
    fill_lists(indices, buffer, turn);
    count(tally, marray_scatter(array, indices, PICKS, NULL, buffer, PICKS * sizeof(*buffer)),
          array);
}

static void find_a_stranger(struct tally *tally, struct marray *array)
{
    /* Zeros show a tail that is not in the file any more; not finding them must be the truth. */
    const uint64_t zero = 0;
    int64_t position = -1;
    int status = marray_find(array, &zero, sizeof(zero), 0, MARRAY_NONE, &position);
    count(tally, status, array);
    CHECK(status || position == -1);
}

static void move_bytes(struct tally *tally, struct marray *array, uint64_t *buffer)
{
    size_t size = 0;
    int status =
        marray_read_at(array, ITEMS * sizeof(*buffer) / 2, buffer, ITEMS * sizeof(*buffer), &size);
    count(tally, status, array);
    CHECK(status || size == ITEMS * sizeof(*buffer) / 2);
    for (size_t i = 0; status == 0 && i < ITEMS / 2; i++)
        CHECK(buffer[i] == PATTERN);
    count(tally, marray_write_at(array, 8, &(const uint64_t){PATTERN}, sizeof(uint64_t)), array);
    count(tally, marray_move(array, 0, ITEMS * sizeof(*buffer) / 2, 4096), array);
}

static void copy_halves(struct tally *tally, struct marray *array)
{
    struct marray *left, *right;
    const struct marray_slice first = MARRAY_RANGE(0, ITEMS / 2, 1);
    const struct marray_slice second = MARRAY_RANGE(ITEMS / 2, ITEMS, 1);
    CHECK(marray_slice(array, &first, 1, &left) == 0);
    CHECK(marray_slice(array, &second, 1, &right) == 0);
    count(tally, marray_copy(left, right), left);
    CHECK(marray_close(&left) == 0 && marray_close(&right) == 0);
}

static int sum_chunk(struct marray *chunk, void *context)
{
    uint64_t *sum = context;
    struct marray_u8_vector items;
    int status = marray_u8_vector(chunk, false, &items);
    for (uint64_t i = 0; status == 0 && i < items.length; i++)
        *sum += marray_u8_get(items, i);
    return status;
}

static void walk(struct tally *tally, struct marray *array)
{
    struct marray_chunks_spec spec = MARRAY_CHUNKS_SPEC_INIT;
    uint64_t sum = 0;
    spec.rows = ITEMS / 8;
    int status = marray_chunks_each(array, &spec, sum_chunk, &sum);
    count(tally, status, array);
    CHECK(status || sum == ITEMS * PATTERN);
}

/* A different way in every turn. */
static void touch(struct tally *tally, struct marray *array, uint64_t *buffer, int turn)
{
    const uint64_t value = PATTERN;
    const int64_t last[] = {-1};
    uint64_t item;
    switch ((turn + tally->index) % WAYS) {
    case 0:
        read_all(tally, array, buffer);
        break;
    case 1:
        count(tally, marray_fill(array, NULL, &value), array);
        break;
    case 2:
        for (size_t i = 0; i < ITEMS; i++)
            buffer[i] = PATTERN;
        count(tally, marray_write(array, NULL, buffer, ITEMS * sizeof(*buffer)), array);
        break;
    case 3:
        sum_all(tally, array);
        break;
    case 4:
        count(tally, marray_get(array, last, NULL, &item), array);
        break;
    case 5:
        gather(tally, array, buffer, turn);
        break;
    case 6:
        scatter(tally, array, buffer, turn);
        break;
    case 7:
        find_a_stranger(tally, array);
        break;
    case 8:
        move_bytes(tally, array, buffer);
        break;
    case 9:
        copy_halves(tally, array);
        break;
    case 10:
        walk(tally, array);
        break;
    case 11:
        count(tally, marray_ramp(array, NULL, &value, &(const uint64_t){0}), array);
        break;
    default:
        count(tally, marray_set(array, last, NULL, &value), array);
    }
}

static void *work(void *context)
{
    struct tally *tally = context;
    struct marray_spec spec =
        scratch_spec(tally->arena->scratch, MARRAY_READ_WRITE, "<u8", 1, SHAPE(ITEMS));
    spec.message = NULL;
    struct marray *array;
    uint64_t *buffer = malloc(ITEMS * sizeof(*buffer));
    CHECK(buffer && marray_open(tally->arena->scratch->path, &spec, &array) == 0);
    for (int round = 0; round < tally->arena->rounds; round++) {
        pthread_barrier_wait(&tally->arena->barrier);
        for (int turn = 0; turn < WAYS; turn++)
            touch(tally, array, buffer, turn);
        pthread_barrier_wait(&tally->arena->barrier);
    }
    CHECK(marray_close(&array) == 0);
    free(buffer);
    return NULL;
}

/* Cuts the file to the length that each message says; answers with one byte. */
static void cut_on_request(const char *path, int requests, int answers)
{
    off_t length;
    while (read(requests, &length, sizeof(length)) == sizeof(length)) {
        if (truncate(path, length) || write(answers, "x", 1) != 1)
            _exit(1);
    }
    _exit(0);
}

static void restore(const char *path)
{
    static uint64_t whole[ITEMS];
    for (size_t i = 0; i < ITEMS; i++)
        whole[i] = PATTERN;
    int file = open(path, O_WRONLY);
    CHECK(file >= 0 && pwrite(file, whole, sizeof(whole), 0) == (ssize_t)sizeof(whole));
    close(file);
}

static void cut_while_threads_work(struct arena *arena, int requests, int answers)
{
    uint64_t random = 20261122;
    char byte;
    for (int round = 0; round < arena->rounds; round++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        off_t length = (off_t)(random >> 33) % (off_t)(ITEMS * sizeof(uint64_t));
        /* The last page stays now and then: then only its tail is lost. */
        if (round % 4 == 3)
            length = (off_t)(ITEMS * sizeof(uint64_t)) - 1 - (off_t)(random >> 33) % 4000;
        restore(arena->scratch->path);
        pthread_barrier_wait(&arena->barrier);
        if (round % 3)
            usleep((useconds_t)(random >> 56));
        CHECK(write(requests, &length, sizeof(length)) == sizeof(length));
        CHECK(read(answers, &byte, 1) == 1);
        pthread_barrier_wait(&arena->barrier);
    }
}

static void cut(struct scratch *scratch, int rounds)
{
    int requests[2], answers[2];
    restore((scratch_write(scratch->path, "", 0), scratch->path));
    CHECK(pipe(requests) == 0 && pipe(answers) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        close(requests[1]);
        cut_on_request(scratch->path, requests[0], answers[1]);
    }
    close(requests[0]);
    struct arena arena = {.scratch = scratch, .rounds = rounds};
    struct tally tallies[THREADS];
    pthread_t threads[THREADS];
    CHECK(pthread_barrier_init(&arena.barrier, NULL, THREADS + 1) == 0);
    for (int i = 0; i < THREADS; i++) {
        tallies[i] = (struct tally){.arena = &arena, .index = i};
        CHECK(pthread_create(&threads[i], NULL, work, &tallies[i]) == 0);
    }
    cut_while_threads_work(&arena, requests[1], answers[0]);
    unsigned long successes = 0, faults = 0;
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        successes += tallies[i].successes;
        faults += tallies[i].faults;
    }
    pthread_barrier_destroy(&arena.barrier);
    close(requests[1]);
    close(answers[0]);
    close(answers[1]);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    printf("%d rounds: %lu calls succeeded, %lu ended in an error\n", rounds, successes, faults);
    CHECK(successes > 0 && faults > 0);
}

/* ---- A full disk ---- */

static void full(const char *folder)
{
    enum { FILE_BYTES = 64 << 20 };
    struct marray_message message;
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%.4000s/sparse", folder);
    struct marray_spec spec = MARRAY_SPEC_INIT;
    const uint64_t shape[] = {FILE_BYTES};
    spec.mode = MARRAY_CREATE;
    spec.dimensions = 1;
    spec.shape = shape;
    spec.message = &message;
    struct marray *array;
    /* Without holes the same is told when the file is made. */
    CHECK(marray_open(path, &spec, &array) == -ENOSPC && access(path, F_OK));
    spec.flags = MARRAY_SPARSE;
    CHECK(marray_open(path, &spec, &array) == 0);
    const unsigned char value = 7;
    const int64_t last[] = {-1};
    for (int i = 0; i < 100; i++) {
        CHECK(marray_fill(array, NULL, &value) == -ENOSPC);
        CHECK(strstr(marray_message(array), "make room"));
        CHECK(marray_set(array, last, NULL, &value) == -ENOSPC);
    }
    unsigned char item = 0;
    CHECK(marray_get(array, (const int64_t[]){0}, NULL, &item) == 0 && item == 7);
    CHECK(marray_close(&array) == 0);
    CHECK(unlink(path) == 0);
    puts("a full disk is -ENOSPC, 200 times");
}

/* ---- Other handlers ---- */

static sigjmp_buf own_return;
static volatile sig_atomic_t own_faults;
static struct sigaction before_own;
static void *volatile own_page;

static void own_handler(int number, siginfo_t *information, void *context)
{
    (void)number;
    (void)context;
    if (information->si_code <= 0 ||
        ((uintptr_t)information->si_addr & ~(uintptr_t)(PAGE_LIMIT - 1)) ==
            ((uintptr_t)own_page & ~(uintptr_t)(PAGE_LIMIT - 1))) {
        own_faults++;
        if (information->si_code > 0)
            siglongjmp(own_return, 1);
        return;
    }
    before_own.sa_sigaction(number, information, context);
}

static void install_own(int flags)
{
    struct sigaction action = {.sa_sigaction = own_handler, .sa_flags = SA_SIGINFO | flags};
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGUSR1);
    CHECK(sigaction(SIGBUS, &action, &before_own) == 0);
}

/* A page of an empty file, mapped by the program itself. */
static void map_own_page(struct scratch *scratch)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%.4000s/own", scratch->folder);
    int file = open(path, O_RDWR | O_CREAT, 0600);
    CHECK(file >= 0);
    own_page = mmap(NULL, PAGE_LIMIT, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(own_page != MAP_FAILED);
    close(file);
}

static void fault_on_own_page(void)
{
    int seen = (int)own_faults;
    if (sigsetjmp(own_return, 1) == 0)
        *(volatile char *)own_page = 1;
    CHECK(own_faults == seen + 1);
}

static int fault_on_own_page_inside(void *context)
{
    (void)context;
    fault_on_own_page();
    return 42;
}

static struct marray *open_cut(struct scratch *scratch)
{
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<u8", 1, SHAPE(ITEMS));
    CHECK(truncate(scratch->path, 0) == 0);
    return array;
}

static void check_both_kinds(struct scratch *scratch)
{
    struct marray *array = open_cut(scratch);
    const int64_t first[] = {0};
    uint64_t item;
    for (int i = 0; i < 100; i++) {
        CHECK(marray_get(array, first, NULL, &item) == -EFAULT);
        fault_on_own_page();
        CHECK(strstr(marray_message(array), "was cut to 0 bytes"));
        CHECK(marray_guarded(array, fault_on_own_page_inside, NULL) == 42);
    }
    int seen = (int)own_faults;
    CHECK(raise(SIGBUS) == 0 && own_faults == seen + 1);
    sigset_t mask;
    CHECK(sigprocmask(SIG_BLOCK, NULL, &mask) == 0);
    CHECK(!sigismember(&mask, SIGBUS) && !sigismember(&mask, SIGUSR1));
    CHECK(marray_close(&array) == 0);
}

/* After a flush stores go by calls, which could. */
static void stay_cut(struct scratch *scratch)
{
    enum { LEFT = 5000 };
    static uint64_t items[ITEMS];
    struct marray *array =
        scratch_open(scratch, MARRAY_CREATE, "<u8", 2, SHAPE(ITEMS / 1024, 1024));
    const struct marray_slice column = MARRAY_RANGE(0, 8, 1);
    const struct marray_slice slices[] = {MARRAY_ALL, column};
    const int64_t last[] = {-1, -2, -3};
    struct marray *view;
    CHECK(marray_slice(array, slices, 2, &view) == 0);
    CHECK(marray_flush(array, MARRAY_FLUSH_DATA) == 0);
    CHECK(marray_write(array, NULL, items, sizeof(items)) == 0);
    CHECK(marray_write(view, NULL, items, marray_size_bytes(view)) == 0);
    CHECK(truncate(scratch->path, LEFT) == 0);
    CHECK(marray_write(array, NULL, items, sizeof(items)) == -EFAULT);
    CHECK(marray_write(view, NULL, items, marray_size_bytes(view)) == -EFAULT);
    CHECK(marray_scatter(view, last, 3, NULL, items, 3 * 8 * sizeof(items[0])) == -EFAULT);
    CHECK(strstr(marray_message(view), "was cut to 5000 bytes"));
    CHECK(scratch_size(scratch->path) == LEFT);
    CHECK(marray_close(&view) == 0 && marray_close(&array) == 0);
}

static void handler(struct scratch *scratch)
{
    map_own_page(scratch);
    install_own(0);
    check_both_kinds(scratch);
    puts("an earlier handler keeps its faults");
}

static void later(struct scratch *scratch)
{
    map_own_page(scratch);
    struct marray *array = open_cut(scratch);
    const int64_t first[] = {0};
    uint64_t item;
    CHECK(marray_get(array, first, NULL, &item) == -EFAULT);
    CHECK(marray_close(&array) == 0);
    install_own(SA_NODEFER);
    /* What jumps out of it must leave no signal blocked: its own mask is its own business. */
    struct sigaction now;
    CHECK(sigaction(SIGBUS, NULL, &now) == 0);
    sigemptyset(&now.sa_mask);
    CHECK(sigaction(SIGBUS, &now, NULL) == 0);
    check_both_kinds(scratch);
    puts("a later handler that passes faults on works too");
}

static void kill_without_a_guard(struct scratch *scratch)
{
    const struct rlimit none = {0, 0};
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(setrlimit(RLIMIT_CORE, &none) == 0);
        signal(SIGBUS, SIG_DFL);
        struct marray *array = open_cut(scratch);
        const int64_t first[] = {0};
        uint64_t item;
        CHECK(marray_get(array, first, NULL, &item) == -EFAULT);
        *(volatile char *)marray_data(array) = 1;
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    puts("an unguarded fault still kills");
}

int main(int count_of_arguments, char **arguments)
{
    const char *what = count_of_arguments > 1 ? arguments[1] : "";
    if (!strcmp(what, "full") && count_of_arguments > 2) {
        full(arguments[2]);
        return 0;
    }
    void *state = NULL;
    CHECK(scratch_setup(&state) == 0);
    struct scratch *scratch = state;
    if (!strcmp(what, "cut") && count_of_arguments > 2)
        cut(scratch, atoi(arguments[2]));
    else if (!strcmp(what, "handler"))
        handler(scratch);
    else if (!strcmp(what, "later"))
        later(scratch);
    else if (!strcmp(what, "longer"))
        stay_cut(scratch);
    else if (!strcmp(what, "kill"))
        kill_without_a_guard(scratch);
    else
        fprintf(stderr, "usage: guard_faults cut ROUNDS|full FOLDER|handler|later|longer|kill\n");
    return scratch_teardown(&state);
}
