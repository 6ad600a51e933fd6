/* SPDX-License-Identifier: MIT */
/*
 * Platform "kvm_pvm": KVM on a host without hardware virtualisation.  The
 * guest's ring 0 runs on the CPU at hardware CPL 3; privileged instructions
 * trap.  What is done without a trap is done so here and in the inline
 * functions of kernel/platform.h.  docs/platforms.md has the whole story.
 */
#include <kernel/cpu.h>
#include <kernel/pagetable.h>
#include <kernel/platform.h>
#include <kernel/trap.h>

#include <stdatomic.h>

#include "../../x86/x86_priv.h"
#include "pvm_host.h"

#define FEW_ENTRIES 2u /* three stores in a row, too, make KVM forget the directory */

static void pvm_cpu_init(struct cpu *cpu)
{
    (void)cpu; /* boot.S went native before the first line of C */
}

/* The host acknowledges interrupts itself as it delivers them. */
static void pvm_end_of_interrupt(void)
{
}

/*
 * An interrupt between the store that enables interrupts and the IRETQ of
 * trap_return (entry.S): all registers are the interrupted code's already
 * and the stack holds what IRETQ would have loaded, so that is what was
 * interrupted.  One in the halt sequence: on to its end.
 */
static void pvm_fix_frame(struct trap_frame *frame)
{
    u64 rip = frame->rip;

    if (rip >= (u64)trap_return_window && rip < (u64)trap_iret_end) {
        const u64 *iret = (const u64 *)frame->rsp;

        frame->rip = iret[0];
        frame->rflags = iret[2];
        frame->rsp = iret[3];
    } else if (rip >= (u64)pvm_halt_begin && rip < (u64)pvm_halt_end) {
        frame->rip = (u64)pvm_halt_end;
    }
}

static u64 pvm_fault_address(void)
{
    u64 address;

    __asm__ volatile("movq %%gs:%c1, %0" : "=r"(address) : "i"(CPU_FAULT_ADDRESS));
    return address;
}

/*
 * A page directory in use is write-protected by the host, and a store to it
 * exits.  A string instruction is not one that changes page tables, says KVM:
 * it forgets all that it has shadowed of the directory, and lets the
 * instruction run.  So many stores cost no more than two, but each page of the
 * directory's 1 GiB that is touched again misses again.
 *
 * There are two such instructions, which take turns: KVM emulates one that it let run last and
 * that meets the same place again, as it may never get on otherwise, and forgets nothing then.
 */
static void pvm_write_first_of_many(u64 *dst, const u64 *src, unsigned count)
{
    static _Atomic bool second;
    bool turn = atomic_load_explicit(&second, memory_order_relaxed);
    u64 n = count;

    atomic_store_explicit(&second, !turn, memory_order_relaxed);
    if (turn) {
        __asm__ volatile("rep movsq # one" : "+D"(dst), "+S"(src), "+c"(n)::"memory");
    } else {
        __asm__ volatile("rep movsq # two" : "+D"(dst), "+S"(src), "+c"(n)::"memory");
    }
}

static void pvm_write_entries(u64 *dst, const u64 *src, unsigned count)
{
    if (count <= FEW_ENTRIES) {
        for (unsigned i = 0; i < count; i++) {
            pte_store(&dst[i], src[i]);
        }
        return;
    }
    pvm_write_first_of_many(dst, src, count);
}

const struct platform_ops platform_kvm_pvm = {
    .name = "kvm_pvm",
    .cpu_init = pvm_cpu_init,
    .end_of_interrupt = pvm_end_of_interrupt,
    .halt = pvm_halt,
    .fix_frame = pvm_fix_frame,
    .fault_address = pvm_fault_address,
    .flush_all_above = 2, /* an INVLPG costs half a reload of CR3 */
    .giant_pages = false, /* 1 GiB leaves fault, whatever CPUID says */
    .rdtscp = true,       /* the host hides it, the CPU that runs us has it */
    .batch_directory_writes = true,
    .directory_writes_flush = true, /* KVM unlinks what it has shadowed, and tells all CPUs */
    .write_entries = pvm_write_entries,
    .write_first_of_many = pvm_write_first_of_many,
};
