/* A git worktree for the base, and the project's own build in both trees. */
#include "harness/campaigns/gate_revision.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "harness/campaigns/ending.h"
#include "harness/command.h"
#include "harness/config.h"

#define PLACE     "{program}"
#define LOOK_NS   20000000L
#define TEXT_MOST 4096

static int no_memory(struct mm_error *error)
{
    return mm_error_set(error, -ENOMEM, "not enough memory");
}

static int read_text(const struct mm_config *config, const char *key, bool needed, char **text,
                     struct mm_error *error)
{
    const json_t *node = json_object_get(mm_config_root(config), key);

    if (node == NULL && !needed) {
        return 0;
    }
    if (!json_is_string(node) || json_string_length(node) == 0) {
        return mm_error_set(error, -EINVAL, "%s: '%s' is wanted by --base-rev and takes one value",
                            mm_config_where(config, node), key);
    }
    *text = strdup(json_string_value(node));
    return *text == NULL ? no_memory(error) : 0;
}

static int read_steps(const struct mm_config *config, struct mm_gate_build *build,
                      struct mm_error *error)
{
    const json_t *node = json_object_get(mm_config_root(config), "build");
    size_t count = json_is_array(node) ? json_array_size(node) : node != NULL;

    if (count == 0) {
        return mm_error_set(error, -EINVAL,
                            "%s: 'build' is wanted by --base-rev: the commands that build the "
                            "project",
                            mm_config_where(config, node));
    }
    build->steps = calloc(count, sizeof(*build->steps));
    if (build->steps == NULL) {
        return no_memory(error);
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *step = json_is_array(node) ? json_array_get(node, i) : node;
        char **words = NULL;
        int code = json_is_string(step) ? mm_command_split(json_string_value(step), &words, error)
                                        : mm_error_set(error, -EINVAL, "takes commands");
        free(words);
        if (code < 0) {
            mm_error_prefix(error, "%s: 'build'", mm_config_where(config, step));
            return code;
        }
        build->steps[i] = strdup(json_string_value(step));
        if (build->steps[i] == NULL) {
            return no_memory(error);
        }
        build->step_count++;
    }
    return 0;
}

int mm_gate_build_load(const char *path, struct mm_gate_build *build, struct mm_error *error)
{
    struct mm_config *config = NULL;
    struct mm_gate_build loaded = {0};

    int code = mm_config_load_yaml(path, &config, error);
    if (code < 0) {
        return code;
    }
    code = read_steps(config, &loaded, error);
    if (code == 0) {
        code = read_text(config, "program", true, &loaded.program, error);
    }
    if (code == 0) {
        code = read_text(config, "command", false, &loaded.command, error);
    }
    mm_config_free(config);
    if (code < 0) {
        mm_gate_build_release(&loaded);
        return code;
    }
    *build = loaded;
    return 0;
}

void mm_gate_build_release(struct mm_gate_build *build)
{
    for (size_t i = 0; i < build->step_count; i++) {
        free(build->steps[i]);
    }
    free(build->steps);
    free(build->program);
    free(build->command);
    *build = (struct mm_gate_build){0};
}

/* The child's side of fork. output: what standard output and error become. */
static _Noreturn void become(char *const *words, const char *folder, int output, pid_t parent)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int nothing = open("/dev/null", O_RDWR);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent || nothing < 0 ||
        dup2(nothing, STDIN_FILENO) < 0 || dup2(output < 0 ? nothing : output, STDOUT_FILENO) < 0 ||
        (output < 0 && dup2(nothing, STDERR_FILENO) < 0) || chdir(folder) != 0) {
        _exit(127);
    }
    execvp(words[0], words);
    _exit(127);
}

/* Waits for the child and passes on a signal that asks for the end. Its status or -EINTR. */
static int wait_for(pid_t child)
{
    static const struct timespec look = {.tv_nsec = LOOK_NS};
    int status = 0;

    for (;;) {
        pid_t ended = waitpid(child, &status, WNOHANG);
        if (ended == child) {
            return mm_ending_asked() != 0 ? -EINTR : status;
        }
        if (ended < 0 && errno != EINTR) {
            return -errno;
        }
        if (mm_ending_asked() != 0) {
            kill(child, SIGTERM);
        }
        nanosleep(&look, NULL);
    }
}

/* Runs a program to its end. -ECHILD when it does not end with 0, -EINTR. */
static int run(char *const *words, const char *folder, int output, struct mm_error *error)
{
    pid_t parent = getpid();
    pid_t child = fork();

    if (child < 0) {
        return mm_error_set(error, -errno, "%s: %s", words[0], strerror(errno));
    }
    if (child == 0) {
        become(words, folder, output, parent);
    }
    int status = wait_for(child);
    if (status == -EINTR) {
        return mm_error_set(error, status, "%s: ended by a signal to mapmeter", words[0]);
    }
    if (status < 0 || !WIFEXITED(status)) {
        return mm_error_set(error, -ECHILD, "%s: was killed", words[0]);
    }
    if (WEXITSTATUS(status) != 0) {
        return mm_error_set(error, -ECHILD, "%s: %s %d in %s", words[0],
                            WEXITSTATUS(status) == 127 ? "cannot be started, exit code"
                                                       : "ended with exit code",
                            WEXITSTATUS(status), folder);
    }
    return 0;
}

/* The first line that a program prints, newly allocated in *line. */
static int ask(char *const *words, const char *folder, char **line, struct mm_error *error)
{
    char text[TEXT_MOST];
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0) {
        return mm_error_set(error, -errno, "%s: %s", words[0], strerror(errno));
    }
    /* A line fits into the pipe, so nobody has to read while the program runs. */
    int code = run(words, folder, ends[1], error);
    close(ends[1]);
    ssize_t got = code == 0 ? read(ends[0], text, sizeof(text) - 1) : 0;
    close(ends[0]);
    if (code < 0) {
        return code;
    }
    text[got < 0 ? 0 : got] = '\0';
    text[strcspn(text, "\n")] = '\0';
    *line = strdup(text);
    return *line == NULL ? no_memory(error) : 0;
}

static int check_out(const char *revision, struct mm_gate_revision *made, struct mm_error *error)
{
    const char *parent = getenv("TMPDIR");
    char *commit = NULL;
    char *wanted = mm_text_format("%s^{commit}", revision);
    char *folder = mm_text_format("%s/mapmeter-base-XXXXXX",
                                  parent != NULL && parent[0] == '/' ? parent : "/var/tmp");
    int code = wanted == NULL || folder == NULL ? no_memory(error) : 0;

    if (code == 0) {
        char *const words[] = {"git",  "rev-parse", "--verify", "--quiet", "--end-of-options",
                               wanted, NULL};
        code = ask(words, made->root, &commit, error);
        if (code == -ECHILD) {
            code =
                mm_error_set(error, -ENXIO, "--base-rev %s: git knows no such revision", revision);
        }
    }
    if (code == 0 && mkdtemp(folder) == NULL) {
        code = mm_error_set(error, -errno, "%s: %s", folder, strerror(errno));
    } else if (code == 0) {
        made->folder = strdup(folder);
        char *const words[] = {"git",      "worktree", "add",  "--quiet",
                               "--detach", folder,     commit, NULL};
        code = made->folder == NULL ? no_memory(error) : run(words, made->root, -1, error);
    }
    free(commit);
    free(wanted);
    free(folder);
    return code;
}

static int build_tree(const struct mm_gate_build *build, const char *folder, bool quiet,
                      struct mm_error *error)
{
    for (size_t i = 0; i < build->step_count; i++) {
        char **words = NULL;
        int code = mm_command_split(build->steps[i], &words, error);
        if (code == 0) {
            code = run(words, folder, quiet ? -1 : STDERR_FILENO, error);
        }
        free(words);
        if (code < 0) {
            mm_error_prefix(error, "build step '%s'", build->steps[i]);
            return code;
        }
    }
    return 0;
}

/* The command with every {program} replaced; newly allocated. */
static char *fill_in(const char *command, const char *program)
{
    char *quoted = mm_command_join(&program, 1);
    char *text = strdup("");

    while (text != NULL && quoted != NULL) {
        const char *place = strstr(command, PLACE);
        size_t length = place == NULL ? strlen(command) : (size_t)(place - command);
        char *longer =
            mm_text_format("%s%.*s%s", text, (int)length, command, place == NULL ? "" : quoted);
        free(text);
        text = longer;
        if (place == NULL) {
            break;
        }
        command = place + strlen(PLACE);
    }
    free(quoted);
    return text;
}

/* What a tree has made, as a path or as the command with it. */
static int name_side(const struct mm_gate_build *build, const char *folder, char **side,
                     struct mm_error *error)
{
    char *path = mm_file_join(folder, build->program);

    if (path == NULL) {
        return no_memory(error);
    }
    *side = build->command == NULL ? strdup(path) : fill_in(build->command, path);
    free(path);
    return *side == NULL ? no_memory(error) : 0;
}

static int build_both(const char *revision, const struct mm_gate_build *build, bool quiet,
                      struct mm_gate_revision *made, struct mm_error *error)
{
    char *const words[] = {"git", "rev-parse", "--show-toplevel", NULL};

    int code = ask(words, ".", &made->root, error);
    if (code == -ECHILD) {
        return mm_error_set(error, -EINVAL,
                            "--base-rev %s: the current folder is in no git work tree", revision);
    }
    if (code == 0) {
        code = check_out(revision, made, error);
    }
    if (code == 0) {
        code = build_tree(build, made->folder, quiet, error);
        if (code == -ECHILD) {
            mm_error_prefix(error, "--base-rev %s", revision);
            code = -ENXIO;
        }
    }
    if (code == 0) {
        code = build_tree(build, made->root, quiet, error);
    }
    if (code == 0) {
        code = name_side(build, made->folder, &made->base, error);
    }
    return code == 0 ? name_side(build, made->root, &made->head, error) : code;
}

int mm_gate_revision_build(const char *revision, const struct mm_gate_build *build, bool quiet,
                           struct mm_gate_revision *made, struct mm_error *error)
{
    struct mm_gate_revision trees = {0};
    struct mm_ending ending;

    mm_ending_begin(&ending);
    int code = build_both(revision, build, quiet, &trees, error);
    mm_ending_end(&ending);
    if (code < 0) {
        mm_gate_revision_release(&trees);
        return code;
    }
    *made = trees;
    return 0;
}

void mm_gate_revision_release(struct mm_gate_revision *revision)
{
    struct mm_ending ending;

    if (revision->folder != NULL) {
        char *const words[] = {"git", "worktree", "remove", "--force", revision->folder, NULL};
        /* Held back, so that a second signal does not leave it behind. */
        mm_ending_begin(&ending);
        run(words, revision->root, -1, NULL);
        mm_ending_end(&ending);
        rmdir(revision->folder);
    }
    free(revision->folder);
    free(revision->root);
    free(revision->base);
    free(revision->head);
    *revision = (struct mm_gate_revision){0};
}
