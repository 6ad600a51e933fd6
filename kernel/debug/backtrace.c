/* SPDX-License-Identifier: MIT */
/*
 * Walks the chain of frame pointers (the kernel is built with them): each
 * frame holds the caller's frame pointer and, above it, the return address.
 * Where a trap or a system call lies between, entry.S has left what is needed
 * to go on with the code that it interrupted, be it on another stack.
 *
 * It runs when something is broken, so it trusts nothing: an address is read
 * only if the page tables map ordinary memory there, and on one stack a
 * caller's frame must lie above its callee's and not far away.
 */
#include <kernel/symbols.h>

#include <kernel/frame.h>
#include <kernel/pagetable.h>
#include <kernel/print.h>
#include <kernel/start.h>
#include <kernel/string.h>
#include <kernel/trap.h>

#include "debug_priv.h"

extern const char trap_return[]; /* entry.S: where trap_dispatch() returns to */

#define FRAMES_MAX 32
#define STEPS_MAX 4096
#define PROLOGUE_MAX 32 /* bytes */
#define FRAME_DISTANCE_MAX (64 * KIB)

/* The image is mapped always; all else only once the page tables are ours. */
static bool is_memory(vaddr_t va)
{
    unsigned level;
    u64 entry;

    if (va >= (u64)kernel_text_start && va < (u64)kernel_end) {
        return true;
    }
    if (pagetable_root() == 0 || va >= VADDR_END) {
        return false;
    }
    entry = *pt_lookup(va, &level);
    return (entry & PTE_PRESENT) != 0 && (entry & PTE_CACHE_OFF) == 0;
}

bool debug_peek(vaddr_t va, u64 *value)
{
    if (va == 0 || !IS_ALIGNED(va, 8) || !is_memory(va)) {
        return false;
    }
    *value = *(const u64 *)va;
    return true;
}

void debug_print_symbol(u64 addr)
{
    u64 offset;
    const char *name = symbol_lookup(addr, &offset);

    if (name != NULL) {
        kprintf(" %s+0x%lx", name, offset);
    }
}

/* Where the walk stands: `rip` in a function whose frame pointer is `rbp`. */
struct position {
    u64 rip, rbp;
    u64 rsp;     /* of code that was interrupted, else 0: not known */
    bool called; /* `rip` is where a call returns to, not where the code is */
};

/*
 * A return address may be that of the next function, after a call that never
 * returns, so it is the byte before it that is looked up.
 */
static void print_position(unsigned number, const struct position *at)
{
    u64 offset;
    const char *name = symbol_lookup(at->rip - at->called, &offset);

    if (name != NULL) {
        kprintf("  #%u 0x%016lx %s+0x%lx\n", number, at->rip, name, offset + at->called);
    } else {
        kprintf("  #%u 0x%016lx\n", number, at->rip);
    }
}

/* The trap frame lies above the return address to trap_return. */
static bool cross_trap(struct position *at)
{
    u64 frame = at->rbp + 16, vector;

    if (!debug_peek(frame + offsetof(struct trap_frame, vector), &vector) ||
        !debug_peek(frame + offsetof(struct trap_frame, rip), &at->rip) ||
        !debug_peek(frame + offsetof(struct trap_frame, rsp), &at->rsp) ||
        !debug_peek(frame + offsetof(struct trap_frame, rbp), &at->rbp)) {
        return false;
    }
    kprintf("  -- trap, vector %lu --\n", vector);
    at->called = false;
    return true;
}

/* syscall_entry keeps the application's rbp, and its rsp where others have a return address. */
static bool cross_syscall(struct position *at, u64 frame)
{
    u64 rsp;

    if (!debug_peek(frame + 8, &rsp) || !debug_peek(frame, &at->rbp) ||
        !debug_peek(rsp, &at->rip)) {
        return false;
    }
    kprintf("  -- system call --\n");
    at->rsp = 0;
    at->called = true;
    return true;
}

static bool is_in_syscall_entry(u64 rip)
{
    u64 offset;
    const char *name = symbol_lookup(rip, &offset);

    return name != NULL && strcmp(name, "syscall_entry") == 0;
}

/*
 * The compiler gives functions that need no stack no frame, and others have
 * none yet in their first instructions.  Has this one made its own?
 */
static bool has_frame(const struct position *at)
{
    static const u8 make_frame[] = {0x48, 0x89, 0xe5}; /* mov %rsp, %rbp */
    u64 offset;

    if (at->called || at->rsp == 0 || symbol_lookup(at->rip, &offset) == NULL) {
        return true;
    }
    for (u64 i = 0; i + sizeof(make_frame) <= MIN(offset, PROLOGUE_MAX); i++) {
        if (memcmp((const u8 *)at->rip - offset + i, make_frame, sizeof(make_frame)) == 0) {
            return true;
        }
    }
    return false;
}

/* Then the return address is on top of the stack, if nothing was pushed. */
static bool step_without_frame(struct position *at)
{
    u64 rip, offset;

    if (has_frame(at) || !debug_peek(at->rsp, &rip) || symbol_lookup(rip, &offset) == NULL) {
        return false;
    }
    at->rip = rip;
    at->rsp = 0;
    at->called = true;
    return true;
}

/* Moves to the caller; false where the chain ends. */
static bool step(struct position *at)
{
    u64 rbp, rip;

    if (step_without_frame(at)) {
        return true;
    }
    if (!debug_peek(at->rbp, &rbp) || !debug_peek(at->rbp + 8, &rip) || rip == 0) {
        return false;
    }
    if (rip == (u64)trap_return) {
        return cross_trap(at);
    }
    if (is_in_syscall_entry(rip - 1)) {
        return cross_syscall(at, rbp);
    }
    if (rbp != 0 && (rbp <= at->rbp || rbp - at->rbp > FRAME_DISTANCE_MAX)) {
        rbp = 0;
    }
    *at = (struct position){.rip = rip, .rbp = rbp, .called = true};
    return true;
}

/* Recursion fills stacks: frames like the one before are counted, not printed. */
static void walk(struct position at)
{
    unsigned printed = 0, repeated = 0;

    for (unsigned steps = 0; printed < FRAMES_MAX && steps < STEPS_MAX; steps++) {
        u64 before = at.rip;
        bool more;

        if (repeated == 0) {
            print_position(printed++, &at);
        }
        more = step(&at);
        if (more && at.rip == before) {
            repeated++;
            continue;
        }
        if (repeated != 0) {
            kprintf("  ... and %u times more\n", repeated);
            repeated = 0;
        }
        if (!more) {
            return;
        }
    }
}

void debug_backtrace(u64 rip, u64 rbp, u64 rsp)
{
    walk((struct position){.rip = rip, .rbp = rbp, .rsp = rsp, .called = rsp == 0});
}

void backtrace_print(u64 rip, u64 rbp)
{
    walk((struct position){.rip = rip, .rbp = rbp});
}
