/* SPDX-License-Identifier: MIT */
/*
 * Robust futexes (get_robust_list(2)): a thread keeps a list of the locks it
 * holds in its own memory; when it ends with some of them held, each is marked
 * and one waiter is woken, who then knows that the owner died.  The list may
 * be garbage: it is walked at most LIST_LIMIT steps.
 */
#include <kernel/futex.h>

#include <kernel/aspace.h>
#include <kernel/errno.h>
#include <kernel/syscall.h>
#include <kernel/thread.h>
#include <kernel/uaccess.h>

#define LIST_LIMIT 2048

struct robust_list_head {
    u64 next;
    s64 futex_offset;
    u64 pending;
};

/* What is at `addr` gets the mark, if `tid` holds it. */
static void mark(u32 *addr, u32 tid, bool pending)
{
    u32 value, old;

    if (((u64)addr & 3) != 0 || user_read_u32(addr, &value) != 0) {
        return;
    }
    /* It was unlocked just now, and the waker has died before its wake-up. */
    if (pending && (value & FUTEX_TID_MASK) == 0) {
        (void)futex_wake(addr, 1, FUTEX_BITSET_MATCH_ANY);
        return;
    }
    while ((value & FUTEX_TID_MASK) == tid) {
        u32 dead = (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED;

        if (user_cmpxchg_u32_nofault(addr, value, dead, &old) != 0) {
            if (aspace_fault((vaddr_t)addr, FAULT_WRITE) != 0) {
                return;
            }
            continue;
        }
        if (old == value) {
            if ((value & FUTEX_WAITERS) != 0) {
                (void)futex_wake(addr, 1, FUTEX_BITSET_MATCH_ANY);
            }
            return;
        }
        value = old;
    }
}

void futex_exit_robust(struct thread *t)
{
    u64 head = t->robust_list, entry;
    struct robust_list_head list;

    t->robust_list = 0;
    if (head == 0 || user_read(&list, (const void *)head, sizeof(list)) != 0) {
        return;
    }
    entry = list.next;
    /* The lowest bit says that it has priority inheritance. */
    for (unsigned i = 0; (entry & ~1ull) != head && i < LIST_LIMIT; i++) {
        u64 next;
        int err = user_read(&next, (const void *)(entry & ~1ull), sizeof(next));

        /* One that is being taken or released is done at the end. */
        if ((entry & ~1ull) != (list.pending & ~1ull)) {
            mark((u32 *)((entry & ~1ull) + (u64)list.futex_offset), t->tid, false);
        }
        if (err != 0) {
            return;
        }
        entry = next;
    }
    if ((list.pending & ~1ull) != 0) {
        mark((u32 *)((list.pending & ~1ull) + (u64)list.futex_offset), t->tid, true);
    }
}

s64 sys_set_robust_list(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    if (a1 != sizeof(struct robust_list_head)) {
        return -EINVAL;
    }
    thread_current()->robust_list = a0;
    return 0;
}

s64 sys_get_robust_list(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct thread *t = (int)a0 == 0 ? thread_current() : thread_find((u32)a0);
    u64 head, size = sizeof(struct robust_list_head);

    if (t == NULL) {
        return -ESRCH;
    }
    head = t->robust_list;
    if ((int)a0 != 0) {
        thread_put(t);
    }
    if (user_write((void *)a1, &head, sizeof(head)) != 0) {
        return -EFAULT;
    }
    return user_write((void *)a2, &size, sizeof(size));
}
