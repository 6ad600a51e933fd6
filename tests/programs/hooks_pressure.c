/* SPDX-License-Identifier: MIT */
/*
 * The hooks on the machine's memory: amounts, thresholds, shrinkers and who calls
 * them, a program that wants more memory than there is and has a cache to give, and memory
 * that goes to the host.  On a kernel without hooks there is nothing to test.
 */
#include "tap.h"

#include <dlfcn.h>
#include <moka/hooks.h>
#include <moka/pressure.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>

#pragma weak dlsym /* not in each static C library */

#define MIB (1ull << 20)
#define CHUNK (4 * MIB)
#define CHUNKS_MOST 4096

static const struct moka_pressure_hooks *pressure;

static struct moka_memory memory_now(void)
{
    struct moka_memory memory;

    tap_need(pressure->memory(&memory, sizeof(memory)) == 0, "memory");
    return memory;
}

/* True if it comes true within a time that only finds hangs. */
static bool comes_true(bool (*is_true)(void))
{
    for (int i = 0; i < 6000; i++) {
        if (is_true()) {
            return true;
        }
        usleep(10000);
    }
    return false;
}

/* ---- A cache: the first chunk to come is the first to go. ---------------------------------- */

static struct {
    pthread_mutex_t lock;
    void *chunk[CHUNKS_MOST];
    unsigned first, last;
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Its memory is touched before the lock is taken: a shrinker needs that. */
static bool cache_grow(void)
{
    char *chunk = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (chunk == MAP_FAILED) {
        return false;
    }
    for (size_t i = 0; i < CHUNK; i += 4096) {
        chunk[i] = 1;
    }
    pthread_mutex_lock(&cache.lock);
    cache.chunk[cache.last++ % CHUNKS_MOST] = chunk;
    pthread_mutex_unlock(&cache.lock);
    return true;
}

static uint64_t cache_shrink(uint64_t wanted)
{
    uint64_t given = 0;

    pthread_mutex_lock(&cache.lock);
    for (; given < wanted && cache.first != cache.last; given += CHUNK) {
        munmap(cache.chunk[cache.first++ % CHUNKS_MOST], CHUNK);
    }
    pthread_mutex_unlock(&cache.lock);
    return given;
}

/* ---- Amounts and thresholds ---------------------------------------------------------------- */

static uint64_t meminfo(const char *name)
{
    FILE *file = fopen("/proc/meminfo", "r");
    uint64_t kib = 0;
    char line[128];

    tap_need(file != NULL, "/proc/meminfo");
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':') {
            kib = strtoull(line + strlen(name) + 1, NULL, 10);
        }
    }
    fclose(file);
    return kib * 1024;
}

static void test_memory(void)
{
    struct moka_memory now = memory_now(), some = {.free = 77};
    uint64_t said = meminfo("MemAvailable");

    OK(now.free <= now.total && now.zeroed + now.reported <= now.free &&
           now.available >= now.free / 2 && now.available <= now.total && now.cache <= now.total,
       "amounts");
    OK(now.level == MOKA_LEVEL_PLENTY && now.low == now.total / 16 &&
           now.critical == now.total / 64 && now.shrinkers == 0,
       "as at the start");
    OK(said <= now.available + 32 * MIB && said + 32 * MIB >= now.available,
       "/proc/meminfo says the same");
    OK(pressure->memory(&some, offsetof(struct moka_memory, free)) == 0 &&
           some.total == now.total && some.free == 77,
       "a part of the struct");
    OK(pressure->memory(&some, 0) == -EINVAL, "none of it");
    OK(pressure->memory(NULL, sizeof(some)) == -EFAULT &&
           pressure->memory((void *)0x7f800000, sizeof(some)) == -EFAULT,
       "no place for it");
}

static bool near(uint64_t a, uint64_t b)
{
    return a <= b + 24 * MIB && b <= a + 24 * MIB;
}

/* A file that is nowhere else is not available, one that is read again can go. */
static void test_files(void)
{
    struct moka_memory before = memory_now(), now;
    uint64_t said = meminfo("MemAvailable"), shared = meminfo("Shmem");
    char *some = calloc(1, MIB), path[] = "/dev/shm/pressure.XXXXXX";
    int fd = mkstemp(path);

    tap_need(fd >= 0 && some != NULL, "a file");
    for (int i = 0; i < 96; i++) {
        tap_need(write(fd, some, MIB) == (ssize_t)MIB, "write");
    }
    now = memory_now();
    OK(near(now.available + 96 * MIB, before.available) && near(now.cache, before.cache + 96 * MIB),
       "a file in memory is not available");
    OK(near(meminfo("MemAvailable") + 96 * MIB, said) && near(meminfo("Shmem"), shared + 96 * MIB),
       "/proc/meminfo says the same of it");
    close(fd);
    unlink(path);
    free(some);
    OK(near(memory_now().available, before.available), "until it is gone");
}

static void test_thresholds(void)
{
    uint64_t total = memory_now().total;
    struct moka_memory now;

    OK(pressure->thresholds(8 * MIB, 16 * MIB) == -EINVAL &&
           pressure->thresholds(total / 2 + MIB, MIB) == -EINVAL &&
           pressure->thresholds(UINT64_MAX, UINT64_MAX) == -EINVAL &&
           memory_now().low == total / 16,
       "thresholds that cannot be");
    OK(pressure->thresholds(64 * MIB, 16 * MIB) == 0, "thresholds");
    now = memory_now();
    OK(now.low == 64 * MIB && now.critical == 16 * MIB, "are as they were set");
    OK(pressure->thresholds(0, 0) == 0 && memory_now().low == total / 16, "as at the start again");
}

/* ---- Shrinkers ----------------------------------------------------------------------------- */

static uint64_t give_nothing(void *arg, uint64_t wanted)
{
    (void)arg;
    (void)wanted;
    return 0;
}

static void test_numbers(void)
{
    int numbers[65], count = 0;

    OK(pressure->shrinker_add(NULL, NULL) == -EINVAL, "no function");
    while (count < 65 && (numbers[count] = pressure->shrinker_add(give_nothing, NULL)) >= 0) {
        count++;
    }
    OK(count == 64 && numbers[64] == -EMFILE && memory_now().shrinkers == 64, "64 shrinkers");
    OK(pressure->shrinker_remove(-1) == -EBADF && pressure->shrinker_remove(64) == -EBADF,
       "no such shrinker");
    for (int i = 0; i < count; i++) {
        tap_need(pressure->shrinker_remove(numbers[i]) == 0, "shrinker_remove");
    }
    OK(pressure->shrinker_remove(numbers[0]) == -EBADF && memory_now().shrinkers == 0,
       "none any more");
}

static struct {
    atomic_int calls, second_calls;
    _Atomic uint64_t given;
    atomic_bool open, room, other;
} seen;

static pthread_t main_thread;

static void look_at_thread(void)
{
    sigset_t mask;
    pthread_attr_t attr;
    size_t stack = 0;

    atomic_store(&seen.other, !pthread_equal(pthread_self(), main_thread));
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    atomic_store(&seen.open, sigismember(&mask, SIGSEGV) == 0 && sigismember(&mask, SIGUSR1) == 0);
    if (pthread_getattr_np(pthread_self(), &attr) == 0) {
        pthread_attr_getstacksize(&attr, &stack);
        pthread_attr_destroy(&attr);
    }
    atomic_store(&seen.room, stack >= MIB);
}

static uint64_t shrink_cache(void *arg, uint64_t wanted)
{
    uint64_t given = cache_shrink(wanted);

    (void)arg;
    look_at_thread();
    atomic_fetch_add(&seen.given, given);
    atomic_fetch_add(&seen.calls, wanted > 0);
    return given;
}

/* Behind the other: asked for what that one had not. */
static uint64_t shrink_second(void *arg, uint64_t wanted)
{
    atomic_fetch_add(&seen.second_calls, 1);
    return give_nothing(arg, wanted);
}

static bool plenty_again(void)
{
    return atomic_load(&seen.calls) > 0 && memory_now().level == MOKA_LEVEL_PLENTY;
}

/* There is not enough until the cache has grown to half of all memory. */
static void test_asked(void)
{
    struct moka_memory before = memory_now(), now;
    int first = pressure->shrinker_add(shrink_cache, NULL);
    int second = pressure->shrinker_add(shrink_second, NULL);

    tap_need(first >= 0 && second >= 0 && pressure->thresholds(before.total / 2, MIB) == 0,
             "shrinkers");
    while (atomic_load(&seen.calls) == 0 && memory_now().available > before.total / 4) {
        tap_need(cache_grow(), "mmap");
    }
    OK(comes_true(plenty_again), "a shrinker is asked until there is plenty");
    now = memory_now();
    OK(now.shrinks > before.shrinks && now.given_by_shrinkers > before.given_by_shrinkers &&
           now.given_by_shrinkers <= before.given_by_shrinkers + atomic_load(&seen.given),
       "the sums say so");
    OK(atomic_load(&seen.other), "by a thread of its own");
    OK(atomic_load(&seen.open), "which lets signals through");
    OK(atomic_load(&seen.room), "and has a stack of 1 MiB");
    OK(atomic_load(&seen.second_calls) == 0, "the second one is not needed");
    tap_need(pressure->shrinker_remove(first) == 0, "shrinker_remove");
    for (unsigned i = 0; i < 4 * before.total / CHUNK / 4 && atomic_load(&seen.second_calls) == 0 &&
                         memory_now().available > before.total / 8;
         i++) {
        tap_need(cache_grow(), "mmap");
    }
    while (atomic_load(&seen.second_calls) == 0) {
        usleep(1000); /* ends, or the test hangs */
    }
    OK(true, "the second one is asked without it");
    tap_need(pressure->shrinker_remove(second) == 0, "shrinker_remove");
    (void)cache_shrink(UINT64_MAX);
    tap_need(pressure->thresholds(0, 0) == 0, "thresholds");
}

/* ---- Taken out while it is called ---------------------------------------------------------- */

static atomic_bool called, go_on, returned;
static atomic_int own_number;

static uint64_t wait_inside(void *arg, uint64_t wanted)
{
    atomic_store(&called, true);
    while (!atomic_load(&go_on)) {
        usleep(1000);
    }
    usleep(20000);
    atomic_store(&returned, true);
    return give_nothing(arg, wanted);
}

static void *remove_other(void *number)
{
    bool good = pressure->shrinker_remove(*(int *)number) == 0 && atomic_load(&returned);

    return (void *)(uintptr_t)good;
}

static uint64_t remove_self(void *arg, uint64_t wanted)
{
    atomic_store(&called, true);
    tap_need(pressure->shrinker_remove(atomic_load(&own_number)) == 0, "its own end");
    atomic_store(&returned, true);
    return give_nothing(arg, wanted);
}

static bool is_called(void)
{
    return atomic_load(&called);
}

static bool has_returned(void)
{
    return atomic_load(&returned);
}

static void make_short(void)
{
    uint64_t half = memory_now().total / 2;

    while (memory_now().available > half - 2 * CHUNK) {
        tap_need(cache_grow(), "mmap");
    }
    tap_need(pressure->thresholds(half, MIB) == 0, "thresholds");
}

static void test_remove(void)
{
    int number = pressure->shrinker_add(wait_inside, NULL);
    void *good = NULL;
    pthread_t thread;

    make_short();
    OK(comes_true(is_called), "a shrinker is under way");
    tap_need(pthread_create(&thread, NULL, remove_other, &number) == 0, "thread");
    usleep(20000);
    atomic_store(&go_on, true);
    pthread_join(thread, &good);
    OK(good != NULL, "taking it out waits for it");
    atomic_store(&called, false);
    atomic_store(&returned, false);
    /* Its number is known before it can be called: it waits for that. */
    atomic_store(&own_number, -1);
    number = pressure->shrinker_add(give_nothing, NULL);
    tap_need(number >= 0 && pressure->shrinker_remove(number) == 0, "a free number");
    atomic_store(&own_number, number);
    OK(pressure->shrinker_add(remove_self, NULL) == number, "the number is used again");
    OK(comes_true(is_called) && comes_true(has_returned), "one takes itself out");
    OK(pressure->shrinker_remove(number) == -EBADF, "and is gone");
    (void)cache_shrink(UINT64_MAX);
    tap_need(pressure->thresholds(0, 0) == 0, "thresholds");
}

/* ---- More memory than there is ------------------------------------------------------------- */

/* Nobody is killed while a cache has something to give. */
static void test_more_than_all(void)
{
    int number = pressure->shrinker_add(shrink_cache, NULL);
    uint64_t total = memory_now().total;

    tap_need(number >= 0, "shrinker");
    for (uint64_t size = 0; size < total + total / 4; size += CHUNK) {
        tap_need(cache_grow(), "mmap");
    }
    OK(true, "a cache of a quarter more than all memory");
    tap_need(pressure->shrinker_remove(number) == 0, "shrinker_remove");
    (void)cache_shrink(UINT64_MAX);
}

/* ---- The host ------------------------------------------------------------------------------ */

static bool all_zero(const char *memory, size_t size)
{
    for (size_t i = 0; i < size; i += 512) {
        if (memory[i] != 0) {
            return false;
        }
    }
    return true;
}

static void test_give(void)
{
    struct moka_memory before = memory_now(), after;
    int64_t given = pressure->give(128 * MIB);
    char *memory;

    if (given == -EOPNOTSUPP) {
        OK(true, "the host takes nothing");
        return;
    }
    after = memory_now();
    OK(given > 0 && given <= (int64_t)(128 * MIB) && given % (int64_t)(2 * MIB) == 0,
       "the host takes memory");
    OK(after.given_to_host >= before.given_to_host + (uint64_t)given &&
           after.reported >= (uint64_t)given && after.free + 8 * MIB >= before.free,
       "which is free still");
    OK(pressure->give(0) == 0, "nothing to give");
    OK(pressure->give(UINT64_MAX) > 0 && memory_now().free + 16 * MIB >= before.free, "all of it");
    memory = mmap(NULL, 256 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    tap_need(memory != MAP_FAILED, "mmap");
    OK(all_zero(memory, 256 * MIB), "comes back empty");
    memset(memory, 1, 256 * MIB);
    OK(memory[0] == 1 && memory[256 * MIB - 1] == 1, "and holds what is written");
    munmap(memory, 256 * MIB);
}

int main(void)
{
    const struct moka_hooks *moka = dlsym != NULL ? moka_hooks_find() : NULL;

    if (moka == NULL || moka->pressure == NULL) {
        OK(true, "no hooks here");
        return tap_end();
    }
    pressure = moka->pressure;
    main_thread = pthread_self();
    OK(pressure->size == sizeof(*pressure), "the C library has the hooks");
    test_memory();
    test_files();
    test_thresholds();
    test_numbers();
    test_asked();
    test_remove();
    test_more_than_all();
    test_give();
    return tap_end();
}
