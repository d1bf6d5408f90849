/* A folder for a test's files on a disk: below $TMPDIR if that is one, else below /var/tmp. */
#ifndef MM_TESTS_HARNESS_DATA_FOLDER_H
#define MM_TESTS_HARNESS_DATA_FOLDER_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/random.h"
#include "harness/cache_state.h"

#define DATA_FOLDER_BYTES 256

/* Makes the folder; false when there is no disk to be had. Remove its files and it yourself. */
static inline bool data_folder_make(char folder[DATA_FOLDER_BYTES])
{
    const char *const parents[] = {getenv("TMPDIR"), "/var/tmp", "."};
    for (size_t i = 0; i < 3; i++) {
        const char *why = NULL;
        if (!parents[i] || mm_cache_is_memory_file_system(parents[i], &why))
            continue;
        snprintf(folder, DATA_FOLDER_BYTES, "%s/mapmeter-test-XXXXXX", parents[i]);
        if (mkdtemp(folder))
            return true;
    }
    return false;
}

/* A file of incompressible bytes, a multiple of 8, on storage when this returns. */
static inline bool data_file_make(const char *path, uint64_t size_bytes)
{
    enum { words = 1 << 15 };
    uint64_t *block = malloc(words * sizeof(*block));
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool good = block && descriptor >= 0;
    for (uint64_t done = 0; good && done < size_bytes;) {
        for (uint64_t i = 0; i < words; i++)
            block[i] = mm_random_mix(done / 8 + i);
        uint64_t left = size_bytes - done;
        size_t wanted = left < sizeof(*block) * words ? (size_t)left : sizeof(*block) * words;
        good = write(descriptor, block, wanted) == (ssize_t)wanted;
        done += wanted;
    }
    good = good && fsync(descriptor) == 0;
    if (descriptor >= 0)
        close(descriptor);
    free(block);
    return good;
}

#endif
