/* SPDX-License-Identifier: MIT */
/*
 * The application's thread that listens (the C library has one for all
 * shrinkers).  It sleeps here until it is asked; its next call is the answer.
 * Nobody waits for the answer but who has no memory at all, and not for
 * ever: the application may itself be waiting for that one.
 */
#include "policy_priv.h"
#include "pressure_priv.h"

#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/lock_rank.h>
#include <kernel/spinlock.h>
#include <kernel/thread.h>
#include <kernel/wait.h>

/* Who waits is at its end without the answer. */
#define ANSWER_WITHIN (10 * NSEC_PER_SEC)
#define LOOK_AGAIN (10 * NSEC_PER_MSEC)
#define ENOUGH (4 * MIB / PAGE_SIZE)

/* (l) lock   (a) atomic, written under the lock */
static struct {
    struct spinlock lock;
    struct thread *thread; /* (l) the one that listens; NULL: there was none yet */
    bool waiting;          /* (l) it sleeps, or is about to */
    bool asked;            /* (l) and has not answered */
    u64 wanted;            /* (l) frames */
    nsec_t answered_at;    /* (l) 0: never */
    u64 given, asks;       /* (l) sums */
    u64 last;              /* (l) given by the last answer */
    _Atomic u64 answers;   /* (a) */
    struct wait_queue queue, answered;
} listener = {
    .lock = SPINLOCK_INIT("shrinkers", RANK_HOOKS),
    .queue = WAIT_QUEUE_INIT("shrinkers", listener.queue),
    .answered = WAIT_QUEUE_INIT("shrinkers' answers", listener.answered),
};

bool listener_is_there(void)
{
    bool irq = spin_lock(&listener.lock);
    bool there = listener.thread != NULL;

    spin_unlock(&listener.lock, irq);
    return there;
}

bool listener_is_me(void)
{
    bool irq = spin_lock(&listener.lock);
    bool me = listener.thread == thread_current();

    spin_unlock(&listener.lock, irq);
    return me;
}

/* Lock held; it has been asked. */
static void take_answer(u64 given)
{
    listener.asked = false;
    listener.last = given;
    listener.given += MIN(given, listener.wanted * 2); /* a program may say anything */
    listener.answered_at = clock_now();
    atomic_fetch_add_explicit(&listener.answers, 1, memory_order_release);
}

/* False: there is another one. */
static bool become(u64 given, bool *answered)
{
    struct thread *me = thread_current();
    bool irq = spin_lock(&listener.lock);
    bool ours = listener.thread == me || !listener.waiting;

    *answered = ours && listener.thread == me && listener.asked && given != PRESSURE_UNASKED;
    if (*answered) {
        take_answer(given);
    }
    if (ours) {
        listener.thread = me;
        listener.waiting = true;
    }
    spin_unlock(&listener.lock, irq);
    return ours;
}

/* True if it is asked; false: `end` says that it shall not wait on. */
static bool take_question(u64 *wanted, bool end)
{
    bool irq = spin_lock(&listener.lock);
    bool asked = listener.asked;

    if (asked || end) {
        listener.waiting = false;
    }
    *wanted = listener.wanted;
    spin_unlock(&listener.lock, irq);
    return asked;
}

int pressure_listen(u64 *wanted, u64 given)
{
    bool answered;
    int error = 0;

    if (!become(given, &answered)) {
        return -EBUSY;
    }
    if (answered) {
        (void)wait_wake_all(&listener.answered);
        pressure_wake();
    }
    pressure_run();
    while (!take_question(wanted, error == -EINTR)) {
        struct waiter waiter;

        if (error == -EINTR) {
            return error;
        }
        wait_begin(&listener.queue, &waiter);
        if (take_question(wanted, false)) {
            wait_abort(&listener.queue, &waiter);
            break;
        }
        error = wait_sleep_signal(&listener.queue, &waiter, SCHED_NEVER);
    }
    return 0;
}

/* Lock held. */
static void ask(u64 frames)
{
    listener.wanted = frames;
    listener.asked = true;
    listener.asks++;
}

nsec_t listener_ask(u64 frames, enum pressure_level level, nsec_t now)
{
    bool irq = spin_lock(&listener.lock);
    nsec_t pause = pressure_pause(level, listener.wanted, listener.last);
    nsec_t next = listener.answered_at == 0 ? now : listener.answered_at + pause;
    bool can = listener.waiting && !listener.asked, asks = can && now >= next;

    if (asks) {
        ask(frames);
    }
    spin_unlock(&listener.lock, irq);
    if (asks) {
        (void)wait_wake_all(&listener.queue);
    }
    return can && !asks ? next : SCHED_NEVER;
}

/* *answers: when it is more than that, there was an answer.  False: it cannot be asked. */
static bool ask_now(u64 frames, u64 *answers)
{
    bool irq = spin_lock(&listener.lock);
    bool can = listener.thread != NULL && listener.thread != thread_current();

    *answers = atomic_load_explicit(&listener.answers, memory_order_relaxed);
    if (can && !listener.asked) {
        ask(frames);
    }
    spin_unlock(&listener.lock, irq);
    return can;
}

static bool has_answered(u64 before)
{
    return atomic_load_explicit(&listener.answers, memory_order_acquire) != before;
}

/* Or until so much is free: they may have given what is needed, and be busy with more. */
static void wait_for_answer(u64 before, u64 enough)
{
    nsec_t end = clock_now() + ANSWER_WITHIN;

    while (!has_answered(before) && frame_free_estimate() < enough && clock_now() < end) {
        struct waiter waiter;

        wait_begin(&listener.answered, &waiter);
        if (has_answered(before)) {
            wait_abort(&listener.answered, &waiter);
        } else {
            (void)wait_sleep(&listener.answered, &waiter, clock_now() + LOOK_AGAIN);
        }
    }
}

bool listener_ask_and_wait(u64 frames)
{
    u64 before, enough = frame_free_estimate() + ENOUGH;
    bool irq, gave;

    if (!ask_now(frames, &before)) {
        return false;
    }
    (void)reserve_give();
    (void)wait_wake_all(&listener.queue);
    wait_for_answer(before, enough);
    irq = spin_lock(&listener.lock);
    gave = has_answered(before) && listener.last > 0;
    spin_unlock(&listener.lock, irq);
    return gave || frame_free_estimate() >= enough;
}

void listener_get_stats(struct pressure_stats *stats)
{
    bool irq = spin_lock(&listener.lock);

    stats->given_by_shrinkers = listener.given;
    stats->shrinks = listener.asks;
    spin_unlock(&listener.lock, irq);
}
