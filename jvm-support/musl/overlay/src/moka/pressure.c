/* SPDX-License-Identifier: MIT */
/*
 * The hooks on the machine's memory.  The kernel knows of one thread that
 * listens: it sleeps in the kernel until memory is short, then asks the shrinkers
 * here, one after another, and goes back with what they have given.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "hooks_priv.h"
#include "syscall.h"

enum {
    CALL_MEMORY = 503,
    CALL_THRESHOLDS,
    CALL_LISTEN,
    CALL_GIVE,
};

#define SHRINKERS 64
/* A JVM that a shrinker calls into wants so much; it is touched where it is used. */
#define STACK (1024 * 1024)
#define UNASKED (-1L)

static struct {
    pthread_mutex_t lock;
    pthread_cond_t returned; /* a shrinker has */
    uint64_t (*shrink[SHRINKERS])(void *arg, uint64_t wanted);
    void *arg[SHRINKERS];
    unsigned order[SHRINKERS]; /* numbers, as they were added */
    unsigned count;
    int running; /* number of the one that is called, or -1 */
    pthread_t thread;
    bool started;
} shrinkers = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .returned = PTHREAD_COND_INITIALIZER, .running = -1};

/* Of shrinkers the kernel knows nothing. */
static int memory(struct moka_memory *memory, uint64_t size)
{
    int error = (int)__syscall(CALL_MEMORY, memory, size);

    if (error == 0 && size >= offsetof(struct moka_memory, shrinkers) + sizeof(uint32_t)) {
        pthread_mutex_lock(&shrinkers.lock);
        memory->shrinkers = shrinkers.count;
        pthread_mutex_unlock(&shrinkers.lock);
    }
    return error;
}

static int thresholds(uint64_t low, uint64_t critical)
{
    return (int)__syscall(CALL_THRESHOLDS, low, critical);
}

static int64_t give(uint64_t size)
{
    return __syscall(CALL_GIVE, size);
}

/* The lock is held, but not during the call. */
static uint64_t call(unsigned number, uint64_t wanted)
{
    uint64_t (*shrink)(void *, uint64_t) = shrinkers.shrink[number];
    void *arg = shrinkers.arg[number];
    uint64_t given;

    shrinkers.running = (int)number;
    pthread_mutex_unlock(&shrinkers.lock);
    given = shrink(arg, wanted);
    pthread_mutex_lock(&shrinkers.lock);
    shrinkers.running = -1;
    pthread_cond_broadcast(&shrinkers.returned);
    return given;
}

/* Those that come or go meanwhile may be left out of this round, or be called twice in it. */
static long shrink_all(uint64_t wanted)
{
    uint64_t given = 0;

    pthread_mutex_lock(&shrinkers.lock);
    for (unsigned i = 0; i < shrinkers.count && given < wanted; i++) {
        given += call(shrinkers.order[i], wanted - given);
    }
    pthread_mutex_unlock(&shrinkers.lock);
    return given <= LONG_MAX ? (long)given : LONG_MAX;
}

/*
 * A handler may resolve these, as a JVM's does; a thread that blocks them is killed.  All
 * others are as the program has them where it makes its threads.
 */
static void open_faults(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        sigaddset(&set, faults[i]);
    }
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void *listen(void *arg)
{
    uint64_t wanted = 0;
    long given = UNASKED;

    (void)arg;
    open_faults();
    for (;;) {
        given = __syscall(CALL_LISTEN, &wanted, given) == 0 ? shrink_all(wanted) : UNASKED;
    }
    return NULL;
}

/* The lock is held. */
static int start(void)
{
    pthread_attr_t attr;
    int error;

    if (shrinkers.started) {
        return 0;
    }
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK);
    error = pthread_create(&shrinkers.thread, &attr, listen, NULL);
    pthread_attr_destroy(&attr);
    if (error != 0) {
        return -EAGAIN;
    }
    shrinkers.started = true;
    pthread_setname_np(shrinkers.thread, "moka-pressure");
    return 0;
}

static int add_locked(uint64_t (*shrink)(void *arg, uint64_t wanted), void *arg)
{
    int number = 0, error;

    while (number < SHRINKERS && shrinkers.shrink[number] != NULL) {
        number++;
    }
    if (number == SHRINKERS) {
        return -EMFILE;
    }
    error = start();
    if (error != 0) {
        return error;
    }
    shrinkers.shrink[number] = shrink;
    shrinkers.arg[number] = arg;
    shrinkers.order[shrinkers.count++] = (unsigned)number;
    return number;
}

static int shrinker_add(uint64_t (*shrink)(void *arg, uint64_t wanted), void *arg)
{
    int number;

    if (shrink == NULL) {
        return -EINVAL;
    }
    pthread_mutex_lock(&shrinkers.lock);
    number = add_locked(shrink, arg);
    pthread_mutex_unlock(&shrinkers.lock);
    return number;
}

static bool is_called_elsewhere(int number)
{
    return shrinkers.running == number && !pthread_equal(pthread_self(), shrinkers.thread);
}

static int shrinker_remove(int number)
{
    unsigned place = 0;

    if (number < 0 || number >= SHRINKERS) {
        return -EBADF;
    }
    pthread_mutex_lock(&shrinkers.lock);
    while (place < shrinkers.count && shrinkers.order[place] != (unsigned)number) {
        place++;
    }
    if (place == shrinkers.count) {
        pthread_mutex_unlock(&shrinkers.lock);
        return -EBADF;
    }
    shrinkers.count--;
    for (; place < shrinkers.count; place++) {
        shrinkers.order[place] = shrinkers.order[place + 1];
    }
    while (is_called_elsewhere(number)) {
        pthread_cond_wait(&shrinkers.returned, &shrinkers.lock);
    }
    shrinkers.shrink[number] = NULL; /* the number may be used again */
    pthread_mutex_unlock(&shrinkers.lock);
    return 0;
}

const struct moka_pressure_hooks __moka_pressure = {
    .size = sizeof(__moka_pressure),
    .shrinker_add = shrinker_add,
    .shrinker_remove = shrinker_remove,
    .thresholds = thresholds,
    .memory = memory,
    .give = give,
};
