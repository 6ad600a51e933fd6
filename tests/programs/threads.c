/* SPDX-License-Identifier: MIT */
/* POSIX threads: the calls of the library that end in futex and clone. */
#include "tap.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MANY 200
#define ROUNDS 20000
#define DEEP 60
#define DEEP_STACK (4ul << 20)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_key_t key;
static _Thread_local long local = 17;
static long counter, turn;
static _Atomic long destroyed, serial;

static void *count_up(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&mutex);
        counter++;
        pthread_mutex_unlock(&mutex);
    }
    return arg;
}

static void *take_turns(void *arg)
{
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&mutex);
        while (turn % 2 != (long)arg) {
            pthread_cond_wait(&cond, &mutex);
        }
        turn++;
        pthread_cond_broadcast(&cond);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void destroy(void *value)
{
    atomic_fetch_add(&destroyed, (long)value);
}

static void *use_local(void *arg)
{
    bool fresh = local == 17;

    local = (long)arg;
    pthread_setspecific(key, (void *)1);
    /* NOLINTNEXTLINE(bugprone-posix-return): the constant is negative */
    if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) {
        atomic_fetch_add(&serial, 1);
    }
    return (void *)(long)(fresh && local == (long)arg);
}

/* Fills most of its stack, so that the library cannot keep all that have ended. */
static void *use_stack(void *arg)
{
    bool fresh = local == 17;
    volatile unsigned char deep[DEEP_STACK * 3 / 4];
    unsigned char wrong = 0;

    for (unsigned long i = 0; i < sizeof(deep); i += 4096) {
        deep[i] = (unsigned char)((long)arg + 1);
    }
    local = (long)arg;
    pthread_barrier_wait(&barrier);
    for (unsigned long i = 0; i < sizeof(deep); i += 4096) {
        wrong |= deep[i] ^ (unsigned char)((long)arg + 1);
    }
    return (void *)(long)(fresh && local == (long)arg && wrong == 0);
}

static void run_on(unsigned long stack, void *(*fn)(void *), long count, long *sum)
{
    pthread_t thread[MANY];
    pthread_attr_t attr;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, stack);
    for (long i = 0; i < count; i++) {
        errno = pthread_create(&thread[i], &attr, fn, (void *)i);
        tap_need(errno == 0, "pthread_create");
    }
    for (long i = 0; i < count; i++) {
        void *result;

        pthread_join(thread[i], &result);
        *sum += (long)result;
    }
    pthread_attr_destroy(&attr);
}

static void run(void *(*fn)(void *), long count, long *sum)
{
    run_on(128 * 1024, fn, count, sum);
}

static void test_deep_stacks(void)
{
    long sum = 0;

    pthread_barrier_destroy(&barrier);
    pthread_barrier_init(&barrier, NULL, DEEP);
    for (int i = 0; i < 2; i++) {
        run_on(DEEP_STACK, use_stack, DEEP, &sum);
    }
    OK(sum == 2 * DEEP, "deep stacks, twice");
}

static void test_timeouts(void)
{
    struct timespec until, now;
    int result;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 20000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&mutex);
    result = pthread_cond_timedwait(&cond, &mutex, &until);
    pthread_mutex_unlock(&mutex);
    clock_gettime(CLOCK_REALTIME, &now);
    OK(result == ETIMEDOUT && (now.tv_sec > until.tv_sec ||
                               (now.tv_sec == until.tv_sec && now.tv_nsec >= until.tv_nsec)),
       "pthread_cond_timedwait waits that long");
}

static void *post(void *arg)
{
    usleep(1000);
    sem_post(arg);
    return NULL;
}

static void *wait_to_be_cancelled(void *arg)
{
    for (;;) {
        pause();
    }
    return arg;
}

static void *write_tid(void *arg)
{
    *(long *)arg = syscall(SYS_gettid);
    return NULL;
}

static void test_single(void)
{
    pthread_t thread;
    void *result = NULL;
    long tid = 0;
    sem_t semaphore;

    sem_init(&semaphore, 0, 0);
    pthread_create(&thread, NULL, post, &semaphore);
    OK(sem_wait(&semaphore) == 0 && pthread_join(thread, NULL) == 0, "a semaphore");
    pthread_create(&thread, NULL, wait_to_be_cancelled, NULL);
    usleep(1000);
    OK(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0 &&
           result == PTHREAD_CANCELED,
       "pthread_cancel of one that sleeps");
    pthread_create(&thread, NULL, write_tid, &tid);
    pthread_join(thread, NULL);
    OK(tid != 0 && tid != getpid() && syscall(SYS_gettid) == getpid(), "thread ids");
}

static void test_mutex_kinds(void)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t recursive, checking;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&recursive, &attr);
    OK(pthread_mutex_lock(&recursive) == 0 && pthread_mutex_lock(&recursive) == 0 &&
           pthread_mutex_unlock(&recursive) == 0 && pthread_mutex_unlock(&recursive) == 0,
       "a recursive mutex");
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&checking, &attr);
    OK(pthread_mutex_lock(&checking) == 0 && pthread_mutex_lock(&checking) == EDEADLK &&
           pthread_mutex_unlock(&checking) == 0 && pthread_mutex_unlock(&checking) == EPERM,
       "a checking mutex");
}

int main(void)
{
    cpu_set_t set;
    long sum = 0;

    run(count_up, 4, &sum);
    OK(counter == 4L * ROUNDS, "a mutex guards a counter");
    sum = 0;
    run(take_turns, 2, &sum);
    OK(turn == 2000, "a condition variable");
    pthread_key_create(&key, destroy);
    pthread_barrier_init(&barrier, NULL, MANY);
    sum = 0;
    run(use_local, MANY, &sum);
    OK(sum == MANY && local == 17, "200 threads have a _Thread_local each");
    OK(atomic_load(&serial) == 1, "one thread of a barrier is told");
    OK(atomic_load(&destroyed) == MANY, "destructors of thread-specific data");
    for (int i = 0; i < 20; i++) {
        run(count_up, 1, &sum);
    }
    OK(counter == 24L * ROUNDS, "threads one after the other");
    test_deep_stacks();
    test_timeouts();
    test_single();
    test_mutex_kinds();
    OK(sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) >= 1, "sched_getaffinity");
    OK(sysconf(_SC_NPROCESSORS_ONLN) >= CPU_COUNT(&set), "no more processors than sysconf tells");
    return tap_end();
}
