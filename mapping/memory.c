/* Arrays without a path: in memory, and over a descriptor that somebody handed on. */
#include <errno.h>
#include <stdio.h>

#include "mapping/array.h"
#include "mapping/message.h"
#include "mapping/plan.h"

/* Enough for "descriptor -2147483648". */
#define NAME_BYTES 32

static int map_anonymous(const struct marray_map_request *request, void *context,
                         struct marray_map **map)
{
    (void)context;
    return marray_map_anonymous(request, map);
}

static int map_memory_file(const struct marray_map_request *request, void *context,
                           struct marray_map **map)
{
    (void)context;
    return marray_map_memory_file(request, map);
}

static int check_anonymous(const struct marray_plan *plan)
{
    if (plan->mode != MARRAY_CREATE && plan->mode != MARRAY_COPY_ON_WRITE)
        return marray_fail(plan->message, -EINVAL,
                           "an anonymous array is new: mode w+ (shared with children) or c");
    if (plan->infer_shape)
        return marray_fail(plan->message, -EINVAL, "an anonymous array needs a shape");
    if (plan->offset_bytes)
        return marray_fail(plan->message, -EINVAL,
                           "an anonymous array has nothing before its first element: offset 0");
    return 0;
}

static int check_memory_file(const struct marray_plan *plan)
{
    if (plan->mode != MARRAY_CREATE)
        return marray_fail(plan->message, -EINVAL, "'%s': an array in memory is new: mode w+",
                           plan->path);
    return 0;
}

static int make_in_memory(const char *name, const struct marray_spec *spec,
                          int (*check)(const struct marray_plan *plan), marray_plan_map *make_map,
                          struct marray **array)
{
    struct marray_plan plan = {0};
    int status = marray_plan_check(name, spec, "|u1", &plan);
    if (!status && (plan.flags & MARRAY_DURABLE_CREATE))
        status = marray_fail(plan.message, -EINVAL, "'%s': nothing in memory is durable", name);
    if (!status)
        status = check(&plan);
    if (!status)
        status = marray_plan_check_size(&plan);
    if (!status)
        status = marray_plan_make(&plan, make_map, NULL, array);
    marray_plan_release(&plan);
    return status;
}

int marray_open_anonymous(const struct marray_spec *spec, struct marray **array)
{
    return make_in_memory("anonymous", spec, check_anonymous, map_anonymous, array);
}

int marray_open_memfd(const char *name, const struct marray_spec *spec, struct marray **array)
{
    return make_in_memory(name, spec, check_memory_file, map_memory_file, array);
}

/* Opens what is behind descriptor, so that locks are this array's own. */
static int reopen(struct marray_plan *plan, int descriptor, struct marray **array)
{
    bool writable = plan->mode == MARRAY_READ_WRITE;
    struct marray_os_status file;
    int reopened;
    int status = marray_os_reopen(descriptor, writable, &reopened);
    if (status)
        return marray_fail(plan->message, status, "cannot open '%s' again for %s: %s", plan->path,
                           writable ? "reading and writing" : "reading", marray_reason(status));
    status = marray_os_inspect(reopened, &file);
    if (status)
        marray_fail(plan->message, status, "cannot inspect '%s': %s", plan->path,
                    marray_reason(status));
    else if (!file.is_regular)
        status = marray_fail(plan->message, -ENODEV, "cannot map '%s': it is not a regular file",
                             plan->path);
    if (status) {
        marray_os_close(reopened);
        return status;
    }
    status = marray_plan_open(plan, reopened, &file, array);
    if (!status)
        (*array)->map->has_no_path = true;
    return status;
}

int marray_open_descriptor(int descriptor, const struct marray_spec *spec, struct marray **array)
{
    char name[NAME_BYTES];
    struct marray_plan plan = {0};
    snprintf(name, sizeof(name), "descriptor %d", descriptor);
    int status = marray_plan_check(name, spec, "|u1", &plan);
    if (!status && plan.mode == MARRAY_CREATE)
        status =
            marray_fail(plan.message, -EINVAL, "'%s': a file that is open is not created", name);
    if (!status)
        status = reopen(&plan, descriptor, array);
    marray_plan_release(&plan);
    return status;
}
