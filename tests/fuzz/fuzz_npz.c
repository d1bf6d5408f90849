/* Fuzzes the directory of .npz files: whatever it says, nothing is read outside of the file. */
#include <string.h>

#include "mapping/npz.h"
#include "tests/fuzz/fuzz.h"

struct memory {
    const uint8_t *data;
    size_t size;
};

static int read_memory(void *context, void *bytes, size_t size, uint64_t offset)
{
    const struct memory *memory = context;
    FUZZ_CHECK(offset <= memory->size && size <= memory->size - offset);
    memcpy(bytes, memory->data + offset, size);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory memory = {data, size};
    const struct marray_npz_source source = {&memory, size, read_memory};
    static const char *const members[] = {"a", "b.npy"};
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        struct marray_message message = {""};
        uint64_t offset;
        uint64_t size_bytes;
        if (marray_npz_find(&source, members[i], &offset, &size_bytes, &message))
            FUZZ_CHECK(message.text[0]);
        else
            FUZZ_CHECK(offset <= size && size_bytes <= size - offset);
    }
    return 0;
}
