/* SPDX-License-Identifier: MIT */
/*
 * What our own assembly of musl does, seen by a program: threads that begin,
 * end detached, are cancelled in and ahead of a blocking call; signal handlers
 * that return; the allocator across threads; contexts.  Prints TAP.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define THREADS 16
#define ROUNDS 50

static int failed, number;
static int pipe_ends[2];
static __thread long local = 7;

static void check(const char *name, int ok)
{
    printf("%sok %d - %s\n", ok ? "" : "not ", ++number, name);
    failed |= !ok;
}

/* Frees what the thread before it has allocated. */
static void *allocate(void *argument)
{
    static void *_Atomic shared[64];
    unsigned seed = (unsigned)(size_t)argument + 1;

    for (int i = 0; i < 20000; i++) {
        size_t size = rand_r(&seed) % (i % 100 ? 2000 : 300000);
        char *p = malloc(size);

        if (!p) {
            return "malloc";
        }
        memset(p, i, size);
        free(atomic_exchange_explicit(&shared[i % 64], p, memory_order_acq_rel));
    }
    return local++ == 7 ? NULL : "thread-local storage";
}

static void threads_allocate(void)
{
    pthread_t threads[THREADS];
    void *result;
    int ok = 1;

    for (int i = 0; i < THREADS; i++) {
        ok &= !pthread_create(&threads[i], NULL, allocate, (void *)(size_t)i);
    }
    for (int i = 0; i < THREADS; i++) {
        ok &= !pthread_join(threads[i], &result) && !result;
    }
    check("threads allocate and free each other's memory", ok);
}

struct block {
    unsigned char *at;
    size_t size;
    unsigned char fill;
};

static int is_whole(const struct block *b)
{
    for (size_t i = 0; i < b->size; i++) {
        if (b->at[i] != b->fill) {
            return 0;
        }
    }
    return 1;
}

/* A block by one of malloc's kinds; those of calloc are checked to be clear. */
static int make_block(struct block *b, unsigned *seed)
{
    size_t align = 16;

    b->size = (size_t)rand_r(seed) % 700 + 1;
    b->fill = (unsigned char)rand_r(seed);
    switch (rand_r(seed) % 16) {
    case 0:
        align = (size_t)32 << rand_r(seed) % 8;
        b->at = aligned_alloc(align, b->size);
        break;
    case 1:
        b->at = calloc(1, b->size);
        if (b->at && !is_whole(&(struct block){b->at, b->size, 0})) {
            return 0;
        }
        break;
    case 2:
        b->at = malloc(8);
        b->at = realloc(b->at, b->size);
        break;
    default:
        b->at = malloc(b->size);
    }
    if (!b->at || (size_t)b->at % (b->size < 16 ? 8 : align) != 0) {
        return 0;
    }
    memset(b->at, b->fill, b->size);
    return 1;
}

/* Its first blocks, some freed meanwhile; as many as leave a heap that beginners share. */
static void *begin_to_allocate(void *argument)
{
    unsigned seed = (unsigned)(size_t)argument + 1, count = 10 + rand_r(&seed) % 1500;
    struct block live[64] = {{NULL, 0, 0}};
    char *wrong = NULL;

    for (unsigned i = 0; i < count && !wrong; i++) {
        struct block *b = &live[rand_r(&seed) % 64];

        wrong = b->at && !is_whole(b) ? "a block was changed" : NULL;
        free(b->at);
        if (!make_block(b, &seed)) {
            wrong = "a block is not as asked for";
        }
    }
    for (int i = 0; i < 64; i++) {
        if (!wrong && live[i].at && !is_whole(&live[i])) {
            wrong = "a block was changed";
        }
        free(live[i].at);
    }
    return wrong;
}

static void threads_begin_to_allocate(void)
{
    pthread_t threads[THREADS];
    void *result;
    int ok = 1;

    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < THREADS; i++) {
            ok &= !pthread_create(&threads[i], NULL, begin_to_allocate,
                                  (void *)(size_t)(round * THREADS + i));
        }
        for (int i = 0; i < THREADS; i++) {
            ok &= !pthread_join(threads[i], &result) && !result;
        }
    }
    check("the first blocks of threads are theirs alone", ok);
}

static void *post(void *sem)
{
    sem_post(sem);
    return NULL;
}

static void threads_detach(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sem_t sem;
    int ok = 1;

    sem_init(&sem, 0, 0);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < THREADS; i++) {
            ok &= !pthread_create(&thread, &attributes, post, &sem);
        }
        for (int i = 0; i < THREADS; i++) {
            sem_wait(&sem);
        }
    }
    check("detached threads end at the same time", ok);
}

/* Fills its stack and storage, after it has looked what it found in the latter. */
static void *use_up(void *finished)
{
    static __thread unsigned char cleared[5000];
    unsigned char stack[3000];
    long dirty = local != 7;

    for (size_t i = 0; i < sizeof(cleared); i++) {
        dirty |= cleared[i];
    }
    memset(cleared, 1, sizeof(cleared));
    memset(stack, 1, sizeof(stack));
    local = stack[17];
    if (finished != NULL) {
        atomic_fetch_add((_Atomic long *)finished, dirty ? 1000000 : 1);
    }
    return (void *)dirty;
}

/* Joined and detached ones by turns, small and large, so that stacks are used again. */
static void threads_begin_clean(void)
{
    static _Atomic long finished;
    pthread_attr_t attributes;
    int ok = 1;

    pthread_attr_init(&attributes);
    for (int i = 0; i < 400; i++) {
        pthread_t thread;
        void *dirty = NULL;

        pthread_attr_setstacksize(&attributes, i % 7 == 0 ? 16 << 20 : 256 << 10);
        pthread_attr_setdetachstate(&attributes, i % 2);
        ok &= !pthread_create(&thread, &attributes, use_up, i % 2 ? (void *)&finished : NULL);
        ok &= i % 2 || (!pthread_join(thread, &dirty) && dirty == NULL);
    }
    for (int i = 0; i < 1000 && finished < 200; i++) {
        usleep(1000);
    }
    check("a new thread's storage is as it was linked", ok && finished == 200);
    pthread_attr_destroy(&attributes);
}

static void *read_forever(void *unused)
{
    char c;

    while (read(pipe_ends[0], &c, 1) < 0 && errno == EINTR) {
    }
    return "the read ended";
}

static void *cancel_then_read(void *unused)
{
    pthread_cancel(pthread_self());
    return read_forever(NULL);
}

static int is_cancelled(void *(*function)(void *), int delay_ms)
{
    pthread_t thread;
    void *result;

    if (pthread_create(&thread, NULL, function, NULL)) {
        return 0;
    }
    nanosleep(&(struct timespec){0, delay_ms * 1000000L}, NULL);
    pthread_cancel(thread);
    return !pthread_join(thread, &result) && result == PTHREAD_CANCELED;
}

static void threads_cancel(void)
{
    int ok = 1;

    check("a thread is cancelled in a blocking call", is_cancelled(read_forever, 20));
    for (int i = 0; i < ROUNDS; i++) {
        ok &= is_cancelled(read_forever, 0);
    }
    check("a thread is cancelled wherever it is", ok);
    check("a cancelled thread's call does not begin", is_cancelled(cancel_then_read, 0));
}

static volatile int handled, handled_value;

static void on_signal(int signal, siginfo_t *info, void *context)
{
    handled++;
    handled_value = info->si_value.sival_int;
    errno = 99;
}

static void signals_return(void)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    register long kept __asm__("rbx") = 42;
    int ok = 1;

    sigaction(SIGUSR1, &action, NULL);
    for (int i = 0; i < 1000; i++) {
        __asm__ volatile("" : "+r"(kept));
        raise(SIGUSR1);
        __asm__ volatile("" : "+r"(kept));
        ok &= kept == 42;
    }
    check("handlers return", ok && handled == 1000);
    check("a value comes with a signal",
          !sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 5}) && handled_value == 5);
}

static ucontext_t main_context, other_context;
static int steps;

static void other(int a, int b)
{
    steps = a * 10 + b;
    swapcontext(&other_context, &main_context);
    steps++;
}

static void contexts_switch(void)
{
    static char stack[65536];

    getcontext(&other_context);
    other_context.uc_stack.ss_sp = stack;
    other_context.uc_stack.ss_size = sizeof stack;
    other_context.uc_link = &main_context;
    makecontext(&other_context, (void (*)(void))other, 2, 4, 2);
    swapcontext(&main_context, &other_context);
    check("a context begins with its arguments", steps == 42);
    swapcontext(&main_context, &other_context);
    check("a context goes on, and ends in the next", steps == 43);
}

static void memory_is_right(void)
{
    char *p = calloc(1000, 1000), *q;
    int ok = p != NULL;

    for (int i = 0; ok && i < 1000000; i++) {
        ok = p[i] == 0;
    }
    check("calloc clears", ok);
    if (p == NULL) {
        return;
    }
    errno = 0;
    check("calloc finds an overflow", !calloc((size_t)1 << 40, (size_t)1 << 40) && errno == ENOMEM);
    errno = 0;
    check("malloc fails with ENOMEM", !malloc((size_t)1 << 62) && errno == ENOMEM);
    memset(p, 3, 1000000);
    q = realloc(p, 3000000);
    check("realloc keeps the content", q && q[0] == 3 && q[999999] == 3);
    free(q);
    check("aligned memory", !posix_memalign((void **)&p, 8192, 100) && (size_t)p % 8192 == 0);
    free(p);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("1..17\n");
    if (pipe(pipe_ends)) {
        return 1;
    }
    memory_is_right();
    threads_allocate();
    threads_begin_to_allocate();
    threads_detach();
    threads_begin_clean();
    threads_cancel();
    signals_return();
    contexts_switch();
    check("still the same thread-local storage", local == 7);
    return failed;
}
