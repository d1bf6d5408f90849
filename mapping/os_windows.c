/*
 * Windows (8 and newer, 64 bits) behind os.h, with os_lock_windows.c and os_guard_windows.c.
 *
 * - Files are opened for all kinds of sharing, so that they can be renamed and removed while arrays
 *   are open, as elsewhere. Not made shorter: Windows cuts no file that is mapped (-EBUSY).
 * - Views of a file begin at multiples of the allocation granularity, 16 pages. os.h counts in
 *   pages: a map begins at the granule below, and its base is as far into it as its offset.
 * - FlushViewOfFile hands mapped stores to the file system, FlushFileBuffers makes the file
 * durable; without the first the second does not know of them.
 * - NTFS and ReFS log the names of files, and FlushFileBuffers of a file writes that log.
 * - -EOPNOTSUPP is what Windows does not offer; docs/windows.md lists it.
 */
#include "mapping/os.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/os_windows.h"
#include <winioctl.h>

#define LARGEST_TRANSFER_BYTES (UINT32_C(1) << 30)
/* Since Windows 7; not in the headers of mingw-w64 10. */
#ifndef ERROR_DISK_QUOTA_EXCEEDED
#define ERROR_DISK_QUOTA_EXCEEDED 1295
#endif
#define ZERO_BYTES        (64 * 1024)
#define WRITE_PERMISSIONS 0222u
/* From here on names of files need the prefix for long ones, which ends the use of "..". */
#define LONG_NAME_CHARACTERS 240
#define LONG_NAME_PREFIX     L"\\\\?\\"

int marray_windows_status(DWORD error)
{
    static const struct {
        DWORD error;
        int number;
    } numbers[] = {
        {ERROR_FILE_NOT_FOUND, ENOENT},
        {ERROR_PATH_NOT_FOUND, ENOENT},
        {ERROR_INVALID_NAME, ENOENT},
        {ERROR_INVALID_DRIVE, ENOENT},
        {ERROR_BAD_PATHNAME, ENOENT},
        {ERROR_BAD_NETPATH, ENOENT},
        {ERROR_BAD_NET_NAME, ENOENT},
        {ERROR_ACCESS_DENIED, EACCES},
        {ERROR_PRIVILEGE_NOT_HELD, EPERM},
        {ERROR_SHARING_VIOLATION, EBUSY},
        {ERROR_USER_MAPPED_FILE, EBUSY},
        {ERROR_DELETE_PENDING, EBUSY},
        {ERROR_LOCK_VIOLATION, EAGAIN},
        {ERROR_TOO_MANY_OPEN_FILES, EMFILE},
        {ERROR_NOT_ENOUGH_MEMORY, ENOMEM},
        {ERROR_OUTOFMEMORY, ENOMEM},
        {ERROR_COMMITMENT_LIMIT, ENOMEM},
        {ERROR_NO_SYSTEM_RESOURCES, ENOMEM},
        {ERROR_FILE_EXISTS, EEXIST},
        {ERROR_ALREADY_EXISTS, EEXIST},
        {ERROR_DISK_FULL, ENOSPC},
        {ERROR_HANDLE_DISK_FULL, ENOSPC},
        {ERROR_DISK_QUOTA_EXCEEDED, EDQUOT},
        {ERROR_WRITE_PROTECT, EROFS},
        {ERROR_INVALID_HANDLE, EBADF},
        {ERROR_INVALID_PARAMETER, EINVAL},
        {ERROR_NEGATIVE_SEEK, EINVAL},
        {ERROR_FILE_INVALID, ENODATA},
        {ERROR_HANDLE_EOF, ENODATA},
        {ERROR_NOT_SAME_DEVICE, EXDEV},
        {ERROR_DIRECTORY, ENOTDIR},
        {ERROR_FILENAME_EXCED_RANGE, ENAMETOOLONG},
        {ERROR_FILE_TOO_LARGE, EFBIG},
        {ERROR_CANT_RESOLVE_FILENAME, ELOOP},
        {ERROR_NOT_SUPPORTED, EOPNOTSUPP},
        {ERROR_INVALID_FUNCTION, EOPNOTSUPP},
        {ERROR_NO_UNICODE_TRANSLATION, EILSEQ},
        {ERROR_CALL_NOT_IMPLEMENTED, EOPNOTSUPP},
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (numbers[i].error == error)
            return -numbers[i].number;
    }
    return -EIO;
}

static int last_status(void)
{
    return marray_windows_status(GetLastError());
}

static int status_of(BOOL done)
{
    return done ? 0 : last_status();
}

static int descriptor_of(HANDLE handle)
{
    return (int)(intptr_t)handle;
}

/* A long name that is relative, or has slashes, as the prefix wants it. */
static int lengthen(wchar_t **wide)
{
    size_t prefix = sizeof(LONG_NAME_PREFIX) / sizeof(wchar_t) - 1;
    if (wcslen(*wide) < LONG_NAME_CHARACTERS || !wcsncmp(*wide, LONG_NAME_PREFIX, prefix) ||
        !wcsncmp(*wide, L"\\\\", 2))
        return 0;
    DWORD size = GetFullPathNameW(*wide, 0, NULL, NULL);
    if (size == 0)
        return last_status();
    wchar_t *full = malloc((prefix + size) * sizeof(*full));
    if (!full)
        return -ENOMEM;
    wcscpy(full, LONG_NAME_PREFIX);
    DWORD length = GetFullPathNameW(*wide, size, full + prefix, NULL);
    if (length == 0 || length >= size) {
        free(full);
        return -ENOENT;
    }
    free(*wide);
    *wide = full;
    return 0;
}

/* The name as Windows wants it, newly allocated. -EILSEQ: path is not UTF-8. */
static int widen(const char *path, wchar_t **wide)
{
    int size = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, NULL, 0);
    if (size == 0)
        return last_status();
    wchar_t *name = malloc((size_t)size * sizeof(*name));
    if (!name)
        return -ENOMEM;
    MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, name, size);
    int status = lengthen(&name);
    if (status) {
        free(name);
        return status;
    }
    *wide = name;
    return 0;
}

static int open_by_name(const char *path, DWORD access, DWORD disposition, DWORD attributes,
                        HANDLE *handle)
{
    wchar_t *name;
    int status = widen(path, &name);
    if (status)
        return status;
    /* Backup semantics open folders too: that it is one is told by who asks. */
    HANDLE opened =
        CreateFileW(name, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                    disposition, attributes | FILE_FLAG_BACKUP_SEMANTICS, NULL);
    if (opened == INVALID_HANDLE_VALUE)
        status = last_status();
    else
        *handle = opened;
    free(name);
    return status;
}

int marray_os_open(const char *path, bool writable, int *descriptor)
{
    HANDLE handle = INVALID_HANDLE_VALUE;
    int status = open_by_name(path, GENERIC_READ | (writable ? GENERIC_WRITE : 0), OPEN_EXISTING,
                              FILE_ATTRIBUTE_NORMAL, &handle);
    if (!status)
        *descriptor = descriptor_of(handle);
    return status;
}

int marray_os_create(const char *path, uint32_t permissions, bool exclusive, int *descriptor)
{
    HANDLE handle = INVALID_HANDLE_VALUE;
    int status = open_by_name(
        path, GENERIC_READ | GENERIC_WRITE, exclusive ? CREATE_NEW : OPEN_ALWAYS,
        permissions & WRITE_PERMISSIONS ? FILE_ATTRIBUTE_NORMAL : FILE_ATTRIBUTE_READONLY, &handle);
    if (!status)
        *descriptor = descriptor_of(handle);
    return status;
}

int marray_os_close(int descriptor)
{
    marray_windows_forget_locks(descriptor);
    return status_of(CloseHandle(marray_windows_handle(descriptor)));
}

int marray_os_reopen(int descriptor, bool writable, int *reopened)
{
    HANDLE handle =
        ReOpenFile(marray_windows_handle(descriptor), GENERIC_READ | (writable ? GENERIC_WRITE : 0),
                   FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, 0);
    if (handle == INVALID_HANDLE_VALUE)
        return last_status();
    *reopened = descriptor_of(handle);
    return 0;
}

/* Sections in memory have names of their own kind, which no file call knows. */
int marray_os_create_memory(const char *name, int *descriptor)
{
    (void)name;
    (void)descriptor;
    return -EOPNOTSUPP;
}

int marray_os_inspect(int descriptor, struct marray_os_status *status)
{
    HANDLE handle = marray_windows_handle(descriptor);
    BY_HANDLE_FILE_INFORMATION found;
    *status = (struct marray_os_status){.is_regular = false};
    /* Pipes and consoles have no such information, and are no files to map. */
    if (GetFileType(handle) != FILE_TYPE_DISK)
        return 0;
    if (!GetFileInformationByHandle(handle, &found))
        return last_status();
    status->size_bytes = (uint64_t)found.nFileSizeHigh << 32 | found.nFileSizeLow;
    status->device = found.dwVolumeSerialNumber;
    status->inode = (uint64_t)found.nFileIndexHigh << 32 | found.nFileIndexLow;
    status->permissions = found.dwFileAttributes & FILE_ATTRIBUTE_READONLY ? 0444 : 0666;
    status->is_folder = found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY;
    status->is_regular = !status->is_folder;
    return 0;
}

int marray_os_inspect_path(const char *path, struct marray_os_status *status)
{
    HANDLE handle = INVALID_HANDLE_VALUE;
    int result = open_by_name(path, 0, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, &handle);
    if (result)
        return result;
    struct marray_os_status found;
    result = marray_os_inspect(descriptor_of(handle), &found);
    CloseHandle(handle);
    if (!result)
        *status = found;
    return result;
}

/* One bit of them: whether anybody may write. */
int marray_os_set_permissions(int descriptor, uint32_t permissions)
{
    HANDLE handle = marray_windows_handle(descriptor);
    FILE_BASIC_INFO information;
    if (!GetFileInformationByHandleEx(handle, FileBasicInfo, &information, sizeof(information)))
        return last_status();
    information.FileAttributes &= ~(DWORD)(FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_NORMAL);
    if (!(permissions & WRITE_PERMISSIONS))
        information.FileAttributes |= FILE_ATTRIBUTE_READONLY;
    /* None at all would mean "as they are". */
    if (information.FileAttributes == 0)
        information.FileAttributes = FILE_ATTRIBUTE_NORMAL;
    return status_of(
        SetFileInformationByHandle(handle, FileBasicInfo, &information, sizeof(information)));
}

/* Files get the owner and the access list of their folder. */
void marray_os_set_owner(int descriptor, const struct marray_os_status *old)
{
    (void)descriptor;
    (void)old;
}

static DWORD transfer_bytes(size_t left)
{
    return left < LARGEST_TRANSFER_BYTES ? (DWORD)left : LARGEST_TRANSFER_BYTES;
}

static OVERLAPPED place(uint64_t offset)
{
    return (OVERLAPPED){.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};
}

int marray_os_read_at(int descriptor, void *bytes, size_t size, uint64_t offset, size_t *count)
{
    size_t done = 0;
    while (done < size) {
        OVERLAPPED where = place(offset + done);
        DWORD got = 0;
        if (!ReadFile(marray_windows_handle(descriptor), (char *)bytes + done,
                      transfer_bytes(size - done), &got, &where)) {
            if (GetLastError() != ERROR_HANDLE_EOF)
                return last_status();
            break;
        }
        if (got == 0)
            break;
        done += got;
    }
    *count = done;
    return 0;
}

int marray_os_write_at(int descriptor, const void *bytes, size_t size, uint64_t offset)
{
    size_t done = 0;
    while (done < size) {
        OVERLAPPED where = place(offset + done);
        DWORD put = 0;
        if (!WriteFile(marray_windows_handle(descriptor), (const char *)bytes + done,
                       transfer_bytes(size - done), &put, &where))
            return last_status();
        if (put == 0)
            return -EIO;
        done += put;
    }
    return 0;
}

/* The files of arrays are open for sharing, which cannot be taken back. */
int marray_os_hold_file(int descriptor)
{
    (void)descriptor;
    return -EOPNOTSUPP;
}

bool marray_os_release_file(int descriptor)
{
    (void)descriptor;
    return false;
}

/* Mapped views and ReadFile are not promised to agree (CreateFileMapping, remarks). */
bool marray_os_calls_reach_maps(int descriptor, bool writes, uint64_t end)
{
    (void)descriptor;
    (void)writes;
    (void)end;
    return false;
}

int marray_os_remove(const char *path)
{
    wchar_t *name;
    int status = widen(path, &name);
    if (status)
        return status;
    status = status_of(DeleteFileW(name));
    free(name);
    return status;
}

int marray_os_rename(const char *from, const char *to)
{
    wchar_t *old_name = NULL;
    wchar_t *new_name = NULL;
    int status = widen(from, &old_name);
    if (!status)
        status = widen(to, &new_name);
    if (!status)
        status = status_of(
            MoveFileExW(old_name, new_name, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH));
    free(new_name);
    free(old_name);
    return status;
}

bool marray_os_replaces_open_files(void)
{
    return false;
}

static int narrow(const wchar_t *wide, char **path)
{
    int size = WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, wide, -1, NULL, 0, NULL, NULL);
    if (size == 0)
        return last_status();
    char *name = malloc((size_t)size);
    if (!name)
        return -ENOMEM;
    WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, wide, -1, name, size, NULL, NULL);
    *path = name;
    return 0;
}

int marray_os_real_path(const char *path, char **real_path)
{
    HANDLE handle = INVALID_HANDLE_VALUE;
    wchar_t *wide = NULL;
    int status = open_by_name(path, 0, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, &handle);
    if (status)
        return status;
    DWORD size = GetFinalPathNameByHandleW(handle, NULL, 0, FILE_NAME_NORMALIZED);
    if (size == 0) {
        status = last_status();
        goto cleanup;
    }
    wide = malloc((size + 1) * sizeof(*wide));
    if (!wide) {
        status = -ENOMEM;
        goto cleanup;
    }
    DWORD length = GetFinalPathNameByHandleW(handle, wide, size + 1, FILE_NAME_NORMALIZED);
    if (length == 0 || length > size)
        status = -ENOENT;
    else
        status = narrow(wide, real_path);
cleanup:
    free(wide);
    CloseHandle(handle);
    return status;
}

static int set_end(int descriptor, uint64_t size_bytes)
{
    FILE_END_OF_FILE_INFO end = {.EndOfFile = {.QuadPart = (LONGLONG)size_bytes}};
    return status_of(SetFileInformationByHandle(marray_windows_handle(descriptor),
                                                FileEndOfFileInfo, &end, sizeof(end)));
}

int marray_os_set_size(int descriptor, uint64_t size_bytes)
{
    struct marray_os_status file;
    int status = marray_os_inspect(descriptor, &file);
    if (status)
        return status;
    /* Only a file marked as sparse has holes. Where there are none it gets its blocks now. */
    DWORD count;
    if (size_bytes > file.size_bytes)
        (void)DeviceIoControl(marray_windows_handle(descriptor), FSCTL_SET_SPARSE, NULL, 0, NULL, 0,
                              &count, NULL);
    return set_end(descriptor, size_bytes);
}

static int write_zeros(int descriptor, uint64_t start, uint64_t length)
{
    static const char zeros[ZERO_BYTES];
    while (length > 0) {
        size_t part = length < ZERO_BYTES ? (size_t)length : ZERO_BYTES;
        int status = marray_os_write_at(descriptor, zeros, part, start);
        if (status)
            return status;
        start += part;
        length -= part;
    }
    return 0;
}

/* Never asks for less than the file has: that would cut it. */
static int grow(int descriptor, uint64_t old_end, uint64_t allocated_bytes, uint64_t end)
{
    FILE_ALLOCATION_INFO allocation = {.AllocationSize = {.QuadPart = (LONGLONG)end}};
    int status = 0;
    if (end > allocated_bytes)
        status = status_of(SetFileInformationByHandle(marray_windows_handle(descriptor),
                                                      FileAllocationInfo, &allocation,
                                                      sizeof(allocation)));
    /* What cannot be allocated can be written: nobody has anything there yet. */
    if (status == -EOPNOTSUPP)
        return write_zeros(descriptor, old_end, end - old_end);
    return status ? status : set_end(descriptor, end);
}

int marray_os_allocate(int descriptor, uint64_t start, uint64_t length)
{
    if (length == 0)
        return 0;
    HANDLE handle = marray_windows_handle(descriptor);
    FILE_BASIC_INFO basic;
    FILE_STANDARD_INFO standard;
    if (!GetFileInformationByHandleEx(handle, FileBasicInfo, &basic, sizeof(basic)) ||
        !GetFileInformationByHandleEx(handle, FileStandardInfo, &standard, sizeof(standard)))
        return last_status();
    /* Its holes can only be filled by writing, over what others may be storing there. */
    if (basic.FileAttributes & FILE_ATTRIBUTE_SPARSE_FILE)
        return -EOPNOTSUPP;
    if (start > INT64_MAX || length > INT64_MAX - start)
        return -EFBIG;
    uint64_t end = start + length;
    /* All that a file without holes has is allocated. */
    if (end <= (uint64_t)standard.EndOfFile.QuadPart)
        return 0;
    return grow(descriptor, (uint64_t)standard.EndOfFile.QuadPart,
                (uint64_t)standard.AllocationSize.QuadPart, end);
}

int marray_os_zero(int descriptor, uint64_t start, uint64_t length, bool sparse)
{
    if (length == 0)
        return 0;
    HANDLE handle = marray_windows_handle(descriptor);
    DWORD count;
    FILE_ZERO_DATA_INFORMATION range = {
        .FileOffset = {.QuadPart = (LONGLONG)start},
        .BeyondFinalZero = {.QuadPart = (LONGLONG)(start + length)},
    };
    if (sparse)
        (void)DeviceIoControl(handle, FSCTL_SET_SPARSE, NULL, 0, NULL, 0, &count, NULL);
    if (DeviceIoControl(handle, FSCTL_SET_ZERO_DATA, &range, sizeof(range), NULL, 0, &count, NULL))
        return 0;
    return write_zeros(descriptor, start, length);
}

static SYSTEM_INFO system_information(void)
{
    SYSTEM_INFO information;
    GetSystemInfo(&information);
    return information;
}

uint64_t marray_os_page_bytes(void)
{
    return system_information().dwPageSize;
}

int marray_os_map(int descriptor, uint64_t offset, uint64_t length, enum marray_os_map_kind kind,
                  void **base)
{
    static const struct {
        DWORD protection, access;
    } kinds[] = {
        [MARRAY_OS_MAP_READ] = {PAGE_READONLY, FILE_MAP_READ},
        [MARRAY_OS_MAP_SHARED] = {PAGE_READWRITE, FILE_MAP_READ | FILE_MAP_WRITE},
        [MARRAY_OS_MAP_PRIVATE] = {PAGE_WRITECOPY, FILE_MAP_COPY},
    };
    uint64_t granularity_bytes = system_information().dwAllocationGranularity;
    uint64_t before = offset % granularity_bytes;
    uint64_t start = offset - before;
    /* As long as the file is: a longer one would make it grow. */
    HANDLE section = CreateFileMappingW(marray_windows_handle(descriptor), NULL,
                                        kinds[kind].protection, 0, 0, NULL);
    if (!section)
        return last_status();
    char *mapped = MapViewOfFile(section, kinds[kind].access, (DWORD)(start >> 32), (DWORD)start,
                                 (size_t)(before + length));
    int status = mapped ? 0 : last_status();
    /* The view keeps what it needs. */
    CloseHandle(section);
    if (!status)
        *base = mapped + before;
    return status;
}

int marray_os_unmap(void *base, uint64_t length)
{
    (void)length;
    uintptr_t into = (uintptr_t)base % system_information().dwAllocationGranularity;
    return status_of(UnmapViewOfFile((char *)base - into));
}

int marray_os_map_memory(uint64_t length, bool shared, bool overcommits, void **base)
{
    /* There are no children to share it with, and all memory is counted against the limit. */
    (void)shared;
    (void)overcommits;
    HANDLE section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE,
                                        (DWORD)(length >> 32), (DWORD)length, NULL);
    if (!section)
        return last_status();
    void *mapped = MapViewOfFile(section, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, (size_t)length);
    int status = mapped ? 0 : last_status();
    CloseHandle(section);
    if (!status)
        *base = mapped;
    return status;
}

/* Processes begin without the maps of others. */
int marray_os_keep_from_children(void *base, uint64_t length)
{
    (void)base;
    (void)length;
    return 0;
}

/* Views begin at granules, and a reservation gives way to views only as a whole. */
bool marray_os_extends_maps(void)
{
    return false;
}

int marray_os_reserve(uint64_t length, void **base)
{
    (void)length;
    (void)base;
    return -EOPNOTSUPP;
}

int marray_os_map_at(void *at, int descriptor, uint64_t offset, uint64_t length)
{
    (void)at;
    (void)descriptor;
    (void)offset;
    (void)length;
    return -EOPNOTSUPP;
}

static int touch_pages(void *context)
{
    const struct marray_os_range *range = context;
    uint64_t page_bytes = marray_os_page_bytes();
    for (uint64_t at = 0; at < range->length; at += page_bytes)
        (void)((const volatile char *)range->base)[at];
    return 0;
}

static int populate(struct marray_os_range range)
{
    (void)marray_os_prefetch(0, &range, 1);
    bool faulted = false;
    uint64_t fault_offset;
    return marray_os_guard(range.base, range.length, touch_pages, &range, &faulted, &fault_offset);
}

/* Unlocking pages that are not locked takes them out of the working set. */
static int leave_working_set(void *base, uint64_t length)
{
    if (VirtualUnlock(base, (size_t)length) || GetLastError() == ERROR_NOT_LOCKED)
        return 0;
    return last_status();
}

int marray_os_advise(void *base, uint64_t length, enum marray_advice advice)
{
    struct marray_os_range range = {base, length};
    switch (advice) {
    case MARRAY_ADVICE_NORMAL: /* what there is when no other can be given */
        return 0;
    case MARRAY_ADVICE_WILLNEED:
        return marray_os_prefetch(0, &range, 1);
    case MARRAY_ADVICE_POPULATE:
        return populate(range);
    case MARRAY_ADVICE_COLD:
        return leave_working_set(base, length);
    case MARRAY_ADVICE_SEQUENTIAL:
    case MARRAY_ADVICE_RANDOM:
    case MARRAY_ADVICE_PAGEOUT:
    case MARRAY_ADVICE_HUGE_PAGES:
        break;
    }
    return -EOPNOTSUPP;
}

int marray_os_probe_advice(int descriptor, void *base, enum marray_advice advice)
{
    (void)descriptor;
    (void)base;
    return advice == MARRAY_ADVICE_NORMAL || advice == MARRAY_ADVICE_WILLNEED ||
                   advice == MARRAY_ADVICE_POPULATE || advice == MARRAY_ADVICE_COLD
               ? 0
               : -EOPNOTSUPP;
}

int marray_os_prefetch_open(void)
{
    return 0;
}

void marray_os_prefetch_close(int self)
{
    (void)self;
}

int marray_os_prefetch(int self, const struct marray_os_range *ranges, size_t count)
{
    (void)self;
    WIN32_MEMORY_RANGE_ENTRY entries[MARRAY_OS_PREFETCH_RANGES];
    for (size_t i = 0; i < count; i++)
        entries[i] = (WIN32_MEMORY_RANGE_ENTRY){ranges[i].base, (size_t)ranges[i].length};
    return status_of(PrefetchVirtualMemory(GetCurrentProcess(), count, entries, 0));
}

/* They go to the standby list, which is memory that others may have. */
int marray_os_drop(int descriptor, uint64_t offset, void *base, uint64_t length)
{
    (void)descriptor;
    (void)offset;
    return leave_working_set(base, length);
}

/* Windows tells the working set of a process, not what of a file is in memory. */
int marray_os_dirty(int descriptor, uint64_t offset, uint64_t length, uint64_t *dirty_bytes)
{
    (void)descriptor;
    (void)offset;
    (void)length;
    (void)dirty_bytes;
    return -EOPNOTSUPP;
}

int marray_os_resident(int descriptor, uint64_t offset, void *base, uint64_t length,
                       uint64_t *resident_bytes)
{
    (void)descriptor;
    (void)offset;
    (void)base;
    if (length > 0)
        return -EOPNOTSUPP;
    *resident_bytes = 0;
    return 0;
}

int marray_os_start_write_back(int descriptor, uint64_t offset, void *base, uint64_t length)
{
    (void)descriptor;
    (void)offset;
    /* To Windows a length of 0 is everything from base on. */
    return length > 0 ? status_of(FlushViewOfFile(base, (size_t)length)) : 0;
}

int marray_os_finish_write_back(int descriptor, uint64_t offset, void *base, uint64_t length)
{
    return marray_os_start_write_back(descriptor, offset, base, length);
}

bool marray_os_sync_covers_file(int descriptor)
{
    (void)descriptor;
    return true;
}

bool marray_os_syncs_maps_alone(void)
{
    return false;
}

int marray_os_syncer_start(int descriptor, struct marray_os_syncer **syncer)
{
    (void)descriptor;
    (void)syncer;
    return -EOPNOTSUPP;
}

int marray_os_syncer_ask(struct marray_os_syncer *syncer)
{
    (void)syncer;
    return -EOPNOTSUPP;
}

int marray_os_syncer_stop(struct marray_os_syncer *syncer)
{
    (void)syncer;
    return -EOPNOTSUPP;
}

int marray_os_sync_map(int descriptor, void *base, uint64_t length)
{
    int status = marray_os_start_write_back(descriptor, 0, base, length);
    return status ? status : status_of(FlushFileBuffers(marray_windows_handle(descriptor)));
}

int marray_os_sync_file(int descriptor, void *base, uint64_t length)
{
    return marray_os_sync_map(descriptor, base, base ? length : 0);
}

/* Folders have nothing to flush: their names are in the log of the file system, if it has one,
 * which the flush of the file and a rename that is written through have written. */
int marray_os_sync_folder_of(const char *path)
{
    wchar_t kind[MAX_PATH + 1] = L"";
    HANDLE handle = INVALID_HANDLE_VALUE;
    int status = open_by_name(path, 0, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, &handle);
    if (status)
        return status;
    if (!GetVolumeInformationByHandleW(handle, NULL, 0, NULL, NULL, NULL, kind, MAX_PATH + 1))
        status = last_status();
    else if (wcscmp(kind, L"NTFS") && wcscmp(kind, L"ReFS"))
        status = -EOPNOTSUPP;
    CloseHandle(handle);
    return status;
}

const char *marray_os_flush_calls(enum marray_flush_level level)
{
    switch (level) {
    case MARRAY_FLUSH_ASYNC:
        return "FlushViewOfFile";
    case MARRAY_FLUSH_DATA:
    case MARRAY_FLUSH_FULL:
        return "FlushViewOfFile and FlushFileBuffers";
    }
    return "";
}

uint64_t marray_os_now_ns(void)
{
    LARGE_INTEGER frequency, now;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&now);
    uint64_t ticks = (uint64_t)now.QuadPart;
    uint64_t per_second = (uint64_t)frequency.QuadPart;
    return ticks / per_second * UINT64_C(1000000000) +
           ticks % per_second * UINT64_C(1000000000) / per_second;
}

int marray_os_sleep_ns(uint64_t duration_ns)
{
    uint64_t milliseconds = (duration_ns + 999999) / 1000000;
    Sleep(milliseconds < INFINITE ? (DWORD)milliseconds : INFINITE - 1);
    return 0;
}

int64_t marray_os_process(void)
{
    return (int64_t)GetCurrentProcessId();
}

const void *marray_os_find(const void *bytes, size_t size, const void *wanted, size_t wanted_size)
{
    const unsigned char *start = bytes;
    if (wanted_size == 0)
        return bytes;
    while (size >= wanted_size) {
        size_t room = size - wanted_size + 1;
        const unsigned char *candidate = memchr(start, *(const unsigned char *)wanted, room);
        if (!candidate || !memcmp(candidate, wanted, wanted_size))
            return candidate;
        size -= (size_t)(candidate + 1 - start);
        start = candidate + 1;
    }
    return NULL;
}

const void *marray_os_find_last(const void *bytes, unsigned char byte, size_t size)
{
    const unsigned char *start = bytes;
    while (size > 0) {
        if (start[--size] == byte)
            return start + size;
    }
    return NULL;
}

/* strerror() knows only the numbers of 1990. */
const char *marray_os_error_text(int number)
{
    static const struct {
        int number;
        const char *text;
    } texts[] = {
        {EPERM, "Operation not permitted"},
        {ENOENT, "No such file or folder"},
        {EIO, "Input/output error"},
        {EBADF, "Not opened for this"},
        {EAGAIN, "Another holds it"},
        {ENOMEM, "Not enough memory"},
        {EACCES, "Access denied"},
        {EFAULT, "A page could not be had"},
        {EBUSY, "In use: another has it open without sharing, or mapped"},
        {EEXIST, "It exists already"},
        {EXDEV, "On another volume"},
        {ENOTDIR, "Not a folder"},
        {EISDIR, "Is a folder"},
        {EINVAL, "Invalid argument"},
        {EMFILE, "Too many open files"},
        {EFBIG, "File too large"},
        {ENOSPC, "No space left on the disk"},
        {EROFS, "The disk is write-protected"},
        {ENAMETOOLONG, "File name too long"},
        {EILSEQ, "The file name is not UTF-8"},
        {ENODATA, "The file ends before"},
        {EDQUOT, "Disk quota exceeded"},
        {ELOOP, "Too many symbolic links"},
        {EOVERFLOW, "Value too large"},
        {ETIMEDOUT, "Timed out"},
        {EOPNOTSUPP, "Windows, or this file system, does not offer it"},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].number == number)
            return texts[i].text;
    }
    return NULL;
}
