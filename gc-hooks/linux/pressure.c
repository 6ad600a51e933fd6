/* SPDX-License-Identifier: MIT */
/*
 * The hooks on the machine's memory: /proc/meminfo, looked at by a thread that
 * calls the shrinkers.  It looks each second, and ten times a second while
 * memory is short; Linux would tell a process by PSI, but that is turned off
 * in many kernels, and asks for rights in others.
 */
#include <errno.h>
#include <fcntl.h>
#include <moka/pressure.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "linux_priv.h"

#define SHRINKERS_MOST 64
#define CALM_MS 1000
#define SHORT_MS 100

struct shrinker {
    uint64_t (*shrink)(void *arg, uint64_t wanted); /* NULL: free */
    void *arg;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct shrinker shrinker[SHRINKERS_MOST];
    int highest; /* no shrinker from there on */
    unsigned count;
    int running; /* the shrinker that is being called; -1: none */
    bool started;
    pthread_t thread;
    uint64_t low, critical; /* 0: the share of all that pressure.h says */
    uint64_t given, asked;
} pressure = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .running = -1};

/* Of "Name:   12345 kB". */
static uint64_t value_of(const char *text, const char *name)
{
    const char *line = strstr(text, name);

    return line == NULL ? 0 : strtoull(line + strlen(name), NULL, 10) * 1024;
}

static int read_memory(struct moka_memory *memory)
{
    char text[4096] = "";
    int file = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);

    memset(memory, 0, sizeof(*memory));
    if (file < 0) {
        return -EOPNOTSUPP;
    }
    if (read(file, text, sizeof(text) - 1) < 0) {
        text[0] = '\0';
    }
    close(file);
    memory->total = value_of(text, "MemTotal:");
    memory->free = value_of(text, "MemFree:");
    memory->available = value_of(text, "MemAvailable:");
    memory->cache = value_of(text, "\nCached:");
    return memory->total == 0 ? -EOPNOTSUPP : 0;
}

uint64_t linux_memory_available(void)
{
    struct moka_memory now;

    return read_memory(&now) == 0 ? now.available : 0;
}

/* The lock is held. */
static int look(struct moka_memory *memory)
{
    int error = read_memory(memory);

    memory->low = pressure.low != 0 ? pressure.low : memory->total / 16;
    memory->critical = pressure.critical != 0 ? pressure.critical : memory->total / 64;
    memory->given_by_shrinkers = pressure.given;
    memory->shrinks = pressure.asked;
    memory->shrinkers = pressure.count;
    memory->level = memory->available >= memory->low        ? MOKA_LEVEL_PLENTY
                    : memory->available >= memory->critical ? MOKA_LEVEL_LOW
                                                            : MOKA_LEVEL_CRITICAL;
    return error;
}

static int memory(struct moka_memory *memory, uint64_t size)
{
    struct moka_memory now;
    int error;

    if (size == 0) {
        return -EINVAL;
    }
    if (memory == NULL) {
        return -EFAULT;
    }
    pthread_mutex_lock(&pressure.lock);
    error = look(&now);
    pthread_mutex_unlock(&pressure.lock);
    if (error == 0) {
        memcpy(memory, &now, size < sizeof(now) ? size : sizeof(now));
    }
    return error;
}

static int thresholds(uint64_t low, uint64_t critical)
{
    struct moka_memory now;
    int error;

    pthread_mutex_lock(&pressure.lock);
    error = read_memory(&now);
    if (error == 0) {
        uint64_t real_low = low != 0 ? low : now.total / 16;
        uint64_t real_critical = critical != 0 ? critical : now.total / 64;

        if (real_critical > real_low || real_low > now.total / 2) {
            error = -EINVAL;
        } else {
            pressure.low = low;
            pressure.critical = critical;
            pthread_cond_broadcast(&pressure.changed);
        }
    }
    pthread_mutex_unlock(&pressure.lock);
    return error;
}

/* ---- Shrinkers ----------------------------------------------------------------------------- */

/* The lock is held; it is not while one is called. */
static void ask_shrinkers(uint64_t wanted)
{
    uint64_t given = 0;

    pressure.asked++;
    for (int i = 0; i < pressure.highest && given < wanted; i++) {
        struct shrinker shrinker = pressure.shrinker[i];

        if (shrinker.shrink != NULL) {
            pressure.running = i;
            pthread_mutex_unlock(&pressure.lock);
            given += shrinker.shrink(shrinker.arg, wanted - given);
            pthread_mutex_lock(&pressure.lock);
            pressure.running = -1;
            pthread_cond_broadcast(&pressure.changed);
        }
    }
    pressure.given += given;
}

/* As the header says: a handler may resolve these. */
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

static void *watch(void *arg)
{
    open_faults();
    pthread_mutex_lock(&pressure.lock);
    for (;;) {
        struct moka_memory now;
        struct timespec until;
        bool is_short = look(&now) == 0 && now.level != MOKA_LEVEL_PLENTY;

        if (is_short) {
            ask_shrinkers(now.low - now.available);
        }
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += (is_short ? SHORT_MS : CALM_MS) % 1000 * 1000000l;
        until.tv_sec += (is_short ? SHORT_MS : CALM_MS) / 1000 + until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&pressure.changed, &pressure.lock, &until);
    }
    return NULL;
}

/* The lock is held. */
static int start_watching(void)
{
    if (pressure.started) {
        return 0;
    }
    pressure.started = pthread_create(&pressure.thread, NULL, watch, NULL) == 0;
    return pressure.started ? 0 : -EAGAIN;
}

static int shrinker_add(uint64_t (*shrink)(void *arg, uint64_t wanted), void *arg)
{
    int number = 0, error;

    if (shrink == NULL) {
        return -EINVAL;
    }
    pthread_mutex_lock(&pressure.lock);
    while (number < SHRINKERS_MOST && pressure.shrinker[number].shrink != NULL) {
        number++;
    }
    error = number == SHRINKERS_MOST ? -EMFILE : start_watching();
    if (error == 0) {
        pressure.shrinker[number] = (struct shrinker){shrink, arg};
        pressure.highest = number >= pressure.highest ? number + 1 : pressure.highest;
        pressure.count++;
        pthread_cond_broadcast(&pressure.changed);
    }
    pthread_mutex_unlock(&pressure.lock);
    return error != 0 ? error : number;
}

static int shrinker_remove(int number)
{
    int error = -EBADF;

    pthread_mutex_lock(&pressure.lock);
    if (number >= 0 && number < SHRINKERS_MOST && pressure.shrinker[number].shrink != NULL) {
        pressure.shrinker[number].shrink = NULL;
        pressure.count--;
        error = 0;
        while (pressure.running == number && !pthread_equal(pthread_self(), pressure.thread)) {
            pthread_cond_wait(&pressure.changed, &pressure.lock);
        }
    }
    pthread_mutex_unlock(&pressure.lock);
    return error;
}

static int64_t give(uint64_t size)
{
    return -EOPNOTSUPP;
}

const struct moka_pressure_hooks linux_pressure_hooks = {
    .size = sizeof(linux_pressure_hooks),
    .shrinker_add = shrinker_add,
    .shrinker_remove = shrinker_remove,
    .thresholds = thresholds,
    .memory = memory,
    .give = give,
};
