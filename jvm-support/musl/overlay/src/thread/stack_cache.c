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
 * end the thread.
 *
 * How much is kept goes by the memory that the mappings hold, not by their size:
 * a thread of Java touches a tenth of its megabyte.  The limit is an eighth of
 * the machine's memory and at most 256 MiB; the first 16 MiB are taken at their
 * size and not counted.  What is above the limit, the next thread that is made or
 * joined unmaps, oldest first.  Where a shoot-down waits for CPUs that the host
 * has not got, that is dear: a thousand threads of Java that came and went twice
 * took 35 s on kvm_pvm while the limit was 256 MiB of addresses.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/sysinfo.h>

#include "lock.h"
#include "moka_threads.h"
#include "pthread_impl.h"

#define UNCOUNTED ((size_t)16 << 20)
#define PART ((size_t)1 << 20)

static struct {
    volatile int lock[1];
    struct pthread *first; /* linked by stack_next; the last one kept is the first */
    size_t held;           /* sum of stack_resident */
    size_t limit;          /* 0: not known yet */
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
    cache.held -= thread->stack_resident;
    return thread;
}

static size_t limit(void)
{
    struct sysinfo info = {0};

    if (!cache.limit) {
        __lsysinfo(&info);
        cache.limit = info.totalram / 8 * info.mem_unit;
        if (cache.limit > STACK_CACHE_MAX) {
            cache.limit = STACK_CACHE_MAX;
        }
    }
    return cache.limit;
}

/* Bytes of memory in the mapping, from its top down to the first part that has none. */
static size_t resident(const unsigned char *map, size_t size)
{
    unsigned char pages[PART / 4096];
    size_t count = 0, before = 1; /* any but count */

    while (size > 0 && count != before) {
        size_t part = size < PART ? size : PART;

        size -= part;
        before = count;
        if (__syscall(SYS_mincore, map + size, part, pages) == 0) {
            for (size_t i = 0; i < part / 4096; i++) {
                count += pages[i] & 1;
            }
        }
    }
    return count * 4096;
}

int __thread_stack_keep(struct pthread *thread)
{
    sigset_t signals;

    if (thread->map_size > STACK_CACHE_MAX) {
        return 0;
    }
    lock_cache(&signals);
    thread->stack_resident = thread->map_size;
    if (cache.held + thread->map_size > UNCOUNTED) {
        thread->stack_resident = resident(thread->map_base, thread->map_size);
    }
    thread->stack_next = cache.first;
    cache.first = thread;
    cache.held += thread->stack_resident;
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
    if (cache.held > limit()) {
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
