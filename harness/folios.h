/* Which folios hold a file's pages: they decide how many faults a pass over a map takes. */
#ifndef MM_HARNESS_FOLIOS_H
#define MM_HARNESS_FOLIOS_H

#include <stdint.h>

#include <jansson.h>

#define MM_FOLIO_ORDERS 14

/* No more than this of a file is looked at, from the start of the range: a look takes a millisecond
 * for each 10 MiB or so. */
#define MM_FOLIOS_LOOK_BYTES (UINT64_C(64) << 20)

/* Plain data; all zero: not looked at. */
struct mm_folios {
    uint64_t bytes[MM_FOLIO_ORDERS]; /* of the range, in folios of page size << index */
    const char *why_unavailable;     /* static text, or NULL */
    int looked;
};

/*
 * Looks at the pages of [offset, +length), which are in the page cache. They are mapped for it and
 * unmapped again. By /proc/self/pagemap and /proc/kpageflags, which only root may read: folios->
 * why_unavailable says so.
 */
void mm_folios_look(const char *path, uint64_t offset_bytes, uint64_t length_bytes,
                    struct mm_folios *folios);

/* {"4096": bytes, "65536": bytes, ...}, or why there is none; NULL when nothing was looked at. New
 * reference. */
json_t *mm_folios_to_json(const struct mm_folios *folios);

#endif
