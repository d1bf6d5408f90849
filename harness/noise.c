/* Signs of noise in /proc and /sys, each read once: a run starts at once or warns at once. */
#include "harness/noise.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "harness/environment_file.h"
#include "harness/environment_read.h"

#define PATH_BYTES 512

/* From here on others are heard: half a processor's work on each, a hundredth of the time stolen, a
 * twentieth of the last ten seconds waited for storage. */
#define LOAD_PER_PROCESSOR 0.5
#define STEAL_SHARE        0.01
#define STALL_PERCENT      5.0

struct examination {
    const char *root;
    struct mm_doctor_fact *facts;
    size_t limit;
    size_t count;
};

static void add(struct examination *examination, const char *subject, const char *remedy,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

/* A remedy makes the finding noise. Beyond the limit findings are dropped. */
static void add(struct examination *examination, const char *subject, const char *remedy,
                const char *format, ...)
{
    if (examination->count == examination->limit)
        return;
    struct mm_doctor_fact *fact = &examination->facts[examination->count++];
    fact->subject = subject;
    fact->state = remedy[0] ? MM_DOCTOR_LIMITED : MM_DOCTOR_OK;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fact->finding, sizeof(fact->finding), format, arguments);
    va_end(arguments);
    snprintf(fact->remedy, sizeof(fact->remedy), "%s", remedy);
}

static int read_line(const struct examination *examination, const char *name, char *line,
                     size_t bytes)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "%s%s", examination->root, name);
    return mm_environment_read_line(path, line, bytes);
}

/* Of the form "0-3,6"; 1 where nothing tells. */
static unsigned processors(const struct examination *examination)
{
    char line[256];
    unsigned count = 0;
    if (read_line(examination, "/sys/devices/system/cpu/online", line, sizeof(line)))
        return 1;
    for (char *part = line; part && *part;) {
        char *next = strchr(part, ',');
        unsigned first = 0;
        unsigned last = 0;
        int read = sscanf(part, "%u-%u", &first, &last);
        if (read == 2 && last >= first)
            count += last - first + 1;
        else
            count += read == 1;
        part = next ? next + 1 : NULL;
    }
    return count ? count : 1;
}

static void examine_load(struct examination *examination)
{
    char line[128];
    double load = 0;
    unsigned count = processors(examination);
    if (read_line(examination, "/proc/loadavg", line, sizeof(line)) ||
        sscanf(line, "%lf", &load) != 1)
        add(examination, "load", "", "unknown: /proc/loadavg does not tell");
    else
        add(examination, "load",
            load > LOAD_PER_PROCESSOR * count
                ? "end what else runs (top shows it), or wait until the load has fallen"
                : "",
            "%.2f on %u processors over the last minute", load, count);
}

static void examine_steal(struct examination *examination)
{
    char line[256];
    unsigned long long ticks[8] = {0};
    unsigned long long total = 0;
    int read = 0;
    if (!read_line(examination, "/proc/stat", line, sizeof(line)))
        read = sscanf(line, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &ticks[0], &ticks[1],
                      &ticks[2], &ticks[3], &ticks[4], &ticks[5], &ticks[6], &ticks[7]);
    for (size_t i = 0; i < MM_COUNT_OF(ticks); i++)
        total += ticks[i];
    if (read != 8 || !total) {
        add(examination, "steal", "", "unknown: /proc/stat does not tell stolen time");
        return;
    }
    double share = (double)ticks[7] / (double)total;
    add(examination, "steal",
        share > STEAL_SHARE ? "use a host with fewer guests, or take more launches: the record has "
                              "the share over the run"
                            : "",
        "%.1f %% of the processors' time since boot went to other guests", 100 * share);
}

/* The first governor that is not performance, in other; how many processors have one at all. */
static unsigned find_governors(const struct examination *examination, char *other, size_t bytes)
{
    unsigned scaled = 0;
    other[0] = '\0';
    for (unsigned cpu = 0; cpu < processors(examination); cpu++) {
        char name[128];
        char governor[64];
        snprintf(name, sizeof(name), "/sys/devices/system/cpu/cpu%u/cpufreq/scaling_governor", cpu);
        if (read_line(examination, name, governor, sizeof(governor)))
            continue;
        scaled++;
        if (!other[0] && strcmp(governor, "performance") != 0)
            snprintf(other, bytes, "%s", governor);
    }
    return scaled;
}

static void examine_frequency(struct examination *examination)
{
    char other[64];
    unsigned scaled = find_governors(examination, other, sizeof(other));
    if (!scaled)
        add(examination, "frequency", "", "not scaled by this kernel");
    else if (!other[0])
        add(examination, "frequency", "", "governor performance");
    else
        add(examination, "frequency", "as root: cpupower frequency-set -g performance",
            "governor %s: the first moments of a launch may be slower", other);
}

static void examine_turbo(struct examination *examination)
{
    static const struct {
        const char *name;
        const char *on;
        const char *remedy;
    } switches[] = {
        {"/sys/devices/system/cpu/intel_pstate/no_turbo", "0",
         "as root: echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo"},
        {"/sys/devices/system/cpu/cpufreq/boost", "1",
         "as root: echo 0 > /sys/devices/system/cpu/cpufreq/boost"},
    };
    char line[16];
    for (size_t i = 0; i < MM_COUNT_OF(switches); i++) {
        if (read_line(examination, switches[i].name, line, sizeof(line)))
            continue;
        bool on = strcmp(line, switches[i].on) == 0;
        add(examination, "turbo", on ? switches[i].remedy : "",
            on ? "on: the frequency depends on temperature and on what else runs" : "off");
        return;
    }
    add(examination, "turbo", "", "no switch in /sys");
}

static void examine_huge_pages(struct examination *examination)
{
    static const char name[] = "/sys/kernel/mm/transparent_hugepage/enabled";
    char path[PATH_BYTES];
    char choice[64];
    snprintf(path, sizeof(path), "%s%s", examination->root, name);
    if (mm_environment_read_choice(path, choice, sizeof(choice)))
        add(examination, "huge pages", "", "not in this kernel");
    else
        add(examination, "huge pages",
            strcmp(choice, "always") == 0
                ? "as root: echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"
                : "",
            "transparent huge pages: %s%s", choice,
            strcmp(choice, "always") == 0
                ? "; buffers get them when there are some, and launches differ by it"
                : "");
}

/* "some avg10=1.23 ..." of pressure stall information. -ENODATA. */
static int read_stall(const struct examination *examination, double *percent)
{
    char line[128];
    int status = read_line(examination, "/proc/pressure/io", line, sizeof(line));
    if (status)
        return status;
    return sscanf(line, "some avg10=%lf", percent) == 1 ? 0 : -1;
}

/* The requests at work on a block device, which is the ninth figure of its stat. */
static int read_in_flight(const struct examination *examination, const char *device,
                          unsigned *requests)
{
    char name[PATH_BYTES];
    char line[256];
    snprintf(name, sizeof(name), "/sys/class/block/%.64s/stat", device);
    int status = read_line(examination, name, line, sizeof(line));
    if (status)
        return status;
    return sscanf(line, "%*u %*u %*u %*u %*u %*u %*u %*u %u", requests) == 1 ? 0 : -1;
}

static void examine_device(struct examination *examination, const char *folder)
{
    static const char remedy[] = "end what else reads or writes (iotop shows it), wait for a run "
                                 "that has just ended, or name another disk by --data-dir";
    json_t *facts = mm_environment_file_facts(folder);
    const char *device = json_string_value(json_object_get(facts, "device"));
    unsigned requests = 0;
    double stall = 0;
    bool counts = device && !read_in_flight(examination, device, &requests);
    bool stalls = !read_stall(examination, &stall);
    if (counts && requests)
        add(examination, "device", remedy, "%u requests of others are at work on %.64s", requests,
            device);
    else if (stalls && stall > STALL_PERCENT)
        add(examination, "device", remedy,
            "programs waited for storage in %.0f %% of the last ten seconds", stall);
    else if (counts || stalls)
        add(examination, "device", "", "%.64s is idle", device ? device : "storage");
    else
        add(examination, "device", "", "unknown: neither %s nor /proc/pressure/io tells",
            device ? "the device" : "a device");
    json_decref(facts);
}

static void examine_virtualisation(struct examination *examination)
{
    char hypervisor[64];
    char container[64];
    mm_environment_container(container, sizeof(container));
    const char *inside = strcmp(container, "none") != 0 ? ", in a container" : "";
    if (mm_environment_virtualisation(hypervisor, sizeof(hypervisor)))
        add(examination, "virtualisation", "", "unknown: neither CPU nor firmware tells%s", inside);
    else if (strcmp(hypervisor, "none") == 0)
        add(examination, "virtualisation", "", "none%s", inside);
    else
        add(examination, "virtualisation",
            "trust ratios of interleaved launches rather than single figures; use bare metal for "
            "absolute ones",
            "%s%s: cold means cold for this kernel, the caches of host and device are unknown, "
            "and other guests are heard",
            hypervisor, inside);
}

size_t mm_noise_examine(const char *root, const char *folder, struct mm_doctor_fact *facts,
                        size_t limit)
{
    struct examination examination = {.root = root, .facts = facts, .limit = limit};
    examine_load(&examination);
    examine_steal(&examination);
    examine_frequency(&examination);
    examine_turbo(&examination);
    examine_huge_pages(&examination);
    examine_device(&examination, folder);
    examine_virtualisation(&examination);
    return examination.count;
}

json_t *mm_noise_warnings(const struct mm_doctor_fact *facts, size_t count)
{
    json_t *warnings = json_array();
    for (size_t i = 0; warnings && i < count; i++) {
        if (facts[i].state == MM_DOCTOR_OK)
            continue;
        char *line = mm_text_format("%s: %s; remedy: %s", facts[i].subject, facts[i].finding,
                                    facts[i].remedy);
        json_t *text = line ? mm_environment_text(line) : NULL;
        free(line);
        if (json_array_append_new(warnings, text)) {
            json_decref(warnings);
            return NULL;
        }
    }
    return warnings;
}
