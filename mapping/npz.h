/*
 * The directory of a .npz file, which is a ZIP archive, as a pure function over a source of bytes:
 * safe on hostile input, in bounded memory. The format is PKWARE's APPNOTE.TXT 6.3, sections 4.3
 * and 4.5.3 (ZIP64); archives with something in front of them are found as Python's zipfile does.
 */
#ifndef MARRAY_NPZ_H
#define MARRAY_NPZ_H

#include <stddef.h>
#include <stdint.h>

#include "mapping/marray.h"

/* Where the archive is read from. */
struct marray_npz_source {
    void *context;
    uint64_t size_bytes;
    /* All of the bytes, which are within size_bytes, or an error. */
    int (*read)(void *context, void *bytes, size_t size, uint64_t offset);
};

/*
 * Finds where the bytes of a stored member are: within the file, in front of the directory. The
 * name may lack its ".npy"; of members of one name the last counts. -ENOENT no such member,
 * -ENOTSUP it is compressed or encrypted, -EBADMSG not a valid archive, or from read; with message.
 */
int marray_npz_find(const struct marray_npz_source *source, const char *member, uint64_t *offset,
                    uint64_t *size_bytes, struct marray_message *message);

#endif
