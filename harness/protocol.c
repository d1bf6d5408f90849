/* Lines of JSON over a socket pair, with a deadline for every answer. */
#include "harness/protocol.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/clock.h"

#define READ_STEP_BYTES ((size_t)64 << 10)

struct mm_protocol_channel {
    int descriptor;
    char *bytes;
    size_t used;
    size_t size;
    size_t searched; /* no newline stands before this */
};

int mm_protocol_channel_open(int descriptor, struct mm_protocol_channel **channel)
{
    struct mm_protocol_channel *opened = calloc(1, sizeof(*opened));
    if (opened == NULL) {
        close(descriptor);
        return -ENOMEM;
    }
    opened->descriptor = descriptor;
    *channel = opened;
    return 0;
}

void mm_protocol_channel_close(struct mm_protocol_channel *channel)
{
    if (channel == NULL) {
        return;
    }
    close(channel->descriptor);
    free(channel->bytes);
    free(channel);
}

static int send_all(int descriptor, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(descriptor, bytes, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0) {
            return errno == ECONNRESET ? -EPIPE : -errno;
        }
        bytes += sent;
        size -= (size_t)sent;
    }
    return 0;
}

int mm_protocol_send(struct mm_protocol_channel *channel, const json_t *message,
                     struct mm_error *error)
{
    char *line = json_dumps(message, JSON_COMPACT);
    if (line == NULL) {
        return mm_error_set(error, -ENOMEM, "no memory for a message");
    }
    size_t length = strlen(line);
    /* The terminating zero makes room for the newline. */
    line[length] = '\n';
    int code = send_all(channel->descriptor, line, length + 1);
    free(line);
    if (code < 0) {
        return mm_error_set(error, code, "cannot send a message: %s", strerror(-code));
    }
    return 0;
}

/* Signals that ask the program to end may be blocked by the caller and are let in only here, so
 * that none is lost between its check and this wait. */
static int wait_until_readable(int descriptor, uint64_t deadline_ns)
{
    sigset_t mask;
    struct pollfd event = {.fd = descriptor, .events = POLLIN};
    struct timespec left = {0};

    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    sigdelset(&mask, SIGINT);
    sigdelset(&mask, SIGTERM);
    if (deadline_ns != 0) {
        uint64_t now_ns = mm_clock_ns();
        uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
        left.tv_sec = (time_t)(left_ns / UINT64_C(1000000000));
        left.tv_nsec = (long)(left_ns % UINT64_C(1000000000));
    }
    int ready = ppoll(&event, 1, deadline_ns != 0 ? &left : NULL, &mask);
    if (ready < 0) {
        return -errno;
    }
    return ready == 0 ? -ETIMEDOUT : 0;
}

static int read_more(struct mm_protocol_channel *channel)
{
    if (channel->size - channel->used < READ_STEP_BYTES) {
        size_t size = channel->size * 2 + READ_STEP_BYTES;
        char *bytes = realloc(channel->bytes, size);
        if (bytes == NULL) {
            return -ENOMEM;
        }
        channel->bytes = bytes;
        channel->size = size;
    }
    ssize_t got =
        recv(channel->descriptor, channel->bytes + channel->used, READ_STEP_BYTES, MSG_DONTWAIT);
    if (got < 0) {
        if (errno == EAGAIN || errno == EINTR) {
            return 0;
        }
        return errno == ECONNRESET ? -ENODATA : -errno;
    }
    channel->used += (size_t)got;
    return got == 0 ? -ENODATA : 0;
}

/* 0 with a whole line in *length (newline not counted), -EAGAIN without one, -EBADMSG. */
static int find_line(struct mm_protocol_channel *channel, size_t *length)
{
    if (channel->used == channel->searched) {
        return -EAGAIN;
    }
    const char *newline =
        memchr(channel->bytes + channel->searched, '\n', channel->used - channel->searched);
    channel->searched = channel->used;
    if (newline == NULL) {
        return channel->used > MM_PROTOCOL_LINE_LIMIT_BYTES ? -EBADMSG : -EAGAIN;
    }
    *length = (size_t)(newline - channel->bytes);
    return *length > MM_PROTOCOL_LINE_LIMIT_BYTES ? -EBADMSG : 0;
}

static int take_message(struct mm_protocol_channel *channel, size_t length, json_t **message,
                        struct mm_error *error)
{
    json_error_t problem;
    json_t *parsed = json_loadb(channel->bytes, length, JSON_REJECT_DUPLICATES, &problem);
    channel->used -= length + 1;
    channel->searched = 0;
    memmove(channel->bytes, channel->bytes + length + 1, channel->used);
    if (!json_is_object(parsed)) {
        json_decref(parsed);
        return mm_error_set(error, -EBADMSG, "a message is not a JSON object: %s",
                            parsed == NULL ? problem.text : "it is another JSON value");
    }
    *message = parsed;
    return 0;
}

int mm_protocol_receive(struct mm_protocol_channel *channel, uint64_t deadline_ns, json_t **message,
                        struct mm_error *error)
{
    for (;;) {
        size_t length = 0;
        int code = find_line(channel, &length);
        if (code == 0) {
            return take_message(channel, length, message, error);
        }
        if (code == -EBADMSG) {
            return mm_error_set(error, code, "a message is longer than %u bytes",
                                MM_PROTOCOL_LINE_LIMIT_BYTES);
        }
        code = wait_until_readable(channel->descriptor, deadline_ns);
        if (code == 0) {
            code = read_more(channel);
        }
        if (code == -ENODATA) {
            return mm_error_set(error, code, "the other end has closed the channel");
        }
        if (code < 0) {
            return mm_error_set(error, code, "cannot receive a message: %s", strerror(-code));
        }
    }
}

json_t *mm_protocol_text(const char *line)
{
    json_t *text = json_string(line);
    if (text != NULL) {
        return text;
    }
    char *plain = strdup(line);
    for (char *at = plain; plain != NULL && *at != '\0'; at++) {
        if ((unsigned char)*at >= 0x80) {
            *at = '?';
        }
    }
    text = plain == NULL ? NULL : json_string(plain);
    free(plain);
    return text;
}
