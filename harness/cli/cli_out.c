/* The folder of results: made new, never written over. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "harness/cli/cli.h"

#define DEFAULT_PARENT "mapmeter-results"
#define LATEST         DEFAULT_PARENT "/latest"
#define NAME_ATTEMPTS  1000

/* 0 for an empty folder, -EEXIST for one with anything in it, or why it cannot be read. */
static int check_empty(const char *folder)
{
    DIR *stream = opendir(folder);
    if (!stream)
        return -errno;
    int status = 0;
    const struct dirent *entry;
    while (!status && (entry = readdir(stream))) {
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            status = -EEXIST;
    }
    closedir(stream);
    return status;
}

/* How much of the path is there already: the length of its longest existing beginning. */
static size_t existing_length(const char *path)
{
    size_t length = strlen(path);
    char *part = strdup(path);
    while (part && length && access(part, F_OK)) {
        while (length && part[length - 1] != '/')
            length--;
        while (length && part[length - 1] == '/')
            length--;
        part[length] = '\0';
    }
    free(part);
    return length;
}

static int make_asked(const char *asked, struct mm_cli_out *out, struct mm_error *error)
{
    struct stat state;
    if (!asked[0])
        return mm_error_set(error, -EINVAL, "--out: the name is empty");
    if (!stat(asked, &state)) {
        int status = S_ISDIR(state.st_mode) ? check_empty(asked) : -ENOTDIR;
        if (status == -EEXIST)
            return mm_error_set(error, -EEXIST,
                                "--out %s: the folder exists and is not empty; name a new one",
                                asked);
        if (status == -ENOTDIR)
            return mm_error_set(error, -EEXIST, "--out %s: a file has this name; name a new folder",
                                asked);
        if (status)
            return mm_error_set(error, status, "--out %s: %s", asked, strerror(-status));
        if (access(asked, W_OK | X_OK))
            return mm_error_set(error, -errno, "--out %s: %s", asked, strerror(errno));
    }
    size_t kept = existing_length(asked);
    char *folder = strdup(asked);
    if (!folder)
        return mm_error_set(error, -ENOMEM, "not enough memory");
    int status = mm_file_make_folders(folder, error);
    if (status) {
        mm_error_prefix(error, "--out");
        free(folder);
        return status;
    }
    *out = (struct mm_cli_out){.folder = folder, .kept = kept};
    return 0;
}

/* "mapmeter-results/20261122T150000Z-quick", with "-2" and so on when that is taken. */
static int make_default(const char *suite, struct mm_cli_out *out, struct mm_error *error)
{
    char stamp[32];
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc);
    size_t kept = access(DEFAULT_PARENT, F_OK) ? 0 : strlen(DEFAULT_PARENT);
    int status = mm_file_make_folders(DEFAULT_PARENT, error);
    if (status) {
        mm_error_prefix(error, "the default --out");
        return status;
    }
    for (unsigned attempt = 1; attempt <= NAME_ATTEMPTS; attempt++) {
        char again[16] = "";
        if (attempt > 1)
            snprintf(again, sizeof(again), "-%u", attempt);
        char *folder = mm_text_format(DEFAULT_PARENT "/%s-%s%s", stamp, suite, again);
        if (!folder)
            return mm_error_set(error, -ENOMEM, "not enough memory");
        for (char *space = folder; (space = strchr(space, ' ')); space++)
            *space = '-';
        if (!mkdir(folder, 0777)) {
            *out = (struct mm_cli_out){.folder = folder, .kept = kept, .link = true};
            return 0;
        }
        status = -errno;
        if (status != -EEXIST)
            mm_error_set(error, status, "%s: %s", folder, strerror(-status));
        free(folder);
        if (status != -EEXIST)
            return status;
    }
    return mm_error_set(error, -EEXIST, "no free name in " DEFAULT_PARENT "; give one by --out");
}

/* Two runs in one folder would write over each other's record. The lock is the folder's own, so
 * nothing is left of it, and it goes with the process, however that ends. */
static int lock(const char *folder, int *descriptor, struct mm_error *error)
{
    int opened = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0)
        return mm_error_set(error, -errno, "%s: %s", folder, strerror(errno));
    /* Network file systems may not know such locks. */
    if (flock(opened, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
        close(opened);
        return mm_error_set(error, -EBUSY, "%s: another run is at work in this folder", folder);
    }
    *descriptor = opened;
    return 0;
}

int mm_cli_out_make(const char *asked, const char *suite, struct mm_cli_out *out,
                    struct mm_error *error)
{
    struct mm_cli_out made = {.lock = -1};
    if (!asked)
        mm_cli_clean_all_results(DEFAULT_PARENT);
    int status = asked ? make_asked(asked, &made, error) : make_default(suite, &made, error);
    if (status)
        return status;
    made.lock = -1;
    status = lock(made.folder, &made.lock, error);
    /* Another run may have been quicker since it was found empty. */
    if (!status && check_empty(made.folder) == -EEXIST)
        status =
            mm_error_set(error, -EEXIST, "--out %s: the folder is not empty any more", made.folder);
    if (status) {
        mm_cli_out_release(&made);
        return status;
    }
    *out = made;
    return 0;
}

int mm_cli_out_resume(const char *folder, struct mm_cli_out *out, struct mm_error *error)
{
    struct mm_cli_out found = {.folder = strdup(folder), .kept = strlen(folder), .lock = -1};
    if (!found.folder)
        return mm_error_set(error, -ENOMEM, "not enough memory");
    int status = lock(folder, &found.lock, error);
    if (status) {
        mm_error_prefix(error, "--resume");
        mm_cli_out_release(&found);
        return status;
    }
    mm_cli_clean_results(found.lock);
    *out = found;
    return 0;
}

int mm_cli_out_link(const struct mm_cli_out *out, struct mm_error *error)
{
    if (!out->link)
        return 0;
    char *temporary = mm_text_format(DEFAULT_PARENT "/.latest-%ld", (long)getpid());
    if (!temporary)
        return mm_error_set(error, -ENOMEM, "not enough memory");
    int status = 0;
    const char *target = strrchr(out->folder, '/') + 1;
    /* A link is replaced by renaming another over it, so that it is there at every moment. */
    if (symlink(target, temporary)) {
        status = mm_error_set(error, -errno, LATEST ": %s", strerror(errno));
    } else if (rename(temporary, LATEST)) {
        status = mm_error_set(error, -errno, LATEST ": %s", strerror(errno));
        unlink(temporary);
    }
    free(temporary);
    return status;
}

void mm_cli_out_remove_empty(const struct mm_cli_out *out)
{
    char *path = strdup(out->folder);
    if (!path)
        return;
    size_t length = strlen(path);
    while (length > out->kept && !rmdir(path)) {
        while (length && path[length - 1] != '/')
            length--;
        while (length && path[length - 1] == '/')
            length--;
        path[length] = '\0';
    }
    free(path);
}

void mm_cli_out_release(struct mm_cli_out *out)
{
    free(out->folder);
    if (out->lock >= 0)
        close(out->lock);
    *out = (struct mm_cli_out){.lock = -1};
}
