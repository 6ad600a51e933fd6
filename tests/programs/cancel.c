/* SPDX-License-Identifier: MIT */
/* The end of threads by pthread_exit and pthread_cancel, and their clean-up handlers. */
#include "tap.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <unistd.h>

static char order[16];
static size_t marks;
static _Atomic bool cancelled;
static sem_t ready;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int ends[2];

static void mark(void *letter)
{
    order[marks++] = *(const char *)letter;
}

static void unlock(void *arg)
{
    pthread_mutex_unlock(arg);
}

static void *leave(void *arg)
{
    volatile int local = 5;

    pthread_cleanup_push(mark, "a");
    pthread_cleanup_push(mark, "b");
    pthread_cleanup_push(mark, "c");
    pthread_cleanup_pop(1);
    pthread_cleanup_push(mark, "d");
    pthread_cleanup_pop(0);
    local++;
    if (arg != NULL) {
        pthread_exit((void *)(long)local);
    }
    pthread_cleanup_pop(1);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *wait_in_read(void *arg)
{
    char byte;

    pthread_cleanup_push(mark, "r");
    sem_post(&ready);
    (void)!read(ends[0], &byte, 1);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *wait_in_cond(void *arg)
{
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(unlock, &mutex);
    pthread_cleanup_push(mark, "w");
    sem_post(&ready);
    while (true) {
        pthread_cond_wait(&cond, &mutex);
    }
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *not_now(void *arg)
{
    int old;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    sem_post(&ready);
    while (!cancelled) {
        usleep(1000);
    }
    mark("n");
    pthread_setcancelstate(old, NULL);
    pthread_testcancel();
    mark("never");
    return NULL;
}

static void *spin(void *arg)
{
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    sem_post(&ready);
    while (true) {
    }
    return NULL;
}

static void *run(void *(*function)(void *), void *arg, bool cancel)
{
    pthread_t thread;
    void *result;

    memset(order, 0, sizeof order);
    marks = 0;
    cancelled = false;
    tap_need(pthread_create(&thread, NULL, function, arg) == 0, "a thread");
    if (cancel) {
        sem_wait(&ready);
        usleep(20000);
        tap_need(pthread_cancel(thread) == 0, "pthread_cancel");
        cancelled = true;
    }
    tap_need(pthread_join(thread, &result) == 0, "pthread_join");
    return result;
}

int main(void)
{
    struct sched_param param = {.sched_priority = 77};

    tap_need(pipe(ends) == 0 && sem_init(&ready, 0, 0) == 0, "a pipe");
    OK(run(leave, NULL, false) == NULL && strcmp(order, "cb") == 0, "handlers that are popped");
    OK(run(leave, "", false) == (void *)6 && strcmp(order, "cba") == 0, "handlers at pthread_exit");
    OK(run(wait_in_read, NULL, true) == PTHREAD_CANCELED && strcmp(order, "r") == 0,
       "cancelled in read");
    OK(run(wait_in_cond, NULL, true) == PTHREAD_CANCELED && strcmp(order, "w") == 0,
       "cancelled in pthread_cond_wait");
    OK(pthread_mutex_trylock(&mutex) == 0, "its handler had the mutex");
    OK(run(not_now, NULL, true) == PTHREAD_CANCELED && strcmp(order, "n") == 0,
       "cancelled when it allows it");
    OK(run(spin, NULL, true) == PTHREAD_CANCELED, "cancelled in a loop");
    OK(sched_getscheduler(0) == SCHED_OTHER, "the scheduling policy");
    OK(sched_getparam(0, &param) == 0 && param.sched_priority == 0, "the priority");
    OK(sched_setscheduler(0, SCHED_OTHER, &param) == 0, "set again");
    FAILS(sched_setscheduler(0, 1000, &param), EINVAL, "no such policy");
    return tap_end();
}
