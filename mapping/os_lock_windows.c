/*
 * Windows behind marray_os_lock().
 *
 * LockFileEx differs from the locks that os.h describes in three ways:
 * - A locked range is closed to ReadFile and WriteFile of others. Locks here mean something only to
 *   those who lock, so the ranges are shifted by 2^63, to where no file has bytes.
 * - Locks of one handle conflict with each other, and can only be unlocked as they were locked. A
 *   list of what each handle holds turns the first into success where it is one, and refuses what
 *   would wait for itself or be only in part unlocked (-EOPNOTSUPP).
 * - A wait would stop every other call with that handle, unlocking too: it asks again instead.
 *
 * The list is the only mutable global here, since Windows does not tell which locks a handle has.
 */
#include <errno.h>
#include <stdlib.h>

#include "mapping/os.h"
#include "mapping/os_windows.h"

#define SHIFT            (UINT64_C(1) << 63)
#define PAUSE_NS         UINT64_C(1000000)
#define LONGEST_PAUSE_NS UINT64_C(8000000)

struct held_lock {
    struct held_lock *next;
    int descriptor;
    enum marray_lock_kind kind;
    uint64_t offset, length;
    bool is_pending; /* asked for by a thread that does not have it yet */
};

static SRWLOCK list_lock = SRWLOCK_INIT;
static struct held_lock *first_held;

static bool overlaps(const struct held_lock *held, const struct held_lock *other)
{
    return held->descriptor == other->descriptor && held->offset < other->offset + other->length &&
           other->offset < held->offset + held->length;
}

static bool covers(const struct held_lock *outer, const struct held_lock *inner)
{
    return outer->offset <= inner->offset &&
           inner->offset + inner->length <= outer->offset + outer->length;
}

/* Puts wanted on the list unless its handle has it already. */
static int reserve(struct held_lock *wanted, bool *has_it)
{
    int status = 0;
    bool found = false;
    AcquireSRWLockExclusive(&list_lock);
    for (const struct held_lock *held = first_held; held && !status; held = held->next) {
        if (!overlaps(held, wanted))
            continue;
        found = true;
        if (held->is_pending || held->kind != wanted->kind || !covers(held, wanted))
            status = -EOPNOTSUPP;
    }
    if (!found) {
        wanted->next = first_held;
        first_held = wanted;
    }
    ReleaseSRWLockExclusive(&list_lock);
    if (!status)
        *has_it = found;
    return status;
}

static void settle(struct held_lock *asked, int status)
{
    AcquireSRWLockExclusive(&list_lock);
    if (status) {
        struct held_lock **link = &first_held;
        while (*link != asked)
            link = &(*link)->next;
        *link = asked->next;
        free(asked);
    } else {
        asked->is_pending = false;
    }
    ReleaseSRWLockExclusive(&list_lock);
}

static OVERLAPPED place(uint64_t offset)
{
    uint64_t shifted = offset + SHIFT;
    return (OVERLAPPED){.Offset = (DWORD)shifted, .OffsetHigh = (DWORD)(shifted >> 32)};
}

static int try_lock(const struct held_lock *wanted)
{
    OVERLAPPED where = place(wanted->offset);
    DWORD flags = LOCKFILE_FAIL_IMMEDIATELY;
    if (wanted->kind == MARRAY_LOCK_EXCLUSIVE)
        flags |= LOCKFILE_EXCLUSIVE_LOCK;
    if (LockFileEx(marray_windows_handle(wanted->descriptor), flags, 0, (DWORD)wanted->length,
                   (DWORD)(wanted->length >> 32), &where))
        return 0;
    DWORD error = GetLastError();
    return error == ERROR_LOCK_VIOLATION || error == ERROR_IO_PENDING
               ? -EAGAIN
               : marray_windows_status(error);
}

int marray_os_lock(int descriptor, enum marray_lock_kind kind, uint64_t offset, uint64_t length,
                   bool wait)
{
    struct held_lock *wanted = malloc(sizeof(*wanted));
    if (!wanted)
        return -ENOMEM;
    *wanted = (struct held_lock){NULL, descriptor, kind, offset, length, true};
    bool has_it = false;
    int status = reserve(wanted, &has_it);
    if (status || has_it) {
        free(wanted);
        return status;
    }
    uint64_t pause_ns = PAUSE_NS;
    while ((status = try_lock(wanted)) == -EAGAIN && wait) {
        marray_os_sleep_ns(pause_ns);
        if (pause_ns < LONGEST_PAUSE_NS)
            pause_ns *= 2;
    }
    settle(wanted, status);
    return status;
}

static bool would_be_cut(const struct held_lock *range)
{
    for (const struct held_lock *held = first_held; held; held = held->next) {
        if (overlaps(held, range) && (held->is_pending || !covers(range, held)))
            return true;
    }
    return false;
}

int marray_os_unlock(int descriptor, uint64_t offset, uint64_t length)
{
    const struct held_lock range = {NULL, descriptor, MARRAY_LOCK_SHARED, offset, length, false};
    AcquireSRWLockExclusive(&list_lock);
    int status = would_be_cut(&range) ? -EOPNOTSUPP : 0;
    struct held_lock **link = &first_held;
    while (*link && !status) {
        struct held_lock *held = *link;
        if (!overlaps(held, &range)) {
            link = &held->next;
            continue;
        }
        OVERLAPPED where = place(held->offset);
        if (!UnlockFileEx(marray_windows_handle(descriptor), 0, (DWORD)held->length,
                          (DWORD)(held->length >> 32), &where)) {
            status = marray_windows_status(GetLastError());
            break;
        }
        *link = held->next;
        free(held);
    }
    ReleaseSRWLockExclusive(&list_lock);
    return status;
}

void marray_windows_forget_locks(int descriptor)
{
    AcquireSRWLockExclusive(&list_lock);
    struct held_lock **link = &first_held;
    while (*link) {
        struct held_lock *held = *link;
        if (held->descriptor == descriptor) {
            *link = held->next;
            free(held);
        } else {
            link = &held->next;
        }
    }
    ReleaseSRWLockExclusive(&list_lock);
}
