/* Opens, reads and explains performance counters: perf events, getrusage, the process clock. */
#include "harness/counters.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <math.h>
#include <perfmon/pfmlib.h>
#include <perfmon/pfmlib_perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"
#include "harness/environment_read.h"

enum counter_source {
    SOURCE_NONE,
    SOURCE_PERF,
    SOURCE_CLOCK,
    /* Of getrusage: */
    SOURCE_MINOR_FAULTS,
    SOURCE_MAJOR_FAULTS,
    SOURCE_VOLUNTARY_SWITCHES,
    SOURCE_INVOLUNTARY_SWITCHES,
    SOURCE_SWITCHES,
    /* Of /proc/self/io: */
    SOURCE_STORAGE_READ,
    SOURCE_STORAGE_WRITTEN
};

struct standard_counter {
    const char *name;
    const char *event;            /* of libpfm4, NULL for none */
    enum counter_source fallback; /* where perf is refused */
};

static const struct standard_counter standard_counters[] = {
    {"minor_faults", "MINOR-FAULTS", SOURCE_MINOR_FAULTS},
    {"major_faults", "MAJOR-FAULTS", SOURCE_MAJOR_FAULTS},
    {"context_switches", "CONTEXT-SWITCHES", SOURCE_SWITCHES},
    {"task_clock_ns", "TASK-CLOCK", SOURCE_CLOCK},
    {"rusage_minor_faults", NULL, SOURCE_MINOR_FAULTS},
    {"rusage_major_faults", NULL, SOURCE_MAJOR_FAULTS},
    {"rusage_voluntary_switches", NULL, SOURCE_VOLUNTARY_SWITCHES},
    {"rusage_involuntary_switches", NULL, SOURCE_INVOLUNTARY_SWITCHES},
    {"storage_read_bytes", NULL, SOURCE_STORAGE_READ},
    {"storage_written_bytes", NULL, SOURCE_STORAGE_WRITTEN},
    {"dtlb_load_misses", "dTLB-LOAD-MISSES", SOURCE_NONE},
};

#define WHY_BYTES 256

struct counter {
    char name[64];
    char event[128]; /* as it was asked for; "" in the standard set */
    enum counter_source source;
    int descriptor; /* of SOURCE_PERF */
    bool exclude_kernel;
    char why[WHY_BYTES]; /* why perf does not count it; "" when it does or never would */
};

struct mm_counters {
    bool off;
    size_t count;
    struct counter counter[MM_COUNTERS_MAX];
    int storage; /* /proc/self/io of the process that opened it, or -1 */
};

/* "dTLB-LOAD-MISSES" to "dtlb_load_misses". */
static void name_of_event(const char *event, char *name, size_t bytes)
{
    size_t i = 0;
    for (; event[i] && i + 1 < bytes; i++) {
        unsigned char c = (unsigned char)event[i];
        name[i] = isalnum(c) ? (char)tolower(c) : '_';
    }
    name[i] = '\0';
}

static int open_event(struct perf_event_attr *attributes)
{
    /* This process, on any CPU, in no group. */
    long descriptor = syscall(SYS_perf_event_open, attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    return descriptor < 0 ? -errno : (int)descriptor;
}

static void set_reading(struct perf_event_attr *attributes)
{
    attributes->size = sizeof(*attributes);
    attributes->inherit = 1;
    attributes->disabled = 0;
    attributes->read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
}

/* "r1a8": the PMU's own number, in hexadecimal digits. */
static bool is_raw(const char *event)
{
    return event[0] == 'r' && event[1] && !event[1 + strspn(event + 1, "0123456789abcdefABCDEF")];
}

static bool is_word(const char *text, size_t length)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    return length > 0 && strspn(text, allowed) >= length;
}

/* "group:name" in small letters; the names of libpfm4's umasks look alike, so tracefs decides. */
static bool find_tracepoint(const char *event, long long *id)
{
    static const char *const roots[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
    const char *colon = strchr(event, ':');
    if (!colon || !is_word(event, (size_t)(colon - event)) ||
        !is_word(colon + 1, strlen(colon + 1)))
        return false;
    for (size_t i = 0; i < MM_COUNT_OF(roots); i++) {
        char path[256];
        snprintf(path, sizeof(path), "%s/events/%.*s/%.100s/id", roots[i],
                 colon - event < 64 ? (int)(colon - event) : 64, event, colon + 1);
        if (mm_environment_read_number(path, id) == 0)
            return true;
    }
    return false;
}

static void explain_unknown(const char *event, int status, char *why)
{
    const char *colon = strchr(event, ':');
    bool like_tracepoint = colon && is_word(event, (size_t)(colon - event));
    if (like_tracepoint && colon[1] != ':')
        snprintf(why, WHY_BYTES,
                 "there is no tracepoint '%.80s' in /sys/kernel/tracing that this user may read; "
                 "remedy: mount -t tracefs nodev /sys/kernel/tracing, and run as root",
                 event);
    else
        snprintf(why, WHY_BYTES, "libpfm4 does not know '%.100s' here: %s", event,
                 pfm_strerror(status));
}

/* 0 and the attributes of an event, or -EINVAL and why. */
static int encode(const char *event, bool exclude_kernel, struct perf_event_attr *attributes,
                  char *why)
{
    long long id = 0;
    memset(attributes, 0, sizeof(*attributes));
    set_reading(attributes);
    if (find_tracepoint(event, &id)) {
        /* Tracepoints are the kernel's: without it nothing is left to count. */
        attributes->type = PERF_TYPE_TRACEPOINT;
        attributes->config = (uint64_t)id;
        return exclude_kernel ? -EINVAL : 0;
    }
    if (is_raw(event)) {
        attributes->type = PERF_TYPE_RAW;
        attributes->config = strtoull(event + 1, NULL, 16);
        attributes->exclude_kernel = exclude_kernel;
        return 0;
    }
    pfm_perf_encode_arg_t encoding = {.attr = attributes, .size = sizeof(encoding)};
    int privilege = exclude_kernel ? PFM_PLM3 : PFM_PLM0 | PFM_PLM3;
    int status = pfm_get_os_event_encoding(event, privilege, PFM_OS_PERF_EVENT_EXT, &encoding);
    if (status != PFM_SUCCESS) {
        explain_unknown(event, status, why);
        return -EINVAL;
    }
    set_reading(attributes);
    return 0;
}

static bool has_cpu_pmu(void)
{
    static const char *const folders[] = {
        "/sys/bus/event_source/devices/cpu", "/sys/bus/event_source/devices/cpu_core",
        "/sys/bus/event_source/devices/armv8_pmuv3_0", "/sys/bus/event_source/devices/armv8_pmuv3"};
    for (size_t i = 0; i < MM_COUNT_OF(folders); i++) {
        if (access(folders[i], F_OK) == 0)
            return true;
    }
    return false;
}

static void explain_refusal(int code, char *why)
{
    long long level = 0;
    const char *error_name = code == -EPERM ? "EPERM" : "EACCES";
    /* From level 2 on the kernel's part is closed; Debian's 3 closes everything. */
    if (mm_environment_perf_event_paranoid(&level) == 0 && level >= 2 && geteuid() != 0)
        snprintf(why, WHY_BYTES,
                 "perf_event_paranoid is %lld and this user lacks CAP_PERFMON; remedy: "
                 "sysctl kernel.perf_event_paranoid=1",
                 level);
    else
        snprintf(why, WHY_BYTES,
                 "perf_event_open is refused (%s) by a container, a seccomp filter or a security "
                 "module; remedy: grant CAP_PERFMON and allow the call",
                 error_name);
}

static void explain(int code, const struct perf_event_attr *attributes, const char *event,
                    char *why)
{
    bool hardware = attributes->type != PERF_TYPE_SOFTWARE &&
                    attributes->type != PERF_TYPE_TRACEPOINT &&
                    attributes->type != PERF_TYPE_BREAKPOINT;
    bool missing = code == -ENOENT || code == -EOPNOTSUPP || code == -ENODEV || code == -ENXIO;

    if (code == -ENOSYS)
        snprintf(why, WHY_BYTES, "perf_event_open is not in this kernel or blocked (container)");
    else if (code == -EPERM || code == -EACCES)
        explain_refusal(code, why);
    else if (missing && hardware && !has_cpu_pmu())
        snprintf(why, WHY_BYTES, "no CPU PMU in this %s",
                 mm_environment_is_virtual() ? "virtual machine" : "machine");
    else if (missing && hardware)
        snprintf(why, WHY_BYTES, "the PMU of this CPU does not count '%s'", event);
    else
        snprintf(why, WHY_BYTES, "perf_event_open fails for '%s': %s", event, strerror(-code));
}

/* Opens event with the kernel, else without it; on failure counter->why says why. */
static void open_perf(struct counter *counter, const char *event)
{
    struct perf_event_attr attributes;
    if (encode(event, false, &attributes, counter->why))
        return;
    int descriptor = open_event(&attributes);
    bool refused = descriptor == -EACCES || descriptor == -EPERM;
    if (refused && encode(event, true, &attributes, counter->why) == 0) {
        /* A missing PMU shows only now: the refusal comes before the look for it. */
        descriptor = open_event(&attributes);
        counter->exclude_kernel = descriptor >= 0;
    }
    if (descriptor < 0) {
        explain(descriptor, &attributes, event, counter->why);
        return;
    }
    counter->source = SOURCE_PERF;
    counter->descriptor = descriptor;
}

/* The file stays open: reading it anew costs a third of opening it. */
static int open_storage(void)
{
    int descriptor = open("/proc/self/io", O_RDONLY | O_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

static bool is_of_storage(enum counter_source source)
{
    return source == SOURCE_STORAGE_READ || source == SOURCE_STORAGE_WRITTEN;
}

static bool is_known(const struct mm_counters *counters, const char *name)
{
    for (size_t i = 0; i < counters->count; i++) {
        if (strcmp(counters->counter[i].name, name) == 0)
            return true;
    }
    return false;
}

static void add_counter(struct mm_counters *counters, const char *name, const char *event,
                        enum counter_source fallback)
{
    struct counter *counter = &counters->counter[counters->count++];
    snprintf(counter->name, sizeof(counter->name), "%s", name);
    if (event)
        open_perf(counter, event);
    if (is_of_storage(fallback) && counters->storage < 0)
        snprintf(
            counter->why, sizeof(counter->why),
            "/proc/self/io cannot be read (%s): this kernel has no task I/O accounting, or the "
            "process may not be traced",
            strerror(-counters->storage));
    else if (counter->source == SOURCE_NONE)
        counter->source = fallback;
}

int mm_counters_open(const char *const *events, size_t count, struct mm_counters **counters,
                     struct mm_error *error)
{
    if (count > MM_COUNTERS_MAX - MM_COUNT_OF(standard_counters))
        return mm_error_set(error, -E2BIG, "%zu events are asked for, but at most %zu fit", count,
                            MM_COUNTERS_MAX - MM_COUNT_OF(standard_counters));
    struct mm_counters *opened = calloc(1, sizeof(*opened));
    if (!opened)
        return mm_error_set(error, -ENOMEM, "no memory for the counters");
    /* Where it fails, so does every encoding, which then says why. */
    (void)pfm_initialize();
    opened->storage = open_storage();
    for (size_t i = 0; i < MM_COUNT_OF(standard_counters); i++) {
        const struct standard_counter *standard = &standard_counters[i];
        add_counter(opened, standard->name, standard->event, standard->fallback);
    }
    for (size_t i = 0; i < count; i++) {
        char name[sizeof(opened->counter[0].name)];
        name_of_event(events[i], name, sizeof(name));
        if (is_known(opened, name))
            continue;
        add_counter(opened, name, events[i], SOURCE_NONE);
        struct counter *added = &opened->counter[opened->count - 1];
        snprintf(added->event, sizeof(added->event), "%s", events[i]);
    }
    *counters = opened;
    return 0;
}

int mm_counters_open_off(struct mm_counters **counters, struct mm_error *error)
{
    struct mm_counters *opened = calloc(1, sizeof(*opened));
    if (!opened)
        return mm_error_set(error, -ENOMEM, "no memory for the counters");
    opened->off = true;
    opened->storage = -1;
    for (size_t i = 0; i < MM_COUNT_OF(standard_counters); i++) {
        struct counter *counter = &opened->counter[opened->count++];
        snprintf(counter->name, sizeof(counter->name), "%s", standard_counters[i].name);
        snprintf(counter->why, sizeof(counter->why),
                 "counters are off in this case, which shows what they cost");
    }
    *counters = opened;
    return 0;
}

int mm_counters_open_alike(const struct mm_counters *model, struct mm_counters **counters,
                           struct mm_error *error)
{
    const char *events[MM_COUNTERS_MAX];
    size_t count = 0;
    if (model->off)
        return mm_counters_open_off(counters, error);
    for (size_t i = 0; i < model->count; i++) {
        if (model->counter[i].event[0])
            events[count++] = model->counter[i].event;
    }
    return mm_counters_open(events, count, counters, error);
}

void mm_counters_close(struct mm_counters *counters)
{
    if (!counters)
        return;
    for (size_t i = 0; i < counters->count; i++) {
        if (counters->counter[i].source == SOURCE_PERF)
            close(counters->counter[i].descriptor);
    }
    if (counters->storage >= 0)
        close(counters->storage);
    free(counters);
}

size_t mm_counters_count(const struct mm_counters *counters)
{
    return counters->count;
}

const char *mm_counters_name(const struct mm_counters *counters, size_t index)
{
    return counters->counter[index].name;
}

const char *mm_counters_why_unavailable(const struct mm_counters *counters, size_t index)
{
    const struct counter *counter = &counters->counter[index];
    return counter->source == SOURCE_NONE ? counter->why : NULL;
}

static bool read_perf(const struct counter *counter, uint64_t *value, uint64_t *enabled_ns,
                      uint64_t *running_ns)
{
    uint64_t raw[3];
    if (read(counter->descriptor, raw, sizeof(raw)) != (ssize_t)sizeof(raw))
        return false;
    *value = raw[0];
    *enabled_ns = raw[1];
    *running_ns = raw[2];
    return true;
}

static uint64_t of_usage(const struct rusage *usage, enum counter_source source)
{
    switch (source) {
    case SOURCE_MINOR_FAULTS:
        return (uint64_t)usage->ru_minflt;
    case SOURCE_MAJOR_FAULTS:
        return (uint64_t)usage->ru_majflt;
    case SOURCE_VOLUNTARY_SWITCHES:
        return (uint64_t)usage->ru_nvcsw;
    case SOURCE_INVOLUNTARY_SWITCHES:
        return (uint64_t)usage->ru_nivcsw;
    default:
        return (uint64_t)usage->ru_nvcsw + (uint64_t)usage->ru_nivcsw;
    }
}

static uint64_t process_clock_ns(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

struct storage_bytes {
    bool valid;
    uint64_t read;
    uint64_t written;
};

static bool number_after(const char *text, const char *key, uint64_t *number)
{
    const char *found = strstr(text, key);
    if (!found)
        return false;
    *number = strtoull(found + strlen(key), NULL, 10);
    return true;
}

static struct storage_bytes read_storage(const struct mm_counters *counters)
{
    struct storage_bytes bytes = {.valid = false};
    char text[256];
    if (counters->storage < 0)
        return bytes;
    ssize_t length = pread(counters->storage, text, sizeof(text) - 1, 0);
    if (length <= 0)
        return bytes;
    text[length] = '\0';
    bytes.valid = number_after(text, "\nread_bytes: ", &bytes.read) &&
                  number_after(text, "\nwrite_bytes: ", &bytes.written);
    return bytes;
}

void mm_counters_read(struct mm_counters *counters, struct mm_counters_reading *reading)
{
    struct rusage usage;
    if (counters->off) {
        memset(reading->valid, 0, sizeof(reading->valid));
        return;
    }
    bool have_usage = getrusage(RUSAGE_SELF, &usage) == 0;
    struct storage_bytes storage = read_storage(counters);
    for (size_t i = 0; i < counters->count; i++) {
        const struct counter *counter = &counters->counter[i];
        reading->value[i] = 0;
        reading->enabled_ns[i] = 0;
        reading->running_ns[i] = 0;
        if (counter->source == SOURCE_NONE) {
            reading->valid[i] = false;
        } else if (counter->source == SOURCE_PERF) {
            reading->valid[i] = read_perf(counter, &reading->value[i], &reading->enabled_ns[i],
                                          &reading->running_ns[i]);
        } else if (counter->source == SOURCE_CLOCK) {
            reading->value[i] = process_clock_ns();
            reading->valid[i] = true;
        } else if (is_of_storage(counter->source)) {
            bool reads = counter->source == SOURCE_STORAGE_READ;
            reading->value[i] = reads ? storage.read : storage.written;
            reading->valid[i] = storage.valid;
        } else {
            reading->value[i] = have_usage ? of_usage(&usage, counter->source) : 0;
            reading->valid[i] = have_usage;
        }
    }
}

void mm_counters_add_difference(const struct mm_counters_reading *before,
                                const struct mm_counters_reading *after, size_t count,
                                struct mm_counters_total *total)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t enabled_ns = after->enabled_ns[i] - before->enabled_ns[i];
        uint64_t running_ns = after->running_ns[i] - before->running_ns[i];
        bool had_the_pmu = running_ns > 0 || enabled_ns == 0;
        if (!before->valid[i] || !after->valid[i] || !had_the_pmu)
            total->incomplete[i] = true;
        total->valid[i] = !total->incomplete[i];
        if (!total->valid[i])
            continue;
        double value = (double)(after->value[i] - before->value[i]);
        /* Software events and getrusage run all the time: their counts stay whole numbers. */
        if (running_ns != enabled_ns)
            value *= (double)enabled_ns / (double)running_ns;
        total->value[i] += value;
    }
}

json_t *mm_counters_total_to_json(const struct mm_counters *counters,
                                  const struct mm_counters_total *total)
{
    json_t *object = json_object();
    bool complete = object != NULL;
    for (size_t i = 0; complete && i < counters->count; i++) {
        const char *why = mm_counters_why_unavailable(counters, i);
        json_t *metric = NULL;
        if (why)
            metric = mm_environment_unavailable("%s", why);
        else if (!total->valid[i])
            metric = mm_environment_unavailable("the counter did not run in all of this phase");
        else
            metric = json_integer((json_int_t)llround(total->value[i]));
        complete = mm_environment_set(object, counters->counter[i].name, metric);
    }
    if (!complete) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *quality_of(const struct counter *counter)
{
    if (counter->source == SOURCE_PERF) {
        uint64_t value = 0;
        uint64_t enabled_ns = 0;
        uint64_t running_ns = 0;
        bool valid = read_perf(counter, &value, &enabled_ns, &running_ns);
        double share = enabled_ns ? (double)running_ns / (double)enabled_ns : 1.0;
        return json_pack("{s:s, s:b, s:f}", "source", "perf", "exclude_kernel",
                         (int)counter->exclude_kernel, "running_share", valid ? share : 0.0);
    }
    const char *source = counter->source == SOURCE_CLOCK  ? "process clock"
                         : is_of_storage(counter->source) ? "/proc/self/io"
                                                          : "getrusage";
    if (counter->why[0])
        return json_pack("{s:s, s:s}", "source", source, "why_not_perf", counter->why);
    return json_pack("{s:s}", "source", source);
}

json_t *mm_counters_quality_to_json(const struct mm_counters *counters)
{
    json_t *object = json_object();
    bool complete = object != NULL;
    for (size_t i = 0; complete && i < counters->count; i++) {
        const struct counter *counter = &counters->counter[i];
        if (counter->source != SOURCE_NONE)
            complete = mm_environment_set(object, counter->name, quality_of(counter));
    }
    if (!complete) {
        json_decref(object);
        return NULL;
    }
    return object;
}

bool mm_counters_probe(char *line, size_t line_bytes)
{
    struct counter counter = {.source = SOURCE_NONE};
    (void)pfm_initialize();
    open_perf(&counter, "PAGE-FAULTS");
    if (counter.source != SOURCE_PERF) {
        snprintf(line, line_bytes, "faults come from getrusage alone: %s", counter.why);
        return false;
    }
    close(counter.descriptor);
    if (counter.exclude_kernel) {
        char why[WHY_BYTES];
        explain_refusal(-EACCES, why);
        snprintf(line, line_bytes, "perf counts without the kernel's part, which is too few: %s",
                 why);
        return false;
    }
    snprintf(line, line_bytes, "perf_event_open counts page faults, the kernel's included");
    return true;
}
