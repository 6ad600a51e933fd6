/* SPDX-License-Identifier: MIT */
/*
 * Threads of a program that share one CPU: a thread made and joined, and two
 * threads that hand the turn to each other by a condition variable, by futex
 * and by a pair of pipes.
 *
 * One sample of a ping-pong is many rounds, and ends with both threads as
 * they were at its start; a round is two hand-overs.
 */
#include "bench.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROUNDS 500 /* of one sample */

enum { MAIN, PARTNER, STOP };

static void need(bool done, const char *what)
{
    if (!done) {
        bench_fail(what, errno);
    }
}

static void *nothing(void *arg)
{
    return arg;
}

static void run_create(void)
{
    bench_pin(0);
    bench_begin("threads/create_join", "ns", 1000);
    while (bench_more()) {
        uint64_t start = bench_ticks();
        pthread_t id;

        need(pthread_create(&id, NULL, nothing, NULL) == 0, "pthread_create");
        pthread_join(id, NULL);
        bench_add_ticks(bench_ticks() - start, 1);
    }
    bench_end();
}

/* ---- Two threads, one turn ------------------------------------------------ */

struct way {
    const char *name;
    void (*give)(uint32_t to);   /* the turn */
    void (*await)(uint32_t who); /* until the turn is that thread's, or STOP */
};

static struct {
    const struct way *way;
    _Atomic uint32_t turn;
    pthread_mutex_t lock;
    pthread_cond_t changed[2]; /* the turn has become that thread's */
    int pipe[2][2];            /* to that thread */
} game = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .changed = {PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER},
};

static uint32_t turn_now(void)
{
    return atomic_load_explicit(&game.turn, memory_order_acquire);
}

static void cond_give(uint32_t to)
{
    pthread_mutex_lock(&game.lock);
    game.turn = to;
    pthread_cond_signal(&game.changed[to == MAIN ? MAIN : PARTNER]);
    pthread_mutex_unlock(&game.lock);
}

static void cond_await(uint32_t who)
{
    pthread_mutex_lock(&game.lock);
    while (turn_now() != who && turn_now() != STOP) {
        pthread_cond_wait(&game.changed[who], &game.lock);
    }
    pthread_mutex_unlock(&game.lock);
}

static void futex_give(uint32_t to)
{
    atomic_store_explicit(&game.turn, to, memory_order_release);
    syscall(SYS_futex, &game.turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void futex_await(uint32_t who)
{
    uint32_t now;

    while (now = turn_now(), now != who && now != STOP) {
        syscall(SYS_futex, &game.turn, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0);
    }
}

static void pipe_give(uint32_t to)
{
    char byte = (char)to;

    need(write(game.pipe[to == MAIN ? MAIN : PARTNER][1], &byte, 1) == 1, "write");
}

static void pipe_await(uint32_t who)
{
    char byte;

    need(read(game.pipe[who][0], &byte, 1) == 1, "read");
    game.turn = (uint32_t)byte;
}

/* Gives each turn back. */
static void *partner(void *arg)
{
    bench_pin(0);
    while (game.way->await(PARTNER), turn_now() != STOP) {
        game.way->give(MAIN);
    }
    return arg;
}

static void play(unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        game.way->give(PARTNER);
        game.way->await(MAIN);
    }
}

/* What is shown is the time of a round divided by `parts`. */
static void run_game(const struct way *way, unsigned parts)
{
    pthread_t id;

    game.way = way;
    game.turn = MAIN;
    bench_pin(0);
    need(pthread_create(&id, NULL, partner, NULL) == 0, "pthread_create");
    play(1);
    bench_begin(bench_name("threads", way->name), "ns", 200);
    while (bench_more()) {
        uint64_t start = bench_ticks();

        play(ROUNDS);
        bench_add_ticks(bench_ticks() - start, (uint64_t)ROUNDS * parts);
    }
    bench_end();
    way->give(STOP);
    pthread_join(id, NULL);
}

static void run_cond(void)
{
    static const struct way way = {"cond", cond_give, cond_await};

    run_game(&way, 2);
}

static void run_futex(void)
{
    static const struct way way = {"futex", futex_give, futex_await};

    run_game(&way, 2);
}

static void run_pipe(void)
{
    static const struct way way = {"pipe_round", pipe_give, pipe_await};

    need(pipe(game.pipe[MAIN]) == 0 && pipe(game.pipe[PARTNER]) == 0, "pipe");
    run_game(&way, 1);
}

const struct bench_group bench_groups[] = {
    {"create", run_create}, {"cond", run_cond}, {"futex", run_futex},
    {"pipe", run_pipe},     {NULL, NULL},
};
