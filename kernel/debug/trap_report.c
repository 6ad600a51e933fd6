/* SPDX-License-Identifier: MIT */
/*
 * What panic says about a trap: its name, for a page fault the access and
 * the place in words, and the registers.  No locks, nothing but the frame
 * and the structures of the CPUs.
 */
#include <kernel/aspace.h>
#include <kernel/cpu.h>
#include <kernel/pagetable.h>
#include <kernel/print.h>
#include <kernel/start.h>
#include <kernel/thread.h>
#include <kernel/trap.h>

#include "debug_priv.h"

static const char *const trap_names[VECTOR_FIRST] = {
    "divide error",
    "debug",
    "NMI",
    "breakpoint",
    "overflow",
    "bound range",
    "invalid opcode",
    "device not available",
    "double fault",
    "coprocessor overrun",
    "invalid TSS",
    "segment not present",
    "stack segment",
    "general protection",
    "page fault",
    "reserved",
    "x87 error",
    "alignment check",
    "machine check",
    "SIMD error",
    "virtualization",
    "control protection",
};

static const char *trap_name(u64 vector)
{
    if (vector >= VECTOR_FIRST) {
        return "interrupt";
    }
    return trap_names[vector] != NULL ? trap_names[vector] : "reserved";
}

static bool in_section(u64 addr, const char *start, const char *end)
{
    return addr >= (u64)start && addr < (u64)end;
}

/*
 * Whether `addr` lies in the guard below the stack of this CPU's thread.
 * The pages are exact; only the thread that runs can have run into them.
 */
static bool in_stack_guard(const struct thread *thread, u64 addr)
{
    u64 bottom = thread->kstack_top - KSTACK_SIZE;

    return addr < bottom && addr >= bottom - KSTACK_GUARD;
}

static const struct thread *running_thread(void)
{
    const struct thread *thread = this_cpu()->current;
    u64 probe;

    return debug_peek((vaddr_t)thread, &probe) && thread->magic == THREAD_MAGIC ? thread : NULL;
}

static const char *place_name(const struct trap_frame *frame, u64 addr)
{
    if (addr < ASPACE_MIN) {
        return "NULL pointer";
    }
    if (in_section(addr, kernel_text_start, kernel_code_end)) {
        return "kernel text";
    }
    if (in_section(addr, kernel_code_end, kernel_text_end)) {
        return "kernel read-only data";
    }
    /* A push, or the first touch of a new frame: most often an overflow. */
    return addr - frame->rsp + PAGE_SIZE < 2 * PAGE_SIZE ? "stack" : "memory";
}

/* Intel SDM 3A 4.7 for the bits. */
static void print_page_fault(const struct trap_frame *frame, u64 addr)
{
    const char *access = "read of";
    const char *page = "unmapped";

    if ((frame->error & FAULT_EXECUTE) != 0) {
        access = "execution of";
    } else if ((frame->error & FAULT_WRITE) != 0) {
        access = "write to";
    }
    if ((frame->error & FAULT_RESERVED) != 0) {
        page = "wrongly mapped (reserved bit)";
    } else if ((frame->error & FAULT_PRESENT) != 0) {
        page = "protected";
    }
    kprintf("  %s %s %s, address 0x%lx", access, page, place_name(frame, addr), addr);
    debug_print_symbol(addr);
    kprintf("\n");
}

/* A stack pointer in the guard does not look like the kernel's to trap_from_app(). */
static bool is_stack_overflow(const struct trap_frame *frame, u64 addr, const struct thread *thread)
{
    return (frame->vector == TRAP_PF || frame->vector == TRAP_DF) && thread != NULL &&
           thread->kstack_top != 0 &&
           (in_stack_guard(thread, addr) || in_stack_guard(thread, frame->rsp));
}

void debug_print_cause(const struct trap_frame *frame, u64 fault_address, bool from_app)
{
    const struct thread *thread = running_thread();
    bool overflow = is_stack_overflow(frame, fault_address, thread);

    kprintf("  vector %lu (%s), error 0x%lx, in %s\n", frame->vector, trap_name(frame->vector),
            frame->error, from_app && !overflow ? "application code" : "the kernel");
    if (frame->vector == TRAP_PF) {
        print_page_fault(frame, fault_address);
    }
    if (overflow) {
        kprintf("  kernel stack overflow: guard page of the kernel stack of thread %u '%.*s'\n",
                thread->tid, THREAD_NAME, thread->name);
    }
}

static void print_code(u64 rip)
{
    u64 bytes;

    kprintf("  code at rip & ~7:");
    for (unsigned i = 0; i < 3 && debug_peek((rip & ~7ull) + 8 * i, &bytes); i++) {
        for (unsigned shift = 0; shift < 64; shift += 8) {
            kprintf(" %02lx", bytes >> shift & 0xff);
        }
    }
    kprintf("\n");
}

static u64 read_cr3(void)
{
    u64 value;

    __asm__ volatile("movq %%cr3, %0" : "=r"(value));
    return value;
}

void debug_print_registers(const struct trap_frame *frame, u64 fault_address)
{
    kprintf("  rip %016lx", frame->rip);
    debug_print_symbol(frame->rip);
    kprintf("\n"
            "  rax %016lx rbx %016lx rcx %016lx rdx %016lx\n"
            "  rsi %016lx rdi %016lx rbp %016lx rsp %016lx\n",
            frame->rax, frame->rbx, frame->rcx, frame->rdx, frame->rsi, frame->rdi, frame->rbp,
            frame->rsp);
    kprintf("  r8  %016lx r9  %016lx r10 %016lx r11 %016lx\n"
            "  r12 %016lx r13 %016lx r14 %016lx r15 %016lx\n",
            frame->r8, frame->r9, frame->r10, frame->r11, frame->r12, frame->r13, frame->r14,
            frame->r15);
    kprintf("  rflags %lx cs %lx ss %lx cr2 %016lx cr3 %016lx\n", frame->rflags, frame->cs,
            frame->ss, fault_address, read_cr3());
    print_code(frame->rip);
}
