/* Fuzzes the text of dtypes: the canonical descr of what is accepted means the same. */
#include <stdlib.h>
#include <string.h>

#include "mapping/dtype.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct marray_dtype dtype;
    struct marray_dtype again;
    struct marray_message message = {""};
    char *text = malloc(size + 1);
    FUZZ_CHECK(text);
    memcpy(text, data, size);
    text[size] = '\0';
    if (marray_dtype_parse(text, &dtype, &message)) {
        FUZZ_CHECK(message.text[0]);
    } else {
        FUZZ_CHECK(dtype.item_bytes > 0);
        FUZZ_CHECK(marray_dtype_parse(marray_dtype_descr(&dtype), &again, &message) == 0);
        FUZZ_CHECK(again.item_bytes == dtype.item_bytes);
        FUZZ_CHECK(!strcmp(marray_dtype_descr(&again), marray_dtype_descr(&dtype)));
        marray_dtype_release(&again);
        marray_dtype_release(&dtype);
    }
    free(text);
    return 0;
}
