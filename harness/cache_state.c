/* Page-cache residency of a file: asked, emptied, filled, and verified each time. */
#include "harness/cache_state.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"

/* cachestat(2) came with Linux 6.5, headers and C libraries later: number and structures are part
 * of the kernel's stable interface. */
#ifdef SYS_cachestat
#define CACHESTAT_NUMBER SYS_cachestat
#elif defined(__alpha__)
#define CACHESTAT_NUMBER 561
#else
#define CACHESTAT_NUMBER 451
#endif

struct kernel_cachestat_range {
    uint64_t offset;
    uint64_t length; /* 0: to the end */
};

struct kernel_cachestat {
    uint64_t cached; /* all in pages */
    uint64_t dirty;
    uint64_t writeback;
    uint64_t evicted;
    uint64_t recently_evicted;
};

static const char *const state_names[] = {[MM_CACHE_COLD] = "cold",
                                          [MM_CACHE_WARM] = "warm",
                                          [MM_CACHE_DIRTY] = "dirty",
                                          [MM_CACHE_PRESSURE] = "pressure"};

const char *mm_cache_state_name(enum mm_cache_state state)
{
    return state_names[state];
}

int mm_cache_state_parse(const char *text, enum mm_cache_state *state, struct mm_error *error)
{
    for (size_t i = 0; i < MM_COUNT_OF(state_names); i++) {
        if (strcmp(text, state_names[i]) == 0) {
            *state = (enum mm_cache_state)i;
            return 0;
        }
    }
    char suggestion[64];
    mm_text_suggestion(text, state_names, MM_COUNT_OF(state_names), suggestion, sizeof(suggestion));
    return mm_error_set(error, -EINVAL, "'%s' is no cache state (cold, warm, dirty, pressure)%s",
                        text, suggestion);
}

/* An open regular file and the range of it that is asked about. */
struct cached_file {
    const char *path;
    int descriptor;
    struct stat status;
    uint64_t page_bytes;
    uint64_t first_byte;
    uint64_t end_byte; /* not beyond the file */
};

static int open_file(const char *path, uint64_t offset_bytes, uint64_t length_bytes,
                     struct cached_file *file, struct mm_error *error)
{
    struct cached_file opened = {.path = path};
    opened.descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (opened.descriptor < 0) {
        int code = -errno;
        return mm_error_set(error, code, "cannot open '%s': %s", path, strerror(-code));
    }
    int code = fstat(opened.descriptor, &opened.status) ? -errno : 0;
    if (!code && !S_ISREG(opened.status.st_mode))
        code = -EINVAL;
    if (code) {
        close(opened.descriptor);
        return mm_error_set(error, code, "'%s' is not a regular file", path);
    }
    uint64_t size = (uint64_t)opened.status.st_size;
    opened.page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    opened.first_byte = offset_bytes < size ? offset_bytes : size;
    uint64_t rest = size - opened.first_byte;
    opened.end_byte =
        opened.first_byte + (length_bytes && length_bytes < rest ? length_bytes : rest);
    *file = opened;
    return 0;
}

static uint64_t first_page(const struct cached_file *file)
{
    return file->first_byte / file->page_bytes;
}

static uint64_t count_pages(const struct cached_file *file)
{
    if (file->end_byte == file->first_byte)
        return 0;
    return (file->end_byte - 1) / file->page_bytes - first_page(file) + 1;
}

static int ask_cachestat(const struct cached_file *file, struct mm_cache_residency *residency)
{
    struct kernel_cachestat_range range = {file->first_byte, file->end_byte - file->first_byte};
    struct kernel_cachestat answer = {0};
    if (syscall(CACHESTAT_NUMBER, file->descriptor, &range, &answer, 0))
        return -errno;
    residency->method = "cachestat";
    residency->resident_share = (double)answer.cached / (double)residency->pages;
    residency->dirty_bytes = answer.dirty * file->page_bytes;
    residency->writeback_bytes = answer.writeback * file->page_bytes;
    return 0;
}

/* Since Linux 5.2 mincore calls every page resident for those who neither own nor may write a file
 * (can_do_mincore). */
static bool mincore_tells_the_truth(const struct cached_file *file)
{
    return file->status.st_uid == geteuid() ||
           faccessat(AT_FDCWD, file->path, W_OK, AT_EACCESS) == 0;
}

/* Resident pages of a part of the file; pages holds room for window_pages. */
static int count_resident(const struct cached_file *file, uint64_t page, uint64_t page_count,
                          unsigned char *pages, uint64_t *resident)
{
    size_t length = (size_t)(page_count * file->page_bytes);
    void *map = mmap(NULL, length, PROT_READ, MAP_SHARED, file->descriptor,
                     (off_t)(page * file->page_bytes));
    if (map == MAP_FAILED)
        return -errno;
    int code = mincore(map, length, pages) ? -errno : 0;
    munmap(map, length);
    if (code)
        return code;
    for (uint64_t i = 0; i < page_count; i++)
        *resident += pages[i] & 1u;
    return 0;
}

static int ask_mincore(const struct cached_file *file, struct mm_cache_residency *residency)
{
    const uint64_t window_pages = 1u << 16;
    unsigned char *pages = malloc((size_t)window_pages);
    if (!pages)
        return -ENOMEM;
    uint64_t resident = 0;
    int code = 0;
    for (uint64_t done = 0; !code && done < residency->pages; done += window_pages) {
        uint64_t left = residency->pages - done;
        code = count_resident(file, first_page(file) + done,
                              left < window_pages ? left : window_pages, pages, &resident);
    }
    free(pages);
    if (code)
        return code;
    residency->method = "mincore";
    residency->resident_share = (double)resident / (double)residency->pages;
    return 0;
}

static const char *why_no_answer(int cachestat_code, int mincore_code)
{
    if (mincore_code != -EPERM)
        return "neither cachestat nor mincore works on this file";
    if (cachestat_code == -ENOSYS)
        return "this kernel has no cachestat (since Linux 6.5), or a container blocks it, and "
               "mincore tells only who owns the file or may write it";
    return "cachestat and mincore tell only who owns the file or may write it";
}

static void ask(const struct cached_file *file, struct mm_cache_residency *residency)
{
    *residency = (struct mm_cache_residency){.method = "none", .why = ""};
    residency->pages = count_pages(file);
    if (residency->pages == 0) {
        residency->why = "the range is empty";
        return;
    }
    int cachestat_code = ask_cachestat(file, residency);
    if (cachestat_code == 0)
        return;
    int mincore_code = mincore_tells_the_truth(file) ? ask_mincore(file, residency) : -EPERM;
    if (mincore_code)
        residency->why = why_no_answer(cachestat_code, mincore_code);
}

int mm_cache_residency(const char *path, uint64_t offset_bytes, uint64_t length_bytes,
                       struct mm_cache_residency *residency, struct mm_error *error)
{
    struct cached_file file;
    int code = open_file(path, offset_bytes, length_bytes, &file, error);
    if (code)
        return code;
    ask(&file, residency);
    close(file.descriptor);
    return 0;
}

static bool is_known(const struct mm_cache_residency *residency)
{
    return strcmp(residency->method, "none") != 0;
}

static void wait_ms(long milliseconds)
{
    struct timespec left = {.tv_sec = milliseconds / 1000,
                            .tv_nsec = milliseconds % 1000 * 1000000};
    while (nanosleep(&left, &left) && errno == EINTR)
        ;
}

/* Flushed first: DONTNEED leaves dirty pages and those under writeback where they are. */
static int evict_once(const struct cached_file *file, struct mm_error *error)
{
    if (fdatasync(file->descriptor)) {
        int code = -errno;
        return mm_error_set(error, code, "cannot flush '%s' before evicting it: %s", file->path,
                            strerror(-code));
    }
    /* Returns its error and leaves errno alone. */
    int code = -posix_fadvise(file->descriptor, 0, 0, POSIX_FADV_DONTNEED);
    if (code)
        return mm_error_set(error, code, "cannot evict '%s' from the page cache: %s", file->path,
                            strerror(-code));
    return 0;
}

static int evict(const struct cached_file *file, struct mm_cache_residency *residency,
                 struct mm_error *error)
{
    /* Pages on another CPU's way to the lists and late writeback leave within milliseconds. */
    static const long waits_ms[] = {0, 2, 5, 10, 20, 50, 100, 200};
    for (size_t i = 0; i < MM_COUNT_OF(waits_ms); i++) {
        wait_ms(waits_ms[i]);
        int code = evict_once(file, error);
        if (code)
            return code;
        ask(file, residency);
        if (!is_known(residency))
            return mm_error_set(error, -ENODATA, "cannot verify that '%s' is cold: %s", file->path,
                                residency->why);
        if (residency->resident_share <= MM_CACHE_COLD_SHARE)
            return 0;
    }
    return mm_error_set(error, -EBUSY,
                        "%.1f %% of '%s' stays in the page cache (%llu bytes dirty, %llu under "
                        "writeback): a process has it mapped or locked, or goes on writing to it; "
                        "close that and try again",
                        100 * residency->resident_share, file->path,
                        (unsigned long long)residency->dirty_bytes,
                        (unsigned long long)residency->writeback_bytes);
}

/* Why the file has no store below the page cache, or no page cache; NULL when it has both. */
static const char *memory_file_system(int descriptor, const char *path)
{
    struct statfs file_system;
    int failed = path ? statfs(path, &file_system) : fstatfs(descriptor, &file_system);
    if (!failed) {
        switch ((unsigned long)file_system.f_type) {
        case TMPFS_MAGIC:
            return "tmpfs keeps its files in the page cache alone: they are never cold";
        case RAMFS_MAGIC:
            return "ramfs keeps its files in the page cache alone: they are never cold";
        case HUGETLBFS_MAGIC:
            return "hugetlbfs keeps its files in memory alone: they are never cold";
        default:
            break;
        }
    }
#ifdef STATX_ATTR_DAX
    struct statx attributes;
    int status = path ? statx(AT_FDCWD, path, 0, 0, &attributes)
                      : statx(descriptor, "", AT_EMPTY_PATH, 0, &attributes);
    if (!status && (attributes.stx_attributes & STATX_ATTR_DAX))
        return "the file is on DAX memory and has no page cache: it is neither cold nor warm";
#endif
    return NULL;
}

int mm_cache_make_cold(const char *path, struct mm_cache_residency *residency,
                       struct mm_error *error)
{
    struct cached_file file;
    int code = open_file(path, 0, 0, &file, error);
    if (code)
        return code;
    const char *why = memory_file_system(file.descriptor, NULL);
    if (why) {
        ask(&file, residency);
        code = mm_error_set(error, -ENOTSUP, "'%s' cannot be made cold: %s", path, why);
    } else {
        code = evict(&file, residency, error);
    }
    close(file.descriptor);
    return code;
}

/* Reads the range once, for the page cache's sake. */
static int read_through(const struct cached_file *file, struct mm_error *error)
{
    const size_t buffer_bytes = 1u << 20;
    char *buffer = malloc(buffer_bytes);
    if (!buffer)
        return mm_error_set(error, -ENOMEM, "no memory to warm '%s'", file->path);
    int code = 0;
    uint64_t place = file->first_byte;
    while (!code && place < file->end_byte) {
        uint64_t left = file->end_byte - place;
        size_t wanted = left < buffer_bytes ? (size_t)left : buffer_bytes;
        ssize_t got = pread(file->descriptor, buffer, wanted, (off_t)place);
        if (got > 0)
            place += (uint64_t)got;
        else if (got == 0)
            code =
                mm_error_set(error, -ENODATA, "'%s' became shorter while it was read", file->path);
        else if (errno != EINTR)
            code = -errno;
    }
    if (code && code != -ENODATA)
        mm_error_set(error, code, "cannot read '%s': %s", file->path, strerror(-code));
    free(buffer);
    return code;
}

static int fill(const struct cached_file *file, struct mm_cache_residency *residency,
                struct mm_error *error)
{
    const int tries = 3;
    for (int i = 0; i < tries; i++) {
        int code = read_through(file, error);
        if (code)
            return code;
        ask(file, residency);
        if (!is_known(residency))
            return mm_error_set(error, -ENODATA, "cannot verify that '%s' is warm: %s", file->path,
                                residency->why);
        if (residency->resident_share >= MM_CACHE_WARM_SHARE)
            return 0;
    }
    return mm_error_set(error, -EBUSY,
                        "only %.1f %% of '%s' stays in the page cache: memory is short; use a "
                        "smaller file or free memory",
                        100 * residency->resident_share, file->path);
}

int mm_cache_read_in(const char *path, uint64_t offset_bytes, uint64_t length_bytes,
                     struct mm_error *error)
{
    struct cached_file file;
    int code = open_file(path, offset_bytes, length_bytes, &file, error);
    if (code)
        return code;
    code = read_through(&file, error);
    close(file.descriptor);
    return code;
}

int mm_cache_make_warm(const char *path, uint64_t offset_bytes, uint64_t length_bytes,
                       struct mm_cache_residency *residency, struct mm_error *error)
{
    struct cached_file file;
    int code = open_file(path, offset_bytes, length_bytes, &file, error);
    if (code)
        return code;
    code = fill(&file, residency, error);
    close(file.descriptor);
    return code;
}

static int transfer(const struct cached_file *file, int descriptor, bool writes, uint64_t place,
                    size_t length, char *buffer)
{
    while (length > 0) {
        ssize_t moved = writes ? pwrite(descriptor, buffer, length, (off_t)place)
                               : pread(file->descriptor, buffer, length, (off_t)place);
        if (moved < 0 && errno == EINTR)
            continue;
        if (moved <= 0)
            return moved < 0 ? -errno : -ENODATA;
        buffer += moved;
        place += (uint64_t)moved;
        length -= (size_t)moved;
    }
    return 0;
}

static int write_through(const struct cached_file *file, int descriptor, mm_cache_content *content,
                         const void *context, struct mm_error *error)
{
    const size_t buffer_bytes = 1u << 20;
    char *buffer = malloc(buffer_bytes);
    int code = buffer ? 0 : -ENOMEM;
    uint64_t place = file->first_byte;
    while (!code && place < file->end_byte) {
        uint64_t left = file->end_byte - place;
        size_t wanted = left < buffer_bytes ? (size_t)left : buffer_bytes;
        code = content ? content(context, place, wanted, buffer)
                       : transfer(file, descriptor, false, place, wanted, buffer);
        if (!code)
            code = transfer(file, descriptor, true, place, wanted, buffer);
        place += wanted;
    }
    free(buffer);
    if (code)
        mm_error_set(error, code, "cannot make '%s' dirty: %s", file->path, strerror(-code));
    return code;
}

static int soil(const struct cached_file *file, int descriptor, mm_cache_content *content,
                const void *context, struct mm_cache_residency *residency, struct mm_error *error)
{
    const int tries = 3;
    for (int i = 0; i < tries; i++) {
        int code = write_through(file, descriptor, content, context, error);
        if (code)
            return code;
        ask(file, residency);
        if (strcmp(residency->method, "cachestat") != 0)
            return mm_error_set(error, -ENODATA, "cannot verify that '%s' is dirty: %s", file->path,
                                mm_cache_why_dirty_is_unknown());
        double share =
            (double)residency->dirty_bytes / ((double)residency->pages * (double)file->page_bytes);
        if (share >= MM_CACHE_DIRTY_SHARE)
            return 0;
    }
    return mm_error_set(error, -EBUSY,
                        "only %llu bytes of '%s' stay dirty: the kernel writes them back at once; "
                        "use a smaller file, or raise vm.dirty_background_bytes",
                        (unsigned long long)residency->dirty_bytes, file->path);
}

int mm_cache_make_dirty(const char *path, uint64_t offset_bytes, uint64_t length_bytes,
                        mm_cache_content *content, const void *context,
                        struct mm_cache_residency *residency, struct mm_error *error)
{
    struct cached_file file;
    int code = open_file(path, offset_bytes, length_bytes, &file, error);
    if (code)
        return code;
    const char *why = memory_file_system(file.descriptor, NULL);
    int descriptor = why ? -1 : open(path, O_WRONLY | O_CLOEXEC);
    if (why) {
        ask(&file, residency);
        code = mm_error_set(error, -ENOTSUP, "'%s' cannot be made dirty: %s", path, why);
    } else if (descriptor < 0) {
        code = -errno;
        mm_error_set(error, code, "cannot open '%s' for writing: %s", path, strerror(-code));
    } else {
        code = soil(&file, descriptor, content, context, residency, error);
    }
    if (descriptor >= 0)
        close(descriptor);
    close(file.descriptor);
    return code;
}

const char *mm_cache_why_dirty_is_unknown(void)
{
    struct kernel_cachestat_range range = {0, 0};
    struct kernel_cachestat answer = {0};
    /* A call that is there finds no such descriptor. */
    if (syscall(CACHESTAT_NUMBER, -1, &range, &answer, 0) == 0 || errno == EBADF)
        return NULL;
    return "only cachestat tells dirty pages, and this kernel has none (since Linux 6.5), or a "
           "container blocks it";
}

bool mm_cache_is_memory_file_system(const char *path, const char **why)
{
    const char *reason = memory_file_system(-1, path);
    if (reason && why)
        *why = reason;
    return reason != NULL;
}
