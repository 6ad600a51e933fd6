/* SPDX-License-Identifier: MIT */
/*
 * The hooks on the scheduling of a collector's threads: roles by name and by
 * call, every error, times, and that no thread with a collector's name keeps
 * others from running.  On a kernel without hooks there is nothing to test.
 */
#include "hooks.h"
#include "tap.h"

#include <errno.h>
#include <moka/role.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const struct moka_role_hooks *roles;
static bool on_linux; /* by the library for it, where names give no roles */

static void name(const char *as)
{
    tap_need(prctl(PR_SET_NAME, as) == 0, "prctl");
}

static int role_as(const char *as)
{
    name(as);
    return roles->get(0);
}

static void test_names(void)
{
    static const struct {
        const char *name;
        int role;
    } names[] = {
        {"GC Thread#12", MOKA_ROLE_GC_PAUSE},    {"G1 Conc#0", MOKA_ROLE_GC_CONCURRENT},
        {"ZWorker#1", MOKA_ROLE_GC_CONCURRENT},  {"Shenandoah GC T", MOKA_ROLE_GC_CONCURRENT},
        {"C2 CompilerThre", MOKA_ROLE_COMPILER}, {"VM Thread", MOKA_ROLE_VM},
        {"VM Periodic Tas", MOKA_ROLE_NONE},     {"something", MOKA_ROLE_NONE},
    };

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        OK(role_as(names[i].name) == names[i].role, names[i].name);
    }
}

static void test_calls(void)
{
    OK(roles->set(0, MOKA_ROLE_COMPILER) == 0 && roles->get(0) == MOKA_ROLE_COMPILER, "by a call");
    OK(role_as("GC Thread#0") == MOKA_ROLE_COMPILER, "which names do not change");
    OK(roles->get(getpid()) == MOKA_ROLE_COMPILER, "a thread by its number");
    OK(roles->set(0, MOKA_ROLES) == -EINVAL && roles->set(0, -2) == -EINVAL, "no such role");
    OK(roles->set(4000000, MOKA_ROLE_VM) == -ESRCH && roles->get(4000000) == -ESRCH &&
           roles->get(-1) == -ESRCH,
       "no such thread");
    OK(roles->by_name(2) == -EINVAL, "names: neither on nor off");
    OK(roles->set(0, MOKA_ROLE_BY_NAME) == 0 &&
           roles->get(0) == (on_linux ? MOKA_ROLE_NONE : MOKA_ROLE_GC_PAUSE),
       "by name again");
    name("main");
}

static void test_by_name(void)
{
    name("GC Thread#0");
    OK(roles->by_name(0) == 1 && roles->get(0) == MOKA_ROLE_NONE, "names turned off");
    OK(roles->by_name(-1) == 0, "asked");
    OK(roles->by_name(1) == 0 && roles->get(0) == MOKA_ROLE_GC_PAUSE, "names turned on");
    name("main");
}

/* ---- Other threads ----------------------------------------------------------------------- */

static atomic_bool stop;

static void *take_names(void *arg)
{
    int *seen = arg;

    seen[0] = roles->get(0);
    seen[1] = role_as("GC Thread#0");
    seen[2] = role_as("C1 CompilerThre");
    seen[3] = role_as("VM Thread");
    return NULL;
}

static void run(void *(*fn)(void *), void *arg)
{
    pthread_t thread;

    tap_need(pthread_create(&thread, NULL, fn, arg) == 0 && pthread_join(thread, NULL) == 0,
             "a thread");
}

static void *be_vm_thread(void *arg)
{
    name("VM Thread");
    run(take_names, arg);
    return NULL;
}

static void *find_vm_thread(void *arg)
{
    (void)arg;
    name("VM Thread");
    while (!atomic_load(&stop)) {
        usleep(1000);
    }
    return NULL;
}

static void test_threads(void)
{
    int seen[4];
    pthread_t vm;

    run(be_vm_thread, seen);
    OK(seen[0] == MOKA_ROLE_MUTATOR && seen[1] == MOKA_ROLE_GC_PAUSE &&
           seen[2] == MOKA_ROLE_COMPILER && seen[3] == MOKA_ROLE_MUTATOR,
       "what the VM thread has started may be a collector's");
    atomic_store(&stop, false);
    tap_need(pthread_create(&vm, NULL, find_vm_thread, NULL) == 0, "a VM thread");
    while (roles->get(0) != MOKA_ROLE_MUTATOR) {
        sched_yield();
    }
    run(take_names, seen);
    OK(seen[0] == MOKA_ROLE_MUTATOR && seen[1] == MOKA_ROLE_MUTATOR &&
           seen[2] == MOKA_ROLE_COMPILER && seen[3] == MOKA_ROLE_MUTATOR,
       "what a mutator has started may not");
    atomic_store(&stop, true);
    tap_need(pthread_join(vm, NULL) == 0, "its end");
    OK(roles->get(0) == MOKA_ROLE_NONE, "without a VM thread there are no mutators");
}

/* ---- Pauses ------------------------------------------------------------------------------- */

static void *conduct(void *arg)
{
    int *seen = arg;

    seen[0] = roles->pause_begin(MOKA_PAUSE_REACHING);
    seen[1] = roles->pause_end();
    return NULL;
}

static void *leave_open(void *arg)
{
    *(int *)arg = roles->pause_begin(MOKA_PAUSE_STOPPED);
    return NULL;
}

static void test_pauses(void)
{
    int seen[2];

    OK(roles->pause_begin(0) == -EINVAL && roles->pause_begin(3) == -EINVAL, "no such phase");
    OK(roles->pause_end() == -EPERM, "no pause");
    OK(roles->pause_begin(MOKA_PAUSE_REACHING) == 0 && roles->pause_begin(MOKA_PAUSE_STOPPED) == 0,
       "a pause");
    run(conduct, seen);
    OK(seen[0] == -EBUSY && seen[1] == -EPERM, "one at a time");
    OK(roles->pause_end() == 0 && roles->pause_end() == -EPERM, "its end");
    run(leave_open, seen);
    OK(seen[0] == 0 && roles->pause_begin(MOKA_PAUSE_STOPPED) == 0 && roles->pause_end() == 0,
       "a pause ends with its thread");
}

/* ---- Turns ---------------------------------------------------------------------------------- */

#define MUTATORS 12

static atomic_uint polled;
static atomic_bool asked;
static uint64_t most;

/* Runs until it is asked to stop. */
static void *mutate(void *arg)
{
    (void)arg;
    while (!atomic_load_explicit(&asked, memory_order_relaxed)) {
    }
    atomic_fetch_add(&polled, 1);
    return NULL;
}

static void *stop_all(void *arg)
{
    const struct timespec short_sleep = {0, 10000};
    unsigned *sleeps = arg;

    tap_need(roles->pause_begin(MOKA_PAUSE_REACHING) == 0, "pause_begin");
    atomic_store(&asked, true);
    while (atomic_load(&polled) != MUTATORS) {
        nanosleep(&short_sleep, NULL);
        ++*sleeps;
    }
    tap_need(roles->pause_begin(MOKA_PAUSE_STOPPED) == 0 && roles->pause_end() == 0, "pause_end");
    return NULL;
}

static void test_turns(void)
{
    pthread_t threads[MUTATORS];
    unsigned sleeps = 0;

    for (unsigned i = 0; i < MUTATORS; i++) {
        tap_need(pthread_create(&threads[i], NULL, mutate, NULL) == 0, "a mutator");
    }
    run(stop_all, &sleeps);
    for (unsigned i = 0; i < MUTATORS; i++) {
        tap_need(pthread_join(threads[i], NULL) == 0, "its end");
    }
    printf("# %u sleeps\n", sleeps);
    OK(atomic_load(&polled) == MUTATORS, "all mutators have stopped");
}

/* ---- Bounds and times ----------------------------------------------------------------------- */

static atomic_ulong counted;

static void *hog(void *arg)
{
    (void)arg;
    name("GC Thread#7");
    if (on_linux) {
        roles->set(0, MOKA_ROLE_GC_PAUSE);
    }
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
    }
    return NULL;
}

static void *count(void *arg)
{
    (void)arg;
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        atomic_fetch_add_explicit(&counted, 1, memory_order_relaxed);
    }
    return NULL;
}

/* As many hogs as CPUs; the sleep here, and the counter, end all the same. */
static void test_bound(void)
{
    struct moka_role_times times[MOKA_ROLES] = {0};
    unsigned cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    pthread_t hogs[64], counter;
    unsigned long before;

    cpus = cpus < 64 ? cpus : 64;
    atomic_store(&stop, false);
    for (unsigned i = 0; i < cpus; i++) {
        tap_need(pthread_create(&hogs[i], NULL, hog, NULL) == 0, "a hog");
    }
    tap_need(pthread_create(&counter, NULL, count, NULL) == 0, "a counter");
    while (atomic_load(&counted) == 0) {
        usleep(1000);
    }
    before = atomic_load(&counted);
    usleep(300000);
    while (atomic_load(&counted) == before) {
        usleep(1000);
    }
    OK(true, "hogs with a collector's name leave time to others");
    OK(roles->times(times, MOKA_ROLES) == MOKA_ROLES && times[MOKA_ROLE_GC_PAUSE].threads == cpus,
       "so many threads have the role");
    while (times[MOKA_ROLE_GC_PAUSE].running < 100000000 || times[MOKA_ROLE_NONE].waiting == 0) {
        usleep(1000);
        roles->times(times, MOKA_ROLES);
    }
    most = times[MOKA_ROLE_GC_PAUSE].running;
    OK(true, "they ran, and others waited");
    atomic_store(&stop, true);
    for (unsigned i = 0; i < cpus; i++) {
        tap_need(pthread_join(hogs[i], NULL) == 0, "its end");
    }
    tap_need(pthread_join(counter, NULL) == 0, "its end");
}

static void test_times(void)
{
    struct moka_role_times times[MOKA_ROLES] = {0};

    OK(roles->times(times, MOKA_ROLES) == MOKA_ROLES && times[MOKA_ROLE_NONE].threads == 1 &&
           times[MOKA_ROLE_GC_PAUSE].threads == 0 &&
           (times[MOKA_ROLE_GC_PAUSE].running >= most || on_linux),
       "the time of threads that have ended stays");
    times[1].threads = 77;
    OK(roles->times(times, 1) == MOKA_ROLES && times[1].threads == 77, "as many as asked for");
    OK(roles->times(NULL, 0) == MOKA_ROLES && roles->times(NULL, 1) == -EFAULT &&
           (on_linux || roles->times((void *)0x7f800000, 1) == -EFAULT),
       "no place for them");
}

int main(void)
{
    const struct moka_hooks *moka = dlsym != NULL ? moka_hooks_find() : NULL;

    if (moka == NULL || moka->role == NULL) {
        OK(true, "no hooks here");
        return tap_end();
    }
    roles = moka->role;
    OK(roles->size == sizeof(*roles), "the C library has the hooks");
    on_linux = hooks_for_linux(moka);
    test_calls();
    if (!on_linux) {
        test_names();
        test_by_name();
        test_threads();
    }
    test_pauses();
    test_turns();
    test_bound();
    test_times();
    return tap_end();
}
