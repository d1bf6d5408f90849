/* The process that measures: serves one launch over a channel (protocol.h). */
#ifndef MM_HARNESS_WORKER_H
#define MM_HARNESS_WORKER_H

/* Runs until finish or end of file; the exit code of the process. Takes over the descriptor. */
int mm_worker_serve(int channel_descriptor);

#endif
