/* Reads a file of results and finds out of which kind it is. */
#include "analysis/history/ingest.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/history/ingest_internal.h"
#include "common/file.h"
#include "common/random.h"
#include "common/text.h"
#include "common/units.h"
#include "results/record.h"

#define FILE_LIMIT_BYTES ((size_t)512 << 20)

#define GATE_SCHEMA_NAME "mapmeter.gate"

static const char fio_mark[] = "\"fio version\"";

int mm_ingest_no_memory(struct mm_error *error)
{
    return mm_error_set(error, -ENOMEM, "out of memory");
}

const char *mm_ingest_text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

int mm_ingest_set(char **text, const char *value)
{
    char *copy = value ? strdup(value) : NULL;
    if (value && !copy) {
        return -ENOMEM;
    }
    free(*text);
    *text = copy;
    return 0;
}

int mm_ingest_append(struct mm_ingest *ingest, const struct mm_history_metric *names,
                     const struct mm_distribution *distribution)
{
    if (distribution->count == 0) {
        return 0;
    }
    struct mm_history_metric metric = *names;
    metric.estimate = distribution->median;
    metric.launches = distribution->count;
    metric.has_interval = distribution->has_interval;
    metric.low = distribution->interval.low;
    metric.high = distribution->interval.high;
    return mm_history_record_append(&ingest->record, &metric);
}

int mm_ingest_append_single(struct mm_ingest *ingest, const struct mm_history_metric *names,
                            double estimate)
{
    struct mm_history_metric metric = *names;
    metric.estimate = estimate;
    metric.launches = 1;
    metric.has_interval = false;
    return mm_history_record_append(&ingest->record, &metric);
}

char *mm_ingest_data_text(const json_t *files, const json_t *plan_case)
{
    const char *id = mm_ingest_text(plan_case, "file");
    size_t index;
    const json_t *file;
    json_array_foreach(files, index, file)
    {
        const char *candidate = mm_ingest_text(file, "id");
        if (!id || !candidate || strcmp(id, candidate) != 0) {
            continue;
        }
        char size[MM_UNITS_TEXT_BYTES];
        json_int_t bytes = json_integer_value(json_object_get(file, "size_bytes"));
        const char *storage = mm_ingest_text(file, "storage_fingerprint");
        mm_units_write_size(bytes > 0 ? (uint64_t)bytes : 0, size);
        return storage ? mm_text_format("%s on storage %s", size, storage) : strdup(size);
    }
    return strdup("");
}

char *mm_ingest_digest(const json_t *content)
{
    char *bytes = json_dumps(content, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    char *text = malloc(MM_TEXT_HEX_BYTES);
    if (!bytes || !text) {
        free(bytes);
        free(text);
        return NULL;
    }
    size_t size = strlen(bytes);
    uint64_t digest = size;
    for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
        uint64_t word = 0;
        memcpy(&word, bytes + at, size - at < sizeof word ? size - at : sizeof word);
        digest = mm_random_mix(digest ^ word);
    }
    free(bytes);
    return mm_text_write_hex(digest, text);
}

/* What the readers of ingest_internal.h are. */
typedef int ingest_reader(json_t *root, struct mm_ingest *ingest, struct mm_error *error);

static bool is_fio(const json_t *root)
{
    return json_is_string(json_object_get(root, "fio version")) &&
           json_is_array(json_object_get(root, "jobs"));
}

/* NULL with error set when it is nothing that is known. */
static ingest_reader *recognise(const json_t *root, struct mm_error *error)
{
    const json_t *schema = json_object_get(root, "schema");
    const char *name = mm_ingest_text(schema, "name");
    if (name && strcmp(name, MM_RECORD_SCHEMA_NAME) == 0) {
        return mm_ingest_run;
    }
    if (name && strcmp(name, GATE_SCHEMA_NAME) == 0) {
        return mm_ingest_gate;
    }
    if (is_fio(root)) {
        return mm_ingest_fio;
    }
    if (json_is_object(json_object_get(root, "context")) &&
        json_is_array(json_object_get(root, "benchmarks"))) {
        return mm_ingest_google;
    }
    mm_error_set(error, -EPROTO,
                 "%s%s%s; the history takes results.json of 'mapmeter run' and 'mapmeter gate', "
                 "Google Benchmark's JSON and fio's (--output-format=json)",
                 name ? "a '" : "no results that are known", name ? name : "", name ? "'" : "");
    return NULL;
}

/* fio writes its progress before the JSON, on the same stream and even the same line, and names of
 * options more than once. NULL when there is none of fio. */
static json_t *find_fio(const char *bytes, size_t size)
{
    const char *mark = memmem(bytes, size, fio_mark, strlen(fio_mark));
    const char *start = mark ? memrchr(bytes, '{', (size_t)(mark - bytes)) : NULL;
    if (!start) {
        return NULL;
    }
    json_t *root = json_loadb(start, size - (size_t)(start - bytes), JSON_DISABLE_EOF_CHECK, NULL);
    if (!is_fio(root)) {
        json_decref(root);
        return NULL;
    }
    return root;
}

static int parse(const char *bytes, size_t size, json_t **root, struct mm_error *error)
{
    json_error_t failure = {0};
    *root = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &failure);
    if (!*root) {
        *root = find_fio(bytes, size);
    }
    if (*root) {
        return 0;
    }
    if (json_error_code(&failure) == json_error_out_of_memory) {
        return mm_ingest_no_memory(error);
    }
    return mm_error_set(error, -EBADMSG, "no results as JSON, or not written whole: line %d: %s",
                        failure.line, failure.text);
}

static int read_root(const char *path, json_t **root, struct mm_error *error)
{
    char *bytes = NULL;
    size_t size = 0;
    struct stat state;
    bool is_folder = strcmp(path, "-") != 0 && stat(path, &state) == 0 && S_ISDIR(state.st_mode);
    char *file = is_folder ? mm_file_join(path, "results.json") : strdup(path);
    if (!file) {
        return mm_ingest_no_memory(error);
    }
    int result = mm_file_read(file, FILE_LIMIT_BYTES, &bytes, &size, error);
    if (result == 0) {
        result = parse(bytes, size, root, error);
        if (result < 0) {
            mm_error_prefix(error, "%s", strcmp(path, "-") == 0 ? "standard input" : file);
        }
    }
    free(bytes);
    free(file);
    return result;
}

static int finish(const struct mm_ingest_request *request, struct mm_ingest *ingest,
                  struct mm_error *error)
{
    struct mm_history_record *record = &ingest->record;
    if ((request->revision && mm_ingest_set(&record->revision, request->revision) < 0) ||
        (request->label && mm_ingest_set(&record->label, request->label) < 0) ||
        (request->machine && mm_ingest_set(&record->machine, request->machine) < 0)) {
        return mm_ingest_no_memory(error);
    }
    ingest->machine_assumed = !record->machine && request->this_machine;
    if (ingest->machine_assumed && mm_ingest_set(&record->machine, request->this_machine) < 0) {
        return mm_ingest_no_memory(error);
    }
    if (!record->machine) {
        return mm_error_set(error, -EINVAL,
                            "it does not say on which machine it was made; name it by --machine");
    }
    if (record->metric_count == 0 && ingest->left_out > 0) {
        return mm_error_set(error, -EINVAL, "all of its benchmarks failed");
    }
    return mm_history_record_check(record, error);
}

int mm_ingest_file(const struct mm_ingest_request *request, struct mm_ingest *ingest,
                   struct mm_error *error)
{
    json_t *root = NULL;
    struct mm_ingest made = {0};
    int result = read_root(request->path, &root, error);
    if (result < 0) {
        return result;
    }
    ingest_reader *reader = recognise(root, error);
    result = reader ? reader(root, &made, error) : -EPROTO;
    if (result == 0) {
        result = finish(request, &made, error);
    }
    json_decref(root);
    if (result < 0) {
        mm_error_prefix(error, "%s",
                        strcmp(request->path, "-") == 0 ? "standard input" : request->path);
        mm_ingest_release(&made);
        return result;
    }
    *ingest = made;
    return 0;
}

void mm_ingest_release(struct mm_ingest *ingest)
{
    mm_history_record_release(&ingest->record);
}
