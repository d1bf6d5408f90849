/* Fuzzes the header of .npy files: what is accepted is written again and read back alike. */
#include <stdlib.h>
#include <string.h>

#include "mapping/layout.h"
#include "mapping/npy.h"
#include "tests/fuzz/fuzz.h"

/* Escapes make what is written longer than what was read. */
#define WRITTEN_LIMIT 1000000

static void write_again(const struct marray_npy *npy)
{
    struct marray_npy again;
    struct marray_message message = {""};
    unsigned char *header;
    size_t size;
    FUZZ_CHECK(marray_npy_write(&npy->dtype, npy->fortran_order, npy->shape, npy->dimensions,
                                &header, &size) == 0);
    FUZZ_CHECK(size % 64 == 0);
    FUZZ_CHECK(marray_npy_parse(header, size, WRITTEN_LIMIT, &again, &message) == 0);
    FUZZ_CHECK(again.dimensions == npy->dimensions);
    FUZZ_CHECK(!memcmp(again.shape, npy->shape, (size_t)npy->dimensions * sizeof(npy->shape[0])));
    FUZZ_CHECK(!strcmp(marray_dtype_descr(&again.dtype), marray_dtype_descr(&npy->dtype)));
    marray_dtype_release(&again.dtype);
    free(header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct marray_npy npy;
    struct marray_message message = {""};
    if (marray_npy_parse(data, size, 0, &npy, &message)) {
        FUZZ_CHECK(message.text[0]);
        return 0;
    }
    FUZZ_CHECK(npy.data_offset <= size && npy.dimensions <= MARRAY_MAX_DIMENSIONS);
    uint64_t length;
    uint64_t size_bytes;
    if (!marray_layout_size(npy.shape, npy.dimensions, npy.dtype.item_bytes, &length, &size_bytes))
        write_again(&npy);
    marray_dtype_release(&npy.dtype);
    return 0;
}
