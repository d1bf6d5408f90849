/* The machine of a record: CPU, memory, kernel, clock, and the fingerprint by which two compare. */
#include "harness/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/random.h"
#include "common/text.h"
#include "harness/clock.h"
#include "harness/environment_read.h"

#define LINE_BYTES 512

static json_t *text_of_line(const char *path)
{
    char line[LINE_BYTES];
    int status = mm_environment_read_line(path, line, sizeof(line));
    if (status)
        return mm_environment_unavailable("%s: %s", path, strerror(-status));
    return mm_environment_text(line);
}

static json_t *number_of_line(const char *path)
{
    long long number = 0;
    int status = mm_environment_read_number(path, &number);
    if (status)
        return mm_environment_unavailable("%s: %s", path, strerror(-status));
    return json_integer(number);
}

static json_t *choice_of_line(const char *path)
{
    char line[LINE_BYTES];
    int status = mm_environment_read_choice(path, line, sizeof(line));
    if (status)
        return mm_environment_unavailable("%s: %s", path, strerror(-status));
    return mm_environment_text(line);
}

/* A figure of /proc/meminfo, which counts in KiB. */
static int read_meminfo(const char *key, unsigned long long *bytes)
{
    char text[64];
    int status = mm_environment_read_key("/proc/meminfo", key, text, sizeof(text));
    if (status)
        return status;
    *bytes = strtoull(text, NULL, 10) * 1024;
    return 0;
}

static json_t *bytes_of_meminfo(const char *key)
{
    unsigned long long bytes = 0;
    int status = read_meminfo(key, &bytes);
    if (status)
        return mm_environment_unavailable("/proc/meminfo has no '%s'", key);
    return json_integer((json_int_t)bytes);
}

static json_t *hostname(void)
{
    char name[256];
    if (gethostname(name, sizeof(name)))
        return mm_environment_unavailable("gethostname: %s", strerror(errno));
    name[sizeof(name) - 1] = '\0';
    return mm_environment_text(name);
}

static json_t *cpu_model(void)
{
    /* x86, then what other architectures call it. */
    static const char *const keys[] = {"model name", "Model", "cpu", "CPU part", "uarch"};
    char text[LINE_BYTES];
    for (size_t i = 0; i < MM_COUNT_OF(keys); i++) {
        if (mm_environment_read_key("/proc/cpuinfo", keys[i], text, sizeof(text)) == 0)
            return mm_environment_text(text);
    }
    return mm_environment_unavailable("/proc/cpuinfo names no model");
}

static json_t *cpus_allowed(void)
{
    /* The kernel refuses a mask that is smaller than its own. */
    for (int cpus = 1024; cpus <= 1 << 18; cpus *= 4) {
        cpu_set_t *allowed = CPU_ALLOC((size_t)cpus);
        if (!allowed)
            break;
        size_t bytes = CPU_ALLOC_SIZE((size_t)cpus);
        int status = sched_getaffinity(0, bytes, allowed) ? -errno : 0;
        int count = status ? 0 : CPU_COUNT_S(bytes, allowed);
        CPU_FREE(allowed);
        if (!status)
            return json_integer(count);
        if (status != -EINVAL)
            break;
    }
    return mm_environment_unavailable("sched_getaffinity fails");
}

/* "32K" of a cache's size file. */
static json_int_t cache_bytes(const char *text)
{
    char *unit = NULL;
    unsigned long long size = strtoull(text, &unit, 10);
    if (*unit == 'K')
        size <<= 10;
    else if (*unit == 'M')
        size <<= 20;
    return (json_int_t)size;
}

static json_t *one_cache(const char *folder)
{
    char path[256];
    char type[32];
    char size[32];
    long long level = 0;
    snprintf(path, sizeof(path), "%s/level", folder);
    if (mm_environment_read_number(path, &level))
        return NULL;
    snprintf(path, sizeof(path), "%s/type", folder);
    if (mm_environment_read_line(path, type, sizeof(type)))
        return NULL;
    snprintf(path, sizeof(path), "%s/size", folder);
    if (mm_environment_read_line(path, size, sizeof(size)))
        return NULL;
    return json_pack("{s:I, s:s, s:I}", "level", (json_int_t)level, "type", type, "size_bytes",
                     cache_bytes(size));
}

static json_t *caches(void)
{
    json_t *all = json_array();
    const int most = 16;
    for (int i = 0; all && i < most; i++) {
        char folder[128];
        snprintf(folder, sizeof(folder), "/sys/devices/system/cpu/cpu0/cache/index%d", i);
        json_t *cache = one_cache(folder);
        if (!cache)
            break;
        json_array_append_new(all, cache);
    }
    if (json_array_size(all) > 0)
        return all;
    json_decref(all);
    return mm_environment_unavailable("/sys/devices/system/cpu/cpu0/cache tells nothing");
}

static json_t *virtualisation(void)
{
    char name[64];
    if (mm_environment_virtualisation(name, sizeof(name)))
        return mm_environment_unavailable("neither CPU nor firmware tells of a hypervisor");
    return mm_environment_text(name);
}

static json_t *container(void)
{
    char name[64];
    mm_environment_container(name, sizeof(name));
    return mm_environment_text(name);
}

static json_t *cold_means(void)
{
    if (mm_environment_is_virtual())
        return json_string("cold for this kernel: the caches of the host and of the device are "
                           "unknown");
    return json_string("cold for this kernel: the device's own cache is unknown");
}

static json_t *memory_limit(void)
{
    unsigned long long bytes = 0;
    if (mm_environment_memory_limit(&bytes))
        return mm_environment_unavailable("no cgroup limit");
    return json_integer((json_int_t)bytes);
}

static json_t *huge_page_bytes(void)
{
    long long bytes = 0;
    if (mm_environment_read_number("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", &bytes) ==
        0)
        return json_integer(bytes);
    return bytes_of_meminfo("Hugepagesize");
}

static json_t *governor(void)
{
    char line[LINE_BYTES];
    if (mm_environment_read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", line,
                                 sizeof(line)))
        return mm_environment_unavailable("this kernel does not scale the CPU's frequency%s",
                                          mm_environment_is_virtual() ? " (the host may)" : "");
    return mm_environment_text(line);
}

static json_t *load_average(void)
{
    double load = 0;
    if (getloadavg(&load, 1) != 1)
        return mm_environment_unavailable("getloadavg fails");
    return json_real(load);
}

/* MemTotal differs by what a boot reserves: whole GiB tell machines apart and boots not. */
static unsigned long long rounded_memory_gib(void)
{
    const unsigned long long gib = 1ull << 30;
    unsigned long long bytes = 0;
    return read_meminfo("MemTotal", &bytes) ? 0 : (bytes + gib / 2) / gib;
}

/* What decides whether figures of two records may be compared: the same kind of machine under the
 * same kernel, not the same host name or load. */
static json_t *fingerprint(const json_t *environment)
{
    static const char *const texts[] = {"kernel", "architecture", "cpu_model", "virtualisation",
                                        "transparent_huge_pages"};
    uint64_t hash = MM_ENVIRONMENT_HASH_START;
    char text[64];
    for (size_t i = 0; i < MM_COUNT_OF(texts); i++) {
        const char *value = json_string_value(json_object_get(environment, texts[i]));
        hash = mm_environment_add_to_hash(hash, value ? value : "?");
    }
    snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT,
             json_integer_value(json_object_get(environment, "cpus_online")));
    hash = mm_environment_add_to_hash(hash, text);
    snprintf(text, sizeof(text), "%llu", rounded_memory_gib());
    hash = mm_environment_add_to_hash(hash, text);
    snprintf(text, sizeof(text), "%016" PRIx64, mm_random_mix(hash));
    return mm_environment_text(text);
}

static bool add_processor(json_t *environment)
{
    return mm_environment_set(environment, "cpu_model", cpu_model()) &&
           mm_environment_set(environment, "cpus_online",
                              json_integer(sysconf(_SC_NPROCESSORS_ONLN))) &&
           mm_environment_set(environment, "cpus_allowed", cpus_allowed()) &&
           mm_environment_set(environment, "caches", caches()) &&
           mm_environment_set(environment, "virtualisation", virtualisation()) &&
           mm_environment_set(environment, "container", container()) &&
           mm_environment_set(environment, "cold_means", cold_means()) &&
           mm_environment_set(environment, "governor", governor());
}

static bool add_memory(json_t *environment)
{
    return mm_environment_set(environment, "memory_bytes", bytes_of_meminfo("MemTotal")) &&
           mm_environment_set(environment, "memory_available_bytes",
                              bytes_of_meminfo("MemAvailable")) &&
           mm_environment_set(environment, "swap_bytes", bytes_of_meminfo("SwapTotal")) &&
           mm_environment_set(environment, "memory_limit_bytes", memory_limit()) &&
           mm_environment_set(environment, "page_bytes", json_integer(sysconf(_SC_PAGESIZE))) &&
           mm_environment_set(environment, "huge_page_bytes", huge_page_bytes()) &&
           mm_environment_set(environment, "transparent_huge_pages",
                              choice_of_line("/sys/kernel/mm/transparent_hugepage/enabled"));
}

static bool add_kernel(json_t *environment)
{
    struct utsname names;
    if (uname(&names))
        return false;
    return mm_environment_set(environment, "hostname", hostname()) &&
           mm_environment_set(environment, "kernel", mm_environment_text(names.release)) &&
           mm_environment_set(environment, "architecture", mm_environment_text(names.machine)) &&
           mm_environment_set(environment, "aslr",
                              number_of_line("/proc/sys/kernel/randomize_va_space")) &&
           mm_environment_set(environment, "perf_event_paranoid",
                              number_of_line("/proc/sys/kernel/perf_event_paranoid")) &&
           mm_environment_set(
               environment, "clock_source",
               text_of_line("/sys/devices/system/clocksource/clocksource0/current_clocksource")) &&
           mm_environment_set(environment, "clock_gettime_ns",
                              json_integer((json_int_t)mm_clock_cost_ns())) &&
           mm_environment_set(environment, "load_average_1m", load_average()) &&
           mm_environment_set(environment, "uid_is_root", json_boolean(geteuid() == 0));
}

json_t *mm_environment_collect(void)
{
    json_t *environment = json_object();
    if (environment && add_kernel(environment) && add_processor(environment) &&
        add_memory(environment) &&
        mm_environment_set(environment, "fingerprint", fingerprint(environment)))
        return environment;
    json_decref(environment);
    return NULL;
}

void mm_environment_read_cpu_time(struct mm_environment_cpu_time *time)
{
    char line[LINE_BYTES];
    unsigned long long ticks[8] = {0};
    *time = (struct mm_environment_cpu_time){0};
    if (mm_environment_read_line("/proc/stat", line, sizeof(line)))
        return;
    /* user nice system idle iowait irq softirq steal; guest time is in user already. */
    int read = sscanf(line, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &ticks[0], &ticks[1],
                      &ticks[2], &ticks[3], &ticks[4], &ticks[5], &ticks[6], &ticks[7]);
    if (read != 8)
        return;
    for (size_t i = 0; i < MM_COUNT_OF(ticks); i++)
        time->total += ticks[i];
    time->steal = ticks[7];
    time->valid = 1;
}

json_t *mm_environment_steal_share(const struct mm_environment_cpu_time *before,
                                   const struct mm_environment_cpu_time *after)
{
    if (!before->valid || !after->valid)
        return mm_environment_unavailable("/proc/stat does not tell stolen time");
    if (after->total <= before->total || after->steal < before->steal)
        return mm_environment_unavailable("no tick of /proc/stat passed during the run");
    return json_real((double)(after->steal - before->steal) /
                     (double)(after->total - before->total));
}

/* The number after key in the text of /proc/self/io; false when it has none. */
static bool number_after(const char *text, const char *key, unsigned long long *number)
{
    const char *found = strstr(text, key);
    if (!found)
        return false;
    *number = strtoull(found + strlen(key), NULL, 10);
    return true;
}

/* By one read into the stack: this stands next to timed code and must not fault or allocate. */
void mm_environment_read_io(struct mm_environment_io *io)
{
    char text[LINE_BYTES];
    *io = (struct mm_environment_io){
        .why_unavailable = "/proc/self/io cannot be read: this kernel has no task I/O accounting, "
                           "or the process may not be traced"};
    int descriptor = open("/proc/self/io", O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return;
    ssize_t length = read(descriptor, text, sizeof(text) - 1);
    close(descriptor);
    if (length <= 0)
        return;
    text[length] = '\0';
    if (number_after(text, "\nread_bytes: ", &io->read_bytes) &&
        number_after(text, "\nwrite_bytes: ", &io->written_bytes))
        io->why_unavailable = NULL;
}
