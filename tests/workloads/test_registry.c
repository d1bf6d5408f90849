/* The tables of workloads and engines: whole, named as promised, without collisions. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/text.h"
#include "workloads/workload.h"

static void the_seven_workloads_and_six_engines_are_there(void **state)
{
    static const char *const workloads[] = {"chunked",    "elementwise", "multiprocess", "random",
                                            "sequential", "strided",     "tile-fft"};
    static const char *const engines[] = {"direct", "marray", "memory", "mmap", "pread", "uring"};
    (void)state;
    for (size_t i = 0; i < MM_COUNT_OF(workloads); i++) {
        assert_non_null(mm_workload_find(workloads[i]));
        assert_string_equal(mm_workload_find(workloads[i])->name, workloads[i]);
    }
    for (size_t i = 0; i < MM_COUNT_OF(engines); i++) {
        assert_non_null(mm_engine_find(engines[i]));
        assert_string_equal(mm_engine_find(engines[i])->name, engines[i]);
    }
    assert_null(mm_workload_find("sequentia"));
    assert_null(mm_engine_find(""));
}

static void tables_are_in_the_order_of_names(void **state)
{
    (void)state;
    for (size_t i = 1; i < mm_workload_count; i++)
        assert_true(strcmp(mm_workloads[i - 1]->name, mm_workloads[i]->name) < 0);
    for (size_t i = 1; i < mm_engine_count; i++)
        assert_true(strcmp(mm_engines[i - 1]->name, mm_engines[i]->name) < 0);
}

static void descriptors_are_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < mm_workload_count; i++) {
        const struct mm_workload *workload = mm_workloads[i];
        assert_int_equal(workload->abi_version, MM_WORKLOAD_ABI_VERSION);
        assert_int_equal(workload->size_bytes, sizeof(*workload));
        assert_true(workload->summary && workload->plan && workload->touch && workload->verify);
    }
    for (size_t i = 0; i < mm_engine_count; i++) {
        const struct mm_engine *engine = mm_engines[i];
        assert_int_equal(engine->abi_version, MM_ENGINE_ABI_VERSION);
        assert_int_equal(engine->size_bytes, sizeof(*engine));
        assert_true(engine->summary && engine->open && engine->close && engine->borrow &&
                    engine->give_back && engine->gather && engine->scatter && engine->flush &&
                    engine->describe);
        assert_int_equal((engine->capabilities & MM_ENGINE_LOCKS) != 0,
                         engine->lock != NULL && engine->unlock != NULL);
        assert_int_equal((engine->capabilities & MM_ENGINE_MARRAY) != 0, engine->marray != NULL);
    }
}

static void check_parameter(const struct mm_parameter *parameter, size_t options_bytes)
{
    unsigned char options[1024] = {0};
    struct mm_error error = {0};
    assert_true(options_bytes <= sizeof(options) && parameter->offset < options_bytes);
    assert_true(parameter->summary && parameter->summary[0] && parameter->default_text);
    for (const char *c = parameter->name; *c; c++)
        assert_true(islower((unsigned char)*c) || *c == '-');
    if (mm_parameter_set(parameter, options, parameter->default_text, &error))
        fail_msg("%s", error.text);
    char *written = mm_parameter_write(parameter, options);
    assert_non_null(written);
    assert_int_equal(mm_parameter_set(parameter, options, written, &error), 0);
    assert_null(strpbrk(written, "/,=:"));
    free(written);
}

static void defaults_of_all_parameters_are_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < mm_workload_count; i++)
        for (size_t k = 0; k < mm_workloads[i]->parameter_count; k++)
            check_parameter(&mm_workloads[i]->parameters[k], mm_workloads[i]->options_bytes);
    for (size_t i = 0; i < mm_engine_count; i++)
        for (size_t k = 0; k < mm_engines[i]->parameter_count; k++)
            check_parameter(&mm_engines[i]->parameters[k], mm_engines[i]->options_bytes);
}

static void names_are_unique_in_every_pair(void **state)
{
    const char *names[64];
    (void)state;
    for (size_t w = 0; w < mm_workload_count; w++) {
        for (size_t e = 0; e < mm_engine_count; e++) {
            size_t count = 0;
            for (size_t k = 0; k < mm_workloads[w]->parameter_count; k++)
                names[count++] = mm_workloads[w]->parameters[k].name;
            for (size_t k = 0; k < mm_engines[e]->parameter_count; k++)
                names[count++] = mm_engines[e]->parameters[k].name;
            assert_true(count <= MM_COUNT_OF(names));
            for (size_t a = 0; a < count; a++)
                for (size_t b = 0; b < a; b++)
                    if (strcmp(names[a], names[b]) == 0)
                        fail_msg("'%s' is twice in %s on %s", names[a], mm_workloads[w]->name,
                                 mm_engines[e]->name);
        }
    }
}

/* A case's name is made of these: one that is taken would be ambiguous. */
static void no_parameter_is_called_like_a_part_of_a_case(void **state)
{
    static const char *const taken[] = {"engine", "cache", "workload", "file", "size"};
    (void)state;
    for (size_t t = 0; t < MM_COUNT_OF(taken); t++) {
        for (size_t i = 0; i < mm_workload_count; i++)
            assert_null(mm_parameter_find(mm_workloads[i]->parameters,
                                          mm_workloads[i]->parameter_count, taken[t]));
        for (size_t i = 0; i < mm_engine_count; i++)
            assert_null(mm_parameter_find(mm_engines[i]->parameters, mm_engines[i]->parameter_count,
                                          taken[t]));
    }
}

static void phases_are_called_as_in_the_record(void **state)
{
    (void)state;
    assert_string_equal(mm_phase_name(MM_PHASE_OPEN), "open");
    assert_string_equal(mm_phase_name(MM_PHASE_TOUCH), "touch");
    assert_string_equal(mm_phase_name(MM_PHASE_COMPUTE), "compute");
    assert_string_equal(mm_phase_name(MM_PHASE_FLUSH), "flush");
    assert_string_equal(mm_phase_name(MM_PHASE_CLOSE), "close");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_seven_workloads_and_six_engines_are_there),
        cmocka_unit_test(tables_are_in_the_order_of_names),
        cmocka_unit_test(descriptors_are_whole),
        cmocka_unit_test(defaults_of_all_parameters_are_good),
        cmocka_unit_test(names_are_unique_in_every_pair),
        cmocka_unit_test(no_parameter_is_called_like_a_part_of_a_case),
        cmocka_unit_test(phases_are_called_as_in_the_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
