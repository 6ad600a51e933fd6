/* SPDX-License-Identifier: MIT */
/* futex(2), all operations: the locks' hand-over, both clocks, requeueing, robust lists, errors. */
#include "tap.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PRIVATE FUTEX_PRIVATE_FLAG
#define LOCK_PI2 13
#define GAP (20 * 1000 * 1000L) /* ns */

static long futex(void *addr, int op, uint32_t value, const void *timeout, void *addr2,
                  uint32_t value3)
{
    return syscall(SYS_futex, addr, op, value, timeout, addr2, value3);
}
static long counts(void *addr, int op, uint32_t wake, long move, void *addr2, uint32_t value3)
{
    return futex(addr, op, wake, (const void *)move, addr2, value3);
}

static struct timespec from_now(clockid_t clock, long ns)
{
    struct timespec at;

    clock_gettime(clock, &at);
    at.tv_nsec += ns;
    while (at.tv_nsec >= 1000000000) {
        at.tv_nsec -= 1000000000;
        at.tv_sec++;
    }
    while (at.tv_nsec < 0) {
        at.tv_nsec += 1000000000;
        at.tv_sec--;
    }
    return at;
}

static long since(struct timespec start)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - start.tv_sec) * 1000000000 + now.tv_nsec - start.tv_nsec;
}

static void test_errors(void)
{
    uint32_t word = 5;
    struct timespec bad = {0, 1000000000}, negative = {-1, 0}, zero = {0, 0};
    void *nowhere = (void *)0x10000;

    FAILS(futex(&word, FUTEX_WAIT, 4, NULL, NULL, 0), EAGAIN, "wait: another value");
    FAILS(futex((char *)&word + 1, FUTEX_WAIT, 5, NULL, NULL, 0), EINVAL, "wait: odd address");
    FAILS(futex(nowhere, FUTEX_WAIT | PRIVATE, 5, NULL, NULL, 0), EFAULT, "wait: nothing there");
    FAILS(futex(&word, FUTEX_WAIT, 5, &bad, NULL, 0), EINVAL, "wait: bad time-out");
    FAILS(futex(&word, FUTEX_WAIT, 5, &negative, NULL, 0), EINVAL, "wait: negative time-out");
    FAILS(futex(&word, FUTEX_WAIT, 5, (void *)8, NULL, 0), EFAULT, "wait: time-out from nowhere");
    FAILS(futex(&word, FUTEX_WAIT, 4, &bad, NULL, 0), EINVAL,
          "wait: the time-out is looked at first");
    FAILS(futex(&word, FUTEX_WAIT, 5, &zero, NULL, 0), ETIMEDOUT, "wait: no time");
    FAILS(futex(&word, FUTEX_WAIT_BITSET, 5, NULL, NULL, 0), EINVAL, "wait: no bits");
    FAILS(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), EINVAL, "wake: no bits");
    FAILS(futex((char *)&word + 2, FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL, "wake: odd address");
    OK(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0) == 0, "wake: nobody");
    FAILS(futex(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0), ENOSYS,
          "wake: a clock");
    FAILS(futex(&word, 99, 1, NULL, NULL, 0), ENOSYS, "unknown operation");
    FAILS(futex(&word, FUTEX_FD, 1, NULL, NULL, 0), ENOSYS, "FUTEX_FD");
    FAILS(counts(&word, FUTEX_REQUEUE, -1, 1, &word, 0), EINVAL, "requeue: negative count");
    FAILS(counts(&word, FUTEX_CMP_REQUEUE, 1, -1, &word, 5), EINVAL, "requeue: negative limit");
    FAILS(counts(&word, FUTEX_CMP_REQUEUE, 1, 1, &word, 4), EAGAIN, "requeue: another value");
    FAILS(counts(&word, FUTEX_CMP_REQUEUE, 1, 1, nowhere, 5), EFAULT,
          "requeue: shared, to nowhere");
    FAILS(counts(&word, FUTEX_WAKE_OP, 1, 1, nowhere, 0), EFAULT, "wake_op: nothing there");
    FAILS(counts(&word, FUTEX_WAKE_OP, 1, 1, &word, 0x7u << 28), ENOSYS,
          "wake_op: unknown operation");
}

static void test_clocks(void)
{
    uint32_t word = 1;
    struct timespec start, until, past, gap = {0, GAP};

    clock_gettime(CLOCK_MONOTONIC, &start);
    FAILS(futex(&word, FUTEX_WAIT, 1, &gap, NULL, 0), ETIMEDOUT, "wait: relative");
    OK(since(start) >= GAP, "wait: for so long");
    clock_gettime(CLOCK_MONOTONIC, &start);
    until = from_now(CLOCK_MONOTONIC, GAP);
    FAILS(futex(&word, FUTEX_WAIT_BITSET, 1, &until, NULL, ~0u), ETIMEDOUT,
          "wait: until, monotonic");
    OK(since(start) >= GAP, "wait: until then");
    clock_gettime(CLOCK_MONOTONIC, &start);
    until = from_now(CLOCK_REALTIME, GAP);
    FAILS(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 1, &until, NULL, ~0u), ETIMEDOUT,
          "wait: until, wall clock");
    OK(since(start) >= GAP - 1000000, "wait: until then");
    past = from_now(CLOCK_MONOTONIC, -GAP);
    FAILS(futex(&word, FUTEX_WAIT_BITSET, 1, &past, NULL, ~0u), ETIMEDOUT, "wait: it is over");
    FAILS(futex(&word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 1, &gap, NULL, 0), ENOSYS,
          "wait: relative, wall clock");
}

/* ---- Threads that wait ---------------------------------------------------------------- */

struct waiter {
    pthread_t thread;
    uint32_t *word, *pi;
    int op;
    uint32_t value, bits;
    const struct timespec *timeout;
    _Atomic int tid;
    _Atomic int done;
    long result;
    int error;
};

static void *wait_thread(void *arg)
{
    struct waiter *w = arg;

    atomic_store(&w->tid, (int)syscall(SYS_gettid));
    errno = 0;
    w->result = futex(w->word, w->op, w->value, w->timeout, w->pi, w->bits);
    w->error = errno;
    atomic_store(&w->done, 1);
    return NULL;
}

static void start(struct waiter *w)
{
    pthread_create(&w->thread, NULL, wait_thread, w);
    while (atomic_load(&w->tid) == 0) {
        sched_yield();
    }
    tap_until_asleep(atomic_load(&w->tid));
}

static void test_bits(void)
{
    uint32_t word = 0, other = 0;
    struct waiter w[3] = {{.word = &word, .op = FUTEX_WAIT_BITSET, .bits = 1},
                          {.word = &word, .op = FUTEX_WAIT_BITSET, .bits = 2},
                          {.word = &word, .op = FUTEX_WAIT_BITSET, .bits = 4}};

    for (int i = 0; i < 3; i++) {
        start(&w[i]);
    }
    OK(futex(&word, FUTEX_WAKE_BITSET, 9, NULL, NULL, 8) == 0, "bitset: nobody's");
    OK(futex(&word, FUTEX_WAKE_BITSET, 9, NULL, NULL, 2) == 1, "bitset: one's");
    pthread_join(w[1].thread, NULL);
    OK(w[1].result == 0 && !w[0].done && !w[2].done, "bitset: this one's");
    OK(counts(&word, FUTEX_CMP_REQUEUE, 1, 5, &other, 0) == 2, "requeue: one woken, one moved");
    pthread_join(w[0].thread, NULL);
    OK(w[0].done && !w[2].done, "requeue: the first was woken");
    OK(futex(&word, FUTEX_WAKE, 9, NULL, NULL, 0) == 0 &&
           futex(&other, FUTEX_WAKE, 9, NULL, NULL, 0) == 1,
       "requeue: the second waits there");
    pthread_join(w[2].thread, NULL);
}

static void test_wake_op(void)
{
    uint32_t one = 0, two = 7;
    struct waiter w[2] = {{.word = &one, .op = FUTEX_WAIT},
                          {.word = &two, .op = FUTEX_WAIT, .value = 7}};

    start(&w[0]);
    start(&w[1]);
    OK(counts(&one, FUTEX_WAKE_OP, 1, 1, &two, FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_GT, 7)) ==
               1 &&
           two == 12,
       "wake_op: added, the comparison fails");
    OK(counts(&one, FUTEX_WAKE_OP, 1, 1, &two,
              FUTEX_OP((FUTEX_OP_OR + 8), 4, FUTEX_OP_CMP_EQ, 12)) == 1 &&
           two == 28,
       "wake_op: a shifted bit, the comparison holds");
    pthread_join(w[0].thread, NULL);
    pthread_join(w[1].thread, NULL);
    OK(w[0].result == 0 && w[1].result == 0, "wake_op: both are awake");
}

/* ---- Locks with an owner ------------------------------------------------------------------ */

static void test_pi(void)
{
    uint32_t lock = 0, self = (uint32_t)syscall(SYS_gettid), dead;
    struct timespec until = from_now(CLOCK_REALTIME, GAP);
    struct waiter w = {.word = &lock, .op = FUTEX_LOCK_PI},
                  late = {.word = &lock, .op = FUTEX_LOCK_PI, .timeout = &until},
                  try = {.word = &lock, .op = FUTEX_TRYLOCK_PI},
                  thief = {.word = &lock, .op = FUTEX_UNLOCK_PI};

    OK(futex(&lock, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0 && lock == self, "pi: taken");
    FAILS(futex(&lock, FUTEX_LOCK_PI, 0, NULL, NULL, 0), EDEADLK, "pi: taken already");
    FAILS(futex(&lock, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), EDEADLK, "pi: tried");
    start(&try);
    pthread_join(try.thread, NULL);
    OK(try.result == -1 && try.error == EAGAIN, "pi: tried by another");
    start(&late);
    pthread_join(late.thread, NULL);
    OK(late.result == -1 && late.error == ETIMEDOUT, "pi: time-out on the wall clock");
    start(&w);
    OK(lock == (self | FUTEX_WAITERS), "pi: somebody waits");
    start(&thief);
    pthread_join(thief.thread, NULL);
    OK(thief.result == -1 && thief.error == EPERM, "pi: not the owner");
    OK(futex(&lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0, "pi: released");
    pthread_join(w.thread, NULL);
    OK(w.result == 0 && (lock & FUTEX_TID_MASK) == (uint32_t)w.tid, "pi: handed over");
    dead = lock;
    OK(futex(&lock, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == -1 && errno == ESRCH &&
           (lock | FUTEX_WAITERS) == (dead | FUTEX_WAITERS),
       "pi: the owner is no more");
    lock = FUTEX_OWNER_DIED;
    OK(futex(&lock, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0 && (lock & FUTEX_TID_MASK) == self,
       "pi: taken from the dead");
    OK(futex(&lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0 && (lock & FUTEX_TID_MASK) == 0,
       "pi: free");
    FAILS(futex(&lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), EPERM, "pi: released twice");
    until = from_now(CLOCK_MONOTONIC, GAP);
    OK(futex(&lock, LOCK_PI2, 0, &until, NULL, 0) == 0, "pi: FUTEX_LOCK_PI2");
    futex(&lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
}

static void test_requeue_pi(void)
{
    static uint32_t cond, lock;
    uint32_t self = (uint32_t)syscall(SYS_gettid);
    struct timespec until = from_now(CLOCK_MONOTONIC, GAP);
    struct waiter w[3], late;

    FAILS(futex(&cond, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &cond, 0), EINVAL, "requeue_pi: the same");
    FAILS(futex(&cond, FUTEX_WAIT_REQUEUE_PI, 1, NULL, &lock, 0), EAGAIN,
          "requeue_pi: another value");
    late =
        (struct waiter){.word = &cond, .pi = &lock, .op = FUTEX_WAIT_REQUEUE_PI, .timeout = &until};
    start(&late);
    pthread_join(late.thread, NULL);
    OK(late.result == -1 && late.error == ETIMEDOUT && lock == 0, "requeue_pi: time-out");
    for (int i = 0; i < 3; i++) {
        w[i] = (struct waiter){.word = &cond, .pi = &lock, .op = FUTEX_WAIT_REQUEUE_PI};
        start(&w[i]);
    }
    FAILS(counts(&cond, FUTEX_CMP_REQUEUE_PI, 2, 9, &lock, 0), EINVAL,
          "requeue_pi: wakes one only");
    FAILS(counts(&cond, FUTEX_CMP_REQUEUE_PI, 1, 9, &cond, 0), EINVAL, "requeue_pi: onto itself");
    FAILS(counts(&cond, FUTEX_CMP_REQUEUE_PI, 1, 9, &lock, 3), EAGAIN, "requeue_pi: another value");
    FAILS(counts(&cond, FUTEX_CMP_REQUEUE_PI, 1, 9, &w[0].value, 0), EINVAL,
          "requeue_pi: not where they said");
    FAILS(counts(&cond, FUTEX_CMP_REQUEUE, 1, 9, &lock, 0), EINVAL,
          "requeue: but they wait for a lock");
    OK(futex(&lock, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0, "requeue_pi: the lock is taken");
    OK(counts(&cond, FUTEX_CMP_REQUEUE_PI, 1, 9, &lock, 0) == 3, "requeue_pi: all are moved");
    OK(!w[0].done && !w[1].done && !w[2].done && lock == (self | FUTEX_WAITERS),
       "requeue_pi: none has it");
    OK(futex(&lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0, "requeue_pi: given on");
    for (int i = 0; i < 3; i++) {
        pthread_join(w[i].thread, NULL);
    }
    /* Each thread ends with the lock held, and so hands it on. */
    printf("# %x %x\n", lock, w[2].tid);
    OK(w[0].result == 0 && w[1].result == 0 && w[2].result == 0, "requeue_pi: all had it");
    OK((lock & FUTEX_TID_MASK) == (uint32_t)w[2].tid && (lock & FUTEX_OWNER_DIED) != 0,
       "requeue_pi: the last one from a dead one");
}

/* The lock is free: the first waiter gets it by the requeueing itself. */
static void test_requeue_pi_free(void)
{
    static uint32_t cond, lock;
    struct waiter w = {.word = &cond, .pi = &lock, .op = FUTEX_WAIT_REQUEUE_PI};

    start(&w);
    OK(counts(&cond, FUTEX_CMP_REQUEUE_PI, 1, 0, &lock, 0) == 1, "requeue_pi: one, to a free lock");
    pthread_join(w.thread, NULL);
    OK(w.result == 0 && (lock & FUTEX_TID_MASK) == (uint32_t)w.tid, "requeue_pi: it has the lock");
}

/* ---- The end of a thread -------------------------------------------------------------------- */

struct node {
    struct robust_list list;
    uint32_t lock;
};
static struct node held, waited, pending, pi_held;
static struct robust_list_head head;

static void *die(void *arg)
{
    uint32_t self = (uint32_t)syscall(SYS_gettid);

    head.list.next = &held.list;
    held.list.next = &waited.list;
    waited.list.next = &head.list;
    head.futex_offset = (long)((char *)&held.lock - (char *)&held.list);
    head.list_op_pending = &pending.list;
    held.lock = pending.lock = self;
    waited.lock = self | FUTEX_WAITERS;
    syscall(SYS_set_robust_list, &head, sizeof(head));
    tap_until_asleep(*(int *)arg);
    syscall(SYS_exit, 0);
    return NULL;
}

static void *wait_for_dead(void *arg)
{
    struct waiter *w = arg;

    atomic_store(&w->tid, (int)syscall(SYS_gettid));
    while (waited.lock == 0) {
        sched_yield();
    }
    w->result = futex(&waited.lock, FUTEX_WAIT, waited.lock, NULL, NULL, 0);
    return NULL;
}

static void test_robust(void)
{
    struct robust_list_head *got;
    struct waiter w = {0};
    pthread_t thread;
    size_t size;
    int tid;

    FAILS(syscall(SYS_set_robust_list, &head, 5), EINVAL, "robust: bad size");
    OK(syscall(SYS_get_robust_list, 0, &got, &size) == 0 && size == sizeof(head), "robust: got");
    FAILS(syscall(SYS_get_robust_list, 4000000, &got, &size), ESRCH, "robust: no such thread");
    FAILS(syscall(SYS_get_robust_list, 0, (void *)8, &size), EFAULT, "robust: nowhere");
    pthread_create(&w.thread, NULL, wait_for_dead, &w);
    while ((tid = atomic_load(&w.tid)) == 0) {
        sched_yield();
    }
    pthread_create(&thread, NULL, die, &tid);
    pthread_join(w.thread, NULL);
    OK(w.result == 0 || errno == EAGAIN, "robust: the waiter is woken");
    while ((*(volatile uint32_t *)&pending.lock & FUTEX_OWNER_DIED) == 0) {
        usleep(1000);
    }
    OK(held.lock == FUTEX_OWNER_DIED && waited.lock == (FUTEX_OWNER_DIED | FUTEX_WAITERS) &&
           pending.lock == FUTEX_OWNER_DIED,
       "robust: all locks are marked");
}

static void *lock_and_die(void *arg)
{
    head.list.next = (struct robust_list *)((uintptr_t)&pi_held.list | 1);
    pi_held.list.next = &head.list;
    head.list_op_pending = NULL;
    syscall(SYS_set_robust_list, &head, sizeof(head));
    futex(&pi_held.lock, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
    while ((*(volatile uint32_t *)&pi_held.lock & FUTEX_WAITERS) == 0) {
        usleep(1000);
    }
    syscall(SYS_exit, 0);
    return NULL;
}

static void test_robust_pi(void)
{
    uint32_t self = (uint32_t)syscall(SYS_gettid);
    pthread_t thread;

    pi_held.lock = 0;
    pthread_create(&thread, NULL, lock_and_die, NULL);
    while (*(volatile uint32_t *)&pi_held.lock == 0) {
        usleep(1000);
    }
    OK(futex(&pi_held.lock, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0 &&
           (pi_held.lock & ~FUTEX_WAITERS) == (self | FUTEX_OWNER_DIED),
       "robust: a lock with an owner goes to the waiter, marked");
}

static void test_mutexes(void)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t mutex;
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    struct timespec until = from_now(CLOCK_REALTIME, GAP);

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    OK(pthread_mutex_init(&mutex, &attr) == 0 && pthread_mutex_lock(&mutex) == 0,
       "a mutex that inherits");
    OK(pthread_mutex_lock(&mutex) == EDEADLK, "it is taken");
    OK(pthread_cond_timedwait(&cond, &mutex, &until) == ETIMEDOUT &&
           pthread_mutex_unlock(&mutex) == 0,
       "a condition with it");
}

int main(void)
{
    alarm(60);
    test_errors();
    test_clocks();
    test_bits();
    test_wake_op();
    test_pi();
    test_requeue_pi();
    test_requeue_pi_free();
    test_robust();
    test_robust_pi();
    test_mutexes();
    return tap_end();
}
