/* SPDX-License-Identifier: MIT */
/*
 * Signals: handlers that change where they return to, as a JVM's do, stacks
 * of their own, vector registers, interrupted calls, masks, timers.
 */
#include "tap.h"

#include <immintrin.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile sig_atomic_t count, on_stack;
static void *volatile fault_address;
static char alt_stack[65536];

static void set(int signal, void (*fn)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = {.sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags};

    tap_need(sigaction(signal, &action, NULL) == 0, "sigaction");
}

static void count_it(int signal, siginfo_t *info, void *context)
{
    char here;

    count++;
    on_stack = &here >= alt_stack && &here < alt_stack + sizeof(alt_stack);
}

/* Skips the instruction: its length is in rbx, by agreement with load_skipped(). */
static void skip(int signal, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;

    count++;
    fault_address = info->si_addr;
    uc->uc_mcontext.gregs[REG_RIP] += uc->uc_mcontext.gregs[REG_RBX];
    uc->uc_mcontext.gregs[REG_RAX] = 77;
    /* A handler may use vector registers. */
    __asm__ volatile("pcmpeqb %%xmm0, %%xmm0; pcmpeqb %%xmm7, %%xmm7" ::: "xmm0", "xmm7");
}

/* mov (%rcx), %rax is three bytes. */
static long load_skipped(long address)
{
    long result;

    __asm__ volatile("mov (%%rcx), %%rax" : "=a"(result) : "c"(address), "b"(3) : "memory");
    return result;
}

static void test_fault(void)
{
    count = 0;
    set(SIGSEGV, skip, 0);
    OK(load_skipped(0) == 77 && count == 1, "a SIGSEGV handler edits RIP and RAX");
    OK(fault_address == (void *)0, "si_addr 0");
    OK(load_skipped(0x123456) == 77 && fault_address == (void *)0x123456, "si_addr elsewhere");
    OK(load_skipped(1L << 62) == 77 && count == 3, "a non-canonical address");
}

__attribute__((target("avx"))) static bool avx_survives(void)
{
    uint32_t in[8] = {1, 2, 3, 4, 5, 6, 7, 8}, out[8];

    __asm__ volatile("vmovups %1, %%ymm7\n"
                     "mov $8, %%ecx\n"
                     "mov $3, %%ebx\n"
                     "mov (%%rcx), %%rax\n"
                     "vmovups %%ymm7, %0"
                     : "=m"(out)
                     : "m"(in)
                     : "rax", "rbx", "rcx", "xmm7", "memory");
    return memcmp(in, out, sizeof(in)) == 0;
}

static void test_vectors(void)
{
    set(SIGSEGV, skip, 0);
    if (__builtin_cpu_supports("avx")) {
        OK(avx_survives(), "AVX registers survive a handler");
    } else {
        OK(true, "AVX registers survive a handler # SKIP no AVX");
    }
}

static void test_alt_stack(void)
{
    stack_t stack = {.ss_sp = alt_stack, .ss_size = sizeof(alt_stack)}, old;

    OK(sigaltstack(&stack, NULL) == 0 && sigaltstack(NULL, &old) == 0 && old.ss_sp == alt_stack &&
           old.ss_flags == 0,
       "sigaltstack");
    set(SIGUSR1, count_it, SA_ONSTACK);
    raise(SIGUSR1);
    OK(on_stack == 1, "a handler on its own stack");
    set(SIGUSR1, count_it, 0);
    raise(SIGUSR1);
    OK(on_stack == 0, "and on the usual one");
}

static void test_masks(void)
{
    sigset_t one, old, pending;

    count = 0;
    set(SIGUSR1, count_it, 0);
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    OK(sigprocmask(SIG_BLOCK, &one, &old) == 0 && !sigismember(&old, SIGUSR1), "block");
    raise(SIGUSR1);
    raise(SIGUSR1);
    OK(count == 0 && sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1), "is pending");
    OK(sigprocmask(SIG_SETMASK, &old, NULL) == 0 && count == 1, "comes once");
    sigprocmask(SIG_BLOCK, &one, NULL);
    raise(SIGUSR1);
    OK(sigsuspend(&old) == -1 && errno == EINTR && count == 2, "sigsuspend");
    raise(SIGUSR1);
    OK(sigwaitinfo(&one, NULL) == SIGUSR1 && count == 2, "sigwaitinfo takes it");
    sigprocmask(SIG_SETMASK, &old, NULL);
    signal(SIGUSR1, SIG_IGN);
    OK(raise(SIGUSR1) == 0, "an ignored one");
    FAILS(sigaction(SIGKILL, &(struct sigaction){0}, NULL), EINVAL, "SIGKILL has no handler");
}

static pthread_t main_thread;
static int main_tid, pipe_fd[2];
static _Atomic bool returned;

/* Again and again, for that it sleeps does not say where: until it has returned. */
static void *interrupt(void *arg)
{
    while (!returned) {
        tap_until_asleep(main_tid);
        pthread_kill(main_thread, SIGUSR2);
        usleep(20000);
    }
    return NULL;
}

static void *interrupt_then_write(void *arg)
{
    while (count < 3) {
        tap_until_asleep(main_tid);
        pthread_kill(main_thread, SIGUSR2);
        usleep(20000);
    }
    tap_until_asleep(main_tid);
    (void)!write(pipe_fd[1], "x", 1);
    return NULL;
}

static long now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000 + time.tv_nsec;
}

static void test_interrupted(void)
{
    struct timespec time = {1000, 0}, left = {0};
    pthread_t thread;
    long start, rest;
    char byte;

    tap_need(pipe(pipe_fd) == 0, "pipe");
    main_thread = pthread_self();
    main_tid = (int)syscall(SYS_gettid);
    set(SIGUSR2, count_it, 0);
    returned = false;
    pthread_create(&thread, NULL, interrupt, NULL);
    rest = read(pipe_fd[0], &byte, 1);
    returned = true;
    OK(rest == -1 && errno == EINTR, "read is interrupted");
    pthread_join(thread, NULL);
    returned = false;
    start = now();
    pthread_create(&thread, NULL, interrupt, NULL);
    rest = nanosleep(&time, &left);
    returned = true;
    OK(rest == -1 && errno == EINTR, "nanosleep too");
    rest = left.tv_sec * 1000000000 + left.tv_nsec;
    /* Linux counts its timer slack in, 50 us. */
    OK(rest < 1000000000000 + 50001 && rest >= 1000000000000 - (now() - start),
       "and tells what is left");
    pthread_join(thread, NULL);
    set(SIGUSR2, count_it, SA_RESTART);
    count = 0;
    pthread_create(&thread, NULL, interrupt_then_write, NULL);
    OK(read(pipe_fd[0], &byte, 1) == 1 && byte == 'x' && count >= 3, "SA_RESTART starts it again");
    pthread_join(thread, NULL);
    close(pipe_fd[0]);
    signal(SIGPIPE, SIG_IGN);
    FAILS(write(pipe_fd[1], "x", 1), EPIPE, "EPIPE");
    close(pipe_fd[1]);
}

static void test_timers(void)
{
    struct itimerval every = {{0, 2000}, {0, 2000}}, off = {{0, 0}, {0, 0}};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 3};
    struct itimerspec once = {{0, 0}, {0, 3000000}};
    timer_t timer;

    count = 0;
    set(SIGALRM, count_it, 0);
    OK(setitimer(ITIMER_REAL, &every, NULL) == 0, "setitimer");
    while (count < 5) {
        pause();
    }
    OK(setitimer(ITIMER_REAL, &off, NULL) == 0, "comes again and again");
    count = 0;
    set(SIGRTMIN + 3, count_it, 0);
    OK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 &&
           timer_settime(timer, 0, &once, NULL) == 0,
       "timer_create");
    while (count == 0) {
        usleep(1000);
    }
    OK(timer_delete(timer) == 0, "a POSIX timer's signal");
}

static void count_queued(int signal, siginfo_t *info, void *context)
{
    count = count * 10 + info->si_value.sival_int;
}

static void test_queue(void)
{
    sigset_t one, old;

    count = 0;
    set(SIGRTMIN + 1, count_queued, 0);
    sigemptyset(&one);
    sigaddset(&one, SIGRTMIN + 1);
    sigprocmask(SIG_BLOCK, &one, &old);
    for (int i = 1; i <= 3; i++) {
        sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = i});
    }
    sigprocmask(SIG_SETMASK, &old, NULL);
    OK(count == 123, "real-time signals are queued, in order, with their values");
}

int main(void)
{
    test_fault();
    test_vectors();
    test_alt_stack();
    test_masks();
    test_interrupted();
    test_timers();
    test_queue();
    return tap_end();
}
