/*
 * Windows behind marray_os_guard(): an in-page error ends a guarded call instead of the process.
 *
 * One vectored handler for the process, added by the first guarded call: the slots of thread-local
 * storage and the once are the mutable globals here. Handlers run on the stack of the thread that
 * faulted, and Windows counts who is in one, so this one does not jump: it lets the thread go on in
 * leave(), which jumps from outside. setjmp without a frame makes longjmp() restore registers
 * and unwind nothing.
 *
 * Only EXCEPTION_IN_PAGE_ERROR is ours: a page that could not be read or has no room on the disk. A
 * store into a read-only map is an access violation, and the program's own mistake.
 */
#include <errno.h>
#include <setjmp.h>

#include "mapping/os.h"
#include "mapping/os_windows.h"

#ifndef __x86_64__
#error "the context of a thread is known here for x86-64 only"
#endif

/* Of ntstatus.h, which does not go together with windows.h. */
#define DISK_IS_FULL   0xC000007Fu
#define QUOTA_EXCEEDED 0xC0000044u

struct guard {
    struct guard *outer;
    uintptr_t start, end; /* addresses whose faults are this guard's */
    volatile uintptr_t fault;
    volatile uintptr_t reason; /* the NTSTATUS behind it */
    jmp_buf environment;
};

static INIT_ONCE installed = INIT_ONCE_STATIC_INIT;
static DWORD innermost_slot; /* struct guard *: thread-local variables of the compiler allocate */
static DWORD reason_slot;    /* of the thread's last fault, 0 for none */

static void leave(struct guard *guard)
{
    longjmp(guard->environment, 1);
}

/* The thread goes on as if it had called leave(guard), below what it has on its stack. */
static void redirect(CONTEXT *thread, struct guard *guard)
{
    thread->Rip = (DWORD64)(uintptr_t)leave;
    thread->Rcx = (DWORD64)(uintptr_t)guard;
    /* At a function's entry the stack is aligned but for the address to return to. */
    thread->Rsp = ((thread->Rsp - 256) & ~(DWORD64)15) - 8;
}

static LONG CALLBACK on_exception(EXCEPTION_POINTERS *exception)
{
    const EXCEPTION_RECORD *record = exception->ExceptionRecord;
    if (record->ExceptionCode != EXCEPTION_IN_PAGE_ERROR || record->NumberParameters < 2)
        return EXCEPTION_CONTINUE_SEARCH;
    DWORD old_error = GetLastError();
    struct guard *guard = TlsGetValue(innermost_slot);
    SetLastError(old_error);
    uintptr_t address = (uintptr_t)record->ExceptionInformation[1];
    for (; guard; guard = guard->outer) {
        if (address < guard->start || address >= guard->end)
            continue;
        guard->fault = address;
        guard->reason =
            record->NumberParameters > 2 ? (uintptr_t)record->ExceptionInformation[2] : 0;
        redirect(exception->ContextRecord, guard);
        return EXCEPTION_CONTINUE_EXECUTION;
    }
    return EXCEPTION_CONTINUE_SEARCH;
}

static BOOL CALLBACK install(INIT_ONCE *once, void *parameter, void **context)
{
    (void)once;
    (void)parameter;
    (void)context;
    HMODULE module;
    /* The handler stays behind when a program unloads the library: so must its code. */
    if (!GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                            (const WCHAR *)(uintptr_t)leave, &module))
        return FALSE;
    innermost_slot = TlsAlloc();
    if (innermost_slot == TLS_OUT_OF_INDEXES)
        return FALSE;
    reason_slot = TlsAlloc();
    if (reason_slot == TLS_OUT_OF_INDEXES)
        goto release_first;
    if (AddVectoredExceptionHandler(1, on_exception))
        return TRUE;
    TlsFree(reason_slot);
release_first:
    TlsFree(innermost_slot);
    return FALSE;
}

int marray_os_guard(const void *base, uint64_t length, marray_guarded_call *call, void *context,
                    bool *faulted, uint64_t *fault_offset)
{
    if (!InitOnceExecuteOnce(&installed, install, NULL, NULL))
        return -ENOMEM;
    uintptr_t page_mask = (uintptr_t)marray_os_page_bytes() - 1;
    struct guard guard = {
        .outer = TlsGetValue(innermost_slot),
        .start = (uintptr_t)base,
        .end = ((uintptr_t)base + (uintptr_t)length + page_mask) & ~page_mask,
    };
    if (_setjmp(guard.environment, NULL)) {
        TlsSetValue(innermost_slot, guard.outer);
        TlsSetValue(reason_slot, (void *)guard.reason);
        *faulted = true;
        *fault_offset = guard.fault - guard.start;
        return -EFAULT;
    }
    TlsSetValue(innermost_slot, &guard);
    int status = call(context);
    TlsSetValue(innermost_slot, guard.outer);
    return status;
}

int marray_os_explain_fault(int descriptor, uint64_t offset, bool writable, uint64_t *size_bytes)
{
    (void)writable;
    uintptr_t reason = 0;
    if (InitOnceExecuteOnce(&installed, install, NULL, NULL)) {
        reason = (uintptr_t)TlsGetValue(reason_slot) & 0xFFFFFFFFu;
        TlsSetValue(reason_slot, NULL);
    }
    uint64_t page_bytes = marray_os_page_bytes();
    struct marray_os_status file;
    if (descriptor < 0 || marray_os_inspect(descriptor, &file))
        return -EFAULT;
    if (offset / page_bytes * page_bytes >= file.size_bytes) {
        *size_bytes = file.size_bytes;
        return -ENODATA;
    }
    if (reason == DISK_IS_FULL)
        return -ENOSPC;
    if (reason == QUOTA_EXCEEDED)
        return -EDQUOT;
    return reason ? -EIO : -EFAULT;
}
