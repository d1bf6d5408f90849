/* Memory that is there when the clock starts. */
#ifndef MM_WORKLOADS_SUPPORT_BUFFER_H
#define MM_WORKLOADS_SUPPORT_BUFFER_H

#include <stdint.h>

/*
 * Page-aligned zeroed memory of at least length_bytes > 0, each page populated, so that no first
 * touch is left to a measured phase; NULL when memory is short. malloc and memset would not do:
 * compilers make calloc of them, which leaves the pages untouched. Released with mm_buffer_free,
 * which takes NULL.
 */
void *mm_buffer_allocate(uint64_t length_bytes);
void mm_buffer_free(void *buffer, uint64_t length_bytes);

#endif
