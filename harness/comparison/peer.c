/* usage: mapmeter_peer WORK WAY FILE [size=N] [count=N] [step=N] [chunk=N] [depth=N] [seed=N]
 * Does one work once and prints its time and checksum as JSON; without arguments lists what there
 * is. `mapmeter_peer make FILE size=N seed=N` makes the file of words that all of them work on. */
#include "harness/comparison/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "common/random.h"
#include "mapping/marray.h"

#define BLOCK_WORDS (128 * 1024)
#define PASSES      15

static const struct peer_work *const works[] = {
    &peer_gather,  &peer_stride,   &peer_stream,      &peer_durable_write, &peer_tile,
    &peer_scatter, &peer_elements, &peer_bulk,        &peer_fill,          &peer_ramp,
    &peer_copy,    &peer_convert,  &peer_strided_sum, &peer_scale,
};
#define WORK_COUNT (sizeof(works) / sizeof(works[0]))

uint64_t peer_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

void peer_start(struct peer_run *run)
{
    run->started_ns = peer_now_ns();
}

void peer_stop(struct peer_run *run)
{
    run->elapsed_ns = peer_now_ns() - run->started_ns;
}

static int compare_times(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;
    return (*left > *right) - (*left < *right);
}

int peer_repeat(struct peer_run *run, int (*pass)(struct peer_run *run, void *context),
                void *context)
{
    uint64_t elapsed_ns[PASSES];
    for (int i = -1; i < PASSES; i++) {
        run->checksum = 0;
        peer_start(run);
        int code = pass(run, context);
        peer_stop(run);
        if (code)
            return code;
        if (i >= 0)
            elapsed_ns[i] = run->elapsed_ns;
    }
    qsort(elapsed_ns, PASSES, sizeof(elapsed_ns[0]), compare_times);
    run->elapsed_ns = elapsed_ns[PASSES / 2];
    return 0;
}

int peer_fail(const char *what, int code)
{
    fprintf(stderr, "%s: %s\n", what, strerror(-code));
    return code;
}

uint64_t peer_index(uint64_t seed, uint64_t k, uint64_t limit)
{
    return mm_random_mix(seed + k) % limit;
}

int peer_map(const struct peer_run *run, int writable, unsigned char **base, int *descriptor)
{
    int opened = open(run->path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (opened < 0)
        return peer_fail(run->path, -errno);
    void *mapped = mmap(NULL, run->size_bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ,
                        MAP_SHARED, opened, 0);
    if (mapped == MAP_FAILED) {
        int code = -errno;
        close(opened);
        return peer_fail("mmap", code);
    }
    *base = mapped;
    *descriptor = opened;
    return 0;
}

void peer_unmap(const struct peer_run *run, unsigned char *base, int descriptor)
{
    munmap(base, run->size_bytes);
    close(descriptor);
}

int peer_open(const struct peer_run *run, int writable, uint64_t rows, struct marray **array)
{
    struct marray_message message = {""};
    struct marray_spec spec = MARRAY_SPEC_INIT;
    const uint64_t words = run->size_bytes / sizeof(uint64_t);
    const uint64_t flat[] = {words};
    const uint64_t matrix[] = {rows, rows > 0 ? words / rows : 0};
    spec.mode = writable ? MARRAY_READ_WRITE : MARRAY_READ;
    spec.dtype = "<u8";
    spec.dimensions = rows > 0 ? 2 : 1;
    spec.shape = rows > 0 ? matrix : flat;
    spec.message = &message;
    int status = marray_open(run->path, &spec, array);
    if (status)
        fprintf(stderr, "%s\n", message.text);
    return status;
}

/* Words that no device compresses, all of them on it. */
static int make_file(const struct peer_run *run)
{
    static uint64_t block[BLOCK_WORDS];
    int file = open(run->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        return peer_fail(run->path, -errno);
    int code = -posix_fallocate(file, 0, (off_t)run->size_bytes);
    for (uint64_t done = 0; code == 0 && done < run->size_bytes; done += sizeof(block)) {
        for (uint64_t i = 0; i < BLOCK_WORDS; i++)
            block[i] = mm_random_mix(run->seed + done / sizeof(uint64_t) + i);
        size_t part =
            run->size_bytes - done < sizeof(block) ? run->size_bytes - done : sizeof(block);
        if (pwrite(file, block, part, (off_t)done) != (ssize_t)part)
            code = -errno;
    }
    if (code == 0 && fsync(file))
        code = -errno;
    close(file);
    return code ? peer_fail(run->path, code) : 0;
}

static int read_option(struct peer_run *run, const char *text)
{
    const struct {
        const char *name;
        uint64_t *value;
    } options[] = {
        {"size=", &run->size_bytes},   {"count=", &run->count},       {"step=", &run->step_bytes},
        {"before=", &run->before},     {"chunk=", &run->chunk_bytes}, {"depth=", &run->depth},
        {"parallel=", &run->parallel}, {"seed=", &run->seed},
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        size_t length = strlen(options[i].name);
        char *end;
        if (strncmp(text, options[i].name, length))
            continue;
        *options[i].value = strtoull(text + length, &end, 10);
        return *end || end == text + length ? -EINVAL : 0;
    }
    return -EINVAL;
}

static const struct peer_way *find_way(const char *work, const char *way)
{
    for (size_t i = 0; i < WORK_COUNT; i++) {
        for (const struct peer_way *known = works[i]->ways; known->name; known++) {
            if (!strcmp(works[i]->name, work) && !strcmp(known->name, way))
                return known;
        }
    }
    return NULL;
}

static int list(void)
{
    for (size_t i = 0; i < WORK_COUNT; i++) {
        for (const struct peer_way *way = works[i]->ways; way->name; way++)
            printf("%s %s\n", works[i]->name, way->name);
    }
    return 0;
}

int main(int count, char **arguments)
{
    struct peer_run run = {.chunk_bytes = 1 << 20, .depth = 64, .step_bytes = 65536, .parallel = 1};
    if (count == 1)
        return list();
    int makes = count > 2 && !strcmp(arguments[1], "make");
    int first_option = makes ? 3 : 4;
    const struct peer_way *way = !makes && count > 3 ? find_way(arguments[1], arguments[2]) : NULL;
    if (!makes && !way) {
        fprintf(stderr, "unknown work or way; without arguments they are listed\n");
        return 2;
    }
    run.path = arguments[first_option - 1];
    for (int i = first_option; i < count; i++) {
        if (read_option(&run, arguments[i])) {
            fprintf(
                stderr,
                "'%s' is none of size=, count=, before=, step=, chunk=, depth=, parallel=, seed=\n",
                arguments[i]);
            return 2;
        }
    }
    if (makes)
        return make_file(&run) ? 1 : 0;
    if (way->run(&run))
        return 1;
    printf("{\"elapsed_ns\": %" PRIu64 ", \"flush_ns\": %" PRIu64 ", \"checksum\": \"%016" PRIx64
           "\"}\n",
           run.elapsed_ns, run.flush_ns, run.checksum);
    return 0;
}
