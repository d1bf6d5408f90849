/*
 * What launcher and worker say to each other: one JSON object per line over a socket pair, which
 * the worker finds at the descriptor given by `worker --channel N`. Workers never write anything
 * else to it, and standard output stays free for whatever a workload prints.
 *
 *   {"do": "prepare", "protocol": 1, "case": CASE, "file": FILE, "launch_seed": HEX, "series": N?}
 *       -> {"ok": true, "pid": N}                   series: the descriptor of harness/series.h
 *   {"do": "sample", "seed": HEX, "iterations": N, "inject": {"delay_share": 0.05, "faults": 64}?}
 *       -> {"ok": true, "sample": SAMPLE}           as in results/SCHEMA.md
 *   {"do": "finish"}
 *       -> {"ok": true, "launch": {"histograms", "counter_quality", "effective"}}, then exit 0
 *
 * Any request may be answered by {"ok": false, "failure": {"kind", "reason"}}, kind as in the
 * record; the worker then accepts only finish. CASE and FILE are the members of those names in the
 * record, so that what runs is what is recorded. End of file instead of a request ends the worker.
 */
#ifndef MM_HARNESS_PROTOCOL_H
#define MM_HARNESS_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/error.h"

#define MM_PROTOCOL_VERSION 1

/* A longer line is a broken peer, not a message. */
#define MM_PROTOCOL_LINE_LIMIT_BYTES (64u << 20)

/* One end of the socket pair with what was read beyond the last line. Owned by the caller. */
struct mm_protocol_channel;

/* Takes over descriptor, also when it fails. -ENOMEM. */
int mm_protocol_channel_open(int descriptor, struct mm_protocol_channel **channel);
void mm_protocol_channel_close(struct mm_protocol_channel *channel);

/* Sends message and a newline; never raises SIGPIPE. -EPIPE when the other end is gone. */
int mm_protocol_send(struct mm_protocol_channel *channel, const json_t *message,
                     struct mm_error *error);

/*
 * Waits for one message until the monotonic clock reaches deadline_ns (0: for ever). *message is
 * the caller's. -ENODATA: end of file; -ETIMEDOUT; -EINTR: a signal arrived; -EBADMSG: not a JSON
 * object, or too long.
 */
int mm_protocol_receive(struct mm_protocol_channel *channel, uint64_t deadline_ns, json_t **message,
                        struct mm_error *error);

/* A JSON text for a line that may come from outside: what is not UTF-8 is replaced by '?'. New
 * reference, NULL when memory is short. */
json_t *mm_protocol_text(const char *line);

#endif
