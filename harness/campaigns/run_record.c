/* The identity of a run: what was asked for, by which program, on which machine. */
#include "harness/campaigns/run_record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "common/random.h"
#include "common/text.h"
#include "harness/campaigns/resume.h"
#include "harness/campaigns/version.h"
#include "harness/protocol.h"

#define DIGEST_BUFFER_BYTES ((size_t)1 << 20)

static struct tm now_utc(void)
{
    time_t now = time(NULL);
    struct tm parts = {0};

    gmtime_r(&now, &parts);
    return parts;
}

char *mm_run_utc(char text[MM_RUN_UTC_BYTES])
{
    struct tm parts = now_utc();

    strftime(text, MM_RUN_UTC_BYTES, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

json_t *mm_run_make_id(void)
{
    char utc[MM_RUN_UTC_BYTES];
    char id[MM_RUN_UTC_BYTES + 8];
    struct tm parts = now_utc();
    uint16_t chance = 0;

    if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) != (ssize_t)sizeof(chance)) {
        chance = (uint16_t)getpid();
    }
    strftime(utc, sizeof(utc), "%Y%m%dT%H%M%SZ", &parts);
    snprintf(id, sizeof(id), "%s-%04x", utc, (unsigned)chance);
    return json_string(id);
}

json_t *mm_run_digest(const char *path)
{
    char text[MM_TEXT_HEX_BYTES];
    uint64_t digest = 0;
    uint64_t words[512];
    FILE *stream = fopen(path, "re");

    if (stream == NULL) {
        return NULL;
    }
    /* A call for every page takes milliseconds in a virtual machine. */
    setvbuf(stream, NULL, _IOFBF, DIGEST_BUFFER_BYTES);
    for (;;) {
        memset(words, 0, sizeof(words));
        size_t got = fread(words, 1, sizeof(words), stream);
        if (got == 0) {
            break;
        }
        for (size_t i = 0; i < MM_COUNT_OF(words); i++) {
            digest = mm_random_mix(digest ^ words[i]);
        }
    }
    bool failed = ferror(stream) != 0;
    fclose(stream);
    return failed ? NULL : json_string(mm_text_write_hex(digest, text));
}

json_t *mm_run_program(const char *worker_binary)
{
    const char *binary = worker_binary != NULL ? worker_binary : "/proc/self/exe";

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o*}", "version", MAPMETER_VERSION, "revision",
                     MAPMETER_REVISION, "compiler", MAPMETER_COMPILER, "flags", MAPMETER_FLAGS,
                     "build_type", MAPMETER_BUILD_TYPE, "digest", mm_run_digest(binary));
}

static json_t *text_or_null(const char *text)
{
    return text == NULL ? json_null() : mm_protocol_text(text);
}

json_t *mm_run_command_line(const char *const *words, size_t count)
{
    json_t *command = json_array();

    for (size_t i = 0; i < count; i++) {
        json_array_append_new(command, mm_protocol_text(words[i]));
    }
    return command;
}

static json_t *run_of(const struct mm_run_request *request)
{
    const struct mm_plan *plan = request->plan;
    json_t *budget = NULL;
    char started[MM_RUN_UTC_BYTES];
    char seed[MM_TEXT_HEX_BYTES];

    if (plan->budget_ns != 0) {
        budget = json_pack("{s:I, s:i, s:i}", "budget_ns", (json_int_t)plan->budget_ns,
                           "least_launches", MM_PLAN_LEAST_LAUNCHES, "launches_dropped", 0);
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:n, s:n, s:i, s:o*}", "id",
                     mm_run_make_id(), "suite", mm_protocol_text(plan->suite), "suite_path",
                     text_or_null(plan->suite_path), "purpose",
                     mm_protocol_text(plan->purpose == NULL ? "" : plan->purpose), "command",
                     mm_run_command_line(request->command, request->command_count), "mapmeter",
                     mm_run_program(request->worker_binary), "seed",
                     mm_text_write_hex(plan->seed, seed), "started_utc", mm_run_utc(started),
                     "finished_utc", "interrupted", "resumed", 0, "budget", budget);
}

/* Both take over what is added. */
static int add_members(json_t *object, json_t *members)
{
    int code = members == NULL || json_object_update(object, members) != 0 ? -ENOMEM : 0;
    json_decref(members);
    return code;
}

static int add_elements(json_t *array, json_t *elements)
{
    int code = elements == NULL || json_array_extend(array, elements) != 0 ? -ENOMEM : 0;
    json_decref(elements);
    return code;
}

int mm_run_new_record(const struct mm_run_request *request, struct mm_record **record,
                      struct mm_error *error)
{
    struct mm_record *made = mm_record_new();
    int code = made == NULL ? -ENOMEM : 0;

    if (code == 0) {
        code = add_members(mm_record_run(made), run_of(request));
    }
    if (code == 0) {
        code = add_members(mm_record_environment(made), mm_environment_collect());
    }
    if (code == 0) {
        code = add_elements(mm_record_files(made), mm_plan_files_to_json(request->plan));
    }
    if (code == 0) {
        code = add_elements(mm_record_cases(made), mm_plan_cases_to_json(request->plan));
    }
    if (code < 0) {
        mm_record_free(made);
        return mm_error_set(error, code, "no memory for the record of the run");
    }
    *record = made;
    return 0;
}

/* A copy of one member of the old record into the new one. */
static int copy_elements(json_t *to, const json_t *from)
{
    return add_elements(to, json_deep_copy(from));
}

int mm_run_resumed_record(const struct mm_run_request *request, struct mm_record **record,
                          struct mm_error *error)
{
    const struct mm_record *old = request->resumed;
    json_t *identity = mm_run_program(request->worker_binary);
    json_t *environment = mm_environment_collect();
    struct mm_record *made = mm_record_new();
    int code = identity == NULL || environment == NULL || made == NULL
                   ? mm_error_set(error, -ENOMEM, "no memory for the record of the run")
                   : mm_resume_check(old, identity, environment, error);

    json_decref(identity);
    json_decref(environment);
    if (code < 0) {
        mm_record_free(made);
        return code;
    }
    if (add_members(mm_record_run(made), json_deep_copy(mm_record_run(old))) < 0 ||
        add_members(mm_record_environment(made), json_deep_copy(mm_record_environment(old))) < 0 ||
        copy_elements(mm_record_files(made), mm_record_files(old)) < 0 ||
        copy_elements(mm_record_cases(made), mm_record_cases(old)) < 0 ||
        copy_elements(mm_record_launches(made), mm_record_launches(old)) < 0) {
        mm_record_free(made);
        return mm_error_set(error, -ENOMEM, "no memory for the record of the run");
    }
    json_t *run = mm_record_run(made);
    json_int_t resumed = json_integer_value(json_object_get(run, "resumed"));
    json_object_set_new(run, "resumed", json_integer(resumed + 1));
    json_object_set_new(run, "interrupted", json_null());
    json_object_set_new(run, "finished_utc", json_null());
    *record = made;
    return 0;
}

void mm_run_add_file_facts(json_t *file_json, const char *path)
{
    json_t *facts = mm_environment_file_facts(path);

    if (facts != NULL) {
        json_object_update(file_json, facts);
        json_decref(facts);
    }
}
