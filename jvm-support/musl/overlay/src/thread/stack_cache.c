/* SPDX-License-Identifier: MIT */
/*
 * The mappings of ended threads (stack, thread-local storage, control block)
 * are kept for the next threads, as in glibc: to map a stack, touch it and
 * unmap it again costs more than a hundred times the rest of a thread's life.
 *
 * A thread that nobody joins keeps its own mapping at its end, while it still
 * runs on it: holding the lock of the list of threads, which the kernel gives
 * back when the thread has left its stack for good.  So whoever takes a mapping
 * waits for that lock first.
 *
 * Signals are blocked while the cache is locked, because a signal handler may
 * end the thread.  What is above the limit, the next thread that is made or
 * joined unmaps, oldest first.  The limit is six times that of glibc, because to
 * unmap is dear where other CPUs must be told by interrupts: 240 threads of Java.
 */
#include <sys/mman.h>

#include "lock.h"
#include "moka_threads.h"
#include "pthread_impl.h"

static struct {
    volatile int lock[1];
    struct pthread *first; /* linked by stack_next; the last one kept is the first */
    size_t size;
} cache;

static void lock_cache(sigset_t *signals)
{
    __block_app_sigs(signals);
    LOCK(cache.lock);
}

static void unlock_cache(const sigset_t *signals)
{
    UNLOCK(cache.lock);
    __restore_sigs((sigset_t *)signals);
}

static struct pthread *take_out(struct pthread **link)
{
    struct pthread *thread = *link;

    *link = thread->stack_next;
    cache.size -= thread->map_size;
    return thread;
}

int __thread_stack_keep(struct pthread *thread)
{
    sigset_t signals;

    if (thread->map_size > STACK_CACHE_MAX) {
        return 0;
    }
    lock_cache(&signals);
    thread->stack_next = cache.first;
    cache.first = thread;
    cache.size += thread->map_size;
    unlock_cache(&signals);
    return 1;
}

unsigned char *__thread_stack_take(size_t size, size_t guard)
{
    struct pthread *found = 0;
    unsigned char *map = 0;
    sigset_t signals;

    lock_cache(&signals);
    for (struct pthread **link = &cache.first; *link; link = &(*link)->stack_next) {
        if ((*link)->map_size == size && (*link)->guard_size == guard) {
            found = take_out(link);
            break;
        }
    }
    unlock_cache(&signals);
    if (found) {
        __tl_sync(found);
        map = found->map_base;
    }
    return map;
}

static struct pthread *take_oldest_above_limit(void)
{
    struct pthread **link = &cache.first, *found = 0;
    sigset_t signals;

    lock_cache(&signals);
    if (cache.size > STACK_CACHE_MAX) {
        while ((*link)->stack_next) {
            link = &(*link)->stack_next;
        }
        found = take_out(link);
    }
    unlock_cache(&signals);
    return found;
}

void __thread_stacks_trim(void)
{
    struct pthread *thread;

    while ((thread = take_oldest_above_limit())) {
        __tl_sync(thread);
        __munmap(thread->map_base, thread->map_size);
    }
}
