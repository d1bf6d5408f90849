/* Feeds the files of a folder to a fuzzer without libFuzzer: a corpus as a test. */
#include <dirent.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

/* The bytes in an allocation of just their size, so that a sanitizer sees a read beyond them. */
static int feed(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        return 1;
    static unsigned char bytes[1 << 20];
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    int status = ferror(file);
    fclose(file);
    uint8_t *data = malloc(size > 0 ? size : 1);
    if (!data)
        return 1;
    memcpy(data, bytes, size);
    if (!status)
        LLVMFuzzerTestOneInput(data, size);
    free(data);
    return status;
}

int main(int count, char **arguments)
{
    DIR *folder = count == 2 ? opendir(arguments[1]) : NULL;
    const struct dirent *entry;
    int fed = 0;
    if (!folder) {
        fprintf(stderr, "usage: %s FOLDER\n", arguments[0]);
        return 2;
    }
    while ((entry = readdir(folder))) {
        if (entry->d_name[0] == '.')
            continue;
        if (feed(arguments[1], entry->d_name)) {
            fprintf(stderr, "cannot read %s/%s\n", arguments[1], entry->d_name);
            return 1;
        }
        fed++;
    }
    closedir(folder);
    printf("%d inputs of %s\n", fed, arguments[1]);
    return fed > 0 ? 0 : 1;
}
