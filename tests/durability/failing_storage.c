/*
 * Arrays on storage that fails, over faulty_fs: what flushes and guarded calls say then, and after.
 * A program of its own: cmocka keeps SIGBUS for itself.
 *
 *   failing_storage flush|reads|threads MOUNT_POINT FOLDER CONTROL
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mapping/marray.h"

enum { ROWS = 256, COLUMNS = 512, ITEMS = ROWS * COLUMNS, COMMAND_BYTES = 32, THREADS = 4 };
enum {
    WALK_ROWS = 8,
    WALK_BUDGET_PAGES = 64,
    REPEATS = 25,
    TOGGLES = 100,
    LATE_ERRORS = 4,
    WAIT_MS = 20000
};

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                  \
        }                                                                             \
    } while (0)

struct place {
    char path[PATH_MAX];  /* of the array, on the failing file system */
    char below[PATH_MAX]; /* of the same file, in the folder that it shows */
    char control[PATH_MAX];
    unsigned long checks;
};

/* "write EIO", or "" for a file system that works. One write: it is never read half. */
static void command(const struct place *place, const char *text)
{
    char bytes[COMMAND_BYTES];
    int length = snprintf(bytes, sizeof(bytes), "%-31s", text);
    int file = open(place->control, O_WRONLY | O_CLOEXEC);
    CHECK(length == COMMAND_BYTES - 1 && file >= 0);
    CHECK(pwrite(file, bytes, (size_t)length, 0) == length);
    close(file);
}

static int64_t count_failures(const struct place *place)
{
    char path[PATH_MAX];
    struct stat information;
    snprintf(path, sizeof(path), "%.4000s.failed", place->control);
    return stat(path, &information) ? 0 : (int64_t)information.st_size;
}

static int open_array(struct place *place, enum marray_mode mode, struct marray **array)
{
    static const uint64_t shape[] = {ROWS, COLUMNS};
    struct marray_spec spec = MARRAY_SPEC_INIT;
    struct marray_message message = {""};
    spec.mode = mode;
    spec.dtype = "<u8";
    spec.dimensions = 2;
    spec.shape = shape;
    spec.message = &message;
    int status = marray_open(place->path, &spec, array);
    if (status)
        fprintf(stderr, "%s\n", message.text);
    return status;
}

static struct marray *open_whole(struct place *place, enum marray_mode mode)
{
    struct marray *array;
    CHECK(open_array(place, mode, &array) == 0);
    return array;
}

static void fill(struct marray *array, uint64_t value)
{
    CHECK(marray_fill(array, "<u8", &value) == 0);
}

/* Every item of the file below has this value. */
static void check_below(const struct place *place, uint64_t value)
{
    static uint64_t items[ITEMS];
    int file = open(place->below, O_RDONLY | O_CLOEXEC);
    CHECK(file >= 0 && read(file, items, sizeof(items)) == (ssize_t)sizeof(items));
    close(file);
    for (size_t i = 0; i < ITEMS; i++)
        CHECK(items[i] == value);
}

/* ---- Flushes ---- */

enum { WHOLE_DATA, WHOLE_FULL, RANGE_DATA, VIEW_DATA, WAYS };

static int flush_by(struct marray *array, int way)
{
    struct marray *rows;
    int status;
    switch (way) {
    case WHOLE_DATA:
        return marray_flush(array, MARRAY_FLUSH_DATA);
    case WHOLE_FULL:
        return marray_flush(array, MARRAY_FLUSH_FULL);
    case RANGE_DATA:
        return marray_flush_range(array, 5, marray_size_bytes(array) - 10, MARRAY_FLUSH_DATA);
    default:
        CHECK(marray_slice(array, (struct marray_slice[]){MARRAY_RANGE(1, MARRAY_NONE, 3)}, 1,
                           &rows) == 0);
        status = marray_flush_view(rows, MARRAY_FLUSH_DATA);
        CHECK(marray_close(&rows) == 0);
        return status;
    }
}

/* The handle says so for ever, though the file system works again. */
static void check_stays_failed(struct place *place, struct marray *array, int error)
{
    command(place, "");
    for (int turn = 0; turn < 3; turn++) {
        for (int way = 0; way < WAYS; way++) {
            CHECK(flush_by(array, way) == error);
            CHECK(strstr(marray_message(array), "an earlier flush failed") || way == VIEW_DATA);
            place->checks++;
        }
        CHECK(marray_flush(array, MARRAY_FLUSH_ASYNC) == error);
        fill(array, 100 + (uint64_t)turn);
    }
}

/* The runs of a view and the chunks of a walk are under way together: those that fail after the
 * first error was told leave further ones, which the kernel keeps for whoever syncs the file next.
 */
static void take_late_errors(const struct place *place)
{
    int file = open(place->path, O_RDWR | O_CLOEXEC);
    CHECK(file >= 0);
    int status = fsync(file);
    for (int i = 0; i < LATE_ERRORS && status; i++)
        status = fsync(file);
    CHECK(status == 0);
    close(file);
}

/* A new handle has its own fate: what is stored anew becomes durable. */
static void check_opens_again(struct place *place)
{
    struct marray *array = open_whole(place, MARRAY_READ_WRITE);
    fill(array, 7);
    CHECK(marray_flush(array, MARRAY_FLUSH_FULL) == 0);
    CHECK(marray_close(&array) == 0);
    check_below(place, 7);
}

/* Stores come after the command: FUSE may write back as soon as there is anything to write. */
static struct marray *open_flushed(struct place *place)
{
    struct marray *array = open_whole(place, MARRAY_CREATE);
    fill(array, 1);
    CHECK(marray_flush(array, MARRAY_FLUSH_FULL) == 0);
    check_below(place, 1);
    return array;
}

static void fail_at_flush(struct place *place, const char *what, int error, int way)
{
    struct marray *array = open_flushed(place);
    int64_t failures = count_failures(place);
    command(place, what);
    fill(array, 2);
    CHECK(flush_by(array, way) == error);
    CHECK(strstr(marray_message(array), "will not report success again") || way == VIEW_DATA);
    CHECK(count_failures(place) > failures);
    check_stays_failed(place, array, error);
    CHECK(marray_close(&array) == 0);
    if (way == VIEW_DATA)
        take_late_errors(place);
    check_opens_again(place);
}

static void wait_for_failure(const struct place *place, int64_t failures)
{
    for (int i = 0; i < WAIT_MS && count_failures(place) == failures; i++)
        usleep(1000);
    CHECK(count_failures(place) > failures);
}

/* Write-back failed when nobody asked, and works when somebody does: he must be told. */
static void fail_in_background(struct place *place, const char *what, int error, int way)
{
    struct marray *array = open_flushed(place);
    int64_t failures = count_failures(place);
    command(place, what);
    fill(array, 2);
    CHECK(marray_flush(array, MARRAY_FLUSH_ASYNC) == 0);
    wait_for_failure(place, failures);
    command(place, "");
    CHECK(flush_by(array, way) == error);
    check_stays_failed(place, array, error);
    CHECK(marray_close(&array) == 0);
    check_opens_again(place);
}

/* Of two handles both are told, whoever asks first. */
static void tell_both_handles(struct place *place, const char *what, int error)
{
    struct marray *array = open_flushed(place);
    struct marray *other = open_whole(place, MARRAY_READ_WRITE);
    command(place, what);
    fill(array, 3);
    CHECK(marray_flush(array, MARRAY_FLUSH_DATA) == error);
    command(place, "");
    CHECK(marray_flush(other, MARRAY_FLUSH_DATA) == error);
    check_stays_failed(place, array, error);
    check_stays_failed(place, other, error);
    CHECK(marray_close(&array) == 0);
    CHECK(marray_close(&other) == 0);
    check_opens_again(place);
}

/* Write-back that a walk starts fails behind the loop. */
static void fail_behind_a_walk(struct place *place, const char *what, int error)
{
    struct marray *array = open_flushed(place);
    struct marray_chunks_spec spec = MARRAY_CHUNKS_SPEC_INIT;
    struct marray_chunks *chunks;
    struct marray *chunk;
    int64_t failures = count_failures(place);
    spec.access = MARRAY_CHUNKS_WRITE;
    spec.rows = WALK_ROWS;
    spec.budget_bytes = (uint64_t)WALK_BUDGET_PAGES * (uint64_t)sysconf(_SC_PAGESIZE);
    command(place, what);
    CHECK(marray_chunks_open(array, &spec, &chunks) == 0);
    int status = marray_chunks_next(chunks, &chunk);
    while (status == 0 && chunk) {
        fill(chunk, 4);
        status = marray_chunks_next(chunks, &chunk);
    }
    CHECK(status == 0 || status == error);
    status = marray_chunks_close(&chunks);
    CHECK(status == 0 || status == error);
    wait_for_failure(place, failures);
    command(place, "");
    CHECK(marray_flush(array, MARRAY_FLUSH_DATA) == error);
    check_stays_failed(place, array, error);
    CHECK(marray_close(&array) == 0);
    take_late_errors(place);
    check_opens_again(place);
}

/* The name of a new file is part of level FULL. */
static void fail_in_the_folder(struct place *place)
{
    CHECK(unlink(place->path) == 0);
    struct marray *array = open_whole(place, MARRAY_CREATE);
    fill(array, 1);
    command(place, "fsyncdir EIO");
    CHECK(marray_flush(array, MARRAY_FLUSH_DATA) == 0);
    CHECK(marray_flush(array, MARRAY_FLUSH_FULL) == -EIO);
    check_stays_failed(place, array, -EIO);
    CHECK(marray_close(&array) == 0);
    check_opens_again(place);
}

static void flushes(struct place *place)
{
    static const struct {
        const char *what;
        int error;
    } cases[] = {{"write EIO", -EIO},
                 {"write ENOSPC", -ENOSPC},
                 {"fsync EIO", -EIO},
                 {"fsync ENOSPC", -ENOSPC}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int way = 0; way < WAYS; way++)
            fail_at_flush(place, cases[i].what, cases[i].error, way);
        if (strncmp(cases[i].what, "write", 5) != 0)
            continue;
        for (int way = 0; way < WAYS; way++)
            fail_in_background(place, cases[i].what, cases[i].error, way);
        tell_both_handles(place, cases[i].what, cases[i].error);
        fail_behind_a_walk(place, cases[i].what, cases[i].error);
    }
    fail_in_the_folder(place);
    printf("%lu flushes after a failed one, none of them reported success\n", place->checks);
}

/* ---- Reads ---- */

static uint64_t value_of(uint64_t item)
{
    return item * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

static void make_file(const struct place *place)
{
    static uint64_t items[ITEMS];
    for (size_t i = 0; i < ITEMS; i++)
        items[i] = value_of(i);
    int file = open(place->below, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(file >= 0 && write(file, items, sizeof(items)) == (ssize_t)sizeof(items));
    close(file);
}

static int sum_items(void *context)
{
    struct marray *array = *(struct marray **)context;
    const volatile uint64_t *items = marray_data(array);
    uint64_t sum = 0;
    for (size_t i = 0; i < ITEMS; i++)
        sum += items[i];
    return sum == 0 ? 1 : 0;
}

static int walk(struct marray *array, uint64_t *buffer)
{
    struct marray_chunks_spec spec = MARRAY_CHUNKS_SPEC_INIT;
    struct marray_chunks *chunks;
    struct marray *chunk;
    spec.rows = WALK_ROWS;
    spec.budget_bytes = (uint64_t)WALK_BUDGET_PAGES * (uint64_t)sysconf(_SC_PAGESIZE);
    CHECK(marray_chunks_open(array, &spec, &chunks) == 0);
    int status = marray_chunks_next(chunks, &chunk);
    while (status == 0 && chunk) {
        status = marray_read(chunk, NULL, buffer, (size_t)marray_size_bytes(chunk));
        if (status == 0)
            status = marray_chunks_next(chunks, &chunk);
    }
    CHECK(marray_chunks_close(&chunks) == 0);
    return status;
}

enum { READ, GET, GATHER, GUARDED, WALK, FILL, WRITE, SET, SCATTER, CALLS };

static int call(struct marray *array, int which, uint64_t *buffer)
{
    static const int64_t last[] = {-1, -1};
    static const int64_t indices[] = {255, 3, 128, 3, -7};
    const size_t count = sizeof(indices) / sizeof(indices[0]);
    const size_t row_bytes = COLUMNS * sizeof(uint64_t);
    switch (which) {
    case READ:
        return marray_read(array, NULL, buffer, ITEMS * sizeof(*buffer));
    case GET:
        return marray_get(array, last, NULL, buffer);
    case GATHER:
        return marray_gather(array, indices, count, NULL, buffer, count * row_bytes);
    case GUARDED:
        return marray_guarded(array, sum_items, &array);
    case WALK:
        return walk(array, buffer);
    case FILL:
        return marray_fill(array, NULL, buffer);
    case WRITE:
        return marray_write(array, NULL, buffer, ITEMS * sizeof(*buffer));
    case SET:
        return marray_set(array, last, NULL, buffer);
    default:
        return marray_scatter(array, indices, count, NULL, buffer, count * row_bytes);
    }
}

static void check_values(struct marray *array, uint64_t *buffer)
{
    CHECK(marray_read(array, NULL, buffer, ITEMS * sizeof(*buffer)) == 0);
    for (size_t i = 0; i < ITEMS; i++)
        CHECK(buffer[i] == value_of(i));
}

/* A pwrite of whole pages has nothing to read and may work. */
static void fail_reads(struct place *place, enum marray_mode mode, uint64_t *buffer)
{
    int calls = mode == MARRAY_READ ? FILL : CALLS;
    for (int which = 0; which < calls; which++) {
        /* Opening throws out the clean pages of before. */
        make_file(place);
        struct marray *array = open_whole(place, mode);
        int64_t failures = count_failures(place);
        command(place, "read EIO");
        bool is_changed = false;
        bool needs_no_read = (which == WRITE || which == SCATTER) && mode == MARRAY_READ_WRITE;
        for (int i = 0; i < REPEATS; i++) {
            int status = call(array, which, buffer);
            CHECK(status == -EIO || (needs_no_read && status == 0));
            CHECK(status == 0 || strstr(marray_message(array), "could not be had") ||
                  which == WALK || which == GATHER || which == SCATTER);
            is_changed |= status == 0 && which == SCATTER;
            place->checks++;
        }
        CHECK(count_failures(place) > failures || needs_no_read);
        command(place, "");
        if (!is_changed)
            check_values(array, buffer);
        CHECK(call(array, which, buffer) == 0);
        CHECK(marray_close(&array) == 0);
    }
}

static void reads(struct place *place)
{
    uint64_t *buffer = calloc(ITEMS, sizeof(*buffer));
    CHECK(buffer);
    fail_reads(place, MARRAY_READ, buffer);
    fail_reads(place, MARRAY_READ_WRITE, buffer);
    fail_reads(place, MARRAY_COPY_ON_WRITE, buffer);
    struct marray_spec spec = MARRAY_SPEC_INIT;
    struct marray *array;
    spec.mode = MARRAY_READ;
    command(place, "read EIO");
    CHECK(marray_open_npy(place->path, &spec, &array) == -EIO);
    command(place, "");
    free(buffer);
    printf("%lu calls over failing reads ended in EIO\n", place->checks);
}

/* ---- Reads in threads while the device comes and goes ---- */

struct reader {
    pthread_t thread;
    struct place *place;
    atomic_bool *is_over;
    unsigned long successes, failures;
};

static void *read_until_over(void *context)
{
    struct reader *reader = context;
    uint64_t *buffer = calloc(ITEMS, sizeof(*buffer));
    CHECK(buffer);
    while (!atomic_load(reader->is_over)) {
        struct marray *array = open_whole(reader->place, MARRAY_READ);
        int status = marray_read(array, NULL, buffer, ITEMS * sizeof(*buffer));
        /* EFAULT: it came back between the fault and the question what that was. */
        CHECK(status == 0 || status == -EIO || status == -EFAULT);
        for (size_t i = 0; status == 0 && i < ITEMS; i++)
            CHECK(buffer[i] == value_of(i));
        reader->successes += status == 0;
        reader->failures += status != 0;
        CHECK(marray_close(&array) == 0);
    }
    free(buffer);
    return NULL;
}

static void threads(struct place *place)
{
    struct reader readers[THREADS];
    atomic_bool is_over = false;
    make_file(place);
    for (int i = 0; i < THREADS; i++) {
        readers[i] = (struct reader){.place = place, .is_over = &is_over};
        CHECK(pthread_create(&readers[i].thread, NULL, read_until_over, &readers[i]) == 0);
    }
    for (int i = 0; i < TOGGLES; i++) {
        command(place, i % 2 == 0 ? "read EIO" : "");
        usleep((useconds_t)(2000 + 700 * (i % 11)));
    }
    command(place, "");
    usleep(100000);
    atomic_store(&is_over, true);
    unsigned long successes = 0, failures = 0;
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(readers[i].thread, NULL) == 0);
        successes += readers[i].successes;
        failures += readers[i].failures;
    }
    printf("%d threads: %lu reads succeeded, %lu ended in an error\n", THREADS, successes,
           failures);
    CHECK(successes > 0 && failures > 0);
}

int main(int count, char **arguments)
{
    if (count != 5) {
        fprintf(stderr, "usage: failing_storage flush|reads|threads MOUNT FOLDER CONTROL\n");
        return 2;
    }
    struct place place = {.checks = 0};
    snprintf(place.path, sizeof(place.path), "%.4000s/array", arguments[2]);
    snprintf(place.below, sizeof(place.below), "%.4000s/array", arguments[3]);
    snprintf(place.control, sizeof(place.control), "%.4000s", arguments[4]);
    command(&place, "");
    if (!strcmp(arguments[1], "flush"))
        flushes(&place);
    else if (!strcmp(arguments[1], "reads"))
        reads(&place);
    else
        threads(&place);
    return 0;
}
