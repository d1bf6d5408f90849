/* Families of cases by their names, and what more processes bring. */
#include "analysis/scaling.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

/* 0: the case has no such parameter, or no throughput to compare. */
static uint64_t processes_of(const struct mm_summary_case *one)
{
    const json_t *parameters = json_object_get(one->json, "parameters");
    const char *text = json_string_value(json_object_get(parameters, "processes"));
    bool compares = !one->counters_off && !one->latencies.measured && one->bytes_per_second.count;
    return text && compares ? strtoull(text, NULL, 10) : 0;
}

/* Newly allocated. */
static char *family_name(const struct mm_summary_case *one)
{
    static const char parameter[] = "/processes:";
    char *name = strdup(one->name);
    char *start = name ? strstr(name, parameter) : NULL;
    if (start) {
        const char *rest = start + 1 + strcspn(start + 1, "/");
        memmove(start, rest, strlen(rest) + 1);
    }
    return name;
}

/* Takes over name. */
static struct mm_scaling_family *find_or_add(struct mm_scaling *scaling, char *name)
{
    for (size_t i = 0; i < scaling->count; i++) {
        if (strcmp(scaling->families[i].name, name) == 0) {
            free(name);
            return &scaling->families[i];
        }
    }
    struct mm_scaling_family *grown =
        realloc(scaling->families, (scaling->count + 1) * sizeof *grown);
    if (!grown) {
        free(name);
        return NULL;
    }
    scaling->families = grown;
    grown[scaling->count] = (struct mm_scaling_family){.name = name};
    return &grown[scaling->count++];
}

static int add_case(struct mm_scaling *scaling, const struct mm_summary_case *one)
{
    char *name = family_name(one);
    struct mm_scaling_family *family = name ? find_or_add(scaling, name) : NULL;
    struct mm_scaling_point *grown =
        family ? realloc(family->points, (family->count + 1) * sizeof *grown) : NULL;
    if (!grown) {
        return -ENOMEM;
    }
    family->points = grown;
    grown[family->count++] = (struct mm_scaling_point){.one = one, .processes = processes_of(one)};
    return 0;
}

static int compare_processes(const void *left, const void *right)
{
    uint64_t a = ((const struct mm_scaling_point *)left)->processes;
    uint64_t b = ((const struct mm_scaling_point *)right)->processes;
    return (a > b) - (a < b);
}

static void compare_points(struct mm_scaling_family *family)
{
    qsort(family->points, family->count, sizeof *family->points, compare_processes);
    const struct mm_scaling_point *base = &family->points[0];
    for (size_t i = 0; i < family->count; i++) {
        struct mm_scaling_point *point = &family->points[i];
        point->speed_up = point->one->bytes_per_second.median / base->one->bytes_per_second.median;
        point->efficiency = point->speed_up * (double)base->processes / (double)point->processes;
    }
}

static void release_family(struct mm_scaling_family *family)
{
    free(family->name);
    free(family->points);
}

/* A case alone scales to nothing. */
static void drop_lone_cases(struct mm_scaling *scaling)
{
    size_t kept = 0;
    for (size_t i = 0; i < scaling->count; i++) {
        if (scaling->families[i].count > 1) {
            compare_points(&scaling->families[i]);
            scaling->families[kept++] = scaling->families[i];
        } else {
            release_family(&scaling->families[i]);
        }
    }
    scaling->count = kept;
}

int mm_scaling_make(const struct mm_summary *summary, struct mm_scaling *scaling)
{
    int result = 0;
    *scaling = (struct mm_scaling){0};
    for (size_t i = 0; result == 0 && i < summary->case_count; i++) {
        if (processes_of(&summary->cases[i]) > 0) {
            result = add_case(scaling, &summary->cases[i]);
        }
    }
    if (result < 0) {
        mm_scaling_release(scaling);
        return result;
    }
    drop_lone_cases(scaling);
    return 0;
}

void mm_scaling_release(struct mm_scaling *scaling)
{
    for (size_t i = 0; i < scaling->count; i++) {
        release_family(&scaling->families[i]);
    }
    free(scaling->families);
    *scaling = (struct mm_scaling){0};
}
