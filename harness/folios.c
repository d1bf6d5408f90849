/* Folio sizes by the flags that the kernel shows of each physical page. */
#include "harness/folios.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness/environment_read.h"

/* Documentation/admin-guide/mm/pagemap.rst of the kernel. */
#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define PAGEMAP_FRAME   ((UINT64_C(1) << 55) - 1)
#define FLAG_HEAD       (UINT64_C(1) << 15)
#define FLAG_TAIL       (UINT64_C(1) << 16)

#define FRAMES_AT_ONCE 512

/* The flags of frames, read in blocks. */
struct flags {
    int descriptor;
    uint64_t block; /* of FRAMES_AT_ONCE frames; UINT64_MAX: none yet */
    uint64_t values[FRAMES_AT_ONCE];
};

static uint64_t flags_of(struct flags *flags, uint64_t frame)
{
    uint64_t block = frame / FRAMES_AT_ONCE;
    if (block != flags->block) {
        /* What memory does not have is no part of a folio. */
        memset(flags->values, 0, sizeof(flags->values));
        ssize_t got = pread(flags->descriptor, flags->values, sizeof(flags->values),
                            (off_t)(block * sizeof(flags->values)));
        if (got < 0)
            return 0;
        flags->block = block;
    }
    return flags->values[frame % FRAMES_AT_ONCE];
}

/* A folio is a head and the tails behind it; a page without either is one of its own. */
static void find_folio(struct flags *flags, uint64_t frame, uint64_t *first, uint64_t *end)
{
    const uint64_t most = UINT64_C(1) << (MM_FOLIO_ORDERS - 1);
    *first = frame;
    while (*first > 0 && frame - *first < most && (flags_of(flags, *first) & FLAG_TAIL))
        --*first;
    *end = *first + 1;
    if (!(flags_of(flags, *first) & FLAG_HEAD))
        return;
    while (*end - *first < most && (flags_of(flags, *end) & FLAG_TAIL))
        ++*end;
}

static unsigned order_of(uint64_t pages)
{
    unsigned order = 0;
    while (order + 1 < MM_FOLIO_ORDERS && (UINT64_C(1) << (order + 1)) <= pages)
        order++;
    return order;
}

/* entries are those of pagemap. */
static void count(struct flags *flags, const uint64_t *entries, uint64_t pages, uint64_t page_bytes,
                  struct mm_folios *folios)
{
    uint64_t first = 0;
    uint64_t end = 0;
    for (uint64_t i = 0; i < pages; i++) {
        uint64_t frame = entries[i] & PAGEMAP_FRAME;
        if (!(entries[i] & PAGEMAP_PRESENT))
            continue;
        if (!frame) {
            folios->why_unavailable = "the kernel shows physical pages to root only";
            return;
        }
        if (frame < first || frame >= end)
            find_folio(flags, frame, &first, &end);
        folios->bytes[order_of(end - first)] += page_bytes;
    }
}

/* The entries of a range that is mapped at data; newly allocated, NULL when they cannot be read. */
static uint64_t *read_entries(const void *data, uint64_t pages, uint64_t page_bytes)
{
    size_t size = (size_t)pages * sizeof(uint64_t);
    int descriptor = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    uint64_t *entries = descriptor < 0 ? NULL : malloc(size);
    off_t place = (off_t)((uintptr_t)data / page_bytes * sizeof(uint64_t));
    if (entries && pread(descriptor, entries, size, place) != (ssize_t)size) {
        free(entries);
        entries = NULL;
    }
    if (descriptor >= 0)
        close(descriptor);
    return entries;
}

static void count_mapped(const void *data, uint64_t pages, uint64_t page_bytes,
                         struct mm_folios *folios)
{
    struct flags *flags = calloc(1, sizeof(*flags));
    uint64_t *entries = read_entries(data, pages, page_bytes);
    int descriptor = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
    if (!flags || !entries) {
        folios->why_unavailable = "/proc/self/pagemap cannot be read";
    } else if (descriptor < 0) {
        folios->why_unavailable = errno == ENOENT ? "this kernel has no /proc/kpageflags"
                                                  : "/proc/kpageflags is for root only";
    } else {
        flags->descriptor = descriptor;
        flags->block = UINT64_MAX;
        count(flags, entries, pages, page_bytes, folios);
    }
    if (descriptor >= 0)
        close(descriptor);
    free(entries);
    free(flags);
}

void mm_folios_look(const char *path, uint64_t offset_bytes, uint64_t length_bytes,
                    struct mm_folios *folios)
{
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t start = offset_bytes / page_bytes * page_bytes;
    uint64_t size = offset_bytes + length_bytes - start;
    if (size > MM_FOLIOS_LOOK_BYTES)
        size = MM_FOLIOS_LOOK_BYTES;
    uint64_t pages = (size + page_bytes - 1) / page_bytes;
    *folios = (struct mm_folios){.looked = 1};
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    void *data = MAP_FAILED;
    if (descriptor >= 0 && pages)
        data = mmap(NULL, (size_t)(pages * page_bytes), PROT_READ, MAP_SHARED, descriptor,
                    (off_t)start);
    if (data == MAP_FAILED) {
        folios->why_unavailable = "the file cannot be mapped";
    } else {
        if (madvise(data, (size_t)(pages * page_bytes), MADV_POPULATE_READ))
            folios->why_unavailable = "this kernel cannot map pages ahead (Linux 5.14 can)";
        else
            count_mapped(data, pages, page_bytes, folios);
        munmap(data, (size_t)(pages * page_bytes));
    }
    if (descriptor >= 0)
        close(descriptor);
}

json_t *mm_folios_to_json(const struct mm_folios *folios)
{
    if (!folios->looked)
        return NULL;
    if (folios->why_unavailable)
        return mm_environment_unavailable("%s", folios->why_unavailable);
    json_t *sizes = json_object();
    for (unsigned order = 0; sizes && order < MM_FOLIO_ORDERS; order++) {
        char name[32];
        if (!folios->bytes[order])
            continue;
        snprintf(name, sizeof(name), "%" PRIu64, (uint64_t)sysconf(_SC_PAGESIZE) << order);
        json_object_set_new(sizes, name, json_integer((json_int_t)folios->bytes[order]));
    }
    return sizes;
}
