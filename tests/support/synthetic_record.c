/* Making records for tests from a seed. */
#include "tests/support/synthetic_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/random.h"
#include "common/text.h"
#include "results/histogram.h"

#define BYTES_PER_PASS  (UINT64_C(64) << 20)
#define ITEM_BYTES      8
#define FLUSHES         64
#define OPERATIONS      1000
#define NAME_BYTES      512
#define FILE_SEED       7
#define NO_PMU          "no CPU PMU in this virtual machine"
#define HOSTILE_NAME    "<script>alert(1)</script>&'\"; system(\"rm\"); `x` |a|_b_ %s \\ \xc3\xa9"
#define ROUND_SPACING   UINT64_C(1000000000)
#define PROCESS_OUTSIDE UINT64_C(4000000)

static const char *const default_workloads[] = {"sequential", "random"};
static const char *const default_engines[] = {"marray", "pread"};
static const char *const default_caches[] = {"cold", "warm"};

/* One case of the record that is being made. */
struct synthetic_case {
    const struct synthetic_record_spec *spec;
    size_t index;
    size_t workload;
    size_t engine;
    bool is_cold;
    char id[32];
};

static json_t *made(json_t *json)
{
    if (!json) {
        fprintf(stderr, "synthetic record: out of memory, or a wrong form\n");
        abort();
    }
    return json;
}

static void add(json_t *holder, const char *name, json_t *value)
{
    if (json_object_set_new(holder, name, made(value)) != 0)
        abort();
}

static void append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, made(value)) != 0)
        abort();
}

static json_t *hex(uint64_t value)
{
    char text[MM_TEXT_HEX_BYTES];
    return made(json_string(mm_text_write_hex(value, text)));
}

static json_t *whole(uint64_t value)
{
    return made(json_integer((json_int_t)value));
}

static struct synthetic_record_spec with_defaults(const struct synthetic_record_spec *given)
{
    struct synthetic_record_spec spec = *given;
    if (!spec.workloads) {
        spec.workloads = default_workloads;
        spec.workload_count = MM_COUNT_OF(default_workloads);
    }
    if (!spec.engines) {
        spec.engines = default_engines;
        spec.engine_count = MM_COUNT_OF(default_engines);
    }
    if (!spec.caches) {
        spec.caches = default_caches;
        spec.cache_count = MM_COUNT_OF(default_caches);
    }
    spec.launches = spec.launches ? spec.launches : 6;
    spec.samples = spec.samples ? spec.samples : 1;
    spec.iterations = spec.iterations ? spec.iterations : 1;
    spec.processes = spec.processes ? spec.processes : 1;
    return spec;
}

static void fill_run(const struct synthetic_record_spec *spec, json_t *run)
{
    add(run, "id", json_string("20261122T150000Z-1f3a"));
    add(run, "suite", json_string(spec->hostile_names ? HOSTILE_NAME : "synthetic"));
    add(run, "suite_path", json_null());
    add(run, "purpose", json_string("made by a test"));
    add(run, "command", json_pack("[s, s, s]", "mapmeter", "run", "synthetic"));
    add(run, "mapmeter",
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "version", "0.1.0", "revision", "unknown",
                  "compiler", "GCC 12.2.0", "flags", "-O3 -g -DNDEBUG", "build_type", "Release"));
    add(run, "seed", hex(spec->seed));
    add(run, "started_utc", json_string("2026-11-22T15:00:00Z"));
    add(run, "finished_utc", spec->interrupted ? json_null() : json_string("2026-11-22T15:02:00Z"));
    add(run, "interrupted", spec->interrupted ? json_string("SIGINT") : json_null());
    add(run, "resumed", whole(0));
}

static void fill_environment(const struct synthetic_record_spec *spec, json_t *environment)
{
    const json_t *facts = made(json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:[{s:i, s:s, s:i}], s:s, s:s}", "fingerprint",
        "0x00000000000000aa", "hostname", spec->hostile_names ? HOSTILE_NAME : "bench", "kernel",
        "6.1.0", "architecture", "x86_64", "cpu_model", "Synthetic CPU @ 3.00GHz", "cpus_online", 2,
        "cpus_allowed", 2, "caches", "level", 1, "type", "Data", "size_bytes", 32768,
        "virtualisation", "kvm", "cold_means",
        "cold for this kernel: the caches of host and device are unknown"));
    json_object_update(environment, (json_t *)facts);
    json_decref((json_t *)facts);
    add(environment, "memory_bytes", whole(UINT64_C(24) << 30));
    add(environment, "memory_available_bytes", whole(UINT64_C(20) << 30));
    add(environment, "swap_bytes", whole(0));
    add(environment, "memory_limit_bytes", mm_record_unavailable("no cgroup limit"));
    add(environment, "page_bytes", whole(4096));
    add(environment, "huge_page_bytes", whole(2097152));
    add(environment, "transparent_huge_pages", json_string("madvise"));
    add(environment, "aslr", whole(2));
    add(environment, "governor", mm_record_unavailable("no cpufreq in this virtual machine"));
    add(environment, "perf_event_paranoid", json_integer(spec->no_counters ? 3 : -1));
    add(environment, "clock_source", json_string("kvm-clock"));
    add(environment, "clock_gettime_ns", whole(29));
    add(environment, "load_average_1m", json_real(0.25));
    add(environment, "uid_is_root", json_true());
    if (!spec->interrupted)
        add(environment, "steal_share", json_real(0.0));
}

static json_t *make_file(const struct synthetic_record_spec *spec)
{
    json_t *file = made(json_object());
    add(file, "id", json_string("f0"));
    add(file, "path", json_string(spec->hostile_names ? "/data/" HOSTILE_NAME : "/data/64MiB.u8"));
    add(file, "generated", json_true());
    add(file, "seed", hex(FILE_SEED));
    add(file, "dtype", json_string("<u8"));
    add(file, "shape", json_pack("[i]", (int)(BYTES_PER_PASS / ITEM_BYTES)));
    add(file, "fortran_order", json_false());
    add(file, "offset_bytes", whole(0));
    add(file, "size_bytes", whole(BYTES_PER_PASS));
    add(file, "filesystem", json_string("ext4"));
    add(file, "mount_options", json_string("rw,relatime"));
    add(file, "mount_point", json_string("/"));
    add(file, "device", json_string("vda"));
    add(file, "read_ahead_bytes", whole(8388608));
    add(file, "rotational", json_false());
    add(file, "extents", whole(3));
    add(file, "extents_unwritten", whole(0));
    return file;
}

static json_t *make_case(const struct synthetic_case *planned, const char *cache, bool is_skipped)
{
    const struct synthetic_record_spec *spec = planned->spec;
    char name[NAME_BYTES];
    const char *operation = spec->flushes ? "write" : "read";
    snprintf(name, sizeof(name), "%s/engine:%s/cache:%s/operation:%s/block:1MiB%s%s",
             spec->workloads[planned->workload], spec->engines[planned->engine], cache, operation,
             spec->hostile_names ? "/tag:" : "", spec->hostile_names ? HOSTILE_NAME : "");
    size_t length = strlen(name);
    if (spec->latency)
        snprintf(name + length, sizeof(name) - length, "/measure:latency");
    length = strlen(name);
    if (spec->rate)
        snprintf(name + length, sizeof(name) - length, "/rate:%llu",
                 (unsigned long long)spec->rate);
    json_t *one = made(json_object());
    add(one, "id", json_string(planned->id));
    add(one, "name", json_string(name));
    add(one, "workload", json_string(spec->workloads[planned->workload]));
    add(one, "engine", json_string(spec->engines[planned->engine]));
    add(one, "cache", json_string(cache));
    add(one, "parameters",
        json_pack("{s:s, s:s, s:s}", "operation", operation, "block", "1MiB", "advice", "normal"));
    add(one, "file", is_skipped ? json_null() : json_string("f0"));
    add(one, "launches_planned", whole(is_skipped ? 0 : spec->launches));
    add(one, "samples_per_launch", whole(spec->samples));
    add(one, "iterations", whole(spec->iterations));
    add(one, "warmup_passes", whole(planned->is_cold ? 0 : 1));
    add(one, "processes", whole(spec->processes));
    add(one, "writes", json_boolean(spec->flushes));
    add(one, "flushes", json_boolean(spec->flushes));
    add(one, "bytes_per_pass", whole(BYTES_PER_PASS));
    add(one, "items_per_pass", whole(BYTES_PER_PASS / ITEM_BYTES));
    add(one, "timeout_ns", whole(UINT64_C(60000000000)));
    if (spec->latency)
        add(one, "measure", json_string("latency"));
    if (spec->rate)
        add(one, "rate", whole(spec->rate));
    add(one, "skipped",
        is_skipped
            ? json_string(spec->hostile_names ? HOSTILE_NAME : "cold on tmpfs is not to be had")
            : json_null());
    return one;
}

/* What the launch would take on a machine without noise, then with it. */
static uint64_t touch_time(const struct synthetic_case *planned, struct mm_random *random)
{
    const struct synthetic_record_spec *spec = planned->spec;
    double time_ns = 10e6 * (1.0 + 0.5 * (double)planned->workload) *
                     (1.0 + 0.2 * (double)planned->engine) * (planned->is_cold ? 4.0 : 1.0);
    double spread = spec->noise * (2.0 * mm_random_unit(random) - 1.0);
    return (uint64_t)(time_ns * (1.0 + spread) * (1.0 + spec->slowdown)) * spec->iterations;
}

static json_t *make_counters(const struct synthetic_case *planned, uint64_t minor, uint64_t major,
                             uint64_t elapsed_ns)
{
    const struct synthetic_record_spec *spec = planned->spec;
    const char *why = "perf_event_paranoid is 3";
    json_t *counters = made(json_object());
    if (spec->no_faults) {
        minor = 0;
        major = 0;
    }
    add(counters, "minor_faults", spec->no_counters ? mm_record_unavailable(why) : whole(minor));
    add(counters, "major_faults", spec->no_counters ? mm_record_unavailable(why) : whole(major));
    add(counters, "context_switches",
        spec->no_counters ? mm_record_unavailable(why) : whole(major));
    add(counters, "rusage_minor_faults", whole(minor));
    add(counters, "rusage_major_faults", whole(major));
    add(counters, "rusage_voluntary_switches", whole(major));
    add(counters, "rusage_involuntary_switches", whole(0));
    add(counters, "task_clock_ns",
        spec->no_counters || spec->no_cpu_time ? mm_record_unavailable(why)
                                               : json_real((double)elapsed_ns * 0.75));
    add(counters, "dtlb_load_misses", mm_record_unavailable(NO_PMU));
    return counters;
}

static json_t *make_phase(const struct synthetic_case *planned, uint64_t elapsed_ns,
                          uint64_t entries, uint64_t minor, uint64_t major)
{
    return made(json_pack("{s:o, s:o, s:o}", "elapsed_ns", whole(elapsed_ns), "entries",
                          whole(entries), "counters",
                          make_counters(planned, minor, major, elapsed_ns)));
}

/* Touch and flush: what the phases of one process of the sample are. */
static json_t *make_phases(const struct synthetic_case *planned, uint64_t touch_ns,
                           uint64_t flush_ns)
{
    uint64_t iterations = planned->spec->iterations;
    uint64_t minor = (planned->is_cold ? 128 : 1024) * iterations;
    uint64_t major = (planned->is_cold ? 64 : 0) * iterations;
    json_t *phases = made(json_object());
    add(phases, "open", make_phase(planned, 25000, 1, 3, 0));
    add(phases, "touch", make_phase(planned, touch_ns, iterations, minor, major));
    if (planned->spec->flushes)
        add(phases, "flush", make_phase(planned, flush_ns, FLUSHES, 0, 0));
    add(phases, "close", make_phase(planned, 15000, 1, 0, 0));
    return phases;
}

static json_t *make_cache(const struct synthetic_case *planned)
{
    return made(json_pack(
        "{s:s, s:s, s:f, s:i, s:i, s:f}", "requested", planned->is_cold ? "cold" : "warm", "method",
        "cachestat", "resident_share_before", planned->is_cold ? 0.0 : 1.0, "dirty_bytes_before", 0,
        "writeback_bytes_before", 0, "resident_share_after", 1.0));
}

/* The first peer moves what the others leave. */
static json_t *make_peers(const struct synthetic_case *planned, uint64_t touch_ns,
                          uint64_t flush_ns, uint64_t bytes)
{
    uint32_t processes = planned->spec->processes;
    uint64_t share = bytes / ITEM_BYTES / processes * ITEM_BYTES;
    json_t *peers = made(json_array());
    for (uint32_t peer = 0; peer < processes; peer++) {
        uint64_t moved = peer == 0 ? bytes - share * (processes - 1) : share;
        append(peers, json_pack("{s:i, s:i, s:o, s:o, s:o}", "peer", (int)peer, "start_skew_ns",
                                (int)(1000 * peer), "bytes", whole(moved), "items",
                                whole(moved / ITEM_BYTES), "phases",
                                make_phases(planned, touch_ns, flush_ns)));
    }
    return peers;
}

static json_t *make_operations(const struct synthetic_record_spec *spec)
{
    double kept = spec->kept_share > 0 ? spec->kept_share : 1;
    double rate = spec->rate ? (double)spec->rate * kept : 1e6;
    json_t *operations = made(json_pack("{s:i, s:o}", "count", OPERATIONS, "elapsed_ns",
                                        whole((uint64_t)((double)OPERATIONS / rate * 1e9))));
    if (spec->rate) {
        add(operations, "late", whole(kept < 1 ? OPERATIONS - 1 : 5));
        add(operations, "queued", whole(kept < 1 ? OPERATIONS - 1 : 4));
        add(operations, "most_late_ns", whole(70000));
    }
    return operations;
}

static json_t *make_sample(const struct synthetic_case *planned, uint64_t flush_ns,
                           struct mm_random *random)
{
    const struct synthetic_record_spec *spec = planned->spec;
    uint64_t touch_ns = touch_time(planned, random);
    uint64_t bytes = BYTES_PER_PASS * spec->iterations;
    json_t *sample = made(json_object());
    add(sample, "iterations", whole(spec->iterations));
    add(sample, "elapsed_ns", whole(touch_ns + flush_ns));
    add(sample, "cpu_ns",
        spec->no_cpu_time ? mm_record_unavailable("the reporter gave none") : whole(touch_ns / 2));
    add(sample, "bytes", whole(bytes));
    add(sample, "items", whole(bytes / ITEM_BYTES));
    add(sample, "cache", make_cache(planned));
    add(sample, "phases", make_phases(planned, touch_ns, flush_ns));
    add(sample, "device",
        json_pack("{s:o, s:o}", "read_bytes", whole(planned->is_cold ? bytes : 0), "written_bytes",
                  mm_record_unavailable("/proc/self/io counts dirtying")));
    if (spec->processes > 1)
        add(sample, "peers", make_peers(planned, touch_ns, flush_ns, bytes));
    if (spec->latency)
        add(sample, "operations", make_operations(spec));
    add(sample, "checksum", hex(UINT64_C(0xfeedfacecafebeef)));
    add(sample, "expected_checksum", hex(UINT64_C(0xfeedfacecafebeef)));
    add(sample, "reported", json_pack("{s:i}", "lost_updates", 0));
    return sample;
}

static json_t *make_failure(const struct synthetic_case *planned)
{
    const char *reason = planned->spec->hostile_names ? HOSTILE_NAME : "the worker was killed";
    return made(json_pack("{s:s, s:s, s:i}", "kind", "killed", "reason", reason, "signal", 9));
}

/* Fills the flush latencies of one launch; returns their sum. */
static uint64_t fill_histograms(const struct synthetic_case *planned, json_t *histograms,
                                struct mm_random *random)
{
    struct mm_histogram histogram;
    mm_histogram_reset(&histogram);
    for (int i = 0; i < FLUSHES; i++) {
        double spread = 1.0 + planned->spec->noise * mm_random_unit(random);
        double tail = i == FLUSHES - 1 ? 20.0 : 1.0;
        double slower = 1.0 + planned->spec->slowdown;
        mm_histogram_record(&histogram, (uint64_t)(40000.0 * spread * tail * slower));
    }
    add(histograms, "flush_ns", mm_histogram_to_json(&histogram, "ns"));
    return histogram.sum;
}

/* Latencies of 1,000 operations, of which the lock takes a third. */
static void fill_latencies(const struct synthetic_case *planned, json_t *histograms,
                           struct mm_random *random)
{
    struct mm_histogram touch;
    struct mm_histogram lock;
    mm_histogram_reset(&touch);
    mm_histogram_reset(&lock);
    for (int i = 0; i < OPERATIONS; i++) {
        double spread = 1.0 + planned->spec->noise * mm_random_unit(random);
        double tail = i % 100 == 99 ? 50.0 : 1.0;
        uint64_t value = (uint64_t)(900.0 * spread * tail * (1.0 + planned->spec->slowdown));
        mm_histogram_record(&touch, value);
        mm_histogram_record(&lock, value / 3);
    }
    add(histograms, "touch_ns", mm_histogram_to_json(&touch, "ns"));
    add(histograms, "lock_ns", mm_histogram_to_json(&lock, "ns"));
}

static json_t *make_launch(const struct synthetic_case *planned, uint32_t index, size_t order)
{
    const struct synthetic_record_spec *spec = planned->spec;
    struct mm_random random;
    mm_random_seed(&random,
                   mm_random_mix(mm_random_mix(spec->seed) + (planned->index << 32) + index));
    bool is_failed = spec->failed_every && (index + 1) % spec->failed_every == 0;
    json_t *launch = made(json_object());
    json_t *samples = made(json_array());
    json_t *histograms = made(json_object());
    uint64_t flush_ns = spec->flushes ? fill_histograms(planned, histograms, &random) : 0;
    if (spec->latency)
        fill_latencies(planned, histograms, &random);
    for (uint32_t i = 0; !is_failed && i < spec->samples; i++)
        append(samples, make_sample(planned, flush_ns, &random));
    add(launch, "case", json_string(planned->id));
    add(launch, "index", whole(index));
    add(launch, "order", whole(order));
    add(launch, "seed", hex(mm_random_next(&random)));
    add(launch, "started_ns", whole(order * ROUND_SPACING));
    add(launch, "elapsed_ns", whole(ROUND_SPACING - PROCESS_OUTSIDE));
    add(launch, "pid", whole(1000 + order));
    add(launch, "cpus_allowed", json_pack("[i, i]", 0, 1));
    add(launch, "status", json_string(is_failed ? "failed" : "ok"));
    add(launch, "failure", is_failed ? make_failure(planned) : json_null());
    add(launch, "samples", samples);
    if (!is_failed && (spec->flushes || spec->latency))
        add(launch, "histograms", histograms);
    else
        json_decref(histograms);
    if (is_failed)
        return launch;
    add(launch, "counter_quality",
        json_pack("{s:{s:s, s:b, s:f}}", "minor_faults", "source",
                  spec->no_counters ? "getrusage" : "perf", "exclude_kernel", 0, "running_share",
                  1.0));
    add(launch, "effective",
        json_pack("{s:s, s:s, s:s}", "advice_requested", "normal", "advice_granted", "normal",
                  "flush_call", spec->flushes ? "msync(MS_SYNC)" : "none"));
    return launch;
}

static struct synthetic_case nth_case(const struct synthetic_record_spec *spec, size_t index)
{
    struct synthetic_case planned = {.spec = spec, .index = index};
    const char *cache = spec->caches[index % spec->cache_count];
    planned.engine = index / spec->cache_count % spec->engine_count;
    planned.workload = index / spec->cache_count / spec->engine_count;
    planned.is_cold = strcmp(cache, "cold") == 0;
    snprintf(planned.id, sizeof(planned.id), "c%zu", index);
    return planned;
}

struct mm_record *synthetic_record(const struct synthetic_record_spec *wanted)
{
    struct synthetic_record_spec spec = with_defaults(wanted);
    struct mm_record *record = mm_record_new();
    size_t case_count = spec.workload_count * spec.engine_count * spec.cache_count;
    size_t measured = case_count - spec.skipped_cases;
    size_t launch_count = measured * spec.launches;
    if (!record)
        abort();
    if (spec.interrupted)
        launch_count -= launch_count / 3;
    fill_run(&spec, mm_record_run(record));
    fill_environment(&spec, mm_record_environment(record));
    append(mm_record_files(record), make_file(&spec));
    for (size_t i = 0; i < case_count; i++) {
        struct synthetic_case planned = nth_case(&spec, i);
        append(mm_record_cases(record),
               make_case(&planned, spec.caches[i % spec.cache_count], i >= measured));
    }
    for (size_t order = 0; order < launch_count; order++) {
        struct synthetic_case planned = nth_case(&spec, order % measured);
        append(mm_record_launches(record),
               make_launch(&planned, (uint32_t)(order / measured), order));
    }
    return record;
}
