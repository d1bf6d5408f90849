/* Messages arrive whole and in order, or the reason why not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/clock.h"
#include "harness/protocol.h"

struct fixture {
    struct mm_protocol_channel *channel;
    int other; /* the raw other end; -1 once closed */
};

static int open_pair(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    int ends[2];

    if (fixture == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        return -1;
    }
    fixture->other = ends[1];
    *state = fixture;
    return mm_protocol_channel_open(ends[0], &fixture->channel);
}

static void close_other(struct fixture *fixture)
{
    if (fixture->other >= 0) {
        close(fixture->other);
    }
    fixture->other = -1;
}

static int close_pair(void **state)
{
    struct fixture *fixture = *state;

    close_other(fixture);
    mm_protocol_channel_close(fixture->channel);
    free(fixture);
    return 0;
}

static void say(const struct fixture *fixture, const char *text)
{
    assert_int_equal(write(fixture->other, text, strlen(text)), strlen(text));
}

static uint64_t soon_ns(void)
{
    return mm_clock_ns() + UINT64_C(20000000);
}

static int receive_number(struct fixture *fixture, json_int_t *number)
{
    json_t *message = NULL;
    struct mm_error error = {0};

    int code = mm_protocol_receive(fixture->channel, soon_ns(), &message, &error);
    if (code == 0) {
        *number = json_integer_value(json_object_get(message, "n"));
        json_decref(message);
    } else {
        assert_null(message);
        assert_int_equal(error.code, code);
        assert_true(strlen(error.text) > 0);
    }
    return code;
}

static void a_message_is_one_line(void **state)
{
    struct fixture *fixture = *state;
    json_t *message = json_pack("{s:s}", "text", "two\nlines");
    char line[64] = "";

    assert_int_equal(mm_protocol_send(fixture->channel, message, NULL), 0);
    json_decref(message);
    assert_true(read(fixture->other, line, sizeof(line) - 1) > 0);
    assert_string_equal(line, "{\"text\":\"two\\nlines\"}\n");
}

static void messages_that_arrive_together_are_received_one_by_one(void **state)
{
    json_int_t number = 0;

    say(*state, "{\"n\": 1}\n{\"n\": 2}\n{\"n\"");
    assert_int_equal(receive_number(*state, &number), 0);
    assert_int_equal(number, 1);
    assert_int_equal(receive_number(*state, &number), 0);
    assert_int_equal(number, 2);
    assert_int_equal(receive_number(*state, &number), -ETIMEDOUT);
    say(*state, ": 3}\n");
    assert_int_equal(receive_number(*state, &number), 0);
    assert_int_equal(number, 3);
}

static void silence_ends_at_the_deadline(void **state)
{
    json_int_t number = 0;

    assert_int_equal(receive_number(*state, &number), -ETIMEDOUT);
}

static void a_closed_end_is_told_from_silence(void **state)
{
    struct fixture *fixture = *state;
    json_int_t number = 0;

    say(fixture, "{\"n\": 7}\n{\"cut off");
    close_other(fixture);
    assert_int_equal(receive_number(fixture, &number), 0);
    assert_int_equal(number, 7);
    assert_int_equal(receive_number(fixture, &number), -ENODATA);
}

static void what_is_not_a_json_object_is_refused(void **state)
{
    static const char *const lines[] = {"hello\n", "[1]\n",          "7\n",
                                        "\n",      "{\"n\": 1} x\n", "{\"n\": 1, \"n\": 2}\n"};
    json_int_t number = 0;

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        say(*state, lines[i]);
        assert_int_equal(receive_number(*state, &number), -EBADMSG);
    }
    say(*state, "{\"n\": 5}\n");
    assert_int_equal(receive_number(*state, &number), 0);
    assert_int_equal(number, 5);
}

static void a_message_to_nobody_fails_without_a_signal(void **state)
{
    struct fixture *fixture = *state;
    json_t *message = json_object();
    struct mm_error error = {0};

    close_other(fixture);
    assert_int_equal(mm_protocol_send(fixture->channel, message, &error), -EPIPE);
    assert_int_equal(error.code, -EPIPE);
    json_decref(message);
}

/* More than a socket buffers: sender and receiver have to take turns. */
static void a_long_message_arrives_whole(void **state)
{
    struct fixture *fixture = *state;
    size_t length = (size_t)3 << 20;
    char *text = malloc(length + 1);
    json_t *received = NULL;

    assert_non_null(text);
    memset(text, 'x', length);
    text[length] = '\0';
    pid_t child = fork();
    if (child == 0) {
        struct mm_protocol_channel *channel = NULL;
        json_t *message = json_pack("{s:s}", "text", text);
        int code = mm_protocol_channel_open(fixture->other, &channel);
        _exit(code == 0 && mm_protocol_send(channel, message, NULL) == 0 ? 0 : 1);
    }
    assert_int_equal(mm_protocol_receive(fixture->channel, 0, &received, NULL), 0);
    assert_string_equal(json_string_value(json_object_get(received, "text")), text);
    json_decref(received);
    free(text);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_line_without_end_is_refused(void **state)
{
    struct fixture *fixture = *state;

    pid_t child = fork();
    if (child == 0) {
        static char block[1 << 16];
        memset(block, 'x', sizeof(block));
        while (send(fixture->other, block, sizeof(block), MSG_NOSIGNAL) > 0) {
        }
        _exit(0);
    }
    close_other(fixture);
    json_t *message = NULL;
    assert_int_equal(mm_protocol_receive(fixture->channel, 0, &message, NULL), -EBADMSG);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void ignore(int signal_number)
{
    (void)signal_number;
}

/* A signal that is held back and already there when the wait begins must not be slept through. */
static void a_blocked_request_to_end_interrupts_the_wait(void **state)
{
    struct fixture *fixture = *state;
    struct sigaction action = {.sa_handler = ignore};
    struct sigaction old;
    sigset_t interrupt;
    sigset_t mask;
    json_t *message = NULL;

    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    sigprocmask(SIG_BLOCK, &interrupt, &mask);
    sigaction(SIGINT, &action, &old);
    raise(SIGINT);
    assert_int_equal(mm_protocol_receive(fixture->channel, 0, &message, NULL), -EINTR);
    sigaction(SIGINT, &old, NULL);
    sigprocmask(SIG_SETMASK, &mask, NULL);
}

static void text_that_is_not_utf8_still_becomes_json(void **state)
{
    (void)state;
    json_t *good = mm_protocol_text("gr\xc3\xbc\xc3\x9f");
    json_t *bad = mm_protocol_text("gr\xfc\xdf");

    assert_string_equal(json_string_value(good), "gr\xc3\xbc\xc3\x9f");
    assert_string_equal(json_string_value(bad), "gr??");
    json_decref(good);
    json_decref(bad);
}

#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, open_pair, close_pair)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PAIR(a_message_is_one_line),
        WITH_PAIR(messages_that_arrive_together_are_received_one_by_one),
        WITH_PAIR(silence_ends_at_the_deadline),
        WITH_PAIR(a_closed_end_is_told_from_silence),
        WITH_PAIR(what_is_not_a_json_object_is_refused),
        WITH_PAIR(a_message_to_nobody_fails_without_a_signal),
        WITH_PAIR(a_long_message_arrives_whole),
        WITH_PAIR(a_line_without_end_is_refused),
        WITH_PAIR(a_blocked_request_to_end_interrupts_the_wait),
        cmocka_unit_test(text_that_is_not_utf8_still_becomes_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
