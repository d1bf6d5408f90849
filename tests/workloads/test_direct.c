/* Engines that ask the device: what they refuse and say, walks read ahead, edges shared by
 * processes. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/magic.h>

#include "common/text.h"
#include "tests/workloads/host.h"

#define SEED  UINT64_C(57)
#define WORDS 100003
#define SIZE  ((uint64_t)WORDS * 8)
#define BLOCK 30000

struct opened {
    const struct mm_engine *engine;
    struct mm_engine_target target;
    void *options;
    struct mm_engine_file *file;
    struct mm_error error;
};

static int try_open(const char *engine, const char *parameters, const char *path, uint64_t offset,
                    struct opened *opened)
{
    size_t used = 0;
    *opened = (struct opened){.engine = mm_engine_find(engine)};
    opened->target = (struct mm_engine_target){
        .path = path,
        .array = test_array("<u8", 8, 0, WORDS, offset),
        .writable = true,
        .largest_borrow_bytes = BLOCK,
        .largest_gather_count = 64,
        .pattern = MM_PATTERN_SEQUENTIAL,
    };
    opened->options = test_options(opened->engine->parameters, opened->engine->parameter_count,
                                   opened->engine->options_bytes, parameters, &used);
    return opened->engine->open(&opened->target, opened->options, &opened->file, &opened->error);
}

static void open_fresh(void *const *state, const char *engine, const char *parameters,
                       uint64_t offset, struct opened *opened)
{
    const char *path = test_path(state, "data");
    struct mm_array array = test_array("<u8", 8, 0, WORDS, offset);
    test_file_make(path, &array, SEED);
    if (try_open(engine, parameters, path, offset, opened))
        fail_msg("%s: %s", engine, opened->error.text);
}

static void close_opened(struct opened *opened)
{
    assert_int_equal(opened->engine->close(&opened->file, &opened->error), 0);
    free(opened->options);
}

static void check_loan(struct opened *opened, uint64_t start, uint64_t length,
                       enum mm_engine_access access, unsigned char *expected)
{
    struct mm_region region = mm_region_of_bytes(start, length);
    struct mm_span span;
    if (opened->engine->borrow(opened->file, &region, access, &span, &opened->error))
        fail_msg("%s: %s", opened->engine->name, opened->error.text);
    assert_memory_equal(span.data, expected + start, length);
    for (uint64_t i = 0; access == MM_ACCESS_READ_WRITE && i < length; i++) {
        span.data[i] ^= 0x5a;
        expected[start + i] ^= 0x5a;
    }
    if (opened->engine->give_back(opened->file, &span, &opened->error))
        fail_msg("%s: %s", opened->engine->name, opened->error.text);
}

static void announce(struct opened *opened, uint64_t first, int64_t step, uint64_t steps,
                     uint64_t length, enum mm_engine_access access)
{
    struct mm_engine_walk walk = {
        .first = mm_region_of_bytes(first, length),
        .step_bytes = step,
        .steps = steps,
        .access = access,
    };
    assert_int_equal(opened->engine->expect(opened->file, &walk, &opened->error), 0);
}

static const char *const uring_points[] = {
    "",
    "queue-depth=1,request-size=4KiB",
    "queue-depth=5,request-size=4KiB",
    "queue-depth=64,request-size=1MiB",
    "direct=true",
    "direct=true,queue-depth=1,request-size=4KiB",
    "direct=true,queue-depth=3,request-size=8KiB",
};

/* Kept, kept backward while bytes change, broken off in the middle, promised anew, and left. */
static void walk_in_all_ways(struct opened *opened, unsigned char *expected)
{
    const uint64_t steps = SIZE / BLOCK;
    announce(opened, 0, BLOCK, steps, BLOCK, MM_ACCESS_READ);
    for (uint64_t i = 0; i < steps; i++)
        check_loan(opened, i * BLOCK, BLOCK, MM_ACCESS_READ, expected);
    check_loan(opened, steps * BLOCK, SIZE - steps * BLOCK, MM_ACCESS_READ, expected);
    announce(opened, (steps - 1) * BLOCK, -BLOCK, steps, BLOCK, MM_ACCESS_READ_WRITE);
    for (uint64_t i = steps; i-- > 0;)
        check_loan(opened, i * BLOCK, BLOCK, MM_ACCESS_READ_WRITE, expected);
    announce(opened, 5, BLOCK, steps - 1, 1000, MM_ACCESS_READ);
    check_loan(opened, 5, 1000, MM_ACCESS_READ, expected);
    check_loan(opened, 77777, 12345, MM_ACCESS_READ_WRITE, expected);
    check_loan(opened, 5 + BLOCK, 1000, MM_ACCESS_READ, expected);
    announce(opened, 0, 100, 50, 1000, MM_ACCESS_READ_WRITE);
    for (uint64_t i = 0; i < 50; i++)
        check_loan(opened, i * 100, 1000, MM_ACCESS_READ_WRITE, expected);
    announce(opened, 0, BLOCK, steps, BLOCK, MM_ACCESS_READ);
    check_loan(opened, 0, BLOCK, MM_ACCESS_READ, expected);
    announce(opened, BLOCK, BLOCK, 2, BLOCK, MM_ACCESS_READ);
    check_loan(opened, BLOCK, BLOCK, MM_ACCESS_READ, expected);
}

static void walks_lend_the_bytes_of_each_step(void **state)
{
    static const uint64_t offsets[] = {0, 128, 3};
    unsigned char *expected = malloc(SIZE);
    assert_non_null(expected);
    for (size_t p = 0; p < MM_COUNT_OF(uring_points); p++) {
        for (size_t o = 0; o < MM_COUNT_OF(offsets); o++) {
            struct opened opened;
            open_fresh(state, "uring", uring_points[p], offsets[o], &opened);
            test_expected_bytes(SEED, 0, SIZE, expected);
            walk_in_all_ways(&opened, expected);
            close_opened(&opened);
        }
    }
    free(expected);
}

static void walks_out_of_the_array_are_refused(void **state)
{
    struct opened opened;
    open_fresh(state, "uring", "", 3, &opened);
    struct mm_engine_walk walk = {
        .first = mm_region_of_bytes(0, BLOCK),
        .step_bytes = BLOCK,
        .steps = SIZE / BLOCK + 1,
        .access = MM_ACCESS_READ,
    };
    assert_int_equal(opened.engine->expect(opened.file, &walk, &opened.error), -ERANGE);
    walk.step_bytes = -BLOCK;
    walk.steps = 2;
    assert_int_equal(opened.engine->expect(opened.file, &walk, &opened.error), -ERANGE);
    close_opened(&opened);
}

/* The workloads' points run uring as it is by default; here past the page cache, with few requests
 * so that buffers are used again. */
static void blocks_keep_their_bytes_past_the_page_cache(void **state)
{
    static const uint64_t lengths[] = {1, 8, 511, 512, 4096, 10000};
    uint64_t blocks[64];
    unsigned char *expected = malloc(SIZE);
    unsigned char *buffer = malloc(64 * 10000);
    assert_true(expected && buffer);
    for (size_t p = 4; p < MM_COUNT_OF(uring_points); p++) {
        struct opened opened;
        open_fresh(state, "uring", uring_points[p], 3, &opened);
        test_expected_bytes(SEED, 0, SIZE, expected);
        for (size_t k = 0; k < MM_COUNT_OF(lengths); k++) {
            uint64_t length = lengths[k];
            uint64_t last = SIZE / length - 1;
            for (uint64_t i = 0; i < 64; i++)
                blocks[i] = last - i * 7 % (last + 1);
            assert_int_equal(
                opened.engine->gather(opened.file, blocks, 64, length, buffer, &opened.error), 0);
            for (uint64_t i = 0; i < 64; i++)
                assert_memory_equal(buffer + i * length, expected + blocks[i] * length, length);
            for (uint64_t i = 0; i < 64; i++) {
                memset(buffer + i * length, (int)(blocks[i] & 0xff), length);
                memset(expected + blocks[i] * length, (int)(blocks[i] & 0xff), length);
            }
            assert_int_equal(
                opened.engine->scatter(opened.file, blocks, 64, length, buffer, &opened.error), 0);
        }
        for (uint64_t at = 0; at < SIZE; at += BLOCK)
            check_loan(&opened, at, SIZE - at < BLOCK ? SIZE - at : BLOCK, MM_ACCESS_READ,
                       expected);
        close_opened(&opened);
    }
    free(buffer);
    free(expected);
}

static void count_in_own_byte(const struct opened *opened, uint64_t byte, int times)
{
    struct mm_engine_file *file = NULL;
    struct mm_region region = mm_region_of_bytes(byte, 1);
    int status = opened->engine->open(&opened->target, opened->options, &file, NULL);
    for (int i = 0; status == 0 && i < times; i++) {
        struct mm_span span;
        status = opened->engine->borrow(file, &region, MM_ACCESS_READ_WRITE, &span, NULL);
        if (status == 0) {
            span.data[0]++;
            status = opened->engine->give_back(file, &span, NULL);
        }
    }
    _exit(status ? 1 : 0);
}

static void neighbours_in_one_unit_lose_nothing_to_each_other(void **state)
{
    static const char *const engines[][2] = {{"direct", ""}, {"uring", "direct=true"}};
    for (size_t e = 0; e < MM_COUNT_OF(engines); e++) {
        struct opened opened;
        unsigned char expected[8];
        pid_t children[3];
        open_fresh(state, engines[e][0], engines[e][1], 0, &opened);
        test_expected_bytes(SEED, 0, sizeof(expected), expected);
        for (int i = 0; i < 3; i++) {
            children[i] = fork();
            assert_true(children[i] >= 0);
            if (children[i] == 0)
                count_in_own_byte(&opened, (uint64_t)i, 100);
            expected[i] = (unsigned char)(expected[i] + 100);
        }
        for (int i = 0; i < 3; i++) {
            int how = 0;
            assert_int_equal(waitpid(children[i], &how, 0), children[i]);
            assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
        }
        check_loan(&opened, 0, sizeof(expected), MM_ACCESS_READ, expected);
        close_opened(&opened);
    }
}

/* The end of a file that is no whole unit must neither grow nor lose what lies behind the array. */
static void the_file_keeps_its_length(void **state)
{
    struct opened opened;
    unsigned char expected[800];
    test_expected_bytes(SEED, SIZE - sizeof(expected), sizeof(expected), expected);
    open_fresh(state, "direct", "", 3, &opened);
    struct mm_region region = mm_region_of_bytes(SIZE - sizeof(expected), sizeof(expected));
    struct mm_span span;
    assert_int_equal(
        opened.engine->borrow(opened.file, &region, MM_ACCESS_WRITE, &span, &opened.error), 0);
    memcpy(span.data, expected, sizeof(expected));
    assert_int_equal(opened.engine->give_back(opened.file, &span, &opened.error), 0);
    FILE *stream = fopen(opened.target.path, "rb");
    assert_non_null(stream);
    assert_int_equal(fseek(stream, 0, SEEK_END), 0);
    assert_int_equal(ftell(stream), 3 + SIZE + TEST_TAIL_BYTES);
    fclose(stream);
    close_opened(&opened);
}

static void memory_file_systems_are_refused_with_a_remedy(void **state)
{
    static const char *const engines[][2] = {{"direct", ""}, {"uring", "direct=true"}};
    char path[] = "/dev/shm/mm-direct-XXXXXX";
    struct statfs status;
    (void)state;
    if (statfs("/dev/shm", &status) || status.f_type != TMPFS_MAGIC) {
        print_message("skipped: /dev/shm is no tmpfs here\n");
        skip();
    }
    int descriptor = mkstemp(path);
    if (descriptor < 0) {
        print_message("skipped: /dev/shm takes no files here\n");
        skip();
    }
    int sized = ftruncate(descriptor, SIZE);
    close(descriptor);
    for (size_t e = 0; e < MM_COUNT_OF(engines); e++) {
        struct opened opened;
        int code = try_open(engines[e][0], engines[e][1], path, 0, &opened);
        free(opened.options);
        if (code != -EOPNOTSUPP)
            unlink(path);
        assert_int_equal(code, -EOPNOTSUPP);
        assert_non_null(strstr(opened.error.text, "tmpfs"));
        assert_non_null(strstr(opened.error.text, "--dir"));
        assert_null(opened.file);
    }
    unlink(path);
    assert_int_equal(sized, 0);
}

/* As seccomp profiles of containers do. */
static bool forbid_io_uring(unsigned int code)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | code),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = MM_COUNT_OF(filter), .filter = filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void a_forbidden_ring_is_explained(void **state)
{
    static const unsigned int codes[] = {EPERM, ENOSYS};
    struct mm_array array = test_array("<u8", 8, 0, WORDS, 0);
    const char *path = test_path(state, "data");
    test_file_make(path, &array, SEED);
    for (size_t i = 0; i < MM_COUNT_OF(codes); i++) {
        int how = 0;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct opened opened;
            if (!forbid_io_uring(codes[i]))
                _exit(77);
            int code = try_open("uring", "", path, 0, &opened);
            bool explained =
                code == -(int)codes[i] && opened.file == NULL &&
                (strstr(opened.error.text, "seccomp") || strstr(opened.error.text, "sysctl")) &&
                strstr(opened.error.text, "engine pread");
            _exit(explained ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &how, 0), child);
        if (WIFEXITED(how) && WEXITSTATUS(how) == 77) {
            print_message("skipped: no seccomp filters here\n");
            skip();
        }
        assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    }
}

static void more_in_flight_than_fits_is_refused(void **state)
{
    struct opened opened;
    struct mm_array array = test_array("<u8", 8, 0, WORDS, 0);
    const char *path = test_path(state, "data");
    test_file_make(path, &array, SEED);
    assert_int_equal(try_open("uring", "queue-depth=4096,request-size=1MiB", path, 0, &opened),
                     -EINVAL);
    assert_non_null(strstr(opened.error.text, "queue-depth 4096"));
    free(opened.options);
}

static void only_direct_engines_bypass_the_cache(void **state)
{
    static const struct {
        const char *engine;
        const char *parameters;
        bool bypasses;
    } expected[] = {
        {"direct", "", true},
        {"uring", "", false},
        {"uring", "direct=true", true},
    };
    (void)state;
    for (size_t i = 0; i < MM_COUNT_OF(expected); i++) {
        const struct mm_engine *engine = mm_engine_find(expected[i].engine);
        size_t used = 0;
        void *options = test_options(engine->parameters, engine->parameter_count,
                                     engine->options_bytes, expected[i].parameters, &used);
        assert_int_equal(engine->bypasses_cache(options), expected[i].bypasses);
        free(options);
    }
    assert_null(mm_engine_find("mmap")->bypasses_cache);
    assert_null(mm_engine_find("pread")->bypasses_cache);
}

/* A system without io_uring cannot run these; what it says then is tested all the same. */
static int need_a_ring(void **state)
{
    struct opened opened;
    struct mm_array array = test_array("<u8", 8, 0, WORDS, 0);
    if (test_folder_make(state))
        return -1;
    const char *path = test_path(state, "data");
    test_file_make(path, &array, SEED);
    int code = try_open("uring", "", path, 0, &opened);
    if (code) {
        print_message("skipped: %s\n", opened.error.text);
        test_folder_remove(state);
        exit(77);
    }
    close_opened(&opened);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_lend_the_bytes_of_each_step),
        cmocka_unit_test(walks_out_of_the_array_are_refused),
        cmocka_unit_test(blocks_keep_their_bytes_past_the_page_cache),
        cmocka_unit_test(neighbours_in_one_unit_lose_nothing_to_each_other),
        cmocka_unit_test(the_file_keeps_its_length),
        cmocka_unit_test(memory_file_systems_are_refused_with_a_remedy),
        cmocka_unit_test(a_forbidden_ring_is_explained),
        cmocka_unit_test(more_in_flight_than_fits_is_refused),
        cmocka_unit_test(only_direct_engines_bypass_the_cache),
    };
    return cmocka_run_group_tests(tests, need_a_ring, test_folder_remove);
}
