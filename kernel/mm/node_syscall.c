/* SPDX-License-Identifier: MIT */
/*
 * NUMA calls, for one node, and membarrier(2).
 */
#include <kernel/syscall.h>

#include <kernel/aspace.h>
#include <kernel/errno.h>
#include <kernel/pagetable.h>
#include <kernel/tlb.h>
#include <kernel/uaccess.h>
#include <stdatomic.h>

#include "aspace_priv.h"

enum { MPOL_DEFAULT, MPOL_PREFERRED, MPOL_BIND, MPOL_INTERLEAVE, MPOL_LOCAL, MPOL_PREFERRED_MANY };
#define MPOL_MODE_FLAGS 0xe000u
#define MPOL_F_NODE 1u
#define MPOL_F_ADDR 2u
#define MPOL_F_MEMS_ALLOWED 4u
#define MPOL_MF_ALL 15u
#define NODES_MAX 32768u /* bits in a node mask that Linux would look at */

enum {
    MEMBARRIER_QUERY = 0,
    MEMBARRIER_GLOBAL = 1,
    MEMBARRIER_GLOBAL_EXPEDITED = 2,
    MEMBARRIER_REGISTER_GLOBAL_EXPEDITED = 4,
    MEMBARRIER_PRIVATE_EXPEDITED = 8,
    MEMBARRIER_REGISTER_PRIVATE_EXPEDITED = 16,
    MEMBARRIER_PRIVATE_EXPEDITED_SYNC_CORE = 32,
    MEMBARRIER_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE = 64,
    MEMBARRIER_GET_REGISTRATIONS = 512,
};
#define MEMBARRIER_KNOWN 127u

/* (a) atomic */
static struct {
    _Atomic u32 registered; /* (a) MEMBARRIER_REGISTER_* that were called */
} barrier;

/* 0 and whether the mask names the one node; it may name no other. */
static int read_mask(u64 mask, u64 max, bool *node)
{
    *node = false;
    if (max > NODES_MAX + 1) {
        return -EINVAL;
    }
    for (u64 at = 0; mask != 0 && max > 1 && at < max - 1; at += 64) {
        u64 word, bits = MIN(max - 1 - at, 64);

        if (user_read(&word, (const void *)(mask + at / 8), sizeof(word)) != 0) {
            return -EFAULT;
        }
        if (bits < 64) {
            word &= (1ull << bits) - 1;
        }
        if ((at == 0 ? word & ~1ull : word) != 0) {
            return -EINVAL;
        }
        *node |= word != 0;
    }
    return 0;
}

static int check_policy(u64 mode, u64 mask, u64 max)
{
    u64 kind = mode & ~(u64)MPOL_MODE_FLAGS;
    bool node;
    int error = read_mask(mask, max, &node);

    if (kind > MPOL_PREFERRED_MANY) {
        return -EINVAL;
    }
    if (error != 0) {
        return error;
    }
    if (kind == MPOL_DEFAULT || kind == MPOL_LOCAL) {
        return node ? -EINVAL : 0;
    }
    return node || kind == MPOL_PREFERRED ? 0 : -EINVAL;
}

s64 sys_set_mempolicy(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return check_policy((u32)a0, a1, a2);
}

static bool is_mapped(vaddr_t start, vaddr_t end)
{
    bool irq = aspace_read_lock();
    bool mapped = region_set_covers(&aspace.set, start, end);

    aspace_read_unlock(irq);
    return mapped;
}

s64 sys_mbind(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u64 size = ALIGN_UP(a1, PAGE_SIZE);
    int error;

    if ((a5 & ~(u64)MPOL_MF_ALL) != 0 || !IS_ALIGNED(a0, PAGE_SIZE) || a0 + size < a0) {
        return -EINVAL;
    }
    error = check_policy((u32)a2, a3, a4);
    if (error != 0 || size == 0) {
        return error;
    }
    return is_mapped(a0, a0 + size) ? 0 : -EFAULT;
}

s64 sys_set_mempolicy_home_node(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return a3 != 0 || a2 != 0 || !IS_ALIGNED(a0, PAGE_SIZE) ? -EINVAL : 0;
}

/* The policy is the default; a mask that is asked for has no node, or all: the one. */
s64 sys_get_mempolicy(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u64 words = (a2 + 63) / 64, flags = a4;
    u32 mode = MPOL_DEFAULT;

    if ((flags & ~(u64)(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED)) != 0 ||
        (a1 != 0 && a2 < 1) || a2 > NODES_MAX ||
        ((flags & MPOL_F_MEMS_ALLOWED) && (flags & (MPOL_F_NODE | MPOL_F_ADDR))) ||
        (!(flags & MPOL_F_ADDR) && a3 != 0) || flags == MPOL_F_NODE) {
        return -EINVAL;
    }
    if ((flags & MPOL_F_ADDR) && !is_mapped(a3, a3 + 1)) {
        return -EFAULT;
    }
    if (a0 != 0 && user_write((void *)a0, &mode, sizeof(mode)) != 0) {
        return -EFAULT;
    }
    for (u64 i = 0; a1 != 0 && i < words; i++) {
        u64 word = i == 0 && (flags & MPOL_F_MEMS_ALLOWED) ? 1 : 0;

        if (user_write((void *)(a1 + i * 8), &word, sizeof(word)) != 0) {
            return -EFAULT;
        }
    }
    return 0;
}

/*
 * Every CPU that runs one of our threads passes a barrier, and an IRET: it
 * answers a shoot-down of a page that is never mapped.  A CPU that is idle
 * passes one before it runs anything.
 */
static void barrier_everywhere(void)
{
    struct tlb_batch batch;

    atomic_thread_fence(memory_order_seq_cst);
    tlb_batch_init(&batch);
    tlb_batch_add(&batch, 0, PAGE_SIZE, PAGE_SIZE);
    tlb_batch_finish(&batch);
    atomic_thread_fence(memory_order_seq_cst);
}

/* PRIVATE commands need their registration. */
static s64 barrier_private(u32 command)
{
    u32 registered = atomic_load_explicit(&barrier.registered, memory_order_acquire);

    if ((registered & command << 1) == 0) {
        return -EPERM;
    }
    barrier_everywhere();
    return 0;
}

s64 sys_membarrier(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    if ((u32)a1 != 0) {
        return -EINVAL;
    }
    switch ((u32)a0) {
    case MEMBARRIER_QUERY:
        return MEMBARRIER_KNOWN | MEMBARRIER_GET_REGISTRATIONS;
    case MEMBARRIER_GLOBAL:
    case MEMBARRIER_GLOBAL_EXPEDITED:
        barrier_everywhere();
        return 0;
    case MEMBARRIER_REGISTER_GLOBAL_EXPEDITED:
    case MEMBARRIER_REGISTER_PRIVATE_EXPEDITED:
    case MEMBARRIER_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
        atomic_fetch_or_explicit(&barrier.registered, (u32)a0, memory_order_release);
        return 0;
    case MEMBARRIER_PRIVATE_EXPEDITED:
    case MEMBARRIER_PRIVATE_EXPEDITED_SYNC_CORE:
        return barrier_private((u32)a0);
    case MEMBARRIER_GET_REGISTRATIONS:
        return atomic_load_explicit(&barrier.registered, memory_order_acquire);
    default:
        return -EINVAL;
    }
}
