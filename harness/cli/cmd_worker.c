/* mapmeter worker: the process that measures. Hidden, for the launcher alone. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "harness/cli/cli.h"
#include "harness/worker.h"

struct worker_options {
    int channel;
    struct mm_error error;
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct worker_options *worker = state->input;
    if (key != 'c')
        return ARGP_ERR_UNKNOWN;
    char *end;
    long channel = strtol(argument, &end, 10);
    if (*end || channel < 0 || channel > 65535 || fcntl((int)channel, F_GETFD) < 0) {
        mm_error_set(&worker->error, -EINVAL, "--channel %s: no open descriptor", argument);
        return EINVAL;
    }
    worker->channel = (int)channel;
    return 0;
}

int mm_cmd_worker(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"channel", 'c', "N", 0, "the descriptor of the socket to the launcher", 0},
        {NULL, 0, NULL, 0, NULL, 0},
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse_option,
        .doc = "Serves one launch. Started by mapmeter itself.",
    };
    struct worker_options worker = {.channel = -1};
    int status = mm_cli_parse(&argp, argc, argv, &worker, &worker.error);
    if (!status && worker.channel < 0)
        status = mm_error_set(&worker.error, -EINVAL, "--channel N is needed");
    if (status)
        return mm_cli_fail("worker", &worker.error, MM_CLI_USAGE);
    return mm_worker_serve(worker.channel);
}
