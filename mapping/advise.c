/* Advice to the kernel about a view's pages, and how many of them are in memory. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "mapping/array.h"
#include "mapping/message.h"

static const char *const advice_names[] = {
    [MARRAY_ADVICE_NORMAL] = "normal",     [MARRAY_ADVICE_SEQUENTIAL] = "sequential",
    [MARRAY_ADVICE_RANDOM] = "random",     [MARRAY_ADVICE_WILLNEED] = "willneed",
    [MARRAY_ADVICE_POPULATE] = "populate", [MARRAY_ADVICE_COLD] = "cold",
    [MARRAY_ADVICE_PAGEOUT] = "pageout",   [MARRAY_ADVICE_HUGE_PAGES] = "huge-pages",
};

#define ADVICE_COUNT (sizeof(advice_names) / sizeof(advice_names[0]))

const char *marray_advice_name(enum marray_advice advice)
{
    return (size_t)advice < ADVICE_COUNT ? advice_names[advice] : "unknown";
}

int marray_parse_advice(const char *text, enum marray_advice *advice)
{
    for (size_t i = 0; i < ADVICE_COUNT; i++) {
        if (!strcmp(text, advice_names[i])) {
            *advice = (enum marray_advice)i;
            return 0;
        }
    }
    return -EINVAL;
}

/* The kernel keeps these per mapping: given row by row they would split the map into thousands, and
 * vm.max_map_count is a limit. */
static bool is_kept_by_the_map(enum marray_advice advice)
{
    return advice == MARRAY_ADVICE_NORMAL || advice == MARRAY_ADVICE_SEQUENTIAL ||
           advice == MARRAY_ADVICE_RANDOM || advice == MARRAY_ADVICE_HUGE_PAGES;
}

/* What a walk in chunks puts back. */
static void remember(const struct marray *array, enum marray_advice advice)
{
    if (is_kept_by_the_map(advice) && advice != MARRAY_ADVICE_HUGE_PAGES)
        atomic_store(&array->map->advice, (int)advice);
}

struct advising {
    struct marray *array;
    enum marray_advice advice;
};

static int advise_pages(void *context, uint64_t start, uint64_t length)
{
    const struct advising *advising = context;
    return marray_os_advise(advising->array->map->base + start, length, advising->advice);
}

static int check_advice(const struct marray *array, enum marray_advice advice)
{
    if ((size_t)advice >= ADVICE_COUNT)
        return marray_fail(array->message, -EINVAL, "'%s': advice %d is unknown",
                           MARRAY_PATH(array), (int)advice);
    return marray_check_inherited(array);
}

static int fail_advice(const struct marray *array, enum marray_advice advice, int status)
{
    return marray_fail(array->message, status, "'%s': advice %s: %s", MARRAY_PATH(array),
                       advice_names[advice], marray_reason(status));
}

int marray_advise(struct marray *array, enum marray_advice advice)
{
    int status = check_advice(array, advice);
    if (status || array->length == 0)
        return status;
    struct marray_loops loops;
    uint64_t start;
    marray_array_by_address(array, &loops, &start);
    uint64_t span_bytes = array->dtype.item_bytes;
    if (is_kept_by_the_map(advice)) {
        span_bytes = marray_loops_span_bytes(&loops, array->dtype.item_bytes);
        loops.count = 0; /* one run of the whole span */
    }
    struct advising advising = {array, advice};
    status = marray_loops_visit_pages(&loops, start, span_bytes, marray_os_page_bytes(),
                                      advise_pages, &advising);
    if (status)
        return fail_advice(array, advice, status);
    remember(array, advice);
    return 0;
}

int marray_advise_range(struct marray *array, uint64_t start, uint64_t length,
                        enum marray_advice advice)
{
    const struct marray_map *map = array->map;
    int status = check_advice(array, advice);
    if (status)
        return status;
    if (start > map->data_bytes)
        return marray_fail(array->message, -ERANGE,
                           "'%s': advice from byte %" PRIu64 " of an array of %" PRIu64,
                           MARRAY_PATH(array), start, map->data_bytes);
    if (length > map->data_bytes - start)
        length = map->data_bytes - start;
    if (length == 0)
        return 0;
    uint64_t page_bytes = marray_os_page_bytes();
    uint64_t from_base = map->data_offset - map->file_offset + start;
    uint64_t first = from_base / page_bytes * page_bytes;
    status = marray_os_advise(map->base + first, from_base + length - first, advice);
    if (status)
        return fail_advice(array, advice, status);
    remember(array, advice);
    return 0;
}

int marray_probe_advice(const struct marray *array, enum marray_advice advice)
{
    const struct marray_map *map = array->map;
    int status = check_advice(array, advice);
    if (status || !map->base)
        return status;
    status = marray_os_probe_advice(map->descriptor, map->base, advice);
    if (status == -EPERM)
        return marray_fail(array->message, status,
                           "'%s': advice %s has no effect on files of others that one may not "
                           "write",
                           MARRAY_PATH(array), advice_names[advice]);
    return status ? fail_advice(array, advice, status) : 0;
}

struct residency {
    const struct marray *array;
    uint64_t resident_bytes;
    uint64_t total_bytes;
};

static int add_residency(void *context, uint64_t start, uint64_t length)
{
    struct residency *residency = context;
    const struct marray_map *map = residency->array->map;
    uint64_t resident_bytes;
    int status = marray_os_resident(map->descriptor, map->file_offset + start, map->base + start,
                                    length, &resident_bytes);
    if (status)
        return status;
    residency->resident_bytes += resident_bytes;
    residency->total_bytes += length;
    return 0;
}

int marray_residency(const struct marray *array, uint64_t *resident_bytes, uint64_t *total_bytes)
{
    struct residency residency = {.array = array};
    int status = marray_check_inherited(array);
    if (!status && !array->map->is_anonymous)
        status = marray_check_descriptor(array, "the residency");
    if (status)
        return status;
    if (array->length > 0) {
        struct marray_loops loops;
        uint64_t start;
        marray_array_by_address(array, &loops, &start);
        status = marray_loops_visit_pages(&loops, start, array->dtype.item_bytes,
                                          marray_os_page_bytes(), add_residency, &residency);
        if (status)
            return marray_fail(array->message, status, "'%s': the residency is not told: %s",
                               MARRAY_PATH(array), marray_reason(status));
    }
    *resident_bytes = residency.resident_bytes;
    *total_bytes = residency.total_bytes;
    return 0;
}
