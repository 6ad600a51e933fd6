/* SPDX-License-Identifier: MIT */
/*
 * Application code that takes signals and makes threads as a C library does,
 * but without one.  Compiled as applications are, with vector registers.
 */
#include "app.h"
#include "signal_app.h"
#include "vector.h"

#include <stdatomic.h>

enum {
    NR_SIGACTION = 13,
    NR_SIGPROCMASK = 14,
    NR_SCHED_YIELD = 24,
    NR_PAUSE = 34,
    NR_NANOSLEEP = 35,
    NR_GETPID = 39,
    NR_GETPPID = 110,
    NR_SIGTIMEDWAIT = 128,
    NR_SIGQUEUEINFO = 129,
    NR_SIGSUSPEND = 130,
    NR_SIGALTSTACK = 131,
    NR_GETTID = 186,
    NR_FUTEX = 202,
    NR_CLOCK_GETTIME = 228,
    NR_TGKILL = 234,
};

#define EINTR 4
#define EAGAIN 11
#define SA_SIGINFO 4ull
#define SA_ONSTACK 0x08000000ull
#define SA_RESTART 0x10000000ull
#define SA_RESTORER 0x04000000ull
#define CLONE_THREAD_FLAGS 0x350f00ul /* VM FS FILES SIGHAND THREAD SYSVSEM PARENT CLEARTID */

long app_clone(unsigned long flags, void *stack, u32 *parent_tid, u32 *child_tid,
               long (*fn)(void *arg), void *arg);
void app_restorer(void);
void app_restorer_insn(void);
long app_syscall_insn(long nr, long a0, long a1, long a2);
long app_fault_load(const void *addr);
extern char app_fault_next[];
long signal_app_clone_ns;

struct action {
    u64 handler, flags, restorer, mask;
};
struct info {
    s32 signo, error, code, pad;
    u64 addr, value;
    u8 rest[96];
};
struct context {
    u64 flags, link, stack[3];
    u64 r[16]; /* r8-r15 rdi rsi rbp rbx rdx rax rcx rsp */
    u64 rip, rflags, selectors, error, trap, old_mask, cr2, fpstate, reserved[8];
    u64 mask;
};
struct time {
    s64 sec, nsec;
};

#define WORKERS 4
/* Not in the image: that is the kernel's memory, which no call writes to. */
static struct pool {
    u8 alternate[16384];
    u8 stack[WORKERS][32768] aligned_to(16);
    _Atomic u32 tid[WORKERS];
    _Atomic long result[WORKERS];
    _Atomic bool about[WORKERS]; /* what it calls next is what it sleeps in */
    _Atomic bool stop;
    u32 word;
} * pool;

static struct {
    _Atomic int count;
    struct info info;
    u64 trap, error, cr2, mask, sp, skip;
    int order[8];
    _Atomic int tid;
} seen;

static long call3(long nr, long a, long b, long c)
{
    return app_syscall(nr, a, b, c, 0, 0, 0);
}

static void handler(int signal, struct info *info, struct context *context)
{
    int n = atomic_load(&seen.count);
    u64 sp;

    __asm__ volatile("mov %%rsp, %0" : "=r"(sp));
    /* A handler may use what it likes. */
    __asm__ volatile("pxor %%xmm0, %%xmm0; pxor %%xmm15, %%xmm15; fldz" ::: "xmm0", "xmm15");
    __asm__ volatile("fstp %%st(0)" :::);
    seen.info = *info;
    seen.trap = context->trap;
    seen.error = context->error;
    seen.cr2 = context->cr2;
    seen.mask = context->mask;
    seen.sp = sp;
    if (n < 8) {
        seen.order[n] = signal;
    }
    if (seen.skip != 0) {
        context->rip += seen.skip;
    }
    atomic_store(&seen.count, n + 1);
}

static long install(int signal, u64 flags, void (*restorer)(void))
{
    struct action action = {(u64)handler, flags | SA_SIGINFO | SA_RESTORER, (u64)restorer, 0};

    return app_syscall(NR_SIGACTION, signal, (long)&action, 0, 8, 0, 0);
}

static long map_pool(void)
{
    if (pool == NULL) {
        pool = (struct pool *)app_syscall(9, 0, sizeof(*pool), 3, 0x22, -1, 0);
    }
    pool->word = 5;
    return (s64)pool < 0;
}

static void reset(void)
{
    atomic_store(&seen.count, 0);
    seen.skip = 0;
}

static long raise(int signal)
{
    return call3(NR_TGKILL, call3(NR_GETPID, 0, 0, 0), call3(NR_GETTID, 0, 0, 0), signal);
}

static long set_mask(u64 mask)
{
    return app_syscall(NR_SIGPROCMASK, 2, (long)&mask, 0, 8, 0, 0);
}

long signal_app_self(void)
{
    struct info info = {.code = -1, .value = 77};
    u64 set = 1ull << 39;

    FAIL_IF(map_pool());
    reset();
    FAIL_IF(app_syscall_insn(NR_GETPID, 0, 0, 0) != 1);
    FAIL_IF(install(10, 0, app_restorer) != 0);
    FAIL_IF(raise(10) != 0);
    FAIL_IF(seen.count != 1 || seen.info.signo != 10 || seen.info.code != -6);
    FAIL_IF(install(12, 0, app_restorer_insn) != 0);
    FAIL_IF(raise(12) != 0);
    FAIL_IF(seen.count != 2 || seen.info.signo != 12);
    FAIL_IF(app_syscall_insn(NR_TGKILL, 1, call3(NR_GETTID, 0, 0, 0), 12) != 0);
    FAIL_IF(seen.count != 3);
    /* Blocked ones wait; real-time ones are all kept, in order. */
    FAIL_IF(install(40, 0, app_restorer) != 0 || install(41, 0, app_restorer) != 0);
    FAIL_IF(set_mask(3ull << 39 | 1ull << 9) != 0);
    FAIL_IF(raise(10) != 0 || raise(10) != 0);
    FAIL_IF(call3(NR_SIGQUEUEINFO, 1, 40, (long)&info) != 0);
    info.value = 78;
    FAIL_IF(call3(NR_SIGQUEUEINFO, 1, 40, (long)&info) != 0);
    FAIL_IF(seen.count != 3);
    FAIL_IF(app_syscall(NR_SIGTIMEDWAIT, (long)&set, (long)&info, 0, 8, 0, 0) != 40);
    FAIL_IF(info.value != 77);
    FAIL_IF(set_mask(0) != 0);
    FAIL_IF(seen.count != 5);
    FAIL_IF(seen.mask != 0);
    /* The last one pushed runs first. */
    FAIL_IF(seen.order[3] != 40 || seen.order[4] != 10);
    return 0;
}

static long divide(long a, long b)
{
    long q;

    __asm__ volatile("cqto; idivq %2" : "=a"(q) : "0"(a), "r"(b) : "rdx");
    return q;
}

long signal_app_fault(void)
{
    FAIL_IF(map_pool());
    reset();
    FAIL_IF(install(11, 0, app_restorer) != 0 || install(8, 0, app_restorer) != 0);
    FAIL_IF(install(4, 0, app_restorer) != 0 || install(5, 0, app_restorer) != 0);
    seen.skip = (u64)app_fault_next - (u64)app_fault_load;
    (void)app_fault_load((void *)0x18);
    FAIL_IF(seen.count != 1 || seen.info.signo != 11 || seen.info.code != 1);
    FAIL_IF(seen.info.addr != 0x18 || seen.cr2 != 0x18 || seen.trap != 14 || seen.error != 4);
    (void)app_fault_load((void *)0x8000000000000000ull);
    FAIL_IF(seen.count != 2 || seen.info.code != 0x80 || seen.trap != 13);
    seen.skip = 3; /* idiv %rcx and the like */
    (void)divide(1, 0);
    FAIL_IF(seen.count != 3 || seen.info.signo != 8 || seen.info.code != 1);
    seen.skip = 2;
    __asm__ volatile("ud2");
    FAIL_IF(seen.count != 4 || seen.info.signo != 4 || seen.info.code != 2);
    seen.skip = 0;
    __asm__ volatile("int3");
    FAIL_IF(seen.count != 5 || seen.info.signo != 5);
    return 0;
}

long signal_app_stack(void)
{
    long unmapped = map_pool();
    const struct {
        void *sp;
        u64 flags, size;
    } stack = {pool->alternate, 0, sizeof(pool->alternate)}, off = {NULL, 2, 0};

    FAIL_IF(unmapped);
    reset();
    FAIL_IF(call3(NR_SIGALTSTACK, (long)&stack, 0, 0) != 0);
    FAIL_IF(install(10, SA_ONSTACK, app_restorer) != 0);
    FAIL_IF(raise(10) != 0);
    FAIL_IF(seen.sp < (u64)pool->alternate ||
            seen.sp >= (u64)pool->alternate + sizeof(pool->alternate));
    FAIL_IF(call3(NR_SIGALTSTACK, (long)&off, 0, 0) != 0);
    FAIL_IF(raise(10) != 0);
    FAIL_IF(seen.sp >= (u64)pool->alternate &&
            seen.sp < (u64)pool->alternate + sizeof(pool->alternate));
    return 0;
}

/* ---- Threads ------------------------------------------------------------------------- */

static long spawn(unsigned n, long (*fn)(void *arg))
{
    return app_clone(CLONE_THREAD_FLAGS, pool->stack[n] + sizeof(pool->stack[n]),
                     (u32 *)&pool->tid[n], (u32 *)&pool->tid[n], fn, (void *)(u64)n);
}

static void join(unsigned n)
{
    u32 tid;

    while ((tid = atomic_load(&pool->tid[n])) != 0) {
        app_syscall(NR_FUTEX, (long)&pool->tid[n], 0, tid, 0, 0, 0);
    }
}

static s64 now(void)
{
    struct time t;

    call3(NR_CLOCK_GETTIME, 1, (long)&t, 0);
    return t.sec * 1000000000 + t.nsec;
}

static long say_tid(void *arg)
{
    pool->result[(u64)arg] = call3(NR_GETTID, 0, 0, 0);
    return 0;
}

long signal_app_clone(void)
{
    s64 start = 0;

    FAIL_IF(map_pool());
    for (int i = 0; i < 1000; i++) {
        long tid;

        if (i == 100) {
            start = now();
        }
        tid = spawn(0, say_tid);
        FAIL_IF(tid <= 0);
        join(0);
        FAIL_IF(pool->result[0] != tid);
    }
    signal_app_clone_ns = (now() - start) / 900;
    return 0;
}

/* ---- Sleepers ------------------------------------------------------------------------ */

static void delay(s64 ns)
{
    struct time t = {0, ns};

    call3(NR_NANOSLEEP, (long)&t, 0, 0);
}

/* Until it sleeps in what it is about. */
static void await_sleep(unsigned n)
{
    while (!pool->about[n] || !app_call_kernel(signal_app_is_asleep, (void *)(u64)pool->tid[n])) {
        delay(100000);
    }
}

static long sleep_futex(void *arg)
{
    pool->about[(u64)arg] = true;
    pool->result[(u64)arg] = app_syscall(NR_FUTEX, (long)&pool->word, 0, 5, 0, 0, 0);
    return 0;
}

static long sleep_time(void *arg)
{
    struct time t = {100, 0}, left = {0};
    s64 start = now(), slept;
    long result;

    pool->about[(u64)arg] = true;
    result = call3(NR_NANOSLEEP, (long)&t, (long)&left, 0);
    slept = (now() - start) / 1000000000;
    if (left.sec < 98 - slept || left.sec > 100) {
        result = left.sec;
    }
    pool->result[(u64)arg] = result;
    return 0;
}

static long sleep_suspend(void *arg)
{
    u64 none = 0, all = ~0ull;

    app_syscall(NR_SIGPROCMASK, 2, (long)&all, 0, 8, 0, 0);
    pool->about[(u64)arg] = true;
    pool->result[(u64)arg] = call3(NR_SIGSUSPEND, (long)&none, 8, 0);
    return 0;
}

static long sleep_insn(void *arg)
{
    pool->about[(u64)arg] = true;
    pool->result[(u64)arg] = app_syscall_insn(NR_PAUSE, 0, 0, 0);
    return 0;
}

long signal_app_sleepers(void)
{
    static long (*const sleeper[WORKERS])(void *) = {sleep_futex, sleep_time, sleep_suspend,
                                                     sleep_insn};

    FAIL_IF(map_pool());
    reset();
    FAIL_IF(install(10, 0, app_restorer) != 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        pool->result[i] = 1;
        pool->about[i] = false;
        FAIL_IF(spawn(i, sleeper[i]) <= 0);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        await_sleep(i);
        if (pool->result[i] != 1) {
            return 20000 + i * 1000 + pool->result[i];
        }
        FAIL_IF(call3(NR_TGKILL, 1, pool->tid[i], 10) != 0);
        join(i);
        FAIL_IF(pool->result[i] != -EINTR);
    }
    FAIL_IF(seen.count != WORKERS);
    /* With SA_RESTART a futex is slept on again, also when SYSCALL was the way in. */
    FAIL_IF(install(10, SA_RESTART, app_restorer) != 0);
    pool->result[0] = 1;
    pool->about[0] = false;
    FAIL_IF(spawn(0, sleep_futex) <= 0);
    for (int i = 0; i < 5; i++) {
        await_sleep(0);
        FAIL_IF(call3(NR_TGKILL, 1, pool->tid[0], 10) != 0);
        while (seen.count != WORKERS + i + 1) {
            delay(100000);
        }
    }
    await_sleep(0);
    FAIL_IF(pool->result[0] != 1);
    FAIL_IF(app_syscall(NR_FUTEX, (long)&pool->word, 1, 1, 0, 0, 0) != 1);
    join(0);
    FAIL_IF(pool->result[0] != 0);
    return 0;
}

/* ---- Registers under signals -------------------------------------------------------------- */

static long hold(void *arg)
{
    u64 n = (u64)arg;

    while (!pool->stop) {
        long wrong = vector_hold(n, 3000);

        if (wrong != 0) {
            pool->result[n] = wrong;
        }
    }
    return 0;
}

long signal_app_vectors(void)
{
    FAIL_IF(map_pool());
    reset();
    pool->stop = false;
    FAIL_IF(install(10, 0, app_restorer) != 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        pool->result[i] = 0;
        FAIL_IF(spawn(i, hold) <= 0);
    }
    for (int i = 0; i < 2000 || (seen.count < 100 && i < 1000000); i++) {
        FAIL_IF(call3(NR_TGKILL, 1, pool->tid[i % WORKERS], 10) != 0);
        if (i % 8 == 0) {
            delay(50000);
        }
    }
    pool->stop = true;
    for (unsigned i = 0; i < WORKERS; i++) {
        join(i);
        if (pool->result[i] != 0) {
            return 10000 + pool->result[i];
        }
    }
    FAIL_IF(seen.count < 100);
    return 0;
}

/* ---- Locks with an owner ------------------------------------------------------------------ */

#define LOCK_PI 6
#define UNLOCK_PI 7
#define TRYLOCK_PI 8
#define LOCK_ROUNDS 300

static long futex(int op)
{
    return app_syscall(NR_FUTEX, (long)&pool->word, op, 0, 0, 0, 0);
}

static long count_locked(void *arg)
{
    for (int i = 0; i < LOCK_ROUNDS; i++) {
        long n;

        if (futex(LOCK_PI) != 0) {
            return 1;
        }
        n = pool->result[0];
        app_syscall(NR_SCHED_YIELD, 0, 0, 0, 0, 0, 0);
        pool->result[0] = n + 1;
        if (futex(UNLOCK_PI) != 0) {
            return 1;
        }
    }
    return 0;
}

long signal_app_locks(void)
{
    FAIL_IF(map_pool());
    pool->word = 0;
    pool->result[0] = 0;
    FAIL_IF(futex(UNLOCK_PI) != -1);
    FAIL_IF(futex(TRYLOCK_PI) != 0 || futex(LOCK_PI) != -35);
    FAIL_IF(pool->word != call3(NR_GETTID, 0, 0, 0));
    for (unsigned i = 0; i < WORKERS; i++) {
        FAIL_IF(spawn(i, count_locked) <= 0);
    }
    delay(2000000);
    FAIL_IF(pool->result[0] != 0);
    FAIL_IF(futex(UNLOCK_PI) != 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        join(i);
    }
    FAIL_IF(pool->result[0] != WORKERS * LOCK_ROUNDS || pool->word != 0);
    pool->word = 0x3fffffff;
    FAIL_IF(futex(LOCK_PI) != -3);
    return 0;
}
