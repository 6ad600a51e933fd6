/* SPDX-License-Identifier: MIT */
/*
 * Every call of the list, weakly: what nobody else defines.  The number is
 * still in rax, where syscall_entry has it.
 */
#include <kernel/syscall_list.h>

    .text
    .globl sys_missing
    .type sys_missing, @function
sys_missing:
    mov %rax, %rdi
    jmp syscall_missing

#define X(nr, name, blocks, where) .weak sys_##name; .set sys_##name, sys_missing;
    SYSCALL_LIST(X)
#undef X

    .section .note.GNU-stack, "", @progbits
