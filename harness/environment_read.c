/* Reading /proc and /sys: lines, numbers, keys, and what they say of hypervisor and container. */
#include "harness/environment_read.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include "common/text.h"

int mm_environment_read_line(const char *path, char *text, size_t bytes)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return -errno;
    char line[1024];
    errno = 0;
    int status = 0;
    if (!fgets(line, sizeof(line), file))
        status = errno ? -errno : -ENODATA;
    fclose(file);
    if (status)
        return status;
    line[strcspn(line, "\n")] = '\0';
    snprintf(text, bytes, "%s", line);
    return 0;
}

int mm_environment_read_number(const char *path, long long *number)
{
    char line[64];
    int status = mm_environment_read_line(path, line, sizeof(line));
    if (status)
        return status;
    char *end = NULL;
    errno = 0;
    long long value = strtoll(line, &end, 10);
    if (end == line || errno || (*end && !isspace((unsigned char)*end)))
        return -EINVAL;
    *number = value;
    return 0;
}

int mm_environment_read_choice(const char *path, char *text, size_t bytes)
{
    char line[1024];
    int status = mm_environment_read_line(path, line, sizeof(line));
    if (status)
        return status;
    char *start = strchr(line, '[');
    char *end = start ? strchr(start, ']') : NULL;
    if (end) {
        *end = '\0';
        snprintf(text, bytes, "%s", start + 1);
    } else {
        snprintf(text, bytes, "%s", line);
    }
    return 0;
}

/* The value in line when it is "key<blanks>: value", else NULL. */
static const char *value_of_key(char *line, const char *key)
{
    size_t length = strlen(key);
    if (strncmp(line, key, length) != 0)
        return NULL;
    char *rest = line + length;
    rest += strspn(rest, " \t");
    if (*rest != ':')
        return NULL;
    rest++;
    rest += strspn(rest, " \t");
    rest[strcspn(rest, "\n")] = '\0';
    return rest;
}

int mm_environment_read_key(const char *path, const char *key, char *text, size_t bytes)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return -errno;
    char *line = NULL;
    size_t room = 0;
    int status = -ENODATA;
    while (getline(&line, &room, file) >= 0) {
        const char *value = value_of_key(line, key);
        if (value) {
            snprintf(text, bytes, "%s", value);
            status = 0;
            break;
        }
    }
    free(line);
    fclose(file);
    return status;
}

/* FNV-1a, the end of the text included. */
uint64_t mm_environment_add_to_hash(uint64_t hash, const char *text)
{
    const uint64_t prime = UINT64_C(0x100000001b3);
    for (const unsigned char *c = (const unsigned char *)text;; c++) {
        hash = (hash ^ *c) * prime;
        if (!*c)
            return hash;
    }
}

json_t *mm_environment_text(const char *text)
{
    json_t *exact = json_string(text);
    if (exact)
        return exact;
    char *copy = strdup(text);
    if (!copy)
        return NULL;
    for (unsigned char *c = (unsigned char *)copy; *c; c++) {
        if (*c >= 0x80)
            *c = '?';
    }
    json_t *ascii = json_string(copy);
    free(copy);
    return ascii;
}

json_t *mm_environment_unavailable(const char *format, ...)
{
    char why[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof(why), format, arguments);
    va_end(arguments);
    return json_pack("{s:o}", "unavailable", mm_environment_text(why));
}

bool mm_environment_set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

/* Signatures of CPUID leaf 0x40000000 and words of the DMI vendor and product, in this order. */
static const struct {
    const char *sign;
    const char *name;
} hypervisor_signs[] = {
    {"KVMKVMKVM", "kvm"},
    {"Linux KVM Hv", "kvm"},
    {"Microsoft Hv", "hyper-v"},
    {"VMwareVMware", "vmware"},
    {"XenVMMXenVMM", "xen"},
    {"TCGTCGTCGTCG", "qemu"},
    {"bhyve bhyve", "bhyve"},
    {"VBoxVBoxVBox", "virtualbox"},
    {"QNXQVMBSQG", "qnx"},
    {"ACRNACRNACRN", "acrn"},
    {"VMware", "vmware"},
    {"VirtualBox", "virtualbox"},
    {"Xen", "xen"},
    {"KVM", "kvm"},
    {"QEMU", "qemu"},
    {"Virtual Machine", "hyper-v"},
    {"Amazon EC2", "amazon"},
    {"Google Compute Engine", "google"},
    {"Parallels", "parallels"},
};

static const char *hypervisor_name(const char *text)
{
    for (size_t i = 0; i < MM_COUNT_OF(hypervisor_signs); i++) {
        if (strstr(text, hypervisor_signs[i].sign))
            return hypervisor_signs[i].name;
    }
    return NULL;
}

/* 1 and the signature when the CPU says that a hypervisor runs it, 0 when it says that none does,
 * -ENODATA where the architecture has no such answer. */
static int ask_cpu(char signature[13])
{
#if defined(__x86_64__) || defined(__i386__)
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    const unsigned hypervisor_bit = 1u << 31;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx))
        return -ENODATA;
    if (!(ecx & hypervisor_bit))
        return 0;
    __cpuid(0x40000000u, eax, ebx, ecx, edx);
    memcpy(signature, &ebx, 4);
    memcpy(signature + 4, &ecx, 4);
    memcpy(signature + 8, &edx, 4);
    signature[12] = '\0';
    return 1;
#else
    (void)signature;
    return -ENODATA;
#endif
}

int mm_environment_virtualisation(char *name, size_t bytes)
{
    char line[256];
    char signature[13] = "";
    int cpu = ask_cpu(signature);
    if (cpu == 0) {
        /* A paravirtualised Xen guest may hide the bit. */
        bool xen = mm_environment_read_line("/sys/hypervisor/type", line, sizeof(line)) == 0;
        snprintf(name, bytes, "%s", xen ? line : "none");
        return 0;
    }
    const char *found = cpu > 0 ? hypervisor_name(signature) : NULL;
    static const char *const dmi_files[] = {"/sys/class/dmi/id/product_name",
                                            "/sys/class/dmi/id/sys_vendor", "/sys/hypervisor/type",
                                            "/proc/device-tree/hypervisor/compatible"};
    for (size_t i = 0; !found && i < MM_COUNT_OF(dmi_files); i++) {
        if (mm_environment_read_line(dmi_files[i], line, sizeof(line)) == 0)
            found = hypervisor_name(line);
    }
    if (!found && cpu < 0)
        return -ENODATA;
    snprintf(name, bytes, "%s", found ? found : "unknown hypervisor");
    return 0;
}

bool mm_environment_is_virtual(void)
{
    char name[64];
    return mm_environment_virtualisation(name, sizeof(name)) == 0 && strcmp(name, "none") != 0;
}

void mm_environment_container(char *name, size_t bytes)
{
    char line[128];
    if (mm_environment_read_line("/run/systemd/container", line, sizeof(line)) == 0 && line[0])
        snprintf(name, bytes, "%s", line);
    else if (access("/run/.containerenv", F_OK) == 0)
        snprintf(name, bytes, "podman");
    else if (access("/.dockerenv", F_OK) == 0)
        snprintf(name, bytes, "docker");
    else
        snprintf(name, bytes, "none");
}

/* Lowers *least to the limit in file; "max" and the huge figure of version 1 are no limit. */
static void take_limit(const char *file, unsigned long long *least)
{
    char line[64];
    if (mm_environment_read_line(file, line, sizeof(line)) || !isdigit((unsigned char)line[0]))
        return;
    errno = 0;
    unsigned long long limit = strtoull(line, NULL, 10);
    const unsigned long long unlimited_v1 = 1ull << 62;
    if (!errno && limit < unlimited_v1 && limit < *least)
        *least = limit;
}

/* Takes the limits of a group and of all groups above it. */
static void take_limits_upwards(const char *root, const char *group, const char *limit_name,
                                unsigned long long *least)
{
    char path[1024];
    char file[1200];
    snprintf(path, sizeof(path), "%s", group);
    for (;;) {
        snprintf(file, sizeof(file), "%s%s/%s", root, path, limit_name);
        take_limit(file, least);
        char *slash = strrchr(path, '/');
        if (!slash)
            break;
        *slash = '\0';
    }
}

int mm_environment_memory_limit(unsigned long long *bytes)
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (!file)
        return -errno;
    unsigned long long least = ~0ull;
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, file) >= 0) {
        line[strcspn(line, "\n")] = '\0';
        /* "hierarchy:controllers:/group"; version 2 is "0::/group". */
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        *group++ = '\0';
        controllers++;
        if (!*controllers)
            take_limits_upwards("/sys/fs/cgroup", group, "memory.max", &least);
        else if (strcmp(controllers, "memory") == 0)
            take_limits_upwards("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes", &least);
    }
    free(line);
    fclose(file);
    if (least == ~0ull)
        return -ENODATA;
    *bytes = least;
    return 0;
}

int mm_environment_perf_event_paranoid(long long *level)
{
    return mm_environment_read_number("/proc/sys/kernel/perf_event_paranoid", level);
}
