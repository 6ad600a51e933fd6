/* SPDX-License-Identifier: MIT */
/*
 * makecontext(): a stack and registers as if `function` had been called with
 * its arguments, which are ints or, on x86-64, as wide as a register.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdint.h>
#include <ucontext.h>

#include "glibc.h"

HIDDEN void __context_end(void);

void makecontext(ucontext_t *context, void (*function)(void), int count, ...)
{
    static const unsigned char in_register[6] = {REG_RDI, REG_RSI, REG_RDX,
                                                 REG_RCX, REG_R8,  REG_R9};
    greg_t *registers = context->uc_mcontext.gregs;
    int on_stack = count > 6 ? count - 6 : 0;
    uintptr_t top = (uintptr_t)context->uc_stack.ss_sp + context->uc_stack.ss_size;
    /* At its first instruction a function has rsp + 8 aligned to 16. */
    uint64_t *stack = (uint64_t *)(((top - 8 * on_stack) & -16ul) - 8);
    va_list args;

    stack[0] = (uintptr_t)__context_end;
    va_start(args, count);
    for (int i = 0; i < count; i++) {
        uint64_t argument = va_arg(args, uint64_t);

        if (i < 6) {
            registers[in_register[i]] = argument;
        } else {
            stack[i - 5] = argument;
        }
    }
    va_end(args);
    registers[REG_RSP] = (uintptr_t)stack;
    registers[REG_RIP] = (uintptr_t)function;
    registers[REG_RBX] = (uintptr_t)context->uc_link;
    registers[REG_RBP] = 0;
}
