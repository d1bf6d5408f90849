/* Fuzzes the header of .npy files: what is accepted is written again and read back alike. */
#include <stdlib.h>
#include <string.h>

#include "mapping/layout.h"
#include "mapping/npy.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct marray_npy npy;
    struct marray_npy again;
    struct marray_message message = {""};
    if (marray_npy_parse(data, size, &npy, &message)) {
        FUZZ_CHECK(message.text[0]);
        return 0;
    }
    FUZZ_CHECK(npy.data_offset <= size && npy.dimensions <= MARRAY_MAX_DIMENSIONS);
    uint64_t length;
    uint64_t size_bytes;
    if (marray_layout_size(npy.shape, npy.dimensions, npy.dtype.item_bytes, &length, &size_bytes))
        return 0;
    unsigned char *header = malloc(MARRAY_NPY_HEADER_BYTES);
    FUZZ_CHECK(header);
    size_t written =
        marray_npy_write(&npy.dtype, npy.fortran_order, npy.shape, npy.dimensions, header);
    FUZZ_CHECK(written <= MARRAY_NPY_HEADER_BYTES && written % 64 == 0);
    FUZZ_CHECK(marray_npy_parse(header, written, &again, &message) == 0);
    FUZZ_CHECK(again.dimensions == npy.dimensions);
    FUZZ_CHECK(!memcmp(again.shape, npy.shape, (size_t)npy.dimensions * sizeof(npy.shape[0])));
    FUZZ_CHECK(!strcmp(again.dtype.descr, npy.dtype.descr));
    free(header);
    return 0;
}
