/*
 * Engine uring: reads and writes through io_uring with many requests in flight, through the page
 * cache or (direct) past it.
 *
 * Every transfer is cut into requests of at most request-size, of which queue-depth are in flight
 * at once. A gather, a scatter and a region of many items are one batch, whose order is undefined.
 * A promised walk (expect) reads ahead into a ring of buffers: as many as it takes to keep
 * queue-depth requests busy. Bytes that a loan was written to are in the array when it is given
 * back, so writes are in flight within one loan or batch only. Units written in part (direct) are
 * patched one at a time, see support/direct.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "workloads/engines/engine.h"
#include "workloads/support/buffer.h"
#include "workloads/support/direct.h"
#include "workloads/support/lines.h"
#include "workloads/support/region.h"
#include "workloads/support/target.h"

#define SYSCTL_PATH         "/proc/sys/kernel/io_uring_disabled"
#define BUFFERS_BYTES_MAX   (UINT64_C(4) << 30)
#define ALL_REQUESTS_BYTES  (UINT64_C(1) << 30)
#define REQUEST_BYTES_LEAST 4096

struct options {
    uint64_t queue_depth;
    uint64_t request_bytes;
    bool direct;
};

static const struct mm_parameter parameters[] = {
    {.name = "queue-depth",
     .summary = "requests in flight at once",
     .type = MM_PARAMETER_COUNT,
     .default_text = "32",
     .minimum = 1,
     .maximum = 4096,
     .offset = offsetof(struct options, queue_depth)},
    {.name = "request-size",
     .summary = "most bytes of one request; larger transfers are several requests in flight",
     .type = MM_PARAMETER_SIZE,
     .default_text = "128KiB",
     .minimum = REQUEST_BYTES_LEAST,
     .maximum = UINT64_C(1) << 26,
     .offset = offsetof(struct options, request_bytes)},
    {.name = "direct",
     .summary = "go past the page cache with O_DIRECT",
     .type = MM_PARAMETER_FLAG,
     .default_text = "false",
     .offset = offsetof(struct options, direct)},
};

/* Requests that somebody waits for together. */
struct batch {
    uint32_t pending;
    struct mm_error failure; /* of the first that failed */
};

enum request_kind { REQUEST_READ, REQUEST_WRITE, REQUEST_FLUSH };

struct request {
    struct request *next_free;
    struct batch *batch;
    enum request_kind kind;
    int flush_level;
    uint64_t offset_bytes; /* in the file */
    uint64_t length_bytes;
    uint64_t needed_bytes; /* less than length where a unit reaches over the end of the file */
    uint64_t done_bytes;
    unsigned char *memory;
    unsigned char *into; /* where a read through the bounce buffer is copied to, or NULL */
    uint64_t lead_bytes; /* of memory before what is copied */
    uint64_t into_bytes;
    unsigned char *bounce; /* the request's own; NULL unless direct */
};

/* A buffer that is lent, or is being filled for a step of a walk. */
struct loan {
    struct batch batch;
    unsigned char *memory;
};

struct mm_engine_file {
    struct mm_array array;
    bool writable;
    bool is_direct;
    struct mm_direct direct; /* with is_direct */
    int plain;               /* through the page cache: locks; all transfers unless direct */
    int transfers;           /* what requests go to */
    uint64_t unit_bytes;     /* 1 unless direct */
    struct io_uring ring;
    bool ring_is_open;
    uint64_t queue_depth;
    uint64_t request_bytes;
    struct request *requests;
    struct request *free_requests;
    unsigned char *bounces;
    uint64_t bounces_bytes;
    struct batch batch; /* of everything that is not a step of a walk */
    unsigned char *staging;
    uint64_t borrow_bytes;
    struct loan *loans;
    uint64_t loan_count;
    unsigned char *loans_memory;
    uint64_t loan_bytes; /* of one buffer, a unit before and one behind included */
    bool lent;
    struct mm_engine_walk walk; /* steps 0: none */
    uint64_t walk_length_bytes;
    uint64_t next_read; /* the step whose read is issued next */
    uint64_t next_lent;
};

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void fail(struct request *request, int code)
{
    static const char *const verbs[] = {"read", "write", "flush"};
    struct mm_error *failure = &request->batch->failure;
    if (failure->code)
        return;
    if (code == -ENODATA)
        mm_error_set(failure, code, "the file ends at byte %" PRIu64 ", within the array",
                     request->offset_bytes + request->done_bytes);
    else if (request->kind == REQUEST_FLUSH)
        mm_error_set(failure, code, "cannot flush the file by io_uring: %s", strerror(-code));
    else
        mm_error_set(failure, code,
                     "cannot %s %" PRIu64 " bytes at byte %" PRIu64 " of the file by io_uring: %s",
                     verbs[request->kind], request->length_bytes, request->offset_bytes,
                     strerror(-code));
}

/* There are as many entries in the submission queue as requests, so one is free for each. */
static void start(struct mm_engine_file *file, struct request *request)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(&file->ring);
    unsigned char *memory = request->memory + request->done_bytes;
    unsigned int length = (unsigned int)(request->length_bytes - request->done_bytes);
    uint64_t offset = request->offset_bytes + request->done_bytes;

    if (request->kind == REQUEST_READ)
        io_uring_prep_read(entry, file->transfers, memory, length, offset);
    else if (request->kind == REQUEST_WRITE)
        io_uring_prep_write(entry, file->transfers, memory, length, offset);
    else if (request->flush_level == MM_FLUSH_ASYNC)
        io_uring_prep_sync_file_range(entry, file->plain, length, offset, SYNC_FILE_RANGE_WRITE);
    else
        io_uring_prep_fsync(entry, file->plain,
                            request->flush_level == MM_FLUSH_DATA ? IORING_FSYNC_DATASYNC : 0);
    io_uring_sqe_set_data(entry, request);
}

static void finish(struct mm_engine_file *file, struct request *request)
{
    request->batch->pending--;
    request->next_free = file->free_requests;
    file->free_requests = request;
}

/* result as the kernel gave it: bytes moved, or a negative errno. */
static void complete(struct mm_engine_file *file, struct request *request, int result)
{
    if (result == -EINTR || result == -EAGAIN) {
        start(file, request);
        return;
    }
    if (result < 0) {
        fail(request, result);
        finish(file, request);
        return;
    }
    request->done_bytes += (uint64_t)result;
    if (request->kind != REQUEST_FLUSH && request->done_bytes < request->needed_bytes) {
        bool at_end = result == 0 || request->done_bytes % file->unit_bytes;
        if (!at_end) {
            start(file, request);
            return;
        }
        fail(request, request->kind == REQUEST_READ ? -ENODATA : -EIO);
    } else if (request->into) {
        memcpy(request->into, request->memory + request->lead_bytes, request->into_bytes);
    }
    finish(file, request);
}

/* Waits until at least one request is complete. */
static int reap(struct mm_engine_file *file, struct mm_error *error)
{
    struct io_uring_cqe *entry;
    unsigned int head;
    unsigned int seen = 0;
    int status = io_uring_submit_and_wait(&file->ring, 1);
    if (status < 0 && status != -EINTR && status != -EAGAIN && status != -EBUSY)
        return mm_error_set(error, status, "cannot submit to io_uring: %s", strerror(-status));
    io_uring_for_each_cqe(&file->ring, head, entry)
    {
        complete(file, io_uring_cqe_get_data(entry), entry->res);
        seen++;
    }
    io_uring_cq_advance(&file->ring, seen);
    return 0;
}

static int wait_for(struct mm_engine_file *file, struct batch *batch, struct mm_error *error)
{
    while (batch->pending) {
        int status = reap(file, error);
        if (status)
            return status;
    }
    if (batch->failure.code == 0)
        return 0;
    int code = batch->failure.code;
    if (error)
        *error = batch->failure;
    batch->failure = (struct mm_error){0};
    return code;
}

static int take_request(struct mm_engine_file *file, struct batch *batch, struct request **request,
                        struct mm_error *error)
{
    while (!file->free_requests) {
        int status = reap(file, error);
        if (status)
            return status;
    }
    struct request *taken = file->free_requests;
    file->free_requests = taken->next_free;
    unsigned char *bounce = taken->bounce;
    *taken = (struct request){.batch = batch, .bounce = bounce};
    batch->pending++;
    *request = taken;
    return 0;
}

/* Reads of [offset, offset + length) of the file; memory is where its first unit begins. */
static int read_in_place(struct mm_engine_file *file, struct batch *batch, uint64_t offset,
                         uint64_t length, unsigned char *memory, struct mm_error *error)
{
    uint64_t first = offset - offset % file->unit_bytes;
    uint64_t stop = offset + length;
    if (file->is_direct)
        stop = mm_direct_round_up(&file->direct, stop);
    for (uint64_t at = first; at < stop;) {
        struct request *request;
        int status = take_request(file, batch, &request, error);
        if (status)
            return status;
        request->kind = REQUEST_READ;
        request->offset_bytes = at;
        request->length_bytes = smaller(file->request_bytes, stop - at);
        request->needed_bytes = request->length_bytes;
        if (file->is_direct)
            request->needed_bytes = mm_direct_window_has(&file->direct, at, request->length_bytes);
        request->memory = memory + (at - first);
        start(file, request);
        at += request->length_bytes;
    }
    return 0;
}

/* The same into memory that has neither the alignment nor the space for whole units. */
static int read_bounced(struct mm_engine_file *file, struct batch *batch, uint64_t offset,
                        uint64_t length, unsigned char *bytes, struct mm_error *error)
{
    uint64_t stop = offset + length;
    uint64_t window_stop = mm_direct_round_up(&file->direct, stop);
    for (uint64_t at = mm_direct_round_down(&file->direct, offset); at < window_stop;) {
        struct request *request;
        int status = take_request(file, batch, &request, error);
        if (status)
            return status;
        uint64_t next = smaller(at + file->request_bytes, window_stop);
        uint64_t wanted = at < offset ? offset : at;
        request->kind = REQUEST_READ;
        request->offset_bytes = at;
        request->length_bytes = next - at;
        request->needed_bytes = mm_direct_window_has(&file->direct, at, next - at);
        request->memory = request->bounce;
        request->into = bytes + (wanted - offset);
        request->lead_bytes = wanted - at;
        request->into_bytes = smaller(next, stop) - wanted;
        start(file, request);
        at = next;
    }
    return 0;
}

/* Whole units, or any bytes through the page cache. */
static int write_units(struct mm_engine_file *file, struct batch *batch, uint64_t offset,
                       uint64_t length, const unsigned char *bytes, struct mm_error *error)
{
    bool in_place = (uintptr_t)bytes % file->unit_bytes == 0;
    for (uint64_t done = 0; done < length;) {
        struct request *request;
        int status = take_request(file, batch, &request, error);
        if (status)
            return status;
        request->kind = REQUEST_WRITE;
        request->offset_bytes = offset + done;
        request->length_bytes = smaller(file->request_bytes, length - done);
        request->needed_bytes = request->length_bytes;
        /* The kernel only reads from it. */
        request->memory = in_place ? (unsigned char *)(uintptr_t)(bytes + done) : request->bounce;
        if (!in_place)
            memcpy(request->bounce, bytes + done, request->length_bytes);
        start(file, request);
        done += request->length_bytes;
    }
    return 0;
}

static int write_bytes(struct mm_engine_file *file, struct batch *batch, uint64_t offset,
                       uint64_t length, const unsigned char *bytes, struct mm_error *error)
{
    uint64_t middle = offset;
    uint64_t end = offset + length;
    if (!file->is_direct)
        return write_units(file, batch, offset, length, bytes, error);
    mm_direct_middle(&file->direct, offset, length, &middle, &end);
    int status = write_units(file, batch, middle, end - middle, bytes + (middle - offset), error);
    return status ? status : mm_direct_write_edges(&file->direct, bytes, length, offset, error);
}

static int move(void *context, bool writing, uint64_t start_bytes, uint64_t length,
                unsigned char *bytes, struct mm_error *error)
{
    struct mm_engine_file *file = context;
    uint64_t offset = file->array.offset_bytes + start_bytes;
    if (writing)
        return write_bytes(file, &file->batch, offset, length, bytes, error);
    if (file->is_direct)
        return read_bounced(file, &file->batch, offset, length, bytes, error);
    return read_in_place(file, &file->batch, offset, length, bytes, error);
}

static int settle(void *context, struct mm_error *error)
{
    struct mm_engine_file *file = context;
    return wait_for(file, &file->batch, error);
}

static int settle_after(struct mm_engine_file *file, int status, struct mm_error *error)
{
    int settled = settle(file, status ? NULL : error);
    return status ? status : settled;
}

static bool is_contiguous(const struct mm_region *region)
{
    struct mm_lines lines = mm_lines_of(region);
    return lines.line_count == 1 && lines.item_stride_bytes == (int64_t)region->item_bytes;
}

static unsigned char *place_in(const struct mm_engine_file *file, const struct loan *loan,
                               const struct mm_region *region)
{
    if (!is_contiguous(region))
        return loan->memory;
    return loan->memory + (file->array.offset_bytes + region->offset_bytes) % file->unit_bytes;
}

static struct mm_region walk_region(const struct mm_engine_file *file, uint64_t step)
{
    struct mm_region region = file->walk.first;
    region.offset_bytes += (uint64_t)((int64_t)step * file->walk.step_bytes);
    return region;
}

/* Issues the reads of as many steps as there are free buffers. */
static int read_ahead(struct mm_engine_file *file, struct mm_error *error)
{
    uint64_t first_held = file->next_lent - (file->lent ? 1 : 0);
    uint64_t stop = smaller(file->walk.steps, first_held + file->loan_count);
    if (file->next_read >= stop)
        return 0;
    for (; file->next_read < stop; file->next_read++) {
        struct loan *loan = &file->loans[file->next_read % file->loan_count];
        struct mm_region region = walk_region(file, file->next_read);
        int status =
            read_in_place(file, &loan->batch, file->array.offset_bytes + region.offset_bytes,
                          file->walk_length_bytes, loan->memory, error);
        if (status)
            return status;
    }
    int status = io_uring_submit(&file->ring);
    return status < 0 && status != -EAGAIN && status != -EBUSY && status != -EINTR
               ? mm_error_set(error, status, "cannot submit to io_uring: %s", strerror(-status))
               : 0;
}

/* What is still in flight goes into buffers of ours: wait for it, whatever became of it. */
static int stop_walk(struct mm_engine_file *file, struct mm_error *error)
{
    int status = 0;
    for (uint64_t i = 0; i < file->loan_count; i++) {
        struct batch *batch = &file->loans[i].batch;
        while (status == 0 && batch->pending)
            status = reap(file, error);
        batch->failure = (struct mm_error){0};
    }
    file->walk.steps = 0;
    file->next_read = 0;
    file->next_lent = 0;
    return status;
}

static int uring_expect(struct mm_engine_file *file, const struct mm_engine_walk *walk,
                        struct mm_error *error)
{
    uint64_t distance =
        walk->step_bytes < 0 ? (uint64_t)-walk->step_bytes : (uint64_t)walk->step_bytes;
    uint64_t length = mm_lines_of(&walk->first).line_bytes;
    if (file->lent)
        return 0;
    int status = stop_walk(file, error);
    if (status)
        return status;
    /* A step that changes bytes of the next would find them read too early. */
    bool too_early = walk->access == MM_ACCESS_READ_WRITE && distance < length;
    if (walk->access == MM_ACCESS_WRITE || too_early || walk->steps == 0 ||
        !is_contiguous(&walk->first) || length > file->borrow_bytes)
        return 0;
    file->walk = *walk;
    file->walk_length_bytes = length;
    struct mm_region last = walk_region(file, walk->steps - 1);
    status = mm_region_check(&file->array, file->writable, &walk->first, walk->access, error);
    if (status == 0)
        status = mm_region_check(&file->array, file->writable, &last, walk->access, error);
    if (status) {
        file->walk.steps = 0;
        return status;
    }
    return read_ahead(file, error);
}

static bool is_next_step(const struct mm_engine_file *file, const struct mm_region *region,
                         enum mm_engine_access access)
{
    if (file->next_lent >= file->walk.steps || access != file->walk.access)
        return false;
    struct mm_region expected = walk_region(file, file->next_lent);
    return expected.offset_bytes == region->offset_bytes && is_contiguous(region) &&
           mm_lines_of(region).line_bytes == file->walk_length_bytes;
}

/* The loan that region is in: filled ahead, or read now. */
static int fill(struct mm_engine_file *file, const struct mm_region *region,
                enum mm_engine_access access, uint64_t *index, struct mm_error *error)
{
    if (is_next_step(file, region, access)) {
        *index = file->next_lent++ % file->loan_count;
        return wait_for(file, &file->loans[*index].batch, error);
    }
    int status = stop_walk(file, error);
    *index = 0;
    if (status || access == MM_ACCESS_WRITE)
        return status;
    struct loan *loan = &file->loans[0];
    if (is_contiguous(region)) {
        status = read_in_place(file, &loan->batch, file->array.offset_bytes + region->offset_bytes,
                               mm_lines_of(region).line_bytes, loan->memory, error);
        int waited = wait_for(file, &loan->batch, status ? NULL : error);
        return status ? status : waited;
    }
    const struct mm_lines_mover mover = {
        .context = file, .move = move, .settle = settle, .staging = file->staging};
    return mm_lines_transfer(&mover, false, region, loan->memory, error);
}

static int uring_borrow(struct mm_engine_file *file, const struct mm_region *region,
                        enum mm_engine_access access, struct mm_span *span, struct mm_error *error)
{
    uint64_t index;
    int status = mm_lines_check_loan(&file->array, file->writable, file->borrow_bytes, region,
                                     access, error);
    if (status)
        return status;
    if (file->lent)
        return mm_error_set(error, -EBUSY, "a second loan while the buffer is lent");
    status = fill(file, region, access, &index, error);
    if (status)
        return status;
    *span = mm_lines_span(region, access, place_in(file, &file->loans[index], region));
    span->slot = (uint32_t)index;
    file->lent = true;
    return 0;
}

static int uring_give_back(struct mm_engine_file *file, struct mm_span *span,
                           struct mm_error *error)
{
    const struct mm_lines_mover mover = {
        .context = file, .move = move, .settle = settle, .staging = file->staging};
    const struct loan *loan = &file->loans[span->slot];
    int status = 0;
    file->lent = false;
    span->data = NULL;
    if (span->access != MM_ACCESS_READ)
        status = mm_lines_transfer(&mover, true, &span->region, place_in(file, loan, &span->region),
                                   error);
    return status || file->walk.steps == 0 ? status : read_ahead(file, error);
}

static int uring_gather(struct mm_engine_file *file, const uint64_t *blocks, size_t count,
                        uint64_t block_bytes, void *buffer, struct mm_error *error)
{
    unsigned char *dense = buffer;
    int status = 0;
    for (size_t i = 0; status == 0 && i < count; i++) {
        status = mm_block_check(&file->array, blocks[i], block_bytes, error);
        if (status == 0)
            status = move(file, false, blocks[i] * block_bytes, block_bytes,
                          dense + i * block_bytes, error);
    }
    return settle_after(file, status, error);
}

static int uring_scatter(struct mm_engine_file *file, const uint64_t *blocks, size_t count,
                         uint64_t block_bytes, const void *buffer, struct mm_error *error)
{
    const unsigned char *dense = buffer;
    int status = 0;
    if (!file->writable)
        return mm_error_set(error, -EACCES, "stores into an array that was opened for reading");
    for (size_t i = 0; status == 0 && i < count; i++) {
        status = mm_block_check(&file->array, blocks[i], block_bytes, error);
        if (status == 0)
            status =
                write_bytes(file, &file->batch, file->array.offset_bytes + blocks[i] * block_bytes,
                            block_bytes, dense + i * block_bytes, error);
    }
    return settle_after(file, status, error);
}

static int uring_flush(struct mm_engine_file *file, const struct mm_region *region,
                       enum mm_flush_level level, struct mm_error *error)
{
    struct request *request;
    uint64_t start_bytes;
    uint64_t end;
    int status = mm_region_bounds(&file->array, region, &start_bytes, &end, error);
    if (status || !file->writable)
        return status;
    status = take_request(file, &file->batch, &request, error);
    if (status)
        return status;
    request->kind = REQUEST_FLUSH;
    request->flush_level = (int)level;
    start(file, request);
    return settle(file, error);
}

static int uring_lock(struct mm_engine_file *file, uint64_t offset_bytes, uint64_t length_bytes,
                      bool exclusive, struct mm_error *error)
{
    return mm_target_lock(file->plain, &file->array, offset_bytes, length_bytes, exclusive, error);
}

static int uring_unlock(struct mm_engine_file *file, uint64_t offset_bytes, uint64_t length_bytes,
                        struct mm_error *error)
{
    return mm_target_unlock(file->plain, &file->array, offset_bytes, length_bytes, error);
}

/* Why there is no ring, and what helps. */
static int explain_refusal(int code, struct mm_error *error)
{
    char setting = '\0';
    FILE *stream = fopen(SYSCTL_PATH, "re");
    if (stream) {
        int read = fgetc(stream);
        setting = read == EOF ? '\0' : (char)read;
        fclose(stream);
    }
    if (code == -ENOMEM)
        return mm_error_set(error, code,
                            "io_uring has no memory for its queue: use a smaller queue-depth or "
                            "raise the limit of locked memory (ulimit -l)");
    if ((code == -EPERM || code == -EACCES) && (setting == '1' || setting == '2'))
        return mm_error_set(error, code,
                            "io_uring is disabled here: kernel.io_uring_disabled is %c; allow it "
                            "with 'sysctl kernel.io_uring_disabled=0', or use the engine pread or "
                            "direct",
                            setting);
    if (code == -EPERM || code == -EACCES)
        return mm_error_set(error, code,
                            "io_uring is refused here, as seccomp filters of containers do; run "
                            "with a profile that allows io_uring_setup, or use the engine pread "
                            "or direct");
    if (code == -ENOSYS)
        return mm_error_set(error, code,
                            "this kernel, or a seccomp filter, has no io_uring; use the engine "
                            "pread or direct");
    return mm_error_set(error, code, "cannot set up io_uring: %s", strerror(-code));
}

static int uring_close(struct mm_engine_file **file, struct mm_error *error)
{
    struct mm_engine_file *closing = *file;
    int status = 0;
    *file = NULL;
    if (!closing)
        return 0;
    if (closing->ring_is_open) {
        status = stop_walk(closing, error);
        io_uring_queue_exit(&closing->ring);
    }
    if (closing->is_direct) {
        int closed = mm_direct_close(&closing->direct, status ? NULL : error);
        status = status ? status : closed;
    } else if (closing->plain >= 0 && close(closing->plain)) {
        int closed = mm_error_set(status ? NULL : error, -errno, "cannot close the file: %s",
                                  strerror(errno));
        status = status ? status : closed;
    }
    mm_buffer_free(closing->bounces, closing->bounces_bytes);
    mm_buffer_free(closing->staging, MM_LINES_STAGING_BYTES);
    mm_buffer_free(closing->loans_memory, closing->loan_count * closing->loan_bytes);
    free(closing->loans);
    free(closing->requests);
    free(closing);
    return status;
}

static int open_file(struct mm_engine_file *file, const struct mm_engine_target *target,
                     struct mm_error *error)
{
    int status = 0;
    file->unit_bytes = 1;
    if (!file->is_direct) {
        status = mm_target_open(target, &file->plain, error);
        file->transfers = file->plain;
        return status;
    }
    status = mm_direct_open(target, &file->direct, error);
    if (status)
        return status;
    file->plain = file->direct.plain;
    file->transfers = file->direct.descriptor;
    file->unit_bytes = file->direct.unit_bytes;
    return 0;
}

/* Enough buffers for a walk to keep all requests busy, one of them lent. */
static void count_loans(struct mm_engine_file *file)
{
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t in_flight = file->queue_depth * file->request_bytes;
    if (file->borrow_bytes == 0)
        return;
    uint64_t wanted = file->borrow_bytes + 2 * file->unit_bytes;
    uint64_t align = file->unit_bytes > page_bytes ? file->unit_bytes : page_bytes;
    file->loan_bytes = (wanted + align - 1) / align * align;
    file->loan_count = in_flight / file->borrow_bytes + 2;
    if (file->loan_count > file->queue_depth + 1)
        file->loan_count = file->queue_depth + 1;
    if (file->loan_count * file->loan_bytes > BUFFERS_BYTES_MAX)
        file->loan_count = 1;
}

static int allocate(struct mm_engine_file *file, struct mm_error *error)
{
    count_loans(file);
    file->bounces_bytes = file->is_direct ? file->queue_depth * file->request_bytes : 0;
    file->requests = calloc(file->queue_depth, sizeof(*file->requests));
    file->staging = mm_buffer_allocate(MM_LINES_STAGING_BYTES);
    if (file->bounces_bytes)
        file->bounces = mm_buffer_allocate(file->bounces_bytes);
    if (file->loan_count) {
        file->loans = calloc(file->loan_count, sizeof(*file->loans));
        file->loans_memory = mm_buffer_allocate(file->loan_count * file->loan_bytes);
    }
    if (!file->requests || !file->staging || (file->bounces_bytes && !file->bounces) ||
        (file->loan_count && (!file->loans || !file->loans_memory)))
        return mm_error_set(error, -ENOMEM,
                            "no memory for %" PRIu64 " buffers of %" PRIu64
                            " bytes; use a smaller block, queue-depth or request-size",
                            file->loan_count, file->loan_bytes);
    for (uint64_t i = 0; i < file->loan_count; i++)
        file->loans[i].memory = file->loans_memory + i * file->loan_bytes;
    for (uint64_t i = 0; i < file->queue_depth; i++) {
        if (file->bounces)
            file->requests[i].bounce = file->bounces + i * file->request_bytes;
        file->requests[i].next_free = file->free_requests;
        file->free_requests = &file->requests[i];
    }
    return 0;
}

static int uring_open(const struct mm_engine_target *target, const void *options,
                      struct mm_engine_file **file, struct mm_error *error)
{
    const struct options *chosen = options;
    int status = 0;
    if (chosen->queue_depth > ALL_REQUESTS_BYTES / chosen->request_bytes)
        return mm_error_set(error, -EINVAL,
                            "queue-depth %" PRIu64 " times request-size %" PRIu64
                            " is more than 1 GiB in flight; lower one of them",
                            chosen->queue_depth, chosen->request_bytes);
    struct mm_engine_file *opening = calloc(1, sizeof(*opening));
    if (!opening)
        return mm_error_set(error, -ENOMEM, "no memory to open '%s'", target->path);
    opening->array = target->array;
    opening->writable = target->writable;
    opening->is_direct = chosen->direct;
    opening->direct = (struct mm_direct){.descriptor = -1, .plain = -1};
    opening->plain = -1;
    opening->queue_depth = chosen->queue_depth;
    opening->borrow_bytes = target->largest_borrow_bytes;

    status = open_file(opening, target, error);
    if (status)
        goto cleanup;
    opening->request_bytes = (chosen->request_bytes + opening->unit_bytes - 1) /
                             opening->unit_bytes * opening->unit_bytes;
    status = allocate(opening, error);
    if (status)
        goto cleanup;
    int code = io_uring_queue_init((unsigned int)opening->queue_depth, &opening->ring, 0);
    if (code < 0) {
        status = explain_refusal(code, error);
        goto cleanup;
    }
    opening->ring_is_open = true;
    *file = opening;
    opening = NULL;
cleanup:
    uring_close(&opening, NULL);
    return status;
}

static bool uring_bypasses_cache(const void *options)
{
    const struct options *chosen = options;
    return chosen->direct;
}

static void uring_describe(struct mm_engine_file *file, const struct mm_engine_facts *facts)
{
    if (file->is_direct)
        mm_direct_describe(&file->direct, facts);
    facts->text(facts->context, "flush_call", "IORING_OP_FSYNC (datasync) of the whole file");
    facts->text(facts->context, "lock_call", "fcntl(F_OFD_SETLKW)");
    facts->number(facts->context, "queue_depth", (double)file->queue_depth);
    facts->number(facts->context, "request_bytes", (double)file->request_bytes);
    facts->number(facts->context, "walk_buffers", (double)file->loan_count);
    facts->number(facts->context, "buffer_bytes", (double)(file->loan_count * file->loan_bytes));
}

const struct mm_engine mm_engine_uring = {
    .abi_version = MM_ENGINE_ABI_VERSION,
    .size_bytes = sizeof(struct mm_engine),
    .name = "uring",
    .summary = "io_uring with many requests in flight, through the page cache or past it",
    .capabilities =
        MM_ENGINE_WRITES | MM_ENGINE_FILE_BACKED | MM_ENGINE_MULTIPROCESS | MM_ENGINE_LOCKS,
    .parameters = parameters,
    .parameter_count = MM_COUNT_OF(parameters),
    .options_bytes = sizeof(struct options),
    .open = uring_open,
    .close = uring_close,
    .borrow = uring_borrow,
    .give_back = uring_give_back,
    .expect = uring_expect,
    .gather = uring_gather,
    .scatter = uring_scatter,
    .flush = uring_flush,
    .lock = uring_lock,
    .unlock = uring_unlock,
    .describe = uring_describe,
    .bypasses_cache = uring_bypasses_cache,
};
