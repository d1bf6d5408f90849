/* Whatever a worker does, its launcher says what it was and leaves nothing behind. This program is
 * its own worker: the name of the case tells how it is to behave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "harness/launcher.h"
#include "harness/protocol.h"

#define LONG_NS  UINT64_C(30000000000)
#define SHORT_NS UINT64_C(200000000)

/* The worker's side. */

static int answer(struct mm_protocol_channel *channel, json_t *message)
{
    int code = mm_protocol_send(channel, message, NULL);
    json_decref(message);
    return code;
}

static void misbehave(const char *manner)
{
    if (strcmp(manner, "killed") == 0) {
        raise(SIGKILL);
    }
    if (strcmp(manner, "aborts") == 0) {
        fputs("first words\nassertion failed: 1 == 2\n\n", stderr);
        abort();
    }
    if (strcmp(manner, "leaves") == 0) {
        puts("I have had enough");
        exit(3);
    }
    if (strcmp(manner, "garbage") == 0) {
        ssize_t ignored = write(3, "what?\n", 6);
        (void)ignored;
    }
    if (strcmp(manner, "hangs") == 0) {
        for (;;) {
            pause();
        }
    }
    if (strcmp(manner, "loud") == 0) {
        for (int i = 0; i < 100000; i++) {
            puts("a line that nobody wants to read");
        }
    }
}

/* A process that would outlive its parent, in the worker's group. */
static int start_child(void)
{
    pid_t child = fork();
    if (child == 0) {
        close(3);
        for (;;) {
            pause();
        }
    }
    return (int)child;
}

static json_t *failure_of_its_own(void)
{
    return json_pack("{s:b, s:{s:s, s:s}}", "ok", 0, "failure", "kind", "cache", "reason",
                     "not cold");
}

static int serve(struct mm_protocol_channel *channel, json_t *request, char manner[32])
{
    const char *wanted = json_string_value(json_object_get(request, "do"));
    const json_t *case_json = json_object_get(request, "case");

    if (strcmp(wanted, "prepare") == 0) {
        snprintf(manner, 32, "%s", json_string_value(json_object_get(case_json, "name")));
        if (strcmp(manner, "killed early") == 0) {
            raise(SIGKILL);
        }
        return answer(channel, json_pack("{s:b}", "ok", 1));
    }
    if (strcmp(wanted, "finish") == 0) {
        answer(channel, json_pack("{s:b, s:{s:s}}", "ok", 1, "launch", "manner", manner));
        return 1;
    }
    misbehave(manner);
    if (strcmp(manner, "no form") == 0) {
        return answer(channel, json_pack("{s:b}", "ok", 0));
    }
    if (strcmp(manner, "not cold") == 0) {
        return answer(channel, failure_of_its_own());
    }
    return answer(channel,
                  json_pack("{s:b, s:{s:O, s:O, s:i, s:i, s:O*}}", "ok", 1, "sample", "seed",
                            json_object_get(request, "seed"), "iterations",
                            json_object_get(request, "iterations"), "group", (int)getpgrp(),
                            "child", strcmp(manner, "parent") == 0 ? start_child() : 0, "inject",
                            json_object_get(request, "inject")));
}

static int work(void)
{
    struct mm_protocol_channel *channel = NULL;
    char manner[32] = "";
    json_t *request = NULL;

    int code = mm_protocol_channel_open(3, &channel);
    while (code == 0 && mm_protocol_receive(channel, 0, &request, NULL) == 0) {
        code = serve(channel, request, manner);
        json_decref(request);
    }
    mm_protocol_channel_close(channel);
    return 0;
}

/* The launcher's side. */

static struct mm_launcher_worker *start(const char *manner, uint64_t timeout_ns)
{
    struct mm_launcher_worker *worker = NULL;
    struct mm_error error = {0};
    json_t *case_json = json_pack("{s:s}", "name", manner);
    json_t *file_json = json_object();

    int code = mm_launcher_start(NULL, case_json, file_json, 1, timeout_ns, &worker, &error);
    json_decref(case_json);
    json_decref(file_json);
    assert_int_equal(code, 0);
    return worker;
}

/* True when there is no such process, or only its zombie. */
static bool is_gone(pid_t pid)
{
    char path[64];
    char state = 'Z';

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    for (int i = 0; i < 200; i++) {
        FILE *stream = fopen(path, "re");
        if (stream == NULL) {
            return true;
        }
        int read_items = fscanf(stream, "%*d (%*[^)]) %c", &state);
        fclose(stream);
        if (read_items != 1 || state == 'Z' || state == 'X') {
            return true;
        }
        usleep(10000);
    }
    return false;
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* Asks for one sample that has to fail; the failure is the caller's. */
static json_t *failure_of(const char *manner, uint64_t timeout_ns, int expected_code)
{
    struct mm_launcher_worker *worker = start(manner, timeout_ns);
    pid_t pid = mm_launcher_pid(worker);
    json_t *sample = NULL;
    json_t *failure = NULL;

    assert_int_equal(mm_launcher_sample(worker, 1, 1, &sample, &failure), expected_code);
    assert_null(sample);
    assert_non_null(failure);
    mm_launcher_finish(worker, NULL);
    assert_true(is_gone(pid));
    return failure;
}

static void a_worker_gives_samples_and_its_closing_words(void **state)
{
    (void)state;
    struct mm_launcher_worker *worker = start("good", LONG_NS);
    pid_t pid = mm_launcher_pid(worker);
    json_t *failure = NULL;
    json_t *closing = NULL;

    for (uint64_t i = 1; i <= 3; i++) {
        json_t *sample = NULL;
        assert_int_equal(mm_launcher_sample(worker, 10 * i, i, &sample, &failure), 0);
        assert_null(failure);
        assert_int_equal(json_integer_value(json_object_get(sample, "iterations")), i);
        assert_int_equal(json_integer_value(json_object_get(sample, "group")), pid);
        if (i == 1) {
            assert_string_equal(text_of(sample, "seed"), "0x000000000000000a");
        }
        json_decref(sample);
    }
    mm_launcher_finish(worker, &closing);
    assert_string_equal(text_of(closing, "manner"), "good");
    json_decref(closing);
    assert_true(is_gone(pid));
}

static void samples_carry_what_is_to_be_injected(void **state)
{
    (void)state;
    struct mm_launcher_worker *worker = start("good", LONG_NS);
    json_t *inject = json_pack("{s:i}", "faults", 3);
    json_t *failure = NULL;

    for (int i = 0; i < 3; i++) {
        json_t *sample = NULL;
        mm_launcher_inject(worker, i == 1 ? inject : NULL);
        assert_int_equal(mm_launcher_sample(worker, 1, 1, &sample, &failure), 0);
        assert_int_equal(json_equal(json_object_get(sample, "inject"), inject), i == 1);
        json_decref(sample);
    }
    json_decref(inject);
    mm_launcher_finish(worker, NULL);
}

static void a_killed_worker_is_known_by_its_signal(void **state)
{
    (void)state;
    json_t *failure = failure_of("killed", LONG_NS, -ECHILD);

    assert_string_equal(text_of(failure, "kind"), "killed");
    assert_int_equal(json_integer_value(json_object_get(failure, "signal")), SIGKILL);
    json_decref(failure);
}

static void a_worker_killed_before_it_is_prepared_is_known_too(void **state)
{
    (void)state;
    json_t *failure = failure_of("killed early", LONG_NS, -ECHILD);

    assert_string_equal(text_of(failure, "kind"), "killed");
    json_decref(failure);
}

static void the_last_words_of_a_worker_are_in_the_reason(void **state)
{
    (void)state;
    json_t *failure = failure_of("aborts", LONG_NS, -ECHILD);

    assert_string_equal(text_of(failure, "kind"), "killed");
    assert_int_equal(json_integer_value(json_object_get(failure, "signal")), SIGABRT);
    assert_non_null(strstr(text_of(failure, "reason"), "assertion failed: 1 == 2"));
    assert_null(strstr(text_of(failure, "reason"), "first words"));
    json_decref(failure);
}

static void a_worker_that_leaves_is_known_by_its_exit_code(void **state)
{
    (void)state;
    json_t *failure = failure_of("leaves", LONG_NS, -ECHILD);

    assert_string_equal(text_of(failure, "kind"), "exited");
    assert_non_null(strstr(text_of(failure, "reason"), "code 3"));
    assert_non_null(strstr(text_of(failure, "reason"), "I have had enough"));
    json_decref(failure);
}

static void a_worker_that_hangs_is_ended_at_its_limit(void **state)
{
    (void)state;
    json_t *failure = failure_of("hangs", SHORT_NS, -ETIMEDOUT);

    assert_string_equal(text_of(failure, "kind"), "timeout");
    assert_non_null(strstr(text_of(failure, "reason"), "0.2 s"));
    json_decref(failure);
}

static void nonsense_on_the_channel_is_a_failure_of_protocol(void **state)
{
    (void)state;
    static const char *const manners[] = {"garbage", "no form"};

    for (size_t i = 0; i < 2; i++) {
        json_t *failure = failure_of(manners[i], LONG_NS, -EPROTO);
        assert_string_equal(text_of(failure, "kind"), "protocol");
        json_decref(failure);
    }
}

static void a_failure_told_by_the_worker_is_handed_on(void **state)
{
    (void)state;
    json_t *failure = failure_of("not cold", LONG_NS, -EPROTO);

    assert_string_equal(text_of(failure, "kind"), "cache");
    assert_string_equal(text_of(failure, "reason"), "not cold");
    json_decref(failure);
}

static void a_worker_that_prints_much_is_not_held_up(void **state)
{
    (void)state;
    struct mm_launcher_worker *worker = start("loud", LONG_NS);
    json_t *sample = NULL;
    json_t *failure = NULL;

    assert_int_equal(mm_launcher_sample(worker, 1, 1, &sample, &failure), 0);
    json_decref(sample);
    mm_launcher_finish(worker, NULL);
}

static void processes_that_a_worker_has_started_go_with_it(void **state)
{
    (void)state;
    struct mm_launcher_worker *worker = start("parent", LONG_NS);
    json_t *sample = NULL;
    json_t *failure = NULL;

    assert_int_equal(mm_launcher_sample(worker, 1, 1, &sample, &failure), 0);
    pid_t child = (pid_t)json_integer_value(json_object_get(sample, "child"));
    json_decref(sample);
    assert_true(child > 0);
    assert_int_equal(kill(child, 0), 0);
    mm_launcher_finish(worker, NULL);
    assert_true(is_gone(child));
}

static void a_program_that_cannot_be_started_is_named_as_the_failure(void **state)
{
    (void)state;
    struct mm_launcher_worker *worker = NULL;
    json_t *nothing = json_object();
    json_t *sample = NULL;
    json_t *failure = NULL;

    assert_int_equal(
        mm_launcher_start("/nonexistent/mapmeter", nothing, nothing, 1, LONG_NS, &worker, NULL), 0);
    assert_int_equal(mm_launcher_sample(worker, 1, 1, &sample, &failure), -ECHILD);
    assert_non_null(strstr(text_of(failure, "reason"), "cannot start the worker program"));
    mm_launcher_finish(worker, NULL);
    json_decref(failure);
    json_decref(nothing);
}

static void ignore(int signal_number)
{
    (void)signal_number;
}

static void a_signal_ends_the_worker_at_once(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = ignore};
    struct sigaction old;
    struct itimerval soon = {.it_value = {.tv_usec = 100000}};
    const struct itimerval never = {0};

    sigaction(SIGALRM, &action, &old);
    /* Again and again: the first may come before the wait has begun. */
    soon.it_interval = soon.it_value;
    setitimer(ITIMER_REAL, &soon, NULL);
    json_t *failure = failure_of("hangs", LONG_NS, -EINTR);
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &old, NULL);
    json_decref(failure);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_gives_samples_and_its_closing_words),
        cmocka_unit_test(samples_carry_what_is_to_be_injected),
        cmocka_unit_test(a_killed_worker_is_known_by_its_signal),
        cmocka_unit_test(a_worker_killed_before_it_is_prepared_is_known_too),
        cmocka_unit_test(the_last_words_of_a_worker_are_in_the_reason),
        cmocka_unit_test(a_worker_that_leaves_is_known_by_its_exit_code),
        cmocka_unit_test(a_worker_that_hangs_is_ended_at_its_limit),
        cmocka_unit_test(nonsense_on_the_channel_is_a_failure_of_protocol),
        cmocka_unit_test(a_failure_told_by_the_worker_is_handed_on),
        cmocka_unit_test(a_worker_that_prints_much_is_not_held_up),
        cmocka_unit_test(processes_that_a_worker_has_started_go_with_it),
        cmocka_unit_test(a_program_that_cannot_be_started_is_named_as_the_failure),
        cmocka_unit_test(a_signal_ends_the_worker_at_once),
    };

    if (argc > 1 && strcmp(argv[1], "worker") == 0) {
        return work();
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
