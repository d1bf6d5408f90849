/* What this machine can measure: every ability is tried, not guessed from versions. */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/random.h"
#include "common/text.h"
#include "common/units.h"
#include "harness/cache_state.h"
#include "harness/clock.h"
#include "harness/counters.h"
#include "harness/data_cache.h"
#include "harness/environment.h"
#include "harness/environment_file.h"
#include "harness/environment_read.h"
#include "harness/memory_limit.h"
#include "harness/noise.h"

#define LINE_BYTES 224

struct examination {
    const char *folder;
    char *file; /* a small temporary file in folder, NULL when none could be made */
    char file_trouble[LINE_BYTES];
    struct mm_doctor_fact *facts;
    size_t limit;
    size_t count;
};

/* remedy "" where nothing is to be done. Beyond the limit findings are dropped. */
static void add(struct examination *examination, const char *subject, enum mm_doctor_state state,
                const char *remedy, const char *format, ...) __attribute__((format(printf, 5, 6)));

static void add(struct examination *examination, const char *subject, enum mm_doctor_state state,
                const char *remedy, const char *format, ...)
{
    if (examination->count == examination->limit)
        return;
    struct mm_doctor_fact *fact = &examination->facts[examination->count++];
    fact->subject = subject;
    fact->state = state;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fact->finding, sizeof(fact->finding), format, arguments);
    va_end(arguments);
    snprintf(fact->remedy, sizeof(fact->remedy), "%s", remedy);
}

static void probe_processors(struct examination *examination)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t allowed;
    /* The set is too small for machines of more than 1024 processors: then it is not limited. */
    long usable = sched_getaffinity(0, sizeof(allowed), &allowed) ? online : CPU_COUNT(&allowed);
    if (usable < 2)
        add(examination, "processors", MM_DOCTOR_LIMITED,
            "give this process two processors or more",
            "%ld of %ld: processes of a multi-process workload take turns", usable, online);
    else
        add(examination, "processors", MM_DOCTOR_OK, "", "%ld of %ld usable", usable, online);
}

static void probe_user(struct examination *examination)
{
    if (geteuid() == 0)
        add(examination, "user", MM_DOCTOR_OK, "", "root");
    else
        add(examination, "user", MM_DOCTOR_OK, "",
            "user %lu: files that belong to others are verified by what the device delivers",
            (unsigned long)geteuid());
}

/* Adds what the counters say of themselves: a finding, and a remedy after its own word. */
static void add_counters_line(struct examination *examination, const char *subject,
                              enum mm_doctor_state state, char *line)
{
    static const char word[] = "; remedy: ";
    char *remedy = strstr(line, word);
    if (remedy) {
        *remedy = '\0';
        remedy += strlen(word);
    }
    add(examination, subject, state, remedy ? remedy : "", "%s", line);
}

static void probe_page_faults(struct examination *examination)
{
    char line[MM_ERROR_TEXT_BYTES];
    bool full = mm_counters_probe(line, sizeof(line));
    add_counters_line(examination, "page faults", full ? MM_DOCTOR_OK : MM_DOCTOR_LIMITED, line);
}

static void probe_hardware_counters(struct examination *examination)
{
    static const char *const events[] = {"CYCLES"};
    struct mm_counters *counters = NULL;
    if (mm_counters_open(events, MM_COUNT_OF(events), &counters, NULL))
        return;
    /* The events that were asked for come last. */
    const char *why = mm_counters_why_unavailable(counters, mm_counters_count(counters) - 1);
    char line[MM_ERROR_TEXT_BYTES];
    snprintf(line, sizeof(line), "%s", why ? why : "the CPU's PMU counts");
    if (why && !strstr(why, "remedy"))
        add(examination, "hardware counters", MM_DOCTOR_MISSING,
            "measure on bare metal, or give the guest a virtual PMU", "%s", line);
    else
        add_counters_line(examination, "hardware counters", why ? MM_DOCTOR_MISSING : MM_DOCTOR_OK,
                          line);
    mm_counters_close(counters);
}

static int open_tracepoint(long long id)
{
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_TRACEPOINT,
        .size = sizeof(attributes),
        .config = (uint64_t)id,
    };
    long descriptor = syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    return descriptor < 0 ? -errno : (int)descriptor;
}

static void probe_tracepoints(struct examination *examination)
{
    static const char *const files[] = {
        "/sys/kernel/tracing/events/exceptions/page_fault_user/id",
        "/sys/kernel/debug/tracing/events/exceptions/page_fault_user/id",
    };
    long long id = 0;
    int status = mm_environment_read_number(files[0], &id);
    if (status)
        status = mm_environment_read_number(files[1], &id);
    if (status) {
        add(examination, "tracepoints", MM_DOCTOR_MISSING,
            "mount -t tracefs nodev /sys/kernel/tracing, and run as root", "%s: %s", files[0],
            strerror(-status));
        return;
    }
    int descriptor = open_tracepoint(id);
    if (descriptor < 0) {
        add(examination, "tracepoints", MM_DOCTOR_MISSING,
            "run as root, or sysctl kernel.perf_event_paranoid=-1",
            "exceptions:page_fault_user cannot be opened: %s", strerror(-descriptor));
        return;
    }
    close(descriptor);
    add(examination, "tracepoints", MM_DOCTOR_OK, "", "exceptions:page_fault_user opens");
}

/* A file of some pages on storage, or the reason in file_trouble. */
static void make_file(struct examination *examination)
{
    uint64_t block[8192];
    for (size_t i = 0; i < MM_COUNT_OF(block); i++)
        block[i] = mm_random_mix(i);
    char *path = mm_text_format("%s/mapmeter-doctor-XXXXXX", examination->folder);
    int descriptor = path ? mkostemp(path, O_CLOEXEC) : -1;
    if (descriptor < 0) {
        snprintf(examination->file_trouble, sizeof(examination->file_trouble),
                 "no file can be made in '%.128s': %s", examination->folder, strerror(errno));
        free(path);
        return;
    }
    int status = 0;
    ssize_t written = write(descriptor, block, sizeof(block));
    if (written != (ssize_t)sizeof(block))
        status = written < 0 ? -errno : -ENOSPC;
    else if (fsync(descriptor))
        status = -errno;
    close(descriptor);
    if (status) {
        unlink(path);
        free(path);
        snprintf(examination->file_trouble, sizeof(examination->file_trouble),
                 "no file can be written in '%.128s': %s", examination->folder, strerror(-status));
        return;
    }
    examination->file = path;
}

static void probe_cachestat(struct examination *examination)
{
    struct mm_cache_residency residency;
    int status = mm_cache_residency(examination->file, 0, 0, &residency, NULL);
    if (status == 0 && strcmp(residency.method, "cachestat") == 0)
        add(examination, "cachestat", MM_DOCTOR_OK, "",
            "tells resident, dirty and writeback pages%s",
            geteuid() == 0 ? "" : " of files that you own or may write");
    else
        add(examination, "cachestat", MM_DOCTOR_LIMITED,
            "use Linux 6.5 or later; in a container, allow system call 451",
            "not in this kernel, or blocked; residency is verified by %s",
            status == 0 && strcmp(residency.method, "mincore") == 0 ? "mincore"
                                                                    : "what the device delivers");
}

static void probe_mincore(struct examination *examination)
{
    unsigned char pages[64] = {0};
    size_t length = (size_t)sysconf(_SC_PAGESIZE);
    int descriptor = open(examination->file, O_RDONLY | O_CLOEXEC);
    void *map =
        descriptor < 0 ? MAP_FAILED : mmap(NULL, length, PROT_READ, MAP_SHARED, descriptor, 0);
    int status = map == MAP_FAILED || mincore(map, length, pages) ? -errno : 0;
    if (map != MAP_FAILED)
        munmap(map, length);
    if (descriptor >= 0)
        close(descriptor);
    if (status)
        add(examination, "mincore", MM_DOCTOR_LIMITED, "", "fails here: %s", strerror(-status));
    else
        add(examination, "mincore", MM_DOCTOR_OK, "",
            "tells resident pages of files that you own or may write");
}

static void probe_cold(struct examination *examination)
{
    struct mm_environment_mount mount = {.type = "an unknown file system"};
    struct mm_cache_residency residency;
    struct mm_error error = {0};
    (void)mm_environment_find_mount(examination->file, &mount);
    int status = mm_cache_make_cold(examination->file, &residency, &error);
    if (status == 0)
        add(examination, "cache cold", MM_DOCTOR_OK, "", "a file on %s was evicted, verified by %s",
            mount.type, residency.method);
    else if (status == -ENODATA)
        add(examination, "cache cold", MM_DOCTOR_LIMITED,
            "use Linux 6.5 or later, or measure files of your own",
            "on %s cold is verified by what the device delivers: %.100s", mount.type,
            residency.why);
    else if (status == -ENOTSUP)
        add(examination, "cache cold", MM_DOCTOR_MISSING,
            "put the data on a disk: choose another folder",
            "%.64s is on %s: cold cases are "
            "skipped",
            examination->folder, mount.type);
    else
        add(examination, "cache cold", MM_DOCTOR_MISSING, "choose a folder on a local disk",
            "on %s: %.180s", mount.type, error.text);
}

static void probe_warm(struct examination *examination)
{
    struct mm_cache_residency residency;
    struct mm_error error = {0};
    int status = mm_cache_make_warm(examination->file, 0, 0, &residency, &error);
    if (status == 0)
        add(examination, "cache warm", MM_DOCTOR_OK, "", "a file was read in, verified by %s",
            residency.method);
    else
        add(examination, "cache warm", MM_DOCTOR_LIMITED,
            "use Linux 6.5 or later, or measure files of your own", "%.200s", error.text);
}

static void probe_dirty(struct examination *examination)
{
    struct mm_cache_residency residency;
    struct mm_error error = {0};
    int status = mm_cache_make_dirty(examination->file, 0, 0, NULL, NULL, &residency, &error);
    if (status == 0)
        add(examination, "cache dirty", MM_DOCTOR_OK, "", "a file was made dirty, verified by %s",
            residency.method);
    else if (status == -ENODATA)
        add(examination, "cache dirty", MM_DOCTOR_LIMITED,
            "use Linux 6.5 or later; in a container, allow system call 451",
            "dirty cases are skipped: %.150s", mm_cache_why_dirty_is_unknown());
    else
        add(examination, "cache dirty", MM_DOCTOR_MISSING, "choose a folder on a local disk",
            "%.200s", error.text);
}

static void probe_read_ahead(struct examination *examination)
{
    char size[MM_UNITS_TEXT_BYTES];
    json_t *facts = mm_environment_file_facts(examination->file);
    const json_t *bytes = json_object_get(facts, "read_ahead_bytes");
    const char *device = json_string_value(json_object_get(facts, "device"));
    if (json_is_integer(bytes))
        add(examination, "read-ahead", MM_DOCTOR_OK, "",
            "%s on %.64s: a cold read brings more than it asks for",
            mm_units_write_size((uint64_t)json_integer_value(bytes), size),
            device ? device : "this file system");
    else
        add(examination, "read-ahead", MM_DOCTOR_LIMITED, "",
            "unknown for this file system: faults and device bytes cannot be related to it");
    json_decref(facts);
}

static void probe_data_folder(struct examination *examination)
{
    struct mm_data_cache_usage usage;
    char used[MM_UNITS_TEXT_BYTES];
    char limit[MM_UNITS_TEXT_BYTES];
    int status = mm_data_cache_look(examination->folder, &usage);
    if (status) {
        add(examination, "data folder", MM_DOCTOR_MISSING, "name another folder by --data-dir",
            "'%.128s': %s", examination->folder, strerror(-status));
        return;
    }
    add(examination, "data folder", MM_DOCTOR_OK, "",
        "%zu data files take %s of %s, the limit without --data-limit; those used longest ago go "
        "first",
        usage.file_count, mm_units_show_size((double)usage.used_bytes, used),
        mm_units_show_size((double)mm_data_cache_limit(&usage, 0), limit));
}

/* What depends on the folder's file system. */
static void probe_storage(struct examination *examination)
{
    make_file(examination);
    if (!examination->file) {
        add(examination, "cache cold", MM_DOCTOR_MISSING,
            "name a folder on a disk that you may write", "%s", examination->file_trouble);
        return;
    }
    probe_cachestat(examination);
    probe_mincore(examination);
    probe_cold(examination);
    probe_warm(examination);
    probe_dirty(examination);
    probe_read_ahead(examination);
    unlink(examination->file);
    free(examination->file);
    examination->file = NULL;
}

/* In a child, since a process that has entered its group stays there. The child's exit code. */
static int try_limit(struct mm_error *shared_error)
{
    pid_t child = fork();
    if (child == 0) {
        struct mm_memory_limit limit;
        _exit(mm_memory_limit_enter(&mm_memory_limit_this_system, 2 * MM_MEMORY_LIMIT_LEAST_BYTES,
                                    &limit, shared_error)
                  ? 1
                  : 0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    mm_memory_limit_sweep(&mm_memory_limit_this_system);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A case that wants memory to be short needs a control group of its own: one is made and removed.
 */
static void probe_pressure(struct examination *examination)
{
    char size[MM_UNITS_TEXT_BYTES];
    char now[MM_UNITS_TEXT_BYTES + 32] = "";
    unsigned long long limit = 0;
    struct mm_memory_limit_place place;
    struct mm_error *why =
        mmap(NULL, sizeof(*why), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (why == MAP_FAILED)
        return;
    if (mm_environment_memory_limit(&limit) == 0)
        snprintf(now, sizeof(now), "; this process is limited to %s",
                 mm_units_write_size(limit, size));
    int status = mm_memory_limit_find(&mm_memory_limit_this_system, &place, why);
    if (!status)
        status = try_limit(why);
    if (!status) {
        add(examination, "cache pressure", MM_DOCTOR_OK, "",
            "a control group (version %d) takes a memory limit%s", place.version, now);
    } else {
        char *remedy = strstr(why->text, "; remedy: ");
        if (remedy)
            *remedy = '\0';
        add(examination, "cache pressure", MM_DOCTOR_LIMITED,
            remedy ? remedy + strlen("; remedy: ") : "run as root",
            "pressure cases are skipped: %.150s%s", why->text, now);
    }
    munmap(why, sizeof(*why));
}

static bool is_on_path(const char *program)
{
    const char *path = getenv("PATH");
    while (path && *path) {
        char file[1024];
        size_t length = strcspn(path, ":");
        snprintf(file, sizeof(file), "%.*s/%s", (int)length, path, program);
        if (access(file, X_OK) == 0)
            return true;
        path += length + (path[length] == ':');
    }
    return false;
}

static void probe_gnuplot(struct examination *examination)
{
    if (is_on_path("gnuplot"))
        add(examination, "gnuplot", MM_DOCTOR_OK, "", "found: reports have plots");
    else
        add(examination, "gnuplot", MM_DOCTOR_MISSING, "apt-get install gnuplot-nox",
            "not on the PATH: reports have no plots");
}

static void probe_clock(struct examination *examination)
{
    const uint64_t slow_ns = 150;
    char source[64] = "unknown clock source";
    (void)mm_environment_read_line(
        "/sys/devices/system/clocksource/clocksource0/current_clocksource", source, sizeof(source));
    uint64_t cost_ns = mm_clock_cost_ns();
    bool slow = cost_ns > slow_ns;
    add(examination, "clock", slow ? MM_DOCTOR_LIMITED : MM_DOCTOR_OK,
        slow ? "use a clock source that is read without a system call (tsc, kvm-clock)" : "",
        "one reading costs %llu ns (%s)", (unsigned long long)cost_ns, source);
}

static void probe_io_uring(struct examination *examination)
{
    struct io_uring_params parameters = {0};
    long descriptor = syscall(SYS_io_uring_setup, 1, &parameters);
    if (descriptor >= 0) {
        close((int)descriptor);
        add(examination, "io_uring", MM_DOCTOR_OK, "", "a ring can be made");
        return;
    }
    int code = errno;
    add(examination, "io_uring", MM_DOCTOR_MISSING,
        code == ENOSYS ? "use a kernel with io_uring; in a container, allow the call"
                       : "sysctl kernel.io_uring_disabled=0; in a container, allow the call",
        "no ring can be made: %s", strerror(code));
}

size_t mm_doctor_probe(const char *folder, struct mm_doctor_fact *facts, size_t limit)
{
    struct examination examination = {.folder = folder, .facts = facts, .limit = limit};
    probe_page_faults(&examination);
    probe_hardware_counters(&examination);
    probe_tracepoints(&examination);
    probe_data_folder(&examination);
    probe_storage(&examination);
    probe_pressure(&examination);
    probe_io_uring(&examination);
    probe_clock(&examination);
    probe_processors(&examination);
    examination.count +=
        mm_noise_examine("", folder, facts + examination.count, limit - examination.count);
    probe_user(&examination);
    probe_gnuplot(&examination);
    return examination.count;
}
