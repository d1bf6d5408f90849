/* A program whose page faults are known: touch_pages N writes once to each of N new pages. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* A sanitizer's shadow memory would add faults of its own. */
__attribute__((no_sanitize("address", "thread", "undefined"))) static void touch(
    volatile unsigned char *memory, size_t pages, size_t page_bytes)
{
    for (size_t i = 0; i < pages; i++)
        memory[i * page_bytes] = 1;
}

int main(int argc, char **argv)
{
    char *end = NULL;
    unsigned long pages = argc == 2 ? strtoul(argv[1], &end, 10) : 0;
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    if (pages == 0 || *end != '\0' || pages > 1000000) {
        fprintf(stderr, "usage: touch_pages N, with N from 1 to 1000000\n");
        return 2;
    }
    void *memory =
        mmap(NULL, pages * page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    /* Huge pages would be one fault for many; a kernel without them knows no such advice. */
    if (memory == MAP_FAILED ||
        (madvise(memory, pages * page_bytes, MADV_NOHUGEPAGE) && errno != EINVAL)) {
        perror("touch_pages");
        return 1;
    }
    touch(memory, pages, page_bytes);
    return 0;
}
