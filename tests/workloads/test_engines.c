/* The contract of engines: every region reads and writes exactly its items, on any offset. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/random.h"
#include "common/text.h"
#include "tests/workloads/host.h"

#define SEED       UINT64_C(31)
#define ROWS       40
#define COLUMNS    1500 /* rows of 12,000 bytes: strides on both sides of a page */
#define LARGEST    (UINT64_C(1) << 20)
#define SIZE       ((uint64_t)ROWS * COLUMNS * 8)
#define OTHER_BYTE 0xc3

static const uint64_t offsets[] = {0, 128, 3, 4095};

/* One engine on a fresh file. */
struct opened {
    const struct mm_engine *engine;
    struct mm_engine_target target;
    void *options;
    struct mm_engine_file *file;
    struct mm_error error;
};

static void engine_open(void *const *state, const struct mm_engine *engine, const char *parameters,
                        uint64_t offset, bool writable, struct opened *opened)
{
    size_t used = 0;
    *opened = (struct opened){.engine = engine};
    opened->target = (struct mm_engine_target){
        .path = test_path(state, "data"),
        .array = test_array("<u8", 8, ROWS, COLUMNS, offset),
        .writable = writable,
        .largest_borrow_bytes = LARGEST,
        .largest_gather_count = 100,
        .pattern = MM_PATTERN_SEQUENTIAL,
    };
    test_file_make(opened->target.path, &opened->target.array, SEED);
    opened->options = test_options(engine->parameters, engine->parameter_count,
                                   engine->options_bytes, parameters, &used);
    if (engine->open(&opened->target, opened->options, &opened->file, &opened->error))
        fail_msg("%s: %s", engine->name, opened->error.text);
}

static void engine_close(struct opened *opened)
{
    assert_int_equal(opened->engine->close(&opened->file, &opened->error), 0);
    assert_null(opened->file);
    free(opened->options);
}

static const struct mm_region regions[] = {
    {0, 1, 1, {1, 0}, {1, 0}},
    {SIZE - 1, 1, 1, {1, 0}, {1, 0}},
    {5, 1, 1, {100000, 0}, {1, 0}},
    {8, 8, 1, {1000, 0}, {16, 0}},  /* near */
    {8, 8, 1, {3, 0}, {150000, 0}}, /* far */
    {0, 8, 1, {117, 0}, {4096, 0}},
    {0, 8, 1, {117, 0}, {4095, 0}},
    {SIZE - 8, 8, 1, {1000, 0}, {-24, 0}},  /* backward, near */
    {SIZE - 8, 8, 1, {40, 0}, {-12000, 0}}, /* backward, far */
    {SIZE - 8, 8, 1, {1000, 0}, {-8, 0}},
    {16, 8, 1, {10, 0}, {4, 0}},        /* items that overlap */
    {24, 4, 2, {ROWS, 30}, {12000, 4}}, /* a window */
    {24, 8, 2, {ROWS, COLUMNS - 3}, {12000, 8}},
    {0, 8, 2, {ROWS, 100}, {12000, 80}}, /* every tenth element of each row */
    {0, 8, 2, {30, ROWS}, {8, 12000}},   /* columns */
    {80, 8, 2, {1, ROWS}, {8, 12000}},
    {80, 8, 2, {ROWS, 1}, {12000, 8}},
    {0, 8, 2, {10, COLUMNS}, {12000, 8}}, /* rows that touch each other */
    {SIZE - 8, 8, 2, {ROWS, 100}, {-12000, -8}},
    {0, 1, 2, {3, 20}, {5000, 7000}},
};

/* Where item (i, j) starts in the array's data. */
static uint64_t item_at(const struct mm_region *region, uint64_t i, uint64_t j)
{
    return region->offset_bytes + (uint64_t)((int64_t)i * region->stride_bytes[0]) +
           (region->dimensions == 2 ? (uint64_t)((int64_t)j * region->stride_bytes[1]) : 0);
}

static unsigned char *span_at(const struct mm_span *span, uint64_t i, uint64_t j)
{
    return span->data + (int64_t)i * span->stride_bytes[0] +
           (span->region.dimensions == 2 ? (int64_t)j * span->stride_bytes[1] : 0);
}

static uint64_t second_count(const struct mm_region *region)
{
    return region->dimensions == 2 ? region->count[1] : 1;
}

static void check_read(struct opened *opened, const struct mm_region *region,
                       const unsigned char *expected)
{
    struct mm_span span;
    if (opened->engine->borrow(opened->file, region, MM_ACCESS_READ, &span, &opened->error))
        fail_msg("%s: %s", opened->engine->name, opened->error.text);
    for (uint64_t i = 0; i < region->count[0]; i++)
        for (uint64_t j = 0; j < second_count(region); j++)
            assert_memory_equal(span_at(&span, i, j), expected + item_at(region, i, j),
                                region->item_bytes);
    assert_int_equal(opened->engine->give_back(opened->file, &span, &opened->error), 0);
}

static void regions_read_their_items(void **state)
{
    unsigned char *expected = malloc(SIZE);
    assert_non_null(expected);
    test_expected_bytes(SEED, 0, SIZE, expected);
    for (size_t e = 0; e < mm_engine_count; e++) {
        for (size_t o = 0; o < MM_COUNT_OF(offsets); o++) {
            struct opened opened;
            engine_open(state, mm_engines[e], NULL, offsets[o], false, &opened);
            for (size_t r = 0; r < MM_COUNT_OF(regions); r++)
                check_read(&opened, &regions[r], expected);
            engine_close(&opened);
        }
    }
    free(expected);
}

/* Writes other bytes into the region, and into expected likewise. */
static void write_region(struct opened *opened, const struct mm_region *region,
                         enum mm_engine_access access, unsigned char *expected)
{
    struct mm_span span;
    if (opened->engine->borrow(opened->file, region, access, &span, &opened->error))
        fail_msg("%s: %s", opened->engine->name, opened->error.text);
    for (uint64_t i = 0; i < region->count[0]; i++) {
        for (uint64_t j = 0; j < second_count(region); j++) {
            unsigned char *item = span_at(&span, i, j);
            uint64_t position = item_at(region, i, j);
            if (access == MM_ACCESS_READ_WRITE)
                assert_memory_equal(item, expected + position, region->item_bytes);
            for (uint32_t b = 0; b < region->item_bytes; b++) {
                item[b] = (unsigned char)(OTHER_BYTE ^ mm_random_mix(position + b));
                expected[position + b] = item[b];
            }
        }
    }
    if (opened->engine->give_back(opened->file, &span, &opened->error))
        fail_msg("%s: %s", opened->engine->name, opened->error.text);
}

static void check_whole_file(const struct opened *opened, const unsigned char *expected)
{
    const struct mm_array *array = &opened->target.array;
    unsigned char *found = malloc(SIZE);
    FILE *file = fopen(opened->target.path, "rb");
    assert_true(found && file);
    assert_int_equal(fseek(file, (long)array->offset_bytes, SEEK_SET), 0);
    assert_int_equal(fread(found, 1, SIZE, file), SIZE);
    assert_int_equal(fclose(file), 0);
    assert_memory_equal(found, expected, SIZE);
    free(found);
}

static void regions_write_their_items_and_nothing_else(void **state)
{
    unsigned char *expected = malloc(SIZE);
    const struct mm_region whole = mm_region_of_bytes(0, SIZE);
    assert_non_null(expected);
    for (size_t e = 0; e < mm_engine_count; e++) {
        for (size_t o = 0; o < MM_COUNT_OF(offsets); o++) {
            struct opened opened;
            engine_open(state, mm_engines[e], NULL, offsets[o], true, &opened);
            test_expected_bytes(SEED, 0, SIZE, expected);
            for (size_t r = 0; r < MM_COUNT_OF(regions); r++) {
                bool overlaps = regions[r].stride_bytes[0] == 4;
                if (overlaps)
                    continue;
                write_region(&opened, &regions[r], r % 2 ? MM_ACCESS_WRITE : MM_ACCESS_READ_WRITE,
                             expected);
                assert_int_equal(
                    mm_engines[e]->flush(opened.file, &regions[r], MM_FLUSH_DATA, &opened.error),
                    0);
            }
            check_read(&opened, &whole, expected);
            if (mm_engines[e]->capabilities & MM_ENGINE_FILE_BACKED)
                check_whole_file(&opened, expected);
            engine_close(&opened);
        }
    }
    free(expected);
}

static void blocks_are_gathered_and_scattered(void **state)
{
    static const uint64_t lengths[] = {1, 8, 100, 5000};
    unsigned char *expected = malloc(SIZE);
    unsigned char *buffer = malloc(100 * 5000);
    assert_true(expected && buffer);
    for (size_t e = 0; e < mm_engine_count; e++) {
        for (size_t k = 0; k < MM_COUNT_OF(lengths); k++) {
            uint64_t length = lengths[k];
            uint64_t blocks[50];
            struct opened opened;
            engine_open(state, mm_engines[e], NULL, 3, true, &opened);
            test_expected_bytes(SEED, 0, SIZE, expected);
            for (uint64_t i = 0; i < 50; i++)
                blocks[i] = mm_random_mix(i) % (SIZE / length);
            blocks[0] = SIZE / length - 1;
            assert_int_equal(
                mm_engines[e]->gather(opened.file, blocks, 50, length, buffer, &opened.error), 0);
            for (uint64_t i = 0; i < 50; i++)
                assert_memory_equal(buffer + i * length, expected + blocks[i] * length, length);
            for (uint64_t i = 0; i < 50; i++) {
                memset(buffer + i * length, OTHER_BYTE, length);
                memset(expected + blocks[i] * length, OTHER_BYTE, length);
            }
            assert_int_equal(
                mm_engines[e]->scatter(opened.file, blocks, 50, length, buffer, &opened.error), 0);
            struct mm_region whole = mm_region_of_bytes(0, SIZE);
            check_read(&opened, &whole, expected);
            engine_close(&opened);
        }
    }
    free(buffer);
    free(expected);
}

static void what_lies_outside_is_refused(void **state)
{
    static const struct mm_region outside[] = {
        {SIZE, 1, 1, {1, 0}, {1, 0}},
        {SIZE - 7, 8, 1, {1, 0}, {8, 0}},
        {0, 8, 1, {SIZE / 8 + 1, 0}, {8, 0}},
        {0, 8, 1, {2, 0}, {-8, 0}},
        {0, 8, 1, {3, 0}, {INT64_MAX / 2, 0}},
        {0, 8, 2, {ROWS + 1, 1}, {12000, 8}},
        {0, 8, 2, {UINT64_MAX, UINT64_MAX}, {12000, 8}},
    };
    const uint64_t block = SIZE / 64;
    for (size_t e = 0; e < mm_engine_count; e++) {
        struct opened opened;
        struct mm_span span = {.data = NULL};
        unsigned char buffer[64] = {0};
        engine_open(state, mm_engines[e], NULL, 3, true, &opened);
        for (size_t r = 0; r < MM_COUNT_OF(outside); r++)
            assert_int_equal(mm_engines[e]->borrow(opened.file, &outside[r], MM_ACCESS_READ_WRITE,
                                                   &span, &opened.error),
                             -ERANGE);
        assert_int_equal(mm_engines[e]->gather(opened.file, &block, 1, 64, buffer, &opened.error),
                         -ERANGE);
        assert_int_equal(mm_engines[e]->scatter(opened.file, &block, 1, 64, buffer, &opened.error),
                         -ERANGE);
        assert_int_equal(
            mm_engines[e]->flush(opened.file, &outside[0], MM_FLUSH_DATA, &opened.error), -ERANGE);
        assert_null(span.data);
        engine_close(&opened);
    }
}

static void stores_into_arrays_for_reading_are_refused(void **state)
{
    const struct mm_region region = mm_region_of_bytes(0, 8);
    const uint64_t block = 0;
    for (size_t e = 0; e < mm_engine_count; e++) {
        struct opened opened;
        struct mm_span span;
        unsigned char buffer[8] = {0};
        engine_open(state, mm_engines[e], NULL, 0, false, &opened);
        assert_int_equal(
            mm_engines[e]->borrow(opened.file, &region, MM_ACCESS_WRITE, &span, &opened.error),
            -EACCES);
        assert_int_equal(mm_engines[e]->scatter(opened.file, &block, 1, 8, buffer, &opened.error),
                         -EACCES);
        assert_int_equal(mm_engines[e]->flush(opened.file, NULL, MM_FLUSH_DATA, &opened.error), 0);
        engine_close(&opened);
    }
}

static void files_that_do_not_hold_the_array_are_refused_and_left_alone(void **state)
{
    for (size_t e = 0; e < mm_engine_count; e++) {
        struct opened opened;
        struct mm_engine_file *file = NULL;
        engine_open(state, mm_engines[e], NULL, 0, true, &opened);
        struct mm_engine_target target = opened.target;
        target.array.shape[0]++;
        target.array.size_bytes += COLUMNS * 8;
        assert_int_equal(mm_engines[e]->open(&target, opened.options, &file, &opened.error),
                         -ENODATA);
        assert_non_null(strstr(opened.error.text, target.path));
        FILE *stream = fopen(target.path, "rb");
        assert_non_null(stream);
        fseek(stream, 0, SEEK_END);
        assert_int_equal(ftell(stream), SIZE + TEST_TAIL_BYTES);
        fclose(stream);
        target.path = "/nonexistent/data";
        assert_int_equal(mm_engines[e]->open(&target, opened.options, &file, &opened.error),
                         -ENOENT);
        assert_non_null(strstr(opened.error.text, "/nonexistent/data"));
        assert_null(file);
        engine_close(&opened);
        assert_int_equal(mm_engines[e]->close(&file, &opened.error), 0);
    }
}

static void a_buffer_is_lent_once_and_no_more_than_announced(void **state)
{
    const struct mm_region small = mm_region_of_bytes(0, 8);
    struct opened opened;
    struct mm_span first;
    struct mm_span second;
    engine_open(state, mm_engine_find("pread"), NULL, 0, false, &opened);
    opened.engine->close(&opened.file, NULL);
    opened.target.largest_borrow_bytes = 8;
    assert_int_equal(
        opened.engine->open(&opened.target, opened.options, &opened.file, &opened.error), 0);
    const struct mm_region large = mm_region_of_bytes(0, 9);
    assert_int_equal(
        opened.engine->borrow(opened.file, &large, MM_ACCESS_READ, &first, &opened.error), -EINVAL);
    assert_int_equal(
        opened.engine->borrow(opened.file, &small, MM_ACCESS_READ, &first, &opened.error), 0);
    assert_int_equal(
        opened.engine->borrow(opened.file, &small, MM_ACCESS_READ, &second, &opened.error), -EBUSY);
    assert_int_equal(opened.engine->give_back(opened.file, &first, &opened.error), 0);
    engine_close(&opened);
}

struct facts {
    char requested[64];
    char granted[128];
    char flush_call[128];
};

static void keep_text(void *context, const char *name, const char *value)
{
    struct facts *facts = context;
    if (strcmp(name, "advice_requested") == 0)
        snprintf(facts->requested, sizeof(facts->requested), "%s", value);
    if (strcmp(name, "advice_granted") == 0)
        snprintf(facts->granted, sizeof(facts->granted), "%s", value);
    if (strcmp(name, "flush_call") == 0)
        snprintf(facts->flush_call, sizeof(facts->flush_call), "%s", value);
}

static void keep_number(void *context, const char *name, double value)
{
    (void)context;
    assert_non_null(name);
    assert_true(value >= 0);
}

static struct facts describe(void *const *state, const char *engine, const char *parameters)
{
    struct facts facts = {.requested = ""};
    const struct mm_engine_facts told = {
        .context = &facts, .text = keep_text, .number = keep_number};
    struct opened opened;
    engine_open(state, mm_engine_find(engine), parameters, 3, false, &opened);
    opened.engine->describe(opened.file, &told);
    engine_close(&opened);
    return facts;
}

static void advice_asked_for_and_granted_is_told(void **state)
{
    static const char *const engines[] = {"marray", "mmap", "pread"};
    for (size_t e = 0; e < MM_COUNT_OF(engines); e++) {
        struct facts facts = describe(state, engines[e], NULL);
        assert_string_equal(facts.requested, "normal");
        assert_string_equal(facts.granted, "normal");
        assert_true(facts.flush_call[0]);
        facts = describe(state, engines[e], "advice=random");
        assert_string_equal(facts.granted, "random");
        facts = describe(state, engines[e], "advice=willneed");
        assert_string_equal(facts.granted, "willneed");
        facts = describe(state, engines[e], "advice=auto");
        assert_string_equal(facts.requested, "auto");
        assert_string_equal(facts.granted, "sequential");
    }
    struct facts facts = describe(state, "pread", "advice=populate");
    assert_string_equal(facts.requested, "populate");
    assert_non_null(strstr(facts.granted, "refused"));
    facts = describe(state, "memory", NULL);
    assert_true(facts.flush_call[0]);
}

/* Opens the file of opened once more in a child and locks bytes there; false when the child still
 * waits after so many milliseconds. */
static bool child_locks_within(int patience_ms, const struct opened *opened, uint64_t start,
                               uint64_t length, bool exclusive)
{
    int how = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct mm_engine_file *file = NULL;
        int status = opened->engine->open(&opened->target, opened->options, &file, NULL);
        if (status == 0)
            status = opened->engine->lock(file, start, length, exclusive, NULL);
        if (status == 0)
            status = opened->engine->unlock(file, start, length, NULL);
        _exit(status ? 1 : 0);
    }
    for (int i = 0; i < patience_ms; i++) {
        if (waitpid(child, &how, WNOHANG) == child) {
            assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
            return true;
        }
        usleep(1000);
    }
    kill(child, SIGKILL);
    waitpid(child, &how, 0);
    return false;
}

/* Patience is short where waiting is right, and long where a busy machine may be slow. */
static void expect_free(const struct opened *opened, uint64_t start, uint64_t length,
                        bool exclusive)
{
    assert_true(child_locks_within(30000, opened, start, length, exclusive));
}

static void expect_held(const struct opened *opened, uint64_t start, uint64_t length,
                        bool exclusive)
{
    assert_false(child_locks_within(300, opened, start, length, exclusive));
}

static void locks_keep_others_out_of_their_bytes_alone(void **state)
{
    for (size_t e = 0; e < mm_engine_count; e++) {
        const struct mm_engine *engine = mm_engines[e];
        struct opened opened;
        if (!(engine->capabilities & MM_ENGINE_LOCKS))
            continue;
        engine_open(state, engine, NULL, 3, true, &opened);
        assert_int_equal(engine->lock(opened.file, 100, 50, true, &opened.error), 0);
        expect_held(&opened, 149, 1, false);
        expect_free(&opened, 150, 10, true);
        expect_held(&opened, 0, 0, true);
        assert_int_equal(engine->unlock(opened.file, 100, 50, &opened.error), 0);
        expect_free(&opened, 149, 1, true);
        assert_int_equal(engine->lock(opened.file, 0, 0, false, &opened.error), 0);
        expect_free(&opened, 0, 0, false);
        expect_held(&opened, SIZE - 1, 1, true);
        assert_int_equal(engine->unlock(opened.file, 0, 0, &opened.error), 0);
        assert_int_equal(engine->lock(opened.file, SIZE, 1, true, &opened.error), -ERANGE);
        engine_close(&opened);
    }
}

static void every_level_of_flush_succeeds(void **state)
{
    const struct mm_region region = mm_region_of_bytes(5000, 3000);
    for (size_t e = 0; e < mm_engine_count; e++) {
        struct opened opened;
        unsigned char expected[8000];
        engine_open(state, mm_engines[e], NULL, 3, true, &opened);
        test_expected_bytes(SEED, 0, sizeof(expected), expected);
        for (int level = MM_FLUSH_ASYNC; level <= MM_FLUSH_FULL; level++) {
            write_region(&opened, &region, MM_ACCESS_WRITE, expected);
            assert_int_equal(mm_engines[e]->flush(opened.file, &region, (enum mm_flush_level)level,
                                                  &opened.error),
                             0);
            assert_int_equal(
                mm_engines[e]->flush(opened.file, NULL, (enum mm_flush_level)level, &opened.error),
                0);
        }
        engine_close(&opened);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions_read_their_items),
        cmocka_unit_test(regions_write_their_items_and_nothing_else),
        cmocka_unit_test(blocks_are_gathered_and_scattered),
        cmocka_unit_test(what_lies_outside_is_refused),
        cmocka_unit_test(stores_into_arrays_for_reading_are_refused),
        cmocka_unit_test(files_that_do_not_hold_the_array_are_refused_and_left_alone),
        cmocka_unit_test(a_buffer_is_lent_once_and_no_more_than_announced),
        cmocka_unit_test(advice_asked_for_and_granted_is_told),
        cmocka_unit_test(locks_keep_others_out_of_their_bytes_alone),
        cmocka_unit_test(every_level_of_flush_succeeds),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
