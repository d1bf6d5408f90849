/* One sample, from the cache state to the proof of the work. */
#include "harness/worker_sample.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/text.h"
#include "harness/gbench/gbench.h"
#include "harness/machine_activity.h"
#include "harness/worker_cache.h"
#include "harness/worker_process.h"
#include "results/record.h"

struct sample {
    const struct mm_worker_sample_request *request;
    struct mm_worker_failure *failure;
    void *shared;
    size_t shared_bytes;
    struct mm_worker_result *result; /* of the whole sample */
    /* Does everything when the case has one process; verifies in any case. */
    struct mm_worker_process process;
    struct mm_peers *peers; /* NULL with one process */
    uint64_t *skews_ns;     /* per peer, the largest of all passes */
    struct mm_worker_cache cache;
    struct mm_machine_places places;
    struct mm_series_source series_source;
    struct mm_machine_reading machine_before; /* the first pass */
    struct mm_machine_reading machine_after;  /* the last pass */
    /* What Google Benchmark's reporter delivered. */
    bool delivered;
    double elapsed_ns;
    double cpu_ns;
    const char *read_back; /* where the proof of writes was read from; NULL without writes */
};

static int fail_with_process(struct sample *sample, int code, const char *kind)
{
    if (code < 0) {
        sample->failure->kind = kind;
        sample->failure->error = sample->process.error;
    }
    return code;
}

static int step(struct sample *sample, enum mm_worker_action action)
{
    if (sample->peers != NULL) {
        return mm_peers_do(sample->peers, action, NULL, sample->failure);
    }
    return fail_with_process(sample, mm_worker_process_do(&sample->process, action), "error");
}

static bool is_file_backed(const struct mm_worker_sample_request *request)
{
    return (request->plan_case->engine->capabilities & MM_ENGINE_FILE_BACKED) != 0;
}

static int check_request(const struct mm_worker_sample_request *request,
                         struct mm_worker_failure *failure)
{
    const struct mm_plan_case *plan_case = request->plan_case;
    bool file_backed = is_file_backed(request);

    failure->kind = "error";
    if (plan_case->needs.writes && !request->file->writable) {
        return mm_error_set(&failure->error, -EACCES,
                            "case '%s' writes, but its file '%s' is not for writing",
                            plan_case->name, request->file->path);
    }
    if (plan_case->needs.processes > 1 && !file_backed) {
        return mm_error_set(&failure->error, -ENOTSUP,
                            "engine '%s' has no file that %u processes could share",
                            plan_case->engine->name, plan_case->needs.processes);
    }
    if (plan_case->cache == MM_CACHE_COLD && request->iterations > 1) {
        failure->kind = "cache";
        return mm_error_set(&failure->error, -EINVAL,
                            "a cold sample has one iteration, the second would be warm; asked for "
                            "%llu",
                            (unsigned long long)request->iterations);
    }
    return 0;
}

static int set_up(struct sample *sample)
{
    const struct mm_worker_sample_request *request = sample->request;
    const struct mm_workload_needs *needs = &request->plan_case->needs;

    sample->failure->kind = "error";
    mm_machine_places(request->file->path, &sample->places);
    mm_series_set_source(&sample->series_source,
                         is_file_backed(request) ? request->file_json : NULL);
    sample->series_source.places = sample->places;
    sample->result = calloc(1, sizeof(*sample->result));
    sample->skews_ns = calloc(needs->processes, sizeof(*sample->skews_ns));
    if (needs->shared_bytes > 0) {
        void *shared = mmap(NULL, needs->shared_bytes, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        sample->shared = shared == MAP_FAILED ? NULL : shared;
        sample->shared_bytes = needs->shared_bytes;
    }
    if (sample->result == NULL || sample->skews_ns == NULL ||
        (needs->shared_bytes > 0 && sample->shared == NULL)) {
        return mm_error_set(&sample->failure->error, -ENOMEM, "no memory for a sample");
    }
    int code =
        mm_worker_process_init(&sample->process, request->plan_case, request->file,
                               request->counters, request->seed, 0, sample->shared, sample->result);
    if (code < 0) {
        return mm_error_set(&sample->failure->error, code, "no memory for a sample");
    }
    sample->process.injection = request->injection;
    sample->process.series = request->series;
    if (needs->processes > 1) {
        code = mm_peers_start(request->plan_case, request->file, request->counters, request->seed,
                              &request->injection, sample->shared, request->series, &sample->peers,
                              sample->failure);
    }
    return code;
}

static void tear_down(struct sample *sample)
{
    mm_peers_stop(sample->peers);
    mm_worker_process_release(&sample->process);
    if (sample->shared != NULL) {
        munmap(sample->shared, sample->shared_bytes);
    }
    free(sample->skews_ns);
    free(sample->result);
}

static int open_and_warm_up(struct sample *sample)
{
    int code = step(sample, MM_WORKER_OPEN);
    for (uint32_t i = 0; code == 0 && i < sample->request->plan_case->warmup_passes; i++) {
        code = step(sample, MM_WORKER_WARM_UP);
        sample->process.run.warm_passes += code == 0 && sample->peers != NULL;
    }
    if (code == 0) {
        code = mm_worker_cache_warmed_up(sample->request->plan_case, sample->request->file,
                                         &sample->cache, sample->failure);
    }
    if (code == 0) {
        code = step(sample, MM_WORKER_BEGIN);
    }
    mm_machine_read(&sample->places, &sample->machine_before);
    if (code == 0) {
        mm_series_begin(&sample->series_source, sample->request->series);
    }
    return code;
}

static uint64_t work_ns(const uint64_t phase_ns[MM_PHASE_COUNT])
{
    return phase_ns[MM_PHASE_TOUCH] + phase_ns[MM_PHASE_COMPUTE] + phase_ns[MM_PHASE_FLUSH];
}

/*
 * A pass of all peers lasts from the release of the barrier to the end of the last one. Its phases
 * are those of that last peer; its start skew and its readings of counters count as touch.
 */
static int pass_of_peers(struct sample *sample, uint64_t *elapsed_ns)
{
    struct mm_worker_phase *phases = sample->result->phases;
    uint64_t released_ns = 0;
    const struct mm_worker_result *last = NULL;

    int code = mm_peers_do(sample->peers, MM_WORKER_PASS, &released_ns, sample->failure);
    if (code < 0) {
        return code;
    }
    for (uint32_t peer = 0; peer < mm_peers_count(sample->peers); peer++) {
        const struct mm_worker_result *result = mm_peers_result(sample->peers, peer);
        uint64_t skew_ns = result->pass_started_ns - released_ns;
        if (skew_ns > sample->skews_ns[peer]) {
            sample->skews_ns[peer] = skew_ns;
        }
        if (last == NULL || result->pass_ended_ns > last->pass_ended_ns) {
            last = result;
        }
    }
    *elapsed_ns = last->pass_ended_ns - released_ns;
    uint64_t compute_ns = last->pass_phase_ns[MM_PHASE_COMPUTE];
    uint64_t flush_ns = last->pass_phase_ns[MM_PHASE_FLUSH];
    phases[MM_PHASE_COMPUTE].elapsed_ns += compute_ns;
    phases[MM_PHASE_FLUSH].elapsed_ns += flush_ns;
    phases[MM_PHASE_TOUCH].elapsed_ns += *elapsed_ns - compute_ns - flush_ns;
    sample->process.run.passes++;
    return 0;
}

static int pass(struct sample *sample, uint64_t *elapsed_ns)
{
    if (sample->peers != NULL) {
        return pass_of_peers(sample, elapsed_ns);
    }
    int code = step(sample, MM_WORKER_PASS);
    if (code == 0) {
        *elapsed_ns = work_ns(sample->result->pass_phase_ns);
    }
    return code;
}

/* The benchmark that Google Benchmark runs. */
static void measure_body(struct gbench_state *state, void *context)
{
    struct sample *sample = context;

    int code = open_and_warm_up(sample);
    if (code < 0) {
        gbench_skip_with_error(state, sample->failure->error.text);
        return;
    }
    while (gbench_keep_running(state)) {
        uint64_t elapsed_ns = 0;
        code = pass(sample, &elapsed_ns);
        if (code < 0) {
            gbench_skip_with_error(state, sample->failure->error.text);
            return;
        }
        gbench_set_iteration_time(state, (double)elapsed_ns * 1e-9);
    }
    mm_series_end(&sample->series_source, sample->request->series);
    mm_machine_read(&sample->places, &sample->machine_after);
}

static void keep_delivered(const struct gbench_result *result, void *context)
{
    struct sample *sample = context;

    if (!result->aggregate && result->error == NULL) {
        sample->delivered = true;
        sample->elapsed_ns = result->real_time_ns;
        sample->cpu_ns = result->cpu_time_ns;
    }
}

static int measure(struct sample *sample)
{
    struct mm_error *error = &sample->failure->error;
    int code = -ENOMEM;

    struct gbench_benchmark *benchmark =
        gbench_register(sample->request->plan_case->name, measure_body, sample);
    if (benchmark != NULL) {
        code = gbench_set_iterations(benchmark, (int64_t)sample->request->iterations);
    }
    if (code == 0) {
        code = gbench_set_repetitions(benchmark, 1);
    }
    if (code == 0) {
        code = gbench_use_manual_time(benchmark);
    }
    if (code == 0) {
        code = gbench_measure_process_cpu_time(benchmark);
    }
    if (code == 0) {
        code = gbench_run(NULL, keep_delivered, sample, NULL);
    }
    gbench_clear();
    if (error->code < 0) {
        return error->code;
    }
    if (code < 0 || !sample->delivered) {
        code = code < 0 ? code : -EPROTO;
        sample->failure->kind = "error";
        return mm_error_set(error, code, "Google Benchmark delivered no result: %s",
                            strerror(-code));
    }
    return 0;
}

static void add_total(struct mm_counters_total *into, const struct mm_counters_total *from,
                      size_t count, bool first)
{
    for (size_t i = 0; i < count; i++) {
        into->value[i] += from->value[i];
        into->valid[i] = from->valid[i] && (first || into->valid[i]);
    }
}

static void add_io(struct mm_worker_io *into, const struct mm_worker_io *from, bool first)
{
    into->valid = from->valid && (first || into->valid);
    into->read_bytes_with_open += from->read_bytes_with_open;
    into->read_bytes += from->read_bytes;
    into->written_bytes += from->written_bytes;
    if (!from->valid) {
        memcpy(into->why_unavailable, from->why_unavailable, sizeof(into->why_unavailable));
    }
}

/* What the peers have counted, into the result of the sample. */
static void collect_work(struct sample *sample)
{
    struct mm_workload_run *run = &sample->process.run;
    struct mm_worker_result *into = sample->result;

    if (sample->peers == NULL) {
        return;
    }
    for (uint32_t peer = 0; peer < mm_peers_count(sample->peers); peer++) {
        const struct mm_worker_result *from = mm_peers_result(sample->peers, peer);
        run->checksum += from->checksum;
        run->bytes += from->bytes;
        run->items += from->items;
        mm_latency_merge(&into->latency, &from->latency);
        add_io(&into->io, &from->io, peer == 0);
        if (peer == 0) {
            memcpy(into->effective, from->effective, sizeof(into->effective));
        }
    }
}

/* Open and close go on in all peers at once: the slowest one's time is the sample's. */
static void collect_phases(struct sample *sample)
{
    size_t counters = mm_counters_count(sample->request->counters);

    for (uint32_t peer = 0; sample->peers != NULL && peer < mm_peers_count(sample->peers); peer++) {
        const struct mm_worker_result *from = mm_peers_result(sample->peers, peer);
        for (int i = 0; i < MM_PHASE_COUNT; i++) {
            struct mm_worker_phase *phase = &sample->result->phases[i];
            bool outside = i == MM_PHASE_OPEN || i == MM_PHASE_CLOSE;
            if (outside && from->phases[i].elapsed_ns > phase->elapsed_ns) {
                phase->elapsed_ns = from->phases[i].elapsed_ns;
            }
            phase->entries += from->phases[i].entries;
            add_total(&phase->counters, &from->phases[i].counters, counters, peer == 0);
        }
    }
}

/* Bytes that were written have to be on storage to be proven: the file leaves the page cache. */
static void choose_read_back(struct sample *sample)
{
    const struct mm_plan_case *plan_case = sample->request->plan_case;
    struct mm_cache_residency residency;

    if (!plan_case->needs.writes) {
        return;
    }
    if ((plan_case->engine->capabilities & MM_ENGINE_FILE_BACKED) == 0) {
        sample->read_back = "from the engine's memory";
        return;
    }
    int code = mm_cache_make_cold(sample->request->file->path, &residency, NULL);
    sample->read_back = "from the page cache";
    if (code == 0) {
        sample->read_back = "from storage";
    } else if (code == -ENODATA) {
        sample->read_back = "after an eviction that could not be verified";
    }
}

static int verify(struct sample *sample)
{
    struct mm_workload_run *run = &sample->process.run;
    char got[MM_TEXT_HEX_BYTES];
    char expected[MM_TEXT_HEX_BYTES];

    choose_read_back(sample);
    int code = sample->request->plan_case->workload->verify(run);
    if (code < 0) {
        mm_worker_process_explain(&sample->process, code, "verify");
        return fail_with_process(sample, code, code == -EBADMSG ? "checksum" : "error");
    }
    if (run->checksum != run->expected_checksum) {
        sample->failure->kind = "checksum";
        return mm_error_set(&sample->failure->error, -EBADMSG,
                            "the bytes have checksum %s, they should have %s",
                            mm_text_write_hex(run->checksum, got),
                            mm_text_write_hex(run->expected_checksum, expected));
    }
    return 0;
}

/* An engine without a file is read back while it is open; all others after they have let go. */
static int prove_and_close(struct sample *sample)
{
    bool file_backed =
        (sample->request->plan_case->engine->capabilities & MM_ENGINE_FILE_BACKED) != 0;

    int code = file_backed ? 0 : verify(sample);
    if (code == 0) {
        code = step(sample, MM_WORKER_CLOSE);
    }
    if (code == 0) {
        collect_phases(sample);
        code = file_backed ? verify(sample) : 0;
    }
    return code == 0 ? step(sample, MM_WORKER_CLEAN_UP) : code;
}

/* A workload that promises to time its operations and forgets to would measure nothing. */
static int check_operations(const struct sample *sample)
{
    const struct mm_plan_case *plan_case = sample->request->plan_case;

    if (!plan_case->measures_latency || sample->result->latency.operations > 0) {
        return 0;
    }
    sample->failure->kind = "error";
    return mm_error_set(&sample->failure->error, -EPROTO,
                        "workload '%s' plans %llu timed operations, but began none: its touch has "
                        "to call mm_operation_begin",
                        plan_case->workload->name,
                        (unsigned long long)plan_case->needs.operations_per_pass);
}

static int take(struct sample *sample)
{
    const struct mm_worker_sample_request *request = sample->request;

    int code = step(sample, MM_WORKER_PREPARE);
    if (request->limit != NULL) {
        sample->cache.limit = *request->limit;
    }
    if (code == 0) {
        code = mm_worker_cache_prepare(request->plan_case, request->file, request->first,
                                       &sample->cache, sample->failure);
    }
    if (code == 0) {
        code = measure(sample);
    }
    if (code == 0) {
        code = step(sample, MM_WORKER_END);
    }
    if (code == 0) {
        collect_work(sample);
        code = check_operations(sample);
    }
    if (code == 0) {
        code = mm_worker_cache_confirm(request->plan_case, request->file, &sample->result->io,
                                       &sample->cache, sample->failure);
    }
    return code == 0 ? prove_and_close(sample) : code;
}

static json_t *integer(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *hex(uint64_t value)
{
    char text[MM_TEXT_HEX_BYTES];

    return json_string(mm_text_write_hex(value, text));
}

static json_t *phases_to_json(const struct mm_counters *counters,
                              const struct mm_worker_result *result)
{
    json_t *phases = json_object();

    for (int i = 0; i < MM_PHASE_COUNT; i++) {
        const struct mm_worker_phase *phase = &result->phases[i];
        if (phase->entries == 0) {
            continue;
        }
        json_object_set_new(phases, mm_phase_name((enum mm_phase)i),
                            json_pack("{s:o, s:o, s:o}", "elapsed_ns", integer(phase->elapsed_ns),
                                      "entries", integer(phase->entries), "counters",
                                      mm_counters_total_to_json(counters, &phase->counters)));
    }
    return phases;
}

static json_t *device_to_json(const struct mm_worker_io *io)
{
    if (!io->valid) {
        return json_pack("{s:o, s:o}", "read_bytes", mm_record_unavailable(io->why_unavailable),
                         "written_bytes", mm_record_unavailable(io->why_unavailable));
    }
    return json_pack("{s:o, s:o}", "read_bytes", integer(io->read_bytes), "written_bytes",
                     integer(io->written_bytes));
}

static json_t *peers_to_json(const struct sample *sample)
{
    json_t *peers = json_array();

    for (uint32_t peer = 0; peer < mm_peers_count(sample->peers); peer++) {
        const struct mm_worker_result *result = mm_peers_result(sample->peers, peer);
        json_array_append_new(peers, json_pack("{s:o, s:o, s:o, s:o, s:o}", "peer", integer(peer),
                                               "start_skew_ns", integer(sample->skews_ns[peer]),
                                               "bytes", integer(result->bytes), "items",
                                               integer(result->items), "phases",
                                               phases_to_json(sample->request->counters, result)));
    }
    return peers;
}

static json_t *operations_to_json(const struct sample *sample)
{
    const struct mm_latency_result *latency = &sample->result->latency;
    json_t *json = json_pack("{s:o, s:o}", "count", integer(latency->operations), "elapsed_ns",
                             integer(latency->elapsed_ns));

    if (json != NULL && sample->request->plan_case->rate > 0) {
        json_object_set_new(json, "late", integer(latency->late));
        json_object_set_new(json, "queued", integer(latency->queued));
        json_object_set_new(json, "most_late_ns", integer(latency->most_late_ns));
    }
    return json;
}

static json_t *sample_to_json(const struct sample *sample)
{
    const struct mm_workload_run *run = &sample->process.run;
    json_t *cpu_ns = sample->peers == NULL
                         ? integer((uint64_t)llround(sample->cpu_ns))
                         : mm_record_unavailable("the peers' is in their task_clock_ns");

    json_t *json = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:O}",
                             "iterations", integer(sample->request->iterations), "elapsed_ns",
                             integer((uint64_t)llround(sample->elapsed_ns)), "cpu_ns", cpu_ns,
                             "bytes", integer(run->bytes), "items", integer(run->items), "cache",
                             mm_worker_cache_to_json(sample->request->plan_case, &sample->cache),
                             "phases", phases_to_json(sample->request->counters, sample->result),
                             "device", device_to_json(&sample->result->io), "checksum",
                             hex(run->checksum), "expected_checksum", hex(run->expected_checksum),
                             "reported", sample->process.reported);
    if (json != NULL) {
        json_object_set_new(json, "machine",
                            mm_machine_difference(&sample->machine_before, &sample->machine_after));
    }
    if (json != NULL && sample->request->plan_case->measures_latency) {
        json_object_set_new(json, "operations", operations_to_json(sample));
    }
    if (json != NULL && sample->peers != NULL) {
        json_object_set_new(json, "peers", peers_to_json(sample));
    }
    return json;
}

static void keep_effective(const struct sample *sample, json_t *effective)
{
    json_t *described = json_loads(sample->result->effective, 0, NULL);

    if (described != NULL) {
        json_object_update(effective, described);
        json_decref(described);
    }
    if (sample->read_back != NULL) {
        json_object_set_new(effective, "read_back", json_string(sample->read_back));
    }
}

int mm_worker_sample(const struct mm_worker_sample_request *request,
                     struct mm_latency_result *latency, json_t *effective, json_t **sample,
                     struct mm_worker_failure *failure)
{
    struct sample taken = {.request = request, .failure = failure};

    memset(failure, 0, sizeof(*failure));
    int code = check_request(request, failure);
    if (code < 0) {
        return code;
    }
    code = set_up(&taken);
    if (code == 0) {
        code = take(&taken);
    }
    if (code == 0) {
        json_t *json = sample_to_json(&taken);
        if (json == NULL) {
            failure->kind = "error";
            code = mm_error_set(&failure->error, -ENOMEM, "no memory for the result of a sample");
        } else {
            mm_latency_merge(latency, &taken.result->latency);
            keep_effective(&taken, effective);
            *sample = json;
        }
    }
    tear_down(&taken);
    return code;
}
