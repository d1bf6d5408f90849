/*
 * Everything the operating system does for libmarray, one function a need. os_linux.c and
 * os_guard_linux.c implement it, and are the only files with such calls; os_windows.c and its like
 * are the same for Windows.
 *
 * All functions return 0 or a negative errno and set outputs only on success. The rules they
 * follow:
 * - A page beyond the end of the file raises SIGBUS when touched, and so does a store into a hole
 *   on a full disk: space is allocated before it is mapped, unless the caller asks for holes.
 * - msync(MS_ASYNC) does nothing (since 2.6.19); sync_file_range(WRITE) starts write-back.
 * - msync(MS_SYNC) of a range is fdatasync of that range (mm/msync.c, vfs_fsync_range).
 * - A new name is durable only after fsync of its folder (fsync(2)).
 * - OFD locks (since 3.15) belong to the open file description: they end with its last descriptor,
 *   and a child after fork holds its parent's (fcntl_locking(2)).
 * - mincore answers "all resident" to those who may not write the file (since 5.2); cachestat
 *   (since 6.5) tells the truth or refuses.
 */
#ifndef MARRAY_OS_H
#define MARRAY_OS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mapping/marray.h"

/* Windows has quotas, but its C headers no number for them. */
#ifndef EDQUOT
#define EDQUOT 10069 /* WSAEDQUOT */
#endif

/* What a descriptor stands for. */
struct marray_os_status {
    uint64_t size_bytes;
    uint64_t device, inode; /* together the identity of the file */
    uint32_t permissions;
    uint32_t user, group; /* that own it */
    bool is_regular;
    bool is_folder;
};

/* ---- Files ---- */

/* An existing file, close-on-exec; never waits for the other side of a FIFO. */
int marray_os_open(const char *path, bool writable, int *descriptor);
/* A new file for reading and writing; exclusive: -EEXIST when the name is taken, even by a symbolic
 * link to nothing, whose target is created otherwise. */
int marray_os_create(const char *path, uint32_t permissions, bool exclusive, int *descriptor);
int marray_os_close(int descriptor);
/* The file behind an open descriptor once more, with locks of its own; -EACCES where it may not be
 * opened so. */
int marray_os_reopen(int descriptor, bool writable, int *reopened);
/* A file of no bytes in memory, without a path; name is for those who list open files. */
int marray_os_create_memory(const char *name, int *descriptor);
int marray_os_inspect(int descriptor, struct marray_os_status *status);
/* The same by name, behind symbolic links. */
int marray_os_inspect_path(const char *path, struct marray_os_status *status);
int marray_os_set_permissions(int descriptor, uint32_t permissions);
/* Gives the file the user and group of old, as far as this process may. */
void marray_os_set_owner(int descriptor, const struct marray_os_status *old);
/* Reads up to size bytes; *count is less only at the end of the file. */
int marray_os_read_at(int descriptor, void *bytes, size_t size, uint64_t offset, size_t *count);
/* Writes all of them or fails. */
int marray_os_write_at(int descriptor, const void *bytes, size_t size, uint64_t offset);
/* Makes everybody else who opens or cuts the file by its name wait until it is released, which is
 * due in milliseconds (a lease, fcntl(2); the kernel waits lease-break-time, 45 s, and no longer).
 * Only of a file that nobody else has open, -EAGAIN otherwise, and that the user owns, -EACCES
 * otherwise; -EINVAL or -EOPNOTSUPP where the file system has none. Who comes meanwhile raises
 * SIGURG here, which does nothing where there is no handler. */
int marray_os_hold_file(int descriptor);
/* Whether somebody waited, who would wait again if it were held at once. */
bool marray_os_release_file(int descriptor);
/* Whether marray_os_read_at() and marray_os_write_at() move the bytes that shared maps of the file
 * show, at the place asked for and without a signal, up to `end`. */
bool marray_os_calls_reach_maps(int descriptor, bool writes, uint64_t end);
int marray_os_remove(const char *path);
int marray_os_rename(const char *from, const char *to);
/* Whether a rename takes the place of a file that somebody has open; -EACCES where not. */
bool marray_os_replaces_open_files(void);
/* The name behind all symbolic links, newly allocated; -ENOENT when there is none. */
int marray_os_real_path(const char *path, char **real_path);

/* ---- Space ---- */

int marray_os_set_size(int descriptor, uint64_t size_bytes);
/* Gives [start, start + length) blocks of its own and the file at least that size. */
int marray_os_allocate(int descriptor, uint64_t start, uint64_t length);
/* Makes a range inside the file read as zeros without ever making the file shorter, so that other
 * maps of it stay whole; sparse gives the blocks back. */
int marray_os_zero(int descriptor, uint64_t start, uint64_t length, bool sparse);

/* ---- Maps ---- */

enum marray_os_map_kind {
    MARRAY_OS_MAP_READ,   /* shared, no stores */
    MARRAY_OS_MAP_SHARED, /* stores reach the file */
    MARRAY_OS_MAP_PRIVATE /* stores stay here */
};

/* A power of two; offsets of maps are multiples of it. */
uint64_t marray_os_page_bytes(void);
int marray_os_map(int descriptor, uint64_t offset, uint64_t length, enum marray_os_map_kind kind,
                  void **base);
int marray_os_unmap(void *base, uint64_t length);
/* Zeros without a file; shared: with children after fork. overcommits: pages beyond what there is
 * are promised too. */
int marray_os_map_memory(uint64_t length, bool shared, bool overcommits, void **base);
/* A child after fork has nothing at [base, base + length), whole pages. */
int marray_os_keep_from_children(void *base, uint64_t length);
/* Whether the two below work, and a file can be cut under its map; -EOPNOTSUPP, -EBUSY where not.
 */
bool marray_os_extends_maps(void);
/* Address space with nothing behind it; -ENOMEM where so much is not to be had. */
int marray_os_reserve(uint64_t length, void **base);
/* Maps for reading and writing into reserved space; at and offset in whole pages. */
int marray_os_map_at(void *at, int descriptor, uint64_t offset, uint64_t length);
/* base and length in whole pages of one map. -EOPNOTSUPP: this kernel has no such advice. */
int marray_os_advise(void *base, uint64_t length, enum marray_advice advice);
/* Whether such advice would have an effect on the map at base, without giving it: -EOPNOTSUPP as
 * above, -EPERM when it would be passed over in silence. descriptor: of the mapped file, or -1. */
int marray_os_probe_advice(int descriptor, void *base, enum marray_advice advice);
/* Mapped bytes. */
struct marray_os_range {
    void *base; /* on a page boundary */
    uint64_t length;
};
#define MARRAY_OS_PREFETCH_RANGES 64
/* This process as marray_os_prefetch() wants it, to be released; -1 where ranges go one by one. */
int marray_os_prefetch_open(void);
void marray_os_prefetch_close(int self);
/* Starts reading what is missing of up to MARRAY_OS_PREFETCH_RANGES ranges, in order, and does not
 * wait for it: one call for all of them where the kernel allows (process_madvise, since 5.10,
 * for long with CAP_SYS_NICE only). */
int marray_os_prefetch(int self, const struct marray_os_range *ranges, size_t count);
/* Lets go of the pages of [base, base + length), which maps the file from offset on, in the map and
 * in the page cache. Only of shared maps; pages that are dirty or mapped elsewhere stay cached. */
int marray_os_drop(int descriptor, uint64_t offset, void *base, uint64_t length);
/* How much of [base, base + length), which maps the file from offset on, is in the page cache.
 * Whole pages. -EPERM where the kernel does not tell this user. descriptor -1: memory without a
 * file. */
int marray_os_resident(int descriptor, uint64_t offset, void *base, uint64_t length,
                       uint64_t *resident_bytes);
/* How much of a range of the file waits for its write-back; -EOPNOTSUPP, -EPERM where the kernel
 * does not tell. */
int marray_os_dirty(int descriptor, uint64_t offset, uint64_t length, uint64_t *dirty_bytes);

/* ---- Faults ---- */

/*
 * Returns what call(context) returns. A touch of a page of [base, base + length) that cannot be had
 * ends it, also in nested calls and on any thread: then *faulted is set, *fault_offset is how far
 * from base, and the result is -EFAULT. Faults elsewhere go where they went before.
 */
int marray_os_guard(const void *base, uint64_t length, marray_guarded_call *call, void *context,
                    bool *faulted, uint64_t *fault_offset);
/* Why the page of a mapped file around offset could not be had: -ENODATA: the file ends before, at
 * *size_bytes; -EIO, -ENOSPC, -EDQUOT ...; -EFAULT where there is no telling (any more). writable:
 * the map stores into the file, a missing block may be the reason. descriptor may be -1. */
int marray_os_explain_fault(int descriptor, uint64_t offset, bool writable, uint64_t *size_bytes);

/* ---- Durability ---- */

/* Starts write-back of dirty pages of [base, base + length), which maps the file from offset on,
 * and returns. */
int marray_os_start_write_back(int descriptor, uint64_t offset, void *base, uint64_t length);
/* Writes back what is still dirty of the range and waits until the device has it: in the file, but
 * not yet durable. */
int marray_os_finish_write_back(int descriptor, uint64_t offset, void *base, uint64_t length);
/* Whether marray_os_sync_map() of any one page makes durable all that finished write-back before,
 * wherever it is in the file: one flush of the device instead of one for every range. */
bool marray_os_sync_covers_file(int descriptor);
/* Whether marray_os_sync_map() does without the descriptor. */
bool marray_os_syncs_maps_alone(void);
/* Returns when the mapped pages are durable. */
int marray_os_sync_map(int descriptor, void *base, uint64_t length);
/* Returns when the whole file is, with its metadata and what was stored through [base, base +
 * length); NULL and 0 when nothing is mapped. */
int marray_os_sync_file(int descriptor, void *base, uint64_t length);
/* Makes what was written back durable in the background, so that the last sync has less to do.
 * -EAGAIN, -ENOMEM, -EOPNOTSUPP where that is not to be had. */
struct marray_os_syncer;
int marray_os_syncer_start(int descriptor, struct marray_os_syncer **syncer);
/* Asks for one more sync and returns the first failure of those before. */
int marray_os_syncer_ask(struct marray_os_syncer *syncer);
/* Waits for a sync that is under way and releases it; the first failure. */
int marray_os_syncer_stop(struct marray_os_syncer *syncer);
/* Makes the names in path's folder durable. */
int marray_os_sync_folder_of(const char *path);
/* The calls above as a report names them; static text. */
const char *marray_os_flush_calls(enum marray_flush_level level);

/* ---- Locks, time, identity, words ---- */

/* Locks [offset, offset + length), length not 0; wait false: -EAGAIN when another open holds it.
 * -EINTR when a signal handler ran. */
int marray_os_lock(int descriptor, enum marray_lock_kind kind, uint64_t offset, uint64_t length,
                   bool wait);
int marray_os_unlock(int descriptor, uint64_t offset, uint64_t length);
/* Monotonic. */
uint64_t marray_os_now_ns(void);
int marray_os_sleep_ns(uint64_t duration_ns);
/* Of this process; differs in a child after fork. */
int64_t marray_os_process(void);
/* The first place of wanted, and the last one of a byte, or NULL: what ISO C lacks. */
const void *marray_os_find(const void *bytes, size_t size, const void *wanted, size_t wanted_size);
const void *marray_os_find_last(const void *bytes, unsigned char byte, size_t size);
/* The system's words for a positive errno: "No space left on device"; static text, NULL without. */
const char *marray_os_error_text(int number);

#endif
