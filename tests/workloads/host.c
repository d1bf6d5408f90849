/* A host for workloads in tests: what the worker does, without clocks, over a small file. */
#include "tests/workloads/host.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/random.h"

#define SAMPLE_SEED UINT64_C(4242)
#define PATH_BYTES  512
#define PEERS_MAX   16

/* Common to the test and the peers it forks. */
struct common {
    pthread_barrier_t barrier;
    struct test_result peer[PEERS_MAX];
};

struct host {
    const struct test_case *test;
    const char *path;
    struct test_result *result;
    enum mm_phase phase;
    uint32_t marked; /* bits of what the present operation has come through */
    const struct mm_workload *workload;
    struct mm_engine_target target;
    void *engine_options;
};

static struct host *host_of(struct mm_workload_run *run)
{
    return run->host_private;
}

int test_folder_make(void **state)
{
    const char *parent = getenv("TMPDIR");
    char *folder = malloc(PATH_BYTES);
    if (!folder)
        return -1;
    snprintf(folder, PATH_BYTES, "%s/mm-workloads-XXXXXX", parent ? parent : "/var/tmp");
    *state = mkdtemp(folder);
    return *state ? 0 : -1;
}

int test_folder_remove(void **state)
{
    const char *const names[] = {"data", "other"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(test_path(state, names[i]));
    int status = rmdir(*state);
    free(*state);
    return status;
}

const char *test_path(void *const *state, const char *name)
{
    static char path[PATH_BYTES];
    snprintf(path, sizeof(path), "%s/%s", (const char *)*state, name);
    return path;
}

void test_expected_bytes(uint64_t seed, uint64_t offset_bytes, uint64_t length_bytes, void *buffer)
{
    unsigned char *bytes = buffer;
    uint64_t done = 0;
    while (done < length_bytes) {
        uint64_t word = mm_random_mix(seed + (offset_bytes + done) / 8);
        uint64_t skipped = (offset_bytes + done) % 8;
        uint64_t count = 8 - skipped;
        unsigned char parts[8];
        if (count > length_bytes - done)
            count = length_bytes - done;
        memcpy(parts, &word, sizeof(parts));
        memcpy(bytes + done, parts + skipped, count);
        done += count;
    }
}

static unsigned char surrounding_byte(uint64_t position)
{
    return (unsigned char)(position * 7 + 13);
}

/* The whole file as it is made. */
static unsigned char *file_bytes(const struct mm_array *array, uint64_t seed, uint64_t *length)
{
    *length = array->offset_bytes + array->size_bytes + TEST_TAIL_BYTES;
    unsigned char *bytes = malloc(*length);
    assert_non_null(bytes);
    for (uint64_t i = 0; i < array->offset_bytes; i++)
        bytes[i] = surrounding_byte(i);
    for (uint64_t i = *length - TEST_TAIL_BYTES; i < *length; i++)
        bytes[i] = surrounding_byte(i);
    test_expected_bytes(seed, 0, array->size_bytes, bytes + array->offset_bytes);
    return bytes;
}

void test_file_make(const char *path, const struct mm_array *array, uint64_t seed)
{
    uint64_t length;
    unsigned char *bytes = file_bytes(array, seed, &length);
    int descriptor = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, bytes, length), length);
    close(descriptor);
    free(bytes);
}

static void transfer_file(const char *path, bool writing, uint64_t offset, uint64_t length,
                          void *buffer)
{
    int descriptor = open(path, writing ? O_WRONLY : O_RDONLY);
    assert_true(descriptor >= 0);
    ssize_t moved = writing ? pwrite(descriptor, buffer, length, (off_t)offset)
                            : pread(descriptor, buffer, length, (off_t)offset);
    assert_int_equal(moved, length);
    close(descriptor);
}

struct mm_array test_array(const char *dtype, uint32_t item_bytes, uint64_t rows, uint64_t columns,
                           uint64_t offset_bytes)
{
    struct mm_array array = {
        .item_bytes = item_bytes,
        .dimensions = rows ? 2 : 1,
        .shape = {rows ? rows : columns, rows ? columns : 0},
        .offset_bytes = offset_bytes,
        .size_bytes = (rows ? rows : 1) * columns * item_bytes,
    };
    snprintf(array.dtype, sizeof(array.dtype), "%s", dtype);
    return array;
}

void *test_options(const struct mm_parameter *parameters, size_t count, size_t options_bytes,
                   const char *pairs, size_t *used)
{
    char text[PATH_BYTES];
    char *rest = text;
    void *options = calloc(1, options_bytes ? options_bytes : 1);
    assert_non_null(options);
    mm_parameters_set_defaults(parameters, count, options);
    snprintf(text, sizeof(text), "%s", pairs ? pairs : "");
    for (char *pair = strsep(&rest, ","); pair; pair = strsep(&rest, ",")) {
        char *value = strchr(pair, '=');
        if (!value)
            continue;
        *value++ = '\0';
        const struct mm_parameter *parameter = mm_parameter_find(parameters, count, pair);
        struct mm_error error = {0};
        if (!parameter)
            continue;
        if (mm_parameter_set(parameter, options, value, &error))
            fail_msg("%s", error.text);
        (*used)++;
    }
    return options;
}

static void host_enter_phase(struct mm_workload_run *run, enum mm_phase phase)
{
    struct host *host = host_of(run);
    host->result->entries[phase]++;
    host->phase = phase;
}

static int host_flush(struct mm_workload_run *run, const struct mm_region *region)
{
    host_of(run)->result->flushes++;
    return run->engine->flush(run->file, region, MM_FLUSH_DATA, run->error);
}

static int host_reference(struct mm_workload_run *run, uint64_t offset_bytes, uint64_t length_bytes,
                          void *buffer)
{
    assert_true(offset_bytes + length_bytes <= run->array->size_bytes);
    assert_false(run->needs->writes);
    test_expected_bytes(TEST_FILE_SEED, offset_bytes, length_bytes, buffer);
    return 0;
}

static int host_read_back(struct mm_workload_run *run, uint64_t offset_bytes, uint64_t length_bytes,
                          void *buffer)
{
    struct mm_region region = mm_region_of_bytes(offset_bytes, length_bytes);
    struct mm_span span;
    assert_true(offset_bytes + length_bytes <= run->array->size_bytes);
    if (run->file && !(run->engine->capabilities & MM_ENGINE_FILE_BACKED)) {
        int status = run->engine->borrow(run->file, &region, MM_ACCESS_READ, &span, run->error);
        if (status)
            return status;
        memcpy(buffer, span.data, length_bytes);
        return run->engine->give_back(run->file, &span, run->error);
    }
    transfer_file(host_of(run)->path, false, run->array->offset_bytes + offset_bytes, length_bytes,
                  buffer);
    return 0;
}

static void host_report(struct mm_workload_run *run, const char *name, double value)
{
    assert_string_equal(name, "lost_updates");
    host_of(run)->result->has_lost_updates = true;
    host_of(run)->result->lost_updates = value;
}

static void host_operation_begin(struct mm_workload_run *run)
{
    host_of(run)->result->begun++;
    host_of(run)->marked = 0;
}

static void host_operation_mark(struct mm_workload_run *run, enum mm_latency latency)
{
    struct host *host = host_of(run);
    uint32_t bit = UINT32_C(1) << latency;
    host->result->out_of_order += host->result->begun == 0 || (host->marked & bit);
    host->result->marked[latency]++;
    host->marked |= bit;
}

static const struct mm_workload_host test_host = {
    .enter_phase = host_enter_phase,
    .flush = host_flush,
    .reference = host_reference,
    .read_back = host_read_back,
    .report = host_report,
    .operation_begin = host_operation_begin,
    .operation_mark = host_operation_mark,
};

static int one_pass(struct mm_workload_run *run)
{
    struct host *host = host_of(run);
    host->phase = MM_PHASE_TOUCH;
    int status = host->workload->touch(run);
    if (status || !run->needs->flushes)
        return status;
    host->phase = MM_PHASE_FLUSH;
    return host->workload->flush ? host->workload->flush(run) : host_flush(run, NULL);
}

/* Everything of one process but verify; engines that hold the only copy stay open. */
static int run_process(struct mm_workload_run *run, struct common *common)
{
    struct host *host = host_of(run);
    const struct test_case *test = host->test;
    int status = host->workload->prepare ? host->workload->prepare(run) : 0;
    if (status)
        goto cleanup;
    status = run->engine->open(&host->target, host->engine_options, &run->file, run->error);
    if (common)
        pthread_barrier_wait(&common->barrier);
    for (uint64_t i = 0; status == 0 && i < test->warm_passes; i++, run->warm_passes++)
        status = one_pass(run);
    if (common)
        pthread_barrier_wait(&common->barrier);
    run->checksum = run->bytes = run->items = 0;
    host->result->flushes = 0;
    run->times_operations = test->times_operations;
    for (uint64_t i = 0; status == 0 && i < test->passes; i++, run->passes++)
        status = one_pass(run);
    if (run->file && (run->engine->capabilities & MM_ENGINE_FILE_BACKED)) {
        int closed = run->engine->close(&run->file, run->error);
        assert_null(run->file);
        status = status ? status : closed;
    }
cleanup:
    if (host->workload->cleanup)
        host->workload->cleanup(run);
    assert_null(run->state);
    return status;
}

static void keep(struct mm_workload_run *run, int status)
{
    struct test_result *result = host_of(run)->result;
    result->status = status;
    result->checksum = run->checksum;
    result->bytes = run->bytes;
    result->items = run->items;
    if (run->error)
        result->error = *run->error;
}

static int run_peers(struct mm_workload_run *run)
{
    struct host *host = host_of(run);
    struct test_result *whole = host->result;
    pthread_barrierattr_t attributes;
    int status = 0;
    struct common *common =
        mmap(NULL, sizeof(*common), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(common != MAP_FAILED && run->peers <= PEERS_MAX);
    pthread_barrierattr_init(&attributes);
    pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&common->barrier, &attributes, run->peers);
    for (uint32_t i = 0; i < run->peers; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            run->peer = i;
            host->result = &common->peer[i];
            keep(run, run_process(run, common));
            _exit(0);
        }
    }
    for (uint32_t i = 0; i < run->peers; i++) {
        int how = 0;
        assert_true(wait(&how) > 0);
        assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    }
    for (uint32_t i = 0; i < run->peers; i++) {
        const struct test_result *peer = &common->peer[i];
        run->checksum += peer->checksum;
        run->bytes += peer->bytes;
        run->items += peer->items;
        whole->flushes += peer->flushes;
        whole->begun += peer->begun;
        whole->out_of_order += peer->out_of_order;
        for (int k = 0; k < MM_LATENCY_COUNT; k++)
            whole->marked[k] += peer->marked[k];
        if (peer->status && status == 0) {
            status = peer->status;
            *run->error = peer->error;
        }
    }
    run->warm_passes = host->test->warm_passes;
    run->passes = host->test->passes;
    munmap(common, sizeof(*common));
    return status;
}

/* Flips one bit of the byte, in the file or in the memory of an engine without one. */
static void damage(struct mm_workload_run *run)
{
    struct host *host = host_of(run);
    uint64_t position = host->test->damaged_byte;
    unsigned char byte;
    if (run->file) {
        struct mm_region region = mm_region_of_bytes(position, 1);
        struct mm_span span;
        assert_int_equal(run->engine->borrow(run->file, &region, MM_ACCESS_READ_WRITE, &span, NULL),
                         0);
        span.data[0] ^= 0x10;
        assert_int_equal(run->engine->give_back(run->file, &span, NULL), 0);
        return;
    }
    transfer_file(host->path, false, run->array->offset_bytes + position, 1, &byte);
    byte ^= 0x10;
    transfer_file(host->path, true, run->array->offset_bytes + position, 1, &byte);
}

static void evict(const char *path)
{
    int descriptor = open(path, O_RDONLY);
    assert_true(descriptor >= 0);
    fdatasync(descriptor);
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
    close(descriptor);
}

static void compare_file(const struct host *host, const struct mm_array *array)
{
    uint64_t length;
    struct test_result *result = host->result;
    unsigned char *made = file_bytes(array, TEST_FILE_SEED, &length);
    unsigned char *found = malloc(length);
    uint64_t end = array->offset_bytes + array->size_bytes;
    assert_non_null(found);
    transfer_file(host->path, false, 0, length, found);
    result->unchanged =
        memcmp(made + array->offset_bytes, found + array->offset_bytes, array->size_bytes) == 0;
    result->surroundings_changed = memcmp(made, found, array->offset_bytes) != 0 ||
                                   memcmp(made + end, found + end, TEST_TAIL_BYTES) != 0;
    free(found);
    free(made);
}

static void run_sample(struct mm_workload_run *run)
{
    struct host *host = host_of(run);
    if (host->test->damage == TEST_DAMAGE_BEFORE)
        damage(run);
    int status = run->peers > 1 ? run_peers(run) : run_process(run, NULL);
    if (status == 0) {
        if (host->test->damage == TEST_DAMAGE_AFTER)
            damage(run);
        evict(host->path);
        status = host->workload->verify(run);
    }
    keep(run, status);
    host->result->expected_checksum = run->expected_checksum;
    if (run->file)
        run->engine->close(&run->file, NULL);
    if (host->test->damage == TEST_DAMAGE_NONE)
        compare_file(host, run->array);
}

/* Does this pair make sense? Fills needs. */
static bool check_pair(const struct host *host, const struct mm_engine *engine, const void *options,
                       struct test_result *result)
{
    const struct mm_workload *workload = host->workload;
    result->status = workload->plan(options, &host->test->array, &result->needs, &result->error);
    if (result->status)
        return false;
    result->why_skipped = workload->skip ? (workload->skip)(options, engine) : NULL;
    if (!result->why_skipped && (result->needs.capabilities & ~engine->capabilities))
        result->why_skipped = "the engine lacks a capability";
    result->skipped = result->why_skipped != NULL;
    return !result->skipped;
}

void test_run(void *const *state, const struct test_case *test, struct test_result *result)
{
    const struct mm_engine *engine = test->stand_in ? test->stand_in : mm_engine_find(test->engine);
    struct mm_error error = {0};
    size_t used = 0;
    struct host host = {
        .test = test,
        .path = test_path(state, "data"),
        .result = result,
        .workload = mm_workload_find(test->workload),
    };
    assert_non_null(engine);
    assert_non_null(host.workload);
    *result = (struct test_result){0};
    void *options = test_options(host.workload->parameters, host.workload->parameter_count,
                                 host.workload->options_bytes, test->parameters, &used);
    host.engine_options = test_options(engine->parameters, engine->parameter_count,
                                       engine->options_bytes, test->parameters, &used);
    if (!check_pair(&host, engine, options, result))
        goto cleanup;
    test_file_make(host.path, &test->array, TEST_FILE_SEED);
    host.target = (struct mm_engine_target){
        .path = host.path,
        .array = test->array,
        .writable = result->needs.writes,
        .largest_borrow_bytes = result->needs.largest_borrow_bytes,
        .largest_gather_count = result->needs.largest_gather_count,
        .pattern = result->needs.pattern,
    };
    struct mm_workload_run run = {
        .host = &test_host,
        .host_private = &host,
        .options = options,
        .array = &test->array,
        .needs = &result->needs,
        .engine = engine,
        .seed = SAMPLE_SEED,
        .peers = result->needs.processes,
        .error = &error,
    };
    uint64_t shared_bytes = result->needs.shared_bytes;
    if (shared_bytes) {
        run.shared =
            mmap(NULL, shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_true(run.shared != MAP_FAILED);
    }
    run_sample(&run);
    if (shared_bytes)
        munmap(run.shared, shared_bytes);
cleanup:
    free(options);
    free(host.engine_options);
}
