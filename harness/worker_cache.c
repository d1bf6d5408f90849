/* The cache state of a sample: reached, verified, recorded; or the sample fails. */
#include "harness/worker_cache.h"

#include <errno.h>
#include <string.h>

#include "harness/data_file.h"
#include "results/record.h"

/* By the device's bytes a sample was cold when at least this share of the payload came from there,
 * and warm when at most the other did. */
#define COLD_DELIVERED_SHARE 0.90
#define WARM_DELIVERED_SHARE 0.01

/* The kernel counts pages in batches per processor, and lets a few through. */
#define PRESSURE_SLACK 1.05

/* In the steady state the file has at least this share of the memory that is granted; the rest is
 * for the worker itself and for what the kernel gives back ahead of need. */
#define PRESSURE_FILLED_SHARE 0.5

static bool reads_whole_array(const struct mm_plan_case *plan_case, const struct mm_plan_file *file)
{
    return !plan_case->needs.writes && plan_case->needs.bytes_per_pass >= file->array.size_bytes;
}

static int prepare_cold(const struct mm_plan_case *plan_case, const struct mm_plan_file *file,
                        struct mm_worker_cache *cache, struct mm_worker_failure *failure)
{
    if (plan_case->warmup_passes > 0) {
        return mm_error_set(&failure->error, -EINVAL,
                            "a cold case cannot have %u warm-up passes; set them to 0",
                            plan_case->warmup_passes);
    }
    int code = mm_cache_make_cold(file->path, &cache->before, &failure->error);
    if (code != -ENODATA) {
        return code;
    }
    if (!reads_whole_array(plan_case, file)) {
        return mm_error_set(&failure->error, -ENODATA,
                            "cannot verify that '%s' is cold (%s), and the bytes that the device "
                            "delivers tell it only where the whole array is read",
                            file->path, cache->before.why);
    }
    cache->by_device_bytes = true;
    memset(&failure->error, 0, sizeof(failure->error));
    return 0;
}

static int prepare_warm(const struct mm_plan_file *file, bool rebuild,
                        struct mm_worker_cache *cache, struct mm_worker_failure *failure)
{
    /* A file that cannot be evicted is taken as it is, and the record says so. */
    cache->rebuilt = rebuild && mm_cache_make_cold(file->path, &cache->before, NULL) == 0;
    int code = mm_cache_make_warm(file->path, file->array.offset_bytes, file->array.size_bytes,
                                  &cache->before, &failure->error);
    if (code == -ENODATA) {
        memset(&failure->error, 0, sizeof(failure->error));
        code = 0;
    }
    cache->by_device_bytes = code == 0 && strcmp(cache->before.method, "none") == 0;
    if (code == 0 && cache->rebuilt) {
        mm_folios_look(file->path, file->array.offset_bytes, file->array.size_bytes,
                       &cache->folios);
    }
    return code;
}

static int expected_content(const void *context, uint64_t offset_bytes, uint64_t length_bytes,
                            void *buffer)
{
    const struct mm_plan_file *file = context;
    mm_data_file_expected(file, offset_bytes - file->array.offset_bytes, length_bytes, buffer);
    return 0;
}

/* A reader finds the bytes of a generated file, which earlier writers may have changed. */
static int prepare_dirty(const struct mm_plan_case *plan_case, const struct mm_plan_file *file,
                         struct mm_worker_cache *cache, struct mm_worker_failure *failure)
{
    bool anew = file->generated && !plan_case->needs.writes;
    if (!file->writable) {
        return mm_error_set(&failure->error, -EACCES,
                            "dirty means that '%s' is written before the clock, but it is not for "
                            "writing",
                            file->path);
    }
    return mm_cache_make_dirty(file->path, file->array.offset_bytes, file->array.size_bytes,
                               anew ? expected_content : NULL, file, &cache->before,
                               &failure->error);
}

/* Evicted once, so that all pages of the file are counted in the group of this launch; and for the
 * steady state read in, since a workload that touches little would not fill the memory by itself.
 */
static int prepare_pressure(const struct mm_plan_case *plan_case, const struct mm_plan_file *file,
                            bool rebuild, struct mm_worker_cache *cache,
                            struct mm_worker_failure *failure)
{
    int code = 0;
    if (plan_case->fill || rebuild) {
        code = mm_cache_make_cold(file->path, &cache->before, &failure->error);
    }
    if (code < 0 || plan_case->fill) {
        return code;
    }
    if (rebuild) {
        code = mm_cache_read_in(file->path, file->array.offset_bytes, file->array.size_bytes,
                                &failure->error);
    }
    return code < 0 ? code
                    : mm_cache_residency(file->path, file->array.offset_bytes,
                                         file->array.size_bytes, &cache->before, &failure->error);
}

int mm_worker_cache_prepare(const struct mm_plan_case *plan_case, const struct mm_plan_file *file,
                            bool rebuild, struct mm_worker_cache *cache,
                            struct mm_worker_failure *failure)
{
    struct mm_memory_limit limit = cache->limit;

    memset(cache, 0, sizeof(*cache));
    cache->limit = limit;
    failure->kind = "cache";
    switch (plan_case->cache) {
    case MM_CACHE_COLD:
        return prepare_cold(plan_case, file, cache, failure);
    case MM_CACHE_DIRTY:
        return prepare_dirty(plan_case, file, cache, failure);
    case MM_CACHE_PRESSURE:
        return prepare_pressure(plan_case, file, rebuild, cache, failure);
    case MM_CACHE_WARM:
        break;
    }
    cache->no_file = (plan_case->engine->capabilities & MM_ENGINE_FILE_BACKED) == 0;
    return cache->no_file ? 0 : prepare_warm(file, rebuild, cache, failure);
}

/* Where memory has room left, passes go on filling it: that is the other stage. */
static int confirm_filled(const struct mm_plan_file *file, const struct mm_worker_cache *cache,
                          struct mm_worker_failure *failure)
{
    double resident_bytes = cache->before.resident_share * (double)file->array.size_bytes;

    if (strcmp(cache->before.method, "none") == 0 ||
        resident_bytes >= PRESSURE_FILLED_SHARE * (double)cache->limit.limit_bytes) {
        return 0;
    }
    return mm_error_set(&failure->error, -EBUSY,
                        "asked for pressure in the steady state, but only %.0f bytes of '%s' are "
                        "in memory, of %llu that are granted: they have not stayed there",
                        resident_bytes, file->path, (unsigned long long)cache->limit.limit_bytes);
}

int mm_worker_cache_warmed_up(const struct mm_plan_case *plan_case, const struct mm_plan_file *file,
                              struct mm_worker_cache *cache, struct mm_worker_failure *failure)
{
    if (plan_case->cache != MM_CACHE_PRESSURE || plan_case->fill) {
        return 0;
    }
    failure->kind = "cache";
    int code = mm_cache_residency(file->path, file->array.offset_bytes, file->array.size_bytes,
                                  &cache->before, &failure->error);
    return code < 0 ? code : confirm_filled(file, cache, failure);
}

/* More of the file in memory than the limit allows is counted in somebody else's group. */
static int confirm_pressure(const struct mm_plan_file *file, const struct mm_worker_cache *cache,
                            struct mm_worker_failure *failure)
{
    double resident_bytes = cache->after.resident_share * (double)file->array.size_bytes;

    if (strcmp(cache->after.method, "none") == 0 ||
        resident_bytes <= PRESSURE_SLACK * (double)cache->limit.limit_bytes) {
        return 0;
    }
    return mm_error_set(&failure->error, -EBUSY,
                        "asked for pressure, but %.0f bytes of '%s' are in memory, above the limit "
                        "of %llu: another process holds them",
                        resident_bytes, file->path, (unsigned long long)cache->limit.limit_bytes);
}

static int confirm_by_device_bytes(const struct mm_plan_case *plan_case,
                                   const struct mm_plan_file *file, const struct mm_worker_io *io,
                                   const struct mm_worker_cache *cache,
                                   struct mm_worker_failure *failure)
{
    double size_bytes = (double)file->array.size_bytes;

    failure->kind = "cache";
    if (!io->valid) {
        return mm_error_set(&failure->error, -ENODATA, "the cache state cannot be verified: %s; %s",
                            cache->before.why, io->why_unavailable);
    }
    if (plan_case->cache == MM_CACHE_COLD &&
        (double)io->read_bytes_with_open < COLD_DELIVERED_SHARE * size_bytes) {
        return mm_error_set(&failure->error, -EBUSY,
                            "asked for cold, but the device delivered only %llu of %llu bytes: the "
                            "rest was in the page cache",
                            (unsigned long long)io->read_bytes_with_open,
                            (unsigned long long)file->array.size_bytes);
    }
    if (plan_case->cache == MM_CACHE_WARM &&
        (double)io->read_bytes > WARM_DELIVERED_SHARE * size_bytes) {
        return mm_error_set(
            &failure->error, -EBUSY, "asked for warm, but the device delivered %llu of %llu bytes",
            (unsigned long long)io->read_bytes, (unsigned long long)file->array.size_bytes);
    }
    return 0;
}

int mm_worker_cache_confirm(const struct mm_plan_case *plan_case, const struct mm_plan_file *file,
                            const struct mm_worker_io *io, struct mm_worker_cache *cache,
                            struct mm_worker_failure *failure)
{
    if (cache->no_file) {
        return 0;
    }
    if (cache->by_device_bytes) {
        int code = confirm_by_device_bytes(plan_case, file, io, cache, failure);
        if (code < 0) {
            return code;
        }
    }
    failure->kind = "cache";
    int code = mm_cache_residency(file->path, file->array.offset_bytes, file->array.size_bytes,
                                  &cache->after, &failure->error);
    if (code == 0 && plan_case->cache == MM_CACHE_PRESSURE) {
        code = confirm_pressure(file, cache, failure);
    }
    return code;
}

static json_t *share_or_why(const struct mm_cache_residency *residency)
{
    bool known = strcmp(residency->method, "none") != 0;

    return known ? json_real(residency->resident_share) : mm_record_unavailable(residency->why);
}

static json_t *bytes_or_why(const struct mm_cache_residency *residency, uint64_t bytes)
{
    if (strcmp(residency->method, "none") == 0) {
        return mm_record_unavailable(residency->why);
    }
    if (strcmp(residency->method, "mincore") == 0) {
        return mm_record_unavailable("mincore does not tell dirty pages");
    }
    return json_integer((json_int_t)bytes);
}

json_t *mm_worker_cache_to_json(const struct mm_plan_case *plan_case,
                                const struct mm_worker_cache *cache)
{
    static const struct mm_cache_residency memory = {
        .method = "none",
        .why = "this engine does not read through the page cache",
    };
    const struct mm_cache_residency *before = cache->no_file ? &memory : &cache->before;
    const struct mm_cache_residency *after = cache->no_file ? &memory : &cache->after;

    bool limited = plan_case->cache == MM_CACHE_PRESSURE;

    return json_pack("{s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o*, s:o*}", "requested",
                     mm_cache_state_name(plan_case->cache), "method",
                     cache->by_device_bytes ? "device-bytes" : before->method, "rebuilt",
                     cache->rebuilt, "resident_share_before", share_or_why(before),
                     "dirty_bytes_before", bytes_or_why(before, before->dirty_bytes),
                     "writeback_bytes_before", bytes_or_why(before, before->writeback_bytes),
                     "resident_share_after", share_or_why(after), "limit",
                     limited ? mm_memory_limit_to_json(&cache->limit) : NULL, "folios",
                     mm_folios_to_json(&cache->folios));
}
