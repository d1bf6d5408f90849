/* The worker: a small server that prepares one case, takes samples of it, and takes its leave. */
#include "harness/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "harness/command.h"
#include "harness/counters.h"
#include "harness/memory_limit.h"
#include "harness/plan.h"
#include "harness/protocol.h"
#include "harness/series.h"
#include "harness/worker_command.h"
#include "harness/worker_sample.h"

/* A page each: 1 GiB for a moment. */
#define INJECTED_FAULTS_LIMIT (1 << 18)

struct worker {
    struct mm_protocol_channel *channel;
    bool prepared;
    bool failed; /* only finish is accepted */
    bool finished;
    bool sampled;
    struct mm_plan_case plan_case;
    struct mm_plan_file file;
    json_t *files; /* of a command the array of all, else the one, as the launcher sent them */
    struct mm_counters *counters;
    struct mm_memory_limit limit;     /* folder "" without one */
    struct mm_latency_result latency; /* of all samples */
    struct mm_series_room *series;    /* shared with the launcher; NULL when it does not watch */
    json_t *effective;
};

/* Takes over answer. */
static int send_answer(struct worker *worker, json_t *answer)
{
    if (answer == NULL) {
        return -ENOMEM;
    }
    int code = mm_protocol_send(worker->channel, answer, NULL);
    json_decref(answer);
    return code;
}

static int send_failure(struct worker *worker, const char *kind, int signal_number,
                        const char *reason)
{
    json_t *failure = json_pack("{s:s, s:o}", "kind", kind, "reason", mm_protocol_text(reason));

    worker->failed = true;
    if (failure == NULL) {
        return -ENOMEM;
    }
    if (signal_number > 0) {
        json_object_set_new(failure, "signal", json_integer(signal_number));
    }
    return send_answer(worker, json_pack("{s:b, s:o}", "ok", 0, "failure", failure));
}

static int open_counters(struct worker *worker, struct mm_error *error)
{
    const char *events[MM_COUNTERS_EVENTS_MAX];
    size_t count = 0;
    size_t index;
    json_t *event;

    if (worker->plan_case.counters_off) {
        return mm_counters_open_off(&worker->counters, error);
    }
    json_array_foreach(worker->plan_case.events, index, event)
    {
        events[count++] = json_string_value(event);
    }
    return mm_counters_open(events, count, &worker->counters, error);
}

/* A launcher of another build may not offer it; then there is no series. */
static void enter_series(struct worker *worker, const json_t *request)
{
    const json_t *descriptor = json_object_get(request, "series");

    if (json_is_integer(descriptor) && worker->series == NULL) {
        worker->series = mm_series_attach((int)json_integer_value(descriptor));
    }
}

static int prepare(struct worker *worker, const json_t *request)
{
    struct mm_error error = {0};
    long long protocol = (long long)json_integer_value(json_object_get(request, "protocol"));

    if (worker->prepared) {
        return send_failure(worker, "protocol", 0, "the worker was prepared twice");
    }
    if (protocol != MM_PROTOCOL_VERSION) {
        mm_error_set(&error, -EPROTO,
                     "the launcher speaks protocol %lld, this worker %d: use the "
                     "worker of the same release",
                     protocol, MM_PROTOCOL_VERSION);
        return send_failure(worker, "protocol", 0, error.text);
    }
    int code =
        mm_plan_case_from_json(json_object_get(request, "case"), json_object_get(request, "file"),
                               &worker->plan_case, &worker->file, &error);
    if (code == 0) {
        worker->prepared = true;
        enter_series(worker, request);
        worker->files = json_incref(json_object_get(request, "file"));
        if (worker->plan_case.needs.processes == 0) {
            worker->plan_case.needs.processes = 1;
        }
        code = open_counters(worker, &error);
    }
    if (code < 0) {
        return send_failure(worker, "error", 0, error.text);
    }
    if (worker->plan_case.cache == MM_CACHE_PRESSURE) {
        code = mm_memory_limit_enter(&mm_memory_limit_this_system,
                                     worker->plan_case.memory_limit_bytes, &worker->limit, &error);
    }
    if (code < 0) {
        return send_failure(worker, "cache", 0, error.text);
    }
    return send_answer(worker, json_pack("{s:b, s:i}", "ok", 1, "pid", (int)getpid()));
}

static int read_sample_request(const struct worker *worker, const json_t *request,
                               struct mm_worker_sample_request *wanted, struct mm_error *error)
{
    const json_t *seed = json_object_get(request, "seed");
    const json_t *iterations = json_object_get(request, "iterations");
    const json_t *inject = json_object_get(request, "inject");
    const json_t *delay = json_object_get(inject, "delay_share");
    const json_t *faults = json_object_get(inject, "faults");

    *wanted = (struct mm_worker_sample_request){
        .plan_case = &worker->plan_case,
        .file = &worker->file,
        .counters = worker->counters,
        .series = worker->series,
        .file_json = worker->files,
        .limit = worker->limit.folder[0] != '\0' ? &worker->limit : NULL,
        .first = !worker->sampled,
        .injection = {.delay_share = delay == NULL ? 0 : json_number_value(delay)},
    };
    if (!worker->prepared) {
        return mm_error_set(error, -EPROTO, "a sample was asked for before a case was prepared");
    }
    if (!json_is_string(seed) || mm_text_parse_hex(json_string_value(seed), &wanted->seed) < 0) {
        return mm_error_set(error, -EPROTO, "the seed of a sample is not hex text");
    }
    if (!json_is_integer(iterations) || json_integer_value(iterations) < 1) {
        return mm_error_set(error, -EPROTO, "the iterations of a sample are not a count");
    }
    if (!(wanted->injection.delay_share >= 0 && wanted->injection.delay_share <= 100)) {
        return mm_error_set(error, -EPROTO, "the delay to inject is not a share");
    }
    if (faults != NULL &&
        !(json_integer_value(faults) >= 0 && json_integer_value(faults) <= INJECTED_FAULTS_LIMIT)) {
        return mm_error_set(error, -EPROTO, "the faults to inject are not a count");
    }
    wanted->injection.faults = (uint64_t)json_integer_value(faults);
    wanted->iterations = (uint64_t)json_integer_value(iterations);
    return 0;
}

static int sample(struct worker *worker, const json_t *request)
{
    struct mm_worker_sample_request wanted;
    struct mm_worker_failure failure = {0};
    struct mm_error error = {0};
    json_t *taken = NULL;

    int code = read_sample_request(worker, request, &wanted, &error);
    if (code < 0) {
        return send_failure(worker, "protocol", 0, error.text);
    }
    worker->sampled = true;
    if (worker->plan_case.workload == &mm_command_workload) {
        code = mm_worker_command_sample(&worker->plan_case, worker->files, worker->counters,
                                        worker->series, &taken, &failure);
    } else {
        code = mm_worker_sample(&wanted, &worker->latency, worker->effective, &taken, &failure);
    }
    if (code < 0) {
        return send_failure(worker, failure.kind, failure.signal, failure.error.text);
    }
    return send_answer(worker, json_pack("{s:b, s:o}", "ok", 1, "sample", taken));
}

/* NULL when nothing was recorded. */
static json_t *histograms_to_json(const struct mm_latency_result *latency)
{
    json_t *histograms = NULL;

    for (int i = 0; i < MM_LATENCY_COUNT; i++) {
        if (latency->histograms[i].count == 0) {
            continue;
        }
        if (histograms == NULL) {
            histograms = json_object();
        }
        json_object_set_new(histograms, mm_latency_name((enum mm_latency)i),
                            mm_histogram_to_json(&latency->histograms[i], "ns"));
    }
    return histograms;
}

static int finish(struct worker *worker)
{
    json_t *launch = json_object();

    worker->finished = true;
    if (launch == NULL) {
        return -ENOMEM;
    }
    json_object_set_new(launch, "histograms", histograms_to_json(&worker->latency));
    if (worker->counters != NULL) {
        json_object_set_new(launch, "counter_quality",
                            mm_counters_quality_to_json(worker->counters));
    }
    json_object_set(launch, "effective", worker->effective);
    return send_answer(worker, json_pack("{s:b, s:o}", "ok", 1, "launch", launch));
}

static int serve_request(struct worker *worker, const json_t *request)
{
    const char *wanted = json_string_value(json_object_get(request, "do"));

    if (wanted != NULL && strcmp(wanted, "finish") == 0) {
        return finish(worker);
    }
    if (worker->failed) {
        return send_failure(worker, "protocol", 0, "after a failure only finish is accepted");
    }
    if (wanted != NULL && strcmp(wanted, "prepare") == 0) {
        return prepare(worker, request);
    }
    if (wanted != NULL && strcmp(wanted, "sample") == 0) {
        return sample(worker, request);
    }
    return send_failure(worker, "protocol", 0, "the worker knows prepare, sample and finish");
}

static int serve(struct worker *worker)
{
    while (!worker->finished) {
        json_t *request = NULL;
        int code = mm_protocol_receive(worker->channel, 0, &request, NULL);
        if (code == -EINTR) {
            continue;
        }
        if (code < 0) {
            return code == -ENODATA ? 0 : code;
        }
        code = serve_request(worker, request);
        json_decref(request);
        if (code < 0) {
            return code;
        }
    }
    return 0;
}

int mm_worker_serve(int channel_descriptor)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    if (worker == NULL) {
        close(channel_descriptor);
        return 1;
    }
    mm_latency_reset(&worker->latency);
    worker->effective = json_object();
    int code = mm_protocol_channel_open(channel_descriptor, &worker->channel);
    if (code == 0) {
        code = worker->effective == NULL ? -ENOMEM : serve(worker);
    }
    mm_counters_close(worker->counters);
    mm_series_detach(worker->series);
    if (worker->prepared) {
        mm_plan_case_release(&worker->plan_case);
        mm_plan_file_release(&worker->file);
        json_decref(worker->files);
    }
    json_decref(worker->effective);
    mm_protocol_channel_close(worker->channel);
    free(worker);
    return code < 0 ? 1 : 0;
}
