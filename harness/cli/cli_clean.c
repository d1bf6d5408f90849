/* What a killed run leaves behind: temporary names, which the next run takes away. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/file.h"
#include "harness/cli/cli.h"

static const char LINK_PREFIX[] = ".latest-";

static const char *skip_digits(const char *text)
{
    while (isdigit((unsigned char)*text))
        text++;
    return text;
}

/* "results.json.1234-0.tmp", as mm_file_replace names what it has not finished. */
static bool is_temporary(const char *name)
{
    size_t length = strlen(name);
    if (length < sizeof(".1-0.tmp") || strcmp(name + length - 4, ".tmp") != 0)
        return false;
    for (const char *dot = strchr(name + 1, '.'); dot; dot = strchr(dot + 1, '.')) {
        const char *dash = skip_digits(dot + 1);
        const char *end = *dash == '-' && dash > dot + 1 ? skip_digits(dash + 1) : dash;
        if (end > dash + 1 && !strcmp(end, ".tmp"))
            return true;
    }
    return false;
}

static void clean_one_folder(int descriptor)
{
    DIR *stream = fdopendir(descriptor);
    if (!stream) {
        close(descriptor);
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(stream))) {
        if (is_temporary(entry->d_name))
            unlinkat(dirfd(stream), entry->d_name, 0);
    }
    closedir(stream);
}

void mm_cli_clean_results(int folder)
{
    static const char *const parts[] = {".", "plots"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        int part = openat(folder, parts[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (part >= 0)
            clean_one_folder(part);
    }
}

/* A link of a run that is gone; one that is about to rename its own is left alone. */
static void clean_link(int parent, const char *name)
{
    const char *digits = name + sizeof(LINK_PREFIX) - 1;
    long pid = strtol(digits, NULL, 10);
    if (pid > 0 && !*skip_digits(digits) && kill((pid_t)pid, 0) && errno == ESRCH)
        unlinkat(parent, name, 0);
}

static void clean_entry(int parent, const char *name)
{
    if (!strncmp(name, LINK_PREFIX, sizeof(LINK_PREFIX) - 1)) {
        clean_link(parent, name);
        return;
    }
    if (name[0] == '.')
        return;
    int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0)
        return;
    /* The lock of a run that is at work says that its temporary files are wanted. */
    if (!flock(folder, LOCK_EX | LOCK_NB))
        mm_cli_clean_results(folder);
    close(folder);
}

void mm_cli_clean_all_results(const char *parent)
{
    DIR *stream = opendir(parent);
    if (!stream)
        return;
    const struct dirent *entry;
    while ((entry = readdir(stream)))
        clean_entry(dirfd(stream), entry->d_name);
    closedir(stream);
}
