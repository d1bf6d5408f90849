/* Folders that tests make and take away. */
#include "tests/support/folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#define OPEN_FOLDERS 16

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

int mm_test_remove_folder(const char *path)
{
    return nftw(path, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
}

struct mm_test_place *mm_test_place_make(const char *subject, const char *file)
{
    const char *base = getenv("TMPDIR");
    struct mm_test_place *place = calloc(1, sizeof(*place));
    if (!place)
        return NULL;
    snprintf(place->folder, sizeof(place->folder), "%.200s/mapmeter-%.20s-XXXXXX",
             base ? base : "/var/tmp", subject);
    if (!mkdtemp(place->folder)) {
        free(place);
        return NULL;
    }
    snprintf(place->file, sizeof(place->file), "%s/%s", place->folder, file);
    return place;
}

int mm_test_place_remove(struct mm_test_place *place)
{
    int result = mm_test_remove_folder(place->folder);
    free(place);
    return result;
}
