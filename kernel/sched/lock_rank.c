/* SPDX-License-Identifier: MIT */
/*
 * The order of locks, checked: what a CPU holds is a short list, and a lock
 * may be added only with a rank above all of them.
 *
 * Two locks of one rank are in order only for the ranks that are taken in
 * pairs, and then in ascending order of address, so that two CPUs never wait
 * for each other.  Pure: debug builds call it from spinlock.c, and the host
 * tests call it directly.
 */
#include <kernel/lock_rank.h>

#include <kernel/assert.h>

static bool rank_takes_pairs(enum lock_rank rank)
{
    return rank == RANK_FUTEX || rank == RANK_RUNQ;
}

static unsigned count_of_rank(const struct held_locks *held, enum lock_rank rank)
{
    unsigned count = 0;

    for (unsigned i = 0; i < held->count; i++) {
        count += held->held[i].rank == rank;
    }
    return count;
}

const char *lock_rank_check(const struct held_locks *held, const void *lock, enum lock_rank rank)
{
    for (unsigned i = 0; i < held->count; i++) {
        if (held->held[i].lock == lock) {
            return "it is held already";
        }
        if (held->held[i].rank > rank) {
            return "a lock of a higher rank is held";
        }
        if (held->held[i].rank < rank) {
            continue;
        }
        if (!rank_takes_pairs(rank)) {
            return "a lock of the same rank is held";
        }
        if (count_of_rank(held, rank) > 1) {
            return "two locks of the same rank are held";
        }
        if ((u64)held->held[i].lock > (u64)lock) {
            return "the other lock of the pair comes second";
        }
    }
    return NULL;
}

void lock_rank_push(struct held_locks *held, const void *lock, const char *name,
                    enum lock_rank rank)
{
    if (held->count == LOCK_RANK_DEPTH) {
        BUG("lock %s: %u locks are held already", name, held->count);
    }
    held->held[held->count].lock = lock;
    held->held[held->count].name = name;
    held->held[held->count].rank = rank;
    held->count++;
}

void lock_rank_pop(struct held_locks *held, const void *lock)
{
    unsigned i = held->count;

    while (i > 0 && held->held[i - 1].lock != lock) {
        i--;
    }
    if (i == 0) {
        BUG("the lock at %p is released but not held", lock);
    }
    for (; i < held->count; i++) {
        held->held[i - 1] = held->held[i];
    }
    held->count--;
}
