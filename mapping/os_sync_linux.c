/* Linux behind marray_os_syncer: one thread that calls fdatasync when it is asked to. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "mapping/os.h"

struct marray_os_syncer {
    int descriptor;
    int64_t process; /* that has the thread */
    pthread_t thread;
    pthread_mutex_t mutex; /* over what follows */
    pthread_cond_t change;
    bool is_asked, is_ending;
    int status; /* the first failure */
};

static void sync_once(struct marray_os_syncer *syncer)
{
    syncer->is_asked = false;
    pthread_mutex_unlock(&syncer->mutex);
    int status = fdatasync(syncer->descriptor) ? -errno : 0;
    pthread_mutex_lock(&syncer->mutex);
    if (!syncer->status)
        syncer->status = status;
}

static void *run(void *context)
{
    struct marray_os_syncer *syncer = context;
    pthread_mutex_lock(&syncer->mutex);
    while (!syncer->is_ending) {
        if (syncer->is_asked)
            sync_once(syncer);
        else
            pthread_cond_wait(&syncer->change, &syncer->mutex);
    }
    pthread_mutex_unlock(&syncer->mutex);
    return NULL;
}

/* The program's signals are none of this thread's business. */
static int create_thread(struct marray_os_syncer *syncer)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int status = -pthread_create(&syncer->thread, NULL, run, syncer);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return status;
}

int marray_os_syncer_start(int descriptor, struct marray_os_syncer **syncer)
{
    struct marray_os_syncer *made = calloc(1, sizeof(*made));
    if (!made)
        return -ENOMEM;
    made->descriptor = descriptor;
    made->process = marray_os_process();
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->change, NULL);
    int status = create_thread(made);
    if (status) {
        free(made);
        return status;
    }
    *syncer = made;
    return 0;
}

int marray_os_syncer_ask(struct marray_os_syncer *syncer)
{
    pthread_mutex_lock(&syncer->mutex);
    syncer->is_asked = true;
    int status = syncer->status;
    pthread_cond_signal(&syncer->change);
    pthread_mutex_unlock(&syncer->mutex);
    return status;
}

int marray_os_syncer_stop(struct marray_os_syncer *syncer)
{
    /* A child after fork has no such thread; its copy of the lock may be taken for ever. */
    if (syncer->process != marray_os_process())
        return 0;
    pthread_mutex_lock(&syncer->mutex);
    syncer->is_ending = true;
    pthread_cond_signal(&syncer->change);
    pthread_mutex_unlock(&syncer->mutex);
    pthread_join(syncer->thread, NULL);
    int status = syncer->status;
    pthread_cond_destroy(&syncer->change);
    pthread_mutex_destroy(&syncer->mutex);
    free(syncer);
    return status;
}
