/* One process of a sample: phases, passes and what a running workload asks of its host. */
#include "harness/worker_process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness/clock.h"
#include "harness/data_file.h"

static struct mm_worker_process *process_of(struct mm_workload_run *run)
{
    return run->host_private;
}

/* The clock starts after everything else and stops before it: nothing but its two readings is in
 * the time of a phase. */
static void start_clock(struct mm_worker_process *process, enum mm_phase phase)
{
    process->phase = phase;
    process->phase_started_ns = mm_clock_ns();
}

static void stop_clock(struct mm_worker_process *process, uint64_t now_ns)
{
    struct mm_worker_phase *phase = &process->result->phases[process->phase];

    phase->elapsed_ns += now_ns - process->phase_started_ns;
    mm_counters_read(process->counters, &process->after);
    mm_counters_add_difference(&process->before, &process->after, process->counter_count,
                               &phase->counters);
    process->before = process->after;
}

static void begin_phase(struct mm_worker_process *process, enum mm_phase phase)
{
    process->result->phases[phase].entries++;
    mm_counters_read(process->counters, &process->before);
    start_clock(process, phase);
}

static void switch_phase(struct mm_worker_process *process, enum mm_phase phase, uint64_t now_ns)
{
    enum mm_phase left = process->phase;

    stop_clock(process, now_ns);
    process->result->phases[phase].entries += phase != left;
    start_clock(process, phase);
}

static void host_enter_phase(struct mm_workload_run *run, enum mm_phase phase)
{
    uint64_t now_ns = mm_clock_ns();

    if (phase == MM_PHASE_TOUCH || phase == MM_PHASE_COMPUTE || phase == MM_PHASE_FLUSH) {
        switch_phase(process_of(run), phase, now_ns);
    }
}

static int host_flush(struct mm_workload_run *run, const struct mm_region *region)
{
    struct mm_worker_process *process = process_of(run);
    enum mm_phase caller = process->phase;

    if (!run->needs->flushes) {
        return 0;
    }
    switch_phase(process, MM_PHASE_FLUSH, mm_clock_ns());
    uint64_t started_ns = process->phase_started_ns;
    int code = run->engine->flush(run->file, region, MM_FLUSH_DATA, run->error);
    uint64_t ended_ns = mm_clock_ns();
    stop_clock(process, ended_ns);
    mm_histogram_record(&process->result->latency.histograms[MM_LATENCY_FLUSH],
                        ended_ns - started_ns);
    process->result->phases[caller].entries += caller != MM_PHASE_FLUSH;
    start_clock(process, caller);
    return code;
}

static int check_range(struct mm_workload_run *run, uint64_t offset_bytes, uint64_t length_bytes)
{
    uint64_t size_bytes = run->array->size_bytes;

    if (offset_bytes > size_bytes || length_bytes > size_bytes - offset_bytes) {
        return mm_error_set(
            run->error, -ERANGE, "workload '%s' asks for bytes %llu to %llu of an array of %llu",
            process_of(run)->plan_case->workload->name, (unsigned long long)offset_bytes,
            (unsigned long long)(offset_bytes + length_bytes), (unsigned long long)size_bytes);
    }
    return 0;
}

static int read_file(struct mm_workload_run *run, uint64_t offset_bytes, uint64_t length_bytes,
                     unsigned char *buffer)
{
    const char *path = process_of(run)->file->path;
    uint64_t position = run->array->offset_bytes + offset_bytes;
    int code = 0;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        code = -errno;
        return mm_error_set(run->error, code, "cannot open '%s': %s", path, strerror(-code));
    }
    while (length_bytes > 0) {
        ssize_t got = pread(descriptor, buffer, length_bytes, (off_t)position);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            code = got < 0 ? -errno : -ENODATA;
            mm_error_set(run->error, code, "cannot read '%s' at byte %llu: %s", path,
                         (unsigned long long)position,
                         got < 0 ? strerror(-code) : "the file ends there");
            break;
        }
        buffer += got;
        position += (uint64_t)got;
        length_bytes -= (uint64_t)got;
    }
    close(descriptor);
    return code;
}

/* From the memory of an engine without a file, in pieces that it can lend. */
static int read_engine(struct mm_workload_run *run, uint64_t offset_bytes, uint64_t length_bytes,
                       unsigned char *buffer)
{
    uint64_t piece_bytes = length_bytes;

    if ((run->engine->capabilities & MM_ENGINE_IN_PLACE) == 0) {
        piece_bytes = process_of(run)->target.largest_borrow_bytes;
    }
    while (length_bytes > 0) {
        uint64_t now_bytes = length_bytes < piece_bytes ? length_bytes : piece_bytes;
        struct mm_region region = mm_region_of_bytes(offset_bytes, now_bytes);
        struct mm_span span;
        int code = run->engine->borrow(run->file, &region, MM_ACCESS_READ, &span, run->error);
        if (code < 0) {
            return code;
        }
        memcpy(buffer, span.data, now_bytes);
        code = run->engine->give_back(run->file, &span, run->error);
        if (code < 0) {
            return code;
        }
        buffer += now_bytes;
        offset_bytes += now_bytes;
        length_bytes -= now_bytes;
    }
    return 0;
}

static int host_read_back(struct mm_workload_run *run, uint64_t offset_bytes, uint64_t length_bytes,
                          void *buffer)
{
    int code = check_range(run, offset_bytes, length_bytes);
    if (code < 0) {
        return code;
    }
    bool has_file = (run->engine->capabilities & MM_ENGINE_FILE_BACKED) != 0;
    if (has_file || run->file == NULL) {
        return read_file(run, offset_bytes, length_bytes, buffer);
    }
    return read_engine(run, offset_bytes, length_bytes, buffer);
}

static int host_reference(struct mm_workload_run *run, uint64_t offset_bytes, uint64_t length_bytes,
                          void *buffer)
{
    int code = check_range(run, offset_bytes, length_bytes);
    if (code < 0) {
        return code;
    }
    if (!process_of(run)->file->generated) {
        return read_file(run, offset_bytes, length_bytes, buffer);
    }
    mm_data_file_expected(process_of(run)->file, offset_bytes, length_bytes, buffer);
    return 0;
}

static void host_report(struct mm_workload_run *run, const char *name, double value)
{
    json_object_set_new(process_of(run)->reported, name, json_real(value));
}

static void host_operation_begin(struct mm_workload_run *run)
{
    mm_latency_begin(&process_of(run)->latency_clock);
}

static void host_operation_mark(struct mm_workload_run *run, enum mm_latency latency)
{
    mm_latency_mark(&process_of(run)->latency_clock, latency);
}

static const struct mm_workload_host process_host = {
    .enter_phase = host_enter_phase,
    .flush = host_flush,
    .reference = host_reference,
    .read_back = host_read_back,
    .report = host_report,
    .operation_begin = host_operation_begin,
    .operation_mark = host_operation_mark,
};

int mm_worker_process_init(struct mm_worker_process *process, const struct mm_plan_case *plan_case,
                           const struct mm_plan_file *file, struct mm_counters *counters,
                           uint64_t seed, uint32_t peer, void *shared,
                           struct mm_worker_result *result)
{
    memset(process, 0, sizeof(*process));
    memset(result, 0, sizeof(*result));
    mm_latency_reset(&result->latency);
    process->reported = json_object();
    if (process->reported == NULL) {
        return -ENOMEM;
    }
    process->plan_case = plan_case;
    process->file = file;
    process->counters = counters;
    process->counter_count = mm_counters_count(counters);
    process->result = result;
    process->target = (struct mm_engine_target){
        .path = file->path,
        .array = file->array,
        .writable = plan_case->needs.writes,
        .largest_borrow_bytes = plan_case->needs.largest_borrow_bytes,
        .largest_gather_count = plan_case->needs.largest_gather_count,
        .pattern = plan_case->needs.pattern,
    };
    process->latency_clock = (struct mm_latency_clock){
        .rate = plan_case->rate,
        .peer = peer,
        .peers = plan_case->needs.processes,
        .result = &result->latency,
    };
    process->run = (struct mm_workload_run){
        .host = &process_host,
        .host_private = process,
        .options = plan_case->workload_options,
        .array = &file->array,
        .needs = &plan_case->needs,
        .engine = plan_case->engine,
        .seed = seed,
        .peer = peer,
        .peers = plan_case->needs.processes,
        .shared = shared,
        .error = &process->error,
    };
    return 0;
}

int mm_worker_process_explain(struct mm_worker_process *process, int code, const char *what)
{
    if (code < 0 && process->error.code == 0) {
        mm_error_set(&process->error, code, "%s failed: %s", what, strerror(-code));
    }
    return code;
}

static int prepare(struct mm_worker_process *process)
{
    const struct mm_workload *workload = process->plan_case->workload;

    process->prepared = true;
    return workload->prepare == NULL ? 0 : workload->prepare(&process->run);
}

static int open_engine(struct mm_worker_process *process)
{
    struct mm_workload_run *run = &process->run;

    mm_environment_read_io(&process->io_before_open);
    begin_phase(process, MM_PHASE_OPEN);
    int code = run->engine->open(&process->target, process->plan_case->engine_options, &run->file,
                                 &process->error);
    stop_clock(process, mm_clock_ns());
    return code;
}

static int close_engine(struct mm_worker_process *process)
{
    struct mm_workload_run *run = &process->run;

    begin_phase(process, MM_PHASE_CLOSE);
    int code = run->engine->close(&run->file, &process->error);
    stop_clock(process, mm_clock_ns());
    return code;
}

/* Wastes the wanted share of the time that this pass has taken, inside the clock: by time, since
 * more operations are not more time. */
static void spin(const struct mm_worker_process *process)
{
    const struct mm_worker_result *result = process->result;
    uint64_t now_ns = mm_clock_ns();
    uint64_t taken_ns = now_ns - process->phase_started_ns;

    for (int phase = 0; phase < MM_PHASE_COUNT; phase++) {
        taken_ns += result->phases[phase].elapsed_ns - result->pass_phase_ns[phase];
    }
    uint64_t until_ns = now_ns + (uint64_t)((double)taken_ns * process->injection.delay_share);
    while (mm_clock_ns() < until_ns) {
    }
}

/* First writes to private memory without huge pages: one minor fault each. */
static int fault(uint64_t faults)
{
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    size_t length_bytes = (size_t)faults * page_bytes;

    char *pages =
        mmap(NULL, length_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) {
        return -errno;
    }
    madvise(pages, length_bytes, MADV_NOHUGEPAGE);
    for (size_t at = 0; at < length_bytes; at += page_bytes) {
        ((volatile char *)pages)[at] = 1;
    }
    munmap(pages, length_bytes);
    return 0;
}

static int touch_and_flush(struct mm_worker_process *process)
{
    struct mm_workload_run *run = &process->run;
    const struct mm_workload *workload = process->plan_case->workload;

    int code = workload->touch(run);
    if (code < 0 || !process->plan_case->needs.flushes) {
        return code;
    }
    host_enter_phase(run, MM_PHASE_FLUSH);
    return workload->flush == NULL ? host_flush(run, NULL) : workload->flush(run);
}

static int run_pass(struct mm_worker_process *process)
{
    struct mm_worker_result *result = process->result;

    for (int phase = 0; phase < MM_PHASE_COUNT; phase++) {
        result->pass_phase_ns[phase] = result->phases[phase].elapsed_ns;
    }
    begin_phase(process, MM_PHASE_TOUCH);
    result->pass_started_ns = process->phase_started_ns;
    mm_latency_start_pass(&process->latency_clock, process->phase_started_ns);
    int code = touch_and_flush(process);
    if (process->injection.delay_share > 0) {
        spin(process);
    }
    result->pass_ended_ns = mm_clock_ns();
    if (code == 0 && process->injection.faults > 0) {
        /* The clock has been read, the counters have not. */
        code = fault(process->injection.faults);
    }
    stop_clock(process, result->pass_ended_ns);
    for (int phase = 0; phase < MM_PHASE_COUNT; phase++) {
        result->pass_phase_ns[phase] =
            result->phases[phase].elapsed_ns - result->pass_phase_ns[phase];
    }
    return code;
}

static int warm_up(struct mm_worker_process *process)
{
    int code = run_pass(process);
    process->run.warm_passes++;
    return code;
}

static int begin(struct mm_worker_process *process)
{
    struct mm_worker_result *result = process->result;

    memset(&result->phases[MM_PHASE_TOUCH], 0, sizeof(result->phases[0]));
    memset(&result->phases[MM_PHASE_COMPUTE], 0, sizeof(result->phases[0]));
    memset(&result->phases[MM_PHASE_FLUSH], 0, sizeof(result->phases[0]));
    mm_latency_reset(&result->latency);
    process->run.checksum = 0;
    process->run.bytes = 0;
    process->run.items = 0;
    struct mm_series_cell *cell = mm_series_enter(process->series, process->run.peer);
    process->run.progress = cell == NULL ? NULL : &cell->progress;
    mm_environment_read_io(&process->io_before_passes);
    return 0;
}

/* Only here are operations clocked: a warm-up need not keep to a schedule. */
static int pass(struct mm_worker_process *process)
{
    process->run.times_operations = process->plan_case->measures_latency;
    int code = run_pass(process);
    process->run.times_operations = false;
    process->run.passes++;
    if (process->plan_case->measures_latency) {
        mm_latency_end_pass(&process->latency_clock);
    }
    mm_workload_advance(&process->run, 0, 0); /* what the workload has not shown itself */
    return code;
}

static void keep_io(struct mm_worker_process *process)
{
    const struct mm_environment_io *opened = &process->io_before_open;
    const struct mm_environment_io *began = &process->io_before_passes;
    struct mm_worker_io *io = &process->result->io;
    struct mm_environment_io now;

    mm_environment_read_io(&now);
    const char *why = now.why_unavailable;
    why = why == NULL ? opened->why_unavailable : why;
    why = why == NULL ? began->why_unavailable : why;
    io->valid = why == NULL;
    if (why != NULL) {
        strncpy(io->why_unavailable, why, sizeof(io->why_unavailable) - 1);
        return;
    }
    io->read_bytes_with_open = now.read_bytes - opened->read_bytes;
    io->read_bytes = now.read_bytes - began->read_bytes;
    io->written_bytes = now.written_bytes - began->written_bytes;
}

static void keep_text_fact(void *context, const char *name, const char *value)
{
    json_object_set_new(context, name, json_string(value));
}

static void keep_number_fact(void *context, const char *name, double value)
{
    json_object_set_new(context, name, json_real(value));
}

static int end(struct mm_worker_process *process)
{
    struct mm_workload_run *run = &process->run;
    struct mm_worker_result *result = process->result;
    json_t *effective = json_object();

    keep_io(process);
    result->checksum = run->checksum;
    result->bytes = run->bytes;
    result->items = run->items;
    if (effective == NULL) {
        return -ENOMEM;
    }
    if (run->engine->describe != NULL) {
        struct mm_engine_facts facts = {
            .context = effective,
            .text = keep_text_fact,
            .number = keep_number_fact,
        };
        run->engine->describe(run->file, &facts);
    }
    size_t length =
        json_dumpb(effective, result->effective, sizeof(result->effective), JSON_COMPACT);
    json_decref(effective);
    if (length >= sizeof(result->effective)) {
        return mm_error_set(&process->error, -E2BIG,
                            "engine '%s' describes itself in more than %d bytes", run->engine->name,
                            MM_WORKER_EFFECTIVE_BYTES);
    }
    result->effective[length] = '\0';
    return 0;
}

static int clean_up(struct mm_worker_process *process)
{
    const struct mm_workload *workload = process->plan_case->workload;

    process->prepared = false;
    if (workload->cleanup != NULL) {
        workload->cleanup(&process->run);
    }
    return 0;
}

static const struct {
    const char *name;
    int (*run)(struct mm_worker_process *process);
} actions[MM_WORKER_ACTION_COUNT] = {
    [MM_WORKER_PREPARE] = {"prepare", prepare},  [MM_WORKER_OPEN] = {"open", open_engine},
    [MM_WORKER_WARM_UP] = {"warm-up", warm_up},  [MM_WORKER_BEGIN] = {"begin", begin},
    [MM_WORKER_PASS] = {"touch", pass},          [MM_WORKER_END] = {"end", end},
    [MM_WORKER_CLOSE] = {"close", close_engine}, [MM_WORKER_CLEAN_UP] = {"cleanup", clean_up},
};

int mm_worker_process_do(struct mm_worker_process *process, enum mm_worker_action action)
{
    return mm_worker_process_explain(process, actions[action].run(process), actions[action].name);
}

void mm_worker_process_release(struct mm_worker_process *process)
{
    struct mm_workload_run *run = &process->run;

    if (run->file != NULL) {
        run->engine->close(&run->file, NULL);
    }
    if (process->prepared) {
        clean_up(process);
    }
    json_decref(process->reported);
    process->reported = NULL;
}
