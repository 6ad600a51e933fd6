/* SPDX-License-Identifier: MIT */
/*
 * Shoot-down on all CPUs.
 *
 * One at a time: a CPU that wants to send one takes a token.  It waits for
 * the token, and later for the answers, with interrupts enabled and answering
 * requests itself, so that two senders cannot wait for each other.  It posts
 * a request in each running CPU's own cache line, sends one interrupt to all
 * of them, flushes its own TLB while they do theirs, and is done when all
 * requests are taken back.  Costs an IPI round trip, whatever the batch holds.
 *
 * Idle CPUs are left alone.  The sender marks them, and they flush everything
 * when they wake up.  Rejected: a generation counter in place of the mark; a
 * CPU that enters idle just between the counter's step and the sender's look
 * would believe that it is up to date.
 */
#include <kernel/tlb.h>

#include <kernel/assert.h>
#include <kernel/cpu.h>
#include <kernel/platform.h>
#include <kernel/trace.h>
#include <stdatomic.h>

#include "tlb_priv.h"

/* (a) atomic   (o) own CPU only, read by all */
struct tlb_cpu {
    _Atomic bool request;                           /* (a) set by the sender, cleared by this CPU */
    _Atomic bool idle;                              /* (a) set and cleared by this CPU */
    _Atomic bool missed;                            /* (a) set by a sender while idle */
    _Atomic u64 batches, ipis, full_flushes, pages; /* (o) */
} aligned_to(CACHE_LINE);

static struct {
    _Atomic u32 token;             /* 0 free, 1 + id of the CPU that sends */
    const struct tlb_batch *batch; /* the sender's; valid while a request is posted */
    struct tlb_cpu cpu[MAX_CPUS];
} tlb;

/* Statistics: only the CPU itself writes its counters. */
static void count(_Atomic u64 *counter, u64 n)
{
    u64 value = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, value + n, memory_order_relaxed);
}

void tlb_flush_all_local(void)
{
    u64 root;

    __asm__ volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r"(root)::"memory");
}

static void flush_page(vaddr_t va)
{
    __asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}

void tlb_flush_local(const struct tlb_batch *batch)
{
    if (tlb_batch_wants_all(batch, platform->flush_all_above)) {
        count(&tlb.cpu[cpu_id()].full_flushes, 1);
        tlb_flush_all_local();
        return;
    }
    for (unsigned i = 0; i < batch->ranges; i++) {
        for (vaddr_t va = batch->range[i].start; va < batch->range[i].end;
             va += batch->range[i].step) {
            flush_page(va);
        }
    }
}

/*
 * Without interrupts: the handler of one would answer the same request, and
 * the sender's batch would be gone while this call still reads it.
 */
void tlb_shootdown_poll(void)
{
    struct tlb_cpu *me = &tlb.cpu[cpu_id()];
    bool irq = irq_save();

    /* Acquire: pairs with the release in post(); `batch` is the sender's. */
    if (atomic_load_explicit(&me->request, memory_order_acquire)) {
        tlb_flush_local(tlb.batch);
        /* Release: pairs with the acquire in wait_for(); flushed before seen. */
        atomic_store_explicit(&me->request, false, memory_order_release);
    }
    irq_restore(irq);
}

static void token_take(void)
{
    u32 expected = 0;

    while (!atomic_compare_exchange_weak_explicit(&tlb.token, &expected, cpu_id() + 1,
                                                  memory_order_acquire, memory_order_relaxed)) {
        expected = 0;
        tlb_shootdown_poll();
        cpu_pause();
    }
}

/*
 * Does the CPU flush by itself before it touches application memory again?
 * Marks it, then looks again: against tlb_idle_exit(), which clears `idle`
 * and then looks at the mark.  All four are sequentially consistent, so at
 * least one of the two sees what the other wrote.
 */
static bool left_to_idle(struct tlb_cpu *cpu)
{
    if (!atomic_load_explicit(&cpu->idle, memory_order_seq_cst)) {
        return false;
    }
    atomic_store_explicit(&cpu->missed, true, memory_order_seq_cst);
    return atomic_load_explicit(&cpu->idle, memory_order_seq_cst);
}

/* Posts the request to every CPU that runs; returns which. */
static u64 post(void)
{
    u64 mask = 0;

    /* The entries were changed before a CPU is found idle: left_to_idle(). */
    atomic_thread_fence(memory_order_seq_cst);
    for (unsigned i = 0; i < cpu_count(); i++) {
        if (i == cpu_id() || left_to_idle(&tlb.cpu[i])) {
            continue;
        }
        atomic_store_explicit(&tlb.cpu[i].request, true, memory_order_release);
        mask |= 1ull << i;
    }
    return mask;
}

static void wait_for(u64 mask)
{
    for (; mask != 0; mask &= mask - 1) {
        struct tlb_cpu *cpu = &tlb.cpu[__builtin_ctzll(mask)];

        while (atomic_load_explicit(&cpu->request, memory_order_acquire)) {
            cpu_pause();
        }
    }
}

static void shootdown(const struct tlb_batch *batch)
{
    u64 mask;

    token_take();
    tlb.batch = batch;
    mask = post();
    if (mask != 0) {
        cpu_send_ipi(mask, IPI_SHOOTDOWN);
    }
    tlb_flush_local(batch);
    /* Nobody else holds the token, so there is no request to answer here. */
    wait_for(mask);
    atomic_store_explicit(&tlb.token, 0, memory_order_release);

    count(&tlb.cpu[cpu_id()].batches, 1);
    count(&tlb.cpu[cpu_id()].ipis, (u64)__builtin_popcountll(mask));
    count(&tlb.cpu[cpu_id()].pages, batch->pages);
    trace(TRACE_SHOOTDOWN, mask, batch->pages);
}

void tlb_batch_finish(struct tlb_batch *batch)
{
    if (MOKA_DEBUG >= 1) {
        BUG_ON(this_cpu()->locks.count != 0);
    }
    if (tlb_batch_stale(batch)) {
        shootdown(batch);
    }
    tlb_batch_release(batch);
    tlb_batch_init(batch);
}

void tlb_idle_enter(void)
{
    atomic_store_explicit(&tlb.cpu[cpu_id()].idle, true, memory_order_seq_cst);
}

void tlb_idle_exit(void)
{
    struct tlb_cpu *me = &tlb.cpu[cpu_id()];

    atomic_store_explicit(&me->idle, false, memory_order_seq_cst);
    /* See left_to_idle(). */
    if (atomic_load_explicit(&me->missed, memory_order_seq_cst)) {
        atomic_store_explicit(&me->missed, false, memory_order_relaxed);
        count(&me->full_flushes, 1);
        tlb_flush_all_local();
    }
}

void tlb_get_stats(struct tlb_stats *stats)
{
    *stats = (struct tlb_stats){0};
    for (unsigned i = 0; i < cpu_count(); i++) {
        const struct tlb_cpu *cpu = &tlb.cpu[i];

        stats->batches += atomic_load_explicit(&cpu->batches, memory_order_relaxed);
        stats->ipis += atomic_load_explicit(&cpu->ipis, memory_order_relaxed);
        stats->full_flushes += atomic_load_explicit(&cpu->full_flushes, memory_order_relaxed);
        stats->pages += atomic_load_explicit(&cpu->pages, memory_order_relaxed);
    }
}
