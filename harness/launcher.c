/* Fresh worker processes: started, asked, timed out, and never left behind. */
#include "harness/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"
#include "harness/clock.h"
#include "harness/memory_limit.h"
#include "harness/protocol.h"
#include "harness/series_observer.h"

#define CHANNEL_DESCRIPTOR 3
#define SERIES_DESCRIPTOR  4

/* Preparing reads a case and opens counters; a loaded machine may take its time for it. */
#define PREPARE_LIMIT_NS UINT64_C(60000000000)
#define FINISH_LIMIT_NS  UINT64_C(10000000000)
/* How long a worker that has closed its channel may take to be gone. */
#define EXIT_LIMIT_NS UINT64_C(2000000000)
#define EXIT_LOOK_NS  1000000L

/* What is kept of the worker's output: the end of it. */
#define OUTPUT_BYTES 4096

struct mm_launcher_worker {
    pid_t pid; /* 0 once it is reaped */
    int status;
    struct mm_protocol_channel *channel;
    int output; /* reading end of the pipe that is the worker's standard output and error */
    char text[OUTPUT_BYTES + 1];
    size_t text_bytes;
    bool prepared;
    uint64_t timeout_ns;
    bool limited;                        /* leaves a control group behind when it ends */
    struct mm_series_observer *observer; /* NULL without a series */
    json_t *inject;                      /* of its samples, or NULL */
};

/* Keeps the last OUTPUT_BYTES of what the worker has printed. */
static void drain_output(struct mm_launcher_worker *worker)
{
    char bytes[OUTPUT_BYTES];

    for (;;) {
        ssize_t got = read(worker->output, bytes, sizeof(bytes));
        if (got <= 0) {
            return;
        }
        size_t length = (size_t)got;
        size_t room = OUTPUT_BYTES - worker->text_bytes;
        if (length > room) {
            size_t lost = length - room;
            memmove(worker->text, worker->text + lost, worker->text_bytes - lost);
            worker->text_bytes -= lost;
        }
        memcpy(worker->text + worker->text_bytes, bytes, length);
        worker->text_bytes += length;
        worker->text[worker->text_bytes] = '\0';
    }
}

/* The last line that is not empty, or NULL; cuts the text after it. */
static const char *last_line(struct mm_launcher_worker *worker)
{
    drain_output(worker);
    size_t end = worker->text_bytes;
    while (end > 0 && strchr(" \t\r\n", worker->text[end - 1]) != NULL) {
        end--;
    }
    if (end == 0) {
        return NULL;
    }
    worker->text[end] = '\0';
    const char *newline = strrchr(worker->text, '\n');
    return newline == NULL ? worker->text : newline + 1;
}

/* The child's side of fork; only what is safe there. */
static _Noreturn void become_worker(const char *binary, pid_t launcher, int channel, int output,
                                    int series)
{
    static const char cannot[] = "cannot start the worker program\n";
    char *arguments[] = {"mapmeter", "worker", "--channel", "3", NULL};
    sigset_t none;

    setpgid(0, 0);
    /* The launcher may have died before prctl could take notice of it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != launcher) {
        _exit(127);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int nothing = open("/dev/null", O_RDONLY);
    if (nothing >= 0) {
        dup2(nothing, STDIN_FILENO);
        if (nothing > STDERR_FILENO) {
            close(nothing);
        }
    }
    /* All of them stand above SERIES_DESCRIPTOR, so none is overwritten here. */
    series = series < 0 ? -1 : fcntl(series, F_DUPFD_CLOEXEC, SERIES_DESCRIPTOR + 1);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    dup2(channel, CHANNEL_DESCRIPTOR);
    if (series >= 0) {
        dup2(series, SERIES_DESCRIPTOR);
    }
    execv(binary, arguments);
    ssize_t ignored = write(STDERR_FILENO, cannot, sizeof(cannot) - 1);
    (void)ignored;
    _exit(127);
}

/* Moves descriptor above those that the worker has fixed; close-on-exec. */
static int move_up(int *descriptor)
{
    int moved = fcntl(*descriptor, F_DUPFD_CLOEXEC, SERIES_DESCRIPTOR + 1);
    if (moved < 0) {
        return -errno;
    }
    close(*descriptor);
    *descriptor = moved;
    return 0;
}

static void close_if_open(int descriptor)
{
    if (descriptor >= 0) {
        close(descriptor);
    }
}

/*
 * The worker's output goes into a pipe that nobody empties during a measurement: its writing end
 * does not block, so that a workload that prints without end loses text and not its time.
 */
static int spawn(struct mm_launcher_worker *worker, const char *binary)
{
    int channel[2] = {-1, -1};
    int output[2] = {-1, -1};
    int code = 0;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) < 0 ||
        pipe2(output, O_CLOEXEC | O_NONBLOCK) < 0) {
        code = -errno;
        goto cleanup;
    }
    code = move_up(&channel[1]);
    if (code == 0) {
        code = move_up(&output[1]);
    }
    if (code < 0) {
        goto cleanup;
    }
    code = mm_protocol_channel_open(channel[0], &worker->channel);
    channel[0] = -1;
    if (code < 0) {
        goto cleanup;
    }
    pid_t launcher = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        code = -errno;
        goto cleanup;
    }
    if (pid == 0) {
        become_worker(binary != NULL ? binary : "/proc/self/exe", launcher, channel[1], output[1],
                      mm_series_observer_descriptor(worker->observer));
    }
    /* On both sides of fork, so that the group exists whoever runs first. */
    setpgid(pid, pid);
    worker->pid = pid;
    worker->output = output[0];
    output[0] = -1;

cleanup:
    close_if_open(channel[0]);
    close_if_open(channel[1]);
    close_if_open(output[0]);
    close_if_open(output[1]);
    return code;
}

static bool has_ended(struct mm_launcher_worker *worker)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)worker->pid, &info, WEXITED | WNOWAIT | WNOHANG) == 0 &&
           info.si_pid == worker->pid;
}

/* Waits at most limit_ns for the worker to end by itself, then ends its whole group: the leader is
 * not reaped before, so the group cannot be another's by then. */
static void end_worker(struct mm_launcher_worker *worker, uint64_t limit_ns)
{
    static const struct timespec look = {.tv_nsec = EXIT_LOOK_NS};
    uint64_t deadline_ns = mm_clock_ns() + limit_ns;

    if (worker->pid == 0) {
        return;
    }
    while (!has_ended(worker) && mm_clock_ns() < deadline_ns) {
        nanosleep(&look, NULL);
    }
    kill(-worker->pid, SIGKILL);
    while (waitpid(worker->pid, &worker->status, 0) < 0 && errno == EINTR) {
    }
    worker->pid = 0;
}

static json_t *make_failure(struct mm_launcher_worker *worker, const char *kind, int signal_number,
                            const char *reason)
{
    const char *line = last_line(worker);
    struct mm_error text = {0};

    /* mm_error_set also replaces what is not printable, and cuts. */
    if (line == NULL) {
        mm_error_set(&text, -EPROTO, "%s", reason);
    } else {
        mm_error_set(&text, -EPROTO, "%s; its last words: %.300s", reason, line);
    }
    json_t *failure = json_pack("{s:s, s:o}", "kind", kind, "reason", mm_protocol_text(text.text));
    if (failure != NULL && signal_number > 0) {
        json_object_set_new(failure, "signal", json_integer(signal_number));
    }
    return failure;
}

/* The worker has gone, or has to go: says how it ended. */
static json_t *describe_end(struct mm_launcher_worker *worker)
{
    struct mm_error reason = {0};
    int signal_number = 0;
    const char *kind = "exited";

    end_worker(worker, EXIT_LIMIT_NS);
    if (WIFSIGNALED(worker->status)) {
        kind = "killed";
        signal_number = WTERMSIG(worker->status);
        mm_error_set(&reason, -EPROTO, "the worker was killed by signal %d (%s)", signal_number,
                     strsignal(signal_number));
    } else {
        mm_error_set(&reason, -EPROTO, "the worker exited with code %d before it answered",
                     WEXITSTATUS(worker->status));
    }
    return make_failure(worker, kind, signal_number, reason.text);
}

static json_t *describe_timeout(struct mm_launcher_worker *worker, uint64_t limit_ns)
{
    struct mm_error reason = {0};

    end_worker(worker, 0);
    mm_error_set(&reason, -ETIMEDOUT, "no answer within %.3g s; the worker was ended",
                 (double)limit_ns * 1e-9);
    return make_failure(worker, "timeout", 0, reason.text);
}

static int fail_without_answer(struct mm_launcher_worker *worker, int code, uint64_t limit_ns,
                               const struct mm_error *error, json_t **failure)
{
    switch (code) {
    case -ENODATA:
    case -EPIPE:
        *failure = describe_end(worker);
        return -ECHILD;
    case -ETIMEDOUT:
        *failure = describe_timeout(worker, limit_ns);
        return code;
    case -EINTR:
        end_worker(worker, 0);
        *failure = make_failure(worker, "killed", SIGKILL, "ended by a signal to mapmeter");
        return code;
    default:
        end_worker(worker, 0);
        *failure = make_failure(worker, "protocol", 0, error->text);
        return -EPROTO;
    }
}

/* Waits for a message and looks at the worker from outside meanwhile, where it is observed. */
static int receive_and_observe(struct mm_launcher_worker *worker, uint64_t deadline_ns,
                               json_t **received, struct mm_error *error)
{
    for (;;) {
        uint64_t look_ns = mm_series_observer_look(worker->observer);
        uint64_t until_ns = look_ns < deadline_ns ? look_ns : deadline_ns;

        *error = (struct mm_error){0};
        int code = mm_protocol_receive(worker->channel, until_ns, received, error);
        if (code != -ETIMEDOUT || mm_clock_ns() >= deadline_ns) {
            return code;
        }
    }
}

/* 0 with an answer that says ok, else a negative errno and *failure. */
static int receive_answer(struct mm_launcher_worker *worker, uint64_t limit_ns, json_t **answer,
                          json_t **failure)
{
    struct mm_error error = {0};
    json_t *received = NULL;

    int code = receive_and_observe(worker, mm_clock_ns() + limit_ns, &received, &error);
    drain_output(worker);
    if (code < 0) {
        return fail_without_answer(worker, code, limit_ns, &error, failure);
    }
    if (json_is_true(json_object_get(received, "ok"))) {
        *answer = received;
        return 0;
    }
    json_t *said = json_object_get(received, "failure");
    if (json_is_string(json_object_get(said, "kind")) &&
        json_is_string(json_object_get(said, "reason"))) {
        *failure = json_incref(said);
    } else {
        *failure = make_failure(worker, "protocol", 0, "the worker's answer is of no known form");
    }
    json_decref(received);
    return -EPROTO;
}

static int send_prepare(struct mm_launcher_worker *worker, const json_t *case_json,
                        const json_t *file_json, uint64_t launch_seed, struct mm_error *error)
{
    char seed[MM_TEXT_HEX_BYTES];
    json_t *request = json_pack("{s:s, s:i, s:O, s:O, s:s}", "do", "prepare", "protocol",
                                MM_PROTOCOL_VERSION, "case", case_json, "file", file_json,
                                "launch_seed", mm_text_write_hex(launch_seed, seed));
    if (worker->observer != NULL) {
        json_object_set_new(request, "series", json_integer(SERIES_DESCRIPTOR));
    }
    if (request == NULL) {
        return mm_error_set(error, -ENOMEM, "no memory to ask a worker");
    }
    int code = mm_protocol_send(worker->channel, request, error);
    json_decref(request);
    /* A worker that is gone already is found out by the first answer. */
    return code == -EPIPE ? 0 : code;
}

int mm_launcher_start(const char *binary, const json_t *case_json, const json_t *file_json,
                      uint64_t launch_seed, uint64_t timeout_ns, struct mm_launcher_worker **worker,
                      struct mm_error *error)
{
    struct mm_launcher_worker *started = calloc(1, sizeof(*started));
    if (started == NULL) {
        return mm_error_set(error, -ENOMEM, "no memory for a worker");
    }
    started->output = -1;
    started->timeout_ns = timeout_ns;
    started->limited = json_object_get(case_json, "pressure") != NULL;
    int code = mm_series_observer_open(case_json, file_json, &started->observer);
    if (code == 0) {
        code = spawn(started, binary);
    }
    if (code < 0) {
        mm_error_set(error, code, "cannot start a worker: %s", strerror(-code));
    } else {
        code = send_prepare(started, case_json, file_json, launch_seed, error);
    }
    if (code < 0) {
        mm_launcher_finish(started, NULL);
        return code;
    }
    *worker = started;
    return 0;
}

int mm_launcher_sample(struct mm_launcher_worker *worker, uint64_t seed, uint64_t iterations,
                       json_t **sample, json_t **failure)
{
    char seed_text[MM_TEXT_HEX_BYTES];
    json_t *answer = NULL;

    if (worker->pid == 0) {
        *failure = make_failure(worker, "protocol", 0, "a sample of a worker that has ended");
        return -ECHILD;
    }
    if (!worker->prepared) {
        int code = receive_answer(worker, PREPARE_LIMIT_NS, &answer, failure);
        if (code < 0) {
            return code;
        }
        json_decref(answer);
        worker->prepared = true;
    }
    json_t *request = json_pack("{s:s, s:s, s:I, s:O*}", "do", "sample", "seed",
                                mm_text_write_hex(seed, seed_text), "iterations",
                                (json_int_t)iterations, "inject", worker->inject);
    struct mm_error error = {0};
    mm_series_observer_begin(worker->observer);
    int code = request == NULL ? mm_error_set(&error, -ENOMEM, "no memory to ask a worker")
                               : mm_protocol_send(worker->channel, request, &error);
    json_decref(request);
    if (code < 0) {
        return fail_without_answer(worker, code, 0, &error, failure);
    }
    code = receive_answer(worker, worker->timeout_ns, &answer, failure);
    if (code < 0) {
        return code;
    }
    json_t *taken = json_incref(json_object_get(answer, "sample"));
    json_decref(answer);
    if (!json_is_object(taken)) {
        json_decref(taken);
        *failure = make_failure(worker, "protocol", 0, "the worker's answer has no sample");
        return -EPROTO;
    }
    json_t *series = mm_series_observer_take(worker->observer);
    if (series != NULL) {
        json_object_set_new(taken, "series", series);
    }
    *sample = taken;
    return 0;
}

/* Asks a worker that is alive to finish; NULL when it has nothing to say. */
static json_t *ask_to_finish(struct mm_launcher_worker *worker)
{
    json_t *request = json_pack("{s:s}", "do", "finish");
    json_t *answer = NULL;
    json_t *failure = NULL;
    json_t *launch = NULL;

    if (request != NULL && mm_protocol_send(worker->channel, request, NULL) == 0 &&
        receive_answer(worker, FINISH_LIMIT_NS, &answer, &failure) == 0) {
        launch = json_incref(json_object_get(answer, "launch"));
    }
    json_decref(request);
    json_decref(answer);
    json_decref(failure);
    return launch;
}

void mm_launcher_inject(struct mm_launcher_worker *worker, json_t *inject)
{
    json_decref(worker->inject);
    worker->inject = json_incref(inject);
}

void mm_launcher_finish(struct mm_launcher_worker *worker, json_t **closing)
{
    json_t *launch = NULL;

    if (worker->pid != 0 && worker->prepared) {
        launch = ask_to_finish(worker);
    }
    end_worker(worker, launch != NULL ? EXIT_LIMIT_NS : 0);
    mm_protocol_channel_close(worker->channel);
    close_if_open(worker->output);
    mm_series_observer_close(worker->observer);
    json_decref(worker->inject);
    if (worker->limited) {
        mm_memory_limit_sweep(&mm_memory_limit_this_system);
    }
    free(worker);
    if (closing != NULL) {
        *closing = launch;
    } else {
        json_decref(launch);
    }
}

pid_t mm_launcher_pid(const struct mm_launcher_worker *worker)
{
    return worker->pid;
}
