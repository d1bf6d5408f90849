/* Memory that is there when the clock starts. */
#include "workloads/support/buffer.h"

#include <stddef.h>
#include <sys/mman.h>

void *mm_buffer_allocate(uint64_t length_bytes)
{
    void *buffer = mmap(NULL, length_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    return buffer == MAP_FAILED ? NULL : buffer;
}

void mm_buffer_free(void *buffer, uint64_t length_bytes)
{
    if (buffer)
        munmap(buffer, length_bytes);
}
