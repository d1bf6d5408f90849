/* The record as a JSON tree: building, writing, reading and finding things in it. */
#include "results/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "results/record_check.h"

/* A record of ten thousand launches has some 60 MB; more than this is not one. */
#define RECORD_LIMIT_BYTES ((size_t)512 << 20)

#define RECORD_FILE_NAME "results.json"

struct mm_record {
    json_t *root;
};

static int record_from_root(json_t *root, struct mm_record **record)
{
    struct mm_record *made = malloc(sizeof(*made));
    if (!made)
        return -ENOMEM;
    made->root = root;
    *record = made;
    return 0;
}

struct mm_record *mm_record_new(void)
{
    struct mm_record *record = NULL;
    json_t *root = json_pack("{s:{s:s, s:i}, s:{}, s:{}, s:[], s:[], s:[]}", "schema", "name",
                             MM_RECORD_SCHEMA_NAME, "version", MM_RECORD_SCHEMA_VERSION, "run",
                             "environment", "files", "cases", "launches");
    if (root && record_from_root(root, &record) < 0)
        json_decref(root);
    return record;
}

void mm_record_free(struct mm_record *record)
{
    if (!record)
        return;
    json_decref(record->root);
    free(record);
}

json_t *mm_record_run(const struct mm_record *record)
{
    return json_object_get(record->root, "run");
}

json_t *mm_record_environment(const struct mm_record *record)
{
    return json_object_get(record->root, "environment");
}

json_t *mm_record_files(const struct mm_record *record)
{
    return json_object_get(record->root, "files");
}

json_t *mm_record_cases(const struct mm_record *record)
{
    return json_object_get(record->root, "cases");
}

json_t *mm_record_launches(const struct mm_record *record)
{
    return json_object_get(record->root, "launches");
}

int mm_record_save(const struct mm_record *record, const char *path, struct mm_error *error)
{
    char *text = json_dumps(record->root, JSON_INDENT(1));
    if (!text)
        return mm_error_set(error, -ENOMEM, "%s: out of memory while writing the record", path);
    size_t length = strlen(text);
    text[length] = '\n'; /* in the place of the zero byte: a text file ends with a newline */
    int result = mm_file_replace(path, text, length + 1, error);
    free(text);
    return result;
}

static bool is_folder(const char *path)
{
    struct stat status;
    return strcmp(path, "-") != 0 && stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int parse(const char *bytes, size_t size, const char *path, json_t **root,
                 struct mm_error *error)
{
    json_error_t failure;
    if (size == 0)
        return mm_error_set(error, -EBADMSG, "%s: empty, not a record", path);
    json_t *parsed = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &failure);
    if (parsed) {
        *root = parsed;
        return 0;
    }
    if (json_error_code(&failure) == json_error_out_of_memory)
        return mm_error_set(error, -ENOMEM, "%s: out of memory while reading", path);
    /* A word or a number that was cut is a wrong token to jansson, but one at the very end. */
    if (json_error_code(&failure) == json_error_premature_end_of_input ||
        (size_t)failure.position >= size)
        return mm_error_set(error, -EBADMSG,
                            "%s:%d:%d: the record is cut off here (%s); it was not written whole",
                            path, failure.line, failure.column, failure.text);
    return mm_error_set(error, -EBADMSG, "%s:%d:%d: not JSON as a record has it: %s", path,
                        failure.line, failure.column, failure.text);
}

int mm_record_from_json(json_t *root, struct mm_record **record, struct mm_error *error)
{
    int result = mm_record_check(root, error);
    if (result == 0 && record_from_root(root, record) < 0)
        result = mm_error_set(error, -ENOMEM, "out of memory");
    return result;
}

static int load_file(const char *path, struct mm_record **record, struct mm_error *error)
{
    char *bytes = NULL;
    size_t size = 0;
    json_t *root = NULL;
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    int result = mm_file_read(path, RECORD_LIMIT_BYTES, &bytes, &size, error);
    if (result < 0)
        return result;
    result = parse(bytes, size, name, &root, error);
    free(bytes);
    if (result < 0)
        return result;
    result = mm_record_from_json(root, record, error);
    if (result < 0) {
        mm_error_prefix(error, "%s", name);
        json_decref(root);
    }
    return result;
}

int mm_record_load(const char *path, struct mm_record **record, struct mm_error *error)
{
    if (!is_folder(path))
        return load_file(path, record, error);
    char *inside = mm_file_join(path, RECORD_FILE_NAME);
    if (!inside)
        return mm_error_set(error, -ENOMEM, "%s: out of memory", path);
    int result = load_file(inside, record, error);
    free(inside);
    return result;
}

int mm_record_validate(const struct mm_record *record, struct mm_error *error)
{
    return mm_record_check(record->root, error);
}

bool mm_record_metric(const json_t *holder, const char *name, double *value, const char **why)
{
    const json_t *metric = json_object_get(holder, name);
    if (json_is_number(metric)) {
        *value = json_number_value(metric);
        return true;
    }
    if (why) {
        const char *given = json_string_value(json_object_get(metric, "unavailable"));
        *why = given ? given : "not recorded";
    }
    return false;
}

json_t *mm_record_unavailable(const char *why)
{
    return json_pack("{s:s}", "unavailable", why);
}

static bool text_is(const json_t *holder, const char *name, const char *text)
{
    const char *found = json_string_value(json_object_get(holder, name));
    return found && strcmp(found, text) == 0;
}

const json_t *mm_record_case(const struct mm_record *record, const char *id)
{
    size_t place;
    const json_t *candidate;
    json_array_foreach(mm_record_cases(record), place, candidate)
    {
        if (text_is(candidate, "id", id))
            return candidate;
    }
    return NULL;
}

static json_int_t launch_index(const json_t *launch)
{
    return json_integer_value(json_object_get(launch, "index"));
}

/* The good launch of the case with the smallest index above `above`. */
static const json_t *next_good_launch(const struct mm_record *record, const char *case_id,
                                      json_int_t above)
{
    size_t place;
    const json_t *launch;
    const json_t *next = NULL;
    json_array_foreach(mm_record_launches(record), place, launch)
    {
        if (!text_is(launch, "case", case_id) || !text_is(launch, "status", "ok"))
            continue;
        if (launch_index(launch) > above && (!next || launch_index(launch) < launch_index(next)))
            next = launch;
    }
    return next;
}

const json_t *mm_record_good_launch(const struct mm_record *record, const char *case_id, size_t n)
{
    size_t place;
    const json_t *launch;
    const json_t *nth = NULL;
    json_int_t last = -1;
    size_t seen = 0;
    bool ascending = true;
    /* A run writes the launches of a case in order, so that one pass finds the n-th. */
    json_array_foreach(mm_record_launches(record), place, launch)
    {
        if (!text_is(launch, "case", case_id) || !text_is(launch, "status", "ok"))
            continue;
        if (seen++ == n)
            nth = launch;
        ascending = ascending && launch_index(launch) > last;
        last = launch_index(launch);
    }
    if (ascending || seen <= n)
        return nth;
    nth = next_good_launch(record, case_id, -1);
    for (size_t i = 0; nth && i < n; i++)
        nth = next_good_launch(record, case_id, launch_index(nth));
    return nth;
}

size_t mm_record_good_launch_count(const struct mm_record *record, const char *case_id)
{
    size_t place;
    const json_t *launch;
    size_t count = 0;
    json_array_foreach(mm_record_launches(record), place, launch)
    {
        if (text_is(launch, "case", case_id) && text_is(launch, "status", "ok"))
            count++;
    }
    return count;
}

static int compare_launches(const void *left, const void *right)
{
    json_int_t a = launch_index(*(const json_t *const *)left);
    json_int_t b = launch_index(*(const json_t *const *)right);
    return (a > b) - (a < b);
}

int mm_record_good_launches(const struct mm_record *record, const char *case_id,
                            const json_t ***launches, size_t *count)
{
    size_t place;
    const json_t *launch;
    const json_t **found = NULL;
    size_t used = 0;
    size_t good = mm_record_good_launch_count(record, case_id);
    if (good > 0) {
        found = calloc(good, sizeof(*found));
        if (!found)
            return -ENOMEM;
        json_array_foreach(mm_record_launches(record), place, launch)
        {
            if (text_is(launch, "case", case_id) && text_is(launch, "status", "ok"))
                found[used++] = launch;
        }
        qsort(found, used, sizeof(*found), compare_launches);
    }
    *launches = found;
    *count = used;
    return 0;
}
