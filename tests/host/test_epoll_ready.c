/* SPDX-License-Identifier: MIT */
/* sources: kernel/fs/event/epoll_ready.c */
#include "../../kernel/fs/event/epoll_ready.h"
#include "host.h"

#include <pthread.h>
#include <sched.h>

#define ENTRIES 8

static struct epoll_ready queue;
static struct epoll_entry entries[ENTRIES];

static void reset(void)
{
    epoll_ready_init(&queue);
    for (unsigned i = 0; i < ENTRIES; i++) {
        epoll_entry_init(&entries[i]);
    }
}

static void test_order(void)
{
    struct list batch;

    reset();
    OK(!epoll_ready_any(&queue));
    for (unsigned i = 0; i < 4; i++) {
        OK(epoll_ready_push(&queue, &entries[i]));
        OK(!epoll_ready_push(&queue, &entries[i]));
    }
    OK(epoll_ready_any(&queue));
    epoll_ready_take(&queue, &batch);
    OK(epoll_ready_any(&queue)); /* as long as somebody scans */
    OK(epoll_ready_next(&batch) == &entries[0]);
    epoll_ready_again(&queue, &entries[0]);
    OK(epoll_ready_push(&queue, &entries[5]));
    OK(epoll_ready_next(&batch) == &entries[1]);
    OK(epoll_ready_give_back(&queue, &batch));
    /* 2 and 3 were not looked at; then 0 again, then what came last. */
    epoll_ready_take(&queue, &batch);
    OK(epoll_ready_next(&batch) == &entries[2]);
    OK(epoll_ready_next(&batch) == &entries[3]);
    OK(epoll_ready_next(&batch) == &entries[0]);
    OK(epoll_ready_next(&batch) == &entries[5]);
    OK(epoll_ready_next(&batch) == NULL);
    OK(!epoll_ready_give_back(&queue, &batch));
    OK(!epoll_ready_any(&queue));
}

static void test_pushed_while_looked_at(void)
{
    struct list batch;

    reset();
    OK(epoll_ready_push(&queue, &entries[0]));
    epoll_ready_take(&queue, &batch);
    OK(epoll_ready_next(&batch) == &entries[0]);
    OK(epoll_ready_push(&queue, &entries[0]));
    epoll_ready_again(&queue, &entries[0]); /* the notifier was first */
    OK(epoll_ready_give_back(&queue, &batch));
    epoll_ready_take(&queue, &batch);
    OK(epoll_ready_next(&batch) == &entries[0]);
    OK(epoll_ready_next(&batch) == NULL);
    OK(!epoll_ready_give_back(&queue, &batch));
}

static void test_remove(void)
{
    struct list batch;

    reset();
    for (unsigned i = 0; i < ENTRIES; i++) {
        OK(epoll_ready_push(&queue, &entries[i]));
    }
    for (unsigned i = 0; i < ENTRIES; i += 2) {
        epoll_ready_remove(&queue, &entries[i]);
    }
    epoll_ready_take(&queue, &batch);
    for (unsigned i = 1; i < ENTRIES; i += 2) {
        OK(epoll_ready_next(&batch) == &entries[i]);
    }
    OK(epoll_ready_next(&batch) == NULL);
    OK(!epoll_ready_give_back(&queue, &batch));
    epoll_ready_remove(&queue, &entries[1]);
    OK(!epoll_ready_any(&queue));
}

/* ---- Notifiers and a scanner at the same time: nothing is lost --------------------- */

#define ROUNDS 100000

static _Atomic u64 made[ENTRIES], seen[ENTRIES];
static _Atomic unsigned done;

static void *notifier(void *arg)
{
    for (u64 i = 0; i < ROUNDS; i++) {
        u64 n = (i * 7 + (u64)arg) % ENTRIES;

        atomic_fetch_add(&made[n], 1);
        epoll_ready_push(&queue, &entries[n]);
        if (i % 64 == 0) {
            sched_yield();
        }
    }
    atomic_fetch_add(&done, 1);
    return NULL;
}

static void scan(void)
{
    struct list batch;
    struct epoll_entry *entry;
    unsigned most = 5;

    epoll_ready_take(&queue, &batch);
    while (most-- != 0 && (entry = epoll_ready_next(&batch)) != NULL) {
        u64 n = (u64)(entry - entries);

        atomic_store(&seen[n], atomic_load(&made[n]));
        if (rnd_below(4) == 0) {
            epoll_ready_again(&queue, entry);
        }
    }
    epoll_ready_give_back(&queue, &batch);
}

static void test_threads(void)
{
    pthread_t threads[3];

    reset();
    for (u64 i = 0; i < ARRAY_SIZE(threads); i++) {
        OK(pthread_create(&threads[i], NULL, notifier, (void *)i) == 0);
    }
    while (atomic_load(&done) != ARRAY_SIZE(threads) || epoll_ready_any(&queue)) {
        scan();
    }
    for (unsigned i = 0; i < ARRAY_SIZE(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    for (unsigned i = 0; i < ENTRIES; i++) {
        EQ(seen[i], made[i]);
    }
}

int main(void)
{
    run("order", test_order);
    run("pushed while it is looked at", test_pushed_while_looked_at);
    run("remove", test_remove);
    run("threads", test_threads);
    return finish();
}
