/* Runs gnuplot: a folder for it, a process, its picture or its complaint. */
#include "analysis/plots/gnuplot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/error.h"
#include "common/file.h"
#include "common/text.h"

#define LIMIT_SECONDS 60
/* A folder that is older was left by a run that was killed: nobody draws for so long. */
#define LEFTOVER_SECONDS    (2 * LIMIT_SECONDS)
#define FOLDER_PREFIX       "mapmeter-plot-"
#define POLL_NANOSECONDS    5000000L
#define PICTURE_LIMIT_BYTES (64u << 20)

/* The paths of one run. */
struct workplace {
    char *folder;
    char *script_name; /* without the folder, as gnuplot is told it */
    char *script;
    char *data;
    char *picture;
    char *complaints;
};

static void leave(struct workplace *place)
{
    char *const files[] = {place->script, place->data, place->picture, place->complaints};
    for (size_t i = 0; i < MM_COUNT_OF(files); i++) {
        if (files[i]) {
            unlink(files[i]);
        }
        free(files[i]);
    }
    if (place->folder) {
        rmdir(place->folder);
    }
    free(place->folder);
    free(place->script_name);
}

static bool is_leftover(int parent, const char *name)
{
    struct stat state;
    return strncmp(name, FOLDER_PREFIX, strlen(FOLDER_PREFIX)) == 0 &&
           fstatat(parent, name, &state, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(state.st_mode) &&
           state.st_uid == geteuid() && time(NULL) - state.st_mtime > LEFTOVER_SECONDS;
}

/* Folders of drawing are flat. */
static void remove_folder(int parent, const char *name)
{
    int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = folder >= 0 ? fdopendir(folder) : NULL;
    if (!stream) {
        if (folder >= 0) {
            close(folder);
        }
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(stream))) {
        unlinkat(folder, entry->d_name, 0); /* refuses . and .. */
    }
    closedir(stream);
    unlinkat(parent, name, AT_REMOVEDIR);
}

static void remove_leftovers(const char *parent)
{
    DIR *stream = opendir(parent);
    if (!stream) {
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(stream))) {
        if (is_leftover(dirfd(stream), entry->d_name)) {
            remove_folder(dirfd(stream), entry->d_name);
        }
    }
    closedir(stream);
}

static int settle(const char *name, const char *ending, struct workplace *place)
{
    const char *wanted = getenv("TMPDIR");
    const char *parent = wanted && *wanted ? wanted : "/tmp";
    remove_leftovers(parent);
    char *folder = mm_text_format("%s/" FOLDER_PREFIX "XXXXXX", parent);
    if (!folder) {
        return -ENOMEM;
    }
    if (!mkdtemp(folder)) {
        int code = -errno;
        free(folder);
        return code;
    }
    place->folder = folder;
    place->script_name = mm_text_format("%s.gp", name);
    place->script = mm_text_format("%s/%s.gp", folder, name);
    place->data = mm_text_format("%s/%s.dat", folder, name);
    place->picture = mm_text_format("%s/%s.%s", folder, name, ending);
    place->complaints = mm_text_format("%s/%s.err", folder, name);
    bool complete =
        place->script_name && place->script && place->data && place->picture && place->complaints;
    return complete ? 0 : -ENOMEM;
}

static int start(const struct workplace *place, pid_t *pid)
{
    /* -d: the settings of nobody's start-up file. */
    char *arguments[] = {"gnuplot", "-d", place->script_name, NULL};
    posix_spawn_file_actions_t actions;
    int result = posix_spawn_file_actions_init(&actions);
    if (result != 0) {
        return -result;
    }
    result = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (result == 0) {
        result =
            posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    }
    if (result == 0) {
        result = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, place->complaints,
                                                  O_WRONLY | O_CREAT | O_TRUNC, 0600);
    }
    if (result == 0) {
        result = posix_spawn_file_actions_addchdir_np(&actions, place->folder);
    }
    if (result == 0) {
        result = posix_spawnp(pid, arguments[0], &actions, NULL, arguments, environ);
    }
    posix_spawn_file_actions_destroy(&actions);
    return -result;
}

/* Waits for the end; -ETIMEDOUT when it had to be ended, -EIO when it did not end with 0. */
static int wait_for(pid_t pid)
{
    const struct timespec pause = {.tv_nsec = POLL_NANOSECONDS};
    for (long waited_ns = 0; waited_ns < LIMIT_SECONDS * 1000000000L;
         waited_ns += POLL_NANOSECONDS) {
        int status;
        pid_t ended = waitpid(pid, &status, WNOHANG);
        if (ended == pid) {
            return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
        }
        if (ended < 0 && errno != EINTR) {
            return -errno;
        }
        nanosleep(&pause, NULL);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return -ETIMEDOUT;
}

/* The line of gnuplot's complaints that names the error: the last one with text. */
static char *last_complaint(const char *path)
{
    char *bytes = NULL;
    size_t size;
    if (mm_file_read(path, 1u << 20, &bytes, &size, NULL) < 0) {
        return strdup("it gave no reason");
    }
    const char *last = "it gave no reason";
    char *rest = NULL;
    for (char *line = strtok_r(bytes, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (line[strspn(line, " ^\t")] != '\0') {
            last = line;
        }
    }
    char *copy = strdup(last);
    free(bytes);
    return copy;
}

static char *explain(int code, const struct workplace *place)
{
    if (!place->folder) {
        return mm_text_format("no folder for gnuplot could be made below $TMPDIR or /tmp: %s",
                              strerror(-code));
    }
    if (code == -ENOENT) {
        return strdup("gnuplot was not found: install it (Debian: gnuplot-nox), then run "
                      "'mapmeter report' on the record");
    }
    if (code == -ETIMEDOUT) {
        return mm_text_format("gnuplot did not end within %d seconds", LIMIT_SECONDS);
    }
    if (code == -EIO && place->complaints) {
        char *complaint = last_complaint(place->complaints);
        const char *remedy = complaint && strstr(complaint, "terminal type")
                                 ? ": this gnuplot lacks the terminal (Debian: gnuplot-nox has it)"
                                 : "";
        char *why = complaint ? mm_text_format("gnuplot failed: %s%s", complaint, remedy) : NULL;
        free(complaint);
        return why;
    }
    return mm_text_format("gnuplot could not be run: %s", strerror(-code));
}

int mm_gnuplot_draw(const struct mm_gnuplot_job *job, char **svg, size_t *svg_size, char **why)
{
    struct workplace place = {0};
    pid_t pid;
    int result = settle(job->name, job->ending ? job->ending : "svg", &place);
    if (result == 0) {
        result = mm_file_replace(place.script, job->script, job->script_size, NULL);
    }
    if (result == 0) {
        result = mm_file_replace(place.data, job->data, job->data_size, NULL);
    }
    if (result == 0) {
        result = start(&place, &pid);
    }
    if (result == 0) {
        result = wait_for(pid);
    }
    if (result == 0) {
        result = mm_file_read(place.picture, PICTURE_LIMIT_BYTES, svg, svg_size, NULL);
        result = result == -ENOENT ? -EIO : result;
    }
    if (result < 0) {
        *why = explain(result, &place);
    }
    leave(&place);
    return result;
}
