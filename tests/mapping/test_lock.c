/* Locks keep other processes out, end with their holder, and are refused after fork. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/mapping/scratch.h"

enum { LENGTH = 1000 };

static struct marray *open_shared(struct scratch *scratch)
{
    return scratch_open(scratch, MARRAY_READ_WRITE, "<i4", 1, SHAPE(LENGTH));
}

/* What try-locking bytes of the file gives in a process that opens it for itself. */
static int try_elsewhere(struct scratch *scratch, enum marray_lock_kind kind, uint64_t start,
                         uint64_t length)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct marray *array = open_shared(scratch);
        _exit(-marray_lock_range(array, start, length, kind, 0));
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return -WEXITSTATUS(status);
}

static void an_exclusive_lock_keeps_others_out_until_it_is_released(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i4", 1, SHAPE(LENGTH));
    assert_int_equal(marray_lock(array, MARRAY_LOCK_EXCLUSIVE, 0), 0);
    assert_int_equal(try_elsewhere(scratch, MARRAY_LOCK_EXCLUSIVE, 0, 0), -EAGAIN);
    assert_int_equal(try_elsewhere(scratch, MARRAY_LOCK_SHARED, 3999, 1), -EAGAIN);
    assert_int_equal(marray_unlock(array), 0);
    assert_int_equal(try_elsewhere(scratch, MARRAY_LOCK_EXCLUSIVE, 0, 0), 0);
    marray_close(&array);
}

static void shared_locks_share_and_keep_writers_out(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i4", 1, SHAPE(LENGTH));
    assert_int_equal(marray_lock(array, MARRAY_LOCK_SHARED, 0), 0);
    assert_int_equal(try_elsewhere(scratch, MARRAY_LOCK_SHARED, 0, 0), 0);
    assert_int_equal(try_elsewhere(scratch, MARRAY_LOCK_EXCLUSIVE, 0, 0), -EAGAIN);
    marray_close(&array);
}

static void a_view_locks_the_bytes_it_spans_and_no_others(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i4", 1, SHAPE(LENGTH));
    struct marray *view;
    /* Elements 19, 17, 15, 13, 11: bytes 44 to 79. */
    const struct marray_slice slices[] = {MARRAY_RANGE(19, 10, -2)};
    assert_int_equal(marray_slice(array, slices, 1, &view), 0);
    assert_int_equal(marray_lock(view, MARRAY_LOCK_EXCLUSIVE, 0), 0);
    assert_int_equal(try_elsewhere(scratch, MARRAY_LOCK_EXCLUSIVE, 0, 44), 0);
    assert_int_equal(try_elsewhere(scratch, MARRAY_LOCK_EXCLUSIVE, 80, 0), 0);
    assert_int_equal(try_elsewhere(scratch, MARRAY_LOCK_EXCLUSIVE, 44, 1), -EAGAIN);
    assert_int_equal(try_elsewhere(scratch, MARRAY_LOCK_EXCLUSIVE, 79, 1), -EAGAIN);
    assert_int_equal(marray_unlock(view), 0);
    assert_int_equal(try_elsewhere(scratch, MARRAY_LOCK_EXCLUSIVE, 0, 0), 0);
    marray_close(&view);
    marray_close(&array);
}

static void ranges_lock_independently_and_outside_is_an_error(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i4", 1, SHAPE(LENGTH));
    assert_int_equal(marray_lock_range(array, 100, 100, MARRAY_LOCK_EXCLUSIVE, 0), 0);
    assert_int_equal(marray_lock_range(array, 3000, 0, MARRAY_LOCK_EXCLUSIVE, 0), 0);
    assert_int_equal(try_elsewhere(scratch, MARRAY_LOCK_EXCLUSIVE, 200, 2800), 0);
    assert_int_equal(try_elsewhere(scratch, MARRAY_LOCK_EXCLUSIVE, 199, 1), -EAGAIN);
    assert_int_equal(try_elsewhere(scratch, MARRAY_LOCK_EXCLUSIVE, 3999, 1), -EAGAIN);
    assert_int_equal(marray_unlock_range(array, 150, 50), 0);
    assert_int_equal(try_elsewhere(scratch, MARRAY_LOCK_EXCLUSIVE, 150, 50), 0);
    assert_int_equal(try_elsewhere(scratch, MARRAY_LOCK_EXCLUSIVE, 149, 1), -EAGAIN);
    assert_int_equal(marray_lock_range(array, 3999, 2, MARRAY_LOCK_SHARED, 0), -ERANGE);
    assert_int_equal(marray_lock_range(array, 4001, 0, MARRAY_LOCK_SHARED, 0), -ERANGE);
    assert_int_equal(marray_unlock_range(array, 1, UINT64_MAX), -ERANGE);
    marray_close(&array);
}

static void a_wait_with_a_timeout_ends_in_a_timeout(void **state)
{
    struct scratch *scratch = *state;
    struct marray *holder = scratch_open(scratch, MARRAY_CREATE, "<i4", 1, SHAPE(LENGTH));
    struct marray *waiter = open_shared(scratch);
    assert_int_equal(marray_lock(holder, MARRAY_LOCK_EXCLUSIVE, 0), 0);
    assert_int_equal(marray_lock(waiter, MARRAY_LOCK_EXCLUSIVE, 0), -EAGAIN);
    assert_int_equal(marray_lock(waiter, MARRAY_LOCK_EXCLUSIVE, 3000000), -ETIMEDOUT);
    assert_non_null(strstr(marray_message(waiter), scratch->path));
    assert_int_equal(marray_unlock(holder), 0);
    assert_int_equal(marray_lock(waiter, MARRAY_LOCK_EXCLUSIVE, 3000000), 0);
    marray_close(&waiter);
    marray_close(&holder);
}

/* A child that holds the lock until it is killed; returns once it holds it. */
static pid_t start_holder(struct scratch *scratch)
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct marray *array = open_shared(scratch);
        if (marray_lock(array, MARRAY_LOCK_EXCLUSIVE, UINT64_MAX) || write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    char byte;
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

static void a_lock_ends_with_the_process_that_held_it(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i4", 1, SHAPE(LENGTH));
    pid_t holder = start_holder(scratch);
    assert_int_equal(marray_lock(array, MARRAY_LOCK_EXCLUSIVE, 0), -EAGAIN);
    assert_int_equal(kill(holder, SIGKILL), 0);
    assert_int_equal(waitpid(holder, NULL, 0), holder);
    assert_int_equal(marray_lock(array, MARRAY_LOCK_EXCLUSIVE, UINT64_MAX), 0);
    marray_close(&array);
}

static void increments_under_a_lock_are_never_lost(void **state)
{
    struct scratch *scratch = *state;
    enum { PEERS = 3, INCREMENTS = 2000 };
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i4", 1, SHAPE(LENGTH));
    pid_t peers[PEERS];
    for (int i = 0; i < PEERS; i++) {
        peers[i] = fork();
        assert_true(peers[i] >= 0);
        if (peers[i] > 0)
            continue;
        struct marray *own = open_shared(scratch);
        volatile int32_t *counter = marray_data(own);
        for (int k = 0; k < INCREMENTS; k++) {
            if (marray_lock_range(own, 0, 4, MARRAY_LOCK_EXCLUSIVE, UINT64_MAX))
                _exit(1);
            *counter = *counter + 1;
            if (marray_unlock_range(own, 0, 4))
                _exit(1);
        }
        _exit(0);
    }
    for (int i = 0; i < PEERS; i++) {
        int status;
        assert_int_equal(waitpid(peers[i], &status, 0), peers[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(*(int32_t *)marray_data(array), PEERS * INCREMENTS);
    marray_close(&array);
}

static void an_inherited_array_cannot_lock_in_the_child(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i4", 1, SHAPE(LENGTH));
    assert_int_equal(marray_lock(array, MARRAY_LOCK_EXCLUSIVE, 0), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool refused = marray_lock(array, MARRAY_LOCK_EXCLUSIVE, 0) == -EPERM &&
                       marray_unlock(array) == -EPERM &&
                       marray_lock_range(array, 0, 4, MARRAY_LOCK_SHARED, 0) == -EPERM &&
                       strstr(marray_message(array), "fork");
        /* Closing it here must not release the parent's lock. */
        _exit(refused && marray_close(&array) == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(try_elsewhere(scratch, MARRAY_LOCK_EXCLUSIVE, 0, 0), -EAGAIN);
    marray_close(&array);
}

/* To the kernel a length of 0 is everything from there on. */
static void a_view_without_elements_locks_nothing(void **state)
{
    struct scratch *scratch = *state;
    struct marray *array = scratch_open(scratch, MARRAY_CREATE, "<i4", 1, SHAPE(LENGTH));
    struct marray *view;
    const struct marray_slice slices[] = {MARRAY_RANGE(3, 3, 1)};
    assert_int_equal(marray_slice(array, slices, 1, &view), 0);
    assert_int_equal(marray_lock(view, MARRAY_LOCK_EXCLUSIVE, UINT64_MAX), 0);
    assert_int_equal(marray_lock_range(array, 4 * LENGTH, 0, MARRAY_LOCK_EXCLUSIVE, 0), 0);
    assert_int_equal(try_elsewhere(scratch, MARRAY_LOCK_EXCLUSIVE, 0, 0), 0);
    assert_int_equal(marray_unlock(view), 0);
    marray_close(&view);
    marray_close(&array);
}

static void an_exclusive_lock_needs_a_writable_array(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_ramp(scratch->path, 4000);
    const enum marray_mode modes[] = {MARRAY_READ, MARRAY_COPY_ON_WRITE};
    for (size_t i = 0; i < 2; i++) {
        struct marray *array = scratch_open(scratch, modes[i], "<i4", 1, SHAPE(LENGTH));
        assert_int_equal(marray_lock(array, MARRAY_LOCK_EXCLUSIVE, 0), -EBADF);
        assert_int_equal(marray_lock(array, MARRAY_LOCK_SHARED, 0), 0);
        assert_int_equal(marray_lock(array, (enum marray_lock_kind)2, 0), -EINVAL);
        marray_close(&array);
    }
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(an_exclusive_lock_keeps_others_out_until_it_is_released),
        SCRATCH_TEST(shared_locks_share_and_keep_writers_out),
        SCRATCH_TEST(a_view_locks_the_bytes_it_spans_and_no_others),
        SCRATCH_TEST(ranges_lock_independently_and_outside_is_an_error),
        SCRATCH_TEST(a_wait_with_a_timeout_ends_in_a_timeout),
        SCRATCH_TEST(a_lock_ends_with_the_process_that_held_it),
        SCRATCH_TEST(increments_under_a_lock_are_never_lost),
        SCRATCH_TEST(an_inherited_array_cannot_lock_in_the_child),
        SCRATCH_TEST(a_view_without_elements_locks_nothing),
        SCRATCH_TEST(an_exclusive_lock_needs_a_writable_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
