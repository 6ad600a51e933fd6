/* SPDX-License-Identifier: MIT */
/*
 * Where a thread was when SIGCANCEL interrupted it, as cancel_handler() wants
 * to know it: a program counter in [__cp_begin, __cp_end) means that the call
 * of a cancellation point has not begun or will be started again.
 *
 * Starting a call again can look like its call instruction, or like the
 * kernel's entry with the return address on the stack, or, with a stand-in for
 * the kernel that runs on Linux, like a SYSCALL instruction with that stack.
 * The latter two are made the first, so that rsp is right when the handler
 * sends the thread elsewhere.
 */
#ifndef MOKA_CANCEL_H
#define MOKA_CANCEL_H

#include <signal.h>
#include <stdint.h>

#include "syscall_arch.h"

extern __attribute__((__visibility__("hidden"))) const char __cp_begin[1], __cp_end[1];

static inline uintptr_t moka_restarted_pc(mcontext_t *state)
{
    static const uint16_t syscall_instruction = 0x050f;
    uintptr_t pc = state->gregs[REG_RIP];
    uintptr_t *stack = (uintptr_t *)state->gregs[REG_RSP];

    if (*stack == (uintptr_t)__cp_end &&
        (pc == (uintptr_t)__moka_syscall || *(const uint16_t *)pc == syscall_instruction)) {
        state->gregs[REG_RSP] += sizeof *stack;
        pc = (uintptr_t)__cp_begin;
    }
    return pc;
}

/*
 * Where the thread was when it is cancelled asynchronously may be anywhere in a
 * function: the stack is what a function finds at its entry, beyond the red zone.
 */
static inline void moka_align_stack(mcontext_t *state)
{
    state->gregs[REG_RSP] = ((state->gregs[REG_RSP] - 128) & -16) - 8;
}

#endif
