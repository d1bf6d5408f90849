/* Fuzzes the text that describes views: what is accepted lies within 63 bits. */
#include <stdlib.h>
#include <string.h>

#include "mapping/descriptor.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct marray_descriptor *descriptor = malloc(sizeof(*descriptor));
    struct marray_message message = {""};
    char *text = malloc(size + 1);
    FUZZ_CHECK(descriptor && text);
    memcpy(text, data, size);
    text[size] = '\0';
    if (marray_descriptor_parse(text, descriptor, &message)) {
        FUZZ_CHECK(message.text[0]);
    } else {
        uint64_t lowest;
        uint64_t span_bytes;
        FUZZ_CHECK(descriptor->dimensions <= MARRAY_MAX_DIMENSIONS);
        FUZZ_CHECK(descriptor->path[0] && descriptor->dtype[0]);
        if (marray_descriptor_span(descriptor, 8, &lowest, &span_bytes) == 0) {
            FUZZ_CHECK(lowest <= descriptor->offset_bytes);
            FUZZ_CHECK(lowest + span_bytes <= INT64_MAX);
        }
    }
    free(text);
    free(descriptor);
    return 0;
}
