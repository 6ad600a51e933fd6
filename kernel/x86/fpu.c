/* SPDX-License-Identifier: MIT */
/*
 * Vector and x87 state.  The kernel itself is compiled without it, so the
 * registers stay the application's through every trap; they are saved only
 * when a thread is switched away while they are live, that is after it was
 * interrupted or has faulted, never after a system call.
 *
 * XSAVEC packs the area and skips what is in its initial state; plain XSAVE
 * serves where that is missing (TCG).  Saved are x87, SSE, AVX, AVX-512 and
 * PKRU as far as XCR0 has them.  AMX tiles are not: 8 KiB a thread for
 * something a JVM does not use.
 */
#include <kernel/assert.h>
#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/panic.h>
#include <kernel/string.h>
#include <kernel/thread.h>

#include "../sched/arch_priv.h"
#include "x86_priv.h"

#define XSTATE_X87_SSE 0x3ull
#define XSTATE_AVX 0x4ull
#define XSTATE_AVX512 0xe0ull
#define XSTATE_PKRU 0x200ull
#define XSTATE_SAVED (XSTATE_X87_SSE | XSTATE_AVX | XSTATE_AVX512 | XSTATE_PKRU)

#define XSAVE_LEGACY_SIZE 512
#define XSAVE_HEADER_SIZE 64

static u64 xgetbv(void)
{
    u32 lo, hi;

    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return (u64)hi << 32 | lo;
}

static void xsetbv(u64 value)
{
    __asm__ volatile("xsetbv" ::"c"(0), "a"((u32)value), "d"((u32)(value >> 32)));
}

/* Enables what is to be saved.  kvm_pvm keeps the host's XCR0 whatever is set. */
void fpu_init_cpu(void)
{
    xsetbv(cpu_features.xsave_mask);
}

/* Intel SDM 1, 13.2: leaf 0xd describes the save area. */
void fpu_init_boot(void)
{
    struct cpuid sizes = cpuid(0xd, 0);
    struct cpuid extras = cpuid(0xd, 1);
    u64 supported = (u64)sizes.edx << 32 | sizes.eax;

    cpu_features.xsave_mask = supported & XSTATE_SAVED;
    if ((cpu_features.xsave_mask & XSTATE_AVX) == 0) {
        cpu_features.xsave_mask &= ~XSTATE_AVX512;
    }
    cpu_features.xsavec = (extras.eax & 2) != 0;
    fpu_init_cpu();
    cpu_features.xsave_mask &= xgetbv();
    /* Bytes for all of XCR0 in either format: at most what ebx says now. */
    cpu_features.xsave_size = cpuid(0xd, 0).ebx;
    if (cpu_features.xsave_size < XSAVE_LEGACY_SIZE + XSAVE_HEADER_SIZE) {
        config_error("CPUID leaf 0xd gives an XSAVE area of %u bytes", cpu_features.xsave_size);
    }
}

int arch_xsave_alloc(struct thread *thread)
{
    thread->xsave = kmalloc_aligned(cpu_features.xsave_size, 64);
    if (thread->xsave == NULL) {
        return -ENOMEM;
    }
    /* XRSTOR faults on a header with garbage in it. */
    memset(thread->xsave, 0, XSAVE_LEGACY_SIZE + XSAVE_HEADER_SIZE);
    return 0;
}

void arch_xsave_free(struct thread *thread)
{
    kfree(thread->xsave);
    thread->xsave = NULL;
}

void arch_xsave(struct thread *thread)
{
    u32 lo = (u32)cpu_features.xsave_mask, hi = (u32)(cpu_features.xsave_mask >> 32);

    assert(thread->xsave != NULL);
    if (cpu_features.xsavec) {
        __asm__ volatile("xsavec64 (%0)" ::"r"(thread->xsave), "a"(lo), "d"(hi) : "memory");
    } else {
        __asm__ volatile("xsave64 (%0)" ::"r"(thread->xsave), "a"(lo), "d"(hi) : "memory");
    }
}

/* Into thread->xsave, in the format that a signal's frame has. */
void fpu_save_standard(struct thread *thread)
{
    u32 lo = (u32)cpu_features.xsave_mask, hi = (u32)(cpu_features.xsave_mask >> 32);

    /* XSAVE leaves the header's second word alone, which XSAVEC sets. */
    memset(thread->xsave, 0, cpu_features.xsave_size);
    __asm__ volatile("xsave64 (%0)" ::"r"(thread->xsave), "a"(lo), "d"(hi) : "memory");
}

/* What a signal handler begins with. */
void fpu_load_initial(void)
{
    static const struct {
        u16 control, status;
        u32 rest[5];
        u32 mxcsr, mxcsr_mask;
        u8 registers[XSAVE_LEGACY_SIZE - 32];
        u8 header[XSAVE_HEADER_SIZE];
    } initial aligned_to(64) = {.control = 0x37f, .mxcsr = 0x1f80};
    u32 lo = (u32)cpu_features.xsave_mask, hi = (u32)(cpu_features.xsave_mask >> 32);

    __asm__ volatile("xrstor64 (%0)" ::"r"(&initial), "a"(lo), "d"(hi) : "memory");
}

void arch_xrstor(struct thread *thread)
{
    u32 lo = (u32)cpu_features.xsave_mask, hi = (u32)(cpu_features.xsave_mask >> 32);

    __asm__ volatile("xrstor64 (%0)" ::"r"(thread->xsave), "a"(lo), "d"(hi) : "memory");
}
